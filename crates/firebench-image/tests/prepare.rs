//! Kernels from files, with and without modules.

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
    let vmlinux = common::vmlinux(true, 100);
    std::fs::write(&path, &vmlinux).expect("written");
    let source = KernelSource::File { path: path.clone(), modules_dir: None };
    let prepared = prepare_kernel(&cache, &source, &[("guest", &["virtio_blk"])]).expect("prepared");
    assert_eq!((prepared.release.as_str(), prepared.pvh), ("6.1.0-test", true));
    assert_eq!(prepared.original_sha256, sha256(&vmlinux));
    assert_eq!(std::fs::read(&prepared.vmlinux).expect("read"), vmlinux);
    assert_eq!(prepared.modules["guest"], Vec::<std::path::PathBuf>::new());
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
    std::fs::write(modules.join("kernel/fs/bad-one.ko"), "no module").expect("written");
    let source = KernelSource::File { path, modules_dir: Some(modules) };
    let builtin = prepare_kernel(&cache, &source, &[("guest", &["ext4"])]).expect("it is built in");
    assert!(builtin.modules["guest"].is_empty());
    let bad = prepare_kernel(&cache, &source, &[("guest", &["bad_one"])]).expect_err("it is no module");
    assert!(matches!(bad, Error::ModuleInvalid { .. }), "{bad:?}");
    let gone = prepare_kernel(&cache, &source, &[("guest", &["tun"])]).expect_err("it is not there");
    assert_eq!(gone.to_string(), "kernel 6.1.0-test has no module `tun` and has it not built in");
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
        let source = KernelSource::File { path, modules_dir: None };
        let error = prepare_kernel(&cache, &source, &[]).expect_err("it is refused").to_string();
        assert!(error.contains(expected), "{error}");
    }
    let package = prepare_kernel(&cache, &KernelSource::Package(dir.path().join("text")), &[]);
    assert!(matches!(package, Err(Error::Package { .. })), "{package:?}");
    assert_eq!(cache.list().expect("listed"), []);
}
