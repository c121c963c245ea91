//! The pages of a column, each compared with its field.

use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};

use crate::hash::HashMap;

use super::array::packed_blocks;
use super::checker::{
    BufferOf, BufferRequirements, Checker, Count, SizeRequirement, SizeRule, TypeError,
    TypeErrorKind,
};
use super::judged;
use super::shape::{StoredType, misfit};
use super::want::{ExpectedType, LayerWant, layers};
use crate::format::limits::MAX_JUDGED_ENCODINGS;
use crate::model::data_file::{Column, Page};
use crate::model::encoding::{Encoding, EncodingFamily, Kind, Node, Nulls};
use crate::model::logical_type::LogicalType;
use crate::model::schema::{BlobDeclaration, Field, FieldTree};
use crate::model::version::FileVersion;

/// Where page buffers start, in bytes: a multiple of this (lance-file `writer.rs`). Readers of 2.1
/// and later insist on it.
pub const BUFFER_ALIGNMENT: u64 = 64;

/// Something wrong with one page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageFault {
    /// The page, from 0.
    pub page: usize,
    /// What is wrong.
    pub complaint: TypeError,
    /// What the page yields.
    pub shape: StoredType,
}

/// What a column is to its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Role {
    /// 2.0: the header of a struct.
    Header,
    /// 2.0: the offsets of a list.
    Offsets,
    /// Values.
    Values,
}

/// Judgements of encodings beside the fields of one schema, each made once.
#[derive(Debug, Default)]
pub struct PageCheckCache(RwLock<HashMap<Key, Arc<Judgement>>>);

/// All that a judgement depends on, besides the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    encoding: u32,
    field: usize,
    version: FileVersion,
    role: Role,
    page_buffers: usize,
    column_buffers: usize,
}

/// What an encoding came to.
#[derive(Debug)]
struct Judgement {
    complaint: Option<TypeError>,
    shape: StoredType,
    needs: BufferRequirements,
    /// Whether each row of the page is one item.
    single_items: bool,
}

/// A column and the field that it is compared with.
#[derive(Debug, Clone, Copy)]
pub struct ColumnCheck<'a> {
    /// The version whose reader is to take the column.
    pub version: FileVersion,
    /// The schema that the field is of.
    pub schema: &'a FieldTree,
    /// Where the field stands in it.
    pub at: usize,
    /// The column.
    pub column: &'a Column,
    /// Where the metadata of the file begins, in bytes: page buffers end before it.
    pub data_end: u64,
    /// Where judgements are remembered, for this schema only.
    pub judgements: &'a PageCheckCache,
}

/// Holds every page of a column against its field. At most one complaint a page: the root of
/// what is wrong with it.
pub fn check(held: &ColumnCheck<'_>) -> Vec<PageFault> {
    let Some(field) = held.schema.fields.get(held.at) else {
        return Vec::new();
    };
    let role = match (&field.logical_type, held.version.is_structural()) {
        (LogicalType::Struct, false) if field.blob().is_none() => {
            match first_is_packed(held.column) {
                true => Role::Values,
                false => Role::Header,
            }
        }
        (LogicalType::List, false) => Role::Offsets,
        _ => Role::Values,
    };
    let mut faults = Vec::new();
    if role == Role::Header && held.column.pages.len() != 1 {
        faults.extend(header_pages(held.column.pages.len()));
        return faults;
    }
    let mut last: Option<(&Encoding, usize, Arc<Judgement>)> = None;
    for (at, page) in held.column.pages.iter().enumerate() {
        let Ok(encoding) = &page.encoding else {
            continue;
        };
        if encoding.vocabulary != vocabulary(held.version) || is_unfinished(held.version, encoding)
        {
            continue;
        }
        if let Some(complaint) = misplaced(page, held) {
            faults.push(PageFault {
                page: at,
                complaint,
                shape: StoredType::Unknown,
            });
            continue;
        }
        // Readers pass over pages without rows.
        if page.rows == 0 {
            continue;
        }
        let buffers = page.buffers.len();
        let same = |(known, count, _): &(&Encoding, usize, Arc<Judgement>)| {
            std::ptr::eq(*known, &**encoding) && *count == buffers
        };
        let judged = match last.take().filter(same) {
            Some((_, _, judged)) => judged,
            None => judgement(held, field, role, encoding, buffers),
        };
        let complaint = match &judged.complaint {
            Some(complaint) if complaint.about < TypeErrorKind::Nulls => Some(complaint.clone()),
            nulls => sizes(&judged.needs.sizes, page, held.column)
                .or_else(|| items(judged.needs.items.filter(|_| judged.single_items), page))
                .or_else(|| slots(&judged.needs, page))
                .or_else(|| nulls.clone()),
        };
        if let Some(complaint) = complaint {
            faults.push(PageFault {
                page: at,
                complaint,
                shape: judged.shape.clone(),
            });
        }
        last = Some((encoding, buffers, judged));
    }
    faults
}

