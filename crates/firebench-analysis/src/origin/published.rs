//! What the origin measured and published: facts alone. Medians were computed from its raw lists; its hardware was one server in 2019.

/// A contender of the origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// QEMU's microvm with the host's CPU.
    QemuHost,
    /// QEMU's microvm with QEMU's default CPU model.
    QemuDefault,
    /// Firecracker with the template T2. What was published under this name holds the two below, too.
    FirecrackerT2,
    /// Firecracker with the template C3.
    FirecrackerC3,
    /// Firecracker with the kernel of its guide.
    FirecrackerKernel,
}

impl Column {
    /// All of them, in the order of the page: the first one is the baseline.
    pub const ALL: [Column; 5] = [
        Column::QemuHost,
        Column::QemuDefault,
        Column::FirecrackerT2,
        Column::FirecrackerC3,
        Column::FirecrackerKernel,
    ];

    /// What it is, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Column::QemuHost => "QEMU, host's CPU",
            Column::QemuDefault => "QEMU, default CPU model",
            Column::FirecrackerT2 => "Firecracker, T2",
            Column::FirecrackerC3 => "Firecracker, C3",
            Column::FirecrackerKernel => "Firecracker, default kernel",
        }
    }

    /// Our contender.
    pub fn contender(self) -> &'static str {
        match self {
            Column::QemuHost => "qemu-host",
            Column::QemuDefault => "qemu-default",
            Column::FirecrackerT2 => "fc-t2",
            Column::FirecrackerC3 => "fc-c3",
            Column::FirecrackerKernel => "fc-kernel",
        }
    }
}

/// Something that the origin measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// Its name here.
    pub name: &'static str,
    /// What it was called.
    pub title: &'static str,
    /// Our workload for it.
    pub workload: &'static str,
    /// The metric of that; None for its first one.
    pub metric: Option<&'static str>,
    /// The unit of the published figures: `ms`, or that of a number.
    pub unit: &'static str,
    /// How the origin measured it.
    pub how: &'static str,
    /// What it had really measured.
    pub really: &'static str,
    /// How it is measured here.
    pub ours: &'static str,
}

/// All that the origin measured.
pub const MEASURES: [Measure; 9] = [
    Measure {
        name: "memory",
        title: "Hash of a random file of 1 GiB",
        workload: "memory",
        metric: None,
        unit: "ms",
        how: "`time sha256sum`, typed by hand three times in one boot of each VM.",
        really: "Two vCPUs against one, a CPU template on one side, and a file that is larger than the page cache it can get: SHA-256 without \
            the CPU's instructions, and reads from the disk in each iteration.",
        ours: "The same command on equal machines, several iterations in each of many boots, with the digest checked.",
    },
    Measure {
        name: "boot",
        title: "Kernel boot",
        workload: "boot",
        metric: None,
        unit: "ms",
        how: "The time stamp of \"random: fast init done\" in the guest's kernel log.",
        really: "When the kernel had gathered enough entropy, by the guest's own clock, which begins after the VMM's start. It depends on devices \
            and on the kernel's version.",
        ours: "From before the VMM's start to the first message of user space, on the host's clock, in phases.",
    },
    Measure {
        name: "log-lines",
        title: "Lines of the kernel log",
        workload: "boot",
        metric: Some("lines"),
        unit: "lines",
        how: "Lines of the kernel log up to the end of the kernel's boot as above, counted.",
        really: "That, for whichever line came last: the end was the same line about entropy.",
        ours: "Lines that the kernel logged until user space.",
    },
    Measure {
        name: "network",
        title: "Until the network answers",
        workload: "service",
        metric: Some("icmp"),
        unit: "ms",
        how: "One `ping -c 1` from the host.",
        really: "One probe: where it was lost, its own time-out decides.",
        ours: "The first answer to ARP, ICMP and TCP, probed each millisecond.",
    },
    Measure {
        name: "service",
        title: "Until a web service answers",
        workload: "service",
        metric: None,
        unit: "ms",
        how: "HTTP requests in a loop from the host, with a time-out of 100 ms each and in some paths a sleep of 1 s between two.",
        really: "The prober: figures pile up at 1.01, 2.0 and 2.3 s.",
        ours: "The first whole answer to a request, probed each millisecond; the prober's own error is measured.",
    },
    Measure {
        name: "shutdown",
        title: "Shutdown",
        workload: "shutdown",
        metric: None,
        unit: "ms",
        how: "A request, at which the guest called `reboot`; the host waited for the end of the VMM.",
        really: "How each guest ends a machine: `reboot=k` without a keyboard controller waits for time-outs. 10.8 s against 2.3 s is no property \
            of the VMMs.",
        ours: "From the last frame of the guest to the end of the VMM, with the way of ending named and audited.",
    },
    Measure {
        name: "hash-loop",
        title: "Hash loop, 100 times 1 MiB",
        workload: "hash-loop",
        metric: None,
        unit: "ms",
        how: "Go's `hash.Sum(b)` of 1 MiB of random bytes, 100 times, in the guest's agent.",
        really: "Allocating and copying 1 MiB: `Sum(b)` appends the digest of nothing to `b`, so nothing was hashed.",
        ours: "SHA-256 of as much, each round over the digest before, with the last digest checked.",
    },
    Measure {
        name: "response",
        title: "Response time",
        workload: "http",
        metric: Some("p50"),
        unit: "ms",
        how: "ApacheBench with keep-alive: 80 KiB, read with O_DIRECT from the disk for each answer.",
        really: "Disk and network together.",
        ours: "The distribution of latencies at a fixed rate, with the answer from memory or from the disk as a setting.",
    },
    Measure {
        name: "throughput",
        title: "Throughput",
        workload: "http",
        metric: Some("answers"),
        unit: "1/s",
        how: "ApacheBench, 5 connections, 30 s.",
        really: "The service: both VMMs stand at the same limit (53.5 MB/s).",
        ours: "Requests a second, with what limits them.",
    },
];

