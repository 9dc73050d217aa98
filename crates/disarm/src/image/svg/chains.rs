//! How deep a drawing becomes when each part that is referred to stands where it is referred to.
//!
//! The library that draws goes down into uses, patterns, masks, clips and gradients by calling itself, and a short file can make
//! that as deep as it is long. So the length of the longest chain is found before.

use std::collections::{HashMap, HashSet};

use form::Reason;

use crate::error::{Error, size, within};

/// Which parts with a name lead to which.
#[derive(Debug, Default)]
pub(super) struct Chains {
    numbers: HashMap<String, u32>,
    /// From a part to one that is referred to inside it.
    edges: HashSet<(u32, u32)>,
    /// Parts that are referred to at all.
    targets: HashSet<u32>,
}

impl Chains {
    /// The number of a part.
    pub(super) fn part(&mut self, id: &str) -> u32 {
        let next = u32::try_from(self.numbers.len()).unwrap_or(u32::MAX);
        *self.numbers.entry(id.to_owned()).or_insert(next)
    }

    /// A reference to a part from inside others. The library leaves out what refers to itself.
    pub(super) fn refer(&mut self, inside: &[Option<u32>], id: &str) -> Result<(), Error> {
        let target = self.part(id);
        self.targets.insert(target);
        let parts = inside.iter().flatten().filter(|part| **part != target);
        self.edges.extend(parts.map(|part| (*part, target)));
        within(Reason::LimitMarkup, MAX_EDGES, size(self.edges.len()))
    }

    /// Refuses chains that are too long, and circles with them; `depth` is that of the elements as they are written.
    pub(super) fn check(&self, depth: u64) -> Result<(), Error> {
        let mut reached = self.targets.clone();
        let mut links = 1_u64;
        while !reached.is_empty() {
            within(Reason::LimitMarkup, MAX_LINKS, links)?;
            within(Reason::LimitMarkup, MAX_EXPANDED, links.saturating_add(1).saturating_mul(depth))?;
            let next = self.edges.iter().filter(|(from, _)| reached.contains(from)).map(|(_, to)| *to);
            reached = next.collect();
            links = links.saturating_add(1);
        }
        Ok(())
    }
}

/// The addresses of parts of the drawing in a style: `url(#name)`.
pub(super) fn parts_named(style: &str) -> impl Iterator<Item = &str> {
    style.split("url(").skip(1).filter_map(|address| {
        let address = address.trim_start_matches([' ', '"', '\'']).strip_prefix('#')?;
        address.split([')', '"', '\'']).next()
    })
}

/// Pairs of parts.
const MAX_EDGES: u64 = 1_000_000;
/// Parts that lead to one another in a row.
const MAX_LINKS: u64 = 16;
/// Elements inside one another, when all parts are where they are referred to.
const MAX_EXPANDED: u64 = 600;

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(length: u32, depth: u64) -> bool {
        let mut chains = Chains::default();
        for link in 1..=length {
            let part = chains.part(&format!("p{link}"));
            chains.refer(&[None, Some(part)], &format!("p{}", link - 1)).unwrap();
        }
        chains.check(depth).is_ok()
    }

    #[test]
    fn chains_end_at_their_limits() {
        assert!(chain(0, 200));
        assert!(chain(16, 10));
        assert!(!chain(17, 10), "too many links");
        assert!(chain(5, 100));
        assert!(!chain(6, 100), "too deep together");
    }

    #[test]
    fn circles_are_refused_and_parts_that_name_themselves_are_not() {
        let mut itself = Chains::default();
        let part = itself.part("a");
        itself.refer(&[Some(part)], "a").unwrap();
        assert!(itself.check(10).is_ok());
        let mut circle = Chains::default();
        let (a, b) = (circle.part("a"), circle.part("b"));
        circle.refer(&[Some(a)], "b").unwrap();
        circle.refer(&[Some(b)], "a").unwrap();
        assert!(circle.check(10).is_err());
    }

    #[test]
    fn names_of_parts_are_found_in_styles() {
        let style = "fill: url(#a); mask:url( '#b' );clip-path:url(https://a.example/#c);filter:url(\"#d\")";
        assert_eq!(parts_named(style).collect::<Vec<_>>(), ["a", "b", "d"]);
    }
}
