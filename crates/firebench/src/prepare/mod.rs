//! From an experiment to a plan: chooses the accelerator, finds the programs, makes the image, decides every path,
//! deadline and command line.

mod defaults;
mod parts;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use firebench_image::cache::Cache;
use firebench_image::disk::{DiskSpec, PAYLOAD_PATH, RootDisk, build_root_disk};
use firebench_image::initramfs;
use firebench_image::payload::Payload;
use firebench_image::prepare::{KernelSource, PreparedKernel};
use firebench_vmm::{VmmKind, kvm};

use crate::accel::{self, Chosen};
use crate::experiment::{Experiment, PayloadSpec, Preset};
use crate::fetch::FetchError;
use crate::hostfacts::HostFacts;
use crate::nested::{self, Nested, NestedError, Parts};
use crate::plan::{Plan, PlannedContender, PlannedImage, interleaved};
use crate::preset::{self, Wish};
use crate::record::{Artifact, ContenderRecord, DesignRecord, NestedHost, Overhead, PayloadRecord, Report, SCHEMA};
use crate::tools::{Tool, ToolError};
use crate::units::Size;
use parts::{Programs, artifact};

pub use parts::addition;

/// Where a preparation finds and puts things.
#[derive(Debug)]
pub struct Places {
    /// Images and kernels.
    pub cache: Cache,
    /// Fetched programs and packages.
    pub data_dir: PathBuf,
    /// A directory of this run, for files that live as long as it does.
    pub run_dir: PathBuf,
}

/// A run, ready to start.
#[derive(Debug)]
pub struct Prepared {
    /// What to do, with paths of this machine.
    pub plan: Plan,
    /// Where to do it, if not on this machine itself.
    pub nested: Option<Nested>,
    /// The report without what the run will bring.
    pub report: Report,
    /// Keeps the files in the cache.
    _held: (RootDisk, PreparedKernel, Option<PreparedKernel>),
}

/// Why a run cannot start.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum PrepareError {
    /// A program is missing or unusable.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Tool(#[from] ToolError),
    /// busybox cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Fetch(#[from] FetchError),
    /// The image cannot be made.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Image(#[from] firebench_image::Error),
    /// The nested host cannot be made.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Nested(#[from] NestedError),
    /// Nothing to boot.
    #[error("there is no kernel for the guests")]
    #[diagnostic(help("`firebench fetch kernel` gets Debian's cloud kernel; --kernel PATH takes one of yours"))]
    NoKernel,
    /// Nothing to run in the image.
    #[error("there is no static busybox for the image")]
    #[diagnostic(help("`firebench fetch busybox` gets Debian's; FIREBENCH_BUSYBOX names one of yours"))]
    NoBusybox,
    /// No PID 1.
    #[error("there is no firebench-agent beside {}", beside.display())]
    #[diagnostic(help("build the whole workspace (`cargo build --release`), or name the agent with FIREBENCH_AGENT"))]
    NoAgent {
        /// Where it should be.
        beside: PathBuf,
    },
    /// Only Firecracker is left, and it has no such accelerator.
    #[error("no VMM is left: with tcg only qemu can run, and --vmm does not name it")]
    #[diagnostic(help("--accel nested runs firecracker on any machine"))]
    NoContender,
    /// A kernel that QEMU's microvm cannot start.
    #[error("{} has no PVH entry, through which QEMU starts a vmlinux", path.display())]
    #[diagnostic(help("build it with CONFIG_PVH=y, or leave qemu out with --vmm firecracker"))]
    NoPvh {
        /// The kernel.
        path: PathBuf,
    },
    /// An addition to the image that cannot be understood.
    #[error("--add {0:?} names no place in the image")]
    #[diagnostic(help("write it like --add ./tool=/bin/tool"))]
    Add(String),
    /// A file of the run could not be written.
    #[error("cannot write {}", path.display())]
    #[diagnostic(help("check free space and permissions there; TMPDIR chooses another directory for temporary files"))]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
}

