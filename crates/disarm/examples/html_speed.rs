//! How fast HTML becomes text, and that the time is linear: ordinary mails in MB/s, then each hostile shape at one size and at twice it.
//!
//!     cargo run --release -p disarm --example html_speed [-- FILE...]
//!
//! Files are measured beside the mail that is built in. What counts is processor time where Linux tells it, so that other load on the
//! machine makes little difference; else the time on the clock.

#![allow(clippy::disallowed_methods, reason = "a tool for developers reads files and the clock itself")]

use std::io::Write;
use std::time::{Duration, Instant};

use disarm::html;
use form::job::Extra;

/// A named piece and what is repeated of it.
type Shape = (&'static str, fn(usize) -> String);

const SHAPES: [Shape; 20] = [
    ("nested div", |n| "<div>".repeat(n)),
    ("nested b", |n| "<b>".repeat(n)),
    ("nested tables", |n| "<table><tr><td>".repeat(n)),
    ("nested lists", |n| "<ul><li>".repeat(n)),
    ("nested quotes", |n| "<blockquote>a".repeat(n)),
    ("stray ends", |n| "</div>".repeat(n)),
    ("open links", |n| "<a href=x>".repeat(n)),
    ("different links", |n| (0..n).map(|i| format!("<a href=https://a.example/{i}>x</a>")).collect()),
    ("hidden", |n| "<p style='display:none'>x".repeat(n)),
    ("one tag, many attributes", |n| format!("<p {}>", (0..n).map(|i| format!(" a{i}=1")).collect::<String>())),
    ("unclosed tag", |n| format!("<p {}", " a=1".repeat(n))),
    ("entities", |n| "&amp".repeat(n)),
    ("angle brackets", |n| "<".repeat(n)),
    ("open comments", |n| "<!--".repeat(n)),
    ("cells", |n| "<td>x".repeat(n)),
    ("covering cells", |n| "<tr><td rowspan=999 colspan=20>x".repeat(n)),
    ("rows", |n| format!("<table border=1>{}", "<tr><td>a<td>あ".repeat(n))),
    ("style rules", |n| {
        format!("<style>{}</style><p class=a1>x", (0..n).map(|i| format!(".a{i}{{}}")).collect::<String>())
    }),
    ("styled", |n| "<p class='a b c' style='color:#fff;background:#000'>x".repeat(n)),
    ("raised", |n| "<sup>1".repeat(n)),
];

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let built_in = ("built-in mail".to_owned(), mail());
    let files = std::env::args().skip(1).map(|path| {
        let bytes = std::fs::read(&path)?;
        Ok((path, String::from_utf8_lossy(&bytes).into_owned()))
    });
    let inputs = std::iter::once(Ok(built_in)).chain(files).collect::<std::io::Result<Vec<_>>>()?;
    for (name, input) in inputs {
        // Small mails are repeated whole, so that each is read from its beginning.
        let times = (32 << 20) / input.len().max(1) + 1;
        let took = measured(|| {
            for _ in 0..times {
                std::hint::black_box(convert(&input));
            }
        });
        let megabytes = size(input.len()) * size(times) / 1e6;
        writeln!(out, "{:8.1} MB/s  {name} ({} bytes)", megabytes / took.as_secs_f64(), input.len())?;
    }
    writeln!(out, "{:>12} {:>12} {:>6}  shape", "n", "2n", "ratio")?;
    for (name, shape) in SHAPES {
        let (once, twice) = (best(&shape(40_000)), best(&shape(80_000)));
        let ratio = twice.as_secs_f64() / once.as_secs_f64().max(1e-9);
        writeln!(out, "{once:>12.1?} {twice:>12.1?} {ratio:>6.2}  {name}")?;
    }
    Ok(())
}

fn convert(input: &str) -> html::Converted {
    html::to_text(input, Extra::Drop, &mut |_| None)
}

/// The least of a few times.
fn best(input: &str) -> Duration {
    let once = || {
        measured(|| {
            std::hint::black_box(convert(input));
        })
    };
    (0..3).map(|_| once()).min().unwrap_or_default()
}

fn measured(work: impl FnOnce()) -> Duration {
    let (started, before) = (Instant::now(), processor_time());
    work();
    match (before, processor_time()) {
        (Some(before), Some(after)) => after.saturating_sub(before),
        _ => started.elapsed(),
    }
}

/// What this thread has had of the processor.
fn processor_time() -> Option<Duration> {
    // The kernel adds up what a thread has had when it lets go of the processor.
    std::thread::yield_now();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    told.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

fn size(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

/// A newsletter of layout tables with words between them, as most HTML mail is.
fn mail() -> String {
    let row = "<tr><td align=\"left\" valign=\"top\" style=\"padding:0 24px 16px;font-family:Meiryo,sans-serif;font-size:14px;\
               line-height:22px;color:#333333;\" class=\"content\"><p style=\"margin:0 0 12px;\">いつもご利用いただき、ありがとうございます。\
               来月の行事の案内をお送りします。The programme of next month follows below.</p><p><a href=\"https://www.example.jp/news/1234\" \
               style=\"color:#0066cc;text-decoration:underline;\" target=\"_blank\">詳しくはこちら</a>をご覧ください。</p>\
               <img src=\"https://www.example.jp/images/line.png\" width=\"552\" height=\"1\" alt=\"\" style=\"display:block;\"></td></tr>\r\n";
    format!(
        "<!DOCTYPE html><html><head><style>.content {{ padding: 0; }} @media (max-width: 600px) {{ .content {{ padding: 8px; }} }}</style>\
         </head><body bgcolor=\"#f4f4f4\"><table width=\"100%\"><tr><td align=\"center\"><table width=\"600\" bgcolor=\"#ffffff\">{}\
         </table></td></tr></table></body></html>",
        row.repeat(60)
    )
}
