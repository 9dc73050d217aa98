//! How much the rebuilt pages look like the originals: some pages of both, drawn small in rooms of their own, are compared.
//!
//! Both files are hostile here, ours too: each page image comes out of a dirty room as a verified form, and a room that fails
//! only means that the page has no figure. The measure is the structural similarity of Wang, Bovik, Sheikh and Simoncelli ("Image
//! quality assessment: from error visibility to structural similarity", 2004) over windows in which either page has ink: on a page that
//! is mostly white, counting the white would hide what is lost.

use std::time::Duration;

use form::codec::{Decoder, Event};
use form::image::PixelFormat;
use form::job::{DirtyJob, DirtyOp, Preview};
use form::name::FileName;
use form::reason::{Finding, Reason};
use futures_util::StreamExt;
use jail::{Source, Verdict};

use crate::assemble::SourceReader;
use crate::outcome::{Defer, PageSimilarity};
use crate::part::{Converted, Run, dirty_job};
use crate::rooms;

/// Looks at some of the `pages` of what was rebuilt beside those of the original; those that differ visibly are findings.
pub(crate) async fn compared(
    run: &Run<'_>,
    converted: &mut Converted,
    original: &Source,
    name: &FileName,
    rebuilt: &Source,
    pages: u32,
    most: u32,
) -> Result<(), Defer> {
    converted.similarity = measure(run, original, name, rebuilt, pages, most).await?;
    let differing = converted.similarity.iter().filter(|seen| seen.similarity < run.policy.similarity_flagged);
    let differing = differing.map(|seen| seen.page.saturating_add(1));
    converted.findings.extend(Finding::on_pages(Reason::FidelityLow, differing));
    Ok(())
}

/// Compares up to `most` pages, spread over the document. A page that cannot be drawn on both sides is left out.
async fn measure(
    run: &Run<'_>,
    original: &Source,
    name: &FileName,
    rebuilt: &Source,
    pages: u32,
    most: u32,
) -> Result<Vec<PageSimilarity>, Defer> {
    let compared: Vec<Result<Option<PageSimilarity>, Defer>> = futures_util::stream::iter(sample(pages, most))
        .map(|page| async move {
            let before = look(run, original.clone(), name, page).await?;
            let after = look(run, rebuilt.clone(), name, page).await?;
            Ok(before
                .zip(after)
                .map(|(before, after)| PageSimilarity { page, similarity: similarity(&before, &after) }))
        })
        .buffered(run.policy.parallel_parts)
        .collect()
        .await;
    compared.into_iter().filter_map(Result::transpose).collect()
}

/// One page in ten, at least one and at most `most`, from the first to the last evenly: drawing a page twice costs more than
/// rebuilding it.
fn sample(pages: u32, most: u32) -> Vec<u32> {
    let count = pages.div_ceil(PAGES_PER_SAMPLE).min(most);
    let span = u64::from(pages.saturating_sub(1));
    let gaps = u64::from(count.saturating_sub(1)).max(1);
    (0..count).map(|step| u32::try_from(u64::from(step).saturating_mul(span) / gaps).unwrap_or(u32::MAX)).collect()
}

/// One page as a small grey picture.
async fn look(run: &Run<'_>, source: Source, name: &FileName, page: u32) -> Result<Option<Grey>, Defer> {
    let job = DirtyJob {
        declared_name: Some(name.clone()),
        preview: Some(Preview { page, max_side: SIDE }),
        ..dirty_job(run, DirtyOp::Preview)
    };
    // The comparison is not the mail's business: it takes none of its time, and has little of its own.
    let limits = rooms::limits(run.policy, &run.budget, source.len);
    let limits = jail::JobLimits { deadline: limits.deadline.min(TIME), ..limits };
    let outcome = rooms::dirty(run.pool, source, &job, limits).await?;
    if outcome.verdict.is_abnormal() {
        run.budget.spend_on(&outcome.verdict, outcome.usage.wall);
    }
    let form = match (outcome.verdict, outcome.form) {
        (Verdict::Ok, Some(form)) => form.source(0, form.len()),
        _ => None,
    };
    Ok(form.and_then(|form| Grey::read(SourceReader::new(form), &run.policy.limits)))
}

/// A picture in shades of grey.
struct Grey {
    width: usize,
    height: usize,
    /// Rows from the top.
    pixels: Vec<u8>,
}

