//! A pickle machine that knows what state dictionaries are made of, and nothing else.
//!
//! It calls no function: of the two it meets, an `OrderedDict` becomes a list of pairs and a rebuilt tensor a note of where
//! its numbers lie. Everything else is refused by its name. Values refer to each other by number, so that what a file
//! nests cannot exhaust the stack, and each instruction adds a bounded amount, so that memory grows with the file at most.
//!
//! The instructions: `pickletools.py` of Python 3, those of protocol 2.

use std::collections::BTreeMap;

use super::super::Fault;

/// Instructions of the longest program that is run: that of a checkpoint with some 30,000 tensors.
const MAX_STEPS: usize = 1 << 20;
/// Most axes of a tensor.
const MAX_RANK: usize = 8;

/// What the machine computes with; compound values are places in the [`Heap`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Text(usize),
    Tuple(usize),
    List(usize),
    Dict(usize),
    Global(Global),
    Storage(usize),
    Tensor(usize),
    /// Where a run of arguments begins.
    Mark,
}

/// The names that a program may mention.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Global {
    OrderedDict,
    RebuildTensor,
    Storage(Kind),
}

/// The types of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Kind {
    Float,
    Double,
    Half,
    BFloat16,
    /// Whole numbers or truth values of so many bytes.
    Whole(usize),
}

/// An array of numbers that tensors are views of.
#[derive(Debug, PartialEq)]
pub(super) struct Storage {
    pub kind: Kind,
    pub key: String,
    pub count: usize,
}

/// A view of a storage; offset and strides count numbers.
#[derive(Debug)]
pub(super) struct Tensor {
    pub storage: usize,
    pub offset: usize,
    pub shape: Vec<usize>,
    pub strides: Vec<usize>,
}

/// What compound values are made of.
#[derive(Debug, Default)]
pub(super) struct Heap {
    pub texts: Vec<String>,
    pub tuples: Vec<Vec<Value>>,
    pub lists: Vec<Vec<Value>>,
    pub dicts: Vec<Vec<(Value, Value)>>,
    pub storages: Vec<Storage>,
    pub tensors: Vec<Tensor>,
}

struct Machine<'a, 'b> {
    code: &'b mut &'a [u8],
    heap: Heap,
    stack: Vec<Value>,
    memo: BTreeMap<u32, Value>,
    keys: BTreeMap<String, usize>,
}

impl Kind {
    /// Bytes of a number.
    pub fn width(self) -> usize {
        match self {
            Kind::Double => 8,
            Kind::Float => 4,
            Kind::Half | Kind::BFloat16 => 2,
            Kind::Whole(width) => width,
        }
    }
}

impl Heap {
    /// The text a value is.
    pub fn text(&self, value: Value) -> Option<&str> {
        match value {
            Value::Text(at) => self.texts.get(at).map(String::as_str),
            _ => None,
        }
    }

    /// The pairs of a dictionary.
    pub fn dict(&self, value: Value) -> Option<&[(Value, Value)]> {
        match value {
            Value::Dict(at) => self.dicts.get(at).map(Vec::as_slice),
            _ => None,
        }
    }

    fn tuple(&self, value: Value) -> Option<&[Value]> {
        match value {
            Value::Tuple(at) => self.tuples.get(at).map(Vec::as_slice),
            _ => None,
        }
    }

    /// A tuple of lengths.
    fn lengths(&self, value: Value) -> Option<Vec<usize>> {
        let lengths = self.tuple(value)?.iter().map(|&length| as_length(length));
        lengths.collect()
    }
}

fn as_length(value: Value) -> Option<usize> {
    match value {
        Value::Int(number) => usize::try_from(number).ok(),
        _ => None,
    }
}

fn push<T>(to: &mut Vec<T>, value: T) -> usize {
    to.push(value);
    to.len() - 1
}

/// Runs the program at the front of `code`, takes it off, and answers its result.
///
/// # Errors
/// A message that names what the program wanted and is not known here.
pub(super) fn run(code: &mut &[u8]) -> Result<(Value, Heap), Fault> {
    let mut machine = Machine {
        code,
        heap: Heap::default(),
        stack: Vec::new(),
        memo: BTreeMap::new(),
        keys: BTreeMap::new(),
    };
    for _ in 0..MAX_STEPS {
        let opcode = *machine.take(1)?.first().ok_or_else(cut)?;
        if opcode == b'.' {
            let result = machine.pop()?;
            return Ok((result, machine.heap));
        }
        machine.step(opcode)?;
    }
    Err(Fault::new(format!(
        "its pickle is longer than {MAX_STEPS} instructions"
    )))
}

fn cut() -> Fault {
    Fault::new("its pickle is cut off")
}

fn malformed() -> Fault {
    Fault::new("its pickle is malformed")
}

