//! Laying matrices out in tiles of rounded pairs.
//!
//! A tile of the left factor is 16 rows of 16 pairs of neighbours in the row; one of the right factor is 16 pairs of rows by 16 columns.

use crate::{BLOCK, DEPTH, Matrix, SIDE, TILE};

/// The upper half of a number, rounded to the nearest, to even where two are as near; what is no number stays none.
#[inline(always)]
fn rounded(value: f32) -> u32 {
    let bits = value.to_bits();
    let up = bits.wrapping_add(0x7FFF + ((bits >> 16) & 1)) >> 16;
    match value.is_nan() {
        true => (bits >> 16) | 0x40,
        false => up,
    }
}

#[inline(always)]
fn pair(first: f32, second: f32) -> u32 {
    rounded(first) | (rounded(second) << 16)
}

/// The left factor: strips of 16 rows, tiles along the row; an even number of strips.
#[inline(always)]
pub(crate) fn left(a: Matrix<'_>, out: &mut Vec<u32>) {
    let [down, right] = a.steps;
    let deep = a.columns.div_ceil(DEPTH);
    size(out, a.rows.div_ceil(BLOCK) * 2 * deep * TILE);
    for (row, strip) in (0..a.rows).step_by(SIDE).zip(out.chunks_exact_mut(deep * TILE)) {
        let rows = SIDE.min(a.rows - row);
        for (column, tile) in (0..a.columns).step_by(DEPTH).zip(strip.chunks_exact_mut(TILE)) {
            let columns = DEPTH.min(a.columns - column);
            let corner = &a.values[row * down + column * right..];
            if right == 1 {
                for (at, out) in tile.chunks_exact_mut(SIDE).take(rows).enumerate() {
                    along(&corner[at * down..][..columns], out);
                }
            } else {
                let mut turned = [0; TILE];
                pairs_of_rows(corner, right, columns, rows, &mut turned);
                turn(&turned, tile);
            }
        }
        if rows < SIDE && right != 1 {
            clear(strip, rows);
        }
    }
}

/// The right factor: panels of 16 columns, tiles down the column; an even number of panels.
#[inline(always)]
pub(crate) fn right(b: Matrix<'_>, out: &mut Vec<u32>) {
    let [down, right] = b.steps;
    let deep = b.rows.div_ceil(DEPTH);
    size(out, b.columns.div_ceil(BLOCK) * 2 * deep * TILE);
    for (column, panel) in (0..b.columns)
        .step_by(SIDE)
        .zip(out.chunks_exact_mut(deep * TILE))
    {
        let columns = SIDE.min(b.columns - column);
        for (row, tile) in (0..b.rows).step_by(DEPTH).zip(panel.chunks_exact_mut(TILE)) {
            let rows = DEPTH.min(b.rows - row);
            let corner = &b.values[row * down + column * right..];
            if right == 1 {
                pairs_of_rows(corner, down, rows, columns, tile);
            } else {
                let mut turned = [0; TILE];
                for (at, out) in turned.chunks_exact_mut(SIDE).take(columns).enumerate() {
                    along(&corner[at * right..][..rows], out);
                }
                turn(&turned, tile);
            }
        }
    }
}

/// As long as that, all zeros where nothing will be written.
#[inline(always)]
fn size(out: &mut Vec<u32>, length: usize) {
    out.clear();
    out.resize(length, 0);
}

/// Pairs of neighbours.
#[inline(always)]
fn along(values: &[f32], out: &mut [u32]) {
    let (pairs, rest) = values.as_chunks::<2>();
    for (out, [first, second]) in out.iter_mut().zip(pairs) {
        *out = pair(*first, *second);
    }
    if let [last] = rest {
        out[pairs.len()] = pair(*last, 0.0);
    }
}

/// Pairs of rows `stride` apart, of which there are `rows` with `columns` numbers each.
#[inline(always)]
fn pairs_of_rows(values: &[f32], stride: usize, rows: usize, columns: usize, out: &mut [u32]) {
    for (at, out) in out.chunks_exact_mut(SIDE).take(rows.div_ceil(2)).enumerate() {
        let first = &values[2 * at * stride..][..columns];
        if 2 * at + 1 < rows {
            let second = &values[(2 * at + 1) * stride..][..columns];
            for ((out, first), second) in out.iter_mut().zip(first).zip(second) {
                *out = pair(*first, *second);
            }
        } else {
            for (out, first) in out.iter_mut().zip(first) {
                *out = pair(*first, 0.0);
            }
        }
    }
}

/// Rows become columns.
#[inline(always)]
fn turn(tile: &[u32; TILE], out: &mut [u32]) {
    for (row, values) in tile.chunks_exact(SIDE).enumerate() {
        for (column, value) in values.iter().enumerate() {
            out[column * SIDE + row] = *value;
        }
    }
}

/// Rows from `rows` on become zeros in all tiles.
#[inline(always)]
fn clear(strip: &mut [u32], rows: usize) {
    for tile in strip.chunks_exact_mut(TILE) {
        tile[rows * SIDE..].fill(0);
    }
}
