//! Names of files that lie side by side.

use std::collections::BTreeMap;

use super::FileName;

/// The names that are given in one folder, compared as Windows and macOS compare them: without case.
///
/// With each name stands the number that it was last given with, so that a name which is wanted a thousand times is not counted up a
/// thousand times.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenNames(BTreeMap<String, u32>);

impl TakenNames {
    /// Gives out the name, or the first numbered one that is free (`a.txt`, `A (2).txt`, `a (3).txt`).
    pub fn free(&mut self, name: &FileName) -> FileName {
        let key = |name: &FileName| name.as_str().to_lowercase();
        let wanted = key(name);
        let Some(mut number) = self.0.get(&wanted).copied() else {
            self.0.insert(wanted, 1);
            return name.clone();
        };
        let given = loop {
            number = number.saturating_add(1);
            let given = name.numbered(number);
            if !self.0.contains_key(&key(&given)) {
                break given;
            }
        };
        self.0.insert(wanted, number);
        self.0.insert(key(&given), 1);
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

    /// Two thousand are the parts of a mail; counted up each time, these took as long as two million names.
    #[test]
    fn a_name_that_all_files_have_takes_no_longer_for_the_last() {
        let name = FileName::rebuild("image.png").0;
        let mut taken = TakenNames::default();
        let began = std::time::Instant::now();
        let last = (0..20_000).map(|_| taken.free(&name)).last().unwrap();
        assert_eq!(last.as_str(), "image (20000).png");
        assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
    }
}
