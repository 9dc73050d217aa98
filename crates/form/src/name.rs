//! File names and member paths that no file system, shell window or archive program reads in another way.

mod taken;

use std::fmt;

pub use taken::TakenNames;

use crate::reason::Reason;
use crate::text::{Line, Scrubbed, TextError, is_selector};

/// One path component: at most 255 bytes, never empty, no separator, wildcard or control, no leading or trailing dot or
/// space, no device name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileName(String);

/// What [`FileName::rebuild`] had to change.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NameChanges {
    /// Characters that no clean line holds.
    pub scrubbed: Scrubbed,
    /// Characters replaced because they part paths, or look or convert like ones that do.
    pub replaced: u32,
    /// Leading directories were cut off an absolute path.
    pub path_cut: bool,
    /// Dots or spaces were cut off an end.
    pub trimmed: bool,
    /// The name was the name of a device.
    pub device: bool,
    /// The name was too long.
    pub shortened: bool,
    /// Nothing was left of the name.
    pub unnamed: bool,
}

impl NameChanges {
    /// Whether the name stayed as it was.
    pub fn is_clean(&self) -> bool {
        *self == NameChanges::default()
    }

    /// Adds the changes of another component.
    pub fn add(&mut self, other: NameChanges) {
        self.scrubbed.add(other.scrubbed);
        self.replaced = self.replaced.saturating_add(other.replaced);
        self.path_cut |= other.path_cut;
        self.trimmed |= other.trimmed;
        self.device |= other.device;
        self.shortened |= other.shortened;
        self.unnamed |= other.unnamed;
    }
}

impl FileName {
    /// The most bytes a name holds: what Linux file systems, NTFS and ZIP programs all take.
    pub const MAX_BYTES: usize = 255;

    /// Makes a name of anything.
    ///
    /// The caller brings the name to NFC: this crate knows no composition tables. Where invisible characters may stand
    /// between a letter and its mark, scrub with [`Line::scrub`] first, then compose, then rebuild; rebuilding a scrubbed
    /// NFC name keeps it NFC.
    pub fn rebuild(raw: &str) -> (FileName, NameChanges) {
        let mut changes = NameChanges::default();
        let base = without_directories(raw);
        changes.path_cut = base.len() != raw.len();
        let (line, scrubbed) = Line::scrub(base);
        changes.scrubbed = scrubbed;

        let mut name = String::with_capacity(line.as_str().len());
        for c in line.as_str().chars() {
            // `x.{CLSID}` makes Windows open a shell object in place of the file.
            let safe = if c == '{' && name.ends_with('.') { '_' } else { plain(c) };
            changes.replaced = changes.replaced.saturating_add(u32::from(safe != c));
            name.push(safe);
        }

        let trimmed = name.trim_start_matches(|c| is_edge(c) || is_selector(c)).trim_end_matches(is_edge);
        changes.trimmed = trimmed.len() != name.len();
        let mut name = trimmed.to_owned();
        if name.is_empty() {
            changes.unnamed = true;
            name.push_str(Self::UNNAMED);
        }

        changes.device = undevice(&mut name);
        if name.len() > Self::MAX_BYTES {
            changes.shortened = true;
            name = fitted(&name, "");
            // `CON` and 300 spaces is a device only once it has been cut.
            changes.device |= undevice(&mut name);
        }
        (FileName(name), changes)
    }

