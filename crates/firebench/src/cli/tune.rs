//! `firebench tune`: makes this machine steady for measuring, and puts it back as it was.

use std::path::PathBuf;

use clap::Args;
use firebench_host::tune::{Request, Restored, plan, restore, status, text, tune};

use super::failure::Failure;
use super::output;

#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct TuneArgs {
    /// Switch hyper-threads off, which removes half of the CPUs
    #[arg(long)]
    smt_off: bool,
    /// Set the mode of transparent huge pages, which guests' memory may use
    #[arg(long, value_name = "MODE", value_parser = ["always", "madvise", "never"])]
    thp: Option<String>,
    /// Print what would change, and change nothing
    #[arg(long, conflicts_with_all = ["restore", "status"])]
    dry_run: bool,
    /// Put everything back as it was, except settings that somebody else has changed since
    #[arg(long, conflicts_with_all = ["smt_off", "thp", "status"])]
    restore: bool,
    /// Print what was changed, and whether the changes are still in place
    #[arg(long, conflicts_with_all = ["smt_off", "thp"])]
    status: bool,
    /// Where the machine's proc, sys and var are; for tests
    #[arg(long, env = "FIREBENCH_ROOT", default_value = "/", hide = true)]
    root: PathBuf,
}

const AFTER_HELP: &str = "\
Sets each CPU's frequency governor to performance, and switches off turbo and the merging of equal pages (KSM): they \
make one boot differ from the next. SMT and transparent huge pages are set on request only, because they change what \
is measured. firebench does not touch swap (without it, memory may run out), the NMI watchdog (it takes a microsecond \
in ten seconds) and address space layout randomisation (one fixed layout would be a bias that no number of boots shows).

firebench keeps the previous settings in /var/lib/firebench until --restore, whatever happens to it meanwhile. A \
restart of the machine undoes everything, too.";

/// Some settings are not as they were.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("could not put back all settings")]
#[diagnostic(help("see the lines above; the record is kept, so you can run `firebench tune --restore` again"))]
struct NotAllPutBack;

pub(super) fn main(args: &TuneArgs) -> Result<(), Failure> {
    if args.status {
        return output::print(&text::status(&status(&args.root)?));
    }
    if args.restore {
        let restored = restore(&args.root)?;
        output::print(&text::restored(&restored))?;
        return match restored {
            Restored::Done(settings) if settings.iter().any(|(_, _, failure)| failure.is_some()) => {
                Err(NotAllPutBack.into())
            }
            _ => Ok(()),
        };
    }
    let request = Request { smt_off: args.smt_off, thp: args.thp.clone() };
    let (done, end) = match args.dry_run {
        true => (plan(&args.root, &request), "nothing was changed: this was a dry run"),
        false => (tune(&args.root, &request)?, "run `firebench tune --restore` to put everything back"),
    };
    let end = if done.changes.is_empty() { "nothing needs to be changed" } else { end };
    output::print(&format!("{}\n{end}\n", text::plan(&done)))
}
