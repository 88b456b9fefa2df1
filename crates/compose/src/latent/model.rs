//! Variational autoencoders of pieces: what they are made of, and what they compute.

use melisma_dataset::rng::Rng;
use serde::{Deserialize, Serialize};

use super::tape::{Matrix, Tape, Var};
use crate::container;
use crate::network::unit;
use crate::{Error, Result};

/// Numbers of a model at most: what a file describes may be absurd.
const MOST: usize = 100_000_000;

/// What reads and what writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Long short-term memory: two layers read, one or more write, beginning from what the latent says and told it again at every step.
    Lstm,
    /// Attention: latents of groups of steps, each told to every layer of what writes, at every place of its group (Wu and Yang 2021).
    Transformer,
}

/// The form of an autoencoder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// What reads and writes.
    pub kind: Kind,
    /// How many tokens the vocabulary of each field has.
    pub fields: Vec<usize>,
    /// How many values each input of a step may take; the last of each stands for the beginning.
    pub inputs: Vec<usize>,
    /// Steps of a sequence.
    pub places: usize,
    /// Steps that share a latent; `places` for one latent for the sequence.
    pub group: usize,
    /// Numbers of a latent.
    pub latent: usize,
    /// Numbers of the stream, and units of a memory that reads.
    pub width: usize,
    /// Layers that read, and that write.
    pub layers: [usize; 2],
    /// Units of a memory that writes, or between the two products of a layer of attention.
    pub hidden: usize,
    /// Heads of attention.
    pub heads: usize,
    /// Whether what writes is told the steps before; if not, it writes from the latent alone, as the reference's does.
    pub told: bool,
    /// Whether steps are read as one number between 0 and 1, as the reference's are, in place of an embedding.
    pub scalar: bool,
}

/// A weight's name, size and first deviation (0: zeros, below 0: ones).
struct Plan {
    name: String,
    rows: usize,
    columns: usize,
    start: f32,
}

/// Makes weights, and knows them by number.
#[derive(Default)]
struct Maker(Vec<Plan>);

impl Maker {
    fn add(&mut self, name: impl Into<String>, rows: usize, columns: usize, start: f32) -> usize {
        self.0.push(Plan {
            name: name.into(),
            rows,
            columns,
            start,
        });
        self.0.len() - 1
    }

