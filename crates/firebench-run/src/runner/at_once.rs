//! Several of one contender at once, released together, as one boot of it: what each of them came to, and the medians of all.

use std::collections::{BTreeMap, BTreeSet};

use firebench_model::events::{Listener, RunEvent};
use firebench_model::meminfo;
use firebench_model::record::{AtOnce, BootRecord, BootStatus, IterationRecord, Moments, OneOfMany};
use firebench_os::outside;
use firebench_stats::median;

use super::boot::Boot;
use super::error::RunError;
use super::together;

/// Boots them and watches them until nothing of them is left. One alone is a boot as ever.
///
/// # Errors
/// [`RunError`]; nothing has been started then.
pub(super) fn live(boots: &[Boot<'_>], listener: &mut dyn Listener) -> Result<BootRecord, RunError> {
    if let [boot] = boots {
        return boot.prepare(listener).map(|ready| boot.live(ready, listener).record);
    }
    let mut ready = Vec::with_capacity(boots.len());
    for (number, boot) in boots.iter().enumerate() {
        // They are alike: of what is said of all, the first one's is enough.
        ready.push(if number == 0 { boot.prepare(listener)? } else { boot.prepare(&mut |_: &RunEvent| {})? });
    }
    let before = available();
    let mut least = before;
    let mut look = || least = least.min(available());
    let lived = together::live(boots, ready, &mut |_: &RunEvent| {}, &mut look);
    let memory = before.zip(least).map(|(before, least)| [before, least]);
    Ok(combined(lived.into_iter().map(|lived| lived.record).collect(), memory))
}

/// Bytes of memory that the host has available.
fn available() -> Option<u64> {
    const MOST: u64 = 64 << 10;
    let text = String::from_utf8(outside::read("/proc/meminfo".as_ref(), MOST).ok()?).ok()?;
    let field = meminfo::parse(&text).into_iter().find(|field| field.name == "MemAvailable")?;
    field.value.checked_mul(1024)
}

/// One boot of them all: the first one's, with the medians of all. If one of them failed, they all did.
fn combined(records: Vec<BootRecord>, memory_available: Option<[u64; 2]>) -> BootRecord {
    let at_once = AtOnce { spread: spread(&records), memory_available, all: records.iter().map(one).collect() };
    let of_all = records.len();
    let middle = |of: &dyn Fn(&BootRecord) -> Option<f64>| median(records.iter().filter_map(of));
    let boot_seconds = middle(&|record| record.boot_seconds);
    let vmm_cpu = middle(&|record| Some(record.vmm_cpu?.0)).zip(middle(&|record| Some(record.vmm_cpu?.1)));
    let life_seconds = records.iter().map(|record| record.life_seconds).fold(0.0, f64::max);
    let moments = middle_moments(&records);
    let iterations = middle_iterations(&records);
    let worst = records.iter().enumerate().max_by_key(|(_, record)| badness(record.status));
    let (status, message) = match worst {
        Some((_, record)) if record.status == BootStatus::Ok => {
            (BootStatus::Ok, records.iter().find_map(|record| record.message.clone()))
        }
        Some((number, record)) => {
            let message = record.message.as_deref().unwrap_or("it did not end well");
            (record.status, Some(format!("number {} of {of_all} at once: {message}", number.saturating_add(1))))
        }
        None => (BootStatus::StartFailed, None),
    };
    let last_words = worst.map(|(_, record)| record.last_words.clone()).unwrap_or_default();
    let console_bytes = records.iter().map(|record| record.console_bytes).max().unwrap_or(0);
    let first = records.into_iter().next().unwrap_or_else(|| BootRecord::new(0, 0, 1));
    BootRecord {
        status,
        message,
        boot_seconds,
        life_seconds,
        moments,
        iterations,
        vmm_cpu,
        last_words,
        console_bytes,
        at_once: Some(at_once),
        ..first
    }
}

/// Which end of several is told of: an interruption first, then a failure, then a void boot.
fn badness(status: BootStatus) -> u8 {
    match status {
        BootStatus::Ok => 0,
        BootStatus::Void => 1,
        BootStatus::Interrupted => 3,
        _ => 2,
    }
}

fn one(record: &BootRecord) -> OneOfMany {
    OneOfMany {
        boot_seconds: record.boot_seconds,
        life_seconds: record.life_seconds,
        moments: record.moments,
        vmm_cpu: record.vmm_cpu,
        iterations: record.iterations.iter().map(|iteration| iteration.metrics.clone()).collect(),
    }
}

/// Seconds between the first and the last execution; each counts from the same release.
fn spread(records: &[BootRecord]) -> f64 {
    let executed = records.iter().filter_map(|record| Some(record.moments?.executed));
    let (first, last) = executed.fold((f64::INFINITY, 0.0_f64), |(first, last), at| (first.min(at), last.max(at)));
    (last - first).max(0.0)
}

fn middle_moments(records: &[BootRecord]) -> Option<Moments> {
    let of = |read: &dyn Fn(&Moments) -> Option<f64>| {
        median(records.iter().filter_map(|record| read(record.moments.as_ref()?)))
    };
    Some(Moments {
        executed: of(&|m| Some(m.executed))?,
        first_byte: of(&|m| m.first_byte),
        up: of(&|m| Some(m.up))?,
        done: of(&|m| m.done),
        gone: of(&|m| m.gone),
        kernel: of(&|m| Some(m.kernel))?,
        awake: of(&|m| Some(m.awake))?,
    })
}

/// The iterations that all of them have, each with the median of each metric that all of them have.
fn middle_iterations(records: &[BootRecord]) -> Vec<IterationRecord> {
    let Some(first) = records.first() else { return Vec::new() };
    let of_all = records.iter().map(|record| record.iterations.len()).min().unwrap_or(0);
    let middle = |(place, iteration): (usize, &IterationRecord)| {
        let same = || records.iter().filter_map(|record| record.iterations.get(place));
        let names: BTreeSet<&String> = iteration.metrics.keys().collect();
        let values = |name: &String| same().map(|i| i.metrics.get(name).copied()).collect::<Option<Vec<f64>>>();
        let metrics: BTreeMap<String, f64> =
            names.into_iter().filter_map(|name| Some((name.clone(), median(values(name)?)?))).collect();
        let same_digest = same().all(|other| other.digest == iteration.digest);
        let digest = if same_digest { iteration.digest.clone() } else { String::new() };
        IterationRecord { metrics, digest, ..iteration.clone() }
    };
    first.iterations.iter().take(of_all).enumerate().map(middle).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boot(boot: f64, status: BootStatus) -> BootRecord {
        let metrics = [("boot".to_owned(), boot)].into();
        let iteration = IterationRecord {
            index: 0,
            metrics,
            counters: Default::default(),
            digest: "same".to_owned(),
            alone: false,
        };
        let moments = Moments { executed: boot / 100.0, up: boot, ..Moments::default() };
        BootRecord {
            status,
            message: (status != BootStatus::Ok).then(|| "why".to_owned()),
            boot_seconds: Some(boot),
            life_seconds: 2.0 * boot,
            moments: Some(moments),
            iterations: vec![iteration],
            vmm_cpu: Some((boot, 0.0)),
            ..BootRecord::new(3, 1, 1)
        }
    }

    #[test]
    fn several_at_once_are_one_boot_of_their_medians() {
        let record = combined([1.0, 3.0, 2.0].map(|seconds| boot(seconds, BootStatus::Ok)).to_vec(), Some([900, 300]));
        assert_eq!((record.block, record.status, record.boot_seconds), (3, BootStatus::Ok, Some(2.0)));
        assert_eq!((record.life_seconds, record.vmm_cpu), (6.0, Some((2.0, 0.0))));
        assert_eq!(record.iterations[0].metrics["boot"], 2.0);
        assert_eq!(record.iterations[0].digest, "same");
        let at_once = record.at_once.expect("they were several");
        assert_eq!((at_once.all.len(), at_once.memory_of_each()), (3, Some(200)));
        assert!((at_once.spread - 0.02).abs() < 1e-9);
        assert_eq!(at_once.all[1].iterations[0]["boot"], 3.0);
    }

    #[test]
    fn one_that_fails_fails_them_all_and_one_that_is_void_voids_them() {
        let all =
            |second| combined(vec![boot(1.0, BootStatus::Ok), boot(2.0, second), boot(1.0, BootStatus::Void)], None);
        let record = all(BootStatus::GuestPanicked);
        assert_eq!(record.status, BootStatus::GuestPanicked);
        assert_eq!(record.message.as_deref(), Some("number 2 of 3 at once: why"));
        assert_eq!(all(BootStatus::Ok).status, BootStatus::Void);
        assert_eq!(all(BootStatus::Interrupted).status, BootStatus::Interrupted);
    }

    #[test]
    fn a_metric_that_one_lacks_has_no_median() {
        let mut records = vec![boot(1.0, BootStatus::Ok), boot(2.0, BootStatus::Ok)];
        records[1].iterations[0].metrics.clear();
        assert!(combined(records.clone(), None).iterations[0].metrics.is_empty());
        records[1].iterations.clear();
        assert!(combined(records, None).iterations.is_empty());
    }
}
