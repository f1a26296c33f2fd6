//! The guest's console, which belongs to whoever runs the guest.

use std::time::{Duration, Instant};

use firebench_model::clock::{self, Known};
use firebench_model::experiment::WorkloadName;
use firebench_model::plan::{Deadlines, Inputs};
use firebench_model::record::{BootRecord, BootStatus, PayloadRecord, Report};
use firebench_protocol::codec::{Damage, Decoder, Item, MAX_CONSOLE_LINE, MAX_PAYLOAD, encode};
use firebench_protocol::{Counters, Event, GuestFacts, IterationReport, Moment, PROTOCOL_VERSION};
use firebench_run::console::{Arrived, Console};
use firebench_run::observe::{Expected, Observer, Step};
use firebench_store::import;
use firebench_supervise::Exit;

use crate::clean;
use crate::heap::bounded;

/// What the decoder may hold: "some twenty times" the largest frame.
const MOST: usize = 24 * MAX_PAYLOAD;

/// The boot's nonce where the input is the console itself, so that an input can hold good frames.
const NONCE: &str = "0011223344556677";

/// The digest that iterations must print.
const DIGEST: &str = "84549ba4553e9897c38062ede225c315d97bfbde06016470c174ba09f514fe64";

/// Takes all but the first byte for a console, at once and in pieces whose lengths the first byte decides.
pub fn frames(data: &[u8]) {
    let Some((&seed, console)) = data.split_first() else { return };
    let last = encode(NONCE, u32::MAX, &Event::Done).expect("a short event");
    let mut whole = Vec::new();
    let mut decoder = Decoder::new(NONCE);
    // The items are not the decoder's: they are dropped as they come.
    bounded(MOST + 64 * data.len(), || decoder.push(console, &mut |item| check(&item)));

    let mut decoder = Decoder::new(NONCE);
    decoder.push(console, &mut |item| whole.push(item));
    // After a frame of the highest number none can come.
    let over = whole.iter().any(|item| {
        matches!(item, Item::Event { seq: u32::MAX, .. } | Item::Damaged(Damage::BadJson { seq: u32::MAX, .. }))
    });
    decoder.push(&last, &mut |item| whole.push(item));
    decoder.finish(&mut |item| whole.push(item));
    in_order(&whole);
    if !over {
        let found = Item::Event { seq: u32::MAX, event: Event::Done };
        assert_eq!(whole.last(), Some(&found), "a good frame is found, whatever came before");
    }

    let mut pieces = Vec::new();
    let mut decoder = Decoder::new(NONCE);
    for piece in split(console, seed).chain([&last[..]]) {
        decoder.push(piece, &mut |item| pieces.push(item));
    }
    decoder.finish(&mut |item| pieces.push(item));
    assert_eq!(pieces, whole, "it does not matter in which pieces the console comes");
}

