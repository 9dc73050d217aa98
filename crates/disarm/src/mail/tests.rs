//! Whole mails, most of them from `fixtures/mail` (see its README for what each shows and how it was made).

use form::Limits;
use form::job::{DirtyJob, DirtyOp};
use form::mail::{Child, MailDoc};
use proptest::prelude::*;

use super::*;

struct Outcome {
    mail: MailDoc,
    spill: Vec<u8>,
}

impl Outcome {
    fn child(&self, name: &str) -> (&Child, &[u8]) {
        let child = self.mail.children.iter().find(|child| child.name.as_str() == name);
        let child = child.unwrap_or_else(|| panic!("{name} is not among {:?}", self.names()));
        let start = usize::try_from(child.offset).unwrap();
        (child, &self.spill[start..start + usize::try_from(child.len).unwrap()])
    }

    fn names(&self) -> Vec<&str> {
        self.mail.children.iter().map(|child| child.name.as_str()).collect()
    }

    fn reasons(&self) -> Vec<Reason> {
        self.mail.findings.iter().map(|finding| finding.reason).collect()
    }

    fn text(&self) -> &str {
        self.mail.body.as_str().trim_end()
    }
}

fn read_within(input: &[u8], limits: Limits) -> Outcome {
    let job = DirtyJob::new(DirtyOp::Mail, limits.clone());
    let (mut form, mut spill) = (Vec::new(), Vec::new());
    disarm(input, &job, &mut form, &mut spill).unwrap();
    Outcome { mail: MailDoc::decode(form.as_slice(), &limits).unwrap(), spill }
}

fn read(input: &[u8]) -> Outcome {
    read_within(input, Limits::default())
}

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../../fixtures/mail/", $name))
    };
}

#[test]
fn iso_2022_jp_with_the_microsoft_extensions() {
    let outcome = read(fixture!("iso-2022-jp-extensions.eml"));
    assert_eq!(outcome.mail.header.subject.as_str(), "【①】髙橋様、会議のお知らせ㈱");
    assert_eq!(outcome.text(), "①㈱髙島屋　～－∥　ｶﾀｶﾅ\nお世話になっております。");
    assert!(outcome.mail.findings.is_empty(), "{:?}", outcome.mail.findings);
}

#[test]
fn iso_2022_jp_without_any_label() {
    let outcome = read(fixture!("iso-2022-jp-unlabelled.eml"));
    assert_eq!((outcome.mail.header.subject.as_str(), outcome.text()), ("生の件名", "ラベルのない本文です。"));
    assert!(outcome.mail.findings.is_empty());
}

#[test]
fn shift_jis_html_becomes_text_and_says_what_it_lost() {
    let outcome = read(fixture!("shift-jis-html.eml"));
    assert_eq!(outcome.mail.header.subject.as_str(), "表題の表示テスト");
    assert_eq!(
        outcome.text(),
        "■ お知らせ\n\n詳しくはこちら <https://www.example.jp/表/> を\nご覧ください。\n\n日付   内容\n11/20  会議\n11/21  提出期限"
    );
    assert_eq!(outcome.reasons(), [Reason::HiddenText, Reason::HtmlToText]);
}

#[test]
fn an_inline_picture_is_a_child_with_a_mark_at_its_place() {
    let outcome = read(fixture!("utf-8-related-inline-image.eml"));
    assert_eq!(outcome.text(), "地図は次のとおりです。\n[画像1: 地図.png]\n以上");
    let (child, bytes) = outcome.child("地図.png");
    assert!(child.inline && bytes.starts_with(b"\x89PNG"));
    assert_eq!(outcome.names(), ["地図.png"]);
}

#[test]
fn names_of_every_usual_form_are_read_once_and_right() {
    let outcome = read(fixture!("rfc2231-names.eml"));
    assert_eq!(outcome.names(), ["見積書.pdf", "資料（案）最終.xlsx", "能力表.txt", "fdp.exe"]);
    assert_eq!(outcome.child("見積書.pdf").1, b"%PDF-");
    assert!(outcome.reasons().contains(&Reason::BidiControls));
    assert!(outcome.reasons().contains(&Reason::NameChanged));
}

