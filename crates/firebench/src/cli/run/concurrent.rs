//! `--concurrent`: several of each contender at once.

use clap::Args;
use firebench_model::experiment::{ContenderSpec, Experiment};

#[derive(Debug, Args)]
pub(crate) struct ConcurrentArgs {
    /// Run so many of each contender at once in each boot, released together; of several numbers, each becomes a contender
    #[arg(long, value_name = "N,...", value_delimiter = ',', help_heading = super::of_an_experiment::DESIGN)]
    concurrent: Vec<u32>,
}

impl ConcurrentArgs {
    /// Whether a number is given.
    pub(super) fn is_given(&self) -> bool {
        !self.concurrent.is_empty()
    }

    /// The numbers.
    pub(super) fn numbers(&self) -> &[u32] {
        &self.concurrent
    }

    /// Gives each contender that says nothing of it the number, or becomes one contender for each number.
    pub(super) fn replace_in(&self, experiment: &mut Experiment) {
        if self.is_given() {
            experiment.contenders = experiment.specs().iter().flat_map(|spec| self.of(spec)).collect();
        }
    }

    fn of(&self, spec: &ContenderSpec) -> Vec<ContenderSpec> {
        if spec.concurrent.is_some() {
            return vec![spec.clone()];
        }
        let name = |number: u32| match self.concurrent.len() {
            1 => spec.name.clone(),
            _ => format!("{}-x{number}", spec.name),
        };
        let with = |&number: &u32| ContenderSpec { name: name(number), concurrent: Some(number), ..spec.clone() };
        self.concurrent.iter().map(with).collect()
    }
}

#[cfg(test)]
mod tests {
    use firebench_vmm::{VmmKind, host};

    use super::*;

    #[test]
    fn numbers_become_contenders_and_one_number_does_not() {
        let own = ContenderSpec { concurrent: Some(2), ..ContenderSpec::new("own", VmmKind(&host::KIND)) };
        let contenders = vec![ContenderSpec::new("a", VmmKind(&host::KIND)), own];
        let of = |concurrent: &[u32]| {
            let mut experiment = Experiment { contenders: contenders.clone(), ..Experiment::default() };
            ConcurrentArgs { concurrent: concurrent.to_vec() }.replace_in(&mut experiment);
            let told = |spec: ContenderSpec| (spec.name, spec.concurrent);
            experiment.contenders.into_iter().map(told).collect::<Vec<_>>()
        };
        let named = |name: &str, number| (name.to_owned(), number);
        assert_eq!(of(&[]), [named("a", None), named("own", Some(2))]);
        assert_eq!(of(&[10]), [named("a", Some(10)), named("own", Some(2))]);
        assert_eq!(of(&[1, 20]), [named("a-x1", Some(1)), named("a-x20", Some(20)), named("own", Some(2))]);
    }
}
