use form::bundle::{BundleWriter, ChildMeta, ExtraHeader, HeaderName};
use form::job::CleanOp;
use form::mail::{Address, MailDate, Mailbox, MessageId};
use form::pages::Url;
use form::text::{Line, Text};
use form::{DetectedType, Limits};
use mail_parser::{MessageParser, MimeHeaders};
use proptest::prelude::*;

use super::*;

struct Input {
    header: MailHeader,
    charset: MailCharset,
    links: Links,
    body: String,
    account: String,
    extra: Vec<(String, String)>,
    children: Vec<(String, OutputType, Vec<u8>)>,
    /// Whether the mail shows its children in its text.
    inline: bool,
}

impl Input {
    fn new(subject: &str, body: &str) -> Self {
        let header = MailHeader {
            from: Some(mailbox("山田 太郎", "yamada@example.jp")),
            to: vec![mailbox("", "soumu@city.example.jp")],
            subject: Line::scrub(subject).0,
            date: MailDate::new(1_795_136_400, 540),
            message_id: MessageId::parse("x@example.jp").ok(),
            ..MailHeader::default()
        };
        Self {
            header,
            charset: MailCharset::Utf8,
            links: Links::Keep,
            body: body.to_owned(),
            account: String::new(),
            extra: Vec::new(),
            children: Vec::new(),
            inline: false,
        }
    }

    fn assemble(&self) -> Vec<u8> {
        self.assemble_as(CleanOp::AssembleMail).unwrap()
    }

    fn assemble_as(&self, op: CleanOp) -> Result<Vec<u8>, Error> {
        let limits = Limits::default();
        let mail = MailDoc {
            detected: DetectedType::parse("mail").unwrap(),
            header: self.header.clone(),
            body: Text::scrub(&self.body).0,
            children: Vec::new(),
            findings: Vec::new(),
        };
        let form = mail.encode(Vec::new(), &limits).unwrap();
        let mut bundle = BundleWriter::new(Vec::new(), &limits).unwrap();
        bundle.form(u64::try_from(form.len()).unwrap(), &mut form.as_slice()).unwrap();
        bundle.account(&Text::scrub(&self.account).0).unwrap();
        for (name, value) in &self.extra {
            let name = HeaderName::parse(name).unwrap();
            bundle.extra_header(&ExtraHeader { name, value: Line::scrub(value).0 }).unwrap();
        }
        for (id, (name, output, bytes)) in (0..).zip(&self.children) {
            let name = FileName::rebuild(name).0;
            let meta = ChildMeta { id, name, path: None, modified: None, output: *output, inline: self.inline };
            bundle.child(&meta, u64::try_from(bytes.len()).unwrap(), &mut bytes.as_slice()).unwrap();
        }
        let bytes = bundle.finish().unwrap();
        let job = CleanJob { links: self.links, charset: self.charset, ..CleanJob::new(op, limits.clone(), [7; 16]) };
        let bundle = Bundle::decode(&bytes, &limits).unwrap();
        let mut written = Vec::new();
        let mut out = Output::new(&mut written, limits.output_bytes);
        assemble(&bundle, &job, &mut out)?;
        Ok(written)
    }
}

fn mailbox(name: &str, address: &str) -> Mailbox {
    Mailbox { name: Line::scrub(name).0, address: Address::parse(address).unwrap() }
}

/// Only CRLF, no NUL, no line above 998.
#[track_caller]
fn assert_canonical(mail: &[u8]) {
    assert!(mail.ends_with(b"\r\n"));
    assert!(encode::is_canonical(mail), "{}", String::from_utf8_lossy(mail));
}

fn text_of(mail: &[u8]) -> String {
    MessageParser::default().parse(mail).unwrap().body_text(0).unwrap().replace("\r\n", "\n")
}

