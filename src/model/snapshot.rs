//! One version of a dataset: which manifest it is, and what the manifest says.

use std::borrow::Cow;
use std::sync::OnceLock;

use prost::Message;
use serde::{Deserialize, Serialize};

use super::refs::TagContents;
use super::schema::FieldTree;
use super::target::{BRANCHES, DATA, LATEST_MANIFEST, TRANSACTIONS, VERSIONS};
use crate::error::{Error, ErrorKind};
use crate::hash::{HashMap, HashSet};

use super::version::FileVersion;
use crate::format::limits::{MAX_SIDE_FILE_BYTES, MAX_TRANSACTIONS};
use crate::format::manifest::{self, ManifestFile, UnreadableManifest};
use crate::format::proto::lance::file::Schema;
use crate::format::proto::lance::table::{DataFile, Manifest, Transaction};
use crate::redact::messages as redact;
use crate::storage::{Entry, Location, NotFollowed, Storage, StorageError};

/// Which snapshot of a dataset is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// A version number.
    pub version: Option<u64>,
    /// A tag.
    pub tag: Option<String>,
    /// A branch.
    pub branch: Option<String>,
}

impl Selection {
    /// Whether nothing in particular is asked for: the latest version of the main branch.
    pub fn is_latest(&self) -> bool {
        *self == Self::default()
    }
}

/// How a manifest file is named (lance-table `io/commit.rs`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Naming {
    /// `{version}.manifest`.
    V1,
    /// `{u64::MAX - version}.manifest`, 20 digits.
    V2,
    /// `d{version}.manifest`, never the latest.
    Detached,
    /// `_latest.manifest` at the root.
    LatestFile,
}

impl Naming {
    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::V1 => "V1",
            Self::V2 => "V2",
            Self::Detached => "detached",
            Self::LatestFile => "_latest.manifest",
        }
    }
}

/// A manifest in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestEntry {
    /// The version that its name says.
    pub version: u64,
    /// How it is named.
    pub naming: Naming,
    /// Its path below the dataset's root.
    pub path: String,
}

/// Reads a manifest's version from its file name; `None` for other files.
pub fn parse_manifest_name(name: &str) -> Option<ManifestEntry> {
    let stem = name.strip_suffix(".manifest")?;
    let entry = |version, naming| ManifestEntry {
        version,
        naming,
        path: format!("{VERSIONS}/{name}"),
    };
    if let Some(digits) = stem.strip_prefix('d') {
        return Some(entry(digits.parse().ok()?, Naming::Detached));
    }
    let number: u64 = stem.parse().ok()?;
    if stem.len() == 20 {
        return Some(entry(u64::MAX - number, Naming::V2));
    }
    Some(entry(number, Naming::V1))
}

/// A snapshot that was opened.
#[derive(Debug)]
pub struct Snapshot {
    /// The dataset's root; a branch has its own.
    pub root: Location,
    /// Which manifest this is.
    pub entry: ManifestEntry,
    /// The manifest, whole or in part.
    pub manifest: ManifestFile,
    /// The schema.
    pub schema: FieldTree,
    /// Where the data files of the dataset itself are.
    data: Location,
    /// The manifest's base paths by id.
    bases: HashMap<u32, Base>,
}

#[derive(Debug, Clone)]
struct Base {
    location: Result<Location, Unfollowed>,
    is_dataset_root: bool,
    /// Whether anything is there, once it was looked for.
    there: OnceLock<bool>,
}

/// Why nothing behind a base path is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfollowed {
    /// A clause about the base path.
    pub why: String,
    /// Whether `--allow-base` would change that.
    pub can_be_allowed: bool,
}

/// A manifest that could not be read.
#[derive(Debug)]
pub struct BrokenManifest {
    /// Which it is.
    pub entry: ManifestEntry,
    /// Why.
    pub error: UnreadableManifest,
}