#[test]
fn old_carrier_addresses_and_emoji_survive() {
    let outcome = read(fixture!("docomo-addresses.eml"));
    assert_eq!(outcome.mail.header.from.as_ref().unwrap().address.as_str(), ".taro..x.@docomo.ne.jp");
    let to: Vec<_> = outcome.mail.header.to.iter().map(|to| to.address.as_str()).collect();
    assert_eq!(to, ["hanako.@ezweb.ne.jp", "ichiro..@docomo.ne.jp"]);
    assert_eq!((outcome.mail.header.subject.as_str(), outcome.text()), ("携帯から", "本文☀"));
    assert_eq!(outcome.reasons(), []);
}

#[test]
fn a_root_that_reads_two_ways_is_withheld_whole_and_its_header_told() {
    let outcome = read(fixture!("ambiguous-boundary.eml"));
    assert_eq!(outcome.mail.header.subject.as_str(), "two readings");
    assert_eq!(outcome.text(), "");
    let (child, _) = outcome.child("message.eml");
    assert_eq!(child.withheld.unwrap().reason, Reason::AmbiguousStructure);
    assert_eq!(outcome.names().len(), 1);
}

#[test]
fn parts_that_may_not_pass_are_withheld_one_by_one() {
    let outcome = read(fixture!("withheld-parts.eml"));
    assert_eq!(outcome.text(), "text stays");
    let withheld: Vec<_> = outcome.mail.children.iter().map(|c| c.withheld.map(|refusal| refusal.reason)).collect();
    assert_eq!(
        withheld,
        [
            Some(Reason::MessagePartial),
            Some(Reason::ExternalBody),
            Some(Reason::EncryptedForRecipient),
            Some(Reason::AmbiguousStructure),
            None,
            None
        ]
    );
    assert_eq!(outcome.child("unpadded.bin").1, b"hello");
    let (inner, bytes) = outcome.child("inner.eml");
    assert!(inner.is_mail);
    assert_eq!(bytes, b"Subject: inner\r\n\r\ninner text");
    assert!(outcome.reasons().contains(&Reason::EncodingRepaired));
}

#[test]
fn a_delivery_report_is_readable() {
    let outcome = read(fixture!("delivery-report.eml"));
    assert!(outcome.text().starts_with("I could not deliver your message.\n\nReporting-MTA: dns; mx.example.jp"));
    assert!(outcome.text().ends_with("Status: 5.1.1"));
    assert_eq!(outcome.names(), ["hello.eml"]);
    assert_eq!(outcome.mail.header.auto_submitted.as_ref().unwrap().as_str(), "auto-replied");
}

/// The second opinion: where a mail has one reading, `mail-parser` finds the same files in it.
#[test]
fn mail_parser_finds_the_same_files_in_unambiguous_mails() {
    for input in [
        fixture!("rfc2231-names.eml").as_slice(),
        fixture!("utf-8-related-inline-image.eml"),
        fixture!("iso-2022-jp-extensions.eml"),
        fixture!("shift-jis-html.eml"),
    ] {
        let outcome = read(input);
        let ours: Vec<&[u8]> = outcome.mail.children.iter().map(|c| outcome.child(c.name.as_str()).1).collect();
        let parsed = mail_parser::MessageParser::default().parse(input).unwrap();
        let theirs: Vec<&[u8]> = parsed.attachments().map(mail_parser::MessagePart::contents).collect();
        assert_eq!(ours, theirs);
    }
}

fn alternative(plain: &str, html: &str) -> Outcome {
    read(format!(
        "Date: Fri, 20 Nov 2026 10:00:00 +0900\nContent-Type: multipart/alternative; boundary=b\n\n--b\nContent-Type: text/plain; \
         charset=utf-8\n\n{plain}\n--b\nContent-Type: text/html; charset=utf-8\n\n{html}\n--b--\n"
    ).as_bytes())
}

#[test]
fn of_two_alternatives_the_plain_one_is_read_when_both_say_the_same() {
    let same = alternative(
        "お世話になっております。資料を送ります。",
        "<p>お世話になっております。<b>資料</b>を送ります。</p>",
    );
    assert_eq!((same.text(), same.reasons()), ("お世話になっております。資料を送ります。", vec![]));
}

