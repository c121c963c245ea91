//! Parts of a check, joined, are to the byte what one check of all of it prints.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use common::{copy, fixtures, lint, root, stderr, stdout};
use lance_lint::check::{FragmentRange, Merge, Report, Request, Sample, SampleSize, check};
use lance_lint::model::snapshot::{self, Selection};
use lance_lint::report::{json, parts};
use lance_lint::storage::{LocalStorage, Location, Meter, Storage};

/// A selection of fragments.
#[derive(Debug, Clone, Default)]
struct Share {
    ranges: Vec<FragmentRange>,
    ids: Vec<u64>,
}

impl Share {
    fn range(start: Option<u64>, end: Option<u64>) -> Self {
        Self {
            ranges: vec![FragmentRange { start, end }],
            ids: Vec::new(),
        }
    }

    fn ids(ids: &[u64]) -> Self {
        Self {
            ranges: Vec::new(),
            ids: ids.to_vec(),
        }
    }
}

fn storage() -> (Arc<dyn Storage>, Arc<Meter>) {
    let meter = Arc::new(Meter::default());
    (Arc::new(LocalStorage::new(meter.clone())), meter)
}

fn text(report: &Report) -> String {
    serde_json::to_string_pretty(&json::document(report)).unwrap()
}

fn single(request: &Request) -> Report {
    let (storage, meter) = storage();
    check(&storage, &meter, request)
}

/// What a run over a share prints.
fn part(request: &Request, share: &Share) -> String {
    let request = Request {
        fragments: share.ids.clone(),
        fragment_ranges: share.ranges.clone(),
        keep_parts: true,
        ..request.clone()
    };
    let report = single(&request);
    assert!(report.failures.is_empty(), "{:?}", report.failures);
    text(&report)
}

fn merged(reports: &[String], partial: bool) -> Report {
    let (storage, _) = storage();
    let mut merge = Merge::default();
    for (number, report) in reports.iter().enumerate() {
        for parts in parts::read(report.as_bytes()).expect("it has parts") {
            merge.add(&format!("{number}.json"), parts).unwrap();
        }
    }
    let taken: Result<Report, std::convert::Infallible> =
        merge.finish(&storage, partial, |_| Ok(()));
    taken.unwrap()
}

/// The ids of fragments in the order of the manifest; `None` without a manifest that can be read.
fn ids(path: &str) -> Option<Vec<u64>> {
    let (storage, _) = storage();
    let root = Location::from_path(path);
    let opened = snapshot::open(storage.as_ref(), &root, &Selection::default(), None).ok()?;
    let fragments = &opened.snapshot.as_ref()?.message().fragments;
    Some(fragments.iter().map(|fragment| fragment.id).collect())
}

/// Ranges that cut the ids into so many shares.
fn cut(ids: &[u64], into: usize) -> Vec<Share> {
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let bounds: Vec<u64> = (1..into)
        .map(|n| sorted[(sorted.len() * n / into).min(sorted.len() - 1)])
        .collect();
    let starts = std::iter::once(None).chain(bounds.iter().copied().map(Some));
    let ends = bounds.iter().copied().map(Some).chain([None]);
    starts.zip(ends).map(|(a, b)| Share::range(a, b)).collect()
}

/// Ways to share fragments out.
fn ways(ids: &[u64]) -> Vec<Vec<Share>> {
    let mut ways = vec![vec![Share::range(None, None)]];
    if ids.len() < 2 {
        return ways;
    }
    let mut sorted = ids.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    ways.extend([cut(ids, 2), cut(ids, 3)]);
    ways.push(sorted.iter().map(|id| Share::ids(&[*id])).collect());
    let every_other =
        |first: usize| -> Vec<u64> { sorted.iter().skip(first).step_by(2).copied().collect() };
    ways.push(
        [every_other(0), every_other(1)]
            .iter()
            .filter(|ids| !ids.is_empty())
            .map(|ids| Share::ids(ids))
            .collect(),
    );
    ways
}

fn datasets() -> Vec<String> {
    let mut all = fixtures();
    for folder in ["testdata/history", "testdata/advisories", "testdata/beyond"] {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut paths: Vec<String> = names.map(|name| format!("{folder}/{name}")).collect();
        paths.retain(|path| root().join(path).join("_versions").is_dir());
        paths.sort();
        all.extend(paths);
    }
    all.retain(|path| root().join(path).is_dir());
    all
}

#[test]
fn parts_joined_in_any_order_are_what_one_run_prints() {
    let mut several = 0;
    let mut with_findings = 0;
    for path in datasets() {
        let Some(ids) = ids(&path) else { continue };
        let request = Request {
            paths: vec![OsString::from(&path)],
            ..Request::default()
        };
        let whole = single(&request);
        let expected = text(&whole);
        several += usize::from(ids.len() > 1);
        with_findings += usize::from(ids.len() > 1 && !whole.subjects[0].findings.is_empty());
        for way in ways(&ids) {
            let mut reports: Vec<String> = way.iter().map(|share| part(&request, share)).collect();
            reports.reverse();
            let middle = reports.len() / 2;
            reports.rotate_left(middle);
            let report = merged(&reports, false);
            assert!(
                report.failures.is_empty(),
                "{path} {way:?}: {:?}",
                report.failures
            );
            assert_eq!(expected, text(&report), "{path} {way:?}");
        }
    }
    assert!(
        several > 60 && with_findings > 30,
        "{several} {with_findings}"
    );
}
