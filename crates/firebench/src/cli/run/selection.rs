//! `--vmm`: kinds by their names, and groups of whatever of them is on this machine.

use std::path::Path;

use firebench_host::tools;
use firebench_vmm::kinds::UnknownKind;
use firebench_vmm::{VmmKind, kinds};

/// A word of `--vmm`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Selected {
    /// One kind, whether it is here or not.
    Kind(VmmKind),
    /// Those of a group whose programs are here.
    Group(Group),
}

/// Kinds that somebody asks for at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// All of them, the bare host first: the baseline.
    All,
    /// Those in which the workload has no machine, real or emulated, of its own.
    Containers,
    /// Those that have a virtual CPU, which takes KVM or an emulator.
    Vmms,
}

/// The groups and their words.
const GROUPS: [(&str, Group); 3] = [("all", Group::All), ("containers", Group::Containers), ("vmms", Group::Vmms)];

/// Reads one word.
pub(super) fn parse(text: &str) -> Result<Selected, String> {
    if let Some((_, group)) = GROUPS.iter().find(|(word, _)| *word == text) {
        return Ok(Selected::Group(*group));
    }
    let kind = text.parse().map(Selected::Kind);
    let groups = || format!("the groups of those that are here are {}", words());
    kind.map_err(|unknown: UnknownKind| format!("{unknown}; {}", groups()))
}

/// The words of the groups.
pub(super) fn words() -> String {
    GROUPS.map(|(word, _)| word).join(", ")
}

/// Whether a kind's program is on this machine.
pub(super) fn is_here(kind: VmmKind, data_dir: &Path) -> bool {
    kind.is_host() || tools::find(kind, None, data_dir).is_ok()
}

/// The kinds that these words select, of groups those that are `here`, each once; and those of the groups that are not here.
pub(super) fn expand(selected: &[Selected], here: impl Fn(VmmKind) -> bool) -> (Vec<VmmKind>, Vec<VmmKind>) {
    let (mut kinds, mut missing, mut of_groups) = (Vec::new(), Vec::new(), Vec::new());
    for selected in selected {
        match selected {
            // Two of one name are a mistake, one that a group has brought already is none.
            Selected::Kind(kind) if of_groups.contains(kind) => {}
            Selected::Kind(kind) => kinds.push(*kind),
            Selected::Group(group) => {
                for kind in group.kinds() {
                    let is_here = here(kind);
                    let list = if is_here { &mut kinds } else { &mut missing };
                    if !list.contains(&kind) {
                        list.push(kind);
                    }
                    of_groups.extend(is_here.then_some(kind));
                }
            }
        }
    }
    (kinds, missing)
}

impl Group {
    /// Its kinds in the order of the table, the bare host first.
    fn kinds(self) -> Vec<VmmKind> {
        let is_of = |kind: &VmmKind| match self {
            Group::All => true,
            Group::Containers => kind.container().is_some(),
            Group::Vmms => !kind.is_native(),
        };
        let (mut first, rest): (Vec<_>, Vec<_>) = kinds::all().filter(is_of).partition(|kind| kind.is_host());
        first.extend(rest);
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(kinds: &[VmmKind]) -> Vec<&'static str> {
        kinds.iter().map(|kind| kind.0.name).collect()
    }

    #[test]
    fn words_and_kinds_do_not_get_in_each_others_way() {
        for (word, group) in GROUPS {
            assert_eq!(parse(word), Ok(Selected::Group(group)));
            assert!(kinds::named(word).is_none(), "{word} is a kind, too");
        }
        assert!(kinds::all().all(|kind| parse(kind.0.name) == Ok(Selected::Kind(kind))));
        let error = parse("lxd").expect_err("no kind");
        assert!(error.contains("qemu") && error.contains("containers"), "{error}");
    }

    #[test]
    fn a_group_is_what_is_here_of_it_and_a_name_is_taken_at_its_word() {
        let here = |kind: VmmKind| ["qemu", "host", "bubblewrap", "runc", "uml"].contains(&kind.0.name);
        let of = |text: &str| {
            let selected: Vec<Selected> = text.split(',').map(|word| parse(word).expect(word)).collect();
            let (kinds, missing) = expand(&selected, here);
            (names(&kinds), names(&missing))
        };
        assert_eq!(of("host,containers"), (vec!["host", "bubblewrap", "runc"], vec!["gvisor"]));
        assert_eq!(of("runc,containers,gvisor").0, ["runc", "bubblewrap", "gvisor"]);
        assert_eq!(of("containers,runc,gvisor").0, ["bubblewrap", "runc", "gvisor"]);
        assert_eq!(of("host,host").0, ["host", "host"], "a mistake, which is refused elsewhere");
        assert_eq!(of("vmms"), (vec!["qemu"], vec!["firecracker", "cloud-hypervisor", "crosvm", "kvmtool", "libkrun"]));
        let (all, missing) = of("all");
        assert_eq!((all.first(), all.len() + missing.len()), (Some(&"host"), kinds::all().count()));
    }
}