#[test]
fn raw_header_text_is_in_the_charset_of_the_body() {
    // 會議通知 in Big5, where it would be half-width kana and kanji in Shift_JIS.
    let mut mail = b"From: a@example.jp\r\nSubject: ".to_vec();
    mail.extend_from_slice(
        b"\xb7\x7c\xc4\xb3\xb3\x71\xaa\xbe\r\nContent-Type: text/plain; charset=big5\r\n\r\n\xb7\x7c\r\n",
    );
    let outcome = read(&mail);
    assert_eq!((outcome.mail.header.subject.as_str(), outcome.text()), ("會議通知", "會"));
    let mail = b"Subject: Facture \xc3\xa0 regler\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\nx\r\n";
    assert_eq!(read(mail).mail.header.subject.as_str(), "Facture à regler");
    // A header that is not in the charset of the body is what its bytes say.
    let mail = b"Subject: \x89\xef\x8bc\x8e\x91\x97\xbf\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nx\r\n";
    let outcome = read(mail);
    assert_eq!(outcome.mail.header.subject.as_str(), "会議資料");
    assert!(outcome.reasons().contains(&Reason::CharsetGuessed), "{:?}", outcome.reasons());
}

#[test]
fn alternatives_that_differ_are_told() {
    let other = alternative("お世話になっております。", "<p>こちらの文面はまったく違うことを言っています</p>");
    assert_eq!((other.text(), other.reasons()), ("お世話になっております。", vec![Reason::AlternativeText]));
}

/// Outlook leaves the letter of its font of signs in the plain text.
#[test]
fn the_dots_of_a_list_make_no_other_text() {
    let dot = "<span style='font-family:Wingdings'>l</span>";
    let listed = alternative(
        "次のとおり\nl 議題一\nl 議題二\n",
        &format!("<p>次のとおり</p><p>{dot} 議題一</p><p>{dot} 議題二</p>"),
    );
    assert!(!listed.reasons().contains(&Reason::AlternativeText), "{:?}", listed.reasons());
}

#[test]
fn one_other_number_address_or_host_in_a_long_text_is_told() {
    let lines: Vec<String> =
        (0..60).map(|line| format!("同じ行の{line}行目にはいつもの文が書いてあります。")).collect();
    let told = |plain: &str, html: &str| {
        let html = format!("<p>{}<br>{html}</p>", lines.join("<br>"));
        alternative(&format!("{}\n{plain}", lines.join("\n")), &html).reasons().contains(&Reason::AlternativeText)
    };
    assert!(told("口座番号 1234567", "口座番号 7654321"));
    assert!(told("a@example.jp まで", "a@example.com まで"));
    assert!(told("https://a.example/ へ", "<a href='https://b.example/'>https://b.example/</a> へ"));
    assert!(!told("口座番号 1234567", "口座番号 <b>1234567</b>"));
    assert!(!told("申込み", "<a href='https://a.example/'>申込み</a>"));
    assert!(!told("https://a.example/ へ", "<a href='https://a.example/'>https://a.example/</a> へ"));
}

#[test]
fn a_plain_stub_gives_way_to_the_real_text() {
    let long = "ほんとうの本文はここに書いてあり、とても長く続いていて、ひな形の文とはまったく違います。".repeat(5);
    let stub = alternative("HTMLメールに対応したソフトでご覧ください。", &format!("<p>{long}</p>"));
    assert_eq!(stub.text(), long);
    assert!(stub.reasons().contains(&Reason::AlternativeText));
    // One that speaks of the HTML need not be so much shorter.
    let short = "窓口の受付時間が変わります。四月から九時に始まり、五時に終わります。";
    for words in ["HTMLメールに対応したソフトでご覧ください。", "このメールはＨＴＭＬ形式です。"]
    {
        assert_eq!(alternative(words, &format!("<p>{short}</p>")).text(), short);
    }
    let other = alternative("別の文面のメールで、こちらも同じくらいの長さがあります。", &format!("<p>{short}</p>"));
    assert_ne!(other.text(), short);
}

