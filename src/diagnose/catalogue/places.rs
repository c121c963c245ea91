//! Parts of Lance, for messages that no other entry knows but that name a place in Lance's source.
//!
//! The place is that of a panic, or stands in the message: `…, rust/lance-table/src/io/manifest.rs:67:20`,
//! `/root/.cargo/registry/src/…/lance-encoding-0.32.1/src/decoder.rs:123:45`,
//! `Location { file: "rust/lance-core/src/datatypes/field.rs", line: 807 }`. A message may name
//! several, the later ones being those that passed the error on: the deeper parts come first here.

use super::advice::{
    ANY_PAGE, DAMAGED_FILE, DAMAGED_PAGE, DELETIONS, INDEX, MANIFEST, NO_DATASET, ROW_IDS, SCHEMA,
    STORAGE_OR_FILE,
};
use super::broad::PAGES;
use super::{Entry, cause, place};

/// The source files of a crate, or of a part of it, in the ways in which they are printed.
macro_rules! source {
    ($crates:literal, $files:literal) => {
        concat!(
            r"(?:^|[^\w-])(?:",
            $crates,
            r")(?:-\d[\w.+-]*)?[/\\]src[/\\](?:",
            $files,
            r")[\w/\\]*\.rs\b"
        )
    };
}

const DATA_FILE: &[&str] = &[
    "data-file-unreadable",
    "file-metadata-corrupt",
    "file-size-mismatch",
    "encoding-unreadable",
    "global-buffer-misplaced",
    "column-index-invalid",
    "page-buffers-mismatch",
    "column-lengths-differ",
    "row-count-mismatch",
    "file-version-mismatch",
    "schema-invalid",
];
const INDICES: &[&str] = &[
    "index-list-invalid",
    "index-files-missing",
    "index-unsupported",
    "fragment-list-invalid",
    "manifest-section-corrupt",
];
const MANIFESTS: &[&str] = &[
    "manifest-unreadable",
    "manifest-section-corrupt",
    "manifest-misnamed",
    "fragment-list-invalid",
    "schema-invalid",
    "feature-flags-inconsistent",
    "feature-flag",
    "index-list-invalid",
];
const FRAGMENTS: &[&str] = &[
    "row-count-mismatch",
    "fragment-list-invalid",
    "deletion-file-mismatch",
    "deletion-file-missing",
    "column-index-invalid",
    "field-not-listed",
    "data-file-missing",
    "data-file-unreadable",
    "file-version-mismatch",
    "file-size-mismatch",
    "field-in-two-files",
    "schema-invalid",
    "row-ids-invalid",
    "column-lengths-differ",
    "index-list-invalid",
];
const FIELDS: &[&str] = &[
    "schema-invalid",
    "field-type-changed",
    "fields-swapped",
    "type-unreadable",
    "field-in-two-files",
    "field-not-listed",
    "blob-on-wrong-type",
    "blob-stored-plain",
    "packed-struct-mismatch",
];

