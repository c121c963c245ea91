//! All versions of a dataset: since when a fault is there, what differs between two, and which
//! files none of them names.
use std::fs;
use std::time::{Duration, SystemTime};

use crate::common::{copy, golden, lint, root, stderr, stdout, without_time};
use serde_json::Value;

const SWAPPED: &str = "testdata/history/swapped-later-2.1";

fn json(arguments: &[&str]) -> Value {
    let output = lint(&[arguments, &["--format", "json"]].concat());
    serde_json::from_str(&stdout(&output)).expect("valid JSON")
}

#[test]
fn a_fault_that_was_mended_is_seen_in_the_versions_that_had_it() {
    assert_eq!(lint(&[SWAPPED]).status.code(), Some(0));
    let all = lint(&[SWAPPED, "--all-versions"]);
    assert_eq!(all.status.code(), Some(1));
    golden("history/all-versions.txt", &without_time(&stdout(&all)));
    let document = json(&[SWAPPED, "--all-versions"]);
    let findings = document["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let since = &findings[0]["since"];
    let facts = [&since["version"], &since["versions"], &since["in_latest"]];
    assert_eq!(facts.map(Value::to_string), ["3", "2", "false"]);
    assert_eq!(since["operation"], "Overwrite");
    assert_eq!(since["writer"], "lance 14.0.2");
}

#[test]
fn a_column_that_older_versions_lack_is_checked_where_it_is() {
    let dataset = "testdata/broken/field-in-two-files-2.1";
    let document = json(&[dataset, "--all-versions", "--column", "c"]);
    let rules: Vec<_> = document["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (&finding["rule"], &finding["since"]["version"]))
        .collect();
    assert_eq!(rules, [(&"field-in-two-files".into(), &3.into())]);
}

#[test]
fn a_fault_of_a_branch_is_said_to_be_of_it() {
    let scratch = tempfile::tempdir().unwrap();
    let dataset = scratch.path().join("d.lance");
    copy(&root().join(SWAPPED), &dataset);
    fs::remove_dir_all(dataset.join("tree/trial/one/_deletions")).unwrap();
    let dataset = dataset.to_str().unwrap();
    let document = json(&[dataset, "--all-versions"]);
    let findings = document["findings"].as_array().unwrap();
    let missing = findings
        .iter()
        .find(|finding| finding["rule"] == "deletion-file-missing")
        .expect("the branch lacks a deletion file");
    assert_eq!(missing["since"]["branch"], "trial/one");
    assert_eq!(missing["since"]["operation"], "Delete");
    assert_eq!(missing["since"]["in_latest"], true);
}

#[test]
fn a_commit_that_lost_rows_is_named_with_the_way_back() {
    let dataset = "testdata/history/append-lost-rows-2.2";
    assert_eq!(lint(&[dataset]).status.code(), Some(0));
    let document = json(&[dataset, "--all-versions"]);
    let findings = document["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let finding = &findings[0];
    assert_eq!(finding["rule"], "operation-inconsistent");
    assert_eq!(finding["severity"], "error");
    let message = finding["message"].as_str().unwrap();
    assert!(
        message.contains("version 3 (Append) lost 10 of 20 rows"),
        "{message}"
    );
    let since = &finding["since"];
    let facts = [&since["version"], &since["versions"], &since["in_latest"]];
    assert_eq!(facts.map(Value::to_string), ["3", "2", "true"]);
    let help = finding["help"].to_string();
    assert!(help.contains("lance.dataset(uri, version=2).restore()"));
    assert!(help.contains("do not run cleanup_old_versions()"));
    let diff = lint(&["diff", &format!("{dataset}@2"), &format!("{dataset}@3")]);
    let diff = stdout(&diff);
    assert!(diff.contains("lost by a commit (Append)"), "{diff}");
}

#[test]
fn rows_that_were_overwritten_or_restored_are_not_lost() {
    let document = json(&[SWAPPED, "--all-versions"]);
    let findings = document["findings"].as_array().unwrap();
    let of_rule = |f: &&Value| f["rule"] == "operation-inconsistent";
    assert_eq!(findings.iter().filter(of_rule).count(), 0);
}

#[test]
fn a_next_row_id_that_falls_is_a_warning() {
    let document = json(&["testdata/history/next-row-id-lower-2.2", "--all-versions"]);
    let findings = document["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    assert_eq!(findings[0]["rule"], "operation-inconsistent");
    assert_eq!(findings[0]["severity"], "warning");
    let message = findings[0]["message"].as_str().unwrap();
    assert!(message.contains("version 3 (Delete)"), "{message}");
}

#[test]
fn a_branch_on_record_without_versions_is_not_called_unknown() {
    let lost = lint(&[
        "testdata/broken/branch-folder-missing-2.1",
        "--branch",
        "dev",
    ]);
    assert_eq!(lost.status.code(), Some(2));
    let text = stderr(&lost);
    assert!(text.contains("on record in _refs/branches"), "{text}");
    assert!(text.contains("tree/dev/_versions"), "{text}");
    let moved = "testdata/broken/branch-of-moved-dataset-2.1";
    let document = json(&[moved, "--branch", "dev"]);
    let findings = document["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{findings:#?}");
    let cause = findings[0]["cause"].as_str().unwrap();
    assert!(cause.contains("the dataset was moved"), "{cause}");
}

#[test]
fn a_manifest_that_cannot_be_read_does_not_hide_the_others() {
    let scratch = tempfile::tempdir().unwrap();
    let dataset = scratch.path().join("d.lance");
    copy(&root().join(SWAPPED), &dataset);
    // Version 2, among others before and after it.
    fs::write(dataset.join("_versions/18446744073709551613.manifest"), b"").unwrap();
    let document = json(&[dataset.to_str().unwrap(), "--all-versions"]);
    let findings = document["findings"].as_array().unwrap();
    let rules: Vec<&str> = findings.iter().filter_map(|f| f["rule"].as_str()).collect();
    assert!(
        rules.contains(&"manifest-unreadable") && rules.contains(&"fields-swapped"),
        "{rules:?}"
    );
    let broken = findings
        .iter()
        .find(|f| f["rule"] == "manifest-unreadable")
        .unwrap();
    assert_eq!(broken["since"]["version"], 2);
}

#[test]
fn differences_are_named() {
    let tagged = lint(&[
        "diff",
        &format!("{SWAPPED}@before"),
        &format!("{SWAPPED}@3"),
    ]);
    assert_eq!(tagged.status.code(), Some(0));
    golden("history/diff.txt", &stdout(&tagged));
    let same = lint(&["diff", SWAPPED, SWAPPED, "--exit-code"]);
    assert_eq!(same.status.code(), Some(0), "{}", stdout(&same));
    assert!(stdout(&same).contains("no difference"));
    let other = lint(&["diff", &format!("{SWAPPED}@1"), SWAPPED, "--exit-code"]);
    assert_eq!(other.status.code(), Some(1));
    let missing = lint(&["diff", SWAPPED, &format!("{SWAPPED}@77")]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(
        stderr(&missing).contains("has no version 77"),
        "{}",
        stderr(&missing)
    );
}

#[test]
fn what_is_the_same_in_many_fragments_is_told_once() {
    let at = |version: u64| format!("testdata/history/added-columns-2.1@{version}");
    let text = |from, to| stdout(&lint(&["diff", &at(from), &at(to)]));
    let added = text(5, 6);
    let files = "  ~ 5 fragments (0 to 4): 1 data file added, with `sum`\n";
    assert!(added.contains(files), "{added}");
    assert!(
        added.contains("KiB → ") && !added.contains(".lance ["),
        "{added}"
    );
    let deleted = text(6, 7);
    assert!(
        deleted.contains("  ~ 5 fragments (0 to 4): 5 more rows deleted\n"),
        "{deleted}"
    );
    let appended = text(1, 5);
    assert!(
        appended.contains("  + 4 fragments (1 to 4): 12 rows\n"),
        "{appended}"
    );
    // A few are told one by one, and so are all in JSON.
    assert!(text(1, 3).contains("  + fragment 1: 3 rows\n"));
    let document = json(&["diff", &at(5), &at(6)]);
    let changes = document["changes"].as_array().unwrap();
    let of_fragments = changes.iter().filter(|c| c["section"] == "fragments");
    assert_eq!(of_fragments.count(), 5, "{changes:#?}");
}

#[test]
fn two_datasets_and_two_files_can_be_compared() {
    let (old, new) = (
        "testdata/clean/by-pylance-14.0.2-2.0",
        "testdata/clean/by-pylance-14.0.2-2.1",
    );
    let document = json(&["diff", old, new]);
    let changes = document["changes"].as_array().unwrap();
    let of = |section: &str| changes.iter().filter(|c| c["section"] == section).count();
    assert!(of("encodings") > 10 && of("fragments") == 0, "{changes:#?}");
    let file = |dataset: &str| {
        let mut entries = fs::read_dir(root().join(dataset).join("data")).unwrap();
        entries
            .next()
            .unwrap()
            .unwrap()
            .path()
            .to_str()
            .unwrap()
            .to_string()
    };
    let document = json(&["diff", &file(old), &file(new)]);
    let changes = document["changes"].as_array().unwrap();
    assert!(
        changes.iter().any(|c| c["what"] == "file versions"),
        "{changes:#?}"
    );
}

#[test]
fn what_no_version_names_is_an_orphan() {
    let scratch = tempfile::tempdir().unwrap();
    let dataset = scratch.path().join("d.lance");
    copy(&root().join(SWAPPED), &dataset);
    let place = |path: &str, age_days: u64| {
        let path = dataset.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let file = fs::File::create(&path).unwrap();
        file.set_len(100).unwrap();
        let age = Duration::from_secs(age_days * 24 * 3600);
        file.set_modified(SystemTime::now() - age).unwrap();
    };
    place("data/old.lance", 30);
    place("data/old/0.blob", 30);
    place("_deletions/0-1-2.arrow", 8);
    place("_indices/1f0c1a52-0000-4000-8000-000000000000/index.idx", 9);
    place("_transactions/1-x.txn", 1);
    place("_versions/7.manifest.tmp", 1);
    place("tree/trial/one/data/of-branch.lance", 30);
    let document = json(&["orphans", dataset.to_str().unwrap()]);
    let orphans: Vec<(&str, &str, bool)> = document["orphans"]
        .as_array()
        .unwrap()
        .iter()
        .map(|orphan| {
            (
                orphan["path"].as_str().unwrap(),
                orphan["kind"].as_str().unwrap(),
                orphan["may_be_in_flight"].as_bool().unwrap(),
            )
        })
        // The file of a write that was never committed.
        .filter(|(path, ..)| !path.starts_with("data/0"))
        .collect();
    assert_eq!(
        orphans,
        [
            ("_deletions/0-1-2.arrow", "deletion", false),
            (
                "_indices/1f0c1a52-0000-4000-8000-000000000000/index.idx",
                "index",
                false
            ),
            ("_transactions/1-x.txn", "transaction", true),
            ("_versions/7.manifest.tmp", "manifest", true),
            ("data/old.lance", "data", false),
            ("data/old/0.blob", "blob sidecar", false),
            ("tree/trial/one/data/of-branch.lance", "data", false),
        ]
    );
    let text = stdout(&lint(&["orphans", dataset.to_str().unwrap()]));
    assert!(text.contains("8 orphans"), "{text}");
}

#[test]
fn what_an_unreadable_manifest_names_is_not_to_be_removed() {
    let scratch = tempfile::tempdir().unwrap();
    let dataset = scratch.path().join("d.lance");
    copy(&root().join(SWAPPED), &dataset);
    fs::write(dataset.join("_versions/18446744073709551612.manifest"), b"").unwrap();
    let text = stdout(&lint(&["orphans", dataset.to_str().unwrap()]));
    assert!(
        text.contains("18446744073709551612.manifest cannot be read"),
        "{text}"
    );
    assert!(!text.contains("cleanup_old_versions"), "{text}");
    let lost = lint(&["orphans", "testdata/broken/no-versions-2.1"]);
    assert_eq!(lost.status.code(), Some(2));
    assert!(
        stderr(&lost).contains("no manifest of"),
        "{}",
        stderr(&lost)
    );
}

#[test]
fn nothing_that_a_version_names_is_an_orphan() {
    for fixture in [
        "blob-v2-sidecar-2.2",
        "op-btree-index-2.1",
        "op-tag-branch-2.1",
        "op-delete-bitmap-2.2",
    ] {
        let document = json(&["orphans", &format!("testdata/clean/{fixture}")]);
        let orphans = document["orphans"].as_array().unwrap();
        assert!(orphans.is_empty(), "{fixture}: {orphans:#?}");
    }
}
