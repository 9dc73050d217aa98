//! Names of files that lie side by side.

use std::collections::BTreeSet;

use super::FileName;

/// The names that are given in one folder, compared as Windows and macOS compare them: without case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenNames(BTreeSet<String>);

impl TakenNames {
    /// Gives out the name, or the first numbered one that is free (`a.txt`, `A (2).txt`, `a (3).txt`).
    pub fn free(&mut self, name: &FileName) -> FileName {
        let mut given = name.clone();
        let mut number: u32 = 2;
        while !self.0.insert(given.as_str().to_lowercase()) {
            given = name.numbered(number);
            number = number.saturating_add(1);
        }
        given
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_alone_are_numbered() {
        let mut taken = TakenNames::default();
        let given = ["図.PNG", "図.png", "図 (2).png", "図.Png", "圖.png"].map(|name| FileName::rebuild(name).0);
        let free = given.map(|name| taken.free(&name).to_string());
        assert_eq!(free, ["図.PNG", "図 (2).png", "図 (2) (2).png", "図 (3).Png", "圖.png"]);
    }
}
