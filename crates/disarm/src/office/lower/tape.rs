//! Steps of markup that were read and not yet written, put into the order that the content model asks for.

use std::ops::Range;

use form::office::{Markup, State, Type};

/// What became of the steps of an element whose children were put in order.
pub(super) struct Arranged {
    /// How much of this is worth telling: nothing where all that was wrong is something said twice.
    pub(super) repaired: u32,
    /// The state after all.
    pub(super) state: State,
    /// Where on the tape each child stood, in that order, and where it begins now; nothing for one that is lost.
    pub(super) moves: Vec<(Range<usize>, Option<usize>)>,
}

/// The children of an element that are complete, each with all that stands in it, or a choice with its own.
struct Unit {
    /// Where it stood, counted from the first; nothing for one that was added.
    from: Option<usize>,
    steps: Vec<Markup>,
    /// Their numbers in the type of the element around them.
    children: Vec<u16>,
}

/// Where the content of the element that begins at `start` begins.
fn content(steps: &[Markup], start: usize) -> usize {
    let after = start.saturating_add(1);
    let attributes = steps.get(after..).unwrap_or_default().iter();
    after.saturating_add(attributes.take_while(|step| matches!(step, Markup::Attribute(..))).count())
}

/// Puts the children of the element of type `of` that begins at `start` and runs to `end` in order; what was in order stays as it
/// was. With `keep_end` the state after the last of them must not change; without, empty elements that they wait for are added.
pub(super) fn arrange(steps: &mut Vec<Markup>, range: Range<usize>, of: Type, keep_end: bool) -> Arranged {
    let from = content(steps, range.start).min(range.end);
    let mut units = units(steps.drain(from..range.end));
    let repeated = unite(of, &mut units);
    let contradicted = count(repeated.iter().filter(|(_, meaning)| *meaning == Meaning::Another));
    let mut row = Row::new(of);
    let is_in_order = units.iter().all(|unit| row.push(unit.outline()).is_ok());
    if !keep_end {
        supply(of, &mut units);
    }
    let stood = |unit: &Unit| {
        let begin = from.saturating_add(unit.from?);
        Some(begin..begin.saturating_add(unit.steps.len()))
    };
    let (row, lost) = in_order(of, units, keep_end);
    let gone = lost.iter().chain(repeated.iter().map(|(unit, _)| unit));
    let mut moves: Vec<_> = gone.filter_map(|unit| Some((stood(unit)?, None))).collect();
    let (lost, state) = (count(lost.iter()), row.end());
    let repaired = contradicted.saturating_add(if is_in_order { lost } else { lost.max(1) });
    let mut sorted: Vec<Markup> = Vec::new();
    for unit in row.units {
        moves.extend(stood(&unit).map(|was| (was, Some(from.saturating_add(sorted.len())))));
        sorted.extend(unit.steps);
    }
    steps.splice(from..from, sorted);
    moves.sort_by_key(|(was, _)| was.start);
    Arranged { repaired, state, moves }
}

/// Whether something that is said twice means the same both times.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Same,
    Another,
}

/// Takes out which properties of letters and paragraphs are there twice: LibreOffice writes `<w:b/>` two times, and `<w:i w:val="false"/>`
/// before `<w:i/>`. Programs follow the later one.
fn unite(of: Type, units: &mut Vec<Unit>) -> Vec<(Unit, Meaning)> {
    let mut repeated = Vec::new();
    if of.namespace().prefix() != "w" || !matches!(of.name(), "rPr" | "pPr") {
        return repeated;
    }
    let mut kept: Vec<Unit> = Vec::with_capacity(units.len());
    for unit in units.drain(..) {
        match kept.iter_mut().rev().take(MAX_LATE).find(|before| before.children == unit.children) {
            Some(before) if before.steps == unit.steps => repeated.push((unit, Meaning::Same)),
            Some(before) => repeated.push((std::mem::replace(before, unit), Meaning::Another)),
            None => kept.push(unit),
        }
    }
    *units = kept;
    repeated
}

