//! 2.0: `ArrayEncoding` (lance-encoding `array_encoding/physical.rs`).

use super::checker::{BufferOf, Checker, Count, SizeRule, TypeErrorKind};
use super::shape::StoredType;
use super::want::ExpectedType;
use crate::model::encoding::{BufferRef, Compression, Kind, Node, Nulls};

/// Bytes of an FSST symbol table, the only size that decoders take (fsst crate).
pub const SYMBOL_TABLE_BYTES: u64 = 2312;
/// Values of a block of bit-packed integers (lance-encoding `bitpack.rs`).
pub const PACKED_BLOCK: u64 = 1024;

const UNWRAP: &str = "panics: called `Option::unwrap()` on a `None` value (physical.rs)";
const GARBAGE: &str = "returns wrong values silently";

/// Judges the encoding of a page and says what it yields.
pub fn page(judge: &mut Checker, root: &Node, want: &ExpectedType) -> StoredType {
    let complaints = judge.complaints.len();
    let shape = array(judge, root, want, Count::PerRow(1));
    let read = (0..judge.page_buffers).filter(|index| judge.pointed.contains(index));
    let (read, found) = (read.count(), judge.page_buffers);
    // What is wrong with pointers was said where they are.
    if read < found && judge.complaints.len() == complaints {
        judge.complain(
            TypeErrorKind::Unread,
            match found {
                1 => "a page buffer".to_string(),
                _ => format!("{found} page buffers"),
            },
            match read {
                0 => "none, as the encoding points to none".to_string(),
                _ => format!("{read}, as many as the encoding points to"),
            },
            "returns wrong values or nulls silently, where the buffers left over are those \
             of the values",
        );
    }
    shape
}

