//! What the workload exercised, from what was counted while it ran: where its time went, and where its bytes came from.
//! Pure. The figures decide, whatever the workload is called.

use firebench_model::clock::{self, Known};
use firebench_model::record::{ContenderRecord, IterationRecord, Report};
use firebench_stats::median;

use crate::boots;

/// From this share of an iteration's time on, what it goes to bounds the workload: were all the rest for nothing, it
/// would be faster by a quarter at most.
pub const BOUND: f64 = 0.8;

/// From this share on, the kernel's part is worth a word: a program that only computes spends some hundredths there.
pub const MUCH_KERNEL: f64 = 0.3;

/// From this share on, waiting bounds the workload: it is more than all that it does.
pub const MUCH_WAITING: f64 = 0.5;

/// A payload of which an iteration reads more than this share from the disk does not stay in the page cache ...
pub const READ_AGAIN: f64 = 0.5;

/// ... and one of which it reads less than this share does: that much are the program itself and a few pages.
pub const STAYS: f64 = 0.02;

/// Page faults that need the disk, in an iteration: a program's own pages are a few dozen, and more mean that memory
/// ran out.
pub const MANY_MAJOR_FAULTS: f64 = 100.0;

/// Times a second that the command lost its CPU to something else: the scheduler's tick alone takes it a few times.
pub const MANY_SWITCHES: f64 = 50.0;

/// Stolen share of the vCPUs' time that is worth a word: a tenth of what voids a boot.
pub const MUCH_STEAL: f64 = clock::STEAL / 10.0;

/// What a contender's iterations exercised: medians over those that count, of each one's own figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Exercise {
    /// The contender.
    pub contender: String,
    /// Whether it is the bare host.
    pub host: bool,
    /// CPU time in user mode per second of `real`: above 1 where several threads run.
    pub user: f64,
    /// CPU time in the kernel per second of `real`.
    pub sys: f64,
    /// Bytes read from the disk, as a share of the payload, by first iterations; none where there is no payload.
    pub first_read: Option<f64>,
    /// The same, by later iterations; none where there are none.
    pub later_read: Option<f64>,
    /// Payload bytes a second; none where there is no payload.
    pub rate: Option<f64>,
    /// Page faults without and with the disk.
    pub faults: [f64; 2],
    /// Voluntary and involuntary context switches.
    pub switches: [f64; 2],
    /// Involuntary context switches a second.
    pub switch_rate: f64,
    /// Stolen share of the vCPUs' time.
    pub steal: f64,
    /// What quotas on CPU time took of the boots' life, as a share; with several CPUs it may be above 1.
    pub throttled: f64,
}

impl Exercise {
    /// The share of `real` in which the command used no CPU.
    pub fn waiting(&self) -> f64 {
        (1.0 - self.user - self.sys).max(0.0)
    }

    /// Bytes read from the disk, as a share of the payload, by the iterations that count.
    pub fn read(&self) -> f64 {
        self.later_read.or(self.first_read).unwrap_or(0.0)
    }

    /// Where its bytes came from.
    pub fn source(&self) -> Source {
        let Some(first) = self.first_read else { return Source::NoPayload };
        match self.later_read {
            _ if first.max(self.read()) <= STAYS => Source::NoDisk,
            None => Source::OneIteration,
            Some(later) if later > READ_AGAIN => Source::DiskEachTime,
            Some(later) if later <= STAYS => Source::PageCache,
            Some(_) => Source::Both,
        }
    }

    /// What bounds it.
    pub fn bound(&self) -> Bound {
        let busy = self.user + self.sys;
        if self.waiting() >= MUCH_WAITING {
            if self.throttled > self.waiting() / 2.0 {
                Bound::Quota
            } else if self.read() > STAYS {
                Bound::Disk
            } else {
                Bound::Waiting
            }
        } else if self.user >= BOUND * busy.max(1.0) {
            Bound::User
        } else if self.sys >= MUCH_KERNEL {
            Bound::Kernel
        } else {
            Bound::Nothing
        }
    }
}

