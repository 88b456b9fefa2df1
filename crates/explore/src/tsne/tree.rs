//! The quadtree that sums the repulsion of far points cell by cell (Barnes and Hut 1986).
//!
//! Cells lie in one list in the order of a walk down the tree, each with the place of what follows after it, so that a walk needs no
//! stack. Points are sorted along the Z-order curve and walk the tree eight at a time: a cell is opened when it is too near to any of the
//! eight, and the sums run over lanes that the compiler turns into vector instructions.

use crate::parallel;

/// Points that walk together.
const LANES: usize = 8;

/// Groups of lanes a thread takes at a time.
const GROUPS: usize = 16;

/// Halvings of the square; points that are still together then count as one place.
const DEPTH: u32 = 16;

/// A square with points in it.
#[derive(Clone, Copy)]
struct Cell {
    /// The mean of its points.
    centre: [f32; 2],
    /// How many they are.
    count: f32,
    /// Its squared width; 0 when it is not divided.
    width: f32,
    /// Where the walk goes on when it is not opened.
    next: u32,
}

/// A quadtree over points.
pub(super) struct Tree {
    cells: Vec<Cell>,
    /// The points in Z-order, with their numbers.
    sorted: Vec<([f32; 2], u32)>,
}

impl Tree {
    pub(super) fn of(points: &[[f32; 2]]) -> Tree {
        let bounds = |axis: usize| {
            points
                .iter()
                .fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), point| {
                    (low.min(point[axis]), high.max(point[axis]))
                })
        };
        let ((left, right), (bottom, top)) = (bounds(0), bounds(1));
        let width = (right - left).max(top - bottom).max(f32::MIN_POSITIVE);
        let scale = (f64::from(1_u32 << DEPTH) * (1.0 - 1e-9)) / f64::from(width);
        let cell = |value: f32, low: f32| (f64::from(value - low) * scale) as u32;
        let mut keys: Vec<(u32, u32)> = (0_u32..)
            .zip(points)
            .map(|(row, point)| (interleave(cell(point[0], left), cell(point[1], bottom)), row))
            .collect();
        keys.sort_unstable();
        let sorted = keys.iter().map(|&(_, row)| (points[row as usize], row)).collect();
        let mut tree = Tree {
            cells: Vec::with_capacity(2 * points.len()),
            sorted,
        };
        tree.divide(&keys, 0, 0, width);
        tree
    }

    /// Adds the cell of the points whose keys are given, of which the first has place `first`, and the cells within it; returns the sum
    /// of its points.
    fn divide(&mut self, keys: &[(u32, u32)], first: usize, depth: u32, width: f32) -> [f64; 2] {
        let place = self.cells.len();
        let divided = depth < DEPTH && keys.len() > 1;
        self.cells.push(Cell {
            centre: [0.0; 2],
            count: keys.len() as f32,
            width: if divided { width * width } else { 0.0 },
            next: 0,
        });
        let mut sum = [0.0; 2];
        if divided {
            let shift = 2 * (DEPTH - 1 - depth);
            let mut start = first;
            for quarter in keys.chunk_by(|a, b| a.0 >> shift == b.0 >> shift) {
                let part = self.divide(quarter, start, depth + 1, width / 2.0);
                sum = [sum[0] + part[0], sum[1] + part[1]];
                start += quarter.len();
            }
        } else {
            for (point, _) in &self.sorted[first..first + keys.len()] {
                sum = [sum[0] + f64::from(point[0]), sum[1] + f64::from(point[1])];
            }
        }
        let count = keys.len() as f64;
        self.cells[place].centre = [(sum[0] / count) as f32, (sum[1] / count) as f32];
        self.cells[place].next = self.cells.len() as u32;
        sum
    }

    /// For every point, its number and the sum over the others of difference over (1 + squared distance)²; and the sum over all
    /// ordered pairs of 1 / (1 + squared distance).
    pub(super) fn repulsion(&self, theta: f32, threads: usize) -> (Vec<(u32, [f32; 2])>, f64) {
        let groups = self.sorted.len().div_ceil(LANES);
        let mut pushes = vec![Group::default(); groups];
        parallel::for_blocks(threads, &mut pushes, GROUPS, |block, part| {
            for (offset, group) in part.iter_mut().enumerate() {
                *group = self.walk((block * GROUPS + offset) * LANES, theta * theta);
            }
        });
        let (mut result, mut total) = (Vec::with_capacity(self.sorted.len()), 0.0);
        for (members, group) in self.sorted.chunks(LANES).zip(&pushes) {
            for (lane, &(_, row)) in members.iter().enumerate() {
                result.push((row, [group.x[lane], group.y[lane]]));
                // The walk meets the point itself, at distance 0.
                total += f64::from(group.total[lane]) - 1.0;
            }
        }
        (result, total)
    }

    /// The sums of the points in places `first` to `first + LANES`.
    fn walk(&self, first: usize, theta: f32) -> Group {
        // Lanes beyond the last point repeat it, which opens no further cells.
        let member = |lane: usize| self.sorted[(first + lane).min(self.sorted.len() - 1)].0;
        let x: [f32; LANES] = std::array::from_fn(|lane| member(lane)[0]);
        let y: [f32; LANES] = std::array::from_fn(|lane| member(lane)[1]);
        let mut group = Group::default();
        let mut place = 0;
        while let Some(cell) = self.cells.get(place) {
            let dx: [f32; LANES] = std::array::from_fn(|lane| x[lane] - cell.centre[0]);
            let dy: [f32; LANES] = std::array::from_fn(|lane| y[lane] - cell.centre[1]);
            let square: [f32; LANES] = std::array::from_fn(|lane| dx[lane] * dx[lane] + dy[lane] * dy[lane]);
            let too_near = (0..LANES).fold(false, |any, lane| any | (cell.width > theta * square[lane]));
            if too_near {
                place += 1;
                continue;
            }
            for lane in 0..LANES {
                let q = 1.0 / (1.0 + square[lane]);
                let weight = cell.count * q;
                group.total[lane] += weight;
                group.x[lane] += weight * q * dx[lane];
                group.y[lane] += weight * q * dy[lane];
            }
            place = cell.next as usize;
        }
        group
    }
}

