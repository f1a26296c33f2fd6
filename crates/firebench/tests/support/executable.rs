//! Programs that a test writes and then runs.
//!
//! A program cannot be executed while anybody has it open for writing ("text file busy"), and a process that another test's
//! thread forks at that moment has a copy of the descriptor until it executes something itself. So no test writes an executable
//! with a descriptor of its own: a process that is over by then has written it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::common::Lab;

/// Writes a program into the lab's directory.
pub fn executable(lab: &Lab, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
    let path = lab.path(name);
    let mut install = Command::new("install");
    install.args(["-m", "755", "/dev/stdin"]).arg(&path).stdin(Stdio::piped());
    let mut install = install.spawn().expect("install runs");
    let mut stdin = install.stdin.take().expect("a pipe");
    stdin.write_all(contents.as_ref()).expect("install reads");
    drop(stdin);
    assert!(install.wait().expect("a child").success());
    path
}

/// Copies a program to `to`.
pub fn copy(from: &Path, to: &Path) {
    let copied = Command::new("install").args(["-m", "755"]).args([from, to]).status().expect("install runs");
    assert!(copied.success(), "{} to {}", from.display(), to.display());
}
