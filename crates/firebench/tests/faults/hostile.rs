//! Guests that lie, forge and flood. Whatever they write, firebench's memory stays bounded, and the boot gets a clear verdict.

use firebench_model::record::BootStatus;
use firebench_protocol::PROTOCOL_VERSION;
use serde_json::json;

use crate::injected::inject;
use crate::require;
use crate::support::need;

/// What the hint of a guest that cannot be trusted says.
const TRUST: &str = "do not trust anything from this VM";

#[test]
fn endless_bytes_without_a_newline() {
    require!(need::image());
    let fault = inject(json!([{ "do": "flood", "text": "x".repeat(4096) }]));
    fault.fails(BootStatus::ProtocolError, &["the guest flooded its console with more than 64 MiB"], TRUST);
}

#[test]
fn endless_newlines() {
    require!(need::image());
    let fault = inject(json!([{ "do": "flood", "text": "\n".repeat(4096) }]));
    fault.fails(BootStatus::ProtocolError, &["the guest flooded its console with more than 64 MiB"], TRUST);
}

#[test]
fn endless_invalid_utf_8() {
    require!(need::image());
    let garbage = [0xc3_u8, 0xff, 0x80, 0xf8, 0x0a].repeat(1000);
    let fault = inject(json!([{ "do": "flood", "text": garbage }]));
    let (_, boot) =
        fault.fails(BootStatus::ProtocolError, &["the guest flooded its console with more than 64 MiB"], TRUST);
    assert_eq!(boot.last_words.len(), 41, "the first and the last ones: {:?}", boot.last_words);
}

#[test]
fn a_trickle_that_never_ends_gets_no_more_time_than_silence() {
    require!(need::image());
    let fault = inject(json!([{ "do": "flood", "text": "x\n", "pause_us": 200 }])).with(&["--boot-deadline", "1"]);
    let words = ["sent nothing within the boot deadline of 1 s: ", ", but no frame", "(3 attempts)"];
    fault.fails(BootStatus::NeverStarted, &words, "--boot-deadline gives the guest more time");
}

#[test]
fn a_line_without_an_end_that_comes_slowly() {
    require!(need::image());
    let fault =
        inject(json!([{ "do": "flood", "text": "xxxxxxxx", "pause_us": 2000 }])).with(&["--boot-deadline", "1"]);
    let words = ["sent nothing within the boot deadline of 1 s: ", ", but no frame from the agent"];
    fault.fails(BootStatus::NeverStarted, &words, "--boot-deadline gives the guest more time");
    let silent = inject(json!([{ "do": "hang" }])).with(&["--boot-deadline", "1"]);
    silent.fails(BootStatus::NeverStarted, &["boot deadline of 1 s: the console printed nothing"], "--boot-deadline");
}

#[test]
fn a_power_off_amid_a_frame() {
    require!(need::image());
    let payload = json!({ "event": "failed", "message": "amid" }).to_string();
    let cut = json!({ "do": "frame", "at": "iteration", "payload": payload, "seq": 4, "cut": 60 });
    let fault = inject(json!([cut, { "do": "exit", "at": "iteration", "code": 0 }]));
    let words = [
        "the VMM ended during or after iteration 1, in the middle of a frame (",
        " bytes arrived) (exit code \
    0)",
    ];
    fault.fails(BootStatus::VmmExited, &words, "the VMM's last words");
}

#[test]
fn a_frame_of_another_boot_is_refused() {
    require!(need::image());
    let done = json!({ "event": "done" }).to_string();
    let fault = inject(json!([
        { "do": "frame", "payload": done, "nonce": "0123456789abcdef", "seq": 0, "times": 3 },
        { "do": "frame", "at": "iteration", "payload": done, "nonce": "0123456789abcdef", "seq": 6 },
    ]));
    fault.goes_well(&["4 console frames rejected", "(first: nonce of another boot)"]);
}

#[test]
fn a_frame_that_comes_again_is_refused() {
    require!(need::image());
    let hello = json!({ "event": "hello", "protocol": PROTOCOL_VERSION, "agent": "again", "uptime": 0.0 }).to_string();
    let fault = inject(json!([{ "do": "frame", "at": "iteration", "payload": hello, "seq": 0 }]));
    let words = ["something beside the agent writes its frames: repeated frame: expected number ", ", got 0"];
    fault.fails(BootStatus::ProtocolError, &words, TRUST);
}

