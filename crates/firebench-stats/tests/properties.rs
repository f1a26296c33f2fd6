//! What must hold whatever was measured.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

use firebench_stats::boot::{self, Difference, Placed, values};
use firebench_stats::typical::Typical;
use firebench_stats::{
    Better, Error, Estimand, Ground, Interval, Judgement, Quantity, Result, Rule, Scale, Sentence, Standing, Verdict,
    interval, quantile, raw, unpaired, verdict,
};
use proptest::prelude::*;

/// Boots of a contender: each its iterations, in seconds.
type Boots = Vec<Vec<f64>>;

const ALPHA: f64 = 0.05;

/// Two contenders with as many boots, of three iterations.
fn pair() -> impl Strategy<Value = (Boots, Boots)> {
    let boot = || prop::collection::vec(1e-3..1e3_f64, 3);
    (10..30_usize)
        .prop_flat_map(move |blocks| (prop::collection::vec(boot(), blocks), prop::collection::vec(boot(), blocks)))
}

/// In even blocks the baseline boots first.
fn differences(contender: &Boots, baseline: &Boots) -> Result<Vec<Difference>> {
    let placed = |boots: &Boots, parity: usize| {
        let place = |block: usize| ((block + parity) % 2) as u32;
        let boot =
            |(block, boot): (usize, &Vec<f64>)| Ok(Placed { value: boot::log_mean(boot, 1)?, place: place(block) });
        boots.iter().enumerate().map(boot).collect::<Result<Vec<Placed>>>()
    };
    // Whoever is the baseline by name, the same one boots first.
    let first = usize::from(contender.concat() < baseline.concat());
    boot::differences(&placed(contender, 1 - first)?, &placed(baseline, first)?)
}

/// Every kind of interval there is.
fn intervals(differences: &[Difference]) -> Result<Vec<Interval>> {
    let all = values(differences);
    let mut intervals = vec![interval::student(&all, ALPHA, 2)?, interval::band(&all, ALPHA, 2)?];
    for estimand in [Estimand::Typical, Estimand::Mean] {
        for (rule, missing) in [(Rule::Precision, 0), (Rule::Fixed, 1), (Rule::BandAlone, 0)] {
            let ground = Ground { missing, ..Ground::new(estimand, rule, 2) };
            intervals.extend([ground.last(differences)?, ground.live(differences)?]);
        }
    }
    Ok(intervals)
}

fn unplaced(values: &[f64]) -> Vec<Difference> {
    values.iter().map(|value| Difference { value: *value, later: 0.0, baseline: 0.0 }).collect()
}

fn judgements(differences: &[Difference]) -> Result<Vec<Judgement>> {
    intervals(differences)?.into_iter().map(|interval| verdict::judge(interval, Scale::Ratio, 0.01)).collect()
}

fn close(left: f64, right: f64) -> bool {
    left == right || (left - right).abs() <= 1e-9 * (1.0 + left.abs().max(right.abs()))
}

fn opposite(verdict: Verdict) -> Verdict {
    match verdict {
        Verdict::Lower => Verdict::Higher,
        Verdict::Higher => Verdict::Lower,
        same => same,
    }
}

/// A verdict on something of which less or more is better, in words.
fn said(judgement: &Judgement, better: Better) -> String {
    let quantity = Quantity::Amount(better);
    Sentence { contender: "b", baseline: "a", metric: "m", unit: "u", quantity, judgement }.to_string()
}

