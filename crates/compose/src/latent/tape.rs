//! Networks of any form over matrices, with their gradients: a tape of what was computed, read backwards.
//!
//! What the transformer of notes does layer by layer by hand is done here piece by piece, so that an encoder, a decoder and what is
//! sampled between them can be put together freely. Matrices are rows of numbers; a batch of sequences is laid out one sequence after
//! another.

use pulp::Arch;

use crate::network::{
    AttentionRoom, Factor, Rows, Sizes, Turns, attend, attend_back, exp, log_softmax, norm, norm_back, times,
    times_turned, turned_times,
};

/// What stands on a tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Var(usize);

/// Rows of numbers.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Matrix {
    pub rows: usize,
    pub columns: usize,
    pub values: Vec<f32>,
}

impl Matrix {
    pub fn new(rows: usize, columns: usize, values: Vec<f32>) -> Self {
        assert_eq!(values.len(), rows * columns, "a matrix of {rows} by {columns}");
        Matrix {
            rows,
            columns,
            values,
        }
    }

    pub fn zeros(rows: usize, columns: usize) -> Self {
        Matrix::new(rows, columns, vec![0.0; rows * columns])
    }

    fn as_rows(&self) -> Rows<'_> {
        Rows::new(&self.values, self.columns)
    }
}

/// How something came about.
enum Op {
    /// Nothing flows back.
    Constant,
    /// A weight of the network, by its number.
    Weight(usize),
    Product(Var, Var),
    Sum(Var, Var),
    SumRow(Var, Var),
    /// Rows of the first, by number.
    Pick(Var, Vec<u32>),
    Columns(Var, usize),
    /// The mean of each group of rows: the group of each row, and the share of a row in it.
    Pooled(Var, Vec<u32>, Vec<f32>),
    Tanh(Var),
    /// The squared rectifier.
    Rectified(Var),
    Norm(Var, Var, Vec<f32>),
    Attended(Box<Attention>),
    Recurrent(Box<Recurrence>),
    /// A mean, the logarithm of a variance, and chance.
    Sampled(Var, Var, Vec<f32>),
    /// Of a mean and the logarithm of a variance; which columns count.
    Divergence(Var, Var, Vec<f32>),
    Dropped(Var, Vec<f32>),
    /// Logits (become what flows back to them), by target.
    Cost(Var, Vec<f32>),
    Total(Vec<(Var, f32)>),
}

struct Attention {
    qkv: Var,
    /// Queries and keys already turned.
    turned: Vec<f32>,
    levels: Vec<f32>,
    turns: Turns,
    heads: usize,
    places: usize,
    causal: bool,
}

/// Long short-term memory over all steps: rows are sequence after sequence within a step, steps one after another.
struct Recurrence {
    /// What each step adds to the gates: input, forget, cell, output.
    gates: Var,
    weight: Var,
    first: Option<Var>,
    batch: usize,
    /// The gates after their curves.
    open: Vec<f32>,
}

struct Node {
    value: Matrix,
    op: Op,
}

/// What was computed, in order.
pub(super) struct Tape<'a> {
    weights: &'a [Matrix],
    nodes: Vec<Node>,
    /// Where weights already stand.
    known: Vec<Option<Var>>,
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp((-x).min(80.0)))
}

#[inline(always)]
fn tanh(x: f32) -> f32 {
    2.0 * sigmoid(2.0 * x) - 1.0
}

/// Turns queries and keys of all sequences by their places, or back.
fn turn(turns: &Turns, qkv: &mut [f32], width: usize, places: usize, back: bool) {
    for (row, values) in qkv.chunks_exact_mut(3 * width).enumerate() {
        let (queries, rest) = values.split_at_mut(width);
        turns.turn(row % places, queries, back);
        turns.turn(row % places, &mut rest[..width], back);
    }
}

