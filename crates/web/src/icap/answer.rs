//! What is sent back: the ICAP head, the HTTP head inside it, and a body in chunks.

use axum::{body::Body, http::StatusCode};
use bytes::Bytes;
use futures_util::StreamExt;

use super::{
    connection::{Connection, Lost},
    wire::{Fields, RequestHead},
};

/// What is answered.
pub(crate) enum Answer {
    /// There is no body: the message goes on as it is. The bytes are its head, for a proxy that does not take 204.
    Unchanged { section: Section, head: Bytes },
    /// A new message.
    Message { section: Section, head: Vec<u8>, body: Body },
    /// A head without a body.
    Head { section: Section, head: Vec<u8> },
    /// An ICAP status and nothing else.
    Status(u16),
}

/// What is encapsulated in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Request,
    Response,
}

impl Section {
    fn head(self) -> &'static str {
        match self {
            Self::Request => "req-hdr",
            Self::Response => "res-hdr",
        }
    }

    fn body(self) -> &'static str {
        match self {
            Self::Request => "req-body",
            Self::Response => "res-body",
        }
    }
}

/// Sends an answer.
pub(crate) async fn send(
    connection: &mut Connection,
    answer: Answer,
    tag: &str,
    allow_204: bool,
    close: bool,
) -> Result<(), Lost> {
    match answer {
        Answer::Unchanged { .. } if allow_204 => connection.write(&bare(204, tag, close)).await,
        Answer::Unchanged { section, head } => {
            let mut out = start(200, tag, close, &format!("{}=0, null-body={}", section.head(), head.len()));
            out.extend_from_slice(&head);
            connection.write(&out).await
        }
        Answer::Head { section, head } => {
            let mut out = start(200, tag, close, &format!("{}=0, null-body={}", section.head(), head.len()));
            out.extend_from_slice(&head);
            connection.write(&out).await
        }
        Answer::Message { section, head, body } => {
            let sections = format!("{}=0, {}={}", section.head(), section.body(), head.len());
            let mut out = start(200, tag, close, &sections);
            out.extend_from_slice(&head);
            connection.write(&out).await?;
            chunks(connection, body).await
        }
        Answer::Status(status) => connection.write(&bare(status, tag, close)).await,
    }
}

/// An answer that encapsulates nothing.
pub(crate) fn bare(status: u16, tag: &str, close: bool) -> Vec<u8> {
    start(status, tag, close, "null-body=0")
}

/// What is offered (RFC 3507 4.10.2).
pub(crate) fn options(tag: &str, close: bool, method: &str, version: &str, connections: usize) -> Vec<u8> {
    let mut out = status_line(200, tag, close);
    let service = if method == "REQMOD" { "misogi-reqmod" } else { "misogi-respmod" };
    out.push_str(&format!(
        "Methods: {method}\r\nService: Misogi {version}\r\nService-ID: {service}\r\nMax-Connections: {connections}\r\n\
         Options-TTL: {OPTIONS_TTL}\r\nAllow: 204\r\nPreview: {}\r\nTransfer-Preview: *\r\n\
         Encapsulated: null-body=0\r\n\r\n",
        super::wire::PREVIEW
    ));
    out.into_bytes()
}

fn start(status: u16, tag: &str, close: bool, encapsulated: &str) -> Vec<u8> {
    let mut out = status_line(status, tag, close);
    out.push_str(&format!("Encapsulated: {encapsulated}\r\n\r\n"));
    out.into_bytes()
}

fn status_line(status: u16, tag: &str, close: bool) -> String {
    let reason = match status {
        200 => "OK",
        204 => "No Modifications Needed",
        400 => "Bad Request",
        404 => "ICAP Service Not Found",
        405 => "Method Not Allowed For Service",
        408 => "Request Timeout",
        501 => "Method Not Implemented",
        503 => "Service Overloaded",
        505 => "ICAP Version Not Supported",
        _ => "Server Error",
    };
    let connection = if close { "close" } else { "keep-alive" };
    format!("ICAP/1.0 {status} {reason}\r\nISTag: {tag}\r\nConnection: {connection}\r\n")
}

