//! Observation of one boot as a pure state machine: what arrives from the guest, with its time, becomes a
//! [`BootRecord`](firebench_model::record::BootRecord); nothing here waits, reads or writes.

mod trust;

use std::ops::Range;
use std::time::{Duration, Instant};

use firebench_model::plan::{Deadlines, Inputs};
use firebench_model::record::{BootStatus, IterationRecord, Moments};
use firebench_os::deadline;
use firebench_protocol::codec::{Damage, Item};
use firebench_protocol::{Event, GuestFacts, IterationReport, Moment, PROTOCOL_VERSION};
use firebench_supervise::Exit;
use firebench_text as text;
use firebench_workload::{Reading, Workload};

use crate::console::{Arrived, Words};

/// What the runner must do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Go on listening.
    Listen,
    /// Tell the listeners that the agent spoke, so many seconds after the VMM's start.
    Up(f64),
    /// Tell the listeners that an iteration begins.
    Started(u32),
    /// Tell the listeners about the iteration.
    Measured(IterationRecord),
    /// Go on listening: the guest has said all, and ends its machine.
    Done,
    /// The boot failed; end the VM.
    Failed(BootStatus, String),
}

/// Where a boot is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Booting,
    Preparing,
    Iterating,
    PoweringOff,
}

/// An iteration that has begun.
#[derive(Debug, Clone, Copy)]
struct Running {
    index: u32,
    begun: Instant,
    /// Since the frame before its start.
    gap: Duration,
}

/// Characters of an output that are kept: as many bytes as the agent sends.
const PRINTED: usize = 4096;

/// What a boot must bring, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Iterations.
    pub iterations: u32,
    /// What reads the output of an iteration.
    pub workload: &'a dyn Workload,
    /// What it was given.
    pub inputs: &'a Inputs,
    /// How long what may take.
    pub deadlines: Deadlines,
    /// Whether a command of the user's comes before each iteration.
    pub prepares: bool,
}

/// The state of one boot.
#[derive(Debug)]
pub struct Observer<'a> {
    expected: Expected<'a>,
    phase: Phase,
    phase_since: Instant,
    started: Instant,
    running: Option<Running>,
    /// When the last frame was complete.
    spoke: Instant,
    /// What was left of a frame when the VMM ended.
    unfinished: Option<Damage>,
    /// The text on the console that was not a frame.
    pub words: Words,
    /// Seconds from the VMM's start to the first frame.
    pub boot_seconds: Option<f64>,
    /// When what happened, as far as the guest's frames show it.
    moments: Option<Moments>,
    /// When the first byte arrived from the console.
    pub first_byte: Option<Instant>,
    /// When the VMM's end was seen.
    pub gone: Option<Instant>,
    /// The guest's own description.
    pub facts: Option<GuestFacts>,
    /// `/proc/meminfo` before the first iteration.
    pub meminfo_before: Option<String>,
    /// `/proc/meminfo` after the last one.
    pub meminfo_after: Option<String>,
    /// What the first iteration of a command of the user's printed.
    pub printed: Option<String>,
    /// What it printed as its errors, if anything.
    pub complained: Option<String>,
    /// The iterations so far.
    pub iterations: Vec<IterationRecord>,
    /// From when to when each of them ran, by the host's clock.
    pub spans: Vec<Range<Instant>>,
    /// Frames that were refused, and what was wrong with the first one.
    refused: Option<(u64, Damage)>,
}

impl<'a> Observer<'a> {
    /// A VMM that was started at `started`.
    pub fn new(expected: Expected<'a>, started: Instant) -> Self {
        Observer {
            expected,
            phase: Phase::Booting,
            phase_since: started,
            started,
            running: None,
            spoke: started,
            unfinished: None,
            words: Words::default(),
            boot_seconds: None,
            moments: None,
            first_byte: None,
            gone: None,
            facts: None,
            meminfo_before: None,
            meminfo_after: None,
            printed: None,
            complained: None,
            iterations: Vec::new(),
            spans: Vec::new(),
            refused: None,
        }
    }

    /// Until when something must happen.
    pub fn deadline(&self) -> Instant {
        deadline::after(self.phase_since, self.phase_limit())
    }

