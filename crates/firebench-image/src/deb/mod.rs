//! Debian's packages, taken apart without installing them: kernels, and single files.
//!
//! The package is read once, in a stream. It unpacks to at most 1 GiB, and to no more than 16 MiB and 100 times its own size,
//! whatever it says. In memory are the kernel, one other file (512 MiB at most), and names of 4 KiB. Of its hundred MiB
//! nothing is unpacked into the file system under a name of the archive: the modules go into one unnamed temporary file.

mod ar;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read, Write as _};
use std::ops::ControlFlow;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use firebench_os::outside::{self, Counted, Refused};

use crate::kernel::{self, Compression};
use crate::modules::{self, Catalogue, Module, ModuleSource};
use crate::{Error, Result};

/// Most that a package may unpack to, in bytes: Debian's largest kernel packages have 500 MiB.
const MAX_UNPACKED: u64 = 1 << 30;

/// Bytes of a name that are read: `PATH_MAX`. What is longer is the name of nothing that is wanted.
const MAX_NAME: u64 = 4096;

/// A kernel package in memory.
#[derive(Debug)]
pub struct KernelPackage {
    path: PathBuf,
    vmlinuz: Vec<u8>,
    release: String,
    config: Option<String>,
    catalogue: Catalogue,
    /// Name of a module to its file's name and its place in `spill`.
    modules: BTreeMap<String, (String, u64, usize)>,
    spill: File,
}

impl KernelPackage {
    /// Reads a package. Takes seconds, and up to as much space in the directory for temporary files as the modules have.
    pub fn open(path: &Path) -> Result<KernelPackage> {
        KernelPackage::open_in(path, &std::env::temp_dir())
    }

    /// As [`KernelPackage::open`]; the temporary file, which has no name, is made in `dir`.
    pub fn open_in(path: &Path, dir: &Path) -> Result<KernelPackage> {
        let package = KernelPackage::open_any_in(path, dir)?;
        if package.vmlinuz.is_empty() {
            let reason = "it does not contain a kernel (boot/vmlinuz-...)".to_owned();
            return Err(Error::Package { path: path.to_owned(), reason });
        }
        Ok(package)
    }

    /// As [`KernelPackage::open_in`], but accepts a package with modules only.
    pub(crate) fn open_any_in(path: &Path, dir: &Path) -> Result<KernelPackage> {
        let tar = contents(path)?;
        let spill = tempfile::tempfile_in(dir).map_err(Error::io("create a file in", dir))?;
        let mut package = KernelPackage {
            path: path.to_owned(),
            vmlinuz: Vec::new(),
            release: String::new(),
            config: None,
            catalogue: Catalogue::default(),
            modules: BTreeMap::new(),
            spill,
        };
        package.unpack(tar, dir)?;
        Ok(package)
    }

    /// Reads the whole inner archive.
    fn unpack(&mut self, tar: impl Read, dir: &Path) -> Result<()> {
        let path = self.path.clone();
        let mut spilled = 0_u64;
        each_file(
            &path,
            tar,
            |name| Wanted::of(name).is_some(),
            |name, bytes| {
                match Wanted::of(name) {
                    Some(Wanted::Kernel { release }) => (self.vmlinuz, self.release) = (bytes, release.to_owned()),
                    Some(Wanted::Config) => self.config = Some(String::from_utf8_lossy(&bytes).into_owned()),
                    Some(Wanted::Builtin) => self.catalogue.add_builtin(&String::from_utf8_lossy(&bytes)),
                    Some(Wanted::BuiltinInfo) => self.catalogue.add_builtin_info(&bytes),
                    Some(Wanted::Module { name, file }) => {
                        self.spill.write_all(&bytes).map_err(Error::io("write to", dir))?;
                        self.catalogue.add_module(&name, file);
                        self.modules.insert(name, (file.to_owned(), spilled, bytes.len()));
                        spilled = spilled.saturating_add(bytes.len() as u64);
                    }
                    None => {}
                }
                Ok(ControlFlow::Continue(()))
            },
        )
    }

    /// The kernel as it is in the package, usually a bzImage.
    pub fn vmlinuz(&self) -> &[u8] {
        &self.vmlinuz
    }

