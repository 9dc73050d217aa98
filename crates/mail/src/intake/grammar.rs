//! The grammar of SMTP commands: one line of bytes in, one command or one named error out. No I/O.
//!
//! Strict where other implementations are not, because a line that two programs read differently is an attack. Each leniency
//! names who needs it. The line reader ends a command on CRLF and on nothing else; a bare CR or LF, a NUL and octets outside
//! ASCII (unless SMTPUTF8 was asked for on the same line) make the command an error.

use crate::address::{Address, AddressError, Charset};

/// One SMTP command with its arguments checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// `HELO name`.
    Helo(&'a str),
    /// `EHLO name`.
    Ehlo(&'a str),
    /// `MAIL FROM:<path> parameters`; `None` is the null reverse path `<>`.
    Mail(Option<Address>, MailParameters),
    /// `RCPT TO:<path>`.
    Rcpt(Recipient),
    /// `DATA`.
    Data,
    /// `BDAT octets [LAST]` (RFC 3030).
    Bdat(Chunk),
    /// `RSET`.
    Rset,
    /// `NOOP [text]`.
    Noop,
    /// `VRFY text`.
    Vrfy,
    /// `HELP [text]`.
    Help,
    /// `STARTTLS` (RFC 3207).
    StartTls,
    /// `QUIT`.
    Quit,
}

/// The forward path of a RCPT command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recipient {
    /// An address.
    Address(Address),
    /// `<postmaster>` without a domain, which every server must take (RFC 5321 section 4.5.1).
    Postmaster,
}

/// The parameters of a MAIL command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MailParameters {
    /// `SIZE=octets` (RFC 1870).
    pub size: Option<u64>,
    /// `BODY=7BIT` or `BODY=8BITMIME` (RFC 6152).
    pub body: Option<Body>,
    /// `SMTPUTF8` (RFC 6531).
    pub smtputf8: bool,
}

/// What the sender says of the octets of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// ASCII only.
    SevenBit,
    /// Octets above 127 in lines.
    EightBit,
}

/// The announcement of one BDAT chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// How many octets follow the command's CRLF.
    pub octets: u64,
    /// Whether the message is complete after this chunk.
    pub last: bool,
}

/// Why a line is not a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The line holds a bare CR or LF, or a NUL.
    #[error("the line holds a control character that no command may hold")]
    Control,
    /// The line is longer than its command allows.
    #[error("the line is too long")]
    TooLong,
    /// The line begins with something that no SMTP client sends: another protocol is speaking.
    #[error("the line is of another protocol")]
    Foreign,
    /// The verb is not known.
    #[error("the command is unknown")]
    Unknown,
    /// The verb is known and not offered.
    #[error("the command is not offered")]
    NotOffered,
    /// The line holds octets outside ASCII without SMTPUTF8, or they are no UTF-8.
    #[error("the line is not ASCII")]
    NotAscii,
    /// The command takes no argument and has one.
    #[error("the command takes no argument")]
    Argument,
    /// The argument is missing or malformed.
    #[error("the argument is malformed")]
    Syntax,
    /// The reverse path is malformed.
    #[error("the sender address is malformed")]
    Sender(AddressError),
    /// The forward path is malformed.
    #[error("the recipient address is malformed")]
    Recipient(AddressError),
    /// A parameter is not known or was not offered.
    #[error("the parameter is unknown")]
    ParameterUnknown,
    /// A parameter's value is malformed or out of range, or the parameter is given twice.
    #[error("the parameter is malformed")]
    ParameterValue,
    /// The number of a BDAT command is malformed: how many octets follow is not known, so the dialogue cannot go on.
    #[error("the chunk size is malformed")]
    ChunkSize,
}

/// What the start of the receive buffer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line, without its CRLF; `consumed` counts the CRLF.
    Complete {
        /// The octets before the CRLF.
        line: &'a [u8],
        /// How many octets of the buffer the line takes.
        consumed: usize,
    },
    /// No CRLF yet.
    Partial,
    /// A CR, LF or NUL stands where none may stand: the peer and we could disagree about where lines end.
    Control,
    /// No CRLF within [`LINE_MAX`] octets.
    TooLong,
}

