//! The container of a data file: footer, tables, column metadata, file schema.
//!
//! Layout facts: lance-file `reader.rs` and `file2.proto` for 2.x,
//! `versions/v1/` for 0.1. All numbers are little endian.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

use super::legacy::{self, LegacyMetadata};
use super::limits::{MAX_GLOBAL_BUFFERS, MAX_METADATA_BYTES, MAX_PAGES_PER_COLUMN, TAIL_GUESS};
use super::proto::lance::file::v2::ColumnMetadata;
use super::sniff::{Looks, looks_like};
use super::window::Window;
use super::{Fault, MAGIC, Part, wire};
use crate::redact::messages as redact;
use crate::storage::{Location, Storage, StorageError};

/// Bytes of a 2.x footer.
pub const FOOTER_BYTES: u64 = 40;
/// Bytes of a 0.1 footer.
pub const LEGACY_FOOTER_BYTES: u64 = 16;
/// Bytes of one (position, length) entry of the tables in the footer.
const TABLE_ENTRY_BYTES: u64 = 16;
/// The number of `ColumnMetadata.pages`.
const PAGES_FIELD: u32 = 2;
/// Bytes of the head and tail that are looked at when a file is not Lance.
const SNIFF_BYTES: u64 = 512;

/// Why nothing of a data file can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// The storage did not give it.
    Storage(StorageError),
    /// It does not end as a Lance file does.
    NotLance {
        /// Its size in bytes.
        size: u64,
        /// What it is instead, as far as its first and last bytes tell.
        looks: Looks,
    },
    /// It ends in `LANC` and is too short for the footer of its version.
    TooShort {
        /// Its size in bytes.
        size: u64,
        /// Bytes of the footer it claims to have.
        needed: u64,
    },
}

/// The fixed end of a 2.x data file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Footer {
    /// Where the column metadata messages begin, in bytes from the start of the file.
    pub column_metadata_start: u64,
    /// Where the table of column metadata positions begins.
    pub column_table: u64,
    /// Where the table of global buffer positions begins.
    pub global_buffer_table: u64,
    /// Entries of the global buffer table.
    pub num_global_buffers: u32,
    /// Entries of the column metadata table.
    pub num_columns: u32,
}

/// The part of a container that depends on its generation.
#[derive(Debug)]
pub enum Body {
    /// 2.0 and later.
    Current {
        /// The footer.
        footer: Footer,
        /// Where each column's metadata stands; empty ranges for unreadable table entries.
        columns: Vec<Range<u64>>,
        /// Where each global buffer stands.
        global_buffers: Vec<Range<u64>>,
        /// The bytes of global buffer 0, a `FileDescriptor`.
        descriptor: Option<Bytes>,
    },
    /// 0.1.
    Legacy(LegacyMetadata),
}

/// A data file whose footer was read.
#[derive(Debug)]
pub struct RawFile {
    /// Its size in bytes, those behind the footer left out.
    pub size: u64,
    /// Bytes behind the end that the manifest states.
    pub trailing: u64,
    /// The two version numbers of the footer.
    pub version: (u16, u16),
    /// What the footer leads to.
    pub body: Body,
    /// Parts that could not be read.
    pub faults: Vec<Fault>,
    /// Metadata bytes in memory.
    window: Window,
}

/// One column's metadata as stored.
#[derive(Debug)]
pub struct RawColumn {
    /// The message, or what could be salvaged of it.
    pub message: ColumnMetadata,
    /// Parts of it that could not be read.
    pub faults: Vec<Fault>,
}