/// 2.0 readers take a struct header of one page only.
fn header_pages(pages: usize) -> Option<PageFault> {
    (pages > 0).then(|| PageFault {
        page: 1,
        complaint: TypeError {
            about: TypeErrorKind::Rows,
            node: Vec::new(),
            level: 0,
            found: format!("a struct header of {pages} pages"),
            expected: "a struct header of one page".to_string(),
            effect: format!(
                "panics: Due to schema we expected a struct column but we received a column with {pages} \
                 pages and right now we only support struct columns with 1 page"
            ),
        },
        shape: StoredType::StructHeader,
    })
}

/// The vocabulary that the reader of a version decodes pages by.
pub fn vocabulary(version: FileVersion) -> EncodingFamily {
    match version {
        FileVersion::V0_1 => EncodingFamily::Legacy,
        FileVersion::V2_0 => EncodingFamily::Array,
        FileVersion::V2_1 | FileVersion::V2_2 => EncodingFamily::Structural,
        FileVersion::V2_3 => EncodingFamily::Planar,
    }
}

/// Whether a page is of the 2.2 that Lance wrote before that version was finished: mini-blocks
/// whose chunk words have 16 bits. A rule of its own is about such files.
pub fn is_unfinished(version: FileVersion, encoding: &Encoding) -> bool {
    fn small_chunks(root: &Node) -> bool {
        match &root.kind {
            Kind::MiniBlock {
                has_large_chunk, ..
            } => !has_large_chunk,
            Kind::BlobLayout { .. } => root.child("inner_layout").is_some_and(small_chunks),
            _ => false,
        }
    }
    version == FileVersion::V2_2
        && encoding.vocabulary == EncodingFamily::Structural
        && small_chunks(&encoding.root)
}

fn first_is_packed(column: &Column) -> bool {
    let first = column.pages.first();
    let encoding = first.and_then(|page| page.encoding.as_ref().ok());
    encoding.is_some_and(|encoding| matches!(encoding.root.kind, Kind::PackedStruct { .. }))
}

/// The judgement of an encoding, remembered or made now.
fn judgement(
    held: &ColumnCheck<'_>,
    field: &Field,
    role: Role,
    encoding: &Encoding,
    page_buffers: usize,
) -> Arc<Judgement> {
    let key = encoding.number.map(|encoding| Key {
        encoding,
        field: held.at,
        version: held.version,
        role,
        page_buffers,
        column_buffers: held.column.buffers.len(),
    });
    let PageCheckCache(judgements) = held.judgements;
    let known = key.and_then(|key| {
        let known = judgements.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&key).cloned()
    });
    if let Some(known) = known {
        return known;
    }
    let judged = Arc::new(judge_encoding(held, field, role, encoding, page_buffers));
    if let Some(key) = key {
        let mut known = judgements.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < MAX_JUDGED_ENCODINGS {
            known.insert(key, judged.clone());
        }
    }
    judged
}

