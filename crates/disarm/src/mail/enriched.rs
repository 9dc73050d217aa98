//! `text/enriched` (RFC 1896) and its older kin `text/richtext`: marks removed, line ends read as they define them.

/// The text of an enriched document.
pub(crate) fn to_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut verbatim: u32 = 0;
    let mut param: u32 = 0;
    while let Some(c) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("<<") {
            push(&mut out, '<', param);
            rest = after;
        } else if let Some((tag, after)) = tag(rest) {
            let (close, name) = tag.strip_prefix('/').map_or((false, tag), |name| (true, name));
            let counter = match name.to_ascii_lowercase().as_str() {
                "nofill" => Some(&mut verbatim),
                "param" => Some(&mut param),
                "nl" | "np" => {
                    push(&mut out, '\n', param);
                    None
                }
                _ => None,
            };
            if let Some(counter) = counter {
                *counter = if close { counter.saturating_sub(1) } else { counter.saturating_add(1) };
            }
            rest = after;
        } else if c == '\n' || c == '\r' {
            let after = rest.trim_start_matches(['\n', '\r']);
            let breaks = rest.len().saturating_sub(after.len());
            let lines = rest.get(..breaks).unwrap_or_default().matches('\n').count().max(1);
            if verbatim > 0 {
                (0..lines).for_each(|_| push(&mut out, '\n', param));
            } else if lines == 1 {
                push(&mut out, ' ', param);
            } else {
                (1..lines).for_each(|_| push(&mut out, '\n', param));
            }
            rest = after;
        } else {
            push(&mut out, c, param);
            rest = rest.get(c.len_utf8()..).unwrap_or_default();
        }
    }
    out
}

fn push(out: &mut String, c: char, param: u32) {
    if param == 0 {
        out.push(c);
    }
}

/// `<name>` or `</name>` of at most 60 letters, digits and dashes (RFC 1896).
fn tag(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix('<')?;
    let end = rest.bytes().take(62).position(|b| b == b'>')?;
    let name = rest.get(..end)?;
    let plain = name.strip_prefix('/').unwrap_or(name);
    let good = !plain.is_empty() && plain.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    good.then_some((name, rest.get(end.saturating_add(1)..)?))
}

#[cfg(test)]
mod tests {
    use super::to_text;

    #[test]
    fn rfc_1896_rules_hold() {
        assert_eq!(
            to_text("<bold>Now</bold> is\nthe time\n\nfor <<all>\n\n\nmen"),
            "Now is the time\nfor <all>\n\nmen"
        );
        assert_eq!(to_text("<color><param>red</param>x</color><nofill>a\nb</nofill>"), "xa\nb");
        assert_eq!(to_text("1 < 2"), "1 < 2");
    }
}