/// One step of one sequence: opens its gates, and gives hidden and cell state.
#[inline(always)]
fn step_on(units: usize, gates: &mut [f32], cell_before: &[f32], now: &mut [f32]) {
    let (i, rest) = gates.split_at_mut(units);
    let (f, rest) = rest.split_at_mut(units);
    let (g, o) = rest.split_at_mut(units);
    let (hidden, cell) = now.split_at_mut(units);
    let (o, cell_before) = (&mut o[..units], &cell_before[..units]);
    let (hidden, cell) = (&mut hidden[..units], &mut cell[..units]);
    for unit in 0..units {
        i[unit] = sigmoid(i[unit]);
        f[unit] = sigmoid(f[unit]);
        g[unit] = tanh(g[unit]);
        o[unit] = sigmoid(o[unit]);
        cell[unit] = f[unit] * cell_before[unit] + i[unit] * g[unit];
        hidden[unit] = o[unit] * tanh(cell[unit]);
    }
}

/// The way back of one step of one sequence: `dstate` is what flows back to its state from the step after, and then to the cell before.
#[inline(always)]
fn step_back(
    units: usize,
    [i, f, g, o]: [&[f32]; 4],
    [cell, cell_before]: [&[f32]; 2],
    d: &[f32],
    dstate: &mut [f32],
    dgate: &mut [f32],
) {
    let (i, f, g, o) = (&i[..units], &f[..units], &g[..units], &o[..units]);
    let (cell, cell_before) = (&cell[..units], &cell_before[..units]);
    let (dh_now, dc_now) = d.split_at(units);
    let (dh_later, dc_later) = dstate.split_at_mut(units);
    let (dh_now, dc_now) = (&dh_now[..units], &dc_now[..units]);
    let (dh_later, dc_later) = (&dh_later[..units], &mut dc_later[..units]);
    let (di, rest) = dgate.split_at_mut(units);
    let (df, rest) = rest.split_at_mut(units);
    let (dg, d_o) = rest.split_at_mut(units);
    let d_o = &mut d_o[..units];
    for unit in 0..units {
        let bent = tanh(cell[unit]);
        let dh = dh_now[unit] + dh_later[unit];
        let dc = dc_now[unit] + dc_later[unit] + dh * o[unit] * (1.0 - bent * bent);
        di[unit] = dc * g[unit] * i[unit] * (1.0 - i[unit]);
        df[unit] = dc * cell_before[unit] * f[unit] * (1.0 - f[unit]);
        dg[unit] = dc * i[unit] * (1.0 - g[unit] * g[unit]);
        d_o[unit] = dh * bent * o[unit] * (1.0 - o[unit]);
        dc_later[unit] = dc * f[unit];
    }
}

impl<'a> Tape<'a> {
    pub fn new(weights: &'a [Matrix]) -> Self {
        Tape {
            weights,
            nodes: Vec::new(),
            known: vec![None; weights.len()],
        }
    }

    fn put(&mut self, value: Matrix, op: Op) -> Var {
        self.nodes.push(Node { value, op });
        Var(self.nodes.len() - 1)
    }

    pub fn value(&self, var: Var) -> &Matrix {
        match &self.nodes[var.0].op {
            Op::Weight(number) => &self.weights[*number],
            _ => &self.nodes[var.0].value,
        }
    }

    pub fn weight(&mut self, number: usize) -> Var {
        if let Some(var) = self.known[number] {
            return var;
        }
        let var = self.put(Matrix::default(), Op::Weight(number));
        self.known[number] = Some(var);
        var
    }

    pub fn constant(&mut self, value: Matrix) -> Var {
        self.put(value, Op::Constant)
    }

    pub fn product(&mut self, a: Var, b: Var) -> Var {
        let (x, y) = (self.value(a), self.value(b));
        assert_eq!(x.columns, y.rows, "a product of {} by {}", x.columns, y.rows);
        let mut out = Matrix::zeros(x.rows, y.columns);
        times(x.as_rows(), y.as_rows(), 0.0, &mut out.values, y.columns);
        self.put(out, Op::Product(a, b))
    }

    /// A product and a row added to each of its rows.
    pub fn linear(&mut self, x: Var, weight: usize, bias: usize) -> Var {
        let (weight, bias) = (self.weight(weight), self.weight(bias));
        let product = self.product(x, weight);
        self.sum_row(product, bias)
    }

