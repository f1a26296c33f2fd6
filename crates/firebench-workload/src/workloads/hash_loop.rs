//! SHA-256 of a buffer in memory, again and again: what the origin's hash loop was meant to measure.

mod expected;

use std::time::Duration;

use firebench_model::experiment::{self, Experiment};
use firebench_model::plan::Inputs;
use firebench_protocol::{AGENT_COMMAND, HASH_LOOP_COMMAND, IterationReport};
use firebench_text::units::Size;
use firebench_text::{bytes, excerpt};

use crate::reading::{Fault, Reading};
use crate::workload::{Flag, FlagError, Given, Needs, ROUNDS_FLAG, Run, Side, Speed, Workload};

/// The agent hashes a buffer that it makes itself. Each round hashes the digest of the one before, too, so the last digest says that
/// all rounds were done.
pub struct HashLoop;

const BUFFER: &str = "buffer";

const FLAGS: [Flag; 2] = [
    Flag {
        name: ROUNDS_FLAG,
        value: "N",
        help: "Hash the buffer so many times in each iteration [default: 100 with kvm, 10 emulated]",
        check: |text| rounds(text).map(drop),
    },
    Flag {
        name: BUFFER,
        value: "SIZE",
        help: "Size of the buffer that is hashed [default: 1MiB]",
        check: |text| size(text).map(drop),
    },
];

/// Bytes a second that the slowest SHA-256 at real speed hashes, many times over.
const SLOWEST: u64 = 20 << 20;

/// Time for what does not depend on the size.
const AT_LEAST: Duration = Duration::from_secs(60);

/// Characters of a wrong digest that a message quotes.
const QUOTED: usize = 200;

impl Workload for HashLoop {
    fn name(&self) -> &'static str {
        "hash-loop"
    }

    fn about(&self) -> &'static str {
        "SHA-256 of a buffer in memory, again and again, each round over the digest before"
    }

    fn says_nothing_of(&self) -> &'static str {
        "memory and disk: the buffer stays in the CPU's caches unless --buffer is larger than these"
    }

    fn flags(&self) -> &'static [Flag] {
        &FLAGS
    }

    fn ask(&self, given: &Given, experiment: &mut Experiment) -> Result<(), FlagError> {
        if let Some(text) = given.get(ROUNDS_FLAG) {
            let rounds = rounds(text).map_err(FlagError::helped_by("write it like --rounds 100"))?;
            experiment.hash_loop.get_or_insert_default().rounds = Some(rounds);
        }
        if let Some(text) = given.get(BUFFER) {
            let buffer = size(text).map_err(FlagError::helped_by("write it like --buffer 1MiB"))?;
            experiment.hash_loop.get_or_insert_default().buffer = Some(buffer);
        }
        Ok(())
    }

    fn needs(&self, _: &Experiment, _: Speed) -> Needs {
        Needs::default()
    }

    /// The origin's rounds on hardware, and what an emulated machine hashes in seconds.
    fn choose(&self, experiment: &mut Experiment, speed: Speed) {
        let chosen = experiment.hash_loop.get_or_insert_default();
        let buffer = chosen.buffer.get_or_insert(experiment::HashLoop::BUFFER).0;
        let most = experiment::HashLoop::MOST.0.checked_div(buffer).and_then(|most| u32::try_from(most).ok());
        let usual: u32 = if speed == Speed::Real { 100 } else { 10 };
        chosen.rounds.get_or_insert(usual.min(most.unwrap_or(usual)).max(1));
    }

    fn answer(&self, experiment: &Experiment) -> Option<String> {
        let asked = experiment.hash_loop?;
        Some(expected::digest(asked.seed, asked.buffer?.0, asked.rounds?))
    }

    fn command(&self, side: &Side) -> Vec<String> {
        let asked = side.hash_loop.unwrap_or_default();
        let bytes = asked.buffer.unwrap_or(experiment::HashLoop::BUFFER).0.to_string();
        let (rounds, seed) = (asked.rounds.unwrap_or(1).to_string(), asked.seed.to_string());
        let words = [AGENT_COMMAND, HASH_LOOP_COMMAND, "--bytes", &bytes, "--rounds", &rounds, "--seed", &seed];
        words.map(str::to_owned).to_vec()
    }

    fn deadline(&self, inputs: &Inputs, speed: Speed) -> Duration {
        let bytes = inputs.hash_loop.and_then(|asked| asked.bytes()).unwrap_or(0);
        let seconds = bytes.saturating_mul(speed.slowness().into()).checked_div(SLOWEST);
        AT_LEAST.saturating_add(Duration::from_secs(seconds.unwrap_or(0)))
    }

    fn read(&self, inputs: &Inputs, output: &IterationReport) -> Result<Reading, Fault> {
        let found = output.stdout.trim_end();
        let expected = inputs.answer.as_deref().unwrap_or_default();
        if found != expected {
            let found = excerpt(found, QUOTED);
            return Err(Fault::WrongDigest(format!("the guest computed \"{found}\", the loop's digest is {expected}")));
        }
        Ok(Reading { digest: found.to_owned(), ..Reading::default() })
    }

    fn computing(&self) -> &'static str {
        "hashing"
    }

    fn remarks(&self, run: &Run<'_>) -> Vec<String> {
        let Some(asked) = run.report.experiment.hash_loop else { return Vec::new() };
        let (Some(rounds), Some(buffer), Some(all)) = (asked.rounds, asked.buffer, asked.bytes()) else {
            return Vec::new();
        };
        let origin = asked.rounds == Some(100) && buffer == experiment::HashLoop::BUFFER;
        let hashed = format!(
            "Each iteration hashes {}: {rounds} times a buffer of {}, and the digest of the round before.",
            bytes(all),
            bytes(buffer.0)
        );
        let other = "The origin's figures of its hash loop, 45 to 99 ms for as much, are no measure of this: its loop hashed nothing, and \
            copied its buffer.";
        [hashed].into_iter().chain(origin.then(|| other.to_owned())).collect()
    }
}

fn rounds(text: &str) -> Result<u32, String> {
    let number = text.parse().ok().filter(|&rounds: &u32| rounds > 0);
    number.ok_or_else(|| format!("it must be a number from 1 to {}", u32::MAX))
}

fn size(text: &str) -> Result<Size, String> {
    text.parse::<Size>().map_err(|error| error.to_string())
}
