use std::time::{Duration, Instant};

use form::job::Extra;

use super::Converted;

fn to_text(html: &str, pictures: &mut dyn FnMut(&str) -> Option<String>) -> Converted {
    super::to_text(html, Extra::Drop, pictures)
}

fn text(html: &str) -> String {
    to_text(html, &mut |source| Some(format!("[画像: {source}]"))).text
}

#[test]
fn blocks_breaks_and_white_space_read_as_in_a_browser() {
    assert_eq!(text("<p>a  b\n c</p><p>d<br>e</p>"), "a b c\n\nd\ne");
    assert_eq!(text("<div>a</div><div><br></div><div>b<br></div><div>c</div>"), "a\n\nb\nc");
    assert_eq!(text("<p class=MsoNormal>a</p><p class=MsoNormal>&nbsp;</p><p class=MsoNormal>b</p>"), "a\n\nb");
    assert_eq!(text("a&amp;b &lt;c&gt; &#x3042;&yen;"), "a&b <c> あ¥");
}

#[test]
fn a_source_line_break_inside_japanese_text_is_no_space() {
    assert_eq!(text("<p>日本\n語と English\nword</p>"), "日本語と English word");
}

#[test]
fn headings_lists_and_quotes_keep_their_shape() {
    assert_eq!(
        text("<h1>題</h1><ul><li>一<li>二<ol start=3><li>x</li><li>y</ol></ul><blockquote>q<p>r</blockquote>s"),
        "■ 題\n\n・一\n・二\n  3. x\n  4. y\n> q\n>\n> r\n\ns"
    );
}

/// Outlook of Microsoft 365: a list, and the face that it makes of `:)`.
#[test]
fn signs_that_outlook_writes_as_letters_of_a_font_are_signs() {
    let item = |letter: &str, words: &str| {
        format!(
            "<p class=MsoListParagraph style='margin-left:18.0pt;mso-list:l0 level1 lfo1'><![if !supportLists]><span lang=EN-US \
             style='font-family:Wingdings'><span style='mso-list:Ignore'>{letter}<span style='font:7.0pt \"Times New Roman\"'>&nbsp; \
             </span></span></span><![endif]>{words}<span lang=EN-US><o:p></o:p></span></p>"
        )
    };
    assert_eq!(text(&(item("l", "label") + &item("\u{D8}", "二"))), "●  label\n➢  二");
    assert_eq!(text("了解です<span style='font-family:Wingdings'>J</span>J"), "了解です☺J");
    assert_eq!(text("<font face=Wingdings>n<font face='ＭＳ ゴシック'>n</font></font>"), "■n");
}

#[test]
fn preformatted_text_stays_as_it_is() {
    assert_eq!(text("<pre>a\n  b\n\nc</pre>d"), "a\n  b\n\nc\nd");
}

#[test]
fn data_tables_are_aligned_by_display_width() {
    assert_eq!(
        text("<table><tr><th>品名<th>数</tr><tr><td>りんご</td><td>3</td></tr><tr><td>x<td>12</table>"),
        "品名    数\nりんご  3\nx       12"
    );
}

#[test]
fn layout_tables_are_running_text() {
    let html = "<table><tr><td><table><tr><td><p>hello</p><p>world</p></td></tr></table></td></tr><tr><td>end</td></tr></table>";
    assert_eq!(text(html), "hello\n\nworld\nend");
}

#[test]
fn cells_that_cover_others_keep_their_neighbours_in_column() {
    assert_eq!(
        text(
            "<table border=1><tr><th>日<th>時間<th>内容</tr><tr><td rowspan=2>1日<td>9時<td>受付</tr><tr><td>10時<td>開会</tr>\
             <tr><td colspan=2>午後<td>懇親会</tr></table>"
        ),
        "日   時間  内容\n1日  9時   受付\n     10時  開会\n午後       懇親会"
    );
}

