//! Limits of the system: descriptors, the size of files, memory, processes.

use std::path::PathBuf;
use std::process::Command;

use crate::own::{assert_whole, blocks, run, shell};
use crate::require;
use crate::support::common::{Lab, firebench};
use crate::support::need;

#[test]
fn few_descriptors() {
    require!(need::image());
    let lab = Lab::without_vms();
    for limit in [8, 16, 24] {
        let outcome = shell(&lab, 2, &format!("ulimit -n {limit}; exec $FIREBENCH $RUN")).run();
        outcome.fails(3, &[&format!("this process may open only {limit} files at once")]);
    }
    assert!(!lab.store().exists(), "it is said before anything is begun");
    // What firebench may raise itself it raises; and what it asks for is enough.
    for limit in ["-S -n 16", "-n 64"] {
        shell(&lab, 2, &format!("ulimit {limit}; exec $FIREBENCH $RUN")).run().ok();
    }
}

#[test]
fn files_that_may_not_become_large() {
    require!(need::image(), need::program("prlimit", "util-linux"));
    let lab = Lab::without_vms();
    run(&lab, 20).run().ok();
    let report = lab.path("report.json");
    lab.firebench(&["export", "--output"]).arg(&report).run().ok();
    let limited = |bytes: u32, rest: &str| shell(&lab, 2, &format!("exec prlimit --fsize={bytes} $FIREBENCH {rest}"));
    let hint = "raise the limit of the size of files";
    let outcome = limited(65536, "$RUN").run().fails(3, &["cannot write", "File too large", hint]);
    assert!(outcome.error().contains("initramfs"), "{outcome}");
    assert!(std::fs::metadata(&report).expect("there").len() > 40960);
    limited(40960, "export --output large.json").at(&lab.path("")).run().fails(3, &["cannot write the export", hint]);
    assert!(!lab.path("large.json").exists());
    // Not even the index of the store's log fits.
    limited(4096, "show").run().fails(3, &["runs.db", "ulimit -f"]);
    let other = lab.path("other.db");
    let import = limited(16384, "import report.json").at(&lab.path("")).env("FIREBENCH_STORE", &other);
    import.run().fails(3, &["the store", "other.db"]);
    assert!(!other.exists(), "no half of a store");
    let image = limited(65536, "image build --size 1MiB --seed 7").run().fails(3, &["File too large"]);
    assert!(image.error().contains(&lab.cache.display().to_string()), "{image}");
    assert_eq!(blocks(&lab).len(), 20);
    assert_whole(&lab.store());
}

#[test]
fn little_memory() {
    require!(need::image(), need::program("prlimit", "util-linux"));
    let lab = Lab::without_vms();
    run(&lab, 1).run().ok();
    let limited = |kib: u32, rest: &str| shell(&lab, 1, &format!("exec prlimit --as={} $FIREBENCH {rest}", kib << 10));
    // The program itself takes most of it: from where it starts at all.
    let step = 1024;
    let starts = |kib: &u32| limited(*kib, "--version").run().status.success();
    let least = (1..200).map(|number| number * step).find(starts).expect("it starts with 200 MiB");
    let mut pid = None;
    let mut short = 0;
    for kib in (least..).step_by(step as usize) {
        let running = limited(kib, "$RUN").start();
        let this = running.pid();
        let outcome = running.finish_and_leave();
        if outcome.status.success() {
            break;
        }
        let outcome = outcome.fails(3, &[]);
        short += usize::from(outcome.error().contains("firebench ran out of memory"));
        pid = Some(this);
    }
    assert!(short > 0, "no limit was too low");
    // Where memory ends nothing can be cleaned up: that is left to the next start, which was the last one above.
    lab.assert_nothing_left(pid.expect("some run"));
    assert_whole(&lab.store());
}

#[test]
fn a_vmm_without_memory() {
    require!(need::tcg(), need::program("prlimit", "util-linux"));
    let lab = Lab::new();
    let script = "exec prlimit --as=300000000 $FIREBENCH run memory --accel tcg --vmm qemu --boots 1 --size 1MiB";
    let outcome = shell(&lab, 1, script).within(60).run();
    let outcome = outcome.fails(3, &["qemu, boot 1: the VMM ended before the guest's agent sent its first frame"]);
    outcome.fails(3, &["it was refused memory, ", "`ulimit -v` allows 286 MiB of addresses"]);
    assert_whole(&lab.store());
}

