//! What a session answers: the order of commands, the limits, the two ways of giving a message.

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
use mail::intake::session::{Event, Outcome};

const ENVELOPE: &str = "MAIL FROM:<a@client.example>\r\nRCPT TO:<b@example.jp>\r\n";

#[test]
fn a_message_goes_from_mail_to_250() {
    let mut d = Dialogue::in_data(rules());
    assert_eq!(d.send("Subject: x\r\n\r\nhello\r\n..dot\r\n.\r\n"), "250 2.0.0 Accepted as 20261121-8F3K2\r\n");
    let (envelope, body) = &d.messages[0];
    assert_eq!(body, b"Subject: x\r\n\r\nhello\r\n.dot\r\n");
    assert_eq!(envelope.sender.as_ref().unwrap().to_string(), "a@client.example");
    assert_eq!(envelope.recipients[0].to_string(), "b@example.jp");
    assert_eq!(d.send("QUIT\r\n"), "221 2.0.0 Bye\r\n");
    assert!(d.closed && d.session.said_bye());
}

#[test]
fn every_extension_that_works_is_offered_and_starttls_only_in_the_clear() {
    let mut d = Dialogue::new(rules());
    let offer = d.send("EHLO client.example\r\n");
    let lines: Vec<&str> = offer.lines().map(|line| &line[4..]).collect();
    assert_eq!(
        lines,
        [
            "gw.example.jp",
            "PIPELINING",
            "SIZE 1000000",
            "STARTTLS",
            "ENHANCEDSTATUSCODES",
            "8BITMIME",
            "SMTPUTF8",
            "CHUNKING"
        ]
    );
    d.session.tls_started();
    assert!(!d.send("EHLO client.example\r\n").contains("STARTTLS"));
    assert_eq!(codes(&d.send("STARTTLS\r\n")), [503]);
}

#[test]
fn replies_come_in_the_order_of_pipelined_commands() {
    let mut d = Dialogue::greeted(rules());
    let replies = d.send(format!(
        "{ENVELOPE}RCPT TO:<c@elsewhere.example>\r\nNOOP\r\nFOO\r\nRCPT TO:<d@example.jp>\r\nVRFY x\r\nDATA\r\n"
    ));
    assert_eq!(codes(&replies), [250, 250, 550, 250, 500, 250, 252, 354]);
    // The next message may be pipelined right behind the end of data.
    let replies = d.send(format!("one\r\n.\r\n{ENVELOPE}DATA\r\n"));
    assert_eq!(codes(&replies), [250, 250, 250, 354]);
    assert_eq!(codes(&d.send("two\r\n.\r\nQUIT\r\n")), [250, 221]);
    assert_eq!(d.bodies(), ["one\r\n", "two\r\n"]);
    assert_eq!(d.messages[0].0.recipients.len(), 2);
}

#[test]
fn the_pieces_in_which_octets_come_change_nothing() {
    let script = format!("RSET\r\n{ENVELOPE}BDAT 5\r\none\r\nBDAT 5 LAST\r\ntwo\r\n{ENVELOPE}NOOP\r\nQUIT\r\n");
    let whole = Dialogue::greeted(rules()).send(&script);
    assert_eq!(codes(&whole), [250, 250, 250, 250, 250, 250, 250, 250, 221]);
    for size in 1..script.len() {
        let mut d = Dialogue::greeted(rules());
        assert_eq!(d.send_in_pieces(script.as_bytes(), size), whole, "pieces of {size}");
        assert_eq!(d.bodies(), ["one\r\ntwo\r\n"]);
    }
}

