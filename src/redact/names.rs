//! What of a dataset is shown under other names, so that it can be given away.
//!
//! A [`RedactingStorage`] reads the real files and shows them under the names of a [`Redactor`]. What is
//! judged and reported behind it never meets the real ones, so no text can give them away.

use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::secrets::without_credentials;
use crate::format::SYSTEM_COLUMNS;
use crate::hash::HashMap;
use crate::storage::{Entry, Location, Meter, NotFollowed, Storage, StorageError, Tail};

/// What a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Named {
    /// A field of a schema.
    Column,
    /// A file, without its extension.
    File,
    /// A folder, a base path or a whole path.
    Path,
    /// A tag.
    Tag,
    /// A part of a branch's name.
    Branch,
    /// An index.
    Index,
    /// A key of metadata that is not Lance's.
    Key,
    /// A value of metadata.
    Value,
}

impl Named {
    fn word(self) -> &'static str {
        match self {
            Self::Column => "column",
            Self::File => "file",
            Self::Path => "path",
            Self::Tag => "tag",
            Self::Branch => "branch",
            Self::Index => "index",
            Self::Key => "key",
            Self::Value => "value",
        }
    }
}

/// Names that Lance gives to files and folders itself.
const OWN_NAMES: &[&str] = &[
    "data",
    "tree",
    "tags",
    "branches",
    "_versions",
    "_deletions",
    "_indices",
    "_transactions",
    "_refs",
    "_latest.manifest",
    "latest_version_hint.json",
    "index.idx",
    "auxiliary.idx",
    "page_data.lance",
    "page_lookup.lance",
    "bitmap_page_lookup.lance",
    "tokens.lance",
    "invert.lance",
    "docs.lance",
    "metadata.lance",
    "ids.lance",
    "ngram_postings.lance",
    "zonemap.lance",
    "bloomfilter.lance",
];

/// Extensions of the files of a dataset; they stay.
const EXTENSIONS: &[&str] = &[
    "lance", "manifest", "arrow", "bin", "txn", "idx", "json", "blob",
];

/// The shown name of each thing, and the way back to files.
#[derive(Debug)]
pub struct Redactor {
    redacting: bool,
    names: Mutex<Names>,
}

#[derive(Debug, Default)]
struct Names {
    shown: HashMap<(Named, String), String>,
    counts: HashMap<Named, usize>,
    uuids: HashMap<Vec<u8>, u64>,
    /// The real part of a path by the one that is shown.
    real: HashMap<String, String>,
    /// Real folders and files by the path that is shown.
    roots: Vec<(Location, Location)>,
}

impl Names {
    fn name(&mut self, what: Named, text: &str) -> String {
        if let Some(known) = self.shown.get(&(what, text.to_string())) {
            return known.clone();
        }
        let count = self.counts.entry(what).or_default();
        *count += 1;
        let shown = format!("{}-{count}", what.word());
        self.shown.insert((what, text.to_string()), shown.clone());
        shown
    }

    /// A part of a path. A folder that has the name of a file but for the extension, as those of
    /// blobs have, is shown so too.
    fn part(&mut self, text: &str, is_folder: bool) -> String {
        if text.is_empty() || text == "." || text == ".." || is_own(text) {
            return text.to_string();
        }
        let known = |extension: &&str| EXTENSIONS.contains(extension);
        let split = text.rsplit_once('.').filter(|(_, e)| known(e));
        let shown = match split {
            Some((stem, extension)) => format!("{}.{extension}", self.name(Named::File, stem)),
            None if is_folder && !self.shown.contains_key(&(Named::File, text.to_string())) => {
                self.name(Named::Path, text)
            }
            None => self.name(Named::File, text),
        };
        self.real.insert(shown.clone(), text.to_string());
        shown
    }

    fn uuid(&mut self, real: &[u8]) -> [u8; 16] {
        let next = self.uuids.len() as u64 + 1;
        let number = *self.uuids.entry(real.to_vec()).or_insert(next);
        u128::from(number).to_be_bytes()
    }
}

