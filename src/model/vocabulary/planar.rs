//! 2.3: `PlanarLayout` and its `CompressiveEncoding`.

use super::super::encoding::{Addressing, Kind, Layer, Node};
use super::{codecs, length, required};
use crate::format::proto::lance::encodings23 as wire;

codecs!(wire, {
    E::Range(m) => Node::leaf(Kind::Range {
        bits: m.uncompressed_bits_per_value,
        start: m.start,
        step: m.step,
    }),
    E::Delta(m) => Node::leaf(Kind::Delta {
        bits: m.uncompressed_bits_per_value,
        base: m.base,
    })
    .with("deltas", required(m.deltas.as_deref(), codec)),
});

/// A page's encoding.
pub fn page(message: &wire::PlanarLayout) -> Node {
    Node::leaf(Kind::Planar)
        .with("structure", required(message.structure.as_ref(), structure))
        .with("values", required(message.values.as_ref(), values))
}

fn structure(message: &wire::StructuralPlane) -> Node {
    use wire::structural_plane::Codec as E;
    match &message.codec {
        None => Node::leaf(Kind::Unset),
        Some(E::Dense(m)) => Node::leaf(Kind::DenseStructure {
            layers: m.layers.iter().copied().map(Layer).collect(),
        }),
        Some(E::Sparse(m)) => m
            .layers
            .iter()
            .fold(Node::leaf(Kind::SparseStructure), |node, layer| {
                node.with("layer", sparse_layer(layer))
            }),
    }
}

fn sparse_layer(message: &wire::SparseStructuralLayer) -> Node {
    use wire::sparse_structural_layer::Layer as E;
    match &message.layer {
        None => Node::leaf(Kind::Unset),
        Some(E::Validity(m)) => validity(m),
        Some(E::List(m)) => Node::leaf(Kind::SparseList {
            num_child_slots: m.num_child_slots,
            num_non_empty: m.num_non_empty_positions,
        })
        .with_some(
            "non_empty_positions",
            m.non_empty_positions.as_ref().map(codec),
        )
        .with_some("counts", m.counts.as_ref().map(codec))
        .with_some("validity", m.validity.as_ref().map(validity)),
        Some(E::FixedSizeList(m)) => Node::leaf(Kind::SparseFixedSizeList {
            dimension: m.dimension,
        })
        .with_some("validity", m.validity.as_ref().map(validity)),
    }
}

fn validity(message: &wire::SparseValiditySet) -> Node {
    Node::leaf(Kind::SparseValidity {
        meaning: message.meaning,
        num_positions: message.num_positions,
    })
    .with_some("positions", message.positions.as_ref().map(codec))
}

fn values(message: &wire::ValuePlane) -> Node {
    use wire::value_plane::Codec as E;
    match &message.codec {
        None => Node::leaf(Kind::Unset),
        Some(E::Chunked(m)) => Node::leaf(Kind::Chunked {
            num_buffers: m.num_buffers,
            num_items: m.num_items,
            num_dictionary_items: m.num_dictionary_items,
        })
        .with("compression", required(m.compression.as_ref(), codec))
        .with_some("dictionary", m.dictionary.as_ref().map(codec))
        .with_some("levels", m.levels.as_ref().map(chunk_levels)),
        Some(E::Zipped(m)) => zipped(m),
        Some(E::Constant(m)) => Node::leaf(Kind::ConstantValue {
            scalar_bytes: length(&m.scalar),
        }),
        Some(E::None(_)) => Node::leaf(Kind::NoValues),
        Some(E::Indexed(m)) => Node::leaf(Kind::Indexed)
            .with("indices", required(m.indices.as_ref(), codec))
            .with("items", required(m.items.as_ref(), zipped)),
    }
}

fn chunk_levels(message: &wire::DenseChunkLevels) -> Node {
    Node::leaf(Kind::ChunkLevels {
        repetition_index_depth: message.repetition_index_depth,
    })
    .with_some("repetition", message.repetition.as_ref().map(codec))
    .with_some("definition", message.definition.as_ref().map(codec))
}

fn zipped(message: &wire::ZippedValues) -> Node {
    use wire::zipped_values::Addressing as A;
    Node::leaf(Kind::Zipped {
        addressing: match message.addressing {
            Some(A::BitsPerValue(bits)) => Addressing::PerValue(bits),
            Some(A::BitsPerOffset(bits)) => Addressing::PerOffset(bits),
            None => Addressing::Unset,
        },
        num_items: message.num_items,
        num_visible_items: message.num_visible_items,
        level_bits: message
            .levels
            .as_ref()
            .map(|levels| (levels.bits_repetition, levels.bits_definition)),
    })
    .with("compression", required(message.compression.as_ref(), codec))
}