    fn each(&mut self, a: Var, b: Var, op: Op, f: impl Fn(f32, f32) -> f32) -> Var {
        let (x, y) = (self.value(a), self.value(b));
        assert_eq!((x.rows, x.columns), (y.rows, y.columns), "matrices of one size");
        let values = x.values.iter().zip(&y.values).map(|(x, y)| f(*x, *y)).collect();
        let out = Matrix::new(x.rows, x.columns, values);
        self.put(out, op)
    }

    pub fn sum(&mut self, a: Var, b: Var) -> Var {
        self.each(a, b, Op::Sum(a, b), |x, y| x + y)
    }

    fn map(&mut self, a: Var, op: Op, f: impl Fn(f32) -> f32) -> Var {
        let x = self.value(a);
        let out = Matrix::new(x.rows, x.columns, x.values.iter().map(|x| f(*x)).collect());
        self.put(out, op)
    }

    pub fn tanh(&mut self, a: Var) -> Var {
        self.map(a, Op::Tanh(a), tanh)
    }

    pub fn rectified(&mut self, a: Var) -> Var {
        self.map(a, Op::Rectified(a), |x| {
            let x = x.max(0.0);
            x * x
        })
    }

    pub fn sum_row(&mut self, a: Var, row: Var) -> Var {
        let (x, y) = (self.value(a), self.value(row));
        assert_eq!((1, x.columns), (y.rows, y.columns), "a row as long as the others");
        let mut out = x.clone();
        for values in out.values.chunks_exact_mut(x.columns) {
            values.iter_mut().zip(&y.values).for_each(|(x, y)| *x += y);
        }
        self.put(out, Op::SumRow(a, row))
    }

    /// Rows by number.
    pub fn pick(&mut self, a: Var, rows: Vec<u32>) -> Var {
        let x = self.value(a);
        let mut values = Vec::with_capacity(rows.len() * x.columns);
        for row in &rows {
            let from = *row as usize * x.columns;
            values.extend_from_slice(&x.values[from..from + x.columns]);
        }
        let out = Matrix::new(rows.len(), x.columns, values);
        self.put(out, Op::Pick(a, rows))
    }

    pub fn columns(&mut self, a: Var, range: std::ops::Range<usize>) -> Var {
        let x = self.value(a);
        let values = x
            .values
            .chunks_exact(x.columns)
            .flat_map(|row| &row[range.clone()])
            .copied()
            .collect();
        let out = Matrix::new(x.rows, range.len(), values);
        self.put(out, Op::Columns(a, range.start))
    }

    /// The mean of the rows of each of `groups` groups; a group without rows is zero.
    pub fn pooled(&mut self, a: Var, group_of: Vec<u32>, groups: usize) -> Var {
        let x = self.value(a);
        assert_eq!(x.rows, group_of.len(), "a group for each row");
        let mut counts = vec![0.0_f32; groups];
        group_of.iter().for_each(|group| counts[*group as usize] += 1.0);
        let shares: Vec<f32> = group_of
            .iter()
            .map(|group| 1.0 / counts[*group as usize])
            .collect();
        let mut out = Matrix::zeros(groups, x.columns);
        for ((row, group), share) in x.values.chunks_exact(x.columns).zip(&group_of).zip(&shares) {
            let out = &mut out.values[*group as usize * x.columns..][..x.columns];
            out.iter_mut().zip(row).for_each(|(out, x)| *out += x * share);
        }
        self.put(out, Op::Pooled(a, group_of, shares))
    }

    pub fn norm(&mut self, a: Var, gain: Var) -> Var {
        let (x, gain_values) = (self.value(a), self.value(gain));
        let mut out = Matrix::zeros(x.rows, x.columns);
        let mut inverse = vec![0.0; x.rows];
        norm(&x.values, &gain_values.values, &mut out.values, &mut inverse);
        self.put(out, Op::Norm(a, gain, inverse))
    }

