//! Guests and VMMs that write for the reader's terminal, or for a browser. `injected` looks at all that firebench tells of
//! such a run, for control characters and for markup.

use firebench_model::record::BootStatus;
use serde_json::json;

use crate::injected::inject;
use crate::require;
use crate::support::need;

/// Clears a screen, sets a title, with C0 and with C1; reverses a line; HTML, a link, an image; ends of fences, tables, code.
const NASTY: &str = "\x1b[2J\x1b]0;title\x07\u{9b}31m\u{202e}<script>alert(1)</script><img src=x onerror=alert(1)>\
                     [x](javascript:alert(1)) ![x](y) ``` ` | \\| \r\0\x7f\x08 &lt;";

#[test]
fn escapes_in_everything_that_a_good_guest_tells() {
    require!(need::image());
    let facts = json!({
        "kernel_release": NASTY, "kernel_version": NASTY, "cmdline": NASTY, "clocksource": NASTY, "clocksources": [NASTY],
        "cpu": { "vendor": NASTY, "model": NASTY, "flags": [NASTY, "fpu"] }, "modules": [NASTY],
        "block": { NASTY: NASTY, "scheduler": NASTY }, "mitigations": { NASTY: NASTY }, "transparent_hugepage": NASTY,
    });
    let fault = inject(json!([
        { "do": "alter", "event": "hello", "with": { "agent": NASTY } },
        { "do": "alter", "event": "facts", "with": facts },
        { "do": "alter", "event": "meminfo", "with": { "text": format!("MemTotal: 1 kB\n{NASTY}: 2 kB\nx: 3 {NASTY}\n```\n{NASTY}\n") } },
        { "do": "alter", "event": "iteration", "with": { "stderr": NASTY } },
        { "do": "say", "text": NASTY },
    ]));
    let (_, boot) = fault.goes_well(&[]);
    assert!(boot.facts.expect("facts").cpu.model.contains("<script>"), "kept, but for what cannot be printed");
}

#[test]
fn escapes_on_the_console() {
    require!(need::image());
    let fault = inject(json!([{ "do": "say", "text": format!("{NASTY}\n"), "times": 3 }, { "do": "exit", "code": 1 }]));
    let words = ["the VMM ended before the guest's agent sent its first frame (exit code 1)"];
    let (_, boot) = fault.fails(BootStatus::VmmExited, &words, "last words above");
    assert!(boot.last_words.iter().filter(|line| line.contains("<script>")).count() == 3, "{:?}", boot.last_words);
}

#[test]
fn escapes_in_the_agents_failure() {
    require!(need::image());
    let failed = json!({ "event": "failed", "message": NASTY.repeat(100) }).to_string();
    let fault = inject(json!([{ "do": "frame", "at": "prepared", "payload": failed }]));
    let (_, boot) = fault.fails(BootStatus::GuestFailed, &["the agent failed: ", "alert(1)", "…"], "console above");
    assert!(boot.message.expect("a message").chars().count() < 300);
}

#[test]
fn escapes_in_a_kernels_panic() {
    require!(need::image());
    let panic = format!("Kernel panic - not syncing: {NASTY}\n");
    let fault = inject(json!([{ "do": "say", "text": panic }, { "do": "hang" }]));
    fault.fails(
        BootStatus::GuestPanicked,
        &["the guest's kernel panicked: Kernel panic - not syncing: "],
        "console above",
    );
}

#[test]
fn escapes_in_the_commands_standard_error() {
    require!(need::image());
    let with = json!({ "status": 1, "stderr": format!("\n{}\nmore", NASTY.repeat(1000)) });
    let fault = inject(json!([{ "do": "alter", "event": "iteration", "with": with }]));
    let words = ["iteration 1: the command ended with status 1: ", "alert(1)"];
    let (_, boot) = fault.fails(BootStatus::CommandFailed, &words, "the command's own words");
    assert!(boot.message.expect("a message").chars().count() < 300);
}

#[test]
fn escapes_in_the_digest() {
    require!(need::image());
    let fault = inject(
        json!([{ "do": "alter", "event": "iteration", "with": { "stdout": NASTY.replace(' ', "").repeat(1000) } }]),
    );
    let words = ["iteration 1: the guest computed \"", "the payload's SHA-256 is "];
    let (_, boot) = fault.fails(BootStatus::WrongDigest, &words, "firebench image list --verify");
    assert!(boot.message.expect("a message").chars().count() < 400);
}

#[test]
fn escapes_in_what_is_no_event() {
    require!(need::image());
    let payload = json!({ "event": NASTY.repeat(1000) }).to_string();
    let fault = inject(json!([{ "do": "replace", "event": "hello", "payload": payload }]));
    let (_, boot) = fault.fails(
        BootStatus::ProtocolError,
        &["frame 0 is not an event: unknown variant"],
        "do not trust anything from this VM",
    );
    assert!(boot.message.expect("a message").chars().count() < 300);
}

#[test]
fn escapes_on_the_vmms_standard_error() {
    require!(need::image());
    let fault =
        inject(json!([{ "do": "mutter", "text": format!("{NASTY}\n"), "times": 20 }, { "do": "exit", "code": 1 }]));
    let (outcome, boot) = fault.fails(BootStatus::VmmExited, &["(exit code 1)"], "last words above");
    assert!(boot.last_words.iter().filter(|line| line.starts_with("stderr: ")).count() == 10, "{:?}", boot.last_words);
    assert!(outcome.stdout.contains("| stderr: "), "{outcome}");
}

#[test]
fn escapes_in_the_vmms_log() {
    require!(need::image(), need::kvm());
    let fault =
        inject(json!([{ "do": "log", "text": format!("{NASTY}\n") }, { "do": "exit", "code": 1 }])).by_firecracker();
    let (outcome, _) = fault.fails(BootStatus::VmmExited, &["(exit code 1)"], "last words above");
    assert!(outcome.stdout.contains("| log: "), "{outcome}");
}
