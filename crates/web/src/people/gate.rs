//! The one place where a request is admitted: every route says what it needs, and nothing behind it asks again.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, Method},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use engine::catalogue::Language;
use store::Stage;

use super::{People, PortalAccess, Visitor, keys, renewal};
use crate::{
    fault::Fault,
    page::Area,
    role::{self, Permission},
};

/// What a route needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing: nobody is looked for.
    Anyone,
    /// A password that was right, whatever else is still to come.
    Begun,
    /// A finished sign-in, even where the password or the second factor has to be set first.
    Own,
    /// A finished sign-in of a role with the permission. On a portal for everybody, nobody is asked for.
    May(Permission),
}

/// What a [`gate`] works with.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    pub(crate) people: People,
    pub(crate) need: Need,
    pub(crate) reload: Reload,
}

/// Where a page can be asked for once more, in the other language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reload {
    /// At its own address.
    Here,
    /// Nowhere, because it is the answer to a form: one begins at the front page again.
    Front,
}

impl Reload {
    /// The address up to the language, of what `request` asked for.
    pub(crate) fn address(self, request: &Request) -> String {
        let query = request.uri().query().filter(|_| *request.method() == Method::GET).unwrap_or_default();
        let others: String = query
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.starts_with("lang="))
            .fold(String::new(), |all, pair| all + pair + "&");
        match self {
            Self::Here => format!("?{others}"),
            Self::Front => "/?".to_owned(),
        }
    }
}

/// Lets through who may, with the [`Visitor`] as an extension of the request.
pub(crate) async fn gate(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    let language = request.extensions().get::<Language>().copied().unwrap_or_default();
    let api = request.uri().path().starts_with("/api/");
    let destination = renewal::destination(&request);
    match admit(&gate, request.headers(), language, api, destination.as_deref()).await {
        Ok(Some(mut visitor)) => {
            visitor.reload = gate.reload.address(&request);
            request.extensions_mut().insert(visitor);
            next.run(request).await
        }
        Ok(None) => next.run(request).await,
        Err(refusal) => refusal,
    }
}

async fn admit(
    gate: &Gate,
    headers: &HeaderMap,
    language: Language,
    api: bool,
    destination: Option<&str>,
) -> Result<Option<Visitor>, Response> {
    let Gate { people, need, .. } = gate;
    let open = people.area == Area::Portal && people.access == PortalAccess::Anybody;
    let key = if api { keys::given(headers) } else { None };
    if *need == Need::Anyone || (open && key.is_none()) {
        return Ok(None);
    }
    if let Some(destination) = destination
        && let Some(way) = renewal::due(people, headers, destination).await.map_err(Fault::into_response)?
    {
        return Err(Redirect::to(&way).into_response());
    }
    let found = match key {
        // A key that is not good is refused even where none is needed: its sender believes in it.
        Some(key) => Visitor::of_key(people, key, language).await,
        None => Visitor::find(people, headers, language).await,
    };
    let found = found.map_err(Fault::into_response)?;
    let visitor = found.ok_or_else(|| Fault::Unauthorised.into_response())?;
    let lead = |to: &str| if api { Fault::Forbidden.into_response() } else { Redirect::to(to).into_response() };
    match need {
        Need::Begun | Need::Own if api => return Err(Fault::Forbidden.into_response()),
        Need::Anyone | Need::Begun => {}
        _ if visitor.stage == Stage::Code => return Err(lead("/sign-in/code")),
        Need::Own => {}
        Need::May(permission) => {
            match due(&visitor) {
                Some(Due::Password) => return Err(lead("/account/password")),
                Some(Due::Factor) => return Err(lead("/account/second-factor")),
                None => {}
            }
            visitor.may(*permission).map_err(Fault::into_response)?;
        }
    }
    Ok(Some(visitor))
}

/// What has to be done before anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// The password was chosen by somebody else.
    Password,
    /// The role needs a second factor and there is none.
    Factor,
}

/// What a visitor has to do first.
pub(super) fn due(visitor: &Visitor) -> Option<Due> {
    let user = &visitor.user;
    if user.must_change {
        Some(Due::Password)
    } else if role::needs_second_factor(user.role) && !user.second_factor && !visitor.vouched {
        Some(Due::Factor)
    } else {
        None
    }
}
