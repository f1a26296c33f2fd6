//! The probe: when a contender first answers, on each layer. It asks every millisecond and is woken by every answer, so a time is at most
//! about one millisecond too late.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use firebench_os::deadline::after;
use firebench_protocol::service::{GREETING, GREETING_PATH, MAX_HEAD, SERVICE_PORT};
use firebench_supervise::PeerEnd;
use firebench_supervise::peer::{connect, disconnect, ready, sleep_exactly};

use super::client::{Trouble, head, request};
use super::probed::Probed;
use super::shared::{Shared, is_for_now};

/// How often it asks.
const TICK: Duration = Duration::from_millis(1);

/// Tries to connect that are under way at once. One that nobody answers is tried again by the kernel after a second only, so the next one
/// begins beside it.
const TRIES: usize = 32;

/// How long a try is left alone at first. Twice as long after each round in which none was answered: whoever is slow is waited for.
const SHORTEST_TRY: Duration = Duration::from_millis(30);
const LONGEST_TRY: Duration = Duration::from_secs(4);

/// How long an answer in HTTP is waited for before another connection is tried.
const LONGEST_ANSWER: Duration = Duration::from_secs(10);

/// How long the answer to an echo is waited for after that of HTTP: there may be none.
const LAST_ECHO: Duration = Duration::from_millis(100);

/// What a connection is at.
#[derive(Debug)]
enum Slot {
    Idle,
    /// It connects, since then.
    Trying(Instant),
    /// It has asked, since then, and this has come.
    Asking(Instant, Vec<u8>),
}

struct Probe<'a> {
    end: &'a PeerEnd,
    to: SocketAddrV4,
    started: Instant,
    slots: Vec<Slot>,
    longest: Duration,
    /// Tries that were given up since the time for one was set.
    given_up: usize,
    probed: Probed,
}

/// Asks until everything has answered; also, which connection is open then.
pub(super) fn until_it_answers(end: &PeerEnd, started: Instant, shared: &Shared) -> Result<(Probed, usize), Trouble> {
    sleep_exactly();
    let slots = end.connections.iter().take(TRIES).map(|_| Slot::Idle).collect();
    let to = SocketAddrV4::new(end.peer.service, SERVICE_PORT);
    let probed = Probed::default();
    let mut probe = Probe { end, to, started, slots, longest: SHORTEST_TRY, given_up: 0, probed };
    let mut tick = Instant::now();
    let mut answered: Option<(usize, Instant)> = None;
    loop {
        if shared.is_over() {
            return Err(Trouble::Stopped);
        }
        let now = Instant::now();
        if let Some((place, at)) = answered {
            if !end.has_card() || probe.probed.icmp.is_some() || now > after(at, LAST_ECHO) {
                probe.others_end(place);
                return Ok((probe.probed, place));
            }
        }
        if now >= tick {
            probe.ask(answered.is_some());
            // Questions that came too late are not made up for.
            tick = after(now, TICK);
        }
        let before = probe.probed.clone();
        answered = probe.hear(tick.saturating_duration_since(Instant::now()))?.or(answered);
        if probe.probed != before {
            shared.note(&probe.probed);
        }
    }
}

