//! What can be wrong with the numbers, with a hint for the user.

use miette::Diagnostic;

/// The result of everything here.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can be wrong with the numbers that came in.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum Error {
    /// Nothing to compute from.
    #[error("there are no {what}")]
    #[diagnostic(help("every boot needs at least one iteration after the warm-up, and every run at least one boot"))]
    Empty {
        /// What is missing: "iterations after the warm-up", ...
        what: &'static str,
    },

    /// A NaN or an infinity.
    #[error("value {position} of the {what} is {value}, which is not a number to compute with")]
    #[diagnostic(help("the measurement is damaged: leave this boot out, or measure it again"))]
    NotFinite {
        /// Where it stands: "iterations", "block differences", ...
        what: &'static str,
        /// Its place, counted from 0.
        position: usize,
        /// NaN or an infinity.
        value: f64,
    },

    /// Sums or squares of the values leave the range of numbers.
    #[error("the {what} are too large to compute with")]
    #[diagnostic(help("no measurement comes near this: choose a larger unit, or look for the damage"))]
    TooLarge {
        /// What they are.
        what: &'static str,
    },

    /// A value of which no logarithm can be taken.
    #[error("iteration {position} has the value {value}, and ratios need values above zero")]
    #[diagnostic(help("a metric that can be zero, such as `sys`, is compared by raw differences"))]
    NotPositive {
        /// Its place among the boot's iterations that count, from 0.
        position: usize,
        /// Zero or less.
        value: f64,
    },

    /// No spread can be computed.
    #[error("{count} {what} are too few: at least {needed} are needed")]
    #[diagnostic(help("run more {what}"))]
    TooFew {
        /// Of what: "blocks", ...
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many it takes.
        needed: usize,
    },

    /// More values than are looked at.
    #[error("{count} {what} are too many: at most {most} are looked at")]
    #[diagnostic(help("leave out the oldest ones"))]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },

    /// Lists that must go together are of different length.
    #[error("{what} differ in number: {left} and {right}")]
    #[diagnostic(help("a block counts only when all of its boots do; leave out the ones that are not complete"))]
    Unpaired {
        /// What they are.
        what: &'static str,
        /// Length of one of them.
        left: usize,
        /// Length of the other.
        right: usize,
    },

    /// An error rate outside of 0 to 1.
    #[error("{level} is not an error rate: it must lie between 0 and 1")]
    #[diagnostic(help("0.05 stands for intervals that hold in 95 of 100 runs"))]
    BadLevel {
        /// What was given.
        level: f64,
    },

    /// A precision, or a bound of equivalence, that is no positive number.
    #[error("{precision} is no precision: it must be above zero")]
    #[diagnostic(help("0.01 stands for 1%"))]
    BadPrecision {
        /// What was given.
        precision: f64,
    },

    /// A duration that is no positive number of seconds.
    #[error("{seconds} s is not a duration of a {what}")]
    #[diagnostic(help("durations are numbers above zero; a boot that did not report its own is to be measured again"))]
    BadCost {
        /// "boot", "iteration" or "run".
        what: &'static str,
        /// What was given.
        seconds: f64,
    },

    /// A boot was recorded that nobody asked for.
    #[error("the run has ended: it has no boot to come")]
    #[diagnostic(help("the recorded boots do not belong to this design; start a new run"))]
    Ended,

    /// A boot that is not the one that was asked for.
    #[error("the boot ran {ran} iterations in place of {asked}")]
    #[diagnostic(help(
        "a boot that did not run all of its iterations is void; or these boots belong to another design"
    ))]
    Iterations {
        /// Iterations asked for.
        asked: u32,
        /// Iterations that it ran.
        ran: usize,
    },

    /// No iteration is left to count.
    #[error("of {iterations} iterations, {warm_up} are warm-up: none is left to count")]
    #[diagnostic(help("ask for more iterations than warm-up takes"))]
    AllWarmUp {
        /// Iterations of a boot.
        iterations: u32,
        /// Of these, warm-up.
        warm_up: u32,
    },

    /// A gate's limit that no ratio can meet.
    #[error("{limit} is not a limit for a gate")]
    #[diagnostic(help("0.03 stands for 3% more, -0.03 for 3% less; nothing can fall by 100% or more"))]
    BadLimit {
        /// What was given.
        limit: f64,
    },
}
