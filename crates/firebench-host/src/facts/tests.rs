use std::collections::BTreeMap;
use std::fs;

use firebench_model::host::{Cgroups, HugePages};
use firebench_vmm::CpuLimit;

use super::*;

/// Writes a tree of files, given as path and contents.
fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (path, contents) in files {
        let path = dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("room");
        fs::write(path, contents).expect("room");
    }
    dir
}

/// A quiet bare-metal server, tuned for measuring.
const SERVER: &[(&str, &str)] = &[
    (
        "proc/cpuinfo",
        "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz\nflags\t\t: fpu vmx sha_ni\n\n\
         processor\t: 1\nmodel name\t: another\n",
    ),
    ("proc/loadavg", "0.04 0.21 0.14 1/86 6780\n"),
    (
        "proc/meminfo",
        "MemTotal:       131072000 kB\nMemFree:        1000 kB\nMemAvailable:   120000000 kB\nSwapTotal:      2097152 kB\n\
         SwapFree:       2097128 kB\nHugePages_Total:      16\nHugePages_Free:        8\nHugepagesize:       2048 kB\n",
    ),
    ("proc/mounts", "proc /proc proc rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n"),
    ("proc/stat", "cpu  600 0 100 290 0 0 0 10 55 0\ncpu0 1 2 3\n"),
    ("proc/sys/kernel/osrelease", "6.1.0-56-amd64\n"),
    ("etc/os-release", "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"),
    ("sys/devices/system/cpu/online", "0-31\n"),
    ("proc/self/status", "Name:\tfirebench\nCpus_allowed:\tffffffff\nCpus_allowed_list:\t0-63\n"),
    ("proc/self/cgroup", "0::/user.slice\n"),
    ("proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n"),
    ("sys/fs/cgroup/user.slice/cpu.max", "max 100000\n"),
    ("sys/fs/cgroup/user.slice/cpu.stat", "nr_throttled 0\nthrottled_usec 0\n"),
    ("sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "performance\n"),
    ("sys/devices/system/cpu/cpufreq/policy1/scaling_governor", "performance\n"),
    ("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n"),
    ("sys/devices/system/cpu/smt/active", "0\n"),
    ("sys/devices/system/cpu/vulnerabilities/meltdown", "Not affected\n"),
    ("sys/devices/system/cpu/vulnerabilities/spectre_v2", "Mitigation: Enhanced IBRS\n"),
    ("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"),
    ("sys/kernel/mm/ksm/run", "0\n"),
    ("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n"),
    ("proc/sys/kernel/random/boot_id", "5e3a1c9e\n"),
    (
        "var/lib/firebench/tune.json",
        r#"{"version": 1, "boot_id": "5e3a1c9e", "settings": [{"name": "turbo",
            "path": "sys/devices/system/cpu/intel_pstate/no_turbo", "before": "0", "ours": ["1"]}]}"#,
    ),
];

/// The facts of a quiet bare-metal server, for other modules' tests.
pub(crate) fn server() -> HostFacts {
    let root = tree(SERVER);
    HostFacts { disk_free: Some(500 << 30), ..read(root.path(), Path::new("/"), None) }
}

#[test]
fn a_server_is_read_from_its_files() {
    let expected = HostFacts {
        cpu_model: Some("Intel(R) Xeon(R) Platinum 8375C CPU @ 2.90GHz".to_owned()),
        cpus: Some(32),
        allowed_cpus: Some("0-31".to_owned()),
        cpu_limit: Some(CpuLimit { throttled_seconds: Some(0.0), ..CpuLimit::default() }),
        memory_total: Some(131_072_000 * 1024),
        memory_available: Some(120_000_000 * 1024),
        swap_total: Some(2 << 30),
        swap_used: Some(24 * 1024),
        huge_pages: Some(HugePages { total: 16, free: 8, size: 2 << 20 }),
        kernel: Some("6.1.0-56-amd64".to_owned()),
        distro: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
        virtualised: false,
        hypervisor: None,
        governors: vec!["performance".to_owned()],
        turbo: Some(false),
        smt: Some(false),
        transparent_huge_pages: Some("madvise".to_owned()),
        ksm: Some(false),
        damon: Some(false),
        load_average: Some([0.04, 0.21, 0.14]),
        steal: Some(0.01),
        cgroups: Cgroups::V2,
        clocksource: Some("tsc".to_owned()),
        mitigations: BTreeMap::from([
            ("meltdown".to_owned(), "Not affected".to_owned()),
            ("spectre_v2".to_owned(), "Mitigation: Enhanced IBRS".to_owned()),
        ]),
        tuned: Some("turbo off".to_owned()),
        disk_free: Some(500 << 30),
    };
    assert_eq!(server(), expected);
}

#[test]
fn nothing_is_invented_where_nothing_can_be_read() {
    let root = tree(&[]);
    let facts = read(root.path(), root.path(), None);
    assert!(facts.disk_free.is_some());
    assert_eq!(HostFacts { disk_free: None, ..facts }, HostFacts::default());
}

