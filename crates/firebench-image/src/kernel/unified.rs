//! Unified kernel images: a program for EFI with a kernel in one of its sections.
//!
//! Source: the UAPI group's specification "Unified Kernel Image". The sections that matter here are `.linux`, the kernel;
//! `.initrd` and `.cmdline`, in whose place firebench has its own; and `.uname`, the kernel's release.

use object::LittleEndian as LE;
use object::pe;
use object::read::pe::{ImageNtHeaders as _, PeFile64};

use crate::{Error, Result};

/// Sections that a machine would start the kernel with, and firebench does not.
const LEFT_OUT: [&str; 5] = [".initrd", ".cmdline", ".ucode", ".dtb", ".dtbauto"];

/// What is in a unified kernel image.
#[derive(Debug)]
pub(super) struct Unified<'a> {
    /// The kernel: a boot image.
    pub(super) linux: &'a [u8],
    /// Names of the sections that are there and not used.
    pub(super) left_out: Vec<String>,
}

/// Opens a program for EFI (its first bytes are `MZ`).
pub(super) fn open(image: &[u8]) -> Result<Unified<'_>> {
    let program = || Error::no_kernel("it is a program for EFI or Windows, not a Linux boot image");
    // include/linux/pe.h of the kernel: LINUX_MZ_ZBOOT_MAGIC.
    if image.get(4..8) == Some(b"zimg") {
        return Err(Error::no_kernel("it is a compressed EFI image (zboot); x86_64 kernels do not use that format"));
    }
    let file = PeFile64::parse(image).map_err(|_| program())?;
    let machine = file.nt_headers().file_header().machine.get(LE);
    if machine != pe::IMAGE_FILE_MACHINE_AMD64 {
        return Err(Error::no_kernel("it is an EFI program for another architecture than x86_64"));
    }
    let mut linux = None;
    let mut left_out = [false; LEFT_OUT.len()];
    for section in file.section_table().iter() {
        let name = section.raw_name();
        if name == b".linux" && linux.is_none() {
            let data = section.pe_data(image);
            linux = Some(data.map_err(|_| Error::no_kernel("the unified kernel image is truncated"))?);
        }
        // Each is named once, however many there are.
        left_out.iter_mut().zip(LEFT_OUT).for_each(|(found, left)| *found |= left.as_bytes() == name);
    }
    let left_out = LEFT_OUT.iter().zip(left_out).filter(|(_, found)| *found).map(|(left, _)| (*left).to_owned());
    let left_out = left_out.collect();
    let linux = linux.ok_or_else(program)?;
    Ok(Unified { linux, left_out })
}
