//! Shapes of VML drawings (ECMA-376 part 4, section 19) that lie beside sheets and slides: form controls, and the pictures of embedded
//! objects in files of Office 2007. The drawings themselves do not cross.

use quick_xml::events::Event;

use super::xml;
use crate::zip::Package;

/// What a shape says that is of use.
#[derive(Debug, Default)]
pub(super) struct Shape {
    pub(super) id: String,
    /// What other parts call it: its name, unless its author gave it one.
    pub(super) number: String,
    /// `ClientData/@ObjectType`, for shapes of a sheet.
    pub(super) object: String,
    /// Column, pixels, row and pixels of its first corner, then of its last.
    pub(super) anchor: Option<[[i64; 4]; 2]>,
    /// 0, 1 or, for neither, 2.
    pub(super) checked: u8,
    pub(super) text: String,
    /// The relationship of the drawing that leads to its picture.
    pub(super) picture: String,
    pub(super) has_macro: bool,
    /// It is on the screen only.
    pub(super) is_not_printed: bool,
    /// It is nowhere to be seen.
    pub(super) is_hidden: bool,
    /// It has a line around it, which its sort would not have.
    pub(super) has_line: bool,
    /// Width and height in hundredths of a point, where its style says both.
    pub(super) size: Option<[u32; 2]>,
    /// Row and column of the cell that a note is of, from 0.
    pub(super) cell: [Option<u32>; 2],
    /// The entries of a list that are chosen, from 1.
    pub(super) chosen: Vec<u32>,
    /// The cells that a list takes its entries from.
    pub(super) entries: String,
}

/// The shapes of a drawing up to the first that cannot be read: Excel writes `<br>` without an end into its texts.
pub(super) fn shapes(package: &Package<'_>, name: &str) -> Vec<Shape> {
    let (mut shapes, mut buffer) = (Vec::new(), Vec::new());
    let Some(mut xml) = package.part(name).ok().flatten().and_then(|part| xml::open(part).ok()) else {
        return shapes;
    };
    let config = xml.config_mut();
    (config.check_end_names, config.allow_unmatched_ends, config.allow_dangling_amp) = (false, true, true);
    let (mut current, mut field, mut in_text) = (None::<Shape>, String::new(), false);
    let mut value = String::new();
    while let Ok(event) = xml::next(&mut xml, &mut buffer) {
        match event {
            Event::Start(ref tag) | Event::Empty(ref tag) => {
                let element = tag.local_name().as_ref().to_owned();
                let attribute = |name: &str| {
                    let mut all = tag.attributes();
                    let found = all.with_checks(false).filter_map(Result::ok);
                    let mut found = found.filter(|each| each.key.local_name().as_ref() == name);
                    found.next().and_then(|each| xml::value(&each.value).ok().map(|value| value.into_owned()))
                };
                match (element.as_str(), &mut current) {
                    ("shape", _) if shapes.len() < MAX_SHAPES => {
                        let style = attribute("style").unwrap_or_default().to_ascii_lowercase();
                        let is_hidden = style.split(';').any(|property| {
                            property.split_once(':').is_some_and(|(name, value)| {
                                name.trim() == "visibility" && matches!(value.trim(), "hidden" | "collapse")
                            })
                        });
                        let id = attribute("id").unwrap_or_default();
                        let has_line = attribute("stroked").is_some_and(|value| matches!(value.as_str(), "t" | "true"));
                        let size = length(&style, "width").zip(length(&style, "height")).map(|(x, y)| [x, y]);
                        let number = attribute("spid").unwrap_or_else(|| id.clone());
                        current = Some(Shape { id, number, is_hidden, has_line, size, ..Shape::default() });
                    }
                    ("imagedata", Some(shape)) => {
                        shape.picture = attribute("relid").or_else(|| attribute("id")).unwrap_or_default();
                    }
                    ("ClientData", Some(shape)) => shape.object = attribute("ObjectType").unwrap_or_default(),
                    ("br", Some(shape)) if in_text => shape.text.push(' '),
                    ("textbox", Some(_)) => in_text = matches!(event, Event::Start(_)),
                    _ => {}
                }
                (field, value) = (element, String::new());
            }
            Event::Text(text) => match &mut current {
                Some(shape) if in_text && shape.text.len() < MAX_TEXT_BYTES => shape.text.push_str(&text),
                _ if value.len() < MAX_TEXT_BYTES => value.push_str(&text),
                _ => {}
            },
            Event::GeneralRef(reference) => {
                if let Some(shape) = current.as_mut().filter(|shape| in_text && shape.text.len() < MAX_TEXT_BYTES) {
                    shape.text.push(xml::character(&reference).unwrap_or(' '));
                }
            }
            Event::End(tag) => {
                let element = tag.local_name().as_ref().to_owned();
                if let Some(shape) = current.as_mut().filter(|_| element == field) {
                    match element.as_str() {
                        "Anchor" => shape.anchor = anchor(&value),
                        "Checked" => shape.checked = value.trim().parse().unwrap_or(0),
                        "PrintObject" => shape.is_not_printed = value.trim().eq_ignore_ascii_case("false"),
                        "FmlaMacro" => shape.has_macro = !value.trim().is_empty(),
                        "Row" => shape.cell[0] = value.trim().parse().ok(),
                        "Column" => shape.cell[1] = value.trim().parse().ok(),
                        "FmlaRange" => shape.entries = value.trim().to_owned(),
                        "Sel" | "MultiSel" => {
                            let numbers = value.split(',').filter_map(|number| number.trim().parse::<u32>().ok());
                            shape.chosen.extend(numbers.filter(|number| *number > 0).take(MAX_CHOSEN));
                            shape.chosen.truncate(MAX_CHOSEN);
                        }
                        _ => {}
                    }
                }
                in_text &= element != "textbox";
                if element == "shape"
                    && let Some(mut shape) = current.take()
                {
                    // Lines are broken anywhere in the source; a wide space was typed.
                    shape.text = shape.text.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
                    shapes.push(shape);
                }
                field.clear();
            }
            Event::Eof => break,
            _ => {}
        }
    }
    shapes
}

