//! `misogi doctor`: is everything in order on this machine?

use std::net::ToSocketAddrs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use disarm::Script;
use serde::Serialize;
use web::SettingSection;

use crate::commands::{PASSED, WITHHELD};
use crate::config::{Config, Download, OfficeOutput};
use crate::gateway::NextHop;
use crate::pool::ROOM_ARGUMENT;
use crate::{ConfigArgument, clock, fonts, gateway, sources};

/// How long the next hop may take to answer a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// The clock cannot be before this program was written: 2026-11-01T00:00:00Z.
const EARLIEST_MILLIS: i64 = 1_793_491_200_000;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(flatten)]
    config: ConfigArgument,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// Works, with something missing that an operator should know of.
    Warning,
    /// The gateway would not start, or not do its work.
    Fault,
}

#[derive(Debug, Serialize)]
struct Check {
    name: &'static str,
    state: State,
    detail: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    facts: Vec<Fact>,
}

#[derive(Debug, Serialize)]
struct Fact {
    name: String,
    ok: bool,
    detail: String,
}

impl Check {
    fn new(name: &'static str, state: State, detail: impl Into<String>) -> Self {
        Self { name, state, detail: detail.into(), facts: Vec::new() }
    }
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let config = Config::load(arguments.config.config.as_deref())?;
    let checks = checks(&config, arguments.config.config.as_deref())?;
    let faulty = checks.iter().any(|check| check.state == State::Fault);
    if arguments.json {
        println!("{}", serde_json::to_string(&serde_json::json!({ "ok": !faulty, "checks": checks }))?);
    } else {
        for check in &checks {
            print(check);
        }
    }
    Ok(ExitCode::from(if faulty { WITHHELD } else { PASSED }))
}

/// Everything that is looked at, one after the other.
fn checks(config: &Config, file: Option<&Path>) -> Result<Vec<Check>> {
    let mut checks = vec![configuration(config), rooms(config)];
    checks.extend(file.and_then(|path| passwords(config, path)));
    checks.extend(requests(config));
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    runtime.block_on(async {
        checks.push(scanner(config).await);
        checks.push(store(config).await);
        checks.extend(directory(config).await);
        checks.extend(provider(config).await);
        checks.extend(webhooks(config).await);
    });
    checks.push(next_hop(config));
    checks.extend(icap(config));
    checks.push(time());
    checks.push(japanese_fonts());
    checks.push(libreoffice(config));
    Ok(checks)
}

/// The same for the console of the running gateway.
pub(crate) struct Doctor {
    pub(crate) config: Config,
    pub(crate) file: Option<PathBuf>,
    /// What is not of the organisation whose console it is; of that only the state is told.
    pub(crate) hidden: Vec<SettingSection>,
}

impl std::fmt::Debug for Doctor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Doctor")
    }
}

impl web::Examiner for Doctor {
    fn examine(&self) -> web::Examining<'_> {
        let (config, file, hidden) = (self.config.clone(), self.file.clone(), self.hidden.clone());
        Box::pin(async move {
            match tokio::task::spawn_blocking(move || checks(&config, file.as_deref())).await {
                Ok(Ok(checks)) => checks.into_iter().map(|check| examined(check, &hidden)).collect(),
                Ok(Err(error)) => vec![unexamined(&format!("{error:#}"))],
                Err(error) => vec![unexamined(&crate::worker::chain(&error))],
            }
        })
    }
}

fn examined(check: Check, hidden: &[SettingSection]) -> web::Examined {
    let (detail, facts) = match section(check.name) {
        Some(section) if hidden.contains(&section) => (None, Vec::new()),
        _ => (Some(check.detail), check.facts),
    };
    web::Examined {
        name: check.name.to_owned(),
        state: match check.state {
            State::Ok => web::ExaminedState::Good,
            State::Warning => web::ExaminedState::Warning,
            State::Fault => web::ExaminedState::Fault,
        },
        detail,
        facts: facts.into_iter().map(|fact| (fact.name, fact.ok, fact.detail)).collect(),
    }
}

