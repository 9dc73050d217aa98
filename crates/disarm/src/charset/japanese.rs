//! How well bytes read as Japanese in its two 8-bit charsets: the weight of each character that they would be.
//!
//! Subjects and file names of two kanji are what counts here. Valid pairs prove nothing about them (`会議` in EUC-JP is a half-width kana
//! and a gaiji in Shift_JIS, in GBK two other words), but what people write does: kana, and the kanji that everybody learns.

/// What one charset makes of the bytes.
#[derive(Clone, Copy, Default)]
pub(super) struct Reading {
    /// Sum of the weights of all characters, in tenths.
    pub(super) score: i64,
    /// Double-byte characters.
    pub(super) wide: usize,
    /// Those of them that stand beside another.
    adjacent: usize,
    /// Hiragana and full-width katakana.
    pub(super) kana: usize,
    /// Those that begin with a C1 control, which in Western charsets is nothing, or a mark that stands alone.
    c1: usize,
    /// Half-width katakana.
    half: usize,
    /// Those of them from ｱ to ｿ.
    front: usize,
    /// The most half-width katakana in a row.
    row_of_halves: usize,
    /// Bytes that are no character.
    broken: usize,
    /// Double-byte characters in a row so far, and half-width ones.
    run: usize,
    half_run: usize,
    /// The half-width kana directly before, 0 for another character.
    before: u8,
}

impl Reading {
    pub(super) fn shift_jis(bytes: &[u8]) -> Self {
        let mut reading = Self::default();
        let mut rest = bytes;
        while let Some((&lead, tail)) = rest.split_first() {
            rest = tail;
            match (lead, tail.first()) {
                (0x00..=0x7F, _) => reading.other(),
                (0xA1..=0xDF, _) => reading.half_width(lead, HALF),
                (0x81..=0x9F | 0xE0..=0xFC, Some(&trail @ (0x40..=0x7E | 0x80..=0xFC))) => {
                    rest = tail.get(1..).unwrap_or_default();
                    let pair = (lead - if lead < 0xE0 { 0x81 } else { 0xC1 }) * 2;
                    // The second half of the trail bytes is the next row.
                    let (row, cell) = match trail {
                        0x9F.. => (pair + 1, trail - 0x9F),
                        0x80.. => (pair, trail - 0x41),
                        _ => (pair, trail - 0x40),
                    };
                    reading.double(row + 1, cell + 1);
                    reading.c1 = reading.c1.saturating_add(usize::from(lead < 0xA0));
                }
                _ => reading.broken(),
            }
        }
        reading
    }

    pub(super) fn euc_jp(bytes: &[u8]) -> Self {
        let mut reading = Self::default();
        let mut rest = bytes;
        while let Some((&lead, tail)) = rest.split_first() {
            rest = tail;
            match (lead, tail) {
                (0x00..=0x7F, _) => reading.other(),
                (0x8E, [kana @ 0xA1..=0xDF, after @ ..]) => {
                    rest = after;
                    reading.half_width(*kana, SHIFTED_HALF);
                }
                (0x8F, [0xA1..=0xFE, 0xA1..=0xFE, after @ ..]) => {
                    rest = after;
                    reading.double(SUPPLEMENTARY, 1);
                }
                (0xA1..=0xFE, [trail @ 0xA1..=0xFE, after @ ..]) => {
                    rest = after;
                    reading.double(lead - 0xA0, trail - 0xA0);
                }
                _ => reading.broken(),
            }
        }
        reading
    }

    /// True when every byte belongs to a character.
    pub(super) fn is_whole(&self) -> bool {
        self.broken == 0
    }

    /// True when this is so much better that the other reading cannot be meant.
    pub(super) fn beats(&self, other: &Self) -> bool {
        self.score > 0 && self.score >= other.score.saturating_add(MARGIN)
    }

    /// Good enough for Shift_JIS without a label. Bytes of other charsets seldom read as it at all; only the curly quotes and dashes of
    /// Western text do, one at a time between letters.
    pub(super) fn is_likely_shift_jis(&self) -> bool {
        self.score > 0 && self.wide > 0 && self.averages(10) && self.adjacent.saturating_mul(2) >= self.wide
    }

    /// Good enough for Shift_JIS of half-width katakana alone, as banks and tax offices exchange it. Their bytes are letters in many
    /// charsets; but the small letters of most of these lie above them, and those of KOI8-R leave out the first half of the kana.
    pub(super) fn is_half_width(&self) -> bool {
        let spread = self.front.saturating_mul(8) >= self.half;
        self.wide == 0 && self.is_whole() && self.row_of_halves >= 3 && spread && self.averages(10)
    }

