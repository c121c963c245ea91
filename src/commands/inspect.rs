//! One column in full: every page's encoding and buffers.

use std::ops::Range;

use crate::check::Request;
use crate::check::file::{foreign, open, place};
use crate::error::Error;
use crate::format::data_file::read;
use crate::model::data_file::{Caches, Column, DataFile};
use crate::model::encoding::EncodingResult;
use crate::model::join::{Placement, join};
use crate::model::schema::{Field, FieldTree};
use crate::model::snapshot::{self, Snapshot};
use crate::model::target::{Scope, Target, resolve};
use crate::model::version::FileVersion;
use crate::rules::FileFault;
use crate::storage::{Location, Storage};

/// Fragments that are shown when none is named.
const MAX_FRAGMENTS: usize = 1;
/// Columns that are listed when none is named.
const MAX_NAMES: usize = 40;
/// Pages of a column that are shown when none is named.
const MAX_PAGES: usize = 20;

/// A column, in one fragment or more.
#[derive(Debug)]
pub struct Inspection {
    /// One per field and data file.
    pub columns: Vec<ColumnInspection>,
    /// Fragments that have the column too and are not shown.
    pub hidden: u64,
}

/// A column of a data file.
#[derive(Debug)]
pub struct ColumnInspection {
    /// The file.
    pub file: String,
    /// Its fragment.
    pub fragment: Option<u64>,
    /// The path of the field.
    pub path: String,
    /// Its type as spelt.
    pub type_text: String,
    /// The physical column.
    pub index: u32,
    /// The version of the file.
    pub version: FileVersion,
    /// Bytes of the file.
    pub file_size: u64,
    /// Rows of all pages.
    pub rows: u64,
    /// Bytes of all pages and column buffers.
    pub bytes: u64,
    /// Where the column's metadata stands.
    pub metadata: Option<Range<u64>>,
    /// The column encoding.
    pub encoding: EncodingResult,
    /// Column-level buffers.
    pub buffers: Vec<Range<u64>>,
    /// Buffers of the file as a whole.
    pub global_buffers: Vec<Range<u64>>,
    /// Pages, those asked for or the first.
    pub pages: Vec<PageInspection>,
    /// All pages.
    pub total_pages: u64,
    /// Whether pages were left out for being too many.
    pub pages_cut: bool,
}

/// A page.
#[derive(Debug)]
pub struct PageInspection {
    /// Its number, from 0.
    pub index: u64,
    /// Its rows.
    pub rows: u64,
    /// The top-level row it starts at.
    pub priority: u64,
    /// Bytes of its buffers.
    pub bytes: u64,
    /// Its encoding.
    pub encoding: EncodingResult,
    /// Its buffers.
    pub buffers: Vec<Range<u64>>,
}

/// Inspects `request.columns` (one path) of one dataset or file.
///
/// # Errors
/// [`Error`] when the path, snapshot, column, fragment or page does not exist, or the
/// file cannot be read.
pub fn inspect(
    storage: &dyn Storage,
    request: &Request,
    page: Option<u64>,
) -> Result<Inspection, Error> {
    let (targets, errors) = resolve(storage, &request.paths);
    if let Some(error) = errors.into_iter().next() {
        return Err(error);
    }
    let inspection = match targets.as_slice() {
        [Target::Dataset { root, scope }] => dataset(storage, root, scope, request, page)?,
        [Target::File(location)] => {
            crate::check::refuse_dataset_options(location, request)?;
            file(storage, location, request, page)?
        }
        _ => {
            return Err(Error::other(
                "inspect takes one dataset or file".to_string(),
            ));
        }
    };
    let column = request.columns.first().map_or("", String::as_str);
    if inspection.columns.is_empty() {
        return Err(Error::other(format!(
            "column {column} has no pages here: it has no physical column in the files looked at"
        )));
    }
    if let Some(page) = page
        && inspection
            .columns
            .iter()
            .all(|column| column.pages.is_empty())
    {
        return Err(Error::other(format!("column {column} has no page {page}")));
    }
    Ok(inspection)
}

