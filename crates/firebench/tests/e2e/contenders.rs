//! Contenders with settings of their own, from flags and from files.

use firebench_model::experiment::ContenderSpec;

use crate::require;
use crate::support::common::Lab;
use crate::support::executable::copy;
use crate::support::good::assert_good;
use crate::support::invocation::report;
use crate::support::need;

#[test]
fn any_two_settings_can_meet() {
    require!(need::tcg());
    let lab = Lab::new();
    let out = lab.path("out");
    let own = lab.path("busybox");
    copy(&need::busybox_path().expect("a busybox"), &own);
    let contenders = [
        "one=qemu,vcpus=1,append=one.of=two".to_owned(),
        format!("two=qemu,vcpus=2,memory=384MiB,busybox={}", own.display()),
    ];
    let args = ["run", "memory", "--accel", "tcg", "--size", "4MiB", "--boots", "1", "--iterations", "1", "--out"];
    lab.firebench(&args).arg(&out).args(contenders.iter().flat_map(|c| ["--contender", c])).run().ok();
    let first = report(&out);
    assert_good(&first, 1, 1);
    let facts: Vec<_> = first.contenders.iter().map(|c| c.boots[0].facts.clone().expect("facts")).collect();
    assert_eq!([facts[0].cpu.online, facts[1].cpu.online], [1, 2]);
    assert!(facts[0].cmdline.contains("one.of=two") && !facts[1].cmdline.contains("one.of=two"));
    assert!(facts[0].mem_total_bytes > facts[1].mem_total_bytes);
    let busybox: Vec<_> = first.artifacts.iter().filter(|artifact| artifact.role == "busybox").collect();
    assert_eq!(busybox.len(), 1, "equal bytes are one artifact: {busybox:?}");
    let expected: Vec<ContenderSpec> = contenders.iter().map(|text| text.parse().expect("a contender")).collect();
    assert_eq!(first.experiment.contenders, expected);
}

#[test]
fn launches_have_what_contenders_want() {
    require!(need::tcg(), need::firecracker());
    let lab = Lab::without_vms();
    let contenders = [
        "direct=qemu,cache=none,io=native,cpu=max,,-avx",
        "huge=qemu,huge-pages,vcpus=1",
        "template=firecracker,template=T2,cache=writeback,io=async",
        "bare=host,handicap=5%",
    ];
    let args = ["run", "memory", "--accel", "kvm", "--size", "1MiB", "--dry-run"];
    let outcome = lab.firebench(&args).args(contenders.iter().flat_map(|c| ["--contender", c])).run().ok();
    let part = |name: &str| {
        let start = outcome.stdout.find(&format!("\n# {name}\n")).unwrap_or_else(|| panic!("{name}\n{outcome}"));
        outcome.stdout[start + 1..].split("\n# ").next().expect("a part").to_owned()
    };
    let direct = part("direct");
    assert!(direct.contains("cache=none,aio=native") && direct.contains("max,-avx"), "{direct}");
    let huge = part("huge");
    assert!(huge.contains("hugetlb=on") && huge.contains("-smp 1"), "{huge}");
    let template = part("template");
    for word in ["\"cpu_template\": \"T2\"", "\"io_engine\": \"Async\"", "\"cache_type\": \"Writeback\""] {
        assert!(template.contains(word), "{template}");
    }
    assert!(outcome.stdout.contains("firebench-agent host "), "{outcome}");
}

#[test]
fn an_experiment_file_is_written_and_found() {
    require!(need::tcg(), need::firecracker());
    let lab = Lab::without_vms();
    let here = lab.path("here");
    std::fs::create_dir(&here).expect("a directory");
    let at = |args: &[&str]| lab.firebench(args).at(&here);
    at(&["run", "--dry-run"]).run().fails(2, &["no workload", "firebench.toml"]);
    let outcome = at(&["init"]).run().ok();
    assert!(outcome.stdout.contains("firebench run --from firebench.toml"), "{outcome}");
    at(&["init"]).run().fails(2, &["firebench.toml already exists"]);
    at(&["init", "--force"]).run().ok();
    let outcome = at(&["run", "--dry-run", "--accel", "kvm", "--size", "1MiB"]).run().ok();
    assert!(outcome.stdout.contains("\n# qemu\n") && outcome.stdout.contains("\n# firecracker\n"), "{outcome}");
    at(&["init", "no/such/directory.toml"]).run().fails(3, &["cannot write no/such/directory.toml"]);
}

#[test]
fn mistakes_in_experiment_files_are_shown_at_their_line() {
    let lab = Lab::without_vms();
    let cases = [
        ("workload = \"memory\"\n[design]\nboots = 1\nspeed = 3\n", "line 4", "unknown field `speed`"),
        (
            "workload = \"memory\"\n\n[[contender]]\nname = \"a\"\nvmm = \"bochs\"\n",
            "line 5",
            "\"bochs\" is not a kind of contender",
        ),
        ("workload = \"memory\"\n[machine]\nmemory = \"1 GB\"\n", "line 3", "1 GB"),
        ("workload = \"memory\"\n[design]\nprecision = \"fine\"\n", "line 3", "fine"),
    ];
    for (text, line, reason) in cases {
        let file = lab.file("experiment.toml", text);
        lab.firebench(&["run", "--from"]).arg(&file).run().fails(2, &[line, reason]);
    }
}

#[test]
fn libkrun_is_in_a_group_where_a_kernel_is_named() {
    require!(need::tcg(), need::firecracker(), need::libkrun(), need::small_kernel());
    let lab = Lab::without_vms();
    let args = ["run", "memory", "--accel", "kvm", "--size", "1MiB", "--dry-run", "--vmm", "vmms"];
    let fetched = lab.firebench(&args).run().ok();
    assert!(fetched.stdout.contains("\n# qemu\n") && !fetched.stdout.contains("libkrun"), "{fetched}");
    let small = lab.firebench(&args).args(["--kernel", "small"]).run().ok();
    assert!(small.stdout.contains("\n# libkrun\n"), "{small}");
}
