//! Adding up what columns hold, over pages, files and fragments.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::part::Numbered;
use crate::error::Error;
use crate::finding::Severity;
use crate::format::limits::MAX_NOTATIONS_PER_COLUMN;
use crate::hash::{HashMap, HashSet};
use crate::model::data_file::{Column, Page};
use crate::model::encoding::Encoding;
use crate::model::notation::{ALL_NULL, BLOB};
use crate::model::schema::{EXTENSION_KEY, Field, FieldTree, IGNORE_KEY, PACKED_KEYS};
use crate::model::version::FileVersion;

/// What is known of a field and how it is stored.
#[derive(Debug, Clone)]
pub struct FieldReport {
    /// Its id.
    pub id: i32,
    /// Its own name.
    pub name: String,
    /// Its path.
    pub path: String,
    /// 0 for top-level fields.
    pub depth: u32,
    /// Its type as spelt.
    pub type_text: String,
    /// Whether nulls are allowed.
    pub nullable: bool,
    /// Encoding keys of its metadata, with their values.
    pub requested: Vec<(String, String)>,
    /// The value of [`IGNORE_KEY`] in its metadata.
    pub ignores: Option<String>,
    /// The ways in which it is stored, the most pages first.
    pub encodings: Vec<EncodingReport>,
    /// Fragments in no file of which it is: it reads as null there.
    pub absent_fragments: u64,
    /// Fragments in which it is in a file that cannot be read.
    pub unreadable_fragments: u64,
    /// Whether it needs no column of its own, and where it is instead.
    pub home: StorageSite,
    /// Rules that found something, with their worst severity.
    pub verdicts: Vec<(Severity, &'static str)>,
}

/// Where a field without pages of its own is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageSite {
    /// In columns of its own.
    Own,
    /// In the columns of its children.
    Children,
    /// In the column of a field above it, which is a blob or a packed struct.
    Above,
    /// In a file that cannot be read.
    Unreadable,
}

/// One way in which a field is stored.
#[derive(Debug, Clone)]
pub struct EncodingReport {
    /// The version of the files.
    pub version: FileVersion,
    /// The short notation; that of a blob column encoding included.
    pub notation: String,
    /// The encoding of the first page.
    pub encoding: Option<Arc<Encoding>>,
    /// Fragments that have such pages.
    pub fragments: u64,
    /// Pages.
    pub pages: u64,
    /// Rows of those pages; items, for columns below a 2.0 list.
    pub rows: u64,
    /// Bytes of those pages and, for the first, of the column's own buffers.
    pub bytes: u64,
}

/// The fields that were asked for.
#[derive(Debug)]
pub struct Wanted(Vec<bool>);

impl Wanted {
    /// Resolves paths against a schema: a named field, all below it and all above it.
    ///
    /// # Errors
    /// A sentence that names the path that is not in the schema, and the nearest that is.
    pub fn new(schema: &FieldTree, columns: &[String], place: &str) -> Result<Self, Error> {
        if columns.is_empty() {
            return Ok(Self::all(schema));
        }
        let mut wanted = vec![false; schema.fields.len()];
        for column in columns {
            let Some(at) = schema.index_of_path(column) else {
                return Err(no_such_column(schema, column, place));
            };
            for near in schema.ancestors(at).chain(schema.subtree(at)) {
                if let Some(slot) = wanted.get_mut(near) {
                    *slot = true;
                }
            }
        }
        Ok(Self(wanted))
    }

    /// All fields of a schema.
    pub fn all(schema: &FieldTree) -> Self {
        Self(vec![true; schema.fields.len()])
    }

    /// Whether all fields were.
    pub fn is_all(&self) -> bool {
        self.0.iter().all(|wanted| *wanted)
    }

    /// Whether the field at this index was asked for.
    pub fn has(&self, at: usize) -> bool {
        self.0.get(at).copied().unwrap_or(false)
    }
}

