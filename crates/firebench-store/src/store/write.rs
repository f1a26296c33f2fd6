//! Begins, ends, imports and deletes runs.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::time::SystemTime;

use firebench_analysis::findings::Findings;
use firebench_model::record::{BootRecord, BootStatus, ContenderRecord, Report, RunEnd};
use firebench_model::runs::{RunId, RunLine, RunState, is_id};
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::error::Trouble;
use super::lease::{self, Lease};
use super::record::{insert_boot, json, next, word};
use super::{Store, StoreError, checksum, figures, read, short};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is complete.
    Done,
    /// It failed.
    Failed,
    /// It was stopped.
    Interrupted,
}

impl Outcome {
    /// How the run behind a report ended.
    pub fn of(report: &Report) -> Self {
        match (&report.failure, report.design.end) {
            (_, Some(RunEnd::Interrupted)) => Outcome::Interrupted,
            (Some(_), _) | (_, Some(RunEnd::Failed)) => Outcome::Failed,
            _ => Outcome::Done,
        }
    }
}

impl From<Outcome> for RunState {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => RunState::Done,
            Outcome::Failed => RunState::Failed,
            Outcome::Interrupted => RunState::Interrupted,
        }
    }
}

/// What was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// The run; none where it was damaged.
    pub run: Option<RunLine>,
    /// Its boots, attempts included.
    pub boots: u64,
}

impl Store {
    /// Begins a run. `head` is its report as far as it is known before the first boot; boots in it are not looked at. The run
    /// belongs to this store until [`finish`](Store::finish), or until the process ends.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn begin(&mut self, head: &Report) -> Result<RunId, StoreError> {
        let begun = self.transaction(|transaction| {
            let (run, id) = insert_run(transaction, head, None, RunState::Running)?;
            let lease = lease::take(&self.lock_path(), run).map_err(Trouble::Lock)?;
            Ok((run, lease.ok_or(StoreError::StillRunning(id.to_string()))?, id))
        });
        let (run, lease, id) = begun.map_err(self.explain())?;
        self.hold(run, lease)?;
        Ok(id)
    }

    /// Resumes a run that was cut off, stopped or failed: its plan is in [`load`](Store::load), and the boots that
    /// need not be repeated are in [`done`](Store::done). From here on it belongs to this store, as after
    /// [`begin`](Store::begin).
    ///
    /// # Errors
    /// [`StoreError::StillRunning`] while another process is at work on it, [`StoreError::Complete`] when nothing is left to do.
    pub fn resume(&mut self, id: &RunId) -> Result<(), StoreError> {
        let resumed = self.transaction(|transaction| {
            let (run, id) = self.find(id.as_str())?;
            let lease = lease::take(&self.lock_path(), run).map_err(Trouble::Lock)?;
            let lease = lease.ok_or(StoreError::StillRunning(id.to_string()))?;
            const SQL: &str =
                "UPDATE runs SET state = 'running', finished = NULL, verdict = NULL WHERE run = ?1 AND state <> 'done'";
            if transaction.execute(SQL, [run])? == 0 {
                return Err(StoreError::Complete(id.to_string()).into());
            }
            checksum::seal_line(transaction, run)?;
            Ok((run, lease))
        });
        let (run, lease) = resumed.map_err(self.explain())?;
        self.hold(run, lease)
    }

    /// Keeps a run until it is finished. So long, the write-ahead log is not moved into the file: that syncs the disk, in the
    /// midst of the boots that are measured. Whoever closes the store last, or writes after this run, makes up for it.
    fn hold(&mut self, run: i64, lease: Lease) -> Result<(), StoreError> {
        self.leases.insert(run, lease);
        self.connection.pragma_update(None, CHECKPOINT, 0).map_err(|error| self.explain()(error.into()))
    }

    /// Ends a run. Everything is taken from `head` but the boots, which are in the store already; its notices are all those of
    /// the run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn finish(&mut self, id: &RunId, head: &Report, outcome: Outcome) -> Result<(), StoreError> {
        let finished = self.transaction(|transaction| {
            let (run, _) = self.find(id.as_str())?;
            const HEAD: &str = "UPDATE runs SET head = ?2 WHERE run = ?1";
            transaction.execute(HEAD, params![run, head_json(head)?])?;
            const CONTENDER: &str = "UPDATE contenders SET launch = ?3, record = ?4 WHERE run = ?1 AND contender = ?2";
            for (place, contender) in head.contenders.iter().enumerate() {
                let row = params![run, place, json(&contender.launch)?, contender_json(contender)?];
                transaction.execute(CONTENDER, row)?;
                checksum::seal_contender(transaction, run, i64::try_from(place).unwrap_or(i64::MAX))?;
            }
            checksum::seal_run(transaction, run)?;
            close(transaction, run, outcome, None)?;
            Ok(run)
        });
        let run = finished.map_err(self.explain())?;
        self.leases.remove(&run);
        self.connection.pragma_update(None, CHECKPOINT, PAGES).map_err(|error| self.explain()(error.into()))
    }

    /// Stores a whole report, under its own id if it has one.
    ///
    /// # Errors
    /// [`StoreError::AlreadyThere`] for a report that is in the store, [`StoreError::Inconsistent`] for one that no run leaves.
    pub fn import(&mut self, mut report: Report) -> Result<RunId, StoreError> {
        let outcome = Outcome::of(&report);
        let short = Short::of(&report);
        let imported = self.transaction(|transaction| {
            let id = report.id.take().filter(|id| is_id(id));
            let boots = take_boots(&mut report.contenders);
            let samples = figures::take(&mut report.contenders);
            let (run, id) = insert_run(transaction, &report, id.as_deref(), outcome.into())?;
            check_boots(&boots, &report.contenders)?;
            for ((contender, boot), seq) in in_order(boots).into_iter().zip(0..) {
                insert_boot(transaction, run, seq, contender, &boot, boot.discarded)?;
            }
            for (samples, contender) in samples.into_iter().zip(0..) {
                samples.map_or(Ok(()), |samples| figures::insert(transaction, run, contender, &samples))?;
            }
            close(transaction, run, outcome, Some(short))?;
            Ok(id)
        });
        imported.map_err(self.explain())
    }

    /// Deletes a run and all that belongs to it, and gives the space back.
    ///
    /// # Errors
    /// [`StoreError::StillRunning`] while a process is at work on it.
    pub fn delete(&mut self, id: &RunId) -> Result<Deleted, StoreError> {
        let run = self.number(id.as_str())?;
        self.delete_numbered(run)
    }

    /// Deletes the run with this number, damaged or not.
    ///
    /// # Errors
    /// As for [`delete`](Store::delete).
    pub fn delete_numbered(&mut self, run: i64) -> Result<Deleted, StoreError> {
        let deleted = self.transaction(|transaction| {
            let name = read::name(transaction, run);
            // Held until it is gone, so that nobody resumes it meanwhile.
            let lease = lease::take(&self.lock_path(), run).map_err(Trouble::Lock)?;
            let _lease = lease.ok_or_else(|| StoreError::StillRunning(name.clone()))?;
            let line = self.line(run).ok();
            let boots = transaction.query_row("SELECT count(*) FROM boots WHERE run = ?1", [run], |row| row.get(0))?;
            if transaction.execute("DELETE FROM runs WHERE run = ?1", [run])? == 0 {
                return Err(StoreError::NoSuchRun(name).into());
            }
            Ok(Deleted { run: line, boots })
        });
        let deleted = deleted.map_err(self.explain())?;
        self.give_back().map_err(|error| self.explain()(error.into()))?;
        Ok(deleted)
    }

    /// Gives pages that are not used back to the file system; each row of the answer is one of them.
    fn give_back(&self) -> rusqlite::Result<()> {
        self.watch.restart();
        let mut statement = self.connection.prepare("PRAGMA incremental_vacuum")?;
        let mut pages = statement.query([])?;
        while pages.next()?.is_some() {}
        Ok(())
    }

    /// Does `work` whole or not at all. Nobody else writes meanwhile.
    fn transaction<T>(&self, work: impl FnOnce(&Connection) -> Result<T, Trouble>) -> Result<T, Trouble> {
        self.watch.restart();
        let transaction = Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)?;
        let done = work(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }
}