/// The section of the configuration that a check tells of, where it may be of somebody else than whoever reads it.
fn section(check: &str) -> Option<SettingSection> {
    Some(match check {
        "next_hop" => SettingSection::Delivery,
        "requests" => SettingSection::Admin,
        "rooms" => SettingSection::Rooms,
        "scanner" => SettingSection::Scanner,
        // Paths of the machine, and faults in any section.
        "configuration" | "passwords" | "store" => SettingSection::Outside,
        _ => return None,
    })
}

fn unexamined(why: &str) -> web::Examined {
    let (name, detail) = ("doctor".to_owned(), why.to_owned());
    web::Examined { name, state: web::ExaminedState::Fault, detail: Some(detail), facts: Vec::new() }
}

fn print(check: &Check) {
    let mark = match check.state {
        State::Ok => "✔",
        State::Warning => "!",
        State::Fault => "✘",
    };
    println!("{mark} {:<13} {}", check.name, check.detail);
    for fact in &check.facts {
        println!("    {} {:<28} {}", if fact.ok { "✔" } else { "-" }, fact.name, fact.detail);
    }
}

fn configuration(config: &Config) -> Check {
    match gateway::check(config).and_then(|()| gateway::check_tenants(config)) {
        Ok(()) => Check::new("configuration", State::Ok, "every value can be used"),
        Err(error) => Check::new("configuration", State::Fault, format!("{error:#}")),
    }
}

/// Passwords in the file are for the gateway's eyes only.
fn passwords(config: &Config, path: &Path) -> Option<Check> {
    if config.passwords.partner.is_empty() {
        return None;
    }
    let others = std::fs::metadata(path).map(|file| file.permissions().mode() & 0o077);
    Some(match others {
        Ok(0) => Check::new("passwords", State::Ok, "only the owner of the configuration reads them"),
        _ => Check::new(
            "passwords",
            State::Warning,
            format!("others can read {} with the passwords in it: chmod 600", path.display()),
        ),
    })
}

/// Originals that people may take out are for the internet side alone.
fn requests(config: &Config) -> Option<Check> {
    let listen = config.admin.listen;
    match config.requests.download {
        Download::Off => None,
        Download::Admin => Some(Check::new(
            "requests",
            State::Warning,
            format!(
                "approved originals are handed over on admin.listen ({listen}): nobody but the internet side may reach it"
            ),
        )),
    }
}

/// Attacks a room that is then thrown away, and reports what held.
fn rooms(config: &Config) -> Check {
    let probe = match jail::probe(jail::this_executable(), &[ROOM_ARGUMENT]) {
        Ok(probe) => probe,
        Err(error) => return Check::new("rooms", State::Fault, crate::worker::chain(&error)),
    };
    let level = probe.level;
    let state = if level.satisfies(gateway::minimum_level(config)) { State::Ok } else { State::Fault };
    let facts = probe.facts.into_iter();
    Check {
        name: "rooms",
        state,
        detail: format!("containment level {level}, {} slots", gateway::slots(config)),
        facts: facts.map(|fact| Fact { name: fact.name.to_owned(), ok: fact.ok, detail: fact.detail }).collect(),
    }
}

async fn scanner(config: &Config) -> Check {
    let scanner = match gateway::scanner(config) {
        Ok(Some(scanner)) => scanner,
        Ok(None) => {
            let detail = "none set (scanner.clamd): files are rebuilt, but not scanned for viruses";
            return Check::new("scanner", State::Warning, detail);
        }
        Err(error) => return Check::new("scanner", State::Fault, format!("{error:#}")),
    };
    match scanner.version().await {
        Ok(version) => Check::new("scanner", State::Ok, version),
        Err(error) => Check::new("scanner", State::Fault, format!("mail will wait: {}", crate::worker::chain(&error))),
    }
}

