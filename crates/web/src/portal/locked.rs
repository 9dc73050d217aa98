//! The password of a locked upload, typed where its result is awaited. Nobody but those who may see the result comes here.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Path, State},
    http::HeaderMap,
    response::Redirect,
};
use engine::catalogue::Language;
use form::{job::Password, reason::Reason};
use serde::Deserialize;
use store::{UploadFile, UploadLock};

use super::{
    Portal,
    result::{find, find_states},
};
use crate::{
    Unlocking,
    fault::Fault,
    moment,
    people::{Visitor, sign_in::check_form},
    texts::{self, texts},
    unlock::{News, unlock},
    view::FileState,
};

/// Where a password is typed, as the page shows it.
#[derive(Debug)]
pub(crate) struct LockRow {
    pub(crate) action: String,
    /// Tries left, and until when; the words instead of a field when none is left.
    pub(crate) hint: Result<String, &'static str>,
}

/// The lock of a finished file; `None` where no password would help.
pub(crate) async fn lock(portal: &Portal, file: &UploadFile) -> Result<Option<UploadLock>, Fault> {
    let is_locked = |reason: Option<Reason>| matches!(reason, Some(Reason::Encrypted | Reason::WrongPassword));
    let may_be = FileState::of(file).finished() && file.parts.iter().any(|part| is_locked(part.reason));
    let limit = portal.state.unlocker.tries();
    Ok(if may_be { portal.state.store.upload_lock(file.message, limit).await? } else { None })
}

impl LockRow {
    pub(crate) fn of(lock: &UploadLock, portal: &Portal, href: &str, language: Language) -> Self {
        let left = portal.state.unlocker.tries().saturating_sub(lock.tried);
        let until = moment::local(lock.expires, portal.state.site.offset_minutes);
        let hint = match left {
            0 => Err(texts(language).upload_lock_exhausted),
            left => Ok(texts::tries_left(language, left, &until)),
        };
        Self { action: format!("{href}/password"), hint }
    }
}

/// The form of a password.
#[derive(Deserialize)]
pub(crate) struct Typed {
    #[serde(default)]
    form_token: String,
    /// Of the file that the page showed there.
    #[serde(default)]
    receipt: String,
    #[serde(default)]
    password: String,
}

/// `POST /b/{token}/files/{number}/password`: what came of it is told on the page of the batch, which can be loaded again.
pub(crate) async fn submit(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    headers: HeaderMap,
    Path((token, number)): Path<(String, usize)>,
    Form(typed): Form<Typed>,
) -> Result<Redirect, Fault> {
    match &visitor {
        Some(visitor) => visitor.proved(&typed.form_token)?,
        None => check_form(&portal.people, &headers, &typed.form_token)?,
    }
    let visitor = visitor.as_ref();
    let password = Password::new(&typed.password).filter(|_| !typed.password.is_empty()).ok_or(Fault::BadRequest)?;
    let batch = find(&portal, visitor, &token).await?;
    let file = number.checked_sub(1).and_then(|index| batch.files.get(index)).ok_or(Fault::NotFound)?;
    if file.receipt.as_str() != typed.receipt {
        return Err(Fault::NotFound);
    }
    let unlocking = try_on(&portal, visitor, file, password).await?;
    portal.untold.keep(typed.form_token, place(&token, number), unlocking);
    Ok(Redirect::to(&format!("/b/{token}#unlock-news")))
}

/// What came of a password for a file of a batch, for the page that is shown next.
pub(crate) fn news(portal: &Portal, whose: &str, token: &str, number: usize, language: Language) -> Option<News> {
    let unlocking = portal.untold.take(whose, &place(token, number))?;
    Some(News::of(&unlocking, language, texts(language)))
}

fn place(token: &str, number: usize) -> String {
    format!("/b/{token}/files/{number}")
}

/// `GET /b/{token}/files/{number}/password`: an address that a browser may have kept. It does nothing.
pub(crate) async fn back(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    Path((token, _)): Path<(String, usize)>,
) -> Result<Redirect, Fault> {
    find_states(&portal, visitor.as_ref(), &token).await?;
    Ok(Redirect::to(&format!("/b/{token}")))
}

/// Tries a password on a file that the visitor may see.
pub(crate) async fn try_on(
    portal: &Portal,
    visitor: Option<&Visitor>,
    file: &UploadFile,
    password: Password,
) -> Result<Unlocking, Fault> {
    let Some(lock) = lock(portal, file).await? else { return Ok(Unlocking::NotLocked) };
    let actor = visitor.map_or("portal", |visitor| visitor.user.name.as_str());
    // Each is a whole conversion; who comes beyond them is asked to come again.
    let place = Arc::clone(&portal.tries).try_acquire_owned().map_err(|_| Fault::Busy)?;
    unlock(&portal.state.unlocker, lock.item, password, actor, Some(place)).await
}

/// Passwords that are tried at a time through the portal: the rooms are there for what waits first of all.
pub(crate) const TRIES: usize = 4;