    /// Takes a name that must need no change.
    ///
    /// # Errors
    /// [`TextError::TooLong`] beyond [`MAX_BYTES`](Self::MAX_BYTES), [`TextError::Shape`] for what rebuilding would change.
    pub fn parse(raw: &str) -> Result<FileName, TextError> {
        if raw.len() > Self::MAX_BYTES {
            return Err(TextError::TooLong { limit: Self::MAX_BYTES });
        }
        let (name, changes) = FileName::rebuild(raw);
        // One definition of a good name: the one that rebuilding leaves alone.
        if changes.is_clean() && name.0 == raw { Ok(name) } else { Err(TextError::Shape) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What follows the last dot, when it looks like an extension: 1 to 16 ASCII letters and digits.
    pub fn extension(&self) -> Option<&str> {
        split_extension(&self.0).1
    }

    /// The name without its extension and dot.
    pub fn stem(&self) -> &str {
        split_extension(&self.0).0
    }

    /// The name with `extension` in place of its own, or added where it has none. Anything but ASCII letters and digits is
    /// left out of `extension`, and all beyond 16 of them.
    pub fn with_extension(&self, extension: &str) -> FileName {
        self.joined(self.stem(), extension)
    }

    /// The name with `extension` added after its own, for names whose last dot is not known to mark a type (報告.2024).
    pub fn with_added_extension(&self, extension: &str) -> FileName {
        self.joined(&self.0, extension)
    }

    /// The name with a number before its extension: `a (2).txt`.
    pub fn numbered(&self, number: u32) -> FileName {
        let mark = format!(" ({number})");
        let (stem, extension) = split_extension(&self.0);
        let tail = match extension {
            Some(extension) => format!("{mark}.{extension}"),
            None => mark,
        };
        FileName::rebuild(&with_tail(stem, &tail)).0
    }

    fn joined(&self, stem: &str, extension: &str) -> FileName {
        let clean: String = extension.chars().filter(char::is_ascii_alphanumeric).take(EXTENSION_BYTES).collect();
        let tail = if clean.is_empty() { clean } else { format!(".{clean}") };
        FileName::rebuild(&with_tail(stem, &tail)).0
    }

    const UNNAMED: &str = "unnamed";
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A relative path of clean names: no `.`, no `..`, no root, no drive.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MemberPath {
    directories: Vec<FileName>,
    name: FileName,
}

impl MemberPath {
    /// The most bytes a path holds, separators included.
    pub const MAX_BYTES: usize = 1024;
    /// The most components a path has.
    pub const MAX_COMPONENTS: usize = 64;

    /// Makes a path of what an archive says. Both `/` and `\` part components (archives made on Windows have the second).
    /// A path that leads out of the archive is refused, not repaired: [`Reason::ZipSlip`].
    ///
    /// # Errors
    /// [`Reason::ZipSlip`] for a path that leads out, [`Reason::LimitNameBytes`] beyond [`MAX_BYTES`](Self::MAX_BYTES) or
    /// [`MAX_COMPONENTS`](Self::MAX_COMPONENTS).
    pub fn rebuild(raw: &str) -> Result<(MemberPath, NameChanges), Reason> {
        let mut directories = Vec::new();
        let mut changes = NameChanges::default();
        let drive = raw.as_bytes().get(1) == Some(&b':') && raw.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
        if drive || raw.starts_with(['/', '\\']) {
            return Err(Reason::ZipSlip);
        }
        let mut bytes: usize = 0;
        for component in raw.split(['/', '\\']) {
            // Judged on the visible line: an invisible character between the dots would otherwise hide them until later.
            let (visible, _) = Line::scrub(component);
            match visible.as_str().trim() {
                ".." => return Err(Reason::ZipSlip),
                // `a//b` and `./a` are what careless but honest programs write.
                "" | "." => continue,
                _ => {}
            }
            let (name, changed) = FileName::rebuild(component);
            changes.add(changed);
            bytes = bytes.saturating_add(name.0.len()).saturating_add(1);
            directories.push(name);
            if directories.len() > Self::MAX_COMPONENTS || bytes > Self::MAX_BYTES.saturating_add(1) {
                return Err(Reason::LimitNameBytes);
            }
        }
        let name = directories.pop().unwrap_or_else(|| {
            changes.unnamed = true;
            FileName::rebuild("").0
        });
        Ok((MemberPath { directories, name }, changes))
    }

    /// Takes a path that must need no change, parted by `/`.
    ///
    /// # Errors
    /// [`TextError::TooLong`] beyond [`MAX_BYTES`](Self::MAX_BYTES) or [`MAX_COMPONENTS`](Self::MAX_COMPONENTS),
    /// [`TextError::Shape`] for what rebuilding would change.
    pub fn parse(raw: &str) -> Result<MemberPath, TextError> {
        if raw.len() > Self::MAX_BYTES {
            return Err(TextError::TooLong { limit: Self::MAX_BYTES });
        }
        let mut directories = raw.split('/').map(FileName::parse).collect::<Result<Vec<_>, _>>()?;
        if directories.len() > Self::MAX_COMPONENTS {
            return Err(TextError::TooLong { limit: Self::MAX_COMPONENTS });
        }
        let name = directories.pop().ok_or(TextError::Shape)?;
        Ok(MemberPath { directories, name })
    }

    /// The last component.
    pub fn file_name(&self) -> &FileName {
        &self.name
    }

    /// The components before the last.
    pub fn directories(&self) -> &[FileName] {
        &self.directories
    }

    /// The same place under another name; `None` where the path would grow too long.
    pub fn with_file_name(&self, name: FileName) -> Option<MemberPath> {
        let path = MemberPath { directories: self.directories.clone(), name };
        (path.byte_len() <= Self::MAX_BYTES).then_some(path)
    }

    /// Bytes of the path with its separators.
    pub fn byte_len(&self) -> usize {
        self.directories.iter().fold(self.name.0.len(), |sum, name| sum.saturating_add(name.0.len()).saturating_add(1))
    }
}

impl From<FileName> for MemberPath {
    fn from(name: FileName) -> MemberPath {
        MemberPath { directories: Vec::new(), name }
    }
}

impl fmt::Display for MemberPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for directory in &self.directories {
            write!(f, "{directory}/")?;
        }
        f.write_str(&self.name.0)
    }
}

/// Old mail programs and browsers send the whole path of the file; its directories name the sender's user and servers. A
/// relative `R6/7 報告` is a title, and stays.
fn without_directories(raw: &str) -> &str {
    let drive = matches!(raw.as_bytes(), [letter, b':', b'/' | b'\\', ..] if letter.is_ascii_alphabetic());
    if drive || raw.starts_with(['/', '\\']) { raw.rsplit(['/', '\\']).next().unwrap_or(raw) } else { raw }
}

/// A character as it may stand in a name.
fn plain(c: char) -> char {
    match c {
        '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
        // Windows converts these to the separator they look like when a program asks for the name in CP932 or CP949.
        '¥' => '￥',
        '₩' => '￦',
        '\u{2044}' | '\u{2215}' | '\u{29F8}' => '／',
        '\u{2216}' | '\u{29F5}' => '＼',
        '\u{2236}' => '：',
        // One kind of narrow space: the others only serve to make two names look like one.
        '\u{A0}' | '\u{1680}' | '\u{2000}'..='\u{200A}' | '\u{202F}' | '\u{205F}' => ' ',
        _ => c,
    }
}

fn is_edge(c: char) -> bool {
    c == '.' || c.is_whitespace()
}

/// Puts `_` before a name that Windows opens as a device, whatever its extension.
fn undevice(name: &mut String) -> bool {
    let base = name.split('.').next().unwrap_or_default().trim_end();
    let upper = base.to_ascii_uppercase();
    let port = upper.strip_prefix("COM").or_else(|| upper.strip_prefix("LPT"));
    let numbered = port.is_some_and(|digit| {
        let mut chars = digit.chars();
        matches!((chars.next(), chars.next()), (Some('0'..='9' | '¹' | '²' | '³'), None))
    });
    let device = numbered || matches!(upper.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$");
    if device {
        name.insert(0, '_');
    }
    device
}

fn split_extension(name: &str) -> (&str, Option<&str>) {
    match name.rsplit_once('.') {
        Some((stem, extension))
            if !stem.is_empty()
                && (1..=EXTENSION_BYTES).contains(&extension.len())
                && extension.bytes().all(|b| b.is_ascii_alphanumeric()) =>
        {
            (stem, Some(extension))
        }
        _ => (name, None),
    }
}

/// The name cut before its extension so that it fits with `tail` after the stem.
fn fitted(name: &str, tail: &str) -> String {
    let (stem, extension) = split_extension(name);
    match extension {
        Some(extension) => with_tail(stem, &format!("{tail}.{extension}")),
        None => with_tail(stem, tail),
    }
}

/// `stem` and `tail`, the stem cut at a character so that both fit a name.
fn with_tail(stem: &str, tail: &str) -> String {
    let keep = FileName::MAX_BYTES.saturating_sub(tail.len());
    let kept = stem.get(..stem.floor_char_boundary(keep)).unwrap_or_default();
    let kept = if kept.len() < stem.len() { kept.trim_end_matches(is_edge) } else { kept };
    format!("{kept}{tail}")
}

const EXTENSION_BYTES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rebuilt(raw: &str) -> String {
        FileName::rebuild(raw).0.as_str().to_owned()
    }

    #[test]
    fn names_come_out_as_expected() {
        let long = "あ".repeat(200);
        let table: &[(&str, &str)] = &[
            ("令和6年度　予算.xlsx", "令和6年度　予算.xlsx"),
            ("葛\u{E0100}城市.docx", "葛\u{E0100}城市.docx"),
            ("invoice\u{202E}fdp.exe", "invoicefdp.exe"),
            ("a\0b\r\n.txt", "ab .txt"),
            ("../../etc/passwd", "_.._etc_passwd"),
            ("/etc/passwd", "passwd"),
            ("C:\\Users\\taro\\報告.doc", "報告.doc"),
            ("\\\\server\\share\\x.doc", "x.doc"),
            ("R6/7 報告.docx", "R6_7 報告.docx"),
            ("file.txt::$DATA", "file.txt__$DATA"),
            ("a*b?c\"d<e>f|g", "a_b_c_d_e_f_g"),
            ("¥¥server¥a", "￥￥server￥a"),
            ("a\u{2215}b", "a／b"),
            (" .hidden. ", "hidden"),
            (".\u{FE00}a", "a"),
            ("　全角　", "全角"),
            ("...", "unnamed"),
            ("", "unnamed"),
            ("\u{200B}", "unnamed"),
            ("CON", "_CON"),
            ("con.txt", "_con.txt"),
            ("nul .tar.gz", "_nul .tar.gz"),
            ("COM1", "_COM1"),
            ("LPT¹.doc", "_LPT¹.doc"),
            ("COM10", "COM10"),
            ("CONSOLE", "CONSOLE"),
            ("x.{ED7BA470-8E54-465E-825C-99712043E01C}", "x._ED7BA470-8E54-465E-825C-99712043E01C}"),
            (&long, &"あ".repeat(85)),
        ];
        for (raw, expected) in table {
            assert_eq!(rebuilt(raw), *expected, "{raw:?}");
        }
    }

    #[test]
    fn whatever_is_changed_is_said() {
        let changed = |raw: &str| FileName::rebuild(raw).1;
        assert_eq!(changed("a\nb").scrubbed.folded, 1);
        assert_eq!(changed("a/b").replaced, 1);
        assert!(changed("/a/b").path_cut);
        assert!(changed("a.").trimmed);
        assert!(changed("aux.h").device);
        assert!(changed("").unnamed);
        assert!(changed("予算 (2).xlsx").is_clean());
    }

    #[test]
    fn a_name_holds_255_bytes_and_not_256() {
        let name = format!("{}.txt", "a".repeat(251));
        assert_eq!(FileName::parse(&name).unwrap().as_str(), name);
        let name = format!("{}.txt", "a".repeat(252));
        assert_eq!(FileName::parse(&name), Err(TextError::TooLong { limit: 255 }));
        let (short, changes) = FileName::rebuild(&name);
        assert_eq!(short.as_str(), format!("{}.txt", "a".repeat(251)));
        assert!(changes.shortened);
        // A name that only cutting turns into a device.
        assert_eq!(rebuilt(&format!("CON{}x.txt", " ".repeat(300))), "_CON.txt");
    }

    #[test]
    fn extensions_are_split_replaced_added_and_kept_behind_a_number() {
        let name = |raw: &str| FileName::parse(raw).unwrap();
        assert_eq!(name("a.tar.gz").extension(), Some("gz"));
        assert_eq!(name("第1.予算").extension(), None);
        assert_eq!(name("a").extension(), None);
        assert_eq!(name("写真.bmp").with_extension("png").as_str(), "写真.png");
        assert_eq!(name("写真").with_extension("png").as_str(), "写真.png");
        assert_eq!(name("報告.2024").with_added_extension("txt").as_str(), "報告.2024.txt");
        assert_eq!(name("a.txt").with_extension("../x").as_str(), "a.x");
        assert_eq!(name("a.txt").with_extension("").as_str(), "a");
        assert_eq!(name("a.txt").numbered(2).as_str(), "a (2).txt");
        assert_eq!(name("a").numbered(2).as_str(), "a (2)");
        let long = name(&format!("{}.txt", "a".repeat(251)));
        assert_eq!(long.numbered(12).as_str(), format!("{} (12).txt", "a".repeat(246)));
    }

    #[test]
    fn paths_that_lead_out_are_refused() {
        for raw in
            ["../a", "a/../../b", "/etc/passwd", "\\a", "C:\\a", "c:a", "a/..\u{200B}/b", "a\\..\\b", "a/.. /b", ".."]
        {
            assert_eq!(MemberPath::rebuild(raw), Err(Reason::ZipSlip), "{raw:?}");
        }
        let (path, changes) = MemberPath::rebuild("./資料//第1章\\図.png").unwrap();
        assert_eq!(path.to_string(), "資料/第1章/図.png");
        assert_eq!(path.file_name().as_str(), "図.png");
        assert!(changes.is_clean());
        for raw in ["", "a//b", "./a", "../a", "/a", "a/", "CON/a", "a\\b"] {
            assert!(MemberPath::parse(raw).is_err(), "{raw:?}");
        }
    }

    #[test]
    fn a_path_holds_1024_bytes_and_64_components_and_not_more() {
        let directory = format!("{}/", "d".repeat(255));
        let path = format!("{}{}", directory.repeat(3), "f".repeat(255));
        assert_eq!(path.len(), 1023);
        let wide = format!("{}{}/{}", directory.repeat(3), "e".repeat(127), "f".repeat(128));
        assert_eq!(wide.len(), 1024);
        assert!(MemberPath::parse(&wide).is_ok());
        assert!(MemberPath::rebuild(&wide).is_ok());
        let wider = format!("{wide}f");
        assert!(MemberPath::parse(&wider).is_err());
        assert_eq!(MemberPath::rebuild(&wider), Err(Reason::LimitNameBytes));
        assert!(MemberPath::parse(&format!("{}a", "d/".repeat(63))).is_ok());
        assert!(MemberPath::parse(&format!("{}a", "d/".repeat(64))).is_err());
        assert_eq!(MemberPath::rebuild(&format!("{}a", "d/".repeat(64))), Err(Reason::LimitNameBytes));
    }

    fn tricky() -> impl Strategy<Value = String> {
        let marks: Vec<String> = [
            "a",
            "葛",
            ".",
            " ",
            "\u{3000}",
            "/",
            "\\",
            ":",
            "{",
            "}",
            "CON",
            "nul",
            "COM1",
            "\u{FE00}",
            "\u{E0100}",
            "\u{200D}",
            "👨",
            "¥",
            "\u{A0}",
            "\n",
            "_",
            "1",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "txt",
        ]
        .map(str::to_owned)
        .to_vec();
        prop_oneof![
            proptest::collection::vec(proptest::sample::select(marks), 0..20).prop_map(|parts| parts.concat()),
            any::<String>(),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn a_rebuilt_name_parses_and_is_a_fixed_point(raw in tricky()) {
            let (name, changes) = FileName::rebuild(&raw);
            prop_assert_eq!(FileName::parse(name.as_str()), Ok(name.clone()));
            prop_assert_eq!(changes.is_clean(), name.as_str() == raw);
            prop_assert!(Line::parse(name.as_str()).is_ok());
        }

        #[test]
        fn derived_names_parse(raw in tricky(), extension in tricky(), number in any::<u32>()) {
            let (name, _) = FileName::rebuild(&raw);
            for derived in [name.numbered(number), name.with_extension(&extension), name.with_added_extension(&extension)] {
                prop_assert_eq!(FileName::parse(derived.as_str()), Ok(derived.clone()));
            }
        }

        #[test]
        fn a_rebuilt_path_parses(raw in tricky()) {
            if let Ok((path, _)) = MemberPath::rebuild(&raw) {
                prop_assert_eq!(MemberPath::parse(&path.to_string()), Ok(path));
            }
        }
    }
}
