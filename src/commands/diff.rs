//! What differs between two versions, two datasets or two data files.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};

use crate::check::{FieldReport, Request, SubjectKind, SubjectReport, dataset, file};
use crate::error::Error;
use crate::format::proto::lance::table::{DataFragment, Manifest};
use crate::model::flags::{Flag, flags};
use crate::model::history::{self, Counts};
use crate::model::index::Index;
use crate::model::schema::Field;
use crate::model::snapshot::{self, Selection, Snapshot};
use crate::model::target::{Scope, Target, resolve};
use crate::storage::{Location, Storage};

/// What one side has that the other has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// Only the second has it.
    Added,
    /// Only the first has it.
    Removed,
    /// Both have it, not alike.
    Changed,
}

/// A difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What it belongs to, such as `schema`.
    pub section: &'static str,
    /// Which side has it.
    pub sign: Sign,
    /// What it is about.
    pub what: String,
    /// How the first has it.
    pub before: Option<String>,
    /// How the second has it.
    pub after: Option<String>,
    /// What is to be said of it beside other fragments, when it is about one.
    pub fragment: Option<OfFragment>,
}

/// What differs in a fragment, as it is told of several at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfFragment {
    /// The fragment.
    pub id: u64,
    /// What differs, the same for all that differ in one way; `{}` stands for a number of rows.
    pub how: String,
    /// Rows, which add up over fragments.
    pub rows: u64,
}

/// What differs.
#[derive(Debug)]
pub struct Diff {
    /// The first, as shown.
    pub left: String,
    /// The second, as shown.
    pub right: String,
    /// The differences, by section.
    pub changes: Vec<Change>,
}

/// One of the two.
struct Side {
    label: String,
    root: Location,
    snapshot: Option<Snapshot>,
    report: SubjectReport,
    schema: Vec<Field>,
}

/// Compares two things, each `PATH`, `PATH@VERSION` or `PATH@TAG`.
///
/// # Errors
/// A sentence, when one is neither a dataset nor a data file, or has no such version.
pub fn diff(storage: &dyn Storage, left: &OsStr, right: &OsStr) -> Result<Diff, Error> {
    let left = side(storage, left)?;
    let right = side(storage, right)?;
    let mut changes = Changes(Vec::new());
    changes.whole(&left, &right);
    changes.schema(&left, &right);
    if let (Some(before), Some(after)) = (&left.snapshot, &right.snapshot) {
        changes.manifest(before.message(), after.message());
        if left.root.normalised() == right.root.normalised() {
            changes.fragments(before, after);
            changes.lost_rows(storage, before, after);
        }
        changes.indices(before, after);
    }
    changes.encodings(&left.report.fields, &right.report.fields);
    Ok(Diff {
        left: left.label,
        right: right.label,
        changes: changes.0,
    })
}

/// Splits `PATH@VERSION`; a path that is there is taken as it stands.
fn split(storage: &dyn Storage, text: &OsStr) -> (OsString, Selection) {
    let whole = (text.to_os_string(), Selection::default());
    let there = |text: &OsStr| {
        let location = Location::parse(text).ok();
        location.is_some_and(|location| storage.is_dir(&location).is_ok_and(|d| d.is_some()))
    };
    let Some((path, version)) = text.to_str().and_then(|text| text.rsplit_once('@')) else {
        return whole;
    };
    // The user in a URL, or the container before an account.
    let is_url = path
        .split_once("://")
        .is_some_and(|(_, host)| !host.contains('/'));
    // A password before a host, where the rest is no URL that can be taken.
    let is_bad_url = path.len() > 2 && path.contains(':') && version.contains('/')
        || Location::parse(text).is_err();
    if is_url || is_bad_url || path.is_empty() || version.is_empty() || there(text) {
        return whole;
    }
    let selection = match version.parse() {
        Ok(version) => Selection {
            version: Some(version),
            ..Selection::default()
        },
        Err(_) => Selection {
            tag: Some(version.to_string()),
            ..Selection::default()
        },
    };
    (OsString::from(path), selection)
}

