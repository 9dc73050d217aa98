//! What password mails told, and what opened something: in memory, bounded, and so that whoever sends much pushes out its own.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use engine::MailOutcome;
use form::job::Password;
use store::{Envelope, MessageId, Receipt, Timestamp};

use super::holds;

/// Password mails that are remembered.
const MAX_REMEMBERED: usize = 5_000;

/// And of one sender.
const MAX_OF_SENDER: usize = 20;

/// Bytes of all of them.
const MAX_BYTES: usize = 16 << 20;

/// Mails that a mail answers; of more, the last.
const MAX_ANSWERS: usize = 20;

/// Mails that were opened in part, whose passwords are kept for the rest.
const MAX_HELPED: usize = 1_000;

/// Passwords of one such mail.
const MAX_KEYS: usize = 16;

/// By what two mails are known to belong together.
#[derive(Clone, Default)]
pub(crate) struct Names {
    /// Reverse-path.
    sender: String,
    /// From.
    from: String,
    /// Its own Message-ID.
    own: Option<String>,
    /// The mails that it answers.
    answers: Vec<String>,
}

impl Names {
    pub(super) fn of(envelope: &Envelope, outcome: &MailOutcome) -> Self {
        let header = &outcome.header;
        let from = header.from.as_ref().map(|from| from.address.as_str()).unwrap_or_default();
        let ids: Vec<_> = header.references.iter().chain(&header.in_reply_to).collect();
        let last = ids.get(ids.len().saturating_sub(MAX_ANSWERS)..).unwrap_or_default();
        Self {
            sender: envelope.sender.clone().unwrap_or_default(),
            from: from.to_owned(),
            own: header.message_id.as_ref().map(|id| id.as_str().to_owned()),
            answers: last.iter().map(|id| id.as_str().to_owned()).collect(),
        }
    }

    /// Reverse-path and From, as far as there are any.
    pub(super) fn senders(&self) -> Vec<String> {
        [&self.sender, &self.from].into_iter().filter(|address| !address.is_empty()).cloned().collect()
    }

    pub(super) fn answers(&self) -> &[String] {
        &self.answers
    }

    /// Whoever forges one of the two is somebody else.
    pub(super) fn key(&self) -> String {
        key(&self.sender, &self.from)
    }

    pub(super) fn belongs_to(&self, other: &Names) -> bool {
        let answers = |one: &Names, two: &Names| two.own.as_ref().is_some_and(|id| one.answers.contains(id));
        let theirs = other.senders();
        let same = |sender: &String| theirs.iter().any(|other| other.eq_ignore_ascii_case(sender));
        self.senders().iter().any(same) || answers(self, other) || answers(other, self)
    }

    fn domain(&self) -> String {
        let address = if self.sender.is_empty() { &self.from } else { &self.sender };
        address.rsplit_once('@').map_or("", |(_, domain)| domain).to_ascii_lowercase()
    }

    fn bytes(&self) -> usize {
        let ids = self.answers.iter().chain(&self.own).map(String::len).sum::<usize>();
        ids.saturating_add(self.sender.len()).saturating_add(self.from.len())
    }
}

/// A sender as one text.
pub(super) fn key(sender: &str, from: &str) -> String {
    format!("{sender} {from}").to_ascii_lowercase()
}

/// A mail whose text may tell a password.
#[derive(Clone)]
pub(super) struct PasswordMail {
    pub(super) receipt: Receipt,
    pub(super) names: Names,
    pub(super) recipients: Vec<String>,
    pub(super) candidates: Vec<Password>,
    pub(super) at: Timestamp,
}

impl PasswordMail {
    fn bytes(&self) -> usize {
        let recipients = self.recipients.iter().map(String::len).sum::<usize>();
        let candidates = self.candidates.iter().map(|password| password.reveal().len()).sum::<usize>();
        self.names.bytes().saturating_add(recipients).saturating_add(candidates)
    }
}

/// Candidates of recent password mails.
#[derive(Default)]
pub(crate) struct Told(Mutex<VecDeque<PasswordMail>>);

