//! The programs and the kernel that a run is made of.

use std::path::{Path, PathBuf};

use firebench_host::fetch;
use firebench_host::tools::{self, Tool};
use firebench_image::cache::Cache;
use firebench_image::kernel::{LISTED_CPUS, LISTED_DEVICES};
use firebench_image::prepare::{KernelSource, ModuleSets, PreparedKernel, prepare_kernel};
use firebench_model::experiment::{ContenderSpec, Files, SMALL_KERNEL};
use firebench_model::record::Artifact;
use firebench_vmm::VmmKind;
use firebench_vmm::kind::Bus;
use firebench_vmm::kinds::EMULATOR;
use firebench_vmm::setting::Values;

use super::PrepareError;

/// The names of the sets of modules that a kind's guests have.
pub(super) struct GuestModules {
    /// Its console, its disk, and the file system there.
    pub(super) plain: &'static str,
    /// With a network card as well.
    pub(super) networked: &'static str,
}

impl GuestModules {
    /// Of a kind with settings, where the root may be writable.
    pub(super) fn of(vmm: VmmKind, own: &Values, overlay: bool) -> GuestModules {
        let bus = vmm.guest().map(|guest| (guest.bus)(own));
        let (plain, networked) = match (bus, overlay) {
            (Some(Bus::ListedMmio), false) => ("guest-on-listed-mmio", "networked-guest-on-listed-mmio"),
            (Some(Bus::ListedMmio), true) => {
                ("guest-on-listed-mmio-overlaid", "networked-guest-on-listed-mmio-overlaid")
            }
            (Some(Bus::Pci | Bus::PciByPorts), false) => ("guest-on-pci", "networked-guest-on-pci"),
            (Some(Bus::Pci | Bus::PciByPorts), true) => ("guest-on-pci-overlaid", "networked-guest-on-pci-overlaid"),
            (Some(Bus::Mmio | Bus::Own) | None, false) => ("guest", "networked-guest"),
            (Some(Bus::Mmio | Bus::Own) | None, true) => ("guest-overlaid", "networked-guest-overlaid"),
        };
        GuestModules { plain, networked }
    }
}

/// Modules of the nested host: its disks, KVM, and the cards of contenders.
pub(super) const NESTED_HOST: &str = "nested-host";
/// What lays memory over a root.
const OVERLAY: &str = "overlay";
/// All sets, so that one entry of the cache serves every run.
const MODULES: ModuleSets<'static> = &[
    ("guest", &["8250", "virtio_mmio", "virtio_blk", "ext4"]),
    ("networked-guest", &["8250", "virtio_mmio", "virtio_blk", "ext4", "virtio_net"]),
    ("guest-on-listed-mmio", &["8250", "virtio_mmio", LISTED_DEVICES, LISTED_CPUS, "virtio_blk", "ext4"]),
    (
        "networked-guest-on-listed-mmio",
        &["8250", "virtio_mmio", LISTED_DEVICES, LISTED_CPUS, "virtio_blk", "ext4", "virtio_net"],
    ),
    ("guest-on-pci", &["8250", "virtio_pci", "virtio_blk", "ext4"]),
    ("networked-guest-on-pci", &["8250", "virtio_pci", "virtio_blk", "ext4", "virtio_net"]),
    ("guest-overlaid", &["8250", "virtio_mmio", "virtio_blk", "ext4", OVERLAY]),
    ("networked-guest-overlaid", &["8250", "virtio_mmio", "virtio_blk", "ext4", OVERLAY, "virtio_net"]),
    (
        "guest-on-listed-mmio-overlaid",
        &["8250", "virtio_mmio", LISTED_DEVICES, LISTED_CPUS, "virtio_blk", "ext4", OVERLAY],
    ),
    (
        "networked-guest-on-listed-mmio-overlaid",
        &["8250", "virtio_mmio", LISTED_DEVICES, LISTED_CPUS, "virtio_blk", "ext4", OVERLAY, "virtio_net"],
    ),
    ("guest-on-pci-overlaid", &["8250", "virtio_pci", "virtio_blk", "ext4", OVERLAY]),
    ("networked-guest-on-pci-overlaid", &["8250", "virtio_pci", "virtio_blk", "ext4", OVERLAY, "virtio_net"]),
    (NESTED_HOST, &["8250", "virtio_pci", "virtio_blk", "ext4", "kvm_amd", "tun", "veth"]),
];

/// The programs of a run.
#[derive(Debug)]
pub(super) struct Programs {
    /// What runs each contender: its VMM, or the agent.
    pub(super) contenders: Vec<Tool>,
    /// The QEMU that emulates a nested host.
    pub(super) nested: Option<Tool>,
    /// Static, for the image.
    pub(super) busybox: PathBuf,
    /// Static, PID 1.
    pub(super) agent: PathBuf,
    /// This program.
    pub(super) firebench: PathBuf,
}

