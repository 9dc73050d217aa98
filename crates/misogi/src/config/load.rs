//! Reading the file: errors that name file, line, key and the nearest key.

use std::path::{Path, PathBuf};

use form::job::PagesPolicy;

use super::directory::Role;
use super::{Config, webhooks};

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

    /// Reads and checks a text that is no file.
    pub(crate) fn parsed(text: &str) -> Result<Self, Error> {
        Self::parse(text, Path::new("draft"))
    }

    fn check(&self, path: &Path) -> Result<(), Error> {
        let fault = self.disagreement().or_else(|| self.out_of_range()).or_else(|| self.ill_formed());
        if let Some((key, message)) = fault {
            return Err(Error::Value { path: path.to_owned(), key, message });
        }
        self.tenants.keys().try_for_each(|key| self.with_sections_of(key).check(path))
    }

    /// Keys that do not go together.
    fn disagreement(&self) -> Option<Fault> {
        let smtp = &self.smtp;
        if smtp.recipient_domains.is_none() && !smtp.listen.ip().is_loopback() {
            let wanted = "must list the domains that mail is taken for when smtp.listen is not a loopback address";
            return Some(("smtp.recipient_domains", wanted.to_owned()));
        }
        if smtp.tls_certificate.is_some() != smtp.tls_key.is_some() {
            let wanted = "smtp.tls_certificate and smtp.tls_key are set together";
            return Some(("smtp.tls_certificate", wanted.to_owned()));
        }
        if self.delivery.retry_min_seconds > self.delivery.retry_max_seconds {
            let wanted = "must not be more than delivery.retry_max_seconds";
            return Some(("delivery.retry_min_seconds", wanted.to_owned()));
        }
        None
    }

    /// A number beyond what its key may be.
    fn out_of_range(&self) -> Option<Fault> {
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
            ("portal.max_total_bytes", self.portal.max_total_bytes, 1..=u64::MAX),
            ("portal.max_files", count(self.portal.max_files), 1..=200),
            ("portal.done_notice_seconds", self.portal.done_notice_seconds.as_secs(), 0..=86_400),
            ("icap.max_body_bytes", self.icap.max_body_bytes, 1..=u64::MAX),
            ("icap.max_connections", count(self.icap.max_connections), 1..=10_000),
            ("icap.patience_seconds", self.icap.patience_seconds.as_secs(), 0..=3_600),
            ("pages.dpi", self.pages.dpi.into(), PagesPolicy::MIN_DENSITY.into()..=600),
            (
                "pages.picture_dpi",
                self.pages.picture_dpi.into(),
                PagesPolicy::MIN_DENSITY.into()..=PagesPolicy::MAX_DENSITY.into(),
            ),
            ("pages.photo_quality", self.pages.photo_quality.into(), 1..=100),
            ("pages.compared", self.pages.compared.into(), 0..=10_000),
            ("office.compared_pages", self.office.compared_pages.into(), 0..=10_000),
            ("rooms.slots", count(self.rooms.slots), 0..=256),
            ("rooms.spares", count(self.rooms.spares), 1..=16),
            ("rooms.restart_after", self.rooms.restart_after.into(), 1..=u64::MAX),
            ("rooms.memory_bytes", self.rooms.memory_bytes, 16 << 20..=u64::MAX),
            ("rooms.cpu_seconds", self.rooms.cpu_seconds.as_secs(), 1..=86_400),
            ("passwords.window_minutes", self.passwords.window_minutes, 1..=43_200),
            ("passwords.mails", self.passwords.mails.into(), 1..=100),
            ("passwords.typed_tries", self.passwords.typed_tries.into(), 1..=10_000),
            ("passwords.paired_tries", self.passwords.paired_tries.into(), 1..=10_000),
            ("requests.quorum_rebuilt", self.requests.quorum_rebuilt.into(), 1..=5),
            ("requests.quorum_withheld", self.requests.quorum_withheld.into(), 1..=5),
            ("requests.quorum_virus", self.requests.quorum_virus.into(), 2..=5),
            ("requests.open_hours", self.requests.open_hours.into(), 1..=720),
            ("requests.grant_hours", self.requests.grant_hours.into(), 1..=168),
            ("requests.downloads", self.requests.downloads.into(), 1..=10),
            ("requests.settled_hours", self.requests.settled_hours.into(), 0..=8_760),
            ("directory.deadline_seconds", self.directory.deadline_seconds.as_secs(), 1..=60),
            ("directory.recheck_seconds", self.directory.recheck_seconds.as_secs(), 1..=86_400),
            ("oidc.deadline_seconds", self.oidc.deadline_seconds.as_secs(), 1..=60),
            ("oidc.session_seconds", self.oidc.session_seconds.as_secs(), 60..=86_400),
            ("retention.originals_days", self.retention.originals_days.into(), 1..=36_500),
            ("retention.quarantine_days", self.retention.quarantine_days.into(), 1..=36_500),
            ("retention.results_days", self.retention.results_days.into(), 1..=36_500),
            ("scanner.timeout_seconds", self.scanner.timeout_seconds.as_secs(), 1..=86_400),
            ("site.utc_offset_minutes", self.site.utc_offset_minutes.unsigned_abs().into(), 0..=840),
        ];
        let (key, value, range) = ranges.into_iter().find(|(_, value, range)| !range.contains(value))?;
        let (least, most) = (range.start(), range.end());
        let bounds = if *most == u64::MAX { format!("at least {least}") } else { format!("{least} to {most}") };
        Some((key, format!("is {value}, must be {bounds}")))
    }

    /// A text that is not of its form.
    fn ill_formed(&self) -> Option<Fault> {
        if let Some(bad) = self.site.trusted_proxies.iter().find(|text| web::Network::parse(text).is_err()) {
            let message = format!("`{bad}` is neither an address nor a network such as 192.0.2.0/24");
            return Some(("site.trusted_proxies", message));
        }
        if let Some(fault) = self.icap.fault() {
            return Some(fault);
        }
        if self.passwords.partner.iter().any(|partner| !partner.is_usable()) {
            let wanted = "needs a sender such as `*@partner.example.co.jp` or one address, and 1 to 256 passwords of 1 to 1024 bytes";
            return Some(("passwords.partner", wanted.to_owned()));
        }
        let is_host =
            |name: &String| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
        if self.smtp.hostname.as_ref().is_some_and(|name| !is_host(name)) {
            return Some(("smtp.hostname", "must be letters, digits, hyphens and dots".to_owned()));
        }
        let of_directory = self.directory.role.iter().map(|given| ("directory.role", given));
        let mut given = of_directory.chain(self.oidc.role.iter().map(|given| ("oidc.role", given)));
        // Whoever keeps the groups would decide whose mail is whose.
        if let Some((key, given)) = given.find(|(_, given)| given.role == Role::PlatformAdmin) {
            let wanted =
                "cannot give platform_admin, which `misogi platform-admin add` alone gives: take the entry out";
            return Some((key, format!("group `{}` {wanted}", given.group)));
        }
        if let Some(fault) = self.digest.fault() {
            return Some(fault);
        }
        if let Some(message) = webhooks::fault(&self.webhooks) {
            return Some(("webhooks", message));
        }
        if let Some(bad) = self.bad_tenant() {
            return Some(("tenants", format!("`{bad}` is no key of a tenant")));
        }
        if let Some((one, other)) = self.shared_proxies() {
            return Some(("tenants", format!("icap_clients of `{one}` and of `{other}` overlap")));
        }
        if self.policy.subject_prefix.chars().any(char::is_control) {
            return Some(("policy.subject_prefix", "must not hold control characters".to_owned()));
        }
        None
    }
}

