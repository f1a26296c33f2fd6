//! What runs at real speed on every machine: containers and User Mode Linux, beside the bare host.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use firebench_model::record::{BootStatus, ContenderRecord, Report};
use firebench_vmm::Accel;

use crate::require;
use crate::support::common::{Lab, data_dir, firebench};
use crate::support::invocation::{Invocation, report};
use crate::support::need;

const ALL: [&str; 5] = ["host", "bubblewrap", "runc", "gvisor", "uml"];

/// What holds for every good run of all of them.
#[track_caller]
fn assert_good(report: &Report, boots: usize) {
    assert_eq!((report.accelerator, report.emulated, &report.failure), (Accel::Native, false, &None));
    let names: Vec<&str> = report.contenders.iter().map(|contender| contender.name.as_str()).collect();
    assert_eq!(names, ALL);
    for contender in &report.contenders {
        let name = &contender.name;
        assert_eq!((contender.vcpus, contender.accel), (1, Accel::Native), "{name}");
        assert_eq!(contender.launch.cpus.as_ref().map(Vec::len), Some(1), "{name}");
        assert_eq!(contender.boots.len(), boots, "{name}");
        for boot in &contender.boots {
            assert_eq!((boot.status, boot.message.as_deref()), (BootStatus::Ok, None), "{name}");
            assert!(
                boot.iterations.iter().all(|i| i.digest == report.payload.sha256 && i.metrics["real"] > 0.0),
                "{name}"
            );
            let facts = boot.facts.as_ref().expect("facts");
            assert_eq!(facts.cpu.online, 1, "{name}");
            assert!(!facts.kernel_release.is_empty(), "{name}");
        }
    }
}

/// The kernel that a contender's workload saw.
fn kernel(report: &Report, name: &str) -> String {
    let contender = report.contenders.iter().find(|contender| contender.name == name).expect("it took part");
    contender.boots[0].facts.as_ref().expect("facts").kernel_release.clone()
}

#[test]
fn every_isolation_takes_part_at_real_speed() {
    require!(need::isolations());
    let lab = Lab::new();
    let out = lab.path("out");
    let args = ["run", "memory", "--vmm", "host,bubblewrap,runc,gvisor,uml", "--boots", "2", "--size", "4MiB"];
    let outcome = lab.firebench(&args).args(["--memory", "256MiB", "--iterations", "2", "--out"]).arg(&out).run().ok();
    let report = report(&out);
    assert_good(&report, 2);
    // Two have a kernel of their own.
    let kernels: BTreeSet<String> = ALL.iter().map(|name| kernel(&report, name)).collect();
    assert_eq!(kernels.len(), 3, "{kernels:?}");
    assert_eq!(kernel(&report, "host"), kernel(&report, "bubblewrap"));
    let words = outcome.stdout.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    for fair in
        ["bubblewrap against host is fair: the isolation is the only", "runc against host is fair: the isolation"]
    {
        assert!(words.contains(fair), "{outcome}");
    }
    assert!(words.contains("gvisor does not tell its mitigations"), "{outcome}");
    // Whose account of CPU time is its own is not judged on it.
    for own in ["gvisor", "uml"] {
        let row = outcome
            .stdout
            .lines()
            .find(|line| line.trim_start().starts_with(&format!("{own} ")) && line.contains("from 2"));
        assert!(row.is_some_and(|row| row.contains("user unknown   sys unknown")), "{outcome}");
    }
}

/// The agent finds itself in a guest that left its initramfs, in every container, and on the host; and a block is a buffer of new pages.
#[test]
fn every_isolation_reads_in_blocks() {
    require!(need::isolations());
    let lab = Lab::new();
    let out = lab.path("out");
    let faults = |block: &str| {
        let args = ["run", "memory", "--vmm", "host,bubblewrap,runc,gvisor,uml", "--boots", "1", "--size", "8MiB"];
        let run = lab.firebench(&args).args(["--memory", "256MiB", "--iterations", "1", "--block", block, "--out"]);
        run.arg(&out).run().ok();
        let report = report(&out);
        assert_good(&report, 1);
        assert_eq!(report.experiment.payload.block().expect("a block").to_string(), block);
        assert_eq!(report.command.first().map(String::as_str), Some("firebench-agent"));
        let one = |contender: &ContenderRecord| contender.boots[0].iterations[0].counters.minor_faults;
        report.contenders.iter().map(|contender| (contender.name.clone(), one(contender))).collect::<BTreeMap<_, _>>()
    };
    let (small, large) = (faults("4KiB"), faults("8MiB"));
    for name in ["host", "bubblewrap", "runc", "uml"] {
        let more = large[name].saturating_sub(small[name]);
        assert!((2000..2200).contains(&more), "{name}: {small:?} {large:?}");
    }
}