    /// Good enough for EUC-JP without a label. Korean and Chinese have the same shape, so a text of some length needs kana, or no kanji
    /// but common ones.
    pub(super) fn is_likely_euc(&self) -> bool {
        let short = self.wide <= WITHOUT_KANA;
        self.score > 0
            && (self.averages(30) && (self.kana > 0 || short || self.averages(40))
                || self.averages(20) && self.kana > 0
                || self.wide == 0 && self.half >= 2 && self.is_whole())
    }

    /// True for what nobody writes in a Latin charset, whatever the label says.
    pub(super) fn is_plainly_japanese(&self) -> bool {
        let together = self.adjacent.saturating_mul(3) >= self.wide.saturating_mul(2);
        let weighty = self.score >= 80 && self.averages(25);
        let controls = self.score > 0 && self.is_whole() && self.c1.saturating_mul(2) >= self.wide;
        self.wide > 0 && together && (weighty || controls)
    }

    /// True for what could be Japanese under a Latin label.
    pub(super) fn may_be_japanese(&self) -> bool {
        // Accented capitals of a headline are half-width kana too, but not three side by side.
        self.is_whole() && self.score > 0 && (self.adjacent >= 2 || self.row_of_halves >= 3)
    }

    /// True when the characters weigh so many tenths on average, a half-width kana being half a character.
    fn averages(&self, tenths: i64) -> bool {
        let halves = self.wide.saturating_mul(2).saturating_add(self.half);
        self.score.saturating_mul(2) >= tenths.saturating_mul(i64::try_from(halves).unwrap_or(i64::MAX))
    }

    fn other(&mut self) {
        (self.run, self.half_run, self.before) = (0, 0, 0);
    }

    fn broken(&mut self) {
        self.other();
        self.broken = self.broken.saturating_add(1);
        self.score = self.score.saturating_sub(IMPOSSIBLE);
    }

    fn double(&mut self, row: u8, cell: u8) {
        let weight = weight(row, cell);
        if weight <= -IMPOSSIBLE {
            self.broken = self.broken.saturating_add(1);
        }
        self.score = self.score.saturating_add(weight);
        self.wide = self.wide.saturating_add(1);
        self.kana = self.kana.saturating_add(usize::from(matches!(row, 4 | 5)));
        self.run = self.run.saturating_add(1);
        self.adjacent = self.adjacent.saturating_add(match self.run {
            0 | 1 => 0,
            2 => 2,
            _ => 1,
        });
        (self.half_run, self.before) = (0, 0);
    }

    fn half_width(&mut self, kana: u8, weight: i64) {
        let fits = match kana {
            // A voiced mark follows u, ka to to, ha to ho; a semi-voiced one ha to ho.
            0xDE => matches!(self.before, 0xB3 | 0xB6..=0xC4 | 0xCA..=0xCE),
            0xDF => matches!(self.before, 0xCA..=0xCE),
            // Small letters and the long vowel begin no word.
            0xA7..=0xB0 => self.before >= 0xA6,
            _ => true,
        };
        self.score = self.score.saturating_add(if fits { weight } else { MISPLACED });
        self.half = self.half.saturating_add(1);
        self.front = self.front.saturating_add(usize::from(matches!(kana, 0xB1..=0xBF)));
        self.half_run = self.half_run.saturating_add(1);
        self.row_of_halves = self.row_of_halves.max(self.half_run);
        (self.run, self.before) = (0, kana);
    }
}

/// Tenths that a character of JIS X 0208 speaks for the text being Japanese.
fn weight(row: u8, cell: u8) -> i64 {
    match row {
        1 => 30,
        2 | 6 | 7 | 13 => 10,
        3 => 40,
        4 if cell <= 83 => 60,
        5 if cell <= 86 => 60,
        8 if cell <= 32 => 10,
        16..=84 if is_common(row, cell) => 50,
        16..=46 => 20,
        47 if cell <= 51 => 20,
        48..=84 => -40,
        // The extensions of IBM in both of their places, and JIS X 0212.
        89..=92 | 115..=119 => -10,
        SUPPLEMENTARY => 20,
        // Gaiji.
        95..=114 => -120,
        _ => -IMPOSSIBLE,
    }
}

fn is_common(row: u8, cell: u8) -> bool {
    let cells = COMMON.get(usize::from(row.saturating_sub(16))).copied().unwrap_or(0);
    cells.checked_shr(u32::from(cell.saturating_sub(1))).unwrap_or(0) & 1 == 1
}