impl Grey {
    fn read(form: SourceReader, limits: &form::Limits) -> Option<Grey> {
        let mut decoder = Decoder::new(form, limits).ok()?;
        let (mut header, mut pixels) = (None, Vec::new());
        loop {
            match decoder.next().ok()? {
                // A hijacked room may send any picture that verifies.
                Event::Image(image) if image.width.max(image.height) > u32::from(SIDE) + 1 => return None,
                Event::Image(image) => header = Some(image),
                Event::Pixels(rows) => {
                    let channels = usize::from(header?.format.channels());
                    pixels.extend(rows.chunks_exact(channels).map(|pixel| brightness(pixel, header.map(|h| h.format))));
                }
                Event::End => break,
                _ => {}
            }
        }
        let header = header?;
        let (width, height) = (usize::try_from(header.width).ok()?, usize::try_from(header.height).ok()?);
        pixels.truncate(width.checked_mul(height)?);
        Some(Grey { width, height, pixels })
    }

    fn at(&self, x: usize, y: usize) -> f64 {
        f64::from(self.pixels.get(y.saturating_mul(self.width).saturating_add(x)).copied().unwrap_or(u8::MAX))
    }
}

/// Rec. 601 luma, over white where there is alpha.
fn brightness(pixel: &[u8], format: Option<PixelFormat>) -> u8 {
    let (color, alpha) = match (format, pixel) {
        (Some(PixelFormat::Gray8), [grey]) => ([*grey; 3], u8::MAX),
        (Some(PixelFormat::GrayA8), [grey, alpha]) => ([*grey; 3], *alpha),
        (Some(PixelFormat::Rgb8), [r, g, b]) => ([*r, *g, *b], u8::MAX),
        (Some(PixelFormat::Rgba8), [r, g, b, alpha]) => ([*r, *g, *b], *alpha),
        _ => ([u8::MAX; 3], u8::MAX),
    };
    let [r, g, b] = color.map(u32::from);
    let luma = (r * 299 + g * 587 + b * 114) / 1000;
    let over_white = (luma * u32::from(alpha) + 255 * (255 - u32::from(alpha))) / 255;
    u8::try_from(over_white).unwrap_or(u8::MAX)
}

/// 1 for pages that look the same, towards 0 for pages that have nothing in common.
fn similarity(a: &Grey, b: &Grey) -> f64 {
    if a.width.abs_diff(b.width) > 1 || a.height.abs_diff(b.height) > 1 {
        return 0.0;
    }
    let (width, height) = (a.width.min(b.width), a.height.min(b.height));
    let (mut sum, mut windows) = (0.0, 0_u32);
    for top in (0..height).step_by(STRIDE) {
        for left in (0..width).step_by(STRIDE) {
            let window = Window::of(a, b, left..width.min(left + WINDOW), top..height.min(top + WINDOW));
            if window.has_ink() {
                sum += window.similarity();
                windows = windows.saturating_add(1);
            }
        }
    }
    if windows == 0 { 1.0 } else { (sum / f64::from(windows)).clamp(0.0, 1.0) }
}

/// Means, variances and covariance of the same window of two pictures.
struct Window {
    mean: [f64; 2],
    variance: [f64; 2],
    covariance: f64,
}

impl Window {
    fn of(a: &Grey, b: &Grey, columns: std::ops::Range<usize>, rows: std::ops::Range<usize>) -> Window {
        let (mut n, mut sums, mut squares, mut product) = (0.0_f64, [0.0; 2], [0.0; 2], 0.0);
        for y in rows {
            for x in columns.clone() {
                let (p, q) = (a.at(x, y), b.at(x, y));
                n += 1.0;
                sums = [sums[0] + p, sums[1] + q];
                squares = [squares[0] + p * p, squares[1] + q * q];
                product += p * q;
            }
        }
        let n = n.max(1.0);
        let mean = sums.map(|sum| sum / n);
        Window {
            mean,
            variance: [squares[0] / n - mean[0] * mean[0], squares[1] / n - mean[1] * mean[1]],
            covariance: product / n - mean[0] * mean[1],
        }
    }

    fn has_ink(&self) -> bool {
        self.mean.iter().any(|mean| *mean < PAPER) || self.variance.iter().any(|variance| *variance > GRAIN)
    }

