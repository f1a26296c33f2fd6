//! What KVM counted: judged under emulation, too, and explained by the ports.

use firebench_analysis::counted::{Counted, JudgedCount, Part, metrics};
use firebench_analysis::findings::Findings;
use firebench_analysis::gate::{self, Limit};
use firebench_model::record::Report;
use firebench_report::style::Style;
use firebench_report::{counted, markdown, terminal};
use firebench_stats::{Verdict, verdict::Gate};

use crate::fixture::{counts, nested, published};

fn found(report: &Report) -> Counted {
    Findings::of(report).counted.expect("KVM counted")
}

fn judged(report: &Report, part: Part, name: &str) -> JudgedCount {
    let found = found(report);
    let row = found.rows.iter().find(|row| (row.part, row.counter.name) == (part, name)).expect("a row");
    row.judged.first().cloned().expect("a judgement")
}

/// Every boot counts this; the second block `further` exits more.
fn with_counts(mut report: Report, of: [[u64; 5]; 2], further: u64) -> Report {
    for (contender, of) in report.contenders.iter_mut().zip(of) {
        for (boot, further) in contender.boots.iter_mut().zip([0, further]) {
            boot.counts = Some(counts(of, further));
        }
    }
    report
}

#[test]
fn counts_are_judged_although_everything_is_emulated() {
    let report = nested();
    let boot = judged(&report, Part::Boot, "io_exits");
    assert_eq!(boot.judgement.verdict, Verdict::Lower);
    let ratio = boot.judgement.ratio().expect("a ratio").estimate;
    assert!((ratio - 0.1516).abs() < 0.001, "{ratio}");
    let mmio = judged(&report, Part::Boot, "mmio_exits");
    assert_eq!(
        (mmio.judgement.verdict, mmio.judgement.effect().estimate),
        (Verdict::Lower, -434.0),
        "to zero there is no ratio"
    );
    let found = found(&report);
    for row in &found.rows {
        assert_eq!(row.judged.is_empty(), !row.counter.asked, "{row:?}: what the clock decides is not judged");
    }
    let sentences = counted::sentences(&found).join("\n");
    assert!(sentences.contains("above all of the PCI configuration (198 against 2862)"), "{sentences}");
    let text = terminal::render(&Findings::of(&report), Style { color: false, width: 100 });
    assert!(text.contains("these verdicts hold although everything was emulated"), "{text}");
    assert!(markdown::render(&Findings::of(&report)).contains("## Counted by KVM"));
}

#[test]
fn a_limit_can_be_on_a_count() {
    let gates = |report: &Report, limits: &[&str]| -> Vec<Gate> {
        let limits: Vec<Limit> = limits.iter().map(|limit| limit.parse().expect("a limit")).collect();
        let metrics: Vec<_> = metrics().map(|(_, _, metric)| metric).collect();
        gate::check_metrics(&limits, metrics.iter()).expect("counts are known");
        let mut outcomes = gate::judge(&limits, &gate::of_run(&Findings::of(report), &limits));
        gate::allow_unfair(&mut outcomes);
        outcomes.into_iter().map(|outcome| outcome.gate).collect()
    };
    let mut worse = with_counts(nested(), [[3000, 95, 434, 618, 280], [3150, 95, 434, 618, 280]], 1);
    assert_eq!(gates(&worse, &["boot_io_exits > +3%", "boot_io_exits > +10%"]), [Gate::Beyond, Gate::Within]);
    assert_eq!(gates(&worse, &["boot_exits > +3%"]), [Gate::Undecided], "under emulation, the clock decides");
    worse.contenders[1].boots[0].counts = None;
    assert_eq!(gates(&worse, &["boot_io_exits > +3%"]), [Gate::Undecided]);
}

#[test]
fn on_hardware_everything_that_was_counted_is_judged() {
    let mut report = nested();
    report.emulated = false;
    assert!(found(&report).rows.iter().all(|row| row.judged.len() == 1));
}

#[test]
fn equal_counts_are_equal_and_noisy_ones_undecided() {
    let equal = with_counts(nested(), [[3142, 95, 434, 618, 280]; 2], 0);
    let verdict = |report: &Report, part| judged(report, part, "io_exits").judgement.verdict;
    assert_eq!(verdict(&equal, Part::Boot), Verdict::Equivalent);
    assert_eq!(verdict(&equal, Part::Shutdown), Verdict::Inconclusive, "one of 95 is more than 1%");
    let mut noisy = with_counts(nested(), [[3142, 95, 434, 618, 280], [3000, 95, 434, 618, 280]], 0);
    noisy.contenders[1].boots[1].counts = Some(counts([3300, 95, 434, 618, 280], 0));
    assert_eq!(verdict(&noisy, Part::Boot), Verdict::Inconclusive);
    let said = counted::sentences(&found(&noisy)).join("\n");
    assert!(said.contains("Not decided: boot, I/O port exits of firecracker against qemu"), "{said}");
}

#[test]
fn what_nobody_counted_is_not_judged() {
    assert_eq!(Findings::of(&published()).counted, None);
    let mut report = nested();
    report.contenders[1].boots[0].counts = None;
    assert!(found(&report).rows.iter().all(|row| row.judged.is_empty()), "a boot without counts");
    assert_eq!(
        counted::sentences(&found(&report)),
        Vec::<String>::new(),
        "nothing is said of intervals that are not there"
    );
    report.contenders[1].boots[1].counts = None;
    let found = found(&report);
    assert!(found.rows.iter().all(|row| row.judged.is_empty() && row.typical[1].is_none()), "{found:?}");
    assert!(found.devices.iter().all(|used| used.typical[1].is_none()), "{found:?}");
}
