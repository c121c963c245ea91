//! Several checks of parts of a snapshot, joined into what one check of all of it finds. The
//! manifest is opened again; no data file is.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use roaring::RoaringBitmap;

use super::dataset::{OpenDataset, Scan};
use super::part::{self, Asked, Part, SnapshotId};
use super::scan_result::{Cost, ScanResult};
use super::{Report, Request, SubjectReport};
use crate::error::Error;
use crate::format::proto::lance::table::DataFragment;
use crate::model::snapshot::{Selection, Snapshot};
use crate::model::target::{Scope, Target, VERSIONS, resolve};
use crate::redact::without_secrets;
use crate::storage::{Location, Storage};

/// Most ranges of fragments that an error names.
const MAX_RANGES: usize = 8;

/// Takes parts in, whatever their order, and makes one report of them.
#[derive(Debug, Default)]
pub struct Merge {
    groups: Vec<Group>,
    names: Vec<String>,
}

/// The parts of one dataset.
#[derive(Debug)]
struct Group {
    /// Where it is, however that was written.
    place: Location,
    asked: Asked,
    snapshot: SnapshotId,
    /// Whose these are, as an index of names.
    first: usize,
    /// Where fragments stand that were looked at, and whose they are.
    covered: Vec<(Range<usize>, usize)>,
    gathered: ScanResult,
    deleted: BTreeMap<usize, RoaringBitmap>,
}

impl Merge {
    /// Takes in the parts of one report; `name` is what the user calls it.
    ///
    /// # Errors
    /// A sentence, when they do not go with those before.
    pub fn add(&mut self, name: &str, parts: Vec<Part>) -> Result<(), Error> {
        let own = self.names.len();
        self.names.push(name.to_string());
        for part in parts {
            self.add_part(name, own, part)?;
        }
        Ok(())
    }

    fn add_part(&mut self, name: &str, own: usize, part: Part) -> Result<(), Error> {
        let (asked, snapshot) = (part.asked.clone(), part.snapshot.clone());
        let (gathered, deleted) = part.restore().map_err(|detail| {
            Error::other(format!(
                "{name} cannot be merged: {detail}; make it again with --fragments"
            ))
        })?;
        let place = Location::parse(&OsString::from(&snapshot.root));
        let place = place.map_err(|error| {
            Error::other(format!(
                "{name} cannot be merged: it is about {}, which is {error}",
                without_secrets(&snapshot.root)
            ))
        })?;
        let place = place.normalised();
        let stretches = gathered.stretches.iter();
        let covered = stretches.map(|stretch| (stretch.positions.clone(), own));
        let covered: Vec<_> = covered.collect();
        match self.groups.iter_mut().find(|group| group.place == place) {
            Some(group) => {
                let first = self.names.get(group.first).map_or("", String::as_str);
                group.agrees(first, name, &asked, &snapshot)?;
                if group.asked.selection != asked.selection {
                    // Some named the version and others did not; it is the same.
                    group.asked.selection = snapshot.selection(&asked.selection);
                }
                group.covered.extend(covered);
                group.gathered.join(gathered);
                group.deleted.extend(deleted);
            }
            None => self.groups.push(Group {
                place,
                asked,
                snapshot,
                first: own,
                covered,
                gathered,
                deleted,
            }),
        }
        Ok(())
    }

    /// Judges what was taken in, and hands each subject over as soon as it is done. With `partial`,
    /// fragments may be in no part.
    ///
    /// # Errors
    /// Whatever `take` says first; what comes after is not judged.
    pub fn finish<E>(
        self,
        storage: &Arc<dyn Storage>,
        partial: bool,
        mut take: impl FnMut(&mut SubjectReport) -> Result<(), E>,
    ) -> Result<Report, E> {
        let mut report = Report {
            subjects: Vec::new(),
            failures: Vec::new(),
            requests: 0,
            bytes_read: 0,
            decoded: None,
            notes: Vec::new(),
            halt: None,
        };
        for group in self.groups {
            match group.judge(storage.as_ref(), &self.names, partial) {
                Ok((mut subjects, cost)) => {
                    for subject in &mut subjects {
                        take(subject)?;
                    }
                    report.subjects.append(&mut subjects);
                    report.requests += cost.requests;
                    report.bytes_read = report.bytes_read.saturating_add(cost.bytes);
                }
                Err(failure) => report.failures.push(failure),
            }
        }
        report.halt = storage.meter().halted().cloned();
        Ok(report)
    }

