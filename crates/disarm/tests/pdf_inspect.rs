//! What a PDF is besides its pages: passwords, active content, ways through it, and what is put right before it is read. The files
//! are written here, object by object; qpdf encrypts them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a helper of tests fails where it fails, and gives another program files to work on"
)]

mod rooms;

use std::process::Command;

use disarm::{Fonts, run};
use form::codec::{Decoder, Event};
use form::job::{DirtyJob, Extra, Password};
use form::pages::{Link, Operation, OutlineItem, PageHeader, PageLabel, PagesHeader, Target};
use form::{Limits, Reason};
use rooms::dirty_job;

/// A form of pages: what it says and where it leads.
#[derive(Debug, Default)]
struct Seen {
    header: PagesHeader,
    pages: Vec<PageHeader>,
    /// The letters of each page, in the order in which they are drawn.
    texts: Vec<String>,
    fills: usize,
    links: Vec<(usize, Link)>,
    outline: Vec<OutlineItem>,
    labels: Vec<PageLabel>,
    findings: Vec<(Reason, u32, String)>,
}

impl Seen {
    fn count(&self, reason: Reason) -> u32 {
        self.findings.iter().filter(|(found, ..)| *found == reason).map(|(_, count, _)| *count).sum()
    }

    fn places(&self, reason: Reason) -> Vec<&str> {
        self.findings.iter().filter(|(found, ..)| *found == reason).map(|(.., place)| place.as_str()).collect()
    }
}

fn job() -> DirtyJob {
    dirty_job("a.pdf", &Limits::default())
}

fn with_passwords(passwords: &[&str]) -> DirtyJob {
    DirtyJob { passwords: passwords.iter().map(|password| Password::new(password).unwrap()).collect(), ..job() }
}

fn see(pdf: &[u8], job: &DirtyJob) -> Result<Seen, Reason> {
    let mut form = Vec::new();
    run(&job.encode(), pdf, &Fonts::default(), &mut form, &mut Vec::new()).map_err(|refused| refused.refusal.reason)?;
    let mut seen = Seen::default();
    let mut glyphs = Vec::new();
    let mut decoder = Decoder::new(form.as_slice(), &job.limits).unwrap();
    loop {
        match decoder.next().unwrap() {
            Event::Pages(header) => seen.header = header,
            Event::Glyph(glyph) => glyphs.push(glyph.text.as_str().to_owned()),
            Event::Page(header) => {
                seen.pages.push(header);
                seen.texts.push(String::new());
            }
            Event::Operations(operations) => {
                for operation in operations {
                    match operation {
                        Operation::Text(run, _) => {
                            let text = run.glyphs.iter().map(|placed| &*glyphs[usize::try_from(placed.glyph).unwrap()]);
                            seen.texts.last_mut().unwrap().extend(text);
                        }
                        Operation::Fill(..) | Operation::Stroke { .. } => seen.fills += 1,
                        _ => {}
                    }
                }
            }
            Event::Link(link) => seen.links.push((seen.pages.len() - 1, link)),
            Event::OutlineItem(item) => seen.outline.push(item),
            Event::PageLabel(label) => seen.labels.push(label),
            Event::Finding(finding) => seen.findings.push((finding.reason, finding.count, finding.place.to_string())),
            Event::End => return Ok(seen),
            _ => {}
        }
    }
}

/// Objects numbered from 1, the first of which is the catalogue, with a table and a trailer behind them.
fn file(objects: &[Vec<u8>], trailer: &str) -> Vec<u8> {
    let numbered: Vec<(usize, Vec<u8>)> = (1..).zip(objects.iter().cloned()).collect();
    section(b"%PDF-1.7\n", &numbered, &format!("/Size {}/Root 1 0 R{trailer}", objects.len() + 1))
}

/// An update of a file.
fn update(file: &[u8], objects: &[(usize, Vec<u8>)]) -> Vec<u8> {
    let text = String::from_utf8_lossy(file).into_owned();
    let at = text.rfind("startxref").unwrap();
    let table: usize = text[at + 9..].split_ascii_whitespace().next().unwrap().parse().unwrap();
    section(file, objects, &format!("/Size 50/Root 1 0 R/Prev {table}"))
}

