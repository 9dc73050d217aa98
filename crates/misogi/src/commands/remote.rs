//! `misogi remote`: files through a gateway that runs elsewhere, by its interface for programs.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use clap::Subcommand;
use form::name::FileName;
use form::percent;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tokio_util::io::ReaderStream;
use web::{Outbound, OutboundError, Reach, Target, Trust};

use super::sanitize::{OutputNames, shown};
use crate::commands::{PASSED, WITHHELD};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    /// Address of the gateway's portal, such as https://mugai.city.example.lg.jp; default: the environment variable MISOGI_URL.
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// File with the API key; default: the environment variable MISOGI_KEY. A portal for everybody needs none.
    #[arg(long, global = true, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// PEM file of the certificate authorities to trust instead of the system's.
    #[arg(long, global = true, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Print one JSON object per file instead of text.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Send files; with an output directory also wait for them and fetch what came of them.
    Send {
        /// Files to send.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Directory for the rebuilt files; made if missing. Without it the ids of the files are printed.
        #[arg(short, long, value_name = "DIR")]
        output: Option<PathBuf>,
        /// Longest wait for one file, in seconds.
        #[arg(long, default_value_t = 600, value_name = "SECONDS")]
        wait: u64,
        /// A password to try on what is locked; may be given several times. Of each file a site allows so many wrong ones.
        #[arg(long = "password", value_name = "PASSWORD", requires = "output")]
        passwords: Vec<String>,
        /// Why they are sent, or what they are about: shown to whoever deals with them.
        #[arg(long, value_name = "TEXT")]
        subject: Option<String>,
    },
    /// Say where files are.
    Status {
        /// Ids from `send`.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
    },
    /// List what the key's owner sent and what is still kept, newest first. The key needs the scope for it.
    History {
        /// Text in the name of a file or of one in it, receipt or subject.
        #[arg(long, value_name = "TEXT")]
        search: Option<String>,
        /// Only received at or after, such as 2026-11-21T09:00:00+09:00.
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// Only received before.
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// Most files that are listed.
        #[arg(long, default_value_t = 50, value_name = "FILES")]
        most: usize,
    },
    /// Wait for files that were sent before and fetch what came of them.
    Fetch {
        /// Ids from `send`.
        #[arg(required = true, value_name = "ID")]
        ids: Vec<String>,
        /// Directory for the rebuilt files; made if missing.
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
        /// Longest wait for one file, in seconds.
        #[arg(long, default_value_t = 600, value_name = "SECONDS")]
        wait: u64,
        /// A password to try on what is locked; may be given several times. Of each file a site allows so many wrong ones.
        #[arg(long = "password", value_name = "PASSWORD")]
        passwords: Vec<String>,
    },
}

pub(crate) fn run(arguments: Arguments) -> Result<ExitCode> {
    let gateway = Gateway::of(&arguments)?;
    let runtime = tokio::runtime::Runtime::new().context("starting the runtime")?;
    let all_passed = runtime.block_on(act(&gateway, &arguments))?;
    Ok(ExitCode::from(if all_passed { PASSED } else { WITHHELD }))
}

async fn act(gateway: &Gateway, arguments: &Arguments) -> Result<bool> {
    let json = arguments.json;
    match &arguments.action {
        Action::Send { files, output, wait, passwords, subject } => {
            let mut sent = Vec::with_capacity(files.len());
            for file in files {
                let id =
                    gateway.send(file, subject.as_deref()).await.with_context(|| shown(&file.display().to_string()))?;
                if output.is_none() {
                    print(&id, json, || format!("{}  {}", text(&id, "/id"), shown(&file.display().to_string())))?;
                }
                sent.push(text(&id, "/id"));
            }
            match output {
                Some(output) => gateway.fetch_all(&sent, output, Effort { wait: *wait, passwords }, json).await,
                None => Ok(true),
            }
        }
        Action::Status { ids } => {
            for id in ids {
                let state = gateway.json(&format!("/api/v1/files/{}", plain(id)?)).await?;
                print(&state, json, || format!("{id}  {}  {}", text(&state, "/state"), shown(&text(&state, "/name"))))?;
            }
            Ok(true)
        }
        Action::History { search, since, until, most } => {
            let fields = [("q", search), ("since", since), ("until", until)];
            let fields = fields.map(|(name, value)| (name, value.as_deref().unwrap_or_default()));
            gateway.history(&fields, *most, json).await?;
            Ok(true)
        }
        Action::Fetch { ids, output, wait, passwords } => {
            gateway.fetch_all(ids, output, Effort { wait: *wait, passwords }, json).await
        }
    }
}

