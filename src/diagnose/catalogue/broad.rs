//! Messages that say in which part of Lance something went wrong, and not what.

use super::advice::{ANY_PAGE, DAMAGED_FILE, DAMAGED_PAGE};
use super::{Entry, broad, cause, of_others};

/// What a reader of pages trips over.
pub const PAGES: &[&str] = &[
    "encoding-malformed",
    "page-buffers-mismatch",
    "encoding-unreadable",
    "encoding-type-mismatch",
    "layers-mismatch",
    "page-rows-mismatch",
    "blob-descriptors-malformed",
    "blob-stored-plain",
    "packed-struct-mismatch",
    "field-type-changed",
    "column-index-invalid",
    "column-lengths-differ",
    "row-count-mismatch",
    "empty-struct-shifts-columns",
    "fields-swapped",
    "column-mapping-mismatch",
    "blob-in-list",
    "type-unreadable",
    "blob-undeclared",
    "blob-on-wrong-type",
    "blob-version-mismatch",
    "nulls-in-required-field",
    "page-buffers-shared",
    "schema-invalid",
    "field-not-listed",
    "reader-too-old",
];

pub static ENTRIES: &[Entry] = &[
    broad(cause(
        r"Encountered corrupt file [a-z][a-z _-]*: ",
        PAGES,
        "a page holds other bytes than its encoding says; the word behind `corrupt file` is a codec, not a file",
        &DAMAGED_PAGE,
    )),
    broad(cause(
        r"Encountered corrupt file",
        &[
            "data-file-unreadable",
            "file-metadata-corrupt",
            "manifest-unreadable",
            "file-size-mismatch",
            "deletion-file-missing",
            "row-count-mismatch",
            "column-index-invalid",
            "row-ids-invalid",
        ],
        "a file of the dataset is not what a reader needs it to be",
        &DAMAGED_FILE,
    )),
    broad(cause(
        r"(?:lance-encoding|fsst|bitpacking|lance-arrow)[^ ]*\.rs:\d+: ",
        PAGES,
        "Lance's decoder panicked on a page: what the page holds is not what its encoding or the schema says",
        &ANY_PAGE,
    )),
    broad(of_others(cause(
        r"arrow-(?:data|array|buffer|select|cast)[^ ]*\.rs:\d+: ",
        PAGES,
        "Arrow panicked on what Lance's decoder gave it: a page yields something else than its field's type",
        &ANY_PAGE,
    ))),
];