fn section(before: &[u8], objects: &[(usize, Vec<u8>)], trailer: &str) -> Vec<u8> {
    let mut bytes = before.to_vec();
    let mut table = String::from("xref\n0 1\n0000000000 65535 f \n");
    for (number, object) in objects {
        table += &format!("{number} 1\n{:010} 00000 n \n", bytes.len());
        bytes.extend_from_slice(format!("{number} 0 obj\n").as_bytes());
        bytes.extend_from_slice(object);
        bytes.extend_from_slice(b"\nendobj\n");
    }
    let start = bytes.len();
    bytes.extend_from_slice(format!("{table}trailer\n<<{trailer}>>\nstartxref\n{start}\n%%EOF\n").as_bytes());
    bytes
}

fn stream(dictionary: &str, data: &[u8]) -> Vec<u8> {
    let mut object = format!("<<{dictionary}/Length {}>>stream\n", data.len()).into_bytes();
    object.extend_from_slice(data);
    object.extend_from_slice(b"\nendstream");
    object
}

/// Two pages, the first with annotations; further objects are numbered from 6.
fn document(catalog: &str, first: &str, content: &str, further: &[&str]) -> Vec<u8> {
    let page = |entries: &str| {
        let fonts = "/Resources<</Font<</F 5 0 R>>>>";
        format!("<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 400]/Contents 4 0 R{fonts}{entries}>>").into_bytes()
    };
    let mut objects = vec![
        format!("<</Type/Catalog/Pages 2 0 R{catalog}>>").into_bytes(),
        b"<</Type/Pages/Count 2/Kids[3 0 R 6 0 R]>>".to_vec(),
        page(first),
        stream("", content.as_bytes()),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_vec(),
        page(""),
    ];
    objects.extend(further.iter().map(|object| object.as_bytes().to_vec()));
    file(&objects, "")
}

/// A text as UTF-16.
fn utf16(text: &str) -> String {
    let units: String = text.encode_utf16().map(|unit| format!("{unit:04X}")).collect();
    format!("<FEFF{units}>")
}

const HELLO: &str = "BT /F 12 Tf 20 20 Td (secret words) Tj ET";

/// The file as qpdf encrypts it.
fn encrypted(name: &str, user: &str, key: &str, options: &[&str]) -> Vec<u8> {
    let directory = env!("CARGO_TARGET_TMPDIR");
    let (plain, locked) = (format!("{directory}/{name}-plain.pdf"), format!("{directory}/{name}-{key}.pdf"));
    std::fs::write(&plain, document("", "", HELLO, &[])).unwrap();
    let mut command = Command::new("qpdf");
    command.args(["--allow-weak-crypto", "--encrypt", user, "owner", key]).args(options).args(["--", &plain, &locked]);
    assert!(command.status().unwrap().success(), "qpdf");
    std::fs::read(locked).unwrap()
}

/// Japanese writers put the bytes of a password into the older algorithms as Windows has them.
#[test]
fn a_password_of_japanese_letters_opens_in_the_bytes_that_windows_has_for_it() {
    use std::os::unix::ffi::OsStrExt;
    let typed = "令和の予算ﾊﾟｽ";
    let (bytes, _, _) = encoding_rs::SHIFT_JIS.encode(typed);
    let directory = env!("CARGO_TARGET_TMPDIR");
    for key in ["40", "128"] {
        let (plain, locked) = (format!("{directory}/sjis-plain.pdf"), format!("{directory}/sjis-{key}.pdf"));
        std::fs::write(&plain, document("", "", HELLO, &[])).unwrap();
        let mut command = Command::new("qpdf");
        command.args(["--allow-weak-crypto", "--password-mode=bytes", "--encrypt"]);
        command.arg(std::ffi::OsStr::from_bytes(&bytes)).args(["owner", key, "--", &plain, &locked]);
        assert!(command.status().unwrap().success(), "qpdf");
        let file = std::fs::read(locked).unwrap();
        assert_eq!(see(&file, &with_passwords(&[typed])).unwrap().texts, ["secretwords", "secretwords"].map(spaced));
        assert_eq!(see(&file, &with_passwords(&["令和の予算"])).unwrap_err(), Reason::WrongPassword);
    }
}

const ALGORITHMS: [(&str, &str, &[&str]); 6] = [
    ("rc4-40", "40", &[]),
    ("rc4-128", "128", &["--use-aes=n"]),
    ("rc4-v4", "128", &["--force-V4", "--use-aes=n"]),
    ("aes-128", "128", &["--use-aes=y"]),
    ("aes-256-r5", "256", &["--force-R5"]),
    ("aes-256", "256", &[]),
];

