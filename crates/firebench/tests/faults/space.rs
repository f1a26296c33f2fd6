//! No space: on the file system of the cache, of the temporary files, of the report. Each is a tiny tmpfs in a mount
//! namespace of the test's own.

use crate::own::{self, assert_whole};
use crate::require;
use crate::support::common::{Lab, firebench};
use crate::support::need;
use crate::{SHORT, SMALL};

/// `$FIREBENCH run` for a payload of this size.
fn run(size: &str) -> String {
    format!("$FIREBENCH {} {size}", SHORT.join(" "))
}

#[test]
fn no_space_in_the_cache() {
    require!(need::tcg(), need::namespaces());
    let lab = Lab::new().with_empty_cache();
    std::fs::create_dir(&lab.cache).expect("a directory");
    // Too small for the kernel; large enough; then, once the kernel is there, too small for another disk.
    let script = format!(
        r#"
        left() {{ find "$FIREBENCH_CACHE/staging" "$FIREBENCH_CACHE/entries" -name root.ext4 -o -name vmlinux -o -path '*/staging/?*'; }}
        mount -t tmpfs -o size=8m,mode=755 tmpfs "$FIREBENCH_CACHE"
        {small} && exit 1 || echo "kernel: $?"
        left
        mount -o remount,size=1g "$FIREBENCH_CACHE"
        {small} > /dev/null
        "$FIREBENCH" image build --size 1MiB > /dev/null
        echo "with room: $(left | wc -l)"
        used=$(df --output=used --block-size=1M "$FIREBENCH_CACHE" | tail -n 1)
        mount -o remount,size=$((used + 16))m "$FIREBENCH_CACHE"
        {large} && exit 1 || echo "disk: $?"
        echo "still: $(left | wc -l)"
        mount -o remount,size=1g "$FIREBENCH_CACHE"
        {large} > /dev/null
        echo "with room: $(left | wc -l)"
        "#,
        small = run("1MiB --dry-run"),
        large = r#""$FIREBENCH" image build --size 80MiB"#,
    );
    let outcome = lab.in_namespace(&script).run().ok();
    assert_eq!(outcome.stdout, "kernel: 3\nwith room: 2\ndisk: 3\nstill: 2\nwith room: 3\n", "{outcome}");
    let errors: Vec<_> = outcome.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 2, "{outcome}");
    for error in errors {
        assert!(error.contains("no space left for") && error.contains(&lab.cache.display().to_string()), "{outcome}");
    }
    assert_eq!(outcome.stderr.matches("hint: free some space").count(), 2, "{outcome}");
}

#[test]
fn no_space_for_temporary_files() {
    require!(need::tcg(), need::namespaces());
    let lab = Lab::without_vms();
    let script = format!(
        r#"
        mount -t tmpfs -o size=512k tmpfs "$TMPDIR"
        {run} --dry-run && exit 1 || code=$?
        echo "code: $code"
        find "$TMPDIR" -mindepth 1
        "#,
        run = run(SMALL)
    );
    let outcome = lab.in_namespace(&script).run().ok();
    assert_eq!(outcome.stdout, "code: 3\n", "{outcome}");
    let error = outcome.error();
    assert!(error.contains(&lab.tmp.display().to_string()) && error.contains("No space left on device"), "{outcome}");
    assert!(error.contains("hint: ") && error.contains("TMPDIR"), "{outcome}");
}

#[test]
fn no_space_for_the_report() {
    require!(need::image(), need::namespaces());
    let lab = Lab::without_vms();
    let out = lab.path("out");
    std::fs::create_dir(&out).expect("a directory");
    let script = r#"
        mount -t tmpfs -o size=8k tmpfs "$OUT"
        $FIREBENCH $RUN --out "$OUT" > "$OUT.stdout" && exit 1 || code=$?
        echo "code: $code"
        find "$OUT" -mindepth 1
    "#;
    let outcome = own::shell_in_namespace(&lab, 1, script).env("OUT", &out).run().ok();
    assert_eq!(outcome.stdout, "code: 3\n", "{outcome}");
    let error = outcome.error();
    assert!(error.contains(&out.display().to_string()) && error.contains("No space left on device"), "{outcome}");
    assert!(error.contains("hint: "), "{outcome}");
    // What was measured is not lost: the terminal has it.
    let shown = std::fs::read_to_string(lab.path("out.stdout")).expect("standard output");
    assert!(shown.contains("good boots") && shown.contains("1 of 1"), "{shown}");
}

