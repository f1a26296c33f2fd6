//! What the pages say of the crates, against [`MAY_USE`], and of files, against those that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::MAY_USE;

type Uses = BTreeMap<String, BTreeSet<String>>;

/// The name of a crate without what all of them begin with.
fn short(name: &str) -> &str {
    name.strip_prefix("firebench-").unwrap_or(name)
}

fn may_use() -> Uses {
    let used = |used: &&[&str]| used.iter().map(|&used| used.to_owned()).collect();
    MAY_USE.iter().map(|(name, uses)| (short(name).to_owned(), used(uses))).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("the workspace")
}

fn page(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect("a page of ours")
}

/// The words in backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// The first and the last column of a page's table of crates.
fn table(path: &str) -> Vec<(String, String)> {
    let page = page(path);
    let rows = page.lines().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let crates = rows.filter(|cells| cells.len() == 5 && cells[1].contains("`firebench"));
    crates.map(|cells| (quoted(cells[1]).next().expect("a name").to_owned(), cells[3].to_owned())).collect()
}

#[test]
fn the_table_of_crates_says_what_each_may_use() {
    let rows = table("crates/README.md");
    let said: Uses = rows
        .iter()
        .map(|(name, uses)| {
            let used: BTreeSet<String> = quoted(uses).map(str::to_owned).collect();
            assert_eq!(used.is_empty(), uses == "nothing", "{name}: {uses}");
            (short(name).to_owned(), used)
        })
        .collect();
    assert_eq!(said.len(), rows.len(), "a crate is there twice");
    assert_eq!(said, may_use());
}

#[test]
fn the_architecture_has_every_crate() {
    let named: BTreeSet<String> =
        table("ARCHITECTURE.md").into_iter().map(|(name, _)| short(&name).to_owned()).collect();
    assert_eq!(named, may_use().into_keys().collect());
}

/// Where `NAME` stands for a name, there is nothing to look for.
#[test]
fn the_files_that_the_pages_name_are_there() {
    let of_docs = fs::read_dir(root().join("docs")).expect("the pages").map(|entry| entry.expect("an entry").path());
    let others = ["README.md", "ARCHITECTURE.md", "crates/README.md"].map(|page| root().join(page));
    let mut missing = Vec::new();
    for page in of_docs.chain(others).filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
        let text = fs::read_to_string(&page).expect("a page of ours");
        let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "/_.-".contains(c)));
        let paths = words.map(|word| word.trim_end_matches('.')).filter(|word| {
            ["crates/", "scripts/", "docs/"].iter().any(|start| word.starts_with(start)) && !word.contains("NAME")
        });
        missing
            .extend(paths.filter(|path| !root().join(path).exists()).map(|path| format!("{}: {path}", page.display())));
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

/// Its arrows are allowed, and by following them each crate gets to all that it may use.
#[test]
fn the_picture_is_that_of_the_crates() {
    let mut drawn = Uses::new();
    for (from, to) in page("ARCHITECTURE.md").lines().filter_map(|line| line.strip_prefix("    ")?.split_once(" --> "))
    {
        drawn.entry(from.to_owned()).or_default().extend(to.split(" & ").map(str::to_owned));
    }
    for (name, allowed) in may_use() {
        let arrows = drawn.remove(&name).unwrap_or_default();
        assert!(arrows.is_subset(&allowed), "{name} --> {arrows:?}, and may use {allowed:?}");
        let covered = |used: &String| arrows.contains(used) || arrows.iter().any(|between| reaches(between, used));
        let missing: Vec<_> = allowed.iter().filter(|used| !covered(used)).collect();
        assert!(missing.is_empty(), "no arrows lead from {name} to {missing:?}");
    }
    assert!(drawn.is_empty(), "not crates: {drawn:?}");
}

/// Whether a crate may use another one, perhaps by way of others.
fn reaches(from: &str, to: &str) -> bool {
    may_use().get(from).is_some_and(|used| used.contains(to) || used.iter().any(|between| reaches(between, to)))
}
