//! What the console is told of the installation: its settings, and how to have it looked over.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

/// A setting that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Where in the configuration file it stands.
    pub section: SettingSection,
    /// The key in it.
    pub key: String,
    /// The value, as the file would write it. Never a secret.
    pub value: String,
    /// Where it comes from.
    pub origin: SettingOrigin,
}

/// A section of the configuration file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingSection {
    /// Keys that stand outside of all sections.
    Outside,
    /// `[site]`
    Site,
    /// `[smtp]`
    Smtp,
    /// `[delivery]`
    Delivery,
    /// `[portal]`
    Portal,
    /// `[admin]`
    Admin,
    /// `[icap]`
    Icap,
    /// `[rooms]`
    Rooms,
    /// `[scanner]`
    Scanner,
    /// `[policy]`
    Policy,
    /// `[mail]`
    Mail,
    /// `[pages]`
    Pages,
    /// `[office]`
    Office,
    /// `[passwords]`
    Passwords,
    /// `[requests]`
    Requests,
    /// `[directory]`
    Directory,
    /// `[oidc]`
    Oidc,
    /// `[limits]`
    Limits,
    /// `[retention]`
    Retention,
    /// `[log]`
    Log,
    /// `[digest]`
    Digest,
}

impl SettingSection {
    const NAMED: [(SettingSection, &str); 20] = [
        (SettingSection::Site, "site"),
        (SettingSection::Smtp, "smtp"),
        (SettingSection::Delivery, "delivery"),
        (SettingSection::Portal, "portal"),
        (SettingSection::Admin, "admin"),
        (SettingSection::Icap, "icap"),
        (SettingSection::Rooms, "rooms"),
        (SettingSection::Scanner, "scanner"),
        (SettingSection::Policy, "policy"),
        (SettingSection::Mail, "mail"),
        (SettingSection::Pages, "pages"),
        (SettingSection::Office, "office"),
        (SettingSection::Passwords, "passwords"),
        (SettingSection::Requests, "requests"),
        (SettingSection::Directory, "directory"),
        (SettingSection::Oidc, "oidc"),
        (SettingSection::Limits, "limits"),
        (SettingSection::Retention, "retention"),
        (SettingSection::Log, "log"),
        (SettingSection::Digest, "digest"),
    ];

    /// The section of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMED.into_iter().find(|(_, known)| *known == name).map(|(section, _)| section)
    }

    /// Its name in the file; empty outside of all.
    pub fn name(self) -> &'static str {
        Self::NAMED.into_iter().find(|(section, _)| *section == self).map_or("", |(_, name)| name)
    }
}

/// Where the value of a setting comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingOrigin {
    /// Nobody set it.
    Default,
    /// The configuration file.
    File,
    /// The policy that was published from the console.
    Published,
}

/// Looks the installation over, as `misogi doctor` does. It takes seconds: rooms are attacked for it.
pub trait Examiner: Debug + Send + Sync {
    /// What was found, in the order of the command.
    fn examine(&self) -> Examining<'_>;
}

/// An examination under way.
pub type Examining<'a> = Pin<Box<dyn Future<Output = Vec<Examined>> + Send + 'a>>;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Its stable name.
    pub name: String,
    /// How it is.
    pub state: ExaminedState,
    /// What was found, in English; `None` where that is for whoever runs the gateway alone.
    pub detail: Option<String>,
    /// Single findings: name, whether it is well, more.
    pub facts: Vec<(String, bool, String)>,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExaminedState {
    /// As it should be.
    Good,
    /// Something is missing that an operator should know of.
    Warning,
    /// The gateway does not do its work.
    Fault,
}

/// Changes of policy while the gateway runs.
pub trait Governor: Debug + Send + Sync {
    /// Everything in force.
    fn settings(&self) -> Vec<Setting>;

    /// The number of the published policy in force; 0 for none.
    fn version(&self) -> i64;

    /// What a draft would change. A draft is written like the configuration file.
    ///
    /// # Errors
    /// What in it is wrong, in English.
    fn compare(&self, draft: &str) -> Result<Vec<Change>, String>;

    /// What would become of a message that is still kept, under a draft. Nothing is stored.
    fn try_on<'a>(&'a self, draft: &'a str, message: store::MessageId) -> Trying<'a>;

    /// What would become of a file, and what becomes of it now: `(now, under the draft)`. Nothing is stored.
    fn try_file<'a>(&'a self, draft: &'a str, file: engine::Source, name: form::name::FileName) -> Comparing<'a>;

    /// What is known of a draft from what is recorded of the last days, without converting anything again.
    fn forecast<'a>(&'a self, draft: &'a str) -> Forecasting<'a>;

    /// Puts a published policy in force.
    ///
    /// # Errors
    /// Why it cannot be, in English; what was in force stays.
    fn enforce(&self, version: i64, text: &str) -> Result<(), String>;
}

/// A trial under way; the error says, in English, why there was none.
pub type Trying<'a> = Pin<Box<dyn Future<Output = Result<Vec<TriedPart>, String>> + Send + 'a>>;

/// A trial of a file under way: now, and under the draft. The error says, in English, why there was none.
pub type Comparing<'a> = Pin<Box<dyn Future<Output = Result<(Vec<TriedPart>, Vec<TriedPart>), String>> + Send + 'a>>;

/// A forecast under way; the error says, in English, why there was none.
pub type Forecasting<'a> = Pin<Box<dyn Future<Output = Result<Forecast, String>> + Send + 'a>>;

/// What the record of the last days says of a draft.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forecast {
    /// Days looked at.
    pub days: u32,
    /// Mails and uploads looked at.
    pub messages: u64,
    /// Their parts.
    pub parts: u64,
    /// Whether that is all of those days; a site that has more is judged by the newest.
    pub whole: bool,
    /// What would come out otherwise, by the setting that makes the difference.
    pub foreseen: Vec<Foreseen>,
    /// Changed settings (`section.key`) whose effect is seen only by converting.
    pub unknown: Vec<String>,
}

/// What one setting of a draft would have done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreseen {
    /// `section.key`
    pub key: String,
    /// What.
    pub effect: Effect,
    /// To how many mails and uploads.
    pub messages: u64,
    /// To how many of their parts.
    pub parts: u64,
}

/// What a setting would have done to a part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Withheld, where it passed.
    Withheld,
    /// Something in it, or beside it, withheld: the record does not say which part.
    SomeWithheld,
    /// Passed, but written as another kind of file.
    Otherwise,
    /// Converted where it was withheld; whether it would pass is seen only then.
    Tried,
}

/// A setting that a draft changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// `section.key`
    pub key: String,
    /// The value in force.
    pub before: String,
    /// The value of the draft.
    pub after: String,
}

/// What would become of a part.
#[derive(Debug, Clone)]
pub struct TriedPart {
    /// Its place in the tree.
    pub path: String,
    /// Its name as it came.
    pub name: String,
    /// Its name as it would go out.
    pub output_name: Option<String>,
    /// Why it would be withheld; `None` where it would pass.
    pub refusal: Option<form::reason::Refusal>,
    /// What would be removed, changed or noted.
    pub findings: Vec<form::reason::Finding>,
}
