//! Values of attributes as documents write them, to those of the form.

use form::office::{Attribute, AttributeKind, Type, Value, is_word_char};

/// The value that text stands for, where it is one of the attribute's. Relationships are not decided here.
pub(super) fn value(attribute: Attribute, of: Type, raw: &str) -> Option<Value> {
    let kind = attribute.kind();
    let text = raw.trim_matches([' ', '\t', '\n', '\r']);
    let value = match kind {
        AttributeKind::Boolean | AttributeKind::VmlBoolean => Value::Boolean(boolean(text)?),
        AttributeKind::Integer { low, high } => {
            let number = integer(text).or_else(|| measured(text, attribute, of))?;
            let other = other_sign(number, low, high).filter(|_| of.namespace().prefix() != "x");
            // LibreOffice reads the numbers of axes with a sign: one of the upper half is none to it, and all such axes are the same.
            let other =
                other.map(|bits| if matches!(of.name(), "axId" | "crossAx") { bits & 0x7FFF_FFFF } else { bits });
            // A border of Word is at most 31 points away; LibreOffice writes those of OpenDocument as far away as they are.
            let is_border = of.namespace().prefix() == "w" && attribute.name() == "space";
            let nearest = is_border.then(|| number.clamp(low, high));
            let numbers = [Some(number), other, nearest];
            Value::Integer(numbers.into_iter().flatten().find(|number| (low..=high).contains(number))?)
        }
        AttributeKind::Decimal => Value::Decimal(decimal(text)?),
        AttributeKind::Enumeration { .. } => {
            let number =
                kind.number_of(raw).or_else(|| kind.number_of(text)).or_else(|| kind.number_of(synonym(text)?));
            // Those of table rows and styles have two words in Microsoft's schemas and all of the standard's (ECMA-376 part 1,
            // section 22.9.2.7) in documents: without it, `0` would be yes.
            let switched = || kind.number_of(if boolean(text)? { "on" } else { "off" });
            Value::Enumerated(number.or_else(switched)?)
        }
        AttributeKind::VmlStyle if !kind.takes_text(raw) => Value::Text(style(kind, raw).into()),
        AttributeKind::Words { .. } | AttributeKind::Field | AttributeKind::NumberFormat => {
            // LibreOffice writes fonts to take in turn; Word has one name of at most 31 characters.
            let first =
                || raw.split_once(';').filter(|_| of.is("w", "rFonts")).and_then(|(first, _)| words(kind, first));
            let read = words(kind, raw).or_else(first)?;
            // A bullet of Windows-1252 by its number there (0x95) is a control of Unicode; PowerPoint needs one that is seen.
            let is_lost = of.is("a", "buChar") && matches!(&read, Value::Text(text) if text.is_empty());
            if is_lost { Value::Text("•".into()) } else { read }
        }
        AttributeKind::Hexadecimal
        | AttributeKind::DateTime
        | AttributeKind::List
        | AttributeKind::Measure
        | AttributeKind::Token { .. }
        | AttributeKind::Formula
        | AttributeKind::Name
        | AttributeKind::Action
        | AttributeKind::VmlStyle
        | AttributeKind::VmlPath => kind.takes_text(text).then(|| Value::Text(text.into()))?,
        AttributeKind::Relationship => return None,
    };
    Some(value)
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "true" | "on" | "t" | "True" | "TRUE" | "yes" | "y" => Some(true),
        "0" | "false" | "off" | "f" | "False" | "FALSE" | "no" | "n" => Some(false),
        _ => None,
    }
}

fn integer(text: &str) -> Option<i64> {
    text.strip_prefix('+').unwrap_or(text).parse().ok()
}

/// The same 32 bits read without a sign, or with one, where all 32 count: Office for Mac and Office 2013 write the numbers of a chart's
/// axes with one (`-2126991800`), LibreOffice the space between the characters of a grid without (`4294961151`). Not in the cells of a
/// sheet, whose numbers are places.
fn other_sign(number: i64, low: i64, high: i64) -> Option<i64> {
    match (low, high) {
        (0, 0xFFFF_FFFF) => i32::try_from(number).ok().map(|bits| bits.cast_unsigned().into()),
        (-0x8000_0000, 0x7FFF_FFFF) => u32::try_from(number).ok().map(|bits| bits.cast_signed().into()),
        _ => None,
    }
}

/// XML Schema's `double`; Rust's reader would take more words for the infinities.
fn decimal(text: &str) -> Option<f64> {
    match text {
        "INF" => Some(f64::INFINITY),
        "-INF" => Some(f64::NEG_INFINITY),
        "NaN" => Some(f64::NAN),
        _ if text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+' | b'e' | b'E')) => {
            text.parse().ok()
        }
        _ => text.strip_suffix('%').and_then(|number| number.parse::<f64>().ok()).filter(|number| number.is_finite()),
    }
}

