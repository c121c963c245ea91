//! Paths and URLs as users and manifests write them.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use percent_encoding::percent_decode_str;

use crate::redact::without_credentials;

/// Schemes of URLs of object stores (lance-io `object_store/providers.rs`, and what
/// `object_store` reads beside).
#[cfg(feature = "object-stores")]
const STORES: &[&str] = &[
    "s3", "s3a", "s3+ddb", "gs", "az", "azure", "abfs", "abfss", "http", "https",
];

/// A file or directory: an absolute or working-directory-relative path, or a place in an object
/// store.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location(Place);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Place {
    Local(PathBuf),
    #[cfg_attr(
        not(feature = "object-stores"),
        expect(dead_code, reason = "nothing makes one")
    )]
    Remote {
        /// The scheme and the bucket, container or host: `s3://bucket`.
        store: Arc<str>,
        /// What is below it, its parts joined by `/`; empty for the store itself.
        path: String,
    },
}

/// Why a text cannot be a location of this build.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// A URL of a store that this build cannot read.
    #[cfg(feature = "object-stores")]
    #[error("{0}:// is not a store that lance-lint can read ({known}, file:// and local paths are)", known = known_stores())]
    UnsupportedScheme(String),
    /// A URL of a store that this build cannot read.
    #[cfg(not(feature = "object-stores"))]
    #[error(
        "{0}:// is not a store that this build can read (local paths and file:// are); \
         cargo install lance-lint --features object-stores builds one that can"
    )]
    UnsupportedScheme(String),
    /// A `file://` URL that names another host or holds a broken escape.
    #[error("not a local file URL")]
    BadFileUrl,
    /// A URL of a store without the name of its bucket, container or host, or with a broken
    /// escape.
    #[error("not a URL of a store: {0}://BUCKET/PATH is")]
    BadStoreUrl(String),
    /// A base path on a web server, to which a manifest must not send anyone's headers.
    #[error("Lance reads no base paths on web servers")]
    WebServer,
    /// A URL with a query, where credentials may be.
    #[error(
        "a URL with a query is not taken; give what it says, such as a SAS token, by \
         --storage-option KEY=VALUE or in the environment"
    )]
    Query,
}

#[cfg(feature = "object-stores")]
fn known_stores() -> String {
    let names: Vec<String> = STORES.iter().map(|name| format!("{name}://")).collect();
    names.join(", ")
}

impl Location {
    /// Takes a path as given by the system, kept byte for byte.
    pub fn from_path(path: impl Into<PathBuf>) -> Self {
        Self(Place::Local(path.into()))
    }

    /// Parses what a user typed or a manifest's base path holds: a path, a `file://` URL or a
    /// URL of an object store.
    ///
    /// # Errors
    /// [`LocationError`] for URLs of other schemes and for broken URLs.
    pub fn parse(text: &OsStr) -> Result<Self, LocationError> {
        let Some(utf8) = text.to_str() else {
            return Ok(Self::from_path(text));
        };
        let Some((scheme, rest)) = utf8.split_once("://") else {
            #[cfg(feature = "object-stores")]
            if let Some((scheme, _)) = utf8.split_once(':')
                && STORES.contains(&scheme.to_ascii_lowercase().as_str())
            {
                return Err(LocationError::BadStoreUrl(scheme.to_string()));
            }
            return Ok(Self::from_path(text));
        };
        if scheme != "file" && scheme != "file-object-store" {
            return Self::of_store(scheme, rest);
        }
        let path = rest.strip_prefix("localhost").unwrap_or(rest);
        if !path.starts_with('/') {
            return Err(LocationError::BadFileUrl);
        }
        let decoded = percent_decode_str(path)
            .decode_utf8()
            .map_err(|_| LocationError::BadFileUrl)?;
        // file:///C:/x names C:/x.
        let bytes = decoded.as_bytes();
        let drive = matches!(bytes, [b'/', letter, b':', ..] if letter.is_ascii_alphabetic());
        let local = if drive && cfg!(windows) {
            decoded.trim_start_matches('/')
        } else {
            &decoded
        };
        Ok(Self::from_path(local))
    }

    /// Parses a base path of a manifest. Web servers are none that Lance reads.
    ///
    /// # Errors
    /// As [`Location::parse`], and [`LocationError::WebServer`].
    pub fn parse_base(text: &OsStr) -> Result<Self, LocationError> {
        match text.to_str() {
            Some(url) if url.starts_with("http://") || url.starts_with("https://") => {
                Err(LocationError::WebServer)
            }
            _ => Self::parse(text),
        }
    }

    #[cfg(not(feature = "object-stores"))]
    fn of_store(scheme: &str, _rest: &str) -> Result<Self, LocationError> {
        Err(LocationError::UnsupportedScheme(scheme.to_string()))
    }

