//! The kinds of contenders and what of them is on this machine, as a table.

use std::path::Path;

use firebench_text as text;
use firebench_vmm::{VmmKind, kinds};

use crate::tools::{self, Tool, install};

/// A kind, and whether its program is there.
#[derive(Debug)]
pub struct Listed {
    kind: VmmKind,
    /// The program, or how to get it; none where that is firebench's own.
    found: Option<Result<Tool, &'static str>>,
}

/// Looks for the program of every kind.
pub fn find_all(data_dir: &Path) -> Vec<Listed> {
    let program = |kind: VmmKind| tools::find(kind, None, data_dir).map_err(|_| install(kind));
    kinds::all().map(|kind| Listed { kind, found: kind.program.as_ref().map(|_| program(kind)) }).collect()
}

/// The kinds as text, one a line. Pure.
pub fn render(listed: &[Listed]) -> String {
    let head = ["KIND", "ISOLATES WITH", "KERNEL", "NEEDS", "PROGRAM"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(listed.iter().map(row)).collect();
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let line = |row: &[String; 5]| {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:<width$}", width = width(column)));
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

fn row(listed: &Listed) -> [String; 5] {
    let kind = listed.kind;
    let needs: Vec<&str> = kind.accels.iter().map(|accel| accel.name()).collect();
    let needs = if kind.is_native() { "nothing".to_owned() } else { needs.join(" or ") };
    let program = match &listed.found {
        None => "firebench's own agent".to_owned(),
        Some(Ok(tool)) => format!("{} {}", tool.version, text::line(&tool.path.to_string_lossy())),
        Some(Err(install)) => format!("missing: {install}"),
    };
    let kernel = if kind.has_own_kernel() { "its own" } else { "the host's" };
    [kind.0.name.to_owned(), kind.isolates_with.to_owned(), kernel.to_owned(), needs, program]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_listed_with_what_it_needs() {
        let tool = |kind: VmmKind| {
            let program = kind.program.as_ref()?;
            Some(match kind.by_default {
                true => Ok(Tool {
                    path: Path::new("/usr/bin").join(program.name),
                    version: "1.2".to_owned(),
                    version_line: "1.2".to_owned(),
                    sha256: String::new(),
                }),
                false => Err(install(kind)),
            })
        };
        let listed: Vec<Listed> = kinds::all().map(|kind| Listed { kind, found: tool(kind) }).collect();
        insta::assert_snapshot!(render(&listed));
    }
}
