//! How many failed boots a run tolerates. Pure.

use firebench_stats::design::Boot;

use super::RunError;

/// The number of failed boots that a run still tolerates. A failed boot of a contender spends one of them if that contender has had
/// a good boot before, which shows that it can boot. A contender that fails before its first good boot ends the run at once.
#[derive(Debug)]
pub(super) struct FailureBudget {
    left: u32,
    has_booted: Vec<bool>,
}

impl FailureBudget {
    /// For `failures` failed boots of `contenders` contenders.
    pub(super) fn new(failures: u32, contenders: usize) -> Self {
        FailureBudget { left: failures, has_booted: vec![false; contenders] }
    }

    /// Notes a boot of a contender that is over.
    pub(super) fn saw(&mut self, contender: usize, boot: &Boot) {
        if let Some(has_booted) = self.has_booted.get_mut(contender) {
            *has_booted |= !boot.is_void();
        }
    }

    /// Spends a failed boot of a contender.
    ///
    /// # Errors
    /// The failure, if the budget does not cover it.
    pub(super) fn spend(&mut self, contender: usize, failure: RunError) -> Result<(), RunError> {
        match self.left.checked_sub(1) {
            Some(left) if self.has_booted.get(contender) == Some(&true) => self.left = left,
            _ => return Err(failure),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_tolerated_up_to_their_number_and_after_a_good_boot() {
        let good = Boot::new(vec![1.0], 1.0);
        let mut budget = FailureBudget::new(2, 2);
        budget.saw(0, &Boot::void(1.0));
        assert!(budget.spend(0, RunError::Void(None)).is_err(), "it never booted");
        budget.saw(0, &good);
        assert!(budget.spend(1, RunError::Void(None)).is_err(), "the other one never booted");
        assert!(budget.spend(0, RunError::Void(None)).is_ok());
        budget.saw(1, &good);
        assert!(budget.spend(1, RunError::Void(None)).is_ok(), "what the budget did not cover costs nothing");
        assert!(budget.spend(0, RunError::Void(None)).is_err(), "two are enough");
    }
}
