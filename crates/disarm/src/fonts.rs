//! Fonts for text whose own font is not in the file.
//!
//! A PDF may name a font and leave it to the reader to have it; Japanese office software of twenty years did so with MS-Mincho
//! and MS-Gothic. Whoever starts the rooms reads the fonts of the machine once and hands them in here as bytes. The fourteen
//! standard fonts need nothing: the interpreter has substitutes for them built in.

use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

use skrifa::string::StringId;
use skrifa::{FontRef, MetadataProvider};

/// Bytes of a font file, shared between faces and jobs.
pub type FontBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// A font as it is handed in.
#[derive(Clone)]
pub struct FontFile {
    /// What to call it in messages: its path, for instance.
    pub name: String,
    /// The whole file.
    pub bytes: FontBytes,
    /// The face of a collection (`.ttc`), otherwise 0.
    pub index: u32,
}

impl fmt::Debug for FontFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = (*self.bytes).as_ref().len();
        f.debug_struct("FontFile").field("name", &self.name).field("bytes", &bytes).field("index", &self.index).finish()
    }
}

/// The fonts that stand in for missing ones. May be empty.
#[derive(Clone, Debug, Default)]
pub struct Fonts(Arc<Vec<Face>>);

impl Fonts {
    /// Looks at each file; what is no font, or has no letters of a script that is looked for, is left out.
    pub fn new(files: Vec<FontFile>) -> Fonts {
        Fonts(Arc::new(files.into_iter().filter_map(Face::read).collect()))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The font for each wish that matters, in words for whoever runs the machine.
    pub fn chosen(&self) -> Vec<(Wish, &FontFile)> {
        let wishes = [Script::Japanese, Script::Korean, Script::SimplifiedChinese, Script::TraditionalChinese]
            .into_iter()
            .flat_map(|script| [false, true].map(|serif| Wish { script, serif, bold: false, proportional: false }));
        wishes.filter_map(|wish| self.pick(&wish).map(|face| (wish, face))).collect()
    }

    /// All of them, those first that are most like a wish, and of equals those that were handed in first.
    pub(crate) fn nearest_first(&self, wish: &Wish) -> impl Iterator<Item = &FontFile> {
        let mut faces: Vec<&Face> = self.0.iter().collect();
        faces.sort_by_key(|face| Reverse((face.scripts.contains(&wish.script), face.score(wish))));
        faces.into_iter().map(|face| &face.file)
    }

    /// The best font for a wish or, where none has its script, the best of any: most characters of Chinese are in a Japanese font too.
    pub fn pick_nearest(&self, wish: &Wish) -> Option<&FontFile> {
        self.pick(wish).or_else(|| {
            let scripts = [Script::Japanese, Script::TraditionalChinese, Script::SimplifiedChinese, Script::Korean];
            scripts.into_iter().find_map(|script| self.pick(&Wish { script, ..*wish }))
        })
    }

    /// The best font for a wish: the right script first, then serifs, then weight, then width and how many characters it has: one
    /// that is missing is a hole in a name.
    pub fn pick(&self, wish: &Wish) -> Option<&FontFile> {
        // The first of equals, so that the order in which files are handed in is a preference.
        let able = self.0.iter().filter(|face| face.scripts.contains(&wish.script));
        able.reduce(|best, face| if face.score(wish) > best.score(wish) { face } else { best }).map(|face| &face.file)
    }
}

/// A script, by the collection of characters that its fonts are made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Script {
    /// Kana and kanji.
    Japanese,
    /// Hangul.
    Korean,
    /// Chinese as in Beijing.
    SimplifiedChinese,
    /// Chinese as in Taipei.
    TraditionalChinese,
}

/// What a missing font should be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Wish {
    /// Its script.
    pub script: Script,
    /// With serifs: Mincho, Song, Ming, Batang.
    pub serif: bool,
    /// Bold.
    pub bold: bool,
    /// With letters as wide as they need (MS-PMincho) rather than of one width.
    pub proportional: bool,
}

impl Wish {
    /// The wish that a font's name expresses, when it names a CJK font: a PostScript name with or without subset prefix and
    /// style, or the name by which its maker calls it. `script` is given where the file says which one it is.
    pub fn of_name(name: &str, script: Option<Script>) -> Option<Wish> {
        let plain: String =
            without_subset_prefix(name).to_lowercase().chars().filter(|c| !" -_,".contains(*c)).collect();
        let known = FAMILIES.iter().find(|(part, ..)| plain.contains(part)).map(|(_, script, serif)| (*script, *serif));
        let (script, serif) = match (script, known) {
            (Some(script), Some((_, serif))) => (script, serif),
            (None, Some(found)) => found,
            (Some(script), None) => (script, SERIF.iter().any(|part| plain.contains(part))),
            (None, None) => return None,
        };
        let bold = BOLD.iter().any(|part| plain.contains(part));
        Some(Wish { script, serif, bold, proportional: PROPORTIONAL.iter().any(|part| plain.contains(part)) })
    }
}

