//! What a room is asked to do: a small blob of parameters beside its input.

use std::fmt;

use crate::codec::DecodeError;
use crate::container::{take_line, take_name};
use crate::limits::Limits;
use crate::name::FileName;
use crate::reason::{Reason, Refusal};
use crate::text::Line;
use crate::wire::{Cursor, Sink, coded, size};

coded! {
    /// How a dirty room reads its input.
    pub enum DirtyOp {
        /// As a mail, whatever it looks like.
        Mail = 1,
        /// As what its content shows it to be.
        Auto = 2,
    }
}

/// The job of a dirty room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirtyJob {
    /// How to read the input.
    pub op: DirtyOp,
    /// The name that the file came with.
    pub declared_name: Option<FileName>,
    /// The media type that the file came with, may be empty.
    pub declared_type: Line,
    /// What the job may cost.
    pub limits: Limits,
    /// Passwords to try, in this order.
    pub passwords: Vec<Password>,
}

impl DirtyJob {
    /// The most passwords that one job tries.
    pub const MAX_PASSWORDS: u32 = 16;

    /// The job as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut sink = Sink::default();
        sink.bytes(&DIRTY);
        sink.u8(self.op.code());
        sink.option(self.declared_name.as_ref(), |name, sink| sink.string(name.as_str()));
        sink.string(self.declared_type.as_str());
        self.limits.put(&mut sink);
        sink.list(&self.passwords, |password, sink| sink.string(&password.0));
        sink.into_vec()
    }

    /// The job of bytes.
    pub fn decode(bytes: &[u8]) -> Result<DirtyJob, DecodeError> {
        let mut cursor = begin(bytes, DIRTY)?;
        let job = DirtyJob {
            op: cursor.coded(DirtyOp::from_code, "operation")?,
            declared_name: cursor.option(take_name)?,
            declared_type: take_line(&mut cursor, "declared type")?,
            limits: Limits::take(&mut cursor)?,
            passwords: cursor.list(Self::MAX_PASSWORDS, Reason::FormInvalid, |cursor| {
                Password::new(cursor.string()?).ok_or(DecodeError::Malformed("password"))
            })?,
        };
        cursor.finish()?;
        Ok(job)
    }
}

/// A password of an encrypted file. It is never shown in logs and never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// The most bytes of a password.
    pub const MAX_BYTES: usize = 1024;

    /// A password of any characters; `None` when it is too long.
    pub fn new(password: &str) -> Option<Password> {
        (password.len() <= Self::MAX_BYTES).then(|| Password(password.to_owned()))
    }

    /// The password itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

coded! {
    /// What a clean room does with its input.
    pub enum CleanOp {
        /// Takes a form stream and writes one file. Of a mail or container it writes the verified stream again, for the gateway
        /// to read.
        Part = 1,
        /// Takes a [bundle](crate::bundle) and writes a mail.
        AssembleMail = 2,
        /// Takes a [bundle](crate::bundle) and writes a ZIP archive.
        AssembleZip = 3,
    }
}

coded! {
    /// What becomes of an animation.
    pub enum Animation {
        /// It stays one where the written format can.
        Keep = 1,
        /// Only its first frame stays.
        FirstFrame = 2,
    }
}

/// How pictures are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImagePolicy {
    /// What becomes of animations.
    pub animation: Animation,
    /// The lowest quality that JPEG is written with, 1 to 100.
    pub quality_min: u8,
    /// The highest quality that JPEG is written with, 1 to 100, not below the lowest.
    pub quality_max: u8,
}

impl Default for ImagePolicy {
    /// Near the source, yet neither ruined by a source of quality 5 nor blown up by one of 100.
    fn default() -> ImagePolicy {
        ImagePolicy { animation: Animation::Keep, quality_min: 60, quality_max: 95 }
    }
}

/// The job of a clean room. Its output is the same for the same input and job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CleanJob {
    /// What to do.
    pub op: CleanOp,
    /// What the job may cost.
    pub limits: Limits,
    /// How pictures are written.
    pub image: ImagePolicy,
    /// What MIME boundaries are derived from, so that no sender can foresee them.
    pub boundary_seed: [u8; 16],
    /// Where an assembled mail has its account.
    pub account: AccountPlace,
}

/// Where the account stands in the text of a mail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AccountPlace {
    /// Before the sender's words.
    #[default]
    Top,
    /// After them.
    Bottom,
}

impl CleanJob {
    /// The job as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut sink = Sink::default();
        sink.bytes(&CLEAN);
        sink.u8(self.op.code());
        self.limits.put(&mut sink);
        sink.u8(self.image.animation.code());
        sink.u8(self.image.quality_min);
        sink.u8(self.image.quality_max);
        sink.bytes(&self.boundary_seed);
        sink.u8(match self.account {
            AccountPlace::Top => 1,
            AccountPlace::Bottom => 2,
        });
        sink.into_vec()
    }

    /// The job of bytes.
    pub fn decode(bytes: &[u8]) -> Result<CleanJob, DecodeError> {
        let mut cursor = begin(bytes, CLEAN)?;
        let job = CleanJob {
            op: cursor.coded(CleanOp::from_code, "operation")?,
            limits: Limits::take(&mut cursor)?,
            image: ImagePolicy {
                animation: cursor.coded(Animation::from_code, "animation policy")?,
                quality_min: cursor.u8()?,
                quality_max: cursor.u8()?,
            },
            boundary_seed: cursor.array()?,
            account: match cursor.u8()? {
                1 => AccountPlace::Top,
                2 => AccountPlace::Bottom,
                _ => return Err(DecodeError::Malformed("place of the account")),
            },
        };
        cursor.finish()?;
        let ImagePolicy { quality_min: low, quality_max: high, .. } = job.image;
        if low == 0 || high > 100 || low > high {
            return Err(DecodeError::Malformed("quality"));
        }
        Ok(job)
    }
}

fn begin(bytes: &[u8], magic: [u8; 8]) -> Result<Cursor<'_>, DecodeError> {
    let len = size(bytes.len());
    Refusal::check(Reason::FormInvalid, MAX_BYTES, len)?;
    let mut cursor = Cursor::new(bytes);
    if cursor.array()? != magic { Err(DecodeError::Magic) } else { Ok(cursor) }
}

const DIRTY: [u8; 8] = *b"MSGDJOB\x01";
const CLEAN: [u8; 8] = *b"MSGCJOB\x01";

/// More than the longest job: limits, a name, a type and 16 passwords.
const MAX_BYTES: u64 = 64 * 1024;
