//! Reports as runs leave them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use firebench_model::counts::{BootCounts, Counts, PortUse};
use firebench_model::experiment::{
    AccelChoice, CommandSpec, ContenderSpec, Design, Experiment, Files, HashLoop, HostCacheChoice, HttpSpec,
    MachineSpec, OwnSettings, PayloadSpec, Preset, Programs, Settle, WorkloadName,
};
use firebench_model::metric;
use firebench_model::record::{
    Artifact, BootRecord, BootStatus, ContenderRecord, DesignRecord, IterationRecord, NestedHost, Overhead,
    PayloadRecord, Report, SCHEMA,
};
use firebench_protocol::{Counters, CpuFacts, GuestFacts, KernelPause};
use firebench_text::units::{Share, Size, Span};
use firebench_vmm::{
    Accel, Jail, JailedFile, Launch, LaunchFile, Limits, Settings, Tap, VmmKind, firecracker, kinds, qemu,
};

use crate::host;
pub const QEMU: VmmKind = VmmKind(&qemu::KIND);
pub const FIRECRACKER: VmmKind = VmmKind(&firecracker::KIND);
pub const GIB: u64 = 1 << 30;
pub const DIGEST: &str = "84549ba4553e9897c38062ede225c315d97bfbde06016470c174ba09f514fe64";
pub const MEMINFO_QEMU: &str = include_str!("meminfo-qemu.txt");
pub const MEMINFO_FIRECRACKER: &str = include_str!("meminfo-firecracker.txt");
/// real, user, sys.
pub type Times = [f64; 3];
/// Contenders with every key.
fn contenders() -> Vec<ContenderSpec> {
    let all = ContenderSpec {
        binary: Some("firecracker-v1.12.0".into()),
        vcpus: Some(2),
        memory: Some(Size(512 << 20)),
        kernel: Some("vmlinux".into()),
        modules: Some("modules".into()),
        append: Some("nosmt".to_owned()),
        busybox: Some("busybox".into()),
        image: Some("root.ext4".into()),
        handicap: Some(Share::percent(5)),
        concurrent: Some(2),
        command: Some("sort -r".to_owned()),
        parameters: Some("threads=4".to_owned()),
        own: OwnSettings::default()
            .with(&firecracker::TEMPLATE, "T2")
            .with(&firecracker::CACHE, "unsafe")
            .with(&firecracker::IO, "async")
            .with(&firecracker::HUGE_PAGES, true)
            .with(&firecracker::TRANSPARENT_HUGE_PAGES, true)
            .with(&firecracker::API, true),
        jail: true,
        ..ContenderSpec::new("old", FIRECRACKER)
    };
    let own = OwnSettings::default().with(&qemu::CPU, "host").with(&qemu::RTC, true);
    vec![all, ContenderSpec { own, ..ContenderSpec::new("qemu", QEMU) }]
}

