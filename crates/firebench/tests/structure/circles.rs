//! Circles among imports.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::imports::Imports;

/// The files that import one another in a circle: each group of them, with the shortest circle in it.
pub fn circles(imports: &Imports) -> Vec<Circle> {
    let reached: BTreeMap<&Path, BTreeSet<&Path>> =
        imports.keys().map(|file| (file.as_path(), reachable(imports, file))).collect();
    let mut done: BTreeSet<&Path> = BTreeSet::new();
    let mut circles = Vec::new();
    for (&file, files) in &reached {
        if !files.contains(file) || done.contains(file) {
            continue;
        }
        let group: BTreeSet<&Path> =
            files.iter().copied().filter(|other| reached.get(other).is_some_and(|back| back.contains(file))).collect();
        let shortest = group.iter().filter_map(|start| way_back(imports, start)).min_by_key(Vec::len);
        done.extend(&group);
        circles.push(Circle {
            group: group.into_iter().map(Path::to_owned).collect(),
            shortest: shortest.unwrap_or_default(),
        });
    }
    circles
}

/// Files of which each one imports, directly or not, each other one.
#[derive(Debug, PartialEq, Eq)]
pub struct Circle {
    pub group: Vec<PathBuf>,
    /// A circle in it; its first file comes last again.
    pub shortest: Vec<PathBuf>,
}

impl Circle {
    /// The circle in words: who imports what from whom.
    pub fn describe(&self, imports: &Imports, base: &Path) -> String {
        let short = |path: &Path| path.strip_prefix(base).unwrap_or(path).display().to_string();
        let mut text = format!("{} files import one another in a circle, for example:\n", self.group.len());
        for pair in self.shortest.windows(2) {
            let names: Vec<&str> = imports[&pair[0]][&pair[1]].iter().map(String::as_str).collect();
            let _ = writeln!(text, "  {} imports {} from {}", short(&pair[0]), names.join(", "), short(&pair[1]));
        }
        let _ = writeln!(text, "  all: {}", self.group.iter().map(|file| short(file)).collect::<Vec<_>>().join(", "));
        text
    }
}

fn reachable<'a>(imports: &'a Imports, from: &Path) -> BTreeSet<&'a Path> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from];
    while let Some(file) = open.pop() {
        for next in imports.get(file).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(next.as_path()) {
                open.push(next);
            }
        }
    }
    reached
}

/// The shortest way from a file back to itself.
fn way_back(imports: &Imports, start: &Path) -> Option<Vec<PathBuf>> {
    let mut came_from: BTreeMap<&Path, &Path> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(file) = open.pop_front() {
        for next in imports.get(file).into_iter().flat_map(BTreeMap::keys) {
            if next == start {
                let mut way = vec![start.to_owned(), file.to_owned()];
                let mut at = file;
                while at != start {
                    at = came_from.get(at)?;
                    way.push(at.to_owned());
                }
                way.reverse();
                return Some(way);
            }
            if !came_from.contains_key(next.as_path()) {
                came_from.insert(next, file);
                open.push_back(next);
            }
        }
    }
    None
}
