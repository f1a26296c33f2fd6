//! What firebench may not do, or finds no place for.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use firebench_store::store::Store;

use crate::SMALL;
use crate::own::{assert_whole, earlier, run, shell, shell_in_namespace};
use crate::require;
use crate::rlimits::Ordinary;
use crate::support::common::{Lab, firebench};
use crate::support::invocation::Outcome;
use crate::support::need;

/// A script in which the directory of the lab called `sealed` is a read-only file system, with `report.json` in it.
fn sealed(lab: &Lab, script: &str) -> Outcome {
    std::fs::create_dir_all(lab.path("sealed")).expect("a directory");
    let seal = r#"mount --bind "$SEALED" "$SEALED"; mount -o remount,bind,ro "$SEALED""#;
    let script = format!("{seal}; {script}");
    shell_in_namespace(lab, 1, &script).env("SEALED", lab.path("sealed")).run()
}

#[test]
fn places_on_a_read_only_file_system() {
    require!(need::image(), need::namespaces());
    let lab = Lab::without_vms();
    let earlier = earlier(&lab);
    let compare =
        format!(r#"$FIREBENCH compare latest {} --fail-if 'real > +3%' --junit "$SEALED/file""#, earlier.display());
    run(&lab, 1).run().ok();
    for (script, words) in [
        (r#"FIREBENCH_CACHE="$SEALED" $FIREBENCH $RUN"#, ["cannot create", "/entries"]),
        (r#"TMPDIR="$SEALED" $FIREBENCH $RUN"#, ["for temporary files", "set TMPDIR to a directory"]),
        (
            r#"FIREBENCH_STORE="$SEALED/runs.db" $FIREBENCH $RUN"#,
            ["cannot open the store", "`run --no-store` to run without a store"],
        ),
        (
            r#"$FIREBENCH $RUN --out "$SEALED/out""#,
            ["cannot write the report to", "give --out a directory of your own"],
        ),
        (r#"$FIREBENCH export --output "$SEALED/file""#, ["cannot write the export", "use --output for another file"]),
        (r#"$FIREBENCH init "$SEALED/file""#, ["cannot write", "that you may write there"]),
        (compare.as_str(), ["cannot write", "give --junit"]),
        (r#"FIREBENCH_DATA="$SEALED" $FIREBENCH fetch busybox"#, ["cannot", "FIREBENCH_DATA sets another directory"]),
        (
            r#"FIREBENCH_DATA="$SEALED" $FIREBENCH fetch firecracker --from /bin/true"#,
            ["cannot write", "FIREBENCH_DATA"],
        ),
    ] {
        let outcome = sealed(&lab, script);
        let outcome = outcome.fails(3, &words);
        assert!(outcome.error().contains("Read-only file system"), "{outcome}");
    }
    assert_whole(&lab.store());
}

#[test]
fn a_store_on_a_read_only_file_system() {
    require!(need::image(), need::namespaces());
    let lab = Lab::without_vms();
    // A name that SQLite must not take for a part of its URI.
    let store = lab.path("sealed/a ?mode=rwc#%41.db");
    run(&lab, 2).env("FIREBENCH_STORE", &store).run().ok();
    let on_it =
        |command: &str| sealed(&lab, &format!(r#"FIREBENCH_STORE="$SEALED/a ?mode=rwc#%41.db" $FIREBENCH {command}"#));
    let shown = lab.firebench(&["show"]).env("FIREBENCH_STORE", &store).run().ok();
    assert_eq!(on_it("show").ok().stdout, shown.stdout);
    let compare = format!("compare latest {}", earlier(&lab).display());
    for command in ["runs", &compare, "export", "$RUN --no-store"] {
        on_it(command).ok();
    }
    let refused = |command: &str| {
        on_it(command).fails(
            3,
            &[
                "cannot open the store",
                "make sure that you may write to the file and to its \
        directory",
            ],
        );
    };
    ["delete --yes latest", "run --resume latest", "$RUN"].into_iter().for_each(refused);
    assert_whole(&store);
    // One of an earlier firebench, which cannot be brought up to date there.
    let connection = rusqlite::Connection::open(&store).expect("a store");
    connection
        .execute_batch(
            "DROP TABLE run_checksums; DROP TABLE figures; ALTER TABLE boots DROP COLUMN checksum;
             ALTER TABLE events DROP COLUMN checksum; ALTER TABLE contenders DROP COLUMN checksum; PRAGMA user_version = 1",
        )
        .expect("an older store");
    drop(connection);
    assert_eq!(on_it("show").ok().stdout, shown.stdout);
    for command in ["runs", &compare, "export"] {
        on_it(command).ok();
    }
    ["delete --yes latest", "run --resume latest", "$RUN"].into_iter().for_each(refused);
    // What lies in a write-ahead log cannot be left unread.
    std::fs::write(lab.path("sealed/a ?mode=rwc#%41.db-wal"), "something").expect("a log");
    refused("runs");
}

#[test]
fn a_filled_cache_on_a_read_only_file_system() {
    require!(need::image(), need::namespaces());
    let mut lab = Lab::without_vms().with_own_cache();
    lab.cache = lab.path("sealed");
    std::fs::rename(lab.path("cache"), &lab.cache).expect("both are ours");
    run(&lab, 1).run().ok();
    let intact = |listed: Outcome| listed.ok().stdout.matches("intact").count();
    let there = intact(lab.firebench(&["image", "list", "--verify"]).run());
    sealed(&lab, "$FIREBENCH $RUN").ok();
    let listed = sealed(&lab, "$FIREBENCH image list --verify");
    assert!(there >= 2 && intact(listed) == there);
    sealed(&lab, "$FIREBENCH image gc --max-size 0").fails(3, &["Read-only file system"]);
}

#[test]
fn directories_of_somebody_else() {
    require!(need::image(), need::root(), need::program("setpriv", "util-linux"));
    let lab = Lab::without_vms().with_own_cache();
    let user = Ordinary::new(&lab);
    let closed = lab.path("closed");
    std::fs::create_dir(&closed).expect("a directory");
    let args = user.args(1);
    for (variable, words) in [
        ("FIREBENCH_CACHE", ["cannot create", "FIREBENCH_CACHE"]),
        ("TMPDIR", ["for temporary files", "set TMPDIR to a directory"]),
        ("FIREBENCH_STORE", ["cannot open the store", "`run --no-store` to run without a store"]),
    ] {
        let path = if variable == "FIREBENCH_STORE" { closed.join("runs.db") } else { closed.clone() };
        let outcome = user.run(&lab, &[], &args).env(variable, path).run().fails(3, &words);
        assert!(outcome.error().contains("Permission denied"), "{outcome}");
    }
    let out = ["--out".to_owned(), closed.join("out").display().to_string()];
    user.run(&lab, &[], &args).args(out).run().fails(3, &["cannot write the report to", "Permission denied"]);
    user.run(&lab, &[], &args).run().ok();
    // A store that they may only read is read all the same.
    let store = closed.join("runs.db");
    std::fs::copy(lab.path("own/runs.db"), &store).expect("room");
    let list = ["runs".to_owned()];
    user.run(&lab, &[], &list).env("FIREBENCH_STORE", &store).run().ok();
    assert_eq!(std::fs::read_dir(&closed).expect("there").count(), 1, "nothing was made there");
}

#[test]
fn no_home() {
    require!(need::image());
    let lab = Lab::without_vms();
    let clean = "env -i PATH=/usr/bin:/bin";
    for (command, word) in [
        ("$FIREBENCH runs", "cannot find a directory for firebench's data"),
        ("$FIREBENCH fetch busybox", "cannot find a directory for firebench's data"),
        ("$FIREBENCH image list", "cannot find a directory for the cache"),
    ] {
        let outcome = shell(&lab, 1, &format!("exec {clean} {command}")).run();
        outcome.fails(3, &[word, "set FIREBENCH_"]);
    }
    // With every place named, none is needed.
    let places = r#"FIREBENCH_CACHE="$FIREBENCH_CACHE" FIREBENCH_DATA="$FIREBENCH_DATA" TMPDIR="$TMPDIR""#;
    shell(&lab, 1, &format!(r#"exec {clean} {places} FIREBENCH_STORE="$FIREBENCH_STORE" $FIREBENCH $RUN"#)).run().ok();
}

#[test]
fn a_temporary_directory_that_cannot_serve() {
    require!(need::image());
    let lab = Lab::without_vms();
    let file = lab.file("file", "");
    for path in [lab.path("missing"), file] {
        run(&lab, 1).env("TMPDIR", &path).run().fails(3, &["for temporary files", "set TMPDIR to a directory"]);
    }
    // Others could exchange what is in it.
    std::fs::set_permissions(&lab.tmp, std::fs::Permissions::from_mode(0o777)).expect("mode");
    let outcome = run(&lab, 1).run_beside();
    outcome.fails(3, &["cannot trust", "other users may write to", "set TMPDIR to a directory of your own"]);
}

#[test]
fn a_kvm_that_may_not_be_opened() {
    require!(need::image(), need::qemu(), need::root(), need::program("setpriv", "util-linux"), need::kvm());
    let lab = Lab::without_vms().with_own_cache();
    let user = Ordinary::new(&lab);
    let device = std::fs::metadata("/dev/kvm").expect("there");
    let mode = device.permissions().mode();
    if mode & 0o006 != 0 {
        return crate::support::common::say("SKIPPED: everybody may open /dev/kvm here");
    }
    let args = ["run", "memory", "--accel", "kvm", "--vmm", "qemu", "--size", SMALL].map(str::to_owned);
    let outcome = user.run(&lab, &[], &args).run();
    let outcome = outcome.fails(3, &["this user may not open /dev/kvm", "--accel auto"]);
    // A group helps where it is one that may open the device, and nobody joins root's.
    let by_group = mode & 0o060 == 0o060 && std::os::unix::fs::MetadataExt::gid(&device) != 0;
    let (helps, misleads) = if by_group { ("usermod -aG", "setfacl") } else { ("setfacl -m u:", "usermod") };
    assert!(outcome.error().contains(helps) && !outcome.error().contains(misleads), "{outcome}");
    // What needs none is not kept from it.
    user.run(&lab, &[], &user.args(1)).run().ok();
}

#[test]
fn a_kvm_that_is_none() {
    require!(need::image(), need::qemu(), need::kvm(), need::root(), need::namespaces());
    let lab = Lab::without_vms();
    let kvm = format!("$FIREBENCH run memory --accel kvm --vmm qemu --boots 1 --size {SMALL}");
    let outcome = shell_in_namespace(&lab, 1, &format!("mount --bind /dev/null /dev/kvm; {kvm}")).run();
    outcome.fails(3, &["/dev/kvm does not work: KVM_", "reload the kvm_intel or kvm_amd module"]);
    // A /dev without it.
    let without = r#"
        mkdir dev; mount -t tmpfs tmpfs dev
        for name in null zero full random urandom tty; do touch dev/$name; mount --bind /dev/$name dev/$name; done
        mount --rbind dev /dev
    "#;
    let outcome = shell_in_namespace(&lab, 1, &format!("{without}{kvm}")).at(&lab.path("")).run();
    outcome.fails(3, &["/dev/kvm does not exist", "--accel auto"]);
    shell_in_namespace(&lab, 1, &format!("rmdir dev; {without}$FIREBENCH $RUN")).at(&lab.path("")).run().ok();
}

/// What the first boot of the last run had to do without.
fn without(lab: &Lab) -> Vec<String> {
    let report = Store::open_existing(&lab.store()).and_then(|store| store.load("latest")).expect("a run");
    report.contenders[0].boots[0].without.iter().map(ToString::to_string).collect()
}

#[test]
fn control_groups_of_version_1_alone_and_none_at_all() {
    require!(need::image(), need::root(), need::namespaces());
    let lab = Lab::without_vms();
    shell_in_namespace(&lab, 2, "umount -a -t cgroup2; $FIREBENCH $RUN").run().ok();
    assert!(without(&lab).iter().any(|note| note.starts_with("without a control group: ")), "{:?}", without(&lab));
    shell_in_namespace(&lab, 2, "umount -a -t cgroup,cgroup2; $FIREBENCH $RUN").run().ok();
    assert!(without(&lab).iter().any(|note| note.starts_with("without a control group: ")), "{:?}", without(&lab));
    // There, and hidden or sealed.
    shell_in_namespace(&lab, 2, "mount -t tmpfs -o ro tmpfs /sys/fs/cgroup; $FIREBENCH $RUN").run().ok();
    assert!(without(&lab).iter().any(|note| note.starts_with("without a control group: ")), "{:?}", without(&lab));
    shell_in_namespace(&lab, 2, "mount -t tmpfs tmpfs /sys; $FIREBENCH $RUN").run().ok();
}

#[test]
fn no_procfs() {
    require!(need::image(), need::root(), need::namespaces());
    let lab = Lab::without_vms();
    let outcome = shell_in_namespace(&lab, 1, "mount -t tmpfs tmpfs /proc; $FIREBENCH $RUN").run();
    outcome.fails(3, &["procfs is not mounted at /proc", "mount -t proc"]);
}

#[test]
fn a_program_on_a_file_system_without_programs() {
    require!(need::image(), need::namespaces());
    let lab = Lab::without_vms();
    let script = r#"mount --bind . .; mount -o remount,bind,noexec .; $FIREBENCH $RUN"#;
    let outcome = shell_in_namespace(&lab, 1, script).at(&lab.path("")).run();
    outcome.fails(2, &["cannot run", "fake-vmm: Permission denied", "mounted noexec"]);
}

#[test]
fn no_namespaces_for_a_tap() {
    require!(need::tcg(), need::namespaces(), need::program("setpriv", "util-linux"));
    let lab = Lab::without_vms();
    // In a user namespace of its own the limits are its own: as its root, and as somebody without any capability.
    for (sysctl, other, run) in [
        ("user.max_net_namespaces", "user.max_user_namespaces", ""),
        ("user.max_user_namespaces", "user.max_net_namespaces", "setpriv --bounding-set=-all --inh-caps=-all"),
    ] {
        let prepare = format!("echo 0 > /proc/sys/{}; exec {run}", sysctl.replace('.', "/"));
        let preset = format!("--preset published --accel tcg --vmm qemu --boots 1 --size {SMALL}");
        let mut command = Command::new("unshare");
        command.args(["-Ur", "sh", "-euc", &format!("{prepare} $FIREBENCH run memory {preset}")]);
        let outcome = lab.invocation(command).env("FIREBENCH", firebench()).run();
        // The one that bars it, and no other.
        let outcome = outcome.fails(3, &["could not make namespaces of its own", sysctl]);
        assert!(!outcome.error().contains(other), "{outcome}");
        assert_whole(&lab.store());
    }
}