/// Numbers with a fraction, per cent or units, as strict documents write them (ECMA-376 part 1, sections 22.9.2 and 20.1.10).
fn measured(text: &str, attribute: Attribute, of: Type) -> Option<i64> {
    let prefix = of.namespace().prefix();
    let split = text.find(|c: char| c.is_ascii_alphabetic() || c == '%').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(split)?;
    let number: f64 = number.parse().ok()?;
    let points = |points: f64| number * points;
    let emu_per_point = 12_700.0;
    let value = match unit {
        "" => number,
        // Charts count in per cent, drawings in thousandths of it, tables of Word in fiftieths.
        "%" if prefix == "c" => number,
        "%" if prefix == "w" => number * 50.0,
        "%" => number * 1_000.0,
        "pt" => points(1.0) * scale(attribute, of, prefix, emu_per_point),
        "in" => points(72.0) * scale(attribute, of, prefix, emu_per_point),
        "cm" => points(72.0 / 2.54) * scale(attribute, of, prefix, emu_per_point),
        "mm" => points(7.2 / 2.54) * scale(attribute, of, prefix, emu_per_point),
        "pc" | "pi" => points(12.0) * scale(attribute, of, prefix, emu_per_point),
        _ => return None,
    };
    whole(value)
}

/// What one point counts: Word has twentieths of it, of letters halves and of borders eighths; drawings have EMU.
fn scale(attribute: Attribute, of: Type, prefix: &str, emu_per_point: f64) -> f64 {
    match (prefix, of.name(), attribute.name()) {
        ("w", "sz" | "szCs" | "kern" | "position" | "hps" | "hpsRaise" | "hpsBaseText", _) => 2.0,
        ("w", _, "sz") => 8.0,
        ("w", _, "space") if of.attribute_named(of.namespace(), "sz").is_some() => 1.0,
        ("w", _, _) => 20.0,
        _ => emu_per_point,
    }
}

#[allow(clippy::cast_possible_truncation, reason = "within 2^53, where every whole number is exact")]
fn whole(value: f64) -> Option<i64> {
    let value = value.round();
    (value.abs() <= 9_007_199_254_740_992.0).then_some(value as i64)
}

/// What one form of the standard calls otherwise than the other.
fn synonym(word: &str) -> Option<&'static str> {
    Some(match word {
        "start" => "left",
        "end" => "right",
        "left" => "start",
        "right" => "end",
        "begin" => "start",
        _ => return None,
    })
}

/// The properties of a VML style that may cross.
fn style(kind: AttributeKind, raw: &str) -> String {
    let mut kept = String::new();
    for property in raw.split(';').map(str::trim).filter(|property| !property.is_empty()).take(MAX_PROPERTIES) {
        if kind.takes_text(property) {
            if !kept.is_empty() {
                kept.push(';');
            }
            kept.push_str(property);
        }
    }
    if kind.takes_text(&kept) { kept } else { String::new() }
}

fn words(kind: AttributeKind, raw: &str) -> Option<Value> {
    if kind.takes_text(raw) {
        return Some(Value::Text(raw.into()));
    }
    let clean: String = raw.chars().filter(|c| is_word_char(*c)).collect();
    kind.takes_text(&clean).then(|| Value::Text(clean.into()))
}

const MAX_PROPERTIES: usize = 100;

#[cfg(test)]
mod tests {
    use form::office::{Namespace, PartKind};

    use super::*;

    /// The value of an attribute that is reached by a path of `prefix:name` from the root of a part.
    fn read(part: &str, path: &[&str], attribute: &str, raw: &str) -> Option<Value> {
        let namespace = |prefix: &str| Namespace::all().find(|namespace| namespace.prefix() == prefix).unwrap();
        let mut of = PartKind::named(part).unwrap().root();
        for step in path {
            let (prefix, name) = step.split_once(':').unwrap();
            of = of.child(of.children_named(namespace(prefix), name).next().unwrap()).unwrap();
        }
        let (prefix, name) = attribute.split_once(':').unwrap();
        let number = of.attribute_named(namespace(prefix), name).unwrap();
        value(of.attribute(number).unwrap(), of, raw)
    }

    #[test]
    fn lengths_with_units_are_those_without() {
        let run = ["w:body", "w:p", "w:r", "w:rPr"];
        let with = |last: &'static str| [&run[..], &[last]].concat();
        let part = "MainDocumentPart";
        assert_eq!(read(part, &with("w:b"), "w:val", "off"), Some(Value::Boolean(false)));
        assert_eq!(read(part, &with("w:b"), "w:val", "perhaps"), None);
        let size = read(part, &["w:body", "w:sectPr", "w:pgSz"], "w:w", "8.5in");
        assert!(matches!(&size, Some(Value::Integer(12_240))) || matches!(&size, Some(Value::Text(_))), "{size:?}");
    }

