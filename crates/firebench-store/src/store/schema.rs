//! The tables, and how a store of an older firebench becomes one of this.

use rusqlite::{Connection, TransactionBehavior};

use super::checksum;

/// SQLite's `application_id` of a store: "FBnc".
pub(super) const APPLICATION_ID: i64 = 0x4642_6e63;

/// One step a version, in order: the first makes version 1 out of an empty file. A step that was released never changes; what
/// must become different is a step more. `user_version` says how many were taken.
pub(super) const STEPS: &[&str] = &[VERSION_1, VERSION_2];

/// `docs/store.md` explains the tables.
///
/// The large JSON texts are the last columns of their rows: SQLite does not read the pages that they spill over to unless
/// they are asked for. Values have no affinity (`ANY`): a column of type REAL would store -0.0 as 0.
const VERSION_1: &str = "
CREATE TABLE runs (
  run INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'interrupted')),
  started TEXT NOT NULL,
  finished TEXT,
  workload TEXT NOT NULL,
  contenders TEXT NOT NULL,
  primary_metric TEXT NOT NULL,
  emulated INTEGER NOT NULL,
  blocks INTEGER NOT NULL DEFAULT 0,
  verdict TEXT,
  told INTEGER NOT NULL DEFAULT 0,
  head TEXT NOT NULL
) STRICT;

CREATE TABLE contenders (
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  contender INTEGER NOT NULL,
  name TEXT NOT NULL,
  vmm TEXT NOT NULL,
  launch TEXT NOT NULL,
  record TEXT NOT NULL,
  PRIMARY KEY (run, contender),
  UNIQUE (run, name)
) STRICT, WITHOUT ROWID;

CREATE TABLE boots (
  boot INTEGER PRIMARY KEY,
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  contender INTEGER NOT NULL,
  block INTEGER NOT NULL,
  position INTEGER NOT NULL,
  attempt INTEGER NOT NULL,
  retried INTEGER NOT NULL,
  status TEXT NOT NULL,
  message TEXT,
  boot_seconds ANY,
  life_seconds ANY NOT NULL,
  record TEXT NOT NULL,
  UNIQUE (run, seq),
  FOREIGN KEY (run, contender) REFERENCES contenders ON DELETE CASCADE
) STRICT;

-- No boot counts twice.
CREATE UNIQUE INDEX boots_that_count ON boots (run, block, contender) WHERE status = 'ok' AND retried = 0;

CREATE TABLE iterations (
  boot INTEGER NOT NULL REFERENCES boots ON DELETE CASCADE,
  iteration INTEGER NOT NULL,
  digest TEXT NOT NULL,
  record TEXT NOT NULL,
  PRIMARY KEY (boot, iteration)
) STRICT, WITHOUT ROWID;

CREATE TABLE samples (
  boot INTEGER NOT NULL,
  iteration INTEGER NOT NULL,
  metric TEXT NOT NULL,
  value ANY NOT NULL,
  PRIMARY KEY (boot, iteration, metric),
  FOREIGN KEY (boot, iteration) REFERENCES iterations ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
  run INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
  seq INTEGER NOT NULL,
  time TEXT NOT NULL,
  event TEXT NOT NULL,
  PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;
";

/// Checksums, and the figures of others. The checksums of a run have a table of their own: a column behind the large head would
/// make each look at the list read that. Figures of others are rows of many samples each.
const VERSION_2: &str = "
ALTER TABLE contenders ADD COLUMN checksum INTEGER;
ALTER TABLE boots ADD COLUMN checksum INTEGER;
ALTER TABLE events ADD COLUMN checksum INTEGER;

CREATE TABLE run_checksums (
  run INTEGER PRIMARY KEY REFERENCES runs ON DELETE CASCADE,
  line INTEGER NOT NULL,
  head INTEGER NOT NULL
) STRICT;

CREATE TABLE figures (
  run INTEGER NOT NULL,
  contender INTEGER NOT NULL,
  metric TEXT NOT NULL,
  part INTEGER NOT NULL,
  parts INTEGER NOT NULL,
  checksum INTEGER NOT NULL,
  samples TEXT NOT NULL,
  PRIMARY KEY (run, contender, metric, part),
  FOREIGN KEY (run, contender) REFERENCES contenders ON DELETE CASCADE
) STRICT;
";

/// The version from which on there are checksums.
const WITH_CHECKSUMS: i64 = 2;

/// How many steps made the store.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Takes the steps that the store lacks, each in a transaction of its own. Another process may be doing the same: the
/// version is read again under the lock.
pub(super) fn migrate(connection: &mut Connection, steps: &[&str]) -> rusqlite::Result<()> {
    for (step, next) in steps.iter().zip(1..) {
        if version(connection)? >= next {
            continue;
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        if version(&transaction)? < next {
            transaction.execute_batch(step)?;
            if next == WITH_CHECKSUMS {
                checksum::seal_all(&transaction)?;
            }
            transaction.pragma_update(None, "user_version", next)?;
        }
        transaction.commit()?;
    }
    Ok(())
}

/// The newest version that `steps` lead to.
pub(super) fn newest(steps: &[&str]) -> i64 {
    i64::try_from(steps.len()).unwrap_or(i64::MAX)
}
