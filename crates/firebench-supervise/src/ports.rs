//! Which I/O ports a guest used, from the kernel's tracepoint `kvm:kvm_pio`, which a histogram counts by thread and port.
//!
//! Source: the kernel's `Documentation/trace/histogram.rst`, and `arch/x86/kvm/trace.h` for the event. Its threads are those of the
//! machine, as in [`counts`](crate::counts).

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::counts::threads;

/// How often each I/O port was used.
pub type Ports = BTreeMap<u16, u64>;

/// The event.
const EVENT: &str = "/sys/kernel/tracing/events/kvm/kvm_pio";
/// A histogram with room for a few hundred boots.
const HISTOGRAM: &str = "hist:keys=common_pid,port:size=16384";

/// Whether [`watch`] was successful.
static WATCHED: AtomicBool = AtomicBool::new(false);

/// From now on the machine counts the ports that its guests use, until it ends. It costs each use of a port a little time, of all guests
/// of the machine: it is meant for one that is firebench's own. Where the kernel has no such event, nothing is counted.
pub fn watch() {
    let set = fs::write(Path::new(EVENT).join("trigger"), HISTOGRAM);
    WATCHED.store(set.is_ok(), Ordering::Relaxed);
}

/// The ports that threads of process `pid` used; None where nobody counts them.
pub(crate) fn of(pid: libc::pid_t) -> Option<Ports> {
    if !WATCHED.load(Ordering::Relaxed) {
        return None;
    }
    Some(parse(&fs::read_to_string(Path::new(EVENT).join("hist")).ok()?, &threads(pid)))
}

/// The lines of these threads: `{ common_pid: 321, port: 1016 } hitcount: 5`.
fn parse(histogram: &str, threads: &[String]) -> Ports {
    let mut ports = Ports::new();
    for line in histogram.lines() {
        let mut words = line.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
        let mut value = |name: &str| words.find(|word| *word == name).and_then(|_| words.next()).map(str::to_owned);
        let (thread, port, count) = (value("common_pid:"), value("port:"), value("hitcount:"));
        let Some((port, count)) = port.and_then(|port| port.parse().ok()).zip(count.and_then(|n| n.parse().ok()))
        else {
            continue;
        };
        if thread.is_some_and(|thread| threads.contains(&thread)) {
            let sum: &mut u64 = ports.entry(port).or_default();
            *sum = sum.saturating_add(count);
        }
    }
    ports
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_histogram_is_read_for_some_threads() {
        let histogram = "# event histogram\n#\n# trigger info: hist:keys=common_pid,port:vals=hitcount:sort=hitcount:size=16384 \
                         [active]\n#\n\n{ common_pid:        321, port:         96 } hitcount:          5\n\
                         { common_pid:        321, port:       1016 } hitcount:       1204\n\
                         { common_pid:        322, port:       1016 } hitcount:          1\n\
                         { common_pid:         32, port:        112 } hitcount:         77\n\
                         { common_pid:        322, port:      70000 } hitcount:          9\n\
                         { common_pid:        322, port: \n\nTotals:\n    Hits: 1287\n    Entries: 4\n    Dropped: 0\n";
        let threads = ["321", "322"].map(str::to_owned);
        assert_eq!(parse(histogram, &threads), Ports::from([(96, 5), (1016, 1205)]));
        assert_eq!(parse("", &threads), Ports::new());
        assert_eq!(of(1), None, "nobody watches");
    }
}
