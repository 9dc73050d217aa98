use super::*;

fn check(bytes: &[u8], name: &str, expect: (Content, &str)) {
    let found = detect(bytes, Some(&FileName::rebuild(name).0), "");
    assert_eq!((found.content, found.token.as_str()), expect, "{name}");
}

const UNSUPPORTED: Content = Content::Withheld(Reason::UnsupportedType);

#[test]
fn pictures_are_known_by_signature_whatever_their_name() {
    check(b"\x89PNG\r\n\x1a\n....", "a.pdf", (Content::Image(ImageSource::Png), "png"));
    check(b"\xff\xd8\xff\xe0....", "a.txt", (Content::Image(ImageSource::Jpeg), "jpeg"));
    check(b"GIF89a....", "a.gif", (Content::Image(ImageSource::Gif), "gif"));
    check(b"RIFF\0\0\0\0WEBPVP8 ", "a", (Content::Image(ImageSource::WebP), "webp"));
    check(b"II*\0\x08\0\0\0\0\0", "a.tif", (Content::Image(ImageSource::Tiff), "tiff"));
    check(b"BM\0\0\0\0\0\0\0\0\0\0\0\0\x28\0\0\0", "a.bmp", (Content::Image(ImageSource::Bmp), "bmp"));
    check(b"BMW is a car, not a bitmap at all.", "a.bmp", (Content::Text, "text"));
}

#[test]
fn text_under_a_text_name_stays_text_and_markup_elsewhere_does_not() {
    check(b"<html><script>alert(1)</script></html>", "a.txt", (Content::Text, "text"));
    check(b"<html><script>alert(1)</script></html>", "a.html", (Content::Html, "html"));
    check(b"<html><script>alert(1)</script></html>", "a.jpg", (Content::Html, "html"));
    check(b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "a.png", (Content::Svg, "svg"));
    let drawn = b"<!-- a --><!DOCTYPE svg PUBLIC \"x\" \"y\" [\n<!ENTITY ns \"http://a\">\n]>\n<svg:svg/>";
    check(drawn, "a.svg", (Content::Svg, "svg"));
    check(b"<html><body><svg/></body></html>", "a.svg", (Content::Html, "html"));
    check(b"<?xml version='1.0'?><report><svg/></report>", "a.svg", (Content::Xml, "xml"));
    check(b"<?xml version='1.0'?><root/>", "a", (Content::Xml, "xml"));
    check(b"<p>a</p>", "a.xml", (Content::Xml, "xml"));
    for page in
        [&b"words <b>first</b>"[..], b"<p>a</p>", b"<?xml version='1.0'?><p>a</p>", b"From: x\nTo: y\nSubject: z\n\n"]
    {
        check(page, "a.HTM", (Content::Html, "html"));
    }
    check(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "a.html", (Content::Svg, "svg"));
    check(b"#!/bin/sh", "a.html", (UNSUPPORTED, "script"));
    check(b"\xff\xfe<\0h\0t\0m\0l\0>\0", "a", (Content::Html, "html"));
    const CONVERTED: Content = Content::Withheld(Reason::ConverterUnavailable);
    const GARBLED: Content = Content::Withheld(Reason::ForeignDocument);
    check(b"ID;PWXL;N;E\r\nC;X1;Y1;K0;EEXEC(\"calc\")\r\nE\r\n", "a.slk", (CONVERTED, "slk"));
    check(b"ID;PWXL;N;E\r\nC;X1;Y1;K\"\x93\x8c\"\r\nE\r\n", "a.slk", (GARBLED, "slk"));
    check(b"TABLE\r\n0,1\r\n\"EXCEL\"\r\n\"\x93\x8c\"\r\n", "a.dif", (CONVERTED, "dif"));
    check("TABLE\n0,1\n\"EXCEL\"\n\"東\"\n".as_bytes(), "a", (GARBLED, "dif"));
    for (mark, text) in [("\u{FEFF}", "東"), ("\u{FEFF}", "a"), ("", "a")] {
        let utf16 = |start: &str| -> Vec<u8> {
            format!("{mark}{start}\"{text}\"\n").encode_utf16().flat_map(u16::to_le_bytes).collect()
        };
        check(&utf16("TABLE\n0,1\n\"EXCEL\"\n"), "a", (GARBLED, "dif"));
        check(&utf16("ID;PWXL;N;E\nC;Y1;X1;K"), "a", (GARBLED, "slk"));
    }
    check(b"TABLE\nof contents\n", "a", (Content::Text, "text"));
    check(b"#!/bin/sh\nrm -rf /\n", "run", (UNSUPPORTED, "script"));
    check(b"< 10 is small", "note", (Content::Text, "text"));
}

