//! The audit finds by itself what two contenders do not share.

use firebench_analysis::audit::{Fairness, Finding, PairAudit, audit};
use firebench_analysis::facts::{Rank, Values};
use firebench_analysis::findings::Findings;
use firebench_model::experiment::{ContenderSpec, Preset};
use firebench_model::record::{BootStatus, Report};
use firebench_report::style::Style;
use firebench_report::terminal::render;
use firebench_vmm::{Missing, Settings, VmmKind, firecracker, gvisor, host, preset, qemu};

use crate::fixture::{FIRECRACKER, QEMU, clock_pause, failed, nested, published};
use crate::pairs::{matched, own_file, template, twins, two_firecrackers, with_host};

fn pair(report: &Report) -> PairAudit {
    audit(report).pairs.into_iter().next().expect("two contenders")
}

fn facts(pair: &PairAudit, rank: Rank) -> Vec<&'static str> {
    pair.of_rank(rank).map(|finding| finding.fact).collect()
}

fn find<'a>(pair: &'a PairAudit, fact: &str) -> &'a Finding {
    let found = pair.findings.iter().find(|finding| finding.fact == fact);
    found.unwrap_or_else(|| panic!("no {fact}: {pair:?}"))
}

fn texts(one: &str, other: &str) -> Values {
    Values::Texts([one.to_owned(), other.to_owned()])
}

fn only(one: &[&str], other: &[&str]) -> Values {
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    Values::Only([words(one), words(other)])
}

#[test]
fn the_published_pair_differs_in_vcpus_template_and_command_line() {
    let pair = pair(&published());
    assert_eq!(pair.fairness, Fairness::Void);
    assert_eq!(facts(&pair, Rank::Voids), ["vCPUs", "CPU flags that programs use"]);
    assert_eq!(find(&pair, "vCPUs").values, texts("2", "1"));
    assert_eq!(find(&pair, "CPU template or model").values, texts("QEMU's default model", "template T2"));
    assert_eq!(find(&pair, "CPU flags that programs use").values, only(&["avx512f", "sha_ni"], &[]));
    assert_eq!(find(&pair, "CPU flags that programs use").follows, Some("CPU template or model"));
    assert_eq!(find(&pair, "kernel command line").values, only(&[], &["pci=off", "nomodules"]));
    assert_eq!(find(&pair, "MemTotal").rank, Rank::Harmless);
}

const CLOCK: &str = "search for a real-time clock that is not there";
const PAUSES: &str = "pauses of the starting kernel";

#[test]
fn a_clock_that_the_kernel_waits_for_is_found_by_the_launch_and_by_the_wait() {
    let found = pair(&published());
    assert_eq!(find(&found, CLOCK).values, texts("yes", "no"));
    assert_eq!((find(&found, CLOCK).rank, find(&found, CLOCK).follows), (Rank::Explains, None));
    let wait = "0.6 s before \"rtc_cmos rtc_cmos: broken or not accessible\"";
    assert_eq!(find(&found, PAUSES).values, only(&[wait], &[]));
    assert_eq!(find(&found, PAUSES).follows, Some(CLOCK));
    let matched = pair(&matched());
    assert!(matched.findings.iter().all(|finding| ![CLOCK, PAUSES].contains(&finding.fact)), "{matched:?}");
}

/// Pauses of the two contenders' boots; what is found.
fn pauses(qemu: [f64; 2], firecracker: [f64; 2], emulated: bool) -> Option<Values> {
    let mut report = matched();
    report.emulated = emulated;
    for (contender, pauses) in report.contenders.iter_mut().zip([qemu, firecracker]) {
        for (boot, seconds) in contender.boots.iter_mut().zip(pauses) {
            boot.boot_seconds = Some(4.0);
            boot.facts.as_mut().unwrap().kernel_pauses = vec![clock_pause(seconds)];
        }
    }
    pair(&report).findings.into_iter().find(|finding| finding.fact == PAUSES).map(|finding| finding.values)
}

