//! A reader of ONNX files: the graph's nodes in order, and its constant tensors.
//!
//! ONNX is one protocol-buffer message, read here by hand: the fields a network of ours needs, and no others. Nothing is
//! executed, sub-graphs are not entered, and tensors stored outside the file are refused. Every length is held against the bytes
//! that are there. Source: `onnx/onnx.proto` of <https://github.com/onnx/onnx>.

use std::collections::BTreeMap;

use super::{Array, Fault, Weights};

/// A network as its file tells it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Graph {
    /// The operations in the order of their computation.
    pub nodes: Vec<Node>,
    /// Constant tensors of 32-bit floats.
    pub initializers: Weights,
    /// Constant tensors of 64-bit integers (shapes and axes), row-major.
    pub integers: BTreeMap<String, Vec<i64>>,
    /// Names of what goes in.
    pub inputs: Vec<String>,
    /// Names of what comes out.
    pub outputs: Vec<String>,
}

/// An operation of a network.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Node {
    /// Its type, such as `Conv`.
    pub op: String,
    /// Its own name; may be empty.
    pub name: String,
    /// Names of the tensors it reads; an optional one that is left out is empty.
    pub inputs: Vec<String>,
    /// Names of the tensors it makes.
    pub outputs: Vec<String>,
    /// Its settings by name; those that hold tensors or graphs are left out.
    pub attributes: BTreeMap<String, Attribute>,
}

/// A setting of an operation.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// A number.
    Float(f32),
    /// A whole number.
    Int(i64),
    /// Text.
    Text(String),
    /// Numbers.
    Floats(Vec<f32>),
    /// Whole numbers.
    Ints(Vec<i64>),
}

impl Node {
    /// The whole numbers of a setting, if it has them.
    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        match self.attributes.get(name) {
            Some(Attribute::Ints(values)) => Some(values),
            _ => None,
        }
    }

    /// The whole number of a setting, if it has one.
    pub fn int(&self, name: &str) -> Option<i64> {
        match self.attributes.get(name) {
            Some(&Attribute::Int(value)) => Some(value),
            _ => None,
        }
    }
}

/// Names, nodes and settings a file may hold together: far more than any network has, and too few to fill the memory.
const MAX_PARTS: usize = 1 << 18;
/// Dimensions a tensor may have.
const MAX_DIMENSIONS: usize = 16;

impl Graph {
    /// Reads the bytes of an ONNX file.
    ///
    /// Tensors of types other than 32-bit floats and 64-bit integers are passed over.
    ///
    /// # Errors
    /// When the bytes are no ONNX model, end too early, or contradict themselves.
    pub fn parse(bytes: &[u8]) -> Result<Graph, Fault> {
        let mut graph = None;
        let mut parts = MAX_PARTS;
        for field in Fields(bytes) {
            if let (7, Value::Bytes(body)) = field? {
                if graph.is_some() {
                    return Err(Fault::new("an ONNX file with two graphs"));
                }
                graph = Some(read_graph(body, &mut parts)?);
            }
        }
        graph.ok_or_else(|| Fault::new("no ONNX model: it has no graph"))
    }
}

fn read_graph(bytes: &[u8], parts: &mut usize) -> Result<Graph, Fault> {
    let mut graph = Graph::default();
    for field in Fields(bytes) {
        let (number, Value::Bytes(body)) = field? else {
            continue;
        };
        match number {
            1 => graph.nodes.push(read_node(body, parts)?),
            5 => read_tensor(body, &mut graph, parts)?,
            11 => graph.inputs.push(read_value_name(body, parts)?),
            12 => graph.outputs.push(read_value_name(body, parts)?),
            15 => return Err(Fault::new("sparse tensors are not read")),
            _ => {}
        }
    }
    Ok(graph)
}

