//! PackBits (TIFF 6.0, section 9), which PDF calls RunLength (ISO 32000-1, 7.4.5): runs of one value, and stretches as they are.

/// What the code stands for that is neither the length of a stretch nor that of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code128 {
    /// Nothing, as in TIFF.
    Nothing,
    /// The end of the data, as in PDF.
    End,
}

/// Appends at most `most` bytes of what is packed. Where it breaks off, what is there is taken.
pub(crate) fn unpack(mut packed: &[u8], code_128: Code128, most: usize, out: &mut Vec<u8>) {
    let end = out.len().saturating_add(most);
    while let Some((count, behind)) = packed.split_first()
        && out.len() < end
    {
        let room = end.saturating_sub(out.len());
        match count {
            0..=127 => {
                let (run, behind) = behind.split_at(behind.len().min(usize::from(*count).saturating_add(1)));
                out.extend(run.iter().take(room));
                packed = behind;
            }
            128 if code_128 == Code128::End => return,
            128 => packed = behind,
            _ => {
                let Some((value, behind)) = behind.split_first() else { return };
                let times = 257_usize.saturating_sub(usize::from(*count)).min(room);
                out.resize(out.len().saturating_add(times), *value);
                packed = behind;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Apple's Technical Note TN1023, with the code 128 put into it.
    #[test]
    fn the_published_example_is_unpacked_and_128_means_what_its_format_says() {
        let packed = [0xFE, 0xAA, 0x02, 0x80, 0x00, 0x2A, 0x80, 0xFD, 0xAA, 0x03, 0x80, 0x00, 0x2A, 0x22, 0xF7, 0xAA];
        let begin = [0xAA, 0xAA, 0xAA, 0x80, 0x00, 0x2A];
        let whole = [&begin[..], &[0xAA; 4], &[0x80, 0x00, 0x2A, 0x22], &[0xAA; 10]].concat();
        for (code, most, expected) in [
            (Code128::Nothing, 100, &whole[..]),
            (Code128::End, 100, &begin),
            (Code128::Nothing, 23, &whole[..23]),
            (Code128::Nothing, 12, &whole[..12]),
        ] {
            let mut out = vec![1];
            unpack(&packed, code, most, &mut out);
            assert_eq!(out[1..], *expected, "{code:?} {most}");
        }
    }
}
