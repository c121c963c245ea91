//! Which Lance releases can open a dataset, and which can read all of it.
//!
//! The table is what was seen, not what was announced: `testdata/make/try_readers.py` opened and
//! scanned datasets with one feature each under every release named here and many between, and
//! `testdata/readers.json` is what came of it. `tests/readers.rs` holds the one against the other.

use std::fmt;
use std::str::FromStr;

use super::encoding::{Encoding, Kind, Node};
use super::flags::{BASE_PATHS, flags};
use super::logical_type::LogicalType;
use super::schema::BlobDeclaration;
use super::snapshot::{Naming, Snapshot};
use super::version::FileVersion;

/// A release of Lance, or of its Python package of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Release(pub u32, pub u32, pub u32);

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(major, minor, patch) = self;
        write!(f, "{major}.{minor}.{patch}")
    }
}

impl FromStr for Release {
    type Err = String;

    /// Reads `0.32.1`, `0.32`, and either behind a name: `pylance==0.32.1`, `lance 0.32.1`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.trim_start_matches(|c: char| !c.is_ascii_digit());
        let mut parts = number.split('.').map(|part| {
            // A pre-release counts as its release.
            let digits = part.find(|c: char| !c.is_ascii_digit());
            part.get(..digits.unwrap_or(part.len()))
                .unwrap_or_default()
                .parse::<u32>()
                .ok()
        });
        let mut next = || parts.next().map_or(Some(0), |part| part);
        match (next(), next(), next()) {
            (Some(major), Some(minor), Some(patch)) if !number.is_empty() => {
                Ok(Self(major, minor, patch))
            }
            _ => Err(format!(
                "{text:?} is no release of Lance; write it as 0.32.1 or pylance==0.32.1"
            )),
        }
    }
}

/// Something in a dataset that limits who can read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// Its name, as the evidence has it.
    pub id: &'static str,
    /// What it is, as a noun phrase.
    pub what: &'static str,
    /// The first release that opens a dataset with it.
    pub opens: Release,
    /// The first release that reads all of it.
    pub reads: Release,
    /// The last that does; `None` where Lance 14.0.2 still does.
    pub until: Option<Release>,
    /// What releases before that say.
    pub says: &'static str,
}

/// The oldest release that was tried.
pub const OLDEST: Release = Release(0, 9, 19);
/// The newest release that was tried.
pub const NEWEST: Release = Release(14, 0, 2);

const fn feature(
    id: &'static str,
    what: &'static str,
    opens: Release,
    reads: Release,
    says: &'static str,
) -> Feature {
    Feature {
        id,
        what,
        opens,
        reads,
        until: None,
        says,
    }
}

/// Every feature that some release that was tried cannot read.
pub static FEATURES: &[Feature] = &[
    feature(
        "file-2.0",
        "data files of 2.0",
        OLDEST,
        Release(0, 16, 0),
        "fails: Invalid user input: … (file version 2.0)",
    ),
    feature(
        "file-2.1",
        "data files of 2.1",
        OLDEST,
        Release(0, 33, 0),
        "panics: unexpected type URL, or fails: Unknown Lance storage version: 2.1",
    ),
    feature(
        "file-2.2",
        "data files of 2.2",
        OLDEST,
        Release(3, 0, 1),
        "fails: Unknown Lance storage version: 2.2",
    ),
    feature(
        "file-2.3",
        "data files of 2.3, which is not finished",
        OLDEST,
        Release(14, 0, 0),
        "fails: Unknown Lance storage version: 2.3",
    ),
    feature(
        "blob-2.1",
        "blobs in files of 2.1",
        OLDEST,
        Release(0, 38, 0),
        "fails, or panics",
    ),
    feature(
        "blob-v2",
        "blobs of the second generation",
        OLDEST,
        Release(2, 0, 1),
        "fails, or panics",
    ),
    feature(
        "map",
        "a map column",
        OLDEST,
        Release(2, 0, 1),
        "panics: Unsupported logical type: map",
    ),
    feature(
        "vector-of-structs",
        "a fixed-size list of structs",
        OLDEST,
        Release(2, 0, 1),
        "panics: Unsupported logical type: fixed_size_list:struct:…",
    ),
    feature(
        "manifest-names-v2",
        "manifests named by the new scheme",
        Release(0, 17, 0),
        Release(0, 17, 0),
        "fails: Dataset … was not found",
    ),
    feature(
        "base-paths",
        "base paths",
        OLDEST,
        Release(0, 38, 3),
        "fails: Not found: …/data/….lance, as it looks beside the manifest",
    ),
];

/// The first release that knows all feature flags up to a bit (lance-table `feature_flags.rs` of
/// each): those before it say that the dataset cannot be read by this version of Lance.
const FLAGS: &[(u32, Release)] = &[
    (2, OLDEST),
    (3, Release(0, 19, 2)),
    (4, Release(0, 38, 3)),
    (5, Release(1, 0, 0)),
    (6, Release(10, 0, 0)),
    (8, Release(12, 0, 0)),
    (13, Release(13, 0, 0)),
    (17, Release(14, 0, 2)),
];

