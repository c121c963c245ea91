//! Which Lance releases can open a dataset, and which can read all of it.
//!
//! The table is what was seen, not what was announced: `testdata/make/try_readers.py` opened and
//! scanned datasets with one feature each under every release named here and many between, and
//! `testdata/readers.json` is the record of it, and `tests/integration/readers.rs` compares the two.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::encoding::{Encoding, Kind, Layer, Node, Nulls};
use super::flags::flags;
use super::logical_type::LogicalType;
use super::schema::{BlobDeclaration, Field};
use super::snapshot::{Naming, Snapshot};
use super::version::FileVersion;

/// A release of Lance, or of its Python package of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// What releases before that do.
    pub says: &'static str,
}

/// The oldest release that was tried.
pub const OLDEST: Release = Release(0, 9, 19);
macro_rules! newest {
    ($major:literal, $minor:literal, $patch:literal) => {
        /// The newest release that was tried.
        pub const NEWEST: Release = Release($major, $minor, $patch);
        /// The same as text.
        pub const NEWEST_TEXT: &str = concat!($major, ".", $minor, ".", $patch);
    };
}

newest!(14, 0, 2);

/// Something that all releases open, and those from one on read.
const fn read_since(
    id: &'static str,
    what: &'static str,
    reads: Release,
    says: &'static str,
) -> Feature {
    Feature {
        id,
        what,
        opens: OLDEST,
        reads,
        says,
    }
}

/// The same with a first release that opens it.
const fn opened_since(opens: Release, feature: Feature) -> Feature {
    Feature { opens, ..feature }
}

const PANICS: &str = "panics, or fails";
const VERSION: &str = "panics, or fails: Unknown Lance storage version, or: Attempt to use the lance v0.2 \
                       reader to read a file with version …";
const LOGICAL_TYPE: &str = "panics: Unsupported logical type: …";
const FLAGS_SAY: &str = "fails: This dataset cannot be read by this version of Lance";

