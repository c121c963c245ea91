//! 2.3: `PlanarLayout` (lance-encoding `format/planar.rs`, `encodings/logical/primitive/planar.rs`
//! and `sparse/`; lance-file `versions/v2_3/reader.rs`).

use super::codec::{Position, codec};
use super::judge::{About, Judge};
use super::shape::Shape;
use super::structural::{Chunks, Zip, check_layers, chunks, level_codec, levels_present, zipped};
use super::want::{LayerWant, Want};
use crate::model::encoding::{Addressing, Kind, Layer, Node};

/// Most bytes of a constant value.
const MOST_SCALAR_BYTES: u64 = 32;

/// Judges a page and says what it yields.
pub fn page(judge: &mut Judge, node: &Node, want: &Want, wanted: &[LayerWant]) -> Shape {
    let dense = match node.child("structure").map(|structure| &structure.kind) {
        Some(Kind::DenseStructure { layers }) => Some(layers.as_slice()),
        Some(Kind::SparseStructure) => None,
        _ => return Shape::Unknown,
    };
    judge.child(node, "structure", |judge, structure| match dense {
        Some(layers) => {
            if layers.is_empty() {
                judge.complain(
                    About::Layers,
                    "no layers",
                    "layers, as the field is nested",
                    "fails: Planar dense layers are empty or invalid",
                );
            } else {
                check_layers(judge, layers, wanted);
            }
        }
        None => sparse(judge, structure, wanted),
    });
    judge
        .child(node, "values", |judge, values| {
            plane(judge, values, want, dense)
        })
        .unwrap_or(Shape::Unknown)
}

fn malformed(judge: &mut Judge, found: impl Into<String>, expected: &str, effect: &str) {
    judge.complain(About::Grammar, found, expected, effect);
}

fn buffers(judge: &mut Judge, expected: usize) {
    let found = judge.page_buffers;
    if found != expected {
        judge.complain(
            About::Buffers,
            format!("{found} page buffers"),
            format!("{expected}"),
            format!("fails: Planar dense page has {found} buffers, expected {expected}"),
        );
    }
}

fn plane(judge: &mut Judge, node: &Node, want: &Want, dense: Option<&[Layer]>) -> Shape {
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
            level_bits,
            ..
        } => {
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
                        num_items: *num_items,
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
                    Shape::Unknown
                }
                (None, Some(_)) => {
                    malformed(
                        judge,
                        "levels beside sparse structure",
                        "no levels",
                        "fails: Sparse zipped values contain dense levels",
                    );
                    Shape::Unknown
                }
                (None, None) => sparse_zipped(judge, node, *addressing),
            }
        }
        Kind::ConstantValue { scalar_bytes } => {
            if *scalar_bytes == 0 || *scalar_bytes > MOST_SCALAR_BYTES {
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
                        About::Layers,
                        "layers with nulls or lists around one value",
                        "layers of all-valid items",
                        "fails: Dense constant requires trivial all-valid structure",
                    );
                }
                buffers(judge, 0);
            }
            match want {
                // The value has the width of its type to the byte (a boolean has one).
                Want::Fixed(_) | Want::Unknown => Shape::OneValue(Some(*scalar_bytes)),
                _ => Shape::OneValue(Some(*scalar_bytes)),
            }
        }
        Kind::NoValues => {
            if let Some(layers) = dense {
                if !matches!(layers, [Layer(3)]) {
                    judge.complain(
                        About::Layers,
                        "layers around no values",
                        "one layer of nullable items",
                        "fails: Dense no-values requires a single null leaf layer",
                    );
                }
                buffers(judge, 0);
            }
            Shape::Nulls
        }
        Kind::Indexed => {
            if dense.is_some() {
                malformed(
                    judge,
                    "indexed values beside dense structure",
                    "indexed values beside sparse structure",
                    "fails: Indexed values require sparse structure",
                );
                return Shape::Unknown;
            }
            let indices = judge.child(node, "indices", |judge, inner| {
                codec(judge, inner, Position::OptionalBlock).shape
            });
            let items = judge.child(node, "items", |judge, inner| match inner.kind {
                Kind::Zipped { addressing, .. } => sparse_zipped(judge, inner, addressing),
                _ => Shape::Unknown,
            });
            Shape::Dictionary {
                indices: Box::new(indices.unwrap_or(Shape::Unknown)),
                items: Box::new(items.unwrap_or(Shape::Unknown)),
            }
        }
        _ => Shape::Unknown,
    }
}

