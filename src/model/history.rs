//! All versions of a dataset that still have a manifest: those of its own line and those of its
//! branches (lance `dataset/refs.rs`).

use prost::Message;

use super::snapshot::{ManifestEntry, Naming, Snapshot, list_manifests, ref_names};
use super::target::{BRANCHES, DATA, TRANSACTIONS, VERSIONS};
use crate::error::Error;
use crate::format::MAGIC;
use crate::format::limits::{MAX_FOLDERS, MAX_SECTION_BYTES};
use crate::format::manifest;
use crate::format::proto::lance::table::Transaction;
use crate::hash::HashMap;
use crate::storage::{Location, Storage, StorageError};

/// Deepest folder below `tree` in which branches are looked for: a name may hold slashes.
const MAX_DEPTH: usize = 8;

/// Most branches that are looked at in one run.
const MAX_BRANCHES: usize = 256;

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
pub fn lines(storage: &dyn Storage, root: &Location) -> Result<Vec<Line>, Error> {
    let mut lines = vec![line(storage, root.clone(), None)?];
    let tree = root.join(BRANCHES);
    let mut folders = vec![(tree, String::new(), 0)];
    let mut found = Vec::new();
    let mut listed = 0;
    while let Some((folder, name, depth)) = folders.pop() {
        listed += 1;
        if listed > MAX_FOLDERS {
            return Err(Error::other(format!(
                "{} has more than {MAX_FOLDERS} folders, which are no branches",
                root.join(BRANCHES)
            )));
        }
        let entries = match storage.list(&folder) {
            Ok(entries) => entries,
            Err(StorageError::NotFound | StorageError::NotDirectory) => Vec::new(),
            // Stores that list nothing are asked for manifests by name.
            Err(_) if root.as_path().is_none() => Vec::new(),
            Err(error) => return Err(Error::other(format!("cannot list {folder}: {error}"))),
        };
        if !name.is_empty() && entries.iter().any(|e| e.is_dir && e.name == VERSIONS) {
            found.push((name, folder));
            continue;
        }
        if depth < MAX_DEPTH {
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

fn line(storage: &dyn Storage, root: Location, branch: Option<String>) -> Result<Line, Error> {
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

/// A tag whose version has no manifest, or one that does not end as manifests do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostTag {
    /// The tag.
    pub tag: Tag,
    /// Whether the line of its version has no manifests at all.
    pub line_is_empty: bool,
}

/// The tags whose version cannot be opened.
pub fn lost_tags(storage: &dyn Storage, root: &Location, tags: Vec<Tag>) -> Vec<LostTag> {
    let lost = |tag: Tag| {
        let root = match &tag.branch {
            Some(branch) => root.join(BRANCHES).join(branch),
            None => root.clone(),
        };
        let manifests = list_manifests(storage, &root).unwrap_or_default();
        let mut of_version = manifests
            .iter()
            .filter(|entry| entry.version == tag.version);
        let is_there = of_version.any(|entry| {
            let tail = storage.tail(&root.join(&entry.path), MAGIC.len() as u64);
            tail.is_ok_and(|tail| tail.bytes == MAGIC.as_slice())
        });
        (!is_there).then_some(LostTag {
            tag,
            line_is_empty: manifests.is_empty(),
        })
    };
    tags.into_iter().filter_map(lost).collect()
}

/// A branch that is on record and that readers cannot read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostBranch {
    /// Its name.
    pub name: String,
    /// What it lacks.
    pub lack: BranchLack,
}

/// What a branch lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BranchLack {
    /// Its manifests.
    Versions,
    /// The files of the dataset that it was made from: nothing is where its newest manifest says
    /// that they are.
    Base {
        /// The path that the manifest states.
        path: String,
        /// Whether one of those files is in this dataset: it was moved.
        moved: bool,
    },
}

/// The branches on record that cannot be read, but for one at `selected`, which is looked at by
/// itself.
pub fn lost_branches(
    storage: &dyn Storage,
    root: &Location,
    selected: &Location,
) -> Vec<LostBranch> {
    let names = ref_names(storage, root, "branches");
    let names = names.into_iter().take(MAX_BRANCHES);
    let lost = names.filter_map(|name| {
        // Such a name would lead out of the dataset.
        if name.split('/').any(|part| matches!(part, "" | "." | "..")) {
            return None;
        }
        let folder = root.join(BRANCHES).join(&name);
        if folder.normalised() == selected.normalised() {
            return None;
        }
        let manifests = list_manifests(storage, &folder).ok()?;
        let manifests = manifests.into_iter();
        let newest = manifests
            .filter(|entry| entry.naming != Naming::Detached)
            .max_by_key(|entry| entry.version);
        let lack = match newest {
            None => BranchLack::Versions,
            Some(newest) => lost_base(storage, root, &folder, newest)?,
        };
        Some(LostBranch { name, lack })
    });
    lost.collect()
}

/// What a branch lacks of the dataset that it was made from.
fn lost_base(
    storage: &dyn Storage,
    root: &Location,
    folder: &Location,
    newest: ManifestEntry,
) -> Option<BranchLack> {
    let snapshot = Snapshot::open(storage, folder, newest).ok()?;
    let message = snapshot.message();
    message.base_paths.iter().find_map(|base| {
        let mut files = message.fragments.iter().flat_map(|f| &f.files);
        let file = files.find(|file| file.base_id == Some(base.id))?;
        let location = snapshot.base_root(Some(base.id)).ok()?;
        if !base.is_dataset_root || storage.is_dir(&location) != Ok(None) {
            return None;
        }
        let here = root.join(DATA).join(&file.path);
        Some(BranchLack::Base {
            path: location.to_string(),
            moved: storage.is_dir(&here) == Ok(Some(false)),
        })
    })
}

/// The transaction file of a version, where readers cannot read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostTransaction {
    /// Its name.
    pub name: String,
    /// Why it does not decode: a clause without a subject; `None` where it is not there.
    pub damage: Option<String>,
}

