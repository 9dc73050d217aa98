//! Outlines as Type 2 charstrings (Adobe Technical Note 5177): no hints, no subroutines, the shortest operator for each run
//! of lines and curves.

use form::pages::{Point, Segment};

use super::syntax::whole;

/// The width that a charstring need not give: that of a full-width letter.
pub(super) const DEFAULT_WIDTH: i32 = 1000;
/// What widths are counted from: most Latin letters are then one byte away.
pub(super) const NOMINAL_WIDTH: i32 = 560;

/// An outline, rounded, with its extent.
pub(super) struct Charstring {
    pub(super) code: Vec<u8>,
    /// Left, bottom, right, top of all its points; nothing for an empty outline.
    pub(super) extent: Option<[i32; 4]>,
}

/// Writes the outline divided by `scale`, so that every number fits 16 bits.
pub(super) fn charstring(outline: &[Segment], width: i32, scale: f64) -> Charstring {
    let mut writer = Writer { scale, ..Writer::default() };
    if width != DEFAULT_WIDTH {
        number(&mut writer.code, width.saturating_sub(NOMINAL_WIDTH));
    }
    for segment in outline {
        match segment {
            Segment::Move(to) => writer.begin(*to),
            Segment::Line(to) => writer.line(*to),
            Segment::Cubic(first, second, to) => writer.curve(*first, *second, *to),
            // A contour closes by itself.
            Segment::Close => {}
        }
    }
    writer.end_contour();
    writer.code.push(ENDCHAR);
    Charstring { code: writer.code, extent: writer.extent }
}

#[derive(Default)]
struct Writer {
    code: Vec<u8>,
    scale: f64,
    extent: Option<[i32; 4]>,
    /// Where the charstring stands.
    at: [i32; 2],
    /// Where the contour began.
    start: [i32; 2],
    /// Steps of the contour, each from the point before.
    steps: Vec<Step>,
}

#[derive(Clone, Copy, PartialEq)]
enum Step {
    Line([i32; 2]),
    Curve([i32; 6]),
}

impl Writer {
    fn point(&mut self, point: Point) -> [i32; 2] {
        let scaled = |value: f32| {
            let value = whole(f64::from(value) / self.scale).clamp(-i64::from(MOST), i64::from(MOST));
            i32::try_from(value).unwrap_or(0)
        };
        [scaled(point.x), scaled(point.y)]
    }

    fn cover(&mut self, [x, y]: [i32; 2]) {
        self.extent = Some(match self.extent {
            None => [x, y, x, y],
            Some([left, bottom, right, top]) => [left.min(x), bottom.min(y), right.max(x), top.max(y)],
        });
    }

    fn step_to(&mut self, to: [i32; 2]) -> [i32; 2] {
        let step = between(self.at, to);
        self.at = to;
        step
    }

    fn begin(&mut self, to: Point) {
        self.end_contour();
        self.start = self.point(to);
    }

    fn first_step(&mut self) {
        if self.steps.is_empty() {
            let start = self.start;
            self.cover(start);
            match self.step_to(start) {
                [dx, 0] => self.operation(&[dx], HMOVETO),
                [0, dy] => self.operation(&[dy], VMOVETO),
                step => self.operation(&step, RMOVETO),
            }
        }
    }

    fn line(&mut self, to: Point) {
        let to = self.point(to);
        let from = if self.steps.is_empty() { self.start } else { self.at };
        if to == from {
            return;
        }
        self.first_step();
        self.cover(to);
        let step = self.step_to(to);
        self.steps.push(Step::Line(step));
    }

    fn curve(&mut self, first: Point, second: Point, to: Point) {
        let [first, second, to] = [first, second, to].map(|point| self.point(point));
        let from = if self.steps.is_empty() { self.start } else { self.at };
        if [first, second, to] == [from; 3] {
            return;
        }
        self.first_step();
        for point in [first, second, to] {
            self.cover(point);
        }
        let [[a, b], [c, d], [e, f]] = [self.step_to(first), self.step_to(second), self.step_to(to)];
        self.steps.push(Step::Curve([a, b, c, d, e, f]));
    }

