//! Building collections from services, against a server on this machine that answers as their documentation says, or fails.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use melisma_dataset::build::{
    BuildError, BuildParams, BuildReport, Client, Entry, Local, Patience, Service, Source, Web, build,
};

const MP3: &[u8] = include_bytes!("../../audio/tests/fixtures/sweep.mp3");

/// Bytes to send as they are, and how long to wait before.
#[derive(Clone)]
struct Reply(Vec<u8>, Duration);

fn reply(status: &str, headers: &str, body: &[u8]) -> Reply {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n",
        body.len()
    );
    let mut bytes = head.into_bytes();
    bytes.extend(body);
    Reply(bytes, Duration::ZERO)
}

fn json(text: &str) -> Reply {
    reply("200 OK", "Content-Type: application/json\r\n", text.as_bytes())
}

/// A server that gives each path its replies in turn, the last one for ever, and remembers what it was asked.
struct Server {
    base: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(script: impl FnOnce(&str) -> Vec<(&'static str, Vec<Reply>)>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let mut replies: HashMap<&str, Vec<Reply>> = script(&base).into_iter().collect();
        let log = asked.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(line) = request_line(&stream) else {
                    continue;
                };
                let target = line.split(' ').nth(1).unwrap_or_default().to_owned();
                log.lock().unwrap().push(line.clone());
                // The longest key that begins the target counts.
                let key = replies
                    .keys()
                    .filter(|key| target.starts_with(**key))
                    .max_by_key(|key| key.len());
                let answer = match key.copied().and_then(|key| replies.get_mut(key)) {
                    Some(list) if list.len() > 1 => list.remove(0),
                    Some(list) => list[0].clone(),
                    None => reply("404 Not Found", "", b""),
                };
                thread::spawn(move || send(stream, &answer));
            }
        });
        Server { base, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn request_line(mut stream: &TcpStream) -> Option<String> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    Some(String::from_utf8_lossy(&head).into_owned())
}

fn send(mut stream: TcpStream, Reply(bytes, wait): &Reply) {
    thread::sleep(*wait);
    let _ = stream.write_all(bytes); // a client that has gone away is part of the tests
}

/// What the waits of a client were.
type Waits = Arc<Mutex<Vec<Duration>>>;

fn web(server: &Server, service: Service, credential: Option<&str>, waits: &Waits) -> Web<'static> {
    let waits = waits.clone();
    let patience = Patience {
        timeout: Duration::from_millis(1500),
        attempts: 3,
        ..Patience::default()
    };
    let pause = move |time| {
        waits.lock().unwrap().push(time);
        true
    };
    let client = Client::new(patience, 1, Box::new(pause));
    Web::new(service, Some(&server.base), credential.map(str::to_owned), client).unwrap()
}

fn params(genres: &[&str], per_genre: usize) -> BuildParams {
    BuildParams {
        genres: genres.iter().map(|genre| (*genre).to_owned()).collect(),
        per_genre,
        test_per_genre: 0,
        dry_run: false,
    }
}

fn run(source: &mut dyn Source, folder: &Path, params: &BuildParams) -> Result<BuildReport, BuildError> {
    build(source, folder, params, &AtomicBool::new(false), &mut |_| {})
}

/// An answer of Deezer's search, as https://developers.deezer.com/api/search describes it.
fn deezer(base: &str, tracks: std::ops::Range<usize>) -> String {
    let track = |n: usize| {
        format!(
            r#"{{"id":{n},"title":"Song {n}","link":"https://www.deezer.com/track/{n}","preview":"{base}/preview/{n}.mp3",
            "artist":{{"id":1,"name":"Artist {}"}},"album":{{"id":2,"title":"Album"}},"type":"track"}}"#,
            n % 7
        )
    };
    let data: Vec<String> = tracks.map(track).collect();
    format!(r#"{{"data":[{}],"total":99}}"#, data.join(","))
}

fn mp3() -> Reply {
    reply("200 OK", "Content-Type: audio/mpeg\r\n", MP3)
}

