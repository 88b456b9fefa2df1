//! The reference's networks have the reference's parameters.

use melisma_neural::networks::{CnnLstmParams, CnnParams, DenseParams, NetworkParams, Pool};

fn parameters(params: NetworkParams, shape: &[usize]) -> usize {
    params.init(shape, 10, 1).unwrap().summary().parameters()
}

#[test]
fn counts_are_those_of_keras() {
    assert_eq!(
        parameters(NetworkParams::Dense(DenseParams::default()), &[63]),
        771_402
    );
    let cnn = NetworkParams::Cnn(CnnParams::default());
    assert_eq!(parameters(cnn, &[1, 128, 256]), 2_126_442);
    // Blocks 28,576, LSTM 4 x 128 x (1,024 + 128 + 1), dense 8,256, head 650.
    let lstm = NetworkParams::CnnLstm(CnnLstmParams::default());
    assert_eq!(parameters(lstm, &[1, 128, 256]), 28_576 + 590_336 + 8_256 + 650);
}

#[test]
fn a_summary_reads_as_a_table() {
    let network = NetworkParams::Cnn(CnnParams::default())
        .init(&[1, 128, 256], 10, 1)
        .unwrap();
    let text = network.summary().to_string();
    let line = text
        .lines()
        .find(|line| line.starts_with("block3: 3 x 3 convolution"))
        .unwrap();
    assert_eq!(
        line.split_whitespace().collect::<Vec<_>>()[6..],
        ["64", "x", "32", "x", "64", "18,496"],
        "{text}"
    );
    assert!(
        text.ends_with("2,126,442 parameters, 256 of them moving statistics"),
        "{text}"
    );
}

#[test]
fn pooling_over_time_makes_it_small() {
    let params = CnnParams {
        pool: Pool::MeanMax,
        ..CnnParams::default()
    };
    assert_eq!(
        parameters(NetworkParams::Cnn(params), &[1, 128, 256]),
        28_576 + (3 * 64 * 16 + 1) * 64 + 650
    );
}

#[test]
fn a_recipe_s_mistakes_are_named() {
    let wrong = serde_json::from_str::<NetworkParams>(r#"{"kind": "cnn", "filter": [3]}"#);
    assert!(wrong.unwrap_err().to_string().contains("filter"));
    let cnn = NetworkParams::Cnn(CnnParams::default());
    assert!(cnn.init(&[63], 10, 1).unwrap_err().to_string().contains("images"));
    assert!(
        cnn.init(&[1, 4, 256], 10, 1)
            .unwrap_err()
            .to_string()
            .contains("too small")
    );
    let huge = NetworkParams::Dense(DenseParams {
        units: vec![65_536; 3],
        ..DenseParams::default()
    });
    assert!(huge.init(&[63], 10, 1).is_err());
}
