//! What a site can say about Office documents: pages instead of documents, comparison, embedded files, words of what LibreOffice does not
//! convert. Documents are made here or by LibreOffice outside of any room.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    unreachable_pub,
    missing_docs,
    reason = "a test says what went wrong by failing, and starts the programs it needs"
)]

#[path = "support/sanitize.rs"]
mod sanitize;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use sanitize::{has, output, sanitize_file};
use serde_json::Value;

const TEXT: &str = "健康診断のお知らせ";
const NO_OFFICE: &str = "program = \"/nonexistent\"\n";

/// As [`sanitize_file`], under a policy on Office documents.
fn sanitize(input: &Path, office: &str) -> (Output, Value, tempfile::TempDir) {
    sanitize_file(input, &format!("[office]\n{office}"))
}

/// Documents by extension, all saying [`TEXT`] and a number or a second line: written here as XML and made into others by LibreOffice.
fn documents() -> &'static Path {
    static MADE: OnceLock<tempfile::TempDir> = OnceLock::new();
    MADE.get_or_init(|| {
        let directory = tempfile::tempdir().expect("a directory");
        let flat = |kind: &str, body: &str| {
            format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<office:document \
                 xmlns:office=\"urn:oasis:names:tc:opendocument:xmlns:office:1.0\" \
                 xmlns:text=\"urn:oasis:names:tc:opendocument:xmlns:text:1.0\" \
                 xmlns:table=\"urn:oasis:names:tc:opendocument:xmlns:table:1.0\" \
                 xmlns:draw=\"urn:oasis:names:tc:opendocument:xmlns:drawing:1.0\" \
                 xmlns:of=\"urn:oasis:names:tc:opendocument:xmlns:of:1.2\" \
                 xmlns:svg=\"urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0\" \
                 office:version=\"1.2\" office:mimetype=\"application/vnd.oasis.opendocument.{kind}\">\
                 <office:body><office:{kind}>{body}</office:{kind}></office:body></office:document>"
            )
        };
        let cell = |kind: &str, attributes: &str, text: &str| {
            format!("<table:table-cell office:value-type=\"{kind}\" {attributes}><text:p>{text}</text:p></table:table-cell>")
        };
        let rows = [
            cell("string", "", TEXT),
            cell("float", "office:value=\"12.5\"", "12.5") + &cell("string", "table:formula=\"of:=[.A1]\"", TEXT),
        ];
        let rows = rows.map(|cells| format!("<table:table-row>{cells}</table:table-row>")).concat();
        let sources = [
            ("fodt", flat("text", &format!("<text:p>{TEXT}</text:p><text:p>café {TEXT}</text:p>"))),
            (
                "fods",
                flat(
                    "spreadsheet",
                    &format!("<table:table table:name=\"表\">{rows}</table:table>"),
                ),
            ),
            (
                "fodp",
                flat(
                    "presentation",
                    &format!(
                        "<draw:page draw:name=\"p\"><draw:frame svg:width=\"10cm\" svg:height=\"3cm\" svg:x=\"1cm\" \
                         svg:y=\"1cm\"><draw:text-box><text:p>{TEXT}</text:p></draw:text-box></draw:frame></draw:page>"
                    ),
                ),
            ),
            (
                "wordml",
                format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><?mso-application progid=\"Word.Document\"?>\
                     <w:wordDocument xmlns:w=\"http://schemas.microsoft.com/office/word/2003/wordml\"><w:body><w:p><w:r>\
                     <w:t>{TEXT}</w:t></w:r></w:p></w:body></w:wordDocument>"
                ),
            ),
            (
                "xmlss",
                format!(
                    "<?xml version=\"1.0\"?><?mso-application progid=\"Excel.Sheet\"?>\
                     <Workbook xmlns=\"urn:schemas-microsoft-com:office:spreadsheet\" \
                     xmlns:ss=\"urn:schemas-microsoft-com:office:spreadsheet\"><Worksheet ss:Name=\"a\"><Table><Row><Cell>\
                     <Data ss:Type=\"String\">{TEXT}</Data></Cell></Row></Table></Worksheet></Workbook>"
                ),
            ),
        ];
        for (name, text) in sources {
            fs::write(directory.path().join(format!("a.{name}")), text).expect("written");
        }
        for (from, to) in [
            ("fodt", "doc"),
            ("fodt", "rtf"),
            ("fodt", "docx"),
            ("fods", "xls"),
            ("fods", "xlsx"),
            ("fodp", "ppt"),
            ("fodp", "pptx"),
        ] {
            let ran = Command::new("soffice")
                .arg(format!("-env:UserInstallation=file://{}/profile", directory.path().display()))
                .args(["--headless", "--convert-to", to, "--outdir"])
                .arg(directory.path())
                .arg(directory.path().join(format!("a.{from}")))
                .output()
                .expect("LibreOffice is installed (./test)");
            assert!(directory.path().join(format!("a.{to}")).exists(), "{to}: {ran:?}");
        }
        directory
    })
    .path()
}

