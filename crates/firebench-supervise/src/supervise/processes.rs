//! The processes of a VM, for whoever wants to look at them from another thread, and what the kernel says of each.
//!
//! They come and go while somebody looks. So whoever looks lists them again afterwards, and believes what it saw if they are still the
//! same.
//!
//! Source: `proc(5)` for `/proc/PID/stat`, `smaps` and `smaps_rollup`.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Vm;

/// Processes of a VM that are looked at. One of ours may have 512.
const MOST: usize = 1024;

/// Bytes of a file of a process that are read: `smaps` has some 700 for a mapping, of which a process may have 65530 by default.
const LONGEST: u64 = 64 << 20;

/// The processes of a VM: those of its control group; without one, those that it started and their session.
#[derive(Debug, Clone)]
pub struct Processes {
    pid: u32,
    group: Option<PathBuf>,
}

/// Why a process could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum Unseen {
    /// It has ended.
    #[error("process {0} has ended")]
    Gone(u32),
    /// There is more of it than anybody reads.
    #[error("process {pid} has more than {} MiB of {file}", LONGEST >> 20)]
    TooMuch {
        /// Which.
        pid: u32,
        /// The name of what was read.
        file: &'static str,
    },
    /// There are more than anybody looks at.
    #[error("there are more than {MOST} processes")]
    TooMany,
    /// The system refuses.
    #[error("cannot read {file} of process {pid}: {source}")]
    Refused {
        /// Which.
        pid: u32,
        /// The name of what was to be read.
        file: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// Nobody can say which there are.
    #[error("cannot list the processes: {0}")]
    Unlisted(io::Error),
}

impl Vm {
    /// Its processes.
    pub fn processes(&self) -> Processes {
        Processes { pid: self.pid(), group: self.cgroup.as_ref().map(|cgroup| cgroup.path().to_owned()) }
    }
}

impl Processes {
    /// Those that are there and have memory of their own, but for firebench's, which hold and watch them.
    ///
    /// # Errors
    /// [`Unseen`].
    pub fn list(&self) -> Result<BTreeSet<u32>, Unseen> {
        let all = match &self.group {
            Some(group) => members(group).map_err(Unseen::Unlisted)?,
            None => family(self.pid, &relatives().map_err(Unseen::Unlisted)?),
        };
        let own = program("self").ok();
        let has_memory = |pid: &u32| match program(pid) {
            Ok(program) => Some(program) != own,
            // Threads of the kernel, such as KVM's of a VM, are in its control group and execute no program, nor does who has ended.
            Err(error) => !matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH)),
        };
        let others: BTreeSet<u32> = all.into_iter().filter(has_memory).collect();
        if others.len() > MOST { Err(Unseen::TooMany) } else { Ok(others) }
    }

    /// Reads `smaps` of a process, line by line. It ends early, without an error, once `go_on` says so.
    ///
    /// # Errors
    /// [`Unseen`]; then nothing that was read is to be believed.
    pub fn smaps(pid: u32, go_on: impl FnMut(&str) -> bool) -> Result<(), Unseen> {
        lines(pid, "smaps", go_on)
    }

    /// The same of `smaps_rollup`.
    ///
    /// # Errors
    /// As for [`Processes::smaps`].
    pub fn rollup(pid: u32, go_on: impl FnMut(&str) -> bool) -> Result<(), Unseen> {
        lines(pid, "smaps_rollup", go_on)
    }
}

/// The processes of a control group.
fn members(group: &Path) -> io::Result<BTreeSet<u32>> {
    let text = fs::read_to_string(group.join("cgroup.procs"))?;
    // Who is not of this process namespace is 0.
    Ok(text.lines().filter_map(|line| line.parse().ok()).filter(|&pid| pid > 0).collect())
}

/// The program that a process executes, by device and inode.
fn program(process: impl std::fmt::Display) -> io::Result<(u64, u64)> {
    let program = fs::metadata(format!("/proc/{process}/exe"))?;
    Ok((program.dev(), program.ino()))
}

/// A process, its parent and its session.
type Relative = (u32, u32, u32);

/// All processes of the machine.
fn relatives() -> io::Result<Vec<Relative>> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        found.extend(relative(pid, &stat));
    }
    Ok(found)
}

