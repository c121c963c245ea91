//! A data file with its columns understood, and the join of its columns with a schema.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use prost::Message;
use smallvec::SmallVec;

use super::encoding::{EncodingResult, Kind};
use super::logical_type::LogicalType;
use super::schema::{Field, FieldTree};
use super::version::FileVersion;
use super::vocabulary::{self, EncodingCache};
use crate::format::column_metadata::{self, Ranges};
use crate::format::data_file::{Body, Footer, RawFile};
use crate::format::encoding::{self, Envelope};
use crate::format::legacy::{self, LegacyPage};
use crate::format::proto::lance::file::v2::ColumnMetadata;
use crate::format::proto::lance::file::v2::column_metadata::Page as WirePage;
use crate::format::proto::lance::file::{Field as WireField, FileDescriptor, Schema};
use crate::format::wire::{self, UnknownField};
use crate::format::{Fault, Part};
use crate::hash::{HashMap, HashSet};
use crate::storage::{Location, Storage};

/// What is shared among all files of a run, so that equal things are parsed once.
#[derive(Debug, Default)]
pub struct Caches {
    encodings: EncodingCache,
    schemas: Mutex<HashMap<Bytes, Arc<FieldTree>>>,
}

/// A data file whose footer was read.
#[derive(Debug)]
pub struct DataFile {
    raw: RawFile,
    /// The version that the footer states; `None` for one this build does not know.
    pub version: Option<FileVersion>,
    /// The schema in the file itself.
    pub schema: Option<Arc<FieldTree>>,
    /// Rows that the file's own descriptor counts (2.x), or the batches do (0.1).
    pub rows: Option<u64>,
    /// Parts that could not be read.
    pub faults: Vec<Fault>,
    /// The page table of a 0.1 file.
    legacy_pages: Option<LegacyPages>,
}

/// A page table that was read.
#[derive(Debug)]
struct LegacyPages {
    /// The field id of its first column.
    first_id: i32,
    /// The first field id that the manifest lists.
    read_from: Option<i32>,
    /// For consecutive field ids, the pages in the order of the batches.
    columns: Vec<Vec<LegacyPage>>,
}

/// A column of a data file.
#[derive(Debug)]
pub struct Column {
    /// The encoding of the column as a whole.
    pub encoding: EncodingResult,
    /// Its pages in order.
    pub pages: SmallVec<[Page; 1]>,
    /// Its column-level buffers.
    pub buffers: Ranges,
    /// Offsets and sizes of these that the metadata lists; they differ in damaged files only.
    pub buffer_counts: (usize, usize),
    /// Parts of its metadata that could not be read.
    pub faults: Vec<Fault>,
    /// Fields of its metadata that this build does not know, those inside encodings left out.
    pub unknown: Vec<UnknownField>,
}

/// A page of a column.
#[derive(Debug)]
pub struct Page {
    /// Rows, or items for columns below a 2.0 list.
    pub rows: u64,
    /// The top-level row at which the page starts, as far as writers say.
    pub priority: u64,
    /// Where its buffers stand in the file.
    pub buffers: Ranges,
    /// Offsets and sizes that the metadata lists; they differ in damaged files only.
    pub buffer_counts: (usize, usize),
    /// How it is encoded.
    pub encoding: EncodingResult,
}

impl Page {
    /// Bytes of all buffers.
    pub fn bytes(&self) -> u64 {
        sum(&self.buffers)
    }

    /// From the first to the last byte of its buffers; `None` without any.
    pub fn span(&self) -> Option<Range<u64>> {
        let held = || self.buffers.iter().filter(|buffer| !buffer.is_empty());
        let start = held().map(|buffer| buffer.start).min()?;
        let end = held().map(|buffer| buffer.end).max()?;
        Some(start..end)
    }
}

impl Column {
    /// Bytes of all page and column buffers.
    pub fn bytes(&self) -> u64 {
        let pages = self.pages.iter().map(Page::bytes);
        pages.fold(sum(&self.buffers), u64::saturating_add)
    }

    /// Rows of all pages.
    pub fn rows(&self) -> u64 {
        let rows = self.pages.iter().map(|page| page.rows);
        rows.fold(0, u64::saturating_add)
    }

    /// Whether the column encoding is the blob encoding of 2.0.
    pub fn is_blob_encoded(&self) -> bool {
        matches!(&self.encoding, Ok(encoding) if encoding.root.kind == Kind::ColumnBlob)
    }
}

fn sum(ranges: &[Range<u64>]) -> u64 {
    let lengths = ranges.iter().map(|r| r.end.saturating_sub(r.start));
    lengths.fold(0, u64::saturating_add)
}

