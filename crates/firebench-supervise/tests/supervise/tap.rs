//! Taps in a network namespace of the VMM's own.

use std::path::Path;

use firebench_supervise::{Exit, Isolation, Output, StartError, Vm};
use firebench_vmm::Tap;

use super::{command, interfaces, run, script, soon};

fn with_tap(mut launch: firebench_vmm::Launch) -> firebench_vmm::Launch {
    launch.tap = Some(Tap { name: "fbtest0".to_owned(), mac: None });
    launch
}

/// Starts it, unless this machine or user can have no tap, which is said.
fn start(launch: &firebench_vmm::Launch) -> Option<Vm> {
    match Vm::start(launch, &Isolation::default()) {
        Ok(vm) => Some(vm),
        Err(StartError::Confine { step, source, help }) => {
            let root = nix::unistd::geteuid().is_root();
            assert!(!root || !Path::new("/dev/net/tun").exists(), "root can: {step}: {source}");
            eprintln!("NOT TESTED, this machine has no tap for us: cannot {step}: {source} ({help:?})");
            None
        }
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn the_tap_is_there_and_the_host_has_not_changed() {
    let before = interfaces();
    let text = "cat /proc/net/dev; readlink /proc/self/ns/net; grep CapEff /proc/self/status; id -u";
    let Some(mut vm) = start(&with_tap(script(text))) else { return };
    assert!(vm.confinement().network_namespace);
    let (console, exit) = run(&mut vm);
    assert_eq!(exit, Exit::Code(0));
    let devices: Vec<_> =
        console.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name.trim()).collect();
    assert!(devices.starts_with(&["lo", "fbtest0"]) || devices.starts_with(&["fbtest0", "lo"]), "{console}");
    let host = std::fs::read_link("/proc/self/ns/net").expect("namespace");
    assert!(!console.contains(host.to_str().expect("text")), "{console}");
    assert!(console.ends_with(&format!("\n{}\n", nix::unistd::geteuid())), "still the same user: {console}");
    assert_eq!(interfaces(), before);
}

#[test]
fn the_tap_is_up() {
    let Some(mut vm) = start(&with_tap(command(&["ip", "-o", "link", "show", "fbtest0"]))) else { return };
    let (console, _) = run(&mut vm);
    assert!(console.contains(",UP"), "{console}");
}

#[test]
fn qemu_attaches_to_it() {
    // -S: the machine does not run, so that no kernel is needed.
    let qemu = ["qemu-system-x86_64", "-accel", "tcg", "-M", "microvm", "-S", "-nodefaults", "-nographic"];
    let rest = ["-serial", "stdio", "-netdev", "tap,id=tap0,ifname=fbtest0,script=no,downscript=no"];
    let device = ["-device", "virtio-net-device,netdev=tap0"];
    let Some(mut vm) = start(&with_tap(command(&[&qemu[..], &rest[..], &device[..]].concat()))) else { return };
    let pid = vm.pid();
    let carrier = || {
        let fds = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        fds.filter_map(|fd| std::fs::read_link(fd.path()).ok()).any(|path| path == Path::new("/dev/net/tun"))
    };
    super::eventually("QEMU opens the tap", carrier);
    let soon = soon().min(std::time::Instant::now() + std::time::Duration::from_millis(300));
    assert_eq!(super::next_by(&mut vm, soon), Output::Deadline, "{}", vm.stderr_tail());
    let namespace = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).expect("namespace");
    assert_ne!(namespace(&pid.to_string()), namespace("self"));
    assert_eq!(vm.kill().expect("kill"), Exit::Signal(libc::SIGKILL));
}

#[test]
fn a_name_that_linux_refuses_is_refused_first() {
    let mut launch = with_tap(script("true"));
    launch.tap = Some(Tap { name: "../../etc".to_owned(), mac: None });
    assert!(matches!(Vm::start(&launch, &Isolation::default()), Err(StartError::CardName { .. })));
}
