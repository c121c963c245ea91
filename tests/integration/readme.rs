//! The README and the pages of `docs/` show what the program really prints.
use crate::common::{lint, root, stdout};

/// Most lines of the README, so that a stranger reads it in a minute.
const MAX_README_LINES: usize = 150;

#[test]
fn the_readme_is_short_and_shows_real_output() {
    let output = stdout(&lint(&["testdata/daft-blob.lance"]));
    let shown = format!(
        "```text\n$ lance-lint testdata/daft-blob.lance\n{}```\n",
        demo(&output)
    );
    let text = compare("README.md", "seed", &shown);
    assert!(text.lines().count() <= MAX_README_LINES);
}

#[test]
fn the_guides_show_real_output() {
    let inspect = ["inspect", "testdata/daft-blob.lance", "--column", "blob"];
    let inspect = format!("```text\n{}```\n", stdout(&lint(&inspect)));
    compare("docs/usage.md", "inspect", &inspect);
    let dataset = "testdata/panics/datasets/two-faults";
    let log = "testdata/panics/two-faults/caption.txt";
    let diagnose = stdout(&lint(&["diagnose", dataset, "--log", log]));
    let diagnose = format!("```text\n$ lance-lint diagnose {dataset} < panic.txt\n{diagnose}```\n");
    compare("docs/diagnose.md", "diagnose", &diagnose);
}

/// The table, the first finding with its first reader and its first fix, and the last line but for
/// the time; `…` stands for what is left out.
fn demo(output: &str) -> String {
    let mut text = String::new();
    let mut seen = Vec::new();
    let mut shows = true;
    let mut is_left_out = false;
    for line in output.lines() {
        let label = line
            .strip_prefix("   = ")
            .and_then(|rest| rest.split_once(':'));
        if let Some((label, _)) = label {
            shows = matches!(label, "reader" | "help") && !seen.contains(&label);
            seen.push(label);
        } else if line.starts_with("   |") {
            shows = false;
        } else if !line.starts_with("     ") {
            shows = true;
        }
        if shows {
            let line = match line.rsplit_once(" · ") {
                Some((rest, _)) if line.contains(" · read ") => rest,
                _ => line,
            };
            text.push_str(&format!("{line}\n"));
        } else if !is_left_out {
            text.push_str("   …\n");
        }
        is_left_out = !shows;
    }
    text
}

/// Compares the section of a page with what it has to be, or writes it; the page.
fn compare(page: &str, name: &str, content: &str) -> String {
    let path = root().join(page);
    let known = std::fs::read_to_string(&path).expect(page);
    let text = section(&known, name, content);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, &text).expect("written");
        return text;
    }
    assert_eq!(known, text, "{page} differs; BLESS=1 writes it again");
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
