//! Sequential minimal optimisation of one two-class problem.
//!
//! Minimises `½ αᵀQα - Σα` with `Qᵢⱼ = yᵢyⱼK(xᵢ, xⱼ)`, `0 ≤ αᵢ ≤ Cᵢ` and `yᵀα = 0`, two variables at a time: the
//! pair that violates the optimality conditions most and promises the largest decrease (Fan, Chen and Lin, "Working
//! set selection using second order information for training support vector machines", JMLR 6, 2005), with the shrinking of
//! Chang and Lin, "LIBSVM: a library for support vector machines", 2011, section 4.
//!
//! Works on `vᵢ = -yᵢ ∂f/∂αᵢ = yᵢ - Σⱼ αⱼyⱼKᵢⱼ`, in which no label's sign is left: optimal within `tol` means that the largest
//! `v` that may rise exceeds the smallest that may fall by less than `tol`.

use super::rows::{Rows, padded};
use crate::simd::{arch, vectorise};

/// Points handled side by side; rows are padded to a multiple of it.
const LANES: usize = 8;
/// The least curvature along a pair, as in LIBSVM.
const LEAST_CURVATURE: f32 = 1e-12;
/// Iterations between looks for points to set aside, at most.
const SHRINK_EVERY: usize = 1000;

/// What to solve, apart from the kernel.
pub(super) struct Problem<'a> {
    /// Plus or minus 1 for each point.
    pub(super) y: &'a [f64],
    /// The most each point's multiplier may be; 0 leaves the point out.
    pub(super) c: &'a [f64],
    pub(super) tol: f64,
    pub(super) max_iter: usize,
    pub(super) shrinking: bool,
}

/// A solved problem.
#[derive(Debug, Clone)]
pub(super) struct Solution {
    /// `αᵢyᵢ`.
    pub(super) coef: Vec<f64>,
    pub(super) intercept: f64,
    /// The decision value of every point, also of those left out.
    pub(super) decision: Vec<f64>,
    /// Whether some multiplier was ever at its upper limit: if not, the solution is the same for every larger limit.
    pub(super) bounded: bool,
    /// Whether the tolerance was reached.
    pub(super) converged: bool,
}

/// Solves a problem; `rows` is left with all points active.
pub(super) fn solve(rows: &mut Rows<'_>, problem: &Problem<'_>) -> Solution {
    rows.restore();
    let mut state = State::new(rows, problem);
    let every = SHRINK_EVERY.min(rows.len());
    let mut until_shrink = every;
    let mut converged = false;
    for _ in 0..problem.max_iter {
        let Some(pair) = state.select(rows) else {
            if rows.active().len() == rows.len() {
                converged = true;
                break;
            }
            // Optimal among the active points: look again with all of them.
            state.restore(rows);
            until_shrink = 1;
            continue;
        };
        state.step(pair);
        until_shrink -= 1;
        if until_shrink == 0 {
            until_shrink = every;
            if problem.shrinking {
                state.shrink(rows);
            }
        }
    }
    state.restore(rows);
    state.finish(converged)
}

/// The point that rises, the one that falls, and their kernel rows.
struct Pair {
    up: usize,
    down: usize,
    rows: [std::rc::Rc<Vec<f32>>; 2],
}

/// The extremes of `v`.
#[derive(Debug, Clone, Copy)]
struct Extremes {
    /// The largest of those that may rise, and where.
    largest: f64,
    at: usize,
    /// The smallest of those that may fall.
    smallest: f64,
}

struct State<'a> {
    problem: &'a Problem<'a>,
    alpha: Vec<f64>,
    bounded: bool,
    // For active points only, padded:
    active: Vec<u32>,
    v: Vec<f64>,
    /// 0 where `v` may rise, else minus infinity.
    may_rise: Vec<f64>,
    /// 0 where `v` may fall, else plus infinity.
    may_fall: Vec<f64>,
    diagonal: Vec<f32>,
    extremes: Extremes,
}