/// Finds the next command line in the receive buffer.
pub fn next_line(buffer: &[u8]) -> Line<'_> {
    let window = buffer.get(..LINE_MAX).unwrap_or(buffer);
    let end = window.iter().position(|b| matches!(b, b'\r' | b'\n' | 0));
    match end.map(|at| (at, window.get(at..).unwrap_or_default())) {
        Some((at, [b'\r', b'\n', ..])) => {
            Line::Complete { line: window.get(..at).unwrap_or_default(), consumed: at.saturating_add(2) }
        }
        Some((_, [b'\r'])) if window.len() < LINE_MAX => Line::Partial,
        Some((_, [b'\r'])) => Line::TooLong,
        Some(_) => Line::Control,
        None if window.len() < LINE_MAX => Line::Partial,
        None => Line::TooLong,
    }
}

/// Reads one command from a line without its CRLF.
///
/// # Errors
/// [`CommandError`]: what of it is not understood, which decides the reply.
pub fn parse(line: &[u8]) -> Result<Command<'_>, CommandError> {
    if line.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)) {
        return Err(CommandError::Control);
    }
    if !line.first().is_some_and(u8::is_ascii_alphabetic) {
        return Err(if line.is_empty() { CommandError::Unknown } else { CommandError::Foreign });
    }
    let text = std::str::from_utf8(line).map_err(|_| CommandError::NotAscii)?;
    // RFC 5321 section 4.1.1: "SHOULD tolerate trailing white space"; a blank after DATA or QUIT is common in hand-made clients.
    let text = text.trim_end_matches(' ');
    let (verb, argument) = match text.split_once(' ') {
        Some((verb, argument)) => (verb, Some(argument)),
        None => (text, None),
    };
    let long_line = line.len().saturating_add(2) > COMMAND_LINE_MAX;
    let is = |name: &str| verb.eq_ignore_ascii_case(name);
    if is("MAIL") {
        let (sender, parameters) = mail(argument.ok_or(CommandError::Syntax)?)?;
        return Ok(Command::Mail(sender, parameters));
    }
    if is("RCPT") {
        return if long_line { Err(CommandError::TooLong) } else { rcpt(argument.ok_or(CommandError::Syntax)?) };
    }
    if FOREIGN.iter().any(|name| is(name)) {
        return Err(CommandError::Foreign);
    }
    if long_line {
        return Err(CommandError::TooLong);
    }
    if !text.is_ascii() || text.bytes().any(|b| b.is_ascii_control()) {
        return Err(CommandError::NotAscii);
    }
    if is("EHLO") {
        hello(argument).map(Command::Ehlo)
    } else if is("HELO") {
        hello(argument).map(Command::Helo)
    } else if is("BDAT") {
        bdat(argument.ok_or(CommandError::ChunkSize)?).map(Command::Bdat)
    } else if is("NOOP") {
        Ok(Command::Noop)
    } else if is("HELP") {
        Ok(Command::Help)
    } else if is("VRFY") {
        argument.map(|_| Command::Vrfy).ok_or(CommandError::Syntax)
    } else if let Some((_, command)) = BARE.iter().find(|(name, _)| is(name)) {
        if argument.is_none() { Ok(command.clone()) } else { Err(CommandError::Argument) }
    } else if NOT_OFFERED.iter().any(|name| is(name)) {
        Err(CommandError::NotOffered)
    } else {
        Err(CommandError::Unknown)
    }
}

fn hello(argument: Option<&str>) -> Result<&str, CommandError> {
    let name = argument.ok_or(CommandError::Syntax)?;
    // A domain, an address literal, or what Windows and older Japanese networks call a host (underscores). Nothing that
    // could open a comment or a second token in the trace header, where the name is written down.
    let sound = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    if name.len() <= HELLO_MAX && !name.is_empty() && name.bytes().all(sound) {
        Ok(name)
    } else {
        Err(CommandError::Syntax)
    }
}

