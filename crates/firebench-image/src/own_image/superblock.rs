//! The superblock of ext2, ext3 and ext4.
//!
//! Source: the kernel's `Documentation/filesystems/ext4/super.rst`.

/// Where it begins.
pub(super) const SUPERBLOCK: usize = 1024;
/// Where its magic number is.
pub(super) const EXT4_MAGIC: usize = SUPERBLOCK + 0x38;
