//! Reads runs.

use std::path::Path;

use firebench_model::collect::Collected;
use firebench_model::events::{Listener, RunEvent};
use firebench_model::json::check_schema;
use firebench_model::record::{BootRecord, BootStatus, ContenderRecord, IterationRecord, Report};
use firebench_model::report_error::ReportError;
use firebench_model::runs::{RunId, RunLine, RunState, is_id, is_id_digit};
use firebench_text as text;
use firebench_vmm::Launch;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::de::DeserializeOwned;

use super::error::Trouble;
use super::{Store, StoreError, checksum, figures, lease};

/// The word for the run that was stored last.
const LATEST: &str = "latest";

/// A run in a line, from the table of runs only.
pub(super) const LINES: &str = "SELECT run, id, state, started, finished, workload, contenders, primary_metric,
                                emulated, blocks, verdict FROM runs";

/// A boot as it was recorded.
pub(super) struct StoredBoot {
    pub(super) seq: i64,
    pub(super) contender: usize,
    pub(super) retried: bool,
    pub(super) boot: BootRecord,
}

/// A boot that need not be repeated.
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
        self.each_line(&mut Err).map_err(self.explain())
    }

    /// All runs that can be read, as [`list`](Store::list) has them, and what is wrong with each of the others.
    ///
    /// # Errors
    /// [`StoreError`] where the list itself cannot be read.
    pub fn list_readable(&self) -> Result<(Vec<RunLine>, Vec<StoreError>), StoreError> {
        let mut damaged = Vec::new();
        let lines = self.each_line(&mut |trouble| match trouble {
            Trouble::InRun(..) => {
                damaged.push(self.said(trouble));
                Ok(())
            }
            trouble => Err(trouble),
        });
        Ok((lines.map_err(self.explain())?, damaged))
    }

    /// The number of the run that `which` stands for: as for [`id`](Store::id), or `#` and the number itself, also of a run
    /// that is damaged.
    ///
    /// # Errors
    /// As for [`id`](Store::id).
    pub fn number(&self, which: &str) -> Result<i64, StoreError> {
        let Some(number) = which.strip_prefix('#') else {
            return self.find(which).map(|(run, _)| run).map_err(self.explain());
        };
        let number: Option<i64> = number.parse().ok();
        let known = "SELECT run FROM runs WHERE run = ?1";
        let found = self.connection.query_row(known, [number], |row| row.get(0)).optional();
        let found = found.map_err(|error| self.explain()(error.into()))?;
        found.ok_or_else(|| StoreError::NoSuchRun(text::line(which)))
    }

    /// A run in a line, by its number.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn numbered_line(&self, run: i64) -> Result<RunLine, StoreError> {
        self.line(run).map_err(|trouble| self.explain()(trouble.in_run(name(&self.connection, run))))
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
        self.of_run(which, |run, _| self.line(run)).map_err(self.explain())
    }

    /// The report of the run that `which` stands for in the store at `path`; None if there is no such store or run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn lookup(path: &Path, which: &str) -> Result<Option<Report>, StoreError> {
        match Store::open_to_read(path).and_then(|store| store.load(which)) {
            Err(StoreError::Missing(_) | StoreError::Empty | StoreError::NoSuchRun(_)) => Ok(None),
            loaded => loaded.map(Some),
        }
    }

    /// The report of a run, with all that was recorded so far. `which` is as for [`id`](Store::id).
    ///
    /// # Errors
    /// As for [`id`](Store::id).
    pub fn load(&self, which: &str) -> Result<Report, StoreError> {
        let loaded = self.at_one_moment(|| self.of_run(which, |run, _| load(&self.connection, run)));
        loaded.map_err(self.explain())
    }

    /// The boots of a run that need not be done again, in the order in which they ran: all but the one during which
    /// the run was stopped.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn done(&self, id: &RunId) -> Result<Vec<Done>, StoreError> {
        let mut done = Vec::new();
        let mut spent = 0.0;
        let mut add = |StoredBoot { contender, retried, boot, .. }: StoredBoot| {
            match boot.status {
                _ if retried => spent += boot.life_seconds,
                BootStatus::Interrupted => spent = 0.0,
                _ => {
                    let seconds = boot.life_seconds + std::mem::take(&mut spent);
                    done.push(Done { contender, boot, seconds });
                }
            }
            Ok(())
        };
        let read = self.at_one_moment(|| {
            self.of_run(id.as_str(), |run, id| {
                checksum::check_head(&self.connection, run, id.as_str())?;
                each_boot(&self.connection, run, id.as_str(), &mut add)
            })
        });
        read.map_err(self.explain())?;
        Ok(done)
    }

    /// Does `work` on the store as it is now, whatever is written meanwhile.
    pub(super) fn at_one_moment<T>(&self, work: impl FnOnce() -> Result<T, Trouble>) -> Result<T, Trouble> {
        self.watch.restart();
        let transaction = self.connection.unchecked_transaction()?;
        let done = work();
        transaction.rollback()?;
        done
    }

    /// Does `work` on the run that `which` stands for, with its number and its id.
    pub(super) fn of_run<T>(
        &self,
        which: &str,
        work: impl FnOnce(i64, &RunId) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let (run, id) = self.find(which)?;
        work(run, &id).map_err(|trouble| trouble.in_run(&id))
    }

    /// The number and the id of the run that `which` stands for.
    pub(super) fn find(&self, which: &str) -> Result<(i64, RunId), Trouble> {
        self.watch.restart();
        let row = |row: &Row| Ok((row.get(0)?, row.get(1)?));
        if which == LATEST {
            let latest = self.connection.query_row("SELECT run, id FROM runs ORDER BY run DESC LIMIT 1", [], row);
            let (run, id) = latest.optional()?.ok_or(StoreError::Empty)?;
            return Ok((run, run_id(run, id)?));
        }
        let unknown = || StoreError::NoSuchRun(firebench_text::line(which)).into();
        if which.is_empty() || !which.bytes().all(is_id_digit) {
            return Err(unknown());
        }
        const SOME: &str = "SELECT run, id FROM runs WHERE id GLOB ?1 || '*' ORDER BY id LIMIT 4";
        let mut statement = self.connection.prepare_cached(SOME)?;
        let found = statement.query_map([which], row)?.collect::<rusqlite::Result<Vec<(i64, String)>>>()?;
        let found: Result<Vec<_>, Trouble> = found.into_iter().map(|(run, id)| Ok((run, run_id(run, id)?))).collect();
        let mut found = found?;
        match (found.pop(), found.as_slice()) {
            (None, _) => Err(unknown()),
            (Some(only), []) => Ok(only),
            (Some(last), others) => {
                let ids = others.iter().chain([&last]).map(|(_, id)| id.to_string()).collect();
                Err(StoreError::Ambiguous { which: which.to_owned(), ids }.into())
            }
        }
    }

    /// Every run, without those that `failed` lets pass.
    fn each_line(&self, failed: &mut dyn FnMut(Trouble) -> Result<(), Trouble>) -> Result<Vec<RunLine>, Trouble> {
        self.watch.restart();
        let mut statement = self.connection.prepare_cached(&format!("{LINES} ORDER BY run DESC"))?;
        let mut rows = statement.query([])?;
        let mut lines = Vec::new();
        while let Some(row) = rows.next()? {
            match self.read_line(row) {
                Ok(line) => lines.push(line),
                Err(trouble) => failed(trouble.in_run(name(&self.connection, row.get(0)?)))?,
            }
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
        let run: i64 = row.get(0)?;
        let id = run_id(run, row.get(1)?)?;
        checksum::check_line(&self.connection, run, id.as_str())?;
        let word = |column: usize| -> Result<String, Trouble> {
            let found: String = row.get(column)?;
            if found.len() <= LONGEST_WORD { Ok(found) } else { Err(too_long(&id, &found)) }
        };
        let state = match serde_json::from_value(word(2)?.into()).map_err(Trouble::of_record)? {
            RunState::Running if !lease::is_taken(&self.lock_path(), run).map_err(Trouble::Lock)? => {
                RunState::Interrupted
            }
            state => state,
        };
        let finished = if row.get_ref(4)? == ValueRef::Null { None } else { Some(word(4)?) };
        Ok(RunLine {
            started: word(3)?,
            finished,
            workload: word(5)?,
            contenders: parse(&row.get::<_, String>(6)?)?,
            primary: row.get(7)?,
            emulated: row.get(8)?,
            blocks: row.get(9)?,
            verdict: row.get::<_, Option<String>>(10)?.map(|verdict| text::excerpt(&verdict, LONGEST_VERDICT)),
            id,
            state,
        })
    }
}

