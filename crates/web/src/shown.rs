//! Outside text as it is shown: what the eye would not see is written out.
//!
//! HTML escaping is askama's work and happens after this. This makes visible what escaping leaves alone: controls,
//! direction overrides (`annexe` + U+202E + `fdp.exe` reads as a PDF) and characters without width.

/// The text with every invisible or direction-changing character written as `⟦U+202E⟧`, cut at [`SHOWN_CHARACTERS`].
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (count, character) in text.chars().enumerate() {
        if count >= SHOWN_CHARACTERS {
            out.push('…');
            break;
        }
        if hidden(character) {
            out.push_str(&format!("⟦U+{:04X}⟧", u32::from(character)));
        } else {
            out.push(character);
        }
    }
    out
}

fn hidden(character: char) -> bool {
    character.is_control()
        || matches!(u32::from(character),
            0x00AD | 0x034F | 0x061C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB
            | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF)
}

/// A number of bytes as people read it.
pub(crate) fn bytes(count: u64) -> String {
    let scaled = |unit: u64, name: &str| {
        let whole = count / unit;
        let tenth = (count % unit).saturating_mul(10) / unit;
        if whole >= 100 || tenth == 0 { format!("{whole} {name}") } else { format!("{whole}.{tenth} {name}") }
    };
    match count {
        0..1024 => format!("{count} B"),
        1024..1_048_576 => scaled(1024, "KB"),
        1_048_576..1_073_741_824 => scaled(1_048_576, "MB"),
        _ => scaled(1_073_741_824, "GB"),
    }
}

/// Longest text shown in one place, in characters.
const SHOWN_CHARACTERS: usize = 512;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_right_to_left_override_is_written_out() {
        assert_eq!(visible("annexe\u{202E}fdp.exe"), "annexe⟦U+202E⟧fdp.exe");
    }

    #[test]
    fn controls_and_widthless_characters_are_written_out() {
        assert_eq!(
            visible("a\u{0}b\r\nc\u{200B}d\u{FEFF}\u{2066}"),
            "a⟦U+0000⟧b⟦U+000D⟧⟦U+000A⟧c⟦U+200B⟧d⟦U+FEFF⟧⟦U+2066⟧"
        );
    }

    #[test]
    fn ordinary_japanese_is_left_alone() {
        assert_eq!(visible("見積書（最終）㈱　①.xlsx"), "見積書（最終）㈱　①.xlsx");
    }

    #[test]
    fn long_text_is_cut_with_a_mark() {
        assert_eq!(visible(&"あ".repeat(SHOWN_CHARACTERS)).chars().count(), SHOWN_CHARACTERS);
        assert!(visible(&"あ".repeat(SHOWN_CHARACTERS + 1)).ends_with("あ…"));
    }

    #[test]
    fn sizes_are_short() {
        let check = |count, expect: &str| assert_eq!(bytes(count), expect);
        check(0, "0 B");
        check(1023, "1023 B");
        check(1024, "1 KB");
        check(1_258_291, "1.1 MB");
        check(52_428_800, "50 MB");
        check(u64::MAX, "17179869183 GB");
    }
}
