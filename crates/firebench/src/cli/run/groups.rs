//! `firebench run WORKLOAD` with nobody named, on a machine without a usable KVM: what runs at real speed there, and the VMMs
//! emulated. Two runs, of which none is ever compared with the other.

use std::path::Path;

use firebench_host::accel;
use firebench_model::experiment::{AccelChoice, Experiment, PayloadSpec, Preset};
use firebench_supervise::kvm;
use firebench_text::units::{Size, Span};
use firebench_vmm::{VmmKind, kinds};

use super::super::failure::Failure;
use super::super::output;
use super::super::storage_args::StorageArgs;
use super::args::RunArgs;
use super::once::{self, Job};
use super::repeat::badness;
use super::selection;
use super::session::Session;

/// What a run at real speed reads there where nobody says: enough for a tenth of a second and more.
const SIZE: Size = Size(64 << 20);
/// How long it takes at most where nobody says.
const MAX_TIME: Span = Span::seconds(60);
/// Boots of each emulated contender where nobody says: they only show that things work.
const EMULATED_BOOTS: u32 = 2;
/// Where the report of the emulated group goes, in the directory for reports.
const EMULATED_DIR: &str = "emulated";

/// The kinds that run at real speed here: one at least has to be beside the bare host. None where the run has one group.
pub(super) fn at_real_speed(args: &RunArgs, experiment: &Experiment, data_dir: &Path) -> Option<Vec<VmmKind>> {
    let free = experiment.accel == AccelChoice::Auto;
    if !free || experiment.preset != Preset::Matched || !args.can_be_grouped(experiment) {
        return None;
    }
    if !accel::choose(AccelChoice::Auto, &kvm::probe(Path::new(kvm::DEVICE)), false).emulated {
        return None;
    }
    if !experiment.vmm.iter().any(|kind| !kind.is_native()) {
        return None;
    }
    // The bare host does not run in a root of the user's.
    let able = |kind: VmmKind| experiment.files.root.is_none() || !kind.is_host();
    let native: Vec<VmmKind> =
        kinds::all().filter(|kind| kind.is_native() && able(*kind) && selection::is_here(*kind, data_dir)).collect();
    (native.len() > 1).then_some(native)
}

/// Carries out both groups, the second one also where the first one failed. Returns the exit code of the worse.
pub(super) fn main(args: &RunArgs, places: &StorageArgs, job: Job, native: &[VmmKind]) -> Result<u8, Failure> {
    let mut session = Session::open(places, args.verbosity())?;
    let names: Vec<&str> = native.iter().map(|kind| kind.0.name).collect();
    output::tell(&format!("real speed (1 of 2): {}\n", names.join(", ")));
    let out = job.out.clone();
    let first = Job::new(real(&job.experiment, native), out.clone());
    let first = once::carry_out(args, places, &session, first);
    session.renewed()?;
    let emulated = emulated(&job.experiment);
    let names: Vec<&str> = emulated.vmm.iter().map(|kind| kind.0.name).collect();
    output::tell(&format!("emulated, never compared with what runs at real speed (2 of 2): {}\n", names.join(", ")));
    let second = Job::new(emulated, out.map(|dir| dir.join(EMULATED_DIR)));
    let second = once::carry_out(args, places, &session, second);
    let (first, second) = (first?, second?);
    Ok([first.code, second.code].into_iter().max_by_key(|code| badness(*code)).unwrap_or_default())
}

/// The experiment of those that run at real speed.
fn real(experiment: &Experiment, native: &[VmmKind]) -> Experiment {
    let mut real = experiment.clone();
    real.vmm = native.to_vec();
    match &mut real.payload {
        PayloadSpec::Seeded { size, .. } | PayloadSpec::Urandom { size, .. } => drop(size.get_or_insert(SIZE)),
        PayloadSpec::File { .. } => {}
    }
    if real.design.boots.is_none() {
        real.design.max_time.get_or_insert(MAX_TIME);
    }
    real
}

/// The experiment of the emulated VMMs, of which there is never a verdict that could be precise or early.
fn emulated(experiment: &Experiment) -> Experiment {
    let mut emulated = experiment.clone();
    emulated.vmm.retain(|kind| !kind.is_native());
    let design = &mut emulated.design;
    (design.precision, design.max_time, design.strict, design.stop_on_verdict) = (None, None, false, false);
    design.boots.get_or_insert(EMULATED_BOOTS);
    emulated
}

#[cfg(test)]
mod tests {
    use firebench_text::units::Share;

    use super::*;

    #[test]
    fn each_group_gets_what_it_can_use() {
        let mut asked = Experiment::default();
        asked.design.precision = Some(Share::percent(2));
        asked.design.strict = true;
        let native: Vec<VmmKind> = kinds::all().filter(|kind| kind.is_native()).collect();
        let real = real(&asked, &native);
        assert_eq!((real.vmm.len(), real.design.max_time), (native.len(), Some(MAX_TIME)));
        assert!(matches!(real.payload, PayloadSpec::Seeded { size: Some(SIZE), .. }), "{:?}", real.payload);
        let emulated = emulated(&asked);
        assert_eq!((emulated.design.boots, emulated.design.precision), (Some(EMULATED_BOOTS), None));
        assert!(!emulated.design.strict && emulated.vmm == asked.vmm);
        asked.vmm = kinds::all().collect();
        assert!(super::emulated(&asked).vmm.iter().all(|kind| !kind.is_native()));
        asked.design.boots = Some(7);
        assert_eq!(super::emulated(&asked).design.boots, Some(7));
        assert_eq!(super::real(&asked, &native).design.max_time, None, "a number of boots has no time");
    }
}
