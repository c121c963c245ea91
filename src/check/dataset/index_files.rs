//! The files of indices: which there are, and how those end that readers open first.

use std::collections::VecDeque;

use rayon::prelude::*;

use crate::check::file::errors_of_index_file;
use crate::finding::Finding;
use crate::format::data_file::{Unreadable, read};
use crate::format::legacy::is_legacy;
use crate::format::limits::MAX_FOLDERS;
use crate::format::sniff::Looks;
use crate::hash::HashMap;
use crate::model::index::{INDICES, Index};
use crate::model::snapshot::Snapshot;
use crate::rules::{IndexEnd, IndexFile, IndexState};
use crate::storage::{Location, Storage, StorageError};

/// Deepest folder below that of an index in which its files are looked for.
pub(super) const MAX_INDEX_DEPTH: usize = 4;

/// Most files of a segment of an index whose ends are read.
pub(super) const MAX_INDEX_ENDS: usize = 64;

/// The files of the folders of indices that were listed before: an index never changes.
pub(crate) type KnownFiles = HashMap<String, Option<Vec<IndexFile>>>;

/// The indices of a snapshot, and what is there of their files.
pub(crate) fn indices(
    storage: &dyn Storage,
    snapshot: &Snapshot,
    known: &mut KnownFiles,
) -> Vec<IndexState> {
    let listed = snapshot.manifest.indices.read();
    let listed = listed.map_or(&[][..], |section| section.indices.as_slice());
    let states = listed.iter().map(|message| {
        let index = Index::new(message);
        IndexState {
            files: index_files(storage, snapshot, &index, known),
            index,
        }
    });
    states.collect()
}

/// The files of an index with their bytes, those in folders of its own included; `None` where they
/// cannot be looked for or need not be there.
pub(super) fn index_files(
    storage: &dyn Storage,
    snapshot: &Snapshot,
    index: &Index,
    known: &mut KnownFiles,
) -> Option<Vec<IndexFile>> {
    // What Lance keeps for itself stands in the manifest file as a rule.
    if index.is_internal() && index.files.is_empty() {
        return None;
    }
    let uuid = index.uuid.as_ref().ok()?;
    let root = snapshot.base_root(index.base_id).ok()?;
    let folder = root.join(INDICES).join(uuid);
    let key = folder.to_string();
    if let Some(files) = known.get(&key) {
        return files.clone();
    }
    let files = files_below(storage, &folder);
    known.insert(key, files.clone());
    files
}

/// The files of a folder of an index; `None` where it cannot be listed.
pub(super) fn files_below(storage: &dyn Storage, folder: &Location) -> Option<Vec<IndexFile>> {
    let mut files = Vec::new();
    // Those above first: a link may lead back up, and another beside it too.
    let mut folders = VecDeque::from([String::new()]);
    for _ in 0..MAX_FOLDERS {
        let Some(below) = folders.pop_front() else {
            break;
        };
        let listed = match below.as_str() {
            "" => storage.list(folder),
            below => storage.list(&folder.join(below)),
        };
        match listed {
            Ok(entries) => {
                for entry in entries {
                    let name = format!("{below}{}", entry.name);
                    match entry.is_dir {
                        true if below.matches('/').count() < MAX_INDEX_DEPTH => {
                            folders.push_back(format!("{name}/"));
                        }
                        true => {}
                        false => files.push(IndexFile {
                            name,
                            size: entry.size,
                            end: IndexEnd::Unread,
                            errors: Vec::new(),
                        }),
                    }
                }
            }
            Err(StorageError::NotFound | StorageError::NotDirectory) => {}
            Err(_) => return None,
        }
    }
    let looked_at = files.iter_mut().filter(|file| is_lance(&file.name));
    let looked_at: Vec<&mut IndexFile> = looked_at.take(MAX_INDEX_ENDS).collect();
    let look = |file: &mut IndexFile| {
        (file.end, file.errors) = look_at(storage, &folder.join(&file.name));
    };
    match looked_at.len() {
        0..=2 => looked_at.into_iter().for_each(look),
        _ => looked_at.into_par_iter().for_each(look),
    }
    Some(files)
}

/// Whether a file of an index is to be a Lance file.
pub(super) fn is_lance(name: &str) -> bool {
    name.ends_with(".lance") || name.ends_with(".idx")
}

/// What a file of an index ends with, and what is wrong with it if that is the end of a Lance file.
pub(super) fn look_at(storage: &dyn Storage, location: &Location) -> (IndexEnd, Vec<Finding>) {
    match read(storage, location, 0) {
        Ok(raw) => {
            let (major, minor) = raw.version;
            // The first format of vector indices has no schema.
            let errors = match is_legacy(raw.version) && location.file_name() == "index.idx" {
                true => Vec::new(),
                false => errors_of_index_file(storage, location, raw),
            };
            (IndexEnd::Lance(major, minor), errors)
        }
        Err(Unreadable::NotLance { looks, .. }) => (IndexEnd::Other(looks), Vec::new()),
        Err(Unreadable::TooShort { .. }) => (IndexEnd::Other(Looks::Unknown), Vec::new()),
        Err(Unreadable::Storage(_)) => (IndexEnd::Unread, Vec::new()),
    }
}