/// The published pair, 2 boots of 3 iterations: the first boots are the document's figures.
pub fn published() -> Report {
    let mut qemu = contender(QEMU, 2);
    qemu.boots = vec![
        boot(0, 0, &[[20.42, 17.84, 1.33], [19.19, 17.75, 1.43], [19.05, 17.63, 1.41]]),
        boot(1, 1, &[[20.51, 17.80, 1.39], [19.22, 17.71, 1.40], [19.11, 17.66, 1.44]]),
    ];
    let mut firecracker = contender(FIRECRACKER, 1);
    firecracker.boots = vec![
        boot(0, 1, &[[20.36, 17.72, 2.61], [19.30, 17.63, 1.52], [19.28, 17.58, 1.55]]),
        boot(1, 0, &[[20.40, 17.70, 2.58], [19.34, 17.60, 1.50], [19.25, 17.61, 1.57]]),
    ];
    for boot in &mut qemu.boots {
        boot.facts = Some(GuestFacts { kernel_pauses: vec![clock_pause(0.609)], ..qemu_facts() });
        boot.meminfo_before = Some(fresh(MEMINFO_QEMU));
        boot.meminfo_after = Some(MEMINFO_QEMU.to_owned());
    }
    for boot in &mut firecracker.boots {
        boot.facts = Some(firecracker_facts());
        boot.meminfo_before = Some(fresh(MEMINFO_FIRECRACKER));
        boot.meminfo_after = Some(MEMINFO_FIRECRACKER.to_owned());
    }
    Report {
        schema: SCHEMA.to_owned(),
        id: None,
        imported: None,
        design: DesignRecord { planned: Some(2), ..DesignRecord::default() },
        firebench: "0.1.0".to_owned(),
        started: "2025-06-01T12:00:00Z".to_owned(),
        overhead: Overhead { first_vm_seconds: Some(9.5), own_cpu_seconds: 0.25 },
        duration: 251.25,
        experiment: Experiment {
            preset: Preset::Published,
            payload: PayloadSpec::Seeded { seed: 1, size: Some(Size(GIB)), block: None },
            design: Design { primary: Some("real".to_owned()), boots: Some(2), ..Design::default() },
            ..Experiment::default()
        },
        accelerator: Accel::Kvm,
        emulated: false,
        accelerator_reason: "/dev/kvm is hardware: 2100 million loop iterations a second".to_owned(),
        nested_host: None,
        host: host::facts(),
        payload: PayloadRecord { bytes: GIB, sha256: DIGEST.to_owned(), source: "ChaCha12 stream, seed 1".to_owned() },
        command: vec!["/bin/sha256sum".to_owned(), "/random.txt".to_owned()],
        metrics: metric::OF_A_COMMAND.to_vec(),
        artifacts: vec![
            artifact("kernel", "linux-image-6.1.0-40-cloud-amd64", Some("6.1.153-1"), 45_000_000),
            artifact("initramfs", "initramfs.cpio", None, 1_500_000),
            artifact("root disk", "rootfs.ext4", None, 1_200_000_000),
        ],
        contenders: vec![qemu, firecracker],
        notices: vec!["the CPU template T2 is left out: this CPU is not Intel's".to_owned()],
        failure: None,
    }
}

/// A matched pair in a nested host, everything in it that can be set: what the experiment can say, and a tap.
pub fn nested() -> Report {
    let mut report = published();
    report.emulated = true;
    report.accelerator_reason =
        "/dev/kvm is emulated: 1.2 million loop iterations a second; chose the nested host".to_owned();
    report.nested_host = Some(NestedHost {
        qemu: "QEMU emulator version 10.0.2".to_owned(),
        kernel: Some("Linux version 6.1.0-56-cloud-amd64".to_owned()),
        argv: ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg,thread=multi"].map(str::to_owned).to_vec(),
        cpus: 2,
        memory_mib: 2048,
    });
    let mut programs = Programs::default();
    programs.set(FIRECRACKER, PathBuf::from("firecracker-v1.12.1"));
    programs.set(QEMU, PathBuf::from("qemu-system-x86_64"));
    report.experiment = Experiment {
        workload: WorkloadName::default(),
        preset: Preset::Matched,
        accel: AccelChoice::Nested,
        vmm: kinds::by_default().collect(),
        contenders: contenders(),
        machine: MachineSpec {
            vcpus: Some(1),
            memory: Some(Size(512 << 20)),
            tap: true,
            pin: true,
            jail: true,
            append: "note=\"``` a | b\"".to_owned(),
        },
        payload: PayloadSpec::Seeded { seed: 7, size: Some(Size(GIB)), block: Some(Size(4096)) },
        http: HttpSpec::default(),
        hash_loop: Some(HashLoop { rounds: Some(100), buffer: Some(Size(4096)), seed: 3 }),
        command: Some(CommandSpec {
            argv: vec!["sort".to_owned(), "a b".to_owned()],
            shell: Some("sh".to_owned()),
            directory: Some(PathBuf::from("/srv")),
            env: vec!["COLOUR=red".to_owned()],
            input: Some(PathBuf::from("input")),
            prepare: Some("sync".to_owned()),
            conclude: Some("true".to_owned()),
            expect_exit: vec![0, 1],
            expect_stdout: Some(PathBuf::from("expected")),
        }),
        design: Design {
            primary: Some("real".to_owned()),
            boots: Some(2),
            precision: Some(Share::percent(1)),
            max_time: Some(Span::seconds(300)),
            delta: Some(Share::percent(2)),
            estimand: Some(firebench_stats::Estimand::Typical),
            strict: true,
            stop_on_verdict: true,
            settle: Some(Settle::Pause(Span::seconds(5))),
            seed: Some(7),
            iterations: Some(3),
            warm_up: Some(1),
            cold: true,
            host_cache: HostCacheChoice::Warm,
            boot_deadline: Some(180),
            iteration_deadline: Some(600),
            ..Design::default()
        },
        files: Files {
            kernel: Some(PathBuf::from("vmlinux")),
            modules: Some(PathBuf::from("modules")),
            programs,
            root: Some(PathBuf::from("image.tar")),
            overlay: true,
            add: vec!["hello=/etc/hello".to_owned()],
            add_program: vec!["/usr/bin/fio".to_owned()],
        },
    };
    for contender in &mut report.contenders {
        contender.vcpus = 1;
        contender.memory_mib = 512;
        contender.launch.tap = Some(Tap { name: "tap0".to_owned(), mac: Some("2e:60:bf:c7:64:88".to_owned()) });
        jail(contender);
        for boot in &mut contender.boots {
            let total = "506396";
            let facts = firecracker_facts();
            boot.facts = Some(GuestFacts { mem_total_bytes: 506_396 * 1024, ..facts });
            boot.meminfo_before = Some(fresh(MEMINFO_FIRECRACKER).replace("1012792", total));
            boot.meminfo_after = Some(MEMINFO_FIRECRACKER.replace("1012792", total));
        }
    }
    for (contender, counted) in report.contenders.iter_mut().zip(COUNTED) {
        for (boot, further) in contender.boots.iter_mut().zip([0, 2]) {
            boot.counts = Some(counts(counted, further));
        }
    }
    if let Some(firecracker) = report.contenders.get_mut(1) {
        firecracker.command = vec!["/usr/bin/sort".to_owned(), "-r".to_owned()];
        firecracker.boots.iter_mut().for_each(|boot| {
            boot.printed = Some("c\nb\n".to_owned());
            boot.complained = Some("sort: a warning\n".to_owned());
        });
    }
    report
}

