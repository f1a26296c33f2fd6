//! What the processes of a contender have of the host's memory, looked at from a thread of its own while an iteration runs: reading the
//! mappings of a process can take long, and the console must be read at once.
//!
//! A look counts if the processes are the same before and after it, and each could be read. The thread is never waited for: a process that
//! is ended gives up whatever the kernel was to read of it.

use std::collections::VecDeque;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use firebench_model::record::{Footprint, MemoryUse};
use firebench_model::smaps::{self, MappedFile, Marks, Smaps};
use firebench_os::deadline;
use firebench_supervise::{Processes, Unseen};
use firebench_vmm::VmmKind;

/// From the end of a look to the next one.
const PAUSE: Duration = Duration::from_millis(100);

/// Looks that are kept: the last one that was over before the iteration was is among them, for the end of an iteration is heard of soon.
const KEPT: usize = 16;

/// A look at all processes.
#[derive(Debug, Clone, Copy)]
struct Look {
    begun: Instant,
    done: Instant,
    used: MemoryUse,
}

/// What has been seen.
#[derive(Debug, Default)]
struct Seen {
    /// The last look that counts in the first half of the time for which it holds still before its work; or the first look at all.
    before: Option<Look>,
    last: VecDeque<Look>,
    /// Why the last look did not count, if it did not.
    failed: Option<String>,
}

impl Seen {
    /// Why nothing was seen of what held still for so long.
    fn why_not(&self, still: Duration) -> String {
        let longest = self.last.iter().map(|look| look.done.saturating_duration_since(look.begun)).max();
        match (longest, &self.failed) {
            (None, Some(failed)) => failed.clone(),
            (longest, _) => {
                let (still, longest) = (still.as_secs_f64(), longest.unwrap_or_default().as_secs_f64());
                format!(
                    "firebench did not get to look at its memory within the {still} s for which it held still (a look took {longest:.2} s)"
                )
            }
        }
    }
}

/// Looks at the memory of a contender until it is dropped.
#[derive(Debug)]
pub struct Watch {
    begun: Instant,
    still: Duration,
    over: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
}

impl Watch {
    /// Looks from now on, at what holds still for so long before its work, and after it.
    pub fn begin(processes: Processes, marks: Marks, still: Duration) -> Watch {
        let watch = Watch { begun: Instant::now(), still, over: Arc::default(), seen: Arc::default() };
        let (over, seen) = (Arc::clone(&watch.over), Arc::clone(&watch.seen));
        // Its own time began earlier, and its programs have to start.
        let half = deadline::after(watch.begun, still.checked_div(2).unwrap_or(still));
        let thread = std::thread::Builder::new().name("footprint".to_owned());
        if let Err(error) = thread.spawn(move || look_on(&processes, &marks, half, &over, &seen)) {
            keep(&watch.seen, half, Err(format!("no thread could be started: {error}")));
        }
        watch
    }

