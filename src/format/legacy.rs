//! The container of 0.1 data files: a footer of 16 bytes, a metadata message
//! and a page table (lance-file `versions/v1/`).

use std::ops::Range;

use bytes::Bytes;
use prost::Message;

use super::limits::{MAX_MANIFEST_BYTES, MAX_METADATA_BYTES};
use crate::hash::HashSet;

use super::proto::lance::file::metadata::StatisticsMetadata;
use super::proto::lance::file::{Field, Metadata};
use super::proto::lance::table::Manifest;
use super::window::Window;
use super::{Fault, Part, wire};
use crate::storage::{Location, Storage};

/// Whether the footer's version numbers mean the 0.1 container.
pub fn is_legacy(version: (u16, u16)) -> bool {
    matches!(version, (0, 0..=2))
}

/// What a 0.1 footer leads to.
#[derive(Debug, Default)]
pub struct LegacyMetadata {
    /// Rows of each batch, from the batch offsets.
    pub batch_rows: Vec<u64>,
    /// Where the page table begins; it ends where the metadata message or the footer begins.
    pub page_table: Option<u64>,
    /// The fields of the schema in the file itself, when it holds one.
    pub fields: Option<Vec<Field>>,
}

/// One cell of the page table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LegacyPage {
    /// Where the page begins (for variable-width pages: where its offsets begin).
    pub position: u64,
    /// Values in the page.
    pub length: u64,
}

/// Reads the metadata message, and the schema in the file where there is one.
pub fn read_metadata(
    storage: &dyn Storage,
    location: &Location,
    window: &Window,
    faults: &mut Vec<Fault>,
) -> LegacyMetadata {
    let mut fault = |part: Part, detail: String| {
        faults.push(Fault {
            part,
            column: None,
            range: None,
            detail,
        });
    };
    let limit = window.size.saturating_sub(16);
    let Some(position) = window.u64(limit) else {
        fault(Part::Footer, "is not readable".to_string());
        return LegacyMetadata::default();
    };
    let metadata = match prefixed(storage, location, window, position, MAX_METADATA_BYTES) {
        Ok(bytes) => match Metadata::decode(bytes) {
            Ok(metadata) => metadata,
            Err(error) => {
                fault(
                    Part::Footer,
                    format!(
                        "leads to a metadata message at byte {position} that does not decode ({error})"
                    ),
                );
                return LegacyMetadata::default();
            }
        },
        Err(detail) => {
            fault(
                Part::Footer,
                format!("leads to a metadata message at byte {position} that {detail}"),
            );
            return LegacyMetadata::default();
        }
    };
    if let Some(detail) = metadata
        .statistics
        .as_ref()
        .and_then(|s| statistics(s, window.size))
    {
        fault(Part::Statistics, detail);
    }
    let batch_rows = metadata
        .batch_offsets
        .windows(2)
        .map(|pair| match pair {
            [from, to] => u64::try_from(i64::from(*to) - i64::from(*from)).unwrap_or(0),
            _ => 0,
        })
        .collect();
    let fields = (metadata.manifest_position > 0)
        .then(|| {
            let at = metadata.manifest_position;
            prefixed(storage, location, window, at, MAX_MANIFEST_BYTES)
                .map(|bytes| wire::salvage::<Manifest>(&bytes).message.fields)
                .map_err(|detail| {
                    let detail = format!("should be at byte {at} but {detail}");
                    fault(Part::FileSchema, detail);
                })
                .ok()
        })
        .flatten();
    LegacyMetadata {
        batch_rows,
        page_table: (metadata.page_table_position > 0).then_some(metadata.page_table_position),
        fields,
    }
}

/// Why readers cannot open a file by what it says of its statistics (lance-file
/// `versions/v1/reader.rs`, `read_stats_page_table`): a clause without a subject.
fn statistics(statistics: &StatisticsMetadata, size: u64) -> Option<String> {
    let Some(last) = statistics.fields.iter().max() else {
        return Some("list no fields".to_string());
    };
    let mut known = HashSet::default();
    for field in &statistics.schema {
        if field.parent_id >= 0 && !known.contains(&field.parent_id) {
            return Some(format!(
                "have a field {} before its parent, field {}",
                field.id, field.parent_id
            ));
        }
        known.insert(field.id);
    }
    let cells = u64::try_from(i64::from(*last) + 1).unwrap_or(0);
    let end = cells
        .saturating_mul(16)
        .saturating_add(statistics.page_table_position);
    (end > size).then(|| format!("have a page table that would end at byte {end} of {size}"))
}

/// Reads a message that a little-endian `u32` length stands before.
pub(crate) fn prefixed(
    storage: &dyn Storage,
    location: &Location,
    window: &Window,
    position: u64,
    most: u64,
) -> Result<Bytes, String> {
    let read = |range: Range<u64>| -> Result<Bytes, String> {
        if range.end > window.size {
            return Err(format!(
                "would end at byte {} of a file of {} bytes",
                range.end, window.size
            ));
        }
        match window.slice(&range) {
            Some(bytes) => Ok(bytes),
            None => storage
                .range(location, range)
                .map_err(|error| format!("could not be read: {error}")),
        }
    };
    let overflow = || "lies beyond any file".to_string();
    let start = position.checked_add(4).ok_or_else(overflow)?;
    let prefix = read(position..start)?;
    let length = <[u8; 4]>::try_from(prefix.as_ref()).map_or(0, u32::from_le_bytes);
    if u64::from(length) > most {
        return Err(format!("is said to be {length} bytes long"));
    }
    let end = start.checked_add(u64::from(length)).ok_or_else(overflow)?;
    read(start..end)
}

/// Reads the page table: for `columns` consecutive field ids, the pages of each in batch order.
///
/// # Errors
/// A clause that says why the table cannot be read.
pub fn page_table(
    storage: &dyn Storage,
    location: &Location,
    metadata: &LegacyMetadata,
    columns: u64,
    size: u64,
) -> Result<Vec<Vec<LegacyPage>>, String> {
    let Some(position) = metadata.page_table else {
        // A file of nothing but nulls has no pages, and writers leave the table out.
        return Ok(Vec::new());
    };
    let batches = metadata.batch_rows.len() as u64;
    let length = columns
        .checked_mul(batches)
        .and_then(|cells| cells.checked_mul(16))
        .filter(|length| *length <= MAX_METADATA_BYTES);
    let range = length
        .and_then(|length| position.checked_add(length))
        .filter(|end| *end <= size)
        .map(|end| position..end)
        .ok_or_else(|| {
            format!(
                "should hold {columns} fields of {batches} batches from byte {position} on, \
                 which does not fit into the file's {size} bytes"
            )
        })?;
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let bytes = storage
        .range(location, range)
        .map_err(|error| format!("could not be read: {error}"))?;
    let cell = |cell: &[u8]| {
        let number = |half: Option<&[u8]>| {
            half.and_then(|half| half.try_into().ok())
                .map_or(0, u64::from_le_bytes)
        };
        LegacyPage {
            position: number(cell.get(..8)),
            length: number(cell.get(8..)),
        }
    };
    let per_column = usize::try_from(batches.saturating_mul(16)).unwrap_or(usize::MAX);
    Ok(bytes
        .chunks_exact(per_column)
        .map(|column| column.chunks_exact(16).map(cell).collect())
        .collect())
}
