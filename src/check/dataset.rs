//! A snapshot of a dataset: every fragment, data file and column of it.

use crate::error::Error;
use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, OnceLock};

use crate::hash::HashMap;
use rayon::prelude::*;
use roaring::RoaringBitmap;

use super::column_stats::{FieldReport, Wanted};
use super::columns::{self, SchemaComparisons, Walk};
use super::decodable::Decodable;
use super::file::{self, errors_of_index_file};
use super::part::Part;
use super::scan_result::{Cost, FragmentResult, Outside, Renamed, ScanResult};
use super::select::{Sampled, choose};
use super::{DatasetFacts, Progress, Request, SubjectKind, SubjectReport, counted};
use crate::finding::{Finding, Findings, Severity};
use crate::format::data_file::{RawFile, Unreadable, read};
use crate::format::deletion;
use crate::format::legacy::is_legacy;
use crate::format::limits::{MAX_FOLDERS, MAX_SIDE_FILE_BYTES};
use crate::format::manifest::UnreadableManifest;
use crate::format::proto::lance::table::data_fragment::{
    CreatedAtVersionSequence, LastUpdatedAtVersionSequence, RowIdSequence,
};
use crate::format::proto::lance::table::data_overlay_file::Coverage;
use crate::format::proto::lance::table::{DataFile as DataFileEntry, DataFragment, DeletionFile};
use crate::format::row_ids::{RowIds, RowVersions};
use crate::format::sniff::Looks;
use crate::model::data_file::{Caches, DataFile};
use crate::model::flags::{Flag, flags};
use crate::model::history::{self, Counts};
use crate::model::index::{INDICES, Index};
use crate::model::join::{Placement, join};
use crate::model::readers::{OLD_LAYOUTS, Readers, readers};
use crate::model::refs::Refs;
use crate::model::schema::FieldTree;
use crate::model::snapshot::{self, BaseError, Naming, Opened, Snapshot, stated_version};
use crate::model::target::{DATA, DELETIONS, Scope};
use crate::model::version::FileVersion;
use crate::rules::{
    Absence, ColumnTotal, DatasetView, DeletionFault, DeletionState, FILE_RULES, FRAGMENT_RULES,
    FieldSource, FieldView, FileFault, FileView, FragmentView, IndexEnd, IndexFile, IndexState,
    OverlayState, RULES, RowIdsOf, WholeView, fixes, known_bug, suppress,
};
use crate::storage::{Location, StopReason, Storage, StorageError, WatchedStorage};

/// Fragments that are read at a time before their results are added up. Bounds the memory of
/// results and keeps all cores busy.
const FRAGMENTS_AT_ONCE: usize = 1024;

/// Deepest folder below that of an index in which its files are looked for.
const MAX_INDEX_DEPTH: usize = 4;

/// Most files of a segment of an index whose ends are read.
const MAX_INDEX_ENDS: usize = 64;

/// Most fragments that are not worth a thread pool.
const FRAGMENTS_ALONE: usize = 4;

/// Checks a dataset, or parts of it: *open → scan → finish*. Data files that were named and are not in
/// the snapshot become subjects of their own.
pub fn check(
    storage: &dyn Storage,
    root: &Location,
    scope: Scope,
    request: &Request,
) -> Result<Vec<SubjectReport>, Error> {
    let dataset = OpenDataset::open(storage, root, scope, request)?;
    match dataset.scan(storage, request)? {
        Some(scan) => dataset.finish(storage, request, scan),
        None => dataset.finish_without_manifest(storage, request),
    }
}

/// The fragments that were checked, the share of them that was sampled, and notes.
pub(super) struct Scan {
    pub result: ScanResult,
    pub sampled: Option<Sampled>,
    pub notes: Vec<String>,
}

/// A dataset whose manifest was looked for, with what the rules of datasets found.
pub(super) struct OpenDataset {
    root: Location,
    scope: Scope,
    opened: Opened,
    indices: Vec<IndexState>,
    findings: Findings,
    /// The tags and branches that were not read, and why: sentences.
    not_read: Vec<String>,
    /// What of the snapshot is to be checked; `None` without a manifest that can be read.
    selected: Option<(Parts, Wanted)>,
}

