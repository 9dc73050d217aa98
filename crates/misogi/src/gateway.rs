//! From configuration to running parts: the composition root.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use engine::catalogue::Language;
use engine::policy::{
    AccountPlace, AttachedMails, Embedded, Extra, Fallback, Links, MailCharset, Markup, MostLevel, OfficeOutput,
    OfficePolicy, PagesOutput, PagesPolicy, TextPolicy,
};
use engine::scan::Endpoint;
use engine::{Engine, Foreign, Policy, Scanner, Wording};
use jail::{Converter, ConverterConfig, Level, Pool, PoolConfig};
use mail::delivery::{self, DeliveryConfig, RetryPolicy, SmtpHop, TlsMode};
use mail::intake::IntakeConfig;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sha2::{Digest, Sha256};
use store::{Hook, Retention, Store, StoreConfig};

use tracing_subscriber::EnvFilter;
use web::{HookSecret, Network, Outbound, Reach, Target, Trust, Webhook, Webhooks};

use crate::clock;
use crate::config::{self, Config, MinimumLevel};
use crate::pool::ROOM_ARGUMENT;
use crate::sources;

/// How long another system may take to take an event; Standard Webhooks asks for 15 to 30 seconds.
const WEBHOOK_DEADLINE: std::time::Duration = std::time::Duration::from_secs(20);

const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

/// Documents converted at the same time.
pub(crate) fn slots(config: &Config) -> usize {
    match config.rooms.slots {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        slots => slots,
    }
}

/// What is to be done on a machine that cannot contain rooms at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsandboxed {
    /// Nothing is started.
    Refused,
    /// Whoever starts it has said on the command line that it may be.
    Accepted,
}

impl From<bool> for Unsandboxed {
    /// Of the option on the command line.
    fn from(accepted: bool) -> Self {
        if accepted { Unsandboxed::Accepted } else { Unsandboxed::Refused }
    }
}

/// Starts the rooms; refuses where containment is weaker than the configuration asks for.
pub(crate) fn pool(config: &Config, unsandboxed: Unsandboxed) -> Result<Arc<Pool>> {
    open_many_files();
    let pool = Pool::start(PoolConfig {
        slots: slots(config),
        spares: config.rooms.spares,
        restart_after: config.rooms.restart_after,
        data_bytes: config.rooms.memory_bytes,
        cpu: config.rooms.cpu_seconds,
        minimum: minimum_level(config),
        accept_unsandboxed: unsandboxed == Unsandboxed::Accepted,
        ..PoolConfig::new(jail::this_executable(), &[ROOM_ARGUMENT])
    })
    .context("the rooms cannot be started; `misogi doctor` says what is missing")?;
    Ok(Arc::new(pool))
}

/// Every part that waits for its mail to be put together is an open memory file, and shells allow a thousand of them by default.
/// Where more is not to be had, large mails wait; `LimitNOFILE` of a service and `ulimit -n` set the bound.
fn open_many_files() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // The soft limit may always be raised to the hard one.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
}

/// The weakest containment that the configuration allows.
pub(crate) fn minimum_level(config: &Config) -> Level {
    match config.rooms.minimum_level {
        MinimumLevel::A => Level::A,
        MinimumLevel::B => Level::B,
    }
}

/// Where sanitised mail goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NextHop {
    Smtp { host: String, port: u16 },
    Maildir(PathBuf),
}

/// Reads `smtp://host:port` or `maildir:PATH`; not set is a maildir under the data directory.
pub(crate) fn next_hop(config: &Config) -> Result<NextHop> {
    let Some(text) = &config.delivery.next_hop else { return Ok(NextHop::Maildir(config.data.join("maildir"))) };
    if let Some(path) = text.strip_prefix("maildir:").filter(|path| !path.is_empty()) {
        return Ok(NextHop::Maildir(PathBuf::from(path)));
    }
    let parts = text.strip_prefix("smtp://").and_then(|rest| rest.trim_end_matches('/').rsplit_once(':'));
    match parts.map(|(host, port)| (host, port.parse())) {
        Some((host, Ok(port))) if !host.is_empty() => {
            Ok(NextHop::Smtp { host: host.trim_matches(['[', ']']).to_owned(), port })
        }
        _ => bail!("delivery.next_hop: `{text}` is neither smtp://HOST:PORT nor maildir:PATH"),
    }
}

