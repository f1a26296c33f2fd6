//! A control group (version 2) for each VM: what a VMM forks cannot leave it, so one write ends all of it. Where the memory
//! controller belongs to version 1, as on a hybrid system, a group of that limits memory beside it.
//!
//! Source: the kernel's `Documentation/admin-guide/cgroup-v2.rst`, and `proc(5)` for `/proc/PID/mountinfo`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use crate::hierarchy::Hierarchy;
use crate::limits::Events;

/// Every control group of ours is named `firebench-...`; sweeping touches no others.
pub(crate) const PREFIX: &str = "firebench-";

/// The control group of this process.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Own {
    /// Its directory, in which this process may make control groups.
    pub(crate) path: PathBuf,
    /// The directory on which the hierarchy is mounted.
    mount: PathBuf,
}

/// The control group of this process.
///
/// # Errors
/// Why there is none, in words for the user.
pub(crate) fn own() -> Result<Own, String> {
    let read = |path: &str| fs::read_to_string(path).map_err(|error| format!("cannot read {path}: {error}"));
    directory(&read("/proc/self/mountinfo")?, &read("/proc/self/cgroup")?)
        .ok_or_else(|| "no mounted cgroup v2 hierarchy contains this process".to_owned())
}

/// The directories in which control groups for VMs are made first.
pub(crate) fn places() -> impl Iterator<Item = PathBuf> {
    own().ok().map(|own| own.path).into_iter().chain(own_memory())
}

impl Own {
    /// The directories, the nearest one first, in which a control group has one of these controllers: this group's own, which
    /// has processes, seldom is among them ("no internal processes"), its parent's, a systemd slice, often.
    ///
    /// # Errors
    /// That there are none, in words for the user.
    pub(crate) fn parents_with(&self, controllers: &[&str]) -> Result<Vec<PathBuf>, String> {
        let gives = |directory: &&Path| {
            let given = fs::read_to_string(directory.join("cgroup.subtree_control")).unwrap_or_default();
            given.split_ascii_whitespace().any(|controller| controllers.contains(&controller))
        };
        let above = self.path.ancestors().take_while(|directory| directory.starts_with(&self.mount));
        let parents: Vec<_> = above.filter(gives).map(Path::to_owned).collect();
        if parents.is_empty() {
            let (group, controllers) = (self.path.display(), controllers.join(" or "));
            return Err(format!(
                "neither {group} nor a group above it delegates the {controllers} controller (cgroup v2)"
            ));
        }
        Ok(parents)
    }
}

/// The control group of version 1 that limits the memory of this process, where that controller belongs to version 1.
///
/// Source: the kernel's `Documentation/admin-guide/cgroup-v1/memory.rst`.
pub(crate) fn own_memory() -> Option<PathBuf> {
    let read = |path: &str| fs::read_to_string(path).ok();
    memory_directory(&read("/proc/self/mountinfo")?, &read("/proc/self/cgroup")?)
}

fn memory_directory(mountinfo: &str, cgroup: &str) -> Option<PathBuf> {
    let hierarchy = Hierarchy::Controller("memory");
    let (mount, below) = hierarchy.shown(mountinfo, hierarchy.own(cgroup)?)?;
    Some(mount.join(below))
}

/// The version 2 control group that `cgroup` (the text of `/proc/self/cgroup`) names, under the mounts of `mountinfo`.
fn directory(mountinfo: &str, cgroup: &str) -> Option<Own> {
    let (mount, below) = Hierarchy::Unified.shown(mountinfo, Hierarchy::Unified.own(cgroup)?)?;
    Some(Own { path: mount.join(below), mount })
}

/// How long killed processes may take to leave their group. They are gone within milliseconds, unless a disk hangs.
const PATIENCE: Duration = Duration::from_secs(2);

/// A control group of ours. Ends what is in it and removes it when dropped.
#[derive(Debug)]
pub(crate) struct Cgroup {
    path: PathBuf,
    /// A group of version 1 beside it that limits memory, where that controller belongs to version 1.
    memory: Option<PathBuf>,
}

