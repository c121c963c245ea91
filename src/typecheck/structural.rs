//! 2.1 and 2.2: `PageLayout` (lance-file `versions/v2_1/reader.rs`, `versions/v2_2/reader.rs`;
//! lance-encoding `encodings/logical/primitive/`).

use smallvec::SmallVec;

use super::checker::{BufferOf, Checker, SizeRule, TypeErrorKind};
use super::codec::{Position, codec, list_bits, unrun};
use super::shape::StoredType;
use super::want::LayerWant;
use crate::model::encoding::{Addressing, Kind, Layer, Node};
use crate::model::version::FileVersion;

/// Bytes that each chunk of a mini-block page is padded to (lance-encoding `miniblock.rs`).
pub const CHUNK_ALIGNMENT: u64 = 8;
/// Bits of a repetition or definition level.
const LEVEL_BITS: u64 = 16;

/// Judges the layout of a page and says what it yields.
pub fn page(judge: &mut Checker, node: &Node, wanted: &[LayerWant]) -> StoredType {
    match &node.kind {
        Kind::MiniBlock { .. } => mini_block(judge, node, wanted),
        Kind::FullZip { .. } => full_zip(judge, node, wanted),
        Kind::ConstantLayout { .. } => constant(judge, node, wanted),
        Kind::BlobLayout { layers } => {
            if !layers.is_empty() {
                check_layers(judge, layers, wanted);
            }
            judge
                .child(node, "inner_layout", |judge, inner| page(judge, inner, &[]))
                .unwrap_or(StoredType::Unknown)
        }
        Kind::SparseLayout { .. } => StoredType::Unknown,
        _ => StoredType::Unknown,
    }
}

/// Levels that the layers of a page need: the greatest repetition and definition level.
pub fn levels(layers: &[Layer]) -> (u64, u64) {
    layers
        .iter()
        .fold((0, 0), |(rep, def), layer| match layer.0 {
            2 => (rep + 1, def),
            3 => (rep, def + 1),
            4 | 5 => (rep + 1, def + 1),
            6 => (rep + 1, def + 2),
            _ => (rep, def),
        })
}

/// The layers of a page as readers of 2.1 and 2.2 understand them: where there are no levels and no
/// lists, they do not tell list layers from item layers.
fn understood(judge: &mut Checker, layers: &[Layer], wanted: &[LayerWant]) -> SmallVec<[Layer; 4]> {
    let all_valid = layers.iter().all(|layer| matches!(layer.0, 1 | 2));
    let lists = wanted.iter().any(|want| want.is_list());
    let as_items = all_valid && !lists && layers.len() >= wanted.len();
    if wanted.is_empty() || !as_items || layers.iter().all(|layer| layer.0 == 1) {
        return layers.iter().copied().collect();
    }
    judge.complain(
        TypeErrorKind::Ignored,
        "list layers",
        "item layers, as the field is nested",
        "reads the values right, since the page has no levels",
    );
    layers.iter().map(|_| Layer(1)).collect()
}

