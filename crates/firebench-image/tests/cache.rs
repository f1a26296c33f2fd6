//! The cache among threads; flock does not care whether those are of one process.
#![cfg(test)]
#![allow(clippy::arithmetic_side_effects, reason = "a test may panic")]

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use firebench_image::cache::{Cache, Contents};
use firebench_image::{Error, Progress};

fn contents(staging: &Path, text: &str) -> firebench_image::Result<Contents> {
    std::fs::write(staging.join("file"), text).expect("written");
    Ok(Contents {
        description: format!("an entry with {text}"),
        files: vec![("file".to_owned(), Some(firebench_image::digest::sha256(text.as_bytes())))],
        checked_in_use: Vec::new(),
        data: serde_json::json!({ "text": text }),
    })
}

fn build(cache: &Cache, key: &str, text: &str) -> bool {
    let entry = cache.entry("kind", key).expect("a good name");
    entry.get_or_build(|staging| contents(staging, text)).expect("built").built()
}

/// Sets when an entry was last used.
fn age(cache: &Cache, key: &str, seconds: u64) {
    let file = std::fs::File::options().append(true).open(cache.dir().join("entries/kind").join(key).join("used"));
    let time = SystemTime::now() - Duration::from_secs(seconds);
    file.expect("it is there").set_modified(time).expect("the time is set");
}

#[test]
fn builds_once_and_finds_it_again() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path()).expect("it opens");
    let entry = cache.entry("kind", "key").expect("a good name");
    assert!(entry.get().expect("no error").is_none());
    assert!(build(&cache, "key", "hello"));
    assert!(!build(&Cache::open(dir.path()).expect("it opens"), "key", "never built"));
    let guard = entry.get().expect("no error").expect("it is there");
    assert_eq!(std::fs::read_to_string(guard.path().join("file")).expect("read"), "hello");
    assert_eq!(guard.meta().data["text"], "hello");
    let list = cache.list().expect("listed");
    assert_eq!((list.len(), list[0].key.as_str(), list[0].bytes), (1, "key", 5));
    assert_eq!(list[0].description, "an entry with hello");
}

#[test]
fn many_at_once_build_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let (built, waited) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let waited = Arc::clone(&waited);
                let cache = Cache::open(dir.path()).expect("it opens").on_progress(move |progress| {
                    if matches!(progress, Progress::Waiting { kind: "kind", key: "key" }) {
                        waited.fetch_add(1, Ordering::Relaxed);
                    }
                    ControlFlow::Continue(())
                });
                let guard = cache.entry("kind", "key").expect("a good name").get_or_build(|staging| {
                    built.fetch_add(1, Ordering::Relaxed);
                    std::thread::sleep(Duration::from_millis(300));
                    contents(staging, "hello")
                });
                let guard = guard.expect("built or found");
                assert_eq!(std::fs::read_to_string(guard.path().join("file")).expect("read"), "hello");
            });
        }
    });
    assert_eq!(built.load(Ordering::Relaxed), 1);
    assert!(waited.load(Ordering::Relaxed) >= 7);
}

#[test]
fn a_failed_build_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path()).expect("it opens");
    let entry = cache.entry("kind", "key").expect("a good name");
    let failed = entry.get_or_build(|staging| {
        std::fs::write(staging.join("half"), "x").expect("written");
        Err(Error::Cancelled)
    });
    assert!(matches!(failed, Err(Error::Cancelled)));
    assert_eq!(std::fs::read_dir(dir.path().join("staging")).expect("listed").count(), 0);
    // What a builder promises and does not leave is an error, too.
    let empty = entry.get_or_build(|_| {
        let files = vec![("file".to_owned(), None)];
        Ok(Contents { description: String::new(), files, checked_in_use: Vec::new(), data: ().into() })
    });
    assert!(matches!(empty, Err(Error::Io { .. })));
    assert!(entry.get().expect("no error").is_none());
    assert!(build(&cache, "key", "hello"), "the next one builds");
}

#[test]
fn leftovers_of_a_dead_builder_do_not_matter() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path()).expect("it opens");
    for name in ["kind.key.x1Y2z3", "kind.other.x1Y2z3"] {
        std::fs::create_dir(dir.path().join("staging").join(name)).expect("made");
        std::fs::write(dir.path().join("staging").join(name).join("half"), "x").expect("written");
    }
    assert!(build(&cache, "key", "hello"));
    let report = cache.gc(u64::MAX).expect("collected");
    assert_eq!((report.stale_staging, report.kept, report.removed.len()), (1, 1, 0));
    assert_eq!(std::fs::read_dir(dir.path().join("staging")).expect("listed").count(), 0);
}

