//! `docs/attacks.md` has a row for each test here, and no others.

use crate::support::documented::assert_documented;

#[test]
fn every_test_has_one_row_in_the_table_and_every_row_a_test() {
    assert_documented("attacks", "attacks.md", "attack", 15);
}
