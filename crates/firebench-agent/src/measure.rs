//! One measured run of a command. Knows nothing of PID 1: the `host` contender is measured by the same code.

use crate::child::{self, Ended};
use crate::digest;
use crate::error::Error;
use crate::procfs;
use crate::ready::{Interest, ready};
use firebench_protocol::{Counters, IterationReport, Task};
use nix::poll::PollTimeout;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};

/// Bytes of each output that are kept.
const KEPT: usize = 4096;

/// Reads after the command's end: no pipe holds more than 1 MiB. What outlives the command may print for ever.
const LAST_READS: usize = 64;

/// The environment of every command, the same in every guest and on the host.
const ENVIRONMENT: [(&str, &str); 3] =
    [("HOME", "/"), ("LC_ALL", "C"), ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")];

/// Which reads of a disk are counted.
#[derive(Clone, Copy)]
pub enum Reads<'a> {
    /// Those of everybody from this block device, such as `vda`: in a guest there is nobody else.
    OfDevice(&'a str),
    /// Those that the command and its children had done (`ru_inblock`).
    OfCommand,
}

/// Runs the task's command to its end and says what it took.
pub fn iteration(index: u32, task: &Task, reads: Reads<'_>) -> Result<IterationReport, Error> {
    let (mut command, name) = command(&task.argv, task)?;
    if let Some(path) = &task.input {
        command.stdin(File::open(path).map_err(|cause| Error::Read { path: path.clone(), cause })?);
    }
    let before = Snapshot::take(reads);
    let (mut child, start) =
        child::start(&mut command).map_err(|cause| Error::Spawn { command: name.clone(), cause })?;
    let mut stdout = Head::new(child.stdout.take().map(OwnedFd::from), task.digest);
    let mut stderr = Head::new(child.stderr.take().map(OwnedFd::from), false);
    let ended = wait(child.id(), &mut stdout, &mut stderr);
    let real = start.elapsed();
    let ended = ended.map_err(|cause| Error::Wait { command: name, cause })?;
    let after = Snapshot::take(reads);
    stdout.rest();
    stderr.rest();
    Ok(IterationReport {
        index,
        real: real.as_secs_f64(),
        user: ended.user.as_secs_f64(),
        sys: ended.sys.as_secs_f64(),
        status: ended.status,
        stdout: stdout.text(),
        stderr: stderr.text(),
        stdout_bytes: stdout.bytes,
        stdout_sha256: stdout.hasher.map(|hasher| digest::hex(&hasher.finalize())),
        counters: counters(&ended.usage, reads, &before, &after),
    })
}

/// Runs a command of the task's that is not measured, if there is one; it must succeed.
pub fn aside(what: &'static str, argv: &[String], task: &Task) -> Result<(), Error> {
    if argv.is_empty() {
        return Ok(());
    }
    let (mut command, name) = command(argv, task)?;
    let (mut child, _) = child::start(&mut command).map_err(|cause| Error::Spawn { command: name.clone(), cause })?;
    let mut stdout = Head::new(child.stdout.take().map(OwnedFd::from), false);
    let mut stderr = Head::new(child.stderr.take().map(OwnedFd::from), false);
    let ended = wait(child.id(), &mut stdout, &mut stderr);
    let ended = ended.map_err(|cause| Error::Wait { command: name.clone(), cause })?;
    stderr.rest();
    let text = stderr.text();
    match ended.status {
        0 => Ok(()),
        status => {
            let reason = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it printed no error").to_owned();
            Err(Error::Aside { what, command: name, status, reason })
        }
    }
}

/// A command in the surroundings of a task, whose outputs are pipes; and what it is called.
fn command(argv: &[String], task: &Task) -> Result<(Command, String), Error> {
    let mut command = child::command(argv)?;
    command.envs(ENVIRONMENT).envs(task.env.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(directory) = &task.directory {
        // The system says of a directory that is not there what it says of a program that is not there.
        fs::metadata(directory).map_err(|cause| Error::Read { path: directory.clone(), cause })?;
        command.current_dir(directory);
    }
    Ok((command, argv.join(" ")))
}

/// Waits for the child and takes what it prints meanwhile, so that a full pipe never stops it.
fn wait(pid: u32, stdout: &mut Head, stderr: &mut Head) -> std::io::Result<Ended> {
    // A process that the command leaves behind may keep the pipes open: their end is not that of the command.
    let mut end = child::End::of(pid);
    while stdout.is_open() || stderr.is_open() {
        let [has_stdout, has_stderr, has_ended] =
            ready([stdout.interest(), stderr.interest(), end.interest()], end.patience())?;
        if let Some(ended) = end.seen(pid, has_ended)? {
            return Ok(ended);
        }
        if has_stdout {
            stdout.read();
        }
        if has_stderr {
            stderr.read();
        }
    }
    child::wait(pid)
}

/// The first bytes that come out of a pipe, how many there were, and their digest where it is wanted.
struct Head {
    pipe: Option<File>,
    kept: Vec<u8>,
    bytes: u64,
    hasher: Option<Sha256>,
}

impl Head {
    fn new(pipe: Option<OwnedFd>, digest: bool) -> Self {
        Head { pipe: pipe.map(File::from), kept: Vec::new(), bytes: 0, hasher: digest.then(Sha256::new) }
    }

    fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    fn interest(&self) -> Interest<'_> {
        self.pipe.as_ref().map_or(Interest::Closed, |pipe| Interest::Read(pipe.as_fd()))
    }

    /// Takes what is there; waits if nothing is.
    fn read(&mut self) {
        let Some(pipe) = &mut self.pipe else { return };
        let mut buffer = [0; 16 << 10];
        match pipe.read(&mut buffer) {
            Ok(0) => self.pipe = None,
            Ok(count) => self.take(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => self.pipe = None,
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        let room = KEPT.saturating_sub(self.kept.len());
        self.kept.extend(bytes.iter().take(room));
        self.bytes = self.bytes.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        if let Some(hasher) = &mut self.hasher {
            hasher.update(bytes);
        }
    }

    /// Takes what is still in the pipe after the end of the command.
    fn rest(&mut self) {
        for _ in 0..LAST_READS {
            if !matches!(ready([self.interest()], PollTimeout::ZERO), Ok([true])) {
                break;
            }
            self.read();
        }
    }

    /// What was kept, as text.
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.kept).into_owned()
    }
}

/// Counters of the whole system.
struct Snapshot {
    disk_read_bytes: u64,
    steal_us: u64,
}

impl Snapshot {
    fn take(reads: Reads<'_>) -> Self {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        let disk_read_bytes = match reads {
            Reads::OfDevice(name) => procfs::disk_read_bytes(&read("/proc/diskstats"), name),
            Reads::OfCommand => None,
        };
        Snapshot {
            disk_read_bytes: disk_read_bytes.unwrap_or(0),
            steal_us: procfs::steal_us(&read("/proc/stat")).unwrap_or(0),
        }
    }
}

