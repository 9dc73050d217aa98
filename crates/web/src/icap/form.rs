//! A form on its way to a site (`multipart/form-data`, RFC 7578): its words are written anew, its files rebuilt one by one.
//!
//! The framing is taken apart by the code that takes uploads of the portal apart. What leaves has a boundary of ours, one header of
//! ours for each part, values that are text, and files that clean rooms wrote; so what two readers of the old framing would have
//! disagreed about is gone.

use axum::body::Body as Reply;
use futures_util::{StreamExt, stream};
use store::{BatchRow, MessageId, Receipt, Spool, UploadFile};
use tokio_util::sync::CancellationToken;

use super::{
    answer::{self, Answer, Section},
    connection::{Body, Lost},
    judge::Why,
    page::Taken,
    service::{Exchange, Outcome, Service, Waited},
};
use crate::{
    multipart::{PartHeader, Splitter, Step},
    portal,
};

/// A part of the form.
enum Part {
    Field {
        name: String,
        value: String,
    },
    /// A file that is durable; the message carries it.
    File {
        name: String,
        message: MessageId,
    },
    /// A field for a file in which there is none.
    NoFile {
        name: String,
        file_name: String,
    },
}

/// The part that is being read.
enum Current {
    None,
    Field(String, Vec<u8>),
    File(PartHeader, Box<Spool>),
}

/// Why reading ended.
enum Ended {
    Lost(Lost),
    Refused(Why),
    Store(store::Error),
}

/// What was read.
struct Form {
    parts: Vec<Part>,
    batch: Option<BatchRow>,
    files: Vec<(Receipt, MessageId)>,
}

impl Service {
    /// A body that is a form.
    pub(super) async fn form(
        &self,
        exchange: &Exchange,
        content_type: &str,
        mut body: Body<'_>,
        shutdown: &CancellationToken,
    ) -> Result<Outcome, Lost> {
        let mut form = Form { parts: Vec::new(), batch: None, files: Vec::new() };
        match self.read_form(exchange, content_type, &mut body, &mut form).await {
            Ok(()) => {}
            Err(Ended::Lost(lost)) => return Err(lost),
            Err(Ended::Refused(why)) => return self.refused(exchange, why, body).await,
            Err(Ended::Store(error)) => return Ok(self.unavailable(&error, false)),
        }
        let Form { parts, batch, files } = form;
        let (Some(batch), Some((receipt, _))) = (&batch, files.first()) else {
            return self.written(exchange, &parts, &[]).await;
        };
        let link = self.link(batch, receipt, &exchange.who);
        let taken = Taken { receipt, link: link.as_deref() };
        let messages: Vec<MessageId> = files.iter().map(|(_, message)| *message).collect();
        let found = match self.results(batch, &messages, shutdown).await {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(self.patience(exchange, taken)),
            Err(Waited::Stopping) => return Ok((Answer::Status(503), false, "stopping")),
            Err(Waited::Store(error)) => return Ok(self.unavailable(&error, true)),
        };
        // A form of which a file is missing says something else than its sender did: nothing of it goes on.
        if let Some(withheld) = found.iter().find(|file| !file.parts.first().is_some_and(|root| root.has_result)) {
            return Ok(self.withheld(exchange, withheld, link.as_deref()));
        }
        self.written(exchange, &parts, &found).await
    }

    async fn read_form(
        &self,
        exchange: &Exchange,
        content_type: &str,
        body: &mut Body<'_>,
        form: &mut Form,
    ) -> Result<(), Ended> {
        let unreadable = Ended::Refused(Why::Form);
        let Ok(mut splitter) = Splitter::new(content_type) else { return Err(unreadable) };
        let mut current = Current::None;
        let (mut total, mut words) = (0_u64, 0_usize);
        while let Some(data) = body.next().await.map_err(Ended::Lost)? {
            total = total.saturating_add(u64::try_from(data.len()).unwrap_or(u64::MAX));
            if total > self.state.limits.body_bytes {
                return Err(Ended::Refused(Why::TooLarge));
            }
            splitter.feed(&data);
            loop {
                match splitter.step().map_err(|_| Ended::Refused(Why::Form))? {
                    Step::Feed | Step::End => break,
                    Step::Part(header) => {
                        if !plain(&header.name) {
                            return Err(Ended::Refused(Why::Form));
                        }
                        current = match header.file_name {
                            None => Current::Field(header.name, Vec::new()),
                            Some(_) => Current::File(header, Box::new(self.state.store.spool())),
                        };
                    }
                    Step::Data(data) => match &mut current {
                        Current::None => return Err(Ended::Refused(Why::Form)),
                        Current::Field(_, value) => {
                            words = words.saturating_add(data.len());
                            if words > VALUE_BYTES {
                                return Err(Ended::Refused(Why::Form));
                            }
                            value.extend_from_slice(&data);
                        }
                        Current::File(_, spool) => spool.write(&data).await.map_err(Ended::Store)?,
                    },
                    Step::PartEnd => match std::mem::replace(&mut current, Current::None) {
                        Current::None => return Err(Ended::Refused(Why::Form)),
                        Current::Field(name, value) => {
                            let value = String::from_utf8(value).ok().filter(|value| plain(value));
                            let value = value.ok_or(Ended::Refused(Why::Form))?;
                            form.parts.push(Part::Field { name, value });
                        }
                        Current::File(PartHeader { name, file_name }, spool) => {
                            let raw = file_name.unwrap_or_default();
                            self.end_of_file(exchange, name, &raw, *spool, form).await?;
                        }
                    },
                }
            }
        }
        splitter.finish().map_err(|_| Ended::Refused(Why::Form))
    }