/// Holds the layers of a page against those of the field's nesting. An item layer that has no
/// nulls says nothing, so readers do not miss it, and pass over more of them.
pub fn check_layers(judge: &mut Checker, layers: &[Layer], wanted: &[LayerWant]) {
    if let Some(layer) = layers.iter().find(|layer| !matches!(layer.0, 1..=6)) {
        judge.complain(
            TypeErrorKind::Grammar,
            format!("a layer that is {layer}"),
            "an item or list layer",
            match layer.0 {
                0 => "panics: Unspecified repdef layer".to_string(),
                other => format!(
                    "panics: called `Result::unwrap()` on an `Err` value: UnknownEnumValue({other})"
                ),
            },
        );
        return;
    }
    // Blobs hold their layers outside; what is inside has none that the schema knows of.
    if wanted.is_empty() {
        return;
    }
    let is_list = |layer: &Layer| !matches!(layer.0, 1 | 3);
    let (_, def) = levels(layers);
    for (at, want) in wanted.iter().enumerate() {
        let fits = match layers.get(at) {
            Some(layer) => is_list(layer) == want.is_list(),
            None => !want.is_list() && def == 0,
        };
        if !fits {
            return wrong_layers(judge, layers, wanted);
        }
    }
    let beyond = layers.get(wanted.len()..).unwrap_or_default();
    if beyond.iter().any(|layer| layer.0 != 1) {
        return wrong_layers(judge, layers, wanted);
    }
    for (at, (layer, want)) in layers.iter().zip(wanted).enumerate() {
        // A null of a struct around it may be all that this one is: then nothing of it is seen. A
        // null list has no items that it could hide.
        let mut outer = layers
            .iter()
            .skip(at + 1)
            .take_while(|layer| !is_list(layer));
        let masked = outer.any(|layer| layer.0 == 3);
        // A list within a struct that may be null is written as one that may be null itself, also
        // in pages where neither is.
        let mut around = wanted
            .iter()
            .skip(at + 1)
            .take_while(|want| !want.is_list());
        let masked = masked || is_list(layer) && around.any(|want| want.nullable);
        if !want.nullable && !masked && matches!(layer.0, 3 | 4 | 6) {
            judge.complain_of(
                at,
                TypeErrorKind::Nulls,
                format!("a layer that is {layer}"),
                "no nulls",
                "fails: Found unmasked nulls for non-nullable StructArray field …",
            );
            return;
        }
    }
}

fn wrong_layers(judge: &mut Checker, layers: &[Layer], wanted: &[LayerWant]) {
    let found: Vec<String> = layers.iter().map(Layer::to_string).collect();
    let expected: Vec<&str> = wanted
        .iter()
        .map(|want| if want.is_list() { "list" } else { "item" })
        .collect();
    judge.complain(
        TypeErrorKind::Layers,
        match found.is_empty() {
            true => "no layers".to_string(),
            false => format!("layers [{}], inner to outer", found.join(", ")),
        },
        format!("layers [{}], as the field is nested", expected.join(", ")),
        "panics: index out of bounds, or: internal error: entered unreachable code (repdef.rs), or \
         returns wrong values silently",
    );
}

/// Judges the codec of repetition or definition levels.
pub fn level_codec(judge: &mut Checker, node: &Node, role: &str) -> bool {
    judge
        .child(node, role, |judge, inner| {
            let coded = codec(judge, inner, Position::Block);
            if !matches!(coded.shape, StoredType::Fixed(LEVEL_BITS) | StoredType::Unknown) {
                judge.complain(
                    TypeErrorKind::Grammar,
                    format!("levels that are {}", coded.shape),
                    "levels of 16 bits",
                    "fails, panics, or returns wrong values silently",
                );
            }
        })
        .is_some()
        // A codec that this build cannot read stands there all the same.
        || node.child(role).is_some()
}

/// Holds stored levels against the layers that need them.
pub fn levels_present(judge: &mut Checker, layers: &[Layer], has: (bool, bool)) {
    let (rep, def) = levels(layers);
    let needs = (rep > 0, def > 0);
    for (needed, stored, what) in [
        (needs.0, has.0, "repetition"),
        (needs.1, has.1, "definition"),
    ] {
        if needed == stored {
            continue;
        }
        let (found, expected) = match stored {
            true => (
                format!("{what} levels"),
                format!("no {what} levels, as no layer needs them"),
            ),
            false => (
                format!("no {what} levels"),
                format!("{what} levels, as its layers need them"),
            ),
        };
        judge.complain(
            TypeErrorKind::Layers,
            found,
            expected,
            format!("fails: miniblock {what} codec and payload presence disagree, or panics"),
        );
        return;
    }
}

