//! From costs back to the weights: the way backward.

use super::attention::{self, attend_back};
use super::forward::{Dropout, Head, LayerKept, Pass, Scratch, Window, sized};
use super::maths::{
    Rows, norm, norm_back, squared_rectifier, squared_rectifier_back, times_turned, turned_times,
};
use super::rotary::Turns;
use super::weights::{StagePlaces, layer};
use super::{Shape, Weights};

/// What flows back to every weight.
pub(crate) type Gradients = Weights;

/// Room to work in.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// What flows back to the stream from each stage's fields.
    stages: Vec<Vec<f32>>,
    dx: Vec<f32>,
    part: Vec<f32>,
    normed: Vec<f32>,
    wide: Vec<f32>,
    bent: Vec<f32>,
    dqkv: Vec<f32>,
    told: Vec<f32>,
    attention: attention::Room,
}

/// Adds to `gradients` what flows back from the mean cost of a window's places, times `scale`, and gives the sum of the costs of each
/// field over the places that count.
pub(crate) fn learn(
    shape: &Shape,
    weights: &Weights,
    window: &Window,
    dropout: Dropout,
    scale: f32,
    gradients: &mut Gradients,
    scratch: &mut Scratch,
) -> Vec<f64> {
    let pass = Pass::new(shape, weights, window, dropout);
    let mut sums = vec![0.0; shape.fields.len()];
    scratch.layers.resize_with(shape.layers(), LayerKept::default);
    scratch.back.stages.resize_with(shape.stages.len(), Vec::new);
    pass.embed(&mut scratch.x);
    let mut turns = Vec::new();
    for (number, stage) in pass.places.stages.iter().enumerate() {
        turns.push(pass.turns(number));
        let Scratch {
            layers,
            x,
            normed,
            part,
            wide,
            scores,
            head,
            back,
        } = scratch;
        for at in stage.layers.clone() {
            pass.layer(
                at,
                &turns[number],
                x,
                &mut layers[at],
                (&mut *normed, &mut *part, &mut *wide, &mut *scores),
            );
        }
        pass.head(stage, x, normed, head);
        let mut found = std::mem::take(&mut back.stages[number]);
        pass.head_back(
            stage,
            (x, normed),
            head,
            scale,
            (&mut sums, gradients),
            &mut found,
            back,
        );
        back.stages[number] = found;
        if !stage.given.is_empty() {
            pass.give(stage, x);
        }
    }
    let mut dx = std::mem::take(&mut scratch.back.dx);
    sized(&mut dx, window.places() * shape.width).fill(0.0);
    for (number, stage) in pass.places.stages.iter().enumerate().rev() {
        if !stage.given.is_empty() {
            pass.give_back(stage, &dx, gradients);
        }
        super::maths::add(&mut dx, &scratch.back.stages[number]);
        for at in stage.layers.clone().rev() {
            pass.layer_back(at, &turns[number], &mut dx, scratch, gradients);
        }
    }
    pass.embed_back(&mut dx, gradients);
    scratch.back.dx = dx;
    sums
}

