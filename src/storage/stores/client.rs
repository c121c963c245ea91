//! The HTTP client of all stores, which does not let a server send it, or the user's headers, to
//! another place.
//!
//! A redirect to the same origin is followed. One to another origin is followed from https to https
//! only, to a host that has a public name, and without any header of the user's. All others are
//! refused: a server could lead to services that only this machine reaches, such as the address
//! from which clouds hand out credentials.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use http::header::{ACCEPT, IF_MATCH, IF_NONE_MATCH, LOCATION, RANGE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody,
    HttpResponse, HttpResponseBody, HttpService,
};
use object_store::{ClientConfigKey, ClientOptions};
use reqwest::Url;
use reqwest::redirect::Policy;

use super::names;
use crate::format::limits::{MAX_LISTING_BYTES, MAX_REFUSAL_BYTES};

/// Redirects that one request may lead through.
const MAX_REDIRECTS: usize = 5;

/// Headers that are sent to another origin: they say what is asked for, and nothing of who asks.
const ANONYMOUS: &[http::HeaderName] = &[ACCEPT, IF_MATCH, IF_NONE_MATCH, RANGE, USER_AGENT];

/// Makes the clients of a store.
#[derive(Debug)]
pub struct Connector;

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let built = |headers| {
            let built = client(options, headers).map(HttpClient::new);
            built.map_err(|why| object_store::Error::Generic {
                store: "HTTP",
                source: why.into(),
            })
        };
        let anonymous = built(None)?;
        let own = match options
            .get_default_headers()
            .filter(|headers| !headers.is_empty())
        {
            Some(headers) => built(Some(headers))?,
            // Each client reads the certificates of the system.
            None => anonymous.clone(),
        };
        Ok(HttpClient::new(Client { own, anonymous }))
    }
}

