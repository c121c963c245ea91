//! Tags and branches on record: a JSON file each in `_refs/tags` and `_refs/branches` (lance
//! `dataset/refs.rs`).

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::history::Tag;
use crate::format::limits::{MAX_REF_BYTES, MAX_REFS_BYTES};
use crate::printable::json_error;
use crate::storage::{Location, Storage};

/// Where the files of tags are.
const TAGS: &str = "_refs/tags";

/// Where those of branches are.
const BRANCHES_ON_RECORD: &str = "_refs/branches";

/// Most files of tags that are read, and of branches.
const MOST_REFS: usize = 4096;

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
        for file in files::<BranchContents>(storage, root, BRANCHES_ON_RECORD) {
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
        for file in files::<TagContents>(storage, root, TAGS) {
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

/// The JSON files of a folder. What cannot be got is left out.
fn files<T: DeserializeOwned>(
    storage: &dyn Storage,
    root: &Location,
    folder: &str,
) -> Vec<RefFile<T>> {
    let entries = storage.list(&root.join(folder)).unwrap_or_default();
    let entries = entries.iter().filter(|entry| !entry.is_dir).take(MOST_REFS);
    let mut left = MAX_REFS_BYTES;
    let read = entries.filter_map(|entry| {
        let name = entry.name.strip_suffix(".json")?;
        let path = format!("{folder}/{}", entry.name);
        // A part of a file must not look like a bad one.
        left = left.checked_sub(entry.size.min(MAX_REF_BYTES))?;
        let tail = storage.tail(&root.join(&path), MAX_REF_BYTES).ok()?;
        let bytes = tail.bytes;
        let contents = match tail.size > MAX_REF_BYTES {
            true => Err(format!("{} bytes, more than are read", tail.size)),
            false => serde_json::from_slice(&bytes).map_err(|error| json_error(&error)),
        };
        Some(RefFile {
            name: name.to_string(),
            path,
            bytes,
            contents,
        })
    });
    read.collect()
}