    fn linear(&mut self, name: &str, rows: usize, columns: usize, gain: f32) -> Linear {
        Linear {
            weight: self.add(name, rows, columns, gain / (rows as f32).sqrt()),
            bias: self.add(format!("{name}.bias"), 1, columns, 0.0),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Linear {
    weight: usize,
    bias: usize,
}

impl Linear {
    fn of(self, tape: &mut Tape<'_>, x: Var) -> Var {
        tape.linear(x, self.weight, self.bias)
    }
}

#[derive(Debug, Clone, PartialEq)]
struct Memory {
    gates: Linear,
    recurrent: usize,
    /// For one that is told the latent at every step: what it adds to the gates, and its first state.
    latent: Option<(usize, Linear)>,
}

#[derive(Debug, Clone, PartialEq)]
struct Layer {
    latent: Option<usize>,
    norms: [usize; 2],
    qkv: usize,
    out: usize,
    up: usize,
    down: usize,
}

/// Where what is in a model.
#[derive(Debug, Clone, PartialEq)]
struct Places {
    /// Tables of inputs for what reads and what writes; for scalars one row.
    tables: [Vec<usize>; 2],
    /// A table of places, for what is told nothing else.
    blind: Option<usize>,
    memories: [Vec<Memory>; 2],
    layers: [Vec<Layer>; 2],
    /// What the latent's mean and the logarithm of its variance are read from.
    last_norm: Option<usize>,
    mean: Linear,
    log_variance: Linear,
    out_norm: Option<usize>,
    heads: Vec<FieldHead>,
}

#[derive(Debug, Clone, PartialEq)]
struct FieldHead {
    /// For a design of several fields: a layer of its own, told the fields before.
    own: Option<(Linear, Vec<usize>)>,
    out: Linear,
}

/// An autoencoder and its weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Autoencoder {
    form: Form,
    places: Places,
    names: Vec<String>,
    weights: Vec<Matrix>,
}

/// Sequences to read and to write again.
#[derive(Debug, Clone, Default)]
pub(super) struct Batch {
    /// Sequences x places x fields.
    pub tokens: Vec<u16>,
    /// How many sequences.
    pub sequences: usize,
    /// A token of the first field that nothing is learnt from.
    pub lost: Option<u16>,
}

/// Where a latent comes from when a batch is passed through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Latent<'a> {
    /// Drawn from what reading gives.
    Posterior,
    /// These: latents x numbers.
    Given(&'a [f32]),
}

/// How a pass is made.
pub(super) struct Pass<'a> {
    pub latent: Latent<'a>,
    /// The share of the steps before that what writes is not told.
    pub hidden_steps: f32,
    /// The share of numbers left out.
    pub dropout: f32,
    /// Nats of each number of a latent that are not charged for.
    pub free: f32,
    /// What a nat of divergence costs.
    pub charge: f32,
    pub seed: u64,
}

/// What a pass came to.
pub(super) struct Passed {
    /// The number to go down.
    pub objective: Var,
    /// Nats of each step.
    pub costs: Vec<f32>,
    /// Nats of divergence, all latents together.
    pub divergence: f64,
    /// Means of the latents.
    pub means: Option<Var>,
}

impl Form {
    /// Whether it can be built.
    ///
    /// # Errors
    /// [`Error::Params`] saying what does not fit.
    pub fn check(&self) -> Result<()> {
        let fault = |fault: &str| Err(Error::Params(format!("the autoencoder: {fault}")));
        let sizes = [self.width, self.hidden, self.latent];
        if sizes.iter().any(|n| !(1..=8_192).contains(n)) {
            return fault("widths must be 1 to 8,192");
        }
        if self.fields.is_empty() || self.inputs.is_empty() {
            return fault("a step has fields and inputs");
        }
        let all = self.fields.iter().chain(&self.inputs);
        if all.clone().any(|size| !(1..=65_536).contains(size)) {
            return fault("vocabularies and inputs have 1 to 65,536 members");
        }
        if !(2..=65_536).contains(&self.places) || self.group == 0 || !self.places.is_multiple_of(self.group)
        {
            return fault("`group` must divide `places`");
        }
        if self.layers.iter().any(|layers| !(1..=64).contains(layers)) {
            return fault("1 to 64 layers can read, and write");
        }
        if self.kind == Kind::Lstm && self.group != self.places {
            return fault("memories have one latent for a sequence");
        }
        if self.kind == Kind::Transformer && (self.heads == 0 || !self.width.is_multiple_of(4 * self.heads)) {
            return fault("the width must be a multiple of four times the heads");
        }
        if self.scalar && self.fields.len() > 1 {
            return fault("only one field can be read as a number");
        }
        match self.parameters() > MOST {
            true => fault("more than 100 million numbers"),
            false => Ok(()),
        }
    }

    /// Numbers that training moves.
    pub fn parameters(&self) -> usize {
        make(self).0.0.iter().map(|plan| plan.rows * plan.columns).sum()
    }

