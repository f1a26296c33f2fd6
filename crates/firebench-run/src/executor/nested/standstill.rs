//! A nested host that stands still: noticed by its missing heartbeat, woken if that is possible, and described if not.
//!
//! What is known to make one stand still is an interrupt that QEMU's emulation of SVM loses (`docs/nested.md`): the timer of its
//! kernel is due and its CPU never looks. Its timer ticks, so that this lasts for one tick only; should something else make it
//! stand still, the next interrupt from any device may wake it, and a break on its serial line is one.

use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use firebench_supervise::Vm;

use super::monitor::Monitor;
use super::pulse::Pulse;

/// Silence after which a nested host is given up, once its agent has sent a frame. The agent sends a frame every 2 s.
const STANDSTILL: Duration = Duration::from_secs(20);
/// Silence after which one tries to wake it, and then again.
const NUDGE: Duration = Duration::from_secs(6);
/// Silence after which it is given up while it boots. It takes about 4 s of CPU time.
const BOOT: Duration = Duration::from_secs(45);
/// Silence without work after which it is given up while it boots: a kernel that boots has always something to do.
const IDLE_BOOT: Duration = Duration::from_secs(20);

/// What is known of the life of one nested host.
#[derive(Debug)]
pub(super) struct Watch {
    pulse: Pulse,
    /// Whether a frame came since the last look.
    heard: bool,
    /// Whether a frame ever came.
    up: bool,
    /// Where the monitor listens, until one connects to it: once, for a QEMU that is stopped lets a second one wait for ever.
    socket: Option<PathBuf>,
    monitor: Option<Monitor>,
    /// Attempts to wake it in the silence under way.
    nudges: u32,
}

impl Watch {
    /// Of a machine just started, whose QEMU has its monitor at this socket.
    pub(super) fn new(vm: &Vm, socket: Option<PathBuf>) -> Self {
        let pulse = Pulse::new(Instant::now(), vm.activity());
        Watch { pulse, heard: false, up: false, socket, monitor: None, nudges: 0 }
    }

    /// When to look next.
    pub(super) fn next_look(&self) -> Instant {
        self.pulse.next_look()
    }

    /// A frame came. If it had stood still until then and was woken, says so.
    pub(super) fn heard(&mut self) -> Option<String> {
        self.heard = true;
        self.up = true;
        let woken = std::mem::take(&mut self.nudges) > 0;
        woken.then(|| format!("the nested host stood still and was woken ({})", self.pulse.words()))
    }

    /// Looks whether it still lives, if it is time for that; if not, where it stands.
    pub(super) fn look(&mut self, vm: &Vm) -> Option<String> {
        let now = Instant::now();
        if now < self.pulse.next_look() {
            return None;
        }
        let activity = vm.activity();
        if std::mem::take(&mut self.heard) {
            self.pulse = Pulse::new(now, activity);
            return None;
        }
        let silence = self.pulse.look(now, activity);
        if is_lost(self.up, silence, self.pulse.idle()) {
            return Some(self.where_it_stands(vm));
        }
        if self.up && silence >= NUDGE.saturating_mul(self.nudges.saturating_add(1)) {
            self.nudges = self.nudges.saturating_add(1);
            // Whether it helped is heard.
            let _ = self.ask(Monitor::nudge);
        }
        None
    }

    /// Asks the monitor. One that has failed once is not asked again: its answers could be those to earlier questions.
    fn ask<T>(&mut self, question: fn(&mut Monitor) -> io::Result<T>) -> Option<T> {
        if let Some(socket) = self.socket.take() {
            self.monitor = Monitor::connect(&socket).ok();
        }
        let answer = self.monitor.as_mut().map(question)?;
        if answer.is_err() {
            self.monitor = None;
        }
        answer.ok()
    }

    fn where_it_stands(&mut self, vm: &Vm) -> String {
        let seen = match vm.ailment() {
            Some(ailment) => format!("its QEMU {ailment}"),
            None => self.ask(Monitor::whereabouts).unwrap_or_else(|| "its QEMU does not report where".to_owned()),
        };
        format!("it stood still: {}; {seen}", self.pulse.words())
    }
}

/// Whether a machine is given up after this silence, the last part of which it was idle.
fn is_lost(up: bool, silence: Duration, idle: Duration) -> bool {
    if up { silence >= STANDSTILL } else { silence >= BOOT || idle >= IDLE_BOOT }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_that_is_up_may_be_silent_for_less_than_one_that_boots() {
        let seconds = Duration::from_secs;
        let none = Duration::ZERO;
        assert!(!is_lost(true, seconds(19), seconds(19)) && is_lost(true, seconds(20), none));
        assert!(!is_lost(false, seconds(44), seconds(19)) && is_lost(false, seconds(45), none));
        assert!(is_lost(false, seconds(20), seconds(20)), "nothing that boots sleeps so long");
    }
}
