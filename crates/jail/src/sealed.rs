//! Sealed memory files: what goes into rooms and what comes out of them.
//!
//! A sealed file can neither be changed nor shrunk by anybody, not even by those who still hold it, so what was checked is
//! what is used. A few bytes need no file until a room is to map them: nobody but the gateway has them. [`Hostile`] and [`Fresh`] are the same bytes with a memory of where they came from.

use crate::sys::descriptor;
use crate::wire::IN_MESSAGE_MAX;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, OnceLock};

/// Immutable bytes: a sealed memory file, or a few bytes that become one when a room needs them.
#[derive(Debug)]
pub struct Sealed {
    file: OnceLock<File>,
    small: Option<Box<[u8]>>,
    len: u64,
}

impl Sealed {
    /// Copies bytes.
    ///
    /// # Errors
    /// When the kernel gives no memory for it.
    pub fn from_bytes(bytes: &[u8]) -> io::Result<Sealed> {
        let mut writer = Sealed::builder()?;
        writer.write_all(bytes)?;
        writer.seal()
    }

    /// What is still being written; stream into it rather than collecting the bytes first. It becomes a file when it is large.
    ///
    /// # Errors
    /// Never as it is; the memory for it is taken while it is written.
    pub fn builder() -> io::Result<SealedWriter> {
        Ok(SealedWriter { small: Vec::new(), file: None, len: 0 })
    }

    /// Seals the outputs of a room that is dead: cuts the file to its stated length and lets nobody change it again.
    pub(crate) fn take(file: File, len: u64) -> io::Result<Sealed> {
        file.set_len(len)?;
        descriptor::seal(&file, descriptor::SEALED)?;
        Ok(Sealed::of(file, len))
    }

    /// A few bytes: an output that came with a reply, an input that goes with a job.
    pub(crate) fn small(bytes: Box<[u8]>) -> Sealed {
        let len = bytes.len() as u64;
        Sealed { file: OnceLock::new(), small: Some(bytes), len }
    }

    fn of(file: File, len: u64) -> Sealed {
        Sealed { file: OnceLock::from(file), small: None, len }
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True when there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Reads at an offset; fewer bytes than asked for only at the end.
    ///
    /// # Errors
    /// When the kernel cannot read its memory.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if let Some(bytes) = &self.small {
            let from = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
            let rest = bytes.get(from..).unwrap_or(&[]);
            let count = rest.len().min(buffer.len());
            buffer.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
            return Ok(count);
        }
        let Some(file) = self.file.get() else { return Ok(0) };
        let mut done = 0;
        while let Some(rest) = buffer.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match file.read_at(rest, offset.saturating_add(done as u64)) {
                Ok(0) => break,
                Ok(n) => done += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// Reads from the beginning. Each reader has its own place in the file.
    pub fn reader(&self) -> SealedReader<'_> {
        self.range(0, self.len)
    }

    /// Reads a range; what lies beyond the end is not there.
    pub fn range(&self, offset: u64, len: u64) -> SealedReader<'_> {
        let end = offset.saturating_add(len).min(self.len);
        SealedReader { sealed: self, at: offset.min(end), end }
    }

    /// All the bytes, unless there are more than `max`.
    ///
    /// # Errors
    /// [`FileTooLarge`](io::ErrorKind::FileTooLarge) when there are more, [`OutOfMemory`](io::ErrorKind::OutOfMemory) when they
    /// cannot be addressed; else as
    /// [`read_at`](Self::read_at).
    pub fn to_vec(&self, max: u64) -> io::Result<Vec<u8>> {
        if self.len > max {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "sealed file is larger than its reader allows"));
        }
        let len = usize::try_from(self.len).map_err(|_| io::Error::from(io::ErrorKind::OutOfMemory))?;
        let mut bytes = vec![0; len];
        if self.read_at(&mut bytes, 0)? != len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(bytes)
    }

    /// The descriptor, for giving it to a room.
    pub(crate) fn descriptor(&self) -> io::Result<BorrowedFd<'_>> {
        if let (None, Some(bytes)) = (self.file.get(), &self.small) {
            let mut file = descriptor::memory_file(c"misogi")?;
            file.write_all(bytes)?;
            descriptor::seal(&file, descriptor::SEALED_OWN)?;
            // Another thread may have been first; one copy is as good as the other.
            let _ = self.file.set(file);
        }
        self.file.get().map(AsFd::as_fd).ok_or(io::ErrorKind::NotFound.into())
    }
}

/// A memory file that is being written, once there is much.
#[derive(Debug)]
pub struct SealedWriter {
    /// What was written while there is no file.
    small: Vec<u8>,
    file: Option<File>,
    len: u64,
}