    /// Where the datasets are that the parts are of.
    pub fn datasets(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(|group| group.asked.dataset.as_str())
    }
}

impl SnapshotId {
    /// What chooses this version and no other, on the branch that was chosen.
    fn selection(&self, asked: &Selection) -> Selection {
        Selection {
            version: Some(self.version),
            tag: None,
            branch: asked.branch.clone(),
        }
    }
}

/// Why parts are not joined.
enum Refusal {
    /// The latest version is another one by now.
    Moved,
    /// A sentence.
    For(Error),
}

impl Group {
    /// Whether a part is of the same snapshot and the same request; `first` and `name` are what the
    /// user calls the reports.
    fn agrees(
        &self,
        first: &str,
        name: &str,
        asked: &Asked,
        snapshot: &SnapshotId,
    ) -> Result<(), Error> {
        let dataset = &self.snapshot.root;
        let (known, new) = (self.snapshot.version, snapshot.version);
        if known != new {
            return Err(Error::other(format!(
                "{first} is of version {known} of {dataset} and {name} of version {new}: check all \
                 parts with --version {}",
                known.max(new)
            )));
        }
        if self.snapshot.fingerprint != snapshot.fingerprint
            || self.snapshot.bytes != snapshot.bytes
            || self.snapshot.manifest != snapshot.manifest
        {
            return Err(Error::other(format!(
                "the manifest of version {known} of {dataset} was another one when {name} was made \
                 than when {first} was: make both again"
            )));
        }
        let differ = |option: &str, known: String, new: String| match known == new {
            true => Ok(()),
            false => Err(Error::other(format!(
                "{first} is of {known} and {name} of {new}: check all parts of {dataset} with the \
                 same {option}"
            ))),
        };
        let columns = |asked: &Asked| match asked.columns.as_slice() {
            [] => "all columns".to_string(),
            some => format!("only {}", some.join(", ")),
        };
        differ("--column", columns(&self.asked), columns(asked))?;
        let readers = |asked: &Asked| {
            let readers: Vec<String> = asked.readers.iter().map(ToString::to_string).collect();
            match readers.as_slice() {
                [] => "no reader".to_string(),
                some => format!("readers {}", some.join(", ")),
            }
        };
        differ("--reader", readers(&self.asked), readers(asked))
    }

    /// The report that a check of all its fragments makes, and what it cost all in all.
    fn judge(
        mut self,
        storage: &dyn Storage,
        names: &[String],
        partial: bool,
    ) -> Result<(Vec<SubjectReport>, Cost), Error> {
        self.gathered.in_order();
        self.covered.sort_by_key(|(range, _)| range.start);
        let cost = self.gathered.cost();
        let selections = [
            self.asked.selection.clone(),
            self.snapshot.selection(&self.asked.selection),
        ];
        for (at, selection) in selections.into_iter().enumerate() {
            let before = Cost::so_far(storage);
            let (root, scope) = self.find(storage, names)?;
            let request = Request {
                selection,
                columns: self.asked.columns.clone(),
                readers: self.asked.readers.clone(),
                ..Request::default()
            };
            let dataset = OpenDataset::open(storage, &root, scope, &request);
            let dataset = dataset.map_err(|error| self.gone(names, error.message()))?;
            let Some(snapshot) = dataset.snapshot() else {
                break;
            };
            match self.agrees_with(snapshot, names, partial) {
                Ok(note) => {
                    let mut result = std::mem::take(&mut self.gathered);
                    let deleted = std::mem::take(&mut self.deleted);
                    result.row_ids = part::row_ids(snapshot, &result.stretches, deleted);
                    let scan = Scan {
                        result,
                        sampled: None,
                        notes: Vec::from_iter(note),
                    };
                    let subjects = dataset.finish(storage, &request, scan);
                    let subjects = subjects.map_err(|error| self.gone(names, error.message()))?;
                    return Ok((subjects, Cost::so_far(storage) - before + cost));
                }
                Err(Refusal::Moved) if at == 0 => {}
                Err(Refusal::Moved) => break,
                Err(Refusal::For(error)) => return Err(error),
            }
        }
        Err(self.gone(names, "its manifest cannot be read"))
    }

