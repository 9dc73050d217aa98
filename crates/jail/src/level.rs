//! How much confinement there is, and the facts behind that letter.

use std::fmt;

/// How strongly rooms are confined on this machine. `A` is the strongest; the order is from strong to weak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Own namespaces with an empty root and no network, no capabilities, strict seccomp, limits.
    A,
    /// No namespaces, but Landlock without any right (files and TCP), strict seccomp, limits.
    B,
    /// Less than that: nothing hostile may be opened.
    C,
}

impl Level {
    /// True when this level is as strong as `minimum` or stronger.
    pub fn satisfies(self, minimum: Level) -> bool {
        self <= minimum
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::A => "A",
            Level::B => "B",
            Level::C => "C",
        })
    }
}

/// One thing that was found out about the confinement, for `doctor` and the start-up log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// A stable `snake_case` name.
    pub name: &'static str,
    /// Whether it is as it should be.
    pub ok: bool,
    /// What was found, in a sentence for an administrator.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_satisfies_everything_and_c_only_itself() {
        assert!(Level::A.satisfies(Level::A) && Level::A.satisfies(Level::C));
        assert!(Level::B.satisfies(Level::B) && !Level::B.satisfies(Level::A));
        assert!(!Level::C.satisfies(Level::B));
    }
}
