//! What would decide what two runs apart cannot: a command to paste where the runs say enough for one.

use firebench_model::experiment::{ContenderSpec, Experiment, PayloadSpec, Preset};
use firebench_model::record::{ContenderRecord, Report};
use firebench_text as text;
use firebench_vmm::quote;
use serde::Serialize;

use super::footing::Footing;
use super::operand::Operand;
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
        Footing::OneRunEach => Some(interleaved(a.report(), b.report(), pairs)),
    }
}

/// Both sides as contenders of one run.
fn interleaved(a: &Report, b: &Report, pairs: &[ContenderPair]) -> Advice {
    let commands: Vec<String> = pairs.iter().filter_map(|pair| command(a, b, *pair)).collect();
    let general = || {
        let workload = text::excerpt(b.experiment.workload.name(), 100);
        format!(" `firebench run {workload} --contender old=VMM,binary=PATH --contender new=VMM,binary=PATH`.")
    };
    let words = format!(
        "For a verdict, carry out each side several times, with `--repeat-run 5`, and compare all its runs with all of the other side; \
         or run both as contenders of one run, in which they take turns:{}",
        if commands.is_empty() { general() } else { String::new() }
    );
    Advice { words, commands }
}

/// The command of a pair that differs in what `--contender` can say; none where that is not known.
fn command(a: &Report, b: &Report, (of_a, of_b): ContenderPair) -> Option<String> {
    let (old, new) = (spec(a, of_a, "old")?, spec(b, of_b, "new")?);
    // Where the second was put in the place of the first, the first is there no more.
    let is_replaced = of_a.binary == of_b.binary && of_a.sha256 != of_b.sha256;
    let differ = ContenderSpec { name: new.name.clone(), ..old.clone() } != new;
    if is_replaced || !differ {
        return None;
    }
    let mut words = vec!["firebench".to_owned(), "run".to_owned(), b.experiment.workload.name().to_owned()];
    for spec in [old, new] {
        words.extend(["--contender".to_owned(), spec.argument()?]);
    }
    words.extend(options(&a.experiment, &b.experiment));
    let command = words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
    (!command.chars().any(text::is_hidden)).then_some(command)
}

/// A contender as its experiment describes it, with the executable that it had.
fn spec(run: &Report, contender: &ContenderRecord, name: &str) -> Option<ContenderSpec> {
    let described = run.experiment.specs().into_iter().find(|spec| spec.name == contender.name);
    let described = described.filter(|spec| spec.vmm == contender.vmm)?;
    let binary = contender.vmm.boots_a_guest().then(|| contender.binary.clone());
    Some(ContenderSpec { name: name.to_owned(), binary, ..described })
}

/// What both experiments say of the machine and the payload.
fn options(a: &Experiment, b: &Experiment) -> Vec<String> {
    let size = |experiment: &Experiment| match &experiment.payload {
        PayloadSpec::Seeded { size, .. } | PayloadSpec::Urandom { size } => *size,
        PayloadSpec::File { .. } => None,
    };
    let said = |experiment: &Experiment| {
        let machine = &experiment.machine;
        [
            ("--preset", (experiment.preset != Preset::default()).then(|| experiment.preset.name().to_owned())),
            ("--size", size(experiment).map(|size| size.to_string())),
            ("--memory", machine.memory.map(|memory| memory.to_string())),
            ("--vcpus", machine.vcpus.map(|vcpus| vcpus.to_string())),
        ]
    };
    let both = said(a).into_iter().zip(said(b)).filter(|(a, b)| a == b);
    both.filter_map(|((flag, value), _)| Some([flag.to_owned(), value?])).flatten().collect()
}
