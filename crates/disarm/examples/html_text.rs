//! Converts files of HTML in UTF-8 as the body of a mail would be, and prints for each its text and what was left out:
//!
//!     cargo run -p disarm --example html_text -- FILE...
//!
//! With one argument `--words` before the files only the texts are printed, each after a line of its file's name: what
//! `tests/html_words.py` compares with the words that another parser sees.

#![allow(clippy::disallowed_methods, reason = "a tool for developers reads files itself")]

use std::io::Write;

use disarm::html;
use form::job::Extra;

fn main() -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut words_only = false;
    for argument in std::env::args().skip(1) {
        if argument == "--words" {
            words_only = true;
            continue;
        }
        let input = String::from_utf8_lossy(&std::fs::read(&argument)?).into_owned();
        let mut converted = html::to_text(&input, Extra::Drop, &mut |source| {
            source.strip_prefix("cid:").map(|id| format!("[画像: {}]", id.split('@').next().unwrap_or_default()))
        });
        let text = std::mem::take(&mut converted.text);
        writeln!(out, "=== {argument}\n{text}")?;
        if !words_only {
            writeln!(out, "--- {converted:?}")?;
        }
    }
    Ok(())
}