/// Reads the footer and metadata of a data file: one read in the common case, a
/// second when the metadata is larger than the first guess.
///
/// `stated` is the size that a manifest states, or 0. Readers look for the footer where that
/// size puts it, so a file with bytes behind it is read up to there.
///
/// # Errors
/// [`Unreadable`] when there is no usable footer.
pub fn read(
    storage: &dyn Storage,
    location: &Location,
    stated: u64,
) -> Result<RawFile, Unreadable> {
    let tail = storage
        .tail_stated(location, TAIL_GUESS, stated)
        .map_err(Unreadable::Storage)?;
    let window = Window {
        size: tail.size,
        start: tail.size.saturating_sub(tail.bytes.len() as u64),
        bytes: tail.bytes,
    };
    let real = window.size;
    let whole = read_window(storage, location, window);
    if whole.is_ok() || stated == 0 || stated >= real {
        return whole;
    }
    let start = stated.saturating_sub(TAIL_GUESS);
    let Ok(bytes) = storage.range(location, start..stated) else {
        return whole;
    };
    let window = Window {
        size: stated,
        start,
        bytes,
    };
    match read_window(storage, location, window) {
        Ok(mut file) => {
            file.trailing = real - stated;
            Ok(file)
        }
        Err(_) => whole,
    }
}

fn read_window(
    storage: &dyn Storage,
    location: &Location,
    window: Window,
) -> Result<RawFile, Unreadable> {
    let size = window.size;
    if !window.bytes.ends_with(MAGIC) {
        return Err(not_lance(storage, location, &window));
    }
    let at = |back: u64| size.checked_sub(back);
    let version = at(8)
        .and_then(|position| window.u16(position))
        .zip(at(6).and_then(|position| window.u16(position)));
    let Some(version) = version else {
        return Err(Unreadable::TooShort {
            size,
            needed: LEGACY_FOOTER_BYTES,
        });
    };
    if legacy::is_legacy(version) {
        if size < LEGACY_FOOTER_BYTES {
            return Err(Unreadable::TooShort {
                size,
                needed: LEGACY_FOOTER_BYTES,
            });
        }
        let mut faults = Vec::new();
        let mut metadata = legacy::read_metadata(storage, location, &window, &mut faults);
        if let (Some(redactor), Some(fields)) = (storage.redactor(), &mut metadata.fields) {
            redact::fields(redactor, fields);
        }
        return Ok(RawFile {
            size,
            trailing: 0,
            version,
            body: Body::Legacy(metadata),
            faults,
            window,
        });
    }
    let Some(footer) = footer(&window) else {
        return Err(Unreadable::TooShort {
            size,
            needed: FOOTER_BYTES,
        });
    };
    Ok(read_current(storage, location, window, version, footer))
}

fn not_lance(storage: &dyn Storage, location: &Location, window: &Window) -> Unreadable {
    let size = window.size;
    let sniffed = SNIFF_BYTES.min(size);
    let head = match window.slice(&(0..sniffed)) {
        Some(head) => head,
        None => storage.range(location, 0..sniffed).unwrap_or_default(),
    };
    let tail = window
        .slice(&(size.saturating_sub(sniffed)..size))
        .unwrap_or_default();
    Unreadable::NotLance {
        size,
        looks: looks_like(&head, &tail),
    }
}

fn footer(window: &Window) -> Option<Footer> {
    let start = window.size.checked_sub(FOOTER_BYTES)?;
    Some(Footer {
        column_metadata_start: window.u64(start)?,
        column_table: window.u64(start.checked_add(8)?)?,
        global_buffer_table: window.u64(start.checked_add(16)?)?,
        num_global_buffers: window.u32(start.checked_add(24)?)?,
        num_columns: window.u32(start.checked_add(28)?)?,
    })
}

