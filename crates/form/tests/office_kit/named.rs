//! Markup by names, so that a test reads like the XML that it stands for.

use form::office::{AttributeKind, Markup, Namespace, PartHeader, PartKind, Relationship, State, Type, Value};

/// The markup of one part, written by names.
pub struct Writer {
    kind: PartKind,
    levels: Vec<(Type, State)>,
    pub steps: Vec<Markup>,
}

pub fn header(kind: &str, relationships: Vec<Relationship>) -> PartHeader {
    PartHeader { kind: PartKind::named(kind).expect("a kind of part"), relationships }
}

pub fn namespace(prefix: &str) -> Namespace {
    Namespace::all().find(|namespace| namespace.prefix() == prefix).expect("a prefix")
}

impl Writer {
    pub fn new(kind: &str) -> Writer {
        Writer { kind: PartKind::named(kind).expect("a kind of part"), levels: Vec::new(), steps: Vec::new() }
    }

    /// Begins `prefix:name` with attributes such as `w:val="1"`, as (name, value); `rId1` names the first relationship.
    pub fn open(&mut self, name: &str, attributes: &[(&str, &str)]) -> &mut Writer {
        let (prefix, local) = name.split_once(':').expect("prefix:name");
        let of = match self.levels.last_mut() {
            None => {
                self.steps.push(Markup::Open(0));
                self.kind.root()
            }
            Some((parent, state)) => {
                let mut named = parent.children_named(namespace(prefix), local);
                let found = named.find_map(|child| Some((child, parent.step(*state, child)?)));
                let (child, next) = found.unwrap_or_else(|| panic!("{name} may not come in {}", parent.name()));
                *state = next;
                self.steps.push(Markup::Open(child));
                parent.child(child).unwrap()
            }
        };
        assert!(of.is(prefix, local), "{name}");
        self.levels.push((of, of.start()));
        for (name, value) in attributes {
            let (prefix, local) = name.split_once(':').unwrap_or(("", name));
            let namespace = namespace(prefix);
            let number = of.attribute_named(namespace, local).unwrap_or_else(|| panic!("{name} of {}", of.name()));
            let value = typed(of.attribute(number).unwrap().kind(), value);
            self.steps.push(Markup::Attribute(number, value));
        }
        self
    }

    pub fn text(&mut self, text: &str) -> &mut Writer {
        self.steps.push(Markup::Text(text.into()));
        self
    }

    pub fn close(&mut self) -> &mut Writer {
        self.levels.pop();
        self.steps.push(Markup::Close);
        self
    }

    /// An element with nothing in it.
    pub fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) -> &mut Writer {
        self.open(name, attributes).close()
    }

    /// An element with text in it.
    pub fn leaf(&mut self, name: &str, attributes: &[(&str, &str)], text: &str) -> &mut Writer {
        self.open(name, attributes).text(text).close()
    }

    /// Several elements, one in the other, the last with text.
    pub fn nested(&mut self, names: &[&str], text: &str) -> &mut Writer {
        names.iter().for_each(|name| {
            self.open(name, &[]);
        });
        self.text(text);
        names.iter().for_each(|_| {
            self.close();
        });
        self
    }

    pub fn choice(&mut self, prefix: &str) -> &mut Writer {
        self.steps.push(Markup::Choice(namespace(prefix)));
        self
    }

    pub fn end_choice(&mut self) -> &mut Writer {
        self.steps.push(Markup::EndChoice);
        self
    }

    /// Closes what is open.
    pub fn finish(&mut self) -> Vec<Markup> {
        while !self.levels.is_empty() {
            self.close();
        }
        std::mem::take(&mut self.steps)
    }
}

fn typed(kind: AttributeKind, value: &str) -> Value {
    match kind {
        AttributeKind::Boolean | AttributeKind::VmlBoolean => Value::Boolean(matches!(value, "1" | "t" | "true")),
        AttributeKind::Integer { .. } => Value::Integer(value.parse().unwrap()),
        AttributeKind::Decimal => Value::Decimal(value.parse().unwrap()),
        AttributeKind::Enumeration { .. } => {
            Value::Enumerated(kind.number_of(value).unwrap_or_else(|| panic!("{value} is not in the list")))
        }
        AttributeKind::Relationship => match value.strip_prefix("rId") {
            Some(number) => Value::Relationship(number.parse::<u32>().unwrap() - 1),
            None => Value::NoRelationship,
        },
        _ => Value::Text(value.into()),
    }
}
