//! The settings that only the kind of a contender has, as the user gives them.

use std::collections::BTreeMap;

use firebench_vmm::VmmKind;
use firebench_vmm::kinds;
use firebench_vmm::setting::{Setting, Value};
use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Settings of kinds with the values that the user gives. Read from a file, each is one that some kind has, with a value that it
/// takes; whether the contender's kind has it, the check of the contender says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OwnSettings(BTreeMap<String, Value>);

impl OwnSettings {
    /// The same with a setting.
    #[must_use]
    pub fn with(mut self, setting: &Setting, value: impl Into<Value>) -> Self {
        self.0.insert(setting.key.to_owned(), value.into());
        self
    }

    /// What is given for a setting.
    pub fn get(&self, setting: &Setting) -> Option<&Value> {
        self.0.get(setting.key)
    }

    /// Each setting of `vmm` that is given.
    pub fn of(&self, vmm: VmmKind) -> impl Iterator<Item = (&'static Setting, &Value)> {
        vmm.0.settings_of_users().filter_map(|setting| Some((setting, self.get(setting)?)))
    }

    /// The first one that `vmm` does not have, or not with this value: as it is to be named.
    pub(super) fn foreign(&self, vmm: VmmKind) -> Option<String> {
        self.0.iter().find_map(|(key, value)| match vmm.setting(key) {
            None => Some(key.clone()),
            Some(setting) if !setting.takes.accepts(value) => Some(format!("{key}={value}")),
            Some(_) => None,
        })
    }
}

/// In the order of the first table that has all of them.
impl Serialize for OwnSettings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut written = Vec::new();
        let whole = kinds::all().find(|kind| self.0.keys().all(|key| kind.setting(key).is_some()));
        for setting in whole.into_iter().chain(kinds::all()).flat_map(|kind| kind.0.settings_of_users()) {
            if let Some(value) = self.get(setting).filter(|_| !written.contains(&setting.key)) {
                written.push(setting.key);
                map.serialize_entry(setting.key, value)?;
            }
        }
        map.end()
    }
}

/// Key by key, so that each error names its key.
struct ByKey;

impl<'de> Visitor<'de> for ByKey {
    type Value = OwnSettings;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("settings of a contender")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<OwnSettings, A::Error> {
        let mut given = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            let takes: Vec<_> = kinds::with_setting(&key).map(|(_, setting)| setting.takes).collect();
            let Some(first) = takes.first() else { return Err(A::Error::custom(super::common::unknown(&key, None))) };
            let value: Value =
                map.next_value().map_err(|error| A::Error::custom(format!("{key} takes {first}: {error}")))?;
            if !takes.iter().any(|takes| takes.accepts(&value)) {
                let value = match value {
                    Value::Text(text) => format!("{text:?}"),
                    other => other.to_string(),
                };
                return Err(A::Error::custom(format!("{key} takes {first}, not {value}")));
            }
            if given.contains_key(&key) {
                return Err(A::Error::custom(format!("{key} is given twice")));
            }
            given.insert(key, value);
        }
        Ok(OwnSettings(given))
    }
}

impl<'de> Deserialize<'de> for OwnSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ByKey)
    }
}
