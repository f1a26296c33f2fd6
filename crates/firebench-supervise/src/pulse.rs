//! Whether firebench itself ran all the time that it watched a VM. A process that was stopped, or whose machine slept, reads
//! late what a VM said long ago, and cannot say when it was said.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// The two clocks of the machine, since it booted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Clocks {
    /// CLOCK_MONOTONIC, which stands still while the machine sleeps.
    awake: Duration,
    /// CLOCK_BOOTTIME, which does not.
    all: Duration,
}

impl Clocks {
    /// None where the system has no such clock.
    fn now() -> Option<Clocks> {
        let read = |clock| clock_gettime(clock).map(Duration::from).ok();
        Some(Clocks { awake: read(ClockId::CLOCK_MONOTONIC)?, all: read(ClockId::CLOCK_BOOTTIME)? })
    }

    /// How long the machine has slept.
    fn asleep(self) -> Duration {
        self.all.saturating_sub(self.awake)
    }
}

/// Feels the pulse of the loop that watches a VM.
#[derive(Debug)]
pub(crate) struct Pulse {
    last: Option<Clocks>,
    /// How late the loop may be.
    bound: Duration,
    /// How late it was at most.
    latest: Duration,
}

impl Pulse {
    /// From now on, of a loop that may be late by `bound`.
    pub(crate) fn new(bound: Duration) -> Pulse {
        Pulse { last: Clocks::now(), bound, latest: Duration::ZERO }
    }

    /// The loop is here again, after it meant to sleep for `meant`. If it was away for longer by more than the bound: for how
    /// long nobody looked.
    pub(crate) fn beat(&mut self, meant: Duration) -> Option<Duration> {
        let now = Clocks::now();
        let last = std::mem::replace(&mut self.last, now);
        let away = away(last?, now?);
        let late = away.saturating_sub(meant);
        self.latest = self.latest.max(late);
        (late > self.bound).then_some(away)
    }

    /// How late the loop was at most.
    pub(crate) fn latest(&self) -> Duration {
        self.latest
    }
}

/// How long nobody looked between two moments.
fn away(last: Clocks, now: Clocks) -> Duration {
    let slept = now.asleep().saturating_sub(last.asleep());
    now.awake.saturating_sub(last.awake).saturating_add(slept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks(awake: u64, all: u64) -> Clocks {
        Clocks { awake: Duration::from_secs(awake), all: Duration::from_secs(all) }
    }

    #[test]
    fn a_process_that_was_stopped_was_away() {
        assert_eq!(away(clocks(100, 107), clocks(104, 111)), Duration::from_secs(4));
    }

    #[test]
    fn a_machine_that_slept_was_away() {
        // No time passed by the clock that stands still.
        assert_eq!(away(clocks(100, 107), clocks(100, 127)), Duration::from_secs(20));
        assert_eq!(away(clocks(100, 107), clocks(101, 128)), Duration::from_secs(21));
    }

    #[test]
    fn each_time_away_is_told_once() {
        let mut pulse = Pulse::new(Duration::from_millis(20));
        std::thread::sleep(Duration::from_millis(60));
        assert!(pulse.beat(Duration::ZERO).is_some_and(|away| away >= Duration::from_millis(60)));
        let mut pulse = Pulse::new(Duration::from_secs(3600));
        assert_eq!(pulse.beat(Duration::ZERO), None);
        assert!(pulse.latest() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(60));
        // What it meant to sleep makes it no later.
        assert_eq!(pulse.beat(Duration::from_secs(3600)), None);
        std::thread::sleep(Duration::from_millis(60));
        assert_eq!(pulse.beat(Duration::ZERO), None);
        assert!(pulse.latest() >= Duration::from_millis(60));
    }
}
