//! The grammar of ICAP (RFC 3507) and of the HTTP heads inside it. Sans I/O, strict: whatever two readers could read in two ways
//! is malformed, and the connection that sent it is given up.

use std::ops::Range;

/// What a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// What does the service offer?
    Options,
    /// A request on its way to a site.
    Reqmod,
    /// A site's response on its way to a client.
    Respmod,
}

/// The head of one ICAP request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) method: Method,
    /// Path of the service, without its first slash and its query.
    pub(crate) service: String,
    pub(crate) fields: Fields,
    pub(crate) encapsulated: Encapsulated,
    /// So many bytes of the body come first, and the client waits behind them.
    pub(crate) preview: Option<u64>,
    /// The client keeps what it sent and takes 204 for it.
    pub(crate) allow_204: bool,
    /// The client ends the connection behind this request.
    pub(crate) close: bool,
}

/// Where the HTTP heads lie in the encapsulated bytes, and whether a chunked body follows them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Encapsulated {
    pub(crate) request: Option<Range<usize>>,
    pub(crate) response: Option<Range<usize>>,
    /// Bytes of both heads together.
    pub(crate) heads: usize,
    pub(crate) body: bool,
}

/// Header fields in the order they came.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Fields(Vec<Field>);

/// One field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// As it was written.
    pub(crate) name: String,
    /// Without the blanks around it; any octet but controls.
    pub(crate) value: Vec<u8>,
}

/// The head of an HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestHead {
    pub(crate) method: String,
    /// Visible ASCII.
    pub(crate) target: String,
    pub(crate) fields: Fields,
}

/// The head of an HTTP response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    pub(crate) fields: Fields,
}

/// Why a request was given up. After any of these the place of the next request is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("a head is longer than {HEAD_BYTES} bytes")]
    HeadTooLong,
    #[error("the encapsulated heads are longer than {ENCAPSULATED_BYTES} bytes")]
    EncapsulatedTooLong,
    #[error("more than {FIELDS} header fields")]
    TooManyFields,
    #[error("the request line is none of ICAP")]
    RequestLine,
    #[error("another version than ICAP/1.0")]
    Version,
    #[error("an unknown method")]
    Method,
    #[error("a line that is no header field, or does not end in CR LF")]
    Field,
    #[error("no Host, or several")]
    Host,
    #[error("Encapsulated is missing, given twice, or not as the method has it")]
    Encapsulated,
    #[error("Preview is not a number up to {PREVIEW}")]
    Preview,
    #[error("an encapsulated head does not lie where Encapsulated says")]
    Offset,
    #[error("the start line of an encapsulated head is none of HTTP/1")]
    StartLine,
    #[error("a size of a chunk cannot be read")]
    ChunkSize,
    #[error("an extension of a chunk that is not `ieof` at the end of a preview")]
    ChunkExtension,
    #[error("a chunk does not end where its size says")]
    ChunkEnd,
    #[error("a trailer")]
    Trailer,
    #[error("a preview longer than announced")]
    PreviewTooLong,
}

impl Malformed {
    /// Status code of the answer (RFC 3507 4.3.3).
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::Version => 505,
            Self::Method => 501,
            _ => 400,
        }
    }
}

/// Takes a head out of what was received; `None` when more is needed. The second value is its length.
pub(crate) fn head(received: &[u8]) -> Result<Option<(Head, usize)>, Malformed> {
    let Some(end) = ended(received) else {
        // What cannot become a head any more is not waited for.
        let line_end = received.iter().position(|byte| *byte == b'\n');
        if line_end.is_some_and(|at| at == 0 || received.get(at.saturating_sub(1)) != Some(&b'\r')) {
            return Err(Malformed::RequestLine);
        }
        return if received.len() > HEAD_BYTES { Err(Malformed::HeadTooLong) } else { Ok(None) };
    };
    if end > HEAD_BYTES {
        return Err(Malformed::HeadTooLong);
    }
    let block = received.get(..end).unwrap_or_default();
    let (line, rest) = split_line(block).ok_or(Malformed::RequestLine)?;
    let (method, service) = request_line(line)?;
    let fields = fields(rest)?;
    if fields.all("host").count() != 1 {
        return Err(Malformed::Host);
    }
    let encapsulated = encapsulated(method, &fields)?;
    let preview = match fields.single("preview").map_err(|Several| Malformed::Preview)? {
        None => None,
        Some(value) => {
            let size = decimal(value).filter(|size| *size <= PREVIEW).ok_or(Malformed::Preview)?;
            // Squid announces one of 0 bytes where there is no body.
            encapsulated.body.then_some(size)
        }
    };
    let allow_204 = fields.lists("allow", "204");
    let close = fields.lists("connection", "close");
    Ok(Some((Head { method, service, fields, encapsulated, preview, allow_204, close }, end)))
}

