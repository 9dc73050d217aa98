//! One message over one connection, with a result for each recipient.
//!
//! lettre's own `send` stops at the first refused recipient and loses the others' answers. Here its connection is driven
//! command by command; where the next hop offers PIPELINING, everything up to DATA goes out as one group (RFC 2920).

use std::fmt::{self, Write};
use std::time::Duration;

use bytes::Bytes;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::response::Response;
use tokio::time::timeout;

use super::hop::{HopTimeouts, Link, Offer, reply_text, response_text};
use crate::address::Address;
use crate::line_ends;

/// A message that may leave: its line ends are canonical.
pub(super) struct Outgoing {
    sender: Option<Address>,
    /// The message without the CRLF of its last line, which the end of data supplies.
    body: Bytes,
    octets: u64,
    eight_bit: bool,
    /// Addresses or header fields are not ASCII, so the message may only go to a server that offers SMTPUTF8.
    smtputf8: bool,
}

/// What the next hop said of a recipient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Accepted(String),
    NotNow(String),
    Never(String),
}

/// Why a transaction could not be carried through. Recipients without an answer may be tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error("the connection to the next hop failed")]
    Smtp(#[source] SmtpError),
    #[error("the next hop did not answer in time")]
    Timeout,
    #[error("the next hop closes the connection: {0}")]
    Closing(String),
    /// The two sides no longer agree on where in the dialogue they are; what comes next could be taken for anything.
    #[error("the next hop gave a reply that does not belong here: {0}")]
    OutOfTurn(String),
}

/// The message holds a bare CR or LF: a fault of whoever composed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the composed message holds a bare CR or LF")]
pub(super) struct NotCanonical;

impl Outgoing {
    /// Looks a message over once: what is not canonical never gets near a connection.
    pub(super) fn new(sender: Option<Address>, body: Bytes) -> Result<Self, NotCanonical> {
        if !line_ends::canonical(&body) {
            return Err(NotCanonical);
        }
        let header = memchr::memmem::find(&body, b"\r\n\r\n").unwrap_or(body.len());
        let smtputf8 =
            sender.as_ref().is_some_and(|a| !a.is_ascii()) || !body.get(..header).unwrap_or_default().is_ascii();
        let octets = u64::try_from(body.len()).unwrap_or(u64::MAX);
        let eight_bit = !body.is_ascii();
        let body = if body.ends_with(b"\r\n") { body.slice(..body.len().saturating_sub(2)) } else { body };
        Ok(Self { sender, body, octets, eight_bit, smtputf8 })
    }

    /// Why the next hop cannot take the message at all, or not for this recipient.
    pub(super) fn impossible(&self, offer: &Offer, recipient: &Address) -> Option<String> {
        if offer.size_max.is_some_and(|max| self.octets > max) {
            return Some("552 5.3.4 The message is larger than the next hop takes".to_owned());
        }
        if (self.smtputf8 || !recipient.is_ascii()) && !offer.smtputf8 {
            return Some("550 5.6.7 The next hop does not take addresses outside ASCII".to_owned());
        }
        None
    }

    fn mail(&self, offer: &Offer, smtputf8: bool) -> String {
        let mut line = match &self.sender {
            Some(sender) => format!("MAIL FROM:<{}>", sender.wire()),
            None => "MAIL FROM:<>".to_owned(),
        };
        if offer.size {
            let _ = write!(line, " SIZE={}", self.octets);
        }
        // Without 8BITMIME on offer the octets go out as they are: servers that truly cannot take them are extinct, and
        // turning the mail back would lose it for certain.
        if self.eight_bit && offer.eight_bit {
            line.push_str(" BODY=8BITMIME");
        }
        if smtputf8 {
            line.push_str(" SMTPUTF8");
        }
        line.push_str("\r\n");
        line
    }
}

/// What is known of a transaction while it runs, and after it failed.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// One for each recipient. `None` where nothing is known: after an error, and for recipients beyond what the hop takes at
    /// once (452 behind an accepted one), who go into the next transaction.
    pub(super) answers: Vec<Option<Answer>>,
    /// Whether octets of the message may have reached the hop: from then on a failure leaves in doubt whether it has it.
    pub(super) body_begun: bool,
}

