//! A contender as the user describes it.

use std::path::PathBuf;
use std::str::FromStr;

use firebench_text::units::{Share, Size};
use firebench_vmm::{VmmKind, firecracker, qemu};
use serde::{Deserialize, Serialize};

/// A named VMM, or the host, with what differs from the experiment's machine and the preset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
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
    /// More work than the others have, as a share of the payload: a difference that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handicap: Option<Share>,
    /// QEMU's CPU model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu: Option<String>,
    /// Whether QEMU's machine has a real-time clock, which kernels look for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rtc: Option<bool>,
    /// Firecracker's CPU template, or `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// How the VMM caches the root disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<CacheMode>,
    /// How the VMM reads the root disk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub io: Option<Io>,
    /// Whether the guest's memory lies on huge pages of the host, 2 MiB each.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub huge_pages: bool,
    /// Whether Firecracker asks for transparent huge pages, as QEMU always does.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub transparent_huge_pages: bool,
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
            handicap: None,
            cpu: None,
            rtc: None,
            template: None,
            cache: None,
            io: None,
            huge_pages: false,
            transparent_huge_pages: false,
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
    /// A setting that another VMM has.
    #[error("contender {name}: {vmm} has no {setting}")]
    #[diagnostic(help("{}", whose(setting)))]
    Foreign {
        /// The contender.
        name: String,
        /// Its VMM.
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

/// Who has what a contender cannot have.
fn whose(setting: &str) -> &'static str {
    match setting.split('=').next() {
        Some("cpu") => "cpu is QEMU's -cpu; Firecracker has template",
        Some("rtc") => "rtc is a device of QEMU's microvm",
        Some("template") => "template is Firecracker's cpu_template; QEMU has cpu",
        Some("cache") => "QEMU has none, writeback, writethrough, directsync, unsafe; Firecracker unsafe, writeback",
        Some("io") => "QEMU has threads, native, io-uring; Firecracker sync, async",
        Some("transparent-huge-pages") => {
            "QEMU asks for transparent huge pages by itself; Firecracker does with this setting"
        }
        _ => "the host boots nothing: it takes vcpus, memory, busybox and handicap",
    }
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
        if self.vcpus == Some(0) {
            return Err(ContenderError::Zero { name: name.clone(), setting: "vcpus" });
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

    /// A setting that its VMM does not have.
    fn foreign(&self) -> Option<String> {
        let (qemu, firecracker) = (self.vmm == VmmKind::Qemu, self.vmm == VmmKind::Firecracker);
        let vm = qemu || firecracker;
        let given = [
            ("cpu", self.cpu.is_some(), qemu),
            ("rtc", self.rtc.is_some(), qemu),
            ("template", self.template.is_some(), firecracker),
            ("binary", self.binary.is_some(), vm),
            ("kernel", self.kernel.is_some(), vm),
            ("modules", self.modules.is_some(), vm),
            ("append", self.append.is_some(), vm),
            ("image", self.image.is_some(), vm),
            ("huge-pages", self.huge_pages, vm),
            ("transparent-huge-pages", self.transparent_huge_pages, firecracker),
            ("jail", self.jail, vm),
        ];
        if let Some((setting, ..)) = given.into_iter().find(|(_, given, has)| *given && !has) {
            return Some(setting.to_owned());
        }
        let cache = self.cache.filter(|cache| !cache.fits(self.vmm)).map(|cache| format!("cache={}", cache.name()));
        cache.or_else(|| self.io.filter(|io| !io.fits(self.vmm)).map(|io| format!("io={}", io.name())))
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
        let mut table = toml::Table::new();
        table.insert("name".to_owned(), name.into());
        table.insert("vmm".to_owned(), vmm.into());
        for part in parts {
            let (key, value) = match part.split_once('=') {
                Some((key, value)) => (key, setting(key, value)),
                None => (part.as_str(), toml::Value::Boolean(true)),
            };
            if table.insert(key.to_owned(), value).is_some() {
                return Err(ContenderError::Setting { text: text.to_owned(), reason: format!("{key} is there twice") });
            }
        }
        let spec: ContenderSpec = table.try_into().map_err(|error: toml::de::Error| ContenderError::Setting {
            text: text.to_owned(),
            reason: error.message().to_owned(),
        })?;
        spec.check()?;
        Ok(spec)
    }
}

/// The value as TOML would have it.
fn setting(key: &str, value: &str) -> toml::Value {
    match key {
        "vcpus" => value.parse().map_or_else(|_| value.into(), toml::Value::Integer),
        "rtc" if value == "on" => true.into(),
        "rtc" if value == "off" => false.into(),
        "huge-pages" | "transparent-huge-pages" | "jail" | "rtc" => {
            value.parse().map_or_else(|_| value.into(), toml::Value::Boolean)
        }
        _ => value.into(),
    }
}

/// How a VMM caches a disk: QEMU's `cache=`, Firecracker's `cache_type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CacheMode {
    /// QEMU: past the host's page cache.
    None,
    /// Both: through the page cache, flushed when the guest says so.
    Writeback,
    /// QEMU: through the page cache, each write flushed.
    Writethrough,
    /// QEMU: past the page cache, each write flushed.
    Directsync,
    /// Both: through the page cache, never flushed.
    Unsafe,
}

