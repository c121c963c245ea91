//! The table of readers says what real releases did: `testdata/readers.json`, which
//! `testdata/make/try_readers.py` writes.
use std::collections::BTreeMap;

use crate::common::{lint, root, stdout};
use serde_json::Value;

/// Fixtures of which the table says something else than the releases did, as far as it knows:
/// what the table says of opening and of reading, and why that is left so.
const OTHERWISE: &[(&str, &str)] = &[
    ("by-daft-latest-", NESTED),
    ("by-lancedb", NESTED),
    ("by-pylance-4.0.2-2.2", NESTED),
    ("by-pylance-9.0.1-2.2", NESTED),
    ("packed-struct-2.2", NESTED),
    ("trap-packed-string-child-2.2", NESTED),
    ("by-pylance-14.0.2-0.1", LONG),
    ("by-pylance-14.0.2-2.0", LONG),
    ("by-pylance-14.0.2-2.1", LONG),
    (
        "by-pylance-0.15.0-2.0",
        "2.0 was not finished before 0.16.0, and this file is as it was then",
    ),
    (
        "zero-rows-2.2",
        "without a page there is nothing to read, but for the version in the manifest",
    ),
];

const NESTED: &str = "2.0.x reads structs and lists of 2.2 whose nulls are in one level, and returns \
                      other values of those whose nulls are in several";
const LONG: &str = "0.11.1 to 0.12.1 panic when they open a manifest of this length, and those \
                    before and after do not";

fn number(release: &str) -> Vec<u32> {
    release
        .split('.')
        .map(|part| part.parse().expect("a number"))
        .collect()
}

/// What each release did with the datasets of a group: the ranges of the file, spread out.
fn spread<'a>(outcomes: &'a Value, releases: &[&str]) -> BTreeMap<usize, &'a str> {
    let at = |release: &str| {
        releases
            .iter()
            .position(|known| *known == release)
            .expect("a release")
    };
    let mut all = BTreeMap::new();
    for (range, outcome) in outcomes.as_object().unwrap() {
        let (first, last) = range.split_once("..").unwrap_or((range, range));
        for index in at(first)..=at(last) {
            all.insert(index, outcome.as_str().unwrap());
        }
    }
    all
}

/// The first release from which on none fails at one of these steps.
fn since(outcomes: &BTreeMap<usize, &str>, steps: &[&str]) -> Option<usize> {
    let fails = |outcome: &str| {
        let mut parts = outcome.split(", ");
        outcome != "reads" && parts.any(|part| steps.contains(&part.split(' ').next().unwrap()))
    };
    let good = outcomes
        .iter()
        .rev()
        .take_while(|(_, outcome)| !fails(outcome));
    good.last().map(|(index, _)| *index)
}

#[test]
fn the_table_says_what_real_releases_did() {
    let text = std::fs::read_to_string(root().join("testdata/readers.json")).expect("the record");
    let record: Value = serde_json::from_str(&text).expect("valid JSON");
    let releases = record["releases"].as_array().unwrap();
    let releases: Vec<&str> = releases
        .iter()
        .map(|release| release.as_str().unwrap())
        .collect();
    assert!(
        releases.len() >= 12 && releases.first() <= Some(&"0.9.19"),
        "{releases:?}"
    );
    let mut compared = 0;
    for group in record["groups"].as_array().unwrap() {
        let outcomes = spread(&group["outcomes"], &releases);
        for name in group["datasets"].as_object().unwrap().keys() {
            // The others are written again by the script, and not kept.
            let Some(fixture) = name.strip_prefix("clean/") else {
                continue;
            };
            let path = format!("testdata/{name}");
            let clone = format!("{path}/clone.lance");
            let path = if root().join(&clone).exists() {
                clone
            } else {
                path
            };
            let document: Value =
                serde_json::from_str(&stdout(&lint(&[&path, "--format", "json"])))
                    .expect("valid JSON");
            let readers = &document["subjects"][0]["dataset"]["readers"];
            let opens = since(&outcomes, &["open"]);
            let reads = since(&outcomes, &["open", "count", "schema", "scan", "take"]);
            for (kind, seen) in [("opens_since", opens), ("reads_since", reads)] {
                let said = readers[kind].as_str().map(number);
                // A release that was not tried counts as the next that was.
                let said = said.and_then(|said| releases.iter().position(|r| number(r) >= said));
                compared += 1;
                let excused = OTHERWISE
                    .iter()
                    .any(|(known, _)| fixture.starts_with(known));
                let shown = |index: Option<usize>| index.map(|index| releases[index]);
                assert!(
                    said == seen || excused,
                    "{fixture}: {kind} {:?}, and releases did so since {:?}",
                    shown(said),
                    shown(seen)
                );
            }
        }
    }
    assert!(
        compared > 100,
        "{compared} fixtures of the record are there"
    );
}
