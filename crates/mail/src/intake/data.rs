//! The octets between 354 and the end of data (RFC 5321 section 4.1.1.4), and the count of trace fields among them.
//!
//! Data ends on CRLF.CRLF (or `.CRLF` as the very first line) and on nothing else. A bare CR or LF never ends anything: the
//! message that holds one is read to its true end and refused, so that no receiver behind us can see a second message in
//! it (SMTP smuggling, CVE-2023-51764).

use memchr::{memchr, memchr2};

/// Takes the transparency dots out of a DATA stream and finds its end.
#[derive(Debug)]
pub struct DataDecoder {
    state: State,
    line: u64,
    line_max: u64,
    fault: Option<DataFault>,
}

/// Why the data must be refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataFault {
    /// A CR or LF that is not part of a CRLF.
    BareLineEnd,
    /// A line longer than the limit.
    LineTooLong,
}

/// How far [`DataDecoder::push`] came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decoded {
    /// Octets of the input that belong to the data.
    pub consumed: usize,
    /// Whether the end of data was among them.
    pub end: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    LineStart,
    Text,
    /// After a CR inside or at the end of a line.
    Cr,
    /// After a dot at the start of a line; the dot is not part of the message.
    Dot,
    /// After that dot and a CR.
    DotCr,
}

impl DataDecoder {
    /// A decoder at the start of the data; lines hold at most `line_max` octets without their CRLF.
    pub fn new(line_max: u64) -> Self {
        Self { state: State::LineStart, line: 0, line_max, fault: None }
    }

    /// What must be refused, once it is known. From then on the decoder only looks for the end.
    pub fn fault(&self) -> Option<DataFault> {
        self.fault
    }

    /// Decodes the next octets into `out`, which gets nothing more after a fault.
    pub fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Decoded {
        let mut rest = input;
        // Octets from here to `rest` are text that was seen and not yet copied: lines are copied in runs, not one by one.
        let mut run = input;
        let copied = |run: &[u8], rest: &[u8], out: &mut Vec<u8>, faultless: bool| {
            if faultless {
                let length = run.len().saturating_sub(rest.len());
                out.extend_from_slice(run.get(..length).unwrap_or_default());
            }
        };
        loop {
            match self.state {
                State::LineStart => match rest.split_first() {
                    None => break,
                    Some((b'.', after)) => {
                        copied(run, rest, out, self.fault.is_none());
                        rest = after;
                        run = rest;
                        self.state = State::Dot;
                    }
                    Some(_) => self.state = State::Text,
                },
                State::Text => {
                    let at = memchr2(b'\r', b'\n', rest);
                    let length = at.unwrap_or(rest.len());
                    self.line = self.line.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
                    if self.line > self.line_max {
                        self.fault.get_or_insert(DataFault::LineTooLong);
                    }
                    match rest.get(length..).and_then(<[u8]>::split_first) {
                        None => {
                            rest = &[];
                            break;
                        }
                        Some((b'\r', after)) => {
                            rest = after;
                            self.state = State::Cr;
                        }
                        Some((_, after)) => {
                            self.bare();
                            rest = after;
                        }
                    }
                }
                State::Cr => match rest.split_first() {
                    None => break,
                    Some((b'\n', after)) => {
                        rest = after;
                        self.line = 0;
                        self.state = State::LineStart;
                    }
                    Some((b'\r', after)) => {
                        self.bare();
                        rest = after;
                    }
                    Some(_) => {
                        self.bare();
                        self.state = State::Text;
                    }
                },
                State::Dot => match rest.split_first() {
                    None => break,
                    Some((b'\r', after)) => {
                        // Kept back: it is text only if no LF follows, and then the message is refused anyway.
                        rest = after;
                        run = rest;
                        self.state = State::DotCr;
                    }
                    Some(_) => self.state = State::Text,
                },
                State::DotCr => match rest.split_first() {
                    None => break,
                    Some((b'\n', after)) => {
                        return Decoded { consumed: input.len().saturating_sub(after.len()), end: true };
                    }
                    Some((b'\r', after)) => {
                        self.bare();
                        rest = after;
                        self.state = State::Cr;
                    }
                    Some(_) => {
                        self.bare();
                        self.state = State::Text;
                    }
                },
            }
        }
        copied(run, rest, out, self.fault.is_none());
        Decoded { consumed: input.len(), end: false }
    }

