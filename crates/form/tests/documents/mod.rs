//! Documents of every kind, as proptest strategies and as small fixed examples.

#![allow(dead_code, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod directory;
mod pages;

use form::codec::{DecodeError, EncodeError, Kind};
use form::container::Child;
use form::document::{ContainerDoc, Document, ImageDoc, ImageFrame, MailDoc, TableDoc, TextDoc};
use form::image::{Density, FrameHeader, ImageHeader, ImageSource, PixelFormat, Repeat, Sampling};
use form::job::Opened;
use form::mail::{Address, ListField, ListLink, MailDate, MailHeader, Mailbox, MessageId};
use form::name::{FileName, MemberPath};
use form::pages::Url;
use form::table::{Cell, Charset, Delimiter, LineEnd, TableHeader, TextSource};
use form::text::{Line, Text};
use form::{DetectedType, Finding, Limits, Place, Reason, Refusal};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) use directory::*;
pub(crate) use pages::*;

pub(crate) fn line(raw: &str) -> Line {
    Line::scrub(raw).0
}

pub(crate) fn text(raw: &str) -> Text {
    Text::scrub(raw).0
}

pub(crate) fn name(raw: &str) -> FileName {
    FileName::rebuild(raw).0
}

pub(crate) fn mailbox(address: &str) -> Mailbox {
    Mailbox { name: line("山田 太郎"), address: Address::parse(address).unwrap() }
}

pub(crate) fn child(id: u32, file_name: &str) -> Child {
    Child {
        id,
        name: name(file_name),
        declared_type: line("application/pdf"),
        offset: u64::from(id) * 100,
        len: 100,
        inline: false,
        path: None,
        modified: None,
        withheld: None,
        is_mail: false,
    }
}

pub(crate) fn member(id: u32, path: &str) -> Child {
    let path = MemberPath::parse(path).unwrap();
    Child { path: Some(path.clone()), modified: Some(1_700_000_000), ..child(id, path.file_name().as_str()) }
}

pub(crate) fn image_header(width: u32, height: u32, frames: u32) -> ImageHeader {
    ImageHeader {
        width,
        height,
        frames,
        format: PixelFormat::Rgb8,
        density: Some(Density { x: 300, y: 300 }),
        source: ImageSource::Jpeg,
        quality: Some(85),
        sampling: Sampling::Reduced,
        repeat: Repeat::Forever,
    }
}

pub(crate) fn text_doc(content: &str) -> Document {
    let source = TextSource { charset: Charset::ShiftJis, bom: false, line_end: LineEnd::CrLf };
    let detected = DetectedType::lossy("text");
    Document::Text(TextDoc { detected, source: Some(source), text: text(content), findings: vec![] })
}

pub(crate) fn mail_doc() -> MailDoc {
    MailDoc {
        detected: DetectedType::lossy("mail"),
        header: MailHeader {
            from: Some(mailbox("taro..y.@docomo.ne.jp")),
            to: vec![mailbox("a@example.jp"), mailbox("b@example.jp")],
            subject: line("会議の件"),
            date: MailDate::new(1_700_000_000, 540),
            message_id: MessageId::parse("1@example.jp").ok(),
            references: vec![MessageId::parse("0@example.jp").unwrap()],
            ..MailHeader::default()
        },
        body: text("お世話になっております。\n"),
        children: vec![child(0, "資料.pdf"), child(1, "図.png")],
        findings: vec![Finding::new(Reason::HtmlToText, Place::default())],
    }
}

pub(crate) fn image_doc(width: u32, height: u32, frames: u32) -> Document {
    let header = image_header(width, height, frames);
    let pixels = vec![7; usize::try_from(header.frame_bytes()).unwrap()];
    let frame = ImageFrame { header: FrameHeader { delay_ms: 40 }, pixels };
    let frames = vec![frame; usize::try_from(frames).unwrap()];
    Document::Image(ImageDoc { detected: DetectedType::lossy("jpeg"), header, frames, findings: vec![] })
}

