//! What must hold of the typical difference and of the grounds of a run, whatever was measured.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

use firebench_stats::boot::{Difference, values};
use firebench_stats::typical::Typical;
use firebench_stats::{Error, Estimand, Ground, Interval, Method, Rule, interval, median};
use proptest::prelude::*;

const ALPHA: f64 = 0.03;

fn differences(blocks: impl Into<prop::collection::SizeRange>) -> impl Strategy<Value = Vec<Difference>> {
    let difference = (-1.0..1.0_f64, prop::sample::select(vec![-1.0, 1.0]));
    prop::collection::vec(difference.prop_map(|(value, later)| Difference { value, later, baseline: 0.0 }), blocks)
}

fn typical(differences: &[Difference], missing: usize) -> Interval {
    let typical = Typical::of(differences, 1.0).expect("finite differences");
    typical.interval(missing, ALPHA, 1).expect("an interval")
}

fn ground(estimand: Estimand, watched: bool, missing: usize) -> Ground {
    Ground { watched, missing, ..Ground::new(estimand, Rule::Precision, 2) }
}

fn grounds(missing: usize) -> Vec<Ground> {
    let of = |estimand| [false, true].map(|watched| ground(estimand, watched, missing));
    [Estimand::Typical, Estimand::Mean].into_iter().flat_map(of).collect()
}

fn map(differences: &[Difference], of: impl Fn(f64) -> f64) -> Vec<Difference> {
    differences.iter().map(|difference| Difference { value: of(difference.value), ..*difference }).collect()
}

fn close(left: f64, right: f64) -> bool {
    left == right || (left - right).abs() <= 1e-9 * (1.0 + left.abs().max(right.abs()))
}

fn alike(one: &Interval, other: &Interval) -> bool {
    close(one.centre, other.centre) && close(one.low, other.low) && close(one.high, other.high)
}

