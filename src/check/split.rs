//! A snapshot cut into ranges of fragments, for checks that run beside each other.

use std::ffi::OsString;
use std::num::NonZeroUsize;

use crate::error::Error;
use crate::model::snapshot::{self, Selection};
use crate::model::target::{Target, resolve};
use crate::storage::Storage;

/// Ranges of fragments that together are a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The dataset, as the user wrote it.
    pub path: String,
    /// The version that they are of.
    pub version: u64,
    /// The branch, when one was chosen.
    pub branch: Option<String>,
    /// The ranges, in ascending order.
    pub units: Vec<Unit>,
}

/// Fragments whose ids are from one to before another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// The first id.
    pub start: u64,
    /// The one after the last.
    pub end: u64,
    /// How many fragments there are between them.
    pub fragments: u64,
}

/// Cuts a snapshot into so many ranges of about as many fragments each; into fewer, where it has
/// fewer fragments.
///
/// # Errors
/// [`Error`] when the path, version, tag or branch does not exist, or has no manifest that can
/// be read.
pub fn split(
    storage: &dyn Storage,
    path: OsString,
    selection: &Selection,
    into: NonZeroUsize,
) -> Result<Split, Error> {
    let (targets, errors) = resolve(storage, &[path]);
    if let Some(error) = errors.into_iter().next() {
        return Err(error);
    }
    let (root, scope) = match targets.into_iter().next() {
        Some(Target::Dataset { root, scope }) => (root, scope),
        Some(Target::File(location)) => {
            return Err(Error::other(format!(
                "{location} is a single file; split needs a dataset"
            )));
        }
        None => return Err(Error::other("there is nothing to split".to_string())),
    };
    let manifest = scope.manifest(selection);
    let opened = snapshot::open(storage, &root, selection, manifest)?;
    let Some(snapshot) = &opened.snapshot else {
        return Err(Error::other(format!(
            "no manifest of {root} can be read, so it cannot be split; check it to see why"
        )));
    };
    let fragments = snapshot.message().fragments.iter();
    let mut ids: Vec<u64> = fragments.map(|fragment| fragment.id).collect();
    ids.sort_unstable();
    ids.dedup();
    // A tag of a branch leads there.
    let branch = snapshot.message().branch.clone();
    let branch = branch.filter(|branch| !branch.is_empty() && selection.tag.is_some());
    Ok(Split {
        path: root.to_string(),
        version: snapshot.entry.version,
        branch: selection.branch.clone().or(branch),
        units: units(&ids, into),
    })
}

/// Cuts ids, which ascend.
fn units(ids: &[u64], into: NonZeroUsize) -> Vec<Unit> {
    let count = into.get().min(ids.len()).max(1);
    let bound = |unit: usize| {
        let bound = ids.len() as u128 * unit as u128 / count as u128;
        usize::try_from(bound).unwrap_or(ids.len())
    };
    let behind = ids.last().map_or(0, |last| last.saturating_add(1));
    let id = |at: usize| ids.get(at).copied().unwrap_or(behind);
    let unit = |unit: usize| {
        let (start, end) = (bound(unit), bound(unit + 1));
        Unit {
            start: id(start),
            end: id(end),
            fragments: (end - start) as u64,
        }
    };
    (0..count).map(unit).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn cut(ids: &[u64], into: usize) -> Vec<(u64, u64, u64)> {
        let units = units(ids, NonZeroUsize::new(into).unwrap());
        units
            .iter()
            .map(|u| (u.start, u.end, u.fragments))
            .collect()
    }

    #[test]
    fn units_hold_about_as_many_fragments_and_leave_none_out() {
        assert_eq!(cut(&[3, 4, 9, 90, 91], 2), [(3, 9, 2), (9, 92, 3)]);
        assert_eq!(cut(&[3, 4], 5), [(3, 4, 1), (4, 5, 1)]);
        assert_eq!(cut(&[7], 1), [(7, 8, 1)]);
        assert_eq!(cut(&[], 4), [(0, 0, 0)]);
        let ids: Vec<u64> = (0..10_000).map(|id| id * 2).collect();
        let units = cut(&ids, 64);
        assert_eq!(units.len(), 64);
        assert!(
            units
                .iter()
                .all(|(.., fragments)| (156..=157).contains(fragments))
        );
        assert!(
            units
                .windows(2)
                .all(|pair| matches!(pair, [a, b] if a.1 == b.0))
        );
    }
}
