//! One SMTP session as a state machine without sockets: received bytes go in, replies and [`Event`]s come out.
//!
//! Replies leave in the order of the commands, because each command is finished before the next line is looked at; the one
//! command whose end lies outside (a complete message that must become durable) stops the machine until
//! [`Session::finished`] is called.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::data::{DataDecoder, DataFault, TraceCount};
use super::grammar::{self, Body, Chunk, Command, CommandError, Line, MailParameters, Recipient};
use super::reply::{self, Reply, StartTls};
use super::stores::{Owner, Owners};
use crate::address::Address;
use crate::line_ends::LineEnds;

/// What a session may do: the part of the intake's configuration that the dialogue depends on.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The name in the greeting.
    pub hostname: String,
    /// Longest message in octets.
    pub max_message_bytes: u64,
    /// Longest text line of a message in octets, without its CRLF.
    pub max_text_line: u64,
    /// Most recipients of one message.
    pub max_recipients: usize,
    /// Most refused commands of one session.
    pub max_errors: u32,
    /// Most commands between two accepted messages.
    pub max_commands: u32,
    /// Most `Received:` fields a message may come with.
    pub max_received: u32,
    /// Domains whose recipients are accepted beside those that a tenant has claimed, in lower case and in ASCII; `None` accepts all.
    pub accept_domains: Option<Vec<String>>,
    /// Whether STARTTLS is offered.
    pub starttls: bool,
}

impl Rules {
    /// Whether the configuration has the recipient's domain.
    fn accepts(&self, recipient: &Address) -> bool {
        let domain = recipient.ascii_domain();
        self.accept_domains.as_ref().is_none_or(|all| all.iter().any(|ours| *ours == domain))
    }
}

/// What the shell has to do before it calls [`Session::advance`] again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// Send what was said and read more.
    Read,
    /// Put [`Session::body`] into the spool.
    Body,
    /// The message is complete: make it durable and call [`Session::finished`].
    Commit,
    /// The message is not wanted any more: drop its spool.
    Discard,
    /// Send what was said and start the TLS handshake, then call [`Session::tls_started`].
    StartTls,
    /// Send what was said and close.
    Close,
}

/// What became of a complete message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is durable under this receipt.
    Accepted(String),
    /// The store could not take it now.
    StoreFailed,
    /// The store has no room.
    StoreFull,
}

/// The other end as it called itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The argument of HELO or EHLO.
    pub name: String,
    /// Whether it was EHLO.
    pub extended: bool,
}

/// The envelope of the message being received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Envelope {
    /// The reverse path; `None` is the null sender.
    pub sender: Option<Address>,
    /// The forward paths in the order given, each once.
    pub recipients: Vec<Address>,
    /// Whose each of them was when it was accepted.
    pub owners: Vec<Owner>,
    /// The parameters of MAIL.
    pub parameters: MailParameters,
}

/// A refusal worth remembering: of a recipient or of a whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The reverse path.
    pub sender: Option<String>,
    /// The recipient, when it was that which was refused.
    pub recipient: Option<String>,
    /// Whom it was for, as far as that was known: their people may ask what became of it.
    pub concerned: Vec<Address>,
    /// What was answered.
    pub reply: Reply,
}

/// One session; see the module's text.
pub struct Session {
    rules: Arc<Rules>,
    owners: Arc<dyn Owners>,
    tls: bool,
    hello: Option<Hello>,
    transaction: Option<Transaction>,
    phase: Phase,
    errors: u32,
    commands: u32,
    body: Vec<u8>,
    refusals: Vec<Refusal>,
    bye: bool,
}

#[derive(Default)]
struct Transaction {
    envelope: Envelope,
    octets: u64,
    /// Octets read and thrown away since the fault.
    drained: u64,
    trace: TraceCount,
    line_ends: LineEnds,
    fault: Option<Reply>,
    /// Whether a BDAT chunk was taken: from then on only BDAT and RSET go on.
    chunked: bool,
}