fn chunked(
    judge: &mut Judge,
    node: &Node,
    dense: Option<&[Layer]>,
    (num_buffers, num_items, num_dictionary_items): (u64, u64, u64),
) -> Shape {
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
        if node.child("levels").is_some() {
            malformed(
                judge,
                "levels beside sparse structure",
                "no levels",
                "fails: Sparse chunked values contain dense levels",
            );
        }
        let coded = judge.child(node, "compression", |judge, inner| {
            codec(judge, inner, Position::MiniBlock)
        });
        let items = judge.child(node, "dictionary", |judge, inner| {
            codec(judge, inner, Position::Block).shape
        });
        let shape = coded.map_or(Shape::Unknown, |coded| {
            if let Some(needed) = coded.buffers.filter(|needed| *needed != num_buffers) {
                chunk_buffers(judge, num_buffers, needed);
            }
            coded.shape
        });
        return match items {
            Some(items) => Shape::Dictionary {
                indices: Box::new(shape),
                items: Box::new(items),
            },
            None => shape,
        };
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
        return Shape::Unknown;
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

fn chunk_buffers(judge: &mut Judge, found: u64, needed: u64) {
    judge.complain(
        About::Buffers,
        format!("chunks of {found} buffers"),
        format!("chunks of {needed}, as the codec needs"),
        format!("fails: Planar chunk declares {found} value buffers, codec requires {needed}"),
    );
}

fn sparse_zipped(judge: &mut Judge, node: &Node, addressing: Addressing) -> Shape {
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
            return Shape::Unknown;
        }
    };
    let coded = judge.child(node, "compression", |judge, inner| {
        codec(judge, inner, position)
    });
    match (coded.map(|coded| coded.shape), addressing) {
        (Some(Shape::Variable(_)), Addressing::PerOffset(bits)) => Shape::Variable(u64::from(bits)),
        (Some(shape), _) => shape,
        (None, _) => Shape::Unknown,
    }
}

/// Judges the layers of sparse structure, which stand outer to inner, and only where something
/// is not as usual may be left out.
fn sparse(judge: &mut Judge, node: &Node, _wanted: &[LayerWant]) {
    for at in 0..node.children.len() {
        judge.nth(node, at, |judge, layer| match &layer.kind {
            Kind::SparseValidity { .. } => validity(judge, layer),
            Kind::SparseFixedSizeList { dimension } => {
                if *dimension == 0 {
                    malformed(
                        judge,
                        "a layer of lists of 0 items",
                        "lists of 1 item or more",
                        "fails: Sparse fixed-size-list layer dimension …",
                    );
                }
                needed(judge, layer, "validity", "sparse validity");
                judge.child(layer, "validity", validity);
            }
            Kind::SparseList { .. } => {
                for (role, what) in [
                    ("non_empty_positions", "sparse structural sequence"),
                    ("counts", "sparse structural sequence"),
                ] {
                    needed(judge, layer, role, what);
                    judge.child(layer, role, sequence);
                }
                needed(judge, layer, "validity", "sparse validity");
                judge.child(layer, "validity", validity);
            }
            _ => {}
        });
    }
}

fn needed(judge: &mut Judge, node: &Node, role: &str, what: &str) {
    if node.child(role).is_none() {
        malformed(
            judge,
            format!("a layer without {}", role.replace('_', " ")),
            "all parts of the layer",
            &format!("fails: Lance v2.3 {what} is missing its nested encoding"),
        );
    }
}

fn validity(judge: &mut Judge, node: &Node) {
    let Kind::SparseValidity { meaning, .. } = node.kind else {
        return;
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
    judge.child(node, "positions", sequence);
}

fn sequence(judge: &mut Judge, node: &Node) {
    let coded = codec(judge, node, Position::OptionalBlock);
    if let Shape::Fixed(bits) = coded.shape
        && bits != 64
    {
        malformed(
            judge,
            format!("positions of {bits} bits"),
            "positions of 64 bits",
            "fails: … block sequence …",
        );
    }
}