#[test]
fn a_japanese_mail_reads_back_as_it_was() {
    let mut input = Input::new("会議のお知らせ（再送）", "本文です。\n二行目\n");
    input.account = "【無害化】添付ファイルを変換しました。".to_owned();
    input.extra.push(("X-Misogi-Receipt".to_owned(), "20261121-8F3K2".to_owned()));
    input.header.cc = vec![mailbox("\"x\" \\", ".taro..x.@docomo.ne.jp")];
    input.children.push(("日本語の資料（最終版）.jpg".to_owned(), OutputType::Jpeg, vec![0xFF; 1000]));
    let mail = input.assemble();
    assert_canonical(&mail);
    assert!(mail.is_ascii());
    let parsed = MessageParser::default().parse(&mail).unwrap();
    assert_eq!(parsed.subject(), Some("会議のお知らせ（再送）"));
    assert_eq!(parsed.from().unwrap().first().unwrap().name(), Some("山田 太郎"));
    assert_eq!(parsed.cc().unwrap().first().unwrap().address(), Some(".taro..x.@docomo.ne.jp"));
    assert_eq!(parsed.date().unwrap().to_rfc822(), "Fri, 20 Nov 2026 10:00:00 +0900");
    assert_eq!(text_of(&mail), "【無害化】添付ファイルを変換しました。\n\n本文です。\n二行目\n");
    let attachment = parsed.attachment(0).unwrap();
    assert_eq!(attachment.attachment_name(), Some("日本語の資料（最終版）.jpg"));
    assert_eq!(attachment.contents(), vec![0xFF; 1000]);
    assert_eq!(parsed.header_raw("X-Misogi-Receipt").map(str::trim), Some("20261121-8F3K2"));
}

#[test]
fn the_same_bundle_and_seed_give_the_same_mail() {
    let input = Input::new("件名", "本文");
    assert_eq!(input.assemble(), input.assemble());
}

#[test]
fn a_subject_that_looks_encoded_is_not_decoded_twice() {
    for subject in ["=?utf-8?Q?Bcc=3A_evil?=", "a =?utf-8?B?eA==?= b", &"x".repeat(3_000), " a  b ", "=?"] {
        let mail = Input::new(subject, "x").assemble();
        assert_canonical(&mail);
        let parsed = MessageParser::default().parse(&mail).unwrap();
        assert_eq!(parsed.subject(), Some(subject));
    }
}

#[test]
fn a_mail_without_author_or_recipients_is_still_a_mail() {
    let mut input = Input::new("", "");
    input.header = MailHeader::default();
    let mail = input.assemble();
    assert_canonical(&mail);
    assert!(mail.starts_with(b"From: unknown@sender.invalid\r\nTo: undisclosed-recipients:;\r\n"));
}

#[test]
fn an_attached_mail_stays_as_it_is_and_cannot_end_the_outer_one() {
    let mut inner = Input::new("中", "x");
    inner.children.push(("a.txt".to_owned(), OutputType::Text, b"a".to_vec()));
    let inner = inner.assemble();
    let mut outer = Input::new("外", "y");
    outer.children.push(("中.eml".to_owned(), OutputType::Mail, inner.clone()));
    outer.children.push(("broken.eml".to_owned(), OutputType::Mail, b"a\nb".to_vec()));
    let mail = outer.assemble();
    assert_canonical(&mail);
    let parsed = MessageParser::default().parse(&mail).unwrap();
    assert_eq!(parsed.attachment_count(), 2);
    assert_eq!(parsed.attachment(0).unwrap().message().unwrap().subject(), Some("中"));
    assert_eq!(parsed.attachment(1).unwrap().contents(), b"a\nb");
}

#[test]
fn two_files_of_one_name_are_numbered() {
    let mut input = Input::new("a", "b");
    input.children.push(("図.png".to_owned(), OutputType::Png, vec![1]));
    input.children.push(("図.PNG".to_owned(), OutputType::Png, vec![2]));
    let mail = input.assemble();
    let parsed = MessageParser::default().parse(&mail).unwrap();
    let names: Vec<_> = parsed.attachments().map(|a| a.attachment_name().unwrap().to_owned()).collect();
    assert_eq!(names, ["図.png", "図 (2).PNG"]);
}

