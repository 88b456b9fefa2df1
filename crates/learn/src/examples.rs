//! What an estimator is fitted on.

use std::sync::Arc;

use ndarray::{Array2, Axis};

use crate::{Error, Result};

/// Rows with their classes, checked once so that no estimator has to.
#[derive(Debug, Clone)]
pub struct Examples {
    x: Array2<f64>,
    y: Vec<usize>,
    classes: usize,
    names: Option<Arc<[String]>>,
    groups: Option<Vec<usize>>,
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
        let examples = Examples {
            x,
            y,
            classes,
            names: None,
            groups: None,
        };
        if examples.counts().iter().filter(|&&count| count > 0).count() < 2 {
            return Err(Error::Examples("fewer than two classes have rows".to_owned()));
        }
        Ok(examples)
    }

    /// The same rows with a name for each input.
    ///
    /// # Errors
    /// [`Error::Examples`] when there are more or fewer names than inputs.
    pub fn with_names(mut self, names: Arc<[String]>) -> Result<Examples> {
        if names.len() != self.x.ncols() {
            return Err(Error::Examples(format!(
                "{} names for {} inputs",
                names.len(),
                self.x.ncols()
            )));
        }
        self.names = Some(names);
        Ok(self)
    }

    /// The same rows with the group (track, artist) of each: rows of one group are never parted by an inner fold.
    ///
    /// # Errors
    /// [`Error::Examples`] when there are more or fewer groups than rows.
    pub fn with_groups(mut self, groups: Vec<usize>) -> Result<Examples> {
        if groups.len() != self.y.len() {
            return Err(Error::Examples(format!(
                "{} groups for {} rows",
                groups.len(),
                self.y.len()
            )));
        }
        self.groups = Some(groups);
        Ok(self)
    }

    /// The same rows, classes and groups with other inputs, as a step of a pipeline makes them.
    ///
    /// # Errors
    /// As [`Examples::new`] and [`Examples::with_names`].
    pub fn with_x(&self, x: Array2<f64>, names: Option<Arc<[String]>>) -> Result<Examples> {
        let mut examples = Examples::new(x, self.y.clone(), self.classes)?;
        examples.groups.clone_from(&self.groups);
        match names {
            Some(names) => examples.with_names(names),
            None => Ok(examples),
        }
    }

    /// The rows at these positions, in this order, with their names and groups.
    ///
    /// # Errors
    /// [`Error::Examples`] when fewer than two classes have rows among them.
    ///
    /// # Panics
    /// If a position is out of range.
    pub fn subset(&self, rows: &[usize]) -> Result<Examples> {
        let y = rows.iter().map(|&row| self.y[row]).collect();
        let mut examples = Examples::new(self.x.select(Axis(0), rows), y, self.classes)?;
        examples.names.clone_from(&self.names);
        examples.groups = self
            .groups
            .as_ref()
            .map(|groups| rows.iter().map(|&row| groups[row]).collect());
        Ok(examples)
    }

    /// The inputs' names, where they have any.
    pub fn names(&self) -> Option<&Arc<[String]>> {
        self.names.as_ref()
    }

    /// The name of an input, or its number.
    pub fn name(&self, input: usize) -> String {
        self.names
            .as_ref()
            .map_or_else(|| format!("input {input}"), |names| names[input].clone())
    }

    /// The group of each row, where rows have any.
    pub fn groups(&self) -> Option<&[usize]> {
        self.groups.as_deref()
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
    fn names_and_groups_follow_their_rows() {
        let x = array![[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]];
        let names: Arc<[String]> = ["a".to_owned(), "b".to_owned()].into();
        let examples = Examples::new(x, vec![0, 1, 1], 2).unwrap();
        assert!(examples.clone().with_names([].into()).is_err());
        assert!(examples.clone().with_groups(vec![1]).is_err());
        let examples = examples
            .with_names(names)
            .unwrap()
            .with_groups(vec![7, 8, 9])
            .unwrap();
        let part = examples.subset(&[2, 0]).unwrap();
        assert_eq!((part.y(), part.groups().unwrap()), (&[1, 0][..], &[9, 7][..]));
        assert_eq!((part.x()[[0, 1]], part.name(1)), (6.0, "b".to_owned()));
        let projected = part.with_x(array![[0.0], [1.0]], None).unwrap();
        assert_eq!(
            (projected.name(0).as_str(), projected.groups()),
            ("input 0", part.groups())
        );
        assert!(examples.subset(&[1, 2]).is_err(), "one class");
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
