//! Which parts of a mail are converted, when not all of them are.

/// Parts of a mail that are converted again, by their paths.
pub(crate) struct Wanted<'a> {
    /// These, with what lies in them.
    pub(crate) paths: &'a [String],
    /// But not these, with what lies in them.
    pub(crate) left_out: &'a [String],
}

impl Wanted<'_> {
    /// Whether the part is wanted, or holds one that is.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.paths.iter().any(|wanted| is_at_or_in(wanted, path)) || self.is_meant(path)
    }

    /// Whether the part itself is wanted: of the paths that it lies in, the longest decides.
    pub(crate) fn is_meant(&self, path: &str) -> bool {
        let around = |paths: &[String]| {
            paths.iter().filter(|outer| is_at_or_in(path, outer)).map(|outer| outer.len().saturating_add(1)).max()
        };
        around(self.paths) > around(self.left_out)
    }
}

/// Whether `path` is `outer` or a part below it: `2.1` is in `2`.
pub(crate) fn is_at_or_in(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_paths_that_a_part_lies_in_the_longest_decides() {
        let own = |texts: &[&str]| -> Vec<String> { texts.iter().map(|text| (*text).to_owned()).collect() };
        let (paths, left_out) = (own(&["1", "1.2.1", "3.4"]), own(&["1.2", "30"]));
        let wanted = Wanted { paths: &paths, left_out: &left_out };
        for (path, has, meant) in [
            ("1", true, true),
            ("1.1", true, true),
            ("1.2", true, false),
            ("1.2.1", true, true),
            ("1.2.1.7", true, true),
            ("1.2.2", false, false),
            ("1.20", true, true),
            ("2", false, false),
            ("3", true, false),
            ("3.4", true, true),
            ("3.40", false, false),
        ] {
            assert_eq!((wanted.has(path), wanted.is_meant(path)), (has, meant), "{path}");
        }
    }
}