impl<'a> Machine<'a, '_> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], Fault> {
        self.code.split_off(..count).ok_or_else(cut)
    }

    /// A little-endian number of so many bytes.
    fn number(&mut self, width: usize) -> Result<u32, Fault> {
        let bytes = self.take(width)?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |all, &byte| all << 8 | u32::from(byte)))
    }

    fn line(&mut self) -> Result<&'a str, Fault> {
        let length = self.code.iter().position(|&byte| byte == b'\n').ok_or_else(cut)?;
        let line = self.take(length)?;
        self.take(1)?;
        std::str::from_utf8(line).map_err(|_| malformed())
    }

    fn pop(&mut self) -> Result<Value, Fault> {
        match self.stack.pop() {
            Some(Value::Mark) | None => Err(malformed()),
            Some(value) => Ok(value),
        }
    }

    /// All values down to the last mark.
    fn pop_to_mark(&mut self) -> Result<Vec<Value>, Fault> {
        let mark = self.stack.iter().rposition(|value| *value == Value::Mark);
        let values = self.stack.split_off(mark.ok_or_else(malformed)? + 1);
        self.stack.pop();
        Ok(values)
    }

    fn push_tuple(&mut self, values: Vec<Value>) {
        let tuple = push(&mut self.heap.tuples, values);
        self.stack.push(Value::Tuple(tuple));
    }

    fn step(&mut self, opcode: u8) -> Result<(), Fault> {
        let value = match opcode {
            0x80 => {
                let version = self.number(1)?;
                return match version {
                    2 => Ok(()),
                    _ => Err(Fault::new(format!("pickles of protocol {version} are not read"))),
                };
            }
            b'(' => Value::Mark,
            b'N' => Value::None,
            0x88 => Value::Bool(true),
            0x89 => Value::Bool(false),
            b'K' => Value::Int(self.number(1)?.into()),
            b'M' => Value::Int(self.number(2)?.into()),
            b'J' => Value::Int((self.number(4)? as i32).into()),
            0x8a => self.long()?,
            b'X' => self.text()?,
            b'}' => Value::Dict(push(&mut self.heap.dicts, Vec::new())),
            b']' => Value::List(push(&mut self.heap.lists, Vec::new())),
            b')' => Value::Tuple(push(&mut self.heap.tuples, Vec::new())),
            b'c' => self.global()?,
            b'Q' => self.storage()?,
            b'R' => self.reduce()?,
            b'h' => self.recall(1)?,
            b'j' => self.recall(4)?,
            b'q' => return self.remember(1),
            b'r' => return self.remember(4),
            b't' | 0x85..=0x87 => return self.tuple(opcode),
            b's' | b'u' => return self.set_items(opcode),
            b'a' | b'e' => return self.append(opcode),
            b'b' => return self.build(),
            _ => {
                return Err(Fault::new(format!(
                    "its pickle holds the instruction {opcode:#04x}, which is not known"
                )));
            }
        };
        self.stack.push(value);
        Ok(())
    }

    /// A number of up to eight bytes, in two's complement.
    fn long(&mut self) -> Result<Value, Fault> {
        let length = self.number(1)? as usize;
        let bytes = self.take(length)?;
        let Some(last) = bytes.last() else {
            return Ok(Value::Int(0));
        };
        if length > 8 {
            return Err(Fault::new("its pickle holds a number of more than 64 bits"));
        }
        let sign = if last & 0x80 == 0 { 0 } else { -1 };
        let number = bytes
            .iter()
            .rev()
            .fold(sign, |all: i64, &byte| all << 8 | i64::from(byte));
        Ok(Value::Int(number))
    }

    fn text(&mut self) -> Result<Value, Fault> {
        let length = self.number(4)? as usize;
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| malformed())?;
        Ok(Value::Text(push(&mut self.heap.texts, text.to_owned())))
    }

    fn global(&mut self) -> Result<Value, Fault> {
        let (module, name) = (self.line()?, self.line()?);
        let global = match (module, name) {
            ("collections", "OrderedDict") => Global::OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => Global::RebuildTensor,
            ("torch", "FloatStorage") => Global::Storage(Kind::Float),
            ("torch", "DoubleStorage") => Global::Storage(Kind::Double),
            ("torch", "HalfStorage") => Global::Storage(Kind::Half),
            ("torch", "BFloat16Storage") => Global::Storage(Kind::BFloat16),
            ("torch", "LongStorage") => Global::Storage(Kind::Whole(8)),
            ("torch", "IntStorage") => Global::Storage(Kind::Whole(4)),
            ("torch", "ShortStorage") => Global::Storage(Kind::Whole(2)),
            ("torch", "CharStorage" | "ByteStorage" | "BoolStorage") => Global::Storage(Kind::Whole(1)),
            _ => {
                return Err(Fault::new(format!(
                    "its pickle asks for `{}.{}`, which has no place among weights",
                    module.escape_debug(),
                    name.escape_debug()
                )));
            }
        };
        Ok(Value::Global(global))
    }

    fn recall(&mut self, width: usize) -> Result<Value, Fault> {
        let at = self.number(width)?;
        self.memo.get(&at).copied().ok_or_else(malformed)
    }

    fn remember(&mut self, width: usize) -> Result<(), Fault> {
        let at = self.number(width)?;
        let value = *self.stack.last().ok_or_else(malformed)?;
        if value == Value::Mark {
            return Err(malformed());
        }
        self.memo.insert(at, value);
        Ok(())
    }

    fn tuple(&mut self, opcode: u8) -> Result<(), Fault> {
        let values = match opcode {
            b't' => self.pop_to_mark()?,
            _ => {
                let mut values = Vec::new();
                for _ in 0x85..=opcode {
                    values.push(self.pop()?);
                }
                values.reverse();
                values
            }
        };
        self.push_tuple(values);
        Ok(())
    }

    fn set_items(&mut self, opcode: u8) -> Result<(), Fault> {
        let items = match opcode {
            b'u' => self.pop_to_mark()?,
            _ => {
                let (value, key) = (self.pop()?, self.pop()?);
                vec![key, value]
            }
        };
        let (pairs, []) = items.as_chunks::<2>() else {
            return Err(malformed());
        };
        match self.stack.last() {
            Some(&Value::Dict(at)) => {
                self.heap.dicts[at].extend(pairs.iter().map(|&[key, value]| (key, value)));
                Ok(())
            }
            _ => Err(malformed()),
        }
    }

    fn append(&mut self, opcode: u8) -> Result<(), Fault> {
        let values = match opcode {
            b'e' => self.pop_to_mark()?,
            _ => vec![self.pop()?],
        };
        match self.stack.last() {
            Some(&Value::List(at)) => {
                self.heap.lists[at].extend(values);
                Ok(())
            }
            _ => Err(malformed()),
        }
    }

    /// Attributes of a dictionary: the versions of layers, which say nothing about the weights.
    fn build(&mut self) -> Result<(), Fault> {
        let state = self.pop()?;
        match (self.stack.last(), state) {
            (Some(Value::Dict(_)), Value::Dict(_)) => Ok(()),
            _ => Err(malformed()),
        }
    }

    /// What a persistent identifier stands for: `('storage', type, key, device, count)`, and a sixth that is nothing.
    fn storage(&mut self) -> Result<Value, Fault> {
        let told = self.pop()?;
        let parts = self.heap.tuple(told).ok_or_else(malformed)?;
        let (tag, kind, key, count) = match *parts {
            [tag, Value::Global(Global::Storage(kind)), key, _, count]
            | [
                tag,
                Value::Global(Global::Storage(kind)),
                key,
                _,
                count,
                Value::None,
            ] => (tag, kind, key, count),
            _ => {
                return Err(Fault::new(
                    "its pickle refers to a storage in a way that is not known",
                ));
            }
        };
        let (Some("storage"), Some(key), Some(count)) =
            (self.heap.text(tag), self.heap.text(key), as_length(count))
        else {
            return Err(malformed());
        };
        let storage = Storage {
            kind,
            key: key.to_owned(),
            count,
        };
        if let Some(&known) = self.keys.get(&storage.key) {
            return match self.heap.storages[known] == storage {
                true => Ok(Value::Storage(known)),
                false => Err(Fault::new("its pickle tells two things of one storage")),
            };
        }
        let at = self.heap.storages.len();
        self.keys.insert(storage.key.clone(), at);
        self.heap.storages.push(storage);
        Ok(Value::Storage(at))
    }

    fn reduce(&mut self) -> Result<Value, Fault> {
        let arguments = self.pop()?;
        let function = self.pop()?;
        let arguments = self.heap.tuple(arguments).ok_or_else(malformed)?;
        match (function, arguments) {
            (Value::Global(Global::OrderedDict), []) => {
                Ok(Value::Dict(push(&mut self.heap.dicts, Vec::new())))
            }
            // Whether it is trained, and its hooks, say nothing about the numbers.
            (
                Value::Global(Global::RebuildTensor),
                &[Value::Storage(storage), offset, shape, strides, _, _],
            ) => {
                let tensor = Tensor {
                    storage,
                    offset: as_length(offset).ok_or_else(malformed)?,
                    shape: self.heap.lengths(shape).ok_or_else(malformed)?,
                    strides: self.heap.lengths(strides).ok_or_else(malformed)?,
                };
                if tensor.shape.len() != tensor.strides.len() || tensor.shape.len() > MAX_RANK {
                    return Err(malformed());
                }
                Ok(Value::Tensor(push(&mut self.heap.tensors, tensor)))
            }
            _ => Err(malformed()),
        }
    }
}