fn count<T>(all: impl Iterator<Item = T>) -> u32 {
    u32::try_from(all.count()).unwrap_or(u32::MAX)
}

/// The children in an order that is taken, and those that have no place in it.
fn in_order(of: Type, units: Vec<Unit>, keep_end: bool) -> (Row, Vec<Unit>) {
    let mut row = Row::new(of);
    let mut lost: Vec<Unit> = units.into_iter().filter_map(|unit| row.push(unit).err()).collect();
    let end = row.end();
    // One may have to wait for another that is needed before it.
    for _ in 0..MAX_ROUNDS {
        let late = std::mem::take(&mut lost);
        let before = late.len();
        for (number, unit) in late.into_iter().enumerate() {
            if number >= MAX_LATE {
                lost.push(unit);
            } else if let Err(unit) = row.insert(unit, keep_end.then_some(end)) {
                lost.push(unit);
            }
        }
        if lost.is_empty() || lost.len() == before || before > MAX_WAITING {
            break;
        }
    }
    (row, lost)
}

/// Adds the empty elements without which children have no place: programs leave out the properties or the grid of a table, and the
/// rows stand behind both (ECMA-376 part 1, section 17.4.37). Only what makes fewer children lost is added.
fn supply(of: Type, units: &mut Vec<Unit>) {
    let mut now = lost(of, units);
    for _ in 0..MAX_ADDED {
        if now == 0 {
            return;
        }
        let mut ways: Vec<(usize, Vec<u16>)> = awaited(of, units).into_iter().collect();
        ways.extend(lacking(of, units).map(|number| (0, vec![number])));
        let better = ways.into_iter().find_map(|(at, numbers)| {
            let added = numbers.len();
            units.splice(at..at, numbers.into_iter().map(Unit::empty));
            let then = lost(of, units);
            if then >= now {
                units.drain(at..at.saturating_add(added));
            }
            (then < now).then_some(then)
        });
        match better {
            Some(then) => now = then,
            None => return,
        }
    }
}

/// How many of the children have no place.
fn lost(of: Type, units: &[Unit]) -> usize {
    in_order(of, units.iter().map(Unit::outline).collect(), false).1.len()
}

/// Empty elements that the element lacks even where all that has a place stands in it: what it waits for may come behind what waits.
fn lacking(of: Type, units: &[Unit]) -> impl Iterator<Item = u16> {
    let (row, _) = in_order(of, units.iter().map(Unit::outline).collect(), false);
    let is_complete = of.accepts(row.end());
    (0..of.child_count()).filter(move |number| !is_complete && may_be_empty(of, *number) && row.helps(*number))
}

/// Where the first child stands that only waits for empty ones, and the numbers of those.
fn awaited(of: Type, units: &[Unit]) -> Option<(usize, Vec<u16>)> {
    let row = Row::new(of);
    let is_there = |number: u16| units.iter().any(|unit| unit.children.contains(&number));
    let empties: Vec<u16> =
        (0..of.child_count()).filter(|number| may_be_empty(of, *number) && !is_there(*number)).collect();
    let mut state = of.start();
    // The same for all that have no place in a state: found for each, a thousand of them would take seconds.
    let mut ways: Option<Vec<(State, Vec<u16>)>> = None;
    for (at, unit) in units.iter().enumerate() {
        if let Some(next) = row.after(state, &unit.children) {
            if next != state {
                (state, ways) = (next, None);
            }
            continue;
        }
        let ways = ways.get_or_insert_with(|| ways_from(of, state, &empties));
        let way = ways.iter().find(|(reached, _)| row.after(*reached, &unit.children).is_some());
        if let Some((_, numbers)) = way {
            return Some((at, numbers.clone()));
        }
    }
    None
}

/// The states that empty elements lead to, each by the fewest of them.
fn ways_from(of: Type, from: State, empties: &[u16]) -> Vec<(State, Vec<u16>)> {
    let mut ways: Vec<(State, Vec<u16>)> = vec![(from, Vec::new())];
    let mut next = 0;
    while let Some((from, way)) = ways.get(next).cloned() {
        next = next.saturating_add(1);
        for number in empties.iter().copied().filter(|_| way.len() < MAX_ADDED) {
            let Some(reached) = of.step(from, number) else { continue };
            if ways.iter().all(|(known, _)| *known != reached) {
                ways.push((reached, way.iter().copied().chain([number]).collect()));
            }
        }
    }
    ways
}

