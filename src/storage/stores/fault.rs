//! What a store says when it does not give what was asked for, in plain words.

use std::error::Error as _;

/// Why a request came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The run is at its end.
    Halted,
    /// There is no such object.
    NotFound,
    /// The object does not have those bytes.
    Range,
    /// The server lists nothing.
    NoListing,
    /// The answer broke off: a clause for the user. Asking again may help.
    Broken(String),
    /// The store asks to slow down: a clause for the user. Waiting helps.
    Busy(String),
    /// Nothing more can be had there: a clause for the user.
    Failed(String),
}

/// Where something came from, for the words that are said of it.
pub struct Source<'a> {
    /// The bucket, container or host.
    pub bucket: &'a str,
    /// The option that names the region, where there is one.
    pub region_option: Option<&'a str>,
    /// How credentials are given.
    pub credentials: &'a str,
    /// Values that must not be shown.
    pub secrets: &'a [String],
}

/// Longest text of a store that is repeated.
const MAX_TEXT: usize = 300;

impl Source<'_> {
    /// Puts an error of the client in words.
    pub fn fault(&self, error: &object_store::Error) -> Fault {
        let text = whole_text(error);
        let lower = without_urls(&text).to_lowercase();
        // The client asks again itself, unless it has begun to read the answer.
        let asked_again = lower.contains("error performing");
        let code = code(&text);
        let named = |codes: &[&str]| code.as_deref().filter(|code| codes.contains(code));
        let status = status(&text);
        let has = |parts: &[&str]| parts.iter().any(|part| lower.contains(part));
        let of_code = || match (&code, status) {
            (Some(code), _) => format!(" ({code})"),
            (None, Some(status)) => format!(" (status {status})"),
            (None, None) => String::new(),
        };
        if named(&["NoSuchBucket", "ContainerNotFound", "InvalidBucketName"]).is_some()
            || has(&["bucket does not exist", "container does not exist"])
            || (lower.contains("bucket '") && lower.contains("' not found"))
        {
            return Fault::Failed(format!("there is no {} here{}", self.bucket, of_code()));
        }
        if status == Some(416)
            || has(&[
                "requested range not satisfiable",
                "non-partial response",
                "range request not supported",
                "content-range header",
                // Of an empty object, where a server answers with a range all the same.
                "value for content_range header",
            ])
            || (text.contains("Requested ") && text.contains(", got "))
        {
            return Fault::Range;
        }
        if matches!(error, object_store::Error::NotFound { .. }) {
            return Fault::NotFound;
        }
        if named(&[
            "ExpiredToken",
            "ExpiredTokenException",
            "TokenRefreshRequired",
        ])
        .is_some()
            || has(&[
                "token has expired",
                "token is expired",
                "signature not valid in the specified time frame",
                "request has expired",
            ])
        {
            return Fault::Failed(format!(
                "the credentials have expired{}; get new ones and try again",
                of_code()
            ));
        }
        let other_region = named(&[
            "PermanentRedirect",
            "TemporaryRedirect",
            "AuthorizationHeaderMalformed",
            "IllegalLocationConstraintException",
        ]);
        let redirected = has(&["redirect without location"]) || matches!(status, Some(301 | 307));
        if let Some(option) = self.region_option
            && (other_region.is_some() || redirected)
        {
            let region = between(&text, "<Region>", "</Region>")
                .or_else(|| between(&text, "expecting '", "'"));
            return Fault::Failed(match region {
                Some(region) => format!(
                    "the bucket is in region {region}, not in the one that was asked; \
                     add --storage-option {option}={region}"
                ),
                None => format!(
                    "the bucket is in another region or behind another endpoint than was asked{}; \
                     add --storage-option {option}=REGION",
                    of_code()
                ),
            });
        }
        if status.is_some_and(|status| (300..400).contains(&status)) {
            return Fault::NotFound;
        }
        if named(&[
            "SlowDown",
            "ServerBusy",
            "TooManyRequests",
            "RequestLimitExceeded",
            "Throttling",
            "ThrottlingException",
            "OperationTimedOut",
        ])
        .is_some()
            || matches!(status, Some(429 | 503))
        {
            return Fault::Busy(format!(
                "the store asks to slow down and still does after all retries{}; \
                 try a lower --concurrency",
                of_code()
            ));
        }
        let refused = named(&[
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "InvalidToken",
            "InvalidClientTokenId",
            "AuthenticationFailed",
            "InvalidAuthenticationInfo",
            "NoAuthenticationInformation",
        ]);
        if refused.is_some()
            || status == Some(401)
            || matches!(error, object_store::Error::Unauthenticated { .. })
        {
            return Fault::Failed(format!(
                "the credentials are not accepted{}; {}",
                of_code(),
                self.credentials
            ));
        }
        if named(&["InvalidObjectState", "BlobArchived"]).is_some() {
            return Fault::Failed(format!(
                "it is archived{}; restore it before it can be read",
                of_code()
            ));
        }
        if status == Some(403) || matches!(error, object_store::Error::PermissionDenied { .. }) {
            return Fault::Failed(format!(
                "access is denied{}; the credentials in use may not read or list there",
                of_code()
            ));
        }
        if has(&[
            "169.254.169.254",
            "169.254.170.2",
            "metadata.google.internal",
            "instance metadata",
            "computemetadata",
            "/latest/api/token",
            "/latest/meta-data",
        ]) {
            return Fault::Failed(format!("no credentials were found; {}", self.credentials));
        }
        if has(&["url scheme is not allowed", "scheme is not http"]) {
            return Fault::Failed(
                "the endpoint is http://, which must be allowed: add --storage-option \
                 allow_http=true"
                    .to_string(),
            );
        }
        if let Some(status) = status.filter(|status| *status >= 500) {
            return Fault::Failed(format!(
                "the store fails and still does after all retries (status {status}{})",
                code.map_or_else(String::new, |code| format!(", {code}"))
            ));
        }
        if has(&[
            "dns error",
            "failed to lookup",
            "connection refused",
            "error trying to connect",
            "tcp connect error",
            "client error (connect)",
        ]) {
            return Fault::Failed(format!("cannot connect: {}", self.cause(&text)));
        }
        if has(&["timed out", "deadline has elapsed"]) {
            return broken("the store does not answer in time".to_string(), asked_again);
        }
        if has(&[
            "error decoding response body",
            "end of file before message length",
            "connection closed before",
            "error reading a body",
            "incomplete message",
            "connection reset",
            "broken pipe",
            "unexpected eof",
        ]) {
            let why = format!("the answer breaks off: {}", self.cause(&text));
            return broken(why, asked_again);
        }
        Fault::Failed(self.cause(&text))
    }

    /// The innermost cause, in one line and without secrets.
    fn cause(&self, text: &str) -> String {
        let message = between(text, "<Message>", "</Message>");
        let last = text.rsplit('\u{1f}').next().unwrap_or(text);
        self.shown(message.as_deref().unwrap_or(last))
    }

    /// A text in one line, without queries of URLs and without secrets.
    pub fn shown(&self, text: &str) -> String {
        let words = text.split_whitespace().map(|word| match word.find("://") {
            Some(_) => match word.find('?') {
                Some(at) => word.get(..at).unwrap_or(word),
                None => word,
            },
            None => word,
        });
        let mut line = words.collect::<Vec<_>>().join(" ");
        for secret in self.secrets {
            line = line.replace(secret.as_str(), "***");
        }
        if line.len() > MAX_TEXT {
            let end = (0..=MAX_TEXT).rev().find(|at| line.is_char_boundary(*at));
            line.truncate(end.unwrap_or(0));
            line.push('…');
        }
        line
    }
}

