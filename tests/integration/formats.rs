//! Every output format over the same findings: an error, a warning, an info, one that is about a
//! missing file, one about the dataset as a whole, and a dataset without any.
use std::collections::BTreeSet;
use std::process::Command;

use crate::common::{copy, fixtures, golden, lint, root, stderr, stdout, without_time};
use serde_json::Value;

const SAMPLE: [&str; 6] = [
    "testdata/daft-blob.lance",
    "testdata/broken/blob-key-false-2.0",
    "testdata/broken/asked-later-2.1",
    "testdata/broken/damaged-data-missing",
    "testdata/broken/field-ids-flag-without-maximum-2.1",
    "testdata/clean/blob-v1-three-fragments-2.1",
];

fn report(format: &str) -> String {
    let mut arguments = SAMPLE.to_vec();
    arguments.extend(["--format", format]);
    let output = lint(&arguments);
    assert_eq!(output.status.code(), Some(1), "{format}");
    assert_eq!(stderr(&output), "", "{format}");
    stdout(&output)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("valid JSON")
}

/// The findings that every format has to show: rule, severity, dataset.
fn expected() -> Vec<(String, String, String)> {
    let document = json(&report("json"));
    let findings = document["findings"].as_array().unwrap();
    let part = |value: &Value| value.as_str().unwrap().to_string();
    let all: Vec<_> = findings
        .iter()
        .map(|f| {
            (
                part(&f["rule"]),
                part(&f["severity"]),
                part(&f["location"]["subject"]),
            )
        })
        .collect();
    let severities: BTreeSet<&str> = all
        .iter()
        .map(|(_, severity, _)| severity.as_str())
        .collect();
    assert_eq!(severities.len(), 3, "the sample has all severities");
    all
}

#[test]
fn every_format_reads_as_it_did() {
    for format in [
        "concise",
        "json-lines",
        "sarif",
        "github",
        "gitlab",
        "junit",
    ] {
        golden(&format!("formats/{format}"), &report(format));
    }
    let mut arguments = SAMPLE.to_vec();
    arguments.push("--statistics");
    let statistics = without_time(&stdout(&lint(&arguments)));
    golden("formats/statistics", &statistics);
}

#[test]
fn concise_has_one_line_for_each_finding() {
    let text = report("concise");
    let expected = expected();
    assert_eq!(text.lines().count(), expected.len());
    for (line, (rule, severity, subject)) in text.lines().zip(&expected) {
        assert!(
            line.starts_with(&format!("{subject}: {severity}[{rule}] ")),
            "{line}"
        );
    }
}

#[test]
fn json_lines_hold_what_the_document_holds() {
    let lines: Vec<Value> = report("json-lines").lines().map(json).collect();
    let document = json(&report("json"));
    assert_eq!(lines[0]["type"], "run");
    assert_eq!(lines[0]["schema_version"], document["schema_version"]);
    let of = |kind: &str| -> Vec<Value> {
        let lines = lines.iter().filter(|line| line["type"] == kind);
        lines
            .map(|line| {
                let mut object = line.as_object().unwrap().clone();
                object.remove("type");
                Value::Object(object)
            })
            .collect()
    };
    assert_eq!(Value::Array(of("finding")), document["findings"]);
    assert_eq!(Value::Array(of("subject")), document["subjects"]);
    let last = lines.last().unwrap();
    assert_eq!(last["type"], "summary");
    assert_eq!(last["errors"], document["summary"]["errors"]);
    // A subject stands behind its findings, so that a reader knows when it has them all.
    let kinds: Vec<&str> = lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect();
    assert_eq!(kinds[1..3], ["finding", "subject"]);
}