/// What is done for each file before it is given up.
#[derive(Clone, Copy)]
struct Effort<'a> {
    /// Seconds to wait for its verdict.
    wait: u64,
    passwords: &'a [String],
}

/// The gateway that is asked.
#[derive(Debug)]
struct Gateway {
    client: Outbound,
    base: Target,
    key: Option<HeaderValue>,
}

impl Gateway {
    fn of(arguments: &Arguments) -> Result<Self> {
        let url = match &arguments.url {
            Some(url) => url.clone(),
            None => std::env::var("MISOGI_URL").context("no gateway is named: --url or MISOGI_URL")?,
        };
        let base = Target::parse(&url).with_context(|| format!("`{url}`"))?;
        let read = |path: &PathBuf| std::fs::read(path).with_context(|| format!("{} cannot be read", path.display()));
        let key = match &arguments.key_file {
            Some(path) => Some(String::from_utf8_lossy(&read(path)?).into_owned()),
            None => std::env::var("MISOGI_KEY").ok(),
        };
        let key = key.map(|key| HeaderValue::try_from(format!("Bearer {}", key.trim()))).transpose();
        let mut key = key.context("the key is no text of one line")?;
        if let Some(key) = &mut key {
            key.set_sensitive(true);
        }
        let authorities = arguments.ca.as_ref().map(read).transpose()?;
        let trust = authorities.as_deref().map_or(Trust::System, Trust::Only);
        let client = Outbound::new(trust, Reach::with_this_machine(), DEADLINE).context("--ca")?;
        Ok(Self { client, base, key })
    }