/// Every feature that some release that was tried cannot read.
pub static FEATURES: &[Feature] = &[
    read_since("file-2.0", "data files of 2.0", Release(0, 11, 1), VERSION),
    read_since(
        "values-2.0",
        "strings, structs or dictionaries in files of 2.0",
        Release(0, 16, 0),
        PANICS,
    ),
    read_since(
        "vector-nulls-2.0",
        "fixed-size lists with nulls in files of 2.0",
        Release(0, 18, 2),
        PANICS,
    ),
    read_since(
        "blob-2.0",
        "blobs in files of 2.0",
        Release(0, 19, 1),
        PANICS,
    ),
    read_since(
        "packed-2.0",
        "packed structs in files of 2.0",
        Release(0, 19, 1),
        PANICS,
    ),
    read_since(
        "bool-vector-2.0",
        "fixed-size lists of booleans in files of 2.0",
        Release(0, 22, 0),
        "returns other values silently",
    ),
    read_since(
        "empty-struct-2.0",
        "structs without children in files of 2.0",
        Release(0, 24, 0),
        PANICS,
    ),
    read_since(
        "compressed-2.0",
        "compressed values in files of 2.0",
        Release(0, 32, 0),
        PANICS,
    ),
    opened_since(
        Release(0, 22, 0),
        read_since(
            "vector-of-vectors",
            "fixed-size lists of fixed-size lists",
            Release(0, 22, 0),
            LOGICAL_TYPE,
        ),
    ),
    read_since("file-2.1", "data files of 2.1", Release(0, 33, 0), VERSION),
    read_since(
        "levels-2.1",
        "compressed levels in files of 2.1",
        Release(0, 37, 0),
        PANICS,
    ),
    read_since(
        "empty-struct-2.1",
        "structs without children in files of 2.1",
        Release(0, 37, 0),
        PANICS,
    ),
    read_since(
        "dictionary-2.1",
        "dictionaries in files of 2.1",
        Release(0, 38, 0),
        PANICS,
    ),
    read_since(
        "vector-nulls-2.1",
        "fixed-size lists with null items in files of 2.1",
        Release(0, 38, 0),
        PANICS,
    ),
    read_since(
        "blob-2.1",
        "blobs in files of 2.1",
        Release(0, 38, 0),
        PANICS,
    ),
    read_since(
        "packed-2.1",
        "packed structs in files of 2.1",
        Release(0, 38, 3),
        PANICS,
    ),
    read_since("file-2.2", "data files of 2.2", Release(2, 0, 0), VERSION),
    read_since(
        "nested-2.2",
        "structs or lists in files of 2.2",
        Release(3, 0, 0),
        "panics, or returns other values silently",
    ),
    read_since(
        "constant-2.2",
        "pages of one value in files of 2.2",
        Release(3, 0, 0),
        PANICS,
    ),
    read_since(
        "blob-v2",
        "blobs of the second generation",
        Release(3, 0, 0),
        PANICS,
    ),
    read_since(
        "nested-blob",
        "blobs in structs or lists",
        Release(6, 0, 0),
        PANICS,
    ),
    read_since(
        "blob-v2-over-v1",
        "blobs of the second generation over files of the first",
        Release(13, 0, 0),
        PANICS,
    ),
    read_since(
        "file-2.3",
        "data files of 2.3, which is not finished",
        Release(14, 0, 0),
        VERSION,
    ),
    opened_since(
        Release(0, 36, 0),
        read_since(
            "vector-of-structs",
            "fixed-size lists of structs",
            Release(2, 0, 0),
            LOGICAL_TYPE,
        ),
    ),
    opened_since(
        Release(0, 36, 0),
        read_since("map", "maps", Release(3, 0, 0), LOGICAL_TYPE),
    ),
    opened_since(
        Release(0, 36, 0),
        read_since("json", "JSON", Release(8, 0, 0), LOGICAL_TYPE),
    ),
    read_since(
        "manifest-names-v2",
        "several versions whose manifests are named by the new scheme",
        Release(0, 17, 0),
        "opens the first version in place of the latest silently",
    ),
    opened_since(
        Release(0, 19, 2),
        read_since(
            "detached",
            "a version that was committed as detached, even beside the one that is read",
            Release(0, 19, 2),
            "fails",
        ),
    ),
    opened_since(
        Release(0, 34, 0),
        read_since(
            "base-paths",
            "files behind base paths",
            Release(0, 38, 3),
            "fails: Not found: …/data/….lance",
        ),
    ),
];

/// Sound pages of an old layout that only releases near the one that wrote them read.
#[derive(Debug, PartialEq, Eq)]
pub struct OldLayout {
    /// How they came about: the cause of the finding that tells of them.
    pub cause: &'static str,
    /// What they are, as a noun phrase.
    pub what: &'static str,
    /// The oldest and the newest release that were seen to read them; `None` where that depends on
    /// the release that wrote them.
    pub read_by: Option<(Release, Release)>,
    /// What other releases do.
    pub says: &'static str,
    /// The release to read them with.
    pub install: Release,
}

