//! Where all output of the command line goes.

use std::io::Write;

use firebench_model::json;

use super::failure::Failure;

/// Writes to standard error, as far as somebody reads it.
pub(super) fn tell(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Writes to standard output. It is not an error if the reader has gone.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(OutputError(error).into()),
        _ => Ok(()),
    }
}

/// A value as JSON for people and programs.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    json::pretty(value).map_err(std::io::Error::from).map_err(Failure::system("write JSON"))
}

/// Standard output cannot be written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot write the output")]
#[diagnostic(help("check that there is space; the run is in the store, and `firebench show` prints it"))]
struct OutputError(#[source] std::io::Error);