fn manifest(folder: &Path) -> Vec<Entry> {
    let text = std::fs::read_to_string(folder.join("manifest.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn pages_are_walked_and_previews_kept_with_their_tags() {
    let server = Server::start(|base| {
        vec![
            ("/search?q=blues&index=0&", vec![json(&deezer(base, 0..50))]),
            ("/search?q=blues&index=50&", vec![json(&deezer(base, 40..60))]),
            ("/preview/", vec![mp3()]),
        ]
    });
    let folder = tempfile::tempdir().unwrap();
    let waits = Waits::default();
    let report = run(
        &mut web(&server, Service::Deezer, None, &waits),
        folder.path(),
        &params(&["blues"], 55),
    )
    .unwrap();
    let blues = &report.genres["blues"];
    assert_eq!(
        (blues.train, blues.repeated, blues.failed.len()),
        (55, 10, 0),
        "{report:?}"
    );
    let entries = manifest(folder.path());
    assert_eq!(entries.len(), 55);
    assert_eq!(entries[0].path, "blues/Artist 0 - Song 0.mp3");
    let info = melisma_audio::info(&folder.path().join(&entries[8].path)).unwrap();
    assert_eq!(
        (info.tags["title"].as_str(), info.tags["artist"].as_str()),
        ("Song 8", "Artist 1")
    );
    let list = std::fs::read_to_string(folder.path().join("collection.csv")).unwrap();
    assert_eq!(list.lines().count(), 56);
    assert!(list.contains("https://www.deezer.com/track/8"));
    // The same again asks for nothing that is there; more goes on from there.
    let before = server
        .asked()
        .iter()
        .filter(|line| line.contains("/preview/"))
        .count();
    let again = run(
        &mut web(&server, Service::Deezer, None, &waits),
        folder.path(),
        &params(&["blues"], 57),
    )
    .unwrap();
    assert_eq!(
        (again.genres["blues"].train, again.genres["blues"].resumed),
        (57, 55)
    );
    let after = server
        .asked()
        .iter()
        .filter(|line| line.contains("/preview/"))
        .count();
    assert_eq!(after - before, 2);
    // The list can be split as it is.
    let items =
        melisma_dataset::split::Items::read_table(&folder.path().join("collection.csv"), None).unwrap();
    assert_eq!(items.list()[0].artist.as_deref(), Some("Artist 0"));
    assert_eq!(items.labels().into_iter().collect::<Vec<_>>(), ["blues"]);
}

#[test]
fn failures_that_pass_are_waited_out() {
    let server = Server::start(|base| {
        let quota = r#"{"error":{"type":"Exception","message":"Quota limit exceeded","code":4}}"#;
        let cut = Reply(
            b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\nID3".to_vec(),
            Duration::ZERO,
        );
        let late = Reply(mp3().0, Duration::from_secs(4));
        vec![
            (
                "/search?q=blues",
                vec![
                    json(quota),
                    reply("429 Too Many Requests", "Retry-After: 7\r\n", b""),
                    json(&deezer(base, 0..4)),
                ],
            ),
            (
                "/search?q=jazz",
                vec![
                    reply("503 Service Unavailable", "", b""),
                    json("{\"data\": ["),
                    json(&deezer(base, 10..11)),
                ],
            ),
            ("/search?q=rock", vec![json(quota)]),
            (
                "/search?q=pop",
                vec![reply("429 Too Many Requests", "Retry-After: 86400\r\n", b"")],
            ),
            ("/search?q=folk", vec![json(&deezer(base, 20..21))]),
            ("/preview/0.mp3", vec![cut.clone(), mp3()]),
            ("/preview/1.mp3", vec![late, mp3()]),
            ("/preview/2.mp3", vec![cut]),
            ("/preview/", vec![mp3()]),
        ]
    });
    let folder = tempfile::tempdir().unwrap();
    let waits = Waits::default();
    let wanted = params(&["blues", "jazz", "rock", "pop", "folk"], 4);
    let report = run(
        &mut web(&server, Service::Deezer, None, &waits),
        folder.path(),
        &wanted,
    )
    .unwrap();
    let counts = ["blues", "jazz", "rock", "pop", "folk"].map(|genre| report.genres[genre].train);
    assert_eq!(counts, [3, 1, 0, 0, 1], "{report:?}");
    assert!(
        report.genres["blues"].failed[0].starts_with("deezer:2: "),
        "{report:?}"
    );
    assert!(
        report.faults[0].contains("Quota limit exceeded (tried 3 times)"),
        "{report:?}"
    );
    assert!(report.faults[1].contains("86400 s"), "{report:?}");
    let waits = waits.lock().unwrap();
    assert!(waits.contains(&Duration::from_secs(7)), "{waits:?}");
    let longest = waits.iter().max().unwrap();
    assert!(
        *longest == Duration::from_secs(7) && waits.iter().any(|w| (1000..1500).contains(&w.as_millis())),
        "{waits:?}"
    );
}

#[test]
fn what_is_no_sound_or_too_large_or_elsewhere_is_refused() {
    let server = Server::start(|base| {
        let large = vec![0; (10 << 20) + 1];
        let odd = deezer(base, 0..6).replace(&format!("{base}/preview/5.mp3"), "file:///etc/passwd");
        let again = "Location: /preview/3\r\n";
        vec![
            ("/search", vec![json(&odd)]),
            ("/preview/0", vec![reply("200 OK", "", b"<html>no</html>")]),
            ("/preview/1", vec![reply("200 OK", "", &large)]),
            (
                "/preview/2",
                vec![reply("302 Found", "Location: /moved\r\n", b"")],
            ),
            ("/moved", vec![mp3()]),
            ("/preview/3", vec![reply("302 Found", again, b"")]),
            ("/preview/4", vec![reply("404 Not Found", "", b"")]),
        ]
    });
    let folder = tempfile::tempdir().unwrap();
    let report = run(
        &mut web(&server, Service::Deezer, None, &Waits::default()),
        folder.path(),
        &params(&["blues"], 9),
    )
    .unwrap();
    let blues = &report.genres["blues"];
    assert_eq!(blues.train, 1, "{report:?}");
    for (fault, said) in
        blues
            .failed
            .iter()
            .zip(["not a sound", "more than", "redirects", "404", "neither http"])
    {
        assert!(fault.contains(said), "{said}: {fault}");
    }
    assert_eq!(blues.failed.len(), 5);
    let names: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 3, "genre, manifest and list: {names:?}");
}

#[test]
fn foreign_names_stay_inside_and_torn_manifests_are_taken_up() {
    let server = Server::start(|base| {
        let odd = deezer(base, 0..2)
            .replace("Song 0", "../../../evil")
            .replace("Artist 1", "..\\\\a/b");
        vec![("/search", vec![json(&odd)]), ("/preview/", vec![mp3()])]
    });
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join("made");
    let waits = Waits::default();
    run(
        &mut web(&server, Service::Deezer, None, &waits),
        &folder,
        &params(&["../blues"], 1),
    )
    .unwrap();
    let names: Vec<_> = std::fs::read_dir(outer.path())
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(names, ["made"]);
    let manifest_path = folder.join("manifest.jsonl");
    let mut text = std::fs::read_to_string(&manifest_path).unwrap();
    text.push_str("{\"source_id\": \"deez");
    std::fs::write(&manifest_path, text).unwrap();
    let report = run(
        &mut web(&server, Service::Deezer, None, &waits),
        &folder,
        &params(&["../blues"], 2),
    )
    .unwrap();
    assert_eq!((report.genres["../blues"].train, manifest(&folder).len()), (2, 2));
    std::fs::write(&manifest_path, "nonsense\n").unwrap();
    let error = run(
        &mut web(&server, Service::Deezer, None, &waits),
        &folder,
        &params(&["x"], 2),
    )
    .unwrap_err();
    assert!(error.to_string().contains("manifest.jsonl: line 1"), "{error}");
}

/// An answer of Jamendo's, as https://developer.jamendo.com/v3.0/tracks describes it.
fn jamendo(base: &str, secret: &str) -> String {
    format!(
        r#"{{"headers":{{"status":"success","code":0,"error_message":"","results_count":2}},"results":[
        {{"id":"1","name":"A","artist_name":"X","album_name":"L","license_ccurl":"http://creativecommons.org/licenses/by/3.0/",
          "audiodownload":"{base}/preview/1","audiodownload_allowed":true,"shareurl":"https://www.jamendo.com/track/1?c={secret}"}},
        {{"id":"2","name":"B","artist_name":"Y","audiodownload":"","audiodownload_allowed":false}}]}}"#
    )
}

