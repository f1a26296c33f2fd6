//! Reads runs.

use std::path::Path;

use firebench_vmm::Launch;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::de::DeserializeOwned;

use super::write::is_id_digit;
use super::{RunId, RunLine, RunState, Store, StoreError, Trouble, lease};
use crate::collect::Collected;
use crate::events::{Listener, RunEvent};
use crate::record::{BootRecord, BootStatus, ContenderRecord, IterationRecord, Report};

/// Stands for the run that came into the store last.
const LATEST: &str = "latest";

/// A run in a line, from the table of runs alone.
pub(super) const LINES: &str = "SELECT run, id, state, started, finished, workload, contenders, primary_metric,
                                emulated, blocks, verdict FROM runs";

/// A boot as it was recorded.
pub(super) struct StoredBoot {
    pub(super) seq: i64,
    pub(super) contender: usize,
    pub(super) retried: bool,
    pub(super) boot: BootRecord,
}

/// A boot that need not be done again.
#[derive(Debug, Clone, PartialEq)]
pub struct Done {
    /// Place of its contender.
    pub contender: usize,
    /// Everything about it.
    pub boot: BootRecord,
    /// Seconds that it took, with the attempts before it that never started.
    pub seconds: f64,
}

/// An event as it was recorded.
pub(super) struct StoredEvent {
    pub(super) seq: i64,
    pub(super) time: String,
    pub(super) event: RunEvent,
}

impl Store {
    /// All runs, the one that came into the store last first. Reads neither boots nor samples.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn list(&self) -> Result<Vec<RunLine>, StoreError> {
        self.lines().map_err(self.explain())
    }

    /// The id of the run that `which` stands for: a whole id, the beginning of one, or `latest`.
    ///
    /// # Errors
    /// [`StoreError::NoSuchRun`], [`StoreError::Ambiguous`], [`StoreError::Empty`].
    pub fn id(&self, which: &str) -> Result<RunId, StoreError> {
        self.find(which).map(|(_, id)| id).map_err(self.explain())
    }

    /// A run in a line.
    ///
    /// # Errors
    /// As for [`id`](Store::id).
    pub fn run_line(&self, which: &str) -> Result<RunLine, StoreError> {
        self.find(which).and_then(|(run, _)| self.line(run)).map_err(self.explain())
    }

    /// The report of the run that `which` stands for in the store at `path`; None where there is no such store or run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn lookup(path: &Path, which: &str) -> Result<Option<Report>, StoreError> {
        match Store::open_existing(path).and_then(|store| store.load(which)) {
            Err(StoreError::Missing(_) | StoreError::Empty | StoreError::NoSuchRun(_)) => Ok(None),
            loaded => loaded.map(Some),
        }
    }

    /// The report of a run, with all that was recorded so far. `which` is as for [`id`](Store::id).
    ///
    /// # Errors
    /// As for [`id`](Store::id).
    pub fn load(&self, which: &str) -> Result<Report, StoreError> {
        let loaded = self.at_one_moment(|| load(&self.connection, self.find(which)?.0));
        loaded.map_err(self.explain())
    }

    /// The boots of a run that need not be done again, in the order in which they ran: all but the one amid which it was stopped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn done(&self, id: &RunId) -> Result<Vec<Done>, StoreError> {
        let mut done = Vec::new();
        let mut spent = 0.0;
        let read = self.at_one_moment(|| {
            each_boot(&self.connection, self.find(id.as_str())?.0, &mut |stored| {
                let StoredBoot { contender, retried, boot, .. } = stored;
                match boot.status {
                    _ if retried => spent += boot.life_seconds,
                    BootStatus::Interrupted => spent = 0.0,
                    _ => {
                        let seconds = boot.life_seconds + std::mem::take(&mut spent);
                        done.push(Done { contender, boot, seconds });
                    }
                }
                Ok(())
            })
        });
        read.map_err(self.explain())?;
        Ok(done)
    }

    /// Does `work` on the store as it is now, whatever is written meanwhile.
    pub(super) fn at_one_moment<T>(&self, work: impl FnOnce() -> Result<T, Trouble>) -> Result<T, Trouble> {
        let transaction = self.connection.unchecked_transaction()?;
        let done = work();
        transaction.rollback()?;
        done
    }

    /// The number and the id of the run that `which` stands for.
    pub(super) fn find(&self, which: &str) -> Result<(i64, RunId), Trouble> {
        let row = |row: &Row| Ok((row.get(0)?, RunId(row.get(1)?)));
        if which == LATEST {
            let latest = self.connection.query_row("SELECT run, id FROM runs ORDER BY run DESC LIMIT 1", [], row);
            return Ok(latest.optional()?.ok_or(StoreError::Empty)?);
        }
        let unknown = || StoreError::NoSuchRun(crate::report::text::line(which)).into();
        if which.is_empty() || !which.bytes().all(is_id_digit) {
            return Err(unknown());
        }
        const SOME: &str = "SELECT run, id FROM runs WHERE id GLOB ?1 || '*' ORDER BY id LIMIT 4";
        let mut statement = self.connection.prepare_cached(SOME)?;
        let mut found = statement.query_map([which], row)?.collect::<rusqlite::Result<Vec<_>>>()?;
        match (found.pop(), found.as_slice()) {
            (None, _) => Err(unknown()),
            (Some(only), []) => Ok(only),
            (Some(last), others) => {
                let ids = others.iter().chain([&last]).map(|(_, id)| id.to_string()).collect();
                Err(StoreError::Ambiguous { which: which.to_owned(), ids }.into())
            }
        }
    }

    fn lines(&self) -> Result<Vec<RunLine>, Trouble> {
        let mut statement = self.connection.prepare_cached(&format!("{LINES} ORDER BY run DESC"))?;
        let mut rows = statement.query([])?;
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            lines.push(self.read_line(row)?);
        }
        Ok(lines)
    }

    pub(super) fn line(&self, run: i64) -> Result<RunLine, Trouble> {
        let mut statement = self.connection.prepare_cached(&format!("{LINES} WHERE run = ?1"))?;
        let mut rows = statement.query([run])?;
        let row = rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        self.read_line(row)
    }

    fn read_line(&self, row: &Row) -> Result<RunLine, Trouble> {
        let state = match serde_json::from_value(row.get::<_, String>(2)?.into()).map_err(Trouble::Record)? {
            RunState::Running if !lease::is_taken(&self.lock_path(), row.get(0)?).map_err(Trouble::Lock)? => {
                RunState::Interrupted
            }
            state => state,
        };
        Ok(RunLine {
            id: RunId(row.get(1)?),
            state,
            started: row.get(3)?,
            finished: row.get(4)?,
            workload: row.get(5)?,
            contenders: parse(&row.get::<_, String>(6)?)?,
            primary: row.get(7)?,
            emulated: row.get(8)?,
            blocks: row.get(9)?,
            verdict: row.get(10)?,
        })
    }
}

