//! How many failed boots a run bears. Pure.

use firebench_stats::design::Boot;

use super::RunError;

/// The rule: a contender's failures are borne once it has had a good boot, which shows that it can, and as long as there are
/// not more failures of all contenders than the plan allows. What fails from the start ends the run at once.
#[derive(Debug)]
pub(super) struct Patience {
    left: u32,
    has_booted: Vec<bool>,
}

impl Patience {
    /// For `failures` failed boots of `contenders` contenders.
    pub(super) fn new(failures: u32, contenders: usize) -> Self {
        Patience { left: failures, has_booted: vec![false; contenders] }
    }

    /// A boot of a contender is over.
    pub(super) fn saw(&mut self, contender: usize, boot: &Boot) {
        if let Some(has_booted) = self.has_booted.get_mut(contender) {
            *has_booted |= !boot.is_void();
        }
    }

    /// Bears a failed boot of a contender.
    ///
    /// # Errors
    /// The failure, where it is not to be borne.
    pub(super) fn bear(&mut self, contender: usize, failure: RunError) -> Result<(), RunError> {
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
    fn failures_are_borne_up_to_their_number_and_after_a_good_boot() {
        let good = Boot { iterations: vec![1.0], seconds: 1.0 };
        let mut patience = Patience::new(2, 2);
        patience.saw(0, &Boot::void(1.0));
        assert!(patience.bear(0, RunError::Void(None)).is_err(), "it never booted");
        patience.saw(0, &good);
        assert!(patience.bear(1, RunError::Void(None)).is_err(), "the other one never booted");
        assert!(patience.bear(0, RunError::Void(None)).is_ok());
        patience.saw(1, &good);
        assert!(patience.bear(1, RunError::Void(None)).is_ok(), "what was not borne costs nothing");
        assert!(patience.bear(0, RunError::Void(None)).is_err(), "two are enough");
    }
}