/// `METHOD icap://authority/service ICAP/1.0`; Squid writes `icaps` for what goes by TLS.
fn request_line(line: &[u8]) -> Result<(Method, String), Malformed> {
    let line = std::str::from_utf8(line).map_err(|_| Malformed::RequestLine)?;
    let mut words = line.split(' ');
    let (Some(method), Some(uri), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Malformed::RequestLine);
    };
    if method.is_empty() || !method.bytes().all(is_token) || !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Malformed::RequestLine);
    }
    if version != "ICAP/1.0" {
        return Err(if version.starts_with("ICAP/") { Malformed::Version } else { Malformed::RequestLine });
    }
    let (scheme, rest) = uri.split_once("://").ok_or(Malformed::RequestLine)?;
    if !SCHEMES.iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return Err(Malformed::RequestLine);
    }
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if authority.is_empty() {
        return Err(Malformed::RequestLine);
    }
    let method = match method {
        "OPTIONS" => Method::Options,
        "REQMOD" => Method::Reqmod,
        "RESPMOD" => Method::Respmod,
        _ => return Err(Malformed::Method),
    };
    Ok((method, path.split('?').next().unwrap_or_default().to_owned()))
}

/// RFC 3507 4.4.1: the sections in their order, at offsets that rise from 0.
fn encapsulated(method: Method, fields: &Fields) -> Result<Encapsulated, Malformed> {
    let value = fields.single("encapsulated").map_err(|Several| Malformed::Encapsulated)?;
    let value = match (value, method) {
        (None, Method::Options) => return Ok(Encapsulated::default()),
        (None, _) => return Err(Malformed::Encapsulated),
        (Some(value), _) => std::str::from_utf8(value).map_err(|_| Malformed::Encapsulated)?,
    };
    let mut found = Encapsulated::default();
    // The head that began last, and what must come behind everything else.
    let mut open: Option<(&str, usize)> = None;
    let mut ended = false;
    for section in value.split(',') {
        let (name, offset) = section.trim_matches([' ', '\t']).split_once('=').ok_or(Malformed::Encapsulated)?;
        let offset = decimal(offset.as_bytes()).ok_or(Malformed::Encapsulated)?;
        let offset = usize::try_from(offset).map_err(|_| Malformed::Encapsulated)?;
        if offset > ENCAPSULATED_BYTES {
            return Err(Malformed::EncapsulatedTooLong);
        }
        match open.take() {
            None if offset != 0 => return Err(Malformed::Encapsulated),
            None => {}
            Some((_, start)) if offset <= start => return Err(Malformed::Encapsulated),
            Some(("req-hdr", start)) => found.request = Some(start..offset),
            Some((_, start)) => found.response = Some(start..offset),
        }
        let in_order = match (method, name) {
            (Method::Reqmod | Method::Respmod, "req-hdr") => found.request.is_none() && found.response.is_none(),
            (Method::Respmod, "res-hdr") => found.response.is_none(),
            (Method::Reqmod, "req-body") => found.request.is_some(),
            (Method::Respmod, "res-body") => found.response.is_some(),
            (Method::Reqmod, "null-body") => found.request.is_some(),
            (Method::Respmod, "null-body") => found.response.is_some(),
            (Method::Options, "null-body") => true,
            _ => false,
        };
        if ended || !in_order {
            return Err(Malformed::Encapsulated);
        }
        if name.ends_with("-hdr") {
            open = Some((name, offset));
        } else {
            ended = true;
            found.heads = offset;
            found.body = name != "null-body";
        }
    }
    if ended { Ok(found) } else { Err(Malformed::Encapsulated) }
}

