//! The value codecs of 2.1 to 2.3, `CompressiveEncoding`: which may stand where, and what they
//! yield (lance-encoding `compression.rs`; lance-file `versions/v2_*/reader.rs`).

use super::array::{PACKED_BLOCK, symbol_table};
use super::checker::{Checker, TypeErrorKind};
use super::shape::StoredType;
use crate::model::encoding::{Compression, Kind, Node, PackedWidth};
use crate::model::version::FileVersion;

/// Where a codec stands, which decides what may stand there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Position {
    /// The values of mini-block chunks.
    MiniBlock,
    /// Values of fixed width, one by one.
    FixedPerValue,
    /// Values of varying width, one by one.
    VariablePerValue,
    /// A buffer decoded as a whole: levels, dictionaries.
    Block,
    /// 2.3: a buffer as before, or nothing at all where the codec needs none.
    OptionalBlock,
}

impl Position {
    fn name(self) -> &'static str {
        match self {
            Self::MiniBlock => "mini-block",
            Self::FixedPerValue => "fixed per-value",
            Self::VariablePerValue => "variable per-value",
            Self::Block | Self::OptionalBlock => "block",
        }
    }
}

/// What a codec yields, and the buffers of a mini-block chunk that it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coded {
    /// The type of the values.
    pub shape: StoredType,
    /// Buffers; `None` where this is not told.
    pub buffers: Option<u64>,
}

impl Coded {
    fn new(shape: StoredType, buffers: u64) -> Self {
        Self {
            shape,
            buffers: Some(buffers),
        }
    }

    fn unknown() -> Self {
        Self {
            shape: StoredType::Unknown,
            buffers: None,
        }
    }
}

/// Judges the grammar of a codec that no reader runs.
pub fn unrun(judge: &mut Checker, node: &Node, role: &str) {
    unread(judge, node, role, Position::Block);
}