/// The page table of a 0.1 file, and what is needed to read it.
#[derive(Debug, Clone, Copy)]
pub struct LegacyTable<'a> {
    /// Where it begins; `None` where the metadata states no position.
    pub position: Option<u64>,
    /// The field id of its first column.
    pub first_id: i32,
    /// The field id at which readers take it to begin: the first one that the manifest lists.
    pub read_from: Option<i32>,
    /// For consecutive field ids, the pages in the order of the batches.
    pub columns: &'a [Vec<LegacyPage>],
    /// Rows of each batch.
    pub batch_rows: &'a [u64],
}

impl DataFile {
    /// Understands a raw file.
    pub fn new(raw: RawFile, caches: &Caches) -> Self {
        let (major, minor) = raw.version;
        let version = FileVersion::from_numbers(u32::from(major), u32::from(minor));
        let mut faults = raw.faults.clone();
        let (schema, rows) = match &raw.body {
            Body::Current {
                descriptor,
                global_buffers,
                ..
            } => match descriptor {
                Some(bytes) => descriptor_parts(bytes, caches).unwrap_or_else(|detail| {
                    faults.push(Fault {
                        part: Part::FileSchema,
                        column: None,
                        range: global_buffers.first().cloned(),
                        detail,
                    });
                    (None, None)
                }),
                None => (None, None),
            },
            Body::Legacy(metadata) => {
                let fields = metadata.fields.as_deref();
                let rows = metadata.batch_rows.iter().copied();
                let rows = rows.fold(0, u64::saturating_add);
                (fields.map(|f| Arc::new(FieldTree::new(f))), Some(rows))
            }
        };
        Self {
            raw,
            version,
            schema,
            rows,
            faults,
            legacy_pages: None,
        }
    }

    /// Size of the file in bytes.
    pub fn size(&self) -> u64 {
        self.raw.size
    }

    /// Bytes behind the end that the manifest states.
    pub fn trailing_bytes(&self) -> u64 {
        self.raw.trailing
    }

    /// The two version numbers of the footer.
    pub fn footer_version(&self) -> (u16, u16) {
        self.raw.version
    }

    /// Physical columns that the footer counts; fields in the page table of a 0.1 file.
    pub fn num_columns(&self) -> u32 {
        match &self.legacy_pages {
            Some(pages) => u32::try_from(pages.columns.len()).unwrap_or(u32::MAX),
            None => self.raw.num_columns(),
        }
    }

    /// Global buffers, the file schema first.
    pub fn global_buffers(&self) -> &[Range<u64>] {
        match &self.raw.body {
            Body::Current { global_buffers, .. } => global_buffers,
            Body::Legacy(_) => &[],
        }
    }

    /// Where the metadata of the columns begins, in bytes; 0.1 files have none.
    pub fn metadata_start(&self) -> Option<u64> {
        match &self.raw.body {
            Body::Current { footer, .. } => Some(footer.column_metadata_start),
            Body::Legacy(_) => None,
        }
    }

    /// The fields of the schema in the file itself, as stored.
    pub fn schema_fields(&self) -> Option<Vec<WireField>> {
        match &self.raw.body {
            Body::Current { .. } => Some(self.stored_schema()?.fields),
            Body::Legacy(metadata) => metadata.fields.clone(),
        }
    }

    /// The metadata of the schema in the file itself; `None` for a 0.1 file.
    pub fn schema_metadata(&self) -> Option<BTreeMap<String, Bytes>> {
        Some(self.stored_schema()?.metadata)
    }

    /// The schema in the descriptor of the file; `None` for a 0.1 file.
    fn stored_schema(&self) -> Option<Schema> {
        let Body::Current { descriptor, .. } = &self.raw.body else {
            return None;
        };
        FileDescriptor::decode(descriptor.clone()?).ok()?.schema
    }

    /// Where the metadata of a column stands in the file.
    pub fn column_metadata_range(&self, index: u32) -> Option<Range<u64>> {
        self.raw.column_range(index)
    }

    /// Reads the page table of a 0.1 file. Other files have none, and are left as they are.
    ///
    /// It spans the ids of all fields that the file was written with (lance-file
    /// `versions/v1/writer/mod.rs`). `listed` are those that the manifest lists: a partial update
    /// replaces the ids of the columns that it wrote elsewhere by -2. The file's own schema still
    /// has them.
    pub fn load_legacy_pages(
        &mut self,
        storage: &dyn Storage,
        location: &Location,
        listed: &[i32],
    ) {
        let Body::Legacy(metadata) = &self.raw.body else {
            return;
        };
        let own = self.schema.as_deref().map(|schema| &schema.fields);
        let own: Vec<i32> = own.into_iter().flatten().map(|field| field.id).collect();
        let all = match renumbered(&own, listed) {
            Some(span) => Some(span),
            None => id_span(own.into_iter().chain(listed.iter().copied())),
        };
        let table = |span: (i32, i32)| {
            let (first, last) = span;
            let columns = u64::try_from(i64::from(last) - i64::from(first) + 1).unwrap_or(0);
            legacy::page_table(storage, location, metadata, columns, self.raw.size)
                .map(|pages| (first, pages))
        };
        let Some(all) = all else { return };
        // Where the file's own schema is damaged, the manifest's ids may still fit.
        let table = table(all).or_else(|detail| match id_span(listed.iter().copied()) {
            Some(span) if span != all => table(span),
            _ => Err(detail),
        });
        match table {
            Ok((first_id, columns)) => {
                self.legacy_pages = Some(LegacyPages {
                    first_id,
                    read_from: listed.first().copied(),
                    columns,
                });
            }
            Err(detail) => self.faults.push(Fault {
                part: Part::PageTable,
                column: None,
                range: None,
                detail,
            }),
        }
    }