impl Programs {
    /// Finds what the contenders need, and QEMU for a nested host.
    pub(super) fn find(
        files: &Files,
        specs: &[ContenderSpec],
        nested: bool,
        data_dir: &Path,
    ) -> Result<Self, PrepareError> {
        let program = |vmm, named: Option<&Path>| {
            let named = named.or(files.programs.get(vmm));
            PrepareError::of_user(named.is_some(), tools::find(vmm, named, data_dir))
        };
        let nested = nested.then(|| program(EMULATOR, None)).transpose()?;
        let named = std::env::var_os("FIREBENCH_BUSYBOX").map(PathBuf::from);
        let firebench = tools::own_path()?;
        let agent = tools::agent_beside(&firebench)?;
        let mut contenders: Vec<Tool> = Vec::with_capacity(specs.len());
        for (index, spec) in specs.iter().enumerate() {
            // A program is asked for its version once, not once a contender.
            let same = |other: &&ContenderSpec| other.vmm == spec.vmm && other.binary == spec.binary;
            let known = specs.iter().take(index).position(|other| same(&other)).and_then(|known| contenders.get(known));
            let tool = match (known, &spec.vmm.program) {
                (Some(tool), _) => tool.clone(),
                (None, Some(_)) => program(spec.vmm, spec.binary.as_deref())?,
                (None, None) => own_tool(&agent)?,
            };
            contenders.push(tool);
        }
        Ok(Programs {
            contenders,
            nested,
            busybox: PrepareError::of_user(named.is_some(), fetch::find_busybox(data_dir, named.as_deref()))?
                .ok_or(PrepareError::NoBusybox)?,
            agent,
            firebench,
        })
    }
}

/// The agent as a contender's program: it has firebench's version.
fn own_tool(agent: &Path) -> Result<Tool, PrepareError> {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let version_line = format!("firebench-agent {version}");
    let sha256 = firebench_image::digest::sha256_file(agent)?;
    Ok(Tool { path: agent.to_owned(), version, version_line, sha256 })
}

/// A kernel that was found.
#[derive(Debug, Clone)]
pub(super) struct FoundKernel {
    /// The kernel and its modules.
    pub(super) source: KernelSource,
    /// Its bzImage, where that is not in the source: the small kernel's lies beside its vmlinux.
    pub(super) boot_image: Option<PathBuf>,
}

impl FoundKernel {
    /// One that is all that it is.
    fn alone(path: &Path, modules: Option<&Path>) -> FoundKernel {
        let source = KernelSource { path: path.to_owned(), modules: modules.map(Path::to_owned) };
        FoundKernel { source, boot_image: None }
    }
}

/// A kernel and its modules: those that the user names, the small one, or the fetched package. What firebench made or fetched is
/// compared with its digests.
pub(super) fn find_kernel(
    named: Option<&Path>,
    modules: Option<&Path>,
    data_dir: &Path,
) -> Result<FoundKernel, PrepareError> {
    match (named, modules) {
        (Some(path), modules) if path == Path::new(SMALL_KERNEL) => {
            let small = fetch::small_kernel(data_dir)?.ok_or(PrepareError::NoSmallKernel)?;
            Ok(FoundKernel { boot_image: Some(small.bzimage), ..FoundKernel::alone(&small.vmlinux, modules) })
        }
        (Some(path), modules) => Ok(FoundKernel::alone(path, modules)),
        (None, Some(modules)) => Err(PrepareError::ModulesAlone { path: modules.to_owned() }),
        (None, None) => {
            let path = fetch::checked_kernel(data_dir)?.ok_or(PrepareError::NoKernel)?;
            Ok(FoundKernel::alone(&path, None))
        }
    }
}

/// The kernel and all its module sets, ready to boot.
pub(super) fn kernel(cache: &Cache, source: &KernelSource) -> Result<PreparedKernel, PrepareError> {
    Ok(prepare_kernel(cache, source, MODULES)?)
}

/// Path on the host and in the image of `HOST=GUEST`, or of `HOST` for the same name in the image's root directory.
///
/// # Errors
/// [`PrepareError::Add`].
pub fn addition(text: &str) -> Result<(PathBuf, PathBuf), PrepareError> {
    let (host, guest) = match text.split_once('=') {
        Some((host, guest)) => (PathBuf::from(host), PathBuf::from(guest)),
        None => {
            let host = PathBuf::from(text);
            let name = host.file_name().ok_or_else(|| PrepareError::Add(text.to_owned()))?;
            let guest = Path::new("/").join(name);
            (host, guest)
        }
    };
    if guest.is_absolute() { Ok((host, guest)) } else { Err(PrepareError::Add(text.to_owned())) }
}

/// A path as a word of a command.
pub(super) fn word(path: &Path) -> Result<String, PrepareError> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute.to_str().map(str::to_owned).ok_or_else(|| PrepareError::NoText { path: path.to_owned() })
}

/// An artifact of the report; of a file of the cache with the digest that it was built with.
pub(super) fn artifact(role: &str, path: &Path, cache: &Cache) -> Result<Artifact, PrepareError> {
    let sha256 = cache.digest_of(path)?;
    let bytes = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(Artifact { role: role.to_owned(), contenders: Vec::new(), name, version: None, bytes, sha256 })
}

/// Each artifact once, with the contenders that use it: none are named where all of `contenders` do.
pub(super) fn shared(used: Vec<(String, Artifact)>, contenders: usize) -> Vec<Artifact> {
    let mut artifacts: Vec<Artifact> = Vec::new();
    for (user, artifact) in used {
        match artifacts.iter_mut().find(|known| known.role == artifact.role && known.sha256 == artifact.sha256) {
            Some(known) => known.contenders.push(user),
            None => artifacts.push(Artifact { contenders: vec![user], ..artifact }),
        }
    }
    for artifact in &mut artifacts {
        if artifact.contenders.len() == contenders {
            artifact.contenders.clear();
        }
    }
    artifacts
}
