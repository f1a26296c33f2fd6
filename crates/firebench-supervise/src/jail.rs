//! The directory that a VMM is jailed in, made ready before the start: with the files that it needs, for the user that it
//! becomes. [`namespaces`](crate::namespaces) then lets the files appear in it, in the VMM's own mounts alone.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use firebench_vmm::{Jail, Launch};
use nix::sys::stat::{Mode, SFlag, mknod};

use crate::start::error::StartError;

/// Makes the directory; before the launch's files are written, which may lie in it.
pub(crate) fn make(jail: &Jail) -> Result<(), StartError> {
    fs::create_dir_all(&jail.root).map_err(write_error(&jail.root))
}

/// Gives the jail its files; returns those that are to be bound from one place to the other.
pub(crate) fn furnish(launch: &Launch, jail: &Jail) -> Result<Vec<(PathBuf, PathBuf)>, StartError> {
    let own = |path: &Path| launch.directory.as_deref().is_some_and(|directory| path.starts_with(directory));
    let give = |path: &Path| std::os::unix::fs::chown(path, Some(jail.id), Some(jail.id)).map_err(write_error(path));
    for file in &launch.files {
        give(&file.path)?;
    }
    let mut binds = Vec::new();
    for file in &jail.files {
        let unreadable = |source| StartError::Jailed { path: file.path.clone(), source };
        let metadata = fs::metadata(&file.path).map_err(unreadable)?;
        if metadata.file_type().is_block_device() {
            // A node of the jail's own: that of the host may belong to root alone.
            mknod(&file.seen, SFlag::S_IFBLK, Mode::S_IRUSR, metadata.rdev())
                .map_err(|error| write_error(&file.seen)(error.into()))?;
            give(&file.seen)?;
            continue;
        }
        if own(&file.path) {
            give(&file.path)?;
        } else if metadata.permissions().mode() & 0o004 == 0 {
            return Err(unreadable(io::ErrorKind::PermissionDenied.into()));
        }
        File::create_new(&file.seen).map_err(write_error(&file.seen))?;
        binds.push((file.path.clone(), file.seen.clone()));
    }
    Ok(binds)
}

fn write_error(path: &Path) -> impl Fn(io::Error) -> StartError {
    move |source| StartError::Write { path: path.to_owned(), source }
}