/// Tenths for a byte, or in kana of the shifted form for a sequence, that belongs to no character.
const IMPOSSIBLE: i64 = 300;
/// Tenths for a half-width kana where none can stand.
const MISPLACED: i64 = -40;
/// Tenths for a half-width kana in Shift_JIS: a single byte is soon one.
const HALF: i64 = 8;
/// And in EUC-JP, where it is a byte that marks it and another one.
const SHIFTED_HALF: i64 = 50;
/// Tenths by which the better reading is beyond doubt.
const MARGIN: i64 = 50;
/// Characters of a title without kana.
const WITHOUT_KANA: usize = 12;
/// A row that stands for the whole of JIS X 0212.
const SUPPLEMENTARY: u8 = 200;

/// The 1,026 kanji of primary school (学年別漢字配当表, 2017) and some three hundred that offices, names and addresses need beside them:
/// for each row from 16 a bit for each cell, the first being the lowest.
const COMMON: [u128; 69] = [
    0x06d1_89b9_5c51_4e32_0010_3060,
    0x34ec_4189_d8df_0748_c000_056b,
    0x2047_8aa1_5530_febf_7d90_dc25,
    0x05c8_108d_06f1_a2a0_0312_9cbc,
    0x0b9c_f38c_55e9_4369_016d_8980,
    0x2566_7f35_7f52_1029_441a_fadb,
    0x0191_a8db_86c1_9f84_d432_50b1,
    0x0e0a_6fdc_f340_c7c3_cc8f_4848,
    0x3bd2_3831_6cc0_b67a_9677_f7bb,
    0x3813_c063_d42a_1cad_9400_5951,
    0x35e2_275b_dfc3_3a72_7788_280e,
    0x3779_fe7d_e1fb_f6d8_d626_a0b3,
    0x3197_73d5_8a7e_3c6b_0a41_d6c7,
    0x38d9_a7c5_c013_cd1a_3490_8b2f,
    0x2d9a_dd94_3b46_c2a6_2850_f069,
    0x0508_c41a_28c0_36a4_d948_2572,
    0x2078_6d9f_6a75_a278_7fb3_f30c,
    0x1cf2_9685_8492_40c8_002d_8b30,
    0x0244_96f3_c66c_e040_ef8e_bd7b,
    0x07a5_3ff4_d566_7eda_0619_0424,
    0x3484_5b0d_8008_1d4e_270a_2c56,
    0x1f2a_0a41_6388_c81b_a1d8_4e82,
    0x3905_e883_c000_43cd_8c87_cc6c,
    0x2002_201c_4d8a_c588_b85c_e048,
    0x20df_252d_1036_01ca_7061_5a02,
    0x2c48_8f84_0dd9_420e_39aa_2841,
    0x1815_0caa_35fb_083a_cfac_2b0f,
    0x2838_06dc_5902_0948_b208_9c01,
    0x109e_a548_0e24_4a0f_e01d_210c,
    0x18c5_a2c3_4c57_342a_3b5d_1072,
    0x1026_250d_c1c4_e905_2db9_29fa,
    0x0000_0000_0000_00b6_c444_4786,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0080_0000_0000_0000_0002,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0000_0002,
    0x0000_1000_0000_0000_0000_0200,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0200_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0000_4000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_8040_0040,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0004_0000_0000,
    0x0000_0000_0000_0000_0040_0000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0020_0000_0000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0018_0000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0000_0000,
    0x0000_0000_0000_1000_0000_0000,
    0x0000_2000_0000_0000_0000_0000,
    0x0000_0000_0000_0000_0000_0000,
];

#[cfg(test)]
mod tests {
    use encoding_rs::{EUC_JP, SHIFT_JIS};

    use super::*;

    #[test]
    fn common_kanji_are_those_of_the_list() {
        for (text, common) in
            [("会議資料", true), ("総務課御中", true), ("渡邉齋藤", true), ("媛茨沖縄", true), ("蠢餡麒麟", false)]
        {
            for kanji in text.chars() {
                let kanji = kanji.to_string();
                let (euc, _, _) = EUC_JP.encode(&kanji);
                assert_eq!(is_common(euc[0] - 0xA0, euc[1] - 0xA0), common, "{kanji}");
            }
        }
        assert_eq!(COMMON.iter().map(|row| row.count_ones()).sum::<u32>(), 1_325);
    }

    #[test]
    fn both_charsets_give_the_same_characters_the_same_weight() {
        let text = "平素より大変お世話になっております。①㈱ＡＢＣ─αЖ々";
        let (sjis, _, _) = SHIFT_JIS.encode(text);
        let (euc, _, _) = EUC_JP.encode(text);
        let (sjis, euc) = (Reading::shift_jis(&sjis), Reading::euc_jp(&euc));
        assert_eq!((sjis.score, sjis.wide, sjis.kana), (euc.score, euc.wide, euc.kana));
        assert!(sjis.is_whole() && sjis.is_likely_shift_jis() && euc.is_likely_euc());
    }
}
