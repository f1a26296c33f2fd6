//! The schedule of a run, block after block: which contender boots next, with how many iterations, and when it is enough.
//!
//! [`Schedule`] is a pure state machine. It is a function of its [`Settings`] and of the boots recorded so far, and
//! of nothing else: elapsed time is the sum of [`Boot::seconds`]. So the recorded boots of a run that was killed, given to a
//! new schedule one after another, make it go on as if nothing had happened. [`simulate`](crate::simulate) drives the same
//! code.
//!
//! # A number of blocks ([`Size::Blocks`])
//! Three iterations a boot unless said otherwise, the first one warm-up; it ends after that many blocks ([`Rule::Fixed`];
//! [`Rule::BandAlone`] when strict).
//!
//! # A precision ([`Size::Precision`])
//! 1. Block 0 has three iterations a boot, or the number that was given. It says what boots and iterations cost.
//! 2. If the iterations were not given, and the time suffices for it, blocks 1 to 3 are the scout: eight iterations a boot.
//!    [`scout::choose`](crate::scout::choose) makes of them the warm-up and the iterations of all boots to come. (With three
//!    iterations, warm-up could never come out as more than one. And with two contenders whose boots vary half as much as the
//!    iterations in them, 38% of scouts would see no variance between boots; with seven iterations beside the cold one 17% do.)
//!    Where the warm-up comes out as the longest that it can be, half of a boot, and the time suffices, three more blocks have
//!    twice as many iterations, and so on up to 64. A warm-up that was given stays.
//! 3. Whatever was chosen was chosen for all contenders alike; so the blocks of the scout count, too, from the first one on whose
//!    boots are longer than the warm-up.
//! 4. The run ends when every interval is as narrow as was asked for, but not before [`LEAST_PRECISE`] blocks ([`Rule::Precision`]);
//!    strict, when every comparison is decided or has the precision by the band alone.
//!
//! A run ends early when the next block would not fit into the time, and, with `stop_on_verdict`, when the live band has a
//! verdict on every comparison; but never before three blocks that count. Where it ends on its verdicts, the band speaks.
//!
//! # A lone contender
//! There is nothing to compare, so no precision to reach: such a run has three blocks, if no number was given.
//!
//! # Throw-away boots ([`Settings::throw_away`])
//! Within a block nobody follows itself, so what a boot leaves behind for the next one falls on all but the one that left it, and on
//! each of two contenders by who booted first. Before each block comes a throw-away boot of the contender that is first in it,
//! unless that one was also the last of the block before. Then each of k contenders boots right after each, itself included, with a
//! chance of 1/k, and what is left behind is the same for all on average. A throw-away boot is part of the boot after it: its seconds are
//! among [`Boot::seconds`] of that one.
//!
//! # Void boots
//! A block counts when all of its boots do. A block with a [void](Boot::void) boot is left out, its time is spent, and
//! another one takes its place, whatever it was for. A run with three such blocks, and more of them than whole ones, ends.
//!
//! # A duet
//! All contenders of a block boot at once ([`Settings::duet`]), each in a place of its own: [`Turn::position`] is then the place and
//! no time, and the block takes as long as the longest of its boots. An iteration that ran while another contender did not
//! ([`Boot::alone`]) does not count, and a boot without one that counts is void. For there to be some of contenders that are twice as
//! fast as others, boots have five iterations where nobody chose.

mod costs;
mod precision;
mod schedule;
mod scouting;

use serde::{Deserialize, Serialize};

use crate::verdict::{Judgement, positive};
use crate::{Error, Estimand, Result, Rule};

pub use schedule::Schedule;

/// Blocks that must count before a run may end early.
pub const LEAST_BLOCKS: u32 = 3;
/// Blocks that must count before a run may end because its intervals are narrow enough: fewer have too little to say about their own
/// spread.
pub const LEAST_PRECISE: u32 = 10;
/// Blocks that must count before a strict run may end by itself.
pub const LEAST_STRICT: u32 = 8;
/// Blocks of a scout, beside the one before it that says what they cost.
pub const SCOUT_BLOCKS: u32 = 3;
/// Iterations after the warm-up, in the boots of a scout.
const SCOUT_ITERATIONS: u32 = 7;
/// Iterations after the warm-up, where nobody chose and no scout does.
const ITERATIONS: u32 = 2;
/// The same in a duet.
const DUET_ITERATIONS: u32 = 4;
/// The most iterations of a boot that a scout chooses: what varies between iterations is a tenth of itself in their mean.
const MOST_ITERATIONS: u32 = 100;

/// When a run is large enough.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// After so many blocks.
    Blocks(u32),
    /// When the interval is narrow enough, or the time is over.
    Precision {
        /// Half-width of the interval, relative: 0.01 is ±1%.
        precision: f64,
        /// Seconds that the run may take.
        max_seconds: f64,
    },
}

/// What is decided before a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Contenders; number 0 is the baseline of all others.
    pub contenders: usize,
    /// What a verdict is about.
    pub estimand: Estimand,
    /// Seed of the order inside of the blocks.
    pub seed: u64,
    /// When it is enough.
    pub size: Size,
    /// Iterations of a boot, warm-up included.
    pub iterations: Option<u32>,
    /// Iterations at the start of a boot that do not count.
    pub warm_up: Option<u32>,
    /// Effects up to this size count as none: 0.02 is 2%.
    pub delta: f64,
    /// The band alone speaks, at 5%.
    pub strict: bool,
    /// End as soon as the live band has a verdict on every comparison.
    pub stop_on_verdict: bool,
    /// Whether blocks begin with a throw-away boot.
    #[serde(default)]
    pub throw_away: bool,
    /// All contenders of a block boot at once.
    #[serde(default)]
    pub duet: bool,
}

