//! Originals as pixels, for the console and for those who decide on a request: a page as it is shown, and its picture.
//!
//! Each page of an original that is shown is one row of the audit, which is durable before the first pixel is sent. Nothing else of an
//! original ever reaches a browser.

use askama::Template;
use axum::{http::HeaderValue, response::Response};
use engine::catalogue;
use form::reason::Refusal;
use store::{AuditEntry, AuditEvent, MessageId, Store};

use crate::{
    fault::Fault,
    page::Page,
    pager::Pager,
    people::Visitor,
    preview::{self, Document, Previews, Shown, Size},
    texts,
};

/// Who looks, and what it takes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Looker<'a> {
    pub(crate) store: &'a Store,
    pub(crate) previews: &'a Previews,
    pub(crate) visitor: &'a Visitor,
}

/// One column.
pub(crate) struct Side {
    pub(crate) shown: Shown,
    /// `None` where it is not known how many there are.
    pub(crate) pages: Option<u32>,
}

impl Looker<'_> {
    /// A page of a document, whose picture is found at `src`.
    pub(crate) async fn side(&self, document: &Document, page: u32, name: &str, src: String) -> Result<Side, Fault> {
        let (language, t) = (self.visitor.language, self.visitor.texts());
        let words = |refusal: &Refusal| {
            Shown::Words(format!("{}{}", t.pages_none, catalogue::describe_refusal(refusal, language)))
        };
        let pages = match self.previews.count(self.store, document).await {
            Ok(Ok(pages)) => pages,
            Ok(Err(refusal)) => return Ok(Side { shown: words(&refusal), pages: None }),
            // The row is there; its bytes are not any more.
            Err(Fault::NotFound) => return Ok(Side { shown: Shown::Words(t.compare_gone.to_owned()), pages: None }),
            Err(fault) => return Err(fault),
        };
        if page > pages {
            return Ok(Side { shown: Shown::Words(t.compare_no_such.to_owned()), pages: Some(pages) });
        }
        let shown = match self.previews.page(self.store, document, page, Size::Large).await? {
            Ok(drawn) => Shown::Picture {
                src,
                width: drawn.width,
                height: drawn.height,
                alt: texts::page_picture(language, name, page),
            },
            Err(refusal) => words(&refusal),
        };
        Ok(Side { shown, pages: Some(pages) })
    }

    /// The picture of a page of an original: drawn, written into the audit, sent, in this order.
    pub(crate) async fn original(
        &self,
        document: &Document,
        page: u32,
        message: MessageId,
        mut detail: Vec<(&'static str, String)>,
    ) -> Result<Response, Fault> {
        let drawn = match self.previews.page(self.store, document, page, Size::Large).await {
            Ok(Ok(drawn)) => drawn,
            Ok(Err(_)) => return Ok(preview::words(None, self.visitor.texts())),
            Err(fault) => return Ok(preview::words(Some(fault), self.visitor.texts())),
        };
        // The whole has an empty path, which says nothing.
        detail.retain(|(_, value)| !value.is_empty());
        detail.push(("page", page.to_string()));
        let actor = self.visitor.user.name.clone();
        let entry = AuditEntry { actor, event: AuditEvent::OriginalViewed, message: Some(message), detail };
        self.store.audit_append(entry).await?;
        Ok(preview::picture(&drawn, HeaderValue::from_static("no-store")))
    }
}

/// A page of an original, with what became of it beside it where that may be seen.
#[derive(Debug, Template)]
#[template(path = "compare.html")]
pub(crate) struct ComparePage {
    pub(crate) page: Page,
    pub(crate) name: String,
    pub(crate) original: Shown,
    pub(crate) output: Option<Shown>,
    pub(crate) pager: Pager,
    pub(crate) back: String,
    pub(crate) back_text: String,
}
