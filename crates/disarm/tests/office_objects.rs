//! Files that are embedded in Office documents, and documents that give nothing but their words.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by failing"
)]

mod package_kit;
mod password_kit;
mod rooms;

use disarm::Fonts;
use form::document::Document;
use form::job::{DirtyJob, Embedded, OfficePolicy};
use form::{Limits, Reason, Refusal};
use package_kit::{Package, W};
use password_kit::compound;
use rooms::{dirty_job, sanitise};

/// What a packager of Windows makes of a file ([MS-OLEDS] 2.3.6).
fn packaged(name: &str, bytes: &[u8]) -> Vec<u8> {
    let mut body = vec![2, 0];
    body.extend([name.as_bytes(), b"\0C:\\x\0\0\0\x03\0\x05\0\0\0C:\\T\0"].concat());
    body.extend(u32::try_from(bytes.len()).unwrap().to_le_bytes());
    body.extend(bytes);
    [u32::try_from(body.len()).unwrap().to_le_bytes().as_slice(), &body].concat()
}

/// A document with these parts as its objects.
fn with_objects(objects: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut package = Package::document("<w:p><w:r><w:t>本文</w:t></w:r></w:p>");
    for (at, (name, bytes)) in objects.iter().enumerate() {
        let kind = if name.ends_with(".bin") { "oleObject" } else { "package" };
        package = package
            .relation("word/document.xml", &format!("o{at}"), kind, &format!("embeddings/{name}"))
            .bytes(&format!("word/embeddings/{name}"), bytes);
    }
    package.zip()
}

struct Taken {
    files: Vec<(String, Vec<u8>, Option<Refusal>)>,
    findings: Vec<(Reason, String)>,
}

fn take(bytes: &[u8], embedded: Embedded, limits: &Limits) -> Result<Taken, Reason> {
    let office = OfficePolicy { embedded, ..OfficePolicy::default() };
    let job = DirtyJob { office, ..dirty_job("a.docx", limits) };
    let (mut form, mut spill) = (Vec::new(), Vec::new());
    disarm::run(&job.encode(), bytes, &Fonts::default(), &mut form, &mut spill)
        .map_err(|refused| refused.refusal.reason)?;
    let Document::Office(document) = Document::decode(form.as_slice(), limits).unwrap() else { panic!("another kind") };
    let files = document.children.iter().map(|child| {
        let (from, len) = (usize::try_from(child.offset).unwrap(), usize::try_from(child.len).unwrap());
        (child.name.as_str().to_owned(), spill[from..from + len].to_vec(), child.withheld)
    });
    let findings = document.findings.iter().map(|finding| (finding.reason, finding.place.to_string()));
    Ok(Taken { files: files.collect(), findings: findings.collect() })
}

#[test]
fn files_in_objects_of_every_kind_become_children_under_their_names() {
    let inner = Package::document(&format!("<w:p {W}/>")).zip();
    let word = compound(3, &[("WordDocument", &[7; 5000])]);
    let document = with_objects(&[
        ("sheet1.xlsx", b"PK\x03\x04 a package".to_vec()),
        ("oleObject1.bin", compound(3, &[("\u{1}Ole10Native", &packaged("tool.exe", b"MZ\x90"))])),
        ("oleObject2.bin", compound(3, &[("\u{1}Ole10Native", &packaged("tool.exe", b"MZ\x91"))])),
        ("oleObject3.bin", compound(3, &[("Package", &inner)])),
        ("oleObject4.bin", compound(3, &[("CONTENTS", b"%PDF-1.4 pages")])),
        ("oleObject5.bin", word.clone()),
        ("oleObject6.bin", compound(3, &[("Equation Native", b"x")])),
        ("oleObject7.bin", compound(3, &[("EncryptionInfo", b"x"), ("EncryptedPackage", b"x")])),
        ("oleObject8.bin", compound(3, &[("DocumentText", &ichitaro("本文"))])),
        ("oleObject9.bin", compound(3, &[("__properties_version1.0", b"x")])),
    ]);
    let taken = take(&document, Embedded::Extract, &Limits::default()).unwrap();
    let files: Vec<(&str, &[u8])> =
        taken.files.iter().map(|(name, bytes, _)| (name.as_str(), bytes.as_slice())).collect();
    let others = [
        compound(3, &[("EncryptionInfo", b"x"), ("EncryptedPackage", b"x")]),
        compound(3, &[("DocumentText", &ichitaro("本文"))]),
        compound(3, &[("__properties_version1.0", b"x")]),
    ];
    let expected: [(&str, &[u8]); 9] = [
        ("sheet1.xlsx", b"PK\x03\x04 a package"),
        ("tool.exe", b"MZ\x90"),
        ("tool (2).exe", b"MZ\x91"),
        ("oleobject3.docx", &inner),
        ("oleobject4.pdf", b"%PDF-1.4 pages"),
        ("oleobject5.doc", &word),
        ("oleobject7.docx", &others[0]),
        ("oleobject8.jtd", &others[1]),
        ("oleobject9.msg", &others[2]),
    ];
    assert_eq!(files, expected);
    assert!(taken.files.iter().all(|(_, _, withheld)| withheld.is_none()));
    let objects: Vec<&str> = taken
        .findings
        .iter()
        .filter(|(reason, _)| *reason == Reason::EmbeddedObject)
        .map(|(_, place)| place.as_str())
        .collect();
    assert_eq!(objects, ["oleobject6.bin"], "a formula is no file");
}

