mod fake;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::*;
use fake::*;

#[test]
fn a_full_cycle() {
    let machine = Fake::new(SERVER);
    let before = machine.values();
    let session = machine.session();
    let planned = settings::plan(&machine, &everything());
    assert_eq!(machine.values(), before, "a plan changes nothing");

    let done = session.tune(&everything()).expect("tuned");
    assert_eq!(done, planned);
    let tuned = [
        (GOVERNOR_0, "performance"),
        (GOVERNOR_1, "performance"),
        (NO_TURBO, "1"),
        (KSM, "0"),
        (THP, "never"),
        (SMT, "off"),
    ];
    assert_eq!(machine.values(), tuned.map(|(path, value)| (path, value.to_owned())));
    assert_eq!(
        text::plan(&done),
        "governor: powersave -> performance\ngovernor: schedutil -> performance\nturbo: on -> off\nksm: on -> off\n\
         transparent huge pages: madvise -> never\nsmt: on -> off\n"
    );
    let status = session.status().expect("readable");
    assert!(text::status(&status).contains("turbo: on -> off\n"), "{status:?}");

    let restored = session.restore().expect("put back");
    assert_eq!(machine.values(), before);
    assert!(text::restored(&restored).starts_with("smt: off -> on\n"), "SMT comes first: {restored:?}");
    assert!(text::restored(&restored).ends_with("governor: performance -> powersave\n"), "{restored:?}");
    assert!(!machine.has_record());
    assert!(matches!(session.restore().expect("nothing to do"), Restored::Untuned));
}

#[test]
fn what_changes_the_measured_is_left_alone_unless_asked_for() {
    let machine = Fake::new(SERVER);
    let done = machine.session().tune(&Request::default()).expect("tuned");
    assert!(done.changes.iter().all(|change| !["smt", "transparent huge pages"].contains(&change.name)), "{done:?}");
    assert_eq!(
        done.notes,
        ["transparent huge pages: madvise, not changed without --thp", "smt: on, not changed without --smt-off"]
    );
    let summary = text::summary(&machine.session().status().expect("readable"));
    assert_eq!(summary.as_deref(), Some("governor performance, turbo off, ksm off"));
}

#[test]
fn a_death_between_any_two_writes_loses_nothing() {
    let all = {
        let machine = Fake::new(SERVER);
        machine.session().tune(&everything()).expect("tuned");
        machine.writes.get()
    };
    assert_eq!(all, 6);
    for tuned in 0..=all {
        for restored in 0..=tuned {
            let machine = Fake::new(SERVER);
            let before = machine.values();
            machine.lives.set(Some(tuned));
            let died = catch_unwind(AssertUnwindSafe(|| machine.session().tune(&everything()).is_ok())).is_err();
            assert_eq!(died, tuned < all);
            // Also while it is put back.
            machine.lives.set(Some(restored));
            let died = catch_unwind(AssertUnwindSafe(|| machine.session().restore().is_ok())).is_err();
            assert_eq!(died, restored < tuned, "{restored} of {tuned}");
            machine.lives.set(None);
            if died {
                assert!(machine.has_record());
                machine.session().restore().expect("put back");
            }
            assert_eq!(machine.values(), before, "died after {tuned} and {restored} writes");
            assert!(!machine.has_record());
        }
    }
}

#[test]
fn a_death_is_made_good_by_tuning_again_too() {
    for tuned in 0..6 {
        let machine = Fake::new(SERVER);
        let before = machine.values();
        machine.lives.set(Some(tuned));
        catch_unwind(AssertUnwindSafe(|| machine.session().tune(&everything()).is_ok())).expect_err("it dies");
        machine.lives.set(None);
        machine.session().tune(&everything()).expect("tuned");
        machine.session().restore().expect("put back");
        assert_eq!(machine.values(), before, "died after {tuned} writes");
    }
}

#[test]
fn a_half_written_record_is_none() {
    let machine = Fake::new(SERVER);
    fs::create_dir_all(machine.dir.path().join("var/lib/firebench")).expect("room");
    machine.put("var/lib/firebench/tune.json.new", "{\"version\": 1, \"bo");
    assert_eq!(machine.session().status().expect("readable"), Status::Untuned);
    machine.session().tune(&everything()).expect("tuned");
    assert!(machine.has_record());
}

#[test]
fn the_first_record_stays() {
    let machine = Fake::new(SERVER);
    let before = machine.values();
    let session = machine.session();
    session.tune(&Request::default()).expect("tuned");
    session.tune(&Request { thp: Some("never".to_owned()), ..Request::default() }).expect("tuned");
    // Somebody else in between, and another choice.
    machine.put(GOVERNOR_0, "ondemand\n");
    let request = Request { thp: Some("always".to_owned()), smt_off: true };
    session.tune(&request).expect("tuned");
    let writes = machine.writes.get();
    session.tune(&request).expect("nothing to do");
    assert_eq!(machine.writes.get(), writes);
    session.restore().expect("put back");
    assert_eq!(machine.values(), before);
}

