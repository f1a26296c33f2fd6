//! What a run that was cut off must still be to go on.

use firebench_analysis::continuation::changes;
use firebench_model::record::{Artifact, Report};
use firebench_vmm::{Accel, Settings, VmmKind, firecracker};

use crate::runs::run;

/// In what a changed copy of a run is no longer the run.
fn changed(change: impl Fn(&mut Report)) -> Vec<String> {
    let mut now = run(20.0, 20.0);
    change(&mut now);
    changes(&run(20.0, 20.0), &now)
}

#[test]
fn what_no_result_depends_on_may_change() {
    let said = changed(|run| {
        run.firebench = "0.2.0".to_owned();
        run.host.load_average = Some([9.0; 3]);
        run.contenders.iter_mut().for_each(|contender| contender.boots.clear());
    });
    assert!(said.is_empty(), "{said:?}");
}

/// Boots on other CPUs, or of metrics that mean something else, are not boots of the same run.
#[test]
fn another_machine_and_other_meanings_are_named() {
    let said = changed(|run| {
        run.host.cpus = Some(64);
        run.metrics[0].better = firebench_stats::Better::More;
    });
    assert_eq!(
        said,
        [
            "the meaning of real was in s, less is better and is in s, more is better".to_owned(),
            "the number of CPUs of the host was 2 and is 2 of 64 (allowed: 0-1)".to_owned(),
        ]
    );
}

#[test]
fn what_every_result_depends_on_is_named_with_both_values() {
    let said = changed(|run| {
        run.accelerator = Accel::Tcg;
        run.emulated = true;
        run.host.cpu_model = Some("Intel Xeon".to_owned());
        run.host.kernel = None;
        run.payload.sha256 = "ab".repeat(32);
        run.design.seed = 77;
    });
    let was = run(20.0, 20.0);
    let size = firebench_text::bytes(was.payload.bytes);
    assert_eq!(
        said,
        [
            "the accelerator was kvm and is tcg".to_owned(),
            "the emulation was no and is yes".to_owned(),
            format!("the host's CPU was {} and is Intel Xeon", was.host.cpu_model.as_deref().unwrap()),
            format!("the host's kernel was {} and is none", was.host.kernel.as_deref().unwrap()),
            format!(
                "the payload was {size} of SHA-256 {} and is {size} of SHA-256 {}",
                was.payload.sha256,
                "ab".repeat(32)
            ),
            format!("the seed was {} and is 77", was.design.seed),
        ]
    );
}

#[test]
fn what_is_no_more_the_same_of_a_contender_is_named_with_it() {
    let said = changed(|run| {
        run.artifacts[0].sha256 = "ef".repeat(32);
        let own = Artifact { role: "log".to_owned(), ..run.artifacts[1].clone() };
        run.artifacts.push(own);
        let firecracker = &mut run.contenders[1];
        firecracker.sha256 = "cd".repeat(32);
        firecracker.vcpus = 2;
        firecracker.memory_mib = 77;
        firecracker.cmdline = "quiet".to_owned();
        firecracker.settings = Some(Settings::new(VmmKind(&firecracker::KIND)).with(&firecracker::LOG_LEVEL, "Debug"));
    });
    let was = run(20.0, 20.0);
    let (files, was) = (&was.artifacts, &was.contenders[1]);
    let mut roles = [files[0].role.as_str(), "log"];
    roles.sort_unstable();
    assert_eq!(
        said,
        [
            format!("the SHA-256 of the program of firecracker was {} and is {}", was.sha256, "cd".repeat(32)),
            format!("the number of vCPUs of firecracker was {} and is 2", was.vcpus),
            format!("the memory in MiB of firecracker was {} and is 77", was.memory_mib),
            "the setting cpu_template of firecracker was T2 and is none".to_owned(),
            format!("the kernel command line of firecracker was {} and is quiet", was.cmdline),
            format!("the {} is a different file", roles[0]),
            format!("the {} is a different file", roles[1]),
        ]
    );
    let said = changed(|run| run.contenders.truncate(1));
    assert_eq!(said, ["the list of contenders was [\"qemu\",\"firecracker\"] and is [\"qemu\"]"]);
}
