//! Small ELF files for tests.

/// A header and one program header of type `segment`: as little as an executable can be.
pub(super) fn executable(machine: u16, segment: u32) -> Vec<u8> {
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
pub(super) fn printer(text: &str) -> Vec<u8> {
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
