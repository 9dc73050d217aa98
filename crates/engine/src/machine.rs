//! The account for programs: the `X-Misogi-…` fields of a mail that was rebuilt. docs/findings.md describes them.
//!
//! All of it is ASCII without comments or quotes, so that it stands in the header as it is: `name=value` pairs with `; ` between
//! them, file names as RFC 8187 writes them.

use std::fmt::Write;

use form::name::FileName;
use form::percent;
use form::reason::Finding;

use crate::assemble::OwnHeader;
use crate::outcome::{PartOutcome, PartVerdict};
use crate::policy::Policy;

/// Bytes of all `X-Misogi-Part` fields of a mail. Mail servers cut headers off from 100 KB on.
const MAX_BYTES: usize = 16 << 10;

/// Reasons named in one field.
const MAX_REASONS: usize = 20;

/// Bytes of a name before it is encoded, which makes at most three of each. A longer word than 400 would not stand as it is.
const MAX_NAME_BYTES: usize = 120;

/// The fields of a mail with these findings and parts. `within` is the path of the mail itself: places are told as they are in it.
pub(crate) fn headers(
    policy: &Policy,
    receipt: &str,
    findings: &[Finding],
    parts: &[PartOutcome],
    within: &str,
) -> Vec<OwnHeader<'static>> {
    let withheld = parts.iter().any(PartOutcome::anything_withheld);
    let verdict = if withheld { "partly-withheld" } else { "sanitised" };
    let mut headers = vec![("X-Misogi-Verdict", verdict.to_owned())];
    if !receipt.is_empty() {
        headers.push(("X-Misogi-Receipt", receipt.to_owned()));
    }
    headers.extend(policy_name(policy));
    if !findings.is_empty() {
        headers.push(("X-Misogi-Changes", reasons(findings)));
    }
    let all: Vec<&PartOutcome> = parts.iter().flat_map(PartOutcome::flatten).collect();
    if all.is_empty() {
        return headers;
    }
    let passed = all.iter().filter(|part| part.verdict == PartVerdict::Sanitised).count();
    let missing = all.len().saturating_sub(passed);
    let mut left = MAX_BYTES;
    // What is missing comes first: of a thousand parts not all are named.
    let order = all.iter().filter(|part| part.verdict == PartVerdict::Withheld);
    let order = order.chain(all.iter().filter(|part| part.verdict == PartVerdict::Sanitised));
    let named: Vec<OwnHeader<'static>> = order
        .map(|part| one(part, within))
        .map_while(|value| {
            left = left.checked_sub(value.len())?;
            Some(("X-Misogi-Part", value))
        })
        .collect();
    let total = all.len();
    let sums = format!("total={total}; rebuilt={passed}; withheld={missing}; named={}", named.len());
    headers.push(("X-Misogi-Parts", sums));
    headers.extend(named);
    headers
}

/// Under which policy a mail was written; nothing for one without a name.
pub(crate) fn policy_name(policy: &Policy) -> Option<OwnHeader<'static>> {
    (!policy.name.is_empty()).then(|| ("X-Misogi-Policy", policy.name.clone()))
}

fn one(part: &PartOutcome, within: &str) -> String {
    let path = part.path.strip_prefix(within).unwrap_or(&part.path).trim_start_matches('.');
    let mut value = format!("path={path}; ");
    match (part.verdict, part.refusal) {
        (PartVerdict::Sanitised, _) => value.push_str("verdict=rebuilt"),
        (PartVerdict::Withheld, None) => value.push_str("verdict=withheld"),
        (PartVerdict::Withheld, Some(refusal)) => {
            let _ = write!(value, "verdict=withheld; reason={}", refusal.reason.name());
        }
    }
    let detected = &part.detected_type;
    if !detected.is_empty() && detected.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-+._".contains(&byte)) {
        let _ = write!(value, "; type={detected}");
    }
    let _ = write!(value, "; name*={}", encoded(&part.name));
    if let Some(output) = part.output_name.as_ref().filter(|output| **output != part.name) {
        let _ = write!(value, "; output*={}", encoded(output));
    }
    if !part.findings.is_empty() {
        let _ = write!(value, "; changes={}", reasons(&part.findings));
    }
    value
}

/// `html_to_text:1,link_target_differs:2`, with ` …` for more where there are too many.
fn reasons(findings: &[Finding]) -> String {
    let mut counted: Vec<(&'static str, u32)> = Vec::new();
    for finding in findings {
        let name = finding.reason.name();
        match counted.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count = count.saturating_add(finding.count),
            None => counted.push((name, finding.count)),
        }
    }
    let named: Vec<String> = counted.iter().take(MAX_REASONS).map(|(name, count)| format!("{name}:{count}")).collect();
    let more = if counted.len() > MAX_REASONS { ", more" } else { "" };
    format!("{}{more}", named.join(", "))
}

/// `UTF-8''…` (RFC 8187 3.2), of a long name its beginning.
fn encoded(name: &FileName) -> String {
    let name = name.as_str();
    let end = name.floor_char_boundary(MAX_NAME_BYTES.min(name.len()));
    // Of `attr-char` only what is unreserved: a reader of pairs might stumble over the rest.
    format!("UTF-8''{}", percent::encoded(name.get(..end).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use form::reason::{Place, Reason};

    use super::*;

    #[test]
    fn names_are_encoded_whole_characters_at_a_time_and_reasons_are_summed() {
        let (name, _) = FileName::rebuild(&"図".repeat(80));
        let text = encoded(&name);
        assert!(text.len() <= 7 + 3 * MAX_NAME_BYTES && text.ends_with("%E5%9B%B3"), "{text}");
        assert_eq!(encoded(&FileName::rebuild("a b;c.txt").0), "UTF-8''a%20b%3Bc.txt");
        let finding = |reason, count| Finding { reason, count, place: Place::default() };
        let findings =
            [finding(Reason::HtmlToText, 1), finding(Reason::RemoteImage, 2), finding(Reason::RemoteImage, 3)];
        assert_eq!(reasons(&findings), "html_to_text:1, remote_image:5");
    }
}
