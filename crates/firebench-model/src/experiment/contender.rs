//! A contender as the user describes it.

use std::path::PathBuf;
use std::str::FromStr;

use firebench_text::units::{Share, Size};
use firebench_vmm::setting::{Takes, Value};
use firebench_vmm::{VmmKind, kinds};
use serde::{Deserialize, Serialize};

pub use common::{COMMON, Common, common_to, keys};
pub use own::OwnSettings;

mod common;
mod own;

/// Most of one contender at once.
pub const MOST_AT_ONCE: u32 = 1000;

/// A named VMM, or the host, with what differs from the experiment's machine and the preset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ContenderSpec {
    /// Unique in the experiment.
    pub name: String,
    /// What runs it.
    pub vmm: VmmKind,
    /// The VMM's executable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<PathBuf>,
    /// vCPUs; on the host, CPUs that the workload may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vcpus: Option<u32>,
    /// Memory of the VM; on the host, the limit of the workload's control group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// The guest's kernel, as for `files.kernel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<PathBuf>,
    /// The modules of its kernel, where they are not found beside it: a directory or a Debian package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modules: Option<PathBuf>,
    /// Words added to the end of the kernel command line, after the experiment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub append: Option<String>,
    /// The busybox in its image: the program that is measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub busybox: Option<PathBuf>,
    /// A root disk of the user's in place of the one that firebench builds: ext4, with the workload's program and payload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<PathBuf>,
    /// Its own command, where the workload is a command of the user's: words as a shell reads them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Values of parameters, as `NAME=VALUE`, with blanks between them: `{NAME}` in the command stands for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<String>,
    /// More work than the others have, as a share of the payload: a difference that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handicap: Option<Share>,
    /// How many of it run at once, released together; one where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrent: Option<u32>,
    /// What only its kind has. No key that neither this nor a field is called can be read.
    #[serde(flatten)]
    pub own: OwnSettings,
    /// Whether its VMM is jailed, as for the whole experiment.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub jail: bool,
}

impl ContenderSpec {
    /// Nothing but its VMM.
    pub fn new(name: &str, vmm: VmmKind) -> Self {
        ContenderSpec {
            name: name.to_owned(),
            vmm,
            binary: None,
            vcpus: None,
            memory: None,
            kernel: None,
            modules: None,
            append: None,
            busybox: None,
            image: None,
            command: None,
            parameters: None,
            handicap: None,
            concurrent: None,
            own: OwnSettings::default(),
            jail: false,
        }
    }
}

/// A contender that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, miette::Diagnostic)]
pub enum ContenderError {
    /// Not of the form that `--contender` takes.
    #[error("{0:?} does not describe a contender")]
    #[diagnostic(help(
        "write NAME=VMM[,key=value...], such as --contender old=firecracker,binary=./firecracker-v1.12.1"
    ))]
    Form(String),
    /// A key or a value that is not known.
    #[error("--contender {text}: {reason}")]
    #[diagnostic(help(
        "`firebench init` writes a file with every key and what it means; a comma in a value is written twice"
    ))]
    Setting {
        /// The whole contender.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// A name that would not survive in a table or a file name.
    #[error("{0:?} is not a name for a contender")]
    #[diagnostic(help("take 1 to 40 letters, digits, dots, dashes and underscores"))]
    Name(String),
    /// Two contenders of one name.
    #[error("there are two contenders called {0}")]
    #[diagnostic(help("give each one a name of its own: --contender old=firecracker --contender new=firecracker"))]
    Twice(String),
    /// A setting that another kind has.
    #[error("contender {name}: {vmm} has no {setting}")]
    #[diagnostic(help("{}", common::instead(*vmm, setting)))]
    Foreign {
        /// The contender.
        name: String,
        /// Its kind.
        vmm: VmmKind,
        /// The setting, with its value where that matters.
        setting: String,
    },
    /// A number that must be 1 at least.
    #[error("contender {name}: {setting} must be at least 1")]
    #[diagnostic(help("leave it out for the experiment's own"))]
    Zero {
        /// The contender.
        name: String,
        /// The setting.
        setting: &'static str,
    },
    /// More at once than firebench watches.
    #[error("contender {name}: {concurrent} at once are more than {MOST_AT_ONCE}")]
    #[diagnostic(help("each has a thread of firebench and a directory of its own: take fewer"))]
    TooMany {
        /// The contender.
        name: String,
        /// How many.
        concurrent: u32,
    },
    /// Memory is counted in MiB.
    #[error("contender {name}: memory {memory} is not a whole number of MiB")]
    #[diagnostic(help("VMMs take whole MiB: memory=512MiB"))]
    Memory {
        /// The contender.
        name: String,
        /// The size.
        memory: Size,
    },
    /// A disk of the user's is as it is.
    #[error("contender {name}: {setting} does not go with an image of your own")]
    #[diagnostic(help("an image of yours is booted as it is: leave image or {setting} out"))]
    OwnImage {
        /// The contender.
        name: String,
        /// The setting.
        setting: &'static str,
    },
}

