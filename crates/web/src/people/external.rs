//! Accounts that somebody else vouches for: what is taken of them, how long they are believed, and asking again.

use std::{convert::Infallible, future::Future, time::Duration};

use store::{RESERVED_NAMES, Session, Source, Store, Timestamp, User};

use super::{directory::Directory, provider::Provider};

/// Who vouches for users beside the gateway itself.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// A directory (LDAP, Active Directory).
    pub directory: Option<Directory>,
    /// A provider (OpenID Connect).
    pub provider: Option<Provider>,
}

/// What somebody shows who was signed in before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// A session's cookie.
    Session,
    /// A program's key.
    Key,
}

impl Sources {
    /// Whether what was said of a user when they signed in still counts.
    pub(super) fn believe(&self, user: &User, by: By, now: Timestamp) -> bool {
        let lasts = match user.source {
            Source::Local => return true,
            Source::Directory => self.directory.as_ref().map(|directory| believed(directory.recheck())),
            Source::Provider => self.provider.as_ref().map(|provider| match by {
                By::Session => provider.session(),
                // A provider is asked at sign-in only; a program does not sign in.
                By::Key => KEYS_LAST.max(provider.session()),
            }),
        };
        match (lasts, user.confirmed) {
            (Some(lasts), Some(confirmed)) => now.since(confirmed) <= lasts,
            // The source is no longer set, or has said no.
            _ => false,
        }
    }

    /// How much longer a session can go on: until it ends in any case, or nobody vouches for it any more. A provider that is
    /// asked again in passing is not asked by a page that stays open.
    pub(super) fn left(&self, session: &Session, now: Timestamp) -> Duration {
        let left = session.expires.since(now);
        let user = &session.user;
        match (user.source, &self.provider, user.confirmed) {
            (Source::Provider, Some(provider), Some(confirmed)) => {
                left.min(confirmed.plus(provider.session()).since(now))
            }
            // A directory is asked again by itself.
            _ => left,
        }
    }
}

/// A directory that cannot be asked is believed for so long.
fn believed(recheck: Duration) -> Duration {
    recheck.saturating_mul(UNANSWERED)
}

/// Asks the directory again about those who are signed in or have keys, and ends the sessions of whom it no longer knows.
///
/// Ends with `shutdown`; a directory that does not answer is asked again, and [`Sources::believe`] is the bound meanwhile.
///
/// # Errors
/// Never: whoever waits for several tasks takes a result of each.
pub async fn follow(store: Store, sources: Sources, shutdown: impl Future<Output = ()>) -> Result<(), Infallible> {
    let Some(directory) = sources.directory else {
        shutdown.await;
        return Ok(());
    };
    let mut shutdown = std::pin::pin!(shutdown);
    let pause = (directory.recheck() / 4).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
    loop {
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            () = tokio::time::sleep(pause) => {}
        }
        tokio::select! {
            () = &mut shutdown => return Ok(()),
            () = ask_again(&store, &directory) => {}
        }
    }
}

async fn ask_again(store: &Store, directory: &Directory) {
    let before = store.now().minus(directory.recheck());
    let waiting = match store.unconfirmed(Source::Directory, before).await {
        Ok(waiting) => waiting,
        Err(error) => {
            tracing::error!(event = "directory_follow_failed", error = &error as &dyn std::error::Error);
            return;
        }
    };
    for user in waiting {
        let noted = match directory.confirm(&user).await {
            Ok(Some(who)) => match store.external_sign_in(who).await {
                Ok(_) => Ok(()),
                // Renamed to the name of a local account.
                Err(store::Error::Exists(_)) => store.external_gone(user.id).await,
                Err(error) => Err(error),
            },
            Ok(None) => {
                tracing::info!(event = "directory_user_gone", user = user.id.0);
                store.external_gone(user.id).await
            }
            Err(error) => {
                tracing::warn!(event = "directory_unavailable", error = &error as &dyn std::error::Error);
                return;
            }
        };
        if let Err(error) = noted {
            tracing::error!(event = "directory_follow_failed", error = &error as &dyn std::error::Error);
            return;
        }
    }
}

/// The name of an external account: what a source calls it in lower case. Staff numbers and names like addresses are names here, as they
/// are there; a local account has neither.
pub(crate) fn name(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_lowercase();
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@+".contains(&byte));
    let first = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    let is_free = !RESERVED_NAMES.contains(&text.as_str());
    (plain && first && is_free && text.len() <= NAME_BYTES).then_some(text)
}

/// A mail address in lower case.
pub(crate) fn address(text: &str) -> Option<String> {
    let text = text.trim().to_lowercase();
    let plain = text.len() <= ADDRESS_BYTES && text.bytes().all(|byte| byte.is_ascii_graphic());
    let (local, domain) = text.split_once('@')?;
    (plain && !local.is_empty() && !domain.is_empty() && !domain.contains('@')).then_some(text)
}

/// How many times the interval of asking again an answer may be old, where none comes.
const UNANSWERED: u32 = 4;
/// How long after their owner's last sign-in with a provider keys are good.
const KEYS_LAST: Duration = Duration::from_secs(30 * 86_400);
const SHORTEST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Longest name of an account.
const NAME_BYTES: usize = 64;
/// Longest mail address (RFC 5321 4.5.3.1.3, without the angle brackets).
const ADDRESS_BYTES: usize = 254;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_systems_are_taken_in_lower_case_and_marks_of_ours_are_not() {
        for (given, taken) in [
            ("Taro.Yamada", Some("taro.yamada")),
            ("0123456", Some("0123456")),
            ("taro@city.example.lg.jp", Some("taro@city.example.lg.jp")),
            ("", None),
            ("taro yamada", None),
            ("taro~5", None),
            ("山田", None),
            ("-taro", None),
            ("a<b", None),
            ("Gateway", None),
        ] {
            assert_eq!(name(given).as_deref(), taken, "{given}");
        }
        assert!(name(&"a".repeat(64)).is_some() && name(&"a".repeat(65)).is_none());
    }

    #[test]
    fn an_address_is_one() {
        assert_eq!(address(" Taro@City.Example ").as_deref(), Some("taro@city.example"));
        for bad in ["", "taro", "a@b@c", "a b@c", "@c", "a@"] {
            assert_eq!(address(bad), None, "{bad}");
        }
    }
}
