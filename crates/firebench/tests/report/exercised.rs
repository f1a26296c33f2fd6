//! What the workload exercised, in figures and sentences.

use firebench_analysis::audit::exercise::{Bound, Exercise, Source, exercises};
use firebench_analysis::findings::Findings;
use firebench_model::experiment::{ContenderSpec, WorkloadName};
use firebench_model::record::{ContenderRecord, IterationRecord, Report};
use firebench_report::style::Style;
use firebench_report::terminal;
use firebench_text::units::{Share, Size};

use crate::fixture::{GIB, published};
use crate::pairs::with_host;

fn sentences(report: &Report) -> String {
    let text = terminal::render(&Findings::of(report), Style { color: false, width: 100 });
    let (_, after) = text.split_once("What it exercised\n").expect("sentences");
    let section = after.split_once("\n\n").map_or(after, |(section, _)| section);
    section.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn each(report: &mut Report, change: impl Fn(&mut IterationRecord)) {
    report.contenders.iter_mut().flat_map(|c| &mut c.boots).flat_map(|boot| &mut boot.iterations).for_each(change);
}

fn only(report: &Report) -> Exercise {
    exercises(report).into_iter().next().expect("a contender")
}

#[test]
fn the_published_benchmark_hashes_and_reads_its_file_again_each_time() {
    let report = published();
    let qemu = only(&report);
    assert_eq!((qemu.bound(), qemu.source()), (Bound::User, Source::DiskEachTime));
    assert!((qemu.user - 0.925).abs() < 0.001 && (qemu.sys - 0.074).abs() < 0.001, "{qemu:?}");
    let text = sentences(&report);
    for part in [
        "This memory benchmark is bound by hashing: 91 to 92% of its time in user mode, 7 to 8% in the kernel.",
        "It reads its file again each time, because it does not stay in the page cache: it read 100% of the file from \
        disk in the first iteration, 100% in later ones.",
        "At 56.1 MB/s it needs 1% of what one core gets from memory (4 GB/s and more): it hardly tests memory.",
        "--contender host=host",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn beside_the_host_the_host_is_the_measure() {
    let text = sentences(&with_host());
    assert!(text.contains("The bare host does 2.03 GB/s; of that reach qemu 96.0% and firecracker 96.0%."), "{text}");
    assert!(
        text.contains(
            "reads its file from the page cache: it read 100% of the file from disk in the first \
    iteration, 0% in later ones"
        ),
        "{text}"
    );
    assert!(!text.contains("--contender host=host") && !text.contains("hardly tests memory"), "{text}");
}

/// The run beside a host, with its file read in blocks.
fn in_blocks(block: u64) -> Report {
    let mut report = with_host();
    report.experiment.payload = report.experiment.payload.with_block(Some(Size(block)));
    report
}

#[test]
fn what_a_read_and_a_page_fault_cost_is_said_where_there_are_many() {
    let none = sentences(&with_host());
    assert!(!none.contains("Each iteration makes"), "{none}");
    let reads = sentences(&in_blocks(4096));
    let lead = "Each iteration makes 262144 reads of 4 KiB into a buffer of 1 page. In host each read takes at most";
    assert!(reads.contains(lead) && !reads.contains("In firecracker each"), "{reads}");
    // The host takes 4% less of half a second: 21 ms, for 262144 reads.
    assert!(reads.contains("0.081 to 0.090 µs if all of the difference is theirs"), "{reads}");
    let mut pages = in_blocks(GIB);
    let text = sentences(&pages);
    let lead = "Each iteration makes 1 read of 1 GiB into a buffer of 262144 pages, which are new each time.";
    assert!(text.contains(lead) && text.contains("In host each page (70 page faults counted) takes at most"), "{text}");
    each(&mut pages, |i| i.counters.minor_faults = 262_200);
    let text = sentences(&pages);
    assert!(text.contains("In host each page fault (262200 counted) takes at most 0.090 µs"), "{text}");
    let neither = sentences(&in_blocks(1 << 20));
    let lead =
        "Each iteration makes 1024 reads of 1 MiB into a buffer of 256 pages: a difference can be put down to neither";
    assert!(neither.contains(lead) && !neither.contains("each read takes"), "{neither}");
}

#[test]
fn no_price_is_told_of_those_that_were_not_alike_or_emulated() {
    let mut emulated = in_blocks(4096);
    emulated.emulated = true;
    assert!(!sentences(&emulated).contains("reads of 4 KiB"), "{}", sentences(&emulated));
    let mut unlike = in_blocks(4096);
    unlike.contenders[2].vcpus = 2;
    unlike.contenders[2].boots.iter_mut().filter_map(|boot| boot.facts.as_mut()).for_each(|facts| facts.cpu.online = 2);
    let text = sentences(&unlike);
    assert!(text.contains("reads of 4 KiB") && !text.contains("In host each read"), "{text}");
    let mut handicapped = in_blocks(4096);
    let spec = |c: &ContenderRecord| ContenderSpec::new(&c.name, c.vmm);
    handicapped.experiment.contenders = handicapped.contenders.iter().map(spec).collect();
    assert!(sentences(&handicapped).contains("In host each read"));
    handicapped.experiment.contenders[2].handicap = Some(Share::percent(5));
    assert!(!sentences(&handicapped).contains("In host each read"));
    let mut by_user = in_blocks(4096);
    by_user.design.primary = "user".to_owned();
    assert!(!sentences(&by_user).contains("each read takes"), "{}", sentences(&by_user));
}

#[test]
fn the_figures_decide_and_not_the_name() {
    let mut waits = published();
    each(&mut waits, |i| {
        i.metrics.insert("user".to_owned(), 4.0);
    });
    assert_eq!(only(&waits).bound(), Bound::Disk);
    assert!(
        sentences(&waits).contains("is bound by the disk: it waits 71 to 72% of its time"),
        "{}",
        sentences(&waits)
    );
    each(&mut waits, |i| i.counters.disk_read_bytes = 0);
    assert_eq!((only(&waits).bound(), only(&waits).source()), (Bound::Waiting, Source::NoDisk));

    let mut kernel = published();
    each(&mut kernel, |i| {
        i.metrics.insert("user".to_owned(), 2.0);
        i.metrics.insert("sys".to_owned(), 15.0);
    });
    assert_eq!(only(&kernel).bound(), Bound::Kernel);

    let mut mixed = published();
    each(&mut mixed, |i| {
        i.metrics.insert("user".to_owned(), 12.0);
    });
    assert_eq!(only(&mixed).bound(), Bound::Nothing);

    // Two threads that only compute.
    let mut threads = published();
    threads.experiment.workload = WorkloadName::try_from("render".to_owned()).expect("a name");
    each(&mut threads, |i| {
        i.metrics.insert("user".to_owned(), 37.0);
    });
    assert_eq!(only(&threads).bound(), Bound::User);
    let text = sentences(&threads);
    assert!(text.contains("bound by its own computing: 192 to 193% of its time in user mode"), "{text}");
    assert!(!text.contains("hardly tests memory"), "{text}");
}

#[test]
fn where_the_bytes_come_from() {
    let source = |first: u64, later: u64| {
        let mut report = published();
        each(&mut report, |i| i.counters.disk_read_bytes = if i.index == 0 { first } else { later });
        only(&report).source()
    };
    assert_eq!(source(GIB, 0), Source::PageCache);
    assert_eq!(source(GIB, GIB / 3), Source::Both);
    assert_eq!(source(GIB, GIB), Source::DiskEachTime);
    assert_eq!(source(0, 0), Source::NoDisk);
    let mut once = published();
    once.contenders.iter_mut().flat_map(|c| &mut c.boots).for_each(|boot| boot.iterations.truncate(1));
    assert_eq!(only(&once).source(), Source::OneIteration);
}

#[test]
fn contenders_that_differ_are_told_apart_and_what_stands_out_is_said() {
    let mut report = published();
    for boot in &mut report.contenders[1].boots {
        for iteration in &mut boot.iterations {
            iteration.counters.disk_read_bytes = if iteration.index == 0 { GIB } else { 0 };
            iteration.counters.steal_us = 800_000;
            iteration.counters.major_faults = 5000;
            iteration.counters.involuntary_switches = 4000;
        }
    }
    let text = sentences(&report);
    for part in [
        "In qemu, it reads its file again each time",
        "In firecracker, it reads its file from the page cache",
        "In firecracker, 4.1% of the vCPUs' time was stolen",
        "In firecracker, 5000 page faults an iteration waited for the disk",
        "lost its CPU to something else 207 times a second",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
}

#[test]
fn an_emulated_run_makes_no_statement_about_speed() {
    let mut report = published();
    report.emulated = true;
    let text = sentences(&report);
    assert!(text.starts_with("Emulated, this memory benchmark is bound by hashing"), "{text}");
    assert!(!text.contains("MB/s") && !text.contains("host=host"), "{text}");
}

#[test]
fn numbers_that_are_none_make_no_sentence() {
    for bad in [f64::NAN, f64::INFINITY, 0.0, -1.0] {
        let mut report = published();
        each(&mut report, |i| {
            i.metrics.insert("real".to_owned(), bad);
        });
        assert_eq!(exercises(&report), []);
    }
    let mut nothing = published();
    nothing.payload.bytes = 0;
    assert!(sentences(&nothing).contains("bound by hashing"));
}

#[test]
fn a_wait_for_a_quota_is_no_wait_for_nothing() {
    let mut report = published();
    each(&mut report, |i| {
        i.metrics.insert("user".to_owned(), 1.0);
        i.counters.disk_read_bytes = 0;
    });
    assert_eq!(only(&report).bound(), Bound::Waiting);
    report.contenders.iter_mut().flat_map(|c| &mut c.boots).for_each(|boot| boot.throttled_seconds = Some(50.0));
    assert_eq!(only(&report).bound(), Bound::Quota);
    let text = sentences(&report);
    assert!(text.contains("is bound by a CPU quota: it waits ") && !text.contains("not for its disk"), "{text}");
}
