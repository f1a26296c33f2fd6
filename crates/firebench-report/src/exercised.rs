//! What the workload exercised, in sentences with figures.

use firebench_analysis::audit::exercise::{
    BOUND, Bound, Exercise, MANY_MAJOR_FAULTS, MANY_SWITCHES, MUCH_STEAL, Source, computing,
};
use firebench_analysis::findings::Findings;
use firebench_analysis::remarks::remarks;
use firebench_model::record::Report;
use firebench_text::{list, percent, rate, told_percent};

/// The sentences that fit the figures.
pub fn sentences(findings: &Findings) -> Vec<String> {
    let (report, exercises) = (findings.report, findings.exercises.as_slice());
    let mut sentences = Vec::new();
    let benchmark = format!("this {} benchmark", report.experiment.workload.name());
    for (bound, group) in groups(exercises, Exercise::bound) {
        let lead = lead(&group, exercises, report.emulated, &benchmark);
        sentences.push(format!("{lead} {}.", bound_phrase(report, bound, &group)));
    }
    for (source, group) in groups(exercises, Exercise::source) {
        let lead = lead(&group, exercises, false, "it");
        sentences.extend(source_phrase(report, source, &group).map(|phrase| format!("{lead} {phrase}.")));
    }
    if !report.emulated {
        sentences.extend(remarks(findings));
        sentences.extend(beside_host(exercises));
    }
    sentences.extend(remarkable(exercises, report.emulated));
    sentences
}

/// The contenders that share something, in their order.
fn groups<K: PartialEq>(exercises: &[Exercise], key: fn(&Exercise) -> K) -> Vec<(K, Vec<&Exercise>)> {
    let mut groups: Vec<(K, Vec<&Exercise>)> = Vec::new();
    for exercise in exercises {
        let key = key(exercise);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(exercise),
            None => groups.push((key, vec![exercise])),
        }
    }
    groups
}

/// The beginning of a sentence about a group.
fn lead(group: &[&Exercise], all: &[Exercise], emulated: bool, subject: &str) -> String {
    let mut lead = match (group.len() == all.len(), emulated) {
        (true, false) => subject.to_owned(),
        (true, true) => format!("emulated, {subject}"),
        (false, false) => format!("in {}, {subject}", names(group)),
        (false, true) => format!("in {}, emulated, {subject}", names(group)),
    };
    if let Some(first) = lead.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    lead
}

fn names(group: &[&Exercise]) -> String {
    list(&group.iter().map(|exercise| exercise.contender.clone()).collect::<Vec<_>>())
}

fn bound_phrase(report: &Report, bound: Bound, group: &[&Exercise]) -> String {
    let share = |of: fn(&Exercise) -> f64| range(group, of, percent);
    let (user, kernel, waiting) = (share(|e| e.user), share(|e| e.sys), share(Exercise::waiting));
    match bound {
        Bound::User => {
            format!("is bound by {}: {user} of its time in user mode, {kernel} in the kernel", computing(report))
        }
        Bound::Kernel => format!("spends {kernel} of its time in the kernel, {user} in user mode"),
        Bound::Disk => format!("is bound by the disk: it waits {waiting} of its time, {user} are in user mode"),
        Bound::Quota => format!("is bound by a CPU quota: it waits {waiting} of its time, {user} are in user mode"),
        Bound::Waiting if group.iter().all(|e| e.first_read.is_none()) => format!("waits {waiting} of its time"),
        Bound::Waiting => format!("waits {waiting} of its time, and not for its disk"),
        Bound::Nothing => format!(
            "is not bound by any one thing to {}: {user} of its time in user mode, {kernel} in the kernel, {waiting} waiting",
            percent(BOUND)
        ),
    }
}

/// Where the payload came from, if there is one.
fn source_phrase(report: &Report, source: Source, group: &[&Exercise]) -> Option<String> {
    let first = range(group, |e| e.first_read.unwrap_or(0.0), percent);
    let later = range(group, Exercise::read, percent);
    let cold = report.experiment.design.cold;
    Some(match source {
        Source::NoPayload => return None,
        Source::DiskEachTime if cold => {
            format!("reads {later} of the file from disk in each iteration, because its caches are dropped each time")
        }
        Source::DiskEachTime => format!(
            "reads its file again each time, because it does not stay in the page cache: it read {first} of the file \
            from disk in the first iteration, {later} in later ones"
        ),
        Source::PageCache => format!(
            "reads its file from the page cache: it read {first} of the file from disk in the first iteration, \
            {later} in later ones"
        ),
        Source::Both => format!(
            "reads a part of its file again each time: it read {first} of the file from disk in the first iteration, \
            {later} in later ones"
        ),
        Source::NoDisk => "reads almost nothing from disk".to_owned(),
        Source::OneIteration => format!("reads {first} of the file from disk"),
    })
}

