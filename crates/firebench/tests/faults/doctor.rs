//! What doctor must not call ok.

use std::process::Command;

use crate::require;
use crate::support::common::{Lab, firebench};
use crate::support::executable::copy;
use crate::support::invocation::Outcome;
use crate::support::need;

/// The line of a check, and those below it.
fn check(doctor: &Outcome, name: &str) -> String {
    let mut lines = doctor.stdout.lines().skip_while(|line| {
        let (_, rest) = line.split_at_checked(6).unwrap_or_default();
        rest.strip_prefix(name).is_none_or(|rest| !rest.starts_with(' '))
    });
    let first = lines.next().unwrap_or_else(|| panic!("no check {name}\n{doctor}"));
    let more = lines.take_while(|line| line.starts_with("        "));
    std::iter::once(first).chain(more).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_data_directory_on_which_nothing_may_be_executed() {
    require!(need::busybox(), need::firecracker(), need::namespaces());
    let lab = Lab::without_vms();
    let data = lab.path("noexec");
    std::fs::create_dir(&data).expect("a directory");
    let script = "mount -t tmpfs -o noexec,mode=755 none \"$FIREBENCH_DATA\"; cp -rL \"$FETCHED\"/firecracker \"$FIREBENCH_DATA\"\n\
                  cp -L \"$BUSYBOX\" \"$FIREBENCH_BUSYBOX\"; exec \"$FIREBENCH\" doctor";
    let run = lab.in_namespace(script).env("FIREBENCH_DATA", &data).env("FETCHED", &lab.data);
    let run =
        run.env("BUSYBOX", need::busybox_path().expect("a busybox")).env("FIREBENCH_BUSYBOX", data.join("busybox"));
    let doctor = run.run();
    assert_eq!(doctor.status.code(), Some(3), "{doctor}");
    for name in ["firecracker", "busybox"] {
        let check = check(&doctor, name);
        assert!(check.starts_with("bad ") && check.contains("mounted noexec"), "{check}\n{doctor}");
    }
    assert!(check(&doctor, "root disk").starts_with("bad "), "{doctor}");
}

#[test]
fn a_firebench_without_its_agent_or_with_another_one() {
    require!(need::program("install", "coreutils"));
    let lab = Lab::without_vms();
    let alone = lab.path("firebench");
    copy(firebench(), &alone);
    let doctor = |agent: Option<&str>| {
        let run = lab.firebench_at(&alone, &["doctor"]);
        let run = if let Some(agent) = agent { run.env("FIREBENCH_AGENT", agent) } else { run };
        run.run()
    };
    let without = doctor(None);
    let found = check(&without, "agent");
    assert!(found.starts_with("bad ") && found.contains("there is no firebench-agent beside"), "{without}");
    assert_eq!(without.status.code(), Some(3), "{without}");
    // Something else of that name.
    let busybox = Command::new("sh").args(["-c", "command -v cat"]).output().expect("sh runs");
    let other = String::from_utf8(busybox.stdout).expect("a path");
    let found = check(&doctor(Some(other.trim())), "agent");
    assert!(found.starts_with("bad "), "{found}");
    copy(&firebench().with_file_name("firebench-agent"), &lab.path("firebench-agent"));
    let beside = doctor(None);
    assert!(check(&beside, "agent").starts_with("ok "), "{beside}");
}

#[test]
fn places_that_take_no_files() {
    require!(need::namespaces());
    let lab = Lab::without_vms();
    for name in ["cache", "store"] {
        std::fs::create_dir(lab.path(name)).expect("a directory");
    }
    let script =
        "for place in cache store; do mount -t tmpfs -o ro none \"$LAB/$place\"; done; exec \"$FIREBENCH\" doctor";
    let run = lab.in_namespace(script).env("LAB", lab.path("")).env("FIREBENCH_CACHE", lab.path("cache/x"));
    let doctor = run.env("FIREBENCH_STORE", lab.path("store/runs.db")).run();
    assert!(check(&doctor, "cache").starts_with("bad ") && check(&doctor, "cache").contains("--cache"), "{doctor}");
    assert!(check(&doctor, "store").starts_with("warn ") && check(&doctor, "store").contains("--store"), "{doctor}");
    assert!(check(&doctor, "temporary files").starts_with("ok "), "{doctor}");
    let nowhere = lab.firebench(&["doctor"]).env("TMPDIR", lab.path("nowhere")).run();
    assert!(check(&nowhere, "temporary files").starts_with("bad "), "{nowhere}");
}
