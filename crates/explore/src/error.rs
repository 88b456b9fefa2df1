//! What can go wrong while exploring a table.

use std::fmt;

use ndarray::ArrayView2;

/// Why a table could not be explored.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The rows are too few, of the wrong shape, or hold values that are not finite.
    Rows(String),
    /// A parameter of a method is out of range.
    Params {
        /// The method.
        method: &'static str,
        /// What is wrong.
        message: String,
    },
    /// The stop flag was raised.
    Interrupted,
}

impl Error {
    pub(crate) fn params<T>(method: &'static str, message: impl Into<String>) -> Result<T, Error> {
        Err(Error::Params {
            method,
            message: message.into(),
        })
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Rows(message) => write!(f, "cannot explore these rows: {message}"),
            Error::Params { method, message } => write!(f, "parameters of {method}: {message}"),
            Error::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Error {}

/// Refuses tables with fewer than `least` rows, without columns, or with a value that is not finite.
pub(crate) fn check_rows(rows: ArrayView2<f64>, least: usize) -> Result<(), Error> {
    if rows.nrows() < least {
        return Err(Error::Rows(format!(
            "{} rows where at least {least} are needed",
            rows.nrows()
        )));
    }
    if rows.ncols() == 0 {
        return Err(Error::Rows("there are no columns".to_owned()));
    }
    // Finding the place takes far longer than finding that there is none.
    if rows.iter().fold(true, |finite, value| finite & value.is_finite()) {
        return Ok(());
    }
    match rows.indexed_iter().find(|(_, value)| !value.is_finite()) {
        Some(((row, column), value)) => Err(Error::Rows(format!("row {row}, column {column} is {value}"))),
        None => Ok(()),
    }
}

/// Refuses a list of labels that is not one per row.
pub(crate) fn check_labels(rows: usize, labels: &[usize]) -> Result<(), Error> {
    if labels.len() == rows {
        return Ok(());
    }
    Err(Error::Rows(format!("{rows} rows and {} labels", labels.len())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_message_names_the_cell() {
        let error = check_rows(array![[1.0, 2.0], [f64::NAN, 0.0], [0.0, 0.0]].view(), 3).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot explore these rows: row 1, column 0 is NaN"
        );
    }

    #[test]
    fn few_rows_and_no_columns_are_refused() {
        assert!(check_rows(array![[1.0], [2.0]].view(), 3).is_err());
        assert!(check_rows(ndarray::Array2::zeros((5, 0)).view(), 3).is_err());
        assert!(check_labels(3, &[0, 1]).is_err());
    }
}
