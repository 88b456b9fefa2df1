//! A network in the midst of a piece: one place at a time, keys and values of the places before kept.

use pulp::{Arch, Simd, WithSimd};

use super::maths::{dot, exp_row, largest, log_softmax, norm, squared_rectifier};
use super::rotary::Turns;
use super::weights::{Places, layer, places};
use super::{Shape, Weights};
use crate::model::Reader;
use crate::steps::{Steps, Walk};

/// Keys and values of the places before.
#[derive(Debug, Clone, Default)]
struct Cache {
    keys: Vec<f32>,
    values: Vec<f32>,
}

/// Reads a piece step by step.
#[derive(Debug, Clone)]
pub struct TransformerReader<'a> {
    shape: &'a Shape,
    weights: &'a Weights,
    steps: &'a Steps,
    places: Places,
    /// Places that are looked back at.
    context: usize,
    controls: Vec<u16>,
    caches: Vec<Cache>,
    walk: Walk,
    /// The place that is at work, and the fields of the next step that are known.
    place: usize,
    stage: usize,
    fields: Vec<u16>,
    x: Vec<f32>,
    told: Vec<f32>,
    room: [Vec<f32>; 4],
}

/// `out += x W`, with `W` in rows of `out.len()`.
struct Row<'a> {
    x: &'a [f32],
    weights: &'a [f32],
    out: &'a mut [f32],
}

/// Rows of a matrix that are added at once.
const AT_ONCE: usize = 8;

impl WithSimd for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.out.len();
        let mut rows = self.weights.chunks_exact(AT_ONCE * width);
        let (xs, rest) = self.x.as_chunks::<AT_ONCE>();
        for (x, rows) in xs.iter().zip(rows.by_ref()) {
            let mut row = rows.chunks_exact(width);
            let rows: [&[f32]; AT_ONCE] = std::array::from_fn(|_| row.next().unwrap_or_default());
            let rows = rows.map(|row| &row[..width]);
            for (i, out) in self.out.iter_mut().enumerate() {
                let mut sum = *out;
                for at in 0..AT_ONCE {
                    sum += x[at] * rows[at][i];
                }
                *out = sum;
            }
        }
        for (x, row) in rest.iter().zip(rows.remainder().chunks_exact(width)) {
            for (out, value) in self.out.iter_mut().zip(row) {
                *out += x * value;
            }
        }
    }
}

fn row_times(x: &[f32], weights: &[f32], out: &mut Vec<f32>, columns: usize) {
    out.clear();
    out.resize(columns, 0.0);
    Arch::new().dispatch(Row { x, weights, out });
}

/// One place's attention to the places kept.
struct Attend<'a> {
    query: &'a [f32],
    cache: &'a Cache,
    from: usize,
    heads: usize,
    scores: &'a mut Vec<f32>,
    out: &'a mut [f32],
}

impl WithSimd for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let width = self.query.len();
        let head = width / self.heads;
        let keys = &self.cache.keys[self.from * width..];
        let values = &self.cache.values[self.from * width..];
        let scale = 1.0 / (head as f32).sqrt();
        self.scores.clear();
        self.scores.resize(keys.len() / width, 0.0);
        for h in 0..self.heads {
            let own = h * head..(h + 1) * head;
            let query = &self.query[own.clone()];
            for (score, key) in self.scores.iter_mut().zip(keys.chunks_exact(width)) {
                *score = scale * dot(query, &key[own.clone()]);
            }
            let most = largest(self.scores);
            let share = 1.0 / exp_row(self.scores, most);
            let out = &mut self.out[own.clone()];
            out.fill(0.0);
            for (score, value) in self.scores.iter().zip(values.chunks_exact(width)) {
                let score = score * share;
                for (out, value) in out.iter_mut().zip(&value[own.clone()]) {
                    *out += score * value;
                }
            }
        }
    }
}

impl<'a> TransformerReader<'a> {
    pub(crate) fn new(
        shape: &'a Shape,
        weights: &'a Weights,
        steps: &'a Steps,
        context: usize,
        controls: &[u16],
    ) -> Self {
        let mut reader = TransformerReader {
            shape,
            weights,
            steps,
            places: places(shape),
            context,
            controls: controls.to_vec(),
            caches: vec![Cache::default(); shape.layers()],
            walk: Walk::default(),
            place: 0,
            stage: 0,
            fields: Vec::new(),
            x: Vec::new(),
            told: Vec::new(),
            room: Default::default(),
        };
        let mut inputs = Vec::new();
        steps.begin(&reader.controls, &mut inputs);
        reader.enter(&inputs);
        reader
    }

