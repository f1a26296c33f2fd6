//! Who could change a file or a directory behind firebench's back.
//!
//! A path is trusted when nobody but its user, root and (for root through sudo) the user of that sudo could put something
//! else in its place: every directory on the way to it, and the file itself, belongs to one of them, and nobody else may write
//! to it. In a directory with the sticky bit, such as `/tmp`, others may write, but not touch what is not theirs.
//!
//! A path is resolved first, and what is resolved is what is checked and used: a symbolic link can then lead to nothing but a
//! trusted place, and cannot be turned to another one later.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Write permission of the group, and of everybody.
const GROUP_WRITES: u32 = 0o020;
const OTHERS_WRITE: u32 = 0o002;
/// Entries belong to who made them.
const STICKY: u32 = 0o1000;

/// Why a path is not trusted.
#[derive(Debug, thiserror::Error)]
pub enum Distrust {
    /// It belongs to another user.
    #[error("{} belongs to {}", path.display(), name(*uid))]
    Owner {
        /// What does.
        path: PathBuf,
        /// To whom.
        uid: u32,
    },
    /// Others may write to it.
    #[error("other users may write to {} (mode {mode:04o})", path.display())]
    Mode {
        /// To what.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It cannot be inspected.
    #[error("cannot inspect {}", path.display())]
    Io {
        /// At what.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Distrust {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Distrust {
        let path = path.to_owned();
        move |source| Distrust::Io { path, source }
    }

    /// Whether there is nothing at the path.
    pub fn is_missing(&self) -> bool {
        matches!(self, Distrust::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// `root`, or `user 1000`: names would have to be looked up through libraries that a static program does not have.
fn name(uid: u32) -> String {
    if uid == 0 { "root".to_owned() } else { format!("user {uid}") }
}

/// Whose files and directories are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    owners: Vec<u32>,
}

impl Trust {
    /// Root, and the user of this process.
    pub fn strict() -> Trust {
        let mut owners = vec![0, nix::unistd::geteuid().as_raw()];
        // Whoever owns the root directory can replace everything. In a user namespace that is nobody's number.
        owners.extend(fs::metadata("/").map(|root| root.uid()));
        Trust { owners }
    }

    /// Those, and for root the user who became root through sudo, as in git: their own files are theirs as root, too.
    pub fn own() -> Trust {
        let mut trust = Trust::strict();
        if nix::unistd::geteuid().is_root() {
            trust.owners.extend(std::env::var("SUDO_UID").ok().and_then(|uid| uid.parse::<u32>().ok()));
        }
        trust
    }

    /// Checks an existing file or directory, and all directories that lead to it. Returns its path without links.
    ///
    /// # Errors
    /// [`Distrust`].
    pub fn path(&self, path: &Path) -> Result<PathBuf, Distrust> {
        let real = self.way(path)?;
        let metadata = fs::symlink_metadata(&real).map_err(Distrust::io(&real))?;
        self.thing(&real, &metadata, false)?;
        Ok(real)
    }

    /// Checks an existing directory in which something is to be made, and all that lead to it: it may be open to all, when it has
    /// the sticky bit. Returns its path without links.
    ///
    /// # Errors
    /// [`Distrust`].
    pub fn place(&self, directory: &Path) -> Result<PathBuf, Distrust> {
        let real = self.way(directory)?;
        let metadata = fs::metadata(&real).map_err(Distrust::io(&real))?;
        if !metadata.is_dir() {
            return Err(Distrust::io(&real)(io::ErrorKind::NotADirectory.into()));
        }
        self.thing(&real, &metadata, true)?;
        Ok(real)
    }

    /// Checks an existing directory with all that is in it: what was put there while others could write to it, they may have
    /// put there. Files that disappear meanwhile do not matter.
    ///
    /// # Errors
    /// [`Distrust`].
    pub fn tree(&self, directory: &Path) -> Result<PathBuf, Distrust> {
        self.tree_but(directory, |_| false)
    }

    /// The same, but of links that are only `kept` (their paths are seen from the directory) it does not matter where they lead: nobody
    /// follows them here, for they are files of another root.
    ///
    /// # Errors
    /// [`Distrust`].
    pub fn tree_but(&self, directory: &Path, kept: impl Fn(&Path) -> bool) -> Result<PathBuf, Distrust> {
        let real = self.path(directory)?;
        self.below(&real, &|path| path.strip_prefix(&real).is_ok_and(&kept))?;
        Ok(real)
    }

    fn below(&self, directory: &Path, kept: &dyn Fn(&Path) -> bool) -> Result<(), Distrust> {
        let present = |result: io::Result<Metadata>, path: &Path| match result {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            result => result.map(Some).map_err(Distrust::io(path)),
        };
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            entries => entries.map_err(Distrust::io(directory))?,
        };
        for entry in entries {
            let path = entry.map_err(Distrust::io(directory))?.path();
            let Some(metadata) = present(fs::symlink_metadata(&path), &path)? else { continue };
            self.thing(&path, &metadata, false)?;
            if metadata.is_dir() {
                self.below(&path, kept)?;
            } else if metadata.is_symlink() && !kept(&path) {
                match self.path(&path) {
                    Err(distrust) if distrust.is_missing() => {}
                    checked => drop(checked?),
                }
            }
        }
        Ok(())
    }

    /// Resolves `path` and checks the directories that lead to it.
    fn way(&self, path: &Path) -> Result<PathBuf, Distrust> {
        let real = fs::canonicalize(path).map_err(Distrust::io(path))?;
        for directory in real.ancestors().skip(1) {
            let metadata = fs::symlink_metadata(directory).map_err(Distrust::io(directory))?;
            self.thing(directory, &metadata, true)?;
        }
        Ok(real)
    }

    fn thing(&self, path: &Path, metadata: &Metadata, sticky_will_do: bool) -> Result<(), Distrust> {
        let (uid, mode) = (metadata.uid(), metadata.mode() & 0o7777);
        if !self.owners.contains(&uid) {
            return Err(Distrust::Owner { path: path.to_owned(), uid });
        }
        // The permissions of a link mean nothing.
        let open = !metadata.is_symlink() && others_write(mode, uid, metadata.gid());
        if open && !(sticky_will_do && mode & STICKY != 0) {
            return Err(Distrust::Mode { path: path.to_owned(), mode });
        }
        Ok(())
    }
}

/// Whether somebody besides the owner may write. The owner's own group (of the same number, as Debian, Fedora and their like make
/// one for each user) and that of root are nobody else.
fn others_write(mode: u32, uid: u32, gid: u32) -> bool {
    mode & OTHERS_WRITE != 0 || (mode & GROUP_WRITES != 0 && gid != 0 && gid != uid)
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use super::*;

    fn permit(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("own file");
    }

    fn dir() -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("temporary directory");
        permit(dir.path(), 0o755);
        dir
    }

    #[test]
    fn own_files_in_own_directories_are_trusted() {
        let dir = dir();
        let file = dir.path().join("file");
        fs::write(&file, "").expect("room");
        permit(&file, 0o644);
        let trust = Trust::own();
        let real = fs::canonicalize(&file).expect("there");
        assert_eq!(trust.path(&file).expect("own"), real);
        let link = dir.path().join("link");
        symlink(&file, &link).expect("link");
        assert_eq!(trust.path(&link).expect("a link to it"), real);
        assert!(trust.tree(dir.path()).is_ok());
        assert!(trust.path(&dir.path().join("missing")).expect_err("missing").is_missing());
        permit(&file, 0o646);
        assert!(matches!(trust.path(&file), Err(Distrust::Mode { mode: 0o646, .. })));
        assert!(matches!(trust.tree(dir.path()), Err(Distrust::Mode { .. })));
        assert!(
            trust.tree_but(dir.path(), |path| path == Path::new("none")).is_err(),
            "what others may write to is no link"
        );
    }

    #[test]
    fn a_directory_on_the_way_that_others_may_write_to_is_seen() {
        let dir = dir();
        let open = dir.path().join("open");
        let inner = open.join("inner");
        fs::create_dir_all(&inner).expect("room");
        permit(&inner, 0o755);
        permit(&open, 0o777);
        let trust = Trust::own();
        assert!(matches!(trust.path(&inner), Err(Distrust::Mode { .. })));
        assert!(matches!(trust.place(&open), Err(Distrust::Mode { .. })));
        permit(&open, 0o1777);
        assert!(trust.path(&inner).is_ok() && trust.place(&open).is_ok(), "as in /tmp");
        assert!(matches!(trust.path(&open), Err(Distrust::Mode { .. })), "what is in it may be anybody's");
    }

    #[test]
    fn groups_of_several_users_are_others() {
        assert!(others_write(0o775, 1000, 100) && others_write(0o777, 0, 0) && others_write(0o602, 0, 0));
        assert!(!others_write(0o775, 1000, 1000) && !others_write(0o775, 0, 0) && !others_write(0o755, 5, 6));
    }

    #[test]
    fn what_belongs_to_somebody_else_is_seen() {
        if !nix::unistd::geteuid().is_root() {
            eprintln!("NOT TESTED without root: files of another user");
            return;
        }
        let dir = dir();
        let inner = dir.path().join("inner");
        fs::create_dir(&inner).expect("room");
        let file = inner.join("file");
        fs::write(&file, "").expect("room");
        chown(&file, Some(65534), None).expect("root may");
        let trust = Trust::own();
        let said = trust.path(&file).expect_err("another user's").to_string();
        assert!(said.ends_with("/inner/file belongs to user 65534"), "{said}");
        assert!(matches!(trust.tree(dir.path()), Err(Distrust::Owner { uid: 65534, .. })));
        chown(&file, Some(0), None).expect("root may");
        chown(&inner, Some(65534), None).expect("root may");
        permit(&inner, 0o1777);
        assert!(matches!(trust.path(&file), Err(Distrust::Owner { .. })), "its owner may move what is in it");
        // A link that somebody else made leads to a trusted file: which it is, is all that they can choose.
        let link = dir.path().join("link");
        symlink("/etc/passwd", &link).expect("link");
        std::os::unix::fs::lchown(&link, Some(65534), None).expect("root may");
        assert_eq!(trust.path(&link).expect("root's file"), Path::new("/etc/passwd"));
        assert!(matches!(trust.tree(dir.path()), Err(Distrust::Owner { .. })));
    }
}
