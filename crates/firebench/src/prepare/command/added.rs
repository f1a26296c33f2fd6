//! Programs of this machine that the user adds (`--add-program`), with what they need to run.
//!
//! Among files of firebench's own they lie where they lie on the host. A root of the user's has libraries itself, perhaps of another
//! version, which its own programs need: there, those of an added program lie aside, and a script at the program's path calls it with them.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use firebench_image::roots::{BUSYBOX, Files};
use firebench_model::experiment::Experiment;
use firebench_run::libraries;

use super::super::{Places, PrepareError, parts};
use super::programs::{INTERPRETERS, first_line, given, needed, resolve, seen};

/// Where a root of the user's has them, each in a directory of its own.
const ASIDE: &str = "/firebench/programs";

/// What is added.
#[derive(Debug, Default)]
pub(in super::super) struct Added {
    /// Files of the host, and where a root has them.
    pub(in super::super) files: Vec<(PathBuf, PathBuf)>,
    /// The paths of the programs in a root.
    pub(super) programs: Vec<String>,
}

impl Added {
    /// The programs that an experiment adds, seen from the directory `from`; `root` is what the user's root has, where there is one.
    ///
    /// # Errors
    /// [`PrepareError`] for what is no program, cannot run elsewhere, or would replace something of the user's root.
    pub(in super::super) fn of(
        experiment: &Experiment,
        root: Option<&Files>,
        from: &Path,
        places: &Places,
        notices: &mut Vec<String>,
    ) -> Result<Added, PrepareError> {
        let mut added = Added::default();
        let mut files = BTreeSet::new();
        for (number, program) in experiment.files.add_program.iter().enumerate() {
            let path = resolve(program, from)?;
            added.programs.push(parts::word(&seen(&path))?);
            match root {
                None => needed(&path, INTERPRETERS, &mut files, notices)?,
                Some(root) => added.aside(&path, root, number, places)?,
            }
        }
        added.files.extend(files.into_iter().map(|file| (file.clone(), seen(&file))));
        Ok(added)
    }

    /// A program and its libraries in a directory of their own, and what calls it at its path.
    fn aside(&mut self, program: &Path, root: &Files, number: usize, places: &Places) -> Result<(), PrepareError> {
        let place = seen(program);
        if first_line(program).map_err(given("--add-program", program))?.is_some() {
            return Err(PrepareError::AddedScript { program: program.to_owned() });
        }
        if root.has(&parts::word(&place)?) {
            return Err(PrepareError::AddedInRoot { program: place });
        }
        let libraries = libraries::of(program)?;
        let Some(loader) = libraries.last() else {
            self.files.push((program.to_owned(), place));
            return Ok(());
        };
        let aside = Path::new(ASIDE).join(number.to_string());
        let name = |path: &Path| aside.join(path.file_name().unwrap_or_default());
        let mut files: BTreeSet<PathBuf> = libraries.iter().cloned().collect();
        files.insert(program.to_owned());
        let script = script(&aside, &name(loader), &name(program))?;
        let path = places.run_dir.join(format!("program-{number}"));
        write(&path, &script).map_err(|source| PrepareError::Write { path: path.clone(), source })?;
        self.files.extend(files.into_iter().map(|file| (file.clone(), name(&file))));
        self.files.push((path, place));
        Ok(())
    }
}

/// Calls a program with its own loader, which looks for libraries beside it.
///
/// Source: `ld.so(8)`.
fn script(aside: &Path, loader: &Path, program: &Path) -> Result<String, PrepareError> {
    let word = |path: &Path| parts::word(path).map(|word| firebench_vmm::quote(&word).into_owned());
    let (aside, loader, program) = (word(aside)?, word(loader)?, word(program)?);
    Ok(format!("#!{BUSYBOX} sh\nexec {loader} --library-path {aside} {program} \"$@\"\n"))
}

/// Writes a new program.
fn write(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut file = std::fs::File::options().write(true).create_new(true).mode(0o755).open(path)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_calls_the_program_with_its_own_libraries() {
        let aside = Path::new("/firebench/programs/0");
        let text = script(aside, &aside.join("ld.so"), &aside.join("it's")).expect("text");
        let call = "exec /firebench/programs/0/ld.so --library-path /firebench/programs/0 '/firebench/programs/0/it'\\''s' \"$@\"\n";
        assert_eq!(text, format!("#!/firebench/busybox sh\n{call}"));
    }
}
