//! How requests are refused, where many are refused alike: described once for the document.

use std::collections::BTreeMap;

use utoipa::{
    IntoResponses,
    openapi::{Content, Ref, RefOr, Response, ResponseBuilder},
};

/// Of the console's operations: nobody is signed in, and no key was sent.
pub(super) struct NotSignedIn;

impl IntoResponses for NotSignedIn {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        of([(401, "Not signed in.")])
    }
}

/// Of the portal's operations, which a portal for everybody has without a key.
pub(super) struct NoGoodKey;

impl IntoResponses for NoGoodKey {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        of([(401, "No key, or one that is not good."), (403, "The key is not good for this.")])
    }
}

/// Of what is asked of one file or batch.
pub(super) struct NoSuchFile;

impl IntoResponses for NoSuchFile {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        of([(404, "Unknown or expired.")])
    }
}

/// Of what is there when a file is finished.
pub(super) struct NotFinished;

impl IntoResponses for NotFinished {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        of([(409, "Not finished yet; see Retry-After.")])
    }
}

/// Of what sends files.
pub(super) struct NotTakenNow;

impl IntoResponses for NotTakenNow {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        of([
            (409, "A request with the same Idempotency-Key is under way; see Retry-After."),
            (413, "Larger than the limit."),
            (429, "Too many uploads of this client at a time; see Retry-After."),
            (503, "Busy or out of space; see Retry-After."),
        ])
    }
}

/// Problem details (RFC 9457), as each of these is answered with.
fn of<const N: usize>(refusals: [(u16, &str); N]) -> BTreeMap<String, RefOr<Response>> {
    let response = |description: &str| {
        let content = Content::new(Some(Ref::from_schema_name("Problem")));
        ResponseBuilder::new().description(description).content("application/problem+json", content).build()
    };
    refusals.into_iter().map(|(status, text)| (status.to_string(), RefOr::T(response(text)))).collect()
}
