//! A page of `docs/` with a table that has one row for each test of a program of tests, and no others.

use std::path::Path;

/// Where this crate lies.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The tests in `tests/PROGRAM`, as `file::name`, but for those that look at the table itself.
fn tests(program: &str) -> Vec<String> {
    let mut tests = Vec::new();
    for entry in std::fs::read_dir(root().join("tests").join(program)).expect("the program's directory") {
        let path = entry.expect("an entry").path();
        let module = path.file_stem().and_then(|stem| stem.to_str()).expect("a name").to_owned();
        let source = std::fs::read_to_string(&path).expect("a source");
        for item in source.split("#[test]").skip(1) {
            let name = item.split_once("fn ").and_then(|(_, rest)| rest.split('(').next()).expect("a function");
            tests.push(format!("{module}::{name}"));
        }
    }
    tests.retain(|test| !test.starts_with("documented::"));
    tests.sort();
    tests
}

/// Fails where the tables of `docs/PAGE` whose first column is called `first` and the tests of `program` do not belong
/// together, or where there are fewer tests than `at_least`. Other tables are passed over.
#[track_caller]
pub fn assert_documented(program: &str, page: &str, first: &str, at_least: usize) {
    let page = std::fs::read_to_string(root().join("../../docs").join(page)).expect("the page");
    let head = format!("| {first} ");
    let mut inside = false;
    let rows = page.lines().filter(|line| {
        let head = line.starts_with(&head);
        inside = line.starts_with('|') && (inside || head);
        inside && !head && line.starts_with("| ")
    });
    let mut named: Vec<String> = rows
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            assert!(cells.len() == 4 && cells.iter().all(|cell| !cell.is_empty()), "four cells: {row}");
            cells[3].trim_matches('`').to_owned()
        })
        .collect();
    named.sort();
    let tests = tests(program);
    let missing: Vec<_> = tests.iter().filter(|test| !named.contains(test)).collect();
    let unknown: Vec<_> = named.iter().filter(|name| !tests.contains(name)).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "without a row: {missing:#?}\nwithout a test: {unknown:#?}");
    assert_eq!(named, tests, "each once");
    assert!(tests.len() >= at_least, "{}", tests.len());
}
