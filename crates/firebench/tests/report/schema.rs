//! `docs/report-schema.md` documents what `report.json` holds: all of it, and nothing else.

use std::collections::BTreeSet;

use firebench_analysis::findings::Findings;
use firebench_model::experiment::{BodyFrom, HttpSpec, PayloadSpec};
use firebench_model::record::{AtOnce, Extension, Footprint, MemoryUse, Moments, OneOfMany};
use firebench_report::json::to_json;
use firebench_store::import::Options;
use firebench_text::units::{Size, Span};
use firebench_vmm::{Request, Requests, firecracker, preset};
use serde_json::Value;

use crate::fixture::{failed, nested, published};
use crate::pairs::duet;

const DOC: &str = include_str!("../../../../docs/report-schema.md");

/// Objects whose keys are data.
const MAPS: [&str; 3] = ["metrics", "block", "mitigations"];

/// Counts by their names, in arrays or by themselves.
const COUNTS: [&str; 4] = ["counts.boot", "counts.iterations", "counts.shutdown", "counts.life"];

/// The path of every field below `value`: `contenders[].boots[].status`.
fn paths(prefix: &str, value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                // Throw-away boots have the fields of boots.
                if key == "discarded" {
                    found.insert(path);
                    continue;
                }
                let is_map =
                    MAPS.contains(&key.as_str()) && !value.is_array() || COUNTS.iter().any(|of| path.ends_with(of));
                if !is_map || path.contains("experiment") {
                    paths(&path, value, found);
                }
                found.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(&format!("{prefix}[]"), item, found)),
        _ => {}
    }
}

fn in_reports() -> BTreeSet<String> {
    let mut file = published();
    file.experiment.payload = PayloadSpec::File { path: "mine".into(), block: None };
    // A precision, time that was added, and a boot that is not like the others.
    let mut aimed = published();
    aimed.design.precision = Some(0.01);
    aimed.design.extended = vec![Extension { after_boots: 2, max_seconds: 60.0 }];
    aimed.experiment.design.layout = 1;
    aimed.contenders[0].discarded = aimed.contenders[0].boots.clone();
    let changed = aimed.contenders[1].boots[1].facts.as_mut().expect("a guest that told");
    changed.kernel_release = "another".to_owned();
    changed.kernel_lines = Some(204);
    changed.network_interfaces = Some(vec!["eth0".to_owned()]);
    let whole = Moments { first_byte: Some(0.1), done: Some(2.0), gone: Some(2.5), ..Moments::default() };
    aimed.contenders[1].boots[1].moments = Some(whole);
    aimed.contenders[1].concurrent = 2;
    let one = OneOfMany {
        boot_seconds: Some(1.0),
        moments: Some(whole),
        vmm_cpu: Some((1.0, 0.5)),
        iterations: vec![[("real".to_owned(), 1.0)].into()],
        ..OneOfMany::default()
    };
    aimed.contenders[1].boots[1].at_once =
        Some(AtOnce { memory_available: Some([2, 1]), all: vec![one], ..AtOnce::default() });
    let used = Some(MemoryUse { guest_by_size: true, ..MemoryUse::default() });
    let footprint = Footprint { boot: used, work: used, missing: Some("no right".to_owned()) };
    aimed.contenders[1].boots[1].footprint = Some(footprint);
    // A Firecracker that was told its machine by its API socket.
    let mut told = published();
    let settings = told.contenders[1].settings.as_mut().expect("a VMM's");
    settings.values.set(&firecracker::API, true);
    let action = Request { method: "PUT".to_owned(), path: "/actions".to_owned(), body: "{}".to_owned() };
    told.contenders[1].launch.requests = Some(Requests { socket: "run/api.sock".into(), list: vec![action] });
    // And a container's network card.
    told.contenders[0].launch.veth = Some(preset::veth());
    told.contenders[0].launch.peer = Some(preset::peer(true, 4));
    told.experiment.http = HttpSpec {
        rate: Some(200),
        connections: Some(4),
        duration: Some(Span::seconds(5)),
        body: Some(Size(4096)),
        body_from: Some(BodyFrom::Disk),
    };
    told.contenders[0].launch.emptied = vec!["/proc/sys/net/core".into()];
    let [lower, memory, seen] = ["/root", "/boot/written", "/boot/rootfs"].map(Into::into);
    told.contenders[0].launch.overlay = Some(firebench_vmm::Overlay { lower, memory, seen, bytes: 1 << 30 });
    let mut found = BTreeSet::new();
    let csv = "contender,boot,iteration,metric,value\na,0,0,real,1\n";
    let imported = firebench_store::import::parse(csv, "mine.csv", "2025-06-01T12:00:00Z").unwrap();
    let hyperfine = r#"{"results": [{"command": "a", "times": [1, 2], "exit_codes": [0, 1]}]}"#;
    let executions = firebench_store::import::parse(hyperfine, "mine.json", "2025-06-01T12:00:00Z").unwrap();
    let zeros = format!("{csv}a,1,0,real,0\nb,0,0,real,1\nb,1,0,real,1\n");
    let by_difference = firebench_store::import::parse(&zeros, "mine.csv", "2025-06-01T12:00:00Z").unwrap();
    // Two contenders that share their values.
    let list = "0.81\n0.93\n0.87\n0.96\n0.84\n0.99\n0.82\n0.91\n";
    let lists = [("a.txt", list), ("b.txt", list)];
    let odd = firebench_store::import::of_lists(&lists, "lists", "2025-06-01T12:00:00Z", &Options::default()).unwrap();
    let mut unbelievable = published();
    unbelievable.contenders[0].boots[0].iterations[0].metrics.insert("host_real".to_owned(), 900.0);
    for report in [
        odd,
        unbelievable,
        duet(),
        published(),
        nested(),
        failed(),
        file,
        aimed,
        told,
        imported,
        executions,
        by_difference,
    ] {
        paths("", &serde_json::from_str(&to_json(&Findings::of(&report)).unwrap()).unwrap(), &mut found);
    }
    found
}

/// The first cell of every row of the document's tables.
fn in_document() -> BTreeSet<String> {
    let cell = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    DOC.lines().filter_map(cell).collect()
}

#[test]
fn every_field_is_documented_and_every_documented_field_exists() {
    let (reports, document) = (in_reports(), in_document());
    let missing: Vec<_> = reports.difference(&document).collect();
    let stale: Vec<_> = document.difference(&reports).collect();
    assert!(missing.is_empty() && stale.is_empty(), "missing in the document: {missing:#?}\nonly there: {stale:#?}");
}