enum Phase {
    Command,
    Data(DataDecoder),
    Chunk {
        left: u64,
        chunk: Chunk,
        /// The chunk's octets are read over, because what to answer is known already.
        refused: Option<Reply>,
    },
    Waiting,
    Closed,
}

impl Session {
    /// A session at its beginning.
    pub fn new(rules: Arc<Rules>, owners: Arc<dyn Owners>) -> Self {
        Self {
            rules,
            owners,
            tls: false,
            hello: None,
            transaction: None,
            phase: Phase::Command,
            errors: 0,
            commands: 0,
            body: Vec::new(),
            refusals: Vec::new(),
            bye: false,
        }
    }

    /// Writes the greeting.
    pub fn greet(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(reply::greeting(&self.rules.hostname).as_bytes());
    }

    /// Works on received bytes: returns how many were used up and what has to be done now. With [`Event::Read`] bytes may be
    /// left over (an incomplete line) and must be given again with what follows them.
    pub fn advance(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, Event) {
        let mut used = 0usize;
        loop {
            let rest = input.get(used..).unwrap_or_default();
            let (taken, event) = match &self.phase {
                Phase::Closed => return (input.len(), Event::Close),
                // The last octets could not be spooled: there is nothing to make durable.
                Phase::Waiting if self.transaction.as_ref().is_none_or(|t| t.fault.is_some()) => {
                    return (used, self.refuse_message(out).unwrap_or(Event::Discard));
                }
                Phase::Waiting => return (used, Event::Commit),
                Phase::Command => self.command(rest, out),
                Phase::Data(_) => self.data(rest, out),
                Phase::Chunk { .. } => self.chunk(rest, out),
            };
            used = used.saturating_add(taken);
            if let Some(event) = event {
                return (used, event);
            }
        }
    }

    /// The octets of the message that [`Event::Body`] speaks of.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Tells what became of the message after [`Event::Commit`].
    pub fn finished(&mut self, outcome: &Outcome, out: &mut Vec<u8>) {
        self.transaction = None;
        self.phase = Phase::Command;
        match outcome {
            Outcome::Accepted(receipt) => {
                self.commands = 0;
                out.extend_from_slice(reply::accepted(receipt).as_bytes());
            }
            Outcome::StoreFailed => say(out, Reply::StoreFailed),
            Outcome::StoreFull => say(out, Reply::StoreFull),
        }
    }

    /// Tells that the spool failed: the rest of the message is read over and refused for now.
    pub fn spool_failed(&mut self, outcome: &Outcome) {
        if let Some(transaction) = &mut self.transaction {
            let reply = if *outcome == Outcome::StoreFull { Reply::StoreFull } else { Reply::StoreFailed };
            transaction.fault.get_or_insert(reply);
        }
    }

    /// Tells that the TLS handshake is done: everything said before it is forgotten (RFC 3207 section 4.2).
    pub fn tls_started(&mut self) {
        self.tls = true;
        self.hello = None;
        self.transaction = None;
        self.phase = Phase::Command;
    }

    /// Says goodbye for a reason that lies outside the dialogue.
    pub fn close(&mut self, reply: Reply, out: &mut Vec<u8>) {
        say(out, reply);
        self.phase = Phase::Closed;
    }

    /// Whether the peer ended the session itself, by QUIT.
    pub fn said_bye(&self) -> bool {
        self.bye
    }

    /// Whether message octets are being received.
    pub fn in_message(&self) -> bool {
        matches!(self.phase, Phase::Data(_) | Phase::Chunk { .. } | Phase::Waiting)
            || self.transaction.as_ref().is_some_and(|t| t.chunked)
    }

    /// The other end's name for itself.
    pub fn hello(&self) -> Option<&Hello> {
        self.hello.as_ref()
    }

    /// The envelope of the current message.
    pub fn envelope(&self) -> Option<&Envelope> {
        self.transaction.as_ref().map(|t| &t.envelope)
    }

    /// The octets of the current message that [`Event::Body`] has spoken of.
    pub fn octets(&self) -> u64 {
        self.transaction.as_ref().map_or(0, |t| t.octets)
    }

