//! Other people's programs, paths and records, which root is made to use: what comes of each, and what is left of it.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::require;
use crate::support::common::{Lab, data_dir, firebench};
use crate::support::invocation::{Invocation, Outcome};
use crate::support::need;

/// Another user, who is nobody else's.
const OTHER: u32 = 65534;

fn permit(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).expect("own file");
}

fn give(path: &Path) {
    chown(path, Some(OTHER), Some(OTHER)).expect("root may");
}

fn directory(path: PathBuf, mode: u32) -> PathBuf {
    fs::create_dir_all(&path).expect("room");
    permit(&path, mode);
    path
}

/// The command lines of the processes that have `word` in them.
fn processes(word: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").expect("/proc").flatten();
    let commands = entries.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok());
    commands.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).filter(|line| line.contains(word)).collect()
}

/// A shell with this firebench as `$FIREBENCH`.
fn shell<'a>(lab: &'a Lab, script: &str) -> Invocation<'a> {
    let mut command = Command::new("sh");
    command.args(["-euc", script]).env("FIREBENCH", firebench());
    lab.invocation(command)
}

/// Where all may write.
fn written() -> PathBuf {
    format!("/tmp/firebench-evil-{}", std::process::id()).into()
}

/// A program that calls itself a QEMU, and does its worst meanwhile. What it can, shows in `harm`.
struct Evil {
    program: PathBuf,
    harm: PathBuf,
    word: String,
}

impl Evil {
    fn new(lab: &Lab, dir: &Path) -> Evil {
        let (program, harm) = (dir.join("evil"), directory(lab.path("harm"), 0o777));
        let word = format!("3000.{}", std::process::id());
        let place = harm.display();
        let text = format!(
            "#!/bin/sh\n\
             touch {place}/ran $TMPDIR/../beside {} 2> /dev/null\n\
             mount -o remount,rw / 2> /dev/null && touch {place}/mounted\n\
             env | grep SECRET && exit 1\n\
             setsid sh -c 'trap \"\" HUP TERM; while :; do touch {place}/later 2> /dev/null; sleep {word}; done' \
             > /dev/null 2>&1 &\n\
             printf 'QEMU emulator version 99.1 \\033[2J\\n'\n",
            written().display()
        );
        fs::write(&program, text).expect("room");
        permit(&program, 0o755);
        Evil { program, harm, word }
    }

    /// An experiment that names it.
    fn experiment(&self, path: &Path) -> PathBuf {
        let contender =
            format!("[[contender]]\nname = \"a\"\nvmm = \"qemu\"\nbinary = \"{}\"\n", self.program.display());
        fs::write(path, format!("workload = \"memory\"\naccel = \"tcg\"\n\n{contender}")).expect("room");
        path.to_owned()
    }

    /// It has changed nothing, and nothing of it is left.
    #[track_caller]
    fn assert_harmless(&self, lab: &Lab) {
        let names: Vec<_> = fs::read_dir(&self.harm).expect("there").flatten().map(|entry| entry.file_name()).collect();
        assert!(names.is_empty(), "it wrote {names:?}");
        assert!(!written().exists(), "it wrote");
        assert_eq!(processes(&self.word), [""; 0], "it left processes");
        assert_eq!(fs::read_dir(&lab.tmp).expect("there").count(), 0, "it left files");
    }
}

fn dry_run<'a>(lab: &'a Lab, from: &Path) -> Invocation<'a> {
    lab.firebench(&["run", "--size", "1MiB", "--dry-run", "--from"]).arg(from).env("SECRET", "x")
}