/// Makes everything that `experiment` needs.
///
/// # Errors
/// [`PrepareError`] names what is missing.
pub fn prepare(experiment: &Experiment, places: &Places) -> Result<Prepared, PrepareError> {
    let kvm = kvm::probe(Path::new(kvm::DEVICE));
    let chosen = accel::choose(experiment.accel, &kvm);
    let host = HostFacts::read(Path::new("/"), places.cache.dir(), kvm.hypervisor.clone());
    let mut notices = Vec::new();
    let vmms = vmms(experiment, &chosen, &mut notices)?;
    let programs = Programs::find(&experiment.files, &vmms, chosen.nested, &places.data_dir)?;
    let kernel_source = parts::kernel_source(&experiment.files, &places.data_dir)?;
    let kernel = parts::kernel(&places.cache, &kernel_source)?;
    if vmms.contains(&VmmKind::Qemu) && !kernel.pvh {
        return Err(PrepareError::NoPvh { path: parts::path(&kernel_source).to_owned() });
    }
    let own_kernel = match (&kernel_source, chosen.nested) {
        (KernelSource::File { .. }, true) => Some(parts::nested_kernel(&places.cache, &places.data_dir)?),
        _ => None,
    };
    let (disk, payload) = root_disk(experiment, &chosen, places, &programs)?;

    let memory_mib = experiment.machine.memory.and_then(Size::mib).unwrap_or_else(|| defaults::memory_mib(&chosen));
    let tsc_khz = kvm::tsc_khz(Path::new(kvm::DEVICE)).khz;
    let wish = Wish {
        preset: experiment.preset,
        accel: chosen.accel,
        vcpus: experiment.machine.vcpus.unwrap_or_else(|| defaults::vcpus(host.cpus.unwrap_or(1))),
        memory_mib,
        tap: experiment.machine.tap,
        tsc_khz,
        // The nested host's CPU is an AMD, whatever this machine has.
        intel: !chosen.nested && host.cpu_model.as_deref().is_some_and(|model| model.contains("Intel")),
        acpi_kernel: kernel.acpi,
        modular_kernel: !parts::modules(&kernel, parts::GUEST).is_empty(),
        append: experiment.machine.append.clone(),
    };
    let (contenders, preset_notices) = preset::contenders(&wish, &vmms);
    notices.extend(preset_notices);
    let largest_mib = contenders.iter().map(|c| c.contender.machine.memory_mib).max().unwrap_or(memory_mib);
    let host_cache =
        defaults::host_cache(experiment.design.host_cache, disk.image_bytes, largest_mib, host.memory_available);

    let networked = contenders.iter().any(|c| c.contender.machine.tap.is_some());
    let set = if networked { parts::NETWORKED_GUEST } else { parts::GUEST };
    let initramfs = initramfs::build_base(&programs.agent, &parts::modules(&kernel, set))?;
    let initramfs_path = places.run_dir.join("initramfs");
    std::fs::write(&initramfs_path, &initramfs)
        .map_err(|source| PrepareError::Write { path: initramfs_path.clone(), source })?;
    let (boots, iterations) = (experiment.design.boots.unwrap_or(3), experiment.design.iterations.unwrap_or(3));
    let plan = Plan {
        boots: interleaved(contenders.len(), boots),
        contenders: contenders
            .into_iter()
            .map(|c| {
                let binary = programs.vmm(c.contender.settings.vmm()).path.clone();
                PlannedContender { contender: c.contender, binary, cmdline: c.cmdline }
            })
            .collect(),
        command: vec!["/bin/sha256sum".to_owned(), PAYLOAD_PATH.to_owned()],
        payload_sha256: payload.sha256.clone(),
        iterations,
        cold: experiment.design.cold,
        host_cache,
        deadlines: defaults::deadlines(
            &chosen,
            payload.bytes,
            experiment.design.boot_deadline,
            experiment.design.iteration_deadline,
        ),
        attempts: defaults::attempts(&chosen),
        image: PlannedImage { kernel: kernel.vmlinux.clone(), initramfs: initramfs_path, disk: disk.path.clone() },
    };
    let nested = if chosen.nested {
        let kernel = own_kernel.as_ref().unwrap_or(&kernel);
        let parts = Parts {
            qemu: programs.vmm(VmmKind::Qemu).path.clone(),
            firebench: programs.firebench.clone(),
            agent: programs.agent.clone(),
            kernel: kernel.vmlinux.clone(),
            modules: parts::modules(kernel, parts::NESTED_HOST),
            memory_mib: defaults::nested_memory_mib(largest_mib, disk.image_bytes, host_cache),
            tsc_khz,
        };
        Some(Nested::prepare(&plan, &parts, &places.cache)?)
    } else {
        None
    };
    let artifacts = vec![
        Artifact { version: Some(kernel.version.clone()), ..artifact("kernel", &kernel.vmlinux, &places.cache)? },
        Artifact {
            role: "initramfs".to_owned(),
            contenders: Vec::new(),
            name: "agent and modules".to_owned(),
            version: None,
            bytes: initramfs.len() as u64,
            sha256: firebench_image::digest::sha256(&initramfs),
        },
        artifact("root disk", &disk.path, &places.cache)?,
        Artifact {
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            ..artifact("agent", &programs.agent, &places.cache)?
        },
        artifact("busybox", &programs.busybox, &places.cache)?,
    ];
    let report = Report {
        schema: SCHEMA.to_owned(),
        id: None,
        design: DesignRecord {
            iterations,
            warm_up: u32::from(iterations > 1),
            planned: Some(boots),
            ..DesignRecord::default()
        },
        firebench: env!("CARGO_PKG_VERSION").to_owned(),
        started: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        duration: 0.0,
        overhead: Overhead::default(),
        experiment: resolved(experiment, &wish, &payload),
        accelerator: chosen.accel,
        emulated: chosen.emulated,
        accelerator_reason: chosen.reason,
        nested_host: nested.as_ref().map(|nested| nested_host(nested, programs.vmm(VmmKind::Qemu))).transpose()?,
        host,
        payload,
        command: plan.command.clone(),
        artifacts,
        contenders: contender_records(&plan, &programs),
        notices,
        failure: None,
    };
    Ok(Prepared { plan, nested, report, _held: (disk, kernel, own_kernel) })
}