pub(crate) fn container_doc() -> Document {
    Document::Container(ContainerDoc {
        detected: DetectedType::lossy("zip"),
        children: vec![member(0, "資料/第1章.docx"), member(1, "readme.txt")],
        findings: vec![],
        opened: Opened::NONE,
    })
}

pub(crate) fn table_doc(rows: &[&[&str]]) -> Document {
    let cell = |content: &&str| Cell { text: text(content), neutralised: content.starts_with('\'') };
    Document::Table(TableDoc {
        detected: DetectedType::lossy("csv"),
        header: TableHeader {
            delimiter: Delimiter::Comma,
            source: TextSource { charset: Charset::Utf8, bom: true, line_end: LineEnd::Lf },
        },
        rows: rows.iter().map(|row| row.iter().map(cell).collect()).collect(),
        findings: vec![],
    })
}

pub(crate) fn examples() -> Vec<Document> {
    vec![
        text_doc("葛\u{E0100}城市 👨\u{200D}👩\n"),
        Document::Mail(mail_doc()),
        image_doc(5, 3, 2),
        container_doc(),
        table_doc(&[&["日付", "金額"], &["2024-01-01", "'=1+1"], &[]]),
        pages_doc(),
        calendar_doc(),
        card_doc(),
    ]
}

/// `document` needs exactly `n` of the limit that `set` sets: with `n` it passes, with one less it does not.
pub(crate) fn exact(document: &Document, n: u64, reason: Reason, set: impl Fn(&mut Limits, u64)) {
    let limits = |value| {
        let mut limits = Limits::default();
        set(&mut limits, value);
        limits
    };
    let bytes = document.encode(Vec::new(), &limits(n)).unwrap();
    assert_eq!(&Document::decode(&*bytes, &limits(n)).unwrap(), document);

    let refusal = Refusal { reason, limit: n - 1, value: n };
    let encoded = document.encode(Vec::new(), &limits(n - 1));
    assert!(matches!(&encoded, Err(EncodeError::Limit(found)) if *found == refusal), "{encoded:?} is not {refusal:?}");
    let decoded = Document::decode(&*bytes, &limits(n - 1));
    assert!(matches!(&decoded, Err(DecodeError::Limit(found)) if *found == refusal), "{decoded:?} is not {refusal:?}");
    assert_eq!(decoded.unwrap_err().refusal(), refusal);
}

pub(crate) fn short(value: u64) -> u32 {
    u32::try_from(value).unwrap()
}

// Strategies.

pub(crate) fn any_line() -> impl Strategy<Value = Line> {
    any::<String>().prop_map(|raw| line(&raw))
}

pub(crate) fn any_text() -> impl Strategy<Value = Text> {
    let emoji =
        select(vec!["👨\u{200D}👩\u{200D}👧", "葛\u{E0100}", "\n", "\t", "\u{E000}", "a"]).prop_map(str::to_owned);
    vec(prop_oneof![any::<String>(), emoji], 0..6).prop_map(|parts| text(&parts.concat()))
}

pub(crate) fn any_name() -> impl Strategy<Value = FileName> {
    any::<String>().prop_map(|raw| name(&raw))
}

pub(crate) fn any_detected() -> impl Strategy<Value = DetectedType> {
    any::<String>().prop_map(|raw| DetectedType::lossy(&raw))
}

pub(crate) fn any_reason() -> impl Strategy<Value = Reason> {
    select(Reason::ALL)
}

pub(crate) fn any_finding() -> impl Strategy<Value = Finding> {
    (any_reason(), 1..=u32::MAX, any::<String>()).prop_map(|(reason, count, place)| Finding {
        reason,
        count,
        place: Place::new(&place),
    })
}