/// Builds a client that follows no redirect.
///
/// # Errors
/// A clause: what is wrong with an option, without its value.
fn client(options: &ClientOptions, headers: Option<&HeaderMap>) -> Result<reqwest::Client, String> {
    use ClientConfigKey as Key;
    let text = |key: Key| options.get_config_value(&key);
    let bad = |key: Key| format!("storage option {}: not a value that it takes", key.as_ref());
    let is_on = |key: Key| -> Result<bool, String> {
        match text(key).map(|text| text.to_ascii_lowercase()).as_deref() {
            None | Some("0" | "false" | "off" | "no" | "n") => Ok(false),
            Some("1" | "true" | "on" | "yes" | "y") => Ok(true),
            Some(_) => Err(bad(key)),
        }
    };
    let duration = |key: Key| -> Result<Option<Duration>, String> {
        let parsed = text(key).map(|text| humantime::parse_duration(&text));
        parsed.transpose().map_err(|_| bad(key))
    };
    let mut builder = reqwest::Client::builder()
        .redirect(Policy::none())
        .https_only(!is_on(Key::AllowHttp)?)
        // They would change how long an object is said to be.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate();
    if let Some(agent) = text(Key::UserAgent) {
        builder = builder.user_agent(agent);
    }
    if let Some(headers) = headers {
        builder = builder.default_headers(headers.clone());
    }
    if let Some(url) = text(Key::ProxyUrl) {
        let mut proxy = reqwest::Proxy::all(url).map_err(|_| bad(Key::ProxyUrl))?;
        if let Some(certificate) = text(Key::ProxyCaCertificate) {
            let certificate = reqwest::Certificate::from_pem(certificate.as_bytes());
            let certificate = certificate.map_err(|_| bad(Key::ProxyCaCertificate))?;
            builder = builder.tls_certs_merge([certificate]);
        }
        if let Some(excludes) = text(Key::ProxyExcludes) {
            proxy = proxy.no_proxy(reqwest::NoProxy::from_string(&excludes));
        }
        builder = builder.proxy(proxy);
    }
    if is_on(Key::NoSystemCertificates)? {
        builder = builder.tls_certs_only([]);
    }
    if is_on(Key::AllowInvalidCertificates)? {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    if let Some(limit) = duration(Key::Timeout)? {
        builder = builder.timeout(limit);
    }
    if let Some(limit) = duration(Key::ConnectTimeout)? {
        builder = builder.connect_timeout(limit);
    }
    if let Some(limit) = duration(Key::ReadTimeout)? {
        builder = builder.read_timeout(limit);
    }
    if let Some(limit) = duration(Key::PoolIdleTimeout)? {
        builder = builder.pool_idle_timeout(limit);
    }
    if let Some(most) = text(Key::PoolMaxIdlePerHost) {
        let most = most.parse().map_err(|_| bad(Key::PoolMaxIdlePerHost))?;
        builder = builder.pool_max_idle_per_host(most);
    }
    if is_on(Key::Http1Only)? {
        builder = builder.http1_only();
    }
    builder
        .build()
        .map_err(|error| format!("no HTTP client: {error}"))
}

/// Asks Amazon in which region a bucket is. It is sent no header of the user's.
///
/// # Errors
/// A clause for the user.
pub async fn region_of_bucket(bucket: &str, options: &ClientOptions) -> Result<String, String> {
    // Their certificate covers one label only.
    let address = match bucket.contains('.') {
        true => format!("https://s3.amazonaws.com/{bucket}"),
        false => format!("https://{bucket}.s3.amazonaws.com/"),
    };
    let asked = client(options, None)?.head(address).send().await;
    let answer = asked.map_err(|error| {
        let error = error.without_url();
        format!("Amazon cannot be asked for the region of bucket `{bucket}`: {error}; add --storage-option aws_region=…")
    })?;
    if answer.status() == StatusCode::NOT_FOUND {
        return Err(format!("there is no bucket `{bucket}` here"));
    }
    let region = answer.headers().get("x-amz-bucket-region");
    let region = region
        .and_then(|region| region.to_str().ok())
        .unwrap_or_default();
    match names::is_region(region) {
        true => Ok(region.to_string()),
        false => Err(format!(
            "Amazon does not say in which region bucket `{bucket}` is; add --storage-option aws_region=…"
        )),
    }
}

/// A client of a store.
#[derive(Debug)]
struct Client {
    /// Sends the user's headers.
    own: HttpClient,
    /// Does not.
    anonymous: HttpClient,
}

#[async_trait]
impl HttpService for Client {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        // The client that this is given to takes each URI for a URL, and panics where it is none.
        let mut at = url(&request.uri().to_string())?;
        let follows = matches!(*request.method(), Method::GET | Method::HEAD);
        let method = request.method().clone();
        let headers = request.headers().clone();
        let mut response = bounded(self.own.execute(request).await?, &headers);
        let mut same_origin = true;
        for _ in 0..MAX_REDIRECTS {
            let Some(location) = target(&response).filter(|_| follows) else {
                return Ok(response);
            };
            let to = at.join(location).map_err(|_| refused(Refused::NoUrl))?;
            match hop(&at, &to) {
                Ok(Hop::SameOrigin) => {}
                Ok(Hop::Anonymous) => same_origin = false,
                Err(why) => return Err(refused(why)),
            }
            let mut next = http::Request::builder()
                .method(method.clone())
                .uri(to.as_str());
            if let Some(next) = next.headers_mut() {
                for (name, value) in &headers {
                    if same_origin || ANONYMOUS.contains(name) {
                        next.append(name.clone(), value.clone());
                    }
                }
            }
            let next = next.body(HttpRequestBody::empty());
            let next = next.map_err(|_| refused(Refused::NoUrl))?;
            let client = if same_origin {
                &self.own
            } else {
                &self.anonymous
            };
            response = bounded(client.execute(next).await?, &headers);
            at = to;
        }
        match target(&response).filter(|_| follows) {
            Some(_) => Err(refused(Refused::TooMany)),
            None => Ok(response),
        }
    }
}

/// A response whose body ends with an error where it is longer than what was asked for.
fn bounded(response: HttpResponse, asked: &HeaderMap) -> HttpResponse {
    let most = match (response.status().is_success(), asked.get(RANGE)) {
        (false, _) => MAX_REFUSAL_BYTES,
        (true, Some(range)) => bytes_of(range).unwrap_or(MAX_LISTING_BYTES),
        (true, None) => MAX_LISTING_BYTES,
    };
    response.map(|body| {
        let body = Limited::new(body, most).map_err(|error| match error.downcast::<HttpError>() {
            Ok(error) => *error,
            Err(_) => refused(Refused::Endless),
        });
        HttpResponseBody::new(body)
    })
}

/// How many bytes a Range header asks for: `bytes=2-5`, or the last ones, `bytes=-4`.
fn bytes_of(range: &HeaderValue) -> Option<usize> {
    let (first, last) = range
        .to_str()
        .ok()?
        .strip_prefix("bytes=")?
        .split_once('-')?;
    let last: u64 = last.parse().ok()?;
    let bytes = match first {
        "" => last,
        first => last.checked_sub(first.parse().ok()?)?.checked_add(1)?,
    };
    usize::try_from(bytes).ok()
}