#[test]
fn every_encoding_of_the_body_gives_the_text_back() {
    for body in [
        "plain\n.\nFrom here\n".to_owned(),
        "=mostly ascii= with one é and a blank at the end \n\ttab\t\n".to_owned(),
        format!("{}\n", "long".repeat(1_000)),
        "日本語だけの本文。\n".repeat(500),
        format!("{}\n", "あ".repeat(5_000)),
    ] {
        let mail = Input::new("s", &body).assemble();
        assert_canonical(&mail);
        assert_eq!(text_of(&mail).trim_end(), body.trim_end());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_input_makes_a_field_a_bare_line_end_or_a_long_line(
        subject in any::<String>(),
        name in any::<String>(),
        body in any::<String>(),
        account in any::<String>(),
        value in "[\\PC\r\n:=?]{0,300}",
        file in "[\\PC\r\n\"\\\\;=?%']{0,80}",
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut input = Input::new(&subject, &body);
        input.header.from = Some(mailbox(&name, "a@example.jp"));
        input.header.reply_to = vec![mailbox(&name, "\"taro.\"@docomo.ne.jp"); 3];
        input.header.list_id = Some(Line::scrub(&value).0);
        input.account = account;
        input.extra.push(("X-Test".to_owned(), value));
        input.children.push((file, OutputType::Zip, bytes.clone()));
        let mail = input.assemble();
        assert_canonical(&mail);
        prop_assert!(mail.is_ascii());
        let parsed = MessageParser::default().parse(&mail).unwrap();
        let fields: Vec<&str> = parsed.headers().iter().map(|h| h.name()).collect();
        prop_assert_eq!(
            fields,
            ["From", "To", "Reply-To", "Subject", "Date", "Message-ID", "List-ID", "X-Test", "MIME-Version", "Content-Type"]
        );
        let read = parsed.subject().unwrap_or_default();
        prop_assert_eq!(read, input.header.subject.as_str());
        let attachment = parsed.attachment(0).unwrap();
        prop_assert_eq!(attachment.contents(), bytes);
        let expected = FileName::rebuild(&input.children[0].0).0;
        prop_assert_eq!(attachment.attachment_name(), Some(expected.as_str()));
    }
}

#[test]
fn attached_texts_say_their_charset() {
    let mut input = Input::new("s", "b");
    for (name, output) in [("a.txt", OutputType::Text), ("b.csv", OutputType::Csv), ("c.tsv", OutputType::Tsv)] {
        input.children.push((name.to_owned(), output, "\u{FEFF}日本語".as_bytes().to_vec()));
    }
    input.children.push(("d.png".to_owned(), OutputType::Png, vec![1]));
    let mail = input.assemble();
    assert_canonical(&mail);
    let parsed = MessageParser::default().parse(&mail).unwrap();
    let charsets: Vec<_> =
        parsed.attachments().map(|part| part.content_type().unwrap().attribute("charset").map(str::to_owned)).collect();
    let utf8 = Some("utf-8".to_owned());
    assert_eq!(charsets, [utf8.clone(), utf8.clone(), utf8, None]);
}

/// A calendar of ours that asks for something.
fn calendar(method: &str) -> Vec<u8> {
    format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Misogi//Misogi//JA\r\nCALSCALE:GREGORIAN\r\n{method}END:VCALENDAR\r\n")
        .into_bytes()
}

/// RFC 6047, 2.4: the method stands in the type of the part, or no program offers to accept.
#[test]
fn an_invitation_stands_beside_the_text_and_two_are_files() {
    let request = calendar("METHOD:REQUEST\r\n");
    let mut input = Input::new("会議", "会議の招待です。");
    input.children = vec![
        ("図.png".to_owned(), OutputType::Png, vec![1]),
        ("招待.ics".to_owned(), OutputType::Calendar, request.clone()),
    ];
    input.inline = true;
    let kinds = |mail: &[u8]| {
        let message = MessageParser::default().parse(mail).unwrap();
        let kind = |part: &mail_parser::MessagePart<'_>| {
            let kind = part.content_type().unwrap();
            let method = kind.attribute("method").map(|method| format!(";{method}")).unwrap_or_default();
            format!("{}/{}{method}", kind.ctype(), kind.subtype().unwrap_or(""))
        };
        message.parts.iter().map(kind).collect::<Vec<_>>()
    };
    let mail = input.assemble();
    assert_canonical(&mail);
    assert_eq!(
        kinds(&mail),
        ["multipart/mixed", "multipart/alternative", "text/plain", "text/calendar;REQUEST", "image/png"]
    );
    let message = MessageParser::default().parse(&mail).unwrap();
    assert_eq!(message.parts[3].contents(), request);
    // One that asks for nothing, one that was attached, and two at once are files.
    let plain = ["multipart/mixed", "text/plain", "image/png", "text/calendar"];
    input.children[1].2 = calendar("");
    assert_eq!(kinds(&input.assemble()), plain);
    input.children[1].2 = calendar("METHOD:DANCE\r\n");
    assert_eq!(kinds(&input.assemble()), plain);
    input.children[1].2 = request.clone();
    input.inline = false;
    assert_eq!(kinds(&input.assemble()), plain);
    input.inline = true;
    input.children.push(("b.ics".to_owned(), OutputType::Calendar, request));
    assert_eq!(
        kinds(&input.assemble()),
        ["multipart/mixed", "text/plain", "image/png", "text/calendar", "text/calendar"]
    );
}

