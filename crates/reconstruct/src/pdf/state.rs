//! The graphics state as a reader of a stream has it (ISO 32000-1, 8.4), and what changes it.

use std::rc::Rc;

use form::pages::{BlendMode, Color, Paint};

/// What the reader of a stream has been told. `None` is what is not known.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) fill: Option<Ink>,
    pub(super) stroke: Option<Ink>,
    pub(super) width: Option<f64>,
    pub(super) cap: Option<u8>,
    pub(super) join: Option<u8>,
    pub(super) miter: Option<f64>,
    pub(super) dash: Option<Rc<Dash>>,
    pub(super) fill_alpha: u8,
    pub(super) stroke_alpha: u8,
    pub(super) blend: BlendMode,
    pub(super) mask: Option<u32>,
    /// Font and size, as it was written.
    pub(super) font: Option<(u32, i64)>,
    pub(super) rendering: Option<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Ink {
    Color(Color),
    Gradient(u32),
    Tile(u32),
}

#[derive(Debug, PartialEq)]
pub(super) struct Dash {
    pub(super) lengths: Vec<f64>,
    pub(super) offset: f64,
}

/// What a stream begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// The defaults of a page (ISO 32000-1, 8.4.1).
    Page,
    /// Whatever its user had.
    Canvas,
}

impl State {
    pub(super) fn new(start: Start) -> State {
        let page = start == Start::Page;
        let black = page.then_some(Ink::Color(Color::default()));
        State {
            fill: black,
            stroke: black,
            width: page.then_some(1.0),
            cap: page.then_some(0),
            join: page.then_some(0),
            miter: page.then_some(10.0),
            dash: page.then(|| Rc::new(Dash { lengths: Vec::new(), offset: 0.0 })),
            // Groups, masks and tiles begin with these, too (ISO 32000-1, 11.6.6 and 11.6.7).
            fill_alpha: 255,
            stroke_alpha: 255,
            blend: BlendMode::Normal,
            mask: None,
            font: None,
            rendering: page.then_some(0),
        }
    }
}

impl Ink {
    pub(super) fn of(paint: Paint) -> (Ink, u8) {
        match paint {
            Paint::Color { color, alpha } => (Ink::Color(color), alpha),
            Paint::Gradient { gradient, alpha } => (Ink::Gradient(gradient), alpha),
            Paint::Tile { canvas, alpha } => (Ink::Tile(canvas), alpha),
        }
    }

    pub(super) fn is_pattern(self) -> bool {
        match self {
            Ink::Color(_) => false,
            Ink::Gradient(_) | Ink::Tile(_) => true,
        }
    }
}

/// What a graphics state dictionary sets; each sets one thing, so that there are few of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StateChange {
    FillAlpha(u8),
    StrokeAlpha(u8),
    Blend(BlendMode),
    Mask(Option<u32>),
}

impl StateChange {
    /// The number by which content names it.
    pub(super) fn number(self) -> u32 {
        match self {
            StateChange::FillAlpha(alpha) => u32::from(alpha),
            StateChange::StrokeAlpha(alpha) => u32::from(alpha).saturating_add(256),
            StateChange::Blend(mode) => u32::from(mode.code()).saturating_add(512),
            StateChange::Mask(None) => 600,
            StateChange::Mask(Some(canvas)) => canvas.saturating_add(601),
        }
    }

    /// What content means by a number.
    pub(super) fn from_number(number: u32) -> Option<StateChange> {
        let byte = |number: u32| u8::try_from(number).ok();
        match number {
            0..=255 => byte(number).map(StateChange::FillAlpha),
            256..=511 => byte(number.saturating_sub(256)).map(StateChange::StrokeAlpha),
            512..=599 => byte(number.saturating_sub(512)).and_then(BlendMode::from_code).map(StateChange::Blend),
            600 => Some(StateChange::Mask(None)),
            601.. => Some(StateChange::Mask(Some(number.saturating_sub(601)))),
        }
    }
}