#[test]
fn a_pause_counts_if_it_is_long_and_in_most_boots_of_one_contender_alone() {
    let wait = |seconds: &str| {
        Some(only(&[&format!("{seconds} s before \"rtc_cmos rtc_cmos: broken or not accessible\"")], &[]))
    };
    assert_eq!(pauses([1.0, 1.2], [0.1, 0.1], false), wait("1.0"));
    assert_eq!(pauses([1.0, 1.2], [0.6, 0.1], false), None, "the other one waits there, too");
    assert_eq!(pauses([1.0, 0.1], [0.1, 0.1], false), None, "once is chance");
    assert_eq!(pauses([0.3, 0.3], [0.0, 0.0], false), None, "short");
    assert_eq!(pauses([1.0, 1.2], [0.1, 0.1], true), None, "all steps take long in an emulated machine");
    assert_eq!(pauses([3.0, 3.0], [0.1, 0.1], true), wait("3.0"));
    assert_eq!(pauses([1e300, 1e300], [0.1, 0.1], false), None, "longer than the whole boot");
    assert_eq!(pauses([-5.0, -5.0], [0.1, 0.1], false), None);
}

#[test]
fn the_absence_of_a_template_is_found_too() {
    let mut report = published();
    report.contenders[1].settings = matched().contenders[1].settings.clone();
    let pair = pair(&report);
    assert_eq!(find(&pair, "CPU template or model").values, texts("QEMU's default model", "passed through"));
}

/// What was asked for changes nothing: the run is looked at.
#[test]
fn the_preset_is_not_looked_at() {
    for mut report in [published(), matched(), with_host()] {
        let before = audit(&report);
        for preset in [Preset::Matched, Preset::Published] {
            report.experiment.preset = preset;
            assert_eq!(audit(&report), before);
        }
    }
}

#[test]
fn a_matched_pair_is_fair_and_says_what_is_left() {
    let pair = pair(&matched());
    assert_eq!(pair.fairness, Fairness::One("VMM"), "{pair:?}");
    assert_eq!(facts(&pair, Rank::Explains), ["disk queue length"]);
    assert_eq!(find(&pair, "disk queue length").follows, Some("VMM"));
    let harmless = facts(&pair, Rank::Harmless);
    for fact in ["CPU name", "other CPU flags", "kernel command line, without effect", "disk write cache", "MemTotal"] {
        assert!(harmless.contains(&fact), "{fact}: {harmless:?}");
    }
    assert!(!harmless.contains(&"CPU frequency as shown"));
}

#[test]
fn two_builds_of_a_vmm_and_the_same_one_twice() {
    let builds = pair(&two_firecrackers());
    assert_eq!(builds.fairness, Fairness::One("VMM"));
    assert_eq!(builds.subject.as_deref(), Some("firecracker 1.12.1 and firecracker 1.13.0"));
    assert_eq!(builds.findings, []);
    let twins = pair(&twins());
    assert_eq!((twins.fairness, twins.subject), (Fairness::Alike, None));
}

#[test]
fn one_deliberate_difference_is_what_is_compared_with_all_that_follows_from_it() {
    let template = pair(&template());
    assert_eq!(template.fairness, Fairness::One("CPU template or model"));
    assert_eq!(find(&template, "CPU flags that programs use").rank, Rank::Voids);
    assert_eq!(find(&template, "mitigations").follows, Some("CPU template or model"));

    let mut report = twins();
    report.contenders[1].vcpus = 2;
    for boot in &mut report.contenders[1].boots {
        boot.facts.as_mut().unwrap().cpu.online = 2;
    }
    assert_eq!(pair(&report).fairness, Fairness::One("vCPUs"));
    // A second one, and nothing can be put down to either.
    report.contenders[1].launch.tap = nested().contenders[0].launch.tap.clone();
    assert_eq!(pair(&report).fairness, Fairness::Void);
    report.contenders[1].boots.iter_mut().for_each(|boot| boot.facts = None);
    report.contenders[1].vcpus = 1;
    let silent = pair(&report);
    assert_eq!((silent.fairness, silent.silent), (Fairness::One("network card"), vec!["b".to_owned()]));
}

#[test]
fn the_way_to_a_network_card_follows_from_the_isolation_and_the_bare_host_has_no_card_to_compare() {
    let mut report = twins();
    report.contenders[0].launch.tap = nested().contenders[0].launch.tap.clone();
    report.contenders[1].vmm = VmmKind(&gvisor::KIND);
    report.contenders[1].launch.veth = Some(preset::veth());
    let carded = pair(&report);
    let way = find(&carded, "way to the network card");
    assert_eq!((way.rank, way.follows), (Rank::Explains, Some("VMM")));
    let card = |pair: &PairAudit| pair.findings.iter().any(|finding| finding.fact == "network card");
    assert!(!card(&carded));
    report.contenders[1].launch.veth = None;
    assert!(card(&pair(&report)), "one alone has a card");
    report.contenders[1].vmm = VmmKind(&host::KIND);
    let beside_host = pair(&report);
    assert!(!card(&beside_host) && !beside_host.findings.iter().any(|finding| finding.fact.contains("card")));
}

