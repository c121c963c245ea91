//! From the paths a user gives to the datasets and files they belong to.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Component, Path};

use super::snapshot::Selection;
use crate::did_you_mean;
use crate::error::{Error, ErrorKind};
use crate::redact::{scheme_alone, without_secrets};
use crate::storage::{Entry, Location, Storage, StorageError};

/// The folder of manifests.
pub const VERSIONS: &str = "_versions";
/// The folder of transactions.
pub const TRANSACTIONS: &str = "_transactions";
/// The folder of data files.
pub const DATA: &str = "data";
/// The folder of deletion files.
pub const DELETIONS: &str = "_deletions";
/// The one manifest that very old datasets keep at their root.
pub const LATEST_MANIFEST: &str = "_latest.manifest";
/// How the names of datasets and of data files end.
const EXTENSION: &str = ".lance";
/// The folder of branches; each is a dataset root of its own.
pub const BRANCHES: &str = "tree";

/// What is to be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A dataset, or parts of it.
    Dataset {
        /// Its root directory.
        root: Location,
        /// What of it.
        scope: Scope,
    },
    /// A data file that belongs to no dataset.
    File(Location),
}

impl Target {
    /// The dataset's root, or the file.
    pub fn location(&self) -> &Location {
        match self {
            Self::Dataset { root, .. } => root,
            Self::File(location) => location,
        }
    }
}

/// Which parts of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of a snapshot.
    Whole,
    /// All of the version that this manifest, a name in `_versions`, holds.
    Manifest(String),
    /// The named parts only.
    Parts {
        /// Data files, by their path below `data`.
        data_files: Vec<String>,
        /// Deletion files, by name.
        deletion_files: Vec<String>,
    },
}

impl Scope {
    /// The manifest, a name in `_versions`, that stands in for the latest: one that was named,
    /// unless a version is selected as well.
    pub fn manifest(&self, selection: &Selection) -> Option<&str> {
        match self {
            Self::Manifest(name) if selection.is_latest() => Some(name),
            _ => None,
        }
    }
}

