//! A kernel for tests of tuning.

use std::cell::Cell;
use std::fs;
use std::io;

use tempfile::TempDir;

use super::super::machine::{Files, Machine};
use super::super::{BOOT_ID, Request, Session};

pub const GOVERNOR_0: &str = "sys/devices/system/cpu/cpufreq/policy0/scaling_governor";
pub const GOVERNOR_1: &str = "sys/devices/system/cpu/cpufreq/policy1/scaling_governor";
pub const BOOST: &str = "sys/devices/system/cpu/cpufreq/boost";
pub const NO_TURBO: &str = "sys/devices/system/cpu/intel_pstate/no_turbo";
pub const KSM: &str = "sys/kernel/mm/ksm/run";
pub const THP: &str = "sys/kernel/mm/transparent_hugepage/enabled";
pub const SMT: &str = "sys/devices/system/cpu/smt/control";
pub const RECORD: &str = "var/lib/firebench/tune.json";

/// A server as it comes: two hyper-threads, the second of which goes with SMT.
pub const SERVER: &[(&str, &str)] = &[
    (GOVERNOR_0, "powersave\n"),
    ("sys/devices/system/cpu/cpufreq/policy0/scaling_available_governors", "performance powersave\n"),
    (GOVERNOR_1, "schedutil\n"),
    (NO_TURBO, "0\n"),
    (KSM, "1\n"),
    (THP, "always [madvise] never\n"),
    (SMT, "on\n"),
    (BOOT_ID, "5e3a1c9e-0d0b-4a6c-9d6e-000000000001\n"),
];

pub fn everything() -> Request {
    Request { smt_off: true, thp: Some("never".to_owned()) }
}

/// A kernel that keeps its brackets, takes away the second CPU's files with SMT, and lets the test refuse, ignore and
/// stop.
pub struct Fake {
    pub dir: TempDir,
    /// After so many writes, firebench dies.
    pub lives: Cell<Option<usize>>,
    pub denied: Cell<Option<&'static str>>,
    pub ignored: Cell<Option<&'static str>>,
    pub writes: Cell<usize>,
}

impl Fake {
    pub fn new(files: &[(&str, &str)]) -> Fake {
        let dir = tempfile::tempdir().expect("a temporary directory");
        for (path, contents) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().expect("a directory")).expect("room");
            fs::write(path, contents).expect("room");
        }
        Fake { dir, lives: Cell::default(), denied: Cell::default(), ignored: Cell::default(), writes: Cell::default() }
    }

    pub fn files(&self) -> Files<'_> {
        Files(self.dir.path())
    }

    pub fn session(&self) -> Session<'_> {
        Session { root: self.dir.path(), machine: self }
    }

    /// All settings, also those that are hidden now.
    pub fn values(&self) -> Vec<(&'static str, String)> {
        let value = |path: &&'static str| Some((*path, self.files().read(path).ok()?));
        [GOVERNOR_0, GOVERNOR_1, NO_TURBO, BOOST, KSM, THP, SMT].iter().filter_map(value).collect()
    }

    /// What another program, or the user, does.
    pub fn put(&self, path: &str, contents: &str) {
        fs::write(self.dir.path().join(path), contents).expect("room");
    }

    pub fn restart(&self) {
        for (path, contents) in SERVER {
            self.put(path, contents);
        }
        self.put(BOOT_ID, "5e3a1c9e-0d0b-4a6c-9d6e-000000000002\n");
    }

    pub fn has_record(&self) -> bool {
        self.dir.path().join(RECORD).exists()
    }
}

impl Machine for Fake {
    fn read(&self, path: &str) -> io::Result<String> {
        let hidden = path.contains("policy1") && self.files().read(SMT).is_ok_and(|value| value == "off");
        if hidden { Err(io::ErrorKind::ResourceBusy.into()) } else { self.files().read(path) }
    }

    fn is_read_only(&self, path: &str) -> bool {
        self.files().is_read_only(path)
    }

    fn check_writable(&self, path: &str) -> io::Result<()> {
        if self.denied.get() == Some(path) {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        self.files().check_writable(path)
    }

    fn write(&self, path: &str, value: &str) -> io::Result<()> {
        if let Some(lives) = self.lives.get() {
            assert!(lives > 0, "firebench dies");
            self.lives.set(Some(lives - 1));
        }
        self.writes.set(self.writes.get() + 1);
        assert!(self.read(path).is_ok(), "{path} is hidden");
        if self.ignored.get() == Some(path) {
            return Ok(());
        }
        let text = fs::read_to_string(self.dir.path().join(path))?;
        let words = text.split_ascii_whitespace().map(|word| word.trim_matches(['[', ']']));
        match text.contains('[') {
            true => {
                let words = words.map(|word| if word == value { format!("[{word}]") } else { word.to_owned() });
                self.put(path, &words.collect::<Vec<_>>().join(" "));
                Ok(())
            }
            false => self.files().write(path, value),
        }
    }

    fn names(&self, path: &str) -> Vec<String> {
        self.files().names(path)
    }
}
