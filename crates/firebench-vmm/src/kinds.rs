//! The table of kinds.

use crate::kind::{Kind, VmmKind};
use crate::setting::Setting;

/// Every kind, in the order in which they are listed, and run when the user names none.
pub static ALL: &[&Kind] = &[
    &crate::qemu::KIND, //
    &crate::firecracker::KIND,
    &crate::host::KIND,
];

/// Every kind.
pub fn all() -> impl Iterator<Item = VmmKind> {
    ALL.iter().map(|kind| VmmKind(kind))
}

/// The kinds that take part where the user names none.
pub fn by_default() -> impl Iterator<Item = VmmKind> {
    all().filter(|kind| kind.by_default)
}

/// The kind of this name.
pub fn named(name: &str) -> Option<VmmKind> {
    all().find(|kind| kind.name == name)
}

/// The names of all kinds, each in these quotation marks.
pub fn names(quote: &str) -> String {
    all().map(|kind| format!("{quote}{kind}{quote}")).collect::<Vec<_>>().join(", ")
}

/// The kinds with a setting that users call `key`, and that setting.
pub fn with_setting(key: &str) -> impl Iterator<Item = (VmmKind, &'static Setting)> {
    all().filter_map(move |kind| Some((kind, kind.setting(key)?)))
}

/// The number of the vCPU that a thread of this name runs.
pub fn vcpu_of_thread(name: &str) -> Option<u32> {
    let mut names = ALL.iter().flat_map(|kind| kind.vcpu_threads);
    let number = names.find_map(|(before, after)| name.strip_prefix(before)?.strip_suffix(after))?;
    number.bytes().all(|byte| byte.is_ascii_digit()).then(|| number.parse().ok())?
}

/// Whether a kind ends with this code when a file that it writes reaches the limit.
pub fn ends_so_at_the_file_limit(code: i32) -> bool {
    ALL.iter().any(|kind| kind.file_limit_exit == Some(code))
}
