//! The host control as a process: a job in, frames out.
#![cfg(test)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use firebench_protocol::codec::{Decoder, Item};
use firebench_protocol::{Event, HostJob, IterationReport, Moment, PROTOCOL_VERSION, Task};
use tempfile::TempDir;

const AGENT: &str = env!("CARGO_BIN_EXE_firebench-agent");
const NONCE: &str = "0123456789abcdef";

fn job(argv: &[&str]) -> HostJob {
    HostJob {
        protocol: PROTOCOL_VERSION,
        nonce: NONCE.to_owned(),
        task: Task::new(argv.iter().map(|&word| word.to_owned()).collect()),
        iterations: 1,
        cold: false,
        evict: Vec::new(),
    }
}

/// A directory with the job in it, and the job's path.
fn written(job: &HostJob) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("temporary directory");
    let path = directory.path().join("job.json");
    std::fs::write(&path, serde_json::to_string(job).expect("JSON")).expect("write");
    (directory, path)
}

/// All that the agent reports, and how it ends.
fn run(job: &HostJob) -> (Vec<Event>, ExitStatus) {
    let (_directory, path) = written(job);
    let output = Command::new(AGENT).arg("host").arg(path).output().expect("agent");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let mut events = Vec::new();
    let mut keep = |item| match item {
        Item::Event { seq, event } => {
            assert_eq!(seq as usize, events.len());
            events.push(event);
        }
        other => panic!("{other:?}"),
    };
    let mut decoder = Decoder::new(NONCE);
    decoder.push(&output.stdout, &mut keep);
    decoder.finish(&mut keep);
    (events, output.status)
}

/// The reports of the iterations of a job that is done well.
fn iterations(job: &HostJob) -> Vec<IterationReport> {
    let (events, status) = run(job);
    assert!(status.success() && events.last() == Some(&Event::Done), "{status}, {events:?}");
    let report = |event| if let Event::Iteration(report) = event { Some(*report) } else { None };
    events.into_iter().filter_map(report).collect()
}

/// The last words of a job that fails.
fn failure(job: &HostJob) -> String {
    let (mut events, status) = run(job);
    assert_eq!(status.code(), Some(1));
    match events.pop() {
        Some(Event::Failed { message }) => message,
        other => panic!("{other:?} after {events:?}"),
    }
}

#[test]
fn the_events_are_those_of_a_guest() {
    let (events, status) = run(&HostJob { iterations: 2, ..job(&["/bin/true"]) });
    assert_eq!(status.code(), Some(0));
    let [hello, facts, before, first, one, second, two, after, done] = events.as_slice() else { panic!("{events:?}") };
    assert!(matches!(hello, Event::Hello { protocol: PROTOCOL_VERSION, uptime, .. } if *uptime > 0.0), "{hello:?}");
    let Event::Facts(facts) = facts else { panic!("{facts:?}") };
    assert_eq!(facts.cpu.online as usize, std::thread::available_parallelism().expect("CPUs").get());
    assert!(facts.block.is_empty() && facts.modules.is_empty() && !facts.cpu.flags.is_empty(), "{facts:?}");
    for (event, expected) in [(before, Moment::Before), (after, Moment::After)] {
        let Event::Meminfo { moment, text } = event else { panic!("{event:?}") };
        assert_eq!(*moment, expected);
        let total = text.lines().find_map(|line| line.strip_prefix("MemTotal:")).expect("MemTotal");
        assert_eq!(total.trim(), format!("{} kB", facts.mem_total_bytes / 1024), "that of the machine");
    }
    assert_eq!((first, second), (&Event::IterationStart { index: 0 }, &Event::IterationStart { index: 1 }));
    for (index, event) in [(0, one), (1, two)] {
        let Event::Iteration(report) = event else { panic!("{event:?}") };
        assert_eq!((report.index, report.status), (index, 0));
        assert!(report.real > 0.0 && report.counters.minor_faults > 0, "{report:?}");
    }
    assert_eq!(done, &Event::Done);
}

