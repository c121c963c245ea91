//! Broken input of every kind: no panic, no allocation beyond a limit, bounded time.
//!
//! Every truncation length of small manifests and data files, and thousands of random edits of
//! manifests, footers and column metadata. Seeded, so a failure can be run again.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use lance_lint::Error;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use cap::Cap;
use common::{fixtures, root};
use lance_lint::check::{Report, Request, check};
use lance_lint::report::{json, text};
use rayon::prelude::*;

use lance_lint::storage::{Entry, Location, Meter, NotFollowed, Storage, StorageError, Tail};

/// Memory that checking a fixture of a few KB may take, whatever it says of itself.
const MEMORY_LIMIT: usize = 256 * 1024 * 1024;

#[global_allocator]
static ALLOCATOR: Cap<std::alloc::System> = Cap::new(std::alloc::System, usize::MAX);

/// A dataset in memory, one file of which can be changed at will.
#[derive(Debug, Clone, Default)]
struct Memory {
    files: Arc<BTreeMap<PathBuf, Bytes>>,
    changed: Option<(PathBuf, Option<Bytes>)>,
    meter: Arc<Meter>,
}

impl Memory {
    fn load(dataset: &str) -> Self {
        let mut files = BTreeMap::new();
        add(&root().join(dataset), &mut files);
        Self {
            files: Arc::new(files),
            changed: None,
            meter: Arc::default(),
        }
    }

    /// The same dataset with another content of one file, or without it.
    fn with(&self, path: &Path, content: Option<Bytes>) -> Self {
        Self {
            files: self.files.clone(),
            changed: Some((path.to_path_buf(), content)),
            meter: Arc::default(),
        }
    }

    fn get(&self, location: &Location) -> Result<&Bytes, StorageError> {
        self.content(local(location)).ok_or(StorageError::NotFound)
    }

    fn content(&self, path: &Path) -> Option<&Bytes> {
        match &self.changed {
            Some((changed, content)) if changed == path => content.as_ref(),
            _ => self.files.get(path),
        }
    }
}

fn add(directory: &Path, files: &mut BTreeMap<PathBuf, Bytes>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            add(&path, files);
        } else {
            files.insert(path.clone(), Bytes::from(std::fs::read(path).unwrap()));
        }
    }
}

impl Storage for Memory {
    fn tail(&self, location: &Location, want: u64) -> Result<Tail, StorageError> {
        let bytes = self.get(location)?;
        let start = bytes
            .len()
            .saturating_sub(usize::try_from(want).unwrap_or(usize::MAX));
        Ok(Tail {
            size: bytes.len() as u64,
            bytes: bytes.slice(start..),
        })
    }

    fn range(&self, location: &Location, range: Range<u64>) -> Result<Bytes, StorageError> {
        let bytes = self.get(location)?;
        let size = bytes.len() as u64;
        if range.end > size || range.start > range.end {
            return Err(StorageError::OutOfRange { range, size });
        }
        Ok(bytes.slice(usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()))
    }

    fn list(&self, location: &Location) -> Result<Vec<Entry>, StorageError> {
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        for path in self.files.keys() {
            let Ok(below) = path.strip_prefix(local(location)) else {
                continue;
            };
            let Some(content) = self.content(path) else {
                continue;
            };
            let mut parts = below.components();
            let Some(first) = parts.next() else { continue };
            let name = first.as_os_str().to_string_lossy().into_owned();
            let is_dir = parts.next().is_some();
            let size = if is_dir { 0 } else { content.len() as u64 };
            entries.insert(
                name.clone(),
                Entry {
                    name,
                    is_dir,
                    size,
                    modified: None,
                },
            );
        }
        match entries.is_empty() {
            true => Err(StorageError::NotFound),
            false => Ok(entries.into_values().collect()),
        }
    }

    fn is_dir(&self, location: &Location) -> Result<Option<bool>, StorageError> {
        if self.content(local(location)).is_some() {
            return Ok(Some(false));
        }
        let place = local(location);
        let below = |path: &PathBuf| path != place && path.starts_with(place);
        Ok(self.files.keys().any(below).then_some(true))
    }

    fn follows(&self, _root: &Location, _base: &Location) -> Result<(), NotFollowed> {
        Ok(())
    }

    fn meter(&self) -> &Meter {
        &self.meter
    }
}

fn local(location: &Location) -> &Path {
    location.as_path().unwrap()
}

/// Checks a dataset and renders the report in every way, so that output is put to the test too.
fn run(memory: &Memory, path: &Path) -> Result<Report, Error> {
    let storage: Arc<dyn Storage> = Arc::new(memory.clone());
    let request = Request {
        paths: vec![OsString::from(path)],
        ..Request::default()
    };
    let mut report = check(&storage, &request);
    if let Some(failure) = report.failures.pop() {
        return Err(failure);
    }
    let mut sink = std::io::sink();
    let options = text::Options {
        quiet: false,
        table: true,
        findings: true,
        width: 80,
        elapsed: std::time::Duration::ZERO,
    };
    text::write(&mut sink, &report, options).expect("the sink takes everything");
    serde_json::to_writer(sink, &json::document(&report)).expect("the sink takes everything");
    Ok(report)
}

fn small_fixtures() -> Vec<String> {
    let all = fixtures().into_iter();
    all.filter(|path| root().join(path).is_dir()).collect()
}

