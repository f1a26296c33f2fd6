//! Kernels from files, with and without modules.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

mod common;

use firebench_image::Error;
use firebench_image::cache::Cache;
use firebench_image::digest::sha256;
use firebench_image::prepare::{KernelSource, prepare_kernel};

#[test]
fn a_monolithic_kernel() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path().join("cache")).expect("it opens");
    let path = dir.path().join("vmlinux");
    let vmlinux = common::vmlinux_with(true, 100, common::DRIVERS);
    std::fs::write(&path, &vmlinux).expect("written");
    let source = KernelSource { path: path.clone(), modules: None };
    let prepared = prepare_kernel(&cache, &source, &[("guest", &["virtio_blk"])]).expect("prepared");
    assert_eq!((prepared.release.as_str(), prepared.pvh), ("6.1.0-test", true));
    assert_eq!(prepared.original_sha256, sha256(&vmlinux));
    assert_eq!(std::fs::read(&prepared.vmlinux).expect("read"), vmlinux);
    assert_eq!(prepared.modules("guest").expect("all is built in"), Vec::<std::path::PathBuf>::new());
    assert_eq!(cache.list().expect("listed")[0].description, "Linux 6.1.0-test (ELF vmlinux, 0 modules)");
}

#[test]
fn modules_of_a_directory() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path().join("cache")).expect("it opens");
    let path = dir.path().join("vmlinux");
    std::fs::write(&path, common::vmlinux(false, 100)).expect("written");
    let modules = dir.path().join("6.1.0-test");
    std::fs::create_dir_all(modules.join("kernel/fs")).expect("made");
    std::fs::write(modules.join("modules.builtin"), "kernel/fs/ext4/ext4.ko\n").expect("written");
    std::fs::write(modules.join("kernel/fs/bad-one.ko"), "neither as a module nor built in").expect("written");
    let source = KernelSource { path, modules: Some(modules) };
    let builtin = prepare_kernel(&cache, &source, &[("guest", &["ext4"])]).expect("it is built in");
    assert!(builtin.modules("guest").expect("it is").is_empty());
    let bad = prepare_kernel(&cache, &source, &[("guest", &["bad_one"])]).expect_err("it is no module");
    assert!(matches!(bad, Error::ModuleInvalid { .. }), "{bad:?}");
    let gone = prepare_kernel(&cache, &source, &[("guest", &["ext4"]), ("other", &["tun", "ext4"])]).expect("prepared");
    assert!(gone.modules("guest").is_ok(), "what one set lacks does not matter to another one");
    let gone = gone.modules("other").expect_err("it is not there");
    assert_eq!(gone.to_string(), "cannot use kernel 6.1.0-test: it has no tun (CONFIG_TUN)");
}

#[test]
fn what_is_no_kernel_is_refused_with_the_file_and_the_reason() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path().join("cache")).expect("it opens");
    let text = dir.path().join("text");
    std::fs::write(&text, "hello\n").expect("written");
    for (path, expected) in [
        (text, "text: not an x86_64 Linux kernel: it is a text file"),
        (dir.path().to_owned(), "it is not a regular file"),
        ("/dev/zero".into(), "it is not a regular file"),
    ] {
        let source = KernelSource { path, modules: None };
        let error = prepare_kernel(&cache, &source, &[]).expect_err("it is refused").to_string();
        assert!(error.contains(expected), "{error}");
    }
    let package = dir.path().join("package");
    std::fs::write(&package, "!<arch>\nno more").expect("written");
    let package = prepare_kernel(&cache, &KernelSource { path: package, modules: None }, &[]);
    assert!(matches!(package, Err(Error::Package { .. })), "{package:?}");
    assert_eq!(cache.list().expect("listed"), []);
}

const GUEST: &[(&str, &[&str])] = &[("guest", &["8250", "virtio_mmio", "virtio_blk", "ext4"])];

#[test]
fn what_a_kernel_alone_has_not_built_in_is_said_before_it_boots() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path().join("cache")).expect("it opens");
    let path = dir.path().join("vmlinux");
    std::fs::write(&path, common::vmlinux_with(true, 100, b"serial8250\0virtio-mmio\0")).expect("written");
    let source = KernelSource { path, modules: None };
    let error =
        prepare_kernel(&cache, &source, GUEST).expect("prepared").modules("guest").expect_err("two are modules");
    assert_eq!(
        error.to_string(),
        "kernel 6.1.0-test does not have virtio_blk and ext4 built in, and firebench did not find its modules"
    );
    let hint = miette::Diagnostic::help(&error).expect("a hint").to_string();
    assert!(hint.contains("--modules") && hint.contains("/lib/modules/6.1.0-test"), "{hint}");
}

#[test]
fn a_kernel_is_known_by_the_configuration_beside_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path().join("cache")).expect("it opens");
    let boot = dir.path().join("boot");
    std::fs::create_dir(&boot).expect("made");
    let path = boot.join("vmlinux-6.1.0-test");
    // The bytes alone would speak for it.
    std::fs::write(&path, common::vmlinux_with(true, 100, common::DRIVERS)).expect("written");
    let all = "CONFIG_X86_64=y\nCONFIG_BLK_DEV_INITRD=y\nCONFIG_DEVTMPFS=y\nCONFIG_PROC_FS=y\nCONFIG_SYSFS=y\n\
        CONFIG_BINFMT_ELF=y\nCONFIG_TTY=y\nCONFIG_SERIAL_8250=y\nCONFIG_VIRTIO_MMIO=y\nCONFIG_VIRTIO_BLK=y\nCONFIG_EXT4_FS=y\n";
    let said = |config: &str| {
        std::fs::write(boot.join("config-6.1.0-test"), config).expect("written");
        let source = KernelSource { path: path.clone(), modules: None };
        let modules = prepare_kernel(&cache, &source, GUEST).expect("prepared").modules("guest");
        modules.map_or_else(|error| error.to_string(), |modules| format!("{} modules", modules.len()))
    };
    assert_eq!(said(all), "0 modules");
    let as_module = said(&all.replace("EXT4_FS=y", "EXT4_FS=m"));
    assert_eq!(as_module, "kernel 6.1.0-test does not have ext4 built in, and firebench did not find its modules");
    let without = said(&all.replace("CONFIG_EXT4_FS=y\n", "").replace("CONFIG_DEVTMPFS=y\n", ""));
    assert_eq!(without, "cannot use kernel 6.1.0-test: it has no devtmpfs (CONFIG_DEVTMPFS) or ext4 (CONFIG_EXT4_FS)");
}