    fn phase_limit(&self) -> Duration {
        let Deadlines { boot, iteration, power_off } = self.expected.deadlines;
        Duration::from_secs(match self.phase {
            // A command that prepares has as long as the iteration after it.
            Phase::Preparing if self.expected.prepares => boot.saturating_add(iteration),
            Phase::Booting | Phase::Preparing => boot,
            Phase::Iterating => iteration,
            Phase::PoweringOff => power_off,
        })
    }

    /// Whether an iteration runs, which the first byte of the next frame ends.
    pub fn measures(&self) -> bool {
        self.running.is_some()
    }

    /// Whether the guest has reported that everything is done.
    pub fn done(&self) -> bool {
        self.phase == Phase::PoweringOff
    }

    /// A remark on a good boot: that its console had frames that were rejected.
    pub fn remark(&self) -> Option<String> {
        let (count, first) = self.refused.as_ref()?;
        let frames = if *count == 1 { "1 console frame".to_owned() } else { format!("{count} console frames") };
        Some(format!("{frames} rejected (first: {first})"))
    }

    /// What it means that the deadline has passed, after so many bytes from the console.
    pub fn deadline_missed(&self, console_bytes: u64) -> (BootStatus, String) {
        let seconds = self.phase_limit().as_secs();
        match self.phase {
            Phase::Booting => {
                let seen = match console_bytes {
                    0 => "the console printed nothing".to_owned(),
                    bytes => format!("the console printed {}, but no frame from the agent", text::bytes(bytes)),
                };
                let message = format!("the guest's agent sent nothing within the boot deadline of {seconds} s: {seen}");
                (BootStatus::NeverStarted, message)
            }
            Phase::Preparing => (
                BootStatus::GuestFailed,
                format!("the guest's agent did not start its first iteration within {seconds} s after its first frame"),
            ),
            Phase::Iterating => (
                BootStatus::IterationDeadline,
                format!(
                    "iteration {} took longer than its deadline of {seconds} s",
                    self.iterations.len().saturating_add(1)
                ),
            ),
            // Everything was measured: not a failure of the boot.
            Phase::PoweringOff => (
                BootStatus::Ok,
                format!(
                    "the VM was still running {seconds} s after its last frame, and firebench \
                killed it"
                ),
            ),
        }
    }

    /// The VMM has ended with `exit`, which `how` describes: what that means, if it means anything.
    pub fn vmm_exited(&self, exit: Exit, how: &str) -> Option<(BootStatus, String)> {
        let when = match self.phase {
            // Everything was measured: not a failure of the boot.
            Phase::PoweringOff if exit.success() => return None,
            Phase::PoweringOff => {
                return Some((BootStatus::Ok, format!("the VMM failed after the guest's last frame ({how})")));
            }
            Phase::Booting => "before the guest's agent sent its first frame".to_owned(),
            Phase::Preparing => "before the first iteration".to_owned(),
            Phase::Iterating => format!("during or after iteration {}", self.iterations.len().saturating_add(1)),
        };
        let amid = match self.unfinished {
            Some(Damage::BadLength { announced, got }) => {
                format!(", in the middle of a frame ({got} of {announced} bytes arrived)")
            }
            Some(_) => ", in the middle of a frame's header".to_owned(),
            None => String::new(),
        };
        Some((BootStatus::VmmExited, format!("the VMM ended {when}{amid} ({how})")))
    }

    /// firebench itself did not run for so long: the boot is void, unless everything was measured before.
    pub fn on_stall(&mut self, span: Duration) -> Option<(BootStatus, String)> {
        let when = match self.phase {
            Phase::PoweringOff => {
                self.phase_since = deadline::after(self.phase_since, span);
                return None;
            }
            Phase::Booting => "while the guest booted".to_owned(),
            Phase::Preparing => "before the first iteration".to_owned(),
            Phase::Iterating => format!("during or after iteration {}", self.iterations.len().saturating_add(1)),
        };
        let message = format!(
            "firebench itself did not run for about {:.0} s {when}, so its times of that period are invalid (was it \
            stopped by SIGSTOP, a debugger or a blocked terminal, or did the machine sleep?)",
            span.as_secs_f64()
        );
        Some((BootStatus::Void, message))
    }

