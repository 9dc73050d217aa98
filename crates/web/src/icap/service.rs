//! One exchange: judge the head, take the body in, wait for its result, answer.

use std::{net::IpAddr, sync::Arc, time::Duration};

use axum::body::Body as Reply;
use engine::catalogue::Language;
use sha2::{Digest, Sha256};
use store::{AuditEntry, AuditEvent, BatchRow, MessageId, Receipt, Spool, UploadFile, hex};
use tokio::{sync::Semaphore, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    IcapState,
    answer::{self, Answer, Section},
    connection::{Body, Connection, Lost},
    judge::{self, Plan, Why},
    page::{Page, Pages, Taken},
    wire::{self, Fields, Head, Method, RequestHead, ResponseHead},
};
use crate::{
    PortalAccess, disposition, language, metrics::Source, people::external, portal, portal::Sender, shown,
    view::FileState,
};

/// What all connections have in common.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) state: IcapState,
    /// Ends its connections.
    pub(crate) stopped: CancellationToken,
    /// How many of them there may still be.
    pub(crate) places: Arc<Semaphore>,
    pages: Pages,
}

/// Who is behind a request, as far as the proxy says so and the configuration believes it.
#[derive(Debug, Default)]
pub(super) struct Who {
    sender: Option<Sender>,
    address: Option<String>,
}

/// The message that is exchanged.
pub(super) struct Exchange {
    service: &'static str,
    pub(super) who: Who,
    language: Language,
    pub(super) request: Option<RequestHead>,
    response: Option<ResponseHead>,
}