#[test]
fn long_cells_of_a_data_table_are_wrapped_in_their_column() {
    let long = "あ".repeat(70);
    let wrapped = text(&format!("<table><tr><th>項目<th>説明</tr><tr><td>目的<td>{long}</tr></table>"));
    let lines: Vec<&str> = wrapped.lines().collect();
    assert_eq!(lines.len(), 3, "{wrapped}");
    assert!(lines[1].starts_with("目的  ああ") && lines[2].starts_with("      ああ"), "{wrapped}");
    assert_eq!(wrapped.matches('あ').count(), 70);
    let words = text(&format!(
        "<table><tr><th>a<th>b</tr><tr><td>x<td>{}https://a.example/{}</tr></table>",
        "word ".repeat(30),
        "x".repeat(130)
    ));
    assert!(words.contains(&format!("https://a.example/{}", "x".repeat(130))), "{words}");
    assert_eq!(words.matches("word").count(), 30);
}

#[test]
fn lists_count_as_their_author_wants() {
    assert_eq!(
        text("<ol type=a start=25><li>x<li>y<li>z</ol><ol type=I><li>x<li value=4>y</ol><dl><dt>t<dd>d<br>e</dl>"),
        "y. x\nz. y\naa. z\nI. x\nIV. y\nt\n  d\n  e"
    );
}

#[test]
fn what_was_struck_out_or_raised_does_not_read_as_if_it_were_not() {
    assert_eq!(text("<s>5,000円</s> <b>3,000円</b><del></del>"), "[取消: 5,000円] 3,000円");
    assert_eq!(text("x<span style='text-decoration:line-through'>old</span>"), "x [取消: old]");
    assert_eq!(text("10<sup>6</sup> m<sup>-2</sup> 1<sup>st</sup> 注<sup>1</sup>"), "10^6 m^-2 1st 注1");
}

#[test]
fn controls_show_what_stands_in_them() {
    assert_eq!(
        text(
            "<input type=checkbox checked> はい <input type=radio> いいえ <input type=submit value=' 送 信 '><input type=hidden value=x>"
        ),
        "[x] はい [ ] いいえ [送 信]"
    );
}

#[test]
fn links_too_long_to_read_past_stand_numbered_at_the_end() {
    let long = format!("https://click.example/?u={}", "a".repeat(200));
    let html = format!("<p><a href='{long}'><img src=x></a><a href='{long}'>本文</a>、<a href='{long}&b'>次</a></p>");
    assert_eq!(
        text(&html),
        format!(
            "[リンク1:click.example] 本文 [リンク1:click.example]、次 [リンク2:click.example]\n\n[リンク1] {long}\n[リンク2] {long}&b"
        )
    );
}

#[test]
fn a_link_is_told_once_where_a_picture_and_words_share_it() {
    assert_eq!(
        text("<a href=https://a.example/x><table><tr><td><a href=https://a.example/x>申込む</a></table></a>"),
        "申込む <https://a.example/x>"
    );
    assert_eq!(
        text("&lt;<a href=mailto:b@b.jp>b@b.jp</a>&gt; &lt;<a href=mailto:b@b.jp>b</a>&gt;"),
        "<b@b.jp> <b <b@b.jp>>"
    );
    assert_eq!(
        text("<a href='https://a.example/x'>詳細</a> <a href='https://a.example/x'><img src=b.png></a>終"),
        "詳細 <https://a.example/x> 終"
    );
    assert_eq!(
        text("<blockquote><a href='https://a.example/'>https://a.example/</a></blockquote>"),
        "> https://a.example/"
    );
    assert_eq!(
        text("<a href=https://a.example/1>a <a href=https://b.example/2>b</a>"),
        "a <https://a.example/1> b <https://b.example/2>"
    );
    let unsafe_link = to_text("<a href='file:///c:/x'>x</a><a href='\\\\srv\\s'>y</a>", &mut |_| None);
    assert_eq!((unsafe_link.text.as_str(), unsafe_link.unsafe_links), ("xy", 2));
}