/// RFC 5321 section 4.1.4: which command may follow which. Each row is a state, each column a command.
#[test]
fn the_state_table_is_that_of_the_rfc() {
    let states = [
        ("", "start"),
        ("EHLO c.example\r\n", "greeted"),
        ("EHLO c.example\r\nMAIL FROM:<>\r\n", "mail"),
        ("EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.jp>\r\n", "rcpt"),
        ("EHLO c.example\r\nMAIL FROM:<>\r\nRCPT TO:<b@example.jp>\r\nBDAT 0\r\n", "chunks"),
    ];
    let commands =
        ["EHLO x", "MAIL FROM:<>", "RCPT TO:<c@example.jp>", "DATA", "BDAT 0 LAST", "RSET", "NOOP", "STARTTLS", "QUIT"];
    let expected = [
        [250, 503, 503, 503, 503, 250, 250, 220, 221],
        [250, 250, 503, 503, 503, 250, 250, 220, 221],
        [250, 503, 250, 503, 503, 250, 250, 220, 221],
        [250, 503, 250, 354, 250, 250, 250, 220, 221],
        [250, 503, 503, 503, 250, 250, 250, 503, 221],
    ];
    for ((script, state), row) in states.iter().zip(expected) {
        for (command, code) in commands.iter().zip(row) {
            let mut d = Dialogue::new(rules());
            for line in script.split_inclusive("\r\n") {
                d.send(line);
            }
            assert_eq!(codes(&d.send(format!("{command}\r\n"))), [code], "{command} in state {state}");
        }
    }
}

#[test]
fn ehlo_and_rset_forget_the_transaction() {
    for forget in ["RSET\r\n", "EHLO again.example\r\n"] {
        let mut d = Dialogue::greeted(rules());
        d.send(format!("{ENVELOPE}BDAT 5\r\none\r\n"));
        assert_eq!(codes(&d.send(forget)), [250]);
        assert_eq!(codes(&d.send("BDAT 5 LAST\r\ntwo\r\n")), [503]);
        assert_eq!(codes(&d.send(format!("{ENVELOPE}BDAT 7 LAST\r\nthree\r\n"))), [250, 250, 250]);
        assert_eq!(d.bodies(), ["three\r\n"]);
    }
}

#[test]
fn who_said_helo_gets_no_extension() {
    let mut d = Dialogue::new(rules());
    assert_eq!(d.send("HELO client\r\n"), "250 gw.example.jp\r\n");
    assert_eq!(codes(&d.send("MAIL FROM:<a@b.example> SIZE=1\r\n")), [555]);
    assert_eq!(codes(&d.send(format!("{ENVELOPE}BDAT 3 LAST\r\nx\r\n"))), [250, 250, 500]);
    assert_eq!(codes(&d.send(format!("{ENVELOPE}DATA\r\n"))), [250, 250, 354]);
}

