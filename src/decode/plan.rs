//! What is to be read of a file: for each column its pages, as rows.

use std::ops::Range;

use crate::hash::HashSet;

use crate::check::{Decodable, DecodableFile};
use crate::model::data_file::{Caches, Column};
use crate::model::join::Placement;
use crate::model::logical_type::LogicalType;
use crate::model::version::FileVersion;

/// Rows that are read at a time of a 0.1 column that does not say where its pages begin.
const LEGACY_ROWS: u64 = 1 << 16;

/// A column to read.
pub struct Job {
    /// The id of the field that is projected.
    pub field: i32,
    /// Its path.
    pub path: String,
    /// The physical column whose pages these are; `None` for 0.1.
    pub column: Option<u32>,
    /// Its pages, those without rows left out.
    pub pages: Vec<Page>,
}

/// A page to read.
pub struct Page {
    /// Its number in the column, from 0; `None` where rows are not read page by page.
    pub page: Option<u64>,
    /// Its rows.
    pub rows: Range<u64>,
    /// Its bytes in the file.
    pub bytes: Option<Range<u64>>,
}

/// Plans the reading of all columns of a file. No rows of a projection are read twice.
pub fn plan(decodable: &Decodable, file: &DecodableFile<'_>) -> Vec<Job> {
    let caches = Caches::default();
    let mut seen = HashSet::default();
    let mut jobs = Vec::new();
    for (at, placement) in file.placed.iter().enumerate() {
        let Placement::Column(index) = *placement else {
            continue;
        };
        let whole = projected(file, at).filter(|_| decodable.wants(at));
        let Some(field) = whole.and_then(|whole| file.schema.fields.get(whole)) else {
            continue;
        };
        let (column, pages) = match file.version {
            FileVersion::V0_1 => (None, legacy_pages(file, at)),
            _ => {
                let column = file.data.column(index, &caches);
                (Some(index), column.map(|c| pages(&c)).unwrap_or_default())
            }
        };
        let new = |page: &Page| seen.insert((field.id, page.rows.clone()));
        jobs.push(Job {
            field: field.id,
            path: field.path.clone(),
            column,
            pages: pages.into_iter().filter(new).collect(),
        });
    }
    jobs
}

/// The field to project for the pages of a field's column; `None` when another field's pages have
/// them read.
fn projected(file: &DecodableFile<'_>, at: usize) -> Option<usize> {
    let schema = &file.schema;
    let is = |at: usize, wanted: fn(&LogicalType) -> bool| {
        let field = schema.fields.get(at);
        field.is_some_and(|field| wanted(&field.logical_type))
    };
    // The nearest comes first, so the last is the outermost.
    let outermost = |wanted: fn(&LogicalType) -> bool| {
        let mut around = std::iter::once(at).chain(schema.ancestors(at));
        let mut last = None;
        around.by_ref().for_each(|near| {
            if is(near, wanted) {
                last = Some(near);
            }
        });
        last
    };
    match file.version {
        FileVersion::V0_1 => {
            let field = schema.fields.get(at)?;
            // The dictionaries of 0.1 stand in manifests, and the worker reads data files.
            let unread = || {
                schema
                    .subtree(at)
                    .any(|below| is(below, |kind| matches!(kind, LogicalType::Dictionary { .. })))
            };
            (field.parent.is_none() && !unread()).then_some(at)
        }
        FileVersion::V2_0 => {
            // Items have pages of items; which rows those are the lists alone know.
            if let Some(list) = outermost(|kind| {
                matches!(
                    kind,
                    LogicalType::List | LogicalType::Map | LogicalType::FixedSizeListStruct
                )
            }) {
                return (list == at).then_some(at);
            }
            // The header of a struct is read with each of its children.
            let children = &schema.fields.get(at)?.children;
            let stored = |child: &usize| {
                matches!(
                    file.placed.get(*child),
                    Some(Placement::Column(_) | Placement::Structure)
                )
            };
            (!children.iter().any(stored)).then_some(at)
        }
        // Keys and values of a map are not read without each other.
        _ => Some(outermost(|kind| matches!(kind, LogicalType::Map)).unwrap_or(at)),
    }
}

fn pages(column: &Column) -> Vec<Page> {
    let mut start = 0u64;
    let mut pages = Vec::with_capacity(column.pages.len());
    for (number, page) in column.pages.iter().enumerate() {
        let end = start.saturating_add(page.rows);
        pages.push(Page {
            page: Some(number as u64),
            rows: start..end,
            bytes: page.span(),
        });
        start = end;
    }
    pages.retain(|page| !page.rows.is_empty());
    pages
}

/// The batches of a 0.1 field, or as many rows at a time where its page table does not tell.
fn legacy_pages(file: &DecodableFile<'_>, at: usize) -> Vec<Page> {
    let field = file.schema.fields.get(at);
    let column = field.and_then(|field| file.data.legacy_column(field));
    let rows = file.data.rows.unwrap_or(0);
    let mut found = column.map(|column| pages(&column)).unwrap_or_default();
    if found.last().map_or(0, |page| page.rows.end) != rows {
        let starts = (0..rows).step_by(usize::try_from(LEGACY_ROWS).unwrap_or(usize::MAX));
        found = starts
            .map(|start| Page {
                page: None,
                rows: start..rows.min(start.saturating_add(LEGACY_ROWS)),
                bytes: None,
            })
            .collect();
    }
    found
}
