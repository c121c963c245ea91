//! Where the pages of a 0.1 file stand, compared with what the types of their fields take.
//!
//! Such a file states a position and a length for each page, and neither a size nor a type. Its
//! writers put one page behind the other without a byte between them, batch by batch and column by
//! column, and the page table behind the last (lance-file `versions/v1/writer/`). So the bytes
//! from one page to the next tell the width of its values.

use crate::hash::{HashMap, HashSet};

use super::checker::{TypeError, TypeErrorKind};
use super::pages::PageFault;
use super::shape::StoredType;
use super::want::ExpectedType;
use crate::format::legacy::LegacyPage;
use crate::model::data_file::{DataFile, LegacyTable};
use crate::model::join::Placement;
use crate::model::logical_type::LogicalType;
use crate::model::schema::{Field, FieldTree};

/// What is wrong with the pages of a 0.1 file.
#[derive(Debug, Default)]
pub struct Layout {
    /// A fault of the file as a whole, of which those of its pages would be consequences.
    pub whole: Option<Whole>,
    /// The faults of the pages of each field.
    faults: HashMap<usize, Vec<PageFault>>,
}

/// A fault of a 0.1 file as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whole {
    /// Its metadata leads to no page table, though its columns need one.
    NoTable,
    /// What stands where the page table should be is none.
    Table {
        /// Where that is.
        position: u64,
        /// Entries that lead to no page of their column.
        bad: usize,
        /// Entries of columns.
        all: usize,
    },
    /// Readers take the page table to begin with another field than it does.
    Begin {
        /// The first field id that the manifest lists; -2 for a column that is gone from the file.
        listed: i32,
        /// The field id of the first column of the table.
        first: i32,
    },
    /// All columns agree on the rows of a batch, and the batch offsets state others.
    Batch {
        /// The batch, from 0.
        batch: usize,
        /// Rows that the batch offsets state.
        stated: u64,
        /// Rows that the pages have.
        held: u64,
    },
}

impl Layout {
    /// The faults of the pages of a field.
    pub fn of_field(&self, at: usize) -> Vec<PageFault> {
        self.faults.get(&at).cloned().unwrap_or_default()
    }

    /// Compares the pages of a file with the fields that the manifest, or the file's own schema,
    /// says that they are of.
    pub fn new(data: &DataFile, schema: &FieldTree, placed: &[Placement]) -> Self {
        let Some(table) = data.legacy_table() else {
            return Self::default();
        };
        let own = data.schema.as_deref();
        let cells = Cells::new(&table, schema, own, placed);
        let whole = |whole| Self {
            whole: Some(whole),
            faults: HashMap::default(),
        };
        let Some(position) = table.position else {
            return match cells.need_pages(&table) {
                true => whole(Whole::NoTable),
                false => Self::default(),
            };
        };
        if table.columns.is_empty() {
            return Self::default();
        }
        // lance 14.0.2 `dataset/fragment.rs`, `get_field_id_offset`.
        let begin = table.read_from.filter(|listed| *listed != table.first_id);
        if let Some(listed) = begin.filter(|_| own.is_some() && !cells.placed.is_empty()) {
            return whole(Whole::Begin {
                listed,
                first: table.first_id,
            });
        }
        if let Some(fault) = cells.batch(&table) {
            return whole(fault);
        }
        let mut found = Found::default();
        let (bad, all) = cells.lengths(&table, position, &mut found);
        if all > 2 && bad.saturating_mul(2) > all {
            return whole(Whole::Table { position, bad, all });
        }
        cells.tiles(position, &mut found);
        let fields = cells.fields();
        if fields > 2 && found.types_and_places().saturating_mul(2) > fields {
            let bad = found.pages();
            return whole(Whole::Table { position, bad, all });
        }
        if found.by_field.is_empty() {
            cells.order(&mut found);
        }
        Self {
            whole: None,
            faults: found.by_field,
        }
    }
}

/// How the values of a page are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    /// So many bits each, one after another.
    Bits(u64),
    /// 64-bit offsets, one more than there are values. The values stand before them.
    Offsets,
    /// Of a field that the schema does not have, or of a type that 0.1 does not hold.
    Unknown,
}