/// What came of opening a dataset.
#[derive(Debug)]
pub struct Opened {
    /// The dataset's root, or that of the branch asked for.
    pub root: Location,
    /// The snapshot asked for; else, when the latest was asked for and is broken, the newest
    /// one that can be read.
    pub snapshot: Option<Snapshot>,
    /// Newer manifests than that which cannot be read, newest first.
    pub broken: Vec<BrokenManifest>,
    /// Versions that have a manifest, in ascending order, detached ones left out.
    pub versions: Vec<u64>,
    /// The manifests there are.
    pub manifests: Vec<ManifestEntry>,
}

/// Most unreadable manifests that are tried before giving up on older ones.
const MAX_BROKEN: usize = 16;

/// Opens the selected snapshot; `manifest` is a name in `_versions` that overrides it.
///
/// # Errors
/// A sentence, when what was selected does not exist or the storage refuses access. A damaged
/// manifest is no error: it is in [`Opened::broken`].
pub fn open(
    storage: &dyn Storage,
    root: &Location,
    selection: &Selection,
    manifest: Option<&str>,
) -> Result<Opened, Error> {
    let (root, version) = resolve_selection(storage, root, selection)?;
    let entries = list_manifests(storage, &root)?;
    let manifests = entries.clone();
    let mut versions: Vec<u64> = entries
        .iter()
        .filter(|entry| entry.naming != Naming::Detached)
        .map(|entry| entry.version)
        .collect();
    versions.sort_unstable();
    versions.dedup();
    let mut candidates: Vec<ManifestEntry> = match (manifest, version) {
        (Some(name), _) => vec![parse_manifest_name(name).ok_or_else(|| {
            Error::other(format!(
                "{name} in {root} is not named as a manifest of any version"
            ))
        })?],
        (None, Some(version)) => {
            let found = entries.into_iter().find(|entry| entry.version == version);
            let found = found.ok_or_else(|| no_such_version(&root, version, &versions))?;
            vec![found]
        }
        (None, None) => {
            let mut entries = entries;
            entries.retain(|entry| entry.naming != Naming::Detached);
            entries.sort_by(|a, b| b.version.cmp(&a.version).then(b.naming.cmp(&a.naming)));
            entries
        }
    };
    if candidates.is_empty() {
        // Datasets from before `_versions` keep their manifest at the root.
        candidates.push(ManifestEntry {
            version: 0,
            naming: Naming::LatestFile,
            path: LATEST_MANIFEST.to_string(),
        });
    }
    let mut broken = Vec::new();
    for entry in candidates {
        match manifest::read(storage, &root.join(&entry.path)) {
            Ok(manifest) => {
                return Ok(Opened {
                    snapshot: Some(Snapshot::new(storage, root.clone(), entry, manifest)),
                    root,
                    broken,
                    versions,
                    manifests,
                });
            }
            Err(UnreadableManifest::Storage(StorageError::NotFound))
                if entry.naming == Naming::LatestFile => {}
            Err(UnreadableManifest::Storage(error @ StorageError::Denied)) => {
                let location = root.join(&entry.path);
                return Err(Error::new(
                    (&error).into(),
                    format!("cannot read {location}: {error}"),
                ));
            }
            Err(error) if broken.len() < MAX_BROKEN => broken.push(BrokenManifest { entry, error }),
            Err(_) => break,
        }
    }
    Ok(Opened {
        root,
        snapshot: None,
        broken,
        versions,
        manifests,
    })
}

fn no_such_version(root: &Location, version: u64, versions: &[u64]) -> Error {
    let known = match (versions.first(), versions.last()) {
        (Some(first), Some(last)) if first != last => {
            format!("it has {} versions from {first} to {last}", versions.len())
        }
        (Some(only), _) => format!("its only version is {only}"),
        _ => "it has no manifests".to_string(),
    };
    Error::new(
        ErrorKind::NoSuchVersion,
        format!("{root} has no version {version}; {known}"),
    )
}

