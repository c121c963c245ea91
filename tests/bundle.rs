//! What `bundle` writes: it is there for every dataset however broken, follows its schema, and
//! gives away neither values nor, redacted, names.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use std::collections::BTreeMap;

use common::{fixtures, lint, root, stderr, stdout};
use serde_json::Value;

const SCHEMA: &str = "docs/bundle.schema.json";

fn bundle(path: &str, options: &[&str]) -> Value {
    let output = lint(&[&["bundle", path, "-o", "-"], options].concat());
    assert_eq!(output.status.code(), Some(0), "{path}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("valid JSON")
}

/// The rules of all findings with their severities and counts.
fn verdicts(document: &Value) -> BTreeMap<(String, String, u64), usize> {
    let mut verdicts = BTreeMap::new();
    for finding in document["findings"].as_array().expect("findings") {
        let text = |key: &str| finding[key].as_str().expect("text").to_string();
        let count = finding["count"].as_u64().expect("a count");
        *verdicts
            .entry((text("rule"), text("severity"), count))
            .or_default() += 1;
    }
    verdicts
}

#[test]
fn the_schema_that_is_checked_in_is_that_of_the_structures() {
    let schema =
        serde_json::to_string_pretty(&lance_lint::report::bundle::json_schema()).unwrap() + "\n";
    let path = root().join(SCHEMA);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &schema).unwrap();
    }
    let known = std::fs::read_to_string(&path).expect("the schema is checked in");
    assert_eq!(known, schema, "{SCHEMA} differs; BLESS=1 writes it anew");
}

#[test]
fn every_fixture_gives_a_bundle_that_says_the_same_with_and_without_names() {
    let schema: Value = serde_json::to_value(lance_lint::report::bundle::json_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    for fixture in fixtures() {
        let plain = bundle(&fixture, &[]);
        let redacted = bundle(&fixture, &["--redact"]);
        for document in [&plain, &redacted] {
            let errors: Vec<String> = validator
                .iter_errors(document)
                .map(|error| error.to_string())
                .collect();
            assert!(errors.is_empty(), "{fixture}: {errors:?}");
        }
        let checked = stdout(&lint(&[&fixture, "--format", "json"]));
        let checked: Value = serde_json::from_str(&checked).expect("valid JSON");
        assert_eq!(verdicts(&plain), verdicts(&checked), "{fixture}");
        assert_eq!(verdicts(&redacted), verdicts(&checked), "{fixture}");
        let again = bundle(&fixture, &["--redact"]);
        assert_eq!(
            redacted, again,
            "{fixture}: placeholders differ from run to run"
        );
    }
}
