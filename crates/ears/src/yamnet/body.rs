//! YAMNet's layers: read from the chain of a graph, and run.

use ndarray::ArrayView2;

use super::{CLASSES, EMBEDDING, N_MELS, PATCH_FRAMES};
use crate::layers::dense::{Dense, sigmoid};
use crate::layers::filter::Filter;
use crate::layers::mobile::{Maps, Pointwise, Spatial, Stem, averages};
use crate::weights::onnx::{Graph, Node};
use crate::weights::{Fault, exactly};

/// Channels after the first convolution.
const STEM: usize = 32;
/// The stride and the channels of every pair of convolutions after the first.
#[rustfmt::skip]
const PAIRS: [(usize, usize); 13] = [
    (1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), (1, 512),
    (1, 512), (1, 512), (1, 512), (1, 512), (2, 1024), (1, EMBEDDING),
];
/// Of the first convolution.
const STEM_STRIDE: usize = 2;
/// What the rectifiers let through at most.
const CEILING: f32 = 6.0;

/// The network's layers.
#[derive(Debug, Clone)]
pub(super) struct Body {
    stem: Stem,
    pairs: Vec<(Spatial, Pointwise)>,
    scores: Dense,
}

impl Body {
    pub(super) fn from_onnx(graph: &Graph) -> Result<Body, Fault> {
        let mut chain = Chain::new(graph)?;
        let (taps, bias, before) = chain.spatial(STEM, 1, STEM_STRIDE)?;
        let weights = ArrayView2::from_shape((9, STEM), &taps).expect("the shape was checked");
        let stem = Stem {
            pointwise: Pointwise::new(weights, &bias),
            stride: STEM_STRIDE,
            before,
        };
        let mut pairs = Vec::new();
        let mut channels = STEM;
        for (stride, outputs) in PAIRS {
            let (taps, bias, before) = chain.spatial(channels, channels, stride)?;
            let filter = Filter {
                taps,
                bias,
                kernel: 3,
                stride,
            };
            pairs.push((Spatial { filter, before }, chain.pointwise(channels, outputs)?));
            channels = outputs;
        }
        let scores = chain.scores()?;
        Ok(Body { stem, pairs, scores })
    }

    /// The scores and the embedding of each of some patches (frames x bands, one after the other).
    pub(super) fn run(&self, patches: Vec<f32>) -> Vec<(Vec<f32>, Vec<f32>)> {
        let mut maps = self.stem.apply(&Maps {
            count: patches.len() / (PATCH_FRAMES * N_MELS),
            height: PATCH_FRAMES,
            width: N_MELS,
            values: patches,
        });
        for (spatial, pointwise) in &self.pairs {
            maps = pointwise.apply(&spatial.apply(&maps));
        }
        let told = |embedding: Vec<f32>| {
            let scores = self.scores.apply(&embedding).into_iter().map(sigmoid).collect();
            (scores, embedding)
        };
        averages(&maps).into_iter().map(told).collect()
    }
}

/// The nodes of a graph, each of which must feed the next.
struct Chain<'a> {
    graph: &'a Graph,
    nodes: std::slice::Iter<'a, Node>,
    /// The tensor that the last node made.
    at: &'a str,
}

impl<'a> Chain<'a> {
    fn new(graph: &'a Graph) -> Result<Chain<'a>, Fault> {
        let at = graph
            .inputs
            .first()
            .ok_or_else(|| Fault::new("a graph without an input"))?;
        Ok(Chain {
            graph,
            nodes: graph.nodes.iter(),
            at,
        })
    }

    /// The next node, which must be of this type; those that only reshape are passed over.
    fn next(&mut self, op: &str) -> Result<&'a Node, Fault> {
        for node in self.nodes.by_ref() {
            let (Some(input), Some(output)) = (node.inputs.first(), node.outputs.first()) else {
                return Err(Fault::new(format!(
                    "a node `{}` without an input or an output",
                    node.op
                )));
            };
            if input != self.at {
                return Err(Fault::new(format!(
                    "no YAMNet: `{}` reads `{input}`, not what was made last",
                    node.op
                )));
            }
            self.at = output;
            if node.op == op {
                return Ok(node);
            }
            if !matches!(node.op.as_str(), "Reshape" | "Split") {
                return Err(Fault::new(format!(
                    "no YAMNet: `{}` where `{op}` should stand",
                    node.op
                )));
            }
        }
        Err(Fault::new(format!(
            "no YAMNet: it ends where `{op}` should stand"
        )))
    }

