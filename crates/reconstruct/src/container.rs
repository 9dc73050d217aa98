//! ZIP archives out of finished parts.
//!
//! Names are UTF-8 and say so, sizes and checksums stand in the local headers (Windows' own unpacker cannot read stored
//! members without them), order is that of the bundle, and nothing in the archive depends on when or where it was made, except for the
//! salts of one that is encrypted.

use std::io::Write;

use ::zip::write::{PreparedZipFile, SimpleFileOptions};
use ::zip::{AesMode, CompressionMethod, DateTime, ZipWriter};
use form::Reason;
use form::bundle::{Bundle, BundleChild};
use form::codec::{Decoder, Event, Kind};
use form::job::{CleanJob, Password};
use form::report::{CleanReport, Letters, OutputType, PageLevels};

use crate::error::Error;
use crate::output::Output;

pub(crate) fn assemble(bundle: &Bundle<'_>, job: &CleanJob, out: &mut Output<'_>) -> Result<CleanReport, Error> {
    let mut decoder = Decoder::new(bundle.form, &job.limits)?;
    if decoder.kind() != Kind::Container {
        return Err(Reason::FormInvalid.into());
    }
    let detected_type = decoder.detected();
    let mut findings = Vec::new();
    loop {
        match decoder.next()? {
            Event::Finding(finding) => findings.push(finding),
            Event::End => break,
            _ => {}
        }
    }
    match &job.password {
        Some(password) => encrypted(bundle, password, out)?,
        None => plain(bundle, out)?,
    }
    out.flush()?;
    let pages = u32::try_from(bundle.children.len()).unwrap_or(u32::MAX);
    Ok(CleanReport {
        kind: Kind::Container,
        detected_type,
        output: OutputType::Zip,
        pages,
        levels: PageLevels::default(),
        letters: Letters::default(),
        unmapped: Vec::new(),
        findings,
        opened: decoder.opened(),
        children: Vec::new(),
    })
}

fn plain(bundle: &Bundle<'_>, out: &mut Output<'_>) -> Result<(), Error> {
    let mut archive = ZipWriter::new(out);
    for child in &bundle.children {
        let member = prepared(child)?;
        archive.add_prepared_file(member).map_err(write_error)?;
    }
    archive.finish().map(drop).map_err(write_error)
}

/// Members encrypted as WinZip does it with AES (AE-2): no checksum of the content stands beside it. Only of an archive that is written
/// in one go does the crate write this version and not the one with checksums; sizes then follow each member, which is why none is
/// stored. Each member has a salt of its own that the crate takes from the system: one that somebody else chose, or that came twice with a
/// password, would give the content away. Programs that encrypt ZIP archives differ in what bytes they take for a password that is not
/// ASCII; here it is UTF-8.
fn encrypted(bundle: &Bundle<'_>, password: &Password, out: &mut Output<'_>) -> Result<(), Error> {
    let mut archive = ZipWriter::new_stream(out);
    for child in &bundle.children {
        let options = options(child)
            .compression_method(CompressionMethod::Deflated)
            .with_aes_encryption(AesMode::Aes256, password.reveal());
        archive.start_file(path(child), options).map_err(write_error)?;
        archive.write_all(child.bytes)?;
    }
    archive.finish().map(drop).map_err(write_error)
}

fn path(child: &BundleChild<'_>) -> String {
    match &child.meta.path {
        Some(path) => path.to_string(),
        None => child.meta.name.to_string(),
    }
}

fn options(child: &BundleChild<'_>) -> SimpleFileOptions {
    SimpleFileOptions::default().last_modified_time(date_time(child.meta.modified)).unix_permissions(0o644)
}

fn prepared(child: &BundleChild<'_>) -> Result<PreparedZipFile, Error> {
    let options = options(child).compression_method(method(child.meta.output));
    PreparedZipFile::from_data(path(child), options, child.bytes).map_err(write_error)
}

/// What is compressed already is stored as it is.
fn method(output: OutputType) -> CompressionMethod {
    match output {
        OutputType::Jpeg
        | OutputType::Png
        | OutputType::Gif
        | OutputType::WebP
        | OutputType::Zip
        | OutputType::Docx
        | OutputType::Dotx
        | OutputType::Xlsx
        | OutputType::Xltx
        | OutputType::Pptx
        | OutputType::Potx
        | OutputType::Ppsx => CompressionMethod::Stored,
        OutputType::Text
        | OutputType::Csv
        | OutputType::Tsv
        | OutputType::Bmp
        | OutputType::Tiff
        | OutputType::Mail
        | OutputType::Pdf
        | OutputType::Form
        | OutputType::Calendar
        | OutputType::Card => CompressionMethod::Deflated,
    }
}

/// DOS time, which has no zone, as a clock in Japan shows it; 1980 where no time is known or it cannot be written.
fn date_time(modified: Option<i64>) -> DateTime {
    modified.and_then(in_japan).unwrap_or_default()
}

fn in_japan(unix: i64) -> Option<DateTime> {
    let local = unix.checked_add(JST_SECONDS)?;
    let (days, seconds) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let (year, month, day) = form::civil::date(days)?;
    let byte = |value: i64| u8::try_from(value).ok();
    DateTime::from_date_and_time(
        u16::try_from(year).ok()?,
        byte(month)?,
        byte(day)?,
        byte(seconds / 3_600)?,
        byte(seconds / 60 % 60)?,
        byte(seconds % 60)?,
    )
    .ok()
}

fn write_error(error: ::zip::result::ZipError) -> Error {
    match error {
        ::zip::result::ZipError::Io(error) => Error::Write(error),
        // Two members of one name, or a name that cannot be written: the bundle is not what the gateway promised.
        _ => Reason::FormInvalid.into(),
    }
}

const JST_SECONDS: i64 = 9 * 3_600;