/// Judges a codec.
pub fn codec(judge: &mut Checker, node: &Node, position: Position) -> Coded {
    use Position::{Block, FixedPerValue, MiniBlock, OptionalBlock, VariablePerValue};
    match (&node.kind, position) {
        (
            Kind::Flat {
                bits, compression, ..
            },
            _,
        ) if position != VariablePerValue => flat(judge, *bits, compression.as_ref(), position),
        (
            Kind::InlineBitpacking {
                uncompressed_bits,
                compression,
            },
            MiniBlock | Block | OptionalBlock,
        ) => {
            if !matches!(uncompressed_bits, 8 | 16 | 32 | 64)
                || position == MiniBlock && compression.is_some()
            {
                malformed(
                    judge,
                    format!("inline bit-packing of {uncompressed_bits}-bit values"),
                    "8, 16, 32 or 64 bits, without a compression of its own",
                    "fails: Inline bitpacking requires an 8, 16, 32, or 64-bit width and no leaf compression",
                );
            }
            Coded::new(StoredType::Fixed(*uncompressed_bits), 1)
        }
        (
            Kind::OutOfLineBitpacking {
                uncompressed_bits, ..
            },
            Block | OptionalBlock,
        ) => out_of_line(judge, node, *uncompressed_bits, position),
        (
            Kind::Variable { compression, .. },
            MiniBlock | VariablePerValue | Block | OptionalBlock,
        ) => variable(judge, node, compression.as_ref(), position),
        (Kind::Fsst { symbol_table_bytes }, VariablePerValue) => {
            symbol_table(judge, *symbol_table_bytes);
            unread(judge, node, "values", position);
            Coded::new(StoredType::Variable(0), 1)
        }
        (Kind::Fsst { symbol_table_bytes }, MiniBlock) => {
            symbol_table(judge, *symbol_table_bytes);
            let is_variable = |node: &Node| matches!(node.kind, Kind::Variable { .. });
            match judge.child(node, "values", |judge, inner| {
                (is_variable(inner), codec(judge, inner, position))
            }) {
                Some((true, coded)) => coded,
                Some((false, _)) => {
                    malformed(
                        judge,
                        "FSST over another codec",
                        "FSST over variable values",
                        "fails: FSST requires a symbol table and Variable values",
                    );
                    Coded::unknown()
                }
                None => Coded::new(StoredType::Variable(0), 1),
            }
        }
        (Kind::PackedStruct { widths, .. }, MiniBlock | FixedPerValue) => {
            packed_struct(judge, node, widths)
        }
        (Kind::VariablePackedStruct { widths }, VariablePerValue)
            if judge.version != FileVersion::V2_1 =>
        {
            variable_packed_struct(judge, node, widths)
        }
        (Kind::FixedSizeList { .. }, MiniBlock | FixedPerValue | Block | OptionalBlock) => {
            fixed_size_list(judge, node, position)
        }
        (Kind::Rle { .. }, MiniBlock | Block | OptionalBlock) => rle(judge, node),
        (Kind::ByteStreamSplit { .. }, MiniBlock) => {
            match judge.child(node, "values", |_, node| node.kind.clone()) {
                Some(Kind::Flat {
                    bits: bits @ (32 | 64),
                    compression: None,
                    ..
                }) => Coded::new(StoredType::Fixed(bits), 1),
                None => Coded::unknown(),
                Some(_) => {
                    malformed(
                        judge,
                        "byte-stream-split over other values",
                        "byte-stream-split over plain 32- or 64-bit values",
                        "fails: ByteStreamSplit requires plain 32 or 64-bit Flat values",
                    );
                    Coded::unknown()
                }
            }
        }
        (Kind::General { compression }, VariablePerValue) => {
            scheme(judge, compression.as_ref());
            unread(judge, node, "values", position);
            Coded::new(StoredType::Variable(0), 1)
        }
        (Kind::General { compression }, MiniBlock | Block | OptionalBlock) => {
            scheme(judge, compression.as_ref());
            judge
                .child(node, "values", |judge, inner| codec(judge, inner, position))
                .unwrap_or_else(Coded::unknown)
        }
        (Kind::Constant { value_bytes }, FixedPerValue | Block | OptionalBlock) => Coded::new(
            value_bytes.map_or(StoredType::Nulls, |bytes| {
                StoredType::Fixed(bytes.saturating_mul(8))
            }),
            0,
        ),
        (Kind::Range { bits, .. }, OptionalBlock) => Coded::new(StoredType::Fixed(*bits), 0),
        (Kind::Delta { bits, .. }, OptionalBlock) => {
            judge.child(node, "deltas", |judge, node| codec(judge, node, position));
            Coded::new(StoredType::Fixed(*bits), 1)
        }
        // 2.3 decodes the parts of its dictionaries by a grammar of its own.
        (Kind::Dictionary { .. }, OptionalBlock) => Coded::unknown(),
        (kind, _) => {
            misplaced(judge, kind, position);
            Coded::unknown()
        }
    }
}

/// Judges a codec that readers check for its grammar and then never use (lance-file
/// `versions/v2_*/reader.rs`, `validate_compressive_encoding`).
fn unread(judge: &mut Checker, node: &Node, role: &str, position: Position) {
    judge.child(node, role, |judge, inner| {
        unread_node(judge, inner, position)
    });
}

fn unread_node(judge: &mut Checker, node: &Node, position: Position) {
    match &node.kind {
        Kind::Rle { .. } if judge.version != FileVersion::V2_3 => {
            rle(judge, node);
            return;
        }
        Kind::Variable { .. } if judge.version != FileVersion::V2_3 => {
            judge.child(node, "offsets", |judge, offsets| {
                if !matches!(offsets.kind, Kind::Flat { .. }) {
                    coded_offsets(judge, offsets);
                }
            });
        }
        Kind::VariablePackedStruct { .. } if judge.version == FileVersion::V2_1 => {
            misplaced(judge, &node.kind, position);
        }
        Kind::Range { .. } | Kind::Delta { .. } if position != Position::OptionalBlock => {
            misplaced(judge, &node.kind, position);
        }
        _ => {}
    }
    for child in &node.children {
        unread(judge, node, &child.role, position);
    }
}

