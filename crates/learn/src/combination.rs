//! A step that makes inputs from named columns: sums of columns and of their logarithms.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::inputs::{self, Inputs, InputsParams, Terms};
use crate::payload::{Reader, Writer};
use crate::{Error, Examples, Result};

/// Parameters of [`Combination`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CombinationParams {
    /// Which inputs; `raw` leaves all columns as they are, whatever their names.
    pub inputs: InputsParams,
}

impl CombinationParams {
    /// Checks the parameters.
    ///
    /// # Errors
    /// As [`InputsParams::build`].
    pub fn check(&self) -> Result<()> {
        self.inputs.build().map(drop)
    }

    /// Finds the columns among the examples'.
    ///
    /// # Errors
    /// As [`CombinationParams::check`], and [`Error::Examples`] for a column that is not there, or columns without names.
    pub fn fit(&self, examples: &Examples) -> Result<Combination> {
        let width = examples.x().ncols();
        if self.inputs == InputsParams::Raw {
            return Ok(Combination {
                params: self.inputs.clone(),
                width,
                names: Vec::new(),
                terms: Vec::new(),
            });
        }
        let built = self.inputs.build()?;
        let columns = examples.names().ok_or_else(|| {
            Error::Examples("inputs are made from named columns, but these have no names".to_owned())
        })?;
        let terms = inputs::resolve(built.list(), columns, "the table").map_err(Error::Examples)?;
        Ok(Combination {
            params: self.inputs.clone(),
            width,
            names: names(&built),
            terms,
        })
    }
}

fn names(inputs: &Inputs) -> Vec<String> {
    inputs.list().iter().map(|input| input.name.clone()).collect()
}

/// Columns found, ready to be combined.
#[derive(Debug, Clone, PartialEq)]
pub struct Combination {
    params: InputsParams,
    /// The number of columns before.
    width: usize,
    /// Of the inputs made; empty where columns stay as they are.
    names: Vec<String>,
    terms: Vec<Terms>,
}

impl Combination {
    /// The inputs, shape (rows, inputs made).
    pub fn transform(&self, x: Array2<f64>) -> Array2<f64> {
        if self.params == InputsParams::Raw {
            return x;
        }
        let mut made = Array2::zeros((x.nrows(), self.terms.len()));
        for (row, mut made) in x.rows().into_iter().zip(made.rows_mut()) {
            let row = row.to_vec();
            for (value, terms) in made.iter_mut().zip(&self.terms) {
                *value = inputs::value(terms, &row);
            }
        }
        made
    }

    /// The inputs' names, from the columns' names.
    pub fn names(&self, before: &[String]) -> Vec<String> {
        if self.params == InputsParams::Raw {
            before.to_vec()
        } else {
            self.names.clone()
        }
    }

    /// The number of columns before and of inputs after.
    pub fn shape(&self) -> (usize, usize) {
        if self.params == InputsParams::Raw {
            (self.width, self.width)
        } else {
            (self.width, self.terms.len())
        }
    }

    /// The parameters, from which names and weights follow, and each term's column.
    pub(crate) fn write(&self, out: &mut Writer) {
        let mut numbers = vec![self.width];
        if let InputsParams::Invariant {
            top_bands,
            directions,
            mfcc_variances,
        } = self.params
        {
            numbers.extend([top_bands, directions, mfcc_variances]);
            numbers.extend(self.terms.iter().flatten().map(|term| term.0));
        }
        out.whole(
            &numbers
                .into_iter()
                .map(|n| u32::try_from(n).unwrap_or(u32::MAX))
                .collect::<Vec<_>>(),
        );
    }

    pub(crate) fn read(input: &mut Reader<'_>) -> Result<Combination> {
        let fault = || Error::Model("malformed inputs".to_owned());
        let numbers: Vec<usize> = input.whole()?.into_iter().map(|n| n as usize).collect();
        let (params, width, columns) = match numbers[..] {
            [width] => (InputsParams::Raw, width, &[][..]),
            [width, top_bands, directions, mfcc_variances, ref columns @ ..] => (
                InputsParams::Invariant {
                    top_bands,
                    directions,
                    mfcc_variances,
                },
                width,
                columns,
            ),
            _ => return Err(fault()),
        };
        if width == 0 || columns.iter().any(|&column| column >= width) {
            return Err(fault());
        }
        if params == InputsParams::Raw {
            return Ok(Combination {
                params,
                width,
                names: Vec::new(),
                terms: Vec::new(),
            });
        }
        let built = params.build().map_err(|error| Error::Model(error.to_string()))?;
        let mut terms: Vec<Terms> = built.terms().to_vec();
        if terms.iter().map(Vec::len).sum::<usize>() != columns.len() {
            return Err(fault());
        }
        for (term, &column) in terms.iter_mut().flatten().zip(columns) {
            term.0 = column;
        }
        Ok(Combination {
            params,
            width,
            names: names(&built),
            terms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use melisma_features::Schema;
    use ndarray::Axis;

    const INVARIANT: InputsParams = InputsParams::Invariant {
        top_bands: 8,
        directions: 2,
        mfcc_variances: 10,
    };

    #[test]
    fn columns_are_found_by_name_wherever_they_are() {
        let names = Schema::Gtzan.names();
        let x = Array2::from_shape_fn((4, names.len()), |(i, j)| 1.0 + (i * 7 + j) as f64);
        let wanted = INVARIANT.build().unwrap();
        let expected: Vec<Vec<f64>> = x
            .rows()
            .into_iter()
            .map(|row| wanted.apply(&row.to_vec()).unwrap())
            .collect();
        let backwards: Vec<usize> = (0..names.len()).rev().collect();
        let reversed: Vec<String> = backwards.iter().map(|&j| names[j].clone()).collect();
        let examples = Examples::new(x.select(Axis(1), &backwards), vec![0, 1, 0, 1], 2).unwrap();
        let params = CombinationParams { inputs: INVARIANT };
        assert!(
            params
                .fit(&examples)
                .unwrap_err()
                .to_string()
                .contains("no names")
        );
        let examples = examples.with_names(reversed.into()).unwrap();
        let step = params.fit(&examples).unwrap();
        let made = step.transform(examples.x().clone());
        for (row, expected) in made.rows().into_iter().zip(&expected) {
            assert_eq!(row.to_vec(), *expected);
        }
        let mut out = Writer::default();
        step.write(&mut out);
        let bytes = out.into_bytes();
        assert_eq!(Combination::read(&mut Reader::new(&bytes)).unwrap(), step);
    }

    #[test]
    fn a_missing_column_is_named() {
        let examples = Examples::new(Array2::zeros((2, 1)), vec![0, 1], 2)
            .unwrap()
            .with_names(["loudness".to_owned()].into())
            .unwrap();
        let error = CombinationParams { inputs: INVARIANT }
            .fit(&examples)
            .unwrap_err();
        assert!(
            error.to_string().contains("the table has no column `rms_var`"),
            "{error}"
        );
        let raw = CombinationParams {
            inputs: InputsParams::Raw,
        }
        .fit(&examples)
        .unwrap();
        assert_eq!(
            (raw.shape(), raw.names(&["a".to_owned()])),
            ((1, 1), vec!["a".to_owned()])
        );
    }
}