    /// The kernel's configuration, where the package holds one.
    pub(crate) fn config(&self) -> Option<&str> {
        self.config.as_deref()
    }

    /// The modules' catalogue.
    pub(crate) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// The package's file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it holds no module at all.
    pub(crate) fn is_without_modules(&self) -> bool {
        self.modules.is_empty()
    }

    /// Whether it holds this module.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.modules.contains_key(name)
    }

    /// The modules `wanted` and all that they need, in load order; what is built in is left out.
    pub fn modules(&self, wanted: &[&str]) -> Result<Vec<Module>> {
        modules::load_order(self, wanted)
    }
}

/// Whether a file is a Debian package, by its first bytes.
pub fn is_package(path: &Path) -> bool {
    let mut first = [0; 8];
    outside::open(path).is_ok_and(|mut file| file.read_exact(&mut first).is_ok()) && &first == b"!<arch>\n"
}

/// The archive of a package's files, unpacked in a stream.
fn contents(path: &Path) -> Result<impl Read + use<>> {
    let wrong = |reason: String| Error::Package { path: path.to_owned(), reason };
    let file = outside::open(path).map_err(|error| match Refused::of(&error) {
        Some(refused) => wrong(refused.to_string()),
        None => Error::io("open", path)(error),
    })?;
    let packed = file.metadata().map_err(Error::io("look at", path))?.len();
    let mut file = BufReader::with_capacity(1 << 18, file);
    let member = ar::seek(&mut file, |name| name.starts_with("data.tar"))
        .map_err(|error| wrong(error.to_string()))?
        .ok_or_else(|| wrong("it has no data.tar".to_owned()))?;
    let data = file.take(member.bytes);
    let compression = match member.name.as_str() {
        "data.tar.xz" => Some(Compression::Xz),
        "data.tar.zst" => Some(Compression::Zstd),
        "data.tar.gz" => Some(Compression::Gzip),
        "data.tar" => None,
        other => return Err(wrong(format!("its {other} is compressed in a way that is not supported"))),
    };
    let tar: Box<dyn Read> = match compression {
        Some(compression) => {
            kernel::decompressor(compression, data).map_err(|error| wrong(format!("{}: {error}", member.name)))?
        }
        None => Box::new(data),
    };
    Ok(Counted::unpacked(tar, packed, MAX_UNPACKED))
}

fn damaged(path: &Path, error: std::io::Error) -> Error {
    if Refused::of(&error) == Some(Refused::Stopped) {
        return Error::Cancelled;
    }
    Error::Package { path: path.to_owned(), reason: format!("its data.tar is damaged or truncated: {error}") }
}

/// The first of a package's regular files that has one of these names, such as `bin/busybox`. What else is in it, links too, is
/// passed over: nothing is unpacked, so nothing can lead out of it.
///
/// # Errors
/// If it is not a package, is damaged, or is implausibly large.
pub fn file(path: &Path, names: &[&str]) -> Result<Option<Vec<u8>>> {
    let mut first = None;
    let wanted = |name: &str| names.contains(&name.strip_prefix("./").unwrap_or(name));
    each_file(path, contents(path)?, wanted, |_, bytes| {
        first = Some(bytes);
        Ok(ControlFlow::Break(()))
    })?;
    Ok(first)
}

/// Takes the regular files of an inner archive whose names are `wanted` into memory, one after the other, until `found` has
/// enough.
fn each_file(
    path: &Path,
    tar: impl Read,
    wanted: impl Fn(&str) -> bool,
    mut found: impl FnMut(&str, Vec<u8>) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let wrong = |error| damaged(path, error);
    let mut archive = tar::Archive::new(tar);
    let mut long_name = None;
    // Raw, for else names of any length are kept. Packages have no other extension than GNU's long names (deb(5)).
    for entry in archive.entries().map_err(wrong)?.raw(true) {
        let mut entry = entry.map_err(wrong)?;
        let kind = entry.header().entry_type();
        if kind.is_gnu_longname() {
            let mut name = Vec::new();
            entry.take(MAX_NAME).read_to_end(&mut name).map_err(wrong)?;
            long_name = Some(String::from_utf8_lossy(&name).trim_end_matches('\0').to_owned());
            continue;
        }
        if kind.is_gnu_longlink() {
            continue;
        }
        let name = long_name.take().unwrap_or_else(|| String::from_utf8_lossy(&entry.path_bytes()).into_owned());
        if !kind.is_file() || !wanted(&name) {
            continue;
        }
        if entry.size() > kernel::MAX_FILE_BYTES {
            return Err(wrong(std::io::Error::other(format!("{name} is larger than 512 MiB"))));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).map_err(wrong)?;
        if found(&name, bytes)?.is_break() {
            break;
        }
    }
    Ok(())
}

