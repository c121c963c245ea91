//! 2.1 and 2.2: `PageLayout` and `CompressiveEncoding`; and the sparse layout of the 2.3
//! that Lance 10 to 13 wrote.

use super::super::encoding::{Addressing, Kind, Layer, Node};
use super::{codecs, length, required};
use crate::format::proto::lance::encodings21 as wire;

codecs!(wire, {});

/// A page's encoding.
pub fn page(message: &wire::PageLayout) -> Node {
    use wire::page_layout::Layout as E;
    let Some(layout) = &message.layout else {
        return Node::leaf(Kind::Unset);
    };
    match layout {
        E::MiniBlockLayout(m) => Node::leaf(Kind::MiniBlock {
            layers: layers(&m.layers),
            num_buffers: m.num_buffers,
            repetition_index_depth: u64::from(m.repetition_index_depth),
            num_items: m.num_items,
            num_dictionary_items: m.num_dictionary_items,
            has_large_chunk: m.has_large_chunk,
        })
        .with(
            "value_compression",
            required(m.value_compression.as_ref(), codec),
        )
        .with_some("dictionary", m.dictionary.as_ref().map(codec))
        .with_some("rep_compression", m.rep_compression.as_ref().map(codec))
        .with_some("def_compression", m.def_compression.as_ref().map(codec)),
        E::FullZipLayout(m) => Node::leaf(Kind::FullZip {
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
            required(m.value_compression.as_ref(), codec),
        ),
        E::ConstantLayout(m) => Node::leaf(Kind::ConstantLayout {
            layers: layers(&m.layers),
            inline_bytes: m.inline_value.as_ref().map(length),
            num_rep_values: m.num_rep_values,
            num_def_values: m.num_def_values,
        })
        .with_some("rep_compression", m.rep_compression.as_ref().map(codec))
        .with_some("def_compression", m.def_compression.as_ref().map(codec)),
        E::BlobLayout(m) => Node::leaf(Kind::BlobLayout {
            layers: layers(&m.layers),
        })
        .with("inner_layout", required(m.inner_layout.as_deref(), page)),
        E::SparseLayout(m) => Node::leaf(Kind::SparseLayout {
            num_buffers: m.num_buffers,
            num_items: m.num_items,
            num_layers: m.structural_layers.len() as u64,
        })
        .with(
            "value_compression",
            required(m.value_compression.as_ref(), codec),
        ),
    }
}

fn layers(layers: &[i32]) -> Vec<Layer> {
    layers.iter().copied().map(Layer).collect()
}
