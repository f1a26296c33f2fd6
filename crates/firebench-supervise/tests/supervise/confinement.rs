//! What of firebench a VMM sees: next to nothing.

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use firebench_supervise::{Isolation, RunDir, Vm};
use firebench_vmm::{Launch, Missing};

use super::{command, run, script, start};

#[test]
fn no_descriptor_gets_through() {
    // One without close-on-exec, as careless libraries open them.
    // SAFETY: dup's result is a descriptor of our own.
    let leak = unsafe { OwnedFd::from_raw_fd(libc::dup(File::open("/dev/null").expect("open").as_raw_fd())) };
    assert!(leak.as_raw_fd() > 2);
    // 3 is ls's own, on the directory.
    assert_eq!(run(&mut start(&command(&["ls", "/proc/self/fd"]))).0, "0\n1\n2\n3\n");
    let stdin = run(&mut start(&script("readlink /proc/self/fd/0"))).0;
    assert_eq!(stdin, "/dev/null\n");
}

#[test]
fn the_environment_is_clean() {
    let (text, _) = run(&mut start(&command(&["env"])));
    let mut names: Vec<_> = text.lines().filter_map(|line| line.split('=').next()).collect();
    names.sort_unstable();
    let expected: Vec<_> = ["HOME", "LANG", "PATH", "TMPDIR"]
        .into_iter()
        .filter(|name| ["HOME", "LANG"].contains(name) || std::env::var_os(name).is_some())
        .collect();
    assert_eq!(names, expected);
    assert!(text.contains("HOME=/\n") && text.contains("LANG=C\n"), "{text}");
}

#[test]
fn signals_and_limits_are_the_defaults() {
    // Rust programs ignore SIGPIPE; this thread also blocks a signal.
    let mut blocked = nix::sys::signal::SigSet::empty();
    blocked.add(nix::sys::signal::Signal::SIGUSR1);
    blocked.thread_block().expect("block");
    let (status, _) = run(&mut start(&command(&["cat", "/proc/self/status"])));
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}: {status}"));
        u64::from_str_radix(line[name.len()..].trim(), 16).expect("number")
    };
    assert_eq!((field("SigBlk:"), field("SigIgn:"), field("SigCgt:")), (0, 0, 0));
    let (limits, _) = run(&mut start(&command(&["cat", "/proc/self/limits"])));
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("line");
    assert_eq!(core.split_whitespace().filter(|word| *word == "0").count(), 2, "{core}");
}

#[test]
fn it_leads_its_own_session_and_group() {
    let mut vm = start(&script("cut -d ' ' -f 1,5,6 /proc/$$/stat"));
    let pid = vm.pid();
    assert_eq!(run(&mut vm).0, format!("{pid} {pid} {pid}\n"));
}

#[test]
fn it_starts_inside_its_control_group() {
    let mut vm = start(&command(&["cat", "/proc/self/cgroup"]));
    let confinement = vm.confinement().clone();
    let (text, _) = run(&mut vm);
    match &confinement.cgroup {
        Some(path) => {
            let name = path.file_name().and_then(|name| name.to_str()).expect("name");
            assert!(name.starts_with(&format!("firebench-{}-", std::process::id())), "{name}");
            let line = text.lines().find(|line| line.starts_with("0::")).expect("version 2");
            assert!(line.ends_with(&format!("/{name}")), "{line}");
            assert!(confinement.missing.is_empty());
            assert!(path.is_dir());
            drop(vm);
            assert!(!path.exists(), "removed with the VM");
        }
        None => {
            assert_eq!(confinement.missing.len(), 1);
            assert!(confinement.missing[0].to_string().starts_with("without a control group: "), "{confinement:?}");
            assert!(!nix::unistd::geteuid().is_root(), "root can make one: {confinement:?}");
        }
    }
}

#[test]
fn a_limit_of_memory_is_in_force_or_told_to_be_missing() {
    let mut vm = start(&Launch { memory_limit: Some(64 << 20), ..command(&["cat", "/proc/self/cgroup"]) });
    let confinement = vm.confinement().clone();
    let (text, exit) = run(&mut vm);
    assert!(exit.success());
    match confinement.memory_limit {
        Some(limit) => {
            let group = confinement.cgroup.expect("what limits it");
            // Where the controller belongs to version 1, a group of the same name there has it.
            let old = text.lines().find_map(|line| Some(line.split_once(":memory:")?.1));
            let old = old.map(|path| format!("/sys/fs/cgroup/memory{path}/memory.limit_in_bytes"));
            let file =
                Some(group.join("memory.max")).filter(|file| file.exists()).or(old.map(Into::into)).expect("a file");
            let read = std::fs::read_to_string(&file).expect("the limit");
            assert_eq!((limit, read.trim()), (64 << 20, "67108864"), "{}", file.display());
            let name = group.file_name().and_then(|name| name.to_str()).expect("name");
            assert!(text.lines().any(|line| line.starts_with("0::") && line.ends_with(name)), "{text}");
            assert!(confinement.missing.is_empty(), "{:?}", confinement.missing);
        }
        None => assert!(matches!(confinement.missing[0], Missing::MemoryLimit(_)), "{:?}", confinement.missing),
    }
    assert_eq!(start(&script("true")).confinement().memory_limit, None, "not asked for");
}

