//! firebench itself comes to an end that nobody planned. Nothing of it is left, and the boots that were done are kept.

use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::own::{QUICK, args, assert_goes_on, assert_whole, await_boots, run, told};
use crate::require;
use crate::support::common::{Lab, SOON, build, firebench, say, wait_for};
use crate::support::fake::fake;
use crate::support::need;
use crate::{LARGE, SHORT, SMALL};

/// More boots than any test here waits for.
const MANY: u32 = 40;

#[test]
fn each_signal_that_asks_for_the_end() {
    require!(need::image());
    let lab = Lab::without_vms();
    for (signal, code, word) in [
        (Signal::SIGINT, 130, "stopped by Ctrl-C"),
        (Signal::SIGTERM, 143, "stopped by SIGTERM"),
        (Signal::SIGHUP, 129, "stopped by SIGHUP"),
    ] {
        let running = run(&lab, MANY).start();
        await_boots(&running, 2);
        running.signal(signal);
        let outcome = running.within(60).finish().stops(code, word);
        assert_whole(&lab.store());
        assert!(crate::own::blocks(&lab).len() >= told(&outcome.stderr), "{outcome}");
    }
    assert_goes_on(&lab, 2, MANY);
}

#[test]
fn an_impatient_user() {
    require!(need::image());
    let lab = Lab::without_vms();
    let running = run(&lab, MANY).start();
    await_boots(&running, 1);
    for _ in 0..5 {
        running.signal(Signal::SIGINT);
    }
    running.within(60).finish().stops(130, "stopped by Ctrl-C");
    assert_goes_on(&lab, 1, MANY);
}

#[test]
fn a_hangup_that_is_ignored() {
    require!(need::image());
    let lab = Lab::without_vms();
    let mut command = Command::new("nohup");
    command.arg(firebench()).args(args(&fake(&lab, QUICK), 10));
    let running = lab.invocation(command).start();
    await_boots(&running, 1);
    running.signal(Signal::SIGHUP);
    let outcome = running.finish().ok();
    assert_eq!(told(&outcome.stderr), 10, "it goes on\n{outcome}");
}

#[test]
fn an_end_without_a_word() {
    require!(need::image());
    let lab = Lab::without_vms();
    for signal in [Signal::SIGKILL, Signal::SIGQUIT, Signal::SIGABRT] {
        let running = run(&lab, MANY).start();
        let pid = running.pid();
        await_boots(&running, 2);
        running.signal(signal);
        let outcome = running.finish_and_leave();
        assert_eq!(outcome.signal(), Some(signal as i32), "{outcome}");
        // The kernel ends the VM; the next start sweeps away the rest.
        wait_for("the end of the VM", SOON, || lab.processes(&[]).is_empty().then_some(()));
        assert_eq!(std::fs::read_dir(&lab.tmp).expect("TMPDIR").count(), 1, "its temporary files");
        // A boot is told of a moment before it is stored.
        assert_goes_on(&lab, told(&outcome.stderr) - 1, MANY);
        lab.assert_nothing_left(pid);
    }
}

#[test]
fn a_kill_in_a_boot_and_in_an_iteration() {
    require!(need::image());
    let lab = Lab::without_vms();
    for behaviour in ["\"boot_ms\": 60000, \"iteration_ms\": 20", "\"boot_ms\": 5, \"iteration_ms\": 60000"] {
        let hangs = fake(&lab, behaviour);
        let running = lab.firebench(&[]).args(args(&hangs, 2)).start();
        let pid = running.pid();
        wait_for("the VM", SOON, || (lab.processes(&["fake-vmm", "-initrd"]).len() == 1).then_some(()));
        std::thread::sleep(Duration::from_millis(100));
        running.signal(Signal::SIGKILL);
        running.finish_and_leave();
        wait_for("the end of the VM", SOON, || lab.processes(&[]).is_empty().then_some(()));
        fake(&lab, QUICK);
        assert_goes_on(&lab, 0, 2);
        lab.assert_nothing_left(pid);
    }
}

