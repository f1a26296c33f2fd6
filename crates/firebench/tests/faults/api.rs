//! A Firecracker that is told its machine by its API socket, and what may go wrong with that.

use std::time::Duration;

use firebench_model::record::BootStatus;
use nix::sys::signal::Signal;
use serde_json::json;

use crate::injected::inject;
use crate::require;
use crate::support::common::{Lab, wait_for};
use crate::support::invocation::report;
use crate::support::need;

/// What the hint of a VMM that did not start says.
const DOCTOR: &str = "run `firebench doctor`";
/// What the hint of one from which nothing came says.
const MORE_TIME: &str = "--boot-deadline gives the guest more time";

#[test]
fn a_firecracker_that_takes_what_it_is_told() {
    require!(need::image(), need::kvm());
    let (_, boot) = inject(json!([{ "do": "sleep", "ms": 200, "at": "listen" }])).by_api().goes_well(&[]);
    assert!(boot.boot_seconds.is_some_and(|seconds| seconds > 0.2), "from the start of the process: {boot:?}");
}

#[test]
fn a_firecracker_whose_api_socket_never_appears() {
    require!(need::image(), need::kvm());
    let fault = inject(json!([{ "do": "hang", "at": "listen" }])).by_api().with(&["--boot-deadline", "1"]);
    fault.fails(
        BootStatus::NeverStarted,
        &["within the boot deadline of 1 s", "(the VMM has not opened its API socket)"],
        MORE_TIME,
    );
}

#[test]
fn a_firecracker_that_does_not_answer() {
    require!(need::image(), need::kvm());
    let fault = inject(json!([{ "do": "hang", "at": "told" }])).by_api().with(&["--boot-deadline", "1"]);
    fault.fails(
        BootStatus::NeverStarted,
        &["within the boot deadline of 1 s", "(the VMM has not answered PUT /boot-source)"],
        MORE_TIME,
    );
}

#[test]
fn a_firecracker_that_refuses_with_escapes() {
    require!(need::image(), need::kvm());
    let body = "{\"fault_message\":\"no such kernel\\u001b]0;title\\u0007\\u202e\"}";
    let text = format!("HTTP/1.1 400 \r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let fault = inject(json!([{ "do": "answer", "text": text, "at": "told" }])).by_api();
    let words = ["the VMM refused PUT /boot-source with status 400: no such kernel\u{fffd}]0;title\u{fffd}\u{fffd}"];
    fault.fails(BootStatus::StartFailed, &words, DOCTOR);
}

#[test]
fn a_firecracker_that_answers_garbage() {
    require!(need::image(), need::kvm());
    let garbage = json!([{ "do": "answer", "text": [0, 255, 10, 13], "at": "told" }]);
    let words = ["the VMM's answer to PUT /boot-source cannot be read: it does not begin like an answer of HTTP/1.1"];
    inject(garbage).by_api().fails(BootStatus::StartFailed, &words, DOCTOR);
}

#[test]
fn a_firecracker_that_answers_with_megabytes() {
    require!(need::image(), need::kvm());
    let text = format!("HTTP/1.1 204 \r\nX: {}\r\n", "x".repeat(1 << 16));
    let flood = json!([{ "do": "answer", "text": text, "times": 1000, "at": "told" }]);
    let words = ["the VMM's answer to PUT /boot-source cannot be read: it is longer than 64 KiB"];
    inject(flood).by_api().fails(BootStatus::StartFailed, &words, DOCTOR);
}

#[test]
fn a_firecracker_that_dies_between_requests() {
    require!(need::image(), need::kvm());
    let fault = inject(json!([{ "do": "die", "signal": 9, "at": "told" }])).by_api();
    let words = ["first frame (killed by SIGKILL; it has not answered PUT /boot-source)"];
    fault.fails(BootStatus::VmmExited, &words, "read the VMM's last words above");
}

#[test]
fn a_firecracker_that_closes_the_connection_and_lives_on() {
    require!(need::image(), need::kvm());
    let fault = inject(json!([{ "do": "hang_up", "at": "told" }])).by_api();
    let words = ["the VMM closed its API socket and did not answer PUT /boot-source"];
    fault.fails(BootStatus::StartFailed, &words, DOCTOR);
}

#[test]
fn a_run_is_stopped_while_its_firecracker_does_not_answer() {
    require!(need::image(), need::kvm());
    let fault = inject(json!([{ "do": "hang", "at": "told" }])).by_api();
    let running = fault.invocation().start();
    wait_for("the socket", Duration::from_secs(60), || {
        let fakes = fault.lab().processes(&["fake-vmm", "--api-sock"]);
        fakes.first().and_then(|pid| std::fs::read_to_string(format!("/proc/{pid}/status")).ok()).filter(|status| {
            let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:"));
            blocked.is_some_and(|bits| bits.trim().bytes().any(|digit| digit != b'0'))
        })
    });
    running.signal(Signal::SIGINT);
    running.within(10).finish().stops(130, "stopped by Ctrl-C");
}

#[test]
fn an_api_socket_whose_path_is_too_long() {
    require!(need::image(), need::kvm());
    let fault = inject(json!([])).by_api();
    let long = fault.lab().path(&"d".repeat(100));
    std::fs::create_dir(&long).expect("a directory");
    let outcome = fault.invocation().env("TMPDIR", &long).run();
    let outcome = outcome.fails(2, &["firecracker cannot listen on", "has at most 107 bytes"]);
    assert!(outcome.stderr.contains("hint: set TMPDIR to a directory with a shorter path"), "{outcome}");
}

#[test]
fn a_firecracker_that_refuses_a_template_in_the_nested_host() {
    require!(need::tcg(), need::firecracker());
    let lab = Lab::new();
    let out = lab.path("out");
    let args = ["run", "memory", "--accel", "nested", "--size", "1MiB", "--boots", "1", "--iterations", "1", "--out"];
    // The template is for Intel's CPUs, and the nested host's is AMD's.
    let contender = "--contender=a=firecracker,api=on,template=T2";
    let outcome = lab.firebench(&args).arg(&out).arg(contender).run();
    outcome.fails(3, &["a, boot 1: the VMM refused PUT /actions with status 400: ", "CPU vendor mismatched"]);
    let report = report(&out);
    let boot = crate::failed_boot(&report);
    assert_eq!(boot.status, BootStatus::StartFailed);
    // Its log has the request, which the console has not.
    assert!(boot.last_words.iter().any(|line| line.starts_with("log: ") && line.contains("/actions")), "{boot:?}");
    assert!(!boot.last_words.iter().any(|line| line.starts_with("console: ")), "{boot:?}");
}
