//! What of its limits a VMM ran against.

use firebench_vmm::{Limits, kinds};

use crate::exit::{Exit, Usage};
use crate::rlimits::Inherited;

/// Bytes of memory that `limits` allow, with the page cache of the disks.
pub(crate) fn memory_with_cache(limits: &Limits) -> u64 {
    let bytes = limits.cached.iter().filter_map(|disk| Some(std::fs::metadata(disk).ok()?.len()));
    bytes.fold(limits.memory, u64::saturating_add)
}

/// What is seen of a VMM that ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    pub(crate) exit: Exit,
    pub(crate) usage: Usage,
    pub(crate) events: Events,
    pub(crate) stderr: &'a str,
}

/// What of its limits, and of those that it has from firebench's own, a VMM ran against, as far as it can be seen: a sentence
/// each.
pub(crate) fn hit(limits: Option<&Limits>, inherited: Inherited, seen: Seen<'_>) -> Vec<String> {
    let Seen { exit, usage, events, stderr } = seen;
    let mut hit = Vec::new();
    let least = |own: Option<u64>, other: Option<u64>| own.into_iter().chain(other).min();
    let file = least(limits.map(|limits| limits.file), inherited.file);
    let file_too_large = match exit {
        Exit::Signal(signal) => signal == libc::SIGXFSZ,
        Exit::Code(code) => kinds::ends_so_at_the_file_limit(code),
    };
    if let Some(bytes) = file.filter(|_| file_too_large) {
        hit.push(format!("it wrote a file larger than its limit of {} MiB", bytes >> 20));
    }
    // Where the soft limit is the hard one, too, the kernel kills without another signal.
    let used = usage.user.saturating_add(usage.sys).as_secs().saturating_add(1);
    let out_of_time =
        |&seconds: &u64| exit == Exit::Signal(libc::SIGXCPU) || exit == Exit::Signal(libc::SIGKILL) && used >= seconds;
    if let Some(seconds) = inherited.cpu.filter(out_of_time) {
        hit.push(format!("it used up its limit of {seconds} s of CPU time (`ulimit -t`)"));
    }
    let memory = least(limits.map(|limits| limits.memory), inherited.data);
    if let Some(bytes) = limits.map(|limits| limits.memory).filter(|_| events.killed_for_memory) {
        let mib = bytes >> 20;
        hit.push(format!(
            "it used more than its limit of {mib} MiB, which counts its memory and its disk in the page \
        cache"
        ));
    } else if exit != Exit::Code(0) && was_refused_memory(stderr, inherited.addresses.is_some()) {
        let memory = memory.map(|bytes| format!("of which its limit is {} MiB", bytes >> 20));
        let addresses = inherited.addresses.map(|bytes| format!("`ulimit -v` allows {} MiB of addresses", bytes >> 20));
        let limits: Vec<String> = memory.into_iter().chain(addresses).collect();
        if !limits.is_empty() {
            hit.push(format!("it was refused memory, {}", limits.join(", and ")));
        }
    }
    if let Some(limits) = limits.filter(|_| events.refused_processes) {
        hit.push(format!("it needed more than its limit of {} processes and threads", limits.processes));
    }
    hit
}

/// Whether a program says that it was refused memory. Where addresses are limited, the C library says it in other words, too.
fn was_refused_memory(stderr: &str, limited: bool) -> bool {
    let refused =
        ["annot allocate memory", "memory allocation of", "memory exhausted", "ut of memory", "failed to allocate"];
    let of_addresses = ["failed to map segment", "Resource temporarily unavailable"];
    let says = |words: &[&str]| words.iter().any(|words| stderr.contains(words));
    says(&refused) || limited && says(&of_addresses)
}

