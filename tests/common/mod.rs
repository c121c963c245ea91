//! What the tests share: the fixtures, the binary, and golden files.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The repository's root. Paths in golden files are relative to it.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs the real binary from the repository's root, without colour.
pub fn lint(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lance-lint"))
        .args(arguments)
        .current_dir(root())
        .env_remove("CLICOLOR_FORCE")
        .env_remove("NO_COLOR")
        .env_remove("COLUMNS")
        .output()
        .expect("the binary runs")
}

/// Standard output as text.
pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("output is UTF-8")
}

/// Standard error as text.
pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("output is UTF-8")
}

/// Every dataset below `testdata/`, as paths from the root, sorted.
pub fn fixtures() -> Vec<String> {
    let mut found = Vec::new();
    for group in ["testdata", "testdata/broken", "testdata/clean"] {
        collect(group, &mut found, 0);
    }
    found.sort();
    found.dedup();
    assert!(found.len() > 100, "fixtures are missing: {found:?}");
    found
}

fn collect(directory: &str, found: &mut Vec<String>, depth: u32) {
    for entry in std::fs::read_dir(root().join(directory)).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let path = format!("{directory}/{name}");
        let full = root().join(&path);
        let is_dataset = ["_versions", "data", "_latest.manifest"]
            .iter()
            .any(|part| full.join(part).exists());
        if is_dataset {
            found.push(path);
        } else if full.is_dir() && depth < 1 && directory != "testdata" {
            // A fixture of several datasets.
            collect(&path, found, depth + 1);
        } else if full.is_file() && name.ends_with(".lance") {
            found.push(path);
        }
    }
}

/// Fixtures that are healthy.
pub fn clean_fixtures() -> Vec<String> {
    let all = fixtures().into_iter();
    all.filter(|path| path.starts_with("testdata/clean/"))
        .collect()
}

/// Fixtures in which something is wrong. The second dataset of a fixture may be a healthy
/// source of the first.
pub fn broken_fixtures() -> Vec<String> {
    let all = fixtures().into_iter();
    all.filter(|path| !path.starts_with("testdata/clean/") && !path.ends_with("/source.lance"))
        .collect()
}

/// Holds text against a golden file; `BLESS=1` writes it again.
pub fn golden(name: &str, text: &str) {
    let path: PathBuf = root().join("tests/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        return;
    }
    let known = std::fs::read_to_string(&path)
        .unwrap_or_else(|_| panic!("{} is missing: run with BLESS=1", path.display()));
    assert_eq!(
        known,
        text,
        "{} differs; BLESS=1 writes it again",
        path.display()
    );
}

/// Takes out what differs from run to run: how long it took.
pub fn without_time(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match line.rsplit_once(" · ") {
            Some((rest, time)) if time.ends_with(" ms") && line.contains(" · read ") => {
                lines.push(format!("{rest} · TIME"));
            }
            _ => lines.push(line.to_string()),
        }
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Copies a folder and all that is in it.
pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => copy(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}
