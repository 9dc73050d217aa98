//! Writes the seeds: those of `form_decode` with the encoders themselves, one small value of every kind and blob; those of the
//! Office targets as scripts of small documents and what the dirty room makes of them.
//! Run it from this directory after a change of the wire: `cargo run --bin write_seeds`.

use form::bundle::{BundleWriter, ChildMeta, ExtraHeader, HeaderName};
use form::codec::{Encoder, Kind};
use form::container::Child;
use form::image::{Density, FrameHeader, ImageHeader, ImageSource, PixelFormat, Repeat, Sampling};
use form::job::{AccountPlace, CleanJob, CleanOp, DirtyJob, DirtyOp, Password, Preview};
use form::mail::{Address, ListField, ListLink, MailDate, MailHeader, Mailbox, MessageId};
use form::name::{FileName, MemberPath};
use form::office::{PartKind, fits};
use form::pages::*;
use form::report::{CleanReport, OutputType, PageLevels};
use form::table::{Cell, Charset, Delimiter, LineEnd, TableHeader, TextSource};
use form::text::{Line, Text};
use form::{DetectedType, Finding, Limits, Place, Reason, Refusal};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let directory = std::path::Path::new("seeds/form_decode");
    std::fs::create_dir_all(directory)?;
    for (name, bytes) in [
        ("text", text()?),
        ("mail", mail()?),
        ("image", image()?),
        ("container", container()?),
        ("table", table()?),
        ("pages", pages()?),
        ("pages_text", pages_text()?),
        ("pages_canvases", pages_canvases()?),
        ("pages_pictures", pages_pictures()?),
        ("preview_job", preview_job().encode()),
        ("dirty_job", dirty_job().encode()),
        ("clean_job", clean_job().encode()),
        ("report", report().encode()),
        ("bundle", bundle()?),
    ] {
        std::fs::write(directory.join(name), &bytes)?;
        if let Some(script) = script(&bytes) {
            std::fs::write(directory.join(format!("{name}_script")), script)?;
        }
    }
    for target in ["office_package", "office_form", "metafile"] {
        std::fs::create_dir_all(format!("seeds/{target}"))?;
    }
    for (name, packed) in office() {
        std::fs::write(format!("seeds/office_package/{name}"), &packed)?;
        let form = misogi_fuzz::dirty(&misogi_fuzz::package::assembled(&packed), "a.docx")?;
        // The kind as the target of forms takes it: the first is that of workbooks.
        let mut script = script(&form).ok_or("no form")?;
        script[0] -= 7;
        std::fs::write(format!("seeds/office_form/{name}"), script)?;
    }
    for (name, choice, records) in drawings() {
        let mut bytes = vec![choice];
        for (kind, data) in records {
            let data: Vec<u8> = data.iter().flat_map(|word: &u32| word.to_le_bytes()).collect();
            bytes.extend(kind.to_le_bytes());
            bytes.extend(u16::try_from(data.len())?.to_le_bytes());
            bytes.extend(data);
        }
        std::fs::write(format!("seeds/metafile/{name}"), bytes)?;
    }
    Ok(())
}

const W: &str = r#"xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships""#;
const X: &str = r#"xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships""#;
const P: &str = r#"xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships""#;

