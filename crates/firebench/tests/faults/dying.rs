//! VMMs that die, hang, stop, or do what they should not.

use std::time::Duration;

use firebench_model::record::BootStatus;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::injected::inject;
use crate::require;
use crate::support::common::{Lab, wait_for};
use crate::support::fake::{choice, fake, misbehaving, run};
use crate::support::invocation::report;
use crate::support::need;

/// What the hint of a VMM that ended says.
const ENDED: &str = "read the VMM's last words above";

/// The VMM dies of a signal before its guest says a word, and amid an iteration.
#[track_caller]
fn dies_of(signal: Signal) {
    let name = signal.as_str();
    let fault = inject(json!([{ "do": "die", "signal": signal as i32 }]));
    let words = [&format!("the VMM ended before the guest's agent sent its first frame (killed by {name})") as &str];
    let (_, boot) = fault.fails(BootStatus::VmmExited, &words, ENDED);
    assert_eq!((boot.boot_seconds, boot.attempt), (None, 1), "nobody says that another attempt goes better");
    let fault = inject(json!([{ "do": "die", "at": "iteration", "signal": signal as i32 }]));
    let words = [&format!("the VMM ended during or after iteration 1 (killed by {name})") as &str];
    let (_, boot) = fault.fails(BootStatus::VmmExited, &words, ENDED);
    assert!(boot.boot_seconds.is_some() && boot.facts.is_some() && boot.meminfo_before.is_some(), "what was there");
}

#[test]
fn a_vmm_killed_by_sigkill() {
    require!(need::image());
    dies_of(Signal::SIGKILL);
}

#[test]
fn a_vmm_killed_by_sigsegv() {
    require!(need::image());
    dies_of(Signal::SIGSEGV);
}

#[test]
fn a_vmm_killed_by_sigabrt() {
    require!(need::image());
    dies_of(Signal::SIGABRT);
}

#[test]
fn a_vmm_that_dies_now_and_then() {
    require!(need::image());
    const PROBABILITIES: [f64; 2] = [0.2, 0.1];
    let fate = |seed, boot| choice::choose(seed, boot, &PROBABILITIES);
    // The first boot must be good: a contender that has had none is not tried on and on.
    let both = |seed: &u64| {
        fate(*seed, 0).is_none() && [0, 1].iter().all(|&one| (0..20).any(|boot| fate(*seed, boot) == Some(one)))
    };
    let seed = (0..).find(both).expect("a seed");
    let lab = Lab::without_vms();
    let behaviour = json!([
        { "do": "die", "signal": 9, "probability": PROBABILITIES[0] },
        { "do": "exit", "at": "iteration", "code": 4, "probability": PROBABILITIES[1] },
    ]);
    let fake = fake(&lab, &format!("\"boot_ms\": 2, \"iteration_ms\": 2, \"seed\": {seed}, \"misdeeds\": {behaviour}"));
    run(&lab, "qemu", &fake).args(["--boots", "20", "--max-failures", "20"]).run().ok();
    let report = report(&lab.path("out"));
    let seen: Vec<_> =
        report.contenders[0].boots.iter().map(|boot| (boot.block, boot.boot_seconds.is_some(), boot.status)).collect();
    let foretold: Vec<_> = (0..)
        .take(seen.len())
        .map(|block| match fate(seed, u64::from(block)) {
            None => (block, true, BootStatus::Ok),
            Some(died) => (block, died == 1, BootStatus::VmmExited),
        })
        .collect();
    assert_eq!(seen, foretold);
    let good = seen.iter().filter(|(_, _, status)| *status == BootStatus::Ok).count();
    assert_eq!(good, 20, "another block runs in the place of one that is left out");
}

#[test]
fn a_vmm_that_exits_without_a_word() {
    require!(need::image());
    let fault = inject(json!([{ "do": "exit", "code": 0 }]));
    let words = ["the VMM ended before the guest's agent sent its first frame (exit code 0)"];
    fault.fails(BootStatus::VmmExited, &words, ENDED);
}

#[test]
fn a_vmm_that_exits_before_its_guest_and_says_why() {
    require!(need::image());
    let fault = inject(json!([
        { "do": "mutter", "text": "qemu: could not set up the machine\n" },
        { "do": "exit", "code": 3 },
    ]));
    let words = ["the VMM ended before the guest's agent sent its first frame (exit code 3)"];
    let (outcome, boot) = fault.fails(BootStatus::VmmExited, &words, ENDED);
    assert_eq!(boot.last_words, ["stderr: qemu: could not set up the machine"]);
    assert!(outcome.stdout.contains("| stderr: qemu: could not set up the machine"), "{outcome}");
}

