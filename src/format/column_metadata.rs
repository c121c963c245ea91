//! The metadata of a column, read in one pass as Lance's writers lay it out.
//!
//! A dataset holds as many of these messages as its files have columns, and decoding them field by
//! field into messages of their own, then looking for unknown fields in a second walk, is most of
//! the time that a check takes. What is laid out in any other way than by Lance's writers, unknown
//! fields included, is left to the general decoder.

use std::ops::Range;

use prost::encoding::decode_varint;
use smallvec::SmallVec;

use super::limits::MAX_PAGES_PER_COLUMN;

/// The key of a length-delimited field.
const fn delimited(number: u64) -> u64 {
    number << 3 | 2
}

/// The key of a number.
const fn number(number: u64) -> u64 {
    number << 3
}

/// `ColumnMetadata` without its pages.
#[derive(Debug, PartialEq, Eq)]
pub struct PlainColumn<'a> {
    /// The `Any` of its encoding.
    pub encoding: &'a [u8],
    /// Where its own buffers stand in the file.
    pub buffers: Buffers,
}

/// `ColumnMetadata.Page`.
#[derive(Debug, PartialEq, Eq)]
pub struct PlainPage<'a> {
    /// `length`.
    pub rows: u64,
    /// `priority`.
    pub priority: u64,
    /// Where its buffers stand in the file.
    pub buffers: Buffers,
    /// The `Any` of its encoding.
    pub encoding: &'a [u8],
}

/// Places in a file. A page has one or two, and there are as many pages as fit a dataset: those
/// need no memory of their own.
pub type Ranges = SmallVec<[Range<u64>; 2]>;

/// Offsets and sizes side by side.
#[derive(Debug, PartialEq, Eq)]
pub struct Buffers {
    /// As many as there are of both.
    pub ranges: Ranges,
    /// How many offsets and how many sizes are listed.
    pub counts: (usize, usize),
}

/// Reads `ColumnMetadata`, and hands each of its pages over. `None` where it is not laid out as
/// Lance's writers do; the pages handed over until then count for nothing.
pub fn read<'a>(bytes: &'a [u8], mut page: impl FnMut(PlainPage<'a>)) -> Option<PlainColumn<'a>> {
    let mut rest = bytes;
    let mut encoding = None;
    let (mut offsets, mut sizes) = (None, None);
    let mut pages = 0;
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let payload = payload(&mut rest)?;
        match key {
            ENCODING => once(&mut encoding, direct(payload)?)?,
            PAGES => {
                pages += 1;
                (pages <= MAX_PAGES_PER_COLUMN).then_some(())?;
                page(read_page(payload)?);
            }
            COLUMN_OFFSETS => once(&mut offsets, payload)?,
            COLUMN_SIZES => once(&mut sizes, payload)?,
            _ => return None,
        }
    }
    Some(PlainColumn {
        encoding: encoding?,
        buffers: buffers(offsets, sizes)?,
    })
}

const ENCODING: u64 = delimited(1);
const PAGES: u64 = delimited(2);
const COLUMN_OFFSETS: u64 = delimited(3);
const COLUMN_SIZES: u64 = delimited(4);

const PAGE_OFFSETS: u64 = delimited(1);
const PAGE_SIZES: u64 = delimited(2);
const PAGE_LENGTH: u64 = number(3);
const PAGE_ENCODING: u64 = delimited(4);
const PAGE_PRIORITY: u64 = number(5);

fn read_page(mut rest: &[u8]) -> Option<PlainPage<'_>> {
    let mut encoding = None;
    let (mut offsets, mut sizes) = (None, None);
    let (mut rows, mut priority) = (None, None);
    while !rest.is_empty() {
        match varint(&mut rest)? {
            PAGE_OFFSETS => once(&mut offsets, payload(&mut rest)?)?,
            PAGE_SIZES => once(&mut sizes, payload(&mut rest)?)?,
            PAGE_LENGTH => once(&mut rows, varint(&mut rest)?)?,
            PAGE_ENCODING => once(&mut encoding, direct(payload(&mut rest)?)?)?,
            PAGE_PRIORITY => once(&mut priority, varint(&mut rest)?)?,
            _ => return None,
        }
    }
    Some(PlainPage {
        rows: rows.unwrap_or(0),
        priority: priority.unwrap_or(0),
        buffers: buffers(offsets, sizes)?,
        encoding: encoding?,
    })
}

/// The bytes of a `DirectEncoding` that is all of an `Encoding`.
#[inline]
fn direct(mut rest: &[u8]) -> Option<&[u8]> {
    const DIRECT: u64 = delimited(2);
    const BYTES: u64 = delimited(1);
    for wanted in [DIRECT, BYTES] {
        let key = varint(&mut rest)?;
        let inner = payload(&mut rest)?;
        (key == wanted && rest.is_empty()).then_some(())?;
        rest = inner;
    }
    Some(rest)
}

/// Packed numbers side by side.
fn buffers(offsets: Option<&[u8]>, sizes: Option<&[u8]>) -> Option<Buffers> {
    let (mut offsets, mut sizes) = (offsets.unwrap_or_default(), sizes.unwrap_or_default());
    let both = numbers(offsets).min(numbers(sizes));
    let mut found = Buffers {
        ranges: Ranges::with_capacity(both),
        counts: (0, 0),
    };
    while !offsets.is_empty() || !sizes.is_empty() {
        let offset = next(&mut offsets, &mut found.counts.0)?;
        let size = next(&mut sizes, &mut found.counts.1)?;
        if let (Some(offset), Some(size)) = (offset, size) {
            found.ranges.push(offset..offset.saturating_add(size));
        }
    }
    Some(found)
}