    /// Decodes a column of a 2.x file; `None` when there is no such column or its metadata
    /// cannot be reached.
    pub fn column(&self, index: u32, caches: &Caches) -> Option<Column> {
        let bytes = self.raw.column_bytes(index)?;
        if let Some(column) = plain_column(bytes, caches) {
            return Some(column);
        }
        let raw = self.raw.column(index)?;
        let ColumnMetadata {
            encoding,
            pages,
            buffer_offsets,
            buffer_sizes,
        } = &raw.message;
        let pages = pages.iter().map(|page| Page {
            rows: page.length,
            priority: page.priority,
            buffers: ranges(&page.buffer_offsets, &page.buffer_sizes),
            buffer_counts: (page.buffer_offsets.len(), page.buffer_sizes.len()),
            encoding: caches.encodings.of(page.encoding.as_ref()),
        });
        Some(Column {
            encoding: caches.encodings.of(encoding.as_ref()),
            pages: pages.collect(),
            buffers: ranges(buffer_offsets, buffer_sizes),
            buffer_counts: (buffer_offsets.len(), buffer_sizes.len()),
            faults: raw.faults,
            unknown: wire::unknown_fields(".lance.file.v2.ColumnMetadata", bytes),
        })
    }

    /// The footer; 0.1 files have none of this kind.
    pub fn footer(&self) -> Option<&Footer> {
        match &self.raw.body {
            Body::Current { footer, .. } => Some(footer),
            Body::Legacy(_) => None,
        }
    }

    /// The encoding messages of a column's pages in order, as they stand in the file.
    pub fn page_encodings(&self, index: u32) -> Vec<Option<Envelope>> {
        let raw = self.raw.column(index);
        let pages = raw.map_or_else(Vec::new, |raw| raw.message.pages);
        let message = |page: WirePage| {
            let bytes = encoding::direct(page.encoding.as_ref()).ok()?;
            encoding::open(&bytes).ok()
        };
        pages.into_iter().map(message).collect()
    }

    /// The page table of a 0.1 file; `None` for other files, and where it cannot be read.
    pub fn legacy_table(&self) -> Option<LegacyTable<'_>> {
        let pages = self.legacy_pages.as_ref()?;
        let Body::Legacy(metadata) = &self.raw.body else {
            return None;
        };
        Some(LegacyTable {
            position: metadata.page_table,
            first_id: pages.first_id,
            read_from: pages.read_from,
            columns: &pages.columns,
            batch_rows: &metadata.batch_rows,
        })
    }

    /// A column of a 0.1 file, by field.
    pub fn legacy_column(&self, field: &Field) -> Option<Column> {
        let pages = self.legacy_pages.as_ref()?;
        let Body::Legacy(metadata) = &self.raw.body else {
            return None;
        };
        let at = usize::try_from(i64::from(field.id) - i64::from(pages.first_id)).ok()?;
        let cells = pages.columns.get(at)?;
        let bits = match &field.logical_type {
            LogicalType::Fixed { bits } => Some(*bits),
            LogicalType::FixedSizeList { .. } => fixed_list_bits(&field.logical_type),
            // Lists hold their offsets here.
            LogicalType::List if field.type_text.starts_with("large") => Some(64),
            LogicalType::List => Some(32),
            _ => None,
        };
        let encoding = vocabulary::legacy(field.legacy_encoding, bits);
        let is_struct = matches!(field.logical_type, LogicalType::Struct);
        let pages = cells
            .iter()
            .zip(&metadata.batch_rows)
            .filter(|(cell, _)| !is_struct && (cell.length > 0 || cell.position > 0))
            .map(|(cell, rows)| Page {
                rows: if field.parent.is_some() {
                    cell.length
                } else {
                    *rows
                },
                priority: 0,
                buffers: legacy_buffer(*cell, field.legacy_encoding, bits),
                buffer_counts: (1, 1),
                encoding: encoding.clone(),
            });
        Some(Column {
            encoding: encoding.clone(),
            pages: pages.collect(),
            buffers: Ranges::new(),
            buffer_counts: (0, 0),
            faults: Vec::new(),
            unknown: Vec::new(),
        })
    }
}