    async fn end_of_file(
        &self,
        exchange: &Exchange,
        name: String,
        raw: &str,
        spool: Spool,
        form: &mut Form,
    ) -> Result<(), Ended> {
        if spool.is_empty() {
            // A browser sends an empty name for a field in which nothing was chosen.
            let file_name = if raw.is_empty() { String::new() } else { portal::harmless(raw).as_str().to_owned() };
            form.parts.push(Part::NoFile { name, file_name });
            return Ok(());
        }
        if form.files.len() >= self.state.limits.files {
            return Err(Ended::Refused(Why::Form));
        }
        let raw = if raw.is_empty() { "upload" } else { raw };
        let (receipt, message) = self.keep(exchange, &mut form.batch, raw, spool).await.map_err(Ended::Store)?;
        form.files.push((receipt, message));
        form.parts.push(Part::File { name, message });
        Ok(())
    }

    /// The request with the form as it is written here.
    async fn written(&self, exchange: &Exchange, parts: &[Part], files: &[UploadFile]) -> Result<Outcome, Lost> {
        let Some(request) = &exchange.request else { return Ok((Answer::Status(500), false, "unavailable")) };
        let mut noise = [0_u8; 16];
        if getrandom::fill(&mut noise).is_err() {
            return Ok((Answer::Status(500), true, "unavailable"));
        }
        // Nobody who writes a file knows this boundary.
        let boundary: String = store::hex(&noise);
        let mut pieces: Vec<Reply> = Vec::new();
        let mut length = 0_u64;
        let mut add = |bytes: u64, piece: Reply| {
            length = length.saturating_add(bytes);
            pieces.push(piece);
        };
        for part in parts {
            let mut text = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"");
            match part {
                Part::Field { name, value } => {
                    text.push_str(&format!("{}\"\r\n\r\n{value}\r\n", escaped(name)));
                    add(bytes(&text), Reply::from(text));
                }
                Part::NoFile { name, file_name } => {
                    text.push_str(&format!(
                        "{}\"; filename=\"{}\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n",
                        escaped(name),
                        escaped(file_name)
                    ));
                    add(bytes(&text), Reply::from(text));
                }
                Part::File { name, message } => {
                    let file = files.iter().find(|file| file.message == *message);
                    let root = file.and_then(|file| file.parts.first()).filter(|root| root.has_result);
                    let Some(root) = root else { return Ok((Answer::Status(500), true, "unavailable")) };
                    let output = match self.state.store.part_result(*message, &root.path).await {
                        Ok(output) => output,
                        Err(error) => return Ok(self.unavailable(&error, true)),
                    };
                    let kind = root.media_type.as_deref().unwrap_or("application/octet-stream");
                    text.push_str(&format!(
                        "{}\"; filename=\"{}\"\r\nContent-Type: {kind}\r\n\r\n",
                        escaped(name),
                        escaped(root.output_name.as_deref().unwrap_or(&root.name))
                    ));
                    add(bytes(&text), Reply::from(text));
                    add(output.len(), portal::body(&output));
                    add(2, Reply::from("\r\n"));
                }
            }
        }
        let end = format!("--{boundary}--\r\n");
        add(bytes(&end), Reply::from(end));
        let own = [
            ("Content-Type", format!("multipart/form-data; boundary={boundary}")),
            ("Content-Length", length.to_string()),
        ];
        let head = answer::request_head(request, &own);
        let body = Reply::from_stream(stream::iter(pieces).flat_map(Reply::into_data_stream));
        Ok((Answer::Message { section: Section::Request, head, body }, true, "rebuilt"))
    }
}

/// Text without what ends a line early, or a string: all that a form's fields are for.
fn plain(text: &str) -> bool {
    !text.chars().any(|character| {
        (character.is_control() && !matches!(character, '\t' | '\r' | '\n')) || character == char::REPLACEMENT_CHARACTER
    })
}

/// HTML, "multipart/form-data encoding algorithm": these three and no other.
fn escaped(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

fn bytes(text: &str) -> u64 {
    u64::try_from(text.len()).unwrap_or(u64::MAX)
}

/// Bytes of all values of fields together.
const VALUE_BYTES: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values_are_text() {
        for good in ["", "令和八年", "a\tb\r\nc", "\"", "😀"] {
            assert!(plain(good), "{good:?}");
        }
        for bad in ["\0", "\u{1b}[0m", "\u{85}", "\u{fffd}"] {
            assert!(!plain(bad), "{bad:?}");
        }
        assert_eq!(escaped("a\"; x=\"\r\n"), "a%22; x=%22%0D%0A");
    }
}
