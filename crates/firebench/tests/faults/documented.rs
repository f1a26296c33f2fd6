//! `docs/faults.md` has a row for each test here, and no others.

use std::path::Path;

/// The tests of this program, as `file::name`.
fn tests() -> Vec<String> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults");
    let mut tests = Vec::new();
    for entry in std::fs::read_dir(&dir).expect("this directory") {
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

#[test]
fn every_test_has_one_row_in_the_table_and_every_row_a_test() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/faults.md");
    let page = std::fs::read_to_string(path).expect("docs/faults.md");
    let rows = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| fault "));
    let mut named: Vec<String> = rows
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            assert!(cells.len() == 4 && cells.iter().all(|cell| !cell.is_empty()), "four cells: {row}");
            cells[3].trim_matches('`').to_owned()
        })
        .collect();
    named.sort();
    let tests = tests();
    let missing: Vec<_> = tests.iter().filter(|test| !named.contains(test)).collect();
    let unknown: Vec<_> = named.iter().filter(|name| !tests.contains(name)).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "without a row: {missing:#?}\nwithout a test: {unknown:#?}");
    assert_eq!(named, tests, "each once");
    assert!(tests.len() >= 40, "{}", tests.len());
}
