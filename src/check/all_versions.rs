//! Every version that still has a manifest: in which each fault appears first, and who made it.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::Arc;

use prost::Message;
use rayon::prelude::*;

use super::dataset::{self, FragmentChecker, KnownFiles};
use super::{Request, SubjectReport};
use crate::error::Error;
use crate::finding::{CommitInfo, Findings, FirstSeen, Key, Remedy};
use crate::hash::{HashMap, HashSet};
use crate::model::history::{self, Counts, Line};
use crate::model::readers::readers;
use crate::model::refs::Refs;
use crate::model::snapshot::{BrokenManifest, ManifestEntry, Snapshot};
use crate::rules::{DatasetView, IndexState, RULES, RowIdsOf, WholeView, operation_inconsistent};
use crate::storage::{Location, Storage};

/// Most manifests that are read at a time.
const VERSIONS_AT_ONCE: usize = 64;

/// Bytes of manifests that are read at a time, at least one manifest. In memory they take five
/// times as much.
const BYTES_AT_ONCE: u64 = 16 * 1024 * 1024;

/// Checks all versions of a dataset and of its branches. The report is that of the latest version,
/// with what was found in any.
pub fn check(
    storage: &dyn Storage,
    root: &Location,
    request: &Request,
) -> Result<Vec<SubjectReport>, Error> {
    let lines = history::lines(storage, root)?;
    let mut subjects = dataset::check(storage, root, crate::model::target::Scope::Whole, request)?;
    let mut timeline = Timeline::default();
    // What only the whole of the latest version shows is known to be in that one.
    let latest = subjects
        .first_mut()
        .map(|report| std::mem::take(&mut report.findings));
    let mut versions = 0;
    let mut seen = 0;
    for line in &lines {
        versions += line.manifests.len();
        seen += check_line(storage, line, request, &mut timeline)?;
    }
    let tags = Refs::read_tags(storage, root).tags.len();
    if let Some(report) = subjects.first_mut() {
        let mut findings = timeline.findings;
        let mut help: HashMap<Key, Vec<Remedy>> = HashMap::default();
        for finding in latest.into_iter().flatten() {
            help.insert(finding.key(), finding.help.clone());
            if !findings.has(&finding) {
                findings.add(finding);
            }
        }
        report.findings = findings.into_sorted_with(&timeline.since);
        // What changes the newest version is advice only for what is wrong in that.
        for finding in &mut report.findings {
            match help.remove(&finding.key()) {
                Some(help) => finding.help = help,
                None => finding.help.retain(|help| help.scope.is_none()),
            }
        }
        match storage.meter().halted() {
            None => report.notes.extend(note(versions, lines.len() - 1, tags)),
            Some(halt) => {
                report.whole = false;
                report
                    .notes
                    .push(format!("{halt}: looked at: {seen} of {versions} versions"));
            }
        }
        report.give_verdicts();
    }
    Ok(subjects)
}

fn note(versions: usize, branches: usize, tags: usize) -> Option<String> {
    let mut parts = match versions {
        0 => return None,
        1 => vec!["looked at the only version that has a manifest".to_string()],
        many => vec![format!(
            "looked at all {many} versions that have a manifest"
        )],
    };
    match branches {
        0 => {}
        1 => parts.push("1 branch among them".to_string()),
        many => parts.push(format!("{many} branches among them")),
    }
    match tags {
        0 => {}
        1 => parts.push("1 tag".to_string()),
        many => parts.push(format!("{many} tags")),
    }
    Some(format!(
        "{}; the table is that of the latest",
        parts.join(", ")
    ))
}

/// What was found so far, and when.
#[derive(Default)]
struct Timeline {
    findings: Findings,
    /// Hashes fragments and schemas. Two of one hash are taken for one, so the key is a secret of
    /// the run.
    hashing: RandomState,
    since: HashMap<Key, FirstSeen>,
    /// What a fragment came to beside a schema, and its row ids, by their bytes.
    fragments: HashMap<u64, (Vec<Key>, Option<Arc<RowIdsOf>>)>,
    /// The files of indices that were listed.
    index_files: KnownFiles,
    /// What the version before counts.
    before: Option<Counts>,
    /// What is known of lost rows that are still missing.
    lasting: Vec<Key>,
}

