//! Rows of one problem's kernel matrix, computed when asked for and kept as long as there is room.
//!
//! A problem has `len` points, of which some are active. A row holds the values for the active points, padded to whole vectors.
//! When points become inactive, kept rows shed their columns the next time they are used.

use std::collections::VecDeque;
use std::rc::Rc;

use super::kernel::{Function, Gram, Points};
use super::panels::{Panels, WIDTH};
use crate::simd::arch;

/// Where kernel values come from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Source<'a> {
    /// A matrix that holds them.
    Gram(&'a Gram),
    /// Points they are computed from.
    Points(&'a Points, &'a Function),
}

impl Source<'_> {
    fn diagonal(&self, point: usize) -> f32 {
        match self {
            Source::Gram(gram) => gram.row(point)[point],
            Source::Points(points, _) => points.diagonal[point],
        }
    }
}

/// A row of the kernel matrix and the columns it has.
struct Entry {
    row: Rc<Vec<f32>>,
    columns: Rc<Vec<u32>>,
    /// Whether it was used since the last search for room.
    used: bool,
}

/// The kernel matrix of one problem.
pub(super) struct Rows<'a> {
    source: Source<'a>,
    /// The number of each point in the source.
    at: Vec<usize>,
    all: Rc<Vec<u32>>,
    active: Rc<Vec<u32>>,
    /// The active points, where values are computed.
    panels: Option<Panels>,
    kept: Vec<Option<Entry>>,
    /// The kept rows in the order in which they are looked at when room is needed.
    queue: VecDeque<u32>,
    /// How many values are kept, and may be.
    values: usize,
    room: usize,
}

/// The length of a row of `count` values with its padding.
pub(super) fn padded(count: usize) -> usize {
    count.next_multiple_of(WIDTH)
}

impl<'a> Rows<'a> {
    /// The matrix for the points `at`; at most `bytes` of its rows are kept, but always a few.
    pub(super) fn new(source: Source<'a>, at: Vec<usize>, bytes: usize) -> Rows<'a> {
        let all: Rc<Vec<u32>> = Rc::new((0..at.len() as u32).collect());
        let mut rows = Rows {
            source,
            kept: at.iter().map(|_| None).collect(),
            at,
            active: Rc::clone(&all),
            all,
            panels: None,
            queue: VecDeque::new(),
            values: 0,
            room: bytes / size_of::<f32>(),
        };
        rows.lay_out();
        rows
    }

    /// The number of points, active or not.
    pub(super) fn len(&self) -> usize {
        self.at.len()
    }

    /// The active points, in increasing order.
    pub(super) fn active(&self) -> &[u32] {
        &self.active
    }

    /// The kernel of each active point with itself.
    pub(super) fn diagonal(&self) -> Vec<f32> {
        let own = self
            .active
            .iter()
            .map(|&point| self.source.diagonal(self.at[point as usize]));
        own.collect()
    }

    /// Makes only these of the points active, a part of those active now.
    pub(super) fn keep(&mut self, active: Vec<u32>) {
        self.active = Rc::new(active);
        self.lay_out();
    }

    /// Makes all points active.
    pub(super) fn restore(&mut self) {
        if self.active.len() == self.len() {
            return;
        }
        self.active = Rc::clone(&self.all);
        self.lay_out();
        // Rows that lack columns are of no more use.
        self.queue.retain(|&point| {
            let entry = &mut self.kept[point as usize];
            let whole = entry
                .as_ref()
                .is_some_and(|entry| Rc::ptr_eq(&entry.columns, &self.all));
            if !whole && let Some(entry) = entry.take() {
                self.values -= entry.row.len();
            }
            whole
        });
    }

    fn lay_out(&mut self) {
        self.panels = match self.source {
            Source::Gram(_) => None,
            Source::Points(points, _) => {
                let at = self.active.iter().map(|&point| self.at[point as usize]);
                Some(Panels::new(&points.x, at))
            }
        };
    }

    /// The kernel of a point (active or not) with every active point.
    pub(super) fn row(&mut self, point: u32) -> Rc<Vec<f32>> {
        if let Some(entry) = &mut self.kept[point as usize] {
            entry.used = true;
            if !Rc::ptr_eq(&entry.columns, &self.active) {
                let before = entry.row.len();
                entry.row = Rc::new(shed(&entry.row, &entry.columns, &self.active));
                entry.columns = Rc::clone(&self.active);
                self.values -= before - entry.row.len();
            }
            return Rc::clone(&entry.row);
        }
        let row = Rc::new(self.compute(point));
        self.make_room(row.len());
        self.values += row.len();
        self.queue.push_back(point);
        self.kept[point as usize] = Some(Entry {
            row: Rc::clone(&row),
            columns: Rc::clone(&self.active),
            used: true,
        });
        row
    }

    fn compute(&self, point: u32) -> Vec<f32> {
        let point = self.at[point as usize];
        match (self.source, &self.panels) {
            (Source::Points(points, function), Some(panels)) => {
                let values = points.x.row(point);
                panels.row(arch(), function, values.to_slice().expect("rows are contiguous"))
            }
            (Source::Points(..), None) => unreachable!("points are laid out whenever the active ones change"),
            (Source::Gram(gram), _) => {
                let row = gram.row(point);
                let mut values = Vec::with_capacity(padded(self.active.len()));
                values.extend(self.active.iter().map(|&other| row[self.at[other as usize]]));
                values.resize(padded(values.len()), 0.0);
                values
            }
        }
    }

    /// Drops rows that were not used for long (second chance: those used since the last look are spared once).
    fn make_room(&mut self, wanted: usize) {
        while self.values + wanted > self.room && self.queue.len() > 2 {
            let Some(point) = self.queue.pop_front() else {
                return;
            };
            match &mut self.kept[point as usize] {
                Some(entry) if entry.used => {
                    entry.used = false;
                    self.queue.push_back(point);
                }
                entry => {
                    if let Some(entry) = entry.take() {
                        self.values -= entry.row.len();
                    }
                }
            }
        }
    }
}

/// The values of a row that has the columns `from` at the columns `to`, a part of them.
fn shed(row: &[f32], from: &[u32], to: &[u32]) -> Vec<f32> {
    let mut values = Vec::with_capacity(padded(to.len()));
    let mut at = 0;
    for &column in to {
        while from[at] != column {
            at += 1;
        }
        values.push(row[at]);
    }
    values.resize(padded(to.len()), 0.0);
    values
}
