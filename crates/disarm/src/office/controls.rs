//! Form controls of sheets as what a reader sees of them: check boxes with their mark, option buttons, drop-down lists with what is chosen,
//! buttons, labels and frames become shapes with their text in the sheet's drawing. What they do does not cross, and neither does what
//! was hidden.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use form::{Findings, Place, Reason};
use quick_xml::escape::escape;

use super::cells::{self, Cell};
use super::graph::Graph;
use super::previews::{self, corners};
use super::relationships::file_name;
use super::vml::{self, Shape};
use super::workbook::{self, Sheets};
use crate::zip::Package;

/// Controls of one sheet that were added to a drawing, of which it is not known yet whether it crosses.
pub(super) struct Drawn {
    pub(super) drawing: usize,
    pub(super) count: u32,
    pub(super) place: Place,
}

/// A control and the sheet that it is on.
struct Control {
    sheet: usize,
    shape: Shape,
    look: Look,
}

/// Adds shapes for the controls of all sheets to what is added to their drawings. Tells of those that cannot be shown.
pub(super) fn add(
    package: &Package<'_>,
    graph: &mut Graph,
    sheets: &Sheets,
    additions: &mut HashMap<usize, String>,
    findings: &mut Findings,
) -> Vec<Drawn> {
    let (mut controls, mut counts) = (Vec::new(), Vec::new());
    for (sheet, node) in graph.nodes.iter().enumerate() {
        let place = || file_name(node.name.trim_end_matches(".xml"));
        let (mut found, mut shown) = (0_u32, 0_u32);
        // Excel 2007 describes controls in the drawing of VML only, later ones each in a part as well.
        for shape in node.vml.iter().flat_map(|name| vml::shapes(package, name)) {
            if !CONTROLS.contains(&shape.object.as_str()) {
                continue;
            }
            found = found.saturating_add(1);
            if shape.has_macro {
                findings.add(Reason::Macros, place());
            }
            if let Some(look) = Look::of(&shape).filter(|_| shape.anchor.is_some() && !shape.is_hidden)
                && controls.len() < MAX_DRAWN
            {
                shown = shown.saturating_add(1);
                controls.push(Control { sheet, shape, look });
            }
        }
        let found = found.max(node.controls);
        if found > 0 {
            counts.push((sheet, found, shown, place()));
        }
    }
    name_entries(package, graph, &mut controls);
    let chosen = chosen(package, graph, sheets, &controls);
    let mut drawn: Vec<Drawn> = Vec::new();
    for (sheet, found, shown, place) in counts {
        let drawing = if shown > 0 { previews::drawing_of(package, graph, sheet) } else { None };
        let mut count = 0_u32;
        if let Some(drawing) = drawing {
            let addition = additions.entry(drawing).or_default();
            for (number, control) in (1_u32..).zip(&controls) {
                let Some(anchor) = control.shape.anchor.filter(|_| control.sheet == sheet) else { continue };
                if addition.len() > MAX_ADDED_BYTES {
                    break;
                }
                addition.push_str(&sheet_shape(control, &control.lines(&chosen), anchor, number));
                // A list whose choice is not known is empty, which is not told as shown.
                count = count.saturating_add(u32::from(!control.lacks_choice(&chosen)));
            }
            drawn.push(Drawn { drawing, count, place: place.clone() });
        }
        findings.add_many(Reason::Controls, found.saturating_sub(count), place);
    }
    drawn
}

/// Puts the cells that a name of the workbook stands for in the place of that name.
fn name_entries(package: &Package<'_>, graph: &Graph, controls: &mut [Control]) {
    let name = |control: &Control| {
        let entries = control.shape.entries.as_str();
        let entries = entries.strip_prefix("[0]!").unwrap_or(entries);
        let is_name = control.look.is_list && !entries.is_empty() && !entries.contains('!');
        (is_name && cells::range(entries).is_none()).then(|| workbook::folded(entries))
    };
    let wanted: HashSet<String> = controls.iter().filter_map(name).collect();
    if wanted.is_empty() {
        return;
    }
    let names = workbook::names(package, graph, &wanted);
    for control in controls {
        // A place without a sheet is not known.
        if let Some(range) = name(control).and_then(|name| names.get(&name)).filter(|range| range.contains('!')) {
            control.shape.entries = range.trim().trim_start_matches('=').to_owned();
        }
    }
}

