//! `firebench delete`: removes runs from the store.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::Args;
use firebench_report::runs;
use firebench_store::store::Store;
use firebench_text as text;

use super::failure::Failure;
use super::output;
use super::storage_args::StorageArgs;

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The runs: ids, beginnings of ids, latest, or #NUMBER for an unreadable run without an id
    #[arg(required = true, value_name = "ID")]
    runs: Vec<String>,
    /// Do not ask for confirmation
    #[arg(long, short)]
    yes: bool,
}

/// Without a terminal, firebench cannot ask.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("nothing was deleted: firebench cannot ask for confirmation without a terminal")]
#[diagnostic(help("add --yes to delete without confirmation"))]
struct NobodyToAsk;

pub(super) fn main(args: &DeleteArgs, places: &StorageArgs) -> Result<(), Failure> {
    let mut store = Store::open_existing(&places.own_store_path(false)?).map_err(Failure::from_store)?;
    let mut chosen: Vec<(i64, &str)> = Vec::new();
    for run in &args.runs {
        let number = store.number(run).map_err(Failure::from_store)?;
        if chosen.iter().all(|(known, _)| *known != number) {
            chosen.push((number, run));
        }
    }
    if !args.yes && !is_meant(&store, &chosen)? {
        return output::print("nothing was deleted\n");
    }
    for (number, run) in chosen {
        let deleted = store.delete_numbered(number).map_err(Failure::from_store)?;
        let boots = text::count(usize::try_from(deleted.boots).unwrap_or(usize::MAX), "boot");
        let run = deleted.run.map_or_else(|| unreadable(run), |line| runs::phrase(&line));
        output::print(&format!("deleted {run}, {boots}\n"))?;
    }
    Ok(())
}

/// A run whose entry cannot be read.
fn unreadable(run: &str) -> String {
    format!("{} (unreadable)", text::line(run))
}

/// Asks on the terminal.
fn is_meant(store: &Store, chosen: &[(i64, &str)]) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(NobodyToAsk));
    }
    let (mut lines, mut others) = (Vec::new(), String::new());
    for (number, run) in chosen {
        match store.numbered_line(*number) {
            Ok(line) => lines.push(line),
            Err(_) => others += &format!("{}\n", unreadable(run)),
        }
    }
    let table = if lines.is_empty() { String::new() } else { runs::table(&lines) };
    let question = format!("{table}{others}delete {}? [y/N] ", text::count(chosen.len(), "run"));
    let mut stderr = io::stderr().lock();
    stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush()).map_err(Failure::system("ask"))?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(Failure::system("read the answer"))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
