//! What the workload `http` asks, and what its service answers.

use firebench_text::units::{Size, Span};
use serde::{Deserialize, Serialize};

/// The load of the workload `http`. What is absent is chosen by the workload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSpec {
    /// Questions a second, over all connections, of the phase in which the time of answers is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
    /// Connections at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connections: Option<u32>,
    /// How long each of the two phases takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration: Option<Span>,
    /// Bytes of an answer's body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Size>,
    /// Where the service has the body from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body_from: Option<BodyFrom>,
}

/// Where a service has the body of its answers from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BodyFrom {
    /// It is in its memory.
    #[default]
    Memory,
    /// It is read from the disk for each answer, around the page cache.
    Disk,
}

impl BodyFrom {
    /// The one with this name.
    pub fn named(name: &str) -> Option<BodyFrom> {
        [BodyFrom::Memory, BodyFrom::Disk].into_iter().find(|from| from.name() == name)
    }

    /// Its name on command lines and in files.
    pub fn name(self) -> &'static str {
        match self {
            BodyFrom::Memory => "memory",
            BodyFrom::Disk => "disk",
        }
    }
}

/// A load that there cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum HttpError {
    /// A number out of its bounds.
    #[error("{option} {number} is out of bounds: it takes from 1 to {most} {unit}")]
    #[diagnostic(help("choose another one, or leave it out"))]
    Bounds {
        /// The option.
        option: &'static str,
        /// Its value.
        number: u64,
        /// The largest one.
        most: u64,
        /// Of what.
        unit: &'static str,
    },
    /// More questions than firebench keeps the times of.
    #[error("{questions} questions are too many: firebench keeps the time of each, of {most} at most")]
    #[diagnostic(help("choose a lower --rate or a shorter --duration"))]
    Questions {
        /// How many.
        questions: u64,
        /// How many there may be.
        most: u64,
    },
}

/// Questions of a phase beyond which their times take too much memory.
const MOST_QUESTIONS: u64 = 5_000_000;

/// What each number may be: from 1 to here.
const MOST_RATE: u32 = 100_000;
const MOST_CONNECTIONS: u32 = firebench_vmm::Peer::MOST;
const MOST_SECONDS: u64 = 600;
const MOST_BODY: u64 = firebench_protocol::service::MAX_BODY as u64;

impl HttpSpec {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        *self == HttpSpec::default()
    }

    /// Looks at its numbers.
    ///
    /// # Errors
    /// [`HttpError`].
    pub fn check(&self) -> Result<(), HttpError> {
        let (seconds, body) = (self.duration.map(Span::as_secs), self.body.map(|size| size.0));
        let numbers = [
            ("--rate", self.rate.map(u64::from), u64::from(MOST_RATE), "questions a second"),
            ("--connections", self.connections.map(u64::from), u64::from(MOST_CONNECTIONS), "connections"),
            ("--duration", seconds, MOST_SECONDS, "seconds"),
            ("--body", body, MOST_BODY, "bytes"),
        ];
        for (option, number, most, unit) in numbers {
            if let Some(number) = number.filter(|number| !(1..=most).contains(number)) {
                return Err(HttpError::Bounds { option, number, most, unit });
            }
        }
        let questions = u64::from(self.rate.unwrap_or(1)).saturating_mul(seconds.unwrap_or(1));
        match questions > MOST_QUESTIONS {
            true => Err(HttpError::Questions { questions, most: MOST_QUESTIONS }),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_bounds() {
        let good = HttpSpec {
            rate: Some(1000),
            connections: Some(200),
            duration: Some(Span::seconds(600)),
            body: Some(Size(64 << 20)),
            body_from: BodyFrom::named("disk"),
        };
        assert_eq!(good.check(), Ok(()));
        assert_eq!(HttpSpec::default().check(), Ok(()));
        assert_eq!(BodyFrom::named("tape"), None);
        let wrong = |spec: HttpSpec| spec.check().expect_err("out of bounds").to_string();
        let none = HttpSpec { connections: Some(0), ..good.clone() };
        assert_eq!(wrong(none), "--connections 0 is out of bounds: it takes from 1 to 200 connections");
        let large = HttpSpec { body: Some(Size(65 << 20)), ..good.clone() };
        assert_eq!(wrong(large), "--body 68157440 is out of bounds: it takes from 1 to 67108864 bytes");
        let many = HttpSpec { rate: Some(100_000), ..good };
        assert!(wrong(many).starts_with("60000000 questions are too many"), "too many to keep");
    }
}
