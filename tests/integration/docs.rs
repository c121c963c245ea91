//! `docs/rules/` is made from the rules, and says what they say.
use std::collections::BTreeMap;
use std::path::Path;

use crate::common::{broken_fixtures, fixtures, lint, root, stdout};
use lance_lint::finding::Severity;
use lance_lint::rules::{explanation, explanations, known_bug};
use serde_json::Value;

#[test]
fn every_rule_has_its_page() {
    let folder = root().join("docs/rules");
    let examples = examples();
    let mut pages = BTreeMap::new();
    for rule in explanations() {
        let text: Vec<&str> = rule
            .text
            .lines()
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        let mut page = format!(
            "# {}\n\n{}: {}.\n\n{}\n",
            rule.id,
            capital(rule.severity.word()),
            rule.summary,
            text.join("\n").trim()
        );
        if rule.id == "known-bug" {
            page.push_str("\n## The bugs\n\n");
            for id in known_bug::ids() {
                let bug = explanation(id).expect("a bug");
                page.push_str(&format!("* `{id}`: {}\n", bug.summary));
            }
            page.push_str("\n`lance-lint explain LL-0001` tells all about one.\n");
        }
        if let Some(example) = examples.get(rule.id) {
            page.push_str(&format!(
                "\n## What it looks like\n\n```text\n$ lance-lint -q {example}\n{}```\n",
                stdout(&lint(&["-q", example]))
            ));
        }
        pages.insert(format!("{}.md", rule.id), page);
    }
    let mut index = String::from("# Rules\n\n");
    for severity in Severity::ALL.into_iter().rev() {
        index.push_str(&format!("## {}s\n\n", capital(severity.word())));
        for rule in explanations().filter(|rule| rule.severity == severity) {
            index.push_str(&format!(
                "* [`{}`]({}.md): {}\n",
                rule.id, rule.id, rule.summary
            ));
        }
        index.push('\n');
    }
    pages.insert("README.md".to_string(), index.trim_end().to_string() + "\n");
    if std::env::var_os("BLESS").is_some() {
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        for (name, page) in &pages {
            std::fs::write(folder.join(name), page).unwrap();
        }
        return;
    }
    for (name, page) in &pages {
        let known = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert_eq!(
            &known, page,
            "docs/rules/{name} differs; BLESS=1 writes it again"
        );
    }
    for name in names(&folder) {
        assert!(pages.contains_key(&name), "docs/rules/{name} is of no rule");
    }
}

/// For each rule the fixture that shows it in the fewest words.
fn examples() -> BTreeMap<String, String> {
    let mut all: BTreeMap<String, (usize, String)> = BTreeMap::new();
    for fixture in broken_fixtures() {
        // Other paths than those of one dataset read badly.
        if !fixture.starts_with("testdata/broken/") && !fixture.ends_with("daft-blob.lance") {
            continue;
        }
        let text = stdout(&lint(&[&fixture, "--format", "json"]));
        let document: Value = serde_json::from_str(&text).expect("valid JSON");
        let findings = document["findings"].as_array().expect("findings");
        let [finding] = findings.as_slice() else {
            continue;
        };
        let rule = finding["rule"].as_str().expect("a rule").to_string();
        let known = all.entry(rule).or_insert((usize::MAX, String::new()));
        // The founding case is the example of its rule.
        let size = match fixture.ends_with("daft-blob.lance") {
            true => 0,
            false => stdout(&lint(&["-q", &fixture])).len(),
        };
        if size < known.0 {
            *known = (size, fixture);
        }
    }
    assert!(fixtures().len() > all.len());
    all.into_iter()
        .map(|(rule, (_, fixture))| (rule, fixture))
        .collect()
}

fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("docs/rules");
    entries
        .map(|entry| entry.unwrap().file_name().into_string().expect("UTF-8"))
        .collect()
}

#[test]
fn a_command_and_a_page_say_the_same() {
    for rule in explanations() {
        let output = lint(&["explain", rule.id]);
        assert_eq!(output.status.code(), Some(0));
        let text = stdout(&output);
        assert!(text.starts_with(&format!("{}[{}]: ", rule.severity, rule.id)));
        for heading in ["What readers do", "How it comes about", "How to fix it"] {
            assert!(
                text.lines().any(|line| line == heading),
                "{}: {heading}",
                rule.id
            );
        }
        assert!(
            !text.contains("```") && !text.contains("## "),
            "{}",
            rule.id
        );
    }
    for id in known_bug::ids() {
        let lower = id.to_lowercase();
        let text = stdout(&lint(&["explain", &lower]));
        assert!(text.contains(&format!("[{id}]")), "{text}");
    }
    let listed = stdout(&lint(&["rules"]));
    for rule in explanations() {
        assert!(listed.contains(rule.id) && listed.contains(rule.summary));
    }
    let listed: Value =
        serde_json::from_str(&stdout(&lint(&["rules", "--format", "json"]))).unwrap();
    let rules = listed["rules"].as_array().unwrap();
    assert_eq!(rules.len(), explanations().count());
    assert!(
        rules
            .iter()
            .all(|rule| rule["explanation"].as_str().unwrap().len() > 100)
    );
}