fn misplaced(judge: &mut Checker, kind: &Kind, position: Position) {
    let name = name(kind);
    malformed(
        judge,
        format!("{name} in a {} position", position.name()),
        format!(
            "a codec that readers take in a {} position",
            position.name()
        ),
        format!(
            "fails: {name} is not supported for {} decompression",
            position.name()
        ),
    );
}

fn coded_offsets(judge: &mut Checker, offsets: &Node) {
    malformed(
        judge,
        format!("offsets coded as {}", name(&offsets.kind)),
        "flat offsets",
        "fails: Generic variable offsets require Lance v2.3; stable formats require Flat offsets",
    );
}

fn malformed(
    judge: &mut Checker,
    found: impl Into<String>,
    expected: impl Into<String>,
    effect: impl Into<String>,
) {
    judge.complain(TypeErrorKind::Grammar, found, expected, effect);
}

fn name(kind: &Kind) -> &'static str {
    match kind {
        Kind::Flat { .. } => "flat",
        Kind::InlineBitpacking { .. } => "inline bit-packing",
        Kind::OutOfLineBitpacking { .. } => "out-of-line bit-packing",
        Kind::Variable { .. } => "variable",
        Kind::Fsst { .. } => "FSST",
        Kind::PackedStruct { .. } => "packed struct",
        Kind::VariablePackedStruct { .. } => "variable packed struct",
        Kind::FixedSizeList { .. } => "fixed-size list",
        Kind::Rle { .. } => "RLE",
        Kind::ByteStreamSplit { .. } => "byte-stream-split",
        Kind::General { .. } => "general compression",
        Kind::Constant { .. } => "constant",
        Kind::Dictionary { .. } => "dictionary",
        Kind::Range { .. } => "range",
        Kind::Delta { .. } => "delta",
        _ => "another encoding",
    }
}

fn flat(judge: &mut Checker, bits: u64, data: Option<&Compression>, position: Position) -> Coded {
    if position == Position::MiniBlock && (bits == 0 || data.is_some()) {
        malformed(
            judge,
            format!(
                "flat values of {bits} bits{}",
                if data.is_some() {
                    " with a compression of their own"
                } else {
                    ""
                }
            ),
            "flat values of 1 bit or more, not compressed",
            "fails: Flat mini-block requires a positive bit width and no leaf compression",
        );
    }
    Coded::new(StoredType::Fixed(bits), 1)
}

fn out_of_line(judge: &mut Checker, node: &Node, bits: u64, position: Position) -> Coded {
    let packed = judge.child(node, "values", |judge, inner| {
        let Kind::Flat { bits: packed, .. } = inner.kind else {
            malformed(
                judge,
                format!("bit-packed {}", name(&inner.kind)),
                "bit-packed flat values",
                "fails: OutOfLineBitpacking values must use Flat encoding",
            );
            return 0;
        };
        packed
    });
    if !matches!(bits, 8 | 16 | 32 | 64) || packed.is_some_and(|packed| packed > bits) {
        malformed(
            judge,
            format!("values of {bits} bits packed to {}", packed.unwrap_or(0)),
            "values of 8, 16, 32 or 64 bits packed to fewer",
            format!(
                "panics, or returns wrong values silently, in a {} position",
                position.name()
            ),
        );
    }
    Coded::new(StoredType::Fixed(bits), 1)
}

