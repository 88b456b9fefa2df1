//! `melisma dataset build` as its users meet it; nothing here asks the real web.

mod common;

use common::{melisma, music, names_in, put, run, wav16};

#[test]
fn a_playlist_becomes_a_collection_that_can_be_split() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a", "b", "c", "d"] {
        put(
            folder.path().join(format!("in/{name}.wav")),
            wav16(&music(1, 0.5, common::RATE)),
        );
    }
    put(folder.path().join("out.wav"), wav16(&music(2, 0.5, common::RATE)));
    put(folder.path().join("in/no.wav"), b"text");
    let list = put(
        folder.path().join("in/l.m3u"),
        "a.wav\nb.wav\nc.wav\nd.wav\nno.wav\n../out.wav\n",
    );
    let (source, output) = (format!("playlist:{}", list.display()), folder.path().join("made"));
    let build = || {
        let mut command = melisma![
            "dataset", "build", "--source", &source, "--genres", "blues", "--json"
        ];
        command.arg("--output").arg(&output);
        command
    };
    let mut dry = build();
    dry.arg("--dry-run");
    assert_eq!(run(dry).succeeded().json()["genres"]["blues"]["train"], 5);
    assert!(!output.exists());
    let ran = run(build())
        .refused(&["not a sound file"])
        .said(&["../out.wav: outside"]);
    assert_eq!(ran.json()["genres"]["blues"]["train"], 4);
    assert_eq!(names_in(&output), ["blues", "collection.csv", "manifest.jsonl"]);
    assert_eq!(run(build()).json()["genres"]["blues"]["resumed"], 4);
    let split = folder.path().join("split.csv");
    run(melisma![
        "dataset",
        "split",
        output.join("collection.csv"),
        "--method",
        "artist",
        "--folds",
        "2",
        "-o",
        &split
    ])
    .succeeded();
}

#[test]
fn what_cannot_be_done_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("made");
    let build = |source: &str| {
        let mut command = melisma![
            "dataset", "build", "--source", source, "--genres", "blues", "-o", &output
        ];
        command
            .env_remove("MELISMA_JAMENDO_CLIENT_ID")
            .env_remove("MELISMA_SPOTIFY_TOKEN");
        command
    };
    run(build("napster")).refused(&["unknown source `napster`"]);
    run(build("jamendo")).refused(&["MELISMA_JAMENDO_CLIENT_ID"]);
    run(build("folder:/no/such/folder")).refused(&["/no/such/folder"]);
    let mut spotify = build("spotify");
    spotify.env("MELISMA_SPOTIFY_TOKEN", "s3cr3t-token");
    let ran = run(spotify).refused(&["gives no previews any more"]);
    assert!(!ran.stderr.contains("s3cr3t-token"));
    // Nothing listens there; the address is shown, the credential is not.
    let mut jamendo = build("jamendo");
    jamendo
        .env("MELISMA_JAMENDO_CLIENT_ID", "s3cr3t-id")
        .args(["--base-url", "gopher://x"]);
    let ran = run(jamendo).refused(&["gopher://x/v3.0/tracks/", "neither http nor https"]);
    assert!(!ran.stderr.contains("s3cr3t-id") && !ran.stdout.contains("s3cr3t-id"));
}