proptest! {
    /// Which values are better says who is better, and nothing else: the numbers, and what of them is said, stay.
    #[test]
    fn swapping_the_direction_swaps_who_is_better_and_no_number(
        differences in prop::collection::vec(-1.0..1.0_f64, 10..40),
        shift in -1.0..1.0_f64,
        is_raw in any::<bool>(),
    ) {
        let differences = unplaced(&differences.iter().map(|difference| difference + shift).collect::<Vec<f64>>());
        let scale = if is_raw { Scale::Raw } else { Scale::Ratio };
        for interval in intervals(&differences)? {
            let judged = verdict::judge(interval, scale, 0.01)?;
            let [less, more] = [Better::Less, Better::More].map(|better| judged.verdict.standing(better));
            let other = less.map(|standing| match standing {
                Standing::Better => Standing::Worse,
                Standing::Worse => Standing::Better,
            });
            prop_assert_eq!(more, other);
            prop_assert_eq!(less.is_some(), matches!(judged.verdict, Verdict::Lower | Verdict::Higher));
            let [less, more] = [Better::Less, Better::More].map(|better| said(&judged, better));
            let swapped = match less.contains("which is better") {
                true => less.replace("which is better", "which is worse"),
                false => less.replace("which is worse", "which is better"),
            };
            prop_assert_eq!(swapped, more);
        }
    }

    #[test]
    fn swapping_the_contenders_swaps_the_sign((contender, baseline) in pair()) {
        let there = judgements(&differences(&contender, &baseline)?)?;
        let back = judgements(&differences(&baseline, &contender)?)?;
        for (there, back) in there.iter().zip(&back) {
            prop_assert!(close(there.interval.centre, -back.interval.centre));
            prop_assert!(close(there.interval.low, -back.interval.high) && close(there.interval.high, -back.interval.low));
            prop_assert_eq!(there.verdict, opposite(back.verdict));
            let (there, back) = (there.ratio().expect("ratios"), back.ratio().expect("ratios"));
            prop_assert!(close(there.estimate.ln(), -back.estimate.ln()));
            prop_assert!(close(there.low.ln(), -back.high.ln()));
        }
    }

    /// Shifting one side moves the interval, scaling both scales it, swapping them turns it round.
    #[test]
    fn contenders_that_ran_apart_are_treated_alike(
        contender in prop::collection::vec(-1.0..1.0_f64, 2..30),
        baseline in prop::collection::vec(-1.0..1.0_f64, 2..30),
        shift in -5.0..5.0_f64,
        factor in 1e-3..1e3_f64,
    ) {
        let interval = unpaired::welch(&contender, &baseline, ALPHA, 2)?;
        let swapped = unpaired::welch(&baseline, &contender, ALPHA, 2)?;
        prop_assert!(close(swapped.centre, -interval.centre) && close(swapped.half_width(), interval.half_width()));
        let moved: Vec<f64> = contender.iter().map(|value| value + shift).collect();
        let moved = unpaired::welch(&moved, &baseline, ALPHA, 2)?;
        prop_assert!(close(moved.centre, interval.centre + shift) && close(moved.half_width(), interval.half_width()));
        let [one, other] = [&contender, &baseline].map(|side| side.iter().map(|x| x * factor).collect::<Vec<f64>>());
        let scaled = unpaired::welch(&one, &other, ALPHA, 2)?;
        prop_assert!(close(scaled.centre, interval.centre * factor));
        prop_assert!(close(scaled.half_width(), interval.half_width() * factor));
    }

    /// Of two runs, the unit of time cancels in the logarithms.
    #[test]
    fn the_unit_of_time_cancels_between_runs((contender, baseline) in pair(), factor in 1e-6..1e6_f64) {
        let means = |boots: &Boots, factor: f64| -> Result<Vec<f64>> {
            let scaled = |boot: &Vec<f64>| boot.iter().map(|seconds| seconds * factor).collect::<Vec<f64>>();
            boots.iter().map(|boot| boot::log_mean(&scaled(boot), 1)).collect()
        };
        let before = unpaired::welch(&means(&contender, 1.0)?, &means(&baseline, 1.0)?, ALPHA, 1)?;
        let after = unpaired::welch(&means(&contender, factor)?, &means(&baseline, factor)?, ALPHA, 1)?;
        prop_assert!(close(before.centre, after.centre) && close(before.half_width(), after.half_width()));
    }

    #[test]
    fn the_unit_of_time_changes_changes_nothing((contender, baseline) in pair(), factor in 1e-6..1e6_f64) {
        let scaled = |boots: &Boots| -> Boots {
            boots.iter().map(|boot| boot.iter().map(|seconds| seconds * factor).collect()).collect()
        };
        let before = intervals(&differences(&contender, &baseline)?)?;
        let after = intervals(&differences(&scaled(&contender), &scaled(&baseline))?)?;
        for (before, after) in before.iter().zip(&after) {
            prop_assert!(close(before.centre, after.centre));
            prop_assert!(close(before.half_width(), after.half_width()));
        }
    }

    #[test]
    fn the_order_of_the_blocks_changes_nothing(
        (shuffled, ordered) in prop::collection::vec((-1.0..1.0_f64, -2..=2_i32), 2..40)
            .prop_flat_map(|ordered| (Just(ordered.clone()).prop_shuffle(), Just(ordered)))
    ) {
        let of = |all: Vec<(f64, i32)>| {
            let difference = |(value, later): (f64, i32)| Difference { value, later: f64::from(later), baseline: 0.0 };
            all.into_iter().map(difference).collect::<Vec<Difference>>()
        };
        for (shuffled, ordered) in intervals(&of(shuffled))?.iter().zip(&intervals(&of(ordered))?) {
            prop_assert!(close(shuffled.centre, ordered.centre));
            prop_assert!(close(shuffled.low, ordered.low) && close(shuffled.high, ordered.high));
        }
    }

    #[test]
    fn damaged_values_are_errors(
        mut values in prop::collection::vec(0.1..10.0_f64, 2..20),
        position in any::<prop::sample::Index>(),
        damage in prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]),
    ) {
        let position = position.index(values.len());
        let whole = values.clone();
        values[position] = damage;
        let refused = |result: Option<Error>| matches!(result, Some(Error::NotFinite { position: at, .. }) if at == position);
        prop_assert!(refused(boot::log_mean(&values, 0).err()));
        prop_assert!(refused(raw::mean(&values, 0).err()));
        let placed = |values: &[f64]| values.iter().map(|value| Placed { value: *value, place: 0 }).collect::<Vec<_>>();
        prop_assert!(refused(boot::differences(&placed(&values), &placed(&whole)).err()));
        prop_assert!(refused(boot::differences(&placed(&whole), &placed(&values)).err()));
        prop_assert!(refused(Typical::of(&unplaced(&values), 1.0).err()));
        for estimand in [Estimand::Typical, Estimand::Mean] {
            let ground = Ground::new(estimand, Rule::Precision, 1);
            prop_assert!(refused(ground.last(&unplaced(&values)).err()));
            prop_assert!(refused(ground.live(&unplaced(&values)).err()));
        }
        prop_assert!(refused(interval::student(&values, ALPHA, 1).err()));
        prop_assert!(refused(interval::band(&values, ALPHA, 1).err()));
        prop_assert!(refused(unpaired::welch(&values, &whole, ALPHA, 1).err()));
        prop_assert!(refused(unpaired::welch(&whole, &values, ALPHA, 1).err()));
    }

    #[test]
    fn the_band_is_wider_than_students_interval(differences in prop::collection::vec(-1.0..1.0_f64, 2..400)) {
        let (student, band) = (interval::student(&differences, ALPHA, 1)?, interval::band(&differences, ALPHA, 1)?);
        prop_assert!(band.half_width() > student.half_width());
    }

    #[test]
    fn raw_and_log_means_agree_where_nothing_varies(seconds in 1e-3..1e3_f64, warm_up in 0..3_usize) {
        let iterations = [seconds; 3];
        match warm_up {
            3.. => prop_assert!(raw::mean(&iterations, warm_up).is_err()),
            _ => prop_assert!(close(raw::mean(&iterations, warm_up)?.ln(), boot::log_mean(&iterations, warm_up)?)),
        }
    }
}

