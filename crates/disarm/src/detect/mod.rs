//! What a file really is, by its content; the name only decides between readings that are both true.
//!
//! A name or media type never turns bytes into something they are not: an executable called `.pdf` is an executable. But
//! markup in a file called `.txt` is text that happens to contain markup, and is handed on as text, where nothing runs it.

mod magic;
mod ole;
mod package;
mod prose;

use form::image::ImageSource;
use form::name::FileName;
use form::{DetectedType, Place, Reason};

use crate::archive::{self, Format};
use crate::zip;

/// What a file is, and how it is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Detected {
    /// The reader that takes it.
    pub(crate) content: Content,
    /// Its type as a token.
    pub(crate) token: DetectedType,
}

/// The reader for a content, or why there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Plain text.
    Text,
    /// A page, which becomes the text that it shows.
    Html,
    /// Data for programs, which stays the text that it is.
    Xml,
    /// Rows and cells.
    Table,
    /// The same, in a database.
    Dbf,
    /// A mail.
    Mail,
    /// Pixels.
    Image(ImageSource),
    /// Drawing calls of Windows, which become pixels.
    Metafile,
    /// A picture in HEIF, of HEVC (HEIC) or of AV1 (AVIF).
    Heif,
    /// An icon of Windows.
    Icon,
    /// A picture in JPEG 2000.
    Jp2,
    /// A document of Photoshop, of which the picture of all layers is read.
    Psd,
    /// A drawing in SVG, which becomes pixels.
    Svg,
    /// Pages.
    Pdf,
    /// A document, workbook or presentation of Office Open XML.
    Office,
    /// A document of Ichitaro, of which the words are read.
    Ichitaro,
    /// An Office document behind a password.
    Sealed,
    /// An archive that is no document package.
    Zip,
    /// Events.
    Calendar,
    /// Addresses.
    Card,
    /// A message of Outlook.
    Msg,
    /// A message of Outlook as other programs get it.
    Tnef,
    /// An archive of another format, or a compressed file.
    Archive(Format),
    /// Known or unknown, but nothing that can be rebuilt.
    Withheld(Reason),
}

impl Detected {
    fn new(content: Content, token: &str) -> Detected {
        Detected { content, token: DetectedType::lossy(token) }
    }

    /// What a token alone says: an archive or a picture that can be read, or nothing that can be rebuilt.
    fn by_token(token: &str) -> Detected {
        if let Some(format) = Format::of_token(token) {
            return Detected::new(Content::Archive(format), token);
        }
        if token == "svg" {
            return Detected::new(Content::Svg, token);
        }
        if matches!(token, "heic" | "heif" | "avif") {
            return Detected::new(Content::Heif, token);
        }
        if token == "ico" {
            return Detected::new(Content::Icon, token);
        }
        if token == "jp2" {
            return Detected::new(Content::Jp2, token);
        }
        if token == "psd" {
            return Detected::new(Content::Psd, token);
        }
        let reason = if CONVERTED.contains(&token) {
            Reason::ConverterUnavailable
        } else if FOREIGN.contains(&token) {
            Reason::ForeignDocument
        } else {
            Reason::UnsupportedType
        };
        Detected::new(Content::Withheld(reason), token)
    }

    /// The finding's place when the file is handed on as a text or table under an extension that promises no type we know,
    /// and so cannot be kept (`a.bat` leaves as a text). A number at the end of a name (報告.2024) is no extension.
    pub(crate) fn renamed(&self, name: Option<&FileName>) -> Option<Place> {
        let extension = name?.extension()?.to_ascii_lowercase();
        let is_text = matches!(self.content, Content::Text | Content::Table);
        let is_kept = promised_by(&extension).is_some() || extension.bytes().all(|byte| byte.is_ascii_digit());
        (is_text && !is_kept).then(|| Place::new(&format!("{extension} → {}", self.token.as_str())))
    }

    /// The finding's place when the file's extension promises another type, else nothing.
    pub(crate) fn mismatch(&self, name: Option<&FileName>) -> Option<Place> {
        let extension = name?.extension()?.to_ascii_lowercase();
        let promised = promised_by(&extension)?;
        let found = self.token.as_str();
        let kept = promised.contains(&found) || (found == UNKNOWN && promised.is_empty());
        (!kept).then(|| Place::new(&format!("{extension} → {found}")))
    }
}

/// Finds the type of a file from its bytes, its name and the media type that came with it.
pub(crate) fn detect(bytes: &[u8], name: Option<&FileName>, declared_type: &str) -> Detected {
    if bytes.is_empty() {
        return Detected::new(Content::Text, "empty");
    }
    let extension = name.and_then(FileName::extension).unwrap_or_default().to_ascii_lowercase();
    if let Some(found) = by_signature(bytes) {
        return found;
    }
    if prose::is_text(bytes) {
        return prose::kind(bytes, &extension, declared_type);
    }
    // Mails with files that are not encoded (RFC 3030, yEnc, and what Outlook embeds), alone or in the folder of a mail program.
    if let Some(found) = prose::stored(bytes, MAIL_EXTENSIONS.contains(&extension.as_str())) {
        return found;
    }
    if zip::has_end_record(bytes) {
        // Something stands before an archive: the archive's own reader refuses it and says why.
        return Detected::new(Content::Zip, "zip");
    }
    Detected::by_token(magic::weak(bytes).as_deref().unwrap_or(UNKNOWN))
}