/// Judges a node and says what it yields. `want` is the type that the decoder is told of, which
/// some encodings need to know.
pub fn array(judge: &mut Checker, node: &Node, want: &ExpectedType, count: Count) -> StoredType {
    match &node.kind {
        Kind::Flat {
            bits,
            buffer,
            compression,
        } => flat(judge, *bits, *buffer, compression.as_ref(), count),
        Kind::Nullable(Nulls::All) => StoredType::Nulls,
        Kind::Nullable(nulls) => {
            let inner = node.child("values").map(|values| &values.kind);
            if matches!(inner, Some(Kind::Nullable(Nulls::Some | Nulls::All))) {
                grammar(
                    judge,
                    "nulls within what has nulls already",
                    "one layer of nulls",
                    GARBAGE,
                );
            }
            if *nulls == Nulls::Some {
                judge.child(node, "validity", |judge, node| {
                    bits_needed(judge, node, 1, count);
                });
            }
            child(judge, node, "values", want, count)
        }
        Kind::FixedSizeList { dimension, .. } => {
            if *dimension == 0 {
                grammar(
                    judge,
                    "lists of 0 items",
                    "lists of 1 item or more",
                    GARBAGE,
                );
            }
            let items = count.times(*dimension);
            let item_want = match want {
                ExpectedType::FixedSizeList(_, item) => item,
                other => other,
            };
            let item = child(judge, node, "items", item_want, items);
            StoredType::FixedSizeList(*dimension, Box::new(item))
        }
        Kind::List {
            null_offset_adjustment,
            num_items,
        } => {
            // The number of items is not read.
            if num_items
                .checked_add(1)
                .is_some_and(|least| *null_offset_adjustment > least)
            {
                judge.complain(
                    TypeErrorKind::Ignored,
                    format!("a null offset adjustment of {null_offset_adjustment}"),
                    format!("the items of the page, {num_items}, and one more"),
                    "reads lists right where none of them is null",
                );
            } else if num_items.checked_add(1) != Some(*null_offset_adjustment) {
                grammar(
                    judge,
                    format!("a null offset adjustment of {null_offset_adjustment}"),
                    format!("the items of the page, {num_items}, and one more"),
                    match null_offset_adjustment {
                        0 => "panics: attempt to calculate the remainder with a divisor of zero",
                        _ => {
                            "panics: End is less than start in window, or returns lists as null silently"
                        }
                    },
                );
            }
            let offsets = child(judge, node, "offsets", &ExpectedType::Fixed(64), count);
            StoredType::Offsets(Box::new(offsets))
        }
        Kind::StructHeader => StoredType::StructHeader,
        Kind::Binary { null_adjustment } => binary(judge, node, *null_adjustment, count),
        Kind::FixedSizeBinary { byte_width } => {
            if !matches!(want, ExpectedType::Variable { .. } | ExpectedType::Unknown) {
                judge.complain(
                    TypeErrorKind::Type,
                    "values of varying length that are all of one length",
                    want.to_string(),
                    "panics: FixedSizeBinary only supports binary and utf8 types",
                );
            }
            judge.child(node, "bytes", |judge, node| {
                bits_needed(judge, node, 8, count.times(*byte_width));
            });
            StoredType::Variable(0)
        }
        Kind::Dictionary { num_items } => dictionary(judge, node, *num_items, want, count),
        Kind::Fsst { symbol_table_bytes } => {
            symbol_table(judge, *symbol_table_bytes);
            if matches!(want, ExpectedType::Variable { large: true, .. }) {
                judge.complain(
                    TypeErrorKind::Type,
                    "FSST, whose strings have 32-bit offsets",
                    want.to_string(),
                    GARBAGE,
                );
            }
            match child(judge, node, "binary", want, count) {
                StoredType::Variable(_) | StoredType::Unknown => StoredType::Variable(0),
                other => {
                    grammar(
                        judge,
                        format!("FSST over {other}"),
                        "FSST over values of varying length",
                        "panics: Received non-variable width data from inner decoder",
                    );
                    StoredType::Unknown
                }
            }
        }
        Kind::PackedStruct { buffer, .. } => packed_struct(judge, node, *buffer, want, count),
        Kind::Bitpacked {
            compressed_bits,
            uncompressed_bits,
            buffer,
            ..
        } => {
            if *compressed_bits == 0 || *compressed_bits > 64 {
                grammar(
                    judge,
                    format!("values packed to {compressed_bits} bits"),
                    "values packed to 1 to 64 bits",
                    "panics: attempt to divide by zero, or attempt to shift with overflow",
                );
            }
            if *uncompressed_bits == 0 || *uncompressed_bits % 8 != 0 || *uncompressed_bits > 64 {
                grammar(
                    judge,
                    format!("values unpacked to {uncompressed_bits} bits"),
                    "values unpacked to 8, 16, 32 or 64 bits",
                    "panics, or returns wrong values silently",
                );
            } else if compressed_bits > uncompressed_bits {
                grammar(
                    judge,
                    format!("values of {uncompressed_bits} bits packed to {compressed_bits}"),
                    "fewer bits packed than unpacked",
                    GARBAGE,
                );
            }
            measured(judge, *buffer, *compressed_bits, count);
            StoredType::Fixed(*uncompressed_bits)
        }
        Kind::BitpackedForNonNeg {
            compressed_bits,
            uncompressed_bits,
            buffer,
        } => {
            if !matches!(uncompressed_bits, 8 | 16 | 32 | 64) {
                grammar(
                    judge,
                    format!("values unpacked to {uncompressed_bits} bits"),
                    "values unpacked to 8, 16, 32 or 64 bits",
                    "panics: internal error: entered unreachable code: \
                     bitpacked_for_non_neg_decode only supports 8, 16, 32, 64 \
                     uncompressed_bits_per_value",
                );
            } else if *compressed_bits == 0 || compressed_bits > uncompressed_bits {
                grammar(
                    judge,
                    format!("values of {uncompressed_bits} bits packed to {compressed_bits}"),
                    "at least 1 bit, and no more than unpacked",
                    "panics, or returns wrong values silently",
                );
            }
            if let (Some(of), Count::PerRow(per_row)) = (judge.buffer(*buffer), count) {
                judge.measure(
                    of,
                    SizeRule::PackedBlocks {
                        bits: *compressed_bits,
                        per_row,
                    },
                );
            }
            StoredType::Fixed(*uncompressed_bits)
        }
        _ => {
            judge.complain(
                TypeErrorKind::Grammar,
                "a codec that 2.0 does not have",
                "an encoding of 2.0",
                "panics: internal error: entered unreachable code: Unsupported array encoding: …",
            );
            StoredType::Unknown
        }
    }
}

/// Blocks of 1,024 values that so many values fill.
pub fn packed_blocks(values: u64) -> u64 {
    values
        .div_ceil(PACKED_BLOCK)
        .saturating_mul(PACKED_BLOCK / 8)
}

fn child(
    judge: &mut Checker,
    node: &Node,
    role: &str,
    want: &ExpectedType,
    count: Count,
) -> StoredType {
    let shape = judge.child(node, role, |judge, node| array(judge, node, want, count));
    shape.unwrap_or(StoredType::Unknown)
}

fn grammar(
    judge: &mut Checker,
    found: impl Into<String>,
    expected: impl Into<String>,
    effect: impl Into<String>,
) {
    judge.complain(TypeErrorKind::Grammar, found, expected, effect);
}

/// Says whether a symbol table has the one size that decoders take.
pub fn symbol_table(judge: &mut Checker, bytes: u64) {
    if bytes != SYMBOL_TABLE_BYTES {
        judge.complain(
            TypeErrorKind::Grammar,
            format!("an FSST symbol table of {bytes} bytes"),
            format!("one of {SYMBOL_TABLE_BYTES} bytes"),
            "fails: the symbol table buffer for FSST decoder must have size 2312",
        );
    }
}