/// A key whose value cannot be, and what it must be.
pub(super) type Fault = (&'static str, String);

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
            "[pages]\npicture_dpi = 1201",
            "[retention]\nresults_days = 0",
            "[rooms]\nmemory_bytes = 1000",
            "[requests]\nquorum_virus = 1",
            "[requests]\ndownload = \"portal\"",
            "[requests]\ngrant_hours = 0",
            "[site]\nutc_offset_minutes = 9999",
            "[smtp]\nhostname = \"a b\"",
            "[policy]\nsubject_prefix = \"a\\nb\"",
            "[digest]\ntimes = [\"8:30\"]",
            "[digest]\ntimes = [\"24:00\"]",
            "[digest]\nrecipients = [\"nobody\"]",
            "[[webhooks]]\nname = \"A\"\nurl = \"https://a.example/\"\nevents = [\"file.completed\"]\nsecret_file = \"s\"",
            "[[webhooks]]\nname = \"a\"\nurl = \"a.example\"\nevents = [\"file.completed\"]\nsecret_file = \"s\"",
            "[[webhooks]]\nname = \"a\"\nurl = \"https://a.example/\"\nevents = [\"file\"]\nsecret_file = \"s\"",
            "[[webhooks]]\nname = \"a\"\nurl = \"https://a.example/\"\nevents = []\nsecret_file = \"s\"",
            "[tenants.City-A]",
            "[tenants.city-a.digest]\ntimes = [\"8:30\"]",
            "[tenants.city-a.delivery]\nmax_connections = 0",
            "[tenants.city-a]\nicap_clients = [\"proxy\"]",
            "[tenants.city-a.smtp]\nmax_recipients = 1",
            "[tenants.a]\nicap_clients = [\"192.0.2.0/24\"]\n[tenants.b]\nicap_clients = [\"2001:db8::1\", \"192.0.2.7\"]",
            "[[directory.role]]\ngroup = \"cn=g\"\nrole = \"platform_admin\"",
            "[[oidc.role]]\ngroup = \"g\"\nrole = \"platform_admin\"",
            "[[tenants.a.oidc.role]]\ngroup = \"g\"\nrole = \"platform_admin\"",
            "[icap]\nmax_connections = 0",
            "[icap]\npatience_seconds = 3601",
            "[icap]\nclients = []",
            "[icap]\nclients = [\"proxy\"]",
            "[icap]\nclients = [\"192.0.2.0/33\"]",
            "[icap]\nuser_header = \"a b\"",
            "[icap]\nscope = \"none\"",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_group_makes_somebody_a_platform_administrator() {
        let given = |role: &str| parse(&format!("[[oidc.role]]\ngroup = \"g\"\nrole = \"{role}\"\n"));
        assert!(given("tenant_admin").is_ok());
        let error = given("platform_admin").unwrap_err().to_string();
        assert!(error.contains("oidc.role") && error.contains("misogi platform-admin add"), "{error}");
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
    fn a_tenant_has_no_secret_and_no_person_of_the_gateways_own_organisation() {
        let config = parse(
            "data = \"d\"\n[delivery]\nnext_hop = \"smtp://a:25\"\n[directory]\nurl = \"ldaps://dc.pref.example\"\n\
             [oidc]\nissuer = \"https://login.pref.example\"\n[digest]\nrecipients = [\"a@pref.example\"]\n[portal]\naccess = \"anybody\"\n\
             [[webhooks]]\nname = \"w\"\nurl = \"https://w.pref.example/\"\nevents = [\"file.completed\"]\nsecret_file = \"s\"\n\
             [tenants.city-b.directory]\nurl = \"ldaps://dc.city-b.example\"\n[tenants.city-b.delivery]\nnext_hop = \"smtp://b:25\"\n",
        )
        .unwrap();
        let a = config.with_sections_of("city-a");
        assert_eq!((a.data.to_str(), a.delivery.next_hop.as_deref()), (Some("d/tenants/city-a"), Some("smtp://a:25")));
        assert_eq!((a.directory.url, a.oidc.issuer, a.digest.recipients.len(), a.webhooks.len()), (None, None, 0, 0));
        assert_eq!(a.portal.access, super::super::PortalAccess::Accounts);
        let b = config.with_sections_of("city-b");
        assert_eq!(b.directory.url.as_deref(), Some("ldaps://dc.city-b.example"));
        assert_eq!((b.delivery.next_hop.as_deref(), b.tenants.len()), (Some("smtp://b:25"), 0));
    }

    #[test]
    fn distances_are_edit_distances() {
        for (a, b, expect) in [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("flaw", "lawn", 2)] {
            assert_eq!(distance(a, b), expect, "{a} {b}");
        }
    }
}