/// The name of this gateway: configured, or the machine's.
pub(crate) fn hostname(config: &Config) -> String {
    let machine = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok().map(|name| name.trim().to_owned());
    let usable =
        |name: &String| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
    config.smtp.hostname.clone().or_else(machine).filter(usable).unwrap_or_else(|| "localhost".to_owned())
}

/// Everything that can be found wrong before the parts of one organisation are started.
pub(crate) fn check(config: &Config) -> Result<()> {
    log_filter(config)?;
    scanner(config)?;
    let hostname = hostname(config);
    intake(config, &hostname)?;
    delivery(config, &hostname)?;
    sources::sources(config)?;
    webhooks(config)?;
    icap_tls(config)?;
    Ok(())
}

/// The same for every tenant that the configuration has sections for. A fault of one keeps no other from being served, but whoever looks the
/// installation over is told.
pub(crate) fn check_tenants(config: &Config) -> Result<()> {
    let mut keys = config.tenants.keys();
    keys.try_for_each(|key| check(&config.with_sections_of(key)).with_context(|| format!("tenants.{key}")))
}

/// Which log lines are written.
pub(crate) fn log_filter(config: &Config) -> Result<EnvFilter> {
    EnvFilter::try_new(&config.log.level).with_context(|| format!("log.level: `{}` is not a filter", config.log.level))
}

/// SMTP intake as configured.
pub(crate) fn intake(config: &Config, hostname: &str) -> Result<IntakeConfig> {
    Ok(IntakeConfig {
        offset_minutes: config.site.utc_offset_minutes.into(),
        max_message_bytes: config.smtp.max_message_bytes,
        max_recipients: config.smtp.max_recipients,
        max_connections: config.smtp.max_connections,
        max_per_peer: config.smtp.max_connections_per_peer,
        accept_domains: config.smtp.recipient_domains.clone(),
        tls: tls(config)?,
        ..IntakeConfig::new(hostname)
    })
}

/// What proxies are told by the ISTag: it changes with every key, since each may change what is written.
pub(crate) fn edition(config: &Config) -> Result<String> {
    toml::to_string(config).context("writing the configuration down")
}

/// Who may use the portal.
pub(crate) fn access(config: &Config) -> web::PortalAccess {
    match config.portal.access {
        config::PortalAccess::Anybody => web::PortalAccess::Anybody,
        config::PortalAccess::Accounts => web::PortalAccess::Accounts,
    }
}

/// How long the address of a result works.
pub(crate) fn keep(config: &Config) -> std::time::Duration {
    DAY.saturating_mul(config.retention.results_days)
}

/// How long an upload takes at least of whose end its sender is told by mail; `None`: nobody is, because the site does not want it or its mails
/// go nowhere.
pub(crate) fn done_notice(config: &Config) -> Option<std::time::Duration> {
    let after = config.portal.done_notice_seconds;
    (config.delivery.next_hop.is_some() && !after.is_zero()).then_some(after)
}

/// What stands in front of portal and console, and is believed on whose requests it brings.
pub(crate) fn trusted_proxies(config: &Config) -> Vec<Network> {
    config.site.trusted_proxies.iter().filter_map(|text| Network::parse(text).ok()).collect()
}

/// The networks of the proxies that ask by ICAP.
pub(crate) fn proxies(config: &Config) -> Vec<Network> {
    config.icap.clients.iter().filter_map(|text| Network::parse(text).ok()).collect()
}