#[test]
fn by_default_they_stay_behind_and_are_named() {
    let object = compound(3, &[("\u{1}Ole10Native", &packaged("見積.exe", b"MZ"))]);
    let document = with_objects(&[("oleObject1.bin", object)]);
    let taken = take(&document, Embedded::Withhold, &Limits::default()).unwrap();
    assert!(taken.files.is_empty());
    assert!(taken.findings.contains(&(Reason::EmbeddedObject, "見積.exe".to_owned())), "{:?}", taken.findings);
}

#[test]
fn objects_that_cannot_be_read_or_are_too_large_are_withheld_alone_and_too_many_with_the_document() {
    let file = |bytes: &[u8]| compound(3, &[("\u{1}Ole10Native", &packaged("a.txt", bytes))]);
    let broken = &file(b"text")[..600];
    let document = with_objects(&[("oleObject1.bin", broken.to_vec()), ("oleObject2.bin", file(b"text"))]);
    let taken = take(&document, Embedded::Extract, &Limits::default()).unwrap();
    let reasons: Vec<Option<Reason>> =
        taken.files.iter().map(|(_, _, withheld)| withheld.map(|refusal| refusal.reason)).collect();
    assert_eq!(reasons, [Some(Reason::Malformed), None]);

    let large = with_objects(&[("sheet1.xlsx", vec![b'x'; 3000]), ("sheet2.xlsx", vec![b'y'; 3000])]);
    let limits = Limits { spill_bytes: 4000, ..Limits::default() };
    let taken = take(&large, Embedded::Extract, &limits).unwrap();
    assert_eq!(taken.files[0].2, None);
    assert_eq!(taken.files[1].2, Some(Refusal::limit(Reason::LimitSpillBytes, 1000, 3000)));

    let limits = Limits { parts: 1, office_parts: 100, ..Limits::default() };
    assert_eq!(take(&large, Embedded::Extract, &limits).err(), Some(Reason::LimitParts));
    assert!(take(&large, Embedded::Withhold, &limits).is_ok());
}

/// The stream of a document of Ichitaro with this text.
fn ichitaro(text: &str) -> Vec<u8> {
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut piece = b"TextV.01".to_vec();
    piece.extend(u32::try_from(units.len()).unwrap().to_be_bytes());
    piece.extend(units.iter().flat_map(|unit| unit.to_be_bytes()));
    let (len, blocks) = (piece.len(), piece.len().div_ceil(256));
    piece.resize(blocks * 256, 0);
    let word = |word: usize| u32::try_from(word).unwrap().to_be_bytes();
    let head = [word(1), word(256), word(blocks)].concat();
    let directory = [word(0), word(0), word(len), word(blocks), word(blocks)].concat();
    let numbers: Vec<u8> = (0..blocks).flat_map(word).collect();
    [b"SsmgV.01".to_vec(), head, piece, directory, numbers, vec![0; 4]].concat()
}

#[test]
fn a_document_of_ichitaro_gives_its_text() {
    let text = format!("健康診断のお知らせ\n{}\u{0}", "本文。".repeat(300));
    let file = compound(3, &[("DocumentText", &ichitaro(&text)), ("Font", b"x")]);
    let done = sanitise(&file, "通知.jtd").unwrap();
    assert_eq!(done.text().replace("\r\n", "\n").trim_start_matches('\u{feff}'), text.trim_end_matches('\u{0}'));
    assert_eq!(done.report.output.extension(), "txt");
    assert_eq!(done.place(Reason::TextOnly).as_deref(), Some("jtd"));
    let refused = sanitise(&compound(3, &[("DocumentText", &ichitaro(&text)[..500])]), "a.jtd").unwrap_err();
    assert_eq!((refused.refusal.reason, refused.detected.as_str()), (Reason::Malformed, "jtd"));
}

