//! What becomes of a request or response, as far as its head says. Nothing passes but heads and what a clean room wrote.

use form::percent;

use crate::multipart::{extended_value, parameter};

use super::{
    Scope,
    wire::{Fields, RequestHead, ResponseHead, Several, decimal},
};

/// What is done with a message that has a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Plan {
    /// Its head passes, its body stays behind: nobody reads the body of a redirect.
    Bodiless,
    /// A page of ours takes its place.
    Page(Why),
    /// Its body is a file to be rebuilt, of this name.
    File(String),
    /// Its body is a form; the files in it are rebuilt one by one.
    Form(String),
}

/// Why a page of ours takes the place of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    /// A piece of a file, which cannot be rebuilt without the rest.
    Partial,
    /// Compressed for the way.
    Encoded,
    /// A page, style, script, font, film or data of a web page, which this service is not for.
    WebPage,
    /// The body of a request that is neither a form with files nor a file.
    NotAFile,
    /// Larger than the limit.
    TooLarge,
    /// Fields that say two things.
    Ambiguous,
    /// A form that cannot be read, or that is beyond a limit.
    Form,
    /// What the site says has gone wrong.
    SiteError(u16),
}

impl Why {
    /// Stable name for the log.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Partial => "partial",
            Self::Encoded => "encoded",
            Self::WebPage => "web_page",
            Self::NotAFile => "not_a_file",
            Self::TooLarge => "too_large",
            Self::Ambiguous => "ambiguous",
            Self::Form => "form",
            Self::SiteError(_) => "site_error",
        }
    }
}

/// Judges a response that has a body. `request` is what it answers, where the proxy says so.
pub(crate) fn response(response: &ResponseHead, request: Option<&RequestHead>, scope: Scope, most: u64) -> Plan {
    match response.status {
        206 => return Plan::Page(Why::Partial),
        100..=199 | 204 | 205 | 300..=399 => return Plan::Bodiless,
        200..=299 => {}
        status => return Plan::Page(Why::SiteError(status)),
    }
    let fields = &response.fields;
    let facts = match Facts::of(fields, most) {
        Ok(facts) => facts,
        Err(why) => return Plan::Page(why),
    };
    if fields.all("content-range").next().is_some() || facts.kind.starts_with("multipart/") {
        return Plan::Page(Why::Partial);
    }
    if scope == Scope::Files && !facts.attachment && of_web_pages(&facts.kind) {
        return Plan::Page(Why::WebPage);
    }
    let target = request.map(|request| request.target.as_str()).unwrap_or_default();
    Plan::File(facts.name(target))
}

/// Whether the site wants its response to be saved and not shown.
pub(crate) fn is_attachment(fields: &Fields) -> bool {
    let value = fields.single("content-disposition").ok().flatten().unwrap_or_default();
    let way = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    !way.is_empty() && !way.eq_ignore_ascii_case(b"inline")
}

/// Judges a request that has a body.
pub(crate) fn request(request: &RequestHead, scope: Scope, most: u64) -> Plan {
    let facts = match Facts::of(&request.fields, most) {
        Ok(facts) => facts,
        Err(why) => return Plan::Page(why),
    };
    if request.fields.all("content-range").next().is_some() {
        return Plan::Page(Why::Partial);
    }
    if facts.kind == "multipart/form-data" {
        return Plan::Form(facts.content_type);
    }
    if facts.kind.starts_with("multipart/") {
        return Plan::Page(Why::NotAFile);
    }
    // Programs that store a file by PUT often name no type.
    let words = facts.kind == "application/x-www-form-urlencoded" || (facts.kind.is_empty() && request.method != "PUT");
    if words || (scope == Scope::Files && of_web_pages(&facts.kind)) {
        return Plan::Page(Why::NotAFile);
    }
    Plan::File(facts.name(&request.target))
}

/// What the head says of the body.
struct Facts {
    content_type: String,
    /// Type and subtype in lower case; empty where none is given.
    kind: String,
    attachment: bool,
    /// The file's name as the head gives it.
    given: Option<String>,
}

impl Facts {
    fn of(fields: &Fields, most: u64) -> Result<Self, Why> {
        let single = |name| fields.single(name).map_err(|Several| Why::Ambiguous);
        let plain = |coding: &[u8]| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity");
        if !fields.all("content-encoding").all(plain) {
            return Err(Why::Encoded);
        }
        if fields.all("transfer-encoding").any(|coding| !plain(coding) && !coding.eq_ignore_ascii_case(b"chunked")) {
            return Err(Why::Encoded);
        }
        if let Some(length) = single("content-length")? {
            let length = decimal(length).ok_or(Why::Ambiguous)?;
            if length > most {
                return Err(Why::TooLarge);
            }
        }
        let text = |value: Option<&[u8]>| value.map(|value| String::from_utf8_lossy(value).into_owned());
        let content_type = text(single("content-type")?).unwrap_or_default();
        let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let disposition = text(single("content-disposition")?).unwrap_or_default();
        let (_, parameters) = disposition.split_once(';').unwrap_or_default();
        Ok(Self { attachment: is_attachment(fields), given: file_name(parameters), kind, content_type })
    }

