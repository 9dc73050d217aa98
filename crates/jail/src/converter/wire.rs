//! What the supervisor says to an instance beyond what it says to any zygote and room.

use super::format::{ConvertFrom, ConvertTo};
use crate::wire::Setup;

/// How an instance is to be set up; the first message it gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) setup: Setup,
    /// Size of its file system.
    pub(super) scratch_bytes: u64,
    /// LibreOffice's program directory.
    pub(super) program: String,
    pub(super) locale: String,
}

/// The largest message with a [`Start`] in it.
pub(super) const START_BYTES_MAX: usize = 8 * 1024;

impl Start {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for field in [&self.setup.encode()[..], self.program.as_bytes(), self.locale.as_bytes()] {
            out.extend(u32::try_from(field.len()).unwrap_or(u32::MAX).to_le_bytes());
            out.extend(field);
        }
        out.extend(self.scratch_bytes.to_le_bytes());
        out
    }

    pub(super) fn decode(mut bytes: &[u8]) -> Option<Start> {
        let mut field = || {
            let (len, rest) = bytes.split_first_chunk::<4>()?;
            let (field, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*len)).ok()?)?;
            bytes = rest;
            Some(field)
        };
        let setup = Setup::decode(field()?)?;
        let program = String::from_utf8(field()?.to_vec()).ok()?;
        let locale = String::from_utf8(field()?.to_vec()).ok()?;
        Some(Start { setup, program, locale, scratch_bytes: u64::from_le_bytes(bytes.try_into().ok()?) })
    }
}

/// What a job's parameters say.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Order<'a> {
    pub(super) from: ConvertFrom,
    pub(super) to: ConvertTo,
    pub(super) password: Option<&'a str>,
}

impl<'a> Order<'a> {
    pub(super) fn encode(&self) -> Vec<u8> {
        let head = [self.from.code(), self.to.code(), self.password.is_some().into()];
        [&head[..], self.password.unwrap_or("").as_bytes()].concat()
    }

    pub(super) fn decode(bytes: &'a [u8]) -> Option<Order<'a>> {
        let ([from, to, has_password], password) = bytes.split_first_chunk::<3>()?;
        let password = std::str::from_utf8(password).ok()?;
        Some(Order {
            from: ConvertFrom::from_code(*from)?,
            to: ConvertTo::from_code(*to)?,
            password: (*has_password == 1).then_some(password),
        })
    }
}

/// What an instance says before it has seen a document: that it waits, with LibreOffice's version, or why it never will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It waits for its document, with every lock on.
    Waiting(String),
    /// It could not be started.
    Failed(String),
}

pub(super) const NEWS_BYTES_MAX: usize = 512;

impl News {
    pub(super) fn encode(&self) -> Vec<u8> {
        let (kind, text) = match self {
            News::Waiting(version) => (b'W', version),
            News::Failed(why) => (b'F', why),
        };
        let mut out = vec![kind];
        out.extend(text.bytes().take(NEWS_BYTES_MAX - 1));
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<News> {
        let (kind, text) = bytes.split_first()?;
        let text =
            text.iter().map(|byte| if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '?' });
        match kind {
            b'W' => Some(News::Waiting(text.collect())),
            b'F' => Some(News::Failed(text.collect())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_come_back_as_they_were_sent() {
        let start = Start {
            setup: Setup {
                supervisor_pid: 1,
                uid: None,
                namespaces: true,
                landlock: true,
                seccomp: true,
                answer_forbidden: false,
                spares: 1,
                data_bytes: 2,
                address_bytes: 3,
                file_bytes: 4,
                cpu_seconds: 5,
            },
            scratch_bytes: 6,
            program: "/opt/office/program".to_owned(),
            locale: "ja-JP".to_owned(),
        };
        assert_eq!(Start::decode(&start.encode()), Some(start.clone()));
        assert_eq!(Start::decode(&[&start.encode()[..], &[0]].concat()), None);
        for password in [None, Some(""), Some("合言葉")] {
            let order = Order { from: ConvertFrom::Pptx, to: ConvertTo::Pdf, password };
            assert!(Order::decode(&order.encode()) == Some(order));
        }
        assert!(Order::decode(&[255, 0, 0]).is_none());
        let news = News::Waiting("LibreOffice 7.4.7.2".to_owned());
        assert_eq!(News::decode(&news.encode()), Some(news));
        assert_eq!(News::decode(b"F\n\x1b"), Some(News::Failed("??".to_owned())));
    }
}
