//! In what two runs, and two contenders, differ apart from their times.

use std::collections::BTreeSet;

use firebench_model::record::{Artifact, ContenderRecord, Report};

use crate::facts::{self, BetweenRuns, Difference, ROOT_DISK, RecordedIn, between};

/// What of a host's facts is different from one moment to the next.
const VOLATILE: [&str; 7] = [
    "host cpu_limit throttled_seconds",
    "host disk_free",
    "host huge_pages free",
    "host load_average",
    "host memory_available",
    "host steal",
    "host swap_used",
];

/// The differences of two runs that concern all of their contenders.
pub fn of_runs(a: &Report, b: &Report) -> Vec<Difference> {
    let differences = listed().flat_map(|(name, source)| match source {
        RecordedIn::Run(read) => between(name, &read(a), &read(b)),
        RecordedIn::Contender(_) | RecordedIn::Files => Vec::new(),
    });
    differences.filter(|difference| !VOLATILE.contains(&difference.what.as_str())).collect()
}

/// The differences of two contenders, each of its run.
pub fn of_contenders(a: (&Report, &ContenderRecord), b: (&Report, &ContenderRecord)) -> Vec<Difference> {
    let differences = listed().flat_map(|(name, source)| match source {
        RecordedIn::Run(_) => Vec::new(),
        RecordedIn::Contender(read) => between(name, &read(a.1), &read(b.1)),
        RecordedIn::Files => of_files(name, a, b),
    });
    differences.collect()
}

/// The facts that are listed where they differ, under which names.
fn listed() -> impl Iterator<Item = (&'static str, RecordedIn)> {
    facts::recorded().filter_map(|recorded| match recorded.runs {
        BetweenRuns::Differ(name) => Some((name, recorded.read)),
        _ => None,
    })
}

/// The differences of the files that two contenders use, by role. A root disk of another layout is another file with the same in it.
fn of_files(
    name: &str,
    (run_a, a): (&Report, &ContenderRecord),
    (run_b, b): (&Report, &ContenderRecord),
) -> Vec<Difference> {
    let roles: BTreeSet<&str> =
        run_a.artifacts.iter().chain(&run_b.artifacts).map(|artifact| artifact.role.as_str()).collect();
    let digest = |run, contender, role| artifact(run, contender, role).map(|file| file.sha256.clone()).into();
    let moved = run_a.experiment.design.layout != run_b.experiment.design.layout;
    let differences = roles.into_iter().filter(|role| !moved || *role != ROOT_DISK).flat_map(|role| {
        between(&format!("{role}'s {name}"), &digest(run_a, &a.name, role), &digest(run_b, &b.name, role))
    });
    differences.collect()
}

/// The artifact of a role that a contender uses: its own, or the one of all.
fn artifact<'a>(run: &'a Report, contender: &str, role: &str) -> Option<&'a Artifact> {
    let of_role = || run.artifacts.iter().filter(|artifact| artifact.role == role);
    let own = of_role().find(|artifact| artifact.contenders.iter().any(|name| name == contender));
    own.or_else(|| of_role().find(|artifact| artifact.contenders.is_empty()))
}