    /// Something is left of the console when the VMM is gone.
    pub fn on_rest(&mut self, arrived: Arrived) -> Step {
        if let Item::Damaged(damage) = &arrived.item {
            self.unfinished = Some(damage.clone());
        }
        self.on_arrival(arrived)
    }

    /// Something arrived from the guest.
    pub fn on_arrival(&mut self, arrived: Arrived) -> Step {
        let Arrived { begun, ended, item } = arrived;
        match item {
            Item::Event { event, .. } => {
                let step = self.on_event(begun, ended, event);
                self.spoke = ended;
                step
            }
            Item::Console(line) => self.on_line(line),
            // It has our nonce and its checksum, so it came as it was written.
            Item::Damaged(damage @ Damage::BadJson { .. }) => Step::Failed(
                BootStatus::ProtocolError,
                trust::quoted(&format!(
                    "the guest sent an invalid event: \
                {damage}"
                )),
            ),
            // It has our nonce and its checksum, and a number that the agent used: noise makes none.
            Item::Damaged(damage @ Damage::Replay { .. }) => Step::Failed(
                BootStatus::ProtocolError,
                format!("something beside the agent writes its frames: {damage}"),
            ),
            // The sequence numbers show what was lost; a frame that mattered is missed where it is expected.
            Item::Damaged(damage) => {
                self.words.push(format!("(damaged frame: {damage})"));
                let (count, _) = self.refused.get_or_insert((0, damage));
                *count = count.saturating_add(1);
                Step::Listen
            }
        }
    }

    fn on_line(&mut self, line: String) -> Step {
        let panicked = line.contains("Kernel panic - not syncing") && self.phase != Phase::PoweringOff;
        let message = panicked.then(|| format!("the guest's kernel panicked: {}", trust::quoted(&line)));
        self.words.push(line);
        message.map_or(Step::Listen, |message| Step::Failed(BootStatus::GuestPanicked, message))
    }

    fn enter(&mut self, phase: Phase, at: Instant) {
        self.phase = phase;
        self.phase_since = at;
    }

    fn on_event(&mut self, begun: Instant, at: Instant, event: Event) -> Step {
        match (self.phase, event) {
            (Phase::Booting, Event::Hello { protocol, uptime, awake, .. }) if protocol == PROTOCOL_VERSION => {
                if !trust::is_span(uptime) || !trust::is_span(awake) {
                    let message =
                        format!("the guest reports that its kernel ran for {uptime} s, and its agent for {awake} s");
                    return Step::Failed(BootStatus::ProtocolError, message);
                }
                let seconds = self.since_start(at);
                self.boot_seconds = Some(seconds);
                let up = self.since_start(begun);
                self.moments = Some(Moments { up, kernel: uptime, awake, ..Moments::default() });
                self.enter(Phase::Preparing, at);
                Step::Up(seconds)
            }
            (Phase::Booting, Event::Hello { protocol, .. }) => Step::Failed(
                BootStatus::ProtocolError,
                format!("the agent uses protocol {protocol}, but this firebench uses {PROTOCOL_VERSION}"),
            ),
            (Phase::PoweringOff, event) => odd_frame("after the last", &event),
            (_, Event::Failed { message }) => {
                Step::Failed(BootStatus::GuestFailed, format!("the agent failed: {}", trust::quoted(&message)))
            }
            (Phase::Preparing, Event::Facts(facts)) if self.facts.is_none() => {
                keep(trust::facts(&facts), &mut self.facts)
            }
            (Phase::Preparing, Event::Meminfo { moment: Moment::Before, text }) if self.meminfo_before.is_none() => {
                keep(trust::meminfo(&text), &mut self.meminfo_before)
            }
            (Phase::Preparing | Phase::Iterating, Event::IterationStart { index }) if self.is_next(index) => {
                self.running = Some(Running { index, begun: at, gap: at.saturating_duration_since(self.spoke) });
                self.enter(Phase::Iterating, at);
                Step::Started(index)
            }
            (Phase::Iterating, Event::Iteration(report)) => match self.running.take() {
                Some(running) if running.index == report.index => self.on_iteration(running, begun, at, *report),
                _ => odd_frame("out of order", &Event::Iteration(report)),
            },
            (Phase::Iterating, Event::Meminfo { moment: Moment::After, text }) if self.meminfo_after.is_none() => {
                keep(trust::meminfo(&text), &mut self.meminfo_after)
            }
            (Phase::Iterating, Event::Done) => match self.missing() {
                None => {
                    let done = self.since_start(at);
                    self.moments.iter_mut().for_each(|moments| moments.done = Some(done));
                    self.enter(Phase::PoweringOff, at);
                    Step::Done
                }
                Some(missing) => {
                    Step::Failed(BootStatus::ProtocolError, format!("the guest reports that it is done, but {missing}"))
                }
            },
            (_, event) => odd_frame("out of order", &event),
        }
    }