impl Cgroup {
    /// Makes the control group `path`, which must not exist yet; and `memory` as one of version 1 that limits memory.
    pub(crate) fn create(path: PathBuf, memory: Option<PathBuf>) -> io::Result<Cgroup> {
        fs::create_dir(&path)?;
        let mut group = Cgroup { path, memory: None };
        if let Some(memory) = memory {
            fs::create_dir(&memory)?;
            group.memory = Some(memory);
        }
        Ok(group)
    }

    /// The control group `path` of a firebench that is gone; `None` where it does not exist, or is not one of ours.
    pub(crate) fn leftover(path: &Path) -> Option<Cgroup> {
        let ours = path.file_name()?.to_str()?.starts_with(PREFIX);
        let plain = path.components().all(|part| matches!(part, Component::Normal(_) | Component::RootDir));
        (ours && plain && path.join("cgroup.procs").is_file()).then(|| Cgroup { path: path.to_owned(), memory: None })
    }

    /// Its directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The files into which a process writes 0 to move itself here.
    pub(crate) fn entrances(&self) -> io::Result<Vec<File>> {
        let groups = std::iter::once(&self.path).chain(&self.memory);
        groups.map(|group| OpenOptions::new().write(true).open(group.join("cgroup.procs"))).collect()
    }

    fn set(&self, file: &str, value: u64) -> io::Result<()> {
        set_in(&self.path, file, value)
    }

    /// Lets it have so many processes and threads.
    pub(crate) fn limit_processes(&self, count: u32) -> io::Result<()> {
        self.set("pids.max", count.into())
    }

    /// What it saw of its limits. What has no limit sees nothing.
    pub(crate) fn events(&self) -> Events {
        let saw = |group: &Path, file: &str, event: &str| {
            let events = fs::read_to_string(group.join(file)).unwrap_or_default();
            let count = events.lines().find_map(|line| line.strip_prefix(event)?.trim().parse::<u64>().ok());
            count.is_some_and(|count| count > 0)
        };
        let in_version_1 = |memory: &PathBuf| saw(memory, "memory.oom_control", "oom_kill ");
        Events {
            killed_for_memory: saw(&self.path, "memory.events", "oom_kill ")
                || self.memory.as_ref().is_some_and(in_version_1),
            refused_processes: saw(&self.path, "pids.events", "max "),
        }
    }

    /// CPU time in user mode and in the kernel of all that has been in it: every group of version 2 counts that, whatever
    /// controllers it has.
    ///
    /// Source: the kernel's `Documentation/admin-guide/cgroup-v2.rst`, "cpu.stat".
    pub(crate) fn cpu_time(&self) -> Option<(Duration, Duration)> {
        let stat = fs::read_to_string(self.path.join("cpu.stat")).ok()?;
        let time = |name: &str| {
            let microseconds = stat.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
            microseconds.map(Duration::from_micros)
        };
        Some((time("user_usec ")?, time("system_usec ")?))
    }

