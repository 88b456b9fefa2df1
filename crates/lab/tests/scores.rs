//! Experiments on scores: a small folder made here, and a small part of the archive where it is at hand.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use melisma_lab::{Outcome, Protocol, Recipe, Watch};
use melisma_score::{Note, Score, Track};

static GO_ON: AtomicBool = AtomicBool::new(false);

fn quiet() -> Watch<'static> {
    Watch {
        stop: &GO_ON,
        say: &|_| {},
        step: &|_, _| {},
    }
}

const RECIPE: &str = r#"
name = "small"
seed = 5
protocols = ["grouped", "filtered"]
steps = [{ kind = "standard", limit = 3.0 }]
[data]
collection = "scores"
path = "PATH"
sources = ["pieces", "passages"]
genres = ["GENRES"]
per_genre = 12
leave_out = ["held.txt"]
[validation]
method = "cross"
folds = 3
[report]
collections = ["forest"]
[[candidate]]
name = "forest"
sources = ["pieces"]
classifier = { kind = "forest", trees = 20, extra = true }
[[candidate]]
name = "both"
sources = ["pieces", "passages"]
classifier = { kind = "logistic", c = 0.1 }
[ship]
candidate = "forest"
version = 1
"#;

/// A tune of these steps; the salt makes it another one.
fn tune(steps: &[u8], salt: u32, bars: u32) -> Vec<u8> {
    let note = |at: u32| Note {
        onset: at * 240,
        pitch: 48 + steps[(at + at * at * salt / 3) as usize % steps.len()] + (salt % 5) as u8,
        duration: 240,
        velocity: 80,
    };
    let track = Track {
        notes: (0..8 * bars).map(note).collect(),
        ..Track::default()
    };
    melisma_score::to_bytes(&Score {
        tracks: vec![track],
        ..Score::default()
    })
}

/// Twenty tunes in major thirds and twenty in semitones, of two collections; one is held out, with its other arrangement, and one is no score.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |genre: &str, name: &str, bytes: &[u8]| {
        let path = folder.path().join("scores").join(genre);
        std::fs::create_dir_all(&path).unwrap();
        std::fs::write(path.join(name), bytes).unwrap();
    };
    for at in 0..20_u32 {
        let title: String = (0..6)
            .map(|i| char::from(b'a' + ((at * 7 + i * (at + 3)) % 26) as u8))
            .collect();
        let prefix = if at % 2 == 0 { "xx" } else { "yy" };
        write(
            "high",
            &format!("{prefix}_{title}h{at}.mid"),
            &tune(&[0, 4, 8, 12, 16, 20, 24], at + 1, 64),
        );
        write(
            "low",
            &format!("{prefix}_{title}l{at}.mid"),
            &tune(&[0, 1, 2, 3, 4, 5, 6], at + 1, 20 + at),
        );
    }
    write("low", "xx_held out tune.mid", &tune(&[0, 1, 2, 3], 31, 8));
    write("low", "yy_Held_Out-Tune.mid", &tune(&[0, 2, 4, 6], 32, 8));
    write("low", "xx_page.mid", b"<html>");
    std::fs::write(folder.path().join("held.txt"), "xx_held out tune.mid\n").unwrap();
    folder
}

fn run(recipe: &str, data: &Path, place: &Path) -> (Recipe, Outcome) {
    let path = place.join("recipe.toml");
    std::fs::write(&path, recipe).unwrap();
    let recipe = Recipe::read(&path).unwrap();
    let outcome = recipe.run(data, None, quiet()).unwrap();
    (recipe, outcome)
}

