//! Fields that stand in the text of a report (RFC 3464, RFC 8098, RFC 5965): those of the mail that was not delivered, and what servers say
//! of it. Which mail it was, its encoded subject says.

use form::text::Line;

use super::tally::Tally;
use super::word;

/// The fields as they stand there, but for those with encoded-words (RFC 2047), which become one line of letters.
pub(crate) fn to_text(fields: &str, tally: &mut Tally) -> String {
    let mut out = String::with_capacity(fields.len());
    let mut rest = fields;
    while !rest.is_empty() {
        let (field, after) = rest.split_at_checked(end(rest)).unwrap_or((rest, ""));
        if field.contains("=?") {
            let unfolded: Vec<&str> = field.lines().collect();
            let decoded = word::decode(&unfolded.concat(), tally);
            // A line end in a word would make a field that nobody has sent.
            out.push_str(Line::scrub(&decoded).0.as_str());
            out.push('\n');
        } else {
            out.push_str(field);
        }
        rest = after;
    }
    out
}

/// Where the first field ends: behind the lines that go on with a blank.
fn end(fields: &str) -> usize {
    let bytes = fields.as_bytes();
    let next = |at: &usize| bytes.get(at.saturating_add(1)).is_some_and(|byte| !matches!(byte, b' ' | b'\t'));
    let mut ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at);
    ends.find(next).map_or(fields.len(), |at| at.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Python: `email.header.Header("会議の開催について", "utf-8", maxlinelen=30).encode()`, and "存在 しない".
    #[test]
    fn encoded_words_become_letters_and_all_else_stays() {
        let read = |fields: &str| to_text(fields, &mut Tally::default());
        let subject = "Subject: =?utf-8?b?5Lya6K2w44Gu6ZaL?=\r\n =?utf-8?b?5YKs44Gr44Gk44GE?=\r\n =?utf-8?b?44Gm?=\r\n";
        let report =
            format!("Action: failed\r\n{subject}Diagnostic-Code: smtp; 550\r\n  no such user\r\n\r\nStatus: 5.1.1");
        let expected = "Action: failed\r\nSubject: 会議の開催について\nDiagnostic-Code: smtp; 550\r\n  no such user\r\n\r\nStatus: 5.1.1";
        assert_eq!(read(&report), expected);
        assert_eq!(read("X-Display-Name: =?UTF-8?B?5a2Y5ZyoIOOBl+OBquOBhA==?="), "X-Display-Name: 存在 しない\n");
        assert_eq!(read("a: =?utf-8?Q?x=0D=0AAction:_delivered?=\n").lines().count(), 1);
        assert_eq!((read(""), read("\n\n")), (String::new(), "\n\n".to_owned()));
    }
}
