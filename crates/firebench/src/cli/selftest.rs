//! `firebench selftest`: tries whatever can run on this machine.

use std::path::{Path, PathBuf};

use clap::Args;
use firebench_host::{facts, fetch, tools};
use firebench_model::events::RunEvent;
use firebench_model::experiment::{AccelChoice, Design, Experiment, Files, PayloadSpec, SMALL_KERNEL};
use firebench_model::record::{BootStatus, Report};
use firebench_report::progress::Verbosity;
use firebench_supervise::kvm::{self, KvmReport};
use firebench_supervise::left::left_of;
use firebench_text::units::Size;
use firebench_vmm::{Accel, VmmKind, kinds};

use super::failure::Failure;
use super::run::Session;
use super::storage_args::StorageArgs;
use super::{calibrate_live, output};
use crate::selftest::{Outcome, SelfTest, Trial};

#[derive(Debug, Args)]
pub(crate) struct SelftestArgs {
    /// Leave out what is slow where there is no usable KVM: the emulated machine with a KVM of its own
    #[arg(long)]
    quick: bool,
}

/// Something that should work does not.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("the self-test failed")]
#[diagnostic(help("paste its output into an issue; `firebench doctor` says what this machine lacks"))]
struct NotPassed;

/// What every trial reads.
const PAYLOAD: Size = Size(1 << 20);
/// Boots of a trial.
const BOOTS: u32 = 2;
/// Boots of each of two equal hosts: enough for ranks.
const EQUAL_BOOTS: u32 = 10;

pub(super) fn main(args: &SelftestArgs, places: &StorageArgs) -> Result<(), Failure> {
    let data_dir = places.data_dir()?;
    let kvm = kvm::probe(Path::new(kvm::DEVICE));
    let mut session = Session::open(places, Verbosity::Quiet)?;
    let mut left = Vec::new();
    let mut trials = Vec::new();
    for (kind, speed, accel) in planned(&kvm) {
        if args.quick && accel == AccelChoice::Nested {
            trials.push(Trial { of: kind.0.name.to_owned(), speed, outcome: Outcome::LeftOut });
            continue;
        }
        output::tell(&format!("trying {kind} ({speed})\n"));
        let used = session.directory();
        trials.push(tried(&session, places, &data_dir, (kind, speed, accel)));
        session.renewed()?;
        left.extend(left_of(&used));
    }
    drop(session);
    output::tell("comparing two equal hosts\n");
    let found = SelfTest {
        version: env!("CARGO_PKG_VERSION"),
        host: facts::read(Path::new("/"), &data_dir, kvm.hypervisor.clone()),
        kvm: (kvm.finding.clone(), kvm.usable()),
        trials,
        equal: equal(places),
        left,
        directories: directories(places)?,
    };
    output::print(&found.render())?;
    if found.is_passed() { Ok(()) } else { Err(NotPassed.into()) }
}

/// Where what errors may name lies, and where it is led to by links.
fn directories(places: &StorageArgs) -> Result<Vec<PathBuf>, Failure> {
    let mut all = vec![std::env::temp_dir(), places.cache_dir()?, places.data_dir()?, places.store_path()?];
    all.extend(std::env::current_dir().ok());
    all.extend(std::env::current_exe().ok().and_then(|program| program.parent().map(Path::to_owned)));
    let resolved: Vec<PathBuf> = all.iter().filter_map(|path| path.canonicalize().ok()).collect();
    all.extend(resolved);
    Ok(all)
}

/// What can be tried here: each kind at real speed if it can, else however it can.
fn planned(kvm: &KvmReport) -> Vec<(VmmKind, &'static str, AccelChoice)> {
    let mut all = Vec::new();
    for kind in kinds::all() {
        if kind.is_native() {
            all.push((kind, "real speed", AccelChoice::Auto));
            continue;
        }
        if kind.supports(Accel::Tcg) {
            all.push((kind, "tcg", AccelChoice::Tcg));
        }
        all.push(match kvm.usable() {
            true => (kind, "kvm", AccelChoice::Kvm),
            false => (kind, "nested", AccelChoice::Nested),
        });
    }
    all
}

/// Tries one of them.
fn tried(
    session: &Session,
    places: &StorageArgs,
    data_dir: &Path,
    (kind, speed, accel): (VmmKind, &'static str, AccelChoice),
) -> Trial {
    let version = match tools::find(kind, None, data_dir) {
        Ok(tool) => format!(" {}", tool.version),
        Err(_) if kind.program.is_some() => {
            let outcome = Outcome::Missing(tools::install(kind).to_owned());
            return Trial { of: kind.0.name.to_owned(), speed, outcome };
        }
        Err(_) => String::new(),
    };
    if kind.needs_the_small_kernel() && !matches!(fetch::small_kernel(data_dir), Ok(Some(_))) {
        let outcome = Outcome::Missing("build its kernel (firebench kernel build)".to_owned());
        return Trial { of: format!("{kind}{version}"), speed, outcome };
    }
    let outcome = match run(session, places, &experiment(kind, accel)) {
        Ok(report) => works(&report),
        Err(failure) => Outcome::Failed(failure.sentence()),
    };
    Trial { of: format!("{kind}{version}"), speed, outcome }
}

fn run(session: &Session, places: &StorageArgs, experiment: &Experiment) -> Result<Report, Failure> {
    let prepared = session.prepare(experiment, places, true)?;
    let (report, result) = session.carry_out(&prepared, &mut |_: &RunEvent| {});
    prepared.discard(&session.cache)?;
    result.map(|()| report)
}

fn experiment(kind: VmmKind, accel: AccelChoice) -> Experiment {
    Experiment {
        vmm: vec![kind],
        accel,
        files: Files { kernel: kind.needs_the_small_kernel().then(|| SMALL_KERNEL.into()), ..Files::default() },
        payload: PayloadSpec::Seeded { seed: 1, size: Some(PAYLOAD), block: None },
        design: Design { boots: Some(BOOTS), iterations: Some(1), ..Design::default() },
        ..Experiment::default()
    }
}

/// Whether all boots of the one contender were good: a wrong digest is none.
fn works(report: &Report) -> Outcome {
    let boots = || report.contenders.iter().flat_map(|contender| &contender.boots);
    match boots().find(|boot| boot.status != BootStatus::Ok) {
        Some(bad) => Outcome::Failed(bad.message.clone().unwrap_or_else(|| "a boot does not count".to_owned())),
        None => Outcome::Works { boots: boots().count(), seconds: report.duration },
    }
}

/// Compares two equal hosts, which should not be told apart; once more where chance, which does it in one of twenty runs, may have.
fn equal(places: &StorageArgs) -> Result<(String, bool), String> {
    match equal_once(places)? {
        (_, false) => equal_once(places),
        right => Ok(right),
    }
}

fn equal_once(places: &StorageArgs) -> Result<(String, bool), String> {
    let design = Design { boots: Some(EQUAL_BOOTS), iterations: Some(1), ..Design::default() };
    let rows = calibrate_live::run(design, None, places).map_err(|failure| failure.sentence())?;
    let row = rows.first().ok_or("there was no verdict on them")?;
    Ok((row.sentence().to_owned(), !row.is_false_alarm()))
}
