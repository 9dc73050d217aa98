//! A message as MIME, for the reader of mails.
//!
//! What is written here is read again in the same room and goes nowhere else, so it says what is meant as plainly as MIME can:
//! text as UTF-8 or with the label of its code page, files as they are, one boundary that stands in none of them.

use super::{Attachment, Content, Message, Properties, id, rtf, text};
use crate::error::Error;
use crate::mail::UNKNOWN;
use form::{Reason, civil, percent};

/// A whole mail.
pub(crate) fn mail(message: &Message) -> Result<Vec<u8>, Error> {
    let mut out = header(message);
    out.extend_from_slice(&entity(message, "mixed")?);
    Ok(out)
}

/// The content of a message without the header of a mail: a MIME entity, a multipart of `subtype`.
pub(crate) fn entity(message: &Message, subtype: &str) -> Result<Vec<u8>, Error> {
    if let Some(signed) = signed(message) {
        return Ok(signed.to_vec());
    }
    let mut parts = Vec::new();
    if let Some(when) = appointment(message) {
        parts.push(leaf("text/plain; charset=utf-8", "", when.as_bytes()));
    }
    let mut bodies = bodies(message);
    if bodies.len() > 1 {
        parts.push(multipart("alternative", &bodies)?);
    } else {
        parts.append(&mut bodies);
    }
    for attachment in &message.attachments {
        parts.extend(attached(attachment, message.codepage)?);
    }
    multipart(subtype, &parts)
}

/// A message that was signed is kept by Outlook as one attachment, which is the whole MIME entity ([MS-OXOSMIME] 2.1.3).
fn signed(message: &Message) -> Option<&[u8]> {
    let class = message.text(id::MESSAGE_CLASS)?.to_ascii_lowercase();
    match message.attachments.as_slice() {
        [Attachment { content: Content::File(bytes), .. }] if class.starts_with("ipm.note.smime.multipartsigned") => {
            bytes.get(..13).filter(|start| start.eq_ignore_ascii_case(b"content-type:")).map(|_| bytes.as_slice())
        }
        _ => None,
    }
}

