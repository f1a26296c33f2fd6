//! The name of a workload. Which ones there are, and what each of them does, the table of workloads knows.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest name.
const LONGEST: usize = 40;

/// The name of a workload, as command lines, experiments and reports have it: lower-case letters, digits and hyphens, so that it
/// can be shown anywhere. That of another version of firebench may be in no table of this one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WorkloadName(Cow<'static, str>);

impl WorkloadName {
    /// The name as text.
    pub fn name(&self) -> &str {
        &self.0
    }
}

/// The workload of an experiment that nobody wrote.
impl Default for WorkloadName {
    fn default() -> Self {
        WorkloadName(Cow::Borrowed("memory"))
    }
}

impl TryFrom<String> for WorkloadName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if (1..=LONGEST).contains(&name.len()) && name.chars().all(fits) {
            Ok(WorkloadName(Cow::Owned(name)))
        } else {
            Err(format!("the name of a workload is made of a-z, 0-9 and hyphens, at most {LONGEST} of them"))
        }
    }
}

impl From<WorkloadName> for String {
    fn from(name: WorkloadName) -> String {
        name.0.into_owned()
    }
}

impl fmt::Display for WorkloadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::WorkloadName;

    #[test]
    fn a_name_can_be_shown_anywhere() {
        let read = |text: &str| serde_json::from_value::<WorkloadName>(text.into());
        for good in ["memory", "disk-4k", "a"] {
            let name = read(good).expect(good);
            assert_eq!((name.name(), serde_json::to_value(&name).expect("JSON")), (good, good.into()));
        }
        let long = "a".repeat(41);
        for bad in ["", "Memory", "a b", "\u{1b}[31m", "ä", "a_b", "a\n", long.as_str()] {
            let error = read(bad).expect_err(bad).to_string();
            assert!(error.contains("a-z, 0-9 and hyphens"), "{error}");
        }
    }
}