    /// What there was before the work of an iteration that has ended at `ended`, and after it, as far as it was seen.
    pub fn end(self, ended: Instant) -> Footprint {
        let still = self.still;
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let while_still = |look: &&Look| look.done.saturating_duration_since(self.begun) <= still;
        let boot = seen.before.as_ref().filter(while_still).map(|look| look.used);
        let after = |look: &&Look| look.done <= ended && ended.saturating_duration_since(look.begun) <= still;
        let work = seen.last.iter().rev().find(after).map(|look| look.used);
        let missing = (boot.is_none() || work.is_none()).then(|| seen.why_not(still));
        Footprint { boot, work, missing }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// By what the mappings of a contender are known that boots these files, where it boots any.
pub fn marks(kind: VmmKind, memory_mib: u32, boots: &[PathBuf]) -> Marks {
    let guest_bytes = kind.boots_a_guest().then(|| u64::from(memory_mib).saturating_mul(1 << 20));
    Marks { guest_names: kind.guest_memory, guest_bytes, files: boots.iter().filter_map(|path| mapped(path)).collect() }
}

/// A file, as the mappings of those name it that map it.
fn mapped(path: &Path) -> Option<MappedFile> {
    let file = path.metadata().ok()?;
    let (major, minor) = (libc::major(file.dev()), libc::minor(file.dev()));
    Some(MappedFile { path: path.to_str()?.to_owned(), device: format!("{major:02x}:{minor:02x}"), inode: file.ino() })
}

fn look_on(processes: &Processes, marks: &Marks, half: Instant, over: &AtomicBool, seen: &Mutex<Seen>) {
    while !over.load(Ordering::Relaxed) {
        keep(seen, half, look(processes, marks, over));
        std::thread::sleep(PAUSE);
    }
}

fn keep(seen: &Mutex<Seen>, half: Instant, look: Result<Look, String>) {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    match look {
        Ok(look) => {
            if seen.before.is_none() || look.done <= half {
                seen.before = Some(look);
            }
            if seen.last.len() == KEPT {
                seen.last.pop_front();
            }
            seen.last.push_back(look);
            seen.failed = None;
        }
        Err(why) => seen.failed = Some(why),
    }
}

/// Looks at every process once.
///
/// # Errors
/// Why the look does not count, in a sentence without its end.
fn look(processes: &Processes, marks: &Marks, over: &AtomicBool) -> Result<Look, String> {
    let changed = || "its processes changed while their memory was looked at".to_owned();
    let why = |unseen: Unseen| match unseen {
        Unseen::Gone(_) => changed(),
        other => format!("its memory could not be looked at: {other}"),
    };
    let begun = Instant::now();
    let listed = processes.list().map_err(why)?;
    let mut used = MemoryUse::default();
    for &pid in &listed {
        used = used.and(of_process(pid, marks, over).map_err(why)?);
    }
    if over.load(Ordering::Relaxed) || listed.is_empty() || processes.list().map_err(why)? != listed {
        return Err(changed());
    }
    Ok(Look { begun, done: Instant::now(), used })
}

fn of_process(pid: u32, marks: &Marks, over: &AtomicBool) -> Result<MemoryUse, Unseen> {
    let mut mappings = Smaps::new(marks);
    Processes::smaps(pid, |line| {
        mappings.line(line);
        !over.load(Ordering::Relaxed)
    })?;
    let mut rollup = 0_u64;
    Processes::rollup(pid, |line| {
        rollup = rollup.saturating_add(smaps::of_rollup(line).unwrap_or(0));
        true
    })?;
    Ok(MemoryUse { rollup, ..mappings.end() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watch(looks: &[(u64, u64, u64)], failed: Option<&str>) -> (Watch, Instant) {
        let begun = Instant::now();
        let at = |millis: u64| begun + Duration::from_millis(millis);
        let watch = Watch { begun, still: Duration::from_secs(1), over: Arc::default(), seen: Arc::default() };
        let half = at(500);
        for &(from, to, pss) in looks {
            let used = MemoryUse { pss, ..MemoryUse::default() };
            keep(&watch.seen, half, Ok(Look { begun: at(from), done: at(to), used }));
        }
        if let Some(why) = failed {
            keep(&watch.seen, half, Err(why.to_owned()));
        }
        (watch, begun)
    }

    #[test]
    fn what_was_seen_while_it_held_still_counts() {
        // It works from 1000 to 3000, and ends at 4000.
        let (watch, begun) = watch(
            &[(10, 90, 9), (200, 400, 1), (500, 700, 9), (2000, 2100, 2), (3200, 3300, 3), (3900, 4001, 4)],
            Some("changed"),
        );
        let footprint = watch.end(begun + Duration::from_millis(4000));
        assert_eq!(footprint.boot.map(|used| used.pss), Some(1));
        assert_eq!(footprint.work.map(|used| used.pss), Some(3));
        assert_eq!(footprint.missing, None, "what did not count afterwards is nobody's concern");
    }

    #[test]
    fn what_was_seen_while_it_worked_does_not() {
        let (watch, begun) = watch(&[(900, 1100, 1), (2000, 2100, 2)], None);
        let footprint = watch.end(begun + Duration::from_millis(4000));
        assert_eq!((footprint.boot, footprint.work), (None, None));
        let why = footprint.missing.expect("a reason");
        assert!(why.contains("within the 1 s for which it held still"), "{why}");
    }

    #[test]
    fn it_is_said_why_nothing_was_seen() {
        let (watch, begun) = watch(&[], Some("it could not be looked at"));
        let footprint = watch.end(begun + Duration::from_secs(4));
        assert!(footprint.boot.is_none() && footprint.work.is_none());
        assert_eq!(footprint.missing.as_deref(), Some("it could not be looked at"));
    }
}
