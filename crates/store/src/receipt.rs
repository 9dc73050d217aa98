//! The number a person reads out to the help desk: the date and five random characters.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use crate::{Error, Timestamp};

/// A receipt such as `20261121-8F3K2`: unique, easy to read aloud, and no secret (links carry a [`crate::BatchToken`]).
///
/// The characters are Crockford's base 32 (no I, L, O, U).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Receipt(String);

impl Receipt {
    /// Reads a receipt as a person may type it: lower case, and `I`/`L` for 1 or `O` for 0.
    pub fn parse(text: &str) -> Option<Self> {
        let (date, code) = text.trim().split_once('-')?;
        if date.len() != 8 || !date.bytes().all(|b| b.is_ascii_digit()) || !(5..=8).contains(&code.len()) {
            return None;
        }
        let code: Option<String> = code.chars().map(canonical).collect();
        Some(Receipt(format!("{date}-{}", code?)))
    }

    /// The receipt as it is written in mails and pages.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn day(&self) -> &str {
        self.0.get(..8).unwrap_or("")
    }

    fn code(&self) -> &str {
        self.0.get(9..).unwrap_or("")
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The receipts of the last days, kept in memory so that a new one is known to be unused before it is promised.
#[derive(Debug, Default)]
pub(crate) struct Issuer {
    days: BTreeMap<String, HashSet<Box<str>>>,
}

impl Issuer {
    /// Takes note of a receipt that exists already.
    pub(crate) fn know(&mut self, receipt: &Receipt) {
        self.days.entry(receipt.day().to_owned()).or_default().insert(receipt.code().into());
    }

    /// A receipt for the day of `now` that nobody has.
    pub(crate) fn issue(&mut self, now: Timestamp, offset_minutes: i32) -> Result<Receipt, Error> {
        let (year, month, day) = now.date(offset_minutes);
        let date = format!("{:04}{month:02}{day:02}", year.clamp(0, 9999));
        // A clock that steps back a day must still find that day's receipts.
        while self.days.len() > DAYS_KEPT && self.days.first_key_value().is_some_and(|(first, _)| *first != date) {
            self.days.pop_first();
        }
        let taken = self.days.entry(date.clone()).or_default();
        // With an eighth of the five-character codes used, longer ones keep the expected number of draws near one.
        let length = if taken.len() < CODES_OF_FIVE / 8 { 5 } else { 7 };
        loop {
            let code = draw(length)?;
            if taken.insert(code.clone().into()) {
                return Ok(Receipt(format!("{date}-{code}")));
            }
        }
    }
}

fn draw(length: usize) -> Result<String, Error> {
    let mut bytes = [0u8; 8];
    getrandom::fill(&mut bytes).map_err(Error::Random)?;
    // 256 is a multiple of 32, so the low five bits of a random byte are uniform.
    Ok(bytes.iter().take(length).filter_map(|b| ALPHABET.get(usize::from(b & 31))).map(|b| char::from(*b)).collect())
}

fn canonical(c: char) -> Option<char> {
    let c = match c.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        c => c,
    };
    u8::try_from(c).ok().filter(|b| ALPHABET.contains(b)).map(char::from)
}

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODES_OF_FIVE: usize = 1 << 25;
const DAYS_KEPT: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_is_read_as_people_type_it() {
        let receipt = Receipt::parse("20261121-8F3K2").unwrap();
        assert_eq!(receipt.to_string(), "20261121-8F3K2");
        assert_eq!(Receipt::parse(" 20261121-8f3k2 "), Some(receipt));
        assert_eq!(Receipt::parse("20261121-OIL00").unwrap().as_str(), "20261121-01100");
        for bad in [
            "",
            "20261121",
            "2026112-8F3K2",
            "20261121-8F3K",
            "20261121-8F3KU",
            "20261121-8F3K2ABCD",
            "20261121-８F3K2",
        ] {
            assert_eq!(Receipt::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn receipts_are_unique_within_a_day_and_carry_the_local_date() {
        let mut issuer = Issuer::default();
        let now = Timestamp::from_unix_millis(1_795_186_800_000);
        let all: HashSet<Receipt> = (0..20_000).map(|_| issuer.issue(now, 540).unwrap()).collect();
        assert_eq!(all.len(), 20_000);
        assert!(all.iter().all(|r| r.as_str().starts_with("20261121-") && r.as_str().len() == 14));
        assert!(all.iter().all(|r| Receipt::parse(r.as_str()).as_ref() == Some(r)));
    }

    #[test]
    fn only_the_last_days_are_remembered() {
        let mut issuer = Issuer::default();
        for day in 0..10 {
            issuer.issue(Timestamp::from_unix_millis(day * 86_400_000), 0).unwrap();
        }
        assert!(issuer.days.len() <= DAYS_KEPT + 1);
    }
}