impl OpenDataset {
    /// Reads the manifest, tags, branches and the ends of index files.
    pub(super) fn open(
        storage: &dyn Storage,
        root: &Location,
        scope: Scope,
        request: &Request,
    ) -> Result<Self, Error> {
        let manifest = scope.manifest(&request.selection);
        let opened = snapshot::open(storage, root, &request.selection, manifest)?;
        let mut findings = Findings::default();
        let indices = match &opened.snapshot {
            Some(snapshot) => indices(storage, snapshot, &mut KnownFiles::default()),
            None => Vec::new(),
        };
        let snapshot = opened.snapshot.as_ref();
        let lost_transaction = snapshot.and_then(|s| history::lost_transaction(storage, s));
        let before = || {
            let version = snapshot?.entry.version.checked_sub(1)?;
            let mut entries = opened.manifests.iter();
            let entry = entries.find(|e| e.version == version && e.naming != Naming::Detached)?;
            let before = Snapshot::open(storage, &opened.root, entry.clone()).ok()?;
            Some(Counts::of(&before))
        };
        let refs = Refs::read(storage, root);
        let view = DatasetView {
            snapshot,
            broken: &opened.broken,
            versions: &opened.versions,
            manifests: &opened.manifests,
            indices: &indices,
            bad_refs: &refs.bad,
            lost_tags: &history::lost_tags(storage, root, refs.tags),
            lost_branches: &history::lost_branches(storage, root, &opened.root),
            lost_transaction: lost_transaction.as_ref(),
            operation: &|| history::operation(storage, snapshot?),
            before: &|read| read.then(&before).flatten(),
        };
        for rule in RULES {
            rule.dataset(&view, &mut findings);
        }
        if let Some(halt) = storage.meter().halted() {
            return Err(super::ended(halt, &format!("before {root} was looked at")));
        }
        let selected = match snapshot {
            None => None,
            Some(snapshot) => {
                let place = snapshot.root.to_string();
                let wanted = Wanted::new(&snapshot.schema, &request.columns, &place)?;
                Some((Parts::new(snapshot, &scope), wanted))
            }
        };
        Ok(Self {
            root: root.clone(),
            scope,
            opened,
            indices,
            findings,
            not_read: refs.not_read,
            selected,
        })
    }

    /// The version that is checked; `None` without a manifest that can be read.
    pub(super) fn snapshot(&self) -> Option<&Snapshot> {
        self.opened.snapshot.as_ref()
    }

    /// Checks the fragments that were asked for; `None` without a manifest.
    fn scan(&self, storage: &dyn Storage, request: &Request) -> Result<Option<Scan>, Error> {
        let (Some(snapshot), Some((parts, wanted))) = (self.snapshot(), &self.selected) else {
            return Ok(None);
        };
        let chosen = choose(snapshot, parts, request)?;
        let positions = &chosen.positions;
        let progress = request.progress.as_deref();
        let result = walk(storage, snapshot, parts, wanted, positions, progress);
        let (seen, all) = (result.fragments(), positions.len() as u64);
        let cut = storage.meter().halted().filter(|_| seen < all);
        let cut = cut.map(|halt| match halt {
            StopReason::Failed(_) => super::seen_of(seen, all),
            halt => format!("{halt}: {}", super::seen_of(seen, all)),
        });
        Ok(Some(Scan {
            result,
            sampled: chosen.sampled,
            notes: cut.into_iter().chain(chosen.note).collect(),
        }))
    }

    /// Judges the dataset as a whole by what the fragments came to. A scan may be one that was made
    /// in parts, elsewhere.
    pub(super) fn finish(
        mut self,
        storage: &dyn Storage,
        request: &Request,
        scan: Scan,
    ) -> Result<Vec<SubjectReport>, Error> {
        let (Some(snapshot), Some((parts, wanted))) = (&self.opened.snapshot, self.selected) else {
            return Ok(Vec::new());
        };
        let opened = &self.opened;
        let known = Known {
            indices: &self.indices,
            versions: opened.versions.len(),
            has_detached: opened
                .manifests
                .iter()
                .any(|entry| entry.naming == Naming::Detached),
        };
        let part = (request.keep_parts && parts.data_files.is_none())
            .then(|| Part::new(&self.root, &self.scope, request, snapshot, &scan.result));
        let mut report = conclude(
            snapshot,
            &parts,
            &wanted,
            request,
            &known,
            scan.result,
            self.findings,
        );
        report.part = part;
        report.sampled = scan.sampled;
        report.notes = scan.notes;
        report.bytes = report.bytes.saturating_add(broken_bytes(opened));
        if let Some(broken) = opened.broken.first() {
            report.notes.push(format!(
                "version {} cannot be read; what follows is version {}, the newest that can",
                broken.entry.version,
                snapshot.version()
            ));
        }
        report.notes.extend(self.not_read);
        report.notes.extend(parts.note());
        let mut subjects = vec![report];
        for name in &parts.unlisted {
            let location = opened.root.join(DATA).join(name);
            let mut unlisted = file::check(storage, &location, request, false)?;
            if storage.meter().halted().is_some() {
                break;
            }
            unlisted.notes.push(format!(
                "version {} of {} does not name this file; it is compared with its own schema",
                snapshot.version(),
                self.root
            ));
            subjects.push(unlisted);
        }
        if request.decode {
            let files = chosen_files(snapshot, &parts, request)?;
            let snapshot = self.opened.snapshot.take();
            let decodable = snapshot.map(|s| Decodable::dataset(s, files, wanted));
            if let Some(report) = subjects.first_mut() {
                report.decodable = decodable;
            }
        }
        Ok(subjects)
    }

