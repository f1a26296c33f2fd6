//! No space: on the file system of the cache, of the temporary files, of the report. Each is a tiny tmpfs in a mount
//! namespace of the test's own.

use crate::require;
use crate::support::common::Lab;
use crate::support::need;
use crate::{SHORT, SMALL};

/// `$FIREBENCH run` for a payload of this size.
fn run(size: &str) -> String {
    format!("$FIREBENCH {} {size}", SHORT.join(" "))
}

#[test]
fn no_space_in_the_cache() {
    require!(need::tcg(), need::namespaces());
    let lab = Lab::without_vms().with_empty_cache();
    std::fs::create_dir(&lab.cache).expect("a directory");
    // Too small for the kernel; large enough; then, once the kernel is there, too small for another disk.
    let script = format!(
        r#"
        left() {{ find "$FIREBENCH_CACHE/staging" "$FIREBENCH_CACHE/entries" -name root.ext4 -o -name vmlinux -o -path '*/staging/?*'; }}
        mount -t tmpfs -o size=8m tmpfs "$FIREBENCH_CACHE"
        {small} && exit 1 || echo "kernel: $?"
        left
        mount -o remount,size=1g "$FIREBENCH_CACHE"
        {small} > /dev/null
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
        large = run("80MiB --dry-run"),
    );
    let outcome = lab.in_namespace(&script).run().ok();
    assert_eq!(outcome.stdout, "kernel: 3\nwith room: 2\ndisk: 3\nstill: 2\nwith room: 3\n", "{outcome}");
    let errors: Vec<_> = outcome.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 2, "{outcome}");
    for error in errors {
        assert!(error.contains("no space left for") && error.contains(&lab.cache.display().to_string()), "{outcome}");
    }
    assert_eq!(outcome.stderr.matches("hint: make room").count(), 2, "{outcome}");
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
    require!(need::tcg(), need::namespaces());
    let lab = Lab::new();
    let out = lab.path("out");
    std::fs::create_dir(&out).expect("a directory");
    let script = format!(
        r#"
        mount -t tmpfs -o size=8k tmpfs "$OUT"
        {run} --out "$OUT" > "$OUT.stdout" && exit 1 || code=$?
        echo "code: $code"
        find "$OUT" -mindepth 1
        "#,
        run = run(SMALL)
    );
    let outcome = lab.in_namespace(&script).env("OUT", &out).run().ok();
    assert_eq!(outcome.stdout, "code: 3\n", "{outcome}");
    let error = outcome.error();
    assert!(error.contains(&out.display().to_string()) && error.contains("No space left on device"), "{outcome}");
    assert!(error.contains("hint: "), "{outcome}");
    // What was measured is not lost: the terminal has it.
    let shown = std::fs::read_to_string(lab.path("out.stdout")).expect("standard output");
    assert!(shown.contains("good boots") && shown.contains("1 of 1"), "{shown}");
}
