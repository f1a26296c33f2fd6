//! `firebench tune`: makes the machine steady for measuring, and puts it back as it was.
//!
//! What was before is on disk before the first change, so that [`restore`] works after any crash. Everything goes through
//! files below a root (`/`; a fixture in tests).
//!
//! What it does not change, and why: swap, for switching it off may run out of memory, and its use is seen in the `doctor`;
//! the NMI watchdog, whose interrupt of a microsecond comes once in ten seconds; address space layout randomisation, for
//! layouts that differ from boot to boot are part of what boots vary by, and one that is always the same would be a bias
//! that no number of boots shows.

mod error;
mod machine;
mod record;
mod settings;
mod status;
pub mod text;

use std::io;
use std::path::{Path, PathBuf};

use error::refused;
use machine::{Files, Machine};
use record::{Place, Record};

pub use error::TuneError;
pub use record::Setting;
pub use settings::{Change, Request, Tuning};
pub use status::{Restored, Standing, Status};

const BOOT_ID: &str = "proc/sys/kernel/random/boot_id";

/// What [`tune`] would change. Changes nothing.
pub fn plan(root: &Path, request: &Request) -> Tuning {
    settings::plan(&Files(root), request)
}

/// Makes the changes of [`plan`], and returns them.
///
/// # Errors
/// [`TuneError`]; nothing was changed unless it is [`TuneError::Refused`].
pub fn tune(root: &Path, request: &Request) -> Result<Tuning, TuneError> {
    Session { root, machine: &Files(root) }.tune(request)
}

/// Puts everything back that [`tune`] changed, except what somebody else has changed since.
///
/// # Errors
/// [`TuneError`]; nothing was changed.
pub fn restore(root: &Path) -> Result<Restored, TuneError> {
    Session { root, machine: &Files(root) }.restore()
}

/// Whether the machine is tuned, and how.
///
/// # Errors
/// [`TuneError`] when the record cannot be read.
pub fn status(root: &Path) -> Result<Status, TuneError> {
    Session { root, machine: &Files(root) }.status()
}

/// What of [`tune`]'s changes is in force, in a phrase: `governor performance, turbo off`. None where nothing is.
pub fn current(root: &Path) -> Option<String> {
    text::summary(&status(root).ok()?)
}

struct Session<'a> {
    root: &'a Path,
    machine: &'a dyn Machine,
}

impl Session<'_> {
    fn tune(&self, request: &Request) -> Result<Tuning, TuneError> {
        let plan = settings::plan(self.machine, request);
        if plan.changes.is_empty() {
            return Ok(plan);
        }
        self.check_writable(plan.changes.iter().map(|change| change.path.as_str()))?;
        let place = Place::below(self.root);
        let _lock = place.lock()?;
        // Another one may have changed something until the lock was ours.
        let plan = settings::plan(self.machine, request);
        let boot_id = self.boot_id()?;
        let mut record = match place.load()? {
            Some(record) if record.boot_id == boot_id => record,
            _ => Record::new(boot_id),
        };
        record.add(&plan.changes);
        place.save(&record)?;
        for change in &plan.changes {
            self.set(&change.path, &change.after)?;
        }
        Ok(plan)
    }

    fn restore(&self) -> Result<Restored, TuneError> {
        match self.status()? {
            Status::Untuned => return Ok(Restored::Untuned),
            Status::Restarted => {}
            Status::Tuned(settings) => {
                let tuned = settings.iter().filter(|(_, standing)| matches!(standing, Standing::Tuned(_)));
                self.check_writable(tuned.map(|(setting, _)| setting.path.as_str()))?;
            }
        }
        let place = Place::below(self.root);
        let _lock = place.lock()?;
        let Some(record) = place.load()? else { return Ok(Restored::Untuned) };
        if record.boot_id != self.boot_id()? {
            place.remove()?;
            return Ok(Restored::Restarted);
        }
        // Backwards: the CPUs that the last change took away must be back before their governors can be.
        let put_back = |setting: Setting| {
            let standing = self.standing(&setting);
            let failure = match standing {
                Standing::Tuned(_) => self.set(&setting.path, &setting.before).err(),
                _ => None,
            };
            (setting, standing, failure)
        };
        let done: Vec<_> = record.settings.into_iter().rev().map(put_back).collect();
        if done.iter().all(|(_, _, failure)| failure.is_none()) {
            place.remove()?;
        }
        Ok(Restored::Done(done))
    }

    fn status(&self) -> Result<Status, TuneError> {
        let Some(record) = Place::below(self.root).load()? else { return Ok(Status::Untuned) };
        if record.boot_id != self.boot_id()? {
            return Ok(Status::Restarted);
        }
        let with_standing = |setting| {
            let standing = self.standing(&setting);
            (setting, standing)
        };
        Ok(Status::Tuned(record.settings.into_iter().map(with_standing).collect()))
    }

    fn standing(&self, setting: &Setting) -> Standing {
        match self.machine.read(&setting.path) {
            Ok(value) if value == setting.before => Standing::Original,
            Ok(value) if setting.ours.contains(&value) => Standing::Tuned(value),
            Ok(value) => Standing::Foreign(value),
            Err(error) => Standing::Gone(error.to_string()),
        }
    }

    fn boot_id(&self) -> Result<String, TuneError> {
        self.machine.read(BOOT_ID).map_err(refused("read", &self.path(BOOT_ID)))
    }

    fn check_writable<'p>(&self, mut paths: impl Iterator<Item = &'p str>) -> Result<(), TuneError> {
        paths.try_for_each(|path| self.machine.check_writable(path).map_err(refused("write", &self.path(path))))
    }

    /// Sets a value, and makes sure that the kernel took it.
    fn set(&self, path: &str, value: &str) -> Result<(), TuneError> {
        let refused = |source| TuneError::Refused { path: self.path(path), value: value.to_owned(), source };
        self.machine.write(path, value).map_err(refused)?;
        match self.machine.read(path).map_err(refused)? {
            now if now == value => Ok(()),
            now => Err(refused(io::Error::other(format!("it still has the value {now:?}")))),
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

#[cfg(test)]
mod tests;