    /// The refusals since the last call.
    pub fn take_refusals(&mut self) -> Vec<Refusal> {
        std::mem::take(&mut self.refusals)
    }

    fn command(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, Option<Event>) {
        let (line, consumed) = match grammar::next_line(input) {
            Line::Complete { line, consumed } => (line, consumed),
            Line::Partial => return (0, Some(Event::Read)),
            // Where the peer ends its lines is in doubt, so nothing that follows can be trusted to be a command.
            Line::Control => return self.stop(Reply::BadLine, input, out),
            Line::TooLong => return self.stop(Reply::LineTooLong, input, out),
        };
        self.commands = self.commands.saturating_add(1);
        if self.commands > self.rules.max_commands {
            return self.stop(Reply::TooManyCommands, input, out);
        }
        let more = input.len() > consumed;
        let event = match grammar::parse(line) {
            Ok(command) => self.execute(command, more, out),
            Err(error @ (CommandError::Foreign | CommandError::Control | CommandError::ChunkSize)) => {
                return self.stop(Reply::from(error), input, out);
            }
            Err(error) => self.refuse(Reply::from(error), out),
        };
        (consumed, event)
    }

    fn execute(&mut self, command: Command<'_>, more: bool, out: &mut Vec<u8>) -> Option<Event> {
        // RFC 2920 section 3.1: these end a group of pipelined commands. What stands behind them was sent without waiting for
        // the answer, by a program that does not care for it (Postfix `smtpd_forbid_unauth_pipelining`).
        if more && matches!(command, Command::Helo(_) | Command::Ehlo(_) | Command::Data) {
            return self.stop(Reply::NotSynchronised, &[], out).1;
        }
        match command {
            Command::Helo(name) => {
                let event = self.reset();
                self.hello = Some(Hello { name: name.to_owned(), extended: false });
                out.extend_from_slice(reply::hello(&self.rules.hostname).as_bytes());
                event
            }
            Command::Ehlo(name) => {
                let event = self.reset();
                self.hello = Some(Hello { name: name.to_owned(), extended: true });
                let rules = &self.rules;
                let starttls = if rules.starttls && !self.tls { StartTls::Offered } else { StartTls::NotOffered };
                out.extend_from_slice(
                    reply::extended_hello(&rules.hostname, rules.max_message_bytes, starttls).as_bytes(),
                );
                event
            }
            Command::Mail(sender, parameters) => self.mail(sender, parameters, out),
            Command::Rcpt(recipient) => self.rcpt(recipient, out),
            Command::Data => self.start_data(out),
            Command::Bdat(chunk) => self.start_chunk(chunk, out),
            Command::Rset => {
                let event = self.reset();
                say(out, Reply::Ok);
                event
            }
            Command::Noop => self.agree(Reply::Ok, out),
            Command::Vrfy => self.agree(Reply::CannotVerify, out),
            Command::Help => self.agree(Reply::Help, out),
            Command::StartTls => self.start_tls(more, out),
            Command::Quit => {
                self.bye = true;
                self.stop(Reply::Bye, &[], out).1
            }
        }
    }

    fn mail(&mut self, sender: Option<Address>, parameters: MailParameters, out: &mut Vec<u8>) -> Option<Event> {
        let Some(hello) = &self.hello else { return self.refuse(Reply::HelloFirst, out) };
        if self.transaction.is_some() {
            return self.refuse(Reply::NestedMail, out);
        }
        if !hello.extended && parameters != MailParameters::default() {
            return self.refuse(Reply::UnknownParameter, out);
        }
        if parameters.size.is_some_and(|size| size > self.rules.max_message_bytes) {
            let sender = sender.map(|a| a.to_string());
            self.refusals.push(Refusal { sender, recipient: None, concerned: Vec::new(), reply: Reply::TooLarge });
            return self.refuse(Reply::TooLarge, out);
        }
        let envelope = Envelope { sender, parameters, ..Envelope::default() };
        self.transaction = Some(Transaction { envelope, ..Transaction::default() });
        self.agree(Reply::SenderOk, out)
    }