fn of_kind(extension: &str) -> PathBuf {
    documents().join(format!("a.{extension}"))
}

fn text_of_pdf(path: &Path) -> String {
    let ran = Command::new("pdftotext").arg(path).arg("-").output().expect("pdftotext is installed (./test)");
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8(ran.stdout).expect("UTF-8")
}

/// All markup of an Office document, as Python unpacks it.
fn markup(path: &Path) -> String {
    let script = "import sys,zipfile\nz=zipfile.ZipFile(sys.argv[1])\nprint(''.join(z.read(n).decode('utf-8','replace') for n in z.namelist()))";
    let ran = Command::new("python3").args(["-c", script]).arg(path).output().expect("python3 runs");
    assert!(ran.status.success(), "{ran:?}");
    String::from_utf8(ran.stdout).expect("UTF-8")
}

#[test]
fn pages_are_delivered_where_the_site_wants_them() {
    for extension in ["docx", "xlsx", "pptx", "doc"] {
        let (ran, report, _kept) = sanitize(&of_kind(extension), "output = \"pages\"\n");
        assert_eq!(ran.status.code(), Some(0), "{report}");
        assert_eq!(report["output_type"], "application/pdf", "{report}");
        assert_eq!(report["detected_type"], *extension, "{report}");
        assert!(has(&report, "office_to_pages"), "{report}");
        assert!(output(&report).ends_with("a.pdf"), "{report}");
        assert!(text_of_pdf(&output(&report)).contains(TEXT), "{extension}");
    }
}

#[test]
fn without_libreoffice_documents_pass_and_pages_do_not() {
    let (ran, report, _kept) = sanitize(&of_kind("docx"), NO_OFFICE);
    assert_eq!((ran.status.code(), has(&report, "office_to_pages")), (Some(0), false), "{report}");
    assert!(markup(&output(&report)).contains(TEXT));
    let (ran, report, _kept) = sanitize(&of_kind("docx"), &format!("{NO_OFFICE}output = \"pages\"\n"));
    assert_eq!(ran.status.code(), Some(1), "{report}");
    assert_eq!(report["findings"][0]["reason"], "converter_unavailable", "{report}");
    assert_eq!((&report["detected_type"], &report["output"]), (&"docx".into(), &Value::Null), "{report}");
}

#[test]
fn pages_are_compared_with_the_originals_where_the_site_asks_for_it() {
    let (_, report, _kept) = sanitize(&of_kind("docx"), "");
    assert_eq!(report["fidelity"], Value::Null, "it costs two runs of LibreOffice: {report}");
    for (extension, policy) in [("docx", ""), ("doc", ""), ("xlsx", "output = \"pages\"\n")] {
        let (_, report, _kept) = sanitize(&of_kind(extension), &format!("compared_pages = 2\n{policy}"));
        let alike = report["fidelity"]["similarity"].as_f64().unwrap_or_else(|| panic!("{report}"));
        assert!(alike > 0.85 && !has(&report, "page_count_differs"), "{report}");
        assert_eq!(report["fidelity"]["compared"][0]["page"], 1, "{report}");
    }
}

/// A sheet of macros is printed with the original and does not cross.
#[test]
fn more_or_fewer_pages_than_the_original_are_told() {
    let directory = tempfile::tempdir().expect("a directory");
    let input = directory.path().join("macros.xlsx");
    let script = "import sys,zipfile\n\
        source,out=sys.argv[1:]\n\
        z=zipfile.ZipFile(source); o=zipfile.ZipFile(out,'w')\n\
        for n in z.namelist():\n\
        \x20 b=z.read(n)\n\
        \x20 if n=='xl/_rels/workbook.xml.rels': b=b.replace(b'</Relationships>',b'<Relationship Id=\"rIdM\" Type=\"http://schemas.microsoft.com/office/2006/relationships/xlMacrosheet\" Target=\"macrosheets/sheet1.xml\"/></Relationships>')\n\
        \x20 if n=='xl/workbook.xml': b=b.replace(b'</sheets>',b'<sheet name=\"M\" sheetId=\"9\" r:id=\"rIdM\"/></sheets>')\n\
        \x20 if n=='[Content_Types].xml': b=b.replace(b'</Types>',b'<Override PartName=\"/xl/macrosheets/sheet1.xml\" ContentType=\"application/vnd.ms-excel.macrosheet+xml\"/></Types>')\n\
        \x20 o.writestr(n,b)\n\
        o.writestr('xl/macrosheets/sheet1.xml','<xm:macrosheet xmlns:xm=\"http://schemas.microsoft.com/office/excel/2006/main\" xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\"><sheetData><row r=\"1\"><c r=\"A1\"><v>7</v></c></row></sheetData></xm:macrosheet>'); o.close()";
    let ran = Command::new("python3").args(["-c", script]).args([of_kind("xlsx"), input.clone()]).output();
    assert!(ran.as_ref().is_ok_and(|ran| ran.status.success()), "{ran:?}");
    let (_, report, _kept) = sanitize(&input, "compared_pages = 1\n");
    let findings = report["findings"].as_array().expect("a list");
    let told = findings.iter().find(|finding| finding["reason"] == "page_count_differs");
    assert_eq!(told.map(|finding| &finding["where"]), Some(&"2 → 1".into()), "{report}");
}

