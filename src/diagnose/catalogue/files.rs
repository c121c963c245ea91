//! Messages about data files: whether they are there, whole, and what the manifest says of them.

use super::advice::{BASE_PATH, DAMAGED_FILE, DAMAGED_PAGE, MANIFEST, NO_DATASET, SCHEMA, STORAGE};
use super::{Entry, cause, of_others};

const UNREADABLE: &[&str] = &[
    "file-size-mismatch",
    "data-file-unreadable",
    "file-metadata-corrupt",
    "manifest-unreadable",
    "deletion-file-missing",
    "global-buffer-misplaced",
];

pub static ENTRIES: &[Entry] = &[
    cause(
        r"column metadata (?:offset table|range|region|of column)|outside metadata region|column_metadata_offsets|[Gg]lobal buffer \d+ (?:range|position)|global buffer offset table|metadata_start=",
        &[
            "file-metadata-corrupt",
            "data-file-unreadable",
            "global-buffer-misplaced",
            "file-size-mismatch",
            "index-files-missing",
        ],
        "the tables at the end of a file, which say where the metadata of its columns is, lead outside of it: the \
         footer or a table is damaged",
        &DAMAGED_FILE,
    ),
    cause(
        r"invalid magic|does not have sufficient data|not a Lance file|\.lance has size 0",
        UNREADABLE,
        "a file does not end as a Lance file does: it is empty, cut off or overwritten, or the manifest states \
         another size for it than it has. The magic that is printed is the one that was expected",
        &DAMAGED_FILE,
    ),
    cause(
        r"Invalid range \d+\.\.\d+ for object of size|Range started at \d+ and ended at|failed to fill whole buffer",
        &[
            "page-buffers-mismatch",
            "file-size-mismatch",
            "encoding-malformed",
            "file-metadata-corrupt",
            "data-file-unreadable",
            "encoding-type-mismatch",
            "index-files-missing",
        ],
        "bytes were asked for beyond the end of a file: it is shorter than the manifest or its own metadata \
         says, or a page's encoding leads past its buffers",
        &DAMAGED_FILE,
    ),
    cause(
        r"(?:Not found|NotFound|[Oo]bject at location|No such file)[^\n]*/data/[^\n]*",
        &[
            "data-file-missing",
            "blob-behind-base-path",
            "base-path-invalid",
            "reader-too-old",
        ],
        "a data file that the manifest names is not there: it was removed, never copied, or is behind a base \
         path that leads elsewhere",
        &DAMAGED_FILE,
    ),
    cause(
        r"has \d+ field ids but \d+ column indices|contained fewer column_indices than fields",
        &[
            "column-index-invalid",
            "field-not-listed",
            "file-version-mismatch",
        ],
        "the manifest lists other fields for a data file than it lists columns",
        &MANIFEST,
    ),
    cause(
        r"projection specified the column index \d+ more than once",
        &[
            "column-index-invalid",
            "schema-invalid",
            "column-mapping-mismatch",
            "field-in-two-files",
        ],
        "the manifest gives one column of a file to two fields",
        &MANIFEST,
    ),
    cause(
        r"projection specified the column index \d+ but there are only",
        &[
            "column-index-invalid",
            "blob-version-mismatch",
            "blob-undeclared",
            "blob-descriptors-malformed",
            "packed-struct-mismatch",
            "file-metadata-corrupt",
            "empty-struct-shifts-columns",
            "field-type-changed",
        ],
        "a field is said to be in a column that the file does not have",
        &SCHEMA,
    ),
    cause(
        r"cannot read columns of differing lengths together|its children have differing lengths|columns? .*(?:different|differing) (?:lengths|numbers of rows)",
        &[
            "column-lengths-differ",
            "row-count-mismatch",
            "page-rows-mismatch",
        ],
        "columns of one data file have different numbers of rows",
        &DAMAGED_PAGE,
    ),
    cause(
        r"cannot read .* from (?:columns|file) with \d+ rows|PlainDecoder: request\(.*\) out of range|Column row count overflows|incorrect physical_rows|[Rr]ow index out of range",
        &[
            "row-count-mismatch",
            "page-buffers-mismatch",
            "deletion-file-mismatch",
            "column-lengths-differ",
            "page-rows-mismatch",
            "fragment-list-invalid",
            "index-list-invalid",
            "data-file-missing",
        ],
        "the manifest counts other rows in a fragment than its data file has",
        &MANIFEST,
    ),
    cause(
        r"v1 (?:binary|plain|dictionary|page)|[Pp]age table|versions/v1/[\w/]*\.rs:\d+",
        &[
            "file-metadata-corrupt",
            "page-buffers-mismatch",
            "data-file-unreadable",
            "row-count-mismatch",
            "schema-invalid",
            "field-type-changed",
            "field-not-listed",
            "column-index-invalid",
            "type-unreadable",
            "nulls-in-required-field",
            "file-size-mismatch",
        ],
        "a file of version 0.1 does not hold, at the place that its page table says, what the schema asks for: the \
         page table or the file is damaged, or the field is of another type",
        &DAMAGED_FILE,
    ),
    cause(
        r"buffer offsets but \d+ buffer sizes",
        &["page-buffers-mismatch", "file-metadata-corrupt"],
        "the metadata of a page lists positions and sizes of buffers, and not as many of the one as of the \
         other",
        &DAMAGED_PAGE,
    ),
    cause(
        r"is not aligned to \d+ bytes|PAGE_BUFFER_ALIGNMENT",
        &[
            "page-buffers-mismatch",
            "global-buffer-misplaced",
            "reader-too-old",
        ],
        "a buffer starts where no writer of this file version puts one",
        &DAMAGED_PAGE,
    ),
    cause(
        r"did not contain any global buffers, schema expected|[Gg]lobal buffer \d",
        &[
            "global-buffer-misplaced",
            "file-metadata-corrupt",
            "data-file-unreadable",
        ],
        "the part of a data file that holds its own schema is missing or elsewhere",
        &DAMAGED_FILE,
    ),
    cause(
        r"lance-file/src/(?:v2/)?reader[\w/]*\.rs:\d+: (?:called .Option::unwrap|called .Result::unwrap|index out of|range|assertion|slice)",
        &[
            "file-metadata-corrupt",
            "data-file-unreadable",
            "global-buffer-misplaced",
            "file-size-mismatch",
            "encoding-unreadable",
            "reader-too-old",
        ],
        "the metadata of a data file is not what the reader needs: a part is missing or damaged",
        &DAMAGED_FILE,
    ),
    cause(
        r"base_path id|base path .*(?:not|invalid)|duplicate base path",
        &[
            "base-path-invalid",
            "data-file-missing",
            "feature-flags-inconsistent",
        ],
        "the manifest's list of base paths and the files behind them do not fit",
        &BASE_PATH,
    ),
    of_others(cause(
        r"(?i)AccessDenied|Access Denied|permission denied|Unauthorized|403 Forbidden|InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|credentials",
        &[],
        "the storage refused access: nothing is said about the data",
        &STORAGE,
    )),
    cause(
        r"(?:Not found|NotFound|[Oo]bject at location|No such file)[^\n]*\.lance\b",
        &["data-file-missing", "manifest-unreadable"],
        "a file or folder of a dataset is not there",
        &NO_DATASET,
    ),
];
