//! A snapshot of a dataset: every fragment, data file and column of it.

mod finish;
mod fragment;
mod index_files;
mod parts;
mod scan;
mod without_manifest;

use crate::check::column_stats::Wanted;
use crate::check::decodable::Decodable;
use crate::check::file::{self};
use crate::check::part::Part;
use crate::check::scan_result::ScanResult;
use crate::check::select::{Sampled, choose};
use crate::check::{Request, SubjectReport};
use crate::error::Error;
use crate::finding::Findings;
use crate::model::history::{self, Counts};
use crate::model::refs::Refs;
use crate::model::snapshot::{self, Naming, Opened, Snapshot};
use crate::model::target::{DATA, Scope};
use crate::rules::{DatasetView, IndexState, RULES};
use crate::storage::{Location, StopReason, Storage};

use finish::Known;
use finish::broken_bytes;
use finish::conclude;
pub(crate) use index_files::{KnownFiles, indices};
pub(crate) use parts::{Parts, chosen_files, deletion_name, file_place, files};
pub(crate) use scan::FragmentChecker;
use scan::walk;
use without_manifest::lost;

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
            return Err(crate::check::ended(
                halt,
                &format!("before {root} was looked at"),
            ));
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
            StopReason::Failed(_) => crate::check::seen_of(seen, all),
            halt => format!("{halt}: {}", crate::check::seen_of(seen, all)),
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
                Err(crate::check::ended(halt, &when))
            }
        }
    }
}
