//! The components of a calendar: entries and time zones, with what stands in them.

use super::line::{Line, Unread, lines};
use crate::error::Error;

/// What stands in a calendar, in its order.
pub(super) enum Met {
    /// A line of the calendar itself.
    Property(Line),
    /// A component that has ended, or should have.
    Component(Component),
}

/// An entry, a time zone or the free time of somebody.
#[derive(Default)]
pub(super) struct Component {
    /// In capitals.
    pub(super) kind: String,
    pub(super) lines: Vec<Line>,
    /// Its alarms or observances. What stands in those is not kept.
    pub(super) inner: Vec<Component>,
}

impl Component {
    fn new(kind: &str) -> Component {
        Component { kind: kind.to_owned(), ..Component::default() }
    }

    /// Whether it is something that takes place or is to be done.
    pub(super) fn is_entry(&self) -> bool {
        is_entry(&self.kind)
    }

    pub(super) fn first(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|line| line.name == name)
    }

    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Line> {
        self.lines.iter().filter(move |line| line.name == name)
    }

    fn take(&mut self, line: Line, unread: &mut Unread) {
        if self.lines.len() < MAX_LINES {
            self.lines.push(line);
        } else {
            unread.lose();
        }
    }
}

/// Hands over what stands in a calendar; the answer is what was lost. `label` is the charset that it came with.
pub(super) fn walk(
    bytes: &[u8],
    label: Option<&str>,
    mut met: impl FnMut(Met) -> Result<(), Error>,
) -> Result<Unread, Error> {
    let mut open: Vec<String> = Vec::new();
    let mut current: Option<Component> = None;
    let mut lines = lines(bytes, label);
    while let Some(line) = lines.next() {
        let unread = &mut lines.unread;
        let kind = || line.value.trim().to_ascii_uppercase();
        match line.name.as_str() {
            "BEGIN" => {
                let kind = kind();
                if is_top(&kind) {
                    if let Some(unended) = current.take() {
                        unread.lose();
                        met(Met::Component(unended))?;
                        open.truncate(open.iter().rposition(|begun| is_top(begun)).unwrap_or(open.len()));
                    }
                    current = Some(Component::new(&kind));
                } else if let Some(current) = &mut current
                    && open.last().is_some_and(|kind| is_top(kind))
                {
                    if current.inner.len() < MAX_INNER {
                        current.inner.push(Component::new(&kind));
                    } else {
                        unread.lose();
                    }
                }
                if open.len() < MAX_OPEN {
                    open.push(kind);
                }
            }
            "END" => {
                let kind = kind();
                // An end that was not begun ends nothing; one that was left out is made up for.
                if let Some(at) = open.iter().rposition(|begun| *begun == kind) {
                    open.truncate(at);
                }
                if is_top(&kind)
                    && let Some(ended) = current.take()
                {
                    met(Met::Component(ended))?;
                }
            }
            _ => {
                let mut above = open.iter().rev();
                let (last, before) = (above.next(), above.next());
                match &mut current {
                    Some(current) if last.is_some_and(|kind| is_top(kind)) => current.take(line, unread),
                    Some(current) if before.is_some_and(|kind| is_top(kind)) => {
                        if let Some(inner) = current.inner.last_mut() {
                            inner.take(line, unread);
                        }
                    }
                    None if open.len() <= 1 => met(Met::Property(line))?,
                    Some(_) | None => unread.lose(),
                }
            }
        }
    }
    if let Some(unended) = current {
        lines.unread.lose();
        met(Met::Component(unended))?;
    }
    Ok(lines.unread)
}

fn is_entry(kind: &str) -> bool {
    matches!(kind, "VEVENT" | "VTODO" | "VJOURNAL")
}

fn is_top(kind: &str) -> bool {
    is_entry(kind) || matches!(kind, "VTIMEZONE" | "VFREEBUSY")
}

/// Components in components; the standard has three.
const MAX_OPEN: usize = 16;
/// Lines of one component.
pub(super) const MAX_LINES: usize = 5_000;
/// Alarms or observances of one component.
const MAX_INNER: usize = 1_000;
