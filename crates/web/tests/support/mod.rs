//! What the tests of the web share: a real store in a temporary directory, both listeners on real sockets, a worker
//! that records outcomes, and an HTTP client that is written out so that no library tidies what is sent.

#![allow(dead_code, reason = "each test binary uses some of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests")]
#![allow(clippy::cast_possible_truncation, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "the store of a test runs by the real clock")]

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use engine::{Defer, Drawn, Source, Whole};
use form::job::{Preview, Watermark};
use form::{
    name::FileName,
    reason::{Finding, Place, Reason, Refusal},
};
use jail::{Fresh, Sealed};
use store::{
    Clock, Completed, Envelope, Fidelity, MessageId, NewMessage, Origin, PartRecord, PartVerdict, Quarantined, Store,
    StoreConfig, Timestamp, Verdict, WorkOrigin,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use web::{
    AdminState, Condition, Handover, Looking, Metrics, Outlook, Painter, Painting, PortalAccess, PortalState, Previews,
    Readiness, RequestSettings, Site, Sources, UploadLimits, Webhooks,
};

/// A gateway without conversion: store, portal, console.
pub(crate) struct World {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) store: Store,
    pub(crate) site: Arc<Site>,
    pub(crate) readiness: Readiness,
    pub(crate) outlook: Outlook,
    pub(crate) easel: Easel,
    pub(crate) portal: SocketAddr,
    pub(crate) admin: SocketAddr,
    /// Portal and console, to be put on other listeners as well.
    pub(crate) pages: [axum::Router; 2],
    /// Recovery codes by account, one of which is used for every further sign-in: a time-based code is taken once only.
    pub(crate) codes: Mutex<HashMap<String, Vec<String>>>,
}

impl World {
    /// Takes uploads away, as if the gateway had ended before they were stored.
    pub(crate) fn lose(&self, uploads: &[MessageId]) {
        const SCRIPT: &str = "import sqlite3, sys\n\
            d = sqlite3.connect(sys.argv[1], timeout=30)\n\
            for id in sys.argv[2:]:\n\
            \x20for table, key in [('job', 'message'), ('message', 'id')]: d.execute(f'DELETE FROM {table} WHERE {key} = ?', (id,))\n\
            d.commit()";
        let ids = uploads.iter().map(|id| id.0.to_string());
        let database = self.directory.path().join("misogi.sqlite");
        let status =
            std::process::Command::new("python3").args(["-c", SCRIPT]).arg(database).args(ids).status().unwrap();
        assert!(status.success());
    }
}

/// Draws without rooms: a document has three pages when its name ends in `.pdf`, else one; it cannot be drawn when its
/// bytes are `broken`, nor its second page when they are `half`.
#[derive(Clone)]
pub(crate) struct Easel {
    /// While a test holds the permit, nothing gets done.
    pub(crate) free: Arc<Semaphore>,
    /// What was asked for.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

impl Easel {
    async fn look(&self, what: String, document: &Source) -> Vec<u8> {
        self.asked.lock().unwrap().push(what);
        drop(self.free.acquire().await.unwrap());
        let mut bytes = vec![0; usize::try_from(document.len).unwrap()];
        document.data.read_at(&mut bytes, document.offset).unwrap();
        bytes
    }
}

impl Painter for Easel {
    fn count(&self, document: Source, name: FileName) -> Painting<'_, u32> {
        Box::pin(async move {
            let bytes = self.look(format!("count {}", name.as_str()), &document).await;
            let pages = if name.as_str().ends_with(".pdf") { 3 } else { 1 };
            Ok(if bytes == b"broken" { Err(Refusal::plain(Reason::Encrypted)) } else { Ok(pages) })
        })
    }

