//! The card in the network namespace of a launch, made by the child itself between fork and exec: async-signal-safe calls only.

pub(crate) mod hatch;
pub(crate) mod interface;
mod tap;
mod veth;

use std::io;

use firebench_vmm::{Launch, Veth};

use crate::child::step::{Failed, Step};
use crate::start::error::StartError;
use hatch::Hatch;
use tap::Tap;
use veth::Pair;

/// The one card of a network namespace.
#[derive(Debug, Clone)]
pub(crate) enum Card {
    /// A tap, for a VMM.
    Tap(Tap),
    /// One end of a pair, for a container.
    Veth(Pair),
}

impl Card {
    /// The card that a launch asks for, with its tap for the user `owner`.
    pub(crate) fn of(launch: &Launch, owner: libc::uid_t) -> Result<Option<Card>, StartError> {
        let invalid = |names: String| StartError::CardName { name: names };
        Ok(match launch {
            Launch { tap: Some(tap), .. } => {
                Some(Card::Tap(Tap::new(&tap.name, owner).ok_or_else(|| invalid(tap.name.clone()))?))
            }
            Launch { veth: Some(veth), directory: Some(directory), .. } => {
                let pair = Pair::new(veth, &directory.join(Veth::HOST_NAMESPACE));
                Some(Card::Veth(pair.ok_or_else(|| invalid(format!("{}, {}", veth.name, veth.host_name)))?))
            }
            Launch { veth: Some(_), directory: None, .. } => {
                let source = io::ErrorKind::InvalidInput.into();
                return Err(StartError::Confine { step: Step::KeepNetwork, source, help: None });
            }
            _ => None,
        })
    }

    /// Makes it, in the network namespace of the calling process; `root` where that is root in a user namespace just made. Sockets of
    /// its other end are handed out through `hatch`.
    fn make(&self, root: bool, hatch: Option<&Hatch>) -> Result<(), Failed> {
        match self {
            Card::Tap(tap) => tap.make(root).and_then(|()| hatch.map_or(Ok(()), Hatch::hand_out)),
            Card::Veth(pair) => pair.make(hatch),
        }
    }
}

/// What a network namespace has beside its `lo`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Furniture {
    /// The card, if there is one.
    pub(crate) card: Option<Card>,
    /// Where sockets are handed out: of the card's other end, else of the namespace itself.
    pub(crate) hatch: Option<Hatch>,
}

impl Furniture {
    /// Makes it, as [`Card::make`].
    pub(crate) fn make(&self, root: bool) -> Result<(), Failed> {
        match (&self.card, &self.hatch) {
            (Some(card), hatch) => card.make(root, hatch.as_ref()),
            (None, Some(hatch)) => hatch.hand_out(),
            (None, None) => Ok(()),
        }
    }
}
