//! VMMs that firebench does not fetch: whole runs in the nested host with the programs that the environment names.

use firebench_model::record::Report;

use crate::require;
use crate::support::common::Lab;
use crate::support::good::assert_good;
use crate::support::invocation::report;
use crate::support::need;

/// A run of one of them, perhaps with settings behind its kind; none where it is not there.
fn run(contender: &str, args: &[&str]) -> Option<Report> {
    let kind = contender.split(',').next().unwrap_or(contender);
    let program = match need::by_path(kind) {
        Ok(program) => program,
        Err(lack) => {
            need::skip_unobtainable(&lack);
            return None;
        }
    };
    let lab = Lab::new();
    let out = lab.path("out");
    let contender = format!("--contender=a={contender},binary={}", program.display());
    let run = ["run", "memory", "--accel", "nested", "--size", "4MiB", "--memory", "256MiB", "--boots", "2", "--out"];
    lab.firebench(&run).arg(&out).args(["--iterations", "2"]).arg(contender).args(args).run().ok();
    let report = report(&out);
    assert_good(&report, 2, 2);
    let boots = &report.contenders[0].boots;
    assert!(boots.iter().all(|boot| boot.without.is_empty() && boot.message.is_none()), "{boots:?}");
    Some(report)
}

#[test]
fn cloud_hypervisor_boots_and_measures_with_a_network_card() {
    require!(need::tcg());
    let Some(report) = run("cloud-hypervisor", &["--vcpus", "2", "--tap"]) else { return };
    let facts = report.contenders[0].boots[0].facts.as_ref().expect("facts");
    assert_eq!(facts.cpu.online, 2);
    assert!(facts.modules.iter().any(|module| module.starts_with("virtio_net")), "{:?}", facts.modules);
}

#[test]
fn crosvm_boots_and_measures_with_a_network_card() {
    require!(need::tcg());
    let Some(report) = run("crosvm", &["--vcpus", "2", "--tap"]) else { return };
    let facts = report.contenders[0].boots[0].facts.as_ref().expect("facts");
    assert_eq!(facts.cpu.online, 2);
    assert!(facts.modules.iter().any(|module| module.starts_with("virtio_net")), "{:?}", facts.modules);
}

#[test]
fn crosvm_boots_and_measures_without_its_sandbox() {
    require!(need::tcg());
    let Some(report) = run("crosvm,sandbox=off", &["--vcpus", "1"]) else { return };
    assert!(report.contenders[0].launch.argv.iter().any(|word| word == "--disable-sandbox"), "{report:?}");
}

#[test]
fn kvmtool_boots_and_measures_with_a_network_card() {
    require!(need::tcg());
    let Some(report) = run("kvmtool", &["--vcpus", "1", "--tap"]) else { return };
    let kernel = &report.artifacts.iter().find(|artifact| artifact.role == "kernel").expect("a kernel").name;
    assert_eq!(kernel, "bzImage");
    let facts = report.contenders[0].boots[0].facts.as_ref().expect("facts");
    assert!(facts.modules.iter().any(|module| module.starts_with("virtio_net")), "{:?}", facts.modules);
}
