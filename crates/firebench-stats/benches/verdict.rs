//! A verdict over a million samples, from iterations to the sentence: it must take less than 200 ms. And a run's schedule,
//! whose cost must grow with the number of blocks and not with its square.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a benchmark may panic")]

use divan::Bencher;
use firebench_stats::design::{Boot, Next, Schedule, Settings, Size};
use firebench_stats::{Quantity, Rule, Scale, Sentence, boot, interval, stein, verdict};

/// Two contenders, 50,000 blocks, ten iterations a boot.
const BLOCKS: usize = 50_000;
const ITERATIONS: usize = 10;

fn main() {
    divan::main();
}

/// Times around `seconds`, spread by a few percent, without a generator: an irrational rotation.
fn contender(seconds: f64) -> Vec<Vec<f64>> {
    let boot = |boot: usize| {
        let place = |iteration: usize| ((boot * ITERATIONS + iteration) as f64 * 0.618_033_988_75).fract();
        (0..ITERATIONS).map(|iteration| seconds * (1.0 + 0.03 * place(iteration))).collect()
    };
    (0..BLOCKS).map(boot).collect()
}

fn block_differences(contender: &[Vec<f64>], baseline: &[Vec<f64>]) -> firebench_stats::Result<Vec<f64>> {
    let means = |boots: &[Vec<f64>]| boots.iter().map(|boot| boot::log_mean(boot, 1)).collect::<Result<Vec<f64>, _>>();
    boot::differences(&means(contender)?, &means(baseline)?)
}

#[divan::bench(sample_count = 20)]
fn million_samples(bencher: Bencher) {
    let (contender, baseline) = (contender(1.02), contender(1.0));
    bencher.bench(|| {
        let differences = block_differences(&contender, &baseline)?;
        let interval = Rule::TwoStage.last(&differences, Some(BLOCKS), 1)?;
        let judgement = verdict::judge(interval, Scale::Ratio, 0.01)?;
        let sentence = Sentence {
            contender: "b",
            baseline: "a",
            metric: "real",
            unit: "s",
            quantity: Quantity::Time,
            judgement: &judgement,
        };
        Ok::<_, firebench_stats::Error>(sentence.to_string())
    });
}

/// The worst case of the live display: a million blocks, one sample each.
#[divan::bench(sample_count = 20)]
fn band_over_a_million_blocks(bencher: Bencher) {
    let differences: Vec<f64> = contender(1.0).concat();
    bencher.bench(|| interval::band(&differences, 0.01, 1));
}

/// Stein's size, as after every pilot.
#[divan::bench]
fn stein_size(bencher: Bencher) {
    let pilots = [0.01, 0.02].map(|seconds| contender(seconds)[0].clone());
    bencher.bench(|| stein::size(&pilots, 0.01, 0.04));
}

/// Whole runs, each boot recorded and all that is live judged after every block.
#[divan::bench(args = [1_000, 10_000], sample_count = 10)]
fn schedule(bencher: Bencher, blocks: u32) {
    let settings = Settings {
        contenders: 2,
        seed: 1,
        size: Size::Blocks(blocks),
        iterations: Some(10),
        warm_up: None,
        delta: 0.02,
        strict: false,
        stop_on_verdict: false,
    };
    let [baseline, other] = [contender(1.0), contender(1.0)];
    bencher.bench(|| {
        let mut schedule = Schedule::new(settings.clone())?;
        while let Next::Boot(turn) = schedule.next() {
            let boots = if turn.contender == 0 { &baseline } else { &other };
            schedule.record(Boot { iterations: boots[turn.block as usize].clone(), seconds: 20.0 })?;
        }
        Ok::<_, firebench_stats::Error>(schedule.last())
    });
}
