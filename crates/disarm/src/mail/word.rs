//! Encoded-words (RFC 2047) as they are really sent.
//!
//! Senders cut multi-byte characters between two words, cut base64 between two words, put words into quoted strings and
//! parameters, and name charsets no registry has. Neighbouring words of one charset are therefore joined as bytes and
//! decoded once.

use super::tally::Tally;
use super::transfer;

/// Decodes every encoded-word in a header text; everything else stays as it is.
pub(crate) fn decode(text: &str, tally: &mut Tally) -> String {
    if !text.contains("=?") {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut run: Option<Run<'_>> = None;
    let mut rest = text;
    while let Some(at) = rest.find("=?") {
        let (before, candidate) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let Some((word, after)) = Word::parse(candidate) else {
            finish(&mut run, &mut out, tally);
            out.push_str(before);
            out.push_str("=?");
            rest = candidate.get(2..).unwrap_or_default();
            continue;
        };
        // White space between two words is only a fold; any other text between them counts.
        if run.is_none() || !before.trim_matches([' ', '\t']).is_empty() {
            finish(&mut run, &mut out, tally);
            out.push_str(before);
        }
        if !word.text.is_ascii() {
            // Raw 8-bit letters inside a word were decoded with the field; only the rest is in the word's charset.
            finish(&mut run, &mut out, tally);
            mixed(&word, &mut out, tally);
            rest = after;
            continue;
        }
        match &mut run {
            Some(open) if open.charset.eq_ignore_ascii_case(word.charset) => open.add(&word),
            _ => {
                finish(&mut run, &mut out, tally);
                let mut fresh = Run { charset: word.charset, bytes: Vec::new(), base64: String::new() };
                fresh.add(&word);
                run = Some(fresh);
            }
        }
        rest = after;
    }
    finish(&mut run, &mut out, tally);
    out.push_str(rest);
    out
}

/// The encoded-word at the start of `text`, not decoded.
pub(crate) fn first(text: &str) -> Option<&str> {
    let (_, after) = Word::parse(text)?;
    text.get(..text.len().checked_sub(after.len())?)
}

fn mixed(word: &Word<'_>, out: &mut String, tally: &mut Tally) {
    let mut rest = word.text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c: char| c.is_ascii() != first.is_ascii()).unwrap_or(rest.len());
        let (piece, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        if first.is_ascii() {
            let mut run = Run { charset: word.charset, bytes: Vec::new(), base64: String::new() };
            run.add(&Word { charset: word.charset, base64: word.base64, text: piece });
            finish(&mut Some(run), out, tally);
        } else {
            out.push_str(piece);
        }
        rest = after;
    }
}

fn finish(run: &mut Option<Run<'_>>, out: &mut String, tally: &mut Tally) {
    let Some(mut run) = run.take() else { return };
    run.flush();
    out.push_str(&tally.decode(&run.bytes, Some(run.charset)));
}

/// Neighbouring words of one charset.
struct Run<'a> {
    charset: &'a str,
    bytes: Vec<u8>,
    /// Base64 digits of a group that its word did not finish.
    base64: String,
}

impl<'a> Run<'a> {
    fn add(&mut self, word: &Word<'a>) {
        if word.base64 {
            self.base64.push_str(word.text);
            if self.base64.len().is_multiple_of(4) || word.text.ends_with('=') {
                self.flush();
            }
        } else {
            self.flush();
            let mut rest = word.text.as_bytes();
            while let Some((&byte, tail)) = rest.split_first() {
                rest = tail;
                match (byte, tail) {
                    (b'_', _) => self.bytes.push(b' '),
                    (b'=', [high, low, after @ ..]) => match (transfer::hex(*high), transfer::hex(*low)) {
                        (Some(high), Some(low)) => {
                            self.bytes.push((high << 4) | low);
                            rest = after;
                        }
                        _ => self.bytes.push(byte),
                    },
                    _ => self.bytes.push(byte),
                }
            }
        }
    }

    fn flush(&mut self) {
        let bytes = &mut self.bytes;
        let _ = transfer::base64(self.base64.as_bytes(), |piece| {
            bytes.extend_from_slice(piece);
            Ok::<_, std::convert::Infallible>(())
        });
        self.base64.clear();
    }
}

struct Word<'a> {
    charset: &'a str,
    base64: bool,
    text: &'a str,
}

impl<'a> Word<'a> {
    /// Parses `=?charset?B?text?=` at the start of `text` and returns what follows it.
    fn parse(text: &'a str) -> Option<(Self, &'a str)> {
        let (charset, rest) = text.strip_prefix("=?")?.split_once('?')?;
        // RFC 2231 5: a language may follow the charset.
        let charset = charset.split('*').next().unwrap_or(charset);
        if charset.len() > 64 || charset.contains(|c: char| !c.is_ascii_graphic()) {
            return None;
        }
        let (encoding, rest) = rest.split_once('?')?;
        let base64 = match encoding {
            "B" | "b" => true,
            "Q" | "q" => false,
            _ => return None,
        };
        let (text, after) = rest.split_once("?=")?;
        // `=?…?Q?a?=?=` : a word may end in a question mark by mistake; the next `=?` is a new word in any case.
        Some((Self { charset, base64, text }, after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &str, expect: &str) {
        assert_eq!(decode(input, &mut Tally::default()), expect);
    }

    #[test]
    fn rfc_2047_examples_decode() {
        check("=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen");
        check("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab");
        check("=?ISO-8859-1?Q?a?=  =?ISO-8859-2?Q?_b?= c", "a b c");
        check("a =?ISO-8859-1*en?Q?b?= c", "a b c");
    }

    #[test]
    fn a_character_cut_between_two_words_is_whole_again() {
        // 日本語 in UTF-8, cut after its fourth byte.
        check("=?UTF-8?B?5pel5g==?= =?utf-8?B?nKzoqp4=?=", "日本語");
        check("=?UTF-8?Q?=E6=97=A5=E6?= =?UTF-8?Q?=9C=AC?=", "日本");
    }

    #[test]
    fn base64_cut_between_two_words_is_whole_again() {
        check("=?UTF-8?B?5pel5?= =?UTF-8?B?pys6Kqe?=", "日本語");
    }

    #[test]
    fn neighbouring_iso_2022_jp_words_decode() {
        // ESC $ B F| ESC ( B and ESC $ B K\ ESC ( B.
        check("=?ISO-2022-JP?B?GyRCRnwbKEI=?= =?ISO-2022-JP?B?GyRCS1wbKEI=?=", "日本");
    }

    #[test]
    fn unknown_labels_and_broken_words_lose_nothing() {
        check("=?cp50221?B?GyRCRnwbKEI=?=", "日");
        check("=?x-nobody?Q?abc?=", "abc");
        check("=?utf-8?X?abc?= =?utf-8?Q?open", "=?utf-8?X?abc?= =?utf-8?Q?open");
        check("a =? b", "a =? b");
    }

    #[test]
    fn raw_letters_inside_a_word_stay_what_they_are() {
        check("=?iso-8859-1?Q?Frösche=21?=", "Frösche!");
    }

    #[test]
    fn words_glued_to_text_are_decoded() {
        check("Re:=?UTF-8?Q?=E3=81=82?=!", "Re:あ!");
    }
}
