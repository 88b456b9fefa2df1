//! The numbers behind a figure, as CSV.

/// Rows of texts under named columns.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    columns: usize,
    csv: String,
}

impl Table {
    pub(crate) fn new<S: AsRef<str>>(columns: impl IntoIterator<Item = S>) -> Self {
        let mut table = Table {
            columns: 0,
            csv: String::new(),
        };
        for column in columns {
            table.cell(column.as_ref());
        }
        table.end();
        table
    }

    /// Appends a text to the row begun.
    pub(crate) fn cell(&mut self, text: &str) -> &mut Self {
        if self.columns > 0 {
            self.csv.push(',');
        }
        self.columns += 1;
        if text.contains([',', '"', '\n', '\r']) {
            self.csv.push('"');
            self.csv.push_str(&text.replace('"', "\"\""));
            self.csv.push('"');
        } else {
            self.csv.push_str(text);
        }
        self
    }

    /// Appends a number to the row begun; what is no number is an empty field.
    pub(crate) fn number(&mut self, value: f64) -> &mut Self {
        match value.is_finite() {
            true => self.cell(&value.to_string()),
            false => self.cell(""),
        }
    }

    /// Appends a number of single precision with five digits.
    pub(crate) fn single(&mut self, value: f32) -> &mut Self {
        match value.is_finite() {
            true => self.cell(&format!("{value:.4e}").parse::<f32>().unwrap_or(value).to_string()),
            false => self.cell(""),
        }
    }

    pub(crate) fn end(&mut self) {
        self.columns = 0;
        self.csv.push('\n');
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.csv.into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let mut table = Table::new(["name", "a,b"]);
        table.cell("say \"la\"").number(0.1).end();
        table.cell("x\ny").number(f64::NAN).end();
        assert_eq!(
            String::from_utf8(table.into_bytes()).unwrap(),
            "name,\"a,b\"\n\"say \"\"la\"\"\",0.1\n\"x\ny\",\n"
        );
    }
}