/// Runs one transaction for recipients that the hop can take.
pub(super) async fn run(
    link: &mut Link,
    message: &Outgoing,
    recipients: &[&Address],
    progress: &mut Progress,
    times: &HopTimeouts,
) -> Result<(), LinkError> {
    progress.answers = vec![None; recipients.len()];
    progress.body_begun = false;
    let answers = &mut progress.answers;
    let mut talk = Talk { connection: &mut link.connection, times };
    let smtputf8 = message.smtputf8 || recipients.iter().any(|r| !r.is_ascii());
    let mail = message.mail(&link.offer, smtputf8);
    let rcpt = |recipient: &Address| format!("RCPT TO:<{}>\r\n", recipient.wire());
    let pipelined = link.offer.pipelining;
    let opened = if pipelined {
        let mut group = mail;
        for recipient in recipients {
            group.push_str(&rcpt(recipient));
        }
        group.push_str("DATA\r\n");
        talk.command(&group).await?
    } else {
        talk.command(&mail).await?
    };
    if let (Err(refusal), false) = (&opened, pipelined) {
        answers.fill(Some(refusal.clone()));
        return Ok(());
    }
    let mut open = 0usize;
    for (recipient, answer) in recipients.iter().zip(answers.iter_mut()) {
        let reply = if pipelined { talk.reply(Wanted::Done).await? } else { talk.command(&rcpt(recipient)).await? };
        match (&opened, reply) {
            (Err(refusal), _) => *answer = Some(refusal.clone()),
            (Ok(_), Ok(_)) => open = open.saturating_add(1),
            (Ok(_), Err(Answer::NotNow(text))) if open > 0 && text.starts_with("452") => {
                // Marked for the next transaction; told apart from the open ones below.
                *answer = Some(Answer::NotNow(String::new()));
            }
            (Ok(_), Err(refusal)) => *answer = Some(refusal),
        }
    }
    let data = if pipelined {
        talk.reply(Wanted::GoOn).await?
    } else if open > 0 {
        talk.data().await?
    } else {
        // Nobody to send it to: leave the session as it was found.
        let _ = talk.command("RSET\r\n").await?;
        return Ok(());
    };
    let verdict = match data {
        Ok(_) if open == 0 => {
            // RFC 2920 section 3.1: a server that takes DATA without a recipient wants the end of data at once.
            let _ = talk.command(".\r\n").await?;
            return Ok(());
        }
        Ok(_) => {
            progress.body_begun = true;
            talk.body(&message.body).await?
        }
        Err(refusal) => Err(refusal),
    };
    let verdict = verdict.map_or_else(|refusal| refusal, |response| Answer::Accepted(response_text(&response)));
    for answer in answers.iter_mut() {
        match answer {
            None => *answer = Some(verdict.clone()),
            Some(Answer::NotNow(text)) if text.is_empty() => *answer = None,
            Some(_) => {}
        }
    }
    Ok(())
}

struct Talk<'a> {
    connection: &'a mut AsyncSmtpConnection,
    times: &'a HopTimeouts,
}

/// The positive reply that a step of the transaction may get.
#[derive(Clone, Copy)]
enum Wanted {
    /// 2xx.
    Done,
    /// 354, to DATA and to nothing else.
    GoOn,
}

impl Wanted {
    fn is(self, code: u16) -> bool {
        match self {
            Wanted::Done => (200..=299).contains(&code),
            Wanted::GoOn => code == 354,
        }
    }
}

/// A reply: the wanted one, or what it means for the recipients.
type Reply = Result<Response, Answer>;

impl Talk<'_> {
    async fn command(&mut self, lines: &str) -> Result<Reply, LinkError> {
        debug_assert!(line_ends::canonical(lines.as_bytes()));
        let patience = self.times.command;
        wait(patience, Wanted::Done, self.connection.command(Lines(lines))).await
    }

    async fn data(&mut self) -> Result<Reply, LinkError> {
        let patience = self.times.command;
        wait(patience, Wanted::GoOn, self.connection.command(Lines("DATA\r\n"))).await
    }

    async fn reply(&mut self, wanted: Wanted) -> Result<Reply, LinkError> {
        let patience = self.times.command;
        wait(patience, wanted, self.connection.read_response()).await
    }

    async fn body(&mut self, body: &[u8]) -> Result<Reply, LinkError> {
        let patience = self.times.message;
        wait(patience, Wanted::Done, self.connection.message_iter(body.chunks(PIECE))).await
    }
}

async fn wait(
    patience: Duration,
    wanted: Wanted,
    reply: impl Future<Output = Result<Response, SmtpError>>,
) -> Result<Reply, LinkError> {
    let error = match timeout(patience, reply).await {
        Err(_) => return Err(LinkError::Timeout),
        // To lettre 2xx and 3xx are the same.
        Ok(Ok(response)) if wanted.is(response.code().into()) => return Ok(Ok(response)),
        Ok(Ok(response)) => return Err(LinkError::OutOfTurn(response_text(&response))),
        Ok(Err(error)) => error,
    };
    let Some(code) = error.status() else { return Err(LinkError::Smtp(error)) };
    let code = u16::from(code);
    let text = reply_text(code, &std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default());
    match code {
        421 => Err(LinkError::Closing(text)),
        400..=499 => Ok(Err(Answer::NotNow(text))),
        _ => Ok(Err(Answer::Never(text))),
    }
}

/// Finished lines, as lettre's `command` wants them.
struct Lines<'a>(&'a str);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// lettre copies each piece to put in the transparency dots; a piece bounds that copy.
const PIECE: usize = 64 << 10;

/// Most recipients of one transaction (RFC 5321 section 4.5.3.1.8: every server takes 100).
pub(super) const RECIPIENTS_MAX: usize = 100;
