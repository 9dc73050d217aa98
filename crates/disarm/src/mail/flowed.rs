//! `format=flowed` (RFC 3676): lines that end in a space go on in the next line.

/// Joins flowed lines of equal quote depth; `delsp` drops the space that marks the join (Japanese text has no spaces).
pub(crate) fn unflow(text: &str, delsp: bool) -> String {
    let mut out = String::with_capacity(text.len());
    // Quote depth of the paragraph being joined.
    let mut open: Option<usize> = None;
    for line in text.split_inclusive('\n') {
        let line = line.strip_suffix('\n').unwrap_or(line);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let content = line.trim_start_matches('>');
        let depth = line.len().saturating_sub(content.len());
        // One space after the quote marks is stuffing.
        let content = content.strip_prefix(' ').unwrap_or(content);
        if open.is_some_and(|open| open != depth) {
            out.push('\n');
            open = None;
        }
        if open.is_none() && depth > 0 {
            out.extend(std::iter::repeat_n('>', depth.min(MAX_DEPTH)));
            out.push(' ');
        }
        let flows = content.ends_with(' ') && content != "-- ";
        if flows {
            out.push_str(if delsp { content.strip_suffix(' ').unwrap_or(content) } else { content });
            open = Some(depth);
        } else {
            out.push_str(content);
            out.push('\n');
            open = None;
        }
    }
    if open.is_some() {
        out.push('\n');
    }
    out
}

/// Quote marks written per line; a hostile line of nothing but `>` stays one line.
const MAX_DEPTH: usize = 50;

#[cfg(test)]
mod tests {
    use super::unflow;

    #[test]
    fn soft_breaks_join_and_hard_breaks_stay() {
        assert_eq!(unflow("a \r\nb\r\nc\r\n", false), "a b\nc\n");
        assert_eq!(unflow("日本 \n語\n", true), "日本語\n");
        assert_eq!(unflow("x\n-- \nsig\n", false), "x\n-- \nsig\n");
    }

    #[test]
    fn quotes_join_only_at_the_same_depth() {
        assert_eq!(unflow("> a \n> b\n>> c \nd\n", false), "> a b\n>> c \nd\n");
    }
}
