//! VMMs that want more than they may have, and jails that cannot be made.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use firebench_model::record::BootStatus;

use crate::require;
use crate::support::common::{Lab, firebench};
use crate::support::executable::{copy, executable};
use crate::support::invocation::report;
use crate::support::need;
use crate::{SHORT, SMALL, failed_boot};

/// A QEMU that tells its version and, started, does what `script` says.
pub fn qemu(lab: &Lab, script: &str) -> PathBuf {
    let text = format!(
        "#!/bin/sh\ncase \"$*\" in\n--version) echo 'QEMU emulator version 99.0.0 (a fake)';;\n\
         *'-device help') exit 1;;\n*) {script};;\nesac\n"
    );
    executable(lab, "qemu", text)
}

#[test]
fn a_vmm_that_writes_a_file_without_end() {
    require!(need::image());
    let lab = Lab::new();
    let out = lab.path("out");
    let qemu = qemu(&lab, "exec dd if=/dev/zero of=\"$TMPDIR/log\" bs=1M");
    let run = lab.firebench(&SHORT).arg(SMALL).arg("--qemu").arg(qemu).arg("--out").arg(&out).run();
    run.fails(3, &["qemu, boot 1: ", "SIGXFSZ", "it wrote a file larger than its limit of 64 MiB"]);
    let report = report(&out);
    assert_eq!(failed_boot(&report).status, BootStatus::VmmExited);
    assert!(report.notices.iter().any(|text| text.contains("qemu runs without -sandbox")), "{:?}", report.notices);
}

#[test]
fn a_vmm_that_wants_memory_without_end() {
    require!(need::image());
    let lab = Lab::new();
    let qemu = qemu(&lab, "exec dd if=/dev/zero of=/dev/null bs=4G count=1");
    let run = lab.firebench(&SHORT).args([SMALL, "--memory", "512MiB", "--qemu"]).arg(qemu).run();
    run.fails(3, &["qemu, boot 1: ", "exit code 1", "it was refused memory, of which its limit is 2560 MiB"]);
}

#[test]
fn a_vmm_that_writes_elsewhere() {
    require!(need::image(), need::namespaces());
    let lab = Lab::new();
    let elsewhere = lab.path("elsewhere");
    std::fs::create_dir(&elsewhere).expect("a directory");
    let out = lab.path("out");
    let script = format!("echo x > {}/file", elsewhere.display());
    let qemu = qemu(&lab, &script);
    let run = lab.firebench(&SHORT).arg(SMALL).arg("--qemu").arg(qemu).arg("--out").arg(&out).run();
    run.fails(3, &["qemu, boot 1: the VMM ended before the guest's agent sent its first frame"]);
    let words = &failed_boot(&report(&out)).last_words.clone();
    assert!(words.iter().any(|line| line.contains("Read-only file system")), "{words:?}");
    assert_eq!(std::fs::read_dir(&elsewhere).expect("list").count(), 0);
}

#[test]
fn a_jail_without_root() {
    require!(need::image(), need::firecracker(), need::kvm(), need::root(), need::program("setpriv", "util-linux"));
    let lab = Lab::without_vms();
    // Told before anything is looked for, so nothing need be readable but the program.
    let program = lab.path("firebench");
    copy(firebench(), &program);
    std::fs::set_permissions(lab.path(""), PermissionsExt::from_mode(0o755)).expect("mode");
    let chown = Command::new("chown").args(["nobody"]).arg(&lab.tmp).status().expect("chown runs");
    assert!(chown.success());
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--"]).arg(program);
    command.args(["run", "memory", "--accel", "kvm", "--vmm", "firecracker", "--jail", "--no-store"]);
    let own = lab.tmp.join("cache");
    let data = lab.tmp.join("data");
    let run =
        lab.invocation(command).env("FIREBENCH_CACHE", &own).env("FIREBENCH_DATA", &data).env("HOME", "/nonexistent");
    let run = run.start();
    let outcome = run.finish_and_leave();
    let outcome = outcome.fails(3, &["--jail needs root: Firecracker's jailer makes a chroot and device nodes"]);
    assert!(outcome.stderr.contains("--accel nested"), "{outcome}");
}

#[test]
fn a_jail_without_a_jailer() {
    require!(need::image(), need::firecracker(), need::qemu());
    let lab = Lab::without_vms();
    let fetched = firebench_host::fetch::installed_firecracker(&lab.data).expect("it is needed above");
    let alone = lab.path("firecracker");
    copy(&fetched, &alone);
    let args = ["run", "memory", "--accel", "nested", "--vmm", "firecracker", "--jail", "--size", SMALL, "--dry-run"];
    let run = || lab.firebench(&args).arg("--firecracker").arg(&alone);
    let outcome = run().run().fails(3, &["there is no jailer beside", &alone.display().to_string()]);
    assert!(outcome.stderr.contains("firebench fetch firecracker"), "{outcome}");
    // One of another release.
    let jailer = executable(&lab, "jailer", "#!/bin/sh\necho Jailer v1.0.0\n");
    run().run().fails(3, &[&jailer.display().to_string(), "is the jailer of Firecracker 1.0.0"]);
}

#[test]
fn a_jail_for_whom_there_is_none() {
    require!(need::image());
    let lab = Lab::without_vms();
    let run = |args: &[&str]| lab.firebench(&["run", "memory", "--size", SMALL, "--dry-run"]).args(args).run();
    let outcome = run(&["--accel", "tcg", "--vmm", "qemu,host", "--jail"]);
    outcome.fails(2, &["cannot use --jail for host", "the bare host does not run a VMM"]);
    let qemu = qemu(&lab, "exit 1");
    let outcome = run(&["--accel", "tcg", "--vmm", "qemu", "--jail", "--qemu", &qemu.display().to_string()]);
    outcome.fails(3, &["--jail: ", &qemu.display().to_string(), "does not have -sandbox"]);
}
