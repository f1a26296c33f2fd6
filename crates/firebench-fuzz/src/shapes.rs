//! Inputs of the shapes that hurt: what is small and asks for much, or says the same a thousand times. Each is made in any
//! size, so that work which grows faster than the input shows.

use std::io::Write;

/// An input: its target, its name, its bytes.
pub type Shape = (&'static str, &'static str, Vec<u8>);

/// All shapes, each of about `size` bytes, or so many that they unpack to many times that.
pub fn all(size: usize) -> Vec<Shape> {
    vec![
        ("kernel", "notes-over-the-same-bytes", segments(4, size)),
        ("kernel", "segments-over-the-same-bytes", segments(1, size)),
        ("kernel", "banners", banners(size)),
        ("elf", "names-over-the-same-bytes", sections(size)),
        ("deb", "members", members(size)),
        ("deb", "equal-names.gz", gzip(&equal_names(64 * size))),
        ("deb", "bomb.gz", gzip(&vec![0; 4096 * size.min(64 << 10)])),
        ("deb", "long-names.gz", gzip(&extensions(b'L', 64 * size))),
        ("release", "long-names.tgz", gzip(&extensions(b'L', 64 * size))),
        ("release", "pax.tgz", gzip(&extensions(b'x', 64 * size))),
        ("release", "equal-names.tgz", gzip(&equal_names(64 * size))),
        ("release", "bomb.tgz", gzip(&vec![0; 4096 * size.min(64 << 10)])),
        ("release", "zip-ends", zip_ends(size)),
        ("release", "zip-members", zip_members(size)),
    ]
}

/// An ELF executable whose headers, a third of it, are segments over all the rest.
fn segments(kind: u32, size: usize) -> Vec<u8> {
    let count = (size / 3 / 56).clamp(1, 60_000);
    let start = 64 + 56 * (count as u64 + 1);
    let rest = size as u64;
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    put(&mut file, &[2, 62], 2);
    put(&mut file, &[1], 4);
    put(&mut file, &[0, 64, 0], 8);
    put(&mut file, &[0], 4);
    put(&mut file, &[64, 56, count as u64 + 1, 0, 0, 0], 2);
    for number in 0..=count {
        let (kind, offset, bytes) = if number == 0 { (1, 0, 64) } else { (kind, start, rest) };
        put(&mut file, &[u64::from(kind), 4], 4);
        put(&mut file, &[offset, 0, 0, bytes, bytes, 4], 8);
    }
    file.resize(file.len() + size, 0);
    file.extend(b"Linux version 6.1.0 (a@b) #1\n\0");
    file
}

/// An executable full of what a kernel's version begins like, without an end.
fn banners(size: usize) -> Vec<u8> {
    let mut file = segments(1, 1);
    let words = size / 14;
    file.extend(b"Linux version ".repeat(words));
    file
}

/// A module whose sections all have one long name.
fn sections(size: usize) -> Vec<u8> {
    let count = (size / 3 / 64).clamp(2, 60_000) as u64;
    let start = 64 + 64 * count;
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    put(&mut file, &[1, 62], 2);
    put(&mut file, &[1], 4);
    put(&mut file, &[0, 0, 64], 8);
    put(&mut file, &[0], 4);
    put(&mut file, &[64, 0, 0, 64, count, 1], 2);
    for number in 0..count {
        put(&mut file, &[number.min(1), 3 * number.min(1)], 4);
        put(&mut file, &[0, 0, start, size as u64], 8);
        put(&mut file, &[0, 0], 4);
        put(&mut file, &[1, 0], 8);
    }
    file.resize(file.len() + size, b'x');
    file
}

fn put(file: &mut Vec<u8>, values: &[u64], width: usize) {
    file.extend(values.iter().flat_map(|value| value.to_le_bytes().into_iter().take(width)));
}

/// A package of empty members.
fn members(size: usize) -> Vec<u8> {
    let mut package = b"!<arch>\n".to_vec();
    let member = format!("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", "x", 0, 0, 0, 100_644, 0);
    package.extend(member.repeat(size / member.len() + 1).bytes());
    package
}

/// A tar archive of one file after another, all of one name that is wanted.
fn equal_names(size: usize) -> Vec<u8> {
    let mut tar = Vec::new();
    while tar.len() < size {
        for name in ["./boot/vmlinuz-6.1.0-t", "release/firecracker", "./lib/modules/6.1.0-t/kernel/a.ko"] {
            member(&mut tar, name, b'0', &[7; 4096]);
        }
    }
    tar
}

/// A tar archive whose members' extensions (long names, or lists of properties) are as long as all the rest.
fn extensions(kind: u8, size: usize) -> Vec<u8> {
    let mut tar = Vec::new();
    for part in [16, 4, 2] {
        member(&mut tar, "././@LongLink", kind, &vec![b'a'; size / part]);
        member(&mut tar, "release/firecracker", b'0', b"x");
    }
    tar
}

fn member(tar: &mut Vec<u8>, name: &str, kind: u8, contents: &[u8]) {
    let mut header = [0; 512];
    for (at, text) in [(0, name), (100, "0000644\0"), (124, &format!("{:011o}\0", contents.len())), (257, "ustar  \0")]
    {
        header[at..at + text.len()].copy_from_slice(text.as_bytes());
    }
    header[148..156].fill(b' ');
    header[156] = kind;
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    tar.extend(header);
    tar.extend(contents);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).and_then(|()| encoder.finish()).expect("it is written to memory")
}

/// A ZIP archive that ends again and again, each time after a directory of all that is before.
fn zip_ends(size: usize) -> Vec<u8> {
    let mut zip = zip_members(size / 2);
    while zip.len() < size {
        let offset = zip.len() as u64 / 2;
        zip.extend(b"PK\x05\x06");
        put(&mut zip, &[0, 0, 0xfff0, 0xfff0], 2);
        put(&mut zip, &[1000, offset], 4);
        put(&mut zip, &[0], 2);
    }
    zip
}

/// A ZIP archive of empty members.
fn zip_members(size: usize) -> Vec<u8> {
    let mut zip = Vec::new();
    while zip.len() < size {
        zip.extend(b"PK\x03\x04");
        put(&mut zip, &[10, 0, 0, 0, 0], 2);
        put(&mut zip, &[0, 0, 0], 4);
        put(&mut zip, &[1, 0], 2);
        zip.push(b'x');
    }
    zip
}
