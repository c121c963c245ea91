//! 2.3: `PlanarLayout` (lance-encoding `format/planar.rs`, `encodings/logical/primitive/planar.rs`
//! and `sparse/`; lance-file `versions/v2_3/reader.rs`).

use super::checker::{BufferOf, Checker, Count, SizeRule, TypeErrorKind};
use super::codec::{Payload, Position, codec, sequence};
use super::shape::StoredType;
use super::structural::{
    CHUNK_ALIGNMENT, Chunks, Zip, check_layers, chunks, dictionary_items, level_codec,
    levels_present, zipped,
};
use super::want::{LayerKind, LayerWant};
use crate::model::encoding::{Addressing, Kind, Layer, Node};

/// Most bytes of a constant value.
const MAX_SCALAR_BYTES: u64 = 32;

/// Judges a page and says what it yields.
pub fn page(judge: &mut Checker, node: &Node, wanted: &[LayerWant]) -> StoredType {
    let dense = match node.child("structure").map(|structure| &structure.kind) {
        Some(Kind::DenseStructure { layers }) => Some(layers.as_slice()),
        Some(Kind::SparseStructure) => None,
        _ => return StoredType::Unknown,
    };
    let structure_buffers = judge.child(node, "structure", |judge, structure| match dense {
        Some(layers) => {
            if layers.is_empty() {
                judge.complain(
                    TypeErrorKind::Layers,
                    "no layers",
                    "layers, as the field is nested",
                    "fails: Planar dense layers are empty or invalid",
                );
            } else {
                check_layers(judge, layers, wanted);
            }
            0
        }
        None => {
            let first = node.child("values").map_or(0, sparse_value_buffers);
            sparse(judge, structure, wanted, first)
        }
    });
    if let (None, Some(structure_buffers), Some(values)) = (
        dense,
        structure_buffers,
        node.child("values").map(sparse_value_buffers),
    ) {
        let (found, expected) = (judge.page_buffers, values + structure_buffers);
        if found != expected {
            judge.complain(
                TypeErrorKind::Buffers,
                format!("{found} page buffers"),
                format!("{expected}, as its values and layers need"),
                format!("fails: Planar sparse page has {found} buffers, expected {expected}"),
            );
        }
    }
    judge
        .child(node, "values", |judge, values| plane(judge, values, dense))
        .unwrap_or(StoredType::Unknown)
}

/// Buffers of values beside sparse structure (lance-encoding `sparse/planar.rs`).
fn sparse_value_buffers(values: &Node) -> usize {
    match &values.kind {
        Kind::Indexed => 3,
        Kind::Chunked { .. } => 2 + usize::from(values.child("dictionary").is_some()),
        Kind::Zipped {
            addressing: Addressing::PerOffset(_),
            ..
        } => 2,
        Kind::Zipped { .. } => 1,
        _ => 0,
    }
}

fn malformed(judge: &mut Checker, found: impl Into<String>, expected: &str, effect: &str) {
    judge.complain(TypeErrorKind::Grammar, found, expected, effect);
}

fn buffers(judge: &mut Checker, expected: usize) {
    let found = judge.page_buffers;
    if found != expected {
        judge.complain(
            TypeErrorKind::Buffers,
            format!("{found} page buffers"),
            format!("{expected}"),
            format!("fails: Planar dense page has {found} buffers, expected {expected}"),
        );
    }
}

