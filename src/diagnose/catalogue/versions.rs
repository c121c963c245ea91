//! Messages of a reader that is older, or newer, than what it reads.

use super::advice::{DAMAGED_FILE, MANIFEST, PRE_STABLE, STORAGE_VERSION, UPGRADE};
use super::{Entry, cause};

const OLD: &[&str] = &["reader-too-old"];

pub static ENTRIES: &[Entry] = &[
    cause(
        r"invalid wire type: .*PageLayout|DecodeError .*\(.?MiniBlockLayout",
        &["pre-stable-pages", "encoding-unreadable", "reader-too-old"],
        "the fields of a page's encoding are not those that this reader knows under its name: it was written \
         when the file version was not finished, by a later or earlier release than reads",
        &PRE_STABLE,
    ),
    cause(
        r"mixture of file versions",
        &["file-versions-mixed", "file-version-mismatch"],
        "the data files of the dataset are of several file versions, which this release does not write to",
        &MANIFEST,
    ),
    cause(
        r#"expected type URL: "/lance\.encodings21\.PageLayout" \(got: "/lance\.encodings\.PageLayout"|expected type URL: "/lance\.encodings23\.PlanarLayout" \(got: "/lance\.encodings21"#,
        &["pre-stable-pages", "encoding-unreadable"],
        "the pages were written before their file version was finished, under another name than today's \
         readers expect",
        &PRE_STABLE,
    ),
    cause(
        r#"expected type URL: "/lance\.encodings\.PageLayout" \(got: "/lance\.encodings2\d|UnexpectedTypeUrl \{ actual: "/lance\.encodings23\.PlanarLayout", expected: "/lance\.encodings21"#,
        OLD,
        "the reader knows the pages' file version only as it was before it was finished: such releases (up to 0.32.1 \
         for 2.1) open the dataset and count its rows, and panic at the first page that they read",
        &UPGRADE,
    ),
    cause(
        r#"expected type URL: "/lance\.encodings\.ArrayEncoding" \(got: |expected type URL: "/lance\.encodings2?\d?\.\w+" \(got: "/lance\.encodings\.ArrayEncoding"#,
        &[
            "reader-too-old",
            "file-version-mismatch",
            "encoding-unreadable",
        ],
        "a page is encoded in the manner of another file version than the file says it has",
        &DAMAGED_FILE,
    ),
    cause(
        r#"expected type URL: "/lance[\w.]+" \(got: "|unexpected type URL"#,
        &[
            "encoding-unreadable",
            "reader-too-old",
            "pre-stable-pages",
            "file-metadata-corrupt",
        ],
        "a page's encoding is of another kind than this reader knows for the file's version",
        &UPGRADE,
    ),
    cause(
        r"Unknown Lance storage version: 2\.\d|Invalid user input: .*storage version.*2\.\d",
        &["reader-too-old", "file-version-mismatch"],
        "the data files or the manifest are of a file version that this release of Lance does not know: it is \
         older than the data",
        &UPGRADE,
    ),
    cause(
        r"Unknown Lance storage version",
        &[
            "file-version-mismatch",
            "manifest-unreadable",
            "schema-invalid",
        ],
        "the manifest or a data file names a file version that is none",
        &MANIFEST,
    ),
    cause(
        r"cannot be (?:read|written|opened) by this version of Lance",
        &["feature-flag", "reader-too-old"],
        "the manifest sets a feature flag that this release of Lance does not know: it refuses the dataset \
         rather than misread it",
        &UPGRADE,
    ),
    cause(
        r"(?i)Attempt to use the lance v\d[\d.]* reader to read (?:a )?(?:file with version|legacy|v1)|current-format reader to read|legacy function called on v2 file|Cannot open file [^ ]* with the v1 reader because|Attempt to use the Lance v?2?\.?\d? ?reader",
        &[
            "file-version-mismatch",
            "reader-too-old",
            "blob-in-legacy-file",
            "file-versions-mixed",
        ],
        "the file is of another version than the reader was told or knows: the manifest and the file's footer \
         differ, or the reader is older than the file",
        &UPGRADE,
    ),
    cause(
        r"mixed data-file-version capability is not enabled|V1 and V2 storage versions cannot be mixed|mixes V1 and V2|All data files must have the same version",
        &[
            "file-versions-mixed",
            "file-version-mismatch",
            "feature-flags-inconsistent",
        ],
        "the data files of the dataset are of several file versions, and its manifest does not allow that",
        &MANIFEST,
    ),
    cause(
        r"Unsupported logical type: (?:json|map|fixed_size_list:struct)",
        OLD,
        "the schema has a type that this release of Lance does not know: maps, JSON and lists of structs of a \
         fixed size came late",
        &UPGRADE,
    ),
    cause(
        r"Unsupported logical type: |Unsupported dictionary type|logical type .* is not supported",
        &["schema-invalid", "reader-too-old", "type-unreadable"],
        "the schema has a type that this release of Lance does not know, or that is misspelt: maps, lists of \
         structs of a fixed size and JSON came late",
        &UPGRADE,
    ),
    cause(
        r"(?:Map data type|FixedSizeList<Struct>|Variable packed struct encoding|Nested blob|Blob v2) (?:is|are) not enabled|Map data type is not (?:enabled|supported)|Blob v2 requires file version|Legacy blob columns .* (?:is|are) not supported for file version|Blob encoding is not available for field",
        &[
            "blob-version-mismatch",
            "type-unreadable",
            "blob-stored-plain",
            "metadata-value-invalid",
        ],
        "a column is of a kind that the file version that is read or written does not have",
        &STORAGE_VERSION,
    ),
];
