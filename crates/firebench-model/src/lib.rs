//! What a run is made of, as plain data: what was asked for ([`experiment`]), what was decided ([`plan`]), what is measured
//! ([`metric`]), what happens ([`events`]) and what was seen ([`record`]), with the rules that need nothing else: whether a boot
//! is to be believed ([`clock`], [`throttle`]). No input, no output: text in, text out.

// Printing panics where nobody reads.
#![warn(clippy::print_stdout, clippy::print_stderr)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, reason = "a test may panic"))]

pub mod clock;
pub mod collect;
pub mod counts;
pub mod events;
pub mod experiment;
pub mod figures;
pub mod host;
pub mod huge_pages;
pub mod json;
pub mod kernel_text;
pub mod markdown_block;
pub mod meminfo;
pub mod metric;
pub mod old_reports;
pub mod plan;
pub mod record;
pub mod report_error;
pub mod runs;
pub mod service;
pub mod smaps;
pub mod throttle;
