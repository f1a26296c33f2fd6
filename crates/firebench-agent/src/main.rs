//! PID 1 of a firebench guest.
fn main() {}
