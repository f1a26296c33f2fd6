//! Contenders that took turns in each of several runs, and what the runs of a side say of themselves.

use firebench_analysis::compare::{self, CompareError, Comparison, Footing, Operand};
use firebench_analysis::judged::Unjudged;
use firebench_model::record::Report;
use firebench_stats::verdict::Gate;
use firebench_stats::{Estimand, Judgement, Replicate, Verdict, interval};
use firebench_vmm::{VmmKind, gvisor};

use crate::fixture::boot;
use crate::runs::{compare_runs, limits, run, runs, side};

/// Runs of which each is off by much, both contenders alike, and whose ratio is 5% with a little noise.
fn runs_of_both() -> Vec<Report> {
    let alike = |(ratio, off): (&f64, f64)| {
        let mut run = run(20.0 * off, 20.0 * off * ratio);
        run.contenders[0].vcpus = run.contenders[1].vcpus;
        run
    };
    RATIOS.iter().zip([1.0, 1.4, 0.7, 1.1, 0.9]).map(alike).collect()
}

const RATIOS: [f64; 5] = [1.052, 1.048, 1.051, 1.050, 1.047];

fn of(reports: &[Report], contender: &str) -> Operand {
    Operand { contender: Some(contender.to_owned()), ..side("runs", reports.to_vec()) }
}

fn turns(reports: &[Report], texts: &[&str]) -> Comparison {
    compare::compare(&of(reports, "qemu"), &of(reports, "firecracker"), &limits(texts)).expect("they are compared")
}

fn outcome(comparison: &Comparison) -> Result<Judgement, Unjudged> {
    comparison.verdicts().next().expect("a pair").judgement
}

fn sentence(comparison: &Comparison) -> String {
    comparison.verdicts().next().expect("a pair").to_string()
}

/// What a run is slower by as a whole hits both, and is in no run's ratio.
#[test]
fn each_run_has_one_ratio_and_the_interval_is_students_over_them() {
    let runs = runs_of_both();
    let comparison = turns(&runs, &["real > +3%", "real > +6%"]);
    assert_eq!((comparison.footing, comparison.comparisons), (Footing::WithinRuns, 1));
    let expected = interval::student(&RATIOS.map(f64::ln), 0.05, 1).expect("an interval");
    let judgement = outcome(&comparison).expect("a judgement");
    let close = |one: f64, other: f64| assert!((one - other).abs() < 1e-9, "{one} is not {other}");
    close(judgement.interval.centre, expected.centre);
    close(judgement.interval.low, expected.low);
    close(judgement.interval.high, expected.high);
    assert_eq!((judgement.verdict, judgement.interval.replicate), (Verdict::Higher, Replicate::Run));
    let said = sentence(&comparison);
    assert!(said.starts_with("firecracker is 5.0% slower than qemu in real (95% CI ") && said.ends_with(", 5 runs)"));
    let gates: Vec<Gate> = comparison.gates.iter().map(|gate| gate.gate).collect();
    assert_eq!(gates, [Gate::Beyond, Gate::Within]);
    assert_eq!([comparison.pairs[0].boots_a, comparison.pairs[0].boots_b], [30, 30]);
    assert_eq!((comparison.warnings, comparison.advice), (Vec::new(), None));
    // The same runs in another order are the same runs.
    let mut turned = runs.clone();
    turned.rotate_left(2);
    let other = compare::compare(&of(&runs, "qemu"), &of(&turned, "firecracker"), &[]).expect("they are compared");
    assert_eq!(other.footing, Footing::WithinRuns);
}

/// Neither over runs nor between two sides, just as within a run: the account of CPU time is no other one there.
#[test]
fn cpu_time_by_an_account_of_its_own_is_judged_nowhere() {
    let of_gvisor = |mut runs: Vec<Report>| {
        for contender in runs.iter_mut().flat_map(|run| &mut run.contenders) {
            contender.vmm = VmmKind(&gvisor::KIND);
            contender.settings = None;
        }
        runs
    };
    let limit = ["firecracker: user > +3%"];
    let (turned, apart) = (of_gvisor(runs_of_both()), |seconds| of_gvisor(runs(seconds, seconds)));
    let apart = compare_runs(apart(20.0), apart(21.0), &limit);
    for comparison in [turns(&turned, &limit), turns(&turned[..1], &limit), apart] {
        let judgement = comparison.pairs.iter().flat_map(|pair| &pair.metrics).find_map(|compared| {
            compared.judged.as_ref().filter(|_| compared.metric == "user").map(|judged| judged.judgement)
        });
        assert!(matches!(judgement, Some(Err(Unjudged::OwnCpuAccount("gVisor", _)))), "{judgement:?}");
        assert_eq!(comparison.gates[0].gate, Gate::Undecided);
    }
}

#[test]
fn a_pair_shares_the_error_rate_with_the_runs_other_pairs() {
    let mut runs = runs_of_both();
    for run in &mut runs {
        let mut third = run.contenders[1].clone();
        third.name = "third".to_owned();
        run.contenders.push(third);
    }
    assert_eq!(turns(&runs, &[]).comparisons, 2);
}

