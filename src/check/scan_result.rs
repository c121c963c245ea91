//! What looking at fragments comes to, before a dataset is judged by it: something that can be
//! gathered in several places and joined.

use std::collections::BTreeMap;
use std::ops::{Add, Range, Sub};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::column_stats::{Cell, ColumnStats};
use crate::finding::Findings;
use crate::hash::HashSet;
use crate::model::snapshot::Snapshot;
use crate::rules::RowIdsOf;
use crate::storage::{Meter, Storage};

/// What looking at one fragment came to.
#[derive(Default)]
pub(super) struct FragmentResult {
    pub files: u64,
    pub bytes: u64,
    /// Bytes of data files, and those of them that are metadata.
    pub stored: (u64, u64),
    pub outside: Outside,
    pub rows: u64,
    pub deleted: u64,
    pub versions: Vec<String>,
    pub cells: Vec<Cell>,
    pub empty: bool,
    pub absent: Vec<usize>,
    pub above: Vec<usize>,
    pub unreadable: Vec<usize>,
    pub row_ids: Option<Arc<RowIdsOf>>,
    pub findings: Findings,
}

/// What looking at some fragments came to. Fragments are known by where they stand in the manifest.
#[derive(Debug, Default)]
pub(super) struct ScanResult {
    /// What was found, for each stretch of fragments that stand one behind another. What is found
    /// in several fragments is told of the first, so the order counts.
    pub stretches: Vec<FragmentRun>,
    /// What their columns hold.
    pub tally: ColumnStats,
    /// File versions and how many data files are of each.
    pub versions: BTreeMap<String, u64>,
    /// The row ids of those that store some.
    pub row_ids: BTreeMap<usize, Arc<RowIdsOf>>,
    /// Their sums.
    pub totals: Totals,
    /// What was read for each of them.
    pub own: Cost,
    /// What was read once for all of them.
    pub shared: Cost,
}

/// Fragments that stand one behind another in the manifest.
#[derive(Debug)]
pub(super) struct FragmentRun {
    /// Where they stand.
    pub positions: Range<usize>,
    /// What was found in them.
    pub findings: Findings,
}

/// Sums over fragments.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(super) struct Totals {
    pub data_files: u64,
    pub bytes: u64,
    /// Bytes of data files, and those of them that are metadata.
    pub stored: (u64, u64),
    #[serde(default)]
    pub outside: Outside,
    pub physical_rows: u64,
    pub deleted_rows: u64,
}

/// Bytes of data files that are neither metadata nor in the pages of a column of the schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outside {
    /// Those of files that hold blobs, whose values stand outside pages.
    pub with_blobs: u64,
    /// Those of other files: columns that were dropped, and padding.
    pub others: u64,
}

impl Outside {
    /// All of them.
    pub fn all(&self) -> u64 {
        self.with_blobs.saturating_add(self.others)
    }
}

impl Add for Outside {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            with_blobs: self.with_blobs.saturating_add(other.with_blobs),
            others: self.others.saturating_add(other.others),
        }
    }
}

/// What was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Cost {
    pub requests: u64,
    pub bytes: u64,
}

impl Cost {
    /// What was read through a storage so far.
    pub fn so_far(storage: &dyn Storage) -> Self {
        let meter = storage.meter();
        Self {
            requests: meter.requests(),
            bytes: meter.bytes(),
        }
    }

    /// What this thread read so far, through whatever storage.
    fn of_this_thread() -> Self {
        let (requests, bytes) = Meter::of_this_thread();
        Self { requests, bytes }
    }
}

/// The names that the dataset's transactions gave to field ids, and what it cost to know.
#[derive(Debug, Clone, Default)]
pub struct Renamed {
    /// Field ids with their names.
    pub names: HashSet<(i32, String)>,
    pub(super) cost: Cost,
}

impl Renamed {
    /// Looks for it.
    pub fn look(storage: &dyn Storage, snapshot: &Snapshot) -> Self {
        let before = Cost::of_this_thread();
        let names = snapshot.projected_names(storage);
        Self {
            names,
            cost: Cost::of_this_thread() - before,
        }
    }
}

impl Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_add(other.requests),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

impl Sub for Cost {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self {
            requests: self.requests.saturating_sub(other.requests),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }
}

impl ScanResult {
    /// Adds the next fragment; `at` is where it stands.
    pub fn add(&mut self, at: usize, result: FragmentResult) {
        let totals = &mut self.totals;
        totals.data_files += result.files;
        totals.bytes = totals.bytes.saturating_add(result.bytes);
        totals.stored.0 = totals.stored.0.saturating_add(result.stored.0);
        totals.stored.1 = totals.stored.1.saturating_add(result.stored.1);
        totals.outside = totals.outside + result.outside;
        totals.physical_rows = totals.physical_rows.saturating_add(result.rows);
        totals.deleted_rows = totals.deleted_rows.saturating_add(result.deleted);
        for version in result.versions {
            *self.versions.entry(version).or_default() += 1;
        }
        let tally = &mut self.tally;
        if result.empty {
            tally.add_empty_fragment();
        }
        let absent = result.absent.into_iter();
        absent.for_each(|field| tally.add_absent(field));
        let unreadable = result.unreadable.into_iter();
        unreadable.for_each(|field| tally.add_unreadable(field));
        let above = result.above.into_iter();
        above.for_each(|field| tally.add_above(field));
        tally.add(at, result.cells);
        self.row_ids.extend(result.row_ids.map(|ids| (at, ids)));
        match self.stretches.last_mut() {
            Some(stretch) if stretch.positions.end == at => {
                stretch.positions.end = at + 1;
                stretch.findings.merge(result.findings);
            }
            _ => self.stretches.push(FragmentRun {
                positions: at..at + 1,
                findings: result.findings,
            }),
        }
    }

    /// Takes in what came of other fragments, which may stand anywhere.
    pub fn join(&mut self, other: Self) {
        let (totals, more) = (&mut self.totals, other.totals);
        totals.data_files += more.data_files;
        totals.bytes = totals.bytes.saturating_add(more.bytes);
        totals.stored.0 = totals.stored.0.saturating_add(more.stored.0);
        totals.stored.1 = totals.stored.1.saturating_add(more.stored.1);
        totals.outside = totals.outside + more.outside;
        totals.physical_rows = totals.physical_rows.saturating_add(more.physical_rows);
        totals.deleted_rows = totals.deleted_rows.saturating_add(more.deleted_rows);
        for (version, files) in other.versions {
            *self.versions.entry(version).or_default() += files;
        }
        self.tally.join(other.tally);
        self.row_ids.extend(other.row_ids);
        self.own = self.own + other.own;
        self.shared.requests = self.shared.requests.max(other.shared.requests);
        self.shared.bytes = self.shared.bytes.max(other.shared.bytes);
        self.stretches.extend(other.stretches);
    }

    /// Puts what was joined into the order of the manifest.
    pub fn in_order(&mut self) {
        self.stretches
            .sort_by_key(|stretch| stretch.positions.start);
    }

    /// What all of it cost.
    pub fn cost(&self) -> Cost {
        self.own + self.shared
    }

    /// How many findings there are, those that several stretches have counted with each.
    pub fn findings(&self) -> usize {
        let stretches = self.stretches.iter();
        stretches.map(|stretch| stretch.findings.len()).sum()
    }

    /// How many fragments were looked at.
    pub fn fragments(&self) -> u64 {
        let stretches = self.stretches.iter();
        stretches
            .map(|stretch| stretch.positions.len() as u64)
            .sum()
    }
}
