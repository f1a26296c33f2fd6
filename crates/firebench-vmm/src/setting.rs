//! Settings: one definition each, of which command lines, experiment files, help, errors, plans and reports are made.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// What a contender can be given.
#[derive(Debug)]
pub struct Setting {
    /// The word in command lines and experiment files.
    pub key: &'static str,
    /// The word in plans and reports.
    pub recorded: &'static str,
    /// What it is, in a sentence without its end.
    pub help: &'static str,
    /// Its values.
    pub takes: Takes,
    /// A value of an experiment file, as TOML.
    pub example: &'static str,
    /// What holds where it is absent.
    pub absent: Absent,
    /// Whether plans and reports have it although it is absent.
    pub always_recorded: bool,
    /// The value of a user that takes away what the preset sets.
    pub none: Option<&'static str>,
    /// Whether users can set it; what they cannot, firebench decides.
    pub of_user: bool,
    /// The first version of the program that has it; all of them when absent.
    pub since: Option<Since>,
}

/// What holds where a setting is absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// The program's own choice.
    Own,
    /// A switch is off.
    Off,
    /// A switch is on.
    On,
    /// This word.
    Word(&'static str),
}

/// The first version that has a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// Major and minor.
    pub version: (u64, u64),
    /// What helps with an older one, in a clause.
    pub instead: &'static str,
}

/// The values that a setting takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// On or off.
    Switch,
    /// One of these words.
    Words(&'static [&'static str]),
    /// Any text: what it is.
    Text(&'static str),
    /// The path of a file.
    Path,
    /// A whole number.
    Count,
    /// An amount of memory.
    Size,
    /// A part of a whole.
    Share,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "expected true, false, a whole number from 0 on or a text")]
pub enum Value {
    /// On or off.
    Switch(bool),
    /// A whole number.
    Count(u64),
    /// A word, a text, a path, a size.
    Text(String),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Switch(true) => f.pad("on"),
            Value::Switch(false) => f.pad("off"),
            Value::Count(count) => count.fmt(f),
            Value::Text(text) => f.pad(text),
        }
    }
}

impl From<bool> for Value {
    fn from(on: bool) -> Self {
        Value::Switch(on)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl Takes {
    /// Whether `value` is one of its values.
    pub fn accepts(&self, value: &Value) -> bool {
        match (self, value) {
            (Takes::Switch, Value::Switch(_)) | (Takes::Count, Value::Count(_)) => true,
            (Takes::Words(words), Value::Text(text)) => words.contains(&text.as_str()),
            (Takes::Text(_) | Takes::Path | Takes::Size | Takes::Share, Value::Text(text)) => !text.is_empty(),
            _ => false,
        }
    }

    /// The value that `text` is in a command line; none where it is not one.
    pub fn read(&self, text: &str) -> Option<Value> {
        let value = match (self, text) {
            (Takes::Switch, "on" | "true") => Value::Switch(true),
            (Takes::Switch, "off" | "false") => Value::Switch(false),
            (Takes::Count, text) => Value::Count(text.parse().ok()?),
            (_, text) => Value::Text(text.to_owned()),
        };
        self.accepts(&value).then_some(value)
    }
}

/// In words that fit after "takes".
impl std::fmt::Display for Takes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Takes::Switch => f.write_str("on or off"),
            Takes::Words(words) => f.write_str(&words.join(", ")),
            Takes::Text(what) => f.write_str(what),
            Takes::Path => f.write_str("a path"),
            Takes::Count => f.write_str("a whole number"),
            Takes::Size => f.write_str("a size such as 512MiB"),
            Takes::Share => f.write_str("a share such as 5%"),
        }
    }
}

impl Setting {
    /// A setting of a user. A switch is off where it is absent; of anything else the program chooses.
    pub const fn new(key: &'static str, takes: Takes, help: &'static str) -> Setting {
        let (absent, example) = match takes {
            Takes::Switch => (Absent::Off, "true"),
            _ => (Absent::Own, ""),
        };
        Setting {
            key,
            recorded: key,
            help,
            takes,
            example,
            absent,
            always_recorded: false,
            none: None,
            of_user: true,
            since: None,
        }
    }

    /// What firebench decides, and no user.
    pub const fn decided(key: &'static str, takes: Takes, help: &'static str) -> Setting {
        Setting { of_user: false, ..Setting::new(key, takes, help) }
    }

    /// Has another word in plans and reports.
    pub const fn recorded(self, word: &'static str) -> Setting {
        Setting { recorded: word, ..self }
    }

    /// Is in plans and reports although it is absent.
    pub const fn always_recorded(self) -> Setting {
        Setting { always_recorded: true, ..self }
    }

    /// Has this example in an experiment file.
    pub const fn example(self, toml: &'static str) -> Setting {
        Setting { example: toml, ..self }
    }

    /// Is this where it is absent.
    pub const fn absent(self, absent: Absent) -> Setting {
        Setting { absent, ..self }
    }

    /// Is taken away by this word.
    pub const fn none(self, word: &'static str) -> Setting {
        Setting { none: Some(word), ..self }
    }

    /// Came with this version, before which something else helps.
    pub const fn since(self, version: (u64, u64), instead: &'static str) -> Setting {
        Setting { since: Some(Since { version, instead }), ..self }
    }

    /// What holds where it is absent, as a value; none where that is the program's choice.
    pub fn default(&self) -> Option<Value> {
        match self.absent {
            Absent::Own => None,
            Absent::Off => Some(Value::Switch(false)),
            Absent::On => Some(Value::Switch(true)),
            Absent::Word(word) => Some(Value::from(word)),
        }
    }
}

/// Settings with their values, by key. What has the value that holds anyway is absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<&'static str, Value>);

impl Values {
    /// The same with a setting.
    #[must_use]
    pub fn with(mut self, setting: &Setting, value: impl Into<Value>) -> Values {
        self.set(setting, value);
        self
    }

    /// Sets a setting.
    pub fn set(&mut self, setting: &Setting, value: impl Into<Value>) {
        let value = value.into();
        let none = setting.none.is_some_and(|word| value == Value::from(word));
        if none || setting.default().as_ref() == Some(&value) {
            self.0.remove(setting.key);
        } else {
            self.0.insert(setting.key, value);
        }
    }

    /// What was set.
    pub fn get(&self, setting: &Setting) -> Option<&Value> {
        self.0.get(setting.key)
    }

    /// Whether a switch is on.
    pub fn is_on(&self, setting: &Setting) -> bool {
        match self.get(setting) {
            Some(Value::Switch(on)) => *on,
            _ => setting.absent == Absent::On,
        }
    }

    /// A word or a text; none where the program chooses.
    pub fn text(&self, setting: &Setting) -> Option<&str> {
        match (self.get(setting), setting.absent) {
            (Some(Value::Text(text)), _) => Some(text),
            (_, Absent::Word(word)) => Some(word),
            _ => None,
        }
    }

    /// A path.
    pub fn path(&self, setting: &Setting) -> Option<&Path> {
        self.text(setting).map(Path::new)
    }
}