#[test]
fn a_value_of_an_earlier_tuning_is_still_ours() {
    let machine = Fake::new(SERVER);
    let session = machine.session();
    session.tune(&Request { thp: Some("never".to_owned()), ..Request::default() }).expect("tuned");
    machine.lives.set(Some(0));
    let request = Request { thp: Some("always".to_owned()), ..Request::default() };
    catch_unwind(AssertUnwindSafe(|| session.tune(&request).is_ok())).expect_err("it dies");
    machine.lives.set(None);
    session.restore().expect("put back");
    assert_eq!(machine.read(THP).expect("there"), "madvise");
}

#[test]
fn what_others_changed_is_left_to_them() {
    let machine = Fake::new(SERVER);
    let session = machine.session();
    session.tune(&Request::default()).expect("tuned");
    machine.put(GOVERNOR_0, "ondemand\n");
    machine.put(KSM, "1\n");
    fs::remove_file(machine.dir.path().join(NO_TURBO)).expect("there");
    let status = text::status(&session.status().expect("readable"));
    let restored = text::restored(&session.restore().expect("put back"));
    let foreign = "governor: ondemand, set by somebody else since, and not changed (before firebench: powersave)\n";
    assert!(restored.contains(foreign) && status.contains(foreign), "{restored}{status}");
    assert!(restored.contains("ksm: on already\n"), "{restored}");
    assert!(restored.contains("turbo: firebench can no longer read it: No such file"), "{restored}");
    assert_eq!(machine.read(GOVERNOR_0).expect("there"), "ondemand");
    assert_eq!(machine.read(GOVERNOR_1).expect("there"), "schedutil");
    assert!(!machine.has_record());
}

#[test]
fn without_permission_nothing_is_begun() {
    let machine = Fake::new(SERVER);
    let before = machine.values();
    machine.denied.set(Some(KSM));
    let error = machine.session().tune(&everything()).expect_err("denied");
    assert!(matches!(error, TuneError::NotPermitted { .. }), "{error}");
    assert!(firebench_text::errors::render(&error).contains("hint: run `firebench tune` as root, with sudo"));
    assert_eq!((machine.values(), machine.writes.get(), machine.has_record()), (before, 0, false));

    machine.denied.set(None);
    machine.session().tune(&everything()).expect("tuned");
    let (tuned, writes) = (machine.values(), machine.writes.get());
    machine.denied.set(Some(KSM));
    machine.session().restore().expect_err("denied");
    assert_eq!((machine.values(), machine.writes.get(), machine.has_record()), (tuned, writes, true));
}

#[test]
fn a_value_that_the_kernel_does_not_take_is_an_error() {
    let machine = Fake::new(SERVER);
    let before = machine.values();
    machine.ignored.set(Some(KSM));
    let error = machine.session().tune(&everything()).expect_err("not taken");
    assert!(matches!(error, TuneError::Refused { .. }), "{error}");
    machine.ignored.set(None);
    machine.session().restore().expect("put back");
    assert_eq!(machine.values(), before);

    machine.session().tune(&everything()).expect("tuned");
    machine.ignored.set(Some(KSM));
    let restored = machine.session().restore().expect("the others are put back");
    assert!(
        text::restored(&restored).contains("ksm: could not be put back: the kernel does not accept \"1\""),
        "{restored:?}"
    );
    assert!(machine.has_record());
    machine.ignored.set(None);
    let restored = text::restored(&machine.session().restore().expect("put back"));
    assert!(restored.contains("ksm: off -> on\n") && restored.contains("smt: on already\n"), "{restored}");
    assert_eq!(machine.values(), before);
}

#[test]
fn what_the_machine_lacks_is_passed_over() {
    let machine = Fake::new(&[(BOOST, "1\n"), (KSM, "2\n"), (BOOT_ID, "1\n"), (SMT, "notsupported\n")]);
    let done = machine.session().tune(&everything()).expect("tuned");
    assert_eq!(
        text::plan(&done),
        "turbo: on -> off\ngovernor: this machine does not have this setting\nksm: off\n\
         transparent huge pages: this machine does not have this setting\nsmt: not supported\n"
    );
    assert_eq!(machine.read(BOOST).expect("there"), "0");

    let nothing = Fake::new(&[]);
    assert_eq!(nothing.session().tune(&everything()).expect("nothing to do").changes, []);
    assert!(!nothing.dir.path().join("var").exists());
}

#[test]
fn what_nobody_may_write_or_is_not_offered_is_passed_over() {
    use std::os::unix::fs::PermissionsExt;
    let machine = Fake::new(SERVER);
    machine.put("sys/devices/system/cpu/cpufreq/policy0/scaling_available_governors", "userspace powersave\n");
    let turbo = machine.dir.path().join(NO_TURBO);
    fs::set_permissions(&turbo, fs::Permissions::from_mode(0o444)).expect("own file");
    let done = machine.session().tune(&Request::default()).expect("tuned");
    assert_eq!(done.changes.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(), [GOVERNOR_1, KSM]);
    assert!(
        done.notes.contains(&"governor: the kernel does not offer the governor performance".to_owned()),
        "{done:?}"
    );
    assert!(done.notes.contains(&"turbo: on, and nobody can change it on this machine".to_owned()), "{done:?}");
}

