//! Commands of the user's: in every isolation, and what becomes of those that do not do as they should.

use std::path::Path;

use firebench_model::record::{BootRecord, BootStatus, ContenderRecord, Report};

use crate::require;
use crate::support::common::Lab;
use crate::support::invocation::{Invocation, report};
use crate::support::need;

/// What commands sort.
const DATA: &str = "b\na\nc\n";

/// A boot of a contender that was good.
fn good(contender: &ContenderRecord) -> Option<&BootRecord> {
    contender.boots.iter().find(|boot| boot.status == BootStatus::Ok)
}

/// Whether each contender has a good boot. On a busy machine, one of a command that takes a millisecond may be void.
fn all_good(report: &Report) -> bool {
    let fine = |boot: &BootRecord| matches!(boot.status, BootStatus::Ok | BootStatus::Void);
    let each = |contender: &ContenderRecord| good(contender).is_some() && contender.boots.iter().all(fine);
    report.failure.is_none() && !report.contenders.is_empty() && report.contenders.iter().all(each)
}

/// What a contender printed.
fn printed(contender: &ContenderRecord) -> &str {
    good(contender).and_then(|boot| boot.printed.as_deref()).unwrap_or_default()
}

/// `firebench run` in the lab's directory, with a report in `out`.
fn run<'a>(lab: &'a Lab, args: &[&str], command: &[&str]) -> Invocation<'a> {
    let common = ["--boots", "1", "--iterations", "2", "--memory", "256MiB", "--out", "out"];
    lab.firebench(&["run"]).args(args).args(common).arg("--").args(command).at(&lab.path(""))
}

#[test]
fn every_isolation_runs_a_command_of_yours() {
    require!(need::isolations());
    let lab = Lab::new();
    lab.file("data.txt", DATA);
    let all = ["--vmm", "host,bubblewrap,runc,gvisor,uml"];
    let around =
        ["--add", "data.txt", "--input", "data.txt", "--env", "COLOUR=red", "--prepare", "test \"$COLOUR\" = red"];
    let checks = ["--conclude", "test -d /proc", "--expect-stdout", "expected"];
    lab.file("expected", "c\nb\na\n");
    let args = [&all[..], &around, &checks, &["--show-output"]].concat();
    let outcome = run(&lab, &args, &["sort", "-r"]).run().ok();
    assert!(outcome.stderr.matches("    c\n    b\n    a\n").count() >= 5, "{outcome}");
    let first = report(&lab.path("out"));
    assert!(all_good(&first), "{:?}", first.failure);
    assert!(first.contenders.iter().all(|c| printed(c) == "c\nb\na\n"));
    assert_eq!(first.command.last().map(String::as_str), Some("-r"));
    let digests = first.contenders.iter().filter_map(good).flat_map(|b| &b.iterations).map(|i| i.digest.as_str());
    assert!(digests.clone().count() >= 10 && digests.clone().all(|digest| Some(digest) == digests.clone().next()));
    // The program is the same file everywhere.
    let programs: Vec<_> = first.artifacts.iter().filter(|artifact| artifact.role == "program").collect();
    assert!(matches!(programs.as_slice(), [program] if program.name == "sort" && program.contenders.is_empty()));
    // The same again from the report, with a file as an argument, from another directory.
    let again = lab.firebench(&["run", "--from", "out/report.md", "--trust-experiment", "--no-store"]);
    again.at(&lab.path("")).args(["--", "sort", "-r", "data.txt"]).run().ok();
}

#[test]
fn a_shell_reads_the_line_and_two_commands_are_compared() {
    require!(need::isolations());
    let lab = Lab::new();
    let two = ["--vmm", "runc", "--command", "few=seq 10 | tail -n 1", "--command", "many=seq 20000 | tail -n 1"];
    let run = lab.firebench(&["run", "--shell", "--boots", "2", "--out", "out"]).args(two).at(&lab.path(""));
    let outcome = run.run().ok();
    let report = report(&lab.path("out"));
    assert!(all_good(&report), "{:?}", report.failure);
    let names: Vec<&str> = report.contenders.iter().map(|contender| contender.name.as_str()).collect();
    assert_eq!(names, ["few", "many"]);
    assert_eq!(report.contenders[1].command, ["/bin/busybox", "sh", "-c", "seq 20000 | tail -n 1"]);
    assert!(outcome.prose().contains("command of its own"), "{outcome}");
}

#[test]
fn a_parameter_has_a_curve() {
    require!(need::isolations());
    let lab = Lab::new();
    let args = ["--vmm", "host,runc", "-P", "last", "10", "30", "-D", "10", "--show-output"];
    let outcome = run(&lab, &args, &["seq", "{last}", "{last}"]).run().ok();
    let report = report(&lab.path("out"));
    assert!(all_good(&report), "{:?}", report.failure);
    let told = report.contenders.iter().map(|c| (c.name.as_str(), printed(c)));
    let expected = ["host-last-10", "host-last-20", "host-last-30", "runc-last-10", "runc-last-20", "runc-last-30"];
    let expected = expected.map(|name| (name, format!("{}\n", &name[name.len() - 2..])));
    assert!(told.eq(expected.iter().map(|(name, text)| (*name, text.as_str()))), "{outcome}");
    let curve = outcome.stdout.lines().skip_while(|line| *line != "Curve of real").skip(1).take(6);
    assert!(curve.zip(expected).all(|(line, (name, _))| line.trim_start().starts_with(name)), "{outcome}");
    // The same again from the report.
    lab.firebench(&["run", "--from", "out/report.md", "--trust-experiment", "--no-store"]).at(&lab.path("")).run().ok();
}