proptest! {
    #[test]
    fn shifting_shifts_and_scaling_scales(all in differences(2..40), shift in -2.0..2.0_f64, factor in 0.1..10.0_f64) {
        let before = typical(&all, 0);
        let moved = Interval { centre: before.centre + shift, low: before.low + shift, high: before.high + shift, ..before };
        prop_assert!(alike(&typical(&map(&all, |value| value + shift), 0), &moved));
        let scaled =
            Interval { centre: before.centre * factor, low: before.low * factor, high: before.high * factor, ..before };
        // What stands apart is a matter of the unit.
        let typical = Typical::of(&map(&all, |value| value * factor), factor)?;
        prop_assert!(alike(&typical.interval(0, ALPHA, 1)?, &scaled));
    }

    /// Who the baseline is is a name: the differences and the places turn round.
    #[test]
    fn swapping_the_contenders_mirrors_the_interval(all in differences(2..40), missing in 0..3_usize) {
        let turned = |difference: &Difference| Difference { value: -difference.value, later: -difference.later, baseline: 0.0 };
        let swapped: Vec<Difference> = all.iter().map(turned).collect();
        for ground in grounds(missing) {
            let (there, back) = (ground.last(&all)?, ground.last(&swapped)?);
            let mirrored = Interval { centre: -back.centre, low: -back.high, high: -back.low, ..back };
            prop_assert!(alike(&there, &mirrored));
        }
    }

    #[test]
    fn intervals_hold_their_centre(all in differences(2..40), missing in 0..3_usize, wild in -50.0..50.0_f64) {
        let with = [&all[..], &[Difference { value: wild, later: 1.0, baseline: 0.0 }]].concat();
        for ground in grounds(missing) {
            for interval in [ground.last(&with)?, ground.live(&with)?] {
                prop_assert!(interval.contains(interval.centre), "{:?}: {:?}", ground, interval);
            }
        }
    }

    #[test]
    fn missing_blocks_never_narrow_an_interval(all in differences(2..40)) {
        for with in grounds(0) {
            let intervals = (0..5).map(|missing| Ground { missing, ..with }.last(&all));
            let intervals = intervals.collect::<Result<Vec<Interval>, Error>>()?;
            // Below six blocks the interval is Student's, whose ends are not those of the ranks.
            let [none, some @ ..] = intervals.as_slice() else { unreachable!("there are five") };
            let is_wider = |more: &Interval, fewer: &Interval| more.low <= fewer.low && more.high >= fewer.high;
            for more in some {
                prop_assert!(is_wider(more, none), "{:?}", intervals);
                prop_assert_eq!(more.centre, none.centre);
            }
            // Each one makes ranks wider; Student's interval takes them for copies of what was seen, which is not the same.
            let by_ranks = with.estimand == Estimand::Typical;
            prop_assert!(!by_ranks || some.windows(2).all(|pair| is_wider(&pair[1], &pair[0])), "{:?}", intervals);
        }
    }

    /// Where no slope had to be taken out: what that costs is the end's alone. And where there are blocks enough for ranks.
    #[test]
    fn what_is_shown_on_the_way_is_wider_than_the_end(all in differences(9..40)) {
        let all: Vec<Difference> = all.iter().map(|difference| Difference { later: 0.0, ..*difference }).collect();
        for estimand in [Estimand::Typical, Estimand::Mean] {
            let ground = ground(estimand, false, 0);
            prop_assert!(ground.live(&all)?.half_width() >= ground.last(&all)?.half_width());
            let watched = Ground { watched: true, ..ground };
            prop_assert_eq!(watched.last(&all)?, ground.live(&all)?);
        }
    }

    /// The further out it lies, the more.
    #[test]
    fn wild_blocks_move_the_typical_less_than_the_mean(all in differences(8..40), wild in 20.0..1e6_f64) {
        let all: Vec<Difference> = all.iter().map(|difference| Difference { later: 0.0, ..*difference }).collect();
        let with = [&all[..], &[Difference { value: wild, later: 0.0, baseline: 0.0 }]].concat();
        let of_mean = |all: &[Difference]| interval::student(&values(all), ALPHA, 1).expect("an interval");
        let moved = |of: &dyn Fn(&[Difference]) -> Interval| (of(&with).centre - of(&all).centre).abs();
        prop_assert!(moved(&|all| typical(all, 0)) < moved(&of_mean));
        prop_assert!(typical(&with, 0).half_width() < of_mean(&with).half_width());
    }

    #[test]
    fn the_centre_lies_among_the_differences(all in differences(2..40)) {
        let all: Vec<Difference> = all.iter().map(|difference| Difference { later: 0.0, ..*difference }).collect();
        let centre = typical(&all, 0).centre;
        prop_assert!(values(&all).iter().any(|value| *value <= centre));
        prop_assert!(values(&all).iter().any(|value| *value >= centre));
    }

    /// No interval is narrower than what the coarseness of the figures alone may make.
    #[test]
    fn coarse_figures_have_wide_intervals(all in differences(2..40), grain in 0.0..2.0_f64) {
        for ground in grounds(0) {
            let ground = Ground { grain, ..ground };
            for interval in [ground.last(&all)?, ground.live(&all)?] {
                prop_assert!(interval.low <= interval.centre - grain && interval.high >= interval.centre + grain);
            }
        }
    }

    /// What came after the planned end does not speak, unless somebody watched.
    #[test]
    fn later_blocks_do_not_speak(all in differences(8..40)) {
        let planned = |watched| Ground { planned: Some(7), ..ground(Estimand::Typical, watched, 0) };
        prop_assert_eq!(planned(false).last(&all)?, ground(Estimand::Typical, false, 0).last(&all[..7])?);
        prop_assert_eq!(planned(true).last(&all)?, ground(Estimand::Typical, true, 0).last(&all)?);
    }
}

#[test]
fn no_blocks_and_one_are_errors() {
    let one = Difference { value: 0.1, later: 1.0, baseline: 0.0 };
    assert!(matches!(Typical::of(&[], 1.0), Err(Error::Empty { what: "block differences" })));
    assert!(matches!(Typical::of(&[one], 1.0), Err(Error::TooFew { what: "blocks", count: 1, needed: 2 })));
    for ground in grounds(0) {
        for of in [Ground::last, Ground::live] {
            assert!(matches!(of(&ground, &[]), Err(Error::Empty { .. })));
            assert!(matches!(of(&ground, &[one]), Err(Error::TooFew { count: 1, needed: 2, .. })));
            assert!(matches!(of(&Ground { comparisons: 0, ..ground }, &[one; 9]), Err(Error::Empty { .. })));
        }
    }
    let typical = Typical::of(&[one; 9], 1.0).expect("nine blocks");
    for level in [0.0, 1.0, -0.1, f64::NAN] {
        assert!(matches!(typical.interval(0, level, 1), Err(Error::BadLevel { .. })), "{level}");
    }
}