#[test]
fn nothing_is_said_of_what_was_not_seen() {
    let mut report = matched();
    report.contenders[1].memory_mib = 512;
    for boot in &mut report.contenders[1].boots {
        boot.status = BootStatus::NeverStarted;
    }
    let found = pair(&report);
    assert_eq!((found.fairness, found.findings.len()), (Fairness::Unseen, 0));
    assert_eq!((found.unseen.as_slice(), found.unlike().len()), (&["firecracker".to_owned()][..], 0));
    let shown = render(&Findings::of(&report), Style { color: false, width: 100 });
    assert!(shown.contains("firecracker against qemu: not judged, for firecracker had no good boot"), "{shown}");
    assert!(!shown.contains("is fair") && !shown.contains("voids"), "{shown}");

    // A contender that never booted, beside the bare host that did and has no limit of memory.
    report.contenders[1].boots.clear();
    report.contenders[0].boots[0].without = vec![Missing::MemoryLimit("no control group".to_owned())];
    assert_eq!(pair(&report).fairness, Fairness::Unseen);
}

#[test]
fn what_voids_a_comparison_is_in_the_sentence_of_the_verdict() {
    let mut report = twins();
    report.emulated = false;
    let slow = |boot: &mut firebench_model::record::BootRecord| {
        for iteration in &mut boot.iterations {
            iteration.metrics.values_mut().for_each(|value| *value *= 1.6);
        }
    };
    report.contenders[1].vcpus = 2;
    report.contenders[1].boots.iter_mut().for_each(|boot| {
        slow(boot);
        boot.facts.as_mut().unwrap().cpu.online = 2;
    });
    let limits = ["real > +3%".parse().unwrap()];
    let judged = firebench_analysis::gate::of_run(&Findings::of(&report), &limits);
    assert_eq!(judged[0].unlike, ["vCPUs"]);
    let outcomes = firebench_analysis::gate::judge(&limits, &judged);
    assert_eq!(outcomes[0].gate, firebench_stats::verdict::Gate::Unfair);
    let shown = render(&Findings::of(&report), Style { color: false, width: 100 });
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("; this does NOT compare like with like: they differ in vCPUs."), "{shown}");
}

/// Each change of one thing, and how it is ranked.
#[test]
fn every_kind_of_difference_has_its_rank() {
    type Change = fn(&mut Report);
    let changes: [(&str, Rank, Change); 16] = [
        ("memory", Rank::Voids, |r| r.contenders[1].memory_mib = 512),
        ("accelerator", Rank::Voids, |r| r.contenders[1].accel = firebench_vmm::Accel::Tcg),
        ("MemTotal", Rank::Voids, |r| boots(r, |boot| boot.facts.as_mut().unwrap().mem_total_bytes -= 20 << 20)),
        ("payload", Rank::Voids, |r| {
            boots(r, |boot| boot.iterations.iter_mut().for_each(|i| i.digest = "00".repeat(32)))
        }),
        ("handicap", Rank::Voids, |r| {
            let mut spec = ContenderSpec::new("b", FIRECRACKER);
            spec.handicap = Some("5%".parse().expect("a share"));
            r.experiment.contenders = vec![spec];
        }),
        ("busybox", Rank::Voids, |r| {
            r.artifacts.push(own_file("busybox", "a", ""));
            r.artifacts.push(own_file("busybox", "b", &"ef".repeat(32)));
        }),
        ("root disk", Rank::Voids, |r| r.artifacts.push(own_file("root disk", "b", &"ef".repeat(32)))),
        ("kernel file", Rank::Explains, |r| r.artifacts.push(own_file("kernel", "b", &"ef".repeat(32)))),
        ("kernel", Rank::Explains, |r| boots(r, |boot| boot.facts.as_mut().unwrap().kernel_release.push('x'))),
        ("clocksource", Rank::Explains, |r| {
            boots(r, |boot| boot.facts.as_mut().unwrap().clocksource = "hpet".to_owned())
        }),
        ("disk scheduler", Rank::Explains, |r| {
            boots(r, |boot| {
                let scheduler = "none [mq-deadline]".to_owned();
                boot.facts.as_mut().unwrap().block.insert("scheduler".to_owned(), scheduler);
            });
        }),
        ("transparent huge pages", Rank::Explains, |r| {
            boots(r, |boot| boot.facts.as_mut().unwrap().transparent_hugepage = "[always] madvise never".to_owned());
        }),
        ("host's page cache before boots", Rank::Explains, |r| boots(r, |boot| boot.host_cache_resident = Some(0.0))),
        ("binding", Rank::Explains, |r| boots(r, |boot| boot.pinned = vec![1])),
        ("jail", Rank::Explains, |r| {
            let settings = r.contenders[1].settings.as_mut().expect("a Firecracker");
            settings.values.set(&firecracker::JAILER, "/usr/bin/jailer");
        }),
        ("going without", Rank::Explains, |r| {
            boots(r, |boot| boot.without = vec![Missing::Other("without a control group: x".to_owned())])
        }),
    ];
    for (fact, rank, change) in changes {
        let mut report = twins();
        change(&mut report);
        let pair = pair(&report);
        assert_eq!(find(&pair, fact).rank, rank, "{fact}");
        assert_eq!(pair.fairness, Fairness::One(fact), "{pair:?}");
    }
}

