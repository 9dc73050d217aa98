//! Packages out of scripts: the fuzzer's bytes walk through the vocabulary of the form, so that most of what it makes is nearly
//! a document.
//!
//! A script is a byte for the family, then parts: a byte for the kind, one for the part that refers to it, two for how many
//! bytes are its content, and those. Content that begins with `<` is markup as it is; anything else is a walk.

use form::Kind;
use form::office::{AttributeKind, Namespace, PartKind, Type, fits, main_part};

use crate::zip;

const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// The package that a script makes.
pub fn assembled(script: &[u8]) -> Vec<u8> {
    let (family, mut rest) = script.split_first().map_or((0, script), |(family, rest)| (*family, rest));
    let kind = [Kind::Flow, Kind::Sheet, Kind::Slides][usize::from(family % 3)];
    let main = main_part(kind).expect("a kind of package");
    let kinds: Vec<PartKind> = PartKind::all().filter(|part| fits(*part, kind)).collect();
    let mut made = Made { parts: Vec::new(), types: String::new() };
    while made.parts.len() < 24
        && let Some((head, more)) = rest.split_first_chunk::<4>()
    {
        let len = usize::from(u16::from_le_bytes([head[2], head[3]])).min(more.len());
        let (content, more) = more.split_at(len);
        let from = usize::from(head[1]) % made.parts.len().max(1);
        if made.parts.is_empty() {
            made.add(main, usize::MAX, content);
        } else {
            match head[0] {
                250 => made.attach(from, "image", "png", content),
                251 => made.attach(from, "image", "emf", content),
                252 => made.attach(from, "oleObject", "bin", content),
                253 => made.attach(from, "vbaProject", "bin", content),
                254 => made.refer(from, "hyperlink", &String::from_utf8_lossy(content), true),
                255 => made.refer(from, kinds[from % kinds.len()].relationship_type(), &made.parts[from].name(), false),
                number => made.add(kinds[usize::from(number) % kinds.len()], from, content),
            }
        }
        rest = more;
    }
    made.zip(main)
}

struct Made {
    parts: Vec<Member>,
    types: String,
}

struct Member {
    number: usize,
    extension: &'static str,
    bytes: Vec<u8>,
    relations: String,
    count: usize,
}

impl Member {
    fn name(&self) -> String {
        format!("p/m{}.{}", self.number, self.extension)
    }
}

impl Made {
    fn add(&mut self, kind: PartKind, from: usize, content: &[u8]) {
        let bytes = if content.first() == Some(&b'<') { content.to_vec() } else { Walk::new(content).part(kind) };
        self.types.push_str(&format!(
            r#"<Override PartName="/p/m{}.xml" ContentType="{}"/>"#,
            self.parts.len(),
            kind.content_type()
        ));
        self.member(from, kind.relationship_type(), "xml", bytes);
    }

    fn attach(&mut self, from: usize, tail: &str, extension: &'static str, content: &[u8]) {
        self.member(from, &format!("{OFFICE}/{tail}"), extension, content.to_vec());
    }

    fn member(&mut self, from: usize, relationship: &str, extension: &'static str, bytes: Vec<u8>) {
        let part = Member { number: self.parts.len(), extension, bytes, relations: String::new(), count: 0 };
        let name = part.name();
        if from < self.parts.len() {
            self.refer(from, relationship, &name, false);
        }
        self.parts.push(part);
    }