    /// Attention within sequences of `places` rows: queries, keys and values side by side. Places are told by turns.
    pub fn attended(&mut self, qkv: Var, heads: usize, places: usize, causal: bool) -> Var {
        let x = self.value(qkv);
        let width = x.columns / 3;
        let at: Vec<f32> = (0..places).map(|at| at as f32 * 3.0).collect();
        let turns = Turns::new(width / heads, 0, &at);
        let mut turned = x.values.clone();
        turn(&turns, &mut turned, width, places, false);
        let sizes = Sizes {
            places,
            width,
            heads,
            causal,
        };
        let mut out = Matrix::zeros(x.rows, width);
        let mut levels = vec![0.0; heads * x.rows];
        let mut scores = Vec::new();
        let sequences = turned
            .chunks_exact(3 * width * places)
            .zip(out.values.chunks_exact_mut(width * places))
            .zip(levels.chunks_exact_mut(heads * places));
        for ((qkv, out), levels) in sequences {
            attend(sizes, qkv, out, levels, &mut scores);
        }
        let op = Attention {
            qkv,
            turned,
            levels,
            turns,
            heads,
            places,
            causal,
        };
        self.put(out, Op::Attended(Box::new(op)))
    }

    /// Long short-term memory: `gates` has for each step, and in it for each sequence, what it adds to the four gates; `first` is the
    /// state before the first step. Gives hidden and cell state side by side.
    pub fn recurrent(&mut self, gates: Var, weight: Var, first: Option<Var>, batch: usize) -> Var {
        let (x, w) = (self.value(gates), self.value(weight));
        let units = w.rows;
        assert_eq!((x.columns, w.columns), (4 * units, 4 * units), "four gates");
        let mut open = x.values.clone();
        let mut out = Matrix::zeros(x.rows, 2 * units);
        let zeros = Matrix::zeros(batch, 2 * units);
        let first_value = first.map_or(&zeros, |first| self.value(first));
        assert_eq!(
            (first_value.rows, first_value.columns),
            (batch, 2 * units),
            "a state for each sequence"
        );
        let step = batch * 2 * units;
        let recurrent = Factor::new(w.as_rows());
        for (at, gates) in open.chunks_exact_mut(batch * 4 * units).enumerate() {
            let (before, now) = out.values.split_at_mut(at * step);
            let before = match at {
                0 => &first_value.values[..],
                _ => &before[(at - 1) * step..],
            };
            recurrent.times(
                Rows::part(before, 2 * units, 0..batch, 0..units),
                1.0,
                gates,
                4 * units,
            );
            let rows = gates
                .chunks_exact_mut(4 * units)
                .zip(before.chunks_exact(2 * units))
                .zip(now[..step].chunks_exact_mut(2 * units));
            Arch::new().dispatch(|| {
                for ((gates, before), now) in rows {
                    step_on(units, gates, &before[units..], now);
                }
            });
        }
        let op = Recurrence {
            gates,
            weight,
            first,
            batch,
            open,
        };
        self.put(out, Op::Recurrent(Box::new(op)))
    }

    /// `mean + exp(log_variance / 2) chance`.
    pub fn sampled(&mut self, mean: Var, log_variance: Var, chance: Vec<f32>) -> Var {
        let (m, v) = (self.value(mean), self.value(log_variance));
        let all = m.values.iter().zip(&v.values).zip(&chance);
        let values = all.map(|((m, v), e)| m + (0.5 * v).exp() * e).collect();
        let out = Matrix::new(m.rows, m.columns, values);
        self.put(out, Op::Sampled(mean, log_variance, chance))
    }

