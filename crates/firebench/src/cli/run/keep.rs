//! Keeps a run in the store, and resumes one that was cut off.

use std::time::{Duration, Instant};

use firebench_analysis::continuation;
use firebench_model::events::{Listener, RunEvent};
use firebench_model::experiment::Settle;
use firebench_model::record::{Extension, Report, RunEnd};
use firebench_model::runs::RunId;
use firebench_store::store::{Outcome, Recorder, Store, StoreError};
use firebench_text::errors::sentence_and_hint;
use firebench_text::units::Span;

use super::super::failure::Failure;
use super::super::output::tell;
use super::super::storage_args::StorageArgs;
use crate::crash;
use crate::prepare::Prepared;
use crate::resume::{self, ResumeError};

/// How long the processes of a killed firebench may take to end.
const RESUME_GRACE: Duration = Duration::from_secs(2);
/// How often that is checked.
const RESUME_POLL: Duration = Duration::from_millis(20);

/// What keeps a run, if anything does.
pub(super) struct Keeper {
    kept: Option<(Store, RunId)>,
    written: Result<(), StoreError>,
}

impl Keeper {
    /// Keeps nothing.
    pub(super) fn none() -> Self {
        Keeper { kept: None, written: Ok(()) }
    }

    /// Begins to keep a run; its report gets the run's id.
    pub(super) fn begin(report: &mut Report, places: &StorageArgs) -> Result<Self, Failure> {
        let mut store = Store::open(&places.own_store_path(false)?)?;
        let id = store.begin(report)?;
        report.id = Some(id.to_string());
        crash::kept(Some(id.as_str()));
        Ok(Keeper { kept: Some((store, id)), written: Ok(()) })
    }

    /// Listens to the run.
    pub(super) fn recorder(&mut self) -> Recording<'_> {
        let Keeper { kept, written } = self;
        Recording { recorder: kept.as_mut().map(|(store, id)| store.recorder(id)), told: false, written }
    }

    /// Whether the store keeps it.
    pub(super) fn keeps(&self) -> bool {
        self.kept.is_some()
    }

    /// Ends it.
    pub(super) fn finish(self, report: &Report) -> Result<(), Failure> {
        let Some((mut store, id)) = self.kept else { return Ok(()) };
        self.written?;
        store.finish(&id, report, Outcome::of(report))?;
        crash::kept(None);
        Ok(())
    }
}

/// A recorder that leaves its result with the keeper.
pub(super) struct Recording<'a> {
    recorder: Option<Recorder<'a>>,
    told: bool,
    written: &'a mut Result<(), StoreError>,
}

impl Listener for Recording<'_> {
    fn on_event(&mut self, event: &RunEvent) {
        if let Some(recorder) = &mut self.recorder {
            recorder.on_event(event);
            // Now, not in hours, when the run is over.
            if let Some(trouble) = recorder.trouble().filter(|_| !std::mem::replace(&mut self.told, true)) {
                tell(&format!("note: firebench cannot store boots at the moment: {}\n", sentence_and_hint(trouble)));
            }
        }
    }
}

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        if let Some(recorder) = self.recorder.take() {
            *self.written = recorder.finish();
        }
    }
}

/// A run of the store that was cut off.
pub(super) struct CutOff {
    store: Store,
    id: RunId,
    /// Its report so far.
    pub(super) report: Report,
}

/// Resumes a run, which from here on belongs to this process. With `more_time`, this includes a run whose time was
/// over.
pub(super) fn cut_off(which: &str, more_time: bool, places: &StorageArgs) -> Result<CutOff, Failure> {
    let mut store = Store::open_existing(&places.own_store_path(true)?).map_err(Failure::from_store)?;
    let id = store.id(which).map_err(Failure::from_store)?;
    if more_time && store.load(id.as_str())?.design.end == Some(RunEnd::TimeOver) {
        store.reopen(&id)?;
    }
    // A VM that was being started when its firebench was killed holds on to the run for a moment longer.
    let begun = Instant::now();
    while let Err(error) = store.resume(&id) {
        if !matches!(error, StoreError::StillRunning(_)) || begun.elapsed() > RESUME_GRACE {
            return Err(Failure::from_store(error));
        }
        std::thread::sleep(RESUME_POLL);
    }
    crash::kept(Some(id.as_str()));
    let mut report = store.load(id.as_str())?;
    // A run that says nothing of it is one of an older firebench, which threw nothing away unless it was told to.
    report.experiment.design.settle.get_or_insert(Settle::Nothing);
    Ok(CutOff { store, id, report })
}

impl CutOff {
    /// Makes the prepared run continue where the stored one was cut off.
    pub(super) fn go_on(self, prepared: &mut Prepared, max_time: Option<Span>) -> Result<Keeper, Failure> {
        let CutOff { store, id, mut report } = self;
        let changed = continuation::changes(&report, &prepared.report);
        if !changed.is_empty() {
            return Err(Failure::usage(ResumeError::Changed { id: id.to_string(), changed }));
        }
        let done = store.done(&id)?;
        if let Some(time) = max_time {
            if report.design.precision.is_none() {
                return Err(ResumeError::NoTime(id.to_string()).into());
            }
            let max_seconds = time.as_secs() as f64;
            report.design.extended.push(Extension { after_boots: done.len(), max_seconds });
            report.design.max_seconds = Some(max_seconds);
        }
        report.design.end = None;
        prepared.plan.extended.clone_from(&report.design.extended);
        prepared.plan.done = resume::replay(id.as_str(), &prepared.plan, &done)?;
        let lived = report
            .contenders
            .iter()
            .flat_map(|c| c.boots.iter().chain(&c.discarded))
            .map(|boot| boot.life_seconds)
            .sum();
        prepared.report = Report { failure: None, duration: report.duration.max(lived), ..report };
        Ok(Keeper { kept: Some((store, id)), written: Ok(()) })
    }
}