/// A run of these contenders by an ordinary user, with its own places in the lab and what was fetched where that user may read it; the
/// report lies in the directory.
fn by_an_ordinary_user<'a>(lab: &'a Lab, more: &[&str]) -> (Invocation<'a>, PathBuf) {
    let home = lab.path("home");
    let [data, tmp, bin] = ["data", "tmp", "bin"].map(|name| home.join(name));
    let copy = |from: &Path, to: &Path| {
        let status = Command::new("cp").args(["-rL", "--"]).args([from, to]).status().expect("cp runs");
        assert!(status.success(), "{}", from.display());
    };
    for directory in [&home, &data, &tmp, &bin] {
        std::fs::create_dir(directory).expect("a directory");
    }
    for kind in ALL.iter().skip(1) {
        copy(&data_dir().join(kind), &data);
    }
    let busybox = home.join("busybox");
    copy(&need::busybox_path().expect("a busybox"), &busybox);
    for program in [firebench().to_owned(), firebench().with_file_name("firebench-agent")] {
        copy(&program, &bin);
    }
    std::fs::set_permissions(lab.path(""), std::fs::Permissions::from_mode(0o755)).expect("it is ours");
    let owned = Command::new("chown").args(["-R", "65534:65534"]).arg(&home).status().expect("chown runs");
    assert!(owned.success());
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--"]).arg(bin.join("firebench"));
    command.args(["run", "memory", "--boots", "1", "--size", "1MiB", "--memory", "256MiB", "--iterations", "1"]);
    let out = home.join("out");
    command.args(["--no-store", "--out"]).arg(&out).args(more).current_dir("/");
    let run = lab.invocation(command).env("FIREBENCH_DATA", &data).env("FIREBENCH_CACHE", home.join("cache"));
    (run.env("TMPDIR", &tmp).env("FIREBENCH_BUSYBOX", &busybox).env("HOME", &home), out)
}

#[test]
fn every_isolation_is_there_for_an_ordinary_user() {
    require!(need::isolations(), need::root(), need::program("setpriv", "util-linux"), need::namespaces());
    let lab = Lab::new();
    let (run, out) = by_an_ordinary_user(&lab, &["--vmm", "host,bubblewrap,runc,gvisor,uml"]);
    run.run().ok();
    assert_good(&report(&out), 1);
}

/// The cards that the workload of each contender saw, all of whose boots were good.
fn cards(report: &Report) -> BTreeMap<&str, Vec<String>> {
    let of_interest = |name: &String| ["eth", "vec", "tap", "firebench"].iter().any(|kind| name.starts_with(kind));
    let seen = report.contenders.iter().map(|contender| {
        assert!(!contender.boots.is_empty());
        for boot in &contender.boots {
            assert_eq!((boot.status, boot.message.as_deref()), (BootStatus::Ok, None), "{}", contender.name);
        }
        let facts = contender.boots[0].facts.as_ref().expect("facts");
        // Some kernels put devices of tunnels into each network.
        let names = facts.network_interfaces.iter().flatten().filter(|name| of_interest(name)).cloned();
        (contender.name.as_str(), names.collect())
    });
    seen.collect()
}