/// What is answered, whether the connection is at the end of the request then, and a word for the counter.
pub(super) type Outcome = (Answer, bool, &'static str);

impl Exchange {
    /// Fields of the site's response, for what takes its place.
    fn site(&self) -> Option<&Fields> {
        self.response.as_ref().map(|response| &response.fields)
    }
}

impl Service {
    pub(crate) fn new(state: IcapState, stopped: CancellationToken) -> Self {
        let pages = Pages::new(state.site.clone());
        let places = Arc::new(Semaphore::new(state.limits.connections));
        Self { state, stopped, places, pages }
    }

    /// Whether an address may ask.
    pub(crate) fn has_client(&self, peer: IpAddr) -> bool {
        self.state.clients.iter().any(|network| network.holds(peer))
    }

    /// The ISTag, with its quotes: another one as soon as another policy is in force.
    pub(crate) fn tag(&self) -> String {
        let mut hash = Sha256::new_with_prefix(&self.state.site.version);
        hash.update([0]);
        hash.update(&self.state.edition);
        hash.update(self.state.governor.version().to_be_bytes());
        let digest = hash.finalize();
        format!("\"{}\"", hex(digest.get(..TAG_BYTES).unwrap_or(&digest)))
    }

    /// Answers the requests of one connection, one after the other.
    pub(crate) async fn serve(&self, mut connection: Connection, peer: IpAddr) {
        loop {
            let lost = match self.one(&mut connection).await {
                Ok(true) => continue,
                Ok(false) => return connection.close().await,
                Err(lost) => lost,
            };
            let status = match &lost {
                Lost::Ended | Lost::Broken | Lost::Io(_) => None,
                Lost::Late => Some(408),
                Lost::Stopping => Some(503),
                Lost::Malformed(malformed) => Some(malformed.status()),
            };
            if matches!(lost, Lost::Ended) {
                return;
            }
            tracing::info!(event = "icap_connection_lost", %peer, error = &lost as &dyn std::error::Error);
            self.state.metrics.icap("none", if matches!(lost, Lost::Malformed(_)) { "malformed" } else { "lost" });
            if let Some(status) = status
                && connection.write(&answer::bare(status, &self.tag(), true)).await.is_ok()
            {
                connection.close().await;
            }
            return;
        }
    }

    /// One request. The answer is whether another one can follow.
    async fn one(&self, connection: &mut Connection) -> Result<bool, Lost> {
        let head = connection.head().await?;
        let close = head.close || connection.shutdown.is_cancelled();
        let method = match head.service.as_str() {
            "reqmod" => Method::Reqmod,
            "respmod" => Method::Respmod,
            // Where the next request begins is not known without reading a body that nobody wants.
            _ => return self.plain(connection, 404).await,
        };
        let service = if method == Method::Reqmod { "reqmod" } else { "respmod" };
        if head.method == Method::Options {
            let version = &self.state.site.version;
            let name = if method == Method::Reqmod { "REQMOD" } else { "RESPMOD" };
            let offer = answer::options(&self.tag(), close, name, version, self.state.limits.connections);
            self.state.metrics.icap(service, "options");
            connection.write(&offer).await?;
            return Ok(!close);
        }
        if head.method != method {
            return self.plain(connection, 405).await;
        }
        // Of before the conversion: what is written under a policy that is published meanwhile must not be kept under its tag.
        let tag = self.tag();
        let (answer, follows, outcome) = self.exchange(connection, &head, service).await?;
        self.state.metrics.icap(service, outcome);
        let close = close || !follows;
        answer::send(connection, answer, &tag, head.allow_204, close).await?;
        Ok(!close)
    }

    async fn plain(&self, connection: &mut Connection, status: u16) -> Result<bool, Lost> {
        self.state.metrics.icap("none", "refused");
        connection.write(&answer::bare(status, &self.tag(), true)).await?;
        Ok(false)
    }

    async fn exchange(&self, connection: &mut Connection, head: &Head, service: &'static str) -> Result<Outcome, Lost> {
        let heads = connection.take(head.encapsulated.heads).await?;
        let section = |range: &Option<std::ops::Range<usize>>| range.clone().and_then(|range| heads.get(range));
        let request = section(&head.encapsulated.request).map(wire::request_head).transpose()?;
        let response = section(&head.encapsulated.response).map(wire::response_head).transpose()?;
        let (section, own) = match head.method {
            Method::Respmod => (Section::Response, head.encapsulated.response.clone()),
            Method::Options | Method::Reqmod => (Section::Request, head.encapsulated.request.clone()),
        };
        if !head.encapsulated.body {
            let own = heads.slice(own.unwrap_or_default());
            return Ok((Answer::Unchanged { section, head: own }, true, "unchanged"));
        }
        let (scope, most) = (self.state.scope, self.state.limits.body_bytes);
        let plan = match (&response, &request) {
            (Some(response), _) => judge::response(response, request.as_ref(), scope, most),
            (None, Some(request)) => judge::request(request, scope, most),
            (None, None) => return Err(Lost::Malformed(wire::Malformed::Encapsulated)),
        };
        let language = request.as_ref().map_or(Language::Ja, |request| wished(&request.fields));
        let exchange = Exchange { service, who: self.who(&head.fields).await, language, request, response };
        let shutdown = connection.shutdown.clone();
        let body = connection.body(head.preview);
        match plan {
            Plan::Bodiless => {
                let status = exchange.response.as_ref().map_or(200, |response| response.status);
                let head = answer::response_head(status, exchange.site(), &[("Content-Length", "0".to_owned())]);
                Ok((Answer::Head { section: Section::Response, head }, body.settle().await?, "bodiless"))
            }
            Plan::Page(why) => self.refused(&exchange, why, body).await,
            Plan::Form(content_type) => self.form(&exchange, &content_type, body, &shutdown).await,
            Plan::File(name) => self.file(&exchange, &name, body, &shutdown).await,
        }
    }

    pub(super) async fn refused(&self, exchange: &Exchange, why: Why, body: Body<'_>) -> Result<Outcome, Lost> {
        let follows = body.settle().await?;
        tracing::info!(event = "icap_refused", service = exchange.service, why = why.name(), from = exchange.from());
        let page = self.pages.refused(why, self.state.limits.body_bytes, exchange.language);
        Ok((self.page(exchange, page), follows, "refused"))
    }

    /// A body that is one file.
    async fn file(
        &self,
        exchange: &Exchange,
        name: &str,
        mut body: Body<'_>,
        shutdown: &CancellationToken,
    ) -> Result<Outcome, Lost> {
        let mut spool = self.state.store.spool();
        let most = self.state.limits.body_bytes;
        while let Some(data) = body.next().await? {
            if spool.len().saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX)) > most {
                return self.refused(exchange, Why::TooLarge, body).await;
            }
            if let Err(error) = spool.write(&data).await {
                return Ok(self.unavailable(&error, false));
            }
        }
        if spool.is_empty() {
            let own = [("Content-Length", "0".to_owned())];
            let (section, head) = match (&exchange.response, &exchange.request) {
                (None, Some(request)) => (Section::Request, answer::request_head(request, &own)),
                (response, _) => {
                    let status = response.as_ref().map_or(200, |response| response.status);
                    (Section::Response, answer::response_head(status, exchange.site(), &own))
                }
            };
            return Ok((Answer::Head { section, head }, true, "empty"));
        }
        let mut batch = None;
        let (receipt, message) = match self.keep(exchange, &mut batch, name, spool).await {
            Ok(kept) => kept,
            Err(error) => return Ok(self.unavailable(&error, true)),
        };
        let Some(batch) = batch else { return Ok((Answer::Status(500), true, "unavailable")) };
        let link = self.link(&batch, &receipt, &exchange.who);
        let found = match self.results(&batch, &[message], shutdown).await {
            Ok(found) => found.and_then(|found| found.into_iter().next()),
            Err(Waited::Stopping) => return Ok((Answer::Status(503), false, "stopping")),
            Err(Waited::Store(error)) => return Ok(self.unavailable(&error, true)),
        };
        let Some(file) = found else {
            return Ok(self.patience(exchange, Taken { receipt: &receipt, link: link.as_deref() }));
        };
        match self.rebuilt(exchange, &file).await {
            Ok(Some(answer)) => Ok((answer, true, "rebuilt")),
            Ok(None) => Ok(self.withheld(exchange, &file, link.as_deref())),
            Err(error) => Ok(self.unavailable(&error, true)),
        }
    }

    /// Makes a file durable, with who and where from in the audit.
    pub(super) async fn keep(
        &self,
        exchange: &Exchange,
        batch: &mut Option<BatchRow>,
        name: &str,
        spool: Spool,
    ) -> Result<(Receipt, MessageId), store::Error> {
        let state = &self.state;
        let desk =
            portal::Desk { store: &state.store, metrics: &state.metrics, keep: state.keep, source: Source::Icap };
        let bytes = spool.len();
        let sender = exchange.who.sender.as_ref();
        let (receipt, message) = desk.take(sender, batch, name, spool, bytes, portal::Wanted::default()).await?;
        let mut detail = vec![("service", exchange.service.to_owned()), ("from", exchange.from())];
        detail.extend(exchange.who.address.clone().map(|address| ("client", address)));
        let entry =
            AuditEntry { actor: "icap".to_owned(), event: AuditEvent::IcapReceived, message: Some(message), detail };
        state.store.audit_append(entry).await?;
        tracing::info!(event = "icap_accepted", receipt = receipt.as_str(), service = exchange.service, bytes);
        Ok((receipt, message))
    }

    /// Waits for the results of all of `messages`, in their order; `None` when patience is over.
    pub(super) async fn results(
        &self,
        batch: &BatchRow,
        messages: &[MessageId],
        shutdown: &CancellationToken,
    ) -> Result<Option<Vec<UploadFile>>, Waited> {
        let until = Instant::now() + self.state.limits.patience;
        let mut pause = POLL_MIN;
        loop {
            let found = self.state.store.batch(&batch.token).await.map_err(Waited::Store)?;
            let files = found.map(|found| found.files).unwrap_or_default();
            let files: Vec<UploadFile> = files.into_iter().filter(|file| messages.contains(&file.message)).collect();
            if files.len() < messages.len() {
                // One was taken back in the portal; nothing will come of it.
                return Err(Waited::Store(store::Error::NotFound("a file of this exchange")));
            }
            if files.iter().all(|file| FileState::of(file).finished()) {
                return Ok(Some(files));
            }
            let now = Instant::now();
            if now >= until {
                return Ok(None);
            }
            tokio::select! {
                () = shutdown.cancelled() => return Err(Waited::Stopping),
                () = tokio::time::sleep_until(until.min(now + pause)) => {}
            }
            pause = pause.saturating_mul(2).min(POLL_MAX);
        }
    }

    /// The page of a result that is still to come.
    pub(super) fn patience(&self, exchange: &Exchange, taken: Taken<'_>) -> Outcome {
        let page = self.pages.patience(taken, exchange.response.is_none(), exchange.language);
        (self.page(exchange, page), true, "patience")
    }

    /// The page of a file that is not given out.
    pub(super) fn withheld(&self, exchange: &Exchange, file: &UploadFile, link: Option<&str>) -> Outcome {
        let page = self.pages.withheld(file, Taken { receipt: &file.receipt, link }, exchange.language);
        (self.page(exchange, page), true, "withheld")
    }

    /// The message with what the clean room wrote; `None` when there is nothing.
    async fn rebuilt(&self, exchange: &Exchange, file: &UploadFile) -> Result<Option<Answer>, store::Error> {
        let Some(root) = file.parts.first().filter(|root| root.has_result) else { return Ok(None) };
        let output = self.state.store.part_result(file.message, &root.path).await?;
        let kind = root.media_type.as_deref().unwrap_or("application/octet-stream");
        let mut own = vec![("Content-Type", typed(kind)), ("Content-Length", output.len().to_string())];
        let (section, head) = match (&exchange.response, &exchange.request) {
            (None, Some(request)) => (Section::Request, answer::request_head(request, &own)),
            (response, _) => {
                let shown = kind == "application/pdf" || kind == "text/plain" || kind.starts_with("image/");
                let saved = exchange.site().is_some_and(judge::is_attachment);
                let way = if shown && !saved { "inline" } else { "attachment" };
                let name = root.output_name.as_deref().unwrap_or(&root.name);
                own.push(("Content-Disposition", disposition::named(way, name)));
                own.push(("X-Content-Type-Options", "nosniff".to_owned()));
                own.push(("Cache-Control", "no-store".to_owned()));
                own.push(("X-Misogi-Receipt", file.receipt.to_string()));
                let status = response.as_ref().map_or(200, |response| response.status);
                (Section::Response, answer::response_head(status, exchange.site(), &own))
            }
        };
        Ok(Some(Answer::Message { section, head, body: portal::body(&output) }))
    }

    /// A page of ours as a response, also in the place of a request.
    fn page(&self, exchange: &Exchange, page: Page) -> Answer {
        let mut own = vec![
            ("Content-Type", "text/html; charset=utf-8".to_owned()),
            ("Content-Length", page.html.len().to_string()),
            ("Content-Security-Policy", self.pages.policy.clone()),
            ("X-Content-Type-Options", "nosniff".to_owned()),
            ("Referrer-Policy", "no-referrer".to_owned()),
            ("Cache-Control", "no-store".to_owned()),
        ];
        if page.status == 503 && exchange.site().is_none_or(|site| site.all("retry-after").next().is_none()) {
            own.push(("Retry-After", "30".to_owned()));
        }
        let head = answer::response_head(page.status, exchange.site(), &own);
        Answer::Message { section: Section::Response, head, body: Reply::from(page.html) }
    }

    /// Where the client can fetch the result later: with accounts, only somebody who has one.
    pub(super) fn link(&self, batch: &BatchRow, receipt: &Receipt, who: &Who) -> Option<String> {
        let portal = self.state.site.portal_url.trim_end_matches('/');
        let owner = who.sender.as_ref().and_then(|sender| sender.owner);
        match (self.state.access, owner) {
            (PortalAccess::Anybody, _) => Some(format!("{portal}/b/{}", batch.token.as_str())),
            (PortalAccess::Accounts, Some(_)) => Some(format!("{portal}/r/{receipt}")),
            (PortalAccess::Accounts, None) => None,
        }
    }

    /// Accounts have names in lower case, and proxies say them as people type them. A name that is nobody's account is shown only.
    async fn who(&self, fields: &Fields) -> Who {
        let user = said(fields, self.state.user_field.as_deref()).filter(|user| shown::visible(user) == **user);
        let sender = match user.map(|said| (said, external::name(said))) {
            Some((_, Some(name))) if self.state.access == PortalAccess::Accounts => {
                let known = self.state.store.user_by_name(&name).await.ok().flatten();
                let active = known.filter(|user| user.state == store::UserState::Active);
                Some(Sender { name, owner: active.map(|user| user.id) })
            }
            Some((said, _)) => Some(Sender { name: said.to_owned(), owner: None }),
            None => None,
        };
        let address = said(fields, self.state.address_field.as_deref()).and_then(|said| said.parse::<IpAddr>().ok());
        Who { sender, address: address.map(|address| address.to_string()) }
    }

    /// The store could not do its part; `follows`: the body has been read to its end.
    pub(super) fn unavailable(&self, error: &store::Error, follows: bool) -> Outcome {
        tracing::error!(event = "icap_store_failed", error = error as &dyn std::error::Error);
        (Answer::Status(503), follows, "unavailable")
    }
}

