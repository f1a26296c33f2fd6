//! `firebench delete`: removes runs from the store.

use std::io::{self, BufRead, IsTerminal, Write};

use clap::Args;

use super::{Failure, Places};
use crate::report::{runs, text};
use crate::store::{RunId, Store};

#[derive(Debug, Args)]
pub(crate) struct DeleteArgs {
    /// The runs: their ids, the beginnings of them, or latest
    #[arg(required = true, value_name = "ID")]
    runs: Vec<String>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

/// There is nobody to ask.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("nothing was deleted: there is no terminal to ask whether it is meant")]
#[diagnostic(help("--yes deletes without asking"))]
struct NobodyToAsk;

pub(super) fn main(args: &DeleteArgs, places: &Places) -> Result<(), Failure> {
    let mut store = Store::open_existing(&places.own_store_path(false)?).map_err(Failure::from_store)?;
    let mut ids: Vec<RunId> = Vec::new();
    for run in &args.runs {
        let id = store.id(run).map_err(Failure::from_store)?;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    if !args.yes && !is_meant(&store, &ids)? {
        return super::print("nothing was deleted\n");
    }
    for id in &ids {
        let deleted = store.delete(id).map_err(Failure::from_store)?;
        let boots = usize::try_from(deleted.boots).unwrap_or(usize::MAX);
        super::print(&format!("deleted {}, {}\n", runs::phrase(&deleted.run), text::count(boots, "boot")))?;
    }
    Ok(())
}

/// Asks on the terminal.
fn is_meant(store: &Store, ids: &[RunId]) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(NobodyToAsk));
    }
    let lines: Result<Vec<_>, _> = ids.iter().map(|id| store.run_line(id.as_str())).collect();
    let question = format!(
        "{}delete {}? [y/N] ",
        runs::table(&lines.map_err(Failure::from_store)?),
        text::count(ids.len(), "run")
    );
    let mut stderr = io::stderr().lock();
    stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush()).map_err(Failure::system("ask"))?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(Failure::system("read the answer"))?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
