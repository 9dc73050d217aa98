//! What styles and attributes do to visibility.

use super::symbols;

/// How a style changes what a reader sees of an element's text. What it does not mention is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Look {
    /// `display: none`, or another display.
    none: Option<bool>,
    /// `visibility: hidden`.
    /// A child may be visible in a parent that is not.
    pub(super) invisible: Option<bool>,
    /// `opacity: 0`.
    transparent: Option<bool>,
    /// `overflow: hidden`.
    clipped: Option<bool>,
    /// No height or no width.
    flat: Option<bool>,
    /// Taken out of the flow.
    positioned: Option<bool>,
    /// Moved far to the side.
    away: Option<bool>,
    /// Indented out of sight.
    outdented: Option<bool>,
    /// Drawn out of sight by a margin.
    drawn: Option<bool>,
    /// Moved by an offset that a margin may take back, as in centring by half of the width.
    offset: Option<bool>,
    /// Letters without a size that can be read.
    pub(super) no_size: Option<bool>,
    /// Colour of the letters.
    pub(super) colour: Option<Paint>,
    /// Colour behind them.
    pub(super) background: Option<Paint>,
    /// A line through the text.
    pub(super) struck: Option<bool>,
    /// Letters are drawn as the signs of a font of symbols.
    pub(super) symbols: Option<bool>,
    /// A line above the box, by which Outlook parts an answer from what it answers.
    pub(super) line_above: Option<bool>,
}

/// A colour, where it can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    /// Red, green, blue.
    Rgb([u8; 3]),
    /// A picture, a gradient, a system colour.
    Unknown,
}

impl Paint {
    /// Whether letters of this colour cannot be told from that background.
    pub(super) fn vanishes_on(self, background: Paint) -> bool {
        match (self, background) {
            (Paint::Rgb(letters), Paint::Rgb(ground)) => {
                letters.iter().zip(ground).all(|(letter, ground)| letter.abs_diff(ground) <= NO_DIFFERENCE)
            }
            _ => false,
        }
    }
}

impl Look {
    /// Adds the declarations of a style; later ones win, as in CSS.
    pub(super) fn read(&mut self, style: &str) {
        for declaration in style.split(';').take(MAX_DECLARATIONS) {
            let Some((name, value)) = declaration.split_once(':') else { continue };
            let value = value.trim();
            let value = value.get(..value.find('!').unwrap_or(value.len())).unwrap_or(value).trim();
            self.declare(&name.trim().to_ascii_lowercase(), value);
        }
    }

    fn declare(&mut self, name: &str, value: &str) {
        let is = |word: &str| value.eq_ignore_ascii_case(word);
        match name {
            "display" => self.none = Some(is("none")),
            "visibility" => self.invisible = Some(is("hidden") || is("collapse")),
            "opacity" => self.transparent = Some(is_zero(value)),
            "overflow" | "overflow-x" | "overflow-y" => self.clipped = Some(is("hidden") || is("clip")),
            "max-height" | "height" | "max-width" | "width" => {
                self.flat = Some(self.flat == Some(true) || is_zero(value))
            }
            "position" => self.positioned = Some(is("absolute") || is("fixed")),
            "left" | "top" | "right" | "bottom" => {
                self.away = Some(self.away == Some(true) || is_far(value));
                self.offset = Some(self.offset == Some(true) || brings_back(value));
            }
            "margin-left" | "margin-top" => self.drawn = Some(self.drawn == Some(true) || is_drawn(value)),
            "text-indent" => self.outdented = Some(self.outdented == Some(true) || is_far(value)),
            "font-family" | "font" if !is("inherit") => self.symbols = Some(symbols::is_named(value)),
            "font-size" => self.no_size = no_size(value).or(self.no_size),
            "color" => self.colour = colour(value).or(self.colour),
            "background-color" => self.background = colour(value).or(self.background),
            "background" => self.background = background(value).or(self.background),
            "background-image" if !is("none") => self.background = Some(Paint::Unknown),
            "text-decoration" | "text-decoration-line" => self.struck = Some(value.contains("line-through")),
            "border-top" => self.line_above = Some(value.to_ascii_lowercase().contains("solid")),
            _ => {}
        }
    }

    /// Adds what another style says; it wins where both speak.
    pub(super) fn add(&mut self, other: &Look) {
        let Look {
            none,
            invisible,
            transparent,
            clipped,
            flat,
            positioned,
            away,
            outdented,
            drawn,
            offset,
            no_size,
            colour,
            background,
            struck,
            symbols,
            line_above,
        } = *other;
        self.none = none.or(self.none);
        self.invisible = invisible.or(self.invisible);
        self.transparent = transparent.or(self.transparent);
        self.clipped = clipped.or(self.clipped);
        self.flat = flat.or(self.flat);
        self.positioned = positioned.or(self.positioned);
        self.away = away.or(self.away);
        self.outdented = outdented.or(self.outdented);
        self.drawn = drawn.or(self.drawn);
        self.offset = offset.or(self.offset);
        self.no_size = no_size.or(self.no_size);
        self.colour = colour.or(self.colour);
        self.background = background.or(self.background);
        self.struck = struck.or(self.struck);
        self.symbols = symbols.or(self.symbols);
        self.line_above = line_above.or(self.line_above);
    }