    fn rcpt(&mut self, recipient: Recipient, out: &mut Vec<u8>) -> Option<Event> {
        let rules = Arc::clone(&self.rules);
        let Some(transaction) = &mut self.transaction else { return self.refuse(Reply::MailFirst, out) };
        if transaction.chunked {
            return self.refuse(Reply::InChunks, out);
        }
        let envelope = &mut transaction.envelope;
        let (recipient, owner) = match recipient {
            Recipient::Address(address) => {
                if !envelope.parameters.smtputf8 && !address.is_ascii() {
                    return self.refuse(Reply::NotAscii, out);
                }
                let owner = self.owners.owner(&address.ascii_domain());
                let refused = if address.local().contains(['%', '!', '@']) {
                    // The next hop trusts us: `a%elsewhere@ours` would make it a relay for the whole world.
                    Some(Reply::Routed)
                } else if owner == Owner::Own && !rules.accepts(&address) {
                    Some(Reply::RelayDenied)
                } else {
                    None
                };
                if let Some(reply) = refused {
                    let sender = envelope.sender.as_ref().map(ToString::to_string);
                    let recipient = Some(address.to_string());
                    self.refusals.push(Refusal { sender, recipient, concerned: vec![address], reply });
                    return self.refuse(reply, out);
                }
                (address, owner)
            }
            Recipient::Postmaster => {
                let ours = rules.accept_domains.as_ref().and_then(|all| all.first()).unwrap_or(&rules.hostname);
                match Address::postmaster(ours) {
                    Ok(address) => {
                        let owner = self.owners.owner(&address.ascii_domain());
                        (address, owner)
                    }
                    Err(_) => return self.refuse(Reply::BadRecipient, out),
                }
            }
        };
        if envelope.recipients.contains(&recipient) {
            return self.agree(Reply::RecipientOk, out);
        }
        if envelope.recipients.len() >= rules.max_recipients {
            // Not counted as a mistake: a sender of a long list splits it in two when it sees this (RFC 5321 4.5.3.1.10).
            return self.agree(Reply::TooManyRecipients, out);
        }
        if envelope.opens_too_many(&owner) {
            return self.agree(Reply::TooManyRecipients, out);
        }
        envelope.owners.push(owner);
        envelope.recipients.push(recipient);
        self.agree(Reply::RecipientOk, out)
    }

    fn start_data(&mut self, out: &mut Vec<u8>) -> Option<Event> {
        match &self.transaction {
            None => self.refuse(Reply::MailFirst, out),
            Some(t) if t.chunked => self.refuse(Reply::InChunks, out),
            Some(t) if t.envelope.recipients.is_empty() => self.refuse(Reply::RecipientFirst, out),
            Some(_) => {
                self.phase = Phase::Data(DataDecoder::new(self.rules.max_text_line));
                self.agree(Reply::StartData, out)
            }
        }
    }

    fn data(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, Option<Event>) {
        let (Phase::Data(decoder), Some(transaction)) = (&mut self.phase, &mut self.transaction) else {
            return self.stop(Reply::NotSynchronised, input, out);
        };
        if input.is_empty() {
            return (0, Some(Event::Read));
        }
        self.body.clear();
        let decoded = decoder.push(input, &mut self.body);
        let discard = match decoder.fault() {
            Some(DataFault::BareLineEnd) => transaction.fail(Reply::BareLineEnd),
            Some(DataFault::LineTooLong) => transaction.fail(Reply::TextLineTooLong),
            None => transaction.take(&self.body, &self.rules),
        };
        // RFC 5321 gives no way to stop a sender but to close; the limit on what is read over keeps that from being free.
        if transaction.fault.is_some() && !decoded.end {
            transaction.drained = transaction.drained.saturating_add(octets(decoded.consumed));
            if transaction.drained > self.rules.max_message_bytes {
                return self.give_up(input, out);
            }
        }
        let faulty = transaction.fault.is_some();
        if decoded.end {
            let event = if faulty {
                Some(self.refuse_message(out).unwrap_or(Event::Discard))
            } else {
                // The last octets go out first; the next call finds the session waiting.
                self.phase = Phase::Waiting;
                Some(if self.body.is_empty() { Event::Commit } else { Event::Body })
            };
            return (decoded.consumed, event);
        }
        let event = if discard {
            Some(Event::Discard)
        } else if !faulty && !self.body.is_empty() {
            Some(Event::Body)
        } else {
            None
        };
        (decoded.consumed, event)
    }

