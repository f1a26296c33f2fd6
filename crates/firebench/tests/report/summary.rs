//! The numbers, against figures worked out by hand.

use firebench_analysis::summary::{Comparison, Spread, summarize};
use firebench_model::record::BootStatus;

use crate::fixture::{GIB, boot, published};

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() < 1e-12
}

#[test]
fn the_first_iteration_stands_apart() {
    let summary = summarize(&published());
    assert!(!summary.single_iteration);
    let real = &summary.contenders[0].metrics[0];
    assert_eq!(real.metric.name, "real");
    assert!(close(real.first.unwrap(), (20.42 + 20.51) / 2.0));
    assert_eq!(real.sample, Some(Spread { lower: 19.11, upper: 19.19, min: 19.05, max: 19.22 }));
    assert!(close(real.estimate.expect("good boots"), (19.19f64 * 19.05 * 19.22 * 19.11).powf(0.25)));
}

#[test]
fn the_ratio_is_that_of_geometric_means_paired_within_blocks() {
    let summary = summarize(&published());
    let pair = &summary.pairs[0];
    assert_eq!((pair.blocks, pair.blocks_left_out), (2, 0));
    let expected = (19.30f64 * 19.28 * 19.34 * 19.25 / (19.19 * 19.05 * 19.22 * 19.11)).powf(0.25);
    let Comparison::Ratio(ratio) = pair.metrics[0].1 else { panic!("{pair:?}") };
    assert!(close(ratio, expected), "{ratio} {expected}");
    let (metric, Comparison::Difference(sys)) = &pair.metrics[2] else { panic!("{pair:?}") };
    assert_eq!(metric.name, "sys");
    assert!(close(*sys, (1.52 + 1.55) / 2.0 - (1.41 + 1.43) / 2.0), "{sys}");
}

/// A boot of 3 iterations and one of 2 weigh the same: the boot is the replicate.
#[test]
fn boots_weigh_the_same_however_many_iterations_they_have() {
    let mut report = published();
    report.contenders[0].boots = vec![
        boot(0, 0, &[[9.0, 1.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 0.0]]),
        boot(1, 0, &[[9.0, 1.0, 0.0], [1.0, 1.0, 0.0]]),
    ];
    report.contenders[1].boots = vec![
        boot(0, 1, &[[9.0, 1.0, 0.0], [2.0, 1.0, 0.0], [2.0, 1.0, 0.0]]),
        boot(1, 1, &[[9.0, 1.0, 0.0], [8.0, 1.0, 0.0]]),
    ];
    let Comparison::Ratio(ratio) = summarize(&report).pairs[0].metrics[0].1 else { panic!() };
    assert!(close(ratio, 4.0), "{ratio}");
}

#[test]
fn a_single_iteration_is_the_sample_and_that_is_said() {
    let mut report = published();
    for contender in &mut report.contenders {
        contender.boots.iter_mut().for_each(|boot| boot.iterations.truncate(1));
    }
    let summary = summarize(&report);
    assert!(summary.single_iteration);
    let real = &summary.contenders[1].metrics[0];
    assert!(close(real.estimate.expect("good boots"), (20.36f64 * 20.40).sqrt()));
    let Comparison::Ratio(ratio) = summary.pairs[0].metrics[0].1 else { panic!() };
    assert!(close(ratio, (20.36f64 * 20.40 / (20.42 * 20.51)).sqrt()));
}

#[test]
fn only_good_boots_count_and_incomplete_blocks_are_left_out() {
    let mut report = published();
    report.contenders[1].boots[1].status = BootStatus::WrongDigest;
    let summary = summarize(&report);
    let pair = &summary.pairs[0];
    assert_eq!((pair.blocks, pair.blocks_left_out), (1, 1));
    let Comparison::Ratio(ratio) = pair.metrics[0].1 else { panic!() };
    assert!(close(ratio, (19.30f64 * 19.28 / (19.19 * 19.05)).sqrt()));
    let firecracker = &summary.contenders[1];
    assert_eq!((firecracker.boots_ok, firecracker.boots_not_ok), (1, 1));
    assert_eq!(firecracker.metrics[0].sample.map(|s| s.min), Some(19.28));

    report.contenders[1].boots[0].status = BootStatus::NeverStarted;
    let pair = &summarize(&report).pairs[0];
    assert_eq!((pair.blocks, pair.blocks_left_out), (0, 2));
    assert_eq!(pair.metrics[0].1, Comparison::Unknown);
}

#[test]
fn a_failed_boot_leaves_its_block_out_for_all() {
    let mut report = published();
    let mut third = report.contenders[1].clone();
    third.boots[0].status = BootStatus::VmmExited;
    report.contenders.push(third);
    let summary = summarize(&report);
    assert_eq!([0, 1].map(|pair| (summary.pairs[pair].blocks, summary.pairs[pair].blocks_left_out)), [(1, 1), (1, 1)]);
    // An interrupted boot is done again.
    report.contenders[2].boots[0].status = BootStatus::Interrupted;
    assert_eq!(summarize(&report).pairs[0].blocks, 2);
}

#[test]
fn a_retried_boot_counts_in_its_block() {
    let mut report = published();
    let mut hung = report.contenders[0].boots[0].clone();
    hung.status = BootStatus::NeverStarted;
    report.contenders[0].boots[0].attempt = 2;
    report.contenders[0].boots.insert(0, hung);
    assert_eq!(summarize(&report).pairs, summarize(&published()).pairs);
}

#[test]
fn a_zero_makes_a_difference_of_a_ratio() {
    let mut report = published();
    report.contenders[0].boots[0].iterations[1].metrics.insert("user".to_owned(), 0.0);
    let pair = &summarize(&report).pairs[0];
    assert!(matches!(pair.metrics[0].1, Comparison::Ratio(_)));
    assert!(matches!(pair.metrics[1].1, Comparison::Difference(_)));
}

#[test]
fn clock_throughput_and_disk_reads() {
    let mut report = published();
    report.contenders[0].boots[1].iterations[2].metrics.insert("host_real".to_owned(), 19.11 / 2.0);
    report.contenders[0].boots[1].iterations[2].counters.disk_read_bytes = 0;
    let mut summary = summarize(&report);
    let qemu = summary.contenders.remove(0);
    assert_eq!(qemu.steal, Some(0.0));
    let clock = qemu.clock.unwrap();
    assert!(close(clock.relative, -1.0) && close(clock.seconds, -19.11 / 2.0));
    assert!(summary.contenders.remove(0).clock.unwrap().relative < 0.01);
    assert!(close(qemu.throughput.unwrap() * (19.19f64 * 19.05 * 19.22 * 19.11).powf(0.25) / GIB as f64, 1.0));
    let reads = qemu.disk_reads.unwrap();
    assert!(close(reads.first, 1.0) && close(reads.later.unwrap(), 1.0));
}

#[test]
fn what_one_contender_did_not_measure_hides_nothing_of_the_others() {
    let mut report = published();
    for iteration in report.contenders[1].boots.iter_mut().flat_map(|boot| &mut boot.iterations) {
        iteration.metrics.remove("user");
    }
    let summary = summarize(&report);
    let user = summary.contenders.iter().map(|contender| contender.metrics[1].estimate.is_some());
    assert_eq!(user.collect::<Vec<_>>(), [true, false]);
}
