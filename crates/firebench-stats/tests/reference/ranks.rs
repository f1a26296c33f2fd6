//! Signed ranks, the typical difference and its intervals, slow boots, and the checks.

use firebench_stats::boot::Difference;
use firebench_stats::checks::{self, Ran};
use firebench_stats::typical::Typical;
use firebench_stats::{Estimand, Ground, Rule, modes, signed_rank};
use serde_json::Value;

use super::table::{assert_close, assert_ends, count, float, floats, reference};

#[test]
fn critical_ranks() {
    let mut none = 0;
    for case in reference("ranks") {
        let (blocks, tail) = (count(&case["count"]), float(&case["tail"]));
        let rank = signed_rank::rank(blocks, tail).expect("a tail");
        let expected = case["rank"].as_u64().map(|rank| rank as usize);
        match (rank, expected) {
            // Beyond 100 values an expansion takes the place of counting.
            (Some(rank), Some(expected)) if blocks > 100 => assert!(rank.abs_diff(expected) <= 1, "{rank}: {case}"),
            _ => assert_eq!(rank, expected, "{case}"),
        }
        none += usize::from(expected.is_none());
    }
    assert!(none > 0, "few blocks are among the cases");
}

fn data() -> Vec<Vec<Difference>> {
    let difference = |pair: &Value| {
        let pair = floats(pair);
        Difference { value: pair[0], later: pair[1], baseline: 0.0 }
    };
    let list = |list: &Value| list.as_array().expect("a list").iter().map(difference).collect();
    reference("placed_data").iter().map(list).collect()
}

#[test]
fn typical_differences_and_their_intervals() {
    let data = data();
    let (mut slopes, mut apart, mut infinite) = (0, 0, 0);
    for case in reference("typical") {
        let all = &data[count(&case["data"])];
        let typical = Typical::of(all, 1.0).expect("differences");
        let (missing, alpha, comparisons) =
            (count(&case["missing"]), float(&case["alpha"]), count(&case["comparisons"]));
        let interval = typical.interval(missing, alpha, comparisons).expect("an interval");
        assert_close(typical.centre(), float(&case["centre"]), &case);
        assert_eq!((typical.apart(), interval.blocks), (count(&case["apart"]), all.len()), "{case}");
        assert_eq!(interval.centre, typical.centre());
        assert_ends(&interval, &case);
        slopes += usize::from(case["has_slope"] == true);
        apart += typical.apart();
        infinite += usize::from(!interval.is_finite());
        // A run ends with this, at its own level.
        if alpha == 0.032 {
            let ground = Ground { missing, ..Ground::new(Estimand::Typical, Rule::Precision, comparisons) };
            assert_ends(&ground.last(all).expect("an interval"), &case);
        }
    }
    assert!(slopes > 0 && apart > 0 && infinite > 0, "{slopes} {apart} {infinite}");
}

#[test]
fn what_may_be_shown_after_any_block() {
    let data = data();
    for case in reference("live") {
        let ground = Ground::new(Estimand::Typical, Rule::Precision, count(&case["comparisons"]));
        let live = ground.live(&data[count(&case["data"])]).expect("a band");
        assert_close(live.centre, float(&case["centre"]), &case);
        assert_ends(&live, &case);
    }
}

#[test]
fn means_of_runs_with_missing_blocks() {
    let data = data();
    for case in reference("mean_with_missing") {
        let (missing, comparisons) = (count(&case["missing"]), count(&case["comparisons"]));
        let ground = Ground { missing, ..Ground::new(Estimand::Mean, Rule::Precision, comparisons) };
        let interval = ground.last(&data[count(&case["data"])]).expect("an interval");
        assert_close(interval.centre, float(&case["centre"]), &case);
        assert_ends(&interval, &case);
    }
}

#[test]
fn what_was_not_seen() {
    for case in reference("unseen") {
        assert_close(modes::unseen(count(&case["boots"])), float(&case["share"]), &case);
    }
}

#[test]
fn pairs_are_checked() {
    let (mut trends, mut carried) = (0, 0);
    for case in reference("pairs") {
        let boots: Vec<(u32, usize, Vec<f64>)> = case["boots"]
            .as_array()
            .expect("boots")
            .iter()
            .map(|boot| (count(&boot[0]) as u32, count(&boot[1]), floats(&boot[2])))
            .collect();
        let boots: Vec<Ran> = boots
            .iter()
            .map(|(block, contender, counted)| Ran { block: *block, contender: *contender, counted })
            .collect();
        let found = checks::of_pair(&boots, [0, 1], 1, 0.005);
        assert_eq!(found.trend.is_some(), !case["trend"].is_null(), "{found:?}");
        if let Some(trend) = found.trend {
            assert_close(trend.size, float(&case["trend"]), &Value::Null);
            trends += 1;
        }
        assert_eq!(found.carry_over.map(|carry_over| carry_over.of as u64), case["carrier"].as_u64(), "{found:?}");
        if let Some(carry_over) = found.carry_over {
            assert_close(carry_over.size, float(&case["left"]), &Value::Null);
            carried += 1;
        }
    }
    assert!(trends > 0 && carried > 0, "{trends} {carried}");
}

/// The blocks of the pairs of lists.
fn sides() -> Vec<Vec<Difference>> {
    let blocks = |pair: &Value| {
        let (contender, baseline) = (floats(&pair[0]), floats(&pair[1]));
        let both = contender.into_iter().zip(baseline);
        both.map(|(one, other)| Difference { value: one - other, later: 0.0, baseline: other }).collect()
    };
    reference("sides").iter().map(blocks).collect()
}

#[test]
fn mean_costs_and_slow_ends() {
    let sides = sides();
    let mut finite = [0, 0];
    for (kind, name) in ["costs", "tails"].into_iter().enumerate() {
        for case in reference(name) {
            let estimand = match case["share"].as_f64() {
                None => Estimand::Cost,
                Some(share) if share < 0.97 => Estimand::P95,
                Some(_) => Estimand::P99,
            };
            let (missing, comparisons) = (count(&case["missing"]), count(&case["comparisons"]));
            let ground = Ground { missing, ..Ground::new(estimand, Rule::Fixed, comparisons) };
            let interval = ground.last(&sides[count(&case["pair"])]).expect("an interval");
            assert_close(interval.centre, float(&case["centre"]), &case);
            assert_ends(&interval, &case);
            finite[kind] += usize::from(interval.is_finite());
        }
    }
    assert!(finite.iter().all(|finite| *finite > 3), "{finite:?}");
}