fn any_refusal() -> impl Strategy<Value = Refusal> {
    let withheld: Vec<Reason> = Reason::ALL.iter().copied().filter(|r| r.class() == form::Class::Withheld).collect();
    (select(withheld), any::<u64>(), any::<u64>()).prop_map(|(reason, limit, value)| Refusal { reason, limit, value })
}

fn any_address() -> impl Strategy<Value = Address> {
    "[a-z.]{1,20}@[a-z0-9-]{1,20}(\\.[a-z]{2,3}){1,2}".prop_map(|raw| Address::parse(&raw).unwrap())
}

fn any_mailbox() -> impl Strategy<Value = Mailbox> {
    (any_line(), any_address()).prop_map(|(name, address)| Mailbox { name, address })
}

fn any_id() -> impl Strategy<Value = MessageId> {
    "[a-zA-Z0-9.$%+@-]{1,40}".prop_map(|raw| MessageId::parse(&raw).unwrap())
}

fn any_date() -> impl Strategy<Value = MailDate> {
    (0..4_000_000_000_i64, -1439..=1439_i16).prop_map(|(seconds, offset)| MailDate::new(seconds, offset).unwrap())
}

pub(crate) fn any_mail_header() -> impl Strategy<Value = MailHeader> {
    let people = (
        option::of(any_mailbox()),
        option::of(any_mailbox()),
        vec(any_mailbox(), 0..4),
        vec(any_mailbox(), 0..4),
        vec(any_mailbox(), 0..4),
    );
    let ids = (option::of(any_id()), vec(any_id(), 0..4), vec(any_id(), 0..4));
    let links = vec((select(ListField::ALL), "[a-z/?=%-]{0,40}"), 0..4).prop_map(|links| {
        let link = |(field, path)| ListLink::new(field, Url::rebuild(&format!("https://example.jp/{path}"))?);
        links.into_iter().filter_map(link).collect()
    });
    let rest =
        (any_line(), option::of(any_date()), option::of(any_line()), option::of(any_line()), links, any::<u16>());
    (people, ids, rest).prop_map(|(people, ids, rest)| MailHeader {
        from: people.0,
        sender: people.1,
        to: people.2,
        cc: people.3,
        reply_to: people.4,
        subject: rest.0,
        date: rest.1,
        message_id: ids.0,
        in_reply_to: ids.1,
        references: ids.2,
        auto_submitted: rest.2,
        list_id: rest.3,
        list: rest.4,
        hops: rest.5,
    })
}

fn any_path() -> impl Strategy<Value = MemberPath> {
    vec(any_name(), 1..4).prop_filter_map("too long", |names| {
        let raw = names.iter().map(FileName::as_str).collect::<Vec<_>>().join("/");
        MemberPath::parse(&raw).ok()
    })
}

/// Children with rising ids and ranges that do not overlap.
pub(crate) fn any_children(kind: Kind) -> impl Strategy<Value = Vec<Child>> {
    let steps = (0..1000_u32, 0..1000_u64, 0..100_000_u64);
    let facts = (any::<bool>(), option::of(any::<i64>()), option::of(any_refusal()), any::<bool>());
    let declared = any_line().prop_map(|line| line.cut(255));
    vec((steps, any_path(), declared, facts), 0..6).prop_map(move |children| {
        let (mut id, mut end) = (0, 0);
        let place = |(steps, path, declared_type, facts): ((u32, u64, u64), MemberPath, Line, _)| {
            let (inline, modified, withheld, is_mail) = facts;
            let child = Child {
                id: id + steps.0,
                name: path.file_name().clone(),
                declared_type,
                offset: end + steps.1,
                len: steps.2,
                inline,
                path: (kind == Kind::Container).then_some(path),
                modified,
                withheld,
                is_mail,
            };
            (id, end) = (child.id + 1, child.offset + child.len);
            child
        };
        children.into_iter().map(place).collect()
    })
}