pub static ENTRIES: &[Entry] = &[
    place(cause(
        source!("fsst|lance-fsst|bitpacking|lance-bitpacking", ""),
        PAGES,
        "one of the codecs of Lance's decoder failed on the bytes of a page",
        &DAMAGED_PAGE,
    )),
    place(cause(
        source!("lance-encoding", ""),
        PAGES,
        "Lance's decoder failed on a page: what the page holds is not what its encoding or the schema says",
        &ANY_PAGE,
    )),
    place(cause(
        source!(
            "lance-table|lance-core|lance",
            r"io[/\\]deletion|utils[/\\]deletion"
        ),
        &["deletion-file-missing", "deletion-file-mismatch"],
        "the part of Lance that reads deletion files failed",
        &DELETIONS,
    )),
    place(cause(
        source!(
            "lance-table|lance",
            r"rowids|dataset[/\\]rowids|format[/\\]row_ids"
        ),
        &[
            "row-ids-invalid",
            "row-count-mismatch",
            "fragment-list-invalid",
            "deletion-file-mismatch",
        ],
        "the part of Lance that keeps row ids failed",
        &ROW_IDS,
    )),
    place(cause(
        source!("lance-index", r"scalar[/\\]inverted"),
        INDICES,
        "the text index failed: its files are damaged, or do not fit the dataset",
        &INDEX,
    )),
    place(cause(
        source!("lance-index|lance", r"vector|index[/\\]vector"),
        INDICES,
        "a vector index failed: its files are damaged, or do not fit the dataset",
        &INDEX,
    )),
    place(cause(
        source!("lance-index|lance", r"scalar|index[/\\]scalar"),
        INDICES,
        "a scalar index failed: its files are damaged, or do not fit the dataset",
        &INDEX,
    )),
    place(cause(
        source!("lance-table", r"format[/\\]index|system_index"),
        INDICES,
        "an entry in the manifest's list of indices cannot be read",
        &INDEX,
    )),
    place(cause(
        source!("lance-file", r"datatypes"),
        FIELDS,
        "a schema that is stored in a manifest or a data file cannot be turned into fields",
        &SCHEMA,
    )),
    place(cause(
        source!("lance-file", ""),
        DATA_FILE,
        "the reader of data files failed on the metadata at the end of a file: a part is missing or damaged, or \
         the manifest says something else of it",
        &DAMAGED_FILE,
    )),
    place(cause(
        source!("lance-table", r"feature_flags"),
        &[
            "feature-flags-inconsistent",
            "feature-flag",
            "reader-too-old",
        ],
        "the feature flags of the manifest were refused",
        &MANIFEST,
    )),
    place(cause(
        source!("lance-table", r"format[/\\]fragment"),
        FRAGMENTS,
        "a fragment's entry in the manifest cannot be worked with",
        &MANIFEST,
    )),
    place(cause(
        source!("lance-table", ""),
        MANIFESTS,
        "the part of Lance that reads and commits manifests failed",
        &MANIFEST,
    )),
    place(cause(
        source!("lance-core|lance-arrow", r"datatypes|schema|lib|struct"),
        FIELDS,
        "the part of Lance that works with schemas failed on a field",
        &SCHEMA,
    )),
    place(cause(
        source!("lance-select", ""),
        &[
            "row-ids-invalid",
            "index-list-invalid",
            "index-files-missing",
            "fragment-list-invalid",
            "deletion-file-mismatch",
        ],
        "a set of rows, from an index or from row ids, cannot be worked with",
        &INDEX,
    )),
    place(cause(
        source!("lance", r"index|dataset[/\\]index"),
        INDICES,
        "the part of Lance that opens and maintains indices failed",
        &INDEX,
    )),
    place(cause(
        source!("lance", r"dataset[/\\]blob|blob"),
        &[
            "blob-stored-plain",
            "blob-descriptors-malformed",
            "blob-version-mismatch",
            "blob-undeclared",
            "blob-behind-base-path",
            "blob-on-wrong-type",
        ],
        "the part of Lance that reads blobs failed",
        &ANY_PAGE,
    )),
    place(cause(
        source!("lance", r"dataset[/\\](?:refs|branch_location)"),
        &["tag-without-version", "manifest-unreadable"],
        "the part of Lance that keeps tags and branches failed",
        &NO_DATASET,
    )),
    place(cause(
        source!("lance", r"dataset[/\\]transaction|io[/\\]commit"),
        MANIFESTS,
        "the part of Lance that commits new versions failed",
        &MANIFEST,
    )),
    place(cause(
        source!("lance-io", ""),
        &[
            "file-size-mismatch",
            "page-buffers-mismatch",
            "data-file-missing",
            "data-file-unreadable",
            "file-metadata-corrupt",
            "manifest-unreadable",
            "index-files-missing",
            "encoding-malformed",
        ],
        "bytes of a file could not be had, or are not what was looked for",
        &STORAGE_OR_FILE,
    )),
    place(cause(
        source!(
            "lance",
            r"dataset[/\\](?:fragment|take|updater|optimize|cleanup|files|statistics|write|schema_evolution|data_file|overlay)"
        ),
        FRAGMENTS,
        "the part of Lance that reads and rewrites fragments failed: what the manifest says of a fragment and what \
         its files hold do not fit",
        &MANIFEST,
    )),
    place(cause(
        source!(
            "lance-datafusion|lance",
            r"planner|projection|expr|logical_expr|sql|exec|dataset[/\\](?:scanner|sql)|io[/\\]exec|datafusion"
        ),
        &[
            "schema-invalid",
            "row-count-mismatch",
            "field-not-listed",
            "fragment-list-invalid",
            "field-type-changed",
            "index-list-invalid",
            "deletion-file-mismatch",
            "row-ids-invalid",
        ],
        "the part of Lance that plans and runs queries failed. Where the query names a column that there is, the \
         schema or a fragment is not what it should be",
        &MANIFEST,
    )),
    place(cause(
        source!("lance", r"dataset|session|table|io"),
        MANIFESTS,
        "the part of Lance that opens datasets failed",
        &MANIFEST,
    )),
    place(cause(
        source!("lance(?:-[a-z]+)*|pylance", ""),
        &[
            "manifest-unreadable",
            "data-file-unreadable",
            "schema-invalid",
            "fragment-list-invalid",
        ],
        "a part of Lance failed",
        &ANY_PAGE,
    )),
];

#[cfg(test)]
mod tests {
    use super::*;
    use regex::Regex;

    fn meaning(text: &str) -> &'static str {
        let mut entries = ENTRIES.iter();
        let is_of =
            |entry: &&Entry| Regex::new(entry.pattern).is_ok_and(|pattern| pattern.is_match(text));
        entries.find(is_of).map_or("", |entry| entry.meaning)
    }

    #[test]
    fn a_place_is_found_in_every_way_in_which_it_is_printed() {
        for text in [
            "lance-table/src/io/manifest.rs:67: broken",
            "lance-table-0.32.1/src/io/manifest.rs:67: broken",
            "broken, rust/lance-table/src/io/manifest.rs:67:20",
            "broken, /home/runner/work/lance/lance/rust/lance-table/src/io/manifest.rs:67:20",
            r#"Io { location: Location { file: "rust\lance-table\src\io\manifest.rs", line: 67 } }"#,
            "/root/.cargo/registry/src/index.crates.io-6f17d22bba15001f/lance-table-0.20.0/src/io/manifest.rs:67:20",
        ] {
            let found = meaning(text);
            assert!(found.contains("manifests"), "{text}: {found}");
        }
    }

    #[test]
    fn the_deeper_part_is_told() {
        let text =
            "broken, rust/lance/src/dataset/fragment.rs:9:1, rust/lance-encoding/src/data.rs:3:4";
        assert!(meaning(text).contains("decoder"));
    }

    #[test]
    fn places_of_others_are_none() {
        for text in [
            "src/dataset/fragment.rs:9: no",
            "freelance/src/dataset.rs:9: no",
            "my-lance-tool-1.0.0/src/io.rs:3: no",
        ] {
            assert_eq!(meaning(text), "", "{text}");
        }
    }
}