/// What KVM counted of a boot of each: I/O port exits of the boot and of its end, MMIO exits of both, and uses of the serial port.
const COUNTED: [[u64; 5]; 2] = [[3142, 95, 434, 618, 280], [476, 67, 0, 1, 278]];

/// Such counts, and some `further` exits.
pub fn counts([boot_io, end_io, boot_mmio, end_mmio, serial]: [u64; 5], further: u64) -> BootCounts {
    let of = |io: u64, mmio: u64, fixed: u64, exits: u64| -> Counts {
        let counts = [("io_exits", io), ("mmio_exits", mmio), ("pf_fixed", fixed), ("exits", exits)];
        counts.map(|(name, count)| (name.to_owned(), count)).into()
    };
    let iteration = of(14, 0, 0, 217);
    let port = |port, times| PortUse { port, times };
    BootCounts {
        boot: of(boot_io.saturating_add(further), boot_mmio, 172, 5_500),
        ports: vec![
            port(0x3f8, serial),
            port(0x71, further.saturating_add(12)),
            port(0xcf8, boot_io.saturating_sub(serial)),
        ],
        iterations: vec![of(14, 100, 3, 1100), iteration.clone(), iteration],
        shutdown: of(end_io, end_mmio, 1, 900),
        life: of(boot_io.saturating_add(9_000), boot_mmio.saturating_add(end_mmio), 173, 21_000),
    }
}

/// Jails a contender.
fn jail(contender: &mut ContenderRecord) {
    contender.launch.directory = Some("/run/boot-0".into());
    contender.launch.limits = Some(Limits::of_guest(512, vec!["/dev/vdb".into()]));
    let Some(settings) = &mut contender.settings else { return };
    match settings.vmm.name {
        "qemu" => {
            settings.values.set(&qemu::SANDBOX, "strict");
            settings.values.set(&qemu::RTC, true);
        }
        "firecracker" => {
            settings.values.set(&firecracker::JAILER, "/usr/bin/jailer");
            let root = PathBuf::from("/run/boot-0/firecracker/firebench/root");
            let files = vec![JailedFile { path: "/dev/vdb".into(), seen: root.join("disk") }];
            contender.launch.jail = Some(Jail { root, id: firecracker::JAILED_ID, files });
        }
        _ => {}
    }
}

