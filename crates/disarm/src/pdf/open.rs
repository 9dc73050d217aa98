//! Opens a prepared file for the interpreter, with fonts for what it lacks.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use form::Reason;
use hayro_interpret::InterpreterSettings;
use hayro_interpret::font::{FallbackFontQuery, FontData, FontQuery};
use hayro_interpret::hayro_cmap::CidFamily;
use hayro_syntax::{DecryptionError, LoadPdfError, Pdf};

use super::inspect::{self, Prepared};
use super::lacking::StandIns;
use crate::error::Error;
use crate::fonts::{FontFile, Fonts, Script, Wish};

/// A file that the interpreter can read.
pub(super) struct File {
    pub(super) pdf: Pdf,
    pub(super) settings: InterpreterSettings,
    substituted: Arc<Mutex<BTreeSet<String>>>,
    /// What stands in for the fonts that are not in the file.
    pub(super) stand_ins: StandIns,
}

impl File {
    /// Opens what was made of `input`, which it takes out of `prepared`.
    pub(super) fn open(prepared: &mut Prepared, input: &[u8], fonts: &Fonts) -> Result<File, Error> {
        let password = prepared.password.as_ref().map_or("", |password| password.reveal());
        let bytes: FontData = Arc::new(prepared.rewritten.take().unwrap_or_else(|| input.to_vec()));
        let pdf = Pdf::new_with_password(Arc::new(Shared(bytes)), password).map_err(|error| match error {
            LoadPdfError::Decryption(DecryptionError::PasswordProtected) => Error::from(Reason::Encrypted),
            LoadPdfError::Decryption(_) => Error::from(Reason::Encrypted),
            LoadPdfError::Invalid => Error::from(Reason::Malformed),
        })?;
        let substituted = Arc::new(Mutex::new(BTreeSet::new()));
        let stand_ins = StandIns::default();
        let settings = settings(fonts.clone(), Arc::clone(&substituted), stand_ins.clone());
        Ok(File { pdf, settings, substituted, stand_ins })
    }

    /// The names of fonts that others stood in for.
    pub(super) fn substituted(&self) -> Vec<String> {
        self.substituted.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Bytes of which the interpreter keeps a share.
struct Shared(FontData);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        (*self.0).as_ref()
    }
}

fn settings(fonts: Fonts, substituted: Arc<Mutex<BTreeSet<String>>>, stand_ins: StandIns) -> InterpreterSettings {
    let made: Mutex<Vec<(String, FontData)>> = Mutex::new(Vec::new());
    let resolver = move |query: &FontQuery| match query {
        FontQuery::Standard(font) => Some(font.get_font_data()),
        FontQuery::Fallback(query) => {
            let name = query.post_script_name.as_deref().or(query.font_name.as_deref()).unwrap_or_default();
            let (name, is_vertical) = match name.strip_suffix(inspect::VERTICAL_SUFFIX) {
                Some(name) => (name, true),
                None => (name, false),
            };
            if name != inspect::OWN_FONT {
                substituted.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
            }
            let wish = wish(name, query);
            let found = wish.and_then(|wish| fonts.pick_nearest(&wish));
            let (bytes, index) = match found {
                Some(face) if is_vertical => with_forms(face, Forms::Vertical, &made),
                // MS-Gothic has all its Latin letters on half an em.
                Some(face) if wish.is_some_and(|wish| !wish.proportional && wish.script == Script::Japanese) => {
                    with_forms(face, Forms::HalfWidth, &made)
                }
                Some(face) => (Arc::clone(&face.bytes), face.index),
                None => query.pick_standard_font().get_font_data(),
            };
            let standard = Wish {
                script: Script::Japanese,
                serif: query.is_serif,
                bold: is_bold(query),
                proportional: !query.is_fixed_pitch,
            };
            stand_ins.add(&bytes, wish.unwrap_or(standard));
            Some((bytes, index))
        }
    };
    InterpreterSettings { font_resolver: Arc::new(resolver), ..InterpreterSettings::default() }
}

fn wish(name: &str, query: &FallbackFontQuery) -> Option<Wish> {
    let script = match query.character_collection.as_ref().map(|collection| &collection.family) {
        Some(CidFamily::AdobeJapan1) => Some(Script::Japanese),
        Some(CidFamily::AdobeKorea1) => Some(Script::Korean),
        Some(CidFamily::AdobeGB1) => Some(Script::SimplifiedChinese),
        Some(CidFamily::AdobeCNS1) => Some(Script::TraditionalChinese),
        Some(CidFamily::AdobeIdentity | CidFamily::Custom { .. }) | None => None,
    };
    let mut wish = Wish::of_name(name, script)?;
    // The lines of our own are as wide as those of Helvetica.
    wish.proportional |= name == inspect::OWN_FONT;
    wish.bold |= is_bold(query);
    // Where the name says nothing the descriptor may.
    if Wish::of_name(name, None).is_none() {
        wish.serif |= query.is_serif;
    }
    Some(wish)
}

fn is_bold(query: &FallbackFontQuery) -> bool {
    query.is_bold || query.font_weight >= BOLD
}

/// Letter forms that a face has besides the usual ones.
#[derive(Clone, Copy, Debug)]
enum Forms {
    Vertical,
    HalfWidth,
}

/// A face with other forms, made once for each face; the face itself where it has none.
fn with_forms(face: &FontFile, forms: Forms, made: &Mutex<Vec<(String, FontData)>>) -> (FontData, u32) {
    let key = format!("{}#{}#{forms:?}", face.name, face.index);
    let mut made = made.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, bytes)) = made.iter().find(|(known, _)| *known == key) {
        return (Arc::clone(bytes), face.index);
    }
    let plain = Arc::clone(&face.bytes);
    let file = (*face.bytes).as_ref();
    let copy = match forms {
        Forms::Vertical => inspect::with_vertical_forms(file, face.index),
        Forms::HalfWidth => inspect::with_half_width_forms(file, face.index),
    };
    let bytes = match copy {
        Some(bytes) => Arc::new(bytes),
        None => plain,
    };
    made.push((key, Arc::clone(&bytes)));
    (bytes, face.index)
}

/// The weight from which a font is bold.
const BOLD: u32 = 600;
