//! What a VM says, and how it ends.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use firebench_supervise::{Exit, Isolation, Output, StartError, Vm};
use firebench_vmm::LaunchFile;
use nix::sys::resource::{UsageWho, getrusage};

use super::{command, next_by, run, script, soon, start};

#[test]
fn console_and_exit() {
    let mut vm = start(&script("echo one; echo two"));
    assert_eq!(run(&mut vm), ("one\ntwo\n".to_owned(), Exit::Code(0)));
    assert_eq!(vm.console_bytes(), 8);
    assert_eq!(vm.next(soon()).expect("next"), Output::Exited(Exit::Code(0)), "as often as asked");
}

#[test]
fn exit_codes_and_signals() {
    assert_eq!(run(&mut start(&script("exit 3"))).1, Exit::Code(3));
    assert_eq!(run(&mut start(&script("kill -SEGV $$"))).1, Exit::Signal(libc::SIGSEGV));
}

#[test]
fn all_of_the_console_comes_before_the_end() {
    // More than a pipe holds, written faster than it is read, with the end right behind it.
    let mut vm = start(&script("head -c 3000000 /dev/zero; echo end"));
    let mut total = 0;
    let mut last = Vec::new();
    let exit = loop {
        match vm.next(soon()).expect("next") {
            Output::Console { bytes, .. } => {
                assert!(!bytes.is_empty() && bytes.len() <= firebench_supervise::supervise::CHUNK);
                total += bytes.len();
                last = bytes;
            }
            Output::Exited(exit) => break exit,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((total, exit), (3_000_004, Exit::Code(0)));
    assert!(last.ends_with(b"end\n"));
}

#[test]
fn the_end_of_the_process_counts_and_not_that_of_its_pipe() {
    // A grandchild holds the console open. It goes with its parent.
    let begin = Instant::now();
    let mut vm = start(&script("sleep 1000 & echo $!; exit 4"));
    let (console, exit) = run(&mut vm);
    assert_eq!(exit, Exit::Code(4));
    assert!(begin.elapsed() < Duration::from_secs(500), "the grandchild's end was waited for");
    let sleeper = super::process_id(&console);
    super::eventually("the grandchild ends", || !super::lives(sleeper));
}

#[test]
fn a_console_that_closes_early_is_not_the_end() {
    let mut vm = start(&script("echo bye; exec >&- 2>&-; sleep 0.2; exit 5"));
    assert_eq!(run(&mut vm), ("bye\n".to_owned(), Exit::Code(5)));
}

/// Tells a script that it may go on, by a file.
struct Sign(tempfile::TempDir);

impl Sign {
    fn new() -> Sign {
        Sign(tempfile::tempdir().expect("a directory"))
    }

    /// Says `text` when the sign is given.
    fn then_say(&self, text: &str) -> String {
        format!("while [ ! -e {}/go ]; do sleep 0.01; done; echo {text}", self.0.path().display())
    }

    fn give(&self) {
        std::fs::write(self.0.path().join("go"), "").expect("a file");
    }
}

#[test]
fn output_is_stamped_when_it_arrives() {
    let sign = Sign::new();
    let begin = Instant::now();
    let mut vm = start(&script(&format!("echo a; {}", sign.then_say("b"))));
    let mut stamp = || match vm.next(soon()).expect("next") {
        Output::Console { at, .. } => at,
        other => panic!("{other:?}"),
    };
    let first = stamp();
    let between = Instant::now();
    sign.give();
    let second = stamp();
    assert!(begin <= first && first <= between && between <= second && second <= Instant::now());
}

#[test]
fn a_deadline_is_kept_and_the_vm_lives_on() {
    let sign = Sign::new();
    let mut vm = start(&script(&sign.then_say("late")));
    let begin = Instant::now();
    assert_eq!(next_by(&mut vm, begin + Duration::from_millis(100)), Output::Deadline);
    assert!(begin.elapsed() >= Duration::from_millis(100));
    sign.give();
    assert_eq!(run(&mut vm), ("late\n".to_owned(), Exit::Code(0)));
}

#[test]
fn waiting_costs_nothing() {
    let mut vm = start(&script("sleep 1000"));
    let cpu = || {
        let usage = getrusage(UsageWho::RUSAGE_THREAD).expect("usage");
        let micros = |time: nix::sys::time::TimeVal| time.tv_sec() * 1_000_000 + time.tv_usec();
        micros(usage.user_time()) + micros(usage.system_time())
    };
    let before = cpu();
    assert_eq!(next_by(&mut vm, Instant::now() + Duration::from_secs(1)), Output::Deadline);
    let used = cpu() - before;
    assert!(used < 10_000, "{used} microseconds of a second, more than 1%");
}

#[test]
fn a_console_of_single_bytes_wakes_nobody_for_each() {
    let begin = Instant::now();
    let mut vm = start(&script("i=0; while [ $i -lt 20000 ]; do printf x; i=$((i+1)); done"));
    let mut chunks = 0;
    while let Output::Console { .. } = vm.next(soon()).expect("next") {
        chunks += 1;
    }
    assert_eq!(vm.console_bytes(), 20_000);
    let most = begin.elapsed().as_millis() / firebench_supervise::supervise::REST.as_millis() + 2;
    assert!(chunks <= most, "{chunks} chunks, at most {most} expected");
}

#[test]
fn a_flood_is_stopped() {
    for text in ["yes", "yes >&2"] {
        let isolation = Isolation { output_limit: 1 << 20, ..Isolation::default() };
        let mut vm = Vm::start(&script(text), &isolation).expect("starts");
        let end = loop {
            match vm.next(soon()).expect("next") {
                Output::Console { .. } | Output::Stalled(_) => {}
                other => break other,
            }
        };
        assert_eq!(end, Output::Flooded);
        assert_eq!(vm.next(soon()).expect("next"), Output::Flooded, "for good");
        assert!(vm.console_bytes() <= (1 << 20) + firebench_supervise::supervise::CHUNK as u64);
        assert!(vm.stderr_tail().len() <= 16 * 1024);
        assert_eq!(vm.kill().expect("kill"), Exit::Signal(libc::SIGKILL));
    }
}

#[test]
fn the_last_words_are_kept() {
    let mut vm = start(&script("head -c 100000 /dev/zero | tr '\\0' x >&2; echo 'cannot go on' >&2; exit 1"));
    assert_eq!(run(&mut vm), (String::new(), Exit::Code(1)));
    let tail = vm.stderr_tail();
    assert_eq!(tail.len(), 16 * 1024);
    assert!(tail.ends_with("xcannot go on\n"));
}

#[test]
fn files_are_written_and_the_log_is_read() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let (config, log) = (directory.path().join("config"), directory.path().join("log"));
    let mut launch = script(&format!("cat {}; echo broken > {}", config.display(), log.display()));
    launch.files.push(LaunchFile { path: config, contents: "{}\n".to_owned() });
    launch.log = Some(log);
    let mut vm = start(&launch);
    assert_eq!(run(&mut vm).0, "{}\n");
    assert_eq!(vm.log_tail().as_deref(), Some("broken\n"));
    assert_eq!(start(&script("true")).log_tail(), None, "a launch without a log");
    launch.files[0].path = directory.path().join("missing/config");
    let error = Vm::start(&launch, &Isolation::default()).expect_err("no directory");
    assert!(matches!(error, StartError::Write { .. }), "{error:?}");
}

#[test]
fn what_it_used_is_told_at_its_end() {
    let mut vm = start(&script("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"));
    assert_eq!(vm.resources(), None);
    assert_eq!(run(&mut vm).1, Exit::Code(0));
    let usage = vm.resources().expect("ended");
    assert!(usage.user > Duration::from_millis(10), "{usage:?}");
    assert!(usage.user + usage.sys < Duration::from_secs(20), "{usage:?}");
    assert!(usage.max_rss_kib > 500, "{usage:?}");
}

#[test]
fn an_interrupt_comes_first() {
    let (reader, writer) = std::os::unix::net::UnixStream::pair().expect("pair");
    let isolation = Isolation { interrupt: Some(reader.as_fd()), ..Isolation::default() };
    let mut vm = Vm::start(&script("yes"), &isolation).expect("starts");
    assert!(matches!(vm.next(soon()).expect("next"), Output::Console { .. }));
    std::io::Write::write_all(&mut &writer, b"!").expect("write");
    assert_eq!(vm.next(soon()).expect("next"), Output::Interrupted);
    assert_eq!(vm.next(soon()).expect("next"), Output::Interrupted, "for good");
}

#[test]
fn a_program_that_cannot_run_is_named() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let text = directory.path().join("text");
    std::fs::write(&text, "no program").expect("write");
    let text = text.to_str().expect("text");
    for (program, code) in [("/no/such/vmm", libc::ENOENT), (text, libc::EACCES)] {
        match Vm::start(&command(&[program]), &Isolation::default()) {
            Err(StartError::Program { program: named, source, help }) => {
                assert_eq!((named.as_str(), source.raw_os_error()), (program, Some(code)));
                assert!(help.is_some());
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(matches!(Vm::start(&command(&[]), &Isolation::default()), Err(StartError::Empty)));
}

#[test]
fn a_program_that_somebody_still_writes_starts_when_it_is_free() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let program = dir.path().join("vmm");
    std::fs::copy("/bin/echo", &program).expect("a copy");
    let writer = std::fs::File::options().append(true).open(&program).expect("ours");
    let free = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        drop(writer);
    });
    let mut vm = start(&command(&[program.to_str().expect("text"), "free"]));
    free.join().expect("a thread");
    assert_eq!(run(&mut vm), ("free\n".to_owned(), Exit::Code(0)));
}

#[test]
fn whoever_was_away_is_told_so_before_what_was_said_meanwhile() {
    let mut vm = Vm::start(
        &script("echo before; sleep 0.2; echo meanwhile; sleep 20"),
        &Isolation { lateness: Duration::from_millis(300), ..Isolation::default() },
    )
    .expect("starts");
    // Whatever a busy computer adds.
    let console = |vm: &mut Vm| loop {
        match vm.next(soon()).expect("next") {
            Output::Console { bytes, .. } => break String::from_utf8(bytes).expect("text"),
            Output::Stalled(_) => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(console(&mut vm), "before\n");
    std::thread::sleep(Duration::from_millis(900));
    match vm.next(soon()).expect("next") {
        Output::Stalled(span) => assert!(span >= Duration::from_millis(900), "{span:?}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(console(&mut vm), "meanwhile\n");
}

#[test]
fn a_long_silence_is_none_of_the_watchers() {
    let mut vm = start(&script("sleep 20"));
    // Longer than one sleep of the watcher.
    let deadline = Instant::now() + Duration::from_millis(1200);
    loop {
        match vm.next(deadline).expect("next") {
            Output::Deadline => break,
            Output::Stalled(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(Instant::now() >= deadline);
}
