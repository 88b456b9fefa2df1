//! `melisma train compose` and `melisma compose`: a small network trained on tunes made here, and pieces from it.

mod common;

use std::path::{Path, PathBuf};

use common::{Ran, melisma, names_in, put, run};
use melisma_score::{Note, Score, Track, read, write};

/// Tunes of two genres, and a recipe of a small network for them.
fn data(folder: &Path) -> PathBuf {
    for (genre, step) in [("jazz", 3_u32), ("rock", 5)] {
        let songs = folder.join("midi").join(genre);
        std::fs::create_dir_all(&songs).unwrap();
        for song in 0..4_u32 {
            let notes = (0..48_u32).map(|at| Note {
                onset: at * 240,
                pitch: 48 + ((at * at * step + 7 * song * at + song) % 24) as u8,
                duration: 200,
                velocity: 90,
            });
            let mut score = Score {
                tracks: vec![Track {
                    notes: notes.collect(),
                    ..Track::default()
                }],
                ..Score::default()
            };
            score.tidy();
            write(&score, &songs.join(format!("{genre} number {song}.mid"))).unwrap();
        }
    }
    put(
        folder.join("small.toml"),
        "name = 'small'\ndesign = 'compound'\ngenre = 'jazz'\n\
         [data]\nscores = 'midi'\nvalid_share = 0.3\n\
         [network]\nlayers = [1, 1]\nwidth = 16\nheads = 2\nhidden = 32\ntold = 16\ncontext = 64\n\
         [train]\nsteps = 6\nwarm_up = 1\ncool_down = 2\nbatch = 2\nplaces = 16\nvalidate = 2\n",
    )
}

fn train(folder: &Path, output: &str) -> (Ran, PathBuf) {
    let recipe = folder.join("small.toml");
    let output = folder.join(output);
    let ran = run(melisma!(
        "train", "compose", &recipe, "--data", folder, "--output", &output, "--json"
    ));
    (ran, output)
}

fn compose(model: &Path, output: &Path, more: &[&str]) -> Ran {
    let mut command = melisma!("compose", "--model", model, "--output", output, "--bars", "4");
    command.args(more);
    run(command)
}

#[test]
fn a_network_is_trained_and_composes_what_is_asked_of_it() {
    let folder = tempfile::tempdir().unwrap();
    data(folder.path());
    let (ran, output) = train(folder.path(), "a folder");
    let said = ran.succeeded().json();
    assert_eq!(said["steps"], 6);
    // What is left for validation is drawn by lot, whole tunes together.
    let valid = said["valid"]["songs"].as_u64().unwrap_or(0);
    assert_eq!(said["train_songs"].as_u64().unwrap() + valid, 8);
    let names = names_in(&output);
    for name in ["checkpoint.melcomp", "curve.svg", "log.csv", "small.melcomp"] {
        assert!(names.iter().any(|own| own == name), "{names:?}");
    }
    // The same seed trains the same network, to the byte.
    let (ran, again) = train(folder.path(), "another");
    ran.succeeded();
    let model = output.join("small.melcomp");
    let bytes = |path: &Path| std::fs::read(path).unwrap();
    assert_eq!(bytes(&model), bytes(&again.join("small.melcomp")));

    let take = folder.path().join("take.mid");
    let asked = [
        "--genre",
        "jazz",
        "--instruments",
        "piano,bass,drums",
        "--form",
        "AB",
        "--tempo",
        "140",
        "--seed",
        "7",
        "--json",
    ];
    let said = compose(&model, &take, &asked).succeeded().json();
    assert_eq!((&said["bars"], &said["seed"]), (&4.into(), &7.into()));
    let score = read(&take).unwrap().score;
    assert_eq!(score.bars().len(), 4);
    assert_eq!(score.tracks.len(), 3);
    assert_eq!(score.tracks.iter().filter(|track| track.drums).count(), 1);
    assert!((score.tempos[0].per_minute() / 140.0).ln().abs() < 0.04);
    let other = folder.path().join("other.mid");
    compose(&model, &other, &asked).succeeded();
    assert_eq!(bytes(&take), bytes(&other));
    let figure = folder.path().join("take.svg");
    let more = [
        "--prime",
        take.to_str().unwrap(),
        "--figure",
        figure.to_str().unwrap(),
    ];
    compose(&model, &other, &more).succeeded();
    assert_eq!(read(&other).unwrap().score.bars().len(), 8);
    assert!(std::fs::read_to_string(&figure).unwrap().contains("<svg"));
}

