//! Questions to programs that answer with something else.

use std::path::Path;
use std::time::Duration;

use firebench_supervise::Exit;
use firebench_supervise::probe::{Answer, ProbeError, ask};

use super::confinement::has_namespaces;
use super::{eventually, script, start};

const LIMIT: Duration = Duration::from_secs(20);

fn shell(text: &str) -> Result<Answer, ProbeError> {
    ask(Path::new("/bin/sh"), None, &["-c", text], LIMIT)
}

fn said(text: &str) -> String {
    let answer = shell(text).expect("an answer");
    assert!(answer.exit.success(), "{answer:?}");
    String::from_utf8(answer.stdout).expect("text")
}

/// Whether this machine lets a program be held as these tests want it.
fn held() -> bool {
    let held = has_namespaces(&start(&script("true")));
    if !held {
        eprintln!("NOT TESTED, no namespaces: what a program that is asked can do");
    }
    held
}

/// Processes with `word` in their command line.
fn processes(word: &str) -> usize {
    let entries = std::fs::read_dir("/proc").expect("/proc").flatten();
    let commands = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    commands.filter(|command| String::from_utf8_lossy(command).split('\0').any(|argument| argument == word)).count()
}

#[test]
fn an_answer_has_both_outputs_and_the_end() {
    let answer = shell("echo out; echo err >&2; exit 3").expect("an answer");
    assert_eq!((answer.stdout, answer.stderr, answer.exit), (b"out\n".to_vec(), "err\n".to_owned(), Exit::Code(3)));
}

#[test]
fn a_program_that_is_not_there_is_an_error() {
    let error = ask(Path::new("/nowhere/program"), None, &[], LIMIT).expect_err("nothing there");
    assert_eq!(error.to_string(), "cannot run /nowhere/program");
}

#[test]
fn it_sees_nothing_of_the_environment() {
    let names = said("env | cut -d = -f 1 | grep -v -x -e PWD -e _ -e SHLVL -e OLDPWD | sort | tr '\\n' ' '");
    assert_eq!(names, "HOME LANG PATH TMPDIR ");
}

#[test]
fn what_it_leaves_in_a_session_of_its_own_ends_with_it() {
    if !held() {
        return;
    }
    let word = format!("1000.{}", std::process::id());
    said(&format!("setsid sh -c 'trap \"\" HUP TERM; sleep {word}' > /dev/null 2>&1 & sleep 0.1; echo done"));
    assert_eq!(processes(&word), 0, "gone as soon as the answer is there");
    // Also when it holds its outputs open, and when the program itself does not end.
    let error =
        ask(Path::new("/bin/sh"), None, &["-c", &format!("setsid sleep {word} & wait")], Duration::from_millis(300));
    assert!(matches!(error, Err(ProbeError::TooLong(_))), "{error:?}");
    assert_eq!(processes(&word), 0);
}

#[test]
fn it_ends_with_the_thread_that_asked() {
    if !held() {
        return;
    }
    let word = format!("2000.{}", std::process::id());
    let launch = firebench_vmm::Launch { probe: true, ..script(&format!("setsid sleep {word} & sleep {word}")) };
    let vm = std::thread::spawn(move || {
        let vm = start(&launch);
        assert!(vm.confinement().process_namespace, "{:?}", vm.confinement());
        vm
    });
    let _vm = vm.join().expect("thread");
    eventually("the kernel ends all of it", || processes(&word) == 0);
}

#[test]
fn it_writes_nowhere_and_cannot_undo_what_holds_it() {
    if !held() {
        return;
    }
    let outside = tempfile::tempdir().expect("temporary directory");
    let place = outside.path().display();
    let text = format!(
        "for file in {place}/file /tmp/firebench-probe-$$ /etc/firebench-probe-$$ /proc/self/comm /dev/firebench-probe; do
            echo x 2> /dev/null > $file && echo wrote to $file
        done
        mount -o remount,rw / 2> /dev/null && echo mounted
        umount -l $TMPDIR 2> /dev/null && echo unmounted
        for device in /dev/zero /dev/kvm /dev/net/tun /dev/sda /dev/vda; do
            head -c 1 $device > /dev/null 2>&1 && echo read $device
        done
        echo x > /dev/null && echo x > $TMPDIR/file && cat $TMPDIR/file
        grep -c : /proc/net/dev
        grep -e CapEff -e NoNewPrivs /proc/self/status | cut -f 2"
    );
    let said = said(&text);
    let rights = if nix::unistd::geteuid().is_root() { "0000000000000004" } else { "0000000000000000" };
    assert_eq!(said, format!("x\n1\n{rights}\n1\n"), "one network device, the right to read, no new ones");
    assert_eq!(std::fs::read_dir(outside.path()).expect("list").count(), 0);
}

#[test]
fn it_can_fill_nothing_and_does_not_talk_for_ever() {
    if !held() {
        return;
    }
    let text = "yes > $TMPDIR/full; yes > $TMPDIR/too; du -m $TMPDIR | cut -f 1";
    let megabytes: u32 = said(text).trim().parse().expect("a number");
    assert!(megabytes <= 16, "{megabytes}");
    let error = shell("exec yes").expect_err("too much");
    assert!(matches!(error, ProbeError::TooMuch), "{error:?}");
}