#[test]
fn the_trace_stands_first_and_lists_say_what_they_offer() {
    let mut input = Input::new("件名", "本文");
    let link = |field, url: &str| ListLink::new(field, Url::rebuild(url).unwrap()).unwrap();
    input.header.list = vec![
        link(ListField::Unsubscribe, "mailto:leave@example.jp?subject=leave"),
        link(ListField::Post, "mailto:list@example.jp"),
        link(ListField::Unsubscribe, &format!("https://example.jp/{}", "a".repeat(880))),
    ];
    input.header.hops = 5;
    input.extra.push(("X-Misogi-Verdict".to_owned(), "sanitised".to_owned()));
    let trace = "by gw.example.lg.jp (Misogi) id 20261121-8F3K2; Sat, 21 Nov 2026 11:40:00 +0900";
    input.extra.push(("Received".to_owned(), trace.to_owned()));
    let mail = input.assemble();
    assert_canonical(&mail);
    let text = String::from_utf8(mail.clone()).unwrap();
    assert!(text.starts_with("Received: by gw.example.lg.jp (Misogi) id 20261121-8F3K2; Sat, 21 Nov"), "{text}");
    assert!(
        text.contains("X-Misogi-Hops: 5\r\n") && text.contains("List-Post: <mailto:list@example.jp>\r\n"),
        "{text}"
    );
    let parsed = MessageParser::default().parse(&mail).unwrap();
    let leave: String = parsed.header_raw("List-Unsubscribe").unwrap().split_whitespace().collect();
    assert_eq!(leave, format!("<mailto:leave@example.jp?subject=leave>,<https://example.jp/{}>", "a".repeat(880)));
    input.links = Links::Defang;
    let text = String::from_utf8(input.assemble()).unwrap();
    assert!(text.contains("List-Unsubscribe: <mailto:leave@example.jp?subject=leave>\r\n"), "{text}");
    assert!(!text.contains("https://"), "{text}");
    assert_eq!(parsed.received().unwrap().by().map(|host| host.to_string()).as_deref(), Some("gw.example.lg.jp"));
}

/// Python's strict `iso2022_jp` reads what is said to be ISO-2022-JP, and what is not in it comes in UTF-8.
#[test]
fn python_reads_iso_2022_jp() {
    let script = "import sys,email,email.policy,email.header\n\
        m=email.message_from_bytes(sys.stdin.buffer.read(),policy=email.policy.default)\n\
        assert not m.defects, m.defects\n\
        print(m['subject']); print(m['cc'].addresses[0].display_name, m['cc'].addresses[1].display_name)\n\
        p=m.get_body(); print(p.get_content_charset(), p['content-transfer-encoding'], p.get_param('format'))\n\
        print(p.get_payload(decode=True).decode(p.get_content_charset()).rstrip())\n\
        a=list(m.iter_attachments())[0]; print(a.get_filename())";
    let subject = "会議のお知らせ（再送）：長い件名は何行にも分かれます、そしてもっと長くなります";
    for (body, charset) in [
        ("〜本文です。ABC\n２行目 ~ \\ です", "iso-2022-jp 7bit None"),
        ("本文①㈱髙 ｱ", "utf-8 base64 None"),
        (&*format!("{}。", "長い行".repeat(300)), "iso-2022-jp base64 None"),
    ] {
        let mut input = Input::new(subject, body);
        input.charset = MailCharset::Iso2022Jp;
        input.header.cc = vec![mailbox("総務課 (担当)", "a@example.jp"), mailbox("髙橋㈱", "b@example.jp")];
        input.children.push((format!("{}.pdf", "長い名前".repeat(20)), OutputType::Zip, vec![0; 100]));
        let mail = input.assemble();
        assert_canonical(&mail);
        assert!(mail.is_ascii());
        let text = String::from_utf8(mail.clone()).unwrap();
        assert!(text.contains("Subject: =?ISO-2022-JP?B?GyRC") && text.contains("=?UTF-8?B?"), "{text}");
        assert!(text.lines().filter(|line| line.contains("=?")).all(|line| line.len() <= 76), "{text}");
        // Python has no fullwidth tilde in this charset.
        let shown = body.replace('～', "〜");
        let name = FileName::rebuild(&input.children[0].0).0;
        let expected = format!("{subject}\n総務課 (担当) 髙橋㈱\n{charset}\n{shown}\n{name}\n");
        assert_eq!(python(script, &mail), expected);
    }
}