/// ITU-T T.81 B.1.1.3, RFC 2083 3.1, APPNOTE 4.3.7, ISO 32000-1 7.5.2: how these files begin.
#[test]
fn a_text_part_that_is_a_file_is_one_whatever_it_is_called() {
    let files: [(&[u8], &str); 5] = [
        (b"\x89PNG\r\n\x1A\n\0\0\0\rIHDR", "png"),
        (b"\xFF\xD8\xFF\xE0\0\x10JFIF\0", "jpeg"),
        (b"PK\x03\x04\x14\0\0\0", "zip"),
        (b"%PDF-1.4\n%\xE2\xE3\xCF\xD3\n", "pdf"),
        (b"%PDF-1.4\n1 0 obj\n", "pdf"),
    ];
    for kind in ["text/plain", "text/html"] {
        for (bytes, token) in files {
            let head =
                format!("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nbefore\n--b\nContent-Type: {kind}\n\n");
            let outcome = read(&[head.as_bytes(), bytes, b"\n--b\n\nafter\n--b--\n"].concat());
            assert_eq!(
                (outcome.text(), outcome.names()),
                ("before\n\nafter", vec!["添付ファイル1.bin"]),
                "{kind} {token}"
            );
            let told = outcome.mail.findings.iter().find(|finding| finding.reason == Reason::TypeMismatch).unwrap();
            assert_eq!(told.place.to_string(), format!("{kind} → {token}"));
            // A file where the whole mail would be.
            let alone = read(&[format!("Content-Type: {kind}; name=a.dat\n\n").as_bytes(), bytes].concat());
            assert_eq!((alone.text(), alone.names()), ("", vec!["a.dat"]));
        }
    }
    for text in ["GIF89a is a format", "BM、お世話になっております", "PK and %PDF-1.4 stand in this text", "MZ"]
    {
        let outcome = read(format!("Content-Type: text/plain; charset=utf-8\n\n{text}\n").as_bytes());
        assert_eq!((outcome.text(), outcome.names().len()), (text, 0));
    }
}

#[test]
fn the_subject_of_a_mail_that_was_not_delivered_is_read() {
    let outcome = read(
        b"Content-Type: multipart/report; boundary=b\n\n--b\n\nsorry\n--b\nContent-Type: text/rfc822-headers\n\n\
          Subject: =?UTF-8?B?5Lya6K2w?=\n =?UTF-8?B?44Gu5Lu2?=\nTo: a@example.jp\n--b--\n",
    );
    assert_eq!(outcome.text(), "sorry\n\nSubject: 会議の件\nTo: a@example.jp");
}

#[test]
fn html_that_goes_on_where_the_plain_text_ends_is_read() {
    let both = "明日の会議は十時からに変わりました。資料は当日配ります。";
    let signed = alternative(both, &format!("<p>{both}</p><p>総務課 禊太郎<br>内線はいつもの番号です</p>"));
    assert_eq!(signed.text(), format!("{both}\n\n総務課 禊太郎\n内線はいつもの番号です"));
    assert!(!signed.reasons().contains(&Reason::AlternativeText));
    // A number that only one of them has is told all the same.
    let paid = alternative(both, &format!("<p>{both}</p><p>振込先は口座番号 7654321 です、お間違えなく</p>"));
    assert!(paid.text().contains("7654321") && paid.reasons().contains(&Reason::AlternativeText));
}

#[test]
fn links_that_the_plain_text_lacks_are_kept() {
    let linked =
        alternative("申込みはこちらからどうぞ", "<p>申込みは<a href='https://a.example/form'>こちら</a>からどうぞ</p>");
    assert_eq!(linked.text(), "申込みはこちら <https://a.example/form> からどうぞ");
}

#[test]
fn the_charset_of_a_text_may_stand_at_the_multipart_around_it() {
    // Python: "Привет, мир".encode("koi8_r"), which could be other letters of another set.
    let signed = |inner: &str| {
        let head = format!("Content-Type: multipart/signed; charset=koi8-r; boundary=b\n\n--b\n{inner}\n\n");
        [head.as_bytes(), b"\xf0\xd2\xc9\xd7\xc5\xd4, \xcd\xc9\xd2\n--b--\n"].concat()
    };
    assert_eq!(read(&signed("Content-Type: text/plain")).text(), "Привет, мир");
    // Python: the same bytes .decode("windows-1251")
    assert_eq!(read(&signed("Content-Type: text/plain; charset=windows-1251")).text(), "рТЙЧЕФ, НЙТ");
}

#[test]
fn later_text_parts_without_a_name_join_the_body() {
    let outcome = read(
        b"Content-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: text/plain; name=two.txt\n\ntwo\n--b\n\nthree\n--b--\n",
    );
    assert_eq!(outcome.text(), "one\n\nthree");
    assert_eq!(outcome.names(), ["two.txt"]);
}

#[test]
fn an_mbox_line_and_an_empty_body_are_tolerated() {
    let outcome =
        read(b"From a@example.jp Fri Nov 20 10:00:00 2026\nSubject: x\nDate: Fri, 20 Nov 2026 10:00:00 +0900\n\n");
    assert_eq!((outcome.mail.header.subject.as_str(), outcome.reasons()), ("x", vec![Reason::EmptyBody]));
}

