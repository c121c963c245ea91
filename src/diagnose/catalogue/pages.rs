//! Messages about the encodings of pages and their buffers.

use super::advice::{ANY_PAGE, DAMAGED_PAGE, SCHEMA};
use super::faults::FILES_OF_2_2;
use super::{Entry, cause, of_others, or_fault};

const MALFORMED: &[&str] = &[
    "encoding-malformed",
    "encoding-type-mismatch",
    "encoding-unreadable",
    "page-buffers-mismatch",
    "blob-undeclared",
];
const LAYERS: &[&str] = &[
    "layers-mismatch",
    "blob-in-list",
    "encoding-malformed",
    "page-rows-mismatch",
    "field-type-changed",
    "blob-descriptors-malformed",
    "encoding-type-mismatch",
];
const BUFFERS: &[&str] = &[
    "page-buffers-mismatch",
    "encoding-malformed",
    "page-rows-mismatch",
    "encoding-type-mismatch",
    "layers-mismatch",
    "blob-descriptors-malformed",
];

/// What the decoders of fields trip over.
const LOGICAL: &[&str] = &[
    "encoding-malformed",
    "page-buffers-mismatch",
    "layers-mismatch",
    "encoding-type-mismatch",
    "page-rows-mismatch",
    "column-lengths-differ",
    "blob-descriptors-malformed",
    "column-index-invalid",
];