    fn draw(&self, document: Source, name: FileName, wanted: Preview, mark: Option<Watermark>) -> Painting<'_, Drawn> {
        Box::pin(async move {
            let Preview { page, max_side } = wanted;
            let bytes = self.look(format!("draw {} {page} {max_side}", name.as_str()), &document).await;
            let pages = if name.as_str().ends_with(".pdf") { 3 } else { 1 };
            if bytes == b"broken" {
                return Ok(Err(Refusal::plain(Reason::Encrypted)));
            }
            if bytes == b"lost" {
                return Err(Defer::NoRoom);
            }
            if page >= pages {
                return Ok(Err(Refusal::limit(Reason::LimitPages, pages.into(), page.into())));
            }
            if bytes == b"half" && page == 1 {
                return Ok(Err(Refusal::plain(Reason::LimitPageContent)));
            }
            let mark = mark.map(|mark| format!(" seen by {}", mark.as_str())).unwrap_or_default();
            let pixels = format!("\u{89}PNG {} page {page} {max_side} of {}{mark}", name.as_str(), bytes.len());
            Ok(Ok(Drawn { png: fresh(pixels.as_bytes()), width: max_side.into(), height: 30 }))
        })
    }

    fn prints(&self) -> bool {
        true
    }

    fn print(&self, rebuilt: Source, name: FileName) -> Painting<'_, Source> {
        Box::pin(async move {
            let bytes = self.look(format!("print {}", name.as_str()), &rebuilt).await;
            if bytes == b"unprintable" {
                return Ok(Err(Refusal::plain(Reason::ConverterUnavailable)));
            }
            Ok(Ok(rebuilt))
        })
    }

    fn find(&self, whole: Source, kind: Whole, path: String) -> Painting<'_, Source> {
        Box::pin(async move {
            self.look(format!("find {path} in {kind:?}"), &whole).await;
            Ok(Ok(whole))
        })
    }
}

pub(crate) fn small_limits() -> UploadLimits {
    UploadLimits {
        file_bytes: 100_000,
        total_bytes: 250_000,
        files: 3,
        silence: Duration::from_secs(2),
        ..UploadLimits::default()
    }
}

pub(crate) async fn world() -> World {
    world_with(small_limits(), ["127.0.0.1:0", "127.0.0.1:0"]).await
}

/// A portal for those with an account.
pub(crate) async fn world_of_accounts() -> World {
    world_of(PortalAccess::Accounts, small_limits(), ["127.0.0.1:0", "127.0.0.1:0"]).await
}

pub(crate) async fn world_with(limits: UploadLimits, addresses: [&str; 2]) -> World {
    world_of(PortalAccess::Anybody, limits, addresses).await
}

async fn world_of(access: PortalAccess, limits: UploadLimits, addresses: [&str; 2]) -> World {
    world_that(access, limits, addresses, RequestSettings::default(), Sources::default(), Webhooks::default(), None)
        .await
}

/// A tenant's world, whose sites also answer as `portal.` and `kanri.` below a name.
pub(crate) async fn world_named(name: &str) -> World {
    let (requests, sources) = (RequestSettings::default(), Sources::default());
    let addresses = ["127.0.0.1:0", "127.0.0.1:0"];
    let hooks = Webhooks::default();
    world_that(PortalAccess::Accounts, small_limits(), addresses, requests, sources, hooks, Some(name)).await
}

/// A portal for those with an account, and originals that may be handed over on the console.
pub(crate) async fn world_of_handover() -> World {
    world_of_rules(store::RequestRules::default()).await
}

/// The same with rules of its own.
pub(crate) async fn world_of_rules(rules: store::RequestRules) -> World {
    let requests = RequestSettings { rules, download: Handover::Admin, looking: Looking::FirstPage };
    let addresses = ["127.0.0.1:0", "127.0.0.1:0"];
    let (sources, hooks) = (Sources::default(), Webhooks::default());
    world_that(PortalAccess::Accounts, small_limits(), addresses, requests, sources, hooks, None).await
}

/// A portal for those with an account, who may come from elsewhere.
pub(crate) async fn world_of_sources(sources: Sources) -> World {
    let addresses = ["127.0.0.1:0", "127.0.0.1:0"];
    let requests = RequestSettings::default();
    world_that(PortalAccess::Accounts, small_limits(), addresses, requests, sources, Webhooks::default(), None).await
}

/// A world that has other systems told of what happens in it.
pub(crate) async fn world_with_hooks(hooks: Webhooks) -> World {
    let addresses = ["127.0.0.1:0", "127.0.0.1:0"];
    let requests = RequestSettings::default();
    world_that(PortalAccess::Anybody, small_limits(), addresses, requests, Sources::default(), hooks, None).await
}

