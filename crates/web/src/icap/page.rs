//! The pages that stand in the place of a body. They are shown under the address of some site, so they load nothing, run nothing and
//! carry their few rules of style in themselves.

use std::sync::Arc;

use askama::Template;
use base64::prelude::{BASE64_STANDARD, Engine};
use engine::catalogue::Language;
use sha2::{Digest, Sha256};
use store::{Receipt, UploadFile};

use super::judge::Why;
use crate::{
    Site, language, shown,
    texts::{Texts, texts},
    view::{self, FileState},
};

/// A page and the status it is sent with.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) status: u16,
    pub(crate) html: String,
}

/// Writes the pages.
#[derive(Debug)]
pub(crate) struct Pages {
    site: Arc<Site>,
    /// `Content-Security-Policy` of all of them.
    pub(crate) policy: String,
}

/// A file that was taken in, as a page names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Taken<'a> {
    pub(crate) receipt: &'a Receipt,
    /// Where its result is shown, if the client can get there.
    pub(crate) link: Option<&'a str>,
}

impl Pages {
    pub(crate) fn new(site: Arc<Site>) -> Self {
        // CSP 3, 2.3.1: the digest in base64 with its padding.
        let digest = BASE64_STANDARD.encode(Sha256::digest(STYLE));
        Self {
            site,
            policy: format!("default-src 'none'; style-src 'sha256-{digest}'; form-action 'none'; base-uri 'none'"),
        }
    }

    /// Nothing was taken in.
    pub(crate) fn refused(&self, why: Why, limit: u64, language: Language) -> Page {
        let t = texts(language);
        let (status, title, text) = match why {
            Why::Partial => (403, t.icap_refused_title, t.icap_partial),
            Why::Encoded => (403, t.icap_refused_title, t.icap_encoded),
            Why::WebPage => (403, t.icap_refused_title, t.icap_web_page),
            Why::NotAFile => (403, t.icap_refused_title, t.icap_not_a_file),
            Why::TooLarge => (403, t.icap_refused_title, t.icap_too_large),
            Why::Ambiguous => (403, t.icap_refused_title, t.icap_ambiguous),
            Why::Form => (403, t.icap_refused_title, t.icap_form),
            Why::SiteError(status) => (status, t.icap_site_error_title, t.icap_site_error),
        };
        let mut facts = Vec::new();
        match why {
            Why::TooLarge => facts.push((t.icap_limit, shown::bytes(limit))),
            Why::SiteError(status) => facts.push((t.icap_status, status.to_string())),
            Why::Partial | Why::Encoded | Why::WebPage | Why::NotAFile | Why::Ambiguous | Why::Form => {}
        }
        self.page(status, title, vec![text.to_owned()], facts, None, language)
    }

    /// The file was read and cannot be given out.
    pub(crate) fn withheld(&self, file: &UploadFile, taken: Taken<'_>, language: Language) -> Page {
        let t = texts(language);
        let refusal = file.parts.first().and_then(|root| view::refusal(root, language));
        let why = refusal.unwrap_or_else(|| FileState::of(file).mark(t).word.to_owned());
        let name = (t.icap_file, shown::visible(&file.name));
        let facts = vec![name, (t.icap_why, why), (t.receipt, taken.receipt.to_string())];
        self.page(403, t.icap_withheld_title, vec![t.result_withheld_next.to_owned()], facts, taken.link, language)
    }

    /// The file is being rebuilt, and the proxy cannot wait for it.
    pub(crate) fn patience(&self, taken: Taken<'_>, upload: bool, language: Language) -> Page {
        let t = texts(language);
        let next = match (taken.link, upload) {
            (Some(_), false) => t.icap_fetch_later,
            (Some(_), true) => t.icap_send_later,
            (None, _) => t.icap_ask_later,
        };
        let facts = vec![(t.receipt, taken.receipt.to_string())];
        let said = vec![t.icap_patience.to_owned(), next.to_owned()];
        // A program that saves what it gets must not take this page for the file.
        self.page(503, t.icap_patience_title, said, facts, taken.link, language)
    }

    fn page(
        &self,
        status: u16,
        title: &str,
        texts_of: Vec<String>,
        facts: Vec<(&'static str, String)>,
        link: Option<&str>,
        language: Language,
    ) -> Page {
        let template = IcapPage {
            tag: language::tag(language),
            t: texts(language),
            site: &self.site,
            style: STYLE,
            title,
            texts: texts_of,
            facts,
            link,
        };
        // A page that cannot be written is an empty one: nothing else may stand in its place.
        let html = template.render().unwrap_or_else(|error| {
            tracing::error!(event = "web_template_failed", error = &error as &dyn std::error::Error);
            String::new()
        });
        Page { status, html }
    }
}

#[derive(Debug, Template)]
#[template(path = "icap.html")]
struct IcapPage<'a> {
    tag: &'static str,
    t: &'static Texts,
    site: &'a Site,
    style: &'static str,
    title: &'a str,
    texts: Vec<String>,
    facts: Vec<(&'static str, String)>,
    link: Option<&'a str>,
}

/// The look of the portal, as far as a page without pictures needs it.
const STYLE: &str = ":root{color-scheme:light dark;--ink:#1a1a1a;--paper:#fff;--line:#ccc;--key:#0017c1;--stop:#ce0000}\
@media (prefers-color-scheme:dark){:root{--ink:#f2f2f2;--paper:#1a1a1a;--line:#4d4d4d;--key:#9db7f9;--stop:#ff9696}}\
body{margin:0;background:var(--paper);color:var(--ink);font:400 1rem/1.7 'Noto Sans JP','Noto Sans CJK JP','BIZ UDPGothic',Meiryo,sans-serif;letter-spacing:.02em;overflow-wrap:anywhere}\
header,main,footer{max-width:44rem;margin:0 auto;padding:.5rem 1rem}\
header{border-bottom:1px solid var(--line);font-weight:700}\
h1{font-size:1.75rem;line-height:1.5;border-left:.4rem solid var(--stop);padding-left:.8rem}\
dl{border-top:1px solid var(--line)}dl div{border-bottom:1px solid var(--line);padding:.5rem 0}dt{font-weight:700}dd{margin:0}\
a{color:var(--key)}a:focus-visible{outline:4px solid #000;outline-offset:2px;box-shadow:0 0 0 2px #ffd43d}\
footer{border-top:1px solid var(--line);font-size:.875rem}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_allows_this_style_and_nothing_else() {
        let site = Site {
            name: "<b>市".to_owned(),
            portal_url: "http://127.0.0.1:8080".to_owned(),
            admin_url: String::new(),
            version: "0".to_owned(),
            offset_minutes: 540,
        };
        let pages = Pages::new(Arc::new(site));
        let (_, rest) = pages.policy.split_once("'sha256-").unwrap();
        let (digest, rest) = rest.split_once('\'').unwrap();
        assert_eq!(digest.len(), 44, "{digest}");
        assert_eq!(rest, "; form-action 'none'; base-uri 'none'");
        for language in [Language::Ja, Language::En] {
            let page = pages.refused(Why::TooLarge, 1024, language);
            assert_eq!(page.status, 403);
            assert!(page.html.contains("&#60;b&#62;市") && page.html.contains("1 KB"), "{}", page.html);
            assert!(!page.html.contains("<script") && !page.html.contains("http"), "{}", page.html);
        }
    }
}
