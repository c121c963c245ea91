//! The columns of one data file, each beside its field.

use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::hash::{HashMap, HashSet};

use super::column_stats::{Cell, Wanted, cells};
use super::scan_result::{Outside, Renamed};
use crate::finding::Findings;
use crate::format::limits::MAX_CACHED_SCHEMAS;
use crate::model::data_file::{Caches, Column, DataFile};
use crate::model::encoding::Kind;
use crate::model::join::{Placement, join_self};
use crate::model::schema::{BlobDeclaration, Field, FieldTree};
use crate::model::version::FileVersion;
use crate::rules::{
    COLUMN_RULES, COLUMNS_RULES, ColumnRows, ColumnView, ColumnsView, FileView, NestedPages, PageOf,
};
use crate::storage::Storage;
use crate::typecheck::TypeErrorKind;
use crate::typecheck::blob;
use crate::typecheck::legacy::Layout;
use crate::typecheck::pages::{self, ColumnCheck, PageCheckCache};
use crate::typecheck::schemas::{Difference, differences};

/// The result of checking the columns of a file; fields are indices into the schema.
#[derive(Debug, Default)]
pub struct ColumnScan {
    /// What the column table shows.
    pub cells: Vec<Cell>,
    /// Fields stored within the column of a field above them.
    pub above: Vec<usize>,
    /// Fields whose column cannot be read.
    pub unreadable: Vec<usize>,
}

impl ColumnScan {
    /// The bytes of the file that are neither metadata nor in the pages of these columns, when they
    /// are all that the schema has. How long the pages of 0.1 files are is not known.
    pub fn outside(&self, walk: &Walk<'_>) -> Outside {
        let Some(start) = walk.data.metadata_start().filter(|_| walk.wanted.is_all()) else {
            return Outside::default();
        };
        let length = |range: &Range<u64>| range.end.saturating_sub(range.start);
        // Those behind it are metadata already.
        let buffers = walk.data.global_buffers().iter();
        let buffers = buffers.filter(|buffer| buffer.start < start).map(length);
        let pages = self.cells.iter().map(Cell::bytes);
        let held = buffers.chain(pages).fold(0, u64::saturating_add);
        let rest = start.min(walk.data.size()).saturating_sub(held);
        let fields = &walk.schema.fields;
        let is_v2 = |cell: &Cell| {
            let field = fields.get(cell.field);
            field.and_then(Field::blob) == Some(BlobDeclaration::V2)
        };
        let mut cells = self.cells.iter();
        match cells.any(|cell| cell.is_of_blobs() || is_v2(cell)) {
            true => Outside {
                with_blobs: rest,
                others: 0,
            },
            false => Outside {
                with_blobs: 0,
                others: rest,
            },
        }
    }
}

/// Comparisons of the schema with those of data files and with encodings, each distinct one made
/// once.
#[derive(Debug, Default)]
pub struct SchemaComparisons {
    known: Mutex<HashMap<(usize, FileVersion, u32), Comparison>>,
    judgements: PageCheckCache,
    stored: blob::Known,
}

/// The schema of data files beside that of the dataset.
#[derive(Debug, Clone)]
struct Comparison {
    /// The file's schema; being kept, it keeps its address from being another's.
    _in_file: Arc<FieldTree>,
    differences: Arc<[Difference]>,
    own: Arc<[Placement]>,
}

impl SchemaComparisons {
    /// Compares the schema, which is the same for all calls, with that of a data file.
    fn with(&self, walk: &Walk<'_>, in_file: &Arc<FieldTree>) -> Comparison {
        let key = (
            Arc::as_ptr(in_file).addr(),
            walk.version,
            walk.data.num_columns(),
        );
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(&key) {
            return known.clone();
        }
        // Structs that are stored whole take one column; in 2.0 the manifest tells which are.
        let whole = |at: usize| {
            let placed = |at: usize| walk.view.placed.get(at).copied();
            let mut below = walk.schema.subtree(at).skip(1).peekable();
            matches!(placed(at), Some(Placement::Column(_)))
                && below.peek().is_some()
                && below.all(|at| placed(at) == Some(Placement::Inside))
        };
        let packed: HashSet<u32> = (0..walk.schema.fields.len())
            .filter(|at| walk.version == FileVersion::V2_0 && whole(*at))
            .filter_map(|at| match walk.view.placed.get(at) {
                Some(Placement::Column(column)) => Some(*column),
                _ => None,
            })
            .collect();
        let columns = walk.data.num_columns();
        let found = Comparison {
            _in_file: in_file.clone(),
            differences: differences(walk.version, walk.schema, in_file).into(),
            own: join_self(in_file, walk.version, columns, |column| {
                packed.contains(&column)
            })
            .into(),
        };
        let mut known = lock();
        if known.len() < MAX_CACHED_SCHEMAS {
            known.insert(key, found.clone());
        }
        found
    }
}

