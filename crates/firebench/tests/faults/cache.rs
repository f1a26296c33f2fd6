//! The cache never holds a wrong image under a right name, whenever its maker dies, and nobody waits for it in silence.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::require;
use crate::support::common::{Lab, SOON, wait_for};
use crate::support::good::assert_good;
use crate::support::invocation::report;
use crate::support::need;
use crate::{SHORT, SMALL};

#[test]
fn twenty_kills_while_images_are_made() {
    require!(need::tcg());
    let lab = Lab::without_vms().with_empty_cache();
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let mut cut_off = 0;
    for round in 1..=20 {
        // First a kernel, later a disk.
        let (args, longest): (&[&str], _) = match round {
            1..=6 => (&["run", "memory", "--accel", "tcg", "--size", SMALL, "--dry-run"], 2500),
            _ => (&["image", "build", "--size", "32MiB"], 400),
        };
        let running = lab.firebench(args).start();
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::sleep(Duration::from_millis(random % longest));
        running.signal(Signal::SIGKILL);
        running.finish_and_leave();
        wait_for("the end of its helpers", SOON, || lab.processes(&[]).is_empty().then_some(()));
        let staging = || std::fs::read_dir(lab.cache.join("staging")).into_iter().flatten().count();
        cut_off += usize::from(staging() > 0);
        // The next start finds no wrong image, and sweeps what was being made. (To read them all takes a while.)
        let verify: &[&str] = if round % 10 == 0 { &["--verify"] } else { &[] };
        lab.firebench(&["image", "list"]).args(verify).run_beside().ok();
        assert_eq!(staging(), 0, "it sweeps");
    }
    assert!(cut_off > 0, "no kill ever hit the making");
    let out = lab.path("out");
    lab.firebench(&SHORT).args([SMALL, "--out"]).arg(&out).run().ok();
    assert_good(&report(&out), 1, 1);
    let listed = lab.firebench(&["image", "list", "--verify"]).run().ok();
    assert!(listed.stdout.matches("intact").count() >= 2, "{listed}");
}

#[test]
fn a_maker_that_is_stopped() {
    require!(need::image());
    let lab = Lab::without_vms().with_own_cache();
    let build = ["image", "build", "--size", "512MiB"];
    let maker = lab.firebench(&build).start();
    wait_for("the making", Duration::from_secs(30), || maker.stderr().contains("building the disk").then_some(()));
    maker.signal(Signal::SIGSTOP);
    let quiet = ["run", "memory", "--accel", "tcg", "--size", "512MiB", "--boots", "1", "--vmm", "qemu", "--quiet"];
    for args in [build.as_slice(), &quiet] {
        let waiting = lab.firebench(args).start();
        let told = || waiting.stderr().contains("waiting for another firebench that builds or removes the disk");
        wait_for("a word about the waiting", SOON, || told().then_some(()));
        waiting.signal(Signal::SIGINT);
        waiting.within(60).finish_and_leave().stops(130, "stopped by Ctrl-C");
    }
    // Once it is killed, its lock is nobody's.
    maker.signal(Signal::SIGKILL);
    maker.finish_and_leave();
    lab.firebench(&["image", "build", "--size", "512MiB"]).within(60).run().ok();
    let listed = lab.firebench(&["image", "list", "--verify"]).run().ok();
    assert!(listed.stdout.contains("intact   disk/") && listed.stdout.contains("intact   kernel/"), "{listed}");
}
