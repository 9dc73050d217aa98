//! What points out of the document: links, pictures, and what else would have been fetched or run.

use html5ever::tokenizer::Tag;

use super::attribute;
use super::build::{Builder, Link};
use super::flow::Flow;
use super::link::{Target, misleads, says_all, scheme, strip_scheme, target, target_host};

impl Builder<'_, '_> {
    /// Shows where a link leads, behind its text.
    pub(super) fn link(&mut self, link: Link) {
        if self.hidden > 0 || self.skipped > 0 {
            return;
        }
        let target = match target(&link.target) {
            Target::Shown(target) => target,
            Target::Nothing => return,
            Target::Active => {
                self.converted.active = self.converted.active.saturating_add(1);
                return;
            }
            Target::Unsafe => {
                self.converted.unsafe_links = self.converted.unsafe_links.saturating_add(1);
                return;
            }
        };
        let no_size = self.open.last().is_some_and(|open| open.no_size);
        let same_flow = link.flow == self.flows.len();
        let Some(flow) = self.flows.last() else { return };
        let shown = if same_flow { flow.since(link.start).trim() } else { "" };
        if no_size && shown.is_empty() {
            return;
        }
        self.converted.links = self.converted.links.saturating_add(1);
        let is_short = shown.len() <= target.len().saturating_mul(2);
        if is_short && says_all(shown, &target) {
            return;
        }
        // A picture that leads where the words beside it do.
        if shown.is_empty() && self.shown.contains(&target) {
            return;
        }
        let may_lie = is_short || shown.len() < MAX_SHOWN;
        let lie = if may_lie { misleads(shown, &target) } else { None };
        // A link around a table with the same link inside.
        let is_told = may_lie && shown.contains(&format!("<{target}>"));
        if let Some(lie) = lie.filter(|_| self.converted.misleading.len() < MAX_LISTED) {
            self.converted.misleading.push(lie);
        }
        if is_told {
            return;
        }
        let mark = self.target_mark(&target);
        self.visible(|flow| flow.mark(&mark));
        if self.shown.len() < MAX_KNOWN {
            self.shown.insert(target);
        }
    }

    /// A target in brackets; a long one as its host and a number, under which it stands at the end of the text.
    fn target_mark(&mut self, target: &str) -> String {
        let next = self.long.len().saturating_add(1);
        let host = target_host(target).filter(|host| host.len() <= INLINE);
        match host.filter(|_| target.len() > INLINE) {
            Some(host) if next <= MAX_LONG || self.long.contains_key(target) => {
                let number = *self.long.entry(target.to_owned()).or_insert(next);
                format!("[リンク{number}:{host}]")
            }
            _ => format!("<{}>", strip_scheme(target, "mailto:")),
        }
    }

    /// The targets that were too long for the running text.
    pub(super) fn list_long(&mut self, text: &mut String) {
        let mut long: Vec<(String, usize)> = std::mem::take(&mut self.long).into_iter().collect();
        long.sort_unstable_by_key(|(_, number)| *number);
        if !long.is_empty() {
            text.push('\n');
        }
        for (target, number) in long {
            text.push_str(&format!("\n[リンク{number}] {target}"));
        }
    }

    pub(super) fn image(&mut self, tag: &Tag) {
        if self.skipped > 0 {
            return;
        }
        let source = attribute(tag, "src").map_or("", |source| source.trim());
        let alt = attribute(tag, "alt").unwrap_or_default();
        let alt = alt.split_whitespace().collect::<Vec<_>>().join(" ");
        if self.is_hidden() {
            if is_remote(source) {
                self.note_tracker(source);
            }
            return;
        }
        let scheme = scheme(source).unwrap_or_default();
        if ["cid", "data"].iter().any(|inside| scheme.eq_ignore_ascii_case(inside))
            && let Some(mark) = (self.pictures)(source)
        {
            return self.visible(|flow| flow.mark(&mark));
        }
        if is_remote(source) {
            if is_speck(tag) {
                return self.note_tracker(source);
            }
            self.note_remote(source);
        }
        if !alt.is_empty() {
            self.visible(|flow: &mut Flow| flow.mark(&format!("[{alt}]")));
        }
    }

    /// A picture that only tells the sender that the mail was opened.
    fn note_tracker(&mut self, source: &str) {
        self.converted.trackers = self.converted.trackers.saturating_add(1);
        if let Some(host) = target_host(source) {
            list(&mut self.converted.tracker_hosts, host);
        }
    }

    /// Something that would have been fetched.
    pub(super) fn note_remote(&mut self, source: &str) {
        self.converted.remote_images = self.converted.remote_images.saturating_add(1);
        if let Some(host) = target_host(source) {
            list(&mut self.converted.remote_hosts, host);
        }
    }

    /// Pictures behind text, style sheets and media that would have been fetched.
    pub(super) fn count_remote(&mut self, name: &str, tag: &Tag) {
        if let Some(picture) = attribute(tag, "background").filter(|picture| is_remote(picture)) {
            self.note_remote(picture);
        }
        if let Some((_, picture)) = attribute(tag, "style").and_then(|style| style.split_once("url(")) {
            let picture = picture.split(')').next().unwrap_or_default().trim().trim_matches(['"', '\'']);
            if is_remote(picture) {
                self.note_remote(picture);
            }
        }
        let source = match name {
            "link" if attribute(tag, "rel").is_some_and(|rel| rel.to_ascii_lowercase().contains("stylesheet")) => {
                attribute(tag, "href")
            }
            "video" | "audio" | "source" | "track" | "bgsound" | "input" => attribute(tag, "src"),
            _ => None,
        };
        if let Some(source) = source.filter(|source| is_remote(source)) {
            self.note_remote(source);
        }
    }

    pub(super) fn count_active(&mut self, name: &str, tag: &Tag) {
        let active = match name {
            "script" | "object" | "embed" | "applet" | "iframe" | "frame" | "form" | "svg" | "audio" | "video" => true,
            "meta" => attribute(tag, "http-equiv").is_some_and(|value| value.eq_ignore_ascii_case("refresh")),
            _ => false,
        };
        self.converted.active = self.converted.active.saturating_add(u32::from(active));
    }
}

fn is_remote(source: &str) -> bool {
    let scheme = scheme(source).unwrap_or_default();
    source.starts_with("//") || ["http", "https", "ftp"].iter().any(|remote| scheme.eq_ignore_ascii_case(remote))
}

/// A picture of a point or two, which nobody sees.
fn is_speck(tag: &Tag) -> bool {
    let side = |name| attribute(tag, name).and_then(|side| side.trim().trim_end_matches("px").parse::<u32>().ok());
    matches!((side("width"), side("height")), (Some(0..=2), Some(0..=2)) | (Some(0), _) | (_, Some(0)))
}

/// Remembers a host once.
fn list(hosts: &mut Vec<String>, host: &str) {
    if hosts.len() < MAX_LISTED && !hosts.iter().any(|known| known == host) {
        hosts.push(host.to_owned());
    }
}

/// Bytes of the longest target that stands in the running text: longer ones, which newsletters count clicks with, bury it.
const INLINE: usize = 100;
/// Targets listed at the end.
const MAX_LONG: usize = 2_000;
/// Targets remembered, to show each picture's once.
const MAX_KNOWN: usize = 5_000;
/// Bytes of a link's text that may be an address.
const MAX_SHOWN: usize = 500;
/// Hosts and lies listed.
const MAX_LISTED: usize = 20;
