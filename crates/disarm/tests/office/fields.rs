//! Fields of Word: an instruction crosses where it computes from the document itself, and what it shows always does.

use form::Reason;

use crate::kit::body;
use crate::package_kit::MC;

#[test]
fn a_field_that_starts_a_program_leaves_the_text_that_it_shows() {
    let field = |instruction: &str| {
        format!(
            r#"<w:p><w:r><w:t>前</w:t></w:r><w:r><w:fldChar w:fldCharType="begin"/></w:r>{instruction}<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>結果</w:t></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r></w:p>"#
        )
    };
    let split = "<w:r><w:instrText> DD</w:instrText></w:r><w:r><w:instrText>EAUTO c:\\\\windows\\\\cmd.exe \"/k calc\"</w:instrText></w:r>";
    let (done, text) = body(&field(split));
    assert!(!text.contains("fldChar") && !text.contains("instrText") && !text.contains("calc"), "{text}");
    assert!(text.contains("前") && text.contains("結果"), "{text}");
    assert!(done.has(Reason::DdeLink));
    let (done, text) = body(&field("<w:r><w:instrText> PAGE </w:instrText></w:r>"));
    assert_eq!(text.matches("fldChar ").count(), 3, "{text}");
    assert!(!done.has(Reason::UnsafeField));
    let nested = field(&format!(
        "<w:r><w:instrText> INCLUDETEXT </w:instrText></w:r>{}",
        field("<w:r><w:instrText> PAGE </w:instrText></w:r>").replace("<w:p>", "").replace("</w:p>", "")
    ));
    let (done, text) = body(&nested);
    assert!(!text.contains("fldChar"), "a field in a refused one's instruction goes with it: {text}");
    assert_eq!(text.matches("結果").count(), 1, "{text}");
    assert!(done.has(Reason::UnsafeField));
}

