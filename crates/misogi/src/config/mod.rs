//! The one TOML file: every key, its default, and errors that name the line and the nearest key.
//!
//! Wrong configuration stops the start. There is no key that lets anything through unconverted.

mod digest;
mod directory;
mod icap;
mod load;
mod oidc;
mod passwords;
mod requests;
mod settings;
mod tenants;
mod webhooks;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub(crate) use digest::Digest;
pub(crate) use directory::{Directory, GroupsBy};
pub(crate) use icap::{Icap, Scope};
pub(crate) use load::Error;
pub(crate) use oidc::{Oidc, OidcSite};
pub(crate) use passwords::Passwords;
pub(crate) use requests::{Download, Requests};
use serde::{Deserialize, Serialize};
pub(crate) use settings::settings;
use store::RetryPolicy;
pub(crate) use tenants::{TENANTS, TenantSections};
pub(crate) use webhooks::Webhook;

/// Everything the gateway can be told. A missing file means all defaults: one machine, nothing else installed.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Config {
    /// Directory of the database, originals and results. Relative paths start at the working directory.
    pub(crate) data: PathBuf,
    pub(crate) site: Site,
    pub(crate) smtp: Smtp,
    pub(crate) delivery: Delivery,
    pub(crate) portal: Portal,
    pub(crate) admin: Admin,
    pub(crate) icap: Icap,
    pub(crate) rooms: Rooms,
    pub(crate) scanner: Scanner,
    pub(crate) policy: Policy,
    pub(crate) mail: Mail,
    pub(crate) pages: Pages,
    pub(crate) office: Office,
    pub(crate) passwords: Passwords,
    pub(crate) requests: Requests,
    pub(crate) directory: Directory,
    pub(crate) oidc: Oidc,
    pub(crate) limits: Limits,
    pub(crate) retention: Retention,
    pub(crate) log: Log,
    pub(crate) digest: Digest,
    /// Other systems that are told of events.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) webhooks: Vec<Webhook>,
    /// What tenants do not share with the gateway's own organisation, by key.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tenants: BTreeMap<String, TenantSections>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("misogi-data"),
            site: Site::default(),
            smtp: Smtp::default(),
            delivery: Delivery::default(),
            portal: Portal::default(),
            admin: Admin::default(),
            icap: Icap::default(),
            rooms: Rooms::default(),
            scanner: Scanner::default(),
            policy: Policy::default(),
            mail: Mail::default(),
            pages: Pages::default(),
            office: Office::default(),
            passwords: Passwords::default(),
            requests: Requests::default(),
            directory: Directory::default(),
            oidc: Oidc::default(),
            limits: Limits::default(),
            retention: Retention::default(),
            log: Log::default(),
            digest: Digest::default(),
            webhooks: Vec::new(),
            tenants: BTreeMap::new(),
        }
    }
}

/// Who runs the gateway, as people see it in mails and pages.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Site {
    /// Name of the organisation, shown in the account and on the pages. May be empty.
    pub(crate) name: String,
    /// Language of accounts and notices: `ja` or `en`.
    pub(crate) language: Language,
    /// Address under which staff reach the portal, without a trailing slash.
    pub(crate) portal_url: Option<String>,
    /// Address under which administrators reach the console, without a trailing slash.
    pub(crate) admin_url: Option<String>,
    /// Addresses and networks of the TLS proxies in front of portal and console: of them alone `X-Forwarded-For` is believed.
    pub(crate) trusted_proxies: Vec<String>,
    /// Offset of local time from UTC in minutes; 540 is Japan.
    pub(crate) utc_offset_minutes: i16,
}

impl Default for Site {
    fn default() -> Self {
        Self {
            name: String::new(),
            language: Language::Ja,
            portal_url: None,
            admin_url: None,
            trusted_proxies: Vec::new(),
            utc_offset_minutes: 540,
        }
    }
}

/// Language of accounts and notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Language {
    Ja,
    En,
}