/// Resolves paths; several in one dataset become one target. The order is that of first mention.
///
/// A path that is nothing to check becomes a sentence that names it and what was expected there;
/// the others are resolved all the same.
pub fn resolve(storage: &dyn Storage, paths: &[OsString]) -> (Vec<Target>, Vec<Error>) {
    let mut errors = Vec::new();
    let mut targets: Vec<Target> = Vec::new();
    let mut seen: BTreeMap<Location, usize> = BTreeMap::new();
    for path in paths {
        let located = Location::parse(path).map_err(|error| {
            let shown = scheme_alone(&path.to_string_lossy());
            Error::other(format!("cannot read {shown}: {error}"))
        });
        let target = match located.and_then(|location| resolve_one(storage, &location)) {
            Ok(target) => target,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let key = target.location().normalised();
        match seen.get(&key).and_then(|at| targets.get_mut(*at)) {
            Some(known) => merge(known, target),
            None => {
                seen.insert(key, targets.len());
                targets.push(target);
            }
        }
    }
    for target in &targets {
        storage.confine(target.location());
    }
    (targets, errors)
}

/// Takes another path of a dataset in. A manifest by itself stands for the version it holds; one
/// among other files of the dataset, as when all of it was just added to a repository, stands
/// for the dataset as it is now.
fn merge(known: &mut Target, new: Target) {
    let (Target::Dataset { scope: known, .. }, Target::Dataset { scope: new, .. }) = (known, new)
    else {
        return;
    };
    if *known == new {
        return;
    }
    match (&mut *known, new) {
        (
            Scope::Parts {
                data_files,
                deletion_files,
            },
            Scope::Parts {
                data_files: more_data,
                deletion_files: more_deletions,
            },
        ) => {
            data_files.extend(more_data);
            deletion_files.extend(more_deletions);
        }
        _ => *known = Scope::Whole,
    }
}

fn resolve_one(storage: &dyn Storage, location: &Location) -> Result<Target, Error> {
    match storage.is_dir(location) {
        Ok(Some(true)) => directory(storage, location),
        Ok(Some(false)) => file(storage, location),
        Ok(None) => Err(Error::new(
            ErrorKind::NotFound,
            match meant(storage, location) {
                Some(meant) => format!("{} does not exist; {meant}", shown(location)),
                None => format!(
                    "{} does not exist; expected a Lance dataset directory or a file of one",
                    shown(location)
                ),
            },
        )),
        Err(error) => Err(cannot_read(storage, location, &error)),
    }
}

/// What a path that does not exist was meant to be. Only looked for on this machine: in a store
/// each look is a request.
fn meant(storage: &dyn Storage, location: &Location) -> Option<String> {
    location.as_path()?;
    // The folder around it may be another one than it looks like.
    if !storage.follows_links() {
        return None;
    }
    let (name, parent) = (location.file_name(), location.parent()?);
    let given = location.to_string();
    let beside = |name_of_other: &str| match given.strip_suffix(&name) {
        Some(folder) => format!("{folder}{name_of_other}"),
        None => parent.join(name_of_other).to_string(),
    };
    let there = |name: &str| {
        storage
            .is_dir(&parent.join(name))
            .is_ok_and(|is| is.is_some())
    };
    // A table of LanceDB, by its name.
    let table = format!("{name}{EXTENSION}");
    if there(&table) {
        return Some(format!("did you mean {}?", beside(&table)));
    }
    // As `diff` takes versions.
    if let Some((path, version)) = name.rsplit_once('@')
        && there(path)
    {
        let option = match version.parse::<u64>() {
            Ok(_) => "--version",
            Err(_) => "--tag",
        };
        let path = beside(path);
        return Some(format!(
            "a version is chosen by an option: {path} {option} {version}"
        ));
    }
    let entries = storage.list(&parent).unwrap_or_default();
    let names = entries.iter().map(|entry| entry.name.as_str());
    let near = did_you_mean::nearest(&name, names.filter(|name| name.ends_with(EXTENSION)))?;
    Some(format!("did you mean {}?", beside(near)))
}

/// A place that is not there, or cannot be read, as messages name it.
fn shown(location: &Location) -> String {
    match location.as_path() {
        Some(_) => without_secrets(&location.to_string()),
        None => location.to_string(),
    }
}

fn cannot_read(storage: &dyn Storage, location: &Location, error: &StorageError) -> Error {
    let message = match storage.meter().halted() {
        Some(halt) if *error == StorageError::Halted => {
            format!("{halt} before {} was read", shown(location))
        }
        _ => format!("cannot read {}: {error}", shown(location)),
    };
    Error::new(error.into(), message)
}

/// Whether a directory is the root of a dataset: it has manifests, or it has the folders
/// that a dataset whose manifests are lost still has.
fn is_root(storage: &dyn Storage, location: &Location) -> Result<bool, Error> {
    let has = |name: &str| {
        let location = location.join(name);
        storage
            .is_dir(&location)
            .map_err(|error| cannot_read(storage, &location, &error))
    };
    Ok(has(VERSIONS)? == Some(true) || has(LATEST_MANIFEST)? == Some(false))
}

fn directory(storage: &dyn Storage, location: &Location) -> Result<Target, Error> {
    let whole = |root: Location| Target::Dataset {
        root,
        scope: Scope::Whole,
    };
    if is_root(storage, location)? {
        return Ok(whole(location.clone()));
    }
    // A folder of a dataset stands for the dataset.
    if let Some((root, _)) = climb(storage, location)? {
        return Ok(whole(root));
    }
    // What a link of a stranger leads to is not listed.
    let is_link = location.as_path().is_some_and(Path::is_symlink);
    if is_link && !storage.follows_links() {
        return Err(Error::new(
            ErrorKind::NotADataset,
            format!("{location} is not a Lance dataset: it has no {VERSIONS} folder"),
        ));
    }
    storage.confine(location);
    let entries = storage
        .list(location)
        .map_err(|error| cannot_read(storage, location, &error))?;
    let is_data_file = |name: &str| name.ends_with(EXTENSION);
    // The manifests are gone; the data files may still be there.
    let data = location.join(DATA);
    if storage.is_dir(&data) == Ok(Some(true)) {
        let files = storage
            .list(&data)
            .map_err(|error| cannot_read(storage, &data, &error))?;
        if files
            .iter()
            .any(|entry| !entry.is_dir && is_data_file(&entry.name))
        {
            return Ok(whole(location.clone()));
        }
    }
    let datasets: Vec<String> = entries
        .iter()
        .filter(|entry| entry.is_dir && is_data_file(&entry.name))
        .map(|entry| location.join(&entry.name).to_string())
        .collect();
    if datasets.is_empty() {
        return Err(Error::new(
            ErrorKind::NotADataset,
            format!(
                "{location} is not a Lance dataset: it has no {VERSIONS} folder{}",
                other_table(storage, location, &entries)
            ),
        ));
    }
    let shown = datasets
        .iter()
        .take(5)
        .cloned()
        .collect::<Vec<_>>()
        .join(" ");
    let more = match datasets.len() {
        0..=5 => "",
        _ => " …",
    };
    Err(Error::new(
        ErrorKind::NotADataset,
        format!(
            "{location} is not a Lance dataset but holds {}; name what to check: {shown}{more}",
            match datasets.len() {
                1 => "one".to_string(),
                many => many.to_string(),
            }
        ),
    ))
}

/// What a folder that is no dataset looks like, as the end of a sentence.
fn other_table(storage: &dyn Storage, location: &Location, entries: &[Entry]) -> &'static str {
    let folder = |name: &str| {
        entries
            .iter()
            .any(|entry| entry.is_dir && entry.name == name)
    };
    let file = |end: &str| {
        let mut files = entries.iter().filter(|entry| !entry.is_dir);
        files.any(|entry| entry.name.ends_with(end))
    };
    let is_iceberg = || {
        let metadata = storage.list(&location.join("metadata")).unwrap_or_default();
        let mut names = metadata.iter().map(|entry| entry.name.as_str());
        names.any(|name| name.ends_with(".metadata.json") || name == "version-hint.text")
    };
    if entries.is_empty() {
        "; it is empty"
    } else if folder("_delta_log") {
        "; it looks like a Delta Lake table (it has _delta_log)"
    } else if folder(".hoodie") {
        "; it looks like a Hudi table (it has .hoodie)"
    } else if folder("metadata") && is_iceberg() {
        "; it looks like an Iceberg table (it has metadata/*.metadata.json)"
    } else if file("zarr.json") || file(".zarray") || file(".zgroup") {
        "; it looks like a Zarr store"
    } else if file("dataset_info.json") || file("dataset_dict.json") {
        "; it looks like a dataset of Hugging Face's datasets, whose files are Arrow IPC"
    } else if file(".parquet") {
        "; it holds Parquet files"
    } else if file(".arrow") || file(".feather") {
        "; it holds Arrow IPC files"
    } else {
        ""
    }
}

