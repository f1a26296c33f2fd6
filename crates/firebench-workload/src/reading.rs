//! What the output of an iteration means.

use std::collections::BTreeMap;

use firebench_model::record::BootStatus;

/// What the output of an iteration means.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    /// A value of each metric of the workload, by name.
    pub values: BTreeMap<&'static str, f64>,
    /// The digest that the command computed; empty where it computes none.
    pub digest: String,
}

/// Why an output is not that of a command that did its work, each with a sentence without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It read other bytes than it was given.
    WrongDigest(String),
    /// It does not print what it prints.
    WrongOutput(String),
}

impl Fault {
    /// How the boot ended, and the sentence.
    pub fn into_status(self) -> (BootStatus, String) {
        match self {
            Fault::WrongDigest(why) => (BootStatus::WrongDigest, why),
            Fault::WrongOutput(why) => (BootStatus::WrongOutput, why),
        }
    }
}