/// Delivery as configured.
pub(crate) fn delivery(config: &Config, hostname: &str) -> Result<DeliveryConfig> {
    let settings = &config.delivery;
    let next_hop = match next_hop(config)? {
        NextHop::Maildir(path) => delivery::NextHop::Maildir(path),
        NextHop::Smtp { host, port } => delivery::NextHop::Smtp(SmtpHop {
            tls: match settings.tls {
                config::DeliveryTls::None => TlsMode::None,
                config::DeliveryTls::Opportunistic => TlsMode::Opportunistic,
                config::DeliveryTls::Required => {
                    TlsMode::Required { authorities: read(settings.ca_file.as_deref())?, name: None }
                }
            },
            max_connections: settings.max_connections,
            ..SmtpHop::new(host, port)
        }),
    };
    let defaults = RetryPolicy::default();
    Ok(DeliveryConfig {
        retry: RetryPolicy {
            min: settings.retry_min_seconds,
            max: settings.retry_max_seconds,
            lifetime: settings.lifetime_seconds,
            hop_min: defaults.hop_min.min(settings.retry_min_seconds),
            hop_max: defaults.hop_max.min(settings.retry_max_seconds),
        },
        ..DeliveryConfig::new(next_hop, hostname)
    })
}

/// The bytes of a file, where one is named.
pub(crate) fn read(path: Option<&Path>) -> Result<Option<Vec<u8>>> {
    path.map(|path| std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()))).transpose()
}

fn tls(config: &Config) -> Result<Option<Arc<mail::intake::tls::ServerConfig>>> {
    let (certificate, key) = (config.smtp.tls_certificate.as_deref(), config.smtp.tls_key.as_deref());
    presented(certificate, key).context("smtp.tls_certificate")
}

/// What proxies are shown that ask by TLS.
pub(crate) fn icap_tls(config: &Config) -> Result<Option<Arc<mail::intake::tls::ServerConfig>>> {
    let (certificate, key) = (config.icap.tls_certificate.as_deref(), config.icap.tls_key.as_deref());
    presented(certificate, key).context("icap.tls_certificate")
}

fn presented(certificate: Option<&Path>, key: Option<&Path>) -> Result<Option<Arc<mail::intake::tls::ServerConfig>>> {
    match (read(certificate)?, read(key)?) {
        (Some(certificate), Some(key)) => Ok(Some(mail::intake::tls::server_config(&certificate, &key)?)),
        _ => Ok(None),
    }
}

/// The certificates that the gateway presents: the key that names each, and when it ends.
pub(crate) fn certificates(config: &Config) -> Vec<(&'static str, PathBuf)> {
    let smtp = config.smtp.tls_certificate.clone().map(|path| ("smtp.tls_certificate", path));
    let icap = config.icap.tls_certificate.clone().map(|path| ("icap.tls_certificate", path));
    smtp.into_iter().chain(icap).collect()
}

/// Other systems that are told of events, with their secrets.
pub(crate) fn webhooks(config: &Config) -> Result<Webhooks> {
    config.webhooks.iter().map(webhook).collect::<Result<Vec<_>>>().map(Webhooks::new)
}

fn webhook(hook: &config::Webhook) -> Result<Webhook> {
    let name = &hook.name;
    let text = std::fs::read_to_string(&hook.secret_file)
        .with_context(|| format!("webhooks.{name}: {} cannot be read", hook.secret_file.display()))?;
    let secret = HookSecret::parse(&text)
        .with_context(|| format!("webhooks.{name}: the secret in {}", hook.secret_file.display()))?;
    let networks = hook.networks.iter().map(|network| Network::parse(network)).collect::<Result<Vec<_>, _>>()?;
    let authorities = read(hook.ca_file.as_deref())?;
    let trust = authorities.as_deref().map_or(Trust::System, Trust::Only);
    let client = Outbound::new(trust, Reach::only(networks), WEBHOOK_DEADLINE)
        .with_context(|| format!("webhooks.{name}: ca_file"))?;
    let target = Target::parse(&hook.url).with_context(|| format!("webhooks.{name}: url"))?;
    Ok(Webhook { name: name.clone(), target, events: hook.wanted(), secret, client })
}

