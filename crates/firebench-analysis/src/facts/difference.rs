//! Two values of a report, held against each other field by field.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};

/// Something that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What it is.
    pub what: String,
    /// In A.
    pub a: String,
    /// In B.
    pub b: String,
}

/// In what two values differ, objects field by field: a field is named behind `what`.
pub(crate) fn between(what: &str, a: &Value, b: &Value) -> Vec<Difference> {
    match (a, b) {
        _ if a == b => Vec::new(),
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let of = |object: &Map<String, Value>, name| object.get(name).cloned().unwrap_or_default();
            names.into_iter().flat_map(|name| between(&format!("{what} {name}"), &of(a, name), &of(b, name))).collect()
        }
        _ => vec![Difference { what: what.to_owned(), a: shown(a, "none"), b: shown(b, "none") }],
    }
}

/// A value in words; `missing` stands for one that is not there.
pub(crate) fn shown(value: &Value, missing: &str) -> String {
    match value {
        Value::Null => missing.to_owned(),
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        Value::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