/// Word reads text boxes apart, and what is tracked as inserted or deleted goes away with a click: each of these would be `PAGE`
/// here and `DDEAUTO` there.
#[test]
fn an_instruction_that_reaches_into_what_is_read_apart_is_no_instruction() {
    let mark = |kind: &str| format!(r#"<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>"#);
    let command = r#"DDEAUTO c:\\windows\\cmd.exe "/k calc""#;
    let page = "<w:r><w:instrText>PAGE </w:instrText></w:r>";
    let program = format!("<w:r><w:instrText>{command}</w:instrText></w:r>");
    let boxed = |content: &str| {
        format!(
            r#"<w:r><w:pict><v:shape xmlns:v="urn:schemas-microsoft-com:vml"><v:textbox><w:txbxContent><w:p>{content}</w:p></w:txbxContent></v:textbox></v:shape></w:pict></w:r>"#
        )
    };
    let tracked = |name: &str, content: &str| {
        format!(r#"<w:{name} w:id="1" w:author="a" w:date="2026-01-01T00:00:00Z">{content}</w:{name}>"#)
    };
    let choice = format!(
        r#"<mc:AlternateContent {MC}><mc:Choice xmlns:w14="http://schemas.microsoft.com/office/word/2010/wordml" Requires="w14">{page}</mc:Choice></mc:AlternateContent>"#
    );
    let shown = format!("<w:r><w:t>{}</w:t></w:r>", command.replace('"', "&quot;"));
    for instruction in [
        format!("{}{shown}", boxed(&format!("{page}{}", mark("separate")))),
        format!("{}{shown}", boxed(&format!("{page}{}", mark("end")))),
        format!("{choice}{program}"),
        format!("{}{program}", tracked("ins", page)),
        format!("{}{program}", tracked("del", &page.replace("instrText", "delInstrText"))),
    ] {
        let (_, text) = body(&format!("<w:p>{}{instruction}{}{}</w:p>", mark("begin"), mark("separate"), mark("end")));
        let begins = text.matches(r#"fldCharType="begin""#).count();
        assert!(begins == 0 && !text.contains("nstrText"), "{instruction}: {text}");
    }
}

/// The clean room adds words that are shown in an instruction to it, and a place for each field within.
#[test]
fn both_rooms_read_the_same_instruction() {
    let mark = |kind: &str| format!(r#"<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>"#);
    let (begin, separate, end) = (mark("begin"), mark("separate"), mark("end"));
    let code = |text: &str| format!("<w:r><w:instrText>{text}</w:instrText></w:r>");
    let within = format!("{begin}{}{separate}<w:r><w:t>x</w:t></w:r>{end}", code(" REF a "));
    for (instruction, stays) in [
        (format!("{}{within}{}", code(" IF "), code(" = 1 ")), true),
        (format!("{}{within}{}", code(" HYPERLINK \"http://a.example/"), code("\"")), false),
        (format!("{within}{}", code(" PAGE ")), false),
        (format!("{}<w:r><w:t>abc</w:t></w:r>", code("PAGE")), false),
        (format!("{}<w:fldSimple w:instr=\" REF a \"><w:r><w:t>b</w:t></w:r></w:fldSimple>", code(" PAGE ")), true),
    ] {
        let (_, text) = body(&format!("<w:p>{begin}{instruction}{separate}<w:r><w:t>結果</w:t></w:r>{end}</w:p>"));
        assert!(text.contains("結果"), "{text}");
        assert_eq!(text.contains(r#"fldCharType="begin""#), stays, "{instruction}: {text}");
    }
}

/// Templates ask so for what is to be filled in: the words are in the instruction alone.
#[test]
fn the_words_of_a_button_for_a_macro_stay() {
    let run = |content: &str| format!("<w:r>{content}</w:r>");
    let field = |pieces: &[&str]| {
        let pieces: String = pieces
            .iter()
            .map(|piece| run(&format!(r#"<w:instrText xml:space="preserve">{piece}</w:instrText>"#)))
            .collect();
        run(r#"<w:fldChar w:fldCharType="begin"/>"#) + &pieces + &run(r#"<w:fldChar w:fldCharType="end"/>"#)
    };
    let text = |pieces: &[&str]| body(&format!("<w:p>{}</w:p>", field(pieces)));
    for pieces in [&[" MACROBUTTON Evil [氏名を入力] "][..], &[" macrobutton ", "Evil [氏名", "を入力]"]] {
        let (done, text) = text(pieces);
        assert_eq!(text.matches("<w:t>[氏名を入力]</w:t>").count(), 1, "{text}");
        assert!(!text.contains("Evil") && !text.contains("instrText") && !text.contains("fldChar"), "{text}");
        assert!(done.has(Reason::UnsafeField));
    }
    for pieces in [&[" MACROBUTTON Evil "][..], &[" DDE a b c "], &["MACROBUTTON"]] {
        let (_, text) = text(pieces);
        assert!(!text.contains("<w:t>"), "{text}");
    }
}

#[test]
fn a_field_without_an_end_takes_no_words_with_it() {
    let (_, text) = body(
        r#"<w:p><w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText> FOO </w:instrText></w:r></w:p><w:p><w:r><w:t>本文</w:t></w:r></w:p>"#,
    );
    assert!(text.contains("本文") && !text.contains("FOO"), "{text}");
}

#[test]
fn marks_of_fields_that_never_began_are_left_out() {
    let (_, text) = body(
        r#"<w:p><w:r><w:fldChar w:fldCharType="end"/><w:instrText>PAGE</w:instrText><w:t>x</w:t></w:r><w:r><w:fldChar w:fldCharType="begin"/></w:r></w:p>"#,
    );
    assert!(!text.contains("instrText") && text.contains(">x<"), "{text}");
}

#[test]
fn fields_are_judged_in_documents_that_stream_too() {
    let mark = |kind: &str| format!(r#"<w:r><w:fldChar w:fldCharType="{kind}"/></w:r>"#);
    let field = |instruction: &str| {
        format!(
            "<w:p>{}<w:r><w:instrText>{instruction}</w:instrText></w:r>{}<w:r><w:t>shown</w:t></w:r>{}</w:p>",
            mark("begin"),
            mark("separate"),
            mark("end")
        )
    };
    let (done, text) = body(&format!("{}{}", field("PAGE"), field("DDE cmd /c calc")).repeat(8_000));
    assert_eq!(text.matches("shown").count(), 16_000);
    assert_eq!(text.matches("<w:fldChar ").count(), 3 * 8_000);
    assert!(!text.contains("calc"));
    assert!(done.has(Reason::DdeLink));
}