/// The nearest directory above a place that is a dataset's root, and the path from there. First as
/// the place is written; then, as far as links are followed, from where it really is.
fn climb(
    storage: &dyn Storage,
    location: &Location,
) -> Result<Option<(Location, Vec<String>)>, Error> {
    let Some(path) = location.as_path() else {
        return climb_from(storage, location, location);
    };
    // `x/..` has no name to climb from; the real path has.
    let is_plain = !path.components().any(|part| part == Component::ParentDir);
    let written = std::path::absolute(path).ok().filter(|_| is_plain);
    if let Some(written) = written {
        let found = climb_from(storage, location, &Location::from_path(written))?;
        if found.is_some() || !storage.follows_links() {
            return Ok(found);
        }
    }
    climb_from(storage, location, &location.normalised())
}

fn climb_from(
    storage: &dyn Storage,
    location: &Location,
    absolute: &Location,
) -> Result<Option<(Location, Vec<String>)>, Error> {
    let mut below = vec![absolute.file_name()];
    let mut at = absolute.parent();
    while let Some(directory) = at {
        if is_root(storage, &directory)? {
            below.reverse();
            return Ok(Some((shortest(location, &directory, below.len()), below)));
        }
        below.push(directory.file_name());
        let parent = directory.parent();
        at = parent.filter(|parent| *parent != directory);
    }
    Ok(None)
}

/// The root as the user would write it: by going up from what they wrote, where that leads there.
fn shortest(given: &Location, root: &Location, levels: usize) -> Location {
    let mut at = Some(given.clone());
    for _ in 0..levels {
        at = at.and_then(|location| location.parent());
    }
    match at {
        Some(at) if at.normalised() == root.normalised() => at,
        _ => root.clone(),
    }
}

fn file(storage: &dyn Storage, location: &Location) -> Result<Target, Error> {
    let name = location.file_name();
    let Some((root, below)) = climb(storage, location)? else {
        if name.ends_with(".manifest") {
            return Err(Error::new(
                ErrorKind::NotADataset,
                format!(
                    "{location} is not in the {VERSIONS} folder of a dataset; a manifest can only be \
                 checked beside the files that it names"
                ),
            ));
        }
        return Ok(Target::File(location.clone()));
    };
    let below: Vec<&str> = below.iter().map(String::as_str).collect();
    let parts = |data_files: Vec<String>, deletion_files: Vec<String>| Scope::Parts {
        data_files,
        deletion_files,
    };
    let scope = match below.as_slice() {
        [DATA, rest @ ..] if name.ends_with(".lance") => parts(vec![rest.join("/")], Vec::new()),
        // A blob sidecar stands in a folder named after its data file.
        [DATA, stem, ..] if name.ends_with(".blob") => {
            parts(vec![format!("{stem}.lance")], Vec::new())
        }
        [DELETIONS, name] => parts(Vec::new(), vec![(*name).to_string()]),
        [VERSIONS, name] if name.ends_with(".manifest") => Scope::Manifest((*name).to_string()),
        _ => Scope::Whole,
    };
    Ok(Target::Dataset { root, scope })
}
