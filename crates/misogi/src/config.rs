//! The one TOML file: every key, its default, and errors that name the line and the nearest key.
//!
//! Wrong configuration stops the start. There is no key that lets anything through unconverted.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

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
    pub(crate) rooms: Rooms,
    pub(crate) scanner: Scanner,
    pub(crate) policy: Policy,
    pub(crate) limits: Limits,
    pub(crate) retention: Retention,
    pub(crate) log: Log,
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
            rooms: Rooms::default(),
            scanner: Scanner::default(),
            policy: Policy::default(),
            limits: Limits::default(),
            retention: Retention::default(),
            log: Log::default(),
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
    /// Offset of local time from UTC in minutes; 540 is Japan.
    pub(crate) utc_offset_minutes: i16,
}

impl Default for Site {
    fn default() -> Self {
        Self { name: String::new(), language: Language::Ja, portal_url: None, admin_url: None, utc_offset_minutes: 540 }
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
    pub(crate) max_file_bytes: u64,
    pub(crate) max_files: usize,
}

impl Default for Portal {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8080)), max_file_bytes: 50 << 20, max_files: 20 }
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
    /// Write the account also into mails in which nothing was changed.
    pub(crate) account_always: bool,
    /// Put before the subject of every mail; empty: nothing.
    pub(crate) subject_prefix: String,
}

impl Default for Policy {
    fn default() -> Self {
        Self { account: AccountPlace::Top, account_always: false, subject_prefix: String::new() }
    }
}

/// Place of the account in the text of a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AccountPlace {
    Top,
    Bottom,
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

/// Why a configuration was not taken. Names file, line, key and, where one is near, the key that was meant.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{path}: cannot be read")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}:{line}: {message}")]
    Syntax { path: PathBuf, line: usize, message: String },
    #[error("{path}: {key}: {message}")]
    Value { path: PathBuf, key: &'static str, message: String },
}

impl Config {
    /// Reads and checks a file. No path: the defaults.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, Error> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    fn parse(text: &str, path: &Path) -> Result<Self, Error> {
        let config: Self = toml::from_str(text).map_err(|error| {
            let start = error.span().map_or(0, |span| span.start);
            let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
            Error::Syntax { path: path.to_owned(), line, message: explain(error.message()) }
        })?;
        config.check(path)?;
        Ok(config)
    }

    fn check(&self, path: &Path) -> Result<(), Error> {
        let fault = |key: &'static str, message: &str| {
            Err(Error::Value { path: path.to_owned(), key, message: message.to_owned() })
        };
        if self.smtp.recipient_domains.is_none() && !self.smtp.listen.ip().is_loopback() {
            return fault(
                "smtp.recipient_domains",
                "must list the domains that mail is taken for when smtp.listen is not a loopback address",
            );
        }
        if self.smtp.tls_certificate.is_some() != self.smtp.tls_key.is_some() {
            return fault("smtp.tls_certificate", "smtp.tls_certificate and smtp.tls_key are set together");
        }
        if self.delivery.retry_min_seconds > self.delivery.retry_max_seconds {
            return fault("delivery.retry_min_seconds", "must not be more than delivery.retry_max_seconds");
        }
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let ranges = [
            ("limits.depth", self.limits.depth.into(), 1..=100),
            ("limits.parts", self.limits.parts.into(), 1..=1_000_000),
            ("limits.total_bytes", self.limits.total_bytes, 1..=u64::MAX),
            ("limits.seconds", self.limits.seconds.as_secs(), 1..=86_400),
            ("limits.pixels", self.limits.pixels, 1..=u64::MAX),
            ("smtp.max_message_bytes", self.smtp.max_message_bytes, 1..=u64::MAX),
            ("smtp.max_recipients", count(self.smtp.max_recipients), 1..=100_000),
            ("smtp.max_connections", count(self.smtp.max_connections), 1..=100_000),
            ("smtp.max_connections_per_peer", count(self.smtp.max_connections_per_peer), 1..=100_000),
            ("delivery.max_connections", count(self.delivery.max_connections), 1..=1_000),
            ("delivery.retry_min_seconds", self.delivery.retry_min_seconds.as_secs(), 1..=u64::MAX),
            ("delivery.lifetime_seconds", self.delivery.lifetime_seconds.as_secs(), 1..=u64::MAX),
            ("portal.max_file_bytes", self.portal.max_file_bytes, 1..=u64::MAX),
            ("portal.max_files", count(self.portal.max_files), 1..=10_000),
            ("rooms.slots", count(self.rooms.slots), 0..=256),
            ("rooms.spares", count(self.rooms.spares), 1..=16),
            ("rooms.restart_after", self.rooms.restart_after.into(), 1..=u64::MAX),
            ("rooms.memory_bytes", self.rooms.memory_bytes, 16 << 20..=u64::MAX),
            ("rooms.cpu_seconds", self.rooms.cpu_seconds.as_secs(), 1..=86_400),
            ("scanner.timeout_seconds", self.scanner.timeout_seconds.as_secs(), 1..=86_400),
            ("site.utc_offset_minutes", self.site.utc_offset_minutes.unsigned_abs().into(), 0..=840),
        ];
        for (key, value, range) in ranges {
            if !range.contains(&value) {
                let (least, most) = (range.start(), range.end());
                let bounds = if *most == u64::MAX { format!("at least {least}") } else { format!("{least} to {most}") };
                return fault(key, &format!("is {value}, must be {bounds}"));
            }
        }
        let host =
            |name: &String| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
        if self.smtp.hostname.as_ref().is_some_and(|name| !host(name)) {
            return fault("smtp.hostname", "must be letters, digits, hyphens and dots");
        }
        if self.policy.subject_prefix.chars().any(char::is_control) {
            return fault("policy.subject_prefix", "must not hold control characters");
        }
        Ok(())
    }
}

