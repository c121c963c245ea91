//! Tags and branches on record: a JSON file each in `_refs/tags` and `_refs/branches` (lance
//! `dataset/refs.rs`).

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::history::Tag;
use crate::format::limits::{MAX_REF_BYTES, MAX_REFS_BYTES};
use crate::printable::json_error;
use crate::storage::{Location, Storage, StorageError};

/// Where the files of tags are.
const TAGS: &str = "_refs/tags";

/// Where those of branches are.
const BRANCHES_ON_RECORD: &str = "_refs/branches";

/// Most files of tags that are read, and of branches.
const MAX_REFS: usize = 4096;

/// What the file of a tag holds, as strictly as Lance takes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "that all of it can be read is what is asked")]
pub(super) struct TagContents {
    /// The branch; none for the dataset's own line.
    pub branch: Option<String>,
    /// The version.
    pub version: u64,
    created_at: Option<Time>,
    updated_at: Option<Time>,
    manifest_size: u64,
    #[serde(default)]
    metadata: HashMap<String, String>,
}

/// What the file of a branch holds, as strictly as Lance takes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "that all of it can be read is what is asked")]
struct BranchContents {
    parent_branch: Option<String>,
    #[serde(default)]
    identifier: BranchIdentifier,
    parent_version: u64,
    create_at: u64,
    manifest_size: u64,
    #[serde(default)]
    metadata: HashMap<String, String>,
}

/// A moment as RFC 3339 writes it.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Time;

impl TryFrom<String> for Time {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let shape: String = text
            .chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect();
        let rest = shape
            .strip_prefix("0000-00-00")
            .and_then(|rest| rest.strip_prefix(['T', 't', ' ']))
            .and_then(|rest| rest.strip_prefix("00:00:00"));
        let rest = rest.map(|rest| match rest.strip_prefix('.') {
            Some(fraction) => fraction.trim_start_matches('0'),
            None => rest,
        });
        match rest {
            Some("Z" | "z" | "+00:00" | "-00:00") => Ok(Self),
            _ => Err("input contains invalid characters"),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[expect(dead_code, reason = "that all of it can be read is what is asked")]
struct BranchIdentifier {
    version_mapping: Vec<(u64, String)>,
}

/// The tags and branches of a dataset.
#[derive(Debug, Default)]
pub struct Refs {
    /// The tags, by name.
    pub tags: Vec<Tag>,
    /// Files that are not what Lance expects.
    pub bad: Vec<BadRef>,
    /// What was not read, and why: sentences.
    pub not_read: Vec<String>,
}

/// A file of a tag or branch that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRef {
    /// Whether it is that of a branch.
    pub is_branch: bool,
    /// The name of the tag or branch.
    pub name: String,
    /// Its path below the dataset.
    pub path: String,
    /// What Lance says of it.
    pub error: String,
    /// The version that a tag names, where the file still tells.
    pub version: Option<u64>,
}

impl Refs {
    /// Reads the files of tags and branches.
    pub fn read(storage: &dyn Storage, root: &Location) -> Self {
        let mut refs = Self::read_tags(storage, root);
        let branches = files::<BranchContents>(storage, root, BRANCHES_ON_RECORD);
        refs.not_read.extend(branches.not_read);
        for file in branches.read {
            if let Err(error) = file.contents {
                refs.bad.push(BadRef {
                    is_branch: true,
                    // A slash in a branch's name is escaped in the file's.
                    name: file.name.replace("%2F", "/"),
                    path: file.path,
                    error,
                    version: None,
                });
            }
        }
        refs
    }

    /// Reads the files of tags alone.
    pub fn read_tags(storage: &dyn Storage, root: &Location) -> Self {
        let mut refs = Self::default();
        let tags = files::<TagContents>(storage, root, TAGS);
        refs.not_read.extend(tags.not_read);
        for file in tags.read {
            match file.contents {
                Ok(TagContents {
                    branch, version, ..
                }) => refs.tags.push(Tag {
                    name: file.name,
                    branch,
                    version,
                }),
                Err(error) => {
                    let version = serde_json::from_slice::<serde_json::Value>(&file.bytes).ok();
                    let version =
                        version.filter(|tag| tag.get("branch").is_none_or(|b| b.is_null()));
                    refs.bad.push(BadRef {
                        is_branch: false,
                        name: file.name,
                        path: file.path,
                        error,
                        version: version.and_then(|tag| tag.get("version")?.as_u64()),
                    });
                }
            }
        }
        refs
    }
}

struct RefFile<T> {
    name: String,
    path: String,
    bytes: bytes::Bytes,
    contents: Result<T, String>,
}

/// The files of a folder, and what kept others from being read.
struct RefFiles<T> {
    read: Vec<RefFile<T>>,
    not_read: Option<String>,
}

/// The JSON files of a folder.
fn files<T: DeserializeOwned>(storage: &dyn Storage, root: &Location, folder: &str) -> RefFiles<T> {
    let mut files = RefFiles {
        read: Vec::new(),
        not_read: None,
    };
    let entries = match storage.list(&root.join(folder)) {
        Ok(entries) => entries,
        Err(error) => {
            // Some stores, web servers among them, list nothing at all.
            let lists = root.as_path().is_some() || error == StorageError::Denied;
            if lists && !is_absent(&error) {
                files.not_read = Some(format!("the files in {folder} were not read: {error}"));
            }
            return files;
        }
    };
    let names = entries.iter().filter(|entry| !entry.is_dir);
    let names = names.filter_map(|entry| Some((entry, entry.name.strip_suffix(".json")?)));
    let mut left = MAX_REFS_BYTES;
    let mut failed = 0;
    let mut why = None;
    for (at, (entry, name)) in names.enumerate() {
        let path = format!("{folder}/{}", entry.name);
        // A part of a file must not look like a bad one.
        let rest = left.checked_sub(entry.size.min(MAX_REF_BYTES));
        let tail = match rest.filter(|_| at < MAX_REFS) {
            Some(rest) => {
                left = rest;
                let tail = storage.tail(&root.join(&path), MAX_REF_BYTES);
                tail.map_err(|error| (!is_absent(&error)).then(|| error.to_string()))
            }
            None => Err(Some("they are more than are read".to_string())),
        };
        let tail = match tail {
            Ok(tail) => tail,
            Err(None) => continue,
            Err(Some(error)) => {
                failed += 1;
                why.get_or_insert(error);
                continue;
            }
        };
        let bytes = tail.bytes;
        let contents = match tail.size > MAX_REF_BYTES {
            true => Err(format!("{} bytes, more than are read", tail.size)),
            false => serde_json::from_slice(&bytes).map_err(|error| json_error(&error)),
        };
        files.read.push(RefFile {
            name: name.to_string(),
            path,
            bytes,
            contents,
        });
    }
    files.not_read = why.map(|why| match failed {
        1 => format!("a file in {folder} was not read: {why}"),
        many => format!("{many} files in {folder} were not read: {why}"),
    });
    files
}

/// Whether nothing is there, or nothing of that kind any more.
fn is_absent(error: &StorageError) -> bool {
    matches!(error, StorageError::NotFound | StorageError::NotDirectory)
}
