//! The files that the user names: that they are there, and may be read, is asked before anything is made of them.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use firebench_host::fetch::Debian;
use firebench_image::roots::RootSource;
use firebench_model::experiment::{Experiment, PayloadSpec, SMALL_KERNEL};
use nix::unistd::{AccessFlags, access};

use super::{PrepareError, parts};

/// Variables that name files.
const VARIABLES: [&str; 2] = ["FIREBENCH_BUSYBOX", "FIREBENCH_AGENT"];

/// Looks at every file that the experiment or the environment names.
///
/// # Errors
/// [`PrepareError::Given`] for the first one that is not there or may not be read, and [`PrepareError::Add`].
pub(super) fn check(experiment: &Experiment) -> Result<(), PrepareError> {
    let variables = VARIABLES.map(|name| (name.to_owned(), std::env::var_os(name).map(path)));
    let variables = variables.into_iter().filter_map(|(role, path)| Some((role, path?)));
    for (role, path) in named(experiment)?.into_iter().chain(variables) {
        look(&path).map_err(|source| PrepareError::Given { role, path, source })?;
    }
    Ok(())
}

fn path(text: OsString) -> PathBuf {
    text.into()
}

/// The files of an experiment, each with the option that names it.
fn named(experiment: &Experiment) -> Result<Vec<(String, PathBuf)>, PrepareError> {
    let files = &experiment.files;
    let mut named = Vec::new();
    let mut add = |role: String, path: Option<&PathBuf>, is_program: bool| {
        // A program's name without a slash is looked up on PATH.
        named.extend(path.filter(|path| !is_program || path.components().count() > 1).map(|path| (role, path.clone())));
    };
    let kernel = |path: &Option<PathBuf>| path.clone().filter(|path| path != Path::new(SMALL_KERNEL));
    add("--kernel".to_owned(), kernel(&files.kernel).as_ref(), false);
    add("--modules".to_owned(), files.modules.as_ref(), false);
    for (name, path) in files.programs.iter() {
        add(format!("--{name}"), Some(path), true);
    }
    for spec in &experiment.contenders {
        let role = |key: &str| format!("{key} of contender {}", spec.name);
        add(role("binary"), spec.binary.as_ref(), true);
        add(role("kernel"), kernel(&spec.kernel).as_ref(), false);
        add(role("modules"), spec.modules.as_ref(), false);
        add(role("busybox"), spec.busybox.as_ref(), false);
        add(role("image"), spec.image.as_ref(), false);
    }
    if let PayloadSpec::File { path, .. } = &experiment.payload {
        add("--payload".to_owned(), Some(path), false);
    }
    let root = match &files.root {
        Some(root) if Debian::parse(root)?.is_none() => Some(RootSource::parse(root).path),
        _ => None,
    };
    add("--root".to_owned(), root.as_ref(), false);
    // Those of a command are looked for where it runs.
    for text in files.add.iter().filter(|_| !experiment.has_own_commands()) {
        named.push(("--add".to_owned(), parts::addition(text)?.0));
    }
    Ok(named)
}

fn look(path: &Path) -> io::Result<()> {
    std::fs::metadata(path)?;
    Ok(access(path, AccessFlags::R_OK)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use firebench_model::experiment::ContenderSpec;
    use firebench_vmm::{VmmKind, qemu};

    const QEMU: VmmKind = VmmKind(&qemu::KIND);

    #[test]
    fn a_file_that_is_not_there_is_named_with_its_option() {
        let missing = || Some(PathBuf::from("/nonexistent/file"));
        let mut kernel = Experiment::default();
        kernel.files.kernel = missing();
        let mut program = Experiment::default();
        program.files.programs.set(QEMU, "/nonexistent/file".into());
        let mut add = Experiment::default();
        add.files.add.push("/nonexistent/file=/bin/file".to_owned());
        let payload = Experiment {
            payload: PayloadSpec::File { path: "/nonexistent/file".into(), block: None },
            ..Experiment::default()
        };
        let image = ContenderSpec { image: missing(), ..ContenderSpec::new("a", QEMU) };
        let image = Experiment { contenders: vec![image], ..Experiment::default() };
        for (role, experiment) in [
            ("--kernel", kernel),
            ("--qemu", program),
            ("--add", add),
            ("--payload", payload),
            ("image of contender a", image),
        ] {
            let said = check(&experiment).expect_err(role).to_string();
            assert_eq!(said, format!("cannot use {role} /nonexistent/file"));
        }
        let mut on_path = Experiment::default();
        on_path.files.programs.set(QEMU, "qemu-that-is-on-the-path".into());
        check(&on_path).expect("looked up later");
        let mut small = Experiment::default();
        small.files.kernel = Some(SMALL_KERNEL.into());
        check(&small).expect("not the name of a file");
    }
}
