//! Every fact in which two can differ, and what that means for each of those who ask.
//!
//! What a run showed is ranked, the weighty ones first. Each user goes through the table from top to bottom, so the order of the facts is
//! the order in every output.

use firebench_model::record::Report;
use firebench_text as text;

use super::classes::counter;
use super::fact::Fact;
use super::pauses;
use super::rank::Rank::{Explains, Harmless, Voids};
use super::recorded::BetweenRuns::{Differ, Nothing, OtherMachine, Refused};
use super::recorded::Continued::{Free, Kept};
use super::recorded::RecordedIn::{self, Contender, Files};
use super::recorded::{Recorded, Refusal, json};
use super::seen::Read::{Block, File, Guest, Number, Pair, Run, Set, Text, Words};
use super::seen::{FREQUENCY, LAYOUT, MEMORY, ROOT_DISK, Seen, VMM, chosen, cpu, flags, host, mitigations, words};
use super::subject::AuditedContender;

/// What runs showed of contenders, under the names of the facts.
pub fn seen() -> impl Iterator<Item = (&'static str, &'static Seen)> {
    FACTS.iter().filter_map(|fact| Some((fact.name, fact.seen.as_ref()?)))
}

/// What reports record.
pub fn recorded() -> impl Iterator<Item = &'static Recorded> {
    FACTS.iter().filter_map(|fact| fact.recorded.as_ref())
}

fn yes_no(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}

/// The workload and its command.
fn work(report: &Report) -> String {
    format!("{} ({})", report.experiment.workload.name(), command(report))
}

/// The command. The directories in it are those of a cache; what the files hold are facts of their own.
fn command(report: &Report) -> String {
    let name = |word: &String| match word.rsplit_once('/') {
        Some((_, name)) if word.starts_with('/') => name.to_owned(),
        _ => word.clone(),
    };
    report.command.iter().map(name).collect::<Vec<_>>().join(" ")
}

/// The command of a contender, where any of them has one of its own.
fn command_of(subject: &AuditedContender<'_>) -> Option<String> {
    let AuditedContender { report, contender, .. } = subject;
    let own = report.contenders.iter().any(|contender| !contender.command.is_empty());
    own.then(|| report.command_of(contender).join(" "))
}

/// How the boots of a block come.
fn blocks(report: &Report) -> &'static str {
    if report.design.duet { "all at once (--duet)" } else { "one after the other" }
}

/// The fact of how the boots of a block come.
pub const BLOCKS: &str = "layout of blocks";

const OWN_COMMAND: &str = "command of its own";
const CPU: &str = "CPU template or model";
const CLOCK: &str = "search for a real-time clock that is not there";
const LIMIT: &str = "it decides how much is read at a time";