impl Stored {
    fn of(field: &Field) -> Self {
        match &field.logical_type {
            LogicalType::Null => Self::Bits(0),
            LogicalType::Fixed { bits } => Self::Bits(*bits),
            LogicalType::Variable { .. } => Self::Offsets,
            LogicalType::List if field.type_text.starts_with("large") => Self::Bits(64),
            LogicalType::List => Self::Bits(32),
            LogicalType::Dictionary { key, .. } => match **key {
                LogicalType::Fixed { bits } => Self::Bits(bits),
                _ => Self::Unknown,
            },
            LogicalType::FixedSizeList { .. } => list_bits(&field.logical_type),
            LogicalType::FixedSizeListStruct
            | LogicalType::Struct
            | LogicalType::Map
            | LogicalType::Unknown => Self::Unknown,
        }
    }

    /// The bytes of so many values.
    fn bytes(self, length: u64) -> Option<u64> {
        match self {
            Self::Bits(bits) => bits.checked_mul(length).map(|bits| bits.div_ceil(8)),
            Self::Offsets => length.checked_add(1)?.checked_mul(8),
            Self::Unknown => None,
        }
    }
}

/// Lists of booleans are not read by any release, and of no defined width.
fn list_bits(logical_type: &LogicalType) -> Stored {
    match logical_type {
        LogicalType::Fixed { bits } if *bits > 1 => Stored::Bits(*bits),
        LogicalType::FixedSizeList { item, dimension } => {
            let dimension = u64::try_from(*dimension).ok().filter(|items| *items > 0);
            match (list_bits(item), dimension) {
                (Stored::Bits(bits), Some(dimension)) => match bits.checked_mul(dimension) {
                    Some(bits) => Stored::Bits(bits),
                    None => Stored::Unknown,
                },
                _ => Stored::Unknown,
            }
        }
        _ => Stored::Unknown,
    }
}

/// What the bytes from one page to the next hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spanned {
    Bits(u64),
    Offsets,
    /// No more than these bytes, since a page of values of varying length follows.
    AtMost,
}

impl Spanned {
    fn of(span: u64, length: u64, exact: bool) -> Option<Self> {
        if !exact {
            return Some(Self::AtMost);
        }
        let bits = span.checked_mul(8)?;
        if bits.checked_rem(length)? == 0 {
            return Some(Self::Bits(bits / length));
        }
        if span == length.div_ceil(8) {
            return Some(Self::Bits(1));
        }
        let offsets = length.checked_add(1).and_then(|count| count.checked_mul(8));
        (offsets == Some(span)).then_some(Self::Offsets)
    }
}

/// A page that stands somewhere.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// Its field in the schema; `None` for one that the schema does not have.
    at: Option<usize>,
    batch: usize,
    /// Its number among the pages of its column.
    page: usize,
    position: u64,
    length: u64,
    stored: Stored,
    /// Rows that the batch demands, and one more for lists; not told below lists.
    demanded: Option<u64>,
}

impl Entry {
    fn has_bytes(&self) -> bool {
        self.stored.bytes(self.length) != Some(0)
    }
}

/// The entries of a page table, each beside its field.
struct Cells<'a> {
    schema: &'a FieldTree,
    entries: Vec<Entry>,
    /// Fields that the file holds and that have pages.
    placed: Vec<usize>,
    /// Entries of columns that lead to no page though the batch has rows: field, batch, and the
    /// number of pages before.
    missing: Vec<(usize, usize, usize)>,
    /// Structs, which have no pages, that have some.
    of_structs: usize,
}

/// Faults by field.
#[derive(Default)]
struct Found {
    by_field: HashMap<usize, Vec<PageFault>>,
}

impl Found {
    fn add(
        &mut self,
        at: usize,
        page: usize,
        about: TypeErrorKind,
        found: String,
        expected: String,
        effect: String,
    ) {
        self.by_field.entry(at).or_default().push(PageFault {
            page,
            complaint: TypeError {
                about,
                node: Vec::new(),
                level: 0,
                found,
                expected,
                effect,
            },
            shape: StoredType::Unknown,
        });
    }

    fn has(&self, at: usize, page: usize) -> bool {
        let faults = self.by_field.get(&at);
        faults.is_some_and(|faults| faults.iter().any(|fault| fault.page == page))
    }

    /// Fields whose pages do not stand where they should, or are of another width.
    fn types_and_places(&self) -> usize {
        let about = |fault: &PageFault| {
            matches!(
                fault.complaint.about,
                TypeErrorKind::Type | TypeErrorKind::Buffers
            )
        };
        let fields = self.by_field.values();
        fields.filter(|faults| faults.iter().any(about)).count()
    }