impl Pass<'_> {
    /// Costs of a stage's fields, and the way back from them to the stream: `found` is overwritten.
    #[allow(clippy::too_many_arguments)]
    fn head_back(
        &self,
        stage: &StagePlaces,
        (x, normed): (&[f32], &[f32]),
        head: &mut Head,
        scale: f32,
        (sums, gradients): (&mut [f64], &mut Gradients),
        found: &mut Vec<f32>,
        room: &mut Room,
    ) {
        let (width, told, count) = (self.shape.width, self.shape.told, self.window.places());
        let columns = stage.fields.len() * told;
        let dtold = sized(&mut room.told, count * columns);
        for (at, field) in stage.fields.clone().enumerate() {
            self.field(stage, at, head);
            let size = self.shape.fields[field];
            let targets = self.window.targets.chunks_exact(self.shape.fields.len());
            let rows = head.logits.chunks_exact_mut(size).zip(targets.clone());
            let mut sum = 0.0;
            for (place, (row, targets)) in rows.enumerate() {
                let target = usize::from(targets[field]);
                if place < self.window.from || (field == 0 && self.window.lost == Some(targets[0])) {
                    row.fill(0.0);
                    continue;
                }
                sum -= f64::from(row[target]);
                for value in row.iter_mut() {
                    *value = scale * super::maths::exp(*value);
                }
                row[target] -= scale;
            }
            sums[field] += sum;
            let d = Rows::new(&head.logits, size);
            let places = &stage.told[at];
            turned_times(
                Rows::new(&head.bent, told),
                d,
                1.0,
                &mut gradients.values[places.out],
                size,
            );
            let bias = &mut gradients.values[places.bias];
            for row in head.logits.chunks_exact(size) {
                super::maths::add(bias, row);
            }
            let dbent = sized(&mut room.bent, count * told);
            times_turned(d, self.matrix(places.out, size), 0.0, dbent, told);
            squared_rectifier_back(&head.own, dbent);
            for (place, (row, targets)) in dbent.chunks_exact(told).zip(targets).enumerate() {
                for (before, table) in places.given.iter().enumerate() {
                    let from = usize::from(targets[stage.fields.start + before]) * told;
                    let table = &mut gradients.values[*table][from..from + told];
                    table.iter_mut().zip(row).for_each(|(table, d)| *table += d);
                }
                let from = place * columns + at * told;
                dtold[from..from + told].copy_from_slice(row);
            }
        }
        let dtold = Rows::new(dtold, columns);
        turned_times(
            Rows::new(normed, width),
            dtold,
            1.0,
            &mut gradients.values[stage.head],
            columns,
        );
        let dnormed = sized(&mut room.part, count * width);
        times_turned(dtold, self.matrix(stage.head, columns), 0.0, dnormed, width);
        sized(found, count * width).fill(0.0);
        norm_back(
            x,
            self.of(stage.norm),
            &head.inverse,
            dnormed,
            found,
            &mut gradients.values[stage.norm],
        );
    }

    fn give_back(&self, stage: &StagePlaces, dx: &[f32], gradients: &mut Gradients) {
        let width = self.shape.width;
        let targets = self.window.targets.chunks_exact(self.shape.fields.len());
        for (dx, targets) in dx.chunks_exact(width).zip(targets) {
            for (table, target) in stage.given.iter().zip(&targets[stage.fields.clone()]) {
                let from = usize::from(*target) * width;
                let table = &mut gradients.values[*table][from..from + width];
                table.iter_mut().zip(dx).for_each(|(table, d)| *table += d);
            }
        }
    }

    fn embed_back(&self, dx: &mut [f32], gradients: &mut Gradients) {
        let width = self.shape.width;
        self.dropout.apply(0, dx);
        let rows = self.window.inputs.chunks_exact(self.shape.inputs.len());
        for (dx, inputs) in dx.chunks_exact(width).zip(rows) {
            for (table, input) in self.places.inputs.iter().zip(inputs) {
                let from = usize::from(*input) * width;
                let table = &mut gradients.values[*table][from..from + width];
                table.iter_mut().zip(dx).for_each(|(table, d)| *table += d);
            }
        }
    }

    /// The way back of a layer: `dx` is what flows back to the stream after it, then before it.
    fn layer_back(
        &self,
        at: usize,
        turns: &[Turns; 2],
        dx: &mut [f32],
        scratch: &mut Scratch,
        gradients: &mut Gradients,
    ) {
        let (width, hidden, count) = (self.shape.width, self.shape.hidden, self.window.places());
        let from = self.places.layers[at];
        let kept = &mut scratch.layers[at];
        let room = &mut scratch.back;
        let part = sized(&mut room.part, count * width);
        let normed = sized(&mut room.normed, count * width);
        let wide = sized(&mut room.wide, count * hidden);
        // The second part: what its output gets, then its squared rectifier, then its input.
        part.copy_from_slice(dx);
        self.dropout.apply(2 * at + 2, part);
        let bent = sized(&mut room.bent, count * hidden);
        squared_rectifier(&kept.up, bent);
        turned_times(
            Rows::new(bent, hidden),
            Rows::new(part, width),
            1.0,
            &mut gradients.values[from + layer::DOWN],
            width,
        );
        times_turned(
            Rows::new(part, width),
            self.matrix(from + layer::DOWN, width),
            0.0,
            wide,
            hidden,
        );
        squared_rectifier_back(&kept.up, wide);
        norm(
            &kept.middle,
            self.of(from + layer::NORM_2),
            normed,
            &mut kept.inverse_2,
        );
        turned_times(
            Rows::new(normed, width),
            Rows::new(wide, hidden),
            1.0,
            &mut gradients.values[from + layer::UP],
            hidden,
        );
        times_turned(
            Rows::new(wide, hidden),
            self.matrix(from + layer::UP, hidden),
            0.0,
            part,
            width,
        );
        norm_back(
            &kept.middle,
            self.of(from + layer::NORM_2),
            &kept.inverse_2,
            part,
            dx,
            &mut gradients.values[from + layer::NORM_2],
        );
        // The first part.
        part.copy_from_slice(dx);
        self.dropout.apply(2 * at + 1, part);
        turned_times(
            Rows::new(&kept.attended, width),
            Rows::new(part, width),
            1.0,
            &mut gradients.values[from + layer::OUT],
            width,
        );
        times_turned(
            Rows::new(part, width),
            self.matrix(from + layer::OUT, width),
            0.0,
            normed,
            width,
        );
        let dqkv = sized(&mut room.dqkv, count * 3 * width);
        attend_back(
            self.sizes(),
            &kept.qkv,
            &kept.attended,
            &mut kept.levels,
            normed,
            dqkv,
            &mut room.attention,
        );
        for (place, row) in dqkv.chunks_exact_mut(3 * width).enumerate() {
            let (queries, rest) = row.split_at_mut(width);
            turns[0].turn(place, queries, true);
            turns[1].turn(place, &mut rest[..width], true);
        }
        norm(
            &kept.x,
            self.of(from + layer::NORM_1),
            normed,
            &mut kept.inverse_1,
        );
        turned_times(
            Rows::new(normed, width),
            Rows::new(dqkv, 3 * width),
            1.0,
            &mut gradients.values[from + layer::QKV],
            3 * width,
        );
        times_turned(
            Rows::new(dqkv, 3 * width),
            self.matrix(from + layer::QKV, 3 * width),
            0.0,
            part,
            width,
        );
        norm_back(
            &kept.x,
            self.of(from + layer::NORM_1),
            &kept.inverse_1,
            part,
            dx,
            &mut gradients.values[from + layer::NORM_1],
        );
    }
}