fn mail(argument: &str) -> Result<(Option<Address>, MailParameters), CommandError> {
    let path = after_keyword(argument, "FROM:")?;
    // The parameters are read first in their own right: SMTPUTF8 decides how the path before them may be read.
    let ascii = argument.is_ascii();
    let (sender, rest) = match path.strip_prefix("<>") {
        Some(rest) => (None, rest),
        None => {
            let (address, rest) = bracketed(path, Charset::Utf8).map_err(CommandError::Sender)?;
            (Some(address), rest)
        }
    };
    let parameters = mail_parameters(rest)?;
    if !ascii && (!parameters.smtputf8 || !rest.is_ascii()) {
        return Err(CommandError::NotAscii);
    }
    Ok((sender, parameters))
}

fn rcpt(argument: &str) -> Result<Command<'_>, CommandError> {
    let path = after_keyword(argument, "TO:")?;
    let (recipient, rest) = match path.get(..12).filter(|p| p.eq_ignore_ascii_case("<postmaster>")) {
        Some(_) => (Recipient::Postmaster, path.get(12..).unwrap_or_default()),
        None => {
            // Whether the transaction is SMTPUTF8 is the session's knowledge: it refuses what this lets through.
            let (address, rest) = bracketed(path, Charset::Utf8).map_err(CommandError::Recipient)?;
            (Recipient::Address(address), rest)
        }
    };
    match rest.strip_prefix(' ') {
        None if rest.is_empty() => Ok(Command::Rcpt(recipient)),
        None => Err(CommandError::Syntax),
        // DSN (RFC 3461) is not offered, so no RCPT parameter is.
        Some(_) => Err(CommandError::ParameterUnknown),
    }
}

/// Blanks between the colon and the path are against RFC 5321, but printers and hand-made senders write `FROM: <a@b>`.
/// They cannot shift the meaning of anything, as the path must still begin with its bracket.
fn after_keyword<'a>(argument: &'a str, keyword: &str) -> Result<&'a str, CommandError> {
    let head = argument.get(..keyword.len()).ok_or(CommandError::Syntax)?;
    if !head.eq_ignore_ascii_case(keyword) {
        return Err(CommandError::Syntax);
    }
    Ok(argument.get(keyword.len()..).unwrap_or_default().trim_start_matches(' '))
}

/// `<address>`, or `<@relay,@relay:address>` whose route RFC 5321 section 4.1.1.3 says to accept and ignore.
fn bracketed(path: &str, charset: Charset) -> Result<(Address, &str), AddressError> {
    let mut inner = path.strip_prefix('<').ok_or(AddressError::Local)?;
    if inner.starts_with('@') {
        loop {
            let relay = inner.strip_prefix('@').ok_or(AddressError::Local)?;
            let end = relay.find([',', ':']).ok_or(AddressError::Local)?;
            let (name, rest) = relay.split_at(end);
            Address::postmaster(name)?;
            match rest.strip_prefix(',') {
                Some(next) => inner = next,
                None => {
                    inner = rest.get(1..).unwrap_or_default();
                    break;
                }
            }
        }
    }
    let (address, rest) = Address::parse_prefix(inner, charset)?;
    Ok((address, rest.strip_prefix('>').ok_or(AddressError::Trailing)?))
}

fn mail_parameters(text: &str) -> Result<MailParameters, CommandError> {
    let mut parameters = MailParameters::default();
    let Some(list) = text.strip_prefix(' ') else {
        return if text.is_empty() { Ok(parameters) } else { Err(CommandError::Syntax) };
    };
    for parameter in list.split(' ') {
        let (name, value) = match parameter.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (parameter, None),
        };
        let twice = if name.eq_ignore_ascii_case("SIZE") {
            let octets = number(value.unwrap_or_default()).ok_or(CommandError::ParameterValue)?;
            parameters.size.replace(octets).is_some()
        } else if name.eq_ignore_ascii_case("BODY") {
            let body = match value {
                Some(v) if v.eq_ignore_ascii_case("7BIT") => Body::SevenBit,
                Some(v) if v.eq_ignore_ascii_case("8BITMIME") => Body::EightBit,
                // BINARYMIME is not offered: it would let bare CR and LF in.
                _ => return Err(CommandError::ParameterValue),
            };
            parameters.body.replace(body).is_some()
        } else if name.eq_ignore_ascii_case("SMTPUTF8") {
            if value.is_some() {
                return Err(CommandError::ParameterValue);
            }
            std::mem::replace(&mut parameters.smtputf8, true)
        } else {
            return Err(CommandError::ParameterUnknown);
        };
        if twice {
            return Err(CommandError::ParameterValue);
        }
    }
    Ok(parameters)
}