    fn start_chunk(&mut self, chunk: Chunk, out: &mut Vec<u8>) -> Option<Event> {
        let max = self.rules.max_message_bytes;
        let refused = match &self.transaction {
            None => Some(Reply::MailFirst),
            Some(t) if t.envelope.recipients.is_empty() => Some(Reply::RecipientFirst),
            // BDAT is an extension, and who said HELO was offered none.
            Some(_) if !self.hello.as_ref().is_some_and(|hello| hello.extended) => Some(Reply::UnknownCommand),
            Some(t) if t.octets.checked_add(chunk.octets).is_none_or(|sum| sum > max) => Some(Reply::TooLarge),
            Some(_) => None,
        };
        if refused.is_some() && chunk.octets > max.saturating_mul(2) {
            // The octets must be read over before the answer may be given (RFC 3030 section 2), but not that many.
            return self.stop(Reply::TooLarge, &[], out).1;
        }
        if let (None, Some(transaction)) = (refused, &mut self.transaction) {
            transaction.chunked = true;
        }
        self.phase = Phase::Chunk { left: chunk.octets, chunk, refused };
        None
    }

    fn chunk(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, Option<Event>) {
        let Phase::Chunk { left, chunk, refused } = &mut self.phase else {
            return self.stop(Reply::NotSynchronised, input, out);
        };
        let chunk = *chunk;
        let length = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
        let taken = input.get(..length).unwrap_or_default();
        *left = left.saturating_sub(octets(length));
        let done = *left == 0;
        if !done && length == 0 {
            return (0, Some(Event::Read));
        }
        if let Some(reply) = *refused {
            if !done {
                return (length, None);
            }
            self.phase = Phase::Command;
            if reply == Reply::TooLarge {
                let envelope = self.envelope().cloned().unwrap_or_default();
                let sender = envelope.sender.as_ref().map(ToString::to_string);
                self.refusals.push(Refusal { sender, recipient: None, concerned: envelope.recipients, reply });
            }
            let had_body = self.reset();
            return (length, self.refuse(reply, out).or(had_body));
        }
        let Some(transaction) = &mut self.transaction else {
            return self.stop(Reply::NotSynchronised, input, out);
        };
        self.body.clear();
        let sound = transaction.line_ends.push(taken) && !(done && chunk.last && !transaction.line_ends.finish());
        let discard = if !sound {
            transaction.fail(Reply::BareLineEnd)
        } else if transaction.fault.is_none() {
            self.body.extend_from_slice(taken);
            transaction.take(&self.body, &self.rules)
        } else {
            false
        };
        let faulty = transaction.fault.is_some();
        let body = if !faulty && !self.body.is_empty() { Some(Event::Body) } else { None };
        if !done {
            return (length, if discard { Some(Event::Discard) } else { body });
        }
        if faulty {
            return (length, Some(self.refuse_message(out).unwrap_or(Event::Discard)));
        }
        if chunk.last {
            self.phase = Phase::Waiting;
            return (length, body.or(Some(Event::Commit)));
        }
        self.phase = Phase::Command;
        out.extend_from_slice(reply::chunk_taken(chunk.octets).as_bytes());
        (length, body)
    }