#[test]
fn what_cannot_be_composed_is_refused_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    data(folder.path());
    let (ran, output) = train(folder.path(), "out");
    ran.succeeded();
    let model = output.join("small.melcomp");
    let take = folder.path().join("take.mid");
    let refused = |more: &[&str], said: &[&str]| {
        compose(&model, &take, more).refused(said);
        assert!(!take.exists());
    };
    refused(&["--genre", "polka"], &["polka", "jazz"]);
    refused(&["--instruments", "piano,lute of gold"], &["lute of gold"]);
    refused(&["--instruments", "sax,tenor sax"], &["twice"]);
    refused(&["--key", "H"], &["`H`"]);
    refused(&["--tempo", "999"], &["999"]);
    refused(&["--form", "ABC"], &["ABC", "4 bars"]);
    refused(&["--metre", "17/4"], &["17/4"]);
    refused(&["--chromaticism", "0.5"], &["key"]);
    refused(&["--figure", "take.txt"], &["take.txt"]);
    let empty = put(folder.path().join("empty.mid"), b"");
    refused(&["--prime", empty.to_str().unwrap()], &["empty.mid"]);
    // A model that is cut short, and one of another kind.
    let mut bytes = std::fs::read(&model).unwrap();
    bytes.truncate(bytes.len() / 2);
    let cut = put(folder.path().join("cut.melcomp"), &bytes);
    compose(&cut, &take, &[]).refused(&["cut.melcomp", "damaged"]);
    compose(&output.join("checkpoint.melcomp"), &take, &[]).refused(&["checkpoint.melcomp"]);
    assert!(!take.exists());
}

#[test]
fn a_training_that_cannot_be_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let empty = folder.path().join("empty");
    run(melisma!("train", "compose", "--data", &empty)).refused(&["empty", "no MIDI file"]);
    let bad = put(folder.path().join("bad.toml"), "name = 'x'");
    run(melisma!("train", "compose", &bad, "--data", folder.path())).refused(&["bad.toml"]);
    // A checkpoint of another training is not gone on from.
    data(folder.path());
    let (ran, output) = train(folder.path(), "out");
    ran.succeeded();
    let recipe = folder.path().join("small.toml");
    let other = ["train", "compose", "--seed", "5", "--output"];
    let mut command = melisma!();
    command
        .args(other)
        .arg(&output)
        .arg("--data")
        .arg(folder.path())
        .arg(&recipe);
    run(command).refused(&["checkpoint.melcomp", "another training"]);
}

#[test]
fn an_autoencoder_is_trained_on_a_stream_and_says_what_of_its_latent_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let names: String = (0..900_usize)
        .map(|at| {
            format!(
                "{}\n",
                ["C4", "E4", "G4", "0.4.7", "D4", "F4", "A4"][at * (1 + at / 90 % 3) % 7]
            )
        })
        .collect();
    put(folder.path().join("names.txt"), names.as_bytes());
    let recipe = |kind: &str, group: &str| {
        format!(
            "name = 'small'\ndesign = 'stream'\n[data]\nscores = 'names.txt'\nvalid_share = 0.2\n\
             [latent]\nkind = '{kind}'\nplaces = 16\n{group}latent = 3\nwidth = 16\nlayers = [1, 1]\nhidden = 16\nheads = 2\n\
             [train]\nsteps = 150\nwarm_up = 3\nbatch = 8\nrate = 0.02\nanneal = 10\nvalidate = 50\n"
        )
    };
    for (kind, group) in [("lstm", ""), ("transformer", "group = 8\n")] {
        let path = put(
            folder.path().join(format!("{kind}.toml")),
            recipe(kind, group).as_bytes(),
        );
        let output = folder.path().join(kind);
        let train = || {
            run(melisma!(
                "train",
                "compose",
                &path,
                "--data",
                folder.path(),
                "--output",
                &output,
                "--json"
            ))
        };
        let said = train().succeeded().json();
        let test = &said["test"];
        assert_eq!((&test["places"], &test["units"]), (&16.into(), &3.into()));
        let number = |name: &str| test[name].as_f64().unwrap();
        assert!(number("negative_elbo") >= number("reconstruction"));
        assert!(number("negative_elbo") < said["unigram_nats_per_step"].as_f64().unwrap());
        // A training that is at its end is measured again alike.
        let again = train().succeeded().json();
        assert_eq!(said["test"], again["test"]);
        // It is no network to compose with.
        let take = folder.path().join("take.mid");
        compose(&output.join("small.melcomp"), &take, &[]).refused(&["small.melcomp", "autoencoder"]);
    }
    let bad = put(
        folder.path().join("bad.toml"),
        recipe("transformer", "group = 7\n").as_bytes(),
    );
    run(melisma!(
        "train",
        "compose",
        &bad,
        "--data",
        folder.path(),
        "--output",
        folder.path().join("bad")
    ))
    .refused(&["`group` must divide `places`"]);
}