/// What a field demands of a column of a role, and the layers that its nesting demands.
fn demands(held: &ColumnCheck<'_>, field: &Field, role: Role) -> (ExpectedType, Vec<LayerWant>) {
    let structural = held.version.is_structural();
    let want = match role {
        Role::Header => ExpectedType::Unknown,
        Role::Offsets => ExpectedType::Fixed(64),
        Role::Values => ExpectedType::of_field(held.schema, field),
    };
    // A struct without children is stored as nulls only, in one layer however deep it stands.
    if structural && want == ExpectedType::Struct(Vec::new()) {
        return (ExpectedType::Null, Vec::new());
    }
    // Descriptors of v2 blobs are nested in a struct of their own, which the schema does not show.
    let layers = match structural && field.blob() != Some(BlobDeclaration::V2) {
        true => layers(held.schema, held.at),
        false => Vec::new(),
    };
    (want, layers)
}

fn judge_encoding(
    held: &ColumnCheck<'_>,
    field: &Field,
    role: Role,
    encoding: &Encoding,
    buffers: usize,
) -> Judgement {
    let (want, layers) = demands(held, field, role);
    let (want, nullable) = (&want, field.nullable);
    let mut judge = Checker::new(held.version, buffers, held.column.buffers.len());
    let shape = judged(&mut judge, encoding, want, &layers);
    match role {
        Role::Header => {
            if !matches!(shape, StoredType::StructHeader | StoredType::Unknown) {
                judge.complain(
                    TypeErrorKind::Type,
                    shape.to_string(),
                    "the header of a struct",
                    "panics: Expected a struct encoding because we have a struct field in the schema \
                     but got the encoding …",
                );
            }
        }
        Role::Offsets => match &shape {
            StoredType::Offsets(offsets) => {
                if let Some(misfit) = misfit(want, offsets, false) {
                    judge.complain(
                        TypeErrorKind::Type,
                        format!("list offsets that are {offsets}"),
                        "list offsets of 64 bits",
                        misfit.effect(),
                    );
                }
            }
            StoredType::Unknown => {}
            other => judge.complain(
                TypeErrorKind::Type,
                other.to_string(),
                "list offsets",
                "fails: expected list encoding for field … but got …",
            ),
        },
        Role::Values => {
            // Very old 2.0 files hold strings as lists of bytes.
            let bytes = matches!(want, ExpectedType::Variable { .. })
                && matches!(shape, StoredType::Offsets(_));
            let zipped = is_zipped(encoding);
            if let Some(misfit) = misfit(want, &shape, zipped).filter(|_| !bytes) {
                judge.complain(
                    TypeErrorKind::Type,
                    shape.to_string(),
                    want.to_string(),
                    misfit.effect(),
                );
            }
            let nulls = match encoding.root.kind {
                Kind::Nullable(nulls) => nulls != Nulls::No,
                _ => shape == StoredType::Nulls && is_top(held),
            };
            if nulls && !nullable && *want != ExpectedType::Unknown {
                judge.complain(
                    TypeErrorKind::Nulls,
                    "nulls",
                    "no nulls",
                    "fails: Found unmasked nulls for non-nullable StructArray field …",
                );
            }
        }
    }
    let root = judge
        .complaints
        .into_iter()
        .min_by_key(|complaint| complaint.about);
    let by_items = |above: usize| {
        let above = held.schema.fields.get(above);
        above.is_some_and(|above| above.logical_type == LogicalType::FixedSizeListStruct)
    };
    Judgement {
        complaint: root,
        shape,
        needs: judge.needs,
        single_items: !held.schema.ancestors(held.at).any(by_items),
    }
}

