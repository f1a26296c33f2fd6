//! The load: first as many questions a second as the user says, however long the answers take; then as many as there can be.

use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use firebench_model::service::Load;
use firebench_os::deadline::after;
use firebench_protocol::service::{BODY_PATH, SERVICE_PORT};
use firebench_supervise::PeerEnd;
use firebench_supervise::peer::{connect, disconnect, ready, sleep_exactly, thread_cpu};

use super::client::{Client, Trouble};
use super::shared::{Shared, Values};

/// Questions of each connection before any that counts: the first ones find nothing ready.
const WARM_UP: u32 = 5;

/// How long a try to connect is waited for.
const PART: Duration = Duration::from_millis(500);

/// How often a connection that is refused is tried again.
const AGAIN: Duration = Duration::from_millis(5);

/// Both phases, over the first connections.
pub(super) fn all(
    end: &PeerEnd,
    load: &Load,
    body: &[u8],
    patience: Duration,
    shared: &Shared,
) -> Result<Values, Trouble> {
    let wanted = usize::try_from(load.connections).unwrap_or(usize::MAX);
    let streams = end.connections.get(..wanted).ok_or_else(|| Trouble::System("connect so often".to_owned()))?;
    let to = SocketAddrV4::new(end.peer.service, SERVICE_PORT);
    for stream in streams {
        join(stream, to, patience, shared)?;
    }
    let on = |work: &Work<'_>| phase(streams, patience, shared, work);
    on(&|client, _| (0..WARM_UP).try_for_each(|_| client.ask(BODY_PATH, body)).map(|()| Done::default()))?;
    let timetable = Timetable::new(load);
    let at_rate = on(&|client, ended| timetable.keep(client, body, ended))?;
    let begun = Instant::now();
    let until = after(begun, load.duration);
    let full = on(&|client, ended| at_full_speed(client, until, body, ended))?;
    let seconds = begun.elapsed().as_secs_f64();
    let late = at_rate.iter().flat_map(|done| done.late.iter().copied()).collect();
    let latencies = sorted(at_rate.into_iter().flat_map(|done| done.latencies).collect());
    let answers = full.iter().map(|done| done.answers).sum::<u64>() as f64;
    let cpu = full.iter().map(|done| done.cpu.as_secs_f64()).sum::<f64>();
    let parts = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p999", 0.999)];
    let of_load = [
        ("answers", answers / seconds),
        ("bytes", answers * body.len() as f64 / seconds),
        ("client_cpu", cpu / seconds),
        ("client_late", percentile(&sorted(late), 0.99)),
    ];
    Ok(parts.map(|(name, part)| (name, percentile(&latencies, part))).into_iter().chain(of_load).collect())
}

/// What a connection has done.
#[derive(Debug, Default)]
struct Done {
    latencies: Vec<f64>,
    /// How late firebench itself was, where it was free when a question was due.
    late: Vec<f64>,
    answers: u64,
    cpu: Duration,
}

/// What a connection does, until it is told to end.
type Work<'a> = dyn Fn(&mut Client<'_>, &AtomicBool) -> Result<Done, Trouble> + Sync + 'a;

/// Has every connection do something, in a thread each; the first trouble ends all of them.
fn phase(streams: &[TcpStream], patience: Duration, shared: &Shared, work: &Work<'_>) -> Result<Vec<Done>, Trouble> {
    let ended = AtomicBool::new(false);
    let one = |stream| {
        sleep_exactly();
        let outcome = Client::new(stream, patience, shared).and_then(|mut client| work(&mut client, &ended));
        if outcome.is_err() {
            ended.store(true, Ordering::Relaxed);
        }
        outcome
    };
    let no_thread = |error: std::io::Error| Trouble::system("start a thread", &error);
    thread::scope(|scope| {
        let one = &one;
        let begin = |stream| thread::Builder::new().spawn_scoped(scope, move || one(stream));
        let threads: Vec<_> = streams.iter().map(begin).collect();
        let mut done = Vec::with_capacity(threads.len());
        let mut trouble = None;
        for thread in threads {
            let outcome = thread.map_err(no_thread).and_then(|thread| thread.join().unwrap_or(Err(Trouble::Stopped)));
            match outcome {
                Ok(one) => done.push(one),
                Err(other) => trouble = trouble.or(Some(other)),
            }
        }
        trouble.map_or(Ok(done), Err)
    })
}

/// Connects anew.
fn join(stream: &TcpStream, to: SocketAddrV4, patience: Duration, shared: &Shared) -> Result<(), Trouble> {
    let begun = Instant::now();
    loop {
        let tried = disconnect(stream).and_then(|()| stream.set_nonblocking(true)).and_then(|()| connect(stream, to));
        let outcome = match tried {
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => ready(&[(stream.as_fd(), true)], PART)
                .and_then(|ready| match (ready.first(), stream.take_error()?) {
                    (Some(true), None) => Ok(()),
                    (Some(true), Some(error)) => Err(error),
                    _ => Err(std::io::ErrorKind::TimedOut.into()),
                }),
            other => other,
        };
        match outcome {
            Ok(()) => return Ok(()),
            Err(_) if shared.is_over() => return Err(Trouble::Stopped),
            Err(error) if begun.elapsed() > patience => return Err(Trouble::Broken(error.to_string())),
            Err(_) => thread::sleep(AGAIN),
        }
    }
}

