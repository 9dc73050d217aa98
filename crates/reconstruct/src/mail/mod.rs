//! A new mail out of the verified form, the account and the parts that other clean rooms wrote.
//!
//! Every octet of the header is made here from typed values; lines end in CRLF and nothing else, none is longer than 998, and
//! only an internationalised address can bring an 8-bit octet in. The same bundle and job give the same mail.
//!
//! The message builder of lettre is not used here, for reasons that were measured with 0.11.23: it refuses the old docomo
//! addresses, passes a subject that looks like an encoded-word through so that the reader decodes it a second time, writes a
//! line of 2,009 octets for a subject without blanks, and holds an attachment of 25 MB three times while this writer streams
//! it. In one executable with the delivery it would also bring the async runtime within reach of the clean room's crate.

mod charset;
mod encode;
mod field;
mod status;

use std::io::{self, BufWriter, Write};

use form::Reason;
use form::bundle::{Bundle, BundleChild, HeaderName};
use form::calendar::Method;
use form::codec::Kind;
use form::job::{AccountPlace, CleanJob, CleanOp, Links, MailCharset, Opened};
use form::link;
use form::mail::{ListField, ListLink, MailDoc, MailHeader};
use form::name::{FileName, TakenNames};
use form::report::{CleanReport, Letters, OutputType, PageLevels};

use crate::directory;
use crate::error::Error;
use crate::output::Output;
use charset::Charset;
use encode::{Encoding, TextBody};
use field::Fields;
use status::Status;

/// Writes the mail of a bundle.
pub(crate) fn assemble(bundle: &Bundle<'_>, job: &CleanJob, out: &mut Output<'_>) -> Result<CleanReport, Error> {
    let mail = MailDoc::decode(bundle.form, &job.limits)?;
    let (status, extra_headers) = match job.op {
        CleanOp::AssembleReport if bundle.children.is_empty() => {
            let (status, others) = Status::parse(&bundle.extra_headers)?;
            (Some(status), others)
        }
        CleanOp::AssembleReport => return Err(Reason::FormInvalid.into()),
        CleanOp::AssembleMail | CleanOp::AssembleZip | CleanOp::Part => (None, bundle.extra_headers.iter().collect()),
    };
    let mut out = BufWriter::with_capacity(BUFFER, out);
    let mut fields = Fields::new(&mut out, job.charset);
    // A trace stands above all else (RFC 5321 4.4).
    let (trace, extra_headers): (Vec<_>, Vec<_>) =
        extra_headers.into_iter().partition(|extra| extra.name.as_str() == HeaderName::TRACE);
    for field in trace {
        fields.text(field.name.as_str(), field.value.as_str())?;
    }
    header(&mut fields, &mail.header, job.links)?;
    for extra in extra_headers {
        fields.text(extra.name.as_str(), extra.value.as_str())?;
    }
    fields.ascii("MIME-Version", "1.0")?;
    let (body, _) = link::treated(mail.body.as_str(), job.links);
    let (account, body) = (bundle.account.as_str(), &*body);
    let pieces = match job.account {
        AccountPlace::Top => [account, body, bundle.list.as_str()],
        AccountPlace::Bottom => [body, account, bundle.list.as_str()],
    };
    let pieces: Vec<&str> = pieces.into_iter().filter(|text| !text.trim().is_empty()).collect();
    let text = TextBody::new(&pieces, Charset::of(job.charset, &pieces));
    if let Some(status) = status {
        let boundary = boundary(job, &[]);
        write!(
            out,
            "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"{boundary}\"\r\n\r\n"
        )?;
        write!(out, "--{boundary}\r\n")?;
        text_part(&mut out, &text)?;
        // The closing boundary's line end parts the last group from what follows; the field groups themselves end in one each.
        write!(out, "--{boundary}\r\nContent-Type: message/delivery-status\r\n\r\n{}\r\n", status.text())?;
        write!(out, "--{boundary}--\r\n")?;
    } else if bundle.children.is_empty() {
        text_part(&mut out, &text)?;
    } else {
        let boundary = boundary(job, &bundle.children);
        write!(out, "Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n")?;
        let invitation = invitation(&bundle.children);
        match invitation {
            Some((child, method)) => {
                with_invitation(&mut out, &text, child, method, &boundary.replacen("misogi", "misogi_invitation", 1))?
            }
            None => text_part(&mut out, &text)?,
        }
        let mut names = TakenNames::default();
        let taken = invitation.map(|(child, _)| child.meta.id);
        for child in bundle.children.iter().filter(|child| Some(child.meta.id) != taken) {
            write!(out, "--{boundary}\r\n")?;
            // Rebuilt files can end up with one name (図.bmp and 図.png).
            attachment(&mut out, child, &names.free(&child.meta.name), job.charset)?;
        }
        write!(out, "--{boundary}--\r\n")?;
    }
    out.flush()?;
    let pages = 0;
    Ok(CleanReport {
        kind: Kind::Mail,
        detected_type: mail.detected,
        output: OutputType::Mail,
        pages,
        levels: PageLevels::default(),
        letters: Letters::default(),
        unmapped: Vec::new(),
        findings: mail.findings,
        opened: Opened::NONE,
        children: Vec::new(),
    })
}