impl Exchange {
    /// The address that was asked for without its query, which may hold secrets.
    fn from(&self) -> String {
        let target = self.request.as_ref().map(|request| request.target.as_str()).unwrap_or_default();
        shown::visible(target.split(['?', '#']).next().unwrap_or_default())
    }
}

/// Why waiting ended without a result.
pub(super) enum Waited {
    Stopping,
    Store(store::Error),
}

/// The one value of a field that the configuration believes.
fn said<'f>(fields: &'f Fields, name: Option<&str>) -> Option<&'f str> {
    let value = fields.single(name?).ok()??;
    std::str::from_utf8(value).ok().filter(|value| !value.is_empty() && value.len() <= NAME_BYTES)
}

fn wished(fields: &Fields) -> Language {
    let wish = fields.single("accept-language").ok().flatten().and_then(|wish| std::str::from_utf8(wish).ok());
    wish.map_or(Language::Ja, language::preferred)
}

/// Texts leave in UTF-8, which a browser has to be told.
fn typed(kind: &str) -> String {
    let told = !kind.starts_with("text/") || kind.contains(';');
    if told { kind.to_owned() } else { format!("{kind}; charset=utf-8") }
}

/// Bytes of the digest in the ISTag: RFC 3507 4.7 allows 32 characters.
const TAG_BYTES: usize = 14;
/// Longest name of a user or an address.
const NAME_BYTES: usize = 128;
/// How soon the store is asked again for a result.
const POLL_MIN: Duration = Duration::from_millis(5);
const POLL_MAX: Duration = Duration::from_millis(150);
