//! A chunked body (RFC 9112 7.1, RFC 3507 4.5) as it comes in. Sans I/O: nothing is held but what the caller's buffer holds.

use bytes::{Buf, Bytes, BytesMut};

use super::wire::Malformed;

/// What the body says next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing more can be said before more was received.
    Feed,
    /// Bytes of the body.
    Data(Bytes),
    /// The last chunk; behind a preview, whether the body is whole with it.
    End { whole: bool },
}

/// Reads chunks out of a buffer that grows at its end. What follows the last chunk stays in it.
#[derive(Debug)]
pub(crate) struct Chunks {
    at: At,
    /// What the preview may still bring; `None` where this is no preview.
    preview: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Size,
    /// Bytes of the chunk that are still to come.
    Data(u64),
    DataEnd,
    /// The empty line behind the last chunk.
    Last {
        whole: bool,
    },
    Ended {
        whole: bool,
    },
}

impl Chunks {
    /// A whole body, or what follows a preview.
    pub(crate) fn new() -> Self {
        Self { at: At::Size, preview: None }
    }

    /// A preview of at most `most` bytes.
    pub(crate) fn preview(most: u64) -> Self {
        Self { at: At::Size, preview: Some(most) }
    }

    /// The next step that the buffer allows.
    pub(crate) fn step(&mut self, buffer: &mut BytesMut) -> Result<Step, Malformed> {
        loop {
            match self.at {
                At::Size => {
                    let Some(line) = line(buffer, SIZE_LINE, Malformed::ChunkSize)? else { return Ok(Step::Feed) };
                    let (size, whole) = size(&line, self.preview.is_some())?;
                    if let Some(left) = &mut self.preview {
                        *left = left.checked_sub(size).ok_or(Malformed::PreviewTooLong)?;
                    }
                    self.at = if size == 0 { At::Last { whole } } else { At::Data(size) };
                }
                At::Data(left) => {
                    if buffer.is_empty() {
                        return Ok(Step::Feed);
                    }
                    let ready = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
                    let data = buffer.split_to(ready).freeze();
                    let left = left.saturating_sub(u64::try_from(ready).unwrap_or(u64::MAX));
                    self.at = if left == 0 { At::DataEnd } else { At::Data(left) };
                    return Ok(Step::Data(data));
                }
                At::DataEnd => {
                    if !ended(buffer, Malformed::ChunkEnd)? {
                        return Ok(Step::Feed);
                    }
                    self.at = At::Size;
                }
                At::Last { whole } => {
                    // Trailers are not asked for, and a proxy that knows none of them would pass what we did not see.
                    if !ended(buffer, Malformed::Trailer)? {
                        return Ok(Step::Feed);
                    }
                    self.at = At::Ended { whole };
                }
                At::Ended { whole } => return Ok(Step::End { whole }),
            }
        }
    }
}

/// Takes a line of at most `most` bytes, its CR LF not counted.
fn line(buffer: &mut BytesMut, most: usize, malformed: Malformed) -> Result<Option<BytesMut>, Malformed> {
    let Some(at) = buffer.iter().take(most.saturating_add(1)).position(|byte| matches!(byte, b'\r' | b'\n')) else {
        return if buffer.len() > most { Err(malformed) } else { Ok(None) };
    };
    match (buffer.get(at), buffer.get(at.saturating_add(1))) {
        (Some(b'\r'), Some(b'\n')) => {
            let line = buffer.split_to(at);
            buffer.advance(2);
            Ok(Some(line))
        }
        (Some(b'\r'), None) => Ok(None),
        _ => Err(malformed),
    }
}

/// Takes a CR LF and nothing else.
fn ended(buffer: &mut BytesMut, malformed: Malformed) -> Result<bool, Malformed> {
    match (buffer.first(), buffer.get(1)) {
        (None, _) | (Some(b'\r'), None) => Ok(false),
        (Some(b'\r'), Some(b'\n')) => {
            buffer.advance(2);
            Ok(true)
        }
        _ => Err(malformed),
    }
}

/// Size of a chunk, and whether the body is whole with it: a preview says so with `ieof`.
fn size(line: &[u8], preview: bool) -> Result<(u64, bool), Malformed> {
    let mut pieces = line.splitn(2, |byte| *byte == b';');
    let digits = pieces.next().unwrap_or_default();
    let extension = pieces.next();
    // The examples of RFC 3507 have a blank behind the semicolon, and some clients one before it.
    let digits = if extension.is_some() { digits.trim_ascii_end() } else { digits };
    if digits.is_empty() || digits.len() > SIZE_DIGITS || !digits.iter().all(u8::is_ascii_hexdigit) {
        return Err(Malformed::ChunkSize);
    }
    let size = std::str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
    let size = size.ok_or(Malformed::ChunkSize)?;
    match extension {
        None => Ok((size, !preview)),
        Some(extension) if preview && size == 0 && extension.trim_ascii() == b"ieof" => Ok((0, true)),
        Some(_) => Err(Malformed::ChunkExtension),
    }
}