/// The few first lines of a meminfo.
fn fresh(meminfo: &str) -> String {
    meminfo.lines().take(3).map(|line| format!("{line}\n")).collect()
}

/// A run that ended with a wrong digest, after a boot that never started; the guest is hostile.
pub fn failed() -> Report {
    const EVIL: &str = "\u{1b}[31mred\u{1b}]0;title\u{7} | `code` ``` <b>\u{202e}";
    let mut report = published();
    let [qemu, firecracker] = report.contenders.as_mut_slice() else { unreachable!("the fixture has two") };
    let retried = BootRecord {
        status: BootStatus::NeverStarted,
        message: Some("the agent did not speak within 60 s".to_owned()),
        boot_seconds: None,
        facts: None,
        meminfo_before: None,
        meminfo_after: None,
        iterations: Vec::new(),
        last_words: vec![format!("[    0.1] tsc: Unable to calibrate against PIT {EVIL}"), "````".to_owned()],
        ..qemu.boots[0].clone()
    };
    qemu.boots[0].attempt = 2;
    qemu.boots.insert(0, retried);
    let marker = firebench_model::markdown_block::MARKER;
    firecracker.boots[0].meminfo_after =
        Some(format!("{MEMINFO_FIRECRACKER}```\n\n{marker}\n```toml\nworkload = \"memory\"\n```\n{EVIL}"));
    if let Some(facts) = &mut firecracker.boots[0].facts {
        facts.cmdline = format!("console=ttyS0 {EVIL} \\|");
    }
    let wrong = &mut firecracker.boots[1];
    wrong.status = BootStatus::WrongDigest;
    wrong.message = Some(format!("iteration 2 gave 00ff{EVIL}"));
    wrong.iterations.truncate(2);
    wrong.iterations[1].digest = "00ff".repeat(16);
    report.failure = Some("firecracker, boot 2: an iteration gave a wrong digest".to_owned());
    report
}

pub fn contender(vmm: VmmKind, vcpus: u32) -> ContenderRecord {
    let (argv, files, log, version) = match vmm.name {
        "qemu" => (
            vec!["qemu-system-x86_64", "-M", "microvm,rtc=off", "-enable-kvm", "-append", cmdline(vmm)],
            Vec::new(),
            None,
            "QEMU emulator version 10.0.2",
        ),
        "firecracker" => (
            vec!["firecracker", "--no-api", "--config-file", "run/firecracker.json"],
            vec![LaunchFile {
                path: PathBuf::from("run/firecracker.json"),
                contents: "{\n  \"machine-config\": {}\n}\n".to_owned(),
            }],
            Some(PathBuf::from("run/firecracker.log")),
            "Firecracker v1.12.1",
        ),
        _ => (vec!["firebench-agent", "host", "run/job.json"], Vec::new(), None, "firebench-agent 0.1.0"),
    };
    ContenderRecord {
        name: vmm.name.to_owned(),
        vmm,
        version: version.to_owned(),
        binary: PathBuf::from(vmm.program.as_ref().map_or("firebench-agent", |program| program.name)),
        sha256: "b99ea49b8d8b7bfa307d3845585d6a97f7642aa17a985749900370070d8ca930".to_owned(),
        vcpus,
        memory_mib: 1024,
        concurrent: 1,
        accel: Accel::Kvm,
        settings: match vmm.name {
            "qemu" => Some(Settings::new(QEMU)),
            "firecracker" => {
                let template = if vcpus == 1 { "T2" } else { "none" };
                let settings = Settings::new(FIRECRACKER).with(&firecracker::TEMPLATE, template);
                Some(settings.with(&firecracker::LOG_LEVEL, "Debug"))
            }
            _ => None,
        },
        cmdline: cmdline(vmm).to_owned(),
        launch: Launch { argv: argv.into_iter().map(str::to_owned).collect(), files, log, ..Launch::default() },
        boots: Vec::new(),
        discarded: Vec::new(),
        command: Vec::new(),
        figures: None,
    }
}

