//! The driver against services of every kind, each in a network of its own. The services are tests of this very program, which its
//! other tests run; by themselves they find nobody, and end.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use firebench_model::service::{Bytes, Drive, Load};
use firebench_protocol::service::{BODY_PATH, GREETING, SERVICE_PORT, SHUTDOWN_PATH, body};
use firebench_supervise::{Isolation, Output, StartError, Vm};
use firebench_text::units::Size;
use firebench_vmm::{Launch, preset};

use super::*;

/// Bytes of an answer under load.
const BODY: usize = 5000;

/// How long an answer may take here.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a service waits for somebody who asks.
const ALONE: Duration = Duration::from_secs(20);

/// What a misbehaving service does in place of an answer to a path; false: nothing, and it answers well.
type Instead = fn(&mut TcpStream, &str) -> bool;

/// A service that listens after so long, and says when it did.
fn serve(delay: Duration, instead: Instead) {
    std::thread::sleep(delay);
    let listener = TcpListener::bind(("0.0.0.0", SERVICE_PORT)).expect("a port");
    println!("\nlistening: {:?}", Instant::now());
    listener.set_nonblocking(true).expect("set");
    let begun = Instant::now();
    while begun.elapsed() < ALONE {
        match listener.accept() {
            Ok((stream, _)) => drop(std::thread::spawn(move || converse(stream, instead))),
            Err(_) => std::thread::sleep(Duration::from_micros(100)),
        }
    }
}

fn converse(mut stream: TcpStream, instead: Instead) {
    stream.set_nonblocking(false).expect("set");
    let mut buffer = [0; 1000];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        let request = String::from_utf8_lossy(&buffer[..count]).into_owned();
        let path = request.split(' ').nth(1).unwrap_or_default();
        if instead(&mut stream, path) {
            return;
        }
        let answer = if path == BODY_PATH { body(BODY) } else { GREETING.to_vec() };
        let _ = stream.write_all(&[head(answer.len()).as_bytes(), &answer].concat());
        if path == SHUTDOWN_PATH {
            std::process::exit(0);
        }
    }
}

fn head(length: usize) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")
}

/// An answer to a path, whole or not, and then nothing any more.
fn says(stream: &mut TcpStream, parts: &[&[u8]]) -> bool {
    let _ = stream.write_all(&parts.concat());
    true
}

/// Services, each with the time after which it listens.
macro_rules! services {
    ($($name:ident: $delay:literal, $instead:expr;)*) => {
        $(
            #[test]
            #[ignore = "run by others, in a network of its own"]
            fn $name() {
                serve(Duration::from_millis($delay), $instead);
            }
        )*
    };
}

