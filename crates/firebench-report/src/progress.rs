//! Shows a run while it goes on.

use std::io::Write;
use std::time::Duration;

use firebench_model::events::{Listener, RunEvent};
use firebench_model::metric::Metric;
use firebench_model::record::{BootRecord, BootStatus, IterationRecord, RunEnd};
use firebench_stats::{Judgement, Rule};
use firebench_text as text;

use super::EMULATED;
use super::style::{Paint, Style};
use super::values::Values;
use super::words::status_words;

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verbosity {
    /// Nothing.
    Quiet,
    /// One line for each boot and notice; on a terminal also one below them that changes: what is happening now.
    Normal,
    /// The same, and what commands of the user's print.
    Output,
}

/// What the run will be.
#[derive(Debug, Clone, PartialEq)]
pub struct Outlook {
    /// The contenders' names, in the order of the plan.
    pub contenders: Vec<String>,
    /// Boots of each contender, which is the number of blocks, where it is known.
    pub blocks: Option<u32>,
    /// Boots that are done already, of a run that goes on.
    pub done: usize,
    /// Blocks among them that were left out, for a boot that failed or is void.
    pub left_out: u32,
    /// Iterations in each boot.
    pub iterations: u32,
    /// Whether guest instructions are emulated.
    pub emulated: bool,
    /// The metric of which each boot's values are shown: the first one, where anything is measured.
    pub metric: Option<Metric>,
}

/// A listener that writes lines for people, to standard error as a rule. What cannot be written is lost: a closed
/// terminal ends no run. It does not show [`RunEvent::RunFailed`], which is the caller's error to show.
#[derive(Debug)]
pub struct Progress<W: Write> {
    out: W,
    outlook: Outlook,
    verbosity: Verbosity,
    /// Whether `out` is a terminal, on which a line can be written over.
    is_terminal: bool,
    style: Style,
    /// Boots that are over and not tried again.
    done: usize,
    /// Block of the boot that is under way, from 0.
    block: u32,
    /// The last block that was left out.
    last_left_out: Option<u32>,
    banner_shown: bool,
    status_shown: bool,
    estimate_shown: bool,
}

/// Why the last interval is another one than those before it.
const WHY_NARROWER: &str = "  (the intervals so far were wider, since they hold however often one looks; this one holds at the \
                            end alone, and the report has it)";

impl<W: Write> Progress<W> {
    /// Shows a run on `out`.
    pub fn new(out: W, outlook: Outlook, verbosity: Verbosity, is_terminal: bool, style: Style) -> Self {
        Progress {
            out,
            done: outlook.done,
            outlook,
            verbosity,
            is_terminal,
            style,
            block: 0,
            last_left_out: None,
            banner_shown: false,
            status_shown: false,
            estimate_shown: false,
        }
    }

    fn name(&self, contender: usize) -> String {
        self.outlook.contenders.get(contender).map_or_else(|| format!("contender {contender}"), |name| text::line(name))
    }

    /// How many blocks there will be, where that is known: others take the place of those that are left out.
    fn blocks(&self) -> Option<u32> {
        self.outlook.blocks.map(|blocks| blocks.saturating_add(self.outlook.left_out))
    }

    /// `[3/6]`, or `[3]` while nobody knows of how many.
    fn count(&self) -> String {
        let done = self.done;
        match self.blocks() {
            Some(blocks) => {
                let total = self.outlook.contenders.len().saturating_mul(blocks as usize);
                let digits = total.to_string().len();
                format!("[{done:>digits$}/{total}]")
            }
            None => format!("[{done}]"),
        }
    }

    fn boot_name(&self, contender: usize) -> String {
        let width = self.outlook.contenders.iter().map(|name| name.chars().count()).max().unwrap_or(0);
        let name = self.name(contender);
        let of = self.blocks().map(|blocks| format!(" of {blocks}")).unwrap_or_default();
        format!("{name:<width$}  block {}{of}", u64::from(self.block) + 1)
    }

    /// Writes a line that stays.
    fn line(&mut self, paint: Option<Paint>, line: &str) {
        self.clear_status();
        let line = if self.is_terminal { text::fit(line, self.style.width) } else { line.to_owned() };
        let line = paint.map_or(line.clone(), |paint| self.style.paint(paint, &line));
        let _ = writeln!(self.out, "{line}");
        let _ = self.out.flush();
    }

    /// Replaces the line that changes.
    fn status(&mut self, now: &str) {
        if !self.is_terminal {
            return;
        }
        self.clear_status();
        let status = format!("{} {now} ...", self.count());
        // One column stays free: a full last column makes some terminals begin a new line.
        let status = text::cut(&status, self.style.width.saturating_sub(1));
        let _ = write!(self.out, "{}", self.style.paint(Paint::Dim, &status));
        let _ = self.out.flush();
        self.status_shown = true;
    }

    fn clear_status(&mut self) {
        if std::mem::take(&mut self.status_shown) {
            let _ = write!(self.out, "\r\x1b[K");
            let _ = self.out.flush();
        }
    }

