//! `firebench tune` on a machine of plain files.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::support::common::{Lab, wait_for};
use crate::support::invocation::Invocation;

const GOVERNOR: &str = "sys/devices/system/cpu/cpufreq/policy0/scaling_governor";
const TURBO: &str = "sys/devices/system/cpu/intel_pstate/no_turbo";
const KSM: &str = "sys/kernel/mm/ksm/run";
const SERVER: [(&str, &str); 4] =
    [(GOVERNOR, "powersave"), (TURBO, "0"), (KSM, "1"), ("proc/sys/kernel/random/boot_id", "5e3a1c9e")];

struct Server<'a> {
    lab: &'a Lab,
    root: PathBuf,
}

impl<'a> Server<'a> {
    fn new(lab: &'a Lab) -> Self {
        let root = lab.path("server");
        for (path, value) in SERVER {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a directory")).expect("room");
            fs::write(path, value).expect("room");
        }
        Server { lab, root }
    }

    fn tune(&self, args: &[&str]) -> Invocation<'_> {
        self.lab.firebench(&["tune"]).args(args).env("FIREBENCH_ROOT", &self.root)
    }

    fn values(&self) -> Vec<String> {
        SERVER.iter().map(|(path, _)| fs::read_to_string(self.root.join(path)).expect("a value")).collect()
    }
}

#[test]
fn a_machine_is_tuned_and_put_back() {
    let lab = Lab::without_vms();
    let server = Server::new(&lab);
    let before = server.values();
    let dry = server.tune(&["--dry-run"]).run().ok();
    assert!(dry.stdout.starts_with("governor: powersave -> performance\nturbo: on -> off\nksm: on -> off\n"), "{dry}");
    assert!(dry.stdout.ends_with("nothing was changed: this was a dry run\n"), "{dry}");
    assert_eq!(server.values(), before);

    let tuned = server.tune(&[]).run().ok();
    assert_eq!(tuned.stdout.lines().next(), dry.stdout.lines().next());
    assert!(tuned.stdout.ends_with("run `firebench tune --restore` to put everything back\n"), "{tuned}");
    assert_eq!(server.values(), ["performance", "1", "0", "5e3a1c9e"]);
    let again = server.tune(&[]).run().ok();
    assert!(again.stdout.ends_with("nothing needs to be changed\n"), "{again}");
    let status = server.tune(&["--status"]).run().ok();
    assert_eq!(status.stdout, "governor: powersave -> performance\nturbo: on -> off\nksm: on -> off\n");

    let restored = server.tune(&["--restore"]).run().ok();
    assert_eq!(restored.stdout, "ksm: off -> on\nturbo: off -> on\ngovernor: performance -> powersave\n");
    assert_eq!(server.values(), before);
    server.tune(&["--restore", "--smt-off"]).run().fails(2, &["--restore"]);
}

/// One setting is a pipe at which firebench waits: there it is killed, between two writes.
#[test]
fn a_killed_tune_is_put_back() {
    let lab = Lab::without_vms();
    let server = Server::new(&lab);
    let before = server.values();
    let pipe = server.root.join(KSM);
    fs::remove_file(&pipe).expect("the test's own file");
    mkfifo(&pipe, Mode::S_IRUSR | Mode::S_IWUSR).expect("a pipe");
    let tune = server.tune(&[]).start();
    let answers = std::thread::spawn({
        let pipe = pipe.clone();
        move || answer(&pipe)
    });
    let done = wait_for("the write before the pipe's", Duration::from_secs(60), || {
        fs::read_to_string(server.root.join(TURBO)).ok().filter(|value| value == "1")
    });
    tune.signal(Signal::SIGKILL);
    let killed = tune.finish_and_leave();
    assert_eq!((done.as_str(), killed.signal()), ("1", Some(Signal::SIGKILL as i32)), "{killed}");
    answers.join().expect("firebench read what it was to read");

    fs::remove_file(&pipe).expect("the test's own file");
    fs::write(&pipe, "1").expect("room");
    assert_ne!(server.values(), before);
    let restored = server.tune(&["--restore"]).run().ok();
    assert_eq!(restored.stdout, "ksm: on already\nturbo: off -> on\ngovernor: performance -> powersave\n");
    assert_eq!(server.values(), before);
    let status = server.tune(&["--status"]).run().ok();
    assert_eq!(status.stdout, "the machine is not tuned: no change is recorded\n");
}

/// What firebench does with a setting until it writes it: read it, open it for writing, and read it under the lock.
fn answer(pipe: &Path) {
    fs::write(pipe, "1\n").expect("firebench reads");
    let mut nothing = String::new();
    File::open(pipe).and_then(|mut pipe| pipe.read_to_string(&mut nothing)).expect("firebench opens it");
    fs::write(pipe, "1\n").expect("firebench reads again");
}