#[test]
fn tables_are_chosen_by_name_among_texts() {
    check(b"a,b\n1,2\n", "a.csv", (Content::Table, "csv"));
    check(b"a\tb\n1\t2\n", "a.tsv", (Content::Table, "tsv"));
    check(b"a,b\n1,2\n", "a.txt", (Content::Text, "text"));
    check(b"a\tb\n1\t2\n", "export.xls", (Content::Table, "csv"));
    check(b"MZ\x90\0\x03\0\0\0", "a.csv", (UNSUPPORTED, "exe"));
}

#[test]
fn a_mail_with_a_file_that_is_not_encoded_is_a_mail() {
    let mail =
        b"From: a@example.jp\r\nMIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\n\r\n\0\x01\x02\x03\0";
    check(mail, "a.eml", (Content::Mail, "mail"));
    check(b"\0\x01\x02\x03\0", "a.eml", (UNSUPPORTED, "unknown"));
    let news = b"From: a@example.jp\r\nSubject: b\r\nDate: Sat, 27 Oct 2001 15:07:44 +0200\r\n\r\n=ybegin line=128 size=8 name=a\r\n\0\x01\x02\x03\r\n=yend size=8\r\n";
    check(news, "a.msg", (Content::Mail, "mail"));
    check(news, "a.bin", (UNSUPPORTED, "unknown"));
    // The folder of a mail program in which one such mail lies (RFC 4155), under the names that they have.
    let stored = [b"From - Sat Oct 27 15:07:44 2001\r\n", &news[..]].concat();
    let folder = [&stored[..], b"\r\n", &stored].concat();
    for name in ["Inbox", "a.mbox", "a.bin"] {
        check(&folder, name, (Content::Archive(Format::Mbox), "mbox"));
        check(&stored, name, (Content::Mail, "mail"));
    }
    check(b"From here on: \0\x01\x02\x03\r\na: b\r\n", "a.mbox", (UNSUPPORTED, "unknown"));
}

#[test]
fn mails_are_known_by_their_fields() {
    let mail = b"Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0900\r\nFrom: a@example.jp\r\n\r\nhi\r\n";
    let headers = detect(mail, Some(&FileName::rebuild("header").0), "text/rfc822-headers");
    assert_eq!((headers.content, headers.token.as_str()), (Content::Text, "text"));
    check(mail, "message", (Content::Mail, "mail"));
    check(mail, "message.eml", (Content::Mail, "mail"));
    check(mail, "message.txt", (Content::Text, "text"));
    let mac = mail.iter().filter(|byte| **byte != b'\n').copied().collect::<Vec<u8>>();
    check(&mac, "message", (Content::Mail, "mail"));
    check(b"Name: value\nOther: value\n\ntext", "config", (Content::Text, "text"));
    let saved = b"From a@example.jp Mon Jan  1 00:00:00 2024\nFrom: a@example.jp\n\nhi\n";
    check(saved, "saved", (Content::Mail, "mail"));
    let mailbox = [&saved[..], b"\n", &saved[..]].concat();
    check(&mailbox, "box", (Content::Archive(Format::Mbox), "mbox"));
    // A paragraph may begin like that, in a mail too.
    let told = [&saved[..], b"\nFrom here on: nothing\nand so on\n"].concat();
    check(&told, "saved.eml", (Content::Mail, "mail"));
}

