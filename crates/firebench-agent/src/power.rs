//! The end of the machine.

use firebench_protocol::End;
use nix::sys::reboot::{RebootMode, reboot};
use nix::unistd::sync;

/// Ends the machine, by a restart if it cannot be switched off. Never returns, since PID 1 must not.
pub fn end(how: End) -> ! {
    sync();
    if how == End::PowerOff {
        _ = reboot(RebootMode::RB_POWER_OFF);
    }
    _ = reboot(RebootMode::RB_AUTOBOOT);
    loop {
        std::thread::park();
    }
}