/// What is wrong with the sets of the origin, whatever was measured.
pub const SETS: [&str; 4] = [
    "What its charts call T2 holds the runs with C3 and with the default kernel, too, because a filter by file names let them through: a set \
     is compared with its own parts.",
    "With several VMs at once, they were not started at the same time, and each number of them was tried once.",
    "16 of 20 and 68 of 80: VMs whose log did not have the line were left out without a word.",
    "No figure has an interval, and the order of the runs was not balanced.",
];

/// A published figure: a median over VMs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figure {
    /// The name of its measure.
    pub measure: &'static str,
    /// Its contender.
    pub column: Column,
    /// VMs at once.
    pub at_once: u32,
    /// In the unit of the measure.
    pub median: f64,
    /// VMs.
    pub n: u32,
    /// VMs that were started, where some were left out.
    pub of: Option<u32>,
}

const fn figure(measure: &'static str, column: Column, at_once: u32, median: f64, n: u32) -> Figure {
    Figure { measure, column, at_once, median, n, of: None }
}

const fn partial(measure: &'static str, column: Column, at_once: u32, median: f64, [n, of]: [u32; 2]) -> Figure {
    Figure { of: Some(of), ..figure(measure, column, at_once, median, n) }
}

use Column::{
    FirecrackerC3 as C3, FirecrackerKernel as KERNEL, FirecrackerT2 as T2, QemuDefault as DEFAULT, QemuHost as HOST,
};

/// All published figures.
pub const FIGURES: [Figure; 53] = [
    figure("memory", HOST, 1, 19190.0, 3),
    figure("memory", T2, 1, 19300.0, 3),
    figure("boot", HOST, 1, 847.5, 10),
    figure("boot", DEFAULT, 1, 1101.8, 10),
    figure("boot", T2, 1, 808.0, 40),
    figure("boot", C3, 1, 822.0, 20),
    figure("boot", KERNEL, 1, 796.1, 20),
    figure("boot", HOST, 10, 1760.7, 10),
    figure("boot", DEFAULT, 10, 1488.0, 10),
    figure("boot", T2, 10, 782.8, 40),
    partial("boot", HOST, 20, 3692.1, [16, 20]),
    partial("boot", DEFAULT, 20, 2112.6, [16, 20]),
    partial("boot", T2, 20, 2408.9, [68, 80]),
    figure("log-lines", HOST, 1, 228.0, 10),
    figure("log-lines", DEFAULT, 1, 216.0, 10),
    figure("log-lines", T2, 1, 204.5, 40),
    figure("log-lines", C3, 1, 205.0, 20),
    figure("log-lines", KERNEL, 1, 196.0, 20),
    figure("service", HOST, 1, 1177.6, 10),
    figure("service", DEFAULT, 1, 1437.6, 10),
    figure("service", T2, 1, 1027.6, 40),
    figure("service", C3, 1, 1024.9, 20),
    figure("service", KERNEL, 1, 1025.3, 20),
    figure("service", HOST, 10, 2041.0, 10),
    figure("service", DEFAULT, 10, 2056.3, 10),
    figure("service", T2, 10, 1109.7, 40),
    figure("service", HOST, 20, 8043.7, 20),
    figure("service", DEFAULT, 20, 8379.2, 20),
    figure("service", T2, 20, 4175.6, 80),
    figure("shutdown", HOST, 1, 10790.7, 10),
    figure("shutdown", DEFAULT, 1, 10599.5, 10),
    figure("shutdown", T2, 1, 2321.6, 40),
    figure("shutdown", C3, 1, 2321.9, 20),
    figure("shutdown", KERNEL, 1, 2330.3, 20),
    figure("shutdown", HOST, 10, 15816.9, 10),
    figure("shutdown", DEFAULT, 10, 16753.0, 10),
    figure("shutdown", T2, 10, 2390.2, 40),
    figure("shutdown", HOST, 20, 32658.5, 20),
    figure("shutdown", DEFAULT, 20, 33305.6, 20),
    figure("shutdown", T2, 20, 3068.5, 80),
    figure("hash-loop", HOST, 1, 69.3, 10),
    figure("hash-loop", DEFAULT, 1, 60.7, 10),
    figure("hash-loop", T2, 1, 62.7, 40),
    figure("hash-loop", C3, 1, 58.3, 20),
    figure("hash-loop", KERNEL, 1, 52.1, 20),
    figure("hash-loop", HOST, 10, 152.4, 10),
    figure("hash-loop", DEFAULT, 10, 151.5, 10),
    figure("hash-loop", T2, 10, 106.7, 40),
    figure("hash-loop", HOST, 20, 467.1, 20),
    figure("hash-loop", DEFAULT, 20, 514.4, 20),
    figure("hash-loop", T2, 20, 315.2, 80),
    // One figure each: how many requests it stands for was not published.
    figure("throughput", HOST, 1, 668.0, 1),
    figure("throughput", T2, 1, 669.0, 1),
];

impl Figure {
    /// Whether it is of a set that holds VMs of the two other sets of Firecracker, too: what was published as T2 is all of them.
    pub fn is_pooled(&self) -> bool {
        self.column == Column::FirecrackerT2 && self.n >= 40
    }
}

impl Measure {
    /// The published figure of a cell.
    pub fn published(&self, column: Column, at_once: u32) -> Option<&'static Figure> {
        FIGURES.iter().find(|figure| (figure.measure, figure.column, figure.at_once) == (self.name, column, at_once))
    }
}
