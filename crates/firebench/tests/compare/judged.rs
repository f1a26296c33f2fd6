//! Which numbers count, and what comes of them.

use firebench::cli::gate::exit_code;
use firebench_analysis::compare::{Compared, Comparison, Footing};
use firebench_analysis::judged::Unjudged;
use firebench_model::record::{BootStatus, Report};
use firebench_stats::verdict::{Gate, Verdict};
use firebench_stats::{Estimand, Judgement, Replicate, Scale, unpaired};
use proptest::prelude::*;

use crate::fixture::boot;
use crate::runs::{compare, compare_runs, run, runs};

fn compared<'a>(comparison: &'a Comparison, contender: &str, metric: &str) -> &'a Compared {
    let pair = comparison.pairs.iter().find(|pair| pair.b == contender).expect("the pair");
    pair.metrics.iter().find(|compared| compared.metric == metric).expect("the metric")
}

fn judgement(comparison: &Comparison, contender: &str, metric: &str) -> Judgement {
    let judged = compared(comparison, contender, metric).judged.as_ref().expect("it is judged");
    *judged.judgement.as_ref().expect("a judgement")
}

#[test]
fn good_boots_after_the_scout_count_and_iterations_after_the_warm_up() {
    let mut b = run(20.0, 21.0);
    let mut bad = boot(7, 0, &[[900.0; 3]; 3]);
    bad.status = BootStatus::Void;
    b.contenders[1].boots.push(bad);
    let comparison = compare(run(20.0, 20.0), b, &[]);
    assert_eq!((comparison.pairs[1].boots_a, comparison.pairs[1].boots_b), (6, 6));
    let real = compared(&comparison, "firecracker", "real");
    assert!((real.effect.expect("a ratio") - 1.05).abs() < 1e-12, "{real:?}");
    assert!((real.a.expect("seconds") / 20.0 - 1.0).abs() < 1e-3, "{real:?}");
    let sys = compared(&comparison, "firecracker", "sys");
    assert!(sys.scale == Scale::Raw && (sys.effect.expect("a difference") - 0.1).abs() < 1e-12, "{sys:?}");
    assert!(
        comparison.warnings.contains(&"1 boot of B's firecracker did not end well and count for nothing.".to_owned())
    );
}

/// Worked out here by hand: each run comes to the middle of its boots' logarithms, and the interval is Welch's over the runs.
#[test]
fn the_interval_is_welchs_of_the_runs_and_shared_by_all_pairs() {
    let of_typical = |runs: Vec<Report>| -> Vec<Report> {
        let typical = |mut report: Report| {
            report.design.estimand = Estimand::Typical;
            report
        };
        runs.into_iter().map(typical).collect()
    };
    let boots = |run: &Report| -> Vec<f64> {
        run.contenders[1].boots.iter().skip(1).map(|boot| boot.iterations[1].metrics["real"].ln()).collect()
    };
    let means = |runs: &[Report]| -> Vec<f64> { runs.iter().map(|run| boots(run).iter().sum::<f64>() / 6.0).collect() };
    let middles = |runs: &[Report]| -> Vec<f64> {
        let middle = |mut values: Vec<f64>| {
            values.sort_by(f64::total_cmp);
            (values[2] + values[3]) / 2.0
        };
        runs.iter().map(|run| middle(boots(run))).collect()
    };
    let (a, b) = (runs(20.0, 20.0), runs(20.0, 21.0)[..4].to_vec());
    for (texts, comparisons) in [(&[][..], 2), (&["user > 1%", "qemu: sys > 1s", "real > 5%"], 5)] {
        for typical in [false, true] {
            let [a, b] = [a.clone(), b.clone()].map(|runs| if typical { of_typical(runs) } else { runs });
            let values = |runs: &[Report]| if typical { middles(runs) } else { means(runs) };
            let welch = unpaired::welch(&values(&b), &values(&a), 0.05, comparisons).expect("an interval");
            let comparison = compare_runs(a, b, texts);
            assert_eq!((comparison.comparisons, comparison.footing), (comparisons, Footing::SeveralRuns));
            let judgement = judgement(&comparison, "firecracker", "real");
            let interval = judgement.interval;
            for (found, expected) in
                [(interval.centre, welch.centre), (interval.low, welch.low), (interval.high, welch.high)]
            {
                assert!((found - expected).abs() < 1e-12, "{interval:?} {welch:?}");
            }
            assert_eq!((interval.blocks, interval.baseline_boots, interval.replicate), (4, Some(6), Replicate::Run));
            let real = compared(&comparison, "firecracker", "real");
            assert!((real.effect.expect("a ratio").ln() - welch.centre).abs() < 1e-12, "{real:?}");
            let said = comparison.pairs[1].metrics[0].judged.as_ref().expect("a verdict").to_string();
            assert!(said.ends_with(", 4 and 6 runs)"), "{said}");
        }
    }
    // Four boots more in each run are no more runs.
    assert_eq!((comparison_of(&a, &b).pairs[1].boots_a, comparison_of(&a, &b).pairs[1].boots_b), (36, 24));
}