/// Sums for points that walk together.
#[derive(Clone, Copy, Default)]
struct Group {
    x: [f32; LANES],
    y: [f32; LANES],
    total: [f32; LANES],
}

/// The place of a cell on the Z-order curve: the bits of both numbers by turns.
fn interleave(x: u32, y: u32) -> u32 {
    let spread = |v: u32| {
        let v = (v | (v << 8)) & 0x00FF_00FF;
        let v = (v | (v << 4)) & 0x0F0F_0F0F;
        let v = (v | (v << 2)) & 0x3333_3333;
        (v | (v << 1)) & 0x5555_5555
    };
    spread(x & 0xFFFF) | (spread(y & 0xFFFF) << 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exact(points: &[[f32; 2]]) -> (Vec<[f64; 2]>, f64) {
        let mut total = 0.0;
        let of = |a: &[f32; 2]| {
            points.iter().fold([0.0, 0.0, 0.0], |sum, b| {
                let (dx, dy) = (f64::from(a[0] - b[0]), f64::from(a[1] - b[1]));
                let q = 1.0 / (1.0 + dx * dx + dy * dy);
                [sum[0] + q * q * dx, sum[1] + q * q * dy, sum[2] + q]
            })
        };
        let pushes = points.iter().map(|a| {
            let [x, y, q] = of(a);
            total += q - 1.0;
            [x, y]
        });
        (pushes.collect(), total)
    }

    fn cloud() -> Vec<[f32; 2]> {
        let at = |i: usize| {
            [
                (i as f32 * 0.37).sin() * (i % 30) as f32,
                (i as f32 * 1.7).cos() * 20.0,
            ]
        };
        (0..501).map(at).collect()
    }

    #[test]
    fn with_theta_zero_the_sums_are_exact_and_otherwise_near() {
        let points = cloud();
        let (pushes, total) = exact(&points);
        for (theta, tolerance) in [(0.0, 1e-4), (0.5, 0.1)] {
            let (found, sum) = Tree::of(&points).repulsion(theta, 2);
            assert!((sum / total - 1.0).abs() < tolerance);
            for (row, push) in found {
                let expected = pushes[row as usize];
                let size = expected[0].hypot(expected[1]).max(1.0);
                assert!((f64::from(push[0]) - expected[0]).abs() < tolerance * size);
                assert!((f64::from(push[1]) - expected[1]).abs() < tolerance * size);
            }
        }
    }

    #[test]
    fn points_in_one_place_do_no_harm() {
        let (pushes, total) = Tree::of(&[[1.0, 1.0]; 20]).repulsion(0.5, 1);
        assert_eq!(total, 380.0);
        assert!(pushes.iter().all(|(_, push)| *push == [0.0, 0.0]));
    }
}
