//! The vocabulary of Office Open XML that may cross (ECMA-376 and Microsoft's published extensions), as tables baked in at
//! build time from `schema/ooxml.tsv`.
//!
//! An element is named by its number among the children of its parent's [`Type`], an attribute by its number in its type's
//! list. What has no number has no way across: macros, controls, embedded objects, external books and unknown vocabularies.

#[path = "../../schema/key.rs"]
mod key;

use super::value::AttributeKind;

/// A vocabulary: namespace and the prefix that is written for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(u8);

/// The type of an element: what may stand in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Type(u16);

/// An attribute of a type.
#[derive(Clone, Copy, Debug)]
pub struct Attribute(&'static AttributeRow);

/// A sort of part of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartKind(u8);

/// How far the children of an element have come in its content model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State(u8);

/// What text an element may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// None, not even space.
    None,
    /// Words.
    Plain,
    /// One number or word of ASCII.
    Token,
    /// A formula of a spreadsheet.
    Formula,
    /// Part of the instruction of a field.
    Field,
    /// A number format.
    NumberFormat,
}

impl Namespace {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Namespace> {
        (0..NAMESPACES.len()).filter_map(|number| u8::try_from(number).ok()).map(Namespace)
    }

    /// No namespace, which most attributes have.
    pub const NONE: Namespace = Namespace(0);

    /// Its number in a stream.
    pub fn code(self) -> u8 {
        self.0
    }

    /// The namespace of a number, if there is one.
    pub fn from_code(code: u8) -> Option<Namespace> {
        NAMESPACES.get(usize::from(code)).map(|_| Namespace(code))
    }

    /// The prefix that is written for it; empty for none.
    pub fn prefix(self) -> &'static str {
        string(NAMESPACES.get(usize::from(self.0)).map(|row| row.prefix))
    }

    /// Its name (transitional, where there is a strict one too).
    pub fn uri(self) -> &'static str {
        string(NAMESPACES.get(usize::from(self.0)).map(|row| row.uri))
    }

    /// Whether programs that do not know it may skip it (ECMA-376 part 3, section 7): what Microsoft added later.
    pub fn is_ignorable(self) -> bool {
        self.uri().starts_with("http://schemas.microsoft.com/office/") && !matches!(self.prefix(), "xne")
    }
}

impl Type {
    fn row(self) -> &'static TypeRow {
        // A number of a type comes only from the tables themselves.
        TYPES.get(usize::from(self.0)).unwrap_or(&TYPES[0])
    }

    /// Its number in the tables, for whoever keeps something for each type; it never crosses.
    pub fn code(self) -> u16 {
        self.0
    }

    /// The namespace of its element.
    pub fn namespace(self) -> Namespace {
        Namespace(self.row().namespace)
    }

    /// The local name of its element.
    pub fn name(self) -> &'static str {
        string(Some(self.row().name))
    }

    /// Whether its element is `prefix:name`.
    pub fn is(self, prefix: &str, name: &str) -> bool {
        self.name() == name && self.namespace().prefix() == prefix
    }

    /// What text it may hold.
    pub fn text(self) -> TextKind {
        self.row().text
    }

    /// The type of a child by its number.
    pub fn child(self, number: u16) -> Option<Type> {
        self.children().get(usize::from(number)).copied().map(Type)
    }

    /// How many sorts of children it may have.
    pub fn child_count(self) -> u16 {
        self.row().children.1
    }

    /// Numbers of the children of that name; several where the content model tells them apart by place.
    pub fn children_named(self, namespace: Namespace, name: &str) -> impl Iterator<Item = u16> {
        let place = self.row().children;
        let alike = alike(slice(&CHILD_KEYS, place), slice(&CHILDREN_BY_NAME, place), key::of(namespace.0, name));
        alike.filter(move |number| self.child(*number).is_some_and(|child| child.name() == name))
    }

    /// An attribute by its number.
    pub fn attribute(self, number: u8) -> Option<Attribute> {
        self.attributes().get(usize::from(number)).map(Attribute)
    }

    /// All attributes in the order of their numbers.
    pub fn all_attributes(self) -> impl ExactSizeIterator<Item = Attribute> {
        self.attributes().iter().map(Attribute)
    }

    /// The number of the attribute of that name.
    pub fn attribute_named(self, namespace: Namespace, name: &str) -> Option<u8> {
        let (first, count) = self.row().attributes;
        let place = (first, u16::from(count));
        let mut alike =
            alike(slice(&ATTRIBUTE_KEYS, place), slice(&ATTRIBUTES_BY_NAME, place), key::of(namespace.0, name));
        alike.find(|number| self.attribute(*number).is_some_and(|attribute| attribute.name() == name))
    }

    /// Before any child.
    pub fn start(self) -> State {
        State(0)
    }

    /// After one more child, if it may come there.
    pub fn step(self, state: State, child: u16) -> Option<State> {
        let row = self.row();
        if child >= row.children.1 {
            return None;
        }
        let at = usize::from(state.0).checked_mul(usize::from(row.children.1))?;
        let at = usize::try_from(row.model).ok()?.checked_add(at)?.checked_add(usize::from(child))?;
        TRANSITIONS.get(at).copied().filter(|next| *next != REFUSED).map(State)
    }

    /// Whether the element may end here.
    pub fn accepts(self, state: State) -> bool {
        let row = self.row();
        let at = usize::try_from(row.accept).ok().and_then(|first| first.checked_add(usize::from(state.0)));
        u16::from(state.0) < row.states && at.and_then(|at| ACCEPTING.get(at)) == Some(&1)
    }

    fn children(self) -> &'static [u16] {
        slice(&CHILDREN, self.row().children)
    }

    fn attributes(self) -> &'static [AttributeRow] {
        let (first, count) = self.row().attributes;
        slice(&ATTRIBUTES, (first, u16::from(count)))
    }
}

