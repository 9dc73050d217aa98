//! The first page and what it sends.

use askama::Template;
use axum::{
    Extension,
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
};
use engine::catalogue::Language;

use super::{
    Portal, Received, Refusal, RefusedFile,
    help::{Formats, formats},
    output::{self, Choice},
    receive,
    receive::Proof,
};
use crate::{
    fault::{Fault, LATER},
    page::{Page, render},
    people::{
        Visitor,
        sign_in::{bound, form_secret},
    },
    shown,
    texts::{self, Texts, texts},
};

/// `GET /`
pub(crate) async fn form(
    State(portal): State<Portal>,
    Extension(language): Extension<Language>,
    visitor: Option<Visitor>,
    headers: HeaderMap,
) -> Result<Response, Fault> {
    show(&portal, visitor.as_ref(), language, &headers, StatusCode::OK, None)
}

/// `POST /upload`
pub(crate) async fn submit(
    State(portal): State<Portal>,
    Extension(language): Extension<Language>,
    visitor: Option<Visitor>,
    request: Request,
) -> Result<Response, Fault> {
    let headers = request.headers().clone();
    let visitor = visitor.as_ref();
    let token = match visitor {
        Some(visitor) => visitor.form_token(),
        None => form_secret(&portal.people, &headers).ok_or(Fault::FormToken)?.form_token(),
    };
    let most = portal.state.limits.files;
    let received = receive(&portal, visitor, request, Proof::FormToken(&token), most).await?;
    let t = texts(language);
    if received.taken == 0 && received.refused.is_empty() {
        return show(&portal, visitor, language, &headers, StatusCode::UNPROCESSABLE_ENTITY, Some(t.upload_none));
    }
    let Received { batch, refused, taken, .. } = received;
    // A batch is made before its first file is durable: one of which none was taken has nothing to show.
    let result = batch.filter(|_| taken > 0).map(|batch| format!("/b/{}", batch.token.as_str()));
    let is_full = refused.iter().any(|file| file.why == Refusal::NotStored);
    match result {
        Some(result) if refused.is_empty() => Ok(Redirect::to(&result).into_response()),
        result => {
            let (status, title) = match result {
                Some(_) => (StatusCode::OK, t.upload_refused_title),
                None if is_full => (StatusCode::SERVICE_UNAVAILABLE, t.upload_refused_all_title),
                None => (StatusCode::UNPROCESSABLE_ENTITY, t.upload_refused_all_title),
            };
            let name = |file: &RefusedFile| match file.why {
                Refusal::Rest => t.upload_rest_name.to_owned(),
                _ => file.name.clone(),
            };
            let row = |file: RefusedFile| RefusedRow { name: name(&file), why: sentence(file.why, t) };
            let refused = refused.into_iter().map(row).collect();
            let mut page = portal.page(visitor, language, title);
            page.reload = "/?".to_owned();
            let template = RefusedPage { page, refused, result, limits: limits(&portal, language) };
            let mut response = render(status, &template);
            if status == StatusCode::SERVICE_UNAVAILABLE {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(LATER));
            }
            Ok(response)
        }
    }
}

fn show(
    portal: &Portal,
    visitor: Option<&Visitor>,
    language: Language,
    headers: &HeaderMap,
    status: StatusCode,
    problem: Option<&'static str>,
) -> Result<Response, Fault> {
    let (form_token, set) = match visitor {
        Some(visitor) => (visitor.form_token(), None),
        None => {
            let (secret, set) = bound(&portal.people, headers)?;
            (secret.form_token(), set)
        }
    };
    // The same form is the answer to one that could not be taken.
    let mut page = portal.page(visitor, language, texts(language).upload_title);
    page.reload = "/?".to_owned();
    let template = UploadPage {
        page,
        problem,
        form_token,
        limits: limits(portal, language),
        file_bytes: portal.state.limits.file_bytes,
        total_bytes: portal.state.limits.total_bytes,
        files: portal.state.limits.files,
        subject_characters: store::UploadSubject::MOST_CHARACTERS,
        outputs: output::choices(portal, texts(language)),
        formats: formats(texts(language)),
    };
    let mut response = render(status, &template);
    if let Some(value) = set {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
    Ok(response)
}

fn limits(portal: &Portal, language: Language) -> String {
    let limits = &portal.state.limits;
    texts::upload_limits(language, &shown::bytes(limits.file_bytes), &shown::bytes(limits.total_bytes), limits.files)
}

/// Why a file was not taken, for people.
pub(crate) fn sentence(why: Refusal, t: &Texts) -> &'static str {
    match why {
        Refusal::TooLarge => t.upload_too_large,
        Refusal::TooMany => t.upload_too_many,
        Refusal::Total => t.upload_total,
        Refusal::Empty => t.upload_empty,
        Refusal::Broken => t.upload_broken,
        Refusal::Rest => t.upload_rest,
        Refusal::NotStored => t.upload_not_stored,
    }
}

#[derive(Debug, Template)]
#[template(path = "upload.html")]
struct UploadPage {
    page: Page,
    problem: Option<&'static str>,
    form_token: String,
    limits: String,
    file_bytes: u64,
    total_bytes: u64,
    files: usize,
    subject_characters: usize,
    outputs: Vec<Choice>,
    formats: [Formats; 4],
}

#[derive(Debug, Template)]
#[template(path = "refused.html")]
struct RefusedPage {
    page: Page,
    refused: Vec<RefusedRow>,
    result: Option<String>,
    limits: String,
}

#[derive(Debug)]
struct RefusedRow {
    name: String,
    why: &'static str,
}