#[test]
fn scores_are_learned_by_tune_and_told_by_collection() {
    let folder = folder();
    let recipe = RECIPE
        .replace("PATH", "scores")
        .replace("GENRES", r#"high", "low"#);
    let (recipe, outcome) = run(&recipe, folder.path(), folder.path());
    let row = outcome.row("forest", Protocol::Filtered, "pieces").unwrap();
    assert_eq!(row.said.truth.len(), 24, "twelve of each genre");
    assert!(
        row.scores.balanced_accuracy > 0.8,
        "{}",
        row.scores.balanced_accuracy
    );
    let note = &outcome.notes[0];
    assert!(
        note.starts_with("24 of 42 scores: 2 of tunes on the lists") && note.contains("1 files are no MIDI"),
        "{note}"
    );
    let passages = outcome.row("both", Protocol::Filtered, "passages").unwrap();
    assert_eq!(passages.unit, "window");
    let collections = &outcome.collections[0];
    assert_eq!(collections.candidate, "forest");
    let tracks: Vec<usize> = collections.rows.iter().map(|row| row.tracks).collect();
    assert_eq!(tracks.iter().sum::<usize>(), 24);
    assert!(collections.within > collections.within_by_chance);
    assert!(collections.collection_unknown > 0.8);
    // Both collections hold both genres.
    assert!(
        collections.collection_alone < 0.8,
        "{}",
        collections.collection_alone
    );
    let table = outcome.to_markdown();
    assert!(table.contains("| xx") && table.contains("never met"), "{table}");

    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    let paths = recipe.ship(folder.path(), &outcome, &out, quiet()).unwrap();
    let model = melisma_learn::Model::from_bytes(&std::fs::read(&paths[0]).unwrap()).unwrap();
    assert!(model.schema().is_err(), "it is no model of recordings");
    let genres = melisma_genre::Genres::new(model).unwrap();
    let thirds = melisma_score::parse(&tune(&[0, 4, 8, 12, 16, 20, 24], 7, 64))
        .unwrap()
        .score;
    assert_eq!(genres.classify(&thirds).unwrap().genres[0].genre, "high");
    assert!(matches!(
        genres.classify(&Score::default()),
        Err(melisma_genre::Error::FewNotes(0))
    ));
    let card = std::fs::read_to_string(&paths[1]).unwrap();
    for word in [
        "24 scores",
        "high, low",
        "never met",
        "By 3-fold cross-validation",
        "Reliability",
    ] {
        assert!(card.contains(word), "{word} in {card}");
    }
}

#[test]
fn what_a_recipe_of_scores_lacks_is_named() {
    let folder = folder();
    let refused = |recipe: &str| {
        let path = folder.path().join("recipe.toml");
        std::fs::write(&path, recipe).unwrap();
        let run = Recipe::read(&path).and_then(|recipe| recipe.run(folder.path(), None, quiet()));
        run.unwrap_err().to_string()
    };
    let recipe = RECIPE.replace("PATH", "scores");
    let good = recipe.replace("GENRES", r#"high", "low"#);
    assert!(refused(&recipe.replace("GENRES", "high")).contains("two data.genres or more"));
    assert!(refused(&recipe.replace("GENRES", r#"high", "polka"#)).contains("polka"));
    assert!(refused(&good.replace("passages", "bars")).contains("bars"));
    assert!(refused(&good.replace("held.txt", "absent.txt")).contains("absent.txt"));
    assert!(refused(&good.replace("path = \"scores\"", "path = \"elsewhere\"")).contains("elsewhere"));
}

#[test]
#[cfg_attr(not(melisma_data), ignore = "needs the MIDI archive: set MELISMA_DATA")]
fn classical_and_metal_are_told_apart_from_the_archive() {
    let data = Path::new(option_env!("MELISMA_TEST_DATA").unwrap_or_default());
    let place = tempfile::tempdir().unwrap();
    let recipe = RECIPE
        .replace("PATH", "midi/midi.tar.xz")
        .replace("GENRES", r#"classical", "metal"#)
        .replace("held.txt", "midi/jazz_test.txt");
    let (_, outcome) = run(&recipe, data, place.path());
    let row = outcome.row("forest", Protocol::Filtered, "pieces").unwrap();
    assert_eq!(row.said.truth.len(), 24);
    assert!(
        row.scores.balanced_accuracy > 0.7,
        "{}",
        row.scores.balanced_accuracy
    );
}
