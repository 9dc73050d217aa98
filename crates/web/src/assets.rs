//! Style sheet, icon and the small modules, carried in the program and served from our own origin.

use axum::{
    extract::Path,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};

use crate::{
    doors::{Door, get},
    fault::Fault,
    people::Need,
};

/// Door of the assets.
pub(crate) fn doors<S: Clone + Send + Sync + 'static>() -> Vec<Door<S>> {
    vec![get("/assets/{name}", Need::Anyone, asset)]
}

async fn asset(Path(name): Path<String>) -> Response {
    let (kind, body) = match name.as_str() {
        "misogi.css" => ("text/css; charset=utf-8", include_str!("../assets/misogi.css")),
        "upload.js" => ("text/javascript; charset=utf-8", include_str!("../assets/upload.js")),
        "result.js" => ("text/javascript; charset=utf-8", include_str!("../assets/result.js")),
        "reveal.js" => ("text/javascript; charset=utf-8", include_str!("../assets/reveal.js")),
        "compare.js" => ("text/javascript; charset=utf-8", include_str!("../assets/compare.js")),
        "list.js" => ("text/javascript; charset=utf-8", include_str!("../assets/list.js")),
        "passkey.js" => ("text/javascript; charset=utf-8", include_str!("../assets/passkey.js")),
        "session.js" => ("text/javascript; charset=utf-8", include_str!("../assets/session.js")),
        "icon.svg" => ("image/svg+xml", include_str!("../assets/icon.svg")),
        _ => return Fault::NotFound.into_response(),
    };
    // The address carries the version, so an hour in the browser is safe and an upgrade is seen at once.
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static(kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600")),
    ];
    (headers, body).into_response()
}