impl<'a> State<'a> {
    fn new(rows: &Rows<'_>, problem: &'a Problem<'a>) -> State<'a> {
        let mut state = State {
            problem,
            alpha: vec![0.0; rows.len()],
            bounded: false,
            active: Vec::new(),
            v: Vec::new(),
            may_rise: Vec::new(),
            may_fall: Vec::new(),
            diagonal: Vec::new(),
            extremes: Extremes {
                largest: f64::NEG_INFINITY,
                at: 0,
                smallest: f64::INFINITY,
            },
        };
        state.v = problem.y.to_vec();
        state.adopt(rows);
        state
    }

    /// Takes over the active points from `rows`; `v` holds theirs already.
    fn adopt(&mut self, rows: &Rows<'_>) {
        let size = padded(rows.active().len());
        self.active = rows.active().to_vec();
        self.v.resize(size, 0.0);
        self.diagonal = rows.diagonal();
        self.diagonal.resize(size, 1.0);
        self.may_rise = vec![f64::NEG_INFINITY; size];
        self.may_fall = vec![f64::INFINITY; size];
        (0..self.active.len()).for_each(|at| self.mark(at));
        let (v, rise, fall) = (&self.v, &self.may_rise, &self.may_fall);
        self.extremes = extremes(v, rise, fall);
    }

    /// Notes whether the multiplier of an active point may change either way.
    fn mark(&mut self, at: usize) {
        let point = self.active[at] as usize;
        let (alpha, c, y) = (self.alpha[point], self.problem.c[point], self.problem.y[point]);
        let (can_grow, can_shrink) = (alpha < c, alpha > 0.0);
        let (rise, fall) = if y > 0.0 {
            (can_grow, can_shrink)
        } else {
            (can_shrink, can_grow)
        };
        self.may_rise[at] = if rise { 0.0 } else { f64::NEG_INFINITY };
        self.may_fall[at] = if fall { 0.0 } else { f64::INFINITY };
    }

    /// The pair to change, or nothing where the active points are optimal.
    fn select(&mut self, rows: &mut Rows<'_>) -> Option<Pair> {
        let Extremes {
            largest,
            at: up,
            smallest,
        } = self.extremes;
        if largest - smallest < self.problem.tol || largest == f64::NEG_INFINITY {
            return None;
        }
        let row = rows.row(self.active[up]);
        let down = best_partner(
            &self.v,
            &self.may_fall,
            &row,
            &self.diagonal,
            largest,
            self.diagonal[up],
        )?;
        let other = rows.row(self.active[down]);
        Some(Pair {
            up,
            down,
            rows: [row, other],
        })
    }

    /// Moves along the pair as far as it pays and the limits allow.
    fn step(&mut self, pair: Pair) {
        let Pair {
            up,
            down,
            rows: [row, other],
        } = pair;
        let (i, j) = (self.active[up] as usize, self.active[down] as usize);
        let [own, others, both] = [self.diagonal[up], self.diagonal[down], row[down]].map(f64::from);
        let curvature = (own + others - 2.0 * both).max(f64::from(LEAST_CURVATURE));
        let wanted = (self.v[up] - self.v[down]) / curvature;
        let Problem { y, c, .. } = self.problem;
        let room_up = if y[i] > 0.0 {
            c[i] - self.alpha[i]
        } else {
            self.alpha[i]
        };
        let room_down = if y[j] > 0.0 {
            self.alpha[j]
        } else {
            c[j] - self.alpha[j]
        };
        let length = wanted.min(room_up).min(room_down);
        self.alpha[i] = moved(self.alpha[i], y[i] * length, c[i], length == room_up);
        self.alpha[j] = moved(self.alpha[j], -y[j] * length, c[j], length == room_down);
        self.bounded |= self.alpha[i] >= c[i] || self.alpha[j] >= c[j];
        self.mark(up);
        self.mark(down);
        self.extremes = descend(
            &mut self.v,
            &self.may_rise,
            &self.may_fall,
            [&row, &other],
            length,
        );
    }

    /// Sets points aside that are at a limit and likely to stay there.
    fn shrink(&mut self, rows: &mut Rows<'_>) {
        let Extremes {
            largest, smallest, ..
        } = self.extremes;
        let stays = |&at: &usize| match (self.may_rise[at] == 0.0, self.may_fall[at] == 0.0) {
            (true, true) => true,
            (true, false) => self.v[at] >= smallest,
            (false, true) => self.v[at] <= largest,
            (false, false) => false,
        };
        let kept: Vec<usize> = (0..self.active.len()).filter(stays).collect();
        if kept.len() == self.active.len() {
            return;
        }
        self.v = kept.iter().map(|&at| self.v[at]).collect();
        rows.keep(kept.iter().map(|&at| self.active[at]).collect());
        self.adopt(rows);
    }

    /// Makes all points active again, and computes `v` for those that were not.
    fn restore(&mut self, rows: &mut Rows<'_>) {
        if rows.active().len() == rows.len() {
            return;
        }
        rows.restore();
        let mut v = self.problem.y.to_vec();
        for (point, &alpha) in self.alpha.iter().enumerate() {
            if alpha > 0.0 {
                let coef = alpha * self.problem.y[point];
                let row = rows.row(point as u32);
                v.iter_mut()
                    .zip(row.iter())
                    .for_each(|(v, &k)| *v -= coef * f64::from(k));
            }
        }
        for (&point, &known) in self.active.iter().zip(&self.v) {
            v[point as usize] = known;
        }
        self.v = v;
        self.adopt(rows);
    }

    fn finish(self, converged: bool) -> Solution {
        let Extremes {
            largest, smallest, ..
        } = self.extremes;
        let free = |at: &usize| self.may_rise[*at] == 0.0 && self.may_fall[*at] == 0.0;
        let (mut sum, mut count) = (0.0, 0);
        for at in (0..self.active.len()).filter(free) {
            sum += self.v[at];
            count += 1;
        }
        let intercept = if count > 0 {
            sum / f64::from(count)
        } else {
            (largest + smallest) / 2.0
        };
        let y = self.problem.y;
        Solution {
            coef: self.alpha.iter().zip(y).map(|(alpha, y)| alpha * y).collect(),
            decision: y.iter().zip(&self.v).map(|(y, v)| y - v + intercept).collect(),
            intercept,
            bounded: self.bounded,
            converged,
        }
    }
}

/// A multiplier after a step, exactly at the limit where the step ended there.
fn moved(alpha: f64, step: f64, c: f64, to_limit: bool) -> f64 {
    match (to_limit, step > 0.0) {
        (true, true) => c,
        (true, false) => 0.0,
        (false, _) => (alpha + step).clamp(0.0, c),
    }
}

/// The largest and smallest of many lanes, and the first place of the largest.
struct Best {
    largest: [f64; LANES],
    chunk: [u64; LANES],
    smallest: [f64; LANES],
}

impl Best {
    #[inline(always)]
    fn new() -> Best {
        Best {
            largest: [f64::NEG_INFINITY; LANES],
            chunk: [0; LANES],
            smallest: [f64::INFINITY; LANES],
        }
    }

