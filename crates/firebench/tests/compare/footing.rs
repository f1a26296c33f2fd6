//! How two sides came about, and what that lets be said of them.

use std::path::PathBuf;
use std::process::Command;

use firebench_analysis::compare::{self, Advice, CompareError, Comparison, Footing, Operand, Run};
use firebench_analysis::findings::Findings;
use firebench_analysis::gate;
use firebench_analysis::judged::Unjudged;
use firebench_model::experiment::{ContenderSpec, PayloadSpec};
use firebench_model::record::{Report, RunEnd};
use firebench_stats::{Estimand, Rule};
use firebench_text::units::Size;

use crate::fixture::GIB;
use crate::runs::{compare, compare_runs, limits, run, runs};

/// A run as firebench carries them out now.
fn modern(qemu: f64, firecracker: f64) -> Report {
    let mut report = run(qemu, firecracker);
    report.design.estimand = Estimand::Typical;
    report.design.rule = Rule::Fixed;
    report.design.end = Some(RunEnd::Planned);
    report
}

fn within(report: &Report, [a, b]: [&str; 2], texts: &[&str]) -> Result<Comparison, CompareError> {
    let operand = |name: &str| Operand::of_run("latest", report.clone(), Some(name.to_owned()));
    compare::compare(&operand(a), &operand(b), &limits(texts))
}

/// The values, the judgement and the gate of a run that is taken apart with RUN:CONTENDER are those of the run itself.
#[test]
fn contenders_of_one_run_are_judged_as_the_run_judges_them() {
    let mut drifting = modern(20.0, 21.0);
    // What a block cancels: the machine becomes slower all the time.
    for boot in drifting.contenders.iter_mut().flat_map(|contender| &mut contender.boots) {
        let slower = 1.0 + f64::from(boot.block) / 20.0;
        boot.iterations
            .iter_mut()
            .flat_map(|iteration| iteration.metrics.values_mut())
            .for_each(|value| *value *= slower);
    }
    for (report, texts) in [
        (modern(20.0, 21.0), &[][..]),
        (drifting.clone(), &["real > +3%"]),
        (drifting, &["user > +3%", "sys > +1s"]),
        (run(20.0, 20.1), &["real > +3%"]),
    ] {
        let findings = Findings::of(&report);
        let own = gate::of_run(&findings, &limits(texts));
        let comparison = within(&report, ["qemu", "firecracker"], texts).expect("they are of one run");
        assert_eq!(comparison.footing, Footing::WithinRun);
        let judged: Vec<_> = comparison.pairs[0].metrics.iter().filter_map(|metric| metric.judged.clone()).collect();
        assert_eq!(judged, own);
        assert!(judged.iter().all(|judged| judged.judgement.is_ok()), "{judged:?}");
        assert_eq!(comparison.gates, gate::judge(&limits(texts), &own));
        let estimates = |place: usize| {
            let metrics = findings.summary.contenders[place].metrics.iter();
            metrics.map(|metric| metric.estimate.expect("an estimate")).collect::<Vec<f64>>()
        };
        let close = |found: Vec<f64>, expected: Vec<f64>| {
            assert_eq!(found.len(), expected.len());
            found.iter().zip(&expected).for_each(|(one, other)| assert!((one - other).abs() < 1e-12, "{one} {other}"));
        };
        let metrics = || comparison.pairs[0].metrics.iter();
        close(metrics().map(|metric| metric.a.expect("a value")).collect(), estimates(0));
        close(metrics().map(|metric| metric.b.expect("a value")).collect(), estimates(1));
        assert_eq!([comparison.pairs[0].boots_a, comparison.pairs[0].boots_b], [6, 6]);
        assert_eq!(comparison.advice, None);
    }
}

#[test]
fn a_pair_that_somebody_chose_shares_the_error_rate_with_those_that_were_there_to_choose() {
    let mut report = modern(20.0, 21.0);
    let mut third = report.contenders[1].clone();
    third.name = "third".to_owned();
    report.contenders.push(third);
    let comparisons = |pair, texts: &[&str]| within(&report, pair, texts).expect("they are of one run").comparisons;
    assert_eq!(comparisons(["qemu", "third"], &[]), 2, "as in the run");
    assert_eq!(comparisons(["third", "qemu"], &[]), 2);
    assert_eq!(comparisons(["firecracker", "third"], &[]), 3);
    assert_eq!(comparisons(["qemu", "third"], &["user > 1%"]), 4);
    assert!(matches!(within(&report, ["qemu", "qemu"], &[]), Err(CompareError::Same)));
}

#[test]
fn one_run_each_has_values_and_no_verdict() {
    let comparison = compare(run(20.0, 20.0), run(20.0, 25.0), &["real > +3%"]);
    assert_eq!((comparison.footing, comparison.comparisons), (Footing::OneRunEach, 0));
    assert!(comparison.verdicts().all(|judged| judged.judgement == Err(Unjudged::OneRunEach)));
    assert!((comparison.pairs[1].metrics[0].effect.expect("a ratio") - 1.25).abs() < 1e-12);
    let several = compare_runs(runs(20.0, 20.0), vec![run(20.0, 25.0)], &[]);
    assert_eq!(several.footing, Footing::OneRunAgainstSeveral);
    assert!(several.verdicts().all(|judged| judged.judgement == Err(Unjudged::OneRunAgainstSeveral)));
    assert!(several.advice.expect("advice").words.contains("two runs or more on each side"));
}

