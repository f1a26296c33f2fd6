//! A real kernel package of Debian, named by FIREBENCH_TEST_KERNEL_DEB (several, separated by `:`).
#![cfg(test)]

use std::path::{Path, PathBuf};
use std::time::Instant;

use firebench_image::Error;
use firebench_image::cache::Cache;
use firebench_image::digest::sha256_file;
use firebench_image::kernel::Kernel;
use firebench_image::prepare::{KernelSource, prepare_kernel};

const VARIABLE: &str = "FIREBENCH_TEST_KERNEL_DEB";

const GUEST: &[&str] = &["virtio_mmio", "virtio_blk", "virtio_net", "8250", "ext4"];
const HOST: &[&str] = &["virtio_pci", "virtio_blk", "kvm", "kvm_amd", "irqbypass", "tun", "ext4"];

fn names(paths: &[PathBuf]) -> Vec<&str> {
    paths.iter().filter_map(|path| path.file_name()?.to_str()?.split('.').next()).collect()
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
    let source = KernelSource { path: package.to_owned(), modules: None };
    let start = Instant::now();
    let prepared = prepare_kernel(&cache, &source, wanted).expect("prepared");
    eprintln!("{}: {} in {:?}", package.display(), prepared.description, start.elapsed());
    assert!(prepared.version.starts_with(&format!("Linux version {} ", prepared.release)), "{}", prepared.version);
    assert!(prepared.pvh && prepared.acpi);
    assert_eq!(sha256_file(&prepared.vmlinux).expect("hashed"), prepared.vmlinux_sha256);
    let guest = prepared.modules("guest").expect("it has all");
    let guest = names(&guest);
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
    let virtio = GUEST.iter().filter(|name| name.starts_with("virtio"));
    assert!(virtio.clone().all(|name| guest.contains(name)), "Debian has these as modules: {guest:?}");
    let host = prepared.modules("host").expect("it has all");
    let host = names(&host);
    assert!(ordered(&host, &[("irqbypass", "kvm"), ("kvm", "kvm_amd"), ("virtio", "virtio_pci")]), "{host:?}");
    let ext4 = ["crc32c_generic", "jbd2", "mbcache", "crc16", "ext4"];
    let modular = !prepared.release.contains("cloud");
    assert_eq!(ext4.iter().filter(|name| host.contains(name)).count(), if modular { 5 } else { 0 }, "{host:?}");
    assert!(ordered(&host, &[("crc32c_generic", "ext4"), ("jbd2", "ext4"), ("mbcache", "ext4")]), "{host:?}");
    for path in [prepared.modules("guest"), prepared.modules("host")].into_iter().flatten().flatten() {
        assert!(std::fs::read(&path).expect("it is there").starts_with(b"\x7fELF"), "{}", path.display());
    }
    // The second time it is found, and the ELF file goes through as it is.
    let start = Instant::now();
    let again = prepare_kernel(&cache, &source, wanted).expect("found");
    eprintln!("again in {:?}", start.elapsed());
    assert!(!again.guard.built() && prepared.guard.built());
    assert!(cache.verify("kernel", &again.key).expect("sound"));
    let kernel = Kernel::from_path(&prepared.vmlinux).expect("a kernel");
    assert_eq!(kernel.version, prepared.version);
    // The kernel alone: what it has as modules is known before it boots.
    let alone = KernelSource { path: prepared.vmlinux.clone(), modules: None };
    let plain = prepare_kernel(&cache, &alone, wanted).expect("prepared");
    assert_eq!(plain.vmlinux_sha256, prepared.vmlinux_sha256);
    assert_eq!(plain.original_sha256, prepared.vmlinux_sha256);
    let Err(Error::ModulesNeeded { names: needed, .. }) = plain.modules("guest") else { panic!("it has modules") };
    // virtio_net, of which other code speaks, too, is taken to be there where its bytes are.
    let disk = ["virtio_mmio", "virtio_blk"].into_iter().chain(modular.then_some("ext4"));
    let certain: Vec<_> = needed.iter().filter(|name| *name != "virtio_net").collect();
    assert_eq!(certain, disk.collect::<Vec<_>>(), "the console is built in");
    // With the package's modules it is whole again.
    let both = KernelSource { path: prepared.vmlinux.clone(), modules: Some(package.to_owned()) };
    let both = prepare_kernel(&cache, &both, wanted).expect("prepared");
    assert_eq!(names(&both.modules("guest").expect("all")), guest);
    let missing = prepare_kernel(&cache, &source, &[("x", &["no_such_module"])]).expect("prepared").modules("x");
    assert!(matches!(missing, Err(Error::KernelLacks { .. })), "{missing:?}");
}
