//! The monitor of the nested host's QEMU: where a machine that stands still does so.
//!
//! Source: QEMU's `docs/interop/qmp-spec.rst`; what `info lapic` and `info registers` print is from QEMU 10.0.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use firebench_text as text;
use serde_json::{Value, json};

/// Most bytes of a path to a socket: `sun_path` of unix(7), with its NUL.
pub(super) const LONGEST_PATH: usize = 107;

/// How long QEMU may take for an answer. Its main loop, which gives them, has little else to do.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);
/// Bytes of an answer, with what may come before it.
const LONGEST_ANSWER: u64 = 64 << 10;
/// Lines that may come before an answer: events.
const MOST_EVENTS: usize = 20;
/// Characters that are quoted of a word of QEMU's.
const QUOTED: usize = 60;

/// The serial port of the nested host's console.
const SERIAL: &str = "serial0";

/// A connection to it.
#[derive(Debug)]
pub(super) struct Monitor(BufReader<UnixStream>);

impl Monitor {
    /// Connects to the socket that QEMU listens on.
    pub(super) fn connect(path: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(path)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
        let mut monitor = Monitor(BufReader::new(stream));
        monitor.line()?;
        monitor.ask(&json!({ "execute": "qmp_capabilities" }))?;
        Ok(monitor)
    }

    /// Where the machine stands, in a sentence without its end.
    pub(super) fn whereabouts(&mut self) -> io::Result<String> {
        let registers = self.human("info registers")?;
        let interrupts = self.human("info lapic")?;
        Ok(whereabouts(&registers, &interrupts))
    }

    /// Raises an interrupt of the serial port, as a break on the line does. That lets a CPU look again for interrupts that are
    /// due and does nothing else.
    pub(super) fn nudge(&mut self) -> io::Result<()> {
        self.human(&format!("chardev-send-break {SERIAL}")).map(drop)
    }

    /// A command for humans, and what it prints.
    fn human(&mut self, command: &str) -> io::Result<String> {
        let arguments = json!({ "command-line": command });
        let answer = self.ask(&json!({ "execute": "human-monitor-command", "arguments": arguments }))?;
        Ok(answer.as_str().unwrap_or_default().to_owned())
    }

    fn ask(&mut self, command: &Value) -> io::Result<Value> {
        self.0.get_mut().write_all(format!("{command}\n").as_bytes())?;
        for _ in 0..MOST_EVENTS {
            let answer = self.line()?;
            if let Some(value) = answer.get("return") {
                return Ok(value.clone());
            }
            if let Some(error) = answer.get("error") {
                return Err(io::Error::other(text::excerpt(&error.to_string(), QUOTED)));
            }
        }
        Err(io::Error::other("events but no answer"))
    }

    fn line(&mut self) -> io::Result<Value> {
        let mut line = String::new();
        (&mut self.0).take(LONGEST_ANSWER).read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }
}

/// What the registers and the interrupt controller of a CPU say. While it runs a guest, RIP and the flag of interrupts are the
/// guest's.
fn whereabouts(registers: &str, interrupts: &str) -> String {
    let word = |name: &str| {
        let (_, after) = registers.split_once(name)?;
        after.trim_start().split_ascii_whitespace().next().map(|word| text::excerpt(word, QUOTED))
    };
    let rip = word("RIP=").unwrap_or_else(|| "unknown".to_owned());
    let halted = word("HLT=").is_some_and(|flag| flag == "1");
    /// The flag of RFLAGS with which interrupts are taken.
    const INTERRUPTS_ON: u64 = 1 << 9;
    let flags = word("RFL=").and_then(|flags| u64::from_str_radix(&flags, 16).ok());
    let on = flags.map(|flags| if flags & INTERRUPTS_ON != 0 { "on" } else { "off" });
    let state = if halted { "is halted" } else { "runs" };
    let pending = interrupts.lines().find_map(|line| line.trim_start().strip_prefix("IRR"));
    let pending = pending.map(str::trim).filter(|pending| !pending.is_empty() && *pending != "(none)");
    let due = match pending {
        Some(pending) => format!("interrupt {} is pending", text::excerpt(pending, QUOTED)),
        None => "no interrupt is pending".to_owned(),
    };
    format!("its CPU {state} at RIP {rip} with interrupts {}, {due}", on.unwrap_or("unknown"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    const REGISTERS: &str = "\r\nCPU#0\r\nRAX=0000000000000000 RBX=0000000000000001\r\n\
        RIP=ffffffff81a0c0de RFL=00000246 [---Z-P-] CPL=0 II=0 A20=1 SMM=0 HLT=0\r\nES =0000\r\n";
    const LAPIC: &str = "dumping local APIC state for CPU 0\n\nTimer\t DCR=0xb (divide by 1) initial_count = 5\n\
        ISR\t (none)\nIRR\t 236\n\nAPR 0x00 TPR 0x10 DFR 0x0f LDR 0x00 PPR 0x10\n";

    #[test]
    fn says_where_a_cpu_stands() {
        assert_eq!(
            whereabouts(REGISTERS, LAPIC),
            "its CPU runs at RIP ffffffff81a0c0de with interrupts on, interrupt 236 is pending"
        );
        let halted = REGISTERS.replace("HLT=0", "HLT=1").replace("RFL=00000246", "RFL=00000046");
        assert_eq!(
            whereabouts(&halted, "ISR\t (none)\nIRR\t (none)\n"),
            "its CPU is halted at RIP ffffffff81a0c0de with interrupts off, no interrupt is pending"
        );
        assert_eq!(whereabouts("", ""), "its CPU runs at RIP unknown with interrupts unknown, no interrupt is pending");
    }

    /// A monitor that gives these answers, one a question.
    fn monitor(answers: &'static [&'static str]) -> (tempfile::TempDir, io::Result<Monitor>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("monitor");
        let listener = UnixListener::bind(&path).unwrap();
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let mut stream = stream;
            stream.write_all(b"{\"QMP\": {}}\n").unwrap();
            for answer in answers {
                lines.next();
                stream.write_all(answer.as_bytes()).unwrap();
            }
            lines.next();
        });
        (dir, Monitor::connect(&path))
    }

    #[test]
    fn asks_past_events() {
        let answers = &[
            "{\"return\": {}}\n",
            "{\"event\": \"RESUME\"}\n{\"return\": \"RIP=1 RFL=200 HLT=0\"}\n",
            "{\"return\": \"IRR\\t (none)\\n\"}\n",
            "{\"error\": {\"desc\": \"no such chardev\"}}\n",
        ];
        let (_dir, monitor) = monitor(answers);
        let mut monitor = monitor.unwrap();
        assert_eq!(monitor.whereabouts().unwrap(), "its CPU runs at RIP 1 with interrupts on, no interrupt is pending");
        assert!(monitor.nudge().unwrap_err().to_string().contains("no such chardev"));
    }

    #[test]
    fn a_monitor_that_does_not_answer_is_given_up() {
        let (_dir, monitor) = monitor(&[]);
        assert!(monitor.is_err());
        let dir = tempfile::tempdir().unwrap();
        assert!(Monitor::connect(&dir.path().join("none")).is_err());
    }
}