/// Holds the positions of sparse layers against the slots that the page's rows give them.
fn slots(needs: &BufferRequirements, page: &Page) -> Option<TypeError> {
    let complaint = |node: Vec<usize>, found: String, expected: String| {
        TypeError {
        about: TypeErrorKind::Rows,
        node,
        level: 0,
        found,
        expected,
        effect: "fails: Sparse structural … positions cardinality … exceeds domain …, or: Sparse encoded \
                 row domain … is not divisible by fixed-size-list scale …"
            .to_string(),
    }
    };
    if needs.scale > 1 && !page.rows.is_multiple_of(needs.scale) {
        return Some(complaint(
            Vec::new(),
            format!("{} rows", page.rows),
            format!(
                "a multiple of {}, the items of its fixed-size lists",
                needs.scale
            ),
        ));
    }
    let rows = page.rows.checked_div(needs.scale).unwrap_or(page.rows);
    needs.positions.iter().find_map(|need| {
        let slots = match need.slots {
            Count::PerRow(factor) => rows.checked_mul(factor)?,
            Count::Fixed(slots) => slots,
            Count::Unknown => return None,
        };
        (need.positions > slots).then(|| {
            complaint(
                need.node.clone(),
                format!("{} positions", need.positions),
                format!("{slots} at most"),
            )
        })
    })
}

/// Whether nothing around a field could hide its nulls.
fn is_top(held: &ColumnCheck<'_>) -> bool {
    let field = held.schema.fields.get(held.at);
    field.is_some_and(|field| field.parent.is_none())
}

fn is_zipped(encoding: &Encoding) -> bool {
    let root = &encoding.root;
    let values = root.child("values").unwrap_or(root);
    matches!(values.kind, Kind::FullZip { .. } | Kind::Zipped { .. })
}

/// Whether readers refuse the whole file of a page over where its buffers are, whatever column is
/// asked for (lance-file `reader/structural.rs` and `versions/v2_0/reader.rs`).
pub fn stops_file(page: &Page, version: FileVersion) -> bool {
    let (offsets, sizes) = page.buffer_counts;
    let aligned = |buffer: &Range<u64>| buffer.start.is_multiple_of(BUFFER_ALIGNMENT);
    offsets != sizes || version.is_structural() && !page.buffers.iter().all(aligned)
}

/// Whether the buffers of a page lie where a reader looks for them.
fn misplaced(page: &Page, held: &ColumnCheck<'_>) -> Option<TypeError> {
    let complaint = |found: String, expected: String, effect: String| TypeError {
        about: TypeErrorKind::Buffers,
        node: Vec::new(),
        level: 0,
        found,
        expected,
        effect,
    };
    let (offsets, sizes) = page.buffer_counts;
    if offsets != sizes {
        return Some(complaint(
            format!("{offsets} buffer offsets beside {sizes} buffer sizes"),
            "one size for each offset".to_string(),
            format!("fails: Column … page … has {offsets} buffer offsets but {sizes} buffer sizes"),
        ));
    }
    for (at, buffer) in page.buffers.iter().enumerate() {
        if held.version.is_structural() && buffer.start % BUFFER_ALIGNMENT != 0 {
            return Some(complaint(
                format!("buffer {at} at byte {}", buffer.start),
                "buffers at multiples of 64 bytes".to_string(),
                format!(
                    "fails: Column … page … buffer offset {} is not aligned to 64 bytes",
                    buffer.start
                ),
            ));
        }
        if buffer.end > held.data_end {
            return Some(complaint(
                format!("buffer {at} at bytes {}..{}", buffer.start, buffer.end),
                format!(
                    "buffers before byte {}, where the metadata begins",
                    held.data_end
                ),
                "fails: Invalid range …, or returns wrong values silently".to_string(),
            ));
        }
    }
    None
}

