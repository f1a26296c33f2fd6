//! The shapes of noise, and of what contenders do to each other.

use serde::Serialize;

use crate::random::Random;

/// How boots vary, in ln(t). Where nothing else is said, the standard deviation is the same in all shapes, and the middle is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// Normal.
    Gaussian,
    /// Student's t with 3 degrees of freedom.
    HeavyTail,
    /// Normal, and every boot slower than the one before by a tenth of the standard deviation.
    Drift,
    /// Normal, each boot correlated with the one before it in time, by 0.5.
    Autocorrelation,
    /// Normal, with a standard deviation that doubles after ten blocks.
    Growth,
    /// Lognormal (sigma 1, skewness 6.2) for the last contender, normal for the others.
    Skewed,
    /// Normal, and beside it a wave of twice the standard deviation whose period is 8/3 boots.
    Period,
    /// Normal, and of 50 boots one begins a burst of six that are slower by 20 standard deviations.
    Burst,
    /// Normal, and every boot that is not the first of its block slower by three standard deviations.
    Place,
    /// Normal, and every tenth boot of the last contender, by chance, in a mode that is 30% slower.
    Slow,
    /// Normal, and the last contender's iterations slower by 10% at first, which wears off with a time of 6 iterations.
    Warm,
    /// Normal, and whoever boots right after the last contender slower by five standard deviations.
    Carry,
    /// As [`Carry`](Shape::Carry), by one standard deviation.
    Trace,
    /// Normal, and those boots of the last contender void that are faster than usual by a standard deviation or more.
    Void,
    /// Normal, and each run deviates as much again, with all of its boots: of runs apart only.
    Bias,
}

impl Shape {
    /// All of those that one run can have.
    pub const ALL: [Shape; 14] = [
        Shape::Gaussian,
        Shape::HeavyTail,
        Shape::Drift,
        Shape::Autocorrelation,
        Shape::Growth,
        Shape::Skewed,
        Shape::Period,
        Shape::Burst,
        Shape::Place,
        Shape::Slow,
        Shape::Warm,
        Shape::Carry,
        Shape::Trace,
        Shape::Void,
    ];

    /// The name in tables, the same as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Gaussian => "gaussian",
            Shape::HeavyTail => "heavy_tail",
            Shape::Drift => "drift",
            Shape::Autocorrelation => "autocorrelation",
            Shape::Growth => "growth",
            Shape::Skewed => "skewed",
            Shape::Period => "period",
            Shape::Burst => "burst",
            Shape::Place => "place",
            Shape::Slow => "slow",
            Shape::Warm => "warm",
            Shape::Carry => "carry",
            Shape::Trace => "trace",
            Shape::Void => "void",
            Shape::Bias => "bias",
        }
    }
}

/// Drift from boot to boot, in standard deviations.
const DRIFT: f64 = 0.1;
/// Correlation of a boot with the one before.
const CORRELATION: f64 = 0.5;
/// What the standard deviation is multiplied by.
const GROWTH: f64 = 2.0;
/// Blocks after which it grows.
const GROWS_AFTER: u32 = 10;
/// Where the middle of the differences between a skewed contender and a normal one lies, in standard deviations.
const SKEWED_MIDDLE: f64 = -0.0744;
/// Height of the wave, in standard deviations, and boots to a period.
const WAVE: f64 = 2.0;
const PERIOD: f64 = 8.0 / 3.0;
/// The chance that a burst begins, the boots that it has, and what it costs, in standard deviations.
const BURST: f64 = 0.02;
const BURST_BOOTS: usize = 6;
const BURST_COST: f64 = 20.0;
/// What it costs not to be the first of a block, in standard deviations.
const PLACE: f64 = 3.0;
/// The share of boots in a slow mode, and by how much it is slower, in ln(t).
const SLOW: f64 = 0.1;
const SLOW_COST: f64 = 0.262_364_264_467_491;
/// What it costs to follow the last contender, in standard deviations.
const CARRY: f64 = 5.0;
const TRACE: f64 = 1.0;
/// How fast a boot must be to be void, in standard deviations.
const VOID: f64 = -1.0;

/// What a machine does to boot after boot.
pub(super) struct Noise {
    shape: Shape,
    /// Boots so far.
    boots: usize,
    last: Option<f64>,
    /// Boots of a burst that are still to come.
    burst: usize,
    phase: f64,
    /// Whether the boot before was the last contender's.
    after_odd: bool,
}

/// A boot to come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// Whether it is the contender that differs from the others.
    pub odd: bool,
    /// Its block, and its place in it.
    pub block: u32,
    pub place: u32,
}

/// What becomes of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deviation {
    /// In standard deviations.
    pub deviations: f64,
    /// In ln(t), beside that.
    pub shift: f64,
    pub is_void: bool,
}

