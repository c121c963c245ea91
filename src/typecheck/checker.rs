//! Walking an encoding tree and noting what is wrong with it.

use crate::model::encoding::{BufferRef, Kind, Node};
use crate::model::version::FileVersion;

/// Which part of an encoding a [`TypeError`] is about. The order is that of cause and effect:
/// of several complaints about one page the first in this order is the root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TypeErrorKind {
    /// A codec stands where no reader takes it, or has impossible parameters.
    Grammar,
    /// The buffers that the encoding needs are not those that the page has.
    Buffers,
    /// The encoding yields another type than the field has.
    Type,
    /// The structural layers are not those of the field's nesting.
    Layers,
    /// The encoding counts other rows or items than the page.
    Rows,
    /// Nulls in a field that does not allow any.
    Nulls,
    /// The page has buffers that nothing in its encoding points to.
    Unread,
    /// The page counts more rows than are read of it.
    Spare,
    /// Something is not as writers write it, and readers of today do not look at it.
    Ignored,
}

/// Something wrong with an encoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeError {
    /// What it is about.
    pub about: TypeErrorKind,
    /// Child indices from the root of the encoding to the node.
    pub node: Vec<usize>,
    /// What is there, as a noun phrase.
    pub found: String,
    /// What should be there, as a noun phrase.
    pub expected: String,
    /// What a reader does, as a clause without a subject.
    pub effect: String,
    /// Which field it is about: 0 for the column's own, 1 for the one above it, and so on.
    pub level: usize,
}

/// Where a size is expected of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BufferOf {
    /// A buffer of the page.
    Page(usize),
    /// A buffer of the column.
    Column(usize),
}

/// What the bytes of a buffer must measure for a page of so many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SizeRule {
    /// So many bits for each row, rounded up to bytes, or more.
    BitsPerRow(u64),
    /// So many bits for each row, rounded up to bytes.
    ExactBitsPerRow(u64),
    /// So many bytes, or more.
    AtLeast(u64),
    /// So many bytes.
    Exactly(u64),
    /// So many bytes, or so many.
    Either(u64, u64),
    /// Blocks of 1,024 values of so many bits each, for so many values a row, or more.
    PackedBlocks {
        /// Bits of a packed value.
        bits: u64,
        /// Values of a row.
        per_row: u64,
    },
    /// A multiple of so many bytes, at least one.
    MultipleOf(u64),
    /// Chunk words of so many bytes: a multiple of that, and at least one word.
    ChunkWords(u64),
    /// A mini-block repetition index: `entries` of 8 bytes for each chunk, whose words of
    /// `word` bytes are in page buffer 0.
    ChunkIndex {
        /// Entries of 8 bytes for each chunk.
        entries: u64,
        /// Bytes of a chunk word.
        word: u64,
    },
    /// One entry of 1, 2, 4 or 8 bytes for each row and one more.
    RowIndex,
    /// One entry of 1, 2, 4 or 8 bytes for each of so many items and one more.
    ItemIndex(u64),
}

/// A size that an encoding asks of a buffer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SizeRequirement {
    /// The buffer.
    pub of: BufferOf,
    /// The node that reads it.
    pub node: Vec<usize>,
    /// What its bytes must measure.
    pub measure: SizeRule,
}

/// What the encoding says of a page, to be compared with the page itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BufferRequirements {
    /// Sizes of buffers.
    pub sizes: Vec<SizeRequirement>,
    /// Items that the encoding counts where each row is one item.
    pub items: Option<u64>,
    /// Counts of positions among slots, which there must be.
    pub positions: Vec<PositionNeed>,
    /// Rows of the page for each row of the column: the product of the fixed-size lists of
    /// sparse structure.
    pub scale: u64,
}

/// Positions among the slots of a sparse layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PositionNeed {
    /// The node that counts them.
    pub node: Vec<usize>,
    /// How many there are said to be.
    pub positions: u64,
    /// How many slots there are.
    pub slots: Count,
}

/// How many values a node is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// So many for each row of the page.
    PerRow(u64),
    /// So many in all.
    Fixed(u64),
    /// Known only from the data.
    Unknown,
}

impl Count {
    /// So many times as many.
    #[must_use]
    pub fn times(self, factor: u64) -> Self {
        match self {
            Self::PerRow(n) => n.checked_mul(factor).map_or(Self::Unknown, Self::PerRow),
            Self::Fixed(n) => n.checked_mul(factor).map_or(Self::Unknown, Self::Fixed),
            Self::Unknown => Self::Unknown,
        }
    }
}

/// The walk: where it is, and what it has to say so far.
#[derive(Debug)]
pub struct Checker {
    /// The version whose reader is to take the page.
    pub version: FileVersion,
    /// Buffers of the page.
    pub page_buffers: usize,
    /// Buffers of the column.
    pub column_buffers: usize,
    /// Whether errors are not reported: only the type is inferred.
    pub quiet: bool,
    /// Child indices to the node at hand.
    path: Vec<usize>,
    /// Page buffers that 2.0 nodes point to.
    pub pointed: Vec<usize>,
    /// What is wrong.
    pub complaints: Vec<TypeError>,
    /// What is to be compared with each page.
    pub needs: BufferRequirements,
}

