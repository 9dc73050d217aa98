//! How much of the text of a document can still be searched and copied.
//!
//! The clean room counts the letters that it wrote, with and without a meaning. The dirty room counts those whose meaning the file does
//! not say, among them some that reach the clean room as shapes without letters; it tells of them as findings.

use form::reason::{Finding, Reason};
use form::report::{CleanReport, Letters};

use crate::outcome::TextRecall;

/// The figure for a document; `None` where it has no letters.
pub(crate) fn of(report: &CleanReport) -> Option<TextRecall> {
    let unmapped = report.findings.iter().filter(|finding| finding.reason == Reason::TextUnmapped);
    let unmapped = unmapped.map(|finding| u64::from(finding.count)).fold(0, u64::saturating_add);
    let Letters { drawn, meant } = report.letters;
    let letters = drawn.max(meant.saturating_add(unmapped));
    (letters > 0).then_some(TextRecall { letters, recalled: meant })
}

/// The pages of which less than `flagged` can be searched and copied, as a finding if there are any.
pub(crate) fn flagged(report: &CleanReport, flagged: f64) -> Option<Finding> {
    let poor = |letters: &Letters| {
        letters.drawn >= TEXT && TextRecall { letters: letters.drawn, recalled: letters.meant }.share() < flagged
    };
    let named = report.unmapped.iter().filter(|page| poor(&page.letters)).map(|page| page.page.saturating_add(1));
    Finding::on_pages(Reason::TextRecallLow, named)
}

/// Fewer letters are no text: bullets, ornaments, the marks of a logo.
const TEXT: u64 = 20;

#[cfg(test)]
mod tests {
    use form::codec::Kind;
    use form::report::{OutputType, PageLetters, PageLevels};
    use form::{DetectedType, Place};

    use super::*;

    fn report(pages: &[(u64, u64)], unmapped: u32) -> CleanReport {
        let letters = |(drawn, meant): (u64, u64)| Letters { drawn, meant };
        let sum = pages.iter().fold((0, 0), |sum, page| (sum.0 + page.0, sum.1 + page.1));
        CleanReport {
            kind: Kind::Pages,
            detected_type: DetectedType::UNKNOWN,
            output: OutputType::Pdf,
            pages: 1,
            levels: PageLevels::default(),
            letters: letters(sum),
            unmapped: (0..).zip(pages).map(|(page, all)| PageLetters { page, letters: letters(*all) }).collect(),
            findings: vec![Finding { reason: Reason::TextUnmapped, count: unmapped, place: Place::default() }],
            opened: Default::default(),
            children: Vec::new(),
        }
    }

    #[test]
    fn letters_that_only_one_room_knows_of_count() {
        assert_eq!(of(&report(&[(100, 90)], 10)), Some(TextRecall { letters: 100, recalled: 90 }));
        // Drawn as shapes: the clean room does not know that they are letters.
        assert_eq!(of(&report(&[(100, 100)], 300)), Some(TextRecall { letters: 400, recalled: 100 }));
        assert_eq!(of(&report(&[(0, 0)], 0)), None);
    }

    #[test]
    fn pages_under_the_threshold_are_named_and_ornaments_are_not_text() {
        let named = |pages: &[(u64, u64)]| {
            flagged(&report(pages, 0), 0.8).map(|finding| (finding.count, finding.place.as_str().to_owned()))
        };
        assert_eq!(named(&[(100, 80), (100, 79), (20, 0), (19, 0)]), Some((2, "pages 2, 3".to_owned())));
        assert_eq!(named(&[(100, 80), (19, 0)]), None);
    }
}