#[test]
fn every_algorithm_opens_with_the_user_and_with_the_owner_password_and_says_what_is_wrong() {
    for (name, key, options) in ALGORITHMS {
        let file = encrypted(name, "user", key, options);
        for passwords in [&["user"][..], &["owner"], &["wrong", "user"], &["wrong", "owner"]] {
            let seen = see(&file, &with_passwords(passwords)).unwrap();
            assert_eq!(seen.texts, ["secretwords", "secretwords"].map(spaced), "{name} {passwords:?}");
            assert_eq!(seen.count(Reason::Decrypted), 1, "{name}");
        }
        assert_eq!(see(&file, &job()).unwrap_err(), Reason::Encrypted, "{name}");
        assert_eq!(see(&file, &with_passwords(&["wrong"])).unwrap_err(), Reason::WrongPassword, "{name}");
    }
}

/// Spaces between words are letters as well.
fn spaced(text: &str) -> String {
    text.replace("tw", "t w")
}

#[test]
fn a_file_that_anybody_may_open_opens_by_itself_and_is_told() {
    for (name, key, options) in ALGORITHMS {
        let seen = see(&encrypted(&format!("{name}-open"), "", key, options), &job()).unwrap();
        assert_eq!((seen.texts[0].as_str(), seen.count(Reason::Decrypted)), ("secret words", 1), "{name}");
    }
}

#[test]
fn what_a_document_can_do_is_counted_and_named() {
    let catalog = "/OpenAction 7 0 R/AA<</WC<</S/JavaScript/JS(1)>>>>\
        /Names<</JavaScript<</Names[(start) 8 0 R]>>/EmbeddedFiles<</Names[(a.exe) 9 0 R]>>>>\
        /AcroForm<</Fields[11 0 R]/XFA 4 0 R>>\
        /OCProperties<</OCGs[12 0 R 13 0 R]/D<</OFF[12 0 R]>>>>";
    let first = "/AA<</O 14 0 R>>/Annots[\
        <</Subtype/Link/Rect[0 0 9 9]/A<</S/Launch/F(cmd.exe)/Next<</S/SubmitForm/F(https://evil.example/)>>>>>>\
        <</Subtype/Link/Rect[0 0 9 9]/A<</S/URI/URI(javascript:alert)>>>>\
        <</Subtype/Link/Rect[0 0 9 9]/A<</S/GoToR/F(other.pdf)>>>>\
        <</Subtype/RichMedia/Rect[0 0 9 9]>><</Subtype/FileAttachment/Rect[0 0 9 9]/FS 10 0 R>>]";
    let further = [
        "<</S/JavaScript/JS(app.alert)/Next[7 0 R 8 0 R]>>",
        "<</S/JavaScript/JS(2)>>",
        "<</Type/Filespec/F(a.exe)/EF<</F 4 0 R>>>>",
        "<</Type/Filespec/UF(memo.txt)/EF<</F 4 0 R>>>>",
        "<</FT/Sig/T(sig)/V<</Name(Yamada)>>>>",
        "<</Type/OCG/Name(draft)>>",
        "<</Type/OCG/Name(shown)>>",
        "<</S/JavaScript/JS(3)>>",
    ];
    let seen = see(&document(catalog, first, HELLO, &further), &job()).unwrap();
    // Four scripts: on opening, on closing, by name, on showing page 1. What follows itself is counted once.
    assert_eq!(seen.count(Reason::Script), 4, "{:?}", seen.findings);
    assert_eq!(seen.count(Reason::AutomaticAction), 3);
    assert_eq!(seen.places(Reason::LaunchAction), ["page 1: cmd.exe"]);
    assert_eq!(seen.places(Reason::FormSubmission), ["page 1: https://evil.example/"]);
    assert_eq!(seen.places(Reason::UnsafeLink), ["page 1: javascript:alert", "page 1: other.pdf"]);
    assert_eq!(seen.places(Reason::EmbeddedFile), ["a.exe", "memo.txt"]);
    assert_eq!(seen.places(Reason::RichMedia), ["page 1"]);
    assert_eq!(seen.places(Reason::Signature), ["Yamada"]);
    assert_eq!(seen.places(Reason::HiddenLayer), ["draft"]);
    assert_eq!(seen.count(Reason::XfaForm), 1);
    assert!(seen.links.is_empty());
}

