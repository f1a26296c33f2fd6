//! docs/dependencies.md against what cargo knows.
#![cfg(test)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace").to_owned()
}

fn page() -> String {
    std::fs::read_to_string(root().join("docs/dependencies.md")).expect("docs/dependencies.md")
}

/// The crates of others that the crates of the workspace name in a table of their manifests.
fn named(table: &str) -> BTreeSet<String> {
    let crates = std::fs::read_dir(root().join("crates")).expect("crates");
    let manifests =
        crates.map(|entry| entry.expect("an entry").path().join("Cargo.toml")).filter(|path| path.is_file());
    manifests
        .flat_map(|path| {
            let text = std::fs::read_to_string(&path).expect("a manifest");
            let manifest: toml::Table = text.parse().expect("TOML");
            let names = |table: &toml::Value| table.as_table().expect("a table").keys().cloned().collect::<Vec<_>>();
            manifest.get(table).map(names).unwrap_or_default()
        })
        .filter(|name| !name.starts_with("firebench"))
        .collect()
}

#[test]
fn every_dependency_is_explained() {
    let page = page();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let explained: BTreeSet<String> = rows.map(|(name, _)| name.to_owned()).collect();
    assert_eq!(explained, named("dependencies"));
    let tests = page.lines().find_map(|line| line.strip_prefix("For tests and benchmarks alone: ")).expect("the line");
    let tests: BTreeSet<String> = tests.trim_end_matches('.').split(", ").map(|name| name.replace('`', "")).collect();
    let only_tests = named("dev-dependencies").difference(&explained).cloned().collect();
    assert_eq!(tests, only_tests);
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