    /// Nats that rows of a normal distribution are from the standard one, in sum over rows. A column whose mean over the rows is below `free` counts as `free`
    /// and gets no gradient. The second number is the sum as it is.
    pub fn divergence(&mut self, mean: Var, log_variance: Var, free: f32) -> (Var, f64) {
        let (m, v) = (self.value(mean), self.value(log_variance));
        let m_columns = m.columns;
        let mut columns = vec![0.0_f64; m_columns];
        for (at, (m, v)) in m.values.iter().zip(&v.values).enumerate() {
            let (m, v) = (f64::from(*m), f64::from(*v));
            columns[at % m_columns] += 0.5 * (m * m + v.exp() - 1.0 - v);
        }
        let rows = m.rows as f64;
        let counts: Vec<f32> = columns
            .iter()
            .map(|sum| f32::from(u8::from(sum / rows > f64::from(free))))
            .collect();
        let told: f64 = columns.iter().map(|sum| sum.max(f64::from(free) * rows)).sum();
        let out = Matrix::new(1, 1, vec![told as f32]);
        let var = self.put(out, Op::Divergence(mean, log_variance, counts));
        (var, columns.iter().sum())
    }

    /// Leaves numbers out, where `mask` is zero, and scales the others.
    pub fn dropped(&mut self, a: Var, mask: Vec<f32>) -> Var {
        let x = self.value(a);
        let values = x.values.iter().zip(&mask).map(|(x, m)| x * m).collect();
        let out = Matrix::new(x.rows, x.columns, values);
        self.put(out, Op::Dropped(a, mask))
    }

    /// The sum of costs in nats of targets under logits; targets `lost` cost nothing. The second tells each row's.
    pub fn cost(&mut self, logits: Var, targets: &[u16], lost: Option<u16>) -> (Var, Vec<f32>) {
        let x = self.value(logits);
        assert_eq!(x.rows, targets.len(), "a target for each row");
        let mut back = x.values.clone();
        log_softmax(&mut back, x.columns);
        let mut costs = vec![0.0; x.rows];
        let rows = back.chunks_exact_mut(x.columns).zip(targets).zip(&mut costs);
        for ((row, target), cost) in rows {
            if lost == Some(*target) {
                row.fill(0.0);
                continue;
            }
            *cost = -row[usize::from(*target)];
            row.iter_mut().for_each(|value| *value = exp(*value));
            row[usize::from(*target)] -= 1.0;
        }
        let sum = costs.iter().map(|cost| f64::from(*cost)).sum::<f64>();
        let out = Matrix::new(1, 1, vec![sum as f32]);
        (self.put(out, Op::Cost(logits, back)), costs)
    }

    /// Numbers, weighted and added up.
    pub fn total(&mut self, parts: &[(Var, f32)]) -> Var {
        let sum = parts
            .iter()
            .map(|(var, by)| self.value(*var).values[0] * by)
            .sum();
        let out = Matrix::new(1, 1, vec![sum]);
        self.put(out, Op::Total(parts.to_vec()))
    }

    /// Adds to `gradients` what flows back from a number to the weights.
    pub fn back(&self, from: Var, gradients: &mut [Vec<f32>]) {
        let mut flows = Flows {
            tape: self,
            of: (0..self.nodes.len()).map(|_| Vec::new()).collect(),
        };
        flows.of[from.0] = vec![1.0];
        for at in (0..=from.0).rev() {
            let d = std::mem::take(&mut flows.of[at]);
            if !d.is_empty() {
                flows.through(at, &d, gradients);
            }
        }
    }
}

/// What flows back to each of a tape.
struct Flows<'a> {
    tape: &'a Tape<'a>,
    of: Vec<Vec<f32>>,
}