    /// Sends one file. A connection that breaks is tried again under the same key, so that the file is taken once.
    async fn send(&self, path: &Path, subject: Option<&str>) -> Result<Value> {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|_| anyhow::anyhow!("the system gave no random bytes"))?;
        let unique: String = store::hex(&random);
        let mut pause = FIRST_PAUSE;
        let by = Instant::now() + SENDING;
        loop {
            let problem = match self.send_once(path, subject, &unique).await {
                Ok((StatusCode::ACCEPTED, body)) => return Ok(body),
                Ok((status, body)) if !is_passing(status) => bail!("{}", refusal(status, &body)),
                Ok((status, body)) => anyhow::anyhow!(refusal(status, &body)),
                Err(error) if error.downcast_ref::<OutboundError>().is_some() => error,
                Err(error) => return Err(error),
            };
            if Instant::now() + pause > by {
                return Err(problem);
            }
            sleep(pause).await;
            pause = pause.saturating_mul(2).min(LAST_PAUSE);
        }
    }

    async fn send_once(&self, path: &Path, subject: Option<&str>, unique: &str) -> Result<(StatusCode, Value)> {
        let file = tokio::fs::File::open(path).await.context("it cannot be read")?;
        let facts = file.metadata().await.context("it cannot be read")?;
        if !facts.is_file() {
            bail!("it is not a regular file");
        }
        let boundary = format!("misogi-{unique}");
        let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
        // WHATWG, "multipart/form-data encoding algorithm".
        let name = name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        let said = subject.map(|subject| {
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"subject\"\r\n\r\n{subject}\r\n")
        });
        let said = said.unwrap_or_default();
        let head = format!(
            "{said}--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        );
        let tail = format!("\r\n--{boundary}--\r\n");
        let length = facts.len().saturating_add(u64::try_from(head.len().saturating_add(tail.len()))?);
        let mut headers = self.headers();
        headers.insert(header::CONTENT_LENGTH, length.into());
        headers
            .insert(header::CONTENT_TYPE, HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}"))?);
        headers.insert("idempotency-key", HeaderValue::try_from(unique)?);
        let piece = |text: String| stream::iter([Ok::<Bytes, std::io::Error>(text.into())]);
        let body = piece(head).chain(ReaderStream::new(file)).chain(piece(tail));
        let target = self.base.at("/api/v1/files")?;
        let asked = async {
            let answering = self.client.open(Method::POST, &target, headers, Body::from_stream(body)).await?;
            answering.read(MOST_JSON).await
        };
        let answer = tokio::time::timeout(SENDING, asked).await.map_err(|_| OutboundError::Timeout)??;
        Ok((answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null)))
    }

    /// Lists files that were sent, page after page.
    async fn history(&self, fields: &[(&str, &str)], most: usize, json: bool) -> Result<()> {
        let (mut left, mut cursor) = (most, String::new());
        while left > 0 {
            let query =
                fields.iter().copied().chain([("cursor", cursor.as_str())]).filter(|(_, value)| !value.is_empty());
            let query: Vec<String> = query.map(|(name, value)| format!("{name}={}", percent::encoded(value))).collect();
            let page = self.json(&format!("/api/v1/history?{}", query.join("&"))).await?;
            let items = page.get("items").and_then(Value::as_array).into_iter().flatten();
            for item in items.take(left) {
                left = left.saturating_sub(1);
                let line = || {
                    let number = item.get("number").and_then(Value::as_u64).unwrap_or_default();
                    let facts =
                        [text(item, "/batch"), number.to_string(), text(item, "/receipt"), text(item, "/state")];
                    format!("{}  {}  {}", facts.join("  "), shown(&text(item, "/name")), shown(&text(item, "/subject")))
                };
                print(item, json, || line().trim_end().to_owned())?;
            }
            match page.get("next").and_then(Value::as_str) {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        Ok(())
    }

    /// Fetches what came of files; whether every one of them is safe.
    async fn fetch_all(&self, ids: &[String], output: &Path, effort: Effort<'_>, json: bool) -> Result<bool> {
        std::fs::create_dir_all(output).with_context(|| format!("{} cannot be made", output.display()))?;
        let mut names = OutputNames::default();
        let mut all = true;
        for id in ids {
            let id = plain(id)?;
            let mut has_result = self.wait(id, Duration::from_secs(effort.wait)).await?;
            for password in effort.passwords {
                match self.unlock(id, password).await? {
                    Unlocked::Yes => has_result = true,
                    Unlocked::Wrong => {}
                    Unlocked::NothingLeft => break,
                }
            }
            let mut report = self.json(&format!("/api/v1/files/{id}/report")).await?;
            all &= nothing_withheld(&report);
            let path = match report.get("output").and_then(Value::as_str).filter(|_| has_result) {
                Some(name) => {
                    let (name, _) = FileName::rebuild(name);
                    let path = names.free(output, &name);
                    self.fetch(id, &path).await.with_context(|| shown(&path.display().to_string()))?;
                    Some(path.display().to_string())
                }
                None => None,
            };
            if let Some(place) = report.get_mut("output") {
                *place = path.clone().map_or(Value::Null, Value::String);
            }
            print(&report, json, || human(&report, path.as_deref()))?;
        }
        Ok(all)
    }

    /// Tries a password on a file that may be locked. It is converted again for that, which takes as long as the first time.
    async fn unlock(&self, id: &str, password: &str) -> Result<Unlocked> {
        let target = self.base.at(&format!("/api/v1/files/{id}/password"))?;
        let body = serde_json::to_vec(&serde_json::json!({ "password": password }))?;
        let mut headers = self.headers();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let asked = async {
            let answering = self.client.open(Method::POST, &target, headers, Body::from(body)).await?;
            answering.read(MOST_JSON).await
        };
        let answer = tokio::time::timeout(SENDING, asked).await.map_err(|_| OutboundError::Timeout)??;
        let reply = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        Ok(match (answer.status, reply.get("outcome").and_then(Value::as_str)) {
            (StatusCode::OK, _) => Unlocked::Yes,
            (StatusCode::UNPROCESSABLE_ENTITY, Some(_)) => Unlocked::Wrong,
            (StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS, Some(_)) => Unlocked::NothingLeft,
            (status, _) => bail!("{}", refusal(status, &reply)),
        })
    }

    /// Waits until there is a verdict; whether there is a safe version.
    async fn wait(&self, id: &str, longest: Duration) -> Result<bool> {
        let by = Instant::now() + longest;
        let mut pause = FIRST_PAUSE;
        loop {
            let state = self.json(&format!("/api/v1/files/{id}")).await?;
            match state.get("state").and_then(Value::as_str) {
                Some("done" | "failed") => return Ok(state.pointer("/links/result").is_some_and(Value::is_string)),
                Some("cancelled") => bail!("{id} was cancelled before it was rebuilt"),
                _ => {}
            }
            if Instant::now() + pause > by {
                bail!(
                    "{id} was not rebuilt within {} s; `misogi remote fetch {id}` goes on waiting",
                    longest.as_secs()
                );
            }
            sleep(pause).await;
            pause = pause.saturating_mul(2).min(LONGEST_LOOK);
        }
    }

    /// Writes the safe version. What breaks off leaves nothing under the name.
    async fn fetch(&self, id: &str, path: &Path) -> Result<()> {
        let target = self.base.at(&format!("/api/v1/files/{id}/result"))?;
        let answering = self.client.open(Method::GET, &target, self.headers(), Body::empty()).await?;
        if answering.status != StatusCode::OK {
            let answer = answering.read(MOST_JSON).await?;
            bail!("{}", refusal(answer.status, &serde_json::from_slice(&answer.body).unwrap_or(Value::Null)));
        }
        let announced = answering.header(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
        let part = path.with_added_extension("part");
        let mut file = std::fs::File::create_new(&part).context("it cannot be written")?;
        let written = async {
            let mut count = 0_u64;
            let (mut body, _connection) = answering.into_stream();
            while let Some(piece) = tokio::time::timeout(SILENCE, body.next()).await? {
                let piece = piece?;
                count = count.saturating_add(u64::try_from(piece.len())?);
                file.write_all(&piece)?;
            }
            if announced.is_some_and(|announced| announced != count) {
                bail!("it ended early");
            }
            file.sync_all()?;
            Ok(std::fs::rename(&part, path)?)
        };
        let written = written.await;
        if written.is_err() {
            let _ = std::fs::remove_file(&part);
        }
        written
    }

    async fn json(&self, path: &str) -> Result<Value> {
        let target = self.base.at(path)?;
        let answer = self.client.fetch(Method::GET, &target, self.headers(), Bytes::new(), MOST_JSON).await?;
        let body = serde_json::from_slice(&answer.body).unwrap_or(Value::Null);
        if answer.status != StatusCode::OK {
            bail!("{}", refusal(answer.status, &body));
        }
        Ok(body)
    }

    fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static("ja, en;q=0.5"));
        if let Some(key) = &self.key {
            headers.insert(header::AUTHORIZATION, key.clone());
        }
        headers
    }
}

