//! Credentials in paths and URLs, which no output repeats.

/// Takes the user, the query and the fragment out of a URL.
pub fn without_credentials(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_string();
    };
    let (place, query) = match rest.find(['?', '#']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (host, path) = match place.find('/') {
        Some(at) => place.split_at(at),
        None => (place, ""),
    };
    let host = match host.rsplit_once('@') {
        // There the name before the host is that of the container.
        Some((container, _)) if is_azure(scheme) && !container.contains(':') => host.to_string(),
        Some((_, host)) => format!("***@{host}"),
        None => host.to_string(),
    };
    let query = match query.chars().next() {
        Some(mark) => format!("{mark}***"),
        None => String::new(),
    };
    format!("{scheme}://{host}{path}{query}")
}

/// A path or URL that could not be read, for the message that says so. It may be a URL that was written
/// wrongly: what could be a password or a signature in it is not shown.
pub fn without_secrets(text: &str) -> String {
    let text = match text.rsplit_once('@') {
        Some((before, after)) if before.contains(':') => format!("***@{after}"),
        _ => text.to_string(),
    };
    match text.split_once('?') {
        Some((before, query)) if query.contains('=') => format!("{before}?***"),
        _ => text,
    }
}

/// The scheme of what was meant to be a URL and is none that can be taken: the rest may hold secrets at
/// places that nobody can tell.
pub fn scheme_alone(text: &str) -> String {
    let is_scheme = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    match text.split_once(':') {
        Some((scheme, rest)) if !scheme.is_empty() && scheme.chars().all(is_scheme) => {
            let slashes = if rest.starts_with("//") { "//" } else { "" };
            format!("{scheme}:{slashes}***")
        }
        _ => without_secrets(text),
    }
}

fn is_azure(scheme: &str) -> bool {
    matches!(scheme, "az" | "azure" | "abfs" | "abfss")
}
