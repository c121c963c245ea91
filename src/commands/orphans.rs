//! Files of a dataset that no manifest names.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::time::{Duration, SystemTime};

use rayon::prelude::*;

use crate::check::dataset;
use crate::error::Error;
use crate::format::limits::MAX_FOLDERS;
use crate::hash::{HashMap, HashSet};
use crate::model::history::{self, Line};
use crate::model::index::{INDICES, Index};
use crate::model::snapshot::{Snapshot, parse_manifest_name};
use crate::model::target::{DATA, DELETIONS, TRANSACTIONS, Target, VERSIONS, resolve};
use crate::storage::{Entry, Location, Storage};

/// Age below which Lance takes a file that nothing names for a write in flight, and leaves it
/// (lance `dataset/cleanup.rs`).
pub const IN_FLIGHT: Duration = Duration::from_secs(7 * 24 * 3600);

/// Manifests that are read at a time.
const MANIFESTS_AT_ONCE: usize = 64;

/// Deepest folder below those of a dataset in which files are looked for.
const MAX_DEPTH: usize = 8;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A data file.
    Data,
    /// Blobs beside a data file.
    BlobSidecar,
    /// A deletion file.
    Deletion,
    /// A file of an index.
    Index,
    /// The record of a commit.
    Transaction,
    /// A file among the manifests that is none.
    Manifest,
}

impl Kind {
    /// Its word in every output.
    pub fn word(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::BlobSidecar => "blob sidecar",
            Self::Deletion => "deletion",
            Self::Index => "index",
            Self::Transaction => "transaction",
            Self::Manifest => "manifest",
        }
    }
}

/// A file that no manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Orphan {
    /// Its path below the dataset's root.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Its bytes.
    pub bytes: u64,
    /// How long ago it was written, where the storage tells.
    pub age: Option<Duration>,
}

impl Orphan {
    /// Whether Lance would take it for a write in flight.
    pub fn is_young(&self) -> bool {
        self.age.is_none_or(|age| age < IN_FLIGHT)
    }
}

/// The files of a dataset that nothing names.
#[derive(Debug)]
pub struct Orphans {
    /// The dataset.
    pub path: String,
    /// Manifests that were read.
    pub versions: u64,
    /// Branches among their lines.
    pub branches: u64,
    /// Manifests that could not be read, as paths: what they name is not known.
    pub unreadable: Vec<String>,
    /// Files that are named, and their bytes.
    pub named: (u64, u64),
    /// The files that are not, by path.
    pub files: Vec<Orphan>,
}

/// Finds the files of a dataset that no manifest of any version, tag or branch names. Reads only.
///
/// # Errors
/// A sentence, when the path is no dataset or the storage refuses access.
pub fn orphans(storage: &dyn Storage, path: OsString) -> Result<Orphans, Error> {
    let shown = path.to_string_lossy().into_owned();
    let (targets, errors) = resolve(storage, &[path]);
    if let Some(error) = errors.into_iter().next() {
        return Err(error);
    }
    let root = match targets.into_iter().next() {
        Some(Target::Dataset { root, .. }) => root,
        _ => {
            return Err(Error::other(format!(
                "{shown} is no dataset; orphans needs one"
            )));
        }
    };
    crate::check::at_once(storage, &root, || orphans_of(storage, &root))
}