async fn world_that(
    access: PortalAccess,
    limits: UploadLimits,
    addresses: [&str; 2],
    requests: RequestSettings,
    sources: Sources,
    hooks: Webhooks,
    name: Option<&str>,
) -> World {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        Timestamp::from_unix_millis(i64::try_from(since.as_millis()).unwrap())
    });
    let told = hooks.iter().map(|hook| store::Hook { name: hook.name.clone(), events: hook.events.clone() }).collect();
    let config = StoreConfig { reserve_bytes: 0, hooks: told, ..StoreConfig::new(directory.path(), clock) };
    let store = Store::open(config).await.unwrap();
    let portal = TcpListener::bind(addresses[0]).await.unwrap();
    let admin = TcpListener::bind(addresses[1]).await.unwrap();
    let (portal_at, admin_at) = (portal.local_addr().unwrap(), admin.local_addr().unwrap());
    let site = Arc::new(Site {
        name: "みそぎ市".to_owned(),
        portal_url: name.map_or_else(|| format!("http://{portal_at}"), |name| format!("http://portal.{name}")),
        admin_url: name.map_or_else(|| format!("http://{admin_at}"), |name| format!("http://kanri.{name}")),
        version: "0.1.0".to_owned(),
        offset_minutes: 540,
    });
    // A tenant's console does not know what else the gateway serves.
    let is_own = name.is_none();
    let metrics = Metrics::new("0.1.0");
    let easel = Easel { free: Arc::new(Semaphore::new(1)), asked: Arc::default() };
    let readiness = Readiness::expecting(&["rooms"]);
    readiness.report("rooms", Condition::Good);
    let lockout = web::Lockout::default();
    let state = PortalState {
        store: store.clone(),
        site: site.clone(),
        access,
        limits,
        keep: Duration::from_secs(7 * 86_400),
        outputs: vec![store::RetryPolicy::Pages, store::RetryPolicy::Raster],
        metrics: metrics.clone(),
        readiness: readiness.clone(),
        previews: Previews::new(easel.clone(), 1, 1),
        conversions: web::Conversions::default(),
        unlocker: Arc::new(Locksmith(store.clone())),
        lockout: lockout.clone(),
        done_notice: Some(Duration::from_secs(60)),
        sending: web::Sending::default(),
        requests,
        sources: sources.clone(),
    };
    let previews = Previews::new(easel.clone(), 1, 1);
    let outlook = Outlook::default();
    let console = AdminState {
        store: store.clone(),
        site: site.clone(),
        metrics,
        readiness: readiness.clone(),
        outlook: outlook.clone(),
        governor: Arc::new(Governor::default()),
        examiner: Arc::new(Doctor),
        previews,
        unlocker: Arc::new(Locksmith(store.clone())),
        lockout,
        requests,
        sources: sources.clone(),
        hooks,
        tenants: is_own.then(|| {
            Arc::new(Register { store: store.clone(), site: site.clone(), added: AtomicBool::new(false) })
                as Arc<dyn web::Tenants>
        }),
    };
    let pages = [web::portal(state).unwrap(), web::admin(console).unwrap()];
    for (listener, pages) in [portal, admin].into_iter().zip(pages.clone()) {
        tokio::spawn(web::serve(listener, pages, proxies(), std::future::pending()));
    }
    World {
        directory,
        store,
        site,
        readiness,
        outlook,
        easel,
        portal: portal_at,
        admin: admin_at,
        pages,
        codes: Mutex::default(),
    }
}

/// A machine that does not ask in tests without saying so: `127.0.0.9` is a proxy of the site.
fn proxies() -> Vec<web::Network> {
    vec![web::Network::parse("127.0.0.9").unwrap()]
}

/// Keeps the list of tenants in the store, and serves none of them.
#[derive(Debug)]
struct Register {
    store: Store,
    site: Arc<Site>,
    added: AtomicBool,
}

impl web::Tenants for Register {
    fn are_several(&self) -> bool {
        self.added.load(Ordering::SeqCst)
    }

