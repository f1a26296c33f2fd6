//! What must hold whatever was measured.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

use firebench_stats::{
    Better, Error, Interval, Judgement, Quantity, Result, Rule, Scale, Sentence, Standing, Verdict, boot, interval,
    quantile, raw, stein, unpaired, verdict,
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

fn differences(contender: &Boots, baseline: &Boots) -> Result<Vec<f64>> {
    let means = |boots: &Boots| boots.iter().map(|boot| boot::log_mean(boot, 1)).collect::<Result<Vec<f64>>>();
    boot::differences(&means(contender)?, &means(baseline)?)
}

/// Every kind of interval there is.
fn intervals(differences: &[f64]) -> Result<Vec<Interval>> {
    Ok(vec![
        interval::fixed(differences, ALPHA, 2)?,
        interval::band(differences, ALPHA, 2)?,
        stein::interval(differences, stein::PILOT, ALPHA, 2)?,
        Rule::TwoStage.last(differences, Some(differences.len()), 2)?,
    ])
}

fn judgements(differences: &[f64]) -> Result<Vec<Judgement>> {
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
        let differences: Vec<f64> = differences.iter().map(|difference| difference + shift).collect();
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
            prop_assert!(close(there.interval.half_width, back.interval.half_width));
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
        let least = contender.len().min(baseline.len()) - 1;
        let most = contender.len() + baseline.len() - 2;
        prop_assert!(least as f64 <= interval.df && interval.df <= most as f64 * (1.0 + 1e-12), "{:?}", interval);
        let swapped = unpaired::welch(&baseline, &contender, ALPHA, 2)?;
        prop_assert!(close(swapped.centre, -interval.centre) && close(swapped.half_width, interval.half_width));
        prop_assert!(close(swapped.df, interval.df));
        let moved: Vec<f64> = contender.iter().map(|value| value + shift).collect();
        let moved = unpaired::welch(&moved, &baseline, ALPHA, 2)?;
        prop_assert!(close(moved.centre, interval.centre + shift) && close(moved.half_width, interval.half_width));
        let [one, other] = [&contender, &baseline].map(|side| side.iter().map(|x| x * factor).collect::<Vec<f64>>());
        let scaled = unpaired::welch(&one, &other, ALPHA, 2)?;
        prop_assert!(close(scaled.centre, interval.centre * factor));
        prop_assert!(close(scaled.half_width, interval.half_width * factor));
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
        prop_assert!(close(before.centre, after.centre) && close(before.half_width, after.half_width));
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
            prop_assert!(close(before.half_width, after.half_width));
        }
    }

    #[test]
    fn the_order_of_the_blocks_changes_nothing(
        (shuffled, ordered) in prop::collection::vec(-1.0..1.0_f64, 2..40)
            .prop_flat_map(|ordered| (Just(ordered.clone()).prop_shuffle(), Just(ordered)))
    ) {
        for of in [interval::fixed, interval::band] {
            let (shuffled, ordered) = (of(&shuffled, ALPHA, 2)?, of(&ordered, ALPHA, 2)?);
            prop_assert!(close(shuffled.centre, ordered.centre));
            prop_assert!(close(shuffled.half_width, ordered.half_width));
        }
        let h = 0.1;
        let (shuffled, ordered) = (stein::size(&[shuffled], h, ALPHA)?, stein::size(&[ordered], h, ALPHA)?);
        // Rounding may tip a size that is all but whole.
        prop_assert!(shuffled.abs_diff(ordered) <= 1);
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
        prop_assert!(refused(boot::differences(&values, &whole).err()));
        prop_assert!(refused(boot::differences(&whole, &values).err()));
        prop_assert!(refused(interval::fixed(&values, ALPHA, 1).err()));
        prop_assert!(refused(interval::band(&values, ALPHA, 1).err()));
        prop_assert!(refused(unpaired::welch(&values, &whole, ALPHA, 1).err()));
        prop_assert!(refused(unpaired::welch(&whole, &values, ALPHA, 1).err()));
        prop_assert!(refused(stein::size(&[&values], 0.01, ALPHA).err()));
        prop_assert!(refused(stein::interval(&values, values.len(), ALPHA, 1).err()));
    }

    #[test]
    fn the_band_is_wider_than_the_fixed_interval(differences in prop::collection::vec(-1.0..1.0_f64, 2..400)) {
        let (fixed, band) = (interval::fixed(&differences, ALPHA, 1)?, interval::band(&differences, ALPHA, 1)?);
        prop_assert!(band.half_width > fixed.half_width);
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
    assert_eq!(interval::fixed(&[], ALPHA, 1).err(), empty("block differences"));
    assert_eq!(interval::band(&[], ALPHA, 1).err(), empty("block differences"));
    assert_eq!(stein::size::<Vec<f64>>(&[], 0.01, ALPHA).err(), empty("comparisons"));
    assert_eq!(interval::fixed(&[1.0, 2.0], ALPHA, 0).err(), empty("comparisons"));
    assert_eq!(unpaired::welch(&[1.0, 2.0], &[1.0, 2.0], ALPHA, 0).err(), empty("comparisons"));
    assert_eq!(unpaired::welch(&[], &[1.0, 2.0], ALPHA, 1).err(), empty("boots"));
    assert_eq!(unpaired::welch(&[1.0, 2.0], &[], ALPHA, 1).err(), empty("boots"));
    let lone = Some(Error::TooFew { what: "boots", count: 1, needed: 2 });
    assert_eq!(unpaired::welch(&[1.0], &[1.0, 2.0], ALPHA, 1).err(), lone);
    assert_eq!(unpaired::welch(&[1.0, 2.0], &[1.0], ALPHA, 1).err(), lone);
    let few = |count, needed| Some(Error::TooFew { what: "blocks", count, needed });
    assert_eq!(interval::fixed(&[1.0], ALPHA, 1).err(), few(1, 2));
    assert_eq!(interval::band(&[1.0], ALPHA, 1).err(), few(1, 2));
    assert_eq!(stein::size(&[[1.0]], 0.01, ALPHA).err(), few(1, 2));
    assert_eq!(stein::interval(&[1.0, 2.0], 10, ALPHA, 1).err(), few(2, 10));
}

