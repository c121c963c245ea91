//! 2.0: `ArrayEncoding` and `ColumnEncoding`; and the `PageLayout` of pre-stable 2.1,
//! which is built of `ArrayEncoding`s.

use super::super::encoding::{Addressing, BufferRef, Compression, Kind, Layer, Node, Nulls};
use super::{length, required};
use crate::format::proto::lance::encodings as wire;

/// A column's encoding.
pub fn column(message: &wire::ColumnEncoding) -> Node {
    use wire::column_encoding::ColumnEncoding as E;
    let inner = |inner: &Option<Box<wire::ColumnEncoding>>| required(inner.as_deref(), column);
    match &message.column_encoding {
        None => Node::leaf(Kind::Unset),
        Some(E::Values(_)) => Node::leaf(Kind::ColumnValues),
        Some(E::Blob(m)) => Node::leaf(Kind::ColumnBlob).with("inner", inner(&m.inner)),
        Some(E::ZoneIndex(m)) => Node::leaf(Kind::ColumnZoneIndex {
            rows_per_zone: m.rows_per_zone,
        })
        .with("inner", inner(&m.inner)),
    }
}

/// A page's encoding.
pub fn array(message: &wire::ArrayEncoding) -> Node {
    use wire::array_encoding::ArrayEncoding as E;
    let sub = |part: &Option<Box<wire::ArrayEncoding>>| required(part.as_deref(), array);
    let Some(encoding) = &message.array_encoding else {
        return Node::leaf(Kind::Unset);
    };
    match encoding {
        E::Flat(m) => Node::leaf(Kind::Flat {
            bits: m.bits_per_value,
            buffer: buffer(&m.buffer),
            compression: compression(&m.compression),
        }),
        E::Nullable(m) => nullable(m),
        E::FixedSizeList(m) => Node::leaf(Kind::FixedSizeList {
            dimension: u64::from(m.dimension),
            has_validity: m.has_validity,
        })
        .with("items", sub(&m.items)),
        E::List(m) => Node::leaf(Kind::List {
            null_offset_adjustment: m.null_offset_adjustment,
            num_items: m.num_items,
        })
        .with("offsets", sub(&m.offsets)),
        E::Struct(_) => Node::leaf(Kind::StructHeader),
        E::Binary(m) => Node::leaf(Kind::Binary {
            null_adjustment: m.null_adjustment,
        })
        .with("indices", sub(&m.indices))
        .with("bytes", sub(&m.bytes)),
        E::Dictionary(m) => Node::leaf(Kind::Dictionary {
            num_items: u64::from(m.num_dictionary_items),
        })
        .with("indices", sub(&m.indices))
        .with("items", sub(&m.items)),
        E::Fsst(m) => Node::leaf(Kind::Fsst {
            symbol_table_bytes: length(&m.symbol_table),
        })
        .with("binary", sub(&m.binary)),
        E::PackedStruct(m) => m.inner.iter().fold(
            Node::leaf(Kind::PackedStruct {
                widths: Vec::new(),
                buffer: buffer(&m.buffer),
            }),
            |node, inner| node.with("inner", array(inner)),
        ),
        E::Bitpacked(m) => Node::leaf(Kind::Bitpacked {
            compressed_bits: m.compressed_bits_per_value,
            uncompressed_bits: m.uncompressed_bits_per_value,
            signed: m.signed,
            buffer: buffer(&m.buffer),
        }),
        E::FixedSizeBinary(m) => Node::leaf(Kind::FixedSizeBinary {
            byte_width: u64::from(m.byte_width),
        })
        .with("bytes", sub(&m.bytes)),
        E::BitpackedForNonNeg(m) => Node::leaf(Kind::BitpackedForNonNeg {
            compressed_bits: m.compressed_bits_per_value,
            uncompressed_bits: m.uncompressed_bits_per_value,
            buffer: buffer(&m.buffer),
        }),
        E::Constant(m) => Node::leaf(Kind::Constant {
            value_bytes: Some(length(&m.value)),
        }),
        E::InlineBitpacking(m) => Node::leaf(Kind::InlineBitpacking {
            uncompressed_bits: m.uncompressed_bits_per_value,
            compression: None,
        }),
        E::OutOfLineBitpacking(m) => Node::leaf(Kind::OutOfLineBitpacking {
            uncompressed_bits: m.uncompressed_bits_per_value,
            compressed_bits: Some(m.compressed_bits_per_value),
        }),
        E::Variable(m) => Node::leaf(Kind::Variable {
            offset_bits: Some(m.bits_per_offset),
            compression: None,
        }),
        E::PackedStructFixedWidthMiniBlock(m) => Node::leaf(Kind::PackedStruct {
            widths: m.bits_per_values.iter().copied().map(u64::from).collect(),
            buffer: None,
        })
        .with("flat", sub(&m.flat)),
        E::Block(m) => Node::leaf(Kind::Block {
            scheme: m.scheme.clone(),
        }),
        E::Rle(m) => Node::leaf(Kind::Rle {
            bits: Some(m.bits_per_value),
        }),
        E::GeneralMiniBlock(m) => Node::leaf(Kind::General {
            compression: compression(&m.compression),
        })
        .with("inner", sub(&m.inner)),
        E::ByteStreamSplit(m) => Node::leaf(Kind::ByteStreamSplit {
            bits: Some(m.bits_per_value),
        }),
    }
}