#[test]
fn every_isolation_has_its_network_card() {
    require!(need::isolations(), need::namespaces());
    let lab = Lab::new();
    let out = lab.path("out");
    let run = |more: &[&str]| {
        let args = ["run", "memory", "--boots", "1", "--size", "1MiB", "--memory", "256MiB", "--iterations", "1"];
        let outcome = lab.firebench(&args).args(more).arg("--out").arg(&out).run().ok();
        (outcome, report(&out))
    };
    let (outcome, carded) = run(&["--vmm", "bubblewrap,runc,gvisor,uml", "--tap"]);
    let seen = cards(&carded);
    for (name, card) in [("bubblewrap", "eth0"), ("runc", "eth0"), ("gvisor", "eth0"), ("uml", "vec0")] {
        assert_eq!(seen[name], [card], "{name}");
    }
    let words = outcome.stdout.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    assert!(!words.contains("Note: --tap"), "{outcome}");
    assert!(words.contains("way to the network card"), "{outcome}");
    assert!(words.contains("runc against bubblewrap is fair: the isolation is the only difference"), "{outcome}");
    for contender in &carded.contenders {
        let launch = &contender.launch;
        assert_eq!((launch.veth.is_some(), launch.tap.is_some()), (contender.name != "uml", contender.name == "uml"));
    }
    // Without the word there is none, and beside the bare host it has none.
    let (_, plain) = run(&["--vmm", "bubblewrap,runc,gvisor,uml"]);
    assert!(cards(&plain).values().all(Vec::is_empty), "{:?}", cards(&plain));
    let (outcome, beside) = run(&["--vmm", "host,runc", "--tap"]);
    assert_eq!(cards(&beside)["runc"], ["eth0"]);
    let words = outcome.stdout.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("Note: --tap gives a network card to all but the bare host: host has none"), "{outcome}");
}

#[test]
fn containers_have_their_cards_for_an_ordinary_user() {
    require!(need::isolations(), need::root(), need::program("setpriv", "util-linux"), need::namespaces());
    let lab = Lab::new();
    let (run, out) = by_an_ordinary_user(&lab, &["--vmm", "bubblewrap,runc,gvisor", "--tap"]);
    run.run().ok();
    let report = report(&out);
    assert_eq!(cards(&report).len(), 3);
    assert!(cards(&report).values().all(|cards| cards == &["eth0"]), "{:?}", cards(&report));
}

/// The device of taps is open to everybody on most machines. Where it is not, the error says so.
#[test]
fn user_mode_linux_has_its_card_for_an_ordinary_user() {
    require!(need::isolations(), need::root(), need::program("setpriv", "util-linux"), need::namespaces());
    let lab = Lab::new();
    let (run, out) = by_an_ordinary_user(&lab, &["--vmm", "uml", "--tap"]);
    let outcome = run.run();
    match std::fs::metadata("/dev/net/tun") {
        Ok(tun) if tun.permissions().mode() & 0o006 == 0o006 => {
            outcome.ok();
            assert_eq!(cards(&report(&out))["uml"], ["vec0"]);
        }
        _ => {
            outcome.fails(3, &["could not open /dev/net/tun", "leave out --tap"]);
        }
    }
}

#[test]
fn what_is_printed_runs_when_it_is_pasted() {
    require!(need::isolations(), need::namespaces(), need::program("unshare", "util-linux"));
    paste(&[]);
}

#[test]
fn what_is_printed_runs_with_a_network_card_when_root_pastes_it() {
    require!(need::isolations(), need::root(), need::program("unshare", "util-linux"), need::program("ip", "iproute2"));
    paste(&["--tap"]);
    for left in ["firebench", "firebench-host"] {
        assert!(!Path::new("/run/netns").join(left).exists(), "{left}");
    }
}

