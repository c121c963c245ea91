//! An encoding in one short line, the same for all pages that differ only in numbers
//! such as item counts, bit widths of packed data or dictionary sizes.

use super::encoding::{Compression, Kind, Node, Nulls, PackedWidth};

/// How the notation of pages that hold descriptors of blobs begins.
pub const BLOB: &str = "blob(";

/// Pages of nothing but nulls. Constants whose value is in a page buffer have the same encoding.
pub const ALL_NULL: &str = "all-null";

/// Most children of a packed struct that are written out.
const MAX_WRITTEN: usize = 5;

/// The notation of a tree. Stable from release to release: reports are compared by it.
///
/// `flat(64)`, `bitpacked(32)`, `variable`, `fsst(variable)`, `dictionary(…)`,
/// `fixed_size_list(128 × flat(32))`, `miniblock(…) + zstd`, `fullzip(…)`, `blob(…)`.
pub fn notation(node: &Node) -> String {
    let child = |role: &str| node.child(role).map_or("?".to_string(), notation);
    match &node.kind {
        Kind::Flat {
            bits, compression, ..
        } => with(format!("flat({bits})"), compression),
        Kind::FixedSizeList { dimension, .. } => {
            let items = node.children.first().map(|child| notation(&child.node));
            format!(
                "fixed_size_list({dimension} × {})",
                items.unwrap_or_default()
            )
        }
        Kind::Fsst { .. } => match node.children.first() {
            Some(inner) if matches!(inner.node.kind, Kind::Binary { .. }) => "fsst(binary)".into(),
            Some(inner) => format!("fsst({})", notation(&inner.node)),
            None => "fsst".into(),
        },
        Kind::Dictionary { .. } => format!("dictionary({})", child("items")),
        Kind::PackedStruct { widths, .. } => packed_struct(node, widths),
        Kind::Constant { .. } => "constant".into(),
        Kind::InlineBitpacking {
            uncompressed_bits,
            compression,
        } => with(format!("bitpacked({uncompressed_bits})"), compression),
        Kind::OutOfLineBitpacking {
            uncompressed_bits, ..
        }
        | Kind::Bitpacked {
            uncompressed_bits, ..
        }
        | Kind::BitpackedForNonNeg {
            uncompressed_bits, ..
        } => {
            format!("bitpacked({uncompressed_bits})")
        }
        Kind::Variable { compression, .. } => with("variable".into(), compression),
        Kind::Rle { bits: Some(bits) } => format!("rle(flat({bits}))"),
        Kind::Rle { bits: None } => format!("rle({})", child("values")),
        Kind::ByteStreamSplit { bits: Some(bits) } => format!("byte_stream_split(flat({bits}))"),
        Kind::ByteStreamSplit { bits: None } => format!("byte_stream_split({})", child("values")),
        Kind::General { compression } => {
            let inner = node.children.first().map(|child| notation(&child.node));
            let inner = inner.unwrap_or_default();
            match compression {
                Some(compression) => format!("{inner} + {}", compression.scheme),
                None => format!("{inner} + ?"),
            }
        }
        Kind::Nullable(Nulls::All) => ALL_NULL.into(),
        Kind::Nullable(_) => child("values"),
        Kind::List { .. } => format!("list({})", offsets(node.child("offsets"))),
        Kind::StructHeader => "struct".into(),
        Kind::Binary { .. } => {
            let bytes = node.child("bytes").map(unwrap_nullable);
            let compression = match bytes.map(|bytes| &bytes.kind) {
                Some(Kind::Flat { compression, .. }) => compression.clone(),
                _ => None,
            };
            let bytes = with("bytes".into(), &compression);
            format!("binary({}, {bytes})", offsets(node.child("indices")))
        }
        Kind::FixedSizeBinary { byte_width } => format!("fixed_size_binary({byte_width})"),
        Kind::Block { scheme } => format!("block({scheme})"),
        Kind::VariablePackedStruct { widths } => variable_packed_struct(widths),
        Kind::Range { bits, .. } => format!("range({bits})"),
        Kind::Delta { .. } => format!("delta({})", child("deltas")),
        Kind::MiniBlock { .. } => layout("miniblock", node, "value_compression"),
        Kind::FullZip { .. } => layout("fullzip", node, "value_compression"),
        Kind::SparseLayout { .. } => layout("sparse", node, "value_compression"),
        Kind::ConstantLayout {
            layers,
            inline_bytes,
            ..
        } => match (inline_bytes, layers.as_slice()) {
            // One nullable item layer and no value: nothing but nulls.
            (None, [layer]) if layer.0 == 3 => ALL_NULL.into(),
            _ => "constant".into(),
        },
        Kind::BlobLayout { .. } => format!("{BLOB}{})", child("inner_layout")),
        Kind::Planar => match node.child("structure").map(|s| &s.kind) {
            Some(Kind::SparseStructure) => format!("sparse {}", child("values")),
            _ => child("values"),
        },
        Kind::Chunked { .. } => layout("chunked", node, "compression"),
        Kind::Zipped { .. } => layout("zipped", node, "compression"),
        Kind::ConstantValue { .. } => "constant".into(),
        Kind::NoValues => "no-values".into(),
        Kind::Indexed => format!("indexed({})", child("items")),
        Kind::Legacy { number, bits } => match (number, bits) {
            (1, Some(bits)) => format!("plain({bits})"),
            (1, None) => "plain".into(),
            (2, _) => "var_binary".into(),
            (3, _) => "dictionary".into(),
            (4, _) => "rle".into(),
            (other, _) => format!("encoding {other}"),
        },
        Kind::ColumnValues => "values".into(),
        Kind::ColumnBlob => "blob".into(),
        Kind::ColumnZoneIndex { .. } => "zone_index".into(),
        Kind::Unset => "unset".into(),
        Kind::Absent => "missing".into(),
        Kind::DenseStructure { .. }
        | Kind::SparseStructure
        | Kind::SparseValidity { .. }
        | Kind::SparseList { .. }
        | Kind::SparseFixedSizeList { .. }
        | Kind::ChunkLevels { .. } => node.kind.name().into(),
    }
}

