//! Runs a command as if it were a VMM: `supervise [--jail] BASE COMMAND...`, with its run directory below BASE; with `--jail`
//! as one that becomes another user.
//!
//! Copies its console to standard output, and tells on standard error what holds it and how it ended. The tests kill
//! this program in order to see what it leaves.
#![allow(clippy::arithmetic_side_effects, reason = "a program for tests")]

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use firebench_supervise::{Interrupt, Isolation, Output, RunDir, Vm};
use firebench_vmm::{Jail, Launch, firecracker};
use miette::IntoDiagnostic;

fn main() -> miette::Result<()> {
    let mut arguments = std::env::args().skip(1).peekable();
    let jailed = arguments.next_if_eq("--jail").is_some();
    let base = arguments.next().ok_or_else(|| miette::miette!("usage: supervise [--jail] BASE COMMAND..."))?;
    let mut launch = Launch { argv: arguments.collect(), ..Launch::default() };
    let interrupt = Interrupt::install().into_diagnostic()?;
    let run_dir = RunDir::create(Path::new(&base))?;
    if jailed {
        let directory = run_dir.boot_dir(0).into_diagnostic()?;
        let jail = Jail { root: directory.join("root"), id: firecracker::JAILED_ID, files: Vec::new() };
        launch = Launch { directory: Some(directory), jail: Some(jail), ..launch };
    }
    let isolation = Isolation { run_dir: Some(&run_dir), interrupt: Some(interrupt.fd()), ..Isolation::default() };
    let mut vm = Vm::start(&launch, &isolation)?;
    eprintln!("pid {}", vm.pid());
    eprintln!("{:?}", vm.confinement());
    let mut stdout = std::io::stdout().lock();
    let exit = loop {
        match vm.next(Instant::now() + Duration::from_secs(60)).into_diagnostic()? {
            Output::Console { bytes, .. } => {
                stdout.write_all(&bytes).into_diagnostic()?;
                stdout.flush().into_diagnostic()?;
            }
            Output::Exited(exit) => break exit,
            Output::Deadline => {}
            Output::Stalled(span) => eprintln!("stalled for {span:?}"),
            Output::Interrupted => {
                eprintln!("signal {:?}", interrupt.signal());
                break vm.kill().into_diagnostic()?;
            }
            Output::Refused(refusal) => return Err(refusal.into()),
            Output::Flooded => break vm.kill().into_diagnostic()?,
        }
    };
    eprint!("{}", vm.stderr_tail());
    eprintln!("{exit}, {:?}", vm.resources());
    Ok(())
}
