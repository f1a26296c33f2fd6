//! From what KVM has counted at moments of a boot to what each part of the boot took. Pure.

use std::collections::VecDeque;
use std::time::Instant;

use firebench_model::counts::{BootCounts, Counts, PortUse, since};
use firebench_supervise::ports::Ports;

use crate::observe::Step;

/// Moments that are kept: a frame comes in a few pieces.
const KEPT: usize = 64;

/// What was counted so far.
#[derive(Debug, Default)]
pub struct Tally {
    counts: BootCounts,
    /// What had been counted when pieces of the console arrived, of which one may be the beginning of a frame.
    heard: VecDeque<(Instant, Counts)>,
    /// At the start of the iteration that runs.
    begun: Counts,
    /// At the last frame.
    done: Option<Counts>,
}

impl Tally {
    /// A piece of the console was read at `at`; by then so much had been counted since the VM's start.
    pub fn heard(&mut self, at: Instant, counts: Counts) {
        if self.heard.len() == KEPT {
            self.heard.pop_front();
        }
        self.heard.push_back((at, counts));
    }

    /// Whether a step is one at which parts of a boot begin or end.
    pub fn wants(step: &Step) -> bool {
        matches!(step, Step::Up(_) | Step::Started(_) | Step::Measured(_) | Step::Done)
    }

    /// At a step, whose frame had begun at `begun`, so much has been counted. A report ends its iteration with its first byte.
    pub fn saw(&mut self, step: &Step, begun: Instant, now: &Counts) {
        match step {
            Step::Up(_) => self.counts.boot.clone_from(now),
            Step::Measured(_) => {
                let heard = self.heard.iter().find(|(at, _)| *at == begun).map_or(now, |(_, counts)| counts);
                self.counts.iterations.push(since(heard, &self.begun));
            }
            Step::Started(_) => self.begun.clone_from(now),
            Step::Done => self.done = Some(now.clone()),
            Step::Listen | Step::Failed(..) => return,
        }
        self.heard.clear();
    }

    /// The ports that the guest had used when it was up.
    pub fn used(&mut self, ports: Ports) {
        self.counts.ports = ports.into_iter().map(|(port, times)| PortUse { port, times }).collect();
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
    use std::time::Duration;

    use firebench_model::record::IterationRecord;

    use super::*;

    fn exits(count: u64) -> Counts {
        Counts::from([("exits".to_owned(), count)])
    }

    fn measured() -> Step {
        let record = IterationRecord {
            index: 0,
            metrics: Default::default(),
            counters: Default::default(),
            digest: String::new(),
            alone: false,
        };
        Step::Measured(record)
    }

    #[test]
    fn each_part_has_what_was_counted_in_it() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut tally = Tally::default();
        tally.saw(&Step::Up(0.1), at(0), &exits(500));
        tally.saw(&Step::Started(0), at(1), &exits(1500));
        tally.heard(at(2), exits(1520));
        tally.heard(at(3), exits(1800));
        tally.saw(&measured(), at(2), &exits(2000));
        tally.saw(&Step::Started(1), at(4), &exits(2010));
        tally.saw(&measured(), at(5), &exits(2015));
        tally.saw(&Step::Done, at(6), &exits(3000));
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
        tally.saw(&Step::Up(0.1), Instant::now(), &exits(500));
        assert_eq!(tally.end(Some(exits(700))), None);
        let mut unread = Tally::default();
        unread.saw(&Step::Done, Instant::now(), &exits(500));
        assert_eq!(unread.end(None), None);
    }

    #[test]
    fn a_guest_that_never_stops_talking_takes_no_memory() {
        let mut tally = Tally::default();
        (0..10_000).for_each(|count| tally.heard(Instant::now(), exits(count)));
        assert_eq!(tally.heard.len(), KEPT);
    }
}