#[test]
fn an_action_that_no_place_leads_to_is_counted_all_the_same() {
    let seen = see(&document("", "", HELLO, &["<</S/Launch/F(hidden.exe)>>"]), &job()).unwrap();
    assert_eq!(seen.places(Reason::LaunchAction), ["hidden.exe"]);
}

#[test]
fn a_version_is_told_when_it_changed_what_is_seen_and_not_when_it_added() {
    let first = document("", "", HELLO, &[]);
    let changed = update(&first, &[(4, stream("", b"BT /F 12 Tf 20 20 Td (other words) Tj ET"))]);
    let added = update(&first, &[(9, b"<</Added true>>".to_vec())]);
    assert_eq!(see(&first, &job()).unwrap().count(Reason::EarlierVersions), 0);
    assert_eq!(see(&added, &job()).unwrap().count(Reason::EarlierVersions), 0);
    let seen = see(&changed, &job()).unwrap();
    assert_eq!((seen.count(Reason::EarlierVersions), seen.texts[0].as_str()), (1, "other words"));
}

#[test]
fn links_outline_labels_language_and_title_lead_where_they_led() {
    let catalog = format!(
        "/Lang(ja-JP)/Outlines<</First 7 0 R>>/PageLabels<</Nums[0<</S/r>>1<</S/D/P(A-)/St 5>>]>>\
         /Names<</Dests<</Names[(two)[6 0 R/XYZ null 300 null]]>>>>{}",
        "/ViewerPreferences<<>>"
    );
    let first = "/Annots[<</Subtype/Link/Rect[10 20 50 30]/A<</S/URI/URI(HTTPS://example.jp/a b)>>>>\
        <</Subtype/Link/Rect[10 40 50 50]/Dest(two)>><</Subtype/Link/F 2/Rect[0 0 9 9]/Dest(two)>>\
        <</Subtype/Link/Rect[0 60 90 90]/QuadPoints[50 90 90 90 50 80 90 80 0 70 30 70 0 60 30 60]/Dest(two)>>]";
    let outline = [
        format!("<</Title{}/Next 9 0 R/First 8 0 R>>", utf16("第1章")),
        "<</Title(section)/A<</S/GoTo/D[6 0 R/FitH 200]>>>>".to_owned(),
        "<</Title(last)/Dest[3 0 R/Fit]/Next 7 0 R>>".to_owned(),
    ];
    let further: Vec<&str> = outline.iter().map(String::as_str).collect();
    let seen = see(&document(&catalog, first, HELLO, &further), &job()).unwrap();
    assert_eq!(seen.header.language.as_ref().map(|tag| tag.as_str()), Some("ja-JP"));
    let links: Vec<String> =
        seen.links.iter().map(|(page, link)| format!("{page} {} {}", link.area.y0, aim(&link.target))).collect();
    assert_eq!(
        links,
        ["0 20 https://example.jp/a%20b", "0 40 page 1 at 300", "0 80 page 1 at 300", "0 60 page 1 at 300"]
    );
    // The chapter has no place of its own and leads to its first section; the entry that leads back is not followed again.
    let outline: Vec<String> =
        seen.outline.iter().map(|item| format!("{} {} {}", item.level, item.title, item.page)).collect();
    assert_eq!(outline, ["0 第1章 1", "1 section 1", "0 last 0"]);
    let labels: Vec<_> = seen.labels.iter().map(|label| (label.page, label.prefix.as_str(), label.start)).collect();
    assert_eq!(labels, [(0, "", 1), (1, "A-", 5)]);
}

fn aim(target: &Target) -> String {
    match target {
        Target::Url(url) => url.as_str().to_owned(),
        Target::Page { page, top } => format!("page {page} at {}", top.unwrap_or(0.0)),
    }
}

