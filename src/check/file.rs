//! A data file by itself, compared with the schema in itself.

use std::sync::OnceLock;

use super::column_stats::{ColumnStats, Wanted};
use super::columns::{self, SchemaComparisons, Walk};
use super::decodable::Decodable;
use super::scan_result::Outside;
use super::{Request, SubjectKind, SubjectReport};
use crate::error::Error;
use crate::finding::{Finding, Findings, Severity};
use crate::format::data_file::{RawFile, Unreadable, read};
use crate::format::sniff::Looks;
use crate::model::data_file::{Caches, DataFile};
use crate::model::join::{Placement, is_packed_struct, join_self};
use crate::model::schema::FieldTree;
use crate::model::version::FileVersion;
use crate::rules::data_file_unreadable::looks_clause;
use crate::rules::index_file_damaged;
use crate::rules::{FILE_RULES, FieldSource, FieldView, FileFault, FileView, RULES, suppress};
use crate::storage::{Location, Storage, StorageError};

/// Checks a data file that belongs to no dataset; `named` says whether the user named it.
pub fn check(
    storage: &dyn Storage,
    location: &Location,
    request: &Request,
    named: bool,
) -> Result<SubjectReport, Error> {
    let mut findings = Findings::default();
    let name = location.to_string();
    let opened = open(storage, location);
    if let Err(FileFault::Unreadable(Unreadable::Storage(error))) = &opened.0 {
        // Of a file that the user did not name, it is a finding.
        if named && matches!(error, StorageError::Denied | StorageError::Other(_)) {
            return Err(Error::other(format!("cannot read {location}: {error}")));
        }
    }
    if let (true, Err(FileFault::Unreadable(fault))) = (named, &opened.0)
        && let Some(foreign) = foreign(location, fault)
    {
        return Err(foreign);
    }
    let (data, size) = opened;
    let mut report = SubjectReport {
        path: name.clone(),
        kind: SubjectKind::File,
        fragments: 0,
        data_files: 1,
        physical_rows: 0,
        deleted_rows: 0,
        bytes: size,
        outside: Outside::default(),
        file_versions: Vec::new(),
        fields: Vec::new(),
        findings: Vec::new(),
        sampled: None,
        notes: Vec::new(),
        ignored: Vec::new(),
        whole: request.columns.is_empty(),
        location: location.clone(),
        fail_on: Severity::Error,
        decodable: None,
        part: None,
    };
    let caches = Caches::default();
    let placed = placements(&data, &caches);
    let view = view(&name, &data, &placed);
    for rule in FILE_RULES {
        rule.file(&view, &mut findings);
    }
    if let Ok(data) = &data {
        report.physical_rows = data.rows.unwrap_or(0);
        report.file_versions = vec![(version_text(data), 1)];
        match (&data.schema, data.version) {
            (Some(schema), Some(version)) => {
                let wanted = Wanted::new(schema, &request.columns, &name)?;
                fields(&view, version, schema, &wanted, &mut findings);
                let walk = Walk {
                    view: &view,
                    data,
                    version,
                    schema,
                    wanted: &wanted,
                    caches: &caches,
                    compared: &SchemaComparisons::default(),
                    renamed: &OnceLock::new(),
                    storage,
                    judged: true,
                };
                let gone = columns::go(&walk, &mut findings);
                report.outside = gone.outside(&walk);
                let mut tally = ColumnStats::default();
                gone.above.into_iter().for_each(|field| tally.add_above(field));
                tally.add(0, gone.cells);
                report.fields = tally.into_fields(schema, &wanted);
                report.decodable = request
                    .decode
                    .then(|| Decodable::file(location.clone(), wanted));
            }
            (None, _) => report.notes.push(format!(
                "the file holds no schema that can be read; its {} columns cannot be matched to fields",
                data.num_columns()
            )),
            (_, None) => report
                .notes
                .push("columns of a file of an unknown version are not listed".to_string()),
        }
    }
    report.findings = suppress::fold(findings.into_sorted());
    report.give_verdicts();
    Ok(report)
}

/// What is wrong with a file that belongs to an index: readers open such files by the schema
/// in them, as lance-lint does a data file that it is given by itself.
pub(crate) fn errors_of_index_file(
    storage: &dyn Storage,
    location: &Location,
    raw: RawFile,
) -> Vec<Finding> {
    let caches = Caches::default();
    let name = location.file_name().to_string();
    let mut data = DataFile::new(raw, &caches);
    data.load_legacy_pages(storage, location, &[]);
    let data = Ok(data);
    let placed = placements(&data, &caches);
    let view = view(&name, &data, &placed);
    let mut findings = Findings::default();
    for rule in FILE_RULES {
        rule.file(&view, &mut findings);
    }
    if let Ok(data) = &data
        && let (Some(schema), Some(version)) = (data.schema.as_deref(), data.version)
    {
        let walk = Walk {
            view: &view,
            data,
            version,
            schema,
            wanted: &Wanted::all(schema),
            caches: &caches,
            compared: &SchemaComparisons::default(),
            renamed: &OnceLock::new(),
            storage,
            judged: true,
        };
        columns::go(&walk, &mut findings);
        // A column that the schema counts and the file does not have is counted, too.
        let counted = placed
            .iter()
            .filter(|placement| matches!(placement, Placement::Column(_) | Placement::Lost { .. }));
        let counted = counted.count() as u64;
        if counted != u64::from(data.num_columns()) && version != FileVersion::V0_1 {
            findings.add(index_file_damaged::other_columns(
                counted,
                data.num_columns(),
            ));
        }
        let rows = data.column(0, &caches).map(|column| column.rows());
        if let (Some(stated), Some(held)) = (data.rows, rows)
            && stated != held
            && version != FileVersion::V0_1
        {
            findings.add(index_file_damaged::other_rows(stated, held));
        }
        // Redacted, no column has the name that readers look for.
        if let (Some(lacks), None) = (index_file_damaged::lacks(&name, schema), storage.redactor())
        {
            findings.add(lacks);
        }
        if let Some(repeated) = index_file_damaged::repeated_id(schema) {
            findings.add(repeated);
        }
        if let (Some(metadata), None) = (data.schema_metadata(), storage.redactor()) {
            let globals = data.global_buffers().len();
            findings.extend(index_file_damaged::metadata(&name, &metadata, globals));
        }
    }
    let mut findings = suppress::fold(findings.into_sorted());
    // An encoding that this build does not know is a warning, and no reader of today takes it.
    findings.retain(|finding| {
        finding.severity == Severity::Error || finding.rule.id == "encoding-unreadable"
    });
    findings
}