/// What bounds a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bound {
    /// Its own instructions.
    User,
    /// What the kernel does for it.
    Kernel,
    /// The disk, for which it waits.
    Disk,
    /// A quota on CPU time keeps it waiting.
    Quota,
    /// It waits, and not for the disk.
    Waiting,
    /// No single one of these.
    Nothing,
}

/// Where the payload's bytes came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// From the disk, each time.
    DiskEachTime,
    /// From the disk once, then from the page cache.
    PageCache,
    /// Some from either.
    Both,
    /// Next to nothing was ever read from the disk.
    NoDisk,
    /// There is no payload.
    NoPayload,
    /// There was one iteration only, which has to read from the disk.
    OneIteration,
}

/// What each contender exercised; those without a good iteration are left out.
pub fn exercises(report: &Report) -> Vec<Exercise> {
    report.contenders.iter().filter_map(|contender| exercise(report, contender)).collect()
}

/// What the workload's own instructions do, in a word or two.
pub fn computing(report: &Report) -> &'static str {
    firebench_workload::find(&report.experiment.workload).map_or(COMPUTING, |workload| workload.computing())
}

/// Those of a workload that this firebench does not have.
const COMPUTING: &str = "its own computing";

fn exercise(report: &Report, contender: &ContenderRecord) -> Option<Exercise> {
    let boots = boots::good(contender, &report.design);
    let firsts: Vec<&IterationRecord> = boots.iter().filter_map(|boot| boot.iterations.first()).collect();
    let later: Vec<&IterationRecord> = boots.iter().flat_map(|boot| boot.iterations.iter().skip(1)).collect();
    let counted: Vec<&IterationRecord> = boots.iter().flat_map(|boot| boots::sample(boot, &report.design)).collect();
    let value =
        |i: &IterationRecord, metric| i.metrics.get(metric).copied().filter(|v: &f64| v.is_finite() && *v >= 0.0);
    let real = |i: &IterationRecord| value(i, "real").filter(|&real| real > 0.0);
    let share = |metric| median(counted.iter().filter_map(|&i| Some(value(i, metric)? / real(i)?)));
    let per_second =
        |count: fn(&IterationRecord) -> f64| median(counted.iter().filter_map(|&i| Some(count(i) / real(i)?)));
    let each = |count: fn(&IterationRecord) -> u64| median(counted.iter().map(|&i| count(i) as f64));
    let payload = report.payload.bytes as f64;
    let read = |iterations: &[&IterationRecord]| {
        if !contender.vmm.sees_disks() {
            return None;
        }
        let shares = iterations.iter().map(|i| i.counters.disk_read_bytes as f64 / payload);
        median(shares).filter(|share| share.is_finite() && payload > 0.0)
    };
    let vcpus = f64::from(Known::recorded(report, contender).counted);
    let life: f64 = boots.iter().map(|boot| boot.life_seconds).sum();
    let throttled: f64 = boots.iter().filter_map(|boot| boot.throttled_seconds).sum();
    Some(Exercise {
        throttled: if life > 0.0 { throttled / life } else { 0.0 },
        contender: contender.name.clone(),
        host: contender.vmm.is_host(),
        user: share("user")?,
        sys: share("sys")?,
        first_read: read(&firsts),
        later_read: read(&later),
        rate: median(counted.iter().filter_map(|&i| real(i))).map(|real| payload / real).filter(|&rate| rate > 0.0),
        faults: [each(|i| i.counters.minor_faults)?, each(|i| i.counters.major_faults)?],
        switches: [each(|i| i.counters.voluntary_switches)?, each(|i| i.counters.involuntary_switches)?],
        switch_rate: per_second(|i| i.counters.involuntary_switches as f64)?,
        steal: if vcpus > 0.0 { per_second(|i| i.counters.steal_us as f64 / 1e6)? / vcpus } else { 0.0 },
    })
}
