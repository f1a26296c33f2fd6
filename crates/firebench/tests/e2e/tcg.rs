//! Whole runs of QEMU under TCG, which any computer can do.

use std::process::Command;

use firebench_model::experiment::{AccelChoice, PayloadSpec};
use firebench_model::record::Report;
use firebench_store::experiment_file::load_experiment;
use firebench_vmm::{Accel, VmmKind};

use crate::require;
use crate::support::common::Lab;
use crate::support::good::assert_good;
use crate::support::invocation::report;
use crate::support::need;

/// Bytes read from the disk in each iteration of each boot.
fn disk_reads(report: &Report) -> Vec<u64> {
    let boots = report.contenders.iter().flat_map(|contender| &contender.boots);
    boots.flat_map(|boot| &boot.iterations).map(|iteration| iteration.counters.disk_read_bytes).collect()
}

#[test]
fn a_run_is_reported_whole_and_can_be_run_again() {
    require!(need::tcg());
    let lab = Lab::new();
    let out = lab.path("out");
    let args = ["run", "memory", "--accel", "tcg", "--boots", "2", "--iterations", "2", "--out"];
    let outcome = lab.firebench(&args).args([&out]).run().ok();
    let first = report(&out);
    assert_good(&first, 2, 2);
    assert_eq!((first.accelerator, first.emulated), (Accel::Tcg, true));
    assert_eq!(first.nested_host, None);
    assert_eq!(first.payload.bytes, 16 << 20);
    assert_eq!(first.contenders.len(), 1, "firecracker cannot run under tcg");
    assert_eq!(first.contenders[0].vmm, VmmKind(&firebench_vmm::qemu::KIND));
    assert!(first.notices.iter().any(|text| text.contains("firecracker is left out")), "{:?}", first.notices);
    for boot in &first.contenders[0].boots {
        let facts = boot.facts.as_ref().expect("facts");
        // `tsc-early` until the kernel has refined its frequency, a second after its start.
        assert!(["tsc", "tsc-early"].contains(&facts.clocksource.as_str()), "{}", facts.clocksource);
        assert!(facts.modules.iter().any(|module| module.starts_with("virtio_blk")), "{:?}", facts.modules);
        // The first iteration reads the file from the disk, the second one from the guest's page cache.
        let reads: Vec<_> = boot.iterations.iter().map(|iteration| iteration.counters.disk_read_bytes).collect();
        assert!(reads[0] >= first.payload.bytes && reads[1] < first.payload.bytes / 10, "{reads:?}");
    }
    let roles: Vec<_> = first.artifacts.iter().map(|artifact| artifact.role.as_str()).collect();
    assert_eq!(roles, ["kernel", "initramfs", "root disk", "agent", "busybox"]);
    let overhead = first.overhead;
    crate::support::common::say(&format!(
        "    firebench's own CPU: {:.2} % of a core; first VM after {:.2} s",
        overhead.own_cpu_seconds / first.duration * 100.0,
        overhead.first_vm_seconds.expect("there was one")
    ));

    let markdown = std::fs::read_to_string(out.join("report.md")).expect("report.md");
    for section in [
        "# Memory benchmark",
        "## Summary",
        "## QEMU",
        "### Launch command",
        "### Results",
        "## Memory sanity check",
        "## What was compared",
        "## Run it again",
    ] {
        assert!(markdown.lines().any(|line| line == section), "{section} is not in\n{markdown}");
    }
    for text in [&markdown, &outcome.stdout, &outcome.stderr] {
        assert!(text.contains("EMULATED"), "{text}");
    }
    assert!(markdown.contains(&format!("{}  /random.txt", first.payload.sha256)));
    let paths: Vec<_> = outcome.stdout.lines().rev().take(2).collect();
    assert_eq!(paths, [out.join("report.json"), out.join("report.md")].map(|path| path.display().to_string()));

    // Again from the page, but for two flags: cold, so each iteration reads the disk.
    let again = lab.path("again");
    let from = [out.join("report.md").into_os_string(), "--cold".into(), "--boots=1".into(), "--out".into()];
    lab.firebench(&["run", "--from"]).args(from).args([&again]).run().ok();
    let second = report(&again);
    assert_good(&second, 1, 2);
    let mut expected = first.experiment.clone();
    assert_eq!(expected.accel, AccelChoice::Tcg);
    expected.design.cold = true;
    expected.design.boots = Some(1);
    assert_eq!(second.experiment, expected);
    assert_eq!(second.payload, first.payload);
    let reads = disk_reads(&second);
    assert!(reads.iter().all(|&bytes| bytes >= second.payload.bytes), "{reads:?}");
    for name in ["report.md", "report.json"] {
        assert_eq!(load_experiment(&again.join(name)).expect(name), second.experiment, "{name}");
    }
}