    /// The array that a node's input names, of this shape.
    fn array(&self, node: &Node, input: usize, shape: &[usize]) -> Result<&'a [f32], Fault> {
        let name = node.inputs.get(input).map_or("", String::as_str);
        exactly(&self.graph.initializers, name, shape)
    }

    /// The rectifier after a convolution.
    fn clip(&mut self) -> Result<(), Fault> {
        let node = self.next("Clip")?;
        match (self.array(node, 1, &[])?, self.array(node, 2, &[])?) {
            (&[0.0], &[CEILING]) => Ok(()),
            (low, high) => Err(Fault::new(format!(
                "no YAMNet: a rectifier from {low:?} to {high:?}"
            ))),
        }
    }

    /// A 3 x 3 convolution over `groups` groups of one channel each: taps x channels, the bias, and rows of zeros before the first.
    fn spatial(
        &mut self,
        channels: usize,
        groups: usize,
        stride: usize,
    ) -> Result<(Vec<f32>, Vec<f32>, usize), Fault> {
        let node = self.next("Conv")?;
        // With a stride of two over an even length, "same" padding is all at the end.
        let before = 2 - stride;
        let pads = [before as i64, before as i64, 1, 1];
        check(node, "strides", &[stride as i64; 2], &[1, 1])?;
        check(node, "pads", &pads, &[0; 4])?;
        check_group(node, groups)?;
        let published = self.array(node, 1, &[channels, 1, 3, 3])?;
        let taps = (0..9).flat_map(|tap| published[tap..].iter().step_by(9).copied());
        let bias = self.array(node, 2, &[channels])?.to_vec();
        self.clip()?;
        Ok((taps.collect(), bias, before))
    }

    fn pointwise(&mut self, inputs: usize, outputs: usize) -> Result<Pointwise, Fault> {
        let node = self.next("Conv")?;
        check(node, "strides", &[1, 1], &[1, 1])?;
        check(node, "pads", &[0; 4], &[0; 4])?;
        check_group(node, 1)?;
        let weights = self.array(node, 1, &[outputs, inputs, 1, 1])?;
        let weights = ArrayView2::from_shape((outputs, inputs), weights).expect("the shape was checked");
        let bias = self.array(node, 2, &[outputs])?;
        self.clip()?;
        Ok(Pointwise::new(weights.t(), bias))
    }

    /// The mean over the map and the layer that gives the scores.
    fn scores(&mut self) -> Result<Dense, Fault> {
        self.next("GlobalAveragePool")?;
        let product = self.next("MatMul")?;
        let weights = self.array(product, 1, &[EMBEDDING, CLASSES])?;
        self.next("Sigmoid")?;
        Ok(Dense::new(weights, &[0.0; CLASSES]))
    }
}

/// Holds a setting against what it must be; one that is left out has its default.
fn check(node: &Node, name: &str, want: &[i64], default: &[i64]) -> Result<(), Fault> {
    let got = node.ints(name).unwrap_or(default);
    if got == want {
        return Ok(());
    }
    Err(Fault::new(format!(
        "no YAMNet: a convolution with {name} {got:?}, not {want:?}"
    )))
}

fn check_group(node: &Node, want: usize) -> Result<(), Fault> {
    let got = node.int("group").unwrap_or(1);
    if got == want as i64 {
        return Ok(());
    }
    Err(Fault::new(format!(
        "no YAMNet: a convolution in {got} groups, not {want}"
    )))
}
