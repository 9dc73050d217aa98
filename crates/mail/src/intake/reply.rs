//! Every line the intake ever says, in one table. Bland on purpose: a reply names the rule that was broken, never what the
//! gateway is, what it found in a mail or what went wrong inside.

use super::grammar::CommandError;

/// A reply whose text never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// RSET, NOOP.
    Ok,
    /// MAIL accepted.
    SenderOk,
    /// RCPT accepted.
    RecipientOk,
    /// HELP.
    Help,
    /// VRFY: neither confirmed nor denied.
    CannotVerify,
    /// DATA: go on.
    StartData,
    /// STARTTLS: go on.
    ReadyForTls,
    /// QUIT.
    Bye,
    /// The gateway is stopping.
    ShuttingDown,
    /// Nothing came for too long.
    TimedOut,
    /// No more connections are taken.
    TooManyConnections,
    /// The session made too many mistakes.
    TooManyErrors,
    /// The session talks without delivering.
    TooManyCommands,
    /// The store cannot take the message now.
    StoreFailed,
    /// The store has no room.
    StoreFull,
    /// More recipients than one message may have.
    TooManyRecipients,
    /// A command that is not known.
    UnknownCommand,
    /// A command that is known and not offered.
    NotOffered,
    /// Line ends or NULs that are no part of SMTP.
    BadLine,
    /// Another protocol, or data before its time.
    NotSynchronised,
    /// A line beyond its limit.
    LineTooLong,
    /// Octets outside ASCII without SMTPUTF8.
    NotAscii,
    /// An argument where none belongs.
    NoArgument,
    /// A malformed argument.
    BadArgument,
    /// A malformed sender address.
    BadSender,
    /// A malformed recipient address.
    BadRecipient,
    /// A parameter that is not known.
    UnknownParameter,
    /// A parameter with a bad value.
    BadParameter,
    /// A malformed chunk size.
    BadChunkSize,
    /// MAIL before HELO or EHLO.
    HelloFirst,
    /// MAIL inside a transaction.
    NestedMail,
    /// RCPT, DATA or BDAT without MAIL.
    MailFirst,
    /// DATA or BDAT without an accepted recipient.
    RecipientFirst,
    /// RCPT or DATA between chunks.
    InChunks,
    /// STARTTLS when TLS runs or is not configured.
    NoTls,
    /// A recipient whose domain is not ours.
    RelayDenied,
    /// A recipient address that carries a route (`%`, `!` or a second `@`).
    Routed,
    /// A message beyond the size limit.
    TooLarge,
    /// A bare CR or LF in the message.
    BareLineEnd,
    /// A text line beyond the limit.
    TextLineTooLong,
    /// Too many Received fields.
    Loop,
}