/// `bytes` in pieces of 1 to 64 bytes, or of up to 16 KiB.
fn split(bytes: &[u8], seed: u8) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes;
    let mut state = u32::from(seed);
    std::iter::from_fn(move || {
        // Numerical Recipes' generator: any will do.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let most = if seed % 2 == 0 { 64 } else { 16 << 10 };
        let (piece, after) = rest.split_at(rest.len().min((state >> 8) as usize % most + 1));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

fn check(item: &Item) {
    if let Item::Console(line) = item {
        assert!(line.chars().count() <= MAX_CONSOLE_LINE && !line.contains('\n'), "one line of bounded length");
    }
}

fn in_order(items: &[Item]) {
    let numbers: Vec<u32> =
        items.iter().filter_map(|item| if let Item::Event { seq, .. } = item { Some(*seq) } else { None }).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "the numbers of frames rise: {numbers:?}");
}

/// Takes the input for what a guest does: each byte chooses among good frames and bad ones, kernel messages, and raw bytes.
/// The boot is observed as the runner does, and what comes of it is rendered.
pub fn guest(data: &[u8]) {
    let Some((&seed, script)) = data.split_first() else { return };
    // Of the input, so that no input holds a frame with it.
    let mut guest = Guest::new(format!("{:08x}{:08x}", crc32fast::hash(data), !crc32fast::hash(script)));
    guest.play(script);
    // A good frame after it all.
    guest.frame(u32::MAX, br#"{"event":"done"}"#);

    let start = Instant::now();
    let deadlines = Deadlines { boot: 10, iteration: 10, power_off: 10 };
    let workload = firebench_workload::of(&WorkloadName::default()).expect("the workload that prints a digest");
    let payload = PayloadRecord { bytes: 1 << 20, sha256: DIGEST.to_owned(), source: String::new() };
    let inputs = Inputs { payload: Some(payload), ..Inputs::default() };
    let mut observer =
        Observer::new(Expected { iterations: 2, workload, inputs: &inputs, deadlines, prepares: false }, start);
    let mut console = Console::new(&guest.nonce);
    let mut events = Vec::new();
    let mut verdict = None;
    let mut at = start;
    for piece in split(&guest.console, seed) {
        at += Duration::from_millis(1);
        for arrived in console.read(at, piece) {
            listen(&arrived, &mut events);
            if verdict.is_none() {
                if let Step::Failed(status, message) = observer.on_arrival(arrived) {
                    verdict = Some((status, message));
                }
            }
        }
    }
    let rest = console.finish(at);
    assert_eq!(rest, [], "the last line has an end");
    let numbers: Vec<u32> = events.iter().map(|(seq, _)| *seq).collect();
    assert!(numbers.is_sorted_by(|a, b| a < b), "the numbers of frames rise: {numbers:?}");
    for event in &events {
        assert!(guest.sent.contains(event), "nobody with the nonce sent {event:?}");
    }
    assert_eq!(numbers.last(), Some(&u32::MAX), "a good frame is found, whatever came before");

    let verdict = verdict.or_else(|| observer.vmm_exited(Exit::Code(0), "exit code 0"));
    clean::report(&boot(observer, verdict, at.saturating_duration_since(start)));
}

/// What the host knows of the guest.
const KNOWN: Known = Known {
    cpus: 2,
    counted: 2,
    memory: Some(1 << 30),
    payload: 1 << 20,
    pauses: false,
    emulated: false,
    whole_boots: false,
    own_cpu_account: false,
};

/// A boot that counts has no times but such as the host's clock bears out: the bounds of `docs/attacks.md`.
fn bears_out(record: &BootRecord) {
    let mut told = 0.0;
    for iteration in &record.iterations {
        let of = |metric: &str| iteration.metrics[metric];
        let (real, host) = (of("real"), of("host_real"));
        assert!(host > 0.0 && real > 0.0, "time passed");
        let apart = (host - real).abs();
        assert!(apart <= 0.25 || apart <= 0.01 * host, "a forged time: {real} s in {host} s");
        assert!(of("host_report") <= 0.25 && of("host_gap") <= 0.25, "unmeasured work");
        assert!(of("user") + of("sys") <= real * 2.0 * 1.02 + 0.04, "forged CPU time");
        told += real;
    }
    assert!(told <= record.life_seconds + 0.25, "more time than the boot had");
}

fn listen(arrived: &Arrived, events: &mut Vec<(u32, Event)>) {
    check(&arrived.item);
    assert!(arrived.begun <= arrived.ended, "no line ends before it began");
    if let Item::Event { seq, event } = &arrived.item {
        events.push((*seq, event.clone()));
    }
}

/// A report with the boot.
fn boot(observer: Observer<'_>, verdict: Option<(BootStatus, String)>, life: Duration) -> Report {
    let mut record = BootRecord::new(0, 0, 1);
    if let Some((status, message)) = verdict {
        assert!(status != BootStatus::Ok && !message.is_empty(), "a failure has a reason");
        assert!(message.chars().count() <= 1000, "a reason is a sentence");
        (record.status, record.message) = (status, Some(message));
        record.last_words = observer.words.lines();
        assert!(record.last_words.len() <= 41, "few words are kept");
    }
    assert!(observer.iterations.len() <= 2, "no more iterations than were asked for");
    for iteration in &observer.iterations {
        assert!(iteration.metrics.values().all(|value| value.is_finite() && *value >= 0.0), "times are times");
    }
    record.boot_seconds = observer.boot_seconds;
    record.facts = observer.facts;
    record.meminfo_before = observer.meminfo_before;
    record.meminfo_after = observer.meminfo_after;
    record.iterations = observer.iterations;
    record.life_seconds = life.as_secs_f64();
    match clock::check(&record, &KNOWN).void {
        Some(reason) => assert!(!reason.is_empty() && reason.chars().count() <= 1000, "a reason is a sentence"),
        None => bears_out(&record),
    }
    let samples = "contender,boot,iteration,metric,value\nqemu,0,0,real,1\nfirecracker,0,0,real,1\n";
    let mut report = import::parse(samples, "x", "2025-01-01T00:00:00Z").expect("samples");
    report.imported = None;
    report.contenders.iter_mut().for_each(|contender| contender.figures = None);
    if let Some(first) = report.contenders.first_mut() {
        first.boots = vec![record];
    }
    report
}

/// A guest at work.
struct Guest {
    nonce: String,
    /// What it wrote.
    console: Vec<u8>,
    /// The events that it sent with the right nonce, number and checksum.
    sent: Vec<(u32, Event)>,
    /// The number of the next frame.
    seq: u32,
    /// The next event of a good boot.
    step: usize,
}

impl Guest {
    fn new(nonce: String) -> Guest {
        Guest { nonce, console: Vec::new(), sent: Vec::new(), seq: 0, step: 0 }
    }

    /// What each byte of the script means; an argument is the byte after it, contents are two bytes of length, and so many.
    fn play(&mut self, script: &[u8]) {
        let mut script = Script(script);
        while let Some(action) = script.byte() {
            let event = self.next();
            match action % 14 {
                0 | 1 => {
                    self.step += 1;
                    self.good(&event);
                }
                2 => self.forge(&event),
                // Cut or damaged in its line ends alone, a frame is a good one.
                3 => {
                    self.sent.push((self.seq, event.clone()));
                    let frame = self.bytes(&event);
                    let (part, _) = frame.split_at(frame.len().min(script.number()));
                    self.console.extend_from_slice(part);
                }
                4 => self.interrupt(&event, script.number()),
                5 => self.console.extend_from_slice(script.contents()),
                6 => self.seq = self.seq.saturating_sub(1),
                7 => self.seq = self.seq.saturating_add(script.number() as u32),
                8 => {
                    self.sent.push((self.seq, event.clone()));
                    let mut frame = self.bytes(&event);
                    if let Some(byte) = frame.get_mut(script.number()) {
                        *byte ^= 1;
                    }
                    self.console.extend(frame);
                }
                9 => self.console.push(b'\n'),
                10 => self.console.extend_from_slice(b"[    1.000000] Kernel panic - not syncing: \x1b[31mred\n"),
                11 => {
                    let text = String::from_utf8_lossy(script.contents()).into_owned();
                    self.step += 1;
                    self.good(&with_text(event, &text));
                }
                12 => {
                    let number = f64::from_bits(u64::from_le_bytes(script.contents().try_into().unwrap_or([0xff; 8])));
                    self.step += 1;
                    self.good(&with_number(event, number));
                }
                _ => {
                    let payload = script.contents().to_vec();
                    self.frame(self.seq, &payload);
                    self.seq = self.seq.saturating_add(1).min(u32::MAX - 1);
                }
            }
        }
    }

    /// The next event of a good boot of two iterations.
    fn next(&self) -> Event {
        let meminfo = |moment| Event::Meminfo { moment, text: "MemTotal: 1012620 kB\n".to_owned() };
        let iteration = |index| {
            Event::Iteration(Box::new(IterationReport {
                index,
                real: 1.5,
                user: 1.25,
                sys: 0.25,
                status: 0,
                stdout: format!("{DIGEST}  /random.txt\n"),
                stderr: String::new(),
                stdout_bytes: 0,
                stdout_sha256: None,
                counters: Counters::default(),
            }))
        };
        match self.step {
            0 => Event::Hello { protocol: PROTOCOL_VERSION, agent: "0.1.0".to_owned(), uptime: 0.5, awake: 0.01 },
            1 => Event::Facts(Box::default()),
            2 => meminfo(Moment::Before),
            3 => Event::IterationStart { index: 0 },
            4 => iteration(0),
            5 => Event::IterationStart { index: 1 },
            6 => iteration(1),
            7 => meminfo(Moment::After),
            _ => Event::Done,
        }
    }

    fn bytes(&self, event: &Event) -> Vec<u8> {
        encode(&self.nonce, self.seq, event).unwrap_or_default()
    }

    fn good(&mut self, event: &Event) {
        let payload = serde_json::to_vec(event).expect("an event has a JSON form");
        self.frame(self.seq, &payload);
        self.seq = self.seq.saturating_add(1).min(u32::MAX - 1);
    }

    /// A frame with right nonce and checksum, whatever its payload: any guest can do that.
    fn frame(&mut self, seq: u32, payload: &[u8]) {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(self.nonce.as_bytes());
        hasher.update(&seq.to_le_bytes());
        hasher.update(payload);
        let header = format!("\n@firebench1 {} {seq} {} {:08x} ", self.nonce, payload.len(), hasher.finalize());
        self.console.extend_from_slice(header.as_bytes());
        self.console.extend_from_slice(payload);
        self.console.push(b'\n');
        if let Ok(event) = serde_json::from_slice(payload) {
            self.sent.push((seq, event));
        }
    }

    /// A frame of another boot.
    fn forge(&mut self, event: &Event) {
        self.console.extend(encode(NONCE, self.seq, event).unwrap_or_default());
    }

    /// A good frame with a kernel message at this place of it.
    fn interrupt(&mut self, event: &Event, at: usize) {
        let frame = self.bytes(event);
        let (start, end) = frame.split_at(frame.len().min(at));
        self.console.extend([start, b"[   58.875005] random: crng init done\n", end].concat());
        self.sent.push((self.seq, event.clone()));
        self.seq = self.seq.saturating_add(1).min(u32::MAX - 1);
        self.step += 1;
    }
}

/// The event with `text` wherever there is room for text.
fn with_text(event: Event, text: &str) -> Event {
    let text = text.to_owned();
    match event {
        Event::Hello { protocol, uptime, awake, .. } => Event::Hello { protocol, agent: text, uptime, awake },
        Event::Facts(_) => Event::Facts(Box::new(GuestFacts {
            kernel_release: text.clone(),
            cmdline: text.clone(),
            clocksources: text.lines().map(str::to_owned).collect(),
            block: [(text.clone(), text.clone())].into(),
            mitigations: [("x".to_owned(), text.clone())].into(),
            network_interfaces: Some(vec![text.clone()]),
            transparent_hugepage: text,
            ..GuestFacts::default()
        })),
        Event::Meminfo { moment, .. } => Event::Meminfo { moment, text },
        Event::Iteration(report) => {
            Event::Iteration(Box::new(IterationReport { stdout: text.clone(), stderr: text, status: 1, ..*report }))
        }
        _ => Event::Failed { message: text },
    }
}

/// The event with this number as its times.
fn with_number(event: Event, number: f64) -> Event {
    match event {
        Event::Hello { protocol, agent, .. } => Event::Hello { protocol, agent, uptime: number, awake: number },
        Event::Iteration(report) => {
            Event::Iteration(Box::new(IterationReport { real: number, user: number, sys: number, ..*report }))
        }
        other => other,
    }
}

/// What is left of a script.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn number(&mut self) -> usize {
        usize::from(self.byte().unwrap_or_default())
    }

    fn contents(&mut self) -> &'a [u8] {
        let length = self.number() | self.number() << 8;
        let (contents, rest) = self.0.split_at(self.0.len().min(length));
        self.0 = rest;
        contents
    }
}
