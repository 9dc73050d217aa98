//! Passwords of local accounts: argon2id, a bounded number of computations at a time.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

/// Hashes and verifies off the async threads. Each computation takes [`MEMORY_KIB`] of memory, so only
/// [`AT_ONCE`] run at a time: sign-in attempts must not be a way to exhaust the gateway.
#[derive(Debug, Clone)]
pub(crate) struct Passwords {
    places: Arc<Semaphore>,
    /// Hash of a password that nobody has, verified when the account does not exist so that both take as long.
    decoy: Arc<str>,
}

/// A password was not hashed or compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("argon2id could not be computed")]
    Hash,
    #[error("the worker thread ended early")]
    Worker,
}

impl Passwords {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self { places: Arc::new(Semaphore::new(AT_ONCE)), decoy: compute(b"decoy")?.into() })
    }

    /// PHC string of a new password.
    pub(crate) async fn hash(&self, password: String) -> Result<String, Error> {
        let _place = self.places.acquire().await.map_err(|_| Error::Worker)?;
        tokio::task::spawn_blocking(move || compute(password.as_bytes())).await.map_err(|_| Error::Worker)?
    }

    /// Compares; `None` stands for an account that does not exist and is never a match.
    pub(crate) async fn verify(&self, password: String, phc: Option<String>) -> Result<bool, Error> {
        let _place = self.places.acquire().await.map_err(|_| Error::Worker)?;
        let exists = phc.is_some();
        let phc = phc.unwrap_or_else(|| self.decoy.to_string());
        let same = tokio::task::spawn_blocking(move || matches(password.as_bytes(), &phc));
        Ok(same.await.map_err(|_| Error::Worker)? && exists)
    }
}

/// Why a new password is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Fewer than [`SHORTEST`] characters.
    Short,
    /// More than [`LONGEST`] bytes.
    Long,
    /// Contains the account's name, or is one character repeated.
    Guessable,
}

/// NIST SP 800-63B 3.1.1.2: length counts, composition rules do not.
pub(crate) fn fit(password: &str, account: &str) -> Result<(), Unfit> {
    if password.chars().count() < SHORTEST {
        return Err(Unfit::Short);
    }
    if password.len() > LONGEST {
        return Err(Unfit::Long);
    }
    let lower = password.to_lowercase();
    let first = lower.chars().next();
    if lower.contains(&account.to_lowercase()) || lower.chars().all(|character| Some(character) == first) {
        return Err(Unfit::Guessable);
    }
    Ok(())
}

fn hasher() -> Result<Argon2<'static>, Error> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| Error::Hash)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn compute(password: &[u8]) -> Result<String, Error> {
    Ok(hasher()?.hash_password(password).map_err(|_| Error::Hash)?.to_string())
}

fn matches(password: &[u8], phc: &str) -> bool {
    let Ok(parsed) = PasswordHash::new(phc) else { return false };
    Argon2::default().verify_password(password, &parsed).is_ok()
}

/// OWASP Password Storage Cheat Sheet asks for at least 19 MiB, 2 passes, 1 lane; RFC 9106's second recommendation is
/// 64 MiB, 3 passes, 4 lanes. In between: two sign-ins at once cost 64 MiB and a tenth of a second each.
const MEMORY_KIB: u32 = 32 * 1024;
const PASSES: u32 = 3;
const LANES: u32 = 1;
/// Computations at a time.
const AT_ONCE: usize = 2;
/// Shortest password, in characters.
pub(crate) const SHORTEST: usize = 12;
/// Longest password, in bytes: hashing time must not be the client's choice.
pub(crate) const LONGEST: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let passwords = Passwords::new().unwrap();
        let phc = passwords.hash("正しい馬の電池".into()).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=32768,t=3,p=1$"), "{phc}");
        assert!(passwords.verify("正しい馬の電池".into(), Some(phc.clone())).await.unwrap());
        assert!(!passwords.verify("正しい馬の電地".into(), Some(phc)).await.unwrap());
    }

    #[tokio::test]
    async fn an_account_that_does_not_exist_never_matches() {
        let passwords = Passwords::new().unwrap();
        assert!(!passwords.verify("decoy".into(), None).await.unwrap());
    }

    #[test]
    fn a_hash_of_the_reference_program_is_accepted() {
        // echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -e (Debian argon2).
        let phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        assert!(matches(b"password", phc));
        assert!(!matches(b"passwore", phc));
        assert!(!matches(b"password", "not a hash"));
    }

    #[test]
    fn length_decides_whether_a_password_is_taken() {
        assert_eq!(fit(&"ab".repeat(5), "admin"), Err(Unfit::Short));
        assert_eq!(fit("twelve chars", "admin"), Ok(()));
        assert_eq!(fit(&"ab".repeat(LONGEST / 2), "admin"), Ok(()));
        assert_eq!(fit(&"ab".repeat(LONGEST / 2 + 1), "admin"), Err(Unfit::Long));
        assert_eq!(fit("aaaaaaaaaaaaaa", "admin"), Err(Unfit::Guessable));
        assert_eq!(fit("Kanri01-password", "kanri01"), Err(Unfit::Guessable));
    }
}
