//! The boot itself as what is measured.

use firebench_model::record::{BootRecord, BootStatus, Report};

use crate::require;
use crate::support::common::Lab;
use crate::support::invocation::report;
use crate::support::need;

/// The good boots of a contender.
fn good<'a>(report: &'a Report, name: &str) -> Vec<&'a BootRecord> {
    let contender = report.contenders.iter().find(|contender| contender.name == name).expect(name);
    contender.boots.iter().filter(|boot| boot.status == BootStatus::Ok).collect()
}

/// The phases of a boot add up to its whole, and that is what the host's clock saw of it.
fn check(boot: &BootRecord, has_kernel: bool) {
    let [iteration] = boot.iterations.as_slice() else { panic!("one iteration: {boot:?}") };
    let of = |name: &str| iteration.metrics.get(name).copied();
    let phases: f64 = ["vmm", "kernel", "agent", "end"].iter().filter_map(|name| of(name)).sum();
    let total = of("total").expect("a whole");
    assert!((phases - total).abs() <= 0.001_f64.max(0.01 * total), "{phases} of {total}: {iteration:?}");
    let moments = boot.moments.expect("they are known");
    assert!(0.0 < moments.executed && moments.executed < moments.up, "{moments:?}");
    assert!(Some(moments.up) < moments.done && moments.done < moments.gone, "{moments:?}");
    let whole = total + of("launch").expect("the time before");
    assert!(whole <= boot.life_seconds, "{whole} of {}", boot.life_seconds);
    assert_eq!(of("kernel").is_some(), has_kernel, "{iteration:?}");
    assert_eq!(of("lines").is_some(), has_kernel, "{iteration:?}");
}

#[test]
fn every_isolation_boots_and_its_phases_add_up() {
    require!(need::isolations());
    let lab = Lab::new();
    let args = ["run", "boot", "--vmm", "host,bubblewrap,runc,gvisor,uml", "--boots", "2", "--out", "out"];
    let outcome = lab.firebench(&args).at(&lab.path("")).run().ok();
    let report = report(&lab.path("out"));
    assert_eq!((report.design.iterations, report.design.warm_up, report.design.primary.as_str()), (1, 0, "boot"));
    for name in ["host", "bubblewrap", "runc", "gvisor", "uml"] {
        let boots = good(&report, name);
        assert!(!boots.is_empty(), "{name}: {outcome}");
        boots.iter().for_each(|boot| check(boot, name == "uml"));
    }
    assert!(outcome.prose().contains("the kernel of uml"), "{outcome}");
    assert!(
        !outcome.prose().contains("cannot be checked"),
        "the times of the empty job are nobody's concern: {outcome}"
    );
}

#[test]
fn the_end_is_what_shutdown_is_about() {
    require!(need::isolations());
    let lab = Lab::new();
    let args = ["run", "shutdown", "--vmm", "runc,uml", "--boots", "2", "--out", "out"];
    let outcome = lab.firebench(&args).at(&lab.path("")).run().ok();
    let report = report(&lab.path("out"));
    assert_eq!(report.design.primary, "end");
    good(&report, "uml").iter().for_each(|boot| check(boot, true));
    assert!(outcome.prose().contains("How they end: "), "{outcome}");
}

#[test]
fn vms_boot_in_the_nested_host() {
    require!(need::qemu(), need::firecracker(), need::image());
    let lab = Lab::new();
    let args = ["run", "boot", "--accel", "nested", "--vmm", "qemu,firecracker", "--boots", "1", "--out", "out"];
    lab.firebench(&args).at(&lab.path("")).run().ok();
    let report = report(&lab.path("out"));
    for name in ["qemu", "firecracker"] {
        let boots = good(&report, name);
        assert_eq!(boots.len(), 1, "{name}");
        boots.iter().for_each(|boot| check(boot, true));
    }
}

#[test]
fn a_boot_has_one_iteration() {
    let lab = Lab::without_vms();
    for flags in [&["--iterations", "3"][..], &["--warmup", "1"], &["--cold"]] {
        let outcome = lab.firebench(&["run", "boot", "--vmm", "host"]).args(flags).run();
        assert_eq!(outcome.status.code(), Some(2), "{outcome}");
        assert!(outcome.stderr.contains("measures each boot as a whole"), "{outcome}");
    }
}

#[test]
fn several_at_once_are_one_boot() {
    require!(need::isolations());
    let lab = Lab::new();
    let args = ["run", "boot", "--vmm", "runc,gvisor,uml", "--concurrent", "1,3", "--boots", "2", "--memory", "128MiB"];
    let outcome = lab.firebench(&args).args(["--out", "out"]).at(&lab.path("")).run().ok();
    let report = report(&lab.path("out"));
    let names: Vec<&str> = report.contenders.iter().map(|contender| contender.name.as_str()).collect();
    assert_eq!(names, ["runc-x1", "runc-x3", "gvisor-x1", "gvisor-x3", "uml-x1", "uml-x3"]);
    for name in ["runc-x3", "gvisor-x3", "uml-x3"] {
        for boot in good(&report, name) {
            let crowd = boot.at_once.as_ref().expect("they were several");
            assert_eq!(crowd.all.len(), 3);
            assert!(crowd.all.iter().all(|one| one.iterations.len() == 1 && one.life_seconds <= boot.life_seconds));
        }
        assert!(outcome.prose().contains(&format!("{name}: 3 at once in each boot")), "{outcome}");
    }
    assert!(good(&report, "runc-x1").iter().all(|boot| boot.at_once.is_none()));
    let duet = lab.firebench(&["run", "boot", "--vmm", "runc,gvisor", "--concurrent", "2", "--duet"]).run();
    assert_eq!(duet.status.code(), Some(2), "{duet}");
}
