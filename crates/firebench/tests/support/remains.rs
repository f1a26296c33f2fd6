//! What a run must not leave behind, on this whole computer. Others work on it, too: only what could be firebench's counts.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use super::common::{SOON, wait_for};

/// How long the kernel may take to be done with what was killed.
const PATIENCE: Duration = Duration::from_secs(30);

/// The computer as it was.
#[derive(Debug)]
pub struct Surroundings {
    interfaces: BTreeSet<String>,
    mounts: BTreeSet<String>,
}

impl Surroundings {
    /// As it is.
    pub fn now() -> Surroundings {
        let mounts = fs::read_to_string("/proc/self/mounts").expect("procfs");
        let mounts = mounts.lines().filter(|line| line.contains("firebench") || is_of_cgroups(line));
        let interfaces = names(Path::new("/sys/class/net"));
        let interfaces = interfaces.into_iter().filter(|name| name.starts_with("tap") || name.starts_with("firebench"));
        Surroundings { interfaces: interfaces.collect(), mounts: mounts.map(str::to_owned).collect() }
    }

    /// What there is, when some time has passed, that was not before: of the lab at `dir` with the temporary directory
    /// `tmp`, and of its process `pid`.
    pub fn wait_for_nothing(&self, dir: &Path, tmp: &Path, pid: u32) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let remains = self.remains(dir, tmp, pid);
            if remains.is_empty() || begun.elapsed() > PATIENCE {
                return remains;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn remains(&self, dir: &Path, tmp: &Path, pid: u32) -> Vec<String> {
        let now = Surroundings::now();
        let files = names(tmp).into_iter().map(|name| format!("file {name} in TMPDIR"));
        let processes = processes(dir).into_iter().map(|(pid, cmdline)| format!("process {pid}: {cmdline}"));
        let interfaces = now.interfaces.difference(&self.interfaces).map(|name| format!("network interface {name}"));
        let mounts = now.mounts.difference(&self.mounts).filter(|line| line.contains("firebench"));
        let mounts = mounts.map(|line| format!("mount {line}"));
        let mut cgroups = Vec::new();
        for root in cgroup_mounts(&now.mounts) {
            find_cgroups(Path::new(&root), &format!("firebench-{pid}-"), &mut cgroups);
        }
        files.chain(processes).chain(interfaces).chain(mounts).chain(cgroups).collect()
    }
}

/// The living processes whose command line or environment names a path in `dir`, or that have mounts of their own from there, with
/// their command lines.
pub fn processes(dir: &Path) -> Vec<(u32, String)> {
    let needle = dir.as_os_str().as_bytes();
    let mentions = |path: &Path| {
        // A process may end meanwhile, or belong to somebody else.
        fs::read(path).is_ok_and(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
    };
    let own_mounts = fs::read_link("/proc/self/ns/mnt").ok();
    let has_mounts = |proc: &Path| {
        let mounts = fs::read_link(proc.join("ns/mnt")).ok();
        mounts.is_some() && mounts != own_mounts && mentions(&proc.join("mountinfo"))
    };
    let mut found = Vec::new();
    for name in names(Path::new("/proc")) {
        let Ok(pid) = name.parse::<u32>() else { continue };
        let proc = Path::new("/proc").join(&name);
        if pid != std::process::id()
            && (mentions(&proc.join("cmdline")) || mentions(&proc.join("environ")) || has_mounts(&proc))
        {
            let cmdline = fs::read(proc.join("cmdline")).unwrap_or_default();
            found.push((pid, String::from_utf8_lossy(&cmdline).replace('\0', " ")));
        }
    }
    found
}

/// Whether a line of mounts is that of a hierarchy in which firebench makes control groups: version 2, and version 1's for memory.
fn is_of_cgroups(line: &str) -> bool {
    let fields: Vec<&str> = line.split(' ').collect();
    let memory = || fields.get(3).is_some_and(|options| options.split(',').any(|option| option == "memory"));
    match fields.get(2) {
        Some(&"cgroup2") => true,
        Some(&"cgroup") => memory(),
        _ => false,
    }
}

/// Where control groups are mounted.
fn cgroup_mounts(mounts: &BTreeSet<String>) -> Vec<String> {
    let lines = mounts.iter().filter(|line| is_of_cgroups(line));
    lines.filter_map(|line| line.split(' ').nth(1).map(str::to_owned)).collect()
}

fn find_cgroups(dir: &Path, prefix: &str, found: &mut Vec<String>) {
    for name in names(dir) {
        let path = dir.join(&name);
        if name.starts_with(prefix) {
            found.push(format!("control group {}", path.display()));
        }
        if fs::symlink_metadata(&path).is_ok_and(|data| data.is_dir()) {
            find_cgroups(&path, prefix, found);
        }
    }
}

fn names(dir: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn the_look_at_what_is_left_sees_it() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let tmp = dir.path().join("tmp");
    fs::create_dir(&tmp).expect("a directory");
    let before = Surroundings::now();
    assert_eq!(before.wait_for_nothing(dir.path(), &tmp, 1), [""; 0]);
    fs::write(tmp.join("forgotten"), "").expect("a file");
    let mut forgotten = std::process::Command::new("sleep").arg("60").env("TMPDIR", &tmp).spawn().expect("sleep runs");
    // It is there a little before its arguments and its environment are.
    let environ = format!("/proc/{}/environ", forgotten.id());
    wait_for("its environment", SOON, || fs::read(&environ).is_ok_and(|e| !e.is_empty()).then_some(()));
    // Where this process may make control groups: on most computers not without root.
    let group = cgroup_mounts(&before.mounts).into_iter().map(|mount| Path::new(&mount).join("firebench-1-forgotten"));
    let group = group.into_iter().find(|group| fs::create_dir(group).is_ok());
    let remains = before.remains(dir.path(), &tmp, 1);
    if let Some(group) = &group {
        fs::remove_dir(group).expect("nobody is in it");
    }
    forgotten.kill().and_then(|()| forgotten.wait()).expect("it is ours");
    assert_eq!(remains[..2], ["file forgotten in TMPDIR".to_owned(), format!("process {}: sleep 60 ", forgotten.id())]);
    // One hierarchy may be mounted at several places.
    assert!(remains[2..].iter().all(|remain| remain.starts_with("control group ")), "{remains:?}");
    assert_eq!(remains.len() > 2, group.is_some(), "{remains:?}");
    assert_eq!(before.wait_for_nothing(dir.path(), dir.path(), 1), ["file tmp in TMPDIR"], "nothing but this file");
}
