//! What holds of every model, whatever it reads.

use melisma_compose::counting::{
    Contexts, Counting, Memory, MemoryParams, Ngram, NgramParams, Params, Smoothing, parse, read, write,
};
use melisma_compose::{About, Mixture, Model, cost, open};
use proptest::prelude::*;

const FIELDS: [usize; 3] = [5, 9, 2];

/// What a short piece costs under the models of `golden/`.
const NGRAM: f64 = 16.884_116;
const MEMORY: f64 = 19.470_133;

fn ngram(fields: &[usize], order: usize, remembers: bool, pieces: &[Vec<u16>]) -> Ngram {
    let mut params = NgramParams::new(fields, order).unwrap();
    params.remembers = remembers;
    Ngram::train(params, pieces.iter().map(Vec::as_slice)).unwrap()
}

fn memory(fields: &[usize], pieces: &[Vec<u16>]) -> Memory {
    let params = MemoryParams::new(fields).unwrap();
    Memory::train(params, pieces.iter().map(Vec::as_slice)).unwrap()
}

/// Every kind of model, trained on these pieces.
fn models(fields: &[usize], pieces: &[Vec<u16>]) -> Vec<(&'static str, Box<dyn Model>)> {
    let members = || -> Vec<Box<dyn Model>> {
        vec![
            Box::new(ngram(fields, 2, false, pieces)),
            Box::new(ngram(fields, 4, true, pieces)),
            Box::new(memory(fields, pieces)),
            Box::new(ngram(fields, 1, true, pieces)),
        ]
    };
    let mut practised = Mixture::gated(members(), 0.02).unwrap();
    pieces.iter().for_each(|piece| {
        practised.practise(piece).unwrap();
    });
    vec![
        ("unigram", Box::new(ngram(fields, 1, false, pieces))),
        ("bigram", Box::new(ngram(fields, 2, false, pieces))),
        ("5-gram", Box::new(ngram(fields, 5, false, pieces))),
        ("bigram that remembers", Box::new(ngram(fields, 2, true, pieces))),
        ("5-gram that remembers", Box::new(ngram(fields, 5, true, pieces))),
        ("memory", Box::new(memory(fields, pieces))),
        (
            "fixed",
            Box::new(Mixture::fixed(members(), &[1.0, 0.0, 3.0, 2.0]).unwrap()),
        ),
        ("bayes", Box::new(Mixture::bayes(members()).unwrap())),
        ("gated", Box::new(Mixture::gated(members(), 0.02).unwrap())),
        ("practised", Box::new(practised)),
    ]
}

