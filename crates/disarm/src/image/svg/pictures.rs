//! Pictures inside a drawing, read as those that come alone are.

use std::io::Cursor;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use form::image::PixelFormat;
use form::job::{DirtyJob, Opened, Preview};
use form::{DetectedType, Findings, Limits, Place, Reason};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder};
use resvg::usvg::{ImageHrefResolver, ImageKind};

use crate::detect::picture_source;
use crate::room::Part;

/// What has been read. The library asks for a picture each time that it stands in the drawing.
pub(super) struct Pictures {
    job: DirtyJob,
    pixels: AtomicU64,
    lost: AtomicU32,
    described: AtomicBool,
}

impl Pictures {
    pub(super) fn new(job: &DirtyJob) -> Pictures {
        let limits = Limits { pixels: job.limits.pixels.min(MAX_PIXELS), ..job.limits.clone() };
        let job = DirtyJob { limits, passwords: Vec::new(), preview: None, ..job.clone() };
        Pictures { job, pixels: AtomicU64::new(0), lost: AtomicU32::new(0), described: AtomicBool::new(false) }
    }

    /// Data in the address is read here; what is elsewhere is not looked for.
    pub(super) fn resolver(&self) -> ImageHrefResolver<'_> {
        ImageHrefResolver {
            resolve_data: Box::new(|_, data, _| {
                let kind = self.read(&data);
                if kind.is_none() {
                    self.lost.fetch_add(1, Ordering::Relaxed);
                }
                kind
            }),
            resolve_string: Box::new(|_, _| None),
        }
    }

    pub(super) fn note(&self, part: &mut Part<'_>) {
        part.findings.add_many(Reason::PictureUndecodable, self.lost.load(Ordering::Relaxed), Place::default());
        if self.described.load(Ordering::Relaxed) {
            part.findings.add(Reason::Metadata, Place::new("pictures"));
        }
    }

    fn read(&self, data: &[u8]) -> Option<ImageKind> {
        let source = picture_source(data)?;
        let left = MAX_ALL_PIXELS.checked_sub(self.pixels.load(Ordering::Relaxed))?;
        let limits = Limits { pixels: self.job.limits.pixels.min(left), ..self.job.limits.clone() };
        let job = DirtyJob { limits: limits.clone(), ..self.job.clone() };
        let findings = Findings::new(limits.findings);
        let part = Part { input: data, job: &job, detected: DetectedType::UNKNOWN, findings, opened: Opened::NONE };
        let mut form = Vec::new();
        crate::image::disarm(part, source, &mut form).ok()?;
        let first = Preview { page: 0, max_side: u16::MAX };
        let (header, pixels) = crate::image::preview::frame(&form, source, first, &limits).ok()?;
        self.described.fetch_or(crate::image::preview::is_described(&form, &limits), Ordering::Relaxed);
        let area = u64::from(header.width).saturating_mul(header.height.into());
        self.pixels.fetch_add(area, Ordering::Relaxed);
        let colour = match header.format {
            PixelFormat::Gray8 => ExtendedColorType::L8,
            PixelFormat::GrayA8 => ExtendedColorType::La8,
            PixelFormat::Rgb8 => ExtendedColorType::Rgb8,
            PixelFormat::Rgba8 => ExtendedColorType::Rgba8,
        };
        let mut png = Cursor::new(Vec::new());
        // The library takes files only; this one lives until it is drawn.
        let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Fast, FilterType::NoFilter);
        encoder.write_image(&pixels, header.width, header.height, colour).ok()?;
        Some(ImageKind::PNG(Arc::new(png.into_inner())))
    }
}

/// Pixels of one picture, and of all each time that they are asked for.
const MAX_PIXELS: u64 = 50_000_000;
const MAX_ALL_PIXELS: u64 = 200_000_000;
