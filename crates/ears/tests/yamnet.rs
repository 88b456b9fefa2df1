//! YAMNet against onnxruntime and TensorFlow: `golden/yamnet*.json`, made by the scripts beside them.

use melisma_audio::{Hertz, Signal};
use melisma_ears::front::Error;
use melisma_ears::weights::Array;
use melisma_ears::weights::onnx::{Attribute, Graph, Node};
use melisma_ears::yamnet::{CLASSES, EMBEDDING, N_MELS, PATCH_FRAMES, Yamnet, patches};
use ndarray::Array3;
use serde_json::Value;

fn numbers(value: &Value) -> Vec<f32> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap() as f32)
        .collect()
}

/// The same formula as in the script.
fn golden_patches() -> Array3<f32> {
    Array3::from_shape_fn((3, PATCH_FRAMES, N_MELS), |(k, t, b)| {
        let slow = (0.07 * (k + 1) as f64 * t as f64 + 0.13 * b as f64).sin();
        let beat = if (t * (k + 2)) % 25 < 5 { 1.0 } else { 0.0 };
        (-2.0 + 2.0 * slow + 2.0 * beat - 0.05 * b as f64) as f32
    })
}

/// The same formula as in the script.
fn golden_signal() -> Signal {
    let samples = (0..2 * 16_000).map(|i| {
        let s = f64::from(i) / 16_000.0;
        let tau = 2.0 * std::f64::consts::PI;
        let tones = 0.4 * (tau * (220.0 + 90.0 * s) * s).sin() + 0.2 * (tau * (3000.0 - 200.0 * s) * s).sin();
        (tones + if i % 5000 < 20 { 0.3 } else { 0.0 }) as f32
    });
    Signal::new(samples.collect(), Hertz(16_000))
}

/// A graph of the network's shape; every weight of a layer is the same.
fn invented() -> Graph {
    let mut graph = Graph {
        inputs: vec!["in".into()],
        ..Graph::default()
    };
    let put = |graph: &mut Graph, name: &str, shape: &[usize], value: f32| {
        let values = vec![value; shape.iter().product()];
        graph
            .initializers
            .insert(name.into(), Array::new(shape.to_vec(), values).unwrap());
    };
    put(&mut graph, "low", &[], 0.0);
    put(&mut graph, "high", &[], 6.0);
    let convolution = |graph: &mut Graph, shape: [usize; 4], stride: i64, group: usize| {
        let (w, b) = (
            format!("w{}", graph.nodes.len()),
            format!("b{}", graph.nodes.len()),
        );
        put(graph, &w, &shape, 1.0 / (shape[1] * shape[2] * shape[3]) as f32);
        put(graph, &b, &shape[..1], 0.01);
        let before = if shape[2] == 3 { 2 - stride } else { 0 };
        let after = i64::from(shape[2] == 3);
        let settings = [
            ("strides", Attribute::Ints(vec![stride; 2])),
            ("pads", Attribute::Ints(vec![before, before, after, after])),
            ("group", Attribute::Int(group as i64)),
        ];
        node(graph, "Conv", &[&w, &b]);
        let last = graph.nodes.last_mut().unwrap();
        last.attributes = settings.map(|(name, value)| (name.to_owned(), value)).into();
        node(graph, "Clip", &["low", "high"]);
    };
    convolution(&mut graph, [32, 1, 3, 3], 2, 1);
    let mut channels = 32;
    let outputs = [64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024];
    for (i, output) in outputs.into_iter().enumerate() {
        let stride = if [1, 3, 5, 11].contains(&i) { 2 } else { 1 };
        convolution(&mut graph, [channels, 1, 3, 3], stride, channels);
        convolution(&mut graph, [output, channels, 1, 1], 1, 1);
        channels = output;
    }
    put(&mut graph, "scores", &[EMBEDDING, CLASSES], 0.001);
    node(&mut graph, "GlobalAveragePool", &[]);
    node(&mut graph, "MatMul", &["scores"]);
    node(&mut graph, "Sigmoid", &[]);
    graph
}

/// Appends a node that reads what the last one made.
fn node(graph: &mut Graph, op: &str, constants: &[&str]) {
    let last = graph
        .nodes
        .last()
        .map_or("in".to_owned(), |node| node.outputs[0].clone());
    let constants = constants.iter().map(|&name| name.to_owned());
    graph.nodes.push(Node {
        op: op.into(),
        inputs: std::iter::once(last).chain(constants).collect(),
        outputs: vec![format!("t{}", graph.nodes.len())],
        ..Node::default()
    });
}

