//! Feeding a compressor (RFC 1951), as PDF streams and members of packages both need it.

use std::io;
use std::ops::RangeInclusive;

use flate2::{Compress, FlushCompress, Status};

/// Packs all of `data` behind what is in `packed` already, which is given so many bytes of room at a time.
pub(crate) fn feed(
    compress: &mut Compress,
    packed: &mut Vec<u8>,
    mut data: &[u8],
    flush: FlushCompress,
    room: RangeInclusive<usize>,
) -> io::Result<()> {
    loop {
        packed.reserve(data.len().clamp(*room.start(), *room.end()));
        let before = compress.total_in();
        let status = compress.compress_vec(data, packed, flush).map_err(io::Error::other)?;
        let taken = usize::try_from(compress.total_in().saturating_sub(before)).unwrap_or(usize::MAX);
        data = data.get(taken..).unwrap_or_default();
        let done = match flush {
            FlushCompress::Finish => status == Status::StreamEnd,
            _ => data.is_empty(),
        };
        if done {
            return Ok(());
        }
    }
}