services! {
    good: 0, |_, _| false;
    late: 300, |_, _| false;
    wrong_greeting: 0, |stream, _| says(stream, &[head(10).as_bytes(), b"firebencH\n"]);
    no_http: 0, |stream, _| says(stream, &[b"\x00\x01\x02\r\n\r\n"]);
    wrong_body: 0, |stream, path| path == BODY_PATH && says(stream, &[head(BODY).as_bytes(), &[7; BODY]]);
    wrong_length: 0, |stream, path| path == BODY_PATH && says(stream, &[head(usize::MAX).as_bytes()]);
    endless: 0, |stream, path| {
        if path == BODY_PATH {
            let _ = stream.write_all(head(BODY).as_bytes());
            while stream.write_all(&body(BODY)).is_ok() {}
        }
        path == BODY_PATH
    };
    drips: 0, |stream, path| {
        if path == BODY_PATH {
            for byte in [head(BODY).into_bytes(), body(BODY)].concat() {
                let _ = stream.write_all(&[byte]);
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        path == BODY_PATH
    };
    hangs_up: 0, |_, path| path == BODY_PATH;
    silent: 0, |_, _| {
        std::thread::sleep(ALONE);
        true
    };
    ends: 0, |_, path| {
        if path == BODY_PATH {
            std::process::exit(0);
        }
        false
    };
}

/// What comes of a service.
struct Driven {
    outcome: Result<Values, String>,
    progress: String,
    /// Seconds from the start of its program until it listened.
    listened: Option<f64>,
}

/// Drives a service of these; None where this user can have no network for it, which is said.
fn driven(name: &str, load: bool) -> Option<Driven> {
    let test = std::env::current_exe().expect("this program");
    let name = format!("drive::tests::{name}");
    let argv = [test.to_str().expect("text"), "--exact", "--ignored", "--nocapture", &name];
    let launch =
        Launch { argv: argv.map(str::to_owned).to_vec(), peer: Some(preset::peer(false, 32)), ..Launch::default() };
    let mut vm = match Vm::start(&launch, &Isolation::default()) {
        Err(StartError::Confine { step, source, help }) => {
            eprintln!("NOT TESTED, this user has no such network: cannot {step}: {source} ({help:?})");
            return None;
        }
        vm => vm.expect("started"),
    };
    let load = load.then_some(Load { rate: 100, connections: 2, duration: Duration::from_millis(500) });
    let drive = Drive { load, body: Bytes::Pattern { length: Size(BODY as u64) } };
    let end = vm.peer.take().expect("a place in its network");
    let mut driver = Driver::start(end, drive, vm.executed(), PATIENCE).expect("a thread");
    let (mut console, mut outcome) = (String::new(), None);
    let begun = Instant::now();
    loop {
        match vm.next(driver.glance(after(begun, Duration::from_secs(60)))).expect("next") {
            Output::Console { bytes, .. } => console += &String::from_utf8_lossy(&bytes),
            Output::Exited(_) => break,
            Output::Stalled(_) => {}
            Output::Deadline if begun.elapsed() > Duration::from_secs(8) => break,
            Output::Deadline => outcome = outcome.or(driver.failed()),
            other => panic!("{other:?} after {console}"),
        }
        if outcome.is_some() {
            break;
        }
    }
    let outcome = outcome.map_or_else(|| driver.end(), Err);
    let listened = moment(&console).map(|at| at - moment(&format!("{:?}", vm.executed())).expect("a moment"));
    Some(Driven { outcome, progress: driver.progress(), listened })
}

/// The seconds of an `Instant` in words, the only ones in which another process can read them.
fn moment(text: &str) -> Option<f64> {
    let number = |name: &str| {
        let rest = text.split_once(name)?.1;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<f64>().ok()
    };
    Some(number("tv_sec: ")? + number("tv_nsec: ")? / 1e9)
}

fn value(values: &Values, name: &str) -> f64 {
    values.iter().find(|(known, _)| *known == name).unwrap_or_else(|| panic!("{name}: {values:?}")).1
}

#[test]
fn the_first_answer_is_seen_within_milliseconds_and_never_too_early() {
    let mut best = f64::MAX;
    for _ in 0..5 {
        let Some(Driven { outcome, listened, .. }) = driven("late", false) else { return };
        let values = outcome.expect("it answers");
        let (truth, seen) = (listened.expect("it says when"), value(&values, "http"));
        assert!(truth >= 0.3, "{truth}");
        assert!(value(&values, "tcp") <= seen);
        // It is said right after it listens: a client may be faster.
        assert!(seen > truth - 0.001, "{seen} after {truth}");
        best = best.min(seen - truth);
    }
    eprintln!("the probe's least error of five: {:.3} ms", best * 1e3);
    // A busy machine delays some, and not each.
    assert!(best < 0.005, "{best}");
}

#[test]
fn a_good_service_has_all_its_figures() {
    let Some(Driven { outcome, .. }) = driven("good", true) else { return };
    let values = outcome.expect("it answers");
    let times = ["p50", "p90", "p99", "p999"].map(|name| value(&values, name));
    assert!(times.is_sorted() && times[0] > 0.0, "{times:?}");
    let (answers, bytes) = (value(&values, "answers"), value(&values, "bytes"));
    assert!(answers > 0.0 && (bytes / answers - BODY as f64).abs() < 1e-6, "{values:?}");
    assert!(value(&values, "client_cpu") > 0.0 && value(&values, "client_late") >= 0.0);
}

#[test]
fn what_a_bad_service_does_is_said_and_ends() {
    for (name, expected) in [
        ("wrong_greeting", "other bytes than those of its body"),
        ("no_http", "not in HTTP"),
        ("wrong_body", "other bytes than those of its body"),
        ("wrong_length", "bytes, not 5000"),
        ("endless", "the service answered, but"),
        ("drips", "did not finish an answer within 2 s"),
        ("hangs_up", "closed a connection"),
        ("ends", "connection"),
    ] {
        let Some(Driven { outcome, .. }) = driven(name, true) else { return };
        let said = outcome.expect_err(name);
        assert!(said.contains(expected), "{name}: {said}");
    }
}

#[test]
fn of_a_service_that_never_answers_is_said_how_far_it_came() {
    let Some(Driven { outcome, progress, .. }) = driven("silent", false) else { return };
    let said = outcome.expect_err("it does not answer");
    assert!(said.contains("the service ended before firebench had its answers"), "{said}");
    assert!(progress.starts_with("in its network answered TCP after"), "{progress}");
}