/// Who can read a dataset, and what keeps the others from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readers {
    /// The oldest release that opens it.
    pub opens: Release,
    /// The oldest release that reads all of it.
    pub reads: Release,
    /// The last release that does; `None` when Lance 14.0.2 still does.
    pub until: Option<Release>,
    /// What limits it, the most limiting first.
    pub reasons: Vec<Reason>,
}

/// One thing that limits who can read a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What it is, as a noun phrase.
    pub what: String,
    /// The first release that opens a dataset with it.
    pub opens: Release,
    /// The first release that reads all of it.
    pub reads: Release,
    /// The last that does.
    pub until: Option<Release>,
    /// What other releases do.
    pub says: String,
}

impl Readers {
    /// Whether a release reads all of it.
    pub fn has(&self, release: Release) -> bool {
        release >= self.reads && self.until.is_none_or(|until| release <= until)
    }
}

/// Who can read a snapshot whose data files are of some versions and hold some encodings.
pub fn readers<'a>(
    snapshot: &Snapshot,
    versions: &[FileVersion],
    encodings: impl Iterator<Item = &'a Encoding>,
) -> Readers {
    let ids = features(snapshot, versions, encodings);
    let mut reasons: Vec<Reason> = FEATURES
        .iter()
        .filter(|feature| ids.contains(&feature.id))
        .map(|feature| Reason {
            what: feature.what.to_string(),
            opens: feature.opens,
            reads: feature.reads,
            until: feature.until,
            says: feature.says.to_string(),
        })
        .collect();
    let word = snapshot.message().reader_feature_flags;
    if let Some(flag) = flags(word).last()
        && let Some((_, since)) = FLAGS.iter().find(|(bit, _)| flag.bit <= *bit)
    {
        reasons.push(Reason {
            what: format!("the feature flag “{}”", flag.label()),
            opens: *since,
            reads: *since,
            until: None,
            says: format!(
                "fails: This dataset cannot be read by this version of Lance … Flags: {word}"
            ),
        });
    }
    reasons.retain(|reason| reason.reads > OLDEST || reason.until.is_some());
    reasons.sort_by(|a, b| b.reads.cmp(&a.reads).then(b.opens.cmp(&a.opens)));
    let most = |of: fn(&Reason) -> Release| reasons.iter().map(of).max().unwrap_or(OLDEST);
    Readers {
        opens: most(|reason| reason.opens),
        reads: most(|reason| reason.reads),
        until: reasons.iter().filter_map(|reason| reason.until).min(),
        reasons,
    }
}

/// The features of a snapshot, by name.
fn features<'a>(
    snapshot: &Snapshot,
    versions: &[FileVersion],
    encodings: impl Iterator<Item = &'a Encoding>,
) -> Vec<&'static str> {
    let mut found = Vec::new();
    for version in versions {
        found.push(match version {
            FileVersion::V0_1 => "file-0.1",
            FileVersion::V2_0 => "file-2.0",
            FileVersion::V2_1 => "file-2.1",
            FileVersion::V2_2 => "file-2.2",
            FileVersion::V2_3 => "file-2.3",
        });
    }
    if snapshot.entry.naming == Naming::V2 {
        found.push("manifest-names-v2");
    }
    let message = snapshot.message();
    if !message.base_paths.is_empty() || message.reader_feature_flags & BASE_PATHS != 0 {
        found.push("base-paths");
    }
    for field in &snapshot.schema.fields {
        match field.blob() {
            Some(BlobDeclaration::V2) => found.push("blob-v2"),
            Some(BlobDeclaration::V1) if versions.contains(&FileVersion::V2_1) => {
                found.push("blob-2.1");
            }
            _ => {}
        }
        match field.logical_type {
            LogicalType::Map => found.push("map"),
            LogicalType::FixedSizeListStruct => found.push("vector-of-structs"),
            _ => {}
        }
    }
    for encoding in encodings {
        codecs(&encoding.root, &mut found);
    }
    found
}

/// Codecs that came after the file version that they stand in.
fn codecs(node: &Node, found: &mut Vec<&'static str>) {
    match node.kind {
        Kind::ByteStreamSplit { .. } => found.push("byte-stream-split"),
        Kind::VariablePackedStruct { .. } => found.push("variable-packed-struct"),
        _ => {}
    }
    for child in &node.children {
        codecs(&child.node, found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_spelt_in_many_ways() {
        let release = |text: &str| text.parse::<Release>().ok();
        assert_eq!(release("0.32.1"), Some(Release(0, 32, 1)));
        assert_eq!(release("pylance==0.32.1"), Some(Release(0, 32, 1)));
        assert_eq!(release("lance 4.0.0-beta.1"), Some(Release(4, 0, 0)));
        assert_eq!(release("0.33"), Some(Release(0, 33, 0)));
        assert_eq!(release("newest"), None);
        assert!(Release(0, 9, 19) < Release(0, 16, 0));
    }
}
