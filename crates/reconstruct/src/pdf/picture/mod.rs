//! Pictures as image XObjects (ISO 32000-1, 8.9.5).
//!
//! How many pixels a page can show is known when the picture is placed, so pixels wait for the end of the page that places
//! them and are reduced to what policy allows there. Bits are packed as soon as they are complete: they are small, and
//! reducing them would blur letters. What waits is bounded; when it grows too much, the oldest goes out as it is.

mod arithmetic;
mod encode;
mod fax;
mod jbig2;
mod predict;
mod reduce;

use form::job::PagesOutput;
use form::pages::{PictureHeader, PictureLayout};
use form::{Findings, Place, Reason};

use self::encode::Encoded;
use super::file::File;
use super::grammar::{Key, Name};
use super::syntax::Ref;
use crate::error::Error;

/// The pictures of a document.
pub(super) struct Pictures {
    policy: PagesOutput,
    pictures: Vec<Picture>,
    /// Numbers of those that wait, the oldest first.
    waiting: Vec<u32>,
    /// Those of bits that were written in one role and may be wanted in the other, the oldest first.
    parked: Vec<u32>,
    /// Bytes that wait or are parked.
    held: u64,
    /// A picture asks to be smoothed, which PDF/A forbids.
    pub(super) smoothed: bool,
}

/// What a picture is used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Its colours, or the opacity of another.
    Picture,
    /// What paint goes through.
    Stencil,
}

struct Picture {
    header: PictureHeader,
    held: Held,
    /// The largest width and height that it is shown with, in points.
    extent: Option<[f64; 2]>,
    picture: Use,
    stencil: Use,
    parked: bool,
}

#[derive(Default)]
struct Use {
    wanted: bool,
    written: bool,
    object: Option<Ref>,
}

enum Held {
    Pixels(Vec<u8>),
    Packed(Encoded),
    Nothing,
}

impl Pictures {
    pub(super) fn new(policy: PagesOutput) -> Pictures {
        Pictures { policy, pictures: Vec::new(), waiting: Vec::new(), parked: Vec::new(), held: 0, smoothed: false }
    }

    /// Takes the next picture, whose pixels follow.
    pub(super) fn begin(&mut self, header: PictureHeader) {
        let number = u32::try_from(self.pictures.len()).unwrap_or(u32::MAX);
        // The verifier has bounded the size; pages of memory are taken only as pixels arrive.
        let bytes = usize::try_from(header.picture_bytes()).unwrap_or(0);
        let held = Held::Pixels(Vec::with_capacity(bytes));
        let (picture, stencil) = (Use::default(), Use::default());
        self.pictures.push(Picture { header, held, extent: None, picture, stencil, parked: false });
        self.waiting.push(number);
    }

    /// Takes the next rows of the last picture.
    pub(super) fn pixels(
        &mut self,
        rows: &[u8],
        file: &mut File<'_, '_>,
        findings: &mut Findings,
    ) -> Result<(), Error> {
        let Some(picture) = self.pictures.last_mut() else { return Err(Reason::FormInvalid.into()) };
        let Held::Pixels(pixels) = &mut picture.held else { return Err(Reason::FormInvalid.into()) };
        pixels.extend_from_slice(rows);
        if size(pixels.len()) < picture.header.picture_bytes() {
            return Ok(());
        }
        if picture.header.layout == PictureLayout::Bits {
            let PictureHeader { width, height, .. } = picture.header;
            picture.held = Held::Packed(encode::bits(pixels, width, height, &mut file.deflater)?);
        }
        self.held = self.held.saturating_add(picture.held.bytes());
        while self.held > MOST_HELD && self.waiting.len() > 1 {
            // Packed ones are small, and may yet be wanted as a picture, a stencil or both.
            let newest = self.waiting.len().saturating_sub(1);
            let large = |number: &u32| self.picture(*number).is_some_and(|held| matches!(held.held, Held::Pixels(_)));
            let found = self.waiting.iter().take(newest).position(large);
            let oldest = self.waiting.remove(found.unwrap_or(0));
            if let Some(picture) = self.picture_mut(oldest) {
                let packed = matches!(picture.held, Held::Packed(_)) && picture.header.alpha.is_none();
                picture.picture.wanted |= packed || !picture.stencil.wanted;
                picture.stencil.wanted |= packed;
            }
            self.write(oldest, file, findings, None)?;
        }
        while self.held > MOST_HELD && !self.parked.is_empty() {
            let oldest = self.parked.remove(0);
            if let Some(picture) = self.picture_mut(oldest) {
                (picture.picture.wanted, picture.stencil.wanted) = (true, true);
            }
            self.write(oldest, file, findings, None)?;
        }
        Ok(())
    }

