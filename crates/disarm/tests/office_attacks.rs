//! Packages and markup made to break readers: each has its reason, none takes long.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails where it fails"
)]

mod package_kit;
mod rooms;

use std::io::Write;
use std::time::{Duration, Instant};

use form::report::OutputType;
use form::{Limits, Reason, Refusal};
use package_kit::{DOCUMENT, MC, Package, R, Rebuilt, W, WORKBOOK, X};
use rooms::{refusal, sanitise};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// A paragraph that says this.
fn words(text: &str) -> String {
    format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")
}

fn document(body: &str) -> String {
    format!("<w:document {W} {R} {MC}><w:body>{body}</w:body></w:document>")
}

/// A document whose main part is these bytes.
fn main_part(bytes: &[u8]) -> Vec<u8> {
    Package::document("").bytes("word/document.xml", bytes).zip()
}

fn text_of(bytes: &[u8]) -> String {
    let done = sanitise(bytes, "a.docx").unwrap_or_else(|refused| panic!("{:?}", refused.refusal));
    Rebuilt::open(&done.bytes).text("document.xml")
}

fn refused(bytes: &[u8], name: &str) -> Refusal {
    sanitise(bytes, name).expect_err("refused").refusal
}

#[test]
fn no_document_type_is_read_in_any_part_and_at_any_place() {
    let body = document(&words("&x;"));
    let types = [
        r#"<!DOCTYPE d [<!ENTITY x "y">]>"#,
        r#"<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>"#,
        r#"<!DOCTYPE d SYSTEM "http://example.invalid/a.dtd">"#,
        r#"<!DOCTYPE d PUBLIC "-//W3C//DTD XHTML 1.0//EN" "http://example.invalid/a.dtd">"#,
        r#"<!DOCTYPE d [<!ENTITY % x SYSTEM "http://example.invalid/a.dtd"> %x;]>"#,
        r#"<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY x "&b;&b;&b;&b;&b;&b;&b;">]>"#,
        "<!DOCTYPE d>",
    ];
    for doctype in types {
        assert_eq!(
            refusal(&main_part(format!("{doctype}{body}").as_bytes()), "a.docx"),
            Reason::Malformed,
            "{doctype}"
        );
        let wide: Vec<u8> = format!("\u{FEFF}{doctype}{body}").encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(refusal(&main_part(&wide), "a.docx"), Reason::Malformed, "{doctype} in UTF-16");
    }
    let late = format!("{}<!DOCTYPE d>", document("<w:p/>"));
    assert_eq!(refusal(&main_part(late.as_bytes()), "a.docx"), Reason::Malformed);
    let bad = |xml: &str| format!(r#"<!DOCTYPE d [<!ENTITY x "y">]>{xml}"#);
    for part in ["[Content_Types].xml", "_rels/.rels", "word/_rels/document.xml.rels"] {
        let zip = archive(&[
            ("[Content_Types].xml", if part.starts_with('[') { bad(&types_of(DOCUMENT)) } else { types_of(DOCUMENT) }),
            ("_rels/.rels", if part == "_rels/.rels" { bad(&leads_to_document()) } else { leads_to_document() }),
            (
                "word/_rels/document.xml.rels",
                if part.starts_with('w') { bad("<Relationships/>") } else { "<Relationships/>".into() },
            ),
            ("word/document.xml", document("<w:p/>")),
        ]);
        assert_eq!(refusal(&zip, "a.docx"), Reason::Malformed, "{part}");
    }
}

fn types_of(main: &str) -> String {
    types_with(&format!(r#"<Override PartName="/word/document.xml" ContentType="{main}"/>"#))
}

fn types_with(entries: &str) -> String {
    format!(r#"<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">{entries}</Types>"#)
}

fn leads_to_document() -> String {
    relations(
        r#"<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>"#,
    )
}

fn relations(entries: &str) -> String {
    format!(
        r#"<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{entries}</Relationships>"#
    )
}

/// An archive of these members, as a program writes it that cannot go back: with sizes behind the data.
fn archive(members: &[(&str, String)]) -> Vec<u8> {
    let mut zip = ZipWriter::new_stream(Vec::new());
    for (name, content) in members {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[test]
fn bytes_are_text_in_utf_8_and_utf_16_only_whatever_the_part_says_of_itself() {
    let said = |encoding: &str, body: &str| format!(r#"<?xml version="1.0" encoding="{encoding}"?>{}"#, document(body));
    // What UTF-7 would make a tag of stays the words that it is in UTF-8.
    let text = text_of(&main_part(said("UTF-7", &words("+ADw-w:instrText+AD4-")).as_bytes()));
    assert!(text.contains("+ADw-w:instrText+AD4-") && !text.contains("<w:instrText"), "{text}");
    let hidden = format!("+ADwAIQ-DOCTYPE d+AD4-{}", document("<w:p/>"));
    assert!(!text_of(&main_part(hidden.as_bytes())).contains("DOCTYPE"));
    // 申請 in Shift_JIS is no UTF-8.
    let (before, after) = ("<w:p><w:r><w:t>", "</w:t></w:r></w:p>");
    let mut jis = said("Shift_JIS", &format!("{before}??{after}")).into_bytes();
    let at = jis.windows(2).rposition(|two| two == b"??").unwrap();
    jis.splice(at..at + 2, [0x90, 0x5C, 0x90, 0xBF]);
    assert_eq!(refusal(&main_part(&jis), "a.docx"), Reason::Malformed);
    let wide: Vec<u8> = said("UTF-8", &words("広い")).encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert!(text_of(&main_part(&wide)).contains("広い"), "UTF-16 without a mark is known by its first tag");
    let widest: Vec<u8> = said("UTF-32", "<w:p/>").chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    assert!(sanitise(&main_part(&widest), "a.docx").is_err());
    assert!(text_of(&main_part(format!("\u{FEFF}{}", document(&words("印"))).as_bytes())).contains('印'));
}

#[test]
fn a_million_attributes_take_no_longer_than_their_bytes() {
    let many = |count: u32| (0..count).map(|number| format!(" a{number:x}=\"{}\"", number % 7)).collect::<String>();
    let million = many(1_000_000);
    let main = main_part(format!("<w:document {W}><w:body{million}/></w:document>").as_bytes());
    let tag = |name: &str| format!("<{name}{}/>", many(500_000));
    let in_types = archive(&[
        ("[Content_Types].xml", types_with(&tag("Default"))),
        ("_rels/.rels", leads_to_document()),
        ("word/document.xml", document("<w:p/>")),
    ]);
    let in_relations = archive(&[
        ("[Content_Types].xml", types_of(DOCUMENT)),
        ("_rels/.rels", leads_to_document()),
        ("word/_rels/document.xml.rels", relations(&tag("Relationship"))),
        ("word/document.xml", document("<w:p/>")),
    ]);
    for (what, bytes) in [("main", main), ("types", in_types), ("relations", in_relations)] {
        let begun = Instant::now();
        assert!(sanitise(&bytes, "a.docx").is_ok(), "{what}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{what} {:?}", begun.elapsed());
    }
    let declared: String = (0..2_000).map(|number| format!(" xmlns:a{number}=\"urn:{number}\"")).collect();
    let declared = format!("<w:document {W}{declared}><w:body/></w:document>");
    assert_eq!(refused(&main_part(declared.as_bytes()), "a.docx"), Refusal::limit(Reason::LimitMarkup, 1_024, 1_025));
}

/// Sheets that lead nowhere, names on the last of them, and links that each sheet might be found among.
#[test]
fn the_lists_of_a_workbook_take_no_longer_than_their_bytes() {
    const SHEETS: u32 = 300_000;
    let sheets: String = (0..SHEETS).map(|number| format!(r#"<sheet name="{number:x}" r:id="x{number}"/>"#)).collect();
    let names: String = (0..SHEETS)
        .map(|number| {
            format!(r#"<definedName name="n{number:x}" localSheetId="{}">1</definedName>"#, SHEETS - 1 - number % 9)
        })
        .collect();
    let book = format!(
        r#"<workbook {X} {R}><sheets><sheet name="A" sheetId="1" r:id="s1"/>{sheets}</sheets><definedNames>{names}</definedNames></workbook>"#
    );
    let links: String = (0..15_000)
        .map(|number| format!(r#"<Relationship Id="l{number}" Type="{OFFICE}/hyperlink" TargetMode="External" Target="http://{number}.example/"/>"#))
        .collect();
    let own = format!(r#"<Relationship Id="s1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>"#);
    let zip = archive(&[
        ("[Content_Types].xml", types_of(WORKBOOK)),
        (
            "_rels/.rels",
            relations(&format!(r#"<Relationship Id="a" Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/>"#)),
        ),
        ("xl/_rels/workbook.xml.rels", relations(&format!("{links}{own}"))),
        ("xl/workbook.xml", book),
        ("xl/worksheets/sheet1.xml", format!("<worksheet {X}><sheetData/></worksheet>")),
    ]);
    let begun = Instant::now();
    let done = sanitise(&zip, "a.xlsx").unwrap_or_else(|refused| panic!("{:?}", refused.refusal));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let book = Rebuilt::open(&done.bytes).text("workbook.xml");
    assert_eq!((book.matches("<sheet ").count(), book.matches("<definedName ").count()), (1, 0));
}

/// Letters that do not pack well.
fn noise(len: usize) -> String {
    let mut state = 1_u32;
    let letter = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + u8::try_from(state >> 28).unwrap())
    };
    (0..len).map(letter).collect()
}

#[test]
fn one_tag_or_text_may_have_sixteen_megabytes_and_no_more() {
    const LIMIT: u64 = 16 * 1024 * 1024;
    let (short, long) = (noise(15_000_000), noise(18_000_000));
    assert!(sanitise(&main_part(document(&format!(r#"<w:p w:rsidR="{short}"/>"#)).as_bytes()), "a.docx").is_ok());
    for body in [
        format!(r#"<w:p w:rsidR="{long}"/>"#),
        format!("<w:p{long}/>"),
        words(&long),
        format!("<!--{long}--><w:p/>"),
        format!("<w:p><w:r><w:t><![CDATA[{long}]]></w:t></w:r></w:p>"),
    ] {
        let refusal = refused(&main_part(document(&body).as_bytes()), "a.docx");
        assert_eq!(refusal, Refusal::limit(Reason::LimitMarkup, LIMIT, LIMIT + 1), "{}", &body[..20]);
    }
}

#[test]
fn nesting_has_a_limit_whatever_the_elements_are() {
    let nested = |open: &str, close: &str| {
        document(&format!("{}<!--{}-->{}", open.repeat(15_000), noise(3_000), close.repeat(15_000)))
    };
    for (open, close) in [
        (r#"<mc:AlternateContent><mc:Choice Requires="wps">"#, "</mc:Choice></mc:AlternateContent>"),
        ("<w:tbl><w:tr><w:tc>", "</w:tc></w:tr></w:tbl>"),
        (r#"<x xmlns="urn:unknown">"#, "</x>"),
        ("<w:smartTag>", "</w:smartTag>"),
    ] {
        let reason = refusal(&main_part(nested(open, close).as_bytes()), "a.docx");
        assert_eq!(reason, Reason::LimitMarkup, "{open}");
    }
}

#[test]
fn parts_that_lead_to_one_another_in_circles_are_each_read_once() {
    let header = |text: &str| format!("<w:hdr {W}>{}</w:hdr>", words(text));
    let package = Package::document(&words("main"))
        .relation("word/document.xml", "a", "header", "header1.xml")
        .relation("word/document.xml", "self", "officeDocument", "document.xml")
        .relation("word/header1.xml", "a", "header", "header2.xml")
        .relation("word/header1.xml", "up", "officeDocument", "document.xml")
        .relation("word/header2.xml", "a", "header", "header1.xml")
        .relation("word/header2.xml", "b", "header", "header2.xml")
        .part("word/header1.xml", &header("one"))
        .part("word/header2.xml", &header("two"));
    let done = sanitise(&package.zip(), "a.docx").unwrap();
    let parts = Rebuilt::open(&done.bytes);
    let headers = parts.names().into_iter().filter(|name| name.starts_with("word/header")).count();
    assert!(headers <= 2 && parts.text("document.xml").contains("main"), "{:?}", parts.names());
}

#[test]
fn what_a_document_is_its_markup_says_and_no_content_type() {
    let with = |types: &str| {
        archive(&[
            ("[Content_Types].xml", types.to_owned()),
            ("_rels/.rels", leads_to_document()),
            ("word/document.xml", document(&words("text"))),
        ])
    };
    let of_part = |kind: &str| format!(r#"<Override PartName="/word/document.xml" ContentType="{kind}"/>"#);
    let macros = "application/vnd.ms-word.document.macroEnabled.main+xml";
    for types in [
        types_with(""),
        types_of(WORKBOOK),
        types_of("text/html"),
        types_with(&format!("{}{}", of_part(DOCUMENT), of_part(macros))),
        types_with(&format!(r#"<Default Extension="xml" ContentType="{macros}"/>"#)),
        types_with(r#"<Override PartName="/WORD/DOCUMENT.XML" ContentType="application/x-msdownload"/>"#),
    ] {
        let done = sanitise(&with(&types), "a.docx").unwrap();
        assert_eq!(done.report.output, OutputType::Docx, "{types}");
        let parts = Rebuilt::open(&done.bytes);
        let types = String::from_utf8(parts.0[0].1.clone()).unwrap();
        assert!(types.contains(DOCUMENT) && !types.contains("macro") && !types.contains("html"), "{types}");
        assert!(parts.text("document.xml").contains("text"));
    }
}

#[test]
fn one_part_has_one_name_however_it_is_written() {
    for second in ["word/DOCUMENT.xml", "word\\document.xml", "word/document%2Exml", "Word/document.xml"] {
        let zip = archive(&[
            ("[Content_Types].xml", types_of(DOCUMENT)),
            ("_rels/.rels", leads_to_document()),
            ("word/document.xml", document(&words("one"))),
            (second, document(&words("two"))),
        ]);
        assert_eq!(refusal(&zip, "a.docx"), Reason::DuplicateMember, "{second}");
    }
}

/// A document whose archive has sizes behind the data, and where those of the main part stand.
fn streamed() -> (Vec<u8>, usize) {
    let zip = archive(&[
        ("[Content_Types].xml", types_of(DOCUMENT)),
        ("_rels/.rels", leads_to_document()),
        ("word/document.xml", document(&words("text"))),
    ]);
    let at = zip.windows(4).rposition(|four| four == b"PK\x07\x08").expect("sizes behind the data");
    (zip, at + 4)
}

#[test]
fn sizes_behind_the_data_are_those_of_the_directory() {
    let (zip, at) = streamed();
    assert!(text_of(&zip).contains("text"));
    // The checksum, the packed and the unpacked size.
    for field in [0, 4, 8] {
        let mut lying = zip.clone();
        lying[at + field] ^= 4;
        assert_eq!(refusal(&lying, "a.docx"), Reason::DirectoryMismatch, "{field}");
    }
}

#[test]
fn a_part_of_more_bytes_than_it_says_ends_where_it_says() {
    let (mut zip, behind) = streamed();
    let central = zip.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
    for at in [behind + 8, central + 24] {
        zip[at..at + 4].copy_from_slice(&100_u32.to_le_bytes());
    }
    assert_eq!(refusal(&zip, "a.docx"), Reason::Malformed);
}

#[test]
fn a_part_that_says_it_has_two_gigabytes_is_not_begun() {
    let (mut zip, behind) = streamed();
    let central = zip.windows(4).rposition(|four| four == b"PK\x01\x02").unwrap();
    for at in [behind + 8, central + 24] {
        zip[at..at + 4].copy_from_slice(&(2_u32 << 30).to_le_bytes());
    }
    let refusal = refused(&zip, "a.docx");
    assert_eq!((refusal.reason, refusal.limit), (Reason::LimitTotalBytes, Limits::default().total_bytes));
    assert!(refusal.value >= 2 << 30, "{refusal:?}");
}

#[test]
fn strings_that_many_cells_share_are_written_once_and_bombs_of_them_are_refused() {
    let book = |strings: &str, cells: &str| {
        Package::workbook(&format!("<sheetData><row>{cells}</row></sheetData>"))
            .relation("xl/workbook.xml", "s2", "sharedStrings", "sharedStrings.xml")
            .part("xl/sharedStrings.xml", &format!("<sst {X}>{strings}</sst>"))
            .zip()
    };
    // A gigabyte for whoever puts the string into each cell.
    let long = format!("<si><t>{}</t></si>", noise(30_000));
    let cells: String = (0..33_000).map(|number| format!("<c t=\"s\" s=\"{}\"><v>0</v></c>", number % 977)).collect();
    let done = sanitise(&book(&long, &cells), "a.xlsx").unwrap();
    let unpacked: usize = Rebuilt::open(&done.bytes).0.iter().map(|(_, content)| content.len()).sum();
    assert!(unpacked < 4 << 20, "{unpacked}");
    let many = book(&"<si><t>a</t></si>".repeat(100_000), "");
    let limits = Limits { markup: 200_000, ..Limits::default() };
    let refused = rooms::sanitise_within(&many, "a.xlsx", &limits).expect_err("refused").refusal;
    assert_eq!((refused.reason, refused.limit), (Reason::LimitMarkup, 200_000));
}

#[test]
fn parts_that_are_held_are_bounded_all_together() {
    // Each is read before anything is written, so that a broken one can be left out; those beyond the bound are read as they come.
    let part = |end: &str| {
        let comment = r#"<w:comment w:id="1" w:author=""><w:p/></w:comment>"#.repeat(70_000);
        format!("<w:comments {W}>{comment}<!--{}-->{end}", noise(20_000))
    };
    let with = |broken: usize| {
        (0..6).fold(Package::document("<w:p/>"), |package, number| {
            let end = if number == broken { "" } else { "</w:comments>" };
            package
                .relation("word/document.xml", &format!("c{number}"), "comments", &format!("c{number}.xml"))
                .part(&format!("word/c{number}.xml"), &part(end))
        })
    };
    let done = sanitise(&with(0).zip(), "a.docx").unwrap();
    assert_eq!(done.place(Reason::UnknownContent).as_deref(), Some("c0.xml"));
    assert_eq!(refusal(&with(5).zip(), "a.docx"), Reason::Malformed);
}

#[test]
fn references_to_other_files_inside_markup_are_not_followed() {
    let text = text_of(&main_part(
        document(&format!(
            r#"<w:p><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" parse="text"/></w:p>{}<?xml-stylesheet href="http://example.invalid/a.xsl"?>"#,
            words("text")
        ))
        .as_bytes(),
    ));
    assert!(text.contains("text") && !text.contains("include") && !text.contains("stylesheet"), "{text}");
}