impl Checker {
    /// A walk that starts at the root of a page's encoding.
    pub fn new(version: FileVersion, page_buffers: usize, column_buffers: usize) -> Self {
        Self {
            version,
            page_buffers,
            column_buffers,
            quiet: false,
            path: Vec::new(),
            pointed: Vec::new(),
            complaints: Vec::new(),
            needs: BufferRequirements::default(),
        }
    }

    /// Goes down to the child of a role; `None` when there is none, or when nothing that this
    /// build knows stands there, which has a rule of its own.
    pub fn child<R>(
        &mut self,
        node: &Node,
        role: &str,
        judge: impl FnOnce(&mut Self, &Node) -> R,
    ) -> Option<R> {
        let at = node.children.iter().position(|child| child.role == role)?;
        self.nth(node, at, judge)
    }

    /// Goes down to a child by its index.
    pub fn nth<R>(
        &mut self,
        node: &Node,
        at: usize,
        judge: impl FnOnce(&mut Self, &Node) -> R,
    ) -> Option<R> {
        let child = &node.children.get(at)?.node;
        if matches!(child.kind, Kind::Unset | Kind::Absent) {
            return None;
        }
        self.path.push(at);
        let result = judge(self, child);
        self.path.pop();
        Some(result)
    }

    /// Notes something wrong with the node at hand.
    pub fn complain(
        &mut self,
        about: TypeErrorKind,
        found: impl Into<String>,
        expected: impl Into<String>,
        effect: impl Into<String>,
    ) {
        self.complain_of(0, about, found, expected, effect);
    }

    /// Notes something wrong that is about a field so many levels above the column's own.
    pub fn complain_of(
        &mut self,
        level: usize,
        about: TypeErrorKind,
        found: impl Into<String>,
        expected: impl Into<String>,
        effect: impl Into<String>,
    ) {
        if self.quiet {
            return;
        }
        self.complaints.push(TypeError {
            level,
            about,
            node: self.path.clone(),
            found: found.into(),
            expected: expected.into(),
            effect: effect.into(),
        });
    }

    /// Asks a size of a buffer for the node at hand.
    pub fn measure(&mut self, of: BufferOf, measure: SizeRule) {
        if self.quiet {
            return;
        }
        self.needs.sizes.push(SizeRequirement {
            of,
            node: self.path.clone(),
            measure,
        });
    }

    /// Asks that there be enough slots for the positions of the node at hand.
    pub fn positions(&mut self, positions: u64, slots: Count) {
        self.needs.positions.push(PositionNeed {
            node: self.path.clone(),
            positions,
            slots,
        });
    }

    /// Resolves the pointer of a 2.0 encoding (lance-encoding `array_encoding/physical.rs`).
    pub fn buffer(&mut self, buffer: Option<BufferRef>) -> Option<BufferOf> {
        let Some(BufferRef { collection, index }) = buffer else {
            self.complain(
                TypeErrorKind::Grammar,
                "no pointer to a buffer",
                "a pointer to a buffer of the page",
                "panics: called `Option::unwrap()` on a `None` value (physical.rs)",
            );
            return None;
        };
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        let (of, known, whose) = match collection {
            0 => (BufferOf::Page(index), self.page_buffers, "page"),
            1 => (BufferOf::Column(index), self.column_buffers, "column"),
            2 => {
                self.complain(
                    TypeErrorKind::Buffers,
                    "a pointer to a buffer of the file",
                    "a pointer to a buffer of the page",
                    "panics: index out of bounds: the len is 0 but the index is … (physical.rs:42)",
                );
                return None;
            }
            other => {
                self.complain(
                    TypeErrorKind::Grammar,
                    format!("a pointer to a buffer of the unknown kind {other}"),
                    "a pointer to a buffer of the page",
                    format!("panics: called `Result::unwrap()` on an `Err` value: UnknownEnumValue({other})"),
                );
                return None;
            }
        };
        if index >= known {
            self.complain(
                TypeErrorKind::Buffers,
                format!("a pointer to buffer {index} of the {whose}, which has {known}"),
                match known {
                    0 => format!("a {whose} with buffers"),
                    _ => format!("a buffer from 0 to {}", known - 1),
                },
                format!("panics: index out of bounds: the len is {known} but the index is {index} (physical.rs)"),
            );
            return None;
        }
        if let BufferOf::Page(index) = of {
            if self.pointed.contains(&index) {
                self.complain(
                    TypeErrorKind::Buffers,
                    format!(
                        "a pointer to buffer {index} of the page, which another part points to too"
                    ),
                    "a buffer of its own",
                    "returns wrong values silently, or fails",
                );
            }
            self.pointed.push(index);
        }
        Some(of)
    }
}
