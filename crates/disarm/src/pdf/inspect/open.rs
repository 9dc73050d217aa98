//! Opening, with a password where one is needed.

use std::sync::Arc;

use encoding_rs::SHIFT_JIS;
use form::Reason;
use form::job::{DirtyJob, Opened as OpenedBy, Password};
use hayro_syntax::{LoadPdfError, Pdf};
use lopdf::{Dictionary, Document, LoadOptions, Object, StringFormat};

use crate::error::Error;

/// A file as far as it could be opened.
pub(super) struct Opened {
    /// The objects, decrypted; `None` where only the interpreter can read the file.
    pub(super) document: Option<Document>,
    /// What opens it.
    pub(super) password: Option<Password>,
    /// Which passwords of the job have opened it.
    pub(super) opened: OpenedBy,
    /// Whether it is encrypted.
    pub(super) is_encrypted: bool,
    /// Whether the interpreter cannot decrypt it and has to be given a decrypted copy.
    pub(super) must_be_rewritten: bool,
}

/// Opens a file; passwords are tried in their order, the empty one first.
pub(super) fn open(input: &[u8], job: &DirtyJob) -> Result<Opened, Error> {
    let document = load(input, None);
    if document.as_ref().is_some_and(|document| !document.is_encrypted() && !document.was_encrypted()) {
        return Ok(Opened {
            document,
            password: None,
            opened: OpenedBy::NONE,
            is_encrypted: false,
            must_be_rewritten: false,
        });
    }
    let shared = Arc::new(input.to_vec());
    let empty = Password::new("");
    let mut is_locked = false;
    let numbered = job.passwords.iter().enumerate().map(|(index, password)| (Some(index), password));
    for (index, password) in empty.iter().map(|empty| (None, empty)).chain(numbered) {
        let is_first = index.is_none();
        let mut by = OpenedBy::NONE;
        index.into_iter().for_each(|index| by.add(index));
        match Pdf::new_with_password(Arc::clone(&shared), password.reveal()) {
            Ok(pdf) => {
                let document = load(input, Some(password.reveal())).filter(|document| !document.is_encrypted());
                let is_encrypted = document.as_ref().map_or(!is_first || is_locked, Document::was_encrypted);
                drop(pdf);
                let password = (!is_first).then(|| password.clone());
                return Ok(Opened { document, password, opened: by, is_encrypted, must_be_rewritten: false });
            }
            // Not a question of passwords; the interpreter will say what is wrong with it.
            Err(LoadPdfError::Invalid) => {
                return Ok(Opened {
                    document,
                    password: None,
                    opened: OpenedBy::NONE,
                    is_encrypted: false,
                    must_be_rewritten: false,
                });
            }
            Err(LoadPdfError::Decryption(_)) => is_locked = true,
        }
        // The interpreter knows no owner passwords of the older algorithms, nor passwords in other letters than UTF-8.
        let opened = std::iter::once(password.reveal().to_owned())
            .chain(as_typed_on_windows(password.reveal()))
            .filter_map(|password| load(input, Some(&password)).filter(Document::was_encrypted))
            .find(|document| document.page_iter().next().is_some());
        if let Some(document) = opened {
            return Ok(Opened {
                document: Some(document),
                password: None,
                opened: by,
                is_encrypted: true,
                must_be_rewritten: true,
            });
        }
    }
    // Locks to certificates of those who may read it (ISO 32000-2, 7.6.5) have no password.
    if document
        .as_ref()
        .and_then(lock)
        .is_some_and(|lock| lock.get(b"Filter").and_then(Object::as_name).is_ok_and(|name| name == PUBLIC_KEYS))
    {
        return Err(Reason::EncryptedForRecipient.into());
    }
    Err(if job.passwords.is_empty() { Reason::Encrypted } else { Reason::WrongPassword }.into())
}

/// What the trailer says of how the file is encrypted.
fn lock(document: &Document) -> Option<&Dictionary> {
    let lock = document.trailer.get(b"Encrypt").ok()?;
    document.dereference(lock).ok()?.1.as_dict().ok()
}

/// A copy of a file of which only the embedded files are encrypted, which says no more that it is: whoever opens its pages needs no
/// password (ISO 32000-2, 7.6.6 and table 20). Nothing for other files.
pub(super) fn without_lock_of_files(input: &[u8]) -> Option<Vec<u8>> {
    let document = load(input, None)?;
    let lock = lock(&document)?;
    let version = lock.get(b"V").and_then(Object::as_i64).unwrap_or(0);
    // What is not said is Identity.
    let is_open = |key: &[u8]| lock.get(key).map_or(true, |name| name.as_name().is_ok_and(|name| name == b"Identity"));
    if version < WITH_FILTERS || !is_open(b"StmF") || !is_open(b"StrF") {
        return None;
    }
    let mut copy = input.to_vec();
    let mut at = 0;
    while let Some(rest) = copy.get_mut(at..)
        && let Some(found) = rest.windows(ENCRYPT.len()).position(|name| name == ENCRYPT)
    {
        at = at.saturating_add(found).saturating_add(ENCRYPT.len());
        let value = rest.get(found.saturating_add(ENCRYPT.len())..).unwrap_or_default().trim_ascii_start();
        // `EncryptMetadata` is another key. The new name is as long, so that everything stays where the tables say.
        if value.first().is_some_and(|byte| byte.is_ascii_digit() || *byte == b'<')
            && let Some(first) = rest.get_mut(found.saturating_add(1))
        {
            *first = b'_';
        }
    }
    Some(copy)
}

/// A password whose bytes are those that Japanese Windows has for it. The older algorithms want PDFDocEncoding, which has no
/// Japanese letters, so writers take what they are given; the reader takes characters, so here are those of these bytes.
fn as_typed_on_windows(password: &str) -> Option<String> {
    let (bytes, _, unmappable) = SHIFT_JIS.encode(password);
    if password.is_ascii() || unmappable {
        return None;
    }
    lopdf::decode_text_string(&Object::String(bytes.into_owned(), StringFormat::Literal)).ok()
}

/// How many pages the interpreter sees.
pub(super) fn pages_seen(bytes: &[u8], password: &str) -> Option<usize> {
    Some(Pdf::new_with_password(bytes.to_vec(), password).ok()?.pages().len())
}

/// The objects of a file; `None` when lopdf cannot read it.
pub(super) fn load(input: &[u8], password: Option<&str>) -> Option<Document> {
    let options = LoadOptions {
        password: password.map(str::to_owned),
        max_decompressed_size: Some(MAX_OBJECT_STREAM),
        ..LoadOptions::default()
    };
    Document::load_mem_with_options(input, options).ok()
}

/// The handler that locks to certificates.
const PUBLIC_KEYS: &[u8] = b"Adobe.PubSec";
const ENCRYPT: &[u8] = b"/Encrypt";
/// The first version of encryption in which strings, streams and embedded files each name how they are encrypted.
const WITH_FILTERS: i64 = 4;
/// The most bytes that an object or cross-reference stream may unpack to. Writers put a few hundred objects into one.
const MAX_OBJECT_STREAM: usize = 64 * 1024 * 1024;
