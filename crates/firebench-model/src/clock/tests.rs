use std::collections::BTreeMap;

use firebench_protocol::{Counters, CpuFacts, GuestFacts};

use super::{ClockReport, Known, check};
use crate::record::{BootRecord, IterationRecord};

/// Two CPUs and a GiB at real speed.
const KNOWN: Known = Known {
    cpus: 2,
    counted: 2,
    memory: Some(1 << 30),
    payload: 1 << 20,
    pauses: false,
    emulated: false,
    whole_boots: false,
    own_cpu_account: false,
};
/// The same, emulated.
const EMULATED: Known = Known { emulated: true, ..KNOWN };

/// A boot of iterations with `real`, `host_real` and stolen microseconds.
fn boot(iterations: &[(f64, f64, u64)]) -> BootRecord {
    let iteration = |(index, &(real, host, steal_us)): (u32, &(f64, f64, u64))| IterationRecord {
        index,
        metrics: metrics(&[("real", real), ("user", 0.0), ("sys", 0.0), ("host_real", host)]),
        counters: Counters { steal_us, ..Counters::default() },
        digest: String::new(),
        alone: false,
    };
    let life_seconds = 1.0 + iterations.iter().map(|(_, host, _)| host.max(0.0)).sum::<f64>();
    let iterations = (0..).zip(iterations).map(iteration).collect();
    BootRecord { iterations, life_seconds, boot_seconds: Some(0.5), ..BootRecord::new(0, 0, 1) }
}

fn metrics(values: &[(&str, f64)]) -> BTreeMap<String, f64> {
    values.iter().map(|&(name, value)| (name.to_owned(), value)).collect()
}

fn of(pairs: &[(f64, f64)]) -> BootRecord {
    boot(&pairs.iter().map(|&(real, host)| (real, host, 0)).collect::<Vec<_>>())
}

fn on(pairs: &[(f64, f64)]) -> ClockReport {
    check(&of(pairs), &KNOWN)
}

/// One iteration of a second, with these metrics beside.
fn with(values: &[(&str, f64)]) -> BootRecord {
    let mut boot = of(&[(1.0, 1.0)]);
    boot.iterations[0].metrics.extend(metrics(values));
    boot
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
    // One that reads the start of one short iteration late, and the end of another.
    assert_eq!(on(&[(0.30, 0.31), (0.30, 0.11), (0.30, 0.49), (0.30, 0.305), (0.30, 0.302)]).void, None);
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
    voided(&report, "slower than the host's by 25.0% in iteration 2 only");
    assert_eq!((report.drift, report.steps.len()), (None, 1));
    // Forth and back: no drift.
    let report = on(&[(15.0, 20.0), (25.0, 20.0), (20.0, 20.0)]);
    voided(&report, "wrong in 2 iterations in total");
    assert_eq!(report.drift, None);
    // The only iteration of a boot.
    voided(&on(&[(10.0, 20.0)]), "in iteration 1");
}

#[test]
fn short_iterations_are_held_against_the_host_too() {
    // By the one in the middle: no single one is off by 0.25 s, nor are all together.
    voided(&on(&[(0.001, 0.080); 3]), "slower than the host's by 98.8%");
    voided(&on(&[(0.06, 0.02); 3]), "faster than the host's by 200.0%");
    // Not all in proportion.
    voided(&on(&[(0.05, 0.06), (0.001, 0.08), (0.03, 0.09)]), "in the median iteration");
    // Two iterations have none in the middle: together.
    voided(&on(&[(0.16, 0.2), (0.16, 0.4)]), "in all iterations together");
}

