//! Every bound on depth, count, size, ratio and time, in one value that is passed in.

use std::time::Duration;

use crate::codec::DecodeError;
use crate::wire::{Cursor, Sink};

/// Makes the struct, its defaults and its wire fields from one list, so that none can be forgotten in one of them.
macro_rules! limits {
    ($( $( #[$doc:meta] )* $field:ident: $type:ident = $default:expr, )*) => {
        /// What one input may cost. Fields bound one part unless they say otherwise; a value equal to its limit is allowed.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct Limits {
            $( $( #[$doc] )* pub $field: $type, )*
            /// Time for a whole message (whole milliseconds reach the rooms).
            pub time: Duration,
        }

        impl Limits {
            pub(crate) fn put(&self, sink: &mut Sink) {
                $( sink.$type(self.$field); )*
                sink.u64(u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX));
            }

            pub(crate) fn take(cursor: &mut Cursor<'_>) -> Result<Limits, DecodeError> {
                Ok(Limits { $( $field: cursor.$type()?, )* time: Duration::from_millis(cursor.u64()?) })
            }
        }

        impl Default for Limits {
            /// The limits of an installation that has set none: generous for office files, small enough for one machine.
            fn default() -> Limits {
                Limits { $( $field: $default, )* time: Duration::from_secs(120) }
            }
        }
    };
}

limits! {
    /// Bytes of the input of one room.
    input_bytes: u64 = 100 * MIB,
    /// Bytes of the fresh file that a clean room writes.
    output_bytes: u64 = 200 * MIB,
    /// Bytes of a form stream, all frames together.
    form_bytes: u64 = 1024 * MIB,
    /// Bytes that a dirty room may spill for further rooms.
    spill_bytes: u64 = 512 * MIB,
    /// Parts of a mail or members of a container.
    parts: u32 = 2_000,
    /// Levels of containers in containers, for a whole message.
    depth: u32 = 10,
    /// Bytes unpacked for a whole message.
    total_bytes: u64 = 1024 * MIB,
    /// How many times its packed size a member may have.
    ratio: u32 = 250,
    /// Bytes of memory that unpacking may take for what was unpacked before: dictionaries and windows, together.
    window_bytes: u64 = 320 * MIB,
    /// Pixels of an image, all frames together.
    pixels: u64 = 100_000_000,
    /// Width or height of an image.
    dimension: u32 = 32_768,
    /// Frames of an image.
    frames: u32 = 1_000,
    /// Bytes of text of a document, as UTF-8.
    text_bytes: u64 = 32 * MIB,
    /// Cells of a table; an empty row counts as one.
    cells: u64 = 5_000_000,
    /// Bytes of one row of a table, as it stands in the stream.
    row_bytes: u32 = 4 * 1024 * 1024,
    /// Bytes of one line: subject, display name, declared type.
    line_bytes: u32 = 16 * 1024,
    /// Bytes of a file name, never more than [`FileName::MAX_BYTES`](crate::name::FileName::MAX_BYTES).
    name_bytes: u32 = 255,
    /// Bytes of a member's path, never more than [`MemberPath::MAX_BYTES`](crate::name::MemberPath::MAX_BYTES).
    path_bytes: u32 = 1024,
    /// Bytes of the typed header of a mail, as it stands in the stream.
    header_bytes: u32 = 256 * 1024,
    /// Addresses in the header of a mail, all fields together.
    addresses: u32 = 2_000,
    /// Message ids in the reference fields of a mail, all together.
    references: u32 = 200,
    /// Findings of one part.
    findings: u32 = 500,
    /// Pages of a document.
    pages: u32 = 5_000,
    /// Bytes of the form stream of a document of pages, in place of `form_bytes`: it is passed on as it comes, never kept.
    pages_form_bytes: u64 = 32 * 1024 * MIB,
    /// Letter shapes of a document.
    glyphs: u32 = 500_000,
    /// Pictures on the pages of a document; `pixels` and `dimension` bound each of them.
    pictures: u32 = 50_000,
    /// Gradients of a document.
    gradients: u32 = 50_000,
    /// Groups, soft masks and tiles of a document.
    canvases: u32 = 50_000,
    /// Levels of canvases that are drawn in canvases.
    canvas_depth: u32 = 24,
    /// Clips inside clips on one page or canvas.
    clip_depth: u32 = 128,
    /// Bytes of one step of drawing, as it stands in the stream.
    operation_bytes: u32 = 8 * 1024 * 1024,
    /// What drawing one page costs: its steps, the segments of their paths and the letters placed, with those of a canvas
    /// each time that it is named. Sixteen segments of placed letters, counted apart, may not be more either.
    page_operations: u64 = 2_000_000,
    /// Links of a document.
    links: u32 = 20_000,
    /// Entries of the outline of a document.
    outline_items: u32 = 20_000,
    /// Parts of an Office document, pictures not counted.
    office_parts: u32 = 10_000,
    /// What one part of an Office document refers to.
    relationships: u32 = 20_000,
    /// Elements of an Office document with their attributes, all parts together.
    markup: u64 = 100_000_000,
    /// Elements inside one another.
    markup_depth: u32 = 256,
    /// Bytes of the form stream of an Office document, in place of `form_bytes`: it is passed on as it comes, never kept.
    office_form_bytes: u64 = 8 * 1024 * MIB,
}

const MIB: u64 = 1024 * 1024;