    fn states(&self) -> web::TenantsFuture<'_, Vec<web::TenantState>> {
        Box::pin(async {
            let counts = self.store.counts().await?;
            let own = web::TenantState {
                key: None,
                name: self.site.name.clone(),
                domains: Vec::new(),
                portal_url: self.site.portal_url.clone(),
                admin_url: self.site.admin_url.clone(),
                counts: Some(counts),
            };
            let others = self.store.tenants().await?.into_iter().map(|tenant| web::TenantState {
                key: Some(tenant.key),
                name: tenant.settings.name,
                domains: tenant.settings.domains.iter().map(|domain| domain.as_str().to_owned()).collect(),
                portal_url: tenant.settings.portal.as_str().to_owned(),
                admin_url: tenant.settings.admin.as_str().to_owned(),
                counts: None,
            });
            Ok(std::iter::once(own).chain(others).collect())
        })
    }

    fn add<'a>(
        &'a self,
        key: &'a store::TenantKey,
        settings: &'a store::TenantSettings,
        actor: &'a str,
    ) -> web::TenantsFuture<'a, Option<String>> {
        Box::pin(async move {
            self.store.add_tenant(key, settings, actor).await?;
            self.added.store(true, Ordering::SeqCst);
            if key.as_str() == "slow" {
                // Between the list and the parts of a tenant there is time for a client to go.
                tokio::time::sleep(Duration::from_millis(500)).await;
                let name = format!("{} served", settings.name);
                self.store.change_tenant(key, &store::TenantSettings { name, ..settings.clone() }, actor).await?;
            }
            Ok(Some(format!("{}/setup/once", settings.admin.as_str())))
        })
    }

    fn change<'a>(
        &'a self,
        key: &'a store::TenantKey,
        settings: &'a store::TenantSettings,
        actor: &'a str,
    ) -> web::TenantsFuture<'a, ()> {
        Box::pin(async move { Ok(self.store.change_tenant(key, settings, actor).await?) })
    }

    fn remove<'a>(&'a self, key: &'a store::TenantKey, actor: &'a str) -> web::TenantsFuture<'a, ()> {
        Box::pin(async move {
            if key.as_str() == "full" {
                return Err(web::TenantFault::NotVacant);
            }
            self.store.remove_tenant(key, actor).await?;
            self.added.store(!self.store.tenants().await?.is_empty(), Ordering::SeqCst);
            Ok(())
        })
    }

    fn invite<'a>(&'a self, _: &'a store::TenantKey, _: &'a str) -> web::TenantsFuture<'a, Option<String>> {
        Box::pin(async { Ok(None) })
    }
}

/// Takes any draft but `wrong`; a draft is the value of one setting.
#[derive(Debug, Default)]
pub(crate) struct Governor(Mutex<(i64, String)>);

impl web::Governor for Governor {
    fn settings(&self) -> Vec<web::Setting> {
        let of = |section, key: &str, value: &str, origin| web::Setting {
            section,
            key: key.to_owned(),
            value: value.to_owned(),
            origin,
        };
        vec![
            of(web::SettingSection::Outside, "data", "\"misogi-data\"", web::SettingOrigin::Default),
            of(web::SettingSection::Policy, "account", "\"bottom\"", web::SettingOrigin::File),
            of(web::SettingSection::Mail, "links", &self.0.lock().unwrap().1, web::SettingOrigin::Published),
        ]
    }

    fn version(&self) -> i64 {
        self.0.lock().unwrap().0
    }

    fn compare(&self, draft: &str) -> Result<Vec<web::Change>, String> {
        if draft == "wrong" {
            return Err("expected an equals, found eof at line 1".to_owned());
        }
        let before = self.0.lock().unwrap().1.clone();
        let change = web::Change { key: "mail.links".to_owned(), before: before.clone(), after: draft.to_owned() };
        Ok(if before == draft { Vec::new() } else { vec![change] })
    }

    fn try_on<'a>(&'a self, _: &'a str, _: MessageId) -> web::Trying<'a> {
        Box::pin(async {
            Ok(vec![web::TriedPart {
                path: "1".to_owned(),
                name: "見積書.docx".to_owned(),
                output_name: Some("見積書.pdf".to_owned()),
                refusal: None,
                findings: Vec::new(),
            }])
        })
    }

    fn try_file<'a>(&'a self, draft: &'a str, file: Source, name: FileName) -> web::Comparing<'a> {
        Box::pin(async move {
            let mut bytes = vec![0; usize::try_from(file.len).unwrap()];
            file.data.read_at(&mut bytes, file.offset).unwrap();
            let part = |output: String| web::TriedPart {
                path: String::new(),
                name: name.as_str().to_owned(),
                output_name: Some(output),
                refusal: None,
                findings: Vec::new(),
            };
            Ok((vec![part(format!("{}-now", bytes.len()))], vec![part(format!("{draft}-drafted"))]))
        })
    }