    fn bare(&mut self) {
        self.fault.get_or_insert(DataFault::BareLineEnd);
    }
}

/// Counts `Received:` fields in the header section of a message, given in pieces of any size, and adds what `X-Misogi-Hops:` says of
/// those that a gateway has taken off. It knows lines and nothing else of a message: a folded continuation begins with a blank, so it
/// never looks like a field.
#[derive(Debug, Default)]
pub struct TraceCount {
    count: u32,
    body: bool,
    /// The first octets of the current line, as far as they may say anything.
    prefix: [u8; PREFIX],
    filled: usize,
    /// Octets of the current line before its LF.
    length: usize,
}

impl TraceCount {
    /// How many fields there were so far.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Looks at the next piece of the message.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while !self.body && !bytes.is_empty() {
            let end = memchr(b'\n', bytes);
            let part = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
            for (slot, byte) in self.prefix.iter_mut().skip(self.filled).zip(part) {
                *slot = *byte;
                self.filled = self.filled.saturating_add(1);
            }
            self.length = self.length.saturating_add(part.len());
            let Some(end) = end else { return };
            // The CR of the line's own CRLF is counted: an empty line is one octet long.
            self.body = self.length <= 1;
            self.count = self.count.saturating_add(hops(self.prefix.get(..self.filled).unwrap_or_default()));
            (self.filled, self.length) = (0, 0);
            bytes = bytes.get(end.saturating_add(1)..).unwrap_or_default();
        }
    }
}

/// The servers that a line of a header names.
fn hops(line: &[u8]) -> u32 {
    let is = |name: &[u8]| line.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    if is(FIELD) {
        return 1;
    }
    let value = line.get(HOPS.len()..).filter(|_| is(HOPS)).unwrap_or_default().trim_ascii();
    std::str::from_utf8(value).ok().and_then(|value| value.parse::<u16>().ok()).map_or(0, u32::from)
}

