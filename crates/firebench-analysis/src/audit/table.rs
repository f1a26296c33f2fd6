//! Every fact of an audit, the weighty ones first.

use super::Rank::{Explains, Harmless, Voids};
use super::classes::counter;
use super::facts::Read::{Block, File, Guest, Number, Pair, Run, Set, Text, Words};
use super::facts::{FREQUENCY, Fact, MEMORY, VMM, chosen, cpu, flags, host, mitigations, words};
use super::pauses;

fn yes_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

const CPU: &str = "CPU template or model";
const CLOCK: &str = "search for a real-time clock that is not there";
const LIMIT: &str = "it decides how much is read at a time";

/// The facts.
#[rustfmt::skip]
pub const FACTS: [Fact; 50] = [
    Fact::new(Voids, "accelerator", "instructions run at another speed", Text(|s| Some(s.accelerator()))).of_vms(),
    Fact::new(Voids, "host CPU", "another machine", Run(|r| r.host.cpu_model.iter().cloned().collect())),
    Fact::new(Voids, "vCPUs", "more of them do more at once, and take the kernel's own work off the workload",
        Text(|s| Some(s.vcpus()))),
    Fact::new(Voids, "memory", "it decides how much of the payload the page cache can hold",
        Text(|s| Some(s.memory()))),
    Fact::new(Voids, "MemTotal", "what a VMM needs for itself does not explain it",
        Number(|g| g.mem_total_bytes as f64, |bytes| format!("{:.0} kB", bytes / 1024.0), MEMORY))
        .follows(&["memory", "vCPUs", "kernel"]).of_vms(),
    Fact::new(Voids, "command", "they did other work", Run(|r| vec![r.command.join(" ")])),
    Fact::new(Voids, "handicap", "one was given more work, on purpose", Text(|s| Some(s.handicap()))),
    Fact::new(Voids, "payload", "they read other bytes",
        Text(|s| Some(s.payload()))).follows(&["root disk", "handicap"]),
    Fact::new(Voids, "busybox", "another program did the work; builds of sha256sum differ by 3 to 5 times",
        File("busybox")),
    Fact::new(Voids, "root disk", "another program may have done the work", File("root disk"))
        .follows(&["busybox", "handicap"]).of_vms(),
    Fact::new(Voids, "CPU flags that programs use", "programs choose code by them; sha_ni makes SHA-256 5 to 6 times as fast",
        Words(|s| flags(s, Voids))).follows(&[CPU]),

    Fact::new(Explains, CPU, "what is hidden from a guest, it cannot use", Text(cpu)),
    Fact::new(Explains, "CPU vendor", "libraries and the kernel choose their code by it",
        Guest(|g| g.cpu.vendor.clone()))
        .follows(&[CPU]),
    Fact::new(Explains, "CPU flags that the kernel uses", "task switches, page tables and interrupts cost more or less",
        Words(|s| flags(s, Explains))).follows(&[CPU, VMM]).of_vms(),
    Fact::new(Explains, "kernel", "kernels differ in speed",
        Guest(|g| format!("{} {}", g.kernel_release, g.kernel_version))),
    Fact::new(Explains, "kernel file", "kernels differ in speed", File("kernel")).follows(&["kernel"]).of_vms(),
    Fact::new(Explains, "kernel command line", "it changes how the kernel works",
        Words(|s| words(s, Explains))).of_vms(),
    Fact::new(Explains, "mitigations", "each costs time on the way into the kernel and out of it",
        Words(|s| s.guest.map(|g| mitigations(&g.mitigations)))).follows(&[CPU, "kernel", "kernel command line", VMM]),
    Fact::new(Explains, "clocksource", "with some, each look at the clock is an exit to the VMM",
        Guest(|g| counter(&g.clocksource).to_owned()))
        .follows(&[CPU, "kernel", "kernel command line"]),
    Fact::new(Explains, "transparent huge pages", "where they are used, the TLB misses less",
        Guest(|g| chosen(&g.transparent_hugepage)))
        .follows(&["kernel", "kernel command line"]),
    Fact::new(Explains, "pages beneath the memory", "on huge pages of the host, the TLB misses less",
        Text(|s| s.pages())),
    Fact::new(Explains, "disk cache", "what is in the host's page cache comes without its disk",
        Set(|set| Some(set.cache))),
    Fact::new(Explains, "disk I/O engine", "it decides how much is read at a time, and in which thread",
        Set(|set| Some(set.io))),
    Fact::new(Explains, "disk transport", "a request takes more or fewer exits",
        Block("driver")).follows(&[VMM]).of_vms(),
    Fact::new(Explains, "disk queue length", LIMIT, Block("nr_requests")).follows(&[VMM, "kernel"]).of_vms(),
    Fact::new(Explains, "disk scheduler", "it orders and delays what is read", Block("scheduler"))
        .follows(&["kernel", "disk queue length"]).of_vms(),
    Fact::new(Explains, "disk read-ahead in KiB", LIMIT, Block("read_ahead_kb")).follows(&["kernel"]),
    Fact::new(Explains, "disk block size", LIMIT, Block("logical_block_size")).follows(&[VMM]).of_vms(),
    Fact::new(Explains, "network card", "one device more to find at boot, with interrupts of its own", Text(|s| {
        Some(if s.contender.launch.tap.is_some() { "yes" } else { "no" }.to_owned())
    })).of_vms(),
    Fact::new(Explains, "ACPI", "it decides how devices and interrupts are found", Set(|set| set.acpi)),
    Fact::new(Explains, CLOCK, "the kernel waits for it about a second of its start: the boot time is not comparable",
        Set(|set| Some(yes_no(set.clock_missed)))).of_vms(),
    Fact::new(Explains, "pauses of the starting kernel", "the boot time holds a wait that the other one does not have",
        Pair(pauses::only)).follows(&[CLOCK, "kernel", "kernel command line", VMM]).of_vms(),
    Fact::new(Explains, "binding", "a vCPU that moves between CPUs loses what is in their caches",
        Text(|s| Some(s.pinned()))),
    Fact::new(Explains, "host's page cache before boots", "it serves a disk at the speed of memory",
        Text(|s| s.host_cache())),
    Fact::new(Explains, "going without", "it had other limits", Text(|s| Some(s.without()))),
    Fact::new(Explains, "jail", "a start in a jail takes longer, and its files are reached on other ways",
        Set(|set| Some(yes_no(set.jailed)))),
    Fact::new(Explains, "filter of the VMM's system calls", "each one passes it, and most exits of a guest cause one",
        Set(|set| Some(yes_no(set.filtered)))).follows(&[VMM, "jail"]),
    Fact::new(Explains, "agent", "another program measured", File("agent")),
    Fact::new(Explains, "host", "another state of the machine", Run(host)),

    Fact::new(Harmless, "CPU name", "the flags say what it can do", Guest(|g| g.cpu.model.clone())),
    Fact::new(Harmless, "CPU frequency as shown", "a guest does not see the real one",
        Number(|g| g.cpu.mhz, |mhz| format!("{mhz:.0} MHz"), FREQUENCY)),
    Fact::new(Harmless, "other CPU flags", "nothing that runs in an iteration uses them",
        Words(|s| flags(s, Harmless))).of_vms(),
    Fact::new(Harmless, "kernel command line, without effect", "it concerns messages, the end, and where devices are",
        Words(|s| words(s, Harmless))).of_vms(),
    Fact::new(Harmless, "available clocksources", "only the one in use counts",
        Guest(|g| g.clocksources.iter().map(|name| counter(name)).collect::<Vec<_>>().join(" "))),
    Fact::new(Harmless, "modules", "they drive the devices and nothing else", Guest(|g| g.modules.join(" "))).of_vms(),
    Fact::new(Harmless, "initramfs", "it does nothing once the agent runs", File("initramfs")).of_vms(),
    Fact::new(Harmless, "disk write cache", "the disk is read-only", Block("write_cache")).of_vms(),
    Fact::new(Harmless, "disk cache mode", "modes differ in when writes are flushed, and the disk is read-only",
        Set(|set| Some(set.flushes))),
    Fact::new(Harmless, "log level", "next to nothing is logged during an iteration", Set(|set| set.log_level)),
    Fact::new(Harmless, "MAC address", "it is an address", Text(|s| {
        s.contender.launch.tap.as_ref().map(|tap| tap.mac.clone().unwrap_or_else(|| "the VMM's default".to_owned()))
    })),
];

#[cfg(test)]
mod tests {
    use super::{FACTS, VMM};

    #[test]
    fn names_are_unique_and_causes_are_names() {
        let mut names = std::collections::BTreeSet::from([VMM]);
        assert!(FACTS.iter().all(|fact| names.insert(fact.name)));
        for fact in &FACTS {
            assert!(fact.follows.iter().all(|cause| names.contains(cause) && *cause != fact.name), "{}", fact.name);
        }
    }
}
