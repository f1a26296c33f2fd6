//! What a running firebench holds: memory and descriptors.

use std::ops::Deref;

use crate::support::common::say;
use crate::support::invocation::{Outcome, Running};

/// After so many boots of its life, so many KiB of memory of its own and so many descriptors.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    pub boots: usize,
    pub kib: u64,
    pub descriptors: usize,
}

/// A running firebench, watched.
pub struct Watched<'a> {
    run: Running<'a>,
    samples: Vec<Sample>,
}

impl<'a> Watched<'a> {
    pub fn new(run: Running<'a>) -> Self {
        Watched { run, samples: Vec::new() }
    }

    /// Whether it has ended: it is gone, or waits to be waited for.
    pub fn is_over(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.run.pid())).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X']))
    }

    /// Looks at it.
    pub fn sample(&mut self, boots: usize) {
        let place = format!("/proc/{}", self.run.pid());
        let status = std::fs::read_to_string(format!("{place}/status")).unwrap_or_default();
        let kib =
            status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.trim().strip_suffix(" kB")?.parse().ok());
        let descriptors = std::fs::read_dir(format!("{place}/fd")).map(|fds| fds.count());
        if let (Some(kib), Ok(descriptors)) = (kib, descriptors) {
            self.samples.push(Sample { boots, kib, descriptors });
        }
    }

    /// Waits for its end; what it leaves is the next one's to sweep.
    pub fn finish(self) -> Outcome {
        self.run.finish_and_leave()
    }

    /// Waits for its end.
    pub fn finish_with_samples(self) -> (Outcome, Vec<Sample>) {
        (self.run.finish_and_leave(), self.samples)
    }
}

impl<'a> Deref for Watched<'a> {
    type Target = Running<'a>;

    fn deref(&self) -> &Self::Target {
        &self.run
    }
}

/// Parts into which a life is divided.
const PARTS: usize = 8;

/// Prints what firebench held, and fails where it grew by more than what it has to keep: for its report the record of each
/// boot, of `record` bytes as JSON.
pub fn judge(samples: &[Sample], record: u64) {
    let last = samples.last().expect("it was looked at").boots.max(1);
    let mut parts: Vec<Sample> = Vec::new();
    for part in 0..PARTS {
        let inside = |sample: &&Sample| (sample.boots * PARTS / last).min(PARTS - 1) == part;
        let most = |of: &dyn Fn(&Sample) -> u64| samples.iter().filter(inside).map(of).max();
        if let (Some(kib), Some(descriptors)) = (most(&|s| s.kib), most(&|s| s.descriptors as u64)) {
            let boots = samples.iter().filter(inside).map(|sample| sample.boots).max().unwrap_or(0);
            parts.push(Sample { boots, kib, descriptors: descriptors as usize });
        }
    }
    for Sample { boots, kib, descriptors } in &parts {
        say(&format!("    after {boots:>5} boots: {kib:>6} KiB of memory, {descriptors} descriptors at most"));
    }
    let (Some(first), Some(last)) = (parts.first(), parts.last()) else { panic!("no samples") };
    let most = parts.iter().map(|part| part.descriptors).max().unwrap_or(0);
    assert!(most <= first.descriptors + 2, "descriptors leak");
    let grown = last.kib.saturating_sub(first.kib);
    let boots = (last.boots - first.boots) as u64;
    let kept = (boots * record) >> 10;
    say(&format!("    it grew by {grown} KiB in {boots} boots, of which the report keeps {kept} KiB as JSON"));
    // A flood leaves the allocator some MiB, once.
    assert!(grown < 4096 + kept * 2, "memory grows");
}
