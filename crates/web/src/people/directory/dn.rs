//! Names of entries (RFC 4514), so that two ways of writing one are the same.

/// A name taken apart: from the entry to the root, each step one or more pairs of attribute and value, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dn(Vec<Vec<(String, Vec<u8>)>>);

impl Dn {
    /// Reads a name; `None` is no name, or has more than sixty-four steps.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut steps = vec![Vec::new()];
        for (end, pair) in pairs(text)? {
            steps.last_mut()?.push(pair);
            match end {
                Some(b'+') => {}
                Some(_) if steps.len() < MOST_STEPS => steps.push(Vec::new()),
                Some(_) => return None,
                None => {}
            }
        }
        for step in &mut steps {
            step.sort();
        }
        Some(Self(steps))
    }
}

/// An attribute, its value, and what separates it from the next.
type Ended = (Option<u8>, (String, Vec<u8>));

fn pairs(text: &str) -> Option<Vec<Ended>> {
    let mut all = Vec::new();
    let mut rest = text.as_bytes();
    loop {
        let equals = rest.iter().position(|byte| *byte == b'=')?;
        let (name, value) = rest.split_at_checked(equals)?;
        let name = std::str::from_utf8(name).ok()?.trim().to_ascii_lowercase();
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.');
        if name.is_empty() || !plain {
            return None;
        }
        let (value, end, after) = value_of(value.get(1..)?)?;
        // Values compare without regard to capitals and doubled spaces, as those of names do (RFC 4518).
        let value = match String::from_utf8(value) {
            Ok(text) => text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ").into_bytes(),
            Err(other) => other.into_bytes(),
        };
        all.push((end, (name, value)));
        match end {
            Some(_) => rest = after,
            None => return Some(all),
        }
    }
}

/// The value, unescaped, what ended it, and what is behind that.
fn value_of(bytes: &[u8]) -> Option<(Vec<u8>, Option<u8>, &[u8])> {
    let mut value = Vec::new();
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b',' | b';' | b'+' => return Some((value, Some(byte), rest)),
            b'\\' => {
                let digits = rest.get(..2).and_then(|two| std::str::from_utf8(two).ok());
                let hex = digits.filter(|two| two.bytes().all(|digit| digit.is_ascii_hexdigit()));
                match hex.and_then(|two| u8::from_str_radix(two, 16).ok()) {
                    Some(byte) => {
                        value.push(byte);
                        rest = rest.get(2..)?;
                    }
                    None => {
                        let (&byte, after) = rest.split_first()?;
                        value.push(byte);
                        rest = after;
                    }
                }
            }
            _ => value.push(byte),
        }
    }
    Some((value, None, rest))
}

const MOST_STEPS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ways_of_writing_one_name_are_the_same_and_other_names_are_others() {
        for (left, right, same) in [
            ("CN=Misogi Admins,OU=Groups,DC=city,DC=local", "cn=misogi admins, ou=groups , dc=CITY,dc=local", true),
            (r"cn=a\,b,dc=x", r"cn=a\2Cb,dc=x", true),
            (r"cn=a\,b,dc=x", "cn=a,b=,dc=x", false),
            ("cn=a+uid=b,dc=x", "uid=b+cn=a,dc=x", true),
            ("cn=a,dc=x", "cn=a,dc=x,dc=y", false),
            ("cn=a,dc=x", "ou=a,dc=x", false),
            ("cn=管理者,dc=x", r"cn=\E7\AE\A1理者,dc=x", true),
        ] {
            let (left, right) = (Dn::parse(left).unwrap(), Dn::parse(right).unwrap_or(Dn(Vec::new())));
            assert_eq!(left == right, same, "{left:?} {right:?}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for bad in ["", "admins", "cn", "=x", "cn=a,", "cn=a,,dc=x", "c n=a", r"cn=a\", &"dc=x,".repeat(70)] {
            assert_eq!(Dn::parse(bad), None, "{bad}");
        }
        assert!(Dn::parse(&vec!["dc=x"; 64].join(",")).is_some());
        assert_eq!(Dn::parse(&vec!["dc=x"; 65].join(",")), None);
    }
}