#[allow(clippy::disallowed_methods, reason = "the second reader is another program")]
fn python(script: &str, mail: &[u8]) -> String {
    use std::process::{Command, Stdio};
    let mut python =
        Command::new("python3").args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    python.stdin.take().unwrap().write_all(mail).unwrap();
    let output = python.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap().replace("\r\n", "\n")
}

/// Python's `email` reads the same header, text and attachment.
#[test]
fn python_reads_the_same() {
    let script = "import sys,email,email.policy\n\
        m=email.message_from_bytes(sys.stdin.buffer.read(),policy=email.policy.default)\n\
        assert not m.defects, m.defects\n\
        print(m['subject']); print(m['cc'].addresses[0].display_name); print(m['date'].datetime.isoformat())\n\
        print(m.get_body().get_content().rstrip())\n\
        a=list(m.iter_attachments())[0]; print(a.get_filename()); print(len(a.get_content()))";
    let mut input =
        Input::new("会議のお知らせ（再送）：長い件名は何行にも分かれます、そしてもっと長くなります", "本文①㈱髙");
    input.header.cc = vec![mailbox("総務課 (担当)", "a@example.jp")];
    input.children.push((format!("{}.pdf", "長い名前".repeat(20)), OutputType::Zip, vec![0; 100_000]));
    let mail = input.assemble();
    assert_eq!(
        python(script, &mail),
        format!(
            "{}\n総務課 (担当)\n2026-11-20T10:00:00+09:00\n本文①㈱髙\n{}\n100000\n",
            input.header.subject,
            FileName::rebuild(&input.children[0].0).0
        )
    );
}

/// RFC 3464, 2: text for people, then `message/delivery-status`, and nothing of the mail that failed.
#[test]
fn a_delivery_report_has_a_part_for_people_and_one_for_programs() {
    let mut input = Input::new("配送できなかったメールのお知らせ", "届きませんでした。");
    let facts = [
        ("X-Misogi-Receipt", "20261121-8F3K2"),
        ("X-Report-MTA", "gateway.example.lg.jp"),
        ("X-Report-Recipient", "a@example.jp"),
        ("X-Report-Status", "5.1.1"),
    ];
    input.extra = facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let report = input.assemble_as(CleanOp::AssembleReport).unwrap();
    let text = String::from_utf8(report.clone()).unwrap();
    assert!(text.contains("Content-Type: multipart/report; report-type=delivery-status;"), "{text}");
    assert!(text.contains("X-Misogi-Receipt: 20261121-8F3K2\r\n") && !text.contains("X-Report-"), "{text}");
    let message = MessageParser::default().parse(&report).unwrap();
    let kinds: Vec<String> = message
        .parts
        .iter()
        .map(|part| {
            part.content_type().map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or(""))).unwrap()
        })
        .collect();
    assert_eq!(kinds, ["multipart/report", "text/plain", "message/delivery-status"]);
    assert!(message.body_text(0).unwrap().contains("届きませんでした。"));
    let status = std::str::from_utf8(message.parts[2].contents()).unwrap();
    assert_eq!(
        status.trim_end(),
        "Reporting-MTA: dns; gateway.example.lg.jp\r\n\r\nFinal-Recipient: rfc822; a@example.jp\r\nAction: failed\r\nStatus: 5.1.1"
    );
    input.children = vec![("a.txt".to_owned(), OutputType::Text, b"a".to_vec())];
    assert!(input.assemble_as(CleanOp::AssembleReport).is_err(), "nothing else travels in a report");
}
