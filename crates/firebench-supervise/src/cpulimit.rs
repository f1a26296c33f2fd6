//! Quotas on the CPU time of this process: those of its control group and of every group above it, and the time that they have
//! taken so far.
//!
//! A process that has used up its quota does not run until the next period (100 ms as a rule) begins. From inside it looks as if
//! the program waited.
//!
//! Sources: the kernel's `Documentation/admin-guide/cgroup-v2.rst` (`cpu.max`, `cpu.stat`) and
//! `Documentation/scheduler/sched-bwc.rst` (version 1: `cpu.cfs_quota_us`, `cpu.stat`); `kernel/cgroup/cgroup.c` and
//! `kernel/cgroup/cgroup-v1.c` for the files that only the first group of a hierarchy has or lacks.

use std::fs;
use std::path::{Path, PathBuf};

use firebench_vmm::CpuLimit;

use crate::hierarchy::Hierarchy;

/// Reads the limit of this process. `root` is where `proc` and `sys` lie: `/`, or a fixture of tests. `None` where no hierarchy
/// that could limit CPU time, and holds this process, is mounted.
pub fn read(root: &Path) -> Option<CpuLimit> {
    let text = |path: &str| fs::read_to_string(root.join(path)).ok();
    let groups = Groups::find(&text("proc/self/cgroup")?, &text("proc/self/mountinfo")?)?;
    let seen: Vec<Seen> = groups.paths().map(|(name, path)| Seen::read(name, &below(root, &path), groups.v1)).collect();
    let strictest = seen
        .iter()
        .filter_map(|group| Some((group.quota?, &group.name)))
        .min_by(|(one, _), (other, _)| one.total_cmp(other));
    let throttled = seen.iter().filter_map(|group| group.throttled);
    Some(CpuLimit {
        quota: strictest.map(|(quota, _)| quota),
        group: strictest.map(|(_, name)| name.clone()),
        hidden: !groups.is_whole(root),
        throttled_seconds: throttled.reduce(|sum, seconds| sum + seconds),
    })
}

/// Where the groups of this process are in the hierarchy that limits CPU time.
#[derive(Debug, PartialEq, Eq)]
struct Groups {
    /// Whether it is one of version 1.
    v1: bool,
    /// The directory on which it is mounted.
    mount: PathBuf,
    /// The group of this process, below that directory.
    own: PathBuf,
}

impl Groups {
    /// The hierarchy of version 1 with the controller `cpu`, if this process is in one; else that of version 2.
    fn find(cgroup: &str, mountinfo: &str) -> Option<Groups> {
        let own = |hierarchy: Hierarchy| Some((hierarchy, hierarchy.own(cgroup)?));
        let (hierarchy, own) = own(Hierarchy::Controller("cpu")).or_else(|| own(Hierarchy::Unified))?;
        let (mount, own) = hierarchy.shown(mountinfo, own)?;
        Some(Groups { v1: hierarchy != Hierarchy::Unified, mount, own })
    }

    /// Every group from this process's own up to the first of what is mounted: its name, and its directory.
    fn paths(&self) -> impl Iterator<Item = (String, PathBuf)> {
        self.own.ancestors().map(|own| (format!("/{}", own.display()), self.mount.join(own)))
    }

    /// Whether the first group of what is mounted is the first of the whole hierarchy.
    fn is_whole(&self, root: &Path) -> bool {
        let has = |name: &str| below(root, &self.mount).join(name).exists();
        if self.v1 { has("cgroup.sane_behavior") } else { !has("cgroup.type") }
    }
}

/// An absolute path, below another root.
fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// What one group says.
struct Seen {
    name: String,
    quota: Option<f64>,
    throttled: Option<f64>,
}

impl Seen {
    fn read(name: String, directory: &Path, v1: bool) -> Seen {
        let text = |file: &str| fs::read_to_string(directory.join(file)).unwrap_or_default();
        let quota = if v1 {
            quota(text("cpu.cfs_quota_us").trim(), text("cpu.cfs_period_us").trim())
        } else {
            text("cpu.max").trim().split_once(' ').and_then(|(most, period)| quota(most, period))
        };
        let stat = text("cpu.stat");
        let count = |name: &str| {
            stat.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse::<u64>().ok())
        };
        let throttled = match v1 {
            true => count("throttled_time").map(|nanoseconds| nanoseconds as f64 / 1e9),
            false => count("throttled_usec").map(|microseconds| microseconds as f64 / 1e6),
        };
        Seen { name, quota, throttled }
    }
}