    fn operation(&mut self, arguments: &[i32], operator: u8) {
        arguments.iter().for_each(|argument| number(&mut self.code, *argument));
        self.code.push(operator);
    }

    /// Writes the steps of a contour, as many as one operator takes at a time.
    fn end_contour(&mut self) {
        let steps = std::mem::take(&mut self.steps);
        // The line back to the start is drawn anyway.
        let closing = matches!(steps.last(), Some(Step::Line(_))) && self.at == self.start;
        let kept = if closing { steps.len().saturating_sub(1) } else { steps.len() };
        if closing && let Some(Step::Line(step)) = steps.last() {
            self.at = [self.at[0].saturating_sub(step[0]), self.at[1].saturating_sub(step[1])];
        }
        let mut rest = steps.get(..kept).unwrap_or_default();
        while let Some(first) = rest.first() {
            let taken = match first {
                Step::Line(_) => self.lines(rest),
                Step::Curve(_) => self.curves(rest),
            };
            rest = rest.get(taken.max(1)..).unwrap_or_default();
        }
        self.steps = steps;
        self.steps.clear();
    }

    /// Lines: turn by turn along the axes, else any.
    fn lines(&mut self, steps: &[Step]) -> usize {
        let lines = steps.iter().map_while(|step| match step {
            Step::Line(step) => Some(*step),
            Step::Curve(_) => None,
        });
        let turns: Vec<i32> = alternating(lines.clone());
        let flat_first = matches!(steps.first(), Some(Step::Line([_, 0])));
        if !turns.is_empty() {
            self.operation(&turns, if flat_first { HLINETO } else { VLINETO });
            return turns.len();
        }
        // Up to where turns along the axes are worth an operator of their own.
        let mut arguments = Vec::new();
        let mut taken: usize = 0;
        for [dx, dy] in lines {
            let rest = steps.get(taken..).unwrap_or_default();
            if arguments.len() + 2 > MOST_ARGUMENTS || (taken > 0 && (dx == 0 || dy == 0) && turns_ahead(rest) >= 2) {
                break;
            }
            arguments.extend([dx, dy]);
            taken = taken.saturating_add(1);
        }
        self.operation(&arguments, RLINETO);
        taken
    }

    /// Curves: those that leave along one axis and arrive along the other, those along one axis, else any.
    fn curves(&mut self, steps: &[Step]) -> usize {
        let curves = steps.iter().map_while(|step| match step {
            Step::Curve(step) => Some(*step),
            Step::Line(_) => None,
        });
        let Some(first) = curves.clone().next() else { return 1 };
        match first {
            [_, 0, _, _, 0, _] | [0, _, _, _, _, 0] => {
                let flat_first = first[1] == 0 && first[4] == 0;
                let mut flat = flat_first;
                let mut arguments = Vec::new();
                let mut taken: usize = 0;
                for [a, b, c, d, e, f] in curves {
                    if arguments.len() + 4 > MOST_ARGUMENTS {
                        break;
                    }
                    match (flat, b, e, a, f) {
                        (true, 0, 0, ..) => arguments.extend([a, c, d, f]),
                        (false, _, _, 0, 0) => arguments.extend([b, c, d, e]),
                        _ => break,
                    }
                    flat = !flat;
                    taken = taken.saturating_add(1);
                }
                self.operation(&arguments, if flat_first { HVCURVETO } else { VHCURVETO });
                taken
            }
            [_, 0, _, _, _, 0] | [0, _, _, _, 0, _] => {
                let flat = first[1] == 0 && first[5] == 0;
                let mut arguments = Vec::new();
                let mut taken: usize = 0;
                for [a, b, c, d, e, f] in curves {
                    if arguments.len() + 4 > MOST_ARGUMENTS {
                        break;
                    }
                    match (flat, b, f, a, e) {
                        (true, 0, 0, ..) => arguments.extend([a, c, d, e]),
                        (false, _, _, 0, 0) => arguments.extend([b, c, d, f]),
                        _ => break,
                    }
                    taken = taken.saturating_add(1);
                }
                self.operation(&arguments, if flat { HHCURVETO } else { VVCURVETO });
                taken
            }
            _ => {
                let mut arguments = Vec::new();
                let mut taken: usize = 0;
                for curve in curves {
                    let axial = matches!(
                        curve,
                        [_, 0, _, _, 0, _] | [0, _, _, _, _, 0] | [_, 0, _, _, _, 0] | [0, _, _, _, 0, _]
                    );
                    if arguments.len() + 6 > MOST_ARGUMENTS || (axial && taken > 0) {
                        break;
                    }
                    arguments.extend(curve);
                    taken = taken.saturating_add(1);
                }
                self.operation(&arguments, RRCURVETO);
                taken
            }
        }
    }
}

