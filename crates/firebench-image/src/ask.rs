//! How programs that the user names are asked what they can.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use firebench_os::run::{Limits, Unfinished, run};

/// How a program that the user names is asked: with these arguments, to its end. Returns what it printed.
pub type Ask = fn(&Path, &[&str]) -> io::Result<Vec<u8>>;

/// What a program that is asked may take.
const LIMITS: Limits = Limits { time: Duration::from_secs(60), written: 1 << 20, kept: 1 << 20 };

/// Asks it as a child of this process, without environment and input. Whoever does not trust the program asks in another way.
///
/// # Errors
/// When it does not start, or fails.
pub(crate) fn ask_as_a_child(path: &Path, arguments: &[&str]) -> io::Result<Vec<u8>> {
    let output =
        run(Command::new(path).args(arguments).env_clear(), LIMITS).map_err(|unfinished| match unfinished {
            Unfinished::NotRun(source) => source,
            other => io::Error::other(other),
        })?;
    if output.status.success() { Ok(output.stdout) } else { Err(io::Error::other(output.status.to_string())) }
}