fn plane(judge: &mut Checker, node: &Node, dense: Option<&[Layer]>) -> StoredType {
    match &node.kind {
        Kind::Chunked {
            num_buffers,
            num_items,
            num_dictionary_items,
        } => chunked(
            judge,
            node,
            dense,
            (*num_buffers, *num_items, *num_dictionary_items),
        ),
        Kind::Zipped {
            addressing,
            num_items,
            num_visible_items,
            level_bits,
        } => {
            if u32::try_from(*num_items).is_err() {
                malformed(
                    judge,
                    format!("{num_items} items"),
                    "as many items as 32 bits count",
                    "fails: Zipped item count exceeds u32",
                );
            }
            if let Addressing::PerValue(bits) = addressing
                && (*bits == 0 || bits % 8 != 0)
            {
                malformed(
                    judge,
                    format!("values of {bits} bits"),
                    "values of whole bytes",
                    "fails: Planar zipped addressing is invalid",
                );
            }
            match (dense, level_bits) {
                (Some(layers), Some(level_bits)) => zipped(
                    judge,
                    node,
                    &Zip {
                        layers,
                        level_bits: *level_bits,
                        addressing: *addressing,
                        values: "compression",
                    },
                ),
                (Some(_), None) => {
                    malformed(
                        judge,
                        "no levels",
                        "levels beside dense structure",
                        "fails: Planar page is missing dense zip levels",
                    );
                    StoredType::Unknown
                }
                (None, Some(_)) => {
                    malformed(
                        judge,
                        "levels beside sparse structure",
                        "no levels",
                        "fails: Sparse zipped values contain dense levels",
                    );
                    StoredType::Unknown
                }
                (None, None) => {
                    if num_visible_items != num_items {
                        malformed(
                            judge,
                            format!("{num_visible_items} of {num_items} items visible"),
                            "one value per item",
                            "fails: Sparse zipped values require one value per item and no dense controls",
                        );
                    }
                    if judge.page_buffers > 0 {
                        match addressing {
                            Addressing::PerValue(bits) => {
                                if let Some(bits) = num_items.checked_mul(u64::from(*bits)) {
                                    judge.measure(BufferOf::Page(0), SizeRule::Exactly(bits / 8));
                                }
                            }
                            _ => judge.measure(BufferOf::Page(1), SizeRule::ItemIndex(*num_items)),
                        }
                    }
                    sparse_zipped(judge, node, *addressing)
                }
            }
        }
        Kind::ConstantValue { scalar_bytes } => {
            if *scalar_bytes == 0 || *scalar_bytes > MAX_SCALAR_BYTES {
                malformed(
                    judge,
                    format!("a value of {scalar_bytes} bytes"),
                    "a value of 1 to 32 bytes",
                    "fails: Planar constant scalar must contain 1..=32 bytes",
                );
            }
            if let Some(layers) = dense {
                if layers.iter().any(|layer| layer.0 != 1) {
                    judge.complain(
                        TypeErrorKind::Layers,
                        "layers with nulls or lists around one value",
                        "layers of all-valid items",
                        "fails: Dense constant requires trivial all-valid structure",
                    );
                }
                buffers(judge, 0);
            }
            StoredType::OneValue(Some(*scalar_bytes))
        }
        Kind::NoValues => {
            if let Some(layers) = dense {
                if !matches!(layers, [Layer(3)]) {
                    judge.complain(
                        TypeErrorKind::Layers,
                        "layers around no values",
                        "one layer of nullable items",
                        "fails: Dense no-values requires a single null leaf layer",
                    );
                }
                buffers(judge, 0);
            }
            StoredType::Nulls
        }
        Kind::Indexed => {
            if dense.is_some() {
                malformed(
                    judge,
                    "indexed values beside dense structure",
                    "indexed values beside sparse structure",
                    "fails: Indexed values require sparse structure",
                );
                return StoredType::Unknown;
            }
            let indices = judge.child(node, "indices", |judge, inner| {
                codec(judge, inner, Position::OptionalBlock).shape
            });
            let items = judge.child(node, "items", |judge, inner| match inner.kind {
                Kind::Zipped { addressing, .. } => sparse_zipped(judge, inner, addressing),
                _ => StoredType::Unknown,
            });
            let indices = indices.unwrap_or(StoredType::Unknown);
            indices.coded(Some(items.unwrap_or(StoredType::Unknown)))
        }
        _ => StoredType::Unknown,
    }
}

