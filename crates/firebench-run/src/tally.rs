//! From what the host has counted at moments of a boot to what each part of the boot took. Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use firebench_model::counts::{BootCounts, Counts, PortUse, since};
use firebench_model::record::IterationRecord;
use firebench_supervise::ports::Ports;

use crate::observe::Step;

/// Moments that are kept: a frame comes in a few pieces.
const KEPT: usize = 64;

/// What had been counted at a moment, since the VM's start.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// What KVM counted; None where nobody may read it.
    pub counts: Option<Counts>,
    /// CPU time that its processes took from the host; None where nobody counts it.
    pub cpu: Option<Duration>,
}

/// What was counted so far.
#[derive(Debug, Default)]
pub struct Tally {
    counts: BootCounts,
    /// CPU time of each iteration.
    cpu: Vec<Option<Duration>>,
    /// What had been seen when pieces of the console arrived, of which one may be the beginning of a frame.
    heard: VecDeque<(Instant, Seen)>,
    /// At the start of the iteration that runs.
    begun: Seen,
    /// At the last frame.
    done: Option<Counts>,
}

impl Tally {
    /// A piece of the console was read at `at`.
    pub fn heard(&mut self, at: Instant, seen: Seen) {
        if self.heard.len() == KEPT {
            self.heard.pop_front();
        }
        self.heard.push_back((at, seen));
    }

    /// Whether a step is one at which parts of a boot begin or end.
    pub fn wants(step: &Step) -> bool {
        matches!(step, Step::Up(_) | Step::Started(_) | Step::Measured(_) | Step::Done)
    }

    /// At a step, whose frame had begun at `begun`, this is seen. A report ends its iteration with its first byte.
    pub fn saw(&mut self, step: &Step, begun: Instant, now: Seen) {
        match step {
            Step::Up(_) => self.counts.boot = now.counts.unwrap_or_default(),
            Step::Measured(_) => {
                let seen = self.heard.iter().find(|(at, _)| *at == begun).map_or(&now, |(_, seen)| seen);
                let counts = seen.counts.as_ref().zip(self.begun.counts.as_ref());
                self.counts.iterations.push(counts.map(|(now, begun)| since(now, begun)).unwrap_or_default());
                self.cpu.push(seen.cpu.zip(self.begun.cpu).map(|(now, begun)| now.saturating_sub(begun)));
            }
            Step::Started(_) => self.begun = now,
            Step::Done => self.done = now.counts,
            Step::Listen | Step::Failed(..) => return,
        }
        self.heard.clear();
    }

    /// The ports that the guest had used when it was up.
    pub fn used(&mut self, ports: Ports) {
        self.counts.ports = ports.into_iter().map(|(port, times)| PortUse { port, times }).collect();
    }

    /// Adds the CPU time of each iteration to its metrics.
    pub fn charge(&self, iterations: &mut [IterationRecord]) {
        for (iteration, cpu) in iterations.iter_mut().zip(&self.cpu) {
            iteration.metrics.extend(cpu.map(|cpu| ("host_cpu".to_owned(), cpu.as_secs_f64())));
        }
    }

    /// At the end of the VM, so much had been counted; None where it did not come as far as to its last frame, or nothing is known.
    pub fn end(mut self, life: Option<Counts>) -> Option<BootCounts> {
        let (life, done) = life.zip(self.done)?;
        self.counts.shutdown = since(&life, &done);
        self.counts.life = life;
        Some(self.counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exits(count: u64) -> Counts {
        Counts::from([("exits".to_owned(), count)])
    }

    fn seen(count: u64) -> Seen {
        Seen { counts: Some(exits(count)), cpu: Some(Duration::from_millis(count)) }
    }

    fn record() -> IterationRecord {
        IterationRecord {
            index: 0,
            metrics: Default::default(),
            counters: Default::default(),
            digest: String::new(),
            alone: false,
        }
    }

    #[test]
    fn each_part_has_what_was_counted_in_it() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut tally = Tally::default();
        tally.saw(&Step::Up(0.1), at(0), seen(500));
        tally.saw(&Step::Started(0), at(1), seen(1500));
        tally.heard(at(2), seen(1520));
        tally.heard(at(3), seen(1800));
        tally.saw(&Step::Measured(record()), at(2), seen(2000));
        tally.saw(&Step::Started(1), at(4), seen(2010));
        tally.saw(&Step::Measured(record()), at(5), seen(2015));
        tally.saw(&Step::Done, at(6), seen(3000));
        let mut iterations = [record(), record()];
        tally.charge(&mut iterations);
        assert_eq!(iterations.map(|iteration| iteration.metrics["host_cpu"]), [0.02, 0.005]);
        let counted = tally.end(Some(exits(3100))).unwrap();
        assert_eq!(counted.boot, exits(500));
        assert_eq!(
            counted.iterations,
            [exits(20), exits(5)],
            "until the first byte of the report, where that was heard"
        );
        assert_eq!((counted.shutdown, counted.life), (exits(100), exits(3100)));
    }

    #[test]
    fn a_boot_that_did_not_end_has_no_parts() {
        let mut tally = Tally::default();
        tally.saw(&Step::Up(0.1), Instant::now(), seen(500));
        assert_eq!(tally.end(Some(exits(700))), None);
        let mut unread = Tally::default();
        unread.saw(&Step::Done, Instant::now(), seen(500));
        assert_eq!(unread.end(None), None);
    }

    #[test]
    fn where_there_is_no_kvm_cpu_time_is_counted_all_the_same() {
        let only = |millis| Seen { counts: None, cpu: Some(Duration::from_millis(millis)) };
        let mut tally = Tally::default();
        tally.saw(&Step::Started(0), Instant::now(), only(10));
        tally.saw(&Step::Measured(record()), Instant::now(), only(260));
        tally.saw(&Step::Started(1), Instant::now(), only(270));
        tally.saw(&Step::Measured(record()), Instant::now(), Seen::default());
        let mut iterations = [record(), record()];
        tally.charge(&mut iterations);
        assert_eq!(iterations.map(|iteration| iteration.metrics.get("host_cpu").copied()), [Some(0.25), None]);
        assert_eq!(tally.end(None), None);
    }

    #[test]
    fn a_guest_that_never_stops_talking_takes_no_memory() {
        let mut tally = Tally::default();
        (0..10_000).for_each(|count| tally.heard(Instant::now(), seen(count)));
        assert_eq!(tally.heard.len(), KEPT);
    }
}