/// Parts behind one another, under a boundary that stands in none of them. `subtype` is the word behind `multipart/`.
pub(crate) fn multipart(subtype: &str, parts: &[Vec<u8>]) -> Result<Vec<u8>, Error> {
    let free = (0..MAX_BOUNDARIES).map(|number| format!("=_part_{number}_")).find(|boundary| {
        let boundary = boundary.as_bytes();
        parts.iter().all(|part| !contains(part, boundary))
    });
    // Who writes all of them into one file wants to be misread.
    let boundary = free.ok_or(Reason::AmbiguousStructure)?;
    let size = parts.iter().fold(200_usize, |sum, part| sum.saturating_add(part.len()).saturating_add(64));
    let mut out = Vec::with_capacity(size);
    out.extend_from_slice(format!("Content-Type: multipart/{subtype}; boundary=\"{boundary}\"\r\n\r\n").as_bytes());
    for part in parts {
        out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok(out)
}

/// One part of the given type with further header lines, each ended with CRLF.
pub(crate) fn leaf(media: &str, more: &str, body: &[u8]) -> Vec<u8> {
    let mut out = format!("Content-Type: {media}\r\n{more}\r\n").into_bytes();
    out.extend_from_slice(body);
    out
}

/// A value that can stand in a header field: RFC 2047 words where it is not plain.
pub(crate) fn word(value: &str) -> String {
    let plain = value.bytes().all(|b| (0x20..0x7F).contains(&b)) && !value.contains("=?") && value.len() < 500;
    if plain {
        return value.to_owned();
    }
    let mut words = Vec::new();
    let mut rest = value;
    while !rest.is_empty() {
        let end =
            rest.floor_char_boundary(rest.len().min(WORD_BYTES)).max(rest.chars().next().map_or(1, char::len_utf8));
        let (piece, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let encoded: String = piece.bytes().map(|byte| format!("={byte:02X}")).collect();
        words.push(format!("=?UTF-8?Q?{encoded}?="));
        rest = after;
    }
    words.join("\r\n ")
}

/// `filename*=` in the form of RFC 2231, which carries any name as it is.
pub(crate) fn file_parameter(name: &str) -> String {
    format!("filename*={}", percent::extended(name))
}

fn header(message: &Message) -> Vec<u8> {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| out.push_str(&format!("{name}: {value}\r\n"));
    if let Some(from) = mailbox(
        message.text(id::SENT_REPRESENTING_NAME).or_else(|| message.text(id::SENDER_NAME)),
        [
            message.text(id::SENT_REPRESENTING_SMTP_ADDRESS),
            message.text(id::SENDER_SMTP_ADDRESS),
            message.text(id::SENT_REPRESENTING_ADDRESS),
            message.text(id::SENDER_ADDRESS),
            transport(message, "from"),
        ],
    ) {
        line("From", &from);
    }
    for (field, kind) in [("To", 1), ("Cc", 2)] {
        let of_kind = |recipient: &&Properties| {
            // The upper bits say whether the recipient had answered before.
            matches!(recipient.get(&id::RECIPIENT_TYPE), Some(super::Value::Number(number)) if number & 0xF == kind)
        };
        let codepage = message.codepage;
        let all: Vec<String> = message
            .recipients
            .iter()
            .filter(of_kind)
            .filter_map(|recipient| {
                mailbox(
                    text(recipient, id::DISPLAY_NAME, codepage),
                    [text(recipient, id::SMTP_ADDRESS, codepage), text(recipient, id::EMAIL_ADDRESS, codepage)],
                )
            })
            .collect();
        if !all.is_empty() {
            line(field, &all.join(",\r\n "));
        }
    }
    if let Some(subject) = message.text(id::SUBJECT) {
        line("Subject", &word(&subject));
    }
    let sent = message.number(id::CLIENT_SUBMIT_TIME).or_else(|| message.number(id::DELIVERY_TIME));
    if let Some(date) = sent.and_then(unix).and_then(|seconds| civil(seconds.checked_add(JST)?)) {
        line("Date", &date.rfc5322());
    }
    for (field, number) in
        [("Message-ID", id::MESSAGE_ID), ("In-Reply-To", id::IN_REPLY_TO), ("References", id::REFERENCES)]
    {
        if let Some(ids) = message.text(number).filter(|ids| ids.bytes().all(|b| (0x20..0x7F).contains(&b))) {
            line(field, &ids);
        }
    }
    line("MIME-Version", "1.0");
    out.into_bytes()
}

/// `name <address>` of the first thing that looks like an address; the name alone becomes part of an address that nobody has.
fn mailbox<const N: usize>(name: Option<String>, addresses: [Option<String>; N]) -> Option<String> {
    let address = addresses.into_iter().flatten().find_map(|text| {
        let inner = text.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(text.as_str(), |(a, _)| a);
        let inner = inner.trim().trim_matches('\'');
        let good = inner.contains('@') && inner.bytes().all(|b| b.is_ascii_graphic() && !b"<>(),;:\"\\".contains(&b));
        good.then(|| inner.to_owned())
    });
    let address = match (&name, address) {
        (_, Some(address)) => address,
        // An address of Exchange (/O=…/CN=…) says nothing outside; the name does.
        (Some(_), None) => UNKNOWN.to_owned(),
        (None, None) => return None,
    };
    let name = name.filter(|name| !name.eq_ignore_ascii_case(&address)).unwrap_or_default();
    let quoted = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b' ');
    Some(match (name.is_empty(), quoted) {
        (true, _) => format!("<{address}>"),
        (false, true) if name.len() < 200 => format!("\"{name}\" <{address}>"),
        (false, _) => {
            // Everything that could end a name is a word of hexadecimal digits here.
            let words = word(&format!("{name}\u{200B}")).replace("=E2=80=8B", "");
            format!("{words}\r\n <{address}>")
        }
    })
}

/// A field of the header under which the message came through the internet.
fn transport(message: &Message, field: &str) -> Option<String> {
    let headers = message.text(id::TRANSPORT_HEADERS)?;
    let value = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case(field).then(|| value.trim().to_owned())
    };
    headers.lines().take(MAX_HEADER_LINES).find_map(value)
}

