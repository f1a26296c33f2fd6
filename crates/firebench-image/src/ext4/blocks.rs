//! The blocks of a file system.

/// Size of a block in bytes.
pub const BLOCK: u64 = 4096;

/// Number of blocks that `bytes` bytes take.
pub(super) fn blocks(bytes: u64) -> u64 {
    bytes.div_ceil(BLOCK)
}
