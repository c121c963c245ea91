//! Encodings as one kind of tree, whatever vocabulary they were written in.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::format::wire::UnknownField;

/// One node of an encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// What it is, with its own parameters.
    pub kind: Kind,
    /// What it is built of, each with its role.
    pub children: Vec<Child>,
}

/// A node below another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// The name of the wire field that holds it.
    pub role: Cow<'static, str>,
    /// The node.
    pub node: Node,
}

/// Where a 2.0 encoding finds its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BufferRef {
    /// 0 page, 1 column, 2 file; others are unknown.
    pub collection: i32,
    /// Index into that collection.
    pub index: u32,
}

/// A general compression of a buffer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compression {
    /// `zstd`, `lz4` or what the file says instead.
    pub scheme: String,
    /// The level, when recorded.
    pub level: Option<i32>,
}

/// How a field of a variable packed struct is laid out in each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PackedWidth {
    /// So many bits.
    Fixed(u64),
    /// A length of so many bits, then that many bytes.
    Prefixed(u64),
    /// The file does not say.
    Unset,
}

/// How full-zip and zipped pages find their values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Addressing {
    /// Each value has so many bits.
    PerValue(u32),
    /// Values vary; offsets or lengths have so many bits.
    PerOffset(u32),
    /// The file does not say.
    Unset,
}

/// A structural layer of a page, inner to outer, by its wire number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer(pub i32);

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("unspecified"),
            1 => f.write_str("all-valid item"),
            2 => f.write_str("all-valid list"),
            3 => f.write_str("nullable item"),
            4 => f.write_str("nullable list"),
            5 => f.write_str("emptyable list"),
            6 => f.write_str("nullable and emptyable list"),
            other => write!(f, "unknown layer {other}"),
        }
    }
}

