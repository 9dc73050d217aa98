//! Single compressed files (.gz, .bz2, .xz, .zst), and tar archives in them.

use std::io::{self, Read, Write};

use form::name::FileName;
use form::{Place, Reason};

use super::bytes::Fields;
use super::codec::{Codec, Metered, Stream};
use super::members::{Listed, Node, members};
use super::names::Name;
use super::output::{Output, broken};
use super::tar;
use crate::error::{Error, size};
use crate::room::Part;

pub(super) fn disarm(
    mut part: Part<'_>,
    codec: Codec,
    form: &mut dyn Write,
    spill: &mut dyn Write,
) -> Result<(), Error> {
    let (input, limits) = (part.input, &part.job.limits);
    let open = || Metered::new(Stream::new(codec, input, limits), size(input.len()), limits);
    let mut head = [0; tar::BLOCK];
    // What cannot be read here cannot be read below either, where it is told.
    if read_full(&mut open(), &mut head).is_ok_and(|len| len == tar::BLOCK) && tar::is_header(&head) {
        return tar::unpack(part, open, |stream| stream.inner().has_surplus(), form, spill);
    }
    let listed = [Listed { name: name(&part, codec), node: Node::File, has_data: true }];
    let named = members(&listed, limits, &mut part.findings)?;
    let mut output = Output::new(form, spill, part.detected, limits)?;
    for member in named {
        let mut data = open();
        let withheld = whole(&mut output, &mut data)?;
        if data.inner().has_surplus() {
            part.findings.add(Reason::SurplusBytes, Place::default());
        }
        output.member(member.path, modified(codec, input), withheld)?;
    }
    output.finish(part.findings)
}

/// Everything that a stream unpacks to; only its end says how much that is.
fn whole(output: &mut Output<'_>, data: &mut dyn Read) -> Result<Option<form::Refusal>, Error> {
    let spill = output.spill();
    spill.begin();
    let mut buffer = [0; super::output::BUFFER_BYTES];
    loop {
        match data.read(&mut buffer) {
            Ok(0) => return Ok(None),
            Ok(len) => spill.write(buffer.get(..len).unwrap_or_default())?,
            Err(error) => return broken(&error).map(Some),
        }
    }
}

/// The name that a gzip header brings, else the file's own without the extension of the codec.
fn name<'a>(part: &Part<'a>, codec: Codec) -> Name<'a> {
    let header = (codec == Codec::Gzip).then(|| gzip_name(part.input)).flatten();
    if let Some(raw) = header {
        return Name::Raw(raw.into());
    }
    let own = part.job.declared_name.as_ref();
    let stem = match own.and_then(FileName::extension).map(str::to_ascii_lowercase).as_deref() {
        Some("gz" | "bz2" | "xz" | "zst" | "zstd" | "bz") => own.map(|name| name.stem().to_owned()),
        // `drawing.svgz` is a `drawing.svg`.
        Some("svgz") => own.map(|name| format!("{}.svg", name.stem())),
        _ => own.map(|name| name.as_str().to_owned()),
    };
    Name::Known(stem.unwrap_or_default().into())
}

/// RFC 1952, section 2.3.1: the original name without its directories, ended by zero. It is said to be Latin-1 and is what the
/// file system had.
fn gzip_name(input: &[u8]) -> Option<&[u8]> {
    let mut fields = Fields::new(input);
    let flags = *fields.take(4)?.get(3)?;
    fields.take(6)?;
    if flags & GZIP_EXTRA != 0 {
        let len = fields.u16()?;
        fields.take(len.into())?;
    }
    let raw = (flags & GZIP_NAME != 0).then(|| fields.rest().split(|byte| *byte == 0).next()).flatten()?;
    // Some writers put the whole path there. A second byte of Shift_JIS may be a backslash, so only `/` parts it.
    let last = raw.rsplit(|byte| *byte == b'/').next().unwrap_or(raw);
    (!last.is_empty()).then_some(last)
}

fn modified(codec: Codec, input: &[u8]) -> Option<i64> {
    let seconds = Fields::at(input, 4)?.u32()?;
    (codec == Codec::Gzip && seconds != 0).then(|| seconds.into())
}

/// Fills the buffer as far as there is something to read.
pub(super) fn read_full(data: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0_usize;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match data.read(rest)? {
            0 => break,
            len => filled = filled.saturating_add(len),
        }
    }
    Ok(filled)
}

const GZIP_EXTRA: u8 = 1 << 2;
const GZIP_NAME: u8 = 1 << 3;