#[test]
fn what_does_not_fit_is_an_error() {
    assert_eq!(boot::log_mean(&[9.0, 1.0, 0.0], 1), Err(Error::NotPositive { position: 1, value: 0.0 }));
    assert_eq!(boot::log_mean(&[-1.0], 0), Err(Error::NotPositive { position: 0, value: -1.0 }));
    assert_eq!(raw::mean(&[9.0, 1.0, 0.0], 1), Ok(0.5));
    assert!(matches!(boot::differences(&[1.0], &[1.0, 2.0]), Err(Error::Unpaired { left: 1, right: 2, .. })));
    assert!(matches!(stein::size(&[vec![1.0, 2.0], vec![1.0, 2.0, 3.0]], 0.01, ALPHA), Err(Error::Unpaired { .. })));
    let huge = [f64::MAX, -f64::MAX, f64::MAX];
    assert!(matches!(interval::fixed(&huge, ALPHA, 1), Err(Error::TooLarge { .. })));
    for level in [0.0, 1.0, -0.1, f64::NAN] {
        assert!(matches!(interval::fixed(&[1.0, 2.0], level, 1), Err(Error::BadLevel { .. })), "{level}");
        assert!(matches!(unpaired::welch(&[1.0, 2.0], &[1.0, 2.0], level, 1), Err(Error::BadLevel { .. })), "{level}");
        assert!(matches!(interval::band(&[1.0, 2.0], level, 1), Err(Error::BadLevel { .. })), "{level}");
        assert!(matches!(stein::size(&[[1.0, 2.0]], 0.1, level), Err(Error::BadLevel { .. })), "{level}");
    }
    for precision in [0.0, -0.1, f64::NAN, f64::INFINITY] {
        assert!(matches!(stein::log_half_width(precision), Err(Error::BadPrecision { .. })), "{precision}");
        assert!(matches!(stein::size(&[[1.0, 2.0]], precision, ALPHA), Err(Error::BadPrecision { .. })), "{precision}");
    }
}

#[test]
fn values_without_spread_are_exact() {
    let same = [0.25; 12];
    assert_eq!(stein::size(&[same], 0.01, ALPHA), Ok(12));
    for interval in intervals(&same).expect("intervals") {
        assert_eq!((interval.centre, interval.half_width), (0.25, 0.0));
    }
    assert_eq!(interval::band(&same[..3], ALPHA, 1).expect("a band").half_width, f64::INFINITY);
    let apart = unpaired::welch(&same, &[0.5; 3], ALPHA, 1).expect("an interval");
    assert_eq!((apart.centre, apart.half_width), (-0.25, 0.0));
}

#[test]
fn degrees_of_freedom_begin_with_one() {
    for df in [0.0, 0.99, -3.0, f64::NAN] {
        let refused = quantile::student_upper(0.1, df);
        assert!(matches!(refused, Err(Error::TooFew { what: "degrees of freedom", .. })), "{df}");
    }
    assert!(quantile::student_upper(0.1, f64::INFINITY).is_ok_and(|z| (z - 1.281_551_565_544_6).abs() < 1e-9));
}