/// Where the fields of a file's own schema are in it.
fn placements(data: &Result<DataFile, FileFault>, caches: &Caches) -> Vec<Placement> {
    match data {
        Ok(data) => match (&data.schema, data.version) {
            (Some(schema), Some(version)) => place(data, version, schema, caches),
            _ => Vec::new(),
        },
        Err(_) => Vec::new(),
    }
}

/// A file that belongs to no fragment, as rules see it.
fn view<'a>(
    name: &'a str,
    data: &'a Result<DataFile, FileFault>,
    placed: &'a [Placement],
) -> FileView<'a> {
    FileView {
        snapshot: None,
        fragment: None,
        entry: None,
        name,
        state: data.as_ref(),
        placed,
    }
}

/// What is to be said of a file that a user named and that is not meant to be a Lance file; `None`
/// for one that is damaged.
pub fn foreign(location: &Location, fault: &Unreadable) -> Option<Error> {
    let is_named_so = location.file_name().ends_with(".lance");
    let what = match fault {
        Unreadable::Storage(_) => return None,
        Unreadable::NotLance { looks, size, .. } => match looks {
            Looks::Other(_) | Looks::Text => looks_clause(looks, *size)?,
            _ if is_named_so => return None,
            looks => looks_clause(looks, *size)
                .unwrap_or_else(|| "does not end in LANC, as data files do".to_string()),
        },
        Unreadable::TooShort { .. } if is_named_so => return None,
        Unreadable::TooShort { size, .. } => format!("has {size} bytes"),
    };
    let hint = match fault {
        Unreadable::NotLance {
            looks: Looks::LfsPointer { .. },
            ..
        } => "; `git lfs pull` fetches the file",
        Unreadable::NotLance {
            looks: Looks::Text, ..
        } => "; for a log with an error of a reader: lance-lint diagnose --log FILE",
        _ => "; expected a Lance dataset directory or a file of one",
    };
    Some(Error::other(format!(
        "{location} is not a Lance file: it {what}{hint}"
    )))
}

/// The version of a file for people: that of the format, or the numbers of an unknown one.
pub fn version_text(data: &DataFile) -> String {
    match data.version {
        Some(version) => version.to_string(),
        None => {
            let (major, minor) = data.footer_version();
            format!("{major}.{minor} (unknown)")
        }
    }
}

/// Opens a file and, for 0.1, the page table that its own schema needs.
pub fn open(storage: &dyn Storage, location: &Location) -> (Result<DataFile, FileFault>, u64) {
    match read(storage, location, 0) {
        Ok(raw) => {
            let size = raw.size;
            let mut data = DataFile::new(raw, &Caches::default());
            data.load_legacy_pages(storage, location, &[]);
            (Ok(data), size)
        }
        Err(fault) => {
            let size = match &fault {
                Unreadable::NotLance { size, .. } | Unreadable::TooShort { size, .. } => *size,
                Unreadable::Storage(_) => 0,
            };
            (Err(FileFault::Unreadable(fault)), size)
        }
    }
}

fn fields(
    view: &FileView<'_>,
    version: FileVersion,
    schema: &FieldTree,
    wanted: &Wanted,
    findings: &mut Findings,
) {
    for (at, field) in schema.fields.iter().enumerate() {
        if field.metadata.is_empty() || !wanted.has(at) {
            continue;
        }
        let field = FieldView {
            source: FieldSource::File(view),
            version: Some(version),
            schema,
            at,
            field,
        };
        for rule in RULES {
            rule.field(&field, findings);
        }
    }
}

/// Where the fields of a file's own schema are in it.
pub fn place(
    data: &DataFile,
    version: FileVersion,
    schema: &FieldTree,
    caches: &Caches,
) -> Vec<Placement> {
    // Asked for each child of a struct in turn.
    let mut last: Option<(u32, bool)> = None;
    join_self(schema, version, data.num_columns(), |index| {
        if let Some((_, known)) = last.filter(|(known, _)| *known == index) {
            return known;
        }
        let column = data.column(index, caches);
        let first = column.as_ref().and_then(|column| column.pages.first());
        let encoding = first.and_then(|page| page.encoding.as_ref().ok());
        let packed = encoding.is_some_and(|encoding| is_packed_struct(&encoding.root));
        last = Some((index, packed));
        packed
    })
}
