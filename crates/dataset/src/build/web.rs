//! Services that offer 30-second previews, as their documentation describes them.
//!
//! Deezer and Apple's iTunes Search need no credential; Jamendo wants a client id, Spotify a token. Spotify gives no previews
//! to programs that were registered or still in development on 27 November 2024, so that only its metadata is of use. What
//! may be done with previews, each service's terms say: Apple's, for one, allow them to promote its store.

use serde_json::Value;

use crate::build::http::{Client, Request, Verdict};
use crate::build::{BuildError, Offer, Page, Sound, Source};

/// The most bytes an answer may have.
const ANSWER: u64 = 8 << 20;
/// The most bytes a preview may have.
const PREVIEW: u64 = 10 << 20;

/// A service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// `https://api.deezer.com/search`: the genre's name is searched for as a word.
    Deezer,
    /// `https://itunes.apple.com/search` by `genreIndex`; what Apple files under another genre is passed over.
    Itunes,
    /// `https://api.jamendo.com/v3.0/tracks` by tag: Creative Commons music, whole tracks where the artist allows downloads.
    Jamendo,
    /// `https://api.spotify.com/v1/search` by `genre:`; metadata only.
    Spotify,
}

impl Service {
    /// All services.
    pub const ALL: [Service; 4] = [
        Service::Deezer,
        Service::Itunes,
        Service::Jamendo,
        Service::Spotify,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Service::Deezer => "deezer",
            Service::Itunes => "itunes",
            Service::Jamendo => "jamendo",
            Service::Spotify => "spotify",
        }
    }

    /// The environment variable its credential is read from.
    pub fn variable(self) -> Option<&'static str> {
        match self {
            Service::Jamendo => Some("MELISMA_JAMENDO_CLIENT_ID"),
            Service::Spotify => Some("MELISMA_SPOTIFY_TOKEN"),
            _ => None,
        }
    }

    /// The least time between two calls that its terms ask for: iTunes about 20 calls a minute, Deezer 50 in 5 seconds.
    pub fn interval(self) -> std::time::Duration {
        std::time::Duration::from_millis(match self {
            Service::Itunes => 3000,
            _ => 200,
        })
    }

    fn address(self) -> &'static str {
        match self {
            Service::Deezer => "https://api.deezer.com",
            Service::Itunes => "https://itunes.apple.com",
            Service::Jamendo => "https://api.jamendo.com",
            Service::Spotify => "https://api.spotify.com",
        }
    }

    /// How many tracks are asked for at a time.
    fn page(self) -> usize {
        match self {
            Service::Deezer => 50,
            Service::Itunes | Service::Jamendo => 200,
            Service::Spotify => 10,
        }
    }

    fn request(self, base: &str, credential: &str, genre: &str, offset: usize) -> Request {
        let limit = self.page();
        match self {
            Service::Deezer => Request::new(format!("{base}/search"))
                .query("q", genre)
                .query("index", offset)
                .query("limit", limit),
            Service::Itunes => Request::new(format!("{base}/search"))
                .query("term", genre)
                .query("media", "music")
                .query("entity", "song")
                .query("attribute", "genreIndex")
                .query("limit", limit)
                .query("offset", offset),
            Service::Jamendo => Request::new(format!("{base}/v3.0/tracks/"))
                .query("format", "json")
                .query("tags", genre)
                .query("limit", limit)
                .query("offset", offset)
                .secret("client_id", credential),
            Service::Spotify => Request::new(format!("{base}/v1/search"))
                .query("q", format!("genre:\"{genre}\""))
                .query("type", "track")
                .query("limit", limit)
                .query("offset", offset)
                .bearer(credential),
        }
    }

    /// The tracks of an answer, or what it says is wrong.
    fn read(self, answer: &Value, genre: &str, offset: usize) -> Verdict<Page> {
        if let Some((message, passing)) = self.complaint(answer) {
            return if passing {
                Verdict::Later(message)
            } else {
                Verdict::Bad(message)
            };
        }
        let list = match self {
            Service::Deezer => &answer["data"],
            Service::Itunes | Service::Jamendo => &answer["results"],
            Service::Spotify => &answer["tracks"]["items"],
        };
        let Some(list) = list.as_array() else {
            return Verdict::Later("the answer holds no list of tracks".to_owned());
        };
        let wanted = |offer: &Offer| {
            self != Service::Itunes || plain_genre(&offer.genre).contains(&plain_genre(genre))
        };
        let offers = list
            .iter()
            .filter_map(|track| self.offer(track, genre))
            .filter(wanted)
            .map(|offer| Offer {
                genre: genre.to_owned(),
                ..offer
            })
            .collect();
        Verdict::Good(Page {
            offers,
            next: (list.len() == self.page()).then_some(offset + list.len()),
        })
    }

    /// The error an answer reports, and whether it passes by waiting.
    fn complaint(self, answer: &Value) -> Option<(String, bool)> {
        let error = &answer["error"];
        match self {
            // Code 4 is the quota, 700 a busy service.
            Service::Deezer if error.is_object() => Some((
                text(&error["message"])?,
                [4, 700].contains(&error["code"].as_i64()?),
            )),
            // Code 6 is the rate limit.
            Service::Jamendo => {
                let code = answer["headers"]["code"].as_i64()?;
                let message = text(&answer["headers"]["error_message"]).unwrap_or_default();
                (code != 0).then(|| (format!("Jamendo error {code}: {message}"), code == 6))
            }
            Service::Spotify if error.is_object() => Some((text(&error["message"])?, false)),
            _ => None,
        }
    }

    fn offer(self, track: &Value, genre: &str) -> Option<Offer> {
        let ([id, title, artist, album], sound, licence, url) = match self {
            Service::Deezer => (
                [
                    &track["id"],
                    &track["title"],
                    &track["artist"]["name"],
                    &track["album"]["title"],
                ],
                text(&track["preview"]),
                None,
                text(&track["link"]),
            ),
            Service::Itunes => (
                [
                    &track["trackId"],
                    &track["trackName"],
                    &track["artistName"],
                    &track["collectionName"],
                ],
                text(&track["previewUrl"]),
                None,
                text(&track["trackViewUrl"]),
            ),
            Service::Jamendo => (
                [
                    &track["id"],
                    &track["name"],
                    &track["artist_name"],
                    &track["album_name"],
                ],
                track["audiodownload_allowed"]
                    .as_bool()?
                    .then(|| text(&track["audiodownload"]))
                    .flatten(),
                text(&track["license_ccurl"]),
                text(&track["shareurl"]),
            ),
            Service::Spotify => (
                [
                    &track["id"],
                    &track["name"],
                    &track["artists"][0]["name"],
                    &track["album"]["name"],
                ],
                text(&track["preview_url"]),
                None,
                text(&track["external_urls"]["spotify"]),
            ),
        };
        Some(Offer {
            id: format!("{}:{}", self.name(), text(id)?),
            title: text(title)?,
            artist: text(artist)?,
            album: text(album),
            genre: match self {
                Service::Itunes => text(&track["primaryGenreName"])?,
                _ => genre.to_owned(),
            },
            sound: sound.map(Sound::Url),
            licence,
            url,
        })
    }
}