#[test]
fn an_experiment_of_another_user_runs_nothing_as_root() {
    require!(need::image(), need::root(), need::program("setsid", "util-linux"));
    let lab = Lab::without_vms();
    let theirs = directory(lab.path("theirs"), 0o755);
    let evil = Evil::new(&lab, &theirs);
    let refused = |outcome: Outcome| {
        outcome.fails(2, &["cannot trust the experiment", "would run as root", "--trust-experiment"]);
        evil.assert_harmless(&lab);
    };
    for name in ["report.md", "firebench.toml"] {
        let file = evil.experiment(&theirs.join(name));
        if name.ends_with("md") {
            let toml = fs::read_to_string(&file).expect("there");
            fs::write(&file, format!("<!-- firebench experiment -->\n```toml\n{toml}```\n")).expect("room");
        }
        // Their file in our directory, our file in theirs, and one in a directory that all may write to.
        give(&file);
        refused(dry_run(&lab, &file).run());
        chown(&file, Some(0), None).expect("root may");
        give(&theirs);
        refused(dry_run(&lab, &file).run());
        chown(&theirs, Some(0), None).expect("root may");
        permit(&theirs, 0o777);
        refused(dry_run(&lab, &file).run());
        if name == "firebench.toml" {
            refused(lab.firebench(&["run", "--dry-run"]).at(&theirs).run());
        }
        permit(&theirs, 0o755);
    }
    // A link of ours leads there, too.
    give(&theirs);
    let link = lab.path("link.toml");
    symlink(theirs.join("firebench.toml"), &link).expect("room");
    refused(dry_run(&lab, &link).run());
}

#[test]
fn a_program_that_is_asked_for_its_version_can_do_nothing_and_leaves_nothing() {
    require!(need::image(), need::root(), need::namespaces(), need::program("setsid", "util-linux"));
    let lab = Lab::without_vms();
    let theirs = directory(lab.path("theirs"), 0o755);
    let evil = Evil::new(&lab, &theirs);
    let file = evil.experiment(&theirs.join("firebench.toml"));
    give(&theirs);
    let outcome = dry_run(&lab, &file).arg("--trust-experiment").run().ok();
    assert!(outcome.stdout.contains(&evil.program.display().to_string()), "{outcome}");
    evil.assert_harmless(&lab);
    // Whoever became root through sudo may use their own.
    dry_run(&lab, &file).env("SUDO_UID", OTHER.to_string()).run().ok();
    evil.assert_harmless(&lab);
    // Nor one that the command line names.
    let contender = format!("--contender=a=qemu,binary={}", evil.program.display());
    lab.firebench(&["run", "memory", "--accel", "tcg", "--size", "1MiB", "--dry-run"]).arg(contender).run().ok();
    evil.assert_harmless(&lab);
    let outcome = lab.firebench(&["doctor", "--qemu"]).arg(&evil.program).run();
    assert!(outcome.stdout.contains("version 99.1 ") && !outcome.stdout.contains('\u{1b}'), "{outcome}");
    evil.assert_harmless(&lab);
}

#[test]
fn a_python_module_in_the_current_directory_is_not_run() {
    require!(need::program("python3", "python3"));
    let lab = Lab::without_vms();
    let theirs = directory(lab.path("theirs"), 0o755);
    let ran = lab.path("ran");
    fs::write(theirs.join("pip.py"), format!("open({:?}, 'w')\n", ran.display().to_string())).expect("room");
    lab.firebench(&["doctor"]).at(&theirs).run();
    assert!(!ran.exists());
}

/// A table to import.
const CSV: &str =
    "contender,boot,iteration,metric,value\na,1,1,real,1.0\na,2,1,real,1.1\nb,1,1,real,1.2\nb,2,1,real,1.3\n";

/// Everything in `dir` that others may write to.
fn open_to_others(dir: &Path) -> Vec<PathBuf> {
    let mut open = Vec::new();
    for entry in fs::read_dir(dir).expect("there").map(|entry| entry.expect("an entry")) {
        let metadata = entry.metadata().expect("there");
        if metadata.permissions().mode() & 0o022 != 0 {
            open.push(entry.path());
        }
        if metadata.is_dir() {
            open.extend(open_to_others(&entry.path()));
        }
    }
    open
}

/// A Firecracker fetched into a data directory of the lab's own, under a umask that lets everybody write.
fn fetched(lab: &Lab) -> (PathBuf, PathBuf) {
    let data = lab.path("data");
    let from = firebench_host::fetch::installed_firecracker(&data_dir()).expect("needed");
    let script = format!("umask 000; exec $FIREBENCH fetch firecracker --from {}", from.display());
    shell(lab, &script).env("FIREBENCH_DATA", &data).run().ok();
    let firecracker = firebench_host::fetch::installed_firecracker(&data).expect("just fetched");
    (data, firecracker)
}

