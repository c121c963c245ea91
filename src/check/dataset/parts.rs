//! The parts of a snapshot that are asked for.

use std::collections::BTreeSet;

use crate::check::select::choose;
use crate::check::{Request, counted};
use crate::error::Error;
use crate::format::deletion;
use crate::format::proto::lance::table::{DataFile as DataFileEntry, DataFragment, DeletionFile};
use crate::model::snapshot::{BaseError, Snapshot};
use crate::model::target::{DATA, Scope};
use crate::storage::Location;

/// The data files that a check of these parts looks at, as indices of fragments and of files in them.
pub(crate) fn files(
    snapshot: &Snapshot,
    scope: &Scope,
    request: &Request,
) -> Result<Vec<(usize, usize)>, Error> {
    chosen_files(snapshot, &Parts::new(snapshot, scope), request)
}

/// The data files that are looked at, as indices of fragments and of files in them.
pub(crate) fn chosen_files(
    snapshot: &Snapshot,
    parts: &Parts,
    request: &Request,
) -> Result<Vec<(usize, usize)>, Error> {
    let mut files = Vec::new();
    for at in choose(snapshot, parts, request)?.positions {
        let Some(fragment) = snapshot.message().fragments.get(at) else {
            continue;
        };
        let entries = fragment.files.iter().enumerate();
        let entries = entries.filter(|(_, entry)| parts.has_file(fragment, entry));
        files.extend(entries.map(|(entry, _)| (at, entry)));
    }
    Ok(files)
}

/// Which parts of a snapshot are asked for.
pub(crate) struct Parts {
    /// Data file paths; `None` for all.
    pub(super) data_files: Option<BTreeSet<String>>,
    /// Fragments that a named deletion file belongs to.
    pub(super) fragments: BTreeSet<u64>,
    /// Named data files that the snapshot does not list.
    pub(super) unlisted: Vec<String>,
}

impl Parts {
    pub(crate) fn new(snapshot: &Snapshot, scope: &Scope) -> Self {
        let Scope::Parts {
            data_files,
            deletion_files,
        } = scope
        else {
            return Self {
                data_files: None,
                fragments: BTreeSet::new(),
                unlisted: Vec::new(),
            };
        };
        let named: BTreeSet<String> = data_files.iter().cloned().collect();
        let fragments = || snapshot.message().fragments.iter();
        let known: BTreeSet<&str> = fragments()
            .flat_map(|fragment| &fragment.files)
            .map(|file| file.path.as_str())
            .collect();
        let by_deletion = fragments().filter(|fragment| {
            let path = fragment
                .deletion_file
                .as_ref()
                .map(|d| deletion_name(fragment.id, d));
            path.is_some_and(|path| deletion_files.contains(&path))
        });
        Self {
            fragments: by_deletion.map(|fragment| fragment.id).collect(),
            unlisted: named
                .iter()
                .filter(|name| !known.contains(name.as_str()))
                .cloned()
                .collect(),
            data_files: Some(named),
        }
    }

    pub(super) fn has_file(&self, fragment: &DataFragment, entry: &DataFileEntry) -> bool {
        match &self.data_files {
            None => true,
            Some(named) => named.contains(&entry.path) || self.fragments.contains(&fragment.id),
        }
    }

    pub(crate) fn has_fragment(&self, fragment: &DataFragment) -> bool {
        self.data_files.is_none()
            || self.fragments.contains(&fragment.id)
            || fragment
                .files
                .iter()
                .any(|entry| self.has_file(fragment, entry))
    }

    pub(super) fn note(&self) -> Option<String> {
        let named = self.data_files.as_ref()?;
        let files = named.len() - self.unlisted.len();
        let parts = match (files, self.fragments.len()) {
            (0, 0) => return Some("none of its files is looked at".to_string()),
            (files, 0) => counted(files, "named data file"),
            (0, fragments) => format!("{} of named deletion files", counted(fragments, "fragment")),
            (files, fragments) => format!(
                "{} and {} of named deletion files",
                counted(files, "named data file"),
                counted(fragments, "fragment")
            ),
        };
        Some(format!("looked at: only {parts}"))
    }
}

/// Where a data file is, and how that is shown.
pub fn file_place(
    snapshot: &Snapshot,
    entry: &DataFileEntry,
) -> (Result<Location, BaseError>, String) {
    let directory = snapshot.data_directory(entry.base_id);
    let location = directory.map(|directory| directory.join(&entry.path));
    let name = match (&location, entry.base_id) {
        (Ok(location), Some(_)) => location.to_string(),
        _ => format!("{DATA}/{}", entry.path),
    };
    (location, name)
}

pub(crate) fn deletion_name(fragment: u64, file: &DeletionFile) -> String {
    let extension =
        deletion::Kind::from_number(file.file_type).map_or("?", |kind| kind.extension());
    format!("{fragment}-{}-{}.{extension}", file.read_version, file.id)
}
