//! Running the programs of e2fsprogs.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use firebench_os::program::find_program;
use firebench_os::run::{self, Limits, Unfinished};

use crate::{Error, Result};

/// Bytes that a program may say: a table of extents has 70 for each.
const MAX_OUTPUT: u64 = 64 << 20;

/// All times in an image: 2020-01-01T00:00:00Z.
const TIME: &str = "1577836800";

/// Runs `tool` on `image` and returns what it printed on its standard output. `verdict` looks at the exit code and at
/// the standard error without the version line that every program of e2fsprogs begins with.
pub(super) fn run(
    tool: &'static str,
    action: &'static str,
    image: &Path,
    arguments: impl FnOnce(&mut Command),
    verdict: fn(Option<i32>, &str) -> bool,
) -> Result<String> {
    let program = find_program(tool).ok_or(Error::ToolMissing { tool })?;
    let mut command = Command::new(&program);
    arguments(&mut command);
    // 1.47.0 honours the first, newer ones the second as well. Without a configuration only our own arguments count.
    command.env("E2FSPROGS_FAKE_TIME", TIME).env("SOURCE_DATE_EPOCH", TIME).env("MKE2FS_CONFIG", "/dev/null");
    command.env("LC_ALL", "C").env("TZ", "UTC");
    let output = output(&mut command, &program)?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let errors: Vec<&str> = errors.lines().filter(|line| !is_version(tool, line) && !line.trim().is_empty()).collect();
    let errors = errors.join("\n");
    if verdict(output.status.code(), &errors) {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    if errors.contains("No space left on device") {
        return Err(Error::NoSpace { path: image.to_owned(), needed: None, available: None });
    }
    let output = match errors.is_empty() {
        true => format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stdout)),
        false => errors,
    };
    Err(Error::ToolFailed { tool, action, image: image.to_owned(), output: output.trim().to_owned() })
}

/// What a program said until its end; the user's wish to stop ends it, too.
fn output(command: &mut Command, program: &Path) -> Result<Output> {
    let limits = Limits { time: Duration::MAX, written: MAX_OUTPUT, kept: MAX_OUTPUT };
    run::run(command, limits).map_err(|unfinished| match unfinished {
        Unfinished::NoFile { dir, source } => Error::io("create a file in", &dir)(source),
        Unfinished::NotRun(source) => Error::io("run", program)(source),
        Unfinished::Unwanted => Error::Cancelled,
        Unfinished::Late | Unfinished::Flooding => {
            let said = format!("it wrote more than {} MiB", MAX_OUTPUT >> 20);
            Error::io("run", program)(std::io::Error::other(said))
        }
    })
}

/// Whether it is a line such as `debugfs 1.47.0 (5-Feb-2023)`.
fn is_version(tool: &str, line: &str) -> bool {
    line.strip_prefix(tool).is_some_and(|rest| rest.starts_with(" 1.") && rest.ends_with(')'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_lines() {
        assert!(is_version("debugfs", "debugfs 1.47.0 (5-Feb-2023)"));
        assert!(!is_version("debugfs", "debugfs: Bad magic number in super-block while trying to open x"));
    }

    #[test]
    fn a_program_that_writes_without_end_is_ended() {
        let error = output(&mut Command::new("yes"), Path::new("yes")).expect_err("too much");
        assert!(matches!(&error, Error::Io { source, .. } if source.to_string().contains("64 MiB")), "{error:?}");
    }
}