    fn pages(&self) -> usize {
        self.by_field.values().map(Vec::len).sum()
    }
}

impl<'a> Cells<'a> {
    fn new(
        table: &LegacyTable<'_>,
        schema: &'a FieldTree,
        own: Option<&FieldTree>,
        placed: &[Placement],
    ) -> Self {
        let mut cells = Self {
            schema,
            entries: Vec::new(),
            placed: Vec::new(),
            missing: Vec::new(),
            of_structs: 0,
        };
        for (at, field) in schema.fields.iter().enumerate() {
            let held = matches!(placed.get(at), Some(Placement::Column(_)));
            if held && !matches!(field.logical_type, LogicalType::Struct) {
                cells.placed.push(at);
            }
        }
        for (column, pages) in table.columns.iter().enumerate() {
            let id = i32::try_from(column).ok();
            let id = id.and_then(|column| table.first_id.checked_add(column));
            let at = id.and_then(|id| schema.index_of(id));
            let held = at.filter(|at| {
                matches!(
                    placed.get(*at),
                    Some(Placement::Column(_) | Placement::Structure | Placement::Inside)
                )
            });
            // Of a column that is no longer read from this file, the file's own schema tells.
            let gone = own.zip(id).filter(|_| held.is_none());
            let gone = gone.and_then(|(own, id)| own.fields.get(own.index_of(id)?));
            cells.column(held, gone, pages, table.batch_rows);
        }
        cells
    }

    fn column(
        &mut self,
        at: Option<usize>,
        gone: Option<&Field>,
        pages: &[LegacyPage],
        batch_rows: &[u64],
    ) {
        let field = at.and_then(|at| self.schema.fields.get(at));
        let below_list = field.is_some_and(|field| self.schema.is_below_list(field));
        let is_struct = field.is_some_and(|field| field.logical_type == LogicalType::Struct);
        let is_list = field.is_some_and(|field| field.logical_type == LogicalType::List);
        let stored = field.or(gone).map_or(Stored::Unknown, Stored::of);
        // What follows the table is no page of a column that has none.
        if field.is_none() && stored == Stored::Bits(0) {
            return;
        }
        let mut kept = 0usize;
        for (batch, (cell, rows)) in pages.iter().zip(batch_rows).enumerate() {
            let somewhere = cell.position > 0 || cell.length > 0;
            if is_struct {
                self.of_structs += usize::from(somewhere);
                continue;
            }
            if !somewhere {
                let needs = stored.bytes(*rows).is_some_and(|bytes| bytes > 0);
                if let Some(at) = at.filter(|_| needs && *rows > 0) {
                    self.missing.push((at, batch, kept));
                }
                continue;
            }
            self.entries.push(Entry {
                at,
                batch,
                page: kept,
                position: cell.position,
                length: cell.length,
                stored,
                demanded: (field.is_some() && !below_list)
                    .then(|| rows.saturating_add(u64::from(is_list))),
            });
            kept += 1;
        }
    }

    /// Whether a column of the file has values in it.
    fn need_pages(&self, table: &LegacyTable<'_>) -> bool {
        let rows = table.batch_rows.iter().copied().max().unwrap_or(0);
        let stored = |at: &usize| self.schema.fields.get(*at).map(Stored::of);
        rows > 0
            && self
                .placed
                .iter()
                .filter_map(stored)
                .any(|stored| stored.bytes(rows).is_some_and(|bytes| bytes > 0))
    }

    /// The number of fields that have pages.
    fn fields(&self) -> usize {
        self.placed.len()
    }

    /// A batch of which all pages have the same number of rows, and the offsets state another.
    fn batch(&self, table: &LegacyTable<'_>) -> Option<Whole> {
        // For each batch the rows of its pages while they agree, and how many pages there are.
        let mut held: Vec<(Option<u64>, usize)> = vec![(None, 0); table.batch_rows.len()];
        for entry in &self.entries {
            let (Some(demanded), Some(stated), Some((rows, pages))) = (
                entry.demanded,
                table.batch_rows.get(entry.batch),
                held.get_mut(entry.batch),
            ) else {
                continue;
            };
            let own = entry.length.checked_sub(demanded.saturating_sub(*stated));
            *rows = match *pages {
                0 => own,
                _ => rows.filter(|rows| Some(*rows) == own),
            };
            *pages += 1;
        }
        let mut batches = held.into_iter().zip(table.batch_rows).enumerate();
        batches.find_map(|(batch, ((rows, pages), stated))| {
            let held = rows.filter(|rows| pages > 1 && rows != stated)?;
            Some(Whole::Batch {
                batch,
                stated: *stated,
                held,
            })
        })
    }