#[test]
fn a_frame_that_is_cut_off() {
    require!(need::image());
    let payload = json!({ "event": "failed", "message": "cut off" }).to_string();
    let fault = inject(json!([{ "do": "frame", "at": "iteration", "payload": payload, "seq": 4, "cut": 60 }]));
    fault.goes_well(&["1 console frame rejected (first: "]);
}

#[test]
fn a_frame_of_another_length_than_it_says() {
    require!(need::image());
    let payload = json!({ "event": "failed", "message": "of another length" }).to_string();
    for length in [0, 7, 2000] {
        let fault =
            inject(json!([{ "do": "frame", "at": "iteration", "payload": payload, "seq": 4, "length": length }]));
        fault.goes_well(&["1 console frame rejected (first: "]);
    }
}

#[test]
fn a_frame_longer_than_any_may_be() {
    require!(need::image());
    let payload = json!({ "event": "failed", "message": "too long" }).to_string();
    let fault =
        inject(json!([{ "do": "frame", "at": "iteration", "payload": payload, "seq": 4, "length": 1_048_577 }]));
    fault.goes_well(&["1 console frame rejected", "longer than the limit of 1048576 bytes"]);
}

#[test]
fn a_frame_with_a_wrong_checksum_is_missed_where_it_matters() {
    require!(need::image());
    let facts = json!({ "event": "facts" }).to_string();
    let fault = inject(json!([
        { "do": "omit", "event": "facts" },
        { "do": "frame", "at": "prepared", "payload": facts, "wrong_crc": true },
    ]));
    let words = ["the guest reports that it is done, but its facts did not arrive"];
    let (_, boot) = fault.fails(BootStatus::ProtocolError, &words, TRUST);
    let said = |word: &str| boot.last_words.iter().any(|line| line.contains(word));
    assert!(said("wrong checksum") && said("missing frames"), "{:?}", boot.last_words);
}

#[test]
fn many_frames_of_the_largest_size() {
    require!(need::image());
    let payload = format!("{{\"event\":\"output\",\"line\":\"{}\"}}", "x".repeat((1 << 20) - 28));
    assert_eq!(payload.len(), 1 << 20);
    let fault = inject(json!([{ "do": "frame", "payload": payload, "nonce": "0123456789abcdef", "times": 100 }]));
    fault.fails(BootStatus::ProtocolError, &["the guest flooded its console with more than 64 MiB"], TRUST);
}

#[test]
fn another_jobs_answers() {
    require!(need::image());
    let output = json!({ "event": "output", "line": "{\"event\":\"boot_done\"}" }).to_string();
    let fault = inject(json!([{ "do": "frame", "at": "iteration", "payload": output }]));
    let words = ["the guest sent a frame out of order: line of output"];
    fault.fails(BootStatus::ProtocolError, &words, TRUST);
}

#[test]
fn another_protocol() {
    require!(need::image());
    let fault = inject(json!([{ "do": "alter", "event": "hello", "with": { "protocol": 99 } }]));
    fault.fails(
        BootStatus::ProtocolError,
        &[&format!("the agent uses protocol 99, but this firebench uses {PROTOCOL_VERSION}")],
        "from different builds",
    );
}

#[test]
fn a_million_samples_of_one_iteration() {
    require!(need::image());
    let fault = inject(json!([{ "do": "repeat", "event": "iteration", "times": 1_000_000 }]));
    let words = ["the guest sent a frame out of order: end of an iteration"];
    let (_, boot) = fault.fails(BootStatus::ProtocolError, &words, TRUST);
    assert_eq!(boot.iterations.len(), 1);
}

#[test]
fn more_iterations_than_were_asked_for() {
    require!(need::image());
    let start = json!({ "event": "iteration_start", "index": 2 }).to_string();
    let fault = inject(json!([{ "do": "replace", "event": "done", "payload": start }]));
    let words = ["the guest sent a frame out of order: start of an iteration"];
    let (_, boot) = fault.fails(BootStatus::ProtocolError, &words, TRUST);
    assert_eq!(boot.iterations.len(), 2);
}

