//! Where a preparation finds and puts things.

use std::path::PathBuf;

use firebench_image::cache::Cache;

/// Where a preparation finds and puts things.
#[derive(Debug)]
pub struct Places {
    /// Images and kernels.
    pub cache: Cache,
    /// Fetched programs and packages.
    pub data_dir: PathBuf,
    /// A directory of this run, for files that live as long as it does.
    pub run_dir: PathBuf,
    /// Whether disks that are missing are built; a dry run only says where they would be.
    pub build: bool,
}
