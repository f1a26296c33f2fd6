//! What KVM counts of a VM: how often the guest left its CPU, and what for.
//!
//! Source: the kernel's `virt/kvm/kvm_main.c` (`kvm_create_vm_debugfs`: a directory for each VM, `kvm/TID-FD` in debugfs, with the
//! thread that made it) and `arch/x86/kvm/x86.c` (`kvm_vm_stats_desc`, `kvm_vcpu_stats_desc`). A file of it says its number once, and
//! while it is open KVM keeps its side of the VM: what it counted can be read when the VMM has ended.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Where KVM has its directories.
const KVM: &str = "/sys/kernel/debug/kvm";

/// What is read, by KVM's own names, which are those of the files.
pub const NAMES: [&str; 11] = [
    "exits",
    "io_exits",
    "mmio_exits",
    "hypercalls",
    "halt_exits",
    "irq_exits",
    "signal_exits",
    "irq_injections",
    "insn_emulation",
    "pf_taken",
    "pf_fixed",
];

/// How often what happened, by KVM's name for it. What a kernel does not count is missing.
pub type Counts = BTreeMap<String, u64>;

/// The threads of process `pid`, by their numbers in the whole machine, by which KVM and its tracepoints call them; none once it is gone.
pub(crate) fn threads(pid: libc::pid_t) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks.filter_map(|task| task.file_name().into_string().ok()).collect()
}

/// The counters of a VM, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Counters {
    /// Its directories; a VMM could make several VMs.
    directories: Vec<PathBuf>,
    /// A file of each, which keeps it.
    _held: Vec<File>,
}

impl Counters {
    /// Those of the VMs that threads of process `pid` made; None where there are none, or they may not be read (debugfs is root's).
    pub(crate) fn of(pid: libc::pid_t) -> Option<Counters> {
        Counters::below(Path::new(KVM), &threads(pid))
    }

    fn below(kvm: &Path, threads: &[String]) -> Option<Counters> {
        let is_own = |name: &str| {
            let thread = name.split_once('-').map(|(thread, _)| thread);
            thread.is_some_and(|thread| threads.iter().any(|own| own == thread))
        };
        let directories = fs::read_dir(kvm).ok()?.flatten();
        let own = directories.filter(|entry| entry.file_name().to_str().is_some_and(is_own)).map(|entry| entry.path());
        let held = |directory: PathBuf| File::open(directory.join("exits")).ok().map(|file| (directory, file));
        let (directories, held): (Vec<_>, Vec<_>) = own.filter_map(held).unzip();
        (!directories.is_empty()).then_some(Counters { directories, _held: held })
    }

    /// What they say now.
    pub(crate) fn read(&self) -> Counts {
        let count = |name: &str| {
            let of = |directory: &PathBuf| fs::read_to_string(directory.join(name)).ok()?.trim().parse::<u64>().ok();
            self.directories.iter().filter_map(of).reduce(u64::saturating_add)
        };
        NAMES.iter().filter_map(|&name| Some((name.to_owned(), count(name)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vm_is_known_by_the_thread_that_made_it() {
        let dir = tempfile::tempdir().unwrap();
        let kvm = dir.path().join("kvm");
        for (name, exits, io) in [("71-9", "120", Some("20")), ("72-9", "7", None), ("7-19", "1000", Some("1000"))] {
            fs::create_dir_all(kvm.join(name)).unwrap();
            fs::write(kvm.join(name).join("exits"), format!("{exits}\n")).unwrap();
            if let Some(io) = io {
                fs::write(kvm.join(name).join("io_exits"), format!("{io}\n")).unwrap();
            }
        }
        fs::write(kvm.join("exits"), "1127\n").unwrap();
        let tasks = ["71", "72", "73"].map(str::to_owned);
        let counted = |of: &[(&str, u64)]| of.iter().map(|&(name, n)| (name.to_owned(), n)).collect::<Counts>();
        let counters = Counters::below(&kvm, &tasks).unwrap();
        assert_eq!(counters.read(), counted(&[("exits", 127), ("io_exits", 20)]), "of both VMs that it made");
        fs::write(kvm.join("71-9/exits"), "no number\n").unwrap();
        assert_eq!(counters.read(), counted(&[("exits", 7), ("io_exits", 20)]));
        assert!(Counters::below(&kvm, &tasks[2..]).is_none(), "that of others");
        assert!(Counters::below(&dir.path().join("none"), &tasks).is_none());
    }
}
