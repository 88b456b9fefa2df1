//! Corpora through the public API: what is written is read; what is no corpus is refused.

use melisma_score::corpus::{Corpus, Part, Song, write};
use melisma_score::tokens::{Compound, Events};

fn song(name: &str, part: Part) -> Song {
    Song {
        name: name.to_owned(),
        group: name.to_owned(),
        part,
        start: 0,
        steps: 0,
        notes: 1,
    }
}

#[test]
fn windows_of_songs_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("songs.tokens");
    let songs = vec![
        (song("a", Part::Train), (0..16).collect()),
        (song("empty", Part::Valid), Vec::new()),
        (song("b", Part::Test), (100..124).collect()),
    ];
    let header = write(&path, &Compound::new(), songs).unwrap();
    let corpus = Corpus::open(&path).unwrap();
    assert_eq!(corpus.header(), &header);
    assert_eq!(corpus.part(Part::Test), [2]);
    assert_eq!(corpus.read(2, 1, 1).unwrap(), (108..116).collect::<Vec<u16>>());
    assert_eq!(
        corpus.read(2, 2, 100).unwrap().len(),
        8,
        "no further than the song"
    );
    assert!(corpus.read(1, 0, 5).unwrap().is_empty());
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing else is left"
    );
}

#[test]
fn what_is_no_corpus_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("songs.tokens");
    write(
        &path,
        &Events::new(),
        vec![(song("a", Part::Train), vec![3, 3, 3])],
    )
    .unwrap();
    let whole = std::fs::read(&path).unwrap();
    let refused = |bytes: &[u8], fault: &str| {
        std::fs::write(&path, bytes).unwrap();
        let error = Corpus::open(&path).unwrap_err().to_string();
        assert!(
            error.contains("songs.tokens: ") && error.contains(fault),
            "{error}"
        );
    };
    refused(b"", "no corpus");
    refused(b"MELTOKS1", "no corpus");
    refused(
        &[&whole[..8], &u64::MAX.to_le_bytes(), &whole[16..]].concat(),
        "longer than the file",
    );
    refused(&whole[..whole.len() - 1], "other tokens");
    refused(&[&whole[..], &[0, 0]].concat(), "other tokens");
    let mut damaged = whole.clone();
    damaged[16] = b'?';
    refused(&damaged, "its header");
    for cut in (0..whole.len()).step_by(101) {
        std::fs::write(&path, &whole[..cut]).unwrap();
        assert!(Corpus::open(&path).is_err());
    }
}