#[test]
fn credentials_are_sent_and_shown_nowhere() {
    let secret = "s3cr3t-client-id";
    let server = Server::start(|base| {
        let wrong = format!(
            r#"{{"headers":{{"status":"failed","code":5,"error_message":"invalid id {secret}"}},"results":[]}}"#
        );
        vec![
            (
                "/v3.0/tracks/?format=json&tags=blues",
                vec![json(&jamendo(base, secret))],
            ),
            ("/v3.0/tracks/?format=json&tags=jazz", vec![json(&wrong)]),
            (
                "/v3.0/tracks/?format=json&tags=rock",
                vec![reply("500 Error", "", b"")],
            ),
            ("/preview/", vec![mp3()]),
        ]
    });
    let folder = tempfile::tempdir().unwrap();
    let mut source = web(&server, Service::Jamendo, Some(secret), &Waits::default());
    let mut said = Vec::new();
    let wanted = params(&["blues", "jazz", "rock"], 3);
    let report = build(
        &mut source,
        folder.path(),
        &wanted,
        &AtomicBool::new(false),
        &mut |line| said.push(line.to_owned()),
    );
    let report = report.unwrap();
    assert!(server.asked()[0].contains(&format!("client_id={secret}")));
    assert_eq!(
        (report.genres["blues"].train, report.genres["blues"].without_sound),
        (1, 1)
    );
    assert!(
        report.faults[0].contains("Jamendo error 5: invalid id ***"),
        "{report:?}"
    );
    assert!(report.faults[1].contains("500"), "{report:?}");
    let mut all = format!("{report:?}{said:?}");
    for name in ["manifest.jsonl", "collection.csv"] {
        all += &std::fs::read_to_string(folder.path().join(name)).unwrap();
    }
    assert!(!all.contains(secret), "{all}");
    assert!(all.contains("creativecommons.org"));
    let client = Client::new(Patience::default(), 0, Box::new(|_| true));
    let error = Web::new(Service::Jamendo, None, None, client)
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("MELISMA_JAMENDO_CLIENT_ID"), "{error}");
}

