//! Names that are told apart.

use std::collections::{HashMap, HashSet};

/// Makes names unique by a number behind those that came before.
#[derive(Default)]
pub(crate) struct Unique {
    taken: HashSet<String>,
    /// The number that the next one of a name is tried with.
    next: HashMap<String, usize>,
}

impl Unique {
    /// The name, with a number where it is taken.
    pub(crate) fn of(&mut self, name: String) -> String {
        if self.taken.insert(name.clone()) {
            return name;
        }
        let next = self.next.entry(name.clone()).or_insert(2);
        loop {
            let numbered = format!("{name} ({next})");
            *next = next.saturating_add(1);
            if self.taken.insert(numbered.clone()) {
                return numbered;
            }
        }
    }
}
