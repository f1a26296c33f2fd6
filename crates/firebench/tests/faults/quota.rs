//! A CPU quota of a control group, and fewer CPUs than the machine has.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use firebench_model::record::{BootStatus, RunEnd};

use crate::require;
use crate::support::common::{Lab, firebench};
use crate::support::invocation::report;
use crate::support::need::{self, Lack, Need};

/// A control group of ours with a quota on CPU time.
struct Group(PathBuf);

impl Group {
    /// A group that may use `share` of one CPU, of whichever version of control groups has the controller here.
    fn new(name: &str, share: f64) -> Result<Group, Lack> {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let mount = |kind: &str, option: &str| {
            let mut mounts = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
            let fits = |fields: &Vec<&str>| {
                fields[2] == kind && (option.is_empty() || fields[3].split(',').any(|o| o == option))
            };
            mounts.find(fits).map(|fields| PathBuf::from(fields[1]))
        };
        let quota = (share * 100_000.0) as u64;
        let make = |mount: &Path, file: &str, text: String| {
            let group = Group(mount.join(format!("firebench-test-{name}-{}", std::process::id())));
            fs::create_dir(&group.0).and_then(|()| fs::write(group.0.join(file), text)).map(|()| group)
        };
        let v1 = mount("cgroup", "cpu").and_then(|mount| make(&mount, "cpu.cfs_quota_us", quota.to_string()).ok());
        let v2 = || {
            let mount = mount("cgroup2", "")?;
            // Where it is not handed down yet.
            let _ = fs::write(mount.join("cgroup.subtree_control"), "+cpu");
            make(&mount, "cpu.max", format!("{quota} 100000")).ok()
        };
        v1.or_else(v2).ok_or_else(|| need::lack("no control group with a CPU quota can be made", "run it as root"))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

fn unshared_cpus() -> Need {
    let cpus = firebench_supervise::affinity::own().expect("affinity").len();
    if cpus > 1 { Ok(()) } else { Err(need::lack("this process may use one CPU alone", "let it use two")) }
}

/// firebench in the group.
fn limited(group: &Group, args: &[&str]) -> Command {
    let mut command = Command::new("sh");
    command.args(["-euc", "echo $$ > \"$0/cgroup.procs\"; exec \"$@\""]).arg(&group.0).arg(firebench()).args(args);
    command
}

#[test]
fn boots_that_a_cpu_quota_holds_up_are_void_and_the_quota_is_named() {
    require!(need::busybox(), need::root());
    let group = match Group::new("quota", 0.2) {
        Ok(group) => group,
        Err(lack) => return need::skip(&lack),
    };
    let name = group.0.file_name().expect("a name").to_string_lossy().into_owned();
    let lab = Lab::new();
    let out = lab.path("out");
    // Each boot needs several periods' worth of CPU time.
    let args = [
        "run",
        "memory",
        "--contender=a=host",
        "--contender=b=host",
        "--size",
        "96MiB",
        "--boots",
        "2",
        "--iterations",
        "2",
    ];
    let mut command = limited(&group, &args);
    command.arg("--out").arg(&out);
    let outcome = lab.invocation(command).run();
    let outcome =
        outcome.fails(3, &["too many blocks were left out", "a CPU quota (0.20 CPUs", &name, "held it up for"]);
    assert!(outcome.stderr.contains("hint: run firebench without a CPU quota"), "{outcome}");
    let report = report(&out);
    assert_eq!(report.design.end, Some(RunEnd::Void));
    let boots: Vec<_> = report.contenders.iter().flat_map(|c| &c.boots).collect();
    assert!(boots.iter().all(|boot| boot.status == BootStatus::Void), "{outcome}");
    assert!(boots.iter().all(|boot| boot.throttled_seconds.is_some_and(|seconds| seconds > 0.0)), "{outcome}");
    let limit = report.host.cpu_limit.expect("the host's limit");
    assert_eq!(limit.quota, Some(0.2));
    for said in ["A CPU quota holds for everything that ran: 0.20 CPUs", "CPU quotas held the boots up for"] {
        let lines = outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(lines.contains(said), "{said}\n{outcome}");
    }
    let doctor = lab.invocation(limited(&group, &["doctor"])).run();
    let line = doctor.stdout.lines().find(|line| line.contains(" cpu quota ")).expect("a line");
    assert!(line.starts_with("warn") && line.contains("0.20 CPUs") && line.contains(&name), "{doctor}");
}

#[test]
fn a_quota_that_nothing_reaches_voids_nothing() {
    require!(need::busybox(), need::root());
    let group = match Group::new("wide", 1000.0) {
        Ok(group) => group,
        Err(lack) => return need::skip(&lack),
    };
    let lab = Lab::new();
    let out = lab.path("out");
    let args = ["run", "memory", "--contender=a=host", "--size", "1MiB", "--boots", "1", "--iterations", "1"];
    let mut command = limited(&group, &args);
    command.arg("--out").arg(&out);
    lab.invocation(command).run().ok();
    let report = report(&out);
    assert_eq!(report.contenders[0].boots[0].throttled_seconds, Some(0.0));
    assert_eq!(report.host.cpu_limit.and_then(|limit| limit.quota), Some(1000.0));
}

#[test]
fn one_cpu_of_several_counts_as_one() {
    require!(need::tcg(), need::program("taskset", "util-linux"), unshared_cpus());
    let lab = Lab::without_vms();
    let bound = |args: &[&str]| {
        let mut command = Command::new("taskset");
        let first = firebench_supervise::affinity::own().expect("affinity")[0].to_string();
        command.args(["-c", &first]).arg(firebench()).args(args);
        lab.invocation(command)
    };
    let doctor = bound(&["doctor"]).run();
    let line = doctor.stdout.lines().find(|line| line.split_whitespace().nth(1) == Some("cpus")).expect("a line");
    assert!(line.starts_with("warn") && line.contains("1 of "), "{doctor}");
    let run = ["run", "memory", "--accel", "tcg", "--vmm", "qemu", "--size", "1MiB", "--dry-run"];
    let dry = bound(&run).run().ok();
    assert!(dry.stdout.contains("-smp 1 "), "as many vCPUs as there are CPUs to run on\n{dry}");
    bound(&run).args(["--pin"]).run().fails(2, &["--pin needs 2 CPUs"]);
}