    /// Answers a complete but faulty message. Bare line ends close the session as well: whoever sends them either tries to
    /// smuggle or has a relay in front that would let it.
    fn refuse_message(&mut self, out: &mut Vec<u8>) -> Option<Event> {
        self.phase = Phase::Command;
        let transaction = self.transaction.take()?;
        let reply = transaction.fault?;
        let Envelope { sender, recipients: concerned, .. } = transaction.envelope;
        let sender = sender.as_ref().map(ToString::to_string);
        self.refusals.push(Refusal { sender, recipient: None, concerned, reply });
        match reply {
            Reply::BareLineEnd => self.stop(reply, &[], out).1,
            Reply::StoreFailed | Reply::StoreFull => self.agree(reply, out),
            _ => self.refuse(reply, out),
        }
    }

    fn give_up(&mut self, input: &[u8], out: &mut Vec<u8>) -> (usize, Option<Event>) {
        if let Some(reply) = self.transaction.as_ref().and_then(|t| t.fault) {
            say(out, reply);
        }
        self.phase = Phase::Closed;
        (input.len(), Some(Event::Close))
    }

    fn start_tls(&mut self, more: bool, out: &mut Vec<u8>) -> Option<Event> {
        if self.tls || !self.rules.starttls {
            return self.refuse(Reply::NoTls, out);
        }
        if self.transaction.as_ref().is_some_and(|t| t.chunked) {
            return self.refuse(Reply::InChunks, out);
        }
        if more {
            // CVE-2011-0411: plaintext behind STARTTLS was put there to be read as if it had come encrypted.
            self.phase = Phase::Closed;
            return Some(Event::Close);
        }
        say(out, Reply::ReadyForTls);
        Some(Event::StartTls)
    }

    /// Forgets the transaction; a spool that may exist for it must go.
    fn reset(&mut self) -> Option<Event> {
        self.transaction.take().filter(|t| t.chunked).map(|_| Event::Discard)
    }

    fn agree(&mut self, reply: Reply, out: &mut Vec<u8>) -> Option<Event> {
        say(out, reply);
        None
    }

    fn refuse(&mut self, reply: Reply, out: &mut Vec<u8>) -> Option<Event> {
        self.errors = self.errors.saturating_add(1);
        if self.errors > self.rules.max_errors {
            return self.stop(Reply::TooManyErrors, &[], out).1;
        }
        say(out, reply);
        None
    }

    fn stop(&mut self, reply: Reply, input: &[u8], out: &mut Vec<u8>) -> (usize, Option<Event>) {
        self.close(reply, out);
        (input.len(), Some(Event::Close))
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session(hello {:?}, {} octets of body in hand)", self.hello, self.body.len())
    }
}

impl Transaction {
    /// Counts the next octets of the message; true when they made it unacceptable.
    fn take(&mut self, body: &[u8], rules: &Rules) -> bool {
        if self.fault.is_some() {
            return false;
        }
        self.octets = self.octets.saturating_add(octets(body.len()));
        self.trace.push(body);
        if self.octets > rules.max_message_bytes {
            self.fail(Reply::TooLarge)
        } else if self.trace.count() > rules.max_received {
            self.fail(Reply::Loop)
        } else {
            false
        }
    }

    fn fail(&mut self, reply: Reply) -> bool {
        let first = self.fault.is_none();
        // A bare line end outranks what was found before it: it alone decides that the session ends.
        if first || reply == Reply::BareLineEnd {
            self.fault = Some(reply);
        }
        first
    }
}

impl Envelope {
    /// Whether a mail that is for this one too would be kept in more stores than one mail may be.
    fn opens_too_many(&self, owner: &Owner) -> bool {
        !self.owners.contains(owner) && self.owners.iter().collect::<BTreeSet<_>>().len() >= MOST_OWNERS
    }

    /// Whether the sender announced octets above 127.
    pub fn eight_bit(&self) -> bool {
        self.parameters.body == Some(Body::EightBit)
    }
}

/// Tenants that one mail may be for: it is written to the disk for each of them. A sender splits a longer list.
const MOST_OWNERS: usize = 10;

fn say(out: &mut Vec<u8>, reply: Reply) {
    out.extend_from_slice(reply.line().as_bytes());
}

fn octets(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