/// What a command leaves running is not waited for; scripts and lines are commands, too; and a difference in what was printed is one.
#[test]
fn commands_as_people_write_them() {
    require!(need::isolations());
    let lab = Lab::new();
    let all = ["--vmm", "host,bubblewrap,runc,gvisor,uml", "--iteration-deadline", "8"];
    run(&lab, &[&all[..], &["--shell"]].concat(), &["sleep 30 & echo started\ttouch /run/x"]).run().ok();
    std::fs::create_dir(lab.path("own")).expect("a directory");
    let script = lab.file("own/script", "#!/bin/sh\necho \"$1\"\n");
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("executable");
    run(&lab, &[&all[..], &["--add", "own"]].concat(), &["own/script", "two\nlines"]).run().ok();
    let report = report(&lab.path("out"));
    assert!(report.contenders.iter().all(|c| printed(c) == "two\nlines\n"));
    let outcome =
        run(&lab, &["--vmm", "host,runc", "--shell"], &["uname -n; test $$ -lt 9 && echo alone >&2; true"]).run().ok();
    assert!(
        outcome.prose().contains("explains output: host ") && outcome.prose().contains(", runc firebench"),
        "{outcome}"
    );
    assert!(outcome.prose().contains("explains error output: host nothing, runc alone"), "{outcome}");
}

#[test]
fn a_command_that_fails_says_why_unless_it_may() {
    require!(need::isolations());
    let lab = Lab::new();
    let script = ["sh", "-c", "echo no such colour >&2; exit 3"];
    let failed = run(&lab, &["--vmm", "bubblewrap"], &script).run();
    failed.fails(3, &["iteration 1: the command ended with status 3: no such colour"]);
    run(&lab, &["--vmm", "bubblewrap", "--expect-exit", "0,3"], &script).run().ok();
    let wrong = run(&lab, &["--vmm", "bubblewrap", "--expect-stdout", &"0".repeat(64)], &["echo", "hello"]).run();
    wrong.fails(3, &["the command printed 6 B that begin with \"hello\" and have the SHA-256 5891b5b5"]);
    let aside = run(&lab, &["--vmm", "bubblewrap", "--prepare", "echo no room >&2; false"], &["true"]).run();
    aside.fails(
        3,
        &["the command to prepare (/bin/busybox sh -c echo no room >&2; false) ended with status 1: no room"],
    );
}

#[test]
fn a_command_that_never_ends_is_ended() {
    require!(need::isolations());
    let lab = Lab::new();
    for vmm in ["host", "bubblewrap", "runc", "gvisor", "uml"] {
        let outcome = run(&lab, &["--vmm", vmm, "--iteration-deadline", "2"], &["sleep", "1000"]).run();
        outcome.fails(3, &["iteration 1 took longer than its deadline of 2 s"]);
    }
}

#[test]
fn a_gibibyte_of_output_is_read_and_not_kept() {
    require!(need::isolations());
    let lab = Lab::new();
    let outcome =
        run(&lab, &["--vmm", "host,bubblewrap"], &["head", "-c", "1073741824", "/dev/zero"]).within(300).run();
    outcome.ok();
    assert!(std::fs::metadata(lab.path("out/report.json")).expect("a report").len() < 1 << 20);
}

#[test]
fn both_vmms_run_a_command_of_yours() {
    require!(need::qemu(), need::firecracker(), need::image());
    let lab = Lab::new();
    lab.file("data.txt", DATA);
    lab.file("expected", "c\nb\na\n");
    let args = ["--accel", "nested", "--vmm", "qemu,firecracker", "--input", "data.txt", "--expect-stdout", "expected"];
    run(&lab, &args, &["sort", "-r"]).within(600).run().ok();
    let report = report(&lab.path("out"));
    assert!(all_good(&report) && report.emulated, "{:?}", report.failure);
    assert_eq!(report.contenders.len(), 2);
}

#[test]
fn what_cannot_be_a_command_is_said_before_anything_is_made() {
    let lab = Lab::without_vms();
    let refused = |args: &[&str], words: &[&str]| {
        lab.firebench(&["run"]).args(args).at(&lab.path("")).run().fails(2, words);
    };
    refused(
        &["--vmm", "host", "--", "no-such-program-anywhere"],
        &["cannot run no-such-program-anywhere", "or --shell to have"],
    );
    refused(&["memory", "--vmm", "host", "--", "true"], &["the workload memory does not run a command of yours"]);
    refused(&["command", "--vmm", "host"], &["contender host does not have a command to run", "firebench run -- "]);
    refused(&["--command", "a=true"], &["--command does not say where the commands run", "--vmm runc"]);
    refused(&["--vmm", "host", "--env", "COLOUR", "--", "true"], &["does not have the form NAME=VALUE"]);
    refused(&["--vmm", "host", "--input", "gone", "--", "true"], &["cannot use --input ", "gone"]);
    refused(&["-P", "n", "1", "3", "--", "seq", "{n}"], &["--parameter-scan does not say where the commands run"]);
    refused(&["--vmm", "host", "-P", "n", "3", "1", "--", "seq", "{n}"], &["the first value is above the last one"]);
    refused(&["--vmm", "runc", "--command", "a='"], &["the quotes in the command `'` are not closed"]);
    assert!(!lab.store().exists() && !Path::new(&lab.path("out")).exists());
}
