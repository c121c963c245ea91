//! What comes out of an encoding when a decoder runs it.
//!
//! An encoding is an expression; its [`Shape`] is its type. Rules compare it with
//! what a field demands.

pub mod blob;
pub mod keys;
pub mod choices;

use std::fmt;

use crate::model::encoding::{Kind, Node, Nulls, PackedWidth};

/// The type of an encoding's output, as far as the tree alone tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Values of so many bits.
    Fixed(u64),
    /// Values of varying length.
    Variable,
    /// Lists of a fixed number of items.
    FixedSizeList(u64, Box<Shape>),
    /// Structs, row by row.
    PackedStruct(Vec<Shape>),
    /// Nothing but nulls.
    Nulls,
    /// One value for all rows, whose width stands elsewhere.
    OneValue,
    /// The header of a struct, without data.
    StructHeader,
    /// List offsets.
    Offsets,
    /// Not told by the tree.
    Unknown,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(bits) => write!(f, "values of {bits} bits"),
            Self::Variable => f.write_str("values of varying length"),
            Self::FixedSizeList(dimension, item) => write!(f, "lists of {dimension} {item}"),
            Self::PackedStruct(children) => write!(f, "packed structs of {}", children.len()),
            Self::Nulls => f.write_str("nulls only"),
            Self::OneValue => f.write_str("one value for all rows"),
            Self::StructHeader => f.write_str("a struct header"),
            Self::Offsets => f.write_str("list offsets"),
            Self::Unknown => f.write_str("values of an unknown kind"),
        }
    }
}

/// Infers the shape of an encoding tree of any vocabulary.
pub fn infer(node: &Node) -> Shape {
    let child = |role: &str| node.child(role).map_or(Shape::Unknown, infer);
    let first = || {
        let child = node.children.first();
        child.map_or(Shape::Unknown, |child| infer(&child.node))
    };
    match &node.kind {
        Kind::Flat { bits, .. } => Shape::Fixed(*bits),
        Kind::InlineBitpacking {
            uncompressed_bits, ..
        }
        | Kind::OutOfLineBitpacking {
            uncompressed_bits, ..
        }
        | Kind::Bitpacked {
            uncompressed_bits, ..
        }
        | Kind::BitpackedForNonNeg {
            uncompressed_bits, ..
        } => Shape::Fixed(*uncompressed_bits),
        Kind::Range { bits, .. } | Kind::Delta { bits, .. } => Shape::Fixed(*bits),
        Kind::Rle { bits: Some(bits) } | Kind::ByteStreamSplit { bits: Some(bits) } => {
            Shape::Fixed(*bits)
        }
        Kind::Rle { bits: None } | Kind::ByteStreamSplit { bits: None } => child("values"),
        Kind::Variable { .. }
        | Kind::Fsst { .. }
        | Kind::Binary { .. }
        | Kind::FixedSizeBinary { .. }
        | Kind::Block { .. } => Shape::Variable,
        Kind::Dictionary { .. } => child("items"),
        Kind::FixedSizeList { dimension, .. } => {
            Shape::FixedSizeList(*dimension, Box::new(first()))
        }
        Kind::PackedStruct { widths, .. } if !widths.is_empty() => {
            Shape::PackedStruct(widths.iter().copied().map(Shape::Fixed).collect())
        }
        Kind::PackedStruct { .. } => {
            Shape::PackedStruct(node.children.iter().map(|c| infer(&c.node)).collect())
        }
        Kind::VariablePackedStruct { widths } => {
            let shape = |width: &PackedWidth| match width {
                PackedWidth::Fixed(bits) => Shape::Fixed(*bits),
                PackedWidth::Prefixed(_) => Shape::Variable,
                PackedWidth::Unset => Shape::Unknown,
            };
            Shape::PackedStruct(widths.iter().map(shape).collect())
        }
        Kind::Nullable(Nulls::All) => Shape::Nulls,
        Kind::Nullable(_) => child("values"),
        Kind::List { .. } => Shape::Offsets,
        Kind::StructHeader => Shape::StructHeader,
        Kind::MiniBlock { .. } if node.child("dictionary").is_some() => child("dictionary"),
        Kind::Chunked { .. } if node.child("dictionary").is_some() => child("dictionary"),
        Kind::MiniBlock { .. } | Kind::FullZip { .. } | Kind::SparseLayout { .. } => {
            child("value_compression")
        }
        Kind::Chunked { .. } | Kind::Zipped { .. } => child("compression"),
        Kind::General { .. } => first(),
        Kind::BlobLayout { .. } => child("inner_layout"),
        Kind::Planar => child("values"),
        Kind::Indexed => child("items"),
        Kind::NoValues => Shape::Nulls,
        Kind::Constant { .. } | Kind::ConstantValue { .. } | Kind::ConstantLayout { .. } => {
            Shape::OneValue
        }
        Kind::Legacy {
            number: 1,
            bits: Some(bits),
        } => Shape::Fixed(*bits),
        Kind::Legacy { number: 2, .. } => Shape::Variable,
        Kind::Legacy { .. }
        | Kind::DenseStructure { .. }
        | Kind::SparseStructure
        | Kind::SparseValidity { .. }
        | Kind::SparseList { .. }
        | Kind::SparseFixedSizeList { .. }
        | Kind::ChunkLevels { .. }
        | Kind::ColumnValues
        | Kind::ColumnBlob
        | Kind::ColumnZoneIndex { .. }
        | Kind::Unset
        | Kind::Absent => Shape::Unknown,
    }
}
