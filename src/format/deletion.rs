//! Deletion files: which rows a fragment has lost.
//!
//! A `.bin` file is one roaring bitmap; an `.arrow` file is Arrow IPC with one
//! batch of `row_id: uint32` (lance-table `io/deletion.rs`).

use std::borrow::Cow;
use std::io::Read;
use std::ops::Range;

use bytes::Bytes;
use roaring::RoaringBitmap;

use super::limits::{MAX_DELETION_ARRAY_BYTES, MAX_SIDE_FILE_BYTES};

/// Bytes before the first message of an Arrow IPC file: `ARROW1` and two of padding.
const ARROW_MAGIC: &[u8] = b"ARROW1";

/// The kinds of deletion file, by their number in the manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Arrow IPC.
    Arrow,
    /// Roaring bitmap.
    Bitmap,
}

impl Kind {
    /// The kind of a manifest's `file_type`; `None` for a number that no Lance release knows.
    pub fn from_number(number: i32) -> Option<Self> {
        match number {
            0 => Some(Kind::Arrow),
            1 => Some(Kind::Bitmap),
            _ => None,
        }
    }

    /// The file name's ending.
    pub fn extension(self) -> &'static str {
        match self {
            Kind::Arrow => "arrow",
            Kind::Bitmap => "bin",
        }
    }
}

/// Reads the offsets of the rows that a deletion file deletes, from the first of the fragment.
///
/// # Errors
/// A clause without a subject that says why readers refuse the file.
pub fn read(kind: Kind, bytes: &Bytes) -> Result<RoaringBitmap, String> {
    match kind {
        Kind::Bitmap => RoaringBitmap::deserialize_from(bytes.as_ref())
            .map_err(|error| format!("is not a roaring bitmap ({error})")),
        Kind::Arrow if has_schema_of_deletions(bytes) == Some(false) => {
            Err("holds other columns than a required `row_id` of type uint32".to_string())
        }
        Kind::Arrow => match batches(bytes).as_deref() {
            None => Err("is not an Arrow IPC file".to_string()),
            Some([batch]) => offsets(bytes, batch),
            Some(batches) => Err(format!(
                "has {} record batches where readers expect one",
                batches.len()
            )),
        },
    }
}

/// A record batch of an Arrow IPC file.
struct Batch {
    rows: u64,
    nulls: u64,
    /// Where the values of its first column are in the file.
    values: Range<usize>,
    /// The codec that all buffers are compressed by, by its number.
    codec: Option<u8>,
}

/// The codec that Lance's writers use (Arrow `Message.fbs`, `CompressionType`).
const ZSTD: u8 = 1;

/// The offsets that a batch of one column `row_id: uint32` holds.
fn offsets(file: &Bytes, batch: &Batch) -> Result<RoaringBitmap, String> {
    if batch.nulls > 0 {
        return Err("holds nulls".to_string());
    }
    let cut = || "ends before its values do".to_string();
    let stored = file.get(batch.values.clone()).ok_or_else(cut)?;
    let wanted = batch
        .rows
        .checked_mul(4)
        .filter(|bytes| *bytes <= MAX_SIDE_FILE_BYTES)
        .ok_or_else(cut)?;
    let bytes = match batch.codec {
        None => Cow::Borrowed(stored),
        // An empty buffer has no length before it.
        Some(_) if stored.is_empty() => Cow::Borrowed(stored),
        Some(codec) => {
            let (length, frame) = stored.split_first_chunk::<8>().ok_or_else(cut)?;
            match (i64::from_le_bytes(*length), codec) {
                (-1, _) => Cow::Borrowed(frame),
                (_, ZSTD) if wanted > MAX_DELETION_ARRAY_BYTES => {
                    return Err(format!(
                        "holds {} compressed offsets, more than are read here",
                        batch.rows
                    ));
                }
                (_, ZSTD) => Cow::Owned(inflated(frame, wanted)?),
                _ => {
                    return Err(format!(
                        "is compressed by codec {codec}, which is not read here"
                    ));
                }
            }
        }
    };
    let (values, _) = bytes.as_chunks::<4>();
    let rows = usize::try_from(batch.rows).unwrap_or(usize::MAX);
    let values = values.get(..rows).ok_or_else(cut)?;
    Ok(values
        .iter()
        .map(|bytes| u32::from_le_bytes(*bytes))
        .collect())
}

/// Decompresses zstd to so many bytes, no more.
fn inflated(frame: &[u8], wanted: u64) -> Result<Vec<u8>, String> {
    let bad = |error: String| format!("does not decompress ({error})");
    let decoder =
        ruzstd::decoding::StreamingDecoder::new(frame).map_err(|error| bad(error.to_string()))?;
    let mut bytes = Vec::new();
    decoder
        .take(wanted)
        .read_to_end(&mut bytes)
        .map_err(|error| bad(error.to_string()))?;
    Ok(bytes)
}

