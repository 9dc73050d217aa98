//! Signing in with the password of the directory.

use axum::{http::StatusCode, response::Response};
use store::{User, UserState};

use super::{
    directory::{Directory, DirectoryError},
    sign_in::{self, Attempt},
};
use crate::{fault::Fault, lockout::Try, metrics::SignIn, password, role, texts::texts};

/// How it came out.
enum Verdict {
    /// It is them, and they may come in.
    Is(Box<User>),
    Wrong,
    /// It is them, and they have tried too often under another name.
    Wait,
    /// It is them, and none of their groups gives a role.
    NoRole,
    /// It is them, and an account of that name belongs to somebody else.
    Taken,
}

/// Lets in whom the directory knows by this name and password.
pub(super) async fn submit(
    attempt: &Attempt<'_>,
    counted: Try,
    directory: &Directory,
    given: &str,
    known: Option<&User>,
) -> Result<Response, Fault> {
    let Attempt { people, language, name, peer, .. } = attempt;
    let t = texts(*language);
    let mut other = None;
    let verdict = match asked(attempt, directory, given, &mut other).await? {
        Ok(verdict) => verdict,
        Err(error) => {
            tracing::error!(event = "directory_unavailable", error = &error as &dyn std::error::Error);
            // Nothing was compared, so that nobody was guessing.
            counted.not_compared();
            other.into_iter().for_each(Try::not_compared);
            people.metrics.sign_in(SignIn::Unavailable);
            let problem = Some(t.sign_in_directory_down.to_owned());
            return attempt.again(StatusCode::SERVICE_UNAVAILABLE, problem).await;
        }
    };
    let problem = match verdict {
        Verdict::Is(user) if user.state == UserState::Active && role::allows(user.role, people.entrance()) => {
            counted.succeeded();
            other.into_iter().for_each(Try::succeeded);
            people.lockout.succeeded(&user.name);
            return attempt.succeeded(&user).await;
        }
        Verdict::Is(_) | Verdict::NoRole => t.sign_in_no_role,
        Verdict::Taken => t.sign_in_taken,
        Verdict::Wait => t.sign_in_wait,
        Verdict::Wrong => t.sign_in_wrong,
    };
    people.metrics.sign_in(SignIn::Failure);
    counted.failed();
    drop(other);
    sign_in::note_failure(people, known.map(|user| user.id), name, *peer).await?;
    attempt.again(StatusCode::UNAUTHORIZED, Some(problem.to_owned())).await
}

/// `other` is a try of the account's own name, where that is not the one that was given.
async fn asked(
    attempt: &Attempt<'_>,
    directory: &Directory,
    given: &str,
    other: &mut Option<Try>,
) -> Result<Result<Verdict, DirectoryError>, Fault> {
    let Attempt { people, name, .. } = attempt;
    if given.is_empty() || given.len() > password::LONGEST {
        return Ok(Ok(Verdict::Wrong));
    }
    let found = match directory.look_up(name).await {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(Ok(Verdict::Wrong)),
        Err(error) => return Ok(Err(error)),
    };
    // A directory may know one person by several names, each of which would have its own tries.
    if found.name != *name {
        match people.lockout.begin(&found.name, None) {
            Ok(counted) => *other = Some(counted),
            Err(_) => return Ok(Ok(Verdict::Wait)),
        }
    }
    let who = found.who.clone();
    match found.prove(given).await {
        Ok(true) => {}
        Ok(false) => return Ok(Ok(Verdict::Wrong)),
        Err(error) => return Ok(Err(error)),
    }
    let Some(who) = who else { return Ok(Ok(Verdict::NoRole)) };
    match people.store.external_sign_in(who).await {
        Ok(user) => Ok(Ok(Verdict::Is(Box::new(user)))),
        Err(store::Error::Exists(_)) => Ok(Ok(Verdict::Taken)),
        Err(error) => Err(error.into()),
    }
}