/// Every node of every vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    // Values, in all vocabularies.
    /// Values of a fixed width, one after another.
    Flat {
        /// Bits of one value.
        bits: u64,
        /// 2.0: where the bytes are.
        buffer: Option<BufferRef>,
        /// A compression of the bytes.
        compression: Option<Compression>,
    },
    /// Fixed-size lists; the child holds the items.
    FixedSizeList {
        /// Items of one list.
        dimension: u64,
        /// Whether lists may be null.
        has_validity: bool,
    },
    /// FSST-compressed strings; the child is what they decode to.
    Fsst {
        /// Bytes of the symbol table.
        symbol_table_bytes: u64,
    },
    /// Indices into a dictionary.
    Dictionary {
        /// Entries of the dictionary.
        num_items: u64,
    },
    /// Structs stored row by row.
    PackedStruct {
        /// 2.1+: bits of each child.
        widths: Vec<u64>,
        /// 2.0: where the bytes are.
        buffer: Option<BufferRef>,
    },
    /// One value for all rows.
    Constant {
        /// Bytes of the value, when it is in the encoding.
        value_bytes: Option<u64>,
    },
    /// Bit-packed values, the width stored beside each chunk.
    InlineBitpacking {
        /// Bits of one value when unpacked.
        uncompressed_bits: u64,
        /// A compression of the bytes.
        compression: Option<Compression>,
    },
    /// Bit-packed values, one width for the whole buffer.
    OutOfLineBitpacking {
        /// Bits of one value when unpacked.
        uncompressed_bits: u64,
        /// Pre-stable 2.1: bits of one value when packed (later: the child's).
        compressed_bits: Option<u64>,
    },
    /// Values of varying length behind offsets.
    Variable {
        /// Pre-stable 2.1: bits of an offset (later: the child's).
        offset_bits: Option<u32>,
        /// A compression of the bytes.
        compression: Option<Compression>,
    },
    /// Runs of equal values.
    Rle {
        /// Pre-stable 2.1: bits of one value (later: the child's).
        bits: Option<u64>,
    },
    /// Bytes of equal significance side by side.
    ByteStreamSplit {
        /// Pre-stable 2.1: bits of one value (later: the child's).
        bits: Option<u64>,
    },
    /// A general compression over whatever the child is.
    General {
        /// The compression; `None` when the file does not say.
        compression: Option<Compression>,
    },

    // 2.0 only.
    /// Validity around the child.
    Nullable(Nulls),
    /// List offsets; the items are another column.
    List {
        /// Added to the offset of a null list.
        null_offset_adjustment: u64,
        /// Items of the page.
        num_items: u64,
    },
    /// The header column of a struct; it holds no data.
    StructHeader,
    /// Variable-length values behind 64-bit end positions.
    Binary {
        /// Added to the end position of a null value.
        null_adjustment: u64,
    },
    /// Variable-length values that happen to be of one length.
    FixedSizeBinary {
        /// Bytes of each.
        byte_width: u64,
    },
    /// Bit-packed integers.
    Bitpacked {
        /// Bits as stored.
        compressed_bits: u64,
        /// Bits when unpacked.
        uncompressed_bits: u64,
        /// Whether a sign bit is among them.
        signed: bool,
        /// Where the bytes are.
        buffer: Option<BufferRef>,
    },
    /// Bit-packed integers without a sign.
    BitpackedForNonNeg {
        /// Bits as stored.
        compressed_bits: u64,
        /// Bits when unpacked.
        uncompressed_bits: u64,
        /// Where the bytes are.
        buffer: Option<BufferRef>,
    },
    /// Pre-stable 2.1: a block compressed as a whole.
    Block {
        /// The compression.
        scheme: String,
    },

    // 2.2 and 2.3 only.
    /// Structs stored row by row with children of varying length; children in order.
    VariablePackedStruct {
        /// The layout of each child.
        widths: Vec<PackedWidth>,
    },
    /// 2.3: an arithmetic sequence.
    Range {
        /// Bits of one value.
        bits: u64,
        /// The first value.
        start: u64,
        /// The step.
        step: u64,
    },
    /// 2.3: differences from value to value.
    Delta {
        /// Bits of one value.
        bits: u64,
        /// The first value.
        base: u64,
    },

    // Layouts of 2.1 and 2.2 pages.
    /// Values in chunks of a few KiB.
    MiniBlock {
        /// Structure, inner to outer.
        layers: Vec<Layer>,
        /// Buffers of the value codec.
        num_buffers: u64,
        /// Depth of the repetition index; 0 without lists.
        repetition_index_depth: u64,
        /// Items of the page, nulls included.
        num_items: u64,
        /// Entries of the page's dictionary, if it has one.
        num_dictionary_items: u64,
        /// Whether chunk words have 32 bits.
        has_large_chunk: bool,
    },
    /// Each value zipped with its levels.
    FullZip {
        /// Structure, inner to outer.
        layers: Vec<Layer>,
        /// Bits of a repetition level.
        bits_rep: u32,
        /// Bits of a definition level.
        bits_def: u32,
        /// How values are found.
        addressing: Addressing,
        /// Items of the page.
        num_items: u64,
        /// Items that hold a value.
        num_visible_items: u64,
    },
    /// One value, or none, for the whole page.
    ConstantLayout {
        /// Structure, inner to outer.
        layers: Vec<Layer>,
        /// Bytes of the value in the layout, 2.2 on.
        inline_bytes: Option<u64>,
        /// Repetition levels stored, 2.2 on.
        num_rep_values: u64,
        /// Definition levels stored, 2.2 on.
        num_def_values: u64,
    },
    /// Values out of line; the child holds their positions and sizes.
    BlobLayout {
        /// Structure, inner to outer.
        layers: Vec<Layer>,
    },
    /// 2.3 of Lance 10 to 13: values beside sparse structure.
    SparseLayout {
        /// Buffers of the value codec.
        num_buffers: u64,
        /// Items of the page.
        num_items: u64,
        /// Structural layers, which this build leaves unread.
        num_layers: u64,
    },

    // 2.3 planar pages.
    /// A page: its structure and its values.
    Planar,
    /// Repetition and definition levels for every item.
    DenseStructure {
        /// Structure, inner to outer.
        layers: Vec<Layer>,
    },
    /// Positions of what is not usual; children are layers, outer to inner.
    SparseStructure,
    /// Which slots of a sparse layer are null or valid.
    SparseValidity {
        /// 1 null positions, 2 valid positions.
        meaning: i32,
        /// How many positions.
        num_positions: u64,
    },
    /// A list layer.
    SparseList {
        /// Slots one layer down.
        num_child_slots: u64,
        /// Lists that hold something.
        num_non_empty: u64,
    },
    /// A fixed-size-list layer.
    SparseFixedSizeList {
        /// Items of one list.
        dimension: u64,
    },
    /// Values in chunks.
    Chunked {
        /// Buffers of the value codec.
        num_buffers: u64,
        /// Items of the page.
        num_items: u64,
        /// Entries of the page's dictionary, if it has one.
        num_dictionary_items: u64,
    },
    /// The levels of chunked values.
    ChunkLevels {
        /// Depth of the repetition index.
        repetition_index_depth: u32,
    },
    /// Values one by one.
    Zipped {
        /// How values are found.
        addressing: Addressing,
        /// Items of the page.
        num_items: u64,
        /// Items that hold a value.
        num_visible_items: u64,
        /// Bits of the (repetition, definition) levels, if zipped with the values.
        level_bits: Option<(u32, u32)>,
    },
    /// One value for the whole page.
    ConstantValue {
        /// Bytes of the value.
        scalar_bytes: u64,
    },
    /// No values at all.
    NoValues,
    /// Values behind an index.
    Indexed,

    // 0.1 pages, by the number in the schema.
    /// The encoding of a 0.1 column: 1 plain, 2 variable binary, 3 dictionary, 4 RLE.
    Legacy {
        /// The number in the schema.
        number: i32,
        /// Bits of one value, for plain pages of fixed-width fields.
        bits: Option<u64>,
    },

    // Columns.
    /// A column of values.
    ColumnValues,
    /// 2.0: a column of blobs.
    ColumnBlob,
    /// 2.0: a column with a zone map.
    ColumnZoneIndex {
        /// Rows of one zone.
        rows_per_zone: u32,
    },

    // What is not there.
    /// A message that must hold an encoding holds none that this build knows.
    Unset,
    /// A part that the encoding above needs is absent.
    Absent,
}