fn flat(
    judge: &mut Checker,
    bits: u64,
    buffer: Option<BufferRef>,
    compression: Option<&Compression>,
    count: Count,
) -> StoredType {
    if bits == 0 {
        grammar(
            judge,
            "values of 0 bits",
            "values of 1 bit or of whole bytes",
            "panics: align_offset: align is not a power-of-two",
        );
    } else if bits != 1 && !bits.is_multiple_of(8) {
        grammar(
            judge,
            format!("values of {bits} bits"),
            "values of 1 bit or of whole bytes",
            format!(
                "panics: not yet implemented: bits_per_value ({bits}) that is not a multiple of 8"
            ),
        );
    }
    match compression {
        Some(compression) => {
            judge.buffer(buffer);
            if !matches!(compression.scheme.as_str(), "zstd" | "lz4") {
                let scheme = &compression.scheme;
                grammar(
                    judge,
                    format!("bytes compressed as {scheme:?}"),
                    "zstd, lz4 or none",
                    format!("panics: Unknown compression scheme: {scheme}"),
                );
            }
        }
        _ => measured(judge, buffer, bits, count),
    }
    StoredType::Fixed(bits)
}

fn measured(judge: &mut Checker, buffer: Option<BufferRef>, bits: u64, count: Count) {
    let Some(of) = judge.buffer(buffer) else {
        return;
    };
    match count {
        Count::PerRow(per_row) => {
            if let Some(bits) = bits.checked_mul(per_row) {
                judge.measure(of, SizeRule::BitsPerRow(bits));
            }
        }
        Count::Fixed(values) => {
            if let Some(bits) = bits.checked_mul(values) {
                judge.measure(of, SizeRule::AtLeast(bits.div_ceil(8)));
            }
        }
        Count::Unknown => {}
    }
}

/// Judges a child whose width is fixed by its role.
fn bits_needed(judge: &mut Checker, node: &Node, bits: u64, count: Count) {
    let shape = array(judge, node, &ExpectedType::Fixed(bits), count);
    let fits =
        matches!(shape, StoredType::Fixed(got) if got == bits) || shape == StoredType::Unknown;
    if !fits {
        judge.complain(
            TypeErrorKind::Grammar,
            shape.to_string(),
            ExpectedType::Fixed(bits).to_string(),
            "fails, or returns wrong values silently",
        );
    }
}

fn binary(judge: &mut Checker, node: &Node, null_adjustment: u64, count: Count) -> StoredType {
    judge.child(node, "indices", |judge, node| {
        bits_needed(judge, node, 64, count);
    });
    if null_adjustment == 0 {
        grammar(
            judge,
            "a null adjustment of 0",
            "the number of bytes and one more",
            "returns every value as null silently",
        );
    }
    judge.child(node, "bytes", |judge, node| {
        match node.kind {
            Kind::Flat {
                bits,
                compression: None,
                ..
            } if bits == 0 || bits % 8 != 0 || bits > 64 => grammar(
                judge,
                format!("bytes of {bits} bits"),
                "bytes of 8 bits",
                match bits {
                    0 => "panics: align_offset: align is not a power-of-two",
                    _ if bits % 8 != 0 => {
                        "panics: not yet implemented: bits_per_value (…) that is not a multiple of 8"
                    }
                    _ => "fails: failed to fill whole buffer, where these bytes go past the end of the file",
                },
            ),
            Kind::Flat {
                bits,
                compression: None,
                ..
            } if bits != 8 => judge.complain(
                TypeErrorKind::Ignored,
                format!("bytes of {bits} bits"),
                "bytes of 8 bits",
                "reads the bytes right",
            ),
            _ => bits_needed(judge, node, 8, Count::Unknown),
        }
        if let Kind::Flat {
            buffer: Some(buffer),
            compression: None,
            ..
        } = node.kind
            && let Some(bytes) = null_adjustment.checked_sub(1)
            && let Some(of) = known_buffer(judge, buffer)
        {
            judge.measure(of, SizeRule::Exactly(bytes));
        }
    });
    StoredType::Variable(0)
}

/// A buffer that exists; what is wrong with its pointer was said where it was judged.
fn known_buffer(judge: &Checker, buffer: BufferRef) -> Option<BufferOf> {
    let index = usize::try_from(buffer.index).ok()?;
    match buffer.collection {
        0 if index < judge.page_buffers => Some(BufferOf::Page(index)),
        1 if index < judge.column_buffers => Some(BufferOf::Column(index)),
        _ => None,
    }
}

/// What is in a node that says that there are no nulls.
fn plain(node: &Node) -> &Node {
    match (&node.kind, node.child("values")) {
        (Kind::Nullable(Nulls::No), Some(values)) => values,
        _ => node,
    }
}