#[test]
fn the_other_spellings_are_understood() {
    let root = tree(&[
        ("proc/cpuinfo", "flags\t\t: fpu hypervisor sse\n"),
        ("proc/mounts", "cgroup /a cgroup rw 0 0\ncgroup2 /b cgroup2 rw 0 0\n"),
        ("sys/devices/system/cpu/cpufreq/boost", "1\n"),
        ("sys/devices/system/cpu/cpufreq/policy0/scaling_governor", "powersave\n"),
        ("sys/devices/system/cpu/cpufreq/policy1/scaling_governor", "performance\n"),
        ("usr/lib/os-release", "PRETTY_NAME='Alpine Linux'\n"),
        ("proc/stat", "cpu garbage\n"),
        ("proc/loadavg", "1.0 2.0\n"),
        ("sys/kernel/mm/ksm/run", "1\n"),
    ]);
    let facts = read(root.path(), root.path(), None);
    assert!(facts.virtualised);
    assert_eq!(facts.cgroups, Cgroups::Hybrid);
    assert_eq!(facts.turbo, Some(true));
    assert_eq!(facts.governors, ["performance", "powersave"]);
    assert_eq!(facts.distro.as_deref(), Some("Alpine Linux"));
    assert_eq!((facts.steal, facts.load_average), (None, None));
    assert_eq!(facts.ksm, Some(true));
}

#[test]
fn cpus_that_may_not_be_used_do_not_count() {
    let facts = |online: &str, allowed: &str| {
        let status = format!("Cpus_allowed_list:\t{allowed}\n");
        let root = tree(&[("sys/devices/system/cpu/online", online), ("proc/self/status", &status)]);
        read(root.path(), root.path(), None)
    };
    let bound = facts("0-1\n", "0");
    assert_eq!((bound.cpus, bound.usable_cpus()), (Some(2), Some(1)));
    assert_eq!(bound.cpus_in_words().as_deref(), Some("1 of 2 (allowed: 0)"));
    let set = facts("0-7\n", "1-2,5,9-12");
    assert_eq!((set.allowed_cpus.as_deref(), set.usable_cpus()), (Some("1-2,5"), Some(3)));
    let free = facts("0-3\n", "0-127");
    assert_eq!(free.cpus_in_words().as_deref(), Some("4"));
    // A report from before, or a kernel that does not say.
    assert_eq!(HostFacts { cpus: Some(8), ..HostFacts::default() }.usable_cpus(), Some(8));
}

#[test]
fn a_setting_of_the_page_size_goes_before_the_general_one() {
    let read = |of_size: &str| {
        let place = "sys/kernel/mm/transparent_hugepage";
        let root = tree(&[
            (&format!("{place}/enabled"), "always [madvise] never\n"),
            (&format!("{place}/hugepages-2048kB/enabled"), of_size),
        ]);
        read(root.path(), root.path(), None).transparent_huge_pages
    };
    assert_eq!(read("always [inherit] madvise never\n").as_deref(), Some("madvise"));
    assert_eq!(read("always inherit madvise [never]\n").as_deref(), Some("never"));
}

#[test]
fn damon_takes_memory_where_a_thread_of_it_runs_and_pages_out() {
    let damon = |state: &str, action: &str| {
        let place = "sys/kernel/mm/damon/admin/kdamonds";
        let root = tree(&[
            (&format!("{place}/nr_kdamonds"), "2\n"),
            (&format!("{place}/0/state"), state),
            (&format!("{place}/0/contexts/nr_contexts"), "1\n"),
            (&format!("{place}/0/contexts/0/schemes/0/action"), "stat\n"),
            (&format!("{place}/0/contexts/0/schemes/1/action"), action),
            (&format!("{place}/1/state"), "off\n"),
        ]);
        read(root.path(), root.path(), None).damon
    };
    assert_eq!(damon("on\n", "pageout\n"), Some(true));
    assert_eq!(damon("off\n", "pageout\n"), Some(false));
    assert_eq!(damon("on\n", "lru_prio\n"), Some(false));
}

#[test]
fn steal_is_a_share_of_the_time_between_two_looks() {
    let at = |total, steal| CpuTime { total, steal };
    assert_eq!(at(1400, 30).steal_since(at(1000, 10)), Some(0.05));
    assert_eq!(at(1000, 10).steal_since(at(1000, 10)), None);
    // A kernel that counts backwards, as some do when a CPU goes.
    assert_eq!(at(900, 10).steal_since(at(1000, 10)), None);
    assert_eq!(at(1100, 9).steal_since(at(1000, 10)), Some(0.0));
    assert!(cpu_time(Path::new("/")).is_some());
}

#[test]
fn facts_survive_json_and_readers_forgive_what_is_missing() {
    let json = serde_json::to_string(&server()).expect("plain data");
    assert_eq!(serde_json::from_str::<HostFacts>(&json).expect("its own words"), server());
    assert_eq!(serde_json::from_str::<HostFacts>("{}").expect("nothing is required"), HostFacts::default());
}

#[test]
fn this_machine_has_the_facts_that_every_linux_has() {
    let facts = read(Path::new("/"), Path::new("/nowhere/at/all"), None);
    assert!(facts.memory_total.is_some_and(|bytes| bytes > 64 << 20), "{facts:?}");
    assert!(facts.cpus.is_some_and(|cpus| cpus >= 1), "{facts:?}");
    let own = firebench_supervise::affinity::own().expect("affinity").len();
    assert_eq!(facts.usable_cpus().map(|cpus| cpus as usize), Some(own), "{facts:?}");
    assert!(facts.kernel.is_some() && facts.load_average.is_some() && facts.disk_free.is_some(), "{facts:?}");
}
