//! The load: first as many questions a second as the user says, however long the answers take; then as many as there can be.

use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use firebench_protocol::service::{BODY_PATH, SERVICE_PORT};
use firebench_supervise::PeerEnd;
use firebench_supervise::peer::{connect, disconnect, ready, sleep_exactly, thread_cpu};
use firebench_workload::Load;

use super::client::{Client, Trouble};
use super::{Shared, Values};

/// Questions of each connection before any that counts: the first ones find nothing ready.
const WARM_UP: u32 = 5;

/// How often a connection that is refused is tried again.
const AGAIN: Duration = Duration::from_millis(5);

/// Both phases, over connections of their own.
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
    let at_rate = phase(streams, body, patience, shared, |client, ended| at_rate(client, load, body, ended))?;
    let begun = Instant::now();
    let until = begun + load.duration;
    let full = phase(streams, body, patience, shared, |client, ended| at_full_speed(client, until, body, ended))?;
    let seconds = begun.elapsed().as_secs_f64();
    let late: Vec<f64> = at_rate.iter().flat_map(|done| done.late.iter().copied()).collect();
    let latencies: Vec<f64> = at_rate.into_iter().flat_map(|done| done.latencies).collect();
    let answers: u64 = full.iter().map(|done| done.answers).sum();
    let cpu: Duration = full.iter().map(|done| done.cpu).sum();
    // The first connection is in nobody's way: the one over which the service is told to end.
    let answers = answers as f64;
    let mut values = percentiles(latencies);
    values.push(("throughput", answers / seconds));
    values.push(("bytes", answers * body.len() as f64 / seconds));
    values.push(("client_cpu", cpu.as_secs_f64() / seconds));
    values.extend(percentile(&sorted(late), 0.99).map(|late| ("client_late", late)));
    Ok(values)
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

/// Has every connection do something at once, in a thread each; the first trouble ends all of them.
fn phase(
    streams: &[TcpStream],
    body: &[u8],
    patience: Duration,
    shared: &Shared,
    work: impl Fn(&mut Client<'_>, &AtomicBool) -> Result<Done, Trouble> + Sync,
) -> Result<Vec<Done>, Trouble> {
    let ended = AtomicBool::new(false);
    let one = |stream| {
        sleep_exactly();
        let mut client = Client::new(stream, patience, shared)?;
        for _ in 0..WARM_UP {
            client.ask(BODY_PATH, body)?;
        }
        let outcome = work(&mut client, &ended);
        if outcome.is_err() {
            ended.store(true, Ordering::Relaxed);
        }
        outcome
    };
    let no_thread = |error: std::io::Error| Trouble::system("start a thread", &error);
    thread::scope(|scope| {
        let one = &one;
        let threads: Vec<_> =
            streams.iter().map(|stream| thread::Builder::new().spawn_scoped(scope, move || one(stream))).collect();
        let mut done = Vec::new();
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

/// The questions of all connections together, each of which is due at its time.
struct Timetable {
    begun: Instant,
    period: f64,
    total: u64,
    next: AtomicU64,
}

impl Timetable {
    fn due(&self, number: u64) -> Instant {
        self.begun + Duration::from_secs_f64(number as f64 * self.period)
    }
}