impl Probe<'_> {
    fn seconds(&self, at: Instant) -> f64 {
        at.saturating_duration_since(self.started).as_secs_f64()
    }

    /// The questions of a tick.
    fn ask(&mut self, answered: bool) {
        if self.end.has_card() && self.probed.arp.is_none() {
            self.end.ask_arp();
            return;
        }
        if self.end.has_card() && self.probed.icmp.is_none() {
            self.end.ask_icmp();
        }
        let asking = self.slots.iter().any(|slot| matches!(slot, Slot::Asking(..)));
        if !answered && !asking {
            self.try_again();
        }
    }

    /// Begins another try to connect.
    fn try_again(&mut self) {
        let now = Instant::now();
        let age = |slot: &Slot| match slot {
            Slot::Idle => Duration::MAX,
            Slot::Trying(since) | Slot::Asking(since, _) => now.saturating_duration_since(*since),
        };
        let oldest = self.slots.iter().enumerate().max_by_key(|(_, slot)| age(slot));
        let Some((place, age)) = oldest.map(|(place, slot)| (place, age(slot))) else { return };
        let Some(stream) = self.end.connections.get(place) else { return };
        if age < self.longest {
            return;
        }
        if age < Duration::MAX {
            let _ = disconnect(stream);
            self.given_up = self.given_up.saturating_add(1);
            if self.given_up >= self.slots.len() {
                self.longest = self.longest.saturating_mul(2).min(LONGEST_TRY);
                self.given_up = 0;
            }
        }
        let begun = connect(stream, self.to);
        self.set(place, Slot::Trying(now));
        match begun {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
            Err(error) => self.lost(place, error.kind()),
        }
    }

    fn set(&mut self, place: usize, slot: Slot) {
        if let Some(there) = self.slots.get_mut(place) {
            *there = slot;
        }
    }

    /// A try has come to nothing.
    fn lost(&mut self, place: usize, why: ErrorKind) {
        self.probed.refused = Some(why);
        if let Some(stream) = self.end.connections.get(place) {
            let _ = disconnect(stream);
        }
        self.set(place, Slot::Idle);
    }

    /// Ends what is not needed any more.
    fn others_end(&mut self, place: usize) {
        for other in (0..self.slots.len()).filter(|other| *other != place) {
            if let (Some(Slot::Trying(_) | Slot::Asking(..)), Some(stream)) =
                (self.slots.get(other), self.end.connections.get(other))
            {
                let _ = disconnect(stream);
            }
        }
    }

    /// Waits for answers, for no longer than `time`, and takes them; which connection has had that of HTTP, and when.
    fn hear(&mut self, time: Duration) -> Result<Option<(usize, Instant)>, Trouble> {
        let mut descriptors = Vec::with_capacity(TRIES + 2);
        descriptors.extend(self.end.answers().map(|fd| (fd, false)));
        let mut places = Vec::with_capacity(TRIES);
        for (place, (slot, stream)) in self.slots.iter().zip(&self.end.connections).enumerate() {
            let writable = match slot {
                Slot::Idle => continue,
                Slot::Trying(_) => true,
                Slot::Asking(..) => false,
            };
            descriptors.push((stream.as_fd(), writable));
            places.push(place);
        }
        let ready = ready(&descriptors, time).map_err(|error| Trouble::system("wait for answers", &error))?;
        drop(descriptors);
        let at = Instant::now();
        let seconds = self.seconds(at);
        let mut ready = ready.into_iter();
        if ready.next() == Some(true) {
            if let (Some(mac), None) = (self.end.heard_arp(), self.probed.arp) {
                self.probed.arp = Some(seconds);
                self.end.know(mac).map_err(|error| Trouble::system("set an address of hardware", &error))?;
                self.end.ask_icmp();
                self.try_again();
            }
        }
        if ready.next() == Some(true) && self.end.heard_icmp() && self.probed.icmp.is_none() {
            self.probed.icmp = Some(seconds);
        }
        let mut answered = None;
        for place in places.into_iter().zip(ready).filter_map(|(place, ready)| ready.then_some(place)) {
            let Some(stream) = self.end.connections.get(place) else { continue };
            match self.slots.get_mut(place).map(|slot| std::mem::replace(slot, Slot::Idle)) {
                Some(Slot::Trying(_)) => match stream.take_error() {
                    Ok(None) => {
                        self.probed.tcp.get_or_insert(seconds);
                        let asked = (&mut &*stream).write_all(request(GREETING_PATH).as_bytes());
                        match asked {
                            Ok(()) => self.set(place, Slot::Asking(at, Vec::new())),
                            Err(error) => self.lost(place, error.kind()),
                        }
                    }
                    Ok(Some(error)) | Err(error) => self.lost(place, error.kind()),
                },
                Some(Slot::Asking(since, so_far)) => match answer(stream, so_far) {
                    Ok(Some(so_far)) if at.saturating_duration_since(since) < LONGEST_ANSWER => {
                        self.set(place, Slot::Asking(since, so_far));
                    }
                    Ok(None) => {
                        self.probed.http.get_or_insert(seconds);
                        answered = answered.or(Some((place, at)));
                    }
                    Err(Trouble::Wrong(what)) => return Err(Trouble::Wrong(what)),
                    Ok(Some(_)) | Err(_) => self.lost(place, ErrorKind::ConnectionReset),
                },
                _ => {}
            }
        }
        // A connection that says nothing is given up in the end.
        for place in 0..self.slots.len() {
            let silent = |since: &Instant| at.saturating_duration_since(*since) > LONGEST_ANSWER;
            if matches!(self.slots.get(place), Some(Slot::Asking(since, _)) if silent(since)) {
                self.lost(place, ErrorKind::TimedOut);
            }
        }
        Ok(answered)
    }
}

/// Takes what is there of the greeting; None once it is whole.
fn answer(stream: &TcpStream, mut so_far: Vec<u8>) -> Result<Option<Vec<u8>>, Trouble> {
    let mut buffer = [0; MAX_HEAD];
    match (&mut &*stream).read(&mut buffer) {
        Ok(0) => return Err(Trouble::Closed),
        Ok(count) => so_far.extend(buffer.iter().take(count)),
        Err(error) if is_for_now(error.kind()) => {}
        Err(error) => return Err(Trouble::Broken(error.to_string())),
    }
    if so_far.len() > MAX_HEAD {
        return Err(Trouble::Wrong(format!("with a greeting of more than {MAX_HEAD} bytes")));
    }
    let Some(start) = head(&so_far, GREETING.len())? else { return Ok(Some(so_far)) };
    match so_far.get(start..).unwrap_or_default() {
        body if body == GREETING => Ok(None),
        body if GREETING.starts_with(body) => Ok(Some(so_far)),
        _ => Err(Trouble::Wrong("with other bytes than those of its body".to_owned())),
    }
}