/// The engine over a pool, with the scanner if one is set.
pub(crate) fn engine(config: &Config, pool: Arc<Pool>) -> Result<Engine> {
    let wording = Wording::with(&config.passwords.words);
    let engine = Engine::new(pool, policy(config), scanner(config)?).with_wording(wording);
    Ok(if config.office.libreoffice { engine.with_foreign(Arc::new(foreign(config))) } else { engine })
}

/// LibreOffice as configured, to be started when it is needed.
fn foreign(config: &Config) -> Foreign {
    let converter = converter(config);
    Foreign::new(move || Converter::start(converter.clone()))
}

/// LibreOffice as configured.
pub(crate) fn converter(config: &Config) -> ConverterConfig {
    let office = &config.office;
    ConverterConfig {
        program: office.program.clone(),
        warm: office.warm,
        slots: office.slots,
        memory_bytes: office.memory_bytes,
        cpu: office.cpu_seconds,
        ..ConverterConfig::new(jail::this_executable(), &[ROOM_ARGUMENT])
    }
}

pub(crate) fn scanner(config: &Config) -> Result<Option<Scanner>> {
    let Some(text) = &config.scanner.clamd else { return Ok(None) };
    match Endpoint::parse(text) {
        Some(endpoint) => Ok(Some(Scanner::new(endpoint, config.scanner.timeout_seconds))),
        None => bail!("scanner.clamd: `{text}` is neither unix:PATH nor tcp:HOST:PORT"),
    }
}

pub(crate) fn language(config: &Config) -> Language {
    match config.site.language {
        config::Language::Ja => Language::Ja,
        config::Language::En => Language::En,
    }
}

fn extra(choice: config::Choice) -> Extra {
    match choice {
        config::Choice::Keep => Extra::Keep,
        config::Choice::Drop => Extra::Drop,
    }
}

fn embedded(wanted: config::Embedded) -> Embedded {
    match wanted {
        config::Embedded::Withhold => Embedded::Withhold,
        config::Embedded::Extract => Embedded::Extract,
    }
}

/// What holds for every mail and file: the configuration alone.
pub(crate) fn policy(config: &Config) -> Policy {
    published(config, 0)
}