/// Adds empty elements that the element of type `of`, which begins at `start` and runs to the end of the steps, needs and lacks.
/// False where it needs more than empty ones.
pub(super) fn complete(steps: &mut Vec<Markup>, start: usize, of: Type, mut state: State) -> bool {
    for _ in 0..MAX_ADDED {
        if of.accepts(state) {
            return true;
        }
        let mut empties: Vec<u16> = (0..of.child_count()).filter(|number| may_be_empty(of, *number)).collect();
        // Of those that would do, a paragraph is what was meant.
        empties.sort_by_key(|number| of.child(*number).is_none_or(|child| child.name() != "p"));
        let ends = |number: &&u16| of.step(state, **number).is_some_and(|next| of.accepts(next));
        if let Some((number, next)) =
            empties.iter().find(ends).and_then(|number| Some((*number, of.step(state, *number)?)))
        {
            steps.extend([Markup::Open(number), Markup::Close]);
            state = next;
            continue;
        }
        let from = content(steps, start);
        let units = units(steps.drain(from..));
        let mut row = Row::new(of);
        let unplaced = units.into_iter().filter_map(|unit| row.push(unit).err()).count();
        let helps = empties.into_iter().find(|number| row.helps(*number));
        let done = unplaced == 0
            && match helps {
                Some(number) => row.insert(Unit::empty(number), None).is_ok(),
                None => false,
            };
        state = row.end();
        steps.extend(row.units.into_iter().flat_map(|unit| unit.steps));
        if !done {
            return false;
        }
    }
    of.accepts(state)
}

fn may_be_empty(of: Type, number: u16) -> bool {
    of.child(number).is_some_and(|child| {
        child.accepts(child.start()) && !child.all_attributes().any(|attribute| attribute.is_required())
    })
}

fn units(steps: impl Iterator<Item = Markup>) -> Vec<Unit> {
    let (mut units, mut depth, mut elements) = (Vec::<Unit>::new(), 0_usize, 0_usize);
    for (at, step) in steps.enumerate() {
        if depth == 0 {
            units.push(Unit { from: Some(at), steps: Vec::new(), children: Vec::new() });
        }
        let Some(unit) = units.last_mut() else { continue };
        match &step {
            Markup::Open(number) => {
                if elements == 0 {
                    unit.children.push(*number);
                }
                (depth, elements) = (depth.saturating_add(1), elements.saturating_add(1));
            }
            Markup::Choice(_) => depth = depth.saturating_add(1),
            Markup::Close => (depth, elements) = (depth.saturating_sub(1), elements.saturating_sub(1)),
            Markup::EndChoice => depth = depth.saturating_sub(1),
            Markup::Attribute(..) | Markup::Text(_) => {}
        }
        unit.steps.push(step);
    }
    units
}

impl Unit {
    /// An element without anything in it.
    fn empty(number: u16) -> Unit {
        Unit { from: None, steps: vec![Markup::Open(number), Markup::Close], children: vec![number] }
    }

    /// The same without its steps.
    fn outline(&self) -> Unit {
        Unit { from: self.from, steps: Vec::new(), children: self.children.clone() }
    }
}

/// Children in an order that the content model takes.
struct Row {
    of: Type,
    units: Vec<Unit>,
    /// The state before each, and after the last.
    states: Vec<State>,
}

impl Row {
    fn new(of: Type) -> Row {
        Row { of, units: Vec::new(), states: vec![of.start()] }
    }

    fn end(&self) -> State {
        self.states.last().copied().unwrap_or(self.of.start())
    }

    fn after(&self, state: State, children: &[u16]) -> Option<State> {
        children.iter().try_fold(state, |state, child| self.of.step(state, *child))
    }