#[test]
fn iterations_out_of_order() {
    require!(need::image());
    let fault = inject(json!([{ "do": "alter", "event": "iteration_start", "with": { "index": 1 } }]));
    fault.fails(BootStatus::ProtocolError, &["out of order: start of an iteration"], TRUST);
    let fault = inject(json!([{ "do": "alter", "event": "iteration", "with": { "index": 4_294_967_295u32 } }]));
    fault.fails(BootStatus::ProtocolError, &["out of order: end of an iteration"], TRUST);
}

#[test]
fn fewer_iterations_than_were_asked_for() {
    require!(need::image());
    let done = json!({ "event": "done" }).to_string();
    let fault = inject(json!([{ "do": "replace", "event": "iteration", "payload": done }]));
    fault.fails(BootStatus::ProtocolError, &["only 0 of 2 iterations arrived"], TRUST);
}

#[test]
fn times_that_are_no_numbers() {
    require!(need::image());
    for real in ["NaN", "Infinity", "1e999", "null", "\"1\""] {
        let payload = format!("{{\"event\":\"iteration\",\"index\":0,\"real\":{real},\"user\":1,\"sys\":0}}");
        let fault = inject(json!([{ "do": "replace", "event": "iteration", "payload": payload }]));
        let words = ["the guest sent an invalid event: frame 4 is not an event: "];
        fault.fails(BootStatus::ProtocolError, &words, TRUST);
    }
}

#[test]
fn times_that_cannot_be() {
    require!(need::image());
    let lies = [("real", -1.0), ("real", 0.0), ("real", 1e-300), ("real", 1e308), ("user", -0.5), ("sys", 1e300)];
    for (name, value) in lies {
        let fault = inject(json!([{ "do": "alter", "event": "iteration", "with": { name: value } }]));
        let words = [&format!("iteration 1: the guest reports {name} = {value:?} s, which no iteration takes") as &str];
        let (_, boot) = fault.fails(BootStatus::ProtocolError, &words, TRUST);
        assert_eq!(boot.iterations.len(), 0);
    }
}

#[test]
fn json_nested_deep() {
    require!(need::image());
    let payload = format!("{{\"event\":\"facts\",\"deep\":{}{}}}", "[".repeat(500_000), "]".repeat(500_000));
    let fault = inject(json!([{ "do": "replace", "event": "facts", "payload": payload }]));
    let words = ["the guest sent an invalid event: frame 1 is not an event: recursion limit exceeded"];
    fault.fails(BootStatus::ProtocolError, &words, TRUST);
}

#[test]
fn facts_and_meminfo_of_a_megabyte() {
    require!(need::image());
    let huge = "x".repeat(1_000_000);
    let fault = inject(json!([{ "do": "alter", "event": "facts", "with": { "kernel_release": huge } }]));
    let words = ["the guest's facts take 1000", "more than 65536: no agent's do"];
    let (_, boot) = fault.fails(BootStatus::ProtocolError, &words, TRUST);
    assert_eq!(boot.facts, None);
    let fault = inject(json!([{ "do": "alter", "event": "meminfo", "with": { "text": huge } }]));
    let words = ["the guest's meminfo take 1000000 bytes, more than 16384: no agent's do"];
    fault.fails(BootStatus::ProtocolError, &words, TRUST);
}

#[test]
fn facts_twice() {
    require!(need::image());
    let fault = inject(json!([{ "do": "repeat", "event": "facts", "times": 2 }]));
    fault.fails(BootStatus::ProtocolError, &["the guest sent a frame out of order: facts"], TRUST);
}

#[test]
fn frames_after_the_last_one() {
    require!(need::image());
    let start = json!({ "event": "iteration_start", "index": 0 }).to_string();
    let fault = inject(json!([{ "do": "frame", "at": "power_off", "payload": start }]));
    let words = ["the guest sent a frame after the last: start of an iteration"];
    let (_, boot) = fault.fails(BootStatus::ProtocolError, &words, TRUST);
    assert_eq!(boot.iterations.len(), 2);
}