    /// The given name, or the last word of the address with an extension that fits the type.
    fn name(self, target: &str) -> String {
        if let Some(name) = self.given.filter(|name| !name.trim().is_empty()) {
            return name;
        }
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let path = path.split_once("://").map_or(path, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
        let last = path.rsplit('/').next().map(percent::decoded);
        let last = last.map(|last| String::from_utf8_lossy(&last).into_owned()).filter(|last| !last.is_empty());
        let name = last.unwrap_or_else(|| "download".to_owned());
        let fitting = EXTENSIONS.iter().find(|(kind, _)| *kind == self.kind).map(|(_, extensions)| *extensions);
        match fitting {
            Some([first, others @ ..]) => {
                let lower = name.to_ascii_lowercase();
                let fits = std::iter::once(first).chain(others).any(|extension| lower.ends_with(extension));
                if fits { name } else { format!("{name}{first}") }
            }
            Some([]) | None => name,
        }
    }
}

/// RFC 6266 4.3: `filename*` goes before `filename`.
fn file_name(parameters: &str) -> Option<String> {
    let (mut plain, mut extended) = (None, None);
    let mut rest = parameters;
    while let Some((key, value, after)) = parameter(rest) {
        match key.to_ascii_lowercase().as_str() {
            "filename" => plain = plain.or(Some(value)),
            "filename*" => extended = extended.or_else(|| extended_value(&value)),
            _ => {}
        }
        rest = after;
    }
    extended.or(plain)
}

/// Types that browsers put web pages together from. What is one of these and no attachment is nothing that somebody wants to keep as
/// a file.
fn of_web_pages(kind: &str) -> bool {
    let (group, detail) = kind.split_once('/').unwrap_or((kind, ""));
    match group {
        "font" | "audio" | "video" | "model" => true,
        "text" => matches!(detail, "html" | "css" | "javascript" | "ecmascript" | "xml" | "event-stream"),
        "image" => detail == "svg+xml",
        "application" => {
            detail.ends_with("+json")
                || detail.ends_with("+xml")
                || detail.starts_with("font-")
                || detail.starts_with("x-font-")
                || matches!(
                    detail,
                    "json"
                        | "javascript"
                        | "x-javascript"
                        | "ecmascript"
                        | "xml"
                        | "wasm"
                        | "x-www-form-urlencoded"
                        | "graphql"
                        | "grpc"
                        | "x-ndjson"
                        | "vnd.apple.mpegurl"
                )
        }
        _ => false,
    }
}

/// Types of files that are often sent from addresses such as `/download.php`, and the extensions that readers of the name expect.
const EXTENSIONS: [(&str, &[&str]); 15] = [
    ("application/pdf", &[".pdf"]),
    ("application/zip", &[".zip"]),
    ("application/x-zip-compressed", &[".zip"]),
    ("application/msword", &[".doc"]),
    ("application/vnd.ms-excel", &[".xls", ".csv"]),
    ("application/vnd.ms-powerpoint", &[".ppt"]),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", &[".docx"]),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", &[".xlsx"]),
    ("application/vnd.openxmlformats-officedocument.presentationml.presentation", &[".pptx"]),
    ("image/png", &[".png"]),
    ("image/jpeg", &[".jpg", ".jpeg"]),
    ("image/gif", &[".gif"]),
    ("image/webp", &[".webp"]),
    ("text/plain", &[".txt", ".text", ".log", ".csv", ".md"]),
    ("text/csv", &[".csv"]),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::icap::wire::{request_head, response_head};

    const MOST: u64 = 1000;

    fn judged(status: u16, fields: &str, scope: Scope) -> Plan {
        let head = format!("HTTP/1.1 {status} x\r\n{fields}\r\n");
        let request = request_head(b"GET http://a.example/dir/%E8%A6%8B%20%zz.php?x=/y.exe HTTP/1.1\r\n\r\n").unwrap();
        response(&response_head(head.as_bytes()).unwrap(), Some(&request), scope, MOST)
    }

