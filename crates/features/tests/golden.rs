//! Every descriptor, frame by frame, against librosa 0.11's values (`golden/frames.json`, written by `golden/make.py`).

use std::collections::BTreeMap;

use melisma_features::{Descriptor, Extractor, PadMode, SAMPLE_RATE, Schema};

/// Three detuned partials with a click every 0.4 s and noise: the signal of `golden/make.py`.
fn golden_signal() -> Vec<f32> {
    let mut state = 1u32;
    (0..66_150)
        .map(|i| {
            let t = f64::from(i) / f64::from(SAMPLE_RATE);
            let tone = |hz: f64| (2.0 * std::f64::consts::PI * hz * t).sin();
            let partials = 0.3 * tone(223.0) + 0.2 * tone(336.0) + 0.1 * tone(1333.0);
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let noise = f64::from(state) / f64::from(1u32 << 31) - 1.0;
            let since = f64::from(i % 8820);
            (partials * (0.6 + 0.4 * tone(0.7)) + noise * (0.02 + 0.5 * (-since / 400.0).exp())) as f32
        })
        .collect()
}

#[derive(serde::Deserialize)]
struct Golden {
    shape: [usize; 2],
    rows: Vec<usize>,
    columns: Vec<usize>,
    values: Vec<Vec<f64>>,
}

/// Largest difference that is accepted: relative to the value, and absolute near zero.
fn tolerance(descriptor: Descriptor) -> (f64, f64) {
    match descriptor {
        // Waveforms and spectra pass through zero: the noise of single precision, against values up to 1 and 300.
        Descriptor::Harmonic | Descriptor::Percussive => (1e-5, 1e-6),
        Descriptor::Magnitude => (1e-5, 2e-5),
        // A sum of cosines of values up to 40 dB that can cancel.
        Descriptor::Mfcc => (1e-5, 2e-4),
        Descriptor::OnsetStrength | Descriptor::SpectralContrast | Descriptor::MelDb => (1e-5, 5e-5),
        _ => (2e-5, 1e-7),
    }
}

