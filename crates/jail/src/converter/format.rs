//! What is converted into what, by which filter. Nothing is sniffed: the caller has found out what a file is, in a room.

/// What the input is. It decides the import filter and the name's extension, and a file that is something else is refused by
/// that filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConvertFrom {
    /// Word 97 to 2003.
    Doc,
    /// A template of Word 97 to 2003.
    Dot,
    /// Word 6 and 95.
    DocOld,
    /// Excel 97 to 2003.
    Xls,
    /// A template of Excel 97 to 2003.
    Xlt,
    /// Excel 5 and 95.
    XlsOld,
    /// PowerPoint 97 to 2003.
    Ppt,
    /// A show of PowerPoint 97 to 2003.
    Pps,
    /// A template of PowerPoint 97 to 2003.
    Pot,
    /// Rich Text Format.
    Rtf,
    /// OpenDocument text.
    Odt,
    /// OpenDocument text template.
    Ott,
    /// OpenDocument text in one XML file.
    Fodt,
    /// OpenDocument spreadsheet.
    Ods,
    /// OpenDocument spreadsheet template.
    Ots,
    /// OpenDocument spreadsheet in one XML file.
    Fods,
    /// OpenDocument presentation.
    Odp,
    /// OpenDocument presentation template.
    Otp,
    /// OpenDocument presentation in one XML file.
    Fodp,
    /// OpenDocument drawing.
    Odg,
    /// Text of OpenOffice.org 1.
    Sxw,
    /// Spreadsheet of OpenOffice.org 1.
    Sxc,
    /// Presentation of OpenOffice.org 1.
    Sxi,
    /// Word 2007 and later.
    Docx,
    /// Excel 2007 and later.
    Xlsx,
    /// The binary kind of Excel 2007 and later.
    Xlsb,
    /// PowerPoint 2007 and later.
    Pptx,
    /// Word 2003 in one XML file.
    WordXml,
    /// Excel 2002 and 2003 in one XML file.
    ExcelXml,
}

/// What it becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ConvertTo {
    /// Word 2007 and later.
    Docx,
    /// Excel 2007 and later.
    Xlsx,
    /// PowerPoint 2007 and later.
    Pptx,
    /// Pages.
    Pdf,
}

/// The part of LibreOffice that opens a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Application {
    /// Texts.
    Writer,
    /// Spreadsheets.
    Calc,
    /// Presentations.
    Impress,
    /// Drawings.
    Draw,
}

use Application::{Calc, Draw, Impress, Writer};

impl ConvertFrom {
    /// Every one, in the order of their codes on the wire.
    pub const ALL: &'static [ConvertFrom] = &[
        ConvertFrom::Doc,
        ConvertFrom::Dot,
        ConvertFrom::DocOld,
        ConvertFrom::Xls,
        ConvertFrom::Xlt,
        ConvertFrom::XlsOld,
        ConvertFrom::Ppt,
        ConvertFrom::Pps,
        ConvertFrom::Pot,
        ConvertFrom::Rtf,
        ConvertFrom::Odt,
        ConvertFrom::Ott,
        ConvertFrom::Fodt,
        ConvertFrom::Ods,
        ConvertFrom::Ots,
        ConvertFrom::Fods,
        ConvertFrom::Odp,
        ConvertFrom::Otp,
        ConvertFrom::Fodp,
        ConvertFrom::Odg,
        ConvertFrom::Sxw,
        ConvertFrom::Sxc,
        ConvertFrom::Sxi,
        ConvertFrom::Docx,
        ConvertFrom::Xlsx,
        ConvertFrom::Xlsb,
        ConvertFrom::Pptx,
        ConvertFrom::WordXml,
        ConvertFrom::ExcelXml,
    ];

    /// Which part of LibreOffice opens it.
    pub fn application(self) -> Application {
        self.row().2
    }

    /// The usual extension, without a dot.
    pub fn extension(self) -> &'static str {
        self.row().0
    }

    /// The kind that usually has this extension (without a dot, any case). The kinds of old Word and Excel share theirs with
    /// later ones and are never given.
    pub fn from_extension(extension: &str) -> Option<ConvertFrom> {
        Self::ALL.iter().copied().find(|kind| extension.eq_ignore_ascii_case(kind.extension()))
    }

    /// The kind that stays editable; `None` for drawings, which become pages.
    pub fn editable(self) -> Option<ConvertTo> {
        match self.application() {
            Writer => Some(ConvertTo::Docx),
            Calc => Some(ConvertTo::Xlsx),
            Impress => Some(ConvertTo::Pptx),
            Draw => None,
        }
    }

    /// Whether there is a way from the one to the other: everything becomes pages, and a text does not become a spreadsheet.
    pub fn can_become(self, to: ConvertTo) -> bool {
        to == ConvertTo::Pdf || self.editable() == Some(to)
    }

    /// LibreOffice's name of the import filter.
    pub(super) fn filter(self) -> &'static str {
        self.row().1
    }

    /// Extension, filter, application. The filters' names are part of LibreOffice's interface (they stand in macros).
    fn row(self) -> (&'static str, &'static str, Application) {
        match self {
            ConvertFrom::Doc => ("doc", "MS Word 97", Writer),
            ConvertFrom::Dot => ("dot", "MS Word 97 Vorlage", Writer),
            ConvertFrom::DocOld => ("doc", "MS Word 95", Writer),
            ConvertFrom::Xls => ("xls", "MS Excel 97", Calc),
            ConvertFrom::Xlt => ("xlt", "MS Excel 97 Vorlage/Template", Calc),
            ConvertFrom::XlsOld => ("xls", "MS Excel 95", Calc),
            ConvertFrom::Ppt => ("ppt", "MS PowerPoint 97", Impress),
            ConvertFrom::Pps => ("pps", "MS PowerPoint 97 AutoPlay", Impress),
            ConvertFrom::Pot => ("pot", "MS PowerPoint 97 Vorlage", Impress),
            ConvertFrom::Rtf => ("rtf", "Rich Text Format", Writer),
            ConvertFrom::Odt => ("odt", "writer8", Writer),
            ConvertFrom::Ott => ("ott", "writer8_template", Writer),
            ConvertFrom::Fodt => ("fodt", "OpenDocument Text Flat XML", Writer),
            ConvertFrom::Ods => ("ods", "calc8", Calc),
            ConvertFrom::Ots => ("ots", "calc8_template", Calc),
            ConvertFrom::Fods => ("fods", "OpenDocument Spreadsheet Flat XML", Calc),
            ConvertFrom::Odp => ("odp", "impress8", Impress),
            ConvertFrom::Otp => ("otp", "impress8_template", Impress),
            ConvertFrom::Fodp => ("fodp", "OpenDocument Presentation Flat XML", Impress),
            ConvertFrom::Odg => ("odg", "draw8", Draw),
            ConvertFrom::Sxw => ("sxw", "StarOffice XML (Writer)", Writer),
            ConvertFrom::Sxc => ("sxc", "StarOffice XML (Calc)", Calc),
            ConvertFrom::Sxi => ("sxi", "StarOffice XML (Impress)", Impress),
            ConvertFrom::Docx => ("docx", "MS Word 2007 XML", Writer),
            ConvertFrom::Xlsx => ("xlsx", "Calc MS Excel 2007 XML", Calc),
            ConvertFrom::Xlsb => ("xlsb", "Calc MS Excel 2007 Binary", Calc),
            ConvertFrom::Pptx => ("pptx", "Impress MS PowerPoint 2007 XML", Impress),
            ConvertFrom::WordXml => ("xml", "MS Word 2003 XML", Writer),
            ConvertFrom::ExcelXml => ("xml", "MS Excel 2003 XML", Calc),
        }
    }

    pub(super) fn code(self) -> u8 {
        Self::ALL.iter().position(|kind| *kind == self).and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
    }

    pub(super) fn from_code(code: u8) -> Option<ConvertFrom> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

