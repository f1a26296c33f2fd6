//! Whether a run that was cut off can go on: it must still be the same run. Pure.

use firebench_model::record::Report;

use crate::facts::{self, Continued, Difference, RecordedIn, between};

/// In what a run that is prepared `now` differs from the `stored` one, of all that its results depend on: first what concerns all
/// contenders, then each contender, then the files.
pub fn changes(stored: &Report, now: &Report) -> Vec<String> {
    let mut changed = Vec::new();
    for (name, source) in kept() {
        if let RecordedIn::Run(read) = source {
            changed.extend(between(name, &read(stored), &read(now)).iter().map(|change| phrase(change, "")));
        }
    }
    for (was, is) in stored.contenders.iter().zip(&now.contenders) {
        let of = format!(" of {}", was.name);
        for (name, source) in kept() {
            if let RecordedIn::Contender(read) = source {
                changed.extend(between(name, &read(was), &read(is)).iter().map(|change| phrase(change, &of)));
            }
        }
    }
    let of_files = kept().filter(|(_, source)| matches!(source, RecordedIn::Files));
    changed.extend(of_files.flat_map(|(name, _)| files(name, stored, now)));
    changed
}

/// The facts that a continuation must share with the stored run, and their names.
fn kept() -> impl Iterator<Item = (&'static str, RecordedIn)> {
    facts::recorded().filter_map(|recorded| match recorded.continued {
        Continued::Kept(name) => Some((name, recorded.read)),
        Continued::Free => None,
    })
}

fn phrase(Difference { what, a: was, b: is }: &Difference, of: &str) -> String {
    format!("the {what}{of} was {was} and is {is}")
}

/// Files that the stored run does not know.
fn files(name: &str, stored: &Report, now: &Report) -> Vec<String> {
    let files = |report: &Report| {
        let mut files: Vec<_> = report.artifacts.iter().map(|file| (file.role.clone(), file.sha256.clone())).collect();
        files.sort();
        files
    };
    let (was, is) = (files(stored), files(now));
    let other = is.iter().filter(|file| !was.contains(file));
    other.map(|(role, _)| format!("the {role} is a different {name}")).collect()
}