    /// Lets its processes have `bytes` of memory, page cache included, and nothing of it swapped out.
    pub(crate) fn limit_memory(&self, bytes: u64) -> io::Result<()> {
        let swap = match &self.memory {
            // Of memory and swap together.
            Some(memory) => {
                set_in(memory, "memory.limit_in_bytes", bytes)?;
                set_in(memory, "memory.memsw.limit_in_bytes", bytes)
            }
            None => {
                self.set("memory.max", bytes)?;
                self.set("memory.swap.max", 0)
            }
        };
        match swap {
            // A kernel that does not account swap; most of those have none.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    /// Sends SIGKILL to every process in it.
    pub(crate) fn kill(&self) -> io::Result<()> {
        match fs::write(self.path.join("cgroup.kill"), "1") {
            // Linux before 5.14 has no such file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => self.kill_one_by_one(),
            result => result,
        }
    }

    fn kill_one_by_one(&self) -> io::Result<()> {
        let members = match fs::read_to_string(self.path.join("cgroup.procs")) {
            // Somebody has removed it, so nobody was in it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            result => result?,
        };
        for pid in members.lines().filter_map(|line| line.parse().ok()).filter(|&pid| pid > 0) {
            match nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL) {
                Ok(()) | Err(nix::errno::Errno::ESRCH) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Kills what is left in it and removes it.
    pub(crate) fn remove(&self) -> io::Result<()> {
        let start = Instant::now();
        for group in std::iter::once(&self.path).chain(&self.memory) {
            loop {
                match fs::remove_dir(group) {
                    Err(error) if error.kind() == io::ErrorKind::NotFound => break,
                    Err(error) if start.elapsed() < PATIENCE && error.raw_os_error() == Some(libc::EBUSY) => {}
                    result => {
                        result?;
                        break;
                    }
                }
                self.kill()?;
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        Ok(())
    }
}

fn set_in(group: &Path, file: &str, value: u64) -> io::Result<()> {
    OpenOptions::new().write(true).open(group.join(file))?.write_all(value.to_string().as_bytes())
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // Whoever wants to know whether it worked has called `remove` before.
        let _ = self.remove();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIFIED: &str = "23 1 8:1 / / rw - ext4 /dev/vda rw\n\
                           31 23 0:28 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw\n";

    fn path_of(mountinfo: &str, cgroup: &str) -> Option<PathBuf> {
        directory(mountinfo, cgroup).map(|own| own.path)
    }

    #[test]
    fn finds_the_own_group_of_a_unified_hierarchy() {
        let own = path_of(UNIFIED, "0::/user.slice/user-1000.slice/session-3.scope\n");
        assert_eq!(own, Some("/sys/fs/cgroup/user.slice/user-1000.slice/session-3.scope".into()));
    }

    #[test]
    fn finds_the_own_group_beside_version_1() {
        let mountinfo = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
                         41 31 0:38 / /sys/fs/cgroup/uni\\040fied rw - cgroup2 cgroup2 rw\n";
        let own = path_of(mountinfo, "4:memory:/x\n0::/\n");
        assert_eq!(own, Some("/sys/fs/cgroup/uni fied".into()));
    }

    #[test]
    fn follows_the_root_of_a_bind_mount() {
        let mountinfo = "41 31 0:38 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
        assert_eq!(path_of(mountinfo, "0::/docker/abc/inner\n"), Some("/sys/fs/cgroup/inner".into()));
        assert_eq!(path_of(mountinfo, "0::/docker/other\n"), None, "outside of what is mounted");
        assert_eq!(path_of(UNIFIED, "0::/../other\n"), None, "outside of the cgroup namespace");
    }

    #[test]
    fn finds_none_without_version_2() {
        assert_eq!(path_of("32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", "0::/\n"), None);
        assert_eq!(path_of(UNIFIED, "4:memory:/x\n"), None);
    }

    #[test]
    fn finds_the_memory_controller_of_version_1() {
        let mountinfo = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu\n\
                         35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
                         41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
        let own = memory_directory(mountinfo, "4:memory:/x/y\n1:cpu:/z\n0::/\n");
        assert_eq!(own, Some("/sys/fs/cgroup/memory/x/y".into()));
        assert_eq!(memory_directory(UNIFIED, "0::/user.slice\n"), None);
    }

    #[test]
    fn a_limit_of_version_1_goes_beside_a_group_of_version_2() {
        let root = tempfile::tempdir().expect("temporary directory");
        let [path, memory] = ["firebench-a", "firebench-b"].map(|name| root.path().join(name));
        let group = Cgroup::create(path.clone(), Some(memory.clone())).expect("both");
        for (directory, file) in
            [(&path, "cgroup.procs"), (&memory, "cgroup.procs"), (&memory, "memory.limit_in_bytes")]
        {
            fs::write(directory.join(file), "").expect("file");
        }
        group.limit_memory(1 << 20).expect("a kernel without an account of swap");
        assert_eq!(fs::read_to_string(memory.join("memory.limit_in_bytes")).expect("text"), "1048576");
        assert_eq!(group.entrances().expect("open").len(), 2);
        assert!(!group.events().killed_for_memory);
        fs::write(memory.join("memory.oom_control"), "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n").expect("file");
        assert!(group.events().killed_for_memory);
    }

    #[test]
    fn a_leftover_is_only_what_bears_our_name() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let group = |name: &str| {
            let path = directory.path().join(name);
            fs::create_dir(&path).expect("directory");
            fs::write(path.join("cgroup.procs"), "").expect("file");
            path
        };
        assert!(Cgroup::leftover(&group("firebench-1-x-0")).is_some());
        assert!(Cgroup::leftover(&group("system.slice")).is_none());
        assert!(Cgroup::leftover(&directory.path().join("firebench-gone")).is_none());
        assert!(Cgroup::leftover(&directory.path().join("system.slice/../firebench-1-x-0")).is_none());
    }

    #[test]
    fn memory_is_limited_where_the_controller_is_handed_down() {
        let root = tempfile::tempdir().expect("temporary directory");
        let group = |name: &str, given: &str| {
            let path = root.path().join(name);
            fs::create_dir_all(&path).expect("directory");
            fs::write(path.join("cgroup.subtree_control"), given).expect("file");
            path
        };
        // What is above the mount is nobody's group, whatever it holds.
        group("", "memory\n");
        let mount = group("mount", "cpuset cpu io memory pids\n");
        let slice = group("mount/user.slice", "memory pids\n");
        let service = group("mount/user.slice/user@0.service", "cpu memory_of_another_name pids\n");
        let mut own = Own { path: group("mount/user.slice/user@0.service/x.scope", "\n"), mount: mount.clone() };
        assert_eq!(own.parents_with(&["memory"]), Ok(vec![slice, mount.clone()]));
        fs::write(service.join("cgroup.subtree_control"), "pids memory\n").expect("file");
        assert_eq!(own.parents_with(&["memory"]).map(|parents| parents.len()), Ok(3));
        assert_eq!(own.parents_with(&["memory"]).ok().and_then(|parents| parents.into_iter().next()), Some(service));
        fs::write(own.path.join("cgroup.subtree_control"), "memory").expect("file");
        assert_eq!(own.parents_with(&["memory"]).map(|parents| parents.first() == Some(&own.path)), Ok(true));
        // As in a container, whose mount is its own group.
        own = Own { path: group("mount", "\n"), mount };
        assert!(own.parents_with(&["memory"]).expect_err("none").contains("memory controller"));
    }

    #[test]
    fn a_limit_goes_where_the_kernel_reads_it() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let group = Cgroup { path: directory.path().to_owned(), memory: None };
        assert_eq!(group.limit_memory(1 << 30).expect_err("no controller").kind(), io::ErrorKind::NotFound);
        let file = |name: &str| directory.path().join(name);
        fs::write(file("memory.max"), "").expect("file");
        group.limit_memory(1 << 30).expect("a kernel without an account of swap");
        fs::write(file("memory.swap.max"), "").expect("file");
        group.limit_memory(2 << 30).expect("limit");
        assert_eq!(fs::read_to_string(file("memory.max")).expect("text"), "2147483648");
        assert_eq!(fs::read_to_string(file("memory.swap.max")).expect("text"), "0");
        assert_eq!(group.limit_processes(512).expect_err("no controller").kind(), io::ErrorKind::NotFound);
        fs::write(file("pids.max"), "").expect("file");
        group.limit_processes(512).expect("limit");
        assert_eq!(fs::read_to_string(file("pids.max")).expect("text"), "512");
    }

    #[test]
    fn what_ran_against_a_limit_is_seen() {
        let directory = tempfile::tempdir().expect("temporary directory");
        let group = Cgroup { path: directory.path().to_owned(), memory: None };
        assert_eq!(group.events(), Events::default());
        let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).expect("file");
        write("memory.events", "low 0\nhigh 0\nmax 7\noom 0\noom_kill 0\noom_group_kill 0\n");
        write("pids.events", "max 0\n");
        assert_eq!(group.events(), Events::default(), "pages that were reclaimed are nothing to tell of");
        write("memory.events", "low 0\nhigh 0\nmax 7\noom 1\noom_kill 1\noom_group_kill 0\n");
        assert_eq!(group.events(), Events { killed_for_memory: true, refused_processes: false });
        write("pids.events", "max 23\n");
        assert_eq!(group.events(), Events { killed_for_memory: true, refused_processes: true });
    }
}
