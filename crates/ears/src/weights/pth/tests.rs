use std::io::{Cursor, Write};

use proptest::prelude::*;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::*;

/// A program that makes a dictionary of one tensor `a`: two numbers of a storage of `count`, with this shape and strides.
fn program(shape: &[u8], strides: &[u8], offset: u8, count: u8) -> Vec<u8> {
    let tuple = |numbers: &[u8]| {
        let items: Vec<u8> = numbers.iter().flat_map(|&n| [b'K', n]).collect();
        [b"(", items.as_slice(), b"t"].concat()
    };
    [
        b"\x80\x02}q\0X\x01\0\0\0actorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n".as_slice(),
        b"X\x01\0\0\x000X\x03\0\0\0cpuK",
        &[count],
        b"tQK",
        &[offset],
        &tuple(shape),
        &tuple(strides),
        b"\x89ccollections\nOrderedDict\n)RtRs.",
    ]
    .concat()
}

fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        zip.start_file(*name, options).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn checkpoint(program: &[u8], values: &[f32]) -> Vec<u8> {
    let stored: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    zipped(&[
        ("x/data.pkl", program),
        ("x/byteorder", b"little"),
        ("x/data/0", &stored),
    ])
}

/// The older format, with the same program.
fn legacy(program: &[u8], values: &[f32]) -> Vec<u8> {
    let mut bytes = LEGACY.to_vec();
    bytes.extend(b"\x80\x02}X\x0d\0\0\0little_endian\x88s.");
    bytes.extend(program);
    bytes.extend(b"\x80\x02]X\x01\0\0\x000a.");
    bytes.extend((values.len() as u64).to_le_bytes());
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    bytes
}

const SIX: [f32; 6] = [0.0, 1.0, 2.0, 3.0, 4.0, 5.0];

#[track_caller]
fn refused(bytes: &[u8], said: &str) {
    let message = read(bytes).unwrap_err().to_string();
    assert!(message.contains(said), "{message}");
}

#[test]
fn strides_are_followed() {
    for pack in [checkpoint, legacy] {
        let read = |shape: &[u8], strides: &[u8], offset| {
            let weights = read(&pack(&program(shape, strides, offset, 6), &SIX)).unwrap();
            (weights["a"].shape().to_vec(), weights["a"].values().to_vec())
        };
        assert_eq!(read(&[2, 3], &[3, 1], 0), (vec![2, 3], SIX.to_vec()));
        assert_eq!(read(&[3, 2], &[1, 3], 0).1, [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        assert_eq!(read(&[2, 1, 2], &[2, 7, 1], 1).1, [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(read(&[2, 2], &[0, 0], 5).1, [5.0; 4]);
        assert_eq!(read(&[], &[], 4), (vec![], vec![4.0]));
        assert_eq!(read(&[0, 9], &[9, 9], 99), (vec![0, 9], vec![]));
    }
}

#[test]
fn what_lies_outside_or_asks_for_too_much_is_refused() {
    let outside = |program: &[u8]| {
        refused(
            &checkpoint(program, &SIX),
            "`a`: it does not lie within its storage",
        )
    };
    outside(&program(&[7], &[1], 0, 6));
    outside(&program(&[2, 3], &[3, 1], 1, 6));
    outside(&program(&[1], &[1], 6, 6));
    refused(
        &checkpoint(&program(&[25], &[0], 0, 6), &SIX),
        "more than four times over",
    );
    refused(
        &checkpoint(&program(&[1], &[1], 0, 7), &SIX),
        "storage `0` holds 24 bytes for 7 numbers",
    );
    refused(
        &legacy(&program(&[1], &[1], 0, 7), &SIX),
        "storage `0` is cut off",
    );
}

#[test]
fn code_is_refused_by_its_name() {
    refused(
        &checkpoint(b"\x80\x02cos\nsystem\nX\x01\0\0\0x\x85R.", &SIX),
        "asks for `os.system`",
    );
    refused(
        &checkpoint(b"\x80\x02c__builtin__\neval\n.", &SIX),
        "`__builtin__.eval`",
    );
    refused(&checkpoint(b"\x80\x04.", &SIX), "protocol 4");
    refused(&checkpoint(b"\x80\x02i", &SIX), "instruction 0x69");
    refused(&checkpoint(b"\x80\x02K\x01.", &SIX), "not a state dictionary");
    refused(
        &checkpoint(b"\x80\x02}X\x01\0\0\0aK\x01s.", &SIX),
        "`a` is no tensor",
    );
}

#[test]
fn endless_and_nested_programs_end() {
    let nested = [b"\x80\x02)".as_slice(), &[0x85; 500_000], b"."].concat();
    refused(&checkpoint(&nested, &SIX), "not a state dictionary");
    let long = [b"\x80\x02".as_slice(), &vec![b'N'; 2_000_000]].concat();
    refused(&checkpoint(&long, &SIX), "longer than 1048576 instructions");
}

#[test]
fn every_cut_is_refused() {
    for whole in [
        checkpoint(&program(&[6], &[1], 0, 6), &SIX),
        legacy(&program(&[6], &[1], 0, 6), &SIX),
    ] {
        assert!(read(&whole).is_ok());
        for end in 0..whole.len() {
            assert!(read(&whole[..end]).is_err(), "{end}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn changed_programs_do_not_panic(at in any::<usize>(), to: u8, more: Vec<u8>) {
        let mut changed = program(&[2, 3], &[3, 1], 0, 6);
        let at = at % changed.len();
        changed[at] = to;
        for pack in [checkpoint, legacy] {
            let _ = read(&pack(&changed, &SIX));
            let _ = read(&pack(&more, &SIX));
        }
    }

    #[test]
    fn a_transposed_tensor_is_the_transpose(rows in 1_usize..6, columns in 1_usize..6) {
        let values: Vec<f32> = (0..rows * columns).map(|n| n as f32).collect();
        let (r, c) = (rows as u8, columns as u8);
        let weights = read(&checkpoint(&program(&[c, r], &[1, c], 0, r * c), &values)).unwrap();
        for (n, value) in weights["a"].values().iter().enumerate() {
            prop_assert_eq!(*value, ((n % rows) * columns + n / rows) as f32);
        }
    }
}