/// Looks at the versions of a line, one by one; returns how many those are.
fn check_line(
    storage: &dyn Storage,
    line: &Line,
    request: &Request,
    timeline: &mut Timeline,
) -> Result<usize, Error> {
    let mut seen = 0;
    timeline.before = None;
    timeline.lasting.clear();
    let walker = FragmentChecker::default();
    let last = line.manifests.last().map(|entry| entry.version);
    let versions: Vec<u64> = line.manifests.iter().map(|entry| entry.version).collect();
    let mut rest = line.manifests.as_slice();
    // How large they are shows with the first; versions mostly differ little from the one before.
    let mut at_once = 1;
    while !rest.is_empty() {
        let (batch, later) = rest.split_at_checked(at_once).unwrap_or((rest, &[]));
        rest = later;
        let opened: Vec<(ManifestEntry, Result<Snapshot, _>)> = batch
            .par_iter()
            .map(|entry| {
                (
                    entry.clone(),
                    Snapshot::open(storage, &line.root, entry.clone()),
                )
            })
            .collect();
        // What was not read before the run ended would look damaged.
        if storage.meter().halted().is_some() {
            return Ok(seen);
        }
        at_once = at_once_of(&opened);
        for (entry, opened) in opened {
            let is_last = Some(entry.version) == last;
            match opened {
                Ok(snapshot) => {
                    version(
                        storage, line, &snapshot, &walker, request, is_last, timeline,
                    )?;
                }
                Err(error) => {
                    let version = entry.version;
                    let broken = [BrokenManifest { entry, error }];
                    let view = DatasetView {
                        snapshot: None,
                        broken: &broken,
                        versions: &versions,
                        manifests: &[],
                        indices: &[],
                        bad_refs: &[],
                        lost_tags: &[],
                        lost_branches: &[],
                        lost_transaction: None,
                        operation: &|| None,
                        before: &|_| None,
                    };
                    let mut found = Findings::default();
                    for rule in RULES {
                        rule.dataset(&view, &mut found);
                    }
                    let moment = CommitInfo {
                        version,
                        branch: line.branch.clone(),
                        writer: None,
                        operation: None,
                    };
                    let keys = timeline.add(found);
                    timeline.seen(keys, is_last, || moment.clone());
                }
            }
            if storage.meter().halted().is_some() {
                return Ok(seen);
            }
            seen += 1;
        }
    }
    Ok(seen)
}

/// How many manifests like these are read at a time.
fn at_once_of<E>(opened: &[(ManifestEntry, Result<Snapshot, E>)]) -> usize {
    let sizes = opened.iter().filter_map(|(_, opened)| opened.as_ref().ok());
    let largest = sizes.map(|snapshot| snapshot.manifest.size).max();
    let fit = BYTES_AT_ONCE / largest.unwrap_or_default().max(1);
    usize::try_from(fit).map_or(VERSIONS_AT_ONCE, |fit| fit.clamp(1, VERSIONS_AT_ONCE))
}