impl Told {
    pub(super) fn remember(&self, mail: PasswordMail, since: Timestamp) {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|earlier| earlier.at >= since && earlier.receipt != mail.receipt);
        let key = mail.names.key();
        let of_sender: Vec<usize> =
            told.iter().enumerate().filter(|(_, earlier)| earlier.names.key() == key).map(|(index, _)| index).collect();
        if let Some(oldest) = of_sender.first().filter(|_| of_sender.len() >= MAX_OF_SENDER) {
            told.remove(*oldest);
        }
        told.push_back(mail);
        while told.len() > MAX_REMEMBERED || told.iter().map(PasswordMail::bytes).sum::<usize>() > MAX_BYTES {
            let Some(index) = of_the_crowd(&told) else { return };
            told.remove(index);
        }
    }

    /// What those of the mails told that are wanted and belong together with one of these names: first those of the very same
    /// sender, and the newest first.
    pub(super) fn of(
        &self,
        names: &Names,
        since: Timestamp,
        most: usize,
        wanted: impl Fn(&PasswordMail) -> bool,
    ) -> Vec<PasswordMail> {
        let told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |mail: &&PasswordMail| mail.at >= since && mail.names.belongs_to(names) && wanted(mail);
        let mut found: Vec<&PasswordMail> = told.iter().rev().filter(fits).collect();
        let key = names.key();
        found.sort_by_key(|mail| mail.names.key() != key);
        found.into_iter().take(most).cloned().collect()
    }
}

/// The oldest mail of those whose domain and recipients have the most: a flood, from whomever or to whomever, pushes out itself.
fn of_the_crowd(told: &VecDeque<PasswordMail>) -> Option<usize> {
    let mut crowds: HashMap<String, usize> = HashMap::new();
    let names = |mail: &PasswordMail| {
        let recipients = mail.recipients.iter().map(|address| format!("to {}", address.to_ascii_lowercase()));
        recipients.chain([format!("of {}", mail.names.domain())]).collect::<Vec<_>>()
    };
    for mail in told {
        for name in names(mail) {
            let count = crowds.entry(name).or_default();
            *count = count.saturating_add(1);
        }
    }
    let crowd = |mail: &PasswordMail| names(mail).iter().filter_map(|name| crowds.get(name)).max().copied();
    // Of several with the same figure, max_by_key gives the last; the oldest comes first.
    told.iter().enumerate().rev().max_by_key(|(_, mail)| crowd(mail)).map(|(index, _)| index)
}

/// A password that opened something, and whom it was told to.
#[derive(Clone)]
struct Key {
    password: Password,
    told_to: Vec<String>,
}

/// Passwords that opened something of a mail of which something is locked still: an archive in an archive needs both. One that was told
/// to some recipients opens nothing for the others.
#[derive(Default)]
pub(crate) struct Keys(Mutex<VecDeque<(MessageId, Vec<Key>)>>);

