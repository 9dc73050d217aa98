//! Spaces: matrices with what the writer asks of them.

use form::pages::{Matrix, Point};

/// A matrix in double precision (ISO 32000-1, 8.3.3).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Space(pub(super) [f64; 6]);

impl Default for Space {
    fn default() -> Space {
        Space([1.0, 0.0, 0.0, 1.0, 0.0, 0.0])
    }
}

impl Space {
    pub(super) fn of(matrix: &Matrix) -> Space {
        Space(matrix.0.map(f64::from))
    }

    pub(super) fn is_identity(&self) -> bool {
        *self == Space::default()
    }

    pub(super) fn apply(&self, point: Point) -> [f64; 2] {
        let (x, y) = (f64::from(point.x), f64::from(point.y));
        if self.is_identity() {
            return [x, y];
        }
        let [a, b, c, d, e, f] = self.0;
        [a * x + c * y + e, b * x + d * y + f]
    }

    /// How long a unit is at most.
    pub(super) fn size(&self) -> f64 {
        let [a, b, c, d, ..] = self.0;
        a.hypot(b).max(c.hypot(d))
    }

    /// How long a unit is, where it is as long in every direction: a round pen stays round.
    pub(super) fn even(&self) -> Option<f64> {
        let [a, b, c, d, ..] = self.0;
        let (across, up) = (a.hypot(b), c.hypot(d));
        let near = |x: f64, y: f64| (x - y).abs() <= 1e-4 * across.max(up);
        // Upright to one another: the second axis is the first turned by a quarter, to either side.
        let turned = near(c, -b) && near(d, a);
        let mirrored = near(c, b) && near(d, -a);
        (across > 0.0 && near(across, up) && (turned || mirrored)).then_some(across)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pen_stays_round_when_turned_mirrored_or_enlarged_only() {
        let even = |matrix: [f32; 6]| Space::of(&Matrix(matrix)).even();
        assert_eq!(even([2.0, 0.0, 0.0, 2.0, 5.0, 5.0]), Some(2.0));
        assert_eq!(even([0.0, 3.0, -3.0, 0.0, 0.0, 0.0]), Some(3.0));
        assert_eq!(even([1.0, 0.0, 0.0, -1.0, 0.0, 9.0]), Some(1.0));
        assert_eq!(even([1.0, 0.0, 0.0, 2.0, 0.0, 0.0]), None);
        assert_eq!(even([1.0, 0.0, 1.0, 1.0, 0.0, 0.0]), None);
        assert_eq!(even([0.0; 6]), None);
    }
}
