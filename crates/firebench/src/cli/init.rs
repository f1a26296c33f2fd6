//! `firebench init`: writes an experiment file to start from.

use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use clap::Args;
use firebench_os::new_file::NewFile;

use super::failure::Failure;
use super::output;
use crate::init::{EXPERIMENT_FILE, template};

#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The file to write
    #[arg(default_value = EXPERIMENT_FILE)]
    path: PathBuf,
    /// Replace an existing file
    #[arg(long)]
    force: bool,
}

/// The file cannot be written.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
enum InitError {
    #[error("{} already exists", .0.display())]
    #[diagnostic(help("replace it with --force, or give another name: firebench init other.toml"))]
    Exists(PathBuf),
    #[error("cannot write {}", path.display())]
    #[diagnostic(help("check that the directory exists, that you may write there, and that there is space"))]
    Write { path: PathBuf, source: std::io::Error },
}

pub(super) fn main(args: &InitArgs) -> Result<(), Failure> {
    let path = &args.path;
    let written = NewFile::beside(path).and_then(|mut file| {
        file.write_all(template().as_bytes())?;
        if args.force { file.persist(path) } else { file.persist_noclobber(path) }
    });
    written.map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => Failure::usage(InitError::Exists(path.clone())),
        _ => InitError::Write { path: path.clone(), source }.into(),
    })?;
    output::print(&format!("{}: `firebench run --from {}` runs it\n", path.display(), path.display()))
}
