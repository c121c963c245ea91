//! The fragments, one after another or side by side.

use std::cell::RefCell;
use std::sync::{Arc, OnceLock};

use rayon::prelude::*;

use super::fragment::Run;
use super::parts::Parts;
use crate::check::column_stats::Wanted;
use crate::check::columns::SchemaComparisons;
use crate::check::scan_result::{Cost, FragmentResult, Renamed, ScanResult};
use crate::check::{Progress, Request};
use crate::finding::Findings;
use crate::format::proto::lance::table::DataFragment;
use crate::hash::HashMap;
use crate::model::data_file::Caches;
use crate::model::snapshot::Snapshot;
use crate::model::target::Scope;
use crate::rules::RowIdsOf;
use crate::storage::Storage;

/// Fragments that are read at a time before their results are added up. Bounds the memory of
/// results and keeps all cores busy.
pub(super) const FRAGMENTS_AT_ONCE: usize = 1024;

/// Most fragments that are not worth a thread pool.
pub(super) const FRAGMENTS_ALONE: usize = 4;

/// Looks at the chosen fragments, as far as the run goes on.
pub(super) fn walk(
    storage: &dyn Storage,
    snapshot: &Snapshot,
    parts: &Parts,
    wanted: &Wanted,
    positions: &[usize],
    progress: Option<&Progress>,
) -> ScanResult {
    let pool = crate::check::pool_for(storage, snapshot.places());
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

/// What was found in a fragment, and its row ids.
pub(crate) type Walked = (Findings, Option<Arc<RowIdsOf>>);

/// Looks at fragments of several versions, and remembers for each schema what was learnt.
#[derive(Debug, Default)]
pub(crate) struct FragmentChecker {
    pub(super) learnt: RefCell<HashMap<u64, Arc<Vec<ThreadCaches>>>>,
    pub(super) renamed: OnceLock<Renamed>,
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

/// What a thread knows of the files that it has read: equal parts are parsed, compared and judged
/// once. Threads that shared it would wait for each other at every page.
#[derive(Debug, Default)]
pub(super) struct ThreadCaches {
    pub(super) caches: Caches,
    pub(super) compared: SchemaComparisons,
}

impl ThreadCaches {
    /// One for each thread that can work at once. Threads beyond that wait for a store.
    pub(super) fn of_threads(alone: bool) -> Vec<Self> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = match alone {
            true => 1,
            false => rayon::current_num_threads().min(cores),
        };
        (0..threads).map(|_| Self::default()).collect()
    }
}
