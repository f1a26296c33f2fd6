//! `serve --port PORT --body BYTES ...`: a small HTTP server, the command of the workloads that need one. One thread a connection, which
//! stays open as long as its client likes; everything that it is sent has a bound.

mod answers;
mod card;
mod options;

use crate::serve::answers::{Answers, Body, Next};
use crate::serve::options::Options;
use firebench_protocol::service::{MAX_BODY, MAX_HEAD};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Connections that are open at once. What comes beyond is closed.
const CONNECTIONS: usize = 512;

/// Bytes of the stack of a connection's thread.
const STACK: usize = 64 << 10;

/// Serves until somebody asks for its end.
pub fn run(options: &[&str]) -> ExitCode {
    let served = Options::parse(options).map_err(|wrong| io::Error::new(ErrorKind::InvalidInput, wrong));
    match served.and_then(|options| serve(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("firebench-agent: cannot serve: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(options: &Options) -> io::Result<()> {
    if let Some((address, bits)) = options.card {
        card::bring_up(address, bits)?;
    }
    std::thread::sleep(options.delay);
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, options.port))?;
    // After it listens: who connects meanwhile waits no longer for it than for any other first answer.
    let answers = Arc::new(Answers::new(match &options.disk {
        Some(path) => Body::on_disk(path)?,
        None => Body::in_memory(options.body.min(MAX_BODY)),
    }));
    let open = Arc::new(AtomicUsize::new(0));
    loop {
        // A client that is gone again is none of anybody's concern; nor is a moment without descriptors.
        let Ok((stream, _)) = listener.accept() else { continue };
        if open.load(Ordering::Relaxed) >= CONNECTIONS {
            continue;
        }
        open.fetch_add(1, Ordering::Relaxed);
        let (answers, counted) = (Arc::clone(&answers), Arc::clone(&open));
        let thread = std::thread::Builder::new().stack_size(STACK).spawn(move || {
            // The client has gone, or speaks something else.
            let _ = converse(stream, &answers);
            counted.fetch_sub(1, Ordering::Relaxed);
        });
        if thread.is_err() {
            open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Answers what comes over a connection until that ends.
fn converse(mut stream: TcpStream, answers: &Answers) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut scratch = answers.scratch();
    let mut buffer = [0; MAX_HEAD];
    let mut filled: usize = 0;
    loop {
        let request = buffer.get(..filled).unwrap_or_default();
        match answers.next(request) {
            Next::More => {
                let room = buffer.get_mut(filled..).filter(|room| !room.is_empty()).ok_or(ErrorKind::InvalidData)?;
                match stream.read(room)? {
                    0 => return Ok(()),
                    count => filled = filled.saturating_add(count),
                }
            }
            Next::Answer { length, answer, ends } => {
                stream.write_all(answers.bytes(answer, &mut scratch)?)?;
                if ends {
                    std::process::exit(0);
                }
                // What follows is the beginning of the next request.
                buffer.copy_within(length.min(filled)..filled, 0);
                filled = filled.saturating_sub(length);
            }
            Next::Refuse(answer) => return stream.write_all(answer),
        }
    }
}
