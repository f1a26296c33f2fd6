//! What the user writes: experiments, contenders, limits.

use firebench_analysis::gate::Limit;
use firebench_model::experiment::{ContenderSpec, Experiment};
use firebench_model::markdown_block::experiment_from_markdown;
use firebench_store::import;

use crate::clean;

/// The text of an experiment, by itself, in a Markdown page, and line by line as the flags take parts of it.
pub fn experiment(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(experiment) = toml::from_str::<Experiment>(text) {
        round_trip(&experiment);
    }
    match experiment_from_markdown(text) {
        Ok(experiment) => round_trip(&experiment),
        Err(error) => clean::error(&error),
    }
    for line in text.lines().take(16) {
        match line.parse::<ContenderSpec>() {
            Ok(contender) => assert_eq!(contender.check(), Ok(()), "what is parsed can be"),
            Err(error) => clean::error(&error),
        }
        match line.parse::<Limit>() {
            Ok(limit) => {
                let again = limit.to_string().parse();
                assert_eq!(again.as_ref(), Ok(&limit), "a limit is read as it was written");
            }
            Err(error) => clean::error(&error),
        }
    }
}

/// What is printed parses, to the same; also out of a report's page.
fn round_trip(experiment: &Experiment) {
    let printed = toml::to_string(experiment).expect("what was TOML can be TOML");
    let again = toml::from_str(&printed);
    assert_eq!(again.as_ref(), Ok(experiment), "an experiment is read as it was written: {printed}");

    let mut report = import::parse("contender,boot,iteration,metric,value\na,0,0,real,1\n", "x", "").expect("a sample");
    report.imported = None;
    report.contenders.iter_mut().for_each(|contender| contender.figures = None);
    report.experiment = experiment.clone();
    let page = clean::report(&report);
    match experiment_from_markdown(&page) {
        Ok(again) => assert_eq!(&again, experiment, "report.md carries the experiment: {page}"),
        Err(_) => {
            assert!(page.contains("The experiment cannot be written here"), "report.md has its experiment: {page}")
        }
    }
}
