//! Where members go: their bytes to the spill, what is known of them to the form.

use std::io::{self, Read, Write};

use form::codec::{Encoder, Kind};
use form::container::Child;
use form::job::Opened;
use form::name::MemberPath;
use form::text::Line;
use form::{DetectedType, Findings, Limits, Reason, Refusal};

use crate::error::{Error, size, within};

/// The form and the spill of one archive.
pub(crate) struct Output<'w> {
    encoder: Encoder<&'w mut dyn Write>,
    spill: Spill<'w>,
    next: u32,
}

impl<'w> Output<'w> {
    pub(crate) fn new(
        form: &'w mut dyn Write,
        spill: &'w mut dyn Write,
        detected: DetectedType,
        limits: &Limits,
    ) -> Result<Output<'w>, Error> {
        let encoder = Encoder::new(form, Kind::Container, detected, limits)?;
        let spill = Spill { out: spill, start: 0, offset: 0, limit: limits.spill_bytes, ratio: limits.ratio.into() };
        Ok(Output { encoder, spill, next: 0 })
    }

    /// Where the bytes of the next member go.
    pub(crate) fn spill(&mut self) -> &mut Spill<'w> {
        &mut self.spill
    }

    /// The member whose bytes were written since the last [`Spill::begin`], or one that is withheld. Bytes of a member that
    /// turned out broken stay unnamed in the spill: nothing refers to them.
    pub(crate) fn member(
        &mut self,
        path: MemberPath,
        modified: Option<i64>,
        withheld: Option<Refusal>,
    ) -> Result<(), Error> {
        let offset = if withheld.is_some() { self.spill.offset } else { self.spill.start };
        self.encoder.child(&Child {
            id: self.next,
            name: path.file_name().clone(),
            declared_type: Line::default(),
            offset,
            len: self.spill.offset.saturating_sub(offset),
            inline: false,
            path: Some(path),
            modified,
            withheld,
            is_mail: false,
        })?;
        self.next = self.next.saturating_add(1);
        self.spill.begin();
        Ok(())
    }

    /// Notes the password that opened the archive, or a member of it, by its place in the job.
    pub(crate) fn opened_by(&mut self, password: Option<usize>) {
        let mut opened = Opened::NONE;
        password.into_iter().for_each(|index| opened.add(index));
        self.encoder.opened(opened);
    }

    pub(crate) fn finish(mut self, findings: Findings) -> Result<(), Error> {
        for finding in findings.into_vec() {
            self.encoder.finding(&finding)?;
        }
        self.encoder.finish()?;
        Ok(())
    }
}

/// The spill with the place that is reached in it.
pub(crate) struct Spill<'w> {
    out: &'w mut dyn Write,
    /// Where the member that is being written begins.
    start: u64,
    offset: u64,
    limit: u64,
    ratio: u64,
}

impl Spill<'_> {
    /// What comes now belongs to the next member.
    pub(crate) fn begin(&mut self) {
        self.start = self.offset;
    }

    /// Bytes of the member so far.
    pub(crate) fn member_bytes(&self) -> u64 {
        self.offset.saturating_sub(self.start)
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.offset = self.offset.saturating_add(size(bytes.len()));
        within(Reason::LimitSpillBytes, self.limit, self.offset)?;
        self.out.write_all(bytes).map_err(Error::Spill)
    }

    /// Writes a member that has `claimed` bytes, packed into `packed`. Damage is the member's own fault and withholds it alone;
    /// a passed limit is the archive's.
    pub(crate) fn copy(&mut self, data: &mut dyn Read, claimed: u64, packed: u64) -> Result<Option<Refusal>, Error> {
        self.begin();
        let mut buffer = [0; BUFFER_BYTES];
        loop {
            let len = match data.read(&mut buffer) {
                Ok(0) => break,
                Ok(len) => len,
                Err(error) => return broken(&error).map(Some),
            };
            self.write(buffer.get(..len).unwrap_or_default())?;
            check_ratio(self.member_bytes(), packed, self.ratio)?;
            if self.member_bytes() > claimed {
                break;
            }
        }
        Ok(if self.member_bytes() == claimed { None } else { Some(Reason::Malformed.into()) })
    }
}

/// What a failed read means: the limits of the archive are its own, everything else is the member's.
pub(crate) fn broken(error: &io::Error) -> Result<Refusal, Error> {
    match refusal_of(error) {
        Some(refusal) if matches!(refusal.reason, Reason::LimitRatio | Reason::LimitTotalBytes) => Err(refusal.into()),
        Some(refusal) => Ok(refusal),
        None => Ok(Reason::Malformed.into()),
    }
}

/// The refusal that a reader of ours wrapped into an error.
pub(crate) fn refusal_of(error: &io::Error) -> Option<Refusal> {
    error.get_ref().and_then(|inner| inner.downcast_ref::<Refusal>()).copied()
}

/// Refuses what unpacks to more than the allowed ratio. Small members may shrink to almost nothing honestly, and harm nobody
/// when they do not.
pub(crate) fn check_ratio(unpacked: u64, packed: u64, ratio: u64) -> Result<(), Error> {
    if unpacked <= RATIO_FREE_BYTES {
        return Ok(());
    }
    within(Reason::LimitRatio, ratio, unpacked.div_ceil(packed.max(1)))
}

/// What members say of their sizes is enough to refuse a bomb before a byte of it is unpacked.
pub(crate) fn check_total(claimed: impl Iterator<Item = u64>, limits: &Limits) -> Result<(), Error> {
    let total = claimed.fold(0_u64, u64::saturating_add);
    within(Reason::LimitTotalBytes, limits.total_bytes, total)?;
    within(Reason::LimitSpillBytes, limits.spill_bytes, total)
}

pub(crate) const BUFFER_BYTES: usize = 64 * 1024;
pub(crate) const RATIO_FREE_BYTES: u64 = 1024 * 1024;