fn variable(
    judge: &mut Checker,
    node: &Node,
    values: Option<&Compression>,
    position: Position,
) -> Coded {
    if position == Position::MiniBlock && values.is_some() {
        malformed(
            judge,
            "variable values with a compression of their own",
            "variable values, not compressed",
            "fails: Binary mini-block Variable encoding cannot contain a values codec",
        );
    }
    let generic = judge.version == FileVersion::V2_3;
    let offsets = judge.child(node, "offsets", |judge, offsets| match &offsets.kind {
        Kind::Flat {
            bits, compression, ..
        } => {
            let plain = matches!(bits, 32 | 64) && compression.is_none();
            if position == Position::MiniBlock && !plain {
                malformed(
                    judge,
                    format!("{bits}-bit offsets"),
                    "plain offsets of 32 or 64 bits",
                    "fails: Legacy binary mini-block offsets require plain 32 or 64-bit Flat encoding",
                );
            } else if position == Position::VariablePerValue && *bits >= 255 {
                malformed(
                    judge,
                    format!("{bits}-bit offsets"),
                    "offsets of 32 or 64 bits",
                    "fails: Variable per-value offset width … does not fit u8",
                );
            }
            (*bits, Some(1))
        }
        _ => {
            if generic && matches!(position, Position::Block | Position::OptionalBlock) {
                unread_node(judge, offsets, position);
                return (0, None);
            }
            if !generic || position != Position::MiniBlock {
                coded_offsets(judge, offsets);
                return (0, None);
            }
            match sequence_bits(offsets, 0) {
                Some(bits @ (32 | 64)) => {
                    // A chunk of one value has two offsets, and others have more.
                    if let Kind::Range { start, step, .. } = offsets.kind {
                        range(judge, bits, start, step, 2);
                    }
                    if let Kind::Delta { base, .. } = offsets.kind
                        && bits == 32
                        && base > u64::from(u32::MAX)
                    {
                        malformed(
                            judge,
                            format!("32-bit offsets that start at {base}"),
                            "a start within 32 bits",
                            format!("fails: Delta base {base} exceeds u32::MAX"),
                        );
                    }
                    let payload = sequence(judge, offsets, bits, None);
                    (bits, Some(1 + u64::from(payload != Payload::None)))
                }
                bits => {
                    malformed(
                        judge,
                        match bits {
                            Some(bits) => format!("offsets of {bits} bits"),
                            None => format!("offsets coded as {}", name(&offsets.kind)),
                        },
                        "offsets of 32 or 64 bits",
                        "fails: Generic block offsets require 32 or 64-bit values, got …",
                    );
                    (0, None)
                }
            }
        }
    });
    let (bits, buffers) = offsets.unwrap_or((0, None));
    Coded {
        // Per value, the layout tells the width of lengths and offsets, not the codec.
        shape: StoredType::Variable(if position == Position::VariablePerValue {
            0
        } else {
            bits
        }),
        buffers,
    }
}

fn scheme(judge: &mut Checker, compression: Option<&Compression>) {
    let known = compression.is_some_and(|c| matches!(c.scheme.as_str(), "lz4" | "zstd"));
    if !known {
        malformed(
            judge,
            match compression {
                Some(compression) => format!("a compression of {}", compression.scheme),
                None => "no compression named".to_string(),
            },
            "lz4 or zstd",
            "fails: Unsupported compression scheme, or panics",
        );
    }
}

fn packed_struct(judge: &mut Checker, node: &Node, widths: &[u64]) -> Coded {
    let whole = judge.child(node, "values", |judge, inner| match &inner.kind {
        Kind::Flat {
            bits,
            compression: None,
            ..
        } => Some(*bits),
        other => {
            malformed(
                judge,
                format!("a packed struct over {}", name(other)),
                "a packed struct over plain flat values",
                "fails: PackedStruct requires Flat values",
            );
            None
        }
    });
    if let Some(bad) = widths.iter().find(|width| **width == 0 || *width % 8 != 0) {
        malformed(
            judge,
            format!(
                "a child of {bad} bit{} in a packed struct",
                if *bad == 1 { "" } else { "s" }
            ),
            "children of whole bytes",
            "fails: PackedStruct field widths must be positive byte widths",
        );
    } else if let Some(Some(whole)) = whole {
        let sum = widths
            .iter()
            .try_fold(0u64, |sum, width| sum.checked_add(*width));
        if sum != Some(whole) || whole == 0 {
            malformed(
                judge,
                format!(
                    "children of {} bits in all in rows of {whole} bits",
                    sum.map_or("too many".to_string(), |sum| sum.to_string())
                ),
                "children that add up to the row",
                "fails: PackedStruct field widths must match its plain Flat values",
            );
        }
    }
    let shapes = widths.iter().copied().map(StoredType::Fixed);
    Coded::new(StoredType::PackedStruct(shapes.collect()), 1)
}