fn nullable(message: &wire::Nullable) -> Node {
    use wire::nullable::Nullability as E;
    let sub = |part: &Option<Box<wire::ArrayEncoding>>| required(part.as_deref(), array);
    match &message.nullability {
        None => Node::leaf(Kind::Unset),
        Some(E::NoNulls(m)) => Node::leaf(Kind::Nullable(Nulls::No)).with("values", sub(&m.values)),
        Some(E::SomeNulls(m)) => Node::leaf(Kind::Nullable(Nulls::Some))
            .with("validity", sub(&m.validity))
            .with("values", sub(&m.values)),
        Some(E::AllNulls(_)) => Node::leaf(Kind::Nullable(Nulls::All)),
    }
}

/// A page of the 2.1 that Lance up to 0.32 wrote.
pub fn pre_stable_page(message: &wire::PageLayout) -> Node {
    use wire::page_layout::Layout as E;
    let layers = |layers: &[i32]| layers.iter().copied().map(Layer).collect();
    match &message.layout {
        None => Node::leaf(Kind::Unset),
        Some(E::MiniBlockLayout(m)) => Node::leaf(Kind::MiniBlock {
            layers: layers(&m.layers),
            num_buffers: m.num_buffers,
            repetition_index_depth: u64::from(m.repetition_index_depth),
            num_items: m.num_items,
            num_dictionary_items: m.num_dictionary_items,
            has_large_chunk: false,
        })
        .with(
            "value_compression",
            required(m.value_compression.as_ref(), array),
        )
        .with_some("dictionary", m.dictionary.as_ref().map(array))
        .with_some("rep_compression", m.rep_compression.as_ref().map(array))
        .with_some("def_compression", m.def_compression.as_ref().map(array)),
        Some(E::AllNullLayout(m)) => Node::leaf(Kind::ConstantLayout {
            layers: layers(&m.layers),
            inline_bytes: None,
            num_rep_values: 0,
            num_def_values: 0,
        }),
        Some(E::FullZipLayout(m)) => Node::leaf(Kind::FullZip {
            layers: layers(&m.layers),
            bits_rep: m.bits_rep,
            bits_def: m.bits_def,
            addressing: match m.details {
                Some(wire::full_zip_layout::Details::BitsPerValue(bits)) => {
                    Addressing::PerValue(bits)
                }
                Some(wire::full_zip_layout::Details::BitsPerOffset(bits)) => {
                    Addressing::PerOffset(bits)
                }
                None => Addressing::Unset,
            },
            num_items: u64::from(m.num_items),
            num_visible_items: u64::from(m.num_visible_items),
        })
        .with(
            "value_compression",
            required(m.value_compression.as_ref(), array),
        ),
    }
}

fn buffer(message: &Option<wire::Buffer>) -> Option<BufferRef> {
    message.as_ref().map(|buffer| BufferRef {
        collection: buffer.buffer_type,
        index: buffer.buffer_index,
    })
}

fn compression(message: &Option<wire::Compression>) -> Option<Compression> {
    // Writers leave the message out for uncompressed buffers, or say none.
    let is_set = |message: &&wire::Compression| message.scheme != "none";
    let set = message.as_ref().filter(is_set);
    set.map(|message| Compression {
        scheme: message.scheme.clone(),
        level: message.level,
    })
}
