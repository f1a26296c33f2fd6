//! A real VMM that goes astray, for tests in the nested host. This program becomes the VMM, and a child of it passes the
//! console on and strikes it amid an iteration; or it takes what it can get, and never becomes one.
//!
//! Which VMM and which deed stand in the last line of this program's own file: the nested host takes no other file along
//! with a VMM.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;

/// Who goes astray, and how.
#[derive(Deserialize)]
struct Script {
    /// The VMM's program.
    vmm: PathBuf,
    deed: Deed,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Deed {
    /// Gets this signal, so many milliseconds after the first iteration has begun.
    Strike { signal: i32, after_ms: u64 },
    /// As the QEMU of the first nested host: gets this signal once the first boot inside has begun.
    StrikeHost { signal: i32 },
    /// As the QEMU of the first nested host: nothing of what it says gets through any more once the first boot inside has begun.
    MuteHost,
    /// Has threads until it is refused another one; then memory, none of which is its own data, until it is killed.
    Devour,
}

/// The argument with which the child is started; the VMM's process id follows.
const WATCH: &str = "watch";
/// What the console says when an iteration begins.
const BEGUN: &[u8] = b"\"iteration_start\"";
/// What the nested host's console says when the first boot inside begins: an event, as JSON in JSON.
const BOOTING: &[u8] = b"\\\"boot_starting\\\"";
/// What an argument of the first nested host's QEMU holds.
const FIRST_HOST: &str = "/boot-1/";

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let own = std::env::current_exe()?;
    let bytes = std::fs::read(&own)?;
    let last = bytes.rsplit(|&byte| byte == b'\n').find(|line| !line.is_empty()).ok_or("an empty program")?;
    let Script { vmm, deed } = serde_json::from_slice(last)?;
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut vmm = Command::new(vmm);
    match (args.as_slice(), deed) {
        ([version], _) if version == "--version" => {}
        ([watch, pid], Deed::Strike { signal, after_ms }) if watch == WATCH => {
            let strike =
                strike(Pid::from_raw(pid.parse()?), Signal::try_from(signal)?, Duration::from_millis(after_ms));
            return self::watch(BEGUN, strike, false);
        }
        ([watch, pid], Deed::StrikeHost { signal }) if watch == WATCH => {
            let strike = strike(Pid::from_raw(pid.parse()?), Signal::try_from(signal)?, Duration::ZERO);
            return self::watch(BOOTING, strike, false);
        }
        ([watch, _], Deed::MuteHost) if watch == WATCH => return self::watch(BOOTING, || {}, true),
        (args, Deed::StrikeHost { .. } | Deed::MuteHost) if !args.iter().any(|arg| arg.contains(FIRST_HOST)) => {}
        (_, Deed::Strike { .. } | Deed::StrikeHost { .. } | Deed::MuteHost) => {
            let own_pid = std::process::id().to_string();
            let mut watcher = Command::new(own).args([WATCH, &own_pid]).stdin(Stdio::piped()).spawn()?;
            vmm.stdout(watcher.stdin.take().ok_or("no pipe to the child")?);
        }
        (_, Deed::Devour) => devour()?,
    }
    Err(vmm.args(args).exec().into())
}

/// Sends the signal after the delay.
fn strike(vmm: Pid, signal: Signal, delay: Duration) -> impl FnOnce() + Send + 'static {
    move || {
        std::thread::sleep(delay);
        let _ = kill(vmm, signal);
    }
}

/// Passes the console on until it ends; after the words `cue` does the deed, and from then on passes nothing on if it is mute.
fn watch(cue: &[u8], deed: impl FnOnce() + Send + 'static, mute: bool) -> Outcome<()> {
    let mut deed = Some(deed);
    let (mut console, mut out) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = console.read(&mut buffer)?;
        let bytes = buffer.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(());
        }
        if !mute || deed.is_some() {
            out.write_all(bytes)?;
            out.flush()?;
        }
        seen.extend_from_slice(bytes);
        if seen.windows(cue.len()).any(|window| window == cue) {
            deed.take().map(std::thread::spawn);
        }
        // What may be the beginning of what is looked for stays.
        seen.drain(..seen.len().saturating_sub(cue.len()));
    }
}

/// Takes what it can get. Comes back only where memory is refused instead of its being killed.
fn devour() -> Outcome<()> {
    const STACK: usize = 64 << 10;
    /// No file may have more.
    const PIECE: usize = 32 << 20;
    let idle = || std::thread::sleep(Duration::from_secs(600));
    while std::thread::Builder::new().stack_size(STACK).spawn(idle).is_ok() {}
    let zeros = vec![0; PIECE];
    let mut taken = Vec::new();
    loop {
        let mut piece = File::from(memfd_create("piece", MFdFlags::empty())?);
        piece.write_all(&zeros)?;
        taken.push(piece);
    }
}
