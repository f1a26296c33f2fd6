//! Faults in and of containers and User Mode Linux, all of them real: whatever happens, nothing of them is left.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use firebench_model::record::BootStatus;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::common::{Lab, SOON, wait_for};
use crate::support::invocation::{Invocation, report};
use crate::support::need;
use crate::{failed_boot, require};

/// The kinds that run at real speed on every machine, each with its program.
const KINDS: [(&str, &str); 4] = [("bubblewrap", "bwrap"), ("runc", "runc"), ("gvisor", "runsc"), ("uml", "linux.uml")];

/// What stands for busybox: whatever it is asked for, it does `$DEED`.
const PROGRAM: &str = r#"
#include <stdio.h>
#include <string.h>
#include <signal.h>
#include <unistd.h>
int main(int argc, char **argv) {
    if (argc > 1 && !strcmp(argv[1], "--list")) { puts("sh\nsha256sum"); return 0; }
    DEED
    return 0;
}
"#;

/// A static program that does `deed`, in C.
fn program(lab: &Lab, deed: &str) -> PathBuf {
    let source = lab.file("deed.c", PROGRAM.replace("DEED", deed));
    let program = lab.path("deed");
    let status = Command::new("cc").args(["-static", "-O1", "-o"]).args([&program, &source]).status().expect("cc runs");
    assert!(status.success());
    program
}

/// A run of one boot of one kind.
fn run<'a>(lab: &'a Lab, kind: &str, deed: Option<&str>, size: &str) -> Invocation<'a> {
    let busybox = deed.map(|deed| format!(",busybox={}", program(lab, deed).display())).unwrap_or_default();
    let contender = format!("--contender=c={kind}{busybox}");
    lab.firebench(&["run", "memory", &contender, "--boots", "1", "--iterations", "1", "--size", size])
}

/// A network card, for what needs no device of taps for it.
fn card(kind: &str) -> Option<&'static str> {
    (kind != "uml" || std::fs::File::open("/dev/net/tun").is_ok()).then_some("--tap")
}

/// The first process that runs a kind's own program.
fn first(lab: &Lab, program: &str) -> Option<Pid> {
    let runs = |pid: &u32| {
        let exe = std::fs::read_link(format!("/proc/{pid}/exe"));
        exe.is_ok_and(|exe| exe.file_name().is_some_and(|name| name == program))
    };
    lab.processes(&[""]).into_iter().filter(runs).min().map(|pid| Pid::from_raw(pid as i32))
}

#[test]
fn an_isolation_whose_program_is_killed() {
    require!(need::isolations());
    let lab = Lab::new();
    for (kind, program) in KINDS {
        let out = lab.path(kind);
        let running = run(&lab, kind, None, "1GiB").args(card(kind)).arg("--out").arg(&out).start();
        // Some way into its life, wherever that is: one that is merely asked for its version is gone by then.
        wait_for("its program", SOON, || first(&lab, program));
        std::thread::sleep(Duration::from_millis(500));
        wait_for("its end", SOON, || kill(first(&lab, program)?, Signal::SIGKILL).ok());
        let outcome = running.finish().fails(3, &["c, boot 1: "]);
        assert!(!failed_boot(&report(&out)).status.worth_a_retry(), "{kind}: {outcome}");
    }
}

#[test]
fn firebench_is_killed_beside_an_isolation() {
    require!(need::isolations());
    let lab = Lab::new();
    for (kind, program) in KINDS {
        let running = run(&lab, kind, None, "1GiB").args(card(kind)).start();
        wait_for("its program", SOON, || first(&lab, program));
        std::thread::sleep(Duration::from_millis(300));
        running.signal(Signal::SIGKILL);
        let outcome = running.finish_and_leave();
        assert_eq!(outcome.signal(), Some(libc::SIGKILL), "{kind}: {outcome}");
        // All of it is gone with firebench, not with the next start.
        wait_for("the end of all processes", SOON, || lab.processes(&[""]).is_empty().then_some(()));
        // The rest goes with the next start; each run looks for what is left.
        run(&lab, kind, None, "1MiB").args(card(kind)).run().ok();
    }
}

#[test]
fn a_workload_in_an_isolation_that_never_ends() {
    require!(need::isolations());
    let lab = Lab::new();
    for (kind, _) in KINDS {
        let out = lab.path(kind);
        let run = run(&lab, kind, Some("for (;;) pause();"), "1MiB");
        run.args(["--iteration-deadline", "2", "--out"]).arg(&out).run().fails(3, &["its deadline of 2 s"]);
        assert_eq!(failed_boot(&report(&out)).status, BootStatus::IterationDeadline, "{kind}");
    }
}

#[test]
fn a_workload_in_an_isolation_that_floods() {
    require!(need::isolations());
    let lab = Lab::new();
    for (kind, _) in KINDS {
        let out = lab.path(kind);
        let deed = "for (int i = 0; i < 20000000; i++) puts(\"0123456789\");";
        run(&lab, kind, Some(deed), "1MiB").arg("--out").arg(&out).run().fails(3, &["c, boot 1: "]);
        let status = failed_boot(&report(&out)).status;
        assert!(matches!(status, BootStatus::WrongDigest | BootStatus::GuestFailed), "{kind}: {status:?}");
    }
}

#[test]
fn a_workload_in_an_isolation_that_leaves_processes_behind() {
    require!(need::isolations());
    let lab = Lab::new();
    // They are in sessions of their own, ignore signals and hold nothing open.
    let deed = "for (int i = 0; i < 5; i++) if (!fork()) { setsid(); signal(SIGTERM, SIG_IGN); signal(SIGHUP, SIG_IGN); \
                for (int d = 0; d < 9; d++) close(d); if (!fork()) for (;;) pause(); return 0; }";
    for (kind, _) in KINDS {
        // Each run looks for what is left. It prints no digest, so that the boot fails.
        run(&lab, kind, Some(deed), "1MiB").run().fails(3, &["c, boot 1: "]);
    }
}

#[test]
fn an_isolation_in_which_the_workload_dies() {
    require!(need::isolations());
    let lab = Lab::new();
    for (kind, _) in KINDS {
        let out = lab.path(kind);
        let deed = "raise(SIGSEGV);";
        run(&lab, kind, Some(deed), "1MiB").arg("--out").arg(&out).run().fails(3, &["c, boot 1: "]);
        assert_eq!(failed_boot(&report(&out)).status, BootStatus::CommandFailed, "{kind}");
    }
}