pub(super) fn list_manifests(
    storage: &dyn Storage,
    root: &Location,
) -> Result<Vec<ManifestEntry>, Error> {
    let directory = root.join(VERSIONS);
    let entries = match storage.list(&directory) {
        Ok(entries) => entries,
        Err(StorageError::NotFound | StorageError::NotDirectory) => Vec::new(),
        Err(error) => {
            return Err(Error::new(
                (&error).into(),
                format!("cannot read {directory}: {error}"),
            ));
        }
    };
    let files = entries.iter().filter(|entry: &&Entry| !entry.is_dir);
    Ok(files
        .filter_map(|entry| parse_manifest_name(&entry.name))
        .collect())
}

/// Turns tag and branch into a root and a version.
fn resolve_selection(
    storage: &dyn Storage,
    root: &Location,
    selection: &Selection,
) -> Result<(Location, Option<u64>), Error> {
    let mut branch = selection.branch.clone();
    let mut version = selection.version;
    if let Some(tag) = &selection.tag {
        let (tagged_branch, tagged_version) = read_tag(storage, root, tag)?;
        branch = tagged_branch;
        version = Some(tagged_version);
    }
    let root = match branch.as_deref() {
        None | Some("main") => root.clone(),
        Some(branch) => {
            let location = root.join(BRANCHES).join(branch);
            if storage.is_dir(&location.join(VERSIONS)) != Ok(Some(true)) {
                return Err(no_such_branch(storage, root, branch));
            }
            location
        }
    };
    Ok((root, version))
}

/// Reads `_refs/tags/NAME.json`.
fn read_tag(
    storage: &dyn Storage,
    root: &Location,
    tag: &str,
) -> Result<(Option<String>, u64), Error> {
    let location = root.join("_refs/tags").join(&format!("{tag}.json"));
    let text = match storage.tail(&location, MAX_SIDE_FILE_BYTES) {
        Ok(tail) => tail.bytes,
        Err(StorageError::NotFound) => {
            let known = known_refs("tags", &ref_names(storage, root, "tags"));
            return Err(Error::new(
                ErrorKind::NoSuchVersion,
                format!("{root} has no tag {tag:?}{known}"),
            ));
        }
        Err(error) => {
            return Err(Error::new(
                (&error).into(),
                format!("cannot read {location}: {error}"),
            ));
        }
    };
    let contents: TagContents = serde_json::from_slice(&text)
        // The error's own words repeat what the file says.
        .map_err(|_| Error::other(format!("{location} is not a tag")))?;
    Ok((contents.branch, contents.version))
}

fn no_such_branch(storage: &dyn Storage, root: &Location, branch: &str) -> Error {
    let names = ref_names(storage, root, "branches");
    if names.iter().any(|name| name == branch) {
        return Error::other(format!(
            "branch {branch:?} of {root} cannot be read: it is on record in _refs/branches, and \
             its versions are not in {BRANCHES}/{branch}/{VERSIONS}"
        ));
    }
    let known = known_refs("branches", &names);
    Error::new(
        ErrorKind::NoSuchVersion,
        format!("{root} has no branch {branch:?}{known}"),
    )
}

/// The names of the tags or branches on record.
pub(super) fn ref_names(storage: &dyn Storage, root: &Location, kind: &str) -> Vec<String> {
    let entries = storage
        .list(&root.join("_refs").join(kind))
        .unwrap_or_default();
    let names = entries.iter();
    names
        .filter_map(|entry| entry.name.strip_suffix(".json"))
        // A slash in a branch's name is escaped in the file's.
        .map(|name| name.replace("%2F", "/"))
        .collect()
}

/// A clause that lists the tags or branches there are.
fn known_refs(kind: &str, names: &[String]) -> String {
    match names {
        [] => format!("; it has no {kind}"),
        names => format!("; its {kind}: {}", names.join(", ")),
    }
}

