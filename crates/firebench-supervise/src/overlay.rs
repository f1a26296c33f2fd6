//! Memory over a directory, which takes what is written: made by the child itself between fork and exec, as its namespaces are.
//!
//! Source: the kernel's `Documentation/filesystems/overlayfs.rst`.

use std::ffi::{CStr, CString};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use firebench_vmm::Overlay as Wanted;

use crate::child::step::{c_path, check, mount_new};

/// What is prepared before the fork.
#[derive(Debug)]
pub(crate) struct Overlay {
    memory: CString,
    size: CString,
    /// Directories in that memory.
    upper: CString,
    work: CString,
    seen: CString,
    /// The options of the mount: for whoever is root in a user namespace alone, and for the others.
    of_user: CString,
    of_root: CString,
}

impl Overlay {
    pub(crate) fn new(wanted: &Wanted) -> io::Result<Overlay> {
        let (upper, work) = (wanted.memory.join("upper"), wanted.memory.join("work"));
        let mut options = Vec::new();
        for (key, path) in [("lowerdir=", &wanted.lower), (",upperdir=", &upper), (",workdir=", &work)] {
            options.extend_from_slice(key.as_bytes());
            options.extend(escaped(path));
        }
        let text =
            |bytes: Vec<u8>| CString::new(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error));
        Ok(Overlay {
            memory: c_path(&wanted.memory)?,
            size: text(format!("size={},mode=755", wanted.bytes).into_bytes())?,
            upper: c_path(&upper)?,
            work: c_path(&work)?,
            seen: c_path(&wanted.seen)?,
            of_user: text([&options[..], b",userxattr"].concat())?,
            of_root: text(options)?,
        })
    }

    /// Mounts it, in the child, which has mounts of its own.
    pub(crate) fn make(&self) -> io::Result<()> {
        let plain = libc::MS_NOSUID | libc::MS_NODEV;
        mount_new(c"tmpfs", &self.memory, plain, Some(&self.size))?;
        for path in [&self.upper, &self.work] {
            make_directory(path)?;
        }
        let mount = |options: &CStr| mount_new(c"overlay", &self.seen, plain, Some(options));
        // In a user namespace the attributes of the kernel's own are not to be had, and before Linux 5.11 no overlay.
        mount(&self.of_root).or_else(|_| mount(&self.of_user))
    }
}

#[expect(unsafe_code, reason = "work between fork and exec; see the module `child`")]
fn make_directory(path: &CStr) -> io::Result<()> {
    // SAFETY: a string ended by NUL.
    check(unsafe { libc::mkdir(path.as_ptr(), 0o755) })
}

/// A path as a value among options.
fn escaped(path: &Path) -> Vec<u8> {
    let bytes = path.as_os_str().as_bytes().iter();
    bytes.flat_map(|&byte| if b"\\,:".contains(&byte) { vec![b'\\', byte] } else { vec![byte] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_values_of_options() {
        let wanted =
            Wanted { lower: "/a,b:c".into(), memory: "/boot/written".into(), seen: "/boot/rootfs".into(), bytes: 4096 };
        let overlay = Overlay::new(&wanted).expect("paths");
        let options = r"lowerdir=/a\,b\:c,upperdir=/boot/written/upper,workdir=/boot/written/work";
        assert_eq!(overlay.of_root.to_str(), Ok(options));
        assert_eq!(overlay.of_user.to_str(), Ok(&*format!("{options},userxattr")));
        assert_eq!(overlay.size.to_str(), Ok("size=4096,mode=755"));
    }
}
