//! The flags of `firebench run`, and the experiment that they describe.

use std::path::PathBuf;

use clap::Args;
use firebench_vmm::VmmKind;

use crate::experiment::{AccelChoice, Experiment, HostCacheChoice, PayloadSpec, Preset, Workload};
use crate::units::Size;

/// What a kernel for --kernel must have.
const KERNEL_HELP: &str = "\
A kernel for --kernel is an x86_64 bzImage (LZ4, gzip, xz or zstd) or ELF vmlinux, or a Debian kernel package (.deb). \
It must have, built in or (in a package) as modules: initramfs, devtmpfs, a serial console on ttyS0, virtio-mmio, \
virtio-blk, ext4; ACPI (which wants CONFIG_PCI) or, without it, CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES; and the PVH entry, \
through which QEMU's microvm starts a vmlinux.";

#[derive(Debug, Args)]
#[command(after_help = KERNEL_HELP)]
pub(crate) struct RunArgs {
    /// What runs in the guests: memory (sha256sum over a random file)
    #[arg(value_enum, required_unless_present = "from")]
    workload: Option<Workload>,
    /// Run an experiment again: a report.md, a report.json or a TOML file; flags given beside it win
    #[arg(long, value_name = "FILE")]
    pub(super) from: Option<PathBuf>,
    /// How the machines are made: matched (as alike as the VMMs allow) or published (those of the published benchmark)
    #[arg(long, value_enum)]
    preset: Option<Preset>,
    /// VMMs to compare [default: qemu,firecracker]
    #[arg(long, value_delimiter = ',', value_parser = parse_vmm, value_name = "VMM,...")]
    vmm: Option<Vec<VmmKind>>,
    /// What executes guest instructions: auto (kvm if /dev/kvm is usable, else nested), kvm, tcg, nested
    #[arg(long, value_enum)]
    accel: Option<AccelChoice>,
    /// Size of the random file [default: 1GiB with kvm, 16MiB emulated]
    #[arg(long)]
    size: Option<Size>,
    /// What the file holds: seeded, seeded:SEED, urandom, or the path of a file of yours
    #[arg(long, value_name = "KIND|PATH")]
    payload: Option<String>,
    /// Memory of each VM [default: 1GiB with kvm, 512MiB emulated]
    #[arg(long)]
    memory: Option<Size>,
    /// vCPUs of each VM [default: 2, or 1 on a computer with one]
    #[arg(long)]
    vcpus: Option<u32>,
    /// Give each VM a network card, on a tap in a network namespace of its own
    #[arg(long)]
    tap: bool,
    /// Boots of each contender [default: 3]
    #[arg(long)]
    boots: Option<u32>,
    /// Iterations in each boot [default: 3]
    #[arg(long)]
    iterations: Option<u32>,
    /// Drop the guest's caches before each iteration
    #[arg(long)]
    cold: bool,
    /// The host's page cache of the root disk before each boot: auto (warm if it fits), warm, cold
    #[arg(long, value_enum)]
    host_cache: Option<HostCacheChoice>,
    /// A kernel for the guests instead of the fetched one; see below
    #[arg(long, value_name = "PATH")]
    kernel: Option<PathBuf>,
    /// Words for the end of the kernel command line
    #[arg(long, value_name = "WORDS", allow_hyphen_values = true)]
    append: Option<String>,
    /// A file or directory for the image; may be given several times
    #[arg(long, value_name = "HOST[=GUEST]")]
    add: Vec<String>,
    /// The Firecracker to run [default: the fetched one, else the one on PATH]
    #[arg(long, value_name = "PATH", env = "FIREBENCH_FIRECRACKER", hide_env_values = true)]
    firecracker: Option<PathBuf>,
    /// The QEMU to run [default: the one on PATH]
    #[arg(long, value_name = "PATH", env = "FIREBENCH_QEMU", hide_env_values = true)]
    qemu: Option<PathBuf>,
    /// Seconds until a guest must have spoken [default: 30 with kvm, 60 with tcg, 180 nested]
    #[arg(long, value_name = "SECONDS")]
    boot_deadline: Option<u64>,
    /// Seconds that an iteration may take [default: by size and accelerator]
    #[arg(long, value_name = "SECONDS")]
    iteration_deadline: Option<u64>,
    /// Print the launch of each VMM, ready to paste; start nothing
    #[arg(long, conflicts_with = "out")]
    pub(super) dry_run: bool,
    /// Write report.md and report.json into this directory
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// No progress on standard error
    #[arg(long, short)]
    pub(super) quiet: bool,
}

fn parse_vmm(text: &str) -> Result<VmmKind, String> {
    VmmKind::ALL
        .into_iter()
        .find(|vmm| vmm.name() == text)
        .ok_or_else(|| format!("the VMMs are {}", VmmKind::ALL.map(VmmKind::name).join(", ")))
}