fn sizes(needs: &[SizeRequirement], page: &Page, column: &Column) -> Option<TypeError> {
    let length = |range: &Range<u64>| range.end.saturating_sub(range.start);
    let page_buffer = |at: usize| page.buffers.get(at).map(length);
    for need in needs {
        let size = match need.of {
            BufferOf::Page(at) => page_buffer(at),
            BufferOf::Column(at) => column.buffers.get(at).map(length),
        };
        let Some(size) = size else { continue };
        if let Some(expected) = unmet(need.measure, size, page.rows, page_buffer(0)) {
            return Some(TypeError {
                about: TypeErrorKind::Buffers,
                node: need.node.clone(),
                level: 0,
                found: match need.of {
                    BufferOf::Page(at) => format!("{size} bytes in page buffer {at}"),
                    BufferOf::Column(at) => format!("{size} bytes in column buffer {at}"),
                },
                expected,
                effect: match need.measure {
                    SizeRule::ChunkWords(_) => {
                        "panics: assertion failed (miniblock_decode.rs), or fails".to_string()
                    }
                    SizeRule::ChunkIndex { .. } | SizeRule::RowIndex | SizeRule::ItemIndex(_) => {
                        "panics, or returns wrong rows silently".to_string()
                    }
                    _ => "fails, or returns the bytes of other values silently".to_string(),
                },
            });
        }
    }
    None
}

/// What a buffer of a size should measure, when it does not.
fn unmet(measure: SizeRule, size: u64, rows: u64, words: Option<u64>) -> Option<String> {
    let too_small = |needed: Option<u64>| match needed {
        Some(needed) if size >= needed => None,
        Some(needed) => Some(format!("{needed} bytes for {rows} rows")),
        None => Some(format!("more bytes than there can be for {rows} rows")),
    };
    match measure {
        SizeRule::BitsPerRow(bits) => {
            too_small(rows.checked_mul(bits).map(|bits| bits.div_ceil(8)))
        }
        SizeRule::ExactBitsPerRow(bits) => {
            let needed = rows.checked_mul(bits).map(|bits| bits.div_ceil(8));
            (needed != Some(size)).then(|| match needed {
                Some(needed) => format!("{needed} bytes for {rows} rows"),
                None => format!("more bytes than there can be for {rows} rows"),
            })
        }
        SizeRule::AtLeast(bytes) => (size < bytes).then(|| format!("{bytes} bytes or more")),
        SizeRule::Exactly(bytes) => (size != bytes).then(|| format!("{bytes} bytes")),
        SizeRule::Either(one, other) => {
            (size != one && size != other).then(|| format!("{one} or {other} bytes"))
        }
        SizeRule::PackedBlocks { bits, per_row } => {
            let values = rows.checked_mul(per_row);
            too_small(values.and_then(|values| packed_blocks(values).checked_mul(bits)))
        }
        SizeRule::MultipleOf(bytes) => {
            let whole = size > 0 && size.is_multiple_of(bytes);
            (!whole).then(|| format!("a multiple of {bytes} bytes"))
        }
        SizeRule::ChunkWords(bytes) => {
            let whole = size > 0 && size.is_multiple_of(bytes);
            (!whole).then(|| format!("words of {bytes} bytes, at least one"))
        }
        SizeRule::ChunkIndex { entries, word } => {
            let chunks = words.and_then(|words| words.checked_div(word))?;
            let expected = chunks.checked_mul(entries)?.checked_mul(8)?;
            (size != expected).then(|| format!("{expected} bytes for {chunks} chunks"))
        }
        SizeRule::RowIndex | SizeRule::ItemIndex(_) => {
            let items = match measure {
                SizeRule::ItemIndex(items) => items,
                _ => rows,
            };
            let entries = items.checked_add(1)?;
            let fits = size.is_multiple_of(entries) && matches!(size / entries, 1 | 2 | 4 | 8);
            (!fits).then(|| format!("1, 2, 4 or 8 bytes for each of {entries} entries"))
        }
    }
}

fn items(items: Option<u64>, page: &Page) -> Option<TypeError> {
    let items = items.filter(|items| *items != page.rows)?;
    Some(TypeError {
        about: TypeErrorKind::Rows,
        node: Vec::new(),
        level: 0,
        found: format!("an encoding of {items} items"),
        expected: format!("{}, the rows of the page", page.rows),
        effect: "fails: … buffer has … bytes, expected …, or panics".to_string(),
    })
}
