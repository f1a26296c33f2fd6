//! All formats of reports: a new one is a file beside `formats/markdown.rs`, its name here, and its line in [`ALL`].

pub mod json;
pub mod markdown;
pub mod terminal;

use super::format::Format;

/// All formats, in the order in which help lists them.
pub const ALL: &[Format] = &[terminal::FORMAT, json::FORMAT, markdown::FORMAT];

/// The format of this name.
pub fn named(name: &str) -> Option<&'static Format> {
    ALL.iter().find(|format| format.name == name)
}