#[test]
fn json_lines_follow_their_schema() {
    let schema = serde_json::to_value(lance_lint::report::json_lines::json_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    for line in report("json-lines").lines() {
        let errors: Vec<_> = validator
            .iter_errors(&json(line))
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{line}: {errors:?}");
    }
}

#[test]
fn sarif_has_what_code_scanning_needs() {
    let log = json(&report("sarif"));
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for rule in rules {
        for text in ["shortDescription", "fullDescription", "help"] {
            assert!(!rule[text]["text"].as_str().unwrap().is_empty(), "{rule}");
        }
        assert!(
            rule["help"]["markdown"]
                .as_str()
                .unwrap()
                .contains("## How to fix it")
        );
    }
    let results = run["results"].as_array().unwrap();
    let expected = expected();
    assert_eq!(results.len(), expected.len());
    let mut fingerprints = BTreeSet::new();
    for (result, (rule, severity, subject)) in results.iter().zip(&expected) {
        assert_eq!(result["ruleId"], rule.as_str());
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], rule.as_str());
        let level = if severity == "info" { "note" } else { severity };
        assert_eq!(result["level"], level);
        let location = &result["locations"][0]["physicalLocation"];
        let uri = location["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.starts_with(subject.as_str()), "{uri}");
        for edge in ["startLine", "startColumn", "endLine", "endColumn"] {
            assert_eq!(location["region"][edge], 1);
        }
        let fingerprint = result["partialFingerprints"]["primaryLocationLineHash"].as_str();
        assert!(fingerprints.insert(fingerprint.unwrap().to_string()));
    }
    let bytes = &results[0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(
        (&bytes["byteOffset"], &bytes["byteLength"]),
        (&0.into(), &82.into())
    );
}

#[test]
fn gitlab_gets_the_fields_that_it_requires() {
    let report = json(&report("gitlab"));
    let violations = report.as_array().unwrap();
    assert_eq!(violations.len(), expected().len());
    let mut fingerprints = BTreeSet::new();
    for violation in violations {
        assert!(violation["description"].is_string());
        assert!(fingerprints.insert(violation["fingerprint"].as_str().unwrap()));
        let severity = violation["severity"].as_str().unwrap();
        assert!(["info", "minor", "major", "critical", "blocker"].contains(&severity));
        assert!(violation["location"]["lines"]["begin"].is_u64());
        let path = violation["location"]["path"].as_str().unwrap();
        assert!(!path.starts_with('/') && !path.starts_with("./"), "{path}");
    }
}

#[test]
fn github_commands_are_one_line_each_and_escaped() {
    let text = report("github");
    let expected = expected();
    assert_eq!(text.lines().count(), expected.len());
    for (line, (rule, severity, subject)) in text.lines().zip(&expected) {
        let command = if severity == "info" {
            "notice"
        } else {
            severity
        };
        let rest = line
            .strip_prefix(&format!("::{command} file="))
            .expect(line);
        let (properties, message) = rest.split_once("::").expect(line);
        assert!(properties.starts_with(subject.as_str()), "{line}");
        assert!(
            properties.ends_with(&format!(",title=lance-lint {rule}")),
            "{line}"
        );
        assert!(message.contains("%0A"), "{line}");
    }
}

#[test]
fn junit_counts_what_it_holds() {
    let text = report("junit");
    let count = |what: &str| text.matches(what).count();
    assert_eq!(count("<testsuite "), SAMPLE.len());
    assert_eq!(count("<failure "), 3);
    assert!(text.contains("failures=\"3\""), "{text}");
    // Five findings, and a case for the dataset without one.
    assert_eq!(count("<testcase "), expected().len() + 1);
    let mut arguments = SAMPLE.to_vec();
    arguments.extend(["--format", "junit", "--fail-on", "info"]);
    let strict = stdout(&lint(&arguments));
    assert_eq!(strict.matches("<failure ").count(), expected().len());
}

#[test]
fn formats_hold_out_against_every_fixture() {
    for fixture in fixtures() {
        for format in ["sarif", "gitlab", "json-lines"] {
            let text = stdout(&lint(&[&fixture, "--format", format]));
            let parts = match format {
                "json-lines" => text.lines().collect(),
                _ => vec![text.as_str()],
            };
            for part in parts {
                assert!(
                    serde_json::from_str::<Value>(part).is_ok(),
                    "{fixture}: {format}"
                );
            }
        }
    }
}

#[test]
fn a_fingerprint_outlives_a_rewrite_of_the_data() {
    let scratch = tempfile::tempdir().unwrap();
    let fingerprints = |dataset: &str| -> Vec<String> {
        let output = Command::new(env!("CARGO_BIN_EXE_lance-lint"))
            .args([dataset, "--format", "gitlab"])
            .current_dir(scratch.path())
            .output()
            .unwrap();
        let report = json(&String::from_utf8(output.stdout).unwrap());
        let all = report.as_array().unwrap().iter();
        all.map(|one| one["fingerprint"].as_str().unwrap().to_string())
            .collect()
    };
    // The same fault in one fragment and in three, in files of other names.
    let one = scratch.path().join("images.lance");
    copy(&root().join("testdata/broken/blob-plain-2.1"), &one);
    let before = fingerprints("images.lance");
    std::fs::remove_dir_all(&one).unwrap();
    copy(
        &root().join("testdata/broken/blob-plain-three-fragments-2.1"),
        &one,
    );
    assert_eq!(before, fingerprints("images.lance"));
    assert_eq!(before.len(), 1);
    let elsewhere = scratch.path().join("other.lance");
    copy(&one, &elsewhere);
    assert_ne!(before, fingerprints("other.lance"));
}

#[test]
fn several_outputs_at_once() {
    let scratch = tempfile::tempdir().unwrap();
    let sarif = scratch.path().join("out.sarif");
    let junit = scratch.path().join("out.xml");
    let (to_sarif, to_junit) = (
        format!("sarif={}", sarif.display()),
        format!("junit={}", junit.display()),
    );
    let dataset = "testdata/daft-blob.lance";
    let output = lint(&[
        dataset,
        "--format",
        "concise",
        "--output-file",
        &to_sarif,
        "--output-file",
        &to_junit,
    ]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stdout(&output).lines().count(), 1);
    let alone = |format| stdout(&lint(&[dataset, "--format", format]));
    assert_eq!(std::fs::read_to_string(&sarif).unwrap(), alone("sarif"));
    assert_eq!(std::fs::read_to_string(&junit).unwrap(), alone("junit"));
    // Without a format before it, the file takes the place of standard output.
    let text = scratch.path().join("out.txt");
    let output = lint(&[
        dataset,
        "--color",
        "always",
        "--output-file",
        text.to_str().unwrap(),
    ]);
    assert_eq!(stdout(&output), "");
    let text = std::fs::read_to_string(&text).unwrap();
    assert!(text.contains("error[blob-stored-plain]") && !text.contains('\u{1b}'));
    let output = lint(&[dataset, "--output-file", "no/such/folder/x"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("lance-lint: cannot write no/such/folder/x: "));
}
