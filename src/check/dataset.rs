//! A snapshot of a dataset: every fragment, data file and column of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::columns::{self, Compared, Walk};
use super::decodable::Decodable;
use super::file;
use super::tally::{Cell, Tally, Wanted};
use super::{CheckError, DatasetFacts, Request, SubjectKind, SubjectReport};
use crate::finding::Findings;
use crate::format::data_file::{Unreadable, read};
use crate::format::deletion;
use crate::format::limits::MAX_SIDE_FILE_BYTES;
use crate::format::manifest::UnreadableManifest;
use crate::format::proto::lance::table::{DataFile as DataFileEntry, DataFragment, DeletionFile};
use crate::model::data_file::{Caches, DataFile};
use crate::model::flags::{Flag, flags};
use crate::model::join::{Placement, join};
use crate::model::schema::FieldTree;
use crate::model::snapshot::{self, BaseError, Opened, Snapshot, stated_version};
use crate::model::target::{DATA, DELETIONS, Scope};
use crate::model::version::FileVersion;
use crate::rules::{
    Absence, DatasetView, DeletionFault, DeletionState, FieldSource, FieldView, FileFault,
    FileView, FragmentView, RULES, cascade,
};
use crate::storage::{Location, Storage, StorageError};

/// Fragments that are read at a time before their results are added up. Bounds the memory of
/// results and keeps all cores busy.
const FRAGMENTS_AT_ONCE: usize = 1024;

/// Most fragments that are not worth a thread pool.
const FRAGMENTS_ALONE: usize = 4;

/// Checks a dataset, or parts of it. Data files that were named and are not in the snapshot
/// become subjects of their own.
pub fn check(
    storage: &dyn Storage,
    root: &Location,
    scope: Scope,
    request: &Request,
) -> Result<Vec<SubjectReport>, CheckError> {
    let manifest = match &scope {
        Scope::Manifest(name) if request.selection.is_latest() => Some(name.as_str()),
        _ => None,
    };
    let mut opened = snapshot::open(storage, root, &request.selection, manifest)?;
    let mut findings = Findings::default();
    let view = DatasetView {
        snapshot: opened.snapshot.as_ref(),
        broken: &opened.broken,
        versions: &opened.versions,
    };
    for rule in RULES {
        rule.dataset(&view, &mut findings);
    }
    let Some(snapshot) = &opened.snapshot else {
        return lost(storage, &opened, findings, request);
    };
    let mut subjects = Vec::new();
    let parts = Parts::new(snapshot, &scope);
    let mut report = check_snapshot(storage, snapshot, &parts, request, findings)?;
    report.bytes = report.bytes.saturating_add(broken_bytes(&opened));
    if let Some(broken) = opened.broken.first() {
        report.notes.push(format!(
            "version {} cannot be read; what follows is version {}, the newest that can",
            broken.entry.version,
            snapshot.version()
        ));
    }
    report.notes.extend(parts.note());
    subjects.push(report);
    for name in &parts.strangers {
        let location = opened.root.join(DATA).join(name);
        let mut stranger = file::check(storage, &location, request, false)?;
        stranger.notes.push(format!(
            "version {} of {root} does not name this file; it is held against its own schema",
            snapshot.version()
        ));
        subjects.push(stranger);
    }
    if request.decode {
        let files = chosen_files(snapshot, &parts, request)?;
        let wanted = Wanted::new(&snapshot.schema, &request.columns, &root.to_string())?;
        let decodable = opened
            .snapshot
            .take()
            .map(|s| Decodable::dataset(s, files, wanted));
        if let Some(report) = subjects.first_mut() {
            report.decodable = decodable;
        }
    }
    Ok(subjects)
}

/// The data files that are looked at, as indices of fragments and of files in them.
fn chosen_files(
    snapshot: &Snapshot,
    parts: &Parts,
    request: &Request,
) -> Result<Vec<(usize, usize)>, CheckError> {
    let chosen = choose_fragments(snapshot, parts, request)?;
    let chosen: BTreeSet<u64> = chosen.iter().map(|fragment| fragment.id).collect();
    let mut files = Vec::new();
    for (at, fragment) in snapshot.message().fragments.iter().enumerate() {
        let entries = fragment.files.iter().enumerate();
        let entries = entries.filter(|(_, entry)| parts.has_file(fragment, entry));
        if chosen.contains(&fragment.id) {
            files.extend(entries.map(|(entry, _)| (at, entry)));
        }
    }
    Ok(files)
}