#[test]
fn no_space_for_the_files_of_a_boot() {
    require!(need::image(), need::namespaces());
    let lab = Lab::without_vms();
    own::run(&lab, 1).run().ok();
    // Room for the initramfs that all boots share, which is little more than the agent, and not for that of a boot.
    let agent = std::fs::metadata(firebench().with_file_name("firebench-agent")).expect("it is beside firebench").len();
    let script = r#"
        mount -t tmpfs -o size=$SIZE tmpfs "$TMPDIR"
        $FIREBENCH $RUN > /dev/null && exit 1 || echo "code: $?"
        find "$TMPDIR" -mindepth 1
    "#;
    let outcome = own::shell_in_namespace(&lab, 3, script).env("SIZE", (agent / 2 * 3).to_string()).run().ok();
    assert_eq!(outcome.stdout, "code: 3\n", "{outcome}");
    let error = outcome.error();
    assert!(error.contains("/boot-0/initramfs: No space left on device") && error.contains("TMPDIR"), "{outcome}");
    assert_whole(&lab.store());
}

#[test]
fn no_space_for_what_other_commands_write() {
    require!(need::image(), need::namespaces());
    let lab = Lab::without_vms();
    own::earlier(&lab);
    own::run(&lab, 12).run().ok();
    lab.firebench(&["export", "--output"]).arg(lab.path("report.json")).run().ok();
    std::fs::create_dir(lab.path("full")).expect("a directory");
    std::fs::write(lab.path("firecracker"), vec![0x7f; 200_000]).expect("a file");
    // Nothing was changed, nothing is there that was not, and what was there is.
    let expected = "code: 3\n1\nfull/filler\nfull/old\nfull/proc/sys/kernel/random/boot_id\nfull/sys/kernel/mm/ksm/run\n\
                    precious = true\n";
    for (command, word) in [
        ("export --output full/file", "cannot write the export"),
        ("export --format csv --output full/file", "cannot write the export"),
        ("export --format jsonl --output full/file", "cannot write the export"),
        ("init full/file", "cannot write full/file"),
        ("init --force full/old", "cannot write full/old"),
        ("import report.json --store full/runs.db", "the disk with the store full/runs.db is full"),
        ("tune --root full", "cannot write full/var/lib/firebench/tune.json"),
        ("compare latest earlier.json --fail-if 'real > +3%' --junit full/file", "cannot write full/file"),
    ] {
        let script = format!(
            r#"
            mount -t tmpfs -o size=32k,nr_inodes=30 tmpfs full
            printf 'precious = true\n' > full/old
            mkdir -p full/sys/kernel/mm/ksm full/proc/sys/kernel/random full/var/lib/firebench
            echo 1 > full/sys/kernel/mm/ksm/run
            echo 5e3a1c9e-0d0b-4a6c-9d6e-000000000001 > full/proc/sys/kernel/random/boot_id
            dd if=/dev/zero of=full/filler bs=1k count=100 2> /dev/null || true
            $FIREBENCH {command} > /dev/null && exit 1 || echo "code: $?"
            rm -f full/runs.db-lock
            cat full/sys/kernel/mm/ksm/run; find full -type f | sort; cat full/old
            "#
        );
        let outcome = lab.in_namespace(&script).at(&lab.path("")).run().ok();
        assert_eq!(outcome.stdout, expected, "{command}: {outcome}");
        assert!(outcome.error().contains(word) && outcome.error().contains("hint: "), "{command}: {outcome}");
    }
    assert_whole(&lab.store());
}
