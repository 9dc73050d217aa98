//! Asking a provider who somebody is (OpenID Connect): the authorization code flow with PKCE, and nothing else of it.
//!
//! What a token says counts only when the provider's key has signed it for this gateway, this sign-in and this minute. Nobody is found by a
//! mail address: an account is (issuer, subject).

mod address;
mod claims;
mod jws;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
};
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD, Engine};
use form::percent;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use store::{External, Role, Source, Timestamp};
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout},
};

pub use jws::BadToken;

use address::{Address, form};
use claims::{Claims, Expected};
use jws::Key;

use super::{directory::BadSetting, external, trust::Credential};
use crate::{
    outbound::{Outbound, OutboundError},
    page::Area,
    role,
};

/// What is to be known of a provider.
#[derive(Debug, Clone)]
pub struct ProviderSettings {
    /// Its name, exactly as its tokens have it: `https`, or `http` on this machine.
    pub issuer: String,
    /// Asks it.
    pub outbound: Outbound,
    /// The gateway's name there.
    pub client: String,
    /// The gateway's secret there; a public client has none.
    pub secret: Option<Credential>,
    /// What is asked for, with `openid` among it.
    pub scopes: Vec<String>,
    /// The claim with the account's name here.
    pub name_claim: String,
    /// The claim with the mail address, where the provider may say whose mails somebody sees; empty: addresses are set here.
    pub mail_claim: String,
    /// The claim with the names of groups.
    pub group_claim: String,
    /// Names of groups and what their members may do; of several the highest counts.
    pub roles: Vec<(String, Role)>,
    /// Methods (`amr`, RFC 8176) that count as a second factor.
    pub factor_methods: Vec<String>,
    /// Classes (`acr`) that count as a second factor.
    pub factor_classes: Vec<String>,
    /// Whether it is used on the portal and on the console.
    pub sites: ProviderSites,
    /// How long it is believed after a sign-in.
    pub session: Duration,
    /// Whether it is asked again in passing before that time is over.
    pub renewal: Renewal,
}

/// Whether a provider is asked about somebody again without them (`prompt=none`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Renewal {
    /// In passing, when they go to another page; where it does not vouch for them any more, their session ends.
    Silent,
    /// Never: they sign in again when the time is over.
    Never,
}