fn variable_packed_struct(judge: &mut Checker, node: &Node, widths: &[PackedWidth]) -> Coded {
    let mut shapes = Vec::with_capacity(widths.len());
    for (at, width) in widths.iter().enumerate() {
        let (position, shape) = match width {
            PackedWidth::Fixed(bits) => (Position::FixedPerValue, StoredType::Fixed(*bits)),
            PackedWidth::Prefixed(bits) => {
                if !matches!(bits, 32 | 64) {
                    malformed(
                        judge,
                        format!("lengths of {bits} bits"),
                        "lengths of 32 or 64 bits",
                        "fails: … must use 32 or 64-bit length prefixes",
                    );
                }
                (Position::VariablePerValue, StoredType::Variable(0))
            }
            PackedWidth::Unset => {
                malformed(
                    judge,
                    "a child without a layout",
                    "so many bits a value, or so many a length",
                    "fails: VariablePackedStruct field is missing layout details",
                );
                shapes.push(StoredType::Unknown);
                continue;
            }
        };
        let inner = judge.nth(node, at, |judge, inner| {
            if let (Kind::FixedSizeList { .. }, StoredType::Fixed(bits)) = (&inner.kind, &shape)
                && list_bits(inner, 1).is_some_and(|got| got != *bits)
            {
                malformed(
                    judge,
                    format!("lists of other than the {bits} bits of the child"),
                    "lists of as many bits, their own validity included",
                    "panics: assertion `left == right` failed (value.rs)",
                );
            }
            codec(judge, inner, position)
        });
        shapes.push(match (inner.map(|coded| coded.shape), shape) {
            (
                Some(whole @ (StoredType::FixedSizeList(..) | StoredType::PackedStruct(_))),
                StoredType::Fixed(_),
            ) => whole,
            (Some(StoredType::Nulls), StoredType::Fixed(_)) => {
                malformed(
                    judge,
                    "a child without values",
                    "a child with values",
                    "fails: non-nullable child of type … contains nulls not present in parent",
                );
                StoredType::Unknown
            }
            (
                Some(got @ (StoredType::Fixed(_) | StoredType::PackedStruct(_))),
                StoredType::Variable(_),
            ) => {
                malformed(
                    judge,
                    format!("a child of varying length whose codec yields {got}"),
                    "values of varying length",
                    "fails: Packed struct fixed child exceeds row bounds",
                );
                StoredType::Unknown
            }
            (Some(StoredType::Fixed(got)), StoredType::Fixed(bits)) if got != bits => {
                judge.complain(
                    TypeErrorKind::Ignored,
                    format!("a child of {bits} bits whose codec states {got}"),
                    "one width",
                    "reads the values by the width of the child",
                );
                StoredType::Fixed(bits)
            }
            (_, shape) => shape,
        });
    }
    Coded::new(StoredType::PackedStruct(shapes), 1)
}

