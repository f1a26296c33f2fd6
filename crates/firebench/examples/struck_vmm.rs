//! A real VMM that is struck by a signal amid the first iteration of its guest, for tests in the nested host. This program
//! becomes the VMM; a child of it passes the console on, and sends the signal when an iteration has begun.
//!
//! Which VMM and which signal stand in the last line of this program's own file: the nested host takes no other file along
//! with a VMM.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Deserialize;

/// What happens to whom.
#[derive(Deserialize)]
struct Strike {
    /// The VMM's program.
    vmm: PathBuf,
    /// The signal.
    signal: i32,
    /// Milliseconds from the beginning of the iteration.
    after_ms: u64,
}

/// The argument with which the child is started; the VMM's process id follows.
const WATCH: &str = "watch";
/// What the console says when an iteration begins.
const BEGUN: &[u8] = b"\"iteration_start\"";

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let own = std::env::current_exe()?;
    let bytes = std::fs::read(&own)?;
    let last = bytes.rsplit(|&byte| byte == b'\n').find(|line| !line.is_empty()).ok_or("an empty program")?;
    let strike: Strike = serde_json::from_slice(last)?;
    let args: Vec<String> = std::env::args().skip(1).collect();
    let mut vmm = Command::new(&strike.vmm);
    match args.as_slice() {
        [watch, pid] if watch == WATCH => return self::watch(Pid::from_raw(pid.parse()?), &strike),
        [version] if version == "--version" => {}
        _ => {
            let own_pid = std::process::id().to_string();
            let mut watcher = Command::new(own).args([WATCH, &own_pid]).stdin(Stdio::piped()).spawn()?;
            vmm.stdout(watcher.stdin.take().ok_or("no pipe to the child")?);
        }
    }
    Err(vmm.args(args).exec().into())
}

/// Passes the console on until it ends, and strikes once.
fn watch(vmm: Pid, strike: &Strike) -> Outcome<()> {
    let signal = Signal::try_from(strike.signal)?;
    let delay = Duration::from_millis(strike.after_ms);
    let (mut console, mut out) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut seen = Vec::new();
    let mut buffer = [0; 4096];
    let mut struck = false;
    loop {
        let count = console.read(&mut buffer)?;
        let bytes = buffer.get(..count).unwrap_or_default();
        if bytes.is_empty() {
            return Ok(());
        }
        out.write_all(bytes)?;
        out.flush()?;
        seen.extend_from_slice(bytes);
        if !struck && seen.windows(BEGUN.len()).any(|window| window == BEGUN) {
            struck = true;
            std::thread::spawn(move || {
                std::thread::sleep(delay);
                kill(vmm, signal)
            });
        }
        // What may be the beginning of what is looked for stays.
        seen.drain(..seen.len().saturating_sub(BEGUN.len()));
    }
}
