//! The flags of the root that a command sees.

use std::path::PathBuf;

use clap::Args;
use firebench_model::experiment::Experiment;

use super::command::CommandArgs;

#[derive(Debug, Args)]
pub(crate) struct RootArgs {
    /// A root of yours in place of busybox, in which the command is looked up: a directory, a tar archive, an ext4 image, or a container
    /// image as an OCI layout, an OCI archive or an archive of `docker save`, of which PATH#TAG chooses one; or
    /// debian:SUITE[,PACKAGE...], which mmdebstrap makes once; without a command, that of the image is run
    #[arg(long, value_name = "ROOT")]
    root: Option<PathBuf>,
    /// Make the root given with --root writable: what is written goes to memory, and is gone at the next boot
    #[arg(long)]
    overlay: bool,
    /// Add a program of this machine to the image, at the same path, with its libraries; may be given several times
    #[arg(long, value_name = "PROGRAM")]
    add_program: Vec<String>,
}

impl RootArgs {
    /// Whether a root is given.
    pub(super) fn is_given(&self) -> bool {
        self.root.is_some()
    }

    /// Puts what the flags say into `experiment`, whose workload is named, or not, on the command line.
    pub(super) fn ask(&self, experiment: &mut Experiment, command: &CommandArgs, workload_named: bool) {
        experiment.files.overlay |= self.overlay;
        if !self.add_program.is_empty() {
            experiment.files.add_program.clone_from(&self.add_program);
        }
        if self.root.is_some() {
            experiment.files.root.clone_from(&self.root);
            command.ask_for_a_root(experiment, workload_named);
        }
    }
}
