//! Requests that may be sent again: `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).
//!
//! A program that lost the answer sends the same request with the same key and gets the first answer; the file is taken once.
//! Not covered: a connection that ends between the last byte of the file and the answer leaves the key without one, see [`Noted`].

use std::time::Duration;

use axum::http::HeaderMap;
use store::{BatchRow, Repetition, Store, TokenHash};

use crate::{fault::Fault, people::Visitor};

/// The digest of the request's key, with whose it is: keys of two programs never meet. `None` when it has none.
pub(crate) fn key(headers: &HeaderMap, visitor: Option<&Visitor>) -> Result<Option<TokenHash>, Fault> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    // The draft writes it as a string in quotes (RFC 8941); most programs send it bare.
    let text = value.to_str().map_err(|_| Fault::BadRequest)?.trim().trim_matches('"');
    let fit = (SHORTEST..=LONGEST).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !fit {
        return Err(Fault::BadRequest);
    }
    let owner = visitor.map_or("", |visitor| visitor.user.name.as_str());
    Ok(Some(TokenHash::of(format!("{owner}\0{text}").as_bytes())))
}

/// A noted request. It is to be ended with [`Noted::end`]; one that is dropped before holds its key back for a while.
#[derive(Debug)]
pub(crate) struct Noted {
    store: Store,
    key: TokenHash,
}

/// What a repeated request finds.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing: it is to be done.
    Nothing(Noted),
    /// What came of the first one, and the digest of what that sent.
    Before(TokenHash, store::BatchToken),
}

impl Noted {
    /// Notes a request, unless it was made before.
    pub(crate) async fn begin(store: &Store, key: TokenHash) -> Result<Found, Fault> {
        match store.begin_request(key, UNDER_WAY).await? {
            Repetition::First => Ok(Found::Nothing(Self { store: store.clone(), key })),
            Repetition::UnderWay => Err(Fault::Pending),
            Repetition::Answered { request, batch } => Ok(Found::Before(request, batch)),
        }
    }

    /// Keeps what came of it.
    pub(crate) async fn end(self, came: Option<(TokenHash, &BatchRow)>) -> Result<(), Fault> {
        let came = came.map(|(request, batch)| (request, batch.id, batch.expires));
        Ok(self.store.end_request(self.key, came).await?)
    }
}

/// Shortest key: without sign-in it must not be guessed by chance.
const SHORTEST: usize = 16;
/// Longest key.
const LONGEST: usize = 128;
/// How long a request may be under way: the longest upload.
const UNDER_WAY: Duration = Duration::from_secs(30 * 60);