fn no_such_column(schema: &FieldTree, column: &str, place: &str) -> Error {
    let lower = column.to_lowercase();
    let near = schema
        .fields
        .iter()
        .find(|field| field.path.to_lowercase() == lower || field.name.to_lowercase() == lower);
    let hint = match near {
        Some(field) => format!("; did you mean {}?", field.path),
        None => {
            let paths: Vec<&str> = schema.fields.iter().map(|f| f.path.as_str()).collect();
            let shown = paths
                .iter()
                .take(12)
                .copied()
                .collect::<Vec<_>>()
                .join(", ");
            let more = if paths.len() > 12 { ", …" } else { "" };
            format!("; it has {shown}{more}")
        }
    };
    Error::other(format!("{place} has no column {column}{hint}"))
}

/// How the pages of one column of one file are stored: a part per distinct notation.
#[derive(Debug)]
pub struct Cell {
    /// The field, as an index into the schema.
    pub field: usize,
    version: FileVersion,
    blob: bool,
    notation: Arc<str>,
    encoding: Option<Arc<Encoding>>,
    pages: u64,
    rows: u64,
    bytes: u64,
}

impl Cell {
    /// Bytes of the pages, and of the column's own buffers.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the pages hold descriptors of values that stand elsewhere in the file.
    pub fn is_of_blobs(&self) -> bool {
        self.blob || self.notation.starts_with(BLOB)
    }

    fn add(&mut self, page: &Page) {
        self.pages += 1;
        self.rows = self.rows.saturating_add(page.rows);
        self.bytes = self.bytes.saturating_add(page.bytes());
    }
}

/// Takes a column apart by how its pages are stored.
pub fn cells(field: usize, version: FileVersion, column: &Column, into: &mut Vec<Cell>) {
    let first = into.len();
    let blob = column.is_blob_encoded();
    for page in &column.pages {
        let encoding = page.encoding.as_ref().ok();
        let full = into.len().saturating_sub(first) >= MAX_NOTATIONS_PER_COLUMN;
        let known = into
            .iter_mut()
            .skip(first)
            .find(|cell| match (&cell.encoding, encoding) {
                (Some(known), Some(encoding)) => {
                    Arc::ptr_eq(known, encoding) || known.notation == encoding.notation
                }
                (None, None) => true,
                _ => false,
            });
        match known {
            Some(cell) => cell.add(page),
            None if full => {
                // What is beyond the limit is counted with the last that was told apart.
                if let Some(cell) = into.last_mut() {
                    cell.add(page);
                }
            }
            None => into.push(Cell {
                field,
                version,
                blob,
                notation: encoding.map_or_else(|| "unreadable".into(), |e| e.notation.clone()),
                encoding: encoding.cloned(),
                pages: 1,
                rows: page.rows,
                bytes: page.bytes(),
            }),
        }
    }
    if let Some(cell) = into.get_mut(first) {
        let own = column.buffers.iter().map(|b| b.end.saturating_sub(b.start));
        let own = own.fold(0, u64::saturating_add);
        cell.bytes = cell.bytes.saturating_add(own);
    }
}

/// The sums over all files of a subject.
#[derive(Debug, Default)]
pub struct ColumnStats {
    stored: HashMap<StoredKey, Stored>,
    absent: HashMap<usize, u64>,
    empty_fragments: u64,
    above: HashSet<usize>,
    unreadable: HashMap<usize, u64>,
}

/// A field, a file version, whether it is a blob column, and the notation of its pages.
type StoredKey = (usize, FileVersion, bool, Arc<str>);

#[derive(Debug)]
struct Stored {
    encoding: Option<Arc<Encoding>>,
    /// Where the first fragment that has it stands in the manifest.
    first: usize,
    /// Where the last that was added stands.
    last: usize,
    fragments: u64,
    pages: u64,
    rows: u64,
    bytes: u64,
}