/// What a text part is that holds no text: its type, where its bytes leave no doubt. A text that begins with the letters of a signature
/// is a text.
pub(crate) fn binary(bytes: &[u8]) -> Option<DetectedType> {
    let is_program_text = || PROGRAM_TEXTS.iter().any(|start| bytes.starts_with(start));
    if prose::is_text(bytes) && !is_program_text() {
        return None;
    }
    by_signature(bytes).map(|found| found.token)
}

/// Types whose first bytes leave no doubt.
fn by_signature(bytes: &[u8]) -> Option<Detected> {
    if let Some(source) = magic::image(bytes) {
        return Some(Detected::new(Content::Image(source), image_token(source)));
    }
    if magic::is_zip(bytes) {
        return Some(match package::kind(bytes) {
            Some(kind) if OFFICE.contains(&kind) => Detected::new(Content::Office, kind),
            Some(kind) => Detected::by_token(kind),
            None => Detected::new(Content::Zip, "zip"),
        });
    }
    if magic::is_ole(bytes) {
        return Some(match ole::kind(bytes) {
            ole::Kind::EncryptedPackage => Detected::new(Content::Sealed, "ooxml"),
            // LibreOffice opens some of them with a password, and those by themselves that have Excel's own.
            ole::Kind::Named(kind) if crate::office::crypt::is_encrypted(bytes, kind) => {
                Detected::new(Content::Withheld(Reason::Encrypted), kind)
            }
            ole::Kind::Named(kind @ ("jtd" | "jtdc")) => Detected::new(Content::Ichitaro, kind),
            ole::Kind::Named("msg") => Detected::new(Content::Msg, "msg"),
            ole::Kind::Named(kind) => Detected::by_token(kind),
        });
    }
    if magic::is_pdf(bytes) {
        // An encrypted one as well: many open without a password, and what opens it may have come with the job.
        return Some(Detected::new(Content::Pdf, "pdf"));
    }
    if let Some(token) = magic::metafile(bytes) {
        return Some(Detected::new(Content::Metafile, token));
    }
    if crate::tnef::is(bytes) {
        return Some(Detected::new(Content::Tnef, "tnef"));
    }
    if archive::is_tar(bytes) {
        return Some(Detected::by_token("tar"));
    }
    if crate::dbf::is(bytes) {
        return Some(Detected::new(Content::Dbf, "dbf"));
    }
    magic::strong(bytes).map(Detected::by_token)
}

/// What the package of an encrypted document is. Office programs encrypt nothing but documents of their own.
pub(crate) fn opened(package: &[u8]) -> Detected {
    let found = if magic::is_zip(package) { by_signature(package) } else { None };
    match found {
        Some(found @ Detected { content: Content::Office | Content::Withheld(_), .. }) => found,
        _ => Detected::new(Content::Withheld(Reason::UnsupportedType), "ooxml"),
    }
}

/// What LibreOffice turns into a document that can be rebuilt, in a room of its own.
const CONVERTED: &[&str] = &[
    "doc", "xls", "ppt", "rtf", "odt", "ods", "odp", "odg", "sxw", "xlsb", "fodt", "fods", "fodp", "wordml", "xmlss",
    "slk", "dif",
];

/// Documents of programs whose formats nothing here reads. Whoever has the program can make a PDF.
const FOREIGN: &[&str] =
    &["xdw", "dbf", "taro", "hwp", "hwpx", "vsd", "vsdx", "pub", "mpp", "one", "iwork", "xps", "wpd"];

/// Packages that are read as Office documents. What an unknown one (`opc`) is, its main part says.
const OFFICE: &[&str] = &["docx", "docm", "xlsx", "xlsm", "pptx", "pptm", "opc"];

/// The format of a picture inside a document, where it is one that can be rebuilt.
pub(crate) fn picture_source(bytes: &[u8]) -> Option<ImageSource> {
    magic::image(bytes)
}

/// The usual extension of a compound file that is a document as a whole.
pub(crate) fn document_extension(bytes: &[u8]) -> Option<&'static str> {
    if magic::is_ole(bytes) { ole::document_extension(bytes) } else { None }
}

/// The names of the streams of a compound file; none where it is no such file.
pub(crate) fn stream_names(bytes: &[u8]) -> Vec<String> {
    if magic::is_ole(bytes) { ole::stream_names(bytes).unwrap_or_default() } else { Vec::new() }
}

/// A mail, for jobs that say so.
pub(crate) const MAIL: Detected = Detected { content: Content::Mail, token: DetectedType::UNKNOWN };

pub(crate) fn image_token(source: ImageSource) -> &'static str {
    match source {
        ImageSource::Jpeg => "jpeg",
        ImageSource::Png => "png",
        ImageSource::Gif => "gif",
        ImageSource::Bmp => "bmp",
        ImageSource::Tiff => "tiff",
        ImageSource::WebP => "webp",
    }
}