fn comparison_of(a: &[Report], b: &[Report]) -> Comparison {
    compare_runs(a.to_vec(), b.to_vec(), &[])
}

/// The spread between two runs is not that of their boots: with two runs a side there is hardly anything to say.
#[test]
fn two_runs_a_side_have_a_wide_interval() {
    let [a, b] = [runs(20.0, 20.0), runs(20.0, 21.0)].map(|runs| runs[..2].to_vec());
    let comparison = compare_runs(a, b, &["real > +3%"]);
    let interval = judgement(&comparison, "firecracker", "real").interval;
    assert!(interval.half_width() > 0.08, "{interval:?}");
    assert!(comparison.gates.iter().all(|outcome| outcome.gate == Gate::Undecided));
}

#[test]
fn only_what_was_declared_or_asked_for_is_judged() {
    let comparison = compare(run(20.0, 20.0), run(20.0, 21.0), &["firecracker: user > 1%"]);
    let judged = |contender, metric| compared(&comparison, contender, metric).judged.is_some();
    assert!(judged("qemu", "real") && judged("firecracker", "real") && judged("firecracker", "user"));
    assert!(!judged("qemu", "user") && !judged("qemu", "sys") && !judged("firecracker", "sys"));
    let primary = |mut report: Report| {
        report.design.primary = "user".to_owned();
        report
    };
    let comparison = compare(primary(run(20.0, 20.0)), primary(run(20.0, 21.0)), &[]);
    assert!(comparison.verdicts().all(|judged| judged.metric.name == "user") && comparison.verdicts().count() == 2);
}

#[test]
fn conclusive_is_what_has_a_verdict_on_every_pair() {
    let against = |real| compare_runs(runs(20.0, 20.0), runs(real, 30.0), &[]).is_conclusive();
    assert!(against(30.0) && !against(20.0));
    assert!(!compare(run(20.0, 20.0), run(30.0, 30.0), &[]).is_conclusive(), "one run each");
    let unknown = |mut report: Report| {
        report.design.primary = "power".to_owned();
        report
    };
    let unknown = |runs: Vec<Report>| runs.into_iter().map(unknown).collect();
    let comparison = compare_runs(unknown(runs(20.0, 20.0)), unknown(runs(30.0, 30.0)), &[]);
    assert!(comparison.verdicts().next().is_none() && !comparison.is_conclusive());
}

#[test]
fn sys_is_judged_by_difference_even_from_zero() {
    let mut a = runs(20.0, 20.0);
    for iteration in a.iter_mut().flat_map(|run| &mut run.contenders[1].boots).flat_map(|boot| &mut boot.iterations) {
        iteration.metrics.insert("sys".to_owned(), 0.0);
    }
    let comparison = compare_runs(a, runs(20.0, 20.0), &["firecracker: sys > 1.9s", "firecracker: sys > 2.1s"]);
    let gates: Vec<Gate> = comparison.gates.iter().map(|outcome| outcome.gate).collect();
    assert_eq!(gates, [Gate::Beyond, Gate::Within]);
    // 1% of the 20 s that the runs take.
    let delta = judgement(&comparison, "firecracker", "sys").delta;
    assert!((delta - 0.2).abs() < 1e-3, "{delta}");
}

#[test]
fn emulated_runs_have_no_verdict_and_decide_no_gate() {
    for (a, b) in [(true, true), (true, false), (false, true)] {
        let emulated = |mut report: Report, emulated| {
            report.emulated = emulated;
            report
        };
        let comparison = compare(emulated(run(20.0, 20.0), a), emulated(run(40.0, 40.0), b), &["real > 3%"]);
        assert!(comparison.verdicts().all(|judged| judged.judgement == Err(Unjudged::Emulated)));
        assert!(comparison.emulated && !comparison.is_conclusive());
        assert_eq!([false, true].map(|required| exit_code(&comparison.gates, required)), [0, 4]);
        let said = comparison.gates[0].to_string();
        assert!(said.contains("undecided") && said.contains("emulated"), "{said}");
    }
}

