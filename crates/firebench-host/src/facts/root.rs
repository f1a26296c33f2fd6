//! One function a fact: from a file below a root to a value.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

use firebench_model::host::{Cgroups, HugePages};
use firebench_model::kernel_text::{count_list, list, marked};

use super::cpu_time::CpuTime;

/// Where `proc`, `sys` and `etc` lie.
pub(super) struct Root<'a>(pub(super) &'a Path);

impl Root<'_> {
    fn text(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.0.join(path)).ok()
    }

    /// A file of one line, if it says anything.
    pub(super) fn line(&self, path: &str) -> Option<String> {
        line(&self.0.join(path))
    }

    fn entries(&self, path: &str) -> impl Iterator<Item = PathBuf> {
        entries(&self.0.join(path))
    }

    /// The word in brackets: `always [madvise] never`.
    pub(super) fn chosen(&self, path: &str) -> Option<String> {
        marked(&self.line(path)?).map(str::to_owned)
    }

    /// A field of the first CPU in `/proc/cpuinfo`.
    pub(super) fn cpuinfo(&self, key: &str) -> Option<String> {
        self.text("proc/cpuinfo")?.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            (name.trim() == key).then(|| value.trim().to_owned())
        })
    }

    pub(super) fn has_cpu_flag(&self, flag: &str) -> bool {
        self.cpuinfo("flags").is_some_and(|flags| flags.split_ascii_whitespace().any(|word| word == flag))
    }

    /// CPUs online.
    pub(super) fn cpus(&self) -> Option<u32> {
        count_list(&self.line("sys/devices/system/cpu/online")?)
    }

    /// The CPUs that this process may use, of those that are online: the kernel lists those, too, that could be plugged in.
    pub(super) fn allowed_cpus(&self) -> Option<String> {
        let status = self.text("proc/self/status")?;
        let allowed = list(status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?)?;
        let online = self.line("sys/devices/system/cpu/online").and_then(|line| list(&line));
        let usable: Vec<_> = match online {
            Some(online) => {
                let common = |&(first, last): &(u32, u32)| {
                    let within = online.iter().map(move |&(start, end)| (first.max(start), last.min(end)));
                    within.filter(|(first, last)| first <= last).collect::<Vec<_>>()
                };
                allowed.iter().flat_map(common).collect()
            }
            None => allowed,
        };
        let word = |&(first, last): &(u32, u32)| {
            if first == last { first.to_string() } else { format!("{first}-{last}") }
        };
        (!usable.is_empty()).then(|| usable.iter().map(word).collect::<Vec<_>>().join(","))
    }

    /// The setting for pages of 2 MiB, which newer kernels keep for each size beside the general one.
    pub(super) fn transparent_huge_pages(&self) -> Option<String> {
        const PLACE: &str = "sys/kernel/mm/transparent_hugepage";
        let of_size = self.chosen(&format!("{PLACE}/hugepages-2048kB/enabled")).filter(|setting| setting != "inherit");
        of_size.or_else(|| self.chosen(&format!("{PLACE}/enabled")))
    }

    /// `/proc/meminfo`: sizes in bytes, counts as they are.
    pub(super) fn meminfo(&self) -> HashMap<String, u64> {
        let text = self.text("proc/meminfo").unwrap_or_default();
        text.lines()
            .filter_map(|line| {
                let (key, value) = line.split_once(':')?;
                let mut words = value.split_ascii_whitespace();
                let number: u64 = words.next()?.parse().ok()?;
                let unit = if words.next() == Some("kB") { 1024 } else { 1 };
                Some((key.to_owned(), number.checked_mul(unit)?))
            })
            .collect()
    }

    pub(super) fn huge_pages(&self, meminfo: &HashMap<String, u64>) -> Option<HugePages> {
        let get = |key| meminfo.get(key).copied();
        Some(HugePages { total: get("HugePages_Total")?, free: get("HugePages_Free")?, size: get("Hugepagesize")? })
    }

    /// `PRETTY_NAME`. Source: os-release(5).
    pub(super) fn distro(&self) -> Option<String> {
        let text = self.text("etc/os-release").or_else(|| self.text("usr/lib/os-release"))?;
        let value = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
        Some(value.trim_matches(['"', '\'']).to_owned())
    }

    pub(super) fn governors(&self) -> Vec<String> {
        let names: BTreeSet<String> = self
            .entries("sys/devices/system/cpu/cpufreq")
            .filter_map(|policy| fs::read_to_string(policy.join("scaling_governor")).ok())
            .map(|name| name.trim().to_owned())
            .collect();
        names.into_iter().collect()
    }

    /// Intel's driver says it the other way round.
    pub(super) fn turbo(&self) -> Option<bool> {
        let no_turbo = self.line("sys/devices/system/cpu/intel_pstate/no_turbo").map(|no| no == "0");
        no_turbo.or_else(|| self.line("sys/devices/system/cpu/cpufreq/boost").map(|boost| boost == "1"))
    }

    pub(super) fn load_average(&self) -> Option<[f64; 3]> {
        let line = self.line("proc/loadavg")?;
        let mut numbers = line.split_ascii_whitespace().map(|word| word.parse().ok());
        Some([numbers.next()??, numbers.next()??, numbers.next()??])
    }

    /// The eighth column of the first line of `/proc/stat`; the ninth and tenth are counted in the first two as well.
    pub(super) fn cpu_time(&self) -> Option<CpuTime> {
        let text = self.text("proc/stat")?;
        let columns = text.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<u64> =
            columns.split_ascii_whitespace().take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
        Some(CpuTime { total: ticks.iter().copied().fold(0, u64::saturating_add), steal: *ticks.get(7)? })
    }

    pub(super) fn cgroups(&self) -> Cgroups {
        let mounts = self.text("proc/mounts").unwrap_or_default();
        let mounted = |kind: &str| mounts.lines().any(|line| line.split(' ').nth(2) == Some(kind));
        match (mounted("cgroup"), mounted("cgroup2")) {
            (true, true) => Cgroups::Hybrid,
            (true, false) => Cgroups::V1,
            (false, true) => Cgroups::V2,
            (false, false) => Cgroups::None,
        }
    }

    /// Whether any kernel thread of DAMON pages out what it finds cold; only root may see that. Source: the kernel's
    /// `Documentation/admin-guide/mm/damon/usage.rst`.
    pub(super) fn damon(&self) -> Option<bool> {
        const PLACE: &str = "sys/kernel/mm/damon/admin/kdamonds";
        if !self.0.join("sys/kernel/mm").exists() {
            return None;
        }
        let mut pages_out = false;
        let below = |path: PathBuf| entries(&path).filter(|path| path.is_dir());
        for thread in below(self.0.join(PLACE)) {
            let runs = line(&thread.join("state"))? == "on";
            for scheme in below(thread.join("contexts")).flat_map(|context| below(context.join("schemes"))) {
                pages_out |= runs && line(&scheme.join("action"))? == "pageout";
            }
        }
        Some(pages_out)
    }

    pub(super) fn mitigations(&self) -> BTreeMap<String, String> {
        self.entries("sys/devices/system/cpu/vulnerabilities")
            .filter_map(|path| {
                let name = path.file_name()?.to_str()?.to_owned();
                Some((name, fs::read_to_string(path).ok()?.trim().to_owned()))
            })
            .collect()
    }
}

/// A file of one line, if it says anything.
fn line(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned()).filter(|line| !line.is_empty())
}

/// What is in a directory; nothing where it cannot be read.
fn entries(directory: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(directory).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()))
}