/// What a namespace of a process is called.
fn namespace(kind: &str) -> String {
    std::fs::read_link(format!("/proc/self/ns/{kind}")).expect("namespace").to_string_lossy().into_owned()
}

/// Says so where this machine or user has no namespaces, which root always has.
pub(crate) fn has_namespaces(vm: &Vm) -> bool {
    let confinement = vm.confinement();
    if !confinement.mount_namespace {
        assert!(!nix::unistd::geteuid().is_root(), "root can: {confinement:?}");
        assert!(
            confinement
                .missing
                .iter()
                .any(|missing| missing.to_string().starts_with("without namespaces of its own: "))
        );
        eprintln!("NOT TESTED, no namespaces for us here: {confinement:?}");
    }
    confinement.mount_namespace
}

#[test]
fn it_has_namespaces_of_its_own() {
    let kinds = ["mnt", "net", "ipc", "uts"];
    let text = kinds.map(|kind| format!("readlink /proc/self/ns/{kind}; ")).concat();
    let mut vm = start(&script(&format!("{text} cat /proc/net/dev; id -u; id -g")));
    if !has_namespaces(&vm) {
        return;
    }
    let (console, exit) = run(&mut vm);
    assert!(exit.success());
    let mut lines = console.lines();
    for kind in kinds {
        let own = lines.next().expect("a namespace");
        assert!(own.starts_with(kind) && own != namespace(kind), "{own}");
    }
    let devices: Vec<_> = console.lines().filter_map(|line| line.split_once(':')?.0.trim().into()).collect();
    assert_eq!(devices.iter().filter(|name| !kinds.contains(name)).collect::<Vec<_>>(), [&"lo"], "{console}");
    let ids = format!("\n{}\n{}\n", nix::unistd::geteuid(), nix::unistd::getegid());
    assert!(console.ends_with(&ids), "still the same user: {console}");
}

#[test]
fn what_it_mounts_is_seen_by_nobody_else() {
    let place = tempfile::tempdir().expect("temporary directory");
    let path = place.path().display();
    let mut vm = start(&script(&format!("mount -t tmpfs none {path} && touch {path}/inside && ls {path}")));
    if !has_namespaces(&vm) || !nix::unistd::geteuid().is_root() {
        return;
    }
    assert_eq!(run(&mut vm).0, "inside\n", "{}", vm.stderr_tail());
    let mounts = std::fs::read_to_string("/proc/self/mounts").expect("mounts");
    assert!(!mounts.contains(place.path().to_str().expect("text")), "{mounts}");
}

#[test]
fn it_writes_to_its_own_directory_alone() {
    let base = tempfile::tempdir().expect("temporary directory");
    let run_dir = RunDir::create(base.path()).expect("run directory");
    let directory = run_dir.boot_dir(0).expect("boot directory");
    let outside = base.path().display();
    let text = format!(
        "echo $HOME $TMPDIR; echo x > $TMPDIR/file && cat $TMPDIR/file
        for place in {outside}/file /tmp/firebench-test-$$ /proc/self/comm /etc/firebench-test-$$; do
            echo x 2> /dev/null > $place && echo wrote to $place
        done
        echo y > /dev/null && echo devices"
    );
    let launch = Launch { directory: Some(directory.clone()), ..script(&text) };
    let mut vm = Vm::start(&launch, &Isolation { run_dir: Some(&run_dir), ..Isolation::default() }).expect("starts");
    if !has_namespaces(&vm) {
        return;
    }
    assert!(vm.confinement().read_only, "this kernel has mount_setattr: {:?}", vm.confinement());
    let (console, _) = run(&mut vm);
    assert_eq!(console, format!("{0} {0}\nx\ndevices\n", directory.display()));
    assert_eq!(std::fs::read(directory.join("file")).expect("outside it is seen, too"), b"x\n");
}

#[test]
fn without_a_directory_it_writes_like_any_program() {
    let base = tempfile::tempdir().expect("temporary directory");
    let file = base.path().join("file");
    let mut vm = start(&script(&format!("echo x > {}", file.display())));
    assert!(!vm.confinement().read_only);
    assert!(run(&mut vm).1.success());
    assert_eq!(std::fs::read(file).expect("written"), b"x\n");
}