fn read_node(bytes: &[u8], parts: &mut usize) -> Result<Node, Fault> {
    spend(parts)?;
    let mut node = Node::default();
    for field in Fields(bytes) {
        let (number, Value::Bytes(body)) = field? else {
            continue;
        };
        match number {
            1 => node.inputs.push(part(body, parts)?),
            2 => node.outputs.push(part(body, parts)?),
            3 => node.name = text(body)?,
            4 => node.op = text(body)?,
            5 => {
                spend(parts)?;
                if let (name, Some(attribute)) = read_attribute(body)? {
                    node.attributes.insert(name, attribute);
                }
            }
            _ => {}
        }
    }
    Ok(node)
}

fn read_attribute(bytes: &[u8]) -> Result<(String, Option<Attribute>), Fault> {
    let (mut name, mut one) = (String::new(), None);
    let (mut floats, mut ints) = (Vec::new(), Vec::new());
    for field in Fields(bytes) {
        match field? {
            (1, Value::Bytes(body)) => name = text(body)?,
            (2, Value::Word(bits)) => one = Some(Attribute::Float(f32::from_bits(bits))),
            (3, Value::Varint(value)) => one = Some(Attribute::Int(value as i64)),
            (4, Value::Bytes(body)) => one = Some(Attribute::Text(text(body)?)),
            (7, value) => push_floats(value, &mut floats)?,
            (8, value) => push_ints(value, &mut ints)?,
            _ => {}
        }
    }
    let many = if !floats.is_empty() {
        Some(Attribute::Floats(floats))
    } else if !ints.is_empty() {
        Some(Attribute::Ints(ints))
    } else {
        None
    };
    Ok((name, one.or(many)))
}

/// The name of a graph's input or output.
fn read_value_name(bytes: &[u8], parts: &mut usize) -> Result<String, Fault> {
    for field in Fields(bytes) {
        if let (1, Value::Bytes(body)) = field? {
            return part(body, parts);
        }
    }
    Ok(String::new())
}

const FLOAT: u64 = 1;
const INT64: u64 = 7;

/// Reads a constant tensor and files it under its name.
fn read_tensor(bytes: &[u8], graph: &mut Graph, parts: &mut usize) -> Result<(), Fault> {
    spend(parts)?;
    let (mut name, mut kind, mut raw) = (String::new(), 0, None);
    let (mut dims, mut floats, mut ints) = (Vec::new(), Vec::new(), Vec::new());
    for field in Fields(bytes) {
        match field? {
            (1, value) => push_ints(value, &mut dims)?,
            (2, Value::Varint(value)) => kind = value,
            (4, value) => push_floats(value, &mut floats)?,
            (7, value) => push_ints(value, &mut ints)?,
            (8, Value::Bytes(body)) => name = text(body)?,
            (9, Value::Bytes(body)) => raw = Some(body),
            (13, _) | (14, Value::Varint(1)) => {
                return Err(Fault::new(format!("`{name}` is stored outside the file")));
            }
            _ => {}
        }
        if dims.len() > MAX_DIMENSIONS {
            return Err(Fault::new(format!(
                "`{name}` has more than {MAX_DIMENSIONS} dimensions"
            )));
        }
    }
    let shape: Vec<usize> = dims
        .iter()
        .map(|&n| usize::try_from(n))
        .collect::<Result<_, _>>()
        .map_err(|_| Fault::new(format!("`{name}` has the shape {dims:?}")))?;
    let twice = match kind {
        FLOAT => {
            let values = match raw {
                Some(raw) => words(raw, &name)?.map(f32::from_le_bytes).collect(),
                None => floats,
            };
            let array =
                Array::new(shape, values).map_err(|fault| Fault::new(format!("`{name}`: {fault}")))?;
            graph.initializers.insert(name.clone(), array).is_some()
        }
        INT64 => {
            let values: Vec<i64> = match raw {
                Some(raw) => words(raw, &name)?.map(i64::from_le_bytes).collect(),
                None => ints,
            };
            let asked = shape.iter().try_fold(1_usize, |all, &n| all.checked_mul(n));
            if asked != Some(values.len()) {
                let got = values.len();
                return Err(Fault::new(format!(
                    "`{name}`: {got} values for the shape {shape:?}"
                )));
            }
            graph.integers.insert(name.clone(), values).is_some()
        }
        _ => false,
    };
    if twice {
        return Err(Fault::new(format!("two tensors are called `{name}`")));
    }
    Ok(())
}

