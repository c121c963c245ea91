//! The README shows what the program really prints, and every rule there is.
#![allow(clippy::expect_used, clippy::panic)]

mod common;

use common::{lint, root, stdout};
use lance_lint::rules::RULES;

#[test]
fn the_readme_shows_real_output_and_every_rule() {
    let path = root().join("README.md");
    let known = std::fs::read_to_string(&path).expect("a README");
    // Timings differ from run to run; a reader sees a typical one.
    let seed = stdout(&lint(&["testdata/daft-blob.lance"]));
    let seed: Vec<&str> = seed
        .lines()
        .map(|line| {
            line.rsplit_once(" · ")
                .filter(|_| line.contains(" · read "))
                .map_or(line, |(rest, _)| rest)
        })
        .collect();
    let inspect = stdout(&lint(&[
        "inspect",
        "testdata/daft-blob.lance",
        "--column",
        "blob",
    ]));
    let mut text = section(
        &known,
        "seed",
        &format!(
            "```text\n$ lance-lint testdata/daft-blob.lance\n{}\n```\n",
            seed.join("\n")
        ),
    );
    text = section(&text, "inspect", &format!("```text\n{inspect}```\n"));
    let diagnose = stdout(&lint(&[
        "diagnose",
        "testdata/panics/datasets/two-faults",
        "--log",
        "testdata/panics/two-faults/caption.txt",
    ]));
    let diagnose = format!(
        "```text\n$ lance-lint diagnose testdata/panics/datasets/two-faults < panic.txt\n{diagnose}```\n"
    );
    text = section(&text, "diagnose", &diagnose);
    text = section(&text, "rules", &rules());
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).expect("written");
        return;
    }
    assert_eq!(known, text, "README.md differs; BLESS=1 writes it again");
}

fn rules() -> String {
    let mut text = String::from("| rule | severity | what is wrong |\n|---|---|---|\n");
    for rule in RULES {
        let info = rule.info();
        text.push_str(&format!(
            "| [`{}`](docs/rules/{}.md) | {} | {} |\n",
            info.id, info.id, info.severity, info.summary
        ));
    }
    text
}

/// Puts `content` between `<!-- name -->` and `<!-- /name -->`.
fn section(text: &str, name: &str, content: &str) -> String {
    let (open, close) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = text
        .split_once(&open)
        .unwrap_or_else(|| panic!("no {open}"));
    let (_, after) = rest
        .split_once(&close)
        .unwrap_or_else(|| panic!("no {close}"));
    format!("{before}{open}{content}{close}{after}")
}
