use firebench_model::host::{Cgroups, HostFacts, HugePages};
use firebench_supervise::kvm::{KvmClass, KvmReport};
use firebench_vmm::{CpuLimit, Missing, firecracker, qemu};

use super::*;
use crate::tools::{Tool, ToolError};

const QEMU: VmmKind = VmmKind(&qemu::KIND);
const FIRECRACKER: VmmKind = VmmKind(&firecracker::KIND);

fn kvm(class: KvmClass, finding: &str, remedy: Option<&str>) -> KvmReport {
    KvmReport {
        class,
        loops_per_second: None,
        hypervisor: None,
        finding: finding.to_owned(),
        remedy: remedy.map(str::to_owned),
    }
}

fn tool(path: &str, version_line: &str) -> Tool {
    Tool {
        path: path.into(),
        version: "1.2.3".to_owned(),
        version_line: version_line.to_owned(),
        sha256: "ab".repeat(32),
    }
}

fn file(path: &str) -> FoundFile {
    FoundFile { path: path.into(), sha256: "cd".repeat(32) }
}

/// A bare-metal server on which nothing is missing.
fn server() -> Facts {
    Facts {
        kvm: kvm(
            KvmClass::Hardware,
            "/dev/kvm is the CPU's own virtualisation: 3214 million loop iterations a second",
            None,
        ),
        host: facts::tests::server(),
        steal_now: Some(0.0),
        programs: vec![
            (QEMU, Ok(tool("/usr/bin/qemu-system-x86_64", "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)"))),
            (FIRECRACKER, Ok(tool("/data/firecracker/1.12.1/firecracker", "Firecracker v1.12.1"))),
        ],
        jailers: vec![(FIRECRACKER, Ok(tool("/data/firecracker/1.12.1/jailer", "Jailer v1.12.1")))],
        root: false,
        confinement: Some(Confinement { memory_limit: Some(1 << 30), ..Confinement::default() }),
        kernel: Some(file("/data/kernels/linux-image-6.1.0-56-cloud-amd64_6.1.192-2_amd64.deb")),
        small_kernel: Ok(Some(file("/data/kernels/small/6.12.117-1-0123456789abcdef/vmlinux"))),
        busybox: Ok(Some(file("/bin/busybox"))),
        mke2fs: Some(Ok("/usr/sbin/mke2fs".into())),
        debugfs: Some(Ok("/usr/sbin/debugfs".into())),
        curl: Some(Ok("/usr/bin/curl".into())),
        pip: Some("pip 23.0.1 from /usr/lib/python3/dist-packages/pip (python 3.11)".to_owned()),
        apt_get: Some(Ok("/usr/bin/apt-get".into())),
        trials: Trials {
            agent: Ok(tool("/opt/firebench/firebench-agent", "firebench-agent 1.2.3")),
            microvm: Some(Ok(())),
            busybox: Some(Ok(())),
            disk: Some(Ok(())),
            temporary: Ok(Temporary { path: "/tmp".into(), free: Some(8 << 30), noexec: false }),
            cache: Ok("/home/a/.cache/firebench".into()),
            store: Ok(("/data/runs.db".into(), Some(12))),
        },
    }
}

/// A cloud guest on which everything is wrong.
fn ruin() -> Facts {
    let missing = |program: &str, hint: &str| ToolError::Missing { program: program.to_owned(), hint: hint.to_owned() };
    let host = HostFacts {
        memory_available: Some(400 << 20),
        disk_free: Some(2 << 30),
        virtualised: true,
        hypervisor: Some("KVMKVMKVM".to_owned()),
        governors: vec!["performance".to_owned(), "powersave".to_owned()],
        turbo: Some(true),
        smt: Some(true),
        transparent_huge_pages: Some("madvise".to_owned()),
        huge_pages: Some(HugePages { total: 512, free: 500, size: 2 << 20 }),
        ksm: Some(true),
        damon: Some(true),
        swap_total: Some(4 << 30),
        swap_used: Some(1 << 30),
        cpus: Some(2),
        allowed_cpus: Some("0".to_owned()),
        cpu_limit: Some(CpuLimit {
            quota: Some(0.1),
            group: Some("/ci.slice".to_owned()),
            hidden: false,
            throttled_seconds: Some(12.25),
        }),
        load_average: Some([1.5, 0.7, 0.3]),
        steal: Some(0.031),
        tuned: None,
        cgroups: Cgroups::V1,
        clocksource: Some("hpet".to_owned()),
        mitigations: [("meltdown", "Mitigation: PTI"), ("mds", "Vulnerable; SMT vulnerable")]
            .map(|(name, state)| (name.to_owned(), state.to_owned()))
            .into(),
        ..facts::tests::server()
    };
    Facts {
        kvm: kvm(
            KvmClass::Absent,
            "/dev/kvm does not exist: No such file or directory (os error 2)",
            Some("load the module"),
        ),
        host,
        steal_now: Some(0.25),
        programs: vec![
            (QEMU, Err(missing("qemu-system-x86_64", "apt-get install qemu-system-x86"))),
            (FIRECRACKER, Err(missing("firecracker", "firebench fetch firecracker"))),
        ],
        jailers: Vec::new(),
        root: true,
        confinement: Some(Confinement {
            missing: vec![Missing::Other(
                "without namespaces of its own: cannot make namespaces of its own: EPERM".to_owned(),
            )],
            ..Confinement::default()
        }),
        kernel: None,
        small_kernel: Ok(None),
        busybox: Ok(None),
        mke2fs: None,
        debugfs: None,
        curl: None,
        pip: None,
        apt_get: None,
        trials: Trials {
            agent: failed("there is no firebench-agent beside /opt/firebench"),
            microvm: None,
            busybox: None,
            disk: None,
            temporary: Ok(Temporary { path: "/tmp".into(), free: Some(100 << 20), noexec: true }),
            cache: failed("cannot create a file in /home/a/.cache: Read-only file system (os error 30)"),
            store: failed("/data/runs.db is damaged"),
        },
    }
}