#[test]
fn links_show_their_real_target() {
    assert_eq!(text("<a href='https://a.example/x'>here</a>!"), "here <https://a.example/x>!");
    assert_eq!(text("<a href='https://a.example/'>https://a.example</a>"), "https://a.example");
    assert_eq!(text("<a href='mailto:a@b.jp'>a@b.jp</a> <a href='mailto:a@b.jp'>mail</a>"), "a@b.jp mail <a@b.jp>");
    assert_eq!(text("<a href='#top'>top</a><a name=x>y</a>"), "topy");
}

#[test]
fn a_link_that_shows_another_address_is_told() {
    let converted = to_text("<a href='https://evil.example/'>https://bank.example/login</a>", &mut |_| None);
    assert_eq!(converted.text, "https://bank.example/login <https://evil.example/>");
    assert_eq!(converted.misleading, ["bank.example → evil.example"]);
    let trick = to_text("<a href='https://bank.example@evil.example/'>https://bank.example</a>", &mut |_| None);
    assert_eq!(trick.misleading.len(), 1);
}

#[test]
fn script_style_and_script_links_leave_nothing_but_a_count() {
    let converted = to_text(
        "<style>p{}</style><script>if(a<b)'</p>'</script>x<a href='javascript:alert(1)'>y</a><iframe src=a>z</iframe>",
        &mut |_| None,
    );
    assert_eq!((converted.text.as_str(), converted.active), ("xy", 3));
}

#[test]
fn hidden_text_is_dropped_and_counted() {
    for hidden in [
        "<div style='display:none'>no<p>no</p></div>",
        "<span hidden>no</span>",
        "<span style='FONT-SIZE: 0px !important'>no</span>",
        "<p style='visibility:hidden'>no</p>",
        "<div style='visibility:hidden'><p>no <b>no</b></p></div>",
        "<div style='max-height:0;overflow:hidden'>no</div>",
        "<div style='position:absolute;left:-9999px'>no</div>",
        "<span style='color:#ffffff'>no</span>",
        "<font color=white>no</font>",
        "<div bgcolor='#336699'><span style='color:rgb(51,102,153)'>no</span></div>",
        "<span style='font-size:1px;line-height:1px'>no</span>",
        "<style>.pre, #x {display:none}</style><p class='a pre'>no</p>",
        "<style>/* <!-- */ td.gone{font-size:0} --></style><table><td class=gone>no</table>",
    ] {
        let converted = to_text(&format!("{hidden}yes"), &mut |_| None);
        assert_eq!((converted.text.as_str(), converted.hidden), ("yes", 1), "{hidden}");
    }
    for shown in [
        "<div style='background:#06c'><a href=x style='color:#fff'>yes</a></div>",
        "<table><tr bgcolor=navy><td><font color=white>yes</font></table>",
        "<td style='background:#000 url(a.png)'><b style='color:#000'>yes</b></td>",
        "<style>.button{background:#06c}</style><a class=button style='color:#fff' href=#>yes</a>",
        "<style>table td .b{background:#06c}</style><p class=b style='color:#fff'>yes</p>",
        "<style>@media (max-width:600px){.wide{display:none}}</style><p class=wide>yes</p>",
        "<style>.x{display:none}</style><p class=x style='display:block'>yes</p>",
        "<style>.off .x{display:none}</style><p class=x>yes</p>",
        "<div style='mso-hide:all'>yes</div>",
        "<div style='visibility:hidden'><p style='visibility:visible'>yes</p></div>",
        "<div style='font-size:0'><table><td>yes</table></div>",
    ] {
        let converted = to_text(shown, &mut |_| None);
        assert_eq!((converted.text.split(' ').next(), converted.hidden), (Some("yes"), 0), "{shown}");
    }
    let kept = super::to_text("<p>a</p><p hidden>b<b>c</b></p><p>d</p>", Extra::Keep, &mut |_| None);
    assert_eq!((kept.text.as_str(), kept.hidden), ("a\n\n[非表示の文字] bc\n\nd", 1));
    // MJML wraps visible text in an element without size.
    assert_eq!(text("<td style='font-size:0px'><div style='font-size:14px'>shown</div></td>"), "shown");
}