    #[inline(always)]
    fn take(&mut self, chunk: u64, v: &[f64; LANES], rise: &[f64; LANES], fall: &[f64; LANES]) {
        for lane in 0..LANES {
            let rising = v[lane] + rise[lane];
            let falling = v[lane] + fall[lane];
            let better = rising > self.largest[lane];
            self.largest[lane] = if better { rising } else { self.largest[lane] };
            self.chunk[lane] = if better { chunk } else { self.chunk[lane] };
            self.smallest[lane] = if falling < self.smallest[lane] {
                falling
            } else {
                self.smallest[lane]
            };
        }
    }

    fn merge(&self) -> Extremes {
        let at = |lane: usize| self.chunk[lane] as usize * LANES + lane;
        let mut best = 0;
        for lane in 1..LANES {
            let (value, than) = (self.largest[lane], self.largest[best]);
            if value > than || (value == than && at(lane) < at(best)) {
                best = lane;
            }
        }
        Extremes {
            largest: self.largest[best],
            at: at(best),
            smallest: self.smallest.iter().fold(f64::INFINITY, |a, &b| a.min(b)),
        }
    }
}

fn extremes(v: &[f64], rise: &[f64], fall: &[f64]) -> Extremes {
    let mut best = Best::new();
    let chunks = v
        .as_chunks()
        .0
        .iter()
        .zip(rise.as_chunks().0)
        .zip(fall.as_chunks().0);
    for (chunk, ((v, rise), fall)) in chunks.enumerate() {
        best.take(chunk as u64, v, rise, fall);
    }
    best.merge()
}

/// Subtracts `length` times the difference of two rows from `v`; what are its extremes then?
fn descend(v: &mut [f64], rise: &[f64], fall: &[f64], rows: [&[f32]; 2], length: f64) -> Extremes {
    #[inline(always)]
    fn run(v: &mut [f64], rise: &[f64], fall: &[f64], rows: [&[f32]; 2], length: f64) -> Best {
        let mut best = Best::new();
        let rows = rows[0]
            .as_chunks::<LANES>()
            .0
            .iter()
            .zip(rows[1].as_chunks::<LANES>().0);
        let limits = rise.as_chunks().0.iter().zip(fall.as_chunks().0);
        let chunks = v.as_chunks_mut::<LANES>().0.iter_mut().zip(rows).zip(limits);
        for (chunk, ((v, (row, other)), (rise, fall))) in chunks.enumerate() {
            for lane in 0..LANES {
                v[lane] -= length * f64::from(row[lane] - other[lane]);
            }
            best.take(chunk as u64, v, rise, fall);
        }
        best
    }
    vectorise!(arch(), run(v, rise, fall, rows, length)).merge()
}

/// The point with which a step promises most, if there is one.
fn best_partner(v: &[f64], fall: &[f64], row: &[f32], diagonal: &[f32], top: f64, own: f32) -> Option<usize> {
    #[inline(always)]
    fn run(
        v: &[f64],
        fall: &[f64],
        row: &[f32],
        diagonal: &[f32],
        top: f64,
        own: f32,
    ) -> ([f32; LANES], [u32; LANES]) {
        let (mut most, mut at) = ([0.0f32; LANES], [0u32; LANES]);
        let kernel = row
            .as_chunks::<LANES>()
            .0
            .iter()
            .zip(diagonal.as_chunks::<LANES>().0);
        let chunks = v
            .as_chunks::<LANES>()
            .0
            .iter()
            .zip(fall.as_chunks::<LANES>().0)
            .zip(kernel);
        for (chunk, ((v, fall), (row, diagonal))) in chunks.enumerate() {
            for lane in 0..LANES {
                let violation = (top - (v[lane] + fall[lane])) as f32;
                let violation = if violation > 0.0 { violation } else { 0.0 };
                let curvature = own + diagonal[lane] - 2.0 * row[lane];
                let curvature = if curvature > LEAST_CURVATURE {
                    curvature
                } else {
                    LEAST_CURVATURE
                };
                let gain = violation * violation / curvature;
                let better = gain > most[lane];
                most[lane] = if better { gain } else { most[lane] };
                at[lane] = if better { chunk as u32 } else { at[lane] };
            }
        }
        (most, at)
    }
    let (most, chunk) = vectorise!(arch(), run(v, fall, row, diagonal, top, own));
    let at = |lane: usize| chunk[lane] as usize * LANES + lane;
    let lanes = (0..LANES).filter(|&lane| most[lane] > 0.0);
    lanes
        .max_by(|&a, &b| most[a].total_cmp(&most[b]).then(at(b).cmp(&at(a))))
        .map(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use crate::svm::kernel::{Dots, Function, Gram, Kernel, Points};
    use crate::svm::rows::Source;
    use ndarray::Array2;
    use proptest::prelude::*;

    fn points(seed: u64, n: usize) -> (Array2<f64>, Vec<f64>) {
        let mut rng = Rng::new(seed);
        let x = Array2::from_shape_simple_fn((n, 3), || rng.below(1000) as f64 / 1000.0);
        let y: Vec<f64> = (0..n)
            .map(|row| {
                if x[[row, 0]] + (rng.below(100) as f64) / 100.0 > 1.0 {
                    1.0
                } else {
                    -1.0
                }
            })
            .collect();
        (x, y)
    }

    fn function(kind: Kernel) -> Function {
        Function {
            kind,
            gamma: 2.0,
            coef0: 0.5,
            degree: 3,
        }
    }

    /// How far a solution is from optimal, by a kernel in double precision.
    fn gap(x: &Array2<f64>, y: &[f64], c: &[f64], function: &Function, coef: &[f64]) -> f64 {
        let lengths: Vec<f64> = x.rows().into_iter().map(|row| row.dot(&row)).collect();
        let mut kernel = x.dot(&x.t());
        function.apply(&mut kernel, &lengths, &lengths);
        let (mut largest, mut smallest) = (f64::NEG_INFINITY, f64::INFINITY);
        for at in 0..y.len() {
            let v = y[at]
                - kernel
                    .row(at)
                    .iter()
                    .zip(coef)
                    .map(|(k, coef)| k * coef)
                    .sum::<f64>();
            let alpha = coef[at] * y[at];
            if (y[at] > 0.0 && alpha < c[at]) || (y[at] < 0.0 && alpha > 0.0) {
                largest = largest.max(v);
            }
            if (y[at] > 0.0 && alpha > 0.0) || (y[at] < 0.0 && alpha < c[at]) {
                smallest = smallest.min(v);
            }
        }
        largest - smallest
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn solutions_are_feasible_and_optimal_whatever_the_path(
            seed in any::<u64>(), n in 4usize..150, log_c in -1i32..3,
            kind in prop::sample::select(vec![Kernel::Linear, Kernel::Rbf, Kernel::Poly]),
        ) {
            let (x, mut y) = points(seed, n);
            (y[0], y[1]) = (1.0, -1.0);
            let function = function(kind);
            let c: Vec<f64> = (0..n).map(|at| if at % 7 == 3 { 0.0 } else { 10f64.powi(log_c) }).collect();
            let gram = Gram::new(&Dots::new(&x), &function).unwrap();
            let few = Points::new(&x, &function).unwrap();
            let problem = |shrinking| Problem { y: &y, c: &c, tol: 1e-3, max_iter: 1_000_000, shrinking };
            let whole = solve(&mut Rows::new(Source::Gram(&gram), (0..n).collect(), 1 << 20), &problem(false));
            let shrunk = solve(&mut Rows::new(Source::Gram(&gram), (0..n).collect(), 1 << 20), &problem(true));
            let source = Source::Points(&few, &function);
            let roomy = solve(&mut Rows::new(source, (0..n).collect(), 1 << 20), &problem(true));
            let cramped = solve(&mut Rows::new(source, (0..n).collect(), 0), &problem(true));
            prop_assert_eq!(&roomy.coef, &cramped.coef);
            for solution in [whole, shrunk, roomy] {
                prop_assert!(solution.converged);
                let sum: f64 = solution.coef.iter().sum();
                prop_assert!(sum.abs() < 1e-9 * (1.0 + c[0] * n as f64), "sum {}", sum);
                for ((coef, y), c) in solution.coef.iter().zip(&y).zip(&c) {
                    prop_assert!((0.0..=*c).contains(&(coef * y)));
                }
                let gap = gap(&x, &y, &c, &function, &solution.coef);
                // Kernel values are rounded to single precision.
                let most = (0..n).map(|at| gram.row(at)[at]).fold(0.0, f32::max);
                let scale: f64 = solution.coef.iter().map(|coef| coef.abs() * f64::from(most)).sum();
                prop_assert!(gap < 1.1e-3 + 2e-7 * scale, "gap {}", gap);
                let at_limit = solution.coef.iter().zip(&c).any(|(coef, &c)| c > 0.0 && coef.abs() == c);
                prop_assert!(!at_limit || solution.bounded);
            }
        }

        #[test]
        fn what_no_limit_touched_is_the_same_for_a_larger_one(seed in any::<u64>(), n in 4usize..60) {
            let (x, y) = points(seed, n);
            prop_assume!(y.contains(&1.0) && y.contains(&-1.0));
            let gram = Gram::new(&Dots::new(&x), &function(Kernel::Poly)).unwrap();
            let mut rows = Rows::new(Source::Gram(&gram), (0..n).collect(), 1 << 20);
            let mut run = |c: f64| {
                let c = vec![c; n];
                solve(&mut rows, &Problem { y: &y, c: &c, tol: 1e-3, max_iter: 100_000, shrinking: true })
            };
            let (small, large) = (run(1e3), run(1e5));
            if !small.bounded {
                prop_assert_eq!(small.coef, large.coef);
            }
        }
    }

    #[test]
    fn the_decision_is_that_of_the_expansion_and_iterations_end() {
        let (x, y) = points(3, 60);
        let function = function(Kernel::Rbf);
        let gram = Gram::new(&Dots::new(&x), &function).unwrap();
        let c = vec![10.0; 60];
        let mut rows = Rows::new(Source::Gram(&gram), (0..60).collect(), 1 << 20);
        let problem = |max_iter| Problem {
            y: &y,
            c: &c,
            tol: 1e-3,
            max_iter,
            shrinking: true,
        };
        let solution = solve(&mut rows, &problem(100_000));
        for at in 0..60 {
            let row = gram.row(at).iter().zip(&solution.coef);
            let value = row.map(|(&k, coef)| f64::from(k) * coef).sum::<f64>() + solution.intercept;
            assert!((value - solution.decision[at]).abs() < 1e-6);
        }
        assert!(!solve(&mut rows, &problem(2)).converged);
    }
}