impl ColumnStats {
    /// Adds the cells of the files of the next fragment, which stands at `at`.
    pub fn add(&mut self, at: usize, cells: Vec<Cell>) {
        for cell in cells {
            let key = (cell.field, cell.version, cell.blob, cell.notation);
            let stored = self.stored.entry(key).or_insert_with(|| Stored {
                encoding: cell.encoding,
                first: at,
                last: at,
                fragments: 1,
                pages: 0,
                rows: 0,
                bytes: 0,
            });
            if stored.last != at {
                stored.last = at;
                stored.fragments += 1;
            }
            stored.pages += cell.pages;
            stored.rows = stored.rows.saturating_add(cell.rows);
            stored.bytes = stored.bytes.saturating_add(cell.bytes);
        }
    }

    /// Takes in the sums over other fragments.
    pub fn join(&mut self, other: Self) {
        for (key, more) in other.stored {
            match self.stored.entry(key) {
                Entry::Vacant(vacant) => {
                    vacant.insert(more);
                }
                Entry::Occupied(mut known) => known.get_mut().join(more),
            }
        }
        let counts = [
            (&mut self.absent, other.absent),
            (&mut self.unreadable, other.unreadable),
        ];
        for (known, more) in counts {
            for (field, fragments) in more {
                *known.entry(field).or_default() += fragments;
            }
        }
        self.empty_fragments += other.empty_fragments;
        self.above.extend(other.above);
    }

    /// Counts a fragment without files, in which all fields are in no file.
    pub fn add_empty_fragment(&mut self) {
        self.empty_fragments += 1;
    }

    /// Counts a fragment in which a field is in no file.
    pub fn add_absent(&mut self, field: usize) {
        *self.absent.entry(field).or_default() += 1;
    }

    /// Notes that a field is stored in the column of one above it.
    pub fn add_above(&mut self, field: usize) {
        self.above.insert(field);
    }

    /// Counts a fragment in which a field is in a file that cannot be read.
    pub fn add_unreadable(&mut self, field: usize) {
        *self.unreadable.entry(field).or_default() += 1;
    }

    /// The report of every wanted field of a schema.
    pub fn into_fields(self, schema: &FieldTree, wanted: &Wanted) -> Vec<FieldReport> {
        let mut encodings: HashMap<usize, Vec<EncodingReport>> = HashMap::default();
        let mut all: Vec<(StoredKey, Stored)> = self.stored.into_iter().collect();
        // Of what looks the same, the order must not depend on the order of adding.
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        for ((field, version, blob, notation), stored) in all {
            let notation = match notation.to_string() {
                notation if blob => format!("blob({notation})"),
                // The encoding is the same; that there is a value shows in the page's buffers.
                notation if notation == ALL_NULL && stored.bytes > 0 => "constant".to_string(),
                notation => notation,
            };
            encodings.entry(field).or_default().push(EncodingReport {
                version,
                notation,
                encoding: stored.encoding,
                fragments: stored.fragments,
                pages: stored.pages,
                rows: stored.rows,
                bytes: stored.bytes,
            });
        }
        let mut report = |at: usize, field: &Field| {
            let mut encodings = encodings.remove(&at).unwrap_or_default();
            encodings.sort_by(|a, b| {
                let by_pages = b.pages.cmp(&a.pages);
                by_pages.then_with(|| (a.version, &a.notation).cmp(&(b.version, &b.notation)))
            });
            FieldReport {
                id: field.id,
                name: field.name.clone(),
                path: field.path.clone(),
                depth: field.depth,
                type_text: field.type_text.clone(),
                nullable: field.nullable,
                requested: requested(field),
                ignores: field.metadata.get(IGNORE_KEY).cloned(),
                encodings,
                absent_fragments: self.absent.get(&at).copied().unwrap_or(0) + self.empty_fragments,
                unreadable_fragments: self.unreadable.get(&at).copied().unwrap_or(0),
                home: match field.logical_type.is_nested() {
                    _ if self.above.contains(&at) => StorageSite::Above,
                    true => StorageSite::Children,
                    false if self.unreadable.contains_key(&at) => StorageSite::Unreadable,
                    false => StorageSite::Own,
                },
                verdicts: Vec::new(),
            }
        };
        let fields = schema.fields.iter().enumerate();
        fields
            .filter(|(at, _)| wanted.has(*at))
            .map(|(at, field)| report(at, field))
            .collect()
    }
}