impl SealedWriter {
    /// Bytes written so far.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// True when nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Ends the writing for good.
    ///
    /// # Errors
    /// When the kernel does not seal it.
    pub fn seal(self) -> io::Result<Sealed> {
        let Some(file) = self.file else { return Ok(Sealed::small(self.small.into())) };
        descriptor::seal(&file, descriptor::SEALED_OWN)?;
        Ok(Sealed::of(file, self.len))
    }
}

impl Write for SealedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.file {
            Some(file) => file.write(bytes)?,
            None if self.small.len().saturating_add(bytes.len()) <= IN_MESSAGE_MAX => {
                self.small.extend_from_slice(bytes);
                bytes.len()
            }
            None => {
                let mut file = descriptor::memory_file(c"misogi")?;
                file.write_all(&std::mem::take(&mut self.small))?;
                self.file.insert(file).write(bytes)?
            }
        };
        self.len = self.len.saturating_add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads a sealed file or a range of it.
#[derive(Clone, Debug)]
pub struct SealedReader<'a> {
    sealed: &'a Sealed,
    at: u64,
    end: u64,
}

impl Read for SealedReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let Some(buffer) = buffer.get_mut(..wanted) else { return Ok(0) };
        let read = self.sealed.read_at(buffer, self.at)?;
        self.at = self.at.saturating_add(read as u64);
        Ok(read)
    }
}

/// A range of a sealed file: the input of a room, which maps just this range.
#[derive(Clone, Debug)]
pub struct Source {
    /// The file the range lies in; many sources share one file.
    pub data: Arc<Sealed>,
    /// Where the range begins.
    pub offset: u64,
    /// How long it is.
    pub len: u64,
}

impl Source {
    /// The whole of a sealed file.
    pub fn whole(data: Arc<Sealed>) -> Source {
        let len = data.len();
        Source { data, offset: 0, len }
    }

    /// The range, where it is not in a file and small enough to go with a job.
    pub(crate) fn small(&self) -> Option<&[u8]> {
        let (from, len) = (usize::try_from(self.offset).ok()?, usize::try_from(self.len).ok()?);
        self.data.small.as_ref()?.get(from..from.checked_add(len)?).filter(|bytes| bytes.len() <= IN_MESSAGE_MAX)
    }

    /// True when the range lies within the file. A room would die of SIGBUS beyond it.
    pub(crate) fn is_within(&self) -> bool {
        self.offset.checked_add(self.len).is_some_and(|end| end <= self.data.len())
    }
}

/// What a dirty room wrote: only ever the input of further rooms, never delivered.
#[derive(Clone, Debug)]
pub struct Hostile(Arc<Sealed>);

impl Hostile {
    pub(crate) fn new(sealed: Sealed) -> Hostile {
        Hostile(Arc::new(sealed))
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// True when there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A range of it as the input of a room; `None` when the range is not inside.
    pub fn source(&self, offset: u64, len: u64) -> Option<Source> {
        let source = Source { data: Arc::clone(&self.0), offset, len };
        source.is_within().then_some(source)
    }
}

/// What a clean room wrote and proved by a verified end: the only thing that may be delivered.
///
/// There is no way to make one but a clean room's [`Verdict::Ok`](crate::Verdict::Ok).
#[derive(Clone, Debug)]
pub struct Fresh(Arc<Sealed>);

impl Fresh {
    pub(crate) fn new(sealed: Sealed) -> Fresh {
        Fresh(Arc::new(sealed))
    }

    /// Passes bytes off as a clean room's, for tests of the crates that store and deliver.
    #[cfg(feature = "forged-fresh")]
    pub fn forged(sealed: Sealed) -> Fresh {
        Fresh::new(sealed)
    }

    /// The bytes.
    pub fn sealed(&self) -> &Arc<Sealed> {
        &self.0
    }

    /// Length in bytes.
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// True when there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads from the beginning.
    pub fn reader(&self) -> SealedReader<'_> {
        self.0.reader()
    }