/// Intake on the internet leg.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Smtp {
    pub(crate) listen: SocketAddr,
    /// Name in the greeting and in `Received`; default: the machine's name.
    pub(crate) hostname: Option<String>,
    pub(crate) max_message_bytes: u64,
    pub(crate) max_recipients: usize,
    pub(crate) max_connections: usize,
    pub(crate) max_connections_per_peer: usize,
    /// Domains that mail is taken for. Not set: any, which is allowed on a loopback listener only.
    pub(crate) recipient_domains: Option<Vec<String>>,
    pub(crate) tls_certificate: Option<PathBuf>,
    pub(crate) tls_key: Option<PathBuf>,
}

impl Default for Smtp {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 2525)),
            hostname: None,
            max_message_bytes: 50 << 20,
            max_recipients: 100,
            max_connections: 200,
            max_connections_per_peer: 50,
            recipient_domains: None,
            tls_certificate: None,
            tls_key: None,
        }
    }
}

/// Delivery on the LGWAN leg.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Delivery {
    /// `smtp://host:port` or `maildir:PATH`. Not set: a maildir under the data directory.
    pub(crate) next_hop: Option<String>,
    pub(crate) tls: DeliveryTls,
    /// PEM file of the certificate authorities that sign the next hop; not set: the system's.
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) max_connections: usize,
    #[serde(with = "seconds")]
    pub(crate) retry_min_seconds: Duration,
    #[serde(with = "seconds")]
    pub(crate) retry_max_seconds: Duration,
    #[serde(with = "seconds")]
    pub(crate) lifetime_seconds: Duration,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            next_hop: None,
            tls: DeliveryTls::None,
            ca_file: None,
            max_connections: 8,
            retry_min_seconds: Duration::from_secs(300),
            retry_max_seconds: Duration::from_secs(4000),
            lifetime_seconds: Duration::from_secs(5 * 86_400),
        }
    }
}

/// TLS towards the next hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DeliveryTls {
    None,
    Opportunistic,
    Required,
}

/// Staff portal.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Portal {
    pub(crate) listen: SocketAddr,
    /// Who may use it: `anybody` who reaches it, or who has an account (`accounts`).
    pub(crate) access: PortalAccess,
    pub(crate) max_file_bytes: u64,
    /// Bytes of all files of one upload; one file of the largest size fits in any case.
    pub(crate) max_total_bytes: u64,
    pub(crate) max_files: usize,
    /// What staff may have their files become instead of what the policy says.
    pub(crate) outputs: Vec<Output>,
    /// Who sends what takes longer is told by mail when it is done; 0: nobody is.
    #[serde(with = "seconds")]
    pub(crate) done_notice_seconds: Duration,
}

/// What a file may become by choice of whoever sends it. Each goes through the rooms like any other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Output {
    /// Office documents become their pages, as PDF.
    Pages,
    /// Each page becomes an image.
    Raster,
    /// Where nothing else passes, the words as a text.
    Text,
}

impl Output {
    pub(crate) fn policy(self) -> RetryPolicy {
        match self {
            Output::Pages => RetryPolicy::Pages,
            Output::Raster => RetryPolicy::Raster,
            Output::Text => RetryPolicy::Text,
        }
    }
}

/// Who may use the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PortalAccess {
    Anybody,
    Accounts,
}

impl Default for Portal {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            access: PortalAccess::Anybody,
            max_file_bytes: 50 << 20,
            max_total_bytes: 200 << 20,
            max_files: 20,
            outputs: vec![Output::Pages, Output::Raster],
            done_notice_seconds: Duration::from_secs(60),
        }
    }
}

/// Admin console.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Admin {
    pub(crate) listen: SocketAddr,
}

impl Default for Admin {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8081)) }
    }
}

/// The rooms that convert.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Rooms {
    /// Documents converted at the same time; 0 means one per processor.
    pub(crate) slots: usize,
    /// Rooms kept ready in each slot and role.
    pub(crate) spares: usize,
    /// Documents after which a slot's zygote is replaced, so that its memory layout does not live long.
    pub(crate) restart_after: u32,
    /// Memory that one room may take, in bytes.
    pub(crate) memory_bytes: u64,
    /// Processor time that one room may take.
    #[serde(with = "seconds")]
    pub(crate) cpu_seconds: Duration,
    /// Weakest containment that the gateway starts with: `A` or `B`.
    pub(crate) minimum_level: MinimumLevel,
}

