//! The way of events to the host, on which they are forged.

use crate::error::Error;
use firebench_protocol::codec::encode;
use firebench_protocol::{Event, Nonce};
use nix::sys::termios::tcdrain;
use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is said in place of the truth.
#[derive(Clone, Copy, Default)]
enum Lie {
    #[default]
    None,
    /// Everything at once, at the end, with iterations of 900 s.
    AtOnce,
    /// Iterations of half their time.
    Half,
    /// Iterations of twice their time.
    Double,
    /// CPU time that no CPU gave.
    Cpu,
    /// Stolen time since the beginning of the world.
    Steal,
    /// More CPUs than the machine has.
    Cpus,
    /// More memory than the machine has.
    Memory,
}

impl Lie {
    /// In a guest, `lie=NAME` on the kernel's command line; on the bare host, the name of this program after a dash.
    fn told() -> Lie {
        let cmdline = std::fs::read_to_string("/proc/cmdline").unwrap_or_default();
        let own = std::env::current_exe().unwrap_or_default().to_string_lossy().into_owned();
        let name = match cmdline.split_whitespace().find_map(|word| word.strip_prefix("lie=")) {
            Some(name) if std::process::id() == 1 => name,
            _ => own.rsplit_once("-lie-").map_or("", |(_, name)| name),
        };
        match name {
            "at_once" => Lie::AtOnce,
            "half" => Lie::Half,
            "double" => Lie::Double,
            "cpu" => Lie::Cpu,
            "steal" => Lie::Steal,
            "cpus" => Lie::Cpus,
            "memory" => Lie::Memory,
            _ => Lie::None,
        }
    }

    fn forge(self, event: &Event) -> Event {
        let mut event = event.clone();
        match &mut event {
            Event::Iteration(report) => match self {
                Lie::AtOnce => report.real = 900.0,
                Lie::Half => report.real /= 2.0,
                Lie::Double => report.real *= 2.0,
                Lie::Cpu => report.user += 900.0,
                Lie::Steal => report.counters.steal_us = u64::MAX,
                _ => {}
            },
            Event::Facts(facts) => match self {
                Lie::Cpus => facts.cpu.online = 64,
                Lie::Memory => facts.mem_total_bytes = 1 << 50,
                _ => {}
            },
            _ => {}
        }
        event
    }
}

/// Writes forged frames, and text between them.
#[derive(Clone)]
pub struct Reporter(Arc<Mutex<Writer>>);

struct Writer {
    console: File,
    nonce: Nonce,
    seq: u32,
    lie: Lie,
    /// What is kept for the end.
    held: Vec<u8>,
}

impl Reporter {
    pub fn new(console: File, nonce: Nonce) -> Self {
        Reporter(Arc::new(Mutex::new(Writer { console, nonce, seq: 0, lie: Lie::told(), held: Vec::new() })))
    }

    pub fn send(&self, event: &Event) -> Result<(), Error> {
        let mut writer = self.writer();
        let frame = encode(&writer.nonce, writer.seq, &writer.lie.forge(event))?;
        writer.seq += 1;
        writer.held.extend(frame);
        if matches!((writer.lie, event), (Lie::AtOnce, event) if !matches!(event, Event::Done | Event::Failed { .. })) {
            return Ok(());
        }
        let held = std::mem::take(&mut writer.held);
        writer.console.write_all(&held).map_err(Error::Report)
    }

    pub fn output(&self, line: String) -> Result<(), Error> {
        self.send(&Event::Output { line })
    }

    pub fn text(&self, line: &str) -> Result<(), Error> {
        writeln!(self.writer().console, "{line}").map_err(Error::Report)
    }

    pub fn fail(&self, message: String) -> Result<(), Error> {
        self.send(&Event::Failed { message })
    }

    pub fn drain(&self) {
        _ = tcdrain(self.writer().console.as_fd());
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
