//! What every run keeps to, whatever the settings and the machine.

use firebench_stats::design::{End, Schedule, Size};
use firebench_stats::{Rule, order, verdict};
use proptest::prelude::*;

use super::machine::{differences, go_on, ground, machine, run, settings};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// A run that was killed after any boot goes on as if it had not been.
    #[test]
    fn killed_runs_go_on(settings in settings(), machine in machine(), cut in any::<prop::sample::Index>()) {
        let whole = run(&settings, machine);
        let cut = cut.index(whole.turns.len() + 1);
        let mut schedule = Schedule::new(settings).expect("the settings are fine");
        let mut milestones = Vec::new();
        for boot in &whole.boots[..cut] {
            milestones.extend(schedule.record(boot.clone()).expect("the boot is fine"));
        }
        if cut < whole.turns.len() {
            let rest = go_on(schedule, machine);
            milestones.extend(rest.milestones.clone());
            prop_assert_eq!(&rest.turns[..], &whole.turns[cut..]);
            prop_assert_eq!((rest.end, rest.state, &rest.last), (whole.end, whole.state, &whole.last));
        }
        prop_assert_eq!(milestones, whole.milestones);
    }

    #[test]
    fn runs_keep_to_their_design(settings in settings(), machine in machine()) {
        let course = run(&settings, machine);
        let state = course.state;
        let blocks = course.turns.len() / settings.contenders;
        prop_assert_eq!(course.turns.len() % settings.contenders, 0, "only whole blocks");
        let orders: Vec<usize> = order::blocks(settings.contenders, settings.seed).take(blocks).flatten().collect();
        prop_assert_eq!(course.turns.iter().map(|turn| turn.contender).collect::<Vec<_>>(), orders);
        prop_assert!(state.warm_up < state.iterations);
        let counted = course.turns.iter().filter(|turn| turn.block >= state.scout_blocks);
        prop_assert!(counted.clone().all(|turn| turn.iterations > state.warm_up));
        let spent: f64 = course.boots.iter().map(|boot| boot.seconds).sum();
        match (course.end, settings.size) {
            (End::Planned, Size::Blocks(planned)) => prop_assert_eq!(planned, state.blocks),
            (End::Planned, _) if settings.contenders == 1 => prop_assert_eq!(state.blocks, 3),
            (End::Planned, Size::Precision { precision, .. }) => {
                prop_assert!(state.blocks >= 10);
                let last = course.last.as_ref().expect("judgements");
                prop_assert!(last.iter().all(|j| j.interval.half_width() <= precision.ln_1p()));
            }
            (End::Void, _) => prop_assert!(state.void >= 3),
            (_, Size::Blocks(_)) => prop_assert!(settings.stop_on_verdict && state.blocks >= 3),
            (End::Verdict, _) => {
                prop_assert!(state.blocks >= 3);
                prop_assert!(settings.stop_on_verdict || settings.strict && state.blocks >= 8);
            }
            (End::TimeOver, Size::Precision { max_seconds, .. }) => {
                prop_assert!(state.blocks >= 3);
                let mean = spent / blocks as f64;
                // Scout and noise make blocks unequal; but no time is thrown away.
                prop_assert!(spent + 4.0 * mean > max_seconds, "{} of {}", spent, max_seconds);
            }
        }
        let judged = course.last.as_ref().map(Vec::len);
        let comparisons = settings.contenders - 1;
        prop_assert_eq!(judged, (comparisons > 0 && state.blocks > 1).then_some(comparisons));
        prop_assert_eq!(state.rule == Rule::BandAlone, settings.strict);
        // The same from the differences, by way of the functions for finished runs.
        for (index, last) in course.last.iter().flatten().enumerate() {
            let interval = ground(&course, &settings).last(&differences(&course, index + 1))?;
            prop_assert_eq!(*last, verdict::judge_of(settings.estimand, interval, last.scale, settings.delta)?);
        }
    }
}
