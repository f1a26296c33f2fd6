//! Continues a run that is already complete.

use firebench_model::runs::RunId;

use super::error::Trouble;
use super::{Store, StoreError};

impl Store {
    /// Makes it possible to [resume](Store::resume) a complete run, to give it more time.
    ///
    /// # Errors
    /// [`StoreError`].
    pub fn reopen(&mut self, id: &RunId) -> Result<(), StoreError> {
        const SQL: &str = "UPDATE runs SET state = 'interrupted' WHERE id = ?1 AND state = 'done'";
        let reopened = self.connection.execute(SQL, [id.as_str()]).map_err(Trouble::from);
        reopened.map(drop).map_err(self.explain())
    }
}