fn with(text: String, compression: &Option<Compression>) -> String {
    match compression {
        Some(compression) => format!("{text} + {}", compression.scheme),
        None => text,
    }
}

/// A layout around its values; a general compression of all of them goes behind it.
fn layout(name: &str, node: &Node, role: &str) -> String {
    let values = match node.child(role) {
        Some(values) => values,
        None => return name.into(),
    };
    if let Some(dictionary) = node.child("dictionary") {
        return format!("{name}(dictionary({}))", notation(dictionary));
    }
    match (&values.kind, values.children.first()) {
        (
            Kind::General {
                compression: Some(compression),
            },
            Some(inner),
        ) => {
            format!("{name}({}) + {}", notation(&inner.node), compression.scheme)
        }
        _ => format!("{name}({})", notation(values)),
    }
}

fn unwrap_nullable(node: &Node) -> &Node {
    match (&node.kind, node.child("values")) {
        (Kind::Nullable(_), Some(values)) => values,
        _ => node,
    }
}

/// Offsets are flat in practice; their width is what matters.
fn offsets(node: Option<&Node>) -> String {
    match node.map(unwrap_nullable) {
        Some(Node {
            kind: Kind::Flat { bits, .. },
            ..
        }) => format!("offsets u{bits}"),
        Some(other) => format!("offsets {}", notation(other)),
        None => "no offsets".into(),
    }
}

fn packed_struct(node: &Node, widths: &[u64]) -> String {
    let parts: Vec<String> = if widths.is_empty() {
        node.children
            .iter()
            .map(|child| notation(&child.node))
            .collect()
    } else {
        widths.iter().map(u64::to_string).collect()
    };
    format!("packed_struct({})", shortened(&parts))
}

fn variable_packed_struct(widths: &[PackedWidth]) -> String {
    let parts: Vec<String> = widths
        .iter()
        .map(|width| match width {
            PackedWidth::Fixed(bits) => bits.to_string(),
            PackedWidth::Prefixed(_) => "variable".to_string(),
            PackedWidth::Unset => "?".to_string(),
        })
        .collect();
    format!("packed_struct({})", shortened(&parts))
}

fn shortened(parts: &[String]) -> String {
    match parts.split_at_checked(MAX_WRITTEN) {
        Some((shown, rest)) if !rest.is_empty() => {
            format!("{}, … {} more", shown.join(", "), rest.len())
        }
        _ => parts.join(", "),
    }
}
