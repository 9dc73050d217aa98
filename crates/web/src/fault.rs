//! Why a request was not served: one bland, fixed table for pages and for the API.
//!
//! A handler returns a [`Fault`]; [`dress`] turns it into a page or an RFC 9457 problem, because only there are the
//! language and the kind of client known.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use engine::catalogue::Language;
use form::percent;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Site, TenantFault,
    page::{self, Area, Page},
    people::{Reload, sign_in},
    requests, tenants,
    texts::{Texts, texts},
};

/// Why a request was not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    BadRequest,
    /// It was read, and a value in it is none of those that are taken.
    Value,
    /// What is said of an upload is longer than is kept.
    SubjectTooLong,
    NotFound,
    Method,
    WrongHost,
    CrossSite,
    FormToken,
    Unauthorised,
    Forbidden,
    TooLarge,
    Busy,
    /// This client has too much under way already.
    TooMany,
    Internal,
    Timeout,
    /// The file is still being rebuilt.
    Pending,
    /// There is a verdict, but no file to give.
    Withheld,
    /// Its sender took the file back.
    Cancelled,
    /// What a file would be made of again is not kept any more.
    OriginalGone,
    /// A repeated request differs from the first one.
    OtherRequest,
    /// The rules of four eyes are against it.
    Refused(store::Denied),
    /// Another tenant has it, or something of the tenant is left.
    Tenant(TenantFault),
}

impl Fault {
    fn status(self) -> StatusCode {
        match self {
            Self::BadRequest => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Self::CrossSite | Self::FormToken | Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Unauthorised => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::Pending | Self::Tenant(_) => StatusCode::CONFLICT,
            Self::Withheld | Self::Cancelled | Self::OriginalGone => StatusCode::GONE,
            Self::Value | Self::SubjectTooLong | Self::OtherRequest | Self::Refused(_) => {
                StatusCode::UNPROCESSABLE_ENTITY
            }
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::BadRequest => "bad_request",
            Self::Value => "invalid_value",
            Self::SubjectTooLong => "subject_too_long",
            Self::NotFound => "not_found",
            Self::Method => "method_not_allowed",
            Self::WrongHost => "wrong_host",
            Self::CrossSite => "cross_site",
            Self::FormToken => "form_token",
            Self::Unauthorised => "unauthorised",
            Self::Forbidden => "forbidden",
            Self::TooLarge => "too_large",
            Self::Busy => "busy",
            Self::TooMany => "too_many",
            Self::Internal => "internal",
            Self::Timeout => "timeout",
            Self::Pending => "pending",
            Self::Withheld => "withheld",
            Self::Cancelled => "cancelled",
            Self::OriginalGone => "original_gone",
            Self::OtherRequest => "other_request",
            Self::Refused(denied) => requests::denied_name(denied),
            Self::Tenant(fault) => fault.name(),
        }
    }

    fn words(self, t: &Texts) -> (&'static str, &'static str) {
        match self {
            Self::BadRequest | Self::Value => (t.fault_bad_request_title, t.fault_bad_request),
            Self::SubjectTooLong => (t.fault_bad_request_title, t.upload_subject_long),
            Self::NotFound => (t.fault_not_found_title, t.fault_not_found),
            Self::Method => (t.fault_method_title, t.fault_method),
            Self::WrongHost => (t.fault_host_title, t.fault_host),
            Self::CrossSite => (t.fault_cross_site_title, t.fault_cross_site),
            Self::FormToken => (t.fault_form_title, t.fault_form),
            Self::Unauthorised => (t.fault_unauthorised_title, t.fault_unauthorised),
            Self::Forbidden => (t.fault_forbidden_title, t.fault_forbidden),
            Self::TooLarge => (t.fault_too_large_title, t.fault_too_large),
            Self::Busy => (t.fault_busy_title, t.fault_busy),
            Self::TooMany => (t.fault_too_many_title, t.fault_too_many),
            Self::Internal => (t.fault_internal_title, t.fault_internal),
            Self::Timeout => (t.fault_timeout_title, t.fault_timeout),
            Self::Pending => (t.fault_pending_title, t.fault_pending),
            Self::Withheld => (t.fault_withheld_title, t.fault_withheld),
            Self::Cancelled => (t.state_cancelled, t.fault_cancelled),
            Self::OriginalGone => (t.fault_original_gone_title, t.fault_original_gone),
            Self::OtherRequest => (t.fault_other_request_title, t.fault_other_request),
            Self::Refused(denied) => (t.denied_title, requests::denied(denied, t)),
            Self::Tenant(fault) => (t.tenant_clash_title, tenants::words(fault, t)),
        }
    }