/// Where a base path of the dataset at `root` leads, if it is followed.
fn follow(storage: &dyn Storage, root: &Location, path: &str) -> Result<Location, Unfollowed> {
    let unfollowed = |why: String, can_be_allowed| Unfollowed {
        why,
        can_be_allowed,
    };
    let location = Location::parse_base(std::ffi::OsStr::new(path))
        .map_err(|error| unfollowed(error.to_string(), false))?;
    match storage.follows(root, &location) {
        Ok(()) => Ok(location),
        Err(why) => Err(unfollowed(why.to_string(), why != NotFollowed::Local)),
    }
}

impl Snapshot {
    /// Opens the version of a manifest.
    ///
    /// # Errors
    /// [`UnreadableManifest`] when nothing of it can be read.
    pub fn open(
        storage: &dyn Storage,
        root: &Location,
        entry: ManifestEntry,
    ) -> Result<Self, UnreadableManifest> {
        let manifest = manifest::read(storage, &root.join(&entry.path))?;
        Ok(Self::new(storage, root.clone(), entry, manifest))
    }

    fn new(
        storage: &dyn Storage,
        root: Location,
        entry: ManifestEntry,
        manifest: ManifestFile,
    ) -> Self {
        let bases = manifest
            .message
            .base_paths
            .iter()
            .map(|base| {
                let base_path = Base {
                    location: follow(storage, &root, &base.path),
                    is_dataset_root: base.is_dataset_root,
                    there: OnceLock::new(),
                };
                (base.id, base_path)
            })
            .collect();
        Self {
            data: root.join(DATA),
            root,
            entry,
            schema: FieldTree::new(&manifest.message.fields),
            manifest,
            bases,
        }
    }

    /// The dataset's root and those of its bases that can be read.
    pub fn places(&self) -> impl Iterator<Item = &Location> {
        let bases = self.bases.values();
        let bases = bases.filter_map(|base| base.location.as_ref().ok());
        std::iter::once(&self.root).chain(bases)
    }

    /// The manifest message.
    pub fn message(&self) -> &Manifest {
        &self.manifest.message
    }

    /// The version that the manifest holds (its file name may say another).
    pub fn version(&self) -> u64 {
        self.message().version
    }

