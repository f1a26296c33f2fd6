//! A firebench with a fault, for tests: with a VM running, it panics. TMPDIR says where its files go.
#![allow(clippy::expect_used, clippy::panic, reason = "a program for tests")]

use std::process::ExitCode;

use firebench::crash;
use firebench_supervise::{Isolation, RunDir, Vm};
use firebench_vmm::Launch;

fn main() -> ExitCode {
    crash::guard(|| {
        crash::kept(Some("0123abcd"));
        let run_dir = RunDir::create(&std::env::temp_dir()).expect("a directory for temporary files");
        // It stands for a VMM that has forked: the control group alone knows the second process.
        let script = "setsid sleep 1000 & exec sleep 1000";
        let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
        let isolation = Isolation { run_dir: Some(&run_dir), ..Isolation::default() };
        let vm = Vm::start(&Launch { argv, ..Launch::default() }, &isolation).expect("sh starts");
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert!(vm.confinement().cgroup.is_none(), "of all\nthe things that could be wrong");
        panic!("of all\nthe things that could be wrong");
    })
}