fn version(
    storage: &dyn Storage,
    line: &Line,
    snapshot: &Snapshot,
    walker: &FragmentChecker,
    request: &Request,
    is_last: bool,
    timeline: &mut Timeline,
) -> Result<(), Error> {
    let indices = dataset::indices(storage, snapshot, &mut timeline.index_files);
    let before = timeline.before.replace(Counts::of(snapshot));
    let lost_transaction = history::lost_transaction(storage, snapshot);
    let operation = || history::operation(storage, snapshot);
    let view = DatasetView {
        snapshot: Some(snapshot),
        broken: &[],
        versions: &[],
        manifests: &line.manifests,
        indices: &indices,
        bad_refs: &[],
        lost_tags: &[],
        lost_branches: &[],
        lost_transaction: lost_transaction.as_ref(),
        operation: &operation,
        before: &|_| before.clone(),
    };
    let mut found = Findings::default();
    for rule in RULES {
        rule.dataset(&view, &mut found);
    }
    let schema = schema_hash(snapshot, &timeline.hashing);
    let message = snapshot.message();
    let hashes: Vec<u64> = message
        .fragments
        .par_iter()
        .map(|fragment| {
            let mut hasher = timeline.hashing.build_hasher();
            schema.hash(&mut hasher);
            fragment.encode_to_vec().hash(&mut hasher);
            hasher.finish()
        })
        .collect();
    let unseen: Vec<(u64, &_)> = hashes
        .iter()
        .copied()
        .zip(&message.fragments)
        .filter(|(hash, _)| !timeline.fragments.contains_key(hash))
        .collect();
    let fragments: Vec<_> = unseen.iter().map(|(_, fragment)| *fragment).collect();
    let checked = walker.fragments(storage, snapshot, schema, &fragments, request);
    if storage.meter().halted().is_some() {
        return Ok(());
    }
    let lasting = operation_inconsistent::lasting(&found);
    let mut keys = timeline.add(found);
    // Rows that a commit lost are missing until the rows are others.
    if !timeline.lasting.is_empty() && matches!(operation(), Some("Overwrite" | "Restore")) {
        timeline.lasting.clear();
    }
    timeline.lasting.extend(lasting);
    keys.extend(timeline.lasting.iter().cloned());
    for ((hash, _), (found, row_ids)) in unseen.iter().zip(checked) {
        let of_fragment = timeline.add(found);
        timeline.fragments.insert(*hash, (of_fragment, row_ids));
    }
    let mut all_row_ids = Vec::new();
    for (of_fragment, row_ids) in hashes
        .iter()
        .filter_map(|hash| timeline.fragments.get(hash))
    {
        keys.extend(of_fragment.iter().cloned());
        all_row_ids.extend(row_ids.clone());
    }
    if !all_row_ids.is_empty() {
        keys.extend(timeline.add(whole(snapshot, &all_row_ids, &indices)));
    }
    timeline.seen(keys, is_last, || CommitInfo {
        version: snapshot.version(),
        branch: line.branch.clone(),
        writer: snapshot.writer(),
        operation: operation(),
    });
    Ok(())
}

/// What the fragments of a version are found to be beside each other. How healthy a version is
/// matters for the latest alone.
fn whole(snapshot: &Snapshot, row_ids: &[Arc<RowIdsOf>], indices: &[IndexState]) -> Findings {
    let view = WholeView {
        snapshot,
        complete: false,
        row_ids,
        physical_rows: 0,
        deleted_rows: 0,
        stored: (0, 0),
        versions: 0,
        indices,
        columns: &[],
        readers: &readers(snapshot, false, &[], std::iter::empty(), std::iter::empty()),
        asked_readers: &[],
    };
    let mut found = Findings::default();
    for rule in RULES {
        rule.whole(&view, &mut found);
    }
    found
}

/// All of a manifest that what is found in a fragment depends on, besides the fragment.
fn schema_hash(snapshot: &Snapshot, hashing: &RandomState) -> u64 {
    let mut hasher = hashing.build_hasher();
    let message = snapshot.message();
    for field in &message.fields {
        field.encode_to_vec().hash(&mut hasher);
    }
    for base in &message.base_paths {
        base.encode_to_vec().hash(&mut hasher);
    }
    message.writer_version.is_some().hash(&mut hasher);
    let format = message.data_format.as_ref();
    format.map(|format| &format.version).hash(&mut hasher);
    hasher.finish()
}

impl Timeline {
    /// Takes findings in and says what they are known by.
    fn add(&mut self, found: Findings) -> Vec<Key> {
        let keys = found.keys();
        self.findings.merge(found);
        keys
    }

    /// Notes what is in a version.
    fn seen(&mut self, keys: Vec<Key>, is_last: bool, moment: impl Fn() -> CommitInfo) {
        let mut here: HashSet<Key> = HashSet::default();
        let mut now: Option<CommitInfo> = None;
        for key in keys {
            if here.contains(&key) {
                continue;
            }
            here.insert(key.clone());
            match self.since.get_mut(&key) {
                Some(since) => {
                    since.versions += 1;
                    since.in_latest |= is_last;
                }
                None => {
                    let first = now.get_or_insert_with(&moment).clone();
                    let since = FirstSeen {
                        first,
                        versions: 1,
                        in_latest: is_last,
                    };
                    self.since.insert(key, since);
                }
            }
        }
    }
}