/// A length of a style in hundredths of a point.
fn length(style: &str, name: &str) -> Option<u32> {
    let value = style.split(';').find_map(|property| {
        let (known, value) = property.split_once(':')?;
        (known.trim() == name).then(|| value.trim())
    })?;
    let unit = value.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(value.len());
    let (number, unit) = value.split_at_checked(unit)?;
    let points = match unit {
        "pt" => 1.0,
        "in" => 72.0,
        "cm" => 72.0 / 2.54,
        "mm" => 7.2 / 2.54,
        // Pixels of 1/96 inch, which are meant where no unit stands.
        "px" | "" => 0.75,
        _ => return None,
    };
    let hundredths = number.trim().parse::<f64>().ok()? * points * 100.0;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within the bounds of the number")]
    (0.0..=4_000_000_000.0).contains(&hundredths).then(|| hundredths.round() as u32)
}

/// Column, pixels, row and pixels of two corners; nothing for a place that no sheet has.
fn anchor(text: &str) -> Option<[[i64; 4]; 2]> {
    let mut numbers = text.split(',').map(|number| number.trim().parse::<u32>().ok());
    let mut within = |most: u32| numbers.next()?.filter(|number| *number <= most).map(i64::from);
    let mut corner = || Some([within(LAST_COLUMN)?, within(MAX_PIXELS)?, within(LAST_ROW)?, within(MAX_PIXELS)?]);
    Some([corner()?, corner()?])
}

/// The last column and row of a sheet (ECMA-376 part 1, section 18.3.1.4), from 0.
const LAST_COLUMN: u32 = 16_383;
const LAST_ROW: u32 = 1_048_575;
/// Pixels between a corner and the cell that it is in.
const MAX_PIXELS: u32 = 65_535;
/// Shapes of one drawing that are looked at, and bytes of the text of one.
const MAX_SHAPES: usize = 5_000;
const MAX_TEXT_BYTES: usize = 4_096;
/// Entries of one list that are looked at.
const MAX_CHOSEN: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_in_hundredths_of_a_point() {
        let table = [
            ("width:113.25pt", Some(11_325)),
            ("a:b; width : 1in ;height:3pt", Some(7_200)),
            ("width:2.54cm", Some(7_200)),
            ("width:96px", Some(7_200)),
            ("width:96", Some(7_200)),
            ("width:-1pt", None),
            ("width:1e99pt", None),
            ("width:5em", None),
            ("height:1pt", None),
        ];
        for (style, expected) in table {
            assert_eq!(length(style, "width"), expected, "{style}");
        }
    }

    #[test]
    fn anchors_are_eight_numbers() {
        assert_eq!(anchor("\n    4, 6, 6, 1, 8, 16, 7, 0"), Some([[4, 6, 6, 1], [8, 16, 7, 0]]));
        assert_eq!(anchor("0,0,0,0,16383,0,1048575,0"), Some([[0; 4], [16_383, 0, 1_048_575, 0]]));
        let outside = ["0,0,0,0,16384,0,0,0", "0,0,0,0,0,0,1048576,0", "16384,0,0,0,0,0,0,0"];
        for bad in ["", "1,2,3", "1,2,3,4,5,6,7,-8", "1,2,3,4,5,6,7,x"].into_iter().chain(outside) {
            assert_eq!(anchor(bad), None, "{bad}");
        }
    }
}