    /// When what happened in the boot of a VMM that was executed then.
    pub fn moments(&self, executed: Instant) -> Option<Moments> {
        let moments = self.moments?;
        let [first_byte, gone] = [self.first_byte, self.gone].map(|at| at.map(|at| self.since_start(at)));
        // What firebench ended did not end by itself.
        let gone = gone.filter(|_| self.done());
        Some(Moments { executed: self.since_start(executed), first_byte, gone, ..moments })
    }

    /// Seconds from the VMM's start.
    fn since_start(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.started).as_secs_f64()
    }

    fn is_next(&self, index: u32) -> bool {
        self.running.is_none()
            && usize::try_from(index).is_ok_and(|index| index == self.iterations.len())
            && index < self.expected.iterations
    }

    /// What a whole boot must have brought and this one has not.
    fn missing(&self) -> Option<String> {
        let measured = self.iterations.len();
        let wanted = self.expected.iterations;
        if u32::try_from(measured) != Ok(wanted) {
            Some(format!("only {measured} of {wanted} iterations arrived"))
        } else if self.facts.is_none() {
            Some("its facts did not arrive".to_owned())
        } else if self.meminfo_before.is_none() || self.meminfo_after.is_none() {
            Some("its meminfo did not arrive".to_owned())
        } else {
            None
        }
    }

    /// An iteration ends when the guest begins to say so, at `ended`; at `told` it has said it.
    fn on_iteration(&mut self, running: Running, ended: Instant, told: Instant, report: IterationReport) -> Step {
        let deadline = self.phase_limit();
        // The next iteration, or the end, is due within one more deadline.
        self.enter(Phase::Iterating, ended);
        let Expected { workload, inputs, .. } = self.expected;
        if workload.is_the_users() && report.index == 0 {
            let complained = text::clean(&report.stderr.chars().take(PRINTED).collect::<String>());
            self.complained = Some(complained).filter(|text| !text.is_empty());
            self.printed = Some(text::clean(&report.stdout.chars().take(PRINTED).collect::<String>()));
        }
        let believed = trust::iteration(&report, inputs, deadline).and_then(|times| {
            let read = firebench_workload::read(workload, inputs, &report);
            Ok((times, read.map_err(|fault| trust::fault(&report, fault))?))
        });
        let (times, Reading { values, digest }) = match believed {
            Ok(believed) => believed,
            Err((status, message)) => return Step::Failed(status, message),
        };
        let host = [
            ("host_real", ended.saturating_duration_since(running.begun)),
            ("host_report", told.saturating_duration_since(ended)),
            ("host_gap", running.gap),
        ];
        let host = host.map(|(name, span)| (name, span.as_secs_f64()));
        let metrics =
            values.into_iter().chain(times).chain(host).map(|(name, value)| (name.to_owned(), value)).collect();
        let record = IterationRecord { index: report.index, metrics, counters: report.counters, digest, alone: false };
        self.iterations.push(record.clone());
        self.spans.push(running.begun..ended);
        Step::Measured(record)
    }
}

/// Keeps a value that can be trusted.
fn keep<T>(judged: Result<T, trust::Failed>, kept: &mut Option<T>) -> Step {
    match judged {
        Ok(believed) => {
            *kept = Some(believed);
            Step::Listen
        }
        Err((status, message)) => Step::Failed(status, message),
    }
}

fn odd_frame(how: &str, event: &Event) -> Step {
    Step::Failed(BootStatus::ProtocolError, trust::odd_frame(how, event))
}