#[cfg(test)]
mod tests {
    use melisma_dataset::rng::Rng;

    use super::*;
    use crate::network::forward::costs;
    use crate::network::{Stage, weights::unit};

    fn shape() -> Shape {
        Shape {
            inputs: vec![5, 4, 3],
            fields: vec![4, 3, 5],
            stages: vec![Stage { layers: 1, fields: 2 }, Stage { layers: 2, fields: 1 }],
            width: 16,
            heads: 2,
            hidden: 24,
            told: 6,
        }
    }

    fn window(shape: &Shape, places: usize) -> Window {
        let mut rng = Rng::new(5);
        let mut draw = |sizes: &[usize]| -> Vec<u16> {
            (0..places)
                .flat_map(|_| {
                    sizes
                        .iter()
                        .map(|size| rng.below(*size) as u16)
                        .collect::<Vec<_>>()
                })
                .collect()
        };
        Window {
            inputs: draw(&shape.inputs),
            targets: draw(&shape.fields),
            times: (0..=places).map(|at| (at * 7 % 50) as f32).collect(),
            ..Window::default()
        }
    }

    fn random(shape: &Shape) -> Weights {
        let mut weights = Weights::new(shape, 1);
        let mut rng = Rng::new(9);
        for value in weights.values.iter_mut().flatten() {
            *value += 0.4 * (unit(&mut rng) - 0.5);
        }
        weights
    }

