//! Content lines (RFC 5545 3.1, RFC 2426 2.6): names and parameters of our own, values escaped, folded after 75 octets.

use std::io::{self, Write};

/// One line as it grows.
pub(super) struct Line(String);

impl Line {
    pub(super) fn new(name: &str) -> Line {
        Line(name.to_owned())
    }

    /// A parameter of a word, which needs no quotes.
    pub(super) fn word(mut self, name: &str, value: &str) -> Line {
        self.0.push(';');
        self.0.push_str(name);
        self.0.push('=');
        self.0.push_str(value);
        self
    }

    /// A parameter of any text. There is no way to say a quote in one.
    pub(super) fn quoted(self, name: &str, value: &str) -> Line {
        self.word(name, &format!("\"{}\"", value.replace('"', "'")))
    }

    /// A value that is as it must be: a number, a time, a link.
    pub(super) fn plain(mut self, value: &str, out: &mut dyn Write) -> io::Result<()> {
        self.0.push(':');
        self.0.push_str(value);
        self.write(out)
    }

    /// A text.
    pub(super) fn text(self, value: &str, out: &mut dyn Write) -> io::Result<()> {
        self.plain(&escaped(value), out)
    }

    /// A text, where there is any.
    pub(super) fn some(self, value: &str, out: &mut dyn Write) -> io::Result<()> {
        if value.is_empty() { Ok(()) } else { self.text(value, out) }
    }

    /// Texts with a character between them, where one of them is not empty.
    pub(super) fn texts<'a>(
        self,
        values: impl IntoIterator<Item = &'a str>,
        between: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let values: Vec<String> = values.into_iter().map(escaped).collect();
        if values.iter().all(String::is_empty) { Ok(()) } else { self.plain(&values.join(between), out) }
    }

    /// Cuts it at characters: a reader that joins the pieces as text of its own would break one that is cut in two.
    fn write(self, out: &mut dyn Write) -> io::Result<()> {
        let mut rest = self.0.as_str();
        let mut room = OCTETS;
        loop {
            let (line, more) = rest.split_at_checked(rest.floor_char_boundary(room)).unwrap_or((rest, ""));
            out.write_all(line.as_bytes())?;
            out.write_all(b"\r\n")?;
            if more.is_empty() {
                return Ok(());
            }
            out.write_all(b" ")?;
            rest = more;
            // The blank counts.
            room = OCTETS - 1;
        }
    }
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\\' | ';' | ',' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// Octets of a line without its end.
const OCTETS: usize = 75;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: &str) -> String {
        let mut out = Vec::new();
        Line::new("NOTE").text(value, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_have_75_octets_and_no_cut_letter() {
        assert_eq!(line(&"a".repeat(70)), format!("NOTE:{}\r\n", "a".repeat(70)));
        assert_eq!(line(&"a".repeat(71)), format!("NOTE:{}\r\n a\r\n", "a".repeat(70)));
        let text = "あ".repeat(60);
        let folded = line(&text);
        assert!(folded.split("\r\n").all(|line| line.len() <= 75));
        assert_eq!(folded.replace("\r\n ", ""), format!("NOTE:{text}\r\n"));
    }

    #[test]
    fn what_parts_values_is_escaped_and_a_quote_ends_no_parameter() {
        assert_eq!(line("a;b,c\\d\ne\""), "NOTE:a\\;b\\,c\\\\d\\ne\"\r\n");
        let mut out = Vec::new();
        Line::new("X").quoted("CN", "a\":mailto:b").plain("c", &mut out).unwrap();
        assert_eq!(out, b"X;CN=\"a':mailto:b\":c\r\n");
    }
}
