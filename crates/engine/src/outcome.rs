//! What became of a mail or a file, part by part.

use std::time::Duration;

use form::job::{Opened, Password};
use form::mail::MailHeader;
use form::name::FileName;
use form::reason::{Finding, Reason, Refusal};
use form::report::{OutputType, PageLevels};
use jail::{Fresh, Source};

use crate::scan::ScanError;

/// Whether a part passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartVerdict {
    /// Rebuilt; `PartOutcome::fresh` holds it.
    Sanitised,
    /// Not passed; `PartOutcome::refusal` says why.
    Withheld,
}

/// How much a rebuilt page looks like the original one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PageSimilarity {
    /// The page, the first being 0.
    pub page: u32,
    /// 1 for pages that look the same, towards 0 for pages that have nothing in common.
    pub similarity: f64,
}

/// How much of the text of a document can still be searched and copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TextRecall {
    /// Letters of the original that a reader sees or that are the text layer of a scan, spaces left out.
    pub letters: u64,
    /// Those of them that stand for characters in the rebuilt file.
    pub recalled: u64,
}

impl TextRecall {
    /// The share: 1 where all can be searched and copied.
    #[expect(clippy::cast_precision_loss, reason = "a figure for people; no document has 2^52 letters")]
    pub fn share(self) -> f64 {
        if self.letters == 0 { 1.0 } else { self.recalled as f64 / self.letters as f64 }
    }
}

/// One attachment, archive member or uploaded file.
#[derive(Debug)]
pub struct PartOutcome {
    /// Place in the tree: `2` is the second part, `2.1` its first child. Empty for the root.
    pub path: String,
    /// Name as the sender gave it, made safe.
    pub name: FileName,
    /// Name of the rebuilt file.
    pub output_name: Option<FileName>,
    /// True type by content, as a short token such as `jpeg`; empty when it was never looked at.
    pub detected_type: String,
    /// What was written.
    pub output: Option<OutputType>,
    /// Whether it passed.
    pub verdict: PartVerdict,
    /// Why it did not.
    pub refusal: Option<Refusal>,
    /// Name of the virus when the scanner found one.
    pub signature: Option<String>,
    /// What was removed or changed.
    pub findings: Vec<Finding>,
    /// Pages, frames or sheets; 1 where there is no such thing.
    pub pages: u32,
    /// How many of the pages were carried over in which way; all 0 for what is no document of pages.
    pub levels: PageLevels,
    /// How much some of the pages look like the originals.
    pub similarity: Vec<PageSimilarity>,
    /// How much of its text can be searched and copied; `None` where it has none.
    pub recall: Option<TextRecall>,
    /// The rebuilt file.
    pub fresh: Option<Fresh>,
    /// The bytes that came in, for the quarantine.
    pub original: Source,
    /// Time from scan to result.
    pub elapsed: Duration,
    /// Shown inside the text rather than as an attachment.
    pub inline: bool,
    /// Which of the passwords that were tried opened it.
    pub opened: Opened,
    /// Parts of this part.
    pub children: Vec<PartOutcome>,
}

