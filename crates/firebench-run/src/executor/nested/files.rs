//! What the nested host's own root disk holds: firebench, the VMMs with the libraries and firmware that they need, the
//! guests' kernel and initramfs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use firebench_model::plan::{Plan, PlannedContender, System};
use firebench_vmm::{LOADER_PATH, VmmKind};

use crate::libraries::{self, LibrariesError, plain};

/// Where things lie inside the nested host.
const FIREBENCH: &str = "/firebench";
const KERNEL: &str = "/boot/vmlinux";
const INITRAMFS: &str = "/boot/initramfs";

/// Where a file of this machine goes in the nested host. Both paths are absolute.
pub type Placed = (PathBuf, PathBuf);

/// A plan's contenders moved into the nested host.
#[derive(Debug)]
pub struct Moved {
    /// The plan's contenders as they are inside.
    pub contenders: Vec<PlannedContender>,
    /// The files that it needs there.
    pub files: Vec<Placed>,
    /// Raw images of this machine that become the nested host's drives after its own.
    pub drives: Vec<PathBuf>,
}

/// Moves `plan` into the nested host.
///
/// # Errors
/// [`LibrariesError`] when a VMM's libraries cannot be found.
pub fn move_in(plan: &Plan, firebench: &Path) -> Result<Moved, LibrariesError> {
    let mut files: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    files.insert(FIREBENCH.into(), firebench.to_owned());
    let (mut kernels, mut initramfs, mut drives) = (Vec::new(), Vec::new(), Vec::new());
    let mut contenders = Vec::new();
    for contender in &plan.contenders {
        let mut inner = contender.clone();
        // A program keeps its path: it may look for its firmware beside it.
        inner.binary = keep(&contender.binary, &mut files);
        let needed = match &contender.libraries {
            Some(libraries) => own_libraries(libraries),
            None => needed_by(contender.system.vmm(), &contender.binary)?,
        };
        for needed in needed {
            keep(&needed, &mut files);
        }
        match &mut inner.system {
            System::Vm { kernel, initramfs: base, settings, .. } => {
                for (setting, path) in settings.files() {
                    let kept = keep(Path::new(&path), &mut files);
                    settings.values.set(setting, kept.to_string_lossy().into_owned());
                }
                let place = PathBuf::from(format!("{KERNEL}-{}", number(kernel, &mut kernels)));
                files.insert(place.clone(), std::mem::replace(kernel, place));
                let place = PathBuf::from(format!("{INITRAMFS}-{}", number(base, &mut initramfs)));
                files.insert(place.clone(), std::mem::replace(base, place));
                inner.disk = drive(number(&contender.disk, &mut drives));
            }
            System::Container { files: seen, .. } => {
                for file in seen {
                    file.path = keep(&file.path, &mut files);
                }
                inner.disk = plain(&contender.disk);
            }
            System::Process { .. } => {
                let task = &mut inner.task;
                let program = task.argv.first().filter(|program| program.starts_with('/'));
                for library in program.map_or(Ok(Vec::new()), |program| libraries::of(Path::new(program)))? {
                    keep(&library, &mut files);
                }
                for word in task.argv.iter().chain(&task.input).filter(|word| word.starts_with('/')) {
                    keep(Path::new(word), &mut files);
                }
                // It has the files that it needs, and not their directory.
                task.directory = None;
            }
        }
        contenders.push(inner);
    }
    Ok(Moved { contenders, files: files.into_iter().map(|(guest, host)| (host, guest)).collect(), drives })
}

/// The libraries of a program that does not have the system's, and the loader in whose place one of them is.
fn own_libraries(libraries: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(libraries).into_iter().flatten().flatten().map(|entry| entry.path());
    files.filter(|path| path.is_file()).chain([PathBuf::from(LOADER_PATH)]).collect()
}

/// Adds a file at the same path as on this machine; returns that path.
fn keep(path: &Path, files: &mut BTreeMap<PathBuf, PathBuf>) -> PathBuf {
    let place = plain(path);
    files.insert(place.clone(), path.to_owned());
    place
}

/// The place of `path` in `known`, at the end if it is new.
fn number(path: &Path, known: &mut Vec<PathBuf>) -> usize {
    known.iter().position(|other| other == path).unwrap_or_else(|| {
        known.push(path.to_owned());
        known.len().saturating_sub(1)
    })
}

/// The guests' disk number `number` in the nested host, whose own drive is `/dev/vda`.
fn drive(number: usize) -> PathBuf {
    let letters = ('b'..='z').collect::<Vec<_>>();
    // More disks than letters: the nested host's QEMU has no room for so many either, and says so.
    let letter = letters.get(number).copied().unwrap_or('z');
    format!("/dev/vd{letter}").into()
}

/// The command that carries out a plan inside the nested host.
pub fn inner_argv() -> Vec<String> {
    vec![FIREBENCH.to_owned(), INNER_COMMAND.to_owned()]
}

/// Libraries of a kind's program where it is dynamic, and its firmware.
fn needed_by(vmm: VmmKind, program: &Path) -> Result<Vec<PathBuf>, LibrariesError> {
    let mut needed = libraries::of(program)?;
    let firmware = vmm.guest().and_then(|guest| guest.firmware.as_ref()).filter(|_| !needed.is_empty());
    if let Some(firmware) = firmware {
        let directories = libraries::ask(program, firmware.ask).unwrap_or_default();
        let files = directories
            .lines()
            .flat_map(|directory| firmware.files.iter().map(move |name| Path::new(directory.trim()).join(name)))
            .filter(|path| path.is_file());
        needed.extend(files);
    }
    Ok(needed)
}

/// The hidden subcommand that carries out a plan inside the nested host.
pub const INNER_COMMAND: &str = "nested-run";
