//! Elements that are more than their vocabulary says: what is asked of them, and what is told where they do not cross.

use form::Reason;
use form::office::{TextKind, Type};

/// What is special about a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Special {
    /// Nothing.
    None,
    /// The formula of a cell: the value beside it stays when it is refused.
    CellFormula,
    /// A formula that alone goes when it is refused: names, and what a table computes.
    LooseFormula,
    /// What a chart shows, which cannot do without.
    Reference,
    /// A formula that what stands around it cannot do without: rules, validations, sparklines.
    Condition,
    /// A rule, validation or sparkline.
    Conditioned,
    /// An extension; empty ones are of no use, and some readers take them for damage.
    Extension,
    /// The place of a chart, diagram or picture in a drawing.
    Graphic,
    /// What holds such a place.
    Frame,
    /// A link around text.
    TextLink,
    /// A link of cells.
    CellLink,
    /// A click on a shape.
    Click,
    /// A sheet in the list of a workbook.
    Sheet,
    /// A slide in the list of a presentation.
    SlideEntry,
    /// A slide.
    Slide,
    /// A field in one element.
    SimpleField,
    /// A name.
    DefinedName,
    /// A window of a workbook.
    BookView,
    /// What holds paragraphs and must end with one.
    Blocks,
    /// A show of some of the slides.
    Show,
    /// What says which pivot table a chart shows.
    PivotSource,
    /// The list of what pivot tables draw from.
    PivotCaches,
    /// Where something stands, or how large it is.
    Place,
}

pub(super) fn special(of: Type) -> Special {
    let (prefix, name) = (of.namespace().prefix(), of.name());
    let by_name = match (prefix, name) {
        ("x", "f") => Special::CellFormula,
        ("x", "definedName") => Special::DefinedName,
        ("x", "calculatedColumnFormula" | "totalsRowFormula") => Special::LooseFormula,
        ("c" | "c15" | "cx", _) if of.text() == TextKind::Formula => Special::Reference,
        (_, "cfRule" | "dataValidation" | "sparkline") => Special::Conditioned,
        (_, "ext") if of.attribute_named(form::office::Namespace::NONE, "uri").is_some() => Special::Extension,
        (_, "extLst") => Special::Extension,
        ("a", "graphicData") => Special::Graphic,
        ("w", "drawing") | (_, "graphicFrame") => Special::Frame,
        ("w", "hyperlink") => Special::TextLink,
        ("x", "hyperlink") => Special::CellLink,
        ("a", "hlinkClick" | "hlinkHover" | "hlinkMouseOver") => Special::Click,
        ("x", "sheet") => Special::Sheet,
        ("p", "sldId") => Special::SlideEntry,
        ("p", "sld") => Special::Slide,
        ("w", "fldSimple") => Special::SimpleField,
        ("x", "workbookView") => Special::BookView,
        ("p", "custShow") if of.child_count() > 0 => Special::Show,
        ("c", "pivotSource") => Special::PivotSource,
        (_, "pivotCaches") => Special::PivotCaches,
        ("a", "off" | "ext") | ("wp", "extent") => Special::Place,
        ("w", "tc" | "txbxContent" | "hdr" | "ftr" | "footnote" | "endnote" | "comment") => Special::Blocks,
        _ => Special::None,
    };
    if by_name == Special::None && of.text() == TextKind::Formula { Special::Condition } else { by_name }
}

/// Elements that do not count: what stands in them counts as if it stood around them.
pub(super) fn is_looked_through(prefix: &str, name: &str) -> bool {
    // The last is none of Word's: LibreOffice wraps the properties of shapes in a group as presentations do.
    matches!((prefix, name), ("w", "smartTag" | "customXml") | ("wps", "nvSpPr"))
}

/// What is told of an element that does not cross.
pub(super) enum Loss {
    /// Nothing: it is of no use without its program, or it is told by the relationship that it names.
    Silent,
    /// One of the things that are told by name.
    Known(Reason),
    /// That it was there.
    Unknown,
}

