//! What a run needs and is not there.

use crate::require;
use crate::support::common::Lab;
use crate::support::need;
use crate::{SHORT, SMALL};

#[test]
fn a_missing_qemu() {
    require!(need::image());
    let lab = Lab::without_vms();
    let named = lab.firebench(&SHORT).args([SMALL, "--qemu", "/nonexistent"]).run();
    named.fails(2, &["cannot use --qemu /nonexistent", "No such file"]);
    let nested = lab.firebench(&["run", "memory", "--accel", "nested", "--vmm", "firecracker"]);
    std::fs::create_dir(lab.path("empty")).expect("a directory");
    let outcome = nested.env("PATH", lab.path("empty")).run().fails(3, &["there is no qemu-system-x86_64"]);
    assert!(outcome.stderr.contains("apt-get install qemu-system-x86"), "{outcome}");
    // A program of another kind.
    let outcome = lab.firebench(&SHORT).args([SMALL, "--qemu", "/bin/true"]).run();
    outcome.fails(2, &["/bin/true", "does not name a version of QEMU"]);
}

#[test]
fn a_missing_firecracker() {
    require!(need::image());
    let lab = Lab::without_vms();
    let empty = lab.path("empty");
    std::fs::create_dir(&empty).expect("a directory");
    let run = || lab.firebench(&["run", "memory", "--accel", "kvm", "--vmm", "firecracker"]);
    let outcome = run().env("FIREBENCH_DATA", &empty).env("PATH", &empty).run().fails(3, &["there is no firecracker"]);
    assert!(outcome.stderr.contains("firebench fetch firecracker"), "{outcome}");
    run().args(["--firecracker", "/nonexistent"]).run().fails(2, &["cannot use --firecracker /nonexistent"]);
}

#[test]
fn a_missing_kernel_and_a_missing_busybox() {
    require!(need::tcg());
    let lab = Lab::without_vms();
    let empty = lab.path("empty");
    std::fs::create_dir(&empty).expect("a directory");
    let busybox = firebench_host::fetch::find_busybox(&lab.data, None).expect("readable").expect("it is needed above");
    let run = || lab.firebench(&SHORT).arg(SMALL).env("FIREBENCH_DATA", &empty);
    let outcome = run().env("FIREBENCH_BUSYBOX", &busybox).run().fails(3, &["cannot find a kernel for the guests"]);
    assert!(outcome.stderr.contains("firebench fetch kernel"), "{outcome}");
    run().env("FIREBENCH_BUSYBOX", "/nonexistent").run().fails(2, &["cannot use FIREBENCH_BUSYBOX /nonexistent"]);
    run().env("FIREBENCH_BUSYBOX", "/bin/sh").run().fails(2, &["/bin/sh", "shared libraries"]);
    // Where the system has a static one, that one is taken.
    if busybox.starts_with(&lab.data) {
        let outcome = run().run().fails(3, &["cannot find a static busybox"]);
        assert!(outcome.stderr.contains("firebench fetch busybox"), "{outcome}");
    }
}

#[test]
fn a_missing_agent() {
    require!(need::tcg());
    let lab = Lab::without_vms();
    let outcome = lab.firebench(&SHORT).arg(SMALL).env("FIREBENCH_AGENT", "/nonexistent").run();
    outcome.fails(2, &["cannot use FIREBENCH_AGENT /nonexistent", "No such file"]);
}