    fn similarity(&self) -> f64 {
        // The constants of the paper for 8 bits: (0.01·255)² and (0.03·255)².
        const C1: f64 = 6.5025;
        const C2: f64 = 58.5225;
        let [ma, mb] = self.mean;
        let [va, vb] = self.variance;
        (2.0 * ma * mb + C1) * (2.0 * self.covariance + C2) / ((ma * ma + mb * mb + C1) * (va + vb + C2))
    }
}

/// Pixels of the longer side: a line of text is a few pixels high, so a lost or moved line is seen, while drawing costs little.
const SIDE: u16 = 320;
/// For drawing one page; where it is too little, the page has no figure.
const TIME: Duration = Duration::from_secs(10);
const PAGES_PER_SAMPLE: u32 = 10;
const WINDOW: usize = 8;
const STRIDE: usize = 4;
/// Brighter than this on average, and smoother than the next, is empty paper.
const PAPER: f64 = 250.0;
const GRAIN: f64 = 4.0;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use form::DetectedType;
    use form::document::{ImageDoc, ImageFrame};
    use form::image::{FrameHeader, ImageHeader, ImageSource, Repeat, Sampling};
    use jail::Sealed;

    use super::*;

    fn page(width: usize, height: usize, ink: impl Fn(usize, usize) -> bool) -> Grey {
        let pixels = (0..width * height).map(|i| if ink(i % width, i / width) { 0 } else { 255 }).collect();
        Grey { width, height, pixels }
    }

    #[test]
    fn the_same_page_is_one_and_so_are_two_empty_ones() {
        let lines = page(64, 64, |x, y| y % 8 < 2 && x > 5);
        assert!((similarity(&lines, &lines) - 1.0).abs() < 1e-9);
        let empty = page(64, 64, |_, _| false);
        assert!((similarity(&empty, &empty) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_lost_paragraph_shows_though_most_of_the_page_is_white() {
        let full = page(200, 280, |x, y| y < 60 && y % 6 < 2 && x % 3 < 2);
        let half = page(200, 280, |x, y| y < 30 && y % 6 < 2 && x % 3 < 2);
        let figure = similarity(&full, &half);
        assert!(figure < 0.7, "{figure}");
    }

    #[test]
    fn pages_of_other_sizes_have_nothing_in_common() {
        let page = |width| page(width, 64, |x, _| x % 2 == 0);
        assert!(similarity(&page(64), &page(80)).abs() < f64::EPSILON);
        assert!(similarity(&page(64), &page(65)) > 0.9, "a rounded size is the same size");
    }

    /// The form of an empty page, as a dirty room sends it.
    fn drawn(width: u32, height: u32) -> SourceReader {
        let header = ImageHeader {
            width,
            height,
            frames: 1,
            format: PixelFormat::Gray8,
            density: None,
            source: ImageSource::Png,
            quality: None,
            sampling: Sampling::Full,
            repeat: Repeat::Forever,
        };
        let pixels = vec![255; usize::try_from(width * height).unwrap()];
        let frames = vec![ImageFrame { header: FrameHeader::default(), pixels }];
        let detected = DetectedType::parse("pdf").unwrap();
        let doc = ImageDoc { detected, header, frames, findings: Vec::new() };
        let form = doc.encode(Vec::new(), &form::Limits::default()).unwrap();
        SourceReader::new(Source::whole(Arc::new(Sealed::from_bytes(&form).unwrap())))
    }

    #[test]
    fn a_picture_larger_than_was_asked_for_is_no_page() {
        let side = u32::from(SIDE);
        let read = |width, height| Grey::read(drawn(width, height), &form::Limits::default());
        // Sizes are rounded up.
        for (width, height) in [(side + 1, 8), (8, side + 1), (1, 1)] {
            let grey = read(width, height).unwrap();
            assert_eq!(
                (grey.width, grey.height, grey.pixels.len()),
                (width as usize, height as usize, (width * height) as usize)
            );
        }
        for (width, height) in [(side + 2, 8), (8, side + 2), (4000, 4000)] {
            assert!(read(width, height).is_none(), "{width} x {height}");
        }
    }

    #[test]
    fn a_sample_holds_the_first_and_the_last_page() {
        for (pages, chosen) in [(1, vec![0]), (10, vec![0]), (11, vec![0, 10]), (100, vec![0, 49, 99])] {
            assert_eq!(sample(pages, 3), chosen, "{pages}");
        }
        assert_eq!(sample(0, 3), [0_u32; 0]);
    }
}
