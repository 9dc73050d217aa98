//! `/api/v1` for programs: files on the portal's listener, quarantine on the console's.

pub(crate) mod audit;
pub(crate) mod batches;
pub(crate) mod docs;
pub(crate) mod figures;
pub(crate) mod files;
pub(crate) mod history;
pub(crate) mod messages;
pub(crate) mod quarantine;
mod refused;
pub(crate) mod repeat;
pub(crate) mod requests;
mod schema;
pub(crate) mod tenants;
pub(crate) mod users;
mod waiting;
pub(crate) mod webhooks;

use axum::{
    http::header,
    response::{IntoResponse, Response},
};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        RefOr,
        schema::{Schema, SchemaType, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

use crate::fault::{Fault, Problem};

/// The whole interface; which listener serves what is said with each group.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Misogi",
        description = "Sanitising gateway. Errors are RFC 9457 problem details with a stable `reason_code`."
    ),
    paths(
        files::post, files::state, files::password, files::report, files::result,
        history::list,
        batches::post, batches::state, batches::password, batches::report, batches::result,
        quarantine::list, quarantine::item, quarantine::unlock, quarantine::act,
        messages::list, messages::item, messages::timeline,
        audit::list, audit::export, audit::signed, figures::show,
        users::list, users::item, users::sessions, users::sign_out,
        webhooks::list, webhooks::deliveries, webhooks::redeliver,
        tenants::list, tenants::item, tenants::put, tenants::remove,
        requests::list, requests::item, requests::post, requests::approve, requests::give_back,
    ),
    components(schemas(schema::File, schema::ReasonName, schema::OneFile, schema::SomeFiles, batches::Batch, batches::BatchState, messages::Messages, messages::Whole, messages::Timeline, audit::Entries, audit::SignedExport, crate::console::AuditFormat, figures::Figures, users::Accounts, users::Account, users::Sessions, Problem, files::Filed, files::FileStatus, files::PagesDone, files::Links, files::Report, files::ReportFidelity, files::ReportFinding, history::Sent, history::SentItem, history::SentRequest, quarantine::Items, quarantine::Item, quarantine::Unlock, quarantine::UnlockReply, quarantine::Act, quarantine::ActReply, quarantine::Acted, webhooks::Hooks, webhooks::HookItem, webhooks::Deliveries, webhooks::Delivery, tenants::Served, tenants::Organisation, tenants::Settings, tenants::Put, requests::Requests, requests::RequestItem, requests::DecisionItem, requests::Asking, requests::Comment)),
    modifiers(&Keys),
    security((), ("key" = [])),
    tags(
        (name = "files", description = "Served by the staff portal. Whoever knows the id of a file may see its result; on a portal for those with an account, whoever sent it."),
        (name = "quarantine", description = "Served by the admin console, with its sign-in or a key."),
        (name = "requests", description = "Requests for originals and their approvals. Served by the staff portal for one's own, and by the admin console for all."),
        (name = "messages", description = "Served by the admin console: what came, and what became of it."),
        (name = "audit", description = "Served by the admin console."),
        (name = "users", description = "Served by the admin console."),
        (name = "system", description = "Served by the admin console."),
        (name = "tenants", description = "Served by the admin console of whoever runs the gateway: which organisations it serves. For a person who is signed in, never for a key."),
        (name = "webhooks", description = "Served by the admin console: which systems are told of events, and what became of each event.")
    )
)]
struct Document;

/// Says how programs show who they are.
struct Keys;

impl Modify for Keys {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        if let Some(components) = document.components.as_mut() {
            let scheme = HttpBuilder::new()
                .scheme(HttpAuthScheme::Bearer)
                .description(Some("A key made at /account/keys. A portal for everybody needs none."))
                .build();
            components.add_security_scheme("key", SecurityScheme::Http(scheme));
        }
    }
}

/// The whole document.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    document.info.version = env!("CARGO_PKG_VERSION").to_owned();
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        for operation in operations.into_iter().flatten() {
            for parameter in operation.parameters.iter_mut().flatten() {
                if let RefOr::T(parameter) = parameter {
                    never_null(&mut parameter.schema);
                }
            }
        }
    }
    document
}

/// A parameter may be left out, but there is no null in an address or a header.
fn never_null(schema: &mut Option<RefOr<Schema>>) {
    let Some(RefOr::T(Schema::Object(object))) = schema else { return };
    if let SchemaType::Array(types) = &object.schema_type {
        let kinds: Vec<Type> = types.iter().filter(|kind| **kind != Type::Null).cloned().collect();
        if let [kind] = kinds.as_slice() {
            object.schema_type = SchemaType::Type(kind.clone());
        }
    }
}

/// `GET /api/v1/openapi.json`
pub(crate) async fn openapi() -> Result<Response, Fault> {
    let text = document().to_json().map_err(|error| {
        tracing::error!(event = "web_openapi_failed", error = &error as &dyn std::error::Error);
        Fault::Internal
    })?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}
