//! Which file of a crate imports which other one, and what.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use crate::source::{ModuleId, Name, Source};

/// By importing file and imported file: the names.
pub type Imports = BTreeMap<PathBuf, BTreeMap<PathBuf, BTreeSet<String>>>;

/// What a path leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Module(ModuleId),
    /// Something that is defined in the module.
    Item(ModuleId),
}

/// Finds the imports. A name that is given on (`pub use`) belongs to the file that defines it.
pub fn imports(source: &Source) -> Imports {
    let mut imports = Imports::new();
    for mention in &source.mentions {
        let Some(Target::Item(module)) = resolve(source, mention.module, &mention.path, &mut HashSet::new()) else {
            continue;
        };
        let (from, to) = (&source.modules[mention.module].file, &source.modules[module].file);
        if from != to {
            let names = imports.entry(from.clone()).or_default().entry(to.clone()).or_default();
            names.insert(mention.path.join("::"));
        }
    }
    imports
}

/// Follows a path from `module` on. Nothing is found of other crates.
fn resolve(
    source: &Source,
    module: ModuleId,
    path: &[String],
    seen: &mut HashSet<(ModuleId, Vec<String>)>,
) -> Option<Target> {
    if !seen.insert((module, path.to_vec())) {
        return None;
    }
    let (first, rest) = path.split_first()?;
    let start = match first.as_str() {
        "crate" => root(source, module),
        "self" => module,
        "super" => source.modules[module].parent?,
        _ => return named(source, module, first, rest, seen),
    };
    match rest {
        [] => Some(Target::Module(start)),
        [next, ..] if next == "super" => resolve(source, start, rest, seen),
        [next, rest @ ..] => named(source, start, next, rest, seen),
    }
}

fn root(source: &Source, mut module: ModuleId) -> ModuleId {
    while let Some(parent) = source.modules[module].parent {
        module = parent;
    }
    module
}

/// Follows `name` and what comes behind it. Where a name stands for a module and for something else, a path that goes on
/// means the module.
fn named(
    source: &Source,
    module: ModuleId,
    name: &str,
    rest: &[String],
    seen: &mut HashSet<(ModuleId, Vec<String>)>,
) -> Option<Target> {
    let here = &source.modules[module];
    let mut found: Vec<Target> = Vec::new();
    for means in here.names.get(name).into_iter().flatten() {
        found.extend(match means {
            Name::Module(id) => Some(Target::Module(*id)),
            Name::Item => Some(Target::Item(module)),
            Name::Alias(path) => resolve(source, module, path, seen),
        });
    }
    if found.is_empty() {
        let inherited = here.globs.iter().find_map(|glob| {
            let mut path = glob.clone();
            path.push(name.to_owned());
            resolve(source, module, &path, seen)
        });
        found.extend(inherited);
    }
    let of_module = found.iter().find_map(|target| match target {
        Target::Module(id) => Some(*id),
        Target::Item(_) => None,
    });
    let item = found.iter().find(|target| matches!(target, Target::Item(_))).copied();
    match (rest, of_module) {
        ([], _) => item.or(of_module.map(Target::Module)),
        ([next, rest @ ..], Some(id)) => named(source, id, next, rest, seen),
        // What belongs to an item: a variant, a method.
        (_, None) => item,
    }
}
