//! Names as numbers in the same order, so that a search among the names of a type looks at neighbours in one table and at no letters.

/// The number of a vocabulary and the first seven bytes of a name. Longer names that begin alike have the same.
pub(crate) fn of(namespace: u8, name: &str) -> u64 {
    let mut bytes = name.bytes();
    (0..7).fold(u64::from(namespace), |key, _| key << 8 | u64::from(bytes.next().unwrap_or(0)))
}