fn is_own(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let numbered = |stem: &str| digits(stem) || stem.strip_prefix('d').is_some_and(digits);
    let manifest = name.strip_suffix(".manifest").is_some_and(numbered);
    let deletion = name
        .strip_suffix(".arrow")
        .or_else(|| name.strip_suffix(".bin"))
        .is_some_and(|stem| stem.split('-').count() == 3 && stem.split('-').all(digits));
    let part = name
        .strip_prefix("part_")
        .and_then(|rest| rest.split_once('_'))
        .is_some_and(|(number, rest)| digits(number) && OWN_NAMES.contains(&rest));
    manifest || deletion || part || OWN_NAMES.contains(&name)
}

/// The sixteen bytes of a uuid in its usual form.
fn uuid_bytes(text: &str) -> Option<[u8; 16]> {
    let plain: String = text.chars().filter(|c| *c != '-').collect();
    (text.len() == 36 && plain.len() == 32 && plain.is_ascii()).then_some(())?;
    u128::from_str_radix(&plain, 16).ok().map(u128::to_be_bytes)
}

fn uuid_text(bytes: [u8; 16]) -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32];
    let parts: Vec<&str> = parts.into_iter().filter_map(|at| hex.get(at)).collect();
    parts.join("-")
}

impl Redactor {
    /// A redactor that takes credentials out, and with `redacting` all names.
    pub fn new(redacting: bool) -> Self {
        Self {
            redacting,
            names: Mutex::default(),
        }
    }

