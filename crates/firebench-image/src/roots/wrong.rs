//! What can be wrong with a root.

use std::io;

use firebench_os::interrupt::Interrupted;
use firebench_os::outside::Refused;

/// Why something cannot be a root.
#[derive(Debug, thiserror::Error)]
pub(super) enum Wrong {
    /// What it is, in a clause.
    #[error("{0}")]
    Said(String),
    /// It cannot be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The user wants firebench to end.
    #[error(transparent)]
    Stopped(#[from] Interrupted),
}

/// A clause that says what is wrong.
pub(super) fn wrong<T>(why: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong::Said(why.into()))
}

impl Wrong {
    /// The same, of a part of what is read.
    pub(super) fn of(self, part: &str) -> Wrong {
        match self {
            Wrong::Said(why) => Wrong::Said(format!("{part}: {why}")),
            Wrong::Io(error) if Refused::of(&error) != Some(Refused::Stopped) => {
                Wrong::Said(format!("{part}: {error}"))
            }
            other => other,
        }
    }

    /// As an error of everything here.
    pub(super) fn at(self, path: &std::path::Path) -> crate::Error {
        match self {
            Wrong::Stopped(_) => crate::Error::Cancelled,
            Wrong::Io(error) if Refused::of(&error).is_none() => crate::Error::io("read", path)(error),
            Wrong::Io(error) if Refused::of(&error) == Some(Refused::Stopped) => crate::Error::Cancelled,
            other => crate::Error::Root { path: path.to_owned(), reason: other.to_string() },
        }
    }
}

/// A name of an archive, for people: short, and nothing that a terminal obeys.
pub(super) fn shown(name: &[u8]) -> String {
    firebench_text::excerpt(&String::from_utf8_lossy(name), 100)
}