impl Attribute {
    /// Its namespace.
    pub fn namespace(self) -> Namespace {
        Namespace(self.0.namespace)
    }

    /// Its local name.
    pub fn name(self) -> &'static str {
        string(Some(self.0.name))
    }

    /// Whether its element needs it.
    pub fn is_required(self) -> bool {
        self.0.required
    }

    /// What values it may have.
    pub fn kind(self) -> AttributeKind {
        self.0.kind
    }
}

impl PartKind {
    /// All of them.
    pub fn all() -> impl Iterator<Item = PartKind> {
        (0..PARTS.len()).filter_map(|number| u8::try_from(number).ok()).map(PartKind)
    }

    /// Its number in a stream.
    pub fn code(self) -> u8 {
        self.0
    }

    /// The kind of a number, if there is one.
    pub fn from_code(code: u8) -> Option<PartKind> {
        PARTS.get(usize::from(code)).map(|_| PartKind(code))
    }

    /// The kind of a name as the Open XML SDK gives it, such as `WorksheetPart`.
    pub fn named(name: &str) -> Option<PartKind> {
        PartKind::all().find(|kind| kind.name() == name)
    }

    fn row(self) -> &'static PartRow {
        // A number of a part comes only from the tables themselves.
        PARTS.get(usize::from(self.0)).unwrap_or(&PARTS[0])
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        string(Some(self.row().name))
    }

    /// The type of the relationships that lead to it (transitional).
    pub fn relationship_type(self) -> &'static str {
        string(Some(self.row().relationship))
    }

    /// Its content type.
    pub fn content_type(self) -> &'static str {
        string(Some(self.row().content_type))
    }

    /// The directory that it is written to, below the family's; empty for none.
    pub fn directory(self) -> &'static str {
        string(Some(self.row().directory))
    }

    /// What its file name begins with.
    pub fn stem(self) -> &'static str {
        string(Some(self.row().stem))
    }

    /// The type of its root element.
    pub fn root(self) -> Type {
        Type(self.row().root)
    }

    /// Whether it may have relationships to parts of that kind.
    pub fn may_refer_to(self, kind: PartKind) -> bool {
        self.row().refers.checked_shr(u32::from(kind.0)).unwrap_or(0) & 1 == 1
    }

    /// Whether it may have relationships to pictures.
    pub fn may_have_pictures(self) -> bool {
        self.row().pictures
    }

    /// The vocabularies that can occur in it.
    pub fn namespaces(self) -> impl Iterator<Item = Namespace> {
        let all = self.row().namespaces;
        Namespace::all().filter(move |namespace| all.checked_shr(u32::from(namespace.0)).unwrap_or(0) & 1 == 1)
    }
}

/// The numbers that stand where their keys are this one.
fn alike<N: Copy>(keys: &'static [u64], numbers: &'static [N], key: u64) -> impl Iterator<Item = N> {
    let first = keys.partition_point(|known| *known < key);
    let behind = keys.get(first..).unwrap_or_default().iter().zip(numbers.get(first..).unwrap_or_default());
    behind.take_while(move |(known, _)| **known == key).map(|(_, number)| *number)
}

/// Place and length of a piece of [`STRINGS`].
type Piece = (u32, u16);

#[derive(Debug)]
struct NamespaceRow {
    prefix: Piece,
    uri: Piece,
}

#[derive(Debug)]
struct TypeRow {
    name: Piece,
    namespace: u8,
    text: TextKind,
    children: (u32, u16),
    attributes: (u32, u8),
    model: u32,
    accept: u32,
    states: u16,
}

#[derive(Debug)]
struct AttributeRow {
    name: Piece,
    namespace: u8,
    required: bool,
    kind: AttributeKind,
}

#[derive(Debug)]
struct PartRow {
    name: Piece,
    relationship: Piece,
    content_type: Piece,
    directory: Piece,
    stem: Piece,
    root: u16,
    namespaces: u128,
    /// One bit for each kind of part that it may refer to.
    refers: u128,
    pictures: bool,
}

/// What stands in the transitions for a child that may not come.
const REFUSED: u8 = 255;

fn string(piece: Option<Piece>) -> &'static str {
    let Some((start, len)) = piece else { return "" };
    let start = usize::try_from(start).unwrap_or(usize::MAX);
    STRINGS.get(start..start.saturating_add(usize::from(len))).unwrap_or_default()
}

fn slice<T>(table: &'static [T], (first, count): (u32, u16)) -> &'static [T] {
    let first = usize::try_from(first).unwrap_or(usize::MAX);
    table.get(first..first.saturating_add(usize::from(count))).unwrap_or_default()
}

/// A value of an enumeration by its number.
pub(super) fn enumerated(first: u32, len: u16, number: u16) -> Option<&'static str> {
    slice(&VALUES, (first, len)).get(usize::from(number)).map(|piece| string(Some(*piece)))
}

/// The number of a value in an enumeration.
pub(super) fn number_of(first: u32, len: u16, value: &str) -> Option<u16> {
    let at = slice(&VALUES, (first, len)).iter().position(|piece| string(Some(*piece)) == value)?;
    u16::try_from(at).ok()
}

include!(concat!(env!("OUT_DIR"), "/schema.rs"));