impl Settings {
    /// Errors: no contenders, no blocks, no iteration that counts, a delta or a precision or a time that is no positive
    /// number.
    pub fn check(&self) -> Result<()> {
        if self.contenders == 0 {
            return Err(Error::Empty { what: "contenders" });
        }
        positive(self.delta)?;
        match self.size {
            Size::Blocks(0) => return Err(Error::Empty { what: "blocks" }),
            Size::Blocks(_) => {}
            Size::Precision { precision, max_seconds } => {
                positive(precision)?;
                seconds("run", max_seconds)?;
            }
        }
        match (self.iterations, self.warm_up()) {
            (Some(iterations), warm_up) if iterations <= warm_up => Err(Error::AllWarmUp { iterations, warm_up }),
            _ => Ok(()),
        }
    }

    /// Warm-up iterations where no scout chose them: the first one, unless it is the only one.
    fn warm_up(&self) -> u32 {
        self.warm_up.unwrap_or(u32::from(self.iterations != Some(1)))
    }

    /// Iterations, warm-up included, where no scout chose them.
    fn iterations(&self) -> u32 {
        let counting = if self.duet { DUET_ITERATIONS } else { ITERATIONS };
        self.iterations.unwrap_or(self.warm_up().saturating_add(counting))
    }

    /// How many boots of a block take their time one after the other.
    fn in_turn(&self) -> usize {
        if self.duet { 1 } else { self.contenders }
    }

    /// Seconds that boots of one block take together.
    fn together(&self, boots: impl Iterator<Item = f64>) -> f64 {
        if self.duet { boots.fold(0.0, f64::max) } else { boots.sum() }
    }
}

/// What a boot gave.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Boot {
    /// The primary metric in seconds, cold iteration first; empty if the boot is void.
    pub iterations: Vec<f64>,
    /// The whole life of the boot, by the host's clock, with attempts that failed and a throw-away boot before it. Zero is that of a void
    /// boot that never began.
    pub seconds: f64,
    /// Which iterations, from 0, ran while another contender of a duet did not: they do not count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alone: Vec<usize>,
}

impl Boot {
    /// A good boot, all of whose iterations after the warm-up count.
    pub fn new(iterations: Vec<f64>, seconds: f64) -> Boot {
        Boot { iterations, seconds, alone: Vec::new() }
    }

    /// A boot that took its time and has nothing to count: its clock is not to be believed, or it failed.
    pub fn void(seconds: f64) -> Boot {
        Boot::new(Vec::new(), seconds)
    }

    /// Whether it has nothing to count.
    pub fn is_void(&self) -> bool {
        self.iterations.is_empty()
    }

    /// The iterations after the first `warm_up` ones that count.
    fn counted(&self, warm_up: usize) -> Vec<f64> {
        let counts = |(index, _): &(usize, &f64)| !self.alone.contains(index);
        self.iterations.iter().enumerate().skip(warm_up).filter(counts).map(|(_, value)| *value).collect()
    }

    /// The iterations up to the last one that ran beside the others.
    fn beside(&self) -> &[f64] {
        let end = (0..self.iterations.len()).rev().find(|index| !self.alone.contains(index)).map_or(0, |last| last + 1);
        self.iterations.get(..end).unwrap_or_default()
    }
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Next {
    /// Boot a contender.
    Boot(Turn),
    /// Nothing.
    End(End),
}

/// One boot to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// Block, from 0, discarded ones included.
    pub block: u32,
    /// Place in the block, from 0.
    pub position: u32,
    /// The contender, from 0.
    pub contender: usize,
    /// Iterations, warm-up included.
    pub iterations: u32,
    /// Whether a throw-away boot of the contender comes first, with as many iterations.
    pub throw_away: bool,
}

/// Why a run ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The planned number of blocks is reached, or the precision.
    Planned,
    /// Another block does not fit into the time.
    TimeOver,
    /// The band has a verdict on every comparison, or, where it speaks alone, a verdict or the precision.
    Verdict,
    /// Too many blocks had to be left out.
    Void,
}

/// How far a run has come, and what was decided on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Blocks from 0 up to this number, without it, count for nothing. Final once the scout is over.
    pub scout_blocks: u32,
    /// Iterations at the start of each boot that do not count.
    pub warm_up: u32,
    /// Iterations of each boot, warm-up included.
    pub iterations: u32,
    /// Which interval speaks.
    pub rule: Rule,
    /// Blocks that are to count, when that is known; of a run that aims at a precision, about how many there will be.
    pub planned: Option<u32>,
    /// Whole blocks that count so far.
    pub blocks: u32,
    /// Blocks with a void boot so far.
    pub void: u32,
    /// Whether somebody let it go on who had seen what it found: the band speaks.
    pub watched: bool,
}

/// What the last boot of a block decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Milestone {
    /// The scout chose.
    Scouted {
        /// Iterations at the start of each boot that do not count.
        warm_up: u32,
        /// Iterations of each boot, warm-up included.
        iterations: u32,
    },
    /// The time does not suffice for a scout.
    NoScout,
    /// A block counts.
    Block {
        /// Its number, discarded blocks included.
        block: u32,
        /// What may be shown now, one judgement for each contender after the first; empty while there is nothing.
        live: Vec<Judgement>,
    },
    /// A block is left out: one of its boots was void.
    Void {
        /// Its number.
        block: u32,
    },
}

fn seconds(what: &'static str, seconds: f64) -> Result<f64> {
    if seconds > 0.0 && seconds.is_finite() { Ok(seconds) } else { Err(Error::BadCost { what, seconds }) }
}