#[test]
fn pictures_become_marks_alt_texts_or_a_count() {
    assert_eq!(text("a<img src='cid:1@x'>b"), "a [画像: cid:1@x] b");
    let remote =
        to_text("<img src='https://t.example/p.gif' width=1 height=1><img src='//u.example/a' alt='図'>", &mut |_| {
            None
        });
    assert_eq!((remote.text.as_str(), remote.remote_images, remote.trackers), ("[図]", 1, 1));
    assert_eq!(
        (remote.remote_hosts, remote.tracker_hosts),
        (vec!["u.example".to_owned()], vec!["t.example".to_owned()])
    );
    let behind = to_text(
        "<link rel=stylesheet href=https://a.example/s.css><td background='http://b.example/b.png' \
         style=\"background:url('https://c.example/c.png')\">x<video src=https://d.example/v></video>\
         <style>@font-face{src:url(https://e.example/f.woff)}</style>",
        &mut |_| None,
    );
    assert_eq!(behind.remote_hosts, ["a.example", "b.example", "c.example", "d.example", "e.example"]);
}

#[test]
fn ruby_stands_in_brackets() {
    assert_eq!(text("<ruby>禊<rp>(</rp><rt>みそぎ</rt><rp>)</rp></ruby>"), "禊（みそぎ）");
}

#[test]
fn time_stays_linear_on_the_shapes_that_kill_others() {
    let many_attributes = (0..100_000).map(|n| format!(" a{n}=1")).collect::<String>();
    let shapes = [
        "<div>".repeat(16_000),
        "<b>".repeat(50_000),
        "<table><tr><td>".repeat(16_000),
        "</div>".repeat(100_000),
        "<ul><li>".repeat(20_000),
        "<blockquote>a".repeat(20_000),
        "<p style='display:none'>".repeat(20_000),
        format!("<p{many_attributes}>x"),
        format!("<p{many_attributes}"),
        "<a href=x>".repeat(30_000),
        "&amp".repeat(100_000),
        "<".repeat(500_000),
        "<!--".repeat(100_000),
        "<td>x".repeat(50_000),
        "<td rowspan=999 colspan=20>x".repeat(20_000),
        "<tr><td rowspan=999>x".repeat(20_000),
        format!("<style>{}</style>{}", ".a{color:red}".repeat(30_000), "<p class='a b c d'>x".repeat(10_000)),
        format!("<style>{}", "@media{".repeat(50_000)),
        "<p style='color:#fff;background:#fff'>x".repeat(20_000),
        "<sup>1".repeat(50_000),
        "<s>a".repeat(50_000),
        format!("<table border=1>{}", "<tr><td>a<td>あ".repeat(8_000)),
        format!("<table border=1><tr><td>a<td>b</tr><tr><td>{}<td>{}", "あ".repeat(100_000), "a ".repeat(100_000)),
        (0..20_000).map(|n| format!("<a href=https://a.example/{n}{}>x</a>", "y".repeat(100))).collect(),
    ];
    for shape in shapes {
        let started = Instant::now();
        let converted = to_text(&shape, &mut |_| None);
        let took = started.elapsed();
        assert!(took < Duration::from_secs(2), "{} bytes of {:?} took {took:?}", shape.len(), shape.get(..20));
        assert!(converted.text.len() <= shape.len().saturating_mul(40));
    }
}

#[test]
fn a_tag_too_long_keeps_what_matters() {
    let filler = "x=1 ".repeat(2_000);
    assert_eq!(text(&format!("<a {filler} href=\"https://a.example/\" {filler}>t</a>")), "t <https://a.example/>");
}
