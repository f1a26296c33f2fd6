//! A real kernel package of Debian, named by FIREBENCH_TEST_KERNEL_DEB (several, separated by `:`).

use std::path::{Path, PathBuf};
use std::time::Instant;

use firebench_image::cache::Cache;
use firebench_image::digest::sha256_file;
use firebench_image::kernel::Kernel;
use firebench_image::prepare::{KernelSource, prepare_kernel};

const VARIABLE: &str = "FIREBENCH_TEST_KERNEL_DEB";

const GUEST: &[&str] = &["virtio_mmio", "virtio_blk", "virtio_net"];
const HOST: &[&str] = &["virtio_pci", "virtio_blk", "kvm", "kvm_amd", "irqbypass", "tun", "ext4"];

fn names(paths: &[PathBuf]) -> Vec<&str> {
    paths.iter().filter_map(|path| path.file_stem()?.to_str()).collect()
}

/// Whether the first of each pair stands before the second, unless one of them is built in.
fn ordered(names: &[&str], pairs: &[(&str, &str)]) -> bool {
    let at = |name: &str| names.iter().position(|&other| other == name);
    pairs.iter().all(|(first, second)| at(second).is_none_or(|second| at(first).is_none_or(|first| first < second)))
}

#[test]
fn kernels_and_modules_of_debian() {
    let Some(packages) = std::env::var_os(VARIABLE) else {
        eprintln!("SKIPPED kernels_and_modules_of_debian: {VARIABLE} names no linux-image-*-cloud-amd64_*.deb");
        return;
    };
    for package in std::env::split_paths(&packages) {
        prepare(&package);
    }
}

fn prepare(package: &Path) {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path()).expect("it opens");
    let wanted: &[(&str, &[&str])] = &[("guest", GUEST), ("host", HOST)];
    let source = KernelSource::Package(package.to_owned());
    let start = Instant::now();
    let prepared = prepare_kernel(&cache, &source, wanted).expect("prepared");
    eprintln!("{}: {} in {:?}", package.display(), prepared.description, start.elapsed());
    assert!(prepared.version.starts_with(&format!("Linux version {} ", prepared.release)), "{}", prepared.version);
    assert!(prepared.pvh && prepared.acpi);
    assert_eq!(sha256_file(&prepared.vmlinux).expect("hashed"), prepared.vmlinux_sha256);
    let guest = names(&prepared.modules["guest"]);
    assert!(
        ordered(
            &guest,
            &[
                ("virtio_ring", "virtio"),
                ("virtio", "virtio_mmio"),
                ("virtio", "virtio_blk"),
                ("failover", "virtio_net")
            ]
        ),
        "{guest:?}"
    );
    assert!(GUEST.iter().all(|name| guest.contains(name)), "Debian has these as modules: {guest:?}");
    let host = names(&prepared.modules["host"]);
    assert!(ordered(&host, &[("irqbypass", "kvm"), ("kvm", "kvm_amd"), ("virtio", "virtio_pci")]), "{host:?}");
    assert!(!host.contains(&"ext4"), "it is built in");
    for path in prepared.modules.values().flatten() {
        assert!(std::fs::read(path).expect("it is there").starts_with(b"\x7fELF"), "{}", path.display());
    }
    // The second time it is found, and the ELF file goes through as it is.
    let start = Instant::now();
    let again = prepare_kernel(&cache, &source, wanted).expect("found");
    eprintln!("again in {:?}", start.elapsed());
    assert!(!again.guard.built() && prepared.guard.built());
    assert!(cache.verify("kernel", &again.key).expect("sound"));
    let kernel = Kernel::from_path(&prepared.vmlinux).expect("a kernel");
    assert_eq!(kernel.version, prepared.version);
    let file = KernelSource::File { path: prepared.vmlinux.clone(), modules_dir: None };
    let plain = prepare_kernel(&cache, &file, wanted).expect("prepared");
    assert_eq!(plain.vmlinux_sha256, prepared.vmlinux_sha256);
    assert_eq!(plain.original_sha256, prepared.vmlinux_sha256);
    assert!(plain.modules.values().all(Vec::is_empty) && plain.modules.len() == 2);
    let missing = prepare_kernel(&cache, &source, &[("x", &["no_such_module"])]).expect_err("there is none");
    assert!(matches!(missing, firebench_image::Error::ModuleMissing { .. }), "{missing:?}");
}
