//! Little-endian numbers out of records, and numbers brought into range.

use kurbo::Point;

/// Bytes of a record; everything behind its end reads as nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.0.get(at..at.checked_add(N)?)?.try_into().ok()
    }

    pub(super) fn u8(self, at: usize) -> Option<u8> {
        self.0.get(at).copied()
    }

    pub(super) fn u16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_le_bytes)
    }

    pub(super) fn i16(self, at: usize) -> Option<i16> {
        self.array(at).map(i16::from_le_bytes)
    }

    pub(super) fn u32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_le_bytes)
    }

    pub(super) fn i32(self, at: usize) -> Option<i32> {
        self.array(at).map(i32::from_le_bytes)
    }

    /// A float that is a number; infinities read as nothing.
    pub(super) fn f32(self, at: usize) -> Option<f64> {
        self.array(at).map(f32::from_le_bytes).filter(|value| value.is_finite()).map(f64::from)
    }

    /// An offset or a count.
    pub(super) fn at(self, at: usize) -> Option<usize> {
        self.u32(at).map(index)
    }

    pub(super) fn from(self, at: usize) -> Option<Bytes<'a>> {
        self.0.get(at..).map(Bytes)
    }

    pub(super) fn slice(self, at: usize, len: usize) -> Option<&'a [u8]> {
        self.0.get(at..at.checked_add(len)?)
    }

    /// Two numbers of 16 bits.
    pub(super) fn point16(self, at: usize) -> Option<Point> {
        Some(Point::new(self.i16(at)?.into(), self.i16(at.checked_add(2)?)?.into()))
    }

    /// Two numbers of 32 bits.
    pub(super) fn point32(self, at: usize) -> Option<Point> {
        Some(Point::new(self.i32(at)?.into(), self.i32(at.checked_add(4)?)?.into()))
    }

    /// Red, green, blue of a COLORREF ([MS-WMF] 2.2.2.8). Its fourth byte tells a palette index, which nobody can look up.
    pub(super) fn color(self, at: usize) -> Option<[u8; 3]> {
        self.array(at)
    }
}

/// An index of 32 bits.
pub(super) fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

/// A length as a cost.
pub(super) fn cost(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// The nearest whole number; what is no number becomes 0.
#[allow(clippy::cast_possible_truncation, reason = "the cast saturates, and NaN becomes 0")]
pub(super) fn whole(value: f64) -> i32 {
    // Rounding by the library is a call for each value on processors of the oldest kind, for which this is built.
    let near = value as i32;
    let rest = value - f64::from(near);
    near.saturating_add(i32::from(rest >= 0.5)).saturating_sub(i32::from(rest <= -0.5))
}

/// The whole number below; what is no number becomes 0.
#[allow(clippy::cast_possible_truncation, reason = "the cast saturates, and NaN becomes 0")]
pub(super) fn floor(value: f64) -> i32 {
    let near = value as i32;
    near.saturating_sub(i32::from(f64::from(near) > value))
}

/// A place in a row or column; what is negative becomes 0.
pub(super) fn place(value: i32) -> usize {
    usize::try_from(value).unwrap_or(0)
}

/// An extent as a whole number of 32 bits.
pub(super) fn signed(value: usize) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// A channel between 0 and 255.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, and NaN becomes 0")]
pub(super) fn channel(value: f64) -> u8 {
    let near = value as u8;
    near.saturating_add(u8::from(value - f64::from(near) >= 0.5))
}

/// A number of pixels, at least 1.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, and NaN becomes 0")]
pub(super) fn pixels(value: f64) -> u32 {
    (value.round() as u32).max(1)
}

/// `value * part / 255`, rounded.
pub(super) fn share(value: u8, part: u8) -> u8 {
    let product = u32::from(value).saturating_mul(part.into()).saturating_add(127);
    u8::try_from(product.checked_div(255).unwrap_or(0)).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "what the library rounds to, as it saturates"
    )]
    fn numbers_are_rounded_as_the_library_does() {
        let odd = [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1e300,
            -1e300,
            f64::MIN_POSITIVE,
            -0.0,
            0.499_999_999_999_999_94,
        ];
        let ends =
            [2_147_483_646.5, 2_147_483_647.0, 2_147_483_648.0, -2_147_483_648.0, -2_147_483_648.5, -2_147_483_649.0];
        let steps = (-2_000..2_000).map(|step| f64::from(step) / 8.0);
        for value in odd.into_iter().chain(ends).chain(steps) {
            assert_eq!(whole(value), value.round() as i32, "{value}");
            assert_eq!(floor(value), value.floor() as i32, "{value}");
            assert_eq!(channel(value), value.round() as u8, "{value}");
        }
    }
}