fn limited(test: impl FnOnce()) {
    // Two tests that lower the limit at the same time would do so twice.
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        ALLOCATOR
            .set_limit(MEMORY_LIMIT)
            .expect("the limit is above what is in use");
    });
    test();
}

/// Whether all of it is to be tried, which takes minutes: with `LANCE_LINT_THOROUGH` set.
fn is_thorough() -> bool {
    std::env::var_os("LANCE_LINT_THOROUGH").is_some()
}

fn is_target(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.ends_with(".manifest") || name.ends_with(".lance") || name.contains("_deletions")
}

#[test]
fn every_truncation_is_survived() {
    limited(|| {
        // Fixtures are alike in their containers: one in ten has nearly all that can be cut.
        let stride = if is_thorough() { 3 } else { 10 };
        let fixtures: Vec<String> = small_fixtures().into_iter().step_by(stride).collect();
        fixtures.par_iter().for_each(|fixture| {
            let whole = Memory::load(fixture);
            for target in whole.files.keys().filter(|path| is_target(path)) {
                cut_at_every_length(&whole, target, fixture);
            }
        });
    });
}

fn cut_at_every_length(whole: &Memory, target: &Path, fixture: &str) {
    let bytes = &whole.files[target];
    let current = is_current(whole, target, fixture);
    // Every length of a manifest, and of the end of other files, where footers and metadata are.
    // A file that nobody reads is cut at a few lengths only.
    let (end, coarse) = match (current, target.extension().is_some_and(|e| e == "manifest")) {
        (true, true) => (0, 1),
        (true, false) => (bytes.len().saturating_sub(600), 37),
        (false, _) => (bytes.len(), 97),
    };
    for length in (0..end).step_by(coarse).chain(end..bytes.len()) {
        let cut = whole.with(target, Some(bytes.slice(..length)));
        let report = run(&cut, &root().join(fixture)).expect("damage is a finding, not an error");
        let mut findings = report.subjects.iter().map(|subject| subject.findings.len());
        assert!(
            !current || findings.any(|count| count > 0),
            "{} cut to {length} of {} bytes goes unnoticed",
            target.display(),
            bytes.len()
        );
    }
}

/// Whether removing a file altogether is noticed: then cutting it must be too.
fn is_current(whole: &Memory, target: &Path, fixture: &str) -> bool {
    match run(&whole.with(target, None), &root().join(fixture)) {
        Ok(report) => {
            let found: usize = report
                .subjects
                .iter()
                .map(|subject| subject.findings.len())
                .sum();
            let before = run(whole, &root().join(fixture)).map_or(0, |report| {
                report
                    .subjects
                    .iter()
                    .map(|subject| subject.findings.len())
                    .sum()
            });
            found > before
        }
        Err(_) => true,
    }
}

#[test]
fn random_edits_are_survived() {
    let edits_per_file = if is_thorough() { 60 } else { 10 };
    let edits = AtomicUsize::new(0);
    limited(|| {
        let fixtures = small_fixtures();
        fixtures.par_iter().enumerate().for_each(|(seed, fixture)| {
            let mut random = fastrand::Rng::with_seed(20_260_101 + seed as u64);
            let whole = Memory::load(fixture);
            for target in whole.files.keys().filter(|path| is_target(path)) {
                let bytes = &whole.files[target];
                if bytes.is_empty() {
                    continue;
                }
                for _ in 0..edits_per_file {
                    let changed = Some(Bytes::from(edit(bytes, &mut random)));
                    run(&whole.with(target, changed), &root().join(fixture))
                        .expect("damage is a finding, not an error");
                    edits.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    });
    let edits = edits.into_inner();
    assert!(edits > 5_000, "only {edits} edits");
}

/// One to four changes: a bit, a byte, an extreme number, a swap, a cut or a doubled stretch,
/// mostly in the last few hundred bytes, where metadata is.
fn edit(bytes: &Bytes, random: &mut fastrand::Rng) -> Vec<u8> {
    let mut all = bytes.to_vec();
    for _ in 0..random.usize(1..=4) {
        if all.is_empty() {
            return all;
        }
        let from = if random.u8(0..4) == 0 {
            0
        } else {
            all.len().saturating_sub(400)
        };
        let at = random.usize(from..all.len());
        match random.u8(0..7) {
            0 => all[at] ^= 1 << random.u8(0..8),
            1 => all[at] = random.u8(..),
            2 => {
                let number = [
                    0u64,
                    1,
                    u64::MAX,
                    i64::MAX as u64,
                    u64::from(u32::MAX),
                    1 << 40,
                ];
                let number = number[random.usize(0..number.len())].to_le_bytes();
                let room = all.len() - at;
                all[at..at + room.min(8)].copy_from_slice(&number[..room.min(8)]);
            }
            3 => {
                let other = random.usize(0..all.len());
                all.swap(at, other);
            }
            4 => {
                let end = (at + random.usize(1..32)).min(all.len());
                all.drain(at..end);
            }
            5 => {
                let end = (at + random.usize(1..32)).min(all.len());
                let again = all[at..end].to_vec();
                all.splice(at..at, again);
            }
            _ => {
                let end = (at + random.usize(1..16)).min(all.len());
                all[at..end].fill(0xff);
            }
        }
    }
    all
}