/// What a control group saw of its limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Events {
    /// The kernel killed a process of it for the memory that it used.
    pub(crate) killed_for_memory: bool,
    /// A process or thread was refused.
    pub(crate) refused_processes: bool,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_disk_counts_where_its_pages_do() {
        let disk = tempfile::NamedTempFile::new().expect("temporary file");
        disk.as_file().set_len(1 << 30).expect("length");
        let limits = Limits::of_guest(512, vec![disk.path().into()]);
        assert_eq!(limits.memory, (512 + 2048) << 20);
        assert_eq!(memory_with_cache(&limits), (512 + 2048 + 1024) << 20);
        assert_eq!(memory_with_cache(&Limits::of_guest(512, vec!["/nonexistent".into()])), limits.memory);
    }

    #[test]
    fn each_limit_is_named() {
        let limits = Limits::of_guest(512, Vec::new());
        let none = Events::default();
        let usage = Usage { user: Duration::from_secs(3), sys: Duration::from_millis(1500), max_rss_kib: 0 };
        let seen = |exit, events, stderr| Seen { exit, usage, events, stderr };
        let hit = |exit, events, stderr| super::hit(Some(&limits), Inherited::default(), seen(exit, events, stderr));
        assert_eq!(hit(Exit::Code(1), none, "qemu: no such file"), [""; 0]);
        assert_eq!(hit(Exit::Code(0), none, "warning: Cannot allocate memory"), [""; 0]);
        let file = ["it wrote a file larger than its limit of 64 MiB"];
        assert_eq!(hit(Exit::Signal(libc::SIGXFSZ), none, ""), file);
        assert_eq!(hit(Exit::Code(151), none, ""), file);
        let refused = hit(Exit::Code(1), none, "qemu: cannot set up guest memory: Cannot allocate memory");
        assert_eq!(refused, ["it was refused memory, of which its limit is 2560 MiB"]);
        let killed = hit(Exit::Signal(9), Events { killed_for_memory: true, ..none }, "");
        assert_eq!(
            killed,
            ["it used more than its limit of 2560 MiB, which counts its memory and its disk in the \
        page cache"]
        );
        let processes = ["it needed more than its limit of 512 processes and threads"];
        assert_eq!(hit(Exit::Signal(9), Events { refused_processes: true, ..none }, ""), processes);
        // Not by its time: nobody limits that.
        assert_eq!(hit(Exit::Signal(9), none, ""), [""; 0]);
    }

    #[test]
    fn limits_of_whoever_started_firebench_are_named() {
        let limits = Limits::of_guest(512, Vec::new());
        let usage = Usage { user: Duration::from_secs(3), sys: Duration::from_millis(1500), max_rss_kib: 0 };
        let seen = |exit, stderr| Seen { exit, usage, events: Events::default(), stderr };
        let cpu = Inherited { cpu: Some(5), ..Inherited::default() };
        let used = ["it used up its limit of 5 s of CPU time (`ulimit -t`)"];
        for limits in [Some(&limits), None] {
            assert_eq!(hit(limits, cpu, seen(Exit::Signal(libc::SIGXCPU), "")), used);
            assert_eq!(hit(limits, cpu, seen(Exit::Signal(libc::SIGKILL), "")), used);
            assert_eq!(hit(limits, cpu, seen(Exit::Code(1), "")), [""; 0]);
        }
        let much = Inherited { cpu: Some(500), ..cpu };
        assert_eq!(
            hit(Some(&limits), much, seen(Exit::Signal(libc::SIGKILL), "")),
            [""; 0],
            "something else killed it"
        );
        let addresses = Inherited { addresses: Some(600 << 20), ..Inherited::default() };
        let refused =
            "it was refused memory, of which its limit is 2560 MiB, and `ulimit -v` allows 600 MiB of addresses";
        for words in ["Cannot allocate memory", "failed to map segment from shared object"] {
            assert_eq!(hit(Some(&limits), addresses, seen(Exit::Code(1), words)), [refused]);
        }
        let less = Inherited { data: Some(100 << 20), file: Some(1 << 20), ..Inherited::default() };
        let refused = hit(Some(&limits), less, seen(Exit::Code(1), "Cannot allocate memory"));
        assert_eq!(refused, ["it was refused memory, of which its limit is 100 MiB"]);
        let file = hit(Some(&limits), less, seen(Exit::Signal(libc::SIGXFSZ), ""));
        assert_eq!(file, ["it wrote a file larger than its limit of 1 MiB"]);
    }
}
