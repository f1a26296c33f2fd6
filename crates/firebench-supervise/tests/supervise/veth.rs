//! A pair of cards: one in a network namespace of the process's own, the other in one that no process is in.

use std::fs::File;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use firebench_supervise::{Exit, Isolation, Output, StartError, Step, Vm};
use firebench_vmm::{Launch, Veth, preset};

use super::{eventually, interfaces, read_lines, run, script};

/// A launch in `directory` with a pair of cards, as containers have it.
fn with_veth(directory: &Path, text: &str) -> Launch {
    Launch { veth: Some(preset::veth()), directory: Some(directory.to_owned()), own_processes: true, ..script(text) }
}

/// Starts it, unless this machine or user can have no such namespaces, which is said.
fn start(launch: &Launch) -> Option<Vm> {
    match Vm::start(launch, &Isolation::default()) {
        Ok(vm) => Some(vm),
        Err(StartError::Confine { step, source, help }) => {
            assert!(!nix::unistd::geteuid().is_root(), "root can: {step}: {source}");
            eprintln!("NOT TESTED, this user has no veth: cannot {step}: {source} ({help:?})");
            None
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// Whether the namespace of this number is mounted where this process sees it.
fn is_mounted_here(inode: u64) -> bool {
    std::fs::read_to_string("/proc/self/mountinfo").expect("mounts").contains(&format!("net:[{inode}]"))
}

/// A socket with the address, in the network namespace at `path`. It takes root.
fn socket_in(path: &str, address: Ipv4Addr) -> UdpSocket {
    let namespace = File::open(path).expect("a namespace");
    let inside = move || {
        // SAFETY: integers only. The thread ends with it.
        assert_eq!(unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) }, 0);
        UdpSocket::bind((address, 4000)).expect("its own address")
    };
    std::thread::spawn(inside).join().expect("a socket")
}

#[test]
fn both_ends_are_there_and_the_host_has_not_changed() {
    let before = interfaces();
    let directory = tempfile::tempdir().expect("a directory");
    let text = "ip -o link show; ip -o -4 address show; echo inside; \
                nsenter --net=$TMPDIR/host-network ip -o link show; nsenter --net=$TMPDIR/host-network ip -o -4 address show; \
                readlink /proc/self/ns/net; ls /proc/self/fd";
    let Some(mut vm) = start(&with_veth(directory.path(), text)) else { return };
    assert!(vm.confinement().network_namespace && vm.confinement().mount_namespace);
    let (console, exit) = run(&mut vm);
    assert_eq!(exit, Exit::Code(0), "{console}");
    let (inside, outside) = console.split_once("inside\n").expect("both");
    for (end, name, address) in [(inside, "eth0@", "192.0.2.2/24"), (outside, "firebench0@", "192.0.2.1/24")] {
        let link = end.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{name}: {console}"));
        assert!(link.contains(",UP,LOWER_UP>"), "{link}");
        assert!(end.contains(address), "{console}");
    }
    assert!(inside.contains("127.0.0.1/8"), "lo is up: {console}");
    let host = std::fs::read_link("/proc/self/ns/net").expect("namespace");
    assert!(!console.contains(host.to_str().expect("text")), "{console}");
    // The descriptor of the directory that is listed is the fourth.
    assert!(console.ends_with("\n0\n1\n2\n3\n"), "nothing else is inherited: {console}");
    assert_eq!(interfaces(), before);
}

#[test]
fn the_namespace_of_the_other_end_goes_with_the_launch() {
    let directory = tempfile::tempdir().expect("a directory");
    let Some(mut vm) = start(&with_veth(directory.path(), "echo up; sleep 1000")) else { return };
    assert_eq!(read_lines(&mut vm, 1), ["up"]);
    // Through the mounts of the process: nothing is mounted for anybody else.
    let file = directory.path().join(Veth::HOST_NAMESPACE);
    let seen = format!("/proc/{}/root{}", vm.pid(), file.display());
    let inode = std::fs::metadata(&seen).expect("mounted").ino();
    assert_ne!(std::fs::metadata(&file).expect("made").ino(), inode, "not mounted here");
    assert!(!is_mounted_here(inode));
    if nix::unistd::geteuid().is_root() {
        // What is sent from the host's end arrives at the card.
        let Veth { address, host_address, .. } = preset::veth();
        let card = socket_in(&format!("/proc/{}/ns/net", vm.pid()), address);
        let host = socket_in(&seen, host_address);
        host.send_to(b"word", (address, 4000)).expect("sent");
        card.set_read_timeout(Some(Duration::from_secs(60))).expect("a timeout");
        let mut word = [0; 8];
        let (length, from) = card.recv_from(&mut word).expect("arrives");
        assert_eq!((&word[..length], from.ip()), (&b"word"[..], host_address.into()));
    }
    assert_eq!(vm.kill().expect("kill"), Exit::Signal(libc::SIGKILL));
    eventually("the namespace is gone", || !Path::new(&seen).exists());
    std::fs::remove_file(&file).expect("nothing holds it");
}

#[test]
fn what_should_be_empty_is() {
    let directory = tempfile::tempdir().expect("a directory");
    let text = "ls /proc/sys/net/core | wc -l; ls /proc/sys/net/ipv4 | wc -l";
    let emptied = vec!["/proc/sys/net/core".into()];
    let Some(mut vm) = start(&Launch { emptied, ..with_veth(directory.path(), text) }) else { return };
    let (console, exit) = run(&mut vm);
    assert_eq!(exit, Exit::Code(0), "{console}");
    let (core, other) = console.trim().split_once('\n').expect("two");
    assert!(core == "0" && other != "0", "{console}");
}

#[test]
fn many_come_and_go() {
    let before = interfaces();
    for _ in 0..20 {
        let directory = tempfile::tempdir().expect("a directory");
        let Some(mut vm) = start(&with_veth(directory.path(), "exec sleep 1000")) else { return };
        assert!(matches!(vm.next(Instant::now()).expect("next"), Output::Deadline | Output::Stalled(_)));
        assert_eq!(vm.kill().expect("kill"), Exit::Signal(libc::SIGKILL));
    }
    assert_eq!(interfaces(), before);
}

#[test]
fn what_it_cannot_be_made_with_is_refused_first() {
    let directory = tempfile::tempdir().expect("a directory");
    let odd = Veth { host_name: "../../etc".to_owned(), ..preset::veth() };
    let launch = Launch { veth: Some(odd), ..with_veth(directory.path(), "true") };
    assert!(matches!(Vm::start(&launch, &Isolation::default()), Err(StartError::CardName { .. })));
    let homeless = Launch { directory: None, ..with_veth(directory.path(), "true") };
    let refused = Vm::start(&homeless, &Isolation::default());
    assert!(matches!(refused, Err(StartError::Confine { step: Step::KeepNetwork, .. })), "{refused:?}");
}

/// The card is in one namespace, and its other end takes a second one.
#[test]
fn one_namespace_is_too_few() {
    let test = std::env::current_exe().expect("test binary");
    let script = "echo 1 > /proc/sys/user/max_net_namespaces && exec \"$0\" --exact veth::with_one_namespace_alone";
    let output = Command::new("unshare").args(["-Ur", "sh", "-c", script]).arg(&test).output().expect("unshare");
    let said = String::from_utf8_lossy(&output.stdout);
    if said.is_empty() {
        eprintln!("NOT TESTED, there are no user namespaces for us: {output:?}");
        return;
    }
    assert!(output.status.success() && said.contains("1 passed"), "{output:?}");
}

/// Run by the test above; elsewhere there are more.
#[test]
fn with_one_namespace_alone() {
    let most = std::fs::read_to_string("/proc/sys/user/max_net_namespaces").unwrap_or_default();
    if most.trim() != "1" {
        return;
    }
    let directory = tempfile::tempdir().expect("a directory");
    match Vm::start(&with_veth(directory.path(), "true"), &Isolation::default()) {
        Err(StartError::Confine { step, source, help: Some(help) }) => {
            assert_eq!((step, source.raw_os_error()), (Step::Namespaces, Some(libc::ENOSPC)));
            assert!(help.contains("or leave out --tap"), "{help}");
        }
        other => panic!("{other:?}"),
    }
}
