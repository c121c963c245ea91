//! Paths as users and manifests write them.

use std::ffi::OsStr;
use std::fmt;
use std::path::{Component, Path, PathBuf};

use percent_encoding::percent_decode_str;

/// A file or directory, as an absolute or working-directory-relative path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location(PathBuf);

/// Why a text cannot be a location of this build.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// A URL of a store that this build cannot read.
    #[error("{0}:// is not a store that this build can read (local paths and file:// are)")]
    UnsupportedScheme(String),
    /// A `file://` URL that names another host or holds a broken escape.
    #[error("not a local file URL")]
    BadFileUrl,
}

impl Location {
    /// Takes a path as given by the system, kept byte for byte.
    pub fn from_path(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Parses what a user typed or a manifest's base path holds: a path, or a `file://` URL.
    ///
    /// # Errors
    /// [`LocationError`] for URLs of other schemes and for broken file URLs.
    pub fn parse(text: &OsStr) -> Result<Self, LocationError> {
        let Some(utf8) = text.to_str() else {
            return Ok(Self(PathBuf::from(text)));
        };
        let Some((scheme, rest)) = utf8.split_once("://") else {
            return Ok(Self(PathBuf::from(text)));
        };
        if scheme != "file" && scheme != "file-object-store" {
            return Err(LocationError::UnsupportedScheme(scheme.to_string()));
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
        Ok(Self(PathBuf::from(local)))
    }

    /// The location of a name, or of several joined by `/`, below this one.
    pub fn join(&self, relative: &str) -> Self {
        let mut path = self.0.clone();
        for part in relative.split('/').filter(|part| !part.is_empty()) {
            path.push(part);
        }
        Self(path)
    }

    /// The directory that holds this location; `.` for a bare name.
    pub fn parent(&self) -> Option<Self> {
        let parent = self.0.parent()?;
        if parent.as_os_str().is_empty() {
            return Some(Self(PathBuf::from(".")));
        }
        Some(Self(parent.to_path_buf()))
    }

    /// The last name, with invalid UTF-8 replaced.
    pub fn file_name(&self) -> String {
        match self.0.file_name() {
            Some(name) => name.to_string_lossy().into_owned(),
            None => self.to_string(),
        }
    }

    /// The same place with `.` and `name/..` folded and made absolute where the system allows,
    /// so that two ways to write one path compare equal.
    pub fn normalised(&self) -> Self {
        if let Ok(real) = std::fs::canonicalize(&self.0) {
            return Self(real);
        }
        let mut path = PathBuf::new();
        for part in self.0.components() {
            match part {
                Component::CurDir => {}
                Component::ParentDir if path.file_name().is_some() => {
                    path.pop();
                }
                other => path.push(other),
            }
        }
        Self(path)
    }

    /// The path for the operating system.
    pub fn as_path(&self) -> &Path {
        &self.0
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string_lossy();
        let trimmed = text.trim_end_matches('/');
        f.write_str(if trimmed.is_empty() { &text } else { trimmed })
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
            parse("s3://bucket/x.lance"),
            Err(LocationError::UnsupportedScheme("s3".into()))
        );
        assert_eq!(parse("file://host/x"), Err(LocationError::BadFileUrl));
    }

    #[test]
    fn joining_splits_slashes_and_drops_empty_parts() {
        let root = Location::from_path("/d");
        assert_eq!(root.join("data//f.lance").to_string(), "/d/data/f.lance");
    }
}