pub static ENTRIES: &[Entry] = &[
    or_fault(
        cause(
            r"attempt to borrow_to_typed_slice|logical/primitive\.rs:\d+: index out of bounds",
            LOGICAL,
            "the levels or buffers of a page are fewer, or of another width, than the reader takes them for",
            &DAMAGED_PAGE,
        ),
        &FILES_OF_2_2,
    ),
    cause(
        r"(?:not (?:yet )?implemented|unsupported|Unsupported|unimplemented).*(?:decompressor|CompressiveEncoding)|compression\.rs:\d+: not (?:yet )?implemented|variable packed struct decoding is not yet implemented",
        MALFORMED,
        "a page's encoding uses a codec where this release has no decoder for it",
        &DAMAGED_PAGE,
    ),
    cause(
        r"lance-file/src/[\w/]*reader\.rs:\d+: not (?:yet )?implemented|Expected option to have value",
        &[
            "encoding-unreadable",
            "blob-descriptors-malformed",
            "encoding-malformed",
            "file-metadata-corrupt",
        ],
        "a part of a page's or column's encoding is missing, or is stored where no reader looks",
        &DAMAGED_PAGE,
    ),
    cause(
        r"FSL dimension must be positive|miniblock levels decoded|Legacy binary mini-block|Range and delta compression are not|Inconsistent RLE buffers|RLE (?:decompressor expects|compression missing)|Binary mini-block Variable encoding cannot|variable-width block: expected",
        &[
            "encoding-malformed",
            "encoding-type-mismatch",
            "page-buffers-mismatch",
            "encoding-unreadable",
            "layers-mismatch",
        ],
        "a page's codec is given buffers, widths or counts that it cannot work with",
        &DAMAGED_PAGE,
    ),
    cause(
        r"is missing its (?:encoding|page layout|nested|layout)|[Mm]issing (?:its )?(?:.* )?encoding (?:description|location)|Invalid direct .* encoding envelope|Indirect file encodings|missing its (?:compression variant|nested encoding|value_compression|compression)|Full-zip layout must have a .details. field|page is missing|has no encoding",
        &[
            "encoding-unreadable",
            "encoding-malformed",
            "blob-descriptors-malformed",
        ],
        "a page does not say how it is encoded, or a part of that is missing",
        &DAMAGED_PAGE,
    ),
    cause(
        r"Expected a (?:legacy|structural) encoding",
        &[
            "encoding-unreadable",
            "column-lengths-differ",
            "file-version-mismatch",
            "page-rows-mismatch",
            "reader-too-old",
        ],
        "a file holds a column without pages, or pages in the manner of two file versions",
        &DAMAGED_PAGE,
    ),
    cause(
        r"UnknownEnumValue\(|unknown enum|Unspecified repdef layer|invalid enum",
        &[
            "encoding-malformed",
            "layers-mismatch",
            "encoding-unreadable",
            "reader-too-old",
        ],
        "a page's encoding has a number in it that stands for nothing: it is damaged, or newer than the reader",
        &DAMAGED_PAGE,
    ),
    cause(
        r"Expected repetition level but data didn't contain repetition|repdef\.rs:\d+: |Structural sibling fields have incompatible|codec and payload presence disagree|fewer layers than the Arrow schema|unconsumed layer|(?:repetition|definition) levels?",
        LAYERS,
        "the layers of lists and nulls that a page has are not those of its field's type",
        &SCHEMA,
    ),
    cause(
        r"Unknown compression scheme|is not usable as a general buffer compressor|[Uu]nsupported compression",
        &[
            "encoding-malformed",
            "encoding-unreadable",
            "metadata-value-invalid",
            "reader-too-old",
        ],
        "a page's encoding names a compression that there is not",
        &DAMAGED_PAGE,
    ),
    of_others(cause(
        r"memory allocation of \d+ bytes failed|capacity overflow|AllocError|out of memory",
        &[
            "encoding-malformed",
            "page-buffers-mismatch",
            "encoding-type-mismatch",
            "page-rows-mismatch",
        ],
        "the reader asked for more memory than there is: where the data is small, a length in a damaged page was taken at its word",
        &ANY_PAGE,
    )),
    of_others(cause(
        r"LZ4 decompression error|(?i)lz4.*(?:error|fail|invalid)|zstd.*(?:error|fail|unknown|corrupt)|Unknown frame descriptor|[Dd]ecompress(?:ion)? (?:error|failed)",
        &[
            "encoding-malformed",
            "page-buffers-mismatch",
            "encoding-type-mismatch",
        ],
        "compressed bytes of a page cannot be decompressed: they are damaged, or were never compressed",
        &DAMAGED_PAGE,
    )),
    cause(
        r"Large miniblock chunks are not part|require the u32 chunk grammar|only accepts the all-null form|Compressed constant-page levels|Generic variable offsets require Lance|RLE requires flat values|Variable packed struct compression is not part|is not part of Lance|Lance v?2\.\d .*(?:require|only|not part|does not)",
        &[
            "encoding-malformed",
            "encoding-unreadable",
            "reader-too-old",
            "file-version-mismatch",
        ],
        "a page is encoded in a way that its file version does not have",
        &DAMAGED_PAGE,
    ),
    cause(
        r"is not supported for (?:mini-block|fixed per-value|variable per-value|block) decompression|only supported in block positions|Unsupported mini-block dictionary encoding|compression only supports|not a valid (?:mini-?block|block|per-value)|[Uu]nsupported (?:array|value|block|per-value|mini-?block|compressive) (?:encoding|compression)|unsupported .*decompress",
        MALFORMED,
        "a page's encoding uses a codec where no reader takes it",
        &DAMAGED_PAGE,
    ),
    cause(
        r"requires a positive bit width|Inline bitpacking|inline_bitpacking|ByteStreamSplit|byte_stream_split|GeneralMiniBlock missing|OutOfLineBitpacking|FSST (?:requires a )?symbol table|symbol table|bitpack\w*\.rs:\d+: |rle\.rs:\d+: |fsst\w*\.rs:\d+: |[Bb]itpack",
        &[
            "encoding-malformed",
            "encoding-type-mismatch",
            "page-buffers-mismatch",
            "encoding-unreadable",
            "field-type-changed",
            "requested-encoding-unused",
        ],
        "the numbers in a page's encoding (bits, widths, counts) are not what its codec can work with, or not \
         what its bytes are",
        &DAMAGED_PAGE,
    ),
    cause(
        r"Invalid constant layout|all_null\.rs:\d+: |constant[ -](?:page|layout|scalar)|inline[ _]value",
        &[
            "encoding-malformed",
            "page-buffers-mismatch",
            "encoding-type-mismatch",
            "blob-descriptors-malformed",
            "layers-mismatch",
        ],
        "a page of one value does not hold that value as it must",
        &DAMAGED_PAGE,
    ),
    cause(
        r"Flat/FSL mini-block has \d+ buffers|Flat buffer has \d+ bytes, expected|bits_per_value \(\d+\)|align is not a power-of-two|align_offset|miniblock\w*\.rs:\d+: |chunk_index\.rs:\d+: |mini-?block .*(?:buffer|chunk|item)|miniblock_metadata|corrupt file miniblock|buffer\.rs:\d+: ",
        BUFFERS,
        "the chunks of a page do not have the buffers, bytes or numbers of values that its encoding says",
        &DAMAGED_PAGE,
    ),
    cause(
        r"fullzip\w*\.rs:\d+: |[Ff]ull-?zip|full_zip|bytepack\.rs:\d+: |Struct child array length \d+ does not match sibling|item length .* exceeds",
        BUFFERS,
        "the rows of a page that is stored value by value are not as wide, or not as many, as its encoding says",
        &DAMAGED_PAGE,
    ),
    cause(
        r"Planar page is missing|dense layers are|dense page has|sparse page has|Planar scalar|sparse validity|[Pp]lanar",
        MALFORMED,
        "a page of file version 2.3 is not put together as that version has it",
        &DAMAGED_PAGE,
    ),
    cause(
        r"corrupt binary page: normalized offset|remainder with a divisor of zero|End is less than start in window|null_adjustment|null_offset_adjustment",
        &[
            "page-buffers-mismatch",
            "encoding-malformed",
            "page-rows-mismatch",
            "encoding-type-mismatch",
        ],
        "the offsets of a page of strings or lists do not fit its encoding: values were cut or overwritten, or \
         a number in the encoding is wrong",
        &DAMAGED_PAGE,
    ),
    cause(
        r"encodings/physical[\w/]*\.rs:\d+: called .Option::unwrap|array_encoding/physical[\w/]*\.rs:\d+: called .Option::unwrap|lance-encoding/src/decoder\.rs:\d+: called .Option::unwrap",
        &[
            "encoding-unreadable",
            "encoding-malformed",
            "blob-descriptors-malformed",
            "page-buffers-mismatch",
            "reader-too-old",
        ],
        "a part of a page's or column's encoding is missing, and the reader took it for granted",
        &DAMAGED_PAGE,
    ),
    cause(
        r"encodings/physical[\w/]*\.rs:\d+: index out of bounds|array_encoding/physical[\w/]*\.rs:\d+: index out of bounds",
        &[
            "page-buffers-mismatch",
            "encoding-malformed",
            "blob-descriptors-malformed",
            "packed-struct-mismatch",
            "encoding-type-mismatch",
        ],
        "a page's encoding points to a buffer that the page does not have",
        &DAMAGED_PAGE,
    ),
    cause(
        r"encodings/physical[\w/]*\.rs:\d+: |array_encoding/[\w/]*\.rs:\d+: ",
        MALFORMED,
        "a page of file version 2.0 is encoded in a way that no reader can run",
        &DAMAGED_PAGE,
    ),
    cause(
        r"lance-encoding/src/encodings/logical/[\w/]*\.rs:\d+: ",
        LOGICAL,
        "what a page holds is not what its encoding and its field's type say",
        &DAMAGED_PAGE,
    ),
    cause(
        r"Item range \d+\.\.\d+ is greater than chunk items|I/O request for \d+ bytes exceeds the I/O buffer size",
        &[
            "page-rows-mismatch",
            "layers-mismatch",
            "page-buffers-mismatch",
            "encoding-malformed",
            "packed-struct-mismatch",
        ],
        "a page has fewer values or bytes than the reader was led to look for: a count or an offset in it is wrong, \
         or it is read as another type",
        &DAMAGED_PAGE,
    ),
    of_others(cause(
        r"range end out of bounds: \d+ <= \d+|range start must not be greater than end: |split_(?:to|off) out of bounds|cannot advance past|range (?:start|end) index \d+ out of range|slice index starts at \d+|range end index \d+ out of range",
        &[
            "page-buffers-mismatch",
            "encoding-malformed",
            "encoding-type-mismatch",
            "page-rows-mismatch",
            "file-metadata-corrupt",
            "layers-mismatch",
            "field-type-changed",
            "manifest-unreadable",
            "data-file-unreadable",
        ],
        "a part of a buffer was asked for that is not in it: an offset, a size or a count in a page, or in the \
         metadata of a file, is wrong, or a page is read as another type",
        &ANY_PAGE,
    )),
    of_others(cause(
        r"\bRLE\b|[Rr]un lengths?\b|Dictionary (?:framing|payload|codec|frame|block|offset|final|drain|selection|requires|only supports|indices|item|is )|\b(?:Delta|FSL|FSST|General|Constant|Inline bitpacking|Generic (?:block|General|Inline)|Block encoding|Fixed-size-list|Sparse|Indexed|Chunked|Zipped|Packed struct|PackedStruct|Packed fixed struct) .*(?:requires?|expects?|expected|is missing|are missing|must|only supports?|overflows?|declares|exceeds|produced|decoded|bytes|buffers)",
        &[
            "encoding-malformed",
            "page-buffers-mismatch",
            "encoding-unreadable",
            "encoding-type-mismatch",
            "page-rows-mismatch",
            "layers-mismatch",
            "blob-descriptors-malformed",
        ],
        "the widths, counts or buffers that a page's codec states are not those of its bytes",
        &DAMAGED_PAGE,
    )),
    cause(
        r"(?i)(?:invalid|unexpected|unknown) (?:wire type|tag value|end group tag|varint)|buffer underflow|delimited length exceeded|invalid string value: data is not UTF-8|recursion limit reached|DecodeError",
        &[
            "encoding-unreadable",
            "file-metadata-corrupt",
            "manifest-unreadable",
            "manifest-section-corrupt",
            "encoding-malformed",
            "index-list-invalid",
            "index-files-missing",
            "row-ids-invalid",
        ],
        "a part of the metadata of a manifest, a file or a page is not in the form that it must have: it is damaged, \
         or what says where it is leads elsewhere",
        &DAMAGED_PAGE,
    ),
];
