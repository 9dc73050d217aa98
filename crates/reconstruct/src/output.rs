//! The file that is being written: counted, so that it stays within its limit.

use std::io::{self, Seek, SeekFrom, Write};

use form::{Reason, Refusal};

/// Where a writer writes. It only goes forward.
pub(crate) struct Output<'w> {
    out: &'w mut dyn Write,
    written: u64,
    limit: u64,
    refusal: Option<Refusal>,
}

impl<'w> Output<'w> {
    pub(crate) fn new(out: &'w mut dyn Write, limit: u64) -> Output<'w> {
        Output { out, written: 0, limit, refusal: None }
    }

    /// The limit that was passed, which the writers in between report only as some failed write.
    pub(crate) fn refusal(&self) -> Option<Refusal> {
        self.refusal
    }
}

impl Write for Output<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = self.written.saturating_add(u64::try_from(buf.len()).unwrap_or(u64::MAX));
        if written > self.limit {
            self.refusal = Some(Refusal::limit(Reason::LimitOutputBytes, self.limit, written));
            return Err(io::Error::other("the output passes its limit"));
        }
        self.out.write_all(buf)?;
        self.written = written;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Writers of archives ask where they are; none of ours goes back.
impl Seek for Output<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        match to {
            SeekFrom::Current(0) | SeekFrom::End(0) => Ok(self.written),
            SeekFrom::Start(at) if at == self.written => Ok(at),
            _ => Err(io::Error::new(io::ErrorKind::Unsupported, "the output only goes forward")),
        }
    }
}
