//! The experiment: what the user wants, as flags or TOML give it.

mod check;
mod command;
mod commands;
mod contender;
mod design;
mod error;
mod hash_loop;
mod http;
mod programs;
mod settle;
pub mod toml;
mod workload;

use std::path::PathBuf;

use firebench_text::units::Size;
use firebench_vmm::{VmmKind, kinds};
use serde::{Deserialize, Serialize};

pub use command::{BUSYBOX_SHELL, CommandError, CommandSpec};
pub use contender::{COMMON, Common, ContenderError, ContenderSpec, OwnSettings, check_all, common_to, keys};
pub use design::{Design, HostCacheChoice};
pub use error::ExperimentError;
pub use hash_loop::HashLoop;
pub use http::{BodyFrom, HttpError, HttpSpec};
pub use programs::Programs;
pub use settle::{Settle, SettleError};
pub use workload::WorkloadName;

/// What to compare, with what, how often. It is complete: `report.md` carries it, and `--from` runs it again.
/// What is absent is chosen by firebench when the plan is made (and named in the report).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    /// The workload.
    pub workload: WorkloadName,
    /// How the machines are made alike, or not.
    #[serde(default)]
    pub preset: Preset,
    /// What executes guest instructions.
    #[serde(default)]
    pub accel: AccelChoice,
    /// VMMs to compare, each one a contender; not looked at where contenders are given.
    #[serde(default = "all_vmms")]
    pub vmm: Vec<VmmKind>,
    /// The contenders, where they are more than their VMM. The first one is the baseline.
    #[serde(default, rename = "contender", skip_serializing_if = "Vec::is_empty")]
    pub contenders: Vec<ContenderSpec>,
    /// The virtual machine.
    #[serde(default)]
    pub machine: MachineSpec,
    /// What the workload reads, if it reads a file.
    #[serde(default)]
    pub payload: PayloadSpec,
    /// What the workload `command` runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<CommandSpec>,
    /// What the workload `http` asks.
    #[serde(default, skip_serializing_if = "HttpSpec::is_empty")]
    pub http: HttpSpec,
    /// What the workload `hash-loop` hashes, and how often.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash_loop: Option<HashLoop>,
    /// How many boots and iterations, from which cache state.
    #[serde(default)]
    pub design: Design,
    /// Files that replace what firebench finds by itself.
    #[serde(default, skip_serializing_if = "Files::is_empty")]
    pub files: Files,
}

impl Default for Experiment {
    fn default() -> Self {
        Experiment {
            workload: WorkloadName::default(),
            preset: Preset::default(),
            accel: AccelChoice::default(),
            vmm: all_vmms(),
            contenders: Vec::new(),
            machine: MachineSpec::default(),
            payload: PayloadSpec::default(),
            command: None,
            http: HttpSpec::default(),
            hash_loop: None,
            design: Design::default(),
            files: Files::default(),
        }
    }
}

impl Experiment {
    /// The contenders as the user describes them; those of a plain list of VMMs are called after their VMM.
    pub fn specs(&self) -> Vec<ContenderSpec> {
        if self.contenders.is_empty() {
            self.vmm.iter().map(|&vmm| ContenderSpec::new(vmm.name, vmm)).collect()
        } else {
            self.contenders.clone()
        }
    }
}

fn all_vmms() -> Vec<VmmKind> {
    kinds::by_default().collect()
}

/// How the contenders' machines are made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// As alike as the VMMs allow: vCPUs, memory, kernel, command line, image; CPU passed through.
    #[default]
    Matched,
    /// Exactly the two machines of the published memory benchmark, unequal as they were.
    Published,
}

impl Preset {
    /// The name in command lines, files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Preset::Matched => "matched",
            Preset::Published => "published",
        }
    }
}

/// What the user wants to execute guest instructions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AccelChoice {
    /// kvm where /dev/kvm is usable, else the nested host.
    #[default]
    Auto,
    /// /dev/kvm, however slow.
    Kvm,
    /// QEMU alone, emulating.
    Tcg,
    /// An emulated machine with a KVM of its own, in which every VMM runs with kvm.
    Nested,
}