#[test]
fn payloads_and_additions_of_the_user_reach_the_guest() {
    require!(need::tcg());
    let lab = Lab::new().with_own_cache();
    let out = lab.path("out");
    let run = ["run", "memory", "--accel", "tcg", "--vmm", "qemu", "--boots", "1", "--iterations", "1", "--out"];

    // A file of an odd size, an added file and an added directory.
    let bytes: Vec<u8> = (0..1_234_567u32).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let payload = lab.file("my payload", &bytes);
    let tool = lab.file("tool", "#!/bin/sh\necho works\n");
    std::fs::create_dir_all(lab.path("tree/below")).expect("directories");
    lab.file("tree/below/leaf", "a leaf");
    let added = [format!("{}=/bin/tool", tool.display()), lab.path("tree").display().to_string()];
    let run_file = lab.firebench(&run).args([&out]).arg("--payload").args([&payload]);
    run_file.args(added.iter().flat_map(|add| ["--add", add])).run().ok();
    let with_file = report(&out);
    assert_good(&with_file, 1, 1);
    assert_eq!(with_file.payload.bytes, 1_234_567);
    assert_eq!(with_file.payload.sha256, firebench_image::digest::sha256(&bytes));
    assert_eq!(with_file.experiment.payload, PayloadSpec::File { path: payload, block: None });
    assert_eq!(with_file.experiment.files.add, added);
    let image = disk_of(&with_file);
    assert_eq!(debugfs(&image, "cat /bin/tool"), "#!/bin/sh\necho works\n");
    assert_eq!(debugfs(&image, "cat /tree/below/leaf"), "a leaf");

    lab.firebench(&run).args([&out]).args(["--payload", "urandom", "--size", "1MiB"]).run().ok();
    let random = report(&out);
    assert_good(&random, 1, 1);
    assert_eq!(random.payload.bytes, 1 << 20);
    assert!(random.payload.source.contains("urandom"), "{}", random.payload.source);
}

#[test]
fn an_ordinary_kernel_of_debian_boots_with_the_modules_of_its_file_system() {
    require!(need::tcg(), need::ordinary_kernel());
    let lab = Lab::new();
    let (out, package) = (lab.path("out"), need::ordinary_kernel_path().expect("it was required"));
    let args =
        ["run", "memory", "--accel", "tcg", "--vmm", "qemu", "--boots", "1", "--iterations", "1", "--size", "1MiB"];
    lab.firebench(&args).arg("--kernel").arg(&package).arg("--out").arg(&out).run().ok();
    let report = report(&out);
    assert_good(&report, 1, 1);
    let facts = report.contenders[0].boots[0].facts.as_ref().expect("facts");
    assert!(facts.kernel_release.ends_with("-amd64") && !facts.kernel_release.contains("cloud"), "{facts:?}");
    for module in ["virtio_mmio", "virtio_blk", "crc32c_generic", "jbd2", "ext4"] {
        assert!(facts.modules.iter().any(|loaded| loaded == module), "{module}: {:?}", facts.modules);
    }
    // The kernel alone is not enough, and that is known before it boots.
    let kernel = report.artifacts.iter().find(|artifact| artifact.role == "kernel").expect("a kernel");
    let entries = std::fs::read_dir(lab.cache.join("entries/kernel")).expect("kernels");
    let mut files = entries.map(|entry| entry.expect("an entry").path().join("vmlinux"));
    let alone =
        files.find(|file| firebench_image::digest::sha256(&std::fs::read(file).expect("a kernel")) == kernel.sha256);
    let run = lab.firebench(&args).arg("--kernel").arg(alone.expect("it is in the cache")).run();
    run.fails(2, &["does not have virtio_mmio, virtio_blk and ext4 built in"]);
}

/// The root disk that a report's QEMU was given.
fn disk_of(report: &Report) -> String {
    let argv = &report.contenders[0].launch.argv;
    let drive = argv.iter().find_map(|word| word.strip_prefix("id=test,file=")).expect("a drive");
    drive.split(',').next().expect("a path").to_owned()
}

fn debugfs(image: &str, request: &str) -> String {
    let program = firebench_os::program::find_program("debugfs").expect("debugfs is needed to make the image");
    let output = Command::new(program).args(["-R", request, image]).output().expect("debugfs runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn firecracker_alone_cannot_run_under_tcg() {
    let lab = Lab::without_vms();
    let args = ["run", "memory", "--accel", "tcg", "--vmm", "firecracker"];
    let outcome = lab.firebench(&args).run().fails(2, &["no VMM is left", "tcg"]);
    assert!(outcome.stderr.contains("--accel nested"), "{outcome}");
}
