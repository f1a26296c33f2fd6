//! The libraries that a program of this machine needs elsewhere.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use firebench_image::elf::{Linkage, MAX_PROGRAM_BYTES, interpreter, linkage};
use firebench_os::outside;
use firebench_supervise::subprocess;
use firebench_text::errors::sentence;

/// A program of this machine that cannot run elsewhere.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot list the libraries of {}: {reason}", program.display())]
#[diagnostic(help("check that `ldd {0}` lists its libraries and finds all of them", program.display()))]
pub struct LibrariesError {
    program: PathBuf,
    reason: String,
}

/// The libraries of a program, and what interprets it; none of a static one.
///
/// # Errors
/// [`LibrariesError`] for what is no program of this machine, and where a library is missing.
pub fn of(program: &Path) -> Result<Vec<PathBuf>, LibrariesError> {
    let error = |reason: String| LibrariesError { program: program.to_owned(), reason };
    let bytes = outside::read(program, MAX_PROGRAM_BYTES).map_err(|e| error(e.to_string()))?;
    if linkage(&bytes).map_err(error)? == Linkage::Static {
        return Ok(Vec::new());
    }
    // What `ldd` does, but confined: the interpreter is whatever the program names.
    let interpreter = interpreter(&bytes).map_err(error)?;
    let path = std::path::absolute(program).map_err(|e| error(e.to_string()))?;
    let path = path.to_str().ok_or_else(|| error("its path is not valid UTF-8".to_owned()))?;
    let listed = ask(&interpreter, &["--list", path]).map_err(error)?;
    let mut needed: Vec<PathBuf> = libraries(&listed).map_err(error)?.iter().map(|path| plain(path)).collect();
    let unlisted = needed.iter().find_map(|library| unlisted(library));
    needed.extend(unlisted);
    needed.push(interpreter);
    Ok(needed)
}

/// The absolute path without `.` and `..`, which leads to the same file unless a directory in it is a link.
pub(crate) fn plain(path: &Path) -> PathBuf {
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

/// What the C library opens when a thread of a program is cancelled, though the program does not name it: without it the program
/// is aborted. It lies beside the C library.
fn unlisted(library: &Path) -> Option<PathBuf> {
    let c_library = library.file_name().is_some_and(|name| name == "libc.so.6");
    c_library.then(|| library.with_file_name("libgcc_s.so.1")).filter(|path| path.is_file())
}

/// What a program prints, or why it does not.
pub(crate) fn ask(program: &Path, arguments: &[&str]) -> Result<String, String> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dynamic_program_needs_its_libraries_and_its_interpreter() {
        let needed = of(Path::new("/bin/sh")).unwrap();
        let has = |name: &str| needed.iter().any(|path| path.is_absolute() && path.ends_with(name));
        assert!(has("libc.so.6") && has("ld-linux-x86-64.so.2"), "{needed:?}");
        let beside = needed.iter().find(|path| path.ends_with("libc.so.6")).unwrap().with_file_name("libgcc_s.so.1");
        assert_eq!(has("libgcc_s.so.1"), beside.is_file(), "{needed:?}");
        assert!(needed.iter().all(|path| path.is_file()), "{needed:?}");
        assert_eq!(of(&std::env::current_exe().unwrap()).unwrap(), Vec::<PathBuf>::new(), "this test is static");
        assert!(of(Path::new("/etc/passwd")).unwrap_err().to_string().ends_with("it is not an ELF file"));
    }

    #[test]
    fn paths_are_made_plain() {
        for (path, made) in [
            ("/usr/bin/../lib/./qemu/rom", "/usr/lib/qemu/rom"),
            ("/opt/x/bin/../lib/y.so", "/opt/x/lib/y.so"),
            ("/../lib/y.so", "/lib/y.so"),
        ] {
            assert_eq!(plain(Path::new(path)), Path::new(made));
        }
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