/// The lengths of lines that turn from one axis to the other each time, as many as one operator takes.
fn alternating(lines: impl Iterator<Item = [i32; 2]>) -> Vec<i32> {
    let mut lengths = Vec::new();
    let mut flat = None;
    for [dx, dy] in lines {
        let length = match (flat, dx, dy) {
            (None | Some(true), dx, 0) => dx,
            (None | Some(false), 0, dy) => dy,
            _ => break,
        };
        // The next must be along the other axis.
        flat = Some(dy != 0);
        lengths.push(length);
        if lengths.len() == MOST_ARGUMENTS {
            break;
        }
    }
    lengths
}

fn turns_ahead(steps: &[Step]) -> usize {
    let lines = steps.iter().map_while(|step| match step {
        Step::Line(step) => Some(*step),
        Step::Curve(_) => None,
    });
    alternating(lines.take(2)).len()
}

fn between([x0, y0]: [i32; 2], [x1, y1]: [i32; 2]) -> [i32; 2] {
    [x1.saturating_sub(x0), y1.saturating_sub(y0)]
}

/// A number in the fewest bytes (Technical Note 5177, 3.2).
pub(super) fn number(code: &mut Vec<u8>, value: i32) {
    let byte = |value: i32| u8::try_from(value & 0xFF).unwrap_or(0);
    match value {
        -107..=107 => code.push(byte(value.saturating_add(139))),
        108..=1131 => {
            let rest = value.saturating_sub(108);
            code.extend([byte((rest >> 8).saturating_add(247)), byte(rest)]);
        }
        -1131..=-108 => {
            let rest = value.saturating_neg().saturating_sub(108);
            code.extend([byte((rest >> 8).saturating_add(251)), byte(rest)]);
        }
        _ => {
            let value = i16::try_from(value.clamp(i16::MIN.into(), i16::MAX.into())).unwrap_or(0);
            code.push(28);
            code.extend(value.to_be_bytes());
        }
    }
}

/// The furthest point from the origin: two such are still one 16-bit number apart.
pub(super) const MOST: i32 = 16_000;
/// What an interpreter's stack holds (Technical Note 5177, Appendix B).
const MOST_ARGUMENTS: usize = 48;