impl Noise {
    pub fn new(shape: Shape, random: &mut Random) -> Noise {
        let phase = std::f64::consts::TAU * random.unit();
        Noise { shape, boots: 0, last: None, burst: 0, phase, after_odd: false }
    }

    /// The next boot.
    pub fn next(&mut self, turn: Turn, random: &mut Random) -> Deviation {
        let normal = random.normal();
        let boots = self.boots as f64;
        self.boots += 1;
        let after_odd = std::mem::replace(&mut self.after_odd, turn.odd);
        let (mut shift, mut is_void) = (0.0, false);
        let cost = |cost: f64, is_due: bool| if is_due { cost } else { 0.0 };
        let deviations = match self.shape {
            Shape::HeavyTail => {
                let squares: f64 = (0..3).map(|_| random.normal().powi(2)).sum();
                // The variance of t with 3 degrees of freedom is 3.
                normal / (squares / 3.0).sqrt() / 3.0_f64.sqrt()
            }
            Shape::Drift => normal + DRIFT * boots,
            Shape::Autocorrelation => {
                let value = match self.last {
                    Some(last) => CORRELATION * last + (1.0 - CORRELATION.powi(2)).sqrt() * normal,
                    None => normal,
                };
                self.last = Some(value);
                value
            }
            Shape::Growth if turn.block >= GROWS_AFTER => GROWTH * normal,
            Shape::Skewed if turn.odd => {
                let e = std::f64::consts::E;
                (normal.exp() - e.sqrt()) / ((e - 1.0) * e).sqrt() - SKEWED_MIDDLE
            }
            Shape::Period => normal + WAVE * (std::f64::consts::TAU * boots / PERIOD + self.phase).cos(),
            Shape::Burst => {
                if self.burst == 0 && random.unit() < BURST {
                    self.burst = BURST_BOOTS;
                }
                let cost = cost(BURST_COST, self.burst > 0);
                self.burst = self.burst.saturating_sub(1);
                normal + cost
            }
            Shape::Place => normal + cost(PLACE, turn.place > 0),
            Shape::Slow => {
                shift = cost(SLOW_COST, turn.odd && random.unit() < SLOW);
                normal
            }
            Shape::Carry => normal + cost(CARRY, after_odd),
            Shape::Trace => normal + cost(TRACE, after_odd),
            Shape::Void => {
                is_void = turn.odd && normal < VOID;
                normal
            }
            Shape::Gaussian | Shape::Growth | Shape::Skewed | Shape::Warm | Shape::Bias => normal,
        };
        Deviation { deviations, shift, is_void }
    }
}

/// By how much the mean cost of the last contender is above that of the others, in ln(t), where its typical boot is like theirs and
/// boots deviate by `noise`.
pub(super) fn dearer(shape: Shape, noise: f64) -> f64 {
    match shape {
        Shape::Slow => (SLOW * SLOW_COST.exp_m1()).ln_1p(),
        // The deviation itself has mean zero before its middle is moved there.
        Shape::Skewed => -SKEWED_MIDDLE * noise,
        _ => 0.0,
    }
}

/// What iteration number `index` of a boot costs more than later ones, in ln(t).
pub(super) fn warmth(shape: Shape, odd: bool, index: u32) -> f64 {
    const COST: f64 = 0.1;
    const ITERATIONS: f64 = 6.0;
    if shape == Shape::Warm && odd { COST * (-f64::from(index) / ITERATIONS).exp() } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::median;

    const ODD: Turn = Turn { odd: true, block: 0, place: 0 };

    #[test]
    fn shapes_have_the_deviation_that_they_say() {
        for shape in [Shape::Gaussian, Shape::HeavyTail, Shape::Autocorrelation, Shape::Skewed] {
            let mut random = Random::new(5, 0);
            let mut noise = Noise::new(shape, &mut random);
            let values: Vec<f64> = (0..400_000).map(|_| noise.next(ODD, &mut random).deviations).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
            let deviation = (squares / values.len() as f64).sqrt();
            // The fourth moment of t with 3 degrees of freedom is infinite: its spread settles slowly.
            assert!((deviation - 1.0).abs() < 0.05, "{shape:?}: deviation {deviation}");
        }
    }

    #[test]
    fn a_skewed_contender_is_typically_as_fast_as_the_others() {
        let mut random = Random::new(6, 0);
        let mut noise = Noise::new(Shape::Skewed, &mut random);
        // With the noise of two iterations each.
        let mut difference = || noise.next(ODD, &mut random).deviations - 1.25_f64.sqrt() * random.normal();
        let differences: Vec<f64> = (0..400_000).map(|_| difference()).collect();
        let averages = differences.chunks_exact(2).map(|pair| (pair[0] + pair[1]) / 2.0);
        let middle = median(averages).expect("many");
        assert!(middle.abs() < 0.01, "{middle}");
    }
}
