//! Which base paths of a manifest are followed.
//!
//! A manifest may name any path or URL as a base path, and whoever wrote it decides what is read
//! there, with whose credentials. So a dataset leads to its own folder and its own store only,
//! unless the user names another place.

use super::{Location, Storage};

/// The folder of branches in a dataset.
const BRANCHES: &str = "tree";
/// The folder of its manifests.
const VERSIONS: &str = "_versions";
/// The folder of its data files.
const DATA: &str = "data";

/// What users say of base paths.
#[derive(Debug, Clone, Default)]
pub struct Bases {
    /// Places that base paths may lead to, with all that is below them.
    pub allowed: Vec<Location>,
    /// No base path leads out of the dataset's folder, unless it is allowed.
    pub untrusted: bool,
}

/// Why a base path is not followed: a clause about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotFollowed {
    /// It is in a store that the user did not name.
    #[error(
        "it is in another store than the dataset, and the credentials at hand are for that one"
    )]
    OtherStore,
    /// It is on this machine, and the dataset is not.
    #[error("the dataset is in a store, and does not lead to files of this machine")]
    Local,
    /// Something else than data of Lance is there.
    #[error("what is there does not look like data of Lance")]
    NotLance,
    /// It is outside the dataset's folder, and the run is told not to trust the dataset.
    #[error("it is outside the dataset's folder, and --untrusted follows no such path")]
    Outside,
}

impl Bases {
    /// Whether a place is one that the user allowed, or below one.
    pub fn allows(&self, place: &Location) -> bool {
        self.allowed.iter().any(|allowed| is_within(place, allowed))
    }

    /// Whether a base path of the dataset at `root` is followed.
    ///
    /// # Errors
    /// Why it is not.
    pub fn judge(
        &self,
        storage: &dyn Storage,
        root: &Location,
        base: &Location,
    ) -> Result<(), NotFollowed> {
        let root = &dataset_of_branch(storage, root);
        match (root.as_key(), base.as_key()) {
            // Not even where it is allowed: paths of this machine mean nothing to a store's dataset.
            (Some(_), None) => return Err(NotFollowed::Local),
            (Some(_), Some(_))
                if base.is_in_store_of(root) && (!self.untrusted || base.below(root).is_some()) =>
            {
                return Ok(());
            }
            _ => {}
        }
        if self.allows(base) {
            return Ok(());
        }
        match (base.as_key(), base.is_in_store_of(root)) {
            (Some(_), false) => Err(NotFollowed::OtherStore),
            (Some(_), true) => Err(NotFollowed::Outside),
            (None, _) if is_within(base, root) => Ok(()),
            (None, _) if self.untrusted => Err(NotFollowed::Outside),
            (None, _) => looks_like_lance(storage, base),
        }
    }
}

/// Whether a place is another one, or below it, where both really are.
fn is_within(place: &Location, above: &Location) -> bool {
    place.normalised().below(&above.normalised()).is_some()
}

/// The dataset that a branch belongs to; a root that is no branch stays, also where a folder above
/// it has the name of the folder of branches.
pub(super) fn dataset_of_branch(storage: &dyn Storage, root: &Location) -> Location {
    let mut at = root.clone();
    while let Some(above) = at.parent().filter(|above| *above != at) {
        if at.file_name() == BRANCHES && storage.is_dir(&above.join(VERSIONS)) == Ok(Some(true)) {
            return above;
        }
        at = above;
    }
    root.clone()
}

/// Nothing that is there is no reason: what is missing is to be found.
fn looks_like_lance(storage: &dyn Storage, base: &Location) -> Result<(), NotFollowed> {
    let is_dir = |place: &Location| storage.is_dir(place) == Ok(Some(true));
    match storage.is_dir(base) {
        Ok(None) => return Ok(()),
        Ok(Some(true)) => {}
        _ => return Err(NotFollowed::NotLance),
    }
    let has_data = |folder: &Location| {
        let entries = storage.list(folder).unwrap_or_default();
        entries.is_empty() || entries.iter().any(|entry| entry.name.ends_with(".lance"))
    };
    let data = base.join(DATA);
    match is_dir(&base.join(VERSIONS)) || is_dir(&data) && has_data(&data) || has_data(base) {
        true => Ok(()),
        false => Err(NotFollowed::NotLance),
    }
}
