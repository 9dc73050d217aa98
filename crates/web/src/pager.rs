//! Turning pages: of a document that is shown as pictures, and of a list with a search.

use engine::catalogue::Language;
use form::percent;

use crate::texts;

/// The ways from one page to its neighbours, which `pager.html` shows.
#[derive(Debug)]
pub(crate) struct Pager {
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
    /// Which page of how many; `None` where it is not known how many there are.
    pub(crate) where_in: Option<String>,
}

impl Pager {
    /// For page `page`, the first being 1, of a document of `known` pages. They lie at `base`, a slash and their number, and there is no
    /// way on beyond page `last`.
    pub(crate) fn new(base: &str, page: u32, last: u32, known: Option<u32>, language: Language) -> Self {
        Self {
            previous: (page > 1).then(|| format!("{base}/{}", page.saturating_sub(1))),
            next: (page < last).then(|| format!("{base}/{}", page.saturating_add(1))),
            where_in: known.map(|pages| texts::page_of(language, page, pages)),
        }
    }
}

/// The address of a list with what it is searched by; what follows is one more field, and those left empty are left out.
pub(crate) fn list_address(list: &str, fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = fields
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", percent::encoded(value)))
        .collect();
    if pairs.is_empty() { format!("{list}?") } else { format!("{list}?{}&", pairs.join("&")) }
}