/// Python reads the same of it: `email.message_from_bytes`.
#[test]
fn a_mail_whose_lines_end_as_on_old_macs_is_read() {
    let mail = b"Subject: x\nDate: Fri, 20 Nov 2026 10:00:00 +0900\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\ntwo\n--b\n\
        Content-Type: text/plain; name=a.txt\n\nthree\n--b--\n";
    let mac: Vec<u8> = mail.iter().map(|byte| if *byte == b'\n' { b'\r' } else { *byte }).collect();
    let outcome = read(&mac);
    assert_eq!((outcome.mail.header.subject.as_str(), outcome.text()), ("x", "one\ntwo"));
    assert_eq!(outcome.names(), ["a.txt"]);
    assert_eq!(outcome.reasons(), [Reason::EncodingRepaired]);
    // Beside a line feed a carriage return is no end of a line.
    assert_eq!(read(b"Subject: a\rTo: b\n\ntext").mail.header.subject.as_str(), "a To: b");
}

#[test]
fn enriched_and_flowed_text_is_read_as_meant() {
    assert_eq!(read(b"Content-Type: text/enriched\n\n<bold>a</bold>\nb\n\nc").text(), "a b\nc");
    assert_eq!(read(b"Content-Type: text/plain; format=flowed\n\na \nb\n").text(), "a b");
}

#[test]
fn a_signature_and_the_macintosh_half_of_a_file_are_told_and_gone() {
    let outcome = read(
        b"Date: Fri, 20 Nov 2026 10:00:00 +0900\nContent-Type: multipart/signed; boundary=b\n\n--b\n\ntext\n--b\nContent-Type: \
          application/pgp-signature; name=s.asc\n\nx\n--b--\n",
    );
    assert_eq!((outcome.text(), outcome.reasons(), outcome.names().len()), ("text", vec![Reason::Signature], 0));
}

#[test]
fn limits_cost_the_part_and_never_the_mail() {
    let input = b"Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nbody text\n--b\nContent-Type: image/png; name=a.png\n\n12345\n--b\nContent-Type: image/png; name=b.png\n\n123456\n--b--\n";
    let outcome = read_within(input, Limits { spill_bytes: 5, ..Limits::default() });
    assert_eq!(outcome.child("a.png").0.withheld, None);
    assert_eq!(outcome.child("b.png").0.withheld.map(|r| r.reason), Some(Reason::LimitSpillBytes));
    assert_eq!(outcome.text(), "body text");
    let outcome = read_within(input, Limits { text_bytes: 4, ..Limits::default() });
    assert_eq!(outcome.text(), "body");
    assert!(outcome.reasons().contains(&Reason::TextShortened));
    let outcome = read_within(input, Limits { parts: 3, ..Limits::default() });
    assert_eq!(outcome.names(), ["a.png", "以降の添付ファイル"]);
}

#[test]
fn a_header_beyond_its_limit_is_told_and_the_first_fields_still_read() {
    let input = format!("Subject: kept\nX-Long: {}\n\nbody", "x".repeat(300_000));
    let outcome = read(input.as_bytes());
    assert_eq!(outcome.mail.header.subject.as_str(), "kept");
    assert_eq!(outcome.child("message.eml").0.withheld.unwrap().reason, Reason::LimitHeaderBytes);
    // As long in the form as it may be before the length fields are counted.
    let names = "\u{ff71}".repeat(40);
    let many = (0..1_900).map(|n| format!("\"{names}\" <a{n}@example.jp>")).collect::<Vec<_>>().join(",\n ");
    let input = format!("Subject: kept\nTo: {many}\n\nbody");
    let outcome = read_within(input.as_bytes(), Limits { header_bytes: 300_000, ..Limits::default() });
    assert_eq!((outcome.mail.header.subject.as_str(), outcome.text()), ("kept", "body"));
}

