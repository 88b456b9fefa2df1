//! Scaling of inputs to their ranks: a uniform or a normal distribution whatever they were.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::{by_column, quantile_of, sorted_columns, sound};
use crate::payload::{Reader, Writer};
use crate::{Error, Examples, Result};

/// What is this near to an end is at the end, before the normal distribution stretches it (as in scikit-learn).
const NEAR: f64 = 1e-7;
/// Landmarks a model file may hold per input.
const MOST_LANDMARKS: usize = 1 << 16;

/// The distribution of the scaled inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Distribution {
    /// Even between 0 and 1.
    #[default]
    Uniform,
    /// Normal with mean 0 and standard deviation 1; the ends are held at about ±5.2.
    Normal,
}

/// Parameters of [`Quantile`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct QuantileParams {
    /// The distribution aimed at.
    pub distribution: Distribution,
    /// How many quantiles are kept, at least 2; never more than there are rows.
    pub quantiles: usize,
}

impl Default for QuantileParams {
    fn default() -> Self {
        QuantileParams {
            distribution: Distribution::Uniform,
            quantiles: 1000,
        }
    }
}

impl QuantileParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Params`] for fewer than 2 or more than 65,536 quantiles.
    pub fn check(&self) -> Result<()> {
        if (2..=MOST_LANDMARKS).contains(&self.quantiles) {
            return Ok(());
        }
        Err(Error::Params {
            estimator: "quantile",
            message: format!("quantiles is {}", self.quantiles),
        })
    }

    /// Takes the quantiles of each input from all rows of the examples (scikit-learn takes a random 10,000 of more).
    ///
    /// # Errors
    /// As [`QuantileParams::check`].
    pub fn fit(&self, examples: &Examples) -> Result<Quantile> {
        self.check()?;
        let count = self.quantiles.min(examples.y().len());
        let columns = sorted_columns(examples.x()).map(|sorted| {
            let at = |index: usize| quantile_of(&sorted, index as f64 / (count - 1) as f64);
            let mut quantiles: Vec<f64> = (0..count).map(at).collect();
            for index in 1..count {
                // Rounding must not undo the order.
                quantiles[index] = quantiles[index].max(quantiles[index - 1]);
            }
            quantiles
        });
        Ok(Quantile {
            quantiles: columns.collect(),
            distribution: self.distribution,
        })
    }
}

/// Maps each input to its rank among the training rows (scikit-learn's `QuantileTransformer`).
///
/// Between two quantiles the rank is interpolated; within a run of equal ones it is the mean of the run's ends; beyond all of
/// them it is that of the end. A constant input becomes the lower end: 0, or -5.2.
#[derive(Debug, Clone, PartialEq)]
pub struct Quantile {
    /// Of each input, in order; all of one length of at least 2.
    quantiles: Vec<Vec<f64>>,
    distribution: Distribution,
}

impl Quantile {
    /// The number of inputs.
    pub fn width(&self) -> usize {
        self.quantiles.len()
    }

    /// The scaled rows, shape (rows, inputs).
    pub fn transform(&self, x: Array2<f64>) -> Array2<f64> {
        by_column(x, |column, value| {
            let quantiles = &self.quantiles[column];
            match self.distribution {
                Distribution::Uniform => rank(quantiles, value, 0.0),
                Distribution::Normal => {
                    let most = normal_quantile(1.0 - (NEAR - f64::EPSILON));
                    normal_quantile(rank(quantiles, value, NEAR)).clamp(-most, most)
                }
            }
        })
    }

    pub(crate) fn write(&self, out: &mut Writer) {
        out.tag(match self.distribution {
            Distribution::Uniform => 0,
            Distribution::Normal => 1,
        });
        out.whole(&[u32::try_from(self.quantiles.len()).unwrap_or(u32::MAX)]);
        self.quantiles.iter().for_each(|column| out.exact(column));
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Quantile> {
        let distribution = match input.tag()? {
            0 => Distribution::Uniform,
            1 => Distribution::Normal,
            tag => return Err(Error::Model(format!("unknown distribution {tag}"))),
        };
        let width = input.whole()?;
        let [width] = width[..] else {
            return Err(Error::Model("malformed scaler".to_owned()));
        };
        let mut quantiles = Vec::new();
        for _ in 0..width {
            let column = input.exact()?;
            sound((2..=MOST_LANDMARKS).contains(&column.len()) && column.iter().all(|v| v.is_finite()))?;
            sound(column.windows(2).all(|pair| pair[0] <= pair[1]))?;
            quantiles.push(column);
        }
        sound(!quantiles.is_empty())?;
        Ok(Quantile {
            quantiles,
            distribution,
        })
    }
}

/// The rank of a value among quantiles, 0 to 1.
fn rank(quantiles: &[f64], value: f64, near: f64) -> f64 {
    let last = quantiles.len() - 1;
    if value - near < quantiles[0] || value == quantiles[0] {
        return 0.0;
    }
    if value + near > quantiles[last] || value == quantiles[last] {
        return 1.0;
    }
    let step = 1.0 / last as f64;
    let below = quantiles.partition_point(|&q| q < value); // the first not below
    let upto = quantiles.partition_point(|&q| q <= value); // the first above
    if below < upto {
        // The value is one of the quantiles.
        return 0.5 * (below as f64 * step + (upto - 1) as f64 * step);
    }
    let (low, high) = (quantiles[below - 1], quantiles[below]);
    ((below - 1) as f64 + (value - low) / (high - low)) * step
}

/// The inverse of the normal distribution function (Wichura, "Algorithm AS 241", 1988; 16 digits).
fn normal_quantile(p: f64) -> f64 {
    let polynomial =
        |coefficients: &[f64; 8], x: f64| coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c);
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * polynomial(&CENTRE.0, r) / polynomial(&CENTRE.1, r);
    }
    let r = (-(if q < 0.0 { p } else { 1.0 - p }).ln()).sqrt();
    let size = if r.is_infinite() {
        f64::INFINITY
    } else if r <= 5.0 {
        polynomial(&MIDDLE.0, r - 1.6) / polynomial(&MIDDLE.1, r - 1.6)
    } else {
        polynomial(&TAIL.0, r - 5.0) / polynomial(&TAIL.1, r - 5.0)
    };
    size.copysign(q)
}

/// Numerator and denominator near the middle, in 0.180625 - (p - ½)².
const CENTRE: ([f64; 8], [f64; 8]) = (
    [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ],
    [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_854,
    ],
);
/// The same farther out, in √(-ln p) - 1.6.
const MIDDLE: ([f64; 8], [f64; 8]) = (
    [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        0.000_774_545_014_278_341_4,
    ],
    [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        0.000_547_593_808_499_534_5,
        1.050_750_071_644_416_9e-9,
    ],
);
/// The same in the tails, in √(-ln p) - 5.
const TAIL: ([f64; 8], [f64; 8]) = (
    [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        0.001_242_660_947_388_078_4,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ],
    [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        0.000_786_869_131_145_613_3,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_7e-15,
    ],
);

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Axis, array};

    #[test]
    fn ranks_are_even_and_equal_values_share_theirs() {
        let x = array![[1.0, 3.0], [10.0, 3.0], [10.0, 3.0], [1000.0, 3.0], [1e6, 3.0]];
        let examples = Examples::new(x.clone(), vec![0, 1, 0, 1, 1], 2).unwrap();
        let scaler = QuantileParams::default().fit(&examples).unwrap();
        let scaled = scaler.transform(x);
        assert_eq!(
            scaled.index_axis(Axis(1), 0).to_vec(),
            [0.0, 0.375, 0.375, 0.75, 1.0]
        );
        assert!(scaled.index_axis(Axis(1), 1).iter().all(|&v| v == 0.0));
        assert_eq!(
            scaler.transform(array![[-1.0, 9.0], [505.0, 0.0]]),
            array![[0.0, 1.0], [0.625, 0.0]]
        );
    }

    #[test]
    fn the_normal_distribution_is_inverted() {
        // scipy.special.ndtri
        for (p, expected) in [
            (0.5, 0.0),
            (0.6, 0.253_347_103_135_799_7),
            (0.975, 1.959_963_984_540_054),
            (1e-4, -3.719_016_485_455_68),
            (1e-12, -7.034_483_825_301_131),
        ] {
            assert!((normal_quantile(p) - expected).abs() < 1e-12, "{p}");
            assert!((normal_quantile(1.0 - p) + expected).abs() < 1e-4, "{p}");
        }
    }
}