impl ModuleSource for KernelPackage {
    fn release(&self) -> &str {
        &self.release
    }

    fn is_builtin(&self, name: &str) -> bool {
        self.catalogue.is_builtin(name)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some((file, offset, length)) = self.modules.get(name) else { return Ok(None) };
        let mut bytes = vec![0; *length];
        self.spill.read_exact_at(&mut bytes, *offset).map_err(Error::io("read a module of", &self.path))?;
        kernel::module(file, bytes).map(Some)
    }

    fn providers(&self, alias: &str) -> Result<Vec<String>> {
        self.catalogue.providers(alias, self)
    }
}

/// The files of a package that matter.
enum Wanted<'a> {
    Kernel { release: &'a str },
    Config,
    Builtin,
    BuiltinInfo,
    Module { name: String, file: &'a str },
}

impl Wanted<'_> {
    /// By the name in the archive, such as `./boot/vmlinuz-6.1.0-56-cloud-amd64` or, where `/lib` is merged into `/usr`,
    /// `./usr/lib/modules/RELEASE/kernel/fs/ext4/ext4.ko.xz`.
    fn of(name: &str) -> Option<Wanted<'_>> {
        let name = name.strip_prefix("./").or_else(|| name.strip_prefix('/')).unwrap_or(name);
        if let Some(release) = name.strip_prefix("boot/vmlinuz-") {
            return (!release.is_empty() && !release.contains('/')).then_some(Wanted::Kernel { release });
        }
        if let Some(release) = name.strip_prefix("boot/config-") {
            return (!release.contains('/')).then_some(Wanted::Config);
        }
        let name = name.strip_prefix("usr/").unwrap_or(name);
        let (_release, file) = name.strip_prefix("lib/modules/")?.split_once('/')?;
        match file {
            "modules.builtin" => return Some(Wanted::Builtin),
            "modules.builtin.modinfo" => return Some(Wanted::BuiltinInfo),
            _ => {}
        }
        modules::name_of_file(file).map(|name| Wanted::Module { name, file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::modules::tests::module;

    fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, contents) in files {
            let mut header = tar::Header::new_gnu();
            header.set_size(contents.len() as u64);
            header.set_mode(0o644);
            // The safe interface refuses names such as `../x`, which are what is tested here.
            header.as_gnu_mut().expect("it is a GNU header").name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            builder.append(&header, *contents).expect("it is appended");
        }
        builder.into_inner().expect("it is finished")
    }

    fn package(dir: &Path, member: &str, data: &[u8]) -> PathBuf {
        let path = dir.join("linux-image.deb");
        let archive = ar::tests::archive(&[("debian-binary", b"2.0\n"), ("control.tar.xz", b"x"), (member, data)]);
        std::fs::write(&path, archive).expect("it is written");
        path
    }

    #[test]
    fn kernel_modules_and_what_is_built_in() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let kvm_amd = module(&["depends=kvm,ext4"]);
        let data = tar(&[
            ("./boot/vmlinuz-6.1.0-t", b"the kernel"),
            ("./boot/config-6.1.0-t", b"CONFIG_X=y"),
            ("./lib/modules/6.1.0-t/modules.builtin", b"kernel/fs/ext4/ext4.ko\n"),
            ("./usr/lib/modules/6.1.0-t/kernel/arch/x86/kvm/kvm-amd.ko", &kvm_amd),
            ("./lib/modules/6.1.0-t/kernel/virt/../kvm.ko", &module(&["depends="])),
        ]);
        let opened = KernelPackage::open_in(&package(dir.path(), "data.tar", &data), dir.path()).expect("sound");
        assert_eq!(opened.vmlinuz(), b"the kernel");
        assert_eq!(opened.release(), "6.1.0-t");
        let modules = opened.modules(&["kvm_amd", "ext4"]).expect("all are there");
        assert_eq!(modules.iter().map(|module| module.name.as_str()).collect::<Vec<_>>(), ["kvm", "kvm_amd"]);
        assert_eq!(modules[1].bytes, kvm_amd);
        assert!(matches!(opened.modules(&["tun"]), Err(Error::ModuleMissing { .. })));
        let files: Vec<_> = std::fs::read_dir(dir.path()).expect("listed").collect();
        assert_eq!(files.len(), 1, "nothing was unpacked: {files:?}");
    }

    /// An archive with everything in it that could lead out of a directory that it is unpacked into.
    fn hostile() -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        let mut add = |kind: tar::EntryType, name: &str, link: &str, contents: &[u8]| {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_size(contents.len() as u64);
            header.set_mode(0o6755);
            let gnu = header.as_gnu_mut().expect("it is a GNU header");
            gnu.name[..name.len()].copy_from_slice(name.as_bytes());
            gnu.linkname[..link.len()].copy_from_slice(link.as_bytes());
            header.set_cksum();
            builder.append(&header, contents).expect("it is appended");
        };
        use tar::EntryType::{Block, Char, Fifo, Link, Regular, Symlink};
        add(Symlink, "./bin/busybox", "/etc/passwd", b"");
        add(Link, "./bin/busybox", "../../etc/passwd", b"");
        for kind in [Block, Char, Fifo] {
            add(kind, "./bin/busybox", "", b"");
        }
        for name in ["../bin/busybox", "/bin/busybox", "./bin/../bin/busybox", "bin/busybox/x"] {
            add(Regular, name, "", b"elsewhere");
        }
        add(Symlink, "./lib", "/tmp", b"");
        add(Regular, "./lib/modules/6/kernel/x.ko", "", b"through a link");
        add(Symlink, "./boot/vmlinuz-6", "/etc/passwd", b"");
        builder.into_inner().expect("it is finished")
    }

    #[test]
    fn single_files_and_nothing_that_leads_elsewhere() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let data = tar(&[("./usr/bin/other", b"x"), ("./usr/bin/busybox", b"a busybox")]);
        let path = package(dir.path(), "data.tar", &data);
        let names = ["usr/bin/busybox", "bin/busybox"];
        assert_eq!(file(&path, &names).expect("sound").as_deref(), Some(&b"a busybox"[..]));
        assert_eq!(file(&path, &["usr/bin/none"]).expect("sound"), None);
        let path = package(dir.path(), "data.tar", &hostile());
        assert_eq!(file(&path, &names).expect("sound"), None);
        let error = KernelPackage::open_in(&path, dir.path()).expect_err("a link is no kernel");
        assert!(error.to_string().contains("it does not contain a kernel"), "{error}");
        let files: Vec<_> = std::fs::read_dir(dir.path()).expect("listed").collect();
        assert_eq!(files.len(), 1, "nothing was unpacked: {files:?}");
        let path = package(dir.path(), "data.tar", &data[..700]);
        assert!(matches!(file(&path, &["usr/bin/busybox"]), Err(Error::Package { .. })));
    }

    #[test]
    fn what_is_no_kernel_package_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let no_kernel = tar(&[("./usr/share/doc/x", b"text"), ("./boot/vmlinuz-", b"x"), ("./boot/vmlinuz-a/b", b"x")]);
        let kernel = tar(&[("./boot/vmlinuz-6", &[7; 5000])]);
        for (member, data, expected) in [
            ("data.tar", &no_kernel[..], "it does not contain a kernel"),
            ("data.tar", &kernel[..3000], "truncated"),
            ("data.tar.xz", b"no xz at all", "damaged"),
            ("data.tar.lzma", b"", "not supported"),
            ("other", b"", "no data.tar"),
        ] {
            let opened = KernelPackage::open_in(&package(dir.path(), member, data), dir.path());
            let error = opened.expect_err("it is refused").to_string();
            assert!(error.contains(expected), "{member}: {error}");
        }
        assert!(matches!(KernelPackage::open(dir.path()), Err(Error::Package { .. })));
        assert!(matches!(KernelPackage::open(&dir.path().join("gone")), Err(Error::Io { .. })));
    }
}
