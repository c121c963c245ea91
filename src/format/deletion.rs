//! Deletion files: how many rows a fragment has lost.
//!
//! A `.bin` file is one roaring bitmap; an `.arrow` file is Arrow IPC with one
//! batch of `row_id: uint32` (lance-table `io/deletion.rs`).

use bytes::Bytes;

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

/// Counts the deleted rows that a deletion file lists.
///
/// # Errors
/// A clause that says why the file cannot be read.
pub fn count(kind: Kind, bytes: &Bytes) -> Result<u64, String> {
    match kind {
        Kind::Bitmap => roaring::RoaringBitmap::deserialize_from(bytes.as_ref())
            .map(|bitmap| bitmap.len())
            .map_err(|error| format!("is not a roaring bitmap ({error})")),
        Kind::Arrow => arrow_rows(bytes).ok_or_else(|| "is not an Arrow IPC file".to_string()),
    }
}

/// Adds up the rows of the record batches of an Arrow IPC file, through its footer.
///
/// Only the few FlatBuffers fields on the way are followed: `Footer.recordBatches` (a vector
/// of 24-byte blocks), `Message.header` and `RecordBatch.length` (Arrow `File.fbs`, `Message.fbs`).
fn arrow_rows(file: &Bytes) -> Option<u64> {
    const RECORD_BATCHES: usize = 3;
    const MESSAGE_HEADER: usize = 2;
    const BATCH_LENGTH: usize = 0;
    const BLOCK_BYTES: usize = 24;
    /// The continuation marker before a message's length.
    const CONTINUATION: u32 = u32::MAX;

    let end = file.len().checked_sub(ARROW_MAGIC.len())?;
    if !file.starts_with(ARROW_MAGIC) || file.get(end..)? != ARROW_MAGIC {
        return None;
    }
    let footer_length = usize::try_from(u32_at(file, end.checked_sub(4)?)?).ok()?;
    let footer_start = end.checked_sub(4)?.checked_sub(footer_length)?;
    let footer = file.get(footer_start..end)?;
    let root = usize::try_from(u32_at(footer, 0)?).ok()?;
    let Some(blocks) = indirect(footer, root, RECORD_BATCHES)? else {
        return Some(0);
    };
    let count = usize::try_from(u32_at(footer, blocks)?).ok()?;
    let mut rows = 0u64;
    for index in 0..count {
        let block = blocks
            .checked_add(4)?
            .checked_add(index.checked_mul(BLOCK_BYTES)?)?;
        let mut at = usize::try_from(u64_at(footer, block)?).ok()?;
        if u32_at(file, at)? == CONTINUATION {
            at = at.checked_add(4)?;
        }
        let message = file.get(at.checked_add(4)?..)?;
        let root = usize::try_from(u32_at(message, 0)?).ok()?;
        let header = indirect(message, root, MESSAGE_HEADER)??;
        let length = match field(message, header, BATCH_LENGTH)? {
            Some(position) => u64_at(message, position)?,
            None => 0,
        };
        rows = rows.checked_add(length)?;
    }
    Some(rows)
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
