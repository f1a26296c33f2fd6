//! The table of kinds: a new one is a file beside `kinds/qemu.rs`, its name here, and its line in [`ALL`].

pub mod bubblewrap;
pub mod cloud_hypervisor;
pub mod crosvm;
pub mod firecracker;
pub mod gvisor;
pub mod host;
pub mod kvmtool;
pub mod libkrun;
pub mod qemu;
pub mod runc;
pub mod uml;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::kind::Kind;
use crate::not_kinds;
use crate::setting::Setting;

/// Every kind, in the order in which they are listed, and run when the user names none.
pub static ALL: &[&Kind] = &[
    &qemu::KIND, //
    &firecracker::KIND,
    &cloud_hypervisor::KIND,
    &crosvm::KIND,
    &kvmtool::KIND,
    &libkrun::KIND,
    &host::KIND,
    &bubblewrap::KIND,
    &runc::KIND,
    &gvisor::KIND,
    &uml::KIND,
];

/// The kind whose program emulates the nested host.
pub const EMULATOR: VmmKind = VmmKind(&qemu::KIND);

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

/// A kind, to be handed on: its name in files. Kinds are ordered as in their table.
#[derive(Clone, Copy)]
pub struct VmmKind(pub &'static Kind);

impl std::ops::Deref for VmmKind {
    type Target = Kind;

    fn deref(&self) -> &Kind {
        self.0
    }
}

impl VmmKind {
    /// Its place in the table, behind everything for what is not there; then its name.
    fn place(self) -> (usize, &'static str) {
        let place = ALL.iter().position(|kind| kind.name == self.name);
        (place.unwrap_or(usize::MAX), self.0.name)
    }
}

impl PartialEq for VmmKind {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for VmmKind {}

impl std::hash::Hash for VmmKind {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl PartialOrd for VmmKind {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for VmmKind {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.place().cmp(&other.place())
    }
}

impl std::fmt::Debug for VmmKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl std::fmt::Display for VmmKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name)
    }
}

/// A name that no kind has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a kind of contender{reason}; the kinds are {known}", reason = reason(.0), known = names(""))]
pub struct UnknownKind(String);

/// What to say of a name that people are known to ask for.
fn reason(name: &str) -> String {
    not_kinds::reason(name).map(|reason| format!(": {reason}")).unwrap_or_default()
}

impl std::str::FromStr for VmmKind {
    type Err = UnknownKind;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        named(name).ok_or_else(|| UnknownKind(name.to_owned()))
    }
}

impl Serialize for VmmKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

impl<'de> Deserialize<'de> for VmmKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = std::borrow::Cow::<str>::deserialize(deserializer)?;
        name.parse().map_err(serde::de::Error::custom)
    }
}