fn chunked(
    judge: &mut Checker,
    node: &Node,
    dense: Option<&[Layer]>,
    (num_buffers, num_items, num_dictionary_items): (u64, u64, u64),
) -> StoredType {
    let has_dictionary = node.child("dictionary").is_some();
    if has_dictionary != (num_dictionary_items > 0) {
        malformed(
            judge,
            format!(
                "{} dictionary of {num_dictionary_items} items",
                if has_dictionary { "a" } else { "no" }
            ),
            "a dictionary of 1 item or more, or none of 0",
            "fails: Planar dictionary count does not match its encoding",
        );
    }
    let Some(layers) = dense else {
        if num_items != 0 {
            malformed(
                judge,
                format!("a count of {num_items} items beside sparse structure"),
                "no count, as the structure tells",
                "fails: Sparse chunked values contain dense level metadata",
            );
        }
        if node.child("levels").is_some() {
            malformed(
                judge,
                "levels beside sparse structure",
                "no levels",
                "fails: Sparse chunked values contain dense levels",
            );
        }
        if judge.page_buffers > 1 {
            judge.measure(BufferOf::Page(0), SizeRule::ChunkWords(4));
            judge.measure(BufferOf::Page(1), SizeRule::MultipleOf(CHUNK_ALIGNMENT));
        }
        let coded = judge.child(node, "compression", |judge, inner| {
            codec(judge, inner, Position::MiniBlock)
        });
        let items = judge.child(node, "dictionary", |judge, inner| {
            dictionary_items(codec(judge, inner, Position::Block).shape)
        });
        let shape = coded.map_or(StoredType::Unknown, |coded| {
            if let Some(needed) = coded.buffers.filter(|needed| *needed != num_buffers) {
                chunk_buffers(judge, num_buffers, needed);
            }
            coded.shape
        });
        return shape.coded(items);
    };
    let Some(depth) = judge.child(node, "levels", |_, levels| match levels.kind {
        Kind::ChunkLevels {
            repetition_index_depth,
        } => u64::from(repetition_index_depth),
        _ => 0,
    }) else {
        malformed(
            judge,
            "no levels",
            "levels beside dense structure",
            "fails: Planar page is missing dense chunk levels",
        );
        return StoredType::Unknown;
    };
    let has = judge.child(node, "levels", |judge, levels| {
        (
            level_codec(judge, levels, "repetition"),
            level_codec(judge, levels, "definition"),
        )
    });
    levels_present(judge, layers, has.unwrap_or((false, false)));
    chunks(
        judge,
        node,
        &Chunks {
            layers,
            num_buffers,
            index_depth: depth,
            num_items,
            num_dictionary_items,
            word: 4,
            values: "compression",
        },
    )
}

fn chunk_buffers(judge: &mut Checker, found: u64, needed: u64) {
    judge.complain(
        TypeErrorKind::Buffers,
        format!("chunks of {found} buffers"),
        format!("chunks of {needed}, as the codec needs"),
        format!("fails: Planar chunk declares {found} value buffers, codec requires {needed}"),
    );
}

fn sparse_zipped(judge: &mut Checker, node: &Node, addressing: Addressing) -> StoredType {
    let position = match addressing {
        Addressing::PerValue(_) => Position::FixedPerValue,
        Addressing::PerOffset(32 | 64) => Position::VariablePerValue,
        Addressing::PerOffset(_) | Addressing::Unset => {
            malformed(
                judge,
                "no way to find values",
                "bits of a value, or offsets of 32 or 64 bits",
                "fails: Planar zipped addressing is invalid",
            );
            return StoredType::Unknown;
        }
    };
    let coded = judge.child(node, "compression", |judge, inner| {
        codec(judge, inner, position)
    });
    match (coded.map(|coded| coded.shape), addressing) {
        (Some(StoredType::Variable(_)), Addressing::PerOffset(bits)) => {
            StoredType::Variable(u64::from(bits))
        }
        (Some(shape), _) => shape,
        (None, _) => StoredType::Unknown,
    }
}

