//! The text of a message that Outlook keeps as compressed RTF ([MS-OXRTFCP]): unpacked, then brought back to the HTML or plain
//! text that it was made of ([MS-OXRTFEX]), or read as text where it is nothing but RTF.

use super::rtf_text;

/// What the RTF holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Body {
    Html(String),
    Plain(String),
}

/// The body of a compressed RTF; `None` where it cannot be unpacked or is empty.
pub(super) fn body(packed: &[u8], codepage: u16) -> Option<Body> {
    let rtf = unpack(packed)?;
    let read = rtf_text::read(&rtf, codepage);
    if read.text.trim().is_empty() {
        return None;
    }
    Some(if read.html { Body::Html(read.text) } else { Body::Plain(read.text) })
}

/// Undoes the compression. What breaks off gives what came before.
fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let u32_at = |at: usize| Some(u32::from_le_bytes(packed.get(at..at.checked_add(4)?)?.try_into().ok()?));
    let raw_size = usize::try_from(u32_at(4)?).ok()?;
    let content = packed.get(16..)?;
    match u32_at(8)? {
        STORED => Some(content.get(..raw_size.min(content.len()))?.to_vec()),
        COMPRESSED => Some(lzfu(content, raw_size)),
        _ => None,
    }
}

/// LZ77 over a window of 4 KiB that begins filled. A reference of two bytes gives seventeen at most, so the output is bounded by the
/// input.
fn lzfu(content: &[u8], raw_size: usize) -> Vec<u8> {
    let mut window = [0_u8; WINDOW];
    for (slot, byte) in window.iter_mut().zip(PREFILL) {
        *slot = *byte;
    }
    let mut write = PREFILL.len();
    let mut out = Vec::new();
    let mut input = content.iter().copied();
    let mut put = |out: &mut Vec<u8>, window: &mut [u8; WINDOW], byte: u8| {
        out.push(byte);
        if let Some(slot) = window.get_mut(write) {
            *slot = byte;
        }
        write = (write + 1) % WINDOW;
        write
    };
    let mut at = PREFILL.len();
    while let Some(control) = input.next() {
        for bit in 0..8 {
            if out.len() >= raw_size {
                return out;
            }
            if control >> bit & 1 == 0 {
                let Some(byte) = input.next() else { return out };
                at = put(&mut out, &mut window, byte);
                continue;
            }
            let (Some(high), Some(low)) = (input.next(), input.next()) else { return out };
            let reference = u16::from_be_bytes([high, low]);
            let (mut from, len) = (usize::from(reference >> 4), usize::from(reference & 0xF) + 2);
            // A reference to the place that is written next ends the stream.
            if from == at {
                return out;
            }
            for _ in 0..len {
                let byte = window.get(from).copied().unwrap_or_default();
                at = put(&mut out, &mut window, byte);
                from = (from + 1) % WINDOW;
            }
        }
    }
    out
}

const STORED: u32 = 0x414C_454D;
const COMPRESSED: u32 = 0x7546_5A4C;
const WINDOW: usize = 4_096;
/// [MS-OXRTFCP] 2.1.2.1.
const PREFILL: &[u8] = b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_specification_unpacks() {
        // [MS-OXRTFCP] 3.1.1.
        let packed = [
            0x2d, 0x00, 0x00, 0x00, 0x2b, 0x00, 0x00, 0x00, 0x4c, 0x5a, 0x46, 0x75, 0xf1, 0xc5, 0xc7, 0xa7, 0x03, 0x00,
            0x0a, 0x00, 0x72, 0x63, 0x70, 0x67, 0x31, 0x32, 0x35, 0x42, 0x32, 0x0a, 0xf3, 0x20, 0x68, 0x65, 0x6c, 0x09,
            0x00, 0x20, 0x62, 0x77, 0x05, 0xb0, 0x6c, 0x64, 0x7d, 0x0a, 0x80, 0x0f, 0xa0,
        ];
        assert_eq!(unpack(&packed).unwrap(), b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n");
        assert_eq!(body(&packed, 0), Some(Body::Plain("hello world".to_owned())));
    }

    #[test]
    fn html_is_taken_out_of_the_rtf_around_it() {
        // After the example of [MS-OXRTFEX] 4.1.
        let rtf = b"{\\rtf1\\ansi\\ansicpg932\\fromhtml1 {\\*\\htmltag18 <html>}{\\*\\htmltag50 <body>}\\htmlrtf {\\f0 \\htmlrtf0 \
            \\'93\\'fa\\'96\\'7b {\\*\\htmltag84 <b>}\\htmlrtf \\b \\htmlrtf0 bold\\u12354 ?{\\*\\htmltag92 </b>}{\\*\\htmltag58 </body>}}";
        let mut packed = vec![0; 16];
        packed[4..8].copy_from_slice(&u32::try_from(rtf.len()).unwrap().to_le_bytes());
        packed[8..12].copy_from_slice(&STORED.to_le_bytes());
        packed.extend_from_slice(rtf);
        assert_eq!(body(&packed, 0), Some(Body::Html("<html><body>日本 <b>boldあ</b></body>".to_owned())));
    }

    #[test]
    fn any_bytes_unpack_to_something_bounded() {
        let mut packed = vec![0xFF; 5_000];
        packed[8..12].copy_from_slice(&COMPRESSED.to_le_bytes());
        assert!(unpack(&packed).unwrap().len() <= 5_000 * 9);
    }
}
