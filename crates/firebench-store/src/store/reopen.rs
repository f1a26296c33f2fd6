//! A complete run that goes on all the same.

use firebench_model::runs::RunId;

use super::error::Trouble;
use super::{Store, StoreError};

impl Store {
    /// Makes a run that came to its end one that can be [resumed](Store::resume): it was given more time than it had.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn reopen(&mut self, id: &RunId) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE runs SET state = 'interrupted' WHERE id = ?1 AND state = 'done'";
        let reopened = self.connection.execute(SQL, [id.as_str()]).map_err(Trouble::from);
        reopened.map(drop).map_err(self.explain())
    }
}