/// The footer of an Arrow IPC file, a FlatBuffers table, with its length behind it.
fn footer(file: &[u8]) -> Option<&[u8]> {
    let end = file.len().checked_sub(ARROW_MAGIC.len())?;
    if !file.starts_with(ARROW_MAGIC) || file.get(end..)? != ARROW_MAGIC {
        return None;
    }
    let length = usize::try_from(u32_at(file, end.checked_sub(4)?)?).ok()?;
    file.get(end.checked_sub(4)?.checked_sub(length)?..end)
}

/// Finds the record batches of an Arrow IPC file through its footer.
///
/// Only the few FlatBuffers fields on the way are followed: `Footer.recordBatches` (a vector
/// of 24-byte blocks), `Message.header`, and of `RecordBatch` its length, the first node's null
/// count, the second buffer and the compression (Arrow `File.fbs`, `Message.fbs`).
fn batches(file: &Bytes) -> Option<Vec<Batch>> {
    const RECORD_BATCHES: usize = 3;
    const BLOCK_BYTES: usize = 24;

    let footer = footer(file)?;
    let root = usize::try_from(u32_at(footer, 0)?).ok()?;
    let Some(blocks) = indirect(footer, root, RECORD_BATCHES)? else {
        return Some(Vec::new());
    };
    let count = usize::try_from(u32_at(footer, blocks)?).ok()?;
    // As many as there are must stand in the footer.
    if count > footer.len() / BLOCK_BYTES {
        return None;
    }
    let block = |index: usize| {
        blocks
            .checked_add(4)?
            .checked_add(index.checked_mul(BLOCK_BYTES)?)
    };
    (0..count)
        .map(|index| batch(file, footer, block(index)?))
        .collect()
}

/// Whether the schema in the footer of an Arrow IPC file is the one that readers compare with:
/// a required `row_id: uint32`, and no more (lance-table `io/deletion.rs`, Arrow `Schema.fbs`).
/// `None` for one that cannot be followed.
fn has_schema_of_deletions(file: &[u8]) -> Option<bool> {
    const SCHEMA: usize = 1;
    const FIELDS: usize = 1;
    const NAME: usize = 0;
    const NULLABLE: usize = 1;
    const TYPE_KIND: usize = 2;
    const TYPE: usize = 3;
    const INT: u8 = 2;
    const BIT_WIDTH: usize = 0;
    const IS_SIGNED: usize = 1;

    let footer = footer(file)?;
    let root = usize::try_from(u32_at(footer, 0)?).ok()?;
    let schema = indirect(footer, root, SCHEMA)??;
    let Some(fields) = indirect(footer, schema, FIELDS)? else {
        return Some(false);
    };
    if u32_at(footer, fields)? != 1 {
        return Some(false);
    }
    let first = fields.checked_add(4)?;
    let column = first.checked_add(usize::try_from(u32_at(footer, first)?).ok()?)?;
    let byte = |table: usize, index: usize| match field(footer, table, index)? {
        Some(position) => footer.get(position).copied(),
        None => Some(0),
    };
    let name = indirect(footer, column, NAME)??;
    let length = usize::try_from(u32_at(footer, name)?).ok()?;
    let start = name.checked_add(4)?;
    let name = footer.get(start..start.checked_add(length)?)?;
    if name != b"row_id" || byte(column, NULLABLE)? != 0 || byte(column, TYPE_KIND)? != INT {
        return Some(false);
    }
    let integer = indirect(footer, column, TYPE)??;
    let bits = match field(footer, integer, BIT_WIDTH)? {
        Some(position) => u32_at(footer, position)?,
        None => 0,
    };
    Some(bits == 32 && byte(integer, IS_SIGNED)? == 0)
}