/// Files of 2.0 whose columns have no encoding of their own.
pub static V2_0_OF_0_12: OldLayout = OldLayout {
    cause: "Lance 0.12 wrote 2.0 before it was finished",
    what: "files of 2.0 as Lance 0.12 wrote them",
    read_by: Some((Release(0, 12, 1), Release(0, 12, 1))),
    says: "panics, or fails: Missing ColumnEncoding encoding description",
    install: Release(0, 12, 1),
};
/// Dictionaries of 2.0 whose indices have nulls of their own.
pub static DICTIONARY_NULLS_2_0: OldLayout = OldLayout {
    cause: "Lance 0.16 and 0.17 wrote the nulls of dictionaries in this way",
    what: "dictionaries with nulls in files of 2.0 as Lance 0.16 and 0.17 wrote them",
    read_by: Some((Release(0, 16, 1), Release(0, 17, 0))),
    says: "panics: called `Option::unwrap()` on a `None` value",
    install: Release(0, 16, 1),
};
/// Files of 2.1 in a vocabulary of pages that is gone.
pub static UNFINISHED_2_1: OldLayout = OldLayout {
    cause: "Lance 0.16 to 0.32 wrote 2.1 before it was finished",
    what: "files of 2.1 from before it was finished",
    read_by: None,
    says: UNFINISHED_SAYS,
    install: Release(0, 32, 1),
};
/// Files of 2.2 in which mini-block chunks are counted in 16 bits.
pub static UNFINISHED_2_2: OldLayout = OldLayout {
    cause: "Lance 0.34 to 1.0 wrote 2.2 before it was finished",
    what: "files of 2.2 from before it was finished",
    read_by: Some((Release(0, 35, 0), Release(1, 0, 4))),
    says: UNFINISHED_SAYS,
    install: Release(1, 0, 4),
};
/// Files of 2.3 in the vocabulary of 2.1 and 2.2.
pub static UNFINISHED_2_3: OldLayout = OldLayout {
    cause: "Lance 3 to 13 wrote 2.3 before it was finished",
    what: "files of 2.3 from before it was finished",
    read_by: None,
    says: UNFINISHED_SAYS,
    install: Release(13, 0, 0),
};
const UNFINISHED_SAYS: &str = "panics, or fails, but for the releases near the one that wrote it";

/// Every old layout.
pub static OLD_LAYOUTS: &[&OldLayout] = &[
    &V2_0_OF_0_12,
    &DICTIONARY_NULLS_2_0,
    &UNFINISHED_2_1,
    &UNFINISHED_2_2,
    &UNFINISHED_2_3,
];

/// The first release that opens a dataset with a feature flag among those of readers, by the
/// flag's bit. Flags that are not here no release opens.
const FLAGS: &[(u32, Release)] = &[
    (0, OLDEST),
    (1, Release(0, 12, 0)),
    (2, Release(0, 12, 0)),
    (3, Release(0, 19, 1)),
    (4, Release(0, 34, 0)),
    (5, Release(1, 0, 0)),
    (7, Release(11, 0, 0)),
    (8, Release(12, 0, 0)),
    (10, Release(13, 0, 0)),
    (11, Release(14, 0, 0)),
    (14, Release(14, 0, 0)),
];

/// Who can read a dataset, and what keeps the others from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readers {
    /// The oldest release that opens it; `None` when no release does.
    pub opens: Option<Release>,
    /// The oldest release that reads all of it; `None` when no release does.
    pub reads: Option<Release>,
    /// The newest that reads all of it, where later ones do not.
    pub until: Option<Release>,
    /// What limits it, the most limiting first.
    pub reasons: Vec<Reason>,
}

/// One thing that limits who can read a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// What it is, as a noun phrase.
    pub what: String,
    /// The first release that opens a dataset with it; `None` when none does.
    pub opens: Option<Release>,
    /// The first release that reads all of it; `None` when none does.
    pub reads: Option<Release>,
    /// The last that does, where later ones do not.
    pub until: Option<Release>,
    /// What other releases do.
    pub says: String,
}

impl Readers {
    /// Whether a release reads all of it.
    pub fn has(&self, release: Release) -> bool {
        self.reads.is_some_and(|reads| release >= reads)
            && self.until.is_none_or(|until| release <= until)
    }
}

