//! The interface for people to read: a page made of the same document that programs read. No script, nothing from elsewhere.

use askama::Template;
use axum::{Extension, http::StatusCode, response::Response};
use engine::catalogue::Language;
use serde_json::Value;
use std::sync::Arc;

use super::document;
use crate::{
    Site,
    fault::Fault,
    page::{Area, Page, render},
    texts::texts,
};

/// The page, for the listener of `area`.
pub(crate) fn page(site: Arc<Site>, area: Area, language: Language) -> Result<Response, Fault> {
    let document = serde_json::to_value(document()).map_err(|error| {
        tracing::error!(event = "web_openapi_failed", error = &error as &dyn std::error::Error);
        Fault::Internal
    })?;
    let template = DocsPage {
        page: Page::new(language, site, area, texts(language).docs_title),
        operations: operations(&document),
        schemas: schemas(&document),
    };
    Ok(render(StatusCode::OK, &template))
}

/// `GET /api/v1/docs` of either listener.
pub(crate) async fn show(
    axum::extract::State(people): axum::extract::State<crate::people::People>,
    Extension(language): Extension<Language>,
) -> Result<Response, Fault> {
    page(people.site.clone(), people.area, language)
}

fn operations(document: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, methods) in object(document.pointer("/paths")) {
        for (method, operation) in object(Some(methods)) {
            let parameters = list(operation.get("parameters"))
                .iter()
                .map(|one| Field {
                    name: text(one.get("name")),
                    kind: format!("{} ({})", type_of(one.get("schema")), text(one.get("in"))),
                    about: text(one.get("description")),
                })
                .collect();
            let body = object(operation.pointer("/requestBody/content"))
                .map(|(kind, content)| format!("{kind}: {}", type_of(content.get("schema"))))
                .collect::<Vec<_>>()
                .join(", ");
            let answers = object(operation.get("responses"))
                .map(|(status, answer)| Field {
                    name: status.clone(),
                    kind: object(answer.get("content"))
                        .map(|(kind, content)| format!("{kind}: {}", type_of(content.get("schema"))))
                        .collect::<Vec<_>>()
                        .join(", "),
                    about: text(answer.get("description")),
                })
                .collect();
            found.push(Operation {
                id: text(operation.get("operationId")),
                method: method.to_uppercase(),
                path: path.clone(),
                about: [text(operation.get("summary")), text(operation.get("description"))].join(" ").trim().to_owned(),
                parameters,
                body,
                answers,
            });
        }
    }
    found
}

fn schemas(document: &Value) -> Vec<Schema> {
    object(document.pointer("/components/schemas"))
        .map(|(name, schema)| Schema {
            name: name.clone(),
            about: text(schema.get("description")),
            fields: object(schema.get("properties"))
                .map(|(name, field)| Field {
                    name: name.clone(),
                    kind: type_of(Some(field)),
                    about: text(field.get("description")),
                })
                .collect(),
        })
        .collect()
}

/// The type of a schema in a word or two.
fn type_of(schema: Option<&Value>) -> String {
    let Some(schema) = schema else { return String::new() };
    if let Some(target) = schema.get("$ref").and_then(Value::as_str) {
        return target.rsplit('/').next().unwrap_or_default().to_owned();
    }
    for choice in ["oneOf", "anyOf"] {
        if let Some(choices) = schema.get(choice).and_then(Value::as_array) {
            return choices.iter().map(|one| type_of(Some(one))).collect::<Vec<_>>().join(" | ");
        }
    }
    // How utoipa writes bytes.
    if schema.pointer("/items/type").is_some_and(|kind| kind == "integer") {
        return "bytes".to_owned();
    }
    match schema.get("type") {
        Some(Value::String(kind)) if kind == "array" => format!("{}[]", type_of(schema.get("items"))),
        Some(Value::String(kind)) => kind.clone(),
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" | "),
        _ => String::new(),
    }
}

fn object(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[derive(Debug)]
struct Operation {
    id: String,
    method: String,
    path: String,
    about: String,
    parameters: Vec<Field>,
    body: String,
    answers: Vec<Field>,
}

#[derive(Debug)]
struct Schema {
    name: String,
    about: String,
    fields: Vec<Field>,
}

#[derive(Debug)]
struct Field {
    name: String,
    kind: String,
    about: String,
}

#[derive(Debug, Template)]
#[template(path = "docs.html")]
struct DocsPage {
    page: Page,
    operations: Vec<Operation>,
    schemas: Vec<Schema>,
}
