//! Which fixtures trigger which rules, and that healthy ones trigger none.
use std::collections::{BTreeMap, BTreeSet};

use crate::common::{broken_fixtures, clean_fixtures, fixtures, lint, root, stdout};
use lance_lint::rules::{COLUMN_RULES, COLUMNS_RULES, FILE_RULES, FRAGMENT_RULES, RULES, Rule};
use serde_json::Value;

fn findings(fixture: &str) -> Vec<Value> {
    let output = lint(&[fixture, "--format", "json"]);
    let document: Value = serde_json::from_str(&stdout(&output)).expect("valid JSON");
    document["findings"].as_array().expect("findings").clone()
}

/// The levels whose rules are listed by themselves, as their methods are called.
const LEVELS: [(&str, &[&dyn Rule]); 4] = [
    ("fragment", FRAGMENT_RULES),
    ("file", FILE_RULES),
    ("column", COLUMN_RULES),
    ("columns", COLUMNS_RULES),
];

/// Of sound datasets nothing is said but which bugs of releases concern them: an info where a
/// writer may have damaged them, more where today's reader reads them wrong (packed structs).
#[test]
fn healthy_datasets_are_silent() {
    for fixture in clean_fixtures() {
        let mut found = findings(&fixture);
        found.retain(|finding| {
            let is_info = finding["severity"] == "info";
            finding["rule"] != "known-bug" || !(is_info || fixture.contains("packed"))
        });
        assert!(found.is_empty(), "{fixture}: {found:#?}");
    }
}

/// Leaves out which bugs of releases concern a dataset, where that is not its fault: what a writer may
/// have done elsewhere, and what today's reader does wrong with sound packed structs.
fn beside_bugs(found: &mut Vec<serde_json::Value>) {
    if found.iter().any(|finding| finding["rule"] != "known-bug") {
        found.retain(|finding| finding["rule"] != "known-bug");
    }
}

/// Where one fault is in several columns, each has a finding of its own, of one and the same rule.
#[test]
fn one_fault_is_one_finding() {
    for fixture in broken_fixtures() {
        let mut found = findings(&fixture);
        // Released readers refuse overlays as such, whatever is wrong with them.
        if fixture.contains("/overlay-") && found.len() > 1 {
            found.retain(|finding| finding["rule"] != "feature-flag");
        }
        // Lance 0.21.0 built its index in the old format, and listed it wrong.
        if fixture.contains("/index-segments-overlapping-by-0.21.0") {
            found.retain(|finding| finding["rule"] != "index-format-old");
        }
        // The type that was written says how to repair the one that Arrow refuses.
        if fixture.contains("/decimal-precision") {
            found.retain(|finding| finding["rule"] != "field-type-changed");
        }
        beside_bugs(&mut found);
        // Neither the manifest nor the deletion file tells how many rows are deleted.
        if fixture.contains("/deletion-file-garbage") {
            found.retain(|finding| finding["rule"] != "row-counts-absent");
        }
        let rules: BTreeSet<_> = found.iter().map(|f| f["rule"].to_string()).collect();
        assert_eq!(rules.len(), 1, "{fixture}: {found:#?}");
        let columns: BTreeSet<_> = found
            .iter()
            .map(|f| f["location"]["column"].to_string())
            .collect();
        assert_eq!(columns.len(), found.len(), "{fixture}: {found:#?}");
    }
}

/// Which children of a packed struct today's reader reads wrong depends on their widths.
#[test]
fn packed_structs_are_told_by_what_the_reader_does_with_them() {
    for (fixture, advisory, severity) in [
        ("advisories/LL-0017", "LL-0017", "error"),
        ("advisories/LL-0018", "LL-0018", "warning"),
        ("clean/packed-struct-2.0", "LL-0018", "warning"),
        ("clean/packed-struct-2.1", "LL-0018", "warning"),
        ("clean/packed-struct-2.2", "LL-0018", "warning"),
        ("clean/trap-packed-string-child-2.2", "LL-0017", "error"),
    ] {
        let found = findings(&format!("testdata/{fixture}"));
        assert_eq!(found.len(), 1, "{fixture}: {found:#?}");
        assert_eq!(found[0]["severity"], severity, "{fixture}");
        let message = found[0]["message"].as_str().expect("a message");
        assert!(message.starts_with(advisory), "{fixture}: {message}");
        let help = found[0]["help"].to_string();
        assert!(
            !help.contains("COLUMN") && !help.contains("CHILD"),
            "{help}"
        );
    }
}

/// What is wrong with these is not in their metadata, or in none that is looked at.
#[test]
fn what_metadata_cannot_show_is_not_guessed_at() {
    for entry in std::fs::read_dir(root().join("testdata/beyond")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let found = findings(&format!("testdata/beyond/{name}"));
        assert!(found.is_empty(), "{name}: {found:#?}");
    }
}

