//! One fragment: its data files, deletion file, overlays and row ids.

use std::sync::{Arc, OnceLock};

use rayon::prelude::*;
use roaring::RoaringBitmap;

use super::parts::Parts;
use super::parts::deletion_name;
use super::parts::file_place;
use super::scan::ThreadCaches;
use crate::check::Progress;
use crate::check::column_stats::Wanted;
use crate::check::columns::{self, Walk};
use crate::check::file::{self};
use crate::check::scan_result::{FragmentResult, Renamed};
use crate::finding::Findings;
use crate::format::data_file::{RawFile, Unreadable, read};
use crate::format::deletion;
use crate::format::limits::MAX_SIDE_FILE_BYTES;
use crate::format::proto::lance::table::data_fragment::{
    CreatedAtVersionSequence, LastUpdatedAtVersionSequence, RowIdSequence,
};
use crate::format::proto::lance::table::data_overlay_file::Coverage;
use crate::format::proto::lance::table::{DataFile as DataFileEntry, DataFragment, DeletionFile};
use crate::format::row_ids::{RowIds, RowVersions};
use crate::model::data_file::{Caches, DataFile};
use crate::model::join::{Placement, join};
use crate::model::schema::FieldTree;
use crate::model::snapshot::{BaseError, Snapshot, stated_version};
use crate::model::target::DELETIONS;
use crate::model::version::FileVersion;
use crate::rules::{
    Absence, DeletionFault, DeletionState, FILE_RULES, FRAGMENT_RULES, FileFault, FileView,
    FragmentView, OverlayState, RowIdsOf, suppress,
};
use crate::storage::{Location, StopReason, Storage, StorageError, WatchedStorage};

/// What is the same for all fragments of a run.
pub(super) struct Run<'a> {
    pub(super) storage: &'a dyn Storage,
    pub(super) snapshot: &'a Snapshot,
    pub(super) parts: &'a Parts,
    pub(super) wanted: &'a Wanted,
    pub(super) learnt: &'a [ThreadCaches],
    pub(super) renamed: &'a OnceLock<Renamed>,
    pub(super) progress: Option<&'a Progress>,
}

/// What has been seen of a fragment so far.
pub(super) struct Seen {
    /// For each field of the schema, whether a file has it.
    pub(super) present: Vec<bool>,
    /// The schemas of the files themselves, with their names.
    pub(super) held: Vec<(String, Arc<FieldTree>)>,
    pub(super) result: FragmentResult,
}

/// What is wrong with the rows that an overlay covers.
pub(super) fn uncovered(
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
pub(super) fn row_versions(
    fragment: &DataFragment,
) -> Vec<(&'static str, Result<RowVersions, String>)> {
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
    pub(super) fn fragment(&self, fragment: &DataFragment) -> Option<FragmentResult> {
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

    pub(super) fn fragment_by(
        &self,
        fragment: &DataFragment,
        learnt: &ThreadCaches,
    ) -> FragmentResult {
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
    pub(super) fn overlays(&self, fragment: &DataFragment) -> Vec<OverlayState> {
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
    pub(super) fn absence(&self, at: usize, held: &[(String, Arc<FieldTree>)]) -> Absence {
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

    pub(super) fn deletion(
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

    pub(super) fn deleted_rows(
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
    pub(super) fn read_ahead(&self, fragment: &DataFragment) -> Vec<Result<RawFile, Unreadable>> {
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
    pub(super) fn file(
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

    pub(super) fn open(
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
    pub(super) fn claim(&self, entry: &DataFileEntry, seen: &mut Seen) {
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

    pub(super) fn columns(
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