    #[test]
    fn only_whole_files_that_are_as_they_are_get_rebuilt() {
        let check = |status, fields: &str, expect| {
            for scope in [Scope::Files, Scope::All] {
                assert_eq!(judged(status, fields, scope), Plan::Page(expect), "{status} {fields}");
            }
        };
        check(206, "Content-Type: application/pdf\r\n", Why::Partial);
        check(200, "Content-Type: application/pdf\r\nContent-Range: bytes 0-1/2\r\n", Why::Partial);
        check(200, "Content-Type: multipart/byteranges; boundary=a\r\n", Why::Partial);
        for coding in ["gzip", "deflate", "br", "zstd", "identity, gzip", "x-unknown"] {
            check(200, &format!("Content-Encoding: {coding}\r\n"), Why::Encoded);
            check(200, &format!("Transfer-Encoding: {coding}\r\n"), Why::Encoded);
        }
        check(200, "Content-Encoding: identity\r\nContent-Encoding: br\r\n", Why::Encoded);
        check(200, "Content-Length: 1001\r\n", Why::TooLarge);
        check(200, "Content-Length: 10\r\nContent-Length: 11\r\n", Why::Ambiguous);
        check(200, "Content-Length: +10\r\n", Why::Ambiguous);
        check(200, "Content-Type: text/html\r\nContent-Type: application/pdf\r\n", Why::Ambiguous);
        check(200, "Content-Disposition: attachment\r\nContent-Disposition: inline\r\n", Why::Ambiguous);
        check(404, "Content-Type: text/html\r\n", Why::SiteError(404));
        check(500, "", Why::SiteError(500));
        assert_eq!(judged(302, "Location: /x\r\n", Scope::Files), Plan::Bodiless);
        assert_eq!(judged(200, "Content-Length: 1000\r\n", Scope::Files), Plan::File("見 %zz.php".to_owned()));
    }

    #[test]
    fn what_web_pages_are_made_of_is_no_file_unless_it_is_offered_as_one() {
        for kind in [
            "text/html; charset=utf-8",
            "TEXT/CSS",
            "application/javascript",
            "application/json",
            "application/ld+json",
            "application/xhtml+xml",
            "image/svg+xml",
            "font/woff2",
            "application/font-woff",
            "application/wasm",
            "video/mp4",
            "audio/mpeg",
        ] {
            let fields = format!("Content-Type: {kind}\r\n");
            assert_eq!(judged(200, &fields, Scope::Files), Plan::Page(Why::WebPage), "{kind}");
            assert!(matches!(judged(200, &fields, Scope::All), Plan::File(_)), "{kind}");
            let fields = format!("Content-Type: {kind}\r\nContent-Disposition: attachment; filename=a.b\r\n");
            assert_eq!(judged(200, &fields, Scope::Files), Plan::File("a.b".to_owned()), "{kind}");
        }
        for kind in
            ["application/pdf", "image/png", "text/plain", "application/octet-stream", "x", "application/vnd.ms-excel"]
        {
            let fields = format!("Content-Type: {kind}\r\n");
            assert!(matches!(judged(200, &fields, Scope::Files), Plan::File(_)), "{kind}");
        }
    }

    #[test]
    fn a_file_is_named_as_browsers_would_name_it() {
        let check = |fields: &str, expect: &str| {
            assert_eq!(judged(200, fields, Scope::Files), Plan::File(expect.to_owned()), "{fields}");
        };
        check("Content-Disposition: attachment; filename=\"a b.pdf\"\r\n", "a b.pdf");
        check("Content-Disposition: inline; filename=x.pdf; filename*=UTF-8''%E8%A6%8B.pdf\r\n", "見.pdf");
        check("Content-Disposition: attachment; filename=\"見積.pdf\"\r\n", "見積.pdf");
        check("Content-Disposition: attachment; filename=\"\"\r\n", "見 %zz.php");
        check("Content-Type: application/pdf\r\n", "見 %zz.php.pdf");
        check("Content-Type: application/octet-stream\r\n", "見 %zz.php");
        let facts = |target: &str| Facts::of(&Fields::default(), MOST).ok().map(|facts| facts.name(target)).unwrap();
        assert_eq!(facts("http://a.example"), "download");
        assert_eq!(facts("http://a.example/"), "download");
        assert_eq!(facts("/dir/file.zip"), "file.zip");
        assert_eq!(facts("*"), "*");
    }

    #[test]
    fn of_requests_forms_with_files_and_files_are_taken() {
        let judged = |fields: &str, scope| {
            let head = format!("POST http://a.example/dir/plan.pdf HTTP/1.1\r\n{fields}\r\n");
            request(&request_head(head.as_bytes()).unwrap(), scope, MOST)
        };
        let form = "multipart/form-data; boundary=b";
        assert_eq!(judged(&format!("Content-Type: {form}\r\n"), Scope::Files), Plan::Form(form.to_owned()));
        let pdf = "Content-Type: application/pdf\r\n";
        assert_eq!(judged(pdf, Scope::Files), Plan::File("plan.pdf".to_owned()));
        for kind in ["", "application/x-www-form-urlencoded", "multipart/related; boundary=b"] {
            let fields = if kind.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
            assert_eq!(judged(&fields, Scope::All), Plan::Page(Why::NotAFile), "{kind}");
        }
        let head = request_head(b"PUT /plan.pdf HTTP/1.1\r\n\r\n").unwrap();
        assert_eq!(request(&head, Scope::Files, MOST), Plan::File("plan.pdf".to_owned()));
        let json = "Content-Type: application/json\r\n";
        assert_eq!(judged(json, Scope::Files), Plan::Page(Why::NotAFile));
        assert!(matches!(judged(json, Scope::All), Plan::File(_)));
        let encoded = format!("{pdf}Content-Encoding: gzip\r\n");
        assert_eq!(judged(&encoded, Scope::All), Plan::Page(Why::Encoded));
    }
}
