//! Files that appear whole or not at all: written without a name, and given one when they are complete. Not even SIGKILL
//! leaves anything of one that is not.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag};
use tempfile::{Builder, NamedTempFile};

/// That of any new file, before the user's umask; temporary files are private otherwise.
const MODE: u32 = 0o666;

/// A new file, which vanishes unless it is given a name.
#[derive(Debug)]
pub struct NewFile(Inner);

#[derive(Debug)]
enum Inner {
    /// In this directory, without a name.
    Nameless(File, PathBuf),
    /// For file systems on which every file has a name.
    Named(NamedTempFile),
}

impl NewFile {
    /// A file that will be in `dir`.
    ///
    /// # Errors
    /// The system's.
    pub fn in_dir(dir: &Path) -> io::Result<NewFile> {
        let nameless = OpenOptions::new().write(true).custom_flags(OFlag::O_TMPFILE.bits()).mode(MODE).open(dir);
        match nameless {
            Ok(file) => Ok(NewFile(Inner::Nameless(file, dir.to_owned()))),
            // A file system, or a kernel, that does not know how.
            Err(error) if matches!(reason(&error), Some(Errno::EOPNOTSUPP | Errno::EISDIR)) => {
                let permissions = Permissions::from_mode(MODE);
                Builder::new().permissions(permissions).tempfile_in(dir).map(|file| NewFile(Inner::Named(file)))
            }
            Err(error) => Err(error),
        }
    }

    /// A file that will be `path`.
    ///
    /// # Errors
    /// The system's.
    pub fn beside(path: &Path) -> io::Result<NewFile> {
        NewFile::in_dir(path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new(".")))
    }

    /// Gives it these permissions, whatever the umask.
    ///
    /// # Errors
    /// The system's.
    pub fn permit(&self, mode: u32) -> io::Result<()> {
        let permissions = Permissions::from_mode(mode);
        match &self.0 {
            Inner::Nameless(file, _) => file.set_permissions(permissions),
            Inner::Named(file) => file.as_file().set_permissions(permissions),
        }
    }

    /// Brings what was written to the disk.
    ///
    /// # Errors
    /// The system's.
    pub fn sync(&self) -> io::Result<()> {
        match &self.0 {
            Inner::Nameless(file, _) => file.sync_all(),
            Inner::Named(file) => file.as_file().sync_all(),
        }
    }

    /// Makes it `path`, in its directory, instead of what may be there.
    ///
    /// # Errors
    /// The system's.
    pub fn persist(self, path: &Path) -> io::Result<()> {
        let named = match self.0 {
            Inner::Named(file) => file.into_temp_path(),
            Inner::Nameless(file, dir) => match link(&file, path) {
                // A link replaces nothing, a rename does: for a moment it has another name.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    Builder::new().make_in(dir, |name| link(&file, name))?.into_temp_path()
                }
                linked => return linked,
            },
        };
        Ok(named.persist(path)?)
    }

    /// Makes it `path`, in its directory, where nothing is yet.
    ///
    /// # Errors
    /// `AlreadyExists`, and the system's.
    pub fn persist_noclobber(self, path: &Path) -> io::Result<()> {
        match self.0 {
            Inner::Named(file) => file.persist_noclobber(path).map(drop).map_err(|error| error.error),
            Inner::Nameless(file, _) => link(&file, path),
        }
    }
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::Nameless(file, _) => file.write(bytes),
            Inner::Named(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn reason(error: &io::Error) -> Option<Errno> {
    error.raw_os_error().map(Errno::from_raw)
}

/// Gives a nameless file a name (open(2), O_TMPFILE).
fn link(file: &File, name: &Path) -> io::Result<()> {
    let descriptor = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    Ok(nix::unistd::linkat(AT_FDCWD, &descriptor, AT_FDCWD, name, AtFlags::AT_SYMLINK_FOLLOW)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(file: io::Result<NewFile>) -> NewFile {
        let mut file = file.expect("room");
        file.write_all(b"text").expect("room");
        file
    }

    #[test]
    fn a_file_has_no_name_until_it_is_given_one() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let named = || Ok(NewFile(Inner::Named(Builder::new().tempfile_in(dir.path())?)));
        let makers: [&dyn Fn() -> io::Result<NewFile>; 2] = [&|| NewFile::in_dir(dir.path()), &named];
        for (number, make) in makers.into_iter().enumerate() {
            let path = dir.path().join(format!("file-{number}"));
            drop(made(make()));
            assert_eq!(std::fs::read_dir(dir.path()).expect("there").count(), number, "it vanishes");
            made(make()).persist_noclobber(&path).expect("a free name");
            let taken = made(make()).persist_noclobber(&path).expect_err("a name that is taken");
            assert_eq!(taken.kind(), io::ErrorKind::AlreadyExists);
            std::fs::write(&path, "older").expect("room");
            made(make()).persist(&path).expect("what is there is replaced");
            assert_eq!(std::fs::read(&path).expect("there"), b"text");
            assert_eq!(std::fs::read_dir(dir.path()).expect("there").count(), number + 1, "nothing else");
        }
    }

    #[test]
    fn it_is_seen_by_whom_the_umask_allows() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (ours, others) = (dir.path().join("ours"), dir.path().join("others"));
        made(NewFile::beside(&ours)).persist(&ours).expect("room");
        File::create(&others).expect("room");
        let mode = |path: &Path| std::fs::metadata(path).expect("there").permissions().mode();
        assert_eq!(mode(&ours), mode(&others));
    }
}