/// Where a response sends its reader.
fn target(response: &HttpResponse) -> Option<&str> {
    let redirects = matches!(
        response.status(),
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    let location = response.headers().get(LOCATION).filter(|_| redirects)?;
    location.to_str().ok()
}

fn url(text: &str) -> Result<Url, HttpError> {
    text.parse().map_err(|_| refused(Refused::NoUrl))
}

/// How a redirect is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hop {
    SameOrigin,
    /// To another origin, which gets no header of the user's.
    Anonymous,
}

/// Why a request is not made.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Refused {
    /// To a URL that is none.
    NoUrl,
    /// To something else than a web server.
    Scheme,
    /// From https to http, or from http to another host.
    Plain,
    /// To a host that has no public name.
    Private,
    TooMany,
    /// The body goes on behind what was asked for.
    Endless,
}

impl std::error::Error for Refused {}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoUrl => "an address that is not a URL",
            Self::Scheme => "the server redirects to an address that is not https",
            Self::Plain => {
                "the server redirects to another host without encryption, which is not followed"
            }
            Self::Private => {
                "the server redirects to a host that has no public name, which is not followed"
            }
            Self::TooMany => "the server redirects again and again",
            Self::Endless => "the answer is longer than what was asked for",
        })
    }
}

fn refused(why: Refused) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, why)
}

/// Whether, and how, a redirect is followed.
fn hop(from: &Url, to: &Url) -> Result<Hop, Refused> {
    if from.origin() == to.origin() && from.origin().is_tuple() {
        return Ok(Hop::SameOrigin);
    }
    match (from.scheme(), to.scheme()) {
        ("https", "https") => {}
        (_, "http" | "https") => return Err(Refused::Plain),
        _ => return Err(Refused::Scheme),
    }
    // Of a host that is a number, in whatever way that is written, `Url` makes an address.
    let public = to.domain().is_some_and(|name| {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let last = name.rsplit('.').next().unwrap_or_default();
        name.contains('.') && !matches!(last, "localhost" | "local" | "internal" | "localdomain")
    });
    match public {
        true => Ok(Hop::Anonymous),
        false => Err(Refused::Private),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(from: &str, to: &str) -> Result<Hop, Refused> {
        let parse = |text: &str| text.parse::<Url>().map_err(|_| Refused::NoUrl);
        hop(&parse(from)?, &parse(to)?)
    }

    #[test]
    fn headers_of_the_user_stay_with_the_origin() {
        let same = follow("http://h:8080/a", "http://h:8080/b");
        assert_eq!(same, Ok(Hop::SameOrigin));
        let other = follow("https://hub.example/a", "https://cdn.example/b");
        assert_eq!(other, Ok(Hop::Anonymous));
        let port = follow("https://hub.example/a", "https://hub.example:444/b");
        assert_eq!(port, Ok(Hop::Anonymous));
    }

    #[test]
    fn no_redirect_leads_into_the_machine_or_its_network() {
        for to in [
            "https://169.254.169.254/latest/meta-data",
            "https://2852039166/",
            "https://0xa9.0xfe.0xa9.0xfe/",
            "https://0251.0376.0251.0376/",
            "https://[::1]/",
            "https://[::ffff:169.254.169.254]/",
            "https://localhost/",
            "https://localhost./",
            "https://a.localhost/",
            "https://metadata.google.internal/",
            "https://metadata/",
        ] {
            assert_eq!(
                follow("https://hub.example/a", to),
                Err(Refused::Private),
                "{to}"
            );
        }
        for to in [
            "http://hub.example/a",
            "http://169.254.169.254/",
            "http://localhost/",
        ] {
            assert_eq!(
                follow("https://hub.example/a", to),
                Err(Refused::Plain),
                "{to}"
            );
        }
        for to in ["http://other.example/", "https://other.example/"] {
            assert_eq!(
                follow("http://hub.example/a", to),
                Err(Refused::Plain),
                "{to}"
            );
        }
        assert_eq!(
            follow("https://h.example/a", "file:///etc/passwd"),
            Err(Refused::Scheme)
        );
        assert_eq!(
            follow("https://h.example/a", "data:,x"),
            Err(Refused::Scheme)
        );
    }
}
