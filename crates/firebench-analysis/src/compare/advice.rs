//! What would decide what two runs apart cannot: a command to paste where the runs say enough for one.

use firebench_model::experiment::{ContenderSpec, Experiment};
use firebench_model::record::{ContenderRecord, Report};
use firebench_text as text;
use firebench_vmm::quote;
use serde::Serialize;

use super::footing::Footing;
use super::operand::{Operand, Run};
use super::refuse::ContenderPair;

/// What to do for a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// In sentences.
    pub words: String,
    /// Commands for a POSIX shell, one for each pair; the words end with a colon for them.
    pub commands: Vec<String>,
}

/// The advice on what has no verdict because of how its two sides came about.
pub fn advice(a: &Operand, b: &Operand, pairs: &[ContenderPair], footing: Footing) -> Option<Advice> {
    let plain = |words: &str| Some(Advice { words: words.to_owned(), commands: Vec::new() });
    match footing {
        Footing::WithinRun | Footing::WithinRuns | Footing::SeveralRuns => None,
        Footing::WithinTwoRuns => plain(
            "For a verdict over runs, give three or more that hold both, as `--repeat-run 5` makes them; one of them alone has a verdict of \
             its own, RUN:CONTENDER RUN:CONTENDER.",
        ),
        Footing::OneRunAgainstSeveral => plain(
            "For a verdict, give two runs or more on each side: a directory with a directory for each run, or runs separated by commas.",
        ),
        Footing::OneRunEach if a.report().imported.is_some() => plain(
            "For a verdict, measure both in turn and compare them within one file (a CSV with the column block, `A:x A:y`), or give \
             several files on each side, separated by commas.",
        ),
        Footing::OneRunEach => Some(interleaved(&a.first, &b.first, pairs)),
    }
}

/// Both sides as contenders of one run.
fn interleaved(a: &Run, b: &Run, pairs: &[ContenderPair]) -> Advice {
    let commands: Vec<String> = pairs.iter().filter_map(|pair| command(a, b, *pair)).collect();
    let general = || {
        let workload = text::excerpt(b.report.experiment.workload.name(), 100);
        format!(" `firebench run {workload} --contender old=VMM,binary=PATH --contender new=VMM,binary=PATH`.")
    };
    let same = rest(&a.report.experiment) == rest(&b.report.experiment);
    let differing = if same || commands.is_empty() { "" } else { ", with B's experiment where the two differ" };
    let words = format!(
        "For a verdict, carry out each side several times, with `--repeat-run 5`, and compare all its runs with all of the other side; \
         or run both as contenders of one run{differing}, in which they take turns:{}",
        if commands.is_empty() { general() } else { String::new() }
    );
    Advice { words, commands }
}

/// The command of a pair that differs in what `--contender` can say; none where that is not known. All else is as in the experiment of
/// B's report, whatever that sets.
fn command(a: &Run, b: &Run, (of_a, of_b): ContenderPair) -> Option<String> {
    let (mut old, new) = (spec(&a.report, of_a, "old")?, spec(&b.report, of_b, "new")?);
    // Where the second was put in the place of the first, the first is there no more.
    let is_replaced = of_a.binary == of_b.binary && of_a.sha256 != of_b.sha256;
    keep(&mut old, &a.report.experiment, &b.report.experiment);
    let differ = ContenderSpec { name: new.name.clone(), ..old.clone() } != new;
    if is_replaced || !differ {
        return None;
    }
    let (export, file) = match (&b.file, &b.report.id) {
        (Some(file), _) => (String::new(), file.to_str()?.to_owned()),
        (None, Some(id)) => {
            (format!("firebench show {} --format json > run.json && ", quote(id)), "run.json".to_owned())
        }
        (None, None) => return None,
    };
    let mut words = ["firebench", "run", "--from"].map(str::to_owned).to_vec();
    words.push(file);
    for spec in [old, new] {
        words.extend(["--contender".to_owned(), spec.argument()?]);
    }
    let command = export + &words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
    (!command.chars().any(text::is_hidden)).then_some(command)
}

/// A contender as its experiment describes it, with the executable that it had.
fn spec(run: &Report, contender: &ContenderRecord, name: &str) -> Option<ContenderSpec> {
    let described = run.experiment.specs().into_iter().find(|spec| spec.name == contender.name);
    let described = described.filter(|spec| spec.vmm == contender.vmm)?;
    let binary = contender.vmm.boots_a_guest().then(|| contender.binary.clone());
    Some(ContenderSpec { name: name.to_owned(), binary, ..described })
}

/// Makes what `own` sets for all of its contenders, and `other` otherwise, a setting of the contender.
fn keep(spec: &mut ContenderSpec, own: &Experiment, other: &Experiment) {
    if !spec.vmm.boots_a_guest() {
        return;
    }
    if own.files.kernel != other.files.kernel && spec.kernel.is_none() {
        spec.kernel.clone_from(&own.files.kernel);
        spec.modules = spec.modules.take().or_else(|| own.files.modules.clone());
    }
    if own.machine.vcpus != other.machine.vcpus {
        spec.vcpus = spec.vcpus.or(own.machine.vcpus);
    }
    if own.machine.memory != other.machine.memory {
        spec.memory = spec.memory.or(own.machine.memory);
    }
}

/// An experiment without what the command says, and what no two runs share.
fn rest(experiment: &Experiment) -> Experiment {
    let mut rest = experiment.clone();
    (rest.vmm, rest.contenders) = Default::default();
    rest.files.programs = Default::default();
    (rest.files.kernel, rest.files.modules, rest.machine.vcpus, rest.machine.memory) = Default::default();
    (rest.design.seed, rest.design.layout) = Default::default();
    rest
}
