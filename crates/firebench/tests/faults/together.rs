//! Several firebenches at once, and a firebench of another user.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use crate::require;
use crate::support::common::{Lab, firebench};
use crate::support::good::assert_good;
use crate::support::invocation::report;
use crate::support::need;
use crate::{SHORT, SMALL};

#[test]
fn two_with_one_empty_cache_make_the_image_once() {
    require!(need::tcg());
    let lab = Lab::new().with_empty_cache();
    let kernel = [&SHORT[..], &[SMALL, "--dry-run"]].concat();
    for (args, made) in
        [(&kernel[..], "building the kernel"), (&["image", "build", "--size", "64MiB"], "building the disk")]
    {
        let start = || lab.firebench(args).start();
        let (first, second) = (start(), start());
        let [first, second] = [first.finish_and_leave().ok(), second.finish().ok()];
        let count = |words| first.stderr.matches(words).count() + second.stderr.matches(words).count();
        assert_eq!(count(made), 1, "{made}\n{first}\n{second}");
        assert_eq!(count("waiting for another firebench"), 1, "{made}\n{first}\n{second}");
    }
    let listed = lab.firebench(&["image", "list", "--verify"]).run().ok();
    assert_eq!(listed.stdout.lines().filter(|line| line.contains("intact")).count(), 2, "{listed}");
}

#[test]
fn two_runs_at_once_do_not_touch_each_other() {
    require!(need::tcg());
    let lab = Lab::new();
    let outs = [lab.path("first"), lab.path("second")];
    let [first, second] = outs.each_ref().map(|out| lab.firebench(&SHORT).args([SMALL, "--out"]).arg(out).start());
    first.finish_and_leave().ok();
    second.finish().ok();
    for out in &outs {
        assert_good(&report(out), 1, 1);
    }
}

#[test]
fn an_ordinary_user_needs_nothing_but_their_files() {
    require!(need::tcg(), need::root(), need::program("setpriv", "util-linux"));
    let lab = Lab::new().with_own_cache();
    // The programs and what was fetched, where `nobody` can read it; the rest is theirs.
    let copy = |from: &Path, name: &str| {
        let copied = Command::new("cp").args(["-rL"]).arg(from).arg(lab.path(name)).status().expect("cp runs");
        assert!(copied.success());
        lab.path(name)
    };
    let program = copy(firebench(), "firebench");
    copy(&firebench().with_file_name("firebench-agent"), "firebench-agent");
    let data = copy(&lab.data, "data");
    std::fs::set_permissions(lab.path(""), std::fs::Permissions::from_mode(0o755)).expect("mode");
    let out = lab.path("out");
    let own = lab.path("own");
    for dir in [&out, &own] {
        std::fs::create_dir(dir).expect("a directory");
    }
    let chown = Command::new("chown").args(["-R", "nobody:nogroup"]).args([&lab.cache, &lab.tmp, &out, &own]).status();
    assert!(chown.expect("chown runs").success());
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "--"]).arg(program);
    command.args(SHORT).args([SMALL, "--out"]).arg(&out).env("HOME", "/nonexistent");
    lab.invocation(command).env("FIREBENCH_DATA", data).env("FIREBENCH_STORE", own.join("runs.db")).run().ok();
    assert_good(&report(&out), 1, 1);
}
