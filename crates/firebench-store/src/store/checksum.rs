//! Checksums of what is stored: a number that is read is the one that was written, or the store is said to be damaged.
//!
//! A checksum is the CRC-32 over the values of a row as SQLite has them, each with its type and length; a boot's covers its
//! iterations and samples, too. What has none was written by an older firebench while this one brought the store up to date: it
//! is not checked.

use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::error::Trouble;

/// What the columns of a run's line are covered by: all that the table of runs shows.
const LINE: &str =
    "SELECT run, id, state, started, finished, workload, contenders, primary_metric, emulated, blocks, verdict, told
                    FROM runs WHERE run = ?1";
const HEAD: &str = "SELECT head FROM runs WHERE run = ?1";
const CONTENDER: &str =
    "SELECT run, contender, name, vmm, launch, record FROM contenders WHERE run = ?1 AND contender = ?2";
const EVENT: &str = "SELECT run, seq, time, event FROM events WHERE run = ?1 AND seq = ?2";
const BOOT: &str =
    "SELECT run, seq, contender, block, position, attempt, retried, status, message, boot_seconds, life_seconds, record
                    FROM boots WHERE boot = ?1";
const ITERATIONS: &str = "SELECT iteration, digest, record FROM iterations WHERE boot = ?1 ORDER BY iteration";
const SAMPLES: &str = "SELECT iteration, metric, value FROM samples WHERE boot = ?1 ORDER BY iteration, metric";
const FIGURES: &str = "SELECT run, contender, metric, part, parts, samples FROM figures
                       WHERE run = ?1 AND contender = ?2 AND metric = ?3 AND part = ?4";

/// The sum of the rows so far.
struct Sum(crc32fast::Hasher);

impl Sum {
    /// Of the rows of some queries, one after the other.
    fn of<P: rusqlite::Params + Copy>(connection: &Connection, queries: &[&str], params: P) -> rusqlite::Result<i64> {
        let mut sum = Sum(crc32fast::Hasher::new());
        for query in queries {
            let mut statement = connection.prepare_cached(query)?;
            let columns = statement.column_count();
            let mut rows = statement.query(params)?;
            while let Some(row) = rows.next()? {
                sum.add(row, columns)?;
            }
        }
        Ok(i64::from(sum.0.finalize()))
    }

    fn add(&mut self, row: &Row, columns: usize) -> rusqlite::Result<()> {
        for column in 0..columns {
            let mut field = |kind: u8, bytes: &[u8]| {
                self.0.update(&[kind]);
                self.0.update(&(bytes.len() as u64).to_le_bytes());
                self.0.update(bytes);
            };
            match row.get_ref(column)? {
                ValueRef::Null => field(0, &[]),
                ValueRef::Integer(number) => field(1, &number.to_le_bytes()),
                ValueRef::Real(number) => field(2, &number.to_bits().to_le_bytes()),
                ValueRef::Text(text) => field(3, text),
                ValueRef::Blob(bytes) => field(4, bytes),
            }
        }
        Ok(())
    }
}

/// That of a run's line and of its head, in this order.
type OfRun = (i64, i64);

fn of_line(connection: &Connection, run: i64, head: i64) -> rusqlite::Result<i64> {
    let line = Sum::of(connection, &[LINE], [run])?;
    // So that the head's checksum is covered, too.
    Ok(line ^ head.rotate_left(1))
}

fn kept(connection: &Connection, run: i64) -> rusqlite::Result<Option<OfRun>> {
    const SQL: &str = "SELECT line, head FROM run_checksums WHERE run = ?1";
    connection.prepare_cached(SQL)?.query_row([run], |row| Ok((row.get(0)?, row.get(1)?))).optional()
}

/// After a change of a run's line.
pub(super) fn seal_line(connection: &Connection, run: i64) -> rusqlite::Result<()> {
    match kept(connection, run)? {
        Some((_, head)) => {
            let line = of_line(connection, run, head)?;
            const SQL: &str = "UPDATE run_checksums SET line = ?2 WHERE run = ?1";
            connection.prepare_cached(SQL)?.execute([run, line]).map(drop)
        }
        None => seal_run(connection, run),
    }
}

/// After a change of a run's head.
pub(super) fn seal_run(connection: &Connection, run: i64) -> rusqlite::Result<()> {
    let head = Sum::of(connection, &[HEAD], [run])?;
    let line = of_line(connection, run, head)?;
    const SQL: &str = "INSERT INTO run_checksums (run, line, head) VALUES (?1, ?2, ?3)
                       ON CONFLICT (run) DO UPDATE SET line = excluded.line, head = excluded.head";
    connection.prepare_cached(SQL)?.execute([run, line, head]).map(drop)
}

/// After a change of a contender.
pub(super) fn seal_contender(connection: &Connection, run: i64, contender: i64) -> rusqlite::Result<()> {
    let sum = Sum::of(connection, &[CONTENDER], [run, contender])?;
    const SQL: &str = "UPDATE contenders SET checksum = ?3 WHERE run = ?1 AND contender = ?2";
    connection.prepare_cached(SQL)?.execute([run, contender, sum]).map(drop)
}

/// After an event was written.
pub(super) fn seal_event(connection: &Connection, run: i64, seq: i64) -> rusqlite::Result<()> {
    let sum = Sum::of(connection, &[EVENT], [run, seq])?;
    const SQL: &str = "UPDATE events SET checksum = ?3 WHERE run = ?1 AND seq = ?2";
    connection.prepare_cached(SQL)?.execute([run, seq, sum]).map(drop)
}