/// What the VMs reach of what the bare host does.
fn beside_host(exercises: &[Exercise]) -> Option<String> {
    let Some(host) = exercises.iter().find(|exercise| exercise.host) else {
        return (!exercises.is_empty()).then(|| {
            "What this machine does without a VM is not known: a contender `host` tells (--contender host=host)."
                .to_owned()
        });
    };
    let of_host = host.rate?;
    let share = |exercise: &Exercise| Some(format!("{} {:.1}%", exercise.contender, exercise.rate? / of_host * 100.0));
    let shares: Vec<String> = exercises.iter().filter(|exercise| !exercise.host).filter_map(share).collect();
    (!shares.is_empty()).then(|| format!("The bare host does {}; of that reach {}.", rate(of_host), list(&shares)))
}

/// What stands out, with those in whom it does. Under emulation, time is stolen all the time.
fn remarkable(exercises: &[Exercise], emulated: bool) -> Vec<String> {
    let above = |of: fn(&Exercise) -> f64, bound: f64| -> Option<Vec<&Exercise>> {
        let group: Vec<&Exercise> = exercises.iter().filter(|exercise| of(exercise) > bound).collect();
        (!group.is_empty()).then_some(group)
    };
    let whole = |number: f64| format!("{number:.0}");
    let major: fn(&Exercise) -> f64 = |e| e.faults[1];
    let faults = above(major, MANY_MAJOR_FAULTS).map(|group| {
        let number = range(&group, major, whole);
        format!(
            "In {}, {number} page faults an iteration waited for the disk, as where memory runs out.",
            names(&group)
        )
    });
    let switches = above(|e| e.switch_rate, MANY_SWITCHES).map(|group| {
        let number = range(&group, |e| e.switch_rate, whole);
        format!("In {}, the command lost its CPU to something else {number} times a second.", names(&group))
    });
    let steal = above(|e| e.steal, MUCH_STEAL).filter(|_| !emulated).map(|group| {
        let share = range(&group, |e| e.steal, told_percent);
        format!("In {}, {share} of the vCPUs' time was stolen: the host gave it to others.", names(&group))
    });
    [faults, switches, steal].into_iter().flatten().collect()
}

/// A figure's name, and how to write it.
pub type Figure = (&'static str, fn(&Exercise) -> String);

/// The figures, for a table: names, and how to write them.
pub const FIGURES: [Figure; 9] = [
    ("user mode, of `real`", |e| percent(e.user)),
    ("kernel, of `real`", |e| percent(e.sys)),
    ("waiting, of `real`", |e| percent(e.waiting())),
    ("payload bytes a second", |e| e.rate.map_or("-".to_owned(), rate)),
    ("read from the disk, first iteration, of the payload", |e| share(e.first_read)),
    ("read from the disk, later iterations", |e| share(e.later_read)),
    ("page faults, those that waited for the disk", |e| pair(e.faults)),
    ("context switches, wanted and not", |e| pair(e.switches)),
    ("stolen, of the vCPUs' time", |e| told_percent(e.steal)),
];

fn share(of_payload: Option<f64>) -> String {
    of_payload.map_or("-".to_owned(), |share| format!("{share:.2}"))
}

fn pair([one, other]: [f64; 2]) -> String {
    format!("{one:.0}, {other:.0}")
}

/// One value, or the least and the greatest.
fn range(group: &[&Exercise], of: fn(&Exercise) -> f64, write: impl Fn(f64) -> String) -> String {
    let (least, greatest) = group
        .iter()
        .map(|exercise| of(exercise))
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, greatest), value| (least.min(value), greatest.max(value)));
    let (least, greatest) = (write(least), write(greatest));
    if least == greatest { least } else { format!("{} to {greatest}", least.trim_end_matches('%')) }
}