/// Printing takes many times as long as rebuilding, and is time of the mail.
#[test]
fn printing_is_time_that_a_mail_has_less() {
    let directory = tempfile::tempdir().expect("a directory");
    let input = directory.path().join("many.zip");
    let script = "import sys,zipfile\n\
        o=zipfile.ZipFile(sys.argv[2],'w')\n\
        for n in range(32): o.write(sys.argv[1],f'{n}.docx')\n\
        o.close()";
    let ran = Command::new("python3").args(["-c", script]).args([of_kind("docx"), input.clone()]).output();
    assert!(ran.as_ref().is_ok_and(|ran| ran.status.success()), "{ran:?}");
    let refused = |policy: &str| {
        let (_, report, _kept) = sanitize(&input, policy);
        let children = report["children"].as_array().unwrap_or_else(|| panic!("{report}")).clone();
        assert_eq!(children.len(), 32, "{report}");
        children.iter().filter(|child| has(child, "limit_time")).count()
    };
    assert_eq!(refused("[limits]\nseconds = 2\n"), 0, "rebuilding them all is no matter of seconds");
    assert!(refused("output = \"pages\"\n[limits]\nseconds = 2\n") > 0);
}

#[test]
fn words_of_what_libreoffice_does_not_convert_pass_where_the_site_wants_them() {
    for (extension, expected) in [
        ("doc", vec![TEXT.to_owned(), format!("café {TEXT}")]),
        ("rtf", vec![TEXT.to_owned(), format!("café {TEXT}")]),
        ("xls", vec!["【表】".to_owned(), TEXT.to_owned(), format!("12.5\t{TEXT}")]),
        ("ppt", vec![TEXT.to_owned()]),
    ] {
        let (ran, report, _kept) = sanitize(&of_kind(extension), NO_OFFICE);
        assert_eq!(
            (ran.status.code(), report["findings"][0]["reason"].as_str()),
            (Some(1), Some("converter_unavailable"))
        );
        let (ran, report, _kept) = sanitize(&of_kind(extension), &format!("{NO_OFFICE}fallback = \"text\"\n"));
        assert_eq!(ran.status.code(), Some(0), "{report}");
        assert_eq!(report["output_type"], "text/plain", "{report}");
        assert!(has(&report, "text_only"), "{report}");
        let text = fs::read_to_string(output(&report)).expect("read");
        let lines: Vec<&str> = text.trim_start_matches('\u{feff}').lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(lines, expected, "{extension}");
    }
    // Where LibreOffice converts, the words are not asked for.
    let (_, report, _kept) = sanitize(&of_kind("rtf"), "fallback = \"text\"\n");
    assert!(output(&report).ends_with("a.docx") && !has(&report, "text_only"), "{report}");
}

#[test]
fn documents_in_one_xml_file_become_documents_of_today() {
    for (extension, to) in [("fodt", "docx"), ("fods", "xlsx"), ("fodp", "pptx"), ("wordml", "docx"), ("xmlss", "xlsx")]
    {
        let (ran, report, _kept) = sanitize(&of_kind(extension), "");
        assert_eq!(ran.status.code(), Some(0), "{report}");
        assert_eq!(report["detected_type"], *extension, "{report}");
        assert!(has(&report, "format_converted"), "{report}");
        assert_eq!(output(&report).extension().and_then(|found| found.to_str()), Some(to), "{report}");
        assert!(markup(&output(&report)).contains(TEXT), "{extension}");
    }
}