    fn push(&mut self, unit: Unit) -> Result<(), Unit> {
        match self.after(self.end(), &unit.children) {
            Some(next) => {
                self.states.push(next);
                self.units.push(unit);
                Ok(())
            }
            None => Err(unit),
        }
    }

    /// The states from `at` on with these children put there, where all that follows can stay; only those that change.
    fn with(&self, at: usize, children: &[u16], end: Option<State>) -> Option<Vec<State>> {
        let mut states = vec![self.after(*self.states.get(at)?, children)?];
        for (place, unit) in self.units.iter().enumerate().skip(at) {
            let state = *states.last()?;
            if self.states.get(place) == Some(&state) {
                return Some(states);
            }
            if states.len() > MAX_RUN {
                return None;
            }
            states.push(self.after(state, &unit.children)?);
        }
        let last = *states.last()?;
        end.is_none_or(|end| end == last).then_some(states)
    }

    /// Puts one as near to the end as it may stand, or gives it back.
    fn insert(&mut self, unit: Unit, end: Option<State>) -> Result<(), Unit> {
        let places = (0..self.states.len()).rev().take(MAX_PLACES);
        let Some((at, changed)) = places.into_iter().find_map(|at| Some((at, self.with(at, &unit.children, end)?)))
        else {
            return Err(unit);
        };
        // The states up to `at` stay; then those that change; then the old ones from where both agree.
        let rest = at.saturating_add(changed.len());
        let tail: Vec<State> = self.states.get(rest..).unwrap_or_default().to_vec();
        self.states.truncate(at.saturating_add(1));
        self.states.extend(changed);
        self.states.extend(tail);
        self.units.insert(at.min(self.units.len()), unit);
        Ok(())
    }

    /// Whether an empty element of that number somewhere would make the row acceptable.
    fn helps(&self, number: u16) -> bool {
        let ends_well = |at: usize| {
            let state = self.states.get(at).and_then(|state| self.of.step(*state, number))?;
            let rest = self.units.get(at..).unwrap_or_default();
            (rest.len() <= MAX_RUN).then_some(())?;
            rest.iter().try_fold(state, |state, unit| self.after(state, &unit.children))
        };
        (0..self.states.len())
            .rev()
            .take(MAX_PLACES)
            .any(|at| ends_well(at).is_some_and(|state| self.of.accepts(state)))
    }
}

/// Children in the wrong place for which one is sought; the others are left out.
const MAX_LATE: usize = 256;
/// How often those that had no place are tried again, and how many they may be for that.
const MAX_ROUNDS: usize = 4;
const MAX_WAITING: usize = 32;
/// Places that are tried for one of them, and children behind such a place that are looked at.
const MAX_PLACES: usize = 4_096;
const MAX_RUN: usize = 256;
/// Empty elements that are added to one.
const MAX_ADDED: usize = 4;

#[cfg(test)]
mod tests {
    use form::office::{Namespace, PartKind, Value};

    use super::*;

    fn child(of: Type, prefix: &str, name: &str) -> (u16, Type) {
        let namespace = Namespace::all().find(|namespace| namespace.prefix() == prefix).unwrap();
        let number = of.children_named(namespace, name).next().unwrap();
        (number, of.child(number).unwrap())
    }

    /// How many children had no place.
    fn lost(moves: &[(Range<usize>, Option<usize>)]) -> usize {
        moves.iter().filter(|(_, now)| now.is_none()).count()
    }

    fn empty(number: u16) -> [Markup; 2] {
        [Markup::Open(number), Markup::Close]
    }