fn boots(report: &mut Report, change: impl Fn(&mut firebench_model::record::BootRecord)) {
    report.contenders[1].boots.iter_mut().for_each(change);
}

#[test]
fn settings_of_two_vmms_meet_in_shared_words() {
    let mut report = matched();
    report.contenders[0].settings = Some(
        Settings::new(QEMU)
            .with(&qemu::CPU, "host")
            .with(&qemu::CACHE, "none")
            .with(&qemu::IO, "native")
            .with(&qemu::HUGE_PAGES, true)
            .with(&qemu::RTC, true),
    );
    let pair = pair(&report);
    assert_eq!(pair.fairness, Fairness::Several);
    assert_eq!(find(&pair, "disk cache").values, texts("past the host's page cache", "through the host's page cache"));
    assert_eq!(find(&pair, "disk I/O engine").values, texts("native", "the VMM's default"));
    assert_eq!(find(&pair, "pages beneath the memory").values, texts("2 MiB", "4 KiB"));
}

/// QEMU asks the host for huge pages, Firecracker does not: on `madvise` that is a difference beside the VMM.
#[test]
fn the_hosts_setting_of_huge_pages_tells_vmms_apart() {
    let on = |setting: &str| {
        let mut report = matched();
        report.host.transparent_huge_pages = Some(setting.to_owned());
        report
    };
    for alike in ["always", "never"] {
        assert_eq!(pair(&on(alike)).fairness, Fairness::One("VMM"), "{alike}");
    }
    let unlike = pair(&on("madvise"));
    assert_eq!(unlike.fairness, Fairness::Several);
    let finding = find(&unlike, "pages beneath the memory");
    assert_eq!((finding.rank, finding.follows), (Rank::Explains, None));
    assert_eq!(finding.values, texts("2 MiB where the host finds them, else 4 KiB", "4 KiB"));
    // What the nested host is set to is not known.
    let mut nested = on("madvise");
    nested.nested_host = crate::fixture::nested().nested_host;
    assert_eq!(pair(&nested).fairness, Fairness::One("VMM"));
    let mut asking = on("madvise");
    let settings = asking.contenders[1].settings.as_mut().expect("a Firecracker");
    settings.values.set(&firecracker::TRANSPARENT_HUGE_PAGES, true);
    assert_eq!(pair(&asking).fairness, Fairness::One("VMM"));
}

#[test]
fn what_limits_all_contenders_alike_is_said_above_everything_else() {
    let mut report = matched();
    assert_eq!(audit(&report).limits, [""; 0]);
    report.host.allowed_cpus = Some("1".to_owned());
    report.host.cpu_limit = Some(firebench_vmm::CpuLimit {
        quota: Some(0.1),
        group: Some("/ci.slice/\u{1b}[31m".to_owned()),
        ..Default::default()
    });
    report.contenders[0].vcpus = 2;
    report.contenders[1].vcpus = 1;
    boots(&mut report, |boot| boot.throttled_seconds = Some(40.0));
    let limits = audit(&report).limits;
    assert_eq!(limits.len(), 3, "{limits:#?}");
    assert!(
        limits[0].starts_with("A CPU quota holds for everything that ran: 0.10 CPUs, by the control group /ci.slice")
    );
    assert!(limits[1].starts_with("CPU quotas held the boots up for "), "{limits:#?}");
    assert_eq!(limits[2], "qemu has 2 vCPUs, and firebench may use 1 CPU (1): its vCPUs waited for each other");
    let style = Style { color: false, width: 100 };
    for text in [
        firebench_report::terminal::render(&Findings::of(&report), style),
        firebench_report::markdown::render(&Findings::of(&report)),
    ] {
        assert!(text.contains("A CPU quota holds for everything that ran") && !text.contains('\u{1b}'), "{text}");
    }
}