/// What stands in the cells that lists show.
fn chosen(
    package: &Package<'_>,
    graph: &Graph,
    sheets: &Sheets,
    controls: &[Control],
) -> HashMap<(usize, String), HashMap<Cell, String>> {
    let mut wanted: HashMap<usize, Vec<Cell>> = HashMap::new();
    let mut ranges: Vec<((usize, String), usize, Vec<Cell>)> = Vec::new();
    for control in controls.iter().filter(|control| control.look.is_list && !control.shape.entries.is_empty()) {
        let Some((part, entries)) = control.chosen_cells(sheets) else { continue };
        wanted.entry(part).or_default().extend(&entries);
        ranges.push(((control.sheet, control.key()), part, entries));
    }
    let values = cells::values(package, graph, &wanted);
    let of = |part: usize, entries: Vec<Cell>| -> HashMap<Cell, String> {
        let value = |cell: Cell| Some((cell, values.get(&(part, cell))?.clone()));
        entries.into_iter().filter_map(value).collect()
    };
    ranges.into_iter().map(|(key, part, entries)| (key, of(part, entries))).collect()
}

impl Control {
    /// What tells its cells from those of other lists of the sheet.
    fn key(&self) -> String {
        let chosen: Vec<String> = self.shape.chosen.iter().map(u32::to_string).collect();
        format!("{}#{}", self.shape.entries, chosen.join(","))
    }

    /// The cells of the entries that are chosen, and the part of the sheet that they are on.
    fn chosen_cells(&self, sheets: &Sheets) -> Option<(usize, Vec<Cell>)> {
        let (sheet, range) = match self.shape.entries.rsplit_once('!') {
            Some((sheet, range)) => {
                let name = sheet.strip_prefix('\'').and_then(|name| name.strip_suffix('\'')).unwrap_or(sheet);
                (sheets.part(&name.replace("''", "'"))?, range)
            }
            None => (self.sheet, self.shape.entries.as_str()),
        };
        let (first, last) = cells::range(range)?;
        let entries = self.shape.chosen.iter().filter_map(|number| first.below(number.checked_sub(1)?));
        Some((sheet, entries.filter(|cell| cell.row <= last.row).collect()))
    }

    /// It is a list of which something is chosen, and nothing of that is known.
    fn lacks_choice(&self, chosen: &HashMap<(usize, String), HashMap<Cell, String>>) -> bool {
        let is_known = || chosen.get(&(self.sheet, self.key())).is_some_and(|values| !values.is_empty());
        self.look.is_list && !self.shape.chosen.is_empty() && !is_known()
    }

    /// What it shows.
    fn lines(&self, chosen: &HashMap<(usize, String), HashMap<Cell, String>>) -> Vec<String> {
        if !self.look.is_list {
            return vec![format!("{}{}", self.look.mark, self.shape.text)];
        }
        let values = chosen.get(&(self.sheet, self.key()));
        let mut values: Vec<(&Cell, &String)> = values.into_iter().flatten().collect();
        values.sort_unstable();
        let mut lines: Vec<String> = values.into_iter().map(|(_, value)| value.clone()).collect();
        if lines.is_empty() {
            lines.push(String::new());
        }
        if let Some(line) = lines.first_mut() {
            line.push_str(self.look.mark);
        }
        lines
    }
}

/// How a control looks.
struct Look {
    mark: &'static str,
    /// What it shows is what is chosen from a list.
    is_list: bool,
    has_border: bool,
    fill: &'static str,
    anchor: &'static str,
    align: &'static str,
}