#[test]
fn a_vmm_that_exits_in_an_iteration() {
    require!(need::image());
    let fault = inject(
        json!([{ "do": "say", "at": "iteration", "text": "a last line\n" }, { "do": "exit", "at": "iteration", "code": 0 }]),
    );
    let words = ["the VMM ended during or after iteration 1 (exit code 0)"];
    let (_, boot) = fault.fails(BootStatus::VmmExited, &words, ENDED);
    assert_eq!(boot.last_words, ["console: a last line"]);
}

#[test]
fn a_vmm_that_crashes_at_power_off() {
    require!(need::image());
    let fault = inject(json!([{ "do": "die", "at": "power_off", "signal": Signal::SIGSEGV as i32 }]));
    fault.goes_well(&["the VMM failed after the guest's last frame (killed by SIGSEGV)"]);
}

#[test]
fn a_vmm_that_stops_itself() {
    require!(need::image());
    let fault = inject(json!([{ "do": "stop", "at": "iteration" }])).with(&["--iteration-deadline", "1"]);
    let words = ["iteration 1 took longer than its deadline of 1 s (the VMM is stopped, for example by SIGSTOP)"];
    fault.fails(BootStatus::IterationDeadline, &words, "give the iteration more time with --iteration-deadline");
}

#[test]
fn a_vmm_that_hangs_at_boot() {
    require!(need::image());
    let fault = inject(json!([{ "do": "hang" }])).with(&["--boot-deadline", "1"]);
    let words = ["the guest's agent sent nothing within the boot deadline of 1 s: the console printed nothing (3 \
    attempts)"];
    let (_, boot) = fault.fails(BootStatus::NeverStarted, &words, "--boot-deadline gives the guest more time");
    assert_eq!(boot.attempt, 3);
}

#[test]
fn a_vmm_that_hangs_in_only_one_boot_is_tried_again() {
    require!(need::image());
    let fault = inject(json!([{ "do": "hang", "boots": [0] }])).with(&["--boot-deadline", "5"]);
    let (outcome, boot) = fault.goes_well(&[]);
    assert_eq!(boot.attempt, 2, "{outcome}");
    assert!(outcome.stderr.contains("(tried again)"), "{outcome}");
}

#[test]
fn a_vmm_that_hangs_before_the_first_iteration() {
    require!(need::image());
    let fault = inject(json!([{ "do": "hang", "at": "prepared" }])).with(&["--boot-deadline", "5"]);
    let words = ["the guest's agent did not start its first iteration within 5 s after its first frame"];
    fault.fails(BootStatus::GuestFailed, &words, "console above");
}

#[test]
fn a_vmm_that_hangs_in_an_iteration() {
    require!(need::image());
    let fault = inject(json!([{ "do": "hang", "at": "iteration" }])).with(&["--iteration-deadline", "1"]);
    let words = ["iteration 1 took longer than its deadline of 1 s"];
    fault.fails(BootStatus::IterationDeadline, &words, "give the iteration more time with --iteration-deadline");
}

/// On the bare host, whose deadline is shorter than that of emulated machines.
#[test]
fn a_vmm_that_hangs_at_power_off() {
    require!(need::busybox());
    let lab = Lab::without_vms();
    let agent =
        fake(&lab, "\"boot_ms\": 5, \"iteration_ms\": 5, \"misdeeds\": [{ \"do\": \"hang\", \"at\": \"power_off\" }]");
    let args = ["run", "memory", "--vmm", "host", "--size", "1MiB", "--boots", "1", "--iterations", "2", "--out"];
    let outcome = lab.firebench(&args).arg(lab.path("out")).env("FIREBENCH_AGENT", agent).within(60).run().ok();
    let report = report(&lab.path("out"));
    let boot = &report.contenders[0].boots[0];
    assert_eq!((boot.status, boot.iterations.len()), (BootStatus::Ok, 2), "{outcome}");
    let said = "the VM was still running 15 s after its last frame, and firebench killed it";
    assert!(report.notices.iter().any(|notice| notice.contains(said)), "{:?}", report.notices);
    assert!(outcome.stdout.contains("firebench killed it"), "{outcome}");
}

#[test]
fn a_vmm_that_closes_its_console_and_lives_on() {
    require!(need::image());
    let fault = inject(json!([{ "do": "close_console" }])).with(&["--boot-deadline", "1"]);
    let words =
        ["sent nothing within the boot deadline of 1 s: the console printed nothing (the VMM has closed its console)"];
    fault.fails(BootStatus::NeverStarted, &words, "--boot-deadline gives the guest more time");
}

