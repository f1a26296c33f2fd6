//! The guest, handed over to libkrun.

use std::io;

use krun::{
    krun_add_disk, krun_add_net_tap, krun_add_serial_console_default, krun_create_ctx, krun_disable_implicit_console,
    krun_disable_implicit_vsock, krun_init_log, krun_set_kernel, krun_set_vm_config, krun_start_enter,
};

use crate::options::Options;

/// What libkrun did not do.
#[derive(Debug)]
pub(crate) struct Refused {
    /// In words.
    what: &'static str,
    /// Why.
    source: io::Error,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "libkrun cannot {}: {}", self.what, self.source)
    }
}

/// `KRUN_LOG_LEVEL_WARN`, `KRUN_LOG_STYLE_NEVER` and `KRUN_LOG_OPTION_NO_ENV` of libkrun.h.
const WARNINGS: u32 = 2;
const WITHOUT_COLOURS: u32 = 2;
const WITHOUT_ENVIRONMENT: u32 = 1;
/// The descriptor of the standard error.
const STANDARD_ERROR: i32 = 2;
/// `KRUN_KERNEL_FORMAT_ELF`.
const ELF: u32 = 1;
/// `COMPAT_NET_FEATURES` of libkrun.h: checksums and segmentation are left to the host, as with other VMMs' taps.
const OFFLOADS: u32 = (1 << 0) | (1 << 1) | (1 << 7) | (1 << 10) | (1 << 11) | (1 << 14);

/// Boots the guest. It returns only when that fails: with the end of the guest, libkrun ends the process.
///
/// # Errors
/// [`Refused`], with the step that libkrun did not take. libkrun's own words are on the standard error.
pub(crate) fn boot(options: &Options) -> Result<std::convert::Infallible, Refused> {
    // SAFETY: 2 is the standard error, which stays open.
    let log = unsafe { krun_init_log(STANDARD_ERROR, WARNINGS, WITHOUT_COLOURS, WITHOUT_ENVIRONMENT) };
    check("write its log", log)?;
    let context = check("start", krun_create_ctx())?;
    check("build such a machine", krun_set_vm_config(context, options.vcpus, options.memory_mib))?;
    check("do without its console", krun_disable_implicit_console(context))?;
    check("do without its socket", krun_disable_implicit_vsock(context))?;
    // SAFETY: the descriptors are numbers: none for what the guest reads, and the standard output, which stays open.
    check("add a serial port", unsafe { krun_add_serial_console_default(context, -1, 1) })?;
    let (kernel, initramfs, cmdline) = (&options.kernel, &options.initramfs, &options.cmdline);
    // SAFETY: all three are strings that end with a zero byte, which libkrun copies.
    let set = unsafe { krun_set_kernel(context, kernel.as_ptr(), ELF, initramfs.as_ptr(), cmdline.as_ptr()) };
    check("take the kernel and the initramfs", set)?;
    if let Some(disk) = &options.disk {
        // SAFETY: both are strings that end with a zero byte, which libkrun copies.
        check("add the disk", unsafe { krun_add_disk(context, c"test".as_ptr(), disk.as_ptr(), !options.writable) })?;
    }
    if let Some(tap) = &options.tap {
        // SAFETY: a string that ends with a zero byte and six bytes, both of which libkrun copies.
        let added = unsafe { krun_add_net_tap(context, tap.name.as_ptr(), tap.mac.as_ptr(), OFFLOADS, 0) };
        check("add the network card", added)?;
    }
    let ended = krun_start_enter(context);
    check("boot the guest", ended)?;
    Err(Refused { what: "boot the guest", source: io::Error::other("it returned before the guest ended") })
}

/// libkrun returns an error of the system below zero.
fn check(what: &'static str, returned: i32) -> Result<u32, Refused> {
    u32::try_from(returned)
        .map_err(|_| Refused { what, source: io::Error::from_raw_os_error(returned.saturating_neg()) })
}