/// A font file and what it is good for.
#[derive(Clone, Debug)]
struct Face {
    file: FontFile,
    scripts: Vec<Script>,
    /// The script whose letter forms it has, where its name says so: the same character looks different in Tokyo and Taipei.
    home: Option<Script>,
    serif: bool,
    bold: bool,
    monospaced: bool,
    proportional: bool,
    /// Whether it has characters of names that few fonts have.
    has_rare: bool,
}

impl Face {
    fn read(file: FontFile) -> Option<Face> {
        let bytes = (*file.bytes).as_ref();
        let font = FontRef::from_index(bytes, file.index).ok()?;
        let has = |sample: &str| sample.chars().all(|c| font.charmap().map(c).is_some());
        let scripts: Vec<Script> =
            SAMPLES.iter().filter(|(_, sample)| has(sample)).map(|(script, _)| *script).collect();
        if scripts.is_empty() {
            return None;
        }
        let names: Vec<String> = [StringId::FAMILY_NAME, StringId::FULL_NAME]
            .into_iter()
            .flat_map(|id| font.localized_strings(id))
            .map(|name| name.chars().take(MAX_NAME).collect::<String>().to_lowercase())
            .collect();
        let named = |parts: &[&str]| names.iter().any(|name| parts.iter().any(|part| name.contains(part)));
        let home = HOMES.iter().find(|(_, parts)| named(parts)).map(|(script, _)| *script);
        let weight = font.attributes().weight.value();
        Some(Face {
            scripts,
            home,
            serif: named(SERIF),
            bold: weight >= 600.0,
            has_rare: has(RARE),
            monospaced: named(&["mono"]),
            proportional: named(&["pgothic", "pmincho", "pゴシック", "p明朝", "udp", "noto"]),
            file,
        })
    }

    /// How much it is like a wish.
    fn score(&self, wish: &Wish) -> i32 {
        let own = if self.home == Some(wish.script) { 16 } else { 0 };
        let serif = if self.serif == wish.serif { 8 } else { 0 };
        let weight = if self.bold == wish.bold { 4 } else { 0 };
        let width = if self.monospaced { 0 } else { 2 };
        let rare = if self.has_rare { 2 } else { 0 };
        own + serif + weight + width + rare + i32::from(self.proportional == wish.proportional)
    }
}

/// A name without the six letters and plus that mark a subset.
fn without_subset_prefix(name: &str) -> &str {
    match name.split_once('+') {
        Some((prefix, rest)) if prefix.len() == 6 => rest,
        _ => name,
    }
}

/// Characters that a font for a script has.
const SAMPLES: &[(Script, &str)] = &[
    (Script::Japanese, "あア漢字。"),
    (Script::Korean, "가한글"),
    (Script::SimplifiedChinese, "汉语简"),
    (Script::TraditionalChinese, "漢語體"),
];

/// Characters of names and places beyond JIS X 0208, the first beyond the first plane of Unicode.
const RARE: &str = "𠮷髙﨑𡈽";

/// What a font's name says of the script whose forms it has.
const HOMES: &[(Script, &[&str])] = &[
    (
        Script::Japanese,
        &[" jp", "ipa", "biz ud", "mincho", "明朝", "ゴシック", "takao", "vl gothic", "mplus", "yu gothic", "meiryo"],
    ),
    (Script::Korean, &[" kr", "nanum", "batang", "gulim", "malgun"]),
    (Script::SimplifiedChinese, &[" sc", "wenquanyi", "simsun", "simhei"]),
    (Script::TraditionalChinese, &[" tc", " hk", "mingliu"]),
];

