//! Jails as far as they are made here: the files in them, and that a VMM that has become another user still ends with
//! firebench. All of it takes root.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};

use firebench_supervise::{Exit, Isolation, RunDir, StartError, Vm};
use firebench_vmm::{Jail, JailedFile, Launch, Limits};

use super::{command, eventually, example, lives, process_id, read_lines, run, script};

/// The user that a VMM in a jail becomes.
const ID: u32 = firebench_vmm::firecracker::JAILED_ID;

fn is_root() -> bool {
    let root = nix::unistd::geteuid().is_root();
    if !root {
        eprintln!("NOT TESTED: it takes root");
    }
    root
}

/// A launch in the directory of a boot, with a jail that sees these files.
fn jailed(directory: &Path, files: &[&Path], launch: Launch) -> Launch {
    let root = directory.join("root");
    let seen = |path: &Path| root.join(path.file_name().expect("name"));
    let files = files.iter().map(|path| JailedFile { path: path.to_path_buf(), seen: seen(path) }).collect();
    Launch { directory: Some(directory.to_owned()), jail: Some(Jail { root, id: ID, files }), ..launch }
}

/// A shell script of the user that a jailed VMM becomes.
fn other_user(text: &str) -> Launch {
    let id = ID.to_string();
    command(&["setpriv", "--reuid", &id, "--regid", &id, "--clear-groups", "sh", "-c", text])
}

#[test]
fn its_files_are_seen_in_it_by_nobody_else_and_to_be_read_alone() {
    if !is_root() {
        return;
    }
    let base = tempfile::tempdir().expect("temporary directory");
    let run_dir = RunDir::create(base.path()).expect("run directory");
    let directory = run_dir.boot_dir(0).expect("boot directory");
    let (kernel, own) = (base.path().join("kernel"), directory.join("initramfs"));
    std::fs::write(&kernel, "a kernel\n").expect("file");
    std::fs::write(&own, "an initramfs\n").expect("file");
    std::fs::set_permissions(&own, PermissionsExt::from_mode(0o600)).expect("mode");
    let text =
        "cd $TMPDIR/root && cat kernel initramfs; echo x > kernel || echo refused; mknod null c 1 3 && echo y > null";
    let launch = jailed(&directory, &[&kernel, &own], script(text));
    let mut vm = Vm::start(&launch, &Isolation::default()).expect("starts");
    let (console, exit) = run(&mut vm);
    assert_eq!((console.as_str(), exit), ("a kernel\nan initramfs\nrefused\n", Exit::Code(0)), "{}", vm.stderr_tail());
    assert_eq!(std::fs::metadata(directory.join("root/kernel")).expect("its place").len(), 0, "elsewhere it is empty");
    assert_eq!(std::fs::metadata(own).expect("the boot's own").uid(), ID, "who is jailed can read it");
    assert_eq!(std::fs::metadata(kernel).expect("somebody's").uid(), 0, "what is not the boot's stays whose it is");
}

#[test]
fn what_its_user_may_not_read_is_told_before() {
    if !is_root() {
        return;
    }
    let base = tempfile::tempdir().expect("temporary directory");
    let file = base.path().join("kernel");
    std::fs::write(&file, "").expect("file");
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).expect("mode");
    let directory = base.path().join("boot");
    std::fs::create_dir(&directory).expect("directory");
    let error =
        Vm::start(&jailed(&directory, &[&file], script("true")), &Isolation::default()).expect_err("not for it");
    assert!(matches!(&error, StartError::Jailed { path, .. } if *path == file), "{error}");
    let error = Vm::start(&jailed(&directory, &[&base.path().join("none")], script("true")), &Isolation::default());
    assert!(matches!(error.expect_err("not there"), StartError::Jailed { .. }));
}

#[test]
fn its_processes_are_counted() {
    if !is_root() {
        return;
    }
    let base = tempfile::tempdir().expect("temporary directory");
    let limits = Limits { processes: 64, ..Limits::of_guest(64, Vec::new()) };
    // Bounded, should nothing else bound it.
    let launch = other_user("for i in $(seq 200); do sleep 20 & done; echo all");
    let mut vm = Vm::start(&jailed(base.path(), &[], Launch { limits: Some(limits), ..launch }), &Isolation::default())
        .expect("starts");
    assert_ne!(run(&mut vm).0, "all\n");
    assert!(vm.stderr_tail().contains("fork"), "{}", vm.stderr_tail());
}

#[test]
fn a_firebench_that_is_killed_takes_a_vmm_along_that_is_another_user() {
    if !is_root() {
        return;
    }
    let base = tempfile::tempdir().expect("temporary directory");
    let argv = other_user("echo $$; id -u; exec sleep 1000").argv;
    let mut firebench = Command::new(example("supervise"))
        .arg("--jail")
        .arg(base.path())
        .args(argv)
        .stdout(Stdio::piped())
        .spawn()
        .expect("example");
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(firebench.stdout.take().expect("piped")));
    let mut line = || lines.next().expect("a line").expect("text");
    let pid = process_id(&line());
    assert_eq!(line(), ID.to_string());
    firebench.kill().and_then(|()| firebench.wait()).expect("kill");
    eventually("the VMM dies with firebench", || !lives(pid));
    firebench_supervise::sweep(base.path()).expect("sweep");
    assert_eq!(std::fs::read_dir(base.path()).expect("list").count(), 0, "no file is left");
}

#[test]
fn the_keeper_goes_with_the_vmm() {
    if !is_root() {
        return;
    }
    let base = tempfile::tempdir().expect("temporary directory");
    let launch = jailed(base.path(), &[], other_user("echo $$; exec sleep 1000"));
    let mut vm = Vm::start(&launch, &Isolation::default()).expect("starts");
    read_lines(&mut vm, 1);
    let group = vm.pid() as i32;
    let members = || {
        let processes = std::fs::read_dir("/proc").expect("processes").flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
        pids.filter(|&pid| {
            lives(pid)
                && nix::unistd::getpgid(Some(nix::unistd::Pid::from_raw(pid))).is_ok_and(|id| id.as_raw() == group)
        })
        .count()
    };
    assert_eq!(members(), 2);
    vm.kill().expect("kill");
    eventually("both end", || members() == 0);
}
