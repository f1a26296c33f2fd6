//! `firebench kernel`: builds a small kernel for guests.

use std::num::NonZeroUsize;
use std::time::Instant;

use clap::{Args, Subcommand};
use firebench_host::fetch::{CONFIGURATION, SmallKernel, Step, build_small_kernel, small_kernel};
use firebench_text::units::Span;

use super::failure::Failure;
use super::output::{self, tell};
use super::storage_args::StorageArgs;
use super::system;

#[derive(Debug, Args)]
pub(crate) struct KernelArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Build a small kernel from Debian's source, unless it is there, for `run --kernel small`: once, for some minutes
    Build {
        /// The version of the source, such as 6.12 [default: the newest that apt offers]
        #[arg(long, value_name = "X.Y")]
        version: Option<String>,
        /// Do nothing if one is already there, whatever its version
        #[arg(long, conflicts_with = "version")]
        if_missing: bool,
        /// Compilers that run at once [default: as many as there are CPUs]
        #[arg(long, value_name = "N")]
        jobs: Option<NonZeroUsize>,
    },
    /// Print the configuration of that kernel, with the reason for each part
    Config,
}

pub(super) fn main(args: &KernelArgs, places: &StorageArgs) -> Result<(), Failure> {
    match &args.what {
        What::Config => output::print(CONFIGURATION),
        What::Build { version, if_missing, jobs } => {
            let interrupt = system::catch_signals()?;
            let data_dir = places.make_data_dir()?;
            if *if_missing {
                // One that is damaged is built again.
                if let Ok(Some(kernel)) = small_kernel(&data_dir) {
                    return output::print(&described(&kernel, "was there already"));
                }
            }
            let jobs = jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZeroUsize::get);
            let started = Instant::now();
            let built = build_small_kernel(&data_dir, version.as_deref(), jobs, &|step| tell(&said(step)));
            let (kernel, already) = Failure::unless_stopped(built, &interrupt)?;
            let how = match already {
                true => "was there already".to_owned(),
                false => format!("built in {}", Span::seconds(started.elapsed().as_secs())),
            };
            output::print(&described(&kernel, &how))
        }
    }
}

fn said(step: Step<'_>) -> String {
    match step {
        Step::Download(package) => format!("downloading {}\n", firebench_text::line(package)),
        Step::Unpack => "unpacking and configuring the source, which takes 1.6 GB for now\n".to_owned(),
        Step::Compile(jobs) => format!("compiling the kernel, {jobs} files at once: this takes some minutes\n"),
    }
}

fn described(kernel: &SmallKernel, how: &str) -> String {
    let SmallKernel { vmlinux, vmlinux_sha256, bzimage, bzimage_sha256, version } = kernel;
    format!(
        "small kernel {version}: {how}; boot it with --kernel small\n{}\nsha256 {vmlinux_sha256}\n{}\nsha256 {bzimage_sha256}\n",
        vmlinux.display(),
        bzimage.display(),
    )
}