async fn store(config: &Config) -> Check {
    let shown = config.data.display();
    match gateway::store_exists(config) {
        Ok(false) => return Check::new("store", State::Ok, format!("{shown} will be made at the first start")),
        Ok(true) => {}
        Err(error) => return Check::new("store", State::Fault, format!("{error:#}")),
    }
    let looked = match gateway::reader(config).await {
        Ok(store) => store.counts().await.map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    match looked {
        Ok(_) => Check::new("store", State::Ok, format!("{shown} is readable")),
        Err(error) => Check::new("store", State::Fault, format!("{error:#}")),
    }
}

/// Binds and searches as signing in does.
async fn directory(config: &Config) -> Option<Check> {
    config.directory.url.as_ref()?;
    let probed = match sources::directory(&config.directory) {
        Ok(directory) => directory?.probe().await.map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    Some(match probed {
        Ok(detail) => Check::new("directory", State::Ok, detail),
        Err(error) => {
            let detail = format!("its users cannot sign in; accounts of the gateway can: {error:#}");
            Check::new("directory", State::Fault, detail)
        }
    })
}

/// Whether each system that is told of events can be reached; nothing is sent.
async fn webhooks(config: &Config) -> Option<Check> {
    if config.webhooks.is_empty() {
        return None;
    }
    let hooks = match gateway::webhooks(config) {
        Ok(hooks) => hooks,
        Err(error) => return Some(Check::new("webhooks", State::Fault, format!("{error:#}"))),
    };
    let mut facts = Vec::new();
    for hook in hooks.iter() {
        let (ok, detail) = match hook.client.greet(&hook.target).await {
            Ok(()) => (true, format!("{} takes connections", hook.target.host())),
            Err(error) => (false, format!("{}: {}", hook.target.host(), crate::worker::chain(&error))),
        };
        facts.push(Fact { name: hook.name.clone(), ok, detail });
    }
    let all = facts.iter().all(|fact| fact.ok);
    let (state, detail) = if all {
        (State::Ok, "every system can be reached")
    } else {
        (State::Warning, "events will wait for those that cannot be reached, for 24 hours")
    };
    Some(Check { name: "webhooks", state, detail: detail.to_owned(), facts })
}

/// Asks the provider about itself, as signing in does.
async fn provider(config: &Config) -> Option<Check> {
    config.oidc.issuer.as_ref()?;
    let probed = match sources::provider(&config.oidc) {
        Ok(provider) => provider?.probe().await.map_err(anyhow::Error::from),
        Err(error) => Err(error),
    };
    Some(match probed {
        Ok(detail) => Check::new("provider", State::Ok, detail),
        Err(error) => {
            let detail = format!("its users cannot sign in; accounts of the gateway can: {error:#}");
            Check::new("provider", State::Fault, detail)
        }
    })
}

fn next_hop(config: &Config) -> Check {
    match gateway::next_hop(config) {
        Err(error) => Check::new("next_hop", State::Fault, format!("{error:#}")),
        Ok(NextHop::Maildir(path)) => {
            let why = if config.delivery.next_hop.is_some() { "" } else { "none set: " };
            Check::new("next_hop", State::Ok, format!("{why}mail is kept in the maildir {}", path.display()))
        }
        Ok(NextHop::Smtp { host, port }) => match reachable(&host, port) {
            Ok(()) => Check::new("next_hop", State::Ok, format!("{host}:{port} takes connections")),
            Err(error) => Check::new("next_hop", State::Fault, format!("{host}:{port}: {error}; mail will wait")),
        },
    }
}

/// What the gateway cannot see for itself: how the proxies are set up.
fn icap(config: &Config) -> Option<Check> {
    let address = config.icap.listen?;
    let clients = config.icap.clients.join(", ");
    let own = |text: &String| text.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    let others = !config.icap.clients.iter().all(own);
    let mut detail = format!(
        "{address} for {clients}; every proxy must have bypass=off and remove Accept-Encoding (docs/operations.md)"
    );
    let mut state = State::Ok;
    if address.ip().is_loopback() && others {
        state = State::Warning;
        detail.push_str("; no other machine reaches a loopback address (icap.listen)");
    } else if !address.ip().is_loopback() && config.icap.tls_certificate.is_none() {
        state = State::Warning;
        detail.push_str(
            "; ICAP is not encrypted (icap.tls_certificate): between proxy and gateway there must be nobody else",
        );
    }
    Some(Check::new("icap", state, detail))
}

fn reachable(host: &str, port: u16) -> std::io::Result<()> {
    let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
    for address in (host, port).to_socket_addrs()? {
        match std::net::TcpStream::connect_timeout(&address, CONNECT) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn time() -> Check {
    let now = clock::system().now().unix_millis();
    if now < EARLIEST_MILLIS {
        return Check::new("clock", State::Fault, "the clock is before this program was written");
    }
    Check::new("clock", State::Ok, "after this program was written; receipts and retention depend on it")
}

/// What stands in for fonts that a PDF names and does not carry.
fn japanese_fonts() -> Check {
    let fonts = fonts::load();
    let chosen = fonts.chosen();
    if !chosen.iter().any(|(wish, _)| wish.script == Script::Japanese) {
        let detail =
            "no Japanese font found: text of PDFs that carry no fonts will be missing (package fonts-noto-cjk)";
        return Check::new("fonts", State::Warning, detail);
    }
    let facts = chosen.into_iter().map(|(wish, font)| Fact {
        name: format!("{:?}, {}", wish.script, if wish.serif { "serif" } else { "sans-serif" }),
        ok: true,
        detail: format!("{} (face {})", font.name, font.index),
    });
    let facts: Vec<Fact> = facts.collect();
    Check { name: "fonts", state: State::Ok, detail: "for text of PDFs that carry no fonts".to_owned(), facts }
}

/// Starts LibreOffice in its room and has it attack its walls, as the other rooms are.
fn libreoffice(config: &Config) -> Check {
    // Nothing of what the site wants as pages would pass.
    let wanted = config.office.output == OfficeOutput::Pages;
    let lost = if wanted {
        "legacy and OpenDocument files, and Word, Excel and PowerPoint documents that are wanted as pages (office.output), are withheld"
    } else {
        "legacy and OpenDocument files are withheld, and Office documents have no previews"
    };
    if !config.office.libreoffice {
        let state = if wanted { State::Fault } else { State::Ok };
        return Check::new("libreoffice", state, format!("switched off (office.libreoffice): {lost}"));
    }
    match jail::probe_converter(&gateway::converter(config)) {
        Ok(probe) => {
            // What a machine lacks is told and is no fault: the walls that count have been attacked.
            let holds = probe.facts.iter().all(|fact| fact.ok);
            let facts = probe.facts.into_iter();
            Check {
                name: "libreoffice",
                state: if holds { State::Ok } else { State::Warning },
                detail: format!("{}, in a room of its own", probe.version),
                facts: facts
                    .map(|fact| Fact { name: fact.name.to_owned(), ok: fact.ok, detail: fact.detail })
                    .collect(),
            }
        }
        Err(error) => {
            let state = if wanted { State::Fault } else { State::Warning };
            Check::new("libreoffice", state, format!("{lost}: {}", crate::worker::chain(&error)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_reads_no_address_of_what_it_does_not_set_itself() {
        let text =
            "[delivery]\nnext_hop = \"smtp://127.0.0.1:1\"\n[tenants.b.delivery]\nnext_hop = \"smtp://127.0.0.1:2\"\n";
        let config = Config::parsed(text).unwrap();
        let told = |key: &str| {
            let hidden = config.hidden_from(&store::TenantKey::parse(key).unwrap());
            examined(next_hop(&config.with_sections_of(key)), &hidden)
        };
        assert!(told("a").state == web::ExaminedState::Fault && told("a").detail.is_none());
        assert!(told("b").detail.is_some_and(|detail| detail.contains("127.0.0.1:2")), "its own");
        assert!(examined(next_hop(&config), &[]).detail.is_some_and(|detail| detail.contains("127.0.0.1:1")));
    }
}