    #[test]
    fn a_switch_of_two_words_takes_all_that_the_standard_has_for_yes_and_no() {
        let header = ["w:body", "w:tbl", "w:tr", "w:trPr", "w:tblHeader"];
        for (no, yes) in [("0", "1"), ("false", "true"), ("off", "on")] {
            let [no, yes] = [no, yes].map(|word| read("MainDocumentPart", &header, "w:val", word).unwrap());
            assert_eq!(
                (Some(no), Some(yes)),
                (read("MainDocumentPart", &header, "w:val", "off"), Some(Value::Enumerated(0)))
            );
        }
        assert_eq!(read("MainDocumentPart", &header, "w:val", "perhaps"), None);
        // Words that happen to be read as yes or no elsewhere are no switch.
        let side = ["w:body", "w:p", "w:pPr", "w:jc"];
        assert_eq!(read("MainDocumentPart", &side, "w:val", "1"), None);
    }

    #[test]
    fn a_number_out_of_its_range_is_none() {
        let row = ["x:sheetData", "x:row"];
        assert_eq!(read("WorksheetPart", &row, ":r", "4294967295"), Some(Value::Integer(4_294_967_295)));
        assert_eq!(read("WorksheetPart", &row, ":r", "4294967296"), None);
        assert_eq!(read("WorksheetPart", &row, ":r", "-1"), None);
        assert_eq!(read("WorksheetPart", &row, ":ht", "INF"), Some(Value::Decimal(f64::INFINITY)));
        assert_eq!(read("WorksheetPart", &row, ":ht", "inf"), None);
        assert_eq!(read("WorksheetPart", &row, ":hidden", " 1 "), Some(Value::Boolean(true)));
    }

    #[test]
    fn a_border_that_is_too_far_away_is_as_far_as_it_may_be() {
        let border = ["w:body", "w:p", "w:pPr", "w:pBdr", "w:top"];
        let space = |raw: &str| read("MainDocumentPart", &border, "w:space", raw);
        assert_eq!([space("56"), space("31"), space("4")], [31, 31, 4].map(|points| Some(Value::Integer(points))));
        assert_eq!(space("far"), None);
    }

    #[test]
    fn of_fonts_to_take_in_turn_the_first_is_taken_where_all_are_too_many() {
        let fonts = ["w:body", "w:p", "w:r", "w:rPr", "w:rFonts"];
        let text = |text: &str| Some(Value::Text(text.into()));
        let many = "HG Mincho Light J;MS Mincho;HG Mincho J;HG Mincho L";
        assert_eq!(read("MainDocumentPart", &fonts, "w:eastAsia", many), text("HG Mincho Light J"));
        assert_eq!(read("MainDocumentPart", &fonts, "w:ascii", "Arial;Verdana"), text("Arial;Verdana"));
        assert_eq!(read("MainDocumentPart", &fonts, "w:ascii", &"x".repeat(32)), None);
    }

    #[test]
    fn a_bullet_that_is_a_control_is_one_that_is_seen() {
        let bullet = ["p:cSld", "p:spTree", "p:sp", "p:txBody", "a:p", "a:pPr", "a:buChar"];
        let text = |text: &str| Some(Value::Text(text.into()));
        assert_eq!(read("SlidePart", &bullet, ":char", "\u{95}"), text("•"));
        assert_eq!(read("SlidePart", &bullet, ":char", "§"), text("§"));
    }

    #[test]
    fn all_32_bits_are_read_with_the_other_sign_too() {
        let axis = ["c:chart", "c:plotArea", "c:lineChart", "c:axId"];
        // 0x8138_AE48, and without its highest bit.
        assert_eq!(read("ChartPart", &axis, ":val", "-2126991800"), Some(Value::Integer(20_491_848)));
        let crossing = ["c:chart", "c:plotArea", "c:valAx", "c:crossAx"];
        assert_eq!(read("ChartPart", &crossing, ":val", "-2126991800"), Some(Value::Integer(20_491_848)));
        assert_eq!(read("ChartPart", &axis, ":val", "4294967295"), Some(Value::Integer(0xFFFF_FFFF)));
        assert_eq!(read("ChartPart", &axis, ":val", "-2147483649"), None);
        let grid = ["w:body", "w:sectPr", "w:docGrid"];
        assert_eq!(read("MainDocumentPart", &grid, "w:charSpace", "4294961151"), Some(Value::Integer(-6_145)));
        assert_eq!(read("MainDocumentPart", &grid, "w:charSpace", "4294967296"), None);
        // Not all 32 count.
        let gap = ["c:chart", "c:plotArea", "c:barChart", "c:gapWidth"];
        assert_eq!(read("ChartPart", &gap, ":val", "-1"), None);
    }
}
