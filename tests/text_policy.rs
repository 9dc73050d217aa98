//! What a site can say about text: web addresses, text that nobody sees, files of markup. The same mail and files go through the
//! real rooms under each policy, and what comes out is read as files and by Python's mail parser.

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
use std::process::Command;

use sanitize::{has, output, sanitize};
use serde_json::Value;

const PAGE: &str = "<!DOCTYPE html><html><head><meta charset=utf-8><script>alert(1)</script></head><body><h1>お知らせ</h1>\
    <p>申込みは<a href=\"https://form.example/a.b?c\">こちら</a>から</p><p style=\"display:none\">見えない言葉</p>\
    <img src=\"https://pixel.example/p.gif\" width=1 height=1></body></html>";

const MAIL: &str = "From: a@example.jp\r\nTo: b@example.lg.jp\r\nSubject: x\r\nDate: Sat, 21 Nov 2026 09:00:00 +0900\r\n\
    MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nまず www.plain.example です\r\n\
    --b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>次に<a href='http://html.example/'>ここ</a></p>\r\n\
    --b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Disposition: attachment; filename=note.txt\r\n\r\n\
    https://note.example/ を見る\r\n\
    --b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Disposition: attachment; filename=page.html\r\n\r\n\
    <a href='https://page.example/'>頁</a>\r\n--b--\r\n";

fn name(report: &Value) -> String {
    output(report).file_name().expect("a name").to_string_lossy().into_owned()
}

fn text(report: &Value) -> String {
    let text = fs::read_to_string(output(report)).expect("read");
    text.trim_start_matches('\u{feff}').replace("\r\n", "\n")
}

/// The text of each part of a mail, as Python reads it.
fn parts(report: &Value) -> Vec<String> {
    let script = "import sys,email,email.policy,json\n\
        m=email.message_from_binary_file(open(sys.argv[1],'rb'),policy=email.policy.default)\n\
        print(json.dumps([p.get_content() for p in m.walk() if not p.is_multipart()]))";
    let ran = Command::new("python3").args(["-c", script]).arg(output(report)).output().expect("python3 runs");
    assert!(ran.status.success(), "{ran:?}");
    serde_json::from_slice(&ran.stdout).expect("a list of texts")
}

#[test]
fn web_addresses_are_treated_alike_in_bodies_and_text_files() {
    for (policy, shown) in [
        ("keep", ["www.plain.example", "<http://html.example/>", "https://note.example/", "<https://page.example/>"]),
        (
            "defang",
            [
                "www[.]plain[.]example",
                "<hxxp://html[.]example/>",
                "hxxps://note[.]example/",
                "<hxxps://page[.]example/>",
            ],
        ),
        ("remove", ["まず [リンク削除] です", "次にここ", "[リンク削除] を見る", "頁"]),
    ] {
        let (report, _kept) = sanitize("m.eml", MAIL.as_bytes(), &format!("[mail]\nlinks = \"{policy}\"\n"));
        let parts = parts(&report);
        assert_eq!(parts.len(), 3, "{parts:?}");
        for (part, shown) in [0, 0, 1, 2].into_iter().zip(shown) {
            assert!(parts[part].contains(shown), "{policy}: no {shown} in {}", parts[part]);
        }
        let openable = ["http://", "https://", "www."];
        for part in parts.iter().filter(|_| policy != "keep") {
            assert!(openable.iter().all(|start| !part.contains(start)), "{policy}: {part}");
        }
        for (wanted, reason) in [("defang", "links_defanged"), ("remove", "links_removed")] {
            assert_eq!(has(&report, reason), policy == wanted, "{report}");
            assert!(report["children"].as_array().unwrap().iter().all(|part| has(part, reason) == (policy == wanted)));
        }
    }
}

#[test]
fn pages_become_the_text_that_they_show() {
    for given in ["page.html", "page.HTM", "page.xhtml", "請求書.pdf", "表.xls"] {
        let (report, _kept) = sanitize(given, PAGE.as_bytes(), "");
        assert_eq!(
            (report["detected_type"].as_str(), name(&report)),
            (Some("html"), format!("{given}.txt")),
            "{report}"
        );
        assert_eq!(text(&report), "■ お知らせ\n\n申込みはこちら <https://form.example/a.b?c> から");
        for reason in ["html_to_text", "hidden_text", "active_content", "tracking_pixel"] {
            assert!(has(&report, reason), "{reason}: {report}");
        }
        let lies = given.ends_with("pdf") || given.ends_with("xls");
        assert_eq!(has(&report, "type_mismatch"), lies, "{report}");
        let pixel = report["findings"].as_array().unwrap().iter().find(|finding| finding["reason"] == "tracking_pixel");
        assert_eq!(pixel.unwrap()["where"], "pixel.example", "{report}");
    }
    let (report, _kept) = sanitize("page.html", PAGE.as_bytes(), "[mail]\nhidden_text = \"keep\"\n");
    assert!(text(&report).contains("[非表示の文字] 見えない言葉") && has(&report, "hidden_text_kept"), "{report}");
    let (report, _kept) = sanitize("断片.html", "申込みは<b>明日</b>まで".as_bytes(), "");
    assert_eq!((text(&report).as_str(), has(&report, "type_mismatch")), ("申込みは明日まで", false), "{report}");
    let sjis = b"<html><meta http-equiv=Content-Type content='text/html; charset=Shift_JIS'>\x95\x5c\x8e\xa6</html>";
    let (report, _kept) = sanitize("a.html", sjis, "");
    assert_eq!(text(&report), "表示");
}

