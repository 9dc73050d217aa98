//! What a file says of itself: its title, and that it is PDF/A-2 where it is (ISO 19005-2).
//!
//! Level U needs that every letter stands for a character, level B does not. Nothing else of what we write is forbidden but
//! smoothed pictures (6.2.8), pages of less than three points (6.1.13) and more than 28 saved states (6.1.13); colours get
//! their meaning from an output intent with a profile of sRGB, built here.

use form::text::Line;

use super::syntax::whole;

/// What the file conforms to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conformance {
    /// No part of PDF/A.
    None,
    /// PDF/A-2b: it will always look the same.
    Basic,
    /// PDF/A-2u: it can be searched, too.
    Unicode,
}

/// The XMP packet; nothing where there is nothing to say.
pub(super) fn packet(title: &Line, conformance: Conformance) -> Option<String> {
    let level = match conformance {
        Conformance::None if title.is_empty() => return None,
        Conformance::None => None,
        Conformance::Basic => Some('B'),
        Conformance::Unicode => Some('U'),
    };
    let mut packet = String::from(PACKET_HEAD);
    if let Some(level) = level {
        packet.push_str(&format!(
            "<rdf:Description rdf:about=\"\" xmlns:pdfaid=\"http://www.aiim.org/pdfa/ns/id/\">\
             <pdfaid:part>2</pdfaid:part><pdfaid:conformance>{level}</pdfaid:conformance></rdf:Description>"
        ));
    }
    if !title.is_empty() {
        packet.push_str(
            "<rdf:Description rdf:about=\"\" xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\
             <dc:title><rdf:Alt><rdf:li xml:lang=\"x-default\">",
        );
        for char in title.as_str().chars() {
            match char {
                '&' => packet.push_str("&amp;"),
                '<' => packet.push_str("&lt;"),
                '>' => packet.push_str("&gt;"),
                _ => packet.push(char),
            }
        }
        packet.push_str("</rdf:li></rdf:Alt></dc:title></rdf:Description>");
    }
    packet.push_str(PACKET_TAIL);
    Some(packet)
}

/// A profile of sRGB (IEC 61966-2-1) after ICC.1:2004, version 4: three primaries under D50 and one curve.
pub(super) fn profile() -> Vec<u8> {
    let numbers = |values: &[f64]| -> Vec<u8> { values.iter().flat_map(|value| fixed(*value)).collect() };
    let element = |kind: &[u8; 4], data: &[u8]| [kind.as_slice(), &[0; 4], data].concat();
    let text = |text: &str| {
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        let length = u32::try_from(units.len()).unwrap_or(0);
        let head = [1_u32.to_be_bytes(), 12_u32.to_be_bytes(), *b"enUS", length.to_be_bytes(), 28_u32.to_be_bytes()];
        element(b"mluc", &[head.concat(), units].concat())
    };
    let curve = [&[0, 3, 0, 0], numbers(&[2.4, 1.0 / 1.055, 0.055 / 1.055, 1.0 / 12.92, 0.04045]).as_slice()].concat();
    let elements: [(&[&[u8; 4]], Vec<u8>); 8] = [
        (&[b"desc"], text("sRGB")),
        (&[b"cprt"], text("No copyright, use freely")),
        (&[b"wtpt"], element(b"XYZ ", &numbers(&D50))),
        (&[b"chad"], element(b"sf32", &numbers(&ADAPTATION))),
        (&[b"rXYZ"], element(b"XYZ ", &numbers(&[0.436_065_67, 0.222_488_40, 0.013_916_02]))),
        (&[b"gXYZ"], element(b"XYZ ", &numbers(&[0.385_147_09, 0.716_873_17, 0.097_076_42]))),
        (&[b"bXYZ"], element(b"XYZ ", &numbers(&[0.143_066_41, 0.060_607_91, 0.714_096_07]))),
        (&[b"rTRC", b"gTRC", b"bTRC"], element(b"para", &curve)),
    ];
    let tags: usize = elements.iter().map(|(tags, _)| tags.len()).sum();
    let mut place = 128_usize.saturating_add(4).saturating_add(tags.saturating_mul(12));
    let mut table = u32::try_from(tags).unwrap_or(0).to_be_bytes().to_vec();
    let mut body = Vec::new();
    for (tags, mut data) in elements {
        let length = data.len();
        for tag in tags {
            table.extend_from_slice(*tag);
            table.extend(u32::try_from(place).unwrap_or(0).to_be_bytes());
            table.extend(u32::try_from(length).unwrap_or(0).to_be_bytes());
        }
        data.resize(length.next_multiple_of(4), 0);
        place = place.saturating_add(data.len());
        body.append(&mut data);
    }
    let mut head = Vec::with_capacity(place);
    head.extend(u32::try_from(place).unwrap_or(0).to_be_bytes());
    head.extend([0; 4]);
    head.extend(0x0420_0000_u32.to_be_bytes());
    head.extend_from_slice(b"mntrRGB XYZ ");
    // A date must stand here; it is that of the standard's edition, so that files do not differ by when they were made.
    head.extend([2004_u16, 10, 22, 0, 0, 0].into_iter().flat_map(u16::to_be_bytes));
    head.extend_from_slice(b"acsp");
    head.extend([0; 28]);
    head.extend(numbers(&D50));
    head.resize(128, 0);
    [head, table, body].concat()
}

/// A number with 16 bits after the point.
fn fixed(value: f64) -> [u8; 4] {
    i32::try_from(whole(value * 65_536.0)).unwrap_or(0).to_be_bytes()
}

const D50: [f64; 3] = [0.964_202_88, 1.0, 0.824_905_40];
/// From D65 to D50 after Bradford.
const ADAPTATION: [f64; 9] = [
    1.047_882_08,
    0.022_918_70,
    -0.050_201_42,
    0.029_586_79,
    0.990_478_52,
    -0.017_059_33,
    -0.009_231_57,
    0.015_075_68,
    0.751_678_47,
];

const PACKET_HEAD: &str = "<?xpacket begin=\"\u{FEFF}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n\
    <x:xmpmeta xmlns:x=\"adobe:ns:meta/\"><rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">";
const PACKET_TAIL: &str = "</rdf:RDF></x:xmpmeta>\n<?xpacket end=\"w\"?>";
