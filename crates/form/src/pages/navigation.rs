//! Ways through a document: links, outline, page labels, and its language.

use super::check_line;
use super::geometry::{Rect, check_numbers, take_number};
use super::url::Url;
use crate::codec::DecodeError;
use crate::container::take_line;
use crate::limits::Limits;
use crate::text::{Line, TextError};
use crate::wire::{Cursor, Sink, coded};

/// Where a link leads.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// Outside.
    Url(Url),
    /// A page of the document, the first being 0, and the height to show, where known.
    Page {
        /// The page; it may come later.
        page: u32,
        /// Points from its bottom.
        top: Option<f32>,
    },
}

/// An area of a page that leads somewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// The area.
    pub area: Rect,
    /// Where it leads.
    pub target: Target,
}

impl Link {
    /// More than the longest address and the area take in a stream.
    pub(crate) const MAX_BYTES: u64 = 2_112;

    pub(crate) fn check(&self) -> Result<(), DecodeError> {
        self.area.check()?;
        match &self.target {
            Target::Page { top: Some(top), .. } => check_numbers(&[*top]),
            Target::Page { top: None, .. } | Target::Url(_) => Ok(()),
        }
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        self.area.put(sink);
        match &self.target {
            Target::Url(url) => {
                sink.u8(URL);
                sink.string(url.as_str());
            }
            Target::Page { page, top } => {
                sink.u8(PAGE);
                sink.u32(*page);
                sink.option(top.as_ref(), |top, sink| sink.f32(*top));
            }
        }
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Link, DecodeError> {
        let area = Rect::take(cursor)?;
        let target = match cursor.u8()? {
            URL => Target::Url(Url::parse(cursor.string()?).map_err(|_| DecodeError::Malformed("address of a link"))?),
            PAGE => Target::Page { page: cursor.u32()?, top: cursor.option(take_number)? },
            _ => return Err(DecodeError::Malformed("link")),
        };
        Ok(Link { area, target })
    }
}

const URL: u8 = 1;
const PAGE: u8 = 2;

/// An entry of the outline, in order from the top.
#[derive(Clone, Debug, PartialEq)]
pub struct OutlineItem {
    /// How deep it stands, 0 to [`OutlineItem::MAX_LEVEL`]; at most one more than the entry before it, and 0 for the first.
    pub level: u8,
    /// Its title, not empty.
    pub title: Line,
    /// Where it leads; always a page of the document.
    pub page: u32,
    /// Points from the bottom of that page.
    pub top: Option<f32>,
}

impl OutlineItem {
    /// The deepest level.
    pub const MAX_LEVEL: u8 = 15;

    pub(crate) fn check(&self, limits: &Limits) -> Result<(), DecodeError> {
        check_line(&self.title, limits)?;
        check_numbers(self.top.as_slice())?;
        let good = self.level <= Self::MAX_LEVEL && !self.title.is_empty();
        if good { Ok(()) } else { Err(DecodeError::Malformed("outline item")) }
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.u8(self.level);
        sink.string(self.title.as_str());
        sink.u32(self.page);
        sink.option(self.top.as_ref(), |top, sink| sink.f32(*top));
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>, limits: &Limits) -> Result<OutlineItem, DecodeError> {
        let item = OutlineItem {
            level: cursor.u8()?,
            title: take_line(cursor, "title")?,
            page: cursor.u32()?,
            top: cursor.option(take_number)?,
        };
        item.check(limits)?;
        Ok(item)
    }
}

coded! {
    /// How pages are numbered (ISO 32000-1, 12.4.2).
    pub enum LabelStyle {
        /// By the prefix alone.
        None = 1,
        /// 1, 2, 3.
        Decimal = 2,
        /// I, II, III.
        UpperRoman = 3,
        /// i, ii, iii.
        LowerRoman = 4,
        /// A, B, C.
        UpperLetters = 5,
        /// a, b, c.
        LowerLetters = 6,
    }
}

/// How pages are called from one page on.
#[derive(Clone, Debug, PartialEq)]
pub struct PageLabel {
    /// The first page, the first being 0; labels come in rising order.
    pub page: u32,
    /// Style of the number.
    pub style: LabelStyle,
    /// Before the number, may be empty.
    pub prefix: Line,
    /// The first number, at least 1.
    pub start: u32,
}

impl PageLabel {
    pub(crate) fn check(&self, limits: &Limits) -> Result<(), DecodeError> {
        check_line(&self.prefix, limits)?;
        if self.start > 0 { Ok(()) } else { Err(DecodeError::Malformed("page label")) }
    }

    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.u32(self.page);
        sink.u8(self.style.code());
        sink.string(self.prefix.as_str());
        sink.u32(self.start);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>, limits: &Limits) -> Result<PageLabel, DecodeError> {
        let label = PageLabel {
            page: cursor.u32()?,
            style: cursor.coded(LabelStyle::from_code, "style of a page label")?,
            prefix: take_line(cursor, "prefix of a page label")?,
            start: cursor.u32()?,
        };
        label.check(limits)?;
        Ok(label)
    }
}

/// A language as BCP 47 writes it: subtags of 1 to 8 letters and digits parted by hyphens, the first of letters, at most
/// [`LanguageTag::MAX_BYTES`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanguageTag(String);

impl LanguageTag {
    /// The most bytes.
    pub const MAX_BYTES: usize = 35;

    /// Takes a tag.
    ///
    /// # Errors
    /// [`TextError::TooLong`] beyond [`MAX_BYTES`](Self::MAX_BYTES), [`TextError::Shape`] for what is no tag.
    pub fn parse(raw: &str) -> Result<LanguageTag, TextError> {
        if raw.len() > Self::MAX_BYTES {
            return Err(TextError::TooLong { limit: Self::MAX_BYTES });
        }
        let subtag = |tag: &str| (1..=8).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric());
        let first = raw.split('-').next().unwrap_or_default();
        let good = raw.split('-').all(subtag) && first.bytes().all(|b| b.is_ascii_alphabetic());
        if good { Ok(LanguageTag(raw.to_owned())) } else { Err(TextError::Shape) }
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn language_tags_have_the_shape_of_bcp_47() {
        let longest = "a-".repeat(17) + "b";
        for good in ["ja", "ja-JP", "zh-Hant-TW", "x-private", "de-1996", &longest] {
            assert_eq!(LanguageTag::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "-", "ja-", "-ja", "ja--JP", "ja_JP", "123", "日本語", "ja JP", "abcdefghi"] {
            assert_eq!(LanguageTag::parse(bad), Err(TextError::Shape), "{bad:?}");
        }
        assert_eq!(LanguageTag::parse(&(longest + "c")), Err(TextError::TooLong { limit: 35 }));
    }
}