    fn refer(&mut self, from: usize, relationship: &str, target: &str, is_external: bool) {
        let relationship =
            if relationship.contains(':') { relationship.to_owned() } else { format!("{OFFICE}/{relationship}") };
        let target: String = target.chars().filter(|c| !matches!(c, '<' | '&' | '"') && *c >= ' ').collect();
        let (slash, mode) = if is_external { ("", r#" TargetMode="External""#) } else { ("/", "") };
        if let Some(part) = self.parts.get_mut(from) {
            part.relations.push_str(&format!(
                r#"<Relationship Id="r{}" Type="{relationship}" Target="{slash}{target}"{mode}/>"#,
                part.count
            ));
            part.count += 1;
        }
    }

    fn zip(self, main: PartKind) -> Vec<u8> {
        let package = "http://schemas.openxmlformats.org/package/2006";
        let relations =
            |inner: &str| format!(r#"<Relationships xmlns="{package}/relationships">{inner}</Relationships>"#);
        let mut members = vec![
            (
                "[Content_Types].xml".to_owned(),
                format!(r#"<Types xmlns="{package}/content-types">{}</Types>"#, self.types).into_bytes(),
            ),
            (
                "_rels/.rels".to_owned(),
                relations(&format!(r#"<Relationship Id="r0" Type="{}" Target="p/m0.xml"/>"#, main.relationship_type()))
                    .into_bytes(),
            ),
        ];
        for part in self.parts {
            let name = part.name();
            if part.count > 0 {
                members.push((
                    format!("p/_rels/m{}.{}.rels", part.number, part.extension),
                    relations(&part.relations).into_bytes(),
                ));
            }
            members.push((name, part.bytes));
        }
        zip::stored(&members)
    }
}

/// A walk through the vocabulary.
struct Walk<'s> {
    script: &'s [u8],
    out: String,
}

impl<'s> Walk<'s> {
    fn new(script: &'s [u8]) -> Walk<'s> {
        Walk { script, out: String::new() }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.script.split_first()?;
        self.script = rest;
        Some(*first)
    }

    fn part(mut self, kind: PartKind) -> Vec<u8> {
        let mut declared = String::new();
        for namespace in Namespace::all().filter(|each| !matches!(each.prefix(), "" | "xml")) {
            declared.push_str(&format!(r#" xmlns:{}="{}""#, namespace.prefix(), namespace.uri()));
        }
        self.element(kind.root(), &declared, 0);
        self.out.into_bytes()
    }

    fn element(&mut self, of: Type, declared: &str, depth: usize) {
        let name = qualified(of);
        self.out.push_str(&format!("<{name}{declared}"));
        let mut is_open = true;
        let mut used: u128 = 0;
        while let Some(byte) = self.byte() {
            match byte {
                0..=189 if of.child_count() > 0 && depth < 300 => {
                    self.seal(&mut is_open);
                    // Sheets and documents have types of more children than a byte tells apart.
                    let number = u16::from(byte) % of.child_count();
                    if let Some(child) = of.child(number) {
                        self.element(child, "", depth + 1);
                    }
                }
                190..=229 if is_open && of.all_attributes().len() > 0 => {
                    let number = usize::from(self.byte().unwrap_or(0)) % of.all_attributes().len();
                    let Some(attribute) = of.all_attributes().nth(number) else { continue };
                    if used & 1_u128.checked_shl(number as u32).unwrap_or(0) != 0 || number >= 128 {
                        continue;
                    }
                    used |= 1 << number;
                    let value = self.value(attribute.kind());
                    let prefix = attribute.namespace().prefix();
                    let colon = if prefix.is_empty() { "" } else { ":" };
                    self.out.push_str(&format!(r#" {prefix}{colon}{}="{value}""#, attribute.name()));
                }
                230..=239 => {
                    self.seal(&mut is_open);
                    let text = self.text();
                    self.out.push_str(&text);
                }
                240 => {
                    self.seal(&mut is_open);
                    let number = usize::from(self.byte().unwrap_or(0)) % WRAPPED.len();
                    self.out.push_str(WRAPPED[number]);
                }
                _ => break,
            }
        }
        if is_open {
            self.out.push_str("/>");
        } else {
            self.out.push_str(&format!("</{name}>"));
        }
    }

    fn seal(&mut self, is_open: &mut bool) {
        if *is_open {
            self.out.push('>');
            *is_open = false;
        }
    }

    fn value(&mut self, kind: AttributeKind) -> String {
        let choice = self.byte().unwrap_or(0);
        if let (AttributeKind::Enumeration { .. }, true) = (kind, choice > 8) {
            // Words of other lists are what most of these get.
            return VALUES[usize::from(choice) % VALUES.len()].to_owned();
        }
        match choice {
            0..=2 => self.text(),
            3 => format!("r{}", self.byte().unwrap_or(0) % 8),
            4 => i64::from_le_bytes([self.byte().unwrap_or(0); 8]).to_string(),
            5 => (i32::from(self.byte().unwrap_or(0)) - 100).to_string(),
            other => VALUES[usize::from(other) % VALUES.len()].to_owned(),
        }
    }

    fn text(&mut self) -> String {
        let len = usize::from(self.byte().unwrap_or(0)).min(self.script.len());
        let (text, rest) = self.script.split_at(len);
        self.script = rest;
        let plain = String::from_utf8_lossy(text).replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;");
        plain.chars().filter(|c| *c >= ' ').collect()
    }
}

fn qualified(of: Type) -> String {
    let prefix = of.namespace().prefix();
    if prefix.is_empty() { of.name().to_owned() } else { format!("{prefix}:{}", of.name()) }
}

const VALUES: &[&str] = &[
    "0",
    "1",
    "-1",
    "true",
    "false",
    "on",
    "off",
    "100%",
    "12.5pt",
    "1e308",
    "INF",
    "NaN",
    "2147483648",
    "FF0000",
    "auto",
    "none",
    "A1",
    "A1:C3",
    "XFD1048576",
    "Sheet1!A1",
    "SUM(A1:B2)",
    "begin",
    "separate",
    "end",
    "s",
    "str",
    "n",
    "shared",
    "array",
    "r0",
    "r1",
    "r2",
    "{00000000-0000-0000-0000-000000000000}",
    "http://example.jp/",
    "javascript:alert(1)",
    "file:///c:/x",
    "ppaction://hlinkshowjump?jump=nextslide",
    "ppaction://program",
    "left",
    "center",
    "yyyy/mm/dd",
    "m,l",
    "position:absolute;left:1pt",
    "_xlnm.Auto_Open",
    "0.5",
    "rId1",
    "linear",
    "2026-11-21T00:00:00Z",
    "ja-JP",
    "DDE cmd",
    "PAGE",
    "HYPERLINK &quot;x&quot;",
    "preserve",
    "w14",
    "000000",
];

/// Markup of the layer around the vocabulary, with ends of its own.
const WRAPPED: &[&str] = &[
    r#"<mc:AlternateContent><mc:Choice Requires="wps"><w:p/></mc:Choice><mc:Fallback><w:p/></mc:Fallback></mc:AlternateContent>"#,
    r#"<mc:AlternateContent><mc:Choice Requires="x14"/><mc:Fallback/></mc:AlternateContent>"#,
    r#"<mc:AlternateContent xmlns:q="urn:q"><mc:Choice Requires="q"/></mc:AlternateContent>"#,
    r#"<unknown xmlns="urn:u"><w:p/></unknown>"#,
    "<![CDATA[x]]>",
    "&#x3042;",
    "<!-- -->",
    "<?pi?>",
    r#"<w:r><w:fldChar w:fldCharType="begin"/></w:r>"#,
    r#"<w:r><w:instrText>DDEAUTO c</w:instrText></w:r>"#,
    r#"<w:r><w:fldChar w:fldCharType="end"/></w:r>"#,
    r#"<w:object><v:shape style="width:1pt;height:1pt"><v:imagedata r:id="r0"/></v:shape><o:OLEObject Type="Embed" r:id="r1"/></w:object>"#,
    r#"<p:oleObj r:id="r1"><p:pic><p:nvPicPr><p:cNvPr id="2" name=""/><p:cNvPicPr/><p:nvPr/></p:nvPicPr><p:blipFill><a:blip r:embed="r0"/></p:blipFill><p:spPr/></p:pic></p:oleObj>"#,
];