impl Keys {
    /// Keeps passwords that opened something and that these recipients were told; of all that were told, the newest [`MAX_KEYS`].
    pub(super) fn keep(&self, message: MessageId, passwords: &[Password], told_to: &[String]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|(of, _)| *of == message).and_then(|at| kept.remove(at));
        let mut earlier = known.map(|(_, keys)| keys).unwrap_or_default();
        let mut keys = Vec::with_capacity(passwords.len().saturating_add(earlier.len()));
        for password in passwords {
            let at = earlier.iter().position(|key| key.password == *password);
            let new = || Key { password: password.clone(), told_to: Vec::new() };
            let mut key = at.map_or_else(new, |at| earlier.remove(at));
            let more: Vec<_> = told_to.iter().filter(|address| !holds(&key.told_to, address)).cloned().collect();
            key.told_to.extend(more);
            keys.push(key);
        }
        keys.extend(earlier);
        keys.truncate(MAX_KEYS);
        while kept.len() >= MAX_HELPED {
            kept.pop_front();
        }
        kept.push_back((message, keys));
    }

    /// Those that were told to all of these recipients.
    pub(super) fn of(&self, message: MessageId, recipients: &[String]) -> Vec<Password> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((_, keys)) = kept.iter().find(|(of, _)| *of == message) else { return Vec::new() };
        let known = keys.iter().filter(|key| recipients.iter().all(|address| holds(&key.told_to, address)));
        known.map(|key| key.password.clone()).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use super::*;

    fn mail(number: usize, sender: &str, to: &str) -> PasswordMail {
        PasswordMail {
            receipt: Receipt::parse(&format!("20261121-{number:05}")).unwrap(),
            names: Names { sender: sender.to_owned(), from: sender.to_owned(), ..Names::default() },
            recipients: vec![to.to_owned()],
            candidates: vec![Password::new(&format!("password-{number}")).unwrap()],
            at: Timestamp::from_unix_millis(i64::try_from(number).unwrap()),
        }
    }

    fn count(told: &Told, sender: &str) -> usize {
        let names = Names { sender: sender.to_owned(), ..Names::default() };
        told.of(&names, Timestamp::default(), usize::MAX, |_| true).len()
    }

    #[test]
    fn a_sender_that_tells_much_pushes_out_only_its_own() {
        let told = Told::default();
        told.remember(mail(0, "partner@example.jp", "a@x.lg.jp"), Timestamp::default());
        for number in 1..=1_000 {
            told.remember(mail(number, "flood@example.com", "a@x.lg.jp"), Timestamp::default());
        }
        assert_eq!((count(&told, "partner@example.jp"), count(&told, "flood@example.com")), (1, MAX_OF_SENDER));
    }

    #[test]
    fn a_flood_of_one_domain_or_to_one_recipient_pushes_out_itself() {
        for (forged, to) in [("@forged.example", "victim@x.lg.jp"), ("", "victim@x.lg.jp"), ("@forged.example", "")] {
            let told = Told::default();
            told.remember(mail(0, "partner@example.jp", "a@x.lg.jp"), Timestamp::default());
            for number in 1..=MAX_REMEMBERED + 20 {
                let sender =
                    if forged.is_empty() { format!("f@d{number}.example") } else { format!("f{number}{forged}") };
                let to = if to.is_empty() { format!("r{number}@x.lg.jp") } else { to.to_owned() };
                told.0.lock().unwrap().push_back(mail(number % 100_000, &sender, &to));
            }
            told.remember(mail(99_999, "last@example.jp", "b@x.lg.jp"), Timestamp::default());
            assert_eq!(told.0.lock().unwrap().len(), MAX_REMEMBERED);
            assert_eq!((count(&told, "partner@example.jp"), count(&told, "last@example.jp")), (1, 1), "{forged} {to}");
        }
    }

    #[test]
    fn memory_has_a_bound_in_bytes() {
        let told = Told::default();
        for number in 0..40 {
            let mut large = mail(number, &format!("s{number}@d{number}.example"), "a@x.lg.jp");
            large.recipients = (0..5_000).map(|at| format!("{at:0>200}@x.lg.jp")).collect();
            told.remember(large, Timestamp::default());
        }
        let bytes: usize = told.0.lock().unwrap().iter().map(PasswordMail::bytes).sum();
        assert!(bytes <= MAX_BYTES && count(&told, "s39@d39.example") == 1, "{bytes}");
    }

    #[test]
    fn the_very_same_sender_comes_before_who_has_one_of_its_addresses() {
        let told = Told::default();
        told.remember(mail(0, "partner@example.jp", "a@x.lg.jp"), Timestamp::default());
        for number in 1..50 {
            let mut forged = mail(number, "partner@example.jp", "a@x.lg.jp");
            forged.names.sender = format!("forger{number}@example.com");
            told.remember(forged, Timestamp::default());
        }
        let names = mail(0, "partner@example.jp", "").names;
        let found = told.of(&names, Timestamp::default(), 3, |_| true);
        assert_eq!(found[0].receipt.as_str(), "20261121-00000");
        assert_eq!(found[1].receipt.as_str(), "20261121-00049", "then the newest");
    }

    #[test]
    fn the_newest_keys_are_kept() {
        let keys = Keys::default();
        let all = ["a@x.lg.jp".to_owned()];
        let password = |number: usize| Password::new(&format!("key-{number}")).unwrap();
        for number in 0..MAX_KEYS + 4 {
            keys.keep(MessageId(1), &[password(number)], &all);
        }
        // One that opens once more is not kept twice.
        keys.keep(MessageId(1), &[password(MAX_KEYS)], &all);
        let kept = keys.of(MessageId(1), &all);
        assert_eq!((kept.len(), &kept[0]), (MAX_KEYS, &password(MAX_KEYS)));
        assert!(kept.contains(&password(4)) && !kept.contains(&password(3)));
        assert!(keys.of(MessageId(2), &all).is_empty());
    }

    #[test]
    fn a_key_is_for_those_whom_it_was_told_to() {
        let keys = Keys::default();
        let password = |text: &str| Password::new(text).unwrap();
        let people = ["a@x.lg.jp".to_owned(), "b@x.lg.jp".to_owned()];
        keys.keep(MessageId(1), &[password("for-a")], &people[..1]);
        keys.keep(MessageId(1), &[password("for-both")], &people);
        assert_eq!(keys.of(MessageId(1), &["A@x.lg.jp".to_owned()]).len(), 2);
        assert_eq!(keys.of(MessageId(1), &people[1..]), [password("for-both")]);
        assert_eq!(keys.of(MessageId(1), &people), [password("for-both")]);
        keys.keep(MessageId(1), &[password("for-a")], &people[1..]);
        assert_eq!(keys.of(MessageId(1), &people).len(), 2, "told to the one after the other");
    }
}