#[test]
fn too_few_boots_and_impossible_values_have_no_verdict() {
    let few = |count| {
        let mut runs = runs(20.0, 21.0);
        runs[2].contenders[1].boots.truncate(count);
        compare_runs(runs, self::runs(20.0, 20.0), &["firecracker: real > 1%"])
    };
    for count in [0, 1] {
        let comparison = few(count);
        assert_eq!(comparison.gates[0].judged.judgement, Err(Unjudged::RunWithoutBoot), "{count}");
        assert_eq!(compared(&comparison, "firecracker", "real").effect, None);
    }
    assert!(few(2).gates[0].judged.judgement.is_ok(), "a boot beside the scout's is a value of its run");
    let with = |value| {
        let mut b = runs(20.0, 21.0);
        b[0].contenders[1].boots[3].iterations[2].metrics.insert("real".to_owned(), value);
        compare_runs(runs(20.0, 20.0), b, &["firecracker: real > 1%"])
    };
    let negative = with(-1.0);
    assert_eq!(negative.gates[0].judged.judgement, Err(Unjudged::NoValue));
    assert_eq!(compared(&negative, "firecracker", "real").effect, None);
    // A limit in percent says nothing of zeros; the difference is shown all the same.
    let zero = with(0.0);
    assert_eq!((zero.gates[0].gate, zero.gates[0].judged.judgement), (Gate::Undecided, Err(Unjudged::Zero)));
    let real = compared(&zero, "firecracker", "real");
    assert!(real.scale == Scale::Raw && real.effect.is_some_and(|difference| difference < 1.0), "{real:?}");
}

/// Three runs of six boots of each of two contenders.
fn some_runs() -> impl Strategy<Value = Vec<Report>> {
    (proptest::collection::vec(0.1..100.0_f64, 36), 0.001..0.1_f64).prop_map(|(reals, delta)| {
        let run = |reals: &[f64]| {
            let mut report = run(1.0, 1.0);
            report.design.delta = delta;
            for (contender, reals) in report.contenders.iter_mut().zip(reals.chunks(6)) {
                let times = |real: f64| [[real, real * 0.7, real * 0.3]; 3];
                contender.boots = (1..).zip(reals).map(|(block, &real)| boot(block, 0, &times(real))).collect();
            }
            report
        };
        reals.chunks(12).map(run).collect()
    })
}

proptest! {
    #[test]
    fn the_other_way_round_is_the_mirror(a in some_runs(), b in some_runs()) {
        let texts = ["user > 5%", "sys > 0.1s"];
        let (there, back) = (compare_runs(a.clone(), b.clone(), &texts), compare_runs(b, a, &texts));
        for contender in ["qemu", "firecracker"] {
            for metric in ["real", "user", "sys"] {
                let (there, back) = (judgement(&there, contender, metric), judgement(&back, contender, metric));
                let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + a.abs());
                prop_assert!(close(there.interval.centre, -back.interval.centre));
                prop_assert!(close(there.interval.low, -back.interval.high));
                prop_assert!(close(there.delta, back.delta));
                let mirrored = match back.verdict {
                    Verdict::Lower => Verdict::Higher,
                    Verdict::Higher => Verdict::Lower,
                    same => same,
                };
                prop_assert_eq!(there.verdict, mirrored);
            }
        }
    }

    #[test]
    fn nothing_is_a_regression_against_its_equal(a in some_runs(), bound in 0.0..10.0_f64) {
        let texts = [format!("real > {bound}%"), format!("user < -{}%", bound + 0.1), format!("sys > {bound}s")];
        let mut b = a.clone();
        // The same run it must not be.
        b.iter_mut().flat_map(|run| &mut run.contenders[0].boots).for_each(|boot| boot.life_seconds += 1.0);
        let comparison = compare_runs(a, b, &texts.each_ref().map(String::as_str));
        prop_assert_eq!(comparison.gates.len(), 6);
        prop_assert!(exit_code(&comparison.gates, false) == 0);
        prop_assert!(comparison.differences.is_empty() && comparison.warnings.is_empty());
        prop_assert!(comparison.pairs.iter().all(|pair| pair.differences.is_empty()));
        let neither = |judgement: &Judgement| !matches!(judgement.verdict, Verdict::Higher | Verdict::Lower);
        prop_assert!(comparison.verdicts().all(|judged| judged.judgement.as_ref().is_ok_and(neither)));
    }
}
