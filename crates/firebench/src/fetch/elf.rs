//! Which executables run where.

use object::LittleEndian;
use object::elf::{EM_X86_64, ET_DYN, ET_EXEC, FileHeader64, PT_INTERP};
use object::read::elf::{FileHeader, ProgramHeader};

/// How an x86_64 executable is linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Linkage {
    /// Needs nothing but the kernel.
    Static,
    /// Names an interpreter (`PT_INTERP`) and needs its libraries.
    Dynamic,
}

/// The linkage of an ELF executable for x86_64, or why it is none.
pub(crate) fn linkage(bytes: &[u8]) -> Result<Linkage, &'static str> {
    if !bytes.starts_with(&object::elf::ELFMAG) {
        return Err("it is no ELF file");
    }
    let header = FileHeader64::<LittleEndian>::parse(bytes).map_err(|_| "it is no 64-bit ELF file")?;
    let endian = header.endian().map_err(|_| "it is no little-endian ELF file")?;
    if header.e_machine(endian) != EM_X86_64 {
        return Err("it is built for another machine than x86_64");
    }
    if !matches!(header.e_type(endian), ET_EXEC | ET_DYN) {
        return Err("it is no executable");
    }
    let segments = header.program_headers(endian, bytes).map_err(|_| "its program headers are damaged")?;
    if segments.is_empty() {
        return Err("it is no executable");
    }
    let interpreted = segments.iter().any(|segment| segment.p_type(endian) == PT_INTERP);
    Ok(if interpreted { Linkage::Dynamic } else { Linkage::Static })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A header and one program header of type `segment`: as little as an executable can be.
    pub(in crate::fetch) fn executable(machine: u16, segment: u32) -> Vec<u8> {
        let mut file = vec![0; 64 + 56];
        let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, b"\x7fELF\x02\x01\x01");
        put(16, &2u16.to_le_bytes()); // ET_EXEC
        put(18, &machine.to_le_bytes());
        put(20, &1u32.to_le_bytes());
        put(32, &64u64.to_le_bytes()); // where the program headers are
        put(52, &64u16.to_le_bytes());
        put(54, &56u16.to_le_bytes());
        put(56, &1u16.to_le_bytes());
        put(64, &segment.to_le_bytes());
        file
    }

    /// A static executable that writes `text` and ends well.
    pub(in crate::fetch) fn printer(text: &str) -> Vec<u8> {
        const BASE: u32 = 0x40_0000;
        let mut file = executable(62, 1);
        let entry = BASE + file.len() as u32;
        let code_length = 5 + 5 + 5 + 5 + 2 + 5 + 2 + 2;
        let word = |opcode: u8, value: u32| [&[opcode][..], &value.to_le_bytes()].concat();
        file.extend(word(0xb8, 1)); // mov eax, 1 (write)
        file.extend(word(0xbf, 1)); // mov edi, 1 (standard output)
        file.extend(word(0xbe, entry + code_length)); // mov esi, text
        file.extend(word(0xba, text.len() as u32)); // mov edx, length
        file.extend([0x0f, 0x05]); // syscall
        file.extend(word(0xb8, 60)); // mov eax, 60 (exit)
        file.extend([0x31, 0xff, 0x0f, 0x05]); // xor edi, edi; syscall
        file.extend(text.as_bytes());
        let length = (file.len() as u64).to_le_bytes();
        let mut put = |at: usize, bytes: &[u8]| file[at..at + bytes.len()].copy_from_slice(bytes);
        put(24, &u64::from(entry).to_le_bytes());
        put(68, &5u32.to_le_bytes()); // readable, executable
        put(80, &u64::from(BASE).to_le_bytes());
        put(96, &length);
        put(104, &length);
        put(112, &0x1000u64.to_le_bytes());
        file
    }

    #[test]
    fn linkage_follows_the_interpreter() {
        assert_eq!(linkage(&executable(62, 1)), Ok(Linkage::Static));
        assert_eq!(linkage(&executable(62, 3)), Ok(Linkage::Dynamic));
        let shell = std::fs::read("/bin/sh").expect("a shell");
        assert_eq!(linkage(&shell), Ok(Linkage::Dynamic));
        let own = std::fs::read(std::env::current_exe().expect("a path")).expect("readable");
        assert_eq!(linkage(&own), Ok(Linkage::Static), "tests are linked statically, as .cargo/config.toml says");
    }

    #[test]
    fn what_is_no_executable_is_refused() {
        assert_eq!(linkage(b"#!/bin/sh\n"), Err("it is no ELF file"));
        assert_eq!(linkage(b"\x7fELF\x02"), Err("it is no 64-bit ELF file"));
        assert_eq!(linkage(&executable(183, 1)), Err("it is built for another machine than x86_64"));
        let whole = executable(62, 1);
        for length in 0..whole.len() {
            assert!(linkage(&whole[..length]).is_err(), "{length} bytes");
        }
    }
}
