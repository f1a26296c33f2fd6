//! Records a run while it goes on.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

use firebench_model::events::{Listener, RunEvent};
use firebench_model::record::{BootRecord, IterationRecord};
use firebench_model::runs::RunId;
use firebench_vmm::Launch;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};
use serde::Serialize;

use super::error::Trouble;
use super::place::PATIENCE;
use super::{Store, StoreError, checksum};

/// Writes a run's events into the store: a boot in one transaction when it is done, everything else when it happens.
/// The recording never has a gap: what comes after something that could not be written waits behind it. While the disk
/// is full, or
/// another process writes, it is tried again with each event; after any other error nothing more is written.
#[derive(Debug)]
pub struct Recorder<'a> {
    store: &'a mut Store,
    run: i64,
    /// Place of the next boot or event in the run.
    next: i64,
    /// How the VMs that are running now were started, by contender.
    launches: BTreeMap<usize, Launch>,
    waiting: VecDeque<Entry>,
    /// The error because of which it waits.
    result: Result<(), StoreError>,
}

/// What is to be written in one transaction.
#[derive(Debug)]
struct Entry {
    time: SystemTime,
    event: RunEvent,
    /// How the VM of a boot was started.
    launch: Option<Launch>,
}

impl Store {
    /// Records the events of a run that was begun or resumed by this store.
    pub fn recorder(&mut self, id: &RunId) -> Recorder<'_> {
        let place = self.place(id).map_err(self.explain());
        let ((run, next), result) = place.map_or_else(|error| ((0, 0), Err(error)), |place| (place, Ok(())));
        Recorder { store: self, run, next, launches: BTreeMap::new(), waiting: VecDeque::new(), result }
    }

    /// The run's number, and the place of its next boot or event.
    fn place(&self, id: &RunId) -> Result<(i64, i64), Trouble> {
        let (run, _) = self.find(id.as_str())?;
        Ok((run, next(&self.connection, run)?))
    }
}

/// The place of a run's next boot or event.
pub(super) fn next(connection: &Connection, run: i64) -> rusqlite::Result<i64> {
    const SQL: &str = "SELECT 1 + max(coalesce((SELECT max(seq) FROM boots WHERE run = ?1), -1),
                                      coalesce((SELECT max(seq) FROM events WHERE run = ?1), -1))";
    connection.query_row(SQL, [run], |row| row.get(0))
}

impl Listener for Recorder<'_> {
    fn on_event(&mut self, event: &RunEvent) {
        let launch = match event {
            RunEvent::BootStarting { contender, launch, .. } => {
                self.launches.insert(*contender, (**launch).clone());
                return;
            }
            // The boot that they belong to has it all when it is done.
            RunEvent::GuestUp { .. } | RunEvent::IterationStarting { .. } | RunEvent::IterationDone { .. } => return,
            RunEvent::BootDone { contender, .. } => self.launches.remove(contender),
            _ => None,
        };
        self.waiting.push_back(Entry { time: SystemTime::now(), event: event.clone(), launch });
        // A run need not wait again and again for a process that is stopped.
        let patience = if self.result.is_ok() { PATIENCE } else { Duration::ZERO };
        self.write(patience);
    }
}

impl Recorder<'_> {
    /// Why something that should be written by now is not.
    pub fn trouble(&self) -> Option<&StoreError> {
        self.result.as_ref().err()
    }

    /// Whether everything was written.
    ///
    /// # Errors
    /// The one that kept the first thing from it that is not.
    pub fn finish(mut self) -> Result<(), StoreError> {
        self.write(PATIENCE);
        self.result
    }

    /// Writes what waits, up to the first thing that cannot be written.
    fn write(&mut self, patience: Duration) {
        if self.trouble().is_some_and(|error| !error.may_pass()) {
            self.waiting.clear();
            return;
        }
        let set = self.store.connection.busy_timeout(patience).map_err(Trouble::from);
        let written = set.and_then(|()| {
            while let Some(entry) = self.waiting.front() {
                self.record(entry)?;
                self.waiting.pop_front();
                self.next = self.next.saturating_add(1);
            }
            Ok(())
        });
        self.result = written.map_err(self.store.explain());
    }

    fn record(&self, entry: &Entry) -> Result<(), Trouble> {
        let Entry { time, event, launch } = entry;
        self.store.watch.restart();
        let transaction = Transaction::new_unchecked(&self.store.connection, TransactionBehavior::Immediate)?;
        if let RunEvent::BootDone { contender, boot, retried } = event {
            if let Some(launch) = launch {
                first_launch(&transaction, self.run, *contender, launch)?;
            }
            insert_boot(&transaction, self.run, self.next, *contender, boot, *retried)?;
        } else {
            insert_event(&transaction, self.run, self.next, *time, event)?;
        }
        Ok(transaction.commit()?)
    }
}

