//! Office Open XML: packages whose parts, names, relationships and content types are all written anew.

use form::Reason;
use form::job::CleanJob;

use crate::error::Error;
use crate::output::Output;
use crate::room::{Form, Written};

/// Writes the parts of a form as one package.
pub(crate) fn write(_form: &mut Form<'_>, _job: &CleanJob, _out: &mut Output<'_>) -> Result<Written, Error> {
    Err(Reason::UnsupportedType.into())
}
