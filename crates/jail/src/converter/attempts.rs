//! What an instance tries against its own confinement when it is asked to, in place of a document.

use crate::sys::attempt::{ATTEMPTS, Attempt, OFFICE_ATTEMPTS};

/// Names of attempts that an instance makes as every room does. Opening and creating a file are not among them: it has some.
const SHARED: &[&str] = &[
    "connect_tcp",
    "fork",
    "execute",
    "map_write_execute",
    "trace_zygote",
    "read_zygote_memory",
    "unshare_user",
    "mount",
    "become_root",
    "raise_limit",
    "io_uring",
    "perf_event",
];

/// All attempts, in the order of their results.
pub(super) fn all() -> impl Iterator<Item = &'static Attempt> {
    ATTEMPTS.iter().filter(|attempt| SHARED.contains(&attempt.name)).chain(OFFICE_ATTEMPTS)
}

/// Tries everything; each answer is four bytes, little endian: a negative errno or what the call returned.
pub(super) fn run_all() -> Vec<u8> {
    all().flat_map(|attempt| (attempt.run)(0).to_le_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shared_attempt_exists() {
        assert_eq!(all().count(), SHARED.len() + OFFICE_ATTEMPTS.len());
    }
}