    /// Checks the data files by their own schemas, where no manifest can be read.
    fn finish_without_manifest(
        self,
        storage: &dyn Storage,
        request: &Request,
    ) -> Result<Vec<SubjectReport>, Error> {
        let subjects = lost(storage, &self.opened, self.findings, request)?;
        match storage.meter().halted() {
            None => Ok(subjects),
            Some(halt) => {
                let when = format!("before all of {} was read", self.root);
                Err(super::ended(halt, &when))
            }
        }
    }
}

/// The files of the folders of indices that were listed before: an index never changes.
pub(crate) type KnownFiles = HashMap<String, Option<Vec<IndexFile>>>;

/// The indices of a snapshot, and what is there of their files.
pub(crate) fn indices(
    storage: &dyn Storage,
    snapshot: &Snapshot,
    known: &mut KnownFiles,
) -> Vec<IndexState> {
    let listed = snapshot.manifest.indices.read();
    let listed = listed.map_or(&[][..], |section| section.indices.as_slice());
    let states = listed.iter().map(|message| {
        let index = Index::new(message);
        IndexState {
            files: index_files(storage, snapshot, &index, known),
            index,
        }
    });
    states.collect()
}

/// The files of an index with their bytes, those in folders of its own included; `None` where they
/// cannot be looked for or need not be there.
fn index_files(
    storage: &dyn Storage,
    snapshot: &Snapshot,
    index: &Index,
    known: &mut KnownFiles,
) -> Option<Vec<IndexFile>> {
    // What Lance keeps for itself stands in the manifest file as a rule.
    if index.is_internal() && index.files.is_empty() {
        return None;
    }
    let uuid = index.uuid.as_ref().ok()?;
    let root = snapshot.base_root(index.base_id).ok()?;
    let folder = root.join(INDICES).join(uuid);
    let key = folder.to_string();
    if let Some(files) = known.get(&key) {
        return files.clone();
    }
    let files = files_below(storage, &folder);
    known.insert(key, files.clone());
    files
}

/// The files of a folder of an index; `None` where it cannot be listed.
fn files_below(storage: &dyn Storage, folder: &Location) -> Option<Vec<IndexFile>> {
    let mut files = Vec::new();
    // Those above first: a link may lead back up, and another beside it too.
    let mut folders = VecDeque::from([String::new()]);
    for _ in 0..MAX_FOLDERS {
        let Some(below) = folders.pop_front() else {
            break;
        };
        let listed = match below.as_str() {
            "" => storage.list(folder),
            below => storage.list(&folder.join(below)),
        };
        match listed {
            Ok(entries) => {
                for entry in entries {
                    let name = format!("{below}{}", entry.name);
                    match entry.is_dir {
                        true if below.matches('/').count() < MAX_INDEX_DEPTH => {
                            folders.push_back(format!("{name}/"));
                        }
                        true => {}
                        false => files.push(IndexFile {
                            name,
                            size: entry.size,
                            end: IndexEnd::Unread,
                            errors: Vec::new(),
                        }),
                    }
                }
            }
            Err(StorageError::NotFound | StorageError::NotDirectory) => {}
            Err(_) => return None,
        }
    }
    let looked_at = files.iter_mut().filter(|file| is_lance(&file.name));
    let looked_at: Vec<&mut IndexFile> = looked_at.take(MAX_INDEX_ENDS).collect();
    let look = |file: &mut IndexFile| {
        (file.end, file.errors) = look_at(storage, &folder.join(&file.name));
    };
    match looked_at.len() {
        0..=2 => looked_at.into_iter().for_each(look),
        _ => looked_at.into_par_iter().for_each(look),
    }
    Some(files)
}

/// Whether a file of an index is to be a Lance file.
fn is_lance(name: &str) -> bool {
    name.ends_with(".lance") || name.ends_with(".idx")
}

/// What a file of an index ends with, and what is wrong with it if that is the end of a Lance file.
fn look_at(storage: &dyn Storage, location: &Location) -> (IndexEnd, Vec<Finding>) {
    match read(storage, location, 0) {
        Ok(raw) => {
            let (major, minor) = raw.version;
            // The first format of vector indices has no schema.
            let errors = match is_legacy(raw.version) && location.file_name() == "index.idx" {
                true => Vec::new(),
                false => errors_of_index_file(storage, location, raw),
            };
            (IndexEnd::Lance(major, minor), errors)
        }
        Err(Unreadable::NotLance { looks, .. }) => (IndexEnd::Other(looks), Vec::new()),
        Err(Unreadable::TooShort { .. }) => (IndexEnd::Other(Looks::Unknown), Vec::new()),
        Err(Unreadable::Storage(_)) => (IndexEnd::Unread, Vec::new()),
    }
}

/// What is known of a dataset beside one snapshot's fragments.
struct Known<'a> {
    indices: &'a [IndexState],
    versions: usize,
    has_detached: bool,
}

/// The data files that a check of these parts looks at, as indices of fragments and of files in them.
pub(crate) fn files(
    snapshot: &Snapshot,
    scope: &Scope,
    request: &Request,
) -> Result<Vec<(usize, usize)>, Error> {
    chosen_files(snapshot, &Parts::new(snapshot, scope), request)
}