/// So many characters of a run's verdicts are in its line.
const LONGEST_VERDICT: usize = 2000;

/// The longest state, time or workload of a run.
const LONGEST_WORD: usize = 200;

fn too_long(id: &RunId, found: &str) -> Trouble {
    Trouble::Damaged(format!("the entry of run {id} has a text of {} bytes: {}", found.len(), text::excerpt(found, 40)))
}

/// By which a run can be named that may be damaged: its id, if it has one, else its number.
pub(super) fn name(connection: &Connection, run: i64) -> String {
    let id: Option<String> = connection.query_row("SELECT id FROM runs WHERE run = ?1", [run], |row| row.get(0)).ok();
    id.filter(|id| is_id(id)).unwrap_or_else(|| format!("#{run}"))
}

/// A run's id, if it is one.
fn run_id(run: i64, id: String) -> Result<RunId, Trouble> {
    if is_id(&id) {
        return Ok(RunId::new(id));
    }
    let invalid = Trouble::Damaged(format!("run number {run} has the invalid id {:?}", text::excerpt(&id, 20)));
    Err(invalid.in_run(format_args!("#{run}")))
}

/// Puts a run's report together: its head, and over it what was recorded, collected as the run itself does it.
pub(super) fn load(connection: &Connection, run: i64) -> Result<Report, Trouble> {
    let (mut report, told) = head(connection, run)?;
    let id = report.id.clone().unwrap_or_default();
    for (contender, place) in report.contenders.iter_mut().zip(0..) {
        figures::read(connection, run, place, contender)?;
    }
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
    each_boot(connection, run, &id, &mut |StoredBoot { seq, contender, retried, boot }| {
        while let Some(stored) = events.next_if(|stored| stored.seq < seq) {
            on_event(stored.seq, stored.event);
        }
        on_event(seq, RunEvent::BootDone { contender, boot: Box::new(boot), retried });
        Ok(())
    })?;
    events.for_each(|stored| on_event(stored.seq, stored.event));
    collected.fill(&mut report);
    firebench_model::old_reports::settle(&mut report);
    Ok(report)
}

