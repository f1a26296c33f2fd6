//! A verdict over a million samples, from iterations to the sentence: it must take less than 200 ms. And a run's schedule: what a
//! block of it costs must be nothing beside a boot.
#![allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "a benchmark may panic")]

use divan::Bencher;
use firebench_stats::boot::{self, Difference, Placed};
use firebench_stats::design::{Boot, Next, Schedule, Settings, Size};
use firebench_stats::typical::Typical;
use firebench_stats::{Estimand, Ground, Quantity, Rule, Scale, Sentence, interval, verdict};

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

/// Who boots first changes from block to block.
fn block_differences(contender: &[Vec<f64>], baseline: &[Vec<f64>]) -> firebench_stats::Result<Vec<Difference>> {
    let placed = |boots: &[Vec<f64>], parity: usize| {
        let boot = |(block, boot): (usize, &Vec<f64>)| {
            Ok(Placed { value: boot::log_mean(boot, 1)?, place: ((block + parity) % 2) as u32 })
        };
        boots.iter().enumerate().map(boot).collect::<firebench_stats::Result<Vec<Placed>>>()
    };
    boot::differences(&placed(contender, 1)?, &placed(baseline, 0)?)
}

#[divan::bench(sample_count = 20)]
fn million_samples(bencher: Bencher) {
    let (contender, baseline) = (contender(1.02), contender(1.0));
    bencher.bench(|| {
        let differences = block_differences(&contender, &baseline)?;
        let interval = Ground::new(Estimand::Typical, Rule::Precision, 1).last(&differences)?;
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

/// One estimate with its interval, without the means: what a schedule computes after every block.
#[divan::bench(args = [100, 10_000])]
fn typical(bencher: Bencher, blocks: usize) {
    let differences = block_differences(&contender(1.02), &contender(1.0)).map(|all| all[..blocks].to_vec());
    bencher.bench(|| Typical::of(differences.as_deref().unwrap_or_default(), 1.0)?.interval(0, 0.03, 1));
}

/// Whole runs, each boot recorded and all that is live judged after every block: the cost of a block grows with the blocks before it,
/// whose order it changes.
#[divan::bench(args = [100, 1_000], sample_count = 10)]
fn schedule(bencher: Bencher, blocks: u32) {
    let settings = Settings {
        contenders: 2,
        estimand: Estimand::Typical,
        seed: 1,
        size: Size::Blocks(blocks),
        iterations: Some(10),
        warm_up: None,
        delta: 0.02,
        strict: false,
        stop_on_verdict: false,
        throw_away: false,
        duet: false,
    };
    let [baseline, other] = [contender(1.0), contender(1.0)];
    bencher.bench(|| {
        let mut schedule = Schedule::new(settings.clone())?;
        while let Next::Boot(turn) = schedule.next() {
            let boots = if turn.contender == 0 { &baseline } else { &other };
            schedule.record(Boot::new(boots[turn.block as usize].clone(), 20.0))?;
        }
        Ok::<_, firebench_stats::Error>(schedule.last())
    });
}