/// The virtual machine that every contender builds under [`Preset::Matched`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MachineSpec {
    /// vCPUs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vcpus: Option<u32>,
    /// Memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<Size>,
    /// Whether each contender but the bare host has a network card, in a network namespace of its own: a VM a tap, a container a veth.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tap: bool,
    /// Whether each vCPU is bound to a CPU of its own, and firebench to another one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub pin: bool,
    /// Whether each VMM is held as closely as its kind can be.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub jail: bool,
    /// Words added to the end of the kernel command line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub append: String,
}

/// The file that a workload reads, if it reads one: `/random.txt` of the image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum PayloadSpec {
    /// A reproducible stream.
    Seeded {
        /// Its seed.
        #[serde(default = "default_seed")]
        seed: u64,
        /// Its size.
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<Size>,
        /// How much of it is read at a time; see [`PayloadSpec::block`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        block: Option<Size>,
    },
    /// The system's random numbers, new each time the image is built.
    Urandom {
        /// Its size.
        #[serde(skip_serializing_if = "Option::is_none")]
        size: Option<Size>,
        /// How much of it is read at a time; see [`PayloadSpec::block`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        block: Option<Size>,
    },
    /// A file of the user's.
    File {
        /// Where it is.
        path: PathBuf,
        /// How much of it is read at a time; see [`PayloadSpec::block`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        block: Option<Size>,
    },
}

impl PayloadSpec {
    /// The size, where the experiment gives one. A file of the user's has its own.
    pub fn size(&self) -> Option<Size> {
        match self {
            PayloadSpec::Seeded { size, .. } | PayloadSpec::Urandom { size, .. } => *size,
            PayloadSpec::File { .. } => None,
        }
    }

    /// How much of it the workload reads at a time, in bytes, into a buffer of that size; None: as the workload's program likes.
    pub fn block(&self) -> Option<Size> {
        match self {
            PayloadSpec::Seeded { block, .. }
            | PayloadSpec::Urandom { block, .. }
            | PayloadSpec::File { block, .. } => *block,
        }
    }

    /// The same, read in blocks of this size.
    pub fn with_block(mut self, size: Option<Size>) -> Self {
        match &mut self {
            PayloadSpec::Seeded { block, .. }
            | PayloadSpec::Urandom { block, .. }
            | PayloadSpec::File { block, .. } => {
                *block = size;
            }
        }
        self
    }
}

/// The smallest [`PayloadSpec::block`]: a sector of a disk. Smaller ones would make iterations of hours.
pub const LEAST_BLOCK: Size = Size(512);

/// The seed of a payload that names none.
pub const DEFAULT_SEED: u64 = 1;

fn default_seed() -> u64 {
    DEFAULT_SEED
}

impl Default for PayloadSpec {
    fn default() -> Self {
        PayloadSpec::Seeded { seed: default_seed(), size: None, block: None }
    }
}

/// Files that replace what firebench finds or fetches by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Files {
    /// A kernel: bzImage, ELF vmlinux, unified kernel image, or a Debian kernel package; or [`SMALL_KERNEL`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernel: Option<PathBuf>,
    /// Its modules, where they are not found beside it: a directory or a Debian package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modules: Option<PathBuf>,
    /// The executables of kinds, by the names of these. No other key can be read.
    #[serde(flatten)]
    pub programs: Programs,
    /// A root of the user's in place of busybox, for a command: a directory, a tar archive, an ext4 image, or a container image (OCI
    /// layout, OCI archive, archive of `docker save`), of which `PATH#TAG` chooses one; or `debian:SUITE[,PACKAGE...]`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// Whether that root is writable: what is written goes to memory, and vanishes with the boot.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub overlay: bool,
    /// More files for the image, as `HOST` or `HOST=GUEST`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<String>,
    /// More programs of this machine for the image, each with its libraries: paths, or names on PATH.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub add_program: Vec<String>,
}

/// In place of the path of a kernel: the one that `firebench kernel build` built.
pub const SMALL_KERNEL: &str = "small";

impl Files {
    fn is_empty(&self) -> bool {
        *self == Files::default()
    }
}