#[test]
fn marks_without_an_appearance_are_drawn_and_hidden_ones_are_not() {
    let marks = [
        "/Subtype/Highlight/QuadPoints[20 40 90 40 20 20 90 20]",
        "/Subtype/Underline",
        "/Subtype/StrikeOut",
        "/Subtype/Squiggly",
        "/Subtype/Square/C[1 0 0]",
        "/Subtype/Circle/IC[0 1 0]",
        "/Subtype/Line/L[20 20 90 40]/LE[/OpenArrow/ClosedArrow]",
        "/Subtype/Ink/InkList[[20 20 30 40 40 20]]",
        "/Subtype/Polygon/Vertices[20 20 50 40 80 20]",
        "/Subtype/PolyLine/Vertices[20 20 50 40 80 20]",
        "/Subtype/Text",
        "/Subtype/Caret",
    ];
    for mark in marks {
        let draw = |more: &str| {
            let first = format!("/Annots[<</Type/Annot/Rect[20 20 90 40]{mark}{more}>>]");
            see(&document("", &first, "", &[]), &job()).unwrap()
        };
        let seen = draw("");
        assert!(seen.fills > 0, "{mark}");
        assert_eq!(seen.places(Reason::AppearanceDrawn), ["page 1"], "{mark}");
        assert_eq!((draw("/F 2").fills, draw("/F 32").fills), (0, 0), "{mark}");
    }
}

#[test]
fn filled_fields_show_what_is_filled_in() {
    let fields = [
        ("/FT/Tx/V(Taro Yamada)", "Taro Yamada"),
        ("/FT/Tx/Ff 4096/V(two\nlines)", "twolines"),
        ("/FT/Tx/Ff 16777216/MaxLen 7/V(1008926)", "1008926"),
        ("/FT/Tx/Ff 8192/V(pass)", "****"),
        ("/FT/Ch/Ff 131072/V(b)/Opt[[(a)(first)][(b)(second)]]", "second"),
        ("/FT/Ch/V(two)/Opt[(one)(two)]", "onetwo"),
        ("/FT/Btn/Ff 65536/MK<</CA(Send)>>", "Send"),
        // What the writer left there is older than what was filled in.
        ("/FT/Tx/V(new)/AP<</N 7 0 R>>", "new"),
    ];
    let old = "<</Type/XObject/Subtype/Form/BBox[0 0 100 20]/Resources<</Font<</F 5 0 R>>>>/Length 29>>stream\nBT /F 9 Tf 2 2 Td (old) Tj ET \nendstream";
    for (field, shown) in fields {
        let first = format!("/Annots[<</Type/Annot/Subtype/Widget/T(t)/Rect[20 20 120 60]{field}>>]");
        let file = document("/AcroForm<</Fields[]/NeedAppearances true/DA(/Helv 9 Tf 0 g)>>", &first, "", &[old]);
        assert_eq!(see(&file, &job()).unwrap().texts[0], shown, "{field}");
    }
}

#[test]
fn check_boxes_show_their_state_by_picture_or_by_our_drawing() {
    let on = "<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Length 16>>stream\n0 0 5 5 re f    \nendstream";
    let draw = |field: &str| {
        let first = format!("/Annots[<</Type/Annot/Subtype/Widget/FT/Btn/T(t)/Rect[20 20 30 30]{field}>>]");
        see(&document("", &first, "", &[on]), &job()).unwrap()
    };
    // The state follows from the value when the file does not name it.
    assert_eq!(draw("/V/Yes/AP<</N<</Yes 7 0 R>>>>").fills, 1);
    assert_eq!(draw("/V/Off/AP<</N<</Yes 7 0 R>>>>").fills, 0);
    // A frame alone, and a frame with a mark.
    let (off, checked) = (draw("/V/Off/MK<</BC[0]>>").fills, draw("/V/Yes/AS/Yes/MK<</BC[0]>>").fills);
    assert!(off > 0 && checked > off, "{off} {checked}");
}

#[test]
fn comments_are_a_list_at_the_end_or_gone() {
    let first = "/Annots[7 0 R<</Subtype/Text/Rect[9 9 20 20]/T(Bob)/Contents(please check)>>\
        <</Subtype/Text/F 2/IRT 7 0 R/Rect[9 9 9 9]/Contents(done)>><</Subtype/FreeText/Rect[9 9 99 99]/Contents(visible)>>]";
    let marked = "<</Subtype/Highlight/Rect[20 20 90 40]/T(Ann)/Contents(wrong date)>>";
    let file = document("", first, HELLO, &[marked]);
    let seen = see(&file, &job()).unwrap();
    assert_eq!(seen.pages.len(), 3);
    for part in ["Comments", "page 1  Bob", "please check", "page 1  Ann", "wrong date", "done"] {
        assert!(seen.texts[2].contains(part), "{part} in {}", seen.texts[2]);
    }
    assert!(!seen.texts[2].contains("visible"));
    assert_eq!((seen.count(Reason::CommentsListed), seen.count(Reason::Comments)), (3, 0));
    let mut dropping = job();
    dropping.pages.comments = Extra::Drop;
    let seen = see(&file, &dropping).unwrap();
    assert_eq!((seen.pages.len(), seen.count(Reason::CommentsListed), seen.count(Reason::Comments)), (2, 0, 3));
}

