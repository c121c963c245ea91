//! Bytes to wire structures: footers, column metadata, encodings, manifests.
//!
//! This layer reads what files say and never judges it. A part that cannot be
//! read becomes a [`Fault`] value beside the parts that can.

pub mod column_metadata;
pub mod data_file;
pub mod deletion;
pub mod encoding;
pub mod index;
pub mod legacy;
pub mod limits;
pub mod manifest;
pub mod row_ids;
pub mod sniff;
pub mod window;
pub mod wire;

use std::ops::Range;

/// The messages of `proto/`, as prost makes them.
#[allow(missing_docs, clippy::all)]
pub mod proto {
    include!(concat!(env!("OUT_DIR"), "/messages.rs"));
}

/// The names of system columns, which no field may have at the top level (lance-core `lib.rs`).
pub const SYSTEM_COLUMNS: [&str; 5] = [
    "_rowid",
    "_rowaddr",
    "_rowoffset",
    "_row_last_updated_at_version",
    "_row_created_at_version",
];

/// The four bytes that end every Lance file.
pub const MAGIC: &[u8; 4] = b"LANC";

/// Which part of a file a [`Fault`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// The fixed-size end of the file.
    Footer,
    /// The table of global buffer positions.
    GlobalBufferTable,
    /// Global buffer 0, the file's own schema.
    FileSchema,
    /// The table of column metadata positions.
    ColumnMetadataTable,
    /// The metadata message of one column.
    ColumnMetadata,
    /// The page table of a 0.1 file.
    PageTable,
    /// The least and greatest values in a 0.1 file.
    Statistics,
    /// The manifest message of a dataset version.
    Manifest,
}

impl Part {
    /// How a sentence names it.
    pub fn name(self) -> &'static str {
        match self {
            Part::Footer => "footer",
            Part::GlobalBufferTable => "global buffer table",
            Part::FileSchema => "file schema",
            Part::ColumnMetadataTable => "column metadata table",
            Part::ColumnMetadata => "column metadata",
            Part::PageTable => "page table",
            Part::Statistics => "statistics",
            Part::Manifest => "manifest",
        }
    }
}

/// One part of a file that could not be read; the rest was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The part.
    pub part: Part,
    /// The column it concerns, for column metadata.
    pub column: Option<u32>,
    /// The bytes it should be in, from the start of the file.
    pub range: Option<Range<u64>>,
    /// What is wrong, as a clause without a subject.
    pub detail: String,
}