fn orphans_of(storage: &dyn Storage, root: &Location) -> Result<Orphans, Error> {
    let lines = history::lines(storage, root)?;
    let mut named = Named::default();
    let mut unreadable = Vec::new();
    let mut versions = 0;
    for line in &lines {
        for batch in line.manifests.chunks(MANIFESTS_AT_ONCE) {
            let opened: Vec<_> = batch
                .par_iter()
                .map(|entry| Snapshot::open(storage, &line.root, entry.clone()))
                .collect();
            for (entry, opened) in batch.iter().zip(opened) {
                match opened {
                    Ok(snapshot) => {
                        versions += 1;
                        named.add(&snapshot);
                    }
                    Err(_) => unreadable.push(below(root, &line.root, &entry.path)),
                }
            }
        }
    }
    if versions == 0 {
        return Err(Error::other(format!(
            "no manifest of {root} can be read, so that every file of it would look like an orphan; \
             lance-lint {root} says what is wrong"
        )));
    }
    let now = SystemTime::now();
    let mut files = Vec::new();
    let mut counted = (0, 0u64);
    for line in &lines {
        for (path, kind, entry) in files_of(storage, line)? {
            if named.has(line, &path, kind) {
                counted.0 += 1;
                counted.1 = counted.1.saturating_add(entry.size);
                continue;
            }
            files.push(Orphan {
                path: below(root, &line.root, &path),
                kind,
                bytes: entry.size,
                age: entry
                    .modified
                    .map(|modified| now.duration_since(modified).unwrap_or_default()),
            });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(Orphans {
        path: root.to_string(),
        versions,
        branches: lines.len() as u64 - 1,
        unreadable,
        named: counted,
        files,
    })
}

/// A path below a line's root, as one below the dataset's.
fn below(root: &Location, line: &Location, path: &str) -> String {
    let (root, line) = (root.to_string(), line.to_string());
    match line
        .strip_prefix(root.as_str())
        .map(|rest| rest.trim_matches('/'))
    {
        Some("") | None => path.to_string(),
        Some(branch) => format!("{branch}/{path}"),
    }
}

/// What manifests name.
#[derive(Debug, Default)]
struct Named {
    /// Files by their folder, as a full path.
    files: HashMap<Location, HashSet<String>>,
    /// Folders of indices, as full paths.
    folders: HashSet<Location>,
}

impl Named {
    fn add(&mut self, snapshot: &Snapshot) {
        let message = snapshot.message();
        // Versions name much the same files in much the same folders.
        let mut folders: HashMap<(&str, Option<u32>), Option<Location>> = HashMap::default();
        for fragment in &message.fragments {
            let overlays = fragment
                .overlays
                .iter()
                .filter_map(|o| o.data_file.as_ref());
            for file in fragment.files.iter().chain(overlays) {
                let folder = folders.entry((DATA, file.base_id)).or_insert_with(|| {
                    let folder = snapshot.data_directory(file.base_id).ok()?;
                    Some(folder.normalised())
                });
                if let Some(folder) = folder {
                    self.file(folder, &file.path);
                }
            }
            if let Some(deletion) = &fragment.deletion_file {
                let folder = folders
                    .entry((DELETIONS, deletion.base_id))
                    .or_insert_with(|| {
                        let root = snapshot.base_root(deletion.base_id).ok()?;
                        Some(root.join(DELETIONS).normalised())
                    });
                if let Some(folder) = folder {
                    self.file(folder, &dataset::deletion_name(fragment.id, deletion));
                }
            }
        }
        if !message.transaction_file.is_empty() {
            let folder = snapshot.root.join(TRANSACTIONS).normalised();
            self.file(&folder, &message.transaction_file);
        }
        let indices = snapshot.manifest.indices.read();
        for message in indices.iter().flat_map(|section| &section.indices) {
            let index = Index::new(message);
            if let (Ok(uuid), Ok(root)) = (&index.uuid, snapshot.base_root(index.base_id)) {
                self.folders
                    .insert(root.join(INDICES).join(uuid).normalised());
            }
        }
    }

    fn file(&mut self, folder: &Location, path: &str) {
        let known = match self.files.get_mut(folder) {
            Some(known) => known,
            None => self.files.entry(folder.clone()).or_default(),
        };
        if !known.contains(path) {
            known.insert(path.to_string());
        }
    }

    /// Whether a path below a line's root is named: its first folder, and the rest of it.
    fn has_file(&self, line: &Line, path: &str) -> bool {
        path.split_once('/').is_some_and(|(folder, rest)| {
            let known = self.files.get(&line.root.join(folder).normalised());
            known.is_some_and(|known| known.contains(rest))
        })
    }

    fn has(&self, line: &Line, path: &str, kind: Kind) -> bool {
        match kind {
            Kind::Manifest => false,
            Kind::Index => {
                let mut parts = path.splitn(3, '/');
                match (parts.next(), parts.next()) {
                    (Some(folder), Some(uuid)) => {
                        let folder = line.root.join(folder).join(uuid).normalised();
                        self.folders.contains(&folder)
                    }
                    _ => false,
                }
            }
            Kind::BlobSidecar => {
                let folder = path.rsplit_once('/').map_or(path, |(folder, _)| folder);
                self.has_file(line, &format!("{folder}.lance"))
            }
            _ => self.has_file(line, path),
        }
    }
}

/// The files of a line that manifests are to name, with their paths below its root.
fn files_of(storage: &dyn Storage, line: &Line) -> Result<Vec<(String, Kind, Entry)>, Error> {
    let folders: BTreeMap<&str, fn(&str) -> Option<Kind>> = BTreeMap::from([
        (DATA, data_kind as fn(&str) -> Option<Kind>),
        (DELETIONS, |_| Some(Kind::Deletion)),
        (INDICES, |_| Some(Kind::Index)),
        (TRANSACTIONS, |_| Some(Kind::Transaction)),
        (VERSIONS, manifest_kind),
    ]);
    let mut found = Vec::new();
    for (folder, kind) in folders {
        let mut open = vec![(folder.to_string(), 0)];
        let mut listed = 0;
        while let Some((path, depth)) = open.pop() {
            listed += 1;
            if listed > MAX_FOLDERS {
                let location = line.root.join(folder);
                return Err(Error::other(format!(
                    "{location} has more than {MAX_FOLDERS} folders; a link in it may lead back up"
                )));
            }
            let entries = match storage.list(&line.root.join(&path)) {
                Ok(entries) => entries,
                Err(crate::storage::StorageError::NotFound) => continue,
                Err(error) => {
                    let location = line.root.join(&path);
                    return Err(Error::other(format!("cannot read {location}: {error}")));
                }
            };
            for entry in entries {
                let path = format!("{path}/{}", entry.name);
                if entry.is_dir {
                    if depth < MAX_DEPTH {
                        open.push((path, depth + 1));
                    }
                } else if let Some(kind) = kind(&path) {
                    found.push((path, kind, entry));
                }
            }
        }
    }
    Ok(found)
}

fn data_kind(path: &str) -> Option<Kind> {
    Some(match path.ends_with(".blob") {
        true => Kind::BlobSidecar,
        false => Kind::Data,
    })
}

/// Manifests name themselves; so do hints of the latest one.
fn manifest_kind(path: &str) -> Option<Kind> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let known = parse_manifest_name(name).is_some() || name.ends_with(".json");
    (!known).then_some(Kind::Manifest)
}