#[test]
fn hostile_shapes_stay_linear() {
    let started = std::time::Instant::now();
    let nested =
        (0..400).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect::<String>();
    read(nested.as_bytes());
    read("Content-Type: message/rfc822\n\n".repeat(36_000).as_bytes());
    read(format!("Content-Type: multipart/mixed; boundary=b\n\n{}", "--b\n\nx\n".repeat(10_000)).as_bytes());
    let lies = "--b\nContent-Type: multipart/mixed; boundary=nowhere\n\n".repeat(900);
    read(format!("Content-Type: multipart/mixed; boundary=b\n\n{lies}{}", "x\n".repeat(500_000)).as_bytes());
    read(format!("Subject: {}\n\nx", "=?utf-8?Q?a?= ".repeat(15_000)).as_bytes());
    read(format!("From: {}\n\nx", "(".repeat(200_000)).as_bytes());
    read(format!("Content-Type: text/plain; {}\n\nx", "a*0*=b;".repeat(30_000)).as_bytes());
    read(format!("\n\n{}", "x".repeat(20_000_000)).as_bytes());
    assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn any_bytes_give_a_valid_form(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        read(&bytes);
    }

    /// Pieces of real mails in any order reach deeper than bytes at random.
    #[test]
    fn any_order_of_mime_pieces_gives_a_valid_form(order in proptest::collection::vec(0..PIECES.len(), 0..40)) {
        let input: Vec<u8> = order.iter().flat_map(|piece| PIECES[*piece].iter().copied()).collect();
        read(&input);
    }
}

const PIECES: [&[u8]; 30] = [
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"Content-Type: multipart/alternative; boundary=\"c\"\r\n",
    b"Content-Type: multipart/related; boundary=d; start=\"<1>\"\r\n",
    b"Content-Type: text/html; charset=shift_jis\r\n",
    b"Content-Type: text/plain; charset=iso-2022-jp; format=flowed\r\n",
    b"Content-Type: image/png; name*0*=utf-8''%E3%81; name*1*=%82.png\r\n",
    b"Content-Type: message/rfc822\r\n",
    b"Content-Transfer-Encoding: base64\r\n",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"Content-Disposition: inline; filename=\"=?utf-8?B?44GC?=.txt\"\r\n",
    b"Content-ID: <1>\r\n",
    b"Subject: =?iso-2022-jp?B?GyRC?= =?iso-2022-jp?B?JCIbKEI=?=\r\n",
    b"From: \"a\" <a@b.jp>, x: y@z;, (c\r\n",
    b" continued\r\n",
    b"junk line\r\n",
    b"\r\n",
    b"\n",
    b"\r",
    b"--b\r\n",
    b"--b--\r\n",
    b"--c\r\n",
    b"--c--\r\n",
    b"--d\r\n",
    b"<div style='display:none'><table><td><a href=x>",
    b"<img src=cid:1></td></table>",
    b"\x1B$B$\"$$",
    b"\x82\xA0\x82\xA2\xFF",
    b"aGVsbG8=\r\n",
    b"=E3=81=82=\r\n",
    b"[cid:1]",
];

#[test]
fn files_inside_of_plain_text_become_attachments_with_a_mark_at_their_place() {
    // Encoded by Python: binascii.b2a_uu, base64, and yEnc after its draft.
    let text = "Subject: x\n\nbefore\nbegin 644 hello.txt\n,:&5L;&\\@=V]R;&0*\n`\nend\nbetween\n\
        begin-base64 644 two.bin\naGVsbG8=\n====\nbegin 644 of the story\nis no file\nend\n";
    let outcome = read(text.as_bytes());
    assert_eq!(outcome.child("hello.txt").1, b"hello world\n");
    assert_eq!(outcome.child("two.bin").1, b"hello");
    assert_eq!(
        outcome.text(),
        "before\n[添付1: hello.txt]\nbetween\n[添付2: two.bin]\nbegin 644 of the story\nis no file\nend"
    );
    assert!(outcome.reasons().contains(&Reason::Unwrapped));
    let yenc = b"Subject: x\n\n=ybegin line=128 size=5 name=five.bin\n\x2a\x2b=\x40\x92\x93\n=yend size=5\n";
    assert_eq!(read(yenc).child("five.bin").1, [0, 1, 0xD6, 0x68, 0x69]);
}

#[test]
fn armour_of_openpgp_is_opened_where_it_only_signs_and_held_where_it_encrypts() {
    let signed = "Content-Type: text/plain; charset=utf-8\n\n-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n本文\n- - 一覧\n\
        -----BEGIN PGP SIGNATURE-----\n\niQEz\n-----END PGP SIGNATURE-----\n後\n";
    let outcome = read(signed.as_bytes());
    assert_eq!(outcome.text(), "本文\n- 一覧\n後");
    assert!(outcome.reasons().contains(&Reason::Signature));
    let encrypted = read(b"Subject: x\n\nhi\n-----BEGIN PGP MESSAGE-----\n\nhQEMA\n-----END PGP MESSAGE-----\n");
    let (child, _) = encrypted.child("encrypted.asc");
    assert_eq!(child.withheld.map(|refusal| refusal.reason), Some(Reason::EncryptedForRecipient));
    assert_eq!(encrypted.text(), "hi\n[添付1: encrypted.asc]");
}

