//! Paths as path construction operators (ISO 32000-1, 8.5.2).

use form::pages::{Path, Point, Rect, Segment};

use super::geometry::Space;
use super::grammar::Operator;
use super::syntax::{Syntax, scaled};

/// What a path is written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Subpaths close by themselves, and it does not matter where they begin.
    Fill,
    /// As for filling.
    Clip,
    /// An open end is not a corner; where a closed subpath begins does not matter.
    Stroke,
    /// Dashes begin where a subpath begins.
    Dashes,
}

/// How a written path ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// It may be drawn as it is.
    Drawn,
    /// Its last subpath must still be closed.
    Unclosed,
}

/// Writes a path that is drawn through `space`; nothing where there is nothing to write.
pub(super) fn write(out: &mut Syntax, path: &Path, purpose: Use, space: &Space, decimals: u8) -> Option<End> {
    let mut rest = path.segments.as_slice();
    let mut end = None;
    let grid = |point: &Point| space.apply(*point).map(|value| scaled(value, decimals));
    while !rest.is_empty() {
        if let Some((corners, taken)) = rectangle(rest, purpose, grid) {
            let [[x0, y0], [x1, y1]] = corners;
            for value in [x0, y0, x1.saturating_sub(x0), y1.saturating_sub(y0)] {
                out.scaled(value, decimals);
            }
            out.operator(Operator::Rectangle);
            rest = rest.get(taken..).unwrap_or_default();
            end = Some(End::Drawn);
            continue;
        }
        let (subpath, others) = split(rest);
        rest = others;
        end = subpath_of(out, subpath, purpose, rest.is_empty(), decimals, grid).or(end);
    }
    end
}

/// Whether a path is one upright rectangle around the bounds.
pub(super) fn covers(path: &Path, bounds: &Rect) -> bool {
    let grid = |point: &Point| [point.x, point.y].map(|value| scaled(value.into(), 3));
    let Some(([[x0, y0], [x1, y1]], taken)) = rectangle(&path.segments, Use::Fill, grid) else { return false };
    let [[left, bottom], [right, top]] =
        [[bounds.x0, bounds.y0], [bounds.x1, bounds.y1]].map(|corner| corner.map(|value| scaled(value.into(), 3)));
    taken == path.segments.len()
        && x0.min(x1) <= left
        && y0.min(y1) <= bottom
        && x0.max(x1) >= right
        && y0.max(y1) >= top
}

/// The first subpath and what follows it.
fn split(segments: &[Segment]) -> (&[Segment], &[Segment]) {
    let next = segments.iter().skip(1).position(|segment| matches!(segment, Segment::Move(_)));
    let end = next.map_or(segments.len(), |at| at.saturating_add(1));
    segments.split_at_checked(end).unwrap_or((segments, &[]))
}

fn subpath_of(
    out: &mut Syntax,
    segments: &[Segment],
    purpose: Use,
    last: bool,
    decimals: u8,
    grid: impl Fn(&Point) -> [i64; 2],
) -> Option<End> {
    let filled = matches!(purpose, Use::Fill | Use::Clip);
    if segments.len() < 2 {
        // A point alone paints nothing.
        return None;
    }
    let mut end = End::Drawn;
    let mut at = [0, 0];
    let point = |out: &mut Syntax, at: [i64; 2]| at.into_iter().for_each(|value| out.scaled(value, decimals));
    for segment in segments {
        match segment {
            Segment::Move(to) => {
                at = grid(to);
                point(out, at);
                out.operator(Operator::MoveTo);
            }
            Segment::Line(to) => {
                let to = grid(to);
                if filled && to == at {
                    continue;
                }
                at = to;
                point(out, to);
                out.operator(Operator::LineTo);
            }
            Segment::Cubic(first, second, to) => {
                let [first, second, to] = [first, second, to].map(&grid);
                let operator = if first == at {
                    Operator::CurveToStart
                } else if second == to {
                    Operator::CurveToEnd
                } else {
                    Operator::CurveTo
                };
                if operator != Operator::CurveToStart {
                    point(out, first);
                }
                if operator != Operator::CurveToEnd {
                    point(out, second);
                }
                point(out, to);
                out.operator(operator);
                at = to;
            }
            Segment::Close if filled => {}
            // The last one is part of the operator that draws.
            Segment::Close if last => end = End::Unclosed,
            Segment::Close => out.operator(Operator::Close),
        }
    }
    Some(end)
}

