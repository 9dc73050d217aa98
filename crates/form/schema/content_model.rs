//! From a content model (XML Schema part 1, section 3.8) to a small deterministic automaton over child indices.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// A particle of a content model. Groups `all` are read as repeated choices: six types have one, and none needs more.
#[derive(Clone, Debug)]
pub(crate) enum Particle {
    Type(usize),
    Sequence(Vec<Particle>),
    Choice(Vec<Particle>),
    Repeat { of: Box<Particle>, low: u32, high: Option<u32> },
}

/// What stands for "this child may not follow".
pub(crate) const REFUSED: u8 = 255;

/// Counts above this are read as "any number": no reader fails over the difference.
const COUNTED: u32 = 3;

impl Particle {
    /// None where nothing may stand.
    pub(crate) fn parse(text: &str) -> Option<Particle> {
        let mut reader = Reader { bytes: text.as_bytes(), at: 0 };
        let particle = reader.particle();
        assert_eq!(reader.at, text.len(), "trailing {text}");
        particle
    }

    /// The types in it, each once, in the order in which they come.
    pub(crate) fn types(&self) -> Vec<usize> {
        let mut found = Vec::new();
        let mut waiting = vec![self];
        while let Some(next) = waiting.pop() {
            match next {
                Particle::Type(number) if !found.contains(number) => found.push(*number),
                Particle::Type(_) => {}
                Particle::Sequence(items) | Particle::Choice(items) => waiting.extend(items.iter().rev()),
                Particle::Repeat { of, .. } => waiting.push(of),
            }
        }
        found
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn particle(&mut self) -> Option<Particle> {
        while self.bytes.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        let found = match self.bytes.get(self.at)? {
            b')' => return None,
            mark @ (b',' | b'|' | b'&') => {
                self.at += 2;
                let mut items = Vec::new();
                while let Some(item) = self.particle() {
                    items.push(item);
                }
                self.at += 1;
                match mark {
                    b',' => Particle::Sequence(items),
                    b'|' => Particle::Choice(items),
                    _ => Particle::Repeat { of: Box::new(Particle::Choice(items)), low: 0, high: None },
                }
            }
            _ => Particle::Type(self.number() as usize),
        };
        let (low, high) = match self.bytes.get(self.at) {
            Some(b'?') => (0, Some(1)),
            Some(b'*') => (0, None),
            Some(b'+') => (1, None),
            Some(b'{') => {
                self.at += 1;
                let low = self.number();
                self.at += 1;
                (low, (self.bytes[self.at] != b'}').then(|| self.number()))
            }
            _ => return Some(found),
        };
        self.at += 1;
        Some(Particle::Repeat { of: Box::new(found), low, high })
    }

    fn number(&mut self) -> u32 {
        let rest = &self.bytes[self.at..];
        let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += len;
        std::str::from_utf8(&rest[..len]).unwrap().parse().unwrap()
    }
}

/// State 0 is the start; `transitions[state * children + child]` is the next state or [`REFUSED`].
pub(crate) struct Automaton {
    pub(crate) transitions: Vec<u8>,
    pub(crate) accepting: Vec<bool>,
}

/// A particle's first and last positions and whether it may be empty (Glushkov's construction).
struct Span {
    first: BTreeSet<usize>,
    last: BTreeSet<usize>,
    empty: bool,
}

#[derive(Default)]
struct Positions {
    symbols: Vec<usize>,
    follow: Vec<BTreeSet<usize>>,
}

impl Positions {
    fn link(&mut self, from: &BTreeSet<usize>, to: &BTreeSet<usize>) {
        for position in from {
            self.follow[*position].extend(to);
        }
    }