impl Node {
    /// A node without children.
    pub fn leaf(kind: Kind) -> Self {
        Self {
            kind,
            children: Vec::new(),
        }
    }

    /// Adds a child.
    #[must_use]
    pub fn with(mut self, role: &'static str, node: Node) -> Self {
        let role = Cow::Borrowed(role);
        self.children.push(Child { role, node });
        self
    }

    /// Adds a child if there is one.
    #[must_use]
    pub fn with_some(self, role: &'static str, node: Option<Node>) -> Self {
        match node {
            Some(node) => self.with(role, node),
            None => self,
        }
    }

    /// The first child of a role.
    pub fn child(&self, role: &str) -> Option<&Node> {
        self.children
            .iter()
            .find(|child| child.role == role)
            .map(|child| &child.node)
    }

    /// Calls `visit` for this node and all below it, each with its path of child indices.
    pub fn walk(&self, visit: &mut dyn FnMut(&[usize], &Node)) {
        self.walk_from(&mut Vec::new(), visit);
    }

    fn walk_from(&self, path: &mut Vec<usize>, visit: &mut dyn FnMut(&[usize], &Node)) {
        visit(path, self);
        for (index, child) in self.children.iter().enumerate() {
            path.push(index);
            child.node.walk_from(path, visit);
            path.pop();
        }
    }
}

/// How many nulls a 2.0 page has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Nulls {
    /// None.
    No,
    /// Some; a validity child tells which.
    Some,
    /// Nothing but nulls.
    All,
}

/// Which set of messages an encoding was written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EncodingFamily {
    /// `ArrayEncoding` of 2.0.
    Array,
    /// `PageLayout` of the 2.1 that Lance up to 0.32 wrote.
    PreStable,
    /// `PageLayout` of 2.1 and 2.2.
    Structural,
    /// `PlanarLayout` of 2.3.
    Planar,
    /// The schema's encoding number of a 0.1 file.
    Legacy,
    /// `ColumnEncoding`.
    Column,
}

impl EncodingFamily {
    /// The type URL of its messages, as files hold it; empty for 0.1.
    pub fn type_url(self) -> &'static str {
        match self {
            Self::Array => "/lance.encodings.ArrayEncoding",
            Self::PreStable => "/lance.encodings.PageLayout",
            Self::Structural => "/lance.encodings21.PageLayout",
            Self::Planar => "/lance.encodings23.PlanarLayout",
            Self::Legacy => "",
            Self::Column => "/lance.encodings.ColumnEncoding",
        }
    }
}

/// The encoding of a page or column, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoding {
    /// Its number among the distinct encodings of a run; `None` for one that is not remembered.
    pub number: Option<u32>,
    /// What it was written in.
    pub vocabulary: EncodingFamily,
    /// The tree.
    pub root: Node,
    /// The tree in one short line, without the numbers that differ from page to page.
    pub notation: Arc<str>,
    /// Fields of the message that this build does not know.
    pub unknown: Vec<UnknownField>,
}

/// Why an encoding is not understood.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum EncodingFault {
    /// There is no encoding message.
    Envelope(crate::format::encoding::EnvelopeFault),
    /// It is of a type that this build does not know.
    UnknownType(String),
    /// It does not decode as its type.
    Undecodable {
        /// The type it claims.
        type_url: String,
        /// What prost says.
        detail: String,
    },
}

impl fmt::Display for EncodingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use crate::format::encoding::EnvelopeFault as E;
        match self {
            Self::Envelope(E::Missing) => f.write_str("has no encoding"),
            Self::Envelope(E::NoLocation) => f.write_str("has an encoding without a location"),
            Self::Envelope(E::None) => f.write_str("has an encoding marked as none"),
            Self::Envelope(E::Indirect) => {
                f.write_str("has an encoding stored elsewhere in the file, which no reader follows")
            }
            Self::Envelope(E::NotAny(detail)) => {
                write!(
                    f,
                    "has an encoding whose envelope does not decode ({detail})"
                )
            }
            Self::UnknownType(url) => write!(f, "has an encoding of the unknown type {url:?}"),
            Self::Undecodable { type_url, detail } => {
                write!(
                    f,
                    "has an encoding that is not the {type_url} it claims to be ({detail})"
                )
            }
        }
    }
}

/// An encoding or why there is none; shared, since few distinct ones occur.
pub type EncodingResult = Result<Arc<Encoding>, Arc<EncodingFault>>;
