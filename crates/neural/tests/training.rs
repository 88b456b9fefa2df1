//! Training learns, and a training that was stopped and resumed is the uninterrupted one.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use melisma_dataset::rng::Rng;
use melisma_neural::Error;
use melisma_neural::networks::{CnnLstmParams, CnnParams, DenseParams, NetworkParams, Pool};
use melisma_neural::train::{
    Augmentation, ClassWeights, EarlyStopping, Measure, Optimizer, Progress, Samples, Schedule, TrainParams,
    Trained, Watch, curves, train,
};

fn noise(rng: &mut Rng) -> f32 {
    (rng.next_u64() >> 40) as f32 / (1 << 24) as f32 - 0.5
}

/// Images whose class is the row that is brighter.
fn images(count: usize, seed: u64) -> Samples {
    let mut rng = Rng::new(seed);
    let labels: Vec<usize> = (0..count).map(|i| i % 3).collect();
    let values = labels
        .iter()
        .flat_map(|&label| (0..8 * 12).map(move |i| (i / 12 / 3 == label) as u8 as f32))
        .map(|v| v + noise(&mut rng))
        .collect();
    Samples::new(&[1, 8, 12], values, labels, 3).unwrap()
}

/// Rows whose class is the sign of their first value's difference from the second.
fn rows(count: usize, seed: u64) -> Samples {
    let mut rng = Rng::new(seed);
    let values: Vec<f32> = (0..count * 6).map(|_| noise(&mut rng)).collect();
    let labels = values
        .chunks_exact(6)
        .map(|row| usize::from(row[0] > row[1]))
        .collect();
    Samples::new(&[6], values, labels, 2).unwrap()
}

fn cnn() -> NetworkParams {
    NetworkParams::Cnn(CnnParams {
        filters: vec![4, 6],
        pool: Pool::MeanMax,
        units: vec![8],
        momentum: 0.9,
        ..CnnParams::default()
    })
}

fn dense() -> NetworkParams {
    NetworkParams::Dense(DenseParams {
        units: vec![16, 8],
        momentum: 0.9,
        ..DenseParams::default()
    })
}

/// Everything that could be lost on the way: moments, plateaus, patience, order, dropout, masks, mixtures.
fn everything() -> TrainParams {
    TrainParams {
        optimizer: Optimizer {
            weight_decay: 0.01,
            ..Optimizer::default()
        },
        rate: 0.01,
        batch: 8,
        epochs: 5,
        schedule: Schedule::Plateau {
            patience: 1,
            factor: 0.5,
            lowest: 1e-4,
        },
        warm_up: 0.5,
        early_stopping: Some(EarlyStopping {
            on: Measure::Loss,
            patience: 2,
        }),
        label_smoothing: 0.1,
        class_weights: ClassWeights::Balanced,
        clip_norm: Some(1.0),
        augmentation: Augmentation {
            shift: 0.5,
            crop: 0.2,
            frequency_masks: 1,
            frequency_mask: 0.2,
            time_masks: 1,
            time_mask: 0.2,
            noise: 0.1,
            gain: 0.1,
            mixup: 0.3,
        },
        seed: 7,
        checkpoint_minutes: 1000.0,
    }
}

/// Stops after so many steps of this run.
struct StopAfter(AtomicUsize);

