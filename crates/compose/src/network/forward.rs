//! From steps to costs: the way forward.

use melisma_dataset::rng::Rng;

use super::attention::{Sizes, attend};
use super::maths::{Rows, add, add_to_rows, log_softmax, norm, squared_rectifier, times};
use super::rotary::Turns;
use super::weights::{Places, StagePlaces, layer, places};
use super::{Shape, Weights};

/// Steps of a piece as a network reads them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Window {
    /// What each place reads: places x inputs.
    pub inputs: Vec<u16>,
    /// The musical time of each place and of the step after the last, in steps of the grid: places + 1.
    pub times: Vec<f32>,
    /// What each place is to predict: places x fields.
    pub targets: Vec<u16>,
    /// The first place whose prediction counts.
    pub from: usize,
    /// A token of the first field that nothing is learnt from: what stands there was lost.
    pub lost: Option<u16>,
}

impl Window {
    /// How many places it has.
    pub fn places(&self) -> usize {
        self.times.len().saturating_sub(1)
    }
}

/// Which numbers are left out while training (Srivastava and others 2014).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dropout {
    /// Of 256 numbers so many.
    pub of_256: u32,
    /// Where chance starts from.
    pub seed: u64,
}

impl Dropout {
    pub const NONE: Dropout = Dropout { of_256: 0, seed: 0 };

    /// Drops from what the part number `part` of the network adds; the same again on the way back.
    pub fn apply(self, part: usize, values: &mut [f32]) {
        if self.of_256 == 0 {
            return;
        }
        let mut rng = Rng::new(self.seed ^ (part as u64 + 1).wrapping_mul(0x9E6C_63D0_876A_9A35));
        let scale = 256.0 / (256.0 - self.of_256 as f32);
        for values in values.chunks_mut(8) {
            let chances = rng.next_u64().to_le_bytes();
            for (value, chance) in values.iter_mut().zip(chances) {
                *value *= if u32::from(chance) < self.of_256 {
                    0.0
                } else {
                    scale
                };
            }
        }
    }
}

/// What a layer keeps for the way back.
#[derive(Debug, Default)]
pub(super) struct LayerKept {
    pub x: Vec<f32>,
    pub inverse_1: Vec<f32>,
    pub qkv: Vec<f32>,
    pub attended: Vec<f32>,
    pub levels: Vec<f32>,
    pub middle: Vec<f32>,
    pub inverse_2: Vec<f32>,
    pub up: Vec<f32>,
}

/// Room to work in, used again from sequence to sequence.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(super) layers: Vec<LayerKept>,
    /// The stream.
    pub(super) x: Vec<f32>,
    pub(super) normed: Vec<f32>,
    pub(super) part: Vec<f32>,
    pub(super) wide: Vec<f32>,
    pub(super) scores: Vec<f32>,
    pub(super) head: Head,
    pub(super) back: super::backward::Room,
}

/// Room for the fields of a stage.
#[derive(Debug, Default)]
pub(super) struct Head {
    pub inverse: Vec<f32>,
    pub told: Vec<f32>,
    /// Before and after the rectifier, of one field.
    pub own: Vec<f32>,
    pub bent: Vec<f32>,
    pub logits: Vec<f32>,
}

/// Makes a vector of a length, whatever it holds.
pub(super) fn sized(vector: &mut Vec<f32>, length: usize) -> &mut [f32] {
    if vector.len() != length {
        vector.resize(length, 0.0);
    }
    vector
}

/// What a pass is of.
pub(super) struct Pass<'a> {
    pub shape: &'a Shape,
    pub weights: &'a Weights,
    pub window: &'a Window,
    pub places: Places,
    pub dropout: Dropout,
}

impl<'a> Pass<'a> {
    pub fn new(shape: &'a Shape, weights: &'a Weights, window: &'a Window, dropout: Dropout) -> Self {
        Pass {
            shape,
            weights,
            window,
            places: places(shape),
            dropout,
        }
    }