/// The facts.
#[rustfmt::skip]
pub static FACTS: [Fact; 90] = [
    Fact::of_record("origin", RecordedIn::Run(|r| json(r.imported.is_some())), Refused(Refusal::Origin), Free),
    Fact::of_record("primary metric", RecordedIn::Run(|r| json(&r.design.primary)), Refused(Refusal::Primary), Free),
    Fact::of_record("meaning of the primary metric", RecordedIn::Run(|r| json(r.primary().meaning())),
        Refused(Refusal::Meaning), Free),
    Fact::of_record("meaning of the metrics",
        RecordedIn::Run(|r| r.metrics.iter().map(|metric| (metric.name.to_string(), json(metric.meaning()))).collect()),
        Nothing, Kept("meaning of")),
    Fact::of_record(BLOCKS, RecordedIn::Run(|r| json(blocks(r))), Refused(Refusal::Layout), Free),
    Fact::of_record("firebench", RecordedIn::Run(|r| json(&r.firebench)), Differ("firebench"), Free),
    Fact::of_record(VMM, Contender(|c| json(c.vmm)), Differ("VMM"), Free),
    Fact::of_record("version", Contender(|c| json(&c.version)), Differ("version"), Free),
    Fact::of_record("executable", Contender(|c| json(&c.sha256)), Differ("executable's SHA-256"), Kept("SHA-256 of the program")),

    Fact::new(Voids, "accelerator", "instructions run at another speed", Text(|s| Some(s.accelerator()))).of_vms()
        .recorded(RecordedIn::Run(|r| json(r.accelerator)), Differ("accelerator"), Kept("accelerator")),
    Fact::of_record("emulation", RecordedIn::Run(|r| json(r.emulated)), Nothing, Kept("emulation")),
    Fact::of_record("nested host", RecordedIn::Run(|r| json(&r.nested_host)), Differ("nested host"), Free),
    Fact::new(Voids, "host CPU", "another machine", Run(|r| r.host.cpu_model.iter().cloned().collect()))
        .recorded(RecordedIn::Run(|r| json(&r.host.cpu_model)), OtherMachine("CPU"), Kept("host's CPU")),
    Fact::of_record("host's CPUs", RecordedIn::Run(|r| json(r.host.cpus_in_words())), OtherMachine("CPUs"), Kept("number of CPUs of the host")),
    // Reports from before there was this fact do not say.
    Fact::of_record("host's CPU quota", RecordedIn::Run(|r| json(r.host.quota_in_words().as_deref().unwrap_or("none"))),
        OtherMachine("CPU quota"), Kept("host's CPU quota")),
    Fact::of_record("host's kernel", RecordedIn::Run(|r| json(&r.host.kernel)), OtherMachine("kernel"), Kept("host's kernel")),
    Fact::of_record("hypervisor", RecordedIn::Run(|r| json(&r.host.hypervisor)), OtherMachine("hypervisor"), Kept("hypervisor")),
    Fact::of_record("contenders",
        RecordedIn::Run(|r| r.contenders.iter().map(|c| c.name.clone()).collect()), Nothing, Kept("list of contenders")),
    Fact::new(Voids, "vCPUs", "more of them do more at once, and take the kernel's own work off the workload",
        Text(|s| Some(s.vcpus()))).recorded(Contender(|c| json(c.vcpus)), Differ("vCPUs"), Kept("number of vCPUs")),
    Fact::new(Voids, "memory", "it decides how much of the payload the page cache can hold",
        Text(|s| Some(s.memory())))
        .recorded(Contender(|c| json(c.memory_mib)), Differ("memory in MiB"), Kept("memory in MiB")),
    Fact::new(Voids, "MemTotal", "what a VMM needs for itself does not explain it",
        Number(|g| g.mem_total_bytes as f64, |bytes| format!("{:.0} kB", bytes / 1024.0), MEMORY))
        .follows(&["memory", "vCPUs", "kernel"]).of_vms(),
    Fact::of_record("accelerator of the contender", Contender(|c| json(c.accel)), Differ("accelerator"), Free),
    Fact::of_record("settings", Contender(|c| json(&c.settings)), Differ("setting"), Kept("setting")),
    Fact::new(Voids, "command", "they did other work", Run(|r| vec![command(r)]))
        .recorded(RecordedIn::Run(|r| json(work(r))),
            Refused(Refusal::Workload), Free),
    Fact::new(Explains, OWN_COMMAND, "they did other work, as they were asked to", Text(command_of))
        .recorded(Contender(|c| json(&c.command)), Differ("command"), Kept("command")),
    Fact::new(Explains, "output", "perhaps they did other work", Text(|s| s.always(|boot| boot.printed.as_deref())))
        .follows(&[OWN_COMMAND]),
    Fact::new(Explains, "error output", "perhaps they did other work",
        Text(|s| s.always(|boot| Some(boot.complained.as_deref().unwrap_or_default()).filter(|_| boot.printed.is_some()))))
        .follows(&[OWN_COMMAND, "output"]),
    Fact::new(Explains, "number at once", "they share the machine with others of their kind",
        Text(|s| Some(s.contender.concurrent.to_string())))
        .recorded(Contender(|c| json(c.concurrent)), Differ("number at once"), Kept("number at once")),
    Fact::new(Voids, "handicap", "one was given more work, on purpose", Text(|s| Some(s.handicap()))),
    Fact::new(Voids, "payload", "they read other bytes",
        Text(|s| Some(s.payload()))).follows(&[ROOT_DISK, "handicap"])
        .recorded(RecordedIn::Run(|r| json(format!("{} of SHA-256 {}", text::bytes(r.payload.bytes), r.payload.sha256))),
            Refused(Refusal::Payload), Kept("payload")),
    Fact::of_record("seed", RecordedIn::Run(|r| json(r.design.seed)), Nothing, Kept("seed")),
    Fact::of_record("preset", RecordedIn::Run(|r| json(r.experiment.preset)), Differ("preset"), Free),
    Fact::of_record("iterations", RecordedIn::Run(|r| json(r.design.iterations)), Differ("iterations"), Free),
    Fact::of_record("warm-up", RecordedIn::Run(|r| json(r.design.warm_up)), Differ("warm-up"), Free),
    Fact::of_record("guest's caches", RecordedIn::Run(|r| json(r.experiment.design.cold)), Differ("guest's caches dropped"), Free),
    Fact::of_record("host's page cache as asked for", RecordedIn::Run(|r| json(r.experiment.design.host_cache)),
        Differ("host's page cache"), Free),
    Fact::of_record("binding as asked for", RecordedIn::Run(|r| json(r.experiment.machine.pin)), Differ("vCPUs bound"), Free),
    Fact::new(Voids, "busybox", "another program did the work; builds of sha256sum differ by 3 to 5 times",
        File("busybox")),
    Fact::new(Voids, "program", "another program did the work", File("program")).follows(&[OWN_COMMAND]),
    Fact::new(Voids, ROOT_DISK, "another program may have done the work", File(ROOT_DISK))
        .follows(&["busybox", "program", "handicap", LAYOUT]).of_vms(),
    Fact::new(Explains, LAYOUT, "where files lie in an image can make a whole run slower or faster",
        Text(|s| Some(s.report.experiment.design.layout.to_string())))
        .recorded(RecordedIn::Run(|r| json(r.experiment.design.layout)), Differ(LAYOUT), Kept(LAYOUT)),
    Fact::new(Voids, "CPU flags that programs use", "programs choose code by them; sha_ni makes SHA-256 5 to 6 times as fast",
        Words(|s| flags(s, Voids))).follows(&[CPU]),

    Fact::new(Explains, CPU, "what is hidden from a guest, it cannot use", Text(cpu)),
    Fact::new(Explains, "CPU vendor", "libraries and the kernel choose their code by it",
        Guest(|g| g.cpu.vendor.clone()))
        .follows(&[CPU]),
    Fact::new(Explains, "CPU flags that the kernel uses", "task switches, page tables and interrupts cost more or less",
        Words(|s| flags(s, Explains))).follows(&[CPU, VMM]).of_vms(),
    Fact::new(Explains, "kernel", "kernels differ in speed",
        Guest(|g| format!("{} {}", g.kernel_release, g.kernel_version).trim().to_owned())),
    Fact::new(Explains, "kernel file", "kernels differ in speed", File("kernel")).follows(&["kernel"]).of_vms(),
    Fact::new(Explains, "kernel command line", "it changes how the kernel works",
        Words(|s| words(s, Explains))).of_vms()
        .recorded(Contender(|c| json(&c.cmdline)), Differ("kernel command line"), Kept("kernel command line")),
    Fact::new(Explains, "mitigations", "each costs time on the way into the kernel and out of it",
        Words(|s| s.guest.map(|g| mitigations(&g.mitigations)).filter(|known| !known.is_empty()))).follows(&[CPU, "kernel", "kernel command line", VMM]),
    Fact::new(Explains, "clocksource", "with some, each look at the clock is an exit to the VMM",
        Guest(|g| counter(&g.clocksource).to_owned()))
        .follows(&[CPU, "kernel", "kernel command line"]),
    Fact::new(Explains, "file system", "a file of the host is read without a driver and a disk between",
        Text(|s| Some(s.file_system().to_owned()))),
    Fact::new(Explains, "owners of files", "permissions, and programs that take another user's, work otherwise",
        Text(|s| s.owners().map(str::to_owned))).follows(&[VMM]),
    Fact::new(Explains, "account of CPU time", "user and sys do not mean the same", Text(|s| Some(s.cpu_account())))
        .follows(&[VMM]),
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
    Fact::new(Explains, "network card", "one device more to find at boot, with interrupts of its own", Text(|s| s.card().map(yes_no)))
        .recorded(Contender(|c| json(c.launch.has_card())), Differ("network card"), Free),
    Fact::new(Explains, "way to the network card", "packets pass through more or less, at another price each",
        Text(|s| s.way_to_card())).follows(&[VMM]),
    Fact::new(Explains, "ACPI", "it decides how devices and interrupts are found", Set(|set| set.acpi)),
    Fact::new(Explains, CLOCK, "the kernel waits for it about a second of its start: the boot time is not comparable",
        Set(|set| Some(yes_no(set.clock_missed)))).of_vms(),
    Fact::new(Explains, "pauses of the starting kernel", "the boot time holds a wait that the other one does not have",
        Pair(pauses::only)).follows(&[CLOCK, "kernel", "kernel command line", VMM]).of_vms(),
    Fact::new(Explains, "told its machine by an API", "the calls come after the VMM's start, so its boot time has them in it",
        Set(|set| Some(yes_no(set.told_by_api)))).of_vms(),
    Fact::new(Explains, "binding", "a vCPU that moves between CPUs loses what is in their caches",
        Text(|s| Some(s.pinned()))),
    Fact::new(Explains, "core scheduling", "where CPUs share a core, one of them stands still while a vCPU of that VMM runs on another",
        Set(|set| Some(yes_no(set.cores_of_its_own)))).of_vms(),
    Fact::new(Explains, "host's page cache before boots", "it serves a disk at the speed of memory",
        Text(|s| s.host_cache())),
    Fact::new(Explains, "going without", "it had other limits", Text(|s| Some(s.without()))),
    Fact::new(Explains, "jail", "a start in a jail takes longer, and its files are reached on other ways",
        Set(|set| Some(yes_no(set.jailed)))),
    Fact::new(Explains, "filter of the VMM's system calls", "each one passes it, and most exits of a guest cause one",
        Set(|set| Some(yes_no(set.filtered)))).follows(&[VMM, "jail"]),
    Fact::new(Explains, "agent", "another program measured", File("agent")),
    Fact::of_record("files", Files, Differ("SHA-256"), Kept("file")),
    Fact::new(Explains, "host", "another state of the machine", Run(host))
        .recorded(RecordedIn::Run(|r| json(&r.host)), Differ("host"), Free),

    Fact::new(Harmless, "CPU name", "the flags say what it can do", Guest(|g| g.cpu.model.clone())),
    Fact::new(Harmless, "CPU frequency as shown", "a guest does not see the real one",
        Number(|g| g.cpu.mhz, |mhz| format!("{mhz:.0} MHz"), FREQUENCY)),
    Fact::new(Harmless, "other CPU flags", "nothing that runs in an iteration uses them",
        Words(|s| flags(s, Harmless))).of_vms(),
    Fact::new(Harmless, "kernel command line, without effect", "it concerns messages, the end, and where devices are",
        Words(|s| words(s, Harmless))).of_vms().in_boots("each byte on a serial console is an exit, and how a guest ends takes its time"),
    Fact::new(Harmless, "available clocksources", "only the one in use counts",
        Guest(|g| g.clocksources.iter().map(|name| counter(name)).collect::<Vec<_>>().join(" "))),
    Fact::new(Harmless, "modules", "they drive the devices and nothing else", Guest(|g| g.modules.join(" "))).of_vms().in_boots("they are loaded before the work begins"),
    Fact::new(Harmless, "initramfs", "it does nothing once the agent runs", File("initramfs")).of_vms().in_boots("it is read and unpacked before user space runs"),
    Fact::new(Harmless, "disk write cache", "the disk is read-only", Block("write_cache")).of_vms(),
    Fact::new(Harmless, "disk cache mode", "modes differ in when writes are flushed, and the disk is read-only",
        Set(|set| Some(set.flushes))),
    Fact::new(Harmless, "log level", "next to nothing is logged during an iteration", Set(|set| set.log_level)).in_boots("a VMM that writes more takes longer"),
    Fact::new(Harmless, "way of ending", "nothing is measured after the work", Text(|s| s.way_of_ending().map(str::to_owned)))
        .of_vms().in_boots("a restart and a switch-off take other ways through kernel and VMM"),
    Fact::new(Harmless, "network interfaces", "it is how drivers call them",
        Guest(|g| g.network_interfaces.as_ref().map(|names| if names.is_empty() { "none".to_owned() } else { names.join(" ") }).unwrap_or_default())),
    Fact::new(Harmless, "MAC address", "it is an address", Text(|s| {
        s.contender.launch.tap.as_ref().map(|tap| tap.mac.clone().unwrap_or_else(|| "the VMM's default".to_owned()))
    })),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{FACTS, VMM, seen};

    #[test]
    fn names_are_unique_and_causes_are_names() {
        let mut names = BTreeSet::new();
        assert!(FACTS.iter().all(|fact| names.insert(fact.name)));
        let ranked: BTreeSet<&str> = seen().map(|(name, _)| name).chain([VMM]).collect();
        for (name, seen) in seen() {
            assert!(seen.follows.iter().all(|cause| ranked.contains(cause) && *cause != name), "{name}");
        }
    }
}