/// Runs the script of each kind.
fn paste(more: &[&str]) {
    let lab = Lab::new();
    for kind in ALL.into_iter().skip(1) {
        let args = ["run", "memory", "--vmm", kind, "--size", "1MiB", "--memory", "256MiB", "--iterations", "1"];
        lab.firebench(&args).args(more).args(["--boots", "1", "--no-store"]).run().ok();
        let script = lab.firebench(&args).args(more).arg("--dry-run").run().ok().stdout;
        let mut shell = Command::new("sh");
        shell.args(["-ec", &script]).env("TMPDIR", &lab.tmp).stdin(std::process::Stdio::null());
        let output = shell.output().expect("sh runs");
        let console = String::from_utf8_lossy(&output.stdout);
        assert!(console.contains(r#"{"event":"done"}"#), "{kind}: {output:?}\n{script}");
        let card = if kind == "uml" { "vec0" } else { "eth0" };
        assert_eq!(console.contains(&format!(r#""network_interfaces":["{card}"#)), !more.is_empty(), "{console}");
    }
}

#[test]
fn a_group_is_what_is_here_of_it() {
    require!(need::isolations());
    let lab = Lab::new();
    let out = lab.path("out");
    let args =
        ["run", "memory", "--vmm", "host,containers", "--boots", "1", "--size", "1MiB", "--iterations", "1", "--out"];
    lab.firebench(&args).arg(&out).run().ok();
    let names: Vec<String> = report(&out).contenders.into_iter().map(|contender| contender.name).collect();
    assert_eq!(names, ["host", "bubblewrap", "runc", "gvisor"]);
    // Named, it would be an error that it is missing; of a group it is left out.
    let none = lab.path("none");
    std::fs::create_dir(&none).expect("a directory");
    let run = |vmm: &str| {
        lab.firebench(&["run", "memory", "--dry-run", "--vmm", vmm]).env("PATH", &none).env("FIREBENCH_DATA", &none)
    };
    let words = ["no program of the kinds bubblewrap, runc, gvisor was found", "firebench list contenders"];
    run("containers").run().fails(2, &words);
    let outcome = run("host,containers").env("FIREBENCH_BUSYBOX", need::busybox_path().expect("a busybox")).run().ok();
    assert!(outcome.stdout.contains("# host") && !outcome.stdout.contains("# runc"), "{outcome}");
}

#[test]
fn a_self_test_says_what_was_proven_here() {
    require!(need::isolations(), need::qemu(), need::image());
    let lab = Lab::new();
    let passed = lab.firebench(&["selftest", "--quick"]).within(300).run().ok();
    let words = ["bubblewrap", "gvisor", "uml", "qemu", "right digest", "left behind nothing", "equal hosts"];
    assert!(words.iter().all(|word| passed.stdout.contains(word)), "{passed}");
    assert!(!passed.stdout.contains("FAILED") && !passed.stdout.contains(lab.tmp.to_str().expect("UTF-8")), "{passed}");
    // What is there and does not work is a failure; what is not there is none.
    let none = lab.path("none");
    std::fs::create_dir(&none).expect("a directory");
    let broken = none.join("runc");
    std::fs::write(&broken, "#!/bin/sh\necho runc version 1.1.5\n").expect("a program");
    std::fs::set_permissions(&broken, std::fs::Permissions::from_mode(0o755)).expect("its mode");
    let run = lab.firebench(&["selftest", "--quick"]).env("PATH", &none).env("FIREBENCH_DATA", &none).within(300);
    let failed = run.env("FIREBENCH_BUSYBOX", need::busybox_path().expect("a busybox")).run();
    let failed = failed.fails(3, &["the self-test failed"]);
    assert!(
        failed.stdout.contains("runc 1.1.5: FAILED") && failed.stdout.contains("firebench fetch gvisor"),
        "{failed}"
    );
}

#[test]
fn a_kind_that_is_missing_says_how_to_get_it() {
    require!(need::busybox());
    let lab = Lab::without_vms();
    let none = lab.path("none");
    std::fs::create_dir(&none).expect("a directory");
    for (kind, program) in [("bubblewrap", "bwrap"), ("runc", "runc"), ("gvisor", "runsc"), ("uml", "linux.uml")] {
        let run = lab.firebench(&["run", "memory", "--vmm", kind, "--dry-run"]).env("PATH", &none);
        let run = run.env("FIREBENCH_DATA", &none).env("FIREBENCH_BUSYBOX", need::busybox_path().expect("a busybox"));
        run.run().fails(3, &[&format!("there is no {program}"), &format!("firebench fetch {kind}")]);
    }
    lab.firebench(&["run", "memory", "--vmm", "gvisor", "--cold"]).run().fails(2, &["cannot use --cold with gvisor"]);
    lab.firebench(&["run", "memory", "--vmm", "host", "--tap"]).run().fails(2, &["--tap has no effect"]);
    lab.firebench(&["run", "memory", "--vmm", "uml", "--vcpus", "2"]).run().fails(2, &["uml accepts 1", "not 2"]);
}
