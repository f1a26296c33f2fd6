//! ELF files: which are kernels.

use object::elf;
use object::read::elf::{FileHeader as _, ProgramHeader as _};

use crate::elf::header;
use crate::{Error, Result};

/// `XEN_ELFNOTE_PHYS32_ENTRY` of `include/xen/interface/elfnote.h`: the address at which a PVH guest starts.
const XEN_ELFNOTE_PHYS32_ENTRY: elf::NoteType = elf::NoteType(18);

/// Refuses an ELF file that cannot be a `vmlinux`.
pub(super) fn check_vmlinux(bytes: &[u8]) -> Result<()> {
    let (header, endian) = header(bytes).map_err(Error::no_kernel)?;
    match header.e_type.get(endian) {
        elf::ET_EXEC => {}
        elf::ET_DYN => {
            return Err(Error::no_kernel("it is a shared library or an ordinary position-independent program"));
        }
        elf::ET_REL => return Err(Error::no_kernel("it is an object file, such as a kernel module")),
        elf::ET_CORE => return Err(Error::no_kernel("it is a core dump")),
        other => return Err(Error::no_kernel(format!("it is an ELF file of unknown type {other}"))),
    }
    let segments = header
        .program_headers(endian, bytes)
        .map_err(|error| Error::no_kernel(format!("its program headers are damaged: {error}")))?;
    if segments.iter().any(|segment| segment.p_type(endian) == elf::PT_INTERP) {
        return Err(Error::no_kernel("it is an ordinary program"));
    }
    let mut loaded = segments.iter().filter(|segment| segment.p_type(endian) == elf::PT_LOAD).peekable();
    if loaded.peek().is_none() {
        return Err(Error::no_kernel("it has nothing to load: a file of debugging symbols?"));
    }
    if loaded.any(|segment| segment.data(endian, bytes).is_err()) {
        return Err(Error::no_kernel("the ELF file is truncated"));
    }
    Ok(())
}

/// Whether a `vmlinux` has the PVH entry.
pub(super) fn has_pvh_entry(bytes: &[u8]) -> bool {
    let Ok((header, endian)) = header(bytes) else { return false };
    let segments = header.program_headers(endian, bytes).unwrap_or_default();
    segments.iter().filter_map(|segment| segment.notes(endian, bytes).ok().flatten()).any(|mut notes| {
        while let Ok(Some(note)) = notes.next() {
            if note.name() == b"Xen" && note.n_type(endian) == XEN_ELFNOTE_PHYS32_ENTRY {
                return true;
            }
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_is_no_kernel() {
        let me = std::env::current_exe().expect("a test has a file");
        let error = check_vmlinux(&std::fs::read(me).expect("it is readable")).expect_err("it is no kernel");
        assert!(error.to_string().contains("program"), "{error}");
    }
}