impl CacheMode {
    /// The name in command lines and files.
    pub fn name(self) -> &'static str {
        match self {
            CacheMode::None => "none",
            CacheMode::Writeback => "writeback",
            CacheMode::Writethrough => "writethrough",
            CacheMode::Directsync => "directsync",
            CacheMode::Unsafe => "unsafe",
        }
    }

    /// QEMU's, which has all.
    pub fn qemu(self) -> qemu::Cache {
        match self {
            CacheMode::None => qemu::Cache::None,
            CacheMode::Writeback => qemu::Cache::Writeback,
            CacheMode::Writethrough => qemu::Cache::Writethrough,
            CacheMode::Directsync => qemu::Cache::Directsync,
            CacheMode::Unsafe => qemu::Cache::Unsafe,
        }
    }

    /// Firecracker's, where it has one.
    pub fn firecracker(self) -> Option<firecracker::CacheType> {
        match self {
            CacheMode::Writeback => Some(firecracker::CacheType::Writeback),
            CacheMode::Unsafe => Some(firecracker::CacheType::Unsafe),
            CacheMode::None | CacheMode::Writethrough | CacheMode::Directsync => None,
        }
    }

    fn fits(self, vmm: VmmKind) -> bool {
        match vmm {
            VmmKind::Qemu => true,
            VmmKind::Firecracker => self.firecracker().is_some(),
            VmmKind::Host => false,
        }
    }
}

/// How a VMM reads a disk: QEMU's `aio=`, Firecracker's `io_engine`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Io {
    /// QEMU: a pool of threads.
    Threads,
    /// QEMU: Linux' asynchronous I/O.
    Native,
    /// QEMU: io_uring.
    IoUring,
    /// Firecracker: in the thread of the device.
    Sync,
    /// Firecracker: io_uring.
    Async,
}

impl Io {
    /// The name in command lines and files.
    pub fn name(self) -> &'static str {
        match self {
            Io::Threads => "threads",
            Io::Native => "native",
            Io::IoUring => "io-uring",
            Io::Sync => "sync",
            Io::Async => "async",
        }
    }

    /// QEMU's, where it has one.
    pub fn qemu(self) -> Option<qemu::Aio> {
        match self {
            Io::Threads => Some(qemu::Aio::Threads),
            Io::Native => Some(qemu::Aio::Native),
            Io::IoUring => Some(qemu::Aio::IoUring),
            Io::Sync | Io::Async => None,
        }
    }

    /// Firecracker's, where it has one.
    pub fn firecracker(self) -> Option<firecracker::IoEngine> {
        match self {
            Io::Sync => Some(firecracker::IoEngine::Sync),
            Io::Async => Some(firecracker::IoEngine::Async),
            Io::Threads | Io::Native | Io::IoUring => None,
        }
    }

    fn fits(self, vmm: VmmKind) -> bool {
        match vmm {
            VmmKind::Qemu => self.qemu().is_some(),
            VmmKind::Firecracker => self.firecracker().is_some(),
            VmmKind::Host => false,
        }
    }
}

#[cfg(test)]
mod tests;