/// Adds the nearest known key to serde's "unknown field `x`, expected one of `a`, `b`".
fn explain(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let (true, Some(unknown)) = (message.starts_with("unknown "), quoted.next()) else { return message.to_owned() };
    match quoted.map(|known| (distance(unknown, known), known)).min() {
        Some((edits, nearest)) if edits <= nearest.len().max(unknown.len()) / 2 => {
            format!("unknown key `{unknown}`; did you mean `{nearest}`?")
        }
        _ => message.to_owned(),
    }
}

/// Levenshtein distance in characters.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((b, above), pair) in right.iter().zip(row.iter().skip(1)).zip(row.iter()) {
            let left = next.last().copied().unwrap_or(i + 1);
            next.push((above + 1).min(left + 1).min(pair + usize::from(a != *b)));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Config, Error> {
        Config::parse(text, Path::new("misogi.toml"))
    }

    #[test]
    fn an_empty_file_is_the_default() {
        let config = parse("").unwrap();
        assert_eq!(config.smtp.listen.to_string(), "127.0.0.1:2525");
        assert_eq!(config.portal.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.admin.listen.to_string(), "127.0.0.1:8081");
        assert_eq!(config.data, Path::new("misogi-data"));
    }

    #[test]
    fn an_unknown_key_names_its_line_and_the_nearest_key() {
        let error = parse("[smtp]\n\nmax_recipient = 3\n").unwrap_err().to_string();
        assert_eq!(error, "misogi.toml:3: unknown key `max_recipient`; did you mean `max_recipients`?");
        let error = parse("[delivry]\n").unwrap_err().to_string();
        assert_eq!(error, "misogi.toml:1: unknown key `delivry`; did you mean `delivery`?");
    }

    #[test]
    fn a_wrong_type_names_its_line() {
        let error = parse("[limits]\ndepth = \"deep\"\n").unwrap_err().to_string();
        assert!(error.starts_with("misogi.toml:2: invalid type"), "{error}");
    }

    #[test]
    fn a_public_listener_needs_recipient_domains() {
        let error = parse("[smtp]\nlisten = \"0.0.0.0:25\"\n").unwrap_err().to_string();
        assert!(error.contains("smtp.recipient_domains"), "{error}");
        assert!(parse("[smtp]\nlisten = \"0.0.0.0:25\"\nrecipient_domains = [\"city.example.lg.jp\"]\n").is_ok());
    }

    #[test]
    fn a_value_out_of_its_range_names_key_value_and_range() {
        let error = parse("[limits]\nparts = 0\n").unwrap_err().to_string();
        assert_eq!(error, "misogi.toml: limits.parts: is 0, must be 1 to 1000000");
        for wrong in [
            "[smtp]\nmax_connections = 0",
            "[delivery]\nmax_connections = 0",
            "[limits]\nseconds = 0",
            "[rooms]\nspares = 17",
            "[rooms]\nmemory_bytes = 1000",
            "[site]\nutc_offset_minutes = 9999",
            "[smtp]\nhostname = \"a b\"",
            "[policy]\nsubject_prefix = \"a\\nb\"",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_reference_page_shows_every_key_with_its_default() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
        let page = std::fs::read_to_string(root.join("docs/configuration.md")).unwrap();
        let block = page.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        assert_eq!(parse(block).unwrap(), Config::default(), "a default on the page is not the default of the code");
        let defaults = toml::Table::try_from(Config::default()).unwrap();
        let shown: toml::Table = block.parse().unwrap();
        for (section, value) in &defaults {
            let Some(keys) = value.as_table() else {
                assert!(shown.contains_key(section), "{section}");
                continue;
            };
            for key in keys.keys() {
                assert!(shown[section].get(key).is_some(), "{section}.{key} is missing");
            }
        }
    }

    #[test]
    fn distances_are_edit_distances() {
        for (a, b, expect) in [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("flaw", "lawn", 2)] {
            assert_eq!(distance(a, b), expect, "{a} {b}");
        }
    }
}
