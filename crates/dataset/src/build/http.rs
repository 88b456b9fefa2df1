//! Getting answers and previews from the web: bounded, patient, and silent about credentials.
//!
//! Only `http` and `https`; at most three redirects; time-outs and a limit of size on every body; failures that may pass are
//! tried again after a growing pause with seeded jitter, or after the time that `Retry-After` gives. No message shows a secret.

use std::time::Duration;

use ureq::Agent;
use ureq::http::header::RETRY_AFTER;

use crate::build::BuildError;
use crate::rng::Rng;

/// Waits for a time; `false` means that the work shall stop.
pub type Pause<'a> = Box<dyn FnMut(Duration) -> bool + 'a>;

/// How patient a client is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Patience {
    /// Tries for one answer, the first included.
    pub attempts: u32,
    /// The pause before the second try; each further one is twice as long, plus up to half of it at random.
    pub first_pause: Duration,
    /// The longest time a service may ask to wait.
    pub longest_pause: Duration,
    /// The time between two calls.
    pub interval: Duration,
    /// The time one answer may take, body included.
    pub timeout: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            attempts: 5,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(600),
            interval: Duration::ZERO,
            timeout: Duration::from_secs(60),
        }
    }
}

/// What is asked for. Its text form leaves the secret out.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    url: String,
    secret_query: Option<(&'static str, String)>,
    bearer: Option<String>,
}

impl Request {
    /// A plain address.
    pub fn new(url: impl Into<String>) -> Request {
        Request {
            url: url.into(),
            secret_query: None,
            bearer: None,
        }
    }

    /// The same with a parameter.
    pub fn query(mut self, name: &str, value: impl std::fmt::Display) -> Request {
        let joint = if self.url.contains('?') { '&' } else { '?' };
        self.url = format!("{}{joint}{name}={}", self.url, encoded(&value.to_string()));
        self
    }

    /// The same with a parameter that no message may show.
    pub fn secret(mut self, name: &'static str, value: &str) -> Request {
        self.secret_query = Some((name, value.to_owned()));
        self
    }

    /// The same with a token in the header.
    pub fn bearer(mut self, token: &str) -> Request {
        self.bearer = Some(token.to_owned());
        self
    }

    fn secrets(&self) -> impl Iterator<Item = &str> {
        let query = self.secret_query.as_ref().map(|(_, value)| value.as_str());
        query.into_iter().chain(self.bearer.as_deref())
    }

    fn full(&self) -> String {
        match &self.secret_query {
            Some((name, value)) => self.clone().query(name, value).url,
            None => self.url.clone(),
        }
    }

    /// `text` with every secret of this request struck out, plain or percent-encoded.
    pub fn redact(&self, text: &str) -> String {
        let strike = |text: String, secret: &str| match secret.is_empty() {
            true => text,
            false => text.replace(secret, "***").replace(&encoded(secret), "***"),
        };
        self.secrets().fold(text.to_owned(), strike)
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.url)
    }
}

/// Letters, digits and `-._~` as they are, everything else percent-encoded.
fn encoded(text: &str) -> String {
    let byte = |b: u8| match b {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(b).to_string(),
        _ => format!("%{b:02X}"),
    };
    text.bytes().map(byte).collect()
}

/// How a judge takes an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict<T> {
    /// As it should be.
    Good(T),
    /// Worth another try later.
    Later(String),
    /// No use trying again.
    Bad(String),
}

/// Why one try failed.
enum Trouble {
    Passing(String, Option<Duration>),
    Lasting(String),
}

/// A patient client.
pub struct Client<'a> {
    agent: Agent,
    patience: Patience,
    rng: Rng,
    pause: Pause<'a>,
    called: bool,
}

