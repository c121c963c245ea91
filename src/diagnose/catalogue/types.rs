//! Messages about types: what the pages yield is not what the schema says.

use super::advice::{DAMAGED_PAGE, SCHEMA, STORAGE_VERSION};
use super::faults::{FILES_OF_2_2, NULL_STRUCT, PACKED_FIELD};
use super::{Entry, cause, of_others, or_fault};

/// What makes values of another type, or of another column, come out.
const TYPES: &[&str] = &[
    "encoding-type-mismatch",
    "field-type-changed",
    "blob-undeclared",
    "blob-on-wrong-type",
    "fields-swapped",
    "column-mapping-mismatch",
    "empty-struct-shifts-columns",
    "encoding-malformed",
    "packed-struct-mismatch",
    "page-rows-mismatch",
    "page-buffers-mismatch",
    "blob-descriptors-malformed",
    "layers-mismatch",
    "column-index-invalid",
    "type-unreadable",
    "blob-version-mismatch",
];

/// What makes offsets lead past the values.
const OFFSETS: &[&str] = &[
    "page-buffers-mismatch",
    "encoding-malformed",
    "encoding-type-mismatch",
    "page-rows-mismatch",
    "field-type-changed",
];

pub static ENTRIES: &[Entry] = &[
    cause(
        r"Couldn't convert to expected layout",
        TYPES,
        "a page holds values in another form than its field's type needs",
        &SCHEMA,
    ),
    or_fault(
        of_others(cause(
            r"Need at least \d+ bytes in buffers\[\d\] in array of type",
            TYPES,
            "a page yields values that are narrower, or fewer, than its field's type needs",
            &SCHEMA,
        )),
        &PACKED_FIELD,
    ),
    or_fault(
        cause(
            r"contained null values even though the field is marked non-null",
            &[
                "nulls-in-required-field",
                "field-not-listed",
                "column-index-invalid",
                "field-type-changed",
                "schema-invalid",
            ],
            "rows that are written have nulls in a field that may not have any",
            &SCHEMA,
        ),
        &NULL_STRUCT,
    ),
    or_fault(
        of_others(cause(
            r"offset of the new Buffer cannot exceed",
            OFFSETS,
            "the offsets of a page of strings, bytes or lists lead past its values",
            &DAMAGED_PAGE,
        )),
        &PACKED_FIELD,
    ),
    cause(
        r"invalid variable-width layout for [^:]+: expected (?:32|64)-bit offsets",
        TYPES,
        "a page of strings or bytes has offsets of 32 bits where the field's type needs 64, or the other way \
         round: string and large_string, binary and large_binary were mixed up",
        &SCHEMA,
    ),
    of_others(cause(
        r"Expected [12] buffers in array of type|invalid variable-width layout for",
        TYPES,
        "a page holds values of a fixed width where the field's type is of strings or bytes, or the other way \
         round",
        &SCHEMA,
    )),
    of_others(cause(
        r"Expected 0 buffers in array of type|Expected \d+ buffers in array of type",
        TYPES,
        "a page holds plain values where the field's type is nested, or is null",
        &SCHEMA,
    )),
    of_others(cause(
        r"Expected FixedSizeList data type and got|Values length \d+ is less than the length \(\d+\) multiplied|FixedSizeList .*(?:length|size|dimension)|Expected FixedSize\w+, got|ArrowArray struct has \d+ children, expected",
        TYPES,
        "a page holds vectors of another length than the field's type says, or none at all",
        &SCHEMA,
    )),
    of_others(cause(
        r"should contain \d+ child data array\(s\), had \d+",
        TYPES,
        "the field's type has children (a dictionary, list or struct), and the page has none",
        &SCHEMA,
    )),
    cause(
        r"dictionary indices use \d+ bits|[Dd]ictionary (?:key|index|indices|values?|items?|encoding|field)|No way to decode into a dictionary field|corrupt file dictionary",
        &[
            "encoding-type-mismatch",
            "field-type-changed",
            "encoding-malformed",
            "page-buffers-mismatch",
            "type-unreadable",
            "reader-too-old",
        ],
        "the dictionary of a page, or the width of its keys, is not what the field's type needs",
        &SCHEMA,
    ),
    of_others(cause(
        r"Value at position \d+ out of bounds",
        &[
            "encoding-malformed",
            "page-buffers-mismatch",
            "encoding-type-mismatch",
            "field-type-changed",
        ],
        "a key of a dictionary points behind its last value: the dictionary is cut, or the keys are of another \
         width",
        &DAMAGED_PAGE,
    )),
    of_others(cause(
        r"Found unmasked nulls for non-nullable|non-nullable (?:child|field|column)|is declared as non-nullable but contains null|contains? null values?",
        &[
            "nulls-in-required-field",
            "field-not-listed",
            "column-index-invalid",
            "field-type-changed",
            "fields-swapped",
            "column-mapping-mismatch",
            "fragment-list-invalid",
        ],
        "the schema says that a field has no nulls, and its pages hold some, or it is in no file and reads as null",
        &SCHEMA,
    )),
    cause(
        r"FixedSizeBinary only supports binary and utf8",
        TYPES,
        "a page holds values of one length where the field's type is no string",
        &SCHEMA,
    ),
    of_others(cause(
        r"[Ii]ncorrect datatype for StructArray field|column types must match schema types",
        TYPES,
        "a page yields another type than the schema says",
        &SCHEMA,
    )),
    or_fault(
        of_others(cause(
            r"Incorrect array length for StructArray field",
            TYPES,
            "the fields of a struct come out with different numbers of values",
            &DAMAGED_PAGE,
        )),
        &FILES_OF_2_2,
    ),
    of_others(cause(
        r"merge two RecordBatch with different sizes|all columns in a record batch must have the same length|[Aa]ll arrays must have the same length|RecordBatch .*same length",
        &[
            "column-lengths-differ",
            "row-count-mismatch",
            "blob-undeclared",
            "packed-struct-mismatch",
            "page-rows-mismatch",
            "row-ids-invalid",
        ],
        "two columns that are read together come out with different numbers of rows",
        &DAMAGED_PAGE,
    )),
    cause(
        r"create_structural_field_scheduler for|lance-(?:encoding|core|arrow)[^ ]*\.rs:\d+: not (?:yet )?implemented",
        &[
            "type-unreadable",
            "schema-invalid",
            "reader-too-old",
            "blob-version-mismatch",
        ],
        "no decoder of the file's version takes the field's type",
        &STORAGE_VERSION,
    ),
    cause(
        r"does not encode struct validity|contains a FixedSizeList with dimension|Map entries should be|keys_sorted",
        &[
            "schema-invalid",
            "type-unreadable",
            "nulls-in-required-field",
        ],
        "the file version that is written cannot hold the values or the type",
        &STORAGE_VERSION,
    ),
    cause(
        r"field\.rs:\d+: index out of bounds|field\.rs:\d+: called|schema\.rs:\d+: ",
        &[
            "schema-invalid",
            "blob-stored-plain",
            "type-unreadable",
            "reader-too-old",
        ],
        "a field of the schema has no child where its type must have one",
        &SCHEMA,
    ),
    cause(
        r"project field by different types|Attempt to (?:project|intersect|merge) (?:incompatible|different) fields|Attempt to merge fields|[Cc]annot (?:merge|project|intersect) fields",
        &[
            "field-type-changed",
            "type-unreadable",
            "schema-invalid",
            "fields-swapped",
            "field-in-two-files",
            "reader-too-old",
        ],
        "a field has one type in one place and another type in another",
        &SCHEMA,
    ),
    of_others(cause(
        r"[Ll]ast offset \d+ of .* is larger than|[Mm]ax offset of \d+ exceeds length|[Oo]ffset .* exceeds (?:length|values)|First offset \d+ .* is larger|the length \+ offset of the sliced|slice index starts|Non-?monotonic offset|offsets? (?:must be|are not) monoton",
        OFFSETS,
        "the offsets of a page of strings, bytes or lists lead past its values",
        &DAMAGED_PAGE,
    )),
    of_others(cause(
        r"Invalid UTF-?8|invalid utf-?8|not valid UTF-?8",
        &[
            "encoding-type-mismatch",
            "field-type-changed",
            "fields-swapped",
            "page-buffers-mismatch",
            "encoding-malformed",
        ],
        "a column of strings holds bytes that are no text: they are of another column, or damaged",
        &SCHEMA,
    )),
];