    fn walk(&mut self, particle: &Particle) -> Span {
        match particle {
            Particle::Type(number) => {
                let position = self.symbols.len();
                self.symbols.push(*number);
                self.follow.push(BTreeSet::new());
                let only = BTreeSet::from([position]);
                Span { first: only.clone(), last: only, empty: false }
            }
            Particle::Sequence(items) => {
                let mut whole = Span { first: BTreeSet::new(), last: BTreeSet::new(), empty: true };
                for item in items {
                    let next = self.walk(item);
                    whole = self.then(whole, next);
                }
                whole
            }
            Particle::Choice(items) => {
                let mut whole = Span { first: BTreeSet::new(), last: BTreeSet::new(), empty: items.is_empty() };
                for item in items {
                    let next = self.walk(item);
                    whole.first.extend(next.first);
                    whole.last.extend(next.last);
                    whole.empty |= next.empty;
                }
                whole
            }
            Particle::Repeat { of, low, high } => {
                let low = (*low).min(COUNTED);
                let high = high.filter(|high| *high <= COUNTED);
                let mut whole = Span { first: BTreeSet::new(), last: BTreeSet::new(), empty: true };
                let copies = high.unwrap_or(low.max(1));
                for copy in 0..copies {
                    let mut next = self.walk(of);
                    if high.is_none() && copy + 1 == copies {
                        self.link(&next.last.clone(), &next.first.clone());
                    }
                    next.empty |= copy >= low;
                    whole = self.then(whole, next);
                }
                whole
            }
        }
    }

    fn then(&mut self, before: Span, after: Span) -> Span {
        self.link(&before.last, &after.first);
        let mut first = before.first;
        let mut last = after.last;
        if before.empty {
            first.extend(&after.first);
        }
        if after.empty {
            last.extend(&before.last);
        }
        Span { first, last, empty: before.empty && after.empty }
    }
}

impl Automaton {
    pub(crate) fn of(particle: Option<&Particle>, children: &[usize]) -> Automaton {
        let mut positions = Positions::default();
        let span = match particle {
            Some(particle) => positions.walk(particle),
            None => Span { first: BTreeSet::new(), last: BTreeSet::new(), empty: true },
        };
        let index: HashMap<usize, usize> = children.iter().enumerate().map(|(at, number)| (*number, at)).collect();

        // Sets of positions are the states; the start is none of them, so it is told apart by `None`.
        let mut numbers: BTreeMap<Option<BTreeSet<usize>>, usize> = BTreeMap::from([(None, 0)]);
        let mut states: Vec<Option<BTreeSet<usize>>> = vec![None];
        let mut moves: Vec<Vec<Option<usize>>> = Vec::new();
        let mut accepting = Vec::new();
        while moves.len() < states.len() {
            let state = states[moves.len()].clone();
            let (next, accepts) = match &state {
                None => (span.first.clone(), span.empty),
                Some(set) => (
                    set.iter().flat_map(|position| positions.follow[*position].iter().copied()).collect(),
                    set.iter().any(|position| span.last.contains(position)),
                ),
            };
            let mut by_child: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); children.len()];
            for position in next {
                by_child[index[&positions.symbols[position]]].insert(position);
            }
            let mut row = Vec::new();
            for set in by_child {
                row.push((!set.is_empty()).then(|| {
                    let fresh = numbers.len();
                    let number = *numbers.entry(Some(set.clone())).or_insert(fresh);
                    if number == fresh {
                        states.push(Some(set));
                    }
                    number
                }));
            }
            moves.push(row);
            accepting.push(accepts);
        }
        Automaton::least(&moves, &accepting)
    }

    /// The least automaton that takes the same (Moore's refinement).
    fn least(moves: &[Vec<Option<usize>>], accepting: &[bool]) -> Automaton {
        let mut class: Vec<usize> = accepting.iter().map(|accepts| usize::from(*accepts)).collect();
        loop {
            let mut numbers = HashMap::new();
            // The start keeps number 0.
            let refined: Vec<usize> = (0..moves.len())
                .map(|state| {
                    let row: Vec<Option<usize>> =
                        moves[state].iter().map(|next| next.map(|next| class[next])).collect();
                    let fresh = numbers.len();
                    *numbers.entry((class[state], row)).or_insert(fresh)
                })
                .collect();
            let settled = refined == class;
            class = refined;
            if settled {
                break;
            }
        }
        let states = class.iter().max().unwrap() + 1;
        assert!(states < usize::from(REFUSED), "{states} states");
        let mut result = Automaton { transitions: Vec::new(), accepting: Vec::new() };
        for number in 0..states {
            let state = class.iter().position(|class| *class == number).unwrap();
            result.accepting.push(accepting[state]);
            result.transitions.extend(moves[state].iter().map(|next| next.map_or(REFUSED, |next| class[next] as u8)));
        }
        result
    }
}