    /// Seconds after which the same request may succeed.
    fn retry_after(self) -> Option<&'static str> {
        match self {
            Self::Busy | Self::TooMany => Some(LATER),
            Self::Pending => Some("1"),
            Self::BadRequest
            | Self::Value
            | Self::SubjectTooLong
            | Self::NotFound
            | Self::Method
            | Self::WrongHost
            | Self::CrossSite
            | Self::FormToken
            | Self::Unauthorised
            | Self::Forbidden
            | Self::TooLarge
            | Self::Internal
            | Self::Timeout
            | Self::Withheld
            | Self::Cancelled
            | Self::OriginalGone
            | Self::OtherRequest
            | Self::Refused(_)
            | Self::Tenant(_) => None,
        }
    }

    /// What a framework's own refusal means, when it comes without a page of ours.
    fn of(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::Method,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::REQUEST_TIMEOUT => Self::Timeout,
            StatusCode::SERVICE_UNAVAILABLE => Self::Busy,
            StatusCode::TOO_MANY_REQUESTS => Self::TooMany,
            status if status.is_client_error() => Self::BadRequest,
            _ => Self::Internal,
        }
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<store::Error> for Fault {
    /// The cause goes to the log, once; the client learns only what to do.
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::NotFound(_) | store::Error::Expired => Self::NotFound,
            store::Error::Full(_) | store::Error::Closed => {
                tracing::error!(event = "web_store_unavailable", error = &error as &dyn std::error::Error);
                Self::Busy
            }
            other => {
                tracing::error!(event = "web_store_failed", error = &other as &dyn std::error::Error);
                Self::Internal
            }
        }
    }
}

impl From<store::SubjectTooLong> for Fault {
    fn from(_: store::SubjectTooLong) -> Self {
        Self::SubjectTooLong
    }
}

impl From<crate::secret::NoRandomness> for Fault {
    fn from(error: crate::secret::NoRandomness) -> Self {
        tracing::error!(event = "web_no_randomness", error = &error as &dyn std::error::Error);
        Self::Internal
    }
}

/// What [`dress`] needs to know of its listener.
#[derive(Debug, Clone)]
pub(crate) struct Dressing {
    pub(crate) site: Arc<Site>,
    pub(crate) area: Area,
    /// Whether there is anything to sign in to.
    pub(crate) accounts: bool,
}

/// Gives every refusal its page or its problem document.
pub(crate) async fn dress(State(dressing): State<Dressing>, request: Request, next: Next) -> Response {
    let language = request.extensions().get::<Language>().copied().unwrap_or_default();
    let api = request.uri().path().starts_with("/api/");
    let to = sign_in(&request);
    let reload = if *request.method() == Method::GET { Reload::Here } else { Reload::Front }.address(&request);
    let response = next.run(request).await;
    let fault = match response.extensions().get::<Fault>() {
        Some(fault) => *fault,
        // A refusal of the framework has no page of its own: its text would be bare English.
        None if is_bare(&response) => Fault::of(response.status()),
        None => return response,
    };
    // A person who is not signed in is led to the form; a program is told.
    if fault == Fault::Unauthorised && !api && dressing.accounts {
        return Redirect::to(&to).into_response();
    }
    let mut dressed = if api { problem(fault, language) } else { notice(fault, language, &dressing, reload) };
    if let Some(allow) = response.headers().get(header::ALLOW) {
        dressed.headers_mut().insert(header::ALLOW, allow.clone());
    }
    if let Some(after) = fault.retry_after() {
        dressed.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(after));
    }
    dressed
}

/// Where to sign in, with the way back to what was asked for.
fn sign_in(request: &Request) -> String {
    let wanted = request.uri().path_and_query().map_or("/", |wanted| wanted.as_str());
    match sign_in::local(wanted) {
        Some(wanted) if request.method() == Method::GET && wanted != "/" => {
            format!("/sign-in?next={}", percent::encoded(wanted))
        }
        _ => "/sign-in".to_owned(),
    }
}

/// Seconds after which what found no place may find one.
pub(crate) const LATER: &str = "20";

fn is_bare(response: &Response) -> bool {
    let own = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).is_some_and(|kind| {
        ["text/html", "application/json", "application/problem+json", "image/svg+xml"]
            .iter()
            .any(|own| kind.starts_with(own))
    });
    (response.status().is_client_error() || response.status().is_server_error()) && !own
}

fn notice(fault: Fault, language: Language, dressing: &Dressing, reload: String) -> Response {
    let t = texts(language);
    let (title, text) = fault.words(t);
    let page = Page { reload, ..Page::new(language, Arc::clone(&dressing.site), dressing.area, title) };
    page::notice(fault.status(), page, text.to_owned(), None)
}

/// Problem details of RFC 9457.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// Always `about:blank`: the status and `reason_code` say what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// Short name of the problem.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What to do, in the language of the request.
    detail: &'static str,
    /// Stable name of the problem.
    reason_code: &'static str,
}

fn problem(fault: Fault, language: Language) -> Response {
    let (title, detail) = fault.words(texts(language));
    let status = fault.status();
    let body = Problem { kind: "about:blank", title, status: status.as_u16(), detail, reason_code: fault.code() };
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if fault == Fault::Unauthorised {
        // RFC 9110 15.5.2 asks for a challenge.
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"misogi\""));
    }
    response
}
