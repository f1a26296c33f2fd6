//! What a VM had to go without, and why. Plain data; in files it is the sentence that it displays.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a VM had to go without.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Missing {
    /// A limit on the memory of all its processes together, for this reason.
    MemoryLimit(String),
    /// Something else, in a phrase with its reason.
    Other(String),
}

/// How every report begins a sentence about it.
const MEMORY_LIMIT: &str = "without a limit of memory: ";

impl From<String> for Missing {
    fn from(sentence: String) -> Self {
        match sentence.strip_prefix(MEMORY_LIMIT) {
            Some(reason) => Missing::MemoryLimit(reason.to_owned()),
            None => Missing::Other(sentence),
        }
    }
}

impl From<Missing> for String {
    fn from(missing: Missing) -> Self {
        missing.to_string()
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::MemoryLimit(reason) => write!(f, "{MEMORY_LIMIT}{reason}"),
            Missing::Other(sentence) => f.write_str(sentence),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Missing;

    #[test]
    fn sentences_come_back() {
        for (sentence, missing) in [
            ("without a limit of memory: no control group", Missing::MemoryLimit("no control group".to_owned())),
            ("without a control group: EPERM", Missing::Other("without a control group: EPERM".to_owned())),
        ] {
            assert_eq!(Missing::from(sentence.to_owned()), missing);
            let json = serde_json::to_string(&missing).expect("JSON");
            assert_eq!(json, format!("{sentence:?}"));
            assert_eq!(serde_json::from_str::<Missing>(&json).expect("what was written"), missing);
        }
    }
}