    /// Compares the lengths of pages with the rows of their batches, and their positions with that
    /// of the table. Returns how many entries lead to no page, and how many entries there are.
    fn lengths(&self, table: &LegacyTable<'_>, position: u64, found: &mut Found) -> (usize, usize) {
        let mut bad = self.of_structs;
        let all = self.of_structs + self.missing.len() + self.entries.len();
        for (at, batch, page) in &self.missing {
            let rows = table.batch_rows.get(*batch).copied().unwrap_or(0);
            bad += 1;
            found.add(
                *at,
                *page,
                TypeErrorKind::Rows,
                format!("no page for batch {batch}"),
                format!("a page of {rows} rows"),
                format!("fails: PlainDecoder: request([0..{rows}]) out of range: [0..0]"),
            );
        }
        for entry in &self.entries {
            let Some(at) = entry.at else { continue };
            if entry.position > position {
                bad += 1;
                found.add(
                    at,
                    entry.page,
                    TypeErrorKind::Buffers,
                    format!("a page that begins at byte {}", entry.position),
                    format!("a page before byte {position}, where the page table begins"),
                    MISPLACED.to_string(),
                );
                continue;
            }
            let Some(demanded) = entry.demanded else {
                continue;
            };
            let list = u64::from(self.is_list(at));
            let (held, rows) = (
                entry.length.saturating_sub(list),
                demanded.saturating_sub(list),
            );
            if entry.length < demanded {
                bad += 1;
                let effect = match entry.stored {
                    Stored::Offsets => {
                        format!("fails: v1 binary row range 0..{rows} exceeds length {held}")
                    }
                    _ => format!(
                        "fails: PlainDecoder: request([0..{demanded}]) out of range: [0..{}]",
                        entry.length
                    ),
                };
                found.add(
                    at,
                    entry.page,
                    TypeErrorKind::Rows,
                    format!("a page of {held} rows"),
                    format!("{rows}, the rows of its batch"),
                    effect,
                );
            } else if entry.length > demanded {
                let nested = self
                    .schema
                    .fields
                    .get(at)
                    .is_some_and(|field| field.parent.is_some());
                let effect = match nested {
                    true => format!(
                        "returns the first {rows} values of the page, which are those of other rows if the \
                         struct was written from a slice that does not begin at its first row"
                    ),
                    false => {
                        format!("reads the first {rows} rows of the page, and reads them right")
                    }
                };
                found.add(
                    at,
                    entry.page,
                    TypeErrorKind::Spare,
                    format!("a page of {held} rows"),
                    format!("{rows}, the rows of its batch"),
                    effect,
                );
            }
        }
        (bad, all)
    }

    fn is_list(&self, at: usize) -> bool {
        let field = self.schema.fields.get(at);
        field.is_some_and(|field| field.logical_type == LogicalType::List)
    }

    /// Compares the bytes from each page to the next with what its type takes.
    fn tiles(&self, table: u64, found: &mut Found) {
        let mut order: Vec<&Entry> = self.entries.iter().collect();
        order.retain(|entry| entry.position <= table);
        order.sort_by_key(|entry| (entry.position, entry.has_bytes(), entry.batch));
        let mut misfits: Vec<Mismatch> = Vec::new();
        for (number, entry) in order.iter().enumerate() {
            let next = order.get(number.saturating_add(1)).copied().copied();
            let to = next.map_or(table, |next| next.position);
            let exact = next.is_none_or(|next| matches!(next.stored, Stored::Bits(_)));
            let span = to.saturating_sub(entry.position);
            // A length that is wrong is a fault of its own.
            let (Some(bytes), Some(at)) = (entry.stored.bytes(entry.length), entry.at) else {
                continue;
            };
            if found.has(at, entry.page) && bytes != span {
                continue;
            }
            if bytes > span || exact && bytes < span {
                misfits.push(Mismatch {
                    at,
                    entry: **entry,
                    span,
                    bytes,
                    next,
                    exact,
                });
            }
        }
        let other_types = self.other_types(&misfits, found);
        self.misplaced(&order, &misfits, &other_types, found);
    }