fn dictionary(
    judge: &mut Checker,
    node: &Node,
    num_items: u64,
    want: &ExpectedType,
    count: Count,
) -> StoredType {
    let (key_bits, value) = match want {
        ExpectedType::Dictionary { key_bits, value } => (Some(*key_bits), value.as_ref()),
        other => (None, other),
    };
    let indices = child(judge, node, "indices", &ExpectedType::Unknown, count);
    let items = child(judge, node, "items", value, Count::Fixed(num_items));
    // Readers take as many offsets of texts as there are items: with fewer of them, indices lead
    // behind the last.
    let texts = node
        .child("items")
        .map(plain)
        .filter(|items| matches!(items.kind, Kind::Binary { .. }));
    if let Some(Kind::Flat {
        bits: 64,
        buffer: Some(buffer),
        compression: None,
    }) = texts
        .and_then(|items| items.child("indices"))
        .map(|offsets| &plain(offsets).kind)
        && buffer.collection == 0
        && let Ok(at) = usize::try_from(buffer.index)
    {
        judge.measure(
            BufferOf::Page(at),
            SizeRule::Exactly(num_items.saturating_mul(8)),
        );
    }
    // Read as plain values, a dictionary is one of strings behind 8-bit indices, whatever it says.
    if key_bits.is_none() && *want != ExpectedType::Unknown {
        if !matches!(indices, StoredType::Fixed(8) | StoredType::Unknown) {
            judge.complain(
                TypeErrorKind::Type,
                format!("indices ({indices}) into a dictionary"),
                "8-bit indices, as the field is no dictionary",
                GARBAGE,
            );
        }
        if matches!(want, ExpectedType::Variable { large: true, .. }) {
            judge.complain(
                TypeErrorKind::Type,
                "a dictionary of strings with 32-bit offsets",
                want.to_string(),
                "fails: … expected 64-bit offsets but got 32-bit offsets",
            );
        }
    }
    let indices_kind = node.child("indices").map(|indices| &indices.kind);
    let nullable = matches!(indices_kind, Some(Kind::Nullable(Nulls::Some | Nulls::All)));
    if key_bits.is_some()
        && (nullable || !matches!(indices, StoredType::Fixed(_) | StoredType::Unknown))
    {
        grammar(
            judge,
            format!("indices that are {indices}, with nulls of their own or of no fixed width"),
            "indices without nulls of their own",
            UNWRAP,
        );
    }
    StoredType::Dictionary {
        indices: Box::new(indices),
        items: Box::new(items),
    }
}

fn packed_struct(
    judge: &mut Checker,
    node: &Node,
    buffer: Option<BufferRef>,
    want: &ExpectedType,
    count: Count,
) -> StoredType {
    let wants: &[ExpectedType] = match want {
        ExpectedType::Struct(children) => children,
        _ => &[],
    };
    // The bytes are where the struct says; what the children say of buffers is not read.
    let mut shapes = Vec::with_capacity(node.children.len());
    let children = match wants.len() {
        0 => node.children.len(),
        // More of them are not read.
        wanted => wanted.min(node.children.len()),
    };
    for at in 0..children {
        let inner = wants.get(at).unwrap_or(&ExpectedType::Unknown);
        let shape = judge.nth(node, at, |judge, node| {
            let (sizes, pointed) = (judge.needs.sizes.len(), judge.pointed.len());
            let shape = array(judge, node, inner, Count::Unknown);
            judge.needs.sizes.truncate(sizes);
            judge.pointed.truncate(pointed);
            shape
        });
        let shape = shape.unwrap_or(StoredType::Unknown);
        // Neither is their width: it is that of the type.
        shapes.push(match (inner, shape) {
            (ExpectedType::Fixed(bits), StoredType::Fixed(stated)) if stated != *bits => {
                judge.complain(
                    TypeErrorKind::Ignored,
                    format!("a child of {stated} bits"),
                    format!("{bits} bits, as its type has"),
                    "reads the values by their type",
                );
                StoredType::Fixed(*bits)
            }
            (_, shape) => shape,
        });
    }
    if shapes.len() < wants.len() {
        grammar(
            judge,
            format!("encodings of {} children", shapes.len()),
            format!("{}, one for each child of the field", wants.len()),
            "panics: index out of bounds: the len is … but the index is … (physical.rs:124)",
        );
        return StoredType::Unknown;
    }
    let bits: Option<u64> = shapes.iter().try_fold(0u64, |sum, shape| match shape {
        StoredType::Fixed(bits) => sum.checked_add(*bits),
        _ => None,
    });
    if let Some(bits) = bits {
        measured(judge, buffer, bits, count);
    } else {
        judge.buffer(buffer);
    }
    StoredType::PackedStruct(shapes)
}
