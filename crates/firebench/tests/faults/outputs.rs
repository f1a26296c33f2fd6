//! Nobody takes what firebench says: closed pipes, full devices, descriptors that are not there, a terminal that hangs up.

use std::fs::File;
use std::io::Read;
use std::os::unix::process::CommandExt;
use std::time::{Duration, Instant};

use firebench_model::record::{BootStatus, Report};
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::pty::openpty;

use crate::own::{assert_goes_on, blocks, earlier, run, shell};
use crate::require;
use crate::support::common::{Lab, SOON};
use crate::support::invocation::report;
use crate::support::need;

fn good(report: &Report) -> usize {
    let boots = report.contenders.iter().flat_map(|contender| &contender.boots);
    boots.filter(|boot| boot.status == BootStatus::Ok).count()
}

#[test]
fn a_reader_that_goes_away() {
    require!(need::image());
    let lab = Lab::without_vms();
    let out = lab.path("out");
    let script = r#"{ $FIREBENCH $RUN --out "$OUT"; echo "code $?" >&2; } | head -n 1"#;
    let outcome = shell(&lab, 3, script).env("OUT", &out).run().ok();
    assert!(outcome.stdout.starts_with("firebench memory") && outcome.stdout.lines().count() == 1, "{outcome}");
    assert!(outcome.stderr.ends_with("code 0\n"), "{outcome}");
    assert_eq!(good(&report(&out)), 3);
}

#[test]
fn a_reader_of_standard_error_that_goes_away() {
    require!(need::image());
    let lab = Lab::without_vms();
    let out = lab.path("out");
    // With SIGPIPE ignored, and as it is by default.
    for trap in ["trap '' PIPE", "trap - PIPE"] {
        let script =
            format!(r#"exec 3>&1; {trap}; {{ $FIREBENCH $RUN --out "$OUT" 2>&1 >&3; echo "code $?" >&3; }} | true"#);
        let outcome = shell(&lab, 3, &script).env("OUT", &out).run().ok();
        assert!(outcome.stdout.ends_with("code 0\n"), "{outcome}");
        assert_eq!(good(&report(&out)), 3);
        std::fs::remove_dir_all(&out).expect("ours");
    }
}

#[test]
fn standard_output_on_a_full_device() {
    require!(need::image());
    let lab = Lab::without_vms();
    let out = lab.path("out");
    let compare = format!("compare latest {}", earlier(&lab).display());
    let outcome = shell(&lab, 3, r#"$FIREBENCH $RUN --out "$OUT" > /dev/full"#).env("OUT", &out).run();
    outcome.fails(3, &["cannot write the output", "No space left on device"]);
    assert_eq!(good(&report(&out)), 3, "the files are written all the same");
    assert_eq!(blocks(&lab), [0, 1, 2]);
    for command in ["runs", "show", "export", "export --format csv", "export --format jsonl", &compare] {
        let outcome = shell(&lab, 1, &format!("$FIREBENCH {command} > /dev/full")).run();
        outcome.fails(3, &["cannot write the", "No space left on device"]);
    }
}

#[test]
fn standard_error_on_a_full_device() {
    require!(need::image());
    let lab = Lab::without_vms();
    let outcome = shell(&lab, 3, "$FIREBENCH $RUN 2> /dev/full").run().ok();
    assert!(outcome.stdout.contains("good boots"), "{outcome}");
    // An error that cannot be told is still an exit code.
    let outcome = shell(&lab, 3, "$FIREBENCH $RUN --qemu /nonexistent --vmm qemu 2> /dev/full").run();
    assert_eq!(outcome.status.code(), Some(2), "{outcome}");
    let outcome = shell(&lab, 3, "PATH=/nonexistent $FIREBENCH run memory --accel tcg 2> /dev/full").run();
    assert_eq!(outcome.status.code(), Some(3), "{outcome}");
}

#[test]
fn no_standard_descriptors_at_all() {
    require!(need::image());
    let lab = Lab::without_vms();
    let out = lab.path("out");
    shell(&lab, 3, r#"exec $FIREBENCH $RUN --out "$OUT" <&- >&- 2>&-"#).env("OUT", &out).run().ok();
    assert_eq!(good(&report(&out)), 3);
    assert_goes_nowhere_wrong(&lab);
}

/// What was written to standard output did not go into a file that got its number.
fn assert_goes_nowhere_wrong(lab: &Lab) {
    crate::own::assert_whole(&lab.store());
    assert_eq!(blocks(lab), [0, 1, 2]);
}

#[test]
fn a_terminal_that_hangs_up() {
    require!(need::image());
    let lab = Lab::without_vms();
    let terminal = openpty(None, None).expect("a pseudo terminal");
    // Else firebench would keep its own terminal open.
    fcntl(&terminal.master, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).expect("a descriptor");
    let mut command = run(&lab, 40).into_command();
    let slave = || terminal.slave.try_clone().expect("a descriptor");
    command.stdin(slave()).stdout(slave()).stderr(slave());
    // SAFETY: two system calls, async-signal-safe, without memory of ours.
    unsafe {
        command.pre_exec(|| {
            // It becomes the process that gets SIGHUP when the terminal goes.
            if libc::setsid() < 0 || libc::ioctl(0, libc::TIOCSCTTY, 0) < 0 {
                return Err(std::io::Error::last_os_error());
            }
            Ok(())
        })
    };
    let mut child = command.spawn().expect("firebench starts");
    drop(command);
    drop(terminal.slave);
    let mut master = File::from(terminal.master);
    let mut shown = String::new();
    while !shown.contains("block 2 of 40  up in") {
        let mut bytes = [0; 4096];
        let count = master.read(&mut bytes).expect("the terminal");
        shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    drop(master);
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child") {
            break status;
        }
        assert!(begun.elapsed() < SOON, "it goes on without its terminal");
        std::thread::sleep(Duration::from_millis(10));
    };
    assert_eq!(status.code(), Some(129), "{status}");
    lab.assert_nothing_left(child.id());
    assert_goes_on(&lab, 2, 40);
}
