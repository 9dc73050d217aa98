//! What is converted into what, by which filter. Nothing is sniffed: the caller has found out what a file is, in a room.

/// Makes the enum, its list and its table from one list, so that a format cannot be in one and not in the others.
macro_rules! formats {
    ($( #[doc = $doc:literal] $name:ident = $extension:literal, $filter:literal, $application:ident; )*) => {
        /// What the input is. It decides the import filter and the name's extension, and a file that is something else is refused by
        /// that filter.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ConvertFrom { $( #[doc = $doc] $name, )* }

        impl ConvertFrom {
            /// Every one, in the order of their codes on the wire.
            pub const ALL: &'static [ConvertFrom] = &[ $( ConvertFrom::$name, )* ];

            /// Extension, filter, application. The filters' names are part of LibreOffice's interface (they stand in macros).
            fn row(self) -> (&'static str, &'static str, Application) {
                match self { $( ConvertFrom::$name => ($extension, $filter, Application::$application), )* }
            }
        }
    };
}

formats! {
    /// Word 97 to 2003.
    Doc = "doc", "MS Word 97", Writer;
    /// A template of Word 97 to 2003.
    Dot = "dot", "MS Word 97 Vorlage", Writer;
    /// Word 6 and 95.
    DocOld = "doc", "MS Word 95", Writer;
    /// Excel 97 to 2003.
    Xls = "xls", "MS Excel 97", Calc;
    /// A template of Excel 97 to 2003.
    Xlt = "xlt", "MS Excel 97 Vorlage/Template", Calc;
    /// Excel 5 and 95.
    XlsOld = "xls", "MS Excel 95", Calc;
    /// PowerPoint 97 to 2003.
    Ppt = "ppt", "MS PowerPoint 97", Impress;
    /// A show of PowerPoint 97 to 2003.
    Pps = "pps", "MS PowerPoint 97 AutoPlay", Impress;
    /// A template of PowerPoint 97 to 2003.
    Pot = "pot", "MS PowerPoint 97 Vorlage", Impress;
    /// Rich Text Format.
    Rtf = "rtf", "Rich Text Format", Writer;
    /// OpenDocument text.
    Odt = "odt", "writer8", Writer;
    /// OpenDocument text template.
    Ott = "ott", "writer8_template", Writer;
    /// OpenDocument text in one XML file.
    Fodt = "fodt", "OpenDocument Text Flat XML", Writer;
    /// OpenDocument spreadsheet.
    Ods = "ods", "calc8", Calc;
    /// OpenDocument spreadsheet template.
    Ots = "ots", "calc8_template", Calc;
    /// OpenDocument spreadsheet in one XML file.
    Fods = "fods", "OpenDocument Spreadsheet Flat XML", Calc;
    /// OpenDocument presentation.
    Odp = "odp", "impress8", Impress;
    /// OpenDocument presentation template.
    Otp = "otp", "impress8_template", Impress;
    /// OpenDocument presentation in one XML file.
    Fodp = "fodp", "OpenDocument Presentation Flat XML", Impress;
    /// OpenDocument drawing.
    Odg = "odg", "draw8", Draw;
    /// Text of OpenOffice.org 1.
    Sxw = "sxw", "StarOffice XML (Writer)", Writer;
    /// Spreadsheet of OpenOffice.org 1.
    Sxc = "sxc", "StarOffice XML (Calc)", Calc;
    /// Presentation of OpenOffice.org 1.
    Sxi = "sxi", "StarOffice XML (Impress)", Impress;
    /// Word 2007 and later.
    Docx = "docx", "MS Word 2007 XML", Writer;
    /// Excel 2007 and later.
    Xlsx = "xlsx", "Calc MS Excel 2007 XML", Calc;
    /// The binary kind of Excel 2007 and later.
    Xlsb = "xlsb", "Calc MS Excel 2007 Binary", Calc;
    /// PowerPoint 2007 and later.
    Pptx = "pptx", "Impress MS PowerPoint 2007 XML", Impress;
    /// Word 2003 in one XML file.
    WordXml = "xml", "MS Word 2003 XML", Writer;
    /// Excel 2002 and 2003 in one XML file.
    ExcelXml = "xml", "MS Excel 2003 XML", Calc;
    /// SYLK of Multiplan and Excel, in ASCII.
    Slk = "slk", "SYLK", Calc;
    /// DIF of VisiCalc and others, in the character set of Windows in Japan.
    Dif = "dif", "DIF", Calc;
}

/// The same for what comes out.
macro_rules! outputs {
    ($( #[doc = $doc:literal] $name:ident = $extension:literal; )*) => {
        /// What it becomes.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ConvertTo { $( #[doc = $doc] $name, )* }

        impl ConvertTo {
            /// Every one, in the order of their codes on the wire.
            pub const ALL: &'static [ConvertTo] = &[ $( ConvertTo::$name, )* ];

            /// The usual extension, without a dot.
            pub fn extension(self) -> &'static str {
                match self { $( ConvertTo::$name => $extension, )* }
            }
        }
    };
}

outputs! {
    /// Word 2007 and later.
    Docx = "docx";
    /// Excel 2007 and later.
    Xlsx = "xlsx";
    /// PowerPoint 2007 and later.
    Pptx = "pptx";
    /// Pages.
    Pdf = "pdf";
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

    /// What the import filter must be told, for formats that do not say their character set: the number that LibreOffice has for it.
    pub(super) fn filter_options(self) -> Option<&'static str> {
        (self == ConvertFrom::Dif).then_some(WINDOWS_JAPAN)
    }

    pub(super) fn code(self) -> u8 {
        Self::ALL.iter().position(|kind| *kind == self).and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
    }

    pub(super) fn from_code(code: u8) -> Option<ConvertFrom> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

impl ConvertTo {
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

/// `RTL_TEXTENCODING_SHIFT_JIS` of `rtl/textenc.h`.
const WINDOWS_JAPAN: &str = "64";

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