#[test]
fn a_umask_of_000_lets_nobody_else_write_to_what_is_kept() {
    require!(need::firecracker(), need::busybox());
    let lab = Lab::without_vms().with_empty_cache();
    let (data, _) = fetched(&lab);
    shell(&lab, "umask 000; exec $FIREBENCH image build --size 1MiB").run().ok();
    let csv = lab.file("csv", CSV);
    shell(&lab, &format!("umask 000; exec $FIREBENCH import {}", csv.display())).run().ok();
    assert_eq!(open_to_others(&data), Vec::<PathBuf>::new());
    assert_eq!(open_to_others(&lab.cache), Vec::<PathBuf>::new());
    assert_eq!(fs::metadata(lab.store()).expect("a store").permissions().mode() & 0o022, 0);
}

#[test]
fn directories_that_others_could_write_to_are_not_used() {
    require!(need::firecracker(), need::image(), need::root());
    let lab = Lab::without_vms();
    let (data, firecracker) = fetched(&lab);
    let run = ["run", "memory", "--accel", "tcg", "--size", "1MiB", "--dry-run"];
    let said = |args: &[&str], variable: &str, dir: &Path, why: &str| {
        lab.firebench(args).env(variable, dir).run().fails(3, &["cannot trust", why, "hint: "]);
    };
    let refused = |dir: &Path, why: &str| {
        for args in [&run[..], &["fetch", "busybox"], &["doctor"]] {
            said(args, "FIREBENCH_DATA", dir, why);
        }
    };
    permit(&data, 0o777);
    refused(&data, "other users may write to");
    permit(&data, 0o755);
    permit(&firecracker, 0o757);
    refused(&data, "other users may write to");
    permit(&firecracker, 0o755);
    give(&data);
    refused(&data, "belongs to user 65534");
    chown(&data, Some(0), None).expect("root may");
    // A busybox that another user left where the fetched one belongs.
    let busybox = directory(data.join("busybox"), 0o755).join("busybox");
    fs::copy(need::busybox_path().expect("needed"), &busybox).expect("room");
    give(&busybox);
    refused(&data, "belongs to user 65534");
    let theirs = directory(lab.path("theirs"), 0o755);
    give(&theirs);
    said(&["fetch", "busybox"], "FIREBENCH_DATA", &theirs.join("data"), "belongs to user 65534");
    let cache = directory(lab.path("shared-cache"), 0o777);
    said(&run, "FIREBENCH_CACHE", &cache, "other users may write to");
    assert_eq!(fs::read_dir(&cache).expect("there").count(), 0, "nothing was put there");
}

#[test]
fn what_is_no_longer_what_was_fetched_is_not_run() {
    require!(need::firecracker(), need::image());
    let lab = Lab::without_vms();
    let (data, firecracker) = fetched(&lab);
    let busybox = need::busybox_path().expect("needed");
    let run = || {
        let args = ["run", "memory", "--vmm", "firecracker", "--accel", "kvm", "--size", "1MiB", "--dry-run"];
        lab.firebench(&args).env("FIREBENCH_DATA", &data).env("FIREBENCH_BUSYBOX", &busybox).run()
    };
    let ran = lab.path("ran");
    let good = fs::read(&firecracker).expect("there");
    fs::write(&firecracker, format!("#!/bin/sh\ntouch {}\necho Firecracker v1.12.1\n", ran.display())).expect("room");
    run().fails(
        3,
        &["is not the file that was fetched", "remove it, and fetch it again with `firebench fetch firecracker`"],
    );
    assert!(!ran.exists());
    // Without its record it is no better; one that firebench knows by heart needs none.
    let record = firecracker.with_file_name("firecracker.sha256");
    fs::remove_file(&record).expect("there");
    run().fails(
        3,
        &[
            "no SHA-256 is recorded",
            "run `firebench fetch firecracker --if-missing` to record the file as \
    it is",
        ],
    );
    fs::write(&firecracker, &good).expect("room");
    let kernel = firebench_host::fetch::installed_kernel(&data_dir()).expect("needed");
    let kernels = directory(data.join("kernels"), 0o755);
    let ours = kernels.join(kernel.file_name().expect("a name"));
    fs::copy(&kernel, &ours).expect("room");
    permit(&ours, 0o644);
    run().fails(3, &["no SHA-256 is recorded", "firebench fetch kernel --if-missing"]);
    lab.firebench(&["fetch", "kernel", "--if-missing"]).env("FIREBENCH_DATA", &data).run().ok();
    let mut bytes = fs::read(&ours).expect("there");
    bytes.push(b'x');
    fs::write(&ours, bytes).expect("room");
    run().fails(3, &["is not the file that was fetched", "firebench fetch kernel"]);
}