fn header<W: Write>(fields: &mut Fields<'_, W>, header: &MailHeader, web: Links) -> io::Result<()> {
    match &header.from {
        Some(from) => fields.mailboxes("From", std::slice::from_ref(from))?,
        // RFC 5322 asks for an author, and readers show mails without one badly; RFC 2606 keeps .invalid free of owners.
        None => fields.ascii("From", "unknown@sender.invalid")?,
    }
    if let Some(sender) = &header.sender {
        fields.mailboxes("Sender", std::slice::from_ref(sender))?;
    }
    if header.to.is_empty() && header.cc.is_empty() {
        fields.ascii("To", "undisclosed-recipients:;")?;
    }
    fields.mailboxes("To", &header.to)?;
    fields.mailboxes("Cc", &header.cc)?;
    fields.mailboxes("Reply-To", &header.reply_to)?;
    fields.text("Subject", header.subject.as_str())?;
    if let Some(date) = header.date {
        fields.ascii("Date", &date.to_string())?;
    }
    fields.ids("Message-ID", header.message_id.as_slice())?;
    fields.ids("In-Reply-To", &header.in_reply_to)?;
    fields.ids("References", &header.references)?;
    for (name, line) in [("Auto-Submitted", &header.auto_submitted), ("List-Id", &header.list_id)] {
        if let Some(line) = line {
            fields.text(name, line.as_str())?;
        }
    }
    for field in ListField::ALL {
        // What a mail program makes a button of is no place for an address that may not be opened.
        let kept = |link: &&ListLink| web == Links::Keep || link.url.as_str().starts_with("mailto:");
        let links = header.list.iter().filter(|link| link.field == *field).filter(kept);
        fields.links(field.name(), links.map(|link| link.url.as_str()))?;
    }
    if header.hops > 0 {
        fields.ascii("X-Misogi-Hops", &header.hops.to_string())?;
    }
    Ok(())
}

/// The one calendar that the mail showed as itself, and what it asks of its reader. Of two, neither is what the mail says.
fn invitation<'a>(children: &'a [BundleChild<'_>]) -> Option<(&'a BundleChild<'a>, Method)> {
    let mut asking = children.iter().filter(|child| child.meta.inline && child.meta.output == OutputType::Calendar);
    let found = asking.next().and_then(|child| Some((child, directory::method(child.bytes)?)))?;
    asking.next().is_none().then_some(found)
}