impl Default for Rooms {
    fn default() -> Self {
        Self {
            slots: 0,
            spares: 3,
            restart_after: 500,
            memory_bytes: jail::PoolConfig::DATA_BYTES,
            cpu_seconds: Duration::from_secs(60),
            minimum_level: MinimumLevel::A,
        }
    }
}

/// See docs/rooms.md for what each level holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum MinimumLevel {
    A,
    B,
}

/// Virus scanner.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Scanner {
    /// `unix:PATH` or `tcp:HOST:PORT` of clamd. Not set: nothing is scanned, and the start says so.
    pub(crate) clamd: Option<String>,
    #[serde(with = "seconds")]
    pub(crate) timeout_seconds: Duration,
}

impl Default for Scanner {
    fn default() -> Self {
        Self { clamd: None, timeout_seconds: Duration::from_secs(60) }
    }
}

/// What is done with what was found.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Policy {
    /// Where the account stands in a mail: `top` or `bottom`.
    pub(crate) account: AccountPlace,
    /// What subject and text of mails are written in: `utf-8` or `iso-2022-jp`.
    pub(crate) charset: MailCharset,
    /// Write the account also into mails in which nothing was changed.
    pub(crate) account_always: bool,
    /// Put before the subject of every mail; empty: nothing.
    pub(crate) subject_prefix: String,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            account: AccountPlace::Top,
            charset: MailCharset::Utf8,
            account_always: false,
            subject_prefix: String::new(),
        }
    }
}

/// Place of the account in the text of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AccountPlace {
    Top,
    Bottom,
}

/// The text of mails and of text files.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Mail {
    /// Web addresses: `keep`, `defang` to write them so that no program opens them (hxxps, [.]), or `remove`.
    pub(crate) links: Links,
    /// Text of HTML that a reader does not see: `drop`, or `keep` behind a mark.
    pub(crate) hidden_text: Choice,
    /// Files of HTML and XML: what they say as a `text`, or `withhold`.
    pub(crate) markup: Markup,
    /// Mails that are attached to a mail or lie in an archive: rebuilt as mails (`eml`), or as a `text` with their attachments beside it.
    pub(crate) attached: Attached,
}

impl Default for Mail {
    fn default() -> Self {
        Self { links: Links::Keep, hidden_text: Choice::Drop, markup: Markup::Text, attached: Attached::Eml }
    }
}

/// What attached mails become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Attached {
    Eml,
    Text,
}

/// What becomes of web addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Links {
    Keep,
    Defang,
    Remove,
}

/// What becomes of files of HTML and XML.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Markup {
    Text,
    Withhold,
}

/// Charset of the words of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) enum MailCharset {
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "iso-2022-jp")]
    Iso2022Jp,
}

/// How documents of pages (PDF) are rebuilt.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Pages {
    /// The most that a page may be: `vector` keeps paths and letters, `raster` makes one image of each page.
    pub(crate) max: MostLevel,
    /// Pixels per inch of page images.
    pub(crate) dpi: u16,
    /// Text that stands invisible over page images, so that they can be searched: `keep` or `drop`.
    pub(crate) raster_text: Choice,
    /// Text that a reader does not see: `drop` or `keep`.
    pub(crate) hidden_text: Choice,
    /// Comments, as a list at the end: `keep` or `drop`.
    pub(crate) comments: Choice,
    /// Embedded files: `withhold`, or `extract` to rebuild each of them and lay it beside the document.
    pub(crate) embedded: Embedded,
    /// Pictures with more pixels per inch are reduced to this.
    pub(crate) picture_dpi: u16,
    /// JPEG quality of photographs.
    pub(crate) photo_quality: u8,
    /// One page in ten is drawn and compared with the original, at most so many of a document; 0: none.
    pub(crate) compared: u32,
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            max: MostLevel::Vector,
            dpi: 200,
            raster_text: Choice::Keep,
            hidden_text: Choice::Drop,
            comments: Choice::Keep,
            embedded: Embedded::Withhold,
            picture_dpi: 300,
            photo_quality: 75,
            compared: 3,
        }
    }
}