    fn names(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether names are shown as placeholders.
    pub fn redacting(&self) -> bool {
        self.redacting
    }

    /// The name that is shown.
    pub fn name(&self, what: Named, text: &str) -> String {
        match self.redacting && !text.is_empty() {
            true => self.names().name(what, text),
            false => text.to_string(),
        }
    }

    /// The name of a field; its dots and backticks stay, since readers stumble over them.
    pub fn column(&self, text: &str) -> String {
        if !self.redacting {
            return text.to_string();
        }
        let mut shown = String::new();
        for part in text.split_inclusive(['.', '`']) {
            let name = part.trim_end_matches(['.', '`']);
            // The names of Lance's own columns are no secret, and wrong as those of others.
            match SYSTEM_COLUMNS.contains(&name) {
                true => shown.push_str(name),
                false => shown.push_str(&self.name(Named::Column, name)),
            }
            shown.push_str(part.get(name.len()..).unwrap_or_default());
        }
        shown
    }

    /// The name of a branch; it may have several parts.
    pub fn branch(&self, text: &str) -> String {
        let parts = text.split('/').map(|part| match part {
            "main" => part.to_string(),
            part => self.place(Named::Branch, part),
        });
        parts.collect::<Vec<_>>().join("/")
    }

    /// The name of a tag.
    pub fn tag(&self, text: &str) -> String {
        self.name(Named::Tag, text)
    }

    /// A value of metadata.
    pub fn value(&self, text: &str) -> String {
        match self.redacting {
            true => self.name(Named::Value, text),
            false => without_credentials(text),
        }
    }

    /// A path below a folder of the dataset.
    pub fn relative(&self, path: &str) -> String {
        if !self.redacting {
            return path.to_string();
        }
        let last = path.split('/').count().saturating_sub(1);
        let parts = path.split('/').enumerate();
        let mut names = self.names();
        let parts = parts.map(|(at, part)| names.part(part, at < last));
        parts.collect::<Vec<_>>().join("/")
    }

    /// The bytes of a uuid. Those that are no uuid keep their number.
    pub fn uuid(&self, real: &[u8]) -> Bytes {
        if !self.redacting {
            return Bytes::copy_from_slice(real);
        }
        match real.len() {
            16 => Bytes::copy_from_slice(&self.names().uuid(real)),
            other => Bytes::from(vec![0; other]),
        }
    }

    /// A base path: a URL, or a path of this machine.
    pub fn base(&self, text: &str) -> String {
        let shown = match (self.redacting, text.split_once("://")) {
            (false, _) => without_credentials(text),
            (true, Some((scheme, rest))) => {
                let slash = if rest.starts_with('/') { "/" } else { "" };
                format!("{scheme}://{slash}{}", self.name(Named::Path, text))
            }
            (true, None) if Path::new(text).is_absolute() => {
                format!("/{}", self.name(Named::Path, text))
            }
            (true, None) => self.name(Named::Path, text),
        };
        let parsed = |text: &str| Location::parse(text.as_ref()).ok();
        if let (Some(from), Some(to)) = (parsed(&shown), parsed(text))
            && from != to
        {
            let mut names = self.names();
            if !names.roots.iter().any(|(known, _)| *known == from) {
                names.roots.push((from, to));
            }
        }
        shown
    }

    /// What a place is shown as; what is below it is shown below that.
    pub fn root(&self, real: &Location) -> Location {
        if !self.redacting {
            return real.clone();
        }
        let shown = format!("/{}", self.name(Named::Path, &real.to_string()));
        let from = Location::from_path(shown);
        self.names().roots.push((from.clone(), real.clone()));
        from
    }

    fn place(&self, what: Named, text: &str) -> String {
        let shown = self.name(what, text);
        if shown != text {
            self.names().real.insert(shown.clone(), text.to_string());
        }
        shown
    }

    /// The root that a shown place is below, and the parts of the path from there.
    fn below(&self, shown: &Location) -> Option<(Location, Vec<String>)> {
        let names = self.names();
        let roots = names.roots.iter();
        let found = roots.filter_map(|(root, real)| Some((real, shown.below(root)?)));
        let (real, parts) = found.min_by_key(|(_, parts)| parts.len())?;
        Some((real.clone(), parts))
    }

    fn real(&self, shown: &Location) -> Location {
        let Some((root, parts)) = self.below(shown) else {
            return shown.clone();
        };
        let names = self.names();
        parts.iter().fold(root, |place, part| {
            place.join(names.real.get(part).map_or(part, |real| real))
        })
    }

    /// The shown name of something in a folder, which `folder` says by its shown parts.
    fn listed(&self, folder: &[String], name: &str, is_folder: bool) -> String {
        let folder: Vec<&str> = folder.iter().map(String::as_str).collect();
        let kept = |rest: &str| rest.starts_with('_') || rest == "data";
        let shown = match folder.as_slice() {
            ["_refs", "tags"] => match name.strip_suffix(".json") {
                Some(tag) => format!("{}.json", self.tag(tag)),
                None => self.names().part(name, is_folder),
            },
            ["_refs", "branches"] => match name.strip_suffix(".json") {
                // A slash in a branch's name is escaped in the file's.
                Some(branch) => {
                    let branch = self.branch(&branch.replace("%2F", "/"));
                    format!("{}.json", branch.replace('/', "%2F"))
                }
                None => self.names().part(name, is_folder),
            },
            ["tree", rest @ ..] if is_folder && !kept(name) && !rest.iter().any(|r| kept(r)) => {
                self.place(Named::Branch, name)
            }
            [.., "_indices"] => match uuid_bytes(name) {
                Some(uuid) => uuid_text(self.names().uuid(&uuid)),
                None => self.names().part(name, is_folder),
            },
            _ => self.names().part(name, is_folder),
        };
        if shown != name {
            self.names().real.insert(shown.clone(), name.to_string());
        }
        shown
    }
}

/// A storage seen through a [`Redactor`].
#[derive(Debug)]
pub struct RedactingStorage {
    inner: Arc<dyn Storage>,
    redactor: Arc<Redactor>,
}

impl RedactingStorage {
    /// Shows `inner` with the names that `redactor` gives.
    pub fn new(inner: Arc<dyn Storage>, redactor: Arc<Redactor>) -> Self {
        Self { inner, redactor }
    }

