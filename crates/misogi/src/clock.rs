//! The one place that reads the clock.

use std::time::{SystemTime, UNIX_EPOCH};

use store::{Clock, Timestamp};

/// The system's clock, as the store wants it.
pub(crate) fn system() -> Clock {
    Clock::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    })
}