    /// The directory of data files of a base, or of the dataset itself.
    ///
    /// # Errors
    /// A clause, when the base is not in the manifest or not of a kind this build can read.
    pub fn data_directory(&self, base_id: Option<u32>) -> Result<Cow<'_, Location>, BaseError> {
        let Some(id) = base_id else {
            return Ok(Cow::Borrowed(&self.data));
        };
        let base = self.bases.get(&id).ok_or(BaseError::Unknown(id))?;
        let location = base.location.as_ref();
        let location = location.map_err(|_| BaseError::NotFollowed)?;
        Ok(match base.is_dataset_root {
            true => Cow::Owned(location.join(DATA)),
            false => Cow::Borrowed(location),
        })
    }

    /// The dataset's root, or that of a base.
    ///
    /// # Errors
    /// As [`Snapshot::data_directory`].
    pub fn base_root(&self, base_id: Option<u32>) -> Result<Location, BaseError> {
        let Some(id) = base_id else {
            return Ok(self.root.clone());
        };
        let base = self.bases.get(&id).ok_or(BaseError::Unknown(id))?;
        base.location.clone().map_err(|_| BaseError::NotFollowed)
    }

    /// Why nothing behind a base path of the manifest is looked at; `None` where it is.
    pub fn unfollowed(&self, id: u32) -> Option<&Unfollowed> {
        self.bases.get(&id)?.location.as_ref().err()
    }

    /// Looks whether anything is at a base path, once.
    pub fn look_for_base(&self, storage: &dyn Storage, id: u32) {
        if let Some(base) = self.bases.get(&id)
            && let Ok(location) = &base.location
        {
            let look = || storage.is_dir(location).is_ok_and(|found| found.is_some());
            base.there.get_or_init(look);
        }
    }

    /// What is known of where a base path leads: the path, and whether anything is there; `None`
    /// where that was not looked for.
    pub fn base_found(&self, id: u32) -> Option<(&Location, bool)> {
        let base = self.bases.get(&id)?;
        let location = base.location.as_ref().ok()?;
        Some((location, *base.there.get()?))
    }

    /// The names that commits of operation `Project`, as far as they are on record, gave to field
    /// ids: a rename is such a commit (lance-table `transaction.proto`, `Project`).
    pub fn projected_names(&self, storage: &dyn Storage) -> HashSet<(i32, String)> {
        let directory = self.root.join(TRANSACTIONS);
        let entries = storage.list(&directory).unwrap_or_default();
        let mut names = HashSet::default();
        let mut left = MAX_SIDE_FILE_BYTES;
        for entry in entries.iter().take(MAX_TRANSACTIONS) {
            let Some(rest) = left.checked_sub(entry.size) else {
                continue;
            };
            left = rest;
            let tail = storage.tail(&directory.join(&entry.name), MAX_SIDE_FILE_BYTES);
            let Some(transaction) = tail
                .ok()
                .and_then(|tail| Transaction::decode(tail.bytes).ok())
            else {
                continue;
            };
            let project = transaction.project.unwrap_or_default();
            let mut schema = Schema::decode(project).unwrap_or_default();
            if let Some(redactor) = storage.redactor() {
                redact::fields(redactor, &mut schema.fields);
            }
            names.extend(
                schema
                    .fields
                    .into_iter()
                    .map(|field| (field.id, field.name)),
            );
        }
        names
    }

    /// The file version that new files get: the one that the manifest states, else that of the
    /// first data file.
    pub fn storage_version(&self) -> Option<FileVersion> {
        let message = self.message();
        let stated = message.data_format.as_ref().and_then(|format| {
            let (major, minor) = format.version.split_once('.')?;
            FileVersion::from_numbers(major.parse().ok()?, minor.parse().ok()?)
        });
        let mut files = message.fragments.iter().flat_map(|f| &f.files);
        stated.or_else(|| files.next().and_then(stated_version))
    }

    /// Whether this version was written by a Lance of a later major release than this one.
    pub fn is_written_by_later(&self, major: u32) -> bool {
        self.message()
            .writer_version
            .as_ref()
            .is_some_and(|writer| {
                let number = writer.version.split('.').next().unwrap_or_default();
                writer.library == "lance" && number.parse().is_ok_and(|number: u32| number > major)
            })
    }

    /// Who wrote this version: library and version, when the manifest says.
    pub fn writer(&self) -> Option<String> {
        let writer = self.message().writer_version.as_ref()?;
        let mut text = format!("{} {}", writer.library, writer.version);
        if let Some(prerelease) = &writer.prerelease {
            text.push('-');
            text.push_str(prerelease);
        }
        Some(text.trim().to_string())
    }
}

/// Why a base's directory is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseError {
    /// No base path of the manifest has this id.
    Unknown(u32),
    /// The base path is not followed: [`Snapshot::unfollowed`] says why.
    NotFollowed,
}

/// The version that a manifest's data file entry states.
pub fn stated_version(entry: &DataFile) -> Option<FileVersion> {
    FileVersion::from_numbers(entry.file_major_version, entry.file_minor_version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifest_names_of_every_scheme() {
        let parsed = |name| parse_manifest_name(name).map(|e| (e.version, e.naming));
        assert_eq!(parsed("12.manifest"), Some((12, Naming::V1)));
        assert_eq!(
            parsed("18446744073709551614.manifest"),
            Some((1, Naming::V2))
        );
        let detached = "d9223372036854775811.manifest";
        assert_eq!(parsed(detached), Some(((1 << 63) + 3, Naming::Detached)));
        assert_eq!(parsed("latest_version_hint.json"), None);
        assert_eq!(parsed("x.manifest"), None);
    }
}