    /// Whether what is below a picture shows through it.
    pub(super) fn is_transparent(&self, picture: u32) -> bool {
        let picture = usize::try_from(picture).ok().and_then(|number| self.pictures.get(number));
        picture.is_some_and(|picture| picture.header.alpha.is_some())
    }

    /// Notes that a picture is shown so large. Says whether it can be: one that was written because too much waited is not
    /// here any more for another role.
    pub(super) fn used(&mut self, picture: u32, role: Role, extent: [f64; 2]) -> bool {
        let Some(used) = self.picture_mut(picture) else { return false };
        let alpha = used.header.alpha;
        let shown = used.see(role, extent);
        if used.parked && !used.role(role).written {
            used.parked = false;
            self.parked.retain(|parked| *parked != picture);
            self.waiting.push(picture);
        }
        if let Some(alpha) = alpha.and_then(|alpha| self.picture_mut(alpha)) {
            alpha.see(Role::Picture, extent);
        }
        shown
    }

    /// The object of a picture in a role.
    pub(super) fn object(&mut self, picture: u32, role: Role, file: &mut File<'_, '_>) -> Option<Ref> {
        let uses = self.picture_mut(picture)?.role(role);
        Some(*uses.object.get_or_insert_with(|| file.reserve()))
    }

    /// Writes the pictures that content has named so far, on a page of that number or on none; the first is 1.
    pub(super) fn write_used(
        &mut self,
        file: &mut File<'_, '_>,
        findings: &mut Findings,
        page: Option<u32>,
    ) -> Result<(), Error> {
        // The newest first: a picture is reduced with its opacity at hand, which came before it.
        let mut waiting = std::mem::take(&mut self.waiting);
        for number in waiting.iter().rev() {
            self.write(*number, file, findings, page)?;
        }
        waiting.retain(|number| {
            let picture = usize::try_from(*number).ok().and_then(|number| self.pictures.get(number));
            picture.is_some_and(|picture| !picture.parked && !matches!(picture.held, Held::Nothing))
        });
        self.waiting = waiting;
        Ok(())
    }

