//! Pauses in the start of one contender's kernel that the other's does not have: such as a wait for a device that is not
//! there, which is then part of its boot time.

use firebench_model::record::BootRecord;
use firebench_protocol::KernelPause;

use super::seen::Values;
use super::subject::AuditedContender;

/// A pause is long from so many seconds on.
const LONG: f64 = 0.5;
/// The same in an emulated machine, where each step takes longer.
const LONG_EMULATED: f64 = 2.0;
/// And from this share of the boot time on.
const SHARE: f64 = 0.1;
/// A pause of the other contender's at the same place that has this share of its length is no other one.
const ALIKE: f64 = 0.5;
/// A kernel's clock is not so wrong that a pause could be longer than so many times the whole boot.
const BELIEVED: f64 = 1.5;

/// The long pauses that one of the two has in most of its boots, and the other one in none.
pub(super) fn only(a: &AuditedContender, b: &AuditedContender) -> Option<Values> {
    let only = [without(a, b), without(b, a)];
    only.iter().any(|words| !words.is_empty()).then_some(Values::Only(only))
}

fn without(one: &AuditedContender, other: &AuditedContender) -> Vec<String> {
    let Some(first) = one.boots().iter().find(|boot| boot.facts.is_some()) else { return Vec::new() };
    // Of a guest that told nothing, nothing is known to be missing.
    if other.guest.is_none() {
        return Vec::new();
    }
    let long = if one.report.emulated { LONG_EMULATED } else { LONG };
    let mut words = Vec::new();
    for pause in pauses(first) {
        let of_one = one.boots().iter().map(|boot| at_place(boot, pause));
        let lengths: Vec<f64> =
            of_one.filter_map(|(longest, boot)| (longest >= long.max(SHARE * boot)).then_some(longest)).collect();
        let most = lengths.len().saturating_mul(2) > one.boots().len();
        let shortest = lengths.iter().copied().fold(f64::INFINITY, f64::min);
        let alone = other.boots().iter().all(|boot| at_place(boot, pause).0 < ALIKE * shortest);
        if most && alone {
            words.push(format!("{shortest:.1} s before \"{}\"", pause.before));
        }
    }
    words
}

/// The pauses that a boot told, as far as they can be.
fn pauses(boot: &BootRecord) -> impl Iterator<Item = &KernelPause> {
    let most = boot.boot_seconds.unwrap_or(0.0) * BELIEVED;
    let told = boot.facts.iter().flat_map(|facts| &facts.kernel_pauses);
    told.filter(move |pause| (0.0..=most).contains(&pause.seconds))
}

/// The longest pause of a boot that is at the same place as `pause`, and how long the boot took.
fn at_place(boot: &BootRecord, pause: &KernelPause) -> (f64, f64) {
    let same = |one: &str, other: &str| kind(one).eq(kind(other));
    let here = pauses(boot).filter(|p| same(&p.before, &pause.before) || same(&p.after, &pause.after));
    (here.map(|pause| pause.seconds).fold(0.0, f64::max), boot.boot_seconds.unwrap_or(0.0))
}

/// What stays the same of a message from boot to boot: no numbers.
fn kind(message: &str) -> impl Iterator<Item = char> {
    message.chars().filter(|c| c.is_alphabetic())
}