#[test]
fn a_page_without_a_usable_box_or_with_contents_of_no_length_is_shown() {
    let objects = |page: &str, content: Vec<u8>| {
        let page = format!("<</Type/Page/Parent 2 0 R/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>{page}>>");
        let font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_vec();
        let pages = b"<</Type/Pages/Count 1/Kids[3 0 R]>>".to_vec();
        file(&[b"<</Type/Catalog/Pages 2 0 R>>".to_vec(), pages, page.into_bytes(), content, font], "")
    };
    let hello = stream("", HELLO.as_bytes());
    for (page, size) in [
        ("", (612.0, 792.0)),
        ("/MediaBox[0 0 0 0]", (612.0, 792.0)),
        ("/MediaBox[0 0 0 0]/CropBox[10 10 210 310]", (200.0, 300.0)),
        ("/MediaBox[0 0 200 300]/CropBox[500 500 600 600]", (200.0, 300.0)),
    ] {
        let seen = see(&objects(page, hello.clone()), &job()).unwrap();
        assert_eq!((seen.pages[0].width, seen.pages[0].height), size, "{page}");
    }
    let broken = format!("<</Length LENGTH>>stream\n{HELLO}\nendstream").into_bytes();
    assert_eq!(see(&objects("/MediaBox[0 0 200 300]", broken), &job()).unwrap().texts, ["secret words"]);
}

/// A font that is not in the file, with text in one of the predefined encodings.
fn missing_font(encoding: &str, codes: &str) -> Vec<u8> {
    let font = format!("<</Type/Font/Subtype/Type0/BaseFont/MS-Mincho/Encoding/{encoding}/DescendantFonts[8 0 R]>>");
    let descendant = "<</Type/Font/Subtype/CIDFontType2/BaseFont/MS-Mincho/CIDSystemInfo<</Registry(Adobe)\
        /Ordering(Japan1)/Supplement 2>>/FontDescriptor<</Type/FontDescriptor/FontName/MS-Mincho/Flags 6>>>>";
    let content = format!("BT /F 12 Tf 100 300 Td <{codes}> Tj ET");
    let page = document("", "", &content, &[&font, descendant]);
    // The fonts of the page are those of the file.
    String::from_utf8(page).unwrap().replace("/F 5 0 R", "/F 7 0 R").into_bytes()
}

#[test]
fn text_of_fonts_that_are_not_in_the_file_is_what_was_written_in_every_encoding() {
    let (sjis, unicode) = ("93FA967B8CEA817583658358836781768141815B", "65E5672C8A9E300C30C630B930C8300D300130FC");
    let (jis, euc) = ("467C4B5C386C21562546253925482157212221", "C6FCCBDCB8ECA1D6A5C6A5B9A5C8A1D7A1A2A1BC");
    let jis = format!("{jis}3C");
    for (encoding, codes) in [
        ("90ms-RKSJ-H", sjis),
        ("90ms-RKSJ-V", sjis),
        ("90msp-RKSJ-H", sjis),
        ("UniJIS-UCS2-H", unicode),
        ("UniJIS-UTF16-V", unicode),
        ("H", &jis),
        ("V", &jis),
        ("EUC-H", euc),
        ("EUC-V", euc),
    ] {
        let seen = see(&missing_font(encoding, codes), &job()).unwrap();
        assert_eq!(seen.texts[0], "日本語「テスト」、ー", "{encoding}");
    }
}

#[test]
fn a_half_width_space_is_a_space() {
    // 231 in Adobe-Japan1, for which the collection names U+2002.
    assert_eq!(see(&missing_font("90ms-RKSJ-H", "412042"), &job()).unwrap().texts[0].replace(' ', "_"), "A_B");
}