impl PartOutcome {
    /// Media type of the rebuilt file; empty when there is none.
    pub fn media_type(&self) -> &'static str {
        self.output.map_or("", OutputType::media_type)
    }

    /// This part and all below it, parents first.
    pub fn flatten(&self) -> Vec<&PartOutcome> {
        let mut all = Vec::new();
        let mut open = vec![self];
        while let Some(part) = open.pop() {
            all.push(part);
            open.extend(part.children.iter().rev());
        }
        all
    }

    /// The rebuilt files that were embedded in this one, or in one of them, and lie beside it now: a document has no place for
    /// them. Empty for mails and archives, whose parts are inside.
    pub fn beside(&self) -> Vec<&PartOutcome> {
        let mut all = Vec::new();
        let mut open: Vec<&PartOutcome> =
            if self.is_container() { Vec::new() } else { self.children.iter().rev().collect() };
        while let Some(part) = open.pop() {
            if part.fresh.is_some() {
                all.push(part);
                if !part.is_container() {
                    open.extend(part.children.iter().rev());
                }
            }
        }
        all
    }

    /// Those of [`beside`](Self::beside) that were embedded in this very part.
    pub(crate) fn laid_beside(&self) -> impl Iterator<Item = &PartOutcome> {
        let children = if self.is_container() { &[] } else { self.children.as_slice() };
        children.iter().filter(|child| child.fresh.is_some())
    }

    /// Whether its parts are inside what was written of it.
    pub(crate) fn is_container(&self) -> bool {
        matches!(self.output, Some(OutputType::Mail | OutputType::Zip) | None)
    }

    /// Whether this part or one below it is withheld because no password opens it yet.
    pub fn is_locked(&self) -> bool {
        self.flatten().iter().any(|part| {
            let reason = part.refusal.map(|refusal| refusal.reason);
            part.verdict == PartVerdict::Withheld && matches!(reason, Some(Reason::Encrypted | Reason::WrongPassword))
        })
    }

    /// Those of the passwords that were tried that opened this part or one below it.
    pub fn openers(&self) -> Opened {
        let mut all = Opened::NONE;
        self.flatten().iter().for_each(|part| all.merge(part.opened));
        all
    }

    /// Whether this part or one below it was withheld.
    pub fn anything_withheld(&self) -> bool {
        self.flatten().iter().any(|part| part.verdict == PartVerdict::Withheld)
    }
}

/// Whether a mail passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailVerdict {
    /// Text and all parts arrive.
    Sanitised,
    /// The text arrives; at least one part does not.
    PartlyWithheld,
    /// Nothing of the mail could be passed; a notice arrives in its place.
    NoticeOnly,
}

/// One mail, ready to be delivered.
#[derive(Debug)]
pub struct MailOutcome {
    /// The header as it was read; empty for a notice.
    pub header: MailHeader,
    /// Whether the mail passed.
    pub verdict: MailVerdict,
    /// The mail to deliver: the sanitised one or the notice.
    pub fresh: Fresh,
    /// Findings about the mail itself.
    pub findings: Vec<Finding>,
    /// Why there is only a notice.
    pub refusal: Option<Refusal>,
    /// Its attachments.
    pub parts: Vec<PartOutcome>,
    /// Passwords that its text may tell, for this or another mail; the likeliest first. Most mails have none.
    pub candidates: Vec<Password>,
    /// The account as it was placed in the mail; empty when none was.
    pub account: String,
    /// Time from scan to result.
    pub elapsed: Duration,
}

impl MailOutcome {
    /// Those of the passwords that were tried that opened something.
    pub fn openers(&self) -> Opened {
        let mut all = Opened::NONE;
        self.parts.iter().for_each(|part| all.merge(part.openers()));
        all
    }
}

/// One page as pixels.
#[derive(Debug, Clone)]
pub struct Drawn {
    /// A PNG that a clean room wrote.
    pub png: Fresh,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

/// Whether a conversion will be tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Patience {
    /// It will: a part whose room was ended from outside makes everything wait.
    #[default]
    Again,
    /// It will not: such a part is withheld alone, so that the others still arrive.
    Last,
}

/// Not now: the cause lies with us, and the mail or file waits unchanged.
#[derive(Debug, thiserror::Error)]
pub enum Defer {
    /// The scanner gave no answer.
    #[error("the scanner gave no answer")]
    Scanner(#[source] ScanError),
    /// No room could be had.
    #[error("no room is available")]
    NoRoom,
    /// A room was ended from outside in the middle of its work.
    #[error("a room was ended from outside")]
    Killed,
    /// Memory for handing bytes to a room could not be had.
    #[error("preparing the input of a room")]
    Input(#[source] std::io::Error),
    /// The clean room refused what the engine itself composed.
    #[error("composing a notice: {0:?}")]
    Notice(Option<Refusal>),
}
