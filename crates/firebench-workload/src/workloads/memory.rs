//! The published benchmark: a checksum over a random file that fits into memory.

mod block;

use std::time::Duration;

use firebench_model::experiment::{Experiment, PayloadSpec};
use firebench_model::plan::Inputs;
use firebench_protocol::IterationReport;
use firebench_text::units::Size;
use firebench_text::{excerpt, percent, rate};

use crate::reading::{Fault, Reading};
use crate::workload::{BLOCK_FLAG, Flag, FlagError, Given, Needs, Run, Side, Speed, Workload};

/// `sha256sum` over the payload: what it prints first must be the payload's digest.
pub struct Memory;

const SIZE: &str = "size";
const PAYLOAD: &str = "payload";

/// How large the random file is.
pub(super) const SIZE_FLAG: Flag = Flag {
    name: SIZE,
    value: "SIZE",
    help: "Size of the random file [default: 1GiB with kvm (footprint: 64MiB), 16MiB emulated]",
    check: |text| size(text).map(drop),
};

/// What is in it.
pub(super) const PAYLOAD_FLAG: Flag = Flag {
    name: PAYLOAD,
    value: "KIND|PATH",
    help: "The contents of the file: seeded, seeded:SEED, urandom, or the path of a file of yours",
    check: |_| Ok(()),
};

const FLAGS: [Flag; 3] = [
    SIZE_FLAG,
    PAYLOAD_FLAG,
    Flag {
        name: BLOCK_FLAG,
        value: "SIZE",
        help: "Read the file in blocks of this size, with a reader of firebench's own: 4KiB shows the price of a system call, the \
        size of the file that of a page fault [default: as sha256sum reads]",
        check: |text| size(text).map(drop),
    },
];

const MIB: u64 = 1 << 20;

/// Bytes a second that the slowest `sha256sum` at real speed reads, many times over.
const SLOWEST: u64 = 20 * MIB;

/// What the slowest read at real speed takes beside its bytes, many times over: gVisor needs some 25 µs.
const SLOWEST_READ: Duration = Duration::from_micros(200);

/// Time for what does not depend on the size.
const AT_LEAST: Duration = Duration::from_secs(60);

/// Characters of a wrong digest that a message quotes.
const QUOTED: usize = 200;

/// Bytes a second that one core gets from memory on any machine that has KVM (DDR3 and newer give more).
const MEMORY_RATE: f64 = 4e9;

/// A checksum that takes less than this share of [`MEMORY_RATE`] has memory wait for it, not the other way round.
const MEMORY_SHARE: f64 = 0.25;

impl Workload for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn about(&self) -> &'static str {
        "`sha256sum` over a random file: the published benchmark"
    }

    fn says_nothing_of(&self) -> &'static str {
        "the bandwidth of memory: hashing is slower than that"
    }

    fn flags(&self) -> &'static [Flag] {
        &FLAGS
    }

    fn ask(&self, given: &Given, experiment: &mut Experiment) -> Result<(), FlagError> {
        if let Some(text) = given.get(PAYLOAD) {
            experiment.payload = payload(text)?.with_block(experiment.payload.block());
        }
        if let Some(text) = given.get(BLOCK_FLAG) {
            let block = size(text).map_err(FlagError::helped_by("write it like --block 4KiB"))?;
            experiment.payload = std::mem::take(&mut experiment.payload).with_block(Some(block));
        }
        let Some(text) = given.get(SIZE) else { return Ok(()) };
        let wanted = size(text).map_err(FlagError::helped_by("write it like --size 1GiB"))?;
        match &mut experiment.payload {
            PayloadSpec::Seeded { size, .. } | PayloadSpec::Urandom { size, .. } => *size = Some(wanted),
            // A file has the size that it has.
            PayloadSpec::File { path, .. } => {
                let file = path.display();
                return Err(FlagError {
                    wrong: format!("cannot use --size with --payload {file}: the file has its own size"),
                    help: "leave out --size, or give --payload seeded or urandom".to_owned(),
                });
            }
        }
        Ok(())
    }

    /// The published benchmark's size on hardware, and what an emulated machine hashes in seconds; a whole block at least.
    fn needs(&self, experiment: &Experiment, speed: Speed) -> Needs {
        let mib: u64 = if speed == Speed::Real { 1024 } else { 16 };
        let default = Size(mib.saturating_mul(MIB));
        Needs { payload: Some(experiment.payload.block().map_or(default, |block| default.max(block))) }
    }

    fn command(&self, side: &Side) -> Vec<String> {
        let mut command = side.block.map_or_else(|| side.applet("sha256sum"), block::command);
        command.extend([&side.payload, &side.handicap].into_iter().flatten().cloned());
        command
    }

    fn deadline(&self, inputs: &Inputs, speed: Speed) -> Duration {
        let seconds = inputs.bytes().saturating_mul(speed.slowness().into()).checked_div(SLOWEST);
        let reads = u32::try_from(inputs.reads().unwrap_or(0)).unwrap_or(u32::MAX);
        let reading = SLOWEST_READ.saturating_mul(reads).saturating_mul(speed.slowness());
        AT_LEAST.saturating_add(Duration::from_secs(seconds.unwrap_or(0))).saturating_add(reading)
    }

    fn read(&self, inputs: &Inputs, output: &IterationReport) -> Result<Reading, Fault> {
        let found = output.stdout.split_whitespace().next().unwrap_or_default();
        let expected = inputs.payload.as_ref().map(|payload| payload.sha256.as_str()).unwrap_or_default();
        if found != expected {
            let found = excerpt(found, QUOTED);
            let why = format!("the guest computed \"{found}\", the payload's SHA-256 is {expected}");
            return Err(Fault::WrongDigest(why));
        }
        Ok(Reading { digest: found.to_owned(), ..Reading::default() })
    }

    fn computing(&self) -> &'static str {
        "hashing"
    }

    /// Whether it keeps memory busy: it reads each byte of its file once. And what its blocks cost.
    fn remarks(&self, run: &Run<'_>) -> Vec<String> {
        let slow = run.fastest.filter(|&fastest| fastest < MEMORY_SHARE * MEMORY_RATE);
        let remark = slow.map(|fastest| {
            let share = fastest / MEMORY_RATE;
            format!(
                "At {} it needs {} of what one core gets from memory ({:.0} GB/s and more): it hardly tests memory.",
                rate(fastest),
                if share < 0.01 { "less than 1%".to_owned() } else { percent(share) },
                MEMORY_RATE / 1e9
            )
        });
        remark.into_iter().chain(block::remarks(run)).collect()
    }
}

fn size(text: &str) -> Result<Size, String> {
    text.parse::<Size>().map_err(|error| error.to_string())
}

/// The payload that a word describes.
fn payload(text: &str) -> Result<PayloadSpec, FlagError> {
    Ok(match text.split_once(':') {
        None if text == "seeded" => PayloadSpec::default(),
        None if text == "urandom" => PayloadSpec::Urandom { size: None, block: None },
        Some(("seeded", seed)) => {
            let seed = seed.parse().map_err(|_| FlagError {
                wrong: format!("invalid seed in --payload seeded:{seed}: it must be a number from 0 to 2^64 - 1"),
                help: "write it like --payload seeded:42".to_owned(),
            })?;
            PayloadSpec::Seeded { seed, size: None, block: None }
        }
        _ => PayloadSpec::File { path: text.into(), block: None },
    })
}