    #[test]
    fn properties_that_come_late_are_put_first_and_text_keeps_its_order() {
        let document = PartKind::named("MainDocumentPart").unwrap().root();
        let (_, body) = child(document, "w", "body");
        let (_, paragraph) = child(body, "w", "p");
        let (run, link, properties) =
            (child(paragraph, "w", "r").0, child(paragraph, "w", "hyperlink").0, child(paragraph, "w", "pPr").0);
        let mut steps = vec![Markup::Open(0)];
        for number in [run, link, run, properties, run] {
            steps.extend(empty(number));
        }
        let end = steps.len();
        let Arranged { state, moves, .. } = arrange(&mut steps, 0..end, paragraph, false);
        // The properties stood fourth and are first now.
        assert!(moves.contains(&(7..9, Some(1))) && moves.contains(&(1..3, Some(3))), "{moves:?}");
        let order: Vec<&Markup> = steps.iter().skip(1).filter(|step| matches!(step, Markup::Open(_))).collect();
        let expected = [properties, run, link, run, run].map(Markup::Open);
        assert_eq!((lost(&moves), order), (0, expected.iter().collect()));
        assert!(paragraph.accepts(state));
    }

    /// What programs leave out of a table, and that nothing of it is lost for that.
    #[test]
    fn rows_of_a_table_without_properties_or_grid_stay() {
        let document = PartKind::named("MainDocumentPart").unwrap().root();
        let table = child(child(document, "w", "body").1, "w", "tbl").1;
        let [properties, grid, row] = ["tblPr", "tblGrid", "tr"].map(|name| child(table, "w", name).0);
        let expected = [properties, grid, row, row].map(Markup::Open);
        let given: [&[u16]; 6] = [
            &[grid, row, row],
            &[properties, row, row],
            &[row, row],
            &[row, grid, row],
            &[row, properties, row, grid],
            &[row, row, properties],
        ];
        for given in given {
            let mut steps = vec![Markup::Open(0)];
            given.iter().for_each(|number| steps.extend(empty(*number)));
            let end = steps.len();
            let arranged = arrange(&mut steps, 0..end, table, false);
            let order: Vec<&Markup> = steps.iter().skip(1).filter(|step| matches!(step, Markup::Open(_))).collect();
            assert_eq!((lost(&arranged.moves), order), (0, expected.iter().collect()), "{given:?}");
            assert!(table.accepts(arranged.state));
            assert_eq!(arranged.moves.len(), given.len());
        }
    }

    /// Seconds that children take of which all but the first have no place.
    fn seconds_without_place(of: Type, number: u16, count: usize) -> f64 {
        let mut steps = vec![Markup::Open(0)];
        (0..count).for_each(|_| steps.extend(empty(number)));
        let (end, begun) = (steps.len(), std::time::Instant::now());
        assert_eq!(lost(&arrange(&mut steps, 0..end, of, false).moves), count - 1);
        begun.elapsed().as_secs_f64()
    }

    /// From the first of the settings of Word the states of a hundred others are reached, from the last none.
    #[test]
    fn children_without_a_place_cost_the_same_wherever_they_come() {
        let settings = PartKind::named("DocumentSettingsPart").unwrap().root();
        let [first, last] = ["removePersonalInformation", "listSeparator"].map(|name| child(settings, "w", name).0);
        let best = |number: u16| {
            let times = (0..3).map(|_| seconds_without_place(settings, number, 3_000));
            times.fold(f64::INFINITY, f64::min)
        };
        let (early, late) = (best(first), best(last));
        assert!(early < late * 12.0, "{early} s and {late} s");
    }

    /// As generators that write the elements of an axis in an order of their own do.
    #[test]
    fn children_that_wait_for_one_another_find_their_places() {
        let chart = child(PartKind::named("ChartPart").unwrap().root(), "c", "chart").1;
        let axis = child(child(chart, "c", "plotArea").1, "c", "catAx").1;
        let names = ["axId", "scaling", "delete", "axPos", "title", "majorTickMark", "crossAx", "crosses"];
        let expected = names.map(|name| child(axis, "c", name).0);
        let given = ["axId", "crossAx", "crosses", "axPos", "scaling", "delete", "title", "majorTickMark"];
        for given in [given, ["crosses", "crossAx", "majorTickMark", "title", "axPos", "delete", "scaling", "axId"]] {
            let mut steps = vec![Markup::Open(0)];
            given.iter().for_each(|name| steps.extend(empty(child(axis, "c", name).0)));
            let end = steps.len();
            let arranged = arrange(&mut steps, 0..end, axis, false);
            let order: Vec<&Markup> = steps.iter().skip(1).filter(|step| matches!(step, Markup::Open(_))).collect();
            assert_eq!((lost(&arranged.moves), order), (0, expected.map(Markup::Open).iter().collect()), "{given:?}");
            assert!(axis.accepts(arranged.state));
        }
    }