/// What Outlook writes where a picture is pasted into a mail in rich text.
#[test]
fn a_picture_pasted_into_a_mail_in_rich_text_is_a_file() {
    let object = |name: &str, content: &[u8]| {
        let mut file = cfb::CompoundFile::create(std::io::Cursor::new(Vec::new())).unwrap();
        file.create_stream(name).unwrap().write_all(content).unwrap();
        file.into_inner().into_inner()
    };
    let packed = |object: &[u8]| {
        // IID_IStorage, then the object.
        let value = [&[0x0B, 0, 0, 0, 0, 0, 0, 0, 0xC0, 0, 0, 0, 0, 0, 0, 0x46][..], object].concat();
        let len = u32::try_from(value.len()).unwrap();
        let head = [1, 0x3701_000D_u32, 1, len].map(u32::to_le_bytes).concat();
        let properties = [head, value, vec![0; usize::try_from(len.next_multiple_of(4) - len).unwrap()]].concat();
        let rendered: &[u8] = &[0; 14];
        let packed = tnef(&[(1, 0x0002_800C, b"text\0"), (2, 0x0006_9002, rendered), (2, 0x0006_9005, &properties)]);
        read(&[&b"Content-Type: application/ms-tnef\n\n"[..], &packed].concat())
    };
    let outcome = packed(&object("CONTENTS", b"BM picture"));
    assert_eq!(outcome.child("貼り付けられたファイル.bmp").1, b"BM picture");
    assert!(!outcome.reasons().contains(&Reason::MessageIncomplete));
    // Nothing of the object is known: it is judged as what it is.
    let unknown = object("CONTENTS", b"other");
    assert_eq!(packed(&unknown).child("貼り付けられたファイル.bin").1, unknown);
}

/// `openssl smime -sign -nodetach` writes such objects; the signature itself is left out, because nothing reads it.
fn cms_signed(content: &[u8]) -> Vec<u8> {
    fn element(tag: u8, content: &[u8]) -> Vec<u8> {
        let len = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82][..], &len, content].concat()
    }
    let oid = |last: u8| [0x06, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, last].to_vec();
    let inner = element(0x30, &[oid(1), element(0xA0, &element(0x04, content))].concat());
    let signed = element(0x30, &[vec![2, 1, 1, 0x31, 0], inner].concat());
    element(0x30, &[oid(2), element(0xA0, &signed)].concat())
}

#[test]
fn a_mail_that_is_only_signed_is_read_and_the_signature_ends_here() {
    let content = "Content-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n署名\r\n\
        --in\r\nContent-Type: image/png; name=a.png\r\nContent-Disposition: attachment\r\n\r\nPNG\r\n--in--\r\n";
    let mut base64 = String::new();
    for group in cms_signed(content.as_bytes()).chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for at in 0..4 {
            let sextet = usize::try_from(bits >> (18 - 6 * at) & 63).unwrap();
            let letter = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[sextet];
            base64.push(if at > group.len() { '=' } else { char::from(letter) });
        }
    }
    let mail = |boundary: &str| {
        format!(
            "From: a@example.jp\nSubject: =?utf-8?B?5Lu2?=\nContent-Type: multipart/mixed; boundary={boundary}\n\n--{boundary}\n\
             Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\n\
             Content-Transfer-Encoding: base64\n\n{base64}\n--{boundary}--\n"
        )
    };
    let outcome = read(mail("out").as_bytes());
    assert_eq!((outcome.text(), outcome.names()), ("署名", vec!["a.png"]));
    assert_eq!(outcome.mail.header.subject.as_str(), "件");
    assert!([Reason::Signature, Reason::Unwrapped].iter().all(|reason| outcome.reasons().contains(reason)));
    // Content that could end the part around it stays in its wrapper.
    assert_eq!(read(mail("in").as_bytes()).names(), ["smime.p7m"]);
    let root = format!(
        "From: a@example.jp\nContent-Type: application/x-pkcs7-mime; name=smime.p7m\nContent-Transfer-Encoding: base64\n\n{base64}\n"
    );
    assert_eq!(read(root.as_bytes()).text(), "署名");
    let sealed = "Content-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\nMAsGCSqGSIb3DQEHAw==\n";
    let sealed = read(sealed.as_bytes());
    assert_eq!(sealed.mail.children[0].withheld.map(|refusal| refusal.reason), Some(Reason::EncryptedForRecipient));
}