#[test]
fn the_spectrogram_is_that_of_tensorflow() {
    let golden: Value = serde_json::from_str(include_str!("golden/yamnet_front.json")).unwrap();
    let patches = patches(&golden_signal()).unwrap();
    assert_eq!(Some(patches.shape()[0] as u64), golden["patches"].as_u64());
    let want = numbers(&golden["some"]);
    let mut got = Vec::new();
    for patch in patches.outer_iter() {
        for frame in (5..PATCH_FRAMES).step_by(13) {
            got.extend((0..N_MELS).step_by(5).map(|band| patch[[frame, band]]));
        }
    }
    assert_eq!(got.len(), want.len());
    for (got, want) in got.iter().zip(&want) {
        assert!((got - want).abs() < 1e-5, "{got} {want}");
    }
}

const DATA: Option<&str> = option_env!("MELISMA_TEST_DATA");

#[test]
#[cfg_attr(not(melisma_data), ignore = "needs the data folder")]
fn the_scores_are_those_of_onnxruntime() {
    let path = format!(
        "{}/models/yamnet.onnx.xz",
        DATA.expect("tests without data are ignored")
    );
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).unwrap();
    std::io::copy(&mut xz4rust::XzReader::new(file), &mut bytes).unwrap();
    let yamnet = Yamnet::from_onnx(&Graph::parse(&bytes).unwrap()).unwrap();
    let heard = yamnet.hear(golden_patches().view());
    let golden: Value = serde_json::from_str(include_str!("golden/yamnet.json")).unwrap();
    let want = numbers(&golden["scores"]);
    assert_eq!(heard.scores.len(), want.len());
    for (got, want) in heard.scores.iter().zip(&want) {
        assert!((got - want).abs() < 1e-4, "{got} {want}");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let yamnet = Yamnet::from_onnx(&invented()).unwrap();
    let hear = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| yamnet.listen(&golden_signal()).unwrap())
    };
    let alone = hear(1);
    assert_eq!(alone.scores.shape(), [4, CLASSES]);
    assert_eq!(alone.embedding.shape(), [4, EMBEDDING]);
    assert_eq!(alone, hear(3));
}

#[test]
fn silence_and_short_sounds_are_heard_as_one_patch() {
    let yamnet = Yamnet::from_onnx(&invented()).unwrap();
    let listen = |samples: Vec<f32>| yamnet.listen(&Signal::new(samples, Hertz(16_000)));
    for samples in [vec![0.0; 15_600], vec![0.5]] {
        let heard = listen(samples).unwrap();
        assert_eq!(heard.scores.shape(), [1, CLASSES]);
        assert!(heard.scores.iter().all(|p| (0.0..=1.0).contains(p)));
    }
    assert_eq!(listen(vec![0.0; 15_601]).unwrap().scores.nrows(), 2);
    assert_eq!(listen(vec![]), Err(Error::Empty));
    assert!(matches!(
        listen(vec![f32::NAN]),
        Err(Error::BadSample { index: 0, .. })
    ));
}

#[test]
fn graphs_of_another_shape_are_refused() {
    let refusal = |change: &dyn Fn(&mut Graph)| {
        let mut graph = invented();
        change(&mut graph);
        Yamnet::from_onnx(&graph).unwrap_err().to_string()
    };
    let missing = refusal(&|g| drop(g.initializers.remove("w4")));
    assert!(missing.contains("`w4`"), "{missing}");
    let nan = refusal(&|g| {
        let values = Array::new(vec![32], vec![f32::NAN; 32]).unwrap();
        g.initializers.insert("b0".into(), values);
    });
    assert!(nan.contains("`b0`"), "{nan}");
    let stride = refusal(&|g| {
        g.nodes[4]
            .attributes
            .insert("strides".into(), Attribute::Ints(vec![9, 9]));
    });
    assert!(stride.contains("strides [9, 9]"), "{stride}");
    let ceiling = refusal(&|g| {
        g.initializers
            .insert("high".into(), Array::new(vec![], vec![1.0]).unwrap());
    });
    assert!(ceiling.contains("rectifier"), "{ceiling}");
    let order = refusal(&|g| g.nodes.swap(2, 3));
    assert!(order.contains("made last"), "{order}");
    let op = refusal(&|g| g.nodes[3].op = "Tanh".into());
    assert!(op.contains("`Tanh`"), "{op}");
    assert!(refusal(&|g| g.nodes.truncate(10)).contains("ends"));
    assert!(refusal(&|g| g.nodes.clear()).contains("ends"));
    assert!(refusal(&|g| g.inputs.clear()).contains("input"));
}