/// Who can read a snapshot whose data files are of some versions and hold some encodings and some
/// old layouts, and beside which a detached version may stand.
pub fn readers<'a>(
    snapshot: &Snapshot,
    has_detached: bool,
    versions: &[FileVersion],
    encodings: impl Iterator<Item = (FileVersion, &'a Encoding)>,
    old: impl Iterator<Item = &'static OldLayout>,
) -> Readers {
    let ids = features(snapshot, has_detached, versions, encodings);
    let known = FEATURES.iter().filter(|feature| ids.contains(feature.id));
    let mut reasons: Vec<Reason> = known
        .map(|feature| Reason {
            what: feature.what.to_string(),
            opens: Some(feature.opens),
            reads: Some(feature.reads),
            until: None,
            says: feature.says.to_string(),
        })
        .collect();
    reasons.extend(old.map(|layout| Reason {
        what: layout.what.to_string(),
        opens: Some(OLDEST),
        reads: layout.read_by.map(|(first, _)| first),
        until: layout.read_by.map(|(_, last)| last),
        says: layout.says.to_string(),
    }));
    let word = snapshot.message().reader_feature_flags;
    reasons.extend(flags(word).iter().map(|flag| {
        let since = FLAGS.iter().find(|(bit, _)| flag.bit == *bit);
        let since = since.map(|(_, since)| *since);
        Reason {
            what: format!("the feature flag “{}”", flag.label()),
            opens: since,
            reads: since,
            until: None,
            says: format!("{FLAGS_SAY} … Flags: {word}"),
        }
    }));
    reasons
        .retain(|reason| reason.until.is_some() || reason.reads.is_none_or(|reads| reads > OLDEST));
    // None is later than any release.
    let rank = |release: Option<Release>| (release.is_none(), release);
    reasons.sort_by_key(|reason| std::cmp::Reverse((rank(reason.reads), rank(reason.opens))));
    let latest = |of: fn(&Reason) -> Option<Release>| {
        let all: Option<Vec<Release>> = reasons.iter().map(of).collect();
        all.map(|all| all.into_iter().max().unwrap_or(OLDEST))
    };
    let until = reasons.iter().filter_map(|reason| reason.until).min();
    // What one release alone reads and what came later are together read by none.
    let reads =
        latest(|reason| reason.reads).filter(|reads| until.is_none_or(|until| *reads <= until));
    Readers {
        opens: latest(|reason| reason.opens),
        reads,
        until: until.filter(|_| reads.is_some()),
        reasons,
    }
}

/// The features of a snapshot, by name.
fn features<'a>(
    snapshot: &Snapshot,
    has_detached: bool,
    versions: &[FileVersion],
    encodings: impl Iterator<Item = (FileVersion, &'a Encoding)>,
) -> BTreeSet<&'static str> {
    use FileVersion::{V0_1, V2_0, V2_1, V2_2, V2_3};
    let mut found: BTreeSet<&'static str> = BTreeSet::new();
    found.extend(versions.iter().map(|version| match version {
        V0_1 => "file-0.1",
        V2_0 => "file-2.0",
        V2_1 => "file-2.1",
        V2_2 => "file-2.2",
        V2_3 => "file-2.3",
    }));
    if snapshot.entry.naming == Naming::V2 && snapshot.version() > 1 {
        found.insert("manifest-names-v2");
    }
    if !snapshot.message().base_paths.is_empty() {
        found.insert("base-paths");
    }
    if has_detached {
        found.insert("detached");
    }
    for field in &snapshot.schema.fields {
        found.extend(of_field(field, versions));
    }
    for (version, encoding) in encodings {
        codecs(version, &encoding.root, &mut found);
    }
    found
}