/// Cuts raw data into numbers of `N` bytes.
fn words<'a, const N: usize>(raw: &'a [u8], name: &str) -> Result<impl Iterator<Item = [u8; N]> + 'a, Fault> {
    let (words, rest) = raw.as_chunks::<N>();
    if !rest.is_empty() {
        return Err(Fault::new(format!(
            "`{name}` holds {} bytes: no whole number of values",
            raw.len()
        )));
    }
    Ok(words.iter().copied())
}

fn spend(parts: &mut usize) -> Result<(), Fault> {
    *parts = parts
        .checked_sub(1)
        .ok_or_else(|| Fault::new(format!("more than {MAX_PARTS} names, nodes and tensors")))?;
    Ok(())
}

fn part(bytes: &[u8], parts: &mut usize) -> Result<String, Fault> {
    spend(parts)?;
    text(bytes)
}

fn text(bytes: &[u8]) -> Result<String, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|_| Fault::new("a name that is no UTF-8"))?;
    Ok(text.to_owned())
}

/// Appends a repeated float field, packed or not.
fn push_floats(value: Value, out: &mut Vec<f32>) -> Result<(), Fault> {
    match value {
        Value::Word(bits) => out.push(f32::from_bits(bits)),
        Value::Bytes(body) => out.extend(words(body, "float_data")?.map(f32::from_le_bytes)),
        _ => return Err(Fault::new("a list of floats of the wrong type")),
    }
    Ok(())
}

/// Appends a repeated integer field, packed or not.
fn push_ints(value: Value, out: &mut Vec<i64>) -> Result<(), Fault> {
    match value {
        Value::Varint(value) => out.push(value as i64),
        Value::Bytes(mut body) => {
            while !body.is_empty() {
                out.push(varint(&mut body)? as i64);
            }
        }
        _ => return Err(Fault::new("a list of integers of the wrong type")),
    }
    Ok(())
}

/// The value of a field.
enum Value<'a> {
    Varint(u64),
    Word(u32),
    Long,
    Bytes(&'a [u8]),
}

/// The fields of a message, each with its number.
struct Fields<'a>(&'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<(u64, Value<'a>), Fault> {
        let key = varint(&mut self.0)?;
        let value = match key & 7 {
            0 => Value::Varint(varint(&mut self.0)?),
            1 => {
                self.take(8)?;
                Value::Long
            }
            2 => {
                let length = varint(&mut self.0)?;
                Value::Bytes(self.take(length)?)
            }
            5 => {
                let bytes = self.take(4)?;
                Value::Word(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            }
            other => return Err(Fault::new(format!("a field of the unknown wire type {other}"))),
        };
        Ok((key >> 3, value))
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], Fault> {
        let split = usize::try_from(length)
            .ok()
            .and_then(|n| self.0.split_at_checked(n));
        let (head, tail) = split.ok_or_else(|| {
            Fault::new(format!(
                "a field of {length} bytes where {} are left",
                self.0.len()
            ))
        })?;
        self.0 = tail;
        Ok(head)
    }
}

