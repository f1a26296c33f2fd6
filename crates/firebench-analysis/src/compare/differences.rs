//! In what two runs, and two contenders, differ apart from their times.

use firebench_model::record::{Artifact, ContenderRecord, Report};
use serde::Serialize;
use serde_json::Value;

/// Something that is not the same on both sides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What it is.
    pub what: String,
    /// In A.
    pub a: String,
    /// In B.
    pub b: String,
}

/// What of a host's facts is different from one moment to the next.
const VOLATILE: [&str; 6] = [
    "host disk_free",
    "host huge_pages free",
    "host load_average",
    "host memory_available",
    "host steal",
    "host swap_used",
];

/// The differences of two runs that concern all of their contenders.
pub fn of_runs(a: &Report, b: &Report) -> Vec<Difference> {
    let mut found = Vec::new();
    add(&mut found, "firebench", &a.firebench, &b.firebench);
    add(&mut found, "accelerator", a.accelerator, b.accelerator);
    add(&mut found, "nested host", &a.nested_host, &b.nested_host);
    add(&mut found, "preset", a.experiment.preset, b.experiment.preset);
    add(&mut found, "iterations", a.design.iterations, b.design.iterations);
    add(&mut found, "warm-up", a.design.warm_up, b.design.warm_up);
    let (a_design, b_design) = (&a.experiment.design, &b.experiment.design);
    add(&mut found, "guest's caches dropped", a_design.cold, b_design.cold);
    add(&mut found, "host's page cache", a_design.host_cache, b_design.host_cache);
    add(&mut found, "vCPUs bound", a.experiment.machine.pin, b.experiment.machine.pin);
    add(&mut found, "host", &a.host, &b.host);
    found.retain(|difference| !VOLATILE.contains(&difference.what.as_str()));
    found
}

/// The differences of two contenders, each of its run.
pub fn of_contenders(
    (run_a, a): (&Report, &ContenderRecord),
    (run_b, b): (&Report, &ContenderRecord),
) -> Vec<Difference> {
    let mut found = Vec::new();
    add(&mut found, "VMM", a.vmm, b.vmm);
    add(&mut found, "version", &a.version, &b.version);
    add(&mut found, "executable's SHA-256", &a.sha256, &b.sha256);
    add(&mut found, "vCPUs", a.vcpus, b.vcpus);
    add(&mut found, "memory in MiB", a.memory_mib, b.memory_mib);
    add(&mut found, "accelerator", a.accel, b.accel);
    add(&mut found, "setting", &a.settings, &b.settings);
    add(&mut found, "kernel command line", &a.cmdline, &b.cmdline);
    let roles: std::collections::BTreeSet<&str> =
        run_a.artifacts.iter().chain(&run_b.artifacts).map(|artifact| artifact.role.as_str()).collect();
    for role in roles {
        let digest = |run, name| artifact(run, name, role).map(|artifact| &artifact.sha256);
        add(&mut found, &format!("{role}'s SHA-256"), digest(run_a, &a.name), digest(run_b, &b.name));
    }
    found
}

/// The artifact of a role that a contender uses: its own, or the one of all.
fn artifact<'a>(run: &'a Report, contender: &str, role: &str) -> Option<&'a Artifact> {
    let of_role = || run.artifacts.iter().filter(|artifact| artifact.role == role);
    let own = of_role().find(|artifact| artifact.contenders.iter().any(|name| name == contender));
    own.or_else(|| of_role().find(|artifact| artifact.contenders.is_empty()))
}

/// Compares two values as JSON has them, objects field by field.
fn add(found: &mut Vec<Difference>, what: &str, a: impl Serialize, b: impl Serialize) {
    // What has no JSON, such as a path that is not UTF-8, is unknown.
    let value = |value: serde_json::Result<Value>| value.unwrap_or_default();
    add_values(found, what, &value(serde_json::to_value(a)), &value(serde_json::to_value(b)));
}

fn add_values(found: &mut Vec<Difference>, what: &str, a: &Value, b: &Value) {
    match (a, b) {
        _ if a == b => {}
        (Value::Object(a), Value::Object(b)) => {
            let names: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for name in names {
                let of = |object: &serde_json::Map<String, Value>| object.get(name).cloned().unwrap_or_default();
                add_values(found, &format!("{what} {name}"), &of(a), &of(b));
            }
        }
        _ => found.push(Difference { what: what.to_owned(), a: shown(a), b: shown(b) }),
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
