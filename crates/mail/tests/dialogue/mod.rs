//! A client and a shell around a [`Session`], without sockets: what is sent, what is answered, what would be stored.

#![allow(unreachable_pub, reason = "a module of test programs has no outside")]
#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::sync::Arc;

use mail::intake::session::{Envelope, Event, Outcome, Rules, Session};
use mail::intake::{Owner, Owners};

/// The rules the tests start from.
pub fn rules() -> Rules {
    Rules {
        hostname: "gw.example.jp".to_owned(),
        max_message_bytes: 1_000_000,
        max_text_line: 100_000,
        max_recipients: 100,
        max_errors: 20,
        max_commands: 1000,
        max_received: 50,
        accept_domains: Some(vec!["example.jp".to_owned()]),
        starttls: true,
    }
}

/// One organisation, which claims nothing.
#[derive(Debug)]
struct OneAlone;

impl Owners for OneAlone {
    fn owner(&self, _: &str) -> Owner {
        Owner::Own
    }
}

/// One session under test.
pub struct Dialogue {
    pub session: Session,
    /// Everything that would be in the store.
    pub messages: Vec<(Envelope, Vec<u8>)>,
    pub closed: bool,
    pub tls_asked: bool,
    /// What the store answers.
    pub outcome: Outcome,
    input: Vec<u8>,
    body: Option<Vec<u8>>,
}

impl Dialogue {
    pub fn new(rules: Rules) -> Self {
        Self {
            session: Session::new(Arc::new(rules), Arc::new(OneAlone)),
            messages: Vec::new(),
            closed: false,
            tls_asked: false,
            outcome: Outcome::Accepted("20261121-8F3K2".to_owned()),
            input: Vec::new(),
            body: None,
        }
    }

    /// A session that has said EHLO.
    pub fn greeted(rules: Rules) -> Self {
        let mut dialogue = Self::new(rules);
        assert!(dialogue.send("EHLO client.example\r\n").starts_with("250-gw.example.jp\r\n"));
        dialogue
    }

    /// A session that waits for message octets after DATA.
    pub fn in_data(rules: Rules) -> Self {
        let mut dialogue = Self::greeted(rules);
        let replies = dialogue.send("MAIL FROM:<a@client.example>\r\nRCPT TO:<b@example.jp>\r\nDATA\r\n");
        assert_eq!(codes(&replies), [250, 250, 354]);
        dialogue
    }

    /// Sends bytes and returns the replies to them.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> String {
        self.input.extend_from_slice(bytes.as_ref());
        let mut out = Vec::new();
        while !self.closed && !self.tls_asked {
            let (used, event) = self.session.advance(&self.input, &mut out);
            self.input.drain(..used);
            match event {
                Event::Read => break,
                Event::Body => self.body.get_or_insert_default().extend_from_slice(self.session.body()),
                Event::Discard => self.body = None,
                Event::Commit => {
                    let envelope = self.session.envelope().cloned().expect("a complete message has an envelope");
                    let body = self.body.take().unwrap_or_default();
                    if matches!(self.outcome, Outcome::Accepted(_)) {
                        self.messages.push((envelope, body));
                    }
                    self.session.finished(&self.outcome, &mut out);
                }
                Event::StartTls => self.tls_asked = true,
                Event::Close => self.closed = true,
            }
        }
        String::from_utf8(out).expect("replies are ASCII")
    }

    /// The same octets in pieces of `size`.
    pub fn send_in_pieces(&mut self, bytes: &[u8], size: usize) -> String {
        bytes.chunks(size).map(|piece| self.send(piece)).collect()
    }

    /// The bodies that would be in the store.
    pub fn bodies(&self) -> Vec<String> {
        self.messages.iter().map(|(_, body)| String::from_utf8_lossy(body).into_owned()).collect()
    }
}

/// The reply codes of a run of replies, one per reply however many lines it has.
pub fn codes(replies: &str) -> Vec<u16> {
    replies
        .lines()
        .filter(|line| line.as_bytes().get(3) == Some(&b' '))
        .map(|line| line[..3].parse().unwrap())
        .collect()
}
