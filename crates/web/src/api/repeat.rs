//! Requests that may be sent again: `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header).
//!
//! A program that lost the answer sends the same request with the same key and gets the first answer; the file is taken once. What is
//! under way is known to the running program only; what came of it is in the store, in the transaction that made the file durable. So a
//! key is either under way, or has its answer, or is free: nothing in between outlives a connection or a restart.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use axum::http::HeaderMap;
use store::TokenHash;

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
    let owner = visitor.map_or_else(String::new, |visitor| visitor.user.id.0.to_string());
    Ok(Some(TokenHash::of(format!("{owner}\0{text}").as_bytes())))
}

/// The keys under way: no more than there are requests.
#[derive(Debug, Clone, Default)]
pub(crate) struct UnderWay(Arc<Mutex<HashSet<TokenHash>>>);

/// The one request with its key; another may come when this is dropped.
#[derive(Debug)]
pub(crate) struct Only {
    under_way: UnderWay,
    key: TokenHash,
}

impl UnderWay {
    /// `None` while another request with the key is under way.
    pub(crate) fn enter(&self, key: TokenHash) -> Option<Only> {
        let fresh = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key);
        fresh.then(|| Only { under_way: self.clone(), key })
    }
}

impl Drop for Only {
    fn drop(&mut self) {
        self.under_way.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

/// Shortest key: without sign-in it must not be guessed by chance.
const SHORTEST: usize = 16;
/// Longest key.
const LONGEST: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_requests_with_a_key_one_is_under_way() {
        let under_way = UnderWay::default();
        let key = TokenHash::of(b"key");
        let first = under_way.enter(key).unwrap();
        assert!(under_way.enter(key).is_none());
        assert!(under_way.enter(TokenHash::of(b"another")).is_some());
        drop(first);
        drop(under_way.enter(key).unwrap());
        assert!(under_way.0.lock().unwrap().is_empty(), "nothing is remembered of what has ended");
    }
}
