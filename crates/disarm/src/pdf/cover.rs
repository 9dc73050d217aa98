//! What has been painted where on a page, roughly: enough to tell white letters on white paper from white letters on a dark
//! heading or on their own shadow, and the text layer of a scan from text that somebody has hidden.

use std::ops::Range;

use kurbo::Rect;

use super::covered::Moment;

/// A page as a grid of cells that something was painted on.
#[derive(Debug)]
pub(super) struct Cover {
    page: Rect,
    painted: Vec<bool>,
    /// Pictures and when they were drawn, in that order.
    pictures: Vec<(Rect, Moment)>,
}

impl Cover {
    pub(super) fn new(page: Rect) -> Cover {
        Cover { page, painted: vec![false; SIDE * SIDE], pictures: Vec::new() }
    }

    /// Notes something other than white.
    pub(super) fn add(&mut self, area: Rect) {
        for row in self.rows(area) {
            if let Some(cells) = self.painted.get_mut(row) {
                cells.fill(true);
            }
        }
    }

    /// Notes a picture that is drawn; a large one may be a scan though something shows through it.
    pub(super) fn add_picture(&mut self, area: Rect, is_opaque: bool, drawn: Moment) {
        self.add(area);
        if self.pictures.len() < MAX_PICTURES && (is_opaque || area.area() > self.page.area() * SCAN_SHARE) {
            self.pictures.push((area, drawn));
        }
    }

    /// Whether nothing was painted where an area is, so that white on it cannot be seen.
    pub(super) fn is_blank(&self, area: Rect) -> bool {
        self.rows(area).all(|row| self.painted.get(row).is_some_and(|cells| cells.iter().all(|painted| !painted)))
    }

    /// When the last picture was drawn that most of an area lies under or over; nothing where it lies on none.
    pub(super) fn last_picture(&self, area: Rect) -> Option<Moment> {
        let middle = area.center();
        let is_there = |picture: &Rect| picture.inflate(1.0, 1.0).contains(middle);
        self.pictures.iter().rev().find(|(picture, _)| is_there(picture)).map(|(_, drawn)| *drawn)
    }

    /// The cells of an area, row by row.
    fn rows(&self, area: Rect) -> impl Iterator<Item = Range<usize>> + use<> {
        let column = |x: f64| cell((x - self.page.x0) / self.page.width());
        let row = |y: f64| cell((y - self.page.y0) / self.page.height());
        let (left, right, low, high) = (column(area.x0), column(area.x1), row(area.y0), row(area.y1));
        (low..=high).map(move |row| {
            let start = row.saturating_mul(SIDE);
            start.saturating_add(left)..start.saturating_add(right).saturating_add(1)
        })
    }
}

/// The cell of a place between 0 and 1; what lies outside counts for the cell at the edge.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "clamped; NaN is 0"
)]
fn cell(place: f64) -> usize {
    (place * SIDE as f64).clamp(0.0, (SIDE - 1) as f64) as usize
}

/// Cells along a side: on a page of A4 one is two points by three, less than a letter.
const SIDE: usize = 256;
/// More pictures than this are icons.
const MAX_PICTURES: usize = 2_000;
/// The share of a page from which a picture with transparency may be the scan of it.
const SCAN_SHARE: f64 = 0.25;

#[cfg(test)]
mod tests {
    use kurbo::Rect;

    use super::super::covered::Boxes;
    use super::Cover;

    #[test]
    fn what_was_painted_is_not_blank() {
        let mut cover = Cover::new(Rect::new(0.0, 0.0, 640.0, 640.0));
        assert!(cover.is_blank(Rect::new(100.0, 100.0, 200.0, 110.0)));
        cover.add(Rect::new(150.0, 105.0, 160.0, 106.0));
        assert!(!cover.is_blank(Rect::new(100.0, 100.0, 200.0, 110.0)));
        assert!(cover.is_blank(Rect::new(300.0, 100.0, 400.0, 110.0)));
    }

    #[test]
    fn text_is_on_a_picture_when_its_middle_is() {
        let mut cover = Cover::new(Rect::new(0.0, 0.0, 600.0, 800.0));
        let drawn = Boxes::new(Rect::new(0.0, 0.0, 600.0, 800.0)).now();
        cover.add_picture(Rect::new(0.0, 0.0, 600.0, 400.0), true, drawn);
        assert!(cover.last_picture(Rect::new(10.0, 10.0, 100.0, 20.0)).is_some());
        assert!(cover.last_picture(Rect::new(10.0, 700.0, 100.0, 710.0)).is_none());
    }
}