    /// Whether nothing of the element is shown, whatever stands inside. One that is only not visible is another matter.
    pub(super) fn is_hidden(&self) -> bool {
        let yes = |what: Option<bool>| what == Some(true);
        yes(self.none)
            || yes(self.transparent)
            || (yes(self.clipped) && yes(self.flat))
            || (yes(self.positioned) && yes(self.away))
            || yes(self.outdented)
            || (yes(self.drawn) && !yes(self.offset))
    }

    /// Whether the element may lie over something else, so that what is behind it is not known.
    pub(super) fn floats(&self) -> bool {
        self.positioned == Some(true)
    }
}

/// `0`, `0px`, `0.0em`, `0%`.
fn is_zero(value: &str) -> bool {
    let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == '%');
    !number.is_empty() && number.bytes().all(|b| matches!(b, b'0' | b'.'))
}

/// A length and its unit.
fn length(value: &str) -> Option<(f32, &str)> {
    let end = value.find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+'))).unwrap_or(value.len());
    let (number, unit) = value.split_at_checked(end)?;
    Some((number.parse().ok()?, unit.trim()))
}

/// A distance that no screen has.
fn is_far(value: &str) -> bool {
    let Some((number, unit)) = length(value) else { return false };
    let far = match unit.to_ascii_lowercase().as_str() {
        "px" | "pt" => -FAR_PIXELS,
        "em" | "rem" | "ch" | "ex" => -FAR_PIXELS / 10.0,
        "%" | "vw" | "vh" => -100.0,
        _ => return false,
    };
    number <= far
}

/// A margin that leaves nothing on a screen; in percent it goes with the width of what is around it.
fn is_drawn(value: &str) -> bool {
    let Some((number, unit)) = length(value) else { return false };
    match unit.to_ascii_lowercase().as_str() {
        "px" | "pt" => number <= -MARGIN_PIXELS,
        "em" | "rem" | "ch" | "ex" => number <= -MARGIN_PIXELS / 10.0,
        _ => false,
    }
}

/// An offset into the page, of the width of a page or a large part of it.
fn brings_back(value: &str) -> bool {
    let Some((number, unit)) = length(value) else { return false };
    match unit.to_ascii_lowercase().as_str() {
        "%" | "vw" | "vh" => number > 0.0,
        "px" | "pt" => number >= FAR_PIXELS,
        "em" | "rem" | "ch" | "ex" => number >= FAR_PIXELS / 10.0,
        _ => false,
    }
}

/// Whether letters of this size cannot be read; `None` for sizes that follow the surrounding one.
fn no_size(value: &str) -> Option<bool> {
    if is_zero(value) {
        return Some(true);
    }
    match length(value) {
        Some((number, unit)) => match unit.to_ascii_lowercase().as_str() {
            "px" => Some(number < 2.0),
            "pt" => Some(number < 1.5),
            "em" | "%" | "ex" => None,
            _ => Some(false),
        },
        None => {
            let relative = ["inherit", "larger", "smaller", "unset"];
            (!relative.iter().any(|word| value.eq_ignore_ascii_case(word))).then_some(false)
        }
    }
}

/// A colour as styles and attributes write it; `None` where it says that nothing changes.
pub(super) fn colour(value: &str) -> Option<Paint> {
    let value = value.trim().to_ascii_lowercase();
    if matches!(value.as_str(), "" | "inherit" | "initial" | "unset" | "transparent" | "none" | "currentcolor") {
        return None;
    }
    if let Some(hex) = value.strip_prefix('#') {
        return Some(hexadecimal(hex).unwrap_or(Paint::Unknown));
    }
    if let Some(arguments) = value.strip_prefix("rgb(").or_else(|| value.strip_prefix("rgba(")) {
        return Some(numbers(arguments));
    }
    // Attributes name colours without the mark too.
    if value.len() == 6
        && value.bytes().all(|b| b.is_ascii_hexdigit())
        && let Some(paint) = hexadecimal(&value)
    {
        return Some(paint);
    }
    let named = NAMED.iter().find(|(name, _)| *name == value);
    Some(named.map_or(Paint::Unknown, |(_, rgb)| Paint::Rgb(*rgb)))
}

