//! Platt's sigmoid (Platt, "Probabilistic outputs for support vector machines", 1999).
//!
//! One class against the rest: `1 / (1 + exp(a s + b))` of the score s, with Platt's smoothed targets, fitted by Newton's method
//! with a backtracking line search (Lin, Lin and Weng, "A note on Platt's probabilistic outputs", 2007). The score is the
//! log-odds of the probability, so that a probability that is right stays as it is.

/// Probabilities are taken to be this far from 0 and 1 before their log-odds.
const NEAREST: f64 = 1e-6;
const MOST_STEPS: usize = 100;

/// The fitted sigmoid of one class.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sigmoid {
    a: f64,
    b: f64,
}

impl Sigmoid {
    pub(super) fn new(a: f64, b: f64) -> Sigmoid {
        Sigmoid { a, b }
    }

    pub(super) fn numbers(&self) -> [f64; 2] {
        [self.a, self.b]
    }

    pub(super) fn fit(probabilities: &[f64], own: &[bool]) -> Sigmoid {
        let scores: Vec<f64> = probabilities.iter().map(|&p| log_odds(p)).collect();
        let positive = own.iter().filter(|&&own| own).count() as f64;
        let negative = own.len() as f64 - positive;
        let (high, low) = ((positive + 1.0) / (positive + 2.0), 1.0 / (negative + 2.0));
        let targets: Vec<f64> = own.iter().map(|&own| if own { high } else { low }).collect();
        let loss = |sigmoid: Sigmoid| -> f64 {
            let terms = scores.iter().zip(&targets).map(|(s, t)| {
                let z = sigmoid.a * s + sigmoid.b;
                // t z + ln(1 + exp(-z)), without overflow
                t * z + (-z.abs()).exp().ln_1p() + (-z).max(0.0)
            });
            terms.sum()
        };
        let mut at = Sigmoid::new(0.0, ((negative + 1.0) / (positive + 1.0)).ln());
        let mut value = loss(at);
        for _ in 0..MOST_STEPS {
            let (mut ga, mut gb, mut haa, mut hab, mut hbb) = (0.0, 0.0, 1e-12, 0.0, 1e-12);
            for (s, t) in scores.iter().zip(&targets) {
                let p = at.of_score(*s);
                let (d, w) = (t - p, p * (1.0 - p));
                ga += d * s;
                gb += d;
                haa += w * s * s;
                hab += w * s;
                hbb += w;
            }
            if ga.abs() < 1e-9 && gb.abs() < 1e-9 {
                break;
            }
            let determinant = haa * hbb - hab * hab;
            let (da, db) = (
                -(hbb * ga - hab * gb) / determinant,
                -(haa * gb - hab * ga) / determinant,
            );
            let slope = ga * da + gb * db;
            let mut step = 1.0;
            let next = loop {
                let next = Sigmoid::new(at.a + step * da, at.b + step * db);
                let next_value = loss(next);
                if next_value < value + 1e-4 * step * slope {
                    break Some((next, next_value));
                }
                step *= 0.5;
                if step < 1e-10 {
                    break None;
                }
            };
            let Some((next, next_value)) = next else {
                break; // the minimum to working precision
            };
            (at, value) = (next, next_value);
        }
        at
    }

    fn of_score(&self, score: f64) -> f64 {
        1.0 / (1.0 + (self.a * score + self.b).exp())
    }

    /// The corrected probability.
    pub(super) fn apply(&self, p: f64) -> f64 {
        self.of_score(log_odds(p))
    }
}

fn log_odds(p: f64) -> f64 {
    let p = p.clamp(NEAREST, 1.0 - NEAREST);
    (p / (1.0 - p)).ln()
}
