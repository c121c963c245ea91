//! Runs that end before all is looked at: what was learnt is there, and is said to be a part.
use crate::common::{lint, stderr, stdout};
use serde_json::Value;

/// Three fragments of one data file each.
const DATASET: &str = "testdata/clean/blob-v1-three-fragments-2.0";

fn report(options: &[&str]) -> Value {
    let output = lint(&[&[DATASET, "--format", "json"], options].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    serde_json::from_slice(&output.stdout).expect("a JSON report")
}

fn number(report: &Value, pointer: &str) -> u64 {
    report
        .pointer(pointer)
        .and_then(Value::as_u64)
        .expect(pointer)
}

#[test]
fn a_limit_ends_the_run_and_leaves_what_was_learnt() {
    let whole = report(&[]);
    assert_eq!(whole.pointer("/summary/stopped"), None);
    assert_eq!(number(&whole, "/subjects/0/fragments"), 3);
    for (option, counted, reason) in [
        ("--max-requests", "/summary/requests", "max-requests"),
        ("--max-bytes", "/summary/bytes_read", "max-bytes"),
    ] {
        let all = number(&whole, counted);
        let part = report(&[option, &(all - 1).to_string()]);
        assert_eq!(part["summary"]["stopped"], reason);
        assert!(number(&part, counted) < all);
        assert!(number(&part, "/subjects/0/fragments") < 3);
        let note = part["subjects"][0]["notes"][0].as_str().expect("a note");
        let said = format!("stopped by {option} {}: looked at: ", all - 1);
        assert!(
            note.starts_with(&said) && note.ends_with(" of 3 fragments"),
            "{note}"
        );
        assert_eq!(part["findings"], Value::Array(Vec::new()));
        // Enough is as good as none.
        let enough = report(&[option, &all.to_string()]);
        assert_eq!(enough, whole);
    }
}

#[test]
fn what_is_not_looked_at_is_not_called_empty() {
    let requests = number(&report(&[]), "/summary/requests") - 3;
    let output = lint(&[DATASET, "--max-requests", &requests.to_string()]);
    let text = stdout(&output);
    assert!(
        text.contains("0 of 3 fragments") && text.contains("not looked at"),
        "{text}"
    );
}

#[test]
fn later_paths_are_said_to_be_left_out() {
    let requests = number(&report(&[]), "/summary/requests");
    let limit = requests.to_string();
    let output = lint(&[
        DATASET,
        "testdata/daft-blob.lance",
        "--max-requests",
        &limit,
    ]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stdout(&output).contains("blob-v1-three-fragments-2.0"));
    let said = stderr(&output);
    assert!(
        said.contains(&format!("stopped by --max-requests {limit} before")),
        "{said}"
    );
}

#[test]
fn a_time_that_is_none_is_refused() {
    for time in ["0s", "soon", ""] {
        let output = lint(&[DATASET, "--timeout", time]);
        assert_eq!(output.status.code(), Some(2), "{time}");
        assert!(stderr(&output).contains("such as 30s or 5m"), "{time}");
    }
    // Time enough changes nothing.
    assert_eq!(report(&["--timeout", "1h"]), report(&[]));
}

#[test]
fn half_a_comparison_is_none() {
    for arguments in [
        &[
            "inspect",
            DATASET,
            "--column",
            "blob",
            "--max-requests",
            "1",
        ][..],
        &[
            "diff",
            DATASET,
            "testdata/daft-blob.lance",
            "--max-requests",
            "2",
        ],
        &["orphans", DATASET, "--max-bytes", "10"],
        &["bundle", DATASET, "-o", "-", "--max-requests", "1"],
    ] {
        let output = lint(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert_eq!(stdout(&output), "", "{arguments:?}");
        assert!(
            stderr(&output).contains("stopped by --max-"),
            "{arguments:?}"
        );
    }
}