    /// As LibreOffice 7.4 writes bold words, and words that are italic in a style that says otherwise.
    #[test]
    fn of_a_property_that_is_there_twice_the_later_counts() {
        let document = PartKind::named("MainDocumentPart").unwrap().root();
        let paragraph = child(child(document, "w", "body").1, "w", "p").1;
        let properties = child(child(paragraph, "w", "r").1, "w", "rPr").1;
        let ((bold, _), (italic, of_italic)) = (child(properties, "w", "b"), child(properties, "w", "i"));
        let value = of_italic.all_attributes().position(|each| each.name() == "val").unwrap();
        let no = Markup::Attribute(u8::try_from(value).unwrap(), Value::Boolean(false));
        let mut steps = vec![Markup::Open(0)];
        steps.extend([empty(bold), empty(bold)].concat());
        let end = steps.len();
        let arranged = arrange(&mut steps, 0..end, properties, false);
        assert_eq!((arranged.repaired, steps.len()), (0, 3));
        assert_eq!(arranged.moves, [(1..3, Some(1)), (3..5, None)]);
        steps.extend([Markup::Open(italic), no, Markup::Close]);
        steps.extend(empty(italic));
        let end = steps.len();
        let arranged = arrange(&mut steps, 0..end, properties, false);
        assert_eq!(arranged.repaired, 1);
        assert_eq!(steps, [&[Markup::Open(0)][..], &empty(bold), &empty(italic)].concat());
        assert!(properties.accepts(arranged.state));
        assert_eq!(arranged.moves, [(1..3, Some(1)), (3..6, None), (6..8, Some(3))]);
    }

    #[test]
    fn what_is_there_twice_is_left_out() {
        let document = PartKind::named("MainDocumentPart").unwrap().root();
        let (body, _) = child(document, "w", "body");
        let mut steps = vec![Markup::Open(0)];
        steps.extend(empty(body));
        steps.extend(empty(body));
        let end = steps.len();
        let arranged = arrange(&mut steps, 0..end, document, false);
        assert_eq!((lost(&arranged.moves), arranged.repaired), (1, 1));
        assert!(arranged.moves.contains(&(3..5, None)));
        assert_eq!(steps.len(), 3);
    }

    /// Each that is named costs that all children are placed anew.
    #[test]
    fn nothing_lacks_where_what_has_a_place_is_enough() {
        let document = PartKind::named("MainDocumentPart").unwrap().root();
        let body = child(document, "w", "body").1;
        let paragraph = child(body, "w", "p").1;
        let [properties, run] = ["pPr", "r"].map(|name| child(paragraph, "w", name).0);
        let units = |numbers: &[u16]| numbers.iter().copied().map(Unit::empty).collect::<Vec<_>>();
        let found = |of: Type, numbers: &[u16]| lacking(of, &units(numbers)).collect::<Vec<_>>();
        assert!(found(paragraph, &[run, properties, properties]).is_empty());
        let table = child(body, "w", "tbl").1;
        let [properties, grid, row] = ["tblPr", "tblGrid", "tr"].map(|name| child(table, "w", name).0);
        assert_eq!(found(table, &[properties, row]), [grid]);
    }

    #[test]
    fn a_cell_without_a_paragraph_gets_one() {
        let document = PartKind::named("MainDocumentPart").unwrap().root();
        let table = child(child(document, "w", "body").1, "w", "tbl").1;
        let cell = child(child(table, "w", "tr").1, "w", "tc").1;
        let mut steps = vec![Markup::Open(0)];
        let start = cell.start();
        if !cell.accepts(start) {
            assert!(complete(&mut steps, 0, cell, start));
            assert_eq!(steps.get(1), Some(&Markup::Open(child(cell, "w", "p").0)));
        }
    }
}
