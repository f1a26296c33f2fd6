//! What a VMM may use at most, and how it is told that it wanted more.

use std::path::PathBuf;

use firebench_supervise::Exit;
use firebench_vmm::{Launch, Limits};

use super::{command, run, script, start};

const MIB: u64 = 1 << 20;

fn limited(launch: Launch) -> Launch {
    let limits = Limits { memory: 256 * MIB, cached: Vec::new(), file: MIB, processes: 64 };
    Launch { limits: Some(limits), ..launch }
}

#[test]
fn the_limits_are_in_force() {
    let (text, _) = run(&mut start(&limited(command(&["cat", "/proc/self/limits"]))));
    let both = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_else(|| panic!("{name}: {text}"));
        line.split_whitespace().take(2).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(both("Max data size"), [(256 * MIB).to_string(), (256 * MIB).to_string()]);
    assert_eq!(both("Max file size"), [MIB.to_string(), MIB.to_string()]);
    assert_eq!(both("Max core file size"), ["0", "0"]);
    if !nix::unistd::geteuid().is_root() && start(&script("true")).confinement().mount_namespace {
        assert_eq!(both("Max processes"), ["64", "64"], "in a user namespace nobody else is counted");
    }
}

#[test]
fn a_file_without_end_is_ended() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let file = directory.path().join("log");
    let text = format!("exec dd if=/dev/zero of={} bs=64k", file.display());
    let mut vm = start(&limited(Launch { directory: Some(directory.path().to_owned()), ..script(&text) }));
    assert_eq!(run(&mut vm).1, Exit::Signal(libc::SIGXFSZ));
    assert_eq!(vm.limits_hit(), ["it wrote a file larger than its limit of 1 MiB"]);
    assert_eq!(std::fs::metadata(file).expect("the log").len(), MIB);
}

#[test]
fn memory_without_end_is_refused() {
    // It keeps the last line, which does not end.
    let mut vm = start(&limited(command(&["tail", "-n", "1", "/dev/zero"])));
    let (_, exit) = run(&mut vm);
    assert_eq!(exit, Exit::Code(1), "{}", vm.stderr_tail());
    let hit = vm.limits_hit();
    assert!(hit.len() == 1 && hit[0].contains("256 MiB"), "{hit:?}, {}", vm.stderr_tail());
}

#[test]
fn processes_without_end_are_refused() {
    // Bounded, as it must end here where nothing else bounds it.
    let text = "for i in $(seq 200); do sleep 20 & done; echo all";
    let mut vm = start(&limited(script(text)));
    let grouped = vm.confinement().cgroup.clone().map(|group: PathBuf| group.join("pids.max"));
    let counted = grouped.is_some_and(|file| std::fs::read_to_string(file).is_ok_and(|max| max.trim() == "64"));
    let own = !nix::unistd::geteuid().is_root() && vm.confinement().mount_namespace;
    if !counted && !own {
        eprintln!("NOT TESTED, nothing counts processes for us here: {:?}", vm.confinement());
        return;
    }
    let (console, exit) = run(&mut vm);
    assert_ne!((console.as_str(), exit.success()), ("all\n", true), "{}", vm.stderr_tail());
    if counted {
        assert_eq!(vm.limits_hit(), ["it needed more than its limit of 64 processes and threads"]);
    }
}

#[test]
fn one_in_order_runs_against_nothing() {
    let mut vm = start(&limited(script("echo x")));
    assert_eq!(run(&mut vm), ("x\n".to_owned(), Exit::Code(0)));
    assert_eq!(vm.limits_hit(), [""; 0]);
}
