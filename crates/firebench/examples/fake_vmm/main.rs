//! A VMM without a VM, for tests: it takes the command line of QEMU, Firecracker or another, reads the job out of the initramfs that it
//! is given, and answers as a guest's agent would, in milliseconds. It takes the command line of the agent on the bare host,
//! too.
//!
//! What it answers, and what it does wrong, stands beside it in a file of its own name and `.json`: see [`Script`].
#![allow(clippy::arithmetic_side_effects, reason = "a program for tests")]

mod api;
mod arguments;
mod choice;
#[expect(unsafe_code, reason = "a system call that nix does not wrap")]
mod guest;
mod process;
mod script;

use std::time::{Duration, Instant};

use firebench_protocol::{Counters, Event, IterationReport, Moment as Reading, PROTOCOL_VERSION};
use guest::Guest;
use process::misbehave;
use script::{Moment, Script, Vmm};

/// What comes of anything that it does.
type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let args: Vec<String> = std::env::args().collect();
    if let [_, argument] = args.as_slice() {
        if [process::CHILD, process::DAEMON].contains(&argument.as_str()) {
            return process::live(argument);
        }
    }
    let own = std::env::current_exe()?;
    let script: Script = serde_json::from_slice(&std::fs::read(own.with_extension("json"))?)?;
    let asks = |arg: &String| arg == "--version" || (arg == "version" && matches!(script.vmm, Vmm::Crosvm));
    if args.iter().any(asks) {
        println!("{}", version(script.vmm));
        return Ok(());
    }
    let Script { boot_ms, iteration_ms, clock, .. } = script;
    let digest = script.digest.clone();
    let (start, misdeeds) = match api::Api::of(&args) {
        Some(api) => {
            let misdeeds = script.of_boot(api.boot());
            (api.start(&misdeeds)?, misdeeds)
        }
        None => {
            let start = arguments::read(&args)?;
            let misdeeds = script.of_boot(start.boot);
            (start, misdeeds)
        }
    };
    let mut guest = Guest::new(start.nonce.clone(), &misdeeds);

    std::thread::sleep(Duration::from_millis(boot_ms));
    misbehave(Moment::Boot, &misdeeds, &start, &mut guest)?;
    let meminfo = |moment| Event::Meminfo { moment, text: "MemTotal: 500000 kB\n".to_owned() };
    guest.tell(&Event::Hello { protocol: PROTOCOL_VERSION, agent: "fake".to_owned(), uptime: 0.0, awake: 0.0 })?;
    guest.tell(&Event::Facts(Box::default()))?;
    guest.tell(&meminfo(Reading::Before))?;
    misbehave(Moment::Prepared, &misdeeds, &start, &mut guest)?;
    for index in 0..start.iterations {
        guest.tell(&Event::IterationStart { index })?;
        guest::drain()?;
        let (begun, used) = (Instant::now(), process::cpu_seconds()?);
        std::thread::sleep(Duration::from_millis(iteration_ms));
        if index == 0 {
            misbehave(Moment::Iteration, &misdeeds, &start, &mut guest)?;
        }
        let real = begun.elapsed().as_secs_f64() * clock;
        guest.tell(&Event::Iteration(Box::new(IterationReport {
            index,
            real,
            user: process::cpu_seconds()? - used,
            sys: 0.0,
            status: 0,
            stdout: format!("{digest}  /random.txt\n"),
            stderr: String::new(),
            stdout_bytes: 0,
            stdout_sha256: None,
            counters: Counters::default(),
        })))?;
    }
    guest.tell(&meminfo(Reading::After))?;
    guest.tell(&Event::Done)?;
    misbehave(Moment::PowerOff, &misdeeds, &start, &mut guest)
}

fn version(vmm: Vmm) -> &'static str {
    match vmm {
        Vmm::Qemu => "QEMU emulator version 99.0.0 (a fake)",
        Vmm::Firecracker => "Firecracker v99.0.0",
        Vmm::CloudHypervisor => "cloud-hypervisor v99.0.0",
        Vmm::Crosvm => "crosvm 99.0.0",
        Vmm::Kvmtool => "kvm tool 99.0.0",
        Vmm::Libkrun => "libkrun 99.0.0 (a fake)",
    }
}