/// How many packed numbers there are: each ends in a byte below 128.
fn numbers(packed: &[u8]) -> usize {
    packed.iter().filter(|byte| **byte < 0x80).count()
}

/// The next of packed numbers, if there is one more; the outer `None` for bytes that are none.
#[inline]
fn next(rest: &mut &[u8], count: &mut usize) -> Option<Option<u64>> {
    if rest.is_empty() {
        return Some(None);
    }
    *count += 1;
    varint(rest).map(Some)
}

fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

#[inline]
fn varint(rest: &mut &[u8]) -> Option<u64> {
    match rest.split_first() {
        // Most are of one byte.
        Some((first, behind)) if *first < 0x80 => {
            *rest = behind;
            Some(u64::from(*first))
        }
        _ => decode_varint(rest).ok(),
    }
}

#[inline]
fn payload<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint(rest)?).ok()?;
    let (payload, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(payload)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use bytes::Bytes;
    use prost::Message;

    use super::*;
    use crate::format::encoding::direct as direct_of;
    use crate::format::proto::lance::file::v2::column_metadata::Page;
    use crate::format::proto::lance::file::v2::encoding::Location;
    use crate::format::proto::lance::file::v2::{ColumnMetadata, DirectEncoding, Encoding};
    use crate::format::wire::unknown_fields;

    fn encoding(bytes: &'static [u8]) -> Option<Encoding> {
        Some(Encoding {
            location: Some(Location::Direct(DirectEncoding {
                encoding: Bytes::from_static(bytes),
            })),
        })
    }

    fn written() -> ColumnMetadata {
        let page = |rows: u64| Page {
            buffer_offsets: vec![64, 4096, 1 << 40],
            buffer_sizes: vec![5, 300, 0],
            length: rows,
            encoding: encoding(b"of a page"),
            priority: rows * 7,
        };
        ColumnMetadata {
            encoding: encoding(b"of the column"),
            pages: (0..3).map(page).collect(),
            buffer_offsets: vec![1 << 33],
            buffer_sizes: vec![77],
        }
    }

    fn ranges(offsets: &[u64], sizes: &[u64]) -> Buffers {
        let pairs = offsets.iter().zip(sizes);
        Buffers {
            ranges: pairs
                .map(|(offset, size)| *offset..offset.saturating_add(*size))
                .collect(),
            counts: (offsets.len(), sizes.len()),
        }
    }

    /// Holds what is read in one pass against what the general decoder makes of the same bytes.
    fn agree(bytes: &Bytes) -> bool {
        let mut pages = Vec::new();
        let Some(column) = read(bytes, |page| pages.push(page)) else {
            return false;
        };
        let message = ColumnMetadata::decode(bytes.clone()).unwrap();
        let known = |encoding: &Option<Encoding>| direct_of(encoding.as_ref()).unwrap();
        assert_eq!(column.encoding, known(&message.encoding));
        let (offsets, sizes) = (&message.buffer_offsets, &message.buffer_sizes);
        assert_eq!(column.buffers, ranges(offsets, sizes));
        assert_eq!(pages.len(), message.pages.len());
        for (page, other) in pages.iter().zip(&message.pages) {
            assert_eq!((page.rows, page.priority), (other.length, other.priority));
            assert_eq!(page.encoding, known(&other.encoding));
            let (offsets, sizes) = (&other.buffer_offsets, &other.buffer_sizes);
            assert_eq!(page.buffers, ranges(offsets, sizes));
        }
        assert_eq!(unknown_fields(".lance.file.v2.ColumnMetadata", bytes), []);
        true
    }

    #[test]
    fn what_writers_write_is_read_in_one_pass() {
        assert!(agree(&Bytes::from(written().encode_to_vec())));
    }

    #[test]
    fn what_is_laid_out_otherwise_is_left_to_the_general_decoder() {
        let with = |change: fn(&mut ColumnMetadata)| {
            let mut message = written();
            change(&mut message);
            agree(&Bytes::from(message.encode_to_vec()))
        };
        assert!(!with(|message| message.encoding = None));
        assert!(!with(|message| message.pages.iter_mut().for_each(|page| {
            page.encoding = Some(Encoding { location: None });
        })));
        let mut unknown = written().encode_to_vec();
        prost::encoding::uint64::encode(99, &5, &mut unknown);
        assert!(!agree(&Bytes::from(unknown)));
    }

    #[test]
    fn damaged_bytes_are_read_as_the_general_decoder_reads_them() {
        let sound = written().encode_to_vec();
        let mut random = fastrand::Rng::with_seed(1);
        let mut alike = 0;
        for _ in 0..20_000 {
            let mut bytes = sound.clone();
            for _ in 0..random.usize(1..4) {
                let at = random.usize(..bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = random.u8(..);
                }
            }
            bytes.truncate(random.usize(..=bytes.len() * 2));
            alike += usize::from(agree(&Bytes::from(bytes)));
        }
        assert!(alike > 1000, "{alike}");
    }
}