#[test]
fn the_composer_of_the_program_writes_many_pieces_that_are_judged_beside_others() {
    let folder = tempfile::tempdir().unwrap();
    data(folder.path());
    let takes = folder.path().join("my takes");
    let many = |count: &str| {
        run(melisma!(
            "compose", "--bars", "4", "--count", count, "--guide", "2", "--output", &takes, "--json"
        ))
    };
    let said = many("2").succeeded().json_lines();
    assert_eq!(said.len(), 2);
    let probability = said[0]["genre_probability"].as_f64();
    assert!(probability.is_none_or(|p| (0.0..=1.0).contains(&p)));
    // Those that are there are left as they are.
    let first = std::fs::read(takes.join("take-0001.mid")).unwrap();
    assert_eq!(many("3").succeeded().json_lines().len(), 1);
    assert_eq!(first, std::fs::read(takes.join("take-0001.mid")).unwrap());
    // Sound beside a single piece, and a name that is no sound's.
    let take = folder.path().join("take.mid");
    let sound = folder.path().join("take.wav");
    let one = |audio: &Path| {
        run(melisma!(
            "compose", "--bars", "2", "--output", &take, "--audio", audio
        ))
    };
    one(&folder.path().join("take.doc")).refused(&["take.doc"]);
    assert!(!take.exists());
    one(&sound).succeeded();
    assert!(std::fs::metadata(&sound).unwrap().len() > 100_000);

    let (jazz, rock) = (folder.path().join("midi/jazz"), folder.path().join("midi/rock"));
    let judge = |more: &[&str]| {
        let mut command = melisma!(
            "judge",
            &takes,
            "--against",
            &jazz,
            "--others",
            &rock,
            "--seconds",
            "8"
        );
        command.args(more);
        run(command)
    };
    let report = judge(&["--json"]).succeeded().json();
    let sets = report["sets"].as_array().unwrap();
    assert_eq!(sets.len(), 2);
    assert_eq!((&sets[0]["pieces"], &sets[1]["pieces"]), (&3.into(), &4.into()));
    for set in sets {
        assert!(set["nats_per_note"].as_f64().unwrap() > 0.0);
        assert!(set["by_ear"]["probability"].as_f64().is_some());
    }
    let standing = sets[0]["standing"].as_array().unwrap();
    assert!(
        standing
            .iter()
            .any(|s| s["measure"] == "pitch_class_entropy_4_bars")
    );
    // The corpus itself is all copied, and does not differ from itself.
    let own = run(melisma!("judge", &jazz, "--against", &jazz, "--deaf", "--json"))
        .succeeded()
        .json();
    let own = &own["sets"][0];
    assert_eq!(own["copied"]["longest_bars"], 6);
    assert!(
        own["copied"]["exact"].is_null(),
        "there is no span of eight bars: {own}"
    );
    assert_eq!(own["standing"][0]["difference"], 0.0);
    let table = judge(&["--deaf"]).succeeded();
    assert!(
        table.stdout.contains("told for jazz by notes"),
        "{}",
        table.stdout
    );
    // A file that cannot be read is named, the others are judged.
    put(takes.join("broken.mid"), b"no music");
    let ran = judge(&["--deaf", "--json"]);
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("broken.mid") && ran.json()["sets"][0]["pieces"] == 3);
    run(melisma!(
        "judge",
        folder.path().join("nowhere"),
        "--against",
        &jazz
    ))
    .refused(&["nowhere"]);
}

#[test]
fn the_demo_leaves_notes_sound_and_picture() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("demo");
    let said = run(melisma!("demo", "--output", &output, "--json"))
        .succeeded()
        .json();
    assert!(said["notes"].as_u64().unwrap() > 100);
    assert!(!said["genres_by_ear"].as_array().unwrap().is_empty());
    assert_eq!(names_in(&output), ["take.flac", "take.mid", "take.svg"]);
    let score = read(&output.join("take.mid")).unwrap().score;
    assert_eq!((score.bars().len(), score.tracks.len()), (32, 4));
}
