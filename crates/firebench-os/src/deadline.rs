//! Points in time to come.

use std::time::{Duration, Instant};

/// Longer than anybody waits: a century.
const NEVER: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// `span` after `at`; what the user may have set to no end of seconds is a century.
pub fn after(at: Instant, span: Duration) -> Instant {
    at.checked_add(span.min(NEVER)).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_end_of_seconds_is_a_time_to_come() {
        let now = Instant::now();
        assert!(after(now, Duration::MAX) > now + Duration::from_secs(1 << 30));
        assert_eq!(after(now, Duration::from_secs(7)), now + Duration::from_secs(7));
    }
}
