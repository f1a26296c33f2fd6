//! `firebench export`: writes a run for other programs.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use firebench_os::new_file::NewFile;
use firebench_report::{EMULATED, json};
use firebench_store::store::{Store, StoreError};

use super::failure::Failure;
use super::output;
use super::storage_args::StorageArgs;
use firebench_analysis::findings::Findings;

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The run: its id, the beginning of its id, or latest
    #[arg(default_value = "latest", value_name = "ID")]
    run: String,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: ExportFormat,
    /// The file to write; it appears only once it is complete [default: standard output]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum ExportFormat {
    /// The whole report, as in report.json
    #[default]
    Json,
    /// One sample a row: contender, boot, iteration, metric, value, and block, unit and better where there are any; boots
    /// that count
    Csv,
    /// One boot or event a line, in the order in which they happened
    Jsonl,
}

pub(super) fn main(args: &ExportArgs, places: &StorageArgs) -> Result<(), Failure> {
    let store = Store::open_to_read(&places.store_path()?).map_err(Failure::from_store)?;
    let line = store.run_line(&args.run).map_err(Failure::from_store)?;
    if matches!(args.format, ExportFormat::Csv) && line.emulated {
        output::tell(&format!("note: the CSV does not contain this warning: {EMULATED}\n"));
    }
    let exported = match &args.output {
        Some(path) => to_file(path, |out| export(&store, args, out)),
        None => export(&store, args, &mut BufWriter::new(io::stdout().lock())),
    };
    match exported {
        // A reader who has gone is no error.
        Err(StoreError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        exported => exported.map_err(Failure::from_store),
    }
}

fn export(store: &Store, args: &ExportArgs, out: &mut dyn Write) -> Result<(), StoreError> {
    match args.format {
        ExportFormat::Csv => store.export_csv(&args.run, out),
        ExportFormat::Jsonl => store.export_jsonl(&args.run, out),
        ExportFormat::Json => {
            let report = store.load(&args.run)?;
            let text =
                json::to_json(&Findings::of(&report)).map_err(|error| StoreError::Output(io::Error::other(error)))?;
            out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(StoreError::Output)
        }
    }
}

/// Gives the file its name when it is whole.
fn to_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<(), StoreError>) -> Result<(), StoreError> {
    let mut file = NewFile::beside(path).map_err(StoreError::Output)?;
    write(&mut BufWriter::new(&mut file))?;
    file.persist(path).map_err(StoreError::Output)
}
