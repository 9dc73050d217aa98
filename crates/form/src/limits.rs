//! Every bound on depth, count, size, ratio and time, in one value that is passed in.

use std::time::Duration;

use crate::codec::DecodeError;
use crate::wire::{Cursor, Sink};

/// What one input may cost. Fields bound one part unless they say otherwise; a value equal to its limit is allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the input of one room.
    pub input_bytes: u64,
    /// Bytes of the fresh file that a clean room writes.
    pub output_bytes: u64,
    /// Bytes of a form stream, all frames together.
    pub form_bytes: u64,
    /// Bytes that a dirty room may spill for further rooms.
    pub spill_bytes: u64,
    /// Parts of a mail or members of a container.
    pub parts: u32,
    /// Levels of containers in containers, for a whole message.
    pub depth: u32,
    /// Bytes unpacked for a whole message.
    pub total_bytes: u64,
    /// How many times its packed size a member may have.
    pub ratio: u32,
    /// Time for a whole message (whole milliseconds reach the rooms).
    pub time: Duration,
    /// Pixels of an image, all frames together.
    pub pixels: u64,
    /// Width or height of an image.
    pub dimension: u32,
    /// Frames of an image.
    pub frames: u32,
    /// Bytes of text of a document, as UTF-8.
    pub text_bytes: u64,
    /// Cells of a table; an empty row counts as one.
    pub cells: u64,
    /// Bytes of one row of a table, as it stands in the stream.
    pub row_bytes: u32,
    /// Bytes of one line: subject, display name, declared type.
    pub line_bytes: u32,
    /// Bytes of a file name, never more than [`FileName::MAX_BYTES`](crate::name::FileName::MAX_BYTES).
    pub name_bytes: u32,
    /// Bytes of a member's path, never more than [`MemberPath::MAX_BYTES`](crate::name::MemberPath::MAX_BYTES).
    pub path_bytes: u32,
    /// Bytes of the typed header of a mail, as it stands in the stream.
    pub header_bytes: u32,
    /// Addresses in the header of a mail, all fields together.
    pub addresses: u32,
    /// Message ids in the reference fields of a mail, all together.
    pub references: u32,
    /// Findings of one part.
    pub findings: u32,
}

impl Limits {
    pub(crate) fn put(&self, sink: &mut Sink) {
        sink.u64(self.input_bytes);
        sink.u64(self.output_bytes);
        sink.u64(self.form_bytes);
        sink.u64(self.spill_bytes);
        sink.u32(self.parts);
        sink.u32(self.depth);
        sink.u64(self.total_bytes);
        sink.u32(self.ratio);
        sink.u64(u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX));
        sink.u64(self.pixels);
        sink.u32(self.dimension);
        sink.u32(self.frames);
        sink.u64(self.text_bytes);
        sink.u64(self.cells);
        sink.u32(self.row_bytes);
        sink.u32(self.line_bytes);
        sink.u32(self.name_bytes);
        sink.u32(self.path_bytes);
        sink.u32(self.header_bytes);
        sink.u32(self.addresses);
        sink.u32(self.references);
        sink.u32(self.findings);
    }

    pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Limits, DecodeError> {
        Ok(Limits {
            input_bytes: cursor.u64()?,
            output_bytes: cursor.u64()?,
            form_bytes: cursor.u64()?,
            spill_bytes: cursor.u64()?,
            parts: cursor.u32()?,
            depth: cursor.u32()?,
            total_bytes: cursor.u64()?,
            ratio: cursor.u32()?,
            time: Duration::from_millis(cursor.u64()?),
            pixels: cursor.u64()?,
            dimension: cursor.u32()?,
            frames: cursor.u32()?,
            text_bytes: cursor.u64()?,
            cells: cursor.u64()?,
            row_bytes: cursor.u32()?,
            line_bytes: cursor.u32()?,
            name_bytes: cursor.u32()?,
            path_bytes: cursor.u32()?,
            header_bytes: cursor.u32()?,
            addresses: cursor.u32()?,
            references: cursor.u32()?,
            findings: cursor.u32()?,
        })
    }
}

impl Default for Limits {
    /// The limits of an installation that has set none: generous for office files, small enough for one machine.
    fn default() -> Limits {
        Limits {
            input_bytes: 100 * MIB,
            output_bytes: 200 * MIB,
            form_bytes: 1024 * MIB,
            spill_bytes: 512 * MIB,
            parts: 2_000,
            depth: 10,
            total_bytes: 1024 * MIB,
            ratio: 250,
            time: Duration::from_secs(120),
            pixels: 100_000_000,
            dimension: 32_768,
            frames: 1_000,
            text_bytes: 32 * MIB,
            cells: 5_000_000,
            row_bytes: 4 * 1024 * 1024,
            line_bytes: 16 * 1024,
            name_bytes: 255,
            path_bytes: 1024,
            header_bytes: 256 * 1024,
            addresses: 2_000,
            references: 200,
            findings: 500,
        }
    }
}

const MIB: u64 = 1024 * 1024;
