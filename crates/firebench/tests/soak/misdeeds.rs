//! What the fake VMM does wrong in a soak, how often, and what firebench must make of it.

use serde_json::{Value, json};

use crate::support::fake::choice;

/// A misdeed, its probability, and the states in which its boot may end.
struct Case {
    probability: f64,
    statuses: &'static [&'static str],
    deed: fn() -> Value,
}

const CASES: [Case; 16] = [
    Case { probability: 0.02, statuses: &["vmm_exited"], deed: || json!({ "do": "die", "signal": 9 }) },
    Case {
        probability: 0.02,
        statuses: &["vmm_exited"],
        deed: || json!({ "do": "die", "signal": 11, "at": "iteration" }),
    },
    Case { probability: 0.02, statuses: &["vmm_exited"], deed: || json!({ "do": "exit", "code": 0 }) },
    Case {
        probability: 0.02,
        statuses: &["vmm_exited"],
        deed: || json!({ "do": "exit", "code": 3, "at": "prepared" }),
    },
    // Nothing is missing then.
    Case { probability: 0.01, statuses: &["ok"], deed: || json!({ "do": "die", "signal": 6, "at": "power_off" }) },
    Case { probability: 0.005, statuses: &["never_started"], deed: || json!({ "do": "hang" }) },
    Case { probability: 0.005, statuses: &["iteration_deadline"], deed: || json!({ "do": "stop", "at": "iteration" }) },
    Case { probability: 0.02, statuses: &["ok"], deed: || json!({ "do": "leave_children", "at": "iteration" }) },
    Case { probability: 0.01, statuses: &["ok"], deed: || json!({ "do": "fork_bomb", "children": 20 }) },
    Case { probability: 0.01, statuses: &["ok"], deed: || json!({ "do": "eat_memory", "mib": 64 }) },
    Case { probability: 0.01, statuses: &["ok"], deed: || json!({ "do": "fill_log", "mib": 4 }) },
    Case {
        probability: 0.02,
        statuses: &["ok"],
        deed: || json!({ "do": "mutter", "text": "so it goes\n", "times": 2_000 }),
    },
    Case {
        probability: 0.02,
        statuses: &["ok"],
        deed: || json!({ "do": "say", "text": "\u{1b}[2J\u{7}\u{9b}31m\n", "times": 2_000 }),
    },
    // Whichever comes first, the limit or the deadline.
    Case {
        probability: 0.005,
        statuses: &["protocol_error", "never_started"],
        deed: || json!({ "do": "flood", "text": "x".repeat(4096) }),
    },
    Case {
        probability: 0.02,
        statuses: &["ok"],
        deed: || json!({ "do": "frame", "payload": "{\"event\":\"done\"}", "nonce": "0123456789abcdef", "seq": 0 }),
    },
    Case {
        probability: 0.02,
        statuses: &["protocol_error"],
        deed: || json!({ "do": "alter", "event": "iteration", "with": { "real": -1.0 } }),
    },
];

/// The script's misdeeds.
pub fn script() -> Value {
    let misdeeds = CASES.iter().map(|case| {
        let mut deed = (case.deed)();
        deed["probability"] = json!(case.probability);
        deed
    });
    misdeeds.collect()
}

/// How boot number `boot` of a firebench may end, and whether that is for a misdeed.
pub fn foretold(seed: u64, boot: u64) -> (&'static [&'static str], bool) {
    let probabilities = CASES.map(|case| case.probability);
    match choice::choose(seed, boot, &probabilities).and_then(|chosen| CASES.get(chosen)) {
        Some(case) => (case.statuses, true),
        None => (&["ok"], false),
    }
}
