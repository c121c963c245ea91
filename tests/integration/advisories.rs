//! Every advisory speaks on a dataset that a release with its bug wrote.
use std::collections::BTreeSet;

use crate::common::{lint, root, stdout};
use serde_json::Value;

fn names(folder: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(root().join(folder)).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn findings(arguments: &[&str]) -> Vec<Value> {
    let output = lint(&[arguments, &["--format", "json"]].concat());
    let document: Value = serde_json::from_str(&stdout(&output)).expect("valid JSON");
    document["findings"].as_array().unwrap().clone()
}

/// The advisories that are named in what is found in a dataset: by themselves, or as the cause of
/// what the metadata shows.
fn named(dataset: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    let all = [findings(&[dataset]), findings(&[dataset, "--all-versions"])];
    for finding in all.iter().flatten() {
        for part in ["message", "cause"] {
            let text = finding[part].as_str().unwrap_or_default();
            let found = text.match_indices("LL-");
            ids.extend(found.filter_map(|(at, _)| text.get(at..at + 7).map(str::to_string)));
        }
    }
    ids
}

#[test]
fn every_advisory_speaks_on_the_dataset_of_its_name() {
    let datasets = names("testdata/advisories");
    for file in names("advisories") {
        let id = file.trim_end_matches(".toml");
        let own: Vec<&String> = datasets
            .iter()
            .filter(|name| name.starts_with(id))
            .collect();
        assert!(!own.is_empty(), "{id} has no dataset");
        for dataset in own {
            let found = named(&format!("testdata/advisories/{dataset}"));
            // Of some there is a second dataset, by another way to the same damage.
            let twin = dataset.as_str() != id;
            assert!(twin || found.contains(id), "{dataset}: {found:?}");
            assert!(!found.is_empty(), "{dataset}");
        }
    }
}

/// Metadata cannot tell whether these lost anything: they are infos, with a way to find out.
#[test]
fn what_metadata_cannot_confirm_is_an_info() {
    for id in [
        "LL-0001", "LL-0002", "LL-0003", "LL-0016", "LL-0019", "LL-0020",
    ] {
        let found = findings(&[&format!("testdata/advisories/{id}")]);
        let mut known = found
            .iter()
            .filter(|finding| finding["rule"] == "known-bug");
        assert!(
            found.iter().any(|finding| finding["rule"] == "known-bug"),
            "{id}"
        );
        assert!(
            known.all(|finding| finding["severity"] == "info"),
            "{id}: {found:#?}"
        );
    }
}

#[test]
fn what_metadata_shows_is_not_said_again_as_an_exposure() {
    let found = findings(&["testdata/advisories/LL-0005"]);
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["rule"], "layers-mismatch");
    assert!(found[0]["cause"].as_str().unwrap().contains("LL-0005"));
}