/// What holds for every mail and file, with a published policy in the configuration; 0 for none.
pub(crate) fn published(config: &Config, version: i64) -> Policy {
    let mut policy = Policy {
        name: policy_name(config, version),
        max_depth: config.limits.depth,
        max_parts: config.limits.parts,
        max_total_bytes: config.limits.total_bytes,
        max_time: config.limits.seconds,
        parallel_parts: slots(config).saturating_mul(2),
        pages: PagesPolicy {
            level: match config.pages.max {
                config::MostLevel::Vector => MostLevel::Vector,
                config::MostLevel::Raster => MostLevel::Raster,
            },
            density: config.pages.dpi,
            raster_text: extra(config.pages.raster_text),
            hidden_text: extra(config.pages.hidden_text),
            comments: extra(config.pages.comments),
            embedded: embedded(config.pages.embedded),
        },
        pages_output: PagesOutput { density: config.pages.picture_dpi, photo_quality: config.pages.photo_quality },
        compared_pages: config.pages.compared,
        office: match config.office.output {
            config::OfficeOutput::Document => OfficeOutput::Document,
            config::OfficeOutput::Pages => OfficeOutput::Pages,
        },
        office_read: OfficePolicy {
            embedded: embedded(config.office.embedded),
            pivot_cache: match config.office.pivot_cache {
                config::PivotCache::Values => Extra::Drop,
                config::PivotCache::Keep => Extra::Keep,
            },
            ..OfficePolicy::default()
        },
        office_fallback: match config.office.fallback {
            config::Fallback::Withhold => Fallback::Withhold,
            config::Fallback::Text => Fallback::Text,
        },
        office_compared_pages: config.office.compared_pages,
        text: TextPolicy {
            hidden: extra(config.mail.hidden_text),
            markup: match config.mail.markup {
                config::Markup::Text => Markup::Text,
                config::Markup::Withhold => Markup::Withhold,
            },
        },
        links: match config.mail.links {
            config::Links::Keep => Links::Keep,
            config::Links::Defang => Links::Defang,
            config::Links::Remove => Links::Remove,
        },
        attached: match config.mail.attached {
            config::Attached::Eml => AttachedMails::Eml,
            config::Attached::Text => AttachedMails::Text,
        },
        language: language(config),
        account: match config.policy.account {
            config::AccountPlace::Top => AccountPlace::Top,
            config::AccountPlace::Bottom => AccountPlace::Bottom,
        },
        charset: match config.policy.charset {
            config::MailCharset::Utf8 => MailCharset::Utf8,
            config::MailCharset::Iso2022Jp => MailCharset::Iso2022Jp,
        },
        account_always: config.policy.account_always,
        opens_by_mail: config.passwords.pairing,
        encrypt_again: config.passwords.encrypt_again,
        subject_prefix: config.policy.subject_prefix.clone(),
        site_name: config.site.name.clone(),
        portal: config.site.portal_url.clone().filter(|_| config.portal.access == config::PortalAccess::Accounts),
        ..Policy::default()
    };
    policy.limits.parts = config.limits.parts;
    policy.limits.total_bytes = config.limits.total_bytes;
    policy.limits.pixels = config.limits.pixels;
    policy
}

/// The number of what was published, and eight digits that change with whatever may be published, wherever it stands. Recipients read
/// them: nothing that is secret is in it.
fn policy_name(config: &Config, version: i64) -> String {
    let open = (&config.policy, &config.mail, &config.pages, &config.office, &config.limits);
    let digest = Sha256::digest(format!("{open:?}"));
    format!("{version}-{}", store::hex(digest.get(..4).unwrap_or_default()))
}

/// Opens the store under the data directory, to work with it.
pub(crate) async fn store(config: &Config) -> Result<Store> {
    Store::open(store_config(config)).await.with_context(|| unopened(config))
}

/// Whether a store was made in the data directory before.
pub(crate) fn store_exists(config: &Config) -> Result<bool> {
    Store::exists(&store_config(config)).with_context(|| unopened(config))
}

/// Opens the store to look at it only, also while a gateway works with it.
pub(crate) async fn reader(config: &Config) -> Result<Store> {
    if !store_exists(config)? {
        // A relative `data` lies below the directory in which the gateway was started.
        let data = std::path::absolute(&config.data).unwrap_or_else(|_| config.data.clone());
        anyhow::bail!("no gateway has run with its data in {}", data.display());
    }
    Store::open_reading(store_config(config)).await.with_context(|| unopened(config))
}

fn unopened(config: &Config) -> String {
    format!("the store in {} cannot be opened", config.data.display())
}

fn store_config(config: &Config) -> StoreConfig {
    let days = |count: u32| DAY.saturating_mul(count);
    StoreConfig {
        retention: Retention {
            originals: days(config.retention.originals_days),
            quarantine: days(config.retention.quarantine_days),
            upload_outputs: days(config.retention.results_days),
            ..Retention::default()
        },
        receipt_offset_minutes: config.site.utc_offset_minutes.into(),
        hooks: config.webhooks.iter().map(|hook| Hook { name: hook.name.clone(), events: hook.wanted() }).collect(),
        ..StoreConfig::new(&config.data, clock::system())
    }
}