    /// The whole of it as the input of another room (an assembly takes rebuilt parts).
    pub fn source(&self) -> Source {
        Source::whole(Arc::clone(&self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_file_refuses_every_change() {
        let original = [b'o'; IN_MESSAGE_MAX + 1];
        let sealed = Sealed::from_bytes(&original).unwrap();
        let file = sealed.file.get().unwrap();
        assert!(file.write_at(b"x", 0).is_err());
        assert!(file.set_len(0).is_err());
        assert!(file.set_len(100).is_err());
        assert!(descriptor::seal(file, 0).is_err(), "even the seals are sealed");
        assert_eq!(sealed.to_vec(1 << 20).unwrap(), original);
    }

    #[test]
    fn what_is_written_is_a_file_from_one_byte_above_the_bound_on() {
        for (len, is_file) in [(0, false), (IN_MESSAGE_MAX, false), (IN_MESSAGE_MAX + 1, true), (100_000, true)] {
            let bytes: Vec<u8> = (0..=250).cycle().take(len).collect();
            let mut writer = Sealed::builder().unwrap();
            bytes.chunks(1000).for_each(|chunk| writer.write_all(chunk).unwrap());
            assert_eq!(writer.len(), len as u64);
            let sealed = Arc::new(writer.seal().unwrap());
            assert_eq!(sealed.to_vec(1 << 20).unwrap(), bytes);
            assert_eq!(sealed.file.get().is_some(), is_file, "{len} bytes");
            assert_eq!(Source::whole(Arc::clone(&sealed)).small(), (!is_file).then_some(&bytes[..]));
            let beyond = Source { data: sealed, offset: 1, len: len as u64 };
            assert_eq!(beyond.small(), None);
        }
    }

    #[test]
    fn readers_do_not_share_a_place() {
        let sealed = Sealed::from_bytes(b"0123456789").unwrap();
        let (mut first, mut second) = (sealed.reader(), sealed.range(4, 3));
        let (mut a, mut b) = ([0; 2], String::new());
        first.read_exact(&mut a).unwrap();
        second.read_to_string(&mut b).unwrap();
        first.read_exact(&mut a).unwrap();
        assert_eq!((&a, b.as_str()), (b"23", "456"));
        for (offset, len, expected) in [(8, 100, &b"89"[..]), (100, 1, b"")] {
            let mut rest = Vec::new();
            sealed.range(offset, len).read_to_end(&mut rest).unwrap();
            assert_eq!(rest, expected);
        }
    }

    #[test]
    fn to_vec_takes_n_bytes_and_refuses_n_plus_one() {
        let sealed = Sealed::from_bytes(b"12345").unwrap();
        assert!(sealed.to_vec(5).is_ok());
        assert_eq!(sealed.to_vec(4).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn a_range_of_hostile_bytes_must_lie_inside() {
        let hostile = Hostile::new(Sealed::from_bytes(b"12345").unwrap());
        assert!(hostile.source(5, 0).is_some());
        assert!(hostile.source(4, 1).is_some());
        assert!(hostile.source(4, 2).is_none());
        assert!(hostile.source(u64::MAX, 1).is_none());
    }

    #[test]
    fn a_dead_rooms_output_is_cut_to_its_length_and_sealed() {
        let file = descriptor::memory_file(c"t").unwrap();
        file.set_len(100).unwrap();
        descriptor::seal(&file, libc::F_SEAL_GROW).unwrap();
        file.write_at(b"abc", 0).unwrap();
        assert!(file.write_at(b"x", 100).is_err(), "the kernel keeps the limit");
        let sealed = Sealed::take(file, 3).unwrap();
        assert_eq!(sealed.to_vec(3).unwrap(), b"abc");
        assert!(sealed.file.get().unwrap().write_at(b"x", 0).is_err());
    }

    #[test]
    fn a_small_one_reads_like_a_file_and_becomes_one_for_a_room() {
        let sealed = Sealed::small((*b"0123456789").into());
        assert_eq!(sealed.to_vec(10).unwrap(), b"0123456789");
        let mut text = String::new();
        sealed.range(7, 9).read_to_string(&mut text).unwrap();
        assert_eq!(text, "789");
        assert_eq!(sealed.read_at(&mut [0; 4], 10).unwrap(), 0);
        assert_eq!(sealed.read_at(&mut [0; 4], u64::MAX).unwrap(), 0);
        sealed.descriptor().unwrap();
        let file = sealed.file.get().unwrap();
        let mut bytes = [0; 10];
        assert_eq!(file.read_at(&mut bytes, 0).unwrap(), 10);
        assert_eq!(&bytes, b"0123456789");
        assert!(file.write_at(b"x", 0).is_err());
    }

    #[test]
    fn a_file_counts_as_untouched_only_while_nothing_was_written() {
        let file = descriptor::memory_file(c"t").unwrap();
        file.set_len(1 << 20).unwrap();
        descriptor::seal(&file, libc::F_SEAL_GROW).unwrap();
        assert!(descriptor::is_untouched(&file, libc::F_SEAL_GROW));
        assert!(!descriptor::is_untouched(&file, 0));
        file.write_at(&[0], 12345).unwrap();
        assert!(!descriptor::is_untouched(&file, libc::F_SEAL_GROW), "even a zero is a trace");
    }
}
