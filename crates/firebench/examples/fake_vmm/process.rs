//! The VMM's process: how it ends, and what it does that it should not.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal, raise};

use crate::Outcome;
use crate::arguments::Start;
use crate::guest::{self, Guest};
use crate::script::{Deed, Misdeed, Moment};

/// The argument with which a child is started, and the one that also makes it a session of its own.
pub const CHILD: &str = "child";
pub const DAEMON: &str = "daemon";
/// Longer than any test lasts.
const MINUTES: Duration = Duration::from_secs(600);

/// Does everything that is to be done at this moment.
pub fn misbehave(at: Moment, misdeeds: &[Misdeed], start: &Start, guest: &mut Guest) -> Outcome {
    misdeeds.iter().filter(|misdeed| misdeed.at == at).try_for_each(|misdeed| commit(&misdeed.deed, start, guest))
}

/// Does what takes nothing but the process itself. False where the deed is another one.
pub fn commit_alone(deed: &Deed) -> Result<bool, Box<dyn std::error::Error>> {
    match deed {
        Deed::Die { signal } => die(Signal::try_from(*signal)?)?,
        Deed::Exit { code } => std::process::exit(*code),
        Deed::Stop => raise(Signal::SIGSTOP)?,
        Deed::Hang => hang()?,
        Deed::Sleep { ms } => std::thread::sleep(Duration::from_millis(*ms)),
        _ => return Ok(false),
    }
    Ok(true)
}

fn commit(deed: &Deed, start: &Start, guest: &mut Guest) -> Outcome {
    if commit_alone(deed)? {
        return Ok(());
    }
    match deed {
        Deed::CloseConsole => {
            nix::unistd::close(1)?;
            nix::unistd::close(2)?;
            hang()
        }
        Deed::LeaveChildren => {
            child(CHILD)?;
            child(DAEMON)
        }
        Deed::ForkBomb { children } => (0..*children).try_for_each(|_| child(CHILD)),
        Deed::EatMemory { mib } => {
            // Bytes that are not zero: the kernel has to give a page for each.
            std::mem::forget(vec![0x5a_u8; mib << 20]);
            Ok(())
        }
        Deed::FillLog { mib } => {
            let mut log = start.open_log()?;
            let line = [&[b'l'; 1023][..], b"\n"].concat().repeat(1024);
            (0..*mib).try_for_each(|_| log.write_all(&line))?;
            Ok(log.write_all(b"the log's last line\n")?)
        }
        Deed::Log { text } => Ok(start.open_log()?.write_all(text.as_ref())?),
        Deed::Mutter { text, times } => Ok((0..*times).try_for_each(|_| std::io::stderr().write_all(text.as_ref()))?),
        Deed::Say { text, times } => (0..*times).try_for_each(|_| guest::say(text.as_ref())),
        Deed::Flood { text, pause_us } => loop {
            guest::say(text.as_ref())?;
            std::thread::sleep(Duration::from_micros(*pause_us));
        },
        Deed::Frame { frame, times } => (0..*times).try_for_each(|_| guest.frame(frame)),
        // Those change what is said; the guest looks after them.
        Deed::Alter { .. } | Deed::Replace { .. } | Deed::Omit { .. } | Deed::Repeat { .. } => Ok(()),
        Deed::AtOnce | Deed::Stretch { .. } => Ok(()),
        // The process looked after those, and the API after the others.
        Deed::Die { .. } | Deed::Exit { .. } | Deed::Stop | Deed::Hang | Deed::Sleep { .. } => Ok(()),
        Deed::Answer { .. } | Deed::HangUp => Ok(()),
    }
}

/// CPU time that this process has used.
pub fn cpu_seconds() -> Result<f64, Box<dyn std::error::Error>> {
    let usage = nix::sys::resource::getrusage(nix::sys::resource::UsageWho::RUSAGE_SELF)?;
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    Ok(seconds(usage.user_time()) + seconds(usage.system_time()))
}

/// Again and again: the Rust runtime survives the first SIGSEGV that no access to memory made.
fn die(signal: Signal) -> Outcome {
    loop {
        raise(signal)?;
    }
}

/// Deaf to every signal that can be blocked.
fn hang() -> Outcome {
    SigSet::all().thread_block()?;
    loop {
        std::thread::sleep(MINUTES);
    }
}

/// Starts a child that lives for minutes and holds on to the console.
fn child(argument: &str) -> Outcome {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(argument).process_group(0).stdin(Stdio::null()).spawn()?;
    Ok(())
}

/// The life of such a child.
pub fn live(argument: &str) -> Outcome {
    if argument == DAEMON {
        // Its parent made it the leader of a process group, which may make no session; a child of its own may.
        let leads = nix::unistd::getpgrp() == nix::unistd::getpid();
        if leads {
            Command::new(std::env::current_exe()?).arg(DAEMON).spawn()?;
            return Ok(());
        }
        nix::unistd::setsid()?;
    }
    std::thread::sleep(MINUTES);
    Ok(())
}
