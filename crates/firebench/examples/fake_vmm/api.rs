//! Firecracker's API socket, as far as firebench uses it: takes the requests, until the guest is to start.

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Outcome;
use crate::arguments::{self, Read as Started};
use crate::process::commit_alone;
use crate::script::{Deed, Misdeed, Moment};

/// As Firecracker 1.12.1 sends it.
const DONE: &[u8] = b"HTTP/1.1 204 \r\nServer: Firecracker API\r\nConnection: keep-alive\r\n\r\n";
/// Room for a request, which is shorter.
const ROOM: usize = 1 << 20;

/// The API socket of a command line.
pub struct Api {
    socket: PathBuf,
    log: PathBuf,
}

impl Api {
    /// None where there is to be none.
    pub fn of(args: &[String]) -> Option<Api> {
        let path = |name: &str| arguments::option(args, name).map(PathBuf::from);
        Some(Api { socket: path("--api-sock")?, log: path("--log-path")? })
    }

    /// The number of the boot.
    pub fn boot(&self) -> u64 {
        arguments::number(&self.socket)
    }

    /// Takes the requests up to the one that starts the guest.
    pub fn start(self, misdeeds: &[Misdeed]) -> Started {
        let at = |moment: Moment| misdeeds.iter().filter(move |misdeed| misdeed.at == moment).map(|it| &it.deed);
        for deed in at(Moment::Listen) {
            commit_alone(deed)?;
        }
        let (mut stream, _) = UnixListener::bind(&self.socket)?.accept()?;
        let mut initramfs = None;
        for number in 0.. {
            let (path, body) = request(&mut stream)?;
            if number == 1 {
                at(Moment::Told).try_for_each(|deed| answer(deed, &stream))?;
            }
            stream.write_all(DONE)?;
            match path.as_str() {
                "/boot-source" => initramfs = body.get("initrd_path").and_then(Value::as_str).map(PathBuf::from),
                "/actions" => break,
                _ => {}
            }
        }
        let log = self.log.to_str().ok_or("a log without a name")?;
        arguments::with_initramfs(Path::new(&initramfs.ok_or("no initrd")?), Some(log))
    }
}

/// Answers as it should not, or does something else that it should not.
fn answer(deed: &Deed, mut stream: &UnixStream) -> Outcome {
    match deed {
        Deed::Answer { text, times } => Ok((0..*times).try_for_each(|_| stream.write_all(text.as_ref()))?),
        Deed::HangUp => {
            stream.shutdown(std::net::Shutdown::Both)?;
            commit_alone(&Deed::Hang).map(drop)
        }
        deed => commit_alone(deed).map(drop),
    }
}

/// The path of a request, and its body.
fn request(stream: &mut UnixStream) -> Result<(String, Value), Box<dyn std::error::Error>> {
    let mut bytes = vec![0; ROOM];
    let mut length = 0;
    loop {
        let text = std::str::from_utf8(bytes.get(..length).unwrap_or_default())?;
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            if let Ok(body) = serde_json::from_str(body) {
                return Ok((head.split(' ').nth(1).ok_or("no path")?.to_owned(), body));
            }
        }
        match stream.read(bytes.get_mut(length..).unwrap_or_default())? {
            0 => return Err("the connection ended".into()),
            count => length += count,
        }
    }
}