/// Bytes of the manifests that could not be read.
fn broken_bytes(opened: &Opened) -> u64 {
    let sizes = opened.broken.iter().map(|broken| match &broken.error {
        UnreadableManifest::NotManifest { size, .. } => *size,
        UnreadableManifest::Storage(_) => 0,
    });
    sizes.fold(0, u64::saturating_add)
}

/// A dataset without a readable manifest: its data files, each by itself.
fn lost(
    storage: &dyn Storage,
    opened: &Opened,
    findings: Findings,
    request: &Request,
) -> Result<Vec<SubjectReport>, CheckError> {
    let asked = !request.selection.is_latest();
    let note = match (opened.versions.first(), opened.versions.last()) {
        (Some(first), Some(last)) if asked && first != last => format!(
            "the version asked for cannot be read; {} versions from {first} to {last} are there",
            opened.versions.len()
        ),
        _ => {
            "no manifest can be read; the data files are held against their own schemas".to_string()
        }
    };
    let data = opened.root.join(DATA);
    let entries = storage.list(&data).unwrap_or_default();
    let mut subjects = vec![SubjectReport {
        path: opened.root.to_string(),
        kind: SubjectKind::LostDataset,
        fragments: 0,
        data_files: 0,
        physical_rows: 0,
        deleted_rows: 0,
        bytes: broken_bytes(opened),
        file_versions: Vec::new(),
        fields: Vec::new(),
        findings: findings.into_sorted(),
        notes: vec![note],
        decodable: None,
    }];
    let files = entries
        .iter()
        .filter(|e| !asked && !e.is_dir && e.name.ends_with(".lance"));
    for entry in files {
        subjects.push(file::check(
            storage,
            &data.join(&entry.name),
            request,
            false,
        )?);
    }
    Ok(subjects)
}

/// Which parts of a snapshot are asked for.
struct Parts {
    /// Data file paths; `None` for all.
    data_files: Option<BTreeSet<String>>,
    /// Fragments that a named deletion file belongs to.
    fragments: BTreeSet<u64>,
    /// Named data files that the snapshot does not have.
    strangers: Vec<String>,
}

impl Parts {
    fn new(snapshot: &Snapshot, scope: &Scope) -> Self {
        let Scope::Parts {
            data_files,
            deletion_files,
        } = scope
        else {
            return Self {
                data_files: None,
                fragments: BTreeSet::new(),
                strangers: Vec::new(),
            };
        };
        let named: BTreeSet<String> = data_files.iter().cloned().collect();
        let fragments = || snapshot.message().fragments.iter();
        let known: BTreeSet<&str> = fragments()
            .flat_map(|fragment| &fragment.files)
            .map(|file| file.path.as_str())
            .collect();
        let by_deletion = fragments().filter(|fragment| {
            let path = fragment
                .deletion_file
                .as_ref()
                .map(|d| deletion_name(fragment.id, d));
            path.is_some_and(|path| deletion_files.contains(&path))
        });
        Self {
            fragments: by_deletion.map(|fragment| fragment.id).collect(),
            strangers: named
                .iter()
                .filter(|name| !known.contains(name.as_str()))
                .cloned()
                .collect(),
            data_files: Some(named),
        }
    }

    fn has_file(&self, fragment: &DataFragment, entry: &DataFileEntry) -> bool {
        match &self.data_files {
            None => true,
            Some(named) => named.contains(&entry.path) || self.fragments.contains(&fragment.id),
        }
    }

    fn has_fragment(&self, fragment: &DataFragment) -> bool {
        self.data_files.is_none()
            || self.fragments.contains(&fragment.id)
            || fragment
                .files
                .iter()
                .any(|entry| self.has_file(fragment, entry))
    }

