//! `melisma dataset spectrograms` as its users meet it.

mod common;

use std::fs;
use std::path::Path;

use common::{melisma, names_in, run};
use melisma_dataset::Table;
use tempfile::tempdir;

/// A grey picture 128 high.
fn picture(width: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, 128);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header().unwrap();
    let values: Vec<u8> = (0..width as usize * 128)
        .map(|at| (at * at * 31 % 251) as u8)
        .collect();
    writer.write_image_data(&values).unwrap();
    writer.finish().unwrap();
    bytes
}

fn archive(path: &Path, files: &[(&str, Vec<u8>)]) {
    let mut builder = tar::Builder::new(fs::File::create(path).unwrap());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    builder.finish().unwrap();
}

#[test]
fn images_become_a_table() {
    let folder = tempdir().unwrap();
    let (tar, table) = (folder.path().join("s.tar"), folder.path().join("s.csv"));
    let files = [
        ("jazz/jazz.00001.png", picture(32)),
        ("rock/rock.00002.png", picture(40)),
    ];
    archive(&tar, &files);
    let said = run(melisma!("dataset", "spectrograms", &tar, "-o", &table, "--json")).succeeded();
    assert_eq!(
        (&said.json()["rows"], &said.json()["columns"]),
        (&2.into(), &2212.into())
    );
    let read = Table::read_csv(&table).unwrap();
    assert_eq!(read.filenames, ["jazz.00001.png", "rock.00002.png"]);
    assert_eq!(read.labels.unwrap(), ["jazz", "rock"]);
    assert_eq!(read.columns[0], "pattern_1_000");

    // One view, in pieces; a view that is named twice counts once.
    let views = "dynamics,dynamics";
    run(melisma!(
        "dataset",
        "spectrograms",
        &tar,
        "-o",
        &table,
        "--views",
        views,
        "--parts",
        "2"
    ))
    .succeeded();
    let read = Table::read_csv(&table).unwrap();
    assert_eq!((read.len(), read.columns.len()), (4, 1188));
    assert_eq!(read.filenames[3], "rock.00002.1.png");
}

#[test]
fn faulty_images_are_named_and_the_others_read() {
    let folder = tempdir().unwrap();
    let (tar, table) = (folder.path().join("s.tar"), folder.path().join("s.csv"));
    let files = [
        ("jazz/jazz.00001.png", b"not a picture".to_vec()),
        ("jazz/jazz.00002.png", picture(32)),
    ];
    archive(&tar, &files);
    run(melisma!("dataset", "spectrograms", &tar, "-o", &table)).refused(&["s.tar", "jazz.00001.png", "PNG"]);
    assert_eq!(Table::read_csv(&table).unwrap().len(), 1);
}

#[test]
fn nothing_is_written_where_nothing_can_be_read() {
    let folder = tempdir().unwrap();
    let (tar, table) = (folder.path().join("s.tar"), folder.path().join("s.csv"));
    let refused = |said: &[&str]| {
        run(melisma!("dataset", "spectrograms", &tar, "-o", &table)).refused(said);
        assert!(names_in(folder.path()).iter().all(|name| name == "s.tar"));
    };
    refused(&["s.tar"]);
    fs::write(&tar, [7; 2000]).unwrap();
    refused(&["s.tar", "no tar file"]);
    archive(&tar, &[("jazz/notes.txt", b"hello".to_vec())]);
    refused(&["s.tar", "holds no pictures"]);
    archive(&tar, &[("jazz/jazz.00001.png", picture(4))]);
    refused(&["jazz.00001.png", "4 columns"]);
}
