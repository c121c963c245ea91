//! All versions of a dataset that still have a manifest: those of its own line and those of its
//! branches (lance `dataset/refs.rs`).

use super::snapshot::{ManifestEntry, Naming, OpenError, Snapshot, TagContents, list_manifests};
use super::target::{BRANCHES, TRANSACTIONS, VERSIONS};
use crate::format::MAGIC;
use crate::format::limits::{MAX_SECTION_BYTES, MAX_SIDE_FILE_BYTES};
use crate::format::manifest;
use crate::format::proto::lance::table::Transaction;
use crate::storage::{Location, Storage};
use prost::Message;

/// Deepest folder below `tree` in which branches are looked for: a name may hold slashes.
const MOST_DEPTH: usize = 8;

/// A line of versions: the dataset's own, or that of a branch.
#[derive(Debug)]
pub struct Line {
    /// The branch; `None` for the dataset's own line.
    pub branch: Option<String>,
    /// Where its `_versions` are.
    pub root: Location,
    /// Its manifests, by version; detached ones last.
    pub manifests: Vec<ManifestEntry>,
}

/// A name for a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The name.
    pub name: String,
    /// The branch whose version it is; `None` for the dataset's own line.
    pub branch: Option<String>,
    /// The version.
    pub version: u64,
}

/// The lines of a dataset, its own first.
///
/// # Errors
/// A sentence, when the storage refuses access.
pub fn lines(storage: &dyn Storage, root: &Location) -> Result<Vec<Line>, OpenError> {
    let mut lines = vec![line(storage, root.clone(), None)?];
    let tree = root.join(BRANCHES);
    let mut folders = vec![(tree, String::new(), 0)];
    let mut found = Vec::new();
    while let Some((folder, name, depth)) = folders.pop() {
        let entries = storage.list(&folder).unwrap_or_default();
        if !name.is_empty() && entries.iter().any(|e| e.is_dir && e.name == VERSIONS) {
            found.push((name, folder));
            continue;
        }
        if depth < MOST_DEPTH {
            let below = entries.iter().filter(|entry| entry.is_dir);
            folders.extend(below.map(|entry| {
                let name = match name.is_empty() {
                    true => entry.name.clone(),
                    false => format!("{name}/{}", entry.name),
                };
                (folder.join(&entry.name), name, depth + 1)
            }));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    for (name, folder) in found {
        lines.push(line(storage, folder, Some(name))?);
    }
    Ok(lines)
}

fn line(storage: &dyn Storage, root: Location, branch: Option<String>) -> Result<Line, OpenError> {
    let mut manifests = list_manifests(storage, &root)?;
    // Of two names for one version either may be the right one.
    manifests.sort_by_key(|entry| {
        let detached = entry.naming == Naming::Detached;
        (detached, entry.version, entry.naming)
    });
    Ok(Line {
        branch,
        root,
        manifests,
    })
}

/// The tags of a dataset, by name. What is no tag is left out.
pub fn tags(storage: &dyn Storage, root: &Location) -> Vec<Tag> {
    let folder = root.join("_refs/tags");
    let entries = storage.list(&folder).unwrap_or_default();
    let named = entries.iter().filter_map(|entry| {
        let name = entry.name.strip_suffix(".json")?;
        let tail = storage.tail(&folder.join(&entry.name), MAX_SIDE_FILE_BYTES);
        let contents: TagContents = serde_json::from_slice(&tail.ok()?.bytes).ok()?;
        Some(Tag {
            name: name.to_string(),
            branch: contents.branch,
            version: contents.version,
        })
    });
    named.collect()
}

/// Tags whose version has no manifest, or one that does not end as manifests do.
pub fn lost_tags(storage: &dyn Storage, root: &Location) -> Vec<Tag> {
    let lost = |tag: &Tag| {
        let root = match &tag.branch {
            Some(branch) => root.join(BRANCHES).join(branch),
            None => root.clone(),
        };
        let manifests = list_manifests(storage, &root).unwrap_or_default();
        let mut of_version = manifests
            .iter()
            .filter(|entry| entry.version == tag.version);
        !of_version.any(|entry| {
            let tail = storage.tail(&root.join(&entry.path), MAGIC.len() as u64);
            tail.is_ok_and(|tail| tail.bytes == MAGIC.as_slice())
        })
    };
    tags(storage, root).into_iter().filter(lost).collect()
}

/// What a commit did, by the name that Lance gives the operation; `None` where no record of it is
/// left.
pub fn operation(storage: &dyn Storage, snapshot: &Snapshot) -> Option<&'static str> {
    transaction(storage, snapshot).and_then(|transaction| operation_of(&transaction))
}

/// The record of the commit that made a version: in its manifest file, else in a file of its own.
pub fn transaction(storage: &dyn Storage, snapshot: &Snapshot) -> Option<Transaction> {
    let location = snapshot.root.join(&snapshot.entry.path);
    if let Ok(Some(transaction)) =
        manifest::read_transaction(storage, &location, &snapshot.manifest)
    {
        return Some(transaction);
    }
    let name = &snapshot.message().transaction_file;
    if name.is_empty() || name.contains('/') {
        return None;
    }
    let location = snapshot.root.join(TRANSACTIONS).join(name);
    let tail = storage.tail(&location, MAX_SECTION_BYTES).ok()?;
    Transaction::decode(tail.bytes).ok()
}

/// The operation of a transaction (lance-table `transaction.proto`).
pub fn operation_of(transaction: &Transaction) -> Option<&'static str> {
    let operations = [
        ("Append", &transaction.append),
        ("Delete", &transaction.delete),
        ("Overwrite", &transaction.overwrite),
        ("CreateIndex", &transaction.create_index),
        ("Rewrite", &transaction.rewrite),
        ("Merge", &transaction.merge),
        ("Restore", &transaction.restore),
        ("ReserveFragments", &transaction.reserve_fragments),
        ("Update", &transaction.update),
        ("Project", &transaction.project),
        ("UpdateConfig", &transaction.update_config),
        ("DataReplacement", &transaction.data_replacement),
        ("UpdateMemWalState", &transaction.update_mem_wal_state),
        ("Clone", &transaction.cloned),
        ("UpdateBases", &transaction.update_bases),
        ("DataOverlay", &transaction.data_overlay),
    ];
    let mut operations = operations.iter();
    operations
        .find(|(_, present)| present.is_some())
        .map(|(name, _)| *name)
}
