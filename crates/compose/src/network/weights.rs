//! The numbers of a network, by name.

use melisma_dataset::rng::Rng;

use super::Shape;

/// What a matrix is for; it decides how training moves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Rows that are looked up.
    Table,
    /// Takes the stream from place to place, within the layers: so many matrices side by side.
    Inner(usize),
    /// Takes the stream to a field.
    Outer,
    /// Scales or shifts.
    Vector,
}

/// How a matrix begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub kind: Kind,
    pub rows: usize,
    pub columns: usize,
    /// The deviation of its first numbers, or for a vector the number itself.
    pub start: f32,
}

/// The matrices of a network, in the order of its parts.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    pub(crate) values: Vec<Vec<f32>>,
}

/// Where a layer's matrices are among all, from its first.
pub(super) mod layer {
    pub const NORM_1: usize = 0;
    pub const QKV: usize = 1;
    pub const OUT: usize = 2;
    pub const NORM_2: usize = 3;
    pub const UP: usize = 4;
    pub const DOWN: usize = 5;
}

/// Where everything is.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// The table of each input.
    pub inputs: Vec<usize>,
    /// The first matrix of each layer.
    pub layers: Vec<usize>,
    pub stages: Vec<StagePlaces>,
}

/// Where a stage's matrices are.
#[derive(Debug, Clone)]
pub(super) struct StagePlaces {
    /// Its layers.
    pub layers: std::ops::Range<usize>,
    /// Its fields.
    pub fields: std::ops::Range<usize>,
    pub norm: usize,
    pub head: usize,
    /// For each field: tables of the stage's fields before it, the matrix to its vocabulary, and the bias.
    pub told: Vec<FieldPlaces>,
    /// Tables that add what was told to the stream, one for each field; none after the last stage.
    pub given: Vec<usize>,
}

/// Where a field's matrices are.
#[derive(Debug, Clone)]
pub(super) struct FieldPlaces {
    pub given: Vec<usize>,
    pub out: usize,
    pub bias: usize,
}

struct Maker {
    plans: Vec<Plan>,
    names: Vec<String>,
}

impl Maker {
    fn add(&mut self, name: String, kind: Kind, rows: usize, columns: usize, start: f32) -> usize {
        self.plans.push(Plan {
            kind,
            rows,
            columns,
            start,
        });
        self.names.push(name);
        self.plans.len() - 1
    }
}

fn make(shape: &Shape) -> (Maker, Places) {
    let mut maker = Maker {
        plans: Vec::new(),
        names: Vec::new(),
    };
    let width = shape.width;
    let fan = |inputs: usize| (1.0 / inputs as f32).sqrt();
    let inputs = shape.inputs.iter().enumerate();
    let inputs = inputs
        .map(|(i, size)| maker.add(format!("input.{i}"), Kind::Table, *size, width, 0.1))
        .collect();
    let mut layers = Vec::new();
    let mut stages = Vec::new();
    for ((s, stage), fields) in shape.stages.iter().enumerate().zip(shape.told_by()) {
        let first = layers.len();
        for _ in 0..stage.layers {
            let name = |what: &str| format!("layer.{}.{what}", layers.len());
            let at = maker.add(name("norm_1"), Kind::Vector, 1, width, 1.0);
            maker.add(name("qkv"), Kind::Inner(3), width, 3 * width, fan(width));
            // What ends in zeros leaves the stream as it is at first.
            maker.add(name("out"), Kind::Inner(1), width, width, 0.0);
            maker.add(name("norm_2"), Kind::Vector, 1, width, 1.0);
            maker.add(name("up"), Kind::Inner(1), width, shape.hidden, fan(width));
            maker.add(name("down"), Kind::Inner(1), shape.hidden, width, 0.0);
            layers.push(at);
        }
        let norm = maker.add(format!("stage.{s}.norm"), Kind::Vector, 1, width, 1.0);
        let head = maker.add(
            format!("stage.{s}.head"),
            Kind::Outer,
            width,
            stage.fields * shape.told,
            fan(width),
        );
        let told = fields
            .clone()
            .map(|field| FieldPlaces {
                given: (fields.start..field)
                    .map(|before| {
                        let name = format!("field.{field}.given.{before}");
                        maker.add(name, Kind::Table, shape.fields[before], shape.told, 0.1)
                    })
                    .collect(),
                out: maker.add(
                    format!("field.{field}.out"),
                    Kind::Outer,
                    shape.told,
                    shape.fields[field],
                    0.3 * fan(shape.told),
                ),
                bias: maker.add(
                    format!("field.{field}.bias"),
                    Kind::Vector,
                    1,
                    shape.fields[field],
                    0.0,
                ),
            })
            .collect();
        let given = match s + 1 < shape.stages.len() {
            true => fields
                .clone()
                .map(|field| {
                    let name = format!("stage.{s}.given.{field}");
                    maker.add(name, Kind::Table, shape.fields[field], width, 0.1)
                })
                .collect(),
            false => Vec::new(),
        };
        stages.push(StagePlaces {
            layers: first..layers.len(),
            fields,
            norm,
            head,
            told,
            given,
        });
    }
    let places = Places {
        inputs,
        layers,
        stages,
    };
    (maker, places)
}

/// Every matrix of a network, in order.
pub(super) fn plan(shape: &Shape) -> Vec<Plan> {
    make(shape).0.plans
}

/// Where each matrix of a network is.
pub(super) fn places(shape: &Shape) -> Places {
    make(shape).1
}

impl Weights {
    /// First numbers, drawn from a seed.
    pub fn new(shape: &Shape, seed: u64) -> Weights {
        let mut rng = Rng::new(seed ^ 0x7765_6967_6874);
        let values = plan(shape)
            .into_iter()
            .map(|plan| {
                let count = plan.rows * plan.columns;
                match plan.kind {
                    Kind::Vector => vec![plan.start; count],
                    // Uniform of that deviation.
                    _ => (0..count)
                        .map(|_| plan.start * 3_f32.sqrt() * (2.0 * unit(&mut rng) - 1.0))
                        .collect(),
                }
            })
            .collect();
        Weights { values }
    }

    /// As many zeros.
    pub(crate) fn zeros(shape: &Shape) -> Weights {
        let zeros = |plan: Plan| vec![0.0; plan.rows * plan.columns];
        Weights {
            values: plan(shape).into_iter().map(zeros).collect(),
        }
    }

    /// The names of the matrices, what they are for, and their rows and columns.
    pub fn names(shape: &Shape) -> Vec<(String, Kind, [usize; 2])> {
        let (maker, _) = make(shape);
        let plans = maker
            .plans
            .into_iter()
            .map(|plan| (plan.kind, [plan.rows, plan.columns]));
        maker
            .names
            .into_iter()
            .zip(plans)
            .map(|(name, (kind, size))| (name, kind, size))
            .collect()
    }
}

/// A number in [0, 1).
pub(crate) fn unit(rng: &mut Rng) -> f32 {
    (rng.next_u64() >> 40) as f32 / (1_u32 << 24) as f32
}
