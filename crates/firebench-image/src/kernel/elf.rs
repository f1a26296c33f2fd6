//! ELF files: which are kernels.
//!
//! Headers may say that any number of segments have the same bytes. So no segment's bytes are read before the sizes of all
//! are added up: notes are at most [`MAX_NOTES`] together, and what is loaded at most twice the file. Work is then linear in
//! the file's size: each header is read three times, each note once.

use object::elf;
use object::read::elf::{FileHeader as _, ProgramHeader as _};

use crate::elf::header;
use crate::{Error, Result};

/// `XEN_ELFNOTE_PHYS32_ENTRY` of `include/xen/interface/elfnote.h`: the address at which a PVH guest starts.
const XEN_ELFNOTE_PHYS32_ENTRY: elf::NoteType = elf::NoteType(18);

/// Bytes that all notes of a kernel may have together: real ones have less than 4 KiB.
const MAX_NOTES: u64 = 1 << 20;

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
    let total = |kind| {
        let of_kind = segments.iter().filter(|segment| segment.p_type(endian) == kind);
        of_kind.fold(0_u64, |sum, segment| sum.saturating_add(segment.p_filesz(endian)))
    };
    if total(elf::PT_NOTE) > MAX_NOTES {
        return Err(Error::no_kernel(format!("its notes have more than {} MiB", MAX_NOTES >> 20)));
    }
    // Segments that lie side by side may share the page at their border; more overlap than that has no kernel.
    if total(elf::PT_LOAD) > (bytes.len() as u64).saturating_mul(2) {
        return Err(Error::no_kernel("the ELF file is truncated, or its segments overlap"));
    }
    let mut loaded = segments.iter().filter(|segment| segment.p_type(endian) == elf::PT_LOAD).peekable();
    if loaded.peek().is_none() {
        return Err(Error::no_kernel("it has nothing to load (is it a file of debugging symbols?)"));
    }
    if loaded.any(|segment| segment.data(endian, bytes).is_err()) {
        return Err(Error::no_kernel("the ELF file is truncated"));
    }
    Ok(())
}

/// Whether a `vmlinux`, which [`check_vmlinux`] let through, has the PVH entry.
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

    /// An ELF executable for x86_64 with `count` program headers of type `kind`, each over the same `shared` bytes.
    fn overlapping(kind: u32, count: u16, shared: u64) -> Vec<u8> {
        let headers = 64 + u64::from(count + 1) * 56;
        let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        file.extend([2_u16, 62].iter().flat_map(|half| half.to_le_bytes()));
        file.extend(1_u32.to_le_bytes());
        file.extend([0_u64, 64, 0].iter().flat_map(|word| word.to_le_bytes()));
        file.extend(0_u32.to_le_bytes());
        file.extend([64_u16, 56, count + 1, 0, 0, 0].iter().flat_map(|half| half.to_le_bytes()));
        for (kind, bytes) in std::iter::once((1_u32, 64)).chain(std::iter::repeat_n((kind, shared), count.into())) {
            file.extend(kind.to_le_bytes());
            file.extend(4_u32.to_le_bytes());
            file.extend(
                [if bytes == 64 { 0 } else { headers }, 0, 0, bytes, bytes, 4]
                    .iter()
                    .flat_map(|word| word.to_le_bytes()),
            );
        }
        // Notes without name and contents, which take longest.
        file.resize(file.len() + shared as usize, 0);
        file
    }

    #[test]
    fn segments_over_the_same_bytes_are_refused_before_any_is_read() {
        // 6,000 times 2 MiB: to read them all would take minutes.
        for (kind, reason) in [(4, "its notes have more than 1 MiB"), (1, "its segments overlap")] {
            let file = overlapping(kind, 6000, 2 << 20);
            let error = crate::kernel::Kernel::from_bytes(file).expect_err("it is refused");
            assert!(error.to_string().contains(reason), "{error}");
        }
        check_vmlinux(&overlapping(4, 2, 4096)).expect("a few notes are none too many");
    }

    #[test]
    fn this_test_is_no_kernel() {
        let me = std::env::current_exe().expect("a test has a file");
        let error = check_vmlinux(&std::fs::read(me).expect("it is readable")).expect_err("it is no kernel");
        assert!(error.to_string().contains("program"), "{error}");
    }
}
