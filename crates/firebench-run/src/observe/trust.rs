//! What is believed of a guest's word. Whatever is more, or other, than an honest agent could say fails the boot, before it
//! is kept or counted.

use std::time::Duration;

use firebench_model::plan::Inputs;
use firebench_model::record::BootStatus;
use firebench_protocol::{Event, GuestFacts, IterationReport};
use firebench_supervise::Exit;
use firebench_text as text;
use firebench_workload::Fault;
use serde_json::Value;

/// Characters of a guest's word that a message quotes.
const QUOTED: usize = 200;

/// Bytes of JSON that a guest's facts may have: some ten times what the longest lists of CPU flags and mitigations take.
const FACTS: usize = 64 << 10;

/// Bytes that a `/proc/meminfo` may have: some ten times its size.
const MEMINFO: usize = 16 << 10;

/// Seconds that no command needs less than: to make a process and to wait for it takes a hundred times as long.
const SHORTEST: f64 = 1e-6;

/// By the guest's clock an iteration may have taken so many times its deadline, to which the host's clock held it. A clock
/// that is wrong by less voids the boot; one that is wrong by more is a lie.
const FASTEST_CLOCK: f64 = 1000.0;

/// Seconds for which no machine has run: a thousand years.
const LONGEST: f64 = 3e10;

/// Whether it is a time for which a kernel may have run.
pub(super) fn is_span(seconds: f64) -> bool {
    (0.0..=LONGEST).contains(&seconds)
}

/// A boot's status, and a sentence.
pub(super) type Failed = (BootStatus, String);

/// A guest's word as a message quotes it: on one line, printable, and not long.
pub(super) fn quoted(word: &str) -> String {
    text::excerpt(word.trim(), QUOTED)
}

/// Facts of a size that facts have, printable.
pub(super) fn facts(facts: &GuestFacts) -> Result<GuestFacts, Failed> {
    let odd = |error: serde_json::Error| (BootStatus::ProtocolError, format!("the guest's facts are none: {error}"));
    let json = serde_json::to_value(facts).map_err(odd)?;
    sized("facts", json.to_string().len(), FACTS)?;
    serde_json::from_value(printable(json)).map_err(odd)
}

/// A meminfo of a size that a meminfo has, printable.
pub(super) fn meminfo(meminfo: &str) -> Result<String, Failed> {
    sized("meminfo", meminfo.len(), MEMINFO)?;
    Ok(text::clean(meminfo))
}

/// The same value with printable strings.
fn printable(value: Value) -> Value {
    match value {
        Value::String(word) => Value::String(text::clean(&word)),
        Value::Array(values) => values.into_iter().map(printable).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (text::clean(&name), printable(value))).collect()
        }
        other => other,
    }
}

fn sized(what: &str, bytes: usize, limit: usize) -> Result<(), Failed> {
    if bytes <= limit {
        return Ok(());
    }
    Err((BootStatus::ProtocolError, format!("the guest's {what} take {bytes} bytes, more than {limit}: no agent's do")))
}

/// A command that went well, in times that could be; the times, by metric.
pub(super) fn iteration(
    report: &IterationReport,
    inputs: &Inputs,
    deadline: Duration,
) -> Result<[(&'static str, f64); 3], Failed> {
    let failed = |status, reason: String| Err(of_iteration(report, status, &reason));
    if !inputs.is_good(report.status) {
        let reason = report.stderr.lines().find(|line| !line.trim().is_empty()).unwrap_or("it printed no error");
        let reason =
            format!("the command ended with status {}{}: {}", report.status, signal(report.status), quoted(reason));
        return failed(BootStatus::CommandFailed, reason);
    }
    let times = [("real", report.real), ("user", report.user), ("sys", report.sys)];
    let longest = FASTEST_CLOCK * deadline.as_secs_f64();
    for (name, value) in times {
        let shortest = if name == "real" { SHORTEST } else { 0.0 };
        if !(shortest..=longest).contains(&value) {
            let reason = format!("the guest reports {name} = {value:?} s, which no iteration takes");
            return failed(BootStatus::ProtocolError, reason);
        }
    }
    Ok(times)
}

/// An output that its workload does not take for right.
pub(super) fn fault(report: &IterationReport, fault: Fault) -> Failed {
    let (status, reason) = fault.into_status();
    of_iteration(report, status, &reason)
}

fn of_iteration(report: &IterationReport, status: BootStatus, reason: &str) -> Failed {
    (status, format!("iteration {}: {reason}", u64::from(report.index) + 1))
}

/// The signal that a status above 128 stands for, and what it means where it is one of a limit.
fn signal(status: i32) -> String {
    let number = status.checked_sub(128).filter(|number| (1..=64).contains(number));
    let limit = match number {
        Some(libc::SIGXCPU) => ": it used up its CPU time, `ulimit -t`",
        Some(libc::SIGXFSZ) => ": it wrote too large a file, `ulimit -f`",
        _ => "",
    };
    number.map(|number| format!(" ({}{limit})", Exit::Signal(number))).unwrap_or_default()
}

/// What an honest agent does not send, in a sentence.
pub(super) fn odd_frame(how: &str, event: &Event) -> String {
    let name = match event {
        Event::Hello { .. } => "hello",
        Event::Facts(_) => "facts",
        Event::Meminfo { .. } => "meminfo",
        Event::IterationStart { .. } => "start of an iteration",
        Event::Iteration(_) => "end of an iteration",
        Event::Output { .. } => "line of output",
        Event::Alive => "heartbeat",
        Event::Exited { .. } => "exit status",
        Event::Failed { .. } => "failure",
        Event::Done => "done",
    };
    format!("the guest sent a frame {how}: {name}")
}