#[test]
fn what_is_off_by_no_more_than_emulation_is_off_by_is_borne_there_alone() {
    for pairs in [&[(0.5, 0.6); 5][..], &[(0.4, 0.33); 3], &[(3.0, 3.9)]] {
        assert_eq!(check(&of(pairs), &EMULATED).void, None, "{pairs:?}");
        assert!(on(pairs).void.is_some(), "{pairs:?}");
    }
    voided(&check(&of(&[(2.0, 4.0); 3]), &EMULATED), "slower than the host's by 50.0%");
    voided(&check(&of(&[(0.55, 0.3); 3]), &EMULATED), "faster than the host's by 83.3%");
    voided(&check(&of(&[(0.01, 0.5); 3]), &EMULATED), "slower");
}

#[test]
fn an_iteration_in_which_no_time_passed_is_none() {
    for known in [KNOWN, EMULATED] {
        for host in [f64::NAN, 0.0, -1.0] {
            for real in [900.0, 1.0, 1e-4] {
                voided(&check(&of(&[(real, host)]), &known), "the host's clock measured no time in iteration 1");
            }
        }
        let mut silent = of(&[(20.0, 20.0)]);
        silent.iterations[0].metrics.remove("host_real");
        voided(&check(&silent, &known), "the host's clock measured no time in iteration 1");
    }
}

#[test]
fn iterations_fit_into_the_life_of_their_boot() {
    let mut boot = of(&[(20.0, 20.0); 3]);
    boot.life_seconds = 41.0;
    voided(&check(&boot, &KNOWN), "reports 60.0 s in its iterations, but it ran for only 40.5 s after its first frame");
}

#[test]
fn work_in_no_iteration_is_not_believed() {
    for known in [KNOWN, EMULATED] {
        voided(&check(&with(&[("host_report", 20.0)]), &known), "the report of iteration 1 took 20.00 s to arrive");
        voided(&check(&with(&[("host_gap", 20.0)]), &known), "20.00 s passed before iteration 1 began");
    }
    // To drop the caches takes as long as it takes.
    assert_eq!(check(&with(&[("host_gap", 20.0)]), &Known { pauses: true, ..KNOWN }).void, None);
    assert_eq!(check(&with(&[("host_gap", 0.1), ("host_report", 0.1)]), &KNOWN).void, None);
}

#[test]
fn cpu_time_fits_the_cpus_and_what_the_vmm_used() {
    let used = |user, sys, vmm| BootRecord { vmm_cpu: Some(vmm), ..with(&[("user", user), ("sys", sys)]) };
    assert_eq!(check(&used(1.5, 0.5, (2.0, 0.1)), &KNOWN).void, None);
    voided(&check(&used(2.0, 0.5, (2.6, 0.1)), &KNOWN), "reports 2.5 s of CPU time in 1.000 s on 2 CPU(s)");
    assert_eq!(check(&used(2.0, 0.5, (2.6, 0.1)), &Known { cpus: 0, ..KNOWN }).void, None);
    voided(&check(&used(0.9, 0.0, (0.2, 0.1)), &KNOWN), "0.90 s of CPU time, but its whole VMM used only 0.30 s");
    // Emulated, the computer's CPUs are always given to others.
    assert_eq!(check(&used(0.9, 0.0, (0.2, 0.1)), &EMULATED).void, None);
}

#[test]
fn stolen_time_is_a_share_of_all_vcpus() {
    let quiet = check(&boot(&[(10.0, 10.0, 100_000), (10.0, 10.0, 300_000)]), &KNOWN);
    assert_eq!((quiet.steal, quiet.void), (Some(0.01), None));
    let noisy = boot(&[(10.0, 10.0, 2_000_000), (10.0, 10.0, 2_500_000)]);
    voided(&check(&noisy, &KNOWN), "11.2% of the vCPUs' time was stolen (4.50 s of 40.00 s)");
    assert_eq!(check(&noisy, &Known { counted: 4, ..KNOWN }).void, None);
    assert_eq!(check(&noisy, &EMULATED).void, None);
    // A tick or two in a short boot say nothing.
    assert_eq!(check(&boot(&[(0.1, 0.1, 20_000)]), &KNOWN).void, None);
}