#[test]
fn recipients_that_are_not_ours_or_carry_a_route_are_refused_and_logged() {
    let mut d = Dialogue::greeted(rules());
    d.send("MAIL FROM:<a@client.example>\r\n");
    for (path, code) in [
        ("b@example.jp", 250),
        ("b@EXAMPLE.JP", 250),
        ("postmaster", 250),
        ("b@sub.example.jp", 550),
        ("b@elsewhere.example", 550),
        ("b@[192.0.2.1]", 550),
        ("b%elsewhere.example@example.jp", 553),
        ("elsewhere.example!b@example.jp", 553),
        (r#""b@elsewhere.example"@example.jp"#, 553),
        ("@elsewhere.example:b@example.jp", 250),
        ("@example.jp:b@elsewhere.example", 550),
        ("太郎@example.jp", 500),
    ] {
        assert_eq!(codes(&d.send(format!("RCPT TO:<{path}>\r\n"))), [code], "{path}");
    }
    let refusals = d.session.take_refusals();
    assert_eq!(refusals.len(), 7);
    assert_eq!(refusals[0].recipient.as_deref(), Some("b@sub.example.jp"));
    assert_eq!(refusals[0].sender.as_deref(), Some("a@client.example"));
    let recipients: Vec<String> = d.session.envelope().unwrap().recipients.iter().map(ToString::to_string).collect();
    assert_eq!(recipients, ["b@example.jp", "postmaster@example.jp"]);
}

#[test]
fn smtputf8_opens_the_recipients_of_its_transaction() {
    let mut d = Dialogue::greeted(rules());
    let script = "MAIL FROM:<太郎@例え.example> SMTPUTF8\r\nRCPT TO:<花子@example.jp>\r\n";
    assert_eq!(codes(&d.send(script)), [250, 250]);
    assert_eq!(codes(&d.send(b"RCPT TO:<\xff@example.jp>\r\n")), [500]);
}

#[test]
fn recipient_and_error_and_command_limits_hold_at_n_and_fail_at_n_plus_one() {
    let mut limits = rules();
    (limits.max_recipients, limits.max_errors) = (3, 3);
    let mut d = Dialogue::greeted(limits);
    let list: String = (1..=4).map(|n| format!("RCPT TO:<r{n}@example.jp>\r\n")).collect();
    assert_eq!(codes(&d.send(format!("MAIL FROM:<>\r\n{list}"))), [250, 250, 250, 250, 452]);
    assert_eq!(codes(&d.send("FOO\r\nFOO\r\nFOO\r\n")), [500, 500, 500]);
    assert_eq!(d.send("FOO\r\nNOOP\r\n"), "421 4.7.0 Too many errors\r\n");
    assert!(d.closed);

    let mut limits = rules();
    limits.max_commands = 5;
    let mut d = Dialogue::greeted(limits);
    assert_eq!(codes(&d.send("NOOP\r\nNOOP\r\nNOOP\r\nNOOP\r\n")), [250; 4]);
    assert_eq!(codes(&d.send("NOOP\r\n")), [421]);
    assert!(d.closed);
}

#[test]
fn a_message_is_taken_at_the_size_limit_and_refused_one_octet_beyond() {
    let mut limits = rules();
    limits.max_message_bytes = 1000;
    for (octets, code) in [(1000, 250), (1001, 552)] {
        let body = format!("{}\r\n", "x".repeat(octets - 2));
        let mut d = Dialogue::in_data(limits.clone());
        assert_eq!(codes(&d.send(format!("{body}.\r\nNOOP\r\n"))), [code, 250]);
        let mut d = Dialogue::greeted(limits.clone());
        assert_eq!(codes(&d.send(format!("{ENVELOPE}BDAT {octets} LAST\r\n{body}NOOP\r\n")))[2..], [code, 250]);
        let mut d = Dialogue::greeted(limits.clone());
        let announced = format!("MAIL FROM:<> SIZE={octets}\r\n");
        assert_eq!(codes(&d.send(announced)), [code]);
    }
}

#[test]
fn a_message_far_beyond_the_limit_is_not_read_to_its_end() {
    let mut limits = rules();
    limits.max_message_bytes = 1000;
    let mut d = Dialogue::in_data(limits);
    let line = format!("{}\r\n", "x".repeat(98));
    let replies = d.send(line.repeat(100));
    assert_eq!((codes(&replies), d.closed), (vec![552], true));
}

#[test]
fn too_many_received_fields_are_a_loop() {
    let mut limits = rules();
    limits.max_received = 3;
    for (fields, code) in [(3, 250), (4, 554)] {
        let header = "Received: from a by b;\r\n\tSat, 21 Nov 2026 11:40:00 +0900\r\n".repeat(fields);
        let mut d = Dialogue::in_data(limits.clone());
        let replies = d.send(format!("{header}\r\nReceived: in the body\r\n.\r\n"));
        assert_eq!(codes(&replies), [code]);
        assert_eq!(replies.contains("5.4.6"), code == 554);
    }
}

#[test]
fn what_the_store_cannot_take_is_refused_for_now() {
    for (outcome, reply) in [
        (Outcome::StoreFull, "452 4.3.1 Insufficient storage\r\n"),
        (Outcome::StoreFailed, "451 4.3.0 Temporarily unable to take the message\r\n"),
    ] {
        let mut d = Dialogue::in_data(rules());
        d.outcome = outcome.clone();
        assert_eq!(d.send("x\r\n.\r\n"), reply);
        // A spool that fails in the middle: the rest is read over, the answer is the same.
        d.send(format!("{ENVELOPE}DATA\r\n"));
        d.send("first\r\n");
        d.session.spool_failed(&outcome);
        assert_eq!(d.send("second\r\n.\r\n"), reply);
        assert!(d.messages.is_empty() && !d.closed);
    }
}

#[test]
fn plaintext_behind_starttls_drops_the_connection() {
    for injected in ["NOOP\r\n", "EHLO x\r\nMAIL FROM:<a@b.example>\r\n", "\u{16}", "x"] {
        let mut d = Dialogue::greeted(rules());
        assert_eq!(d.send(format!("STARTTLS\r\n{injected}")), "");
        assert!(d.closed && !d.tls_asked);
    }
}

#[test]
fn the_tls_session_begins_with_nothing() {
    let mut d = Dialogue::greeted(rules());
    d.send("MAIL FROM:<a@client.example>\r\n");
    assert_eq!(codes(&d.send("STARTTLS\r\n")), [220]);
    assert!(d.tls_asked);
    d.session.tls_started();
    d.tls_asked = false;
    assert_eq!(codes(&d.send("RCPT TO:<b@example.jp>\r\nMAIL FROM:<>\r\n")), [503, 503]);
}

#[test]
fn other_protocols_and_impatient_clients_are_cut_off() {
    for (script, code) in [
        ("GET / HTTP/1.1\r\nHost: gw\r\n\r\n", 554),
        ("POST / HTTP/1.1\r\n", 554),
        ("EHLO x\r\nMAIL FROM:<>\r\n", 554),
        ("Host: gw\nx\r\n", 500),
        ("NOOP\nNOOP\n", 500),
        ("NOOP\rNOOP\r\n", 500),
        ("NO\0OP\r\n", 500),
    ] {
        let mut d = Dialogue::new(rules());
        let replies = d.send(script);
        assert_eq!((codes(&replies), d.closed), (vec![code], true), "{script:?}");
    }
    let mut d = Dialogue::new(rules());
    assert_eq!(codes(&d.send("x".repeat(10_000))), [500]);
    assert!(d.closed);
    // Message octets that did not wait for 354.
    let mut d = Dialogue::greeted(rules());
    assert_eq!(codes(&d.send(format!("{ENVELOPE}DATA\r\nSubject: x\r\n"))), [250, 250, 554]);
    assert!(d.closed && d.messages.is_empty());
}

/// Takes events until octets are to be spooled, and fails at that.
fn fail_to_spool(d: &mut Dialogue, bytes: &str, outcome: &Outcome) -> (usize, String) {
    let (mut used, mut out) = (0, Vec::new());
    loop {
        let (taken, event) = d.session.advance(&bytes.as_bytes()[used..], &mut out);
        used += taken;
        match event {
            Event::Body => break,
            event => assert_eq!(event, Event::Discard, "{bytes:?}"),
        }
    }
    d.session.spool_failed(outcome);
    (used, String::from_utf8(out).unwrap())
}

#[test]
fn a_message_whose_last_octets_could_not_be_spooled_is_never_accepted() {
    for (outcome, code) in [(Outcome::StoreFailed, 451), (Outcome::StoreFull, 452)] {
        for (before, last) in [
            (&["DATA\r\n"][..], "only\r\n.\r\n"),
            (&["DATA\r\n", "first\r\n"], "last\r\n.\r\n"),
            (&[], "BDAT 6 LAST\r\nonly\r\n"),
            (&["BDAT 7\r\nfirst\r\n"], "BDAT 6 LAST\r\nlast\r\n"),
        ] {
            let mut d = Dialogue::greeted(rules());
            d.send(ENVELOPE);
            for part in before {
                d.send(part);
            }
            // What was spooled before would be lost with the spool.
            let (used, replies) = fail_to_spool(&mut d, last, &outcome);
            assert_eq!((used, replies.as_str()), (last.len(), ""), "{last:?}");
            let replies = d.send("NOOP\r\n");
            assert_eq!(codes(&replies), [code, 250], "{before:?}, {last:?}");
            assert!(d.messages.is_empty() && d.session.envelope().is_none());
            assert_eq!(d.session.take_refusals().len(), 1);
            // The session goes on, and nothing of the failed message sticks to the next.
            assert_eq!(codes(&d.send(format!("{ENVELOPE}BDAT 6 LAST\r\nnext\r\n"))), [250, 250, 250]);
            assert_eq!(d.bodies(), ["next\r\n"]);
        }
    }
}
