//! Moments of the columns of a table, in one pass, of parts that can be merged.
//!
//! [`Moments`] follows every column by itself and copes with missing values (NaN); [`Covariance`] follows the columns
//! together and leaves out rows with a value missing. Both take rows a block at a time, hold what does
//! not grow with the rows, and merge with what saw other rows (Chan, Golub and LeVeque 1983; Pébay 2008, "Formulas for
//! robust, one-pass parallel computation of covariances and arbitrary-order statistical moments").

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, Slice};

use crate::{Error, Result, parallel};

/// Rows that are summed before they are merged.
const BLOCK: usize = 1024;

/// Count, mean and the sums of the second to fourth powers of the deviations of one column.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Column {
    count: u64,
    missing: u64,
    mean: f64,
    m2: f64,
    m3: f64,
    m4: f64,
    min: f64,
    max: f64,
}

impl Column {
    const EMPTY: Column = Column {
        count: 0,
        missing: 0,
        mean: 0.0,
        m2: 0.0,
        m3: 0.0,
        m4: 0.0,
        min: f64::INFINITY,
        max: f64::NEG_INFINITY,
    };

    /// Two passes over values that are at hand.
    fn of(values: ArrayView1<f64>) -> Column {
        let present = || values.iter().copied().filter(|value| !value.is_nan());
        let count = present().count();
        let mut column = Column {
            count: count as u64,
            missing: (values.len() - count) as u64,
            ..Column::EMPTY
        };
        if count == 0 {
            return column;
        }
        let first = present().next().unwrap_or(0.0);
        let shift = present().map(|value| value - first).sum::<f64>();
        column.mean = first + shift / count as f64;
        for value in present() {
            let deviation = value - column.mean;
            let square = deviation * deviation;
            column.m2 += square;
            column.m3 += square * deviation;
            column.m4 += square * square;
            column.min = column.min.min(value);
            column.max = column.max.max(value);
        }
        column
    }

    fn merge(&mut self, other: &Column) {
        let missing = self.missing + other.missing;
        if self.count == 0 {
            *self = *other;
        } else if other.count > 0 {
            let (a, b) = (self.count as f64, other.count as f64);
            let n = a + b;
            let d = other.mean - self.mean;
            let (d2, ab) = (d * d, a * b);
            self.m4 += other.m4
                + d2 * d2 * ab * (a * a - ab + b * b) / (n * n * n)
                + 6.0 * d2 * (a * a * other.m2 + b * b * self.m2) / (n * n)
                + 4.0 * d * (a * other.m3 - b * self.m3) / n;
            self.m3 +=
                other.m3 + d2 * d * ab * (a - b) / (n * n) + 3.0 * d * (a * other.m2 - b * self.m2) / n;
            self.m2 += other.m2 + d2 * ab / n;
            self.mean += d * b / n;
            self.count += other.count;
            self.min = self.min.min(other.min);
            self.max = self.max.max(other.max);
        }
        self.missing = missing;
    }

    fn constant(&self) -> bool {
        self.count > 0 && self.min == self.max
    }
}

/// The moments of one column; what is undefined for want of values (or of spread) is NaN.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Values present.
    pub count: u64,
    /// Values missing.
    pub missing: u64,
    /// The arithmetic mean.
    pub mean: f64,
    /// The mean squared deviation from the mean (divided by `count`, as `numpy.var`).
    pub variance: f64,
    /// The third standardised moment (biased, as `scipy.stats.skew`).
    pub skewness: f64,
    /// The fourth standardised moment minus 3 (biased, as `scipy.stats.kurtosis`).
    pub kurtosis: f64,
    /// The least value.
    pub min: f64,
    /// The greatest value.
    pub max: f64,
}

impl Summary {
    /// The square root of the variance.
    pub fn standard_deviation(&self) -> f64 {
        self.variance.sqrt()
    }
}

/// The moments of every column by itself; NaN counts as missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    columns: Vec<Column>,
}

impl Moments {
    /// Nothing seen yet of a table of `columns` columns.
    pub fn new(columns: usize) -> Self {
        Moments {
            columns: vec![Column::EMPTY; columns],
        }
    }

    /// Takes in rows of shape (rows, columns).
    ///
    /// # Errors
    /// [`Error::Rows`] when the number of columns is another, or a value is infinite.
    pub fn add(&mut self, rows: ArrayView2<f64>) -> Result<()> {
        check_columns(rows, self.columns.len())?;
        for block in rows.axis_chunks_iter(Axis(0), BLOCK) {
            for (column, values) in self.columns.iter_mut().zip(block.columns()) {
                column.merge(&Column::of(values));
            }
        }
        Ok(())
    }

