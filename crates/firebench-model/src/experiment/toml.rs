//! An experiment as TOML that comes back as it is and hides nothing: what cannot be seen stands there as an escape.

use firebench_text as text;
use toml::Value;

use crate::experiment::Experiment;

/// Stands before a code point of eight digits until the text is written. A string with a control character is always written
/// in the form that has escapes (TOML 1.0, "String"), with this one as [`MARK_WRITTEN`].
const MARK: char = '\u{1}';
const MARK_WRITTEN: &str = "\\u0001";

/// Writes an experiment.
///
/// # Errors
/// Why it cannot be written, in words.
pub fn to_toml(experiment: &Experiment) -> Result<String, String> {
    let plain = toml::to_string(experiment).map_err(|error| error.to_string())?;
    if shows(&plain) {
        return Ok(plain);
    }
    let mut value = Value::try_from(experiment).map_err(|error| error.to_string())?;
    mark(&mut value);
    let marked = toml::to_string(&value).map_err(|error| error.to_string())?;
    let escaped = marked.replace(MARK_WRITTEN, "\\U");
    // A text that has a written mark of its own does not come back.
    match toml::from_str::<Experiment>(&escaped) {
        Ok(again) if again == *experiment && shows(&escaped) => Ok(escaped),
        _ => Err("it contains invisible characters".to_owned()),
    }
}

/// Whether everything in it can be seen.
fn shows(toml: &str) -> bool {
    toml.chars().all(|c| matches!(c, '\n' | '\t') || !text::is_hidden(c))
}

/// Marks every character that cannot be seen and that TOML does not escape by itself.
fn mark(value: &mut Value) {
    match value {
        Value::String(string) => {
            let hidden = |c: char| c == MARK || !c.is_ascii() && text::is_hidden(c);
            let marked = |c| if hidden(c) { format!("{MARK}{:08X}", u32::from(c)) } else { String::from(c) };
            *string = string.chars().map(marked).collect();
        }
        Value::Array(values) => values.iter_mut().for_each(mark),
        Value::Table(table) => table.iter_mut().for_each(|(_, value)| mark(value)),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(append: &str) -> Experiment {
        let mut experiment = Experiment::default();
        experiment.machine.append = append.to_owned();
        experiment
    }

    #[test]
    fn what_cannot_be_seen_is_escaped() {
        for (append, written) in [
            ("plain", r#"append = "plain""#),
            ("\u{9b}31m", r#"append = "\U0000009B31m""#),
            (r#"a "b" \ "#, r#"append = 'a "b" \ '"#),
            ("\"\u{202e}\u{1}\\\u{e0001}", r#"append = "\"\U0000202E\U00000001\\\U000E0001""#),
        ] {
            let toml = to_toml(&with(append)).expect("it can be written");
            assert!(toml.contains(written), "{toml}");
            assert_eq!(toml::from_str::<Experiment>(&toml).expect("TOML"), with(append));
        }
        assert!(to_toml(&with("\u{9b} \\u0001")).is_err(), "it would not come back");
    }
}
