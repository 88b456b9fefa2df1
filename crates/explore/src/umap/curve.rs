//! The curve `1 / (1 + a d^(2b))` nearest to the one that `min_dist` and `spread` stand for.

/// Points of the curve that are fitted.
const POINTS: usize = 300;

/// (a, b) that fit `1` up to `min_dist` and `exp(-(d - min_dist) / spread)` beyond, for distances up to three times the spread, in the least
/// squares sense (Levenberg and Marquardt; umap-learn's `find_ab_params`).
pub(super) fn fit(spread: f64, min_dist: f64) -> (f64, f64) {
    let wanted: Vec<(f64, f64)> = (0..POINTS)
        .map(|i| 3.0 * spread * i as f64 / (POINTS - 1) as f64)
        .map(|d| {
            (
                d,
                if d < min_dist {
                    1.0
                } else {
                    (-(d - min_dist) / spread).exp()
                },
            )
        })
        .collect();
    let error = |a: f64, b: f64| -> f64 { wanted.iter().map(|&(d, y)| (value(a, b, d) - y).powi(2)).sum() };
    let (mut a, mut b, mut damping) = (1.0, 1.0, 1e-3);
    let mut least = error(a, b);
    for _ in 0..200 {
        let (da, db) = step(&wanted, a, b, damping);
        let trial = error(a + da, b + db);
        if trial < least && a + da > 0.0 && b + db > 0.0 {
            let gained = least - trial;
            (a, b, least, damping) = (a + da, b + db, trial, damping / 10.0);
            if gained < 1e-15 {
                break;
            }
        } else {
            damping *= 10.0;
            if damping > 1e12 {
                break;
            }
        }
    }
    (a, b)
}

fn value(a: f64, b: f64, d: f64) -> f64 {
    1.0 / (1.0 + a * d.powf(2.0 * b))
}

/// The damped Gauss-Newton step.
fn step(wanted: &[(f64, f64)], a: f64, b: f64, damping: f64) -> (f64, f64) {
    let (mut aa, mut ab, mut bb, mut ra, mut rb) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for &(d, y) in wanted.iter().filter(|(d, _)| *d > 0.0) {
        let (v, power) = (value(a, b, d), d.powf(2.0 * b));
        let (ga, gb) = (-v * v * power, -v * v * a * power * 2.0 * d.ln());
        aa += ga * ga;
        ab += ga * gb;
        bb += gb * gb;
        ra += ga * (y - v);
        rb += gb * (y - v);
    }
    let (aa, bb) = (aa * (1.0 + damping), bb * (1.0 + damping));
    let determinant = aa * bb - ab * ab;
    (
        (ra * bb - rb * ab) / determinant,
        (rb * aa - ra * ab) / determinant,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parameters_equal_umap_learns() {
        // umap.umap_.find_ab_params(spread, min_dist) of umap-learn 0.5.12.
        for ((spread, min_dist), (a, b)) in [
            ((1.0, 0.1), (1.576943, 0.895061)),
            ((1.0, 0.5), (0.583030, 1.334167)),
        ] {
            let found = fit(spread, min_dist);
            assert!(
                (found.0 - a).abs() < 1e-4 && (found.1 - b).abs() < 1e-4,
                "{found:?}"
            );
        }
    }
}