fn fixed_size_list(judge: &mut Checker, node: &Node, position: Position) -> Coded {
    let Kind::FixedSizeList {
        dimension,
        has_validity,
    } = node.kind
    else {
        return Coded::unknown();
    };
    if dimension == 0 {
        malformed(
            judge,
            "lists of 0 items",
            "lists of 1 item or more",
            "fails: FSL dimension must be positive",
        );
    }
    let inner = judge.child(node, "values", |judge, inner| match &inner.kind {
        Kind::FixedSizeList { .. } => fixed_size_list(judge, inner, position),
        Kind::Flat {
            bits, compression, ..
        } => {
            if *bits == 0 || compression.is_some() {
                malformed(
                    judge,
                    format!("items of {bits} bits"),
                    "plain items of 1 bit or more",
                    "fails: FSL requires positive plain Flat leaf width",
                );
            }
            Coded::new(StoredType::Fixed(*bits), 1)
        }
        // Only values that stand one by one have lists of nothing but nulls.
        Kind::Constant { .. } if position == Position::FixedPerValue => {
            Coded::new(StoredType::Nulls, 1)
        }
        other => {
            malformed(
                judge,
                format!("lists over {}", name(other)),
                "lists over flat values or lists",
                "fails: Unexpected inner encoding type in FSL descriptor",
            );
            Coded::unknown()
        }
    });
    let Some(inner) = inner else {
        return Coded::unknown();
    };
    Coded {
        shape: StoredType::FixedSizeList(dimension, Box::new(inner.shape)),
        buffers: inner
            .buffers
            .map(|buffers| buffers + u64::from(has_validity)),
    }
}

fn rle(judge: &mut Checker, node: &Node) -> Coded {
    let generic = judge.version == FileVersion::V2_3;
    let mut part = |role: &str, widths: &[u64]| {
        judge.child(node, role, |judge, inner| {
            let bits = match generic {
                true => run_bits(inner),
                false => plain_bits(inner),
            };
            if !bits.is_some_and(|bits| widths.contains(&bits)) {
                malformed(
                    judge,
                    match bits {
                        Some(bits) => format!("RLE with {role} of {bits} bits"),
                        None => format!("RLE with {role} coded as {}", name(&inner.kind)),
                    },
                    format!("plain {role} of {widths:?} bits"),
                    "fails: RLE requires flat values and flat u8 run lengths, or: RLE … only supports \
                     flat, general, or out-of-line bitpacking",
                );
            }
            bits
        })
    };
    let bits = part("values", &[8, 16, 32, 64]);
    part("run_lengths", if generic { &[8, 16, 32] } else { &[8] });
    match bits {
        Some(Some(bits)) => Coded::new(StoredType::Fixed(bits), 2),
        _ => Coded::unknown(),
    }
}

/// Bits of plain flat values.
fn plain_bits(node: &Node) -> Option<u64> {
    match &node.kind {
        Kind::Flat {
            bits,
            compression: None,
            ..
        } => Some(*bits),
        _ => None,
    }
}

/// Bits of the values or run lengths of RLE in 2.3: plain, bit-packed, or one of these compressed
/// (lance-encoding `rle.rs`).
fn run_bits(node: &Node) -> Option<u64> {
    match node.kind {
        Kind::OutOfLineBitpacking {
            uncompressed_bits, ..
        } => node
            .child("values")
            .and_then(plain_bits)
            .map(|_| uncompressed_bits),
        Kind::General { .. } => {
            let inner = node.child("values")?;
            match inner.kind {
                Kind::General { .. } => None,
                _ => run_bits(inner),
            }
        }
        // What compresses these values is not looked at.
        Kind::Flat { bits, .. } => Some(bits),
        _ => None,
    }
}

/// Bits of the numbers that a block sequence yields (lance-encoding `compression.rs`,
/// `infer_fixed_width_block_bits`); `None` where it cannot be one.
fn sequence_bits(node: &Node, depth: u32) -> Option<u64> {
    if depth > 2 {
        return None;
    }
    match &node.kind {
        Kind::Flat { bits, .. } | Kind::Range { bits, .. } | Kind::Delta { bits, .. } => {
            Some(*bits)
        }
        Kind::Constant { value_bytes } => value_bytes.map(|bytes| bytes.saturating_mul(8)),
        Kind::InlineBitpacking {
            uncompressed_bits, ..
        }
        | Kind::OutOfLineBitpacking {
            uncompressed_bits, ..
        } => Some(*uncompressed_bits),
        Kind::General { .. } | Kind::Rle { .. } => sequence_bits(node.child("values")?, depth + 1),
        Kind::Dictionary { .. } => sequence_bits(node.child("items")?, depth + 1),
        _ => None,
    }
}