/// That a VM is no host voids nothing; that it lacks memory or a CPU's flags does.
#[test]
fn beside_the_bare_host() {
    let mut report = with_host();
    report.contenders.remove(1);
    let fair = pair(&report);
    assert_eq!(facts(&fair, Rank::Voids), [] as [&str; 0]);
    assert_eq!(facts(&fair, Rank::Explains), ["kernel", "clocksource", "file system", "binding"]);
    for boot in &mut report.contenders[1].boots {
        boot.without = vec![Missing::MemoryLimit("no control group".to_owned())];
        boot.facts.as_mut().unwrap().cpu.flags.retain(|flag| flag != "sha_ni");
    }
    let unfair = pair(&report);
    assert_eq!(unfair.fairness, Fairness::Void);
    assert_eq!(facts(&unfair, Rank::Voids), ["memory", "CPU flags that programs use"]);
    assert_eq!(find(&unfair, "memory").values, texts("1024 MiB", "not limited"));
}

/// What hides flags by its nature is compared with them; two of one kind that do not show the same ones are two machines.
#[test]
fn flags_that_are_missing_void_unless_they_come_with_the_isolation() {
    let mut report = with_host();
    report.contenders.drain(..2);
    let mut other = report.contenders[0].clone();
    other.name = "other".to_owned();
    for boot in &mut other.boots {
        boot.facts.as_mut().unwrap().cpu.flags.retain(|flag| flag != "sha_ni");
    }
    report.contenders.push(other);
    assert_eq!(facts(&pair(&report), Rank::Voids), ["CPU flags that programs use"], "two hosts");
    report.contenders[1].vmm = VmmKind(&gvisor::KIND);
    let isolated = pair(&report);
    assert_eq!(facts(&isolated, Rank::Voids), [] as [&str; 0]);
    let flags = find(&isolated, "CPU flags that programs use");
    assert_eq!((flags.rank, flags.follows), (Rank::Explains, Some("VMM")));
}

#[test]
fn what_changes_between_boots_is_found() {
    let mut report = with_host();
    assert_eq!(audit(&report).changes, []);
    for block in [7, 9] {
        report.contenders[0].boots[block].facts.as_mut().unwrap().clocksource = "tsc".to_owned();
    }
    let changes = audit(&report).changes;
    let [change] = changes.as_slice() else { panic!("{changes:?}") };
    assert_eq!((change.contender.as_str(), change.finding.fact), ("qemu", "clocksource"));
    assert_eq!((change.block, change.boots, change.of), (7, 2, 24));
    assert_eq!(change.finding.values, texts("kvm-clock", "tsc"));
}

#[test]
fn an_agent_that_started_before_the_kernel_refined_its_tsc_is_no_change() {
    let mut report = with_host();
    for (number, boot) in report.contenders[0].boots.iter_mut().enumerate() {
        let facts = boot.facts.as_mut().unwrap();
        let tsc = if number % 2 == 0 { "tsc" } else { "tsc-early" };
        facts.clocksource = tsc.to_owned();
        facts.clocksources = vec![tsc.to_owned(), "hpet".to_owned()];
    }
    assert_eq!(audit(&report).changes, []);
}

#[test]
fn nobody_and_guests_that_say_nothing_break_nothing() {
    let mut nobody = failed();
    nobody.contenders.clear();
    assert_eq!((audit(&nobody).pairs, audit(&nobody).changes), (Vec::new(), Vec::new()));
    let mut silent = published();
    silent.contenders.iter_mut().flat_map(|c| &mut c.boots).for_each(|boot| boot.facts = None);
    let pair = pair(&silent);
    assert_eq!(pair.silent, ["qemu", "firecracker"]);
    assert_eq!(find(&pair, "vCPUs").values, texts("2", "1"));
}
