//! What a guest says beside its times, against the machine that it runs on: more than any such machine can do, or has.

use super::figures::{figure, number, value};
use super::known::Known;
use crate::meminfo;
use crate::record::{BootRecord, IterationRecord};

/// Ticks by which CPU time may be counted too high, a CPU: Linux counts some of it in ticks of 10 ms.
const TICKS: f64 = 0.02;

/// Page faults, or context switches, a second and CPU: no CPU does one in 10 ns.
const EVENTS: f64 = 1e8;

/// Bytes a second that no disk gives, and that no command takes from a file.
const BYTES: f64 = 1e11;

/// MHz that no CPU has.
const MHZ: f64 = 1e5;

/// Seconds by which the host's own duration may be too short for counters. They are not what is compared: a factor matters
/// to nobody, twelve orders of magnitude do.
const SPARE: f64 = 1.0;

/// What cannot be, in a sentence.
pub(super) fn impossible(boot: &BootRecord, known: &Known) -> Option<String> {
    machine(boot, known).or_else(|| {
        let mut iterations = boot.iterations.iter();
        iterations.find_map(|i| Some(format!("iteration {}: the guest {}", number(i), iteration(i, known)?)))
    })
}

/// A machine other than the one that it was given.
fn machine(boot: &BootRecord, known: &Known) -> Option<String> {
    if let Some(facts) = &boot.facts {
        if known.cpus > 0 && facts.cpu.online > known.cpus {
            return Some(format!("the guest reports {} CPUs, but it has {}", facts.cpu.online, known.cpus));
        }
        if !(0.0..=MHZ).contains(&facts.cpu.mhz) {
            return Some(format!("the guest reports a CPU of {} MHz, which is impossible", figure(facts.cpu.mhz)));
        }
    }
    let memory = known.memory?;
    let told = boot.facts.as_ref().map(|facts| facts.mem_total_bytes);
    let fields =
        [&boot.meminfo_before, &boot.meminfo_after].into_iter().flatten().flat_map(|text| meminfo::parse(text));
    let total = fields.filter(|field| field.name == "MemTotal").map(|field| field.value.saturating_mul(1024));
    let most = told.into_iter().chain(total).max().filter(|&bytes| bytes > memory)?;
    Some(format!("the guest reports {most} bytes of memory, but it has {memory}"))
}

/// What no iteration does in its time.
fn iteration(iteration: &IterationRecord, known: &Known) -> Option<String> {
    let host = value(iteration, "host_real")?;
    let counters = &iteration.counters;
    let (cpus, counted) = (f64::from(known.cpus), f64::from(known.counted));
    let within = format!("in {host:.3} s");

    let real = value(iteration, "real")?;
    let cpu = value(iteration, "user")? + value(iteration, "sys")?;
    if known.cpus > 0 && !known.own_cpu_account && cpu > real * cpus * (1.0 + known.slack().cpu) + TICKS * cpus {
        return Some(format!("reports {} s of CPU time in {real:.3} s on {} CPU(s)", figure(cpu), known.cpus));
    }
    if known.payload as f64 > real * BYTES {
        return Some(format!("reports {} bytes read in {} s", known.payload, real));
    }
    let stolen = counters.steal_us as f64 / 1e6;
    if known.counted > 0 && stolen > (host * (1.0 + known.slack().cpu) + known.slack().one) * counted {
        return Some(format!("counts {} s of stolen time {within} on {} CPU(s)", figure(stolen), known.counted));
    }
    if counters.disk_read_bytes as f64 > (host + SPARE) * BYTES {
        return Some(format!("counts {} bytes read from the disk {within}", counters.disk_read_bytes));
    }
    if let Some(memory) = known.memory.filter(|&memory| counters.max_rss_bytes > memory) {
        return Some(format!(
            "reports a command that used {} bytes of memory, but the guest has {memory}",
            counters.max_rss_bytes
        ));
    }
    let events = [
        ("page faults", counters.minor_faults.saturating_add(counters.major_faults)),
        ("context switches", counters.voluntary_switches.saturating_add(counters.involuntary_switches)),
    ];
    let most = (host + SPARE) * EVENTS * cpus.max(1.0);
    let (what, count) = events.into_iter().find(|&(_, count)| count as f64 > most)?;
    Some(format!("counts {count} {what} {within}"))
}
