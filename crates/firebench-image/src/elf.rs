//! ELF files for x86_64, and how they are linked.
//!
//! What is read of a file's headers is read once, and nothing that they point to: work is linear in their number, without
//! memory of its own.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use firebench_os::outside;
use object::elf;
use object::read::elf::{FileHeader as _, ProgramHeader as _};
use object::{Endianness, ReadRef};

use crate::{Error, Result};

/// Largest program that is read, in bytes.
pub const MAX_PROGRAM_BYTES: u64 = 256 << 20;

pub(crate) type Header = elf::FileHeader64<Endianness>;

/// How an executable is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Linkage {
    /// Needs nothing but the kernel.
    Static,
    /// Names an interpreter (`PT_INTERP`) and needs its libraries.
    Dynamic,
}

/// The linkage of an x86_64 executable.
///
/// # Errors
/// Why `bytes` are not one: `it is not an ELF file`.
pub fn linkage(bytes: &[u8]) -> Result<Linkage, String> {
    let (header, endian) = header(bytes)?;
    // A static position-independent executable is of type ET_DYN, too.
    if ![elf::ET_EXEC, elf::ET_DYN].contains(&header.e_type.get(endian)) {
        return Err("it is not an executable".to_owned());
    }
    let segments =
        header.program_headers(endian, bytes).map_err(|error| format!("its program headers are damaged: {error}"))?;
    if segments.is_empty() {
        return Err("it has no program headers".to_owned());
    }
    let interpreted = segments.iter().any(|segment| segment.p_type(endian) == elf::PT_INTERP);
    Ok(if interpreted { Linkage::Dynamic } else { Linkage::Static })
}

/// The path of the interpreter of a dynamic executable.
///
/// # Errors
/// Why there is none.
pub fn interpreter(bytes: &[u8]) -> Result<PathBuf, String> {
    let (header, endian) = header(bytes)?;
    let segments =
        header.program_headers(endian, bytes).map_err(|error| format!("its program headers are damaged: {error}"))?;
    let path = segments.iter().find_map(|segment| segment.interpreter(endian, bytes).ok().flatten());
    let path = path.map(|path| PathBuf::from(OsStr::from_bytes(path))).filter(|path| path.is_absolute());
    path.ok_or_else(|| "it does not name an interpreter".to_owned())
}

/// Refuses a program that would not run where there is no libc: one that is linked dynamically or not for x86_64.
/// `hint` says how to get a suitable one.
pub fn require_static_executable(path: &Path, hint: &'static str) -> Result<()> {
    let refuse = |reason: String| Error::NotStatic { path: path.to_owned(), reason, hint };
    let bytes = outside::read(path, MAX_PROGRAM_BYTES).map_err(Error::io("read", path))?;
    match linkage(&bytes).map_err(refuse)? {
        Linkage::Static => Ok(()),
        Linkage::Dynamic => Err(refuse("it is linked dynamically".to_owned())),
    }
}

pub(crate) fn is_elf(bytes: &[u8]) -> bool {
    bytes.starts_with(&elf::ELFMAG)
}

/// Reads the header of a 64-bit x86 ELF file, or says what it is instead.
pub(crate) fn header(bytes: &[u8]) -> Result<(&Header, Endianness), String> {
    let ident = bytes.read_bytes_at(0, 20).unwrap_or_default();
    if !is_elf(ident) {
        return Err("it is not an ELF file".to_owned());
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

#[cfg(test)]
mod tests {
    use super::*;

    fn this_test() -> Vec<u8> {
        std::fs::read(std::env::current_exe().expect("a test has a file")).expect("it is readable")
    }

    #[test]
    fn linkage_follows_the_interpreter() {
        assert_eq!(linkage(&this_test()), Ok(Linkage::Static), "as .cargo/config.toml says");
        assert_eq!(linkage(&std::fs::read("/bin/sh").expect("a shell")), Ok(Linkage::Dynamic));
    }

    #[test]
    fn what_is_no_executable_is_refused() {
        assert_eq!(linkage(b"#!/bin/sh\n"), Err("it is not an ELF file".to_owned()));
        let with = |at: usize, value: u8| {
            let mut bytes = this_test();
            *bytes.get_mut(at).expect("within the header") = value;
            linkage(&bytes).expect_err("no executable of this machine")
        };
        assert_eq!(with(4, 1), "it is a 32-bit ELF file");
        assert_eq!(with(18, 183), "it is an ELF file for 64-bit ARM, not for x86_64");
        assert_eq!(with(16, 1), "it is not an executable");
        let whole = this_test();
        // The header, and the program headers behind it.
        for length in 0..200 {
            assert!(linkage(whole.get(..length).expect("a program is longer")).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_dynamic_program_is_refused_with_the_hint() {
        require_static_executable(&std::env::current_exe().expect("a test has a file"), "").expect("it is static");
        let error = require_static_executable(Path::new("/bin/sh"), "a hint").expect_err("Debian's is dynamic");
        assert!(error.to_string().contains("dynamically"), "{error}");
        assert!(require_static_executable(Path::new("/etc/passwd"), "").is_err());
    }
}