/// On which sites a provider is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProviderSites {
    /// On the staff portal.
    pub portal: bool,
    /// On the admin console.
    pub console: bool,
}

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It could not be asked.
    #[error("{0} could not be asked")]
    Http(&'static str, #[source] OutboundError),
    /// It answered with another status than 200.
    #[error("{0} came with status {1}")]
    Status(&'static str, u16),
    /// It could not be asked a moment ago.
    #[error("the provider could not be asked a moment ago, and is not asked again yet")]
    Lately,
    /// It sends the browser back because it can do nothing just now (RFC 6749 4.1.2.1).
    #[error("the provider says that it can answer nobody just now")]
    Unable,
    /// What it says of itself cannot be used.
    #[error("the provider's own description cannot be used: {0}")]
    Description(&'static str),
    /// It gave no token for the code.
    #[error("the provider took the code, but gave no token")]
    NoToken,
    /// The token is not taken.
    #[error("the provider's token is not taken")]
    Token(#[from] BadToken),
}

impl ProviderError {
    /// Whether it is what was brought from there that is bad; otherwise the provider could not be asked.
    pub(super) fn is_bad_answer(&self) -> bool {
        match self {
            Self::Status(what, 400..=499) => *what == TOKEN,
            Self::Http(..) | Self::Status(..) | Self::Lately | Self::Unable | Self::Description(_) => false,
            Self::NoToken | Self::Token(_) => true,
        }
    }
}

/// A provider that can be asked.
#[derive(Debug, Clone)]
pub struct Provider(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: ProviderSettings,
    description: Address,
    known: Mutex<Option<Known>>,
    /// When it last could not be asked about itself; nothing once it could.
    failed: Mutex<Option<Instant>>,
    /// One at a time asks the provider about itself.
    asking: Semaphore,
}

/// What the provider said of itself.
#[derive(Debug, Clone)]
struct Known {
    places: Arc<Places>,
    keys: Arc<[Key]>,
    since: Instant,
    /// When keys were last asked for because one was missing.
    missed: Option<Instant>,
}

#[derive(Debug)]
struct Places {
    authorization: Address,
    token: Address,
    keys: Address,
    end_session: Option<Address>,
    names_itself: bool,
    basic: bool,
}

/// OpenID Connect Discovery 3.
#[derive(Deserialize)]
struct Description {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    end_session_endpoint: Option<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Tokens {
    id_token: Option<String>,
}

/// What one sign-in carries along.
#[derive(Debug, Clone)]
pub(super) struct Errand {
    pub(super) state: String,
    pub(super) nonce: String,
    /// The secret of PKCE (RFC 7636).
    pub(super) verifier: String,
    /// Where the provider sends the browser back to.
    pub(super) back: String,
}

/// How a provider is to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asking<'a> {
    /// As it likes.
    Openly,
    /// Without showing anything, about whoever has this name here (OpenID Connect Core 3.1.2.1).
    Silently(&'a str),
}

/// Who it is.
#[derive(Debug)]
pub(super) struct Identity {
    /// By which name, never given to anybody else, they are known.
    pub(super) subject: String,
    /// The account, where their groups give a role.
    pub(super) who: Option<External>,
    /// Whether the provider asked for a second factor, and its word counts.
    pub(super) second_factor: bool,
}

impl Provider {
    /// Takes the settings apart.
    ///
    /// # Errors
    /// [`BadSetting`] names the first that cannot be used.
    pub fn new(settings: ProviderSettings) -> Result<Self, BadSetting> {
        let bad = |key, what: &str| Err(BadSetting(key, what.to_owned()));
        let at = format!("{}/.well-known/openid-configuration", settings.issuer.trim_end_matches('/'));
        let Some(description) = Address::parse(&at).filter(|_| !settings.issuer.contains(['?', ' '])) else {
            let what = format!("`{}` is no https address (http is taken on this machine only)", settings.issuer);
            return Err(BadSetting("oidc.issuer", what));
        };
        if settings.client.is_empty() || settings.client.contains(char::is_control) {
            return bad("oidc.client_id", "must be what the provider calls the gateway");
        }
        if !settings.scopes.iter().any(|scope| scope == "openid") {
            return bad("oidc.scopes", "must hold \"openid\"");
        }
        if settings.name_claim.is_empty() || settings.group_claim.is_empty() {
            return bad("oidc.name_claim", "oidc.name_claim and oidc.group_claim must not be empty");
        }
        if settings.roles.is_empty() {
            return bad("oidc.role", "no group is given a role, so that nobody could sign in: add [[oidc.role]]");
        }
        let (known, failed, asking) = (Mutex::new(None), Mutex::new(None), Semaphore::new(1));
        Ok(Self(Arc::new(Inner { settings, description, known, failed, asking })))
    }

    /// Asks the provider about itself: what `misogi doctor` tells.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn probe(&self) -> Result<String, ProviderError> {
        let known = self.learn().await?;
        if known.keys.is_empty() {
            return Err(ProviderError::Description("it publishes no key for RS256, ES256 or EdDSA"));
        }
        Ok(format!("{} publishes {} keys that tokens can be checked with", self.0.settings.issuer, known.keys.len()))
    }

    /// Whether people sign in with it there.
    pub(super) fn serves(&self, area: Area) -> bool {
        match area {
            Area::Portal => self.0.settings.sites.portal,
            Area::Console => self.0.settings.sites.console,
        }
    }

    /// How long it is believed after a sign-in.
    pub(super) fn session(&self) -> Duration {
        self.0.settings.session
    }

    /// Whether it is asked again in passing.
    pub(super) fn renews(&self) -> bool {
        self.0.settings.renewal == Renewal::Silent
    }

    /// Whether it is there just now, whatever it said of itself before. It has two seconds for that, and where it was not there lately
    /// nobody waits for it again.
    pub(super) async fn is_there(&self) -> Result<(), ProviderError> {
        if self.failed().is_some_and(|failed| failed.elapsed() < AWAY) {
            return Err(ProviderError::Lately);
        }
        let answer = timeout(PROBE, self.describe()).await;
        let answer = answer.unwrap_or(Err(ProviderError::Http(DESCRIPTION, OutboundError::Timeout)));
        answer.map(drop).inspect_err(|_| self.note_failed(Some(Instant::now())))
    }

    /// Where to send the browser.
    pub(super) async fn address(&self, errand: &Errand, asking: Asking<'_>) -> Result<String, ProviderError> {
        let known = self.known().await?;
        let settings = &self.0.settings;
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(errand.verifier.as_bytes()));
        let scopes = settings.scopes.join(" ");
        let mut fields = vec![
            ("response_type", "code"),
            ("client_id", &settings.client),
            ("redirect_uri", &errand.back),
            ("scope", &scopes),
            ("state", &errand.state),
            ("nonce", &errand.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        if let Asking::Silently(name) = asking {
            fields.push(("prompt", "none"));
            // Whoever is signed in there with several accounts could not be told apart without being asked. A name that nobody signs in
            // with there, such as a staff number, tells nothing: for some it is another person's, who is not signed in.
            if LOGIN_NAMES.contains(&settings.name_claim.as_str()) {
                fields.push(("login_hint", name));
            }
        }
        Ok(known.places.authorization.with(&fields))
    }

    /// Where to send the browser to sign out there as well, if the provider has such a place.
    pub(super) async fn goodbye(&self, back: &str) -> Result<Option<String>, ProviderError> {
        let known = self.known().await?;
        let fields = [("client_id", self.0.settings.client.as_str()), ("post_logout_redirect_uri", back)];
        Ok(known.places.end_session.as_ref().map(|place| place.with(&fields)))
    }

    /// Whether an answer that says it is from `issuer` is from this provider (RFC 9207): one that names itself always does.
    pub(super) async fn is_from_here(&self, issuer: Option<&str>) -> Result<bool, ProviderError> {
        match issuer {
            Some(issuer) => Ok(issuer == self.0.settings.issuer),
            None => Ok(!self.known().await?.places.names_itself),
        }
    }

    /// Gives the code back and learns who it is.
    pub(super) async fn redeem(&self, code: &str, errand: &Errand, now: Timestamp) -> Result<Identity, ProviderError> {
        let settings = &self.0.settings;
        let known = self.known().await?;
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", errand.back.as_str()),
            ("code_verifier", errand.verifier.as_str()),
        ];
        let mut basic = None;
        match &settings.secret {
            // RFC 6749 2.3.1: both are encoded as in a form first.
            Some(secret) if known.places.basic => {
                let pair = format!("{}:{}", percent::encoded(&settings.client), percent::encoded(secret.reveal()));
                basic = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(&pair))).ok();
            }
            Some(secret) => {
                fields.extend([("client_id", settings.client.as_str()), ("client_secret", secret.reveal())])
            }
            None => fields.push(("client_id", &settings.client)),
        }
        let mut headers = HeaderMap::new();
        let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(header::CONTENT_TYPE, kind);
        headers.extend(basic.map(|basic| (header::AUTHORIZATION, basic)));
        let answer = self.ask(TOKEN, Method::POST, &known.places.token, headers, form(&fields)).await?;
        let tokens: Tokens = serde_json::from_slice(&answer).map_err(|_| ProviderError::NoToken)?;
        let token = tokens.id_token.ok_or(ProviderError::NoToken)?;
        let payload = match jws::verified(&token, &known.keys) {
            // It may have changed its keys since.
            Err(BadToken::NoKey) => jws::verified(&token, &self.with_new_keys().await?.keys)?,
            verified => verified?,
        };
        let expected = Expected {
            issuer: &settings.issuer,
            client: &settings.client,
            nonce: &errand.nonce,
            now: now.unix_millis().div_euclid(1000),
        };
        Ok(self.identity(&expected.met_by(&payload)?)?)
    }

    fn identity(&self, claims: &Claims) -> Result<Identity, BadToken> {
        let settings = &self.0.settings;
        let subject = claims.subject().ok_or(BadToken::Claim("sub"))?;
        let name = claims.text(&settings.name_claim).and_then(external::name).ok_or(BadToken::Claim("name"))?;
        let groups = claims.texts(&settings.group_claim);
        let given = settings.roles.iter().filter(|(group, _)| groups.contains(&group.as_str())).map(|(_, role)| *role);
        // Providers that let people write their own address say so by not vouching for it.
        let vouched = settings.mail_claim != "email" || claims.holds("email_verified");
        let address = claims.text(&settings.mail_claim).filter(|_| vouched).and_then(external::address);
        let methods = claims.texts("amr");
        let by_method = settings.factor_methods.iter().any(|method| methods.contains(&method.as_str()));
        let by_class = claims.text("acr").is_some_and(|class| settings.factor_classes.iter().any(|one| one == class));
        // Neither has a space in it that the other could begin with: an issuer is an address.
        let subject = format!("{} {subject}", settings.issuer);
        let who = given.reduce(role::higher).map(|role| External {
            source: Source::Provider,
            subject: subject.clone(),
            name,
            role,
            address,
        });
        Ok(Identity { subject, who, second_factor: by_method || by_class })
    }

    /// What is known of the provider, asked for once in an hour. Whoever waits while another asks in vain does not ask once more.
    async fn known(&self) -> Result<Known, ProviderError> {
        let fresh = |known: &Known| known.since.elapsed() < LASTS;
        if let Some(known) = self.remembered().filter(fresh) {
            return Ok(known);
        }
        let begun = Instant::now();
        let _turn = self.0.asking.acquire().await;
        match self.remembered().filter(fresh) {
            Some(known) => Ok(known),
            None if self.failed().is_some_and(|failed| failed >= begun) => Err(ProviderError::Lately),
            None => self.learn().await,
        }
    }

    /// The same with keys that were asked for now, unless that was done a moment ago: who sends tokens with invented keys cannot make
    /// the gateway ask without end.
    async fn with_new_keys(&self) -> Result<Known, ProviderError> {
        let _turn = self.0.asking.acquire().await;
        let known = match self.remembered() {
            Some(known) if known.missed.is_some_and(|missed| missed.elapsed() < BETWEEN) => return Ok(known),
            Some(known) => known,
            None => self.learn().await?,
        };
        let keys = self.keys(&known.places.keys).await?;
        Ok(self.remember(Known { keys, missed: Some(Instant::now()), ..known }))
    }

    fn remembered(&self) -> Option<Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, known: Known) -> Known {
        *self.0.known.lock().unwrap_or_else(PoisonError::into_inner) = Some(known.clone());
        known
    }

    fn failed(&self) -> Option<Instant> {
        *self.0.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_failed(&self, failed: Option<Instant>) {
        *self.0.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
    }

    async fn learn(&self) -> Result<Known, ProviderError> {
        let learnt = self.understand().await;
        self.note_failed(learnt.is_err().then(Instant::now));
        learnt
    }

    async fn describe(&self) -> Result<Bytes, ProviderError> {
        self.ask(DESCRIPTION, Method::GET, &self.0.description, HeaderMap::new(), String::new()).await
    }

    async fn understand(&self) -> Result<Known, ProviderError> {
        let answer = self.describe().await?;
        let said: Description = serde_json::from_slice(&answer)
            .map_err(|_| ProviderError::Description("it is not of the form of OpenID Connect Discovery"))?;
        // Another's description in this place would have other keys (Discovery 4.3).
        if said.issuer != self.0.settings.issuer {
            return Err(ProviderError::Description("it is that of another issuer than oidc.issuer"));
        }
        let url = |text: &str| {
            let secure = |url: &Address| url.target.is_secure() || !self.0.description.target.is_secure();
            Address::parse(text).filter(secure).ok_or(ProviderError::Description("one of its addresses is not https"))
        };
        let methods = said.token_endpoint_auth_methods_supported;
        let places = Places {
            authorization: url(&said.authorization_endpoint)?,
            token: url(&said.token_endpoint)?,
            keys: url(&said.jwks_uri)?,
            end_session: said.end_session_endpoint.as_deref().map(url).transpose()?,
            names_itself: said.authorization_response_iss_parameter_supported,
            basic: methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic")),
        };
        let keys = self.keys(&places.keys).await?;
        let missed = self.remembered().and_then(|known| known.missed);
        Ok(self.remember(Known { places: Arc::new(places), keys, since: Instant::now(), missed }))
    }

    async fn keys(&self, at: &Address) -> Result<Arc<[Key]>, ProviderError> {
        let what = "the keys of the provider";
        let answer = self.ask(what, Method::GET, at, HeaderMap::new(), String::new()).await?;
        let keys = jws::keys(&answer).ok_or(ProviderError::Description("its keys are no JSON Web Key Set"))?;
        Ok(keys.into())
    }

    async fn ask(
        &self,
        what: &'static str,
        method: Method,
        at: &Address,
        mut headers: HeaderMap,
        body: String,
    ) -> Result<Bytes, ProviderError> {
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let answer = self.0.settings.outbound.fetch(method, &at.target, headers, body.into(), ANSWER_BYTES).await;
        match answer.map_err(|error| ProviderError::Http(what, error))? {
            answer if answer.status == StatusCode::OK => Ok(answer.body),
            answer => Err(ProviderError::Status(what, answer.status.as_u16())),
        }
    }
}

/// What the provider says of itself.
const DESCRIPTION: &str = "the description of the provider";
/// What is asked with the code.
const TOKEN: &str = "the provider's tokens";
/// Longest answer: a token with the names of a thousand groups has a hundred kilobytes.
const ANSWER_BYTES: usize = 1 << 20;
/// How long the description of a provider counts.
const LASTS: Duration = Duration::from_secs(3600);
/// Claims whose value people sign in with at the provider (Core 5.1).
const LOGIN_NAMES: [&str; 2] = ["preferred_username", "email"];
/// How long it has to show that it is there.
const PROBE: Duration = Duration::from_secs(2);
/// How long one that was not there is taken to be away still.
const AWAY: Duration = Duration::from_secs(60);
/// Between two times of asking for keys because one was missing.
const BETWEEN: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::{Reach, Trust};

    fn settings() -> ProviderSettings {
        ProviderSettings {
            issuer: "http://127.0.0.1:3000".into(),
            outbound: Outbound::new(Trust::System, Reach::with_this_machine(), Duration::from_secs(5)).unwrap(),
            client: "misogi".into(),
            secret: None,
            scopes: vec!["openid".into()],
            name_claim: "preferred_username".into(),
            mail_claim: String::new(),
            group_claim: "groups".into(),
            roles: vec![("staff".into(), Role::Staff)],
            factor_methods: Vec::new(),
            factor_classes: Vec::new(),
            sites: ProviderSites { portal: true, console: true },
            session: Duration::from_secs(3600),
            renewal: Renewal::Silent,
        }
    }

    #[test]
    fn settings_that_cannot_work_name_their_key() {
        assert!(Provider::new(settings()).is_ok());
        let refused = |change: fn(&mut ProviderSettings)| {
            let mut settings = settings();
            change(&mut settings);
            Provider::new(settings).expect_err("refused").to_string()
        };
        for (said, key) in [
            (refused(|s| s.issuer = "http://login.example".into()), "oidc.issuer"),
            (refused(|s| s.issuer = "login.example".into()), "oidc.issuer"),
            (refused(|s| s.issuer = "https://login.example?x".into()), "oidc.issuer"),
            (refused(|s| s.client = String::new()), "oidc.client_id"),
            (refused(|s| s.scopes = vec!["profile".into()]), "oidc.scopes"),
            (refused(|s| s.name_claim = String::new()), "oidc.name_claim"),
            (refused(|s| s.roles.clear()), "oidc.role"),
        ] {
            assert!(said.starts_with(&format!("{key}: ")), "{said}");
        }
    }

    #[test]
    fn a_secret_is_sent_as_rfc_7617_has_it() {
        // RFC 7617 2.1.
        assert_eq!(BASE64_STANDARD.encode("test:123\u{a3}"), "dGVzdDoxMjPCow==");
        assert_eq!(BASE64_STANDARD.encode("Aladdin:open sesame"), "QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    }
}
