//! What a hostile referee would hand in: runs in which something is wrong with the noise, and what is said of them.

use firebench_analysis::findings::Findings;
use firebench_model::experiment::Settle;
use firebench_model::record::{BootRecord, BootStatus, DesignRecord, Report};
use firebench_report::findings::Found;
use firebench_report::style::Style;
use firebench_report::terminal;
use firebench_stats::{Estimand, order};

use crate::fixture::boot;
use crate::pairs::with_host;

/// A pair of 24 blocks, in the order that the seed gives. `cost` says what an iteration takes more than usual, in ln(t), by contender,
/// block, number of the boot in the run, and iteration.
fn run(iterations: u32, cost: impl Fn(usize, u32, u32, u32) -> f64) -> Report {
    blocks(24, iterations, cost)
}

fn blocks(blocks: u32, iterations: u32, cost: impl Fn(usize, u32, u32, u32) -> f64) -> Report {
    let mut report = with_host();
    report.contenders.truncate(2);
    report.design = DesignRecord { scout_blocks: 0, iterations, delta: 0.02, planned: Some(blocks), ..report.design };
    let facts: Vec<_> = report.contenders.iter().map(|contender| contender.boots[0].facts.clone()).collect();
    report.contenders.iter_mut().for_each(|contender| contender.boots.clear());
    for (block, order) in (0..blocks).zip(order::blocks(2, report.design.seed)) {
        for (place, contender) in (0..2).zip(order) {
            let number = 2 * block + place;
            let of = |iteration| {
                // Half a percent, which looks like noise and is the same everywhere.
                let noise = f64::from((number * 7919 + iteration * 104_729) % 1009) / 1009.0 - 0.5;
                0.5 * (cost(contender, block, number, iteration) + 0.01 * noise).exp()
            };
            let times: Vec<[f64; 3]> = (0..iterations).map(|at| [of(at), of(at) * 0.9, of(at) * 0.05]).collect();
            let boot = BootRecord { facts: facts[contender].clone(), ..boot(block, place, &times) };
            report.contenders[contender].boots.push(boot);
        }
    }
    report
}

/// The head of the table, the verdict, and what JSON has of the pair.
fn said(report: &Report) -> String {
    let findings = Findings::of(report);
    let text = terminal::render(&findings, Style { color: false, width: 100 });
    let (_, table) = text.split_once("──\n").expect("a table");
    let table = table.split_once("\n\nFairness").map_or(table, |(table, _)| table);
    let pair = &serde_json::to_value(Found::of(&findings)).expect("JSON")["pairs"][0];
    let fields = ["verdict", "ratio", "level", "method", "beside", "blocks", "blocks_left_out"];
    let json: serde_json::Map<_, _> = fields.into_iter().map(|field| (field.to_owned(), pair[field].clone())).collect();
    format!("{table}\n\n{}\n", serde_json::to_string_pretty(&json).expect("JSON"))
}

#[test]
fn a_slow_mode_is_told_beside_the_typical_boot() {
    let report = run(3, |contender, block, _, _| match (contender, block) {
        (1, 5 | 11 | 19) => 0.26,
        (1, _) => -0.01,
        _ => 0.0,
    });
    insta::assert_snapshot!(said(&report));
}

#[test]
fn a_period_makes_no_difference() {
    let report = run(3, |_, _, number, _| 0.02 * (std::f64::consts::TAU * f64::from(number) / (8.0 / 3.0)).cos());
    insta::assert_snapshot!(said(&report));
}

#[test]
fn unequal_warm_up_is_named() {
    let report = run(8, |contender, _, _, iteration| match contender {
        1 => 0.1 * (-f64::from(iteration) / 6.0).exp(),
        _ => 0.0,
    });
    insta::assert_snapshot!(said(&report));
}

#[test]
fn whoever_slows_down_the_next_boot_gets_no_verdict() {
    let orders: Vec<usize> = order::blocks(2, with_host().design.seed).take(24).flatten().collect();
    let report = run(3, |_, _, number, _| {
        let before = number.checked_sub(1).and_then(|before| orders.get(before as usize));
        if before == Some(&1) { 0.05 } else { 0.0 }
    });
    insta::assert_snapshot!(said(&report));
}