/// Scripts of packages: the family, then kind, referring part and content of each part.
fn office() -> Vec<(&'static str, Vec<u8>)> {
    let part = |family: usize, name: &str| {
        let kind = [Kind::Flow, Kind::Sheet, Kind::Slides][family];
        let mut fitting = PartKind::all().filter(|part| fits(*part, kind));
        fitting.position(|part| part.name() == name).map_or(0, |number| number as u8)
    };
    let packed = |family: usize, parts: &[(&str, u8, String)]| {
        let mut script = vec![family as u8];
        for (name, from, content) in parts {
            let number = match *name {
                "picture" => 251,
                "object" => 252,
                "macros" => 253,
                "link" => 254,
                name => part(family, name),
            };
            script.extend([number, *from]);
            script.extend((content.len() as u16).to_le_bytes());
            script.extend(content.as_bytes());
        }
        script
    };
    let word = format!(
        r#"<w:document {W}><w:body><w:p><w:pPr><w:jc w:val="left"/></w:pPr><w:r><w:t>a</w:t></w:r><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>PAGE</w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r><w:hyperlink r:id="r0"><w:r><w:t>b</w:t></w:r></w:hyperlink></w:p><w:tbl><w:tr><w:tc/></w:tr></w:tbl></w:body></w:document>"#
    );
    let book = format!(r#"<workbook {X}><sheets><sheet name="a" sheetId="1" r:id="r0"/></sheets></workbook>"#);
    let sheet = format!(
        r#"<worksheet {X}><sheetData><row r="1"><c r="A1" t="str"><f>SUM(B1:C1)</f><v>3</v></c></row></sheetData></worksheet>"#
    );
    let show = format!(
        r#"<p:presentation {P}><p:sldIdLst><p:sldId id="256" r:id="r0"/></p:sldIdLst><p:notesSz cx="1" cy="1"/></p:presentation>"#
    );
    let slide = format!(
        r#"<p:sld {P}><p:cSld><p:spTree><p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr><p:grpSpPr/></p:spTree></p:cSld></p:sld>"#
    );
    vec![
        (
            "word",
            packed(
                0,
                &[
                    ("", 0, word),
                    ("link", 0, "https://example.jp/".into()),
                    ("StyleDefinitionsPart", 0, format!(r#"<w:styles {W}/>"#)),
                    ("macros", 0, "x".into()),
                ],
            ),
        ),
        ("sheet", packed(1, &[("", 0, book), ("WorksheetPart", 0, sheet)])),
        ("slide", packed(2, &[("", 0, show), ("SlidePart", 0, slide)])),
        ("walk", packed(0, &[("", 0, "\0\0\0\u{1}\0".into())])),
    ]
}

/// A filled box as records of each kind.
fn drawings() -> Vec<(&'static str, u8, Vec<(u16, Vec<u32>)>)> {
    vec![
        ("emf", 2, vec![(39, vec![1, 0, 255, 0]), (37, vec![1]), (43, vec![25, 25, 75, 75]), (84, vec![0; 19])]),
        ("wmf", 3, vec![(0x02FC, vec![0, 255]), (0x012D, vec![0]), (0x041B, vec![0x0032_0032, 0])]),
    ]
}

/// A stream as the script that the fuzz target makes into it.
fn script(stream: &[u8]) -> Option<Vec<u8>> {
    let rest = stream.strip_prefix(b"MSGFORM\x01")?;
    let (kind, rest) = rest.split_first()?;
    let (token, rest) = rest.split_first()?;
    let mut rest = rest.get(usize::from(*token)..)?;
    let mut script = vec![*kind];
    while let Some((head, more)) = rest.split_first_chunk::<5>() {
        let len = u32::from_le_bytes([head[1], head[2], head[3], head[4]]);
        let (payload, more) = more.split_at_checked(usize::try_from(len).ok()?)?;
        if head[0] != 255 {
            script.push(head[0]);
            script.extend(u16::try_from(len).ok()?.to_le_bytes());
            script.extend(payload);
        }
        rest = more;
    }
    Some(script)
}

fn begin(kind: Kind, detected: &str) -> Result<Encoder<Vec<u8>>> {
    let mut encoder = Encoder::new(Vec::new(), kind, DetectedType::lossy(detected), &Limits::default())?;
    encoder.finding(&Finding { reason: Reason::Metadata, count: 2, place: Place::new("EXIF") })?;
    Ok(encoder)
}

fn line(raw: &str) -> Line {
    Line::scrub(raw).0
}

fn source() -> TextSource {
    TextSource { charset: Charset::ShiftJis, bom: false, line_end: LineEnd::CrLf }
}

fn text() -> Result<Vec<u8>> {
    let mut encoder = begin(Kind::Text, "text")?;
    encoder.text_source(&source())?;
    encoder.text("葛\u{E0100}城市\t外\u{E000}字\n👨\u{200D}👩")?;
    Ok(encoder.finish()?)
}

fn mailbox(name: &str, address: &str) -> Result<Mailbox> {
    Ok(Mailbox { name: line(name), address: Address::parse(address)? })
}

fn child(id: u32, name: &FileName) -> Child {
    Child {
        id,
        name: name.clone(),
        declared_type: line("image/png"),
        offset: u64::from(id) * 10,
        len: 10,
        inline: true,
        path: None,
        modified: None,
        withheld: None,
        is_mail: false,
    }
}

fn mail() -> Result<Vec<u8>> {
    let mut encoder = begin(Kind::Mail, "mail")?;
    encoder.mail_header(&MailHeader {
        from: Some(mailbox("山田", "a..b.@docomo.ne.jp")?),
        sender: Some(mailbox("", "s@example.jp")?),
        to: vec![mailbox("", "t@example.jp")?],
        cc: vec![mailbox("", "\"c\"@[192.0.2.1]")?],
        reply_to: vec![mailbox("", "r@example.jp")?],
        subject: line("件名"),
        date: MailDate::new(1_700_000_000, 540),
        message_id: Some(MessageId::parse("1@example.jp")?),
        in_reply_to: vec![MessageId::parse("0@example.jp")?],
        references: vec![MessageId::parse("0@example.jp")?],
        auto_submitted: Some(line("auto-generated")),
        list_id: Some(line("list.example.jp")),
        list: Url::rebuild("https://example.jp/leave")
            .and_then(|url| ListLink::new(ListField::Unsubscribe, url))
            .into_iter()
            .collect(),
        hops: 3,
    })?;
    encoder.text("本文\n")?;
    encoder.child(&child(0, &FileName::parse("図.png")?))?;
    let withheld = Some(Refusal::plain(Reason::ExternalBody));
    encoder.child(&Child { withheld, is_mail: true, ..child(1, &FileName::parse("a.eml")?) })?;
    Ok(encoder.finish()?)
}

fn image() -> Result<Vec<u8>> {
    let header = ImageHeader {
        width: 3,
        height: 2,
        frames: 2,
        format: PixelFormat::Rgba8,
        density: Some(Density { x: 96, y: 96 }),
        source: ImageSource::Gif,
        quality: Some(80),
        sampling: Sampling::Reduced,
        repeat: Repeat::Times(3),
    };
    let mut encoder = begin(Kind::Image, "gif")?;
    encoder.image(&header)?;
    for delay_ms in [10, 20] {
        encoder.frame(&FrameHeader { delay_ms })?;
        encoder.pixels(&[9; 12])?;
        encoder.pixels(&[8; 12])?;
    }
    Ok(encoder.finish()?)
}

fn container() -> Result<Vec<u8>> {
    let mut encoder = begin(Kind::Container, "zip")?;
    for (id, path) in [(0, "資料/第1章.txt"), (1, "a.txt")] {
        let path = MemberPath::parse(path)?;
        let name = path.file_name().clone();
        encoder.child(&Child { path: Some(path), modified: Some(1_700_000_000), ..child(id, &name) })?;
    }
    Ok(encoder.finish()?)
}

fn table() -> Result<Vec<u8>> {
    let mut encoder = begin(Kind::Table, "csv")?;
    encoder.table(&TableHeader { delimiter: Delimiter::Comma, source: source() })?;
    encoder.row(&[Cell { text: Text::scrub("日付\n").0, neutralised: false }, Cell::default()])?;
    encoder.row(&[])?;
    encoder.row(&[Cell { text: Text::scrub("'=1").0, neutralised: true }])?;
    Ok(encoder.finish()?)
}

fn begin_pages() -> Result<Encoder<Vec<u8>>> {
    let mut encoder = begin(Kind::Pages, "pdf")?;
    encoder.pages(&PagesHeader { language: Some(LanguageTag::parse("ja")?), title: line("予算") })?;
    Ok(encoder)
}

fn page() -> PageHeader {
    PageHeader { width: 595.0, height: 842.0, level: PageLevel::Vector }
}

fn square() -> Path {
    Path::rect(Rect { x0: 0.0, y0: 0.0, x1: 9.0, y1: 9.0 })
}

fn fill() -> Operation {
    Operation::Fill(square(), FillRule::NonZero)
}

fn pages() -> Result<Vec<u8>> {
    let mut encoder = begin_pages()?;
    let stop = |offset| GradientStop { offset, color: Color { r: 1, g: 2, b: 3 } };
    let (start, end) = (Point::default(), Point { x: 1.0, y: 2.0 });
    let shape = GradientShape::Radial { start, start_radius: 0.0, end, end_radius: 3.0 };
    let stops = vec![stop(0.0), stop(0.5), stop(1.0)];
    let gradient = encoder.gradient(&Gradient {
        shape,
        matrix: Matrix::IDENTITY,
        stops,
        extend_start: true,
        extend_end: false,
    })?;
    encoder.page(&page())?;
    let curve = vec![Segment::Move(start), Segment::Cubic(start, end, end), Segment::Line(start), Segment::Close];
    encoder.operations(&[
        Operation::Clip(Path { segments: curve }, FillRule::EvenOdd),
        Operation::FillPaint(Paint::Gradient { gradient, alpha: 255 }),
        fill(),
        Operation::Unclip,
        Operation::StrokePaint(Paint::Color { color: Color::default(), alpha: 128 }),
        Operation::Pen(StrokeStyle { dashes: vec![3.0, 1.0], ..StrokeStyle::default() }),
        Operation::Stroke { path: square(), space: Matrix([2.0, 0.0, 0.0, 1.0, 0.0, 0.0]) },
        Operation::Blend(BlendMode::Multiply),
    ])?;
    let area = Rect { x0: 0.0, y0: 0.0, x1: 9.0, y1: 9.0 };
    encoder.link(&Link { area, target: Target::Url(Url::parse("https://example.jp/")?) })?;
    encoder.link(&Link { area, target: Target::Page { page: 1, top: Some(9.0) } })?;
    encoder.page(&PageHeader { level: PageLevel::Raster, ..page() })?;
    encoder.outline_item(&OutlineItem { level: 0, title: line("一"), page: 0, top: None })?;
    encoder.outline_item(&OutlineItem { level: 1, title: line("二"), page: 1, top: Some(1.0) })?;
    encoder.page_label(&PageLabel { page: 0, style: LabelStyle::LowerRoman, prefix: line("a-"), start: 1 })?;
    Ok(encoder.finish()?)
}

fn pages_text() -> Result<Vec<u8>> {
    let mut encoder = begin_pages()?;
    for text in ["葛\u{E0100}", "ﬁ", ""] {
        encoder.glyph(&Glyph { advance: 500.0, outline: square(), text: GlyphText::parse(text)? })?;
    }
    encoder.page(&PageHeader { level: PageLevel::RasterText, ..page() })?;
    let place = |glyph| PlacedGlyph { glyph, x: 1.0, y: 2.0 };
    let run =
        TextRun { space: Matrix::IDENTITY, em: [12.0, 0.0, 0.0, 12.0], glyphs: vec![place(0), place(1), place(2)] };
    encoder.operations(&[
        Operation::ClipText(run.clone()),
        Operation::Text(run.clone(), TextMode::Fill),
        Operation::Unclip,
        Operation::Text(run, TextMode::Invisible),
    ])?;
    Ok(encoder.finish()?)
}

fn pages_canvases() -> Result<Vec<u8>> {
    let mut encoder = begin_pages()?;
    let bounds = Rect { x0: 0.0, y0: 0.0, x1: 9.0, y1: 9.0 };
    let mask = CanvasKind::Mask { kind: MaskKind::Luminosity { backdrop: Color::default() }, transfer: None };
    let mask = encoder.canvas(&CanvasHeader { kind: mask, bounds })?;
    encoder.operations(&[fill()])?;
    let tile = CanvasKind::Tile { matrix: Matrix::IDENTITY, x_step: 9.0, y_step: -9.0 };
    let tile = encoder.canvas(&CanvasHeader { kind: tile, bounds })?;
    encoder.operations(&[fill()])?;
    let group = CanvasKind::Group { isolated: true, knockout: false };
    let group = encoder.canvas(&CanvasHeader { kind: group, bounds })?;
    encoder.operations(&[Operation::Mask(Some(mask)), fill(), Operation::Mask(None)])?;
    encoder.page(&page())?;
    encoder.operations(&[
        Operation::FillPaint(Paint::Tile { canvas: tile, alpha: 255 }),
        fill(),
        Operation::Group { canvas: group, alpha: 99 },
    ])?;
    Ok(encoder.finish()?)
}

fn pages_pictures() -> Result<Vec<u8>> {
    let mut encoder = begin_pages()?;
    let (layout, source) = (PictureLayout::Bits, PictureSource::Drawing);
    let stencil = PictureHeader { width: 9, height: 2, layout, source, interpolate: false, alpha: None };
    let stencil_number = encoder.picture(&stencil)?;
    encoder.pixels(&[0xFF, 0x80, 0, 0])?;
    let (layout, source) = (PictureLayout::Rgb8, PictureSource::Photo);
    let photo = encoder.picture(&PictureHeader {
        width: 2,
        layout,
        source,
        interpolate: true,
        alpha: Some(stencil_number),
        ..stencil
    })?;
    encoder.pixels(&[7; 6])?;
    encoder.pixels(&[8; 6])?;
    encoder.page(&page())?;
    let matrix = Matrix([9.0, 0.0, 0.0, 9.0, 1.0, 1.0]);
    encoder.operations(&[
        Operation::Picture { picture: photo, matrix, alpha: 255 },
        Operation::Stencil { picture: stencil_number, matrix },
    ])?;
    Ok(encoder.finish()?)
}

fn dirty_job() -> DirtyJob {
    DirtyJob {
        declared_name: FileName::parse("a.zip").ok(),
        declared_type: line("application/zip"),
        passwords: Password::new("ひみつ").into_iter().collect(),
        ..DirtyJob::new(DirtyOp::Auto, Limits::default())
    }
}

fn preview_job() -> DirtyJob {
    DirtyJob { op: DirtyOp::Preview, preview: Some(Preview { page: 0, max_side: 1_200 }), ..dirty_job() }
}

fn clean_job() -> CleanJob {
    CleanJob {
        account: AccountPlace::Bottom,
        ..CleanJob::new(CleanOp::AssembleMail, Limits::default(), *b"0123456789abcdef")
    }
}

fn report() -> CleanReport {
    CleanReport {
        kind: Kind::Image,
        detected_type: DetectedType::lossy("jpeg"),
        output: OutputType::Jpeg,
        pages: 1,
        levels: PageLevels { vector: 1, raster_text: 2, raster: 3 },
        letters: Default::default(),
        unmapped: Vec::new(),
        opened: Default::default(),
        children: Vec::new(),
        findings: vec![Finding { reason: Reason::GpsPosition, count: 1, place: Place::new("EXIF") }],
    }
}

fn bundle() -> Result<Vec<u8>> {
    let mut writer = BundleWriter::new(Vec::new(), &Limits::default())?;
    let form = text()?;
    writer.form(form.len().try_into()?, &mut &*form)?;
    writer.account(&Text::scrub("無害化しました。\n").0)?;
    writer
        .extra_header(&ExtraHeader { name: HeaderName::parse("X-Misogi-Receipt")?, value: line("20261121-8F3K2") })?;
    let name = FileName::parse("a.png")?;
    let path = Some(MemberPath::from(name.clone()));
    let meta = ChildMeta { id: 0, name, path, modified: Some(0), output: OutputType::Png, inline: true };
    writer.child(&meta, 3, &mut &b"png"[..])?;
    Ok(writer.finish()?)
}
