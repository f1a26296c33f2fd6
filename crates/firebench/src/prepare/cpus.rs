//! Which CPUs whoever takes part gets: the contenders, and firebench itself.

use std::path::Path;

use firebench_model::experiment::{ContenderSpec, Experiment};
use firebench_model::plan::PlannedContender;
use firebench_run::executor::Place;
use firebench_supervise::{affinity, cpusets};

use super::{PrepareError, defaults};

/// The CPUs of a run.
#[derive(Debug, Default)]
pub(super) struct Cpus {
    /// Those that a boot may use; none where the run takes place elsewhere, on CPUs of another kind.
    pub(super) own: Option<Vec<u32>>,
    /// How many that is, as far as anybody knows.
    usable: u32,
    /// Those that vCPUs are bound to, the same ones for every contender, where that is asked for.
    pub(super) bound: Option<Vec<u32>>,
    /// The sets of a duet, by place in the block; none where boots come one after the other.
    pub(super) sets: Vec<Vec<u32>>,
    /// The one that is left for firebench, where others are bound.
    pub(super) harness: Option<u32>,
}

impl Cpus {
    /// vCPUs of a contender, its own, the experiment's or those that firebench chooses: the same for all of them, as many as each can
    /// have.
    pub(super) fn vcpus(&self, spec: &ContenderSpec, experiment: &Experiment) -> u32 {
        let most = || experiment.specs().iter().filter_map(|spec| spec.vmm.max_vcpus).min().unwrap_or(u32::MAX);
        spec.vcpus.or(experiment.machine.vcpus).unwrap_or_else(|| defaults::vcpus(self.usable).min(most()))
    }

    /// Whether a contender of a duet can have so many vCPUs.
    ///
    /// # Errors
    /// [`PrepareError::DuetVcpus`].
    pub(super) fn suffice(&self, name: &str, wanted: u32) -> Result<(), PrepareError> {
        if self.sets.is_empty() || wanted <= self.usable {
            return Ok(());
        }
        let (name, contenders, each) = (name.to_owned(), self.sets.len(), self.usable);
        Err(PrepareError::DuetVcpus { name, wanted, contenders, each })
    }

    /// Binds the contenders, where that is asked for.
    ///
    /// # Errors
    /// [`PrepareError::Pin`] and [`PrepareError::DuetVcpus`] where one of them has more vCPUs than there are CPUs for it.
    pub(super) fn bind<'a>(
        &self,
        contenders: impl Iterator<Item = &'a mut PlannedContender>,
    ) -> Result<(), PrepareError> {
        for (place, contender) in contenders.enumerate() {
            let vcpus = contender.machine.vcpus;
            if let Some(set) = self.sets.get(place) {
                self.suffice(&contender.name, vcpus)?;
                *contender = contender.on(set);
            } else if let Some(bound) = &self.bound {
                let needed = (vcpus as usize).saturating_add(1);
                if bound.len() < vcpus as usize {
                    return Err(PrepareError::Pin { needed, available: bound.len().saturating_add(1) });
                }
                contender.machine.cpus = Some(bound.iter().copied().take(vcpus as usize).collect());
            }
        }
        Ok(())
    }
}

/// Shares out the CPUs of this machine, of which `usable` are known to be there.
///
/// # Errors
/// [`PrepareError`] when there are too few.
pub(super) fn share_out(
    experiment: &Experiment,
    contenders: usize,
    place: Place,
    usable: Option<u32>,
    notices: &mut Vec<String>,
) -> Result<Cpus, PrepareError> {
    let own = affinity::own().map_err(PrepareError::Affinity);
    let usable = usable.unwrap_or(1);
    if experiment.design.duet {
        if !place.this_machine {
            return Err(PrepareError::DuetElsewhere(place.name));
        }
        return duet(experiment.machine.pin, contenders, &own?, notices);
    }
    let free = |own| Cpus { own, usable, ..Cpus::default() };
    match (experiment.machine.pin, place.this_machine) {
        (false, _) => Ok(free(own.ok().filter(|_| place.this_machine))),
        (true, true) => {
            let own = own?;
            let (harness, bound) = own.split_first().map(|(first, rest)| (*first, rest.to_vec())).unzip();
            Ok(Cpus { harness, bound, ..free(Some(own)) })
        }
        (true, false) => {
            notices
                .push(format!("--pin is left out: it binds CPUs of this machine, and this run is in a {}", place.name));
            Ok(free(None))
        }
    }
}

/// Gives each contender as many CPUs, which it shares with none of the others; with --pin, firebench gets one first.
fn duet(pin: bool, contenders: usize, own: &[u32], notices: &mut Vec<String>) -> Result<Cpus, PrepareError> {
    let error = PrepareError::DuetCpus { contenders, pin, available: own.len() };
    let (harness, rest) = own.split_at_checked(usize::from(pin)).unwrap_or_default();
    let cores = cpusets::cores(Path::new("/"), rest);
    let cpusets::CpuSets { sets, share_cores } = cpusets::split(&cores, contenders).ok_or(error)?;
    if share_cores {
        notices.push(
            "there are fewer cores than contenders, so contenders of the duet run on threads of the same core: they slow each other \
             down more than on cores of their own"
                .to_owned(),
        );
    }
    let own = sets.first().cloned();
    let usable = own.as_ref().and_then(|set| u32::try_from(set.len()).ok()).unwrap_or_default();
    Ok(Cpus { own, usable, sets, harness: harness.first().copied(), bound: None })
}
