use std::collections::BTreeMap;

use firebench_protocol::Counters;

use super::{ClockReport, check};
use crate::record::{BootRecord, IterationRecord};

/// A boot of iterations with `real`, `host_real` and stolen microseconds.
fn boot(iterations: &[(f64, f64, u64)]) -> BootRecord {
    let iteration = |(index, &(real, host, steal_us)): (u32, &(f64, f64, u64))| IterationRecord {
        index,
        metrics: BTreeMap::from([("real".to_owned(), real), ("host_real".to_owned(), host)]),
        counters: Counters { steal_us, ..Counters::default() },
        digest: String::new(),
    };
    BootRecord { iterations: (0..).zip(iterations).map(iteration).collect(), ..BootRecord::new(0, 0, 1) }
}

fn on(pairs: &[(f64, f64)]) -> ClockReport {
    check(&boot(&pairs.iter().map(|&(real, host)| (real, host, 0)).collect::<Vec<_>>()), 2)
}

#[track_caller]
fn voided(report: &ClockReport, words: &str) {
    assert!(report.void.as_ref().is_some_and(|reason| reason.contains(words)), "{report:?}");
}

#[test]
fn a_good_clock() {
    let report = on(&[(20.42, 20.43), (19.19, 19.2), (19.05, 19.055)]);
    assert_eq!((report.void, report.drift, report.steps), (None, None, Vec::new()));
    assert!(report.worst.is_some_and(|worst| worst.index == 1 && (worst.relative - 0.01 / 19.2).abs() < 1e-9));
    assert_eq!(report.steal, Some(0.0));
}

/// Of a nested host: 3% of an iteration, all of it the way of the frames.
#[test]
fn the_way_of_a_frame_is_no_drift() {
    assert_eq!(on(&[(0.513, 0.530); 20]).void, None);
    // A busy host, which delays one frame for 0.3 s in 40 s.
    assert_eq!(on(&[(40.0, 40.01), (40.0, 40.3)]).void, None);
}

#[test]
fn a_drift_in_either_direction_shows_in_long_and_in_short_iterations() {
    let slow = on(&[(19.0, 20.0), (38.0, 40.0), (19.1, 20.1)]);
    voided(&slow, "slower than the host's by 5.0%");
    assert!(slow.steps.is_empty() && slow.drift.is_some_and(|drift| (drift - 0.05).abs() < 0.001), "{slow:?}");
    let fast = on(&[(1.1, 1.0); 3]);
    voided(&fast, "faster than the host's by 10.0%");
    assert!(fast.drift.is_some_and(|drift| (drift + 0.1).abs() < 1e-9), "{fast:?}");
    // Half the speed: no single iteration is off by 0.25 s.
    voided(&on(&[(0.2, 0.4); 3]), "by 50.0%");
}

#[test]
fn a_step_is_in_one_iteration() {
    let report = on(&[(20.0, 20.01), (15.0, 20.01), (20.0, 20.01)]);
    voided(&report, "slower than the host's by 25.0% in iteration 2, in no other");
    assert_eq!((report.drift, report.steps.len()), (None, 1));
    // Forth and back: no drift.
    let report = on(&[(15.0, 20.0), (25.0, 20.0), (20.0, 20.0)]);
    voided(&report, "off in 2 in all");
    assert_eq!(report.drift, None);
    // The only iteration of a boot.
    voided(&on(&[(10.0, 20.0)]), "in iteration 1");
}

#[test]
fn stolen_time_is_a_share_of_all_vcpus() {
    let quiet = check(&boot(&[(10.0, 10.0, 100_000), (10.0, 10.0, 300_000)]), 2);
    assert_eq!((quiet.steal, quiet.void), (Some(0.01), None));
    let noisy = boot(&[(10.0, 10.0, 2_000_000), (10.0, 10.0, 2_500_000)]);
    voided(&check(&noisy, 2), "11.2% of the vCPUs' time was stolen (4.50 s of 40.00 s)");
    assert_eq!(check(&noisy, 4).void, None);
    // A tick or two in a short boot say nothing.
    assert_eq!(check(&boot(&[(0.1, 0.1, 20_000)]), 1).void, None);
}

#[test]
fn a_hostile_guest_is_not_believed_and_breaks_nothing() {
    voided(&on(&[(f64::NAN, 20.0), (20.0, 20.0)]), "told no duration of iteration 1");
    voided(&on(&[(f64::INFINITY, 20.0)]), "told no duration");
    voided(&on(&[(0.0, 20.0), (20.0, 20.0)]), "by 100.0%");
    voided(&on(&[(-0.001, 0.1), (20.0, 20.0)]), "slower");
    voided(&on(&[(f64::MAX, 20.0), (-f64::MAX, 20.0)]), "by more than 1000% in iteration");
    voided(&check(&boot(&[(20.0, 20.0, u64::MAX)]), 1), "was stolen");
    // Without the host's word there is nothing to hold the guest's against.
    for host in [f64::NAN, 0.0, -1.0] {
        assert_eq!(on(&[(20.0, host)]), ClockReport { steal: Some(0.0), ..ClockReport::default() });
    }
    assert_eq!(check(&boot(&[(20.0, 20.0, 1)]), 0).steal, None);
    assert_eq!(check(&boot(&[]), 1), ClockReport::default());
    let mut silent = boot(&[(20.0, 20.0, 0)]);
    silent.iterations[0].metrics.clear();
    assert_eq!(check(&silent, 1), ClockReport::default());
}
