//! Drawing operators.

use std::fmt::Write as _;

use lopdf::{Dictionary, Object, dictionary};

/// How what is drawn mixes with what is below it (ISO 32000-2, table 134).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Blend {
    /// It lies over it.
    Normal,
    /// Both show, as with a marker on paper.
    Multiply,
}

/// What a colour is of.
#[derive(Clone, Copy)]
pub(super) enum Of {
    Areas,
    Lines,
}

/// Operators of an appearance, and what they reach.
#[derive(Default)]
pub(super) struct Drawing {
    pub(super) content: String,
    pub(super) resources: Dictionary,
    /// The rectangle that holds all points so far.
    reach: Option<[f32; 4]>,
}

impl Drawing {
    /// Writes operands and an operator.
    pub(super) fn op(&mut self, operands: &[f32], operator: &str) {
        for operand in operands {
            let _ = write!(self.content, "{} ", rounded(*operand));
        }
        self.content.push_str(operator);
        self.content.push('\n');
    }

    /// Writes operators as they are.
    pub(super) fn raw(&mut self, operators: &str) {
        self.content.push_str(operators);
        self.content.push('\n');
    }

    /// Sets opacity and blend mode, where they are not the usual ones.
    pub(super) fn mix(&mut self, opacity: f32, blend: Blend) {
        if opacity < 1.0 || blend != Blend::Normal {
            let mode = match blend {
                Blend::Normal => "Normal",
                Blend::Multiply => "Multiply",
            };
            let state = dictionary! { "CA" => opacity, "ca" => opacity, "BM" => mode };
            self.resources.set("ExtGState", dictionary! { "G" => state });
            self.raw("/G gs");
        }
    }

    /// Sets the colour of areas or lines; `false` when there is none.
    pub(super) fn color(&mut self, color: &[f32], of: Of) -> bool {
        let operator = match (color.len(), of) {
            (1, Of::Areas) => "g",
            (1, Of::Lines) => "G",
            (3, Of::Areas) => "rg",
            (3, Of::Lines) => "RG",
            (4, Of::Areas) => "k",
            (4, Of::Lines) => "K",
            _ => return false,
        };
        self.op(color, operator);
        true
    }

    pub(super) fn move_to(&mut self, x: f32, y: f32) {
        self.grow(x, y);
        self.op(&[x, y], "m");
    }

    pub(super) fn line_to(&mut self, x: f32, y: f32) {
        self.grow(x, y);
        self.op(&[x, y], "l");
    }

    /// A line through points.
    pub(super) fn polyline(&mut self, points: &[(f32, f32)]) {
        for (at, (x, y)) in points.iter().enumerate() {
            if at == 0 { self.move_to(*x, *y) } else { self.line_to(*x, *y) }
        }
    }

    pub(super) fn rect(&mut self, [x0, y0, x1, y1]: [f32; 4]) {
        self.grow(x0, y0);
        self.grow(x1, y1);
        self.op(&[x0, y0, x1 - x0, y1 - y0], "re");
    }

    /// An ellipse in a rectangle.
    pub(super) fn ellipse(&mut self, [x0, y0, x1, y1]: [f32; 4]) {
        let (cx, cy, rx, ry) = ((x0 + x1) / 2.0, (y0 + y1) / 2.0, (x1 - x0) / 2.0, (y1 - y0) / 2.0);
        let (kx, ky) = (rx * ARC, ry * ARC);
        self.grow(x0, y0);
        self.move_to(x1, cy);
        self.op(&[x1, cy + ky, cx + kx, y1, cx, y1], "c");
        self.op(&[cx - kx, y1, x0, cy + ky, x0, cy], "c");
        self.op(&[x0, cy - ky, cx - kx, y0, cx, y0], "c");
        self.op(&[cx + kx, y0, x1, cy - ky, x1, cy], "c");
        self.raw("h");
    }

    /// Paints the path: its area, its line, or both.
    pub(super) fn paint(&mut self, is_filled: bool, is_stroked: bool) {
        self.raw(match (is_filled, is_stroked) {
            (true, true) => "B",
            (true, false) => "f",
            (false, true) => "S",
            (false, false) => "n",
        });
    }

    /// The rectangle that holds all points with a margin, and another rectangle.
    pub(super) fn reach(&self, with: [f32; 4], margin: f32) -> [f32; 4] {
        let [wx0, wy0, wx1, wy1] = with;
        match self.reach {
            Some([x0, y0, x1, y1]) => {
                [wx0.min(x0 - margin), wy0.min(y0 - margin), wx1.max(x1 + margin), wy1.max(y1 + margin)]
            }
            None => with,
        }
    }

    fn grow(&mut self, x: f32, y: f32) {
        let [x0, y0, x1, y1] = self.reach.unwrap_or([x, y, x, y]);
        self.reach = Some([x0.min(x), y0.min(y), x1.max(x), y1.max(y)]);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.content.is_empty()
    }

    /// Adds entries to the resources.
    pub(super) fn use_resources(&mut self, more: &Dictionary) {
        for (key, value) in more {
            self.resources.set(key.clone(), value.clone());
        }
    }
}

/// A form XObject of drawing operators.
pub(super) fn form(drawing: Drawing, bounds: [f32; 4], turn: i64) -> (Dictionary, Vec<u8>) {
    let mut dict = dictionary! {
        "Type" => "XObject", "Subtype" => "Form", "BBox" => super::boxes::rectangle(bounds), "Resources" => drawing.resources,
    };
    let matrix: Option<[i64; 6]> = match turn.rem_euclid(360) {
        90 => Some([0, 1, -1, 0, 0, 0]),
        180 => Some([-1, 0, 0, -1, 0, 0]),
        270 => Some([0, -1, 1, 0, 0, 0]),
        _ => None,
    };
    if let Some(matrix) = matrix {
        dict.set("Matrix", matrix.map(Object::from).to_vec());
    }
    (dict, drawing.content.into_bytes())
}

/// A number as it is written.
pub(super) fn rounded(number: f32) -> f32 {
    let number = (f64::from(number) * 1000.0).round() / 1000.0;
    #[allow(clippy::cast_possible_truncation, reason = "made from a number of this type")]
    let number = number as f32;
    if number.is_finite() { number } else { 0.0 }
}

/// Control points of a quarter of a circle (Riškus, "Approximation of a cubic Bézier curve by circular arcs").
const ARC: f32 = 0.552_284_8;