fn batch(file: &Bytes, footer: &[u8], block: usize) -> Option<Batch> {
    const MESSAGE_HEADER: usize = 2;
    const BATCH_LENGTH: usize = 0;
    const BATCH_NODES: usize = 1;
    const BATCH_BUFFERS: usize = 2;
    const BATCH_COMPRESSION: usize = 3;
    const COMPRESSION_CODEC: usize = 0;
    const BUFFER_BYTES: usize = 16;
    /// The continuation marker before a message's length.
    const CONTINUATION: u32 = u32::MAX;

    let start = usize::try_from(u64_at(footer, block)?).ok()?;
    let metadata = usize::try_from(u32_at(footer, block.checked_add(8)?)?).ok()?;
    let body = start.checked_add(metadata)?;
    let at = match u32_at(file, start)? {
        CONTINUATION => start.checked_add(4)?,
        _ => start,
    };
    let message = file.get(at.checked_add(4)?..)?;
    let root = usize::try_from(u32_at(message, 0)?).ok()?;
    let header = indirect(message, root, MESSAGE_HEADER)??;
    let number = |position: Option<usize>| match position {
        Some(position) => u64_at(message, position),
        None => Some(0),
    };
    let rows = number(field(message, header, BATCH_LENGTH)?)?;
    let nulls = match indirect(message, header, BATCH_NODES)? {
        // The length of the vector, then length and null count of the first node.
        Some(nodes) if u32_at(message, nodes)? > 0 => u64_at(message, nodes.checked_add(12)?)?,
        _ => 0,
    };
    let values = match indirect(message, header, BATCH_BUFFERS)? {
        Some(buffers) if u32_at(message, buffers)? > 1 => {
            let second = buffers.checked_add(4)?.checked_add(BUFFER_BYTES)?;
            let start = body.checked_add(usize::try_from(u64_at(message, second)?).ok()?)?;
            let length = u64_at(message, second.checked_add(8)?)?;
            start..start.checked_add(usize::try_from(length).ok()?)?
        }
        _ => 0..0,
    };
    let codec = match indirect(message, header, BATCH_COMPRESSION)? {
        Some(compression) => Some(match field(message, compression, COMPRESSION_CODEC)? {
            Some(position) => *message.get(position)?,
            None => 0,
        }),
        None => None,
    };
    Some(Batch {
        rows,
        nulls,
        values,
        codec,
    })
}

/// Where a field of a FlatBuffers table stands; `Some(None)` when it has its default.
fn field(buffer: &[u8], table: usize, index: usize) -> Option<Option<usize>> {
    let back = i32::from_le_bytes(buffer.get(table..table.checked_add(4)?)?.try_into().ok()?);
    let vtable = i64::try_from(table).ok()?.checked_sub(i64::from(back))?;
    let vtable = usize::try_from(vtable).ok()?;
    let slot = index.checked_mul(2)?.checked_add(4)?;
    if slot >= usize::from(u16_at(buffer, vtable)?) {
        return Some(None);
    }
    let offset = usize::from(u16_at(buffer, vtable.checked_add(slot)?)?);
    if offset == 0 {
        return Some(None);
    }
    Some(Some(table.checked_add(offset)?))
}

/// Follows a field that holds a relative offset (a table or vector).
fn indirect(buffer: &[u8], table: usize, index: usize) -> Option<Option<usize>> {
    let Some(position) = field(buffer, table, index)? else {
        return Some(None);
    };
    let offset = usize::try_from(u32_at(buffer, position)?).ok()?;
    Some(Some(position.checked_add(offset)?))
}

fn u16_at(buffer: &[u8], at: usize) -> Option<u16> {
    let bytes = buffer.get(at..at.checked_add(2)?)?;
    bytes.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(buffer: &[u8], at: usize) -> Option<u32> {
    let bytes = buffer.get(at..at.checked_add(4)?)?;
    bytes.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(buffer: &[u8], at: usize) -> Option<u64> {
    let bytes = buffer.get(at..at.checked_add(8)?)?;
    bytes.try_into().ok().map(u64::from_le_bytes)
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;

    /// A buffer of a compressed column: the stated length, and a zstd frame whose blocks each
    /// repeat one byte to their largest size.
    fn repeated(stated: i64, blocks: u32) -> Bytes {
        let mut file = stated.to_le_bytes().to_vec();
        file.extend(0xFD2F_B528_u32.to_le_bytes());
        // No content size, no checksum, a window of 128 KiB.
        file.extend([0, 0x38]);
        for block in 1..=blocks {
            let header = ((128 * 1024) << 3) | (1 << 1) | u32::from(block == blocks);
            file.extend(&header.to_le_bytes()[..3]);
            file.push(0);
        }
        Bytes::from(file)
    }

    fn batch(file: &Bytes, rows: u64) -> Batch {
        Batch {
            rows,
            nulls: 0,
            values: 0..file.len(),
            codec: Some(ZSTD),
        }
    }

    #[test]
    fn a_small_file_does_not_decompress_to_a_large_one() {
        // 4 KiB that hold 128 MiB.
        let blocks = 1024;
        let file = repeated(i64::from(blocks) * 128 * 1024, blocks);
        let rows = u64::from(blocks) * 128 * 1024 / 4;
        assert!(file.len() < 5 * 1024);
        let refused = offsets(&file, &batch(&file, rows)).map(|rows| rows.len());
        assert!(refused.is_err_and(|why| why.contains("more than are read here")));
        // No more is decompressed than the rows take, whatever comes behind.
        let frame = file.slice(8..);
        assert_eq!(inflated(&frame, 16).map(|bytes| bytes.len()), Ok(16));
        assert_eq!(
            offsets(&file, &batch(&file, 4)).map(|rows| rows.len()),
            Ok(1)
        );
    }
}