/// The data files that are looked at, as indices of fragments and of files in them.
pub(crate) fn chosen_files(
    snapshot: &Snapshot,
    parts: &Parts,
    request: &Request,
) -> Result<Vec<(usize, usize)>, Error> {
    let mut files = Vec::new();
    for at in choose(snapshot, parts, request)?.positions {
        let Some(fragment) = snapshot.message().fragments.get(at) else {
            continue;
        };
        let entries = fragment.files.iter().enumerate();
        let entries = entries.filter(|(_, entry)| parts.has_file(fragment, entry));
        files.extend(entries.map(|(entry, _)| (at, entry)));
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
) -> Result<Vec<SubjectReport>, Error> {
    let asked = !request.selection.is_latest();
    // In a checkout without Git LFS the data files are pointers too, and say nothing more.
    let without_lfs = opened.broken.iter().any(|broken| {
        matches!(
            broken.error,
            UnreadableManifest::NotManifest {
                looks: Looks::LfsPointer { .. },
                ..
            }
        )
    });
    let note = match (opened.versions.first(), opened.versions.last()) {
        (Some(first), Some(last)) if asked && first != last => format!(
            "the version asked for cannot be read; {} versions from {first} to {last} are there",
            opened.versions.len()
        ),
        _ if without_lfs => "no manifest can be read; the data files are not looked at".to_string(),
        _ => "no manifest can be read; the data files are compared with their own schemas"
            .to_string(),
    };
    let data = opened.root.join(DATA);
    let entries = storage.list(&data).unwrap_or_default();
    let mut subjects = vec![SubjectReport {
        path: opened.root.to_string(),
        kind: SubjectKind::UnreadableDataset,
        fragments: 0,
        data_files: 0,
        physical_rows: 0,
        deleted_rows: 0,
        bytes: broken_bytes(opened),
        outside: Outside::default(),
        file_versions: Vec::new(),
        fields: Vec::new(),
        findings: findings.into_sorted(),
        sampled: None,
        notes: vec![note],
        ignored: Vec::new(),
        whole: false,
        location: opened.root.clone(),
        fail_on: Severity::Error,
        decodable: None,
        part: None,
    }];
    let files = entries
        .iter()
        .filter(|e| !asked && !without_lfs && !e.is_dir && e.name.ends_with(".lance"));
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
pub(crate) struct Parts {
    /// Data file paths; `None` for all.
    data_files: Option<BTreeSet<String>>,
    /// Fragments that a named deletion file belongs to.
    fragments: BTreeSet<u64>,
    /// Named data files that the snapshot does not list.
    unlisted: Vec<String>,
}

impl Parts {
    pub(crate) fn new(snapshot: &Snapshot, scope: &Scope) -> Self {
        let Scope::Parts {
            data_files,
            deletion_files,
        } = scope
        else {
            return Self {
                data_files: None,
                fragments: BTreeSet::new(),
                unlisted: Vec::new(),
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
            unlisted: named
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

    pub(crate) fn has_fragment(&self, fragment: &DataFragment) -> bool {
        self.data_files.is_none()
            || self.fragments.contains(&fragment.id)
            || fragment
                .files
                .iter()
                .any(|entry| self.has_file(fragment, entry))
    }

    fn note(&self) -> Option<String> {
        let named = self.data_files.as_ref()?;
        let files = named.len() - self.unlisted.len();
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

pub(crate) fn deletion_name(fragment: u64, file: &DeletionFile) -> String {
    let extension =
        deletion::Kind::from_number(file.file_type).map_or("?", |kind| kind.extension());
    format!("{fragment}-{}-{}.{extension}", file.read_version, file.id)
}

/// Looks at the chosen fragments, as far as the run goes on.
fn walk(
    storage: &dyn Storage,
    snapshot: &Snapshot,
    parts: &Parts,
    wanted: &Wanted,
    positions: &[usize],
    progress: Option<&Progress>,
) -> ScanResult {
    let pool = super::pool_for(storage, snapshot.places());
    // A few fragments are read before a thread pool is up, unless each read waits for a store.
    let waits = storage.concurrency(&snapshot.root).is_some() || pool.is_some();
    let alone = positions.len() <= FRAGMENTS_ALONE && !waits;
    let learnt = ThreadCaches::of_threads(alone);
    let renamed = OnceLock::new();
    let run = Run {
        storage,
        snapshot,
        parts,
        wanted,
        learnt: &learnt,
        renamed: &renamed,
        progress,
    };
    let fragments = &snapshot.message().fragments;
    let result = |at: &usize| Some((*at, run.fragment(fragments.get(*at)?)?));
    let before = Cost::so_far(storage);
    let mut told = 0;
    let mut gathered = ScanResult::default();
    if let Some(progress) = progress {
        progress.begin(positions.len());
    }
    let mut add = |results: Vec<Option<(usize, FragmentResult)>>| {
        for (at, result) in results.into_iter().flatten() {
            gathered.add(at, result);
        }
        if let Some(progress) = progress {
            let found = gathered.findings();
            progress.found(found - told);
            told = found;
        }
    };
    if alone {
        add(positions.iter().map(result).collect());
    } else {
        let mut last = Vec::new();
        for batch in positions.chunks(FRAGMENTS_AT_ONCE) {
            let mut results = Vec::new();
            // While a batch is looked at, the one before it is added up.
            let look = |_: &rayon::Scope<'_>| results = batch.par_iter().map(result).collect();
            match &pool {
                Some(pool) => pool.in_place_scope(|scope| {
                    scope.spawn(look);
                    add(last);
                }),
                None => rayon::in_place_scope(|scope| {
                    scope.spawn(look);
                    add(last);
                }),
            }
            last = results;
        }
        add(last);
    }
    let shared = renamed.get().map(|renamed| renamed.cost);
    gathered.shared = shared.unwrap_or_default();
    gathered.own = Cost::so_far(storage) - before - gathered.shared;
    gathered
}

/// Judges a snapshot by its schema and by what its fragments came to.
fn conclude(
    snapshot: &Snapshot,
    parts: &Parts,
    wanted: &Wanted,
    request: &Request,
    known: &Known<'_>,
    gathered: ScanResult,
    mut findings: Findings,
) -> SubjectReport {
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
    let looked_at = gathered.fragments();
    let ScanResult {
        stretches,
        tally,
        versions,
        row_ids,
        totals,
        ..
    } = gathered;
    for stretch in stretches {
        findings.merge(stretch.findings);
    }
    let row_ids: Vec<Arc<RowIdsOf>> = row_ids.into_values().collect();
    let fields = tally.into_fields(&snapshot.schema, wanted);
    let known_versions: Vec<FileVersion> = versions
        .keys()
        .filter_map(|name| FileVersion::from_name(name))
        .collect();
    let encodings = fields.iter().flat_map(|field| &field.encodings);
    let readers = readers(
        snapshot,
        known.has_detached,
        &known_versions,
        encodings.filter_map(|stored| Some((stored.version, stored.encoding.as_deref()?))),
        OLD_LAYOUTS
            .iter()
            .copied()
            .filter(|layout| findings.has_cause(layout.cause)),
    );
    let columns: Vec<ColumnTotal> = fields.iter().map(column_total).collect();
    let whole = WholeView {
        snapshot,
        complete: parts.data_files.is_none()
            && request.columns.is_empty()
            && looked_at == snapshot.message().fragments.len() as u64,
        row_ids: &row_ids,
        physical_rows: totals.physical_rows,
        deleted_rows: totals.deleted_rows,
        stored: totals.stored,
        versions: known.versions,
        indices: known.indices,
        columns: &columns,
        readers: &readers,
        asked_readers: &request.readers,
    };
    for rule in RULES {
        rule.whole(&whole, &mut findings);
    }
    let complete = whole.complete;
    let mut report = SubjectReport {
        path: snapshot.root.to_string(),
        kind: SubjectKind::Dataset(Box::new(facts(snapshot, readers))),
        fragments: looked_at,
        data_files: totals.data_files,
        physical_rows: totals.physical_rows,
        deleted_rows: totals.deleted_rows,
        bytes: totals.bytes.saturating_add(snapshot.manifest.size),
        outside: totals.outside,
        file_versions: versions.into_iter().collect(),
        fields,
        findings: findings.into_sorted(),
        sampled: None,
        notes: Vec::new(),
        ignored: Vec::new(),
        whole: complete && request.selection.is_latest(),
        location: snapshot.root.clone(),
        fail_on: Severity::Error,
        decodable: None,
        part: None,
    };
    fixes::settle(&mut report.findings, snapshot, known.indices, complete);
    known_bug::annotate(&mut report.findings, snapshot);
    report.give_verdicts();
    report
}

fn column_total(field: &FieldReport) -> ColumnTotal {
    let encodings = field.encodings.iter();
    let (pages, bytes) = encodings.fold((0, 0u64), |(pages, bytes), encoding| {
        (pages + encoding.pages, bytes.saturating_add(encoding.bytes))
    });
    ColumnTotal {
        path: field.path.clone(),
        pages,
        bytes,
    }
}

fn facts(snapshot: &Snapshot, readers: Readers) -> DatasetFacts {
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
        readers,
        overlaid_fragments: message.fragments.iter().filter(overlaid).count() as u64,
    }
}

/// What was found in a fragment, and its row ids.
pub(crate) type Walked = (Findings, Option<Arc<RowIdsOf>>);

/// Looks at fragments of several versions, and remembers for each schema what was learnt.
#[derive(Debug, Default)]
pub(crate) struct FragmentChecker {
    learnt: RefCell<HashMap<u64, Arc<Vec<ThreadCaches>>>>,
    renamed: OnceLock<Renamed>,
}

impl FragmentChecker {
    /// What is found in fragments of a version, one by one; `schema` tells schemas apart. Of a
    /// version that lacks a column which was asked for, nothing is.
    pub(crate) fn fragments(
        &self,
        storage: &dyn Storage,
        snapshot: &Snapshot,
        schema: u64,
        fragments: &[&DataFragment],
        request: &Request,
    ) -> Vec<Walked> {
        let root = snapshot.root.to_string();
        let Ok(wanted) = Wanted::new(&snapshot.schema, &request.columns, &root) else {
            return fragments.iter().map(|_| Walked::default()).collect();
        };
        let learnt = self
            .learnt
            .borrow_mut()
            .entry(schema)
            .or_insert_with(|| Arc::new(ThreadCaches::of_threads(false)))
            .clone();
        let parts = Parts::new(snapshot, &Scope::Whole);
        let run = Run {
            storage,
            snapshot,
            parts: &parts,
            wanted: &wanted,
            learnt: &learnt,
            renamed: &self.renamed,
            progress: None,
        };
        let result = |fragment: &&DataFragment| {
            let result = run.fragment(fragment).unwrap_or_default();
            (result.findings, result.row_ids)
        };
        match fragments.len() <= FRAGMENTS_ALONE {
            true => fragments.iter().map(result).collect(),
            false => fragments.par_iter().map(result).collect(),
        }
    }
}

/// What is the same for all fragments of a run.
struct Run<'a> {
    storage: &'a dyn Storage,
    snapshot: &'a Snapshot,
    parts: &'a Parts,
    wanted: &'a Wanted,
    learnt: &'a [ThreadCaches],
    renamed: &'a OnceLock<Renamed>,
    progress: Option<&'a Progress>,
}

/// What a thread knows of the files that it has read: equal parts are parsed, compared and judged
/// once. Threads that shared it would wait for each other at every page.
#[derive(Debug, Default)]
struct ThreadCaches {
    caches: Caches,
    compared: SchemaComparisons,
}

impl ThreadCaches {
    /// One for each thread that can work at once. Threads beyond that wait for a store.
    fn of_threads(alone: bool) -> Vec<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = match alone {
            true => 1,
            false => rayon::current_num_threads().min(cores),
        };
        (0..threads).map(|_| Self::default()).collect()
    }
}

/// What has been seen of a fragment so far.
struct Seen {
    /// For each field of the schema, whether a file has it.
    present: Vec<bool>,
    /// The schemas of the files themselves, with their names.
    held: Vec<(String, Arc<FieldTree>)>,
    result: FragmentResult,
}

/// What is wrong with the rows that an overlay covers.
fn uncovered(
    coverage: Option<&Coverage>,
    fields: usize,
    rows: u64,
) -> Option<(String, &'static str)> {
    let bitmaps: &[bytes::Bytes] = match coverage {
        None => {
            return Some((
                "does not say which rows it covers".to_string(),
                "does not open: DataOverlayFile is missing its coverage",
            ));
        }
        Some(Coverage::SharedOffsetBitmap(bitmap)) => std::slice::from_ref(bitmap),
        Some(Coverage::FieldCoverage(coverage)) => {
            let bitmaps = &coverage.offset_bitmaps;
            if bitmaps.len() != fields {
                let told = bitmaps.len();
                return Some((
                    format!("says of {told} fields which rows it covers, and holds {fields}"),
                    "fails: overlay per-field coverage has … bitmaps",
                ));
            }
            bitmaps
        }
    };
    bitmaps.iter().find_map(|bytes| {
        let bitmap = match RoaringBitmap::deserialize_from(bytes.as_ref()) {
            Ok(bitmap) => bitmap,
            Err(error) => {
                return Some((
                    format!("covers rows by a bitmap that does not decode ({error})"),
                    "does not open: failed to deserialize overlay coverage bitmap",
                ));
            }
        };
        let last = bitmap
            .max()
            .filter(|last| rows > 0 && u64::from(*last) >= rows)?;
        Some((
            format!("covers row {last} of a fragment of {rows}"),
            "passes over the value silently",
        ))
    })
}

/// How many row versions of each kind the manifest stores for a fragment.
fn row_versions(fragment: &DataFragment) -> Vec<(&'static str, Result<RowVersions, String>)> {
    let created = match &fragment.created_at_version_sequence {
        Some(CreatedAtVersionSequence::InlineCreatedAtVersions(bytes)) => Some(bytes),
        _ => None,
    };
    let updated = match &fragment.last_updated_at_version_sequence {
        Some(LastUpdatedAtVersionSequence::InlineLastUpdatedAtVersions(bytes)) => Some(bytes),
        _ => None,
    };
    let kinds = [("created_at", created), ("last_updated_at", updated)];
    kinds
        .into_iter()
        .filter_map(|(kind, bytes)| Some((kind, RowVersions::decode(bytes?))))
        .collect()
}

impl Run<'_> {
    /// What looking at a fragment came to; `None` where the run came to its end before, since what
    /// was not read would look damaged.
    fn fragment(&self, fragment: &DataFragment) -> Option<FragmentResult> {
        let meter = self.storage.meter();
        if meter.halted().is_some() {
            return None;
        }
        let watched = WatchedStorage::new(self.storage);
        let run = Run {
            storage: &watched,
            ..*self
        };
        let thread = rayon::current_thread_index().unwrap_or(0);
        let learnt = thread.checked_rem(self.learnt.len());
        let result = match learnt.and_then(|at| self.learnt.get(at)) {
            Some(learnt) => run.fragment_by(fragment, learnt),
            None => run.fragment_by(fragment, &ThreadCaches::default()),
        };
        if let Some(progress) = self.progress {
            progress.step();
        }
        // What a store failed at is known to it alone: what was read of it is not told apart.
        let failed = matches!(meter.halted(), Some(StopReason::Failed(_)));
        (!failed && !watched.was_refused()).then_some(result)
    }

    fn fragment_by(&self, fragment: &DataFragment, learnt: &ThreadCaches) -> FragmentResult {
        let mut result = FragmentResult {
            rows: fragment.physical_rows,
            ..FragmentResult::default()
        };
        let deletion = self.deletion(fragment, &mut result);
        let fields = self.snapshot.schema.fields.len();
        let mut seen = Seen {
            present: vec![false; fields],
            held: Vec::new(),
            result,
        };
        let mut whole = true;
        let mut rows_seen = None;
        let mut findings = Findings::default();
        let mut ahead = self.read_ahead(fragment).into_iter();
        for entry in &fragment.files {
            if !self.parts.has_file(fragment, entry) {
                whole = false;
                continue;
            }
            let mut of_file = Findings::default();
            let raw = ahead.next();
            let rows = self.file(learnt, fragment, (entry, raw), &mut seen, &mut of_file);
            rows_seen = rows_seen.or(rows);
            findings.merge(of_file.fold(suppress::fold));
        }
        let Seen {
            present,
            held,
            mut result,
        } = seen;
        result.empty = fragment.files.is_empty();
        if whole && !result.empty {
            let absent = present
                .iter()
                .enumerate()
                .filter(|(at, here)| !**here && self.wanted.has(*at));
            result.absent = absent.map(|(at, _)| at).collect();
        }
        let absent: Vec<Absence> = result
            .absent
            .iter()
            .map(|at| self.absence(*at, &held))
            .collect();
        let row_ids = match &fragment.row_id_sequence {
            Some(RowIdSequence::InlineRowIds(bytes)) => Some(RowIds::decode(bytes)),
            _ => None,
        };
        let view = FragmentView {
            snapshot: self.snapshot,
            fragment,
            deletion: deletion.as_ref(),
            row_ids: row_ids
                .as_ref()
                .map(|ids| ids.as_ref().map_err(String::as_str)),
            row_versions: &row_versions(fragment),
            overlays: &self.overlays(fragment),
            held: &held,
            absent: &absent,
        };
        for rule in FRAGMENT_RULES {
            rule.fragment(&view, &mut findings);
        }
        // The first Lance releases left the row count to the files.
        if result.rows == 0 {
            result.rows = rows_seen.unwrap_or(0);
        }
        result.row_ids = row_ids.and_then(Result::ok).map(|ids| {
            Arc::new(RowIdsOf {
                fragment: fragment.id,
                ids,
                deleted: deletion.and_then(|deletion| deletion.rows.ok()),
            })
        });
        result.findings = findings.fold(suppress::fold);
        result
    }

    /// What can be told of the overlay files of a fragment (lance-table `format/overlay.rs`).
    fn overlays(&self, fragment: &DataFragment) -> Vec<OverlayState> {
        let states = fragment.overlays.iter().map(|overlay| {
            let Some(file) = &overlay.data_file else {
                return OverlayState {
                    name: "overlay".to_string(),
                    fault: Some((
                        "has no data file".to_string(),
                        "does not open: DataOverlayFile is missing its data_file",
                    )),
                };
            };
            let (location, name) = file_place(self.snapshot, file);
            let there = match location {
                Ok(location) => match self.storage.is_dir(&location) {
                    Ok(None) => Some((
                        "is not there".to_string(),
                        "fails: Not found: …/data/….lance",
                    )),
                    _ => None,
                },
                Err(BaseError::Unknown(id)) => Some((
                    format!(
                        "is said to be behind base path {id}, which the manifest does not have"
                    ),
                    "fails: base_path id … not found",
                )),
                Err(BaseError::NotFollowed) => None,
            };
            let fault = there.or_else(|| {
                uncovered(
                    overlay.coverage.as_ref(),
                    file.fields.len(),
                    fragment.physical_rows,
                )
            });
            OverlayState { name, fault }
        });
        states.collect()
    }

    /// A field that no file is said to hold, with the file that holds it by its own schema.
    fn absence(&self, at: usize, held: &[(String, Arc<FieldTree>)]) -> Absence {
        let field = self.snapshot.schema.fields.get(at);
        let in_file = field.and_then(|field| {
            let same = |in_file: &FieldTree| {
                in_file
                    .by_id(field.id)
                    .is_some_and(|other| other.name == field.name)
            };
            let found = held.iter().find(|(_, in_file)| same(in_file));
            found.map(|(name, _)| name.clone())
        });
        let under_other_id = field.and_then(|field| {
            held.iter().find_map(|(name, in_file)| {
                let mut fields = in_file.fields.iter();
                let other = fields.find(|other| {
                    other.path == field.path
                        && other.type_text == field.type_text
                        && other.id != field.id
                })?;
                Some((name.clone(), other.id))
            })
        });
        Absence {
            at,
            in_file,
            under_other_id,
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
        let listed = rows.as_ref().map(RoaringBitmap::len);
        result.deleted = listed.unwrap_or(file.num_deleted_rows);
        Some(DeletionState {
            path,
            stated: file.num_deleted_rows,
            rows,
        })
    }

    fn deleted_rows(
        &self,
        file: &DeletionFile,
        path: &str,
        result: &mut FragmentResult,
    ) -> Result<RoaringBitmap, DeletionFault> {
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
        deletion::read(kind, &tail.bytes).map_err(DeletionFault::Unreadable)
    }

    /// The files of a fragment that are looked at, where each read waits for a store: all at once.
    fn read_ahead(&self, fragment: &DataFragment) -> Vec<Result<RawFile, Unreadable>> {
        let files = fragment.files.iter();
        let files: Vec<&DataFileEntry> = files
            .filter(|entry| self.parts.has_file(fragment, entry))
            .collect();
        if files.len() < 2 || self.storage.concurrency(&self.snapshot.root).is_none() {
            return Vec::new();
        }
        let read_one = |entry: &&DataFileEntry| match file_place(self.snapshot, entry).0 {
            Ok(location) => read(self.storage, &location, entry.file_size_bytes),
            Err(_) => Err(Unreadable::Storage(StorageError::NotFound)),
        };
        files.par_iter().map(read_one).collect()
    }

    /// Looks at one data file, which may have been read ahead; returns its rows when it says.
    fn file(
        &self,
        learnt: &ThreadCaches,
        fragment: &DataFragment,
        (entry, raw): (&DataFileEntry, Option<Result<RawFile, Unreadable>>),
        seen: &mut Seen,
        findings: &mut Findings,
    ) -> Option<u64> {
        let result = &mut seen.result;
        result.files += 1;
        let (location, name) = file_place(self.snapshot, entry);
        let state = match location {
            Err(error) => Err(FileFault::Base(error)),
            // Lance escapes such a path and does not find it.
            Ok(_) if entry.path.split('/').any(|part| part == "..") => Err(FileFault::Unreadable(
                Unreadable::Storage(StorageError::NotFound),
            )),
            Ok(location) => self.open(&learnt.caches, &location, entry, raw),
        };
        match &state {
            Ok(data) => {
                result.bytes = result.bytes.saturating_add(data.size());
                let (all, metadata) = result.stored;
                let own = data
                    .metadata_start()
                    .map_or(0, |start| data.size() - start.min(data.size()));
                result.stored = (
                    all.saturating_add(data.size()),
                    metadata.saturating_add(own),
                );
                result.versions.push(file::version_text(data));
            }
            Err(FileFault::Unreadable(
                Unreadable::NotLance { size, .. } | Unreadable::TooShort { size, .. },
            )) => result.bytes = result.bytes.saturating_add(*size),
            Err(FileFault::Unreadable(Unreadable::Storage(_))) => {
                if let Some(id) = entry.base_id {
                    self.snapshot.look_for_base(self.storage, id);
                }
            }
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
        for rule in FILE_RULES {
            rule.file(&view, findings);
        }
        let Ok(data) = &state else {
            self.claim(entry, seen);
            return None;
        };
        seen.held
            .extend(data.schema.clone().map(|schema| (name.clone(), schema)));
        let Some(version) = data.version else {
            self.claim(entry, seen);
            return data.rows;
        };
        self.columns(learnt, &view, (data, version), seen, findings);
        data.rows
    }

    fn open(
        &self,
        caches: &Caches,
        location: &Location,
        entry: &DataFileEntry,
        raw: Option<Result<RawFile, Unreadable>>,
    ) -> Result<DataFile, FileFault> {
        let raw = raw.unwrap_or_else(|| read(self.storage, location, entry.file_size_bytes));
        let raw = raw.map_err(FileFault::Unreadable)?;
        let mut data = DataFile::new(raw, caches);
        data.load_legacy_pages(self.storage, location, &entry.fields);
        Ok(data)
    }

    /// Fields of an unreadable file are not missing from the fragment.
    fn claim(&self, entry: &DataFileEntry, seen: &mut Seen) {
        let Seen {
            present, result, ..
        } = seen;
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
        learnt: &ThreadCaches,
        view: &FileView<'_>,
        (data, version): (&DataFile, FileVersion),
        seen: &mut Seen,
        findings: &mut Findings,
    ) {
        let Seen {
            present, result, ..
        } = seen;
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
        result.outside = result.outside + gone.outside(&walk);
        match result.cells.is_empty() {
            true => result.cells = gone.cells,
            false => result.cells.extend(gone.cells),
        }
        result.above.extend(gone.above);
        result.unreadable.extend(gone.unreadable);
    }
}