    pub fn of(&self, at: usize) -> &'a [f32] {
        &self.weights.values[at]
    }

    pub fn matrix(&self, at: usize, columns: usize) -> Rows<'a> {
        Rows::new(self.of(at), columns)
    }

    /// The turns of queries and of keys in a stage: what is asked is asked of the next step once its time is told.
    pub fn turns(&self, stage: usize) -> [Turns; 2] {
        let head = self.shape.width / self.shape.heads;
        let count = self.window.places();
        let times = &self.window.times;
        let keys = Turns::new(head, 0, &times[..count]);
        match stage {
            0 => [keys.clone(), keys],
            _ => [Turns::new(head, 0, &times[1..]), keys],
        }
    }

    /// The stream at the bottom: embeddings added up.
    pub fn embed(&self, x: &mut Vec<f32>) {
        let width = self.shape.width;
        let x = sized(x, self.window.places() * width);
        x.fill(0.0);
        let rows = self.window.inputs.chunks_exact(self.shape.inputs.len());
        for (x, inputs) in x.chunks_exact_mut(width).zip(rows) {
            for (table, input) in self.places.inputs.iter().zip(inputs) {
                let from = usize::from(*input) * width;
                for (x, value) in x.iter_mut().zip(&self.of(*table)[from..from + width]) {
                    *x += value;
                }
            }
        }
        self.dropout.apply(0, x);
    }

    /// One layer: `x` is the stream.
    pub fn layer(
        &self,
        at: usize,
        turns: &[Turns; 2],
        x: &mut [f32],
        kept: &mut LayerKept,
        room: (&mut Vec<f32>, &mut Vec<f32>, &mut Vec<f32>, &mut Vec<f32>),
    ) {
        let (normed, part, wide, scores) = room;
        let (width, hidden, count) = (self.shape.width, self.shape.hidden, self.window.places());
        let from = self.places.layers[at];
        let normed = sized(normed, count * width);
        let part = sized(part, count * width);
        kept.x.clear();
        kept.x.extend_from_slice(x);
        norm(
            x,
            self.of(from + layer::NORM_1),
            normed,
            sized(&mut kept.inverse_1, count),
        );
        let qkv = sized(&mut kept.qkv, count * 3 * width);
        times(
            Rows::new(normed, width),
            self.matrix(from + layer::QKV, 3 * width),
            0.0,
            qkv,
            3 * width,
        );
        for (place, row) in qkv.chunks_exact_mut(3 * width).enumerate() {
            let (queries, rest) = row.split_at_mut(width);
            turns[0].turn(place, queries, false);
            turns[1].turn(place, &mut rest[..width], false);
        }
        attend(
            self.sizes(),
            qkv,
            sized(&mut kept.attended, count * width),
            sized(&mut kept.levels, self.shape.heads * count),
            scores,
        );
        times(
            Rows::new(&kept.attended, width),
            self.matrix(from + layer::OUT, width),
            0.0,
            part,
            width,
        );
        self.dropout.apply(2 * at + 1, part);
        add(x, part);
        kept.middle.clear();
        kept.middle.extend_from_slice(x);
        norm(
            x,
            self.of(from + layer::NORM_2),
            normed,
            sized(&mut kept.inverse_2, count),
        );
        let up = sized(&mut kept.up, count * hidden);
        times(
            Rows::new(normed, width),
            self.matrix(from + layer::UP, hidden),
            0.0,
            up,
            hidden,
        );
        let bent = sized(wide, count * hidden);
        squared_rectifier(up, bent);
        times(
            Rows::new(bent, hidden),
            self.matrix(from + layer::DOWN, width),
            0.0,
            part,
            width,
        );
        self.dropout.apply(2 * at + 2, part);
        add(x, part);
    }

    pub fn sizes(&self) -> Sizes {
        Sizes {
            places: self.window.places(),
            width: self.shape.width,
            heads: self.shape.heads,
            causal: true,
        }
    }

    /// What the stream says for all fields of a stage, before the rectifier and before the fields told first are added.
    pub fn head(&self, stage: &StagePlaces, x: &[f32], normed: &mut Vec<f32>, head: &mut Head) {
        let (width, count) = (self.shape.width, self.window.places());
        let normed = sized(normed, count * width);
        norm(x, self.of(stage.norm), normed, sized(&mut head.inverse, count));
        let columns = stage.fields.len() * self.shape.told;
        times(
            Rows::new(normed, width),
            self.matrix(stage.head, columns),
            0.0,
            sized(&mut head.told, count * columns),
            columns,
        );
    }

    /// The logarithms of the probabilities of a stage's field number `at`, in `head.logits`.
    pub fn field(&self, stage: &StagePlaces, at: usize, head: &mut Head) {
        let (told, count) = (self.shape.told, self.window.places());
        let columns = stage.fields.len() * told;
        let field = stage.fields.start + at;
        let own = sized(&mut head.own, count * told);
        let targets = self.window.targets.chunks_exact(self.shape.fields.len());
        let rows = own.chunks_exact_mut(told).zip(head.told.chunks_exact(columns));
        for ((own, row), targets) in rows.zip(targets) {
            own.copy_from_slice(&row[at * told..(at + 1) * told]);
            for (before, table) in stage.told[at].given.iter().enumerate() {
                let from = usize::from(targets[stage.fields.start + before]) * told;
                for (own, value) in own.iter_mut().zip(&self.of(*table)[from..from + told]) {
                    *own += value;
                }
            }
        }
        squared_rectifier(own, sized(&mut head.bent, count * told));
        let size = self.shape.fields[field];
        let logits = sized(&mut head.logits, count * size);
        times(
            Rows::new(&head.bent, told),
            self.matrix(stage.told[at].out, size),
            0.0,
            logits,
            size,
        );
        add_to_rows(logits, self.of(stage.told[at].bias));
        log_softmax(logits, size);
    }

    /// Adds what a stage told to the stream.
    pub fn give(&self, stage: &StagePlaces, x: &mut [f32]) {
        let width = self.shape.width;
        let targets = self.window.targets.chunks_exact(self.shape.fields.len());
        for (x, targets) in x.chunks_exact_mut(width).zip(targets) {
            for (table, target) in stage.given.iter().zip(&targets[stage.fields.clone()]) {
                let from = usize::from(*target) * width;
                for (x, value) in x.iter_mut().zip(&self.of(*table)[from..from + width]) {
                    *x += value;
                }
            }
        }
    }
}

