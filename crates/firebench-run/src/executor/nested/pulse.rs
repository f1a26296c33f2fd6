//! How long a machine has been silent, counting only time in which it could have sent something: pure.
//!
//! Silence counts only while the machine had a chance to run. Time in which its threads got no CPU or waited for a disk, and
//! time in which firebench itself was stopped, says that the computer is overloaded, not that the machine stands still.

use std::time::{Duration, Instant};

use firebench_supervise::Activity;

/// How often one looks.
pub(super) const LOOK: Duration = Duration::from_secs(1);

/// Most that one look may add. If firebench looks later than that, it was itself kept from running.
const LONGEST_LOOK: Duration = Duration::from_secs(2);

/// A machine works if it uses more than one part in so many of its time.
const IDLE_PART: u32 = 20;

/// A silence under way.
#[derive(Debug)]
pub(super) struct Pulse {
    /// The last look, or the last frame.
    at: Instant,
    /// What the machine had done by then.
    activity: Activity,
    /// Silence that counts.
    silent: Duration,
    /// CPU time that the machine used in it.
    worked: Duration,
    /// The last part of it, in which the machine did nothing.
    idle: Duration,
}

impl Pulse {
    /// Silence begins.
    pub(super) fn new(at: Instant, activity: Activity) -> Self {
        Pulse { at, activity, silent: Duration::ZERO, worked: Duration::ZERO, idle: Duration::ZERO }
    }

    /// When to look next.
    pub(super) fn next_look(&self) -> Instant {
        firebench_os::deadline::after(self.at, LOOK)
    }

    /// Still nothing was heard, and by now the machine has done this. Returns how long it has been silent.
    pub(super) fn look(&mut self, at: Instant, activity: Activity) -> Duration {
        let done = activity.since(self.activity);
        let passed = at.saturating_duration_since(self.at).min(LONGEST_LOOK);
        let could = if done.blocked { Duration::ZERO } else { passed.saturating_sub(done.waited) };
        self.silent = self.silent.saturating_add(could);
        self.worked = self.worked.saturating_add(done.cpu);
        let works = done.cpu.saturating_mul(IDLE_PART) > passed;
        self.idle = if works { Duration::ZERO } else { self.idle.saturating_add(could) };
        (self.at, self.activity) = (at, activity);
        self.silent
    }

    /// How long it has done nothing.
    pub(super) fn idle(&self) -> Duration {
        self.idle
    }

    /// How long it was silent and what it did meanwhile, in words.
    pub(super) fn words(&self) -> String {
        format!(
            "no heartbeat for {:.0} s, in which its QEMU used {:.1} s of CPU time",
            self.silent.as_secs_f64(),
            self.worked.as_secs_f64()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn activity(cpu: f64, waited: f64, blocked: bool) -> Activity {
        Activity { cpu: Duration::from_secs_f64(cpu), waited: Duration::from_secs_f64(waited), blocked }
    }

    #[test]
    fn silence_is_counted_while_the_machine_works_or_sleeps() {
        let start = Instant::now();
        let mut pulse = Pulse::new(start, activity(5.0, 1.0, false));
        assert_eq!(pulse.next_look(), start + SECOND);
        assert_eq!(pulse.look(start + SECOND, activity(6.0, 1.0, false)), SECOND);
        assert_eq!(pulse.idle(), Duration::ZERO);
        assert_eq!(pulse.look(start + 2 * SECOND, activity(6.01, 1.0, false)), 2 * SECOND);
        assert_eq!(pulse.idle(), SECOND);
        assert_eq!(pulse.words(), "no heartbeat for 2 s, in which its QEMU used 1.0 s of CPU time");
    }

    #[test]
    fn an_overloaded_computer_is_no_silence() {
        let start = Instant::now();
        let mut pulse = Pulse::new(start, Activity::default());
        for second in 1..=100 {
            let silent = pulse.look(start + second * SECOND, activity(0.0, f64::from(second), false));
            assert_eq!(silent, Duration::ZERO);
        }
        // Of two threads, each waited for the other one.
        assert_eq!(pulse.look(start + 101 * SECOND, activity(0.5, 102.0, false)), Duration::ZERO);
    }

    #[test]
    fn waiting_for_a_disk_is_no_silence() {
        let start = Instant::now();
        let mut pulse = Pulse::new(start, Activity::default());
        assert_eq!(pulse.look(start + SECOND, activity(0.0, 0.0, true)), Duration::ZERO);
        assert_eq!(pulse.look(start + 2 * SECOND, activity(0.0, 0.0, false)), SECOND);
    }

    #[test]
    fn a_firebench_that_was_stopped_itself_does_not_blame_the_machine() {
        let start = Instant::now();
        let mut pulse = Pulse::new(start, Activity::default());
        assert_eq!(pulse.look(start + 600 * SECOND, Activity::default()), LONGEST_LOOK);
    }
}