#[test]
fn every_descriptor_equals_librosa() {
    let golden: BTreeMap<String, BTreeMap<String, Golden>> =
        serde_json::from_str(include_str!("golden/frames.json")).expect("the golden file is JSON");
    let signal = golden_signal();
    let mut extractor = Extractor::new();
    for pad in [PadMode::Constant, PadMode::Reflect] {
        let analysis = extractor
            .analyze(&signal, pad, &Descriptor::ALL)
            .expect("the signal is sound");
        for descriptor in Descriptor::ALL {
            let Golden {
                shape,
                rows,
                columns,
                values,
            } = &golden[pad.name()][descriptor.name()];
            let ours = analysis.values(descriptor).expect("it was asked for");
            assert_eq!(
                ours.len(),
                shape[0] * shape[1],
                "{descriptor} {pad}: number of values"
            );
            assert_eq!(descriptor.rows(), shape[0], "{descriptor}: rows");
            let (relative, absolute) = tolerance(descriptor);
            for (&column, values) in columns.iter().zip(values) {
                for (&row, &want) in rows.iter().zip(values) {
                    let got = f64::from(ours[column * shape[0] + row]);
                    assert!(
                        (got - want).abs() <= relative * want.abs() + absolute,
                        "{descriptor} {pad}, row {row}, frame {column}: {got} where librosa has {want}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_row_summarises_what_the_frames_hold() {
    let signal = golden_signal();
    let mut extractor = Extractor::new();
    let analysis = extractor
        .analyze(&signal, PadMode::Constant, &Descriptor::ALL)
        .unwrap();
    for schema in Schema::ALL {
        let row = extractor.row(&signal, PadMode::Constant, schema).unwrap();
        let names = schema.names();
        assert_eq!(row.len(), names.len());
        if schema == Schema::Fma {
            continue;
        }
        let value = |name: &str| row[names.iter().position(|n| n == name).expect("the column exists")];
        let centroid = analysis.values(Descriptor::SpectralCentroid).unwrap();
        let mean = centroid.iter().map(|&v| f64::from(v)).sum::<f64>() / centroid.len() as f64;
        assert!((value("spectral_centroid_mean") - mean).abs() < 1e-9 * mean);
        assert!((value("tempo") - f64::from(analysis.values(Descriptor::Tempo).unwrap()[0])).abs() < 1e-4);
    }
}

#[test]
fn an_fma_row_summarises_each_row_of_a_descriptor() {
    let signal = golden_signal();
    let mut extractor = Extractor::new();
    let row = extractor.row(&signal, PadMode::Constant, Schema::Fma).unwrap();
    let analysis = extractor
        .analyze(&signal, PadMode::Constant, &[Descriptor::Tonnetz])
        .unwrap();
    let mut third: Vec<f64> = analysis.values(Descriptor::Tonnetz).unwrap()[2..]
        .iter()
        .step_by(6)
        .map(|&v| f64::from(v))
        .collect();
    third.sort_by(f64::total_cmp);
    let names = Schema::Fma.names();
    let close = |statistic: &str, want: f64| {
        let name = format!("tonnetz_{statistic}_03");
        let got = row[names.iter().position(|n| *n == name).expect("the column exists")];
        assert!((got - want).abs() < 1e-9, "{name}: {got}, not {want}");
    };
    let count = third.len() as f64;
    let mean = third.iter().sum::<f64>() / count;
    let moment = |power: i32| third.iter().map(|v| (v - mean).powi(power)).sum::<f64>() / count;
    close("mean", mean);
    close("std", moment(2).sqrt());
    close("skew", moment(3) / moment(2).powf(1.5));
    close("kurtosis", moment(4) / moment(2).powi(2) - 3.0);
    // The golden signal has 130 frames.
    close("median", (third[64] + third[65]) / 2.0);
    close("min", third[0]);
    close("max", third[129]);
}

#[test]
fn descriptors_come_out_alike_alone_and_together() {
    let signal = golden_signal();
    let mut extractor = Extractor::new();
    let all = extractor
        .analyze(&signal, PadMode::Reflect, &Descriptor::ALL)
        .unwrap();
    for descriptor in Descriptor::ALL {
        let alone = extractor
            .analyze(&signal, PadMode::Reflect, &[descriptor])
            .unwrap();
        assert_eq!(alone.values(descriptor), all.values(descriptor), "{descriptor}");
    }
}

#[test]
fn lengths_around_blocks_and_windows_are_sound() {
    let signal = golden_signal();
    let mut extractor = Extractor::new();
    // One sample, less than a frame, fewer frames than a median's window, and the seams between blocks of frames.
    for len in [
        1,
        2,
        100,
        511,
        512,
        2047,
        2048,
        8000,
        16_000,
        63 * 512,
        64 * 512 - 1,
        64 * 512,
        65 * 512 + 7,
    ] {
        for pad in [PadMode::Constant, PadMode::Reflect] {
            let analysis = extractor.analyze(&signal[..len], pad, &Descriptor::ALL).unwrap();
            assert_eq!(analysis.frames(), 1 + len / 512);
            for descriptor in Descriptor::ALL {
                let values = analysis.values(descriptor).unwrap();
                assert!(
                    values.iter().all(|v| v.is_finite()),
                    "{descriptor} {pad} of {len} samples"
                );
            }
            let (h, p) = (Descriptor::Harmonic, Descriptor::Percussive);
            let parts = analysis
                .values(h)
                .unwrap()
                .iter()
                .zip(analysis.values(p).unwrap());
            for ((h, p), whole) in parts.zip(&signal[..len]) {
                assert!((h + p - whole).abs() < 1e-6);
            }
            for schema in [Schema::Full, Schema::Fma] {
                let row = extractor.row(&signal[..len], pad, schema).unwrap();
                assert!(
                    row.iter().all(|v| v.is_finite()),
                    "{schema} {pad} of {len} samples"
                );
            }
        }
    }
}

#[test]
fn silence_has_values_and_no_nan() {
    for schema in [Schema::Full, Schema::Fma] {
        let row = Extractor::new()
            .row(&[0.0; 66_150], PadMode::Constant, schema)
            .unwrap();
        assert!(row.iter().all(|v| v.is_finite()), "{schema}");
    }
}

#[test]
fn unsound_signals_are_refused() {
    let mut extractor = Extractor::new();
    let mut refuse = |signal: &[f32]| {
        extractor
            .row(signal, PadMode::Constant, Schema::Gtzan)
            .expect_err("it must be refused")
            .to_string()
    };
    assert_eq!(refuse(&[]), "the signal has no samples");
    assert_eq!(refuse(&[0.0, f32::NAN]), "sample 1 is not a finite number");
    assert_eq!(refuse(&[f32::NEG_INFINITY]), "sample 0 is not a finite number");
    assert_eq!(
        refuse(&[0.0, 0.0, 2e12]),
        "sample 2 is 2e12, beyond the limit of 1e12"
    );
}

#[test]
fn the_loudest_and_quietest_signals_stay_finite() {
    let mut extractor = Extractor::new();
    for gain in [1e12f32, 1e-12, 1e-30, f32::MIN_POSITIVE] {
        let signal: Vec<f32> = (0..30_000)
            .map(|i| ((i * 7919) % 1000) as f32 / 1000.0 * gain)
            .collect();
        for schema in [Schema::Full, Schema::Fma] {
            let row = extractor.row(&signal, PadMode::Constant, schema).unwrap();
            assert!(row.iter().all(|v| v.is_finite()), "{schema}, gain {gain:e}");
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(16))]

    /// What a gain does to each column: nothing, a power of it, or a shift of the first MFCC.
    #[test]
    fn a_gain_scales_only_what_measures_level(db in -20.0f64..0.0) {
        let gain = 10f64.powf(db / 20.0);
        let signal = golden_signal();
        let quieter: Vec<f32> = signal.iter().map(|&v| (f64::from(v) * gain) as f32).collect();
        let mut extractor = Extractor::new();
        let a = extractor.row(&signal, PadMode::Constant, Schema::Gtzan).unwrap();
        let b = extractor.row(&quieter, PadMode::Constant, Schema::Gtzan).unwrap();
        for (name, (a, b)) in Schema::Gtzan.names().iter().zip(a.iter().zip(&b)) {
            let want = match name.as_str() {
                "rms_mean" | "harmony_mean" | "perceptr_mean" => a * gain,
                "rms_var" | "harmony_var" | "perceptr_var" => a * gain * gain,
                "mfcc1_mean" => a + f64::sqrt(128.0) * db,
                _ => *a,
            };
            proptest::prop_assert!((b - want).abs() <= 1e-3 * want.abs() + 1e-6, "{} {} {}", name, want, b);
        }
    }

    /// A gain scales the level of the windowed frames, and neither constant-Q chroma nor the shape of a distribution.
    #[test]
    fn a_gain_leaves_chroma_and_shapes(db in -20.0f64..0.0) {
        let gain = 10f64.powf(db / 20.0);
        let signal = golden_signal();
        let quieter: Vec<f32> = signal.iter().map(|&v| (f64::from(v) * gain) as f32).collect();
        let mut extractor = Extractor::new();
        let a = extractor.row(&signal, PadMode::Constant, Schema::Fma).unwrap();
        let b = extractor.row(&quieter, PadMode::Constant, Schema::Fma).unwrap();
        for (name, (a, b)) in Schema::Fma.names().iter().zip(a.iter().zip(&b)) {
            let shape = name.contains("_skew_") || name.contains("_kurtosis_");
            let want = match name.split('_').next() {
                Some("rmse") if !shape => a * gain,
                Some("rmse") => *a,
                Some("chroma") if name.starts_with("chroma_cqt") => *a,
                _ => continue,
            };
            proptest::prop_assert!((b - want).abs() <= 1e-4 * want.abs() + 1e-5, "{} {} {}", name, want, b);
        }
    }

    /// A signal one hop later has the same frames, one later, wherever no edge is in reach.
    #[test]
    fn a_shift_by_a_hop_shifts_the_frames(hops in 1usize..8) {
        let signal = golden_signal();
        let mut extractor = Extractor::new();
        let wanted = [Descriptor::SpectralCentroid, Descriptor::Rms, Descriptor::Mel, Descriptor::ZeroCrossingRate];
        let a = extractor.analyze(&signal, PadMode::Constant, &wanted).unwrap();
        let b = extractor.analyze(&signal[hops * 512..], PadMode::Constant, &wanted).unwrap();
        for descriptor in wanted {
            let rows = descriptor.rows();
            let (a, b) = (a.values(descriptor).unwrap(), b.values(descriptor).unwrap());
            for frame in 2..b.len() / rows - 2 {
                let at = (frame + hops) * rows;
                proptest::prop_assert_eq!(&a[at..at + rows], &b[frame * rows..(frame + 1) * rows]);
            }
        }
    }
}
