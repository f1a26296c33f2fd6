//! The values of flags that are a choice of a few: each one's word, and what it means.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use firebench_model::experiment::{AccelChoice, HostCacheChoice, Preset, WorkloadName};
use firebench_stats::Estimand;
use firebench_workload::ALL;

/// A value, its word, and what it means.
type Choice<T> = (T, &'static str, &'static str);

/// What `--preset` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Presets {
    /// A preset of an experiment.
    One(Preset),
    /// A series of experiments.
    Origin,
}

impl Presets {
    /// The preset of an experiment.
    pub(super) fn one(self) -> Option<Preset> {
        match self {
            Presets::One(preset) => Some(preset),
            Presets::Origin => None,
        }
    }
}

const ORIGIN: Choice<Presets> = (
    Presets::Origin,
    "origin",
    "A series of runs: all that the experiment measured that firebench grew out of, and a page with its figures",
);

const PRESETS: &[Choice<Preset>] = &[
    (
        Preset::Matched,
        "matched",
        "As alike as the VMMs allow: vCPUs, memory, kernel, command line, image; CPU passed through",
    ),
    (
        Preset::Published,
        "published",
        "Exactly the two machines of the published memory benchmark, unequal as they were",
    ),
];

const ACCELS: &[Choice<AccelChoice>] = &[
    (AccelChoice::Auto, "auto", "kvm where /dev/kvm is usable, else the nested host"),
    (AccelChoice::Kvm, "kvm", "/dev/kvm, however slow"),
    (AccelChoice::Tcg, "tcg", "QEMU alone, emulating"),
    (AccelChoice::Nested, "nested", "An emulated machine with a KVM of its own, in which every VMM runs with kvm"),
];

const HOST_CACHES: &[Choice<HostCacheChoice>] = &[
    (HostCacheChoice::Auto, "auto", "Warm where the disk fits beside the guest's memory, else cold"),
    (HostCacheChoice::Warm, "warm", "It contains the whole disk"),
    (HostCacheChoice::Cold, "cold", "It contains nothing of the disk"),
];

const ESTIMANDS: &[Choice<Estimand>] = &[
    (Estimand::Typical, "typical", "The typical boot; slow ones are counted and said"),
    (Estimand::Cost, "cost", "The mean cost of a boot, with room for slow ones that did not come"),
    (Estimand::P95, "p95", "What 95 of 100 boots do not exceed; takes about 100 boots"),
    (Estimand::P99, "p99", "What 99 of 100 boots do not exceed; takes about 500 boots"),
];

pub(super) fn workload() -> impl TypedValueParser<Value = WorkloadName> {
    let values = ALL.iter().map(|workload| PossibleValue::new(workload.name()).help(workload.about()));
    PossibleValuesParser::new(values).try_map(WorkloadName::try_from)
}

pub(super) fn preset() -> impl TypedValueParser<Value = Presets> {
    let all = || PRESETS.iter().map(|(preset, word, means)| (Presets::One(*preset), *word, *means)).chain([ORIGIN]);
    let values = all().map(|(_, word, means)| PossibleValue::new(word).help(means));
    PossibleValuesParser::new(values).try_map(move |given| {
        all().find(|(_, word, _)| *word == given).map(|(preset, ..)| preset).ok_or("it is not one of them")
    })
}

pub(super) fn accel() -> impl TypedValueParser<Value = AccelChoice> {
    one_of(ACCELS)
}

pub(super) fn host_cache() -> impl TypedValueParser<Value = HostCacheChoice> {
    one_of(HOST_CACHES)
}

pub(super) fn estimand() -> impl TypedValueParser<Value = Estimand> {
    one_of(ESTIMANDS)
}

fn one_of<T: Copy + Send + Sync + 'static>(choices: &'static [Choice<T>]) -> impl TypedValueParser<Value = T> {
    let values = choices.iter().map(|(_, word, means)| PossibleValue::new(*word).help(*means));
    PossibleValuesParser::new(values).try_map(move |given| {
        choices.iter().find(|(_, word, _)| *word == given).map(|(value, ..)| *value).ok_or("it is not one of them")
    })
}

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use serde::de::DeserializeOwned;

    use super::*;

    /// The word on the command line is that of experiment files.
    fn agree<T: DeserializeOwned + PartialEq + Debug>(choices: &[Choice<T>]) {
        for (value, word, _) in choices {
            let read: T = serde_json::from_value((*word).into()).expect("a word of experiment files");
            assert_eq!(read, *value, "{word}");
        }
    }

    #[test]
    fn words_are_those_of_experiment_files() {
        agree(PRESETS);
        agree(ACCELS);
        agree(HOST_CACHES);
        agree(ESTIMANDS);
    }
}
