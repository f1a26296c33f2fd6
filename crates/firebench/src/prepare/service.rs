//! What a plan has where the workload is a service that firebench asks.

use firebench_model::plan::{Inputs, PlannedContender, System};
use firebench_model::service::{Bytes, Drive};
use firebench_vmm::{Peer, Veth, preset};
use firebench_workload::Service;

/// Sockets with which firebench looks for the service: so many tries to connect may be under way.
const TRIES: u32 = 32;

/// The address that the service gives its network card, with the bits of its network.
pub(super) fn address_of_card() -> String {
    format!("{}/{}", preset::veth().address, Veth::PREFIX)
}

/// What firebench asks.
pub(super) fn drive(service: &Service, inputs: &Inputs) -> Drive {
    let body = match inputs.payload.as_ref().filter(|_| service.from_disk) {
        Some(payload) => Bytes::Payload { length: payload.bytes, sha256: payload.sha256.clone() },
        None => Bytes::Pattern { length: service.body },
    };
    Drive { load: service.load, body }
}

/// firebench's place in the network of a contender.
pub(super) fn peer(service: &Service, contender: &PlannedContender) -> Peer {
    let connections = service.load.map_or(TRIES, |load| load.connections.max(TRIES));
    preset::peer(!matches!(contender.system, System::Process { .. }), connections)
}
