//! On which CPUs a VM runs, and its vCPUs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use firebench_supervise::{Output, Pinned, StartError, Step, Vm, affinity};
use firebench_vmm::{Accel, Contender, Drive, Image, Launch, Machine, Paths, Settings, VmmKind, launch, qemu};

use super::{command, example, read_lines, run, script, soon, start};

/// The CPUs that a thread may use, as the kernel lists them.
fn allowed(status: &str) -> &str {
    status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).expect("Cpus_allowed_list").trim()
}

/// The name of each thread of the VM and the CPUs that it may use.
fn threads(vm: &Vm) -> BTreeMap<String, String> {
    let tasks = std::fs::read_dir(format!("/proc/{}/task", vm.pid())).expect("threads");
    let thread = |task: PathBuf| {
        // One may end meanwhile.
        let read = |file: &str| std::fs::read_to_string(task.join(file)).ok();
        Some((read("comm")?.trim_end().to_owned(), allowed(&read("status")?).to_owned()))
    };
    tasks.filter_map(|task| thread(task.expect("entry").path())).collect()
}

fn last(cpus: &[u32]) -> u32 {
    *cpus.last().expect("a CPU")
}

#[test]
fn it_runs_on_its_cpus_alone() {
    let own = affinity::own().expect("affinity");
    // Its children, too.
    for cpu in [own[0], last(&own)] {
        let launch = Launch { cpus: Some(vec![cpu]), ..script("cat /proc/self/status") };
        assert_eq!(allowed(&run(&mut start(&launch)).0), cpu.to_string());
    }
    let (all, _) = run(&mut start(&command(&["cat", "/proc/self/status"])));
    let ours = std::fs::read_to_string("/proc/thread-self/status").expect("status");
    assert_eq!(allowed(&all), allowed(&ours), "as firebench");
}

#[test]
fn cpus_that_do_not_exist_are_refused() {
    let own = affinity::own().expect("affinity");
    for cpus in [vec![], vec![8191], vec![own[0], 8191], vec![u32::MAX]] {
        let launch = Launch { cpus: Some(cpus.clone()), ..script("true") };
        let error = Vm::start(&launch, &Default::default()).expect_err("no such CPU");
        assert!(
            matches!(error, StartError::Confine { step: Step::Affinity, help: Some(_), .. }),
            "{cpus:?}: {error:?}"
        );
    }
}

#[test]
fn the_threads_of_vcpus_are_bound_by_their_names() {
    let own = affinity::own().expect("affinity");
    let (one, other) = (own[0], last(&own));
    let threads_of = example("threads");
    let program = threads_of.to_str().expect("text");
    for names in [["CPU 0/KVM", "CPU 1/KVM"], ["CPU 0/TCG", "CPU 1/TCG"], ["fc_vcpu 0", "fc_vcpu 1"]] {
        let mut vm = start(&command(&[program, "io", names[1], names[0]]));
        read_lines(&mut vm, 1);
        let pinned = pin_all(&mut vm, &[one, other]);
        assert_eq!(pinned.iter().map(|it| (it.vcpu, it.cpu)).collect::<Vec<_>>(), [(0, one), (1, other)]);
        assert!(pinned.iter().all(|it| Path::new(&format!("/proc/{}/task/{}", vm.pid(), it.tid)).exists()));
        let bound = threads(&vm);
        assert_eq!((&bound[names[0]], &bound[names[1]]), (&one.to_string(), &other.to_string()));
        let ours = std::fs::read_to_string("/proc/thread-self/status").expect("status");
        assert_eq!(bound["io"], allowed(&ours), "none of the vCPUs");
        assert_eq!(vm.pin_vcpus(&[one, other]).expect("again"), pinned);
        assert_eq!(vm.pin_vcpus(&[other]).expect("one").len(), 1, "vCPU 1 has no CPU and is left alone");
        assert_eq!(threads(&vm)[names[1]], other.to_string());
        vm.pin_vcpus(&[8191]).expect_err("no such CPU");
        vm.kill().expect("kill");
        assert_eq!(vm.pin_vcpus(&[one]).expect("after the end"), []);
    }
}

/// Pins until both vCPUs have their threads.
fn pin_all(vm: &mut Vm, cpus: &[u32]) -> Vec<Pinned> {
    let end = soon();
    loop {
        let pinned = vm.pin_vcpus(cpus).expect("pin");
        if pinned.len() == 2 {
            return pinned;
        }
        assert!(std::time::Instant::now() < end, "never there: {:?}", threads(vm));
        match vm.next(std::time::Instant::now() + Duration::from_millis(20)).expect("next") {
            Output::Console { .. } | Output::Deadline | Output::Stalled(_) => {}
            other => panic!("{other:?}: {}", vm.stderr_tail()),
        }
    }
}

/// QEMU with two vCPUs under TCG. It has nothing to boot: its firmware is enough of a guest.
#[test]
fn the_vcpus_of_a_real_qemu_are_bound() {
    let program = "qemu-system-x86_64";
    if std::process::Command::new(program).arg("--version").output().is_err() {
        return eprintln!("NOT TESTED, there is no {program}: that its vCPUs are found");
    }
    let own = affinity::own().expect("affinity");
    let cpus = vec![own[0], last(&own)];
    let disk = tempfile::NamedTempFile::new().expect("temporary file");
    disk.as_file().set_len(1 << 20).expect("size");
    let mut unique = cpus.clone();
    unique.dedup();
    let contender = Contender {
        name: "qemu".to_owned(),
        machine: Machine {
            vcpus: 2,
            memory_mib: 128,
            accel: Accel::Tcg,
            tap: None,
            veth: None,
            cpus: Some(unique.clone()),
        },
        settings: Settings::new(VmmKind(&qemu::KIND)),
    };
    let image = Image {
        kernel: "kernel".into(),
        cmdline: "cmdline".to_owned(),
        initramfs: "initramfs".into(),
        disk: Drive { path: disk.path().to_owned(), read_only: true },
    };
    let paths = Paths { binary: program.into(), work_dir: "/nowhere".into() };
    let mut launch = launch(&contender, &image, &paths).expect("a launch");
    for flag in ["-kernel", "-initrd", "-append"] {
        let at = launch.argv.iter().position(|argument| argument == flag).expect(flag);
        launch.argv.drain(at..at + 2);
    }
    let mut vm = start(&launch);
    let pinned = pin_all(&mut vm, &cpus);
    assert_eq!(pinned.iter().map(|it| (it.vcpu, it.cpu)).collect::<Vec<_>>(), [(0, cpus[0]), (1, cpus[1])]);
    let bound = threads(&vm);
    assert_eq!((&bound["CPU 0/TCG"], &bound["CPU 1/TCG"]), (&cpus[0].to_string(), &cpus[1].to_string()));
    let mut others = bound.iter().filter(|(name, _)| !name.starts_with("CPU "));
    let ranges = |list: &str| {
        list.split(',')
            .flat_map(|range| {
                let (first, last) = range.split_once('-').unwrap_or((range, range));
                first.parse::<u32>().expect("CPU")..=last.parse().expect("CPU")
            })
            .collect::<Vec<_>>()
    };
    assert!(others.all(|(_, list)| ranges(list) == unique), "within the CPUs of the launch: {bound:?}");
}
