//! What a VMM is told after its start, over a socket on which it listens.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Requests of HTTP/1.1 over a Unix socket that the process makes, one after the other. Each must be answered with
/// [`Requests::DONE`] before the next one is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Requests {
    /// Where the socket appears, in [`Launch::directory`](crate::Launch::directory) or in the root of its jail.
    pub socket: PathBuf,
    /// The requests, in their order.
    pub list: Vec<Request>,
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Such as `PUT`.
    pub method: String,
    /// Such as `/actions`.
    pub path: String,
    /// JSON.
    pub body: String,
}

impl Requests {
    /// The status with which a request is carried out: `204 No Content`.
    pub const DONE: u16 = 204;

    /// The most bytes of the path of a Unix socket, which a zero ends. Source: `sun_path` in `unix(7)`.
    pub const MAX_PATH_BYTES: usize = 107;
}

/// What it asks for, without its body.
impl std::fmt::Display for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}