impl ContenderSpec {
    /// What one contender alone can tell is wrong with it.
    ///
    /// # Errors
    /// [`ContenderError`].
    pub fn check(&self) -> Result<(), ContenderError> {
        let name = &self.name;
        let good = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !(1..=40).contains(&name.len()) || !name.chars().all(good) || name.starts_with(['.', '-']) {
            return Err(ContenderError::Name(name.clone()));
        }
        if let Some(setting) = self.foreign() {
            return Err(ContenderError::Foreign { name: name.clone(), vmm: self.vmm, setting });
        }
        let zero =
            [("vcpus", self.vcpus), ("concurrent", self.concurrent)].into_iter().find(|(_, count)| *count == Some(0));
        if let Some((setting, _)) = zero {
            return Err(ContenderError::Zero { name: name.clone(), setting });
        }
        if let Some(concurrent) = self.concurrent.filter(|concurrent| *concurrent > MOST_AT_ONCE) {
            return Err(ContenderError::TooMany { name: name.clone(), concurrent });
        }
        match self.memory {
            Some(Size(0)) => return Err(ContenderError::Zero { name: name.clone(), setting: "memory" }),
            Some(memory) if memory.mib().is_none() => {
                return Err(ContenderError::Memory { name: name.clone(), memory });
            }
            _ => {}
        }
        let own = [("busybox", self.busybox.is_some()), ("handicap", self.handicap.is_some())];
        match own.into_iter().find(|(_, given)| *given && self.image.is_some()) {
            Some((setting, _)) => Err(ContenderError::OwnImage { name: name.clone(), setting }),
            None => Ok(()),
        }
    }

    /// As `--contender` takes it; none where it cannot be said in that form, such as a path that is not UTF-8.
    pub fn argument(&self) -> Option<String> {
        let serde_json::Value::Object(fields) = serde_json::to_value(self).ok()? else { return None };
        let mut text = format!("{}={}", self.name, self.vmm);
        for (key, value) in fields.iter().filter(|(key, _)| !["name", "vmm"].contains(&key.as_str())) {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text += &format!(",{key}={}", value.replace(',', ",,"));
        }
        // What does not come back was not said.
        (text.parse::<Self>().as_ref() == Ok(self)).then_some(text)
    }

    /// Whether it gives the setting of every contender that is called `key`.
    fn gives(&self, key: &str) -> bool {
        match key {
            "binary" => self.binary.is_some(),
            "vcpus" => self.vcpus.is_some(),
            "memory" => self.memory.is_some(),
            "kernel" => self.kernel.is_some(),
            "modules" => self.modules.is_some(),
            "append" => self.append.is_some(),
            "busybox" => self.busybox.is_some(),
            "image" => self.image.is_some(),
            "command" => self.command.is_some(),
            "parameters" => self.parameters.is_some(),
            "handicap" => self.handicap.is_some(),
            "concurrent" => self.concurrent.is_some(),
            "jail" => self.jail,
            _ => false,
        }
    }

    /// A setting that its kind does not have.
    fn foreign(&self) -> Option<String> {
        let common = COMMON.iter().find(|common| !(common.is_of)(self.vmm) && self.gives(common.setting.key));
        common.map(|common| common.setting.key.to_owned()).or_else(|| self.own.foreign(self.vmm))
    }
}

/// Checks each contender, and that their names differ.
///
/// # Errors
/// [`ContenderError`].
pub fn check_all(contenders: &[ContenderSpec]) -> Result<(), ContenderError> {
    for (index, contender) in contenders.iter().enumerate() {
        contender.check()?;
        if contenders.iter().take(index).any(|earlier| earlier.name == contender.name) {
            return Err(ContenderError::Twice(contender.name.clone()));
        }
    }
    Ok(())
}

/// `NAME=VMM[,key=value...]`, with the keys of the experiment file. A key without a value is switched on; a comma in a value
/// is written twice.
impl FromStr for ContenderSpec {
    type Err = ContenderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || ContenderError::Form(text.to_owned());
        let (name, rest) = text.split_once('=').ok_or_else(form)?;
        // No text that people type holds this character.
        let escaped = rest.replace(",,", "\0");
        let mut parts = escaped.split(',').map(|part| part.replace('\0', ","));
        let vmm = parts.next().filter(|vmm| !vmm.is_empty()).ok_or_else(form)?;
        let wrong = |reason: String| ContenderError::Setting { text: text.to_owned(), reason };
        let kind: VmmKind = vmm.parse().map_err(|error: kinds::UnknownKind| wrong(error.to_string()))?;
        let mut table = toml::Table::new();
        table.insert("name".to_owned(), name.into());
        table.insert("vmm".to_owned(), vmm.into());
        for part in parts {
            let (key, value) = match part.split_once('=') {
                Some((key, value)) => (key, Some(value)),
                None => (part.as_str(), None),
            };
            let value = given(kind, key, value).map_err(wrong)?;
            if table.insert(key.to_owned(), value).is_some() {
                return Err(wrong(format!("{key} is given twice")));
            }
        }
        let spec: ContenderSpec =
            table.try_into().map_err(|error: toml::de::Error| wrong(error.message().to_owned()))?;
        spec.check()?;
        Ok(spec)
    }
}

/// A value of `--contender` as TOML would have it; what is wrong with it, else.
fn given(vmm: VmmKind, key: &str, value: Option<&str>) -> Result<toml::Value, String> {
    let setting = common::called(vmm, key).ok_or_else(|| common::unknown(key, Some(vmm)))?;
    let read = match value {
        None => (setting.takes == Takes::Switch).then_some(Value::Switch(true)),
        // Of a value that another kind takes, who has it is said later.
        Some(text) => {
            setting.takes.read(text).or_else(|| kinds::with_setting(key).find_map(|(_, s)| s.takes.read(text)))
        }
    };
    match (read, value) {
        (Some(Value::Switch(on)), _) => Ok(on.into()),
        (Some(Value::Count(count)), _) => {
            i64::try_from(count).map(toml::Value::from).map_err(|_| format!("{key} {count} is too large"))
        }
        (Some(Value::Text(text)), _) => Ok(text.into()),
        (None, Some(text)) => Err(format!("{key} takes {}, not {text:?}", setting.takes)),
        (None, None) => Err(format!("{key} takes {}: write {key}=VALUE", setting.takes)),
    }
}

#[cfg(test)]
mod tests;