/// Compressed documents keep the whole document as the one member of an LZH archive, here of level 1 and stored.
#[test]
fn a_compressed_document_of_ichitaro_gives_its_text() {
    let inner = compound(3, &[("DocumentText", &ichitaro("お知らせ"))]);
    let crc = inner.iter().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xA001 } else { crc >> 1 })
    });
    let len = u32::try_from(inner.len()).unwrap().to_le_bytes();
    let archive = |crc: u16| {
        let body =
            [b"-lh0-", &len[..], &len, &[0, 0, 0, 0, 0x20, 1, 1], b"a", &crc.to_le_bytes(), &[0x20, 0, 0]].concat();
        let sum = body.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        [&[u8::try_from(body.len()).unwrap(), sum], body.as_slice(), &inner, &[0]].concat()
    };
    let head = [&[38, 0], b"JustCompressedDocument".as_slice(), &[0; 14]].concat();
    let file = |head: &[u8], crc: u16| {
        let stream = [head, &archive(crc)].concat();
        compound(3, &[("JSCompDocument", &stream), ("\u{4}JSRV_SegmentInformation", b"x")])
    };
    let done = sanitise(&file(&head, crc), "a.jttc").unwrap_or_else(|refused| panic!("{refused:?}"));
    assert_eq!(done.text().trim_start_matches('\u{feff}').trim_end(), "お知らせ");
    assert_eq!(done.place(Reason::TextOnly).as_deref(), Some("jtdc"));
    let reason = |bytes: &[u8]| sanitise(bytes, "a.jtdc").unwrap_err().refusal.reason;
    assert_eq!(reason(&file(&head, crc ^ 1)), Reason::Malformed);
    // A second member may be another document, as one beside the compressed one is; what is no member is only told.
    let one = archive(crc);
    let with = |behind: &[u8]| {
        let stream = [&head, &one[..one.len() - 1], behind].concat();
        compound(3, &[("JSCompDocument", &stream), ("\u{4}JSRV_SegmentInformation", b"x")])
    };
    assert_eq!(reason(&with(&one)), Reason::AmbiguousStructure);
    let followed = sanitise(&with(b"\0more"), "a.jttc").unwrap_or_else(|refused| panic!("{refused:?}"));
    assert!(followed.has(Reason::SurplusBytes) && !done.has(Reason::SurplusBytes));
    let both = compound(3, &[("JSCompDocument", &[&head, one.as_slice()].concat()), ("DocumentText", &ichitaro("別"))]);
    assert_eq!(reason(&both), Reason::AmbiguousStructure);
    let other = [&[38, 0], b"OtherCompressedDocument".as_slice(), &[0; 13]].concat();
    assert_eq!(reason(&file(&other, crc)), Reason::ForeignDocument);
}

#[test]
fn documents_of_programs_that_nothing_reads_are_held_with_words_on_what_to_do() {
    let compressed = compound(3, &[("JSCompDocument", b"x"), ("\u{4}JSRV_SegmentInformation", b"x")]);
    for (bytes, name, token) in [
        (compressed.as_slice(), "a.jttc", "jtdc"),
        (b"DOC\0\0\0\0\0        \0\0\x01\0", "a.jsw", "taro"),
        (b"\x60\x0e\x82\0\0\0\0\0", "a.xdw", "xdw"),
        (b"\xffWPC\x10\0\0\0", "a.wpd", "wpd"),
    ] {
        let refused = sanitise(bytes, name).unwrap_err();
        assert_eq!((refused.refusal.reason, refused.detected.as_str()), (Reason::ForeignDocument, token), "{name}");
    }
}

#[test]
fn documents_in_one_xml_file_are_known_by_what_they_say() {
    let heads = [
        ("<?xml version=\"1.0\"?>\n<?mso-application progid=\"Word.Document\"?><w:wordDocument/>", "a.doc", "wordml"),
        ("<?xml version=\"1.0\"?><?mso-application progid=\"Excel.Sheet\"?><Workbook/>", "a.xml", "xmlss"),
        ("<Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\"></Workbook>", "a.xls", "xmlss"),
        (
            "<?xml version=\"1.0\"?><office:document office:mimetype=\"application/vnd.oasis.opendocument.spreadsheet\"/>",
            "a.fods",
            "fods",
        ),
    ];
    for (head, name, token) in heads {
        let refused = sanitise(head.as_bytes(), name).unwrap_err();
        assert_eq!(
            (refused.refusal.reason, refused.detected.as_str()),
            (Reason::ConverterUnavailable, token),
            "{name}"
        );
    }
}
