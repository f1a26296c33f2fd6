//! The compressions that kernels, modules and packages come in.

use std::io::{self, Read};

use firebench_os::interrupt;
use firebench_os::outside::{Counted, Refused, most_unpacked};

use crate::{Error, Result};

/// Largest file that is decompressed, in bytes.
pub(crate) const MAX_BYTES: u64 = 512 << 20;

/// How a kernel is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// LZ4, legacy frames.
    Lz4,
    /// gzip.
    Gzip,
    /// xz, usually with the x86 filter.
    Xz,
    /// Zstandard.
    Zstd,
    /// LZMA, the format before xz.
    Lzma,
}

impl Compression {
    fn name(self) -> &'static str {
        match self {
            Compression::Lz4 => "LZ4",
            Compression::Gzip => "gzip",
            Compression::Xz => "xz",
            Compression::Zstd => "zstd",
            Compression::Lzma => "LZMA",
        }
    }
}

impl std::fmt::Display for Compression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

const LZ4_LEGACY: [u8; 4] = 0x184c_2102_u32.to_le_bytes();
const ZSTD: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();

impl Compression {
    /// Tells by the first bytes, as the kernel's `lib/decompress.c` does.
    pub(crate) fn detect(payload: &[u8]) -> Result<Compression> {
        let refuse =
            |name| Err(Error::no_kernel(format!("its payload is compressed with {name}, which is not supported")));
        match payload {
            [0x1f, 0x8b, ..] => Ok(Compression::Gzip),
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Ok(Compression::Xz),
            _ if payload.starts_with(&LZ4_LEGACY) => Ok(Compression::Lz4),
            [0x5d, 0, 0, ..] => Ok(Compression::Lzma),
            _ if payload.starts_with(&ZSTD) => Ok(Compression::Zstd),
            [b'B', b'Z', b'h', ..] => refuse("bzip2"),
            [0x89, b'L', b'Z', b'O', ..] => refuse("LZO"),
            _ => Err(Error::no_kernel("its payload is in an unknown format, or encrypted")),
        }
    }

    /// Decompresses the payload of a bzImage. Its last four bytes say how large the result is (gzip ends with them by
    /// itself, for the others the kernel's build appends them: `size_append` in `scripts/Makefile.lib`).
    pub(super) fn decompress_kernel(self, payload: &[u8]) -> Result<Vec<u8>> {
        let truncated = || Error::no_kernel("the bzImage is truncated");
        let (stream, size) = payload.split_last_chunk::<4>().ok_or_else(truncated)?;
        let size = u32::from_le_bytes(*size);
        if u64::from(size) > MAX_BYTES {
            return Err(Error::no_kernel(format!("its payload announces {size} bytes, more than 512 MiB")));
        }
        let packed = payload.len() as u64;
        if u64::from(size) > most_unpacked(packed, MAX_BYTES) {
            let reason = format!("its payload of {packed} bytes announces {size} unpacked bytes, which is implausible");
            return Err(Error::no_kernel(reason));
        }
        let stream = if self == Compression::Gzip { payload } else { stream };
        let bytes = self.decompress(stream, "the kernel", u64::from(size))?;
        if bytes.len() as u64 != u64::from(size) {
            return Err(self.damaged("the kernel")(format!("{} bytes instead of {size}", bytes.len())));
        }
        Ok(bytes)
    }

    /// Decompresses `stream`, at most `limit` bytes; `what` is for the error.
    fn decompress(self, stream: &[u8], what: &str, limit: u64) -> Result<Vec<u8>> {
        let damaged = self.damaged(what);
        if self == Compression::Lz4 {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            return lz4_legacy(stream, limit).map_err(damaged);
        }
        let mut bytes = Vec::new();
        let shrunk;
        let stream = match self {
            Compression::Zstd => {
                shrunk = shrink_window(stream, limit);
                shrunk.as_slice()
            }
            _ => stream,
        };
        // One byte more than allowed shows that there is more.
        let failed = |error: io::Error| match Refused::of(&error) {
            Some(Refused::Stopped) => Error::Cancelled,
            _ => damaged(error.to_string()),
        };
        let reader = reader(self, stream).map_err(failed)?;
        reader.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        match bytes.len() as u64 > limit {
            true => Err(damaged(format!("it has more than {limit} bytes"))),
            false => Ok(bytes),
        }
    }

    fn damaged(self, what: &str) -> impl Fn(String) -> Error {
        let what = what.to_owned();
        let format = self.name();
        move |reason| Error::Decompress { what: what.clone(), format, reason }
    }
}

/// What the decoders of xz and LZMA may hold, in KiB: kernels are compressed with a dictionary of 128 MiB (`scripts/xz_wrap.sh`), and the
/// format lets a file ask for 4 GiB.
const MAX_XZ_KIB: u32 = 160 << 10;

/// A reader that decompresses one stream of `compressed`. It looks for an interrupt as it takes in and as it gives out: a
/// stream may hold any amount of nothing. How much comes out is for the caller to bound.
pub(crate) fn reader<'a>(compression: Compression, compressed: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    Ok(Box::new(Counted::all(decoder(compression, Counted::all(compressed))?)))
}

