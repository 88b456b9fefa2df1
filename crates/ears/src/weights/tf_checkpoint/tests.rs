use proptest::prelude::*;

use super::*;

/// What goes into an index: a name, a type, a shape, and numbers.
struct Variable<'a> {
    name: &'a str,
    dtype: u8,
    shape: &'a [u64],
    stored: Vec<u8>,
}

fn variable<'a>(name: &'a str, shape: &'a [u64], values: &[f32]) -> Variable<'a> {
    let stored = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    Variable {
        name,
        dtype: 1,
        shape,
        stored,
    }
}

fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number > 127 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    put_varint(out, bytes.len() as u64);
    out.extend(bytes);
}

fn entry(variable: &Variable<'_>, offset: u64) -> Vec<u8> {
    let mut shape = Vec::new();
    for &size in variable.shape {
        let mut dim = vec![8];
        put_varint(&mut dim, size);
        put_bytes(&mut shape, 2, &dim);
    }
    let mut out = vec![8, variable.dtype];
    put_bytes(&mut out, 2, &shape);
    out.push(4 << 3);
    put_varint(&mut out, offset);
    out.push(5 << 3);
    put_varint(&mut out, variable.stored.len() as u64);
    out.push(6 << 3 | 5);
    out.extend(masked_crc32c(&[&variable.stored]).to_le_bytes());
    out
}

/// Adds a block, and answers its place as the index block tells it.
fn put_block(table: &mut Vec<u8>, pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let (mut block, mut before) = (Vec::new(), Vec::new());
    for (key, value) in pairs {
        let shared = key.iter().zip(&before).take_while(|(a, b)| a == b).count();
        put_varint(&mut block, shared as u64);
        put_varint(&mut block, (key.len() - shared) as u64);
        put_varint(&mut block, value.len() as u64);
        block.extend(&key[shared..]);
        block.extend(value);
        before.clone_from(key);
    }
    block.extend(0_u32.to_le_bytes());
    block.extend(1_u32.to_le_bytes());
    let mut place = Vec::new();
    put_varint(&mut place, table.len() as u64);
    put_varint(&mut place, block.len() as u64);
    block.push(0);
    table.extend(&block);
    table.extend(masked_crc32c(&[&block]).to_le_bytes());
    place
}

/// A table with these blocks.
fn table(blocks: &[Vec<(Vec<u8>, Vec<u8>)>]) -> Vec<u8> {
    let mut table = Vec::new();
    let last_key = |block: &[(Vec<u8>, Vec<u8>)]| block.last().map_or(vec![], |pair| pair.0.clone());
    let index: Vec<_> = blocks
        .iter()
        .map(|b| (last_key(b), put_block(&mut table, b)))
        .collect();
    let mut footer = put_block(&mut table, &[]);
    footer.extend(put_block(&mut table, &index));
    footer.resize(40, 0);
    footer.extend(0xdb47_7524_8b80_fb57_u64.to_le_bytes());
    table.extend(footer);
    table
}

const HEADER: &[u8] = b"\x08\x01\x1a\x02\x08\x01";