/// An HTTP request head that fills the whole block.
pub(crate) fn request_head(block: &[u8]) -> Result<RequestHead, Malformed> {
    let (line, rest) = whole(block)?;
    let line = std::str::from_utf8(line).map_err(|_| Malformed::StartLine)?;
    let mut words = line.split(' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None)
            if !method.is_empty()
                && method.bytes().all(is_token)
                && !target.is_empty()
                && target.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Ok(RequestHead { method: method.to_owned(), target: target.to_owned(), fields: fields(rest)? })
        }
        _ => Err(Malformed::StartLine),
    }
}

/// An HTTP response head that fills the whole block. What the reason phrase says is of no use to anybody.
pub(crate) fn response_head(block: &[u8]) -> Result<ResponseHead, Malformed> {
    let (line, rest) = whole(block)?;
    let after = line.strip_prefix(b"HTTP/1.1 ").or_else(|| line.strip_prefix(b"HTTP/1.0 "));
    let after = after.ok_or(Malformed::StartLine)?;
    let (digits, behind) = after.split_at_checked(3).ok_or(Malformed::StartLine)?;
    let status = decimal(digits).and_then(|status| u16::try_from(status).ok()).ok_or(Malformed::StartLine)?;
    if !(100..600).contains(&status) || !(behind.is_empty() || behind.starts_with(b" ")) {
        return Err(Malformed::StartLine);
    }
    if behind.iter().any(|byte| is_control(*byte)) {
        return Err(Malformed::StartLine);
    }
    Ok(ResponseHead { status, fields: fields(rest)? })
}

/// The first line and the fields of a block that is one head and nothing else.
fn whole(block: &[u8]) -> Result<(&[u8], &[u8]), Malformed> {
    if ended(block) != Some(block.len()) {
        return Err(Malformed::Offset);
    }
    split_line(block).ok_or(Malformed::StartLine)
}

/// The fields of a block that ends with an empty line.
fn fields(mut block: &[u8]) -> Result<Fields, Malformed> {
    let mut fields = Vec::new();
    loop {
        let (line, rest) = split_line(block).ok_or(Malformed::Field)?;
        if line.is_empty() {
            return if rest.is_empty() { Ok(Fields(fields)) } else { Err(Malformed::Field) };
        }
        if fields.len() >= FIELDS {
            return Err(Malformed::TooManyFields);
        }
        fields.push(field(line)?);
        block = rest;
    }
}

/// RFC 9112 5: no blank before the colon, and no line that goes on from the one before.
fn field(line: &[u8]) -> Result<Field, Malformed> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or(Malformed::Field)?;
    let (name, value) = line.split_at_checked(colon).ok_or(Malformed::Field)?;
    let value = value.get(1..).unwrap_or_default().trim_ascii();
    if name.is_empty() || !name.iter().copied().all(is_token) || value.iter().any(|byte| is_control(*byte)) {
        return Err(Malformed::Field);
    }
    Ok(Field { name: String::from_utf8_lossy(name).into_owned(), value: value.to_vec() })
}

/// Two fields where one may be, with values that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Several;

impl Fields {
    /// All values of a field; `name` in lower case.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(move |field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value.as_slice())
    }

    /// The value of a field that may stand once; the same one twice is one.
    pub(crate) fn single(&self, name: &str) -> Result<Option<&[u8]>, Several> {
        let mut values = self.all(name);
        let first = values.next();
        if values.all(|other| Some(other) == first) { Ok(first) } else { Err(Several) }
    }

    /// Whether the comma-separated values of a field name `item`.
    pub(crate) fn lists(&self, name: &str, item: &str) -> bool {
        let mut items = self.all(name).flat_map(|value| value.split(|byte| *byte == b','));
        items.any(|found| found.trim_ascii().eq_ignore_ascii_case(item.as_bytes()))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Field> {
        self.0.iter()
    }
}

/// Length of a head with the empty line that ends it.
fn ended(block: &[u8]) -> Option<usize> {
    block.windows(4).position(|window| window == b"\r\n\r\n").and_then(|at| at.checked_add(4))
}