/// The questions of all connections together, each of which is due at its time: whoever comes late with one, because the answer before it
/// came late, counts that for it.
///
/// Source: Tene, "How NOT to Measure Latency", 2013 (coordinated omission).
struct Timetable {
    begun: Instant,
    end: Instant,
    period: f64,
    total: u64,
    next: AtomicU64,
}

impl Timetable {
    /// From now on.
    fn new(load: &Load) -> Timetable {
        let (begun, rate) = (Instant::now(), load.rate.max(1));
        let total = (load.duration.as_secs_f64() * f64::from(rate)).round() as u64;
        // Who is a little behind at the end still gets their answers.
        let end = after(begun, load.duration.mul_f64(1.1));
        Timetable { begun, end, period: f64::from(rate).recip(), total, next: AtomicU64::new(0) }
    }

    /// Asks, over one of the connections, what is due next, until nothing is. A question that could not even be asked in time counts with
    /// the time that it had waited by then.
    fn keep(&self, client: &mut Client<'_>, body: &[u8], ended: &AtomicBool) -> Result<Done, Trouble> {
        let mut done = Done::default();
        while !ended.load(Ordering::Relaxed) {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.total {
                break;
            }
            let due = after(self.begun, Duration::from_secs_f64(number as f64 * self.period));
            let early = due.saturating_duration_since(Instant::now());
            thread::sleep(early);
            let now = Instant::now();
            if now < self.end {
                client.ask(BODY_PATH, body)?;
            }
            if !early.is_zero() {
                done.late.push(now.saturating_duration_since(due).as_secs_f64());
            }
            done.latencies.push(due.elapsed().as_secs_f64());
        }
        Ok(done)
    }
}

/// Asks over one connection as fast as there are answers.
fn at_full_speed(client: &mut Client<'_>, until: Instant, body: &[u8], ended: &AtomicBool) -> Result<Done, Trouble> {
    let before = thread_cpu();
    let mut done = Done::default();
    while Instant::now() < until && !ended.load(Ordering::Relaxed) {
        client.ask(BODY_PATH, body)?;
        done.answers = done.answers.saturating_add(1);
    }
    done.cpu = thread_cpu().saturating_sub(before);
    Ok(done)
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// The least of the values that such a part of them does not exceed (the nearest rank); 0 of none.
fn percentile(sorted: &[f64], part: f64) -> f64 {
    let rank = (part * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn percentiles_are_values_that_were_seen() {
        let values: Vec<f64> = (1..=1000).map(f64::from).collect();
        for (part, expected) in [(0.5, 500.0), (0.9, 900.0), (0.99, 990.0), (0.999, 999.0)] {
            assert_eq!(percentile(&values, part), expected);
        }
        assert_eq!(percentile(&[7.0], 0.999), 7.0);
        assert_eq!(percentile(&[], 0.5), 0.0);
    }

    /// A service that stands still for 300 ms before its tenth answer, and is quick otherwise.
    fn stands_still() -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client");
            let mut request = [0; 200];
            for number in 1.. {
                if stream.read(&mut request).unwrap_or(0) == 0 {
                    return;
                }
                if number == 10 {
                    thread::sleep(Duration::from_millis(300));
                }
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
            }
        });
        TcpStream::connect(address).expect("connected")
    }

    #[test]
    fn questions_that_could_not_be_asked_count_from_when_they_were_due() {
        let (stream, shared) = (stands_still(), Shared::default());
        let load = Load { rate: 100, connections: 1, duration: Duration::from_secs(1) };
        let timetable = Timetable::new(&load);
        let mut client = Client::new(&stream, Duration::from_secs(60), &shared).expect("a client");
        let done = timetable.keep(&mut client, b"x", &AtomicBool::new(false)).expect("answers");
        assert_eq!(done.latencies.len(), 100);
        // The one that waited, and those that were due meanwhile: 290 ms, 280 ms, ...
        let waited = done.latencies.iter().filter(|seconds| **seconds > 0.05).count();
        assert!(waited >= 25, "{:?}", done.latencies);
        assert!(percentile(&sorted(done.latencies), 0.999) >= 0.29);
    }

    #[test]
    fn a_timetable_that_cannot_be_kept_ends() {
        let (stream, shared) = (stands_still(), Shared::default());
        let load = Load { rate: 1_000_000, connections: 1, duration: Duration::from_millis(200) };
        let timetable = Timetable::new(&load);
        let mut client = Client::new(&stream, Duration::from_secs(60), &shared).expect("a client");
        let done = timetable.keep(&mut client, b"x", &AtomicBool::new(false)).expect("answers");
        assert_eq!(done.latencies.len(), 200_000, "each question counts");
        let stopped = timetable.keep(&mut client, b"x", &AtomicBool::new(true)).expect("nothing");
        assert!(stopped.latencies.is_empty());
    }

    #[test]
    fn one_connection_in_trouble_ends_all() {
        let (good, bad, shared) = (stands_still(), stands_still(), Shared::default());
        let until = after(Instant::now(), Duration::from_secs(600));
        let turn = AtomicU64::new(0);
        let streams = [good, bad];
        let done = phase(&streams, Duration::from_secs(60), &shared, &|client, ended| {
            // The second one is promised another body.
            let body: &[u8] = if turn.fetch_add(1, Ordering::Relaxed) == 0 { b"x" } else { b"y" };
            at_full_speed(client, until, body, ended)
        });
        assert!(matches!(done, Err(Trouble::Wrong(_))), "{done:?}");
    }
}
