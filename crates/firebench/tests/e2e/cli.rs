//! The command line around the runs: help, doctor, images.

use crate::require;
use crate::support::common::Lab;
use crate::support::need;

#[test]
fn help_reads_well() {
    let lab = Lab::without_vms();
    for (name, args) in [
        ("help", &["--help"][..]),
        ("help_run", &["run", "--help"]),
        ("help_image", &["image", "--help"]),
        ("help_tune", &["tune", "--help"]),
    ] {
        let outcome = lab.firebench(args).run().ok();
        assert_eq!(outcome.stderr, "", "{outcome}");
        insta::assert_snapshot!(name, without_tables(&outcome.stdout));
        let long = outcome.stdout.lines().find(|line| line.chars().count() > 120);
        assert_eq!(long, None);
    }
    let version = lab.firebench(&["--version"]).run().ok().stdout;
    assert_eq!(version, format!("firebench {}\n", env!("CARGO_PKG_VERSION")));
}

/// Help without what is made of the tables of kinds and of workloads, so that a new one of either changes no snapshot.
fn without_tables(help: &str) -> String {
    let of_table = |option: &str| {
        ["vmm", "contender", "jail", "primary"].contains(&option)
            || firebench_vmm::kinds::named(option).is_some()
            || firebench_workload::flags().iter().any(|flag| flag.name == option)
    };
    let (mut kept, mut skipping) = (String::new(), false);
    for line in help.lines() {
        let text = line.trim_start();
        match line.len() - text.len() {
            0 if !line.is_empty() => skipping = false,
            2 if text.starts_with('[') => skipping = text == "[WORKLOAD]",
            2 | 6 if text.starts_with('-') => {
                let option = text.strip_prefix("--").and_then(|text| text.split(' ').next());
                skipping = option.is_some_and(of_table);
            }
            _ => {}
        }
        if !skipping {
            kept += line;
            kept.push('\n');
        }
    }
    kept
}

#[test]
fn every_kind_is_in_the_help_of_run() {
    let help = Lab::without_vms().firebench(&["run", "--help"]).run().ok().stdout;
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for kind in firebench_vmm::kinds::all() {
        let keys = firebench_model::experiment::keys(kind).collect::<Vec<_>>().join(", ");
        assert!(words.contains(&format!("{kind}: {keys}")), "{kind}\n{help}");
        let program = kind.program.as_ref().map(|program| program.variable);
        assert_eq!(words.contains(&format!("--{kind} <PATH>")), program.is_some(), "{kind}\n{help}");
        assert!(program.is_none_or(|variable| words.contains(&format!("[env: {variable}]"))), "{kind}\n{help}");
    }
    for jail in ["QEMU in the strictest of its sandboxes", "Firecracker under its jailer"] {
        assert!(words.contains(jail), "{help}");
    }
    assert!(words.contains("uml, and host for the bare host; or groups of those whose programs are here: all, containers, vmms [default: qemu,firecracker]"), "{help}");
}

#[test]
fn every_workload_is_in_the_help_of_run() {
    let help = Lab::without_vms().firebench(&["run", "--help"]).run().ok().stdout;
    let words = help.split_whitespace().collect::<Vec<_>>().join(" ");
    for workload in firebench_workload::ALL {
        assert!(words.contains(&format!("- {}: {}", workload.name(), workload.about())), "{workload:?}\n{help}");
    }
    for flag in firebench_workload::flags() {
        assert!(words.contains(&format!("--{} <{}> {}", flag.name, flag.value, flag.help)), "{}\n{help}", flag.name);
    }
    for metric in firebench_workload::all_primaries() {
        let primary = words.split("--primary <METRIC>").nth(1).unwrap_or_default();
        assert!(primary.contains(metric.name.as_ref()), "{}\n{help}", metric.name);
    }
}

#[test]
fn doctor_names_what_is_there_and_what_is_not() {
    let lab = Lab::without_vms();
    let outcome = lab.firebench(&["doctor"]).run();
    assert!(matches!(outcome.status.code(), Some(0 | 3)), "{outcome}");
    for subject in ["kvm", "accelerator", "qemu", "firecracker", "kernel", "busybox", "mke2fs", "memory", "disk"] {
        let named = outcome.stdout.lines().any(|line| line.split_whitespace().nth(1) == Some(subject));
        assert!(named, "{subject}\n{outcome}");
    }
    let kvm = outcome.stdout.lines().find(|line| line.split_whitespace().nth(1) == Some("kvm")).expect("a line");
    let classes = ["million loop iterations a second", "there is no", "permission", "cannot"];
    assert!(classes.iter().any(|class| kvm.contains(class)), "{kvm}");

    let empty = lab.path("empty");
    std::fs::create_dir(&empty).expect("a directory");
    let bare = lab.firebench(&["doctor"]).env("FIREBENCH_DATA", &empty).env("PATH", &empty).run();
    assert_eq!(bare.status.code(), Some(3), "{bare}");
    assert!(bare.stdout.contains("apt-get install qemu-system-x86"), "{bare}");
    assert!(bare.stdout.contains("firebench fetch firecracker"), "{bare}");
}

#[test]
fn images_are_built_listed_verified_and_removed() {
    require!(need::image());
    let lab = Lab::without_vms().with_empty_cache();
    let build = ["image", "build", "--size", "3MiB", "--seed", "7"];
    let built = lab.firebench(&build).run().ok();
    let path = std::path::PathBuf::from(built.stdout.lines().next().expect("a path"));
    assert!(path.is_file() && path.starts_with(&lab.cache), "{built}");
    assert!(built.stdout.contains("payload of 3145728 bytes with sha256 "), "{built}");
    assert!(built.stderr.contains("building the disk"), "{built}");
    let again = lab.firebench(&build).run().ok();
    assert_eq!((again.stdout, again.stderr), (built.stdout, String::new()), "it is in the cache");

    let listed = lab.firebench(&["image", "list"]).run().ok();
    assert!(listed.stdout.lines().count() == 1 && listed.stdout.contains("3145728 bytes of seed 0x7"), "{listed}");
    let verified = lab.firebench(&["image", "list", "--verify"]).run().ok();
    assert!(verified.stdout.contains("intact   disk/"), "{verified}");

    let kept = lab.firebench(&["image", "gc"]).run().ok();
    assert!(kept.stdout.starts_with("removed 0 entries"), "{kept}");
    let removed = lab.firebench(&["image", "gc", "--max-size", "0"]).run().ok();
    assert!(removed.stdout.starts_with("removed 1 entries") && !path.exists(), "{removed}");
    assert_eq!(lab.firebench(&["image", "list"]).run().ok().stdout, "");
}