#[test]
fn a_kill_with_a_nested_host_takes_the_vmms_in_it_along() {
    require!(need::tcg(), need::firecracker());
    let lab = Lab::new();
    let nested = ["run", "memory", "--accel", "nested", "--vmm", "firecracker", "--size", LARGE];
    let running = lab.firebench(&nested).start();
    let pid = running.pid();
    wait_for("the nested host", Duration::from_secs(120), || running.stderr().contains("nested host up").then_some(()));
    assert_eq!(lab.processes(&["qemu", "+svm"]).len(), 1);
    running.signal(Signal::SIGKILL);
    let outcome = running.finish_and_leave();
    assert_eq!(outcome.signal(), Some(libc::SIGKILL), "{outcome}");
    wait_for("the end of the nested host", SOON, || lab.processes(&[]).is_empty().then_some(()));
    assert_whole(&lab.store());
    lab.firebench(&SHORT).args([SMALL, "--dry-run"]).run().ok();
    lab.assert_nothing_left(pid);
}

#[test]
fn a_panic() {
    let lab = Lab::without_vms();
    build(&["--package", "firebench", "--example", "panics"]);
    let panics = firebench().with_file_name("examples").join("panics");
    let outcome = lab.firebench_at(&panics, &[]).within(60).run();
    let version = env!("CARGO_PKG_VERSION");
    let place = "at crates/firebench/examples/panics.rs:";
    let what = format!("a bug in firebench {version}: of all the things that could be wrong, {place}");
    let outcome = outcome.fails(70, &[&what, "`firebench run --resume 0123abcd`", "please report this"]);
    assert_eq!(outcome.stderr.lines().count(), 2, "no backtrace\n{outcome}");
}

#[test]
fn a_kill_while_a_report_is_written() {
    require!(need::image());
    let lab = Lab::without_vms();
    run(&lab, 3).run().ok();
    let out = lab.path("out");
    std::fs::create_dir(&out).expect("a directory");
    let file = out.join("export.json");
    let export = || lab.firebench(&["export", "--output"]).arg(&file);
    let whole = export().run().ok().took;
    std::fs::remove_file(&file).expect("it is whole");
    let mut written = 0;
    for round in 0..40 {
        let running = export().start();
        std::thread::sleep(whole * round / 30);
        running.signal(Signal::SIGKILL);
        running.finish_and_leave();
        let names: Vec<_> = std::fs::read_dir(&out).expect("there").map(|entry| entry.expect("there").path()).collect();
        match names.as_slice() {
            [] => {}
            [name] if *name == file => {
                let text = std::fs::read_to_string(&file).expect("there");
                serde_json::from_str::<serde_json::Value>(&text).expect("it is whole");
                std::fs::remove_file(&file).expect("there");
                written += 1;
            }
            others => panic!("killed in round {round}: {others:?}"),
        }
    }
    say(&format!("    written in {written} rounds of 40"));
    assert_whole(&lab.store());
}

#[test]
fn a_kill_while_the_store_is_made() {
    require!(need::image());
    let lab = Lab::without_vms();
    run(&lab, 1).run().ok();
    let file = lab.path("report.json");
    lab.firebench(&["export", "--output"]).arg(&file).run().ok();
    let dir = lab.path("other");
    let store = dir.join("runs.db");
    let import = || lab.firebench(&["import"]).arg(&file).env("FIREBENCH_STORE", &store);
    let whole = import().run().ok().took;
    std::fs::remove_dir_all(&dir).expect("ours");
    let mut cut_off = 0;
    for round in 0..25 {
        let running = import().start();
        std::thread::sleep(whole * round / 25);
        running.signal(Signal::SIGKILL);
        running.finish_and_leave();
        if round == 0 {
            // As one that was killed amid a transaction leaves it.
            std::fs::create_dir_all(&dir).expect("a directory");
            std::fs::write(dir.join("runs.db-new"), "half").expect("a file");
            std::fs::write(dir.join("runs.db-new-journal"), "of it").expect("a file");
        }
        cut_off += usize::from(dir.join("runs.db-new").exists());
        if store.exists() {
            assert_whole(&store);
        }
        // The next start removes what is left of a store that was not finished.
        let listed = match lab.firebench(&["runs"]).env("FIREBENCH_STORE", &store).run().ok().stdout.contains("no runs")
        {
            true => import().run().ok(),
            false => lab.firebench(&["runs"]).env("FIREBENCH_STORE", &store).run().ok(),
        };
        let mut names: Vec<_> =
            std::fs::read_dir(&dir).expect("there").map(|entry| entry.expect("there").file_name()).collect();
        names.sort();
        assert_eq!(names, ["runs.db", "runs.db-lock"], "{listed}");
        assert_whole(&store);
        std::fs::remove_dir_all(&dir).expect("ours");
    }
    say(&format!("    {cut_off} stores were cut off"));
}