/// The published command lines, the one of Firecracker without `noapic`.
fn cmdline(vmm: VmmKind) -> &'static str {
    match vmm.name {
        "qemu" => "earlyprintk=ttyS0 console=ttyS0 root=/dev/vda",
        "firecracker" => "console=ttyS0 reboot=k panic=1 pci=off nomodules rw",
        _ => "",
    }
}

pub fn boot(block: u32, position: u32, times: &[Times]) -> BootRecord {
    BootRecord {
        boot_seconds: Some(0.5 + f64::from(block) / 8.0),
        life_seconds: 61.5,
        throttled_seconds: Some(0.0),
        host_cache_resident: Some(1.0),
        meminfo_after: Some("MemTotal:        1012620 kB\n".to_owned()),
        iterations: (0..).zip(times).map(|(index, times)| iteration(index, times)).collect(),
        vmm_cpu: Some((58.5, 1.25)),
        console_bytes: 4096,
        ..BootRecord::new(block, position, 1)
    }
}

fn iteration(index: u32, &[real, user, sys]: &Times) -> IterationRecord {
    let metrics = [("real", real), ("user", user), ("sys", sys), ("host_real", real * 1.0005)];
    IterationRecord {
        index,
        metrics: metrics.map(|(name, value)| (name.to_owned(), value)).into_iter().collect(),
        counters: Counters {
            minor_faults: 70,
            major_faults: 1,
            voluntary_switches: 1200,
            involuntary_switches: 30,
            max_rss_bytes: 1_200_000,
            disk_read_bytes: GIB,
            steal_us: 0,
        },
        digest: DIGEST.to_owned(),
        alone: false,
    }
}

fn artifact(role: &str, name: &str, version: Option<&str>, bytes: u64) -> Artifact {
    Artifact {
        role: role.to_owned(),
        contenders: Vec::new(),
        name: name.to_owned(),
        version: version.map(str::to_owned),
        bytes,
        sha256: DIGEST.to_owned(),
    }
}

pub fn qemu_facts() -> GuestFacts {
    let map =
        |pairs: &[(&str, &str)]| pairs.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect::<BTreeMap<_, _>>();
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    GuestFacts {
        kernel_release: "6.1.0-40-cloud-amd64".to_owned(),
        kernel_version: "#1 SMP Debian 6.1.153-1".to_owned(),
        cmdline: cmdline(QEMU).to_owned(),
        cpu: CpuFacts {
            online: 2,
            vendor: "GenuineIntel".to_owned(),
            model: "Intel Xeon".to_owned(),
            flags: words("fpu sse2 avx avx512f sha_ni"),
            mhz: 2294.608,
        },
        clocksource: "kvm-clock".to_owned(),
        clocksources: words("kvm-clock tsc"),
        mem_total_bytes: 1_012_620 * 1024,
        block: map(&[("scheduler", "[none] mq-deadline"), ("read_ahead_kb", "128"), ("driver", "virtio_mmio")]),
        mitigations: map(&[
            ("meltdown", "Not affected"),
            ("mds", "Mitigation: Clear CPU buffers; SMT Host state unknown"),
        ]),
        modules: words("virtio_mmio virtio_blk"),
        transparent_hugepage: "always [madvise] never".to_owned(),
        network_interfaces: None,
        kernel_lines: None,
        kernel_pauses: Vec::new(),
    }
}

/// The kernel's wait for the real-time clock that the published QEMU lacks.
pub fn clock_pause(seconds: f64) -> KernelPause {
    KernelPause {
        seconds,
        after: "i8042: Warning: Keylock active".to_owned(),
        before: "rtc_cmos rtc_cmos: broken or not accessible".to_owned(),
    }
}

pub fn firecracker_facts() -> GuestFacts {
    let mut facts = qemu_facts();
    facts.cmdline = format!("{} virtio_mmio.device=4K@0xd0000000:5", cmdline(FIRECRACKER));
    facts.cpu.online = 1;
    facts.cpu.flags = ["fpu", "sse2", "avx", "hypervisor"].map(str::to_owned).to_vec();
    facts.mem_total_bytes = 1_012_792 * 1024;
    facts.mitigations.insert("mds".to_owned(), "Not affected".to_owned());
    facts
}