#[test]
fn methods_follow_from_what_was_decided_before() {
    let of = |estimand, watched, missing| Ground { comparisons: 1, ..ground(estimand, watched, missing) };
    assert_eq!(of(Estimand::Typical, false, 0).method(6), Method::SignedRank);
    assert_eq!(of(Estimand::Typical, false, 0).method(5), Method::Student);
    assert_eq!(of(Estimand::Typical, false, 1).method(5), Method::SignedRank);
    assert_eq!(of(Estimand::Mean, false, 0).method(60), Method::Student);
    assert_eq!(of(Estimand::Mean, true, 0).method(60), Method::AnytimeBand);
    let strict = Ground::new(Estimand::Typical, Rule::BandAlone, 1);
    assert_eq!(strict.method(60), Method::AnytimeBand);
}

#[test]
fn blocks_that_stand_apart_are_counted_and_not_ranked() {
    let near = (0..20).map(|block| Difference { value: 0.01 * f64::from(block % 5), later: 0.0, baseline: 0.0 });
    let near: Vec<Difference> = near.collect();
    let slow = Difference { value: 0.3, later: 0.0, baseline: 0.0 };
    for count in 0..=8 {
        let all = [&near[..], &vec![slow; count]].concat();
        let typical = Typical::of(&all, 1.0).expect("differences");
        let is_rare = count * 4 <= all.len();
        assert_eq!(typical.apart(), if is_rare { count } else { 0 }, "{count} of {}", all.len());
        let centre = median(near.iter().map(|difference| difference.value)).expect("values");
        assert_eq!((typical.centre() - centre).abs() < 1e-12, is_rare);
        assert_eq!(typical.interval(0, ALPHA, 1).expect("an interval").blocks, all.len());
    }
    let slight = [&near[..], &[Difference { value: 0.02 + 0.05, later: 0.0, baseline: 0.0 }]].concat();
    assert_eq!(Typical::of(&slight, 1.0).expect("differences").apart(), 0, "5% is no other mode");
}

/// Whoever boots second is 20% slower, and chance gave one order to two blocks of ten: they are no other mode, they are all that
/// says what the order costs.
#[test]
fn blocks_of_a_rare_order_do_not_stand_apart() {
    let block = |number: u32, later: f64| Difference {
        value: 0.2 * later + 0.001 * f64::from(number % 4),
        later,
        baseline: 0.0,
    };
    for rare in 1..=2 {
        let all: Vec<Difference> =
            (0..10).map(|number| block(number, if number < rare { -1.0 } else { 1.0 })).collect();
        let typical = Typical::of(&all, 1.0).expect("differences");
        assert_eq!(typical.apart(), 0);
        assert!(typical.interval(0, ALPHA, 1).expect("an interval").contains(0.0), "{rare} of ten");
    }
    // One boot that is slow, among others of its order, still does.
    let mut all: Vec<Difference> =
        (0..10).map(|number| block(number, if number % 2 == 0 { -1.0 } else { 1.0 })).collect();
    all.iter_mut().for_each(|difference| difference.value *= 0.01);
    all[3].value = 0.4;
    assert_eq!(Typical::of(&all, 1.0).expect("differences").apart(), 1);
}

/// Equal contenders, and whoever boots second slower by many deviations: the coins of a run alone say who that is. Before the rule
/// about orders, 14% of runs of ten blocks found a difference.
#[test]
fn the_cost_of_the_second_place_is_no_difference() {
    let mut state = 1_u64;
    let mut unit = || {
        // Splitmix64.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    for cost in [0.0, 0.02, 0.04, 0.1, 0.5] {
        let mut alarms = 0;
        for _ in 0..2_000 {
            let block = |_| {
                let later = if unit() < 0.5 { -1.0 } else { 1.0 };
                let noise = (0..12).map(|_| unit()).sum::<f64>() - 6.0;
                Difference { value: cost * later + 0.005 * noise, later, baseline: 0.0 }
            };
            let all: Vec<Difference> = (0..10).map(block).collect();
            alarms += u32::from(!typical(&all, 0).contains(0.0));
        }
        // 3%, and three standard errors of that.
        assert!(alarms <= 83, "{alarms} of 2,000 at {cost}");
    }
}
