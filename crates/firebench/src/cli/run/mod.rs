//! `firebench run`: the main job.

mod args;
mod args_error;
mod choices;
mod command;
mod concurrent;
mod flags;
mod groups;
mod keep;
mod of_an_experiment;
mod once;
mod origin;
mod repeat;
mod root;
mod scan;
mod selection;
mod session;

use super::failure::Failure;
use super::storage_args::StorageArgs;

pub(super) use args::RunArgs;
pub(super) use session::Session;

/// Returns the exit code.
pub(super) fn main(args: &RunArgs, places: &StorageArgs) -> Result<u8, Failure> {
    match args.repeat_run {
        _ if origin::is_asked(args) => origin::main(args, places),
        Some(runs) => repeat::main(args, places, runs),
        None => {
            let job = once::job(args, places)?;
            if let Some(native) = groups::at_real_speed(args, &job.experiment, &places.data_dir()?) {
                return groups::main(args, places, job, &native);
            }
            let session = Session::open(places, args.verbosity())?;
            Ok(once::carry_out(args, places, &session, job)?.code)
        }
    }
}