/// TNEF of attributes: level, number, data.
fn tnef(attributes: &[(u8, u32, &[u8])]) -> Vec<u8> {
    let mut out = vec![0x78, 0x9F, 0x3E, 0x22, 1, 0];
    for (level, number, data) in attributes {
        out.push(*level);
        out.extend_from_slice(&number.to_le_bytes());
        out.extend_from_slice(&u32::try_from(data.len()).unwrap().to_le_bytes());
        out.extend_from_slice(data);
        let sum = data.iter().fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
        out.extend_from_slice(&sum.to_le_bytes());
    }
    out
}

#[test]
fn winmail_dat_gives_its_text_and_files_to_the_mail() {
    // 報告.txt in CP932.
    let name = b"\x95\xF1\x8D\x90.txt\0";
    let packed = tnef(&[
        (1, 0x0006_9007, &[0xA4, 0x03, 0, 0, 0, 0, 0, 0]),
        (1, 0x0002_800C, b"\x96\x7B\x95\xB6\0"),
        (2, 0x0006_9002, &[0; 14]),
        (2, 0x0001_8010, name),
        (2, 0x0006_800F, b"content"),
    ]);
    let mail = |text: &str| {
        let head = format!(
            "From: a@example.jp\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\n\n{text}\n\
             --b\nContent-Type: application/ms-tnef; name=winmail.dat\nContent-Transfer-Encoding: binary\n\n"
        );
        [head.as_bytes(), &packed, b"\n--b--\n"].concat()
    };
    let outcome = read(&mail(""));
    assert_eq!((outcome.text(), outcome.child("報告.txt").1), ("本文", &b"content"[..]));
    assert!(outcome.reasons().contains(&Reason::Unwrapped));
    assert_eq!(read(&mail("本文")).text(), "本文", "the same text is not shown twice");
    assert_eq!(read(&mail("別の前文です")).text(), "別の前文です\n\n本文");
    let broken = packed.len() - 30;
    let cut = [b"Content-Type: application/ms-tnef\n\n", &packed[..broken]].concat();
    assert!(read(&cut).reasons().contains(&Reason::MessageIncomplete));
}

#[test]
fn the_declared_type_of_a_child_names_its_charset() {
    let declared = |content_type: &str| {
        let mail = format!(
            "From: a@example.jp\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: {content_type}\n\
             Content-Disposition: attachment; filename=a.csv\n\na\n--b--\n"
        );
        read(mail.as_bytes()).child("a.csv").0.declared_type.as_str().to_owned()
    };
    assert_eq!(declared("text/csv; charset=\"Shift_JIS\""), "text/csv; charset=Shift_JIS");
    assert_eq!(declared("text/csv; charset=\"a; b\""), "text/csv");
    assert_eq!(declared(&format!("text/csv; charset={}", "a".repeat(300))), "text/csv");
    assert_eq!(declared("text/csv"), "text/csv");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn damaged_wrappers_give_a_valid_form(at in 0_usize..400, byte in any::<u8>(), cut in 0_usize..400, signed in any::<bool>()) {
        let mut inner = if signed {
            cms_signed(b"Content-Type: text/plain\r\n\r\nhello")
        } else {
            tnef(&[
                (1, 0x0006_9003, &[1, 0, 0, 0, 0x1E, 0, 0x37, 0, 1, 0, 0, 0, 2, 0, 0, 0, b'x', 0, 0, 0]),
                (2, 0x0006_9002, &[0; 14]),
                (2, 0x0001_8010, b"a.txt\0"),
                (2, 0x0006_800F, b"content"),
            ])
        };
        let at = at % inner.len();
        inner[at] = byte;
        inner.truncate(inner.len().saturating_sub(cut / 4).max(1));
        let kind = if signed { "pkcs7-mime" } else { "ms-tnef" };
        let mail = [format!("Content-Type: application/{kind}\n\n").as_bytes(), &inner].concat();
        read(&mail);
    }
}
