//! Archives other than ZIP: members to the spill, their names and places to the form.
//!
//! Each format has a reader of its own; what they share is how names become paths ([`names`], [`members`]), where bytes go
//! ([`output`]) and how much memory a decompressor may take ([`codec`]). All of them list every member before they unpack
//! one: the names are judged together, and an archive whose list is in doubt is refused before a byte of it is written. The ZIP
//! reader uses the same parts.

mod cab;
mod iso;
pub(crate) mod lzh;
mod mbox;
mod rar;
mod sevenz;
mod stream;
mod tar;
mod wrapper;

pub(crate) mod bytes;
pub(crate) mod codec;
pub(crate) mod members;
pub(crate) mod names;
pub(crate) mod output;
pub(crate) mod time;

use std::io::Write;

use encoding_rs::SHIFT_JIS;
use form::job::Password;

use crate::error::Error;
use crate::room::Part;
use codec::Codec;

/// The formats of this module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    SevenZip,
    Rar,
    Lzh,
    Tar,
    Cab,
    Iso,
    /// A signed file.
    Signed,
    AppleSingle,
    BinHex,
    /// Mails of one folder.
    Mbox,
    /// One stream, which may be a tar archive.
    Stream(Codec),
}

impl Format {
    /// The format of a detected type.
    pub(crate) fn of_token(token: &str) -> Option<Format> {
        Some(match token {
            "7z" => Format::SevenZip,
            "rar" => Format::Rar,
            "lzh" => Format::Lzh,
            "tar" => Format::Tar,
            "cab" => Format::Cab,
            "iso" => Format::Iso,
            "p7m" => Format::Signed,
            "applesingle" => Format::AppleSingle,
            "hqx" => Format::BinHex,
            "mbox" => Format::Mbox,
            "gz" => Format::Stream(Codec::Gzip),
            "bz2" => Format::Stream(Codec::Bzip2),
            "xz" => Format::Stream(Codec::Xz),
            "zst" => Format::Stream(Codec::Zstd),
            _ => return None,
        })
    }
}

pub(crate) use lzh::is_header as is_lzh;
pub(crate) use mbox::holds_several as is_mbox;
pub(crate) use tar::is_header as is_tar;

pub(crate) fn disarm(part: Part<'_>, format: Format, form: &mut dyn Write, spill: &mut dyn Write) -> Result<(), Error> {
    match format {
        Format::SevenZip => sevenz::disarm(part, form, spill),
        Format::Rar => rar::disarm(part, form, spill),
        Format::Lzh => lzh::disarm(part, form, spill),
        Format::Tar => tar::disarm(part, form, spill),
        Format::Cab => cab::disarm(part, form, spill),
        Format::Iso => iso::disarm(part, form, spill),
        Format::Signed => wrapper::signed(part, form, spill),
        Format::AppleSingle => wrapper::apple_single(part, form, spill),
        Format::BinHex => wrapper::binhex(part, form, spill),
        Format::Mbox => mbox::disarm(part, form, spill),
        Format::Stream(codec) => stream::disarm(part, codec, form, spill),
    }
}

/// Passwords as the bytes that may have been typed: archivers take UTF-8 or, on Japanese Windows, CP932.
pub(crate) fn keys(passwords: &[Password]) -> Vec<Vec<u8>> {
    passwords.iter().flat_map(as_typed).collect()
}

/// The password that a key was made of, by its place.
pub(crate) fn of_key(passwords: &[Password], key: &[u8]) -> Option<usize> {
    passwords.iter().position(|password| as_typed(password).any(|typed| typed == key))
}

fn as_typed(password: &Password) -> impl Iterator<Item = Vec<u8>> {
    let typed = password.reveal();
    let (bytes, _, unmappable) = SHIFT_JIS.encode(typed);
    let other = (!typed.is_ascii() && !unmappable).then(|| bytes.into_owned());
    std::iter::once(typed.as_bytes().to_vec()).chain(other)
}
