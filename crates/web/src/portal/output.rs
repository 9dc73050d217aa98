//! What staff may have their files become instead of what the policy says, and having a file made again like that. Every choice goes through
//! the rooms; none makes anything less safe.

use axum::{
    Form,
    extract::{Path, State},
    http::HeaderMap,
    response::{IntoResponse, Redirect, Response},
};
use form::Reason;
use serde::Deserialize;
use store::{RetryPolicy, UploadFile, UploadSubject};

use super::{
    Portal, Sender,
    receive::{Wanted, keep, places, when_done},
    result::find,
};
use crate::{
    fault::Fault,
    people::{Visitor, sign_in::check_form},
    texts::Texts,
    view::FileState,
};

/// A choice on a form.
#[derive(Debug)]
pub(crate) struct Choice {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

/// What may be chosen; nothing where there is no choice.
pub(crate) fn choices(portal: &Portal, t: &Texts) -> Vec<Choice> {
    let wanted = &portal.state.outputs;
    let same = (!wanted.is_empty()).then_some(&RetryPolicy::Same);
    same.into_iter().chain(wanted).map(|output| Choice { name: name(*output), text: word(*output, t) }).collect()
}

/// The choice of a name in a form or request.
pub(crate) fn parse(portal: &Portal, given: &str) -> Result<RetryPolicy, Fault> {
    if given.is_empty() || given == name(RetryPolicy::Same) {
        return Ok(RetryPolicy::Same);
    }
    portal.state.outputs.iter().copied().find(|output| name(*output) == given).ok_or(Fault::Value)
}

/// The choice as people read it.
pub(crate) fn word(output: RetryPolicy, t: &Texts) -> &'static str {
    match output {
        RetryPolicy::Same => t.output_same,
        RetryPolicy::Raster => t.output_raster,
        RetryPolicy::Pages => t.output_pages,
        RetryPolicy::Text => t.output_text,
    }
}

fn name(output: RetryPolicy) -> &'static str {
    match output {
        RetryPolicy::Same => "same",
        RetryPolicy::Raster => "raster",
        RetryPolicy::Pages => "pages",
        RetryPolicy::Text => "text",
    }
}

/// Where a file is made again, and as what.
#[derive(Debug)]
pub(crate) struct AgainRow {
    pub(crate) action: String,
    pub(crate) choices: Vec<Choice>,
}

impl AgainRow {
    /// Of a finished file; `None` where there is no other choice, and where a virus was found.
    pub(crate) fn of(portal: &Portal, file: &UploadFile, href: &str, t: &Texts) -> Option<Self> {
        let state = FileState::of(file);
        let mut choices = choices(portal, t);
        choices.retain(|choice| choice.name != name(file.output));
        let is_infected = file.parts.iter().any(|part| part.reason == Some(Reason::Infected));
        (state.finished() && state != FileState::TakenBack && !is_infected && !choices.is_empty())
            .then(|| Self { action: format!("{href}/again"), choices })
    }
}

/// The form that has a file made again.
#[derive(Debug, Deserialize)]
pub(crate) struct Again {
    #[serde(default)]
    form_token: String,
    /// Of the file that the page showed there.
    #[serde(default)]
    receipt: String,
    #[serde(default)]
    output: String,
}

/// `POST /b/{token}/files/{number}/again`: the file is sent once more, as one of its own beside the first, with another choice.
pub(crate) async fn again(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    headers: HeaderMap,
    Path((token, number)): Path<(String, usize)>,
    Form(again): Form<Again>,
) -> Result<Response, Fault> {
    match &visitor {
        Some(visitor) => visitor.proved(&again.form_token)?,
        None => check_form(&portal.people, &headers, &again.form_token)?,
    }
    let visitor = visitor.as_ref();
    let output = parse(&portal, &again.output)?;
    // One after the other: pressed twice at once, there is one as well, and no more of the disk is taken than was looked for.
    let _alone = portal.again.lock().await;
    let batch = find(&portal, visitor, &token).await?;
    let file = number.checked_sub(1).and_then(|index| batch.files.get(index)).ok_or(Fault::NotFound)?;
    let back = Redirect::to(&format!("/b/{token}"));
    if file.receipt.as_str() != again.receipt {
        return Err(Fault::NotFound);
    }
    // Pressed twice, there is one.
    let is_there = |other: &&UploadFile| other.name == file.name && other.bytes == file.bytes && other.output == output;
    if batch.files.iter().any(|other| is_there(&other)) {
        return Ok(back.into_response());
    }
    if batch.files.len() >= MOST_OF_BATCH {
        return Err(Fault::TooLarge);
    }
    let store = &portal.state.store;
    let _places = places(&portal.clients, &portal, visitor, None)?;
    if !store.has_room_for(file.bytes)? {
        return Err(Fault::Busy);
    }
    let original = match store.upload_original(file.message).await {
        // Also where a person deleted something of it.
        Err(store::Error::Expired | store::Error::NotFound(_)) => return Err(Fault::OriginalGone),
        original => original?,
    };
    let mut spool = store.spool();
    let mut chunks = original.chunks();
    while let Some(chunk) = chunks.next().await? {
        spool.write(&chunk).await?;
    }
    let owner = batch.batch.owner;
    let sender = batch.batch.user.clone().map(|name| Sender { name, owner });
    // It is the same matter, in the words that were kept: they fit as they are.
    let subject = UploadSubject::parse(file.subject.as_deref().unwrap_or_default())?;
    let wanted = Wanted { output, subject, when_done: when_done(&portal, visitor), again: None };
    keep(&portal, sender.as_ref(), &mut Some(batch.batch.clone()), &file.name, spool, file.bytes, wanted).await?;
    Ok(back.into_response())
}

/// Files of one batch, with those that were made again.
const MOST_OF_BATCH: usize = 400;