/// A file whose columns are to be gone through.
#[derive(Clone, Copy)]
pub struct Walk<'a> {
    /// The file as rules see it.
    pub view: &'a FileView<'a>,
    /// What is in it.
    pub data: &'a DataFile,
    /// Its version.
    pub version: FileVersion,
    /// The schema that its columns are compared with.
    pub schema: &'a FieldTree,
    /// The fields that were asked for.
    pub wanted: &'a Wanted,
    /// Where equal encodings are parsed once.
    pub caches: &'a Caches,
    /// Where equal schemas are compared once.
    pub compared: &'a SchemaComparisons,
    /// Where the dataset is.
    pub storage: &'a dyn Storage,
    /// Whether a change of names is on record in the dataset's transactions, once that is known.
    pub renamed: &'a OnceLock<Renamed>,
    /// Whether the columns are judged. They are not where the manifest takes the file for one of
    /// another version: then every column is wrong, for one reason that has a rule of its own.
    pub judged: bool,
}

impl Walk<'_> {
    fn column(&self, field: &Field, index: u32) -> Option<Column> {
        match self.version {
            FileVersion::V0_1 => self.data.legacy_column(field),
            _ => self.data.column(index, self.caches),
        }
    }
}

/// Goes through the columns of a file and runs the rules on them.
pub fn go(walk: &Walk<'_>, findings: &mut Findings) -> ColumnScan {
    let Walk {
        view,
        data,
        version,
        schema,
        ..
    } = *walk;
    let mut gone = ColumnScan::default();
    let comparison = match (&data.schema, view.snapshot) {
        (Some(in_file), Some(_)) => Some(walk.compared.with(walk, in_file)),
        _ => None,
    };
    let (differences, own) = match &comparison {
        Some(comparison) => (&*comparison.differences, &*comparison.own),
        None => (&[][..], &[][..]),
    };
    let differences: Vec<Difference> = differences
        .iter()
        .filter(|difference| !settled(walk, difference, own))
        .cloned()
        .collect();
    let differences = differences.as_slice();
    let differs: HashSet<usize> = differences
        .iter()
        .flat_map(|difference| schema.subtree(difference.at()))
        .collect();
    // The pages of a 0.1 file are judged beside each other.
    let layout = (version == FileVersion::V0_1 && walk.judged)
        .then(|| Layout::new(data, schema, view.placed));
    let placed = view.placed.len();
    gone.cells.reserve(placed);
    let mut stored = Vec::with_capacity(placed);
    let mut laid = Vec::with_capacity(placed);
    let mut spans = Vec::with_capacity(placed);
    let mut nested = Vec::new();
    for (at, placement) in view.placed.iter().copied().enumerate() {
        if placement == Placement::Inside {
            gone.above.push(at);
        }
        let (Placement::Column(index), Some(field)) = (placement, schema.fields.get(at)) else {
            continue;
        };
        if !walk.wanted.has(at) {
            continue;
        }
        let Some(column) = walk.column(field, index) else {
            gone.unreadable.push(at);
            continue;
        };
        if column.pages.is_empty() && !column.faults.is_empty() {
            gone.unreadable.push(at);
        }
        cells(at, version, &column, &mut gone.cells);
        if !walk.judged {
            continue;
        }
        let faults = match &layout {
            Some(layout) => layout.of_field(at),
            None => pages::check(&ColumnCheck {
                version,
                schema,
                at,
                column: &column,
                data_end: data.metadata_start().unwrap_or(u64::MAX),
                judgements: &walk.compared.judgements,
            }),
        };
        if field.parent.is_some() && version.is_structural() {
            let pages = column.pages.iter();
            let pages = pages.map(|page| (page.rows, page.encoding.as_ref().ok().cloned()));
            nested.push(NestedPages {
                at,
                index,
                pages: pages.collect(),
            });
        }
        let pages = match layout {
            Some(_) => &[][..],
            None => &column.pages,
        };
        spans.extend((0u32..).zip(pages).filter_map(|(page, held)| {
            let Range { start, end } = held.span()?;
            Some(Span { start, end, page })
        }));
        laid.push(ColumnRows {
            at,
            index,
            rows: rows(&column),
            items: items(&column),
            misfits: faults
                .iter()
                .any(|fault| fault.complaint.about == TypeErrorKind::Type),
        });
        blob::runs(&column, &walk.compared.stored, &mut stored);
        let column = ColumnView {
            file: view,
            data,
            version,
            schema,
            field,
            index,
            column: &column,
            faults: &faults,
            stored: &stored,
            differs: differs.contains(&at),
        };
        for rule in COLUMN_RULES {
            rule.column(&column, findings);
        }
    }
    if walk.judged {
        let swapped: Vec<(i32, String)> = differences
            .iter()
            .filter(|difference| matches!(difference, Difference::Swapped { .. }))
            .filter_map(|difference| schema.fields.get(difference.at()))
            .map(|field| (field.id, field.name.clone()))
            .collect();
        let renamed = !swapped.is_empty()
            && view.snapshot.is_some_and(|snapshot| {
                let look = || Renamed::look(walk.storage, snapshot);
                let names = &walk.renamed.get_or_init(look).names;
                swapped.iter().all(|swapped| names.contains(swapped))
            });
        let shared = match overlap(spans) {
            true => shared(walk, &laid),
            false => Vec::new(),
        };
        let columns = ColumnsView {
            file: view,
            data,
            version,
            schema,
            laid: &laid,
            differences,
            own,
            shared: &shared,
            nested: &nested,
            renamed,
            layout: layout.as_ref(),
            unused: &unused(walk),
        };
        for rule in COLUMNS_RULES {
            rule.columns(&columns, findings);
        }
    }
    gone
}