/// Whole steps of [`FIELDS`], some of which repeat.
fn piece() -> impl Strategy<Value = Vec<u16>> {
    let step = (0..5_u16, 0..9_u16, 0..2_u16);
    (prop::collection::vec(step, 0..40), 0..3_usize).prop_map(|(steps, again)| {
        let once: Vec<u16> = steps.into_iter().flat_map(|(a, b, c)| [a, b, c]).collect();
        once.repeat(again + 1)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn chances_sum_to_one_everywhere_and_costs_are_theirs(pieces in prop::collection::vec(piece(), 0..4), read in piece()) {
        for (name, model) in models(&FIELDS, &pieces) {
            let costs = model.costs(&read).unwrap();
            let mut reader = model.begin();
            let mut logs = Vec::new();
            for (at, token) in read.iter().enumerate() {
                reader.predict(&mut logs);
                prop_assert_eq!(logs.len(), FIELDS[at % 3]);
                let sum: f64 = logs.iter().map(|log| f64::from(*log).exp()).sum();
                prop_assert!((sum - 1.0).abs() < 1e-4, "{} at {}: {}", name, at, sum);
                prop_assert!(logs.iter().all(|log| log.is_finite()), "{} at {}", name, at);
                let cost = -logs[usize::from(*token)];
                prop_assert!((cost - costs[at]).abs() < 1e-3 * cost.max(1.0), "{} at {}: {} {}", name, at, cost, costs[at]);
                reader.read(*token);
            }
        }
    }

    #[test]
    fn what_comes_later_changes_nothing_before(pieces in prop::collection::vec(piece(), 1..3), a in piece(), b in piece(), c in piece()) {
        for (name, model) in models(&FIELDS, &pieces) {
            let one = model.costs(&[a.as_slice(), &b].concat()).unwrap();
            let other = model.costs(&[a.as_slice(), &c].concat()).unwrap();
            prop_assert_eq!(&one[..a.len()], &other[..a.len()], "{}", name);
        }
    }

    #[test]
    fn asking_twice_changes_nothing(pieces in prop::collection::vec(piece(), 1..3), read in piece()) {
        for (name, model) in models(&FIELDS, &pieces) {
            let (mut asked, mut quiet) = (model.begin(), model.begin());
            let (mut one, mut other) = (Vec::new(), Vec::new());
            for token in &read {
                asked.predict(&mut one);
                asked.predict(&mut one);
                asked.read(*token);
                quiet.read(*token);
            }
            asked.predict(&mut one);
            quiet.predict(&mut other);
            prop_assert_eq!(&one, &other, "{}", name);
        }
    }

    #[test]
    fn bayes_is_never_worse_than_the_best_by_more_than_the_logarithm_of_their_number(
        pieces in prop::collection::vec(piece(), 1..4), read in piece()
    ) {
        let members = || -> Vec<Box<dyn Model>> {
            vec![
                Box::new(ngram(&FIELDS, 1, false, &pieces)),
                Box::new(ngram(&FIELDS, 3, true, &pieces)),
                Box::new(memory(&FIELDS, &pieces)),
            ]
        };
        let best = members().iter().map(|model| cost(model.as_ref(), &read).unwrap().nats).fold(f64::MAX, f64::min);
        let mixed = cost(&Mixture::bayes(members()).unwrap(), &read).unwrap().nats;
        prop_assert!(mixed <= best + 3_f64.ln() + 1e-4 * best + 1e-3, "{} {}", mixed, best);
    }

    #[test]
    fn damaged_files_are_told(at in 0_usize..10_000, bit in 0..8) {
        let good = saved();
        let mut bad = good.clone();
        let at = at % bad.len();
        bad[at] ^= 1_u8 << bit;
        prop_assert!(parse(&bad).is_err());
        prop_assert!(parse(&good[..at]).is_err());
    }
}

fn about(pieces: &[&[u16]]) -> About {
    let vocabulary = |size: usize| (0..size).map(|n| n.to_string()).collect();
    let fields: Vec<(String, Vec<String>)> = FIELDS
        .iter()
        .map(|size| ("f".to_owned(), vocabulary(*size)))
        .collect();
    About::scores("made up", &fields, pieces)
}

/// A file of a small model.
fn saved() -> Vec<u8> {
    static SAVED: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    SAVED
        .get_or_init(|| {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.model");
            let piece: &[u16] = &[0, 1, 1, 4, 8, 0, 0, 1, 1];
            let params = Params::Ngram(NgramParams::new(&FIELDS, 3).unwrap());
            let model = Counting::train(params.clone(), &[piece]).unwrap();
            write(&path, &about(&[piece]), &params, &model, &[piece]).unwrap();
            std::fs::read(&path).unwrap()
        })
        .clone()
}

#[test]
fn a_model_from_its_file_is_the_model() {
    let folder = tempfile::tempdir().unwrap();
    let piece: Vec<u16> = (0..90).flat_map(|n| [n % 4, n * n % 9, n % 2]).collect();
    let (first, second) = piece.split_at(120);
    let pieces = [first, second];
    for params in [
        Params::Ngram(NgramParams::new(&FIELDS, 4).unwrap()),
        Params::Memory(MemoryParams::new(&FIELDS).unwrap()),
    ] {
        let path = folder.path().join("a.model");
        let model = Counting::train(params.clone(), &pieces).unwrap();
        write(&path, &about(&pieces), &params, &model, &pieces).unwrap();
        let opened = open(&path).unwrap();
        assert_eq!(opened.about, about(&pieces));
        assert_eq!(opened.model.costs(&piece).unwrap(), model.costs(&piece).unwrap());
        assert!(read(&path).is_ok());
    }
    let path = folder.path().join("no.model");
    std::fs::write(&path, b"a model").unwrap();
    let error = open(&path).err().unwrap().to_string();
    assert!(
        error.contains("no.model") && error.contains("no model of tokens"),
        "{error}"
    );
}

#[test]
fn a_file_of_an_earlier_version_is_read() {
    // Written by `write`, of the pieces in `a_model_from_its_file_is_the_model` cut to 30 steps.
    for (name, expected) in [("ngram.model", NGRAM), ("memory.model", MEMORY)] {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/golden")
            .join(name);
        let model = open(&path).unwrap().model;
        let found = cost(model.as_ref(), &[0, 1, 1, 1, 0, 0, 3, 8, 1]).unwrap().nats;
        assert!((found - expected).abs() < 1e-4, "{name}: {found}");
    }
}

#[test]
fn a_memory_learns_to_trust_what_repeats() {
    // Each piece is a phrase of its own, many times.
    let phrase = |n: u16| -> Vec<u16> {
        let mut state = u32::from(n) + 1;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as u16 % 20
        };
        let once: Vec<u16> = (0..24).map(|_| next()).collect();
        once.repeat(12)
    };
    let pieces: Vec<Vec<u16>> = (0..30).map(phrase).collect();
    let fresh = phrase(1000);
    let static_cost = cost(&ngram(&[20], 4, false, &pieces), &fresh)
        .unwrap()
        .per_token();
    let counting = cost(&ngram(&[20], 4, true, &pieces), &fresh).unwrap().per_token();
    let memory = cost(&memory(&[20], &pieces), &fresh).unwrap().per_token();
    assert!(static_cost > 2.5, "{static_cost}");
    assert!(memory < 0.8 * counting && memory < 0.4, "{memory} {counting}");
}

#[test]
fn a_gated_mixture_follows_whoever_is_right() {
    let ones = vec![vec![1_u16; 300]];
    let twos = vec![vec![2_u16; 300]];
    let members = || -> Vec<Box<dyn Model>> {
        vec![
            Box::new(ngram(&[4], 1, false, &ones)),
            Box::new(ngram(&[4], 1, false, &twos)),
        ]
    };
    let read = [[1_u16; 100], [2; 100]].concat();
    let costs = Mixture::gated(members(), 0.05).unwrap().costs(&read).unwrap();
    let sum = |range: std::ops::Range<usize>| costs[range].iter().sum::<f32>();
    assert!(sum(80..100) < 0.2 * sum(0..20) && sum(180..200) < sum(100..120));
}

#[test]
fn contradictions_are_refused() {
    assert!(NgramParams::new(&[4], 0).is_err());
    assert!(NgramParams::new(&[4], 66).is_err());
    assert!(Contexts::new(vec![vec![0]]).is_err() && Contexts::new(vec![]).is_err());
    let mut params = NgramParams::new(&[4], 2).unwrap();
    params.prior = Some(vec![vec![0.5, 0.5, 0.0, 0.0]]);
    assert!(Ngram::new(params.clone()).is_err());
    params.prior = None;
    params.fields = vec![4, 4];
    assert!(Ngram::new(params).is_err());
    assert!(MemoryParams::new(&[0]).is_err());
    let mut model = ngram(&[4], 2, false, &[]);
    assert!(model.learn(&[3, 4]).is_err() && model.costs(&[4]).is_err());
    assert!(Mixture::bayes(vec![]).is_err());
    let pair: Vec<Box<dyn Model>> = vec![
        Box::new(ngram(&[4], 1, false, &[])),
        Box::new(ngram(&[5], 1, false, &[])),
    ];
    assert!(Mixture::gated(pair, 0.01).is_err());
}

#[test]
fn smoothing_by_hand() {
    let train = |smoothing| {
        let params = NgramParams {
            smoothing,
            ..NgramParams::new(&[4], 2).unwrap()
        };
        Ngram::train(params, [[0_u16, 1, 0, 2, 0, 1].as_slice()]).unwrap()
    };
    let chances = |model: &Ngram| -> Vec<f32> {
        let mut reader = model.begin();
        let mut logs = Vec::new();
        reader.read(0);
        reader.predict(&mut logs);
        logs.iter().map(|log| log.exp()).collect()
    };
    // Three types in six tokens: (count + 3 / 4) / 9; after a 0, 1 twice and 2 once: (count + 2 p) / 5.
    let unigram = [3.75_f32, 2.75, 1.75, 0.75].map(|n| n / 9.0);
    let expected = [0.0, 2.0, 1.0, 0.0]
        .into_iter()
        .zip(unigram)
        .map(|(n, p)| (n + 2.0 * p) / 5.0);
    for (p, e) in chances(&train(Smoothing::WittenBell)).into_iter().zip(expected) {
        assert!((p - e).abs() < 1e-6, "{p} {e}");
    }
    // Too few for discounts of their own: 0.5, 1, 1.5. After 0, before the piece, after 1, after 2: 0 is new after three contexts, 1
    // and 2 after one each.
    let unigram = [1.5_f32, 0.5, 0.5, 0.0].map(|n| (n + 2.5 / 4.0) / 5.0);
    let expected = [0.0, 1.0, 0.5, 0.0]
        .into_iter()
        .zip(unigram)
        .map(|(n, p)| (n + 1.5 * p) / 3.0);
    for (p, e) in chances(&train(Smoothing::KneserNey)).into_iter().zip(expected) {
        assert!((p - e).abs() < 1e-6, "{p} {e}");
    }
}
