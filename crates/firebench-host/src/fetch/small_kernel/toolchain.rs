//! The programs that build a kernel.

use std::path::Path;
use std::time::Duration;

use firebench_os::program::find_program;
use firebench_supervise::subprocess;

use super::error::BuildError;

/// What a build needs: a program, or a header, and Debian's package of it.
const NEEDED: [(&str, &str); 14] = [
    ("gcc", "gcc"),
    ("ld", "binutils"),
    ("make", "make"),
    ("flex", "flex"),
    ("bison", "bison"),
    ("bc", "bc"),
    ("perl", "perl"),
    ("tar", "tar"),
    ("xz", "xz-utils"),
    ("gzip", "gzip"),
    ("nproc", "coreutils"),
    ("dpkg-deb", "dpkg"),
    // objtool reads object files with it.
    ("libelf.h", "libelf-dev"),
    ("stdio.h", "libc6-dev"),
];

/// Where headers are.
const HEADERS: &str = "/usr/include";
/// What `--version` may take.
const ASK_LIMIT: Duration = Duration::from_secs(10);

/// Whether something of [`NEEDED`] is there.
fn is_there(name: &str) -> bool {
    if name.ends_with(".h") { Path::new(HEADERS).join(name).is_file() } else { find_program(name).is_some() }
}

/// Looks for everything that a build needs.
///
/// # Errors
/// [`BuildError::Tools`], with all that is missing at once.
pub(super) fn check() -> Result<(), BuildError> {
    check_with(is_there)
}

fn check_with(is_there: impl Fn(&str) -> bool) -> Result<(), BuildError> {
    let missing: Vec<_> = NEEDED.iter().filter(|(name, _)| !is_there(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = |of: fn(&(&str, &str)) -> String| missing.iter().map(|&needed| of(needed)).collect();
    Err(BuildError::Tools {
        what: names(|(what, _)| (*what).to_owned()),
        packages: names(|(_, package)| (*package).to_owned()),
    })
}

/// The compiler and the linker, each by the first line of its version: another one makes another kernel.
pub(super) fn version() -> Result<String, BuildError> {
    let first_line = |program: &'static str| {
        let path = find_program(program)
            .ok_or_else(|| BuildError::Tools { what: vec![program.to_owned()], packages: vec![program.to_owned()] })?;
        let mut command = std::process::Command::new(path);
        let output = subprocess::run(command.arg("--version"), ASK_LIMIT)
            .map_err(|source| BuildError::Version { program, source })?;
        Ok::<_, BuildError>(output.stdout.lines().next().unwrap_or_default().to_owned())
    };
    Ok(format!("{}, {}", first_line("gcc")?, first_line("ld")?))
}

#[cfg(test)]
mod tests {
    use miette::Diagnostic as _;

    use super::*;

    #[test]
    fn all_that_is_missing_is_named_at_once_with_its_packages() {
        check_with(|_| true).expect("nothing is missing");
        let error = check_with(|name| !["flex", "bison", "libelf.h"].contains(&name)).expect_err("three are missing");
        assert_eq!(error.to_string(), "cannot build a kernel without flex, bison and libelf.h");
        let help = error.help().expect("a hint").to_string();
        assert_eq!(help, "install them (Debian and Ubuntu: apt-get install flex bison libelf-dev)");
    }
}