fn any_source() -> impl Strategy<Value = TextSource> {
    use Charset::*;
    (
        select(vec![Utf8, Utf16Le, Utf16Be, ShiftJis, EucJp, Iso2022Jp, Other]),
        any::<bool>(),
        select(vec![LineEnd::CrLf, LineEnd::Lf, LineEnd::Cr]),
    )
        .prop_map(|(charset, bom, line_end)| TextSource { charset, bom, line_end })
}

fn any_image_header() -> impl Strategy<Value = ImageHeader> {
    use ImageSource::*;
    use PixelFormat::*;
    let density = option::of((1..=u16::MAX, 1..=u16::MAX).prop_map(|(x, y)| Density { x, y }));
    let repeat = prop_oneof![Just(Repeat::Forever), (1..=u16::MAX).prop_map(Repeat::Times)];
    (
        (1..200_u32, 1..200_u32, 1..4_u32),
        select(vec![Gray8, GrayA8, Rgb8, Rgba8]),
        density,
        select(vec![Jpeg, Png, Gif, Bmp, Tiff, WebP]),
        option::of(1..=100_u8),
        select(vec![Sampling::Full, Sampling::Reduced]),
        repeat,
    )
        .prop_map(|((width, height, frames), format, density, source, quality, sampling, repeat)| ImageHeader {
            width,
            height,
            frames,
            format,
            density,
            source,
            quality,
            sampling,
            repeat,
        })
}

fn any_image() -> impl Strategy<Value = ImageDoc> {
    let given = (any_image_header(), any_detected(), vec(any_finding(), 0..3), any::<u32>(), any::<u8>());
    given.prop_map(|(header, detected, findings, delay_ms, seed)| {
        let bytes = usize::try_from(header.frame_bytes()).unwrap();
        let frame = |n: u32| ImageFrame {
            header: FrameHeader { delay_ms },
            pixels: (0..bytes).map(|at| u8::try_from(at % 251).unwrap() ^ seed ^ u8::try_from(n).unwrap()).collect(),
        };
        // Fewer frames than announced are allowed, none are not.
        let frames = (0..header.frames.min(u32::from(seed % 4) + 1)).map(frame).collect();
        ImageDoc { detected, header, frames, findings }
    })
}

fn any_table() -> impl Strategy<Value = TableDoc> {
    use Delimiter::*;
    let cell = (any_text(), any::<bool>()).prop_map(|(text, neutralised)| Cell { text, neutralised });
    let header = (select(vec![Comma, Tab, Semicolon, Pipe]), any_source())
        .prop_map(|(delimiter, source)| TableHeader { delimiter, source });
    (any_detected(), header, vec(vec(cell, 0..5), 0..5), vec(any_finding(), 0..3))
        .prop_map(|(detected, header, rows, findings)| TableDoc { detected, header, rows, findings })
}

pub(crate) fn any_document() -> impl Strategy<Value = Document> {
    let findings = || vec(any_finding(), 0..3);
    prop_oneof![
        (any_detected(), option::of(any_source()), any_text(), findings()).prop_map(
            |(detected, source, text, findings)| Document::Text(TextDoc { detected, source, text, findings })
        ),
        (any_detected(), any_mail_header(), any_text(), any_children(Kind::Mail), findings()).prop_map(
            |(detected, header, body, children, findings)| Document::Mail(MailDoc {
                detected,
                header,
                body,
                children,
                findings
            })
        ),
        any_image().prop_map(Document::Image),
        (any_detected(), any_children(Kind::Container), findings(), any_opened()).prop_map(
            |(detected, children, findings, opened)| Document::Container(ContainerDoc {
                detected,
                children,
                findings,
                opened
            })
        ),
        any_table().prop_map(Document::Table),
        any_pages().prop_map(Document::Pages),
    ]
}

/// Any of sixteen passwords.
pub(crate) fn any_opened() -> impl Strategy<Value = Opened> {
    vec(0_usize..16, 0..4).prop_map(|indices| {
        let mut opened = Opened::NONE;
        indices.into_iter().for_each(|index| opened.add(index));
        opened
    })
}