/// The same sums, to be written down.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct TallyPart {
    stored: Vec<StoredPart>,
    absent: Vec<(usize, u64)>,
    empty_fragments: u64,
    above: Vec<usize>,
    unreadable: Vec<(usize, u64)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct StoredPart {
    field: usize,
    version: FileVersion,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    blob: bool,
    notation: String,
    /// The number of the encoding.
    encoding: Option<usize>,
    first: usize,
    fragments: u64,
    pages: u64,
    rows: u64,
    bytes: u64,
}

impl ColumnStats {
    /// Writes the sums down.
    pub(super) fn to_part(&self, encodings: &mut Numbered) -> TallyPart {
        let mut all: Vec<(&StoredKey, &Stored)> = self.stored.iter().collect();
        all.sort_by_key(|(key, _)| *key);
        let stored = all.into_iter().map(|(key, stored)| {
            let (field, version, blob, notation) = key;
            StoredPart {
                field: *field,
                version: *version,
                blob: *blob,
                notation: notation.to_string(),
                encoding: stored.encoding.as_ref().map(|e| encodings.number(e)),
                first: stored.first,
                fragments: stored.fragments,
                pages: stored.pages,
                rows: stored.rows,
                bytes: stored.bytes,
            }
        });
        let counts = |counts: &HashMap<usize, u64>| {
            let mut counts: Vec<(usize, u64)> = counts.iter().map(|(f, n)| (*f, *n)).collect();
            counts.sort_unstable();
            counts
        };
        let mut above: Vec<usize> = self.above.iter().copied().collect();
        above.sort_unstable();
        TallyPart {
            stored: stored.collect(),
            absent: counts(&self.absent),
            empty_fragments: self.empty_fragments,
            above,
            unreadable: counts(&self.unreadable),
        }
    }

    /// The sums that were written down.
    ///
    /// # Errors
    /// A clause without a subject, when they name an encoding that is not there.
    pub(crate) fn from_part(part: TallyPart, encodings: &[Arc<Encoding>]) -> Result<Self, String> {
        let mut stored = HashMap::default();
        for part in part.stored {
            let encoding = match part.encoding {
                Some(number) => Some(
                    encodings
                        .get(number)
                        .ok_or("an encoding is missing")?
                        .clone(),
                ),
                None => None,
            };
            // Equal notations are one text in memory.
            let notation = match &encoding {
                Some(encoding) if *encoding.notation == *part.notation => encoding.notation.clone(),
                _ => part.notation.into(),
            };
            let sums = Stored {
                encoding,
                first: part.first,
                last: part.first,
                fragments: part.fragments,
                pages: part.pages,
                rows: part.rows,
                bytes: part.bytes,
            };
            stored.insert((part.field, part.version, part.blob, notation), sums);
        }
        Ok(Self {
            stored,
            absent: part.absent.into_iter().collect(),
            empty_fragments: part.empty_fragments,
            above: part.above.into_iter().collect(),
            unreadable: part.unreadable.into_iter().collect(),
        })
    }
}

impl Stored {
    fn join(&mut self, more: Self) {
        if more.first < self.first {
            self.first = more.first;
            self.encoding = more.encoding;
        }
        self.fragments += more.fragments;
        self.pages += more.pages;
        self.rows = self.rows.saturating_add(more.rows);
        self.bytes = self.bytes.saturating_add(more.bytes);
    }
}

/// The keys of a field's metadata that ask something of its encoding.
fn requested(field: &Field) -> Vec<(String, String)> {
    let wanted = |key: &str| {
        key.starts_with("lance-encoding:") || key == EXTENSION_KEY || PACKED_KEYS.contains(&key)
    };
    let mut requested: Vec<(String, String)> = field
        .metadata
        .iter()
        .filter(|(key, _)| wanted(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    if let Some(extension) = &field.extension
        && !field.metadata.contains_key(EXTENSION_KEY)
    {
        requested.push((EXTENSION_KEY.to_string(), extension.clone()));
    }
    requested
}