/// The report without boots, and the place up to which its notices tell what happened.
pub(super) fn head(connection: &Connection, run: i64) -> Result<(Report, i64), Trouble> {
    let row = |row: &Row| Ok((row.get(0)?, row.get::<_, String>(1)?, row.get(2)?));
    let (id, head, told) = connection.query_row("SELECT id, head, told FROM runs WHERE run = ?1", [run], row)?;
    let id = run_id(run, id)?;
    checksum::check_head(connection, run, id.as_str())?;
    if let Err(error @ ReportError::Schema { .. }) = check_schema(&head) {
        return Err(Trouble::NotUnderstood(error.to_string()));
    }
    let mut report: Report = parse(&head)?;
    report.id = Some(id.to_string());
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
    let mut statement =
        connection.prepare_cached("SELECT seq, time, event, checksum FROM events WHERE run = ?1 ORDER BY seq")?;
    let mut rows = statement.query([run])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        checksum::check_event(connection, run, row.get(0)?, row.get(3)?)?;
        events.push(StoredEvent { seq: row.get(0)?, time: row.get(1)?, event: parse(&row.get::<_, String>(2)?)? });
    }
    Ok(events)
}

/// Calls `work` with each boot of a run, in the order in which they ran; one at a time is in memory.
pub(super) fn each_boot(
    connection: &Connection,
    run: i64,
    run_id: &str,
    work: &mut dyn FnMut(StoredBoot) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    each_boot_of(connection, run, run_id, None, work)
}

/// [`each_boot`], but only of the contender with this number, if one is given.
pub(super) fn each_boot_of(
    connection: &Connection,
    run: i64,
    run_id: &str,
    of: Option<usize>,
    work: &mut dyn FnMut(StoredBoot) -> Result<(), Trouble>,
) -> Result<(), Trouble> {
    const BOOTS: &str = "SELECT boot, seq, contender, retried, record, checksum, block FROM boots
                         WHERE run = ?1 AND (?2 IS NULL OR contender = ?2) ORDER BY seq";
    const ITERATIONS: &str = "SELECT iteration, record FROM iterations WHERE boot = ?1 ORDER BY iteration";
    const SAMPLES: &str = "SELECT metric, value FROM samples WHERE boot = ?1 AND iteration = ?2 ORDER BY metric";
    let mut boots = connection.prepare_cached(BOOTS)?;
    let mut iterations = connection.prepare_cached(ITERATIONS)?;
    let mut samples = connection.prepare_cached(SAMPLES)?;
    let mut rows = boots.query(params![run, of])?;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let (contender, block): (i64, i64) = (row.get(2)?, row.get(6)?);
        let name = || {
            let (contender, block) = (contender.saturating_add(1), block.saturating_add(1));
            format!("run {run_id}: boot {block} of contender {contender}")
        };
        checksum::check_boot(connection, id, row.get(5)?, name)?;
        let mut boot: BootRecord = parse(&row.get::<_, String>(4)?)?;
        let mut of_boot = iterations.query([id])?;
        while let Some(row) = of_boot.next()? {
            let mut iteration: IterationRecord = parse(&row.get::<_, String>(1)?)?;
            let metrics =
                samples.query_map(params![id, row.get::<_, i64>(0)?], |row| Ok((row.get(0)?, row.get(1)?)))?;
            iteration.metrics = metrics.collect::<rusqlite::Result<_>>()?;
            if let Some((metric, value)) = iteration.metrics.iter().find(|(_, v)| !(v.is_finite() && **v >= 0.0)) {
                return Err(Trouble::Damaged(format!("{} has {value} as {}", name(), text::excerpt(metric, 40))));
            }
            boot.iterations.push(iteration);
        }
        work(StoredBoot { seq: row.get(1)?, contender: row.get(2)?, retried: row.get(3)?, boot })?;
    }
    Ok(())
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Trouble> {
    serde_json::from_str(text).map_err(Trouble::of_record)
}