/// Most digits of a size: 4 GiB in one chunk.
const SIZE_DIGITS: usize = 8;
/// Longest line with a size.
const SIZE_LINE: usize = 32;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The body, whether it ended and was the whole, and what is left on the wire.
    type Read = (Vec<u8>, Option<bool>, Vec<u8>);

    fn read(mut chunks: Chunks, wire: &[u8], piece: usize) -> Result<Read, Malformed> {
        let mut buffer = BytesMut::new();
        let mut body = Vec::new();
        let mut end = None;
        for piece in wire.chunks(piece) {
            buffer.extend_from_slice(piece);
            loop {
                match chunks.step(&mut buffer)? {
                    Step::Feed => break,
                    Step::Data(data) => body.extend_from_slice(&data),
                    Step::End { whole } => {
                        end = Some(whole);
                        break;
                    }
                }
            }
        }
        Ok((body, end, buffer.to_vec()))
    }

    #[test]
    fn a_body_is_the_same_whatever_the_pieces_and_the_next_request_stays() {
        let wire = b"5\r\nhello\r\n006\r\n world\r\n0\r\n\r\nOPTIONS";
        for piece in [1, 2, 3, 7, 100] {
            let (body, end, rest) = read(Chunks::new(), wire, piece).unwrap();
            assert_eq!((body.as_slice(), end, rest.as_slice()), (&b"hello world"[..], Some(true), &b"OPTIONS"[..]));
        }
        for length in 0..wire.len() - 7 {
            let (_, end, _) = read(Chunks::new(), &wire[..length], 3).unwrap();
            assert_eq!(end, None, "{length} bytes are no whole body");
        }
    }

    #[test]
    fn a_preview_says_whether_the_body_is_whole_with_it() {
        let check = |wire: &[u8], expect| assert_eq!(read(Chunks::preview(4), wire, 2).map(|read| read.1), expect);
        check(b"4\r\nabcd\r\n0\r\n\r\n", Ok(Some(false)));
        check(b"4\r\nabcd\r\n0; ieof\r\n\r\n", Ok(Some(true)));
        check(b"0;ieof\r\n\r\n", Ok(Some(true)));
        check(b"0\r\n\r\n", Ok(Some(false)));
        check(b"5\r\nabcde\r\n0\r\n\r\n", Err(Malformed::PreviewTooLong));
        check(b"4\r\nabcd\r\n1\r\ne\r\n0\r\n\r\n", Err(Malformed::PreviewTooLong));
    }

    #[test]
    fn sizes_that_two_readers_read_in_two_ways_are_refused() {
        for (wire, expect) in [
            (&b"+5\r\nhello\r\n"[..], Malformed::ChunkSize),
            (b" 5\r\nhello\r\n", Malformed::ChunkSize),
            (b"5 \r\nhello\r\n", Malformed::ChunkSize),
            (b"0x5\r\nhello\r\n", Malformed::ChunkSize),
            (b"-1\r\n", Malformed::ChunkSize),
            (b"\r\n", Malformed::ChunkSize),
            (b"5\nhello\r\n", Malformed::ChunkSize),
            (b"5\rhello\r\n", Malformed::ChunkSize),
            (b"100000000\r\n", Malformed::ChunkSize),
            (b"ffffffffffffffff1\r\n", Malformed::ChunkSize),
            (b"0000000000000000000000000000000000000000005\r\nhello", Malformed::ChunkSize),
            (b"5;a=b\r\nhello\r\n", Malformed::ChunkExtension),
            (b"5;\r\nhello\r\n", Malformed::ChunkExtension),
            (b"0; ieof\r\n\r\n", Malformed::ChunkExtension),
            (b"5\r\nhelloo\r\n", Malformed::ChunkEnd),
            (b"5\r\nhello\n0\r\n\r\n", Malformed::ChunkEnd),
            (b"0\r\nX: y\r\n\r\n", Malformed::Trailer),
        ] {
            assert_eq!(read(Chunks::new(), wire, 1).map(|_| ()), Err(expect), "{}", String::from_utf8_lossy(wire));
        }
        let extension = read(Chunks::preview(9), b"1; ieof\r\na\r\n", 1);
        assert_eq!(extension.map(|_| ()), Err(Malformed::ChunkExtension), "only the last chunk ends a body");
    }

    proptest! {
        #[test]
        fn what_is_written_in_chunks_is_read_back(
            body in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..12),
            piece in 1_usize..50,
        ) {
            let mut wire = Vec::new();
            for chunk in &body {
                wire.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
                wire.extend_from_slice(chunk);
                wire.extend_from_slice(b"\r\n");
            }
            wire.extend_from_slice(b"0\r\n\r\nnext");
            let (read, end, rest) = read(Chunks::new(), &wire, piece).unwrap();
            prop_assert_eq!(read, body.concat());
            prop_assert_eq!((end, rest.as_slice()), (Some(true), &b"next"[..]));
        }

        #[test]
        fn no_bytes_make_the_reader_fail_or_hold_more_than_a_line(
            wire in proptest::collection::vec(prop_oneof![
                Just(b'0'), Just(b'1'), Just(b'f'), Just(b'\r'), Just(b'\n'), Just(b';'), any::<u8>()
            ], 0..300),
            piece in 1_usize..20,
        ) {
            let _ = read(Chunks::new(), &wire, piece);
            let _ = read(Chunks::preview(16), &wire, piece);
        }
    }
}
