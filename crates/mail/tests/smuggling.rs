//! SMTP smuggling (CVE-2023-51764, -51765, -51766): no sequence but CRLF.CRLF may end a message, in or out. The sequences are
//! those of The-Login's SMTP-Smuggling-Tools and of `docs/attacks.md` rows 1 and 2.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests"
)]

mod dialogue;

use dialogue::{Dialogue, codes, rules};
use mail::line_ends;
use proptest::prelude::*;

const SMUGGLED: &str =
    "MAIL FROM:<admin@example.jp>\r\nRCPT TO:<b@example.jp>\r\nDATA\r\nSubject: smuggled\r\n\r\nforged\r\n.\r\n";

/// Sequences that some server somewhere has taken for the end of data.
const FALSE_ENDS: [&[u8]; 20] = [
    b"\n.\n",
    b"\n.\r",
    b"\r.\n",
    b"\r.\r",
    b"\n.\r\n",
    b"\r.\r\n",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r\n.\r\r\n",
    b"\r\n.\r\r\r\n",
    b"\r\n.\r\r\r\r\r\n",
    b"\r\r\n.\r\r\n",
    b"\n\n.\n\n",
    b"\r\r.\r\r",
    b"\n\r.\n\r",
    b"\r\n \x08.\r\n",
    b"\r\n.\x0b\r\n",
    b"\r\n.\xc2\x85",
];

#[test]
fn no_false_end_of_data_smuggles_a_second_message() {
    for sequence in FALSE_ENDS {
        let payload = [b"Subject: outer\r\n\r\nfirst", sequence, SMUGGLED.as_bytes()].concat();
        for size in [1, 2, 3, 5, payload.len()] {
            let mut d = Dialogue::in_data(rules());
            let replies = d.send_in_pieces(&payload, size);
            let name = sequence.escape_ascii().to_string();
            if line_ends::canonical(&payload) {
                // Nothing wrong with these lines: the would-be commands are text of the one message.
                assert_eq!(codes(&replies), [250], "{name}");
                assert_eq!(d.messages.len(), 1, "{name}");
                assert!(d.bodies()[0].contains("MAIL FROM:<admin@example.jp>"), "{name}");
            } else {
                assert_eq!((codes(&replies), d.closed), (vec![554], true), "{name}");
                assert!(replies.contains("5.6.11") && d.messages.is_empty(), "{name}");
            }
        }
    }
}

#[test]
fn cr_runs_before_the_dot_are_refused_although_they_hold_crlf_dot_crlf() {
    // CR CR LF . CR LF does contain CRLF.CRLF: it ends the data, and the bare CR before it refuses the message.
    let mut d = Dialogue::in_data(rules());
    let replies = d.send([&b"first\r\r\n.\r\n"[..], SMUGGLED.as_bytes()].concat());
    assert_eq!((codes(&replies), d.closed), (vec![554], true));
    assert!(d.messages.is_empty());
}

#[test]
fn a_false_end_as_the_very_first_octets_ends_nothing() {
    for sequence in [&b".\n"[..], b".\r", b".\r\r\n", b"\n.\n", b"\0.\r\n"] {
        let mut d = Dialogue::in_data(rules());
        assert_eq!(d.send(sequence), "");
        let replies = d.send("\r\n.\r\n");
        assert!(matches!(codes(&replies)[..], [250 | 554]), "{:?}", sequence.escape_ascii().to_string());
    }
    let mut d = Dialogue::in_data(rules());
    assert_eq!(codes(&d.send(".\r\n")), [250]);
    assert_eq!(d.bodies(), [""]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    /// Whatever octets stand between 354 and QUIT: what is stored is canonical, and there are no more messages than there
    /// are true ends of data with a true envelope before them.
    #[test]
    fn what_is_stored_has_canonical_line_ends_only(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "\r", "\n", "\r\n", ".", "\r\n.", "\r\n.\r\n", "a", "\0",
            "MAIL FROM:<x@client.example>\r\n", "RCPT TO:<b@example.jp>\r\n", "DATA\r\n", "BDAT 3 LAST\r\n", "RSET\r\n",
        ]), 0..24),
        size in 1usize..40,
    ) {
        let input: String = pieces.concat();
        let mut d = Dialogue::in_data(rules());
        d.send_in_pieces(input.as_bytes(), size);
        for (envelope, body) in &d.messages {
            prop_assert!(line_ends::canonical(body));
            prop_assert!(!envelope.recipients.is_empty());
        }
        let ends = input.matches("\r\n.\r\n").count() + usize::from(input.starts_with(".\r\n")) + input.matches("LAST").count();
        prop_assert!(d.messages.len() <= ends);
    }
}