/// The buffer that stands for a block sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// None: the codec tells it all.
    None,
    /// One, of as many bytes as its values take.
    Unknown,
    /// One of so many bytes.
    Exactly(u64),
    /// One of so many bytes, or of so many: the last values are packed or plain.
    Either(u64, u64),
}

/// Bytes of so many bit-packed values, the last block packed or plain.
fn packed_payload(count: u64, packed: u64, bits: u64) -> Option<Payload> {
    let block = packed.checked_mul(PACKED_BLOCK / 8)?;
    let whole = (count / PACKED_BLOCK).checked_mul(block)?;
    let rest = count % PACKED_BLOCK;
    let plain = whole.checked_add(rest.checked_mul(bits)? / 8)?;
    Some(match rest {
        0 => Payload::Exactly(whole),
        _ => Payload::Either(whole.checked_add(block)?, plain),
    })
}

/// Judges a block sequence of 2.3: unsigned numbers of one width, of which there may be `count`.
/// Says which buffer stands for it (lance-encoding `compression.rs`,
/// `create_fixed_width_block_decompressor`, and `physical/sequence/`).
pub fn sequence(judge: &mut Checker, node: &Node, bits: u64, count: Option<u64>) -> Payload {
    let is_empty = matches!(node.kind, Kind::Constant { value_bytes: None });
    match count {
        Some(0) if !is_empty => malformed(
            judge,
            format!("a sequence of no values coded as {}", name(&node.kind)),
            "a constant without a value",
            "fails: An empty unsigned sequence requires Constant with no scalar",
        ),
        Some(count) if count > 0 && is_empty => malformed(
            judge,
            format!("a constant without a value for {count} values"),
            "a constant with a value",
            "fails: An absent unsigned Constant scalar requires zero values",
        ),
        _ => {}
    }
    if let (Kind::Range { start, step, .. }, Some(count)) = (&node.kind, count) {
        range(judge, bits, *start, *step, count);
    }
    if let (Kind::Delta { .. }, Some(0 | 1)) = (&node.kind, count) {
        malformed(
            judge,
            "differences in a sequence of one value",
            "two values or more",
            "fails: Invalid Delta cardinality or base",
        );
    }
    sequence_part(judge, node, bits, count, true)
}

fn range(judge: &mut Checker, bits: u64, start: u64, step: u64, count: u64) {
    let last = count
        .checked_sub(1)
        .and_then(|steps| step.checked_mul(steps))
        .and_then(|span| start.checked_add(span));
    let most = if bits == 32 {
        u64::from(u32::MAX)
    } else {
        u64::MAX
    };
    if count < 2 || step == 0 || last.is_none_or(|last| last > most) {
        malformed(
            judge,
            format!("a range of {count} values from {start} in steps of {step}"),
            format!("2 values or more in steps of 1 or more, within {bits} bits"),
            "fails: Range requires at least 2 values, or: Range step must be positive, or overflows",
        );
    }
}