/// The last chunk is sent only when every piece was there: whatever breaks before it leaves a message that the proxy sees is cut.
async fn chunks(connection: &mut Connection, body: Body) -> Result<(), Lost> {
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| Lost::Io(std::io::Error::other(error)))?;
        if piece.is_empty() {
            continue;
        }
        let mut out = format!("{:x}\r\n", piece.len()).into_bytes();
        out.extend_from_slice(&piece);
        out.extend_from_slice(b"\r\n");
        connection.write(&out).await?;
    }
    connection.write(b"0\r\n\r\n").await
}

/// The head of a response: of the site's fields those that say nothing of the body.
pub(crate) fn response_head(status: u16, site: Option<&Fields>, own: &[(&str, String)]) -> Vec<u8> {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
    let mut out = format!("HTTP/1.1 {status} {reason}\r\n").into_bytes();
    for field in site.into_iter().flat_map(Fields::iter) {
        if KEPT_OF_RESPONSES.iter().any(|kept| field.name.eq_ignore_ascii_case(kept)) {
            push(&mut out, &field.name, &field.value);
        }
    }
    for (name, value) in own {
        push(&mut out, name, value.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// The head of a request with another body: of its fields all but those that say something of the old one.
pub(crate) fn request_head(request: &RequestHead, own: &[(&str, String)]) -> Vec<u8> {
    let mut out = format!("{} {} HTTP/1.1\r\n", request.method, request.target).into_bytes();
    for field in request.fields.iter() {
        let name = field.name.to_ascii_lowercase();
        if !name.starts_with("content-") && !DROPPED_OF_REQUESTS.contains(&name.as_str()) {
            push(&mut out, &field.name, &field.value);
        }
    }
    for (name, value) in own {
        push(&mut out, name, value.as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out
}

fn push(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// Fields of a response that are true of another body too. Everything else stays behind: ETag, digests, ranges, codings, links to
/// translations and whatever will be invented.
const KEPT_OF_RESPONSES: [&str; 13] = [
    "date",
    "set-cookie",
    "location",
    "retry-after",
    "www-authenticate",
    "proxy-authenticate",
    "strict-transport-security",
    "vary",
    "cross-origin-resource-policy",
    "access-control-allow-origin",
    "access-control-allow-credentials",
    "access-control-allow-methods",
    "access-control-allow-headers",
];

/// Fields of a request, beside `Content-…`, that are true only of the body it came with, or of its framing.
const DROPPED_OF_REQUESTS: [&str; 9] = [
    "digest",
    "repr-digest",
    "want-digest",
    "transfer-encoding",
    "te",
    "trailer",
    "expect",
    "signature",
    "signature-input",
];

/// How long a proxy may believe what it was offered, in seconds.
const OPTIONS_TTL: u32 = 600;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::icap::wire;

    #[test]
    fn what_told_of_the_old_body_does_not_pass() {
        let head = b"HTTP/1.1 200 OK\r\nDate: D\r\nETag: \"x\"\r\nDigest: sha-256=x\r\nContent-MD5: x\r\nAccept-Ranges: bytes\r\n\
                     Content-Encoding: identity\r\nContent-Length: 5\r\nLast-Modified: L\r\nSet-Cookie: a=\xe3\x81\x82\r\n\
                     Content-Location: /x\r\nLink: </x>; rel=preload\r\nRefresh: 0\r\nContent-Type: text/html\r\n\r\n";
        let site = wire::response_head(head).unwrap();
        let out = response_head(200, Some(&site.fields), &[("Content-Length", "7".to_owned())]);
        assert_eq!(out, b"HTTP/1.1 200 OK\r\nDate: D\r\nSet-Cookie: a=\xe3\x81\x82\r\nContent-Length: 7\r\n\r\n");
        let head = b"POST http://a/ HTTP/1.1\r\nHost: a\r\nCookie: c\r\nContent-MD5: x\r\nExpect: 100-continue\r\nContent-Type: b\r\n\r\n";
        let request = wire::request_head(head).unwrap();
        let out = request_head(&request, &[("Content-Length", "7".to_owned())]);
        assert_eq!(out, b"POST http://a/ HTTP/1.1\r\nHost: a\r\nCookie: c\r\nContent-Length: 7\r\n\r\n");
    }
}
