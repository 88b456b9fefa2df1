//! L-BFGS (Nocedal and Wright, "Numerical Optimization", algorithm 7.4) with a backtracking line search, and its
//! orthant-wise variant for absolute values (Andrew and Gao, "Scalable training of L1-regularized log-linear models", ICML
//! 2007).
//!
//! It knows nothing of logistic regression: it minimises a smooth function plus `Σ cᵢ |θᵢ|`.

use std::collections::VecDeque;

use ndarray::{Array2, Zip};

/// Corrections that are remembered.
const MEMORY: usize = 20;

/// What is minimised.
pub(super) trait Function {
    /// Value and gradient of the smooth part.
    fn evaluate(&self, theta: &Array2<f64>) -> (f64, Array2<f64>);

    /// The factor of each absolute value, if there are any.
    fn absolute(&self) -> Option<&Array2<f64>>;

    /// Whether the (pseudo-)gradient is as good as zero.
    fn settled(&self, gradient: &Array2<f64>) -> bool;
}

/// A point with what is known there.
struct Point {
    theta: Array2<f64>,
    /// The whole function, absolute values included.
    value: f64,
    /// Of the smooth part.
    gradient: Array2<f64>,
}

impl Point {
    fn new(function: &impl Function, theta: Array2<f64>) -> Point {
        let (smooth, gradient) = function.evaluate(&theta);
        let absolute = function.absolute().map_or(0.0, |factors| {
            Zip::from(factors)
                .and(&theta)
                .fold(0.0, |sum, c, t| sum + c * t.abs())
        });
        Point {
            theta,
            value: smooth + absolute,
            gradient,
        }
    }

    /// The gradient of the whole function; where that has a kink, its part of least size.
    fn pseudo_gradient(&self, function: &impl Function) -> Array2<f64> {
        let mut gradient = self.gradient.clone();
        if let Some(factors) = function.absolute() {
            Zip::from(&mut gradient)
                .and(&self.theta)
                .and(factors)
                .for_each(|g, &theta, &c| {
                    *g = if theta != 0.0 {
                        *g + c * theta.signum()
                    } else {
                        (g.abs() - c).max(0.0) * g.signum()
                    };
                });
        }
        gradient
    }
}

/// The minimum from `start` on.
pub(super) fn minimise(function: &impl Function, start: Array2<f64>, max_iter: usize) -> Array2<f64> {
    let mut point = Point::new(function, start);
    let mut memory = Memory::default();
    for _ in 0..max_iter {
        let gradient = point.pseudo_gradient(function);
        if function.settled(&gradient) {
            break;
        }
        let next = match search(function, &point, &gradient, &memory) {
            Some(next) => next,
            // What is remembered may mislead; without it, the direction is that of steepest descent.
            None if !memory.corrections.is_empty() => {
                memory = Memory::default();
                continue;
            }
            None => break, // nothing better along the gradient: the minimum to working precision
        };
        memory.push(&next.theta - &point.theta, &next.gradient - &point.gradient);
        point = next;
    }
    point.theta
}

/// A better point along the remembered descent direction.
fn search(function: &impl Function, from: &Point, gradient: &Array2<f64>, memory: &Memory) -> Option<Point> {
    let mut direction = memory.descend(gradient);
    let orthant = function.absolute().map(|_| {
        // Only steps that the pseudo-gradient agrees with.
        Zip::from(&mut direction)
            .and(gradient)
            .for_each(|d, &g| *d = if *d * g < 0.0 { *d } else { 0.0 });
        Zip::from(&from.theta)
            .and(gradient)
            .map_collect(|&theta, &g| if theta != 0.0 { theta.signum() } else { -g.signum() })
    });
    let mut step = if memory.corrections.is_empty() {
        1.0 / (1.0 + dot(gradient, gradient).sqrt())
    } else {
        1.0
    };
    while step > 1e-12 {
        let mut theta = &from.theta + &(step * &direction);
        if let Some(orthant) = &orthant {
            Zip::from(&mut theta)
                .and(orthant)
                .for_each(|theta, &sign| *theta = if *theta * sign > 0.0 { *theta } else { 0.0 });
        }
        let gain = dot(&(&theta - &from.theta), gradient);
        let next = Point::new(function, theta);
        if next.value < from.value && next.value <= from.value + 1e-4 * gain {
            return Some(next);
        }
        step *= 0.5;
    }
    None
}

/// How the gradient turned along the last steps.
#[derive(Default)]
struct Memory {
    /// Step, change of the gradient, and the inverse of their product.
    corrections: VecDeque<(Array2<f64>, Array2<f64>, f64)>,
}

impl Memory {
    fn push(&mut self, moved: Array2<f64>, turned: Array2<f64>) {
        let curvature = dot(&moved, &turned);
        if curvature > 0.0 {
            if self.corrections.len() == MEMORY {
                self.corrections.pop_front();
            }
            self.corrections.push_back((moved, turned, 1.0 / curvature));
        }
    }

    /// Minus the inverse Hessian, as remembered, times the gradient (the two-loop recursion).
    fn descend(&self, gradient: &Array2<f64>) -> Array2<f64> {
        let mut q = -gradient;
        let mut alphas = Vec::with_capacity(self.corrections.len());
        for (moved, turned, rho) in self.corrections.iter().rev() {
            let alpha = rho * dot(moved, &q);
            q.scaled_add(-alpha, turned);
            alphas.push(alpha);
        }
        if let Some((_, turned, rho)) = self.corrections.back() {
            q *= 1.0 / (rho * dot(turned, turned));
        }
        for ((moved, turned, rho), alpha) in self.corrections.iter().zip(alphas.into_iter().rev()) {
            let beta = rho * dot(turned, &q);
            q.scaled_add(alpha - beta, moved);
        }
        q
    }
}

fn dot(a: &Array2<f64>, b: &Array2<f64>) -> f64 {
    Zip::from(a).and(b).fold(0.0, |sum, a, b| sum + a * b)
}
