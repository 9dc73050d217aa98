//! The job of a clean room: one form or bundle in, one fresh file and a report out.

use std::io::{Read, Write};

use form::bundle::Bundle;
use form::codec::{Decoder, Encoder, Event, Kind};
use form::job::{CleanJob, CleanOp};
use form::mail::Child;
use form::report::{CleanReport, Letters, OutputType, PageLetters, PageLevels};
use form::{Finding, Refusal};

use crate::error::Error;
use crate::output::Output;
use crate::{container, csv, directory, image, mail, office, pdf, text};

/// Where the form comes from.
pub enum Input<'a> {
    /// Memory that the room was given.
    Mapped(&'a [u8]),
    /// The pipe from the dirty room, while that is still at work.
    Stream(&'a mut dyn Read),
}

/// Reads `input` as `params` (a [`CleanJob`]) say, writes the fresh file to `out` and a [`CleanReport`] to `report`.
///
/// # Errors
/// The [`Refusal`]: why there is no fresh file.
pub fn run(params: &[u8], input: Input<'_>, out: &mut dyn Write, report: &mut dyn Write) -> Result<(), Refusal> {
    let job = CleanJob::decode(params).map_err(|error| Error::Job(error).refusal())?;
    let mut output = Output::new(out, job.limits.output_bytes);
    let done = match job.op {
        CleanOp::Part => part(&job, input, &mut output),
        CleanOp::AssembleZip => with_bundle(&job, input, |bundle| container::assemble(&bundle, &job, &mut output)),
        CleanOp::AssembleMail | CleanOp::AssembleReport => {
            with_bundle(&job, input, |bundle| mail::assemble(&bundle, &job, &mut output))
        }
    };
    let own = done.and_then(|own| {
        output.flush()?;
        Ok(own)
    });
    let written = own.map_err(|error| output.refusal().unwrap_or_else(|| error.refusal()))?;
    report.write_all(&written.encode()).map_err(|error| Error::Write(error).refusal())
}

fn part(job: &CleanJob, input: Input<'_>, out: &mut Output<'_>) -> Result<CleanReport, Error> {
    let reader: &mut dyn Read = match input {
        Input::Mapped(mut bytes) => return part_of(job, &mut bytes, out),
        Input::Stream(reader) => reader,
    };
    part_of(job, reader, out)
}

fn part_of(job: &CleanJob, reader: &mut dyn Read, out: &mut Output<'_>) -> Result<CleanReport, Error> {
    let mut decoder = Decoder::new(reader, &job.limits)?;
    let (kind, detected_type) = (decoder.kind(), decoder.detected());
    let mut seen = Seen::default();
    let written = match kind {
        Kind::Text => text::write(&mut decoder, job.links, out)?,
        Kind::Table => csv::write(&mut decoder, out)?,
        Kind::Calendar => directory::write_calendar(&mut decoder, job.links, out)?,
        Kind::Card => directory::write_cards(&mut decoder, job.links, out)?,
        Kind::Image => image::write(&mut decoder, job, out)?,
        Kind::Pages => pdf::write(&mut decoder, job, out, &mut seen)?,
        Kind::Sheet | Kind::Flow | Kind::Slides => office::write(&mut decoder, job, out, &mut seen)?,
        Kind::Mail | Kind::Container => again(&mut decoder, job, out)?,
    };
    let Written { output, pages, levels, findings } = written;
    let Seen { letters, unmapped, children } = seen;
    let opened = decoder.opened();
    Ok(CleanReport { kind, detected_type, output, pages, levels, letters, unmapped, findings, opened, children })
}

/// What a writer says of the file it wrote.
pub(crate) struct Written {
    pub(crate) output: OutputType,
    /// Pages or frames, 0 where the format has none.
    pub(crate) pages: u32,
    /// How many of the pages were carried over in which way.
    pub(crate) levels: PageLevels,
    /// The findings of the form and the writer's own.
    pub(crate) findings: Vec<Finding>,
}

/// What a writer saw in the form that is not in the file it wrote, or is there in another shape.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) letters: Letters,
    pub(crate) unmapped: Vec<PageLetters>,
    /// Files that were embedded; they go their own ways. The decoder has verified them.
    pub(crate) children: Vec<Child>,
}

/// The form a reader gives out, whatever it reads from.
pub(crate) type Form<'r> = Decoder<&'r mut dyn Read>;

/// A mail or container is for the gateway to read: what was verified is written again, by this room, as it was.
fn again(decoder: &mut Form<'_>, job: &CleanJob, out: &mut Output<'_>) -> Result<Written, Error> {
    let mut encoder = Encoder::new(out, decoder.kind(), decoder.detected(), &job.limits)?;
    let mut findings = Vec::new();
    loop {
        match decoder.next()? {
            Event::Finding(finding) => {
                encoder.finding(&finding)?;
                findings.push(finding);
            }
            Event::MailHeader(header) => encoder.mail_header(&header)?,
            Event::Text(text) => encoder.text(text)?,
            Event::Child(child) => encoder.child(&child)?,
            Event::End => break,
            Event::TextSource(_)
            | Event::Image(_)
            | Event::Frame(_)
            | Event::Pixels(_)
            | Event::Table(_)
            | Event::Row(_)
            | Event::Pages(_)
            | Event::Glyph(_)
            | Event::Picture(_)
            | Event::Gradient(_)
            | Event::Canvas(_)
            | Event::Page(_)
            | Event::Operations(_)
            | Event::Link(_)
            | Event::OutlineItem(_)
            | Event::PageLabel(_)
            | Event::Office(_)
            | Event::Part(_)
            | Event::Markup(_)
            | Event::Calendar(_)
            | Event::Entry(_)
            | Event::Card(_) => return Err(form::Reason::FormInvalid.into()),
        }
    }
    encoder.opened(decoder.opened());
    encoder.finish()?;
    Ok(Written { output: OutputType::Form, pages: 0, levels: PageLevels::default(), findings })
}

fn with_bundle<T>(
    job: &CleanJob,
    input: Input<'_>,
    assemble: impl FnOnce(Bundle<'_>) -> Result<T, Error>,
) -> Result<T, Error> {
    match input {
        Input::Mapped(bytes) => assemble(Bundle::decode(bytes, &job.limits)?),
        Input::Stream(reader) => {
            // A bundle is built by the gateway and mapped; a stream of one is read whole, up to what a bundle may have.
            let most = job.limits.total_bytes.saturating_add(job.limits.form_bytes);
            let mut bytes = Vec::new();
            reader.take(most).read_to_end(&mut bytes).map_err(|error| Error::Form(error.into()))?;
            assemble(Bundle::decode(&bytes, &job.limits)?)
        }
    }
}