/// The parts of a mini-block page that 2.1 to 2.3 share.
#[derive(Debug)]
pub struct Chunks<'a> {
    /// Structure, inner to outer.
    pub layers: &'a [Layer],
    /// Buffers that a chunk is said to have.
    pub num_buffers: u64,
    /// Depth of the repetition index.
    pub index_depth: u64,
    /// Items of the page.
    pub num_items: u64,
    /// Entries of the dictionary.
    pub num_dictionary_items: u64,
    /// Bytes of a chunk word.
    pub word: u64,
    /// The role of the value codec.
    pub values: &'static str,
}

fn mini_block(judge: &mut Checker, node: &Node, wanted: &[LayerWant]) -> StoredType {
    let Kind::MiniBlock {
        layers,
        num_buffers,
        repetition_index_depth,
        num_items,
        num_dictionary_items,
        has_large_chunk,
    } = &node.kind
    else {
        return StoredType::Unknown;
    };
    match (judge.version, has_large_chunk) {
        (FileVersion::V2_1, true) => judge.complain(
            TypeErrorKind::Grammar,
            "large chunks",
            "chunk words of 16 bits, as 2.1 has no others",
            "fails: Large miniblock chunks are not part of the Lance v2.1 grammar",
        ),
        (FileVersion::V2_2, false) => judge.complain(
            TypeErrorKind::Grammar,
            "chunk words of 16 bits",
            "large chunks, as 2.2 has no others",
            "fails: Lance v2.2 miniblock pages require the u32 chunk grammar",
        ),
        _ => {}
    }
    let layers = &understood(judge, layers, wanted);
    check_layers(judge, layers, wanted);
    let has = (
        level_codec(judge, node, "rep_compression"),
        level_codec(judge, node, "def_compression"),
    );
    levels_present(judge, layers, has);
    chunks(
        judge,
        node,
        &Chunks {
            layers,
            num_buffers: *num_buffers,
            index_depth: *repetition_index_depth,
            num_items: *num_items,
            num_dictionary_items: *num_dictionary_items,
            word: if *has_large_chunk { 4 } else { 2 },
            values: "value_compression",
        },
    )
}

/// Judges values in chunks, their dictionary and the buffers of the page.
pub fn chunks(judge: &mut Checker, node: &Node, parts: &Chunks<'_>) -> StoredType {
    let coded = judge.child(node, parts.values, |judge, inner| {
        codec(judge, inner, Position::MiniBlock)
    });
    let has_dictionary = node.child("dictionary").is_some();
    let items = judge.child(node, "dictionary", |judge, inner| {
        dictionary(judge, inner, parts.num_dictionary_items)
    });
    let (rep, _) = levels(parts.layers);
    let mut has_index = parts.index_depth > 0;
    let found = judge.page_buffers;
    // Readers of 2.1 and 2.2 need the index of a page with lists for some reads only.
    let of_lists = 2 + usize::from(has_dictionary) + usize::from(rep > 0);
    if judge.version != FileVersion::V2_3 && rep > 0 && !has_index && found == of_lists {
        judge.complain(
            TypeErrorKind::Ignored,
            "a repetition index of depth 0",
            "a depth of 1, as the page has a buffer for it",
            "reads the values right",
        );
        has_index = true;
    } else if (rep > 0) != has_index {
        judge.complain(
            TypeErrorKind::Layers,
            match has_index {
                true => "a repetition index",
                false => "no repetition index",
            },
            match has_index {
                true => "none, as no layer is a list",
                false => "a repetition index, as a layer is a list",
            },
            "panics: index out of bounds (chunk_index.rs), or returns wrong rows silently",
        );
    }
    let expected = 2 + usize::from(has_dictionary) + usize::from(has_index);
    if found != expected {
        judge.complain(
            TypeErrorKind::Buffers,
            format!("{found} page buffers"),
            format!(
                "{expected}: chunk words, chunks{}{}",
                if has_dictionary { ", dictionary" } else { "" },
                if has_index { ", repetition index" } else { "" }
            ),
            "panics: index out of bounds (miniblock_decode.rs), or returns wrong values silently",
        );
    } else {
        judge.measure(BufferOf::Page(0), SizeRule::ChunkWords(parts.word));
        judge.measure(BufferOf::Page(1), SizeRule::MultipleOf(CHUNK_ALIGNMENT));
        if has_index {
            judge.measure(
                BufferOf::Page(expected - 1),
                SizeRule::ChunkIndex {
                    entries: parts.index_depth.max(1).saturating_add(1),
                    word: parts.word,
                },
            );
        }
    }
    if rep == 0 {
        judge.needs.items = Some(parts.num_items);
    } else if parts.num_items == 0 {
        judge.complain(
            TypeErrorKind::Rows,
            "chunks of 0 items",
            "1 item or more, as a page of empty or null lists has no chunks",
            "panics, or returns lists without their items silently",
        );
    }
    let Some(coded) = coded else {
        return StoredType::Unknown;
    };
    if let Some(buffers) = coded.buffers
        && buffers != parts.num_buffers
    {
        judge.complain(
            TypeErrorKind::Buffers,
            format!("chunks of {} buffers", parts.num_buffers),
            format!("chunks of {buffers}, as the codec needs"),
            format!(
                "fails: … mini-block has {} buffers, expected {buffers}, or panics",
                parts.num_buffers
            ),
        );
    }
    let indexes = matches!(coded.shape, StoredType::Fixed(_) | StoredType::Unknown);
    if has_dictionary && !indexes {
        judge.complain(
            TypeErrorKind::Grammar,
            format!("indices into a dictionary that are {}", coded.shape),
            "indices of 8, 16, 32 or 64 bits",
            "fails, panics, or returns wrong values silently",
        );
    }
    match items {
        None if has_dictionary => StoredType::Unknown,
        items => coded.shape.coded(items),
    }
}

