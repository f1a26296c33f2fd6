use std::os::unix::fs::PermissionsExt;

use super::*;

const QEMU: &str = "qemu-system-x86_64";
const FIRECRACKER: &str = "firecracker";
const JAILER: &str = "jailer";

fn qemu(named: Option<&Path>) -> Result<Tool, ToolError> {
    find(VmmKind(&firebench_vmm::qemu::KIND), named, Path::new("/nowhere"))
}

fn firecracker(named: Option<&Path>, data_dir: &Path) -> Result<Tool, ToolError> {
    find(VmmKind(&firebench_vmm::firecracker::KIND), named, data_dir)
}

fn jailer_of(firecracker: &Tool) -> Result<Tool, ToolError> {
    let vmm = VmmKind(&firebench_vmm::firecracker::KIND);
    let Some(Jailing::Jailer(jailing)) = vmm.guest().map(|guest| &guest.jail) else { panic!("a jailer") };
    jailer(vmm, jailing, firecracker)
}

fn script(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("room for a script");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("own file");
    path
}

fn dir() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory")
}

#[test]
fn qemu_says_its_version() {
    let dir = dir();
    let line = "QEMU emulator version 10.0.2 (Debian 1:10.0.2+ds-2+deb13u1~bpo12+1)";
    let path = script(dir.path(), QEMU, &format!("[ \"$1\" = --version ] && echo '{line}' && echo Copyright"));
    let tool = qemu(Some(&path)).expect("a QEMU");
    assert_eq!(tool.version, "10.0.2");
    assert_eq!(tool.version_line, line);
    assert_eq!(tool.sha256, sha256_file(&path).expect("readable"));
    assert_eq!(tool.path, path);
}

#[test]
fn firecracker_of_the_data_directory_goes_before_path() {
    let data = dir();
    let home = data.path().join("firecracker/1.13.0");
    std::fs::create_dir_all(&home).expect("room");
    let path = script(&home, FIRECRACKER, "printf 'Firecracker v1.13.0\\n\\nexiting successfully\\n'");
    let said = firecracker(None, data.path()).expect_err("nobody fetched it").to_string();
    assert!(said.starts_with("no SHA-256 is recorded "), "{said}");
    fetch::adopt(data.path()).expect("room");
    let tool = firecracker(None, data.path()).expect("a Firecracker");
    assert_eq!((tool.version.as_str(), &tool.path), ("1.13.0", &path));
    // It is not even asked for its version any more.
    let asked = data.path().join("asked");
    script(&home, FIRECRACKER, &format!("touch {}; echo Firecracker v1.13.0", asked.display()));
    let said = firecracker(None, data.path()).expect_err("another one").to_string();
    assert!(said.contains(" is not the file that was fetched: "), "{said}");
    assert!(!asked.exists());
    // A jailer beside it belongs to it.
    let fetched = Tool { path, ..tool };
    script(&home, JAILER, &format!("touch {}; echo Jailer v1.13.0", asked.display()));
    let said = jailer_of(&fetched).expect_err("nobody fetched it").to_string();
    assert!(said.starts_with("no SHA-256 is recorded ") && !asked.exists(), "{said}");
}

#[test]
fn what_is_not_usable_is_refused_with_the_reason() {
    let dir = dir();
    let old = script(dir.path(), "old", "echo Firecracker v1.11.3");
    let error = firecracker(Some(&old), dir.path()).expect_err("too old");
    assert!(error.to_string().ends_with("is Firecracker 1.11.3, but firebench needs 1.12.0 or newer"), "{error}");

    let dev = script(dir.path(), "dev", "echo Firecracker v1.12.0-dev");
    assert_eq!(firecracker(Some(&dev), dir.path()).expect("new enough").version, "1.12.0-dev");

    let impostor = script(dir.path(), "impostor", "echo Hello 1.2");
    let error = firecracker(Some(&impostor), dir.path()).expect_err("no Firecracker");
    assert!(error.to_string().contains("says \"Hello 1.2\""), "{error}");
    let error = qemu(Some(&impostor)).expect_err("no QEMU");
    assert!(matches!(error, ToolError::Version(VersionError::NoVersion { program: "QEMU", .. })), "{error}");

    let missing = qemu(Some(Path::new("/nowhere/qemu"))).expect_err("no such file");
    assert!(matches!(missing, ToolError::Version(VersionError::Run(subprocess::RunError::Start { .. }))), "{missing}");
}

#[test]
fn versions_are_found_in_the_line() {
    assert_eq!(version_number("QEMU emulator version 7.2.22 (Debian 1:7.2)"), Some("7.2.22"));
    assert_eq!(version_number("Firecracker v1.12.1"), Some("1.12.1"));
    assert_eq!(version_number("no version 7"), None);
}
