//! The crates of this workspace, as cargo knows them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// A crate.
pub struct Package {
    pub name: String,
    pub directory: PathBuf,
    /// The root files of its library and its programs.
    pub roots: Vec<PathBuf>,
    /// The crates of the workspace that it uses, but for tests.
    pub uses: BTreeSet<String>,
}

/// All crates.
pub fn packages() -> Vec<Package> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["metadata", "--format-version", "1", "--no-deps", "--locked", "--offline"]);
    let output = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let names: BTreeSet<&str> = packages.iter().map(|package| text(&package["name"])).collect();
    let package = |package: &Value| {
        let targets = package["targets"].as_array().expect("targets");
        let is_product = |target: &&Value| {
            let kinds = target["kind"].as_array().expect("kinds");
            kinds.iter().any(|kind| ["lib", "bin"].contains(&text(kind)))
        };
        let dependencies = package["dependencies"].as_array().expect("dependencies");
        let uses = dependencies.iter().filter(|dependency| dependency["kind"].as_str() != Some("dev"));
        Package {
            name: text(&package["name"]).to_owned(),
            directory: Path::new(text(&package["manifest_path"])).parent().expect("a directory").to_owned(),
            roots: targets.iter().filter(is_product).map(|target| text(&target["src_path"]).into()).collect(),
            uses: uses.map(|used| text(&used["name"])).filter(|name| names.contains(name)).map(str::to_owned).collect(),
        }
    };
    packages.iter().map(package).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// The Rust files below a directory, each with its number of lines.
pub fn files(directory: &Path) -> Vec<(PathBuf, usize)> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for path in entries.map(|entry| entry.expect("an entry").path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let lines = fs::read_to_string(&path).expect("a file of ours").lines().count();
                found.push((path, lines));
            }
        }
    }
    found.sort();
    found
}