/// Judges the codec of a dictionary (lance-encoding `miniblock_decode.rs`).
fn dictionary(judge: &mut Checker, node: &Node, num_items: u64) -> StoredType {
    let taken = matches!(
        node.kind,
        Kind::Variable { .. }
            | Kind::Flat { .. }
            | Kind::General { .. }
            | Kind::FixedSizeList { .. }
            | Kind::Rle { .. }
            | Kind::InlineBitpacking { .. }
            | Kind::OutOfLineBitpacking { .. }
    );
    if !taken {
        judge.complain(
            TypeErrorKind::Grammar,
            "a dictionary coded as no dictionary is",
            "variable, flat, list, RLE, bit-packed or compressed values",
            "fails: Unsupported mini-block dictionary encoding: …",
        );
        return StoredType::Unknown;
    }
    let coded = codec(judge, node, Position::Block);
    if let (Kind::Flat { bits, .. }, true) = (&node.kind, judge.page_buffers > 2)
        && let Some(bits) = bits.checked_mul(num_items)
    {
        judge.measure(BufferOf::Page(2), SizeRule::Exactly(bits.div_ceil(8)));
    }
    if num_items > 0 && judge.page_buffers > 2 {
        judge.measure(BufferOf::Page(2), SizeRule::AtLeast(1));
    }
    dictionary_items(coded.shape)
}

/// What a dictionary holds. Its reader takes the width of offsets from the field, whatever the
/// encoding says (seen with pylance 14.0.2).
pub fn dictionary_items(shape: StoredType) -> StoredType {
    match shape {
        StoredType::Variable(_) => StoredType::Variable(0),
        shape => shape,
    }
}

fn full_zip(judge: &mut Checker, node: &Node, wanted: &[LayerWant]) -> StoredType {
    let Kind::FullZip {
        layers,
        bits_rep,
        bits_def,
        addressing,
        ..
    } = &node.kind
    else {
        return StoredType::Unknown;
    };
    check_layers(judge, layers, wanted);
    zipped(
        judge,
        node,
        &Zip {
            layers,
            level_bits: (*bits_rep, *bits_def),
            addressing: *addressing,
            values: "value_compression",
        },
    )
}