/// Office documents, and LibreOffice, which reads those that nothing else does (doc, xls, ppt, rtf, OpenDocument) and prints all.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Office {
    /// What is delivered: the rebuilt `document`, or its `pages` as PDF, which takes LibreOffice.
    pub(crate) output: OfficeOutput,
    /// Original and rebuilt document are both printed, one page in ten compared, at most so many; 0: none, because it takes two runs of
    /// LibreOffice for each document.
    pub(crate) compared_pages: u32,
    /// Embedded files: `withhold`, or `extract` to rebuild each of them and lay it beside the document.
    pub(crate) embedded: Embedded,
    /// Pivot tables: `values` leaves the values that they show, `keep` them with the copy of their data, which can hold more than is seen.
    pub(crate) pivot_cache: PivotCache,
    /// Where LibreOffice is missing or fails: `withhold` the document, or pass the words of doc, xls, ppt and rtf as a `text`.
    pub(crate) fallback: Fallback,
    /// Use LibreOffice where it is installed; otherwise documents that only it reads are withheld.
    pub(crate) libreoffice: bool,
    /// LibreOffice's program directory.
    pub(crate) program: PathBuf,
    /// Instances started in advance, each for one document, at most 16; 0: each document waits a second for its own.
    pub(crate) warm: usize,
    /// Documents converted at the same time, 1 to 64.
    pub(crate) slots: usize,
    /// Memory that one instance may take, in bytes.
    pub(crate) memory_bytes: u64,
    /// Processor time that one instance may take.
    #[serde(with = "seconds")]
    pub(crate) cpu_seconds: Duration,
}

impl Default for Office {
    fn default() -> Self {
        Self {
            output: OfficeOutput::Document,
            compared_pages: 0,
            embedded: Embedded::Withhold,
            pivot_cache: PivotCache::Values,
            fallback: Fallback::Withhold,
            libreoffice: true,
            program: PathBuf::from("/usr/lib/libreoffice/program"),
            warm: 1,
            slots: 2,
            memory_bytes: 1 << 30,
            cpu_seconds: Duration::from_secs(120),
        }
    }
}

/// What is delivered of Office documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum OfficeOutput {
    Document,
    Pages,
}

/// What becomes of pivot tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PivotCache {
    Values,
    Keep,
}

/// What becomes of documents that LibreOffice does not convert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fallback {
    Withhold,
    Text,
}

/// The most that a page may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum MostLevel {
    Vector,
    Raster,
}

/// What becomes of files that are embedded in a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Embedded {
    Withhold,
    Extract,
}

/// What becomes of something that is not seen at first sight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Choice {
    Keep,
    Drop,
}

/// Bounds on one mail or upload.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Limits {
    /// Levels of containers in containers.
    pub(crate) depth: u32,
    /// Attachments and archive members together.
    pub(crate) parts: u32,
    /// Bytes taken out of all containers together.
    pub(crate) total_bytes: u64,
    /// Time for one mail or upload.
    #[serde(with = "seconds")]
    pub(crate) seconds: Duration,
    /// Pixels of one image, all frames together.
    pub(crate) pixels: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 8, parts: 1000, total_bytes: 500 << 20, seconds: Duration::from_secs(300), pixels: 100_000_000 }
    }
}

/// How long things are kept.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Retention {
    pub(crate) originals_days: u32,
    pub(crate) quarantine_days: u32,
    pub(crate) results_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self { originals_days: 7, quarantine_days: 30, results_days: 7 }
    }
}

/// Logging.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Log {
    pub(crate) format: LogFormat,
    /// `error`, `warn`, `info`, `debug`, or a filter such as `info,mail=debug`.
    pub(crate) level: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Human, level: "info".to_owned() }
    }
}

/// Form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Human,
    Json,
}

mod seconds {
    //! Durations are written in the file as whole seconds; the key says so.

    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(value.as_secs())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}