fn decoder<'a>(compression: Compression, compressed: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match compression {
        Compression::Gzip => Box::new(flate2::read::GzDecoder::new(compressed)),
        Compression::Xz => Box::new(lzma_rust2::XzReader::new_mem_limit(compressed, false, MAX_XZ_KIB)),
        Compression::Zstd => {
            let decoder = ruzstd::decoding::StreamingDecoder::new(compressed).map_err(io::Error::other)?;
            Box::new(decoder)
        }
        Compression::Lzma => Box::new(lzma_rust2::LzmaReader::new_mem_limit(compressed, MAX_XZ_KIB, None)?),
        Compression::Lz4 => return Err(io::Error::other("LZ4 can only be read as a whole")),
    })
}

/// LZ4's legacy frame: after the magic number blocks of at most 8 MiB, each with its compressed size before it.
/// Source: `doc/lz4_Frame_format.md` ("Legacy frame") of the LZ4 project.
fn lz4_legacy(stream: &[u8], limit: usize) -> Result<Vec<u8>, String> {
    const BLOCK: usize = 8 << 20;
    let mut rest = stream.strip_prefix(&LZ4_LEGACY).ok_or("no magic number")?;
    let mut bytes = Vec::new();
    let mut block = vec![0; BLOCK];
    while let Some((size, after)) = rest.split_first_chunk::<4>() {
        interrupt::check().map_err(|stop| stop.to_string())?;
        if *size == LZ4_LEGACY {
            rest = after;
            continue;
        }
        let size = usize::try_from(u32::from_le_bytes(*size)).unwrap_or(usize::MAX);
        let (compressed, after) = after.split_at_checked(size).ok_or("it ends within a block")?;
        let count = lz4_flex::block::decompress_into(compressed, &mut block).map_err(|error| error.to_string())?;
        if bytes.len().saturating_add(count) > limit {
            return Err(format!("it has more than {limit} bytes"));
        }
        bytes.extend_from_slice(block.get(..count).unwrap_or_default());
        rest = after;
    }
    match rest.is_empty() {
        true => Ok(bytes),
        false => Err("it ends within a block's size".to_owned()),
    }
}

/// Kernels are compressed with a window of 128 MiB (`zstd -22 --ultra`), more than the decoder lets through. No match can
/// reach back further than the contents are long, so for contents up to 96 MiB a window of 96 MiB does as well.
/// Source: RFC 8878, 3.1.1.1: after the magic number the frame's descriptor (bit 5: there is no window), then the window's.
fn shrink_window(frame: &[u8], contents: u64) -> Vec<u8> {
    /// 2^(10 + 16) + 4 * 2^(10 + 16) / 8 = 96 MiB.
    const WINDOW_96_MIB: u8 = 16 << 3 | 4;
    const SINGLE_SEGMENT: u8 = 1 << 5;
    let mut frame = frame.to_vec();
    if let Some([_, _, _, _, descriptor, window]) = frame.first_chunk_mut() {
        if *descriptor & SINGLE_SEGMENT == 0 && *window > WINDOW_96_MIB && contents <= 96 << 20 {
            *window = WINDOW_96_MIB;
        }
    }
    frame
}

/// Decompresses a module by its file's name: `x.ko`, `x.ko.xz`, `x.ko.zst`, `x.ko.gz`.
pub(crate) fn module(file_name: &str, bytes: Vec<u8>) -> Result<Vec<u8>> {
    let compression = match file_name.rsplit('.').next() {
        Some("xz") => Compression::Xz,
        Some("zst") => Compression::Zstd,
        Some("gz") => Compression::Gzip,
        _ => return Ok(bytes),
    };
    compression.decompress(&bytes, file_name, most_unpacked(bytes.len() as u64, 64 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lz4_legacy_blocks_add_up() {
        let mut stream = LZ4_LEGACY.to_vec();
        for text in [&b"hello, "[..], b"world"] {
            // A block of literals alone: token with the length, then the bytes.
            stream.extend((text.len() as u32 + 1).to_le_bytes());
            stream.push((text.len() as u8) << 4);
            stream.extend(text);
        }
        assert_eq!(lz4_legacy(&stream, 12).expect("sound"), b"hello, world");
        assert!(lz4_legacy(&stream, 11).is_err(), "limit");
        assert!(lz4_legacy(&stream[..stream.len() - 1], 12).is_err(), "truncated");
        assert!(lz4_legacy(&stream[..6], 12).is_err(), "truncated in a size");
        assert!(lz4_legacy(b"", 12).is_err());
    }

    /// A frame of one raw block that asks for a window of 128 MiB, as the kernel's build makes it.
    #[test]
    fn zstd_with_the_kernels_window() {
        let mut frame = ZSTD.to_vec();
        frame.extend([0, 17 << 3]);
        frame.extend((5_u32 << 3 | 1).to_le_bytes().iter().take(3));
        frame.extend(b"hello");
        assert_eq!(Compression::Zstd.decompress(&frame, "x", 5).expect("sound"), b"hello");
        assert!(Compression::Zstd.decompress(&frame, "x", 4).is_err(), "limit");
        assert!(Compression::Zstd.decompress(&frame[..10], "x", 5).is_err(), "truncated");
    }

    #[test]
    fn unsupported_ones_are_named() {
        for (bytes, name) in [(&b"BZh9"[..], "bzip2"), (b"\x89LZO", "LZO"), (b"x", "unknown")] {
            let error = Compression::detect(bytes).expect_err("unsupported").to_string();
            assert!(error.contains(name), "{error}");
        }
    }
}