fn side(storage: &dyn Storage, text: &OsStr) -> Result<Side, Error> {
    let (path, selection) = split(storage, text);
    let (targets, errors) = resolve(storage, std::slice::from_ref(&path));
    if let Some(error) = errors.into_iter().next() {
        return Err(error);
    }
    let request = Request {
        selection,
        ..Request::default()
    };
    match targets.into_iter().next() {
        Some(Target::Dataset { root, scope })
            if matches!(scope, Scope::Whole | Scope::Manifest(_)) =>
        {
            let manifest = scope.manifest(&request.selection);
            let opened = snapshot::open(storage, &root, &request.selection, manifest)?;
            let reports = dataset::check(storage, &root, scope.clone(), &request)?;
            let (Some(snapshot), Some(report)) = (opened.snapshot, reports.into_iter().next())
            else {
                return Err(Error::other(format!("no manifest of {root} can be read")));
            };
            Ok(Side {
                label: format!("{root}@{}", snapshot.version()),
                root: opened.root,
                schema: snapshot.schema.fields.clone(),
                snapshot: Some(snapshot),
                report,
            })
        }
        Some(Target::Dataset {
            root,
            scope: Scope::Parts { data_files, .. },
        }) => {
            let Some(name) = data_files.first() else {
                return Err(Error::other(format!(
                    "{} is neither a dataset nor a data file",
                    path.to_string_lossy()
                )));
            };
            data_file(
                storage,
                root.join(crate::model::target::DATA).join(name),
                &request,
            )
        }
        Some(Target::File(location)) => data_file(storage, location, &request),
        _ => Err(Error::other(format!(
            "{} is nothing to compare",
            path.to_string_lossy()
        ))),
    }
}

fn data_file(storage: &dyn Storage, location: Location, request: &Request) -> Result<Side, Error> {
    let report = file::check(storage, &location, request, true)?;
    let (data, _) = file::open(storage, &location);
    let schema = data.ok().and_then(|data| data.schema);
    Ok(Side {
        label: location.to_string(),
        root: location,
        snapshot: None,
        report,
        schema: schema.map_or_else(Vec::new, |schema| schema.fields.clone()),
    })
}

struct Changes(Vec<Change>);

impl Changes {
    /// Notes what one side has and the other has not, or has otherwise.
    fn note(
        &mut self,
        section: &'static str,
        what: impl Into<String>,
        before: Option<String>,
        after: Option<String>,
    ) {
        let sign = match (&before, &after) {
            (None, Some(_)) => Sign::Added,
            (Some(_), None) => Sign::Removed,
            (Some(before), Some(after)) if before != after => Sign::Changed,
            _ => return,
        };
        self.0.push(Change {
            section,
            sign,
            what: what.into(),
            before,
            after,
            fragment: None,
        });
    }

    /// Notes something of a fragment.
    fn note_fragment(
        &mut self,
        of: OfFragment,
        what: String,
        before: Option<String>,
        after: Option<String>,
    ) {
        let known = self.0.len();
        self.note("fragments", what, before, after);
        if let Some(change) = self.0.get_mut(known) {
            change.fragment = Some(of);
        }
    }

    fn differ<T: ToString>(&mut self, section: &'static str, what: &str, before: T, after: T) {
        self.note(
            section,
            what,
            Some(before.to_string()),
            Some(after.to_string()),
        );
    }