const VMOVETO: u8 = 4;
const RLINETO: u8 = 5;
const HLINETO: u8 = 6;
const VLINETO: u8 = 7;
const RRCURVETO: u8 = 8;
const ENDCHAR: u8 = 14;
const RMOVETO: u8 = 21;
const HMOVETO: u8 = 22;
const VVCURVETO: u8 = 26;
const HHCURVETO: u8 = 27;
const VHCURVETO: u8 = 30;
const HVCURVETO: u8 = 31;

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(x: f32, y: f32) -> Segment {
        Segment::Move(Point { x, y })
    }

    fn line(x: f32, y: f32) -> Segment {
        Segment::Line(Point { x, y })
    }

    fn curve(points: [f32; 6]) -> Segment {
        let [a, b, c, d, e, f] = points;
        Segment::Cubic(Point { x: a, y: b }, Point { x: c, y: d }, Point { x: e, y: f })
    }

    /// Numbers of one byte back to values, operators as they are.
    fn listed(code: &[u8]) -> Vec<i32> {
        code.iter().map(|byte| if *byte < 32 { -i32::from(*byte) * 1000 } else { i32::from(*byte) - 139 }).collect()
    }

    #[test]
    fn a_box_is_one_operator_and_its_closing_line_is_left_out() {
        let outline =
            [moved(10.0, 20.0), line(60.0, 20.0), line(60.0, 90.0), line(10.0, 90.0), line(10.0, 20.0), Segment::Close];
        let glyph = charstring(&outline, 1000, 1.0);
        assert_eq!(listed(&glyph.code), [10, 20, -21_000, 50, 70, -50, -6_000, -14_000]);
        assert_eq!(glyph.extent, Some([10, 20, 60, 90]));
    }

    #[test]
    fn contours_begin_where_the_last_one_was_left() {
        // The closing line of the first contour is not drawn, so the pen is still at its far corner.
        let outline = [
            moved(0.0, 0.0),
            line(50.0, 0.0),
            line(50.0, 50.0),
            line(0.0, 0.0),
            Segment::Close,
            moved(60.0, 50.0),
            line(70.0, 60.0),
        ];
        let glyph = charstring(&outline, 1000, 1.0);
        assert_eq!(listed(&glyph.code), [0, -22_000, 50, 50, -6_000, 10, -22_000, 10, 10, -5_000, -14_000],);
    }

    #[test]
    fn curves_take_the_operator_of_their_tangents() {
        let quarter =
            [moved(0.0, 0.0), curve([20.0, 0.0, 40.0, 20.0, 40.0, 40.0]), curve([40.0, 60.0, 20.0, 80.0, 0.0, 80.0])];
        let glyph = charstring(&quarter, 1000, 1.0);
        assert_eq!(listed(&glyph.code), [0, -22_000, 20, 20, 20, 20, 20, -20, 20, -20, -31_000, -14_000]);
        let any = charstring(&[moved(0.0, 0.0), curve([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])], 1000, 1.0);
        assert_eq!(listed(&any.code), [0, -22_000, 1, 2, 2, 2, 2, 2, -8_000, -14_000]);
        let flat = charstring(&[moved(0.0, 0.0), curve([5.0, 0.0, 9.0, 4.0, 15.0, 4.0])], 1000, 1.0);
        assert_eq!(listed(&flat.code), [0, -22_000, 5, 4, 4, 6, -27_000, -14_000]);
    }

    #[test]
    fn a_space_is_its_width_and_an_end() {
        assert_eq!(charstring(&[], 1000, 1.0).code, [ENDCHAR]);
        assert_eq!(listed(&charstring(&[moved(3.0, 4.0)], 600, 1.0).code), [40, -14_000]);
    }

    #[test]
    fn long_runs_are_cut_at_what_a_stack_holds() {
        let mut outline = vec![moved(0.0, 0.0)];
        outline.extend((1..=100_u8).map(|n| line(f32::from(n), f32::from(n) * 2.0)));
        let code = charstring(&outline, 1000, 1.0).code;
        assert_eq!(code.iter().filter(|byte| **byte == RLINETO).count(), 5);
    }

    #[test]
    fn numbers_take_the_fewest_bytes() {
        for (value, expected) in
            [(0, vec![139]), (107, vec![246]), (108, vec![247, 0]), (-108, vec![251, 0]), (1131, vec![250, 255])]
        {
            let mut code = Vec::new();
            number(&mut code, value);
            assert_eq!(code, expected);
        }
        let mut code = Vec::new();
        number(&mut code, -1132);
        assert_eq!(code, [28, 0xFB, 0x94]);
    }
}