impl Flows<'_> {
    /// Where what flows back to `var` is added up.
    fn to(&mut self, var: Var) -> &mut [f32] {
        let length = self.tape.value(var).values.len();
        let flow = &mut self.of[var.0];
        if flow.is_empty() {
            *flow = vec![0.0; length];
        }
        flow
    }

    fn add(&mut self, var: Var, d: impl Iterator<Item = f32>) {
        if matches!(self.tape.nodes[var.0].op, Op::Constant) {
            return;
        }
        self.to(var).iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
    }

    fn through(&mut self, at: usize, d: &[f32], gradients: &mut [Vec<f32>]) {
        let tape = self.tape;
        let out = &tape.nodes[at].value;
        match &tape.nodes[at].op {
            Op::Constant => {}
            Op::Weight(number) => {
                gradients[*number]
                    .iter_mut()
                    .zip(d)
                    .for_each(|(sum, d)| *sum += d);
            }
            Op::Product(a, b) => {
                let (x, y) = (tape.value(*a), tape.value(*b));
                let d = Rows::new(d, out.columns);
                if !matches!(tape.nodes[a.0].op, Op::Constant) {
                    times_turned(d, y.as_rows(), 1.0, self.to(*a), x.columns);
                }
                if !matches!(tape.nodes[b.0].op, Op::Constant) {
                    turned_times(x.as_rows(), d, 1.0, self.to(*b), y.columns);
                }
            }
            Op::Sum(a, b) => {
                self.add(*a, d.iter().copied());
                self.add(*b, d.iter().copied());
            }
            Op::SumRow(a, row) => {
                self.add(*a, d.iter().copied());
                let sums = self.to(*row);
                for d in d.chunks_exact(out.columns) {
                    sums.iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
                }
            }
            Op::Pick(a, rows) => {
                if matches!(tape.nodes[a.0].op, Op::Constant) {
                    return;
                }
                let columns = out.columns;
                let sums = self.to(*a);
                for (row, d) in rows.iter().zip(d.chunks_exact(columns)) {
                    let sums = &mut sums[*row as usize * columns..][..columns];
                    sums.iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
                }
            }
            Op::Columns(a, from) => {
                let whole = tape.value(*a).columns;
                let sums = self.to(*a).chunks_exact_mut(whole);
                for (sums, d) in sums.zip(d.chunks_exact(out.columns)) {
                    let sums = &mut sums[*from..from + out.columns];
                    sums.iter_mut().zip(d).for_each(|(sum, d)| *sum += d);
                }
            }
            Op::Pooled(a, group_of, shares) => {
                let columns = out.columns;
                let sums = self.to(*a).chunks_exact_mut(columns);
                for ((sums, group), share) in sums.zip(group_of).zip(shares) {
                    let d = &d[*group as usize * columns..][..columns];
                    sums.iter_mut().zip(d).for_each(|(sum, d)| *sum += d * share);
                }
            }
            Op::Tanh(a) => self.add(*a, d.iter().zip(&out.values).map(|(d, y)| d * (1.0 - y * y))),
            Op::Rectified(a) => {
                let x = tape.value(*a);
                self.add(*a, d.iter().zip(&x.values).map(|(d, x)| d * 2.0 * x.max(0.0)));
            }
            Op::Norm(a, gain, inverse) => {
                let (x, gain_values) = (tape.value(*a), tape.value(*gain));
                let mut dx = std::mem::take(&mut self.of[a.0]);
                dx.resize(x.values.len(), 0.0);
                norm_back(
                    &x.values,
                    &gain_values.values,
                    inverse,
                    d,
                    &mut dx,
                    self.to(*gain),
                );
                self.of[a.0] = dx;
            }
            Op::Attended(attention) => self.attended(attention, out, d),
            Op::Recurrent(recurrence) => self.recurrent(recurrence, out, d),
            Op::Sampled(mean, log_variance, chance) => {
                let v = tape.value(*log_variance);
                self.add(*mean, d.iter().copied());
                let all = d.iter().zip(&v.values).zip(chance);
                self.add(
                    *log_variance,
                    all.map(|((d, v), e)| d * 0.5 * (0.5 * v).exp() * e),
                );
            }
            Op::Divergence(mean, log_variance, counts) => {
                let (m, v) = (tape.value(*mean), tape.value(*log_variance));
                let columns = || counts.iter().cycle();
                self.add(*mean, m.values.iter().zip(columns()).map(|(m, c)| d[0] * c * m));
                let slopes = v.values.iter().zip(columns());
                self.add(
                    *log_variance,
                    slopes.map(|(v, c)| d[0] * c * 0.5 * (v.exp() - 1.0)),
                );
            }
            Op::Dropped(a, mask) => self.add(*a, d.iter().zip(mask).map(|(d, m)| d * m)),
            Op::Cost(logits, back) => self.add(*logits, back.iter().map(|b| d[0] * b)),
            Op::Total(parts) => {
                for (var, by) in parts {
                    self.add(*var, [d[0] * by].into_iter());
                }
            }
        }
    }

    fn attended(&mut self, attention: &Attention, out: &Matrix, d: &[f32]) {
        let Attention {
            qkv,
            turned,
            levels,
            turns,
            heads,
            places,
            causal,
        } = attention;
        let (width, places) = (out.columns, *places);
        let sizes = Sizes {
            places,
            width,
            heads: *heads,
            causal: *causal,
        };
        let mut levels = levels.clone();
        let mut dqkv = vec![0.0; turned.len()];
        let mut room = AttentionRoom::default();
        let sequences = turned
            .chunks_exact(3 * width * places)
            .zip(out.values.chunks_exact(width * places))
            .zip(levels.chunks_exact_mut(heads * places))
            .zip(d.chunks_exact(width * places))
            .zip(dqkv.chunks_exact_mut(3 * width * places));
        for ((((qkv, out), levels), d), dqkv) in sequences {
            attend_back(sizes, qkv, out, levels, d, dqkv, &mut room);
        }
        turn(turns, &mut dqkv, width, places, true);
        self.add(*qkv, dqkv.into_iter());
    }

    fn recurrent(&mut self, recurrence: &Recurrence, out: &Matrix, d: &[f32]) {
        let Recurrence {
            gates,
            weight,
            first,
            batch,
            open,
        } = recurrence;
        let tape = self.tape;
        let w = tape.value(*weight);
        let (units, batch) = (w.rows, *batch);
        let zeros = Matrix::zeros(batch, 2 * units);
        let first_value = first.map_or(&zeros, |first| tape.value(first));
        let step = batch * 2 * units;
        let mut dgates = vec![0.0; open.len()];
        // What flows back to the state after the step at hand from those after it.
        let mut dstate = vec![0.0; step];
        let back = Factor::turned(w.as_rows());
        for at in (0..open.len() / (batch * 4 * units)).rev() {
            let before = match at {
                0 => &first_value.values[..],
                _ => &out.values[(at - 1) * step..at * step],
            };
            let dgates = &mut dgates[at * batch * 4 * units..][..batch * 4 * units];
            for row in 0..batch {
                let gate = |which: usize| {
                    let from = (at * batch + row) * 4 * units + which * units;
                    &open[from..from + units]
                };
                let (i, f, g, o) = (gate(0), gate(1), gate(2), gate(3));
                let cell = &out.values[at * step + row * 2 * units + units..][..units];
                let cell_before = &before[row * 2 * units + units..][..units];
                let d = &d[at * step + row * 2 * units..][..2 * units];
                let dstate = &mut dstate[row * 2 * units..][..2 * units];
                let dgate = &mut dgates[row * 4 * units..][..4 * units];
                Arch::new()
                    .dispatch(|| step_back(units, [i, f, g, o], [cell, cell_before], d, dstate, dgate));
            }
            back.times(Rows::new(dgates, 4 * units), 0.0, &mut dstate, 2 * units);
        }
        // All steps at once: what each read of the one before, the first of the state it began from.
        let all = Rows::new(&dgates, 4 * units);
        let dweight = self.to(*weight);
        turned_times(
            Rows::part(&first_value.values, 2 * units, 0..batch, 0..units),
            Rows::part(&dgates, 4 * units, 0..batch, 0..4 * units),
            1.0,
            dweight,
            4 * units,
        );
        if all.rows > batch {
            turned_times(
                Rows::part(&out.values, 2 * units, 0..all.rows - batch, 0..units),
                Rows::part(&dgates, 4 * units, batch..all.rows, 0..4 * units),
                1.0,
                dweight,
                4 * units,
            );
        }
        self.add(*gates, dgates.into_iter());
        if let Some(first) = first {
            self.add(*first, dstate.into_iter());
        }
    }
}
