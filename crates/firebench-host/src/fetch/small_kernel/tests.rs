use std::cell::RefCell;
use std::fs;

use miette::Diagnostic as _;
use tempfile::TempDir;

use super::super::apt::Apt;
use super::super::apt::tests::fake_apt;
use super::build::build_with;
use super::*;

/// A source whose `make` needs no compiler: tinyconfig writes one option, olddefconfig drops what is called DROPPED, and the rest copies.
const MAKEFILE: &str = "\
tinyconfig:
\t@echo CONFIG_TINY=y > .config
olddefconfig:
\t@sed -i /DROPPED/d .config
vmlinux:
\t@cat .config > vmlinux
bzImage: vmlinux
\t@mkdir -p arch/x86/boot && cp vmlinux arch/x86/boot/bzImage
";

/// A real package of that source, made by dpkg-deb, behind an APT of scripts.
fn apt(dir: &TempDir, makefile: &str) -> Apt {
    let (source, package) = (dir.path().join("linux-source-6.12"), dir.path().join("deb"));
    fs::create_dir_all(&source).expect("room");
    fs::write(source.join("Makefile"), makefile).expect("room");
    fs::create_dir_all(package.join("usr/src")).expect("room");
    fs::create_dir_all(package.join("DEBIAN")).expect("room");
    fs::write(
        package.join("DEBIAN/control"),
        "Package: linux-source-6.12\nVersion: 1.2-3\nArchitecture: amd64\nMaintainer: nobody <nobody@localhost>\nDescription: x\n",
    )
    .expect("room");
    let run = |program: &str, arguments: &[&str]| {
        let status =
            std::process::Command::new(program).args(arguments).current_dir(dir.path()).output().expect(program);
        assert!(status.status.success(), "{program}: {status:?}");
    };
    run("tar", &["-cJf", "deb/usr/src/linux-source-6.12.tar.xz", "linux-source-6.12"]);
    run("dpkg-deb", &["--build", "deb", "made.deb"]);
    let contents = fs::read(dir.path().join("made.deb")).expect("there");
    let apt = fake_apt(dir.path(), "", "linux-source-6.12", &contents);
    let names = "printf 'linux-source-6.1\\nlinux-source-6.12\\nlinux-source-6.12-doc\\n'";
    fs::write(&apt.cache, format!("#!/bin/sh\n{names}\n")).expect("own file");
    apt
}

fn build(apt: &Apt, data: &Path, configuration: &str) -> Result<(SmallKernel, bool), BuildError> {
    build_with(apt, data, None, configuration, 2, &|_| {})
}

/// What is in the directory of small kernels.
fn kept(data: &Path) -> usize {
    entries(&home(data)).count()
}

#[test]
fn a_kernel_is_built_once_for_the_same_source_configuration_and_compiler() {
    let dir = tempfile::tempdir().expect("a directory");
    let (apt, data) = (apt(&dir, MAKEFILE), dir.path().join("data"));
    let steps = RefCell::new(Vec::new());
    let progress = |step: Step<'_>| steps.borrow_mut().push(format!("{step:?}"));
    let (kernel, already) = build_with(&apt, &data, None, CONFIGURATION, 2, &progress).expect("it builds");
    assert!(!already);
    assert_eq!(kernel.version, "1.2-3");
    let config = fs::read_to_string(&kernel.vmlinux).expect("there");
    assert!(config.starts_with("CONFIG_TINY=y\nCONFIG_64BIT=y\n"), "{config}");
    assert_eq!(kernel.bzimage_sha256, sha256_file(&kernel.bzimage).expect("there"));
    assert_eq!(*steps.borrow(), ["Download(\"linux-source-6.12_1.2-3_amd64.deb\")", "Unpack", "Compile(2)"]);
    assert_eq!(small_kernel(&data).expect("as built"), Some(kernel.clone()));
    assert_eq!(
        build_with(&apt, &data, Some("6.12"), CONFIGURATION, 2, &progress).expect("there"),
        (kernel.clone(), true)
    );
    assert_eq!(steps.borrow().len(), 3, "nothing was done");

    fs::write(&kernel.vmlinux, "damaged").expect("own file");
    let error = small_kernel(&data).expect_err("not what was built");
    assert_eq!(error.to_string(), format!("{} is not the file that was built", kernel.vmlinux.display()));
    assert_eq!(build(&apt, &data, CONFIGURATION).expect("it builds again"), (kernel, false));
    assert_eq!(kept(&data), 1);
}

#[test]
fn a_kernel_of_another_configuration_is_another_one() {
    let dir = tempfile::tempdir().expect("a directory");
    let (apt, data) = (apt(&dir, MAKEFILE), dir.path().join("data"));
    build(&apt, &data, "CONFIG_OTHER=y\n").expect("it builds");
    assert_eq!(small_kernel(&data).expect("none that has changed"), None, "it is not the one that runs use");
    let (kernel, already) = build(&apt, &data, CONFIGURATION).expect("it builds");
    assert!(!already);
    assert_eq!((small_kernel(&data).expect("as built"), kept(&data)), (Some(kernel), 2));
}

#[test]
fn a_line_that_the_kernel_drops_is_named_and_nothing_is_left() {
    let dir = tempfile::tempdir().expect("a directory");
    let (apt, data) = (apt(&dir, MAKEFILE), dir.path().join("data"));
    let error = build(&apt, &data, "CONFIG_KEPT=y\nCONFIG_DROPPED=y\n").expect_err("one is dropped");
    let said = error.to_string();
    assert_eq!(said, "Linux 1.2-3 does not take these lines of the configuration: CONFIG_DROPPED=y");
    assert_eq!(kept(&data), 0);
}

#[test]
fn a_build_that_fails_quotes_the_compiler_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let makefile = MAKEFILE.replace("\t@cat .config > vmlinux", "\t@echo 'main.c:1: error: no' >&2; exit 1");
    let (apt, data) = (apt(&dir, &makefile), dir.path().join("data"));
    let error = build(&apt, &data, CONFIGURATION).expect_err("it fails");
    let text = firebench_text::errors::sentence(&error);
    assert!(text.starts_with("cannot compile the kernel") && text.contains("main.c:1: error: no"), "{text}");
    assert_eq!(error.help().expect("a hint").to_string(), "the end of its output above says why");
    assert_eq!((kept(&data), small_kernel(&data).expect("none")), (0, None));
}

#[test]
fn a_version_that_is_not_there_is_refused_with_those_that_are() {
    let dir = tempfile::tempdir().expect("a directory");
    let apt = apt(&dir, MAKEFILE);
    let error = build_with(&apt, dir.path(), Some("5.4"), CONFIGURATION, 2, &|_| {}).expect_err("no such version");
    assert_eq!(error.to_string(), "apt-get does not know a package with the source of Linux 5.4");
    assert_eq!(error.help().expect("a hint").to_string(), "choose one of these with --version: 6.12, 6.1");
}
