//! The first mail of a zygote: one of our own, which goes the way of a mail before any other does (`docs/rooms.md`, what a room costs).

use form::DetectedType;
use form::bundle::{BundleWriter, ExtraHeader, HeaderName};
use form::codec::EncodeError;
use form::document::MailDoc;
use form::job::{CleanJob, CleanOp, DirtyJob, DirtyOp};
use form::limits::Limits;
use form::mail::{Address, MailHeader, Mailbox};
use form::text::{Line, Text};
use jail::room::Rehearsal;

/// For a dirty room: mails.
pub(super) fn to_read() -> Vec<Rehearsal> {
    let job = DirtyJob::new(DirtyOp::Mail, Limits::default());
    [PLAIN, MARKUP].map(|mail| Rehearsal { params: job.encode(), input: mail.into() }).into()
}

/// For a clean room: the form of a mail with what the gateway adds to it.
pub(super) fn to_write() -> Vec<Rehearsal> {
    let job = CleanJob::new(CleanOp::AssembleMail, Limits::default(), [0; 16]);
    bundle(&job.limits).map(|input| Rehearsal { params: job.encode(), input }).into_iter().collect()
}

fn bundle(limits: &Limits) -> Result<Vec<u8>, EncodeError> {
    let mailbox = Address::parse("taro@example.jp").ok().map(|address| Mailbox { name: Line::scrub(NAME).0, address });
    let header = MailHeader {
        from: mailbox.clone(),
        to: mailbox.into_iter().collect(),
        subject: Line::scrub(NAME).0,
        ..MailHeader::default()
    };
    let body = Text::scrub(WORDS).0;
    let mail = MailDoc { detected: DetectedType::UNKNOWN, header, body, children: Vec::new(), findings: Vec::new() };
    let form = mail.encode(Vec::new(), limits)?;
    let mut bundle = BundleWriter::new(Vec::new(), limits)?;
    bundle.form(form.len() as u64, &mut &*form)?;
    bundle.account(&Text::scrub(WORDS).0)?;
    if let Ok(name) = HeaderName::parse("X-Misogi-Receipt") {
        bundle.extra_header(&ExtraHeader { name, value: Line::scrub(NAME).0 })?;
    }
    bundle.finish()
}

const NAME: &str = "資料の送付";
const WORDS: &str = "お世話になっております。\n資料を https://example.jp/ に置きましたので、ご確認ください。\n";

/// In ISO-2022-JP, as most Japanese mail programs write.
const PLAIN: &str = "From: =?ISO-2022-JP?B?GyRCOzNFRBsoQiAbJEJCQE86GyhC?= <taro@example.jp>\r\nTo: hanako@example.jp\r\n\
    Subject: =?ISO-2022-JP?B?GyRCO3FOQSROQXdJVRsoQg==?=\r\nDate: Sat, 21 Nov 2026 09:00:00 +0900\r\nMessage-ID: <1@example.jp>\r\n\
    MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-2022-jp\r\nContent-Transfer-Encoding: 7bit\r\n\r\n\
    \x1b$B;qNA$rE:IU$N$H$*$jAwIU$$$?$7$^$9!#\x1b(B\r\nhttps://example.jp/\r\n";

/// In UTF-8, with a richer alternative.
const MARKUP: &str = "From: taro@example.jp\r\nTo: hanako@example.jp\r\nSubject: =?UTF-8?B?6LOH5paZ44Gu6YCB5LuY?=\r\n\
    Date: Sat, 21 Nov 2026 09:00:00 +0900\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n\
    --b\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n6LOH5paZ44Gu6YCB5LuY\r\n\
    --b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
    <p style=3D\"color: #000\">=E8=B3=87=E6=96=99</p><ul><li>1<li>2</ul><a href=3D\"https://example.jp/\">=E9=80=81=E4=BB=98</a>\r\n--b--\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_mails_go_all_the_way() {
        let (read, written) = (to_read(), to_write());
        assert!(!read.is_empty() && !written.is_empty());
        let fonts = crate::fonts::load();
        for job in read {
            let mut form = Vec::new();
            disarm::run(&job.params, &job.input, &fonts, &mut form, &mut Vec::new()).unwrap();
            assert!(String::from_utf8_lossy(&form).contains("送付"), "the words are read");
        }
        for job in written {
            let mut mail = Vec::new();
            let input = reconstruct::Input::Mapped(&job.input);
            reconstruct::run(&job.params, input, &mut mail, &mut Vec::new()).unwrap();
            let mail = String::from_utf8_lossy(&mail).into_owned();
            assert!(mail.contains("X-Misogi-Receipt:") && mail.contains("taro@example.jp"), "{mail}");
        }
    }
}