/// The setting that says at how many pages the write-ahead log is moved into the file, and SQLite's own choice for it.
const CHECKPOINT: &str = "wal_autocheckpoint";
const PAGES: i64 = 1000;

/// Makes the rows of a run and its contenders.
fn insert_run(
    connection: &Connection,
    head: &Report,
    id: Option<&str>,
    state: RunState,
) -> Result<(i64, RunId), Trouble> {
    const RUN: &str = "INSERT INTO runs (id, state, started, workload, contenders, primary_metric, emulated, head)
                       VALUES (coalesce(?1, lower(hex(randomblob(4)))), ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                       ON CONFLICT (id) DO NOTHING RETURNING run, id";
    const CONTENDER: &str = "INSERT INTO contenders (run, contender, name, vmm, launch, record)
                             VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    if let Some(unfit) = head.unfit_name() {
        return Err(StoreError::Inconsistent(unfit).into());
    }
    let names: Vec<&str> = head.contenders.iter().map(|contender| contender.name.as_str()).collect();
    let workload = match &head.imported {
        Some(imported) => imported.format.name(),
        None => head.experiment.workload.name(),
    };
    let (contenders, head_json, state) = (json(&names)?, head_json(head)?, word(state)?);
    let inserted = loop {
        let row = params![id, state, head.started, workload, contenders, head.design.primary, head.emulated, head_json];
        let inserted = connection.query_row(RUN, row, |row| Ok((row.get(0)?, RunId::new(row.get(1)?))));
        match (inserted, id) {
            // An id that chance made and that is taken: chance makes another one.
            (Err(rusqlite::Error::QueryReturnedNoRows), None) => {}
            (Err(rusqlite::Error::QueryReturnedNoRows), Some(id)) => {
                return Err(StoreError::AlreadyThere(id.to_owned()).into());
            }
            (inserted, _) => break inserted?,
        }
    };
    for (place, contender) in head.contenders.iter().enumerate() {
        let (name, vmm, launch) = (&contender.name, word(contender.vmm)?, json(&contender.launch)?);
        let row = params![inserted.0, place, name, vmm, launch, contender_json(contender)?];
        connection.prepare_cached(CONTENDER)?.execute(row)?;
        checksum::seal_contender(connection, inserted.0, i64::try_from(place).unwrap_or(i64::MAX))?;
    }
    checksum::seal_run(connection, inserted.0)?;
    Ok(inserted)
}

/// The report without its contenders, which have a table of their own, and without its id, which has a column.
fn head_json(head: &Report) -> Result<String, Trouble> {
    json(&Report { id: None, contenders: Vec::new(), ..head.clone() })
}

/// A contender without its boots.
fn contender_json(contender: &ContenderRecord) -> Result<String, Trouble> {
    json(&ContenderRecord { boots: Vec::new(), discarded: Vec::new(), ..contender.clone() })
}

/// A run's result, in short.
struct Short {
    blocks: u32,
    verdict: Option<String>,
}

impl Short {
    fn of(report: &Report) -> Self {
        let findings = Findings::of(report);
        Short { blocks: short::blocks(&findings), verdict: short::verdict(&findings) }
    }
}

/// Says how a run ended, and what it came to, which is looked up where it is not known. Its head tells of all that happened so
/// far.
fn close(connection: &Connection, run: i64, outcome: Outcome, short: Option<Short>) -> Result<(), Trouble> {
    const TOLD: &str = "UPDATE runs SET told = ?2 WHERE run = ?1";
    connection.execute(TOLD, params![run, next(connection, run)?])?;
    checksum::seal_line(connection, run)?;
    let Short { blocks, verdict } = match short {
        Some(short) => short,
        None => Short::of(&read::load(connection, run)?),
    };
    let (state, finished) = (word(RunState::from(outcome))?, humantime::format_rfc3339_seconds(SystemTime::now()));
    const SQL: &str = "UPDATE runs SET state = ?2, finished = ?3, blocks = ?4, verdict = ?5 WHERE run = ?1";
    connection.execute(SQL, params![run, state, finished.to_string(), blocks, verdict])?;
    Ok(checksum::seal_line(connection, run)?)
}

/// The boots of each contender, its throw-away boots among them, each right before the boot at its place.
fn take_boots(contenders: &mut [ContenderRecord]) -> Vec<Vec<BootRecord>> {
    let take = |contender: &mut ContenderRecord| {
        let mut boots = std::mem::take(&mut contender.boots);
        let discarded = std::mem::take(&mut contender.discarded);
        if !discarded.is_empty() {
            boots.extend(discarded.into_iter().map(|boot| BootRecord { discarded: true, ..boot }));
            boots.sort_by_key(|boot| (boot.block, boot.position, !boot.discarded, boot.attempt));
        }
        boots
    };
    contenders.iter_mut().map(take).collect()
}

/// No contender has two good boots in a block.
fn check_boots(boots: &[Vec<BootRecord>], contenders: &[ContenderRecord]) -> Result<(), StoreError> {
    for (boots, contender) in boots.iter().zip(contenders) {
        let mut blocks = BTreeSet::new();
        let counts = |boot: &BootRecord| boot.status == BootStatus::Ok && !boot.discarded;
        let twice = boots.iter().find(|boot| counts(boot) && !blocks.insert(boot.block));
        if let Some(boot) = twice {
            let (name, block) = (&contender.name, boot.block);
            return Err(StoreError::Inconsistent(format!("{name:?} has two good boots in block {block}")));
        }
    }
    Ok(())
}

/// All boots with their contender's place: each contender's in its order, and those of different contenders by block and
/// position.
fn in_order(boots: Vec<Vec<BootRecord>>) -> Vec<(usize, BootRecord)> {
    let place = |boot: &BootRecord| (boot.block, boot.position, boot.attempt);
    let mut queues: Vec<_> = boots.into_iter().map(|boots| boots.into_iter().peekable()).collect();
    std::iter::from_fn(|| {
        let ready =
            queues.iter_mut().enumerate().filter_map(|(contender, queue)| Some((place(queue.peek()?), contender)));
        let (_, contender) = ready.min_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal))?;
        Some((contender, queues.get_mut(contender)?.next()?))
    })
    .collect()
}
