//! A VMM without a VM, for tests: it takes QEMU's command line, reads the job out of the initramfs that it is given, and
//! answers as a guest's agent would, in milliseconds. It takes the command line of the agent on the bare host, too.
//!
//! What it answers stands beside it, in a file of its own name and `.json`: see [`Script`].

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use firebench_protocol::codec::encode;
use firebench_protocol::{Counters, Event, HostJob, IterationReport, Job, JobKind, Moment, PROTOCOL_VERSION};
use serde::Deserialize;

/// How the guest behaves.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    /// The digest of the payload.
    digest: String,
    /// Milliseconds until it speaks.
    boot_ms: u64,
    /// Milliseconds that an iteration takes.
    iteration_ms: u64,
    /// How fast the guest's clock goes: 1 is right.
    #[serde(default = "right")]
    clock: f64,
}

fn right() -> f64 {
    1.0
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    if args.iter().any(|arg| arg == "--version") {
        println!("QEMU emulator version 99.0.0 (a fake)");
        return Ok(());
    }
    let own = std::env::current_exe()?;
    let script: Script = serde_json::from_slice(&std::fs::read(own.with_extension("json"))?)?;
    let (nonce, iterations) = match args.as_slice() {
        [_, host, path] if host == "host" => {
            let job: HostJob = serde_json::from_slice(&std::fs::read(path)?)?;
            (job.nonce, job.iterations)
        }
        _ => {
            let place = args.iter().position(|arg| arg == "-initrd").ok_or("no -initrd")?;
            let job = job(Path::new(args.get(place + 1).ok_or("no initrd")?))?;
            let JobKind::Measure(work) = job.kind else { return Err("nothing to measure".into()) };
            (job.nonce, work.iterations)
        }
    };
    std::thread::sleep(Duration::from_millis(script.boot_ms));
    let mut seq = 0;
    let mut tell = |event: Event| -> Result<(), Box<dyn std::error::Error>> {
        let mut console = std::io::stdout().lock();
        console.write_all(&encode(&nonce, seq, &event)?)?;
        console.flush()?;
        seq += 1;
        Ok(())
    };
    let meminfo = |moment| Event::Meminfo { moment, text: "MemTotal: 500000 kB\n".to_owned() };
    tell(Event::Hello { protocol: PROTOCOL_VERSION, agent: "fake".to_owned(), uptime: 0.0 })?;
    tell(Event::Facts(Box::default()))?;
    tell(meminfo(Moment::Before))?;
    for index in 0..iterations {
        tell(Event::IterationStart { index })?;
        let begun = Instant::now();
        std::thread::sleep(Duration::from_millis(script.iteration_ms));
        let real = begun.elapsed().as_secs_f64() * script.clock;
        tell(Event::Iteration(Box::new(IterationReport {
            index,
            real,
            user: real,
            sys: 0.0,
            status: 0,
            stdout: format!("{}  /random.txt\n", script.digest),
            stderr: String::new(),
            counters: Counters::default(),
        })))?;
    }
    tell(meminfo(Moment::After))?;
    tell(Event::Done)
}

/// The job in the last archive of an initramfs: JSON amid the bytes of a cpio.
fn job(initramfs: &Path) -> Result<Job, Box<dyn std::error::Error>> {
    let bytes = std::fs::read(initramfs)?;
    let start = b"{\"protocol\":";
    let at = bytes.windows(start.len()).rposition(|window| window == start).ok_or("no job in the initramfs")?;
    let mut jobs = serde_json::Deserializer::from_slice(bytes.get(at..).unwrap_or_default()).into_iter();
    Ok(jobs.next().ok_or("no job")??)
}