pub(super) fn lost_element(prefix: &str, name: &str) -> Loss {
    match name {
        "oleObjects" | "oleObject" | "OLEObject" | "oleObj" | "objectEmbed" | "objectLink" | "controls" | "control"
        | "altChunk" | "attachedTemplate" | "subDoc" | "embedRegular" | "embedBold" | "embedItalic"
        | "embedBoldItalic" | "embeddedFontLst" | "externalReferences" | "externalReference" | "externalData"
        | "legacyDrawing" | "printSettings" | "audioFile" | "videoFile" | "quickTimeFile" | "wavAudioFile"
        | "audioCd" | "media" | "slicerList" | "slicerCaches" | "slicerRef" | "timelineRefs" | "timelineCacheRefs"
        | "printerSettings" | "customProperties" | "custDataLst" | "custData" | "tags" | "queryTable"
        | "connection" => Loss::Silent,
        "smartTagPr" | "customXmlPr" | "smartTags" | "smartTagTypes" | "smartTagType" | "cellSmartTags"
        | "shapeDefaults" | "hdrShapeDefaults" | "activeWritingStyle" | "proofErr" | "fileRecoveryPr"
        | "webPublishing" | "rsids" | "docVars" | "dataBinding" | "fldData" | "imgProps" | "modId" | "creationId"
        | "useLocalDpi" | "compatExt" | "functionGroups" | "slicerStyles" | "timelineStyles" | "dataConsolidate"
        | "attachedSchema" | "hyperlinkBase" | "volType" | "dataModelExt" | "svgBlip" | "smartTagAttrib"
        | "fileSharing" | "xmlColumnPr" | "slidesCustomData" | "sheetsCustomData" => Loss::Silent,
        // What Word of 2007 keeps for itself, and what Google writes into styles, where Word has no such property.
        "doNotEmbedSmartTags" | "rtl" if prefix == "w" => Loss::Silent,
        // LibreOffice writes the units of numbers into axes of words, which have none.
        "majorUnit" | "minorUnit" if prefix == "c" => Loss::Silent,
        "cameraTool" => Loss::Known(Reason::PictureStill),
        "ddeLink" => Loss::Known(Reason::DdeLink),
        "mailMerge" | "linkToQuery" => Loss::Known(Reason::ExternalLink),
        "legacyDrawingHF" | "drawingHF" => Loss::Known(Reason::HeaderPictures),
        "modifyVerifier" | "writeProtection" => Loss::Known(Reason::ProtectionPassword),
        "webVideoPr" | "snd" | "sndAc" | "stSnd" | "endSnd" | "audio" | "video" => Loss::Known(Reason::Media),
        "entryMacro" | "exitMacro" | "macro" => Loss::Known(Reason::Macros),
        "cmd" => Loss::Known(Reason::AutomaticAction),
        "slicer" | "slicers" | "timeslicer" => Loss::Known(Reason::Slicers),
        "webExtensions" | "webExtensionLinked" | "webExtensionCreated" => Loss::Known(Reason::CustomData),
        _ if matches!(prefix, "wne" | "mso" | "ax") => Loss::Known(Reason::Macros),
        _ => Loss::Unknown,
    }
}

/// The same for an attribute.
pub(super) fn lost_attribute(name: &str, value: &str) -> Loss {
    match name {
        "hashValue" | "hash" | "saltValue" | "salt" | "password" | "workbookPassword" | "revisionsPassword"
        | "workbookHashValue" | "workbookSaltValue" | "revisionsHashValue" | "revisionsSaltValue" => {
            Loss::Known(Reason::ProtectionPassword)
        }
        "macro" | "onAction" if !value.is_empty() => Loss::Known(Reason::Macros),
        "vbProcedure" | "xlm" | "function" if value != "0" && value != "false" => Loss::Known(Reason::Macros),
        _ => Loss::Silent,
    }
}

/// Names of formulas that Excel runs by itself.
pub(super) fn runs_by_itself(name: &str) -> bool {
    let name = name.trim_start_matches("_xlnm.").to_ascii_lowercase();
    name.starts_with("auto_open")
        || name.starts_with("auto_close")
        || name.starts_with("auto_activate")
        || name.starts_with("auto_deactivate")
}

/// The names of vocabularies of which nothing is told: what programs note for themselves.
pub(super) fn is_noise(uri: &str) -> bool {
    NOISE.iter().any(|known| uri.starts_with(known))
}

const NOISE: &[&str] = &[
    // How LibreOffice reads the text of a reference.
    "http://schemas.libreoffice.org/",
    // Where the author kept the workbook.
    "http://schemas.microsoft.com/office/spreadsheetml/2010/11/ac",
    "http://schemas.microsoft.com/office/drawing/2016/SVG",
    "http://schemas.microsoft.com/office/spreadsheetml/2016/pivotdefaultlayout",
    // What Word 2013 wrote before its names were settled.
    "http://schemas.microsoft.com/office/word/2010/11/wordml",
    "http://schemas.microsoft.com/office/word/2020/wordml/sdtdatahash",
    "http://schemas.microsoft.com/office/word/2018/wordml",
    "http://schemas.microsoft.com/office/word/2015/wordml/symex",
    "http://schemas.microsoft.com/office/word/2016/wordml",
    "http://schemas.microsoft.com/office/spreadsheetml/2014/revision",
    "http://schemas.microsoft.com/office/spreadsheetml/2015/revision",
    "http://schemas.microsoft.com/office/spreadsheetml/2016/revision",
    "http://schemas.microsoft.com/office/spreadsheetml/2018/calcfeatures",
    "http://schemas.microsoft.com/office/spreadsheetml/2020/pivotNov2020",
    "http://schemas.microsoft.com/office/drawing/2010/slicer",
    "http://schemas.microsoft.com/office/drawing/2012/timeslicer",
    "http://schemas.microsoft.com/office/mac/",
    "urn:schemas-microsoft-com:mac:vml",
    "http://schemas.microsoft.com/office/thememl/",
];
