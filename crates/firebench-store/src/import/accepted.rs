//! Which executions count although their commands failed.

use std::str::FromStr;

/// Exit codes of executions that count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Accepted {
    /// Only 0.
    #[default]
    Zero,
    /// 0 and these.
    Codes(Vec<i32>),
    /// Every one, also where a signal ended the command.
    All,
}

impl Accepted {
    /// Whether an execution counts that ended with this code, or by a signal.
    pub(super) fn holds(&self, code: Option<i32>) -> bool {
        match self {
            Accepted::All => true,
            Accepted::Zero => code == Some(0),
            Accepted::Codes(codes) => code.is_some_and(|code| code == 0 || codes.contains(&code)),
        }
    }
}

impl FromStr for Accepted {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Accepted::All);
        }
        let codes: Result<Vec<i32>, _> = text.split(',').map(|code| code.trim().parse()).collect();
        codes.map(Accepted::Codes).map_err(|_| "give all, or exit codes with commas between them: 1,3".to_owned())
    }
}