/// The parts of a full-zip page that 2.1 to 2.3 share.
#[derive(Debug)]
pub struct Zip<'a> {
    /// Structure, inner to outer.
    pub layers: &'a [Layer],
    /// Bits of the (repetition, definition) levels.
    pub level_bits: (u32, u32),
    /// How values are found.
    pub addressing: Addressing,
    /// The role of the value codec.
    pub values: &'static str,
}

/// Judges values one by one, each with its levels before it.
pub fn zipped(judge: &mut Checker, node: &Node, zip: &Zip<'_>) -> StoredType {
    let (rep, def) = levels(zip.layers);
    let needed = |level: u64| 64 - level.leading_zeros();
    for (what, bits, level) in [
        ("repetition", zip.level_bits.0, rep),
        ("definition", zip.level_bits.1, def),
    ] {
        let fits = match level {
            0 => bits == 0,
            // Levels and values are packed by it.
            _ => bits == needed(level),
        };
        if !fits {
            judge.complain(
                TypeErrorKind::Layers,
                format!("{what} levels of {bits} bits"),
                match level {
                    0 => format!("no {what} levels, as no layer needs them"),
                    _ => format!(
                        "{what} levels of {} bits, as its layers need",
                        needed(level)
                    ),
                },
                match bits > 255 {
                    true => {
                        "panics: called `Result::unwrap()` on an `Err` value: TryFromIntError(())"
                    }
                    false => "fails, panics, or returns wrong values silently",
                },
            );
            return StoredType::Unknown;
        }
    }
    let control = match zip.level_bits.0 + zip.level_bits.1 {
        0 => 0,
        1..=8 => 8,
        9..=16 => 16,
        _ => 32,
    };
    let position = match zip.addressing {
        Addressing::PerValue(_) => Position::FixedPerValue,
        Addressing::PerOffset(bits) => {
            if !matches!(bits, 32 | 64) {
                judge.complain(
                    TypeErrorKind::Grammar,
                    format!("lengths of {bits} bits"),
                    "lengths of 32 or 64 bits",
                    "panics: assertion failed: out_bits_per_offset == 32 || out_bits_per_offset == 64",
                );
            }
            Position::VariablePerValue
        }
        Addressing::Unset => {
            judge.complain(
                TypeErrorKind::Grammar,
                "neither bits of a value nor bits of an offset",
                "one of the two",
                "panics: Full-zip layout must have a `details` field",
            );
            return StoredType::Unknown;
        }
    };
    let coded = judge.child(node, zip.values, |judge, inner| {
        codec(judge, inner, position)
    });
    let fixed = position == Position::FixedPerValue;
    let indexed = !fixed || rep > 0;
    let found = judge.page_buffers;
    let expected = 1 + usize::from(indexed);
    if found != expected {
        judge.complain(
            TypeErrorKind::Buffers,
            format!("{found} page buffers"),
            match indexed {
                true => "2: values and repetition index",
                false => "1: values",
            },
            "panics: index out of bounds, or: internal error: entered unreachable code \
             (fullzip_decode.rs); one too many aborts take()",
        );
    } else if indexed {
        judge.measure(BufferOf::Page(1), SizeRule::RowIndex);
    }
    let shape = match (coded, zip.addressing) {
        (Some(coded), Addressing::PerOffset(bits)) => match coded.shape {
            StoredType::Variable(_) => StoredType::Variable(u64::from(bits)),
            other => other,
        },
        (Some(coded), _) => coded.shape,
        (None, _) => return StoredType::Unknown,
    };
    if fixed && let Some(bits) = value_bits(&shape, node, zip.values) {
        if bits % 8 != 0 {
            judge.complain(
                TypeErrorKind::Grammar,
                format!("values of {bits} bits"),
                "values of whole bytes",
                "fails: Full-zip fixed-width values must be byte aligned, got … bits per value",
            );
        } else if !indexed {
            judge.measure(
                BufferOf::Page(0),
                SizeRule::ExactBitsPerRow(bits.saturating_add(control)),
            );
        }
    }
    shape
}

