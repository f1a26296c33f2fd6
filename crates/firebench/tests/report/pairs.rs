//! Reports of pairs of other kinds than the published one.

use firebench_model::experiment::Preset;
use firebench_model::record::{Artifact, BootRecord, ContenderRecord, DesignRecord, Report, RunEnd};
use firebench_protocol::{Counters, GuestFacts};
use firebench_stats::{Estimand, Rule};
use firebench_vmm::{Accel, Launch, Settings, VmmKind, firecracker, host, qemu};

use crate::fixture::{DIGEST, FIRECRACKER, QEMU, boot, contender, firecracker_facts, published, qemu_facts};

const CMDLINE: &str = "console=ttyS0 quiet reboot=t panic=-1 pci=off";

/// As alike as QEMU and Firecracker can be: what differs is what differed in a real run of this kind.
pub fn matched() -> Report {
    let mut report = published();
    report.experiment.preset = Preset::Matched;
    report.notices.clear();
    for contender in &mut report.contenders {
        contender.vcpus = 1;
        contender.cmdline = CMDLINE.to_owned();
        for boot in &mut contender.boots {
            boot.facts = Some(matched_facts());
        }
    }
    let [qemu, firecracker] = report.contenders.as_mut_slice() else { unreachable!("the fixture has two") };
    qemu.settings =
        Some(Settings::new(QEMU).with(&qemu::CPU, "host").with(&qemu::RTC, true).with(&qemu::SANDBOX, "on"));
    firecracker.settings = Some(Settings::new(FIRECRACKER));
    each_facts(firecracker, |facts| {
        facts.cmdline.push_str(" virtio_mmio.device=4K@0xd0000000:5");
        facts.cpu.model = "Intel(R) Xeon(R) Processor @ 2.90GHz".to_owned();
        facts.cpu.flags.retain(|flag| flag != "arch_capabilities");
        facts.cpu.mhz += 0.004;
        facts.mem_total_bytes += 172 * 1024;
        facts.block.insert("nr_requests".to_owned(), "128".to_owned());
        facts.block.insert("write_cache".to_owned(), "write through".to_owned());
    });
    report
}

fn matched_facts() -> GuestFacts {
    let mut facts = qemu_facts();
    facts.cmdline = CMDLINE.to_owned();
    facts.cpu.online = 1;
    facts.cpu.flags.push("arch_capabilities".to_owned());
    facts.block.insert("nr_requests".to_owned(), "1024".to_owned());
    facts.block.insert("write_cache".to_owned(), "write back".to_owned());
    facts
}

fn each_facts(contender: &mut ContenderRecord, change: impl Fn(&mut GuestFacts)) {
    contender.boots.iter_mut().filter_map(|boot| boot.facts.as_mut()).for_each(change);
}

/// A matched pair and the bare host, whose page cache has room for the payload: a run of 24 blocks after 3 that do not count.
pub fn with_host() -> Report {
    let mut report = matched();
    let host = ContenderRecord {
        version: "0.1.0".to_owned(),
        sha256: "aa".repeat(32),
        vcpus: 1,
        accel: Accel::Native,
        launch: Launch { cpus: Some(vec![1]), ..contender(VmmKind(&host::KIND), 1).launch },
        boots: Vec::new(),
        discarded: Vec::new(),
        ..contender(VmmKind(&host::KIND), 1)
    };
    report.contenders.push(host);
    report.design = DesignRecord {
        estimand: Estimand::Typical,
        rule: Rule::Precision,
        precision: Some(0.01),
        max_seconds: Some(300.0),
        seed: 42,
        scout_blocks: 3,
        iterations: 5,
        warm_up: 1,
        planned: Some(24),
        end: Some(RunEnd::Planned),
        ..DesignRecord::default()
    };
    report.duration = 231.0;
    for (at, contender) in report.contenders.iter_mut().enumerate() {
        let facts = contender.boots.first().and_then(|boot| boot.facts.clone());
        contender.boots = (0..27).map(|block| short_boot(block, at as u32, facts.clone())).collect();
    }
    let host = &mut report.contenders[2];
    for boot in &mut host.boots {
        let mut facts = matched_facts();
        facts.kernel_release = "6.1.0-40-amd64".to_owned();
        facts.clocksource = "tsc".to_owned();
        facts.cmdline = "BOOT_IMAGE=/vmlinuz root=/dev/nvme0n1p1".to_owned();
        facts.mem_total_bytes = 8 << 30;
        facts.cpu.flags.push("vmx".to_owned());
        facts.block.insert("driver".to_owned(), "nvme".to_owned());
        boot.facts = Some(facts);
        for iteration in &mut boot.iterations {
            iteration.metrics.values_mut().for_each(|value| *value *= 0.96);
        }
    }
    report
}

