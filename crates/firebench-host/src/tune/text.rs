//! What was done, for people.

use std::fmt::Write as _;

use firebench_text::errors::sentence;

use super::settings::word;
use super::{Restored, Setting, Standing, Status, Tuning};

const UNTUNED: &str = "the machine is not tuned: no change is recorded\n";

/// The changes of a plan and what stays, one line each.
pub fn plan(plan: &Tuning) -> String {
    let change = |change: &super::Change| {
        let of = |value| word(&change.path, value);
        format!("{}: {} -> {}", change.name, of(&change.before), of(&change.after))
    };
    counted(plan.changes.iter().map(change).chain(plan.notes.iter().cloned()))
}

/// How each setting that was changed stands.
pub fn status(status: &Status) -> String {
    let settings = match status {
        Status::Untuned => return UNTUNED.to_owned(),
        Status::Restarted => return "the machine was restarted since it was tuned, and is not tuned now\n".to_owned(),
        Status::Tuned(settings) => settings,
    };
    let tuned = |before: &str, now: &str| format!("{before} -> {now}");
    counted(settings.iter().map(|(setting, standing)| line(setting, standing, tuned, "again")))
}

/// What was put back, and what was not.
pub fn restored(restored: &Restored) -> String {
    let settings = match restored {
        Restored::Untuned => return UNTUNED.to_owned(),
        Restored::Restarted => {
            return "the machine was restarted since it was tuned, so there is nothing to put back\n".to_owned();
        }
        Restored::Done(settings) => settings,
    };
    let put_back = |before: &str, now: &str| format!("{now} -> {before}");
    counted(settings.iter().map(|(setting, standing, failure)| match failure {
        Some(failure) => format!("{}: could not be put back: {}", setting.name, sentence(failure)),
        None => line(setting, standing, put_back, "already"),
    }))
}

/// A setting and how it stands; `tuned` says how one that firebench changed does, from the value before and that now.
fn line(setting: &Setting, standing: &Standing, tuned: impl Fn(&str, &str) -> String, original: &str) -> String {
    let (name, before) = (&setting.name, word(&setting.path, &setting.before));
    match standing {
        Standing::Tuned(now) => format!("{name}: {}", tuned(before, word(&setting.path, now))),
        Standing::Original => format!("{name}: {before} {original}"),
        Standing::Foreign(now) => {
            let now = word(&setting.path, now);
            format!("{name}: {now}, set by somebody else since, and not changed (before firebench: {before})")
        }
        Standing::Gone(reason) => format!(
            "{name}: firebench can no longer read it: {reason} (before firebench: \
        {before})"
        ),
    }
}

/// What is in force, in a phrase.
pub(super) fn summary(status: &Status) -> Option<String> {
    let Status::Tuned(settings) = status else { return None };
    let mut phrases: Vec<String> = Vec::new();
    for (setting, standing) in settings {
        let Standing::Tuned(now) = standing else { continue };
        let phrase = format!("{} {}", setting.name, word(&setting.path, now));
        if !phrases.contains(&phrase) {
            phrases.push(phrase);
        }
    }
    (!phrases.is_empty()).then(|| phrases.join(", "))
}

/// Lines, each once, with its number where CPUs have the same one.
fn counted(lines: impl Iterator<Item = String>) -> String {
    let mut counted: Vec<(String, usize)> = Vec::new();
    for line in lines {
        match counted.iter_mut().find(|(known, _)| *known == line) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => counted.push((line, 1)),
        }
    }
    let mut text = String::new();
    for (line, count) in counted {
        // Writing to a String does not fail.
        let _ = match count {
            1 => writeln!(text, "{line}"),
            _ => writeln!(text, "{line} ({count} times)"),
        };
    }
    text
}