/// After a boot was written with all that belongs to it.
pub(super) fn seal_boot(connection: &Connection, boot: i64) -> rusqlite::Result<()> {
    let sum = Sum::of(connection, &[BOOT, ITERATIONS, SAMPLES], [boot])?;
    connection.prepare_cached("UPDATE boots SET checksum = ?2 WHERE boot = ?1")?.execute([boot, sum]).map(drop)
}

/// After a part of the figures was written.
pub(super) fn seal_figures(connection: &Connection, key: (i64, i64, &str, i64)) -> rusqlite::Result<()> {
    let (run, contender, metric, part) = key;
    let sum = Sum::of(connection, &[FIGURES], params![run, contender, metric, part])?;
    const SQL: &str =
        "UPDATE figures SET checksum = ?5 WHERE run = ?1 AND contender = ?2 AND metric = ?3 AND part = ?4";
    connection.prepare_cached(SQL)?.execute(params![run, contender, metric, part, sum]).map(drop)
}

/// Gives everything its checksum in a store that had none.
pub(super) fn seal_all(connection: &Connection) -> rusqlite::Result<()> {
    let numbers = |sql: &str| -> rusqlite::Result<Vec<[i64; 2]>> {
        connection.prepare(sql)?.query_map([], |row| Ok([row.get(0)?, row.get(1)?]))?.collect()
    };
    for [run, _] in numbers("SELECT run, 0 FROM runs")? {
        seal_run(connection, run)?;
    }
    for [run, contender] in numbers("SELECT run, contender FROM contenders")? {
        seal_contender(connection, run, contender)?;
    }
    for [run, seq] in numbers("SELECT run, seq FROM events")? {
        seal_event(connection, run, seq)?;
    }
    for [boot, _] in numbers("SELECT boot, 0 FROM boots")? {
        seal_boot(connection, boot)?;
    }
    Ok(())
}

fn check(is: i64, was: Option<i64>, what: impl FnOnce() -> String) -> Result<(), Trouble> {
    match was {
        Some(was) if was != is => Err(Trouble::Damaged(format!("{} does not match its checksum", what()))),
        _ => Ok(()),
    }
}

/// Whether a run's line is as it was written.
pub(super) fn check_line(connection: &Connection, run: i64, id: &str) -> Result<(), Trouble> {
    let Some((line, head)) = kept(connection, run)? else { return Ok(()) };
    check(of_line(connection, run, head)?, Some(line), || format!("the entry of run {id}"))
}

/// Whether a run's head is, and its contenders are, and nothing of it is missing.
pub(super) fn check_head(connection: &Connection, run: i64, id: &str) -> Result<(), Trouble> {
    check_line(connection, run, id)?;
    let head = kept(connection, run)?.map(|(_, head)| head);
    check(Sum::of(connection, &[HEAD], [run])?, head, || format!("the head of run {id}"))?;
    let mut statement =
        connection.prepare_cached("SELECT contender, checksum FROM contenders WHERE run = ?1 ORDER BY contender")?;
    let mut rows = statement.query([run])?;
    while let Some(row) = rows.next()? {
        let (contender, was): (i64, Option<i64>) = (row.get(0)?, row.get(1)?);
        let is = Sum::of(connection, &[CONTENDER], [run, contender])?;
        check(is, was, || format!("run {id}: contender {}", contender.saturating_add(1)))?;
    }
    // Boots and events have numbers without a gap, and those that the head tells of are all there.
    const PLACES: &str =
        "SELECT (SELECT count(*) FROM boots WHERE run = ?1) + (SELECT count(*) FROM events WHERE run = ?1),
                          1 + max(coalesce((SELECT max(seq) FROM boots WHERE run = ?1), -1),
                                  coalesce((SELECT max(seq) FROM events WHERE run = ?1), -1)),
                          (SELECT told FROM runs WHERE run = ?1)";
    let places =
        connection.prepare_cached(PLACES)?.query_row([run], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let (count, next, told): (i64, i64, i64) = places;
    if count != next || told > next {
        return Err(Trouble::Damaged(format!("run {id}: boots or events are missing")));
    }
    Ok(())
}

/// Whether an event is as it was written.
pub(super) fn check_event(connection: &Connection, run: i64, seq: i64, was: Option<i64>) -> Result<(), Trouble> {
    check(Sum::of(connection, &[EVENT], [run, seq])?, was, || format!("event {seq} of the run"))
}

/// Whether a boot is as it was written; `what` names it.
pub(super) fn check_boot(
    connection: &Connection,
    boot: i64,
    was: Option<i64>,
    what: impl FnOnce() -> String,
) -> Result<(), Trouble> {
    check(Sum::of(connection, &[BOOT, ITERATIONS, SAMPLES], [boot])?, was, what)
}

/// Whether a part of the figures is as it was written.
pub(super) fn check_figures(connection: &Connection, key: (i64, i64, &str, i64), was: i64) -> Result<(), Trouble> {
    let (run, contender, metric, part) = key;
    let is = Sum::of(connection, &[FIGURES], params![run, contender, metric, part])?;
    check(is, Some(was), || format!("part {part} of the figures of contender {}", contender.saturating_add(1)))
}