#[test]
fn damaged_entries_are_rebuilt_or_reported() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path()).expect("it opens");
    build(&cache, "key", "hello");
    let file = dir.path().join("entries/kind/key/file");
    assert!(cache.verify("kind", "key").expect("sound"));
    assert!(!cache.verify("kind", "none").expect("no error"));
    let entry = cache.entry("kind", "key").expect("a good name");
    let meta = dir.path().join("entries/kind/key/meta.json");
    let sound = std::fs::read_to_string(&meta).expect("read");
    // Another size, and other bytes; a description that cannot be read, or reads well and is not what was written.
    for (path, text, reason) in [
        (&file, "hell".to_owned(), "file has 4 bytes instead of 5"),
        (
            &file,
            "hallo".to_owned(),
            "file has SHA-256 d3751d33f9cd5049c4af2b462735457e4d3baf130bcbb87f389e349fbaeb20b9",
        ),
        (&meta, "{".to_owned(), "meta.json is not what firebench wrote"),
        (&meta, sound.replace("an entry with", "an entry With"), "meta.json is not what firebench wrote"),
    ] {
        std::fs::write(path, text).expect("written");
        let found = cache.verify("kind", "key").expect_err("damaged");
        assert!(matches!(&found, Error::Damaged { reason: found, .. } if found.contains(reason)), "{found}");
        assert_eq!(cache.list().expect("listed").len(), 1, "it is listed all the same");
        assert!(entry.get().expect("no error").is_none(), "it is not used");
        let told = Arc::new(Mutex::new(String::new()));
        let teller = Arc::clone(&told);
        let watched = Cache::open(dir.path()).expect("it opens").on_progress(move |progress| {
            if let Progress::Replacing { kind: "kind", key: "key", reason } = progress {
                teller.lock().expect("one thread").push_str(reason);
            }
            ControlFlow::Continue(())
        });
        assert!(build(&watched, "key", "hello"), "the next run builds it again");
        assert!(told.lock().expect("one thread").contains(reason), "and that is told");
        assert!(cache.verify("kind", "key").expect("sound again"));
    }
    std::fs::write(&meta, "{ \"schema\": 1 }").expect("written");
    assert!(build(&cache, "key", "hello"), "an entry of an older firebench");
}

#[test]
fn what_the_user_checks_is_not_hashed_before_each_use() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path()).expect("it opens");
    let entry = cache.entry("kind", "key").expect("a good name");
    let build = |staging: &Path| {
        Ok(Contents { checked_in_use: vec![("file".to_owned(), vec![(2, 3)])], ..contents(staging, "0123456789")? })
    };
    assert!(entry.get_or_build(build).expect("built").built());
    let file = dir.path().join("entries/kind/key/file");
    for (text, sound) in [("01___56789", true), ("0123456_89", false), ("0_23456789", false)] {
        std::fs::write(&file, text).expect("written");
        assert!(matches!(cache.verify("kind", "key"), Err(Error::Damaged { .. })), "{text}");
        let again = entry.get_or_build(build).expect("found or built");
        assert_eq!(!again.built(), sound, "{text}");
        let digest = cache.digest_of(&again.path().join("file")).expect("recorded");
        assert_eq!(digest, firebench_image::digest::sha256(b"0123456789"), "{text}");
    }
}

#[test]
fn the_least_recently_used_go_first_and_the_used_stay() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::open(dir.path()).expect("it opens");
    for (key, seconds) in [("a", 40), ("b", 30), ("c", 20), ("d", 10)] {
        build(&cache, key, "12345");
        age(&cache, key, seconds);
    }
    // Using `a` makes it the youngest.
    let guard = cache.entry("kind", "a").expect("a good name").get().expect("no error").expect("it is there");
    let report = cache.gc(11).expect("collected");
    assert_eq!(report.removed, ["kind/b", "kind/c"]);
    assert_eq!((report.freed_bytes, report.kept, report.kept_bytes, report.in_use), (10, 2, 10, 0));
    let report = cache.clear().expect("collected");
    assert_eq!((report.removed.as_slice(), report.in_use), (&["kind/d".to_owned()][..], 1));
    assert!(guard.path().join("file").exists(), "in use");
    drop(guard);
    assert_eq!(cache.clear().expect("collected").removed, ["kind/a"]);
    assert_eq!(cache.list().expect("listed"), []);
    assert_eq!(std::fs::read_dir(dir.path().join("locks")).expect("listed").count(), 0);
}

#[test]
fn collecting_while_others_build_loses_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    std::thread::scope(|scope| {
        for worker in 0..3 {
            let dir = dir.path();
            scope.spawn(move || {
                let cache = Cache::open(dir).expect("it opens");
                for round in 0..40 {
                    let key = format!("{}", (worker + round) % 2);
                    let entry = cache.entry("kind", &key).expect("a good name");
                    let guard = entry.get_or_build(|staging| contents(staging, &key)).expect("built or found");
                    assert_eq!(std::fs::read_to_string(guard.path().join("file")).expect("whole"), key);
                }
            });
        }
        let cache = Cache::open(dir.path()).expect("it opens");
        for _ in 0..40 {
            cache.clear().expect("collected");
        }
    });
}
