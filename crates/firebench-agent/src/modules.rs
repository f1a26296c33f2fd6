//! Kernel modules out of the initramfs.

use crate::error::Error;
use firebench_protocol::{MODULES_DIR, OPTIONAL_MODULE};
use nix::errno::Errno;
use nix::kmod::{ModuleInitFlags, finit_module};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::PathBuf;

/// Loads what is in [`MODULES_DIR`], in the order of the names, and returns the names (without number and `.ko`). No
/// directory is fine, and so are a module that is there already, and an optional one that the kernel refuses.
pub fn load_all() -> Result<Vec<String>, Error> {
    let unreadable = |cause| Error::Read { path: MODULES_DIR.to_owned(), cause };
    let entries = match fs::read_dir(MODULES_DIR) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(unreadable)?,
    };
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<PathBuf>, _>>();
    let mut paths = paths.map_err(unreadable)?;
    paths.sort();
    paths.into_iter().filter_map(|path| load(path).transpose()).collect()
}

/// The name of the module, if it is loaded now.
fn load(path: PathBuf) -> Result<Option<String>, Error> {
    let file_name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let name = name(&file_name).to_owned();
    let file = File::open(&path).map_err(|cause| Error::Read { path: path.display().to_string(), cause })?;
    match finit_module(&file, c"", ModuleInitFlags::empty()) {
        Ok(()) | Err(Errno::EEXIST) => Ok(Some(name)),
        Err(_) if file_name.ends_with(OPTIONAL_MODULE) => Ok(None),
        Err(cause) => Err(Error::Module { name, cause }),
    }
}

/// `virtio_blk` of `04-virtio_blk.ko`.
fn name(file: &str) -> &str {
    let file = file.strip_suffix(OPTIONAL_MODULE).unwrap_or(file);
    let stem = file.strip_suffix(".ko").unwrap_or(file);
    match stem.split_once('-') {
        Some((number, name)) if number.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => stem,
    }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names() {
        assert_eq!(name("04-virtio_blk.ko"), "virtio_blk");
        assert_eq!(name("11-kvm-amd.ko"), "kvm-amd");
        assert_eq!(name("kvm-amd.ko"), "kvm-amd");
        assert_eq!(name("02-crc32c_intel.ko.optional"), "crc32c_intel");
    }
}