/// CPUs' worth of time: none for `max` and -1, which mean that there is no quota, and for anything that is not a
/// number.
fn quota(most: &str, period: &str) -> Option<f64> {
    let (most, period): (u64, u64) = (most.parse().ok()?, period.parse().ok()?);
    (most > 0 && period > 0).then(|| most as f64 / period as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A root with these files.
    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for (path, contents) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().expect("a directory")).expect("room");
            fs::write(path, contents).expect("room");
        }
        dir
    }

    fn limit(files: &[(&str, &str)]) -> Option<CpuLimit> {
        read(tree(files).path())
    }

    const V2: (&str, &str) = ("proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n");
    const V1: (&str, &str) = (
        "proc/self/mountinfo",
        "30 23 0:27 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n31 30 0:28 / /sys/fs/cgroup/cpu\\040x rw - cgroup cgroup rw,cpu,cpuacct\n\
         41 30 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
    );
    const V1_OWN: (&str, &str) = ("proc/self/cgroup", "2:memory:/other\n1:cpu,cpuacct:/docker/abc\n0::/\n");

    #[test]
    fn the_strictest_quota_of_all_groups_above_counts() {
        let found = limit(&[
            V2,
            ("proc/self/cgroup", "0::/ci.slice/job.service/step\n"),
            ("sys/fs/cgroup/cpu.stat", "usage_usec 99\n"),
            ("sys/fs/cgroup/ci.slice/cpu.max", "150000 100000\n"),
            ("sys/fs/cgroup/ci.slice/cpu.stat", "usage_usec 99\nnr_throttled 2\nthrottled_usec 500000\n"),
            ("sys/fs/cgroup/ci.slice/job.service/cpu.max", "5000 50000\n"),
            ("sys/fs/cgroup/ci.slice/job.service/cpu.stat", "nr_throttled 9\nthrottled_usec 1500000\nnr_bursts 0\n"),
            ("sys/fs/cgroup/ci.slice/job.service/step/cpu.max", "max 100000\n"),
            // Not a group of this process.
            ("sys/fs/cgroup/ci.slice/other/cpu.max", "1000 100000\n"),
        ]);
        let group = Some("/ci.slice/job.service".to_owned());
        let expected = CpuLimit { quota: Some(0.1), group, hidden: false, throttled_seconds: Some(2.0) };
        assert_eq!(found, Some(expected));
    }

    #[test]
    fn no_quota_is_not_the_same_as_not_known() {
        let own = ("proc/self/cgroup", "0::/user.slice\n");
        let free = limit(&[V2, own, ("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n")]);
        assert_eq!(free, Some(CpuLimit::default()));
        assert_eq!(limit(&[V2]), None);
        assert_eq!(limit(&[own]), None);
        assert_eq!(limit(&[V2, ("proc/self/cgroup", "0::/../other\n")]), None, "outside of the cgroup namespace");
        for bad in ["", "max", "lots 100000", "10000 0", "10000"] {
            let files = [V2, own, ("sys/fs/cgroup/user.slice/cpu.max", bad)];
            assert_eq!(limit(&files), Some(CpuLimit::default()), "{bad:?}");
        }
    }

    #[test]
    fn version_1_says_it_in_other_files_and_units() {
        let files = [
            V1,
            V1_OWN,
            ("sys/fs/cgroup/cpu x/cgroup.sane_behavior", "0\n"),
            ("sys/fs/cgroup/cpu x/cpu.cfs_quota_us", "-1\n"),
            ("sys/fs/cgroup/cpu x/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/cpu x/docker/abc/cpu.cfs_quota_us", "250000\n"),
            ("sys/fs/cgroup/cpu x/docker/abc/cpu.cfs_period_us", "100000\n"),
            ("sys/fs/cgroup/cpu x/docker/abc/cpu.stat", "nr_periods 9\nnr_throttled 3\nthrottled_time 250000000\n"),
            // Version 2 is there as well, without the controller.
            ("sys/fs/cgroup/unified/cpu.stat", "usage_usec 5\n"),
        ];
        let group = Some("/docker/abc".to_owned());
        let expected = CpuLimit { quota: Some(2.5), group, hidden: false, throttled_seconds: Some(0.25) };
        assert_eq!(limit(&files), Some(expected));
    }

    #[test]
    fn in_a_container_the_groups_above_are_hidden() {
        let hidden = |files: &[(&str, &str)]| limit(files).map(|limit| limit.hidden);
        let own = ("proc/self/cgroup", "0::/\n");
        assert_eq!(hidden(&[V2, own, ("sys/fs/cgroup/cpu.stat", "")]), Some(false));
        // Only the first group of all has no type.
        assert_eq!(hidden(&[V2, own, ("sys/fs/cgroup/cgroup.type", "domain\n")]), Some(true));
        let bind = "31 23 0:28 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu,cpuacct\n";
        let files = [("proc/self/mountinfo", bind), V1_OWN, ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000\n")];
        assert_eq!(hidden(&files), Some(true));
    }

    #[test]
    fn this_machine_is_read() {
        if let Some(limit) = read(Path::new("/")) {
            assert!(limit.quota.is_none_or(|cpus| cpus > 0.0), "{limit:?}");
            assert!(limit.throttled_seconds.is_none_or(|seconds| seconds >= 0.0), "{limit:?}");
        }
    }
}