#[test]
fn every_rule_has_a_fixture_and_every_rule_file_is_registered() {
    let mut fired = BTreeSet::new();
    for fixture in fixtures() {
        for finding in findings(&fixture) {
            fired.insert(finding["rule"].as_str().expect("a rule").to_string());
        }
    }
    let registered: BTreeSet<String> = RULES
        .iter()
        .map(|rule| rule.info().id.to_string())
        .collect();
    assert_eq!(registered.len(), RULES.len(), "two rules share a name");
    // It takes a decoder, and tests/decode.rs.
    fired.insert("decode-failed".to_string());
    // It takes an option, and the test below.
    fired.insert("reader-too-old".to_string());
    let unfired: Vec<_> = registered.difference(&fired).collect();
    assert!(unfired.is_empty(), "no fixture triggers {unfired:?}");
    for entry in std::fs::read_dir(root().join("src/rules")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let id = name.trim_end_matches(".rs").replace('_', "-");
        // The files that are no rules.
        let helpers = [
            "mod",
            "blob",
            "suppress",
            "ignore-key",
            "keys",
            "fixes",
            "page",
        ];
        if !helpers.contains(&id.as_str()) {
            assert!(registered.contains(&id), "{name} is not registered");
            let file = root().join("src/rules").join(&name);
            let text = std::fs::read_to_string(file).unwrap();
            for (level, rules) in LEVELS {
                let judges = text.contains(&format!("\n    fn {level}("));
                let listed = rules.iter().any(|rule| rule.info().id == id);
                assert_eq!(
                    listed, judges,
                    "{name} among the rules of the level {level}"
                );
            }
        }
    }
    // In another order, findings would stand in another order.
    for (level, rules) in LEVELS {
        let ids: Vec<&str> = rules.iter().map(|rule| rule.info().id).collect();
        let order = RULES.iter().map(|rule| rule.info().id);
        let ordered: Vec<&str> = order.filter(|id| ids.contains(id)).collect();
        assert_eq!(ids, ordered, "the level {level}");
    }
}