/// A process by its `stat`. Its own name may have blanks and parentheses.
fn relative(pid: u32, stat: &str) -> Option<Relative> {
    let mut after_name = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(1);
    let (parent, _, session) = (after_name.next()?, after_name.next()?, after_name.next()?);
    Some((pid, parent.parse().ok()?, session.parse().ok()?))
}

/// The processes that come from `first` or are of the session that it leads.
fn family(first: u32, all: &[Relative]) -> BTreeSet<u32> {
    let is_there = |&(pid, _, session): &Relative| pid == first || session == first;
    let mut family: BTreeSet<u32> = all.iter().filter(|relative| is_there(relative)).map(|&(pid, ..)| pid).collect();
    loop {
        let children = all.iter().filter(|(_, parent, _)| family.contains(parent)).map(|&(pid, ..)| pid);
        let grown: BTreeSet<u32> = family.iter().copied().chain(children).collect();
        if grown.len() == family.len() {
            return family;
        }
        family = grown;
    }
}

fn lines(pid: u32, file: &'static str, mut go_on: impl FnMut(&str) -> bool) -> Result<(), Unseen> {
    let unseen = |source: io::Error| match source.raw_os_error() {
        Some(libc::ENOENT | libc::ESRCH) => Unseen::Gone(pid),
        _ => Unseen::Refused { pid, file, source },
    };
    let opened = File::open(format!("/proc/{pid}/{file}")).map_err(|source| match unseen(source) {
        // A kernel without CONFIG_PROC_PAGE_MONITOR has no such file.
        Unseen::Gone(_) if Path::new(&format!("/proc/{pid}/stat")).exists() => {
            Unseen::Refused { pid, file, source: io::ErrorKind::NotFound.into() }
        }
        other => other,
    })?;
    let mut reader = BufReader::new(opened.take(LONGEST));
    let (mut line, mut any) = (Vec::new(), false);
    loop {
        line.clear();
        match reader.read_until(b'\n', &mut line).map_err(unseen)? {
            // Who has ended, and has not been waited for, has no memory.
            0 if !any => return Err(Unseen::Gone(pid)),
            0 if reader.get_ref().limit() == 0 => return Err(Unseen::TooMuch { pid, file }),
            0 => return Ok(()),
            _ => any = true,
        }
        if !go_on(String::from_utf8_lossy(&line).trim_end_matches('\n')) {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_family_is_all_that_comes_from_its_first_and_its_session() {
        let all = [(1, 0, 1), (10, 1, 10), (11, 10, 10), (12, 11, 12), (13, 12, 12), (14, 1, 10), (20, 1, 20)];
        assert_eq!(family(10, &all), BTreeSet::from([10, 11, 12, 13, 14]));
        // Of a first one that has gone, its session is left.
        assert_eq!(family(20, &all[..6]), BTreeSet::new());
    }

    #[test]
    fn a_name_may_look_like_the_rest_of_its_line() {
        assert_eq!(relative(7, "7 (a) R 1 (b) c) S 3 7 5 0 -1 4194560"), Some((7, 3, 5)));
        assert_eq!(relative(7, ""), None);
    }

    #[test]
    fn the_mappings_of_a_process_are_read_until_it_has_ended() {
        let mut child = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().expect("it starts");
        let processes = Processes { pid: child.id(), group: None };
        // Until it has executed its program, it is a copy of this one.
        while !processes.list().expect("a list").contains(&child.id()) {
            std::thread::yield_now();
        }
        let (mut rss, mut rollup) = (0, 0);
        Processes::smaps(child.id(), |line| {
            rss += i32::from(line.starts_with("Rss:"));
            true
        })
        .expect("lines");
        Processes::rollup(child.id(), |line| {
            rollup += i32::from(line.starts_with("Rss:"));
            true
        })
        .expect("lines");
        assert!(rss > 5 && rollup == 1, "{rss} mappings, {rollup} sum");
        child.kill().expect("killed");
        let pid = child.id();
        let ended = || Processes::smaps(pid, |_| true);
        // Killed, and nobody has waited for it yet.
        while ended().is_ok() {
            std::thread::yield_now();
        }
        assert!(matches!(ended(), Err(Unseen::Gone(gone)) if gone == pid), "{:?}", ended());
        child.wait().expect("its end");
        assert!(matches!(ended(), Err(Unseen::Gone(_))));
    }

    #[test]
    fn who_watches_is_none_of_the_watched() {
        let own = Processes { pid: std::process::id(), group: None };
        assert!(!own.list().expect("a list").contains(&std::process::id()));
    }
}
