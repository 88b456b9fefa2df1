//! What an estimator is fitted on.

use ndarray::Array2;

use crate::{Error, Result};

/// Rows with their classes, checked once so that no estimator has to.
#[derive(Debug, Clone)]
pub struct Examples {
    x: Array2<f64>,
    y: Vec<usize>,
    classes: usize,
}

impl Examples {
    /// Rows `x` of shape (rows, inputs), the class of each in `y`, each below `classes`.
    ///
    /// Some classes may have no row: a fold may lack a genre. Estimators give these probability 0.
    ///
    /// # Errors
    /// [`Error::Examples`] when lengths differ, a value is not finite, a class is out of range, or fewer
    /// than two classes have rows.
    pub fn new(x: Array2<f64>, y: Vec<usize>, classes: usize) -> Result<Examples> {
        if x.nrows() != y.len() {
            return Err(Error::Examples(format!(
                "{} rows but {} classes",
                x.nrows(),
                y.len()
            )));
        }
        if x.ncols() == 0 {
            return Err(Error::Examples("no inputs".to_owned()));
        }
        if let Some((position, value)) = x.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return Err(Error::Examples(format!(
                "row {} input {} is {value}",
                position.0, position.1
            )));
        }
        if let Some(class) = y.iter().find(|&&class| class >= classes) {
            return Err(Error::Examples(format!("class {class} of {classes}")));
        }
        let examples = Examples { x, y, classes };
        if examples.counts().iter().filter(|&&count| count > 0).count() < 2 {
            return Err(Error::Examples("fewer than two classes have rows".to_owned()));
        }
        Ok(examples)
    }

    /// The rows, shape (rows, inputs).
    pub fn x(&self) -> &Array2<f64> {
        &self.x
    }

    /// The class of each row.
    pub fn y(&self) -> &[usize] {
        &self.y
    }

    /// How many classes there are, with or without rows.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The number of rows of each class.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        for &class in &self.y {
            counts[class] += 1;
        }
        counts
    }

    /// The classes that have rows, in order.
    pub fn present(&self) -> Vec<usize> {
        self.counts()
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(class, _)| class)
            .collect()
    }

    /// The weight of each row: 1, or such that all present classes weigh the same (mean 1).
    ///
    /// Balanced weights are scikit-learn's: rows / (present classes x rows of the class).
    pub fn weights(&self, balanced: bool) -> Vec<f64> {
        if !balanced {
            return vec![1.0; self.y.len()];
        }
        let counts = self.counts();
        let present = counts.iter().filter(|&&count| count > 0).count();
        let rows = self.y.len() as f64;
        self.y
            .iter()
            .map(|&class| rows / (present as f64 * counts[class] as f64))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn faults_are_named() {
        let x = array![[1.0], [2.0]];
        for (x, y, said) in [
            (x.clone(), vec![0], "2 rows but 1 classes"),
            (array![[1.0], [f64::NAN]], vec![0, 1], "row 1 input 0 is NaN"),
            (x.clone(), vec![0, 3], "class 3 of 3"),
            (x.clone(), vec![1, 1], "fewer than two classes"),
            (Array2::zeros((0, 1)), vec![], "fewer than two classes"),
            (Array2::zeros((2, 0)), vec![0, 1], "no inputs"),
        ] {
            let error = Examples::new(x, y, 3).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn balanced_weights_give_classes_the_same_say() {
        let examples = Examples::new(Array2::zeros((4, 1)), vec![0, 0, 0, 2], 3).unwrap();
        assert_eq!(examples.present(), [0, 2]);
        let weights = examples.weights(true);
        assert!((weights[..3].iter().sum::<f64>() - weights[3]).abs() < 1e-12);
        assert!((weights.iter().sum::<f64>() - 4.0).abs() < 1e-12);
    }
}