    #[cfg(feature = "object-stores")]
    fn of_store(scheme: &str, rest: &str) -> Result<Self, LocationError> {
        if !STORES.contains(&scheme) {
            return Err(LocationError::UnsupportedScheme(scheme.to_string()));
        }
        let rest = match rest.split_once(['?', '#']) {
            None => rest,
            // Names the table that writers lock with; readers of what is committed need none.
            Some((rest, _)) if scheme == "s3+ddb" => rest,
            Some(_) => return Err(LocationError::Query),
        };
        let scheme = if scheme == "s3+ddb" { "s3" } else { scheme };
        let bad = || LocationError::BadStoreUrl(scheme.to_string());
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        if !super::stores::names::is_store(scheme, host) {
            return Err(bad());
        }
        let path = percent_decode_str(path).decode_utf8().map_err(|_| bad())?;
        let parts = path.split('/').filter(|part| !part.is_empty());
        Ok(Self(Place::Remote {
            store: format!("{scheme}://{host}").into(),
            path: parts.collect::<Vec<_>>().join("/"),
        }))
    }

    /// The location of a name, or of several joined by `/`, below this one. It never leads up: `..`
    /// is a name as Lance takes it, `%2E%2E` (object_store `path/parts.rs`).
    pub fn join(&self, relative: &str) -> Self {
        let parts = relative.split('/').filter(|part| !part.is_empty());
        let parts = parts.map(|part| match part {
            "." => "%2E",
            ".." => "%2E%2E",
            name => name,
        });
        match &self.0 {
            Place::Local(path) => {
                let room = path.as_os_str().len() + relative.len() + 1;
                let mut below = PathBuf::with_capacity(room);
                below.push(path);
                parts.for_each(|part| below.push(part));
                Self(Place::Local(below))
            }
            Place::Remote { store, path } => {
                let mut path = path.clone();
                for part in parts {
                    if !path.is_empty() {
                        path.push('/');
                    }
                    path.push_str(part);
                }
                Self(Place::Remote {
                    store: store.clone(),
                    path,
                })
            }
        }
    }

    /// The directory that holds this location; `.` for a bare name, `None` for a root or a whole
    /// store.
    pub fn parent(&self) -> Option<Self> {
        match &self.0 {
            Place::Local(path) => {
                let parent = path.parent()?;
                Some(Self::from_path(match parent.as_os_str().is_empty() {
                    true => Path::new("."),
                    false => parent,
                }))
            }
            Place::Remote { path, .. } if path.is_empty() => None,
            Place::Remote { store, path } => {
                let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
                Some(Self(Place::Remote {
                    store: store.clone(),
                    path: parent.to_string(),
                }))
            }
        }
    }

    /// The last name, with invalid UTF-8 replaced.
    pub fn file_name(&self) -> String {
        let name = match &self.0 {
            Place::Local(path) => path.file_name().map(OsStr::to_string_lossy),
            Place::Remote { path, .. } => path.rsplit('/').next().map(Into::into),
        };
        match name.filter(|name| !name.is_empty()) {
            Some(name) => name.into_owned(),
            None => self.to_string(),
        }
    }

