//! The columns of one data file, each beside its field.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rustc_hash::{FxHashMap, FxHashSet};

use super::tally::{Cell, Wanted, cells};
use crate::finding::Findings;
use crate::format::limits::MAX_CACHED_SCHEMAS;
use crate::model::data_file::{Caches, Column, DataFile};
use crate::model::encoding::Kind;
use crate::model::join::Placement;
use crate::model::schema::FieldTree;
use crate::model::version::FileVersion;
use crate::rules::{ColumnView, ColumnsView, FileView, Laid, RULES, cascade};
use crate::storage::Storage;
use crate::typing::pages::{self, Held};
use crate::typing::schemas::{Difference, differences};

/// What going through the columns of a file came to; fields are indices into the schema.
#[derive(Debug, Default)]
pub struct Gone {
    /// What the column table shows.
    pub cells: Vec<Cell>,
    /// Fields stored within the column of a field above them.
    pub above: Vec<usize>,
    /// Fields whose column cannot be read.
    pub unreadable: Vec<usize>,
}

/// Comparisons of the schema with those of data files, each distinct one made once.
#[derive(Debug, Default)]
pub struct Compared {
    known: Mutex<FxHashMap<usize, Comparison>>,
    renamed: OnceLock<bool>,
}

/// The schema of data files, which keeps its address from being another's, and what it came to.
type Comparison = (Arc<FieldTree>, Arc<[Difference]>);

impl Compared {
    /// What a schema and that of a data file do not agree on. The schema is the same for all calls.
    fn differences(&self, schema: &FieldTree, in_file: &Arc<FieldTree>) -> Arc<[Difference]> {
        let key = Arc::as_ptr(in_file).addr();
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = lock().get(&key) {
            return known.clone();
        }
        let found: Arc<[Difference]> = differences(schema, in_file).into();
        let mut known = lock();
        if known.len() < MAX_CACHED_SCHEMAS {
            known.insert(key, (in_file.clone(), found.clone()));
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
    /// The schema that its columns are held against.
    pub schema: &'a FieldTree,
    /// The fields that were asked for.
    pub wanted: &'a Wanted,
    /// Where equal encodings are parsed once.
    pub caches: &'a Caches,
    /// Where equal schemas are compared once.
    pub compared: &'a Compared,
    /// Where the dataset is.
    pub storage: &'a dyn Storage,
    /// Whether the columns are judged. They are not where the manifest takes the file for one of
    /// another version: then every column is wrong, for one reason that has a rule of its own.
    pub judged: bool,
}

/// Goes through the columns of a file and runs the rules on them.
pub fn go(walk: &Walk<'_>, all: &mut Findings) -> Gone {
    let mut findings = Findings::default();
    let Walk {
        view,
        data,
        version,
        schema,
        ..
    } = *walk;
    let mut gone = Gone::default();
    let differences = match (&data.schema, view.snapshot) {
        (Some(in_file), Some(_)) => walk.compared.differences(schema, in_file),
        _ => Arc::from([]),
    };
    let differs: FxHashSet<usize> = differences.iter().map(Difference::at).collect();
    let mut laid = Vec::new();
    let mut whole = true;
    for (at, placement) in view.placed.iter().copied().enumerate() {
        if placement == Placement::Inside {
            gone.above.push(at);
        }
        let (Placement::Column(index), Some(field)) = (placement, schema.fields.get(at)) else {
            continue;
        };
        if !walk.wanted.has(at) {
            whole = false;
            continue;
        }
        let column = match version {
            FileVersion::V0_1 => data.legacy_column(field),
            _ => data.column(index, walk.caches),
        };
        let Some(column) = column else {
            gone.unreadable.push(at);
            whole = false;
            continue;
        };
        if !column.faults.is_empty() {
            whole = false;
            if column.pages.is_empty() {
                gone.unreadable.push(at);
            }
        }
        cells(at, version, &column, &mut gone.cells);
        laid.push(Laid {
            at,
            index,
            rows: rows(&column),
            pages: column.pages.len(),
            items: items(&column),
        });
        if !walk.judged {
            continue;
        }
        let faults = pages::check(&Held {
            version,
            schema,
            at,
            column: &column,
            data_end: data.metadata_start().unwrap_or(u64::MAX),
        });
        let column = ColumnView {
            file: view,
            data,
            version,
            schema,
            field,
            index,
            column: &column,
            faults: &faults,
            differs: differs.contains(&at),
        };
        for rule in RULES {
            rule.column(&column, &mut findings);
        }
    }
    if walk.judged {
        let swapped = |difference: &Difference| matches!(difference, Difference::Swapped { .. });
        let renamed = differences.iter().any(swapped)
            && *walk.compared.renamed.get_or_init(|| {
                view.snapshot
                    .is_some_and(|snapshot| snapshot.projection_on_record(walk.storage))
            });
        let columns = ColumnsView {
            file: view,
            data,
            version,
            schema,
            laid: &laid,
            whole,
            differences: &differences,
            renamed,
        };
        for rule in RULES {
            rule.columns(&columns, &mut findings);
        }
    }
    for finding in cascade::fold(findings.into_iter().collect()) {
        all.add(finding);
    }
    gone
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