#[test]
fn a_vmm_that_uses_up_its_cpu_time() {
    require!(need::image(), need::program("prlimit", "util-linux"));
    let lab = Lab::new();
    // What the run needs is made without a limit.
    run(&lab, 1).run().ok();
    // In the soft limit alone, and in both.
    for (limit, how) in [("5:600", "SIGXCPU"), ("5:5", "SIGKILL")] {
        let qemu = crate::limits::qemu(&lab, "while :; do :; done");
        let script = format!(
            "exec prlimit --cpu={limit} $FIREBENCH run memory --accel tcg --vmm qemu --boots 1 --size 1MiB --qemu {}",
            qemu.display()
        );
        let outcome = shell(&lab, 1, &script).within(240).run();
        let words = ["qemu, boot 1: the VMM ended", how, "it used up its limit of 5 s of CPU time (`ulimit -t`)"];
        outcome.fails(3, &words);
    }
}

#[test]
fn few_processes() {
    require!(need::image(), need::root(), need::program("setpriv", "util-linux"));
    let lab = Lab::without_vms().with_own_cache();
    let place = Ordinary::new(&lab);
    for limit in 1.. {
        let outcome = place.run(&lab, &["prlimit", &format!("--nproc={limit}")], &place.args(2)).run();
        if outcome.status.success() {
            assert!(limit > 1, "nothing was missing");
            break;
        }
        outcome.fails(3, &["Resource temporarily unavailable"]);
    }
    // Threads are among them: the image is made by four.
    for limit in 1.. {
        let build = ["image", "build", "--size", "2MiB", "--seed", &limit.to_string()].map(str::to_owned);
        let outcome = place.run(&lab, &["prlimit", &format!("--nproc={limit}")], &build).run();
        if outcome.status.success() {
            assert!(limit > 1, "nothing was missing");
            break;
        }
        outcome.fails(3, &["Resource temporarily unavailable"]);
    }
}

/// An ordinary user that nobody else is, with programs and directories of their own in a lab.
pub struct Ordinary {
    program: PathBuf,
    fake: PathBuf,
    store: PathBuf,
    data: PathBuf,
}

impl Ordinary {
    /// The lab must have a cache of its own.
    pub fn new(lab: &Lab) -> Ordinary {
        use std::os::unix::fs::PermissionsExt;
        let copy = |from: &std::path::Path, name: &str| {
            let copied = Command::new("cp").arg("-rL").arg(from).arg(lab.path(name)).status().expect("cp runs");
            assert!(copied.success());
            lab.path(name)
        };
        let program = copy(firebench(), "firebench");
        copy(&firebench().with_file_name("firebench-agent"), "firebench-agent");
        let fake = crate::support::fake::fake(lab, crate::own::QUICK);
        let data = copy(&lab.data, "data");
        std::fs::set_permissions(lab.path(""), std::fs::Permissions::from_mode(0o755)).expect("mode");
        let own = lab.path("own");
        std::fs::create_dir(&own).expect("a directory");
        let chown = Command::new("chown").args(["-R", "61234:61234"]).args([&lab.cache, &lab.tmp, &own]).status();
        assert!(chown.expect("chown runs").success());
        Ordinary { program, fake, store: own.join("runs.db"), data }
    }

    /// The arguments of a run of so many quick boots.
    pub fn args(&self, blocks: u32) -> Vec<String> {
        crate::own::args(&self.fake, blocks)
    }

    /// Their firebench, run by `prefix`.
    pub fn run<'a>(
        &self,
        lab: &'a Lab,
        prefix: &[&str],
        args: &[String],
    ) -> crate::support::invocation::Invocation<'a> {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", "61234", "--regid", "61234", "--clear-groups", "--"]).args(prefix);
        command.arg(&self.program).args(args).env("HOME", "/nonexistent");
        lab.invocation(command).env("FIREBENCH_DATA", &self.data).env("FIREBENCH_STORE", &self.store)
    }
}

#[test]
fn a_limit_that_comes_amid_a_run() {
    require!(need::image(), need::program("prlimit", "util-linux"));
    let lab = Lab::without_vms();
    let running = run(&lab, 30).args(["--max-failures", "0"]).start();
    crate::own::await_boots(&running, 2);
    let limited = Command::new("prlimit").args(["--nofile=16:16", "--pid"]).arg(running.pid().to_string()).status();
    assert!(limited.expect("prlimit runs").success());
    let outcome = running.finish().fails(3, &["Too many open files", "raise the limit of open files"]);
    assert_whole(&lab.store());
    assert_eq!(blocks(&lab).len(), crate::own::told(&outcome.stderr));
    // The block of the boot that failed is left out for another one.
    lab.firebench(&["run", "--resume", "latest"]).run().ok();
    assert_eq!(blocks(&lab).len(), 30);
}