    fn note(&self) -> Option<String> {
        let named = self.data_files.as_ref()?;
        let files = named.len() - self.strangers.len();
        let parts = match (files, self.fragments.len()) {
            (0, 0) => return Some("none of its files is looked at".to_string()),
            (files, 0) => counted(files, "named data file"),
            (0, fragments) => format!("{} of named deletion files", counted(fragments, "fragment")),
            (files, fragments) => format!(
                "{} and {} of named deletion files",
                counted(files, "named data file"),
                counted(fragments, "fragment")
            ),
        };
        Some(format!("looked at: only {parts}"))
    }
}

fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// Where a data file is, and how that is shown.
pub fn file_place(
    snapshot: &Snapshot,
    entry: &DataFileEntry,
) -> (Result<Location, BaseError>, String) {
    let directory = snapshot.data_directory(entry.base_id);
    let location = directory.map(|directory| directory.join(&entry.path));
    let name = match (&location, entry.base_id) {
        (Ok(location), Some(_)) => location.to_string(),
        _ => format!("{DATA}/{}", entry.path),
    };
    (location, name)
}

fn deletion_name(fragment: u64, file: &DeletionFile) -> String {
    let extension =
        deletion::Kind::from_number(file.file_type).map_or("?", |kind| kind.extension());
    format!("{fragment}-{}-{}.{extension}", file.read_version, file.id)
}

/// What looking at one fragment came to.
#[derive(Default)]
struct FragmentResult {
    id: u64,
    files: u64,
    bytes: u64,
    rows: u64,
    deleted: u64,
    versions: Vec<String>,
    cells: Vec<Cell>,
    empty: bool,
    absent: Vec<usize>,
    above: Vec<usize>,
    unreadable: Vec<usize>,
    findings: Findings,
}

fn check_snapshot(
    storage: &dyn Storage,
    snapshot: &Snapshot,
    parts: &Parts,
    request: &Request,
    mut findings: Findings,
) -> Result<SubjectReport, CheckError> {
    let root = snapshot.root.to_string();
    let wanted = Wanted::new(&snapshot.schema, &request.columns, &root)?;
    let chosen = choose_fragments(snapshot, parts, request)?;
    for (at, field) in snapshot.schema.fields.iter().enumerate() {
        // Whatever is said of a field by itself is said of its metadata.
        if field.metadata.is_empty() || !wanted.has(at) {
            continue;
        }
        let view = FieldView {
            source: FieldSource::Dataset(snapshot),
            version: snapshot.storage_version(),
            schema: &snapshot.schema,
            at,
            field,
        };
        for rule in RULES {
            rule.field(&view, &mut findings);
        }
    }
    // A few fragments are read before a thread pool is up.
    let alone = chosen.len() <= FRAGMENTS_ALONE;
    let threads = if alone {
        1
    } else {
        rayon::current_num_threads()
    };
    let learnt: Vec<Learnt> = (0..threads).map(|_| Learnt::default()).collect();
    let renamed = OnceLock::new();
    let mut tally = Tally::default();
    let mut versions: BTreeMap<String, u64> = BTreeMap::new();
    let mut report = SubjectReport {
        path: root,
        kind: SubjectKind::Dataset(facts(snapshot)),
        fragments: chosen.len() as u64,
        data_files: 0,
        physical_rows: 0,
        deleted_rows: 0,
        bytes: snapshot.manifest.size,
        file_versions: Vec::new(),
        fields: Vec::new(),
        findings: Vec::new(),
        notes: Vec::new(),
        decodable: None,
    };
    for batch in chosen.chunks(FRAGMENTS_AT_ONCE) {
        let run = Run {
            storage,
            snapshot,
            parts,
            wanted: &wanted,
            learnt: &learnt,
            renamed: &renamed,
        };
        let results: Vec<FragmentResult> = match alone {
            true => batch.iter().map(|f| run.fragment(f)).collect(),
            false => batch.par_iter().map(|f| run.fragment(f)).collect(),
        };
        for result in results {
            report.data_files += result.files;
            report.bytes = report.bytes.saturating_add(result.bytes);
            report.physical_rows = report.physical_rows.saturating_add(result.rows);
            report.deleted_rows = report.deleted_rows.saturating_add(result.deleted);
            for version in result.versions {
                *versions.entry(version).or_default() += 1;
            }
            if result.empty {
                tally.add_empty_fragment();
            }
            result
                .absent
                .into_iter()
                .for_each(|field| tally.add_absent(field));
            result
                .unreadable
                .into_iter()
                .for_each(|field| tally.add_unreadable(field));
            result
                .above
                .into_iter()
                .for_each(|field| tally.add_above(field));
            tally.add(result.id, result.cells);
            findings.merge(result.findings);
        }
    }
    report.file_versions = versions.into_iter().collect();
    report.fields = tally.into_fields(&snapshot.schema, &wanted);
    report.findings = findings.into_sorted();
    report.give_verdicts();
    Ok(report)
}