/// Parts of the names of CJK fonts, lower case and without spaces or hyphens; the first that fits counts, so a longer one
/// stands before a shorter one that it contains.
const FAMILIES: &[(&str, Script, bool)] = &[
    ("mincho", Script::Japanese, true),
    ("明朝", Script::Japanese, true),
    ("ryumin", Script::Japanese, true),
    ("リュウミン", Script::Japanese, true),
    ("heiseimin", Script::Japanese, true),
    ("hiraminpro", Script::Japanese, true),
    ("hiraminstd", Script::Japanese, true),
    ("ヒラギノ明", Script::Japanese, true),
    ("kozmin", Script::Japanese, true),
    ("小塚明", Script::Japanese, true),
    ("yumin", Script::Japanese, true),
    ("游明", Script::Japanese, true),
    ("kyokasho", Script::Japanese, true),
    ("教科書", Script::Japanese, true),
    ("hgrsmp", Script::Japanese, true),
    ("futomin", Script::Japanese, true),
    ("shinsei", Script::Japanese, true),
    ("midashimin", Script::Japanese, true),
    ("msgothic", Script::Japanese, false),
    ("mspgothic", Script::Japanese, false),
    ("msuigothic", Script::Japanese, false),
    ("ｍｓゴシック", Script::Japanese, false),
    ("ｍｓｐゴシック", Script::Japanese, false),
    ("ゴシック", Script::Japanese, false),
    ("gothicbbb", Script::Japanese, false),
    ("gothicmb101", Script::Japanese, false),
    ("futogo", Script::Japanese, false),
    ("midashigo", Script::Japanese, false),
    ("heiseikakugo", Script::Japanese, false),
    ("heiseimarugo", Script::Japanese, false),
    ("jun101", Script::Japanese, false),
    ("hirakaku", Script::Japanese, false),
    ("hiramaru", Script::Japanese, false),
    ("ヒラギノ", Script::Japanese, false),
    ("kozgo", Script::Japanese, false),
    ("小塚", Script::Japanese, false),
    ("meiryo", Script::Japanese, false),
    ("メイリオ", Script::Japanese, false),
    ("yugothic", Script::Japanese, false),
    ("yugo", Script::Japanese, false),
    ("bizud", Script::Japanese, false),
    ("uddigi", Script::Japanese, false),
    ("hggothic", Script::Japanese, false),
    ("hgpgothic", Script::Japanese, false),
    ("hgsgothic", Script::Japanese, false),
    ("hgmarugothic", Script::Japanese, false),
    ("hgsoei", Script::Japanese, false),
    ("ipagothic", Script::Japanese, false),
    ("ipapgothic", Script::Japanese, false),
    ("batang", Script::Korean, true),
    ("hysmyeongjo", Script::Korean, true),
    ("hygothic", Script::Korean, false),
    ("gulim", Script::Korean, false),
    ("dotum", Script::Korean, false),
    ("malgun", Script::Korean, false),
    ("pmingliu", Script::TraditionalChinese, true),
    ("mingliu", Script::TraditionalChinese, true),
    ("msung", Script::TraditionalChinese, true),
    ("mhei", Script::TraditionalChinese, false),
    ("jhenghei", Script::TraditionalChinese, false),
    ("dfkaisb", Script::TraditionalChinese, true),
    ("simsun", Script::SimplifiedChinese, true),
    ("nsimsun", Script::SimplifiedChinese, true),
    ("stsong", Script::SimplifiedChinese, true),
    ("fangsong", Script::SimplifiedChinese, true),
    ("simfang", Script::SimplifiedChinese, true),
    ("kaiti", Script::SimplifiedChinese, true),
    ("simhei", Script::SimplifiedChinese, false),
    ("stheiti", Script::SimplifiedChinese, false),
    ("yahei", Script::SimplifiedChinese, false),
];

/// Parts of names of fonts with serifs.
const SERIF: &[&str] = &["serif", "mincho", "明朝", "ryumin", "song", "ming", "batang", "myeongjo", "roman", "times"];
/// Parts of names of bold fonts, by style or by a family that is nothing else.
const BOLD: &[&str] =
    &["bold", "heavy", "black", "ultra", "futo", "midashi", "gothicmb101", "kakugow7", "kakugow9", "minw7", "minw9"];
/// Parts of names of fonts with proportional letters.
const PROPORTIONAL: &[&str] =
    &["pmincho", "pgothic", "uigothic", "meiryo", "udp", "pゴシック", "p明朝", "ｐゴシック", "ｐ明朝"];
/// The most characters of a name that are looked at.
const MAX_NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::{Script, Wish};

    fn check(name: &str, serif: bool, bold: bool, proportional: bool) {
        let wish = Wish::of_name(name, None).unwrap();
        let expected = Wish { script: Script::Japanese, serif, bold, proportional };
        assert_eq!(wish, expected, "{name}");
    }

    #[test]
    fn japanese_fonts_are_known_by_every_name_they_go_by() {
        check("MS-Mincho", true, false, false);
        check("MS-PMincho,Bold", true, true, true);
        check("ABCDEF+MS-PGothic", false, false, true);
        check("ＭＳ 明朝", true, false, false);
        check("ＭＳ Ｐゴシック", false, false, true);
        check("Ryumin-Light", true, false, false);
        check("GothicBBB-Medium", false, false, false);
        check("HeiseiMin-W3", true, false, false);
        check("HeiseiKakuGo-W5", false, false, false);
        check("KozMinPr6N-Regular", true, false, false);
        check("KozGoPro-Bold", false, true, false);
        check("YuMincho-Regular", true, false, false);
        check("YuGothic-Bold", false, true, false);
        check("Meiryo", false, false, true);
        check("BIZ-UDMincho", true, false, false);
        check("BIZUDPGothic-Regular", false, false, true);
    }

    #[test]
    fn a_western_name_expresses_no_wish_unless_the_collection_is_known() {
        assert_eq!(Wish::of_name("Arial-BoldMT", None), None);
        let wish = Wish::of_name("Arial-BoldMT", Some(Script::Korean)).unwrap();
        assert_eq!(wish, Wish { script: Script::Korean, serif: false, bold: true, proportional: false });
    }
}
