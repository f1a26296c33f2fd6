//! The options that say where firebench keeps things.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use firebench_host::fetch::FetchError;
use firebench_image::Progress;
use firebench_image::cache::Cache;
use firebench_supervise::Interrupt;

use super::failure::Failure;
use super::output::tell;
use super::trust;

/// The heading of these options in the help.
const STORAGE: &str = "Storage";

/// Where firebench keeps things.
#[derive(Debug, clap::Args)]
pub(crate) struct StorageArgs {
    /// Directory of built images and kernels [default: ~/.cache/firebench]
    #[arg(long, global = true, env = "FIREBENCH_CACHE", value_name = "DIR", hide_env_values = true, help_heading = STORAGE)]
    cache: Option<PathBuf>,
    /// Directory of fetched programs and kernel packages [default: ~/.local/share/firebench]
    #[arg(long, global = true, env = "FIREBENCH_DATA", value_name = "DIR", hide_env_values = true, help_heading = STORAGE)]
    data: Option<PathBuf>,
    /// The store of all runs [default: runs.db in the directory of --data]
    #[arg(long, global = true, env = "FIREBENCH_STORE", value_name = "FILE", hide_env_values = true, help_heading = STORAGE)]
    store: Option<PathBuf>,
}

impl StorageArgs {
    /// The cache, which reports its work on standard error (unless `quiet`) and stops when the user interrupts it.
    pub(super) fn cache(&self, quiet: bool, interrupt: &Interrupt) -> Result<Cache, Failure> {
        let dir = self.cache_dir()?;
        trust::directory("cache", "FIREBENCH_CACHE", &dir)?;
        let signal = interrupt.watch();
        let waited = AtomicBool::new(false);
        let cache = Cache::open(dir)?.asking(firebench_supervise::subprocess::ask_for_image);
        // Another time: it may have been made just now.
        trust::directory("cache", "FIREBENCH_CACHE", cache.dir())?;
        // What cannot be removed is in nobody's way.
        let _ = cache.sweep();
        Ok(cache.on_progress(move |progress| {
            match progress {
                Progress::Building { kind, .. } if !quiet => tell(&format!("building the {kind}\n")),
                // Also to who wants it quiet: a disk that forgets is worth knowing.
                Progress::Replacing { kind, reason, .. } => tell(&format!(
                    "{}\n",
                    firebench_text::block(&format!(
                        "note: the {kind} in the cache is damaged ({reason}); firebench removes it and builds it again"
                    ))
                )),
                // It is reported again and again, and said once; also to who wants it quiet: it may take for ever.
                Progress::Waiting { kind, .. } if !waited.swap(true, Ordering::Relaxed) => {
                    tell(&format!("waiting for another firebench that builds or removes the {kind}\n"));
                }
                _ => {}
            }
            if signal.received().is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }))
    }

    /// The options of the command line that name these places, for another command; what the environment says stays.
    pub(super) fn words(&self) -> Vec<String> {
        let places = [
            ("--cache", &self.cache, "FIREBENCH_CACHE"),
            ("--data", &self.data, "FIREBENCH_DATA"),
            ("--store", &self.store, "FIREBENCH_STORE"),
        ];
        let said = places.into_iter().filter_map(|(flag, path, variable)| {
            let path = path.as_ref().filter(|path| is_said(path, variable))?;
            Some([flag.to_owned(), path.to_string_lossy().into_owned()])
        });
        said.flatten().collect()
    }

    /// Whether this very command names the store.
    pub(super) fn names_a_store(&self) -> bool {
        self.store.as_ref().is_some_and(|path| is_said(path, "FIREBENCH_STORE"))
    }

    pub(super) fn cache_dir(&self) -> Result<PathBuf, Failure> {
        Ok(self.cache.clone().map_or_else(firebench_image::cache::default_dir, Ok)?)
    }

    pub(super) fn store_path(&self) -> Result<PathBuf, Failure> {
        match &self.store {
            Some(path) => Ok(path.clone()),
            None => Ok(self.data_dir()?.join("runs.db")),
        }
    }

    /// The store, for a command that writes to it or runs what is in it. Other commands may use any store.
    pub(super) fn own_store_path(&self, runs_what_is_in_it: bool) -> Result<PathBuf, Failure> {
        let path = self.store_path()?;
        if runs_what_is_in_it || nix::unistd::geteuid().is_root() {
            trust::store(&path)?;
        }
        Ok(path)
    }

    pub(super) fn data_dir(&self) -> Result<PathBuf, Failure> {
        let dir = self.data.clone().map_or_else(firebench_host::fetch::data_dir, Ok)?;
        trust::directory("data directory", "FIREBENCH_DATA", &dir)?;
        Ok(dir)
    }

    /// The data directory, which is made when it is not there.
    pub(super) fn make_data_dir(&self) -> Result<PathBuf, Failure> {
        let dir = self.data_dir()?;
        std::fs::create_dir_all(&dir).map_err(|source| FetchError::File {
            action: "make",
            path: dir.clone(),
            source,
        })?;
        self.data_dir()
    }
}

/// Whether a path was given on the command line, not with the variable.
fn is_said(path: &Path, variable: &str) -> bool {
    std::env::var_os(variable).as_deref() != Some(path.as_os_str())
}