/// Text and calendar as two versions of one thing, as mail programs expect it that offer to accept (RFC 6047 2.4).
fn with_invitation<W: Write>(
    out: &mut W,
    text: &TextBody<'_>,
    child: &BundleChild<'_>,
    method: Method,
    boundary: &str,
) -> io::Result<()> {
    write!(out, "Content-Type: multipart/alternative; boundary=\"{boundary}\"\r\n\r\n--{boundary}\r\n")?;
    text_part(out, text)?;
    write!(out, "--{boundary}\r\nContent-Type: text/calendar; charset=utf-8; method={}\r\n", method.word())?;
    write!(out, "Content-Transfer-Encoding: base64\r\n\r\n")?;
    encode::base64_lines(child.bytes, out)?;
    write!(out, "--{boundary}--\r\n")
}

fn text_part<W: Write>(out: &mut W, text: &TextBody<'_>) -> io::Result<()> {
    write!(
        out,
        "Content-Type: text/plain; charset={}\r\nContent-Transfer-Encoding: {}\r\n\r\n",
        text.charset().label(),
        text.encoding().name()
    )?;
    text.write(out)
}

fn attachment<W: Write>(out: &mut W, child: &BundleChild<'_>, name: &FileName, words: MailCharset) -> io::Result<()> {
    let output = child.meta.output;
    // RFC 2046 5.2.1: a message is not encoded. One that could not stand in a mail as it is travels as a plain file.
    let as_it_is = output == OutputType::Mail && encode::is_canonical(child.bytes);
    let media = match output {
        OutputType::Mail if !as_it_is => "application/octet-stream",
        _ => output.media_type(),
    };
    // Without it a reader takes the bytes for ASCII, or for what its own system writes.
    let charset = match output {
        OutputType::Text | OutputType::Csv | OutputType::Tsv | OutputType::Calendar | OutputType::Card => {
            "; charset=utf-8"
        }
        _ => "",
    };
    let mut fields = Fields::new(out, words);
    // Outlook and many phones read only this `name`, as encoded-words that RFC 2047 forbids in a parameter.
    fields.named_type(&format!("{media}{charset}"), name.as_str())?;
    let encoding = match (as_it_is, child.bytes.is_ascii()) {
        (true, true) => Encoding::SevenBit,
        (true, false) => Encoding::EightBit,
        (false, _) => Encoding::Base64,
    };
    fields.ascii("Content-Transfer-Encoding", encoding.name())?;
    fields.attachment(name.as_str())?;
    out.write_all(b"\r\n")?;
    if as_it_is {
        out.write_all(child.bytes)?;
        if !child.bytes.ends_with(b"\r\n") {
            out.write_all(b"\r\n")?;
        }
        return Ok(());
    }
    encode::base64_lines(child.bytes, out)
}

/// A boundary that no sender can foresee and no attached mail contains.
fn boundary(job: &CleanJob, children: &[BundleChild<'_>]) -> String {
    let seed = job.boundary_seed.iter().fold(String::from("=_misogi_"), |mut text, byte| {
        text.push_str(&format!("{byte:02x}"));
        text
    });
    let mails: Vec<&[u8]> =
        children.iter().filter(|child| child.meta.output == OutputType::Mail).map(|child| child.bytes).collect();
    let mut boundary = seed.clone();
    let mut attempt: u32 = 0;
    // An attached mail may have been assembled under the same seed. Its own boundaries are finitely many.
    while mails.iter().any(|mail| contains(mail, boundary.as_bytes())) && attempt < MAX_ATTEMPTS {
        attempt += 1;
        boundary = format!("{seed}_{attempt}");
    }
    boundary
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.split(|b| *b == b'\n').any(|line| line.strip_prefix(b"--").is_some_and(|rest| rest.starts_with(needle)))
}

const BUFFER: usize = 64 * 1024;
/// More than the levels of mails in mails that are taken apart.
const MAX_ATTEMPTS: u32 = 1_000;

#[cfg(test)]
mod tests;
