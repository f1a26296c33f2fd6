//! ELF files: which are kernels, which are static programs.

use std::path::Path;

use object::elf;
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use object::{Endianness, ReadRef};

use crate::{Error, Result};

/// `XEN_ELFNOTE_PHYS32_ENTRY` of `include/xen/interface/elfnote.h`: the address at which a PVH guest starts.
const XEN_ELFNOTE_PHYS32_ENTRY: elf::NoteType = elf::NoteType(18);

type Header = elf::FileHeader64<Endianness>;

pub(super) fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(&elf::ELFMAG)
}

/// Reads the header of a 64-bit x86 ELF file, or says what it is instead.
fn header<'a>(bytes: impl ReadRef<'a>) -> Result<(&'a Header, Endianness), String> {
    let ident = bytes.read_bytes_at(0, 20).unwrap_or_default();
    if !is_elf(ident) {
        return Err("it is no ELF file".to_owned());
    }
    if ident.get(4) == Some(&elf::ELFCLASS32.0) {
        return Err("it is a 32-bit ELF file".to_owned());
    }
    let header = Header::parse(bytes).map_err(|error| format!("its ELF header is damaged: {error}"))?;
    let endian = header.endian().map_err(|error| format!("its ELF header is damaged: {error}"))?;
    let machine = header.e_machine.get(endian);
    if machine != elf::EM_X86_64 {
        return Err(format!("it is an ELF file for {}, not for x86_64", machine_name(machine)));
    }
    Ok((header, endian))
}

fn machine_name(machine: elf::Machine) -> String {
    match machine {
        elf::EM_AARCH64 => "64-bit ARM".to_owned(),
        elf::EM_ARM => "32-bit ARM".to_owned(),
        elf::EM_RISCV => "RISC-V".to_owned(),
        elf::EM_386 => "32-bit x86".to_owned(),
        elf::EM_PPC64 => "POWER".to_owned(),
        elf::EM_S390 => "s390".to_owned(),
        other => format!("machine {}", other.0),
    }
}

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

/// Refuses a program that would not run where there is no libc: one that is linked dynamically or not for x86_64.
/// `hint` tells the user how to come by a right one.
pub fn require_static_executable(path: &Path, hint: &'static str) -> Result<()> {
    let refuse = |reason: String| Error::NotStatic { path: path.to_owned(), reason, hint };
    let file = std::fs::File::open(path).map_err(Error::io("open", path))?;
    let cache = object::ReadCache::new(file);
    let (header, endian) = header(&cache).map_err(refuse)?;
    // A static position-independent executable is of type ET_DYN, too.
    if ![elf::ET_EXEC, elf::ET_DYN].contains(&header.e_type.get(endian)) {
        return Err(refuse("it is an object file".to_owned()));
    }
    let segments = header
        .program_headers(endian, &cache)
        .map_err(|error| refuse(format!("its program headers are damaged: {error}")))?;
    if segments.is_empty() {
        return Err(refuse("it has no program headers".to_owned()));
    }
    match segments.iter().any(|segment| segment.p_type(endian) == elf::PT_INTERP) {
        true => Err(refuse("it is linked dynamically".to_owned())),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_is_static_and_no_kernel() {
        let me = std::env::current_exe().expect("a test has a file");
        require_static_executable(&me, "").expect("the workspace links statically");
        let error = check_vmlinux(&std::fs::read(me).expect("it is readable")).expect_err("it is no kernel");
        assert!(error.to_string().contains("program"), "{error}");
    }

    #[test]
    fn a_shell_is_dynamic() {
        let error = require_static_executable(Path::new("/bin/sh"), "a hint").expect_err("Debian's is");
        assert!(error.to_string().contains("dynamically"), "{error}");
        assert!(require_static_executable(Path::new("/etc/passwd"), "").is_err());
    }
}
