//! The boots of a run, one after the other or all of a block at once: each in a directory of its own, and told when it is over.

use std::path::{Path, PathBuf};

use firebench_model::events::{Listener, RunEvent};
use firebench_model::plan::{Plan, PlannedContender};
use firebench_model::record::{BootRecord, BootStatus, IterationRecord};
use firebench_model::throttle;
use firebench_stats::design::{self, Turn};
use firebench_workload::Workload;

use super::boot::Boot;
use super::{RunError, Surroundings, at_once, duet, error};

/// The boots of a run.
pub(super) struct Boots<'a> {
    plan: &'a Plan,
    workload: &'a dyn Workload,
    around: &'a Surroundings<'a>,
    /// Boots so far, attempts included.
    number: u32,
    /// Why the last boot was void, if a CPU quota held it up.
    held_up: Option<String>,
}

/// A boot that is over, with the attempts before it.
pub(super) struct Booted {
    /// Whose it is.
    pub(super) contender: usize,
    /// What the design learns from it.
    pub(super) boot: design::Boot,
    /// Why it failed for good, if it did.
    pub(super) failure: Option<RunError>,
    /// Why it cannot be trusted, if it cannot.
    pub(super) void: Option<String>,
}

/// What the design learns from a boot that is over: if it is not a good one, only the time that it took.
pub fn measured(record: &BootRecord, primary: &str) -> design::Boot {
    if record.status != BootStatus::Ok {
        return design::Boot::void(record.life_seconds);
    }
    let value = |iteration: &IterationRecord| iteration.metrics.get(primary).copied().unwrap_or(f64::NAN);
    let alone = record.iterations.iter().enumerate().filter(|(_, iteration)| iteration.alone);
    design::Boot {
        iterations: record.iterations.iter().map(value).collect(),
        seconds: record.life_seconds,
        alone: alone.map(|(place, _)| place).collect(),
    }
}

impl<'a> Boots<'a> {
    /// None so far.
    pub(super) fn new(plan: &'a Plan, workload: &'a dyn Workload, around: &'a Surroundings<'a>) -> Self {
        Boots { plan, workload, around, number: 0, held_up: None }
    }

    /// Why the last boot was void, if a CPU quota held it up.
    pub(super) fn held_up(self) -> Option<String> {
        self.held_up
    }

    /// Repeats a boot until it is good or void, or no attempt is left; a throw-away boot comes before it, where the turn has one. A
    /// throw-away boot that is void has run nevertheless; one that fails is the failed boot of its contender in this block.
    pub(super) fn boot(&mut self, turn: &Turn, listener: &mut dyn Listener) -> Result<Booted, RunError> {
        let contender = self.contender(turn)?;
        let mut spent = 0.0;
        let mut attempt = 0_u32;
        let mut throw_away = turn.throw_away;
        loop {
            attempt = attempt.saturating_add(1);
            spent += self.settle();
            let dirs = (0..contender.concurrent).map(|_| self.directory()).collect::<Result<Vec<_>, _>>()?;
            let Boots { plan, workload, around, .. } = *self;
            let boot = |dir| Boot { plan, workload, turn, contender, attempt, around, dir };
            let all: Vec<Boot<'_>> = dirs.iter().map(|dir| boot(dir)).collect();
            let lived = at_once::live(&all, listener);
            let removed = dirs.iter().try_for_each(|dir| remove(dir));
            let mut record = lived?;
            record.discarded = throw_away && !record.status.is_failure() && record.status != BootStatus::Interrupted;
            let retried = record.discarded || record.status.worth_a_retry() && attempt < self.plan.attempts;
            tell(turn, &record, retried, listener);
            removed?;
            if retried {
                spent += record.life_seconds;
                if record.discarded {
                    (throw_away, attempt) = (false, 0);
                }
                continue;
            }
            return self.booted(turn, record, spent);
        }
    }

