//! What is not compared, and who is compared with whom.

use firebench_analysis::compare::{self, CompareError, Comparison};
use firebench_model::record::Report;
use miette::Diagnostic;

use crate::runs::{operand, run, runs, side, try_compare, try_compare_runs};

/// The error of comparing a run with a changed copy of it, and its hint.
fn refused(change: impl Fn(&mut Report)) -> (CompareError, String) {
    let mut changed = run(20.0, 20.0);
    change(&mut changed);
    let error = try_compare(run(20.0, 20.5), changed, &[]).expect_err("they did not measure the same");
    let hint = error.help().expect("a hint").to_string();
    (error, hint)
}

#[test]
fn runs_that_did_not_measure_the_same_are_refused() {
    let (error, hint) = refused(|run| run.design.primary = "user".to_owned());
    assert_eq!(error.to_string(), "the primary metric of A is real, that of B user");
    assert!(hint.contains("run one of them again"), "{hint}");

    let (error, hint) = refused(|run| run.command[1] = "/other\u{1b}[31m".to_owned());
    assert_eq!(
        error.to_string(),
        "the runs did not do the same work: A memory (sha256sum random.txt), B memory (sha256sum other\u{fffd}[31m)"
    );
    assert!(hint.contains("firebench run --from report.md"), "{hint}");

    let blocks =
        |block: &str| ["firebench-agent", "sha256sum", "--block", block, "/random.txt"].map(str::to_owned).to_vec();
    let mut small = run(20.0, 20.5);
    small.command = blocks("4096");
    let error = try_compare(run(20.0, 20.0), small.clone(), &[]).expect_err("other reads").to_string();
    assert!(error.ends_with("B memory (firebench-agent sha256sum --block 4096 random.txt)"), "{error}");
    let large = Report { command: blocks("8192"), ..small };
    let error = try_compare(run(20.0, 20.0), large, &[]).expect_err("other reads").to_string();
    assert!(error.contains("--block 8192"), "{error}");

    // Where the cache is says nothing about the work.
    let mut elsewhere = run(20.0, 20.5);
    elsewhere.command[1] = "/elsewhere/random.txt".to_owned();
    assert!(try_compare(run(20.0, 20.0), elsewhere, &[]).is_ok());

    for change in [|run: &mut Report| run.payload.sha256 = "ab".repeat(32), |run: &mut Report| run.payload.bytes /= 2] {
        let (error, hint) = refused(change);
        assert!(
            error.to_string().starts_with("the workload did not read the same bytes: in A 1 GiB of SHA-256 8454"),
            "{error}"
        );
        assert!(hint.contains("--payload"), "{hint}");
    }
}

/// The pairs' names, where contenders were named or not.
fn pairs(a: (&[&str], Option<&str>), b: (&[&str], Option<&str>)) -> Result<Vec<(String, String)>, String> {
    let operand = |(names, chosen): (&[&str], Option<&str>), real| {
        let mut report = run(real, real);
        let template = report.contenders[0].clone();
        report.contenders.clear();
        for name in names {
            let mut contender = template.clone();
            contender.name = (*name).to_owned();
            report.contenders.push(contender);
        }
        let mut operand = operand("a", report);
        operand.contender = chosen.map(str::to_owned);
        operand
    };
    let names = |comparison: Comparison| comparison.pairs.into_iter().map(|pair| (pair.a, pair.b)).collect();
    compare::compare(&operand(a, 20.0), &operand(b, 20.5), &[]).map(names).map_err(|error| error.to_string())
}

#[test]
fn contenders_pair_by_name_and_one_against_one_whatever_its_name() {
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let all: (&[&str], _) = (&["x", "y", "z"], None);
    assert_eq!(pairs(all, (&["z", "w", "x"], None)), Ok(vec![pair("x", "x"), pair("z", "z")]));
    assert_eq!(pairs((&["x"], None), (&["w"], None)), Ok(vec![pair("x", "w")]));
    assert_eq!(pairs((&["x", "y"], Some("y")), (&["w", "v"], Some("v"))), Ok(vec![pair("y", "v")]));
    assert_eq!(pairs((&["x", "y"], Some("y")), (&["w"], None)), Ok(vec![pair("y", "w")]));
    assert_eq!(pairs((&["x", "y"], Some("y")), all), Ok(vec![pair("y", "y")]));
    for (a, b, said) in [
        (all, (&["v", "w"][..], None), "A has x, y, z, B has v, w"),
        ((&["x", "y"][..], Some("y")), (&["x", "w"][..], None), "A has y, B has x, w"),
        (all, (&[][..], None), "A has x, y, z, B has none"),
    ] {
        assert_eq!(pairs(a, b), Err(format!("the runs share no contender: {said}")));
    }
}

#[test]
fn limits_mean_contenders_of_b_that_are_compared() {
    let error = try_compare(run(20.0, 20.0), run(20.0, 20.5), &["crosvm: real > 3%"]).expect_err("there is no crosvm");
    assert!(matches!(error, CompareError::Limit(_)));
    assert_eq!(error.help().expect("a hint").to_string(), "qemu, firecracker can have limits of their own");
}

#[test]
fn runs_of_a_side_are_alike() {
    let refused = |change: &dyn Fn(&mut Report)| {
        let mut b = runs(20.0, 21.0);
        change(&mut b[3]);
        try_compare_runs(runs(20.0, 20.0), b, &[]).expect_err("one is not like the others").to_string()
    };
    let said = refused(&|run| run.payload.bytes /= 2);
    assert!(said.starts_with("the runs of B are not alike in their payload: 1 GiB of SHA-256 8454"), "{said}");
    assert!(said.contains(" in b/1, 512 MiB of SHA-256 8454") && said.ends_with(" in b/4"), "{said}");
    let said = refused(&|run| run.command[1] = "/other".to_owned());
    assert!(
        said.contains("their work: memory (sha256sum random.txt) in b/1, memory (sha256sum other) in b/4"),
        "{said}"
    );
    let said = refused(&|run| run.design.primary = "user".to_owned());
    assert!(said.contains("their primary metric: real in b/1, user in b/4"), "{said}");
    let said = refused(&|run| run.contenders[1].name = "crosvm".to_owned());
    assert!(said.contains("their contenders: qemu, firecracker in b/1, qemu, crosvm in b/4"), "{said}");
    let mut swapped = runs(20.0, 21.0);
    swapped[3].contenders.reverse();
    assert!(try_compare_runs(runs(20.0, 20.0), swapped, &[]).is_ok(), "in which order they are named says nothing");
}

/// Counted twice, a run would hide how much runs differ.
#[test]
fn a_run_counts_once() {
    let again = |a: Vec<Report>, b: Vec<Report>| try_compare_runs(a, b, &[]).expect_err("a run is there twice");
    let [one, other, third] = [20.0, 20.5, 21.0].map(|real| run(20.0, real));
    let error = again(vec![one.clone(), one.clone()], vec![other.clone(), third.clone()]);
    assert_eq!(error.to_string(), "a/1 and a/2 are the same run, which cannot count twice");
    let error = again(vec![one.clone(), other.clone()], vec![third, other.clone()]);
    assert_eq!(error.to_string(), "a/2 and b/2 are the same run, which cannot count twice");
    let error = compare::compare(&operand("a", one.clone()), &side("b", vec![one.clone(), other]), &[]);
    assert!(matches!(error, Err(CompareError::Twice { .. })));
    assert!(matches!(compare::compare(&operand("a", one.clone()), &operand("b", one), &[]), Err(CompareError::Same)));
}
