//! Every limit on what is read from files, with its reason.

/// Bytes read from the end of a data file at first. Lance's own reader asks for
/// the same on object stores; the metadata of most files fits.
pub const TAIL_GUESS: u64 = 64 * 1024;

/// Most metadata bytes of one data file that are read: column metadata, tables
/// and file schema together. A file of 50,000 columns of 20 pages has about 100 MB.
pub const MAX_METADATA_BYTES: u64 = 512 * 1024 * 1024;

/// Most bytes of one manifest that are read. A hundred thousand fragments take about 20 MB.
pub const MAX_MANIFEST_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Most bytes of the index or transaction section of a manifest file that are read.
pub const MAX_SECTION_BYTES: u64 = 512 * 1024 * 1024;

/// Most bytes of a deletion file or of another small file that are read.
pub const MAX_SIDE_FILE_BYTES: u64 = 256 * 1024 * 1024;

/// Most bytes of an answer to a request that states no range, such as a listing. A folder of
/// 100,000 files has about 60 MB in WebDAV's XML.
pub const MAX_LISTING_BYTES: usize = 256 * 1024 * 1024;

/// Most bytes of an answer by which a server refuses.
pub const MAX_REFUSAL_BYTES: usize = 1024 * 1024;

/// Most versions that a server which lists nothing is asked for, from the one that
/// `latest_version_hint.json` names.
pub const MAX_PROBED_VERSIONS: usize = 1_000;

/// Most folders of one folder of a dataset that are listed. A link may lead back up.
pub const MAX_FOLDERS: usize = 10_000;

/// Most bytes of one file of a tag or branch that are read, and of all of one kind together. They
/// hold a version, a name, two dates and what users note of them.
pub const MAX_REF_BYTES: u64 = 1024 * 1024;
/// See [`MAX_REF_BYTES`].
pub const MAX_REFS_BYTES: u64 = 64 * 1024 * 1024;

/// Most bytes that the row offsets of one Arrow deletion file take once decompressed: 4 million
/// rows. Lance writes a bitmap where there are 5,000 or more (seen with pylance 14.0.2).
pub const MAX_DELETION_ARRAY_BYTES: u64 = 16 * 1024 * 1024;

/// Longest encoding message, in bytes, that is remembered to be parsed once. Longer
/// ones carry a symbol table and are as good as never repeated.
pub const MAX_CACHED_ENCODING_BYTES: usize = 1024;

/// Most distinct encodings that a thread remembers.
pub const MAX_CACHED_ENCODINGS: usize = 32_768;

/// Most judgements of an encoding beside a field that a thread remembers.
pub const MAX_JUDGED_ENCODINGS: usize = 32_768;

/// Deepest nesting that is followed when raw protobuf is walked; prost's own limit is 100.
pub const MAX_WIRE_DEPTH: usize = 100;

/// Deepest schema nesting that is followed. Lance's readers recurse once per level.
pub const MAX_SCHEMA_DEPTH: u32 = 200;

/// Most unknown protobuf fields of one message that are remembered.
pub const MAX_UNKNOWN_FIELDS: usize = 64;

/// Most global buffers of a data file whose positions are read.
pub const MAX_GLOBAL_BUFFERS: u32 = 1 << 20;

/// Most distinct file schemas that are remembered. A dataset has one per change of its schema.
pub const MAX_CACHED_SCHEMAS: usize = 1_000;

/// Longest path of a field, in bytes, that is written out in full below it. Each child repeats
/// its parent's path.
pub const MAX_FIELD_PATH_BYTES: usize = 1024;

/// Most pages of one column that are read.
pub const MAX_PAGES_PER_COLUMN: usize = 4_000_000;

/// Most ways in which one column of one file is stored that are told apart.
pub const MAX_NOTATIONS_PER_COLUMN: usize = 64;

/// Transactions that are looked at for a rename on record.
pub const MAX_TRANSACTIONS: usize = 1024;