    /// Takes in what `other` has seen.
    ///
    /// # Errors
    /// [`Error::Rows`] when the number of columns is another.
    pub fn merge(&mut self, other: &Moments) -> Result<()> {
        check_width(other.columns.len(), self.columns.len())?;
        for (column, seen) in self.columns.iter_mut().zip(&other.columns) {
            column.merge(seen);
        }
        Ok(())
    }

    /// One summary per column.
    pub fn summaries(&self) -> Vec<Summary> {
        self.columns.iter().map(summary).collect()
    }
}

fn summary(column: &Column) -> Summary {
    let n = column.count as f64;
    let some = |value: f64| if column.count > 0 { value } else { f64::NAN };
    let variance = if column.constant() { 0.0 } else { column.m2 / n };
    let shape = |value: f64| if column.constant() { f64::NAN } else { some(value) };
    Summary {
        count: column.count,
        missing: column.missing,
        mean: some(column.mean),
        variance: some(variance),
        skewness: shape(column.m3 / n / variance.powf(1.5)),
        kurtosis: shape(column.m4 / n / (variance * variance) - 3.0),
        min: some(column.min),
        max: some(column.max),
    }
}

/// The means and the covariances of the columns of a table, over rows in which nothing is missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Covariance {
    count: u64,
    left_out: u64,
    mean: Array1<f64>,
    /// Sums of products of deviations, shape (columns, columns).
    products: Array2<f64>,
    min: Array1<f64>,
    max: Array1<f64>,
}

impl Covariance {
    /// Nothing seen yet of a table of `columns` columns.
    pub fn new(columns: usize) -> Self {
        Covariance {
            count: 0,
            left_out: 0,
            mean: Array1::zeros(columns),
            products: Array2::zeros((columns, columns)),
            min: Array1::from_elem(columns, f64::INFINITY),
            max: Array1::from_elem(columns, f64::NEG_INFINITY),
        }
    }

    /// What the rows of one table tell.
    ///
    /// # Errors
    /// As [`Covariance::add`].
    pub fn of(rows: ArrayView2<f64>, threads: usize) -> Result<Self> {
        let mut covariance = Covariance::new(rows.ncols());
        covariance.add(rows, threads)?;
        Ok(covariance)
    }

    /// Takes in rows of shape (rows, columns); a row with a NaN is left out and counted.
    ///
    /// # Errors
    /// [`Error::Rows`] when the number of columns is another, or a value is infinite.
    pub fn add(&mut self, rows: ArrayView2<f64>, threads: usize) -> Result<()> {
        check_columns(rows, self.mean.len())?;
        let blocks = rows.nrows().div_ceil(BLOCK);
        // As many blocks at once as there are threads: each holds a matrix of its own until it is merged.
        for first in (0..blocks).step_by(threads.max(1)) {
            let at_once = threads.max(1).min(blocks - first);
            for part in parallel::map(threads, at_once, |offset| {
                let start = (first + offset) * BLOCK;
                let end = (start + BLOCK).min(rows.nrows());
                Covariance::of_block(rows.slice_axis(Axis(0), Slice::from(start..end)))
            }) {
                self.merge(&part)?;
            }
        }
        Ok(())
    }

    fn of_block(rows: ArrayView2<f64>) -> Covariance {
        let whole: Vec<usize> = (0..rows.nrows())
            .filter(|&row| !rows.row(row).iter().any(|value| value.is_nan()))
            .collect();
        let mut part = Covariance::new(rows.ncols());
        part.count = whole.len() as u64;
        part.left_out = (rows.nrows() - whole.len()) as u64;
        if whole.is_empty() {
            return part;
        }
        let mut rows = rows.select(Axis(0), &whole);
        let first = rows.row(0).to_owned();
        for row in rows.rows() {
            part.min
                .zip_mut_with(&row, |least, &value| *least = least.min(value));
            part.max
                .zip_mut_with(&row, |most, &value| *most = most.max(value));
        }
        rows -= &first;
        let shift = rows.sum_axis(Axis(0)) / whole.len() as f64;
        rows -= &shift;
        part.mean = first + shift;
        part.products = rows.t().dot(&rows);
        part
    }

    /// Takes in what `other` has seen.
    ///
    /// # Errors
    /// [`Error::Rows`] when the number of columns is another.
    pub fn merge(&mut self, other: &Covariance) -> Result<()> {
        check_width(other.mean.len(), self.mean.len())?;
        self.left_out += other.left_out;
        if other.count == 0 {
            return Ok(());
        }
        let (a, b) = (self.count as f64, other.count as f64);
        let difference = &other.mean - &self.mean;
        self.products += &other.products;
        let weight = a * b / (a + b);
        for (mut row, &left) in self.products.rows_mut().into_iter().zip(&difference) {
            row.scaled_add(weight * left, &difference);
        }
        self.mean.scaled_add(b / (a + b), &difference);
        self.min
            .zip_mut_with(&other.min, |least, &value| *least = least.min(value));
        self.max
            .zip_mut_with(&other.max, |most, &value| *most = most.max(value));
        self.count += other.count;
        Ok(())
    }