impl ConvertTo {
    /// Every one, in the order of their codes on the wire.
    pub const ALL: &'static [ConvertTo] = &[ConvertTo::Docx, ConvertTo::Xlsx, ConvertTo::Pptx, ConvertTo::Pdf];

    /// The usual extension, without a dot.
    pub fn extension(self) -> &'static str {
        match self {
            ConvertTo::Docx => "docx",
            ConvertTo::Xlsx => "xlsx",
            ConvertTo::Pptx => "pptx",
            ConvertTo::Pdf => "pdf",
        }
    }

    /// LibreOffice's name of the export filter.
    pub(super) fn filter(self, application: Application) -> &'static str {
        match (self, application) {
            (ConvertTo::Docx, _) => "MS Word 2007 XML",
            (ConvertTo::Xlsx, _) => "Calc MS Excel 2007 XML",
            (ConvertTo::Pptx, _) => "Impress MS PowerPoint 2007 XML",
            (ConvertTo::Pdf, Writer) => "writer_pdf_Export",
            (ConvertTo::Pdf, Calc) => "calc_pdf_Export",
            (ConvertTo::Pdf, Impress) => "impress_pdf_Export",
            (ConvertTo::Pdf, Draw) => "draw_pdf_Export",
        }
    }

    pub(super) fn code(self) -> u8 {
        Self::ALL.iter().position(|kind| *kind == self).and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
    }

    pub(super) fn from_code(code: u8) -> Option<ConvertTo> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

impl Application {
    /// The service that makes an empty document.
    pub(super) fn service(self) -> &'static str {
        match self {
            Writer => "com.sun.star.text.TextDocument",
            Calc => "com.sun.star.sheet.SpreadsheetDocument",
            Impress => "com.sun.star.presentation.PresentationDocument",
            Draw => "com.sun.star.drawing.DrawingDocument",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_code_of_its_own_and_a_way_to_pages() {
        for (at, kind) in ConvertFrom::ALL.iter().enumerate() {
            assert_eq!(usize::from(kind.code()), at);
            assert_eq!(ConvertFrom::from_code(kind.code()), Some(*kind));
            assert!(kind.can_become(ConvertTo::Pdf));
        }
        assert_eq!(ConvertFrom::from_code(u8::try_from(ConvertFrom::ALL.len()).unwrap()), None);
        for kind in ConvertTo::ALL {
            assert_eq!(ConvertTo::from_code(kind.code()), Some(*kind));
        }
    }

    #[test]
    fn a_text_does_not_become_a_spreadsheet() {
        assert!(ConvertFrom::Doc.can_become(ConvertTo::Docx));
        assert!(!ConvertFrom::Doc.can_become(ConvertTo::Xlsx));
        assert!(!ConvertFrom::Xls.can_become(ConvertTo::Docx));
        assert!(!ConvertFrom::Odg.can_become(ConvertTo::Pptx));
    }

    #[test]
    fn extensions_find_their_kind_in_any_case() {
        assert_eq!(ConvertFrom::from_extension("DOC"), Some(ConvertFrom::Doc));
        assert_eq!(ConvertFrom::from_extension("ods"), Some(ConvertFrom::Ods));
        assert_eq!(ConvertFrom::from_extension("exe"), None);
    }
}