/// The cost in nats of each field of each place (places x fields).
pub(crate) fn costs(shape: &Shape, weights: &Weights, window: &Window, scratch: &mut Scratch) -> Vec<f32> {
    let pass = Pass::new(shape, weights, window, Dropout::NONE);
    let width = shape.fields.len();
    let mut out = vec![0.0; window.places() * width];
    let Scratch {
        layers,
        x,
        normed,
        part,
        wide,
        scores,
        head,
        ..
    } = scratch;
    layers.resize_with(layers.len().max(1), LayerKept::default);
    pass.embed(x);
    for (number, stage) in pass.places.stages.iter().enumerate() {
        let turns = pass.turns(number);
        for at in stage.layers.clone() {
            pass.layer(at, &turns, x, &mut layers[0], (normed, part, wide, scores));
        }
        pass.head(stage, x, normed, head);
        for (at, field) in stage.fields.clone().enumerate() {
            pass.field(stage, at, head);
            let rows = head.logits.chunks_exact(shape.fields[field]);
            for ((row, targets), out) in rows
                .zip(window.targets.chunks_exact(width))
                .zip(out.chunks_exact_mut(width))
            {
                out[field] = -row[usize::from(targets[field])];
            }
        }
        if !stage.given.is_empty() {
            pass.give(stage, x);
        }
    }
    out
}
