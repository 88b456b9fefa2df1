//! The special functions behind p-values and the k-nearest-neighbour estimator.

/// The logarithm of the gamma function for positive `x` (Lanczos' series with g = 7, 9 terms; 15 digits).
pub(super) fn ln_gamma(x: f64) -> f64 {
    const SERIES: [f64; 8] = [
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let sum: f64 = SERIES
        .iter()
        .enumerate()
        .map(|(i, c)| c / (x + i as f64 + 1.0))
        .sum::<f64>()
        + 0.999_999_999_999_809_9;
    let t = x + 7.5;
    0.5 * std::f64::consts::TAU.ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

/// The logarithmic derivative of the gamma function for positive `x`.
pub(super) fn digamma(mut x: f64) -> f64 {
    let mut value = 0.0;
    while x < 10.0 {
        value -= 1.0 / x;
        x += 1.0;
    }
    let r = 1.0 / (x * x);
    let series = r
        * (1.0 / 12.0
            - r * (1.0 / 120.0
                - r * (1.0 / 252.0 - r * (1.0 / 240.0 - r * (1.0 / 132.0 - r * (691.0 / 32760.0))))));
    value + x.ln() - 0.5 / x - series
}

/// The probability that a chi-squared number with `freedom` degrees exceeds `x`.
pub(super) fn chi2_exceeds(x: f64, freedom: f64) -> f64 {
    upper_gamma(0.5 * freedom, 0.5 * x)
}

/// The probability that F with these degrees of freedom exceeds `f`.
pub(super) fn f_exceeds(f: f64, above: f64, below: f64) -> f64 {
    if f.is_infinite() {
        return 0.0;
    }
    beta(0.5 * below, 0.5 * above, below / (below + above * f))
}

/// The regularised upper incomplete gamma function Q(a, x).
fn upper_gamma(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    if x.is_infinite() {
        return 0.0;
    }
    let front = a * x.ln() - x - ln_gamma(a);
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        let mut n = a;
        while term > sum * f64::EPSILON {
            n += 1.0;
            term *= x / n;
            sum += term;
        }
        return (1.0 - front.exp() * sum).clamp(0.0, 1.0);
    }
    let fraction = continued(x + 1.0 - a, |i| {
        let i = i as f64;
        (-i * (i - a), x + 2.0 * i + 1.0 - a)
    });
    (front - fraction.ln()).exp().clamp(0.0, 1.0)
}

/// The regularised incomplete beta function `I_x(a, b)`.
fn beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast on this side only.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - beta(b, a, 1.0 - x);
    }
    let front = ln_gamma(a + b) - ln_gamma(a) - ln_gamma(b) + a * x.ln() + b * (1.0 - x).ln();
    let fraction = continued(1.0, |i| {
        let m = (i / 2) as f64;
        let numerator = if i % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        (numerator, 1.0)
    });
    (front - fraction.ln()).exp() / a
}

/// The continued fraction `b₀ + a₁/(b₁ + a₂/(b₂ + ...))` by Lentz' method; `terms` gives (aᵢ, bᵢ).
fn continued(start: f64, terms: impl Fn(usize) -> (f64, f64)) -> f64 {
    const TINY: f64 = 1e-300;
    let away = |v: f64| if v.abs() < TINY { TINY } else { v };
    let (mut value, mut c, mut d) = (away(start), away(start), 0.0);
    for i in 1..10_000 {
        let (a, b) = terms(i);
        d = 1.0 / away(b + a * d);
        c = away(b + a / c);
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-15 {
            break;
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) {
        assert!((a - b).abs() <= 1e-12 * b.abs().max(1e-300), "{a} {b}");
    }

    #[test]
    fn scipys_values() {
        near(ln_gamma(0.5), 0.572_364_942_924_700_1);
        near(ln_gamma(123.4), 469.336_097_442_190_66);
        near(digamma(1.0), -0.577_215_664_901_532_9);
        near(digamma(37.5), 3.610_948_344_596_338_6);
    }

    #[test]
    fn closed_forms() {
        // Two degrees: exp(-x / 2). F(2, 2): 1 / (1 + f).
        for x in [0.1, 1.0, 7.0, 300.0] {
            near(chi2_exceeds(x, 2.0), (-0.5 * x).exp());
            assert!((f_exceeds(x, 2.0, 2.0) - 1.0 / (1.0 + x)).abs() < 1e-14);
        }
        assert_eq!((chi2_exceeds(0.0, 3.0), f_exceeds(0.0, 3.0, 9.0)), (1.0, 1.0));
        assert_eq!(f_exceeds(f64::INFINITY, 3.0, 9.0), 0.0);
    }
}