/// The types that a file with this extension may be without having lied; nothing for extensions that promise no type.
fn promised_by(extension: &str) -> Option<&'static [&'static str]> {
    PROMISES.iter().find(|(extensions, _)| extensions.contains(&extension)).map(|(_, types)| *types)
}

const UNKNOWN: &str = "unknown";

/// What may be all letters and is nothing that people read.
const PROGRAM_TEXTS: &[&[u8]] = &[b"%PDF-", b"{\\rtf"];

/// What programs call a mail that they store.
const MAIL_EXTENSIONS: &[&str] = &["eml", "mht", "mhtml", "msg", "nws"];

/// Extensions and the types they promise. An empty file leaves as a text, so only plain texts may be empty.
const PROMISES: &[(&[&str], &[&str])] = &[
    (&["jpg", "jpeg", "jpe", "jfif"], &["jpeg"]),
    (&["png", "apng"], &["png"]),
    (&["gif"], &["gif"]),
    (&["bmp", "dib"], &["bmp"]),
    (&["tif", "tiff"], &["tiff"]),
    (&["webp"], &["webp"]),
    (&["emf"], &["emf"]),
    (&["wmf"], &["wmf"]),
    (&["heic", "heif"], &["heic", "heif"]),
    (&["avif"], &["avif"]),
    (&["ico"], &["ico"]),
    (&["jp2", "jpf", "jpx", "j2k", "j2c", "jpc"], &["jp2"]),
    (&["psd", "psb"], &["psd"]),
    (&["svg"], &["svg"]),
    (&["zip"], &["zip"]),
    (&["txt", "text", "log", "md", "asc"], &["text", "csv", "empty"]),
    (&["csv", "tsv", "tab"], &["csv", "tsv"]),
    (&["eml"], &["mail"]),
    (&["mht", "mhtml"], &["mail"]),
    (&["mbox", "mbx"], &["mbox", "mail"]),
    (&["htm", "html", "xhtml", "shtml"], &["html", "xml"]),
    // Word and Excel of 2003 saved documents as XML, also under their usual extensions.
    (&["xml"], &["xml", "html", "svg", "wordml", "xmlss", "fodt", "fods", "fodp"]),
    (&["fodt"], &["fodt"]),
    (&["fods"], &["fods"]),
    (&["fodp"], &["fodp"]),
    (&["pdf"], &["pdf"]),
    (&["rtf"], &["rtf"]),
    // An encrypted Office file is an OLE2 file around the package, whatever the package is.
    (&["doc", "dot"], &["doc", "ole2", "ooxml", "rtf", "wordml"]),
    (&["xls", "xlt"], &["xls", "ole2", "ooxml", "xmlss"]),
    (&["ppt", "pot", "pps"], &["ppt", "ole2", "ooxml"]),
    (&["docx", "dotx"], &["docx", "ooxml"]),
    (&["docm", "dotm"], &["docm", "docx", "ooxml"]),
    (&["xlsx", "xltx"], &["xlsx", "ooxml"]),
    (&["xlsm", "xltm", "xlam"], &["xlsm", "xlsx", "ooxml"]),
    (&["xlsb"], &["xlsb", "ooxml"]),
    (&["pptx", "potx", "ppsx"], &["pptx", "ooxml"]),
    (&["pptm", "potm", "ppsm"], &["pptm", "pptx", "ooxml"]),
    (&["odt", "ott"], &["odt"]),
    (&["ods", "ots"], &["ods"]),
    (&["slk"], &["slk"]),
    (&["dif"], &["dif"]),
    (&["dbf"], &["dbf"]),
    (&["odp", "otp"], &["odp"]),
    (&["jtd", "jtt", "jfw", "jvw"], &["jtd", "ole2"]),
    (&["jtdc", "jttc"], &["jtd", "jtdc", "ole2"]),
    (&["jsw", "jaw", "jtw", "jbw", "juw"], &["taro"]),
    (&["xdw", "xbd", "xct"], &["xdw"]),
    (&["msg"], &["msg", "ole2"]),
    (&["tnef"], &["tnef"]),
    // What vCalendar 1.0, the older form, is called.
    (&["ics", "vcs"], &["ics"]),
    (&["vcf"], &["vcf"]),
    (&["7z"], &["7z"]),
    (&["rar"], &["rar"]),
    (&["lzh", "lha", "lzs"], &["lzh"]),
    (&["cab"], &["cab"]),
    (&["gz", "tgz", "svgz"], &["gz"]),
    (&["bz2", "tbz2", "tbz"], &["bz2"]),
    (&["xz", "txz"], &["xz"]),
    (&["zst", "zstd", "tzst"], &["zst"]),
    (&["iso"], &["iso"]),
    (&["tar"], &["tar"]),
    (&["exe", "dll", "scr", "com", "sys"], &["exe"]),
    (&["jar"], &["jar"]),
    (&["mp3"], &["mp3"]),
    (&["mp4", "m4v"], &["mp4"]),
];

#[cfg(test)]
mod tests;
