//! The job of a dirty room: one file in, one form out.

use std::io::Write;

use form::job::{DirtyJob, DirtyOp, Legacy, Opened, Preview};
use form::text::Scrubbed;
use form::{DetectedType, Findings, Place, Reason, Refusal};

use crate::detect::{Content, detect};
use crate::error::{Error, size, within};
use crate::fonts::Fonts;
use crate::mapi::{Message, compose};
use crate::office::crypt::Unsealed;
use crate::{archive, csv, dbf, directory, ichitaro, image, legacy, mail, markup, msg, office, pdf, text, tnef, zip};

/// Pages of a document that are done, and how many it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PagesDone {
    /// From the first one on.
    pub done: u32,
    /// All of them.
    pub of: u32,
}

/// Why a room gave nothing, and what it took the file to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{detected} refused")]
pub struct Refused {
    /// The reason.
    #[source]
    pub refusal: Refusal,
    /// The type of the file as far as it was found.
    pub detected: DetectedType,
}

/// Reads `input` as `params` (a [`DirtyJob`]) say, writes its form to `form` and the members of a container to `spill`. `fonts`
/// stand in for those that a document names and does not bring.
///
/// # Errors
/// [`Refused`]: why nothing of it may cross, and what it is.
pub fn run(
    params: &[u8],
    input: &[u8],
    fonts: &Fonts,
    form: &mut dyn Write,
    spill: &mut dyn Write,
) -> Result<(), Refused> {
    run_telling(params, input, fonts, form, spill, &mut |_| ())
}

/// [`run`], which tells before each page of a document of pages how many are done.
///
/// # Errors
/// Those of [`run`].
pub fn run_telling(
    params: &[u8],
    input: &[u8],
    fonts: &Fonts,
    form: &mut dyn Write,
    spill: &mut dyn Write,
    tell: &mut dyn FnMut(PagesDone),
) -> Result<(), Refused> {
    let job = DirtyJob::decode(params).map_err(|error| refused(&Error::Job(error), DetectedType::UNKNOWN))?;
    let mut found = match job.op {
        DirtyOp::Mail => crate::detect::MAIL,
        DirtyOp::Auto | DirtyOp::Preview => detect(input, job.declared_name.as_ref(), job.declared_type.as_str()),
    };
    let mut findings = Findings::new(job.limits.findings);
    let (package, mut input) = (unsealed(&found.content, input, &job), input);
    let mut opened = Opened::NONE;
    if let Some(package) = &package {
        let Unsealed { package, password } = package.as_ref().map_err(|error| refused(error, found.token))?;
        (input, found) = (package, crate::detect::opened(package));
        password.iter().for_each(|index| opened.add(*index));
        findings.add(Reason::Decrypted, Place::default());
    }
    if let (DirtyOp::Auto, Some(place)) = (job.op, found.mismatch(job.declared_name.as_ref())) {
        findings.add(Reason::TypeMismatch, place);
    }
    if let (DirtyOp::Auto, Some(place)) = (job.op, found.renamed(job.declared_name.as_ref())) {
        findings.add(Reason::NameChanged, place);
    }
    let part = Part { input, job: &job, detected: found.token, findings, opened };
    let done =
        within(Reason::LimitInputBytes, job.limits.input_bytes, size(input.len())).and_then(|()| match job.preview {
            Some(wanted) => shown(part, &found.content, wanted, fonts, form),
            None => match found.content {
                Content::Text => text::disarm(part, form),
                Content::Html => markup::disarm_html(part, form),
                Content::Xml => markup::disarm_xml(part, form),
                Content::Table => csv::disarm(part, form),
                Content::Dbf => dbf::disarm(part, form),
                Content::Mail => mail::disarm(input, &job, form, spill),
                Content::Image(source) => image::disarm(part, source, form),
                Content::Metafile => image::metafile::disarm(part, fonts, image::metafile::MOST_SIDE, form),
                Content::Heif => image::heif::disarm(part, form),
                Content::Icon => image::icon::disarm(part, form),
                Content::Jp2 => image::jp2::disarm(part, form),
                Content::Psd => image::psd::disarm(part, form),
                Content::Svg => image::svg::disarm(part, fonts, image::metafile::MOST_SIDE, form),
                Content::Pdf => pdf::disarm(part, fonts, form, spill, tell),
                Content::Office => office::disarm(part, fonts, form, spill),
                Content::Zip => zip::disarm(part, form, spill),
                Content::Ichitaro => ichitaro::disarm(part, form),
                Content::Withheld(Reason::ConverterUnavailable) if job.office.legacy == Legacy::Words => {
                    legacy::disarm(part, form)
                }
                Content::Withheld(Reason::ConverterUnavailable)
                    if job.office.legacy == Legacy::Values && found.token.as_str() == "xlsb" =>
                {
                    legacy::binary_book::disarm(part, form, spill)
                }
                Content::Msg => {
                    msg::read(input, &job.limits).and_then(|msg| outlook(part, &msg.message, msg.damaged, form, spill))
                }
                Content::Tnef => {
                    tnef::read(input).and_then(|tnef| outlook(part, &tnef.message, tnef.damaged, form, spill))
                }
                Content::Calendar => directory::disarm_calendar(part, form),
                Content::Card => directory::disarm_card(part, form),
                Content::Archive(format) => archive::disarm(part, format, form, spill),
                // It was opened above, and what was inside is no other.
                Content::Sealed => Err(Reason::Encrypted.into()),
                Content::Withheld(reason) => Err(reason.into()),
            },
        });
    done.map_err(|error| refused(&error, found.token))
}

