//! From contender and image to a launch, as a pure function.

use std::collections::BTreeMap;
use std::path::Path;

use firebench_protocol::End;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::described::DescribedSettings;
use crate::kind::Runs;
use crate::kinds::VmmKind;
use crate::machine::{Image, Launch, LaunchError, Machine, Paths, Root};
use crate::setting::{Setting, Takes, Value, Values};

/// A kind with what only it has. In JSON, the kind's name as `vmm` beside the settings' recorded words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub struct Settings {
    /// Whose settings they are.
    pub vmm: VmmKind,
    /// The settings.
    pub values: Values,
}

impl Settings {
    /// Of a kind, everything as it does by itself.
    pub fn new(vmm: VmmKind) -> Settings {
        Settings { vmm, values: Values::default() }
    }

    /// The same with a setting.
    #[must_use]
    pub fn with(mut self, setting: &Setting, value: impl Into<Value>) -> Settings {
        self.values.set(setting, value);
        self
    }

    /// How guests end their machine.
    pub fn end(&self) -> End {
        self.vmm.guest().map_or(End::PowerOff, |guest| (guest.end)(&self.values))
    }

    /// In words that VMMs share; none of a kind that boots no guest.
    pub fn describe(&self) -> Option<DescribedSettings> {
        Some((self.vmm.guest()?.describe)(&self.values))
    }

    /// The files among them, each with the setting that names it.
    pub fn files(&self) -> Vec<(&'static Setting, String)> {
        let files = self.vmm.settings.iter().filter(|setting| setting.takes == Takes::Path);
        files.filter_map(|setting| Some((*setting, self.values.text(setting)?.to_owned()))).collect()
    }
}

impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("vmm", &self.vmm)?;
        for setting in self.vmm.settings {
            match self.values.get(setting) {
                Some(value) => map.serialize_entry(setting.recorded, value)?,
                None if setting.always_recorded => map.serialize_entry(setting.recorded, &setting.default())?,
                None => {}
            }
        }
        map.end()
    }
}

/// [`Settings`] as they are written.
#[derive(Deserialize)]
struct Written {
    vmm: VmmKind,
    #[serde(flatten)]
    values: BTreeMap<String, Option<Value>>,
}

/// Settings that their kind does not have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A word that is not known.
    #[error("{vmm} has no setting `{word}`")]
    Unknown {
        /// Whose settings.
        vmm: VmmKind,
        /// The word.
        word: String,
    },
    /// A value that it does not take.
    #[error("the setting `{word}` of {vmm} takes {takes}, not {value}")]
    Value {
        /// Whose settings.
        vmm: VmmKind,
        /// The word.
        word: String,
        /// What it takes.
        takes: Takes,
        /// The value.
        value: Value,
    },
}

impl TryFrom<Written> for Settings {
    type Error = SettingsError;

    fn try_from(Written { vmm, values: written }: Written) -> Result<Self, Self::Error> {
        let mut values = Values::default();
        for (word, value) in written {
            let Some(setting) = vmm.settings.iter().find(|setting| setting.recorded == word) else {
                return Err(SettingsError::Unknown { vmm, word });
            };
            match value {
                Some(value) if setting.takes.accepts(&value) => values.set(setting, value),
                Some(value) => return Err(SettingsError::Value { vmm, word, takes: setting.takes, value }),
                None => {}
            }
        }
        Ok(Settings { vmm, values })
    }
}

/// A named VMM plus its settings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contender {
    /// Unique in the run.
    pub name: String,
    /// The machine that it builds.
    pub machine: Machine,
    /// What only this VMM has.
    pub settings: Settings,
}

/// Turns a contender and an image into a launch. Pure: reads and writes nothing.
///
/// # Errors
/// [`LaunchError`] when the VMM cannot build the machine.
pub fn launch(contender: &Contender, image: &Image, paths: &Paths) -> Result<Launch, LaunchError> {
    let machine = &contender.machine;
    let Settings { vmm, values } = &contender.settings;
    let Some(guest) = vmm.guest().filter(|_| vmm.supports(machine.accel)) else {
        return Err(LaunchError::Accelerator { vmm: vmm.0.name, accel: machine.accel });
    };
    if let Some(max) = vmm.max_vcpus.filter(|max| !(1..=*max).contains(&machine.vcpus)) {
        return Err(LaunchError::Vcpus { vmm: vmm.0.name, max, vcpus: machine.vcpus });
    }
    (guest.launch)(machine, values, image, paths)
}

/// The launch of a kind that boots no guest, with the job in the file `job`. Pure.
///
/// # Errors
/// [`LaunchError`] when it cannot run on the machine.
pub fn launch_process(vmm: VmmKind, machine: &Machine, job: &Path, paths: &Paths) -> Result<Launch, LaunchError> {
    match vmm.0.runs {
        Runs::Process(launch) if vmm.supports(machine.accel) => launch(machine, job, paths),
        _ => Err(LaunchError::Accelerator { vmm: vmm.0.name, accel: machine.accel }),
    }
}

/// The launch of a kind that holds processes in a container. Pure.
///
/// # Errors
/// [`LaunchError`] when it cannot run on the machine.
pub fn launch_container(vmm: VmmKind, machine: &Machine, root: &Root, paths: &Paths) -> Result<Launch, LaunchError> {
    match vmm.container().filter(|_| vmm.supports(machine.accel)) {
        Some(container) => (container.launch)(machine, root, paths),
        None => Err(LaunchError::Accelerator { vmm: vmm.0.name, accel: machine.accel }),
    }
}
