//! Real guests that lie: the agent's own code in a VM, and on the bare host, but for what it tells the host.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::require;
use crate::support::clean::assert_clean;
use crate::support::common::{Lab, build, firebench};
use crate::support::invocation::report;
use crate::support::need;
use crate::voids::no_boot_counts;

/// `crates/firebench-agent/examples/liar/`.
fn liar() -> PathBuf {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| build(&["--package", "firebench-agent", "--example", "liar"]));
    firebench().with_file_name("examples").join("liar")
}

/// Three boots of a guest under TCG with a lie; what it hashes takes TCG two seconds.
#[track_caller]
fn in_a_guest(lie: &str, words: &str) {
    let lab = Lab::new();
    let out = lab.path("out");
    let args =
        ["run", "memory", "--accel", "tcg", "--vmm", "qemu", "--boots", "1", "--iterations", "3", "--size", "96MiB"];
    let run = lab.firebench(&args).arg("--append").arg(format!("lie={lie}")).arg("--out").arg(&out);
    let outcome = run.env("FIREBENCH_AGENT", liar()).within(300).run();
    assert_clean(&lab, &outcome);
    let report = report(&out);
    no_boot_counts(outcome, &report, &[words]);
}

#[test]
fn a_real_guest_that_says_everything_at_once() {
    require!(need::tcg());
    in_a_guest("at_once", "");
}

#[test]
fn a_real_guest_that_tells_of_half_its_time() {
    require!(need::tcg());
    in_a_guest("half", "the guest's clock is slower than the host's by ");
}

#[test]
fn a_real_guest_that_tells_of_cpu_time_that_it_never_had() {
    require!(need::tcg());
    in_a_guest("cpu", "s of CPU time in ");
}

#[test]
fn a_real_guest_that_tells_of_another_machine() {
    require!(need::tcg());
    in_a_guest("cpus", "the guest reports 64 CPUs, but it has ");
}

#[test]
fn an_agent_on_the_bare_host_that_lies() {
    require!(need::busybox());
    for (lie, words) in [
        ("at_once", ""),
        ("half", "the guest's clock is slower than the host's by "),
        ("double", "the guest"),
        ("cpu", "s of CPU time in "),
        ("steal", "s of stolen time in "),
        ("cpus", "the guest reports 64 CPUs, but it has "),
    ] {
        let lab = Lab::without_vms();
        let out = lab.path("out");
        let agent = lab.path(&format!("agent-lie-{lie}"));
        std::fs::copy(liar(), &agent).expect("a copy");
        let args =
            ["run", "memory", "--contender=a=host", "--boots", "1", "--iterations", "3", "--size", "64MiB", "--out"];
        let outcome = lab.firebench(&args).arg(&out).env("FIREBENCH_AGENT", &agent).run();
        assert_clean(&lab, &outcome);
        let report = report(&out);
        no_boot_counts(outcome, &report, &[words]);
    }
}