/// Bytes that are read of a transaction file. A longer one is not decoded.
const MAX_OF_TRANSACTION: u64 = 64 * 1024;

/// The transaction file of a version that keeps no copy of the transaction in its manifest file,
/// where it is not there or does not decode.
pub fn lost_transaction(storage: &dyn Storage, snapshot: &Snapshot) -> Option<LostTransaction> {
    let message = snapshot.message();
    let stated = message.transaction_section;
    let name = &message.transaction_file;
    let inline = stated.or(message.transaction_section_deprecated).is_some();
    if inline || name.is_empty() || name.contains('/') {
        return None;
    }
    let location = snapshot.root.join(TRANSACTIONS).join(name);
    let damage = match storage.tail(&location, MAX_OF_TRANSACTION) {
        Err(StorageError::NotFound | StorageError::NotDirectory) => None,
        Ok(tail) if tail.bytes.len() as u64 == tail.size => {
            Some(manifest::transaction(tail.bytes).err()?)
        }
        _ => return None,
    };
    Some(LostTransaction {
        name: name.clone(),
        damage,
    })
}

/// What a version counts that most commits only raise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    /// The version.
    pub version: u64,
    /// The stable row id that the next row gets; 0 without stable row ids.
    pub next_row_id: u64,
    /// The fragments, each with its rows that are not deleted; `None` where the manifest does not
    /// say, or where readers do not trust what it says.
    fragments: Option<HashMap<u64, u64>>,
}

impl Counts {
    /// Those of a version.
    pub fn of(snapshot: &Snapshot) -> Self {
        let message = snapshot.message();
        let fragments = message.fragments.iter().map(|fragment| {
            let deleted = match &fragment.deletion_file {
                None => Some(0),
                Some(file) => Some(file.num_deleted_rows).filter(|deleted| *deleted > 0),
            };
            let rows = Some(fragment.physical_rows).filter(|rows| *rows > 0)?;
            Some((fragment.id, rows.checked_sub(deleted?)?))
        });
        // Releases that do not name themselves counted wrong.
        let trusted = snapshot.writer().is_some();
        Self {
            version: snapshot.entry.version,
            next_row_id: message.next_row_id,
            fragments: trusted.then(|| fragments.collect()).flatten(),
        }
    }

    /// Whether this is the version before another.
    pub fn is_just_before(&self, next: &Self) -> bool {
        self.version.checked_add(1) == Some(next.version)
    }

    /// The rows of this version, and how many of them the next has, where the commit between the
    /// two lost rows that its operation keeps.
    pub fn lost_in(&self, next: &Self, operation: &str) -> Option<(u64, u64)> {
        let (before, after) = (self.fragments.as_ref()?, next.fragments.as_ref()?);
        // What is appended makes up for nothing.
        let counted = |id: &u64| operation != "Append" || before.contains_key(id);
        let kept = after.iter().filter(|(id, _)| counted(id));
        let kept = kept.fold(0, |sum: u64, (_, rows)| sum.saturating_add(*rows));
        let had = before
            .values()
            .fold(0, |sum: u64, rows| sum.saturating_add(*rows));
        (self.is_just_before(next) && kept < had && keeps_rows(operation)).then_some((had, kept))
    }
}

/// Whether no row is gone after an operation (lance-table `transaction.proto`).
fn keeps_rows(operation: &str) -> bool {
    matches!(
        operation,
        "Append"
            | "CreateIndex"
            | "DataOverlay"
            | "DataReplacement"
            | "Merge"
            | "Project"
            | "ReserveFragments"
            | "Rewrite"
            | "UpdateBases"
            | "UpdateConfig"
    )
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