#[test]
fn missing_values_are_errors() {
    let empty = |what| Some(Error::Empty { what });
    assert_eq!(boot::log_mean(&[], 0).err(), empty("iterations after the warm-up"));
    assert_eq!(boot::log_mean(&[1.0, 2.0], 2).err(), empty("iterations after the warm-up"));
    assert_eq!(boot::log_mean(&[1.0, 2.0], 9).err(), empty("iterations after the warm-up"));
    assert_eq!(raw::mean(&[], 0).err(), empty("iterations after the warm-up"));
    assert_eq!(boot::differences(&[], &[]).err(), empty("boots"));
    assert_eq!(interval::student(&[], ALPHA, 1).err(), empty("block differences"));
    assert_eq!(interval::band(&[], ALPHA, 1).err(), empty("block differences"));
    assert_eq!(interval::student(&[1.0, 2.0], ALPHA, 0).err(), empty("comparisons"));
    assert_eq!(unpaired::welch(&[1.0, 2.0], &[1.0, 2.0], ALPHA, 0).err(), empty("comparisons"));
    assert_eq!(unpaired::welch(&[], &[1.0, 2.0], ALPHA, 1).err(), empty("boots"));
    assert_eq!(unpaired::welch(&[1.0, 2.0], &[], ALPHA, 1).err(), empty("boots"));
    let lone = Some(Error::TooFew { what: "boots", count: 1, needed: 2 });
    assert_eq!(unpaired::welch(&[1.0], &[1.0, 2.0], ALPHA, 1).err(), lone);
    assert_eq!(unpaired::welch(&[1.0, 2.0], &[1.0], ALPHA, 1).err(), lone);
    let few = |count, needed| Some(Error::TooFew { what: "blocks", count, needed });
    assert_eq!(interval::student(&[1.0], ALPHA, 1).err(), few(1, 2));
    assert_eq!(interval::band(&[1.0], ALPHA, 1).err(), few(1, 2));
}

