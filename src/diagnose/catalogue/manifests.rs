//! Messages about manifests, schemas, feature flags, row ids, deletions and indices.

use super::advice::{
    BASE_PATH, DAMAGED_FILE, DELETIONS, INDEX, MANIFEST, METADATA, NO_DATASET, NOTHING, ROW_IDS,
    SCHEMA, TRANSACTION,
};
use super::{Entry, cause, harmless, of_others};

const DELETED: &[&str] = &["deletion-file-missing", "deletion-file-mismatch"];
const FLAGS: &[&str] = &[
    "feature-flags-inconsistent",
    "schema-invalid",
    "row-ids-invalid",
];

/// An index, or a list of row ids, that points to rows that there are not.
const POINTING: &[&str] = &[
    "index-list-invalid",
    "index-unsupported",
    "index-files-missing",
    "fragment-list-invalid",
    "row-ids-invalid",
    "row-count-mismatch",
    "known-bug",
];
/// A field that a query names, and that is not there or of another type.
const QUERIES: &[&str] = &[
    "schema-invalid",
    "field-not-listed",
    "field-type-changed",
    "fields-swapped",
    "fragment-list-invalid",
    "index-list-invalid",
    "index-files-missing",
    "field-in-two-files",
    "manifest-unreadable",
];

pub static ENTRIES: &[Entry] = &[
    cause(
        r"take operation specified fragment id \d+ but this fragment does not exist|Invalid read params Indices\(|Missing fragment id during take",
        POINTING,
        "an index points to rows of a fragment that this version of the dataset does not have, or has with fewer \
         rows: the fragments were dropped or replaced, and the index stayed. The data itself is not hurt",
        &INDEX,
    ),
    cause(
        r"from_sorted_iter called with non-sorted input|address-domain index result was not found|Overlap in indexed fragments|indexed fragments? .*overlap",
        POINTING,
        "the rows or fragments that an index covers, or the row ids that the manifest lists, overlap, are out of \
         order or are not there",
        &INDEX,
    ),
    cause(
        r"LabelList index .* is old",
        &["index-unsupported", "known-bug", "index-list-invalid"],
        "the label list index was built by a release that did not keep which lists are null: reads work, but a \
         filter with NOT on that column can return wrong rows",
        &INDEX,
    ),
    harmless(cause(
        r"VectorIndexDetails[^\n]*ignoring it",
        &[],
        "this line is about how a vector index is listed: the index is there, and searches use it",
        &NOTHING,
    )),
    cause(
        r"(?:Not found|NotFound|not found|No such file|[Oo]bject at location)[^\n]*(?:_transactions/|\.txn)|(?:_transactions/|\.txn)[^\n]*(?:not found|NotFound|No such file)",
        &["manifest-unreadable", "manifest-section-corrupt"],
        "the file that describes a commit is not there: it was not copied, or was removed. Reads do not need it; \
         a writer that opened an older version needs it to commit",
        &TRANSACTION,
    ),
    cause(
        r"Version not found error: |version \w+:\d+ does not exist",
        &["tag-without-version", "manifest-unreadable"],
        "the version that was asked for, by its number or by a tag, is not there: it was cleaned up, or never \
         copied",
        &NO_DATASET,
    ),
    cause(
        r"(?i)non-reusable field-ID high-water mark",
        FLAGS,
        "the highest field id that the manifest says was given out does not fit its fields or its flags",
        &MANIFEST,
    ),
    cause(
        r"RowDatasetVersionSequence|row ID sequence|row ID metadata|Got too (?:many|few) (?:version runs|segments)",
        &["row-ids-invalid"],
        "the row ids or row versions of a fragment are damaged, or not as many as it has rows",
        &ROW_IDS,
    ),
    cause(
        r"lance-table/src/io/deletion\.rs:\d+",
        DELETED,
        "a deletion file cannot be read: it is damaged, cut off or something else",
        &DELETIONS,
    ),
    cause(
        r"more rows than the requested chunk sizes|rows remaining in a requested chunk|surviving row count overflowed|Missing too many rows in merge|Invalid read (?:params|of range) .*addressa?i?ble rows|Row index \d+ is beyond the range|Fragments are missing row count stats",
        &[
            "deletion-file-mismatch",
            "deletion-file-missing",
            "row-count-mismatch",
            "row-counts-absent",
            "row-ids-invalid",
            "fragment-list-invalid",
        ],
        "a fragment has other rows than the manifest counts: it counts other deleted rows than the deletion \
         file lists, or other rows than the data file has",
        &DELETIONS,
    ),
    cause(
        r"would produce two fragments with id|Merge operation changed row count|integers are ordered up to|did not arrive in sorted order|Fragment ids are not sorted",
        &[
            "fragment-list-invalid",
            "row-count-mismatch",
            "row-ids-invalid",
        ],
        "the manifest lists two fragments of one id, or fragments out of order",
        &MANIFEST,
    ),
    cause(
        r"Found V\d manifest in a V\d manifest directory",
        &["manifest-misnamed"],
        "the folder of manifests has names of two schemes",
        &MANIFEST,
    ),
    cause(
        r"Append with different schema",
        &[
            "blob-version-mismatch",
            "blob-stored-plain",
            "type-unreadable",
            "schema-invalid",
            "field-type-changed",
            "blob-undeclared",
        ],
        "what is appended has another schema than the dataset: the text behind it says which field. A field that \
         was read and written back may have another type than the one that is stored",
        &SCHEMA,
    ),
    cause(
        r"Could not find field ancestry for id|already exists with different fields|No scalar index plugin found|not a recognized scalar index type|multiple tasks modified the same index|indices should always have a fragment bitmap|An index existed with no fields|only for v2 IVFIndex|must be retrained|unsupported index version|Index with id [0-9a-f-]+ does not exist",
        &[
            "index-list-invalid",
            "index-unsupported",
            "index-files-missing",
        ],
        "the manifest's entry of an index is not one that this release can work with",
        &INDEX,
    ),
    cause(
        r"[Cc]ommit conflict|Failed to commit the transaction after|preempted by concurrent transaction",
        &[
            "manifest-misnamed",
            "manifest-unreadable",
            "fragment-list-invalid",
        ],
        "another writer committed first; where no one else writes, the latest manifest is not what its name says",
        &MANIFEST,
    ),
    cause(
        r"(?:Did|Does) not find any data files? for schema|Field -?\d+ is missing in fragment|projection supplied fewer column indices|does not exist in the RecordBatch|Merge operation remaps",
        &[
            "field-not-listed",
            "column-index-invalid",
            "fragment-list-invalid",
            "schema-invalid",
            "blob-in-list",
            "field-in-two-files",
        ],
        "no data file of a fragment is said to hold a field that the schema has",
        &SCHEMA,
    ),
    cause(
        r"TakeExec requires the input plan|Column \w+\.[\w.]+ does not exist|Ambiguous reference to unqualified field|LanceError\(Schema\): Field [\w.]* not found|Invalid or unsupported format string: '\+w:-",
        &["schema-invalid", "field-in-two-files"],
        "two fields of the schema have one name or id, a name is empty or has a dot in it, or a type cannot be",
        &MANIFEST,
    ),
    cause(
        r"rowaddr.* belongs to non-existent fragment",
        &[
            "row-ids-invalid",
            "index-list-invalid",
            "known-bug",
            "fragment-list-invalid",
        ],
        "a row is said to be in a fragment that there is not: by an index, or by a list of row ids",
        &INDEX,
    ),
    cause(
        r"file size is (?:too small|smaller than 16 bytes)|magic number does not match|manifest length does not match|Invalid format: magic|Invalid manifest",
        &[
            "manifest-unreadable",
            "manifest-section-corrupt",
            "data-file-unreadable",
        ],
        "a manifest is empty, cut off, overwritten or something else",
        &MANIFEST,
    ),
    cause(
        r"failed to decode Protobuf message|(?:dataset|manifest|transaction)\.rs:\d+: .*(?:range end index|DecodeError)",
        &[
            "manifest-unreadable",
            "manifest-section-corrupt",
            "file-metadata-corrupt",
            "encoding-unreadable",
            "global-buffer-misplaced",
            "encoding-malformed",
        ],
        "a part of a manifest or of a file's metadata is not what its place says: it is damaged, or a \
         position leads elsewhere",
        &MANIFEST,
    ),
    cause(
        r"Found multiple manifest naming schemes",
        &["manifest-misnamed"],
        "the folder of manifests has names of two schemes, and the reader cannot tell which is the latest",
        &MANIFEST,
    ),
    cause(
        r"references parent id -?\d+, which must appear earlier|parent field|parent id .* not found",
        &["schema-invalid"],
        "a field of the schema names a parent that is not before it in the list",
        &MANIFEST,
    ),
    cause(
        r"lead to duplicate field names|(?i:duplicate field (?:name|id))|contains dots|cannot contain .\.",
        &["schema-invalid", "field-in-two-files"],
        "two fields of the schema have one name or one id, or a name has a dot in it",
        &MANIFEST,
    ),
    cause(
        r"(?i)only one of the .* feature bits set|FRI requires both|non-reusable-field-ID high-water mark|feature flag.* disagree",
        FLAGS,
        "two marks in the manifest that belong together do not agree",
        &MANIFEST,
    ),
    cause(
        r"All fragments must have row ids",
        &[
            "row-ids-invalid",
            "feature-flags-inconsistent",
            "fragment-list-invalid",
        ],
        "the dataset keeps stable row ids, and a fragment has none",
        &ROW_IDS,
    ),
    cause(
        r"has \d+ row ids, but \d+ physical rows|row id \d+ is already in use|is live in (?:both fragment|multiple fragments)|row id index corrupt|Row id .* (?:duplicate|overlap)|row_?id sequence|rowids?/[^ ]*\.rs:\d+: |row ids? .*(?:corrupt|invalid)",
        &[
            "row-ids-invalid",
            "row-count-mismatch",
            "deletion-file-mismatch",
            "fragment-list-invalid",
        ],
        "the stable row ids of a fragment are too many, too few, or given to another row as well",
        &ROW_IDS,
    ),
    cause(
        r"marks row lineage field|more than one data file carrying row lineage|DataOverlayFile is missing|overlay (?:coverage|per-field)",
        &[
            "overlay-invalid",
            "row-ids-invalid",
            "schema-invalid",
            "fragment-list-invalid",
        ],
        "what the manifest says of row versions or overlay files does not fit the fragment",
        &MANIFEST,
    ),
    cause(
        r"base_path id \d+ not found for deletion_file",
        DELETED,
        "a deletion file is said to be behind a base path that the manifest does not have",
        &BASE_PATH,
    ),
    cause(
        r"base_path id \d+ not found",
        &[
            "data-file-missing",
            "base-path-invalid",
            "index-files-missing",
        ],
        "a file is said to be behind a base path that the manifest does not have",
        &BASE_PATH,
    ),
    cause(
        r"(?:Not found|NotFound|not found|No such file)[^\n]*_deletions/|_deletions/[^\n]*(?:not found|NotFound|No such file)",
        DELETED,
        "the manifest names a deletion file that is not there",
        &DELETIONS,
    ),
    cause(
        r"(?:Not found|NotFound|not found|No such file)[^\n]*_indices/|_indices/[^\n]*(?:not found|NotFound|No such file)",
        &["index-files-missing", "index-list-invalid"],
        "the manifest names an index whose files are not there",
        &INDEX,
    ),
    cause(
        r"(?:Not found|NotFound|not found|No such file)[^\n]*(?:_versions/|\.manifest)|(?:_versions/|\.manifest)[^\n]*(?:not found|NotFound|No such file)",
        &[
            "manifest-unreadable",
            "tag-without-version",
            "manifest-misnamed",
        ],
        "the manifest of the version that was asked for is not there",
        &NO_DATASET,
    ),
    cause(
        r"Unknown deletion file type|Deletion file type|in deletion file|[Dd]eletion vector|deletion\.rs:\d+: |_deletions/[^\n]*(?:corrupt|invalid|Invalid|error)|corrupt file [^ ]*_deletions/|Encountered corrupt file [^ ]*_deletions/",
        DELETED,
        "a deletion file cannot be read, or lists rows that there are not",
        &DELETIONS,
    ),
    cause(
        r"(?:deletion|deleted)[^\n]*(?:exceed|out of (?:range|bounds)|does not match|differs?)|[Dd]eleted row|num_deleted_rows",
        &[
            "deletion-file-mismatch",
            "deletion-file-missing",
            "row-count-mismatch",
        ],
        "the manifest counts other deleted rows than the deletion file lists, or more than the fragment has",
        &DELETIONS,
    ),
    of_others(cause(
        r"unknown cookie value|RoaringBitmap",
        &[
            "deletion-file-missing",
            "index-list-invalid",
            "deletion-file-mismatch",
        ],
        "a set of row numbers or fragments, in a deletion file or in the entry of an index, is damaged",
        &DELETIONS,
    )),
    cause(
        r"uuid field does not exist|Protobuf UUID is malformed|[Ii]nvalid UUID",
        &["index-list-invalid", "manifest-section-corrupt"],
        "the manifest's entry of an index has no proper id",
        &INDEX,
    ),
    cause(
        r"Fragment bitmap is required|Index referenced a field with id|declares covering fields|Overlapping fragments detected|Duplicate index id|index .*(?:does not exist|not found in (?:the )?schema)",
        &[
            "index-list-invalid",
            "index-files-missing",
            "index-unsupported",
        ],
        "the manifest's entry of an index does not fit the dataset",
        &INDEX,
    ),
    cause(
        r"has version \d+, which is not supported .*, ignoring it|has unrecognized type|[Ii]ndex.* (?:version|type) .*(?:not supported|unknown|unrecognized)",
        &["index-unsupported", "index-list-invalid", "reader-too-old"],
        "an index is of a kind that this release does not know; the reader does without it",
        &INDEX,
    ),
    cause(
        r"Fragment id \d+ (?:is )?duplicate|[Dd]uplicate fragment|fragment ids? .*(?:unsorted|duplicate|sorted)|take\.rs:\d+: index",
        &["fragment-list-invalid", "row-ids-invalid"],
        "the manifest lists a fragment twice or out of order",
        &MANIFEST,
    ),
    cause(
        r"does not contain any data|[Ff]ragment .*(?:has no|without|does not have any) (?:data )?files",
        &[
            "fragment-list-invalid",
            "field-not-listed",
            "column-index-invalid",
        ],
        "a fragment has no data file that holds what is read",
        &MANIFEST,
    ),
    cause(
        r"did not have any fields in common with the dataset schema|Attempt to read zero columns|no columns? (?:to read|were projected)",
        &[
            "field-not-listed",
            "column-index-invalid",
            "fragment-list-invalid",
            "data-file-missing",
            "field-type-changed",
        ],
        "no field of the schema is in the data file, going by the manifest: files were added under foreign \
         field ids, or the list of fields is damaged",
        &SCHEMA,
    ),
    cause(
        r"Field id \d+ is duplicated in fragment|contained unsorted or duplicate field ids",
        &[
            "field-in-two-files",
            "column-index-invalid",
            "schema-invalid",
            "fragment-list-invalid",
        ],
        "two data files of one fragment hold the same field, or one lists it twice",
        &SCHEMA,
    ),
    cause(
        r"dict-(?:size-ratio|max-size|divisor|values-compression)|Cannot determine structural encoding for field|requests sparse structural|Invalid blob threshold metadata|lance\.blob\.managed must be|Unknown compression scheme: \w+, |Invalid (?:compression|structural encoding|packed|minichunk)",
        &[
            "metadata-value-invalid",
            "encoding-unreadable",
            "encoding-malformed",
        ],
        "a key in the metadata of a field has a value that the writer does not take",
        &METADATA,
    ),
    cause(
        r"Dataset at path [^ ]* was not found|Dataset not found|No manifest found|no version hint",
        &["manifest-unreadable"],
        "there is no dataset at the path, or its manifests are gone",
        &NO_DATASET,
    ),
    cause(
        r"Version \d+ (?:no longer exists|not found)|does not exist in the dataset|Ref(?:erence)? .* not found|[Tt]ag .* (?:does not exist|not found)",
        &["tag-without-version", "manifest-unreadable"],
        "the version, tag or branch that was asked for is not there",
        &NO_DATASET,
    ),
    of_others(cause(
        r"No field named |Field '[^']*' not found\. |Error resolving filter expression|Received literal .* could not convert|Cannot (?:infer common argument type|coerce|compare)|Invalid comparison operation|(?:must either specify|specify) a row count or at least one column|at least one column must be|Schema error: |Error during planning: |There isn't a common type|no column named",
        QUERIES,
        "a query names a column that the schema does not have or has with another type. Where the query is right, \
         the schema in the manifest is not: a field is missing, renamed, or of another type",
        &SCHEMA,
    )),
    of_others(cause(
        r"EOF while parsing|(?:expected value|expected ident|missing field .\w+.|trailing characters|key must be a string|control character.*) at line \d+ column \d+",
        &[
            "tag-without-version",
            "manifest-unreadable",
            "schema-invalid",
            "index-list-invalid",
        ],
        "a text in the form of JSON (a tag, a branch, or what an index says of itself) is empty, cut off or \
         something else",
        &DAMAGED_FILE,
    )),
];
