//! The files that a check would read.

use crate::check::Request;
use crate::check::dataset::{Parts, chosen_files};
use crate::error::Error;
use crate::model::snapshot;
use crate::model::target::{Scope, Target, resolve};
use crate::storage::{Location, Storage};

/// Lists manifests and data files, those of a dataset in the order of its fragments, and what
/// could not be listed.
pub fn list(storage: &dyn Storage, request: &Request) -> (Vec<String>, Vec<Error>) {
    let (targets, errors) = resolve(storage, &request.paths);
    let mut failures: Vec<Error> = errors.into_iter().collect();
    let mut files = Vec::new();
    for target in targets {
        match target {
            Target::File(location) => files.push(location.to_string()),
            Target::Dataset { root, scope } => match dataset(storage, &root, &scope, request) {
                Ok(listed) => files.extend(listed),
                Err(failure) => failures.push(failure),
            },
        }
    }
    (files, failures)
}

fn dataset(
    storage: &dyn Storage,
    root: &Location,
    scope: &Scope,
    request: &Request,
) -> Result<Vec<String>, Error> {
    let manifest = scope.manifest(&request.selection);
    let opened = snapshot::open(storage, root, &request.selection, manifest)?;
    let Some(snapshot) = &opened.snapshot else {
        return Err(Error::other(format!(
            "no manifest of {root} can be read, so its files cannot be listed; check it to see why"
        )));
    };
    let mut files = vec![snapshot.root.join(&snapshot.entry.path).to_string()];
    let parts = Parts::new(snapshot, scope);
    for (fragment, entry) in chosen_files(snapshot, &parts, request)? {
        let fragment = snapshot.message().fragments.get(fragment);
        let Some(entry) = fragment.and_then(|fragment| fragment.files.get(entry)) else {
            continue;
        };
        // A base path that leads nowhere is a finding of the check.
        if let Ok(directory) = snapshot.data_directory(entry.base_id) {
            files.push(directory.join(&entry.path).to_string());
        }
    }
    Ok(files)
}
