//! Where the control groups of a process lie, of either version.
//!
//! Source: `proc(5)` for `/proc/PID/mountinfo`, and `cgroups(7)` for `/proc/PID/cgroup`.

use std::path::{Component, Path, PathBuf};

/// A hierarchy of control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hierarchy {
    /// That of version 2.
    Unified,
    /// That of version 1 that has this controller.
    Controller(&'static str),
}

impl Hierarchy {
    /// The group of a process in it, by the text of its `/proc/PID/cgroup`.
    pub(crate) fn own(self, cgroup: &str) -> Option<&str> {
        cgroup.lines().find_map(|line| {
            let (number, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            let is_it = match self {
                Hierarchy::Unified => number == "0" && controllers.is_empty(),
                Hierarchy::Controller(name) => is_listed(controllers, name),
            };
            is_it.then_some(path)
        })
    }

    /// Where the mounts of `mountinfo` show the group `own`: the directory of the mount, and the path below it.
    pub(crate) fn shown(self, mountinfo: &str, own: &str) -> Option<(PathBuf, PathBuf)> {
        mountinfo.lines().find_map(|line| {
            let (mount, source) = line.split_once(" - ")?;
            let mut source = source.split(' ');
            let (kind, options) = (source.next()?, source.nth(1).unwrap_or_default());
            let is_it = match self {
                Hierarchy::Unified => kind == "cgroup2",
                Hierarchy::Controller(name) => kind == "cgroup" && is_listed(options, name),
            };
            under(mount, own).filter(|_| is_it)
        })
    }
}

/// Whether a list with commas has a word.
fn is_listed(list: &str, word: &str) -> bool {
    list.split(',').any(|listed| listed == word)
}

/// Where the control group `own` lies: the directory of a mount (a line of mountinfo up to ` - `), and the path below it. None
/// where that mount does not show it.
fn under(mount: &str, own: &str) -> Option<(PathBuf, PathBuf)> {
    let mut fields = mount.split(' ').skip(3);
    let root = unescape(fields.next()?);
    let point = unescape(fields.next()?);
    let below = Path::new(own).strip_prefix(root).ok()?;
    // A process outside of its cgroup namespace's root sees itself at "/../...".
    let plain = below.components().all(|part| matches!(part, Component::Normal(_)));
    plain.then(|| (point.into(), below.to_owned()))
}

/// Resolves the octal escapes (`\040` for a space) of a field of mountinfo.
pub(crate) fn unescape(field: &str) -> String {
    let mut parts = field.split('\\');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_at_checked(3).map(|(digits, rest)| (u8::from_str_radix(digits, 8), rest)) {
            Some((Ok(byte), rest)) => {
                text.push(char::from(byte));
                text.push_str(rest);
            }
            _ => {
                text.push('\\');
                text.push_str(part);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_that_are_none_stay() {
        assert_eq!(unescape(r"a\040b\134c\x"), r"a b\c\x");
    }
}
