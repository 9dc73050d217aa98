//! Schemas that no Rust type says by itself.

use form::reason::Reason;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        KnownFormat, RefOr, SchemaFormat,
        schema::{ObjectBuilder, Schema, Type},
    },
};

use crate::fault::Fault;

/// The bytes of a file.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct File;

impl PartialSchema for File {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1));
        object.format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary))).into()
    }
}

impl ToSchema for File {}

/// The body of an upload.
#[derive(Debug, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "it stands for a body that is read as a stream")]
pub(crate) struct OneFile {
    /// The part needs a file name.
    #[schema(value_type = File)]
    file: File,
    /// Before the file: `same`, or `pages`, `raster` or `text` where the site lets its senders choose (`portal.outputs`).
    output: Option<String>,
    /// Before the file: why it is sent, or what it is about, for people.
    #[schema(max_length = 200)]
    subject: Option<String>,
}

/// The body of an upload of several files.
#[derive(Debug, serde::Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[allow(dead_code, reason = "it stands for a body that is read as a stream")]
pub(crate) struct SomeFiles {
    /// Each part needs a file name.
    #[schema(value_type = Vec<File>, min_items = 1)]
    file: Vec<File>,
    /// Before the files, for all of them: `same`, or `pages`, `raster` or `text` where the site lets its senders choose (`portal.outputs`).
    output: Option<String>,
    /// Before the files, for all of them: why they are sent, or what they are about, for people.
    #[schema(max_length = 200)]
    subject: Option<String>,
}

/// The stable name of a reason.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReasonName(pub(crate) Reason);

impl PartialSchema for ReasonName {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(Reason::ALL.iter().map(|reason| reason.name())))
            .into()
    }
}

impl ToSchema for ReasonName {}

impl<'de> serde::Deserialize<'de> for ReasonName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Reason::from_name(&name).map(Self).ok_or_else(|| serde::de::Error::custom("unknown reason"))
    }
}

/// A moment of a request: RFC 3339.
pub(crate) fn moment(given: Option<&str>) -> Result<Option<store::Timestamp>, Fault> {
    given.map(|text| crate::moment::parse(text).ok_or(Fault::BadRequest)).transpose()
}