    /// Fields of which every page takes other bytes than its type does: the type is not the one
    /// that was written.
    fn other_types(&self, misfits: &[Mismatch], found: &mut Found) -> HashSet<usize> {
        let mut pages: HashMap<usize, usize> = HashMap::default();
        for entry in self.entries.iter().filter(|entry| entry.length > 0) {
            if let Some(at) = entry.at {
                *pages.entry(at).or_default() += 1;
            }
        }
        // What the pages of a field hold while they agree on it, and how many they are.
        let mut seen: HashMap<usize, (Option<Spanned>, usize)> = HashMap::default();
        for misfit in misfits.iter().filter(|misfit| misfit.entry.length > 0) {
            let spanned = Spanned::of(misfit.span, misfit.entry.length, misfit.exact);
            let (known, count) = seen.entry(misfit.at).or_insert((spanned, 0));
            if *known != spanned {
                *known = None;
            }
            *count += 1;
        }
        let all = |at: usize, count: usize| pages.get(&at) == Some(&count);
        let agreed: HashMap<usize, Spanned> = seen
            .into_iter()
            .filter(|(at, (_, count))| all(*at, *count))
            .filter_map(|(at, (spanned, _))| Some((at, spanned?)))
            .collect();
        for misfit in misfits {
            let (Some(spanned), Some(field)) =
                (agreed.get(&misfit.at), self.schema.fields.get(misfit.at))
            else {
                continue;
            };
            let held = match spanned {
                Spanned::Bits(0) => "no bytes".to_string(),
                Spanned::Bits(bits) => ExpectedType::Fixed(*bits).to_string(),
                Spanned::Offsets => "values of varying length".to_string(),
                Spanned::AtMost => {
                    format!(
                        "at most {} bytes for {} values",
                        misfit.span, misfit.entry.length
                    )
                }
            };
            let needed = match (Stored::of(field), &field.logical_type) {
                (Stored::Offsets, _) => "values of varying length".to_string(),
                (Stored::Bits(0), LogicalType::Null) => ExpectedType::Null.to_string(),
                (Stored::Bits(bits), LogicalType::List) => format!("offsets of {bits} bits"),
                (Stored::Bits(bits), LogicalType::Dictionary { .. }) => {
                    format!("indices of {bits} bits")
                }
                (Stored::Bits(bits), _) => ExpectedType::Fixed(bits).to_string(),
                (Stored::Unknown, _) => continue,
            };
            found.add(
                misfit.at,
                misfit.entry.page,
                TypeErrorKind::Type,
                held,
                needed,
                "returns wrong values silently, or fails: failed to fill whole buffer".to_string(),
            );
        }
        agreed.into_keys().collect()
    }

    /// Pages that stand elsewhere than behind the page before them.
    fn misplaced(
        &self,
        order: &[&Entry],
        misfits: &[Mismatch],
        other_types: &HashSet<usize>,
        found: &mut Found,
    ) {
        // The page at fault is the one behind: the other pages of the one before fit its type.
        let blame = |misfit: &Mismatch, found: &mut Found| {
            let (entry, begins) = match misfit.next {
                Some(next) if next.at.is_some() => {
                    (next, misfit.entry.position.saturating_add(misfit.bytes))
                }
                _ => (misfit.entry, misfit.entry.position),
            };
            let Some(at) = entry.at else { return };
            if other_types.contains(&at) || found.has(at, entry.page) {
                return;
            }
            let before = self
                .schema
                .fields
                .get(misfit.at)
                .map_or("", |field| &field.path);
            let (held, expected) = match misfit.next {
                Some(_) => (
                    format!("a page that begins at byte {}", entry.position),
                    format!(
                        "one that begins at byte {begins}, where the page of column `{before}` before \
                         it ends"
                    ),
                ),
                None => (
                    format!(
                        "a page at byte {}, whose values take {} bytes",
                        entry.position, misfit.bytes
                    ),
                    format!("the {} bytes up to the page table", misfit.span),
                ),
            };
            found.add(
                at,
                entry.page,
                TypeErrorKind::Buffers,
                held,
                expected,
                MISPLACED.to_string(),
            );
        };
        let is_other = |misfit: &&Mismatch| other_types.contains(&misfit.at);
        let mut overlaps = misfits.iter().filter(|misfit| !is_other(misfit));
        for misfit in overlaps
            .by_ref()
            .filter(|misfit| misfit.bytes > misfit.span)
        {
            blame(misfit, found);
        }
        // A page that stands elsewhere leaves a gap where it should be.
        if found.types_and_places() > 0 || !self.missing.is_empty() {
            return;
        }
        for misfit in misfits.iter().filter(|misfit| !is_other(misfit)) {
            blame(misfit, found);
        }
        let first = order.iter().find(|entry| entry.has_bytes());
        let Some(first) = first.filter(|first| first.position > 0) else {
            return;
        };
        if let (Stored::Bits(_), Some(at), false) = (
            first.stored,
            first.at,
            first.at.is_some_and(|at| found.has(at, first.page)),
        ) {
            found.add(
                at,
                first.page,
                TypeErrorKind::Buffers,
                format!("a page that begins at byte {}", first.position),
                "one that begins at byte 0, as the first of the file".to_string(),
                MISPLACED.to_string(),
            );
        }
    }

