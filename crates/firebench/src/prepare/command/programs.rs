//! Programs of the host, and where a root has what they need.

use std::collections::BTreeSet;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use firebench_os::outside;
use firebench_os::program::{find_program, is_executable};
use firebench_run::libraries;

use super::super::PrepareError;

/// Directories that a root has for itself: what the host has there is seen below [`MOVED`] in it.
const COVERED: [&str; 5] = ["/tmp", "/run", "/dev", "/proc", "/sys"];
pub(super) const MOVED: &str = "/host";

/// What finds the libraries that are in no usual directory, where the C library is glibc.
pub(super) const LIBRARY_CACHE: &str = "/etc/ld.so.cache";

/// The longest first line of a script (Linux: `BINPRM_BUF_SIZE`), and how many scripts may interpret each other (`exec_binprm`).
const FIRST_LINE: u64 = 256;
pub(super) const INTERPRETERS: usize = 4;

/// Where a root has a file of the host.
pub(super) fn seen(path: &Path) -> PathBuf {
    let covered = COVERED.iter().any(|covered| path.starts_with(covered));
    match path.strip_prefix("/") {
        Ok(below) if covered => Path::new(MOVED).join(below),
        _ => path.to_owned(),
    }
}

/// The path of a file whose directory has no link, `.` or `..` in it.
pub(super) fn plain(path: &Path) -> PathBuf {
    let parts = path.parent().and_then(|parent| std::fs::canonicalize(parent).ok()).zip(path.file_name());
    parts.map_or_else(|| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()), |(dir, name)| dir.join(name))
}

/// For `map_err`: a file that the user names by this option, and that cannot be used.
pub(super) fn given(role: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PrepareError {
    let path = path.to_owned();
    move |source| PrepareError::Given { role: role.to_owned(), path, source }
}

/// The program that a word calls: a path, seen from the command's directory, or a name on PATH.
pub(super) fn resolve(program: &str, from: &Path) -> Result<PathBuf, PrepareError> {
    if program.contains('/') {
        let path = from.join(program);
        std::fs::metadata(&path).map_err(given("the program", &path))?;
        return match is_executable(&path) {
            true => Ok(plain(&path)),
            false => Err(PrepareError::NoProgram { program: program.to_owned(), why: "it is not an executable file" }),
        };
    }
    let why = "it is in no directory of PATH";
    let found = find_program(program).map(|path| plain(&path));
    found.ok_or_else(|| PrepareError::NoProgram { program: program.to_owned(), why })
}

/// Adds a program to `files`, with its libraries, or with what interprets it and the libraries of that.
pub(super) fn needed(
    program: &Path,
    interpreters: usize,
    files: &mut BTreeSet<PathBuf>,
    notices: &mut Vec<String>,
) -> Result<(), PrepareError> {
    files.insert(program.to_owned());
    let Some(line) = first_line(program).map_err(given("the program", program))? else {
        let libraries = libraries::of(program)?;
        if !libraries.is_empty() {
            files.extend(Some(PathBuf::from(LIBRARY_CACHE)).filter(|path| path.is_file()));
        }
        files.extend(libraries);
        return Ok(());
    };
    let no = |why| PrepareError::NoProgram { program: program.display().to_string(), why };
    let interpreters = interpreters.checked_sub(1).ok_or_else(|| no("its interpreter is a script of a script"))?;
    let mut words = line.split_ascii_whitespace();
    let interpreter = words.next().filter(|word| word.starts_with('/'));
    let interpreter = PathBuf::from(interpreter.ok_or_else(|| no("its first line names no interpreter"))?);
    std::fs::metadata(&interpreter).map_err(given("the interpreter", &interpreter))?;
    // The kernel looks for it at this very path.
    needed(&interpreter, interpreters, files, notices)?;
    let mut name = interpreter.clone();
    if interpreter.file_name().is_some_and(|name| name == "env") {
        // What env makes of its other words, it says itself when it runs.
        if let Some(found) = called_by_env(words).and_then(|word| resolve(word, Path::new("/")).ok()) {
            name = found;
            needed(&name, interpreters, files, notices)?;
        }
    }
    notices.push(format!(
        "{} is a script: beside it every root gets {} with its libraries; what else it needs, give it with --add",
        program.display(),
        name.display()
    ));
    Ok(())
}

/// The program among the words behind `env`: its options and variables come first.
///
/// Source: env(1) of coreutils.
pub(super) fn called_by_env<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    while let Some(word) = words.next() {
        match word {
            "-u" | "--unset" | "-C" | "--chdir" => drop(words.next()),
            "-S" => {}
            _ => match word.strip_prefix("-S") {
                Some(word) => return Some(word),
                None if word.starts_with('-') || word.contains('=') => {}
                None => return Some(word),
            },
        }
    }
    None
}

/// The first line of a script behind its `#!`; None of what is not a script.
pub(super) fn first_line(program: &Path) -> io::Result<Option<String>> {
    let mut head = Vec::new();
    outside::open(program)?.take(FIRST_LINE).read_to_end(&mut head)?;
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(line.strip_prefix(b"#!").map(|line| String::from_utf8_lossy(line).into_owned()))
}