/// The versions of the text, the plainest first.
fn bodies(message: &Message) -> Vec<Vec<u8>> {
    let mut bodies = Vec::new();
    if let Some(text) = message.text(id::BODY) {
        bodies.push(leaf("text/plain; charset=utf-8", "", text.as_bytes()));
    }
    let html = match message.properties.get(&id::HTML) {
        Some(super::Value::Bytes(bytes) | super::Value::Narrow(bytes)) => {
            let charset = message.number(id::INTERNET_CODEPAGE).and_then(|page| u16::try_from(page).ok());
            let label = super::charset_of(charset.unwrap_or(0)).map(|label| format!("; charset={label}"));
            Some((label.unwrap_or_default(), bytes.clone()))
        }
        Some(super::Value::Text(text)) => Some(("; charset=utf-8".to_owned(), text.clone().into_bytes())),
        Some(super::Value::Number(_)) | None => None,
    };
    if let Some((label, html)) = html.filter(|(_, html)| !html.is_empty()) {
        bodies.push(leaf(&format!("text/html{label}"), "", &html));
        return bodies;
    }
    if let Some(super::Value::Bytes(packed)) = message.properties.get(&id::RTF_COMPRESSED) {
        match rtf::body(packed, message.codepage) {
            Some(rtf::Body::Html(html)) => {
                bodies.push(leaf("text/html; charset=utf-8", "", html.as_bytes()));
            }
            Some(rtf::Body::Plain(text)) if bodies.is_empty() => {
                bodies.push(leaf("text/plain; charset=utf-8", "", text.as_bytes()));
            }
            Some(rtf::Body::Plain(_)) | None => {}
        }
    }
    bodies
}

/// 日時 and 場所 of an invitation or appointment.
fn appointment(message: &Message) -> Option<String> {
    let class = message.text(id::MESSAGE_CLASS)?.to_ascii_lowercase();
    if !class.starts_with("ipm.schedule.meeting")
        && !class.starts_with("ipm.appointment")
        && !class.contains("calendar")
    {
        return None;
    }
    let time = |numbers: [u16; 2]| {
        let found = numbers.into_iter().find_map(|number| message.number(number)).and_then(unix)?;
        civil(found.checked_add(JST)?).map(|civil| civil.japanese())
    };
    let mut lines = vec!["■ 予定".to_owned()];
    match (time([id::NAMED_START, id::START_DATE]), time([id::NAMED_END, id::END_DATE])) {
        (Some(start), Some(end)) => lines.push(format!("日時: {start} ～ {end}（日本時間）")),
        (Some(start), None) => lines.push(format!("日時: {start}（日本時間）")),
        (None, _) => {}
    }
    if let Some(place) = message.text(id::NAMED_LOCATION) {
        lines.push(format!("場所: {}", place.replace(['\r', '\n'], " ")));
    }
    (lines.len() > 1).then(|| lines.join("\r\n"))
}

