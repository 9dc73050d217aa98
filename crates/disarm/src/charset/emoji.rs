//! Pictures that Japanese mobile phones put into private codes of Shift_JIS before Unicode had them.
//!
//! Each carrier had its own set, and they overlap with each other and with IBM's kanji, so a code says something only where the carrier is
//! known, by the address of the sender. The table is Unicode's `EmojiSources.txt`, symbols that are the same and nothing
//! that is merely similar; what it does not list stays a gaiji.

use std::collections::BTreeMap;

/// A mobile phone network with pictures of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// NTT DoCoMo.
    Docomo,
    /// au.
    Kddi,
    /// SoftBank, and Vodafone and J-Phone before it.
    Softbank,
}

impl Carrier {
    /// The network whose phones send from addresses of a domain.
    #[must_use]
    pub fn of_domain(domain: &str) -> Option<Self> {
        let domain = domain.to_ascii_lowercase();
        let within =
            |parent: &str| domain.strip_suffix(parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        let known = |(_, parents): &&(Self, &[&str])| parents.iter().any(|parent| within(parent));
        DOMAINS.iter().find(known).map(|(carrier, _)| *carrier)
    }

    /// Which field of the table holds its codes.
    fn field(self) -> usize {
        match self {
            Self::Docomo => 1,
            Self::Kddi => 2,
            Self::Softbank => 3,
        }
    }
}

/// The pictures of one carrier by their Shift_JIS codes.
#[derive(Debug)]
pub struct Pictures {
    carrier: Carrier,
    by_code: BTreeMap<u16, String>,
}

impl Pictures {
    /// Reads the table, 14 KB; to be done once for a mail.
    #[must_use]
    pub fn of(carrier: Carrier) -> Self {
        let number = |text: &str| u32::from_str_radix(text, 16).ok();
        let entry = |line: &str| {
            let fields: Vec<&str> = line.split(';').collect();
            let code = fields.get(carrier.field()).copied().and_then(number)?;
            let text = fields.first()?.split(' ').filter_map(|point| number(point).and_then(char::from_u32)).collect();
            Some((u16::try_from(code).ok()?, text))
        };
        let lines = SOURCES.lines().filter(|line| !line.starts_with('#'));
        Self { carrier, by_code: lines.filter_map(entry).collect() }
    }

    /// The picture of a code. In mail au moved its codes to where they have a row in JIS X 0208's plane: F6, F7, F3, F4 to EB to EE.
    pub(super) fn shift_jis(&self, lead: u8, trail: u8) -> Option<&str> {
        let lead = match lead {
            0xEB..=0xEE if self.carrier == Carrier::Kddi => *MOVED.get(usize::from(lead - 0xEB))?,
            _ => lead,
        };
        self.by_code.get(&u16::from_be_bytes([lead, trail])).map(String::as_str)
    }

    /// The picture of two seven-bit codes, which only au has: rows 0x75 to 0x7C.
    pub(super) fn iso_2022_jp(&self, lead: u8, trail: u8) -> Option<&str> {
        if self.carrier != Carrier::Kddi {
            return None;
        }
        let pair = lead.checked_sub(0x75)?;
        let first = *MOVED.get(usize::from(pair / 2))?;
        // Two rows of 94 cells to one lead byte; 0x7F is no trail byte.
        let cell = trail.checked_sub(0x21)?;
        let second = match pair % 2 {
            0 => cell.checked_add(if cell < 0x3F { 0x40 } else { 0x41 })?,
            _ => cell.checked_add(0x9F)?,
        };
        self.shift_jis(first, second)
    }