/// Keeps how the first VM of a contender was started.
fn first_launch(connection: &Connection, run: i64, contender: usize, launch: &Launch) -> Result<(), Trouble> {
    const SQL: &str = "UPDATE contenders SET launch = ?3 WHERE run = ?1 AND contender = ?2
                       AND NOT EXISTS (SELECT 1 FROM boots WHERE run = ?1 AND contender = ?2)";
    connection.prepare_cached(SQL)?.execute(params![run, contender, json(launch)?])?;
    Ok(checksum::seal_contender(connection, run, i64::try_from(contender).unwrap_or(i64::MAX))?)
}

fn insert_event(
    connection: &Connection,
    run: i64,
    seq: i64,
    time: SystemTime,
    event: &RunEvent,
) -> Result<(), Trouble> {
    let time = humantime::format_rfc3339_millis(time).to_string();
    connection
        .prepare_cached("INSERT INTO events (run, seq, time, event) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![run, seq, time, json(event)?])?;
    checksum::seal_event(connection, run, seq)?;
    if let RunEvent::Progress { blocks, .. } = event {
        connection.prepare_cached("UPDATE runs SET blocks = ?2 WHERE run = ?1")?.execute(params![run, blocks])?;
        checksum::seal_line(connection, run)?;
    }
    Ok(())
}

/// Writes a boot with all that belongs to it.
pub(super) fn insert_boot(
    connection: &Connection,
    run: i64,
    seq: i64,
    contender: usize,
    boot: &BootRecord,
    retried: bool,
) -> Result<(), Trouble> {
    const BOOT: &str = "INSERT INTO boots (run, seq, contender, block, position, attempt, retried, status, message,
                        boot_seconds, life_seconds, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    const ITERATION: &str = "INSERT INTO iterations (boot, iteration, digest, record) VALUES (?1, ?2, ?3, ?4)";
    const SAMPLE: &str = "INSERT INTO samples (boot, iteration, metric, value) VALUES (?1, ?2, ?3, ?4)";
    let record = BootRecord { iterations: Vec::new(), ..boot.clone() };
    connection.prepare_cached(BOOT)?.execute(params![
        run,
        seq,
        contender,
        boot.block,
        boot.position,
        boot.attempt,
        retried,
        word(boot.status)?,
        boot.message,
        boot.boot_seconds,
        boot.life_seconds,
        json(&record)?,
    ])?;
    let id = connection.last_insert_rowid();
    let mut sample = connection.prepare_cached(SAMPLE)?;
    let mut previous = None;
    for iteration in &boot.iterations {
        let index = iteration.index;
        if previous.is_some_and(|previous| previous >= index) {
            return Err(inconsistent(
                boot,
                format!("iteration {index} comes after iteration {}", previous.unwrap_or(0)),
            ));
        }
        previous = Some(index);
        let record = IterationRecord { metrics: Default::default(), ..iteration.clone() };
        connection.prepare_cached(ITERATION)?.execute(params![id, index, iteration.digest, json(&record)?])?;
        for (metric, value) in &iteration.metrics {
            if !(value.is_finite() && *value >= 0.0) {
                return Err(inconsistent(boot, format!("{metric} of iteration {index} is {value}")));
            }
            sample.execute(params![id, index, metric, value])?;
        }
    }
    Ok(checksum::seal_boot(connection, id)?)
}

fn inconsistent(boot: &BootRecord, what: String) -> Trouble {
    StoreError::Inconsistent(format!("block {}: {what}", boot.block)).into()
}

/// As JSON.
pub(super) fn json(value: &impl Serialize) -> Result<String, Trouble> {
    // What firebench records is always JSON, but for a path that is no UTF-8.
    serde_json::to_string(value).map_err(|error| StoreError::Inconsistent(error.to_string()).into())
}

/// The one word that stands for a value in JSON.
pub(super) fn word(value: impl Serialize) -> Result<String, Trouble> {
    Ok(json(&value)?.trim_matches('"').to_owned())
}
