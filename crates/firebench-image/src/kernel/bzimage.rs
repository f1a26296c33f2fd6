//! The setup header of a bzImage.
//!
//! Source: the kernel's `Documentation/arch/x86/boot.rst`.

use crate::{Error, Result};

const SETUP_SECTS: usize = 0x1f1;
const BOOT_FLAG: usize = 0x1fe;
const HEADER: usize = 0x202;
const VERSION: usize = 0x206;
const KERNEL_VERSION: usize = 0x20e;
const XLOADFLAGS: usize = 0x236;
const PAYLOAD_OFFSET: usize = 0x248;
const PAYLOAD_LENGTH: usize = 0x24c;

/// Bit of `xloadflags`: the kernel has a 64-bit entry point.
const XLF_KERNEL_64: u16 = 1;

/// The version of the boot protocol that has `xloadflags` (Linux 3.8); payload offset and length are older.
const PROTOCOL: u16 = 0x020c;

const SECTOR: usize = 512;

/// Longest release that is believed: `__NEW_UTS_LEN`.
const RELEASE_MAX: usize = 65;

/// Whether it has the setup header. A bzImage may be a program for EFI as well.
pub(super) fn is_bzimage(image: &[u8]) -> bool {
    u16_at(image, BOOT_FLAG) == Some(0xaa55) && image.get(HEADER..HEADER + 4) == Some(b"HdrS")
}

/// The release of the kernel, `uname -r`, as the setup header has it.
pub(super) fn release(image: &[u8]) -> Option<&str> {
    let at = usize::from(u16_at(image, KERNEL_VERSION).filter(|&at| is_bzimage(image) && at != 0)?);
    let text = image.get(at.checked_add(SECTOR)?..)?;
    let end = text.iter().take(RELEASE_MAX).position(|&byte| byte == 0 || byte == b' ')?;
    std::str::from_utf8(text.get(..end)?).ok().filter(|release| !release.is_empty())
}

/// The compressed `vmlinux` in a bzImage.
pub(super) fn payload(image: &[u8]) -> Result<&[u8]> {
    if !is_bzimage(image) {
        return Err(Error::no_kernel("it is neither an ELF file nor a Linux boot image"));
    }
    let truncated = || Error::no_kernel("the bzImage is truncated");
    let version = u16_at(image, VERSION).ok_or_else(truncated)?;
    if version < PROTOCOL {
        let reason = format!("a boot image of protocol {}.{:02}, older than Linux 3.8", version >> 8, version & 0xff);
        return Err(Error::no_kernel(reason));
    }
    if u16_at(image, XLOADFLAGS).ok_or_else(truncated)? & XLF_KERNEL_64 == 0 {
        return Err(Error::no_kernel("it is a kernel for 32-bit x86"));
    }
    let sectors = match image.get(SETUP_SECTS).copied().ok_or_else(truncated)? {
        // "For backwards compatibility, if the setup_sects field contains 0, the real value is 4."
        0 => 4,
        sectors => usize::from(sectors),
    };
    let offset = u32_at(image, PAYLOAD_OFFSET).and_then(|offset| usize::try_from(offset).ok());
    let length = u32_at(image, PAYLOAD_LENGTH).and_then(|length| usize::try_from(length).ok());
    let (Some(offset), Some(length)) = (offset, length) else { return Err(truncated()) };
    let start = sectors.saturating_add(1).saturating_mul(SECTOR).checked_add(offset).ok_or_else(truncated)?;
    let end = start.checked_add(length).ok_or_else(truncated)?;
    image.get(start..end).ok_or_else(truncated)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
