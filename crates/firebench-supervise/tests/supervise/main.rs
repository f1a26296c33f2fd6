//! Supervision of processes, with shell scripts in the place of VMMs.
#![cfg(test)]
#![allow(clippy::string_slice, clippy::arithmetic_side_effects, reason = "a test may panic")]
#![allow(unsafe_code, reason = "processes are put into states that firebench must bear")]

mod affinity;
mod confinement;
mod death;
mod jail;
mod limits;
mod output;
mod peer;
mod probe;
mod requests;
mod tap;
mod veth;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use firebench_supervise::{Exit, Isolation, Output, Vm};
use firebench_vmm::Launch;

/// The launch of a shell script.
fn script(text: &str) -> Launch {
    command(&["sh", "-c", text])
}

fn command(argv: &[&str]) -> Launch {
    Launch { argv: argv.iter().map(|&word| word.to_owned()).collect(), ..Launch::default() }
}

fn start(launch: &Launch) -> Vm {
    Vm::start(launch, &Isolation::default()).expect("starts")
}

/// A moment by which everything quick has happened.
fn soon() -> Instant {
    Instant::now() + Duration::from_secs(60)
}

/// What comes next of the VM by a deadline; that a busy computer kept this test waiting is nothing.
fn next_by(vm: &mut Vm, deadline: Instant) -> Output {
    loop {
        match vm.next(deadline).expect("next") {
            Output::Stalled(_) => {}
            other => return other,
        }
    }
}

/// What the VM says until its end.
fn run(vm: &mut Vm) -> (String, Exit) {
    let mut console = Vec::new();
    loop {
        match vm.next(soon()).expect("next") {
            Output::Console { bytes, .. } => console.extend(bytes),
            Output::Exited(exit) => return (String::from_utf8(console).expect("text"), exit),
            // A busy computer.
            Output::Stalled(_) => {}
            other => panic!("{other:?} after {console:?}"),
        }
    }
}

/// What the VM says up to the end of `lines` lines.
fn read_lines(vm: &mut Vm, lines: usize) -> Vec<String> {
    let mut console = String::new();
    while console.matches('\n').count() < lines {
        match vm.next(soon()).expect("next") {
            Output::Console { bytes, .. } => console += std::str::from_utf8(&bytes).expect("text"),
            Output::Stalled(_) => {}
            other => panic!("{other:?} after {console:?}"),
        }
    }
    console.lines().map(str::to_owned).collect()
}

/// The network interfaces that this process sees.
fn interfaces() -> Vec<String> {
    let entries = std::fs::read_dir("/sys/class/net").expect("list");
    let mut names: Vec<_> = entries.map(|entry| entry.expect("entry").file_name().to_string_lossy().into()).collect();
    names.sort();
    names
}

fn process_id(text: &str) -> i32 {
    text.trim().parse().unwrap_or_else(|_| panic!("not a process id: {text:?}"))
}

/// Whether a process runs; zombies do not.
fn lives(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// Waits, but not for long, until `condition` holds.
fn eventually(what: &str, condition: impl Fn() -> bool) {
    let end = soon();
    while !condition() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// An example, which cargo builds together with the tests.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("test binary");
    let example = test.ancestors().nth(2).expect("target directory").join("examples").join(name);
    assert!(example.is_file(), "{example:?} is missing: cargo builds it unless told `--test`; add `--examples`");
    example
}
