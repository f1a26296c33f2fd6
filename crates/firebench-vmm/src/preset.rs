//! Presets: from what the user wants to the contenders' machines, as pure functions.

use std::net::Ipv4Addr;

use crate::kind::Bus;
use crate::kinds::VmmKind;
use crate::launch::Settings;
use crate::machine::{Accel, Machine, Peer, Tap, Veth};
use crate::request::{MachineRequest, Published};

/// A VM as a preset makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresetVm {
    /// The machine.
    pub machine: Machine,
    /// What only its VMM has.
    pub settings: Settings,
    /// Kernel command line.
    pub cmdline: String,
}

/// The tap, in a namespace where it is alone: the published benchmark's name for it.
const TAP: &str = "tap0";
/// Memory of the published machines.
const PUBLISHED_MIB: u32 = 1024;
/// All guests of machines that are alike: a quiet serial console (each byte is an exit), and an end by triple fault, which every
/// VMM takes for what it is.
const MATCHED_CMDLINE: &str = "console=ttyS0 quiet reboot=t panic=-1";
/// No search for a PCI bus that is not there.
const NO_PCI: &str = " pci=off";
/// A PCI bus that is reached by the ports of its configuration, whatever firmware there is; no I/O APIC, to which the machine's timer is
/// not connected: a kernel that reads the MP table panics of that; and a keyboard controller that need not be looked for and has no
/// second port: a kernel that looks waits for long, if not for good. kvmtool tells its guests the same by default (`x86/kvm.c`).
const PCI_BY_PORTS: &str = " noapic pci=conf1 i8042.direct=1 i8042.dumbkbd=1 i8042.nopnp=1 i8042.noaux=1";

/// The network card of a container. Its addresses are from a network that is for documentation alone (RFC 5737, TEST-NET-1): no machine
/// has them for anything else.
pub fn veth() -> Veth {
    Veth {
        name: "eth0".to_owned(),
        address: Ipv4Addr::new(192, 0, 2, 2),
        host_name: "firebench0".to_owned(),
        host_address: Ipv4Addr::new(192, 0, 2, 1),
    }
}

/// firebench's place in the network of a contender: at the other end of its card, if it has one. Every launch has a network for itself, so
/// the addresses are always the same ones.
pub fn peer(carded: bool, connections: u32) -> Peer {
    let Veth { address: service, host_address: address, .. } = veth();
    let connections = connections.min(Peer::MOST);
    match carded {
        true => Peer { address, service, connections },
        false => Peer { address: Ipv4Addr::LOCALHOST, service: Ipv4Addr::LOCALHOST, connections },
    }
}

/// A machine as alike to those of other VMMs as they allow; none for a kind that boots no guest.
pub fn matched(kind: VmmKind, request: &MachineRequest) -> Option<PresetVm> {
    let guest = kind.guest()?;
    let tap = request.tap.then(|| Tap { name: TAP.to_owned(), mac: None });
    let MachineRequest { vcpus, memory_mib, accel, .. } = *request;
    let mut base = MATCHED_CMDLINE.to_owned();
    base.push_str(match (guest.bus)(&request.own) {
        Bus::Mmio | Bus::ListedMmio => NO_PCI,
        Bus::PciByPorts => PCI_BY_PORTS,
        Bus::Pci | Bus::Own => "",
    });
    Some(PresetVm {
        machine: Machine { vcpus, memory_mib, accel, tap, veth: None, cpus: None },
        settings: Settings { vmm: kind, values: (guest.matched)(request) },
        cmdline: cmdline(request, &base),
    })
}

/// The machine of the published benchmark; none for a kind that had none there. What the reader must know about it goes to
/// `notices`.
pub fn published(kind: VmmKind, request: &MachineRequest, notices: &mut Vec<String>) -> Option<PresetVm> {
    let Published { vcpus, mac, values, cmdline: base } = kind.guest()?.published?(request, notices);
    let tap = Some(Tap { name: TAP.to_owned(), mac: mac.map(str::to_owned) });
    Some(PresetVm {
        machine: Machine { vcpus, memory_mib: PUBLISHED_MIB, accel: request.accel, tap, veth: None, cpus: None },
        settings: Settings { vmm: kind, values },
        cmdline: cmdline(request, &base),
    })
}

/// The command line with what emulation needs and what the user adds.
fn cmdline(request: &MachineRequest, base: &str) -> String {
    let mut words = vec![base.to_owned()];
    if request.accel == Accel::Tcg {
        words.push(emulated_timer(request.tsc_khz));
    }
    if !request.append.is_empty() {
        words.push(request.append.clone());
    }
    words.join(" ")
}

/// Words for the kernel of an emulated machine. The first two keep it from calibrating its clock against an emulated timer:
/// about one start of three hangs in that for good ("tsc: Unable to calibrate against PIT"). With the third it believes in
/// the counter although TCG's vCPUs show it unsynchronised at boot; else it falls back on a clock of 4 ms steps.
pub fn emulated_timer(tsc_khz: u32) -> String {
    format!("tsc_early_khz={tsc_khz} no_timer_check tsc=reliable")
}

#[cfg(test)]
mod tests;
