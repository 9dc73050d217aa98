//! Whether a binary document of Word, Excel or PowerPoint is encrypted. LibreOffice opens some of them with a password; here it is
//! only told, by what stands before the first encrypted byte.

use crate::compound::Compound;

/// Whether the compound file of that type (`doc`, `xls`, `ppt`) says of itself that it is encrypted. What cannot be read says nothing.
pub(crate) fn is_encrypted(bytes: &[u8], token: &str) -> bool {
    let Ok(file) = Compound::open(bytes) else { return false };
    let found = match token {
        "doc" => file.head("WordDocument", HEAD_BYTES).and_then(|head| document(&head)),
        "xls" => ["Workbook", "Book"].into_iter().find_map(|name| workbook(&file.head(name, HEAD_BYTES)?)),
        "ppt" => file.head("Current User", HEAD_BYTES).and_then(|head| presentation(&head)),
        _ => None,
    };
    // Summaries go into a stream of their own with PowerPoint's encryption ([MS-PPT] 2.3.7).
    found == Some(true) || (token == "ppt" && file.head("EncryptedSummary", 0).is_some())
}

/// `FibBase.fEncrypted` ([MS-DOC] 2.5.2).
fn document(head: &[u8]) -> Option<bool> {
    let (signature, flags) = (u16_at(head, 0)?, u16_at(head, 10)?);
    // Word 6 and 95, and all later ones.
    Some(matches!(signature, 0xA5DC | 0xA5EC) && flags & 0x0100 != 0)
}

/// `FilePass` ([MS-XLS] 2.4.117), which stands among the first records of a book.
fn workbook(head: &[u8]) -> Option<bool> {
    let mut at = 0_usize;
    for _ in 0..FIRST_RECORDS {
        let (kind, len) = (u16_at(head, at)?, u16_at(head, at.checked_add(2)?)?);
        if kind == FILE_PASS {
            return Some(true);
        }
        at = at.checked_add(4)?.checked_add(len.into())?;
    }
    Some(false)
}

/// `CurrentUserAtom.headerToken` ([MS-PPT] 2.3.2).
fn presentation(head: &[u8]) -> Option<bool> {
    let token = head.get(12..)?.first_chunk().copied().map(u32::from_le_bytes)?;
    Some(token == ENCRYPTED_PRESENTATION)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().copied().map(u16::from_le_bytes)
}

const HEAD_BYTES: usize = 4_096;
const FILE_PASS: u16 = 0x002F;
/// The beginning of the stream, protection against changes, and whatever else writers put there.
const FIRST_RECORDS: usize = 16;
const ENCRYPTED_PRESENTATION: u32 = 0xF3D1_C4DF;
