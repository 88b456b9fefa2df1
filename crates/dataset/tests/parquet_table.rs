//! Parquet tables, ours and others', read back; files that are none are refused.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, DictionaryArray, Float32Array, Float64Array, Int64Array, LargeStringArray,
    ListArray, RecordBatch, StringArray,
};
use melisma_dataset::{ReadOptions, Table, TableReader};
use parquet::arrow::ArrowWriter;

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

fn names() -> ArrayRef {
    Arc::new(StringArray::from(vec!["a.wav", "b.wav", "c.wav"]))
}

#[test]
fn columns_of_every_plain_type_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let labels: DictionaryArray<Int32Type> = ["jazz", "rock", "jazz"].into_iter().collect();
    write(
        &path,
        vec![
            ("filename", names()),
            ("length", Arc::new(Int64Array::from(vec![1, 2, 3]))),
            (
                "f64",
                Arc::new(Float64Array::from(vec![Some(0.5), None, Some(2.0)])),
            ),
            ("f32", Arc::new(Float32Array::from(vec![1.5, 2.5, 3.5]))),
            ("flag", Arc::new(BooleanArray::from(vec![true, false, true]))),
            ("title", Arc::new(LargeStringArray::from(vec!["x", "y", "z"]))),
            ("label", Arc::new(labels)),
        ],
    );
    let mut reader = TableReader::open(&path, &ReadOptions::lenient()).unwrap();
    assert_eq!(reader.columns(), ["f64", "f32", "flag"]);
    assert_eq!(reader.text_columns(), ["title"]);
    let batch = reader.next_batch().unwrap().unwrap();
    assert_eq!(batch.names, ["a.wav", "b.wav", "c.wav"]);
    assert_eq!(batch.labels.unwrap(), ["jazz", "rock", "jazz"]);
    assert_eq!(batch.lengths.unwrap(), [1, 2, 3]);
    assert!(batch.values[3].is_nan());
    assert_eq!(batch.values[4..], [2.5, 0.0, 2.0, 3.5, 1.0]);
    // A table to learn from has neither gaps nor text.
    let error = Table::read(&path, &ReadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("line 2, column `f64`"), "{error}");
}

#[test]
fn what_is_no_table_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.parquet");
    let nested = ListArray::from_iter_primitive::<arrow_array::types::Float64Type, _, _>(vec![
        Some(vec![Some(1.0)]),
        Some(vec![Some(2.0)]),
        None,
    ]);
    write(&path, vec![("filename", names()), ("curve", Arc::new(nested))]);
    let error = Table::read(&path, &ReadOptions::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("column `curve`") && error.contains("neither numbers nor text"),
        "{error}"
    );

    write(
        &path,
        vec![
            ("filename", names()),
            ("a", Arc::new(Float64Array::from(vec![1.0; 3]))),
        ],
    );
    let whole = std::fs::read(&path).unwrap();
    for end in (0..whole.len()).step_by(7) {
        std::fs::write(&path, &whole[..end]).unwrap();
        let error = Table::read(&path, &ReadOptions::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains("t.parquet"), "{error}");
    }
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 0x55;
        std::fs::write(&path, &damaged).unwrap();
        // Whatever it says, it comes back.
        let _ = Table::read(&path, &ReadOptions::default());
    }
}