/// A line and what follows its CR LF; `None` where a line ends otherwise, or a CR stands inside.
fn split_line(block: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = block.iter().position(|byte| matches!(byte, b'\r' | b'\n'))?;
    let (line, rest) = block.split_at_checked(at)?;
    Some((line, rest.strip_prefix(b"\r\n")?))
}

/// Digits and nothing else: no sign, no blank.
pub(crate) fn decimal(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 18 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_control(byte: u8) -> bool {
    byte != b'\t' && byte.is_ascii_control()
}

/// Schemes of a service's address (RFC 3507 4.2), and the one that proxies use where they speak TLS.
const SCHEMES: [&str; 2] = ["icap", "icaps"];
/// Longest head of an ICAP request.
pub(crate) const HEAD_BYTES: usize = 16 * 1024;
/// Longest HTTP heads of one request together.
pub(crate) const ENCAPSULATED_BYTES: usize = 128 * 1024;
/// Most fields of one head.
const FIELDS: usize = 256;
/// The preview that is asked for, and the longest that is taken.
pub(crate) const PREVIEW: u64 = 4096;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request(start: &str, fields: &str) -> Vec<u8> {
        format!("{start}\r\nHost: gw\r\n{fields}\r\n").into_bytes()
    }

    fn respmod(fields: &str) -> Result<Head, Malformed> {
        let bytes = request("RESPMOD icap://gw/respmod ICAP/1.0", fields);
        head(&bytes).map(|read| read.expect("a whole head").0)
    }

    #[test]
    fn the_example_of_rfc_3507_is_read_as_it_says() {
        // 4.9.2, with its offsets.
        let text = "RESPMOD icap://icap.example.org/satisf ICAP/1.0\r\nHost: icap.example.org\r\n\
                    Encapsulated: req-hdr=0, res-hdr=137, res-body=296\r\n\r\nGET /origin";
        let (head, length) = head(text.as_bytes()).unwrap().unwrap();
        assert_eq!(&text[length..], "GET /origin");
        assert_eq!((head.method, head.service.as_str()), (Method::Respmod, "satisf"));
        let expect = Encapsulated { request: Some(0..137), response: Some(137..296), heads: 296, body: true };
        assert_eq!(head.encapsulated, expect);
        assert!(!head.allow_204 && !head.close && head.preview.is_none());
    }

    #[test]
    fn a_service_is_named_with_or_without_tls_and_in_no_other_scheme() {
        for start in ["icap://gw/reqmod", "icaps://gw/reqmod", "ICAPS://gw:11344/reqmod?x"] {
            let bytes = request(&format!("OPTIONS {start} ICAP/1.0"), "");
            assert_eq!(head(&bytes).unwrap().unwrap().0.service, "reqmod", "{start}");
        }
        for start in ["http://gw/reqmod", "icapss://gw/reqmod", "://gw/reqmod", "icaps:/gw/reqmod", "icaps:///reqmod"] {
            let bytes = request(&format!("OPTIONS {start} ICAP/1.0"), "");
            assert_eq!(head(&bytes), Err(Malformed::RequestLine), "{start}");
        }
    }

    #[test]
    fn a_head_is_waited_for_at_every_length_and_no_longer() {
        let bytes = request("OPTIONS icap://gw/reqmod ICAP/1.0", "Allow: 204, trailers\r\nConnection: Close\r\n");
        for length in 0..bytes.len() {
            assert_eq!(head(&bytes[..length]), Ok(None), "{length}");
        }
        let (read, length) = head(&bytes).unwrap().unwrap();
        assert_eq!(length, bytes.len());
        assert!(read.allow_204 && read.close);
        let filled = |size: usize| {
            let mut bytes = request("OPTIONS icap://gw/reqmod ICAP/1.0", "X: ");
            bytes.truncate(bytes.len() - 2);
            bytes.resize(size - 4, b'a');
            bytes.extend_from_slice(b"\r\n\r\n");
            bytes
        };
        assert!(head(&filled(HEAD_BYTES)).unwrap().is_some());
        assert_eq!(head(&filled(HEAD_BYTES + 1)), Err(Malformed::HeadTooLong));
        assert_eq!(head(&vec![b'a'; HEAD_BYTES + 1]), Err(Malformed::HeadTooLong));
    }

    #[test]
    fn offsets_that_do_not_rise_from_zero_in_the_order_of_the_sections_are_refused() {
        let check = |value: &str, expect: Result<(), Malformed>| {
            let read = respmod(&format!("Encapsulated: {value}\r\n"));
            assert_eq!(read.map(|_| ()), expect, "{value}");
        };
        check("res-hdr=0, res-body=10", Ok(()));
        check("req-hdr=0,res-hdr=10,null-body=20", Ok(()));
        for bad in [
            "",
            "res-body=0",
            "null-body=0",
            "res-hdr=1, res-body=10",
            "res-hdr=0, res-body=0",
            "req-hdr=0, res-hdr=10, res-body=10",
            "req-hdr=0, res-hdr=10, res-body=9",
            "res-hdr=0, req-hdr=5, res-body=10",
            "req-hdr=0, res-body=10",
            "res-hdr=0, res-hdr=5, res-body=10",
            "res-hdr=0, res-body=10, res-body=11",
            "res-hdr=0, res-body=10, null-body=11",
            "res-hdr=0",
            "req-hdr=0, req-body=10",
            "res-hdr=0, res-body=+10",
            "res-hdr=0, res-body=0x10",
            "res-hdr=0, res-body=10 11",
            "res-hdr=0; res-body=10",
            "res-hdr=0, opt-body=10",
            "RES-HDR=0, res-body=10",
        ] {
            check(bad, Err(Malformed::Encapsulated));
        }
        check(&format!("res-hdr=0, res-body={ENCAPSULATED_BYTES}"), Ok(()));
        check(&format!("res-hdr=0, res-body={}", ENCAPSULATED_BYTES + 1), Err(Malformed::EncapsulatedTooLong));
        check("res-hdr=0, res-body=99999999999999999999", Err(Malformed::Encapsulated));
        let twice = "Encapsulated: res-hdr=0, res-body=10\r\nEncapsulated: res-hdr=0, res-body=11\r\n";
        assert_eq!(respmod(twice), Err(Malformed::Encapsulated));
        assert_eq!(respmod(""), Err(Malformed::Encapsulated));
    }

    #[test]
    fn a_preview_is_a_number_up_to_the_one_offered() {
        let check = |value: &str, expect| {
            let read = respmod(&format!("Encapsulated: res-hdr=0, res-body=10\r\nPreview: {value}\r\n"));
            assert_eq!(read.map(|head| head.preview), expect, "{value}");
        };
        check("0", Ok(Some(0)));
        check("4096", Ok(Some(4096)));
        for bad in ["4097", "-1", "+1", "", "1e3", "99999999999999999999"] {
            check(bad, Err(Malformed::Preview));
        }
        let without = respmod("Encapsulated: res-hdr=0, null-body=10\r\nPreview: 0\r\n");
        assert_eq!(without.map(|head| head.preview), Ok(None), "as Squid says of a message without a body");
    }

    #[test]
    fn lines_that_two_readers_read_in_two_ways_are_refused() {
        let check = |bytes: &[u8], expect: Malformed| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            assert_eq!(head(bytes).map(|_| ()), Err(expect), "{text:?}");
        };
        let start = "OPTIONS icap://gw/reqmod ICAP/1.0";
        check(b"\r\nOPTIONS icap://gw/x ICAP/1.0\r\nHost: a\r\n\r\n", Malformed::RequestLine);
        check(b"OPTIONS icap://gw/x ICAP/1.0\nHost: a\n\n", Malformed::RequestLine);
        check(b"\n", Malformed::RequestLine);
        check(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", Malformed::RequestLine);
        check(b"OPTIONS /reqmod ICAP/1.0\r\nHost: a\r\n\r\n", Malformed::RequestLine);
        check(b"OPTIONS  icap://gw/x ICAP/1.0\r\nHost: a\r\n\r\n", Malformed::RequestLine);
        check(b"OPTIONS icap:///x ICAP/1.0\r\nHost: a\r\n\r\n", Malformed::RequestLine);
        check(b"OPTIONS icap://gw/x ICAP/1.1\r\nHost: a\r\n\r\n", Malformed::Version);
        check(b"LOGMOD icap://gw/x ICAP/1.0\r\nHost: a\r\n\r\n", Malformed::Method);
        check(b"options icap://gw/x ICAP/1.0\r\nHost: a\r\n\r\n", Malformed::Method);
        check(b"OPTIONS icap://gw/x ICAP/1.0\r\n\r\n", Malformed::Host);
        check(&request(start, "Host: other\r\n"), Malformed::Host);
        for bad in
            ["A : b\r\n", " folded\r\n", "A\r\n", ": b\r\n", "A: b\rc\r\n", "A: b\0\r\n", "A: b\nC: d\r\n", "Ä: b\r\n"]
        {
            check(&request(start, bad), Malformed::Field);
        }
        let many = |count: usize| request(start, &"A: b\r\n".repeat(count));
        assert!(head(&many(FIELDS - 1)).unwrap().is_some());
        check(&many(FIELDS), Malformed::TooManyFields);
    }

    #[test]
    fn an_encapsulated_head_fills_its_place() {
        let good = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX: \xe3\x81\x82\r\n\r\n";
        let read = response_head(good).unwrap();
        assert_eq!(read.status, 200);
        assert_eq!(read.fields.single("content-type"), Ok(Some(&b"text/plain"[..])));
        for length in 0..good.len() {
            assert!(response_head(&good[..length]).is_err(), "{length}");
        }
        for bad in [
            &b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\nA: b\n\r\n\r\n",
            b"HTTP/2 200 OK\r\n\r\n",
            b"HTTP/1.1 20 OK\r\n\r\n",
            b"HTTP/1.1 2000 OK\r\n\r\n",
            b"HTTP/1.1 600 OK\r\n\r\n",
            b"HTTP/1.1 +20 OK\r\n\r\n",
        ] {
            assert!(response_head(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
        let read = request_head(b"POST http://a.example/b?c HTTP/1.1\r\nHost: a.example\r\n\r\n").unwrap();
        assert_eq!((read.method.as_str(), read.target.as_str()), ("POST", "http://a.example/b?c"));
        for bad in ["GET / HTTP/1.1 x\r\n\r\n", "GET  / HTTP/1.1\r\n\r\n", "GET /\r\n\r\n", "G@T / HTTP/1.1\r\n\r\n"] {
            assert!(request_head(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_field_that_is_given_twice_with_two_values_has_none() {
        let read = response_head(b"HTTP/1.1 200 OK\r\nA: 1\r\na: 1\r\nB: 1\r\nb: 2\r\n\r\n").unwrap();
        assert_eq!(read.fields.single("a"), Ok(Some(&b"1"[..])));
        assert_eq!(read.fields.single("b"), Err(Several));
        assert_eq!(read.fields.single("c"), Ok(None));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_grammar_fail(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = head(&bytes);
            let _ = request_head(&bytes);
            let _ = response_head(&bytes);
        }

        /// Words of the grammar in any order come nearer to its edges than any bytes do.
        #[test]
        fn no_words_make_the_grammar_fail(words in proptest::collection::vec(prop_oneof![
            Just("RESPMOD icap://gw/respmod ICAP/1.0"), Just("OPTIONS "), Just("\r\n"), Just("\n"), Just("Host: a"),
            Just("Encapsulated: "), Just("req-hdr=0"), Just(", "), Just("res-hdr="), Just("18446744073709551616"),
            Just("137"), Just("res-body="), Just("null-body=0"), Just("Preview: "), Just("4096"), Just(":"), Just(" "),
        ], 0..24)) {
            let text = words.concat();
            if let Ok(Some((head, length))) = head(text.as_bytes()) {
                prop_assert!(length <= text.len());
                let found = head.encapsulated;
                let ends = [found.request, found.response].into_iter().flatten().map(|range| {
                    assert!(range.start < range.end);
                    range.end
                });
                prop_assert!(ends.max().is_none_or(|end| end == found.heads));
            }
        }
    }
}
