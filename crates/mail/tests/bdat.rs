//! CHUNKING (RFC 3030): exact octet counts, whatever is announced.

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

const ENVELOPE: &str = "MAIL FROM:<a@client.example>\r\nRCPT TO:<b@example.jp>\r\n";

#[test]
fn chunks_are_joined_and_dots_mean_nothing() {
    let mut d = Dialogue::greeted(rules());
    let replies = d.send(format!("{ENVELOPE}BDAT 6\r\n.\r\n..\rBDAT 1\r\n\nBDAT 3 LAST\r\n.\r\nNOOP\r\n"));
    assert_eq!(codes(&replies), [250, 250, 250, 250, 250, 250]);
    assert!(replies.contains("250 2.0.0 6 octets received\r\n"));
    assert_eq!(d.bodies(), [".\r\n..\r\n.\r\n"]);
}

#[test]
fn an_empty_last_chunk_ends_the_message() {
    let mut d = Dialogue::greeted(rules());
    assert_eq!(codes(&d.send(format!("{ENVELOPE}BDAT 3\r\nx\r\nBDAT 0 LAST\r\n"))), [250, 250, 250, 250]);
    assert_eq!(d.bodies(), ["x\r\n"]);
    assert_eq!(codes(&d.send(format!("{ENVELOPE}BDAT 0 LAST\r\n"))), [250, 250, 250]);
    assert_eq!(d.bodies(), ["x\r\n", ""]);
}

#[test]
fn a_last_line_without_its_end_is_kept_as_it_is() {
    let mut d = Dialogue::greeted(rules());
    assert_eq!(codes(&d.send(format!("{ENVELOPE}BDAT 1 LAST\r\nx"))), [250, 250, 250]);
    assert_eq!(d.bodies(), ["x"]);
}

#[test]
fn an_unreadable_size_ends_the_session_because_its_octets_cannot_be_told_from_commands() {
    for size in ["", "x", "-1", "99999999999999999999999", "18446744073709551616", "5 LASTX", "0x10", " 5"] {
        let mut d = Dialogue::greeted(rules());
        let replies = d.send(format!("{ENVELOPE}BDAT {size}\r\nMAIL FROM:<evil@client.example>\r\n"));
        assert_eq!((codes(&replies), d.closed), (vec![250, 250, 501], true), "{size:?}");
    }
}

#[test]
fn the_octets_of_a_refused_chunk_are_never_commands() {
    let smuggled = "RSET\r\nMAIL FROM:<evil@client.example>\r\nRCPT TO:<b@example.jp>\r\nDATA\r\n";
    // Without MAIL, and without a valid recipient.
    for (before, replies_before) in [("", 0), ("MAIL FROM:<>\r\n", 1), ("MAIL FROM:<>\r\nRCPT TO:<x@y.example>\r\n", 2)]
    {
        let mut d = Dialogue::greeted(rules());
        let replies = d.send(format!("{before}BDAT {}\r\n{smuggled}NOOP\r\n", smuggled.len()));
        assert_eq!(codes(&replies)[replies_before..], [503, 250]);
        assert!(d.session.envelope().is_none());
    }
    // Beyond the message limit: read over, then refused; the chunks behind it get nothing either.
    let mut limits = rules();
    limits.max_message_bytes = 100;
    let mut d = Dialogue::greeted(limits);
    let chunk = "x".repeat(58) + "\r\n";
    let replies = d.send(format!("{ENVELOPE}BDAT 60\r\n{chunk}BDAT 60\r\n{chunk}BDAT 60 LAST\r\n{chunk}NOOP\r\n"));
    assert_eq!(codes(&replies), [250, 250, 250, 552, 503, 250]);
    assert!(d.messages.is_empty());
}

#[test]
fn a_chunk_that_overflows_the_sum_is_refused_at_once() {
    for size in [u64::MAX.to_string(), (u64::MAX - 2).to_string(), "2000001".to_owned()] {
        let mut d = Dialogue::greeted(rules());
        let replies = d.send(format!("{ENVELOPE}BDAT 3\r\nx\r\nBDAT {size} LAST\r\nQUIT\r\n"));
        assert_eq!((codes(&replies), d.closed), (vec![250, 250, 250, 552], true), "{size}");
    }
}

#[test]
fn data_and_chunks_do_not_mix() {
    let mut d = Dialogue::greeted(rules());
    assert_eq!(codes(&d.send(format!("{ENVELOPE}BDAT 3\r\nx\r\nDATA\r\n"))), [250, 250, 250, 503]);
    assert_eq!(codes(&d.send("RCPT TO:<c@example.jp>\r\nMAIL FROM:<>\r\n")), [503, 503]);
    assert_eq!(codes(&d.send("BDAT 3 LAST\r\ny\r\n")), [250]);
    assert_eq!(d.bodies(), ["x\r\ny\r\n"]);
}

#[test]
fn bare_line_ends_in_chunks_are_refused_and_close() {
    for body in ["a\nb\r\n", "a\rb\r\n", "a\r\r\n", "a\r", "\n.\r\n"] {
        let mut d = Dialogue::greeted(rules());
        let replies = d.send(format!("{ENVELOPE}BDAT {} LAST\r\n{body}NOOP\r\n", body.len()));
        assert_eq!((codes(&replies), d.closed), (vec![250, 250, 554], true), "{body:?}");
        assert!(d.messages.is_empty());
    }
    // A CR at the end of one chunk belongs with the LF at the start of the next, and with nothing else.
    let mut d = Dialogue::greeted(rules());
    assert_eq!(codes(&d.send(format!("{ENVELOPE}BDAT 2\r\na\rBDAT 2 LAST\r\n\nb"))), [250, 250, 250, 250]);
    let mut d = Dialogue::greeted(rules());
    assert_eq!(codes(&d.send(format!("{ENVELOPE}BDAT 2\r\na\rBDAT 2 LAST\r\nb\n"))), [250, 250, 250, 554]);
}