#[test]
fn a_command_that_fails_is_reported_as_by_a_guest() {
    let reports = iterations(&job(&["/bin/sh", "-c", "pwd; echo oops >&2; exit 3"]));
    assert_eq!((reports[0].status, reports[0].stdout.as_str(), reports[0].stderr.as_str()), (3, "/\n", "oops\n"));
}

#[test]
fn what_cannot_be_done_is_told() {
    let message = failure(&job(&["/no/such/program"]));
    assert!(message.starts_with("cannot start /no/such/program: No such file"), "{message}");
    assert_eq!(failure(&HostJob { iterations: 0, ..job(&["/bin/true"]) }), "the job does not have an iteration");
    let message = failure(&HostJob { protocol: 99, ..job(&["/bin/true"]) });
    assert!(message.starts_with("the job uses protocol 99"), "{message}");
    let evict = vec![PathBuf::from("/no/such/file")];
    let message = failure(&HostJob { cold: true, evict: evict.clone(), ..job(&["/bin/true"]) });
    assert!(message.starts_with("cannot drop /no/such/file from the page cache: No such file"), "{message}");
    assert_eq!(iterations(&HostJob { cold: false, evict, ..job(&["/bin/true"]) }).len(), 1, "warm: nothing to drop");
}

#[test]
fn without_a_job_there_is_no_frame() {
    let (directory, path) = written(&job(&["/bin/true"]));
    std::fs::write(&path, "{\"protocol\": 1, \"unknown\": 2}").expect("write");
    let missing = directory.path().join("missing.json");
    for (arguments, code, words) in [
        (vec!["host".as_ref(), path.as_os_str()], 1, "cannot read the job: unknown field `unknown`"),
        (vec!["host".as_ref(), missing.as_os_str()], 1, "missing.json: No such file"),
        (vec!["host".as_ref()], 2, "only works as the first process"),
        (vec![], 2, "only works as the first process"),
    ] {
        let output = Command::new(AGENT).args(&arguments).output().expect("agent");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(output.stdout.is_empty() && stderr.contains(words), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_cold_iteration_reads_its_file_from_the_disk() {
    const SIZE: u64 = 6 << 20;
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("temporary directory");
    let file = directory.path().join("payload");
    std::fs::write(&file, vec![7; SIZE as usize]).expect("write");
    let cat = job(&["/bin/cat", file.to_str().expect("text")]);
    let cold = HostJob { iterations: 3, cold: true, evict: vec![file.clone()], ..cat };
    let (events, _) = run(&cold);
    if events.iter().any(|event| matches!(event, Event::Facts(facts) if facts.block.is_empty())) {
        return eprintln!("NOT TESTED, {file:?} lies on no disk of its own: that a cold iteration reads from it");
    }
    let reads =
        |job: &HostJob| iterations(job).iter().map(|report| report.counters.disk_read_bytes).collect::<Vec<_>>();
    assert!(reads(&cold).iter().all(|bytes| (SIZE..2 * SIZE).contains(bytes)), "{:?}", reads(&cold));
    assert_eq!(reads(&HostJob { cold: false, ..cold })[1..], [0, 0], "warm");
}

/// Whether a process runs; zombies do not.
fn lives(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// A shell that has started the agent with `job` in a session of its own, and what they say: first the agent's process id.
fn under_a_shell(job: &Path) -> (Child, BufReader<ChildStdout>) {
    let script = "setsid sh -c 'echo $$; exec \"$0\" host \"$1\"' \"$0\" \"$1\" & wait";
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script, AGENT]).arg(job).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut shell = command.spawn().expect("sh");
    let stdout = BufReader::new(shell.stdout.take().expect("piped"));
    (shell, stdout)
}

#[test]
fn the_command_dies_with_whoever_started_the_agent() {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("temporary directory");
    let pid_file = directory.path().join("pid");
    let script = format!("echo $$ > {0}.new && mv {0}.new {0}; exec sleep 60", pid_file.display());
    let (_job, path) = written(&job(&["/bin/sh", "-c", &script]));
    let (mut shell, mut stdout) = under_a_shell(&path);
    let mut agent = String::new();
    stdout.read_line(&mut agent).expect("line");
    let end = Instant::now() + Duration::from_secs(20);
    while !pid_file.exists() {
        assert!(Instant::now() < end, "the command never started");
        std::thread::sleep(Duration::from_millis(5));
    }
    let command = std::fs::read_to_string(&pid_file).expect("text");
    let pids = [agent.trim(), command.trim()];
    assert!(pids.iter().all(|pid| lives(pid)), "{pids:?}");
    shell.kill().expect("kill");
    shell.wait().expect("wait");
    while pids.iter().any(|pid| lives(pid)) {
        assert!(Instant::now() < end, "never ends: {pids:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn the_agent_itself_is_a_command_that_reads_in_blocks() {
    const SIZE: usize = 16 << 20;
    const PAGES: u64 = 4096;
    // The FIPS 180-4 digest of so many zeros, as sha256sum prints it.
    const DIGEST: &str = "080acf35a507ac9849cfcba47dc2ad83e01b75663a516279c8b9d243b719643e";
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("temporary directory");
    let file = directory.path().join("payload");
    std::fs::write(&file, vec![0; SIZE]).expect("write");
    let file = file.to_str().expect("text");
    let run = |block: usize| {
        let block = block.to_string();
        let reports = iterations(&job(&["firebench-agent", "sha256sum", "--block", &block, file]));
        let report = reports.into_iter().next().expect("an iteration");
        assert_eq!((report.status, report.stderr.as_str()), (0, ""));
        assert_eq!(report.stdout, format!("{DIGEST}  {file}\n"));
        report.counters.minor_faults
    };
    let (small, large) = (run(4096), run(SIZE));
    // One buffer of the size of the block, of new pages of 4 KiB each; a few pages more or less are those of the allocator and of how
    // the program was loaded. AddressSanitizer keeps account of them in pages of its own.
    assert!((PAGES - PAGES / 8..PAGES + PAGES / 2).contains(&(large - small)), "{small} {large}");
}

#[test]
fn a_block_that_cannot_be_is_told() {
    for (arguments, words) in [
        (["firebench-agent", "sha256sum", "--block", "0", "/dev/null"], "invalid size of a block: 0"),
        (["firebench-agent", "sha256sum", "--block", "4096", "/no/such/file"], "/no/such/file: No such file"),
    ] {
        let report = iterations(&job(&arguments)).into_iter().next().expect("an iteration");
        assert_eq!((report.status, report.stdout.as_str()), (1, ""));
        assert!(report.stderr.contains(words), "{}", report.stderr);
    }
}

#[test]
fn a_buffer_is_hashed_in_a_loop() {
    let loops = |options: &[&str]| {
        let words = ["firebench-agent", "hash-loop"].iter().chain(options).copied().collect::<Vec<_>>();
        iterations(&job(&words)).into_iter().next().expect("an iteration")
    };
    // Three rounds over the first MiB of SplitMix64 with seed 1, by hashlib of Python.
    const DIGEST: &str = "545b9c05eb5dafbcf518c198392bf912b1e1e8a0c1263b809bd8913270172f4c\n";
    let report = loops(&["--bytes", "1048576", "--rounds", "3", "--seed", "1"]);
    assert_eq!((report.status, report.stdout.as_str(), report.stderr.as_str()), (0, DIGEST, ""));
    for (options, words) in [
        (&["--bytes", "1048576"][..], "cannot hash in a loop as \"--bytes 1048576\" says"),
        (
            &["--bytes", "9000000000000000000", "--rounds", "1", "--seed", "1"],
            "no room for a buffer of 9000000000000000000 bytes",
        ),
    ] {
        let report = loops(options);
        assert_eq!((report.status, report.stdout.as_str()), (1, ""));
        assert!(report.stderr.contains(words), "{}", report.stderr);
    }
}