impl Look {
    /// How a control looks that shows words.
    fn of(shape: &Shape) -> Option<Look> {
        let plain = Look { mark: "", is_list: false, has_border: false, fill: "", anchor: "ctr", align: "l" };
        let list = Look { is_list: true, has_border: true, fill: "FFFFFF", ..plain };
        Some(match (shape.object.as_str(), shape.checked) {
            ("Checkbox", 0) => Look { mark: "☐ ", ..plain },
            ("Checkbox", 1) => Look { mark: "☑ ", ..plain },
            ("Checkbox", _) => Look { mark: "▣ ", ..plain },
            ("Radio", 0) => Look { mark: "○ ", ..plain },
            ("Radio", _) => Look { mark: "◉ ", ..plain },
            ("Label", _) => plain,
            ("GBox", _) => Look { has_border: true, anchor: "t", ..plain },
            ("Button", _) => Look { has_border: true, fill: "F0F0F0", align: "ctr", ..plain },
            ("Drop", _) => Look { mark: " ▾", ..list },
            ("List", _) => Look { anchor: "t", ..list },
            _ => return None,
        })
    }
}

fn sheet_shape(control: &Control, lines: &[String], anchor: [[i64; 4]; 2], number: u32) -> String {
    let look = &control.look;
    // VML counts pixels of 1/96 inch.
    let [from, to] = anchor
        .map(|[column, x, row, y]| [column, x.saturating_mul(EMU_PER_PIXEL), row, y.saturating_mul(EMU_PER_PIXEL)]);
    let fill = match look.fill {
        "" => "<a:noFill/>".to_owned(),
        colour => format!(r#"<a:solidFill><a:srgbClr val="{colour}"/></a:solidFill>"#),
    };
    let line = if look.has_border { r#"<a:solidFill><a:srgbClr val="A0A0A0"/></a:solidFill>"# } else { "<a:noFill/>" };
    let mut text = String::new();
    for line in lines {
        // Writing to memory does not fail.
        let _ = write!(
            text,
            r#"<a:p><a:pPr algn="{}"/><a:r><a:rPr lang="ja-JP" sz="900"/><a:t>{}</a:t></a:r></a:p>"#,
            look.align,
            escape(line.as_str()),
        );
    }
    let id = FIRST_ID.saturating_add(number);
    format!(
        r#"<xdr:twoCellAnchor xmlns:xdr="{}" xmlns:a="{}">{}<xdr:sp><xdr:nvSpPr><xdr:cNvPr id="{id}" name="Control {number}"/><xdr:cNvSpPr txBox="1"/></xdr:nvSpPr><xdr:spPr><a:prstGeom prst="rect"><a:avLst/></a:prstGeom>{fill}<a:ln w="9525">{line}</a:ln></xdr:spPr><xdr:txBody><a:bodyPr vertOverflow="overflow" horzOverflow="overflow" wrap="square" lIns="18288" tIns="0" rIns="0" bIns="0" anchor="{}"/><a:lstStyle/>{text}</xdr:txBody></xdr:sp><xdr:clientData{}/></xdr:twoCellAnchor>"#,
        previews::XDR,
        previews::A,
        corners(&from, &to),
        look.anchor,
        if control.shape.is_not_printed { r#" fPrintsWithSheet="0""# } else { "" },
    )
}

/// What VML calls form controls (ECMA-376 part 4, section 19.7.2); the others are notes, pictures, and controls of other programs.
const CONTROLS: [&str; 11] =
    ["Button", "Checkbox", "Dialog", "Drop", "Edit", "GBox", "Label", "List", "Radio", "Scroll", "Spin"];
const EMU_PER_PIXEL: i64 = 9_525;
/// Beyond the numbers of previews.
const FIRST_ID: u32 = 910_000;
/// Controls of a document that are shown, and bytes of markup from which on no more are added to one drawing.
const MAX_DRAWN: usize = 10_000;
const MAX_ADDED_BYTES: usize = 8 * 1024 * 1024;
