//! Parts and verdicts as words and marks; shared by portal, console and API.

use engine::{
    PagesDone,
    catalogue::{self, Language},
};
use form::reason::{Class, Refusal};
use store::{Fidelity, MessageRow, PartRow, PartVerdict, QueueState, UploadFile, Verdict};

use crate::{
    Conversions,
    page::Mark,
    shown,
    texts::{self, Texts},
};

/// Where an upload is, for people and for machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FileState {
    Queued,
    Working,
    Retrying,
    Done,
    Changed,
    Partly,
    Withheld,
    Failed,
    /// Its sender took it back.
    TakenBack,
}

impl FileState {
    /// Every state, in the order in which files go through them.
    pub(crate) const ALL: [FileState; 9] = [
        Self::Queued,
        Self::Working,
        Self::Retrying,
        Self::Done,
        Self::Changed,
        Self::Partly,
        Self::Withheld,
        Self::Failed,
        Self::TakenBack,
    ];

    /// Of a file in the store. Without its parts nothing is known of what was changed in it.
    pub(crate) fn of(file: &UploadFile) -> Self {
        if file.taken_back {
            return Self::TakenBack;
        }
        let Some(verdict) = file.verdict else {
            return match file.waiting {
                Some(QueueState::Ready) => Self::Queued,
                Some(QueueState::Deferred) => Self::Retrying,
                Some(QueueState::Running) | None => Self::Working,
            };
        };
        match verdict {
            Verdict::GivenUp => Self::Failed,
            Verdict::NoticeOnly => Self::Withheld,
            Verdict::Sanitised | Verdict::SanitisedWithWithheld => match file.parts.first() {
                Some(root) if root.verdict == PartVerdict::Withheld => Self::Withheld,
                _ if verdict == Verdict::SanitisedWithWithheld => Self::Partly,
                _ if file.parts.iter().any(has_loss) => Self::Changed,
                _ => Self::Done,
            },
        }
    }

    /// Whether there is a verdict.
    pub(crate) fn finished(self) -> bool {
        !matches!(self, Self::Queued | Self::Working | Self::Retrying)
    }

    /// Stable name for machines.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Working => "working",
            Self::Retrying => "retrying",
            Self::Done | Self::Changed | Self::Partly | Self::Withheld => "done",
            Self::Failed => "failed",
            Self::TakenBack => "cancelled",
        }
    }

    /// Shape, word and colour.
    pub(crate) fn mark(self, t: &Texts) -> Mark {
        match self {
            Self::Queued => Mark::wait(t.state_queued),
            Self::Working => Mark::wait(t.state_working),
            Self::Retrying => Mark::wait(t.state_retrying),
            Self::Done => Mark::ok(t.state_done),
            Self::Changed => Mark::ok(t.state_changed),
            Self::Partly => Mark::warn(t.state_partly),
            Self::Withheld => Mark::stop(t.state_withheld),
            Self::Failed => Mark::stop(t.state_failed),
            Self::TakenBack => Mark::stop(t.state_cancelled),
        }
    }
}

/// How far a file is that is being worked on; `None` for what has no pages.
pub(crate) fn pages(file: &UploadFile, conversions: &Conversions) -> Option<PagesDone> {
    conversions.pages(file.message).filter(|_| FileState::of(file) == FileState::Working)
}

/// Mark of a verdict.
pub(crate) fn verdict_mark(verdict: Option<Verdict>, t: &Texts) -> Mark {
    match verdict {
        None => Mark::wait(t.state_working),
        Some(Verdict::Sanitised) => Mark::ok(t.state_done),
        Some(Verdict::SanitisedWithWithheld) => Mark::warn(t.state_partly),
        Some(Verdict::NoticeOnly) => Mark::stop(t.state_withheld),
        Some(Verdict::GivenUp) => Mark::stop(t.state_failed),
    }
}

/// Mark of a whole message.
pub(crate) fn message_mark(row: &MessageRow, t: &Texts) -> Mark {
    if row.taken_back { FileState::TakenBack.mark(t) } else { verdict_mark(row.verdict, t) }
}

/// Mark of one part.
pub(crate) fn part_mark(part: &PartRow, t: &Texts) -> Mark {
    match part.verdict {
        PartVerdict::Withheld => Mark::stop(t.state_withheld),
        PartVerdict::Sanitised if has_loss(part) => Mark::ok(t.state_changed),
        PartVerdict::Sanitised => Mark::ok(t.state_done),
    }
}

/// Whether something of the part is not as the sender made it.
fn has_loss(part: &PartRow) -> bool {
    part.findings.iter().any(|finding| match finding.reason.class() {
        Class::Removed | Class::Changed | Class::Withheld => true,
        Class::Noted => false,
    })
}

/// The part's findings as sentences.
pub(crate) fn findings(findings: &[form::reason::Finding], language: Language) -> Vec<String> {
    findings.iter().map(|finding| shown::visible(&catalogue::describe(finding, language))).collect()
}

/// How much the rebuilt pages look like the original ones, as a sentence.
pub(crate) fn fidelity(part: &PartRow, language: Language) -> Option<String> {
    let Fidelity { similarity, compared } = part.fidelity.filter(|_| part.verdict == PartVerdict::Sanitised)?;
    Some(texts::fidelity(language, similarity, compared))
}

/// Why the part was withheld, as a sentence.
pub(crate) fn refusal(part: &PartRow, language: Language) -> Option<String> {
    let reason = part.reason?;
    let refusal = Refusal { reason, limit: part.limit, value: part.value };
    (part.verdict == PartVerdict::Withheld).then(|| catalogue::describe_refusal(&refusal, language))
}

/// Whether rebuilt files of a media type are something to look at by themselves: documents of pages and pictures.
pub(crate) fn has_pages(media_type: &str) -> bool {
    media_type == "application/pdf" || media_type.starts_with("image/")
}

/// Whether this is the media type of a Word, Excel or PowerPoint document.
pub(crate) fn is_office(media_type: &str) -> bool {
    media_type.starts_with("application/vnd.openxmlformats-officedocument.")
}

/// Whether an original may be something to look at. One whose type was never found may be.
pub(crate) fn may_have_pages(detected_type: &str) -> bool {
    matches!(detected_type, "" | "pdf" | "jpeg" | "png" | "gif" | "bmp" | "tiff" | "webp")
}

/// How deep a part lies below the uploaded file.
pub(crate) fn depth(path: &str, root: &str) -> usize {
    let dots = |path: &str| if path.is_empty() { 0 } else { path.split('.').count() };
    dots(path).saturating_sub(dots(root))
}
