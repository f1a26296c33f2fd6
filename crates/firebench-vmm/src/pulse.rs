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
}

impl Pulse {
    /// From now on, of a loop that may be late by `bound`.
    pub(crate) fn new(bound: Duration) -> Pulse {
        Pulse { last: Clocks::now(), bound }
    }

    /// The loop is here again, after it meant to sleep for `meant`. If it was away for longer by more than the bound: for how
    /// long nobody looked.
    pub(crate) fn beat(&mut self, meant: Duration) -> Option<Duration> {
        let now = Clocks::now();
        let last = std::mem::replace(&mut self.last, now);
        stalled(last?, now?, meant, self.bound)
    }
}

/// How long nobody looked between two moments, if that was longer than `meant` by more than `bound`.
fn stalled(last: Clocks, now: Clocks, meant: Duration, bound: Duration) -> Option<Duration> {
    let slept = now.asleep().saturating_sub(last.asleep());
    let away = now.awake.saturating_sub(last.awake).saturating_add(slept);
    (away > meant.saturating_add(bound)).then_some(away)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUND: Duration = Duration::from_secs(1);
    const MEANT: Duration = Duration::from_millis(500);

    fn clocks(awake: f64, all: f64) -> Clocks {
        Clocks { awake: Duration::from_secs_f64(awake), all: Duration::from_secs_f64(all) }
    }

    #[test]
    fn a_loop_that_comes_back_in_time_was_there() {
        for back in [100.0, 100.5, 101.4] {
            assert_eq!(stalled(clocks(100.0, 107.0), clocks(back, back + 7.0), MEANT, BOUND), None, "{back}");
        }
    }

    #[test]
    fn a_loop_that_was_stopped_was_away() {
        let away = stalled(clocks(100.0, 107.0), clocks(104.0, 111.0), MEANT, BOUND);
        assert_eq!(away, Some(Duration::from_secs(4)));
    }

    #[test]
    fn a_machine_that_slept_was_away() {
        // No time passed by the clock that stands still.
        let away = stalled(clocks(100.0, 107.0), clocks(100.0, 127.0), MEANT, BOUND);
        assert_eq!(away, Some(Duration::from_secs(20)));
    }

    #[test]
    fn each_time_away_is_told_once() {
        let mut pulse = Pulse::new(Duration::from_millis(20));
        std::thread::sleep(Duration::from_millis(60));
        assert!(pulse.beat(Duration::ZERO).is_some_and(|away| away >= Duration::from_millis(60)));
        let mut pulse = Pulse::new(Duration::from_secs(3600));
        assert_eq!(pulse.beat(Duration::ZERO), None);
    }
}