#[test]
fn programs_and_encrypted_files_are_named() {
    check(b"MZ\x90\0\x03\0\0\0\x04", "invoice.pdf", (UNSUPPORTED, "exe"));
    check(b"\x7fELF\x02\x01", "a", (UNSUPPORTED, "elf"));
    check(b"%PDF-1.7\n", "a.txt", (Content::Pdf, "pdf"));
    check(b"%PDF-1.7\ntrailer<</Encrypt 5 0 R>>", "a.pdf", (Content::Pdf, "pdf"));
    check(b"\0\0\0\x18ftypheic", "a.jpg", (Content::Heif, "heic"));
    check(b"", "a.pdf", (Content::Text, "empty"));
}

/// Excel keeps a document that is laid into a sheet in a storage below the root, with the streams of Word.
#[test]
fn a_compound_file_is_what_stands_at_its_root() {
    let compound = |streams: &[&str]| {
        let mut file = cfb::CompoundFile::create(std::io::Cursor::new(Vec::new())).unwrap();
        file.create_storage("/MBD00000001").unwrap();
        for stream in streams {
            file.create_stream(stream).unwrap();
        }
        file.into_inner().into_inner()
    };
    let converted = Content::Withheld(Reason::ConverterUnavailable);
    let inside = ["/MBD00000001/WordDocument", "/MBD00000001/EncryptedPackage"];
    check(&compound(&["/Workbook", inside[0], inside[1]]), "a.xls", (converted, "xls"));
    check(&compound(&["/PowerPoint Document", inside[0]]), "a.ppt", (converted, "ppt"));
    check(&compound(&["/EncryptedPackage", inside[0]]), "a.docx", (Content::Sealed, "ooxml"));
    // Where nothing at the root is known, what stands deeper is all there is to go by.
    check(&compound(&["/Other", inside[0]]), "a", (converted, "doc"));
}

#[test]
fn cards_and_calendars_may_have_blanks_behind_the_colon() {
    check(b"begin:          vcard\nfn:             A\nend:            vcard\n", "a.vcf", (Content::Card, "vcf"));
    check(b"BEGIN: VCALENDAR\n", "a.ics", (Content::Calendar, "ics"));
}

#[test]
fn an_extension_that_promises_another_type_is_named_with_both() {
    let jpeg = detect(b"\xff\xd8\xff\xe0", None, "");
    let place = |name: &str| jpeg.mismatch(Some(&FileName::rebuild(name).0)).map(|place| place.to_string());
    assert_eq!(place("a.png"), Some("png → jpeg".to_owned()));
    assert_eq!(place("a.JPG"), None);
    assert_eq!(place("a.2024"), None);
    assert_eq!(place("a"), None);
    let empty = detect(b"", None, "");
    let place = |name: &str| empty.mismatch(Some(&FileName::rebuild(name).0)).map(|place| place.to_string());
    assert_eq!(place("a.png"), Some("png → empty".to_owned()));
    assert_eq!(place("a.txt"), None);
    assert_eq!(place("a.csv"), Some("csv → empty".to_owned()));
}

#[test]
fn a_text_that_cannot_keep_its_extension_is_named() {
    let place = |bytes: &[u8], name: &str| {
        let name = FileName::rebuild(name).0;
        detect(bytes, Some(&name), "").renamed(Some(&name)).map(|place| place.to_string())
    };
    assert_eq!(place(b"@echo off\r\ncalc\r\n", "a.BAT"), Some("bat → text".to_owned()));
    assert_eq!(place(b"[InternetShortcut]\r\nURL=file://x/y\r\n", "x.url"), Some("url → text".to_owned()));
    assert_eq!(place(b"WEB\r\n1\r\nhttp://x.example/\r\n", "a.iqy"), Some("iqy → text".to_owned()));
    assert_eq!(place(b"", "a.bat"), Some("bat → empty".to_owned()));
    for name in ["a.txt", "a.log", "a.MD", "a.asc", "a.csv", "README", "a.2024", "a.png"] {
        assert_eq!(place(b"text\n", name), None, "{name}");
    }
}