/// Word writes settings into a comment of its pages that stand in its documents of XML too, and opens those under the same names.
#[test]
fn pages_that_word_or_excel_saved_are_pages_and_documents_of_xml_are_documents() {
    let settings = "<!--[if gte mso 9]><xml><w:WordDocument><w:View>Normal</w:View></w:WordDocument></xml><![endif]-->";
    let page = format!(
        "<html xmlns:o=\"urn:schemas-microsoft-com:office:office\" xmlns:w=\"urn:schemas-microsoft-com:office:word\">\r\n\
        <head><meta http-equiv=Content-Type content=\"text/html; charset=utf-8\">{settings}</head><body><p>回覧</p></body></html>"
    );
    for given in ["kairan.htm", "kairan.html", "kairan.doc"] {
        let (report, _kept) = sanitize(given, page.as_bytes(), "");
        assert_eq!((report["detected_type"].as_str(), text(&report)), (Some("html"), "回覧".to_owned()), "{report}");
        assert_eq!(has(&report, "type_mismatch"), given.ends_with("doc"), "{report}");
    }
    let document = "<?xml version=\"1.0\"?><?mso-application progid=\"Word.Document\"?>\
        <w:wordDocument xmlns:w=\"http://schemas.microsoft.com/office/word/2003/wordml\"><w:body/></w:wordDocument>";
    let (report, _kept) = sanitize("a.xml", document.as_bytes(), "");
    assert_eq!(report["detected_type"], "wordml", "{report}");
}

#[test]
fn data_for_programs_stays_the_text_that_it_is_under_a_name_that_nothing_runs() {
    let entities = "<?xml version=\"1.0\"?><!DOCTYPE b [<!ENTITY a \"aaaa\"><!ENTITY b SYSTEM \"file:///etc/passwd\">]><b>&a;&b;</b>";
    for (given, content, expect, reason) in [
        ("a.xml", entities, "a.xml.txt", Some("markup_as_text")),
        ("a.json", "{\"a\": \"日本\"}", "a.json.txt", None),
        ("a.yaml", "a: 日本\n", "a.yaml.txt", None),
        ("a.md", "# 題 <b>x</b>\n", "a.md", None),
        ("a.log", "<html>x</html>\n", "a.log", None),
        ("a.ini", "[a]\nb=1\n", "a.ini.txt", None),
        ("a.hta", "<html><script>x</script>y</html>", "a.hta.txt", Some("html_to_text")),
    ] {
        let (report, _kept) = sanitize(given, content.as_bytes(), "");
        assert_eq!(name(&report), expect, "{report}");
        if let Some(reason) = reason {
            assert!(has(&report, reason), "{report}");
        }
        if reason != Some("html_to_text") {
            assert_eq!(text(&report), content, "{given}");
        }
    }
    let (report, _kept) = sanitize("a.xml", b"<?xml version=\"1.0\" encoding=\"EUC-JP\"?><a>\xc6\xfc\xcb\xdc</a>", "");
    assert!(text(&report).contains("<a>日本</a>"), "{report}");
}

#[test]
fn files_of_markup_are_held_where_the_site_wants_it() {
    for (name, content) in [("page.html", PAGE), ("a.xml", "<?xml version=\"1.0\"?><a/>")] {
        let (report, _kept) = sanitize(name, content.as_bytes(), "[mail]\nmarkup = \"withhold\"\n");
        assert_eq!((&report["verdict"], &report["output"]), (&"withheld".into(), &Value::Null), "{report}");
        assert!(has(&report, "unsupported_type"), "{report}");
    }
    let (report, _kept) = sanitize("a.txt", PAGE.as_bytes(), "[mail]\nmarkup = \"withhold\"\n");
    assert_eq!(text(&report), PAGE, "a text is a text whatever stands in it");
    // A drawing is a picture: what is passed on of it are pixels.
    let drawing = b"<svg xmlns=\"http://www.w3.org/2000/svg\"><rect width=\"9\" height=\"9\"/></svg>";
    let (report, _kept) = sanitize("a.svg", drawing, "[mail]\nmarkup = \"withhold\"\n");
    assert_eq!(report["output_type"], "image/png", "{report}");
}
