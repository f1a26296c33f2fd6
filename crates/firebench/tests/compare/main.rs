//! Two runs beside each other, and the gate on them.
#![cfg(test)]

mod cli;
mod continued;
mod differences;
#[path = "../report/fixture.rs"]
#[allow(dead_code, reason = "the tests of reports use the rest")]
mod fixture;
mod footing;
#[path = "../report/host.rs"]
mod host;
mod judged;
mod operand;
mod refused;
mod rendered;
mod runs;
mod turns;
