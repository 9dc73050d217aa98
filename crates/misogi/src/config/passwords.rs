//! `[passwords]`: how files with passwords are opened.

use std::fmt;
use std::time::Duration;

use form::job::Password;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::pairing::MAX_KNOWN;

/// How passwords come to the files that they open.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Passwords {
    /// Look for passwords in mails, and open with them what the same sender sent.
    pub(crate) pairing: bool,
    /// How far apart the two mails may be.
    pub(crate) window_minutes: u64,
    /// Mails that one password mail is tried on, the newest.
    pub(crate) mails: u32,
    /// How often people may type a password for one file.
    pub(crate) typed_tries: u32,
    /// How many mails' passwords are tried on one file.
    pub(crate) paired_tries: u32,
    /// Encrypt archives that a password opened with it again.
    pub(crate) encrypt_again: bool,
    /// Words of this site's partners that announce a password, beside the usual ones.
    pub(crate) words: Vec<String>,
    /// Passwords agreed on with partners.
    pub(crate) partner: Vec<Partner>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            pairing: true,
            window_minutes: 1_440,
            mails: 10,
            typed_tries: 30,
            paired_tries: 30,
            encrypt_again: false,
            words: Vec::new(),
            partner: Vec::new(),
        }
    }
}

/// What of [`Passwords`] is a secret of one organisation or names its partners.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Agreed {
    /// Words of its partners that announce a password, beside the usual ones.
    pub(crate) words: Vec<String>,
    /// Passwords agreed on with them.
    pub(crate) partner: Vec<Partner>,
}

/// A sender and what is tried on the files that it sends.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Partner {
    /// An address, or `*@` and a domain.
    pub(crate) sender: String,
    /// Tried in this order.
    #[serde(deserialize_with = "secrets")]
    pub(crate) passwords: Vec<Secret>,
}

/// Reads the list by itself: the usual message for a value of the wrong type shows the value.
fn secrets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Secret>, D::Error> {
    let one = |value| match value {
        toml::Value::String(password) => Ok(Secret(password)),
        _ => Err(D::Error::custom("each of passwords.partner.passwords stands in quotes")),
    };
    match toml::Value::deserialize(deserializer)? {
        toml::Value::Array(all) => all.into_iter().map(one).collect(),
        _ => Err(D::Error::custom("passwords.partner.passwords is a list: [\"…\"]")),
    }
}

/// A password in the file; shown nowhere.
#[derive(Clone, PartialEq, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("…")
    }
}

impl Passwords {
    pub(crate) fn window(&self) -> Duration {
        Duration::from_secs(self.window_minutes.saturating_mul(60))
    }

    /// What was agreed on with any of these senders.
    pub(crate) fn of_partner(&self, senders: &[String]) -> Vec<Password> {
        let known = self.partner.iter().filter(|partner| senders.iter().any(|sender| partner.is(sender)));
        known.flat_map(|partner| &partner.passwords).filter_map(|Secret(password)| Password::new(password)).collect()
    }
}

impl Partner {
    fn is(&self, sender: &str) -> bool {
        match self.sender.strip_prefix("*@") {
            Some(domain) => sender.rsplit_once('@').is_some_and(|(_, of)| of.eq_ignore_ascii_case(domain)),
            None => self.sender.eq_ignore_ascii_case(sender),
        }
    }

    pub(super) fn is_usable(&self) -> bool {
        let domain = self.sender.rsplit_once('@').map_or("", |(_, domain)| domain);
        let wild = self.sender.strip_prefix("*@").unwrap_or(&self.sender).contains('*');
        let fits = |Secret(password): &Secret| !password.is_empty() && Password::new(password).is_some();
        let some = (1..=MAX_KNOWN).contains(&self.passwords.len());
        !domain.is_empty() && !wild && some && self.passwords.iter().all(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partner_is_a_domain_or_one_address_and_no_part_of_one() {
        let partner = |sender: &str| Partner { sender: sender.to_owned(), passwords: vec![Secret("x".to_owned())] };
        assert!(partner("*@example.co.jp").is("Yamada@EXAMPLE.co.jp"));
        assert!(!partner("*@example.co.jp").is("yamada@evil-example.co.jp"));
        assert!(!partner("*@example.co.jp").is("yamada@sub.example.co.jp"));
        assert!(partner("a@example.jp").is("A@example.jp") && !partner("a@example.jp").is("b@example.jp"));
        for unusable in ["", "*", "*@", "a*@example.jp", "example.jp"] {
            assert!(!partner(unusable).is_usable(), "{unusable}");
        }
        assert!(partner("*@example.co.jp").is_usable());
    }

    #[test]
    fn a_secret_in_the_wrong_place_is_not_shown_by_the_message() {
        for written in ["\"himitsu20260401\"", "[20260401]", "{ a = \"himitsu20260401\" }", "20260401"] {
            let text = format!("[[partner]]\nsender = \"*@example.co.jp\"\npasswords = {written}\n");
            let error = toml::from_str::<Passwords>(&text).unwrap_err();
            assert!(!error.message().contains("20260401"), "{}", error.message());
            assert!(error.message().contains("passwords.partner.passwords"), "{}", error.message());
        }
    }

    #[test]
    fn a_secret_is_shown_nowhere() {
        let secret = Secret("himitsu".to_owned());
        assert!(!format!("{secret:?}").contains("himitsu"));
        assert!(!serde_json::to_string(&secret).unwrap_or_default().contains("himitsu"));
    }
}