/// A module's file with this `.modinfo`.
fn module(info: &[&str]) -> Vec<u8> {
    let names = b"\0.modinfo\0.shstrtab\0";
    let info: Vec<u8> = info.iter().flat_map(|entry| entry.bytes().chain([0])).collect();
    let mut file = common::elf_header(1, 62, 0, 0);
    let at = 64 + names.len() + info.len();
    file[0x28..0x30].copy_from_slice(&(at as u64).to_le_bytes());
    file[0x3a..0x40].copy_from_slice(&[64, 0, 3, 0, 2, 0]);
    file.extend(names);
    file.extend(&info);
    for (name, kind, offset, size) in [(0, 0, 0, 0), (1, 1, 64 + names.len(), info.len()), (10, 3, 64, names.len())] {
        file.extend([name, kind].iter().flat_map(|word: &u32| word.to_le_bytes()));
        file.extend([0, 0, offset as u64, size as u64].iter().flat_map(|word| word.to_le_bytes()));
        file.extend([0; 8]);
        file.extend([1_u64, 0].iter().flat_map(|word| word.to_le_bytes()));
    }
    file
}

#[test]
fn modules_are_taken_from_where_distributions_install_them() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path().join("cache")).expect("it opens");
    let boot = dir.path().join("boot");
    let modules = dir.path().join("lib/modules/6.1.0-test");
    for directory in [&boot, &modules.join("kernel/fs"), &modules.join("kernel/crypto")] {
        std::fs::create_dir_all(directory).expect("made");
    }
    let path = boot.join("vmlinux-6.1.0-test");
    std::fs::write(&path, common::vmlinux_with(true, 100, b"serial8250\0virtio-mmio\0virtio_blk\0")).expect("written");
    std::fs::write(modules.join("modules.builtin"), "kernel/drivers/block/virtio_blk.ko\n").expect("written");
    let file = |name: &str, info: &[&str]| {
        let path = modules.join("kernel").join(name);
        std::fs::write(path, module(info)).expect("written");
    };
    file("fs/ext4.ko", &["depends=", "softdep=pre: crypto-crc32c", "vermagic=6.1.0-test SMP "]);
    file("crypto/crc32c-generic.ko", &["alias=crypto-crc32c", "depends="]);
    let source = KernelSource { path, modules: None };
    let prepared = prepare_kernel(&cache, &source, GUEST).expect("prepared");
    let files = prepared.modules("guest").expect("all is there");
    let names: Vec<_> = files.iter().filter_map(|file| file.file_name()?.to_str()).collect();
    assert_eq!(names, ["crc32c_generic.ko.optional", "ext4.ko"]);
    let found = modules.canonicalize().expect("it is there");
    assert_eq!(prepared.notes, [format!("its modules are taken from {}", found.display())]);
    // Those of another kernel are refused.
    file("fs/ext4.ko", &["depends=", "vermagic=6.1.0-other SMP "]);
    let error = prepare_kernel(&cache, &source, GUEST).expect_err("they are another kernel's").to_string();
    assert!(error.contains("it is for kernel 6.1.0-other, and this kernel is 6.1.0-test"), "{error}");
}

#[test]
fn what_holds_no_modules_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path().join("cache")).expect("it opens");
    let path = dir.path().join("vmlinux");
    std::fs::write(&path, common::vmlinux(true, 100)).expect("written");
    let said = |modules: &std::path::Path| {
        let source = KernelSource { path: path.clone(), modules: Some(modules.to_owned()) };
        prepare_kernel(&cache, &source, GUEST).expect_err("it is refused").to_string()
    };
    let empty = dir.path().join("empty");
    std::fs::create_dir(&empty).expect("made");
    assert!(said(&empty).contains("does not contain kernel modules"), "{}", said(&empty));
    assert!(said(&path).contains("neither a directory nor a Debian package"), "{}", said(&path));
    assert!(said(&dir.path().join("gone")).contains("cannot look at"));
}

#[test]
fn of_a_unified_kernel_image_the_kernel_is_used_and_nothing_else() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path().join("cache")).expect("it opens");
    let vmlinux = common::vmlinux_with(true, 100, common::DRIVERS);
    let path = dir.path().join("linux.efi");
    let sections: [(&str, &[u8]); 4] =
        [(".osrel", b"ID=x"), (".cmdline", b"quiet"), (".linux", &vmlinux), (".initrd", b"070701")];
    std::fs::write(&path, common::pe(0x8664, &sections)).expect("written");
    let source = KernelSource { path, modules: None };
    let prepared = prepare_kernel(&cache, &source, GUEST).expect("prepared");
    assert_eq!(std::fs::read(&prepared.vmlinux).expect("read"), vmlinux);
    assert_eq!(prepared.notes, ["of the unified kernel image only the kernel is used, not .initrd, .cmdline"]);
    assert!(prepared.modules("guest").expect("all is built in").is_empty());
}