/// A text or a whole number, cut to a thousand characters; nothing where it is empty.
fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.chars().filter(|c| !c.is_control()).take(1000).collect(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

/// A genre as it is compared: lower case, letters and digits only.
pub(super) fn plain_genre(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// A service that is asked through a client.
pub struct Web<'a> {
    service: Service,
    base: String,
    credential: String,
    client: Client<'a>,
}

impl<'a> Web<'a> {
    /// The service at its own address, or at `base`.
    ///
    /// # Errors
    /// [`BuildError::Credential`] when it wants one and there is none.
    pub fn new(
        service: Service,
        base: Option<&str>,
        credential: Option<String>,
        client: Client<'a>,
    ) -> Result<Web<'a>, BuildError> {
        let credential = credential.filter(|text| !text.is_empty());
        if let (Some(variable), None) = (service.variable(), &credential) {
            return Err(BuildError::Credential {
                service: service.name(),
                variable,
            });
        }
        Ok(Web {
            service,
            base: base.unwrap_or(service.address()).trim_end_matches('/').to_owned(),
            credential: credential.unwrap_or_default(),
            client,
        })
    }
}

impl Source for Web<'_> {
    fn name(&self) -> &str {
        self.service.name()
    }

    fn notice(&self) -> Option<&str> {
        (self.service == Service::Spotify)
            .then_some("spotify gives no previews any more (withdrawn on 27 November 2024); only its metadata can be listed")
    }

    fn page(&mut self, genre: &str, offset: usize) -> Result<Page, BuildError> {
        let service = self.service;
        let request = service.request(&self.base, &self.credential, genre, offset);
        let page = self.client.get(&request, ANSWER, |body| {
            match serde_json::from_slice::<Value>(body) {
                Ok(answer) => service.read(&answer, genre, offset),
                Err(_) => Verdict::Later("the answer is no JSON".to_owned()),
            }
        })?;
        // What a service echoes back must not carry the credential into files.
        let redacted = |text: Option<String>| text.map(|text| request.redact(&text));
        let clean = |offer: Offer| Offer {
            url: redacted(offer.url),
            licence: redacted(offer.licence),
            ..offer
        };
        Ok(Page {
            offers: page.offers.into_iter().map(clean).collect(),
            next: page.next,
        })
    }

    fn fetch(&mut self, url: &str) -> Result<Vec<u8>, BuildError> {
        // An address that carries the credential is shown without it.
        let hidden = Request::new(url);
        let hidden = match self.service.variable() {
            Some(_) if url.contains(&self.credential) => {
                return Err(BuildError::Web {
                    url: format!("{}...", self.base),
                    message: "the preview's address carries the credential".to_owned(),
                });
            }
            _ => hidden,
        };
        self.client
            .get(&hidden, PREVIEW, |body| Verdict::Good(body.to_vec()))
    }
}