#[test]
fn two_runs_are_described_and_one_contender_is_not_held_against_itself() {
    let runs = runs_of_both();
    let comparison = turns(&runs[..2], &["real > +3%"]);
    assert_eq!((comparison.footing, comparison.comparisons), (Footing::WithinTwoRuns, 0));
    assert_eq!(outcome(&comparison), Err(Unjudged::WithinTwoRuns));
    assert_eq!(comparison.gates[0].gate, Gate::Undecided);
    let effect = comparison.pairs[0].metrics[0].effect.expect("a ratio");
    assert!((effect - (RATIOS[0] * RATIOS[1]).sqrt()).abs() < 1e-9, "{effect}");
    assert!(comparison.advice.expect("advice").words.contains("--repeat-run 5"));
    let itself = compare::compare(&of(&runs, "qemu"), &of(&runs, "qemu"), &[]);
    assert!(matches!(itself, Err(CompareError::Twice { .. })), "{itself:?}");
    // Runs of which only some are the same are not compared.
    let some = compare::compare(&of(&runs[..3], "qemu"), &of(&runs[2..], "firecracker"), &[]);
    assert!(matches!(some, Err(CompareError::Twice { .. })), "{some:?}");
}

/// Makes the iterations of a run's firecracker fall, or one of its boots slow.
fn disturb(run: &mut Report, fall: f64, slow: f64) {
    run.design.warm_up = 0;
    for boot in &mut run.contenders[1].boots {
        for (index, iteration) in (0..).zip(&mut boot.iterations) {
            iteration.metrics.values_mut().for_each(|value| *value *= 1.0 - fall * f64::from(index));
        }
    }
    let last = run.contenders[1].boots.last_mut().expect("a boot");
    last.iterations.iter_mut().flat_map(|iteration| iteration.metrics.values_mut()).for_each(|value| *value *= slow);
}

/// Without the first iterations, which take five times as long.
fn settled(run: &mut Report) {
    for boot in run.contenders.iter_mut().flat_map(|contender| &mut contender.boots) {
        let second = boot.iterations[1].clone();
        boot.iterations[0] = second;
    }
}

#[test]
fn what_is_wrong_in_some_of_the_runs_is_said() {
    let mut runs = runs_of_both();
    runs.iter_mut().for_each(|run| {
        settled(run);
        disturb(run, 0.0, 1.0);
    });
    let plain = sentence(&turns(&runs, &[]));
    assert!(plain.ends_with(" 5 runs)"), "{plain}");
    disturb(&mut runs[1], 0.02, 1.0);
    disturb(&mut runs[3], 0.01, 1.0);
    disturb(&mut runs[4], 0.0, 1.3);
    let said = sentence(&turns(&runs, &[]));
    let expected = "; in 2 of 5 runs firecracker falls against qemu in the course of the counted iterations, by up to 4.0%, and may go on \
                    after them (--warm-up, --iterations); slow boots of firecracker in 1 of 5 runs (by up to 3";
    assert!(said.contains(expected), "{said}");
    // Of sides that ran apart, each says it of itself.
    let calm = runs_of_both().into_iter().map(|mut run| {
        settled(&mut run);
        disturb(&mut run, 0.0, 1.0);
        run.contenders.iter_mut().flat_map(|of| &mut of.boots).for_each(|boot| boot.life_seconds += 1.0);
        run
    });
    let comparison = compare_runs(calm.collect(), runs, &[]);
    let said = comparison.verdicts().last().expect("firecracker").to_string();
    let expected = "; in 2 of 5 runs firecracker falls in the course of the counted iterations, by up to 4.0%; slow boots of firecracker \
                    in 1 of 5 runs (by up to 3";
    assert!(said.contains(expected) && !said.contains("A's firecracker falls"), "{said}");
}

/// In every run whoever boots after firecracker is slower: the spread of the runs says nothing of it.
#[test]
fn carry_over_in_the_runs_takes_the_verdict() {
    let mut runs = runs_of_both();
    for (number, run) in (0..).zip(&mut runs) {
        run.design.estimand = Estimand::Typical;
        run.design.delta = 0.02;
        let mut before = 0;
        run.contenders.iter_mut().for_each(|contender| contender.boots.clear());
        for block in 1..30_u32 {
            let first = usize::from(block % 3 == 0 || block % 5 == 0);
            for (position, contender) in (0..).zip([first, 1 - first]) {
                let noise = 1.0 + f64::from(number + block * (7 + position) % 11) / 2000.0;
                let after = if before == 1 { 1.05 } else { 1.0 };
                let real = 20.0 * noise * after;
                let times = [real, real * 0.9, real * 0.1];
                run.contenders[contender].boots.push(boot(block, position, &[times; 3]));
                before = contender;
            }
        }
    }
    assert!(matches!(outcome(&turns(&runs, &[])), Err(Unjudged::CarryOver(size)) if (size.abs() - 0.05).abs() < 0.01));
}