/// Two opposite corners of an upright rectangle that the segments begin with, and how many segments it takes. It is drawn as
/// the operator draws it: from the first corner sideways, up, back, closed.
fn rectangle(segments: &[Segment], purpose: Use, grid: impl Fn(&Point) -> [i64; 2]) -> Option<([[i64; 2]; 2], usize)> {
    let [Segment::Move(a), Segment::Line(b), Segment::Line(c), Segment::Line(d), rest @ ..] = segments else {
        return None;
    };
    let [a, b, c, d] = [a, b, c, d].map(&grid);
    let mut taken: usize = 4;
    let mut rest = rest;
    if let [Segment::Line(end), after @ ..] = rest
        && grid(end) == a
    {
        taken = taken.saturating_add(1);
        rest = after;
    }
    let closed = matches!(rest.first(), Some(Segment::Close));
    if closed {
        taken = taken.saturating_add(1);
        rest = rest.get(1..).unwrap_or_default();
    }
    if !matches!(rest.first(), None | Some(Segment::Move(_))) {
        return None;
    }
    let filled = matches!(purpose, Use::Fill | Use::Clip);
    if !filled && !closed {
        return None;
    }
    let sideways_first = a[1] == b[1] && b[0] == c[0] && c[1] == d[1] && d[0] == a[0];
    let upward_first = a[0] == b[0] && b[1] == c[1] && c[0] == d[0] && d[1] == a[1];
    if sideways_first {
        Some(([a, c], taken))
    } else if upward_first && purpose != Use::Dashes {
        // The same round, begun a corner earlier.
        Some(([d, b], taken))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(corners: &[[f32; 2]], close: bool) -> Path {
        let mut segments = Vec::new();
        for [x, y] in corners {
            let point = Point { x: *x, y: *y };
            segments.push(if segments.is_empty() { Segment::Move(point) } else { Segment::Line(point) });
        }
        if close {
            segments.push(Segment::Close);
        }
        Path { segments }
    }

    fn written(path: &Path, purpose: Use) -> (String, Option<End>) {
        let mut out = Syntax::default();
        let end = write(&mut out, path, purpose, &Space::default(), 3);
        (String::from_utf8(out.bytes().to_vec()).unwrap(), end)
    }

    #[test]
    fn upright_rectangles_are_one_operator_and_keep_their_direction() {
        let sideways = points(&[[1.0, 2.0], [4.0, 2.0], [4.0, 7.0], [1.0, 7.0]], true);
        let upward = points(&[[1.0, 2.0], [1.0, 7.0], [4.0, 7.0], [4.0, 2.0]], true);
        for purpose in [Use::Fill, Use::Clip, Use::Stroke, Use::Dashes] {
            assert_eq!(written(&sideways, purpose), ("1 2 3 5 re\n".to_owned(), Some(End::Drawn)));
        }
        assert_eq!(written(&upward, Use::Fill).0, "4 2 -3 5 re\n");
        assert_eq!(written(&upward, Use::Dashes).0, "1 2 m\n1 7 l\n4 7 l\n4 2 l\n");
        assert_eq!(written(&upward, Use::Dashes).1, Some(End::Unclosed));
    }

    #[test]
    fn an_open_rectangle_is_one_for_filling_only() {
        let open = points(&[[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]], false);
        assert_eq!(written(&open, Use::Fill).0, "0 0 4 4 re\n");
        assert_eq!(written(&open, Use::Stroke), ("0 0 m\n4 0 l\n4 4 l\n0 4 l\n".to_owned(), Some(End::Drawn)));
        let returned = points(&[[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0], [0.0, 0.0]], true);
        assert_eq!(written(&returned, Use::Stroke).0, "0 0 4 4 re\n");
    }

    #[test]
    fn curves_leave_out_a_point_that_stands_twice() {
        let at = |x, y| Point { x, y };
        let path = |curve| Path { segments: vec![Segment::Move(at(0.0, 0.0)), curve] };
        for (curve, expected) in [
            (Segment::Cubic(at(0.0, 0.0), at(1.0, 2.0), at(3.0, 4.0)), "0 0 m\n1 2 3 4 v\n"),
            (Segment::Cubic(at(1.0, 2.0), at(3.0, 4.0), at(3.0, 4.0)), "0 0 m\n1 2 3 4 y\n"),
            (Segment::Cubic(at(1.0, 2.0), at(3.0, 4.0), at(5.0, 6.0)), "0 0 m\n1 2 3 4 5 6 c\n"),
        ] {
            assert_eq!(written(&path(curve), Use::Fill).0, expected);
        }
    }

    #[test]
    fn a_rectangle_around_the_page_clips_nothing() {
        let bounds = Rect { x0: 0.0, y0: 0.0, x1: 100.0, y1: 50.0 };
        let around = |x1| points(&[[0.0, 0.0], [x1, 0.0], [x1, 50.0], [0.0, 50.0]], true);
        assert!(covers(&around(100.0), &bounds));
        assert!(!covers(&around(99.0), &bounds));
        assert!(!covers(&Path::default(), &bounds));
    }
}