    /// Compares the order of the pages from batch to batch. A file may hold its columns in any
    /// order, and all of its batches hold them in the same one.
    fn order(&self, found: &mut Found) {
        let mut order: Vec<(&Entry, usize)> = Vec::with_capacity(self.entries.len());
        for entry in self.entries.iter().filter(|entry| entry.has_bytes()) {
            if let Some(at) = entry.at {
                order.push((entry, at));
            }
        }
        order.sort_by_key(|(entry, _)| entry.position);
        let ascends = |batch: usize| {
            let own = order.iter().filter(|(entry, _)| entry.batch == batch);
            own.map(|(_, at)| *at).is_sorted()
        };
        let batches = order.iter().map(|(entry, _)| entry.batch).max();
        let batches = batches.map_or(0, |last| last.saturating_add(1));
        // Mostly all of them stand as the schema has them.
        let reference = (0..batches.min(MAX_COMPARED)).find(|batch| ascends(*batch));
        let reference = reference.unwrap_or(0);
        let ranks: HashMap<usize, usize> = order
            .iter()
            .filter(|(entry, _)| entry.batch == reference)
            .enumerate()
            .map(|(rank, (_, at))| (*at, rank))
            .collect();
        let mut pairs = order.iter().zip(order.iter().skip(1));
        let wrong = pairs.find(|((entry, at), (next, next_at))| {
            if entry.batch != next.batch {
                return entry.batch > next.batch;
            }
            let rank = |at: &usize| ranks.get(at);
            matches!((rank(at), rank(next_at)), (Some(rank), Some(next)) if rank > next)
        });
        let wrong = wrong.or_else(|| self.torn(&order));
        let Some(((entry, at), (next, next_at))) = wrong else {
            return;
        };
        let path = |at: usize| self.schema.fields.get(at).map_or("", |field| &field.path);
        let of =
            |entry: &Entry, at: usize| format!("column `{}` of batch {}", path(at), entry.batch);
        found.add(
            *at,
            entry.page,
            TypeErrorKind::Buffers,
            format!("a page before that of {}", of(next, *next_at)),
            "pages in one order in all batches, the children of a struct beside each other"
                .to_string(),
            "returns the values of another column or batch silently".to_string(),
        );
    }

    /// A page that stands between those of a struct or list that it is not of.
    fn torn<'b>(&self, order: &'b [Placed<'b>]) -> Option<(&'b Placed<'b>, &'b Placed<'b>)> {
        let top = |at: usize| self.schema.ancestors(at).last().unwrap_or(at);
        let mut done: HashSet<usize> = HashSet::default();
        let mut batch = 0;
        let mut pairs = order.iter().zip(order.iter().skip(1));
        pairs.find(|((entry, at), (next, next_at))| {
            if entry.batch != batch {
                done.clear();
                batch = entry.batch;
            }
            let (own, other) = (top(*at), top(*next_at));
            if own != other || entry.batch != next.batch {
                done.insert(own);
            }
            entry.batch == next.batch && own != other && done.contains(&other)
        })
    }
}

/// A page with the place of its field in the schema.
type Placed<'a> = (&'a Entry, usize);

/// Batches that are looked through for one in the order of the schema.
const MAX_COMPARED: usize = 16;

/// What a reader does with a page that is not where its entry says.
const MISPLACED: &str = "returns the bytes of other pages as values silently, or fails: failed to \
                         fill whole buffer";

/// A page, and the bytes up to the next one, which are not those that it takes.
struct Mismatch {
    at: usize,
    entry: Entry,
    span: u64,
    bytes: u64,
    next: Option<Entry>,
    exact: bool,
}