#[test]
fn a_restart_undoes_everything() {
    let machine = Fake::new(SERVER);
    let before = machine.values();
    let session = machine.session();
    session.tune(&everything()).expect("tuned");
    machine.restart();
    let status = session.status().expect("readable");
    assert_eq!((text::summary(&status), &status), (None, &Status::Restarted));
    assert!(matches!(session.restore().expect("nothing to do"), Restored::Restarted));
    assert!(!machine.has_record());

    // The record of another boot does not stand in for this one's.
    session.tune(&everything()).expect("tuned");
    machine.restart();
    machine.put(BOOT_ID, "3\n");
    machine.put(KSM, "0\n");
    machine.put(GOVERNOR_0, "ondemand\n");
    session.tune(&Request::default()).expect("tuned");
    session.restore().expect("put back");
    assert_eq!(machine.read(GOVERNOR_0).expect("there"), "ondemand");
    assert_eq!(machine.read(KSM).expect("there"), "0");
    assert_eq!(machine.read(GOVERNOR_1).expect("there"), before.iter().find(|(p, _)| *p == GOVERNOR_1).expect("it").1);
}

#[test]
fn a_record_that_is_none_is_refused() {
    let machine = Fake::new(SERVER);
    machine.session().tune(&everything()).expect("tuned");
    let whole = fs::read_to_string(machine.dir.path().join(RECORD)).expect("there");
    for damaged in [
        String::new(),
        whole.replace("\"version\": 1", "\"version\": 2"),
        whole.replace(KSM, "/etc/passwd"),
        whole.replace(KSM, "sys/../etc/passwd"),
        whole.replace(KSM, "sys/kernel/uevent_helper"),
        whole.replace(GOVERNOR_0, "sys/devices/system/cpu/cpufreq/policy0/../../x/scaling_governor"),
        whole.replace("\"ksm\"", "\"\\u001b[2Jksm\""),
        whole.replace("\"before\": \"schedutil\"", "\"before\": \"../x\""),
        whole.replace("\"ours\": [\n        \"performance\"", "\"ours\": [\n        \"powersave\""),
    ] {
        assert_ne!(damaged, whole);
        machine.put(RECORD, &damaged);
        let writes = machine.writes.get();
        assert!(matches!(machine.session().restore(), Err(TuneError::Damaged { .. })), "{damaged}");
        machine.put(KSM, "1\n");
        assert!(matches!(machine.session().tune(&everything()), Err(TuneError::Damaged { .. })), "{damaged}");
        assert_eq!((machine.writes.get(), current(machine.dir.path())), (writes, None));
    }
}

#[test]
fn a_record_that_others_could_have_written_is_refused() {
    let machine = Fake::new(SERVER);
    machine.session().tune(&everything()).expect("tuned");
    let record = machine.dir.path().join(RECORD);
    let (dir, tuned) = (record.parent().expect("a directory"), machine.values());
    let permit = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).expect("own file");
    let refused = || {
        let writes = machine.writes.get();
        assert!(matches!(machine.session().restore(), Err(TuneError::Untrusted { .. })));
        assert!(matches!(machine.session().status(), Err(TuneError::Untrusted { .. })));
        assert_eq!((machine.writes.get(), machine.values()), (writes, tuned.clone()));
    };
    permit(&record, 0o666);
    refused();
    permit(&record, 0o644);
    permit(dir, 0o777);
    refused();
    permit(dir, 0o755);
    if nix::unistd::geteuid().is_root() {
        for path in [record.as_path(), dir] {
            chown(path, Some(65534), None).expect("root may");
            refused();
            chown(path, Some(0), None).expect("root may");
        }
    }
    // A link to a record that is in order is none.
    let moved = dir.join("moved.json");
    fs::rename(&record, &moved).expect("room");
    symlink(&moved, &record).expect("room");
    assert!(machine.session().restore().is_err());
    fs::rename(&moved, &record).expect("room");
    machine.session().restore().expect("put back");
}

#[test]
fn one_at_a_time() {
    let machine = Fake::new(SERVER);
    let lock = Place::below(machine.dir.path()).lock().expect("free");
    assert!(matches!(machine.session().tune(&everything()), Err(TuneError::Busy)));
    drop(lock);
    machine.session().tune(&everything()).expect("tuned");
}

/// The plain files of a fixture, through the public functions.
#[test]
fn the_public_functions_work_on_files() {
    let machine = Fake::new(SERVER);
    let root = machine.dir.path();
    let planned = plan(root, &Request::default());
    assert_eq!(tune(root, &Request::default()).expect("tuned"), planned);
    assert_eq!(current(root).as_deref(), Some("governor performance, turbo off, ksm off"));
    assert!(matches!(status(root).expect("readable"), Status::Tuned(settings) if settings.len() == 4));
    assert!(matches!(restore(root).expect("put back"), Restored::Done(settings) if settings.len() == 4));
    assert_eq!(current(root), None);
    assert_eq!(machine.read(GOVERNOR_1).expect("there"), "schedutil");
}