/// The columns of a 2.x file that no field of the schema is in.
fn unused(walk: &Walk<'_>) -> Vec<(u32, Column)> {
    let placed = || {
        let placed = walk.view.placed.iter();
        placed.filter_map(|placement| match placement {
            Placement::Column(index) => Some(*index),
            _ => None,
        })
    };
    // Each has 16 bytes in a table of the file, whatever its footer counts.
    let most = u32::try_from(walk.data.size() / 16).unwrap_or(u32::MAX);
    let all = walk.data.num_columns().min(most);
    // Mostly each column is used once, in order.
    let in_order = placed().is_sorted_by(|one, next| one < next);
    if walk.version == FileVersion::V0_1 || in_order && placed().count() as u64 >= u64::from(all) {
        return Vec::new();
    }
    let used: HashSet<u32> = placed().collect();
    if used.len() as u64 >= u64::from(all) {
        return Vec::new();
    }
    (0..all)
        .filter(|index| !used.contains(index))
        .filter_map(|index| Some((index, walk.data.column(index, walk.caches)?)))
        .collect()
}

/// Whether the pages of a column settle a difference of types for the manifest: they yield its type,
/// and not that of the file's own schema, which a writer got wrong.
fn settled(walk: &Walk<'_>, difference: &Difference, placed_by_itself: &[Placement]) -> bool {
    let Difference::Type { at, in_file } = difference else {
        return false;
    };
    let (Some(Placement::Column(index)), Some(field), Some(own)) = (
        walk.view.placed.get(*at),
        walk.schema.fields.get(*at),
        walk.data.schema.as_deref(),
    ) else {
        return false;
    };
    // A file that was written by itself counts its fields from 0: its field of that id is in another
    // column, and in this one it has the field that the manifest means.
    let there = placed_by_itself
        .iter()
        .position(|own| *own == Placement::Column(*index));
    let there = there
        .filter(|there| there != in_file)
        .and_then(|there| own.fields.get(there));
    if there.is_some_and(|there| there.path == field.path && there.type_text == field.type_text) {
        return true;
    }
    let Some(column) = walk.column(field, *index) else {
        return false;
    };
    let misfits = |schema: &FieldTree, at: usize, judgements: &PageCheckCache| {
        let faults = pages::check(&ColumnCheck {
            version: walk.version,
            schema,
            at,
            column: &column,
            data_end: walk.data.metadata_start().unwrap_or(u64::MAX),
            judgements,
        });
        faults
            .iter()
            .any(|fault| fault.complaint.about == TypeErrorKind::Type)
    };
    // Judgements are kept by field, and those of the file's schema are others.
    !column.pages.is_empty()
        && !misfits(walk.schema, *at, &walk.compared.judgements)
        && misfits(own, *in_file, &PageCheckCache::default())
}