const FIELD: &[u8] = b"Received:";
const HOPS: &[u8] = b"X-Misogi-Hops:";
/// The longest line that says anything: the name above and a number of five digits.
const PREFIX: usize = 24;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LONG: u64 = 1 << 20;

    fn decode(input: &[u8]) -> (Vec<u8>, Option<usize>, Option<DataFault>) {
        let mut decoder = DataDecoder::new(LONG);
        let mut out = Vec::new();
        let decoded = decoder.push(input, &mut out);
        (out, decoded.end.then_some(decoded.consumed), decoder.fault())
    }

    fn check(input: &[u8], message: &[u8]) {
        assert_eq!(
            decode(input),
            (message.to_vec(), Some(input.len()), None),
            "{:?}",
            input.escape_ascii().to_string()
        );
    }

    #[test]
    fn data_ends_on_a_dot_alone_on_a_line() {
        check(b"a\r\n.\r\n", b"a\r\n");
        check(b".\r\n", b"");
        check(b"\r\n.\r\n", b"\r\n");
        check(b"a\r\n\r\n.\r\n", b"a\r\n\r\n");
        assert_eq!(decode(b"a\r\n.\r\nQUIT\r\n").1, Some(6));
    }

    #[test]
    fn leading_dots_are_unstuffed() {
        check(b"..\r\n.\r\n", b".\r\n");
        check(b"..a\r\na..b\r\n.c\r\n...\r\n.\r\n", b".a\r\na..b\r\nc\r\n..\r\n");
        check(b"a\0b\r\n.\r\n", b"a\0b\r\n");
    }

    #[test]
    fn only_crlf_dot_crlf_ends_data() {
        for input in [
            &b"a\n.\n"[..],
            b"a\n.\r",
            b"a\r.\n",
            b"a\r.\r",
            b"a\n.\r\n",
            b"a\r.\r\n",
            b"a\r\n\0.\r\n",
            b"a\r\n.\0\r\n",
            b"a\r\n.\r\r\n",
            b"a\r\n.\r\r\r\n",
            b"a\r\n.\n",
            b"a\r\n.\r",
            b".\n",
            b"\n.\r\n",
            b".\r\r\n",
        ] {
            assert_eq!(decode(input).1, None, "{:?}", input.escape_ascii().to_string());
        }
    }

    #[test]
    fn a_bare_line_end_is_a_fault_and_the_true_end_is_still_found() {
        for input in [
            &b"a\nb\r\n.\r\n"[..],
            b"a\rb\r\n.\r\n",
            b"a\r\r\n.\r\n",
            b"\n.\n\r\n.\r\n",
            b"a\r\n.\r\r\n.\r\n",
            b"a\r\n.\n\r\n.\r\n",
            b".\rx\r\n.\r\n",
            b"a\n.\r\nMAIL FROM:<>\r\n.\r\n",
        ] {
            let (_, end, fault) = decode(input);
            assert_eq!(
                (end, fault),
                (Some(input.len()), Some(DataFault::BareLineEnd)),
                "{:?}",
                input.escape_ascii().to_string()
            );
        }
    }

    #[test]
    fn lines_hold_at_the_limit_and_fail_one_beyond() {
        for (length, fault) in [(10, None), (11, Some(DataFault::LineTooLong))] {
            let mut decoder = DataDecoder::new(10);
            let line = [b"ok\r\n".to_vec(), vec![b'x'; length], b"\r\n.\r\n".to_vec()].concat();
            let mut out = Vec::new();
            assert!(line.chunks(3).any(|piece| decoder.push(piece, &mut out).end));
            assert_eq!(decoder.fault(), fault);
        }
    }

    #[test]
    fn trace_fields_are_counted_in_the_header_only() {
        let message =
            b"Received: a\r\n\tReceived: folded\r\nreceived:b\r\nX-Received: c\r\nReceived\r\n\r\nReceived: body\r\n";
        for size in 1..message.len() {
            let mut trace = TraceCount::default();
            message.chunks(size).for_each(|piece| trace.push(piece));
            assert_eq!(trace.count(), 2, "pieces of {size}");
        }
        let message = b"x-misogi-hops: 48\r\nReceived: a\r\nX-Misogi-Hops: x\r\nX-Misogi-Hops: 999999\r\n\r\n";
        for size in 1..message.len() {
            let mut trace = TraceCount::default();
            message.chunks(size).for_each(|piece| trace.push(piece));
            assert_eq!(trace.count(), 49, "pieces of {size}");
        }
    }

    /// The definition of RFC 5321, written down as slowly as it reads.
    fn slow(input: &[u8]) -> Option<(Vec<u8>, usize)> {
        let mut message = Vec::new();
        let mut at = 0;
        loop {
            let line_end = at + input[at..].windows(2).position(|w| w == b"\r\n")?;
            let line = &input[at..line_end];
            at = line_end + 2;
            if line == b"." {
                return Some((message, at));
            }
            message.extend_from_slice(line.strip_prefix(b".").unwrap_or(line));
            message.extend_from_slice(b"\r\n");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn pieces_and_the_definition_agree(
            pieces in prop::collection::vec(prop::collection::vec(prop::sample::select(b"\r\n\r\n..a\0".to_vec()), 0..6), 0..12)
        ) {
            let input = pieces.concat();
            let mut decoder = DataDecoder::new(LONG);
            let mut out = Vec::new();
            let mut end = None;
            let mut before = 0;
            for piece in &pieces {
                let decoded = decoder.push(piece, &mut out);
                if decoded.end {
                    end = Some(before + decoded.consumed);
                    break;
                }
                prop_assert_eq!(decoded.consumed, piece.len());
                before += piece.len();
            }
            let expected = slow(&input);
            prop_assert_eq!(end, expected.as_ref().map(|(_, at)| *at));
            if let Some((message, at)) = expected {
                let bare = !crate::line_ends::canonical(&input[..at]);
                prop_assert_eq!(decoder.fault().is_some(), bare);
                if !bare {
                    prop_assert_eq!(out, message);
                }
            }
        }

        #[test]
        fn what_a_client_stuffs_comes_out_again(lines in prop::collection::vec("[.a ]{0,6}", 0..10), size in 1usize..20) {
            let message: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
            let stuffed: String = lines.iter().map(|l| if l.starts_with('.') { format!(".{l}\r\n") } else { format!("{l}\r\n") }).collect();
            let wire = format!("{stuffed}.\r\n");
            let mut decoder = DataDecoder::new(LONG);
            let mut out = Vec::new();
            let ends: Vec<bool> = wire.as_bytes().chunks(size).map(|piece| decoder.push(piece, &mut out).end).collect();
            prop_assert_eq!(ends.iter().position(|e| *e), Some(ends.len() - 1));
            prop_assert_eq!(String::from_utf8(out).unwrap(), message);
        }
    }
}