    /// Boots all of a block at once, each in its CPU set and only once: alone, another attempt would measure something else. `turns`
    /// are those of the block that are not over yet. Where some are, of a run that was cut off, the others do not boot any more, and
    /// are void. `warm_up` iterations do not count.
    pub(super) fn at_once(
        &mut self,
        turns: &[Turn],
        warm_up: u32,
        listener: &mut dyn Listener,
    ) -> Result<Vec<Booted>, RunError> {
        let (records, spent) = if turns.len() < self.plan.contenders.len() {
            (turns.iter().map(duet::cut_off).collect(), 0.0)
        } else {
            let spent = self.settle();
            (self.together(turns, warm_up, listener)?, spent)
        };
        let block = || turns.iter().zip(&records);
        block().for_each(|(turn, record)| tell(turn, record, false, listener));
        block().map(|(turn, record)| self.booted(turn, record.clone(), spent)).collect()
    }

    /// What came of the boots of a whole block.
    fn together(
        &mut self,
        turns: &[Turn],
        warm_up: u32,
        listener: &mut dyn Listener,
    ) -> Result<Vec<BootRecord>, RunError> {
        let (mut dirs, mut contenders): (Vec<PathBuf>, Vec<PlannedContender>) = (Vec::new(), Vec::new());
        for turn in turns {
            let set = usize::try_from(turn.position).ok().and_then(|place| self.plan.cpu_sets.get(place));
            contenders.push(self.contender(turn)?.on(set.ok_or(RunError::Foreign)?));
            dirs.push(self.directory()?);
        }
        let Boots { plan, workload, around, .. } = *self;
        let boots: Vec<Boot<'_>> = turns
            .iter()
            .zip(contenders.iter().zip(&dirs))
            .map(|(turn, (contender, dir))| Boot { plan, workload, turn, contender, attempt: 1, around, dir })
            .collect();
        let records = duet::play(&boots, warm_up, listener)?;
        dirs.iter().try_for_each(|dir| remove(dir))?;
        Ok(records)
    }

    fn contender(&self, turn: &Turn) -> Result<&'a PlannedContender, RunError> {
        self.plan.contenders.get(turn.contender).ok_or(RunError::Foreign)
    }

    /// Waits before every boot but the first; returns for how long.
    fn settle(&self) -> f64 {
        if self.number == 0 {
            return 0.0;
        }
        self.around.wait(self.plan.settle);
        self.plan.settle.as_secs_f64()
    }

    /// The directory of the next boot.
    fn directory(&mut self) -> Result<PathBuf, RunError> {
        let run_dir = self.around.run_dir;
        let dir = run_dir.boot_dir(self.number).map_err(|source| RunError::Io {
            action: "make",
            path: run_dir.path().to_owned(),
            source,
        })?;
        self.number = self.number.saturating_add(1);
        Ok(dir)
    }

    /// What a boot that is over means for the run.
    fn booted(&mut self, turn: &Turn, record: BootRecord, spent: f64) -> Result<Booted, RunError> {
        if record.status == BootStatus::Void {
            let held_up =
                record.throttled_seconds.is_some_and(|seconds| seconds > throttle::SHARE * record.life_seconds);
            self.held_up = record.message.clone().filter(|_| held_up);
        }
        let name = &self.contender(turn)?.name;
        let number = turn.block.saturating_add(1);
        let boot = measured(&record, &self.plan.primary);
        let boot = design::Boot { seconds: boot.seconds + spent, ..boot };
        let void = record
            .message
            .as_ref()
            .filter(|_| record.status == BootStatus::Void)
            .map(|message| format!("{name}, boot {number}: {message}"));
        let failure = match record.status {
            BootStatus::Ok | BootStatus::Void => None,
            BootStatus::Interrupted => return Err(RunError::interrupted(self.around.interrupt)),
            status => Some(RunError::Boot {
                contender: name.clone(),
                boot: number,
                attempts: record.attempt,
                status,
                message: record.message.unwrap_or_default(),
                help: error::help(status),
            }),
        };
        Ok(Booted { contender: turn.contender, boot, failure, void })
    }
}

fn tell(turn: &Turn, record: &BootRecord, retried: bool, listener: &mut dyn Listener) {
    let boot = Box::new(record.clone());
    listener.on_event(&RunEvent::BootDone { contender: turn.contender, boot, retried });
}

fn remove(dir: &Path) -> Result<(), RunError> {
    std::fs::remove_dir_all(dir).map_err(|source| RunError::Io { action: "remove", path: dir.to_owned(), source })
}