fn read_current(
    storage: &dyn Storage,
    location: &Location,
    mut window: Window,
    version: (u16, u16),
    footer: Footer,
) -> RawFile {
    let mut faults = Vec::new();
    let limit = window.size.saturating_sub(FOOTER_BYTES);
    let needed = metadata_start(&window, &footer).min(footer.column_table);
    if needed < window.start
        && let Err(detail) = widen(storage, location, &mut window, needed)
    {
        faults.push(Fault {
            part: Part::ColumnMetadata,
            column: None,
            range: Some(needed..limit),
            detail,
        });
    }
    let global_buffers = table(
        &window,
        limit,
        Part::GlobalBufferTable,
        footer.global_buffer_table,
        footer.num_global_buffers,
        &mut faults,
    );
    let columns = table(
        &window,
        limit,
        Part::ColumnMetadataTable,
        footer.column_table,
        footer.num_columns,
        &mut faults,
    );
    let columns = check_columns(columns, &footer, limit, &mut faults);
    let descriptor = global_buffers.first().and_then(|range| {
        let bytes = match window.slice(range) {
            Some(bytes) => Ok(bytes),
            None => descriptor_elsewhere(storage, location, range, limit),
        };
        bytes
            .map_err(|detail| {
                faults.push(Fault {
                    part: Part::FileSchema,
                    column: None,
                    range: Some(range.clone()),
                    detail,
                });
            })
            .ok()
    });
    let descriptor = match storage.redactor() {
        Some(redactor) => descriptor.map(|bytes| redact::descriptor(redactor, bytes)),
        None => descriptor,
    };
    RawFile {
        size: window.size,
        trailing: 0,
        version,
        body: Body::Current {
            footer,
            columns,
            global_buffers,
            descriptor,
        },
        faults,
        window,
    }
}

/// Where metadata begins: the file schema stands right before the column
/// metadata, so one read takes both.
fn metadata_start(window: &Window, footer: &Footer) -> u64 {
    let start = footer.column_metadata_start;
    let schema = (footer.num_global_buffers > 0)
        .then(|| window.u64(footer.global_buffer_table))
        .flatten();
    match schema {
        Some(position) if position < start && start - position <= MAX_METADATA_BYTES => position,
        _ => start,
    }
}

/// Reads the bytes from `start` up to the window and puts them before it.
fn widen(
    storage: &dyn Storage,
    location: &Location,
    window: &mut Window,
    start: u64,
) -> Result<(), String> {
    let missing = window.start.saturating_sub(start);
    if missing > MAX_METADATA_BYTES {
        return Err(format!(
            "would be {missing} bytes long; lance-lint reads {MAX_METADATA_BYTES} at most"
        ));
    }
    let before = storage
        .range(location, start..window.start)
        .map_err(|error| format!("could not be read: {error}"))?;
    // What was just read is as a rule nobody else's, and grows in place: the metadata of a wide
    // file is not in memory twice.
    let mut joined = BytesMut::from(before);
    joined.extend_from_slice(&window.bytes);
    window.start = start;
    window.bytes = joined.freeze();
    Ok(())
}

fn descriptor_elsewhere(
    storage: &dyn Storage,
    location: &Location,
    range: &Range<u64>,
    limit: u64,
) -> Result<Bytes, String> {
    let length = range.end.saturating_sub(range.start);
    if range.start > range.end || range.end > limit {
        return Err(format!(
            "is said to be at bytes {}..{}, outside the {limit} bytes before the footer",
            range.start, range.end
        ));
    }
    if length > MAX_METADATA_BYTES {
        return Err(format!("is said to be {length} bytes long"));
    }
    storage
        .range(location, range.clone())
        .map_err(|error| format!("could not be read: {error}"))
}

/// Reads a table of (position, length) pairs. Entries that overflow become empty ranges.
fn table(
    window: &Window,
    limit: u64,
    part: Part,
    position: u64,
    entries: u32,
    faults: &mut Vec<Fault>,
) -> Vec<Range<u64>> {
    let entries = if part == Part::GlobalBufferTable {
        entries.min(MAX_GLOBAL_BUFFERS)
    } else {
        entries
    };
    let end = u64::from(entries)
        .checked_mul(TABLE_ENTRY_BYTES)
        .and_then(|length| position.checked_add(length));
    let range = match end {
        Some(end) if end <= limit => position..end,
        _ => {
            faults.push(Fault {
                part,
                column: None,
                range: None,
                detail: format!(
                    "should hold {entries} entries from byte {position} on, which does not fit \
                     into the {limit} bytes before the footer"
                ),
            });
            return Vec::new();
        }
    };
    let Some(bytes) = window.get(&range) else {
        faults.push(Fault {
            part,
            column: None,
            range: Some(range),
            detail: "is not beside the column metadata and was not read".to_string(),
        });
        return Vec::new();
    };
    bytes
        .chunks_exact(16)
        .map(|entry| {
            let number = |half: Option<&[u8]>| {
                half.and_then(|half| half.try_into().ok())
                    .map_or(0, u64::from_le_bytes)
            };
            let start = number(entry.get(..8));
            match start.checked_add(number(entry.get(8..))) {
                Some(end) => start..end,
                None => start..start,
            }
        })
        .collect()
}

