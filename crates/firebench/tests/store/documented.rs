//! `docs/store.md` tells of every column, of nothing else, and its queries work.

use std::collections::BTreeSet;

use firebench_store::store::Store;
use rusqlite::Connection;
use tempfile::tempdir;

use crate::fixture::failed;

const DOC: &str = include_str!("../../../../docs/store.md");

#[test]
fn the_document_is_about_this_store() {
    let dir = tempdir().unwrap();
    let path = dir.path().join("runs.db");
    let mut store = Store::open(&path).unwrap();
    let csv = "contender,boot,iteration,metric,value\na,0,0,real,1\n";
    store.import(firebench_store::import::parse(csv, "mine.csv", "2025-06-01T12:00:00Z").unwrap()).unwrap();
    store.import(failed()).unwrap();
    let connection = Connection::open(&path).unwrap();
    let sql = "SELECT t.name || '.' || c.name FROM sqlite_schema t, pragma_table_info(t.name) c
               WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%'";
    let mut statement = connection.prepare(sql).unwrap();
    let columns: BTreeSet<String> = statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let cell = |line: &str| Some(line.strip_prefix("| `")?.split_once('`')?.0.to_owned());
    assert_eq!(DOC.lines().filter_map(cell).collect::<BTreeSet<_>>(), columns);

    let queries: Vec<&str> = DOC.split("```sql\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert_eq!(queries.len(), 4);
    for query in queries {
        let mut statement = connection.prepare(query).unwrap();
        let rows = statement.query_map([], |_| Ok(())).unwrap().map(Result::unwrap).count();
        assert!(rows > 0, "{query}");
    }
}