fn attached(attachment: &Attachment, codepage: u16) -> Result<Option<Vec<u8>>, Error> {
    let of = |number: u16| text(&attachment.properties, number, codepage);
    let name = of(id::ATTACH_LONG_FILENAME).or_else(|| of(id::ATTACH_FILENAME)).or_else(|| of(id::DISPLAY_NAME));
    Ok(match &attachment.content {
        Content::File(bytes) => {
            let given = of(id::ATTACH_MIME_TAG).filter(|tag| is_media_type(tag));
            // A file is never the text of the mail, whatever its label says, nor taken apart in this room.
            let media = given.filter(|tag| !tag.starts_with("multipart/") && !tag.starts_with("message/"));
            let name = name.unwrap_or_else(|| format!("添付ファイル{}", of(id::ATTACH_EXTENSION).unwrap_or_default()));
            let mut more = format!("Content-Disposition: attachment; {}\r\n", file_parameter(&name));
            if let Some(content_id) = of(id::ATTACH_CONTENT_ID).filter(|id| id.bytes().all(|b| b.is_ascii_graphic())) {
                more.push_str(&format!("Content-ID: <{}>\r\n", content_id.trim_matches(['<', '>'])));
            }
            Some(leaf(media.as_deref().unwrap_or("application/octet-stream"), &more, bytes))
        }
        Content::Message(message) => Some(leaf("message/rfc822", "", &mail(message)?)),
        Content::Nothing => {
            let name = name.unwrap_or_else(|| "添付ファイル".to_owned());
            let more = format!("Content-Disposition: attachment; {}\r\n", file_parameter(&name));
            Some(leaf("message/external-body", &more, b""))
        }
    })
}

fn is_media_type(tag: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || b"-+._".contains(&b);
    tag.split_once('/')
        .is_some_and(|(kind, sub)| !kind.is_empty() && !sub.is_empty() && (kind.bytes().chain(sub.bytes())).all(good))
}

/// Whether `needle` stands in `bytes`.
pub(crate) fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    find(bytes, needle).is_some()
}

/// Where `needle`, which begins with a byte that is rare in texts, stands in `bytes`.
pub(crate) fn find(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0_usize;
    loop {
        let at = from.checked_add(bytes.get(from..)?.iter().position(|byte| *byte == first)?)?;
        if bytes.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        from = at.checked_add(1)?;
    }
}

/// A local time.
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    weekday: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

impl Civil {
    fn rfc5322(&self) -> String {
        let pick = |names: &[&'static str], index: i64| {
            usize::try_from(index).ok().and_then(|index| names.get(index)).copied().unwrap_or_default()
        };
        format!(
            "{}, {:02} {} {:04} {:02}:{:02}:{:02} +0900",
            pick(&["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"], self.weekday),
            self.day,
            pick(
                &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
                self.month.saturating_sub(1)
            ),
            self.year,
            self.hour,
            self.minute,
            self.second
        )
    }

    fn japanese(&self) -> String {
        let weekday = usize::try_from(self.weekday).ok().and_then(|at| "日月火水木金土".chars().nth(at)).unwrap_or('?');
        format!("{}年{}月{}日({weekday}) {}:{:02}", self.year, self.month, self.day, self.hour, self.minute)
    }
}

/// A local time, in seconds since 1970, as it is said in Japanese; nothing for one beyond all calendars.
pub(crate) fn japanese_time(local: i64) -> String {
    civil(local).map(|civil| civil.japanese()).unwrap_or_default()
}

/// Unix seconds of a FILETIME, for years that a mail can be of.
fn unix(filetime: u64) -> Option<i64> {
    let seconds = i64::try_from(filetime / 10_000_000).ok()?.checked_sub(11_644_473_600)?;
    (-2_000_000_000..=10_000_000_000).contains(&seconds).then_some(seconds)
}

/// `unix` bounds what comes in.
fn civil(local: i64) -> Option<Civil> {
    let (days, seconds) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let (year, month, day) = civil::date(days)?;
    Some(Civil {
        year,
        month,
        day,
        // 1970-01-01 was a Thursday.
        weekday: days.checked_add(4)?.rem_euclid(7),
        hour: seconds / 3_600,
        minute: seconds / 60 % 60,
        second: seconds % 60,
    })
}

const JST: i64 = 9 * 3_600;
/// Bytes of text in one encoded-word of 75.
const WORD_BYTES: usize = 18;
const MAX_BOUNDARIES: usize = 32;
const MAX_HEADER_LINES: usize = 2_000;