#[test]
fn a_temporary_directory_that_another_user_controls_is_not_used() {
    require!(need::image(), need::root());
    let lab = Lab::without_vms();
    let theirs = directory(lab.path("theirs"), 0o777);
    let inner = directory(theirs.join("inner"), 0o1777);
    let args = ["run", "memory", "--accel", "tcg", "--size", "1MiB", "--dry-run"];
    let run = |tmp: &Path| lab.firebench(&args).env("TMPDIR", tmp).run();
    for tmp in [&theirs, &inner] {
        run(tmp).fails(3, &["with temporary files", "set TMPDIR to a directory of your own"]);
    }
    give(&theirs);
    permit(&theirs, 0o1777);
    for tmp in [&theirs, &inner] {
        run(tmp).fails(3, &["belongs to user 65534", "set TMPDIR to a directory of your own"]);
    }
    assert_eq!(fs::read_dir(&theirs).expect("there").count(), 1, "nothing was made there");
}

#[test]
fn names_that_another_user_takes_in_the_temporary_directory_are_in_nobodys_way() {
    require!(need::image(), need::root());
    let lab = Lab::without_vms();
    permit(&lab.tmp, 0o1777);
    let precious = lab.file("precious", "precious");
    let mut taken = Vec::new();
    for name in ["firebench-0", "firebench-0-run-1-abcdefgh", "firebench-0-new-1-abcdefgh"] {
        let path = directory(lab.tmp.join(name), 0o777);
        symlink(&precious, path.join("lock")).expect("room");
        give(&path);
        taken.push(path);
    }
    let link = lab.tmp.join("firebench-0-run-2-abcdefgh");
    symlink(lab.path(""), &link).expect("room");
    lab.firebench(&["run", "memory", "--accel", "tcg", "--size", "1MiB", "--dry-run"]).run_beside().ok();
    assert_eq!(fs::read(&precious).expect("there"), b"precious");
    for path in taken {
        fs::remove_dir_all(path).expect("left alone");
    }
    fs::remove_file(link).expect("left alone");
}

#[test]
fn a_forged_tune_record_changes_nothing_and_says_nothing() {
    require!(need::root());
    let lab = Lab::without_vms();
    let root = lab.path("server");
    let (boot_id, target) = (root.join("proc/sys/kernel/random/boot_id"), root.join("sys/kernel/uevent_helper"));
    let kept = directory(root.join("var/lib/firebench"), 0o755);
    for (path, text) in [(&boot_id, "5e3a1c9e"), (&target, "/sbin/helper")] {
        fs::create_dir_all(path.parent().expect("a directory")).expect("room");
        fs::write(path, text).expect("room");
    }
    let record = kept.join("tune.json");
    let setting = |name: &str, path: &str| {
        format!(
            r#"{{"version": 1, "boot_id": "5e3a1c9e", "settings": [{{"name": "{name}", "path": "{path}", "before": "/tmp/evil", "ours": ["/sbin/helper"]}}]}}"#
        )
    };
    let tune = |option: &str| lab.firebench(&["tune", option]).env("FIREBENCH_ROOT", &root).run();
    let unharmed = |outcome: Outcome| {
        assert!(!outcome.stdout.contains('\u{1b}') && !outcome.stderr.contains('\u{1b}'), "{outcome}");
        assert_eq!(fs::read(&target).expect("there"), b"/sbin/helper");
    };
    for name in ["ksm", "\\u001b[2Jksm"] {
        fs::write(&record, setting(name, "sys/kernel/uevent_helper")).expect("room");
        permit(&record, 0o644);
        for option in ["--restore", "--status"] {
            // As it would be if root had written it: still nothing that tune sets.
            unharmed(tune(option).fails(3, &["does not make the setting"]));
            give(&record);
            unharmed(tune(option).fails(3, &["cannot trust the record", "belongs to user 65534"]));
            chown(&record, Some(0), None).expect("root may");
            give(&kept);
            unharmed(tune(option).fails(3, &["cannot trust the record", "belongs to user 65534"]));
            chown(&kept, Some(0), None).expect("root may");
        }
    }
}

