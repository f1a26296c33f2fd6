//! What the threads of a process have done so far: whether something from which nothing comes could have run at all.
//!
//! Sources: `Documentation/scheduler/sched-stats.rst` of the kernel for `/proc/PID/task/TID/schedstat`, proc(5) for `stat`.

use std::fs;
use std::path::Path;
use std::time::Duration;

/// What a process has done since its start. What the kernel does not count is zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Activity {
    /// CPU time of its threads.
    pub cpu: Duration,
    /// Time in which its threads were ready to run and got no CPU.
    pub waited: Duration,
    /// Whether one of its threads waits for a disk at this moment.
    pub blocked: bool,
}

impl Activity {
    /// What was done since `earlier`. Threads that ended meanwhile take their time with them, so it may be too little.
    pub fn since(self, earlier: Activity) -> Activity {
        Activity {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            waited: self.waited.saturating_sub(earlier.waited),
            blocked: self.blocked,
        }
    }
}

/// The activity of process `pid`; nothing where it is gone.
pub(crate) fn of(pid: libc::pid_t) -> Activity {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks.map(|task| of_thread(&task.path())).fold(Activity::default(), |sum, one| Activity {
        cpu: sum.cpu.saturating_add(one.cpu),
        waited: sum.waited.saturating_add(one.waited),
        blocked: sum.blocked || one.blocked,
    })
}

fn of_thread(task: &Path) -> Activity {
    let text = |name| fs::read_to_string(task.join(name)).unwrap_or_default();
    let (cpu, waited) = times(&text("schedstat"));
    Activity { cpu, waited, blocked: waits_for_disk(&text("stat")) }
}

/// Nanoseconds on a CPU and in wait for one, the first two numbers.
fn times(schedstat: &str) -> (Duration, Duration) {
    let mut numbers =
        schedstat.split_ascii_whitespace().map(|word| word.parse().map_or(Duration::ZERO, Duration::from_nanos));
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default())
}

/// Whether the state, which follows the name in parentheses, is an uninterruptible sleep.
fn waits_for_disk(stat: &str) -> bool {
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('D'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_counts() {
        let nanos = Duration::from_nanos;
        assert_eq!(times("2813451 1204 17\n"), (nanos(2_813_451), nanos(1_204)));
        assert_eq!(times("0 0 0\n"), (Duration::ZERO, Duration::ZERO));
        assert_eq!(times(""), (Duration::ZERO, Duration::ZERO));
        assert!(waits_for_disk("7 (a) D (b) D 1 7 7"));
        assert!(!waits_for_disk("7 (a) D (b) S 1 7 7"));
        assert!(!waits_for_disk(""));
    }

    #[test]
    fn a_process_that_works_is_seen_to_work() {
        let own = libc::pid_t::try_from(std::process::id()).unwrap();
        let before = of(own);
        let mut sum = 0_u64;
        while of(own).since(before).cpu < Duration::from_millis(20) {
            sum = sum.wrapping_add(std::hint::black_box(1));
        }
        assert!(!of(libc::pid_t::MAX).blocked && of(libc::pid_t::MAX).cpu == Duration::ZERO, "{sum}");
    }
}