fn failed<T>(finding: &str) -> Tried<T> {
    Err(Failed { finding: finding.to_owned(), remedy: Some("mend it".to_owned()) })
}

#[test]
fn what_is_there_and_does_not_work_is_bad() {
    let mut facts = server();
    facts.mke2fs = Some(failed("/usr/sbin/mke2fs failed"));
    facts.trials.busybox = Some(failed("cannot run /data/busybox/busybox: Permission denied"));
    facts.trials.microvm = Some(failed("qemu does not have the machine type microvm"));
    facts.trials.disk = Some(failed("debugfs failed"));
    facts.trials.agent = failed("not static");
    let checks = checks(&facts);
    for name in ["mke2fs", "busybox", "microvm", "root disk", "agent"] {
        let check = checks.iter().find(|check| check.name == name).expect("a check");
        assert_eq!((check.state, check.remedy.as_deref()), (State::Bad, Some("mend it")), "{check:?}");
    }
    // It only downloads.
    facts.curl = Some(failed("curl failed"));
    assert_eq!(state_of(&super::checks(&facts), "curl"), State::Info);
}

fn state_of(checks: &[Check], name: &str) -> State {
    checks.iter().find(|check| check.name == name).unwrap_or_else(|| panic!("no check {name}")).state
}

#[test]
fn a_server_in_order() {
    let mut facts = server();
    // The fixture's own imperfections.
    facts.host.transparent_huge_pages = Some("never".to_owned());
    facts.host.swap_used = Some(0);
    facts.host.steal = Some(0.0);
    facts.host.tuned = Some("governor performance, turbo off, ksm off".to_owned());
    let checks = checks(&facts);
    assert_eq!(worst(&checks), State::Info);
    insta::assert_snapshot!("server", render(&checks));
}

#[test]
fn a_machine_in_ruins() {
    let checks = checks(&ruin());
    assert_eq!(worst(&checks), State::Bad);
    assert!(checks.iter().filter(|check| check.state >= State::Warn).all(|check| check.remedy.is_some()));
    insta::assert_snapshot!("ruin", render(&checks));
}

#[test]
fn what_tune_can_mend_is_left_to_tune() {
    let checks = checks(&ruin());
    let remedy = |name: &str| checks.iter().find(|check| check.name == name).and_then(|check| check.remedy.clone());
    for name in ["governor", "turbo", "ksm", "smt", "transparent huge pages"] {
        assert!(remedy(name).is_some_and(|remedy| remedy.starts_with("sudo firebench tune")), "{name}");
    }
}

#[test]
fn one_cpu_is_too_few() {
    let mut facts = server();
    for (cpus, state) in [(1, State::Warn), (2, State::Ok), (64, State::Ok)] {
        facts.host.cpus = Some(cpus);
        facts.host.allowed_cpus = None;
        assert_eq!(state_of(&checks(&facts), "cpus"), state, "{cpus}");
    }
}

#[test]
fn steal_of_the_moment_counts_as_that_since_boot() {
    let mut facts = server();
    facts.host.steal = Some(0.001);
    for (now, state) in [(None, State::Ok), (Some(0.01), State::Ok), (Some(0.25), State::Warn)] {
        facts.steal_now = now;
        assert_eq!(state_of(&checks(&facts), "steal"), state, "{now:?}");
    }
}

#[test]
fn the_accelerator_follows_kvm_and_qemu() {
    let mut facts = server();
    assert_eq!(state_of(&checks(&facts), "accelerator"), State::Ok);
    for class in [KvmClass::Emulated, KvmClass::Absent, KvmClass::NoPermission, KvmClass::Broken] {
        facts.kvm.class = class;
        let checks = checks(&facts);
        assert_eq!(state_of(&checks, "accelerator"), State::Warn, "{class:?}");
        assert_eq!(state_of(&checks, "kvm"), State::Warn, "{class:?}");
    }
    facts.programs = ruin().programs;
    assert_eq!(state_of(&checks(&facts), "accelerator"), State::Bad);
}

#[test]
fn what_can_be_fetched_is_said_to_be() {
    let facts = Facts { kernel: None, busybox: Ok(None), ..server() };
    let remedies = |facts: &Facts| {
        let needed = checks(facts).into_iter().filter(|check| check.state == State::Bad);
        needed.map(|check| (check.name, check.remedy.unwrap_or_default())).collect::<Vec<_>>()
    };
    for (name, remedy) in remedies(&facts) {
        assert!(remedy.starts_with(&format!("firebench fetch {name}")), "{name}: {remedy}");
    }
    let without_apt = remedies(&Facts { apt_get: None, ..facts });
    assert_eq!(without_apt.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["kernel", "busybox"]);
    assert!(without_apt.iter().all(|(_, remedy)| !remedy.contains("firebench fetch")), "{without_apt:?}");
}

#[test]
fn a_machine_that_says_nothing_gets_no_warnings_about_itself() {
    let facts = Facts { host: HostFacts::default(), ..server() };
    assert_eq!(worst(&checks(&facts)), State::Info);
}

#[test]
fn checks_have_names_of_their_own() {
    let checks = checks(&server());
    let names: std::collections::HashSet<_> = checks.iter().map(|check| &check.name).collect();
    assert_eq!(names.len(), checks.len());
}