/// Judges the layers of sparse structure, which stand outer to inner, one for each level of the
/// field's nesting, and says how many buffers they take from the `first` on.
fn sparse(judge: &mut Checker, node: &Node, wanted: &[LayerWant], first: usize) -> usize {
    let fits = |want: &LayerWant, layer: &Node| match &layer.kind {
        Kind::SparseList { .. } => want.kind == LayerKind::List,
        Kind::SparseFixedSizeList { dimension } => {
            want.kind == LayerKind::FixedSizeList(*dimension)
        }
        Kind::SparseValidity { .. } => want.kind == LayerKind::Item,
        _ => true,
    };
    let layers = || node.children.iter().map(|child| &child.node);
    let known = wanted.is_empty()
        || layers().count() == wanted.len()
            && wanted
                .iter()
                .rev()
                .zip(layers())
                .all(|(want, layer)| fits(want, layer));
    if !known {
        judge.complain(
            TypeErrorKind::Layers,
            format!("{} layers of sparse structure", layers().count()),
            format!("{} layers, as the field is nested", wanted.len()),
            "fails: Sparse structural metadata has fewer layers than the Arrow schema, or has … unconsumed \
             layer(s), or does not match",
        );
    }
    let mut buffers = 0;
    let mut masked = false;
    let mut slots = Count::PerRow(1);
    judge.needs.scale = 1;
    for at in 0..node.children.len() {
        let want = wanted.iter().rev().nth(at).filter(|_| known);
        judge.nth(node, at, |judge, layer| {
            if let Kind::SparseList { num_non_empty, .. } = layer.kind {
                for role in ["non_empty_positions", "counts"] {
                    needed(judge, layer, role, "sparse structural sequence");
                    judge.child(layer, role, |judge, inner| {
                        let payload = sequence(judge, inner, POSITION_BITS, Some(num_non_empty));
                        buffers += usize::from(measured(judge, payload, first + buffers));
                    });
                }
                judge.positions(num_non_empty, slots);
                // A null list has no items that it could hide.
                masked = false;
            }
            let nulls = match &layer.kind {
                Kind::SparseValidity { .. } => validity(judge, layer, slots, first, &mut buffers),
                _ => {
                    needed(judge, layer, "validity", "sparse validity");
                    let inner = judge.child(layer, "validity", |judge, inner| {
                        validity(judge, inner, slots, first, &mut buffers)
                    });
                    inner.unwrap_or(false)
                }
            };
            match layer.kind {
                Kind::SparseList {
                    num_child_slots, ..
                } => slots = Count::Fixed(num_child_slots),
                Kind::SparseFixedSizeList { dimension } => {
                    if dimension == 0 {
                        malformed(
                            judge,
                            "a layer of lists of 0 items",
                            "lists of 1 item or more",
                            "fails: Sparse structural fixed-size-list dimension is zero",
                        );
                    }
                    slots = slots.times(dimension);
                    judge.needs.scale = judge.needs.scale.saturating_mul(dimension);
                }
                _ => {}
            }
            if nulls && !masked && want.is_some_and(|want| !want.nullable) {
                judge.complain_of(
                    wanted.len().saturating_sub(at + 1),
                    TypeErrorKind::Nulls,
                    "a layer with nulls",
                    "no nulls",
                    "fails: Found unmasked nulls for non-nullable StructArray field …",
                );
            }
            masked |= nulls;
        });
    }
    buffers
}

/// Asks the size of the buffer of a sequence; says whether there is one.
fn measured(judge: &mut Checker, payload: Payload, buffer: usize) -> bool {
    let of = BufferOf::Page(buffer);
    match payload {
        Payload::None => return false,
        Payload::Unknown => {}
        Payload::Exactly(bytes) => judge.measure(of, SizeRule::Exactly(bytes)),
        Payload::Either(packed, plain) => judge.measure(of, SizeRule::Either(packed, plain)),
    }
    true
}

/// Bits of the positions and counts of sparse structure.
const POSITION_BITS: u64 = 64;

fn needed(judge: &mut Checker, node: &Node, role: &str, what: &str) {
    if node.child(role).is_none() {
        malformed(
            judge,
            format!("a layer without {}", role.replace('_', " ")),
            "all parts of the layer",
            &format!("fails: Lance v2.3 {what} is missing its nested encoding"),
        );
    }
}

/// Judges a set of positions among slots, whose buffer comes next; says whether it tells of nulls.
fn validity(
    judge: &mut Checker,
    node: &Node,
    slots: Count,
    first: usize,
    buffers: &mut usize,
) -> bool {
    let Kind::SparseValidity {
        meaning,
        num_positions,
    } = node.kind
    else {
        return false;
    };
    if !matches!(meaning, 1 | 2) {
        malformed(
            judge,
            format!("validity of the unknown meaning {meaning}"),
            "positions of nulls, or of valid slots",
            "fails: Planar sparse validity has an invalid meaning",
        );
    }
    needed(judge, node, "positions", "sparse structural sequence");
    judge.positions(num_positions, slots);
    judge.child(node, "positions", |judge, inner| {
        let payload = sequence(judge, inner, POSITION_BITS, Some(num_positions));
        *buffers += usize::from(measured(judge, payload, first + *buffers));
    });
    // Of valid slots it is not told how many there are in all.
    meaning == 1 && num_positions > 0
}