fn choose_fragments<'a>(
    snapshot: &'a Snapshot,
    parts: &Parts,
    request: &Request,
) -> Result<Vec<&'a DataFragment>, CheckError> {
    let all = &snapshot.message().fragments;
    for id in &request.fragments {
        if !all.iter().any(|fragment| fragment.id == *id) {
            let ids: Vec<String> = all.iter().take(8).map(|f| f.id.to_string()).collect();
            let more = if all.len() > 8 { ", …" } else { "" };
            let known = match all.len() {
                0 => "it has no fragments".to_string(),
                1 => format!("its only fragment is {}", ids.join("")),
                many => format!("it has {many}: {}{more}", ids.join(", ")),
            };
            return Err(CheckError(format!(
                "version {} of {} has no fragment {id}; {known}",
                snapshot.version(),
                snapshot.root
            )));
        }
    }
    let wanted = |fragment: &&DataFragment| {
        request.fragments.is_empty() || request.fragments.contains(&fragment.id)
    };
    let chosen: Vec<&DataFragment> = all
        .iter()
        .filter(wanted)
        .filter(|fragment| parts.has_fragment(fragment))
        .collect();
    if chosen.is_empty() && !request.fragments.is_empty() {
        return Err(CheckError(format!(
            "nothing of {} matches: the named files are in other fragments than --fragment",
            snapshot.root
        )));
    }
    Ok(chosen)
}

fn facts(snapshot: &Snapshot) -> DatasetFacts {
    let message = snapshot.message();
    let labels = |word| flags(word).iter().map(Flag::label).collect();
    let overlaid = |fragment: &&DataFragment| !fragment.overlays.is_empty();
    DatasetFacts {
        version: snapshot.version(),
        manifest: snapshot.entry.path.clone(),
        naming: snapshot.entry.naming,
        total_fragments: message.fragments.len() as u64,
        branch: message.branch.clone().filter(|branch| !branch.is_empty()),
        writer: snapshot.writer(),
        storage_version: message
            .data_format
            .as_ref()
            .map(|format| format.version.clone()),
        reader_flags: labels(message.reader_feature_flags),
        writer_flags: labels(message.writer_feature_flags),
        base_paths: message
            .base_paths
            .iter()
            .map(|b| (b.id, b.path.clone()))
            .collect(),
        overlaid_fragments: message.fragments.iter().filter(overlaid).count() as u64,
    }
}

/// What is the same for all fragments of a run.
struct Run<'a> {
    storage: &'a dyn Storage,
    snapshot: &'a Snapshot,
    parts: &'a Parts,
    wanted: &'a Wanted,
    learnt: &'a [Learnt],
    renamed: &'a OnceLock<bool>,
}

/// What a thread knows of the files that it has read: equal parts are parsed, compared and judged
/// once. Threads that shared it would wait for each other at every page.
#[derive(Debug, Default)]
struct Learnt {
    caches: Caches,
    compared: Compared,
}