fn hexadecimal(hex: &str) -> Option<Paint> {
    let digit =
        |at: usize| char::from(*hex.as_bytes().get(at)?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let channel = |at: usize| match hex.len() {
        3 | 4 => digit(at).map(|digit| digit.saturating_mul(17)),
        6 | 8 => Some(digit(at * 2)?.saturating_mul(16).saturating_add(digit(at * 2 + 1)?)),
        _ => None,
    };
    Some(Paint::Rgb([channel(0)?, channel(1)?, channel(2)?]))
}

/// `255, 255, 255)`; what is not opaque mixes with what is behind it and is not known.
fn numbers(arguments: &str) -> Paint {
    let mut values = arguments.trim_end_matches(')').split([',', ' ', '/']).filter(|part| !part.trim().is_empty());
    let mut channel = || values.next().and_then(|part| part.trim().parse::<u8>().ok());
    match (channel(), channel(), channel()) {
        (Some(red), Some(green), Some(blue)) => match values.next().map(str::trim) {
            None | Some("1" | "1.0" | "100%") => Paint::Rgb([red, green, blue]),
            Some(_) => Paint::Unknown,
        },
        _ => Paint::Unknown,
    }
}

/// The colour in a `background`; pictures and gradients hide it.
fn background(value: &str) -> Option<Paint> {
    let lower = value.to_ascii_lowercase();
    if lower.contains("url(") || lower.contains("gradient") {
        return Some(Paint::Unknown);
    }
    if lower.contains('(') {
        return colour(&lower);
    }
    let layout =
        ["none", "repeat", "no-repeat", "scroll", "fixed", "top", "left", "right", "bottom", "center", "cover"];
    let mut words = lower.split_whitespace().filter(|word| !layout.contains(word) && length(word).is_none());
    words.next().and_then(colour)
}

/// The least difference of a channel, of 255, that an eye sees on a screen.
const NO_DIFFERENCE: u8 = 12;
const FAR_PIXELS: f32 = 500.0;
const MARGIN_PIXELS: f32 = 2_000.0;
/// Declarations read of one style.
const MAX_DECLARATIONS: usize = 200;

/// The colour names of HTML 4 and what else mails use.
const NAMED: [(&str, [u8; 3]); 22] = [
    ("white", [255, 255, 255]),
    ("black", [0, 0, 0]),
    ("silver", [192, 192, 192]),
    ("gray", [128, 128, 128]),
    ("grey", [128, 128, 128]),
    ("red", [255, 0, 0]),
    ("maroon", [128, 0, 0]),
    ("yellow", [255, 255, 0]),
    ("olive", [128, 128, 0]),
    ("lime", [0, 255, 0]),
    ("green", [0, 128, 0]),
    ("aqua", [0, 255, 255]),
    ("teal", [0, 128, 128]),
    ("blue", [0, 0, 255]),
    ("navy", [0, 0, 128]),
    ("fuchsia", [255, 0, 255]),
    ("purple", [128, 0, 128]),
    ("whitesmoke", [245, 245, 245]),
    ("snow", [255, 250, 250]),
    ("ivory", [255, 255, 240]),
    ("lightgray", [211, 211, 211]),
    ("lightgrey", [211, 211, 211]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn look(style: &str) -> Look {
        let mut look = Look::default();
        look.read(style);
        look
    }

    #[test]
    fn colours_are_read_in_every_notation() {
        let white = Some(Paint::Rgb([255; 3]));
        for same in
            ["#fff", "#FFFFFF", "white", "rgb(255, 255, 255)", "rgb(255 255 255)", "ffffff", "rgba(255,255,255,1)"]
        {
            assert_eq!(colour(same), white, "{same}");
        }
        assert_eq!(colour("rgba(0,0,0,0.5)"), Some(Paint::Unknown));
        assert_eq!(colour("#12345"), Some(Paint::Unknown));
        assert_eq!(colour("transparent"), None);
        assert_eq!(look("background: #0066cc no-repeat").background, Some(Paint::Rgb([0, 0x66, 0xcc])));
        assert_eq!(look("background: #fff url(a.png)").background, Some(Paint::Unknown));
        assert_eq!(look("background: none").background, None);
    }

    #[test]
    fn what_is_out_of_sight_is_hidden_and_what_is_only_moved_is_not() {
        for hidden in [
            "position:absolute; left:-9999px",
            "text-indent:-999em",
            "text-indent:-500px",
            "margin-left:-9999px",
            "margin-top:-2000px;left:0",
            "opacity:0.0",
            "width:0;overflow:hidden",
            "Display : NONE !important",
        ] {
            assert!(look(hidden).is_hidden(), "{hidden}");
        }
        for shown in [
            "left:-9999px",
            "position:relative; top:-20px",
            "text-indent:-18.0pt",
            "margin-left:-8px",
            "margin-left:-500px",
            "margin-left:-100%",
            "position:absolute;left:50%;margin-left:-2400px",
            "height:0",
            "opacity:.5",
            "mso-hide:all",
            "display:none;display:block",
        ] {
            assert!(!look(shown).is_hidden(), "{shown}");
        }
    }
}
