use std::time::{Duration, Instant};

use super::to_text;

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
fn links_show_their_real_target() {
    assert_eq!(text("<a href='https://a.example/x'>here</a>!"), "here <https://a.example/x> !");
    assert_eq!(text("<a href='https://a.example/'>https://a.example</a>"), "https://a.example");
    assert_eq!(text("<a href='mailto:a@b.jp'>a@b.jp</a> <a href='mailto:a@b.jp'>mail</a>"), "a@b.jp mail <a@b.jp>");
    assert_eq!(text("<a href='#top'>top</a><a name=x>y</a>"), "topy");
}

#[test]
fn a_link_that_shows_another_address_is_told() {
    let converted = to_text("<a href='https://evil.example/'>https://bank.example/login</a>", &mut |_| None);
    assert_eq!(converted.text, "https://bank.example/login <https://evil.example/>");
    assert_eq!(converted.misleading, ["bank.example → https://evil.example/"]);
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
        "<div style='max-height:0;overflow:hidden'>no</div>",
    ] {
        let converted = to_text(&format!("{hidden}yes"), &mut |_| None);
        assert_eq!((converted.text.as_str(), converted.hidden), ("yes", 1), "{hidden}");
    }
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
    assert_eq!((remote.text.as_str(), remote.remote_images), ("[図]", 2));
    assert_eq!(remote.remote_hosts, ["t.example", "u.example"]);
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