/// With throw-away boots, what a boot leaves behind is said of three, where it can be told, and takes no verdict.
#[test]
fn what_throw_away_boots_spread_is_said_beside_the_verdict() {
    let mut report = with_host();
    report.design = DesignRecord { scout_blocks: 0, iterations: 3, delta: 0.02, planned: Some(40), ..report.design };
    report.experiment.design.settle = Some(Settle::Boot);
    report.contenders.iter_mut().for_each(|contender| contender.boots.clear());
    let mut before = None;
    for (block, order) in (0..40).zip(order::blocks(3, report.design.seed)) {
        let first = order[0];
        if before != Some(first) {
            let thrown = BootRecord { discarded: true, ..boot(block, 0, &[[9.0, 8.0, 0.1]; 3]) };
            report.contenders[first].discarded.push(thrown);
            before = Some(first);
        }
        for (place, contender) in (0..3).zip(order) {
            let noise = f64::from((3 * block + place) * 7919 % 1009) / 1009.0 - 0.5;
            let after = if before == Some(1) { 0.05 } else { 0.0 };
            let real = 0.5 * (after + 0.01 * noise).exp();
            report.contenders[contender].boots.push(boot(block, place, &[[real, real * 0.9, real * 0.05]; 3]));
            before = Some(contender);
        }
    }
    let of_the_carrier = |report: &Report| Findings::of(report).judgements[0].to_string();
    let said = of_the_carrier(&report);
    let left = "whoever boots right after one of the two comes out 5.1% higher";
    assert!(
        !said.contains("no verdict") && said.contains(&format!("; {left}, which the throw-away boots spread")),
        "{said}"
    );
    report.experiment.design.settle = None;
    let said = of_the_carrier(&report);
    assert!(said.contains(&format!("no verdict: {left}")), "{said}");
}

#[test]
fn boots_that_are_missing_might_have_been_anything() {
    let mut report = run(3, |contender, _, _, _| if contender == 1 { -0.01 } else { 0.0 });
    for block in [3, 8] {
        report.contenders[1].boots[block].status = BootStatus::Void;
    }
    insta::assert_snapshot!(said(&report));
}

#[test]
fn means_and_slow_ends_say_how_many_boots_they_take() {
    let mut said = Vec::new();
    for (estimand, boots) in [(Estimand::Cost, 24), (Estimand::P95, 24), (Estimand::Cost, 200), (Estimand::P95, 200)] {
        let mut report = blocks(boots, 3, |contender, block, _, _| match (contender, block % 12) {
            (1, 5) => 0.26,
            _ => 0.0,
        });
        report.design.estimand = estimand;
        said.extend(Findings::of(&report).judgements.iter().map(|judged| format!("{boots} boots: {judged}")));
    }
    insta::assert_snapshot!(said.join("\n"));
}

/// With many contenders the best one comes first, in all that people read; and the error rate that they share is said.
#[test]
fn many_contenders_are_in_the_order_of_what_they_came_to() {
    let mut report = run(3, |contender, _, _, _| if contender == 1 { 0.1 } else { 0.0 });
    for (name, factor) in [("late", 1.5), ("early", 0.5), ("middle", 1.1)] {
        let mut more = report.contenders[1].clone();
        more.name = name.to_owned();
        let iterations = more.boots.iter_mut().flat_map(|boot| &mut boot.iterations);
        iterations.flat_map(|iteration| iteration.metrics.values_mut()).for_each(|value| *value *= factor);
        report.contenders.push(more);
    }
    let findings = Findings::of(&report);
    let text = terminal::render(&findings, Style { color: false, width: 100 });
    let markdown = firebench_report::markdown::render(&findings);
    for (text, from) in [(&text, "Ratio to qemu"), (&markdown, "Ratio to ")] {
        let (_, ratios) = text.split_once(from).expect("ratios");
        let ratios = ratios.to_lowercase();
        let place = |name: &str| ratios.find(name).expect(name);
        let places = ["early", "firecracker", "middle", "late"].map(place);
        assert!(places.is_sorted(), "{places:?}: {ratios}");
    }
    assert!(text.contains("All 4 intervals hold together"), "{text}");
    report.contenders.truncate(3);
    let said = terminal::render(&Findings::of(&report), Style { color: false, width: 100 });
    assert!(!said.contains("hold together"), "{said}");
}