/// Flags that do not go together.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub(crate) enum ArgsError {
    /// A count that must be 1 at least.
    #[error("{0} must be at least 1")]
    #[diagnostic(help("leave it out for the default"))]
    Zero(&'static str),
    /// The published machines are fixed.
    #[error("{0} does not go with --preset published: its machines are those of the document")]
    #[diagnostic(help("--preset matched takes it"))]
    Published(&'static str),
    /// A file has the size that it has.
    #[error("--size does not go with --payload {}: the file has its own size", .0.display())]
    #[diagnostic(help("leave --size out, or give --payload seeded or urandom"))]
    FileSize(PathBuf),
    /// Memory is counted in MiB.
    #[error("--memory {0} is not a whole number of MiB")]
    #[diagnostic(help("VMMs take whole MiB: --memory 512MiB"))]
    Memory(Size),
    /// A seed that is no number.
    #[error("the seed in --payload seeded:{0} is no number from 0 to 2^64 - 1")]
    #[diagnostic(help("write it like --payload seeded:42"))]
    Seed(String),
    /// An empty file.
    #[error("a payload of 0 bytes measures nothing")]
    #[diagnostic(help("give --size 16MiB, say"))]
    Empty,
}

impl RunArgs {
    /// The experiment: `base` (of `--from`) or the defaults, and over them what the flags say.
    ///
    /// # Errors
    /// [`ArgsError`] for flags that do not go together.
    pub(super) fn experiment(&self, base: Option<Experiment>) -> Result<Experiment, ArgsError> {
        let mut experiment = base.unwrap_or_default();
        set(&mut experiment.workload, self.workload);
        set(&mut experiment.preset, self.preset);
        set(&mut experiment.accel, self.accel);
        set(&mut experiment.vmm, self.vmm.clone());
        replace(&mut experiment.design.boots, self.boots);
        replace(&mut experiment.design.iterations, self.iterations);
        set(&mut experiment.design.host_cache, self.host_cache);
        set(&mut experiment.machine.append, self.append.clone());
        experiment.design.cold |= self.cold;
        experiment.machine.tap |= self.tap;
        replace(&mut experiment.design.boot_deadline, self.boot_deadline);
        replace(&mut experiment.design.iteration_deadline, self.iteration_deadline);
        replace(&mut experiment.machine.vcpus, self.vcpus);
        replace(&mut experiment.machine.memory, self.memory);
        replace(&mut experiment.files.kernel, self.kernel.clone());
        replace(&mut experiment.files.firecracker, self.firecracker.clone());
        replace(&mut experiment.files.qemu, self.qemu.clone());
        if !self.add.is_empty() {
            experiment.files.add.clone_from(&self.add);
        }
        if let Some(payload) = &self.payload {
            experiment.payload = payload_spec(payload)?;
        }
        if let Some(wanted) = self.size {
            match &mut experiment.payload {
                PayloadSpec::Seeded { size, .. } | PayloadSpec::Urandom { size } => *size = Some(wanted),
                PayloadSpec::File { path } => return Err(ArgsError::FileSize(path.clone())),
            }
        }
        check(&experiment)?;
        Ok(experiment)
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}

fn replace<T>(place: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *place = value;
    }
}

fn payload_spec(text: &str) -> Result<PayloadSpec, ArgsError> {
    Ok(match text.split_once(':') {
        None if text == "seeded" => PayloadSpec::default(),
        None if text == "urandom" => PayloadSpec::Urandom { size: None },
        Some(("seeded", seed)) => {
            let seed = seed.parse().map_err(|_| ArgsError::Seed(seed.to_owned()))?;
            PayloadSpec::Seeded { seed, size: None }
        }
        _ => PayloadSpec::File { path: text.into() },
    })
}

/// What holds for flags and files alike.
fn check(experiment: &Experiment) -> Result<(), ArgsError> {
    let Experiment { machine, design, payload, .. } = experiment;
    let counts = [("--boots", design.boots), ("--iterations", design.iterations), ("--vcpus", machine.vcpus)];
    if let Some((name, _)) = counts.iter().find(|(_, count)| *count == Some(0)) {
        return Err(ArgsError::Zero(name));
    }
    if experiment.preset == Preset::Published {
        if machine.vcpus.is_some() {
            return Err(ArgsError::Published("--vcpus"));
        }
        if machine.memory.is_some() {
            return Err(ArgsError::Published("--memory"));
        }
    }
    match machine.memory {
        Some(Size(0)) => return Err(ArgsError::Zero("--memory")),
        Some(memory) if memory.mib().is_none() => return Err(ArgsError::Memory(memory)),
        _ => {}
    }
    match payload {
        PayloadSpec::Seeded { size: Some(Size(0)), .. } | PayloadSpec::Urandom { size: Some(Size(0)) } => {
            Err(ArgsError::Empty)
        }
        _ => Ok(()),
    }
}