    /// Writes a picture in the roles that are wanted of it, if any.
    fn write(
        &mut self,
        number: u32,
        file: &mut File<'_, '_>,
        findings: &mut Findings,
        page: Option<u32>,
    ) -> Result<(), Error> {
        let policy = self.policy;
        let Some(picture) = self.picture_mut(number) else { return Ok(()) };
        let (header, extent) = (picture.header, picture.extent);
        let roles = [Role::Picture, Role::Stencil].map(|role| {
            let uses = picture.role(role);
            (role, uses.wanted && !uses.written)
        });
        if roles.iter().all(|(_, wanted)| !wanted) {
            return Ok(());
        }
        let held = std::mem::replace(&mut picture.held, Held::Nothing);
        self.held = self.held.saturating_sub(held.bytes());
        let encoded = match held {
            Held::Nothing => return Ok(()),
            Held::Packed(encoded) => encoded,
            Held::Pixels(pixels) => match reduce::fitting(&header, extent, policy.density) {
                None => encode::pixels(pixels, &header, policy.photo_quality, &mut file.deflater)?,
                Some((width, height)) => {
                    match page {
                        Some(page) => findings.add_on_page(Reason::PictureReduced, 1, page),
                        None => findings.add(Reason::PictureReduced, Place::default()),
                    }
                    let pixels = match self.opacity(&header) {
                        Some(opacity) => reduce::reduced_through(pixels, opacity, &header, width, height),
                        None => reduce::reduced(&pixels, &header, width, height),
                    };
                    let header = PictureHeader { width, height, ..header };
                    encode::pixels(pixels, &header, policy.photo_quality, &mut file.deflater)?
                }
            },
        };
        self.smoothed |= header.interpolate;
        let alpha = header.alpha.and_then(|alpha| self.object(alpha, Role::Picture, file));
        for (role, wanted) in roles {
            // Asking for an object makes one, and what was made must be written.
            if !wanted {
                continue;
            }
            let Some(object) = self.object(number, role, file) else { continue };
            file.stream(object, encoded.packing, &encoded.data, |image| {
                image.key(Key::Type).name(Name::XObject);
                image.key(Key::Subtype).name(Name::Image);
                image.key(Key::Width).integer(encoded.width);
                image.key(Key::Height).integer(encoded.height);
                match role {
                    Role::Picture => encoded.color_space(image),
                    Role::Stencil => {
                        // The form paints where bits are 1, a stencil where they are 0 (ISO 32000-1, 8.9.6.2).
                        image.key(Key::ImageMask).boolean(true);
                        image.key(Key::Decode).array(|array| [1, 0].into_iter().for_each(|value| array.integer(value)));
                    }
                }
                image.key(Key::BitsPerComponent).integer(encoded.bits);
                if header.interpolate {
                    image.key(Key::Interpolate).boolean(true);
                }
                if let (Some(alpha), Role::Picture) = (alpha, role) {
                    image.key(Key::SMask).reference(alpha);
                }
                encoded.parameters(image);
            })?;
            if let Some(picture) = self.picture_mut(number) {
                picture.role(role).written = true;
            }
        }
        self.park(number, encoded);
        Ok(())
    }

    /// Keeps bits that were written in one role: they are small, and a later page may want them in the other.
    fn park(&mut self, number: u32, encoded: Encoded) {
        let Some(picture) = self.picture_mut(number) else { return };
        let both = picture.picture.written && picture.stencil.written;
        picture.parked = picture.header.layout == PictureLayout::Bits && picture.header.alpha.is_none() && !both;
        if picture.parked {
            picture.held = Held::Packed(encoded);
            let bytes = picture.held.bytes();
            self.held = self.held.saturating_add(bytes);
            self.parked.push(number);
        }
    }

    /// The opacity of a picture, where it waits and has as many pixels.
    fn opacity(&self, header: &PictureHeader) -> Option<&[u8]> {
        let alpha = self.pictures.get(usize::try_from(header.alpha?).ok()?)?;
        let same = alpha.header.width == header.width && alpha.header.height == header.height;
        match &alpha.held {
            Held::Pixels(pixels) if same => Some(pixels),
            Held::Pixels(_) | Held::Packed(_) | Held::Nothing => None,
        }
    }

    fn picture(&self, number: u32) -> Option<&Picture> {
        self.pictures.get(usize::try_from(number).ok()?)
    }

    fn picture_mut(&mut self, number: u32) -> Option<&mut Picture> {
        self.pictures.get_mut(usize::try_from(number).ok()?)
    }
}

impl Picture {
    fn role(&mut self, role: Role) -> &mut Use {
        match role {
            Role::Picture => &mut self.picture,
            Role::Stencil => &mut self.stencil,
        }
    }

    fn see(&mut self, role: Role, [width, height]: [f64; 2]) -> bool {
        let gone = matches!(self.held, Held::Nothing);
        let uses = self.role(role);
        if gone {
            return uses.object.is_some();
        }
        uses.wanted = true;
        let [known_width, known_height] = self.extent.unwrap_or_default();
        self.extent = Some([known_width.max(width), known_height.max(height)]);
        true
    }
}

impl Held {
    fn bytes(&self) -> u64 {
        match self {
            Held::Pixels(pixels) => size(pixels.len()),
            Held::Packed(encoded) => size(encoded.data.len()),
            Held::Nothing => 0,
        }
    }
}

fn size(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

/// Two large scans, an eighth of what a room has.
const MOST_HELD: u64 = 128 * 1024 * 1024;