#[test]
fn a_reader_that_is_too_old_is_named_with_what_it_does_not_know() {
    let fixture = "testdata/clean/by-pylance-14.0.2-2.1";
    for (reader, outcome) in [("pylance==0.32.1", 1), ("14.0.2", 0), ("0.39", 0)] {
        let output = lint(&[fixture, "--reader", reader, "--format", "json"]);
        assert_eq!(output.status.code(), Some(outcome), "{reader}");
        let document: Value = serde_json::from_str(&stdout(&output)).expect("valid JSON");
        let found = document["findings"].as_array().expect("findings");
        assert_eq!(
            found.len(),
            usize::from(outcome == 1),
            "{reader}: {found:#?}"
        );
        for finding in found {
            assert_eq!(finding["rule"], "reader-too-old");
            assert!(
                finding["found"]
                    .as_str()
                    .unwrap()
                    .contains("data files of 2.1"),
                "{finding:#}"
            );
        }
    }
    let output = lint(&[fixture, "--reader", "newest"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn the_founding_case_is_one_error_at_the_right_place() {
    let found = findings("testdata/daft-blob.lance");
    assert_eq!(found.len(), 1);
    let finding = &found[0];
    assert_eq!(finding["rule"], "blob-stored-plain");
    assert_eq!(finding["severity"], "error");
    let location = &finding["location"];
    assert_eq!(location["dataset"], "testdata/daft-blob.lance");
    assert_eq!(location["version"], 1);
    assert_eq!(location["fragment"], 0);
    assert_eq!(location["column"], "blob");
    assert_eq!(location["column_index"], 0);
    assert_eq!(location["page"], 0);
    assert_eq!(location["byte_range"]["start"], 0);
    let cause = finding["cause"].as_str().expect("a cause");
    assert!(
        cause.contains("the writer dropped field metadata"),
        "{cause}"
    );
    assert_eq!(finding["help"].as_array().expect("fixes").len(), 2);
    let message = finding["reader_message"].as_str().expect("a message");
    assert!(
        message.contains("Expected a struct encoding because we have a struct field in the schema")
    );
}

/// Fixtures are named for what is wrong with them; this is what must be found in each family.
#[test]
fn blob_forms_are_told_apart() {
    let expected: BTreeMap<&str, &str> = BTreeMap::from([
        ("blob-plain-", "blob-stored-plain"),
        ("blob-v2-over-plain-", "blob-stored-plain"),
        ("blob-mixed-fragments-2", "blob-stored-plain"),
        ("blob-mixed-fragments-unflagged-", "blob-undeclared"),
        ("blob-unflagged-", "blob-undeclared"),
        ("blob-encoding-on-", "blob-undeclared"),
        ("blob-v1-key-on-", "blob-version-mismatch"),
        ("blob-add-columns-2.2", "blob-version-mismatch"),
        ("blob-in-list-", "blob-in-list"),
        ("blob-in-0.1", "blob-in-legacy-file"),
        ("blob-clone-", "blob-behind-base-path"),
        ("blob-layers-empty-", "blob-descriptors-malformed"),
        ("blob-layout-on-plain-", "blob-descriptors-malformed"),
        ("blob-inner-missing-", "blob-descriptors-malformed"),
        ("blob-page-not-packed-", "blob-descriptors-malformed"),
    ]);
    assert_families(&expected);
}

#[test]
fn bugs_of_writers_and_of_commits_are_told_apart() {
    assert_families(&BTreeMap::from([
        ("fields-reordered-", "fields-swapped"),
        ("struct-children-reordered-", "fields-swapped"),
        ("packed-children-reordered-", "fields-swapped"),
        ("type-narrowed-", "field-type-changed"),
        ("type-changed-", "field-type-changed"),
        ("type-widened-", "field-type-changed"),
        ("packed-added-", "packed-struct-mismatch"),
        ("packed-yes-", "packed-struct-mismatch"),
        ("packed-1-", "packed-struct-mismatch"),
        ("packed-false-", "packed-struct-mismatch"),
        ("packed-keys-conflict-", "packed-struct-mismatch"),
        ("packed-on-list-", "packed-struct-mismatch"),
        ("packed-bool-child-", "encoding-malformed"),
        ("packed-nested-struct-", "type-unreadable"),
        ("packed-empty-struct-", "empty-struct-shifts-columns"),
        ("empty-struct-first-2", "empty-struct-shifts-columns"),
        ("fsl-struct-2.0", "type-unreadable"),
        ("fsl-struct-beside-", "column-lengths-differ"),
        ("required-with-nulls-", "nulls-in-required-field"),
        ("required-field-without-column-", "field-not-listed"),
        ("list-null-by-", "layers-mismatch"),
        ("json-by-", "type-unreadable"),
    ]));
}

#[test]
fn edits_are_told_apart() {
    assert_families(&BTreeMap::from([
        ("flat-wider-", "encoding-type-mismatch"),
        ("flat-narrower-", "encoding-type-mismatch"),
        ("codec-wrong-position-", "encoding-malformed"),
        ("compression-scheme-unknown-", "encoding-malformed"),
        ("layers-missing-for-", "layers-mismatch"),
        ("sibling-layers-", "layers-mismatch"),
        ("page-buffer-out-of-file-", "page-buffers-mismatch"),
        ("page-buffer-misaligned-", "page-buffers-mismatch"),
        ("page-buffer-shared-", "page-buffers-shared"),
        ("miniblock-items-", "page-rows-mismatch"),
        ("column-length-unequal-", "column-lengths-differ"),
        ("physical-rows-", "row-count-mismatch"),
        ("row-count-absent-", "row-counts-absent"),
        ("deletion-count-absent-", "row-counts-absent"),
        ("index-file-", "index-files-missing"),
        ("index-damaged-", "index-file-damaged"),
        ("index-text-", "index-list-invalid"),
        ("index-vector-", "index-list-invalid"),
        ("ref-", "ref-unreadable"),
        ("created-at-", "row-ids-invalid"),
        ("branch-", "branch-lost"),
        ("tag-", "tag-without-version"),
        ("clone-source-cleaned-", "data-file-missing"),
        ("column-index-swapped-", "column-mapping-mismatch"),
        ("column-indices-", "column-index-invalid"),
        ("struct-child-unlisted-", "field-not-listed"),
        ("field-in-two-files-", "field-in-two-files"),
        ("global-buffers-none-", "global-buffer-misplaced"),
        ("schema-", "schema-invalid"),
    ]));
}

fn assert_families(expected: &BTreeMap<&str, &str>) {
    for (prefix, rule) in expected {
        let prefix = format!("testdata/broken/{prefix}");
        let family: Vec<String> = broken_fixtures()
            .into_iter()
            .filter(|path| path.starts_with(&prefix))
            .collect();
        assert!(!family.is_empty(), "no fixture {prefix}*");
        for fixture in family {
            let mut found = findings(&fixture);
            beside_bugs(&mut found);
            let mut rules: Vec<_> = found
                .iter()
                .map(|finding| finding["rule"].clone())
                .collect();
            rules.dedup();
            assert_eq!(rules, [*rule], "{fixture}");
        }
    }
}