#[test]
fn what_does_not_fit_is_an_error() {
    assert_eq!(boot::log_mean(&[9.0, 1.0, 0.0], 1), Err(Error::NotPositive { position: 1, value: 0.0 }));
    assert_eq!(boot::log_mean(&[-1.0], 0), Err(Error::NotPositive { position: 0, value: -1.0 }));
    assert_eq!(raw::mean(&[9.0, 1.0, 0.0], 1), Ok(0.5));
    let placed = Placed { value: 1.0, place: 0 };
    assert!(matches!(boot::differences(&[placed], &[placed; 2]), Err(Error::Unpaired { left: 1, right: 2, .. })));
    let huge = [f64::MAX, -f64::MAX, f64::MAX];
    assert!(matches!(interval::student(&huge, ALPHA, 1), Err(Error::TooLarge { .. })));
    for level in [0.0, 1.0, -0.1, f64::NAN] {
        assert!(matches!(interval::student(&[1.0, 2.0], level, 1), Err(Error::BadLevel { .. })), "{level}");
        assert!(matches!(unpaired::welch(&[1.0, 2.0], &[1.0, 2.0], level, 1), Err(Error::BadLevel { .. })), "{level}");
        assert!(matches!(interval::band(&[1.0, 2.0], level, 1), Err(Error::BadLevel { .. })), "{level}");
    }
}

#[test]
fn values_without_spread_are_exact() {
    let same = [0.25; 12];
    for interval in intervals(&unplaced(&same)).expect("intervals") {
        // Where of so few blocks one is missing, ranks have nothing to say.
        assert!(interval.half_width() == 0.0 || interval.half_width() == f64::INFINITY, "{interval:?}");
        assert_eq!(interval.centre, 0.25);
    }
    assert_eq!(interval::band(&same[..3], ALPHA, 1).expect("a band").half_width(), f64::INFINITY);
    let apart = unpaired::welch(&same, &[0.5; 3], ALPHA, 1).expect("an interval");
    assert_eq!((apart.centre, apart.half_width()), (-0.25, 0.0));
}

#[test]
fn degrees_of_freedom_begin_with_one() {
    for df in [0.0, 0.99, -3.0, f64::NAN] {
        let refused = quantile::student_upper(0.1, df);
        assert!(matches!(refused, Err(Error::TooFew { what: "degrees of freedom", .. })), "{df}");
    }
    assert!(quantile::student_upper(0.1, f64::INFINITY).is_ok_and(|z| (z - 1.281_551_565_544_6).abs() < 1e-9));
}
