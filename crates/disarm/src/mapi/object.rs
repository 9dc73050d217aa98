//! Objects of other programs in the place of attachments: in mails in rich text, files and pictures that lie in the text are such.

use super::{Attachment, Content, Value, id};
use crate::error::size;
use crate::ole_object;

/// Makes an attachment of an object, which is a compound file: of the file or picture that it holds, or else of itself.
pub(crate) fn attach(attachment: &mut Attachment, object: &[u8]) {
    let most = size(object.len());
    let file = ole_object::file(object, most).ok().flatten();
    let (name, bytes) = match file.or_else(|| ole_object::picture(object, most)) {
        Some(file) if !file.name.trim().is_empty() => (file.name, file.bytes),
        Some(file) => (format!("貼り付けられたファイル.{}", file.extension.unwrap_or("bin")), file.bytes),
        None => ("貼り付けられたファイル.bin".to_owned(), object.to_vec()),
    };
    attachment.properties.insert(id::ATTACH_LONG_FILENAME, Value::Text(name));
    attachment.content = Content::File(bytes);
}