/// The fields that a path stands for: itself and, where it has no column, all below it.
fn fields<'a>(
    schema: &'a FieldTree,
    request: &Request,
    place: &str,
) -> Result<Vec<(usize, &'a Field)>, Error> {
    // The same check and message as for the table.
    crate::check::column_stats::Wanted::new(schema, &request.columns, place)?;
    let Some(at) = request
        .columns
        .first()
        .and_then(|path| schema.index_of_path(path))
    else {
        return Err(no_column(schema, place));
    };
    let indices = schema.subtree(at);
    Ok(indices
        .filter_map(|at| schema.fields.get(at).map(|field| (at, field)))
        .collect())
}

/// What is said where no column is named: which there are.
fn no_column(schema: &FieldTree, place: &str) -> Error {
    let fields = schema.fields.iter();
    let paths: Vec<&str> = fields
        .filter(|field| field.children.is_empty())
        .map(|field| field.path.as_str())
        .collect();
    let shown: Vec<&str> = paths.iter().take(MAX_NAMES).copied().collect();
    let more = match paths.len().saturating_sub(shown.len()) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Error::other(match paths.first() {
        Some(first) => format!(
            "inspect shows one column, named by --column, such as --column {first}; {place} has {}{more}",
            shown.join(", ")
        ),
        None => format!("inspect shows one column, named by --column; {place} has none"),
    })
}

fn dataset(
    storage: &dyn Storage,
    root: &Location,
    scope: &Scope,
    request: &Request,
    page: Option<u64>,
) -> Result<Inspection, Error> {
    let manifest = match scope {
        Scope::Manifest(name) => Some(name.as_str()),
        _ => None,
    };
    let opened = snapshot::open(storage, root, &request.selection, manifest)?;
    let Some(snapshot) = opened.snapshot else {
        return Err(Error::other(format!(
            "no manifest of {root} can be read; inspect its data files one by one"
        )));
    };
    let fields = fields(&snapshot.schema, request, &root.to_string())?;
    let named: Option<&[String]> = match scope {
        Scope::Parts { data_files, .. } => Some(data_files),
        _ => None,
    };
    let caches = Caches::default();
    let mut inspection = Inspection {
        columns: Vec::new(),
        hidden: 0,
    };
    let mut shown = 0;
    let mut known_fragment = false;
    for fragment in &snapshot.message().fragments {
        if !request.fragments.is_empty() && !request.fragments.contains(&fragment.id) {
            continue;
        }
        known_fragment = true;
        let ids = || fields.iter().map(|(_, field)| field.id);
        let files = fragment
            .files
            .iter()
            .filter(|entry| ids().any(|id| entry.fields.contains(&id)))
            .filter(|entry| named.is_none_or(|named| named.contains(&entry.path)));
        let files: Vec<_> = files.collect();
        if files.is_empty() {
            continue;
        }
        if request.fragments.is_empty() && named.is_none() && shown >= MAX_FRAGMENTS {
            inspection.hidden += 1;
            continue;
        }
        shown += 1;
        for entry in files {
            let location = data_location(&snapshot, entry)?;
            let raw = read(storage, &location, entry.file_size_bytes)
                .map_err(|fault| cannot(&location, &FileFault::Unreadable(fault)))?;
            let mut data = DataFile::new(raw, &caches);
            data.load_legacy_pages(storage, &location, &entry.fields);
            let version = known_version(&data, &location)?;
            let placed = join(
                &snapshot.schema,
                &entry.fields,
                &entry.column_indices,
                version,
                data.num_columns(),
            );
            let file = File {
                data: &data,
                version,
                name: format!("data/{}", entry.path),
                fragment: Some(fragment.id),
            };
            inspection
                .columns
                .extend(file.columns(&fields, &placed, page, &caches));
        }
    }
    if !known_fragment && !request.fragments.is_empty() {
        return Err(Error::other(format!(
            "version {} of {root} has no such fragment; it has {}",
            snapshot.version(),
            snapshot.message().fragments.len()
        )));
    }
    Ok(inspection)
}

