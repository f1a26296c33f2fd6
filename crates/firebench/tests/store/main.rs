//! The store: what is in it, what is not, and what survives.

#[allow(dead_code)]
#[path = "../report/fixture.rs"]
mod fixture;
#[path = "../report/host.rs"]
mod host;

mod killed;
mod opening;
mod recorded;
mod runs;
