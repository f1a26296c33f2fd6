//! What is looked up in the table of workloads.

use firebench_model::experiment::{ContenderSpec, Experiment, ExperimentError, WorkloadName};
use firebench_model::metric::{ASIDE, Metric, OF_A_COMMAND};
use firebench_text as text;

use crate::workload::{BLOCK_FLAG, Flag, FlagError, Given, ROUNDS_FLAG, Speed, Workload};
use crate::workloads::ALL;

/// The workload of this name; None of one that this version of firebench does not have.
pub fn find(name: &WorkloadName) -> Option<&'static dyn Workload> {
    ALL.iter().copied().find(|workload| workload.name() == name.name())
}

/// The workload of this name.
///
/// # Errors
/// [`ExperimentError::Workload`], with the names that there are.
pub fn of(name: &WorkloadName) -> Result<&'static dyn Workload, ExperimentError> {
    let names = || ALL.iter().map(|workload| workload.name()).collect::<Vec<_>>().join(", ");
    find(name).ok_or_else(|| ExperimentError::Workload { name: name.clone(), known: names() })
}

/// The workload of an experiment, with which it can be carried out.
///
/// # Errors
/// [`ExperimentError`]: what the experiment alone can tell is wrong with it, or what its workload can.
pub fn check(experiment: &Experiment) -> Result<&'static dyn Workload, ExperimentError> {
    experiment.check()?;
    let workload = of(&experiment.workload)?;
    accepts(workload, experiment)?;
    Ok(workload)
}

/// Whether an experiment asks for nothing that its workload does not have.
fn accepts(workload: &dyn Workload, experiment: &Experiment) -> Result<(), ExperimentError> {
    let name = || experiment.workload.clone();
    let asked = experiment.design.primary.as_ref();
    if let Some(metric) = asked.filter(|asked| primaries(workload).all(|metric| metric.name != **asked)) {
        let known: Vec<&str> = primaries(workload).map(|metric| metric.name.as_ref()).collect();
        let metric = text::excerpt(metric, 100);
        return Err(ExperimentError::Primary { metric, workload: name(), known: known.join(", ") });
    }
    if workload.measures_boots() {
        whole_boots(experiment)?;
    }
    if !workload.is_the_users() && experiment.has_own_commands() {
        return Err(ExperimentError::CommandOfWorkload(name()));
    }
    let commands = experiment.own_commands()?;
    if experiment.files.root.is_some() && !workload.is_the_users() {
        return Err(ExperimentError::RootOfWorkload(name()));
    }
    // A container image may say itself what it runs.
    let none = |words: &[String]| words.is_empty() && experiment.files.root.is_none();
    let without = || experiment.specs().into_iter().zip(&commands).find(|(_, words)| none(words));
    if let Some((spec, _)) = workload.is_the_users().then(without).flatten() {
        return Err(ExperimentError::NoCommand(spec.name));
    }
    let service = workload.service(experiment, Speed::Real);
    let kindless = |spec: &ContenderSpec| spec.vmm.card.is_none() && !spec.vmm.is_host();
    if let Some(spec) = experiment.specs().into_iter().find(|spec| service.is_some() && kindless(spec)) {
        return Err(ExperimentError::NoCard { contender: spec.name, vmm: spec.vmm, workload: name() });
    }
    if !experiment.http.is_empty() && service.is_none_or(|service| service.load.is_none()) {
        return Err(ExperimentError::HttpOfWorkload(name()));
    }
    let reads_blocks = workload.flags().iter().any(|flag| flag.name == BLOCK_FLAG);
    if experiment.payload.block().is_some() && !reads_blocks {
        return Err(ExperimentError::NoBlocks(name()));
    }
    if experiment.hash_loop.is_some() && workload.flags().iter().all(|flag| flag.name != ROUNDS_FLAG) {
        return Err(ExperimentError::NoLoop(name()));
    }
    if workload.needs(experiment, Speed::Real).payload.is_none() {
        if let Some(spec) = experiment.specs().into_iter().find(|spec| spec.handicap.is_some()) {
            return Err(ExperimentError::Handicap { contender: spec.name, workload: name() });
        }
    }
    Ok(())
}

/// Whether an experiment leaves the iterations of a boot to its workload, which measures it as a whole.
fn whole_boots(experiment: &Experiment) -> Result<(), ExperimentError> {
    let design = &experiment.design;
    let asked = [
        ("--iterations", design.iterations.is_some_and(|iterations| iterations != 1)),
        ("--warmup", design.warm_up.is_some_and(|iterations| iterations != 0)),
        ("--cold", design.cold),
    ];
    let found = asked.into_iter().find(|(_, asked)| *asked);
    found.map_or(Ok(()), |(flag, _)| Err(ExperimentError::WholeBoots { flag, workload: experiment.workload.clone() }))
}

/// Everything that is measured of a workload, in the order in which it is shown: what is its own, and what every command has.
pub fn metrics(workload: &dyn Workload) -> impl Iterator<Item = &'static Metric> + Clone {
    workload.metrics().iter().chain(if workload.measures_boots() { &ASIDE } else { &OF_A_COMMAND })
}

/// Those of its metrics on which verdicts can be given.
pub fn primaries(workload: &dyn Workload) -> impl Iterator<Item = &'static Metric> + Clone {
    metrics(workload).filter(|metric| metric.can_be_primary())
}