    /// Rows taken in.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Rows left out because a value was missing.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.mean.len()
    }

    /// The means, shape (columns).
    pub fn mean(&self) -> ArrayView1<'_, f64> {
        self.mean.view()
    }

    /// The columns that have the same value in every row.
    pub fn constant(&self) -> Vec<usize> {
        (0..self.columns())
            .filter(|&column| self.min[column] >= self.max[column])
            .collect()
    }

    /// The covariances with divisor `count - ddof`, shape (columns, columns); exactly 0 for a constant column.
    ///
    /// # Errors
    /// [`Error::Rows`] when there are no more than `ddof` rows.
    pub fn matrix(&self, ddof: u64) -> Result<Array2<f64>> {
        if self.count <= ddof {
            return Err(Error::Rows(format!(
                "{} rows without a missing value",
                self.count
            )));
        }
        let mut matrix = &self.products / (self.count - ddof) as f64;
        for column in self.constant() {
            matrix.row_mut(column).fill(0.0);
            matrix.column_mut(column).fill(0.0);
        }
        Ok(matrix)
    }

    /// The population standard deviations (divisor `count`, as scikit-learn's `StandardScaler`), shape (columns);
    /// exactly 0 for a constant column.
    ///
    /// # Errors
    /// [`Error::Rows`] when there are no rows.
    pub fn standard_deviations(&self) -> Result<Array1<f64>> {
        Ok(self.matrix(0)?.diag().mapv(f64::sqrt))
    }
}

fn check_columns(rows: ArrayView2<f64>, columns: usize) -> Result<()> {
    check_width(rows.ncols(), columns)?;
    match rows.indexed_iter().find(|(_, value)| value.is_infinite()) {
        Some(((row, column), _)) => Err(Error::Rows(format!("row {row}, column {column} is infinite"))),
        None => Ok(()),
    }
}

fn check_width(found: usize, expected: usize) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Rows(format!(
        "{found} columns where {expected} are expected"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_great_offset_does_not_swallow_the_spread() {
        let rows = Array2::from_shape_fn((5000, 1), |(row, _)| 1e9 + (row % 2) as f64);
        let mut moments = Moments::new(1);
        moments.add(rows.view()).unwrap();
        let summary = moments.summaries()[0];
        assert!((summary.variance - 0.25).abs() < 1e-9 && summary.skewness.abs() < 1e-9);
        assert!((summary.kurtosis + 2.0).abs() < 1e-9);
        let covariance = Covariance::of(rows.view(), 2).unwrap().matrix(0).unwrap();
        assert!((covariance[[0, 0]] - 0.25).abs() < 1e-9);
    }

    #[test]
    fn missing_values_are_counted_and_left_out() {
        let rows = array![[1.0, f64::NAN], [3.0, 5.0], [f64::NAN, f64::NAN]];
        let mut moments = Moments::new(2);
        moments.add(rows.view()).unwrap();
        let [first, second] = moments.summaries()[..] else {
            panic!()
        };
        assert_eq!(
            (first.count, first.missing, first.mean, first.variance),
            (2, 1, 2.0, 1.0)
        );
        assert_eq!((second.count, second.mean, second.variance), (1, 5.0, 0.0));
        assert!(second.skewness.is_nan());
        let covariance = Covariance::of(rows.view(), 1).unwrap();
        assert_eq!((covariance.count(), covariance.left_out()), (1, 2));
    }

    #[test]
    fn a_constant_column_has_no_variance_at_all() {
        let rows = Array2::from_elem((3000, 1), 0.1);
        let mut moments = Moments::new(1);
        moments.add(rows.view()).unwrap();
        assert_eq!(moments.summaries()[0].variance, 0.0);
        let covariance = Covariance::of(rows.view(), 1).unwrap();
        assert_eq!(covariance.constant(), [0]);
        assert_eq!(covariance.standard_deviations().unwrap()[0], 0.0);
    }

    #[test]
    fn faults_are_errors() {
        let mut moments = Moments::new(2);
        assert!(moments.add(array![[1.0]].view()).is_err());
        assert!(moments.add(array![[1.0, f64::INFINITY]].view()).is_err());
        assert!(moments.merge(&Moments::new(3)).is_err());
        assert!(moments.summaries()[0].mean.is_nan());
        assert!(Covariance::new(2).matrix(0).is_err());
        assert!(Covariance::new(2).merge(&Covariance::new(3)).is_err());
    }
}