/// Neither says its character set: SYLK passes where it is ASCII, DIF as Windows of Japan writes it.
#[test]
fn sheets_of_old_exchange_formats_become_workbooks() {
    let directory = tempfile::tempdir().expect("a directory");
    let slk = b"ID;PWXL;N;E\r\nC;Y1;X1;K\"Amount\"\r\nC;Y2;X1;K12.5\r\nE\r\n".to_vec();
    let dif = |word: &[u8]| {
        let head =
            b"TABLE\r\n0,1\r\n\"EXCEL\"\r\nVECTORS\r\n0,1\r\n\"\"\r\nTUPLES\r\n0,1\r\n\"\"\r\nDATA\r\n0,0\r\n\"\"\r\n";
        [&head[..], b"-1,0\r\nBOT\r\n1,0\r\n\"", word, b"\"\r\n-1,0\r\nEOD\r\n"].concat()
    };
    for (name, content, word) in
        [("a.slk", slk, "Amount"), ("a.dif", dif(b"\x93\x8c\x8b\x9e"), "東京"), ("b.dif", dif(b"Tokyo"), "Tokyo")]
    {
        let input = directory.path().join(name);
        fs::write(&input, content).expect("written");
        let (ran, report, _kept) = sanitize(&input, "");
        assert_eq!(ran.status.code(), Some(0), "{report}");
        assert!(has(&report, "format_converted") && output(&report).extension().is_some_and(|own| own == "xlsx"));
        assert!(markup(&output(&report)).contains(word), "{name}");
    }
    let input = directory.path().join("b.slk");
    fs::write(&input, b"ID;PWXL;N;E\r\nC;Y1;X1;K\"\x93\x8c\x8b\x9e\"\r\nE\r\n").expect("written");
    let (_, report, _kept) = sanitize(&input, "");
    assert_eq!(report["findings"][0]["reason"], "foreign_document", "{report}");
}

#[test]
fn embedded_files_are_rebuilt_and_lie_beside_the_document_where_the_site_wants_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let input = directory.path().join("outer.docx");
    let script = "import sys,zipfile\n\
        source,inner,out=sys.argv[1:]\n\
        z=zipfile.ZipFile(source); o=zipfile.ZipFile(out,'w')\n\
        for n in z.namelist():\n\
        \x20 b=z.read(n)\n\
        \x20 if n=='word/_rels/document.xml.rels': b=b.replace(b'</Relationships>',b'<Relationship Id=\"rIdE\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships/package\" Target=\"embeddings/Sheet.xlsx\"/></Relationships>')\n\
        \x20 o.writestr(n,b)\n\
        o.write(inner,'word/embeddings/Sheet.xlsx'); o.close()";
    let ran = Command::new("python3")
        .args(["-c", script])
        .args([of_kind("docx"), of_kind("xlsx"), input.clone()])
        .output()
        .expect("python3 runs");
    assert!(ran.status.success(), "{ran:?}");
    let (ran, report, _kept) = sanitize(&input, "");
    assert_eq!((ran.status.code(), report["children"].as_array().map(Vec::len)), (Some(0), Some(0)), "{report}");
    assert!(has(&report, "embedded_object"), "{report}");
    let (ran, report, _kept) = sanitize(&input, "embedded = \"extract\"\n");
    assert_eq!(ran.status.code(), Some(0), "{report}");
    assert!(!has(&report, "embedded_object"), "{report}");
    let inner = &report["children"][0];
    assert_eq!(inner["detected_type"], "xlsx", "{report}");
    assert!(markup(&output(inner)).contains(TEXT), "{report}");
    assert!(markup(&output(&report)).contains(TEXT), "{report}");
}

#[test]
fn doctor_faults_a_site_that_wants_pages_and_cannot_have_them() {
    for (office, expected) in
        [("", "warning"), ("output = \"pages\"\n", "fault"), ("output = \"pages\"\nlibreoffice = false\n", "fault")]
    {
        let directory = tempfile::tempdir().expect("a directory");
        let config = directory.path().join("misogi.toml");
        let data = directory.path().join("data");
        fs::write(&config, format!("data = {data:?}\n[office]\n{NO_OFFICE}{office}")).expect("written");
        let ran = Command::new(env!("CARGO_BIN_EXE_misogi"))
            .args(["doctor", "--json", "--config"])
            .arg(&config)
            .output()
            .expect("runs");
        let report: Value = serde_json::from_slice(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
        let text = report.to_string();
        let checks = report["checks"].as_array().unwrap_or_else(|| panic!("{text}"));
        let check = checks.iter().find(|check| check["name"] == "libreoffice").unwrap_or_else(|| panic!("{text}"));
        assert_eq!(check["state"], expected, "{check}");
    }
}