    /// The picture of a private-use character, as phones write them into UTF-8: in the order of the Shift_JIS codes, from U+E63E at
    /// docomo, in six blocks at SoftBank.
    pub(super) fn private_use(&self, c: char) -> Option<&str> {
        let point = u32::from(c);
        let (first, place) = match self.carrier {
            Carrier::Docomo => (0xF89F, point.checked_sub(0xE63E)?),
            Carrier::Softbank => {
                let block = usize::try_from(point.checked_sub(0xE001)? >> 8).ok()?;
                (*SOFTBANK_BLOCKS.get(block)?, point.checked_sub(0xE001)? & 0xFF)
            }
            Carrier::Kddi => return None,
        };
        // Codes go on as trail bytes do: 40 to 7E, 80 to FC, then those of the next lead byte.
        let [lead, trail] = u16::to_be_bytes(first);
        let at = u32::from(trail).checked_sub(if trail > 0x7F { 0x41 } else { 0x40 })?.checked_add(place)?;
        let lead = u32::from(lead).checked_add(at / TRAILS)?;
        let trail = (at % TRAILS).checked_add(if at % TRAILS < 0x3F { 0x40 } else { 0x41 })?;
        self.shift_jis(u8::try_from(lead).ok()?, u8::try_from(trail).ok()?)
    }
}

/// Where the blocks from U+E001, U+E101 … begin in Shift_JIS.
const SOFTBANK_BLOCKS: [u16; 6] = [0xF941, 0xF741, 0xF7A1, 0xF9A1, 0xFB41, 0xFBA1];
/// Trail bytes of a lead byte.
const TRAILS: u32 = 188;
const DOMAINS: [(Carrier, &[&str]); 3] = [
    (Carrier::Docomo, &["docomo.ne.jp", "mopera.net", "dwmail.jp"]),
    (Carrier::Kddi, &["ezweb.ne.jp", "au.com", "ido.ne.jp"]),
    (Carrier::Softbank, &["softbank.ne.jp", "i.softbank.jp", "vodafone.ne.jp", "disney.ne.jp", "y-mobile.ne.jp"]),
];
/// The lead bytes of au's codes in the order of the rows that they have in mail.
const MOVED: [u8; 4] = [0xF6, 0xF7, 0xF3, 0xF4];
/// Of the Unicode Character Database; its licence stands beside it.
const SOURCES: &str = include_str!("EmojiSources.txt");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_those_of_the_carrier() {
        // EmojiSources.txt: 2600;F89F;F660;F98B and 0023 20E3;F985;F489;F7B0.
        for (carrier, code, picture) in [
            (Carrier::Docomo, [0xF8, 0x9F], "☀"),
            (Carrier::Kddi, [0xF6, 0x60], "☀"),
            (Carrier::Kddi, [0xEB, 0x60], "☀"),
            (Carrier::Softbank, [0xF9, 0x8B], "☀"),
            (Carrier::Docomo, [0xF9, 0x85], "#\u{20E3}"),
        ] {
            let pictures = Pictures::of(carrier);
            assert_eq!(pictures.shift_jis(code[0], code[1]), Some(picture), "{carrier:?}");
        }
        assert_eq!(Pictures::of(Carrier::Docomo).shift_jis(0xF6, 0x60), None);
        assert_eq!(Pictures::of(Carrier::Docomo).by_code.len(), 244);
        assert_eq!(Pictures::of(Carrier::Kddi).by_code.len(), 633);
        assert_eq!(Pictures::of(Carrier::Softbank).by_code.len(), 469);
    }

    #[test]
    fn au_writes_them_into_iso_2022_jp_too() {
        // As Encode::JP::Mobile has them: 7541 is F660, 7A3C F3BA, 7B21 F440, 7854 F7D2.
        let pictures = Pictures::of(Carrier::Kddi);
        assert_eq!(pictures.iso_2022_jp(0x75, 0x41), Some("☀"));
        for (jis, sjis) in [([0x7A, 0x3C], [0xF3, 0xBA]), ([0x7B, 0x21], [0xF4, 0x40]), ([0x78, 0x54], [0xF7, 0xD2])] {
            assert_eq!(pictures.iso_2022_jp(jis[0], jis[1]), pictures.shift_jis(sjis[0], sjis[1]));
        }
        assert!(pictures.iso_2022_jp(0x7A, 0x3C).is_some());
        assert_eq!(pictures.iso_2022_jp(0x7D, 0x21), None);
        assert_eq!(Pictures::of(Carrier::Docomo).iso_2022_jp(0x75, 0x41), None);
    }

    #[test]
    fn private_use_is_the_shift_jis_code() {
        // The carriers' own lists: docomo's sun U+E63E is F89F, its circled copyright U+E731 F9D6; SoftBank's sun U+E04A is F98B.
        let docomo = Pictures::of(Carrier::Docomo);
        assert_eq!(docomo.private_use('\u{E63E}'), Some("☀"));
        assert_eq!(docomo.private_use('\u{E731}'), docomo.shift_jis(0xF9, 0xD6));
        assert_eq!(docomo.private_use('\u{E6CE}'), docomo.shift_jis(0xF9, 0x72));
        let softbank = Pictures::of(Carrier::Softbank);
        assert_eq!(softbank.private_use('\u{E04A}'), Some("☀"));
        assert_eq!(softbank.private_use('\u{E000}'), None);
        assert_eq!(softbank.private_use('\u{F8FF}'), None);
        assert_eq!(Pictures::of(Carrier::Kddi).private_use('\u{E63E}'), None);
    }

    #[test]
    fn networks_are_known_by_their_domains() {
        assert_eq!(Carrier::of_domain("docomo.ne.jp"), Some(Carrier::Docomo));
        assert_eq!(Carrier::of_domain("t.EZWEB.ne.jp"), Some(Carrier::Kddi));
        assert_eq!(Carrier::of_domain("t.vodafone.ne.jp"), Some(Carrier::Softbank));
        assert_eq!(Carrier::of_domain("notdocomo.ne.jp"), None);
    }
}