    fn forecast<'a>(&'a self, _: &'a str) -> web::Forecasting<'a> {
        let foreseen =
            web::Foreseen { key: "mail.markup".to_owned(), effect: web::Effect::Withheld, messages: 12, parts: 34 };
        let forecast = web::Forecast {
            days: 7,
            messages: 1234,
            parts: 5678,
            whole: false,
            foreseen: vec![foreseen],
            unknown: vec!["mail.links".to_owned()],
        };
        Box::pin(async { Ok(forecast) })
    }

    fn enforce(&self, version: i64, text: &str) -> Result<(), String> {
        *self.0.lock().unwrap() = (version, text.to_owned());
        Ok(())
    }
}

/// Finds a fault.
#[derive(Debug)]
struct Doctor;

impl web::Examiner for Doctor {
    fn examine(&self) -> web::Examining<'_> {
        Box::pin(async {
            vec![web::Examined {
                name: "rooms".to_owned(),
                state: web::ExaminedState::Fault,
                detail: Some("containment level C, 2 slots".to_owned()),
                facts: vec![("landlock".to_owned(), false, "not in this kernel".to_owned())],
            }]
        })
    }
}

/// Opens what is locked with `sesame`, and says of everything else that it is wrong. An upload gets its result, of a mail nothing comes.
#[derive(Debug)]
struct Locksmith(Store);

impl Locksmith {
    async fn open(
        &self,
        upload: store::LockedUpload,
        id: store::QuarantineId,
        opens: bool,
        actor: &str,
    ) -> web::Unlocking {
        let left = match self.0.count_try(id, store::TryOf::Typing, actor, 3).await.unwrap() {
            store::Tries::Left(left) => left,
            store::Tries::Exhausted => return web::Unlocking::Exhausted,
        };
        if !opens {
            return web::Unlocking::Wrong { left };
        }
        let mut part =
            sanitised("", &upload.name, &upload.name, "application/zip", vec![finding(Reason::Decrypted, 1, "")]);
        part.result = Some(fresh(b"what was locked"));
        let (message, actor) = (upload.message, actor.to_owned());
        let unlocked =
            store::UnlockedUpload { message, item: id, verdict: Verdict::Sanitised, parts: vec![part], actor };
        self.0.open_upload(unlocked).await.unwrap();
        web::Unlocking::OpenedUpload { file: upload.name, still_locked: 0 }
    }
}

impl web::Unlocker for Locksmith {
    fn unlock<'a>(
        &'a self,
        id: store::QuarantineId,
        password: form::job::Password,
        actor: &'a str,
    ) -> web::UnlockFuture<'a> {
        Box::pin(async move {
            assert!(id.0 > 0 && !actor.is_empty());
            let opens = password.reveal() == "sesame";
            if let Some(row) = self.0.quarantine_item(id).await?
                && let Some(upload) = self.0.locked_upload(row.message).await?
            {
                return Ok(self.open(upload, id, opens, actor).await);
            }
            Ok(if opens {
                web::Unlocking::Opened { files: vec!["a.txt".to_owned()], recipients: 2, still_locked: 0 }
            } else {
                web::Unlocking::Wrong { left: 7 }
            })
        })
    }

    fn tries(&self) -> u32 {
        3
    }
}

/// An answer as it came over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The cookies set, as a `Cookie` header.
    pub(crate) fn cookies(&self) -> String {
        let set = self.headers.iter().filter(|(key, _)| key == "set-cookie");
        let pairs: Vec<&str> =
            set.map(|(_, value)| value.split(';').next().unwrap()).filter(|pair| !pair.ends_with('=')).collect();
        pairs.join("; ")
    }

    pub(crate) fn form_token(&self) -> String {
        let text = self.text();
        let start = text.find("name=\"form_token\" value=\"").unwrap() + 25;
        text[start..start + 64].to_owned()
    }
}

pub(crate) async fn send(to: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        head.push_str(&format!("Host: {to}\r\n"));
    }
    if !body.is_empty() || method == "POST" {
        head.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(body).await;
    read(&mut stream).await
}

pub(crate) async fn read(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    let end = bytes
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer, {} bytes", bytes.len()));
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| {
            line.split_once(':').map(|(key, value)| (key.to_ascii_lowercase(), value.trim().to_owned())).unwrap()
        })
        .collect();
    let mut body = bytes[end + 4..].to_vec();
    if headers.iter().any(|(key, value)| key == "transfer-encoding" && value == "chunked") {
        body = unchunk(&body);
    }
    Answer { status, headers, body }
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let end = rest.windows(2).position(|window| window == b"\r\n").unwrap();
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        if length == 0 {
            return out;
        }
        out.extend_from_slice(&rest[end + 2..end + 2 + length]);
        rest = &rest[end + 4 + length..];
    }
}

