//! Errors as people read them: in a sentence, with what to do.

use std::error::Error;
use std::io;

use miette::Diagnostic;

use crate::block;

/// An error and its causes in one sentence, each said once.
pub fn sentence<E: Error + ?Sized>(error: &E) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// An error as the terminal shows it: `error: ...`, and `hint: ...` where there is one. A guest, a VMM or a file may have had a
/// say in it: nothing that it holds reaches the terminal but printable characters and ends of lines.
pub fn render(error: &(dyn Diagnostic + 'static)) -> String {
    let mut shown = format!("error: {}\n", block(&sentence(error)));
    if let Some(hint) = hint(error) {
        shown.push_str(&format!("hint: {}\n", block(&hint)));
    }
    shown
}

/// An error as a part of a text: `...; hint` where there is one.
pub fn sentence_and_hint(error: &(dyn Diagnostic + 'static)) -> String {
    let hint = hint(error).map(|hint| format!("; {hint}"));
    sentence(error) + &hint.unwrap_or_default()
}

fn hint(error: &(dyn Diagnostic + 'static)) -> Option<String> {
    scarcity(error).map(str::to_owned).or_else(|| error.help().map(|hint| hint.to_string()))
}

/// What to do where an error comes from a limit of this process or machine, whatever was being done: what the error itself
/// would advise does not help then.
pub fn scarcity<E: Error + ?Sized + 'static>(error: &E) -> Option<&'static str> {
    let mut source = error.source();
    while let Some(cause) = source {
        let code = cause.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
        if let Some(remedy) = code.and_then(remedy) {
            return Some(remedy);
        }
        source = cause.source();
    }
    None
}

/// What to do where this process may open too few files.
pub const TOO_FEW_FILES: &str = "raise the limit of open files (`ulimit -n`, LimitNOFILE= of a service)";

fn remedy(code: i32) -> Option<&'static str> {
    match code {
        libc::EMFILE => Some(TOO_FEW_FILES),
        libc::ENFILE => Some(
            "end programs that hold many files open: the system has reached its limit (sysctl \
        fs.file-max)",
        ),
        libc::EAGAIN => Some(
            "raise the limit of processes and threads (`ulimit -u`, TasksMax= of a service), or of memory (`ulimit -v`)",
        ),
        libc::ENOMEM => Some("free some memory, or raise the limit (`ulimit -v`, MemoryMax= of a service)"),
        libc::EFBIG => Some("raise the limit of the size of files (`ulimit -f`, LimitFSIZE= of a service)"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{render, scarcity, sentence};

    #[derive(Debug, thiserror::Error, miette::Diagnostic)]
    #[error("cannot read the plan")]
    #[diagnostic(help("write one"))]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn causes_follow_and_hints_come_last() {
        let error = Outer(std::io::Error::other("no such thing"));
        assert_eq!(sentence(&error), "cannot read the plan: no such thing");
        assert_eq!(render(&error), "error: cannot read the plan: no such thing\nhint: write one\n");
    }

    #[test]
    fn no_escape_sequence_gets_through() {
        let error = Outer(std::io::Error::other("red \x1b[31m\nand \u{9b}2J"));
        let shown = render(&error);
        assert_eq!(shown, "error: cannot read the plan: red \u{fffd}[31m\nand \u{fffd}2J\nhint: write one\n");
    }

    #[test]
    fn a_limit_decides_the_hint() {
        let limited = |code| Outer(std::io::Error::from_raw_os_error(code));
        assert!(render(&limited(libc::EMFILE)).contains("hint: raise the limit of open files"));
        assert!(render(&limited(libc::ENOENT)).ends_with("hint: write one\n"));
        // As the crate tempfile does it.
        let wrapped = Outer(std::io::Error::other(limited(libc::EFBIG)));
        assert!(scarcity(&wrapped).is_some_and(|hint| hint.contains("size of files")));
    }
}
