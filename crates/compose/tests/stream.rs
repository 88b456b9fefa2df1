//! The reference's stream, its last tenth held out: what counting models cost there.
//!
//! The numbers of unigrams and bigrams are those of an independent count (`stream.py` beside this file).

use std::path::PathBuf;

use melisma_compose::counting::{Memory, MemoryParams, Ngram, NgramParams};
use melisma_compose::stream::{Vocabulary, fold, read};
use melisma_compose::{Model, cost};

fn data(path: &str) -> PathBuf {
    PathBuf::from(option_env!("MELISMA_TEST_DATA").unwrap_or_default()).join(path)
}

/// Training part and held-out part.
fn parts() -> (Vocabulary, Vec<u16>, Vec<u16>) {
    let mut tokens = read(&data("midi/jazz_tokens.txt.xz")).unwrap();
    assert_eq!(tokens.len(), 300_793);
    let held = tokens.split_off(fold(tokens.len(), 9, 10).start);
    let vocabulary = Vocabulary::of(&tokens).unwrap();
    let (train, test) = (vocabulary.encode(&tokens), vocabulary.encode(&held));
    (vocabulary, train, test)
}

#[cfg_attr(not(melisma_data), ignore = "no data folder")]
#[test]
fn counting_models_cost_what_they_did() {
    let (vocabulary, train, test) = parts();
    assert_eq!((vocabulary.types.len(), vocabulary.rest), (765, 3456));
    let per_token = |model: &dyn Model| {
        (cost(model, &test).unwrap().nats + vocabulary.spelling(&test)) / test.len() as f64
    };
    for (order, remembers, expected) in [
        (1, false, 4.9197),
        (2, false, 4.0045),
        (4, false, 3.8503),
        (5, false, 3.7807),
        (6, true, 2.2619),
    ] {
        let mut params = NgramParams::new(&[vocabulary.size()], order).unwrap();
        params.remembers = remembers;
        params.prior = Some(vec![vocabulary.prior()]);
        let found = per_token(&Ngram::train(params, [train.as_slice()]).unwrap());
        assert!((found - expected).abs() < 1e-3, "{order} {remembers}: {found}");
    }
    // The whole takes ten seconds: a memory that has practised on the last 30,000 tokens alone.
    let mut params = MemoryParams::new(&[vocabulary.size()]).unwrap();
    params.background.prior = Some(vec![vocabulary.prior()]);
    params.practice = 30_000;
    let pieces: Vec<&[u16]> = train.chunks(30_000).collect();
    let found = per_token(&Memory::train(params, pieces).unwrap());
    assert!(found < 2.0, "{found}");
}