    fn whole(&mut self, left: &Side, right: &Side) {
        let versions = |report: &SubjectReport| {
            let versions = report.file_versions.iter();
            let texts: Vec<String> = versions
                .map(|(version, files)| format!("{version} ({files})"))
                .collect();
            texts.join(", ")
        };
        let (a, b) = (&left.report, &right.report);
        if let (SubjectKind::Dataset(before), SubjectKind::Dataset(after)) = (&a.kind, &b.kind) {
            self.note(
                "dataset",
                "writer",
                before.writer.clone(),
                after.writer.clone(),
            );
            self.note(
                "dataset",
                "storage version for new files",
                before.storage_version.clone(),
                after.storage_version.clone(),
            );
            self.differ(
                "dataset",
                "fragments",
                before.total_fragments,
                after.total_fragments,
            );
            let since = |facts: &crate::check::DatasetFacts| {
                let reads = facts.readers.reads;
                Some(reads.map_or_else(|| "no release".to_string(), |reads| reads.to_string()))
            };
            self.note(
                "dataset",
                "readable since lance",
                since(before),
                since(after),
            );
        }
        self.differ("dataset", "rows", a.physical_rows, b.physical_rows);
        self.differ("dataset", "deleted rows", a.deleted_rows, b.deleted_rows);
        self.differ("dataset", "bytes", a.bytes, b.bytes);
        self.differ("dataset", "file versions", versions(a), versions(b));
        let errors = |report: &SubjectReport| report.findings.len();
        self.differ("dataset", "findings", errors(a), errors(b));
    }

    fn schema(&mut self, left: &Side, right: &Side) {
        // Ids tell renames apart from drops, within one dataset.
        let by_id = left.root.normalised() == right.root.normalised();
        let same = |a: &Field, b: &Field| match by_id {
            true => a.id == b.id,
            false => a.path == b.path,
        };
        for before in &left.schema {
            if !right.schema.iter().any(|after| same(before, after)) {
                self.note(
                    "schema",
                    described(before),
                    Some(before.type_text.clone()),
                    None,
                );
            }
        }
        for after in &right.schema {
            let Some(before) = left.schema.iter().find(|before| same(before, after)) else {
                self.note(
                    "schema",
                    described(after),
                    None,
                    Some(after.type_text.clone()),
                );
                continue;
            };
            let what = |of: &str| format!("{}: {of}", described(after));
            self.note(
                "schema",
                what("name"),
                Some(before.path.clone()),
                Some(after.path.clone()),
            );
            self.note(
                "schema",
                what("id"),
                Some(before.id.to_string()),
                Some(after.id.to_string()),
            );
            self.note(
                "schema",
                what("type"),
                Some(before.type_text.clone()),
                Some(after.type_text.clone()),
            );
            let nulls = |field: &Field| {
                Some(
                    if field.nullable {
                        "nullable"
                    } else {
                        "not null"
                    }
                    .to_string(),
                )
            };
            self.note("schema", what("nulls"), nulls(before), nulls(after));
            let keys: BTreeSet<&String> = before
                .metadata
                .keys()
                .chain(after.metadata.keys())
                .collect();
            for key in keys {
                let value = |field: &Field| field.metadata.get(key).cloned();
                self.note("schema", what(key), value(before), value(after));
            }
        }
    }

    fn manifest(&mut self, before: &Manifest, after: &Manifest) {
        for (what, one, other) in [
            (
                "reader flag",
                before.reader_feature_flags,
                after.reader_feature_flags,
            ),
            (
                "writer flag",
                before.writer_feature_flags,
                after.writer_feature_flags,
            ),
        ] {
            let labels =
                |word| -> BTreeSet<String> { flags(word).iter().map(Flag::label).collect() };
            let (one, other) = (labels(one), labels(other));
            for flag in one.difference(&other) {
                self.note(
                    "flags",
                    format!("{what} “{flag}”"),
                    Some("set".to_string()),
                    None,
                );
            }
            for flag in other.difference(&one) {
                self.note(
                    "flags",
                    format!("{what} “{flag}”"),
                    None,
                    Some("set".to_string()),
                );
            }
        }
        for (section, one, other) in [
            ("config", &before.config, &after.config),
            (
                "table metadata",
                &before.table_metadata,
                &after.table_metadata,
            ),
        ] {
            let keys: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
            for key in keys {
                self.note(
                    section,
                    key.clone(),
                    one.get(key).cloned(),
                    other.get(key).cloned(),
                );
            }
        }
    }