/// A journal that SQLite plays back, and then removes the file that it names ("Database File Format", 3).
fn journal(store: &Path, names: &Path) -> Vec<u8> {
    const MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    const PAGE: u32 = 4096;
    let pages = u32::try_from(fs::metadata(store).expect("there").len()).expect("small") / PAGE;
    let name = names.as_os_str().as_encoded_bytes();
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
    let mut journal = [&MAGIC[..], &words(&[0, 1, pages, 512, PAGE])].concat();
    journal.resize(512, 0);
    let sum = name.iter().map(|&byte| u32::from(byte)).sum();
    [journal, words(&[0x4000_0000 / PAGE + 1]), name.to_vec(), words(&[name.len() as u32, sum]), MAGIC.to_vec()]
        .concat()
}

#[test]
fn a_forged_store_removes_nothing_of_its_reader() {
    require!(need::image());
    let lab = Lab::without_vms();
    lab.file("csv", CSV);
    lab.firebench(&["import", "csv"]).at(&lab.path("")).run().ok();
    let theirs = directory(lab.path("theirs"), 0o777);
    let store = theirs.join("runs.db");
    fs::copy(lab.store(), &store).expect("room");
    let precious = lab.file("precious", "precious");
    let beside = |suffix: &str| theirs.join(format!("runs.db{suffix}"));
    fs::write(beside("-journal"), journal(&store, &precious)).expect("room");
    symlink(&precious, beside("-wal")).expect("room");
    for pipe in ["-lock", "-shm"] {
        nix::unistd::mkfifo(&beside(pipe), nix::sys::stat::Mode::S_IRWXU).expect("room");
    }
    for planted in ["a journal", "a pipe"] {
        if planted == "a pipe" {
            fs::remove_file(beside("-journal")).expect("left alone");
            nix::unistd::mkfifo(&beside("-journal"), nix::sys::stat::Mode::S_IRWXU).expect("room");
        }
        for args in [&["runs"][..], &["show"], &["export", "latest"], &["compare", "latest", "latest"], &["doctor"]] {
            if planted == "a pipe" && args == ["doctor"] {
                continue;
            }
            let outcome = lab.firebench(args).env("FIREBENCH_STORE", &store).within(60).run();
            eprintln!("{planted} {args:?}\n{outcome}");
            assert_eq!(fs::read(&precious).expect("it is there"), b"precious", "{args:?}");
            assert!(outcome.status.code().is_some_and(|code| code != 70), "{args:?}");
            if args != ["doctor"] && args[0] != "compare" {
                outcome.ok();
            }
        }
        // Who writes there refuses.
        let outcome = lab.firebench(&["import", "csv"]).env("FIREBENCH_STORE", &store).at(&lab.path("")).run();
        outcome.fails(2, &["runs.db"]);
        assert_eq!(fs::read(&precious).expect("it is there"), b"precious");
    }
}

#[test]
fn a_store_of_another_user_is_read_and_neither_resumed_nor_written() {
    require!(need::root(), need::image());
    let lab = Lab::without_vms();
    lab.file("csv", CSV);
    lab.firebench(&["import", "csv"]).at(&lab.path("")).run().ok();
    let theirs = directory(lab.path("theirs"), 0o755);
    let store = theirs.join("runs.db");
    fs::copy(lab.store(), &store).expect("room");
    give(&store);
    give(&theirs);
    let firebench = |args: &[&str]| lab.firebench(args).env("FIREBENCH_STORE", &store).at(&lab.path("")).run();
    let words = ["cannot trust the store", "belongs to user 65534", "FIREBENCH_STORE"];
    firebench(&["run", "--resume", "latest"]).fails(2, &words);
    firebench(&["delete", "latest", "--yes"]).fails(2, &words);
    firebench(&["import", "csv"]).fails(2, &words);
    firebench(&["runs"]).ok();
    // A link in place of a store that is yet to be made would be followed.
    let precious = lab.path("precious");
    let new = theirs.join("new.db");
    symlink(&precious, &new).expect("room");
    lab.firebench(&["import", "csv"]).env("FIREBENCH_STORE", &new).at(&lab.path("")).run().fails(2, &words);
    assert!(!precious.exists());
}