/// The ids that the page table of a 0.1 file spans where a commit gave new ids to all of its fields,
/// since another file of the fragment has theirs (lance 14.0.2 `io/commit.rs`, `fix_schema`). Readers
/// take the first id that the manifest lists for that of the first column.
fn renumbered(own: &[i32], listed: &[i32]) -> Option<(i32, i32)> {
    let (first, last) = id_span(own.iter().copied())?;
    let known: HashSet<i32> = own.iter().copied().collect();
    let is_other = |id: &i32| *id >= 0 && !known.contains(id);
    if listed.len() != own.len() || !listed.iter().all(is_other) {
        return None;
    }
    let begin = *listed.first()?;
    Some((begin, begin.checked_add(last.checked_sub(first)?)?))
}

/// The least and the greatest id of fields; other numbers stand for columns that are gone.
fn id_span(ids: impl Iterator<Item = i32>) -> Option<(i32, i32)> {
    ids.filter(|id| *id >= 0).fold(None, |span, id| {
        let (first, last): (i32, i32) = span.unwrap_or((id, id));
        Some((first.min(id), last.max(id)))
    })
}

/// Decodes a column whose metadata is laid out as writers do.
fn plain_column(bytes: &[u8], caches: &Caches) -> Option<Column> {
    let mut pages = SmallVec::new();
    let column = column_metadata::read(bytes, |page| {
        pages.push(Page {
            rows: page.rows,
            priority: page.priority,
            buffers: page.buffers.ranges,
            buffer_counts: page.buffers.counts,
            encoding: caches.encodings.get(page.encoding),
        });
    })?;
    Some(Column {
        encoding: caches.encodings.get(column.encoding),
        pages,
        buffers: column.buffers.ranges,
        buffer_counts: column.buffers.counts,
        faults: Vec::new(),
        unknown: Vec::new(),
    })
}

fn fixed_list_bits(logical_type: &LogicalType) -> Option<u64> {
    match logical_type {
        LogicalType::Fixed { bits } => Some(*bits),
        LogicalType::FixedSizeList { item, dimension } => {
            fixed_list_bits(item)?.checked_mul(u64::try_from(*dimension).ok()?)
        }
        _ => None,
    }
}

/// The bytes that a 0.1 page is known to take: its values, or for variable-width pages its
/// offsets (where the values stand before them is written in the offsets only).
fn legacy_buffer(cell: LegacyPage, encoding: i32, bits: Option<u64>) -> Ranges {
    let bytes = match (encoding, bits) {
        (1, Some(bits)) => bits.checked_mul(cell.length).map(|bits| bits.div_ceil(8)),
        (2, _) => cell.length.checked_add(1).and_then(|n| n.checked_mul(8)),
        _ => None,
    };
    let end = bytes.and_then(|bytes| cell.position.checked_add(bytes));
    end.map(|end| cell.position..end).into_iter().collect()
}

fn ranges(offsets: &[u64], sizes: &[u64]) -> Ranges {
    let pairs = offsets.iter().zip(sizes);
    pairs
        .map(|(offset, size)| *offset..offset.saturating_add(*size))
        .collect()
}

type DescriptorParts = (Option<Arc<FieldTree>>, Option<u64>);

fn descriptor_parts(bytes: &Bytes, caches: &Caches) -> Result<DescriptorParts, String> {
    // Files of one dataset mostly share their schema and differ in rows, so the schema is
    // remembered by its own bytes.
    let Some((schema, rest)) = wire::split_message_field(bytes, 1) else {
        let descriptor = FileDescriptor::decode(bytes.clone());
        let descriptor = descriptor.map_err(|error| format!("does not decode ({error})"))?;
        return match descriptor.schema {
            Some(schema) => Ok((
                Some(Arc::new(FieldTree::new(&schema.fields))),
                Some(descriptor.length),
            )),
            None => Err("holds a descriptor without a schema".to_string()),
        };
    };
    let rows = FileDescriptor::decode(rest)
        .map_err(|error| format!("does not decode ({error})"))?
        .length;
    let lock = || {
        caches
            .schemas
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    };
    if let Some(known) = lock().get(&schema) {
        return Ok((Some(known.clone()), Some(rows)));
    }
    let message =
        Schema::decode(schema.clone()).map_err(|error| format!("does not decode ({error})"))?;
    let tree = Arc::new(FieldTree::new(&message.fields));
    let mut known = lock();
    if known.len() < crate::format::limits::MAX_CACHED_SCHEMAS {
        known.insert(Bytes::copy_from_slice(&schema), tree.clone());
    }
    Ok((Some(tree), Some(rows)))
}