#[test]
fn counters_beyond_the_machine_are_not_believed() {
    let counting = |change: fn(&mut Counters)| {
        let mut boot = with(&[]);
        change(&mut boot.iterations[0].counters);
        boot
    };
    voided(&check(&counting(|c| c.steal_us = 4_000_000), &KNOWN), "counts 4.0 s of stolen time");
    type Lie = fn(&mut Counters);
    let lies: [(Lie, &str); 5] = [
        (|c| c.steal_us = u64::MAX, "iteration 1: the guest counts 1.8e13 s of stolen time in 1.000 s on 2 CPU(s)"),
        (|c| c.disk_read_bytes = u64::MAX, "counts 18446744073709551615 bytes read from the disk"),
        (
            |c| c.max_rss_bytes = (1 << 30) + 1,
            "a command that used 1073741825 bytes of memory, but the guest has \
        1073741824",
        ),
        (|c| c.major_faults = u64::MAX, "counts 18446744073709551615 page faults"),
        (|c| c.voluntary_switches = 1 << 40, "counts 1099511627776 context switches"),
    ];
    for (lie, words) in lies {
        for known in [KNOWN, EMULATED] {
            voided(&check(&counting(lie), &known), words);
        }
    }
    let honest = counting(|c| {
        *c =
            Counters { disk_read_bytes: 5 << 30, max_rss_bytes: 1 << 29, minor_faults: 500_000, ..Counters::default() };
    });
    assert_eq!(check(&honest, &KNOWN).void, None);
    let payload = Known { payload: 1 << 40, ..KNOWN };
    voided(&check(&with(&[]), &payload), "1099511627776 bytes read in 1 s");
}

#[test]
fn a_machine_that_was_not_given_is_not_believed() {
    let telling = |facts| BootRecord { facts: Some(facts), ..with(&[]) };
    let cpu = |online, mhz| CpuFacts { online, mhz, ..CpuFacts::default() };
    let facts =
        |online, mhz, mem_total_bytes| GuestFacts { cpu: cpu(online, mhz), mem_total_bytes, ..GuestFacts::default() };
    assert_eq!(check(&telling(facts(2, 3000.0, 1 << 30)), &KNOWN).void, None);
    voided(&check(&telling(facts(3, 3000.0, 1 << 30)), &KNOWN), "reports 3 CPUs, but it has 2");
    voided(&check(&telling(facts(2, 1e308, 1 << 30)), &KNOWN), "a CPU of 1.0e308 MHz");
    voided(&check(&telling(facts(2, 3000.0, u64::MAX)), &KNOWN), "bytes of memory, but it has 1073741824");
    let after = BootRecord { meminfo_after: Some(format!("MemTotal: {} kB\n", u64::MAX)), ..with(&[]) };
    voided(&check(&after, &KNOWN), "bytes of memory, but it has 1073741824");
    // The bare host has what it has.
    assert_eq!(check(&after, &Known { memory: None, ..KNOWN }).void, None);
}

#[test]
fn a_hostile_guest_is_not_believed_and_breaks_nothing() {
    voided(&on(&[(f64::NAN, 20.0), (20.0, 20.0)]), "measured no time in iteration 1");
    voided(&on(&[(f64::INFINITY, 20.0)]), "measured no time");
    voided(&on(&[(0.0, 20.0), (20.0, 20.0)]), "measured no time in iteration 1");
    voided(&on(&[(-0.001, 0.1), (20.0, 20.0)]), "measured no time in iteration 1");
    voided(&on(&[(f64::MAX, 20.0), (20.0, 20.0)]), "reports 1.8e308 s in its iterations");
    voided(&on(&[(20.0, f64::MAX), (20.0, 20.0)]), "by 100.0% in iteration 1");
    assert_eq!(check(&of(&[(20.0, 20.0)]), &Known { counted: 0, ..KNOWN }).steal, None);
    assert_eq!(check(&boot(&[]), &KNOWN), ClockReport::default());
}