    fn boot_done(&mut self, contender: usize, boot: &BootRecord, retried: bool) {
        self.block = boot.block;
        if !retried {
            self.done = self.done.saturating_add(1);
        }
        let lead = format!("{} {}", self.count(), self.boot_name(contender));
        if !retried && boot.status.leaves_block_out() && self.last_left_out != Some(boot.block) {
            self.last_left_out = Some(boot.block);
            self.outlook.left_out = self.outlook.left_out.saturating_add(1);
        }
        if boot.status == BootStatus::Ok {
            let up = boot.boot_seconds.map_or("-".to_owned(), text::duration);
            let measured = self.outlook.metric.as_ref().map(|metric| measured(boot, metric)).unwrap_or_default();
            let thrown = if boot.discarded { " (thrown away)" } else { "" };
            self.line(None, &format!("{lead}  up in {up}{measured}{thrown}"));
        } else {
            let message = boot.message.as_ref().map(|m| format!(": {}", text::line(m))).unwrap_or_default();
            let again = match (boot.discarded, retried) {
                (true, _) => " (thrown away)",
                (false, true) => " (tried again)",
                (false, false) => "",
            };
            self.line(Some(Paint::Warning), &format!("{lead}  {}{again}{message}", status_words(boot.status)));
        }
        let printed = boot.printed.as_deref().filter(|_| self.verbosity == Verbosity::Output);
        for line in printed.unwrap_or_default().lines() {
            self.line(None, &format!("    {}", text::line(line)));
        }
    }
}

/// What a boot's iterations came to: `  real 20.42 19.11 s`.
fn measured(boot: &BootRecord, metric: &Metric) -> String {
    let of = |iteration: &IterationRecord| iteration.metrics.get(metric.name.as_ref()).copied();
    let some: Vec<f64> = boot.iterations.iter().filter_map(of).collect();
    let values = Values::new([(metric, some.clone())]);
    let numbers: Vec<String> = some.iter().map(|&value| values.number(metric, value)).collect();
    format!("  {} {} {}", metric.name, numbers.join(" "), values.sign(metric))
}

impl<W: Write> Listener for Progress<W> {
    fn on_event(&mut self, event: &RunEvent) {
        if self.verbosity == Verbosity::Quiet {
            return;
        }
        if self.outlook.emulated && !std::mem::replace(&mut self.banner_shown, true) {
            let banner = text::wrap("", EMULATED, self.style.width);
            self.line(Some(Paint::Warning), &banner);
        }
        match event {
            RunEvent::NestedHostStarting { attempt: 1 } => self.status("starting the nested host"),
            RunEvent::NestedHostStarting { attempt } => {
                self.status(&format!("starting the nested host, attempt {attempt}"))
            }
            RunEvent::NestedHostUp { seconds } => {
                self.line(None, &format!("nested host up in {}", text::duration(*seconds)))
            }
            RunEvent::BootStarting { contender, block, .. } => {
                self.block = *block;
                self.status(&format!("{}: booting", self.boot_name(*contender)));
            }
            RunEvent::GuestUp { contender, seconds } => {
                self.status(&format!("{}: up in {}", self.boot_name(*contender), text::duration(*seconds)));
            }
            RunEvent::IterationStarting { contender, index } => {
                let (name, of) = (self.boot_name(*contender), self.outlook.iterations);
                self.status(&format!("{name}: iteration {} of {of}", u64::from(*index) + 1));
            }
            RunEvent::IterationDone { .. } => {}
            RunEvent::Progress { design, live, eta_seconds, .. } => {
                self.outlook.blocks = design.planned.map(|planned| planned.saturating_add(design.scout_blocks));
                self.outlook.iterations = design.iterations;
                let Some(estimates) = estimates(&self.outlook.contenders, live) else { return };
                match design.end {
                    None => {
                        self.estimate_shown = true;
                        self.line(None, &format!("so far: {estimates}{}", left(*eta_seconds)));
                    }
                    Some(end) => {
                        self.line(None, &format!("at the end: {estimates}"));
                        let other_interval =
                            matches!(end, RunEnd::Planned | RunEnd::TimeOver) && design.rule != Rule::BandAlone;
                        if other_interval && self.estimate_shown {
                            self.line(Some(Paint::Dim), WHY_NARROWER);
                        }
                    }
                }
            }
            RunEvent::BootDone { contender, boot, retried } => self.boot_done(*contender, boot, *retried),
            RunEvent::Notice { text: notice } => self.line(None, &format!("note: {}", text::line(notice))),
            RunEvent::RunFailed { .. } => self.clear_status(),
        }
    }
}

/// What is known by now: `firecracker +1.8% (0.9% to 2.7%)`.
fn estimates(contenders: &[String], live: &[Judgement]) -> Option<String> {
    let percent = |effect: f64| text::change_percent(effect, 1);
    let estimates = contenders.iter().skip(1).zip(live).map(|(name, judgement)| {
        let effect = judgement.effect();
        let interval = if judgement.interval.is_finite() {
            format!("{} to {}", percent(effect.low), percent(effect.high))
        } else {
            "interval still open".to_owned()
        };
        format!("{} {} ({interval})", text::line(name), percent(effect.estimate))
    });
    let estimates = estimates.collect::<Vec<_>>().join(", ");
    (!estimates.is_empty()).then_some(estimates)
}

/// How long it still takes: `; 2m 5s left`.
fn left(eta_seconds: Option<f64>) -> String {
    let left = eta_seconds.filter(|&seconds| seconds >= 1.0).map(|seconds| {
        let left = Duration::from_secs(seconds.min(1e9) as u64);
        format!("; {} left", humantime::format_duration(left))
    });
    left.unwrap_or_default()
}

impl<W: Write> Drop for Progress<W> {
    fn drop(&mut self) {
        self.clear_status();
    }
}