    /// Latents of a sequence.
    pub fn latents(&self) -> usize {
        self.places / self.group
    }
}

fn make(form: &Form) -> (Maker, Places) {
    let mut maker = Maker::default();
    let width = form.width;
    let tables = |maker: &mut Maker, what: &str| -> Vec<usize> {
        if form.scalar {
            return vec![maker.add(format!("{what}.scalar"), 1, width, 1.0)];
        }
        let inputs = form.inputs.iter().enumerate();
        inputs
            .map(|(at, size)| maker.add(format!("{what}.input.{at}"), *size, width, 0.3))
            .collect()
    };
    let reads = tables(&mut maker, "read");
    let writes = match form.told {
        true => tables(&mut maker, "write"),
        false => Vec::new(),
    };
    let blind = (!form.told).then(|| maker.add("write.places", form.places, width, 0.3));
    let mut memories = [Vec::new(), Vec::new()];
    let mut layers = [Vec::new(), Vec::new()];
    for (side, what) in ["read", "write"].into_iter().enumerate() {
        for at in 0..form.layers[side] {
            let name = |part: &str| format!("{what}.{at}.{part}");
            let latent = side == 1;
            match form.kind {
                Kind::Lstm => {
                    let units = if latent { form.hidden } else { width };
                    let inputs = if at == 0 { width } else { units };
                    memories[side].push(Memory {
                        gates: maker.linear(&name("gates"), inputs, 4 * units, 1.0),
                        recurrent: maker.add(
                            name("recurrent"),
                            units,
                            4 * units,
                            1.0 / (units as f32).sqrt(),
                        ),
                        latent: latent.then(|| {
                            (
                                maker.add(
                                    name("latent"),
                                    form.latent,
                                    4 * units,
                                    0.5 / (form.latent as f32).sqrt(),
                                ),
                                maker.linear(&name("first"), form.latent, 2 * units, 1.0),
                            )
                        }),
                    });
                }
                Kind::Transformer => {
                    let fan = 1.0 / (width as f32).sqrt();
                    layers[side].push(Layer {
                        latent: latent.then(|| {
                            maker.add(
                                name("latent"),
                                form.latent,
                                width,
                                0.5 / (form.latent as f32).sqrt(),
                            )
                        }),
                        norms: ["norm_1", "norm_2"].map(|norm| maker.add(name(norm), 1, width, -1.0)),
                        qkv: maker.add(name("qkv"), width, 3 * width, fan),
                        out: maker.add(name("out"), width, width, 0.0),
                        up: maker.add(name("up"), width, form.hidden, fan),
                        down: maker.add(name("down"), form.hidden, width, 0.0),
                    });
                }
            }
        }
    }
    let attention = form.kind == Kind::Transformer;
    let last_norm = attention.then(|| maker.add("read.norm", 1, width, -1.0));
    let mean = maker.linear("mean", width, form.latent, 1.0);
    let log_variance = maker.linear("log_variance", width, form.latent, 0.1);
    let out_norm = attention.then(|| maker.add("write.norm", 1, width, -1.0));
    let stream = if attention { width } else { form.hidden };
    let heads = form
        .fields
        .iter()
        .enumerate()
        .map(|(field, size)| {
            if form.fields.len() == 1 {
                return FieldHead {
                    own: None,
                    out: maker.linear("out", stream, *size, 0.5),
                };
            }
            let own = width.min(192);
            FieldHead {
                own: Some((
                    maker.linear(&format!("field.{field}.own"), stream, own, 1.0),
                    (0..field)
                        .map(|before| {
                            maker.add(
                                format!("field.{field}.given.{before}"),
                                form.fields[before],
                                own,
                                0.1,
                            )
                        })
                        .collect(),
                )),
                out: maker.linear(&format!("field.{field}.out"), own, *size, 0.3),
            }
        })
        .collect();
    let places = Places {
        tables: [reads, writes],
        blind,
        memories,
        layers,
        last_norm,
        mean,
        log_variance,
        out_norm,
        heads,
    };
    (maker, places)
}

impl Autoencoder {
    /// One that has learnt nothing, its first numbers drawn from a seed.
    ///
    /// # Errors
    /// [`Error::Params`].
    pub fn new(form: &Form, seed: u64) -> Result<Autoencoder> {
        form.check()?;
        let (maker, places) = make(form);
        let mut rng = Rng::new(seed ^ 0x6c61_7465_6e74);
        let mut names = Vec::new();
        let mut weights = Vec::new();
        for plan in maker.0 {
            let count = plan.rows * plan.columns;
            let values = match plan.start < 0.0 {
                true => vec![1.0; count],
                // Uniform of that deviation.
                false => (0..count)
                    .map(|_| plan.start * 3_f32.sqrt() * (2.0 * unit(&mut rng) - 1.0))
                    .collect(),
            };
            names.push(plan.name);
            weights.push(Matrix::new(plan.rows, plan.columns, values));
        }
        // Memories forget nothing at first.
        for memory in places.memories.iter().flatten() {
            let bias = &mut weights[memory.gates.bias];
            let units = bias.columns / 4;
            bias.values[units..2 * units].fill(1.0);
        }
        Ok(Autoencoder {
            form: form.clone(),
            places,
            names,
            weights,
        })
    }