/// What a field asks of readers, in files of some versions.
fn of_field(field: &Field, versions: &[FileVersion]) -> Vec<&'static str> {
    use FileVersion::{V2_0, V2_1};
    let has = |version| versions.contains(&version);
    let (in_2_0, in_2_1) = (has(V2_0), has(V2_1));
    let all = match (&field.logical_type, field.blob()) {
        (_, Some(BlobDeclaration::V2)) => [
            (in_2_0 || in_2_1, "blob-v2-over-v1"),
            (true, "blob-v2"),
            (false, ""),
        ],
        (_, Some(BlobDeclaration::V1)) => [
            (in_2_0, "blob-2.0"),
            (in_2_1, "blob-2.1"),
            (field.depth > 0, "nested-blob"),
        ],
        (LogicalType::Map, _) => [(true, "map"), (in_2_0, "values-2.0"), (false, "")],
        (LogicalType::FixedSizeListStruct, _) => {
            [(true, "vector-of-structs"), (false, ""), (false, "")]
        }
        (LogicalType::FixedSizeList { item, .. }, _) => {
            let nested = matches!(**item, LogicalType::FixedSizeList { .. });
            let of_bools = **item == LogicalType::Fixed { bits: 1 };
            [
                (nested, "vector-of-vectors"),
                (in_2_0 && of_bools, "bool-vector-2.0"),
                (false, ""),
            ]
        }
        (LogicalType::Struct, _) => [
            (in_2_0, "values-2.0"),
            (in_2_0 && field.children.is_empty(), "empty-struct-2.0"),
            (in_2_1 && field.children.is_empty(), "empty-struct-2.1"),
        ],
        (LogicalType::Variable { .. } | LogicalType::Dictionary { .. }, _) => {
            [(in_2_0, "values-2.0"), (false, ""), (false, "")]
        }
        _ => [(false, ""); 3],
    };
    let nested = field.logical_type.is_nested() && field.blob().is_none();
    let json = matches!(
        field.extension.as_deref(),
        Some("lance.json" | "arrow.json")
    ) || field.type_text == "json";
    all.into_iter()
        .chain([
            (json, "json"),
            (nested && has(FileVersion::V2_2), "nested-2.2"),
        ])
        .filter_map(|(holds, id)| holds.then_some(id))
        .collect()
}

/// What a node of an encoding, or one below it, asks of readers.
fn codecs(version: FileVersion, node: &Node, found: &mut BTreeSet<&'static str>) {
    use FileVersion::{V2_0, V2_1, V2_2};
    let nulls = |node: &Node| matches!(node.kind, Kind::Nullable(Nulls::Some));
    let vector = |node: &Node| matches!(node.kind, Kind::FixedSizeList { .. });
    let children = || node.children.iter().map(|child| &child.node);
    let compressed = |role: &str| {
        let codec = node.child(role);
        codec.is_some_and(|codec| !matches!(codec.kind, Kind::Flat { .. }))
    };
    let levels = || compressed("rep_compression") || compressed("def_compression");
    let feature = match (&node.kind, version) {
        (Kind::PackedStruct { .. }, V2_0) => Some("packed-2.0"),
        (
            Kind::Flat {
                compression: Some(_),
                ..
            },
            V2_0,
        ) => Some("compressed-2.0"),
        (Kind::FixedSizeList { .. }, V2_0) if children().any(nulls) => Some("vector-nulls-2.0"),
        (Kind::Nullable(Nulls::Some), V2_0) if children().any(vector) => Some("vector-nulls-2.0"),
        (Kind::MiniBlock { .. }, V2_1) if node.child("dictionary").is_some() => {
            Some("dictionary-2.1")
        }
        (Kind::MiniBlock { .. }, V2_1) if levels() => Some("levels-2.1"),
        (Kind::FullZip { .. }, V2_1) if children().any(has_validity) => Some("vector-nulls-2.1"),
        (Kind::PackedStruct { .. }, V2_1) => Some("packed-2.1"),
        (
            Kind::ConstantLayout {
                layers,
                inline_bytes,
                ..
            },
            V2_2,
        ) if inline_bytes.is_some() || !matches!(layers.as_slice(), [Layer(3)]) => {
            Some("constant-2.2")
        }
        _ => None,
    };
    found.extend(feature);
    // The descriptors of blobs are packed structs of Lance's own.
    if !matches!(node.kind, Kind::BlobLayout { .. }) {
        for child in children() {
            codecs(version, child, found);
        }
    }
}

/// Whether items of a fixed-size list, or of one below it, may be null.
fn has_validity(node: &Node) -> bool {
    matches!(
        node.kind,
        Kind::FixedSizeList {
            has_validity: true,
            ..
        }
    ) || node.children.iter().any(|child| has_validity(&child.node))
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