fn data_location(
    snapshot: &Snapshot,
    entry: &crate::format::proto::lance::table::DataFile,
) -> Result<Location, Error> {
    let directory = snapshot
        .data_directory(entry.base_id)
        .map_err(|error| Error::other(format!("cannot find {}: {error:?}", entry.path)))?;
    Ok(directory.join(&entry.path))
}

fn cannot(location: &Location, fault: &FileFault) -> Error {
    use crate::format::data_file::Unreadable;
    let why = match fault {
        FileFault::Unreadable(Unreadable::Storage(error)) => error.to_string(),
        _ => "it is not a readable Lance data file; run lance-lint on it to see why".to_string(),
    };
    Error::other(format!("cannot inspect {location}: {why}"))
}

fn known_version(data: &DataFile, location: &Location) -> Result<FileVersion, Error> {
    data.version.ok_or_else(|| {
        let (major, minor) = data.footer_version();
        Error::other(format!(
            "cannot inspect {location}: its version {major}.{minor} is unknown"
        ))
    })
}

fn file(
    storage: &dyn Storage,
    location: &Location,
    request: &Request,
    page: Option<u64>,
) -> Result<Inspection, Error> {
    let (data, _) = open(storage, location);
    let data = data.map_err(|fault| match &fault {
        FileFault::Unreadable(unreadable) => {
            foreign(location, unreadable).unwrap_or_else(|| cannot(location, &fault))
        }
        FileFault::Base(_) => cannot(location, &fault),
    })?;
    let version = known_version(&data, location)?;
    let Some(schema) = data.schema.clone() else {
        return Err(Error::other(format!(
            "cannot inspect {location}: it holds no readable schema"
        )));
    };
    let fields = fields(&schema, request, &location.to_string())?;
    let caches = Caches::default();
    let placed = place(&data, version, &schema, &caches);
    let file = File {
        data: &data,
        version,
        name: location.to_string(),
        fragment: None,
    };
    Ok(Inspection {
        columns: file.columns(&fields, &placed, page, &caches),
        hidden: 0,
    })
}

struct File<'a> {
    data: &'a DataFile,
    version: FileVersion,
    name: String,
    fragment: Option<u64>,
}

impl File<'_> {
    fn columns(
        &self,
        fields: &[(usize, &Field)],
        placed: &[Placement],
        page: Option<u64>,
        caches: &Caches,
    ) -> Vec<ColumnInspection> {
        let mut found = Vec::new();
        for (at, field) in fields {
            let Some(Placement::Column(index)) = placed.get(*at).copied() else {
                continue;
            };
            let column = match self.version {
                FileVersion::V0_1 => self.data.legacy_column(field),
                _ => self.data.column(index, caches),
            };
            found.extend(column.map(|column| self.column(field, index, column, page)));
        }
        found
    }

    fn column(
        &self,
        field: &Field,
        index: u32,
        column: Column,
        page: Option<u64>,
    ) -> ColumnInspection {
        let (rows, bytes) = (column.rows(), column.bytes());
        let total_pages = column.pages.len() as u64;
        let wanted = |at: u64| page.is_none_or(|page| page == at);
        let pages: Vec<PageInspection> = (0u64..)
            .zip(column.pages)
            .filter(|(at, _)| wanted(*at))
            .take(MAX_PAGES)
            .map(|(at, page)| PageInspection {
                index: at,
                rows: page.rows,
                priority: page.priority,
                bytes: page.bytes(),
                encoding: page.encoding,
                buffers: page.buffers.into_vec(),
            })
            .collect();
        ColumnInspection {
            file: self.name.clone(),
            fragment: self.fragment,
            path: field.path.clone(),
            type_text: field.type_text.clone(),
            index,
            version: self.version,
            file_size: self.data.size(),
            rows,
            bytes,
            metadata: self.data.column_metadata_range(index),
            encoding: column.encoding,
            buffers: column.buffers.into_vec(),
            global_buffers: self.data.global_buffers().to_vec(),
            pages_cut: page.is_none() && total_pages > pages.len() as u64,
            pages,
            total_pages,
        }
    }
}
