//! Files that somebody else names or wrote: pipes, devices, files of the kernel's own, and those that ask for more work than they
//! are long.

use std::path::Path;
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::require;
use crate::support::common::{Lab, wait_for};
use crate::support::need;

const RUN: [&str; 9] = ["run", "memory", "--accel", "tcg", "--vmm", "qemu", "--boots", "1", "--dry-run"];

fn pipe(lab: &Lab) -> String {
    let path = lab.path("pipe");
    mkfifo(&path, Mode::S_IRWXU).expect("a pipe");
    path.display().to_string()
}

#[test]
fn what_is_no_regular_file_is_refused_without_waiting_for_it() {
    require!(need::image(), need::qemu());
    let lab = Lab::without_vms();
    let pipe = pipe(&lab);
    let [add_pipe, add_proc] = [&*pipe, "/proc/self/maps"].map(|path| format!("{path}=/x"));
    let cases: [(&[&str], &str); 19] = [
        (&["fetch", "firecracker", "--from", &pipe], "it is a pipe"),
        (&["fetch", "firecracker", "--from", "/dev/zero"], "it is a device"),
        (&["fetch", "firecracker", "--from", "/proc/self/maps"], "the kernel generates"),
        (&["fetch", "firecracker", "--from", "/"], "it is a directory"),
        (&["import", "/dev/zero"], "it is a device"),
        (&["import", "/"], "no file in it ends in .txt"),
        (&["import", "/proc/self/maps"], "the kernel generates"),
        (&["compare", "/dev/zero", "latest"], "it is a device"),
        (&["run", "--trust-experiment", "--from", "/dev/zero"], "it is a device"),
        (&["run", "--from", "/"], "it is a directory"),
        (&[&RUN[..], &["--kernel", &pipe]].concat(), "it is not a regular file"),
        // It has no end, and as root nothing else at once.
        (&[&RUN[..], &["--kernel", "/proc/kmsg"]].concat(), "/proc/kmsg"),
        (&["run", "memory", "--accel", "tcg", "--contender", "a=qemu,image=/proc/kmsg", "--dry-run"], "/proc/kmsg"),
        (&["runs", "--store", &pipe], "it is a pipe"),
        (&["show", "--store", "/dev/zero"], "it is a device"),
        (&["export", "latest", "--store", "/"], "it is a directory"),
        (&[&RUN[..], &["--payload", &pipe]].concat(), "a regular file"),
        (&[&RUN[..], &["--add", &add_pipe]].concat(), "a regular file"),
        (&[&RUN[..], &["--add", &add_proc]].concat(), "the kernel generates"),
    ];
    for (args, word) in cases {
        let outcome = lab.firebench(args).within(60).run();
        eprintln!("{args:?}\n{outcome}");
        outcome.fails_with_one_of(&[2, 3], &[word]);
    }
}

#[test]
fn a_pipe_is_read_to_its_end_and_a_signal_ends_the_waiting() {
    let lab = Lab::without_vms();
    let pipe = pipe(&lab);
    for args in [&["import", &pipe][..], &["compare", &pipe, &pipe], &["run", "--from", &pipe]] {
        let running = lab.firebench(args).start();
        let waits = || {
            let fds = std::fs::read_dir(format!("/proc/{}/fd", running.pid())).ok()?;
            fds.flatten().find(|fd| std::fs::read_link(fd.path()).is_ok_and(|path| path == Path::new(&pipe)))
        };
        wait_for("the opened pipe", Duration::from_secs(30), waits);
        running.signal(Signal::SIGTERM);
        let outcome = running.within(20).finish_and_leave();
        let ended = outcome.signal() == Some(15) || outcome.status.code() == Some(143);
        assert!(ended, "{args:?} {outcome}");
    }
    let importing = lab.firebench(&["import", &pipe]).start();
    let csv = "contender,boot,iteration,metric,value\na,0,0,real,1\na,1,0,real,2\nb,0,0,real,1\nb,1,0,real,2\n";
    std::fs::write(&pipe, csv).expect("somebody reads");
    importing.within(30).finish_and_leave().ok();
}

#[test]
fn a_signal_while_a_large_file_is_read() {
    require!(need::image(), need::qemu());
    let lab = Lab::without_vms();
    // It has no blocks, so it takes no room; to hash it takes minutes.
    let large = lab.path("large");
    std::fs::File::create(&large).and_then(|file| file.set_len(1 << 40)).expect("a sparse file");
    let running = lab.firebench(&RUN).arg("--add").arg(format!("{}=/x", large.display())).start();
    let reads = || {
        let fds = std::fs::read_dir(format!("/proc/{}/fd", running.pid())).ok()?;
        fds.flatten().find(|fd| std::fs::read_link(fd.path()).is_ok_and(|path| path == large))
    };
    wait_for("the opened file", Duration::from_secs(60), reads);
    running.signal(Signal::SIGTERM);
    running.within(20).finish().stops(143, "stopped by SIGTERM");
}

#[test]
fn a_kernel_with_sixty_thousand_notes_over_the_same_bytes() {
    require!(need::image(), need::qemu());
    let lab = Lab::without_vms();
    let (count, shared) = (60_000_u16, 16_800_000_u64);
    let start = 64 + 56 * (u64::from(count) + 1);
    let mut file = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    file.extend([2_u16, 62].iter().flat_map(|half| half.to_le_bytes()));
    file.extend(1_u32.to_le_bytes());
    file.extend([0_u64, 64, 0].iter().flat_map(|word| word.to_le_bytes()));
    file.extend(0_u32.to_le_bytes());
    file.extend([64_u16, 56, count + 1, 0, 0, 0].iter().flat_map(|half| half.to_le_bytes()));
    for number in 0..=count {
        let (kind, offset, bytes) = if number == 0 { (1_u32, 0, 64) } else { (4, start, shared) };
        file.extend([kind, 4].iter().flat_map(|word| word.to_le_bytes()));
        file.extend([offset, 0, 0, bytes, bytes, 4].iter().flat_map(|word| word.to_le_bytes()));
    }
    file.resize(file.len() + shared as usize, 0);
    file.extend(b"Linux version 6.1.0 (a@b) #1\n\0");
    let kernel = lab.file("kernel", file);
    let outcome = lab.firebench(&RUN).arg("--kernel").arg(&kernel).within(60).run();
    outcome.fails(2, &["its notes have more than 1 MiB"]);
}
