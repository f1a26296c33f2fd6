//! The events: what the guest reports.

use serde::{Deserialize, Serialize};

/// One report of the guest. Order of a good measuring boot: `Hello`, `Facts`, `Meminfo(Before)`, then for each
/// iteration `IterationStart` and `Iteration`, then `Meminfo(After)`, `Done`. `Failed` may come at any point and
/// is the last one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The agent runs: as PID 1 of a guest, or as a process of the bare host.
    Hello {
        /// [`crate::PROTOCOL_VERSION`] of the agent.
        protocol: u32,
        /// The agent's version.
        agent: String,
        /// CLOCK_BOOTTIME at the agent's first instruction, in seconds: how long the guest believes that its kernel took to boot.
        uptime: f64,
        /// Seconds since then, by the same clock.
        #[serde(default)]
        awake: f64,
    },
    /// What the guest is.
    Facts(Box<GuestFacts>),
    /// The whole of `/proc/meminfo`.
    Meminfo {
        /// Before the first or after the last iteration.
        moment: Moment,
        /// The file, verbatim.
        text: String,
    },
    /// An iteration begins: sent right before the command starts.
    IterationStart {
        /// From 0.
        index: u32,
    },
    /// An iteration ended.
    Iteration(Box<IterationReport>),
    /// A line that the program of an [`crate::ExecJob`] printed on its standard output.
    Output {
        /// The line, without its end.
        line: String,
    },
    /// The agent's loop runs: sent every [`crate::HEARTBEAT`] while the program of an [`crate::ExecJob`] does, whether that
    /// prints something or not.
    Alive,
    /// The program of an [`crate::ExecJob`] ended.
    Exited {
        /// Exit code; 128 + N after signal N.
        status: i32,
    },
    /// The agent could not go on; the reason. It powers off after it, or ends.
    Failed {
        /// One sentence, with the system's error text.
        message: String,
    },
    /// Everything was done; the agent powers off after it, or ends.
    Done,
}

/// When a meminfo was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Before the first iteration.
    Before,
    /// After the last iteration.
    After,
}

/// One iteration as the guest saw it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IterationReport {
    /// From 0.
    pub index: u32,
    /// CLOCK_MONOTONIC around the child, from just before it starts until it was waited for, in seconds.
    pub real: f64,
    /// `ru_utime` of wait4, in seconds.
    pub user: f64,
    /// `ru_stime` of wait4, in seconds.
    pub sys: f64,
    /// Exit code of the command; 128 + N after signal N.
    pub status: i32,
    /// Standard output, the first 4096 bytes, invalid UTF-8 replaced.
    pub stdout: String,
    /// Standard error, the first 4096 bytes, invalid UTF-8 replaced.
    pub stderr: String,
    /// Bytes that it printed on its standard output.
    #[serde(default)]
    pub stdout_bytes: u64,
    /// SHA-256 of all of its standard output, where the [task](crate::Task) asks for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdout_sha256: Option<String>,
    /// What happened meanwhile.
    pub counters: Counters,
}

/// What happened during an iteration.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Page faults served without I/O (`ru_minflt`).
    pub minor_faults: u64,
    /// Page faults that needed I/O (`ru_majflt`).
    pub major_faults: u64,
    /// Voluntary context switches (`ru_nvcsw`).
    pub voluntary_switches: u64,
    /// Involuntary context switches (`ru_nivcsw`).
    pub involuntary_switches: u64,
    /// Peak resident set of the command in bytes (`ru_maxrss`).
    pub max_rss_bytes: u64,
    /// Bytes read from the root device by all of the guest, from `/proc/diskstats` (sectors of 512 bytes). On the bare
    /// host, where others read too: those that the command alone had read from any disk (`ru_inblock`, units of 512 bytes).
    pub disk_read_bytes: u64,
    /// Time that the hypervisor kept the CPUs waiting, from `/proc/stat` (all CPUs), in microseconds.
    pub steal_us: u64,
}

/// What the guest is, seen from inside. On the bare host: what the machine is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct GuestFacts {
    /// `uname -r`.
    pub kernel_release: String,
    /// `uname -v`.
    pub kernel_version: String,
    /// `/proc/cmdline`, trimmed.
    pub cmdline: String,
    /// The CPU.
    pub cpu: CpuFacts,
    /// `/sys/devices/system/clocksource/clocksource0/current_clocksource`.
    pub clocksource: String,
    /// `available_clocksource`, split at blanks.
    pub clocksources: Vec<String>,
    /// MemTotal of `/proc/meminfo`, in bytes.
    pub mem_total_bytes: u64,
    /// Settings of the root device's queue (on the host: that of the disk which holds the first file that is read),
    /// `/sys/block/NAME/queue/*`: scheduler, read_ahead_kb, nr_requests,
    /// logical_block_size, physical_block_size, rotational, write_cache; and its `driver` (virtio transport).
    pub block: std::collections::BTreeMap<String, String>,
    /// `/sys/devices/system/cpu/vulnerabilities/*`.
    pub mitigations: std::collections::BTreeMap<String, String>,
    /// Modules that the agent loaded, in order.
    pub modules: Vec<String>,
    /// Transparent huge pages: the whole line of `enabled`.
    pub transparent_hugepage: String,
    /// Network interfaces but `lo`, from `/proc/net/dev`, sorted, 32 at most; not known where there is no such file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_interfaces: Option<Vec<String>>,
    /// Messages that the kernel had logged when the agent read its log; not known where the log cannot be read, and on the bare host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel_lines: Option<u32>,
    /// The longest times in which the kernel logged nothing while it started, in their order. None on the bare host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kernel_pauses: Vec<KernelPause>,
}

/// A time between two messages of the kernel's log.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct KernelPause {
    /// How long it was, by the messages' time stamps.
    pub seconds: f64,
    /// The beginning of the message before it.
    pub after: String,
    /// The beginning of the message after it.
    pub before: String,
}

/// The guest's CPU, from `/proc/cpuinfo`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct CpuFacts {
    /// vCPUs online. On the bare host: the CPUs that the agent may use, by affinity and quota.
    pub online: u32,
    /// `vendor_id`.
    pub vendor: String,
    /// `model name`.
    pub model: String,
    /// `flags`, in the kernel's order.
    pub flags: Vec<String>,
    /// `cpu MHz` of the first CPU.
    pub mhz: f64,
}
