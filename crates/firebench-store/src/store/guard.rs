//! What keeps a file that somebody else made from doing harm: it may only hold the tables that firebench makes, SQLite trusts
//! nothing in it, and nothing takes for ever.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use firebench_text as text;
use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, OptionalExtension};

use super::error::{StoreError, Trouble};
use super::schema;

/// How long a single operation may take. A million samples take a second.
const LONGEST: Duration = Duration::from_secs(120);

/// So many steps of SQLite's machine are between two looks at the clock: less than a millisecond.
const STEPS: i32 = 10_000;

/// The longest text in a row.
const LONGEST_TEXT: i32 = 64 << 20;

/// Interrupts an operation that takes too long.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    begun: Instant,
    longest: Duration,
    /// Milliseconds from `begun` to the end of the time for what is being done.
    until: Arc<AtomicU64>,
}

impl Watch {
    /// Starts the time of another operation.
    pub(super) fn restart(&self) {
        let until = self.begun.elapsed().saturating_add(self.longest);
        self.until.store(u64::try_from(until.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

/// Makes a connection to a file of unknown origin safe.
pub(super) fn guard(connection: &Connection) -> rusqlite::Result<Watch> {
    guard_for(connection, LONGEST)
}

pub(super) fn guard_for(connection: &Connection, longest: Duration) -> rusqlite::Result<Watch> {
    use DbConfig::{
        SQLITE_DBCONFIG_DEFENSIVE, SQLITE_DBCONFIG_ENABLE_TRIGGER, SQLITE_DBCONFIG_ENABLE_VIEW,
        SQLITE_DBCONFIG_TRUSTED_SCHEMA,
    };
    connection.set_db_config(SQLITE_DBCONFIG_DEFENSIVE, true)?;
    for config in [SQLITE_DBCONFIG_TRUSTED_SCHEMA, SQLITE_DBCONFIG_ENABLE_TRIGGER, SQLITE_DBCONFIG_ENABLE_VIEW] {
        connection.set_db_config(config, false)?;
    }
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, LONGEST_TEXT)?;
    connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
    let watch = Watch { begun: Instant::now(), longest, until: Arc::default() };
    watch.restart();
    let (begun, until) = (watch.begun, Arc::clone(&watch.until));
    let is_over = move || begun.elapsed().as_millis() > u128::from(until.load(Ordering::Relaxed));
    connection.progress_handler(STEPS, Some(is_over));
    Ok(watch)
}

/// An entry of a schema, as far as it must be the same.
type Entry = (String, String, Option<String>);

/// Whether the schema is the one that `steps` make.
///
/// # Errors
/// [`StoreError::Foreign`] where it is not.
pub(super) fn check_schema(connection: &Connection, path: &Path, steps: &[&str]) -> Result<(), Trouble> {
    let fresh = Connection::open_in_memory()?;
    for step in steps {
        fresh.execute_batch(step)?;
    }
    let (expected, found) = (entries(&fresh)?, entries(connection)?);
    let foreign = |what: &str, (kind, name, _): &Entry| StoreError::Foreign {
        path: path.to_owned(),
        what: format!("the {} {} {what}", text::excerpt(kind, 20), text::excerpt(name, 40)),
    };
    if let Some(entry) = found.iter().find(|entry| !expected.contains(entry)) {
        let known = expected.iter().any(|(kind, name, _)| *kind == entry.0 && *name == entry.1);
        return Err(foreign(
            if known { "is not as firebench makes it" } else { "does not belong to firebench" },
            entry,
        )
        .into());
    }
    match expected.iter().find(|entry| !found.contains(entry)) {
        Some(entry) => Err(foreign("is missing", entry).into()),
        None => Ok(()),
    }
}

/// More entries than any store has.
const MOST: i64 = 100;

/// The entries of a schema, blanks in their text aside. What SQLite's ANALYZE adds is left out.
fn entries(connection: &Connection) -> rusqlite::Result<Vec<Entry>> {
    const SQL: &str = "SELECT type, name, sql FROM sqlite_schema
                       WHERE NOT (type = 'table' AND name IN ('sqlite_stat1', 'sqlite_stat4')) LIMIT ?1";
    let mut statement = connection.prepare(SQL)?;
    let rows = statement.query_map([MOST], |row| {
        let sql: Option<String> = row.get(2)?;
        Ok((row.get(0)?, row.get(1)?, sql.map(|sql| sql.split_whitespace().collect::<Vec<_>>().join(" "))))
    })?;
    rows.collect()
}

/// The version of a store of today or of an older one, whose schema is as it should be.
pub(super) fn check_version(connection: &Connection, path: &Path, steps: &[&str]) -> Result<(), Trouble> {
    // Both at one moment: another process may be bringing the store up to date.
    let transaction = connection.unchecked_transaction()?;
    let (found, known) = (schema::version(&transaction)?, schema::newest(steps));
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known }.into());
    }
    let taken = usize::try_from(found).unwrap_or(0);
    check_schema(&transaction, path, steps.get(..taken).unwrap_or_default())?;
    Ok(transaction.rollback()?)
}

/// The first thing that SQLite finds wrong with the file. It reads the whole of it: only for files that failed.
pub(super) fn quick_check(connection: &Connection) -> Option<String> {
    let found = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)).optional().ok()??;
    (found != "ok").then(|| text::excerpt(&found, 300))
}