/// Holds the column metadata entries against the region they must be in, and against each
/// other: their lengths add up to no more than the region, or decoding them could be made
/// to cost more than the file is long.
fn check_columns(
    columns: Vec<Range<u64>>,
    footer: &Footer,
    limit: u64,
    faults: &mut Vec<Fault>,
) -> Vec<Range<u64>> {
    let region = footer.column_metadata_start..footer.column_table.min(limit);
    let mut budget = region.end.saturating_sub(region.start);
    let mut checked = Vec::with_capacity(columns.len());
    let mut bad: Option<(u32, Range<u64>, u32)> = None;
    for (index, range) in (0u32..).zip(columns) {
        let length = range.end - range.start;
        let inside = range.start >= region.start && range.end <= region.end;
        if inside && length <= budget {
            budget -= length;
            checked.push(range);
            continue;
        }
        checked.push(0..0);
        match &mut bad {
            Some((_, _, count)) => *count = count.saturating_add(1),
            None => bad = Some((index, range, 1)),
        }
    }
    if let Some((column, range, count)) = bad {
        let others = match count {
            1 => String::new(),
            _ => format!(" (and {} more columns)", count - 1),
        };
        faults.push(Fault {
            part: Part::ColumnMetadataTable,
            column: Some(column),
            detail: format!(
                "puts the metadata of column {column} at bytes {}..{}, which is outside or overlaps \
                 within the region {}..{}{others}",
                range.start, range.end, region.start, region.end
            ),
            range: Some(range),
        });
    }
    checked
}

impl RawFile {
    /// Physical columns that the footer counts.
    pub fn num_columns(&self) -> u32 {
        match &self.body {
            Body::Current { footer, .. } => footer.num_columns,
            Body::Legacy(_) => 0,
        }
    }

    /// Decodes the metadata of one column of a 2.x file; `None` beyond the last one, for a
    /// column whose table entry is unreadable, and for 0.1 files.
    pub fn column(&self, index: u32) -> Option<RawColumn> {
        let Body::Current { columns, .. } = &self.body else {
            return None;
        };
        let range = columns.get(usize::try_from(index).ok()?)?;
        if range.end == 0 {
            return None;
        }
        let bytes = self.window.slice(range)?;
        // An empty page takes two bytes on disk and a hundred in memory.
        if bytes.len() > MAX_PAGES_PER_COLUMN
            && wire::count_field(&bytes, PAGES_FIELD) > MAX_PAGES_PER_COLUMN
        {
            return Some(RawColumn {
                message: ColumnMetadata::default(),
                faults: vec![Fault {
                    part: Part::ColumnMetadata,
                    column: Some(index),
                    range: Some(range.clone()),
                    detail: format!(
                        "has more pages than the {MAX_PAGES_PER_COLUMN} that lance-lint reads"
                    ),
                }],
            });
        }
        let salvaged = wire::salvage::<ColumnMetadata>(&bytes);
        let faults = salvaged
            .faults
            .into_iter()
            .map(|detail| Fault {
                part: Part::ColumnMetadata,
                column: Some(index),
                range: Some(range.clone()),
                detail,
            })
            .collect();
        Some(RawColumn {
            message: salvaged.message,
            faults,
        })
    }

    /// Where the metadata of a column stands in the file.
    pub fn column_range(&self, index: u32) -> Option<Range<u64>> {
        match &self.body {
            Body::Current { columns, .. } => {
                let range = columns.get(usize::try_from(index).ok()?)?;
                (range.end > 0).then(|| range.clone())
            }
            Body::Legacy(_) => None,
        }
    }

    /// The raw bytes of one column's metadata.
    pub fn column_bytes(&self, index: u32) -> Option<&[u8]> {
        self.window.get(&self.column_range(index)?)
    }
}
