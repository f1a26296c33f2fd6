//! `--repeat-run K`: the same experiment as K runs, for what differs between runs to be seen.

use firebench_text::VERBATIM;
use firebench_vmm::quote;

use super::super::exit_codes::{EXIT_INCONCLUSIVE, EXIT_REGRESSION, EXIT_UNFAIR};
use super::super::failure::Failure;
use super::super::output;
use super::super::storage_args::StorageArgs;
use super::args::RunArgs;
use super::once::{self, Done, Job};
use super::session::Session;

/// Carries them out one after the other, until one fails or a signal comes. Returns the exit code of the worst.
pub(super) fn main(args: &RunArgs, places: &StorageArgs, runs: u32) -> Result<u8, Failure> {
    args.check_repeated().map_err(Failure::usage)?;
    let mut session = Session::open(places, args.verbosity())?;
    let (mut done, mut result) = (Vec::new(), Ok(()));
    let mut seed = None;
    for number in 1..=runs {
        let turn = session.renewed().and_then(|()| {
            output::tell(&format!("run {number} of {runs}\n"));
            let mut job = once::job(args, places)?;
            let first = *seed.get_or_insert(job.experiment.design.seed.map_or_else(firebench_run::runner::seed, Ok)?);
            number_it(&mut job, first, number);
            once::carry_out(args, places, &session, job)
        });
        match turn {
            Ok(one) => done.push(one),
            Err(failure) => {
                result = Err(failure);
                break;
            }
        }
    }
    let said = output::print(&(operand(&done) + &turns(&done, &places.words())));
    result?;
    said?;
    Ok(done.iter().map(|done| done.code).max_by_key(|code| badness(*code)).unwrap_or_default())
}

/// Gives a run the seed, the layout and the directory of its number, from 1.
fn number_it(job: &mut Job, first_seed: u64, number: u32) {
    let (design, before) = (&mut job.experiment.design, number.saturating_sub(1));
    design.seed = Some(first_seed.wrapping_add(u64::from(before)));
    design.layout = design.layout.saturating_add(before);
    job.out = job.out.take().map(|dir| dir.join(number.to_string()));
}

/// What to give to `firebench compare` for the runs; empty where none was kept.
fn operand(done: &[Done]) -> String {
    let names: Vec<&str> = done.iter().filter_map(|done| done.name.as_deref()).collect();
    if names.is_empty() {
        return String::new();
    }
    let runs = firebench_text::count(names.len(), "run");
    format!("{runs}, as one side of `firebench compare`:\n{VERBATIM}{}\n", quote(&names.join(",")))
}

/// The commands that compare the contenders of the runs over them; empty of fewer runs than can be judged. `places` says where the runs
/// are, as the command line has it.
fn turns(done: &[Done], places: &[String]) -> String {
    let names: Vec<&str> = done.iter().filter_map(|done| done.name.as_deref()).collect();
    let contenders = done.first().map(|done| done.contenders.as_slice()).unwrap_or_default();
    let Some((baseline, others)) = contenders.split_first().filter(|(_, others)| !others.is_empty()) else {
        return String::new();
    };
    if names.len() < 3 {
        return String::new();
    }
    let of = |contender: &String| format!("{}:{contender}", names.join(","));
    let command = |other: &String| {
        let words = ["firebench".to_owned(), "compare".to_owned(), of(baseline), of(other)];
        let words: Vec<_> = words.iter().chain(places).map(|word| quote(word)).collect();
        format!("{VERBATIM}{}\n", words.join(" "))
    };
    let commands: String = others.iter().map(command).collect();
    format!("to compare its contenders over the {} runs, in which they took turns:\n{commands}", names.len())
}

/// How bad the exit code of a run is that was carried out to its end.
pub(super) fn badness(code: u8) -> u8 {
    match code {
        EXIT_REGRESSION => 3,
        EXIT_UNFAIR => 2,
        EXIT_INCONCLUSIVE => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use firebench_model::experiment::Experiment;

    use super::*;

    fn done(name: &str, contenders: &[&str]) -> Done {
        let contenders = contenders.iter().map(|name| (*name).to_owned()).collect();
        Done { code: 0, name: Some(name.to_owned()), contenders, report: None }
    }

    #[test]
    fn contenders_are_compared_over_three_runs_or_more() {
        let runs: Vec<Done> = ["o ut/1", "o ut/2", "o ut/3"].map(|name| done(name, &["old", "new", "host"])).into();
        let places = ["--cache".to_owned(), "c".to_owned()];
        let said = turns(&runs, &places);
        let expected = "to compare its contenders over the 3 runs, in which they took turns:
    firebench compare 'o ut/1,o ut/2,o ut/3:old' 'o ut/1,o ut/2,o ut/3:new' --cache c
    firebench compare 'o ut/1,o ut/2,o ut/3:old' 'o ut/1,o ut/2,o ut/3:host' --cache c
";
        assert_eq!(said, expected);
        assert_eq!(turns(&runs[..2], &[]), "");
        assert_eq!(turns(&["1", "2", "3"].map(|name| done(name, &["old"])), &[]), "");
    }

    #[test]
    fn the_worst_of_runs_is_a_regression() {
        let worst = |codes: &[u8]| codes.iter().copied().max_by_key(|code| badness(*code));
        assert_eq!(worst(&[0, 4, 1, 5, 0]), Some(EXIT_REGRESSION));
        assert_eq!(worst(&[0, 4, 5]), Some(EXIT_UNFAIR));
        assert_eq!(worst(&[4, 0]), Some(EXIT_INCONCLUSIVE));
    }

    #[test]
    fn each_run_has_its_seed_its_layout_and_its_directory() {
        let mut job = Job { cut_off: None, experiment: Experiment::default(), out: Some("out".into()) };
        job.experiment.design.layout = 4;
        number_it(&mut job, 9, 3);
        let design = &job.experiment.design;
        assert_eq!((design.seed, design.layout, job.out), (Some(11), 6, Some("out/3".into())));
    }

    #[test]
    fn the_runs_are_named_as_compare_takes_them() {
        let done = |name: &str| done(name, &[]);
        let said = operand(&[done("out/1"), done("out/2")]);
        assert_eq!(said, "2 runs, as one side of `firebench compare`:\n    out/1,out/2\n");
        assert_eq!(operand(&[]), "");
    }
}
