//! Services that firebench asks from the other end of a card, in every isolation.

use firebench_model::record::{BootRecord, BootStatus, ContenderRecord, Report};

use crate::require;
use crate::support::common::Lab;
use crate::support::invocation::report;
use crate::support::need;

/// A run of all isolations, with its report in `out`.
fn run(lab: &Lab, args: &[&str]) -> Report {
    let report = run_of(lab, "host,bubblewrap,runc,gvisor,uml", args);
    assert_eq!(report.contenders.len(), 5);
    report
}

/// A run of these kinds. On a busy machine a boot may be void.
fn run_of(lab: &Lab, kinds: &str, args: &[&str]) -> Report {
    let common = ["--vmm", kinds, "--boots", "1", "--memory", "256MiB", "--out", "out"];
    let outcome = lab.firebench(&["run"]).args(args).args(common).at(&lab.path("")).within(900).run();
    let report = report(&lab.path("out"));
    let fine = |boot: &BootRecord| matches!(boot.status, BootStatus::Ok | BootStatus::Void);
    for contender in &report.contenders {
        assert!(contender.boots.iter().all(fine) && !contender.boots.is_empty(), "{contender:?}\n{outcome}");
    }
    report
}

/// A metric of a contender.
fn value(contender: &ContenderRecord, name: &str) -> Option<f64> {
    contender.boots.first()?.iterations.first()?.metrics.get(name).copied()
}

#[test]
fn every_isolation_is_seen_to_answer() {
    require!(need::isolations());
    let lab = Lab::new();
    let report = run(&lab, &["service"]);
    assert_eq!(report.design.primary, "http");
    for contender in &report.contenders {
        let name = &contender.name;
        let [arp, icmp, tcp, http] = ["arp", "icmp", "tcp", "http"].map(|metric| value(contender, metric));
        assert!(tcp > Some(0.0) && tcp <= http, "{name}: {tcp:?} {http:?}");
        assert!(http < Some(contender.boots[0].life_seconds), "{name}: {http:?}");
        if contender.vmm.is_host() {
            assert_eq!((arp, icmp), (None, None));
        } else {
            assert!(arp > Some(0.0) && arp <= icmp && arp <= tcp, "{name}: {arp:?} {icmp:?} {tcp:?}");
        }
        assert_eq!(contender.boots[0].iterations.len(), 1);
    }
}

#[test]
fn every_isolation_answers_from_memory_and_from_the_disk() {
    require!(need::isolations());
    for (from, body, bytes) in [("memory", "3KiB", 3072.0), ("disk", "80KiB", 81920.0)] {
        let lab = Lab::new();
        let load = ["--rate", "40", "--connections", "2", "--duration", "1s"];
        let report = run(&lab, &[&["http", "--body", body, "--body-from", from], &load[..]].concat());
        for contender in &report.contenders {
            let name = &contender.name;
            let times = ["p50", "p90", "p99", "p999"].map(|metric| value(contender, metric).unwrap_or(f64::NAN));
            assert!(times.is_sorted() && times[0] > 0.0, "{name}: {times:?}");
            let [answers, moved] = ["answers", "bytes"].map(|metric| value(contender, metric).unwrap_or(f64::NAN));
            assert!(answers > 0.0 && (moved / answers - bytes).abs() < 1e-6, "{name}: {answers} {moved}");
        }
        let http = &report.experiment.http;
        assert_eq!(
            (http.rate, http.connections, http.body.map(|size| size.0 as f64)),
            (Some(40), Some(2), Some(bytes))
        );
        assert_eq!(report.payload.is_there(), from == "disk");
    }
}

#[test]
#[ignore = "run by scripts/long"]
fn vms_answer_in_the_nested_host() {
    require!(need::qemu(), need::firecracker(), need::image());
    for (workload, metrics) in [("service", &["arp", "icmp", "tcp", "http"][..]), ("http", &["p50", "answers"])] {
        let lab = Lab::new();
        let load = ["--rate", "5", "--connections", "1", "--duration", "3s"];
        let load = load.iter().filter(|_| workload == "http");
        let args: Vec<&str> = [workload, "--accel", "nested"].iter().chain(load).copied().collect();
        let report = run_of(&lab, "qemu,firecracker", &args);
        for contender in &report.contenders {
            let found = metrics.iter().all(|metric| value(contender, metric) > Some(0.0));
            assert!(found, "{}: {:?}", contender.name, contender.boots[0].iterations);
        }
    }
}

#[test]
fn what_a_load_cannot_be_is_refused() {
    let lab = Lab::without_vms();
    for (args, reasons) in [
        (&["http", "--connections", "0"][..], &["0 is no whole number above 0"][..]),
        (&["http", "--connections", "201"], &["--connections 201 is out of bounds", "from 1 to 200"]),
        (&["http", "--duration", "1h"], &["--duration 3600 is out of bounds"]),
        (&["http", "--body", "1GiB"], &["--body 1073741824 is out of bounds"]),
        (&["http", "--body-from", "tape"], &["tape is neither memory nor disk"]),
        (&["http", "--rate", "100000", "--duration", "100s"], &["10000000 questions are too many"]),
        (&["service", "--rate", "5"], &["cannot use --rate with the workload service"]),
        (&["http", "--iterations", "3"], &["iterations"]),
    ] {
        lab.firebench(&["run", "--vmm", "host", "--dry-run"]).args(args).run().fails(2, reasons);
    }
}
