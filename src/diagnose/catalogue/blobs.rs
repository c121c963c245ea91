//! Messages about blobs, packed structs, and columns that are mistaken for one another.

use super::advice::{ANY_PAGE, BASE_PATH, BLOB_KEY, DAMAGED_PAGE, SCHEMA};
use super::faults::FILES_OF_2_2;
use super::{Entry, cause, of_others, or_fault};

/// What makes a reader look for a struct where a leaf is, or the other way round.
const STRUCTS: &[&str] = &[
    "blob-stored-plain",
    "packed-struct-mismatch",
    "blob-on-wrong-type",
    "blob-version-mismatch",
    "blob-undeclared",
    "blob-descriptors-malformed",
    "field-type-changed",
    "column-mapping-mismatch",
    "column-index-invalid",
    "empty-struct-shifts-columns",
    "encoding-type-mismatch",
    "fields-swapped",
    "blob-in-legacy-file",
];

pub static ENTRIES: &[Entry] = &[
    cause(
        r"Expected a struct encoding because we have a struct field in the schema but got the encoding Legacy\(ArrayEncoding \{ array_encoding: Some\((?:Binary|Fsst|Dictionary|Nullable|Flat)",
        STRUCTS,
        "the schema declares a column a blob (or a struct), and its pages hold plain values: most often a \
         writer kept `lance-encoding:blob` in the schema and wrote the values as they were, as Daft up to \
         0.5.11 did",
        &BLOB_KEY,
    ),
    cause(
        r"Expected a struct encoding because we have a struct field|compute_projection: expected struct",
        STRUCTS,
        "a struct of the schema is read from a column that holds no struct: the columns are not where the \
         schema says",
        &SCHEMA,
    ),
    cause(
        r"there were more fields in the schema than provided column indices",
        &[
            "blob-stored-plain",
            "blob-on-wrong-type",
            "packed-struct-mismatch",
            "blob-version-mismatch",
            "column-index-invalid",
            "empty-struct-shifts-columns",
            "field-type-changed",
            "blob-undeclared",
            "type-unreadable",
            "column-mapping-mismatch",
        ],
        "the schema needs more columns than the file gives it: a blob or packed key of the schema that the file \
         was not written with changes how many columns a field has",
        &BLOB_KEY,
    ),
    cause(
        r"has column encoding Blob\(.* and no decoder is registered",
        &[
            "blob-undeclared",
            "blob-on-wrong-type",
            "blob-descriptors-malformed",
        ],
        "a column was written as blobs, and its field is of a type that no blob reader takes",
        &BLOB_KEY,
    ),
    cause(
        r"has column encoding .* and no decoder is registered",
        &["encoding-unreadable", "encoding-malformed"],
        "a column has a column encoding that no decoder takes for a field of its type",
        &DAMAGED_PAGE,
    ),
    cause(
        r"was missing a ColumnEncoding",
        &["encoding-unreadable", "blob-descriptors-malformed"],
        "the metadata of a column does not say how it is encoded",
        &DAMAGED_PAGE,
    ),
    cause(
        r"Packed struct (?:row|variable child|fixed child|length prefix)|PackedStruct field widths must",
        &[
            "blob-descriptors-malformed",
            "packed-struct-mismatch",
            "encoding-malformed",
            "encoding-type-mismatch",
            "blob-version-mismatch",
        ],
        "rows of a packed struct, or of the descriptors of blobs, are shorter or longer than the fields of the \
         struct need",
        &DAMAGED_PAGE,
    ),
    cause(
        r"Expecting fixed stride data type, found|Does not support get byte width on type",
        &[
            "packed-struct-mismatch",
            "type-unreadable",
            "schema-invalid",
        ],
        "a packed struct has a child whose values have no fixed width",
        &SCHEMA,
    ),
    cause(
        r"blob page layout is missing its inner layout|Expected struct data block for descriptions|Expected fixed width data block for (?:positions|sizes)",
        &[
            "blob-descriptors-malformed",
            "blob-in-list",
            "blob-stored-plain",
            "blob-undeclared",
        ],
        "a page says that it holds blobs, and there are no blob descriptors in it",
        &DAMAGED_PAGE,
    ),
    cause(
        r"primitive/blob\.rs:\d+: ",
        &[
            "blob-descriptors-malformed",
            "blob-in-list",
            "blob-stored-plain",
        ],
        "a blob page is not put together as a reader of blobs needs it",
        &DAMAGED_PAGE,
    ),
    cause(
        r#"Expected 0 buffers in array of type Struct\(\[Field \{ name: "(?:position|kind)"|invalid variable-width layout for Struct\("(?:position|kind)"|Scalar value buffer does not support nested data type Struct\(\[Field \{ name: "(?:position|kind)"|Value data for Struct\("?(?:position|kind)"?.* child data array|Expected \d+ buffers in array of type Struct\(\[Field \{ name: "(?:position|kind)""#,
        &[
            "blob-stored-plain",
            "blob-descriptors-malformed",
            "blob-version-mismatch",
            "blob-on-wrong-type",
        ],
        "the reader looks for blob descriptors (position and size), and the pages of the column hold something \
         else: plain values, or blobs of another generation",
        &BLOB_KEY,
    ),
    cause(
        r"Expected Struct, got \w+",
        &[
            "blob-undeclared",
            "packed-struct-mismatch",
            "blob-descriptors-malformed",
            "blob-version-mismatch",
            "blob-stored-plain",
            "encoding-type-mismatch",
        ],
        "a page holds a packed struct or blob descriptors, and the schema declares a plain column, or the \
         other way round",
        &BLOB_KEY,
    ),
    cause(
        r"Attempt to (?:project|intersect) (?:incompatible|different) fields: .*(?:large_binary|LargeBinary)\b.*(?:type=struct|Struct\()(?:.*position)",
        &[
            "blob-in-legacy-file",
            "blob-stored-plain",
            "blob-version-mismatch",
            "schema-invalid",
        ],
        "the schema declares a blob column, and one of the files, or the release that reads, takes it for a \
         plain one",
        &BLOB_KEY,
    ),
    cause(
        r"the column '[^']*' is not a blob column",
        &[
            "blob-undeclared",
            "blob-key-false",
            "blob-stored-plain",
            "blob-on-wrong-type",
            "reader-too-old",
        ],
        "blobs were asked for of a column that the schema, as this release reads it, declares none: the blob \
         key is missing, is not `true`, or is of a generation that the release does not know",
        &BLOB_KEY,
    ),
    cause(
        r"(?:Expected|expected) large_binary and received \w+|Blob (?:column|field|encoding).* (?:must be|only supports?|requires) (?:large_?binary|LargeBinary)",
        &["blob-on-wrong-type", "blob-stored-plain"],
        "a column with the blob key is not of type large_binary, and only that is written as blobs",
        &BLOB_KEY,
    ),
    cause(
        r"cast\.rs:\d+: struct array|panicked with message .struct array.",
        &["blob-in-legacy-file", "blob-stored-plain"],
        "the schema declares a blob column, which is read as a struct, and the data files are of version 0.1, \
         which has no blobs",
        &BLOB_KEY,
    ),
    of_others(cause(
        r"PanicException: struct array",
        &["blob-in-legacy-file", "blob-stored-plain"],
        "the schema declares a blob column, which is read as a struct, and the data files are of version 0.1, \
         which has no blobs",
        &BLOB_KEY,
    )),
    cause(
        r"Non-leaf field '[^']*' .*has column_index=\d",
        &[
            "blob-undeclared",
            "packed-struct-mismatch",
            "column-mapping-mismatch",
            "column-index-invalid",
        ],
        "the manifest gives a column to a struct, which has none of its own unless it is packed or a blob: a \
         packed or blob key was taken off the schema after the data was written",
        &SCHEMA,
    ),
    cause(
        r"has column_index=-1, but leaf fields, packed structs, and blob fields",
        &[
            "column-index-invalid",
            "packed-struct-mismatch",
            "blob-stored-plain",
            "column-mapping-mismatch",
        ],
        "the manifest says that a field has no column, and a field of its type must have one: a packed or blob \
         key was added to the schema after the data was written, or the list of columns is damaged",
        &SCHEMA,
    ),
    or_fault(
        cause(
            r"(?:Incorrect array length for StructArray field .* expected 0 got \d+|merge two RecordBatch with different sizes: 0 !=)",
            &[
                "packed-struct-mismatch",
                "blob-undeclared",
                "blob-stored-plain",
                "column-lengths-differ",
            ],
            "a struct was written packed (or as a blob), and the schema does not say so",
            &BLOB_KEY,
        ),
        &FILES_OF_2_2,
    ),
    cause(
        r"expected list encoding for field '[^']*' in column \d+, page \d+ but got|Expected a list column|is missing its offsets encoding",
        &[
            "packed-struct-mismatch",
            "encoding-type-mismatch",
            "encoding-unreadable",
            "encoding-malformed",
            "column-index-invalid",
            "column-mapping-mismatch",
            "field-type-changed",
            "blob-stored-plain",
            "empty-struct-shifts-columns",
        ],
        "a list of the schema is read from a column that holds no list: the columns are not where the schema \
         says, or the page is damaged",
        &SCHEMA,
    ),
    cause(
        r"received a column with \d+ pages and right now we only support struct columns with 1 page",
        &[
            "column-mapping-mismatch",
            "encoding-type-mismatch",
            "column-index-invalid",
            "packed-struct-mismatch",
            "page-rows-mismatch",
        ],
        "the column that should say which structs are null holds something else",
        &SCHEMA,
    ),
    cause(
        r"logical/struct\.rs:\d+: called .Option::unwrap",
        &[
            "packed-struct-mismatch",
            "metadata-value-invalid",
            "blob-key-false",
        ],
        "a struct carries the packed key with a value that one part of Lance takes for yes and another for no",
        &SCHEMA,
    ),
    cause(
        r"No-values plane has materialized leaf values",
        &["empty-struct-shifts-columns", "encoding-type-mismatch"],
        "a struct without fields shifts the columns behind it by one",
        &ANY_PAGE,
    ),
    cause(
        r"Not found: [^ ]*/data/[^ ]*\.blob",
        &[
            "blob-behind-base-path",
            "data-file-missing",
            "blob-descriptors-malformed",
        ],
        "the file beside a data file that holds the bytes of blobs is not there",
        &BASE_PATH,
    ),
    cause(
        r"Blob struct missing .\w+. field",
        &["blob-version-mismatch", "known-bug", "blob-stored-plain"],
        "blobs of the second generation were expected, and those of the first were given, or descriptors in \
         place of values",
        &BLOB_KEY,
    ),
    cause(
        r"Blob column version mismatch",
        &[
            "blob-version-mismatch",
            "blob-stored-plain",
            "blob-undeclared",
        ],
        "blobs of one generation are to be written to a dataset that has, or by its version must have, those \
         of the other",
        &BLOB_KEY,
    ),
];