/// One run each, with these executables of firecracker: what is advised.
fn advised(change: impl Fn(&mut Report, &mut Report)) -> Advice {
    let [a, b] = two(change);
    let b = Operand { first: Run { file: Some("b/report.json".into()), ..b.first }, ..b };
    compare::compare(&a, &b, &[]).expect("they are compared").advice.expect("advice")
}

/// The runs, of no file.
fn two(change: impl Fn(&mut Report, &mut Report)) -> [Operand; 2] {
    let (mut a, mut b) = (run(20.0, 20.0), run(20.0, 21.0));
    for (report, path, digest) in [(&mut a, "/old/firecracker", "ab"), (&mut b, "/new/firecracker", "cd")] {
        report.experiment.preset = firebench_model::experiment::Preset::Matched;
        report.experiment.payload = PayloadSpec::Seeded { seed: 1, size: None, block: None };
        report.contenders[1].binary = PathBuf::from(path);
        report.contenders[1].sha256 = digest.repeat(32);
    }
    change(&mut a, &mut b);
    [a, b].map(|report| Operand::of_run("x", report, None))
}

/// All that the command does not say is in the report that it begins with, whatever an experiment may ever set.
#[test]
fn the_command_runs_both_executables_in_turn() {
    let Advice { words, commands } = advised(|_, _| {});
    assert!(words.ends_with("; or run both as contenders of one run, in which they take turns:"), "{words}");
    assert!(words.contains("--repeat-run"), "{words}");
    assert_eq!(
        commands,
        ["firebench run --from b/report.json --contender old=firecracker,binary=/old/firecracker \
          --contender new=firecracker,binary=/new/firecracker"]
    );
    let with_settings = advised(|_, b| {
        b.experiment.contenders = vec!["firecracker=firecracker,vcpus=2,huge-pages".parse().expect("a contender")];
    });
    assert!(with_settings.commands[0].contains(",vcpus=2"), "{with_settings:?}");
    let other_machines = advised(|a, b| {
        a.experiment.files.kernel = Some("/k/old".into());
        (a.experiment.machine.memory, b.experiment.machine.memory) = (Some(Size(GIB)), Some(Size(2 * GIB)));
    });
    let settings = "old=firecracker,binary=/old/firecracker,kernel=/k/old,memory=1GiB ";
    assert!(other_machines.commands[1].contains(settings), "{other_machines:?}");
    assert!(!other_machines.words.contains("differ"), "{other_machines:?}");
    let otherwise = advised(|_, b| b.experiment.design.cold = true);
    assert!(otherwise.words.contains(", with B's experiment where the two differ, in which"), "{otherwise:?}");
}

#[test]
fn the_experiment_of_a_stored_run_is_written_first() {
    let [a, b] = two(|_, b| b.id = Some("0123abcd".to_owned()));
    let advice = compare::compare(&a, &b, &[]).expect("they are compared").advice.expect("advice");
    let begin = "firebench show 0123abcd --format json > run.json && firebench run --from run.json --contender old=";
    assert!(advice.commands[0].starts_with(begin), "{advice:?}");
}

/// What the shell makes of the command are the contenders that are meant, whatever their executables are called.
#[test]
fn the_command_survives_hostile_names() {
    for hostile in ["/it's a/fire, cracker", "/x;$(touch gone)`id`\"&|/firecracker", "/a,b=c,,d", "-n", "/*/?[a]~#!"] {
        let Advice { commands, .. } = advised(|_, b| b.contenders[1].binary = PathBuf::from(hostile));
        let script = format!("firebench() {{ printf '%s\\0' \"$@\"; }}; {}", commands[0]);
        let output = Command::new("sh").args(["-c", &script]).output().expect("sh");
        let words = String::from_utf8(output.stdout).expect("text");
        let words: Vec<&str> = words.trim_end_matches('\0').split('\0').collect();
        let ["run", "--from", "b/report.json", "--contender", old, "--contender", new] = words.as_slice() else {
            panic!("{words:?}")
        };
        let [old, new] = [old, new].map(|text| text.parse::<ContenderSpec>().expect("a contender"));
        assert_eq!(old.binary, Some(PathBuf::from("/old/firecracker")));
        assert_eq!((new.name.as_str(), new.binary), ("new", Some(PathBuf::from(hostile))));
    }
}

#[test]
fn what_is_not_known_leaves_the_hint_alone() {
    let general = |advice: Advice| {
        assert!(advice.commands.is_empty(), "{advice:?}");
        assert!(advice.words.contains("--contender old=VMM,binary=PATH"), "{advice:?}");
    };
    // The new one was put in the place of the old one, which is there no more.
    general(advised(|_, b| b.contenders[1].binary = PathBuf::from("/old/firecracker")));
    // No contender that the experiment describes.
    general(advised(|a, b| [a, b].map(|report| report.contenders[1].name = "other".to_owned()).into_iter().collect()));
    // What a terminal does not show cannot be pasted.
    general(advised(|_, b| b.contenders[1].binary = PathBuf::from("/new\n/firecracker")));
    // The same contenders twice: nothing that could take turns.
    general(advised(|a, b| {
        b.contenders[1].binary = a.contenders[1].binary.clone();
        b.contenders[1].sha256 = a.contenders[1].sha256.clone();
    }));
}