/// Puts a run's report together: its head, and over it what was recorded, collected as the run itself does it.
pub(super) fn load(connection: &Connection, run: i64) -> Result<Report, Trouble> {
    let (mut report, told) = head(connection, run)?;
    let mut collected = Collected::new(report.contenders.iter().map(|contender| contender.name.as_str()));
    let mut events = events(connection, run)?.into_iter().peekable();
    let mut on_event = |seq: i64, event: RunEvent| {
        collected.on_event(&event);
        if seq < told {
            // The head tells of it.
            collected.notices.clear();
            collected.design = None;
        }
    };
    each_boot(connection, run, &mut |StoredBoot { seq, contender, retried, boot }| {
        while let Some(stored) = events.next_if(|stored| stored.seq < seq) {
            on_event(stored.seq, stored.event);
        }
        on_event(seq, RunEvent::BootDone { contender, boot: Box::new(boot), retried });
        Ok(())
    })?;
    events.for_each(|stored| on_event(stored.seq, stored.event));
    collected.fill(&mut report);
    Ok(report)
}

/// The report without boots, and the place up to which its notices tell what happened.
pub(super) fn head(connection: &Connection, run: i64) -> Result<(Report, i64), Trouble> {
    let row = |row: &Row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?));
    let (id, head, told) = connection.query_row("SELECT id, head, told FROM runs WHERE run = ?1", [run], row)?;
    let mut report: Report = parse(&head)?;
    report.id = Some(id);
    const CONTENDERS: &str = "SELECT record, launch FROM contenders WHERE run = ?1 ORDER BY contender";
    let mut statement = connection.prepare_cached(CONTENDERS)?;
    let mut rows = statement.query([run])?;
    while let Some(row) = rows.next()? {
        let record: ContenderRecord = parse(&row.get::<_, String>(0)?)?;
        let launch: Launch = parse(&row.get::<_, String>(1)?)?;
        report.contenders.push(ContenderRecord { launch, ..record });
    }
    Ok((report, told))
}

/// A run's events that are not a boot's own, in order.
pub(super) fn events(connection: &Connection, run: i64) -> Result<Vec<StoredEvent>, Trouble> {
    let mut statement = connection.prepare_cached("SELECT seq, time, event FROM events WHERE run = ?1 ORDER BY seq")?;
    let mut rows = statement.query([run])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.push(StoredEvent { seq: row.get(0)?, time: row.get(1)?, event: parse(&row.get::<_, String>(2)?)? });
    }
    Ok(events)
}

/// Calls `work` with each boot of a run, in the order in which they ran; one at a time is in memory.
pub(super) fn each_boot(
    connection: &Connection,
    run: i64,
    work: &mut dyn FnMut(StoredBoot) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    const BOOTS: &str = "SELECT boot, seq, contender, retried, record FROM boots WHERE run = ?1 ORDER BY seq";
    const ITERATIONS: &str = "SELECT iteration, record FROM iterations WHERE boot = ?1 ORDER BY iteration";
    const SAMPLES: &str = "SELECT metric, value FROM samples WHERE boot = ?1 AND iteration = ?2 ORDER BY metric";
    let mut boots = connection.prepare_cached(BOOTS)?;
    let mut iterations = connection.prepare_cached(ITERATIONS)?;
    let mut samples = connection.prepare_cached(SAMPLES)?;
    let mut rows = boots.query([run])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let mut boot: BootRecord = parse(&row.get::<_, String>(4)?)?;
        let mut of_boot = iterations.query([id])?;
        while let Some(row) = of_boot.next()? {
            let mut iteration: IterationRecord = parse(&row.get::<_, String>(1)?)?;
            let metrics =
                samples.query_map(params![id, row.get::<_, i64>(0)?], |row| Ok((row.get(0)?, row.get(1)?)))?;
            iteration.metrics = metrics.collect::<rusqlite::Result<_>>()?;
            boot.iterations.push(iteration);
        }
        work(StoredBoot { seq: row.get(1)?, contender: row.get(2)?, retried: row.get(3)?, boot })?;
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Trouble> {
    serde_json::from_str(text).map_err(Trouble::Record)
}