    fn fragments(&mut self, before: &Snapshot, after: &Snapshot) {
        let by_id = |manifest: &Manifest| -> BTreeMap<u64, DataFragment> {
            let fragments = manifest.fragments.iter();
            fragments
                .map(|fragment| (fragment.id, fragment.clone()))
                .collect()
        };
        let (one, other) = (by_id(before.message()), by_id(after.message()));
        let deleted = |fragment: &DataFragment| {
            let file = fragment.deletion_file.as_ref();
            file.map_or(0, |file| file.num_deleted_rows)
        };
        let described = |fragment: &DataFragment| match deleted(fragment) {
            0 => format!("{} rows", fragment.physical_rows),
            deleted => format!("{} rows, {deleted} of them deleted", fragment.physical_rows),
        };
        let (mut added, mut removed, mut newly) = (0u64, 0u64, 0u64);
        let ids: BTreeSet<&u64> = one.keys().chain(other.keys()).collect();
        for id in ids {
            let what = format!("fragment {id}");
            match (one.get(id), other.get(id)) {
                (Some(gone), None) => {
                    removed =
                        removed.saturating_add(gone.physical_rows.saturating_sub(deleted(gone)));
                    let of = OfFragment {
                        id: *id,
                        how: "{} rows".to_string(),
                        rows: gone.physical_rows,
                    };
                    self.note_fragment(of, what, Some(described(gone)), None);
                }
                (None, Some(new)) => {
                    added = added.saturating_add(new.physical_rows.saturating_sub(deleted(new)));
                    let of = OfFragment {
                        id: *id,
                        how: "{} rows".to_string(),
                        rows: new.physical_rows,
                    };
                    self.note_fragment(of, what, None, Some(described(new)));
                }
                (Some(old), Some(new)) => {
                    let more = deleted(new).saturating_sub(deleted(old));
                    newly = newly.saturating_add(more);
                    let (how, rows) = match old.physical_rows == new.physical_rows {
                        true if more > 0 => ("{} more rows deleted", more),
                        true => (
                            "{} fewer rows deleted",
                            deleted(old).saturating_sub(deleted(new)),
                        ),
                        false => ("another number of rows", 0),
                    };
                    let of = OfFragment {
                        id: *id,
                        how: how.to_string(),
                        rows,
                    };
                    self.note_fragment(
                        of,
                        format!("{what}: rows"),
                        Some(described(old)),
                        Some(described(new)),
                    );
                    let files = |fragment: &DataFragment| {
                        let files = fragment.files.iter();
                        let files: Vec<String> = files
                            .map(|file| format!("{} {:?}", file.path, file.fields))
                            .collect();
                        Some(files.join(", "))
                    };
                    let of = OfFragment {
                        id: *id,
                        how: files_changed(old, new, before, after),
                        rows: 0,
                    };
                    self.note_fragment(of, format!("{what}: {DATA_FILES}"), files(old), files(new));
                }
                (None, None) => {}
            }
        }
        let counted = |rows: u64| (rows > 0).then(|| rows.to_string());
        self.note("rows", "in new fragments", None, counted(added));
        self.note("rows", "in fragments that are gone", counted(removed), None);
        self.note(
            "rows",
            "deleted in fragments that stayed",
            counted(newly),
            None,
        );
    }

    /// Rows that are gone though the commit between the two keeps all rows.
    fn lost_rows(&mut self, storage: &dyn Storage, before: &Snapshot, after: &Snapshot) {
        let (one, other) = (Counts::of(before), Counts::of(after));
        if before.root.normalised() != after.root.normalised() || !one.is_just_before(&other) {
            return;
        }
        let Some(operation) = history::operation(storage, after) else {
            return;
        };
        if let Some((one, other)) = one.lost_in(&other, operation) {
            let what = format!("lost by a commit ({operation}) that must keep them all");
            self.differ("rows", &what, one, other);
        }
    }

    fn indices(&mut self, before: &Snapshot, after: &Snapshot) {
        let indices = |snapshot: &Snapshot| -> BTreeMap<String, String> {
            let section = snapshot.manifest.indices.read();
            let listed = section.iter().flat_map(|section| &section.indices);
            let described = listed.map(Index::new).map(|index| {
                let kind = index.kind().map_or("index", |kind| kind.name);
                let covered = index.covered().map_or(0, |covered| covered.len());
                let uuid = index.uuid.clone().unwrap_or_default();
                (
                    format!("{} ({uuid})", index.name),
                    format!("{kind} on fields {:?}, {covered} fragments", index.fields),
                )
            });
            described.collect()
        };
        let (one, other) = (indices(before), indices(after));
        let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
        for name in names {
            self.note(
                "indices",
                name.clone(),
                one.get(name).cloned(),
                other.get(name).cloned(),
            );
        }
    }

