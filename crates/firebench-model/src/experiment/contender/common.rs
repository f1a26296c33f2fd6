//! The settings that contenders of every kind have.

use std::collections::BTreeSet;

use firebench_vmm::VmmKind;
use firebench_vmm::kinds;
use firebench_vmm::setting::{Setting, Takes};

/// A setting that contenders have, whatever their kind.
#[derive(Debug)]
pub struct Common {
    /// The setting.
    pub setting: Setting,
    /// Whether a kind has it.
    pub(super) is_of: fn(VmmKind) -> bool,
}

const fn all(setting: Setting) -> Common {
    Common { setting, is_of: |_| true }
}

const fn guests(setting: Setting) -> Common {
    Common { setting, is_of: |vmm| vmm.boots_a_guest() }
}

const fn kernels(setting: Setting) -> Common {
    Common { setting, is_of: |vmm| vmm.takes_a_kernel() }
}

/// What every contender has.
pub static COMMON: [Common; 13] = [
    Common {
        setting: Setting::new("binary", Takes::Path, "its executable").example("\"./vmm\""),
        is_of: |vmm| vmm.program.is_some(),
    },
    all(Setting::new("vcpus", Takes::Count, "number of vCPUs; without a guest, of CPUs that it may use").example("1")),
    all(Setting::new("memory", Takes::Size, "memory; without a guest, the limit of its memory").example("\"512MiB\"")),
    kernels(Setting::new("kernel", Takes::Path, "the guest's kernel").example("\"vmlinux-6.1\"")),
    kernels(
        Setting::new("modules", Takes::Path, "the modules of its kernel, where they are not found beside it")
            .example("\"modules-6.1\""),
    ),
    guests(
        Setting::new("append", Takes::Text("words"), "words for the end of its kernel command line")
            .example("\"nosmt\""),
    ),
    all(Setting::new("busybox", Takes::Path, "the busybox in its image: the program that is measured")
        .example("\"./busybox\"")),
    guests(
        Setting::new(
            "image",
            Takes::Path,
            "a root disk of your own: ext4, with /bin/sha256sum and the payload at /random.txt",
        )
        .example("\"root.ext4\""),
    ),
    all(Setting::new("command", Takes::Text("words"), "its own command, where the workload is one of yours")
        .example("\"sort -r data.txt\"")),
    all(Setting::new("parameters", Takes::Text("NAME=VALUE..."), "what {NAME} stands for in its command")
        .example("\"threads=4\"")),
    all(Setting::new("handicap", Takes::Share, "more work than the others have: a difference that is known")
        .example("\"5%\"")),
    all(Setting::new("concurrent", Takes::Count, "how many of it run at once, released together").example("10")),
    Common {
        setting: Setting::new("jail", Takes::Switch, "jailed, as for all in [machine]"),
        is_of: |vmm| vmm.can_be_jailed(),
    },
];

/// The settings of every contender that a kind has.
pub fn common_to(vmm: VmmKind) -> impl Iterator<Item = &'static Setting> {
    COMMON.iter().filter(move |common| (common.is_of)(vmm)).map(|common| &common.setting)
}

/// The keys that a kind takes: those of every contender, then its own.
pub fn keys(vmm: VmmKind) -> impl Iterator<Item = &'static str> {
    common_to(vmm).chain(vmm.0.settings_of_users()).map(|setting| setting.key)
}

/// The setting that `key` is to a kind: a common one, its own, or that of another kind.
pub(super) fn called(vmm: VmmKind, key: &str) -> Option<&'static Setting> {
    let common = COMMON.iter().map(|common| &common.setting).find(|setting| setting.key == key);
    common.or_else(|| vmm.setting(key)).or_else(|| kinds::with_setting(key).map(|(_, setting)| setting).next())
}

/// A key that no kind has: what to say of it. Of a kind that is known, its keys.
pub(super) fn unknown(key: &str, vmm: Option<VmmKind>) -> String {
    let mut known: Vec<&str> = match vmm {
        Some(vmm) => keys(vmm).collect(),
        None => kinds::all().flat_map(keys).collect(),
    };
    known.extend(["name", "vmm"].iter().filter(|_| vmm.is_none()));
    let near = known.iter().map(|known| (strsim::jaro_winkler(key, known), known));
    let nearest = near.filter(|(likeness, _)| *likeness > NEAR).max_by(|(a, _), (b, _)| a.total_cmp(b));
    match (nearest, vmm) {
        (Some((_, known)), _) => format!("unknown field `{key}`; did you mean `{known}`?"),
        (None, Some(vmm)) => format!("unknown field `{key}`; {vmm} takes {}", known.join(", ")),
        (None, None) => {
            let names: BTreeSet<_> = known.into_iter().collect();
            let names: Vec<_> = names.into_iter().collect();
            format!("unknown field `{key}` of a contender; there are {}", names.join(", "))
        }
    }
}

/// How alike two words are of which one may be meant for the other, from 0 to 1.
const NEAR: f64 = 0.85;

/// What a contender of this kind can have in place of `setting`, which it does not have, and who has that.
pub(super) fn instead(vmm: VmmKind, setting: &str) -> String {
    let key = setting.split('=').next().unwrap_or(setting);
    if !vmm.boots_a_guest() {
        let keys: Vec<_> = keys(vmm).collect();
        return format!("{vmm} does not boot a guest: it takes {}", listed(&keys));
    }
    let mut clauses: Vec<String> = kinds::with_setting(key)
        .map(|(kind, setting)| match setting.takes {
            Takes::Words(words) => format!("{kind} takes {key}={}", words.join("|")),
            _ => format!("{key} is a setting of {kind} ({})", setting.help),
        })
        .collect();
    let own: Vec<_> = vmm.0.settings_of_users().map(|setting| setting.key).collect();
    if vmm.setting(key).is_none() && !own.is_empty() {
        clauses.push(format!("{vmm} has {}", listed(&own)));
    }
    if clauses.is_empty() {
        clauses.push(format!("{vmm} takes {}", listed(&keys(vmm).collect::<Vec<_>>())));
    }
    clauses.join("; ")
}

/// `a, b and c`.
fn listed(words: &[&str]) -> String {
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => words.join(""),
    }
}