/// Reads an integer of one to ten bytes, the lowest seven bits first.
fn varint(bytes: &mut &[u8]) -> Result<u64, Fault> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes
            .split_first()
            .ok_or_else(|| Fault::new("it ends in the middle of a number"))?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Fault::new("a number of more than ten bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, body: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2];
        let mut length = body.len();
        while length > 0x7f {
            out.push((length as u8 & 0x7f) | 0x80);
            length >>= 7;
        }
        out.push(length as u8);
        out.extend_from_slice(body);
        out
    }

    fn tensor(name: &str, dims: &[u8], kind: u8, data: Vec<u8>) -> Vec<u8> {
        [
            field(1, dims),
            vec![2 << 3, kind],
            data,
            field(8, name.as_bytes()),
        ]
        .concat()
    }

    /// A model of one convolution with every kind of field that is read.
    fn model() -> Vec<u8> {
        let raw: Vec<u8> = [1.0_f32, -2.0, 3.5, 0.25, 5.0, 6.0]
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect();
        let pads = [field(1, b"pads"), field(8, &[3, 0, 3, 0])].concat();
        let epsilon = [
            field(1, b"epsilon"),
            [&[2 << 3 | 5][..], &0.5_f32.to_le_bytes()].concat(),
        ]
        .concat();
        let node = [
            field(1, b"x"),
            field(1, b"w"),
            field(2, b"y"),
            field(3, b"first"),
            field(4, b"Conv"),
            field(5, &pads),
            field(5, &epsilon),
        ]
        .concat();
        let graph = [
            field(1, &node),
            field(5, &tensor("w", &[2, 3], 1, field(9, &raw))),
            field(5, &tensor("b", &[2], 1, field(4, &raw[..8]))),
            field(5, &tensor("shape", &[2], 7, field(7, &[4, 0x80, 1]))),
            field(5, &tensor("bytes", &[2], 2, field(9, &[1, 2]))),
            field(11, &field(1, b"x")),
            field(12, &field(1, b"y")),
        ]
        .concat();
        [vec![1 << 3, 8], field(7, &graph)].concat()
    }

    #[test]
    fn a_model_is_read() {
        let graph = Graph::parse(&model()).unwrap();
        let node = &graph.nodes[0];
        assert_eq!((node.op.as_str(), node.name.as_str()), ("Conv", "first"));
        assert_eq!(
            (&node.inputs[..], &node.outputs[..]),
            (&["x".into(), "w".into()][..], &["y".into()][..])
        );
        assert_eq!(node.ints("pads"), Some(&[3, 0, 3, 0][..]));
        assert_eq!(node.attributes["epsilon"], Attribute::Float(0.5));
        assert_eq!(node.int("pads"), None);
        assert_eq!(graph.initializers["w"].shape(), [2, 3]);
        assert_eq!(graph.initializers["w"].values(), [1.0, -2.0, 3.5, 0.25, 5.0, 6.0]);
        assert_eq!(graph.initializers["b"].values(), [1.0, -2.0]);
        assert_eq!(graph.integers["shape"], [4, 128]);
        assert_eq!(graph.initializers.len(), 2);
        assert_eq!((graph.inputs[0].as_str(), graph.outputs[0].as_str()), ("x", "y"));
    }

    #[test]
    fn a_model_cut_anywhere_is_refused() {
        let whole = model();
        for length in 0..whole.len() {
            assert!(Graph::parse(&whole[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn a_damaged_model_is_read_or_refused_but_never_panics() {
        let whole = model();
        let mut refused = 0;
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut damaged = whole.clone();
                damaged[at] ^= 1 << bit;
                refused += usize::from(Graph::parse(&damaged).is_err());
            }
        }
        assert!(refused > whole.len());
    }

    #[test]
    fn a_shape_that_the_data_does_not_fill_is_refused() {
        for (dims, kind, data) in [
            (&[3_u8, 3][..], 1, field(9, &[0; 24])),
            (&[6], 1, field(9, &[0; 23])),
            (&[2], 7, field(7, &[1])),
            (
                &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2],
                1,
                vec![],
            ),
        ] {
            let graph = field(5, &tensor("w", dims, kind, data));
            let fault = Graph::parse(&field(7, &graph)).unwrap_err().to_string();
            assert!(fault.contains("`w`"), "{fault}");
        }
        let twice = [
            field(5, &tensor("w", &[0], 1, vec![])),
            field(5, &tensor("w", &[0], 1, vec![])),
        ]
        .concat();
        assert!(Graph::parse(&field(7, &twice)).is_err());
    }

    #[test]
    fn a_crowd_of_empty_nodes_is_refused() {
        let nodes = [10_u8, 0].repeat(MAX_PARTS + 1);
        assert!(Graph::parse(&field(7, &nodes)).is_err());
    }
}
