//! Boots one guest with libkrun, which is a library: the program that firebench's contender `libkrun` is started as.
//!
//! It is a program of its own, so that no other part of firebench is built from libkrun, and so that whoever measures it measures a
//! process as of any VMM.

#[expect(unsafe_code, reason = "libkrun's interface is that of a C library")]
mod boot;
mod options;

use std::io::Write as _;
use std::process::ExitCode;

use options::{Command, HELP};

/// The version of libkrun, as in Cargo.toml.
const LIBKRUN: &str = "1.19.7";

/// What a wrong command line ends with.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    match options::parse(std::env::args_os().skip(1)) {
        Ok(Command::Boot(options)) => match boot::boot(&options) {
            Ok(never) => match never {},
            Err(error) => fail(&error.to_string(), 1),
        },
        Ok(Command::Version) => print(&version()),
        Ok(Command::Help) => print(HELP),
        Err(error) => fail(&format!("{error}\nhint: firebench-libkrun --help lists the options"), USAGE),
    }
}

/// The line that firebench reads: what it measures is libkrun.
fn version() -> String {
    format!("libkrun {LIBKRUN} (firebench-libkrun {})\n", env!("CARGO_PKG_VERSION"))
}

fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn fail(message: &str, code: u8) -> ExitCode {
    // Where the standard error is closed, nobody reads it.
    let _ = writeln!(std::io::stderr(), "error: {message}");
    ExitCode::from(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_library() {
        let manifest = include_str!("../Cargo.toml");
        assert!(manifest.contains(&format!("libkrun = {{ version = \"={LIBKRUN}\"")), "{manifest}");
        assert_eq!(version(), format!("libkrun {LIBKRUN} (firebench-libkrun {})\n", env!("CARGO_PKG_VERSION")));
    }
}