/// Bits that one value takes, its own validity included.
fn value_bits(shape: &StoredType, node: &Node, role: &str) -> Option<u64> {
    match shape {
        StoredType::Fixed(bits) => Some(*bits),
        StoredType::Nulls => Some(0),
        StoredType::PackedStruct(children) => {
            children.iter().try_fold(0u64, |sum, child| match child {
                StoredType::Fixed(bits) => sum.checked_add(*bits),
                _ => None,
            })
        }
        StoredType::FixedSizeList(..) => list_bits(node.child(role)?, 1),
        _ => None,
    }
}

fn constant(judge: &mut Checker, node: &Node, wanted: &[LayerWant]) -> StoredType {
    let Kind::ConstantLayout {
        layers,
        inline_bytes,
        ..
    } = &node.kind
    else {
        return StoredType::Unknown;
    };
    let layers = &understood(judge, layers, wanted);
    check_layers(judge, layers, wanted);
    let nulls_only = matches!(layers.as_slice(), [Layer(3)]) && inline_bytes.is_none();
    let compressed = ["rep_compression", "def_compression"].map(|role| match nulls_only {
        // Nothing but nulls in one layer has no levels to be read.
        true => {
            unrun(judge, node, role);
            node.child(role).is_some()
        }
        false => level_codec(judge, node, role),
    });
    let compressed = compressed.contains(&true);
    if judge.version == FileVersion::V2_1 {
        if inline_bytes.is_some() {
            judge.complain(
                TypeErrorKind::Grammar,
                "a constant value",
                "nulls only, as 2.1 has no other constants",
                "fails: Lance v2.1 only accepts the all-null form of constant page layout",
            );
        } else if compressed {
            judge.complain(
                TypeErrorKind::Grammar,
                "compressed levels",
                "plain levels, as 2.1 has no others",
                "fails: Compressed constant-page levels are not part of the Lance v2.1 grammar",
            );
        }
    }
    let buffers = judge.page_buffers;
    if inline_bytes.is_some() || matches!(buffers, 1 | 3) {
        let fits = match (inline_bytes, levels(layers)) {
            (Some(_), (0, 0)) => matches!(buffers, 0 | 2),
            (Some(_), _) => buffers == 2,
            (None, _) => true,
        };
        if !fits {
            judge.complain(
                TypeErrorKind::Buffers,
                format!("{buffers} page buffers beside a value in the layout"),
                match levels(layers) {
                    (0, 0) => "none, or two of levels",
                    _ => "two, of levels",
                },
                format!(
                    "fails: Invalid constant layout: inline_value present with {buffers} buffers"
                ),
            );
        }
        return StoredType::OneValue(*inline_bytes);
    }
    if inline_bytes.is_none() && matches!(layers.as_slice(), [] | [Layer(1)]) {
        judge.complain(
            TypeErrorKind::Layers,
            "a layer without nulls around nothing but nulls",
            "a layer of nullable items, or a value",
            "panics: index out of bounds (all_null.rs), fails: Invalid repetition level …, or returns \
             nulls silently",
        );
    } else if nulls_only && buffers > 0 {
        judge.complain(
            TypeErrorKind::Buffers,
            format!("{buffers} page buffers"),
            "none, as all values are null",
            "returns nothing but nulls silently, whatever the buffers hold",
        );
    } else if !nulls_only && buffers < 2 {
        judge.complain(
            TypeErrorKind::Buffers,
            format!("{buffers} page buffers"),
            "2: repetition and definition levels",
            "panics: index out of bounds: the len is 0 but the index is 0 (all_null.rs)",
        );
    }
    StoredType::Nulls
}