/// The VMMs that can run with the accelerator.
fn vmms(experiment: &Experiment, chosen: &Chosen, notices: &mut Vec<String>) -> Result<Vec<VmmKind>, PrepareError> {
    let (able, unable): (Vec<_>, Vec<_>) = experiment.vmm.iter().partition(|vmm| vmm.supports(chosen.accel));
    if able.is_empty() {
        return Err(PrepareError::NoContender);
    }
    for vmm in unable {
        notices.push(format!("{vmm} is left out: it cannot run guests with {}", chosen.accel));
    }
    Ok(able)
}

/// Builds the root disk, or finds it in the cache.
fn root_disk(
    experiment: &Experiment,
    chosen: &Chosen,
    places: &Places,
    programs: &Programs,
) -> Result<(RootDisk, PayloadRecord), PrepareError> {
    let bytes = |size: &Option<Size>| size.map_or_else(|| defaults::payload_bytes(chosen), |size| size.0);
    let (payload, source) = match &experiment.payload {
        PayloadSpec::Seeded { seed, size } => {
            let source = format!("the ChaCha8 stream with seed {seed}");
            (Payload::Seeded { seed: *seed, bytes: bytes(size) }, source)
        }
        PayloadSpec::Urandom { size } => (Payload::Urandom { bytes: bytes(size) }, "/dev/urandom".to_owned()),
        PayloadSpec::File { path } => {
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            (Payload::File { path: path.clone() }, format!("the user's file {name}"))
        }
    };
    let add = experiment.files.add.iter().map(|text| parts::addition(text)).collect::<Result<_, _>>()?;
    let disk = build_root_disk(&places.cache, &DiskSpec { busybox: programs.busybox.clone(), payload, add })?;
    let record = PayloadRecord { bytes: disk.payload_bytes, sha256: disk.sha256_of_payload.clone(), source };
    Ok((disk, record))
}

fn nested_host(nested: &Nested, qemu: &Tool) -> Result<NestedHost, PrepareError> {
    let launch = nested.launch("initramfs".into()).map_err(NestedError::from)?;
    let machine = nested.machine();
    Ok(NestedHost {
        qemu: qemu.version_line.clone(),
        argv: launch.argv,
        cpus: nested::CPUS,
        memory_mib: machine.memory_mib,
    })
}

/// The experiment with what was chosen filled in, so that it can be run again as it was.
fn resolved(experiment: &Experiment, wish: &Wish, payload: &PayloadRecord) -> Experiment {
    let mut resolved = experiment.clone();
    match &mut resolved.payload {
        PayloadSpec::Seeded { size, .. } | PayloadSpec::Urandom { size } => *size = Some(Size(payload.bytes)),
        PayloadSpec::File { .. } => {}
    }
    if resolved.preset == Preset::Matched {
        resolved.machine.vcpus = Some(wish.vcpus);
        resolved.machine.memory = Some(Size(u64::from(wish.memory_mib) << 20));
    }
    resolved
}

/// The contenders without launches and boots.
fn contender_records(plan: &Plan, programs: &Programs) -> Vec<ContenderRecord> {
    let record = |planned: &PlannedContender| {
        let contender = &planned.contender;
        let Tool { path, version, sha256, .. } = programs.vmm(contender.settings.vmm());
        let launch = firebench_vmm::Launch::default();
        ContenderRecord {
            name: contender.name.clone(),
            vmm: contender.settings.vmm(),
            version: version.clone(),
            binary: path.clone(),
            sha256: sha256.clone(),
            vcpus: contender.machine.vcpus,
            memory_mib: contender.machine.memory_mib,
            accel: contender.machine.accel,
            settings: Some(contender.settings.clone()),
            cmdline: planned.cmdline.clone(),
            launch,
            boots: Vec::new(),
        }
    };
    plan.contenders.iter().map(record).collect()
}
