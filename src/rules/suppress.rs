//! Which findings are but consequences of others in the same data file.

use crate::hash::{HashMap, HashSet};

use crate::finding::Finding;

/// How far the consequences of a fault reach.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// All columns of the file.
    File,
    /// The column, what is above it and what is below it.
    Column,
}

/// A rule, the rules whose findings may be its consequences, and where.
type Root = (&'static str, Reach, &'static [&'static str]);

/// What a column's pages are found to be when they are not the column's own.
const ABOUT_PAGES: &[&str] = &[
    "encoding-malformed",
    "encoding-type-mismatch",
    "layers-mismatch",
    "nulls-in-required-field",
    "page-buffers-mismatch",
    "page-rows-mismatch",
];

const ROOTS: &[Root] = &[
    (
        "pre-stable-pages",
        Reach::File,
        &[
            "column-lengths-differ",
            "column-mapping-mismatch",
            "empty-struct-shifts-columns",
            "encoding-unreadable",
            "field-not-listed",
            "packed-struct-mismatch",
            "row-count-mismatch",
        ],
    ),
    (
        "column-mapping-mismatch",
        Reach::File,
        &[
            "blob-stored-plain",
            "blob-undeclared",
            "column-lengths-differ",
            "column-index-invalid",
            "encoding-malformed",
            "encoding-type-mismatch",
            "field-type-changed",
            "layers-mismatch",
            "nulls-in-required-field",
            "packed-struct-mismatch",
            "page-rows-mismatch",
        ],
    ),
    (
        "fields-swapped",
        Reach::File,
        &[
            "blob-stored-plain",
            "blob-undeclared",
            "encoding-type-mismatch",
            "field-type-changed",
            "layers-mismatch",
            "nulls-in-required-field",
        ],
    ),
    ("file-size-mismatch", Reach::File, &["row-count-mismatch"]),
    ("field-in-two-files", Reach::File, &["field-not-listed"]),
    ("column-index-invalid", Reach::File, &["field-not-listed"]),
    ("column-index-invalid", Reach::Column, ABOUT_PAGES),
    ("field-type-changed", Reach::Column, ABOUT_PAGES),
    (
        "field-type-changed",
        Reach::File,
        &["column-lengths-differ", "field-not-listed"],
    ),
    ("type-unreadable", Reach::Column, ABOUT_PAGES),
    ("type-unreadable", Reach::Column, &["field-not-listed"]),
    ("packed-struct-mismatch", Reach::Column, ABOUT_PAGES),
    // What a reader does with sound packed structs is not what it does with these.
    ("packed-struct-mismatch", Reach::Column, &["known-bug"]),
    (
        "packed-struct-mismatch",
        Reach::Column,
        &["field-not-listed"],
    ),
    ("blob-stored-plain", Reach::Column, ABOUT_PAGES),
    ("blob-stored-plain", Reach::File, &["page-buffers-shared"]),
    ("blob-undeclared", Reach::Column, ABOUT_PAGES),
    ("blob-undeclared", Reach::Column, &["known-bug"]),
    ("encoding-malformed", Reach::Column, &["known-bug"]),
    ("fields-swapped", Reach::Column, &["known-bug"]),
    ("encoding-type-mismatch", Reach::Column, &["known-bug"]),
    ("page-buffers-mismatch", Reach::Column, &["known-bug"]),
    (
        "blob-undeclared",
        Reach::Column,
        &["packed-struct-mismatch"],
    ),
    ("blob-on-wrong-type", Reach::Column, ABOUT_PAGES),
    (
        "blob-on-wrong-type",
        Reach::Column,
        &["packed-struct-mismatch", "field-not-listed"],
    ),
    ("blob-descriptors-malformed", Reach::Column, ABOUT_PAGES),
    (
        "blob-descriptors-malformed",
        Reach::File,
        &["page-buffers-shared"],
    ),
    ("blob-version-mismatch", Reach::Column, ABOUT_PAGES),
    ("blob-in-list", Reach::Column, ABOUT_PAGES),
    ("file-metadata-corrupt", Reach::Column, ABOUT_PAGES),
    (
        "file-metadata-corrupt",
        Reach::Column,
        &["column-lengths-differ", "row-count-mismatch"],
    ),
    // In metadata that does not decode, what is unknown is damage.
    (
        "file-metadata-corrupt",
        Reach::File,
        &["unknown-protobuf-field"],
    ),
    ("encoding-unreadable", Reach::Column, ABOUT_PAGES),
    (
        "encoding-unreadable",
        Reach::Column,
        &["blob-stored-plain", "packed-struct-mismatch"],
    ),
    (
        "encoding-malformed",
        Reach::Column,
        &["page-buffers-mismatch", "page-rows-mismatch"],
    ),
    (
        "encoding-malformed",
        Reach::File,
        &["column-lengths-differ"],
    ),
    (
        "encoding-malformed",
        Reach::Column,
        &["requested-encoding-unused"],
    ),
    ("layers-mismatch", Reach::File, &["column-lengths-differ"]),
    (
        "page-rows-mismatch",
        Reach::File,
        &[
            "column-lengths-differ",
            "page-buffers-shared",
            "row-count-mismatch",
        ],
    ),
    (
        "page-buffers-mismatch",
        Reach::File,
        &[
            "column-lengths-differ",
            "page-buffers-shared",
            "row-count-mismatch",
        ],
    ),
    (
        "page-buffers-shared",
        Reach::File,
        &["column-lengths-differ", "row-count-mismatch"],
    ),
    (
        "column-lengths-differ",
        Reach::File,
        &["row-count-mismatch"],
    ),
];

/// What the findings of a rule are about.
#[derive(Default)]
struct TypeErrorKind<'a> {
    /// Whether one of them is about no column, and so about all.
    all: bool,
    /// Their columns.
    columns: HashSet<&'a str>,
    /// Their columns and all that are above these.
    above: HashSet<&'a str>,
}

impl<'a> TypeErrorKind<'a> {
    fn add(&mut self, column: Option<&'a str>) {
        match column {
            None => self.all = true,
            Some(column) => {
                self.columns.insert(column);
                self.above.extend(with_ancestors(column));
            }
        }
    }

    /// Whether one of them is about a column, or one above or below it.
    fn has_kin_of(&self, column: Option<&str>) -> bool {
        self.all
            || match column {
                None => true,
                Some(column) => {
                    let mut above = with_ancestors(column);
                    self.above.contains(column) || above.any(|path| self.columns.contains(path))
                }
            }
    }
}

/// The path of a column, and those of all columns above it.
fn with_ancestors(column: &str) -> impl Iterator<Item = &str> {
    let ends = column.match_indices('.').map(|(at, _)| at);
    ends.chain([column.len()])
        .filter_map(|end| column.get(..end))
}

/// Takes away, from the findings of one data file or of one fragment, those that follow from
/// others.
pub fn fold(findings: Vec<Finding>) -> Vec<Finding> {
    if findings.len() < 2 {
        return findings;
    }
    let mut by_rule: HashMap<&str, TypeErrorKind<'_>> = HashMap::default();
    for finding in &findings {
        let about = by_rule.entry(finding.rule.id).or_default();
        about.add(finding.column.as_deref());
    }
    let roots: Vec<(&TypeErrorKind<'_>, Reach, &[&str])> = ROOTS
        .iter()
        .filter_map(|(rule, reach, consequences)| Some((by_rule.get(rule)?, *reach, *consequences)))
        .collect();
    let follows = |finding: &Finding| {
        roots.iter().any(|(about, reach, consequences)| {
            consequences.contains(&finding.rule.id)
                && (*reach == Reach::File || about.has_kin_of(finding.column.as_deref()))
        })
    };
    let kept: Vec<bool> = findings.iter().map(|finding| !follows(finding)).collect();
    let pairs = findings.into_iter().zip(kept);
    pairs
        .filter(|(_, kept)| *kept)
        .map(|(finding, _)| finding)
        .collect()
}
