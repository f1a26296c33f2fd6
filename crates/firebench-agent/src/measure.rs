//! One measured run of a command. Knows nothing of PID 1: the `host` contender is measured by the same code.

use crate::child::{self, Ended};
use crate::error::Error;
use crate::procfs;
use crate::ready::{Interest, ready};
use firebench_protocol::{Counters, IterationReport};
use nix::poll::PollTimeout;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::process::Stdio;

/// Bytes of each output that are kept.
const KEPT: usize = 4096;

/// The whole environment of the command, the same in every guest and on the host.
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

/// Runs `argv` to its end and says what it took.
pub fn iteration(index: u32, argv: &[String], reads: Reads<'_>) -> Result<IterationReport, Error> {
    let mut command = child::command(argv)?;
    command.envs(ENVIRONMENT).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let name = argv.join(" ");
    let before = Snapshot::take(reads);
    let (mut child, start) =
        child::start(&mut command).map_err(|cause| Error::Spawn { command: name.clone(), cause })?;
    let mut stdout = Head::new(child.stdout.take().map(OwnedFd::from));
    let mut stderr = Head::new(child.stderr.take().map(OwnedFd::from));
    let ended = wait(child.id(), &mut stdout, &mut stderr);
    let real = start.elapsed();
    let ended = ended.map_err(|cause| Error::Wait { command: name, cause })?;
    let after = Snapshot::take(reads);
    Ok(IterationReport {
        index,
        real: real.as_secs_f64(),
        user: ended.user.as_secs_f64(),
        sys: ended.sys.as_secs_f64(),
        status: ended.status,
        stdout: stdout.rest(),
        stderr: stderr.rest(),
        counters: counters(&ended.usage, reads, &before, &after),
    })
}

/// Waits for the child and takes what it prints meanwhile, so that a full pipe never stops it.
fn wait(pid: u32, stdout: &mut Head, stderr: &mut Head) -> std::io::Result<Ended> {
    // A process that the command leaves behind may keep the pipes open: their end is not that of the command.
    let end = child::end_descriptor(pid);
    let end = || end.as_ref().map_or(Interest::Closed, |end| Interest::Read(end.as_fd()));
    while stdout.is_open() || stderr.is_open() {
        let [has_stdout, has_stderr, has_ended] =
            ready([stdout.interest(), stderr.interest(), end()], PollTimeout::NONE)?;
        if has_ended {
            break;
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

/// The first bytes that come out of a pipe.
struct Head {
    pipe: Option<File>,
    kept: Vec<u8>,
}

impl Head {
    fn new(pipe: Option<OwnedFd>) -> Self {
        Head { pipe: pipe.map(File::from), kept: Vec::new() }
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
            Ok(count) => {
                let room = KEPT.saturating_sub(self.kept.len());
                self.kept.extend(buffer.iter().take(count.min(room)));
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(_) => self.pipe = None,
        }
    }

    /// What was kept, with what is still in the pipe after the end of the command.
    fn rest(mut self) -> String {
        while self.kept.len() < KEPT && matches!(ready([self.interest()], PollTimeout::ZERO), Ok([true])) {
            self.read();
        }
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

    fn run(argv: &[&str]) -> Result<IterationReport, Error> {
        let argv: Vec<String> = argv.iter().map(|&word| word.to_owned()).collect();
        iteration(7, &argv, Reads::OfCommand)
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
    fn says_what_cannot_start() {
        let error = run(&["/no/such/program", "x"]).unwrap_err().to_string();
        assert!(error.starts_with("cannot start /no/such/program x: No such file"), "{error}");
        assert!(matches!(run(&[]), Err(Error::NoCommand)));
    }
}