    /// The dataset, where it is now.
    fn find(&self, storage: &dyn Storage, names: &[String]) -> Result<(Location, Scope), Error> {
        let path = match &self.asked.named_manifest {
            Some(manifest) => format!("{}/{VERSIONS}/{manifest}", self.asked.dataset),
            None => self.asked.dataset.clone(),
        };
        let (targets, errors) = resolve(storage, &[OsString::from(path)]);
        if let Some(error) = errors.first() {
            return Err(self.gone(names, error.message()));
        }
        match targets.into_iter().next() {
            Some(Target::Dataset { root, scope }) => Ok((root, scope)),
            _ => Err(self.gone(names, "it is no dataset")),
        }
    }

    fn gone(&self, names: &[String], why: &str) -> Error {
        Error::other(format!(
            "{} is of version {} of {}, whose manifest is needed to merge: {why}",
            self.name(names, self.first),
            self.snapshot.version,
            self.asked.dataset
        ))
    }

    fn name<'a>(&self, names: &'a [String], at: usize) -> &'a str {
        names.get(at).map_or("", String::as_str)
    }

    /// Whether the parts are of this very snapshot, and of all of it; what is to be said of them.
    fn agrees_with(
        &self,
        snapshot: &Snapshot,
        names: &[String],
        partial: bool,
    ) -> Result<Option<String>, Refusal> {
        let now = SnapshotId::new(snapshot);
        let dataset = &self.asked.dataset;
        let version = self.snapshot.version;
        if now.version != version {
            return Err(Refusal::Moved);
        }
        if (now.bytes, &now.fingerprint) != (self.snapshot.bytes, &self.snapshot.fingerprint) {
            return Err(Refusal::For(Error::other(format!(
                "the manifest of version {version} of {dataset} is another one now than when {} was \
                 made: make all parts again",
                self.name(names, self.first)
            ))));
        }
        let fragments = &snapshot.message().fragments;
        let mut missing = Vec::new();
        let mut next = 0;
        let mut last = self.first;
        for (range, own) in &self.covered {
            if range.start < next || range.end > fragments.len() {
                let both = range.start..range.end.min(next.max(range.start + 1));
                let both = ranges(fragments.get(both).unwrap_or_default().iter());
                let sentence = match self.name(names, last) == self.name(names, *own) {
                    true => format!(
                        "{} holds fragments {both} of {dataset} more than once: give each report once",
                        self.name(names, *own)
                    ),
                    false => format!(
                        "{} and {} both hold fragments {both} of {dataset}: give each part once, and \
                         make parts that do not overlap",
                        self.name(names, last),
                        self.name(names, *own)
                    ),
                };
                return Err(Refusal::For(Error::other(sentence)));
            }
            missing.extend(fragments.get(next..range.start).unwrap_or_default());
            (next, last) = (range.end, *own);
        }
        missing.extend(fragments.get(next..).unwrap_or_default());
        if missing.is_empty() {
            return Ok(None);
        }
        let absent = ranges(missing.iter().copied());
        if !partial {
            return Err(Refusal::For(Error::other(format!(
                "the parts of version {version} of {dataset} lack fragments {absent}: check those too \
                 with --fragments, or merge what there is with --partial"
            ))));
        }
        Ok(Some(format!(
            "looked at: {} of {} fragments; the parts that were merged lack {absent}",
            fragments.len() - missing.len(),
            fragments.len()
        )))
    }
}

/// The ids of fragments, as `--fragments` takes them.
fn ranges<'a>(fragments: impl Iterator<Item = &'a DataFragment>) -> String {
    let mut ids: Vec<u64> = fragments.map(|fragment| fragment.id).collect();
    ids.sort_unstable();
    let mut spans: Vec<(u64, u64)> = Vec::new();
    for id in ids {
        match spans.last_mut() {
            Some((_, end)) if id <= *end => *end = (*end).max(id.saturating_add(1)),
            _ => spans.push((id, id.saturating_add(1))),
        }
    }
    let mut text = String::new();
    for (at, (start, end)) in spans.iter().take(MAX_RANGES).enumerate() {
        let comma = if at > 0 { ", " } else { "" };
        // Writing to a text does not fail.
        let _ = write!(text, "{comma}{start}..{end}");
    }
    if spans.len() > MAX_RANGES {
        let _ = write!(text, " and {} more", spans.len() - MAX_RANGES);
    }
    text
}
