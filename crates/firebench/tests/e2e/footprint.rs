//! What contenders have of the host's memory.

use firebench_model::record::{BootRecord, BootStatus, Report};

use crate::require;
use crate::support::common::Lab;
use crate::support::invocation::report;
use crate::support::need;

const MIB: u64 = 1 << 20;

/// The good boots of a contender.
fn good<'a>(report: &'a Report, name: &str) -> Vec<&'a BootRecord> {
    let contender = report.contenders.iter().find(|contender| contender.name == name).expect(name);
    contender.boots.iter().filter(|boot| boot.status == BootStatus::Ok).collect()
}

/// All mappings come to what the kernel says, part for part; returns the guest's memory after the boot and after the work.
fn check(name: &str, boot: &BootRecord, processes: u64) -> (u64, u64) {
    let footprint = boot.footprint.as_ref().expect("it was looked at");
    let looks = [footprint.boot.expect("before the work"), footprint.work.expect("after it")];
    for look in looks {
        let difference = look.pss.abs_diff(look.rollup);
        eprintln!("{name}: {look:?}: smaps and smaps_rollup are {difference} bytes apart");
        assert!(difference <= (28 * 1024).max(look.rollup / 100), "{name}: {look:?}");
        assert!(look.processes >= processes && look.pss <= look.rss, "{name}: {look:?}");
        let parts = look.parts;
        let sum = [parts.guest, parts.files, parts.program, parts.heap, parts.translator, parts.shared];
        assert_eq!(sum.iter().sum::<u64>(), look.pss, "{name}: {look:?}");
    }
    let [iteration] = boot.iterations.as_slice() else { panic!("one iteration: {boot:?}") };
    for (metric, bytes) in [("pss", looks[1].pss), ("pss_up", looks[0].pss), ("guest", looks[1].parts.guest)] {
        assert_eq!(iteration.metrics.get(metric), Some(&(bytes as f64)), "{name}: {metric}");
    }
    assert_eq!(iteration.digest.len(), 64, "{name}: the guest has read its file");
    (looks[0].parts.guest, looks[1].parts.guest)
}

#[test]
fn the_memory_of_isolations_is_split_by_kind() {
    require!(need::isolations());
    let lab = Lab::new();
    let args = ["run", "footprint", "--vmm", "host,runc,gvisor,uml", "--memory", "256MiB", "--boots", "2"];
    let outcome = lab.firebench(&args).args(["--size", "32MiB", "--out", "out"]).at(&lab.path("")).run().ok();
    let report = report(&lab.path("out"));
    assert_eq!((report.design.iterations, report.design.primary.as_str()), (1, "pss"));
    for (name, processes) in [("host", 2), ("runc", 3), ("gvisor", 3), ("uml", 1)] {
        let boots = good(&report, name);
        assert!(!boots.is_empty(), "{name}: {outcome}");
        for boot in boots {
            let (before, after) = check(name, boot, processes);
            match name {
                "host" | "runc" => assert_eq!((before, after), (0, 0), "{name}: it has no guest"),
                "gvisor" => assert!(before > 0 && after > 0, "{name}: by its name"),
                // Its page cache is in its memory.
                _ => assert!(before > 4 * MIB && after > before + 16 * MIB, "{name}: {before} {after}"),
            }
        }
    }
    assert!(outcome.prose().contains("What host and runc read from files is in the host's page cache"), "{outcome}");
}

#[test]
#[ignore = "run by scripts/long"]
fn the_memory_of_vms_is_split_in_the_nested_host() {
    require!(need::qemu(), need::firecracker(), need::image());
    let lab = Lab::new();
    let args = ["run", "footprint", "--accel", "nested", "--vmm", "qemu,firecracker", "--boots", "1", "--out", "out"];
    let outcome = lab.firebench(&args).at(&lab.path("")).within(900).run().ok();
    let report = report(&lab.path("out"));
    for name in ["qemu", "firecracker"] {
        let boots = good(&report, name);
        assert_eq!(boots.len(), 1, "{name}: {outcome}");
        let (before, after) = check(name, boots[0], 1);
        assert!(before > 8 * MIB && after > before + 4 * MIB, "{name}: {before} {after}");
        let work = boots[0].footprint.as_ref().and_then(|footprint| footprint.work).expect("after the work");
        assert!(work.guest_by_size, "{name}: {work:?}");
        // QEMU maps the kernel, Firecracker reads it.
        assert_eq!(work.parts.files > 0, name == "qemu", "{name}: {work:?}");
    }
    assert!(outcome.prose().contains("by its size"), "{outcome}");
}
