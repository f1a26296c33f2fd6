//! The kernel: an ELF `vmlinux`, which QEMU (through its PVH entry) and Firecracker both load, out of a bzImage or an ELF
//! file. A file that is not an x86_64 Linux kernel is refused with the reason.

mod beside;
mod bzimage;
mod config;
mod decompress;
pub(crate) mod drivers;
mod elf;
mod unified;

use std::path::Path;

use firebench_os::outside;
use memchr::memmem;

pub(crate) use beside::Beside;
pub(crate) use config::Config;
pub use decompress::Compression;
pub(crate) use decompress::{MAX_BYTES as MAX_FILE_BYTES, module, reader as decompressor};
pub use drivers::{LISTED_CPUS, LISTED_DEVICES};

use crate::elf::is_elf;
use crate::{Error, Result};

/// What Linux says of itself at its start, in every kernel (`linux_banner` in `init/version.c`).
const BANNER: &[u8] = b"Linux version ";

/// The signature by which a kernel with ACPI finds the tables (`ACPI_SIG_RSDP` in `include/acpi/actbl.h`).
const ACPI_SIGNATURE: &[u8] = b"RSD PTR ";

/// Longest version string that is believed.
const BANNER_MAX: usize = 512;

/// Places at which a version string is looked for: a kernel says "Linux version" a few times.
const BANNERS: usize = 1000;

/// The forms in which a kernel comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KernelKind {
    /// The usual boot image, as in /boot/vmlinuz: a setup header and a compressed `vmlinux`.
    BzImage {
        /// How it is compressed.
        compression: Compression,
    },
    /// An uncompressed ELF file.
    Vmlinux,
}

impl std::fmt::Display for KernelKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            KernelKind::BzImage { compression } => write!(f, "bzImage, {compression}"),
            KernelKind::Vmlinux => f.write_str("ELF vmlinux"),
        }
    }
}

/// A kernel, ready to be booted.
#[derive(Clone, PartialEq, Eq)]
pub struct Kernel {
    /// How it came.
    pub kind: KernelKind,
    /// The ELF file.
    pub vmlinux: Vec<u8>,
    /// Its version string, such as `Linux version 6.1.0-56-cloud-amd64 (...) ... #1 SMP ...`.
    pub version: String,
    /// The boot image that it came in, which some VMMs load; none where it came as an ELF file.
    pub boot_image: Option<Vec<u8>>,
    /// Whether it has the PVH entry that QEMU needs to start a `vmlinux` (CONFIG_PVH).
    pub pvh: bool,
    /// Whether it has ACPI (CONFIG_ACPI): then it looks for its devices there, and needs the I/O APIC for their interrupts.
    pub acpi: bool,
    /// Sections of a unified kernel image that are not used, such as `.initrd`.
    pub left_out: Vec<String>,
}

impl std::fmt::Debug for Kernel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kernel")
            .field("kind", &self.kind)
            .field("vmlinux_bytes", &self.vmlinux.len())
            .field("version", &self.version)
            .field("pvh", &self.pvh)
            .field("acpi", &self.acpi)
            .finish()
    }
}

/// Says in which form a kernel comes, by its headers alone: nothing is decompressed. Of a unified kernel image it is the form
/// of the kernel inside.
pub fn inspect(bytes: &[u8]) -> Result<KernelKind> {
    inspect_inner(unwrap(bytes)?.0)
}

/// The kernel in a unified kernel image, and the sections of it that are left out; anything else as it is.
fn unwrap(bytes: &[u8]) -> Result<(&[u8], Vec<String>)> {
    if let Some(foreign) = foreign(bytes) {
        return Err(Error::no_kernel(foreign));
    }
    if bytes.starts_with(b"MZ") && !bzimage::is_bzimage(bytes) {
        let unified = unified::open(bytes)?;
        return Ok((unified.linux, unified.left_out));
    }
    Ok((bytes, Vec::new()))
}

fn inspect_inner(bytes: &[u8]) -> Result<KernelKind> {
    if let Some(foreign) = foreign(bytes) {
        return Err(Error::no_kernel(foreign));
    }
    if is_elf(bytes) {
        elf::check_vmlinux(bytes)?;
        return Ok(KernelKind::Vmlinux);
    }
    let compression = Compression::detect(bzimage::payload(bytes)?)?;
    Ok(KernelKind::BzImage { compression })
}

impl Kernel {
    /// Reads a kernel from a file.
    pub fn from_path(path: &Path) -> Result<Kernel> {
        Kernel::from_bytes(read_file(path)?).map_err(of_file(path))
    }

    /// As [`Kernel::from_path`].
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Kernel> {
        let (image, left_out) = unwrap(&bytes)?;
        let kind = inspect_inner(image)?;
        let (vmlinux, boot_image) = match kind {
            KernelKind::Vmlinux if image.len() == bytes.len() => (bytes, None),
            KernelKind::Vmlinux => (image.to_vec(), None),
            KernelKind::BzImage { compression } => {
                let vmlinux = compression.decompress_kernel(bzimage::payload(image)?)?;
                elf::check_vmlinux(&vmlinux)?;
                (vmlinux, Some(image.to_vec()))
            }
        };
        let version = banner(&vmlinux)
            .ok_or_else(|| Error::no_kernel("it is an ELF executable without the text \"Linux version\""))?;
        let pvh = elf::has_pvh_entry(&vmlinux);
        let acpi = memmem::find(&vmlinux, ACPI_SIGNATURE).is_some();
        Ok(Kernel { kind, vmlinux, version, boot_image, pvh, acpi, left_out })
    }

