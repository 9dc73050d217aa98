//! What the engine is told: bounds, language, where the account stands.

use std::time::Duration;

pub use form::job::{
    AccountPlace, Embedded, Extra, Links, MailCharset, Markup, MostLevel, OfficePolicy, PagesOutput, PagesPolicy,
    TextPolicy,
};
use form::limits::Limits;

use crate::catalogue::Language;

/// Decisions that hold for every mail and file.
#[derive(Debug, Clone)]
pub struct Policy {
    /// What it is called in the mails that were written under it (`X-Misogi-Policy`), in ASCII; empty for a policy without a name.
    pub name: String,
    /// Bounds inside one room, given to each of them.
    pub limits: Limits,
    /// Containers in containers, the mail itself not counted.
    pub max_depth: u32,
    /// Attachments and members of one mail or upload together.
    pub max_parts: u32,
    /// Rooms of one mail or upload that may end abnormally ([`jail::Verdict::is_abnormal`]): what is still to be converted then is not.
    pub max_crashes: u32,
    /// Bytes taken out of all containers of one mail or upload together.
    pub max_total_bytes: u64,
    /// Time for one mail or upload, from its first room to its last.
    pub max_time: Duration,
    /// Time for one part: a base and a share for each MiB.
    pub part_time: Duration,
    /// Added to `part_time` for each MiB of input.
    pub part_time_per_mib: Duration,
    /// Parts of one mail converted at the same time.
    pub parallel_parts: usize,
    /// Largest rebuilt file.
    pub max_output_bytes: u64,
    /// How documents of pages are read.
    pub pages: PagesPolicy,
    /// How documents of pages are written.
    pub pages_output: PagesOutput,
    /// One page in ten is compared with the original, at most so many of a document; 0 for none.
    pub compared_pages: u32,
    /// What is delivered of Office documents.
    pub office: OfficeOutput,
    /// How Office documents are read.
    pub office_read: OfficePolicy,
    /// What becomes of a document that only LibreOffice reads, where it does not.
    pub office_fallback: Fallback,
    /// As `compared_pages`, for Office documents, which LibreOffice has to print twice for it; 0 for none.
    pub office_compared_pages: u32,
    /// A page less similar than this to the original is named in the account.
    pub similarity_flagged: f64,
    /// A page of which a smaller share of the letters can be searched and copied is named in the account.
    pub recall_flagged: f64,
    /// How text is read.
    pub text: TextPolicy,
    /// What becomes of web addresses in mails and texts.
    pub links: Links,
    /// What attached mails become.
    pub attached: AttachedMails,
    /// Language of the account.
    pub language: Language,
    /// Where the account stands.
    pub account: AccountPlace,
    /// What the words of mails are written in.
    pub charset: MailCharset,
    /// Write an account even when nothing was changed.
    pub account_always: bool,
    /// Passwords that come in mails open what the same sender sent: recipients are told to wait for them.
    pub opens_by_mail: bool,
    /// Archives that a password opened are encrypted with it again.
    pub encrypt_again: bool,
    /// Put before each subject; may be empty.
    pub subject_prefix: String,
    /// Name of the organisation; may be empty.
    pub site_name: String,
    /// Address of the portal where recipients of mails have accounts: their accounts name its pages `/r/RECEIPT` and `/p/RECEIPT`.
    /// `None` where there are no accounts.
    pub portal: Option<String>,
}

/// What becomes of a document of a format that only LibreOffice reads, where there is no LibreOffice or it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fallback {
    /// It does not pass.
    Withhold,
    /// Its words pass as a text.
    Text,
}

/// What becomes of a mail that is attached to a mail or lies in an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttachedMails {
    /// A mail again, with its attachments in it.
    Eml,
    /// A text, with its attachments beside it.
    Text,
}

/// What is delivered of an Office document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfficeOutput {
    /// The rebuilt document.
    Document,
    /// Its pages, as PDF.
    Pages,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            name: String::new(),
            limits: Limits::default(),
            max_depth: 8,
            max_parts: 1000,
            max_crashes: 8,
            max_total_bytes: 500 << 20,
            max_time: Duration::from_secs(300),
            part_time: Duration::from_secs(20),
            part_time_per_mib: Duration::from_secs(2),
            parallel_parts: 8,
            max_output_bytes: jail::PoolConfig::OUT_BYTES_MAX,
            pages: PagesPolicy::default(),
            pages_output: PagesOutput::default(),
            compared_pages: 3,
            office: OfficeOutput::Document,
            office_read: OfficePolicy::default(),
            office_fallback: Fallback::Withhold,
            office_compared_pages: 0,
            similarity_flagged: 0.8,
            recall_flagged: 0.8,
            text: TextPolicy::default(),
            links: Links::Keep,
            attached: AttachedMails::Eml,
            language: Language::Ja,
            account: AccountPlace::Top,
            charset: MailCharset::Utf8,
            account_always: false,
            opens_by_mail: true,
            encrypt_again: false,
            subject_prefix: String::new(),
            site_name: String::new(),
            portal: None,
        }
    }
}