    /// The same place with `.` and `name/..` folded and made absolute where the system allows,
    /// so that two ways to write one path compare equal.
    pub fn normalised(&self) -> Self {
        let Place::Local(local) = &self.0 else {
            return self.clone();
        };
        if let Ok(real) = std::fs::canonicalize(local) {
            return Self::from_path(real);
        }
        let mut path = PathBuf::new();
        for part in local.components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir if path.file_name().is_some() => {
                    path.pop();
                }
                other => path.push(other),
            }
        }
        Self::from_path(path)
    }

    /// The path for the operating system; `None` for what is in an object store.
    pub fn as_path(&self) -> Option<&Path> {
        match &self.0 {
            Place::Local(path) => Some(path),
            Place::Remote { .. } => None,
        }
    }

    /// The store, such as `s3://bucket`, and the key below it; `None` for a local path.
    pub fn as_key(&self) -> Option<(&Arc<str>, &str)> {
        match &self.0 {
            Place::Local(_) => None,
            Place::Remote { store, path } => Some((store, path)),
        }
    }

    /// Whether this is in the store that another location is in, or both are on this machine.
    pub fn is_in_store_of(&self, other: &Self) -> bool {
        // Both of these schemes name a bucket of S3.
        let store = |place: &Self| {
            let (store, _) = place.as_key()?;
            Some(store.replacen("s3a://", "s3://", 1))
        };
        store(self) == store(other)
    }

    /// The names that lead from another location down to this one; `None` when it is not below.
    pub fn below(&self, above: &Self) -> Option<Vec<String>> {
        let owned = |part: &str| part.to_string();
        match (&self.0, &above.0) {
            (Place::Local(path), Place::Local(above)) => {
                let rest = path.strip_prefix(above).ok()?;
                let parts = rest.components();
                Some(
                    parts
                        .map(|p| p.as_os_str().to_string_lossy().into_owned())
                        .collect(),
                )
            }
            (
                Place::Remote { store, path },
                Place::Remote {
                    store: other,
                    path: above,
                },
            ) if store == other => {
                let rest = match above.is_empty() {
                    true => path,
                    false => path.strip_prefix(above.as_str())?,
                };
                if rest.is_empty() {
                    return Some(Vec::new());
                }
                let rest = match above.is_empty() {
                    true => rest,
                    false => rest.strip_prefix('/')?,
                };
                Some(rest.split('/').map(owned).collect())
            }
            _ => None,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Local(path) => {
                let text = path.to_string_lossy();
                let trimmed = text.trim_end_matches('/');
                f.write_str(if trimmed.is_empty() { &text } else { trimmed })
            }
            Place::Remote { store, path } => {
                f.write_str(&without_credentials(store))?;
                // A password with a slash in it ends up here.
                let hidden = path
                    .rsplit_once('@')
                    .filter(|_| store.starts_with("http") && store.matches(':').count() > 1);
                match hidden {
                    Some((_, after)) => write!(f, "/***@{after}"),
                    None if path.is_empty() => Ok(()),
                    None => write!(f, "/{path}"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Location, LocationError> {
        Location::parse(OsStr::new(text))
    }

    #[test]
    fn file_urls_and_paths_name_the_same_place() {
        assert_eq!(parse("file:///a/b%20c"), parse("/a/b c"));
        assert_eq!(parse("file://localhost/a"), parse("/a"));
        assert_eq!(parse("/a/b/").map(|l| l.to_string()), Ok("/a/b".into()));
    }

    #[test]
    fn other_stores_are_refused_by_name() {
        assert_eq!(
            parse("ftp://host/x.lance"),
            Err(LocationError::UnsupportedScheme("ftp".into()))
        );
        assert_eq!(parse("file://host/x"), Err(LocationError::BadFileUrl));
    }

    #[test]
    fn joining_splits_slashes_and_drops_empty_parts() {
        let root = Location::from_path("/d");
        assert_eq!(root.join("data//f.lance").to_string(), "/d/data/f.lance");
    }

    #[cfg(feature = "object-stores")]
    #[test]
    fn places_in_stores_behave_as_paths_do() {
        let root = parse("s3://bucket/a%20b//x.lance/");
        let root = root.unwrap_or_else(|_| Location::from_path(""));
        assert_eq!(root.to_string(), "s3://bucket/a b/x.lance");
        let file = root.join("data/f.lance");
        assert_eq!(file.file_name(), "f.lance");
        let names = vec!["data".to_string(), "f.lance".to_string()];
        assert_eq!(file.below(&root), Some(names));
        assert_eq!(root.below(&file), None);
        let up = file.parent().and_then(|p| p.parent());
        assert_eq!(up, Some(root.clone()));
        let store = root.parent().and_then(|p| p.parent());
        assert_eq!(
            store.as_ref().map(ToString::to_string),
            Some("s3://bucket".into())
        );
        assert_eq!(store.and_then(|store| store.parent()), None);
        assert_eq!(parse("s3+ddb://b/x?ddbTableName=t"), parse("s3://b/x"));
    }

    #[cfg(feature = "object-stores")]
    #[test]
    fn a_url_that_lacks_a_slash_is_no_path() {
        assert_eq!(
            parse("s3:/bucket/x"),
            Err(LocationError::BadStoreUrl("s3".into()))
        );
    }

    #[cfg(feature = "object-stores")]
    #[test]
    fn urls_never_show_what_could_be_a_secret() {
        let shown = parse("https://me:secret@host/x.lance").map(|l| l.to_string());
        assert_eq!(shown, Ok("https://***@host/x.lance".into()));
        assert_eq!(
            parse("https://host/x?sig=secret"),
            Err(LocationError::Query)
        );
        assert_eq!(
            parse("s3:///x"),
            Err(LocationError::BadStoreUrl("s3".into()))
        );
        let base = Location::parse_base(OsStr::new("https://host/x"));
        assert_eq!(base, Err(LocationError::WebServer));
        let container = parse("abfss://files@account.dfs.core.windows.net/x");
        assert_eq!(
            container.map(|l| l.to_string()),
            Ok("abfss://files@account.dfs.core.windows.net/x".into())
        );
    }
}
