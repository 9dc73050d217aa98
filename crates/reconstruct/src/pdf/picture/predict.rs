//! PNG predictors (ISO 32000-1, 7.4.4.4): rows as differences from their neighbours, where that packs better.

use std::io;

use super::super::deflate::Deflater;

/// Packs rows; says whether they were predicted.
pub(super) fn pack(
    rows: &[u8],
    stride: usize,
    channels: usize,
    deflater: &mut Deflater,
) -> io::Result<(Vec<u8>, bool)> {
    let predicted = pays(rows, stride, channels, deflater)?;
    let data = if predicted { predict(rows, stride, channels, deflater)? } else { deflater.pack(rows)? };
    Ok((data, predicted))
}

/// Tries both on a few rows from the middle.
fn pays(rows: &[u8], stride: usize, channels: usize, deflater: &mut Deflater) -> io::Result<bool> {
    let count = rows.len() / stride.max(1);
    let tried = (TRIED_BYTES / stride.max(1)).clamp(1, count.max(1));
    let start = count.saturating_sub(tried) / 2;
    let sample = rows.get(start.saturating_mul(stride)..).unwrap_or_default();
    let sample = sample.get(..tried.saturating_mul(stride)).unwrap_or(sample);
    let plain = deflater.pack(sample)?;
    let predicted = predict(sample, stride, channels, deflater)?;
    Ok(predicted.len() < plain.len())
}

fn predict(rows: &[u8], stride: usize, channels: usize, deflater: &mut Deflater) -> io::Result<Vec<u8>> {
    deflater.begin();
    let zeros = vec![0; stride];
    let mut above = zeros.as_slice();
    let mut candidates = [(1, Vec::new()), (2, Vec::new()), (4, Vec::new())];
    for row in rows.chunks_exact(stride.max(1)) {
        for (kind, line) in &mut candidates {
            filter(*kind, row, above, channels, line);
        }
        // The least sum of differences packs best (PNG, 12.8).
        if let Some((_, line)) = candidates.iter().min_by_key(|(_, line)| weight(line)) {
            deflater.push(line)?;
        }
        above = row;
    }
    deflater.end(&[])
}

/// A row with the number of its filter before it: 1 for the pixel before, 2 for that above, 4 for the nearest of three.
fn filter(kind: u8, row: &[u8], above: &[u8], channels: usize, line: &mut Vec<u8>) {
    line.clear();
    line.push(kind);
    let (head, tail) = row.split_at_checked(channels).unwrap_or((row, &[]));
    match kind {
        1 => {
            line.extend_from_slice(head);
            line.extend(tail.iter().zip(row).map(|(byte, left)| byte.wrapping_sub(*left)));
        }
        2 => line.extend(row.iter().zip(above).map(|(byte, up)| byte.wrapping_sub(*up))),
        _ => {
            line.extend(head.iter().zip(above).map(|(byte, up)| byte.wrapping_sub(*up)));
            let corners = above.get(channels..).unwrap_or_default().iter().zip(above);
            let around = tail.iter().zip(row).zip(corners);
            line.extend(around.map(|((byte, left), (up, corner))| byte.wrapping_sub(nearest(*left, *up, *corner))));
        }
    }
}

/// Paeth's predictor.
fn nearest(left: u8, up: u8, corner: u8) -> u8 {
    let [a, b, c] = [left, up, corner].map(i16::from);
    let guess = a + b - c;
    let (from_left, from_up, from_corner) = ((guess - a).abs(), (guess - b).abs(), (guess - c).abs());
    if from_left <= from_up && from_left <= from_corner {
        left
    } else if from_up <= from_corner {
        up
    } else {
        corner
    }
}

fn weight(line: &[u8]) -> u64 {
    line.iter().skip(1).map(|byte| u64::from((*byte).min(byte.wrapping_neg()))).sum()
}

const TRIED_BYTES: usize = 64 * 1024;
