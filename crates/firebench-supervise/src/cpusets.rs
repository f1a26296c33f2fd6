//! CPU sets for contenders that run at once: as many as there are contenders, all of one size, and no two on one core where there
//! are cores enough.
//!
//! Source: the kernel's `Documentation/admin-guide/cputopology.rst` for `thread_siblings_list`.

use std::collections::BTreeMap;
use std::path::Path;

/// CPU sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuSets {
    /// The sets, all of one size; of each, first one CPU of every core, then the next ones.
    pub sets: Vec<Vec<u32>>,
    /// Whether there are too few cores, so that CPUs of one core are in different sets.
    pub share_cores: bool,
}

/// The cores that `cpus` belong to, each with those of them that are its threads, as `root` (`/`; a fixture in tests) has them in
/// sysfs. A CPU of which the kernel does not say it has a core of its own.
pub fn cores(root: &Path, cpus: &[u32]) -> Vec<Vec<u32>> {
    let mut cores: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for cpu in cpus {
        let list = root.join(format!("sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list"));
        let siblings = std::fs::read_to_string(list).unwrap_or_else(|_| cpu.to_string());
        cores.entry(siblings.trim().to_owned()).or_default().push(*cpu);
    }
    let mut cores: Vec<Vec<u32>> = cores.into_values().collect();
    cores.sort();
    cores
}

/// Splits the CPUs of `cores` among `contenders`; None where there are too few CPUs, or nobody to give them to. What cannot be
/// shared out evenly is in no set. Pure.
pub fn split(cores: &[Vec<u32>], contenders: usize) -> Option<CpuSets> {
    let share_cores = cores.len() < contenders;
    let mut cores: Vec<Vec<u32>> = match share_cores {
        true => cores.iter().flatten().map(|cpu| vec![*cpu]).collect(),
        false => cores.to_vec(),
    };
    let each = cores.len().checked_div(contenders).filter(|each| *each > 0)?;
    // The cores with most threads, and of all of them as many as each has.
    cores.sort_by_key(|core| std::cmp::Reverse(core.len()));
    cores.truncate(each.saturating_mul(contenders));
    cores.sort();
    let threads = cores.iter().map(Vec::len).min().unwrap_or_default();
    let set = |cores: &[Vec<u32>]| {
        (0..threads).flat_map(|thread| cores.iter().filter_map(move |core| core.get(thread).copied())).collect()
    };
    Some(CpuSets { sets: cores.chunks(each).map(set).collect(), share_cores })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(cores: &[&[u32]], contenders: usize) -> Option<(Vec<Vec<u32>>, bool)> {
        let cores: Vec<Vec<u32>> = cores.iter().map(|core| core.to_vec()).collect();
        split(&cores, contenders).map(|split| (split.sets, split.share_cores))
    }

    #[test]
    fn every_contender_has_as_many_cpus_and_cores_of_its_own() {
        assert_eq!(sets(&[&[0], &[1]], 2), Some((vec![vec![0], vec![1]], false)));
        assert_eq!(sets(&[&[0], &[1], &[2], &[3], &[4]], 2), Some((vec![vec![0, 1], vec![2, 3]], false)));
        let siblings: [&[u32]; 4] = [&[0, 4], &[1, 5], &[2, 6], &[3, 7]];
        assert_eq!(sets(&siblings, 2), Some((vec![vec![0, 1, 4, 5], vec![2, 3, 6, 7]], false)));
        assert_eq!(sets(&siblings, 3), Some((vec![vec![0, 4], vec![1, 5], vec![2, 6]], false)));
        assert_eq!(sets(&siblings, 1), Some((vec![vec![0, 1, 2, 3, 4, 5, 6, 7]], false)));
    }

    #[test]
    fn cores_of_which_a_thread_is_missing_are_taken_last() {
        assert_eq!(sets(&[&[1], &[2, 6], &[3, 7]], 2), Some((vec![vec![2, 6], vec![3, 7]], false)));
        assert_eq!(sets(&[&[1], &[2, 6]], 2), Some((vec![vec![1], vec![2]], false)), "all sets are of one size");
    }

    #[test]
    fn too_few_cores_are_shared_and_too_few_cpus_are_refused() {
        assert_eq!(sets(&[&[0, 1]], 2), Some((vec![vec![0], vec![1]], true)));
        assert_eq!(sets(&[&[0, 2], &[1, 3]], 3), Some((vec![vec![0], vec![1], vec![2]], true)));
        assert_eq!(sets(&[&[0]], 2), None);
        assert_eq!(sets(&[], 2), None);
        assert_eq!(sets(&[&[0]], 0), None);
    }

    #[test]
    fn cores_are_read_from_sysfs() {
        let root = tempfile::tempdir().expect("a directory");
        for (cpu, siblings) in [(0, "0,10"), (2, "2-3"), (3, "2-3"), (10, "0,10")] {
            let topology = root.path().join(format!("sys/devices/system/cpu/cpu{cpu}/topology"));
            std::fs::create_dir_all(&topology).expect("a directory");
            std::fs::write(topology.join("thread_siblings_list"), format!("{siblings}\n")).expect("a file");
        }
        assert_eq!(cores(root.path(), &[0, 2, 3, 10, 11]), [vec![0, 10], vec![2, 3], vec![11]]);
        assert_eq!(cores(root.path(), &[3, 10]), [vec![3], vec![10]], "what may not be used is not there");
    }
}