    fn of(&self, at: usize) -> &'a [f32] {
        &self.weights.values[at]
    }

    /// Begins a place: adds up its embeddings and goes through the first stage.
    fn enter(&mut self, inputs: &[u16]) {
        let width = self.shape.width;
        self.x.clear();
        self.x.resize(width, 0.0);
        for (input, table) in inputs.iter().zip(&self.places.inputs) {
            let from = usize::from(*input) * width;
            let row = &self.weights.values[*table][from..from + width];
            self.x.iter_mut().zip(row).for_each(|(x, value)| *x += value);
        }
        self.stage = 0;
        self.climb(self.walk.time());
    }

    /// Goes through the layers of the stage at hand; what is asked is asked of the time `asked`.
    fn climb(&mut self, asked: f32) {
        let (width, hidden, shape) = (self.shape.width, self.shape.hidden, self.shape);
        let head = width / shape.heads;
        let turns = [
            Turns::new(head, self.place, &[asked]),
            Turns::new(head, self.place, &[self.walk.time()]),
        ];
        let mut room = std::mem::take(&mut self.room);
        let [normed, qkv, wide, part] = &mut room;
        let mut inverse = [0.0];
        let layers = self.places.stages[self.stage].layers.clone();
        for at in layers {
            let from = self.places.layers[at];
            normed.resize(width, 0.0);
            norm(&self.x, self.of(from + layer::NORM_1), normed, &mut inverse);
            row_times(normed, self.of(from + layer::QKV), qkv, 3 * width);
            let (queries, rest) = qkv.split_at_mut(width);
            turns[0].turn(0, queries, false);
            turns[1].turn(0, &mut rest[..width], false);
            let cache = &mut self.caches[at];
            cache.keys.extend_from_slice(&rest[..width]);
            cache.values.extend_from_slice(&rest[width..]);
            let kept = cache.keys.len() / width;
            if kept >= 2 * self.context {
                cache.keys.drain(..(kept - self.context) * width);
                cache.values.drain(..(kept - self.context) * width);
            }
            let kept = cache.keys.len() / width;
            Arch::new().dispatch(Attend {
                query: queries,
                cache,
                from: kept.saturating_sub(self.context),
                heads: shape.heads,
                scores: wide,
                out: normed,
            });
            row_times(normed, self.of(from + layer::OUT), part, width);
            self.x.iter_mut().zip(&*part).for_each(|(x, value)| *x += value);
            norm(&self.x, self.of(from + layer::NORM_2), normed, &mut inverse);
            row_times(normed, self.of(from + layer::UP), qkv, hidden);
            wide.resize(hidden, 0.0);
            squared_rectifier(qkv, wide);
            row_times(&wide[..hidden], self.of(from + layer::DOWN), part, width);
            self.x.iter_mut().zip(&*part).for_each(|(x, value)| *x += value);
        }
        let (gain, matrix, fields) = {
            let stage = &self.places.stages[self.stage];
            (stage.norm, stage.head, stage.fields.len())
        };
        normed.resize(width, 0.0);
        norm(&self.x, self.of(gain), normed, &mut inverse);
        let mut told = std::mem::take(&mut self.told);
        row_times(normed, self.of(matrix), &mut told, fields * shape.told);
        self.told = told;
        self.room = room;
    }
}

impl Reader for TransformerReader<'_> {
    fn predict(&mut self, out: &mut Vec<f32>) {
        let told = self.shape.told;
        let stage = &self.places.stages[self.stage];
        let at = self.fields.len() - stage.fields.start;
        let [own, bent, ..] = &mut self.room;
        own.clear();
        own.extend_from_slice(&self.told[at * told..(at + 1) * told]);
        for (before, table) in stage.told[at].given.iter().enumerate() {
            let from = usize::from(self.fields[stage.fields.start + before]) * told;
            let row = &self.weights.values[*table][from..from + told];
            own.iter_mut().zip(row).for_each(|(own, value)| *own += value);
        }
        bent.resize(told, 0.0);
        squared_rectifier(own, bent);
        let size = self.shape.fields[self.fields.len()];
        out.clear();
        out.extend_from_slice(&self.weights.values[stage.told[at].bias]);
        Arch::new().dispatch(Row {
            x: bent,
            weights: &self.weights.values[stage.told[at].out],
            out,
        });
        log_softmax(out, size);
    }

    fn read(&mut self, token: u16) {
        self.fields.push(token);
        let fields = self.places.stages[self.stage].fields.clone();
        if self.fields.len() < fields.end {
            return;
        }
        if self.fields.len() == self.shape.fields.len() {
            let mut inputs = Vec::new();
            self.steps.inputs(&self.fields, &self.controls, &mut inputs);
            self.walk.take(self.steps, &self.fields);
            self.fields.clear();
            self.place += 1;
            self.enter(&inputs);
            return;
        }
        let width = self.shape.width;
        for (at, field) in fields.enumerate() {
            let table = self.places.stages[self.stage].given[at];
            let from = usize::from(self.fields[field]) * width;
            let row = &self.of(table)[from..from + width];
            self.x.iter_mut().zip(row).for_each(|(x, value)| *x += value);
        }
        self.stage += 1;
        let asked = self.walk.told(self.steps, &self.fields);
        self.climb(asked);
    }
}