/// Rows of a column as its reader counts them: pages of sparse structure count the items of
/// fixed-size lists (lance-encoding `sparse.rs`, `row_count_and_scale`).
fn rows(column: &Column) -> u64 {
    let rows = column.pages.iter().map(|page| {
        let structure = match &page.encoding {
            Ok(encoding) if encoding.root.kind == Kind::Planar => encoding.root.child("structure"),
            _ => None,
        };
        let layers = structure.map_or(&[][..], |structure| &structure.children);
        let scale = layers
            .iter()
            .fold(1u64, |scale, layer| match layer.node.kind {
                Kind::SparseFixedSizeList { dimension } => scale.saturating_mul(dimension),
                _ => scale,
            });
        page.rows.checked_div(scale).unwrap_or(page.rows)
    });
    rows.fold(0, u64::saturating_add)
}

/// Items that 2.0 list offsets count.
fn items(column: &Column) -> Option<u64> {
    let counts = column.pages.iter().filter_map(|page| {
        match page
            .encoding
            .as_ref()
            .ok()
            .map(|encoding| &encoding.root.kind)
        {
            Some(Kind::List { num_items, .. }) => Some(*num_items),
            _ => None,
        }
    });
    counts.reduce(u64::saturating_add)
}

/// The bytes from the first to the last of a page's buffers, and its number.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: u64,
    end: u64,
    page: u32,
}

/// Whether the bytes of pages overlap.
fn overlap(mut spans: Vec<Span>) -> bool {
    if spans.is_sorted_by(|before, span| before.end <= span.start) {
        return false;
    }
    // Writers mostly go from column to column and then to the next page, and what is sorted
    // already is sorted fast.
    spans.sort_by_key(|span| span.page);
    spans.sort_by_key(|span| span.start);
    let mut pairs = spans.iter().zip(spans.iter().skip(1));
    pairs.any(|(before, span)| span.start < before.end)
}

/// Pages that share buffers, or parts of them, neighbours in the file. Pages whose bytes overlap
/// may be but woven into each other.
fn shared(walk: &Walk<'_>, laid: &[ColumnRows]) -> Vec<(PageOf, PageOf)> {
    let mut buffers = Vec::new();
    for (at, laid) in laid.iter().enumerate() {
        let field = walk.schema.fields.get(laid.at);
        let column = field.and_then(|field| walk.column(field, laid.index));
        let pages = column.map(|column| column.pages).unwrap_or_default();
        for (page, held) in pages.into_iter().enumerate() {
            let held = held.buffers.into_iter().filter(|buffer| !buffer.is_empty());
            buffers.extend(held.map(|buffer| (buffer, (at, page))));
        }
    }
    buffers.sort_unstable_by_key(|(buffer, _)| buffer.start);
    let mut last: Option<(Range<u64>, PageOf)> = None;
    let mut found = Vec::new();
    for (buffer, page) in buffers {
        match &last {
            Some((before, of)) if buffer.start < before.end => {
                found.push((*of, page));
                if buffer.end > before.end {
                    last = Some((buffer, page));
                }
            }
            _ => last = Some((buffer, page)),
        }
    }
    found
}