/// What came of a password.
enum Unlocked {
    Yes,
    /// It opens nothing by itself; another one may.
    Wrong,
    /// Nothing is locked (any more), or no try is left.
    NothingLeft,
}

/// Whether the same request may succeed later.
fn is_passing(status: StatusCode) -> bool {
    matches!(status, StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE)
}

/// What the gateway says of a refusal (RFC 9457).
fn refusal(status: StatusCode, body: &Value) -> String {
    let code = body.get("reason_code").and_then(Value::as_str).unwrap_or("no reason");
    let detail = body.get("detail").and_then(Value::as_str).unwrap_or_default();
    format!("the gateway answered {} ({}) {}", status.as_u16(), shown(code), shown(detail))
}

/// An id as it stands in an address.
fn plain(id: &str) -> Result<&str> {
    let fits = !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if fits { Ok(id) } else { bail!("`{}` is no id of a file", shown(id)) }
}

/// Whether a report and everything inside it is safe.
fn nothing_withheld(report: &Value) -> bool {
    let mut open = vec![report];
    while let Some(one) = open.pop() {
        if one.get("verdict").and_then(Value::as_str) != Some("sanitised") {
            return false;
        }
        open.extend(one.get("children").and_then(Value::as_array).into_iter().flatten());
    }
    true
}

fn human(report: &Value, output: Option<&str>) -> String {
    let mut lines = format!("{} -> {}", shown(&text(report, "/input")), output.map_or_else(|| "-".to_owned(), shown));
    for finding in report.get("findings").and_then(Value::as_array).into_iter().flatten() {
        lines.push_str(&format!("\n    {}", shown(&text(finding, "/text"))));
    }
    lines
}

fn print(value: &Value, json: bool, text: impl FnOnce() -> String) -> Result<()> {
    let line = if json { serde_json::to_string(value)? } else { text() };
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// For name, connection, TLS and every answer that is no file.
const DEADLINE: Duration = Duration::from_secs(30);
/// For one file to be sent, tries included.
const SENDING: Duration = Duration::from_secs(30 * 60);
/// Longest silence while a file comes.
const SILENCE: Duration = Duration::from_secs(60);
const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LAST_PAUSE: Duration = Duration::from_secs(20);
/// Longest time between two looks at a file that is being rebuilt.
const LONGEST_LOOK: Duration = Duration::from_secs(2);
/// A report tells of at most as many parts as the gateway takes out of one file.
const MOST_JSON: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_withheld_part_however_deep_is_not_everything() {
        let part = |verdict, children: Vec<Value>| json!({"verdict": verdict, "children": children});
        assert!(nothing_withheld(&part("sanitised", vec![part("sanitised", vec![])])));
        assert!(!nothing_withheld(&part("sanitised", vec![part("sanitised", vec![part("withheld", vec![])])])));
        assert!(!nothing_withheld(&json!(null)));
    }

    #[test]
    fn an_id_cannot_lead_elsewhere() {
        assert!(plain("0123456789abcdef0123456789abcdef").is_ok());
        for bad in ["", "../x", "a/b", "a?b", "%2e", &"a".repeat(65)] {
            assert!(plain(bad).is_err(), "{bad}");
        }
    }
}