/// Whether the gate let a request through; what the handler says then is another matter (no such item, no form token).
pub(crate) fn admitted(answer: &Answer) -> bool {
    let to_sign_in = answer.header("location").is_some_and(|to| to.starts_with("/sign-in"));
    let said = String::from_utf8_lossy(&answer.body);
    let forbidden = answer.status == 403
        && (said.contains("\"reason_code\":\"forbidden\"") || said.contains("権限が、あなたの役割にはありません"));
    !(answer.status == 401 && said.contains("unauthorised") || to_sign_in || forbidden)
}

pub(crate) async fn get(to: SocketAddr, path: &str) -> Answer {
    send(to, "GET", path, &[], b"").await
}

pub(crate) const BOUNDARY: &str = "----misogiTestBoundary";

pub(crate) fn multipart(token: Option<&str>, files: &[(&str, &[u8])]) -> Vec<u8> {
    multipart_with(token, &[], files)
}

/// The same with fields before the files, as on the form.
pub(crate) fn multipart_with(token: Option<&str>, fields: &[(&str, &str)], files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    let token = token.map(|token| ("form_token", token));
    for (name, value) in token.iter().chain(fields) {
        let part = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    for (name, bytes) in files {
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: application/octet-stream\r\n\r\n"
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

pub(crate) fn multipart_type() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// Uploads as a browser does: the form first, then its token and cookie.
pub(crate) async fn upload(world: &World, files: &[(&str, &[u8])]) -> Answer {
    let form = get(world.portal, "/").await;
    assert_eq!(form.status, 200);
    let body = multipart(Some(&form.form_token()), files);
    let headers = [("Content-Type", multipart_type()), ("Cookie", form.cookies())];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(key, value)| (*key, value.as_str())).collect();
    send(world.portal, "POST", "/upload", &headers, &body).await
}

/// Posts a form with the token of the page at `page`.
pub(crate) async fn post_form(
    to: SocketAddr,
    page: &Answer,
    path: &str,
    cookies: &str,
    fields: &[(&str, &str)],
) -> Answer {
    let mut all = vec![("form_token", page.form_token())];
    all.extend(fields.iter().map(|(key, value)| (*key, (*value).to_owned())));
    let body: Vec<String> = all.iter().map(|(key, value)| format!("{key}={}", percent(value))).collect();
    let headers = [("Content-Type", "application/x-www-form-urlencoded"), ("Cookie", cookies)];
    send(to, "POST", path, &headers, body.join("&").as_bytes()).await
}

/// A key of whoever is signed in.
pub(crate) async fn key(site: SocketAddr, cookies: &str, scopes: &[&str]) -> String {
    let page = send(site, "GET", "/account/keys", &[("Cookie", cookies)], b"").await;
    let mut fields = vec![("name", "batch program"), ("days", "30")];
    fields.extend(scopes.iter().map(|scope| (*scope, "on")));
    let made = post_form(site, &page, "/account/keys", cookies, &fields).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let text = made.text();
    text.split("id=\"key\">").nth(1).unwrap().split('<').next().unwrap().to_owned()
}

/// The page to which the answer to a form leads.
pub(crate) async fn led(to: SocketAddr, cookies: &str, answer: &Answer) -> Answer {
    assert_eq!(answer.status, 303, "{}", answer.text());
    let place = answer.header("location").unwrap().split('#').next().unwrap();
    send(to, "GET", place, &[("Cookie", cookies)], b"").await
}

pub(crate) fn percent(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

pub(crate) const ADMIN: &str = "kanri01";
pub(crate) const PASSWORD: &str = "correct horse battery";

/// Creates the first administrator through the set-up link and signs in; gives the session cookie.
pub(crate) async fn signed_in(world: &World) -> String {
    let link = web::invite(&world.store, &world.site).await.unwrap().unwrap();
    let path = link.strip_prefix(&world.site.admin_url).unwrap().to_owned();
    let page = get(world.admin, &path).await;
    let fields = [("name", ADMIN), ("password", PASSWORD), ("again", PASSWORD)];
    let done = post_form(world.admin, &page, &path, &page.cookies(), &fields).await;
    assert_eq!((done.status, done.header("location")), (303, Some("/sign-in?from=setup")));
    sign_in(world, ADMIN, PASSWORD).await.cookies()
}

/// Signs in to the console as a person does: with a code where there is one to give, enrolling where that is asked for.
pub(crate) async fn sign_in(world: &World, name: &str, password: &str) -> Answer {
    sign_in_at(world, world.admin, name, password).await
}

pub(crate) async fn sign_in_at(world: &World, site: SocketAddr, name: &str, password: &str) -> Answer {
    let answer = password_only(site, name, password).await;
    match answer.header("location") {
        Some("/sign-in/code") => {
            let cookies = answer.cookies();
            let page = send(site, "GET", "/sign-in/code", &[("Cookie", &cookies)], b"").await;
            let code = world.codes.lock().unwrap().get_mut(name).unwrap().pop().unwrap();
            post_form(site, &page, "/sign-in/code", &cookies, &[("code", &code)]).await
        }
        Some("/") => {
            let cookies = answer.cookies();
            let first = send(site, "GET", "/", &[("Cookie", &cookies)], b"").await;
            if first.header("location") == Some("/account/second-factor") {
                let codes = enrol(site, &cookies).await;
                world.codes.lock().unwrap().insert(name.to_owned(), codes);
            }
            answer
        }
        _ => answer,
    }
}

/// The answer to the password alone.
pub(crate) async fn password_only(site: SocketAddr, name: &str, password: &str) -> Answer {
    let page = get(site, "/sign-in").await;
    post_form(site, &page, "/sign-in", &page.cookies(), &[("name", name), ("password", password)]).await
}

/// Enrols the second factor of the session and gives the recovery codes.
pub(crate) async fn enrol(site: SocketAddr, cookies: &str) -> Vec<String> {
    let page = send(site, "GET", "/account/second-factor", &[("Cookie", cookies)], b"").await;
    assert_eq!(page.status, 200);
    let code = totp(&shown_secret(&page), 0);
    let done = post_form(site, &page, "/account/second-factor", cookies, &[("code", &code)]).await;
    assert_eq!(done.status, 200, "{}", done.text());
    let text = done.text();
    let list = text.split("<ol class=\"codes mono\">").nth(1).unwrap().split("</ol>").next().unwrap();
    list.split("<li>").skip(1).map(|item| item.split("</li>").next().unwrap().to_owned()).collect()
}

/// The secret that the enrolment page shows as text.
pub(crate) fn shown_secret(page: &Answer) -> Vec<u8> {
    let text = page.text();
    let shown = text.split("id=\"secret\">").nth(1).unwrap().split('<').next().unwrap().replace(' ', "");
    let mut bits = 0_u64;
    let mut count = 0;
    let mut out = Vec::new();
    for character in shown.bytes() {
        let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|one| *one == character).unwrap();
        bits = (bits << 5 | value as u64) & 0xfff;
        count += 5;
        if count >= 8 {
            count -= 8;
            out.push((bits >> count) as u8);
        }
    }
    out
}

/// The code of now, or of so many steps later, as an app computes it (RFC 6238).
pub(crate) fn totp(secret: &[u8], later: i64) -> String {
    use hmac::{KeyInit, Mac};
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let step = (since.as_secs() / 30).wrapping_add_signed(later);
    let mut mac = hmac::Hmac::<sha1::Sha1>::new_from_slice(secret).unwrap();
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let start = usize::from(digest[19] & 15);
    let word = u32::from_be_bytes(digest[start..start + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

/// Gets a page with a cookie.
pub(crate) async fn get_as(world: &World, cookies: &str, path: &str) -> Answer {
    send(world.admin, "GET", path, &[("Cookie", cookies)], b"").await
}

pub(crate) fn sanitised(path: &str, name: &str, output: &str, media: &str, findings: Vec<Finding>) -> PartRecord {
    PartRecord {
        path: path.to_owned(),
        name: FileName::rebuild(name).0,
        output_name: Some(FileName::rebuild(output).0),
        detected_type: if name.ends_with(".docx") { "docx" } else { "jpeg" }.to_owned(),
        media_type: Some(media.to_owned()),
        verdict: PartVerdict::Sanitised,
        reason: None,
        findings,
        bytes_in: 1200,
        bytes_out: 1100,
        millis: 12,
        fidelity: None,
        result: None,
        quarantined_original: None,
    }
}

pub(crate) fn withheld(path: &str, name: &str, reason: Reason, kept: Option<Quarantined>) -> PartRecord {
    PartRecord {
        output_name: None,
        media_type: None,
        detected_type: "pe".to_owned(),
        verdict: PartVerdict::Withheld,
        reason: Some(Refusal::plain(reason)),
        quarantined_original: kept,
        bytes_out: 0,
        ..sanitised(path, name, name, "", Vec::new())
    }
}

pub(crate) fn fresh(bytes: &[u8]) -> Fresh {
    Fresh::forged(Sealed::from_bytes(bytes).unwrap())
}

pub(crate) fn finding(reason: Reason, count: u32, place: &str) -> Finding {
    let mut finding = Finding::new(reason, Place::new(place));
    finding.count = count;
    finding
}

/// Records an outcome for every waiting upload: names ending in `.exe` are withheld, those that begin with `locked` wait for a password, all
/// others are rebuilt.
pub(crate) async fn work(world: &World) {
    for work in world.store.claim(100).await.unwrap() {
        let WorkOrigin::Upload { file_name, output } = &work.origin else { panic!("not an upload") };
        let name = file_name.as_str().to_owned();
        let (verdict, part) = if name.ends_with(".exe") {
            (Verdict::NoticeOnly, withheld("", &name, Reason::UnsupportedType, Some(Quarantined::Whole)))
        } else if name.starts_with("locked") {
            (Verdict::NoticeOnly, withheld("", &name, Reason::Encrypted, Some(Quarantined::LockedWhole)))
        } else {
            let findings = if name.contains("写真") { vec![finding(Reason::GpsPosition, 1, "")] } else { Vec::new() };
            let media = match name.rsplit('.').next() {
                Some("docx") if *output == store::RetryPolicy::Pages => "application/pdf",
                Some("pdf") => "application/pdf",
                Some("csv") => "text/csv",
                Some("docx") => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
                _ => "image/jpeg",
            };
            let mut part = sanitised("", &name, &name, media, findings);
            part.fidelity = (media == "application/pdf").then_some(Fidelity { similarity: 9_923, compared: 3 });
            let text = name.strip_suffix(".pdf").filter(|name| ["broken", "half", "lost"].contains(name));
            let text = text.map_or_else(|| format!("safe version of {name}"), str::to_owned);
            part.result = Some(fresh(if name == "unprintable.docx" { b"unprintable" } else { text.as_bytes() }));
            (Verdict::Sanitised, part)
        };
        let completed = Completed {
            subject: None,
            header_from: None,
            message_id: None,
            verdict,
            parts: vec![part],
            findings: Vec::new(),
            output: None,
            account: None,
            policy: String::new(),
        };
        world.store.complete(&work.key, completed).await.unwrap();
    }
}

/// Accepts a mail and records an outcome with these parts.
pub(crate) async fn mail(
    world: &World,
    sender: Option<&str>,
    recipient: &str,
    subject: &str,
    verdict: Verdict,
    parts: Vec<PartRecord>,
) -> MessageId {
    let store = &world.store;
    let mut spool = store.spool();
    spool.write(b"Subject: hostile original\r\n\r\nbody").await.unwrap();
    let origin = Origin::Mail {
        envelope: Envelope {
            sender: sender.map(str::to_owned),
            recipients: vec![recipient.to_owned()],
            smtputf8: false,
            body_8bit: true,
        },
        peer: "192.0.2.1".parse().unwrap(),
        helo: "mx.example.jp".to_owned(),
        tls: Some("TLSv1.3".to_owned()),
    };
    let original = spool.finish().await.unwrap();
    let receipt = store.new_receipt().unwrap();
    let accepted = store.accept(NewMessage { receipt, origin, received: store.now(), original }).await.unwrap();
    let work = store.claim(1).await.unwrap().remove(0);
    assert_eq!(work.message, accepted.message, "nothing else may wait");
    let completed = Completed {
        subject: Some(subject.to_owned()),
        header_from: sender.map(str::to_owned),
        message_id: None,
        verdict,
        parts,
        findings: Vec::new(),
        output: Some(fresh(b"Subject: safe\r\n\r\nsafe")),
        account: None,
        policy: String::new(),
    };
    store.complete(&work.key, completed).await.unwrap();
    accepted.message
}