/// A matched pair that ran at once, on two CPUs that were swapped: the second one's last iteration ran alone in every block.
pub fn duet() -> Report {
    let mut report = matched();
    report.design = DesignRecord {
        estimand: Estimand::Typical,
        rule: Rule::Fixed,
        seed: 42,
        iterations: 3,
        warm_up: 1,
        planned: Some(12),
        end: Some(RunEnd::Planned),
        duet: true,
        ..DesignRecord::default()
    };
    report.experiment.design.duet = true;
    report.duration = 31.0;
    for (at, contender) in report.contenders.iter_mut().enumerate() {
        let facts = contender.boots.first().and_then(|boot| boot.facts.clone());
        let place = |block: u32| (block / 3 + at as u32) % 2;
        contender.boots = (0..12).map(|block| short_boot(block, place(block), facts.clone())).collect();
        for boot in &mut contender.boots {
            boot.cpus = vec![boot.position];
            boot.pinned = boot.cpus.clone();
            if at == 1 {
                boot.iterations[2].metrics.values_mut().for_each(|value| *value *= 0.5);
                boot.iterations[2].alone = true;
            }
        }
    }
    report
}

/// Half a second of hashing, its file in the page cache from the second iteration on.
fn short_boot(block: u32, position: u32, facts: Option<GuestFacts>) -> BootRecord {
    let noise = f64::from((block * 7 + position * 3) % 5) / 1000.0;
    let mut boot = boot(block, position, &[[0.9, 0.5, 0.2], [0.55 + noise, 0.5, 0.04], [0.55 + noise, 0.5, 0.04]]);
    for iteration in boot.iterations.iter_mut().skip(1) {
        iteration.counters =
            Counters { disk_read_bytes: 0, voluntary_switches: 2, involuntary_switches: 3, ..iteration.counters };
    }
    boot.facts = facts;
    boot
}

/// Two builds of Firecracker, all else the same.
pub fn two_firecrackers() -> Report {
    let mut report = twins();
    let [old, new] = report.contenders.as_mut_slice() else { unreachable!("the fixture has two") };
    (old.name, old.version) = ("fc-1.12".to_owned(), "1.12.1".to_owned());
    (new.name, new.version) = ("fc-1.13".to_owned(), "1.13.0".to_owned());
    new.sha256 = "cd".repeat(32);
    report
}

/// One Firecracker with and without a CPU template, and what follows from it.
pub fn template() -> Report {
    let mut report = twins();
    let [plain, template] = report.contenders.as_mut_slice() else { unreachable!("the fixture has two") };
    (plain.name, template.name) = ("plain".to_owned(), "t2".to_owned());
    template.settings = Some(Settings::new(FIRECRACKER).with(&firecracker::TEMPLATE, "T2"));
    each_facts(template, |facts| {
        facts.cpu.flags.retain(|flag| flag != "sha_ni" && flag != "avx512f");
        facts.mitigations.insert("mds".to_owned(), "Vulnerable".to_owned());
    });
    report
}

/// One Firecracker twice.
pub fn twins() -> Report {
    let mut report = matched();
    let [first, second] = report.contenders.as_mut_slice() else { unreachable!("the fixture has two") };
    *first = ContenderRecord { boots: first.boots.clone(), ..second.clone() };
    (first.name, second.name) = ("a".to_owned(), "b".to_owned());
    for contender in &mut report.contenders {
        for boot in &mut contender.boots {
            boot.facts = Some(firecracker_facts());
            each_same(boot);
        }
    }
    report
}

fn each_same(boot: &mut BootRecord) {
    if let Some(facts) = &mut boot.facts {
        facts.cpu.flags = qemu_facts().cpu.flags;
        facts.cmdline = CMDLINE.to_owned();
    }
}

/// A file of one contender alone.
pub fn own_file(role: &str, contender: &str, digest: &str) -> Artifact {
    Artifact {
        role: role.to_owned(),
        contenders: vec![contender.to_owned()],
        name: format!("{role}-of-{contender}"),
        version: None,
        bytes: 1,
        sha256: if digest.is_empty() { DIGEST.to_owned() } else { digest.to_owned() },
    }
}
