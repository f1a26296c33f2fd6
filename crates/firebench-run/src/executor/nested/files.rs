//! What the nested host's own root disk holds: firebench, the VMMs with the libraries and firmware that they need, the
//! guests' kernel and initramfs.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use firebench_image::elf::{Linkage, MAX_PROGRAM_BYTES, interpreter, linkage};
use firebench_model::plan::{Plan, PlannedContender, System};
use firebench_os::outside;
use firebench_supervise::subprocess;
use firebench_text::errors::sentence;
use firebench_vmm::{LOADER_PATH, VmmKind};

/// Where things lie inside the nested host.
const FIREBENCH: &str = "/firebench";
const KERNEL: &str = "/boot/vmlinux";
const INITRAMFS: &str = "/boot/initramfs";

/// A program of this machine cannot be moved into the nested host.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot list the libraries of {}: {reason}", program.display())]
#[diagnostic(help("check that `ldd {0}` lists its libraries and finds all of them", program.display()))]
pub struct FilesError {
    program: PathBuf,
    reason: String,
}

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
/// [`FilesError`] when a VMM's libraries cannot be found.
pub fn move_in(plan: &Plan, firebench: &Path) -> Result<Moved, FilesError> {
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
                for word in inner.command.iter().filter(|word| word.starts_with('/')) {
                    keep(Path::new(word), &mut files);
                }
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

/// The absolute path without `.` and `..`, which leads to the same file unless a directory in it is a link.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).components() {
        match component {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            other => plain.push(other),
        }
    }
    plain
}

/// The command that carries out a plan inside the nested host.
pub fn inner_argv() -> Vec<String> {
    vec![FIREBENCH.to_owned(), INNER_COMMAND.to_owned()]
}

/// Libraries of a kind's program where it is dynamic, and its firmware.
fn needed_by(vmm: VmmKind, program: &Path) -> Result<Vec<PathBuf>, FilesError> {
    let error = |reason: String| FilesError { program: program.to_owned(), reason };
    let bytes = outside::read(program, MAX_PROGRAM_BYTES).map_err(|e| error(e.to_string()))?;
    if linkage(&bytes).map_err(error)? == Linkage::Static {
        return Ok(Vec::new());
    }
    // What `ldd` does, but confined: the interpreter is whatever the program names.
    let interpreter = interpreter(&bytes).map_err(error)?;
    let path = std::path::absolute(program).map_err(|e| error(e.to_string()))?;
    let path = path.to_str().ok_or_else(|| error("its path is not valid UTF-8".to_owned()))?;
    let listed = ask(&interpreter, &["--list", path]).map_err(error)?;
    let mut needed = libraries(&listed).map_err(error)?;
    let unlisted = needed.iter().find_map(|library| unlisted(library));
    needed.extend(unlisted);
    needed.push(interpreter);
    if let Some(firmware) = vmm.guest().and_then(|guest| guest.firmware.as_ref()) {
        let directories = ask(program, firmware.ask).unwrap_or_default();
        let files = directories
            .lines()
            .flat_map(|directory| firmware.files.iter().map(move |name| Path::new(directory.trim()).join(name)))
            .filter(|path| path.is_file());
        needed.extend(files);
    }
    Ok(needed)
}

/// What the C library opens when a thread of a program is cancelled, though the program does not name it: without it the program
/// is aborted. It lies beside the C library.
fn unlisted(library: &Path) -> Option<PathBuf> {
    let c_library = library.file_name().is_some_and(|name| name == "libc.so.6");
    c_library.then(|| library.with_file_name("libgcc_s.so.1")).filter(|path| path.is_file())
}

fn ask(program: &Path, arguments: &[&str]) -> Result<String, String> {
    const LIMIT: Duration = Duration::from_secs(20);
    subprocess::ask(program, arguments, LIMIT).map(|output| output.stdout).map_err(|error| sentence(&error))
}

/// The paths in the list of a program's interpreter, which is that of `ldd`: `NAME => PATH (ADDRESS)` and `PATH (ADDRESS)`; the vDSO has none.
fn libraries(ldd: &str) -> Result<Vec<PathBuf>, String> {
    let mut paths = Vec::new();
    for line in ldd.lines().map(str::trim) {
        let target = line.split_once(" => ").map_or(line, |(_, target)| target);
        if target == "not found" {
            return Err(line.to_owned());
        }
        let path = target.split(" (").next().unwrap_or_default();
        if path.starts_with('/') {
            paths.push(PathBuf::from(path));
        }
    }
    Ok(paths)
}

/// The hidden subcommand that carries out a plan inside the nested host.
pub const INNER_COMMAND: &str = "nested-run";

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use firebench_vmm::VmmKind;

    use super::{libraries, needed_by, plain};

    #[test]
    fn paths_are_made_plain() {
        let path = plain(Path::new("/usr/bin/../lib/./qemu/rom"));
        assert_eq!(path, PathBuf::from("/usr/lib/qemu/rom"));
    }

    #[test]
    fn a_dynamic_program_needs_its_libraries_and_its_interpreter() {
        let needed = needed_by(VmmKind(&firebench_vmm::host::KIND), Path::new("/bin/sh")).unwrap();
        let has = |name: &str| needed.iter().any(|path| path.is_absolute() && path.ends_with(name));
        assert!(has("libc.so.6") && has("ld-linux-x86-64.so.2"), "{needed:?}");
        let beside = needed.iter().find(|path| path.ends_with("libc.so.6")).unwrap().with_file_name("libgcc_s.so.1");
        assert_eq!(has("libgcc_s.so.1"), beside.is_file(), "{needed:?}");
        assert!(needed.iter().all(|path| path.is_file()), "{needed:?}");
    }

    #[test]
    fn reads_ldd() {
        let text = "\tlinux-vdso.so.1 (0x00007ffd)\n\tlibz.so.1 => /lib/x86_64-linux-gnu/libz.so.1 (0x00007f)\n\
                    \t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n";
        let paths = libraries(text).unwrap();
        assert_eq!(paths, ["/lib/x86_64-linux-gnu/libz.so.1", "/lib64/ld-linux-x86-64.so.2"].map(PathBuf::from));
        assert_eq!(libraries("\tlibfoo.so => not found\n").unwrap_err(), "libfoo.so => not found");
    }
}
