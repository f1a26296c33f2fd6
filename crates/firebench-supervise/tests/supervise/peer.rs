//! firebench's own place in the network of a launch.

use std::io::ErrorKind;
use std::net::SocketAddrV4;
use std::process::Command;
use std::time::{Duration, Instant};

use firebench_supervise::peer::{connect, disconnect};
use firebench_supervise::{Exit, Isolation, PeerEnd, StartError, Vm};
use firebench_vmm::{Launch, Peer, Tap, preset};

use super::{eventually, interfaces, script};

/// Starts it, unless this machine or user can have no such network, which is said.
fn start(launch: &Launch) -> Option<(Vm, PeerEnd)> {
    match Vm::start(launch, &Isolation::default()) {
        Ok(mut vm) => {
            let peer = vm.peer.take().expect("a place in its network");
            Some((vm, peer))
        }
        Err(StartError::Confine { step, source, help }) => {
            assert!(!nix::unistd::geteuid().is_root(), "root can: {step}: {source}");
            eprintln!("NOT TESTED, this user has no such network: cannot {step}: {source} ({help:?})");
            None
        }
        Err(other) => panic!("{other:?}"),
    }
}

/// Whether a connection to a port is refused: nobody listens there, but somebody answers.
fn is_refused(peer: &PeerEnd, place: usize, port: u16) -> bool {
    let to = SocketAddrV4::new(peer.peer.service, port);
    let refused = || connect(&peer.connections[place], to).is_err_and(|e| e.kind() == ErrorKind::ConnectionRefused);
    eventually("an answer", refused);
    true
}

#[test]
fn the_other_end_of_a_containers_card_is_asked() {
    let before = interfaces();
    let directory = tempfile::tempdir().expect("a directory");
    let launch = Launch {
        veth: Some(preset::veth()),
        directory: Some(directory.path().to_owned()),
        own_processes: true,
        peer: Some(preset::peer(true, Peer::MOST)),
        ..script("exec sleep 1000")
    };
    let Some((mut vm, peer)) = start(&launch) else { return };
    assert!(peer.has_card());
    assert_eq!(peer.connections.len(), 200);
    let mac = std::cell::Cell::new(None);
    eventually("who has the address", || {
        peer.ask_arp();
        std::thread::sleep(Duration::from_millis(1));
        mac.set(peer.heard_arp().or(mac.get()));
        mac.get().is_some()
    });
    assert!(!peer.heard_icmp(), "nobody has asked");
    peer.know(mac.get().expect("an address")).expect("known");
    eventually("an echo", || {
        peer.ask_icmp();
        std::thread::sleep(Duration::from_millis(1));
        peer.heard_icmp()
    });
    for place in [0, 199] {
        assert!(is_refused(&peer, place, 8080));
        disconnect(&peer.connections[place]).expect("as new");
        assert!(is_refused(&peer, place, 8080));
    }
    peer.widen().expect("there is nothing to widen");
    assert!(vm.peer.is_none(), "there is one");
    assert_eq!(vm.kill().expect("kill"), Exit::Signal(libc::SIGKILL));
    assert_eq!(interfaces(), before);
}

#[test]
fn without_a_card_it_is_in_the_network_itself() {
    let launch = Launch { peer: Some(preset::peer(false, 2)), ..script("cat /proc/net/dev; exec sleep 1000") };
    let Some((mut vm, peer)) = start(&launch) else { return };
    assert!(!peer.has_card() && vm.confinement().network_namespace);
    assert_eq!(peer.connections.len(), 2);
    peer.ask_arp();
    assert_eq!(peer.heard_arp(), None);
    // Of this machine's own servers none is there.
    for port in [22, 80, 8080] {
        assert!(is_refused(&peer, 0, port));
    }
    assert_eq!(vm.kill().expect("kill"), Exit::Signal(libc::SIGKILL));
}

#[test]
fn a_tap_has_an_address_and_a_short_queue_until_it_is_widened() {
    let launch = Launch {
        tap: Some(Tap { name: "fbtest0".to_owned(), mac: None }),
        peer: Some(preset::peer(true, 1)),
        ..script("exec sleep 1000")
    };
    let mut vm = match Vm::start(&launch, &Isolation::default()) {
        Ok(vm) => vm,
        Err(StartError::Confine { step, source, .. }) => {
            let root = nix::unistd::geteuid().is_root();
            assert!(!root || !std::path::Path::new("/dev/net/tun").exists(), "root can: {step}: {source}");
            eprintln!("NOT TESTED, this machine has no tap for us: cannot {step}: {source}");
            return;
        }
        Err(other) => panic!("{other:?}"),
    };
    let peer = vm.peer.take().expect("a place in its network");
    // Nobody has opened it: questions go nowhere, and harm nobody.
    let begun = Instant::now();
    for _ in 0..1000 {
        peer.ask_arp();
        peer.ask_icmp();
    }
    assert!(begun.elapsed().as_secs() < 60);
    assert_eq!((peer.heard_arp(), peer.heard_icmp()), (None, false));
    let shown = |what: &str| {
        let network = format!("--net=/proc/{}/ns/net", vm.pid());
        let output = Command::new("nsenter").args([&network, "ip", "-o", what, "show", "dev", "fbtest0"]).output();
        String::from_utf8_lossy(&output.expect("nsenter").stdout).replace('\\', " ")
    };
    if nix::unistd::geteuid().is_root() {
        assert!(shown("address").contains("192.0.2.1/24"), "{}", shown("address"));
        assert!(shown("link").contains("qlen 8 "), "{}", shown("link"));
        peer.widen().expect("widened");
        assert!(!shown("link").contains("qlen 8 "), "{}", shown("link"));
    }
    vm.kill().expect("kill");
}