    /// `uname -r` of this kernel: the word after "Linux version".
    pub fn release(&self) -> &str {
        self.version.split_whitespace().nth(2).unwrap_or_default()
    }
}

/// Reads a file that could be a kernel: a regular one, not too large.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>> {
    let metadata = std::fs::metadata(path).map_err(Error::io("look at", path))?;
    if metadata.is_dir() {
        return Err(of_file(path)(Error::no_kernel("it is a directory")));
    }
    if !metadata.is_file() {
        return Err(of_file(path)(Error::no_kernel("it is not a regular file")));
    }
    if metadata.len() > MAX_FILE_BYTES {
        return Err(of_file(path)(Error::no_kernel("it is larger than 512 MiB")));
    }
    outside::read(path, MAX_FILE_BYTES).map_err(Error::io("read", path))
}

/// For `map_err`: says which file is not a kernel.
pub(crate) fn of_file(path: &Path) -> impl FnOnce(Error) -> Error {
    move |reason| Error::Kernel { path: path.to_owned(), reason: Box::new(reason) }
}

/// The version string: "Linux version " followed by a digit, so that a format string is not taken for it.
fn banner(vmlinux: &[u8]) -> Option<String> {
    memmem::find_iter(vmlinux, BANNER).take(BANNERS).find_map(|at| {
        let rest = vmlinux.get(at..)?;
        let rest = rest.get(..BANNER_MAX).unwrap_or(rest);
        let end = rest.iter().position(|&byte| byte == b'\n' || byte == 0)?;
        let text = std::str::from_utf8(rest.get(..end)?).ok()?;
        let digit = text.as_bytes().get(BANNER.len())?.is_ascii_digit();
        (digit && !text.chars().any(char::is_control)).then(|| text.trim_end().to_owned())
    })
}

/// Names what people give by mistake.
fn foreign(bytes: &[u8]) -> Option<&'static str> {
    let at = |offset: usize, magic: &[u8]| bytes.get(offset..).is_some_and(|rest| rest.starts_with(magic));
    // Magic numbers: Documentation/arch/arm64/booting.rst, arch/riscv/boot-image-header.rst, arch/arm/boot/compressed/head.S.
    if bytes.is_empty() {
        Some("it is empty")
    } else if at(0x38, b"ARM\x64") {
        Some("it is a kernel for 64-bit ARM")
    } else if at(0x38, b"RSC\x05") {
        Some("it is a kernel for RISC-V")
    } else if at(0x24, &0x016f_2818_u32.to_le_bytes()) {
        Some("it is a kernel for 32-bit ARM")
    } else if at(0, b"!<arch>\n") {
        Some("it is an archive, such as a Debian package: give it as a package, not as a kernel")
    } else if at(0, &[0x1f, 0x8b]) {
        Some("it is a gzip file: decompress it first")
    } else if at(0, b"\xfd7zXZ\0") {
        Some("it is an xz file: decompress it first")
    } else if at(0, &0xfd2f_b528_u32.to_le_bytes()) {
        Some("it is a zstd file: decompress it first")
    } else if at(0, b"BZh") {
        Some("it is a bzip2 file: decompress it first")
    } else if at(0, &[0xed, 0xab, 0xee, 0xdb]) {
        Some(
            "it is an RPM package: unpack it (rpm2cpio) and give its vmlinuz with --kernel and its modules with --modules",
        )
    } else if at(0, b"PK\x03\x04") {
        Some("it is a zip file: unpack it first")
    } else if at(257, b"ustar") {
        Some("it is a tar archive: unpack it and give the kernel in it")
    } else if at(0, b"070701") {
        Some("it is an initramfs (cpio): give the kernel that belongs to it")
    } else if at(0, b"#!") {
        Some("it is a script")
    } else if !is_elf(bytes) && std::str::from_utf8(bytes.get(..512).unwrap_or(bytes)).is_ok_and(printable) {
        Some("it is a text file")
    } else {
        None
    }
}

fn printable(text: &str) -> bool {
    text.chars().all(|c| !c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn banner_is_not_a_format_string() {
        let bytes = b"xxLinux version %s (%s)\n\0Linux version 6.1.0-9 (a@b) (gcc) #1 SMP\n\0";
        assert_eq!(banner(bytes).as_deref(), Some("Linux version 6.1.0-9 (a@b) (gcc) #1 SMP"));
        assert_eq!(banner(b"Linux version 6"), None, "cut off");
        assert_eq!(banner(b"none"), None);
    }

    #[test]
    fn what_people_give_by_mistake() {
        let mut arm = vec![0; 64];
        arm[0x38..0x3c].copy_from_slice(b"ARM\x64");
        for (bytes, expected) in [
            (&b""[..], "empty"),
            (b"hello, world\n", "text file"),
            (b"#!/bin/sh\n", "script"),
            (b"!<arch>\ndebian-binary", "Debian package"),
            (b"MZ\0\0zimg", "zboot"),
            (b"\xed\xab\xee\xdb", "RPM"),
            (b"MZ\x90\0 and more", "program for EFI or Windows"),
            (&[0x1f, 0x8b, 8, 0], "gzip"),
            (&arm, "64-bit ARM"),
            (&[0xff; 4096], "neither an ELF file nor a Linux boot image"),
        ] {
            let error = inspect(bytes).expect_err("it is no kernel").to_string();
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_directory_is_no_kernel() {
        let error = Kernel::from_path(Path::new("/")).expect_err("it is a directory");
        assert!(matches!(error, Error::Kernel { .. }), "{error:?}");
    }
}