/// The metrics on which verdicts can be given of any workload, each name once.
pub fn all_primaries() -> Vec<&'static Metric> {
    let mut all: Vec<&Metric> = Vec::new();
    for metric in ALL.iter().flat_map(|workload| primaries(*workload)) {
        if all.iter().all(|known| known.name != metric.name) {
            all.push(metric);
        }
    }
    all
}

/// The metric on which verdicts are given: the one that was asked for, else the workload's first.
pub fn primary<'a>(workload: &dyn Workload, experiment: &'a Experiment) -> &'a str {
    let first = || primaries(workload).next().map(|metric| metric.name.as_ref());
    experiment.design.primary.as_deref().or_else(first).unwrap_or_default()
}

/// The flags of all workloads, each once.
pub fn flags() -> Vec<&'static Flag> {
    let mut all: Vec<&Flag> = Vec::new();
    for flag in ALL.iter().flat_map(|workload| workload.flags()) {
        if all.iter().all(|known| known.name != flag.name) {
            all.push(flag);
        }
    }
    all
}

/// Puts what a user gave into an experiment of this workload.
///
/// # Errors
/// [`FlagError`] for flags that it does not have, or that cannot be followed.
pub fn ask(workload: &dyn Workload, given: &Given, experiment: &mut Experiment) -> Result<(), FlagError> {
    let own = |name: &str| workload.flags().iter().any(|flag| flag.name == name);
    match given.keys().find(|name| !own(name)) {
        Some(foreign) => Err(FlagError {
            wrong: format!("cannot use --{foreign} with the workload {}", workload.name()),
            help: "leave it out".to_owned(),
        }),
        None => workload.ask(given, experiment),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use firebench_text::units::Size;

    use super::*;

    #[test]
    fn names_are_names_and_each_is_there_once() {
        let names: BTreeSet<&str> = ALL.iter().map(|workload| workload.name()).collect();
        assert_eq!(names.len(), ALL.len());
        for workload in ALL {
            let name = WorkloadName::try_from(workload.name().to_owned()).expect("a name");
            assert_eq!(of(&name).expect("it is there").name(), workload.name());
            let metrics: BTreeSet<&str> = metrics(*workload).map(|metric| metric.name.as_ref()).collect();
            assert_eq!(
                metrics.len(),
                workload.metrics().len() + OF_A_COMMAND.len(),
                "{name}: a metric has its own name"
            );
        }
        assert!(find(&WorkloadName::default()).is_some());
    }

    #[test]
    fn an_unknown_workload_is_told_which_there_are() {
        let name = WorkloadName::try_from("nonsense".to_owned()).expect("a name");
        let error = check(&Experiment { workload: name, ..Experiment::default() }).expect_err("unknown");
        assert_eq!(error.to_string(), "there is no workload 'nonsense'");
        assert!(miette::Diagnostic::help(&error).expect("help").to_string().contains("memory"));
    }

    /// Reads no file.
    struct Still;

    impl Workload for Still {
        fn name(&self) -> &'static str {
            "still"
        }
        fn about(&self) -> &'static str {
            "nothing"
        }
        fn says_nothing_of(&self) -> &'static str {
            "anything"
        }
        fn needs(&self, _: &Experiment, _: Speed) -> crate::Needs {
            crate::Needs::default()
        }
        fn command(&self, side: &crate::Side) -> Vec<String> {
            side.applet("true")
        }
        fn deadline(&self, _: &firebench_model::plan::Inputs, _: Speed) -> std::time::Duration {
            std::time::Duration::from_secs(1)
        }
        fn read(
            &self,
            _: &firebench_model::plan::Inputs,
            _: &firebench_protocol::IterationReport,
        ) -> Result<crate::Reading, crate::Fault> {
            Ok(crate::Reading::default())
        }
    }

    #[test]
    fn blocks_are_for_workloads_that_read_in_blocks() {
        let name = WorkloadName::try_from("still".to_owned()).expect("a name");
        let plain = Experiment { workload: name.clone(), ..Experiment::default() };
        assert_eq!(accepts(&Still, &plain), Ok(()));
        let payload = plain.payload.clone().with_block(Some(Size(4096)));
        let blocks = Experiment { payload: payload.clone(), ..plain };
        assert_eq!(accepts(&Still, &blocks), Err(ExperimentError::NoBlocks(name)));
        let of_memory = Experiment { payload, ..Experiment::default() };
        assert!(check(&of_memory).is_ok());
        // A payload of another kind is read in the same way.
        let mut asked = of_memory.clone();
        let workload = of(&asked.workload).expect("it is there");
        ask(workload, &Given::from([("payload", "urandom".to_owned())]), &mut asked).expect("in order");
        assert_eq!(asked.payload.block(), of_memory.payload.block());
        ask(workload, &Given::from([("block", "1MiB".to_owned())]), &mut asked).expect("in order");
        assert_eq!(asked.payload.block(), Some(Size(1 << 20)));
        // There is a whole block to read, whatever the default.
        assert_eq!(workload.needs(&asked, Speed::Nested).payload, Some(Size(16 << 20)));
        asked.payload = asked.payload.with_block(Some(Size(64 << 20)));
        assert_eq!(workload.needs(&asked, Speed::Nested).payload, asked.payload.block());
    }

    #[test]
    fn a_flag_of_another_workload_is_refused() {
        let given = Given::from([("speed", "3".to_owned())]);
        let mut experiment = Experiment::default();
        let workload = of(&experiment.workload).expect("it is there");
        let error = ask(workload, &given, &mut experiment).expect_err("it has none");
        assert_eq!(error.to_string(), format!("cannot use --speed with the workload {}", workload.name()));
    }
}