impl Watch for StopAfter {
    fn stopped(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    fn step(&self, _: &Progress) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Trains with interruptions after random numbers of steps.
fn interrupted(network: &NetworkParams, samples: [&Samples; 2], folder: &Path, rng: &mut Rng) -> Trained {
    for _ in 0..1000 {
        let stop = StopAfter(AtomicUsize::new(rng.below(7)));
        match train(
            network,
            &everything(),
            samples[0],
            Some(samples[1]),
            Some(folder),
            &stop,
        ) {
            Ok(trained) => return trained,
            Err(Error::Interrupted) => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("it never ended");
}

/// What must be equal: all but the seconds.
fn compared(trained: &Trained) -> (Vec<Vec<u32>>, String) {
    let bits = |v: &[f32]| v.iter().map(|v| v.to_bits()).collect();
    let weights = trained
        .network
        .variables()
        .iter()
        .map(|v| bits(v.values()))
        .collect();
    let mut history = trained.history.clone();
    history.epochs.iter_mut().for_each(|epoch| epoch.seconds = 0.0);
    (weights, format!("{history:?}"))
}

#[test]
fn stopped_and_resumed_is_uninterrupted_bit_for_bit() {
    let (train_images, valid_images) = (images(45, 1), images(18, 2));
    let (train_rows, valid_rows) = (rows(61, 3), rows(20, 4));
    let lstm = NetworkParams::CnnLstm(CnnLstmParams {
        filters: vec![3],
        cells: 5,
        units: vec![4],
        ..CnnLstmParams::default()
    });
    let cases = [
        (cnn(), &train_images, &valid_images),
        (lstm, &train_images, &valid_images),
        (dense(), &train_rows, &valid_rows),
    ];
    let mut rng = Rng::new(11);
    for (network, samples, valid) in cases {
        let whole = train(&network, &everything(), samples, Some(valid), None, &()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let parts = interrupted(&network, [samples, valid], folder.path(), &mut rng);
        assert!(compared(&whole) == compared(&parts), "{network:?}");
        let log = std::fs::read_to_string(folder.path().join("log.csv")).unwrap();
        assert_eq!(log.lines().count(), 1 + whole.history.epochs.len());
    }
}

#[test]
fn a_training_that_was_killed_goes_on_from_its_last_checkpoint() {
    struct Keep<'a>(&'a Path, &'a Path, AtomicUsize);
    impl Watch for Keep<'_> {
        fn step(&self, _: &Progress) {
            if self.2.fetch_add(1, Ordering::Relaxed) == 9 {
                std::fs::copy(
                    self.0.join("checkpoint.safetensors"),
                    self.1.join("checkpoint.safetensors"),
                )
                .unwrap();
            }
        }
    }
    let often = TrainParams {
        checkpoint_minutes: 0.0,
        ..everything()
    };
    let (samples, valid) = (rows(61, 3), rows(20, 4));
    let [work, kept] = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let watch = Keep(work.path(), kept.path(), AtomicUsize::new(0));
    let whole = train(
        &dense(),
        &often,
        &samples,
        Some(&valid),
        Some(work.path()),
        &watch,
    )
    .unwrap();
    let rest = train(&dense(), &often, &samples, Some(&valid), Some(kept.path()), &()).unwrap();
    assert!(compared(&whole) == compared(&rest));
}

#[test]
fn threads_change_nothing() {
    let samples = images(30, 1);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let params = TrainParams {
            epochs: 2,
            early_stopping: None,
            ..everything()
        };
        pool.install(|| compared(&train(&cnn(), &params, &samples, None, None, &()).unwrap()))
    };
    assert!(with(1) == with(3));
}

#[test]
fn networks_learn_what_can_be_learned() {
    let params = TrainParams {
        rate: 0.01,
        batch: 16,
        epochs: 20,
        ..TrainParams::default()
    };
    for (network, samples, valid) in [
        (cnn(), images(90, 1), images(60, 2)),
        (dense(), rows(300, 3), rows(100, 4)),
    ] {
        let trained = train(&network, &params, &samples, Some(&valid), None, &()).unwrap();
        let last = trained.history.epochs.last().unwrap();
        assert!(last.valid_accuracy.unwrap() > 0.9, "{last:?}");
        assert!(last.loss < trained.history.epochs[0].loss);
        let figures = curves(&trained.history, "network", "A network").unwrap();
        assert!(figures.iter().all(|figure| figure.svg().contains("validation")));
    }
}

#[test]
fn the_best_epoch_is_kept() {
    let (samples, valid) = (rows(61, 3), rows(40, 4));
    let params = TrainParams {
        rate: 0.3,
        epochs: 12,
        early_stopping: Some(EarlyStopping {
            on: Measure::Accuracy,
            patience: 3,
        }),
        ..TrainParams::default()
    };
    let trained = train(&dense(), &params, &samples, Some(&valid), None, &()).unwrap();
    let epochs = &trained.history.epochs;
    let best = trained.history.best.unwrap();
    let most = epochs.iter().filter_map(|e| e.valid_accuracy).fold(0.0, f64::max);
    assert_eq!(epochs[best - 1].valid_accuracy, Some(most));
    let probabilities = trained.predict(&valid).unwrap();
    let right = probabilities
        .rows()
        .into_iter()
        .zip(valid.labels())
        .filter(|(row, label)| (row[1] > row[0]) == (**label == 1))
        .count();
    assert_eq!(right as f64 / 40.0, most);
}

#[test]
fn a_network_s_file_holds_all_of_it_and_damage_is_refused() {
    let samples = images(30, 1);
    let params = TrainParams {
        epochs: 1,
        ..TrainParams::default()
    };
    let trained = train(&cnn(), &params, &samples, None, None, &()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.safetensors");
    trained.save(&path).unwrap();
    let again = Trained::load(&path).unwrap();
    assert_eq!(again.history, trained.history);
    assert_eq!(again.network.params(), trained.network.params());
    assert_eq!(
        again.predict(&samples).unwrap(),
        trained.predict(&samples).unwrap()
    );
    let good = std::fs::read(&path).unwrap();
    for length in [0, 7, 100, good.len() / 2, good.len() - 1] {
        std::fs::write(&path, &good[..length]).unwrap();
        let error = Trained::load(&path).unwrap_err().to_string();
        assert!(error.contains("network.safetensors"), "{error}");
    }
    // A description that asks for more than the file holds.
    let text = String::from_utf8_lossy(&good[8..]).into_owned();
    assert!(text.contains(r#"\"filters\":[4,6]"#));
    let find = br#"[4,6]"#;
    let at = good.windows(find.len()).position(|w| w == find).unwrap();
    let mut bad = good.clone();
    bad[at..at + 5].copy_from_slice(b"[999]");
    std::fs::write(&path, &bad).unwrap();
    assert!(
        Trained::load(&path)
            .unwrap_err()
            .to_string()
            .contains("more weights")
    );
}

#[test]
fn another_training_s_checkpoint_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let (samples, other) = (rows(61, 3), rows(61, 5));
    let stop = StopAfter(AtomicUsize::new(3));
    let valid = rows(20, 4);
    let go = |params: &TrainParams, samples: &Samples, stop: &StopAfter| {
        train(&dense(), params, samples, Some(&valid), Some(folder.path()), stop)
    };
    assert!(matches!(
        go(&everything(), &samples, &stop),
        Err(Error::Interrupted)
    ));
    let slower = TrainParams {
        rate: 0.001,
        ..everything()
    };
    let forever = StopAfter(AtomicUsize::new(1000));
    for error in [
        go(&slower, &samples, &forever),
        go(&everything(), &other, &forever),
    ] {
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("checkpoint.safetensors") && error.contains("another training"),
            "{error}"
        );
    }
    std::fs::write(folder.path().join("checkpoint.safetensors"), b"nonsense").unwrap();
    assert!(matches!(
        go(&everything(), &samples, &forever),
        Err(Error::File { .. })
    ));
}

#[test]
fn what_cannot_be_trained_is_refused() {
    assert!(Samples::new(&[2], vec![1.0; 5], vec![0, 1], 2).is_err());
    assert!(Samples::new(&[2], vec![1.0, f32::NAN], vec![0], 2).is_err());
    assert!(Samples::new(&[2], vec![1.0; 2], vec![2], 2).is_err());
    let samples = rows(10, 1);
    assert!(train(&dense(), &everything(), &samples, None, None, &()).is_err());
    assert!(train(&cnn(), &TrainParams::default(), &samples, None, None, &()).is_err());
    let hot = TrainParams {
        rate: f64::MAX,
        ..TrainParams::default()
    };
    assert!(matches!(
        train(&dense(), &hot, &samples, None, None, &()),
        Err(Error::Diverged { .. })
    ));
}