    /// One whose weights are known: name, size and numbers of each, in order.
    ///
    /// # Errors
    /// What does not fit.
    pub(super) fn of(
        form: &Form,
        matrices: Vec<container::Matrix>,
    ) -> std::result::Result<Autoencoder, String> {
        form.check().map_err(|fault| fault.to_string())?;
        let (maker, places) = make(form);
        if maker.0.len() != matrices.len() {
            return Err("it has other matrices than its autoencoder".to_owned());
        }
        let (mut names, mut weights) = (Vec::new(), Vec::new());
        for (plan, matrix) in maker.0.into_iter().zip(matrices) {
            if matrix.name != plan.name
                || matrix.size != [plan.rows, plan.columns]
                || matrix.values.len() != plan.rows * plan.columns
            {
                return Err(format!("`{}` is missing or of another size", plan.name));
            }
            names.push(plan.name);
            weights.push(Matrix::new(plan.rows, plan.columns, matrix.values));
        }
        Ok(Autoencoder {
            form: form.clone(),
            places,
            names,
            weights,
        })
    }

    /// Its form.
    pub fn form(&self) -> &Form {
        &self.form
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    pub(super) fn weights(&self) -> &[Matrix] {
        &self.weights
    }

    pub(super) fn weights_mut(&mut self) -> &mut [Matrix] {
        &mut self.weights
    }

    /// Inputs of every place as one stream, each step read at its own place, or (`late`) at the one after it.
    fn stream(&self, tape: &mut Tape<'_>, side: usize, inputs: &[u16]) -> Var {
        let tables = &self.places.tables[side];
        let width = self.form.inputs.len();
        if self.form.scalar {
            let most = self.form.inputs[0] as f32;
            let values = inputs.iter().map(|input| f32::from(*input) / most).collect();
            let numbers = tape.constant(Matrix::new(inputs.len(), 1, values));
            let row = tape.weight(tables[0]);
            return tape.product(numbers, row);
        }
        let mut sum = None;
        for (at, table) in tables.iter().enumerate() {
            let rows = inputs
                .iter()
                .skip(at)
                .step_by(width)
                .map(|input| u32::from(*input));
            let table = tape.weight(*table);
            let part = tape.pick(table, rows.collect());
            sum = Some(match sum {
                None => part,
                Some(sum) => tape.sum(sum, part),
            });
        }
        sum.expect("a step has inputs")
    }

    /// Passes a batch through. `inputs` are those of its steps (sequences x places x inputs), `before` those of the steps before each.
    pub(super) fn pass(
        &self,
        tape: &mut Tape<'_>,
        batch: &Batch,
        inputs: &[u16],
        before: &[u16],
        pass: &Pass<'_>,
    ) -> Passed {
        let form = &self.form;
        let mut rng = Rng::new(pass.seed);
        let (rows, latents) = (batch.sequences * form.places, batch.sequences * form.latents());
        // What reads.
        let mut moments = None;
        let z = match pass.latent {
            Latent::Given(values) => tape.constant(Matrix::new(latents, form.latent, values.to_vec())),
            Latent::Posterior => {
                let (mean, log_variance) = self.read(tape, batch.sequences, inputs, pass.dropout, &mut rng);
                moments = Some((mean, log_variance));
                let chance = (0..latents * form.latent).map(|_| normal(&mut rng)).collect();
                tape.sampled(mean, log_variance, chance)
            }
        };
        // What writes.
        let stream = match form.told {
            true => {
                let mut told = before.to_vec();
                let width = form.inputs.len();
                for place in told.chunks_exact_mut(width) {
                    if pass.hidden_steps > 0.0 && unit(&mut rng) < pass.hidden_steps {
                        for (input, size) in place.iter_mut().zip(&form.inputs) {
                            *input = (size - 1) as u16;
                        }
                    }
                }
                self.stream(tape, 1, &told)
            }
            false => {
                let table = tape.weight(self.places.blind.expect("a table of places"));
                tape.pick(table, (0..rows).map(|row| (row % form.places) as u32).collect())
            }
        };
        let x = self.write(tape, batch.sequences, stream, z, pass.dropout, &mut rng);
        let (sum, costs) = self.tell(tape, x, batch);
        let mut parts = vec![(sum, 1.0)];
        let mut divergence = 0.0;
        if let Some((mean, log_variance)) = moments {
            let (told, all) = tape.divergence(mean, log_variance, pass.free);
            parts.push((told, pass.charge));
            divergence = all;
        }
        Passed {
            objective: tape.total(&parts),
            costs,
            divergence,
            means: moments.map(|moments| moments.0),
        }
    }

    /// Mean and logarithm of the variance of each latent.
    fn read(
        &self,
        tape: &mut Tape<'_>,
        sequences: usize,
        inputs: &[u16],
        dropout: f32,
        rng: &mut Rng,
    ) -> (Var, Var) {
        let form = &self.form;
        let stream = self.stream(tape, 0, inputs);
        let stream = dropped(tape, stream, dropout, rng);
        let top = match form.kind {
            Kind::Lstm => {
                let mut x = tape.pick(stream, by_step(sequences, form.places));
                for (at, memory) in self.places.memories[0].iter().enumerate() {
                    if at > 0 {
                        x = dropped(tape, x, dropout, rng);
                    }
                    x = self.remember(tape, memory, x, None, sequences);
                }
                let last = (form.places - 1) * sequences;
                tape.pick(x, (last..last + sequences).map(|row| row as u32).collect())
            }
            Kind::Transformer => {
                let mut x = stream;
                for layer in &self.places.layers[0] {
                    x = self.layer(tape, layer, x, None, false, dropout, rng);
                }
                let groups = sequences * form.latents();
                let group_of = (0..sequences * form.places).map(|row| (row / form.group) as u32);
                let pooled = tape.pooled(x, group_of.collect(), groups);
                let gain = tape.weight(self.places.last_norm.expect("attention is normed"));
                tape.norm(pooled, gain)
            }
        };
        (
            self.places.mean.of(tape, top),
            self.places.log_variance.of(tape, top),
        )
    }

    /// A layer of memory over rows by step; the hidden states, by step.
    fn remember(
        &self,
        tape: &mut Tape<'_>,
        memory: &Memory,
        x: Var,
        z: Option<Var>,
        sequences: usize,
    ) -> Var {
        let mut gates = memory.gates.of(tape, x);
        let mut first = None;
        if let (Some((weight, state)), Some(z)) = (memory.latent, z) {
            let weight = tape.weight(weight);
            let told = tape.product(z, weight);
            let rows = tape.value(gates).rows;
            let each = tape.pick(told, (0..rows).map(|row| (row % sequences) as u32).collect());
            gates = tape.sum(gates, each);
            let state = state.of(tape, z);
            first = Some(tape.tanh(state));
        }
        let recurrent = tape.weight(memory.recurrent);
        let states = tape.recurrent(gates, recurrent, first, sequences);
        let units = tape.value(states).columns / 2;
        tape.columns(states, 0..units)
    }

    #[allow(clippy::too_many_arguments)]
    fn layer(
        &self,
        tape: &mut Tape<'_>,
        layer: &Layer,
        mut x: Var,
        z: Option<Var>,
        causal: bool,
        dropout: f32,
        rng: &mut Rng,
    ) -> Var {
        let form = &self.form;
        if let (Some(weight), Some(z)) = (layer.latent, z) {
            let weight = tape.weight(weight);
            let told = tape.product(z, weight);
            let rows = tape.value(x).rows;
            let each = tape.pick(told, (0..rows).map(|row| (row / form.group) as u32).collect());
            x = tape.sum(x, each);
        }
        let gains = layer.norms.map(|norm| tape.weight(norm));
        let normed = tape.norm(x, gains[0]);
        let weight = tape.weight(layer.qkv);
        let qkv = tape.product(normed, weight);
        let attended = tape.attended(qkv, form.heads, form.places, causal);
        let weight = tape.weight(layer.out);
        let part = tape.product(attended, weight);
        let part = dropped(tape, part, dropout, rng);
        x = tape.sum(x, part);
        let normed = tape.norm(x, gains[1]);
        let weight = tape.weight(layer.up);
        let up = tape.product(normed, weight);
        let bent = tape.rectified(up);
        let weight = tape.weight(layer.down);
        let part = tape.product(bent, weight);
        let part = dropped(tape, part, dropout, rng);
        tape.sum(x, part)
    }

    fn write(
        &self,
        tape: &mut Tape<'_>,
        sequences: usize,
        stream: Var,
        z: Var,
        dropout: f32,
        rng: &mut Rng,
    ) -> Var {
        let form = &self.form;
        let mut x = dropped(tape, stream, dropout, rng);
        match form.kind {
            Kind::Lstm => {
                x = tape.pick(x, by_step(sequences, form.places));
                for memory in &self.places.memories[1] {
                    x = self.remember(tape, memory, x, Some(z), sequences);
                    x = dropped(tape, x, dropout, rng);
                }
                // Back to one sequence after another.
                tape.pick(x, by_step(form.places, sequences))
            }
            Kind::Transformer => {
                for layer in &self.places.layers[1] {
                    x = self.layer(tape, layer, x, Some(z), form.told, dropout, rng);
                }
                let gain = tape.weight(self.places.out_norm.expect("attention is normed"));
                tape.norm(x, gain)
            }
        }
    }

    /// Costs of all fields: their sum, and each step's.
    fn tell(&self, tape: &mut Tape<'_>, x: Var, batch: &Batch) -> (Var, Vec<f32>) {
        let width = self.form.fields.len();
        let targets =
            |field: usize| -> Vec<u16> { batch.tokens.iter().skip(field).step_by(width).copied().collect() };
        let mut sums = Vec::new();
        let mut costs = vec![0.0; batch.tokens.len() / width];
        for (field, head) in self.places.heads.iter().enumerate() {
            let logits = self.logits(tape, x, head, targets);
            let lost = batch.lost.filter(|_| field == 0);
            let (sum, each) = tape.cost(logits, &targets(field), lost);
            sums.push((sum, 1.0));
            costs.iter_mut().zip(each).for_each(|(all, cost)| *all += cost);
        }
        (tape.total(&sums), costs)
    }

    fn logits(
        &self,
        tape: &mut Tape<'_>,
        x: Var,
        head: &FieldHead,
        known: impl Fn(usize) -> Vec<u16>,
    ) -> Var {
        let Some((own, given)) = &head.own else {
            return head.out.of(tape, x);
        };
        let mut told = own.of(tape, x);
        for (before, table) in given.iter().enumerate() {
            let table = tape.weight(*table);
            let part = tape.pick(table, known(before).into_iter().map(u32::from).collect());
            told = tape.sum(told, part);
        }
        let bent = tape.rectified(told);
        head.out.of(tape, bent)
    }
}

/// Rows of `sequences` sequences of `places` steps, so that those of one step lie together.
fn by_step(sequences: usize, places: usize) -> Vec<u32> {
    (0..places)
        .flat_map(|place| (0..sequences).map(move |sequence| (sequence * places + place) as u32))
        .collect()
}

fn dropped(tape: &mut Tape<'_>, x: Var, share: f32, rng: &mut Rng) -> Var {
    if share <= 0.0 {
        return x;
    }
    let of_256 = (share * 256.0).round() as u32;
    let scale = 256.0 / (256.0 - of_256 as f32);
    let count = tape.value(x).values.len();
    let mut mask = Vec::with_capacity(count);
    while mask.len() < count {
        for chance in rng.next_u64().to_le_bytes() {
            mask.push(if u32::from(chance) < of_256 { 0.0 } else { scale });
        }
    }
    mask.truncate(count);
    tape.dropped(x, mask)
}

/// A number from the standard normal distribution (Box and Muller 1958).
pub(super) fn normal(rng: &mut Rng) -> f32 {
    let (a, b) = (unit(rng), unit(rng));
    (-2.0 * (1.0 - a).ln()).sqrt() * (std::f32::consts::TAU * b).cos()
}