impl Run<'_> {
    fn fragment(&self, fragment: &DataFragment) -> FragmentResult {
        let thread = rayon::current_thread_index().unwrap_or(0);
        match self.learnt.get(thread) {
            Some(learnt) => self.fragment_by(fragment, learnt),
            None => self.fragment_by(fragment, &Learnt::default()),
        }
    }

    fn fragment_by(&self, fragment: &DataFragment, learnt: &Learnt) -> FragmentResult {
        let mut findings = Findings::default();
        let mut result = FragmentResult {
            id: fragment.id,
            rows: fragment.physical_rows,
            ..FragmentResult::default()
        };
        let deletion = self.deletion(fragment, &mut result);
        if fragment.files.is_empty() {
            result.empty = true;
            self.judge(fragment, deletion.as_ref(), &[], &mut findings);
            result.findings = findings;
            return result;
        }
        let fields = self.snapshot.schema.fields.len();
        let mut present = vec![false; fields];
        let mut whole = true;
        let mut rows_seen = None;
        let mut held = Vec::new();
        for entry in &fragment.files {
            if !self.parts.has_file(fragment, entry) {
                whole = false;
                continue;
            }
            let mut of_file = Findings::default();
            let rows = self.file(
                learnt,
                fragment,
                entry,
                &mut present,
                &mut held,
                &mut result,
                &mut of_file,
            );
            rows_seen = rows_seen.or(rows);
            findings.merge(of_file.fold(cascade::fold));
        }
        if whole {
            let absent = present
                .iter()
                .enumerate()
                .filter(|(at, here)| !**here && self.wanted.has(*at));
            result.absent = absent.map(|(at, _)| at).collect();
        }
        let schema = &self.snapshot.schema;
        let absent: Vec<Absence> = result
            .absent
            .iter()
            .map(|at| Absence {
                at: *at,
                in_file: schema.fields.get(*at).and_then(|field| {
                    let mut held = held.iter();
                    held.find(|(_, in_file)| {
                        in_file
                            .by_id(field.id)
                            .is_some_and(|other| other.name == field.name)
                    })
                    .map(|(name, _): &(String, Arc<FieldTree>)| name.clone())
                }),
            })
            .collect();
        self.judge(fragment, deletion.as_ref(), &absent, &mut findings);
        // The first Lance releases left the row count to the files.
        if result.rows == 0 {
            result.rows = rows_seen.unwrap_or(0);
        }
        result.findings = findings.fold(cascade::fold);
        result
    }

    fn judge(
        &self,
        fragment: &DataFragment,
        deletion: Option<&DeletionState>,
        absent: &[Absence],
        findings: &mut Findings,
    ) {
        let view = FragmentView {
            snapshot: self.snapshot,
            fragment,
            deletion,
            absent,
        };
        for rule in RULES {
            rule.fragment(&view, findings);
        }
    }

    fn deletion(
        &self,
        fragment: &DataFragment,
        result: &mut FragmentResult,
    ) -> Option<DeletionState> {
        let file = fragment.deletion_file.as_ref()?;
        let name = deletion_name(fragment.id, file);
        let path = format!("{DELETIONS}/{name}");
        let rows = self.deleted_rows(file, &path, result);
        result.deleted = rows.as_ref().copied().unwrap_or(file.num_deleted_rows);
        Some(DeletionState { path, rows })
    }

    fn deleted_rows(
        &self,
        file: &DeletionFile,
        path: &str,
        result: &mut FragmentResult,
    ) -> Result<u64, DeletionFault> {
        let kind = deletion::Kind::from_number(file.file_type)
            .ok_or(DeletionFault::UnknownType(file.file_type))?;
        let root = self
            .snapshot
            .base_root(file.base_id)
            .map_err(DeletionFault::Base)?;
        let fault = |error: StorageError| match error {
            StorageError::NotFound | StorageError::NotDirectory => DeletionFault::Missing,
            error => DeletionFault::Unreadable(format!("cannot be read ({error})")),
        };
        let location = root.join(path);
        let tail = self
            .storage
            .tail(&location, MAX_SIDE_FILE_BYTES)
            .map_err(fault)?;
        result.bytes = result.bytes.saturating_add(tail.size);
        if tail.size > MAX_SIDE_FILE_BYTES {
            return Err(DeletionFault::Unreadable(format!(
                "has {} bytes; lance-lint reads {MAX_SIDE_FILE_BYTES} at most",
                tail.size
            )));
        }
        deletion::count(kind, &tail.bytes).map_err(DeletionFault::Unreadable)
    }

    /// Looks at one data file; returns its rows when it says.
    fn file(
        &self,
        learnt: &Learnt,
        fragment: &DataFragment,
        entry: &DataFileEntry,
        present: &mut [bool],
        held: &mut Vec<(String, Arc<FieldTree>)>,
        result: &mut FragmentResult,
        findings: &mut Findings,
    ) -> Option<u64> {
        result.files += 1;
        let (location, name) = file_place(self.snapshot, entry);
        let state = match location {
            Err(error) => Err(FileFault::Base(error)),
            // Lance escapes such a path and does not find it.
            Ok(_) if entry.path.split('/').any(|part| part == "..") => Err(FileFault::Unreadable(
                Unreadable::Storage(StorageError::NotFound),
            )),
            Ok(location) => self.open(&learnt.caches, &location, entry),
        };
        match &state {
            Ok(data) => {
                result.bytes = result.bytes.saturating_add(data.size());
                result.versions.push(file::version_text(data));
            }
            Err(FileFault::Unreadable(
                Unreadable::NotLance { size, .. } | Unreadable::TooShort { size, .. },
            )) => result.bytes = result.bytes.saturating_add(*size),
            Err(_) => {}
        }
        let placed = match &state {
            Ok(data) => data.version.map(|version| {
                let schema = &self.snapshot.schema;
                join(
                    schema,
                    &entry.fields,
                    &entry.column_indices,
                    version,
                    data.num_columns(),
                )
            }),
            Err(_) => None,
        };
        let placed = placed.unwrap_or_default();
        let view = FileView {
            snapshot: Some(self.snapshot),
            fragment: Some(fragment),
            entry: Some(entry),
            name: &name,
            state: state.as_ref(),
            placed: &placed,
        };
        for rule in RULES {
            rule.file(&view, findings);
        }
        let Ok(data) = &state else {
            self.claim(entry, present, result);
            return None;
        };
        held.extend(data.schema.clone().map(|schema| (name.clone(), schema)));
        let Some(version) = data.version else {
            self.claim(entry, present, result);
            return data.rows;
        };
        self.columns(learnt, &view, data, version, present, result, findings);
        data.rows
    }

    fn open(
        &self,
        caches: &Caches,
        location: &Location,
        entry: &DataFileEntry,
    ) -> Result<DataFile, FileFault> {
        let raw =
            read(self.storage, location, entry.file_size_bytes).map_err(FileFault::Unreadable)?;
        let mut data = DataFile::new(raw, caches);
        data.load_legacy_pages(self.storage, location, entry.fields.iter().copied());
        Ok(data)
    }

    /// Fields of an unreadable file are not missing from the fragment.
    fn claim(&self, entry: &DataFileEntry, present: &mut [bool], result: &mut FragmentResult) {
        let schema = &self.snapshot.schema;
        let mut claimed = vec![false; schema.fields.len()];
        for id in entry.fields.iter().filter(|id| **id >= 0) {
            let Some(at) = schema.index_of(*id) else {
                continue;
            };
            // What is below a claimed field was claimed with it.
            if claimed.get(at).copied().unwrap_or(true) {
                continue;
            }
            for below in schema.subtree(at) {
                if let Some(slot) = claimed.get_mut(below).filter(|slot| !**slot) {
                    *slot = true;
                    result.unreadable.push(below);
                }
                if let Some(slot) = present.get_mut(below) {
                    *slot = true;
                }
            }
            for above in schema.ancestors(at) {
                if let Some(slot) = present.get_mut(above) {
                    *slot = true;
                }
            }
        }
    }

    fn columns(
        &self,
        learnt: &Learnt,
        view: &FileView<'_>,
        data: &DataFile,
        version: FileVersion,
        present: &mut [bool],
        result: &mut FragmentResult,
        findings: &mut Findings,
    ) {
        for (at, placement) in view.placed.iter().enumerate() {
            if let Some(slot) = present
                .get_mut(at)
                .filter(|_| *placement != Placement::Absent)
            {
                *slot = true;
            }
        }
        let walk = Walk {
            view,
            data,
            version,
            schema: &self.snapshot.schema,
            wanted: self.wanted,
            caches: &learnt.caches,
            compared: &learnt.compared,
            renamed: self.renamed,
            storage: self.storage,
            judged: view.entry.and_then(stated_version) == Some(version),
        };
        let gone = columns::go(&walk, findings);
        result.cells.extend(gone.cells);
        result.above.extend(gone.above);
        result.unreadable.extend(gone.unreadable);
    }
}