impl<'a> Client<'a> {
    /// A client whose jitter starts from `seed` and that waits by `pause`.
    pub fn new(patience: Patience, seed: u64, pause: Pause<'a>) -> Client<'a> {
        let config = Agent::config_builder()
            .timeout_global(Some(patience.timeout))
            .max_redirects(3)
            .http_status_as_error(false)
            .user_agent(concat!("melisma/", env!("CARGO_PKG_VERSION")))
            .build();
        Client {
            agent: config.into(),
            patience,
            rng: Rng::new(seed),
            pause,
            called: false,
        }
    }

    /// The answer to `request`, of `limit` bytes at most, as `judge` reads it.
    ///
    /// # Errors
    /// [`BuildError::Web`] when it cannot be had, naming the address without its secret; [`BuildError::Stopped`].
    pub fn get<T>(
        &mut self,
        request: &Request,
        limit: u64,
        judge: impl Fn(&[u8]) -> Verdict<T>,
    ) -> Result<T, BuildError> {
        let failed = |message: &str| BuildError::Web {
            url: request.redact(&request.url),
            message: request.redact(message),
        };
        let mut pause = self.patience.first_pause;
        for attempt in 1.. {
            if self.called && !(self.pause)(self.patience.interval) {
                return Err(BuildError::Stopped);
            }
            self.called = true;
            let trouble = match self.once(request, limit) {
                Ok(body) => match judge(&body) {
                    Verdict::Good(answer) => return Ok(answer),
                    Verdict::Later(message) => Trouble::Passing(message, None),
                    Verdict::Bad(message) => Trouble::Lasting(message),
                },
                Err(trouble) => trouble,
            };
            let (message, asked) = match trouble {
                Trouble::Lasting(message) => return Err(failed(&message)),
                Trouble::Passing(message, asked) => (message, asked),
            };
            if attempt == self.patience.attempts {
                return Err(failed(&format!("{message} (tried {attempt} times)")));
            }
            if let Some(asked) = asked.filter(|asked| *asked > self.patience.longest_pause) {
                return Err(failed(&format!(
                    "{message}; it asks to wait {} s",
                    asked.as_secs()
                )));
            }
            let jitter = (self.rng.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
            let own = pause.mul_f64(1.0 + jitter / 2.0);
            if !(self.pause)(asked.unwrap_or(own)) {
                return Err(BuildError::Stopped);
            }
            pause = (pause * 2).min(self.patience.longest_pause);
        }
        Err(failed("not tried"))
    }

    fn once(&self, request: &Request, limit: u64) -> Result<Vec<u8>, Trouble> {
        let url = request.full();
        let http = ["http://", "https://"];
        if !http.iter().any(|scheme| {
            url.get(..scheme.len())
                .is_some_and(|s| s.eq_ignore_ascii_case(scheme))
        }) {
            return Err(Trouble::Lasting("neither http nor https".to_owned()));
        }
        let mut call = self.agent.get(&url);
        if let Some(token) = &request.bearer {
            call = call.header("Authorization", format!("Bearer {token}"));
        }
        let mut response = call.call().map_err(trouble)?;
        let status = response.status();
        if status.is_success() {
            return response
                .body_mut()
                .with_config()
                .limit(limit)
                .read_to_vec()
                .map_err(trouble);
        }
        let message = format!("the server answers {status}");
        let asked = response
            .headers()
            .get(RETRY_AFTER)
            .and_then(|value| value.to_str().ok());
        match status.as_u16() {
            408 | 429 | 500 | 502 | 503 | 504 => {
                let asked = asked
                    .and_then(|seconds| seconds.trim().parse().ok())
                    .map(Duration::from_secs);
                Err(Trouble::Passing(message, asked))
            }
            _ => Err(Trouble::Lasting(message)),
        }
    }
}

fn trouble(error: ureq::Error) -> Trouble {
    match error {
        ureq::Error::BodyExceedsLimit(limit) => Trouble::Lasting(format!("more than {limit} bytes")),
        ureq::Error::TooManyRedirects => Trouble::Lasting("too many redirects".to_owned()),
        ureq::Error::BadUri(_) => Trouble::Lasting("no address that can be asked".to_owned()),
        ureq::Error::Timeout(_) => Trouble::Passing("no answer in time".to_owned(), None),
        other => Trouble::Passing(other.to_string(), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_struck_out() {
        let request = Request::new("http://h/x")
            .query("q", "a b&c")
            .secret("key", "s&cret");
        assert_eq!(format!("{request:?}"), "http://h/x?q=a%20b%26c");
        assert_eq!(request.full(), "http://h/x?q=a%20b%26c&key=s%26cret");
        assert_eq!(request.redact("s&cret and s%26cret"), "*** and ***");
        assert_eq!(
            Request::new("http://h").bearer("tok").redact("Bearer tok"),
            "Bearer ***"
        );
    }

    #[test]
    fn other_schemes_are_refused() {
        let mut client = Client::new(Patience::default(), 0, Box::new(|_| true));
        for url in ["file:///etc/passwd", "ftp://x/y", "gopher:x", "", "http:/x"] {
            let error = client
                .get(&Request::new(url), 10, |_| Verdict::Good(()))
                .unwrap_err();
            assert!(
                error.to_string().contains("neither http nor https"),
                "{url}: {error}"
            );
        }
    }
}
