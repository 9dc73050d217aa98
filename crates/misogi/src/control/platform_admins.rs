//! What commands ask of the accounts of those who run the gateway as a whole.

use serde::{Deserialize, Serialize};
use store::Store;
use web::PlatformAdminError;

use crate::worker::chain;

/// What is to be done.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum PlatformAdminRequest {
    Add { name: String },
    Reset { name: String },
    Remove { name: String },
}

/// What the gateway answers.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "outcome")]
pub(crate) enum PlatformAdminReply {
    /// It is done. The password is for the first sign-in.
    Done { password: Option<String> },
    /// It is not, for this reason.
    Refused { why: String },
}

/// Whose accounts the socket is for.
#[derive(Clone)]
pub(crate) enum Accounts {
    /// Those of the gateway's own organisation, among whom are those who run it.
    Own(Store),
    /// Those of a tenant, to none of whom the role is given: where one has it all the same, it is taken.
    Tenant(Store),
}

/// Does what is asked, for a user of the machine.
pub(super) async fn answer(accounts: &Accounts, request: PlatformAdminRequest, uid: u32) -> PlatformAdminReply {
    let store = match (accounts, &request) {
        (Accounts::Own(store), _) | (Accounts::Tenant(store), PlatformAdminRequest::Remove { .. }) => store,
        (Accounts::Tenant(_), PlatformAdminRequest::Add { .. } | PlatformAdminRequest::Reset { .. }) => {
            return PlatformAdminReply::Refused { why: "a tenant has no platform administrators".to_owned() };
        }
    };
    let actor = format!("command line, uid {uid}");
    match done(store, request, &actor).await {
        Ok(password) => PlatformAdminReply::Done { password },
        Err(error) => PlatformAdminReply::Refused { why: chain(&error) },
    }
}

async fn done(store: &Store, request: PlatformAdminRequest, actor: &str) -> Result<Option<String>, PlatformAdminError> {
    Ok(match request {
        PlatformAdminRequest::Add { name } => Some(web::add_platform_admin(store, &name, actor).await?),
        PlatformAdminRequest::Reset { name } => Some(web::reset_platform_admin(store, &name, actor).await?),
        PlatformAdminRequest::Remove { name } => {
            web::remove_platform_admin(store, &name, actor).await?;
            None
        }
    })
}
