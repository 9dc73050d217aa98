//! Names of a workbook that the program which converted it did not read. They come with the job, and are read as if that program had written
//! them (ECMA-376 part 1, section 18.2.5).

use std::fmt::Write as _;

use form::book_names::BookNames;
use form::{Findings, Place, Reason};
use quick_xml::escape::escape;

use super::workbook::Sheets;

/// The names as markup; those of a sheet that is not there are told.
pub(super) fn markup(names: &BookNames, sheets: &Sheets, findings: &mut Findings) -> String {
    let mut markup = String::new();
    for name in names.iter() {
        let (text, formula) = (name.name.as_str(), escape(name.formula.as_str()));
        let of_sheet = match &name.sheet {
            None => String::new(),
            Some(sheet) => match sheets.place(sheet.as_str()) {
                Some(place) => format!(r#" localSheetId="{place}""#),
                None => {
                    findings.add(Reason::NamesLost, Place::new(&format!("{}!{text}", sheet.as_str())));
                    continue;
                }
            },
        };
        let _ = write!(markup, r#"<definedName xmlns="{X}" name="{}"{of_sheet}>{formula}</definedName>"#, escape(text));
    }
    markup
}

/// The list of such names, for a workbook that has none.
pub(super) fn list(markup: &str) -> String {
    format!(r#"<definedNames xmlns="{X}">{markup}</definedNames>"#)
}

const X: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