#[test]
fn itunes_gives_its_own_genre_and_spotify_metadata_only() {
    let server = Server::start(|base| {
        let track = |id: u32, genre: &str| {
            format!(
                r#"{{"wrapperType":"track","kind":"song","trackId":{id},"trackName":"T{id}","artistName":"A{id}",
                "collectionName":"C","previewUrl":"{base}/preview/{id}","primaryGenreName":"{genre}"}}"#
            )
        };
        let itunes = format!(
            r#"{{"resultCount":2,"results":[{},{}]}}"#,
            track(1, "Hip-Hop/Rap"),
            track(2, "Pop")
        );
        let spotify = r#"{"tracks":{"items":[{"id":"x","name":"N","artists":[{"name":"A"}],"album":{"name":"L"},"preview_url":null}],"total":1}}"#;
        vec![
            (
                "/search?term=hiphop&media=music&entity=song&attribute=genreIndex",
                vec![json(&itunes)],
            ),
            ("/v1/search?q=genre%3A%22blues%22", vec![json(spotify)]),
            ("/preview/", vec![mp3()]),
        ]
    });
    let folder = tempfile::tempdir().unwrap();
    let mut source = web(&server, Service::Itunes, None, &Waits::default());
    let report = run(&mut source, folder.path(), &params(&["hiphop"], 5)).unwrap();
    assert_eq!(report.genres["hiphop"].train, 1, "{report:?}");
    let mut source = web(&server, Service::Spotify, Some("token-123"), &Waits::default());
    assert!(source.notice().unwrap().contains("no previews any more"));
    let dry = BuildParams {
        dry_run: true,
        ..params(&["blues"], 5)
    };
    let away = folder.path().join("never");
    let report = run(&mut source, &away, &dry).unwrap();
    assert_eq!(
        (report.genres["blues"].train, report.genres["blues"].without_sound),
        (0, 1)
    );
    assert!(!away.exists());
    assert!(server.asked().last().unwrap().contains("Bearer token-123"));
}

#[test]
fn a_folder_is_sorted_by_its_tags_and_tested_on_other_artists() {
    // A first build makes tagged files; a second sorts them.
    let server = Server::start(|base| {
        vec![
            ("/search", vec![json(&deezer(base, 0..21))]),
            ("/preview/", vec![mp3()]),
        ]
    });
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    run(
        &mut web(&server, Service::Deezer, None, &Waits::default()),
        first.path(),
        &params(&["blues"], 21),
    )
    .unwrap();
    let mut local = Local::folder(first.path()).unwrap();
    let wanted = BuildParams {
        test_per_genre: 6,
        ..params(&["Blues", "jazz"], 9)
    };
    let report = run(&mut local, second.path(), &wanted).unwrap();
    let blues = &report.genres["Blues"];
    assert_eq!((blues.train, blues.test), (9, 6), "{report:?}");
    assert_eq!(report.genres["jazz"].train, 0);
    let entries = manifest(second.path());
    let artists = |part| {
        let of = entries.iter().filter(move |entry| entry.part == Some(part));
        of.map(|entry| entry.artist.clone())
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert!(artists(melisma_dataset::Part::Train).is_disjoint(&artists(melisma_dataset::Part::Test)));
    for odd in [
        params(&[], 1),
        params(&["a", "A"], 1),
        params(&["a"], 0),
        params(&["!"], 1),
    ] {
        assert!(matches!(
            run(&mut local, second.path(), &odd),
            Err(BuildError::Params(_))
        ));
    }
}