/// A fault that passes where asking again helps, and was not done before.
fn broken(why: String, asked_again: bool) -> Fault {
    match asked_again {
        true => Fault::Failed(format!("{why}, after all retries")),
        false => Fault::Broken(why),
    }
}

/// A text without URLs, whose names could be taken for what went wrong, and without the name of
/// the client's own setting.
fn without_urls(text: &str) -> String {
    let words = text.split(' ').filter(|word| !word.contains("://"));
    let kept: Vec<&str> = words.filter(|word| *word != "retry_timeout:").collect();
    kept.join(" ")
}

/// An error and what caused it, apart by a mark that no store writes.
fn whole_text(error: &object_store::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push('\u{1f}');
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

/// The status of the answer, as the client writes it.
fn status(text: &str) -> Option<u16> {
    let at = text.find("status code: ")?;
    let rest = text.get(at + "status code: ".len()..)?;
    rest.get(..3)?.parse().ok()
}

/// The code in an answer of S3 or Azure (XML), or of Google (JSON).
fn code(text: &str) -> Option<String> {
    let code = between(text, "<Code>", "</Code>")
        .or_else(|| between(text, "\"reason\": \"", "\""))
        .or_else(|| between(text, "\"reason\":\"", "\""))?;
    let plain =
        !code.is_empty() && code.len() < 64 && code.chars().all(|c| c.is_ascii_alphanumeric());
    plain.then_some(code)
}

fn between(text: &str, start: &str, end: &str) -> Option<String> {
    let (_, rest) = text.split_once(start)?;
    let (inner, _) = rest.split_once(end)?;
    Some(inner.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Fault {
        let source = Source {
            bucket: "bucket `b`",
            region_option: Some("aws_region"),
            credentials: "set them",
            secrets: &["s3cr3t".to_string()],
        };
        source.fault(&object_store::Error::Generic {
            store: "S3",
            source: text.to_string().into(),
        })
    }

    fn failed(text: &str) -> String {
        match fault(text) {
            Fault::Failed(why) | Fault::Busy(why) => why,
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn a_wrong_region_names_the_right_one() {
        let xml = "status code: 400 Bad Request: <Error><Code>AuthorizationHeaderMalformed</Code>\
                   <Message>the region 'us-east-1' is wrong; expecting 'eu-west-1'</Message>\
                   <Region>eu-west-1</Region></Error>";
        assert!(failed(xml).ends_with("--storage-option aws_region=eu-west-1"));
    }

    #[test]
    fn what_is_repeated_holds_no_secret_and_no_query() {
        let said = failed("odd thing at https://h/p?sig=abc with s3cr3t");
        assert_eq!(said, "odd thing at https://h/p with ***");
    }

    #[test]
    fn a_range_that_is_not_there_is_told_from_a_failure() {
        assert_eq!(fault("Requested 0..10, got 0..4"), Fault::Range);
        assert_eq!(
            fault("Server returned non-2xx status code: 416 Range Not Satisfiable: "),
            Fault::Range
        );
        assert!(
            failed("status code: 503 Service Unavailable: <Code>SlowDown</Code>")
                .contains("slow down")
        );
    }

    #[test]
    fn what_the_client_asked_for_again_is_not_asked_for_once_more() {
        let url = "http://h/timeout/x";
        let reset = format!(
            "Error performing GET {url} in 1s, after 2 retries, max_retries: 2, retry_timeout: 5s  \
             - HTTP error: connection reset by peer"
        );
        assert!(failed(&reset).starts_with("the answer breaks off: "));
        assert!(matches!(
            fault("error decoding response body"),
            Fault::Broken(_)
        ));
        assert!(matches!(fault("operation timed out"), Fault::Broken(_)));
    }
}