fn bdat(argument: &str) -> Result<Chunk, CommandError> {
    let (octets, last) = match argument.split_once(' ') {
        Some((octets, word)) if word.eq_ignore_ascii_case("LAST") => (octets, true),
        Some(_) => return Err(CommandError::ChunkSize),
        None => (argument, false),
    };
    Ok(Chunk { octets: number(octets).ok_or(CommandError::ChunkSize)?, last })
}

/// 1 to 20 digits that fit 64 bits. smtp-proto drops the digits that do not fit, which lets the octets of a chunk be read as
/// commands.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || text.len() > NUMBER_DIGITS_MAX || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Longest command line with its CRLF (RFC 5321 section 4.5.3.1.4).
pub const COMMAND_LINE_MAX: usize = 512;

/// Longest MAIL line with its CRLF: 26 octets more for SIZE (RFC 1870), 17 for BODY (RFC 6152), 10 for SMTPUTF8 (RFC 6531).
pub const LINE_MAX: usize = COMMAND_LINE_MAX + 26 + 17 + 10;

const HELLO_MAX: usize = 255;
const NUMBER_DIGITS_MAX: usize = 20;

/// Commands without arguments. "STARTTLS foo" and "DATA foo" are accepted by others; a second reading of one line.
const BARE: [(&str, Command<'static>); 4] =
    [("DATA", Command::Data), ("RSET", Command::Rset), ("QUIT", Command::Quit), ("STARTTLS", Command::StartTls)];

const NOT_OFFERED: [&str; 11] =
    ["AUTH", "EXPN", "ETRN", "ATRN", "BURL", "LHLO", "TURN", "SEND", "SOML", "SAML", "XCLIENT"];

/// First words of HTTP: a browser was tricked into posting to this port (ALPACA, Postfix `smtpd_forbidden_commands`).
const FOREIGN: [&str; 8] = ["GET", "POST", "PUT", "HEAD", "CONNECT", "OPTIONS", "DELETE", "PATCH"];

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text, Charset::Utf8).unwrap()
    }

    fn check(line: &str, expected: Command<'_>) {
        assert_eq!(parse(line.as_bytes()), Ok(expected), "{line:?}");
    }

    fn refuse(line: &str, expected: CommandError) {
        assert_eq!(parse(line.as_bytes()), Err(expected), "{line:?}");
    }

    #[test]
    fn commands_are_read_in_any_case() {
        check("HELO host", Command::Helo("host"));
        check("ehlo mx1.example.jp", Command::Ehlo("mx1.example.jp"));
        check("EHLO [192.0.2.1]", Command::Ehlo("[192.0.2.1]"));
        check("EHLO [IPv6:2001:db8::1]", Command::Ehlo("[IPv6:2001:db8::1]"));
        check("EHLO MY_PC", Command::Ehlo("MY_PC"));
        check("DATA", Command::Data);
        check("data ", Command::Data);
        check("RSET", Command::Rset);
        check("QUIT", Command::Quit);
        check("STARTTLS", Command::StartTls);
        check("NOOP", Command::Noop);
        check("NOOP anything at all", Command::Noop);
        check("HELP", Command::Help);
        check("HELP MAIL", Command::Help);
        check("VRFY taro", Command::Vrfy);
        check("BDAT 0", Command::Bdat(Chunk { octets: 0, last: false }));
        check("BDAT 86 LAST", Command::Bdat(Chunk { octets: 86, last: true }));
        check("bdat 007 last", Command::Bdat(Chunk { octets: 7, last: true }));
        check("BDAT 18446744073709551615", Command::Bdat(Chunk { octets: u64::MAX, last: false }));
    }

    #[test]
    fn reverse_paths_carry_their_parameters() {
        let none = MailParameters::default();
        check("MAIL FROM:<>", Command::Mail(None, none));
        check("MAIL FROM:<a@example.jp>", Command::Mail(Some(address("a@example.jp")), none));
        check("mail from: <a@example.jp>", Command::Mail(Some(address("a@example.jp")), none));
        check("MAIL FROM:<taro.@docomo.ne.jp>", Command::Mail(Some(address("taro.@docomo.ne.jp")), none));
        check(r#"MAIL FROM:<"a>b c"@example.jp>"#, Command::Mail(Some(address(r#""a>b c"@example.jp"#)), none));
        check(
            "MAIL FROM:<@relay.example,@r2.example:a@example.jp>",
            Command::Mail(Some(address("a@example.jp")), none),
        );
        check(
            "MAIL FROM:<a@example.jp> SIZE=1234 body=8bitmime",
            Command::Mail(
                Some(address("a@example.jp")),
                MailParameters { size: Some(1234), body: Some(Body::EightBit), smtputf8: false },
            ),
        );
        check(
            "MAIL FROM:<太郎@例え.jp> SMTPUTF8 BODY=7BIT",
            Command::Mail(
                Some(address("太郎@例え.jp")),
                MailParameters { size: None, body: Some(Body::SevenBit), smtputf8: true },
            ),
        );
    }

    #[test]
    fn forward_paths_are_addresses_or_the_postmaster() {
        check("RCPT TO:<a@example.jp>", Command::Rcpt(Recipient::Address(address("a@example.jp"))));
        check("RCPT TO:<.taro..x.@docomo.ne.jp>", Command::Rcpt(Recipient::Address(address(".taro..x.@docomo.ne.jp"))));
        check("RCPT TO:<Postmaster>", Command::Rcpt(Recipient::Postmaster));
        refuse("RCPT TO:<>", CommandError::Recipient(AddressError::Local));
        refuse("RCPT TO:<a>", CommandError::Recipient(AddressError::Local));
        refuse("RCPT TO:<a@example.jp> NOTIFY=NEVER", CommandError::ParameterUnknown);
        refuse("RCPT TO:<a@example.jp>x", CommandError::Syntax);
    }

    #[test]
    fn lines_that_others_accept_are_refused() {
        use CommandError::*;
        for (line, error) in [
            ("", Unknown),
            ("  DATA", Foreign),
            ("\u{16}\u{3}\u{1}", Foreign),
            (".", Foreign),
            ("GET / HTTP/1.1", Foreign),
            ("POST / HTTP/1.1", Foreign),
            ("DATA foo", Argument),
            ("RSET foo", Argument),
            ("QUIT now", Argument),
            ("STARTTLS foo", Argument),
            ("DATA\r", Control),
            ("RCPT TO:<a\r@b>", Control),
            ("RCPT TO:<a\n@b>", Control),
            ("NOOP \u{0}", Control),
            ("NOOP \u{7}", NotAscii),
            ("NOOP 日本", NotAscii),
            ("EHLO", Syntax),
            ("EHLO a b", Syntax),
            ("EHLO a(b", Syntax),
            ("EHLO ホスト", NotAscii),
            ("VRFY", Syntax),
            ("MAIL", Syntax),
            ("MAIL FROM", Syntax),
            ("MAIL TO:<a@b>", Syntax),
            ("MAIL FROM:a@example.jp", Sender(AddressError::Local)),
            ("MAIL FROM:<a@example.jp", Sender(AddressError::Trailing)),
            ("MAIL FROM:<a@example.jp>SIZE=1", Syntax),
            ("MAIL FROM:<a@example.jp>  SIZE=1", ParameterUnknown),
            ("MAIL FROM:<a@example.jp> SIZE=", ParameterValue),
            ("MAIL FROM:<a@example.jp> SIZE", ParameterValue),
            ("MAIL FROM:<a@example.jp> SIZE=-1", ParameterValue),
            ("MAIL FROM:<a@example.jp> SIZE=18446744073709551616", ParameterValue),
            ("MAIL FROM:<a@example.jp> SIZE=99999999999999999999999", ParameterValue),
            ("MAIL FROM:<a@example.jp> SIZE=1 SIZE=2", ParameterValue),
            ("MAIL FROM:<a@example.jp> SMTPUTF8 SMTPUTF8", ParameterValue),
            ("MAIL FROM:<a@example.jp> SMTPUTF8=1", ParameterValue),
            ("MAIL FROM:<a@example.jp> BODY=BINARYMIME", ParameterValue),
            ("MAIL FROM:<a@example.jp> RET=FULL", ParameterUnknown),
            ("MAIL FROM:<a@example.jp> AUTH=<>", ParameterUnknown),
            ("MAIL FROM:<太郎@example.jp>", NotAscii),
            ("MAIL FROM:<@relay a@example.jp>", Sender(AddressError::Local)),
            ("BDAT", ChunkSize),
            ("BDAT x", ChunkSize),
            ("BDAT -1", ChunkSize),
            ("BDAT +1", ChunkSize),
            ("BDAT  1", ChunkSize),
            ("BDAT 1 LAST LAST", ChunkSize),
            ("BDAT 1 FIRST", ChunkSize),
            ("BDAT 18446744073709551616", ChunkSize),
            ("BDAT 99999999999999999999999", ChunkSize),
            ("BDAT 000000000000000000001", ChunkSize),
            ("AUTH PLAIN AGEAYg==", NotOffered),
            ("EXPN list", NotOffered),
            ("FOO", Unknown),
            ("DATAX", Unknown),
        ] {
            refuse(line, error);
        }
        assert_eq!(parse(b"MAIL FROM:<\xff@example.jp> SMTPUTF8"), Err(NotAscii));
        // Trailing blanks are tolerated, other trailing white space is not.
        refuse("DATA\t", NotAscii);
    }

    #[test]
    fn line_lengths_hold_at_the_limit_and_fail_one_beyond() {
        let noop = |total: usize| format!("NOOP {}", "x".repeat(total - 2 - 5));
        check(&noop(COMMAND_LINE_MAX), Command::Noop);
        refuse(&noop(COMMAND_LINE_MAX + 1), CommandError::TooLong);
        let mut line = noop(LINE_MAX).into_bytes();
        line.extend_from_slice(b"\r\n");
        assert!(matches!(next_line(&line), Line::Complete { consumed: LINE_MAX, .. }));
        line.insert(5, b'x');
        assert_eq!(next_line(&line), Line::TooLong);
        assert_eq!(next_line(&line[..LINE_MAX]), Line::TooLong);
        assert_eq!(next_line(&line[..LINE_MAX - 1]), Line::Partial);
        let name = "x".repeat(255);
        check(&format!("EHLO {name}"), Command::Ehlo(&name));
        refuse(&format!("EHLO x{name}"), CommandError::Syntax);
    }

    #[test]
    fn a_line_ends_on_crlf_and_on_nothing_else() {
        assert_eq!(next_line(b"NOOP\r\nQUIT\r\n"), Line::Complete { line: b"NOOP", consumed: 6 });
        assert_eq!(next_line(b"\r\n"), Line::Complete { line: b"", consumed: 2 });
        assert_eq!(next_line(b"NOOP"), Line::Partial);
        assert_eq!(next_line(b"NOOP\r"), Line::Partial);
        for control in [&b"NOOP\n"[..], b"NOOP\rQUIT\r\n", b"NOOP\r\r\n", b"NO\0OP\r\n", b"\n\r\n"] {
            assert_eq!(next_line(control), Line::Control, "{control:?}");
        }
    }
}
