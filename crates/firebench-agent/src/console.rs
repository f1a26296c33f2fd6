//! The terminal that frames go to, and the one for emergencies.

use crate::error::Error;
use crate::sys;
use nix::fcntl::OFlag;
use nix::sys::termios::{SetArg, cfmakeraw, tcdrain, tcgetattr, tcsetattr};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;

/// Opens the job's console in raw mode: bytes go out as they are.
pub fn open(path: &str) -> Result<File, Error> {
    let failed = |cause| Error::Console { path: path.to_owned(), cause };
    let console = terminal(path).map_err(failed)?;
    let mut settings = tcgetattr(&console).map_err(|errno| failed(errno.into()))?;
    cfmakeraw(&mut settings);
    tcsetattr(&console, SetArg::TCSANOW, &settings).map_err(|errno| failed(errno.into()))?;
    Ok(console)
}

/// Keeps the kernel from the console but for emergencies. Where it refuses, its messages get into frames, which the
/// decoder bears.
pub fn quieten_kernel() {
    const ONLY_EMERGENCIES: i32 = 1;
    _ = sys::set_console_loglevel(ONLY_EMERGENCIES);
}

/// Detaches the agent's own standard streams from the console, so that nothing but frames and wanted text gets there.
pub fn detach_standard_streams() {
    if let Ok(null) = OpenOptions::new().read(true).write(true).open("/dev/null") {
        _ = nix::unistd::dup2_stdin(&null);
        _ = nix::unistd::dup2_stdout(&null);
        _ = nix::unistd::dup2_stderr(&null);
    }
}

/// The last resort, when there is no job or no console of its own: a line on the kernel's console, as text. Where that
/// takes none, such as when the kernel gets no interrupt for its serial port (then it opens, for root, and every write
/// fails), the kernel is asked to say it: its own messages need no interrupt.
pub fn emergency(text: &str) {
    if on_console(text).is_ok() {
        return;
    }
    if let Ok(mut log) = OpenOptions::new().write(true).open("/dev/kmsg") {
        // Level 0, an emergency, passes `quieten_kernel`. One write makes one message.
        _ = log.write_all(format!("<0>firebench-agent: {text}\n").as_bytes());
    }
}

fn on_console(text: &str) -> io::Result<()> {
    let mut console = terminal("/dev/console")?;
    console.write_all(format!("\r\nfirebench-agent: {text}\r\n").as_bytes())?;
    Ok(tcdrain(&console)?)
}

fn terminal(path: &str) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).custom_flags(OFlag::O_NOCTTY.bits()).open(path)
}