fn sequence_part(
    judge: &mut Checker,
    node: &Node,
    bits: u64,
    count: Option<u64>,
    composite: bool,
) -> Payload {
    let width = |judge: &mut Checker, got: u64| {
        if got != bits {
            malformed(
                judge,
                format!("values of {got} bits in a sequence"),
                format!("values of {bits} bits"),
                format!("fails: … declares {got}-bit values, expected {bits}"),
            );
        }
    };
    match &node.kind {
        Kind::Flat {
            bits: got,
            compression,
            ..
        } => {
            width(judge, *got);
            if compression.is_some() {
                malformed(
                    judge,
                    "flat values with a compression of their own",
                    "plain flat values",
                    "fails: Generic block Flat cannot contain buffer compression",
                );
            }
            let bytes = count.and_then(|count| count.checked_mul(bits / 8));
            bytes.map_or(Payload::Unknown, Payload::Exactly)
        }
        Kind::Constant { value_bytes } => {
            if let Some(bytes) = value_bytes {
                width(judge, bytes.saturating_mul(8));
            }
            Payload::None
        }
        Kind::Range { bits: got, .. } => {
            width(judge, *got);
            Payload::None
        }
        Kind::InlineBitpacking {
            uncompressed_bits,
            compression,
        } => {
            width(judge, *uncompressed_bits);
            if compression.is_some() {
                malformed(
                    judge,
                    "bit-packed values with a compression of their own",
                    "plain bit-packed values",
                    "fails: Generic Inline bitpacking cannot contain buffer compression",
                );
            }
            Payload::Unknown
        }
        Kind::OutOfLineBitpacking {
            uncompressed_bits, ..
        } => {
            width(judge, *uncompressed_bits);
            let packed = node.child("values").map(plain_bits);
            if let Some(packed) = packed
                && !packed.is_some_and(|packed| packed > 0 && packed < bits)
            {
                malformed(
                    judge,
                    format!("values of {bits} bits packed to {}", packed.unwrap_or(0)),
                    "plain values packed to fewer bits, 1 or more",
                    "fails: Out-of-line bitpacking width … is invalid for …-bit values",
                );
            }
            match (packed.flatten(), count) {
                (Some(packed), Some(count)) => {
                    packed_payload(count, packed, bits).unwrap_or(Payload::Unknown)
                }
                _ => Payload::Unknown,
            }
        }
        Kind::Delta { bits: got, .. } if composite => {
            width(judge, *got);
            let count = count.and_then(|count| count.checked_sub(1));
            judge
                .child(node, "deltas", |judge, inner| {
                    sequence_part(judge, inner, bits, count, false)
                })
                .unwrap_or(Payload::Unknown)
        }
        Kind::General { compression } if composite => {
            scheme(judge, compression.as_ref());
            judge.child(node, "values", |judge, inner| {
                if plain_bits(inner) != Some(bits) {
                    malformed(
                        judge,
                        format!("compressed {}", name(&inner.kind)),
                        format!("compressed plain values of {bits} bits"),
                        "fails: Generic General compression must wrap plain Flat values",
                    );
                }
            });
            Payload::Unknown
        }
        Kind::Rle { .. } if composite => {
            let values = judge.child(node, "values", |judge, inner| {
                sequence_part(judge, inner, bits, None, false)
            });
            let lengths = judge.child(node, "run_lengths", |judge, inner| {
                sequence_part(judge, inner, 32, None, false)
            });
            match (values, lengths) {
                (Some(Payload::None), Some(Payload::None)) => Payload::None,
                _ => Payload::Unknown,
            }
        }
        Kind::Dictionary { .. } if composite => {
            judge.child(node, "indices", |judge, inner| {
                sequence_part(judge, inner, 32, None, false)
            });
            judge.child(node, "items", |judge, inner| {
                sequence_part(judge, inner, bits, None, false)
            });
            Payload::Unknown
        }
        Kind::Unset | Kind::Absent => Payload::Unknown,
        other => {
            malformed(
                judge,
                format!("{} in a sequence", name(other)),
                "a codec of block sequences",
                "fails: … is not allowed at this position in a generic block encoding",
            );
            Payload::Unknown
        }
    }
}

/// Bits of a fixed-size list, its validity included, which takes whole bytes at each level.
pub fn list_bits(node: &Node, outer: u64) -> Option<u64> {
    match &node.kind {
        Kind::FixedSizeList {
            dimension,
            has_validity,
        } => {
            let items = outer.checked_mul(*dimension)?;
            let validity = match has_validity {
                true => items.div_ceil(8).checked_mul(8)?,
                false => 0,
            };
            list_bits(node.child("values")?, items)?.checked_add(validity)
        }
        Kind::Flat { bits, .. } => bits.checked_mul(outer),
        Kind::Constant { .. } => Some(0),
        _ => None,
    }
}