#[test]
fn a_vmm_deaf_to_signals_is_ended_all_the_same() {
    require!(need::image());
    let fault = inject(json!([{ "do": "hang", "at": "iteration" }]));
    let running = fault.invocation().start();
    wait_for("the guest", Duration::from_secs(60), || {
        let fakes = fault.lab().processes(&["fake-vmm", "-initrd"]);
        // SIGTERM is bit 14.
        let deaf = |pid: &u32| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
            blocked.and_then(|bits| u64::from_str_radix(bits.trim(), 16).ok()).is_some_and(|bits| bits & 1 << 14 != 0)
        };
        fakes.iter().any(deaf).then_some(())
    });
    running.signal(Signal::SIGTERM);
    running.within(60).finish().stops(143, "stopped by SIGTERM");
}

#[test]
fn a_vmm_that_leaves_children_and_daemons() {
    require!(need::image(), need::cgroup());
    let fault = inject(json!([{ "do": "leave_children", "at": "iteration" }]));
    let (_, boot) = fault.goes_well(&[]);
    assert!(!boot.without.iter().any(|without| without.to_string().contains("a control group")), "{:?}", boot.without);
}

/// Where no control group can be made, what leaves the VMM's process group is beyond firebench; the report says so.
#[test]
fn daemons_of_a_vmm_without_a_control_group() {
    require!(need::image(), need::namespaces(), need::root());
    let lab = Lab::without_vms();
    let fake = misbehaving(&lab, "qemu", &json!([{ "do": "leave_children", "at": "iteration" }]));
    let script = format!(
        r#"
        while grep -q " cgroup2 " /proc/self/mounts; do
            umount "$(grep -m 1 " cgroup2 " /proc/self/mounts | cut -d " " -f 2)"
        done
        exec "$FIREBENCH" run memory --accel tcg --size 1MiB --boots 1 --iterations 2 --out "$OUT" --contender=a=qemu,binary={}
        "#,
        fake.display()
    );
    lab.in_namespace(&script).env("OUT", lab.path("out")).start().finish_and_leave().ok();
    let report = report(&lab.path("out"));
    let boot = &report.contenders[0].boots[0];
    assert!(
        boot.without.iter().any(|without| without.to_string().starts_with("without a control group: ")),
        "{:?}",
        boot.without
    );
    let left = lab.processes(&["fake-vmm"]);
    assert_eq!(left.len(), 2, "the child of another process group, and the daemon");
    for pid in left {
        kill(Pid::from_raw(pid as i32), Signal::SIGKILL).expect("it lives");
    }
}

#[test]
fn a_vmm_that_makes_two_hundred_children() {
    require!(need::image(), need::cgroup());
    let fault = inject(json!([{ "do": "fork_bomb", "at": "iteration", "children": 200 }]));
    fault.goes_well(&[]);
}

#[test]
fn a_vmm_that_floods_its_standard_error() {
    require!(need::image());
    let fault = inject(json!([{ "do": "mutter", "text": "x".repeat(1 << 16), "times": 100_000 }]));
    let words = ["the VMM flooded its standard error with more than 64 MiB"];
    fault.fails(BootStatus::ProtocolError, &words, "do not trust anything from this VM");
}

#[test]
fn a_vmm_that_never_stops_muttering_gets_no_more_time_than_a_silent_one() {
    require!(need::image());
    let mutter = json!([{ "do": "mutter", "text": "x", "times": 100_000_000 }]);
    let words = ["the guest's agent sent nothing within the boot deadline of 1 s", "(3 attempts)"];
    let fault = inject(mutter).with(&["--boot-deadline", "1"]);
    fault.fails(BootStatus::NeverStarted, &words, "--boot-deadline gives the guest more time");
}

#[test]
fn a_vmm_that_fills_its_log() {
    require!(need::image(), need::kvm());
    // Below the limit of a file's size, at which the VMM would be killed: see `limits`.
    let fault = inject(json!([{ "do": "fill_log", "mib": 48 }, { "do": "exit", "code": 1 }])).by_firecracker();
    let words = ["the VMM ended before the guest's agent sent its first frame (exit code 1)"];
    let (_, boot) = fault.fails(BootStatus::VmmExited, &words, ENDED);
    // The last ten lines, of which all but one are a kilobyte long.
    assert_eq!(boot.last_words.len(), 10, "{:?}", boot.last_words);
    assert_eq!(boot.last_words.last().map(String::as_str), Some("log: the log's last line"));
    assert!(boot.last_words.iter().all(|line| line.chars().count() <= 505), "{:?}", boot.last_words);
}
