//! All safe files of a batch as one ZIP archive: stored, not compressed, since nearly all of them are compressed already.
//!
//! Only the frame is written here (APPNOTE 6.3.10, sections 4.3 to 4.5); the files in it are the bytes that clean rooms wrote.

use std::collections::HashSet;

use axum::{
    body::Body,
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use store::Output;

use super::{Portal, find, result::body};
use crate::{disposition, fault::Fault, hygiene, people::Visitor};

/// `GET /b/{token}/all`
pub(crate) async fn all(
    State(portal): State<Portal>,
    visitor: Option<Visitor>,
    Path(token): Path<String>,
) -> Result<Response, Fault> {
    let batch = find(&portal, visitor.as_ref(), &token).await?;
    if batch.files.iter().any(|file| file.verdict.is_none()) {
        return Err(Fault::Pending);
    }
    let mut members = Vec::new();
    let mut taken = HashSet::new();
    for file in &batch.files {
        let Some(root) = file.parts.first().filter(|root| root.has_result) else { continue };
        let output = portal.state.store.part_result(file.message, &root.path).await?;
        let name = unused(root.output_name.as_deref().unwrap_or(&root.name), &mut taken);
        let (sum, length) = checksum(&output).await?;
        members.push(Member { name, sum, length, output });
    }
    if members.is_empty() {
        return Err(Fault::Withheld);
    }
    let (frames, directory, total) = frames(&members).ok_or(Fault::TooLarge)?;
    let name = batch.files.first().map_or_else(String::new, |file| file.receipt.to_string());
    tracing::info!(event = "results_downloaded", files = members.len(), bytes = total);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/zip")),
        (header::CONTENT_LENGTH, HeaderValue::from(total)),
        (header::CONTENT_DISPOSITION, disposition::attachment(&format!("misogi-{name}.zip"))),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(hygiene::DOWNLOAD_POLICY)),
    ];
    let pieces = frames.into_iter().zip(members).flat_map(|(frame, member)| [Body::from(frame), body(&member.output)]);
    let pieces = pieces.chain([Body::from(directory)]).collect::<Vec<_>>();
    let whole = stream::iter(pieces).flat_map(Body::into_data_stream);
    Ok((headers, Body::from_stream(whole)).into_response())
}

struct Member {
    name: String,
    sum: u32,
    length: u32,
    output: Output,
}

/// Names differ, letter case aside, or one would overwrite another where they are unpacked.
fn unused(name: &str, taken: &mut HashSet<String>) -> String {
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let mut number = 1_u32;
    loop {
        let candidate = if number == 1 { name.to_owned() } else { format!("{stem} ({number}){extension}") };
        if taken.insert(candidate.to_lowercase()) {
            return candidate;
        }
        number = number.saturating_add(1);
    }
}

/// CRC-32 (ISO 3309) and length. Archives with 64-bit lengths are not written.
async fn checksum(output: &Output) -> Result<(u32, u32), Fault> {
    let mut sum = Crc::new();
    let mut length = 0_u64;
    let mut chunks = output.chunks();
    while let Some(chunk) = chunks.next().await? {
        sum.update(&chunk);
        length = length.saturating_add(u64::try_from(chunk.len()).unwrap_or(u64::MAX));
    }
    Ok((sum.value(), u32::try_from(length).map_err(|_| Fault::TooLarge)?))
}

/// The local header of each member, the directory behind them, and the length of everything; `None` when that is too much for a
/// directory of 32 bits.
fn frames(members: &[Member]) -> Option<(Vec<Bytes>, Bytes, u64)> {
    let count = u16::try_from(members.len()).ok()?;
    let mut locals = Vec::new();
    let mut directory = Vec::new();
    let mut offset = 0_u32;
    for member in members {
        let local = header_of(member, &[0x50, 0x4b, 0x03, 0x04], &[], &[])?;
        // Made by UNIX, version 2.0: names are UTF-8, there is no comment and one disk.
        let tail = [&[0_u8; 6][..], &ATTRIBUTES.to_le_bytes(), &offset.to_le_bytes()].concat();
        directory.extend_from_slice(&header_of(member, &[0x50, 0x4b, 0x01, 0x02], &[20, 3], &tail)?);
        offset = offset.checked_add(u32::try_from(local.len()).ok()?)?.checked_add(member.length)?;
        locals.push(Bytes::from(local));
    }
    let length = u32::try_from(directory.len()).ok()?;
    directory.extend_from_slice(&[0x50, 0x4b, 0x05, 0x06, 0, 0, 0, 0]);
    directory.extend_from_slice(&count.to_le_bytes());
    directory.extend_from_slice(&count.to_le_bytes());
    directory.extend_from_slice(&length.to_le_bytes());
    directory.extend_from_slice(&offset.to_le_bytes());
    directory.extend_from_slice(&[0, 0]);
    let total = u64::from(offset).checked_add(u64::try_from(directory.len()).ok()?)?;
    Some((locals, Bytes::from(directory), total))
}

/// What local header and directory entry have in common (4.3.7 and 4.3.12), between what each begins with and what the second has
/// behind the lengths.
fn header_of(member: &Member, signature: &[u8; 4], made_by: &[u8], tail: &[u8]) -> Option<Vec<u8>> {
    let mut out = signature.to_vec();
    out.extend_from_slice(made_by);
    // Version 2.0; names in UTF-8 (bit 11); stored; 1980-01-01, the earliest date there is: when a file came is nobody's business.
    out.extend_from_slice(&[20, 0, 0x00, 0x08, 0, 0, 0, 0, 0x21, 0]);
    out.extend_from_slice(&member.sum.to_le_bytes());
    out.extend_from_slice(&member.length.to_le_bytes());
    out.extend_from_slice(&member.length.to_le_bytes());
    out.extend_from_slice(&u16::try_from(member.name.len()).ok()?.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(tail);
    out.extend_from_slice(member.name.as_bytes());
    Some(out)
}

/// A plain file that its owner may write and everybody may read, as UNIX writes it (4.4.15).
const ATTRIBUTES: u32 = 0o100_644 << 16;

/// CRC-32 by table.
struct Crc {
    table: [u32; 256],
    state: u32,
}

impl Crc {
    fn new() -> Self {
        let mut table = [0_u32; 256];
        for (slot, byte) in table.iter_mut().zip(0_u32..) {
            *slot = (0..8).fold(byte, |value, _| if value & 1 == 1 { 0xedb8_8320 ^ (value >> 1) } else { value >> 1 });
        }
        Self { table, state: u32::MAX }
    }

    fn update(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let [low, ..] = self.state.to_le_bytes();
            let entry = self.table.get(usize::from(low ^ byte)).copied().unwrap_or(0);
            self.state = entry ^ (self.state >> 8);
        }
    }

    fn value(&self) -> u32 {
        !self.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_the_standard() {
        // The check value of CRC-32/ISO-HDLC.
        let mut sum = Crc::new();
        sum.update(b"1234");
        sum.update(b"56789");
        assert_eq!(sum.value(), 0xcbf4_3926);
    }

    #[test]
    fn no_two_names_are_equal() {
        let mut taken = HashSet::new();
        let names: Vec<String> =
            ["a.txt", "A.TXT", "a.txt", "a (2).txt", ".x", ".x"].iter().map(|name| unused(name, &mut taken)).collect();
        assert_eq!(names, ["a.txt", "A (2).TXT", "a (3).txt", "a (2) (2).txt", ".x", ".x (2)"]);
    }
}
