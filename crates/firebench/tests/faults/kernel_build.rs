//! Builds of the small kernel that are cut off, or cannot begin. The build is firebench's own; what stands for the kernel is a source
//! whose `make` waits.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::Signal;

use crate::require;
use crate::support::common::{Lab, SOON, wait_for};
use crate::support::invocation::Invocation;
use crate::support::need;

/// What is never done within a test.
const WAITS: &str = "tinyconfig:\n\t@echo CONFIG_TINY=y > .config\n\t@sh -c 'setsid sleep 2345 & sleep 2345'\n";
/// What each of its processes is called.
const WORD: &str = "2345";

/// A package of that source, and an APT that has nothing else: the directory with its programs.
fn apt(lab: &Lab) -> PathBuf {
    let (source, package, programs) = (lab.path("linux-source-6.12"), lab.path("package"), lab.path("programs"));
    for directory in [&source, &package.join("usr/src"), &package.join("DEBIAN"), &programs] {
        fs::create_dir_all(directory).expect("room");
    }
    fs::write(source.join("Makefile"), WAITS).expect("room");
    let control =
        "Package: linux-source-6.12\nVersion: 1-1\nArchitecture: all\nMaintainer: x <x@localhost>\nDescription: x\n";
    fs::write(package.join("DEBIAN/control"), control).expect("room");
    let at = |path: &Path| path.display().to_string();
    let run = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().expect(program);
        assert!(output.status.success(), "{program}: {output:?}");
    };
    let (archive, made) = (package.join("usr/src/linux-source-6.12.tar.xz"), lab.path("made.deb"));
    run("tar", &["-cJf", &at(&archive), "-C", &at(source.parent().expect("the lab")), "linux-source-6.12"]);
    run("dpkg-deb", &["--build", &at(&package), &at(&made)]);
    let file = "linux-source-6.12_1-1_all.deb";
    let get = format!(
        "case \"$*\" in\n*--print-uris*) echo \"'http://mirror/{file}' {file} 1\";;\n*) cp '{}' {file};;\nesac",
        at(&made)
    );
    for (name, script) in [("apt-get", get.as_str()), ("apt-cache", "echo linux-source-6.12")] {
        let path = programs.join(name);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("room");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("own file");
    }
    programs
}

/// A build in the lab, which has a data directory of its own.
fn build<'a>(lab: &'a Lab, programs: &Path) -> Invocation<'a> {
    let path = std::env::var("PATH").expect("a PATH");
    let run = lab.firebench(&["kernel", "build", "--data"]).arg(lab.path("data"));
    run.env("PATH", format!("{}:{path}", programs.display()))
}

/// What is in the directory of small kernels.
fn kept(lab: &Lab) -> usize {
    fs::read_dir(lab.path("data/kernels/small")).map_or(0, Iterator::count)
}

#[test]
fn a_build_that_is_interrupted_leaves_nothing() {
    require!(need::kernel_build(), need::namespaces());
    let lab = Lab::without_vms();
    let programs = apt(&lab);
    for (signal, code, word) in
        [(Signal::SIGINT, 130, "stopped by Ctrl-C"), (Signal::SIGTERM, 143, "stopped by SIGTERM")]
    {
        let running = build(&lab, &programs).start();
        wait_for("its make", SOON, || (lab.processes(&[WORD]).len() >= 2).then_some(()));
        running.signal(signal);
        running.within(60).finish().stops(code, word);
        assert_eq!((lab.processes(&[""]).len(), kept(&lab)), (0, 0));
    }
}

#[test]
fn a_build_whose_firebench_is_killed_leaves_no_process() {
    require!(need::kernel_build(), need::namespaces());
    let lab = Lab::without_vms();
    let programs = apt(&lab);
    let running = build(&lab, &programs).start();
    wait_for("its make", SOON, || (lab.processes(&[WORD]).len() >= 2).then_some(()));
    running.signal(Signal::SIGKILL);
    let outcome = running.finish_and_leave();
    assert_eq!(outcome.signal(), Some(libc::SIGKILL), "{outcome}");
    wait_for("the end of all processes", SOON, || lab.processes(&[""]).is_empty().then_some(()));
    assert_eq!(kept(&lab), 1, "the files of the work go with the next build");
    let running = build(&lab, &programs).start();
    wait_for("its make", SOON, || (lab.processes(&[WORD]).len() >= 2).then_some(()));
    assert_eq!(kept(&lab), 1, "its own alone");
    running.signal(Signal::SIGINT);
    running.within(60).finish().stops(130, "stopped by Ctrl-C");
    assert_eq!(kept(&lab), 0);
}

#[test]
fn a_build_without_its_programs_names_the_packages() {
    let lab = Lab::without_vms();
    let run = lab.firebench(&["kernel", "build", "--data"]).arg(lab.path("data")).env("PATH", "/nonexistent");
    let outcome = run.run().fails(3, &["cannot build a kernel without", "flex", "apt-get install", "bison"]);
    assert_eq!(outcome.stderr.lines().count(), 2, "one error, one hint: {outcome}");
}