    #[test]
    fn gradients_are_the_slopes_of_the_cost() {
        let shape = shape();
        shape.check().unwrap();
        let (window, mut weights) = (window(&shape, 70), random(&shape));
        let mut gradients = Weights::zeros(&shape);
        let mut scratch = Scratch::default();
        let sums = learn(
            &shape,
            &weights,
            &window,
            Dropout::NONE,
            1.0,
            &mut gradients,
            &mut scratch,
        );
        let total = |weights: &Weights, scratch: &mut Scratch| -> f64 {
            costs(&shape, weights, &window, scratch)
                .into_iter()
                .map(f64::from)
                .sum()
        };
        assert!((sums.iter().sum::<f64>() - total(&weights, &mut scratch)).abs() < 1e-2);
        let mut rng = Rng::new(3);
        for at in 0..weights.values.len() {
            // Along a random direction in each matrix.
            let direction: Vec<f32> = weights.values[at].iter().map(|_| unit(&mut rng) - 0.5).collect();
            let slope: f64 = gradients.values[at]
                .iter()
                .zip(&direction)
                .map(|(g, d)| f64::from(g * d))
                .sum();
            let step = 2e-3;
            let mut shifted = |by: f32, scratch: &mut Scratch| {
                let before = weights.values[at].clone();
                for (value, d) in weights.values[at].iter_mut().zip(&direction) {
                    *value += by * d;
                }
                let cost = total(&weights, scratch);
                weights.values[at] = before;
                cost
            };
            let found = (shifted(step, &mut scratch) - shifted(-step, &mut scratch)) / f64::from(2.0 * step);
            assert!(
                (slope - found).abs() < 0.02 * found.abs().max(slope.abs()) + 0.05,
                "{}: {slope} for {found}",
                Weights::names(&shape)[at].0
            );
        }
    }

    #[test]
    fn what_comes_later_changes_nothing_before() {
        let shape = shape();
        let (mut window, weights) = (window(&shape, 70), random(&shape));
        let mut scratch = Scratch::default();
        let before = costs(&shape, &weights, &window, &mut scratch);
        let fields = shape.fields.len();
        window.targets[66 * fields + 1] = (window.targets[66 * fields + 1] + 1) % 3;
        window.inputs[67 * shape.inputs.len()] = (window.inputs[67 * shape.inputs.len()] + 1) % 5;
        window.times[67] += 3.0;
        let after = costs(&shape, &weights, &window, &mut scratch);
        // All places before, and the field told before the one that changed.
        assert_eq!(before[..66 * fields + 1], after[..66 * fields + 1]);
        assert_ne!(before[66 * fields + 1], after[66 * fields + 1]);
        assert_ne!(before[66 * fields + 2], after[66 * fields + 2]);
        assert_ne!(before[67 * fields], after[67 * fields]);
    }

    #[test]
    fn what_is_dropped_is_dropped_on_both_ways() {
        let drop = Dropout { of_256: 64, seed: 4 };
        let (mut a, mut b) = (vec![1.0; 4_000], vec![2.0; 4_000]);
        drop.apply(3, &mut a);
        drop.apply(3, &mut b);
        assert!(a.iter().zip(&b).all(|(a, b)| 2.0 * a == *b));
        let zeros = a.iter().filter(|a| **a == 0.0).count();
        assert!((800..1_200).contains(&zeros), "{zeros}");
    }
}