/// The package of an encrypted document; `None` for everything else.
fn unsealed(content: &Content, input: &[u8], job: &DirtyJob) -> Option<Result<Unsealed, Error>> {
    let opened = || {
        within(Reason::LimitInputBytes, job.limits.input_bytes, size(input.len()))?;
        office::crypt::open(input, &job.passwords, &job.limits)
    };
    (*content == Content::Sealed).then(opened)
}

/// A message of Outlook as the mail that it is.
fn outlook(
    mut part: Part<'_>,
    message: &Message,
    damaged: bool,
    form: &mut dyn Write,
    spill: &mut dyn Write,
) -> Result<(), Error> {
    if damaged {
        part.findings.add(Reason::MessageIncomplete, Place::default());
    }
    let mail = compose::mail(message)?;
    within(Reason::LimitSpillBytes, part.job.limits.spill_bytes, size(mail.len()))?;
    mail::disarm_as(&mail, part.detected, part.findings, part.job, form, spill)
}

/// One page of what has pages, as a picture.
fn shown(part: Part<'_>, content: &Content, wanted: Preview, fonts: &Fonts, form: &mut dyn Write) -> Result<(), Error> {
    match *content {
        Content::Pdf => pdf::preview(part, wanted, fonts, form),
        Content::Image(source) => image::preview::preview(part, source, wanted, form),
        Content::Heif => {
            image::preview::preview_of(part, form::image::ImageSource::Jpeg, wanted, form, image::heif::disarm)
        }
        Content::Icon => {
            image::preview::preview_of(part, form::image::ImageSource::Png, wanted, form, image::icon::disarm)
        }
        Content::Jp2 => {
            image::preview::preview_of(part, form::image::ImageSource::Jpeg, wanted, form, image::jp2::disarm)
        }
        Content::Psd => {
            image::preview::preview_of(part, form::image::ImageSource::Png, wanted, form, image::psd::disarm)
        }
        Content::Svg => image::svg::disarm(part, fonts, wanted.max_side.into(), form),
        Content::Metafile => image::metafile::disarm(part, fonts, wanted.max_side.into(), form),
        Content::Withheld(reason) => Err(reason.into()),
        Content::Text
        | Content::Html
        | Content::Xml
        | Content::Table
        | Content::Dbf
        | Content::Mail
        | Content::Office
        | Content::Ichitaro
        | Content::Sealed
        | Content::Zip
        | Content::Archive(_)
        | Content::Msg
        | Content::Tnef
        | Content::Calendar
        | Content::Card => Err(Reason::UnsupportedType.into()),
    }
}

fn refused(error: &Error, detected: DetectedType) -> Refused {
    Refused { refusal: error.refusal(), detected }
}

/// One file on its way through a reader.
pub(crate) struct Part<'a> {
    /// Its bytes.
    pub(crate) input: &'a [u8],
    /// What was asked for.
    pub(crate) job: &'a DirtyJob,
    /// What it was found to be.
    pub(crate) detected: DetectedType,
    /// What was found in it so far.
    pub(crate) findings: Findings,
    /// Which passwords of the job have opened it.
    pub(crate) opened: Opened,
}

impl Part<'_> {
    /// Adds what scrubbing has taken out.
    pub(crate) fn add_scrubbed(&mut self, scrubbed: Scrubbed, place: &Place) {
        let Scrubbed { controls, bidi, zero_width, private_use, folded: _ } = scrubbed;
        for (reason, count) in [
            (Reason::ControlCharacters, controls),
            (Reason::BidiControls, bidi),
            (Reason::ZeroWidthCharacters, zero_width),
            (Reason::Gaiji, private_use),
        ] {
            self.findings.add_many(reason, count, place.clone());
        }
    }
}
