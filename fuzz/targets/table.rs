//! Any bytes as a CSV table, read strictly and leniently, and as a Parquet file: an error or a table, nothing else.

#![no_main]

use std::io::{Cursor, Write};

use libfuzzer_sys::fuzz_target;
use melisma_dataset::{ReadOptions, TableReader};

fn drain(reader: melisma_dataset::Result<TableReader>) {
    let Ok(mut reader) = reader else {
        return;
    };
    let width = reader.columns().len();
    while let Ok(Some(batch)) = reader.next_batch() {
        assert_eq!(batch.values.len(), width * batch.len());
    }
}

fuzz_target!(|data: &[u8]| {
    for options in [ReadOptions::default(), ReadOptions::lenient()] {
        drain(TableReader::from_csv(Cursor::new(data.to_vec()), "fuzz", &options));
    }
    if data.starts_with(b"PAR1")
        && let Ok(mut file) = tempfile::Builder::new().suffix(".parquet").tempfile()
        && file.write_all(data).is_ok()
    {
        drain(TableReader::open(file.path(), &ReadOptions::lenient()));
    }
});