impl Reply {
    /// The line as it is sent.
    pub fn line(self) -> &'static str {
        match self {
            Self::Ok => "250 2.0.0 OK\r\n",
            Self::SenderOk => "250 2.1.0 OK\r\n",
            Self::RecipientOk => "250 2.1.5 OK\r\n",
            Self::Help => "214 2.0.0 See RFC 5321\r\n",
            Self::CannotVerify => "252 2.1.5 Cannot verify, send mail to find out\r\n",
            Self::StartData => "354 End data with <CR><LF>.<CR><LF>\r\n",
            Self::ReadyForTls => "220 2.0.0 Ready to start TLS\r\n",
            Self::Bye => "221 2.0.0 Bye\r\n",
            Self::ShuttingDown => "421 4.3.2 Service shutting down\r\n",
            Self::TimedOut => "421 4.4.2 Timeout\r\n",
            Self::TooManyConnections => "421 4.7.0 Too many connections\r\n",
            Self::TooManyErrors => "421 4.7.0 Too many errors\r\n",
            Self::TooManyCommands => "421 4.7.0 Too many commands\r\n",
            Self::StoreFailed => "451 4.3.0 Temporarily unable to take the message\r\n",
            Self::StoreFull => "452 4.3.1 Insufficient storage\r\n",
            Self::TooManyRecipients => "452 4.5.3 Too many recipients\r\n",
            Self::UnknownCommand => "500 5.5.1 Unknown command\r\n",
            Self::NotOffered => "502 5.5.1 Command not offered\r\n",
            Self::BadLine => "500 5.5.2 Lines must end with <CR><LF>\r\n",
            Self::NotSynchronised => "554 5.5.0 Protocol error\r\n",
            Self::LineTooLong => "500 5.5.6 Line too long\r\n",
            Self::NotAscii => "500 5.5.2 Command must be ASCII\r\n",
            Self::NoArgument => "501 5.5.4 No argument allowed\r\n",
            Self::BadArgument => "501 5.5.4 Invalid argument\r\n",
            Self::BadSender => "501 5.1.7 Invalid sender address\r\n",
            Self::BadRecipient => "501 5.1.3 Invalid recipient address\r\n",
            Self::UnknownParameter => "555 5.5.4 Parameter not recognised\r\n",
            Self::BadParameter => "501 5.5.4 Invalid parameter value\r\n",
            Self::BadChunkSize => "501 5.5.4 Invalid chunk size\r\n",
            Self::HelloFirst => "503 5.5.1 Say EHLO first\r\n",
            Self::NestedMail => "503 5.5.1 Nested MAIL command\r\n",
            Self::MailFirst => "503 5.5.1 Need MAIL command\r\n",
            Self::RecipientFirst => "503 5.5.1 No valid recipients\r\n",
            Self::InChunks => "503 5.5.1 Not between chunks\r\n",
            Self::NoTls => "503 5.5.1 TLS not available\r\n",
            Self::RelayDenied => "550 5.7.1 Relaying denied\r\n",
            Self::Routed => "553 5.1.3 Routed addresses are not accepted\r\n",
            Self::TooLarge => "552 5.3.4 Message too large\r\n",
            Self::BareLineEnd => "554 5.6.11 Bare <CR> or <LF> in message\r\n",
            Self::TextLineTooLong => "554 5.6.0 Text line too long\r\n",
            Self::Loop => "554 5.4.6 Too many hops\r\n",
        }
    }

    /// The three digits at the start of the line.
    pub fn code(self) -> u16 {
        self.line().get(..3).and_then(|digits| digits.parse().ok()).unwrap_or(0)
    }
}

impl From<CommandError> for Reply {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Control => Self::BadLine,
            CommandError::TooLong => Self::LineTooLong,
            CommandError::Foreign => Self::NotSynchronised,
            CommandError::Unknown => Self::UnknownCommand,
            CommandError::NotOffered => Self::NotOffered,
            CommandError::NotAscii => Self::NotAscii,
            CommandError::Argument => Self::NoArgument,
            CommandError::Syntax => Self::BadArgument,
            CommandError::Sender(_) => Self::BadSender,
            CommandError::Recipient(_) => Self::BadRecipient,
            CommandError::ParameterUnknown => Self::UnknownParameter,
            CommandError::ParameterValue => Self::BadParameter,
            CommandError::ChunkSize => Self::BadChunkSize,
        }
    }
}

/// The first line of a session.
pub fn greeting(hostname: &str) -> String {
    format!("220 {hostname} ESMTP\r\n")
}

/// The answer to HELO.
pub fn hello(hostname: &str) -> String {
    format!("250 {hostname}\r\n")
}

/// Whether a connection can still be enciphered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartTls {
    /// It is in the clear, and there is a certificate.
    Offered,
    /// It is enciphered already, or there is no certificate.
    NotOffered,
}

/// The answer to EHLO: the extensions on offer. CHUNKING without BINARYMIME: chunks, too, hold text in lines.
pub fn extended_hello(hostname: &str, max_message_bytes: u64, starttls: StartTls) -> String {
    let starttls = match starttls {
        StartTls::Offered => "250-STARTTLS\r\n",
        StartTls::NotOffered => "",
    };
    format!(
        "250-{hostname}\r\n250-PIPELINING\r\n250-SIZE {max_message_bytes}\r\n{starttls}250-ENHANCEDSTATUSCODES\r\n\
         250-8BITMIME\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n"
    )
}

/// The answer to a chunk that is not the last.
pub fn chunk_taken(octets: u64) -> String {
    format!("250 2.0.0 {octets} octets received\r\n")
}

/// The answer to a message that is durable.
pub fn accepted(receipt: &str) -> String {
    format!("250 2.0.0 Accepted as {receipt}\r\n")
}