/// Bytes in a unit of `ru_inblock`, whatever the disk's own blocks are.
const INBLOCK: u64 = 512;

fn counters(usage: &libc::rusage, reads: Reads<'_>, before: &Snapshot, after: &Snapshot) -> Counters {
    let count = |number: libc::c_long| u64::try_from(number).unwrap_or(0);
    Counters {
        minor_faults: count(usage.ru_minflt),
        major_faults: count(usage.ru_majflt),
        voluntary_switches: count(usage.ru_nvcsw),
        involuntary_switches: count(usage.ru_nivcsw),
        // In KiB, see getrusage(2).
        max_rss_bytes: count(usage.ru_maxrss).saturating_mul(1024),
        disk_read_bytes: match reads {
            Reads::OfDevice(_) => after.disk_read_bytes.saturating_sub(before.disk_read_bytes),
            Reads::OfCommand => count(usage.ru_inblock).saturating_mul(INBLOCK),
        },
        steal_us: after.steal_us.saturating_sub(before.steal_us),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(argv: &[&str]) -> Vec<String> {
        argv.iter().map(|&word| word.to_owned()).collect()
    }

    fn run(argv: &[&str]) -> Result<IterationReport, Error> {
        iteration(7, &Task::new(words(argv)), Reads::OfCommand)
    }

    fn sh(script: &str) -> IterationReport {
        run(&["/bin/sh", "-c", script]).unwrap()
    }

    #[test]
    fn measures_a_command() {
        let report = run(&["/bin/true"]).unwrap();
        assert_eq!((report.index, report.status), (7, 0));
        assert!(report.real > 0.0 && report.real < 5.0, "{report:?}");
        assert!(report.counters.minor_faults > 0 && report.counters.max_rss_bytes > 4096, "{report:?}");
        assert_eq!((report.stdout.as_str(), report.stderr.as_str()), ("", ""));
    }

    #[test]
    fn tells_what_it_printed_and_how_it_ended() {
        let report = sh("echo out; echo err >&2; exit 3");
        assert_eq!((report.stdout.as_str(), report.stderr.as_str(), report.status), ("out\n", "err\n", 3));
        assert_eq!(sh("kill -9 $$").status, 128 + 9);
    }

    #[test]
    fn keeps_the_head_of_much_output() {
        let report = sh("head -c 300000 /dev/zero | tr '\\0' a; head -c 300000 /dev/zero | tr '\\0' b >&2; echo end");
        assert_eq!(report.stdout, "a".repeat(KEPT));
        assert_eq!(report.stderr, "b".repeat(KEPT));
        assert_eq!((report.stdout_bytes, report.stdout_sha256), (300_004, None));
    }

    #[test]
    fn accounts_cpu_time() {
        let report = sh("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done");
        assert!(report.user > 0.0 && report.user + report.sys <= report.real * 1.1 + 0.02, "{report:?}");
    }

    #[test]
    fn does_not_wait_for_what_is_left_behind() {
        let report = sh("echo started; sleep 20 & exit 0");
        assert_eq!(report.stdout, "started\n");
        assert!(report.real < 10.0, "{report:?}");
    }

    #[test]
    fn environment_is_the_same_everywhere() {
        let report = run(&["/usr/bin/env"]).unwrap();
        let environment: Vec<_> = report.stdout.lines().filter_map(|line| line.split_once('=')).collect();
        assert_eq!(environment, ENVIRONMENT);
    }

    #[test]
    fn the_digest_is_that_of_all_that_was_printed() {
        // Twice what a pipe holds, and its end after the end of the command.
        let argv = words(&["/bin/sh", "-c", "head -c 131072 /dev/zero"]);
        let report = iteration(0, &Task { digest: true, ..Task::new(argv) }, Reads::OfCommand).unwrap();
        assert_eq!(report.stdout_bytes, 131_072);
        let zeros = digest::hex(&Sha256::digest(vec![0; 131_072]));
        assert_eq!(report.stdout_sha256, Some(zeros));
    }

    #[test]
    fn surroundings_are_those_of_the_task() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().to_str().unwrap().to_owned();
        let input = directory.path().join("input");
        fs::write(&input, "from a file").unwrap();
        let task = Task {
            env: vec![("COLOUR".to_owned(), "red".to_owned()), ("HOME".to_owned(), "/other".to_owned())],
            directory: Some(path.clone()),
            input: Some(input.to_str().unwrap().to_owned()),
            ..Task::new(words(&["/bin/sh", "-c", "echo $COLOUR $HOME $PWD; cat"]))
        };
        let report = iteration(0, &task, Reads::OfCommand).unwrap();
        assert_eq!(report.stdout, format!("red /other {path}\nfrom a file"));
        for wrong in [
            Task { input: Some("/nonexistent/input".to_owned()), ..task.clone() },
            Task { directory: Some("/nonexistent/input".to_owned()), ..task.clone() },
        ] {
            let error = iteration(0, &wrong, Reads::OfCommand).unwrap_err().to_string();
            assert!(error.starts_with("cannot read /nonexistent/input: No such file"), "{error}");
        }
    }

    #[test]
    fn what_is_not_measured_must_succeed() {
        let task = Task::new(words(&["/bin/true"]));
        let aside = |script: &str| aside("prepare", &words(&["/bin/sh", "-c", script]), &task);
        aside("head -c 300000 /dev/zero").unwrap();
        super::aside("prepare", &[], &task).unwrap();
        let error = aside("echo no room >&2; exit 3").unwrap_err().to_string();
        assert!(
            error.starts_with("the command to prepare (/bin/sh") && error.ends_with(" ended with status 3: no room"),
            "{error}"
        );
    }

    #[test]
    fn says_what_cannot_start() {
        let error = run(&["/no/such/program", "x"]).unwrap_err().to_string();
        assert!(error.starts_with("cannot start /no/such/program x: No such file"), "{error}");
        assert!(matches!(run(&[]), Err(Error::NoCommand)));
    }
}
