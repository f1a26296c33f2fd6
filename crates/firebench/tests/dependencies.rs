//! docs/dependencies.md against what cargo knows.
#![cfg(test)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace").to_owned()
}

fn page() -> String {
    std::fs::read_to_string(root().join("docs/dependencies.md")).expect("docs/dependencies.md")
}

/// The crates of others that the crates of the workspace name in a table of their manifests, each with those crates of ours, which
/// are called as in the page.
fn named(table: &str) -> BTreeMap<String, BTreeSet<String>> {
    let crates = std::fs::read_dir(root().join("crates")).expect("crates");
    let manifests =
        crates.map(|entry| entry.expect("an entry").path().join("Cargo.toml")).filter(|path| path.is_file());
    let mut named = BTreeMap::<String, BTreeSet<String>>::new();
    for path in manifests {
        let text = std::fs::read_to_string(&path).expect("a manifest");
        let manifest: toml::Table = text.parse().expect("TOML");
        let ours = manifest["package"]["name"].as_str().expect("a name");
        let ours = ours.strip_prefix("firebench-").unwrap_or(ours);
        let dependencies = manifest.get(table).and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::keys);
        for theirs in dependencies.filter(|name| !name.starts_with("firebench")) {
            named.entry(theirs.clone()).or_default().insert(ours.to_owned());
        }
    }
    named
}

/// The names of what one crate of ours or more names in a table of its manifest.
fn names(table: &str) -> BTreeSet<String> {
    named(table).into_keys().collect()
}

#[test]
fn every_dependency_is_explained() {
    let page = page();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let explained: BTreeSet<String> = rows.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(explained, names("dependencies"));
    let tests = page.lines().find_map(|line| line.strip_prefix("For tests and benchmarks alone: ")).expect("the line");
    let tests: BTreeSet<String> = tests.trim_end_matches('.').split(", ").map(|name| name.replace('`', "")).collect();
    let only_tests = names("dev-dependencies").difference(&explained).cloned().collect();
    assert_eq!(tests, only_tests);
}

/// The crates of ours in a cell: their names, `all`, or `all but` some.
fn users(cell: &str, all: &BTreeSet<String>) -> BTreeSet<String> {
    let list = |names: &str| names.split(", ").map(str::to_owned).collect::<BTreeSet<_>>();
    match cell.strip_prefix("all") {
        Some("") => all.clone(),
        Some(but) => {
            let but = list(but.strip_prefix(" but ").expect("all but"));
            assert!(but.is_subset(all), "not crates: {but:?}");
            all.difference(&but).cloned().collect()
        }
        None => list(cell),
    }
}

#[test]
fn who_uses_each_is_said() {
    let mut named = named("dependencies");
    for users in named.values_mut() {
        users.remove("fuzz");
    }
    let all: BTreeSet<String> = named.values().flatten().cloned().collect();
    for line in page().lines() {
        let [_, name, cell, _, _] = line.split('|').map(str::trim).collect::<Vec<_>>()[..] else { continue };
        if let Some(name) = name.strip_prefix('`').and_then(|name| name.strip_suffix('`')) {
            assert_eq!(Some(users(cell, &all)), named.remove(name), "{name}");
        }
    }
    assert!(named.is_empty(), "not there: {named:?}");
}

#[test]
fn their_number_is_known() {
    for (package, sentence) in
        [("firebench", "is built from {} crates of others"), ("firebench-agent", "from {}. A crate")]
    {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["tree", "--locked", "--offline", "--edges", "normal", "--prefix", "none", "--package", package]);
        let output = cargo.current_dir(root()).output().expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let tree = String::from_utf8(output.stdout).expect("text");
        let crates = tree.lines().map(|line| line.trim_end_matches(" (*)").trim_end_matches(" (proc-macro)"));
        let others: BTreeSet<&str> = crates.filter(|line| !line.is_empty() && !line.starts_with("firebench")).collect();
        let expected = sentence.replace("{}", &others.len().to_string());
        assert!(page().split_whitespace().collect::<Vec<_>>().join(" ").contains(&expected), "{package}: {expected}");
    }
}