    /// The file of a tag or branch names branches in JSON.
    fn reference(&self, bytes: Bytes) -> Bytes {
        let Ok(mut contents) = serde_json::from_slice::<serde_json::Value>(&bytes) else {
            return bytes;
        };
        let keys = ["branch", "parentBranch", "parent_branch"];
        for key in keys {
            if let Some(serde_json::Value::String(branch)) = contents.get_mut(key) {
                *branch = self.redactor.branch(branch);
            }
        }
        serde_json::to_vec(&contents).map_or(bytes, Bytes::from)
    }
}

impl Storage for RedactingStorage {
    fn tail(&self, location: &Location, want: u64) -> Result<Tail, StorageError> {
        let mut tail = self.inner.tail(&self.redactor.real(location), want)?;
        let below = self
            .redactor
            .redacting()
            .then(|| self.redactor.below(location));
        if let Some((_, parts)) = below.flatten()
            && parts.first().is_some_and(|part| part == "_refs")
            && tail.bytes.len() as u64 == tail.size
        {
            tail.bytes = self.reference(tail.bytes);
            tail.size = tail.bytes.len() as u64;
        }
        Ok(tail)
    }

    fn tail_stated(
        &self,
        location: &Location,
        want: u64,
        stated: u64,
    ) -> Result<Tail, StorageError> {
        self.inner
            .tail_stated(&self.redactor.real(location), want, stated)
    }

    fn range(&self, location: &Location, range: Range<u64>) -> Result<Bytes, StorageError> {
        self.inner.range(&self.redactor.real(location), range)
    }

    fn list(&self, location: &Location) -> Result<Vec<Entry>, StorageError> {
        let mut entries = self.inner.list(&self.redactor.real(location))?;
        if self.redactor.redacting() {
            let folder = self
                .redactor
                .below(location)
                .map_or_else(Vec::new, |(_, p)| p);
            for entry in &mut entries {
                entry.name = self.redactor.listed(&folder, &entry.name, entry.is_dir);
            }
            entries.sort_by(|a, b| a.name.cmp(&b.name));
        }
        Ok(entries)
    }

    fn is_dir(&self, location: &Location) -> Result<Option<bool>, StorageError> {
        self.inner.is_dir(&self.redactor.real(location))
    }

    fn redactor(&self) -> Option<&Redactor> {
        Some(&self.redactor)
    }

    fn follows(&self, root: &Location, base: &Location) -> Result<(), NotFollowed> {
        self.inner
            .follows(&self.redactor.real(root), &self.redactor.real(base))
    }

    fn follows_links(&self) -> bool {
        self.inner.follows_links()
    }

    fn confine(&self, root: &Location) {
        self.inner.confine(&self.redactor.real(root));
    }

    fn concurrency(&self, location: &Location) -> Option<usize> {
        self.inner.concurrency(&self.redactor.real(location))
    }

    fn meter(&self) -> &Meter {
        self.inner.meter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_urls_and_nothing_else_does() {
        let shown = without_credentials("s3://key:secret@bucket/a/b.lance?X-Sig=abc#f");
        assert_eq!(shown, "s3://***@bucket/a/b.lance?***");
        assert_eq!(without_credentials("gs://bucket/a@b"), "gs://bucket/a@b");
        assert_eq!(without_credentials("/a/b?c@d"), "/a/b?c@d");
    }

    #[test]
    fn what_is_shown_leads_back_to_the_file() {
        let redactor = Redactor::new(true);
        let root = redactor.root(&Location::from_path("/home/me/x.lance"));
        assert_eq!(root.to_string(), "/path-1");
        let shown = root.join("data").join(&redactor.relative("in/u.lance"));
        assert_eq!(shown.to_string(), "/path-1/data/path-2/file-1.lance");
        assert_eq!(
            redactor.real(&shown).to_string(),
            "/home/me/x.lance/data/in/u.lance"
        );
        assert_eq!(redactor.relative("../u.lance"), "../file-1.lance");
    }

    #[test]
    fn one_name_is_shown_as_one_and_keeps_what_readers_stumble_over() {
        let redactor = Redactor::new(true);
        assert_eq!(redactor.column("a"), "column-1");
        assert_eq!(redactor.column("b.a"), "column-2.column-1");
        assert_eq!(redactor.column(""), "");
        assert_eq!(redactor.name(Named::Value, "a"), "value-1");
        assert_eq!(Redactor::new(false).column("a"), "a");
    }
}
