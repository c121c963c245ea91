//! Whether a page holds blobs, and of which generation.

use std::sync::{Arc, PoisonError, RwLock};

use crate::hash::HashMap;

use super::{StoredType, shape};
use crate::format::limits::MAX_JUDGED_ENCODINGS;
use crate::model::data_file::{Column, Page};
use crate::model::encoding::{Encoding, EncodingFamily, EncodingResult, Kind};

/// What a page is, seen by a blob reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// Descriptors of v1: position and size of each blob in the same file.
    V1,
    /// Descriptors of v2: kind, position, size, blob id and URI.
    V2,
    /// Marked as v1 blobs, but the node at this path is not what descriptors need.
    Malformed {
        /// Child indices from the page encoding's root.
        node: Vec<usize>,
        /// What should be there.
        expected: &'static str,
    },
    /// Descriptors of v1 that nothing marks as such.
    UnmarkedV1,
    /// Packed structs that are no descriptors.
    PackedStruct,
    /// The values themselves.
    Plain,
    /// Nulls only.
    Nulls,
    /// An encoding that could not be read: no evidence either way.
    Unknown,
}

/// What v1 descriptors are, in words.
pub const V1_DESCRIPTORS: &str = "packed_struct(position u64, size u64)";
/// What v2 descriptors are, in words.
pub const V2_DESCRIPTORS: &str =
    "packed_struct(kind u8, position u64, size u64, blob_id u32, blob_uri variable)";

fn is_v1_descriptor(shape: &StoredType) -> bool {
    matches!(shape, StoredType::PackedStruct(children)
        if children.as_slice() == [StoredType::Fixed(64), StoredType::Fixed(64)])
}

fn is_v2_descriptor(shape: &StoredType) -> bool {
    use StoredType::{Fixed, Variable};
    matches!(shape, StoredType::PackedStruct(children)
    if matches!(
        children.as_slice(),
        [Fixed(8), Fixed(64), Fixed(64), Fixed(32), Variable(_)]
    ))
}

/// How pages are stored, told once for pages alike: by the numbers of their encoding and of that of
/// the column, and by how many buffers they have.
#[derive(Debug, Default)]
pub struct Known(RwLock<HashMap<(u32, u32, usize), Storage>>);

/// Replaces `runs` by how the pages of a column are stored: for each run of pages alike, the number
/// of the first behind it.
pub fn runs(column: &Column, known: &Known, runs: &mut Vec<(usize, Storage)>) {
    runs.clear();
    let mut last: Option<&Page> = None;
    for (at, page) in column.pages.iter().enumerate() {
        // Most pages of a column share their encoding, and with it how they are stored.
        let alike = last.replace(page).is_some_and(|last| is_alike(last, page));
        match runs.last_mut().filter(|_| alike) {
            Some((end, _)) => *end = at + 1,
            None => runs.push((at + 1, remembered(column, page, known))),
        }
    }
}

fn is_alike(one: &Page, other: &Page) -> bool {
    let encodings = (&one.encoding, &other.encoding);
    let same = matches!(encodings, (Ok(one), Ok(other)) if Arc::ptr_eq(one, other));
    same && one.buffers.len() == other.buffers.len()
}

fn remembered(column: &Column, page: &Page, Known(known): &Known) -> Storage {
    let number = |encoding: &EncodingResult| encoding.as_ref().ok()?.number;
    let Some((of_page, of_column)) = number(&page.encoding).zip(number(&column.encoding)) else {
        return storage(column, page);
    };
    let key = (of_page, of_column, page.buffers.len());
    if let Some(storage) = known
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&key)
    {
        return storage.clone();
    }
    let storage = storage(column, page);
    let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
    if known.len() < MAX_JUDGED_ENCODINGS {
        known.insert(key, storage.clone());
    }
    storage
}

/// Judges one page of a column.
fn storage(column: &Column, page: &Page) -> Storage {
    let Ok(encoding) = &page.encoding else {
        return Storage::Unknown;
    };
    match encoding.vocabulary {
        EncodingFamily::Array => array(column, page, encoding),
        EncodingFamily::Structural | EncodingFamily::Planar => structural(page, encoding),
        // 0.1 files and the 2.1 of Lance up to 0.32 know no blobs, and have rules of their own.
        EncodingFamily::PreStable | EncodingFamily::Legacy | EncodingFamily::Column => {
            Storage::Unknown
        }
    }
}

/// Whether the pages of a column that is marked as blobs in 2.0 can be read as descriptors: the
/// widths that the encodings of the children state are not looked at, nor are further children.
fn is_read_as_v1(shape: &StoredType) -> bool {
    let StoredType::PackedStruct(children) = shape else {
        return false;
    };
    children.len() >= 2
        && children
            .iter()
            .all(|child| matches!(child, StoredType::Fixed(_)))
}

fn array(column: &Column, page: &Page, encoding: &Encoding) -> Storage {
    let shape = shape(encoding, page.buffers.len());
    let descriptors = match column.is_blob_encoded() {
        true => is_read_as_v1(&shape),
        false => is_v1_descriptor(&shape),
    };
    let Ok(column_encoding) = &column.encoding else {
        return Storage::Unknown;
    };
    match (column.is_blob_encoded(), descriptors) {
        (false, false) => Storage::Plain,
        (false, true) => Storage::UnmarkedV1,
        (true, false) => Storage::Malformed {
            node: Vec::new(),
            expected: V1_DESCRIPTORS,
        },
        (true, true) => match column_encoding.root.child("inner").map(|node| &node.kind) {
            Some(Kind::ColumnValues) => Storage::V1,
            _ => Storage::Malformed {
                node: Vec::new(),
                expected: "a column encoding of blob around values",
            },
        },
    }
}

fn structural(page: &Page, encoding: &Encoding) -> Storage {
    let shape = shape(encoding, page.buffers.len());
    if let Kind::BlobLayout { layers } = &encoding.root.kind {
        let malformed = |node: &[usize], expected| Storage::Malformed {
            node: node.to_vec(),
            expected,
        };
        return match shape {
            _ if layers.is_empty() => malformed(&[], "at least one layer"),
            shape if is_v1_descriptor(&shape) => Storage::V1,
            // A page of nulls only has no descriptors to show.
            StoredType::OneValue(_) | StoredType::Nulls => Storage::V1,
            _ => malformed(&[0], V1_DESCRIPTORS),
        };
    }
    match shape {
        shape if is_v2_descriptor(&shape) => Storage::V2,
        shape if is_v1_descriptor(&shape) => Storage::UnmarkedV1,
        StoredType::PackedStruct(_) => Storage::PackedStruct,
        // Descriptors are never stored as one value for all rows.
        StoredType::OneValue(_) => Storage::Plain,
        StoredType::Nulls => Storage::Nulls,
        StoredType::Unknown => Storage::Unknown,
        _ => Storage::Plain,
    }
}
