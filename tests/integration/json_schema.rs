//! The JSON Schema that is checked in is that of the structures, and real output follows it.
use crate::common::{fixtures, lint, root, stdout};
use serde_json::Value;

#[test]
fn the_schemas_that_are_checked_in_are_those_of_the_structures() {
    let schemas = [
        (
            "docs/report.schema.json",
            lance_lint::report::json::json_schema(),
        ),
        (
            "docs/report-line.schema.json",
            lance_lint::report::json_lines::json_schema(),
        ),
        (
            "docs/diagnose.schema.json",
            lance_lint::report::diagnose::json_schema(),
        ),
        (
            "docs/split.schema.json",
            lance_lint::report::split::json_schema(),
        ),
        (
            "docs/rules.schema.json",
            lance_lint::report::rules::json_schema(),
        ),
    ];
    for (name, schema) in schemas {
        let schema = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        let path = root().join(name);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, &schema).unwrap();
        }
        let known = std::fs::read_to_string(&path).expect("the schema is checked in");
        assert_eq!(known, schema, "{name} differs; BLESS=1 writes it again");
    }
}

#[test]
fn real_output_follows_the_schema() {
    let schema: Value = serde_json::to_value(lance_lint::report::json::json_schema()).unwrap();
    let validator = jsonschema::validator_for(&schema).expect("a valid schema");
    for fixture in fixtures() {
        let document: Value = serde_json::from_str(&stdout(&lint(&[&fixture, "--format", "json"])))
            .expect("valid JSON");
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{fixture}: {errors:?}");
        let findings = document["findings"].as_array().expect("findings");
        for key in [
            "rule",
            "severity",
            "message",
            "location",
            "expected",
            "found",
            "reader_message",
            "help",
            "count",
        ] {
            assert!(
                findings.iter().all(|finding| finding.get(key).is_some()),
                "{fixture}: {key}"
            );
        }
    }
}

#[test]
fn numbers_beyond_two_to_the_53rd_survive() {
    use lance_lint::report::json::Value as Parameter;
    let text = serde_json::to_string(&Parameter::Number(u64::MAX)).unwrap();
    assert_eq!(text, "18446744073709551615");
}
