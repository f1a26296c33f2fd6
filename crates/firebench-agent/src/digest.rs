//! `sha256sum --block BYTES FILE...`: the digests of files that are read in blocks of one size, as `sha256sum` prints them. Small blocks
//! make many system calls, and one large block touches many new pages: each has its price.

use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::process::ExitCode;

/// Prints the digest of each file.
pub fn run(bytes: &str, files: &[&str]) -> ExitCode {
    match bytes.parse().ok().filter(|&bytes| bytes > 0) {
        Some(bytes) => print_all(bytes, files),
        None => failed(&format!("invalid size of a block: {bytes}")),
    }
}

fn print_all(bytes: usize, files: &[&str]) -> ExitCode {
    // Each page of the buffer is to be a page of its own. A kernel without huge pages refuses, and gives such pages anyway.
    let _ = nix::sys::prctl::set_thp_disable(true);
    // From the system, untouched: a page of it comes to be when the first block is read into it.
    let mut buffer = vec![0; bytes];
    for file in files {
        let line = File::open(file).and_then(|mut reader| digest(&mut reader, &mut buffer));
        let printed = line.and_then(|digest| writeln!(io::stdout(), "{digest}  {file}"));
        if let Err(error) = printed {
            return failed(&format!("{file}: {error}"));
        }
    }
    ExitCode::SUCCESS
}

fn failed(why: &str) -> ExitCode {
    eprintln!("firebench-agent: {why}");
    ExitCode::FAILURE
}

/// The SHA-256 of all that a reader has, read in blocks as large as the buffer.
fn digest(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<String> {
    let mut hasher = Sha256::new();
    loop {
        let filled = fill(reader, buffer)?;
        hasher.update(buffer.get(..filled).unwrap_or_default());
        // Fewer bytes than there is room for are the last ones.
        if filled < buffer.len() || filled == 0 {
            break;
        }
    }
    Ok(hex(&hasher.finalize()))
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    let mut hex = String::new();
    for byte in bytes {
        // Writing to a String does not fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

/// Fills the buffer, with one read unless the system gives less at a time. What is missing was not there.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled: usize = 0;
    while let Some(room) = buffer.get_mut(filled..).filter(|room| !room.is_empty()) {
        match reader.read(room) {
            Ok(0) => break,
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that come in pieces of at most so many, and the sizes of the buffers into which they were read.
    struct Counted<'a> {
        rest: &'a [u8],
        most: usize,
        asked: Vec<usize>,
        interrupted: bool,
    }

    impl Read for Counted<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.asked.push(buffer.len());
            if std::mem::take(&mut self.interrupted) {
                return Err(ErrorKind::Interrupted.into());
            }
            let room = buffer.len().min(self.most);
            self.rest.read(&mut buffer[..room])
        }
    }

    fn counted(bytes: &[u8]) -> Counted<'_> {
        Counted { rest: bytes, most: usize::MAX, asked: Vec::new(), interrupted: false }
    }

    #[test]
    fn it_reads_in_blocks_of_the_size_and_once_more_for_the_end() {
        let bytes = vec![7; 64 << 10];
        let expected = digest(&mut counted(&bytes), &mut vec![0; 64 << 10]).unwrap();
        for (block, reads) in [(512, 128), (4096, 16), (32 << 10, 2), (64 << 10, 1)] {
            let mut reader = counted(&bytes);
            assert_eq!(digest(&mut reader, &mut vec![0; block]).unwrap(), expected, "{block}");
            assert_eq!(reader.asked, vec![block; reads + 1], "{block}");
        }
        // A last block that is not full: the read after it asks for the rest.
        let mut reader = counted(&bytes);
        assert_eq!(digest(&mut reader, &mut vec![0; 60 << 10]).unwrap(), expected);
        assert_eq!(reader.asked, [60 << 10, 60 << 10, 56 << 10]);
    }

    #[test]
    fn the_digest_is_that_of_the_standard_however_the_bytes_come() {
        const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest(&mut counted(b"abc"), &mut [0; 2]).unwrap(), ABC);
        assert_eq!(digest(&mut counted(b""), &mut [0; 2]).unwrap(), NOTHING);
        let mut slow = Counted { most: 1, interrupted: true, ..counted(b"abc") };
        assert_eq!(digest(&mut slow, &mut [0; 3]).unwrap(), ABC);
        assert_eq!(slow.asked, [3, 3, 2, 1, 3]);
    }
}