    fn encodings(&mut self, before: &[FieldReport], after: &[FieldReport]) {
        let stored = |field: &FieldReport| -> Option<String> {
            let ways = field.encodings.iter();
            let ways: BTreeSet<String> = ways
                .map(|way| format!("{} {}", way.version, way.notation))
                .collect();
            let ways: Vec<String> = ways.into_iter().collect();
            (!ways.is_empty()).then(|| ways.join(" or "))
        };
        for old in before {
            let Some(new) = after.iter().find(|new| new.path == old.path) else {
                continue;
            };
            if let (Some(one), Some(other)) = (stored(old), stored(new)) {
                self.note("encodings", old.path.clone(), Some(one), Some(other));
            }
        }
    }
}

/// How the name of a change of the data files of a fragment ends.
pub const DATA_FILES: &str = "data files";

/// Most fields that are named of a data file.
const MAX_FIELDS: usize = 5;

/// What became of the data files of a fragment, in words that are the same for all fragments of
/// which the same is true.
fn files_changed(
    old: &DataFragment,
    new: &DataFragment,
    before: &Snapshot,
    after: &Snapshot,
) -> String {
    let named = |ids: &[i32]| {
        // What is negative stood for a field that was taken over by another file.
        let ids: Vec<i32> = ids.iter().copied().filter(|id| *id >= 0).collect();
        let name = |id: &i32| {
            let schemas = [&after.schema, &before.schema];
            let mut fields = schemas.iter().filter_map(|schema| schema.by_id(*id));
            match fields.next() {
                Some(field) => format!("`{}`", field.path),
                None => format!("field {id}"),
            }
        };
        let shown: Vec<String> = ids.iter().take(MAX_FIELDS).map(name).collect();
        match ids.len().saturating_sub(shown.len()) {
            0 if shown.is_empty() => "no fields".to_string(),
            0 => shown.join(", "),
            more => format!("{} and {more} more", shown.join(", ")),
        }
    };
    let only = |these: &DataFragment, those: &DataFragment| -> Option<String> {
        let files = these.files.iter();
        let files = files.filter(|file| !those.files.iter().any(|other| other.path == file.path));
        let files: Vec<_> = files.collect();
        let fields: Vec<i32> = files
            .iter()
            .flat_map(|file| &file.fields)
            .copied()
            .collect();
        let count = files.len();
        let noun = if count == 1 {
            "data file"
        } else {
            "data files"
        };
        (count > 0).then(|| format!("{count} {noun} %, with {}", named(&fields)))
    };
    let mut parts = Vec::new();
    parts.extend(only(new, old).map(|text| text.replacen('%', "added", 1)));
    parts.extend(only(old, new).map(|text| text.replacen('%', "removed", 1)));
    let both = old.files.iter().filter_map(|file| {
        let mut others = new.files.iter();
        Some((file, others.find(|other| other.path == file.path)?))
    });
    let (mut less, mut more) = (Vec::new(), Vec::new());
    for (one, other) in both {
        less.extend(one.fields.iter().filter(|id| !other.fields.contains(id)));
        more.extend(other.fields.iter().filter(|id| !one.fields.contains(id)));
    }
    let any = |ids: &[i32]| ids.iter().any(|id| *id >= 0);
    if any(&less) {
        parts.push(format!(
            "{} no longer in a data file that stayed",
            named(&less)
        ));
    }
    if any(&more) {
        parts.push(format!("{} in a data file that was there", named(&more)));
    }
    match parts.is_empty() {
        true => "data files listed in another way".to_string(),
        false => parts.join("; "),
    }
}

fn described(field: &Field) -> String {
    format!("{} (id {})", field.path, field.id)
}
