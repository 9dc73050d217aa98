//! What in the program is not ours: name, version, licence, and where its texts are.

/// Something in the program under somebody else's licence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Licensed {
    /// The name of the crate, data set or style.
    pub name: &'static str,
    /// Its version; empty where it has none.
    pub version: &'static str,
    /// Its licence, as SPDX writes it.
    pub licence: &'static str,
    /// Where it is published with the texts of its licence.
    pub source: &'static str,
}

/// All of it: data and styles first, then every crate.
pub fn licences() -> impl Iterator<Item = Licensed> {
    LIST.lines().filter_map(|line| {
        let mut fields = line.split('\t');
        Some(Licensed {
            name: fields.next()?,
            version: fields.next()?,
            licence: fields.next()?,
            source: fields.next()?,
        })
    })
}

/// Written from the packages that the program is built of; tests/licences.rs compares it with them.
const LIST: &str = include_str!("../assets/licences.tsv");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_read() {
        assert_eq!(licences().count(), LIST.lines().filter(|line| !line.is_empty()).count());
        assert!(licences().all(|one| !one.name.is_empty() && !one.licence.is_empty() && !one.source.is_empty()));
    }
}