/// A checkpoint with two variables to a block.
fn checkpoint(variables: &[Variable<'_>]) -> (Vec<u8>, Vec<u8>) {
    let mut pairs = vec![(vec![], HEADER.to_vec())];
    let mut data = Vec::new();
    for variable in variables {
        pairs.push((variable.name.into(), entry(variable, data.len() as u64)));
        data.extend(&variable.stored);
    }
    let blocks: Vec<_> = pairs.chunks(2).map(<[_]>::to_vec).collect();
    (table(&blocks), data)
}

fn sample() -> (Vec<u8>, Vec<u8>) {
    let mut counter = variable("conv/step", &[], &[]);
    (counter.dtype, counter.stored) = (9, 7_u64.to_le_bytes().to_vec());
    checkpoint(&[
        variable("conv/bias", &[2], &[1.0, -2.5]),
        variable("conv/kernel", &[2, 1, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]),
        counter,
        variable("dense/bias", &[], &[9.0]),
        variable("dense/none", &[0, 3], &[]),
    ])
}

#[track_caller]
fn refused((index, data): (Vec<u8>, Vec<u8>), said: &str) {
    let message = read(&index, &data).unwrap_err().to_string();
    assert!(message.contains(said), "{message}");
}

#[test]
fn floating_point_variables_are_read() {
    let (index, data) = sample();
    let weights = read(&index, &data).unwrap();
    let names: Vec<_> = weights.keys().map(String::as_str).collect();
    assert_eq!(names, ["conv/bias", "conv/kernel", "dense/bias", "dense/none"]);
    assert_eq!(weights["conv/bias"].values(), [1.0, -2.5]);
    assert_eq!(weights["conv/kernel"].shape(), [2, 1, 3]);
    assert_eq!(weights["conv/kernel"].values(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    assert_eq!(weights["dense/bias"], Array::new(vec![], vec![9.0]).unwrap());
}

#[test]
fn what_does_not_fit_is_refused() {
    let mut wrong = variable("a", &[2], &[1.0]);
    refused(checkpoint(&[wrong]), "`a`: 4 bytes for the shape [2]");
    refused(
        checkpoint(&[variable("a", &[1 << 40, 1 << 40], &[])]),
        "for the shape",
    );
    refused(checkpoint(&[variable("a", &[1; 9], &[1.0])]), "more than 8 axes");
    refused(
        checkpoint(&[variable("b", &[], &[1.0]), variable("a", &[], &[1.0])]),
        "not in order",
    );
    refused(
        checkpoint(&[variable("a", &[], &[1.0]), variable("a", &[], &[1.0])]),
        "not in order",
    );
    let long = "x".repeat(1025);
    refused(
        checkpoint(&[variable(&long, &[], &[1.0])]),
        "a name of more than 1024 bytes",
    );
    refused((table(&[]), vec![]), "does not begin with its header");
    let header = |bytes: &[u8]| (table(&[vec![(vec![], bytes.to_vec())]]), vec![]);
    refused(header(b"\x08\x02"), "do not lie in one file");
    refused(header(b"\x08\x01\x10\x01"), "not little-endian");

    let (index, mut data) = checkpoint(&[variable("a", &[2], &[1.0, 2.0])]);
    refused(
        (index.clone(), data[..7].to_vec()),
        "`a`: 8 bytes at 0: the data are 7 bytes long",
    );
    data[3] ^= 1;
    refused((index, data), "`a`: its checksum is wrong");

    wrong = variable("a", &[], &[1.0]);
    let (one, two) = (entry(&wrong, 0), entry(&wrong, 0));
    let pairs = vec![
        (vec![], HEADER.to_vec()),
        (b"a".to_vec(), one),
        (b"b".to_vec(), two),
    ];
    refused((table(&[pairs]), wrong.stored), "variables lie over each other");
}

#[test]
fn blocks_are_read_once() {
    let block = vec![(vec![], HEADER.to_vec())];
    let mut bytes = Vec::new();
    let place = put_block(&mut bytes, &block);
    let mut footer = put_block(&mut bytes, &[]);
    footer.extend(put_block(
        &mut bytes,
        &[(vec![], place.clone()), (vec![1], place)],
    ));
    footer.resize(40, 0);
    footer.extend(0xdb47_7524_8b80_fb57_u64.to_le_bytes());
    bytes.extend(footer);
    refused((bytes, vec![]), "blocks of the index lie over each other");
}

#[test]
fn a_cut_index_is_refused_and_a_changed_one_noticed() {
    let (index, data) = sample();
    let whole = read(&index, &data).unwrap();
    for end in 0..index.len() {
        assert!(read(&index[..end], &data).is_err(), "{end}");
    }
    for end in 0..data.len() {
        assert!(read(&index, &data[..end]).is_err(), "{end}");
    }
    // All of the table but the padding of its footer is covered by something.
    for at in 0..index.len() {
        let mut changed = index.clone();
        changed[at] ^= 0x10;
        let in_footer = at >= index.len() - 48;
        if let Ok(weights) = read(&changed, &data) {
            assert!(in_footer && weights == whole, "{at}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_was_stored_is_read(values in prop::collection::vec(prop::collection::vec(-1e9_f32..1e9, 0..9), 0..20)) {
        let names: Vec<_> = (0..values.len()).map(|n| format!("layer/{n:03}")).collect();
        let shapes: Vec<_> = values.iter().map(|v| [1, v.len() as u64]).collect();
        let variables: Vec<_> = (0..values.len()).map(|n| variable(&names[n], &shapes[n], &values[n])).collect();
        let (index, data) = checkpoint(&variables);
        let weights = read(&index, &data).unwrap();
        prop_assert_eq!(weights.len(), values.len());
        for (name, values) in names.iter().zip(values) {
            prop_assert_eq!(weights[name].values(), values);
        }
    }

    #[test]
    fn any_bytes_behind_right_checksums_do_not_panic(block: Vec<u8>, entry: Vec<u8>, data: Vec<u8>) {
        let pairs = vec![(vec![], HEADER.to_vec()), (b"a".to_vec(), entry)];
        let _ = read(&table(&[pairs]), &data);
        let mut bytes = block.clone();
        bytes.push(0);
        bytes.extend(masked_crc32c(&[&bytes]).to_le_bytes());
        let mut footer = vec![0];
        put_varint(&mut footer, block.len() as u64);
        footer.push(0);
        put_varint(&mut footer, block.len() as u64);
        footer.resize(40, 0);
        footer.extend(0xdb47_7524_8b80_fb57_u64.to_le_bytes());
        bytes.extend(footer);
        let _ = read(&bytes, &data);
    }
}
