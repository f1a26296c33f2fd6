//! The exit codes of the process; `firebench --help` lists them.

/// Success.
pub const EXIT_OK: u8 = 0;
/// A gate failed: something is worse than its limit.
pub const EXIT_REGRESSION: u8 = 1;
/// What the user gave is wrong: the command line, the environment, or a file that they name.
pub const EXIT_USAGE: u8 = 2;
/// This machine or the run failed.
pub const EXIT_FAILED: u8 = 3;
/// A verdict was required, but there is none.
pub const EXIT_INCONCLUSIVE: u8 = 4;
/// A gate was applied to a comparison that does not compare like with like.
pub const EXIT_UNFAIR: u8 = 5;
